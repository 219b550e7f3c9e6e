//! What a bank says of a referral: limit, refusal, what was drawn, the wish for a newer extract; and a consent that is taken back.

use anju_casework::{Actor, Office, Refusal, Result, case, consent, outbox};
use anju_domain::calendar::Month;
use anju_domain::money::Fen;
use anju_vault::NumberKind;
use anju_wire::credit::{Report, Word};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{Referral, extract, kind, lock, state};

/// Takes what a bank said, once by its number.
///
/// # Errors
/// 404 for a referral that is not this bank's; 422 `E-CRED-05` for a drawing above the limit or before one.
pub async fn receive(office: &Office, bank: &str, report: &Report) -> Result<()> {
    let referral_id = office
        .numbers
        .decode(NumberKind::Case, &report.referral_no)
        .ok_or_else(|| Refusal::not_found("这份授信推荐"))?;
    let mut tx = office.pool.begin().await?;
    let one = lock(office, &mut tx, referral_id)
        .await?
        .filter(|one| one.bank == bank)
        .ok_or_else(|| Refusal::not_found("这份授信推荐"))?;
    if !keep(office, &mut tx, bank, referral_id, report).await? {
        return Ok(());
    }
    match &report.says {
        Word::Granted { amount_fen } => granted(office, &mut tx, &one, *amount_fen).await?,
        Word::Refused { reason } => refused(office, &mut tx, &one, reason).await?,
        Word::Used { amount_fen } => used(office, &mut tx, &one, *amount_fen).await?,
        Word::Again => again(office, &mut tx, &one).await?,
    }
    tx.commit().await?;
    office.changed_with_messages(referral_id);
    Ok(())
}

/// Whether the message is new.
async fn keep(
    office: &Office,
    tx: &mut PgConnection,
    bank: &str,
    referral_id: i64,
    report: &Report,
) -> Result<bool> {
    let (said, amount) = match &report.says {
        Word::Granted { amount_fen } => ("granted", Some(*amount_fen)),
        Word::Refused { .. } => ("refused", None),
        Word::Used { amount_fen } => ("used", Some(*amount_fen)),
        Word::Again => ("again", None),
    };
    let added = sqlx::query(
        "INSERT INTO credit_report (centre_id, bank, message_id, referral_id, said, amount_fen, received_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(bank)
    .bind(&report.message_id)
    .bind(referral_id)
    .bind(said)
    .bind(amount)
    .bind(office.now())
    .execute(tx)
    .await?;
    Ok(added.rows_affected() == 1)
}

async fn granted(
    office: &Office,
    tx: &mut PgConnection,
    one: &Referral,
    amount: i64,
) -> Result<()> {
    if amount < one.used_fen {
        return Err(beyond(one).into());
    }
    sqlx::query(
        "UPDATE credit_referral SET state = 2, granted_fen = $3, reason = NULL, answered_at = coalesce(answered_at, $4),
                                    granted_month = coalesce(granted_month, $5)
          WHERE centre_id = $1 AND referral_id = $2",
    )
    .bind(office.centre.id)
    .bind(one.referral_id)
    .bind(amount)
    .bind(office.now())
    .bind(Month::of(office.today()).index())
    .execute(&mut *tx)
    .await?;
    event(
        office,
        tx,
        one,
        "credit_granted",
        json!({ "amount_fen": amount }),
    )
    .await?;
    let text = format!(
        "【公积金】{}给您的授信额度是 {} 元，请到银行办理用信",
        bank_name(office, &one.bank),
        Fen::new(amount)
    );
    tell(office, tx, one, &text).await
}

async fn refused(
    office: &Office,
    tx: &mut PgConnection,
    one: &Referral,
    reason: &str,
) -> Result<()> {
    // A limit that was drawn on is not undone by a later word.
    if one.used_fen > 0 {
        return Err(beyond(one).into());
    }
    sqlx::query(
        "UPDATE credit_referral SET state = 3, granted_fen = 0, granted_month = NULL, reason = $3, answered_at = coalesce(answered_at, $4)
          WHERE centre_id = $1 AND referral_id = $2",
    )
    .bind(office.centre.id)
    .bind(one.referral_id)
    .bind(reason)
    .bind(office.now())
    .execute(&mut *tx)
    .await?;
    event(
        office,
        tx,
        one,
        "credit_refused",
        json!({ "reason": reason }),
    )
    .await?;
    let text = format!(
        "【公积金】{}这次没有给授信，原因请在“办件”里看",
        bank_name(office, &one.bank)
    );
    tell(office, tx, one, &text).await
}

async fn used(office: &Office, tx: &mut PgConnection, one: &Referral, amount: i64) -> Result<()> {
    if one.state != state::GRANTED || amount > one.granted_fen {
        return Err(beyond(one).into());
    }
    sqlx::query(
        "UPDATE credit_referral SET used_fen = $3 WHERE centre_id = $1 AND referral_id = $2",
    )
    .bind(office.centre.id)
    .bind(one.referral_id)
    .bind(amount)
    .execute(&mut *tx)
    .await?;
    event(
        office,
        tx,
        one,
        "credit_used",
        json!({ "amount_fen": amount }),
    )
    .await
}

/// A newer extract, while the consent counts; else the bank hears that there is none.
async fn again(office: &Office, tx: &mut PgConnection, one: &Referral) -> Result<()> {
    if !one.lives(office.today()) {
        ended(office, tx, one.referral_id).await?;
        return event(office, tx, one, "extract_denied", json!({})).await;
    }
    let fields: Vec<String> = sqlx::query_scalar(
        "SELECT fact_types FROM consent WHERE centre_id = $1 AND consent_id = $2",
    )
    .bind(office.centre.id)
    .bind(one.consent_id)
    .fetch_one(&mut *tx)
    .await?;
    let digest = extract::give(
        office,
        tx,
        one.referral_id,
        one.applicant_id,
        one.kind,
        &fields,
    )
    .await?;
    event(
        office,
        tx,
        one,
        "extract_given",
        json!({ "extract": digest }),
    )
    .await
}

fn beyond(one: &Referral) -> Refusal {
    Refusal::rule(
        "E-CRED-05",
        format!(
            "用信金额与授信额度不符：额度 {} 元，已用 {} 元。请核对后重报。",
            Fen::new(one.granted_fen),
            Fen::new(one.used_fen)
        ),
    )
}

fn bank_name(office: &Office, bank: &str) -> String {
    office
        .bank(bank)
        .map_or_else(|_| bank.to_owned(), |known| known.bank_name.clone())
}

async fn event(
    office: &Office,
    tx: &mut PgConnection,
    one: &Referral,
    step: &str,
    detail: Value,
) -> Result<()> {
    case::add_event(office, tx, one.referral_id, Actor::System, &[step], detail).await
}

async fn tell(office: &Office, tx: &mut PgConnection, one: &Referral, text: &str) -> Result<()> {
    if one.kind == kind::EMPLOYER {
        let case_id = Some(one.referral_id);
        outbox::tell_clerks(office, tx, one.applicant_id, case_id, text).await
    } else {
        let (people, texts) = ([one.applicant_id], [text.to_owned()]);
        outbox::tell_people(office, tx, one.referral_id, &people, &texts).await
    }
}

/// The bank hears that there is no consent any more.
async fn ended(office: &Office, tx: &mut PgConnection, referral_id: i64) -> Result<()> {
    let payload = json!({ "referral": referral_id, "withdrawn": true });
    let credit = outbox::kind::CREDIT;
    outbox::enqueue(office, tx, credit, Some(referral_id), payload, office.now()).await?;
    Ok(())
}

/// Takes a consent back; a bank that was given an extract by it is told, and gets no further one. False where there is none to take back.
pub async fn withdraw_consent(
    office: &Office,
    holder_id: i64,
    consent_id: i64,
    actor: Actor,
) -> Result<bool> {
    let mut tx = office.pool.begin().await?;
    if !consent::withdraw(office, &mut tx, holder_id, consent_id).await? {
        return Ok(false);
    }
    let referral: Option<i64> = sqlx::query_scalar(
        "UPDATE credit_referral SET withdrawn_at = $4
          WHERE centre_id = $1 AND consent_id = $2 AND applicant_id = $3 AND withdrawn_at IS NULL RETURNING referral_id",
    )
    .bind(office.centre.id)
    .bind(consent_id)
    .bind(holder_id)
    .bind(office.now())
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(referral_id) = referral {
        ended(office, &mut tx, referral_id).await?;
        let steps = ["consent_withdrawn"];
        case::add_event(office, &mut tx, referral_id, actor, &steps, json!({})).await?;
    }
    tx.commit().await?;
    if let Some(referral_id) = referral {
        office.changed_with_messages(referral_id);
    }
    Ok(true)
}
