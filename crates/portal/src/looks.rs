//! 谁看过: the looks of staff and of other departments at a person, as he reads them at home and the counter beside his page.

use std::collections::HashMap;

use anju_casework::access_log::Access;
use anju_casework::session::audience;
use anju_casework::{Office, branch, staff};
use anju_domain::clock::shanghai_date;
use anju_exchange::catalogue::Catalogue;
use chrono::{DateTime, Utc};

use crate::components::Row;
use crate::desk::staff_name;
use crate::pages::error::PageError;
use crate::when;

fn looks_of_others(look: &&Access) -> bool {
    look.audience == audience::STAFF || look.source.is_some()
}

/// What the same hand looks at for the same reason on one day.
fn is_one_visit(one: &Access, next: &Access) -> bool {
    let same_hand = one.actor_id == next.actor_id && one.source == next.source;
    same_hand && one.reason == next.reason && shanghai_date(one.at) == shanghai_date(next.at)
}

/// How often staff looked among these, newest first, as the rows count it, and the last time.
pub(crate) fn visits_of_staff(looks: &[Access]) -> (usize, Option<&Access>) {
    let looks: Vec<&Access> = looks.iter().filter(looks_of_others).collect();
    let visits: Vec<&Access> = looks
        .chunk_by(|one, next| is_one_visit(one, next))
        .map(|visit| visit[0])
        .filter(|last| last.audience == audience::STAFF)
        .collect();
    (visits.len(), visits.first().copied())
}

/// The looks of staff and departments among these, newest first. What one visit looked at, by the same hand for the same reason, is one row.
pub(crate) async fn rows(
    office: &Office,
    catalogue: &Catalogue,
    looks: &[Access],
    now: DateTime<Utc>,
) -> Result<Vec<Row>, PageError> {
    let branches = branch::all(office).await?;
    let looks_of_staff = || looks.iter().filter(|look| look.audience == audience::STAFF);
    // A few members of staff stand behind many looks.
    let mut names: HashMap<i64, String> = HashMap::new();
    for look in looks_of_staff() {
        if names.contains_key(&look.actor_id) {
            continue;
        }
        let who = match staff::get(office, look.actor_id).await? {
            Some(staff) => {
                let place = branches
                    .iter()
                    .find(|branch| branch.branch_id == staff.branch_id)
                    .map_or("中心", |branch| branch.name.as_str());
                format!("{place} {}", staff_name(&staff))
            }
            None => "工作人员（已离岗）".to_owned(),
        };
        names.insert(look.actor_id, who);
    }
    let looks: Vec<&Access> = looks.iter().filter(looks_of_others).collect();
    Ok(looks
        .chunk_by(|one, next| is_one_visit(one, next))
        .map(|looks| {
            let latest = looks[0];
            let mut seen: Vec<&str> = Vec::new();
            for look in looks.iter().rev() {
                if !seen.contains(&look.what.as_str()) {
                    seen.push(&look.what);
                }
            }
            if let Some(source) = &latest.source {
                let name = catalogue
                    .source(source)
                    .map_or(source.as_str(), |source| source.name_zh.as_str());
                let note = format!(
                    "{}，{}，向我们问过{}",
                    when::minute(latest.at, now),
                    latest.reason,
                    seen.join("、")
                );
                return Row::of(name).icon("eye").note(note);
            }
            let note = format!(
                "{}，因{}看过{}",
                when::minute(latest.at, now),
                latest.reason,
                seen.join("、")
            );
            Row::of(names[&latest.actor_id].as_str())
                .icon("eye")
                .note(note)
        })
        .collect())
}
