//! 电子营业执照 (`market.elicence`): a one-time code of the market regulator is exchanged for who scanned, over the signed line.
//!
//! Invariant: the answer is the holder's own act and is kept as no fact, since it carries his phone; the enquiry leaves its trace. What is
//! not answered is unknown, and lets nobody in.

use std::sync::Arc;

use anju_casework::licence::{Licence, Role};
use anju_domain::name::PersonName;
use anju_domain::phone::Phone;
use anju_domain::uscc::Uscc;
use anju_wire::gateway::{Consent, Purpose};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::ask::Question;
use crate::catalogue::Freshness;
use crate::counterpart::Failure;
use crate::fact_store::{CallOutcome, FactStoreError, SourceCall, SubjectKeys};
use crate::gateway::Gateway;
use crate::line::{CallFault, ONE_ANSWER};

const FACT_TYPE: &str = "market.elicence";
const REGULATOR: &str = "D06";

/// What came of a code.
#[derive(Debug, Clone)]
pub enum Redeemed {
    /// Who scanned.
    Holder(Box<Licence>),
    /// The code is not good: used, too old, of another log-in, or the licence is revoked.
    Refused,
    /// The regulator did not answer.
    Unknown,
}

/// Exchanges a code: once, with the verifier and the address of the log-in that asked for it.
///
/// # Errors
/// Only the store's: an enquiry without a trace must not count.
pub async fn redeem(
    gateway: &Arc<Gateway>,
    code: &str,
    verifier: &str,
    redirect_uri: &str,
) -> Result<Redeemed, FactStoreError> {
    let began = Instant::now();
    let question = Question {
        source: REGULATOR.to_owned(),
        fact_type: FACT_TYPE.to_owned(),
        interface: FACT_TYPE.to_owned(),
        subject: code.to_owned(),
        params: [("sqm", code), ("yzm", verifier), ("hddz", redirect_uri)]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .collect::<Map<String, Value>>(),
        purpose: Purpose {
            item: "employer-login".to_owned(),
            case_no: String::new(),
        },
        consent: Consent {
            id: "act:电子营业执照扫码".to_owned(),
            hash: String::new(),
        },
        freshness: Freshness::PerUse,
    };
    let at = gateway.now();
    let limits = &gateway.catalogue().gateway;
    let answered = match gateway.counterpart(REGULATOR) {
        None => Err(Failure::NotAskable),
        Some(regulator) => {
            regulator
                .run(limits, Instant::now() + limits.whole(), |within| {
                    let question = &question;
                    async move {
                        let (answer, data) = gateway.exchange(question, within, ONE_ANSWER).await?;
                        if data.get("sqm").and_then(Value::as_str) != Some(&question.subject) {
                            return Err(Failure::WrongPerson);
                        }
                        let licence = match answer.value {
                            None => None,
                            Some(_) => Some(holder(&data).ok_or(CallFault::Malformed)?),
                        };
                        Ok((licence, answer))
                    }
                })
                .await
        }
    };
    let read = |part: fn(&crate::ask::Answer) -> &String| {
        answered
            .as_ref()
            .map(|(_, answer)| part(answer).clone())
            .unwrap_or_default()
    };
    let call = SourceCall {
        at,
        source: REGULATOR.to_owned(),
        fact_type: FACT_TYPE.to_owned(),
        // A code names nobody; whose licence it was is in the session that it opens.
        subject: SubjectKeys::default(),
        role: "employer".to_owned(),
        count: 1,
        purpose: question.purpose.clone(),
        consent: question.consent.clone(),
        outcome: match &answered {
            Ok((Some(_), _)) => CallOutcome::Known,
            Ok((None, _)) => CallOutcome::Absent,
            Err(failure) => CallOutcome::Unknown(failure.word()),
        },
        latency_ms: i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX),
        request_hash: read(|answer| &answer.request_hash),
        evidence_hash: read(|answer| &answer.evidence_hash),
        trace: read(|answer| &answer.trace),
    };
    gateway.store().audit(std::slice::from_ref(&call)).await?;
    Ok(match answered {
        Ok((Some(licence), _)) => Redeemed::Holder(Box::new(licence)),
        Ok((None, _)) => Redeemed::Refused,
        Err(_) => Redeemed::Unknown,
    })
}

/// The holder in the regulator's own fields; nothing where one of them cannot be read.
fn holder(data: &Value) -> Option<Licence> {
    let text = |field: &str| data.get(field).and_then(Value::as_str);
    Some(Licence {
        uscc: Uscc::parse(text("tyshxydm")?).ok()?,
        role: match text("cyrlx")? {
            "1" => Role::LegalRepresentative,
            "2" | "3" => Role::Authorised,
            _ => return None,
        },
        name: PersonName::parse(text("cyrxm")?).ok()?,
        id_no: text("cyrzjhm").unwrap_or_default().to_owned(),
        phone: Phone::parse(text("cyrsjh")?).ok()?,
        powers: data
            .get("qx")?
            .as_array()?
            .iter()
            .filter_map(|power| power.as_str().map(str::to_owned))
            .collect(),
        until: DateTime::parse_from_rfc3339(text("yxqz")?)
            .ok()?
            .with_timezone(&Utc),
    })
}
