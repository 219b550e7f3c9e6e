//! 数据异议 on the wire: a doubt that a person has of what a source says goes to that source as a work order; its answer is a push.

use anju_wire::gateway::{Consent, Purpose};
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::Failure;
use crate::ask::Question;
use crate::catalogue::Freshness;
use crate::gateway::Gateway;
use crate::line::ONE_ANSWER;

/// The interface of the work order, the source before it.
pub const DISPUTE: &str = "fact.dispute";

/// The interface of the source's answer.
pub(crate) const DISPUTE_ANSWER: &str = "fact.dispute_answer";

/// A doubt as it is passed on.
#[derive(Debug, Clone)]
pub struct WorkOrder {
    /// Our number of it: the same however often it is sent.
    pub number: String,
    /// Of whom.
    pub source: String,
    /// What.
    pub fact_type: String,
    /// Whom the fact is about: ID number or credit code.
    pub subject: String,
    /// The source's serial of its answer, where it gave one.
    pub source_ref: String,
    /// What the person says is wrong.
    pub reason: String,
    /// The case, where there is one.
    pub case_no: String,
}

impl Gateway {
    /// Passes a doubt on; the source's number of the work order comes back.
    ///
    /// # Errors
    /// The source did not take it: to be sent again, with the same number.
    pub async fn dispute(&self, order: &WorkOrder) -> Result<String, Failure> {
        let counterpart = self.counterpart(&order.source).ok_or(Failure::NotAskable)?;
        let fields = [
            ("yybh", &order.number),
            ("sjlx", &order.fact_type),
            ("dxbh", &order.subject),
            ("ylsh", &order.source_ref),
            ("yysm", &order.reason),
        ];
        let params: Map<String, Value> = fields
            .into_iter()
            .map(|(name, text)| (name.to_owned(), Value::from(text.as_str())))
            .collect();
        let question = Question {
            source: order.source.clone(),
            fact_type: DISPUTE.to_owned(),
            interface: format!("{}.{DISPUTE}", order.source),
            subject: order.number.clone(),
            params,
            purpose: Purpose {
                item: "fact-dispute".to_owned(),
                case_no: order.case_no.clone(),
            },
            // 个人信息保护法第四十六条: the person asks for a correction.
            consent: Consent {
                id: "statutory:个人信息保护法第四十六条".to_owned(),
                hash: String::new(),
            },
            freshness: Freshness::PerUse,
        };
        let limits = &self.catalogue().gateway;
        let data = counterpart
            .run(limits, Instant::now() + limits.whole(), |within| {
                let question = &question;
                async move {
                    let (_, data) = self.exchange(question, within, ONE_ANSWER).await?;
                    Ok(data)
                }
            })
            .await?;
        let taken = data.get("gdh").and_then(Value::as_str);
        taken.map(str::to_owned).ok_or(Failure::WrongPerson)
    }
}
