//! F16: hours at a third of the load. In CI it is the same for a few seconds, so that the test itself is tested.

use std::time::{Duration, Instant};

use anju_domain::{calendar::Month, clock::shanghai_date};
use sqlx::{Connection, PgConnection};

use crate::{
    centre::{Centre, Plan},
    chance::seed,
    checker::must_agree,
    clients::Clients,
    story::{count, requests, tenants},
};

/// Growth of the server's memory between the first third and the last that is not taken for a leak, kB.
const GROWTH_KB: u64 = 32 << 10;

/// Messages and leaves that may stand in a queue at a moment of this load.
const QUEUE: i64 = 2_000;

/// How long: eight hours at night, or `ANJU_SOAK_MINUTES`.
fn length() -> Duration {
    let minutes: Option<u64> = std::env::var("ANJU_SOAK_MINUTES")
        .ok()
        .and_then(|text| text.parse().ok());
    match (minutes, std::env::var_os("ANJU_NIGHTLY")) {
        (Some(minutes), _) => Duration::from_secs(60 * minutes),
        (None, Some(_)) => Duration::from_secs(8 * 3600),
        (None, None) => Duration::from_secs(10),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hours_of_work_leave_no_queue_and_no_memory_behind() {
    let seed = seed();
    let centre = Centre::open(Plan::default()).await;
    let this = Month::of(shanghai_date(chrono::Utc::now()));
    let people = tenants(&centre.doors, this, count(100, 5_000), 92).await;
    let wishes = requests(&centre.doors, &people).await;
    let clients = Clients::of(&centre.config).at_a_third();
    let running = clients.start(4, seed, wishes);
    let length = length();
    let began = Instant::now();
    let mut memory = Vec::new();
    while began.elapsed() < length {
        tokio::time::sleep((length / 60).max(Duration::from_millis(200))).await;
        memory.push(centre.server_memory_kb());
        for (queue, waiting) in queues(&centre.config.database_url).await {
            assert!(waiting < QUEUE, "{waiting} in {queue}, seed {seed}");
        }
    }
    let met = running.stop().await;
    let third = memory.len() / 3;
    let most = |part: &[u64]| part.iter().copied().max().expect("samples");
    let (early, late) = (most(&memory[third..2 * third]), most(&memory[2 * third..]));
    println!(
        "{} keys in {length:?}, {early} kB at most in the middle, {late} kB at the end",
        met.acknowledged.len()
    );
    assert!(
        late < early + GROWTH_KB,
        "memory grows: {early} kB, then {late} kB, seed {seed}"
    );
    must_agree(&centre.places(), &met.acknowledged).await;
}

/// What stands in the queues. Leaves count once there is a log that takes them.
async fn queues(database: &str) -> Vec<(String, i64)> {
    let mut connection = PgConnection::connect(database).await.expect("the database");
    let found = sqlx::query_as(
        "SELECT 'outbox', count(*) FROM outbox
          UNION ALL
         SELECT 'evidence', CASE WHEN to_regclass('evidence_leaf') IS NULL THEN 0 ELSE count(*) END FROM evidence_pending
          UNION ALL
         SELECT 'cases', count(*) FROM business_case WHERE state < 6",
    )
    .fetch_all(&mut connection)
    .await
    .expect("the queues");
    connection.close().await.expect("a closed connection");
    found
}
