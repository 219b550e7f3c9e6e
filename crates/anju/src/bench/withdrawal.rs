//! Withdrawals in process: R1 submit to executing, R1b to settled, R5 one bank account, R6 without evidence, R10 a key again, R12 WAL.

use std::sync::Arc;

use anju_casework::{
    Actor,
    case::{Submission, Submitted},
    catalogue::Request,
};
use anju_engine::Engine;
use anju_policy::{ConditionOutcome, Outcome};
use anyhow::ensure;
use serde_json::{Map, Value};
use sqlx::Executor;
use uuid::Uuid;

use super::{
    bank::{self, Bank},
    book::Withdrawer,
    ground::{CLIENTS, Ground},
    load::{self, Load},
    measure::{Measured, in_turn},
};

/// The service that is measured.
pub const SERVICE: &str = "withdraw-rent";

/// Seconds of each run of a reference.
pub const SECONDS: u32 = 2;

/// Withdrawals of each client before anything is measured. PostgreSQL plans a statement when a session meets it first, and a server's
/// sessions last: so many that each session of the pool has met each statement of a convoy of eight.
const WARM: usize = 60;

/// Withdrawals that no row counts. Then the tables are analysed, as they are in a centre that has worked for a day: what a session plans over
/// tables that were empty a second ago walks them from end to end, and is kept until PostgreSQL analyses them by itself. With that each session
/// plans everything anew, which a server does seldom: so they go before once more, though the rows did not move by it beyond their noise.
pub async fn warm(ground: &Ground) -> anyhow::Result<()> {
    let count = (WARM * CLIENTS).min(ground.book.run_size);
    whole(ground, ground.book.take(count)?).await?;
    ground.owner().await?.execute("ANALYZE").await?;
    whole(ground, ground.book.take(count)?).await?;
    Ok(())
}

/// R1: submit to executing.
pub async fn to_executing(ground: &Ground) -> anyhow::Result<Measured> {
    in_turn(
        async || ground.reference.tpcb(SECONDS),
        async || {
            let load = run(ground, ground.book.take(ground.book.run_size)?).await?;
            bank::settle(&ground.engine.office).await?;
            Ok(load)
        },
    )
    .await
}

/// R1b: submit to settled, the bank paying beside it.
pub async fn to_settled(ground: &Ground) -> anyhow::Result<Measured> {
    in_turn(
        async || ground.reference.tpcb(SECONDS),
        async || whole(ground, ground.book.take(ground.book.run_size)?).await,
    )
    .await
}

/// R5: all against one bank account, and spread over the others.
pub async fn one_bank(ground: &Ground) -> anyhow::Result<Measured> {
    let (count, bank) = (ground.book.run_size, &ground.book.main_bank);
    in_turn(
        async || {
            Ok(whole(
                ground,
                ground.book.take_those(count, |who| who.bank != *bank)?,
            )
            .await?
            .rate())
        },
        async || {
            whole(
                ground,
                ground.book.take_those(count, |who| who.bank == *bank)?,
            )
            .await
        },
    )
    .await
}

/// R6: with evidence, and without. Without it the bench's own table takes no leaf: the hashing remains on both sides.
pub async fn evidence(ground: &Ground) -> anyhow::Result<Measured> {
    let count = ground.book.run_size;
    in_turn(
        async || {
            let mut owner = ground.owner().await?;
            owner
                .execute(
                    "CREATE RULE no_evidence AS ON INSERT TO evidence_pending DO INSTEAD NOTHING",
                )
                .await?;
            let rate = run(ground, ground.book.take(count)?).await?.rate();
            owner
                .execute("DROP RULE no_evidence ON evidence_pending")
                .await?;
            bank::settle(&ground.engine.office).await?;
            Ok(rate)
        },
        async || {
            let load = run(ground, ground.book.take(count)?).await?;
            bank::settle(&ground.engine.office).await?;
            Ok(load)
        },
    )
    .await
}

/// R10: answers to keys that came before.
pub async fn repeated(ground: &Ground) -> anyhow::Result<Measured> {
    let people = ground.book.take(ground.book.run_size.min(500))?;
    let known: Vec<Arc<Asked>> = asked(ground, people)
        .await?
        .into_iter()
        .map(Arc::new)
        .collect();
    for one in &known {
        submit(&ground.engine, one).await?;
    }
    bank::settle(&ground.engine.office).await?;
    let times = (20 * ground.book.run_size).div_ceil(known.len());
    in_turn(
        async || ground.reference.select_only(SECONDS),
        async || {
            let engine = ground.engine.clone();
            let work: Vec<Arc<Asked>> = (0..times).flat_map(|_| known.iter().cloned()).collect();
            load::clients(work, move |one: Arc<Asked>| {
                let engine = engine.clone();
                async move {
                    let answer = submit(&engine, &one).await?;
                    ensure!(
                        answer == Submitted::Before(one.case_id),
                        "a known key made {answer:?}"
                    );
                    Ok(())
                }
            })
            .await
        },
    )
    .await
}

/// TPC-B transactions after which nearly each of the 1,640 pages of its accounts has had its image in the log: with fewer before it the
/// reference was anything from 0.5 to 1.9 kB.
const ALL_PAGES: usize = 8_000;

/// R12: WAL bytes of a whole case and of a TPC-B transaction, after as many of each went before that few pages are new since the last
/// checkpoint.
pub async fn wal(ground: &Ground) -> anyhow::Result<(f64, f64)> {
    let count = (ground.book.run_size / 2).max(1);
    ground.reference.tables("tpcb_wal", 1)?;
    ground.checkpoint().await?;
    ground.reference.tpcb_wal(ALL_PAGES)?;
    let before = written(ground).await?;
    ground.reference.tpcb_wal(count)?;
    let reference = (written(ground).await? - before) as f64 / count as f64;

    // Every other of neighbours goes before, so that the pages of the rest are not new.
    let neighbours = ground.book.take_neighbours(2 * count)?;
    let (before_them, measured): (Vec<_>, Vec<_>) = neighbours
        .into_iter()
        .enumerate()
        .partition(|(place, _)| place % 2 == 0);
    let people =
        |some: Vec<(usize, Arc<Withdrawer>)>| some.into_iter().map(|(_, who)| who).collect();
    whole(ground, people(before_them)).await?;
    let before = written(ground).await?;
    whole(ground, people(measured)).await?;
    Ok((
        (written(ground).await? - before) as f64 / count as f64,
        reference,
    ))
}

async fn written(ground: &Ground) -> anyhow::Result<i64> {
    Ok(
        sqlx::query_scalar("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint")
            .fetch_one(&ground.engine.office.pool)
            .await?,
    )
}

/// What a client sends, with the key that it keeps.
struct Asked {
    case_id: i64,
    who: Arc<Withdrawer>,
    key: Uuid,
}

async fn asked(ground: &Ground, people: Vec<Arc<Withdrawer>>) -> anyhow::Result<Vec<Asked>> {
    let ids = ground.engine.office.ids.take(people.len()).await?;
    Ok(people
        .into_iter()
        .zip(ids)
        .map(|(who, case_id)| Asked {
            case_id,
            who,
            key: Uuid::now_v7(),
        })
        .collect())
}

/// The form of a withdrawal: all that is not known already.
pub fn form(who: &Withdrawer) -> Map<String, Value> {
    Map::from_iter([("card_no".to_owned(), who.card.as_str().into())])
}

/// Facts that were kept before count, as on a person's own pages.
fn request(who: &Withdrawer) -> Request {
    Request {
        service: SERVICE.to_owned(),
        case_id: None,
        applicant_id: who.person_id,
        form: form(who),
        channel: "APP".to_owned(),
        face_passed: true,
    }
}

async fn submit(engine: &Engine, asked: &Asked) -> anyhow::Result<Submitted> {
    let office = &engine.office;
    let now = office.now();
    Ok(engine
        .submit(Submission {
            case_id: asked.case_id,
            request: request(&asked.who),
            actor: Actor::Person(asked.who.person_id),
            served_by: None,
            key: asked.key,
            digest: asked.key,
            branch_id: asked.who.branch_id,
            tapped_at: now,
            promised_at: engine.promise(SERVICE, now)?,
        })
        .await?)
}

/// Submits these, each answered with an executing case.
async fn run(ground: &Ground, people: Vec<Arc<Withdrawer>>) -> anyhow::Result<Load> {
    let engine = ground.engine.clone();
    ready(ground, &people).await?;
    let before = executing(ground).await?;
    let count = people.len();
    let load = load::clients(asked(ground, people).await?, move |one| {
        let engine = engine.clone();
        async move {
            let answer = submit(&engine, &one).await?;
            ensure!(
                answer == Submitted::New(one.case_id),
                "a new key made {answer:?}"
            );
            Ok(())
        }
    })
    .await?;
    let after = executing(ground).await?;
    ensure!(
        after - before == i64::try_from(count)?,
        "{count} 笔提取只有 {} 笔当场办成",
        after - before
    );
    Ok(load)
}

/// A withdrawal of the row would be approved from what is at hand: else the row would measure something else.
async fn ready(ground: &Ground, people: &[Arc<Withdrawer>]) -> anyhow::Result<()> {
    let Some(who) = people.first() else {
        return Ok(());
    };
    let (_, decision) = ground.engine.at_hand(&request(who)).await?;
    ensure!(
        decision.outcome == Outcome::Approved,
        "{:?}：{:?} {:?}",
        decision.outcome,
        decision.waiting_for,
        decision
            .conditions
            .iter()
            .filter(|condition| condition.outcome != ConditionOutcome::Met)
            .map(|condition| (condition.code, condition.detail))
            .collect::<Vec<_>>()
    );
    Ok(())
}

async fn executing(ground: &Ground) -> anyhow::Result<i64> {
    Ok(
        sqlx::query_scalar("SELECT count(*) FROM business_case WHERE centre_id = $1 AND state = 5")
            .bind(ground.engine.office.centre.id)
            .fetch_one(&ground.engine.office.pool)
            .await?,
    )
}

/// The same, with the bank paying beside them, until all are settled.
pub async fn whole(ground: &Ground, people: Vec<Arc<Withdrawer>>) -> anyhow::Result<Load> {
    let began = std::time::Instant::now();
    let bank = Bank::open(ground.engine.office.clone());
    let engine = ground.engine.clone();
    let mut load = load::clients(asked(ground, people).await?, move |one| {
        let engine = engine.clone();
        async move { submit(&engine, &one).await.map(drop) }
    })
    .await?;
    bank.close().await?;
    load.elapsed = began.elapsed();
    ensure!(
        executing(ground).await? == 0,
        "the bank left cases unsettled"
    );
    Ok(load)
}
