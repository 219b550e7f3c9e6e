//! The payment of a deduction to the court: its order, the bank's word about it, and a return that comes later. Invariant: what the bank did not
//! pay or gave back is on the account and under the same freeze again, before anybody else can reach it; the court is told each time.

use anju_casework::books::{self, Booking};
use anju_casework::case::{self, CaseState, Order as Payment, PaymentReport};
use anju_casework::inbox::{self, Arrival};
use anju_casework::{Actor, Fault, Office, Result, outbox, person};
use anju_ledger::{JournalId, Role, journal};
use anju_vault::NumberKind;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::queue::{end, put};
use super::{Act, Order, act_state, lock, lock_act, number, require_act, state};
use crate::contribution::receipt::Credit;

fn missing() -> anju_casework::Error {
    Fault::Stored("a court's deduction without amount, bank, person or order".to_owned()).into()
}

/// The bank's identifier of a deduction.
fn payment_id(office: &Office, act_id: i64) -> String {
    format!("F{}", number(office, act_id))
}

/// The deduction behind a bank's identifier.
pub fn of_payment_id(office: &Office, text: &str) -> Option<i64> {
    office
        .numbers
        .decode(NumberKind::Case, text.strip_prefix('F')?)
}

/// The order that pays a deduction to the court's own account; none where there is nothing to pay any more.
pub async fn order(office: &Office, act_id: i64) -> Result<Option<Payment>> {
    let act = require_act(office, act_id).await?;
    if act.state != act_state::PAYING {
        return Ok(None);
    }
    let said = act.said(office)?.ok_or_else(missing)?;
    let payee = said.payee.ok_or_else(missing)?;
    Ok(Some(Payment {
        bank: act.pay_bank.ok_or_else(missing)?,
        end_to_end_id: payment_id(office, act_id),
        amount_fen: act.amount_fen.ok_or_else(missing)?,
        payee_account: payee.account,
        payee_name: payee.holder,
        remark: format!("司法扣划 {}", said.case_no)
            .chars()
            .take(60)
            .collect(),
    }))
}

/// The bank did not answer: it is queried, never paid again blindly.
pub async fn unknown(office: &Office, act_id: i64) -> Result<()> {
    sqlx::query(
        "UPDATE court_act SET pay_unknown = true WHERE centre_id = $1 AND act_id = $2 AND state = 3 AND NOT pay_unknown",
    )
    .bind(office.centre.id)
    .bind(act_id)
    .execute(&office.pool)
    .await?;
    Ok(())
}

/// A deduction that waits for the bank's word, with its order, both taken; none where the word came before.
async fn taken(
    office: &Office,
    tx: &mut PgConnection,
    act_id: i64,
    person_id: Option<i64>,
    from: i16,
) -> Result<Option<(Act, Order)>> {
    // The person first, as everybody does who changes what stands on his account.
    person::lock(office, tx, person_id.ok_or_else(missing)?).await?;
    let act = lock_act(office, tx, act_id).await?;
    if act.state != from {
        return Ok(None);
    }
    let order = lock(office, tx, act.order_id.ok_or_else(missing)?).await?;
    Ok(Some((act, order)))
}

/// Moves a deduction on and tells the court.
async fn moved(
    office: &Office,
    tx: &mut PgConnection,
    act: &Act,
    to: i16,
    result: &str,
    reason: Option<&str>,
) -> Result<()> {
    let order = lock(office, tx, act.order_id.ok_or_else(missing)?).await?;
    let balance = super::queue::balance(office, tx, order.account_id).await?;
    let mut answer = act.answer.clone();
    answer["result"] = result.into();
    answer["balance_fen"] = balance.fen().into();
    answer["frozen_fen"] = if order.state == state::EFFECTIVE {
        order.left().map_or(balance, |left| left.min(balance)).fen()
    } else {
        0
    }
    .into();
    if to != act_state::DONE {
        answer["deducted_fen"] = 0.into();
    }
    answer["reason"] = reason.map_or(Value::Null, Value::from);
    sqlx::query(
        "UPDATE court_act SET state = $3, answer = $4, pay_unknown = false WHERE centre_id = $1 AND act_id = $2",
    )
    .bind(office.centre.id)
    .bind(act.act_id)
    .bind(to)
    .bind(answer)
    .execute(&mut *tx)
    .await?;
    let payload = json!({ "court_word": act.act_id });
    outbox::enqueue(
        office,
        tx,
        outbox::kind::COURT_WORD,
        Some(act.act_id),
        payload,
        office.now(),
    )
    .await?;
    Ok(())
}

/// The bank paid (E22), or refused (E23, with the value date of E31): then the money is under the freeze again. True where it changed something.
pub async fn result(
    office: &Office,
    act_id: i64,
    paid: bool,
    report: &PaymentReport,
) -> Result<bool> {
    let person_id = require_act(office, act_id).await?.person_id;
    let mut tx = office.pool.begin().await?;
    let Some((act, order)) = taken(office, &mut tx, act_id, person_id, act_state::PAYING).await?
    else {
        return Ok(false);
    };
    let amount_fen = act.amount_fen.ok_or_else(missing)?;
    let id = payment_id(office, act_id);
    if report.differs(amount_fen, &id) {
        drop(tx);
        unknown(office, act_id).await?;
        return Ok(false);
    }
    let bank = act.pay_bank.clone().ok_or_else(missing)?;
    let key = act_id.to_string();
    let booking = |event, accounts| Booking {
        event,
        key: &key,
        case_id: Some(act_id),
        branch_id: 0,
        maker: Actor::System,
        checker: act.checker_id,
        policy_id: office.policy().id,
        month: None,
        value_date: None,
        accounts,
        amount_fen,
    };
    let branch_id = branch_of(office, &mut tx, act_id).await?;
    let (case_state, steps) = if paid {
        case::debit_taken(
            office,
            &mut tx,
            &bank,
            report,
            amount_fen,
            &id,
            Some(act_id),
        )
        .await?;
        let accounts = [(Role::Bank, office.bank(&bank)?.deposit_id)];
        let entry = Booking {
            branch_id,
            ..booking("E22", &accounts)
        };
        books::post(office, &mut tx, &entry).await?;
        moved(office, &mut tx, &act, act_state::DONE, "deducted", None).await?;
        (CaseState::Done, ["paid", "done"])
    } else {
        let entry = Booking {
            branch_id,
            ..booking("E23", &[])
        };
        let header = books::header(office, &mut tx, &entry).await?;
        let (journal_id, day) = act.journal_id.zip(act.booked_on).ok_or_else(missing)?;
        journal::reverse(&mut tx, &header, &key, JournalId(journal_id), day)
            .await
            .map_err(anju_casework::Error::from)?;
        under_again(office, &mut tx, &order, amount_fen).await?;
        moved(
            office,
            &mut tx,
            &act,
            act_state::FAILED,
            "failed",
            report.reason.as_deref(),
        )
        .await?;
        (CaseState::Failed, ["payment_rejected", "failed"])
    };
    let detail =
        json!({ "amount_fen": amount_fen, "reason": report.reason, "bank_ref": report.bank_ref });
    case::end_executing(
        office,
        &mut tx,
        act_id,
        case_state,
        &steps,
        detail,
        Actor::System,
    )
    .await?;
    if paid
        && order.left_fen == Some(0)
        && order.state == state::EFFECTIVE
        && !pays(office, &mut tx, order.order_id).await?
    {
        end(
            office,
            &mut tx,
            &order,
            state::CONSUMED,
            "freeze_consumed",
            Actor::System,
        )
        .await?;
    }
    tx.commit().await?;
    office.changed_with_messages(act_id);
    Ok(true)
}

/// Whether a deduction under an order still waits for its bank.
async fn pays(office: &Office, tx: &mut PgConnection, order_id: i64) -> Result<bool> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM court_act WHERE centre_id = $1 AND order_id = $2 AND state = 3)",
    )
    .bind(office.centre.id)
    .bind(order_id)
    .fetch_one(tx)
    .await?)
}

async fn branch_of(office: &Office, tx: &mut PgConnection, act_id: i64) -> Result<i16> {
    Ok(sqlx::query_scalar(
        "SELECT branch_id FROM business_case WHERE centre_id = $1 AND case_id = $2",
    )
    .bind(office.centre.id)
    .bind(act_id)
    .fetch_one(tx)
    .await?)
}

/// What came back is kept by its order again, where that still stands.
async fn under_again(
    office: &Office,
    tx: &mut PgConnection,
    order: &Order,
    amount_fen: i64,
) -> Result<()> {
    let Some(left) = order.left_fen.filter(|_| order.lives()) else {
        return Ok(());
    };
    let mut again = order.clone();
    again.left_fen = Some(left + amount_fen);
    put(office, tx, &again).await
}

/// 退票: what was paid has come back (E25), and is credited to the account with the value date of the deduction (E27). The court deducts again
/// by an instruction of its own, with an account that takes the money.
pub async fn returned(office: &Office, act_id: i64, credit: &Credit, reason: &str) -> Result<()> {
    let person_id = require_act(office, act_id).await?.person_id;
    let mut tx = office.pool.begin().await?;
    let arrival = inbox::take(
        office,
        &mut tx,
        &credit.bank,
        &credit.serial,
        "return",
        credit.book_date,
        credit.amount_fen,
        Some(&payment_id(office, act_id)),
        Some(act_id),
    )
    .await?;
    if arrival == Arrival::Repeat {
        return Ok(());
    }
    let Some((act, order)) = taken(office, &mut tx, act_id, person_id, act_state::DONE).await?
    else {
        return Err(Fault::Stored("a return for a deduction that was not paid".to_owned()).into());
    };
    if act.amount_fen != Some(credit.amount_fen) {
        return Err(
            Fault::Stored("a return of another amount than was deducted".to_owned()).into(),
        );
    }
    let branch_id = branch_of(office, &mut tx, act_id).await?;
    let bank = [(Role::Bank, office.bank(&credit.bank)?.deposit_id)];
    let person = [(Role::Person, order.account_id)];
    let key = format!("{}:{}", credit.bank, credit.serial);
    let own = act_id.to_string();
    let open: bool = sqlx::query_scalar(
        "SELECT state <> 3 FROM ledger_account WHERE centre_id = $1 AND account_id = $2",
    )
    .bind(office.centre.id)
    .bind(order.account_id)
    .fetch_one(&mut *tx)
    .await?;
    // An account that was closed meanwhile takes nothing: the money waits in 21905 for people to decide.
    for (event, key, value_date, accounts) in [
        ("E25", &key, None, &bank),
        ("E27", &own, act.booked_on, &person),
    ]
    .into_iter()
    .take(if open { 2 } else { 1 })
    {
        let entry = Booking {
            event,
            key,
            case_id: Some(act_id),
            branch_id,
            maker: Actor::System,
            checker: None,
            policy_id: office.policy().id,
            month: None,
            value_date,
            accounts,
            amount_fen: credit.amount_fen,
        };
        books::post(office, &mut tx, &entry).await?;
    }
    if open {
        reopen(office, &mut tx, &order, credit.amount_fen).await?;
    }
    moved(
        office,
        &mut tx,
        &act,
        act_state::RETURNED,
        "returned",
        Some(reason),
    )
    .await?;
    let detail = json!({ "amount_fen": credit.amount_fen, "reason": reason });
    let steps: &[&str] = if open {
        &["payment_returned", "credited_back"]
    } else {
        &["payment_returned"]
    };
    case::add_event(office, &mut tx, act_id, Actor::System, steps, detail).await?;
    tx.commit().await?;
    office.changed_with_messages(act_id);
    Ok(())
}

/// An order that the deduction had used up stands again with what came back, at the end of the queue's living part: whoever took effect in the
/// meantime keeps his place.
async fn reopen(
    office: &Office,
    tx: &mut PgConnection,
    order: &Order,
    amount_fen: i64,
) -> Result<()> {
    if order.state != state::CONSUMED || order.to_date < office.today() {
        return under_again(office, tx, order, amount_fen).await;
    }
    sqlx::query(
        "UPDATE court_order SET state = 3, left_fen = $3, ended_at = NULL WHERE centre_id = $1 AND order_id = $2 AND state = 6",
    )
    .bind(office.centre.id)
    .bind(order.order_id)
    .bind(amount_fen)
    .execute(&mut *tx)
    .await?;
    super::queue::promote(office, tx, order.person_id, Actor::System).await
}
