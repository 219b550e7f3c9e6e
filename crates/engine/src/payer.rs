//! What an order to a bank pays for, a case or the return of a receipt, and where the bank's word about it goes. Each word counts
//! once: a second one about the same order changes nothing.

use anju_business::contribution::{refund, suspense};
use anju_business::court::pay;
use anju_business::remote::money;
use anju_casework::case::{self, PaymentReport, share};
use anju_casework::outbox::Message;
use anju_casework::{Fault, Office, Result};
use serde_json::Value;

/// What a payment belongs to.
#[derive(Clone, Copy)]
pub(crate) enum Payer {
    /// A case, by one of its attempts.
    Case { case_id: i64, attempt: i16 },
    /// A share of a case that pays several.
    Share { share_id: i64, attempt: i16 },
    /// A receipt that nobody claims goes back.
    Refund { match_id: i64 },
    /// What an employer contributed wrongly goes back to it.
    Employer { refund_id: i64 },
    /// A transfer between cities: to the in-centre, or back to the out-centre.
    Transfer { letter_id: i64, attempt: i16 },
    /// A deduction that a court ordered.
    Court { act_id: i64 },
}

impl Payer {
    /// Of a message of the outbox.
    pub(crate) fn of_message(message: &Message) -> Result<Self> {
        let number = |field: &str| message.payload.get(field).and_then(Value::as_i64);
        if let Some(refund_id) = number("refund") {
            return Ok(Self::Employer { refund_id });
        }
        if let Some(act_id) = number("court") {
            return Ok(Self::Court { act_id });
        }
        if let (Some(letter_id), Some(attempt)) = (number("transfer"), number("attempt")) {
            return Ok(Self::Transfer {
                letter_id,
                attempt: i16::try_from(attempt).map_err(|_| Fault::Stored("attempt".to_owned()))?,
            });
        }
        if let (Some(share_id), Some(attempt)) = (number("share"), number("attempt")) {
            return Ok(Self::Share {
                share_id,
                attempt: i16::try_from(attempt).map_err(|_| Fault::Stored("attempt".to_owned()))?,
            });
        }
        match (number("case"), number("attempt"), number("match")) {
            (Some(case_id), Some(attempt), _) => Ok(Self::Case {
                case_id,
                attempt: i16::try_from(attempt).map_err(|_| Fault::Stored("attempt".to_owned()))?,
            }),
            (_, _, Some(match_id)) => Ok(Self::Refund { match_id }),
            _ => Err(Fault::Stored("a payment names nothing".to_owned()).into()),
        }
    }

    /// Of a bank's identifier, if it is one of ours.
    pub(crate) fn of_end_to_end_id(office: &Office, id: &str) -> Option<Self> {
        if let Some((case_id, attempt)) = case::of_end_to_end_id(office, id) {
            return Some(Self::Case { case_id, attempt });
        }
        if let Some((letter_id, attempt)) = money::of_end_to_end_id(office, id) {
            return Some(Self::Transfer { letter_id, attempt });
        }
        if let Some(act_id) = pay::of_payment_id(office, id) {
            return Some(Self::Court { act_id });
        }
        if let Some((share_id, attempt)) = share::of_end_to_end_id(office, id) {
            return Some(Self::Share { share_id, attempt });
        }
        suspense::of_refund_id(office, id)
            .map(|match_id| Self::Refund { match_id })
            .or_else(|| {
                refund::of_payment_id(office, id).map(|refund_id| Self::Employer { refund_id })
            })
    }

    /// The bank has paid. True where the message that ordered it was finished together with that.
    pub(crate) async fn settled(self, office: &Office, report: &PaymentReport) -> Result<bool> {
        match self {
            Self::Case { case_id, attempt } => {
                let paid = case::payment_paid(office, case_id, attempt, report).await?;
                Ok(paid && report.message.is_some())
            }
            Self::Share { share_id, attempt } => {
                share::paid(office, share_id, attempt, report).await?;
                Ok(false)
            }
            Self::Refund { match_id } => {
                suspense::refund_result(office, match_id, true, report).await?;
                Ok(false)
            }
            Self::Employer { refund_id } => {
                refund::result(office, refund_id, true, report).await?;
                Ok(false)
            }
            Self::Transfer { letter_id, attempt } => {
                money::paid(office, letter_id, attempt, report).await?;
                Ok(false)
            }
            Self::Court { act_id } => {
                pay::result(office, act_id, true, report).await?;
                Ok(false)
            }
        }
    }

    /// The bank has refused.
    pub(crate) async fn rejected(self, office: &Office, report: &PaymentReport) -> Result<()> {
        match self {
            Self::Case { case_id, attempt } => {
                case::payment_rejected(office, case_id, attempt, report).await?
            }
            Self::Share { share_id, attempt } => {
                share::rejected(office, share_id, attempt, report).await?;
                return Ok(());
            }
            Self::Refund { match_id } => {
                suspense::refund_result(office, match_id, false, report).await?
            }
            Self::Employer { refund_id } => {
                refund::result(office, refund_id, false, report).await?
            }
            Self::Transfer { letter_id, attempt } => {
                money::rejected(office, letter_id, attempt, report).await?
            }
            Self::Court { act_id } => pay::result(office, act_id, false, report).await?,
        };
        Ok(())
    }
}
