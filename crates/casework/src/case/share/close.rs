//! How an account leaves for several payees, or for the centre's own income: interest, balance, closing and the orders, in the caller's transaction.

use anju_domain::money::Fen;
use anju_domain::rounding::split_shares;
use anju_domain::text::last_four;
use anju_ledger::command::event_key;
use anju_ledger::journal::{self, PayOut};
use anju_ledger::{AccountId, Event, Role, account, product};
use chrono::NaiveDate;
use serde_json::json;
use sqlx::PgConnection;

use super::super::closing::{self, Closing, end_membership, moved, step};
use super::super::payment::WITHDRAWAL_PAYABLE;
use super::super::row::{Case, PayState};
use super::super::settle::lock;
use super::{Payee, Portion, seal};
use crate::books;
use crate::catalogue::{Approved, Carried};
use crate::{Fault, Office, Result, outbox};

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
    .bind(last_four(&payee.card_no))
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

pub(super) async fn enqueue(
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

pub(super) async fn balance_of(
    office: &Office,
    tx: &mut PgConnection,
    account_id: i64,
) -> Result<i64> {
    Ok(account::read(tx, office.ledger(), AccountId(account_id))
        .await?
        .map_or(0, |account| account.balance.fen()))
}

/// E21 of one share out of one account: its journal and business date.
pub(super) async fn take_out(
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

pub(super) async fn close(office: &Office, tx: &mut PgConnection, account_id: i64) -> Result<()> {
    let (open, closed) = (account::State::Open, account::State::Closed);
    let id = AccountId(account_id);
    let read = account::read(tx, office.ledger(), id).await?;
    let from = read.map_or(open, |account| account.state);
    if account::set_state(tx, office.ledger(), id, from, closed).await? {
        return Ok(());
    }
    Err(Fault::Moved("an account that is closed").into())
}
