//! Documents (证明、对账单、回单): what was handed out, under a code by which whoever is shown it asks whether it is ours and still holds.
//!
//! Invariant: what a document says is written once, with the digest that its case's evidence commits to; afterwards it is only noted
//! that it was replaced or revoked.

use anju_evidence::record::canonical;
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};
use sqlx::{FromRow, PgConnection};

use crate::certificate::{self, Change};
use crate::{Actor, Fault, Office, Refusal, Result};

/// Kinds of documents (services.md §14).
pub mod kind {
    /// 业务回单.
    pub const RECEIPT: &str = "doc-receipt";
    /// 缴存证明.
    pub const CONTRIBUTION: &str = "doc-contribution-certificate";
    /// 异地贷款职工住房公积金缴存使用证明.
    pub const REMOTE_LOAN: &str = "doc-remote-loan-certificate";
    /// 单位缴存证明（守法证明）.
    pub const EMPLOYER: &str = "doc-employer-certificate";
    /// 年度对账单.
    pub const STATEMENT: &str = "doc-statement";

    /// Whether it is a certificate (证明), which stands in the index of certificates; receipts and statements do not.
    #[must_use]
    pub fn is_certificate(kind: &str) -> bool {
        matches!(kind, CONTRIBUTION | REMOTE_LOAN | EMPLOYER)
    }
}

/// Purpose of sealing what a document says.
pub const SEAL: &str = "document";

/// Characters of a code: digits and capitals without 0, 1, I and O, which are taken for one another.
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// Characters of a code.
const CODE: usize = 16;

/// Whether a document still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// 有效.
    Valid,
    /// 已被新的一份代替.
    Replaced,
    /// 已过有效期.
    Expired,
    /// 已作废.
    Revoked,
}

impl Standing {
    /// For programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Replaced => "replaced",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// A document as it is kept.
#[derive(Debug, Clone, FromRow)]
pub struct Document {
    /// Identifier.
    pub document_id: i64,
    /// 校验码, without groups.
    pub code: String,
    /// See [`kind`].
    pub kind: String,
    /// Version of its template.
    pub template: i16,
    /// The case that made it.
    pub case_id: Option<i64>,
    /// Person or employer.
    pub subject_id: i64,
    /// What it is for.
    pub scope: String,
    data_sealed: Vec<u8>,
    /// SM3 of what it says.
    pub digest: Vec<u8>,
    /// When it was issued.
    pub issued_at: DateTime<Utc>,
    /// The last day on which it holds; none without end.
    pub valid_until: Option<NaiveDate>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// The later one that took its place.
    pub replaced_by: Option<i64>,
}

macro_rules! columns {
    () => {
        "document_id, code, kind, template, case_id, subject_id, scope, data_sealed, digest, issued_at, valid_until, revoked_at, replaced_by"
    };
}

impl Document {
    /// What it says.
    ///
    /// # Errors
    /// What is kept was changed.
    pub fn data(&self, office: &Office) -> Result<Value> {
        let plain = office.vault.open(SEAL, &self.data_sealed)?;
        let data: Value = serde_json::from_slice(&plain)?;
        if digest_of(&data)? != self.digest {
            return Err(Fault::Stored("a document is not what was issued".to_owned()).into());
        }
        Ok(data)
    }

    /// Whether it holds on a day. Who revoked it meant more than time or a later paper does.
    pub fn standing(&self, today: NaiveDate) -> Standing {
        if self.revoked_at.is_some() {
            Standing::Revoked
        } else if self.replaced_by.is_some() {
            Standing::Replaced
        } else if self.valid_until.is_some_and(|last| last < today) {
            Standing::Expired
        } else {
            Standing::Valid
        }
    }
}

/// The digest of what a document says: SM3 over RFC 8785.
fn digest_of(data: &Value) -> Result<Vec<u8>> {
    let bytes = canonical(data).map_err(|error| Fault::Stored(error.to_string()))?;
    Ok(anju_vault::sm3(&bytes).to_vec())
}

/// A new code.
fn new_code() -> String {
    let mut bits = u128::from_le_bytes(anju_vault::random::<16>());
    (0..CODE)
        .map(|_| {
            let letter = ALPHABET[usize::try_from(bits & 31).unwrap_or_default()];
            bits >>= 5;
            char::from(letter)
        })
        .collect()
}

/// A code as it was typed or read from paper: groups, hyphens, small and full-width letters are no mistake. None: no such code can be.
pub fn read_code(typed: &str) -> Option<String> {
    let code: String = anju_domain::text::normalise(typed)
        .chars()
        .filter(|letter| !letter.is_whitespace() && !matches!(letter, '-' | '—' | '－'))
        .flat_map(char::to_uppercase)
        .collect();
    let right = code.len() == CODE && code.bytes().all(|letter| ALPHABET.contains(&letter));
    right.then_some(code)
}

/// A document to be issued.
pub struct New<'a> {
    /// See [`kind`].
    pub kind: &'static str,
    /// Version of its template.
    pub template: i16,
    /// The case that makes it.
    pub case_id: Option<i64>,
    /// Person or employer.
    pub subject_id: i64,
    /// What it is for: a later one of the same kind and scope takes its place.
    pub scope: &'a str,
    /// What it says: an object.
    pub data: Value,
    /// The last day on which it holds.
    pub valid_until: Option<NaiveDate>,
}

/// Until the caller's transaction ends nobody else issues a document to this person or employer: of two that come at once the later one sees
/// the earlier.
pub async fn alone(conn: &mut PgConnection, subject_id: i64) -> Result<()> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('document', $1))")
        .bind(subject_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Issues a document in the caller's transaction; what stood for the same is replaced.
pub async fn issue(office: &Office, conn: &mut PgConnection, new: New<'_>) -> Result<Document> {
    alone(&mut *conn, new.subject_id).await?;
    let document_id = office.ids.next().await?;
    let (code, issued_at) = (new_code(), office.now());
    let mut data = new.data;
    data["format"] = "anju-document/1".into();
    data["kind"] = new.kind.into();
    data["template"] = new.template.into();
    data["code"] = code.as_str().into();
    data["centre"] = office.centre.name.as_str().into();
    data["issued_at"] = anju_domain::clock::rfc3339_millis(issued_at).into();
    data["valid_until"] = json!(new.valid_until);
    // Whoever has a digest and knows most of a paper cannot try out the rest.
    data["salt"] = hex::encode(anju_vault::random::<16>()).into();
    let digest = digest_of(&data)?;
    let sealed = office.vault.seal(SEAL, &serde_json::to_vec(&data)?);
    let replaced: Vec<i64> = sqlx::query_scalar(
        "UPDATE document SET replaced_by = $5
          WHERE centre_id = $1 AND subject_id = $2 AND kind = $3 AND scope = $4 AND revoked_at IS NULL AND replaced_by IS NULL
         RETURNING document_id",
    )
    .bind(office.centre.id)
    .bind(new.subject_id)
    .bind(new.kind)
    .bind(new.scope)
    .bind(document_id)
    .fetch_all(&mut *conn)
    .await?;
    sqlx::query(
        "INSERT INTO document (centre_id, document_id, code, kind, template, case_id, subject_id, scope, data_sealed, digest, issued_at, valid_until)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(office.centre.id)
    .bind(document_id)
    .bind(&code)
    .bind(new.kind)
    .bind(new.template)
    .bind(new.case_id)
    .bind(new.subject_id)
    .bind(new.scope)
    .bind(&sealed)
    .bind(&digest)
    .bind(issued_at)
    .bind(new.valid_until)
    .execute(&mut *conn)
    .await?;
    if kind::is_certificate(new.kind) {
        for ended in replaced {
            certificate::changed(office, &mut *conn, ended, Change::Ended).await?;
        }
        certificate::changed(office, conn, document_id, Change::Issued).await?;
    }
    Ok(Document {
        document_id,
        code,
        kind: new.kind.to_owned(),
        template: new.template,
        case_id: new.case_id,
        subject_id: new.subject_id,
        scope: new.scope.to_owned(),
        data_sealed: sealed,
        digest,
        issued_at,
        valid_until: new.valid_until,
        revoked_at: None,
        replaced_by: None,
    })
}

/// The document of a code.
pub async fn by_code(office: &Office, code: &str) -> Result<Option<Document>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM document WHERE centre_id = $1 AND code = $2"
    ))
    .bind(office.centre.id)
    .bind(code)
    .fetch_optional(&office.pool)
    .await?)
}

/// Notes a file that is handed out of a document: it is known again byte for byte ([`of_copy`]).
///
/// # Errors
/// The database.
pub async fn note_copy(office: &Office, document_id: i64, file: &[u8]) -> Result<()> {
    sqlx::query(
        "INSERT INTO document_copy (centre_id, digest, document_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(&anju_vault::sm3(file)[..])
    .bind(document_id)
    .execute(&office.pool)
    .await?;
    Ok(())
}

/// The document of which this file was handed out; none where a byte differs.
///
/// # Errors
/// The database.
pub async fn of_copy(office: &Office, file: &[u8]) -> Result<Option<Document>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM document
          WHERE (centre_id, document_id) = (SELECT centre_id, document_id FROM document_copy WHERE centre_id = $1 AND digest = $2)"
    ))
    .bind(office.centre.id)
    .bind(&anju_vault::sm3(file)[..])
    .fetch_optional(&office.pool)
    .await?)
}

/// The newest document that a case made.
pub async fn of_case(office: &Office, case_id: i64) -> Result<Option<Document>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM document WHERE centre_id = $1 AND case_id = $2 ORDER BY document_id DESC LIMIT 1"
    ))
    .bind(office.centre.id)
    .bind(case_id)
    .fetch_optional(&office.pool)
    .await?)
}

/// The living document of a person or employer for a scope.
pub async fn living(
    office: &Office,
    conn: &mut PgConnection,
    subject_id: i64,
    kind: &str,
    scope: &str,
) -> Result<Option<Document>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM document
          WHERE centre_id = $1 AND subject_id = $2 AND kind = $3 AND scope = $4 AND revoked_at IS NULL AND replaced_by IS NULL
          ORDER BY document_id DESC LIMIT 1"
    ))
    .bind(office.centre.id)
    .bind(subject_id)
    .bind(kind)
    .bind(scope)
    .fetch_optional(conn)
    .await?)
}

/// The documents of a person or employer, newest first, a page of them before `before`.
pub async fn of_subject(
    office: &Office,
    subject_id: i64,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Document>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM document WHERE centre_id = $1 AND subject_id = $2 AND document_id < $3 ORDER BY document_id DESC LIMIT $4"
    ))
    .bind(office.centre.id)
    .bind(subject_id)
    .bind(before.unwrap_or(i64::MAX))
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// Revokes a document for whom it was issued to: lost, or no longer wanted. The case that made it says so in its evidence.
///
/// # Errors
/// 404 for another's, 409 `E-CERT-02` for one that holds no longer.
pub async fn revoke(office: &Office, subject_id: i64, code: &str, actor: Actor) -> Result<()> {
    let document = by_code(office, code)
        .await?
        .filter(|document| document.subject_id == subject_id)
        .ok_or_else(|| Refusal::not_found("这份证明"))?;
    let mut tx = office.pool.begin().await?;
    let revoked = sqlx::query(
        "UPDATE document SET revoked_at = $3, revoked_by = $4
          WHERE centre_id = $1 AND document_id = $2 AND revoked_at IS NULL AND replaced_by IS NULL",
    )
    .bind(office.centre.id)
    .bind(document.document_id)
    .bind(office.now())
    .bind(actor.id())
    .execute(&mut *tx)
    .await?;
    if revoked.rows_affected() != 1 {
        let detail = "这份证明已经作废或被新的一份代替，不用再作废。";
        return Err(Refusal::new(409, "E-CERT-02", detail).into());
    }
    if let Some(case_id) = document.case_id {
        let detail = json!({ "digest": hex::encode(&document.digest) });
        crate::case::add_event(office, &mut tx, case_id, actor, &["revoked"], detail).await?;
    }
    if kind::is_certificate(&document.kind) {
        certificate::changed(office, &mut tx, document.document_id, Change::Ended).await?;
    }
    tx.commit().await?;
    office.wake.notify_one();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_sixteen_characters_that_nobody_takes_for_others() {
        let code = new_code();
        assert_eq!(code.len(), CODE);
        assert_eq!(read_code(&code).as_deref(), Some(code.as_str()));
        assert_ne!(code, new_code());
        for letter in "01IO".bytes() {
            assert!(!ALPHABET.contains(&letter));
        }
    }

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let right = Some("ABCD2345EFGH6789");
        for typed in [
            "ABCD2345EFGH6789",
            " abcd 2345 efgh 6789 ",
            "ABCD-2345-EFGH-6789",
            "ＡＢＣＤ２３４５ＥＦＧＨ６７８９",
        ] {
            assert_eq!(read_code(typed).as_deref(), right, "{typed}");
        }
        for typed in [
            "",
            "ABCD2345EFGH678",
            "ABCD2345EFGH6780",
            "ABCD2345EFGH67891",
        ] {
            assert_eq!(read_code(typed), None, "{typed}");
        }
    }
}
