//! 错账调整 and 冲正 (contribution.md §8.2): made by one, checked by another. A month goes from the person who got it wrongly to the one whose it
//! is, with the value date of the allocation (E10), or to the employer's suspense (E11, E08 in red); on its own day a whole allocation is
//! booked again in red. Invariant: no balance falls below zero by it (E-CORR-01).

use anju_casework::books::{self, Booking};
use anju_casework::employer::{self, Employer};
use anju_casework::staff::Staff;
use anju_casework::{Actor, Error, Fault, Office, Refusal, Result, case};
use anju_domain::calendar::Month;
use anju_domain::money::Fen;
use anju_ledger::journal::{self, Line, Reach};
use anju_ledger::{AccountId, JournalId, Part, Role, day};
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::json;
use sqlx::{FromRow, PgConnection};

use super::remittance::{Remittance, kind as list_kind, state as list_state};
use super::{merge, merging, refund, relief, remittance};

/// Kinds of corrections.
pub mod kind {
    /// 串户调整: to another person of the employer.
    pub const TO_PERSON: i16 = 1;
    /// To the employer's suspense.
    pub const TO_SUSPENSE: i16 = 2;
    /// 当日冲正 of a whole allocation.
    pub const REVERSAL: i16 = 3;
    /// 账户合并 of one person's two accounts.
    pub const MERGE: i16 = 4;
}

/// States of a correction.
pub mod state {
    /// Waits for the checker.
    pub const WAITING: i16 = 1;
    /// Done.
    pub const DONE: i16 = 2;
    /// Sent back.
    pub const SENT_BACK: i16 = 3;
}

/// What a maker proposes about a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proposal {
    /// One person's month belongs to another.
    ToPerson {
        /// Credited wrongly.
        from: i64,
        /// Whose it is.
        to: i64,
    },
    /// One person's month belongs to nobody here.
    ToSuspense {
        /// Credited wrongly.
        from: i64,
    },
    /// The whole list was allocated wrongly today.
    Reversal,
}

/// A correction that waits for, or has had, its second person.
#[derive(Debug, Clone, FromRow)]
pub struct Correction {
    /// Identifier.
    pub correction_id: i64,
    /// See [`kind`].
    pub kind: i16,
    /// The list; a merge has none.
    pub remittance_id: Option<i64>,
    /// As an index.
    pub month: i32,
    /// Credited wrongly.
    pub from_account: Option<i64>,
    /// Whose it is.
    pub to_account: Option<i64>,
    /// Fen.
    pub amount_fen: i64,
    /// Day of the allocation.
    pub value_date: NaiveDate,
    /// Why.
    pub reason: String,
    /// See [`state`].
    pub state: i16,
    /// Maker.
    pub maker_id: i64,
    /// Made.
    pub made_at: DateTime<Utc>,
    /// Checker.
    pub checker_id: Option<i64>,
    /// The checker's words.
    pub answer: Option<String>,
}

/// Columns of [`Correction`], in one place.
macro_rules! columns {
    () => {
        "correction_id, kind, remittance_id, month, from_account, to_account, amount_fen, value_date, reason, state, maker_id, made_at, \
         checker_id, answer"
    };
}

/// The newest corrections, those that wait first, a page of them.
pub async fn page(office: &Office, before: Option<i64>, limit: i64) -> Result<Vec<Correction>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM correction WHERE centre_id = $1 AND correction_id < $2 ORDER BY correction_id DESC LIMIT $3"
    ))
    .bind(office.centre.id)
    .bind(before.unwrap_or(i64::MAX))
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// How many wait for a checker, counted up to a thousand.
pub async fn count_waiting(office: &Office) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "SELECT count(*) FROM (SELECT FROM correction WHERE centre_id = $1 AND state = 1 LIMIT 1000) AS waiting",
    )
    .bind(office.centre.id)
    .fetch_one(&office.pool)
    .await?)
}

fn used() -> Refusal {
    Refusal::rule("E-CORR-01", "该笔资金已被使用，不能冲正，请转人工处理。")
}

fn wrong(detail: impl Into<String>) -> Error {
    Refusal::rule("E-FORM-01", detail.into()).into()
}

/// A person's part of a list, less what was changed since.
#[derive(FromRow)]
struct Credited {
    employer_fen: i64,
    employee_fen: i64,
    balance_fen: i64,
}

impl Credited {
    const fn total(&self) -> i64 {
        self.employer_fen + self.employee_fen
    }
}

async fn part(
    office: &Office,
    conn: &mut PgConnection,
    list: &Remittance,
    account_id: i64,
) -> Result<Option<Credited>> {
    Ok(sqlx::query_as(
        "SELECT (l.employer_fen + coalesce(c.employer_fen, 0))::bigint AS employer_fen,
                (l.employee_fen + coalesce(c.employee_fen, 0))::bigint AS employee_fen, a.balance_fen
           FROM remittance_line l
           JOIN ledger_account a ON a.centre_id = l.centre_id AND a.account_id = l.account_id
           LEFT JOIN LATERAL (SELECT sum(employer_fen) AS employer_fen, sum(employee_fen) AS employee_fen FROM contribution_change
                               WHERE centre_id = $1 AND account_id = $4 AND month = $3 AND remittance_id = $2) AS c ON TRUE
          WHERE l.centre_id = $1 AND l.remittance_id = $2 AND l.month = $3 AND l.account_id = $4",
    )
    .bind(office.centre.id)
    .bind(list.remittance_id)
    .bind(list.month)
    .bind(account_id)
    .fetch_optional(conn)
    .await?)
}

/// The maker's proposal. Nothing moves yet.
///
/// # Errors
/// `E-FORM-01` where the list or a person does not fit, `E-CORR-01` where the money is not there any more.
pub async fn propose(
    office: &Office,
    remittance_id: i64,
    proposal: Proposal,
    reason: &str,
    maker: &Staff,
) -> Result<i64> {
    if reason.trim().chars().count() < 2 {
        return Err(wrong("请写明原因和依据。"));
    }
    let list = remittance::require(office, remittance_id).await?;
    let mut conn = office.pool.acquire().await?;
    let (kind, from, to) = match proposal {
        Proposal::ToPerson { from, to } => (kind::TO_PERSON, Some(from), Some(to)),
        Proposal::ToSuspense { from } => (kind::TO_SUSPENSE, Some(from), None),
        Proposal::Reversal => (kind::REVERSAL, None, None),
    };
    let amount = fits(office, &mut conn, &list, from, to).await?;
    let day = allocated_on(office, &mut conn, &list).await?;
    let correction_id = office.ids.next().await?;
    sqlx::query(
        "INSERT INTO correction (centre_id, correction_id, kind, remittance_id, month, from_account, to_account, amount_fen, value_date,
                                 reason, state, maker_id, made_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, $12)",
    )
    .bind(office.centre.id)
    .bind(correction_id)
    .bind(kind)
    .bind(remittance_id)
    .bind(list.month)
    .bind(from)
    .bind(to)
    .bind(amount)
    .bind(day)
    .bind(reason.trim())
    .bind(maker.staff_id)
    .bind(office.now())
    .execute(&mut *conn)
    .await?;
    Ok(correction_id)
}

/// Whether a list and its people fit; what would move, fen.
async fn fits(
    office: &Office,
    conn: &mut PgConnection,
    list: &Remittance,
    from: Option<i64>,
    to: Option<i64>,
) -> Result<i64> {
    if list.state != list_state::ALLOCATED || list.kind != list_kind::MONTHLY {
        return Err(wrong("这份清册没有分配过，或不是月度汇缴，不能调整。"));
    }
    let Some(from) = from else {
        return Ok(list.allocated_fen);
    };
    let found = part(office, conn, list, from)
        .await?
        .filter(|part| part.total() > 0)
        .ok_or_else(|| wrong("转出账户不在这份清册里，或已经调整过。"))?;
    if found.balance_fen < found.total() {
        return Err(used().into());
    }
    if let Some(to) = to {
        let is_member: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM membership
                             WHERE centre_id = $1 AND account_id = $2 AND employer_id = $3 AND state <> 9)",
        )
        .bind(office.centre.id)
        .bind(to)
        .bind(list.employer_id)
        .fetch_one(conn)
        .await?;
        if !is_member || to == from {
            return Err(wrong("转入账户不是这个单位另一名职工的账户。"));
        }
    }
    Ok(found.total())
}

/// The business day on which a list was allocated.
async fn allocated_on(
    office: &Office,
    conn: &mut PgConnection,
    list: &Remittance,
) -> Result<NaiveDate> {
    sqlx::query_scalar("SELECT business_date FROM journal WHERE centre_id = $1 AND journal_id = $2")
        .bind(office.centre.id)
        .bind(list.journal_id)
        .fetch_optional(conn)
        .await?
        .ok_or_else(|| Fault::Stored("an allocated list without its journal".to_owned()).into())
}

/// The checker's word: books it, or sends it back.
///
/// # Errors
/// `E-CHECK-01` for the maker, `E-CHECK-02` if it is no longer waiting, `E-CORR-01` where the money is not there any more.
pub async fn check(
    office: &Office,
    correction_id: i64,
    agree: bool,
    answer: &str,
    checker: &Staff,
) -> Result<()> {
    let mut tx = office.pool.begin().await?;
    let one: Correction = sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM correction WHERE centre_id = $1 AND correction_id = $2 FOR NO KEY UPDATE"
    ))
    .bind(office.centre.id)
    .bind(correction_id)
    .fetch_optional(&mut *tx)
    .await?
    .ok_or_else(|| Error::from(Refusal::not_found("这笔调整")))?;
    if one.maker_id == checker.staff_id {
        return Err(case::own_work().into());
    }
    if one.state != state::WAITING {
        return Err(case::moved_on().into());
    }
    sqlx::query(
        "UPDATE correction SET state = $3, checker_id = $4, checked_at = $5, answer = $6 WHERE centre_id = $1 AND correction_id = $2",
    )
    .bind(office.centre.id)
    .bind(correction_id)
    .bind(if agree { state::DONE } else { state::SENT_BACK })
    .bind(checker.staff_id)
    .bind(office.now())
    .bind(answer.trim())
    .execute(&mut *tx)
    .await?;
    if agree {
        carry_out(office, &mut tx, &one, checker.staff_id)
            .await
            .map_err(no_longer_there)?;
    }
    tx.commit().await?;
    Ok(())
}

/// What the ledger says of an account that has too little, in the words of the rule.
fn no_longer_there(error: Error) -> Error {
    match &error {
        Error::Failed(Fault::Ledger(anju_ledger::Error::NotAvailable(_))) => used().into(),
        Error::Failed(
            Fault::Database(found) | Fault::Ledger(anju_ledger::Error::Database(found)),
        ) if found
            .as_database_error()
            .is_some_and(|found| found.is_check_violation()) =>
        {
            used().into()
        }
        _ => error,
    }
}

async fn carry_out(
    office: &Office,
    tx: &mut PgConnection,
    one: &Correction,
    checker: i64,
) -> Result<()> {
    if one.kind == kind::MERGE {
        return merge::carry_out(office, tx, one, checker).await;
    }
    let remittance_id = one
        .remittance_id
        .ok_or_else(|| Fault::Stored("a correction without its list".to_owned()))?;
    let list = remittance_of(office, tx, remittance_id).await?;
    let employer = employer::lock(office, tx, list.employer_id).await?;
    let amount = fits(office, tx, &list, one.from_account, one.to_account).await?;
    if amount != one.amount_fen {
        return Err(case::moved_on().into());
    }
    let maker = Actor::Staff(one.maker_id);
    let detail = json!({ "correction_fen": amount, "reason": one.reason });
    let step = match (one.kind, one.from_account, one.to_account) {
        (kind::TO_PERSON, Some(from), Some(to)) => {
            move_month(office, tx, &employer, &list, one, from, to, checker).await?;
            "corrected"
        }
        (kind::TO_SUSPENSE, Some(from), None) => {
            take_month(office, tx, &employer, &list, one, from, checker).await?;
            "corrected"
        }
        _ => {
            reverse(office, tx, &employer, &list, one, checker).await?;
            "reversed"
        }
    };
    case::add_event(office, tx, list.remittance_id, maker, &[step], detail).await
}

/// The list, read in the caller's transaction.
async fn remittance_of(
    office: &Office,
    tx: &mut PgConnection,
    remittance_id: i64,
) -> Result<Remittance> {
    remittance::get(office, tx, remittance_id)
        .await?
        .ok_or_else(|| Refusal::not_found("这笔汇缴").into())
}

/// E10 with the value date of the allocation.
#[expect(clippy::too_many_arguments, reason = "one journal, told in one place")]
async fn move_month(
    office: &Office,
    tx: &mut PgConnection,
    employer: &Employer,
    list: &Remittance,
    one: &Correction,
    from: i64,
    to: i64,
    checker: i64,
) -> Result<()> {
    let found = part(office, tx, list, from).await?.ok_or_else(used)?;
    books::post(
        office,
        tx,
        &Booking {
            event: "E10",
            key: &one.correction_id.to_string(),
            case_id: Some(list.remittance_id),
            branch_id: employer.branch_id,
            maker: Actor::Staff(one.maker_id),
            checker: Some(checker),
            policy_id: 0,
            month: Some(list.month()),
            value_date: Some(one.value_date),
            accounts: &[(Role::Person, from), (Role::OtherPerson, to)],
            amount_fen: one.amount_fen,
        },
    )
    .await?;
    note(office, tx, one, &[(from, -1), (to, 1)], &found).await
}

/// What a correction did to people's months.
async fn note(
    office: &Office,
    tx: &mut PgConnection,
    one: &Correction,
    accounts: &[(i64, i64)],
    found: &Credited,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO contribution_change (centre_id, change_id, account_id, month, remittance_id, employer_fen, employee_fen)
         SELECT $1, $2, n.account_id, $3, $4, n.sign * $5, n.sign * $6 FROM unnest($7::bigint[], $8::bigint[]) AS n (account_id, sign)",
    )
    .bind(office.centre.id)
    .bind(one.correction_id)
    .bind(one.month)
    .bind(one.remittance_id)
    .bind(found.employer_fen)
    .bind(found.employee_fen)
    .bind(accounts.iter().map(|(account, _)| *account).collect::<Vec<_>>())
    .bind(accounts.iter().map(|(_, sign)| *sign).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}

/// E11 with the value date of the allocation, and on to the employer's suspense.
async fn take_month(
    office: &Office,
    tx: &mut PgConnection,
    employer: &Employer,
    list: &Remittance,
    one: &Correction,
    from: i64,
    checker: i64,
) -> Result<()> {
    let found = part(office, tx, list, from).await?.ok_or_else(used)?;
    // Of an employer that was merged the money is its successor's.
    let employer = &merging::successor(office, tx, employer.clone()).await?;
    let payable = refund::payable_of(office, tx, employer).await?;
    let key = one.correction_id.to_string();
    let booking = Booking {
        event: "E11",
        key: &key,
        case_id: Some(list.remittance_id),
        branch_id: employer.branch_id,
        maker: Actor::Staff(one.maker_id),
        checker: Some(checker),
        policy_id: 0,
        month: Some(list.month()),
        value_date: None,
        accounts: &[],
        amount_fen: 0,
    };
    let header = books::header(office, tx, &booking).await?;
    let line = |account: i64, part: Part, fen: i64| Line {
        account: AccountId(account),
        part,
        amount: Fen::new(fen),
        value_date: one.value_date,
        red: false,
    };
    let lines: Vec<Line> = [
        line(from, Part::Employer, found.employer_fen),
        line(from, Part::Employee, found.employee_fen),
        line(payable, Part::None, -found.total()),
    ]
    .into_iter()
    .filter(|line| line.amount != Fen::ZERO)
    .collect();
    journal::post_lines(tx, &header, &key, &lines, Reach::FrozenToo).await?;
    let amount = Fen::new(found.total());
    refund::to_suspense(
        office,
        tx,
        employer,
        payable,
        list.remittance_id,
        &key,
        amount,
        Some(checker),
    )
    .await?;
    note(office, tx, one, &[(from, -1)], &found).await
}

/// The whole allocation again in red, on its own day, while nothing after it counts on it.
async fn reverse(
    office: &Office,
    tx: &mut PgConnection,
    employer: &Employer,
    list: &Remittance,
    one: &Correction,
    checker: i64,
) -> Result<()> {
    // Its list would wait for money again with nobody to pay it.
    if employer.state == employer::state::CANCELLED {
        return Err(wrong(
            "单位已经销户，整份清册不能冲正；请逐人办理错账调整。",
        ));
    }
    let today = day::open_day(tx, office.ledger()).await?;
    if today.date() != one.value_date {
        return Err(wrong(
            "这份清册不是今天分配的，不能冲正；请逐人办理错账调整。",
        ));
    }
    let changed: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM remittance_line l
                          JOIN contribution_change c ON c.centre_id = l.centre_id AND c.account_id = l.account_id AND c.month = l.month
                                                    AND c.remittance_id = l.remittance_id
                         WHERE l.centre_id = $1 AND l.remittance_id = $2)",
    )
    .bind(office.centre.id)
    .bind(list.remittance_id)
    .fetch_one(&mut *tx)
    .await?;
    let open = remittance::open_of(office, tx, list.employer_id).await?;
    if list.month != employer.paid_to_month || open.is_some() || changed {
        return Err(wrong(
            "只能冲正最后一个月，且没有待缴款的清册、没有调整过的职工。",
        ));
    }
    let key = format!("reverse:{}", list.remittance_id);
    let booking = Booking {
        event: "E05",
        key: &key,
        case_id: Some(list.remittance_id),
        branch_id: employer.branch_id,
        maker: Actor::Staff(one.maker_id),
        checker: Some(checker),
        policy_id: 0,
        month: Some(list.month()),
        value_date: None,
        accounts: &[],
        amount_fen: 0,
    };
    let header = books::header(office, tx, &booking).await?;
    let original = list
        .journal_id
        .ok_or_else(|| Fault::Stored("an allocated list without its journal".to_owned()))?;
    journal::reverse(tx, &header, &key, JournalId(original), one.value_date).await?;
    let before: Month = employer.month_before(list.month());
    sqlx::query(
        "WITH list AS (
             UPDATE remittance SET state = 6, allocated_fen = 0 WHERE centre_id = $1 AND remittance_id = $2 AND state = 3),
         receipts AS (
             UPDATE receipt SET state = 2, remittance_id = NULL, reason = '分配已冲正，挂单位暂存款'
              WHERE centre_id = $1 AND remittance_id = $2),
         relieved AS (
             DELETE FROM arrangement_month m USING arrangement a
              WHERE m.centre_id = $1 AND m.month = $5 AND a.centre_id = $1 AND a.arrangement_id = m.arrangement_id
                AND a.employer_id = $3 AND a.kind = 2)
         UPDATE employer SET paid_to_month = $4 WHERE centre_id = $1 AND employer_id = $3",
    )
    .bind(office.centre.id)
    .bind(list.remittance_id)
    .bind(list.employer_id)
    .bind(before.index())
    .bind(list.month)
    .execute(&mut *tx)
    .await?;
    relief::reduction::follow(office, tx, list.employer_id).await
}
