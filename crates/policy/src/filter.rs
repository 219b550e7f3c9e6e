//! A service's conditions as one SQL filter over the whole population: who is refused by what our books alone say falls out, everybody else
//! stays for the evaluator. A condition without a plain form, and a name that the books do not hold, let everybody pass: nobody who is
//! entitled is ever lost here.

use std::collections::BTreeMap;

use crate::fact::At;
use crate::policy_set::{PolicyError, PolicySet};
use crate::sql::{SqlText, Writer};
use crate::value::date_number;

/// The filter of a service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceFilter {
    /// `(… IS NOT FALSE AND …)` over the given columns, with `$1`, `$2`, … for its values.
    pub sql: SqlText,
    /// The conditions that are in it.
    pub plain: Vec<String>,
    /// The conditions that let everybody pass.
    pub open: Vec<String>,
}

impl PolicySet {
    /// The filter of a service for an instant. `given` has the SQL expression of each name that our books know of everybody, by the
    /// name's column (`account_balance`); NULL there means that there is none.
    ///
    /// # Errors
    /// An unknown service.
    pub fn filter_sql(
        &self,
        service: &str,
        given: &BTreeMap<String, String>,
        at: At,
    ) -> Result<ServiceFilter, PolicyError> {
        let plan = self.plan(service)?;
        let day = date_number(at.today);
        let mut filter = ServiceFilter::default();
        let mut writer = Writer::of(plan, Some(given), at);
        let mut tests = Vec::new();
        for condition in &plan.conditions {
            if day < condition.from || day > condition.to || condition.suspicion {
                continue;
            }
            // What stands in for a silent source refuses nobody.
            if condition.stands_in.is_some() {
                filter.open.push(condition.code.clone());
                continue;
            }
            let before = writer.sql.values.len();
            match writer.node(&condition.when) {
                // Nothing that the books know enters it.
                Ok(text) if !given.values().any(|value| text.contains(value.as_str())) => {
                    writer.sql.values.truncate(before);
                    filter.open.push(condition.code.clone());
                }
                Ok(text) => {
                    tests.push(format!("({text}) IS NOT FALSE"));
                    filter.plain.push(condition.code.clone());
                }
                Err(_) => {
                    writer.sql.values.truncate(before);
                    filter.open.push(condition.code.clone());
                }
            }
        }
        filter.sql = writer.sql;
        filter.sql.text = if tests.is_empty() {
            "TRUE".into()
        } else {
            format!("({})", tests.join("\n   AND "))
        };
        Ok(filter)
    }
}
