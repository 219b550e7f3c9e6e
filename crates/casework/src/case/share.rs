//! 一案多付: a closing case whose money goes to several payees, each with the bank's own word. A payee whose bank refuses waits for another card
//! while the others are paid; the case ends when everybody has his money.
//!
//! Invariant: what the shares of a case stand for on the account, in 21904 or in 21905 is their sum to the fen. A share that a bank refused is
//! back on the account with its old value date, and earns interest there; whoever names a new card gets it.

use anju_domain::money::Fen;
use anju_domain::rounding::split_shares;
use anju_ledger::command::event_key;
use anju_ledger::journal::{self, PayOut};
use anju_ledger::{AccountId, Event, JournalId, Role, account, product};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};

use super::closing::{self, Closing, end_membership, moved, open_account, step};
use super::decide::WITHDRAWAL_PAYABLE;
use super::row::{Case, CaseState, PayState};
use super::settle::{Order, PaymentReport, debit_taken, lock};
use super::{add_event, end_executing, number};
use crate::books::{self, Booking};
use crate::catalogue::{Approved, Carried};
use crate::membership::state;
use crate::person::{purpose, text};
use crate::{Actor, Fault, Office, Refusal, Result, outbox};

/// Who is paid a share, and to which card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payee {
    /// Name of who is entitled.
    pub name: String,
    /// His ID number.
    pub id_no: String,
    /// Whose card it is: his own, or his guardian's.
    pub holder: String,
    /// ID number of the card's holder.
    pub holder_id_no: String,
    /// The card.
    pub card_no: String,
}

/// What of an account a share takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Portion {
    account: i64,
    fen: i64,
    /// E21 of the last attempt, and its business date.
    journal: Option<(i64, NaiveDate)>,
}

/// A share of a case.
#[derive(Debug, Clone, FromRow)]
pub struct Share {
    /// Identifier.
    pub share_id: i64,
    /// The case.
    pub case_id: i64,
    /// Order in the list.
    pub place: i16,
    payee_sealed: Vec<u8>,
    /// Masked name of the payee.
    pub name_shown: String,
    /// The card's last four digits.
    pub card_last4: String,
    /// Of ten thousand.
    pub share_bp: i32,
    /// Fen.
    pub amount_fen: i64,
    /// See [`PayState`]; rejected is back on the account, returned stands in 21905.
    state: i16,
    /// Which try.
    pub attempt: i16,
    /// It was paid once and came back.
    pub returned: bool,
    /// The bank that pays.
    pub bank: String,
    /// The bank's serial.
    pub bank_ref: Option<String>,
    /// What the bank said.
    pub reason: Option<String>,
    legs: Json<Vec<Portion>>,
    /// When it was paid.
    pub settled_at: Option<DateTime<Utc>>,
}

macro_rules! columns {
    () => {
        "share_id, case_id, place, payee_sealed, name_shown, card_last4, share_bp, amount_fen, state, attempt, returned, bank, bank_ref, \
         reason, legs, settled_at"
    };
}

impl Share {
    /// Where its payment stands.
    pub const fn state(&self) -> PayState {
        PayState::from_number(self.state)
    }

    /// Whether it waits for another card.
    pub const fn wants_card(&self) -> bool {
        matches!(self.state(), PayState::Rejected | PayState::Returned)
    }

    /// Whether the books have told of it already, so that the bank's word changes none: an estate that went to the centre's own income (E38).
    fn is_booked(&self) -> bool {
        self.legs.0.is_empty() && self.amount_fen > 0
    }

    const fn awaits_bank(&self, attempt: i16) -> bool {
        self.attempt == attempt && matches!(self.state(), PayState::Sending | PayState::Unknown)
    }

    /// Who is paid.
    pub fn payee(&self, office: &Office) -> Result<Payee> {
        let plain = text(&office.vault, purpose::FORM, &self.payee_sealed)?;
        Ok(serde_json::from_str(&plain)?)
    }

    /// The bank's identifier of the last attempt.
    pub fn end_to_end_id(&self, office: &Office) -> String {
        format!("H{}-{}", number(office, self.share_id), self.attempt)
    }
}

fn seal(office: &Office, payee: &Payee) -> Result<Vec<u8>> {
    let plain = serde_json::to_vec(payee)?;
    Ok(office.vault.seal(purpose::FORM, &plain))
}

fn last4(card_no: &str) -> String {
    let digits = card_no.chars().count();
    card_no.chars().skip(digits.saturating_sub(4)).collect()
}

/// The share and attempt behind a bank's identifier.
pub fn of_end_to_end_id(office: &Office, text: &str) -> Option<(i64, i16)> {
    super::of_end_to_end_id(office, text.strip_prefix('H')?)
}

/// The shares of a case in their order; none where it pays one.
pub async fn list(office: &Office, case_id: i64) -> Result<Vec<Share>> {
    let mut conn = office.pool.acquire().await?;
    list_on(office, &mut conn, case_id).await
}

async fn list_on(office: &Office, conn: &mut PgConnection, case_id: i64) -> Result<Vec<Share>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM case_share WHERE centre_id = $1 AND case_id = $2 ORDER BY place"
    ))
    .bind(office.centre.id)
    .bind(case_id)
    .fetch_all(conn)
    .await?)
}

async fn find(office: &Office, conn: &mut PgConnection, share_id: i64) -> Result<Share> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM case_share WHERE centre_id = $1 AND share_id = $2"
    ))
    .bind(office.centre.id)
    .bind(share_id)
    .fetch_optional(conn)
    .await?
    .ok_or_else(|| Refusal::not_found("这笔付款").into())
}

/// The share with its case's row taken, so that one word about the case at a time is acted upon.
async fn taken(office: &Office, tx: &mut PgConnection, share_id: i64) -> Result<(Case, Share)> {
    let case_id = find(office, tx, share_id).await?.case_id;
    let case = lock(office, tx, case_id).await?;
    Ok((case, find(office, tx, share_id).await?))
}

/// Closing interest (E28), each share of the balance to 提取待付 (E21), the accounts closed, the membership ended, and an order for each payee.
/// The whole is split by the largest remainder (money_rules.md §2); the provident fund's account is used up before the subsidy's.
///
/// # Errors
/// [`Fault::Moved`] when anything is not as it was read: nothing is written then.
pub async fn close_out_shared(
    office: &Office,
    tx: &mut PgConnection,
    approved: &Approved<'_>,
    closing: &Closing<'_>,
    payees: &[(Payee, i32)],
    owner_id: i64,
) -> Result<Carried> {
    let amount_fen = approved.decision.amount_fen.filter(|fen| *fen > 0);
    let amount_fen = amount_fen.ok_or_else(closing::no_amount)?;
    let case = lock(office, tx, approved.case_id).await?;
    end_membership(office, tx, closing.membership).await?;
    let weights: Vec<u64> = payees
        .iter()
        .map(|(_, bp)| u64::try_from(*bp).unwrap_or(0))
        .collect();
    let amounts = split_shares(Fen::new(amount_fen), &weights);
    let mut left: Vec<i64> = amounts.iter().map(|fen| fen.fen()).collect();
    let mut legs: Vec<Vec<Portion>> = vec![Vec::new(); payees.len()];
    let ids = office.ids.take(payees.len()).await?;
    let mut interest_fen = 0;
    let mut day = office.today();
    let fund = (
        closing.membership.account_id,
        Some(closing.membership.membership_id),
    );
    let subsidy = closing.subsidy.map(|account_id| (account_id, None));
    for (account_id, membership_id) in [Some(fund), subsidy].into_iter().flatten() {
        let id = AccountId(account_id);
        let header = books::header(
            office,
            tx,
            &step(&case, "E28", "", approved.reviewer, &[], 0),
        )
        .await?;
        let interest = product::close_interest(tx, &header, id)
            .await
            .map_err(|error| moved(error.into()))?;
        interest_fen += interest.fen();
        day = header.day.date();
        let mut balance = balance_of(office, tx, account_id).await?;
        for (place, share_id) in ids.iter().enumerate() {
            let fen = left[place].min(balance);
            if fen <= 0 {
                continue;
            }
            let key = format!("{share_id}:1:{account_id}");
            let journal = take_out(office, tx, &case, account_id, fen, &key, approved.reviewer)
                .await
                .map_err(moved)?;
            legs[place].push(Portion {
                account: account_id,
                fen,
                journal: Some(journal),
            });
            left[place] -= fen;
            balance -= fen;
        }
        close(office, tx, account_id).await?;
        sqlx::query(
            "INSERT INTO account_closing (centre_id, case_id, account_id, membership_id, interest_journal, out_journal, interest_fen,
                                          amount_fen, closed_on)
             VALUES ($1, $2, $3, $4, $5, NULL, $6, $7, $8)",
        )
        .bind(office.centre.id)
        .bind(case.case_id)
        .bind(account_id)
        .bind(membership_id)
        .bind((!interest.is_zero()).then_some(header.journal_id.0))
        .bind(interest.fen())
        .bind(legs.iter().flatten().filter(|leg| leg.account == account_id).map(|leg| leg.fen).sum::<i64>())
        .bind(day)
        .execute(&mut *tx)
        .await?;
        if membership_id.is_none() {
            closing::close_subsidy(office, tx, account_id, day).await?;
        }
    }
    if left.iter().any(|fen| *fen != 0) {
        return Err(Fault::Moved("the balance of an account that is closed").into());
    }
    for (place, (payee, share_bp)) in payees.iter().enumerate() {
        let amount = amounts[place].fen();
        put(
            office,
            tx,
            &case,
            closing,
            (ids[place], place),
            (payee, *share_bp),
            amount,
            &legs[place],
        )
        .await?;
    }
    sqlx::query(
        "UPDATE business_case SET account_id = $3, pay_bank = $4 WHERE centre_id = $1 AND case_id = $2",
    )
    .bind(office.centre.id)
    .bind(case.case_id)
    .bind(closing.membership.account_id)
    .bind(&closing.membership.bank)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO withdrawal_use (centre_id, case_id, person_id, kind, amount_fen, used_on, state) VALUES ($1, $2, $3, $4, $5, $6, 1)",
    )
    .bind(office.centre.id)
    .bind(case.case_id)
    .bind(owner_id)
    .bind(closing.kind)
    .bind(amount_fen)
    .bind(day)
    .execute(&mut *tx)
    .await?;
    Ok(Carried {
        step: "account_closed",
        detail: json!({ "amount_fen": amount_fen, "interest_fen": interest_fen, "payees": payees.len() }),
        done: false,
    })
}

#[expect(
    clippy::too_many_arguments,
    reason = "all of one row, written in one place"
)]
async fn put(
    office: &Office,
    tx: &mut PgConnection,
    case: &Case,
    closing: &Closing<'_>,
    (share_id, place): (i64, usize),
    (payee, share_bp): (&Payee, i32),
    amount_fen: i64,
    legs: &[Portion],
) -> Result<()> {
    // Whoever gives his part up, or whose part is less than a fen, is paid nothing.
    let nothing = amount_fen == 0;
    sqlx::query(
        "INSERT INTO case_share (centre_id, share_id, case_id, place, payee_sealed, name_shown, card_last4, share_bp, amount_fen, state,
                                 attempt, bank, legs, settled_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, $12, $13)",
    )
    .bind(office.centre.id)
    .bind(share_id)
    .bind(case.case_id)
    .bind(i16::try_from(place + 1).map_err(|_| Fault::Stored("heirs without end".to_owned()))?)
    .bind(seal(office, payee)?)
    .bind(anju_domain::name::mask(&payee.name))
    .bind(last4(&payee.card_no))
    .bind(share_bp)
    .bind(amount_fen)
    .bind(if nothing { PayState::Paid } else { PayState::Sending } as i16)
    .bind(&closing.membership.bank)
    .bind(serde_json::to_value(legs)?)
    .bind(nothing.then(|| office.now()))
    .execute(&mut *tx)
    .await?;
    if nothing {
        return Ok(());
    }
    enqueue(office, tx, case.case_id, share_id, 1).await
}

/// An estate that nobody takes (E28, E38): the whole balance to 增值收益 with the cash that goes with it, the accounts closed, and an order that
/// brings the cash to the centre's surplus account at the same bank. Returns the amount.
///
/// # Errors
/// [`Fault::Moved`] where the account is not free.
pub async fn close_to_income(
    office: &Office,
    tx: &mut PgConnection,
    case: &Case,
    closing: &Closing<'_>,
    (surplus_id, surplus): (i64, &Payee),
    checker: i64,
) -> Result<i64> {
    end_membership(office, tx, closing.membership).await?;
    let deposit = office.bank(&closing.membership.bank)?.deposit_id;
    let fund = (closing.membership.account_id, true);
    let subsidy = closing.subsidy.map(|account_id| (account_id, false));
    let mut total = 0;
    for (account_id, is_fund) in [Some(fund), subsidy].into_iter().flatten() {
        let header =
            books::header(office, tx, &step(case, "E28", "", Some(checker), &[], 0)).await?;
        product::close_interest(tx, &header, AccountId(account_id))
            .await
            .map_err(|error| moved(error.into()))?;
        let balance = balance_of(office, tx, account_id).await?;
        if balance > 0 {
            let key = format!("{}:{account_id}", case.case_id);
            let accounts = [
                (Role::Person, account_id),
                (Role::Surplus, surplus_id),
                (Role::Bank, deposit),
            ];
            let booking = step(case, "E38", &key, Some(checker), &accounts, balance);
            books::post(office, tx, &booking).await.map_err(moved)?;
        }
        close(office, tx, account_id).await?;
        if !is_fund {
            closing::close_subsidy(office, tx, account_id, header.day.date()).await?;
        }
        total += balance;
    }
    let share_id = office.ids.next().await?;
    put(
        office,
        tx,
        case,
        closing,
        (share_id, 0),
        (surplus, 10_000),
        total,
        &[],
    )
    .await?;
    sqlx::query(
        "UPDATE business_case SET account_id = $3, pay_bank = $4, amount_fen = $5 WHERE centre_id = $1 AND case_id = $2",
    )
    .bind(office.centre.id)
    .bind(case.case_id)
    .bind(closing.membership.account_id)
    .bind(&closing.membership.bank)
    .bind(total)
    .execute(tx)
    .await?;
    Ok(total)
}

async fn enqueue(
    office: &Office,
    tx: &mut PgConnection,
    case_id: i64,
    share_id: i64,
    attempt: i16,
) -> Result<()> {
    let payload = json!({ "share": share_id, "attempt": attempt });
    outbox::enqueue(
        office,
        tx,
        outbox::kind::PAYMENT,
        Some(case_id),
        payload,
        office.now(),
    )
    .await
    .map(drop)
}

async fn balance_of(office: &Office, tx: &mut PgConnection, account_id: i64) -> Result<i64> {
    Ok(account::read(tx, office.ledger(), AccountId(account_id))
        .await?
        .map_or(0, |account| account.balance.fen()))
}

/// E21 of one share out of one account: its journal and business date.
async fn take_out(
    office: &Office,
    tx: &mut PgConnection,
    case: &Case,
    account_id: i64,
    fen: i64,
    key: &str,
    checker: Option<i64>,
) -> Result<(i64, NaiveDate)> {
    let id = AccountId(account_id);
    let read = account::read(tx, office.ledger(), id)
        .await?
        .ok_or_else(|| Fault::Stored("an account that is closed is gone".to_owned()))?;
    let out = books::header(office, tx, &step(case, "E21", "", checker, &[], 0)).await?;
    let key = event_key(Event(21), key);
    let paid = journal::pay_out(
        tx,
        &out,
        &PayOut {
            key,
            digest: key,
            ref_id: case.case_id,
            account: id,
            version: read.version,
            amount: Fen::new(fen),
            payable: AccountId(WITHDRAWAL_PAYABLE),
            hold: None,
        },
    )
    .await?;
    if paid {
        return Ok((out.journal_id.0, out.day.date()));
    }
    Err(Fault::Moved("an account that is closed").into())
}

async fn close(office: &Office, tx: &mut PgConnection, account_id: i64) -> Result<()> {
    let (open, closed) = (account::State::Open, account::State::Closed);
    let id = AccountId(account_id);
    let read = account::read(tx, office.ledger(), id).await?;
    let from = read.map_or(open, |account| account.state);
    if account::set_state(tx, office.ledger(), id, from, closed).await? {
        return Ok(());
    }
    Err(Fault::Moved("an account that is closed").into())
}

/// The order of a share; none where there is nothing to pay any more.
pub async fn order(office: &Office, share_id: i64, attempt: i16) -> Result<Option<Order>> {
    let mut conn = office.pool.acquire().await?;
    let share = find(office, &mut conn, share_id).await?;
    if !share.awaits_bank(attempt) {
        return Ok(None);
    }
    let payee = share.payee(office)?;
    Ok(Some(Order {
        end_to_end_id: share.end_to_end_id(office),
        bank: share.bank,
        amount_fen: share.amount_fen,
        payee_account: payee.card_no,
        payee_name: payee.holder,
        remark: "住房公积金继承提取".to_owned(),
    }))
}

/// The bank did not answer: it is asked, never paid again.
pub async fn unknown(office: &Office, share_id: i64, attempt: i16) -> Result<()> {
    let mut tx = office.pool.begin().await?;
    let (case, share) = taken(office, &mut tx, share_id).await?;
    if share.attempt != attempt || share.state() != PayState::Sending {
        return Ok(());
    }
    set(office, &mut tx, &share, PayState::Unknown, None, None).await?;
    told(
        office,
        &mut tx,
        &case,
        &share,
        &["payment_unknown"],
        Actor::System,
    )
    .await?;
    tx.commit().await?;
    office.changed(case.case_id);
    Ok(())
}

/// Paid: E22, or E26 for money that had come back. Told twice, the second changes nothing. With the last one the case is done.
pub async fn paid(
    office: &Office,
    share_id: i64,
    attempt: i16,
    report: &PaymentReport,
) -> Result<()> {
    let mut tx = office.pool.begin().await?;
    let (case, share) = taken(office, &mut tx, share_id).await?;
    if !share.awaits_bank(attempt) {
        return Ok(());
    }
    let id = share.end_to_end_id(office);
    if report.differs(share.amount_fen, &id) {
        drop(tx);
        return unknown(office, share_id, attempt).await;
    }
    let deposit = office.bank(&share.bank)?.deposit_id;
    let event = if share.returned { "E26" } else { "E22" };
    let key = format!("{share_id}:{attempt}");
    let accounts = [(Role::Bank, deposit)];
    if share.returned || !share.is_booked() {
        let booking = step(&case, event, &key, None, &accounts, share.amount_fen);
        books::post(office, &mut tx, &booking).await?;
    }
    debit_taken(
        office,
        &mut tx,
        &share.bank,
        report,
        share.amount_fen,
        &id,
        Some(case.case_id),
    )
    .await?;
    set(
        office,
        &mut tx,
        &share,
        PayState::Paid,
        Some(&report.bank_ref),
        None,
    )
    .await?;
    let open: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM case_share WHERE centre_id = $1 AND case_id = $2 AND state <> 3",
    )
    .bind(office.centre.id)
    .bind(case.case_id)
    .fetch_one(&mut *tx)
    .await?;
    if open == 0 {
        sqlx::query("UPDATE withdrawal_use SET state = 2 WHERE centre_id = $1 AND case_id = $2")
            .bind(office.centre.id)
            .bind(case.case_id)
            .execute(&mut *tx)
            .await?;
        end_executing(
            office,
            &mut tx,
            case.case_id,
            CaseState::Done,
            &["share_paid", "done"],
            detail(&share),
            Actor::System,
        )
        .await?;
        if !share.is_booked() {
            outbox::sms(office, &mut tx, case.case_id, "shares_paid").await?;
        }
    } else {
        told(
            office,
            &mut tx,
            &case,
            &share,
            &["share_paid"],
            Actor::System,
        )
        .await?;
    }
    tx.commit().await?;
    office.changed_with_messages(case.case_id);
    Ok(())
}

/// Refused by the bank (E23): the share is back on the account with its old value date, and waits there for another card; the others are paid all
/// the same. Money that had come back before stays in 21905. Where every share is refused, closing interest is taken back too.
pub async fn rejected(
    office: &Office,
    share_id: i64,
    attempt: i16,
    report: &PaymentReport,
) -> Result<()> {
    let mut tx = office.pool.begin().await?;
    let (case, share) = taken(office, &mut tx, share_id).await?;
    if !share.awaits_bank(attempt) {
        return Ok(());
    }
    let reason = report.reason.as_deref();
    if share.returned {
        set(office, &mut tx, &share, PayState::Returned, None, reason).await?;
    } else {
        set(office, &mut tx, &share, PayState::Rejected, None, reason).await?;
        put_back(office, &mut tx, &case, &share).await?;
    }
    told(
        office,
        &mut tx,
        &case,
        &share,
        &["share_rejected"],
        Actor::System,
    )
    .await?;
    if !share.is_booked() {
        outbox::sms(office, &mut tx, case.case_id, "share_rejected").await?;
    }
    tx.commit().await?;
    office.changed_with_messages(case.case_id);
    Ok(())
}

/// E23 of a share: its E21 in red on accounts that are open again.
async fn put_back(
    office: &Office,
    tx: &mut PgConnection,
    case: &Case,
    share: &Share,
) -> Result<()> {
    for leg in &share.legs.0 {
        let Some((journal_id, on)) = leg.journal else {
            continue;
        };
        let reopened: Option<Option<i64>> = sqlx::query_scalar(
            "UPDATE account_closing SET reopened_at = $4
              WHERE centre_id = $1 AND case_id = $2 AND account_id = $3 AND reopened_at IS NULL
             RETURNING membership_id",
        )
        .bind(office.centre.id)
        .bind(case.case_id)
        .bind(leg.account)
        .bind(office.now())
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(membership_id) = reopened {
            open_account(office, tx, leg.account).await?;
            if let Some(membership_id) = membership_id {
                sqlx::query("UPDATE membership SET state = $3 WHERE centre_id = $1 AND membership_id = $2 AND state = 9")
                    .bind(office.centre.id)
                    .bind(membership_id)
                    .bind(state::SEALED)
                    .execute(&mut *tx)
                    .await?;
            }
        }
        let key = format!("{}:{journal_id}", share.share_id);
        let header = books::header(office, tx, &step(case, "E23", &key, None, &[], 0)).await?;
        journal::reverse(tx, &header, &key, JournalId(journal_id), on).await?;
    }
    let elsewhere: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM case_share WHERE centre_id = $1 AND case_id = $2 AND state <> 4 AND amount_fen > 0",
    )
    .bind(office.centre.id)
    .bind(case.case_id)
    .fetch_one(&mut *tx)
    .await?;
    if elsewhere == 0 {
        take_back_interest(office, tx, case).await?;
    }
    Ok(())
}

/// Nobody is paid yet: E28 goes back as well, so that the interest of the days until the new card runs on as if nothing had left.
async fn take_back_interest(office: &Office, tx: &mut PgConnection, case: &Case) -> Result<()> {
    let credited: Vec<(i64, NaiveDate)> = sqlx::query_as(
        "UPDATE account_closing c SET interest_journal = NULL
           FROM account_closing old
          WHERE c.centre_id = $1 AND c.case_id = $2 AND old.centre_id = c.centre_id AND old.case_id = c.case_id
            AND old.account_id = c.account_id AND c.interest_journal IS NOT NULL AND c.reopened_at IS NOT NULL
         RETURNING old.interest_journal, c.closed_on",
    )
    .bind(office.centre.id)
    .bind(case.case_id)
    .fetch_all(&mut *tx)
    .await?;
    for (journal_id, on) in credited {
        let key = format!("{}:{journal_id}", case.case_id);
        let header = books::header(office, tx, &step(case, "E23", &key, None, &[], 0)).await?;
        journal::reverse(tx, &header, &key, JournalId(journal_id), on).await?;
    }
    Ok(())
}

/// 退票 (E25): a share that was paid has come back; it stands in 21905 until its payee has another card. The others keep theirs.
pub async fn payment_returned(
    office: &Office,
    tx: &mut PgConnection,
    share_id: i64,
    bank: &str,
    serial: &str,
    reason: &str,
) -> Result<i64> {
    let (case, share) = taken(office, tx, share_id).await?;
    if share.state() != PayState::Paid {
        return Err(Fault::Stored("a return for a share that was not paid".to_owned()).into());
    }
    let accounts = [(Role::Bank, office.bank(bank)?.deposit_id)];
    let key = format!("{bank}:{serial}");
    let booking: Booking<'_> = step(&case, "E25", &key, None, &accounts, share.amount_fen);
    books::post(office, tx, &booking).await?;
    sqlx::query(
        "UPDATE case_share SET state = 5, returned = TRUE, reason = $3, settled_at = NULL WHERE centre_id = $1 AND share_id = $2",
    )
    .bind(office.centre.id)
    .bind(share_id)
    .bind(reason)
    .execute(&mut *tx)
    .await?;
    sqlx::query("UPDATE business_case SET state = 5 WHERE centre_id = $1 AND case_id = $2")
        .bind(office.centre.id)
        .bind(case.case_id)
        .execute(&mut *tx)
        .await?;
    told(
        office,
        tx,
        &case,
        &share,
        &["share_returned"],
        Actor::System,
    )
    .await?;
    outbox::sms(office, tx, case.case_id, "share_rejected").await?;
    Ok(case.case_id)
}

/// Pays a share that waits to another card, in the caller's transaction. What is on the account leaves it with its interest (E28, E21); the
/// last one closes it again. Returns the case.
///
/// # Errors
/// 409 `E-CASE-02` for a share that waits for no card; [`Fault::Moved`] where the account may not be drawn on.
pub async fn pay_again(
    office: &Office,
    tx: &mut PgConnection,
    share_id: i64,
    card_no: &str,
    actor: Actor,
) -> Result<i64> {
    let (case, share) = taken(office, tx, share_id).await?;
    if !share.wants_card() {
        return Err(Refusal::new(409, "E-CASE-02", "这一份没有等换卡的款项，不用换卡。").into());
    }
    let mut payee = share.payee(office)?;
    card_no.clone_into(&mut payee.card_no);
    let attempt = share.attempt + 1;
    if !share.returned {
        leave_again(office, tx, &case, &share, attempt).await?;
    }
    sqlx::query(
        "UPDATE case_share SET payee_sealed = $3, card_last4 = $4, state = 1, attempt = $5 WHERE centre_id = $1 AND share_id = $2",
    )
    .bind(office.centre.id)
    .bind(share_id)
    .bind(seal(office, &payee)?)
    .bind(last4(card_no))
    .bind(attempt)
    .execute(&mut *tx)
    .await?;
    told(office, tx, &case, &share, &["new_card", "executing"], actor).await?;
    enqueue(office, tx, case.case_id, share_id, attempt).await?;
    Ok(case.case_id)
}

/// The accounts of the case are settled to today, what they hold is split anew among who waits, and this share's part leaves.
async fn leave_again(
    office: &Office,
    tx: &mut PgConnection,
    case: &Case,
    share: &Share,
    attempt: i16,
) -> Result<()> {
    let all = list_on(office, tx, case.case_id).await?;
    let waiting: Vec<&Share> = all
        .iter()
        .filter(|one| one.state() == PayState::Rejected)
        .collect();
    let mut legs: Vec<Vec<Portion>> = waiting.iter().map(|one| one.legs.0.clone()).collect();
    let mine = waiting
        .iter()
        .position(|one| one.share_id == share.share_id)
        .ok_or_else(|| Fault::Stored("a share that waits is not among those".to_owned()))?;
    let mut accounts: Vec<i64> = legs.iter().flatten().map(|leg| leg.account).collect();
    accounts.sort_unstable();
    accounts.dedup();
    for account_id in accounts {
        let header = books::header(office, tx, &step(case, "E28", "", None, &[], 0)).await?;
        product::close_interest(tx, &header, AccountId(account_id))
            .await
            .map_err(|error| moved(error.into()))?;
        let balance = balance_of(office, tx, account_id).await?;
        let weights: Vec<u64> = legs
            .iter()
            .map(|of| {
                of.iter()
                    .filter(|leg| leg.account == account_id)
                    .map(|leg| leg.fen)
                    .sum::<i64>()
            })
            .map(|fen| u64::try_from(fen).unwrap_or(0))
            .collect();
        if weights.iter().all(|fen| *fen == 0) {
            continue;
        }
        let parts = split_shares(Fen::new(balance), &weights);
        for (of, part) in legs.iter_mut().zip(parts) {
            for leg in of.iter_mut().filter(|leg| leg.account == account_id) {
                leg.fen = part.fen();
                leg.journal = None;
            }
        }
        if let Some(leg) = legs[mine].iter_mut().find(|leg| leg.account == account_id) {
            let key = format!("{}:{attempt}:{account_id}", share.share_id);
            if leg.fen > 0 {
                leg.journal =
                    Some(take_out(office, tx, case, account_id, leg.fen, &key, None).await?);
            }
        }
        if balance_of(office, tx, account_id).await? == 0 {
            close_again(office, tx, case, account_id, header.day.date()).await?;
        }
    }
    let mut total = 0;
    for (one, legs) in waiting.iter().zip(&legs) {
        let fen: i64 = legs.iter().map(|leg| leg.fen).sum();
        total += fen - one.amount_fen;
        sqlx::query("UPDATE case_share SET amount_fen = $3, legs = $4 WHERE centre_id = $1 AND share_id = $2")
            .bind(office.centre.id)
            .bind(one.share_id)
            .bind(fen)
            .bind(serde_json::to_value(legs)?)
            .execute(&mut *tx)
            .await?;
    }
    sqlx::query("UPDATE business_case SET amount_fen = amount_fen + $3 WHERE centre_id = $1 AND case_id = $2")
        .bind(office.centre.id)
        .bind(case.case_id)
        .bind(total)
        .execute(&mut *tx)
        .await?;
    sqlx::query("UPDATE withdrawal_use SET amount_fen = amount_fen + $3 WHERE centre_id = $1 AND case_id = $2")
        .bind(office.centre.id)
        .bind(case.case_id)
        .bind(total)
        .execute(tx)
        .await?;
    Ok(())
}

async fn close_again(
    office: &Office,
    tx: &mut PgConnection,
    case: &Case,
    account_id: i64,
    day: NaiveDate,
) -> Result<()> {
    close(office, tx, account_id).await?;
    let membership_id: Option<Option<i64>> = sqlx::query_scalar(
        "UPDATE account_closing SET reopened_at = NULL, closed_on = $4
          WHERE centre_id = $1 AND case_id = $2 AND account_id = $3
         RETURNING membership_id",
    )
    .bind(office.centre.id)
    .bind(case.case_id)
    .bind(account_id)
    .bind(day)
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(Some(membership_id)) = membership_id {
        sqlx::query("UPDATE membership SET state = 9 WHERE centre_id = $1 AND membership_id = $2")
            .bind(office.centre.id)
            .bind(membership_id)
            .execute(tx)
            .await?;
    }
    Ok(())
}

async fn set(
    office: &Office,
    tx: &mut PgConnection,
    share: &Share,
    to: PayState,
    bank_ref: Option<&str>,
    reason: Option<&str>,
) -> Result<()> {
    sqlx::query(
        "UPDATE case_share
            SET state = $3, bank_ref = coalesce($4, bank_ref), reason = $5, settled_at = CASE WHEN $3::smallint = 3 THEN $6::timestamptz END
          WHERE centre_id = $1 AND share_id = $2",
    )
    .bind(office.centre.id)
    .bind(share.share_id)
    .bind(to as i16)
    .bind(bank_ref)
    .bind(reason)
    .bind(office.now())
    .execute(tx)
    .await?;
    Ok(())
}

/// What an event says of a share: its place, never its payee.
fn detail(share: &Share) -> serde_json::Value {
    json!({ "share": share.place, "amount_fen": share.amount_fen, "attempt": share.attempt })
}

async fn told(
    office: &Office,
    tx: &mut PgConnection,
    case: &Case,
    share: &Share,
    steps: &[&str],
    actor: Actor,
) -> Result<()> {
    sqlx::query(
        "UPDATE business_case SET version = version + 1 WHERE centre_id = $1 AND case_id = $2",
    )
    .bind(office.centre.id)
    .bind(case.case_id)
    .execute(&mut *tx)
    .await?;
    add_event(office, tx, case.case_id, actor, steps, detail(share)).await
}
