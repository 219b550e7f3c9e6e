//! 账户合并 (contribution.md §3.1): two accounts of one person become one. Proposed by one, checked by another, like any correction. Invariant:
//! nothing is deleted; the money arrives with the interest that it earned, the months count for the account that is kept.

use anju_casework::books::{self, Booking};
use anju_casework::employer;
use anju_casework::membership::state as member;
use anju_casework::staff::Staff;
use anju_casework::{Actor, Error, Fault, Office, Refusal, Result};
use anju_ledger::account::{self, State};
use anju_ledger::{AccountId, Role, product};
use sqlx::{FromRow, PgConnection};

use super::correction::{Correction, kind};
use super::relief;

/// An account with its owner and employer, as a merge reads it.
#[derive(Debug, FromRow)]
struct Side {
    membership_id: i64,
    person_id: i64,
    employer_id: i64,
    branch_id: i16,
    state: i16,
    balance_fen: i64,
    held_fen: i64,
    same_name: Vec<u8>,
}

async fn side(office: &Office, conn: &mut PgConnection, account_id: i64) -> Result<Side> {
    sqlx::query_as(
        "SELECT m.membership_id, m.person_id, m.employer_id, e.branch_id, m.state, a.balance_fen, a.frozen_fen + a.reserved_fen AS held_fen,
                p.name_index AS same_name
           FROM membership m
           JOIN employer e ON e.centre_id = m.centre_id AND e.employer_id = m.employer_id
           JOIN person p ON p.centre_id = m.centre_id AND p.person_id = m.person_id
           JOIN ledger_account a ON a.centre_id = m.centre_id AND a.account_id = m.account_id
          WHERE m.centre_id = $1 AND m.account_id = $2 AND m.state <> 9",
    )
    .bind(office.centre.id)
    .bind(account_id)
    .fetch_optional(conn)
    .await?
    .ok_or_else(|| wrong("没有这个账户，或账户已经注销。"))
}

fn wrong(detail: &str) -> Error {
    Refusal::rule("E-FORM-01", detail).into()
}

/// Whether the accounts may become one; both sides.
async fn fits(
    office: &Office,
    conn: &mut PgConnection,
    from: i64,
    to: i64,
) -> Result<(Side, Side)> {
    let (gone, kept) = (
        side(office, conn, from).await?,
        side(office, conn, to).await?,
    );
    if from == to || gone.person_id == kept.person_id {
        return Err(wrong("要合并的是两个不同的账户。"));
    }
    if gone.same_name != kept.same_name {
        return Err(wrong(
            "两个账户的姓名不同。姓名有误的，先更正姓名，再合并。",
        ));
    }
    if gone.state != member::SEALED {
        return Err(wrong(
            "要并掉的账户还在缴存，请先封存；保留正在缴存的那个账户。",
        ));
    }
    if gone.held_fen > 0 {
        let detail =
            "要并掉的账户有冻结或预留的金额，该业务暂不能办理，请等冻结解除、提取办结后再办。";
        return Err(Refusal::rule("E-FREEZE-01", detail).into());
    }
    let busy: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM business_case WHERE centre_id = $1 AND applicant_id = $2 AND state < 6)
             OR EXISTS (SELECT FROM remittance_line l
                          JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id
                         WHERE l.centre_id = $1 AND l.account_id = $3 AND r.state IN (1, 2))",
    )
    .bind(office.centre.id)
    .bind(gone.person_id)
    .bind(from)
    .fetch_one(&mut *conn)
    .await?;
    if busy {
        return Err(wrong(
            "要并掉的账户还有没办结的办件或清册，请办结后再合并。",
        ));
    }
    relief::owes_nothing(office, conn, &[from]).await?;
    Ok((gone, kept))
}

/// The maker's proposal. Nothing moves yet.
///
/// # Errors
/// `E-FORM-01`, `E-FREEZE-01`, `E-HARD-05` where the accounts do not fit.
pub async fn propose(
    office: &Office,
    from: i64,
    to: i64,
    reason: &str,
    maker: &Staff,
) -> Result<i64> {
    if reason.trim().chars().count() < 2 {
        return Err(wrong("请写明原因和依据，例如公安出具的证明。"));
    }
    let mut conn = office.pool.acquire().await?;
    let (gone, _) = fits(office, &mut conn, from, to).await?;
    let correction_id = office.ids.next().await?;
    sqlx::query(
        "INSERT INTO correction (centre_id, correction_id, kind, month, from_account, to_account, amount_fen, value_date, reason, state,
                                 maker_id, made_at)
         VALUES ($1, $2, $3, 0, $4, $5, $6, $7, $8, 1, $9, $10)",
    )
    .bind(office.centre.id)
    .bind(correction_id)
    .bind(kind::MERGE)
    .bind(from)
    .bind(to)
    .bind(gone.balance_fen)
    .bind(office.today())
    .bind(reason.trim())
    .bind(maker.staff_id)
    .bind(office.now())
    .execute(&mut *conn)
    .await?;
    Ok(correction_id)
}

/// E28 on the account that goes, E13 of its whole balance, the account closed; months, uses and the person's other number follow.
pub(super) async fn carry_out(
    office: &Office,
    tx: &mut PgConnection,
    one: &Correction,
    checker: i64,
) -> Result<()> {
    let (Some(from), Some(to)) = (one.from_account, one.to_account) else {
        return Err(Fault::Stored("a merge without its accounts".to_owned()).into());
    };
    let (gone, kept) = fits(office, tx, from, to).await?;
    employer::lock(office, tx, gone.employer_id.min(kept.employer_id)).await?;
    employer::lock(office, tx, gone.employer_id.max(kept.employer_id)).await?;
    let key = one.correction_id.to_string();
    let booking = |event: &'static str, amount_fen: i64, accounts| Booking {
        event,
        key: &key,
        case_id: None,
        branch_id: gone.branch_id,
        maker: Actor::Staff(one.maker_id),
        checker: Some(checker),
        policy_id: 0,
        month: None,
        value_date: None,
        accounts,
        amount_fen,
    };
    let header = books::header(office, tx, &booking("E28", 0, &[])).await?;
    let interest = product::close_interest(tx, &header, AccountId(from)).await?;
    let balance = gone.balance_fen + interest.fen();
    if balance > 0 {
        let accounts = [(Role::Person, from), (Role::OtherPerson, to)];
        books::post(office, tx, &booking("E13", balance, &accounts)).await?;
    }
    let closed = account::set_state(
        tx,
        office.ledger(),
        AccountId(from),
        State::Open,
        State::Closed,
    )
    .await?;
    if !closed {
        return Err(Fault::Stored("a merged account is not empty".to_owned()).into());
    }
    follow(office, tx, one, from, to, &gone, &kept).await
}

/// What belongs to the person beside the money.
async fn follow(
    office: &Office,
    tx: &mut PgConnection,
    one: &Correction,
    from: i64,
    to: i64,
    gone: &Side,
    kept: &Side,
) -> Result<()> {
    sqlx::query(
        "UPDATE membership SET state = 9, seal_reason = '账户合并' WHERE centre_id = $1 AND membership_id = $2",
    )
    .bind(office.centre.id)
    .bind(gone.membership_id)
    .execute(&mut *tx)
    .await?;
    sqlx::query("UPDATE employer SET list_version = list_version + 1 WHERE centre_id = $1 AND employer_id = $2")
        .bind(office.centre.id)
        .bind(gone.employer_id)
        .execute(&mut *tx)
        .await?;
    // A month that both have counts once: for the account that is kept.
    sqlx::query(
        "WITH every AS (
             SELECT l.account_id, l.month, l.remittance_id, l.employer_fen, l.employee_fen
               FROM remittance_line l
               JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id AND r.state = 3
              WHERE l.centre_id = $1 AND l.account_id IN ($3, $4)
              UNION ALL
             SELECT account_id, month, remittance_id, employer_fen, employee_fen
               FROM contribution_change WHERE centre_id = $1 AND account_id IN ($3, $4)),
         net AS (
             SELECT account_id, month, min(remittance_id) AS remittance_id, sum(employer_fen)::bigint AS employer_fen,
                    sum(employee_fen)::bigint AS employee_fen
               FROM every GROUP BY account_id, month HAVING sum(employer_fen + employee_fen) > 0),
         moving AS (
             SELECT n.* FROM net n
              WHERE n.account_id = $3 AND NOT EXISTS (SELECT FROM net k WHERE k.account_id = $4 AND k.month = n.month))
         INSERT INTO contribution_change (centre_id, change_id, account_id, month, remittance_id, employer_fen, employee_fen)
         SELECT $1::smallint, $2::bigint, $3::bigint, month, remittance_id, -employer_fen, -employee_fen FROM moving
          UNION ALL
         SELECT $1, $2, $4, month, remittance_id, employer_fen, employee_fen FROM moving",
    )
    .bind(office.centre.id)
    .bind(one.correction_id)
    .bind(from)
    .bind(to)
    .execute(&mut *tx)
    .await?;
    sqlx::query("UPDATE withdrawal_use SET person_id = $3 WHERE centre_id = $1 AND person_id = $2")
        .bind(office.centre.id)
        .bind(gone.person_id)
        .bind(kept.person_id)
        .execute(&mut *tx)
        .await?;
    sqlx::query(
        "INSERT INTO blacklist (centre_id, person_id, from_date, to_date, reason)
         SELECT centre_id, $3, from_date, to_date, reason FROM blacklist WHERE centre_id = $1 AND person_id = $2
             ON CONFLICT DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(gone.person_id)
    .bind(kept.person_id)
    .execute(&mut *tx)
    .await?;
    // An entry about the same withdrawal is not there twice: a withdrawal has one owner.
    sqlx::query(
        "WITH entries AS (
             UPDATE blacklist_entry e SET person_id = $3
              WHERE e.centre_id = $1 AND e.person_id = $2
                AND NOT EXISTS (SELECT FROM blacklist_entry k
                                 WHERE k.centre_id = $1 AND k.person_id = $3 AND k.state < 4 AND e.state < 4
                                   AND coalesce(k.case_id, 0) = coalesce(e.case_id, 0)))
         UPDATE recovery SET person_id = $3 WHERE centre_id = $1 AND person_id = $2",
    )
    .bind(office.centre.id)
    .bind(gone.person_id)
    .bind(kept.person_id)
    .execute(&mut *tx)
    .await?;
    sqlx::query("UPDATE person SET merged_into = $3 WHERE centre_id = $1 AND (person_id = $2 OR merged_into = $2)")
        .bind(office.centre.id)
        .bind(gone.person_id)
        .bind(kept.person_id)
        .execute(tx)
        .await?;
    Ok(())
}
