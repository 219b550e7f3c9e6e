//! Years that a demo centre lives through (`anju demo --years N`): day after day on the centre's clock, each day closed by two before the next
//! begins, and everything that happens goes over the doors like the work of any clerk: months paid in full, short or too much, people who
//! join, leave and come back, bases each July, ratios, back payments, rents withdrawn, interest each 30 June.

use anju_domain::calendar::{Month, contribution_year_of};
use anju_domain::clock::{Clock, FileClock, shanghai_date};
use anju_engine::Engine;
use anyhow::{Context, ensure};
use chrono::{DateTime, Datelike, Months, NaiveDate, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::cast::{self, Firm, Person};
use crate::chance::Chance;
use crate::config::Config;
use crate::doors::Doors;
use crate::start::{demo, office};
use crate::{database, home};

/// Nobody's base leaves these limits of every year that a demo lives in, fen.
const BASES: (i64, i64) = (250_000, 2_500_000);

/// An employer of a life.
pub struct House {
    firm: Firm,
    seed: i64,
    employer: String,
    /// Who ever worked here.
    people: Vec<Member>,
    /// The month that comes next.
    next: Month,
    /// It has no list yet.
    is_new: bool,
    /// The year whose bases were declared.
    declared: i32,
}

struct Member {
    person: Person,
    active: bool,
}

/// What happened, for the report.
#[derive(Debug, Default, Clone, Copy)]
pub struct Told {
    /// Days closed.
    pub days: u32,
    /// Months of employers that were allocated.
    pub months: u32,
    /// People who joined, left and came back.
    pub moved: u32,
    /// Bases declared and ratios changed.
    pub adjusted: u32,
    /// Back payments.
    pub supplements: u32,
    /// Withdrawals that were paid.
    pub withdrawals: u32,
}

/// A life under way.
pub struct Life<'a> {
    doors: &'a Doors,
    engine: Engine,
    clock: FileClock,
    chance: Chance,
    houses: Vec<House>,
    told: Told,
}

impl<'a> Life<'a> {
    /// Opens the firms, with the month of today as their first.
    ///
    /// # Errors
    /// A door refuses.
    pub async fn begin(
        config: &Config,
        doors: &'a Doors,
        firms: Vec<(Firm, i64, Vec<Person>)>,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let url = database::url(config).await?;
        let pool = database::pool(&url, 4).await?;
        let engine = office::engine(config, office::open(config, pool).await?)?;
        let clock = office::clock(&config.home);
        ensure!(
            home::demo_key(&config.home).exists(),
            "没有演示密钥：先运行 anju setup --demo"
        );
        let first = Month::of(shanghai_date(clock.now()));
        let mut houses = Vec::new();
        for (firm, seed, people) in firms {
            for person in &people {
                cast::register(doors, person).await?;
            }
            cast::rents(doors, people.first().context("每个单位至少一名职工")?).await?;
            let employer = cast::open_firm(doors, &firm, first).await?;
            houses.push(House {
                firm,
                seed,
                employer,
                people: people
                    .into_iter()
                    .map(|person| Member {
                        person,
                        active: true,
                    })
                    .collect(),
                next: first,
                is_new: true,
                declared: contribution_year_of(first),
            });
        }
        Ok(Self {
            doors,
            engine,
            clock,
            chance: Chance::of(seed),
            houses,
            told: Told::default(),
        })
    }

    /// Lives so many months, and returns what happened.
    ///
    /// # Errors
    /// Something did not go as it should: the day and the employer are in the error.
    pub async fn live(mut self, months: u32) -> anyhow::Result<Told> {
        let begun = shanghai_date(self.clock.now());
        let until = begun
            .checked_add_months(Months::new(months))
            .context("一个日期")?;
        let mut day = begun;
        while day < until {
            self.day(day).await.with_context(|| format!("{day}"))?;
            let next = day.succ_opt().context("一个日期")?;
            if next.day() == 1 {
                println!("{}：{:?}", Month::of(day).chinese(), self.told);
            }
            day = next;
        }
        self.set(morning(until))?;
        Ok(self.told)
    }

    fn set(&self, instant: DateTime<Utc>) -> anyhow::Result<()> {
        // Time only goes forward.
        if instant > self.clock.now() {
            self.clock
                .set_offset(self.clock.offset() + (instant - self.clock.now()))
                .context("写不了 clock.json")?;
        }
        Ok(())
    }

    /// A day: the work of whoever has some, then the close.
    async fn day(&mut self, day: NaiveDate) -> anyhow::Result<()> {
        let due: Vec<usize> = (0..self.houses.len())
            .filter(|place| {
                let pays_on = 3 + u32::try_from(place % 20).unwrap_or(0);
                self.houses[*place].next <= Month::of(day) && day.day() >= pays_on
            })
            .collect();
        if !due.is_empty() {
            self.set(morning(day))?;
            self.doors.outside_reaches(day).await?;
            for place in due {
                let name = self.houses[place].firm.name.clone();
                self.month(place).await.with_context(|| name)?;
            }
        }
        self.set(last_second(day))?;
        self.doors.outside_reaches(day).await?;
        demo::close_day(&self.engine).await?;
        self.told.days += 1;
        Ok(())
    }

    /// A month of an employer: who changes, what is paid, who withdraws.
    async fn month(&mut self, place: usize) -> anyhow::Result<()> {
        let month = self.houses[place].next;
        // In the first list everybody is new; changes begin with the next.
        if self.houses[place].is_new {
            self.contribute(place, month).await?;
            self.houses[place].is_new = false;
            self.houses[place].next = month.plus(1);
            return Ok(());
        }
        let joined = if self.chance.once_in(4) {
            Some(self.join(place).await?)
        } else {
            None
        };
        if self.chance.once_in(4) {
            self.leave(place).await?;
        }
        if self.chance.once_in(10) {
            self.come_back(place).await?;
        }
        if self.houses[place].declared < contribution_year_of(month) {
            self.declare(place, month).await?;
        }
        if month.month() == 10 && self.chance.once_in(4) {
            self.ratio(place).await?;
        }
        self.contribute(place, month).await?;
        if let Some(who) = joined.filter(|_| self.chance.once_in(3)) {
            self.supplement(place, who, month).await?;
        }
        if self.chance.once_in(6) {
            self.withdraw(place).await?;
        }
        self.houses[place].next = month.plus(1);
        Ok(())
    }

    /// A case of an employer, which must be done at once.
    async fn case(&self, place: usize, service: &str, form: Value) -> anyhow::Result<Value> {
        let body = json!({
            "service": service, "applicant": self.houses[place].employer, "form": form, "channel": "HALL",
        });
        self.doors
            .post("/cases", &body)
            .await?
            .ok()
            .with_context(|| service.to_owned())
    }

    async fn account(&self, who: &Person) -> anyhow::Result<String> {
        cast::text(&cast::account(self.doors, who).await?, "account_no")
    }

    async fn join(&mut self, place: usize) -> anyhow::Result<usize> {
        let names = [
            "郑洁", "孙浩", "朱琳", "何川", "许岚", "罗杰", "谢敏", "韩冰",
        ];
        let name = self.chance.pick(&names);
        let base = BASES.0 + i64::try_from(self.chance.below(60))? * 10_000;
        let house = &self.houses[place];
        let person = cast::person(name, house.seed, i64::try_from(house.people.len())?, base)?;
        cast::register(self.doors, &person).await?;
        let row = json!({ "name": person.name, "id_no": person.id, "base_fen": base, "phone": person.phone });
        self.case(place, "employee-account-open", json!({ "roster": [row] }))
            .await?;
        let house = &mut self.houses[place];
        house.people.push(Member {
            person,
            active: true,
        });
        self.told.moved += 1;
        Ok(house.people.len() - 1)
    }

    /// Somebody but the first, who rents and stays.
    fn one(&mut self, place: usize, active: bool) -> Option<usize> {
        let found: Vec<usize> = (1..self.houses[place].people.len())
            .filter(|who| self.houses[place].people[*who].active == active)
            .collect();
        let nth = self
            .chance
            .below(u64::try_from(found.len()).ok().filter(|many| *many > 0)?);
        found.get(usize::try_from(nth).ok()?).copied()
    }

    async fn leave(&mut self, place: usize) -> anyhow::Result<()> {
        let Some(who) = self.one(place, true) else {
            return Ok(());
        };
        let account = self.account(&self.houses[place].people[who].person).await;
        // Who joined this month has no account before its money came.
        let Ok(account) = account else { return Ok(()) };
        let row = json!({ "account_no": account, "reason": "离职" });
        self.case(place, "employee-account-seal", json!({ "roster": [row] }))
            .await?;
        self.houses[place].people[who].active = false;
        self.told.moved += 1;
        Ok(())
    }

    async fn come_back(&mut self, place: usize) -> anyhow::Result<()> {
        let Some(who) = self.one(place, false) else {
            return Ok(());
        };
        let account = self.account(&self.houses[place].people[who].person).await?;
        let body = json!({
            "service": "employee-account-unseal", "applicant": self.houses[place].employer, "channel": "HALL",
            "form": { "roster": [{ "account_no": account }] },
        });
        let answer = self.doors.post("/cases", &body).await?;
        // Whom the centre holds by now (集中封存) is taken in like somebody new, with his account.
        if !answer.status.is_success() {
            let person = &self.houses[place].people[who].person;
            let row = json!({
                "name": person.name, "id_no": person.id, "base_fen": person.base_fen, "phone": person.phone,
            });
            self.case(place, "employee-account-open", json!({ "roster": [row] }))
                .await?;
        }
        self.houses[place].people[who].active = true;
        self.told.moved += 1;
        Ok(())
    }

    /// Each July: everybody's base by last year's wages.
    async fn declare(&mut self, place: usize, month: Month) -> anyhow::Result<()> {
        let mut rows = Vec::new();
        for who in 0..self.houses[place].people.len() {
            let percent = i64::try_from(self.chance.below(15))? - 3;
            let member = &mut self.houses[place].people[who];
            let base = (member.person.base_fen * (100 + percent) / 100 / 100 * 100)
                .clamp(BASES.0, BASES.1);
            // Who joined in this very year has his base until the next July.
            if !member.active || base == member.person.base_fen {
                continue;
            }
            rows.push((who, base));
        }
        let mut form = Vec::new();
        for (who, base) in &rows {
            let account = self
                .account(&self.houses[place].people[*who].person)
                .await?;
            form.push(json!({ "account_no": account, "base_fen": base }));
        }
        if !form.is_empty() {
            let form = json!({ "roster": form, "reason": "年度调整" });
            self.case(place, "base-adjust", form).await?;
            for (who, base) in rows {
                self.houses[place].people[who].person.base_fen = base;
            }
            self.told.adjusted += 1;
        }
        self.houses[place].declared = contribution_year_of(month);
        Ok(())
    }

    async fn ratio(&mut self, place: usize) -> anyhow::Result<()> {
        let bp = [700, 800, 900, 1_000, 1_100][usize::try_from(self.chance.below(5))?];
        let form = json!({ "ratio_employer_bp": bp, "ratio_employee_bp": bp });
        self.case(place, "ratio-adjust", form).await?;
        self.told.adjusted += 1;
        Ok(())
    }

    /// The month's list, paid in full, in two parts, or too much: what is over helps to pay a later month.
    async fn contribute(&mut self, place: usize, month: Month) -> anyhow::Result<()> {
        let house = &self.houses[place];
        let people: Vec<Person> = house
            .people
            .iter()
            .filter(|member| member.active)
            .map(|member| member.person.clone())
            .collect();
        let registered = cast::register_month(self.doors, &house.employer, month, &people).await?;
        let amount = cast::number(&registered, "amount_fen")?;
        let id = cast::text(&registered, "remittance_id")?;
        match self.chance.below(20) {
            0 => {
                cast::pay(self.doors, &registered, amount / 2).await?;
                cast::state_of(self.doors, &id, |state| state != "awaiting").await?;
                cast::pay(self.doors, &registered, amount - amount / 2).await?;
            }
            1 => cast::pay(self.doors, &registered, amount + 10_000).await?,
            _ => cast::pay(self.doors, &registered, amount).await?,
        }
        let state = cast::state_of(self.doors, &id, |state| state == "allocated").await?;
        ensure!(state == "allocated", "{month} 的清册是 {state}");
        self.told.months += 1;
        Ok(())
    }

    /// Who came a month late is paid for that month, where the employer had it.
    async fn supplement(&mut self, place: usize, who: usize, month: Month) -> anyhow::Result<()> {
        let account = self.account(&self.houses[place].people[who].person).await?;
        let row = json!({ "account_no": account, "months": [month.plus(-1).to_string()] });
        let body = json!({
            "service": "supplement-register", "applicant": self.houses[place].employer, "channel": "HALL",
            "form": { "reason": "NEW_HIRE", "roster": [row] },
        });
        let answer = self.doors.post("/cases", &body).await?;
        // Before the employer's first month, or below the limits of another year: the clerk gives it up.
        if !answer.status.is_success() {
            return Ok(());
        }
        let case = cast::text(&answer.body, "case_id")?;
        let events = self.doors.get(&format!("/cases/{case}")).await?.ok()?;
        let detail = events["events"][0]["detail"].clone();
        cast::pay(self.doors, &detail, cast::number(&detail, "amount_fen")?).await?;
        let id = cast::text(&detail, "remittance")?;
        let state = cast::state_of(self.doors, &id, |state| state == "allocated").await?;
        ensure!(state == "allocated", "补缴清册 {id} 是 {state}");
        self.told.supplements += 1;
        Ok(())
    }

    /// The tenant asks for the rent: decided by the rules, refused where they say no.
    async fn withdraw(&mut self, place: usize) -> anyhow::Result<()> {
        let body = cast::rent_request(self.doors, &self.houses[place].people[0].person).await?;
        let answer = self.doors.post("/cases?wait=10s", &body).await?;
        if answer.status.is_success() && answer.body["state"] == "done" {
            self.told.withdrawals += 1;
        }
        Ok(())
    }
}

/// Ten in the morning in Shanghai.
fn morning(day: NaiveDate) -> DateTime<Utc> {
    day.and_hms_opt(2, 0, 0)
        .expect("a time of every day")
        .and_utc()
}

/// 23:59:59 in Shanghai.
fn last_second(day: NaiveDate) -> DateTime<Utc> {
    day.and_hms_opt(23, 59, 59)
        .expect("a time of every day")
        .and_utc()
        - TimeDelta::hours(8)
}
