//! `anju demo`: fills a demo centre over its own doors: firms with clerks, people with phones whom the departments know, months of
//! contributions. Who is who is kept for `anju logins`.

use std::collections::HashSet;
use std::io::ErrorKind;

use anju_domain::calendar::{Month, add_months};
use anju_domain::clock::{Clock, shanghai_date};
use anyhow::{Context, ensure};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::cast::play::{self, Part, Player};
use crate::cast::table::{Notice, Table, typed};
use crate::cast::{self, Farewell, Firm, Person};
use crate::command::life::Life;
use crate::config::Config;
use crate::doors::Doors;
use crate::start::office;

/// How much is filled in.
#[derive(Debug, Clone, clap::Args)]
pub struct Size {
    /// 单位数
    #[arg(long, default_value_t = 2)]
    pub employers: u32,
    /// 每个单位的职工数
    #[arg(long, default_value_t = 8)]
    pub employees: u32,
    /// 年数：1 年补登过去十二个月；多于 1 年就从今天起逐日过完这些年，每天日结，时钟停在最后一天
    #[arg(long, default_value_t = 1)]
    pub years: u32,
    /// 同一个种子得到同样的人
    #[arg(long, default_value_t = 1)]
    pub seed: u32,
    /// 提取的演示人物：每一种提取，能办的一人、每条条件不符合的各一人、等部门回复的一人（两百多人）
    #[arg(long)]
    pub refusals: bool,
}

/// Who can log in at a demo centre beside its staff.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct People {
    /// Clerks: firm, credit code, phone.
    pub clerks: Vec<(String, String, String)>,
    /// Employees.
    pub employees: Vec<Employee>,
    /// The cast of withdrawals, where it was asked for.
    #[serde(default)]
    pub withdrawals: Vec<Withdrawer>,
}

/// Somebody of the cast of withdrawals: who he is, what to try with his login, what will be said.
#[derive(Debug, Serialize, Deserialize)]
pub struct Withdrawer {
    /// What he asks for.
    pub kind: String,
    /// Where: `/my/do/withdraw-rent`.
    pub page: String,
    /// Name.
    pub name: String,
    /// 证件号码.
    pub id_no: String,
    /// Where his codes arrive.
    pub phone: String,
    /// 银行卡号.
    pub card_no: String,
    /// The condition that is not met; empty where all are.
    pub condition: String,
    /// What is the matter with him.
    pub note: String,
    /// What is filled in, by field.
    pub fill: Vec<(String, String)>,
    /// What he is told.
    pub says: String,
    /// What has to be done first.
    pub first: String,
}

/// An employee who can log in, with the card that his bank knows.
#[derive(Debug, Serialize, Deserialize)]
pub struct Employee {
    /// Name.
    pub name: String,
    /// 证件号码.
    pub id_no: String,
    /// Where his codes arrive.
    pub phone: String,
    /// 银行卡号.
    pub card_no: String,
    /// What is special about him.
    pub note: String,
}

/// Months that are filled of each year asked for.
const MONTHS: i32 = 12;

/// Names of the demo's people; after the last the first comes again.
const NAMES: [&str; 12] = [
    "李梅",
    "王强",
    "赵敏",
    "刘洋",
    "陈晨",
    "杨帆",
    "黄蓉",
    "周涛",
    "吴桐",
    "欧阳小明",
    "阿依古丽·买买提",
    "马骏",
];

/// What is known of the first of each firm.
const NOTES: [&str; 8] = [
    "租住备案，月租 1,200.00",
    "本市有 1 套住房",
    "建设银行房贷，已签约定提取；时钟拨到下月 5 日以后办上一期",
    "全款购房，总价 300,000.00",
    "商贷购房，首付 200,000.00",
    "翻建自有住房，预算 80,000.00",
    "老旧小区加装电梯，分摊 30,000.00",
    "建设银行房贷，已办还贷提取",
];

/// The file that keeps who is who.
pub fn file(config: &Config) -> std::path::PathBuf {
    config.home.join("demo-people.json")
}

impl People {
    /// Who was filled before; nobody where nothing was.
    fn before(config: &Config) -> anyhow::Result<Self> {
        match std::fs::read(file(config)) {
            Ok(bytes) => serde_json::from_slice(&bytes).context("demo-people.json 读不懂"),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).context("读不了 demo-people.json"),
        }
    }

    /// Adds others; who stands there already is told of as he is now.
    fn add(&mut self, more: Self) {
        let clerks: HashSet<&str> = more.clerks.iter().map(|one| one.1.as_str()).collect();
        self.clerks.retain(|one| !clerks.contains(one.1.as_str()));
        let ids = more.employees.iter().map(|one| one.id_no.as_str());
        let employees: HashSet<&str> = ids.collect();
        self.employees
            .retain(|one| !employees.contains(one.id_no.as_str()));
        let ids = more.withdrawals.iter().map(|one| one.id_no.as_str());
        let withdrawals: HashSet<&str> = ids.collect();
        self.withdrawals
            .retain(|one| !withdrawals.contains(one.id_no.as_str()));
        self.clerks.extend(more.clerks);
        self.employees.extend(more.employees);
        self.withdrawals.extend(more.withdrawals);
    }
}

/// Fills the centre; one that was filled with this seed is left alone. Who is there stands in the file even where the rest did not succeed.
///
/// # Errors
/// A size that cannot be, doors that refuse, a file that cannot be written.
pub async fn run(config: &Config, size: &Size) -> anyhow::Result<()> {
    let mut people = People::before(config)?;
    let mut filled = People::default();
    let outcome = fill_all(config, size, &mut filled).await;
    people.add(filled);
    std::fs::write(file(config), serde_json::to_vec_pretty(&people)?)
        .context("写不了 demo-people.json")?;
    outcome
}

async fn fill_all(config: &Config, size: &Size, people: &mut People) -> anyhow::Result<()> {
    ensure!(config.demo, "只有演示中心可以填充演示数据");
    ensure!(size.years <= 20, "--years 最多为 20");
    ensure!(
        (1..=50_000).contains(&size.employees),
        "--employees 应在 1 到 50000 之间"
    );
    // Each firm has a thousand numbers for its people, or as many as it needs; a seed has ten million.
    let step = i64::from(size.employees.div_ceil(10)).max(100);
    ensure!(
        i64::from(size.employers) * step <= 1_000_000,
        "单位数乘以职工数不能超过一千万（每个单位至少按一千人算）"
    );
    let doors = Doors::of(config)?;
    let mut lives = Vec::new();
    for number in 0..size.employers {
        let place = place_of_firm(size.seed, number, step);
        let firm = cast::firm(
            &format!(
                "重庆演示科技有限公司{}",
                i64::from(size.seed) * 1_000 + i64::from(number) + 1
            ),
            place,
        )?;
        let employees = (0..size.employees)
            .map(|n| {
                let name = NAMES[(n as usize) % NAMES.len()];
                cast::person(
                    name,
                    place,
                    i64::from(n),
                    300_000 + 100_000 * i64::from((n * 7 + number * 3) % 25),
                )
            })
            .collect::<anyhow::Result<Vec<Person>>>()?;
        if size.years > 1 {
            lives.push((firm.clone(), place, employees.clone()));
        } else {
            let months = i32::try_from(size.years)? * MONTHS;
            fill(config, &doors, &firm, &employees, months, &HOMES).await?;
        }
        people.clerks.push((firm.name, firm.uscc, firm.clerk_phone));
        let special = |place: usize| NOTES.get(place).copied().unwrap_or_default().to_owned();
        people
            .employees
            .extend(
                employees
                    .into_iter()
                    .enumerate()
                    .take(NOTES.len())
                    .map(|(place, one)| Employee {
                        name: one.name,
                        id_no: one.id,
                        phone: one.phone,
                        card_no: one.card,
                        note: special(place),
                    }),
            );
    }
    if lives.is_empty() && size.employers > 0 {
        let place = place_of_farewells(size.seed);
        people
            .employees
            .extend(farewells(config, &doors, place, i64::from(size.seed)).await?);
    }
    if size.refusals {
        people.withdrawals = withdrawals(config, &doors, place_of_cast(size.seed)).await?;
    }
    if !lives.is_empty() {
        let life = Life::begin(config, &doors, lives, u64::from(size.seed)).await?;
        let told = life.live(size.years * MONTHS.unsigned_abs()).await?;
        println!("过完了 {} 年：{told}", size.years);
    }
    Ok(())
}

/// Where a firm's people begin. Numbers of people come round after 1,200,000 places ([`cast::person`]), so that the places of firms, of those
/// who leave and of the cast must lie apart by more than what is left of such a division.
fn place_of_firm(seed: u32, number: u32, step: i64) -> i64 {
    i64::from(seed) * 1_000_000 + i64::from(number) * step + 500_000_000
}

fn place_of_farewells(seed: u32) -> i64 {
    490_140_000 + i64::from(seed) % 9_000_000
}

fn place_of_cast(seed: u32) -> i64 {
    470_950_000 + i64::from(seed % 100_000) * 100
}

/// One person for each way of closing an account: name, why, what anybody with his login may try. The second of each two is a woman by her
/// number, and of an age at which women retire.
const FAREWELLS: [(&str, Farewell, &str); 5] = [
    (
        "孙浩",
        Farewell::SettledAbroad,
        "已出境定居，可以办出境定居提取",
    ),
    ("郑秀英", Farewell::Retired, "已退休，可以办退休提取"),
    (
        "朱强",
        Farewell::MovedAway,
        "户口已迁到成都，可以办迁出提取",
    ),
    ("罗敏", Farewell::Disabled, "完全丧失劳动能力，可以办提取"),
    (
        "许刚",
        Farewell::LeftJob,
        "外地户籍，已离职封存，满六个月可以办离职提取",
    ),
];

/// A firm whose people have all left it, or are about to.
async fn farewells(
    config: &Config,
    doors: &Doors,
    place: i64,
    seed: i64,
) -> anyhow::Result<Vec<Employee>> {
    let firm = cast::firm(&format!("重庆演示岁月有限公司{seed}"), place)?;
    let people: Vec<Person> = FAREWELLS
        .iter()
        .zip(1..)
        .map(|((name, ..), at)| cast::person(name, place, at, 900_000))
        .collect::<anyhow::Result<_>>()?;
    if let Some(employer) = fill(config, doors, &firm, &people, MONTHS, &[]).await? {
        let yesterday = shanghai_date(office::clock(&config.home).now())
            .pred_opt()
            .context("一个日期")?;
        for (who, (_, why, _)) in people.iter().zip(&FAREWELLS) {
            cast::says_farewell(doors, who, *why, yesterday).await?;
            // Who retires is sealed by the closing itself.
            if *why != Farewell::Retired {
                cast::seal(doors, &employer, who).await?;
            }
        }
    }
    let told = people.into_iter().zip(&FAREWELLS);
    Ok(told
        .map(|(one, (_, _, note))| Employee {
            name: one.name,
            id_no: one.id,
            phone: one.phone,
            card_no: one.card,
            note: (*note).to_owned(),
        })
        .collect())
}

/// For each kind of withdrawal who gets it, who is refused for each condition, who waits for a source.
async fn withdrawals(
    config: &Config,
    doors: &Doors,
    place: i64,
) -> anyhow::Result<Vec<Withdrawer>> {
    let table = Table::read()?;
    let today = shanghai_date(office::clock(&config.home).now());
    let set_up = play::set_up(doors, &table, place, MONTHS, today).await?;
    let players = match set_up {
        Some(players) => players,
        // Filled before with this seed.
        None => play::players(&table, place, today)?,
    };
    println!("提取的演示人物：{} 人", players.len());
    players.iter().map(withdrawer).collect()
}

fn withdrawer(one: &Player) -> anyhow::Result<Withdrawer> {
    let waits = one.kind.waits.as_ref();
    let (note, says) = match (one.part, &one.row) {
        (Part::Refused, Some(row)) => (row.what.clone(), row.says.clone()),
        (Part::Waits, _) => (
            format!(
                "{}没有他的答复",
                waits.map_or("一个部门", |waits| waits.name.as_str())
            ),
            "没有回应；一到两分钟后再问，答复了马上接着办".to_owned(),
        ),
        _ if one.kind.third_agrees => (
            format!("另一名继承人是 {} {}", one.third.name, one.third.id),
            format!(
                "等 {} 登录后在“继承份额确认”里同意（手机 {}，卡 {}）",
                one.third.name, one.third.phone, one.third.card
            ),
        ),
        _ if one.kind.reviewed => (
            "条件都符合".to_owned(),
            "工作人员在看；通过后秒级到账".to_owned(),
        ),
        _ => ("条件都符合".to_owned(), "通过，秒级到账".to_owned()),
    };
    let mut first = String::new();
    if one.kind.reviewed && one.row.as_ref().is_some_and(|row| !row.before.is_empty()) {
        first = "在工作台通过他的前一笔".to_owned();
    }
    if one.channel() == "YKB" {
        "在渝快办里打开（浏览器标识里带 YuKuaiBan）".clone_into(&mut first);
    }
    if let Some(notice) = one.row.as_ref().and_then(|row| row.notice) {
        let what = match notice {
            Notice::Dispute => "继承争议",
            Notice::Unclaimed => "无人继承",
        };
        first = format!(
            "先在工作台的遗产登记里由两名柜员给 {} 登记{what}；{first}",
            one.other.id
        );
    }
    if one.comes_later() {
        first = format!("时钟拨后 {} 个月（anju clock）", one.kind.after_months);
        if one.row.as_ref().is_some_and(|row| !row.before.is_empty()) {
            first.push_str("，再替他先办前一件事");
        }
    }
    Ok(Withdrawer {
        kind: one.kind.name.clone(),
        page: format!("/my/do/{}", one.kind.service),
        name: one.who.name.clone(),
        id_no: one.who.id.clone(),
        phone: one.who.phone.clone(),
        card_no: one.who.card.clone(),
        condition: one.code().to_owned(),
        note,
        fill: typed(&one.form()?),
        says,
        first,
    })
}

/// The homes of a firm's first people.
const HOMES: [Home; 2] = [Home::Rents, Home::Owns];

#[derive(Clone, Copy)]
enum Home {
    Rents,
    Owns,
}

/// Months of a firm; its number, or none where it was filled before with this seed.
async fn fill(
    config: &Config,
    doors: &Doors,
    firm: &Firm,
    employees: &[Person],
    months: i32,
    homes: &[Home],
) -> anyhow::Result<Option<String>> {
    for person in employees {
        cast::register(doors, person).await?;
    }
    for (person, home) in employees.iter().zip(homes) {
        match home {
            Home::Rents => cast::rents(doors, person).await?,
            Home::Owns => cast::owns_home(doors, person).await?,
        }
    }
    let today = shanghai_date(office::clock(&config.home).now());
    own_homes(doors, employees, today).await?;
    let this_month = Month::of(today);
    let employer = match cast::open_firm(doors, firm, this_month.plus(-months)).await {
        Ok(employer) => employer,
        // Filled before with this seed.
        Err(error) if error.to_string().contains("E-EMPR-02") => return Ok(None),
        Err(error) => return Err(error),
    };
    for back in (1..=months).rev() {
        cast::contribute(doors, &employer, this_month.plus(-back), employees).await?;
    }
    let repaid: Vec<Month> = (1..=12).rev().map(|back| this_month.plus(-back)).collect();
    // One has agreed to be paid each month for his loan, another has claimed for hers.
    for (place, action) in [(2, Some("sign")), (7, None)] {
        let Some(borrower) = employees.get(place) else {
            continue;
        };
        cast::repays(doors, borrower, "B4", &repaid, 20_000).await?;
        let request = cast::loan_request(doors, borrower, "B4", action).await?;
        doors.post("/cases?wait=15s", &request).await?.ok()?;
    }
    println!("{}：{} 人，{months} 个月", firm.name, employees.len());
    Ok(Some(employer))
}

/// One who bought with own money, one with a bank's, one who rebuilds, one who shares an elevator: each may withdraw for it.
async fn own_homes(doors: &Doors, employees: &[Person], today: NaiveDate) -> anyhow::Result<()> {
    use cast::home::{borrows, has_title, invoiced, may_rebuild, shares_elevator, signs};
    let lately = add_months(today, -3).to_string();
    if let Some(buyer) = employees.get(3) {
        signs(doors, buyer, &lately, 30_000_000, 30_000_000).await?;
    }
    if let Some(borrower) = employees.get(4) {
        signs(doors, borrower, &lately, 60_000_000, 20_000_000).await?;
        borrows(doors, borrower, "B4", 40_000_000).await?;
    }
    if let Some(builder) = employees.get(5) {
        has_title(doors, builder, "2010-06-01", 20_000_000).await?;
        may_rebuild(doors, builder, "GH2026001", &lately, 8_000_000).await?;
        invoiced(doors, builder, &lately, 7_500_000).await?;
    }
    if let Some(neighbour) = employees.get(6) {
        has_title(doors, neighbour, "2005-03-01", 15_000_000).await?;
        shares_elevator(doors, neighbour, "DT2026001", &lately, 3_000_000).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_of_the_cast_works_at_a_firm_of_the_same_demo() {
        let table = Table::read().expect("the table");
        let today = NaiveDate::from_ymd_opt(2026, 11, 24).expect("a day");
        for seed in 1..=20 {
            let mut ids = HashSet::new();
            let mut phones = HashSet::new();
            let mut once = |one: &Person| {
                assert!(ids.insert(one.id.clone()), "seed {seed}: {} twice", one.id);
                assert!(
                    phones.insert(one.phone.clone()),
                    "seed {seed}: {} twice",
                    one.phone
                );
            };
            for number in 0..40 {
                for n in 0..125 {
                    let place = place_of_firm(seed, number, 100);
                    once(&cast::person("李梅", place, n, 0).expect("a person"));
                }
            }
            for at in 1..=5 {
                once(&cast::person("孙浩", place_of_farewells(seed), at, 0).expect("a person"));
            }
            let cast = play::players(&table, place_of_cast(seed), today).expect("the cast");
            for one in cast
                .iter()
                .filter(|one| !one.row.as_ref().is_some_and(|row| row.shared_phone))
            {
                once(&one.who);
            }
        }
    }
}
