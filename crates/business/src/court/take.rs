//! How an instruction comes in: over the court's signed line, or entered by a teller from the papers of two officers and confirmed by a second
//! person. Invariant: a number is taken once; the same number with the same words is answered again with what became of it, with other words
//! it is refused; what cannot be done is kept with its reason.

use anju_casework::case::{self, moved_on, own_work};
use anju_casework::person::purpose;
use anju_casework::staff::Staff;
use anju_casework::{Actor, Error, Office, Refusal, Result};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::carry::{self, Carried, Subject, carry, complete, refuse, subject};
use super::{
    Act, COUNTER, Instruction, Kind, Order, PUSH, act_columns, act_state, lock_act, paper,
};
use crate::policy::Rules;

/// Takes an instruction that a court sent, and says what became of it.
///
/// # Errors
/// Ours only, and `E-COURT-02` for a number that came with other words: what cannot be done is an answer.
pub async fn receive(office: &Office, said: &Instruction, has_cause: bool) -> Result<Act> {
    let subject = may_be_done(office, said, has_cause).await;
    let act_id = office.ids.next().await?;
    let mut tx = office.pool.begin().await?;
    if !put(office, &mut tx, act_id, said, PUSH, act_state::DONE, 0).await? {
        drop(tx);
        return known(office, said).await;
    }
    let done = match &subject {
        Ok(subject) => {
            carry(
                office,
                &mut tx,
                act_id,
                said,
                subject,
                (PUSH, Actor::System),
            )
            .await
        }
        Err(Error::Refused(refusal)) => Err(Error::Refused(refusal.clone())),
        Err(_) => return Err(subject.err().unwrap_or_else(|| moved_on().into())),
    };
    match done {
        Ok(carried) => {
            keep(office, &mut tx, act_id, said, &carried).await?;
            tx.commit().await?;
            office.changed_with_messages(act_id);
        }
        Err(Error::Refused(refusal)) => {
            tx.rollback().await?;
            let about = match &said.of {
                Some(order_no) => super::order_of_no(office, order_no).await?,
                None => None,
            };
            let mut tx = office.pool.begin().await?;
            if !put(office, &mut tx, act_id, said, PUSH, act_state::REFUSED, 0).await? {
                drop(tx);
                return known(office, said).await;
            }
            refused(office, &mut tx, act_id, said, &refusal, about.as_ref()).await?;
            tx.commit().await?;
        }
        Err(error) => return Err(error),
    }
    super::require_act(office, act_id).await
}

/// Whether an instruction is complete, about somebody who has an account here, and rests on a cause where it needs one.
async fn may_be_done(office: &Office, said: &Instruction, has_cause: bool) -> Result<Subject> {
    complete(office, said)?;
    let needs = said.kind == Kind::Deduct
        && !said.ordered_expressly
        && Rules::on(office, office.today()).flag("court_deduct_needs_cause")?;
    if needs && !has_cause {
        return Err(refuse(
            "E-COURT-08",
            "被执行人还不符合提取住房公积金的条件，法律文书也没有写明可以扣划，不能扣划。",
        ));
    }
    subject(office, said).await
}

/// The keyed digest of what was said.
fn digest(office: &Office, said: &Instruction) -> Result<Vec<u8>> {
    let text = serde_json::to_vec(said)?;
    Ok(office.vault.token_of("court-act", &text).to_vec())
}

/// Writes an instruction down; false where its number is there already.
async fn put(
    office: &Office,
    tx: &mut PgConnection,
    act_id: i64,
    said: &Instruction,
    channel: &str,
    state: i16,
    maker_id: i64,
) -> Result<bool> {
    let sealed = office.vault.seal(purpose::FORM, &serde_json::to_vec(said)?);
    let put = sqlx::query(
        "INSERT INTO court_act (centre_id, act_id, act_no, kind, channel, digest, said_sealed, amount_fen, state, received_at, maker_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(act_id)
    .bind(&said.act_no)
    .bind(said.kind.number())
    .bind(channel)
    .bind(digest(office, said)?)
    .bind(sealed)
    .bind(said.amount_fen)
    .bind(state)
    .bind(office.now())
    .bind(maker_id)
    .execute(tx)
    .await?;
    Ok(put.rows_affected() == 1)
}

/// What became of a number that came before.
async fn known(office: &Office, said: &Instruction) -> Result<Act> {
    let before: Option<Act> = sqlx::query_as(concat!(
        "SELECT ",
        act_columns!(),
        " FROM court_act WHERE centre_id = $1 AND act_no = $2 AND state <> 7"
    ))
    .bind(office.centre.id)
    .bind(&said.act_no)
    .fetch_optional(&office.pool)
    .await?;
    match before {
        Some(before) if before.digest == digest(office, said)? => Ok(before),
        _ => Err(Refusal::new(
            409,
            "E-COURT-02",
            format!(
                "编号 {} 的事项已经办过，内容不同。请用新的编号。",
                said.act_no
            ),
        )
        .into()),
    }
}

/// Keeps what an instruction has done, with its receipt.
async fn keep(
    office: &Office,
    tx: &mut PgConnection,
    act_id: i64,
    said: &Instruction,
    carried: &Carried,
) -> Result<()> {
    let (number, paper) = paper::receipt(office, act_id, said, &carried.answer)?;
    let (fen, bank, journal_id, day) = match &carried.paying {
        Some((fen, bank, journal_id, day)) => (
            Some(*fen),
            Some(bank.as_str()),
            Some(*journal_id),
            Some(*day),
        ),
        None => (said.amount_fen, None, None, None),
    };
    sqlx::query(
        "UPDATE court_act SET order_id = $3, person_id = $4, state = $5, answer = $6, document_no = $7, issued_on = $8, paper = $9,
                amount_fen = $10, pay_bank = $11, journal_id = $12, booked_on = $13
          WHERE centre_id = $1 AND act_id = $2",
    )
    .bind(office.centre.id)
    .bind(act_id)
    .bind(carried.order_id)
    .bind(carried.person_id)
    .bind(carried.state)
    .bind(&carried.answer)
    .bind(number)
    .bind(office.today())
    .bind(paper)
    .bind(fen)
    .bind(bank)
    .bind(journal_id)
    .bind(day)
    .execute(tx)
    .await?;
    Ok(())
}

/// Keeps why an instruction was not followed; its step is evidence like any other.
async fn refused(
    office: &Office,
    tx: &mut PgConnection,
    act_id: i64,
    said: &Instruction,
    refusal: &Refusal,
    order: Option<&Order>,
) -> Result<()> {
    let answer = json!({ "result": "refused", "code": refusal.code, "reason": refusal.detail });
    let (number, paper) = paper::receipt(office, act_id, said, &answer)?;
    sqlx::query(
        "UPDATE court_act SET state = 4, answer = $3, document_no = $4, issued_on = $5, paper = $6, order_id = $7, person_id = $8
          WHERE centre_id = $1 AND act_id = $2",
    )
    .bind(office.centre.id)
    .bind(act_id)
    .bind(&answer)
    .bind(number)
    .bind(office.today())
    .bind(paper)
    .bind(order.map(|order| order.order_id))
    .bind(order.map(|order| order.person_id))
    .execute(&mut *tx)
    .await?;
    let mut detail = carry::told(said);
    detail["code"] = refusal.code.as_str().into();
    detail["reason"] = refusal.detail.as_str().into();
    metrics::counter!("court_refused_total", "code" => refusal.code.clone()).increment(1);
    case::add_event(
        office,
        tx,
        act_id,
        Actor::System,
        &["court_order", "refused"],
        detail,
    )
    .await
}

/// A signed message of a court that nobody can read is kept as it came, and its number is not taken.
pub async fn unreadable(office: &Office, serial: &str, body: &[u8], why: &str) -> Result<()> {
    /// Of a message that is kept.
    const MOST_BYTES: usize = 20_000;
    let act_id = office.ids.next().await?;
    let said = String::from_utf8_lossy(&body[..body.len().min(MOST_BYTES)]).into_owned();
    let answer = json!({ "result": "refused", "code": "E-PUSH-02", "reason": why });
    let mut tx = office.pool.begin().await?;
    let put = sqlx::query(
        "INSERT INTO court_act (centre_id, act_id, act_no, kind, channel, digest, said_sealed, state, received_at, maker_id, answer)
         VALUES ($1, $2, $3, 0, $4, $5, $6, 4, $7, 0, $8) ON CONFLICT DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(act_id)
    .bind(format!("?{serial}"))
    .bind(PUSH)
    .bind(office.vault.token_of("court-act", body).to_vec())
    .bind(office.vault.seal(purpose::FORM, said.as_bytes()))
    .bind(office.now())
    .bind(answer)
    .execute(&mut *tx)
    .await?;
    if put.rows_affected() == 1 {
        let detail = json!({ "serial": serial, "code": "E-PUSH-02", "reason": why });
        case::add_event(
            office,
            &mut tx,
            act_id,
            Actor::System,
            &["court_order", "refused"],
            detail,
        )
        .await?;
    }
    tx.commit().await?;
    Ok(())
}

/// A teller enters what two officers of a court bring. Nothing lies on an account before a second person has confirmed.
///
/// # Errors
/// `E-COURT-01` to `E-COURT-08`, as far as they can be told yet.
pub async fn propose(
    office: &Office,
    said: &Instruction,
    has_cause: bool,
    maker: &Staff,
) -> Result<i64> {
    let subject = may_be_done(office, said, has_cause).await?;
    let order = match &said.of {
        Some(order_no) => super::order_of_no(office, order_no).await?,
        None => None,
    };
    let act_id = office.ids.next().await?;
    let mut tx = office.pool.begin().await?;
    if !put(
        office,
        &mut tx,
        act_id,
        said,
        COUNTER,
        act_state::WAITS,
        maker.staff_id,
    )
    .await?
    {
        return Err(Refusal::new(
            409,
            "E-COURT-02",
            format!("编号 {} 的事项已经录入过，请核对文书号。", said.act_no),
        )
        .into());
    }
    sqlx::query(
        "UPDATE court_act SET person_id = $3, order_id = $4 WHERE centre_id = $1 AND act_id = $2",
    )
    .bind(office.centre.id)
    .bind(act_id)
    .bind(subject.person.person_id)
    .bind(order.map(|order| order.order_id))
    .execute(&mut *tx)
    .await?;
    let actor = Actor::Staff(maker.staff_id);
    case::add_event(
        office,
        &mut tx,
        act_id,
        actor,
        &["court_order_entered"],
        carry::told(said),
    )
    .await?;
    tx.commit().await?;
    Ok(act_id)
}

/// The second person's word about what a teller entered.
///
/// # Errors
/// `E-CHECK-01` for the maker, `E-CHECK-02` where it does not wait any more, `E-COURT-03` to `E-COURT-08` where it cannot be done as things
/// stand now; then it goes on waiting, to be sent back.
pub async fn check(
    office: &Office,
    act_id: i64,
    agree: bool,
    words: &str,
    checker: &Staff,
) -> Result<()> {
    let act = super::require_act(office, act_id).await?;
    let said = act.said(office)?.ok_or_else(|| Error::from(moved_on()))?;
    // The cause was looked at when it was entered; the term may have passed since. Sent back it may be in any case.
    let subject = if agree {
        complete(office, &said)?;
        Some(subject(office, &said).await?)
    } else {
        None
    };
    let mut tx = office.pool.begin().await?;
    let act = lock_act(office, &mut tx, act_id).await?;
    if act.maker_id == checker.staff_id {
        return Err(own_work().into());
    }
    if act.state != act_state::WAITS {
        return Err(moved_on().into());
    }
    let words: String = words.trim().chars().take(200).collect();
    let actor = Actor::Staff(checker.staff_id);
    sqlx::query(
        "UPDATE court_act SET checker_id = $3, checked_at = $4, words = $5, state = $6 WHERE centre_id = $1 AND act_id = $2",
    )
    .bind(office.centre.id)
    .bind(act_id)
    .bind(checker.staff_id)
    .bind(office.now())
    .bind(&words)
    .bind(if agree {
        act_state::DONE
    } else {
        act_state::SENT_BACK
    })
    .execute(&mut *tx)
    .await?;
    if let Some(subject) = &subject {
        let carried = carry(office, &mut tx, act_id, &said, subject, (COUNTER, actor)).await?;
        keep(office, &mut tx, act_id, &said, &carried).await?;
    } else {
        if words.is_empty() {
            return Err(refuse("E-COURT-01", "退回时请写明原因。"));
        }
        let detail: Value = json!({ "reason": words });
        case::add_event(
            office,
            &mut tx,
            act_id,
            actor,
            &["court_order_sent_back"],
            detail,
        )
        .await?;
    }
    tx.commit().await?;
    office.changed_with_messages(act_id);
    Ok(())
}
