//! 缴存提取件: the figures that a consent lets a bank have, kept as they were given. No name stands in them; who it is goes beside them on the
//! wire.

use anju_casework::catalogue::Request;
use anju_casework::{Fault, Office, Refusal, Result, consent, employer, outbox, person};
use anju_domain::calendar::Month;
use anju_evidence::record;
use anju_wire::credit::{Consent, Extract, Referral as Message, Says, Subject};
use chrono::NaiveDate;
use serde_json::{Map, Value, json};
use sqlx::PgConnection;

use super::{get, kind, number};
use crate::contribution::relief;
use crate::policy::Rules;
use crate::withdrawal::own_books;

/// Months of which an employer's amounts are told.
const AMOUNT_MONTHS: i32 = 12;

fn request_of(applicant_id: i64) -> Request {
    Request {
        service: String::new(),
        case_id: None,
        applicant_id,
        form: Map::new().into_iter().collect(),
        channel: String::new(),
        face_passed: false,
    }
}

/// The figures of these fields, as the books are now.
async fn figures(
    office: &Office,
    conn: &mut PgConnection,
    applicant_id: i64,
    of: i16,
    fields: &[String],
) -> Result<Value> {
    let request = request_of(applicant_id);
    let mut told = Map::new();
    let wanted = |field: &str| fields.iter().any(|one| one == field);
    if of == kind::EMPLOYER {
        let own = relief::own_books::read(office, &mut *conn, &request).await?;
        let fact = own
            .facts
            .first()
            .map_or(Value::Null, |fact| fact.value.clone());
        let since = Month::of(office.today()).plus(-AMOUNT_MONTHS);
        let paid: i64 = sqlx::query_scalar(
            "SELECT coalesce(sum(amount_fen), 0)::bigint FROM remittance
              WHERE centre_id = $1 AND employer_id = $2 AND state = 3 AND kind = 1 AND month >= $3",
        )
        .bind(office.centre.id)
        .bind(applicant_id)
        .bind(since.index())
        .fetch_one(conn)
        .await?;
        let parts = [
            (
                "months",
                json!({ "contributed": fact["contributed_months"], "paid_to": fact["paid_to_month"], "state": fact["state"] }),
            ),
            ("people", json!(fact["people"])),
            (
                "amounts",
                json!({ "monthly_fen": fact["monthly_fen"], "last_12_months_fen": paid }),
            ),
            (
                "arrears",
                json!({ "months": fact["arrears_months"], "deferred_unpaid_fen": fact["deferred_unpaid_fen"] }),
            ),
        ];
        told.extend(
            parts
                .into_iter()
                .filter(|(field, _)| wanted(field))
                .map(|(field, value)| (field.to_owned(), value)),
        );
        return Ok(Value::Object(told));
    }
    let own = own_books::read(office, conn, &request).await?;
    let of_type = |fact_type: &str| {
        let mut facts = own.facts.iter();
        facts
            .find(|fact| fact.fact_type == fact_type)
            .map_or(Value::Null, |fact| fact.value.clone())
    };
    let (account, history) = (of_type("own.account"), of_type("own.contribution"));
    let base = own.membership.as_ref().map_or(0, |one| one.base_fen);
    let parts = [
        (
            "months",
            json!({ "continuous": history["continuous_months"], "first": history["first_month"], "last": history["last_month"] }),
        ),
        ("base_band", band(office, base)?),
        ("state", account["state"].clone()),
        ("balance", account["balance_fen"].clone()),
    ];
    told.extend(
        parts
            .into_iter()
            .filter(|(field, _)| wanted(field))
            .map(|(field, value)| (field.to_owned(), value)),
    );
    Ok(Value::Object(told))
}

/// The band in which a base lies: from this, below that, fen.
fn band(office: &Office, base_fen: i64) -> Result<Value> {
    let step = Rules::on(office, office.today())
        .fen("credit_base_band_fen", &[])?
        .fen();
    if step <= 0 {
        return Err(Fault::Policy("credit_base_band_fen is not above zero".to_owned()).into());
    }
    let from = base_fen.div_euclid(step) * step;
    Ok(json!({ "from_fen": from, "below_fen": from + step }))
}

fn digest_of(figures: &Value) -> Result<[u8; 32]> {
    let canonical = record::canonical(figures).map_err(|error| Fault::Stored(error.to_string()))?;
    Ok(record::sha256(&canonical))
}

/// Draws an extract of a referral and has it handed to the bank, in the caller's transaction; its digest in hexadecimal.
pub(super) async fn give(
    office: &Office,
    tx: &mut PgConnection,
    referral_id: i64,
    applicant_id: i64,
    of: i16,
    fields: &[String],
) -> Result<String> {
    let figures = figures(office, &mut *tx, applicant_id, of, fields).await?;
    let digest = digest_of(&figures)?;
    let drawn: i16 = sqlx::query_scalar(
        "INSERT INTO credit_extract (centre_id, referral_id, number, as_of, figures, digest, made_at)
         SELECT $1, $2, coalesce(max(number), 0) + 1, $3, $4, $5, $6 FROM credit_extract WHERE centre_id = $1 AND referral_id = $2
         RETURNING number",
    )
    .bind(office.centre.id)
    .bind(referral_id)
    .bind(office.today())
    .bind(&figures)
    .bind(digest.as_slice())
    .bind(office.now())
    .fetch_one(&mut *tx)
    .await?;
    let payload = json!({ "referral": referral_id, "extract": drawn });
    outbox::enqueue(
        office,
        tx,
        outbox::kind::CREDIT,
        Some(referral_id),
        payload,
        office.now(),
    )
    .await?;
    Ok(hex::encode(digest))
}

/// What would be given of an employer now: shown before anybody says yes.
pub async fn preview(office: &Office, employer_id: i64) -> Result<Value> {
    let fields = ["months", "people", "amounts", "arrears"].map(str::to_owned);
    let mut conn = office.pool.acquire().await?;
    figures(office, &mut conn, employer_id, kind::EMPLOYER, &fields).await
}

/// An extract as it is kept.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Drawn {
    /// 1 for the first.
    pub number: i16,
    /// Day of the figures.
    pub as_of: NaiveDate,
    /// The figures.
    pub figures: Value,
    /// When the bank had it.
    pub taken_at: Option<chrono::DateTime<chrono::Utc>>,
}

/// The extracts of a referral, the newest first.
pub async fn draw(office: &Office, referral_id: i64) -> Result<Vec<Drawn>> {
    Ok(sqlx::query_as(
        "SELECT number, as_of, figures, taken_at FROM credit_extract WHERE centre_id = $1 AND referral_id = $2 ORDER BY number DESC LIMIT 24",
    )
    .bind(office.centre.id)
    .bind(referral_id)
    .fetch_all(&office.pool)
    .await?)
}

/// The message of an outbox row and its bank; an extract whose consent was taken back before it left is not said any more.
pub async fn message(office: &Office, payload: &Value) -> Result<Option<(String, Message)>> {
    let lost = || Fault::Stored("a message about credit without its referral".to_owned());
    let referral_id = payload["referral"].as_i64().ok_or_else(lost)?;
    let one = get(office, referral_id).await?.ok_or_else(lost)?;
    let say = |says: Says| {
        let message = Message {
            referral_no: number(office, referral_id),
            sent_at: office.now(),
            says,
        };
        Ok(Some((one.bank.clone(), message)))
    };
    let Some(wanted) = payload["extract"].as_i64() else {
        return say(Says::Withdrawn);
    };
    if !one.lives(office.today()) {
        return Ok(None);
    }
    let mut conn = office.pool.acquire().await?;
    let (number, as_of, figures, digest): (i16, NaiveDate, Value, Vec<u8>) = sqlx::query_as(
        "SELECT number, as_of, figures, digest FROM credit_extract WHERE centre_id = $1 AND referral_id = $2 AND number = $3",
    )
    .bind(office.centre.id)
    .bind(referral_id)
    .bind(i16::try_from(wanted).unwrap_or(0))
    .fetch_one(&mut *conn)
    .await?;
    let (text, given_at) = consent::words(office, &mut conn, one.consent_id)
        .await?
        .ok_or_else(lost)?;
    drop(conn);
    let subject = if one.kind == kind::EMPLOYER {
        let employer = employer::require(office, one.applicant_id).await?;
        Subject::Employer {
            uscc: employer.uscc,
            name: employer.name,
        }
    } else {
        let person = person::get(office, one.applicant_id)
            .await?
            .ok_or_else(|| Refusal::not_found("这位职工"))?;
        Subject::Person {
            id_no: person.id_number.expose().to_owned(),
            name: person.name.expose().to_owned(),
        }
    };
    say(Says::Extract(Box::new(Extract {
        number,
        subject,
        consent: Consent {
            text,
            given_at,
            until: one.until,
        },
        figures,
        digest: hex::encode(digest),
        as_of,
    })))
}

/// The bank has what a row of the outbox said.
pub async fn taken(office: &Office, payload: &Value) -> Result<()> {
    let (Some(referral_id), Some(number)) =
        (payload["referral"].as_i64(), payload["extract"].as_i64())
    else {
        return Ok(());
    };
    sqlx::query(
        "UPDATE credit_extract SET taken_at = $4 WHERE centre_id = $1 AND referral_id = $2 AND number = $3 AND taken_at IS NULL",
    )
    .bind(office.centre.id)
    .bind(referral_id)
    .bind(i16::try_from(number).unwrap_or(0))
    .bind(office.now())
    .execute(&office.pool)
    .await?;
    office.changed(referral_id);
    Ok(())
}
