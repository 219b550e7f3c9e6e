//! Files of sources (批量文件): checked whole, taken once, late ones alarmed. What a file says of employers goes the way of a push.

use std::collections::HashSet;

use anju_business::contribution::one_stop::{self, Message};
use anju_business::sharing::batch::{self, Incoming, STATUS};
use anju_casework::{Error, Fault, Refusal, Result, fact};
use anju_domain::clock::{at_hour, shanghai_date};
use anju_domain::uscc::Uscc;
use anju_exchange::batch::{BatchFault, BatchFile, manifest};
use anju_exchange::catalogue::{BatchFlow, Every};
use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::Engine;

impl Engine {
    /// Takes a file, or refuses it whole and says why.
    ///
    /// # Errors
    /// `E-BATCH-01` where it does not fit its manifest, `E-BATCH-02` for a name that was taken with another content.
    pub(crate) async fn take_file(
        &self,
        source: &str,
        flow: &str,
        params: &Value,
        promised_at: DateTime<Utc>,
    ) -> Result<Value> {
        let office = &self.office;
        let seal = |id: &str| hex::encode(office.vault.seal(fact::SEALED_ID, id.as_bytes()));
        let read = self.gateway.read_batch(source, flow, params, &seal).await;
        let taken = match read {
            Ok((known, file)) => self.keep_file(known, &file, promised_at).await,
            Err(fault) => Err(self.refuse_file(source, flow, params, &fault).await?.into()),
        };
        match taken {
            Ok(receipt) => Ok(json!({
                "jsjg": "1", "hzbh": receipt.file_id.to_string(), "wmkh": receipt.known.to_string(),
                "cf": if receipt.repeated { "1" } else { "0" },
            })),
            Err(error) => {
                metrics::counter!("batch_files_refused_total", "flow" => flow.to_owned())
                    .increment(1);
                tracing::error!(source, flow, %error, "a file is not taken");
                Err(error)
            }
        }
    }

    async fn keep_file(
        &self,
        flow: &BatchFlow,
        file: &BatchFile,
        promised_at: DateTime<Utc>,
    ) -> Result<batch::Receipt> {
        let catalogue = self.gateway.catalogue();
        let fact = catalogue
            .fact(&flow.fact)
            .ok_or_else(|| Fault::Stored("a flow of an unknown type".to_owned()))?;
        if flow.flow == STATUS {
            self.status_changes(file, promised_at).await?;
        }
        let manifest = &file.manifest;
        let now = self.office.now();
        let incoming = Incoming {
            source: &flow.source,
            flow: &flow.flow,
            name: &manifest.name,
            day: manifest.day,
            sm3: &manifest.sm3,
            control: manifest.control,
            fact_type: &flow.fact,
            version: i16::try_from(fact.version).unwrap_or(i16::MAX),
            as_of: file.as_of,
            valid_until: fact.freshness.valid_until(now, &catalogue.gateway),
            rows: file
                .rows
                .iter()
                .map(|row| (row.subject.clone(), row.value.clone(), row.digest.clone()))
                .collect(),
        };
        let receipt = batch::take(&self.office, &incoming).await?;
        tracing::info!(
            flow = flow.flow,
            rows = file.rows.len(),
            known = receipt.known,
            repeated = receipt.repeated,
            "a file is taken"
        );
        Ok(receipt)
    }

    /// What was struck off and was not pushed, or whose push was lost: the file catches up. Each once by its number.
    async fn status_changes(&self, file: &BatchFile, promised_at: DateTime<Utc>) -> Result<()> {
        for row in &file.rows {
            let on = row.value["date"].as_str().and_then(|day| day.parse().ok());
            let (Ok(uscc), Some(on), "cancelled") = (
                Uscc::parse(&row.subject),
                on,
                row.value["event"].as_str().unwrap_or_default(),
            ) else {
                continue;
            };
            let serial = format!("{}:{}", file.manifest.name, row.subject);
            let message = Message {
                serial: &serial,
                body: row.digest.as_bytes(),
                promised_at,
            };
            one_stop::cancel(&self.office, message, &uscc, on).await?;
        }
        Ok(())
    }

    /// Keeps the refusal and words it for the sender.
    async fn refuse_file(
        &self,
        source: &str,
        flow: &str,
        params: &Value,
        fault: &BatchFault,
    ) -> Result<Refusal> {
        let said = manifest(params).ok();
        let detail = format!("文件没有接收：{fault}。昨天的数据保持不变，请改正后重送。");
        // What names no flow of its sender has no place in the list.
        if !matches!(fault, BatchFault::Flow) {
            let refused = Incoming {
                source,
                flow,
                name: said.as_ref().map_or("", |said| said.name.as_str()),
                day: said
                    .as_ref()
                    .map_or_else(|| self.office.today(), |said| said.day),
                sm3: said.as_ref().map_or("", |said| said.sm3.as_str()),
                control: said.as_ref().map_or(0, |said| said.control),
                fact_type: "",
                version: 0,
                as_of: self.office.now(),
                valid_until: None,
                rows: Vec::new(),
            };
            batch::refuse(&self.office, &refused, &fault.to_string()).await?;
        }
        Ok(Refusal::rule("E-BATCH-01", detail))
    }

    /// Flows whose file of the last due day has not come in time. A flow of which no file ever came is not expected.
    ///
    /// # Errors
    /// The database.
    pub async fn late_files(&self) -> Result<Vec<(BatchFlow, NaiveDate)>> {
        let now = self.office.now();
        let flows = &self.gateway.catalogue().batches;
        let names: Vec<String> = flows.iter().map(|flow| flow.flow.clone()).collect();
        let newest = batch::newest_days(&self.office, &names).await?;
        let late = flows.iter().filter_map(|flow| {
            let newest = newest.get(&flow.flow)?;
            let due = due_day(flow, now)?;
            newest
                .is_none_or(|newest| newest < due)
                .then(|| (flow.clone(), due))
        });
        Ok(late.collect())
    }

    /// Alarms once for each file that is late.
    pub(crate) async fn alarm_late_files(&self, told: &mut HashSet<(String, NaiveDate)>) {
        let late = match self.late_files().await {
            Ok(late) => late,
            Err(Error::Refused(_)) => return,
            Err(error) => {
                tracing::error!(%error, "looking for late files");
                return;
            }
        };
        for flow in &self.gateway.catalogue().batches {
            let is_late = late.iter().any(|(known, _)| known.flow == flow.flow);
            metrics::gauge!("batch_late", "flow" => flow.flow.clone()).set(if is_late {
                1.0
            } else {
                0.0
            });
        }
        for (flow, day) in late {
            if told.insert((flow.flow.clone(), day)) {
                tracing::error!(flow = flow.flow, %day, source = flow.source, "a file is late");
                metrics::counter!("batch_late_total", "flow" => flow.flow).increment(1);
            }
        }
    }

    /// Passes on the doubts that wait.
    ///
    /// # Errors
    /// The database; a source that does not take one is asked again a minute later.
    pub async fn send_disputes(&self) -> Result<()> {
        use anju_business::sharing::dispute;
        use anju_exchange::dispute::WorkOrder;
        for source in &self.gateway.catalogue().sources {
            for one in dispute::open_of_source(&self.office, &source.code, 50).await? {
                if one.state != dispute::state::TO_SEND {
                    continue;
                }
                let told = dispute::told(&self.office, &one).await?;
                let order = WorkOrder {
                    number: one.dispute_id.to_string(),
                    source: one.source.clone(),
                    fact_type: one.fact_type.clone(),
                    subject: told.subject,
                    source_ref: told.source_ref,
                    reason: told.reason,
                    case_no: told.case_no,
                };
                match self.gateway.dispute(&order).await {
                    Ok(number) => dispute::sent(&self.office, one.dispute_id, &number).await?,
                    Err(failure) => {
                        tracing::warn!(
                            source = one.source,
                            reason = failure.word(),
                            "a doubt is not taken yet"
                        );
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The newest day whose file should be here by now, its grace included.
fn due_day(flow: &BatchFlow, now: DateTime<Utc>) -> Option<NaiveDate> {
    let today = shanghai_date(now);
    let grace = TimeDelta::minutes(flow.due_minute + flow.late_minutes);
    match flow.every {
        // Files of an hour bear their day; by the grace after midnight one of today is here.
        Every::Hour | Every::Day => {
            let since = at_hour(today, 0)? + grace;
            Some(if now >= since {
                today
            } else {
                today.pred_opt()?
            })
        }
        Every::Month => {
            let first = today.with_day(1)?;
            let since = at_hour(first, 0)? + grace;
            if now >= since {
                Some(first)
            } else {
                first.pred_opt()?.with_day(1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anju_exchange::catalogue::Catalogue;

    #[test]
    fn a_file_is_due_by_its_grace_and_that_of_the_day_before_until_then() {
        let catalogue = Catalogue::shipped().expect("the catalogue");
        let deaths = catalogue.flow("D02", "deaths").expect("a flow");
        let subsidy = catalogue.flow("D19", "subsidy").expect("a flow");
        let at = |text: &str| {
            DateTime::parse_from_rfc3339(text)
                .expect("an instant")
                .with_timezone(&Utc)
        };
        let day = |text: &str| text.parse::<NaiveDate>().ok();
        for (flow, now, due) in [
            (deaths, "2026-11-24T02:59:00+08:00", "2026-11-23"),
            (deaths, "2026-11-24T03:00:00+08:00", "2026-11-24"),
            (subsidy, "2026-11-02T01:00:00+08:00", "2026-10-01"),
            (subsidy, "2026-11-02T02:00:00+08:00", "2026-11-01"),
        ] {
            assert_eq!(due_day(flow, at(now)), day(due), "{} {now}", flow.flow);
        }
    }
}
