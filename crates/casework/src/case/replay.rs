//! Past decisions again (重放): each from the facts, the form and the policy version that it names, page by page over all cases.
//!
//! Invariant: nothing is taken on trust. A version's files must have the digest that they were kept under, a fact the code that it was
//! kept with, and the decision must come out bit for bit. Read-only.

use std::collections::HashMap;
use std::sync::Arc;

use anju_policy::{Facts, PolicyFiles, PolicyRef, PolicySet};
use serde_json::Value;
use sqlx::FromRow;
use sqlx::types::Json;

use super::decide::KeptDecision;
use super::number;
use super::row::open_form;
use crate::fact::{self, Proved};
use crate::{Office, Result};

/// Cases that are read at once.
const PAGE: i64 = 500;

/// A case that does not come out as it did, and why: in words for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Public number of the case.
    pub case_no: String,
    /// What differs; more than one where facts were changed.
    pub what: String,
}

/// A replay under way.
pub struct Replay<'a> {
    office: &'a Office,
    /// The files to decide with instead of those that the decisions name.
    instead: Option<Arc<PolicySet>>,
    /// The versions that decisions name, or why one cannot be used.
    versions: HashMap<i32, std::result::Result<Version, String>>,
    after: i64,
    /// Decisions seen so far.
    pub decisions: usize,
}

struct Version {
    reference: PolicyRef,
    set: Arc<PolicySet>,
}

#[derive(FromRow)]
struct Row {
    case_id: i64,
    policy_id: i32,
    form: Value,
    decision: Value,
}

impl<'a> Replay<'a> {
    /// Of all cases, with the policy that each names or with another.
    pub fn new(office: &'a Office, instead: Option<PolicySet>) -> Self {
        Self {
            office,
            instead: instead.map(Arc::new),
            versions: HashMap::new(),
            after: i64::MIN,
            decisions: 0,
        }
    }

    /// The differences of the next page; nothing after the last.
    ///
    /// # Errors
    /// The database fails.
    pub async fn next(&mut self) -> Result<Option<Vec<Difference>>> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT case_id, policy_id, form, decision
               FROM business_case
              WHERE centre_id = $1 AND case_id > $2 AND decision ? 'service'
              ORDER BY case_id
              LIMIT $3",
        )
        .bind(self.office.centre.id)
        .bind(self.after)
        .bind(PAGE)
        .fetch_all(&self.office.pool)
        .await?;
        let Some(last) = rows.last() else {
            return Ok(None);
        };
        self.after = last.case_id;
        self.decisions += rows.len();

        let mut facts = self.facts_of(&rows).await?;
        let mut differences = Vec::new();
        for row in rows {
            self.load(row.policy_id).await?;
            let found = match serde_json::from_value::<KeptDecision>(row.decision) {
                Ok(kept) => self.compare(row.policy_id, &row.form, &kept, &mut facts),
                Err(error) => vec![format!("存下的决定读不出来：{error}")],
            };
            let case_no = number(self.office, row.case_id);
            differences.extend(found.into_iter().map(|what| Difference {
                case_no: case_no.clone(),
                what,
            }));
        }
        Ok(Some(differences))
    }

    /// The facts that a page's decisions name, in one question.
    async fn facts_of(&self, rows: &[Row]) -> Result<HashMap<i64, Proved>> {
        let ids: Vec<i64> = rows
            .iter()
            .flat_map(|row| anju_policy::fact_ids_of(&row.decision))
            .collect();
        let facts = fact::proved(self.office, &ids).await?;
        Ok(facts
            .into_iter()
            .filter_map(|proved| Some((proved.fact.fact_id?, proved)))
            .collect())
    }

    fn compare(
        &self,
        policy_id: i32,
        form: &Value,
        kept: &KeptDecision,
        known: &mut HashMap<i64, Proved>,
    ) -> Vec<String> {
        let mut found = Vec::new();
        let mut facts: Facts = Facts::new();
        for id in &kept.stored.fact_ids {
            match known.get(id) {
                None => found.push(format!("事实 {id} 不在了")),
                Some(proved) => {
                    if proved.intact == Some(false) {
                        let kind = &proved.fact.fact_type;
                        found.push(format!("事实 {id}（{kind}）与存入时不同"));
                    }
                    facts.put(proved.fact.clone());
                }
            }
        }
        kept.own.iter().for_each(|own| facts.put(own.clone()));
        let set = match (&self.instead, self.versions.get(&policy_id)) {
            (Some(instead), _) => instead,
            (None, Some(Ok(version))) if version.reference == kept.stored.policy => &version.set,
            (None, Some(Ok(version))) => {
                found.push(format!(
                    "决定写明的政策是 {}，存下的版本是 {}",
                    kept.stored.policy.digest, version.reference.digest
                ));
                return found;
            }
            (None, Some(Err(why))) => {
                found.push(why.clone());
                return found;
            }
            (None, None) => {
                found.push(format!("政策版本 {policy_id} 没有存下"));
                return found;
            }
        };
        match open_form(self.office, form) {
            Ok(form) => {
                if let Err(difference) = set.replay(&kept.stored, &facts, &form) {
                    found.push(difference.to_string());
                }
            }
            Err(error) => found.push(format!("表单读不出来：{error}")),
        }
        found
    }

    /// Loads a version from what was kept of it, unless it is there already.
    async fn load(&mut self, policy_id: i32) -> Result<()> {
        if self.instead.is_some() || self.versions.contains_key(&policy_id) {
            return Ok(());
        }
        let kept: Option<(String, String, Json<PolicyFiles>)> = sqlx::query_as(
            "SELECT version, digest, files FROM policy_version WHERE centre_id = $1 AND policy_id = $2",
        )
        .bind(self.office.centre.id)
        .bind(policy_id)
        .fetch_optional(&self.office.pool)
        .await?;
        let Some((version, digest, Json(files))) = kept else {
            return Ok(());
        };
        let loaded = if files.digest() == digest {
            PolicySet::load(&files)
                .map(|set| Version {
                    reference: set.reference().clone(),
                    set: Arc::new(set),
                })
                .map_err(|errors| {
                    let first = errors.first().map(ToString::to_string).unwrap_or_default();
                    format!("政策版本 {version} 载入不了：{first}")
                })
        } else {
            Err(format!("政策版本 {version} 的文件与存入时的摘要不符"))
        };
        self.versions.insert(policy_id, loaded);
        Ok(())
    }
}
