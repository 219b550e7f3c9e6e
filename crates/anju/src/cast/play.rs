//! Sets the cast of withdrawals up over the doors: two employers with their months, what departments hold of each person, what each asked for
//! before, and whose source says nothing.

use std::collections::BTreeMap;

use anju_domain::calendar::Month;
use anyhow::{Context, ensure};
use chrono::NaiveDate;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Map, Value, json};

use super::table::{Facts, Firm, Kind, Row, Table, Words};
use super::{Person, account, contribute, home, look_up, open_firm, person, register_month, text};
use crate::doors::Doors;

/// What becomes of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// He gets it.
    Gets,
    /// One condition refuses or holds him.
    Refused,
    /// A source says nothing of him.
    Waits,
}

/// Somebody of the cast.
#[derive(Debug, Clone)]
pub struct Player {
    /// The person.
    pub who: Person,
    /// Spouse or relative, where the row names one.
    pub other: Person,
    /// Another heir, where an estate has two.
    pub third: Person,
    /// Which kind.
    pub kind: Kind,
    /// What becomes of him.
    pub part: Part,
    /// What differs, of who is refused.
    pub row: Option<Row>,
    /// The day from which his days are counted.
    pub today: NaiveDate,
}

/// Names of the cast, family names and given names.
const FAMILY: &str = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦许何吕张孔曹严华金魏陶姜";
const GIVEN: [&str; 13] = [
    "晓明", "丽华", "建国", "秀兰", "志强", "雨欣", "海燕", "文博", "思远", "玉珍", "国庆", "佳怡",
    "立新",
];

/// Contribution base of the cast: 2,400.00 a month at 12 % + 12 %.
const BASE_FEN: i64 = 1_000_000;

/// How many are served at once.
const AT_ONCE: usize = 6;

/// Who withdraws of the short employer, so that its pattern is there.
const SHORT_STAYERS: i64 = 3;

impl Player {
    fn words(&self) -> Words<'_> {
        Words {
            who: &self.who,
            other: &self.other,
            third: &self.third,
            today: self.today,
        }
    }

    /// Whose account it is: his own, or that of who has died.
    #[must_use]
    pub fn owner(&self) -> &Person {
        if self.kind.heir {
            &self.other
        } else {
            &self.who
        }
    }

    /// The channel that he asks over.
    #[must_use]
    pub fn channel(&self) -> &str {
        self.kind.channel.as_deref().unwrap_or("APP")
    }

    /// The code that refuses him; empty of who is not refused.
    #[must_use]
    pub fn code(&self) -> &str {
        self.row.as_ref().map_or("", |row| &row.code)
    }

    /// Whether his time comes later than today.
    #[must_use]
    pub fn comes_later(&self) -> bool {
        self.kind.after_months > 0 && !self.row.as_ref().is_some_and(|row| row.at_once)
    }

    fn firm(&self) -> Firm {
        self.row.as_ref().map_or_else(Firm::default, |row| row.firm)
    }

    fn is_sealed(&self) -> bool {
        let row = self.row.as_ref().and_then(|row| row.sealed);
        row.unwrap_or(self.kind.sealed)
    }

    fn is_empty(&self) -> bool {
        self.row.as_ref().is_some_and(|row| row.empty)
    }

    /// What he fills in.
    ///
    /// # Errors
    /// A word of the table that stands for nothing.
    pub fn form(&self) -> anyhow::Result<Map<String, Value>> {
        let mut form = self.words().fields(&self.kind.form)?;
        if let Some(row) = &self.row {
            form.extend(self.words().fields(&row.form)?);
        }
        form.insert("card_no".to_owned(), self.who.card.clone().into());
        Ok(form)
    }

    /// What departments hold of him: what they hold of everybody, of his kind, and what differs.
    fn facts(&self) -> anyhow::Result<Facts> {
        let mut facts = plain(&self.who);
        if let Some(since) = self.row.as_ref().and_then(|row| row.married.as_ref()) {
            let record = married(&self.words().put(&since.as_str().into())?, &self.other);
            facts.insert("D02 civil.marriage".to_owned(), record);
        }
        let differs = self.row.iter().flat_map(|row| &row.facts);
        for (place, value) in self.kind.facts.iter().chain(differs) {
            lay_over(&mut facts, place, self.words().put(value)?);
        }
        Ok(facts)
    }

    /// What they hold of the second person.
    fn facts_of_other(&self) -> anyhow::Result<Option<Facts>> {
        let row = self.row.as_ref();
        let since = row.and_then(|row| row.married.as_ref());
        let differs = row.map_or(0, |row| row.other.len());
        if self.kind.other.is_empty() && differs == 0 && since.is_none() {
            return Ok(None);
        }
        let mut facts = plain(&self.other);
        if let Some(since) = since {
            let record = married(&self.words().put(&since.as_str().into())?, &self.who);
            facts.insert("D02 civil.marriage".to_owned(), record);
        }
        let differs = row.into_iter().flat_map(|row| &row.other);
        for (place, value) in self.kind.other.iter().chain(differs) {
            lay_over(&mut facts, place, self.words().put(value)?);
        }
        Ok(Some(facts))
    }

    /// What they hold of the other heir.
    fn facts_of_third(&self) -> anyhow::Result<Option<Facts>> {
        if self.kind.third.is_empty() {
            return Ok(None);
        }
        let mut facts = plain(&self.third);
        for (place, value) in &self.kind.third {
            lay_over(&mut facts, place, self.words().put(value)?);
        }
        Ok(Some(facts))
    }

    /// Who is a customer without an account: the heirs of an estate.
    fn without_account(&self) -> impl Iterator<Item = &Person> {
        let who = self.kind.heir.then_some(&self.who);
        let third = (!self.kind.third.is_empty()).then_some(&self.third);
        who.into_iter().chain(third)
    }
}

/// Of everybody: identity, no marriage, an own debit card.
fn plain(who: &Person) -> Facts {
    Facts::from([
        (
            "D01 police.identity".to_owned(),
            json!({ "name": who.name, "match": true, "alive": true }),
        ),
        (
            "D02 civil.marriage".to_owned(),
            json!({ "state": "single", "since": "2000-01-01" }),
        ),
        (
            "D18 unionpay.card_auth".to_owned(),
            json!({ "name": who.name, "card": who.card, "match": true, "card_type": "debit-1", "bank": "B4" }),
        ),
    ])
}

fn married(since: &Value, to: &Person) -> Value {
    json!({
        "state": "married", "since": since, "changes_24m": 1, "spouse": { "name": to.name, "id_no": to.id },
    })
}

/// Changes the fields of a record that are named; a text in its place strikes it out.
fn lay_over(facts: &mut Facts, place: &str, value: Value) {
    match (facts.get_mut(place), value) {
        (_, Value::String(_)) => {
            facts.insert(place.to_owned(), Value::Null);
        }
        (Some(Value::Object(held)), Value::Object(named)) => held.extend(named),
        (_, value) => {
            facts.insert(place.to_owned(), value);
        }
    }
}

/// Everybody of the table, with numbers of this place: for each kind who gets it, who is refused, who waits.
///
/// # Errors
/// The table; a place below zero.
pub fn players(table: &Table, place: i64, today: NaiveDate) -> anyhow::Result<Vec<Player>> {
    let mut players = Vec::new();
    let mut number = 0;
    let mut next = || -> anyhow::Result<Person> {
        number += 1;
        let at = usize::try_from(number)?;
        let family: Vec<char> = FAMILY.chars().collect();
        let family = family[at % family.len()];
        let name = format!("{family}{}", GIVEN[at % GIVEN.len()]);
        person(&name, place, number, BASE_FEN)
    };
    for kind in &table.kinds {
        let rows: Vec<&Row> = table.rows(kind).collect();
        let gets = kind.nobody.is_none().then_some((Part::Gets, None));
        let waits = kind.waits.is_some().then_some((Part::Waits, None));
        let refused = rows.into_iter().map(|row| (Part::Refused, Some(row)));
        for (part, row) in gets.into_iter().chain(refused).chain(waits) {
            let mut who = next()?;
            if row.is_some_and(|row| row.shared_phone) {
                who.phone = format!("137{:08}", place % 100_000_000);
            }
            let other = next()?;
            let third = if kind.third.is_empty() {
                other.clone()
            } else {
                next()?
            };
            players.push(Player {
                who,
                other,
                third,
                kind: kind.clone(),
                part,
                row: row.cloned(),
                today,
            });
        }
    }
    ensure!(number < 1_000, "withdrawals.toml: too many people");
    Ok(players)
}

/// Sets everybody up, with so many months of contributions; none where it was done before with this place.
///
/// # Errors
/// A door refuses.
pub async fn set_up(
    doors: &Doors,
    table: &Table,
    place: i64,
    months: i32,
    today: NaiveDate,
) -> anyhow::Result<Option<Vec<Player>>> {
    let players = players(table, place, today)?;
    let stayers: Vec<Person> = (0..SHORT_STAYERS)
        .map(|number| person("冯春来", place, 990 + number, BASE_FEN))
        .collect::<anyhow::Result<_>>()?;
    // As the departments know everybody before anything else: a list of an employer is checked by the police.
    let mut registers = Registers::default();
    let owners = players.iter().map(Player::owner).chain(&stayers);
    let heirs = players.iter().flat_map(Player::without_account);
    for who in owners.chain(heirs) {
        registers.put(&who.id, plain(who));
    }
    registers.enter(doors).await?;

    let steady = super::firm(&format!("重庆演示百态有限公司{}", place % 1_000_000), place)?;
    let short = super::firm(
        &format!("重庆演示流水有限公司{}", place % 1_000_000),
        place + 1,
    )?;
    let this_month = Month::of(today);
    let employer = match open_firm(doors, &steady, this_month.plus(-months)).await {
        Ok(employer) => employer,
        Err(error) if error.to_string().contains("E-EMPR-02") => return Ok(None),
        Err(error) => return Err(error),
    };
    let short_employer = open_firm(doors, &short, this_month.plus(-4)).await?;
    let of = |firm: Firm| {
        let paid_in = players
            .iter()
            .filter(move |one| one.firm() == firm && !one.is_empty());
        paid_in
            .map(|one| one.owner().clone())
            .collect::<Vec<Person>>()
    };
    for back in (1..=months).rev() {
        contribute(doors, &employer, this_month.plus(-back), &of(Firm::Steady)).await?;
    }
    let short_people: Vec<Person> = of(Firm::Short).into_iter().chain(stayers.clone()).collect();
    for back in [4, 3] {
        contribute(
            doors,
            &short_employer,
            this_month.plus(-back),
            &short_people,
        )
        .await?;
    }

    let owing = super::firm(
        &format!("重庆演示待缴有限公司{}", place % 1_000_000),
        place + 2,
    )?;
    let owing_employer = open_firm(doors, &owing, this_month.plus(-1)).await?;
    let owing_people = of(Firm::Owing);
    contribute(doors, &owing_employer, this_month.plus(-1), &owing_people).await?;
    register_month(doors, &owing_employer, this_month, &owing_people).await?;
    known(doors, &players).await?;

    // Before anything befalls anybody: a pensioner is set up nowhere.
    open_empty(doors, &employer, &players).await?;

    let mut registers = Registers::default();
    for one in &players {
        registers.put(&one.who.id, one.facts()?);
        if let Some(facts) = one.facts_of_other()? {
            registers.put(&one.other.id, facts);
        }
        if let Some(facts) = one.facts_of_third()? {
            registers.put(&one.third.id, facts);
        }
    }
    registers.enter(doors).await?;

    seal(doors, &employer, &players, Firm::Steady).await?;
    seal(doors, &short_employer, &players, Firm::Short).await?;
    for who in &stayers {
        home::signs(doors, who, &today.to_string(), 100_000, 100_000).await?;
        let form = json!({ "contract_no": home::contract_of(who) });
        let asked = home::request(doors, who, "withdraw-purchase-full", &form).await?;
        ended(doors, &asked).await?;
    }
    // All that is wrong is told at once.
    let wrong: Vec<String> = stream::iter(players.iter().filter(|one| !one.comes_later()))
        .map(|one| before(doors, one))
        .buffer_unordered(AT_ONCE)
        .filter_map(async |done| done.err().map(|error| format!("{error:#}")))
        .collect()
        .await;
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    for one in players.iter().filter(|one| one.part == Part::Waits) {
        hush(doors, one, true).await?;
    }
    Ok(Some(players))
}

/// Records by source and type, so that each register is filled at once.
#[derive(Default)]
struct Registers(BTreeMap<String, Vec<Value>>);

impl Registers {
    fn put(&mut self, subject: &str, facts: Facts) {
        for (place, value) in facts {
            let records = self.0.entry(place).or_default();
            records.push(json!({ "subject": subject, "value": value }));
        }
    }

    async fn enter(self, doors: &Doors) -> anyhow::Result<()> {
        for (place, items) in self.0 {
            let (source, fact_type) = place.split_once(' ').context("a source and a type")?;
            let path = format!("/facts/{source}/{fact_type}/set");
            let body = json!({ "items": items });
            doors.control_post(&path, &body).await?.ok()?;
        }
        Ok(())
    }
}

/// The account numbers of these people.
async fn accounts(doors: &Doors, people: Vec<&Person>) -> anyhow::Result<Vec<String>> {
    stream::iter(people)
        .map(|who| async move { text(&account(doors, who).await?, "account_no") })
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

/// Whoever has no account and asks for somebody else's is a customer too.
async fn known(doors: &Doors, players: &[Player]) -> anyhow::Result<()> {
    for who in players.iter().flat_map(Player::without_account) {
        let body = json!({ "name": who.name, "id_no": who.id, "phone": who.phone });
        doors.post("/people", &body).await?.ok()?;
    }
    Ok(())
}

/// Who has an account and no month: opened by a change after the last list.
async fn open_empty(doors: &Doors, employer: &str, players: &[Player]) -> anyhow::Result<()> {
    let rows: Vec<Value> = players
        .iter()
        .filter(|one| one.is_empty())
        .map(|one| {
            let who = one.owner();
            json!({ "name": who.name, "id_no": who.id, "base_fen": who.base_fen, "phone": who.phone })
        })
        .collect();
    of_employer(doors, employer, "employee-account-open", rows).await
}

/// Seals who has left.
async fn seal(doors: &Doors, employer: &str, players: &[Player], firm: Firm) -> anyhow::Result<()> {
    let leaving = players
        .iter()
        .filter(|one| one.is_sealed() && one.firm() == firm);
    let numbers = accounts(doors, leaving.map(Player::owner).collect()).await?;
    let rows = numbers
        .into_iter()
        .map(|number| json!({ "account_no": number, "reason": "离职" }));
    of_employer(doors, employer, "employee-account-seal", rows.collect()).await
}

async fn of_employer(
    doors: &Doors,
    employer: &str,
    service: &str,
    rows: Vec<Value>,
) -> anyhow::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let body = json!({
        "service": service, "applicant": employer, "form": { "roster": rows }, "channel": "HALL",
    });
    ended(doors, &body).await
}

/// Asks, and sees it done or with a reviewer.
async fn ended(doors: &Doors, body: &Value) -> anyhow::Result<()> {
    let mut case = doors.post("/cases?wait=15s", body).await?.ok()?;
    for _ in 0..150 {
        // What a person has to look at is left to the desk.
        if matches!(case["state"].as_str(), Some("done" | "reviewing")) {
            return Ok(());
        }
        let moving = matches!(
            case["state"].as_str(),
            Some("submitted" | "gathering" | "decided" | "executing")
        );
        ensure!(moving, "没有办成：{case}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        let path = format!("/cases/{}", text(&case, "case_id")?);
        case = doors.get(&path).await?.ok()?;
    }
    anyhow::bail!("没有办完：{case}")
}

/// What somebody asked for before: whose time comes later has it done then.
///
/// # Errors
/// A door refuses.
pub async fn before(doors: &Doors, one: &Player) -> anyhow::Result<()> {
    for earlier in one.row.iter().flat_map(|row| &row.before) {
        let by = if earlier.by_other {
            &one.other
        } else {
            &one.who
        };
        let body = json!({
            "service": earlier.service, "applicant": look_up(doors, by).await?,
            "form": one.words().fields(&earlier.form)?, "channel": "APP",
        });
        let who = format!("{} {} {}", one.kind.service, one.code(), one.who.name);
        ended(doors, &body).await.context(who)?;
    }
    Ok(())
}

/// The source of somebody who waits says nothing of him, or speaks again.
///
/// # Errors
/// The outside world refuses.
pub async fn hush(doors: &Doors, one: &Player, silent: bool) -> anyhow::Result<()> {
    let Some(waits) = &one.kind.waits else {
        return Ok(());
    };
    let (source, fact_type) = waits.fact.split_once(' ').context("a source and a type")?;
    let body = json!({ "subject": one.who.id, "silent": silent });
    let path = format!("/facts/{source}/{fact_type}/silent");
    doors.control_post(&path, &body).await?.ok()?;
    Ok(())
}
