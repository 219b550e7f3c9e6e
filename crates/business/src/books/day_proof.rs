//! The evidence of a closed day: one batch whose first entry is the day and whose others are its journals, so that every journal
//! is under a leaf at the latest when its day is sealed.

use anju_casework::findings::Findings;
use anju_casework::leaf::{self, Batch, kind};
use anju_casework::log::audit::{Leaf, differs};
use anju_casework::log::{self, Proof};
use anju_casework::{Fault, Office, Refusal, Result};
use anju_ledger::JournalId;
use anju_ledger::digest::{JournalDigest, of_day, text_of};
use anju_vault::NumberKind;
use chrono::{Datelike, NaiveDate};
use serde_json::{Value, json};
use sqlx::PgConnection;

/// What the log calls a day: its date as a number, 20261124.
fn ref_id(date: NaiveDate) -> i64 {
    i64::from(date.year()) * 10_000 + i64::from(date.month() * 100 + date.day())
}

struct Day {
    date: NaiveDate,
    record: Value,
    journals: Vec<JournalDigest>,
}

impl Day {
    async fn read(
        office: &Office,
        conn: &mut PgConnection,
        date: NaiveDate,
    ) -> Result<Option<Self>> {
        let totals: Option<(i64, i64, i32)> = sqlx::query_as(
            "SELECT journals, debit_fen, vouchers FROM day_close WHERE centre_id = $1 AND business_date = $2 AND state = 2",
        )
        .bind(office.centre.id)
        .bind(date)
        .fetch_optional(&mut *conn)
        .await?;
        let Some((count, debit_fen, vouchers)) = totals else {
            return Ok(None);
        };
        let subjects: Vec<(i32, i64, i64, i64)> = sqlx::query_as(
            "SELECT subject, sum(debit_fen)::bigint, sum(credit_fen)::bigint, sum(closing_fen)::bigint
               FROM day_sum WHERE centre_id = $1 AND business_date = $2 GROUP BY subject ORDER BY subject",
        )
        .bind(office.centre.id)
        .bind(date)
        .fetch_all(&mut *conn)
        .await?;
        let subjects: Vec<Value> = subjects
            .into_iter()
            .map(|(subject, debit_fen, credit_fen, closing_fen)| {
                json!({ "subject": subject, "debit_fen": debit_fen, "credit_fen": credit_fen, "closing_fen": closing_fen })
            })
            .collect();
        let record = json!({
            "kind": "day", "date": date, "journals": count, "debit_fen": debit_fen, "vouchers": vouchers, "subjects": subjects,
        });
        let journals = of_day(conn, office.ledger(), date).await?;
        Ok(Some(Self {
            date,
            record,
            journals,
        }))
    }

    fn batch(&self, office: &Office, salt: [u8; 32]) -> Result<Batch> {
        Batch::draw(salt, self.journals.len() + 1, |index| {
            let Some(place) = index.checked_sub(1) else {
                return self.record.clone();
            };
            self.journal_record(office, &self.journals[place])
        })
    }

    fn journal_record(&self, office: &Office, journal: &JournalDigest) -> Value {
        json!({
            "kind": "journal",
            "date": self.date,
            "journal": office.numbers.encode(NumberKind::Case, journal.journal_id),
            "event": format!("E{:02}", journal.event),
            "lines": journal.lines,
            "sha256": hex::encode(&journal.digest),
        })
    }
}

/// Adds the leaf of a sealed day to the transaction that signs it.
pub(super) async fn add_leaf(
    office: &Office,
    conn: &mut PgConnection,
    date: NaiveDate,
) -> Result<()> {
    let day = Day::read(office, conn, date)
        .await?
        .ok_or_else(|| Fault::Stored(format!("{date} is not sealed")))?;
    let leaf = day.batch(office, anju_vault::random())?.leaf()?;
    leaf::add(office, conn, kind::DAY, ref_id(date), &leaf).await
}

/// The proof of a closed day: its totals by subject; or, under the same leaf, that of one of its journals.
///
/// # Errors
/// 404 for a day that is not closed, or was before there was a log; for a journal that is not one of that day's.
pub async fn proof(office: &Office, date: NaiveDate, journal_id: Option<i64>) -> Result<Proof> {
    let mut conn = office.pool.acquire().await?;
    let day = Day::read(office, &mut conn, date)
        .await?
        .ok_or_else(|| Refusal::not_found("这一天的日结"))?;
    drop(conn);
    let journal = journal_id
        .map(|id| {
            let place = day.journals.iter().position(|one| one.journal_id == id);
            place.ok_or_else(|| Refusal::not_found("这一天的这张凭证"))
        })
        .transpose()?;
    let Some(leaf) = log::leaf_of(office, kind::DAY, ref_id(date), 0).await? else {
        return log::waiting_or_none(office, ref_id(date)).await;
    };
    let in_batch = day
        .batch(office, leaf.salt()?)?
        .at(journal.map_or(0, |place| place + 1));
    let record = match journal {
        None => day.record,
        Some(place) => day.journal_record(office, &day.journals[place]),
    };
    log::prove(office, &leaf, record, Some(in_batch)).await
}

/// The text of a journal of a day, of which its record has the SHA-256.
///
/// # Errors
/// 404 for a journal that is not one of that day's.
pub async fn journal_text(office: &Office, date: NaiveDate, journal_id: i64) -> Result<String> {
    let mut conn = office.pool.acquire().await?;
    let text = text_of(&mut conn, office.ledger(), date, JournalId(journal_id)).await?;
    text.ok_or_else(|| Refusal::not_found("这一天的这张凭证").into())
}

/// The date that the log calls by this number.
fn date_of(ref_id: i64) -> Option<NaiveDate> {
    let part = |number: i64| u32::try_from(number).ok();
    NaiveDate::from_ymd_opt(
        i32::try_from(ref_id / 10_000).ok()?,
        part(ref_id / 100 % 100)?,
        part(ref_id % 100)?,
    )
}

/// These leaves of days, each against its day and journals, a day at a time; for `anju audit`. Returns the journals.
///
/// # Errors
/// The database.
pub async fn audit_leaves(
    office: &Office,
    leaves: &[&Leaf],
    findings: &mut Findings,
) -> Result<u64> {
    let mut drawn = 0;
    for leaf in leaves {
        let mut conn = office.pool.acquire().await?;
        let day = match date_of(leaf.ref_id) {
            Some(date) => Day::read(office, &mut conn, date).await?,
            None => None,
        };
        drop(conn);
        let holds = match (day, leaf.salt[..].try_into()) {
            (None, _) => None,
            (Some(day), Ok(salt)) => {
                drawn += day.journals.len() as u64;
                Some(day.batch(office, salt)?.leaf()?.entry == leaf.entry)
            }
            (Some(_), Err(_)) => Some(false),
        };
        let named =
            date_of(leaf.ref_id).map_or_else(|| leaf.ref_id.to_string(), |date| date.to_string());
        differs(leaf, format!("{named} 的日结及其凭证"), holds, findings);
    }
    Ok(drawn)
}

/// Days that were sealed and signed and have no leaf.
///
/// # Errors
/// The database.
pub async fn audit_bare(office: &Office, findings: &mut Findings) -> Result<()> {
    let bare: Vec<NaiveDate> = sqlx::query_scalar(
        "SELECT business_date FROM day_signature s
          WHERE centre_id = $1 AND state = 2
            AND NOT EXISTS (SELECT FROM evidence_leaf l
                             WHERE l.centre_id = $1 AND l.ref_id = to_char(s.business_date, 'YYYYMMDD')::bigint AND l.kind = $2)
            AND NOT EXISTS (SELECT FROM evidence_pending p
                             WHERE p.centre_id = $1 AND p.ref_id = to_char(s.business_date, 'YYYYMMDD')::bigint AND p.kind = $2)
          ORDER BY business_date LIMIT 100",
    )
    .bind(office.centre.id)
    .bind(kind::DAY)
    .fetch_all(&office.pool)
    .await?;
    for date in bare {
        findings.tell(
            log::audit::LEAVES,
            format!("{date} 的日结"),
            "已日结而没有存证，应有一片叶子",
        );
    }
    Ok(())
}
