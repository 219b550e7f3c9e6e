//! F17: a policy simulation whose server dies. It goes on from its mark after the restart, counts every case once, and at no moment is there a
//! figure of a batch that was not kept.

use std::process::Command;
use std::time::{Duration, Instant};

use anju::cast::text;
use anju::start::{demo, office};
use anju_business::policy_change::{self, Change, simulation};
use anju_casework::{Office, staff};
use anju_domain::{calendar::Month, clock::shanghai_date};
use sqlx::{Connection, Executor, PgConnection};

use crate::{
    centre::{Centre, Plan},
    chance::{Chance, seed},
    story::{requests, tenants},
    town::policy_folder,
};

/// Cases that one transaction decides again.
const BATCH: i64 = 500;

/// Copies of each paid case: three batches and a part of a fourth.
const COPIES: i64 = 400;

const PATIENCE: Duration = Duration::from_secs(120);

/// Who drafts and tries policies in a demo centre.
const OFFICER: &str = "1008";

/// What a run has come to: cases, both sums, and cases that come out otherwise.
type Figures = (i64, i64, i64, i64);

async fn figures(owner: &mut PgConnection) -> Figures {
    sqlx::query_as(
        "SELECT coalesce(sum(cases), 0)::bigint, coalesce(sum(was_fen), 0)::bigint, coalesce(sum(now_fen), 0)::bigint,
                (SELECT count(*) FROM policy_simulation_line l WHERE l.simulation_id = last.simulation_id)
           FROM (SELECT max(simulation_id) AS simulation_id FROM policy_simulation) last
           LEFT JOIN policy_simulation_sum s ON s.simulation_id = last.simulation_id
          GROUP BY last.simulation_id",
    )
    .fetch_one(owner)
    .await
    .expect("figures")
}

/// State of the newest run, cases that it has decided, and how many there are.
async fn stands(owner: &mut PgConnection) -> (i16, i64, i64) {
    sqlx::query_as(
        "SELECT state, done, total FROM policy_simulation ORDER BY simulation_id DESC LIMIT 1",
    )
    .fetch_one(owner)
    .await
    .expect("a run")
}

async fn ends(owner: &mut PgConnection) -> Figures {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (state, done, total) = stands(owner).await;
        if state == simulation::DONE {
            assert_eq!(done, total, "every case is decided");
            return figures(owner).await;
        }
        assert!(
            state == simulation::RUNNING && Instant::now() < deadline,
            "state {state}: {done} of {total}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A second batch that never ends, as if it were a slow one.
async fn stop_after_the_first_batch(owner: &mut PgConnection) {
    owner
        .execute(
            "CREATE FUNCTION waits() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(600); RETURN NEW; END';
             CREATE TRIGGER waits AFTER UPDATE ON policy_simulation FOR EACH ROW WHEN (NEW.done > 500 AND NEW.state = 1)
             EXECUTE FUNCTION waits()",
        )
        .await
        .expect("a trigger");
}

/// What the server left in the database goes with its connections; the trigger too.
async fn let_it_go_on(owner: &mut PgConnection) {
    owner
        .execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
              WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()",
        )
        .await
        .expect("nobody is left");
    for _ in 0..100 {
        if owner
            .execute("DROP TRIGGER IF EXISTS waits ON policy_simulation; DROP FUNCTION IF EXISTS waits()")
            .await
            .is_ok()
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the trigger stays");
}

/// A draft with a lower cap on rents, by the command of a demo centre.
fn drafted(centre: &Centre, title: &str) -> String {
    let path = centre.config.policy.join("chongqing/centre.toml");
    let now = std::fs::read_to_string(path).expect("the policy");
    let lower = now.replace(
        r#"{ from = "2023-01", region = "central", value = 150000, mark = "assumed" }"#,
        r#"{ from = "2023-01", region = "central", value = 100000, mark = "assumed" }"#,
    );
    assert_ne!(lower, now);
    let folder = policy_folder(&centre.config.home, &[("chongqing/centre.toml", &lower)]);
    let done = Command::new(env!("CARGO_BIN_EXE_anju"))
        .args(["policy", "draft", title, "--by", OFFICER, "--policy"])
        .arg(folder)
        .env("ANJU_HOME", &centre.config.home)
        .env("ANJU_POLICY", &centre.config.policy)
        .env("ANJU_DEMO", "1")
        .env("DATABASE_URL", &centre.config.database_url)
        .output()
        .expect("the binary");
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(
        done.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let last = said.lines().last().expect("a line");
    last.split_whitespace().next().expect("a number").to_owned()
}

/// What the button of the desk does.
async fn begins(office: &Office, number: &str) {
    let id = policy_change::of_number(office, number).expect("a number");
    let change: Change = policy_change::find(office, id)
        .await
        .expect("read")
        .expect("a change");
    let officer = staff::by_number(office, OFFICER)
        .await
        .expect("read")
        .expect("an officer");
    simulation::begin(office, &change, None, &officer)
        .await
        .expect("begun");
}

/// F17.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_simulation_whose_server_is_killed_goes_on_and_never_leaves_half_figures() {
    let seed = seed();
    let mut chance = Chance::of(seed);
    let mut centre = Centre::open(Plan::default()).await;
    let this = Month::of(shanghai_date(chrono::Utc::now()));
    let people = tenants(&centre.doors, this, 4, 97).await;
    for wish in requests(&centre.doors, &people).await {
        let answer = centre.doors.post("/cases?wait=20s", &wish).await;
        let case = answer.expect("a door").ok().expect("a case");
        assert_eq!(text(&case, "state").expect("a state"), "done", "{case}");
    }
    let pool = anju::database::pool(&centre.config.database_url, 2)
        .await
        .expect("a pool");
    let office = office::open(&centre.config, pool)
        .await
        .expect("the office");
    demo::put_staff(&centre.config, &office)
        .await
        .expect("officers");
    let mut owner = PgConnection::connect(&centre.config.database_url)
        .await
        .expect("the database");
    // Nobody audits these: past cases are only read, and many are what a run of several batches needs.
    sqlx::query(
        "INSERT INTO business_case (case_id, applicant_id, account_id, amount_fen, submitted_at, promised_at, journal_id, branch_id, policy_id,
                                    centre_id, state, pay_state, service, wish, channel, form, decision)
         SELECT case_id + 1000000000 * n, applicant_id, account_id, amount_fen, submitted_at, promised_at, journal_id, branch_id, policy_id,
                centre_id, state, pay_state, service, wish, channel, form, decision
           FROM business_case, generate_series(1, $1) AS n WHERE service = 'withdraw-rent' AND state = 6",
    )
    .bind(COPIES)
    .execute(&mut owner)
    .await
    .expect("past cases");
    let cases = 4 * (COPIES + 1);

    // Killed in the middle of its second batch.
    let lower = drafted(&centre, "下调租房提取限额");
    stop_after_the_first_batch(&mut owner).await;
    begins(&office, &lower).await;
    let deadline = Instant::now() + PATIENCE;
    while stands(&mut owner).await.1 < BATCH {
        assert!(Instant::now() < deadline, "the first batch does not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // It is in the second by now, or it is about to be.
    tokio::time::sleep(Duration::from_millis(500)).await;
    centre.kill_server();
    drop(office);
    let_it_go_on(&mut owner).await;
    assert_eq!(
        stands(&mut owner).await,
        (simulation::RUNNING, BATCH, cases),
        "the mark stands behind the first batch"
    );
    assert_eq!(
        figures(&mut owner).await.0,
        BATCH,
        "and so do the figures: nothing of the second"
    );
    centre.start_server().await;
    let interrupted = ends(&mut owner).await;
    assert_eq!(interrupted.0, cases, "every case once");
    assert!(interrupted.2 < interrupted.1, "{interrupted:?}");

    // The same without any fault, and killed at moments that nobody chose.
    let pool = anju::database::pool(&centre.config.database_url, 2)
        .await
        .expect("a pool");
    let office = office::open(&centre.config, pool)
        .await
        .expect("the office");
    begins(&office, &lower).await;
    assert_eq!(ends(&mut owner).await, interrupted);
    begins(&office, &lower).await;
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(chance.below(1_500))).await;
        centre.kill_server();
        let (_, done, _) = stands(&mut owner).await;
        assert_eq!(figures(&mut owner).await.0, done, "seed {seed}");
        centre.start_server().await;
    }
    assert_eq!(ends(&mut owner).await, interrupted, "seed {seed}");
    let twice: i64 =
        sqlx::query_scalar("SELECT count(*) FROM policy_change_step WHERE step = 'simulated'")
            .fetch_one(&mut owner)
            .await
            .expect("steps");
    assert_eq!(twice, 3, "each run is told of once");
}
