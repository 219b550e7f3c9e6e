//! Short messages to an employer's clerks (经办人): about money that is short or over, notices, decisions.

use anju_casework::{Office, Result, outbox};
use serde_json::json;
use sqlx::PgConnection;

/// Clerks of one employer that are told.
const MOST: i64 = 20;

/// Tells every clerk of an employer, in the change that causes it. At most 60 characters.
pub(super) async fn tell(
    office: &Office,
    tx: &mut PgConnection,
    employer_id: i64,
    case_id: Option<i64>,
    text: &str,
) -> Result<()> {
    debug_assert!(text.chars().count() <= 60, "{text}");
    let phones: Vec<Vec<u8>> = sqlx::query_scalar(
        "SELECT phone_sealed FROM clerk WHERE centre_id = $1 AND employer_id = $2 AND ended_at IS NULL ORDER BY clerk_id LIMIT $3",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(MOST)
    .fetch_all(&mut *tx)
    .await?;
    for phone in phones {
        let payload = json!({ "phone": hex::encode(phone), "text": text });
        outbox::enqueue(
            office,
            tx,
            outbox::kind::SMS,
            case_id,
            payload,
            office.now(),
        )
        .await?;
    }
    Ok(())
}
