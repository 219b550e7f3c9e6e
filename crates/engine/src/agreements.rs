//! The runs of agreements (约定提取): made when their day comes, their facts asked for many at once, decided by policy and booked together.
//! Nothing is held while sources are waited for; a process that dies leaves the runs due.

use std::time::Duration;

use anju_business::withdrawal::agreement::{RUN_SERVICE, run};
use anju_casework::Result;
use anju_casework::case::{self, Decided};
use anju_casework::catalogue::Request;
use anju_policy::{Decision, StoredDecision};
use futures::{StreamExt, stream};

use crate::Engine;
use crate::gather::Gathered;

/// How often it looks for agreements whose day has come.
const LOOK: Duration = Duration::from_secs(1);

/// Runs whose sources are asked at once.
const AT_ONCE: usize = 8;

/// Looks until its task is dropped.
pub(crate) async fn run(engine: Engine) {
    let mut recoveries = engine.gateway.recoveries();
    loop {
        match turn(&engine).await {
            Ok(0) => {}
            Ok(paid) => tracing::info!(paid, "runs of agreements were booked"),
            Err(error) => tracing::error!(%error, "running agreements"),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            recovered = recoveries.recv() => {
                if recovered.is_ok() && let Err(error) = run::wake(&engine.office).await {
                    tracing::error!(%error, "waking runs that waited");
                }
            }
        }
    }
}

/// A run with what was read and decided about it.
struct Read {
    due: run::Due,
    request: Request,
    gathered: Gathered,
    decision: Decision,
    stored: StoredDecision,
}

/// Everything that is due now. Returns how many pay.
async fn turn(engine: &Engine) -> Result<usize> {
    let office = &engine.office;
    run::settle(office).await?;
    run::make(office).await?;
    let service = office.catalogue.find(RUN_SERVICE)?;
    let mut paid = 0;
    loop {
        let due = run::due(office).await?;
        if due.is_empty() {
            return Ok(paid);
        }
        let asked = due.len();
        let read: Vec<Read> = stream::iter(due)
            .map(|due| async move {
                let run_id = due.run_id;
                match read(engine, due).await {
                    Ok(read) => Some(read),
                    Err(error) => {
                        tracing::error!(case = run_id, %error, "deciding a run");
                        None
                    }
                }
            })
            .buffer_unordered(AT_ONCE)
            .filter_map(|read| async { read })
            .collect()
            .await;
        let ruled = read
            .iter()
            .map(|one| {
                Ok(run::Ruled {
                    run: &one.due,
                    turn: run::turn(office, &one.due, &one.decision)?,
                    decided: Decided {
                        request: &one.request,
                        own: &one.gathered.own,
                        decision: &one.decision,
                        stored: &one.stored,
                        at: one.gathered.at,
                        facts: &one.gathered.facts,
                        policy: &one.gathered.policy,
                        legs: &one.gathered.legs,
                    },
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let settled = ruled
            .iter()
            .filter(|one| one.turn != run::Turn::Wait)
            .count();
        let promised_at = engine.promise(RUN_SERVICE, office.now())?;
        paid += run::book(office, &*service, ruled, promised_at).await?;
        // Only runs that wait are left of these, or some could not be read: their time comes again.
        if settled == 0 || read.len() < asked {
            return Ok(paid);
        }
    }
}

async fn read(engine: &Engine, due: run::Due) -> Result<Read> {
    let office = &engine.office;
    let request = due.request(office)?;
    let service = office.catalogue.find(&request.service)?;
    let gathered = engine.gather(&*service, &request).await?;
    let (decision, stored) =
        case::decide(&gathered.policy, &request, &gathered.facts, gathered.at)?;
    Ok(Read {
        due,
        request,
        gathered,
        decision,
        stored,
    })
}
