//! 销户后到账 (contribution.md §7, §3.2): a list's line whose account was closed before the money came. The other lines are allocated; this one's
//! money is held in the employer's suspense, until one accountant has said whose it is and another agreed: the person's, whose account is
//! SEALED again, or the employer's. Invariant: a closed account is never credited, and no other list is paid with what is held here.

use anju_casework::books::{self, Booking};
use anju_casework::employer::{self, Employer};
use anju_casework::staff::Staff;
use anju_casework::{Actor, Office, Refusal, Result, case, outbox};
use anju_domain::money::Fen;
use anju_ledger::freeze::{self, Hold, HoldKind};
use anju_ledger::journal::{self, Allocation, AllocationLine};
use anju_ledger::{AccountId, Part};
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::json;
use sqlx::{FromRow, PgConnection};

use super::allocation::event_of;
use super::remittance::{self, Remittance, kind};

/// States of a late credit.
pub mod state {
    /// Nobody has said whose it is.
    pub const WAITS: i16 = 1;
    /// One person has.
    pub const PROPOSED: i16 = 2;
    /// On the person's account.
    pub const CREDITED: i16 = 3;
    /// In the employer's suspense, free.
    pub const EMPLOYERS: i16 = 4;
}

/// One line that came too late.
#[derive(Debug, Clone, FromRow)]
pub struct Late {
    /// Identifier.
    pub late_id: i64,
    /// Its list.
    pub remittance_id: i64,
    /// Who paid.
    pub employer_id: i64,
    /// Its name.
    pub employer_name: String,
    /// Where the money is held.
    pub suspense_account_id: i64,
    /// The closed account.
    pub account_id: i64,
    /// Whose it was.
    pub person_id: i64,
    /// Fen.
    pub employer_fen: i64,
    /// Fen.
    pub employee_fen: i64,
    /// Business date.
    pub arrived_on: NaiveDate,
    /// See [`state`].
    pub state: i16,
    /// What is proposed.
    pub to_person: Option<bool>,
    /// Why.
    pub reason: Option<String>,
    /// Maker.
    pub maker_id: Option<i64>,
    /// When.
    pub made_at: Option<DateTime<Utc>>,
}

impl Late {
    /// Both sides.
    #[must_use]
    pub fn amount(&self) -> Fen {
        Fen::new(self.employer_fen + self.employee_fen)
    }
}

/// Columns of [`Late`], in one place.
macro_rules! late {
    () => {
        "SELECT l.late_id, l.remittance_id, l.employer_id, e.name AS employer_name, l.suspense_account_id, l.account_id, l.person_id,
                l.employer_fen, l.employee_fen, l.arrived_on, l.state, l.to_person, l.reason, l.maker_id, l.made_at
           FROM late_credit l JOIN employer e ON e.centre_id = l.centre_id AND e.employer_id = l.employer_id "
    };
}

/// What waits for one or the other person, the oldest first, a page of it after a number.
///
/// # Errors
/// The database.
pub async fn waiting(office: &Office, after: i64, limit: i64) -> Result<Vec<Late>> {
    Ok(sqlx::query_as(concat!(
        late!(),
        "WHERE l.centre_id = $1 AND l.state IN (1, 2) AND l.late_id > $2 ORDER BY l.late_id LIMIT $3"
    ))
    .bind(office.centre.id)
    .bind(after)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// One that must exist.
///
/// # Errors
/// 404.
pub async fn require(office: &Office, late_id: i64) -> Result<Late> {
    sqlx::query_as(concat!(
        late!(),
        "WHERE l.centre_id = $1 AND l.late_id = $2"
    ))
    .bind(office.centre.id)
    .bind(late_id)
    .fetch_optional(&office.pool)
    .await?
    .ok_or_else(|| Refusal::not_found("这笔销户后到账").into())
}

/// Puts the lines of a list whose accounts are closed aside. False: none is. The employer's row is locked by the caller, who calls [`hold`]
/// once the rest is allocated.
pub(super) async fn put_aside(
    office: &Office,
    tx: &mut PgConnection,
    employer: &Employer,
    list: &Remittance,
    arrived_on: NaiveDate,
) -> Result<bool> {
    let closed: Vec<i64> = sqlx::query_scalar(
        "SELECT DISTINCT l.account_id
           FROM remittance_line l
           JOIN ledger_account a ON a.centre_id = l.centre_id AND a.account_id = l.account_id
          WHERE l.centre_id = $1 AND l.remittance_id = $2 AND a.state = 3
            AND NOT EXISTS (SELECT FROM late_credit known
                             WHERE known.centre_id = $1 AND known.remittance_id = $2 AND known.account_id = l.account_id)",
    )
    .bind(office.centre.id)
    .bind(list.remittance_id)
    .fetch_all(&mut *tx)
    .await?;
    let mut ids = Vec::with_capacity(closed.len());
    for _ in &closed {
        ids.push(office.ids.next().await?);
    }
    sqlx::query(
        "INSERT INTO late_credit (centre_id, late_id, remittance_id, employer_id, suspense_account_id, account_id, person_id, employer_fen,
                                  employee_fen, arrived_on, state)
         SELECT $1, n.late_id, $2, $3, $4, l.account_id, max(l.person_id), sum(l.employer_fen), sum(l.employee_fen), $5, 1
           FROM unnest($6::bigint[], $7::bigint[]) AS n (late_id, account_id)
           JOIN remittance_line l ON l.centre_id = $1 AND l.remittance_id = $2 AND l.account_id = n.account_id
          GROUP BY n.late_id, l.account_id",
    )
    .bind(office.centre.id)
    .bind(list.remittance_id)
    .bind(employer.employer_id)
    .bind(employer.suspense_account_id)
    .bind(arrived_on)
    .bind(&ids)
    .bind(&closed)
    .execute(tx)
    .await?;
    Ok(!closed.is_empty())
}

/// Holds what was put aside of a list, once its other lines are allocated, and tells the employer's clerks.
pub(super) async fn hold(
    office: &Office,
    tx: &mut PgConnection,
    employer: &Employer,
    list: &Remittance,
) -> Result<()> {
    let aside: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT late_id, employer_fen + employee_fen FROM late_credit WHERE centre_id = $1 AND remittance_id = $2 ORDER BY late_id",
    )
    .bind(office.centre.id)
    .bind(list.remittance_id)
    .fetch_all(&mut *tx)
    .await?;
    let holds: Vec<Hold<'_>> = aside
        .iter()
        .map(|(late_id, fen)| Hold {
            hold_id: *late_id,
            account: AccountId(employer.suspense_account_id),
            kind: HoldKind::Reservation,
            amount: Fen::new(*fen),
            case_id: Some(list.remittance_id),
            reason: "CLOSED_ACCOUNT_CREDIT",
            until: None,
        })
        .collect();
    if !freeze::hold_each(tx, office.ledger(), &holds, office.now()).await? {
        let detail = "the suspense that covered a list does not cover what is held of it";
        return Err(anju_casework::Fault::Stored(detail.to_owned()).into());
    }
    let total: Fen = aside.iter().map(|(_, fen)| Fen::new(*fen)).sum();
    let words = format!(
        "【公积金】清册有{}人账户已销户，{total}元暂存在本单位名下，由中心核实后处理",
        aside.len()
    );
    outbox::tell_clerks(
        office,
        tx,
        employer.employer_id,
        Some(list.remittance_id),
        &words,
    )
    .await?;
    let detail = json!({ "held_fen": total.fen(), "people": aside.len() });
    case::add_event(
        office,
        tx,
        list.remittance_id,
        Actor::System,
        &["late_credit_held"],
        detail,
    )
    .await
}

fn moved_on() -> Refusal {
    Refusal::new(
        409,
        "E-CHECK-02",
        "这笔销户后到账已经处理过，请刷新后再看。",
    )
}

/// The first person says whose it is. Nothing moves yet.
///
/// # Errors
/// `E-SUSP-02` without a reason, `E-SUSP-05` where it can be nobody's but the other's, `E-CHECK-02` where somebody was first.
pub async fn propose(
    office: &Office,
    late_id: i64,
    to_person: bool,
    reason: &str,
    maker: &Staff,
) -> Result<()> {
    let late = require(office, late_id).await?;
    if reason.trim().chars().count() < 2 {
        let detail = "请写明依据，例如“离职当月工资已发，单位来函确认”。";
        return Err(Refusal::rule("E-SUSP-02", detail).at("reason").into());
    }
    let list = remittance::require(office, late.remittance_id).await?;
    if !to_person && list.kind == kind::FLEXIBLE {
        let detail = "灵活就业人员自己缴的钱没有单位可退，请启用账户入账。";
        return Err(Refusal::rule("E-SUSP-05", detail).into());
    }
    let proposed = sqlx::query(
        "UPDATE late_credit SET state = 2, to_person = $3, reason = $4, maker_id = $5, made_at = $6
          WHERE centre_id = $1 AND late_id = $2 AND state = 1",
    )
    .bind(office.centre.id)
    .bind(late_id)
    .bind(to_person)
    .bind(reason.trim())
    .bind(maker.staff_id)
    .bind(office.now())
    .execute(&office.pool)
    .await?;
    if proposed.rows_affected() == 0 {
        return Err(moved_on().into());
    }
    Ok(())
}

/// The second person agrees: the account is SEALED again and credited, or the employer may use the money. Sent back, it waits again.
///
/// # Errors
/// `E-CHECK-01` for the maker, `E-CHECK-02` where it has moved on, `E-SUSP-05` where there is no account that may be opened again.
pub async fn check(office: &Office, late_id: i64, agrees: bool, checker: &Staff) -> Result<()> {
    let late = require(office, late_id).await?;
    if late.state != state::PROPOSED {
        return Err(moved_on().into());
    }
    if late.maker_id == Some(checker.staff_id) {
        let detail = "您是提出人，不能自己复核，请另一位会计复核。";
        return Err(Refusal::new(403, "E-CHECK-01", detail).into());
    }
    let to_person = late.to_person == Some(true);
    let mut tx = office.pool.begin().await?;
    let employer = employer::lock(office, &mut tx, late.employer_id).await?;
    let moved = sqlx::query(
        "UPDATE late_credit SET state = $3, checker_id = CASE WHEN $3::smallint <> 1 THEN $4::bigint END, checked_at = $5
          WHERE centre_id = $1 AND late_id = $2 AND state = 2 AND made_at = $6",
    )
    .bind(office.centre.id)
    .bind(late_id)
    .bind(match (agrees, to_person) {
        (false, _) => state::WAITS,
        (true, true) => state::CREDITED,
        (true, false) => state::EMPLOYERS,
    })
    .bind(checker.staff_id)
    .bind(office.now())
    .bind(late.made_at)
    .execute(&mut *tx)
    .await?;
    if moved.rows_affected() == 0 {
        return Err(moved_on().into());
    }
    if agrees {
        if !freeze::release(&mut tx, office.ledger(), late_id, office.now()).await? {
            return Err(moved_on().into());
        }
        if to_person {
            credit(office, &mut tx, &employer, &late, checker).await?;
        } else {
            leave_to_employer(office, &mut tx, &late, checker).await?;
        }
    }
    tx.commit().await?;
    office.changed_with_messages(late.remittance_id);
    Ok(())
}

/// The line as the list would have booked it, on the person's living account or the closed one opened again.
async fn credit(
    office: &Office,
    tx: &mut PgConnection,
    employer: &Employer,
    late: &Late,
    checker: &Staff,
) -> Result<()> {
    let list = remittance::get(office, tx, late.remittance_id)
        .await?
        .ok_or_else(moved_on)?;
    let is_subsidy = list.kind == kind::SUBSIDY;
    let account =
        case::account_for_late_credit(office, tx, late.person_id, late.account_id, is_subsidy)
            .await?
            .ok_or_else(|| {
                let detail =
                    "账户不是因提取销户的（已转出、继承或合并），不能重新启用，请退回单位暂存款。";
                Refusal::new(409, "E-SUSP-05", detail)
            })?;
    let key = format!("late:{}", late.late_id);
    let booking = Booking {
        event: event_of(&list),
        key: &key,
        case_id: Some(list.remittance_id),
        branch_id: employer.branch_id,
        maker: late.maker_id.map_or(Actor::System, Actor::Staff),
        checker: Some(checker.staff_id),
        policy_id: 0,
        month: (list.kind != kind::SUPPLEMENT).then(|| list.month()),
        value_date: None,
        accounts: &[],
        amount_fen: late.amount().fen(),
    };
    let header = books::header(office, tx, &booking).await?;
    let allocation = Allocation {
        business_key: &key,
        value_date: header.day.date(),
        suspense: AccountId(late.suspense_account_id),
        lines: &[AllocationLine {
            account: AccountId(account),
            employer: Fen::new(late.employer_fen),
            employee: Fen::new(late.employee_fen),
        }],
        parts: if is_subsidy {
            (Part::Subsidy, Part::Subsidy)
        } else {
            (Part::Employer, Part::Employee)
        },
    };
    journal::allocate(tx, &header, &allocation).await?;
    sqlx::query("UPDATE remittance SET allocated_fen = allocated_fen + $3 WHERE centre_id = $1 AND remittance_id = $2")
        .bind(office.centre.id)
        .bind(list.remittance_id)
        .bind(late.amount().fen())
        .execute(&mut *tx)
        .await?;
    let words = format!(
        "【公积金】您销户后单位又缴来{}元，账户已重新启用（封存），可再办理提取",
        late.amount()
    );
    outbox::tell_people(office, tx, list.remittance_id, &[late.person_id], &[words]).await?;
    let detail = json!({ "amount_fen": late.amount().fen() });
    case::add_event(
        office,
        tx,
        list.remittance_id,
        Actor::Staff(checker.staff_id),
        &["late_credit_booked"],
        detail,
    )
    .await
}

/// The months are not the person's, and the money is the employer's to use or to ask back.
async fn leave_to_employer(
    office: &Office,
    tx: &mut PgConnection,
    late: &Late,
    checker: &Staff,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO contribution_change (centre_id, change_id, account_id, month, remittance_id, employer_fen, employee_fen)
         SELECT $1, $2, account_id, month, remittance_id, -sum(employer_fen), -sum(employee_fen)
           FROM remittance_line WHERE centre_id = $1 AND remittance_id = $3 AND account_id = $4
          GROUP BY account_id, month, remittance_id",
    )
    .bind(office.centre.id)
    .bind(late.late_id)
    .bind(late.remittance_id)
    .bind(late.account_id)
    .execute(&mut *tx)
    .await?;
    let words = format!(
        "【公积金】{}元（职工已销户）已转为本单位可用暂存款，可抵下月或申请退回",
        late.amount()
    );
    outbox::tell_clerks(
        office,
        tx,
        late.employer_id,
        Some(late.remittance_id),
        &words,
    )
    .await?;
    let detail = json!({ "amount_fen": late.amount().fen() });
    case::add_event(
        office,
        tx,
        late.remittance_id,
        Actor::Staff(checker.staff_id),
        &["late_credit_returned"],
        detail,
    )
    .await
}
