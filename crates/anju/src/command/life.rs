//! Years that a demo centre lives through (`anju demo --years N`): day after day on the centre's clock, each day closed by two before the next
//! begins, and everything that happens goes over the doors like the work of any clerk or person. `list` is what employers pay, `member` who
//! joins, leaves and moves, `employer` what an employer asks a reviewer for, `person` what people do, `estate` who dies, `flexible` who has no employer.

mod desk;
mod employer;
mod estate;
mod flexible;
mod list;
mod member;
mod person;
mod told;
mod wish;

use std::time::{Duration, Instant};

use anju_domain::calendar::{Month, contribution_year_of};
use anju_domain::clock::{Clock, FileClock, shanghai_date};
use anju_engine::Engine;
use anju_engine::schedule::Schedule;
use anyhow::{Context, ensure};
use chrono::{DateTime, Datelike, Months, NaiveDate, TimeDelta, Utc};

use self::employer::Deferral;
use self::flexible::FreeLancer;
use self::list::Collected;
pub use self::told::Told;
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
    /// It pays nothing before this day, whatever is due.
    rests_until: Option<NaiveDate>,
    /// What it has paid too much and waits for its next list, fen.
    over_fen: i64,
    /// Its lists are collected from its account.
    is_collected: bool,
    /// A list that its bank has not debited yet.
    open: Option<Collected>,
    /// Deferred months that are not made up yet.
    deferral: Option<Deferral>,
    /// Lower ratios hold before this month.
    reduced_until: Option<Month>,
    /// It ends with this month.
    ends: Option<Month>,
    has_ended: bool,
}

struct Member {
    person: Person,
    account: Option<String>,
    standing: Standing,
    /// Repays a home loan by an agreement since this month.
    repays_since: Option<Month>,
    /// Has withdrawn for a home, a loan or a hardship, or come from another city: once is enough for a life.
    has_story: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Active,
    /// Sealed here on this day; by and by the centre holds his account.
    Left(NaiveDate),
    /// At another employer, or with no account any more.
    Gone,
}

impl Member {
    fn new(person: Person) -> Self {
        Self {
            person,
            account: None,
            standing: Standing::Active,
            repays_since: None,
            has_story: false,
        }
    }

    fn is_active(&self) -> bool {
        self.standing == Standing::Active
    }
}

impl House {
    fn active(&self) -> Vec<Person> {
        self.people
            .iter()
            .filter(|member| member.is_active())
            .map(|member| member.person.clone())
            .collect()
    }

    /// Nothing keeps its people where they are: no list waits, nothing is deferred.
    fn is_free(&self) -> bool {
        !self.is_new && !self.has_ended && self.open.is_none() && self.deferral.is_none()
    }
}

/// A life under way.
pub struct Life<'a> {
    doors: &'a Doors,
    engine: Engine,
    schedule: Schedule,
    clock: FileClock,
    chance: Chance,
    houses: Vec<House>,
    free: Vec<FreeLancer>,
    /// Orders of courts so far: each has a number of its own.
    orders: u32,
    /// Heirs so far: each has numbers of his own.
    heirs: i64,
    seed: u64,
    told: Told,
    spent: Spent,
}

/// Where the real time of a month went: what the server does at night, what people do by day, the closes.
#[derive(Default)]
struct Spent {
    night: Duration,
    work: Duration,
    close: Duration,
}

/// Each so many of the employers has its lists collected, each so many ends in its third year.
const COLLECTED: usize = 7;
const ENDS: usize = 13;

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
        let url = database::existing(config).await?;
        let pool = database::pool(&url, 4).await?;
        let engine = office::engine(config, office::open(config, pool).await?)?;
        let clock = office::clock(&config.home);
        ensure!(
            home::demo_key(&config.home).exists(),
            "没有演示密钥：先运行 anju setup --demo"
        );
        let first = Month::of(shanghai_date(clock.now()));
        let mut houses = Vec::new();
        for (place, (firm, seed, people)) in firms.into_iter().enumerate() {
            for person in &people {
                cast::register(doors, person).await?;
            }
            cast::rents(doors, people.first().context("每个单位至少一名职工")?).await?;
            let employer = cast::open_firm(doors, &firm, first).await?;
            houses.push(House {
                firm,
                seed,
                employer,
                people: people.into_iter().map(Member::new).collect(),
                next: first,
                is_new: true,
                declared: contribution_year_of(first),
                rests_until: None,
                over_fen: 0,
                is_collected: place % COLLECTED == 1,
                open: None,
                deferral: None,
                reduced_until: None,
                ends: (place % ENDS == ENDS - 1)
                    .then(|| first.plus(26 + i32::try_from(place).unwrap_or(0) % 8)),
                has_ended: false,
            });
        }
        let mut life = Self {
            doors,
            engine,
            schedule: Schedule::default(),
            clock,
            chance: Chance::of(seed),
            houses,
            free: Vec::new(),
            orders: 0,
            heirs: 0,
            seed,
            told: Told::default(),
            spent: Spent::default(),
        };
        life.free_lancers().await?;
        Ok(life)
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
                let spent = std::mem::take(&mut self.spent);
                println!(
                    "{}（夜间 {:.1}、白天 {:.1}、日结 {:.1} 秒）：{}",
                    Month::of(day).chinese(),
                    spent.night.as_secs_f64(),
                    spent.work.as_secs_f64(),
                    spent.close.as_secs_f64(),
                    self.told
                );
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

    fn today(&self) -> NaiveDate {
        shanghai_date(self.clock.now())
    }

    /// A day: what its time brings by itself, the work of whoever has some, then the close.
    async fn day(&mut self, day: NaiveDate) -> anyhow::Result<()> {
        // The night comes first: a server begins it within a minute of real time, and a life has no minutes for that.
        let began = Instant::now();
        self.set(night(day))?;
        self.doors.outside_reaches(day).await?;
        self.schedule.pass(&self.engine).await;
        self.spent.night += began.elapsed();
        let began = Instant::now();
        self.set(morning(day))?;
        if matches!(day.day(), 5 | 10) {
            self.runs_and_debits().await?;
        }
        for place in 0..self.houses.len() {
            let name = self.houses[place].firm.name.clone();
            self.look_at(place, day).await.with_context(|| name)?;
        }
        if day.day() == 12 {
            self.free_lancers_change().await?;
        }
        if day.day() == 28 {
            self.loans_are_repaid(Month::of(day)).await?;
        }
        self.is_quiet().await?;
        self.spent.work += began.elapsed();
        let began = Instant::now();
        self.set(last_second(day))?;
        self.doors.outside_reaches(day).await?;
        demo::close_day(&self.engine).await?;
        self.spent.close += began.elapsed();
        self.told.days += 1;
        Ok(())
    }

    /// Waits for what is on its way to banks, phones and other cities. What a bank holds back goes on another day.
    async fn is_quiet(&self) -> anyhow::Result<()> {
        let office = &self.engine.office;
        let deadline = Instant::now() + cast::PATIENCE;
        loop {
            let waiting: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM outbox WHERE centre_id = $1 AND due_at <= $2",
            )
            .bind(office.centre.id)
            .bind(office.now())
            .fetch_one(&office.pool)
            .await?;
            if waiting == 0 || Instant::now() > deadline {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// An employer's day: a list that its bank has debited by now, deferred months made up, the month that is due.
    async fn look_at(&mut self, place: usize, day: NaiveDate) -> anyhow::Result<()> {
        self.is_collected_by_now(place, day).await?;
        self.make_up(place, day).await?;
        let pays_on = 3 + u32::try_from(place % 20).unwrap_or(0);
        let house = &self.houses[place];
        let rests = house.rests_until.is_some_and(|until| day < until);
        if house.has_ended
            || house.open.is_some()
            || rests
            || house.next > Month::of(day)
            || day.day() < pays_on
        {
            return Ok(());
        }
        self.month(place).await
    }

    /// A month of an employer: who changes, what is paid, what its people do.
    async fn month(&mut self, place: usize) -> anyhow::Result<()> {
        let month = self.houses[place].next;
        // In the first list everybody is new; changes begin with the next.
        if self.houses[place].is_new {
            self.contribute(place, month).await?;
            self.houses[place].is_new = false;
            self.collects(place).await?;
            return Ok(());
        }
        if self.houses[place].ends.is_some_and(|ends| ends <= month) && self.end(place).await? {
            return Ok(());
        }
        if self.rests(place, month) || self.deferred(place, month).await? {
            return Ok(());
        }
        let joined = self.members(place, month).await?;
        self.reduced(place, month).await?;
        self.contribute(place, month).await?;
        if self.houses[place].open.is_some() {
            return Ok(());
        }
        if let Some(who) = joined.filter(|_| self.chance.once_in(3)) {
            self.supplement(place, who, month).await?;
        }
        if self.chance.once_in(20) {
            self.refund(place, month).await?;
        }
        if self.chance.once_in(15) {
            self.subsidy(place, month).await?;
        }
        self.people(place).await
    }

    /// The number of a member's account, which stays the same wherever he works.
    async fn account(&mut self, place: usize, who: usize) -> anyhow::Result<String> {
        let member = &self.houses[place].people[who];
        if let Some(account) = &member.account {
            return Ok(account.clone());
        }
        let account = cast::text(
            &cast::account(self.doors, &member.person).await?,
            "account_no",
        )?;
        self.houses[place].people[who].account = Some(account.clone());
        Ok(account)
    }

    /// A member by chance, but for the first, who rents and stays.
    fn one(&mut self, place: usize, wanted: impl Fn(&Member) -> bool) -> Option<usize> {
        let found: Vec<usize> = (1..self.houses[place].people.len())
            .filter(|who| wanted(&self.houses[place].people[*who]))
            .collect();
        let nth = self
            .chance
            .below(u64::try_from(found.len()).ok().filter(|many| *many > 0)?);
        found.get(usize::try_from(nth).ok()?).copied()
    }
}

/// A minute past midnight in Shanghai.
fn night(day: NaiveDate) -> DateTime<Utc> {
    last_second(day) - TimeDelta::days(1) + TimeDelta::seconds(61)
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
