//! An account leaves (转出): closing interest and the whole balance in one transaction, and everything taken back where the bank refuses or
//! the money comes back. Invariant: while the money is away the account is closed; when it is back, account and products are as if it had
//! not left.

use anju_casework::books::{self, Booking};
use anju_casework::membership::Membership;
use anju_casework::{Actor, Fault, Office, Result, employer};
use anju_domain::calendar::Month;
use anju_domain::money::Fen;
use anju_ledger::command::event_key;
use anju_ledger::journal::{self, PayOut};
use anju_ledger::{AccountId, Event, JournalId, account, product};
use anju_policy::Outcome;
use anju_wire::platform::{Body, Progress, Sheet};
use chrono::TimeDelta;
use serde_json::json;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::letter::{self, Letter, State, Step, shift};
use super::message::say;
use super::money;
use super::outgoing::{judge, refuse, unmet};
use crate::policy::Rules;

/// 转移清算.
const CLEARING: i64 = 21906;

/// INFO_APPROVED → PAYING: closing interest (E28), the whole balance to the clearing account (E35), the account CLOSED_TRANSFERRED and the
/// order to the bank. The transaction sees one moment: whatever else moves the account meanwhile, it fails and is tried again.
pub(super) async fn pay(office: &Office, letter_id: i64) -> Result<()> {
    for _ in 0..AGAIN {
        match try_to_pay(office, letter_id).await {
            Err(error) if moved_meanwhile(&error) => {}
            done => return done,
        }
    }
    // The engine looks at it again.
    Ok(())
}

/// Times that a payment is tried again when something moved in between.
const AGAIN: usize = 8;

fn moved_meanwhile(error: &anju_casework::Error) -> bool {
    matches!(
        error.database_code().as_deref(),
        Some("40001" | "40P01" | "LD001" | "LD003")
    )
}

async fn try_to_pay(office: &Office, letter_id: i64) -> Result<()> {
    let mut tx = office.pool.begin().await?;
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        .execute(&mut *tx)
        .await?;
    let letter = letter::lock(office, &mut tx, letter_id).await?;
    if letter.state() != State::InfoApproved {
        return Ok(());
    }
    let (decision, own) = judge(office, &mut tx, &letter).await?;
    if decision.outcome == Outcome::Refused {
        // Frozen or in another business since it was approved.
        let (code, reason) = unmet(&decision);
        refuse(office, &mut tx, &letter, (&code, &reason), Actor::System).await?;
        tx.commit().await?;
        office.changed_with_messages(letter_id);
        return Ok(());
    }
    let membership = own
        .membership
        .as_ref()
        .ok_or_else(|| Fault::Stored("a letter about a closed account".to_owned()))?;
    // The employer's row before the account's, as a receipt takes them.
    employer::lock(office, &mut tx, membership.employer_id).await?;
    let left = leave(office, &mut tx, &letter, membership).await?;
    let sheet = Sheet {
        opened_on: membership.opened_on,
        months: months(office, &mut tx, &letter, membership.account_id).await?,
        total_fen: left.total.fen(),
        principal_fen: (left.total - left.interest).fen(),
        interest_fen: left.interest.fen(),
        loans: 0,
    };
    sqlx::query(
        "UPDATE transfer_letter
            SET sheet = $3, amount_fen = $4, interest_journal = $5, out_journal = $6, out_on = $7, account_id = $8, membership_id = $9,
                received_fen = 0, heard = '[]'
          WHERE centre_id = $1 AND letter_id = $2",
    )
    .bind(office.centre.id)
    .bind(letter_id)
    .bind(Json(&sheet))
    .bind(sheet.total_fen)
    .bind(left.interest_journal)
    .bind(left.out_journal)
    .bind(left.day)
    .bind(membership.account_id)
    .bind(membership.membership_id)
    .execute(&mut *tx)
    .await?;
    sqlx::query("UPDATE business_case SET amount_fen = $3, account_id = $4 WHERE centre_id = $1 AND case_id = $2")
        .bind(office.centre.id)
        .bind(letter_id)
        .bind(sheet.total_fen)
        .bind(membership.account_id)
        .execute(&mut *tx)
        .await?;
    shift(
        office,
        &mut tx,
        &letter,
        Step {
            to: State::Paying,
            next_at: None,
            reason: None,
            steps: &["account_closed", "paying"],
            detail: json!({ "amount_fen": sheet.total_fen, "interest_fen": sheet.interest_fen }),
            actor: Actor::System,
        },
    )
    .await?;
    money::order(office, &mut tx, &letter).await?;
    tx.commit().await?;
    office.changed_with_messages(letter_id);
    Ok(())
}

/// What has left an account.
struct Left {
    total: Fen,
    interest: Fen,
    interest_journal: Option<i64>,
    out_journal: i64,
    day: chrono::NaiveDate,
}

async fn leave(
    office: &Office,
    tx: &mut PgConnection,
    letter: &Letter,
    membership: &Membership,
) -> Result<Left> {
    let account_id = AccountId(membership.account_id);
    let gone = || Fault::Stored("an account that leaves is gone".to_owned());
    // The attempt makes the keys of a second try others than those of the first, which was reversed.
    let key = format!("{}:{}", letter.letter_id, letter.pay_attempt + 1);
    let booking = |event| Booking {
        event,
        key: "",
        case_id: Some(letter.letter_id),
        branch_id: letter.branch_id,
        maker: Actor::System,
        checker: None,
        policy_id: office.policy().id,
        month: None,
        value_date: None,
        accounts: &[],
        amount_fen: 0,
    };
    let closing = books::header(office, tx, &booking("E28")).await?;
    let interest = product::close_interest(tx, &closing, account_id).await?;
    let account = account::read(tx, office.ledger(), account_id)
        .await?
        .ok_or_else(gone)?;
    let out = books::header(office, tx, &booking("E35")).await?;
    let paid = journal::pay_out(
        tx,
        &out,
        &PayOut {
            key: event_key(Event(35), &key),
            digest: event_key(Event(35), &key),
            ref_id: letter.letter_id,
            account: account_id,
            version: account.version,
            amount: account.balance,
            payable: AccountId(CLEARING),
            hold: None,
        },
    )
    .await?;
    if !paid
        || !account::set_state(
            tx,
            office.ledger(),
            account_id,
            account.state,
            account::State::Closed,
        )
        .await?
    {
        return Err(Fault::Stored(format!(
            "the account of letter {} cannot be closed",
            letter.letter_no
        ))
        .into());
    }
    end_membership(office, tx, membership.membership_id).await?;
    Ok(Left {
        total: account.balance,
        interest,
        interest_journal: (!interest.is_zero()).then_some(closing.journal_id.0),
        out_journal: out.journal_id.0,
        day: out.day.date(),
    })
}

async fn end_membership(office: &Office, tx: &mut PgConnection, membership_id: i64) -> Result<()> {
    sqlx::query(
        "WITH ended AS (
             UPDATE membership SET state = 9 WHERE centre_id = $1 AND membership_id = $2 AND state = 2 RETURNING employer_id)
         UPDATE employer e SET list_version = list_version + 1 FROM ended WHERE e.centre_id = $1 AND e.employer_id = ended.employer_id",
    )
    .bind(office.centre.id)
    .bind(membership_id)
    .execute(tx)
    .await?;
    Ok(())
}

/// The months that were contributed here or brought here, oldest first.
async fn months(
    office: &Office,
    tx: &mut PgConnection,
    letter: &Letter,
    account_id: i64,
) -> Result<Vec<String>> {
    let months: Vec<i32> = sqlx::query_scalar(
        "SELECT l.month
           FROM remittance_line l
           JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id AND r.state = 3
          WHERE l.centre_id = $1 AND l.account_id = $2
          UNION
         SELECT m.month FROM remote_month m WHERE m.centre_id = $1 AND m.person_id = $3
          ORDER BY month LIMIT 600",
    )
    .bind(office.centre.id)
    .bind(account_id)
    .bind(letter.person_id)
    .fetch_all(tx)
    .await?;
    Ok(months
        .into_iter()
        .map(|month| Month::from_index(month).to_string())
        .collect())
}

/// The bank refused: the entries are reversed with their value date, the account is SEALED again; after the tries of policy it ends.
pub(super) async fn pay_failed(
    office: &Office,
    tx: &mut PgConnection,
    letter: &Letter,
    reason: &str,
) -> Result<()> {
    reopen(office, tx, letter).await?;
    let tries = letter.tries + 1;
    sqlx::query("UPDATE transfer_letter SET tries = $3 WHERE centre_id = $1 AND letter_id = $2")
        .bind(office.centre.id)
        .bind(letter.letter_id)
        .bind(tries)
        .execute(&mut *tx)
        .await?;
    let rules = Rules::on(office, office.today());
    let failed = Progress::PayFailed {
        tries,
        reason: reason.to_owned(),
    };
    say(office, tx, letter, &Body::Progress(failed)).await?;
    if i64::from(tries) >= rules.int("rt_pay_tries")? {
        return shift(
            office,
            tx,
            letter,
            Step {
                to: State::Refused,
                next_at: None,
                reason: Some(("E-RT-08", reason)),
                steps: &["payment_rejected", "refused"],
                detail: json!({ "tries": tries, "reason": reason }),
                actor: Actor::System,
            },
        )
        .await;
    }
    shift(
        office,
        tx,
        letter,
        Step {
            to: State::InfoApproved,
            next_at: Some(office.now() + TimeDelta::minutes(rules.int("rt_retry_minutes")?)),
            reason: None,
            steps: &["payment_rejected", "account_sealed_again"],
            detail: json!({ "tries": tries, "reason": reason }),
            actor: Actor::System,
        },
    )
    .await
}

/// E23 of E35 and E28 with their value dates: the account is as if it had not left. The money must stand in 21906.
async fn reopen(office: &Office, tx: &mut PgConnection, letter: &Letter) -> Result<()> {
    let missing = || Fault::Stored("a transfer without its journal".to_owned());
    let account_id = AccountId(letter.account_id.ok_or_else(missing)?);
    let day = letter.out_on.ok_or_else(missing)?;
    let open = account::State::Open;
    let closed = account::State::Closed;
    account::set_state(tx, office.ledger(), account_id, closed, open).await?;
    let journals = [letter.out_journal, letter.interest_journal];
    for journal_id in journals.into_iter().flatten() {
        let key = format!("{}:{journal_id}", letter.letter_id);
        let header = books::header(
            office,
            tx,
            &Booking {
                event: "E23",
                key: &key,
                case_id: Some(letter.letter_id),
                branch_id: letter.branch_id,
                maker: Actor::System,
                checker: None,
                policy_id: office.policy().id,
                month: None,
                value_date: None,
                accounts: &[],
                amount_fen: 0,
            },
        )
        .await?;
        journal::reverse(tx, &header, &key, JournalId(journal_id), day).await?;
    }
    sqlx::query(
        "WITH back AS (
             UPDATE membership SET state = 2 WHERE centre_id = $1 AND membership_id = $2 AND state = 9 RETURNING employer_id)
         UPDATE employer e SET list_version = list_version + 1 FROM back WHERE e.centre_id = $1 AND e.employer_id = back.employer_id",
    )
    .bind(office.centre.id)
    .bind(letter.membership_id)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "UPDATE transfer_letter SET interest_journal = NULL, out_journal = NULL, out_on = NULL WHERE centre_id = $1 AND letter_id = $2",
    )
    .bind(office.centre.id)
    .bind(letter.letter_id)
    .execute(tx)
    .await?;
    Ok(())
}

/// Whether money that names this letter is what we paid, come back whole.
pub(super) fn awaits_money(letter: &Letter, amount_fen: i64) -> bool {
    letter.out_journal.is_some()
        && letter.amount_fen == Some(amount_fen)
        && letter.received_fen == 0
        && matches!(letter.state(), State::Paid | State::Negotiating)
}

/// The money is in 21906 again: the account is re-opened, products restored. The letter stays NEGOTIATING until two persons pay again or
/// end it; where the in-centre has ended it, it ends here too.
pub(super) async fn came_back(
    office: &Office,
    tx: &mut PgConnection,
    letter: &Letter,
    reason: &str,
) -> Result<()> {
    if has_another_account(office, tx, letter).await? {
        // One person, one account: the money waits in the clearing account for two persons.
        return shift(
            office,
            tx,
            letter,
            Step {
                to: State::Negotiating,
                next_at: None,
                reason: Some(("NEGOTIATING", "款项已退回，本人已另有账户，待人工处理")),
                steps: &["money_back"],
                detail: json!({ "received_fen": letter.received_fen }),
                actor: Actor::System,
            },
        )
        .await;
    }
    reopen(office, tx, letter).await?;
    let ended = letter.reason_code.as_deref() == Some("RETURNED");
    shift(
        office,
        tx,
        letter,
        Step {
            to: if ended {
                State::Refused
            } else {
                State::Negotiating
            },
            next_at: None,
            reason: (!ended).then_some(("NEGOTIATING", reason)),
            steps: &["money_back", "account_sealed_again"],
            detail: json!({ "received_fen": letter.received_fen, "reason": reason }),
            actor: Actor::System,
        },
    )
    .await
}

async fn has_another_account(
    office: &Office,
    tx: &mut PgConnection,
    letter: &Letter,
) -> Result<bool> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM membership WHERE centre_id = $1 AND person_id = $2 AND state <> 9)",
    )
    .bind(office.centre.id)
    .bind(letter.person_id)
    .fetch_one(tx)
    .await?)
}
