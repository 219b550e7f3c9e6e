//! F8: clocks that jump, days that are special, two nodes that do not agree about the time.

use std::time::{Duration, Instant};

use anju::{
    cast,
    config::Config,
    start::{demo, office},
};
use anju_business::books::day_close;
use anju_domain::{calendar::Month, clock::shanghai_date};
use anju_engine::Engine;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::Value;

use crate::{
    centre::{Centre, Plan, Process, free_address},
    chance::seed,
    checker::{Places, must_agree},
    clients::Clients,
    story::{requests, tenants},
    town::Town,
};

fn places(town: &Town) -> Places {
    Places {
        database: town.config.database_url.clone(),
        outside: town.config.outside_url.clone(),
    }
}

fn move_clock(config: &Config, by: TimeDelta) {
    let clock = office::clock(&config.home);
    clock.set_offset(clock.offset() + by).expect("a clock");
}

async fn engine(config: &Config) -> Engine {
    let pool = anju::database::pool(&config.database_url, 4)
        .await
        .expect("a pool");
    let office = office::open(config, pool).await.expect("the office");
    demo::put_staff(config, &office).await.expect("accountants");
    office::engine(config, office).expect("an engine")
}

/// Withdraws, waits for the end and says what it is.
async fn withdraw(town: &Town, wish: &Value) -> String {
    let case = town
        .doors
        .post("/cases?wait=20s", wish)
        .await
        .expect("a door")
        .ok()
        .expect("a case");
    cast::text(&case, "state").expect("a state")
}

/// Forwards and backwards, by an hour and a day, before and after a close: whatever the clock says, money is booked on the open
/// business day, which goes forward only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_books_nothing_into_a_closed_day() {
    let town = Town::open().await;
    let engine = engine(&town.config).await;
    let this = Month::of(engine.office.today());
    let people = tenants(&town.doors, this, 9, 83).await;
    let mut wishes = requests(&town.doors, &people).await.into_iter();
    let (hour, day) = (TimeDelta::hours(1), TimeDelta::days(1));
    let first = day_close::open_date(&engine.office).await.expect("a date");
    for (jump, closes) in [
        (TimeDelta::zero(), false),
        (hour, false),
        (-hour, false),
        (day, true),
        (-day, false), // the clock says a day that is closed
        (-day, false),
        (day + day, true),
        (-hour, false),
        (hour, false),
    ] {
        move_clock(&town.config, jump);
        let open = day_close::open_date(&engine.office).await.expect("a date");
        // On a day before they were members people are told that they are not; nobody is left between.
        let end = withdraw(&town, &wishes.next().expect("a wish")).await;
        let before_the_first = engine.office.today() < first;
        assert_eq!(end, if before_the_first { "refused" } else { "done" });
        if closes {
            assert_eq!(demo::close_day(&engine).await.expect("closed"), open);
        }
        must_agree(&places(&town), &[]).await;
    }
    let open = day_close::open_date(&engine.office).await.expect("a date");
    assert_eq!(open, first + TimeDelta::days(2), "two days were closed");
}

/// The ends of months and years: each calendar day is a business day, 29 February too, and the interest of 30 June is credited once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn special_days_are_days_of_the_calendar() {
    let date = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).expect("a date");
    for days in [
        [date(2028, 2, 28), date(2028, 2, 29), date(2028, 3, 1)],
        [date(2026, 12, 31), date(2027, 1, 1), date(2027, 1, 2)],
        [date(2027, 6, 30), date(2027, 7, 1), date(2027, 7, 2)],
    ] {
        let town = Town::open_at(at(days[0], 12, 0, 0)).await;
        let engine = engine(&town.config).await;
        let people = tenants(&town.doors, Month::of(days[0]), 4, 84).await;
        let mut wishes = requests(&town.doors, &people).await.into_iter();
        for (before, after) in days.iter().zip(&days[1..]) {
            // The last second: what is asked for in it is booked in its day, or in the next if that is open by then.
            move_clock(&town.config, at(*before, 23, 59, 59) - engine.office.now());
            assert_eq!(
                withdraw(&town, &wishes.next().expect("a wish")).await,
                "done"
            );
            let racing = wishes.next().expect("a wish");
            let (closed, end) = tokio::join!(demo::close_day(&engine), withdraw(&town, &racing));
            assert_eq!(end, "done");
            // A payment on its way is a difference that the next attempt finds explained.
            let closed = match closed {
                Ok(closed) => closed,
                Err(_) => demo::close_day(&engine).await.expect("closed"),
            };
            assert_eq!(closed, *before);
            let open = day_close::open_date(&engine.office).await.expect("a date");
            assert_eq!(open, *after);
            must_agree(&places(&town), &[]).await;
        }
        let credited = town
            .sql(
                "SELECT count(*) FROM posting p JOIN journal j USING (centre_id, journal_id, business_date)
                  WHERE j.event = 72 AND p.subject = 201",
            )
            .await;
        // Paid in on 30 June and worth nothing for no day: interest is credited where it is due, never twice.
        assert!(credited <= 4, "{credited} credits of interest");
    }
}

fn at(day: NaiveDate, hour: i64, minute: i64, second: i64) -> DateTime<Utc> {
    day.and_hms_opt(0, 0, 0).expect("midnight").and_utc() - TimeDelta::hours(8)
        + TimeDelta::seconds(hour * 3600 + minute * 60 + second)
}

/// Two servers on one database whose clocks are a day apart: keys, payments and days are those of the database, not of a clock. The day
/// is closed under both of them; by the one that is ahead it is not, since no bank has a statement of tomorrow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_a_day_apart_keep_one_set_of_books() {
    let seed = seed();
    let centre = Centre::open(Plan::default()).await;
    let this = Month::of(shanghai_date(Utc::now()));
    let people = tenants(&centre.doors, this, 60, 85).await;
    let wishes = requests(&centre.doors, &people).await;
    let ahead = second_node(&centre.config);
    let _node = Process::start(&ahead, "serve", &[]);
    ready(&ahead).await;
    let clients = Clients::of(&centre.config)
        .and(&ahead)
        .start(8, seed, wishes);
    clients.progress(20).await;
    let hasty = engine(&ahead).await;
    let refused = demo::close_day(&hasty).await.expect_err("no statement");
    assert!(refused.to_string().starts_with("E-CLOSE-02"), "{refused}");
    let engine = engine(&centre.config).await;
    let today = day_close::open_date(&engine.office).await.expect("a date");
    // Payments that are under way are differences: it is tried until a moment without one.
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        match demo::close_day(&engine).await {
            Ok(closed) => break assert_eq!(closed, today),
            Err(why) => assert!(Instant::now() < deadline, "seed {seed}: {why}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    clients.progress(20).await;
    let met = clients.stop().await;
    must_agree(&centre.places(), &met.acknowledged).await;
}

/// Another node of the same centre: its keys, its database, a clock of its own that is a day ahead.
fn second_node(first: &Config) -> Config {
    let home = first.home.join("second");
    copy_folder(&anju::home::keys(&first.home), &anju::home::keys(&home));
    std::fs::copy(
        anju::home::demo_key(&first.home),
        anju::home::demo_key(&home),
    )
    .expect("the demo key");
    let second = Config {
        listen: free_address(),
        home,
        ..first.clone()
    };
    move_clock(&second, TimeDelta::days(1));
    second
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry").path();
        let to = to.join(entry.file_name().expect("a name"));
        if entry.is_dir() {
            copy_folder(&entry, &to);
        } else {
            std::fs::copy(&entry, to).expect("a copy");
        }
    }
}

async fn ready(config: &Config) {
    let doors = anju::doors::Doors::of(config).expect("the demo key");
    let deadline = Instant::now() + Duration::from_secs(60);
    while !matches!(doors.plain("/readyz").await, Ok((status, _)) if status.is_success()) {
        assert!(
            Instant::now() < deadline,
            "the second node does not come up"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
