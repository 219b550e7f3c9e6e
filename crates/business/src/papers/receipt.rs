//! 业务回单: what a person keeps of a withdrawal, as a document, so that whoever is shown it can ask. Invariant: the same end of the same
//! payment gives the same paper; money that came back after it makes the paper void.

use anju_casework::case::{Case, CaseState};
use anju_casework::document::{self, Document, kind};
use anju_casework::{Office, Result};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Version of the template.
const TEMPLATE: i16 = 1;

/// What a receipt says beside what every document says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptSaid {
    /// 办件编号.
    pub case_id: String,
    /// 事项.
    pub service: String,
    /// Name.
    pub name: String,
    /// Citizen identity number.
    pub id_no: String,
    /// Amount, fen.
    pub amount_fen: i64,
    /// What of it came from the housing subsidy's account, fen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subsidy_fen: Option<i64>,
    /// 收款账户, its last digits.
    pub payee: String,
    /// 规则版本.
    pub policy_version: String,
    /// 状态, in words.
    pub state: String,
    /// Submission, decision, payment: words and instants.
    pub times: Vec<(String, DateTime<Utc>)>,
}

/// The receipt of a case: the one that was issued, unless something else is to be said by now.
///
/// # Errors
/// The database.
pub async fn issue(office: &Office, case: &Case, said: ReceiptSaid) -> Result<Document> {
    let person_id = case.applicant_id;
    let scope = said.case_id.clone();
    let mut tx = office.pool.begin().await?;
    document::alone(&mut tx, person_id).await?;
    let before = document::living(office, &mut tx, person_id, kind::RECEIPT, &scope).await?;
    if let Some(before) = before
        && read(&before.data(office)?)? == said
    {
        return Ok(before);
    }
    let issued = document::issue(
        office,
        &mut tx,
        document::New {
            kind: kind::RECEIPT,
            template: TEMPLATE,
            case_id: Some(case.case_id),
            subject_id: person_id,
            scope: &scope,
            data: serde_json::to_value(said)?,
            valid_until: None,
        },
    )
    .await?;
    tx.commit().await?;
    Ok(issued)
}

/// Whether what a receipt says is still so: its case has ended with the payment.
pub(super) fn holds(case: &Case) -> bool {
    case.state() == CaseState::Done
}

/// What a receipt says, out of a document's data.
///
/// # Errors
/// It is no receipt.
pub fn read(data: &Value) -> Result<ReceiptSaid> {
    Ok(serde_json::from_value(data.clone())?)
}
