//! What a department is told and confirms: an index of certificates, a party of an employer. Invariant: it counts as taken only when the signed
//! answer repeats what it was about; it is sent again, with the same number, until then.

use anju_wire::gateway::{Consent, Purpose};
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::Failure;
use crate::ask::Question;
use crate::catalogue::Freshness;
use crate::gateway::Gateway;
use crate::line::ONE_ANSWER;

/// What is told, in the fields of whom it is told to.
pub(crate) struct Announcement<'a> {
    pub(crate) source: &'a str,
    pub(crate) interface: &'a str,
    pub(crate) basis: &'a str,
    pub(crate) purpose: Purpose,
    /// About whom or what.
    pub(crate) subject: &'a str,
    /// What it is about, which the answer has to repeat: field and value.
    pub(crate) about: [(&'a str, &'a str); 2],
    /// The other fields.
    pub(crate) fields: Map<String, Value>,
    /// The field of the receipt.
    pub(crate) receipt: &'a str,
}

impl Gateway {
    /// Tells it; the receipt comes back.
    ///
    /// # Errors
    /// It was not taken, or what is answered is not about this.
    pub(crate) async fn announce(&self, told: Announcement<'_>) -> Result<String, Failure> {
        let counterpart = self.counterpart(told.source).ok_or(Failure::NotAskable)?;
        let mut params = told.fields;
        params.extend(
            told.about
                .map(|(field, value)| (field.to_owned(), value.into())),
        );
        let question = Question {
            source: told.source.to_owned(),
            fact_type: told.interface.to_owned(),
            interface: told.interface.to_owned(),
            subject: told.subject.to_owned(),
            params,
            purpose: told.purpose,
            consent: Consent {
                id: told.basis.to_owned(),
                hash: String::new(),
            },
            freshness: Freshness::PerUse,
        };
        let (about, receipt) = (told.about, told.receipt);
        let limits = &self.catalogue().gateway;
        counterpart
            .run(limits, Instant::now() + limits.whole(), |within| {
                let question = &question;
                async move {
                    let (_, data) = self.exchange(question, within, ONE_ANSWER).await?;
                    let said = |field: &str| data.get(field).and_then(Value::as_str);
                    let is_ours = about
                        .iter()
                        .all(|(field, value)| said(field) == Some(*value));
                    match said(receipt) {
                        Some(receipt) if is_ours => Ok(receipt.to_owned()),
                        _ => Err(Failure::WrongPerson),
                    }
                }
            })
            .await
    }
}
