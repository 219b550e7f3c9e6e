//! F9: each batch killed in each of its steps, and run again twice: the totals are those of a run that nobody disturbed, and the rerun
//! books nothing.
//!
//! A batch runs in this process on a database behind the proxy, which breaks every line at the step: for the database that is the death
//! of the process. What runs again is a new office, which knows nothing of the first. A step is a statement that changes something, or
//! a commit; each is broken before it ends, or after it has ended and before anybody was told.

use std::sync::Arc;
use std::time::Duration;

use anju::{
    cast::{self, contribute, person, register_month},
    config::Config,
    start::{demo, office},
};
use anju_business::{
    books::{day_close, interest_year},
    contribution::{
        receipt::{self, Credit},
        remittance,
    },
};
use anju_casework::staff;
use anju_domain::calendar::Month;
use anju_domain::clock::shanghai_date;
use anju_engine::Engine;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use futures::future::BoxFuture;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, postgres::PgConnectOptions};
use uuid::Uuid;

use crate::{
    chance::{Chance, seed},
    checker::Places,
    database::server,
    proxy::{Break, Proxy},
    story::count,
    town::Town,
};

/// 30 June 2028: when it is sealed the year's interest is settled.
const LAST_DAY: NaiveDate = NaiveDate::from_ymd_opt(2028, 6, 30).expect("a date");

/// Steps at the end of a batch that no run leaves out.
const LAST_STEPS: i64 = 10;

/// A batch on an engine; whoever calls it again does what is left of it.
type Batch = Arc<dyn Fn(Engine) -> BoxFuture<'static, anyhow::Result<()>> + Send + Sync>;

fn batch<F>(run: fn(Engine) -> F) -> Batch
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    Arc::new(move |engine| Box::pin(run(engine)))
}

/// 23:59:59 of a day in Shanghai.
fn last_second(day: NaiveDate) -> DateTime<Utc> {
    day.and_hms_opt(15, 59, 59).expect("a time").and_utc()
}

/// Moves the clock, and waits until the banks, who look at it now and then, have seen it.
async fn set_clock(town: &Town, instant: DateTime<Utc>) {
    office::clock(&town.config.home)
        .set_offset(instant - Utc::now())
        .expect("a clock");
    let today = shanghai_date(instant).to_string();
    loop {
        let clock = town.doors.control("/clock").await.expect("the outside");
        if clock.body["today"] == today {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The last day of an interest year, with balances that have earned some: three people paid in on the 27th, and the days since then
/// are closed.
async fn eve_of_july() -> Town {
    let first = LAST_DAY - TimeDelta::days(3);
    let mut town = Town::open_at(last_second(first) - TimeDelta::hours(8)).await;
    let people: Vec<cast::Person> = (0..3)
        .map(|n| person("赵敏", 78, n, 1_000_000).expect("numbers"))
        .collect();
    for one in &people {
        cast::register(&town.doors, one).await.expect("departments");
    }
    let this = Month::of(first);
    let employer = cast::open_employer(&town.doors, 78, this.plus(-2))
        .await
        .expect("an employer");
    for back in [2, 1] {
        contribute(&town.doors, &employer, this.plus(-back), &people)
            .await
            .expect("a month");
    }
    town.stop_server();
    let engine = office::engine(&town.config, town.office().await).expect("an engine");
    demo::put_staff(&town.config, &engine.office)
        .await
        .expect("accountants");
    for day in first.iter_days().take_while(|day| *day < LAST_DAY) {
        set_clock(&town, last_second(day)).await;
        demo::close_day(&engine).await.expect("a closed day");
    }
    set_clock(&town, last_second(LAST_DAY)).await;
    town
}

/// What a close leaves to do: what was interrupted first, then the day if it is still open.
async fn end_of_june(engine: Engine) -> anyhow::Result<()> {
    day_close::finish_interrupted(&engine.office).await?;
    if day_close::open_date(&engine.office).await? == LAST_DAY {
        demo::close_day(&engine).await?;
    }
    demo::settle_interest(&engine).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_year_end_that_is_killed_in_any_step_ends_as_if_nothing_had_been() {
    let seed = seed();
    let town = eve_of_july().await;
    let undisturbed = killed_in_each_step(&town, seed, batch(end_of_june)).await;
    let interest = undisturbed
        .iter()
        .find(|line| line.starts_with("72 201 "))
        .expect("interest was credited");
    assert!(interest.contains(" 3 "), "to three accounts: {interest}");
    // The same where an earlier run died between two ranges of accounts.
    for ranges in [1, 2] {
        let copy = Copy::of(&town).await;
        let engine = engine_on(&town, &copy.url).await;
        let (maker, checker) = accountants(&engine).await;
        engine.close_day(&maker, &checker).await.expect("closed");
        for step in [
            interest_year::propose(&engine.office, &maker).await,
            interest_year::approve(&engine.office, &checker).await,
        ] {
            step.expect("approved");
        }
        settle_ranges(&copy.url, ranges).await;
        for _ in 0..2 {
            end_of_june(engine_on(&town, &copy.url).await)
                .await
                .expect("the rest");
        }
        assert_eq!(totals(&copy.url).await, undisturbed, "{ranges} ranges");
        copy.remove().await;
    }
}

async fn accountants(engine: &Engine) -> (staff::Staff, staff::Staff) {
    let hand = async |number| {
        staff::by_number(&engine.office, number)
            .await
            .expect("the staff")
            .expect("an accountant")
    };
    (hand("1004").await, hand("1005").await)
}

/// What a run leaves that dies after it has settled so many accounts, each a range of its own.
async fn settle_ranges(database: &str, ranges: i64) {
    let mut ledger = writer(database).await;
    sqlx::query(
        "SELECT ledger_settle_range(1::smallint, $1::date + 1, $1::date + 1, 20280701, lo, hi, nextval('anju_id'), 0, 1::smallint,
                                    now())
           FROM (SELECT lag(account_id, 1, 0::bigint) OVER (ORDER BY account_id) AS lo, account_id AS hi
                   FROM ledger_account WHERE subject = 201 ORDER BY account_id LIMIT $2) AS range",
    )
    .bind(LAST_DAY)
    .bind(ranges)
    .execute(&mut ledger)
    .await
    .expect("ranges");
}

/// A connection that the ledger takes as a writer's.
async fn writer(database: &str) -> PgConnection {
    let options: PgConnectOptions = database.parse().expect("a URL");
    PgConnection::connect_with(&options.application_name("anju"))
        .await
        .expect("the database")
}

/// Money for a list that covers it: booked, matched, allocated to every account.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_allocation_that_is_killed_in_any_step_credits_everybody_once() {
    let seed = seed();
    let mut town = Town::open().await;
    let registered = registered_list(&town, 79, 4).await;
    town.stop_server();
    let credit = Credit {
        bank: cast::text(&registered, "payee_bank").expect("a bank"),
        serial: "F9-1".to_owned(),
        book_date: town.office().await.today(),
        amount_fen: cast::number(&registered, "amount_fen").expect("an amount"),
        payer_account: "6500999000001".to_owned(),
        payer_name: "重庆走查科技有限公司".to_owned(),
        remark: cast::text(&registered, "reference").expect("a code"),
        end_to_end_id: None,
    };
    let allocate: Batch = Arc::new(move |engine| {
        let credit = credit.clone();
        Box::pin(async move {
            receipt::receive(&engine.office, &credit).await?;
            Ok(())
        })
    });
    let undisturbed = killed_in_each_step(&town, seed, allocate).await;
    assert!(
        undisturbed.iter().any(|line| line.starts_with("5 201 ")),
        "four were credited: {undisturbed:?}"
    );
}

/// Lists that lapse without money.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_that_lapse_lapse_once_however_often_it_is_killed() {
    let seed = seed();
    let mut town = Town::open().await;
    for place in [80, 81, 82] {
        registered_list(&town, place, 1).await;
    }
    town.stop_server();
    set_clock(&town, Utc::now() + TimeDelta::days(400)).await;
    let undisturbed = killed_in_each_step(
        &town,
        seed,
        batch(|engine| async move {
            remittance::expire(&engine.office).await?;
            Ok(())
        }),
    )
    .await;
    assert!(
        undisturbed.contains(&"3 lists in state 5".to_owned()),
        "{undisturbed:?}"
    );
}

async fn registered_list(town: &Town, place: i64, people: i64) -> Value {
    let people: Vec<cast::Person> = (0..people)
        .map(|n| person("赵敏", place, n, 1_000_000).expect("numbers"))
        .collect();
    for one in &people {
        cast::register(&town.doors, one).await.expect("departments");
    }
    let month = Month::of(town.office().await.today());
    let employer = cast::open_employer(&town.doors, place, month)
        .await
        .expect("an employer");
    register_month(&town.doors, &employer, month, &people)
        .await
        .expect("registered")
}

/// Runs a batch undisturbed on a copy of the town's database, then on further copies killed in each of its steps and run again twice.
/// Returns the totals, which are always the same.
async fn killed_in_each_step(town: &Town, seed: u64, batch: Batch) -> Vec<String> {
    let copy = Copy::of(town).await;
    let proxy = Proxy::before(&copy.url);
    let engine = engine_on(town, proxy.url()).await;
    proxy.only_count();
    batch(engine).await.expect("nobody disturbs it");
    let steps = proxy.passed();
    let undisturbed = totals(&copy.url).await;
    batch(engine_on(town, &copy.url).await)
        .await
        .expect("it has been done");
    assert_eq!(
        totals(&copy.url).await,
        undisturbed,
        "a rerun books nothing"
    );
    drop(proxy);
    copy.remove().await;
    assert!(steps > 1, "the proxy saw {steps} steps");

    let mut chance = Chance::of(seed);
    let both = [Break::BeforeEnd, Break::AfterAnswer];
    let first = i64::try_from(chance.below(3)).expect("small");
    for step in 1..=steps {
        // At night each step both ways. Else one way in each of the last, where the money moves, and in every third before.
        if count(0, 1) == 0 && step + LAST_STEPS <= steps && step % 3 != first {
            continue;
        }
        let one = usize::try_from(chance.below(2)).expect("small");
        for how in both.iter().skip(one).take(count(1, 2)) {
            let copy = Copy::of(town).await;
            let proxy = Proxy::before(&copy.url);
            let engine = engine_on(town, proxy.url()).await;
            proxy.die_at_change(step, *how);
            let died = batch(engine).await;
            assert_eq!(proxy.breaks(), 1, "step {step} came");
            let place = format!("step {step} of {steps}, {how:?}, seed {seed}, {died:?}");
            for run in 1..=2 {
                let again = batch(engine_on(town, &copy.url).await).await;
                assert!(again.is_ok(), "{place}, run {run}: {again:?}");
                let now = totals(&copy.url).await;
                assert_eq!(now, undisturbed, "{place}, run {run}");
            }
            if step == steps {
                let places = Places {
                    database: copy.url.clone(),
                    outside: town.config.outside_url.clone(),
                };
                check_books(&places).await;
            }
            drop(proxy);
            copy.remove().await;
        }
    }
    println!("{steps} steps");
    undisturbed
}

/// The checker, but for the banks: a copy of the database shares the town's one bank with the others.
async fn check_books(places: &Places) {
    let breaches: Vec<String> = crate::checker::breaches(places, &[])
        .await
        .into_iter()
        .filter(|breach| !breach.starts_with("bank "))
        .collect();
    assert!(breaches.is_empty(), "{breaches:#?}");
}

/// What a batch comes to: figures without the numbers and instants that each run draws anew.
async fn totals(database: &str) -> Vec<String> {
    let mut connection = PgConnection::connect(database).await.expect("the database");
    let mut lines = Vec::new();
    for query in [
        "SELECT concat_ws(' ', j.event, p.subject, p.business_date, p.value_date,
                          CASE p.subject WHEN 201 THEN count(*) END, sum(p.amount_fen))
           FROM journal j JOIN posting p USING (centre_id, journal_id, business_date)
          GROUP BY j.event, p.subject, p.business_date, p.value_date ORDER BY 1",
        "SELECT concat_ws(' ', 'account', account_id, balance_fen, product, accrual, settled_on) FROM ledger_account ORDER BY 1",
        "SELECT concat_ws(' ', business_date, state, next_date, journals, postings, debit_fen, vouchers) FROM day_close ORDER BY 1",
        "SELECT concat_ws(' ', 'sum', business_date, branch_id, subject, debit_fen, credit_fen, closing_fen) FROM day_sum ORDER BY 1",
        "SELECT concat_ws(' ', 'voucher', business_date, number, event, journals, lines, debit_fen) FROM voucher ORDER BY 1",
        "SELECT concat_ws(' ', 'signature', business_date, state) FROM day_signature ORDER BY 1",
        "SELECT concat_ws(' ', 'ranges', batch_id, sum(accounts), sum(total_fen)) FROM batch_range GROUP BY batch_id",
        "SELECT format('%s lists in state %s', count(*), state) FROM remittance GROUP BY state ORDER BY 1",
        "SELECT format('%s cases in state %s', count(*), state) FROM business_case GROUP BY state ORDER BY 1",
        "SELECT format('%s events of cases', count(*)) FROM case_event",
        "SELECT format('open %s', open_date) FROM business_day",
    ] {
        let found: Vec<String> = sqlx::query_scalar(query)
            .fetch_all(&mut connection)
            .await
            .unwrap_or_else(|error| panic!("{error}: {query}"));
        lines.extend(found);
    }
    connection.close().await.expect("a closed connection");
    lines
}

/// A new office of the town's centre, with its engine, on some database: a process that has just started.
async fn engine_on(town: &Town, database: &str) -> Engine {
    let config = Config {
        database_url: database.to_owned(),
        ..town.config.clone()
    };
    let pool = anju::database::pool(database, 4).await.expect("a pool");
    let office = office::open(&config, pool).await.expect("the office");
    office::engine(&config, office).expect("an engine")
}

/// A copy of a town's database.
struct Copy {
    url: String,
    name: String,
}

impl Copy {
    async fn of(town: &Town) -> Self {
        let original: PgConnectOptions = town.config.database_url.parse().expect("a URL");
        let original = original.get_database().expect("a name").to_owned();
        let name = format!("anju_copy_{}", Uuid::now_v7().simple());
        let mut connection = PgConnection::connect(&server().await)
            .await
            .expect("the server");
        for statement in [
            // Who still stands in the original keeps it from being copied.
            format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{original}' AND usename = current_user"
            ),
            format!("CREATE DATABASE {name} TEMPLATE {original}"),
        ] {
            connection
                .execute(AssertSqlSafe(statement))
                .await
                .expect("a copy");
        }
        Self {
            url: town.config.database_url.replace(&original, &name),
            name,
        }
    }

    async fn remove(self) {
        let mut connection = PgConnection::connect(&server().await)
            .await
            .expect("the server");
        let dropped = connection
            .execute(AssertSqlSafe(format!(
                "DROP DATABASE {} WITH (FORCE)",
                self.name
            )))
            .await;
        // What stays goes with the cluster, and says nothing of what was tested.
        if let Err(error) = dropped {
            eprintln!("{} stays: {error}", self.name);
        }
    }
}
