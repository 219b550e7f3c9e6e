//! The outbox: what must be said to a bank or a phone, written with the change that caused it and sent after the commit.
//!
//! Workers lease rows and commit `sending` before the wire; no lock is held during a call. What was leased before and is
//! leased again (`attempts > 1`) may have reached the other side: a payment is then queried, never sent blindly.

use chrono::{DateTime, Duration, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sqlx::{FromRow, PgConnection};

use crate::{Office, Result};

/// Kinds of messages.
pub mod kind {
    /// A payment order of a case.
    pub const PAYMENT: i16 = 1;
    /// A short message.
    pub const SMS: i16 = 2;
    /// A payment that returns an unidentified receipt.
    pub const REFUND: i16 = 3;
    /// A payment of a transfer between cities: to the in-centre, or back to the out-centre.
    pub const TRANSFER: i16 = 50;
    /// A message to another centre over the national platform.
    pub const PLATFORM: i16 = 51;
    /// A file of collections.
    pub const COLLECTION: i16 = 4;
    /// A payment of a court's deduction.
    pub const COURT: i16 = 60;
    /// What became of a deduction, to the court.
    pub const COURT_WORD: i16 = 61;
    /// A credit referral, or its end, to a bank.
    pub const CREDIT: i16 = 5;
    /// What became of an employer, to the departments that register it, too.
    pub const PARTIES: i16 = 70;
    /// A certificate that was issued, replaced or revoked, to the index of certificates.
    pub const CERTIFICATE: i16 = 71;
    /// A file to a department.
    pub const FILE: i16 = 72;
    /// What departments are told: they are asked nothing, and may be silent for long.
    pub const TO_DEPARTMENTS: [i16; 3] = [PARTIES, CERTIFICATE, FILE];
}

/// A word for a kind, in measures.
#[must_use]
pub const fn word(kind: i16) -> &'static str {
    match kind {
        kind::PAYMENT => "payment",
        kind::SMS => "sms",
        kind::REFUND => "refund",
        kind::TRANSFER => "transfer",
        kind::PLATFORM => "platform",
        kind::COLLECTION => "collection",
        kind::CREDIT => "credit",
        kind::COURT => "court",
        kind::COURT_WORD => "court_word",
        kind::PARTIES => "parties",
        kind::CERTIFICATE => "certificate",
        kind::FILE => "file",
        _ => "other",
    }
}

/// Purpose of sealing a file that waits to be sent.
pub const FILE: &str = "sent-file";

/// A leased row.
#[derive(Debug, Clone, FromRow)]
pub struct Message {
    /// Identifier.
    pub outbox_id: i64,
    /// The case that it belongs to.
    pub case_id: Option<i64>,
    /// See [`kind`].
    pub kind: i16,
    /// Leases so far, this one included.
    pub attempts: i16,
    /// Ids; the message is drawn when it is sent.
    pub payload: Value,
    /// When it was caused.
    pub made_at: DateTime<Utc>,
}

/// Puts a message into the change that causes it.
pub async fn enqueue(
    office: &Office,
    conn: &mut PgConnection,
    kind: i16,
    case_id: Option<i64>,
    payload: Value,
    due_at: DateTime<Utc>,
) -> Result<i64> {
    let outbox_id = office.ids.next().await?;
    sqlx::query(
        "INSERT INTO outbox (outbox_id, case_id, due_at, centre_id, kind, payload, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(outbox_id)
    .bind(case_id)
    .bind(due_at)
    .bind(office.centre.id)
    .bind(kind)
    .bind(payload)
    .bind(office.now())
    .execute(conn)
    .await?;
    Ok(outbox_id)
}

/// Puts a short message about a case, by its template, into the change that causes it.
pub async fn sms(
    office: &Office,
    conn: &mut PgConnection,
    case_id: i64,
    template: &str,
) -> Result<()> {
    let payload = json!({ "template": template, "case": case_id });
    enqueue(
        office,
        conn,
        kind::SMS,
        Some(case_id),
        payload,
        office.now(),
    )
    .await?;
    Ok(())
}

/// The same short message about many cases: one statement.
pub async fn sms_of_many(
    office: &Office,
    conn: &mut PgConnection,
    cases: &[i64],
    template: &str,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO outbox (outbox_id, case_id, due_at, centre_id, kind, payload, made_at)
         SELECT n.outbox_id, n.case_id, $2, $1, $3, jsonb_build_object('template', $4::text, 'case', n.case_id), $2
           FROM unnest($5::bigint[], $6::bigint[]) AS n (outbox_id, case_id)",
    )
    .bind(office.centre.id)
    .bind(office.now())
    .bind(kind::SMS)
    .bind(template)
    .bind(office.ids.take(cases.len()).await?)
    .bind(cases)
    .execute(conn)
    .await?;
    Ok(())
}

/// Clerks of one employer that are told.
const CLERKS_TOLD: i64 = 20;

/// Tells every clerk of an employer, in at most 60 characters, in the change that causes it.
pub async fn tell_clerks(
    office: &Office,
    conn: &mut PgConnection,
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
    .bind(CLERKS_TOLD)
    .fetch_all(&mut *conn)
    .await?;
    for phone in phones {
        let payload = json!({ "phone": hex::encode(phone), "text": text });
        enqueue(office, conn, kind::SMS, case_id, payload, office.now()).await?;
    }
    Ok(())
}

/// When a message was put into the outbox.
pub async fn enqueued_at(office: &Office, outbox_id: i64) -> Result<DateTime<Utc>> {
    Ok(
        sqlx::query_scalar("SELECT made_at FROM outbox WHERE centre_id = $1 AND outbox_id = $2")
            .bind(office.centre.id)
            .bind(outbox_id)
            .fetch_one(&office.pool)
            .await?,
    )
}

/// A short message to a person.
#[derive(Debug, Clone, FromRow)]
pub struct Told {
    /// When it was caused.
    pub made_at: DateTime<Utc>,
    /// Drawn by [`crate::notice::draw`].
    pub payload: Value,
    /// Whether it has left the outbox.
    pub delivered: bool,
}

/// The last short messages to a person, newest first: those about his own cases that are not for somebody else, and those that name him,
/// whosever case they are about. Codes are no part of it.
pub async fn told(office: &Office, person_id: i64, limit: i64) -> Result<Vec<Told>> {
    Ok(sqlx::query_as(
        "WITH own AS (
             SELECT case_id FROM business_case WHERE centre_id = $1 AND applicant_id = $2 ORDER BY case_id DESC LIMIT 200)
         SELECT made_at, payload, delivered
           FROM (SELECT o.outbox_id, o.made_at, o.payload, TRUE AS delivered
                   FROM outbox_done o JOIN own USING (case_id)
                  WHERE o.centre_id = $1 AND o.kind = $3 AND o.payload ->> 'person' IS NULL
                 UNION ALL
                 SELECT o.outbox_id, o.made_at, o.payload, FALSE
                   FROM outbox o JOIN own USING (case_id)
                  WHERE o.centre_id = $1 AND o.kind = $3 AND o.payload ->> 'person' IS NULL
                 UNION ALL
                (SELECT o.outbox_id, o.made_at, o.payload, TRUE
                   FROM outbox_done o
                  WHERE o.centre_id = $1 AND o.kind = $3 AND o.payload ->> 'person' = $2::text
                  ORDER BY o.outbox_id DESC LIMIT $4)
                 UNION ALL
                (SELECT o.outbox_id, o.made_at, o.payload, FALSE
                   FROM outbox o
                  WHERE o.centre_id = $1 AND o.kind = $3 AND o.payload ->> 'person' = $2::text
                  ORDER BY o.outbox_id DESC LIMIT $4)) AS message
          ORDER BY made_at DESC, outbox_id DESC LIMIT $4",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .bind(kind::SMS)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// How long a lease holds: longer than the longest call.
const LEASE: Duration = Duration::seconds(20);

/// Leases up to `limit` due messages. Who comes for the same ones at the same moment waits for the first and then finds them leased: rows are
/// not locked before they are changed, which would be one more record of the log for each.
pub async fn lease(office: &Office, limit: i64) -> Result<Vec<Message>> {
    let now = office.now();
    Ok(sqlx::query_as(
        "UPDATE outbox o
            SET state = 1, attempts = attempts + 1, leased_until = $4
          WHERE o.centre_id = $1
            AND o.outbox_id = ANY (ARRAY (
                SELECT outbox_id FROM outbox
                 WHERE centre_id = $1 AND due_at <= $2 AND (leased_until IS NULL OR leased_until <= $2)
                 ORDER BY due_at LIMIT $3))
            AND (o.leased_until IS NULL OR o.leased_until <= $2)
         RETURNING o.outbox_id, o.case_id, o.kind, o.attempts, o.payload, o.made_at",
    )
    .bind(office.centre.id)
    .bind(now)
    .bind(limit)
    .bind(now + LEASE)
    .fetch_all(&office.pool)
    .await?)
}

/// Moves a finished message out, together with those that are finished at this moment; it is kept.
pub async fn finish(office: &Office, outbox_id: i64) -> Result<()> {
    office.trays.finished.put(office, outbox_id).await
}

pub(crate) fn finish_all(office: Office, ids: Vec<i64>) -> BoxFuture<'static, Result<Vec<()>>> {
    async move {
        sqlx::query(
            "WITH done AS (DELETE FROM outbox WHERE centre_id = $1 AND outbox_id = ANY ($2) RETURNING *)
             INSERT INTO outbox_done SELECT * FROM done",
        )
        .bind(office.centre.id)
        .bind(&ids)
        .execute(&office.pool)
        .await?;
        Ok(vec![(); ids.len()])
    }
    .boxed()
}

/// The same for an order, which may have become the message to the person meanwhile (`case_paid`): that is not finished by it.
pub async fn finish_order(office: &Office, outbox_id: i64) -> Result<()> {
    sqlx::query(
        "WITH done AS (DELETE FROM outbox WHERE centre_id = $1 AND outbox_id = $2 AND kind <> $3 RETURNING *)
         INSERT INTO outbox_done SELECT * FROM done",
    )
    .bind(office.centre.id)
    .bind(outbox_id)
    .bind(kind::SMS)
    .execute(&office.pool)
    .await?;
    Ok(())
}

/// Sees a message again later: a payment whose result is not known yet, a phone that did not answer.
pub async fn later(office: &Office, outbox_id: i64, due_at: DateTime<Utc>) -> Result<()> {
    sqlx::query("UPDATE outbox SET due_at = $3, leased_until = NULL WHERE centre_id = $1 AND outbox_id = $2")
        .bind(office.centre.id)
        .bind(outbox_id)
        .bind(due_at)
        .execute(&office.pool)
        .await?;
    Ok(())
}

/// What of these kinds waits for its next try is due at once: somebody answers again.
pub async fn hasten(office: &Office, kinds: &[i16]) -> Result<()> {
    sqlx::query(
        "UPDATE outbox SET due_at = $3 WHERE centre_id = $1 AND kind = ANY ($2) AND due_at > $3 AND leased_until IS NULL",
    )
    .bind(office.centre.id)
    .bind(kinds)
    .bind(office.now())
    .execute(&office.pool)
    .await?;
    office.wake.notify_one();
    Ok(())
}

/// How many messages of a kind have not been taken yet. The outbox holds what waits and nothing else, so that it is small.
pub async fn waiting(office: &Office, kind: i16) -> Result<i64> {
    Ok(
        sqlx::query_scalar("SELECT count(*) FROM outbox WHERE centre_id = $1 AND kind = $2")
            .bind(office.centre.id)
            .bind(kind)
            .fetch_one(&office.pool)
            .await?,
    )
}

/// Puts a short message to each of these people, with its text, into the change that causes it: one statement for a roster.
pub async fn tell_people(
    office: &Office,
    conn: &mut PgConnection,
    case_id: i64,
    people: &[i64],
    texts: &[String],
) -> Result<()> {
    sqlx::query(
        "INSERT INTO outbox (outbox_id, case_id, due_at, centre_id, kind, payload, made_at)
         SELECT n.outbox_id, $2, $3, $1, $4, jsonb_build_object('person', n.person_id, 'text', n.text), $3
           FROM unnest($5::bigint[], $6::bigint[], $7::text[]) AS n (outbox_id, person_id, text)",
    )
    .bind(office.centre.id)
    .bind(case_id)
    .bind(office.now())
    .bind(kind::SMS)
    .bind(office.ids.take(people.len()).await?)
    .bind(people)
    .bind(texts)
    .execute(conn)
    .await?;
    Ok(())
}

/// Puts a short message to each of these people, each about a case of his own, into the change that causes it: one statement for a batch.
pub async fn tell_about(
    office: &Office,
    conn: &mut PgConnection,
    cases: &[i64],
    people: &[i64],
    texts: &[String],
) -> Result<()> {
    sqlx::query(
        "INSERT INTO outbox (outbox_id, case_id, due_at, centre_id, kind, payload, made_at)
         SELECT n.outbox_id, n.case_id, $2, $1, $3, jsonb_build_object('person', n.person_id, 'text', n.text), $2
           FROM unnest($4::bigint[], $5::bigint[], $6::bigint[], $7::text[]) AS n (outbox_id, case_id, person_id, text)",
    )
    .bind(office.centre.id)
    .bind(office.now())
    .bind(kind::SMS)
    .bind(office.ids.take(people.len()).await?)
    .bind(cases)
    .bind(people)
    .bind(texts)
    .execute(conn)
    .await?;
    Ok(())
}

/// The same about no case, sent from an instant on.
pub async fn tell_each(
    office: &Office,
    conn: &mut PgConnection,
    people: &[i64],
    texts: &[String],
    due_at: DateTime<Utc>,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO outbox (outbox_id, due_at, centre_id, kind, payload, made_at)
         SELECT n.outbox_id, $2, $1, $3, jsonb_build_object('person', n.person_id, 'text', n.text), $4
           FROM unnest($5::bigint[], $6::bigint[], $7::text[]) AS n (outbox_id, person_id, text)",
    )
    .bind(office.centre.id)
    .bind(due_at)
    .bind(kind::SMS)
    .bind(office.now())
    .bind(office.ids.take(people.len()).await?)
    .bind(people)
    .bind(texts)
    .execute(conn)
    .await?;
    Ok(())
}
