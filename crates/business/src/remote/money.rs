//! Money of letters at the banks: what comes with a letter's number, what is paid to the other centre, and what becomes of it.
//!
//! In: E32, then E33 (`incoming`) or E34. Out: E28 and E35 (`outgoing`), then E36, or E23 for both where the bank refuses.

use anju_casework::books::{self, Booking};
use anju_casework::case::{self, Order, PaymentReport};
use anju_casework::outbox::{self, kind};
use anju_casework::{Actor, Fault, Office, Refusal, Result};
use anju_ledger::Role;
use anju_vault::NumberKind;
use anju_wire::platform::{Body, Information};
use serde_json::json;
use sqlx::PgConnection;

use super::letter::{self, Letter, Side, State, Step, shift};
use super::message::say;
use super::{incoming, leaving, outgoing};
use crate::contribution::receipt::{self, Credit};

/// The letter number inside what a centre wrote: spaces and full width do not matter.
pub fn find_letter_no(remark: &str) -> Option<String> {
    let text: String = anju_domain::text::normalise(remark)
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect();
    let text = text.to_ascii_uppercase();
    let start = text.find("LH")?;
    let number: String = text[start..]
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    let centre = number.get(2..8)?;
    (centre.bytes().all(|byte| byte.is_ascii_digit()) && (12..=32).contains(&number.len()))
        .then_some(number)
}

/// Where a receipt that names a letter belongs.
pub(crate) enum Place {
    /// To this letter.
    Letter(Box<Letter>),
    /// To nobody, with the reason.
    Nobody(String),
}

/// Finds and takes the letter that a receipt names.
pub(crate) async fn place(
    office: &Office,
    tx: &mut PgConnection,
    letter_no: &str,
    credit: &Credit,
) -> Result<Place> {
    for side in [Side::In, Side::Out] {
        let Some(letter) = letter::lock_by_no(office, tx, side, letter_no).await? else {
            continue;
        };
        if side == Side::Out && letter.state() == State::Paying {
            // It comes back before we know that it has left: the bank tells it again.
            let detail = "这笔转移还在付款，退回的款项稍后再通知。";
            return Err(Refusal::new(503, "E-PLAT-03", detail).into());
        }
        let taken = match side {
            Side::In => incoming::awaits_money(&letter),
            Side::Out => leaving::awaits_money(&letter, credit.amount_fen),
        };
        return Ok(if taken {
            Place::Letter(Box::new(letter))
        } else {
            Place::Nobody(format!(
                "附言里的联系函 {letter_no} 是“{}”，不再收款",
                letter.state_word()
            ))
        });
    }
    Ok(Place::Nobody(format!(
        "附言里的联系函 {letter_no} 不是本中心的"
    )))
}

/// E32: a receipt goes to the clearing account, in the transaction that takes it. Returns the journal.
pub(crate) async fn book_receipt(
    office: &Office,
    tx: &mut PgConnection,
    letter: &Letter,
    credit: &Credit,
) -> Result<i64> {
    let journal_id = books::post(
        office,
        tx,
        &Booking {
            event: "E32",
            key: &format!("{}:{}", credit.bank, credit.serial),
            case_id: Some(letter.letter_id),
            branch_id: letter.branch_id,
            maker: Actor::System,
            checker: None,
            policy_id: 0,
            month: None,
            value_date: None,
            accounts: &[(Role::Bank, office.bank(&credit.bank)?.deposit_id)],
            amount_fen: credit.amount_fen,
        },
    )
    .await?;
    sqlx::query(
        "UPDATE transfer_letter
            SET received_fen = received_fen + $3, receipt_bank = $4, payer_account = $5, payer_name = $6
          WHERE centre_id = $1 AND letter_id = $2",
    )
    .bind(office.centre.id)
    .bind(letter.letter_id)
    .bind(credit.amount_fen)
    .bind(&credit.bank)
    .bind(&credit.payer_account)
    .bind(&credit.payer_name)
    .execute(tx)
    .await?;
    Ok(journal_id)
}

/// What follows from a receipt that is booked.
pub(crate) async fn arrived(
    office: &Office,
    tx: &mut PgConnection,
    letter_id: i64,
    credit: &Credit,
) -> Result<()> {
    let letter = letter::lock(office, tx, letter_id).await?;
    anju_casework::case::step(
        office,
        tx,
        letter_id,
        letter.state().of_case(),
        &["funds_arrived"],
        json!({ "letter": letter.letter_no, "bank": credit.bank, "received_fen": credit.amount_fen }),
        Actor::System,
    )
    .await?;
    match letter.side() {
        Side::In => incoming::settle(office, tx, &letter).await,
        Side::Out => leaving::came_back(office, tx, &letter, "对方中心退回款项").await,
    }
}

/// Our identifier of a payment at the bank.
pub fn end_to_end_id(office: &Office, letter_id: i64, attempt: i16) -> String {
    format!(
        "T{}-{attempt}",
        office.numbers.encode(NumberKind::Case, letter_id)
    )
}

/// The letter and attempt behind a bank's identifier.
pub fn of_end_to_end_id(office: &Office, text: &str) -> Option<(i64, i16)> {
    let (number, attempt) = text.strip_prefix('T')?.rsplit_once('-')?;
    let letter_id = office.numbers.decode(NumberKind::Case, number)?;
    Some((letter_id, attempt.parse().ok()?))
}

/// Orders a payment of a letter that the caller has taken; what and to whom stands in its row.
pub(super) async fn order(office: &Office, tx: &mut PgConnection, letter: &Letter) -> Result<()> {
    let attempt = letter.pay_attempt + 1;
    sqlx::query(
        "UPDATE transfer_letter SET pay_state = 1, pay_attempt = $3 WHERE centre_id = $1 AND letter_id = $2",
    )
    .bind(office.centre.id)
    .bind(letter.letter_id)
    .bind(attempt)
    .execute(&mut *tx)
    .await?;
    let payload = json!({ "transfer": letter.letter_id, "attempt": attempt });
    outbox::enqueue(
        office,
        tx,
        kind::TRANSFER,
        Some(letter.letter_id),
        payload,
        office.now(),
    )
    .await?;
    Ok(())
}

/// Fen that a letter pays.
fn pays(letter: &Letter) -> Option<i64> {
    match letter.side() {
        Side::In => Some(letter.received_fen),
        Side::Out => letter.amount_fen,
    }
}

/// The order of a letter that pays; none where there is nothing to pay any more.
pub async fn order_of(office: &Office, letter_id: i64, attempt: i16) -> Result<Option<Order>> {
    let Some(letter) = letter::get(office, letter_id).await? else {
        return Ok(None);
    };
    if !letter.awaits_bank(attempt) {
        return Ok(None);
    }
    let missing = || Fault::Stored("a transfer without a payee".to_owned());
    Ok(Some(Order {
        amount_fen: pays(&letter).ok_or_else(missing)?,
        bank: letter.pay_bank.clone().ok_or_else(missing)?,
        end_to_end_id: end_to_end_id(office, letter_id, attempt),
        payee_account: letter.pay_account.clone().ok_or_else(missing)?,
        payee_name: letter.pay_holder.clone().ok_or_else(missing)?,
        remark: match letter.side() {
            Side::In => format!("异地转移款退回 {}", letter.letter_no),
            Side::Out => format!("公积金异地转移 {}", letter.letter_no),
        },
    }))
}

/// The bank did not answer: the truth is at the bank.
pub async fn unknown(office: &Office, letter_id: i64, attempt: i16) -> Result<()> {
    sqlx::query(
        "UPDATE transfer_letter SET pay_state = 2
          WHERE centre_id = $1 AND letter_id = $2 AND pay_attempt = $3 AND pay_state = 1",
    )
    .bind(office.centre.id)
    .bind(letter_id)
    .bind(attempt)
    .execute(&office.pool)
    .await?;
    Ok(())
}

/// The bank has paid: E36 to the in-centre, E34 back to the out-centre. Told twice, the second changes nothing.
pub async fn paid(
    office: &Office,
    letter_id: i64,
    attempt: i16,
    report: &PaymentReport,
) -> Result<bool> {
    let mut tx = office.pool.begin().await?;
    let letter = letter::lock(office, &mut tx, letter_id).await?;
    if !letter.awaits_bank(attempt) {
        return Ok(false);
    }
    let missing = || Fault::Stored("a paying transfer without an amount or a bank".to_owned());
    let amount_fen = pays(&letter).ok_or_else(missing)?;
    let bank = letter.pay_bank.clone().ok_or_else(missing)?;
    let id = end_to_end_id(office, letter_id, attempt);
    if report.differs(amount_fen, &id) {
        drop(tx);
        unknown(office, letter_id, attempt).await?;
        return Ok(false);
    }
    anju_casework::case::debit_taken(
        office,
        &mut tx,
        &bank,
        report,
        amount_fen,
        &id,
        Some(letter_id),
    )
    .await?;
    books::post(
        office,
        &mut tx,
        &Booking {
            event: match letter.side() {
                Side::In => "E34",
                Side::Out => "E36",
            },
            key: &format!("{letter_id}:{attempt}"),
            case_id: Some(letter_id),
            branch_id: letter.branch_id,
            maker: Actor::System,
            checker: None,
            policy_id: office.policy().id,
            month: None,
            value_date: None,
            accounts: &[(Role::Bank, office.bank(&bank)?.deposit_id)],
            amount_fen,
        },
    )
    .await?;
    sqlx::query("UPDATE transfer_letter SET pay_state = 3 WHERE centre_id = $1 AND letter_id = $2")
        .bind(office.centre.id)
        .bind(letter_id)
        .execute(&mut *tx)
        .await?;
    match letter.side() {
        Side::In => {
            let reason = letter.reason.clone().unwrap_or_default();
            incoming::fail(office, &mut tx, &letter, "E-RT-10", &reason).await?;
            let returned = Information::Returned { amount_fen, reason };
            say(office, &mut tx, &letter, &Body::Information(returned)).await?;
        }
        Side::Out => outgoing::paid(office, &mut tx, &letter, &report.bank_ref).await?,
    }
    tx.commit().await?;
    office.changed_with_messages(letter_id);
    Ok(true)
}

/// The bank refuses for certain.
pub async fn rejected(
    office: &Office,
    letter_id: i64,
    attempt: i16,
    report: &PaymentReport,
) -> Result<bool> {
    let mut tx = office.pool.begin().await?;
    let letter = letter::lock(office, &mut tx, letter_id).await?;
    if !letter.awaits_bank(attempt) {
        return Ok(false);
    }
    if let (Some(bank), Some(fen)) = (letter.pay_bank.as_deref(), pays(&letter))
        && let Some(instead) =
            case::bank_instead(office, &mut tx, report, (bank, fen), attempt).await?
    {
        sqlx::query(
            "UPDATE transfer_letter SET pay_bank = $3 WHERE centre_id = $1 AND letter_id = $2",
        )
        .bind(office.centre.id)
        .bind(letter_id)
        .bind(instead)
        .execute(&mut *tx)
        .await?;
        order(office, &mut tx, &letter).await?;
        tx.commit().await?;
        office.changed_with_messages(letter_id);
        return Ok(true);
    }
    sqlx::query(
        "UPDATE transfer_letter SET pay_state = $3 WHERE centre_id = $1 AND letter_id = $2",
    )
    .bind(office.centre.id)
    .bind(letter_id)
    .bind(if letter.side() == Side::In {
        0_i16
    } else {
        4_i16
    })
    .execute(&mut *tx)
    .await?;
    let reason = report.reason.clone().unwrap_or_default();
    match letter.side() {
        // The money still stands in 21906; two persons may try again.
        Side::In => {
            shift(
                office,
                &mut tx,
                &letter,
                Step {
                    to: State::Negotiating,
                    next_at: None,
                    reason: None,
                    steps: &["payment_rejected"],
                    detail: json!({ "reason": reason }),
                    actor: Actor::System,
                },
            )
            .await?;
        }
        Side::Out => leaving::pay_failed(office, &mut tx, &letter, &reason).await?,
    }
    tx.commit().await?;
    office.changed_with_messages(letter_id);
    Ok(true)
}

/// 退票: what we paid comes back from the other centre's bank. The entry is taken by its serial; E32 puts it into the clearing account.
pub async fn returned(
    office: &Office,
    letter_id: i64,
    credit: &Credit,
    reason: &str,
) -> Result<bool> {
    let mut tx = office.pool.begin().await?;
    let arrival = anju_casework::inbox::take(
        office,
        &mut tx,
        &credit.bank,
        &credit.serial,
        "return",
        credit.book_date,
        credit.amount_fen,
        None,
        Some(letter_id),
    )
    .await?;
    if arrival == anju_casework::inbox::Arrival::Repeat {
        return Ok(false);
    }
    let letter = letter::lock(office, &mut tx, letter_id).await?;
    if letter.side() != Side::Out || !leaving::awaits_money(&letter, credit.amount_fen) {
        // Sent back to its payer and not taken there either: people decide about it.
        tx.rollback().await?;
        return receipt::receive(office, credit).await.map(|_| true);
    }
    book_receipt(office, &mut tx, &letter, credit).await?;
    let letter = letter::lock(office, &mut tx, letter_id).await?;
    leaving::came_back(office, &mut tx, &letter, reason).await?;
    tx.commit().await?;
    office.changed_with_messages(letter_id);
    Ok(true)
}
