//! 销户提取: an account is closed with its interest and its whole balance goes to the card, in the transaction that ends the decision; and
//! it is opened again where the bank refuses or the money comes back for good. Invariant: while the money is away the accounts are
//! closed; when it is back they are sealed, and their products are as if nothing had left.

use anju_ledger::command::event_key;
use anju_ledger::journal::{self, PayOut};
use anju_ledger::{AccountId, Event, JournalId, Role, account, product};
use chrono::NaiveDate;
use serde_json::json;
use sqlx::{FromRow, PgConnection};

use super::payment::WITHDRAWAL_PAYABLE;
use super::row::Case;
use super::settle::lock;
use crate::books::{self, Booking};
use crate::catalogue::{Approved, Carried};
use crate::membership::{Membership, state};
use crate::{Actor, Error, Fault, Office, Refusal, Result, employer, outbox};

/// What is closed.
pub struct Closing<'a> {
    /// Kind of the withdrawal, e.g. `RETIRE`.
    pub kind: &'a str,
    /// The membership that ends.
    pub membership: &'a Membership,
    /// The housing subsidy's account of the same person, closed in the same case.
    pub subsidy: Option<i64>,
}

/// An account that a case has closed.
#[derive(Debug, FromRow)]
struct Closed {
    account_id: i64,
    membership_id: Option<i64>,
    interest_journal: Option<i64>,
    out_journal: Option<i64>,
    amount_fen: i64,
    closed_on: NaiveDate,
    reclaim_journal: Option<i64>,
    reclaim_fen: i64,
}

/// Closing interest (E28), the whole balance to 提取待付 (E21), the account closed, the membership CLOSED_WITHDRAWN, and the order to the
/// bank. An account that is not sealed yet is sealed by it. The same for the housing subsidy, with the same order.
///
/// # Errors
/// [`Fault::Moved`] when anything is not as it was read: nothing is written then.
pub async fn close_out(
    office: &Office,
    tx: &mut PgConnection,
    approved: &Approved<'_>,
    closing: &Closing<'_>,
) -> Result<Carried> {
    let amount_fen = approved
        .decision
        .amount_fen
        .filter(|fen| *fen > 0)
        .ok_or_else(no_amount)?;
    let case = lock(office, tx, approved.case_id).await?;
    end_membership(office, tx, closing.membership).await?;
    let mut paid_fen = 0;
    let mut interest_fen = 0;
    let mut first = None;
    let mut day = office.today();
    let fund = (
        closing.membership.account_id,
        Some(closing.membership.membership_id),
    );
    for (account_id, membership_id) in [Some(fund), closing.subsidy.map(|subsidy| (subsidy, None))]
        .into_iter()
        .flatten()
    {
        let left = close_account(office, tx, &case, account_id, approved.reviewer)
            .await
            .map_err(moved)?;
        paid_fen += left.amount_fen;
        interest_fen += left.interest_fen;
        first = first.or(left.out_journal);
        day = left.closed_on;
        sqlx::query(
            "INSERT INTO account_closing (centre_id, case_id, account_id, membership_id, interest_journal, out_journal, interest_fen,
                                          amount_fen, closed_on)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(office.centre.id)
        .bind(case.case_id)
        .bind(account_id)
        .bind(membership_id)
        .bind(left.interest_journal)
        .bind(left.out_journal)
        .bind(left.interest_fen)
        .bind(left.amount_fen)
        .bind(left.closed_on)
        .execute(&mut *tx)
        .await?;
    }
    if paid_fen != amount_fen {
        return Err(Fault::Moved("the balance of an account that is closed").into());
    }
    if let Some(subsidy) = closing.subsidy {
        close_subsidy(office, tx, subsidy, day).await?;
    }
    pays(office, tx, &case, closing, first, day).await?;
    Ok(Carried {
        step: "account_closed",
        detail: json!({ "amount_fen": amount_fen, "interest_fen": interest_fen }),
        done: false,
    })
}

/// 409: nobody can say yet how much leaves.
pub(super) fn no_amount() -> Refusal {
    let detail = "能提多少还算不出来，有部门没有答复或各说各的。请等查清了再通过，或不予通过。";
    Refusal::new(409, "E-CHECK-05", detail)
}

/// The housing subsidy of a person ends with its account.
pub(super) async fn close_subsidy(
    office: &Office,
    tx: &mut PgConnection,
    account_id: i64,
    day: NaiveDate,
) -> Result<()> {
    sqlx::query(
        "UPDATE subsidy_member SET closed_on = $3 WHERE centre_id = $1 AND account_id = $2",
    )
    .bind(office.centre.id)
    .bind(account_id)
    .bind(day)
    .execute(tx)
    .await?;
    Ok(())
}

/// The case pays what was closed: the use that counts for later withdrawals, and the order to the bank.
async fn pays(
    office: &Office,
    tx: &mut PgConnection,
    case: &Case,
    closing: &Closing<'_>,
    journal_id: Option<i64>,
    day: NaiveDate,
) -> Result<()> {
    sqlx::query(
        "UPDATE business_case
            SET pay_state = 1, pay_attempt = 1, pay_bank = $3, account_id = $4, journal_id = $5
          WHERE centre_id = $1 AND case_id = $2",
    )
    .bind(office.centre.id)
    .bind(case.case_id)
    .bind(&closing.membership.bank)
    .bind(closing.membership.account_id)
    .bind(journal_id)
    .execute(&mut *tx)
    .await?;
    // A case that failed and is decided again uses its own row.
    sqlx::query(
        "INSERT INTO withdrawal_use (centre_id, case_id, person_id, kind, amount_fen, used_on, state)
         SELECT centre_id, case_id, applicant_id, $3, amount_fen, $4, 1 FROM business_case WHERE centre_id = $1 AND case_id = $2",
    )
    .bind(office.centre.id)
    .bind(case.case_id)
    .bind(closing.kind)
    .bind(day)
    .execute(&mut *tx)
    .await?;
    outbox::enqueue(
        office,
        tx,
        outbox::kind::PAYMENT,
        Some(case.case_id),
        json!({ "case": case.case_id, "attempt": 1 }),
        office.now(),
    )
    .await?;
    Ok(())
}

/// What the ledger says when somebody else moved the account first.
pub(super) fn moved(error: Error) -> Error {
    use anju_ledger::Error as Ledger;
    match &error {
        Error::Failed(Fault::Ledger(Ledger::DayNotOpen(_) | Ledger::NotAvailable(_))) => {
            Fault::Moved("an account or the day").into()
        }
        _ => error,
    }
}

/// Ends the membership as it was read, and what hangs on it. The employer's row is taken first, so that no list of his is registered
/// meanwhile (withdrawal.md §11, 18: who is first wins).
pub(super) async fn end_membership(
    office: &Office,
    tx: &mut PgConnection,
    membership: &Membership,
) -> Result<()> {
    employer::lock(office, tx, membership.employer_id).await?;
    let ended = sqlx::query(
        "UPDATE membership m
            SET state = 9, sealed_on = coalesce(sealed_on, $5), seal_reason = coalesce(seal_reason, '提取销户')
          WHERE centre_id = $1 AND membership_id = $2 AND state = $3 AND account_id = $4
            AND sealed_on IS NOT DISTINCT FROM $6
            AND NOT EXISTS (SELECT FROM remittance_line l
                              JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id
                             WHERE l.centre_id = $1 AND l.account_id = $4 AND r.state IN (1, 2))",
    )
    .bind(office.centre.id)
    .bind(membership.membership_id)
    .bind(membership.state)
    .bind(membership.account_id)
    .bind(office.today())
    .bind(membership.sealed_on)
    .execute(&mut *tx)
    .await?;
    if ended.rows_affected() != 1 {
        return Err(Fault::Moved("the membership of an account that is closed").into());
    }
    sqlx::query("UPDATE employer SET list_version = list_version + 1 WHERE centre_id = $1 AND employer_id = $2")
        .bind(office.centre.id)
        .bind(membership.employer_id)
        .execute(&mut *tx)
        .await?;
    sqlx::query(
        "UPDATE flexible_agreement SET state = 9, next_on = NULL, reason = '提取销户'
          WHERE centre_id = $1 AND membership_id = $2 AND state <> 9",
    )
    .bind(office.centre.id)
    .bind(membership.membership_id)
    .execute(tx)
    .await?;
    Ok(())
}

/// What has left an account.
struct Left {
    amount_fen: i64,
    interest_fen: i64,
    interest_journal: Option<i64>,
    out_journal: Option<i64>,
    closed_on: NaiveDate,
}

pub(super) fn step<'a>(
    case: &Case,
    event: &'a str,
    key: &'a str,
    checker: Option<i64>,
    accounts: &'a [(Role, i64)],
    amount_fen: i64,
) -> Booking<'a> {
    Booking {
        event,
        key,
        case_id: Some(case.case_id),
        branch_id: case.branch_id,
        maker: Actor::System,
        checker,
        policy_id: case.policy_id,
        month: None,
        value_date: None,
        accounts,
        amount_fen,
    }
}

async fn close_account(
    office: &Office,
    tx: &mut PgConnection,
    case: &Case,
    account_id: i64,
    checker: Option<i64>,
) -> Result<Left> {
    let id = AccountId(account_id);
    let header = books::header(office, tx, &step(case, "E28", "", checker, &[], 0)).await?;
    let interest = product::close_interest(tx, &header, id).await?;
    let read = account::read(tx, office.ledger(), id)
        .await?
        .ok_or_else(|| Fault::Stored("an account that is closed is gone".to_owned()))?;
    let mut out_journal = None;
    if !read.balance.is_zero() {
        let out = books::header(office, tx, &step(case, "E21", "", checker, &[], 0)).await?;
        let key = event_key(Event(21), &format!("{}:{account_id}", case.case_id));
        let paid = journal::pay_out(
            tx,
            &out,
            &PayOut {
                key,
                digest: key,
                ref_id: case.case_id,
                account: id,
                version: read.version,
                amount: read.balance,
                payable: AccountId(WITHDRAWAL_PAYABLE),
                hold: None,
            },
        )
        .await?;
        if !paid {
            return Err(Fault::Moved("an account that is closed").into());
        }
        out_journal = Some(out.journal_id.0);
    }
    if !account::set_state(tx, office.ledger(), id, read.state, account::State::Closed).await? {
        return Err(Fault::Moved("an account that is closed").into());
    }
    Ok(Left {
        amount_fen: read.balance.fen(),
        interest_fen: interest.fen(),
        interest_journal: (!interest.is_zero()).then_some(header.journal_id.0),
        out_journal,
        closed_on: header.day.date(),
    })
}

/// The accounts that a case has closed and that are still closed.
async fn closed_by(office: &Office, conn: &mut PgConnection, case_id: i64) -> Result<Vec<Closed>> {
    Ok(sqlx::query_as(
        "SELECT account_id, membership_id, interest_journal, out_journal, amount_fen, closed_on, reclaim_journal, reclaim_fen
           FROM account_closing
          WHERE centre_id = $1 AND case_id = $2 AND reopened_at IS NULL
          ORDER BY account_id",
    )
    .bind(office.centre.id)
    .bind(case_id)
    .fetch_all(conn)
    .await?)
}

/// Refused by the bank (E23): E21 and E28 are reversed with their value dates, the accounts are SEALED again. False for a case that closed
/// nothing.
pub(super) async fn reopen(office: &Office, tx: &mut PgConnection, case: &Case) -> Result<bool> {
    let closed = closed_by(office, tx, case.case_id).await?;
    for one in &closed {
        open_account(office, tx, one.account_id).await?;
        for journal_id in [one.out_journal, one.interest_journal]
            .into_iter()
            .flatten()
        {
            let key = format!("{}:{journal_id}", case.case_id);
            let header = books::header(office, tx, &step(case, "E23", &key, None, &[], 0)).await?;
            journal::reverse(tx, &header, &key, JournalId(journal_id), one.closed_on).await?;
        }
        give_back(office, tx, case, one).await?;
        come_back(office, tx, case, one).await?;
    }
    Ok(!closed.is_empty())
}

/// A return that the person takes back (E27): the accounts are SEALED again with what they held, of the day on which it left. False for a
/// case that closed nothing.
pub(super) async fn credit_back(
    office: &Office,
    tx: &mut PgConnection,
    case: &Case,
) -> Result<bool> {
    let closed = closed_by(office, tx, case.case_id).await?;
    for one in &closed {
        open_account(office, tx, one.account_id).await?;
        if one.amount_fen > 0 {
            let key = format!("{}:{}", case.case_id, one.account_id);
            let accounts = [(Role::Person, one.account_id)];
            let booking = Booking {
                value_date: Some(one.closed_on),
                ..step(case, "E27", &key, None, &accounts, one.amount_fen)
            };
            books::post(office, tx, &booking).await?;
        }
        give_back(office, tx, case, one).await?;
        come_back(office, tx, case, one).await?;
    }
    Ok(!closed.is_empty())
}

/// What was taken back for finance is the person's again: out of the office's suspense (E08), and E11 reversed. Where the suspense has been
/// used since, finance has had it: then the account comes back without it.
async fn give_back(
    office: &Office,
    tx: &mut PgConnection,
    case: &Case,
    one: &Closed,
) -> Result<()> {
    let (Some(journal_id), Some(membership_id)) = (one.reclaim_journal, one.membership_id) else {
        return Ok(());
    };
    let employer_id: i64 = sqlx::query_scalar(
        "SELECT employer_id FROM membership WHERE centre_id = $1 AND membership_id = $2",
    )
    .bind(office.centre.id)
    .bind(membership_id)
    .fetch_one(&mut *tx)
    .await?;
    let employer = employer::lock(office, tx, employer_id).await?;
    let suspense = AccountId(employer.suspense_account_id);
    let there = account::read(tx, office.ledger(), suspense)
        .await?
        .map_or(0, |account| account.balance.fen());
    let payable = account::find(
        tx,
        office.ledger(),
        account::Kind::OverContribution,
        employer_id,
    )
    .await?;
    let Some(payable) = payable.filter(|_| there >= one.reclaim_fen) else {
        tracing::warn!(
            case = case.case_id,
            "a subsidy that was taken back is spent"
        );
        return Ok(());
    };
    let key = format!("give-back:{}", case.case_id);
    let accounts = [
        (Role::Unit, suspense.0),
        (Role::OverContribution, payable.0),
    ];
    let out = step(case, "E08", &key, None, &accounts, one.reclaim_fen);
    books::post(office, tx, &out).await?;
    let header = books::header(office, tx, &step(case, "E11", &key, None, &[], 0)).await?;
    journal::reverse(tx, &header, &key, JournalId(journal_id), one.closed_on).await?;
    Ok(())
}

pub(super) async fn open_account(
    office: &Office,
    tx: &mut PgConnection,
    account_id: i64,
) -> Result<()> {
    let id = AccountId(account_id);
    let (closed, open) = (account::State::Closed, account::State::Open);
    if account::set_state(tx, office.ledger(), id, closed, open).await? {
        return Ok(());
    }
    Err(Fault::Stored("a closed account cannot be opened again".to_owned()).into())
}

/// The membership SEALED again. One person, one account: who has another account by now (§11, 18) has the money there.
async fn come_back(
    office: &Office,
    tx: &mut PgConnection,
    case: &Case,
    one: &Closed,
) -> Result<()> {
    sqlx::query(
        "UPDATE account_closing SET reopened_at = $4 WHERE centre_id = $1 AND case_id = $2 AND account_id = $3",
    )
    .bind(office.centre.id)
    .bind(case.case_id)
    .bind(one.account_id)
    .bind(office.now())
    .execute(&mut *tx)
    .await?;
    let newer: Option<i64> = match one.membership_id {
        Some(_) => sqlx::query_scalar(
            "SELECT account_id FROM membership WHERE centre_id = $1 AND person_id = $2 AND state <> 9 LIMIT 1",
        ),
        None => sqlx::query_scalar(
            "SELECT account_id FROM subsidy_member WHERE centre_id = $1 AND person_id = $2 AND closed_on IS NULL LIMIT 1",
        ),
    }
    .bind(office.centre.id)
    .bind(case.applicant_id)
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(newer) = newer {
        return move_to(office, tx, case, one, newer).await;
    }
    match one.membership_id {
        Some(membership_id) => sqlx::query(
            "WITH back AS (
                 UPDATE membership SET state = $3 WHERE centre_id = $1 AND membership_id = $2 AND state = 9 RETURNING employer_id)
             UPDATE employer e SET list_version = list_version + 1 FROM back
              WHERE e.centre_id = $1 AND e.employer_id = back.employer_id",
        )
        .bind(office.centre.id)
        .bind(membership_id)
        .bind(state::SEALED)
        .execute(tx)
        .await?,
        None => {
            sqlx::query("UPDATE subsidy_member SET closed_on = NULL WHERE centre_id = $1 AND account_id = $2")
                .bind(office.centre.id)
                .bind(one.account_id)
                .execute(tx)
                .await?
        }
    };
    Ok(())
}

/// What came back to an account that its person has no more use for goes on to the newer one, with its interest (E28, E13).
async fn move_to(
    office: &Office,
    tx: &mut PgConnection,
    case: &Case,
    one: &Closed,
    newer: i64,
) -> Result<()> {
    let id = AccountId(one.account_id);
    let header = books::header(office, tx, &step(case, "E28", "", None, &[], 0)).await?;
    product::close_interest(tx, &header, id).await?;
    let balance = account::read(tx, office.ledger(), id)
        .await?
        .map_or(0, |account| account.balance.fen());
    if balance > 0 {
        let key = format!("{}:{}", case.case_id, one.account_id);
        let accounts = [(Role::Person, one.account_id), (Role::OtherPerson, newer)];
        books::post(
            office,
            tx,
            &step(case, "E13", &key, None, &accounts, balance),
        )
        .await?;
    }
    let (open, closed) = (account::State::Open, account::State::Closed);
    if !account::set_state(tx, office.ledger(), id, open, closed).await? {
        return Err(Fault::Stored("an account that was moved is not empty".to_owned()).into());
    }
    Ok(())
}

/// The account to which a contribution goes that came when a person's account was closed: his living one of the kind, else the one that a
/// withdrawal has closed, which is SEALED again; none where it was closed in another way.
///
/// # Errors
/// The database.
pub async fn account_for_late_credit(
    office: &Office,
    tx: &mut PgConnection,
    person_id: i64,
    account_id: i64,
    is_subsidy: bool,
) -> Result<Option<i64>> {
    let living: Option<i64> = if is_subsidy {
        sqlx::query_scalar(
            "SELECT account_id FROM subsidy_member WHERE centre_id = $1 AND person_id = $2 AND closed_on IS NULL LIMIT 1",
        )
    } else {
        sqlx::query_scalar(
            "SELECT account_id FROM membership WHERE centre_id = $1 AND person_id = $2 AND state <> 9 LIMIT 1",
        )
    }
    .bind(office.centre.id)
    .bind(person_id)
    .fetch_optional(&mut *tx)
    .await?;
    if living.is_some() {
        return Ok(living);
    }
    let by: Option<i64> = sqlx::query_scalar(
        "SELECT case_id FROM account_closing WHERE centre_id = $1 AND account_id = $2 AND reopened_at IS NULL",
    )
    .bind(office.centre.id)
    .bind(account_id)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(case_id) = by else { return Ok(None) };
    let case = lock(office, tx, case_id).await?;
    let closed = closed_by(office, tx, case_id).await?;
    let Some(one) = closed.iter().find(|one| one.account_id == account_id) else {
        return Ok(None);
    };
    open_account(office, tx, account_id).await?;
    come_back(office, tx, &case, one).await?;
    Ok(Some(account_id))
}

/// The account to which money comes back that a withdrawal of this person should not have taken: his living one, else the one that the
/// withdrawal has closed, which is SEALED again; none where there is neither.
///
/// # Errors
/// The database.
pub async fn account_to_credit(
    office: &Office,
    tx: &mut PgConnection,
    person_id: i64,
    of_case: i64,
) -> Result<Option<i64>> {
    let living: Option<i64> = sqlx::query_scalar(
        "SELECT account_id FROM membership WHERE centre_id = $1 AND person_id = $2 AND state <> 9 LIMIT 1",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .fetch_optional(&mut *tx)
    .await?;
    if living.is_some() {
        return Ok(living);
    }
    let case = lock(office, tx, of_case).await?;
    let closed = closed_by(office, tx, of_case).await?;
    let Some(fund) = closed.iter().find(|one| one.membership_id.is_some()) else {
        return Ok(None);
    };
    open_account(office, tx, fund.account_id).await?;
    come_back(office, tx, &case, fund).await?;
    Ok(Some(fund.account_id))
}
