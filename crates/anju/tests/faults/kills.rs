//! F1 and F2: processes that die at any moment.

use std::time::{Duration, Instant};

use anju_domain::{calendar::Month, clock::shanghai_date};
use sqlx::{Connection, PgConnection};

use crate::{
    centre::{Centre, Plan, kill_process},
    chance::{Chance, seed},
    checker::must_agree,
    clients::Clients,
    story::{count, requests, tenants},
};

const CLIENTS: u64 = 16;

/// How soon after PostgreSQL takes connections again the server must take writes again.
const RECONNECT: Duration = Duration::from_secs(5);

fn this_month() -> Month {
    Month::of(shanghai_date(chrono::Utc::now()))
}

/// F1: `kill -9` of the server at random moments under 16 clients. Every acknowledged key is there, none twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_servers_lose_nothing_that_they_acknowledged() {
    let seed = seed();
    let mut chance = Chance::of(seed);
    let mut centre = Centre::open(Plan::default()).await;
    let people = tenants(&centre.doors, this_month(), count(120, 1_200), 71).await;
    let wishes = requests(&centre.doors, &people).await;
    let clients = Clients::of(&centre.config).start(CLIENTS, seed, wishes);
    let mut slowest = Duration::ZERO;
    for _ in 0..count(20, 200) {
        clients.progress(1).await;
        tokio::time::sleep(Duration::from_millis(chance.below(250))).await;
        centre.kill_server();
        slowest = slowest.max(centre.start_server().await);
    }
    let met = clients.stop().await;
    println!(
        "{} keys answered, {} calls broken off, slowest start {slowest:?}",
        met.acknowledged.len(),
        met.unanswered
    );
    must_agree(&centre.places(), &met.acknowledged).await;
}

/// F2: `kill -9` of PostgreSQL, the postmaster or one backend. The server is back within five seconds of PostgreSQL, and says 503 with
/// `Retry-After` until then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_postgresql_loses_nothing_that_was_acknowledged() {
    let seed = seed();
    let mut chance = Chance::of(seed);
    let mut centre = Centre::open(Plan {
        own_cluster: true,
        ..Plan::default()
    })
    .await;
    let people = tenants(&centre.doors, this_month(), count(60, 600), 72).await;
    let wishes = requests(&centre.doors, &people).await;
    let clients = Clients::of(&centre.config).start(CLIENTS, seed, wishes);
    let cluster = centre.cluster.clone().expect("its own");
    let mut slowest = Duration::ZERO;
    for round in 0..count(5, 50) {
        clients.progress(1).await;
        tokio::time::sleep(Duration::from_millis(chance.below(250))).await;
        if round % 2 == 0 {
            kill_process(postmaster(&cluster.data()));
            cluster.start().await.expect("PostgreSQL again");
        } else {
            kill_process(backend(&centre.config.database_url, &mut chance).await);
        }
        let again = connectable(&centre.config.database_url).await;
        centre.ready().await;
        slowest = slowest.max(again.elapsed());
        assert!(
            again.elapsed() < RECONNECT,
            "the server came back {:?} after PostgreSQL, seed {seed}",
            again.elapsed()
        );
    }
    let met = clients.stop().await;
    println!(
        "{} keys answered, {} answers 503, slowest return {slowest:?}",
        met.acknowledged.len(),
        met.unavailable
    );
    must_agree(&centre.places(), &met.acknowledged).await;
}

fn postmaster(data: &std::path::Path) -> i64 {
    std::fs::read_to_string(data.join("postmaster.pid"))
        .expect("a running server")
        .lines()
        .next()
        .and_then(|line| line.parse().ok())
        .expect("its process")
}

/// A backend that serves our server.
async fn backend(database: &str, chance: &mut Chance) -> i64 {
    let mut connection = PgConnection::connect(database).await.expect("the database");
    let serving: Vec<i64> = sqlx::query_scalar(
        "SELECT pid::bigint FROM pg_stat_activity
          WHERE application_name = 'anju' AND datname = current_database() ORDER BY backend_start",
    )
    .fetch_all(&mut connection)
    .await
    .expect("the backends of the server");
    serving[usize::try_from(chance.below(serving.len() as u64)).expect("small")]
}

/// When PostgreSQL takes connections again.
async fn connectable(database: &str) -> Instant {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        assert!(Instant::now() < deadline, "PostgreSQL does not come back");
        if let Ok(mut connection) = PgConnection::connect(database).await
            && connection.ping().await.is_ok()
        {
            return Instant::now();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
