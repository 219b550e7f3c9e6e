//! `anju audit`: recomputes the books from their postings and the log from its leaves, and checks every invariant.

use std::process::ExitCode;

use anju_casework::{case, log};
use anju_ledger::audit;
use serde_json::json;

use crate::{config::Config, database, start::office};

/// Each step of a case has its leaf, each leaf its place in the tree (accounting.md §5).
const EVIDENCE: &str = "I20";

/// The clearing account holds the money of letters that are on their way, and nothing else.
const CLEARING: &str = "转移清算";

/// The balances of people and employers stand in the books of the branch that keeps them (organisation.md §1).
const BRANCHES: &str = "网点归属";
/// What lies on accounts for courts is what their orders in force say.
const COURT: &str = "司法冻结";

/// 1 with a line for each breach; 0 with what was checked.
pub async fn run(config: &Config, as_json: bool) -> anyhow::Result<ExitCode> {
    let url = database::url(config).await?;
    let office = office::open(config, database::pool(&url, 2).await?).await?;
    let mut connection = office.pool.acquire().await?;
    let mut breaches = audit::audit(&mut connection, office.ledger()).await?;
    let evidence = log::audit(&office)
        .await?
        .into_iter()
        .chain(case::audit_proofs(&office).await?);
    breaches.extend(evidence.map(|detail| audit::Breach {
        invariant: EVIDENCE.to_owned(),
        place: "存证日志".to_owned(),
        detail,
    }));
    let (held, on_its_way) = anju_business::remote::audit::clearing(&office).await?;
    if held != on_its_way {
        breaches.push(audit::Breach {
            invariant: CLEARING.to_owned(),
            place: "21906".to_owned(),
            detail: format!("转移清算账上 {held} 分，在途的转移合计 {on_its_way} 分"),
        });
    }
    let of_branches = anju_business::books::branch::differences(&office).await?;
    breaches.extend(of_branches.into_iter().map(|one| audit::Breach {
        invariant: BRANCHES.to_owned(),
        place: format!("网点 {} 科目 {}", one.branch_id, one.subject),
        detail: format!(
            "归它的账户合计 {} 分，它账上 {} 分",
            one.owned_fen, one.booked_fen
        ),
    }));
    let frozen = anju_business::court::audit::breaches(&office).await?;
    breaches.extend(frozen.into_iter().map(|detail| audit::Breach {
        invariant: COURT.to_owned(),
        place: "account_hold".to_owned(),
        detail,
    }));
    let checked: Vec<&str> = audit::checked()
        .chain([CLEARING, BRANCHES, COURT])
        .collect();
    if as_json {
        let breaches: Vec<_> = breaches
            .iter()
            .map(|breach| {
                json!({"invariant": breach.invariant, "place": breach.place, "detail": breach.detail})
            })
            .collect();
        println!("{}", json!({"checked": checked, "breaches": breaches}));
    } else {
        for breach in &breaches {
            println!("{}  {}  {}", breach.invariant, breach.place, breach.detail);
        }
        println!("已核对 {}：{} 处不符", checked.join("、"), breaches.len());
    }
    Ok(if breaches.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
