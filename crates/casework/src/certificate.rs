//! 证照索引: what becomes of a certificate is told to the index of certificates, once for each change.
//!
//! Invariant: a certificate changes twice at most, it is issued and it ends; each change is one message, written with it. The message is drawn when
//! it is sent, so that it says what holds then: no order of arrival can make an ended one valid.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};
use sqlx::{FromRow, PgConnection};

use crate::document::{Standing, kind};
use crate::{Fault, Office, Result, employer, outbox, person};

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was issued.
    Issued,
    /// It was revoked, or a later one took its place.
    Ended,
}

impl Change {
    /// Its place among the certificate's changes.
    #[must_use]
    pub const fn place(self) -> i64 {
        match self {
            Self::Issued => 1,
            Self::Ended => 2,
        }
    }
}

/// Puts a change into the transaction that makes it.
pub(crate) async fn changed(
    office: &Office,
    conn: &mut PgConnection,
    document_id: i64,
    change: Change,
) -> Result<()> {
    let payload = json!({ "document": document_id, "change": change.place() });
    let now = office.now();
    outbox::enqueue(office, conn, outbox::kind::CERTIFICATE, None, payload, now).await?;
    Ok(())
}

/// A change as it is told.
#[derive(Debug, Clone)]
pub struct Changed {
    /// 校验码: the certificate's number.
    pub code: String,
    /// 1 issued, 2 ended: the same however often it is told.
    pub place: i64,
    /// Of the catalogue of documents.
    pub kind: String,
    /// The holder's ID number or credit code; never told as it is.
    pub holder: String,
    /// Hex SM3 of what it says.
    pub digest: String,
    /// When it was issued.
    pub issued_at: DateTime<Utc>,
    /// The last day on which it holds.
    pub valid_until: Option<NaiveDate>,
    /// Valid, replaced or revoked; that its days are over the index sees by itself.
    pub standing: Standing,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

#[derive(FromRow)]
struct Row {
    code: String,
    kind: String,
    subject_id: i64,
    digest: Vec<u8>,
    issued_at: DateTime<Utc>,
    valid_until: Option<NaiveDate>,
    revoked_at: Option<DateTime<Utc>>,
    replaced_at: Option<DateTime<Utc>>,
}

/// The change of a message, as it stands now; none where there is none.
///
/// # Errors
/// The database.
pub async fn of_message(office: &Office, payload: &Value) -> Result<Option<Changed>> {
    let number = |field: &str| payload.get(field).and_then(Value::as_i64);
    let (Some(document_id), Some(place)) = (number("document"), number("change")) else {
        return Ok(None);
    };
    let row: Option<Row> = sqlx::query_as(
        "SELECT d.code, d.kind, d.subject_id, d.digest, d.issued_at, d.valid_until, d.revoked_at, later.issued_at AS replaced_at
           FROM document d
           LEFT JOIN document later ON later.centre_id = d.centre_id AND later.document_id = d.replaced_by
          WHERE d.centre_id = $1 AND d.document_id = $2",
    )
    .bind(office.centre.id)
    .bind(document_id)
    .fetch_optional(&office.pool)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let holder = if row.kind == kind::EMPLOYER {
        let employer = employer::get(office, &office.pool, row.subject_id).await?;
        employer.map(|employer| employer.uscc)
    } else {
        let person = person::get(office, row.subject_id).await?;
        person.map(|person| person.id_number.expose().to_owned())
    };
    Ok(Some(Changed {
        code: row.code,
        place,
        kind: row.kind,
        holder: holder.ok_or_else(|| Fault::Stored("a certificate of nobody".to_owned()))?,
        digest: hex::encode(row.digest),
        issued_at: row.issued_at,
        valid_until: row.valid_until,
        standing: match (row.revoked_at, row.replaced_at) {
            (Some(_), _) => Standing::Revoked,
            (None, Some(_)) => Standing::Replaced,
            (None, None) => Standing::Valid,
        },
        ended_at: row.revoked_at.or(row.replaced_at),
    }))
}
