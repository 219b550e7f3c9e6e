//! A month's remittance (汇缴, contribution.md §6): one list that waits for its money, is cancelled, lapses, or is allocated.
//! `registration.rs` writes it.

use std::collections::HashMap;

use anju_domain::calendar::Month;
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::json;
use sqlx::{FromRow, PgConnection};

use anju_casework::{Actor, Office, Refusal, Result, case};

/// Service id.
pub const SERVICE: &str = "remittance-register";

/// States of a remittance.
pub mod state {
    /// 待缴款.
    pub const AWAITING: i16 = 1;
    /// 部分到账.
    pub const PART_RECEIVED: i16 = 2;
    /// 已分配.
    pub const ALLOCATED: i16 = 3;
    /// 已撤销.
    pub const CANCELLED: i16 = 4;
    /// 已失效.
    pub const EXPIRED: i16 = 5;
    /// 已冲正.
    pub const REVERSED: i16 = 6;
}

/// Kinds of remittances.
pub mod kind {
    /// 汇缴: the next month of everybody.
    pub const MONTHLY: i16 = 1;
    /// 补缴: months that are over.
    pub const SUPPLEMENT: i16 = 2;
    /// 灵活就业缴存: one person's own contribution.
    pub const FLEXIBLE: i16 = 3;
    /// 住房补贴: a fund kind of its own, never in one list with the provident fund.
    pub const SUBSIDY: i16 = 4;
}

/// How a list is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PayMethod {
    /// 转账: a transfer with the pay code.
    #[default]
    Transfer,
    /// 委托收款: the centre debits the payer's account.
    Debit,
    /// 银行柜面.
    CashDesk,
}

impl PayMethod {
    /// By the word of the doors.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "transfer" => Self::Transfer,
            "debit" => Self::Debit,
            "cash-desk" => Self::CashDesk,
            _ => return None,
        })
    }

    /// As it is stored.
    pub const fn code(self) -> i16 {
        match self {
            Self::Transfer => 1,
            Self::Debit => 2,
            Self::CashDesk => 3,
        }
    }
}

/// A remittance (汇缴, 补缴).
#[derive(Debug, Clone, FromRow)]
pub struct Remittance {
    /// Identifier, also of its case.
    pub remittance_id: i64,
    /// Whose.
    pub employer_id: i64,
    /// The list; a back payment has none.
    pub roster_id: Option<i64>,
    /// See [`kind`].
    pub kind: i16,
    /// Month index; of a back payment the last of its months.
    pub month: i32,
    /// See [`state`].
    pub state: i16,
    /// 缴款码.
    pub reference: String,
    /// Entrusted bank.
    pub bank: String,
    /// People in it.
    pub people: i32,
    /// Fen.
    pub amount_fen: i64,
    /// Fen received for it.
    pub received_fen: i64,
    /// Fen allocated.
    pub allocated_fen: i64,
    /// Due (REMIT-06).
    pub due_on: NaiveDate,
    /// After it the list lapses without money.
    pub expires_on: NaiveDate,
    /// Registered.
    pub registered_at: DateTime<Utc>,
    /// Allocated.
    pub allocated_at: Option<DateTime<Utc>>,
    /// How long the allocation took.
    pub allocation_ms: Option<i32>,
    /// The allocation's journal.
    pub journal_id: Option<i64>,
    /// See [`PayMethod::code`].
    pub pay_method: i16,
    /// 托收中: an order to debit the payer lives.
    pub collecting: bool,
    /// When the next order is made.
    pub collect_on: Option<NaiveDate>,
    /// Code of a back payment's reason or of a subsidy's sort.
    pub reason: Option<String>,
}

impl Remittance {
    /// The word of the doors.
    pub const fn state_code(&self) -> &'static str {
        match self.state {
            state::AWAITING => "awaiting",
            state::PART_RECEIVED => "part_received",
            state::ALLOCATED => "allocated",
            _ => "cancelled",
        }
    }

    /// Whether it still waits for money.
    pub const fn is_open(&self) -> bool {
        matches!(self.state, state::AWAITING | state::PART_RECEIVED)
    }

    /// Whether it is paid by a debit of the payer's account.
    pub const fn by_debit(&self) -> bool {
        self.pay_method == PayMethod::Debit.code()
    }

    /// Its month.
    pub fn month(&self) -> Month {
        Month::from_index(self.month)
    }
}

/// Columns of [`Remittance`], in one place.
macro_rules! columns {
    () => {
        "remittance_id, employer_id, roster_id, kind, month, state, reference, bank, people, amount_fen, received_fen, allocated_fen, \
         due_on, expires_on, registered_at, allocated_at, allocation_ms, journal_id, pay_method, collecting, collect_on, reason"
    };
}

/// A remittance that must exist.
pub async fn require(office: &Office, remittance_id: i64) -> Result<Remittance> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM remittance WHERE centre_id = $1 AND remittance_id = $2"
    ))
    .bind(office.centre.id)
    .bind(remittance_id)
    .fetch_optional(&office.pool)
    .await?
    .ok_or_else(|| Refusal::not_found("这笔汇缴").into())
}

/// Those of these that there are.
pub async fn of_ids(office: &Office, ids: &[i64]) -> Result<Vec<Remittance>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM remittance WHERE centre_id = $1 AND remittance_id = ANY ($2)"
    ))
    .bind(office.centre.id)
    .bind(ids)
    .fetch_all(&office.pool)
    .await?)
}

/// The same over a connection that the caller holds, if there is one.
pub(super) async fn get(
    office: &Office,
    conn: &mut PgConnection,
    remittance_id: i64,
) -> Result<Option<Remittance>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM remittance WHERE centre_id = $1 AND remittance_id = $2"
    ))
    .bind(office.centre.id)
    .bind(remittance_id)
    .fetch_optional(conn)
    .await?)
}

/// The list that stands in place of one that was revised when its employer was merged; else the list itself.
pub(super) async fn in_place_of(
    office: &Office,
    conn: &mut PgConnection,
    list: Remittance,
) -> Result<Remittance> {
    if list.state != state::CANCELLED {
        return Ok(list);
    }
    let revised_as: Option<i64> = sqlx::query_scalar(
        "SELECT revised_as FROM remittance WHERE centre_id = $1 AND remittance_id = $2",
    )
    .bind(office.centre.id)
    .bind(list.remittance_id)
    .fetch_one(&mut *conn)
    .await?;
    match revised_as {
        Some(revised_as) => Ok(get(office, conn, revised_as).await?.unwrap_or(list)),
        None => Ok(list),
    }
}

/// The remittances of an employer, newest first, a page of them before `before`.
pub async fn of_employer(
    office: &Office,
    employer_id: i64,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Remittance>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM remittance WHERE centre_id = $1 AND employer_id = $2 AND remittance_id < $3 ORDER BY remittance_id DESC LIMIT $4"
    ))
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(before.unwrap_or(i64::MAX))
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// An employer's lists of one kind, the newest first.
pub async fn of_kind(
    office: &Office,
    employer_id: i64,
    of: i16,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Remittance>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM remittance WHERE centre_id = $1 AND employer_id = $2 AND kind = $3 AND remittance_id < $4 ORDER BY remittance_id DESC LIMIT $5"
    ))
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(of)
    .bind(before.unwrap_or(i64::MAX))
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// The remittance of a pay code.
pub async fn by_reference(
    office: &Office,
    conn: &mut PgConnection,
    reference: &str,
) -> Result<Option<Remittance>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM remittance WHERE centre_id = $1 AND reference = $2"
    ))
    .bind(office.centre.id)
    .bind(reference)
    .fetch_optional(conn)
    .await?)
}

/// The remittance of a pay code, for a page.
pub async fn of_reference(office: &Office, reference: &str) -> Result<Option<Remittance>> {
    let mut conn = office.pool.acquire().await?;
    by_reference(office, &mut conn, reference).await
}

/// The employer's month that waits for money; of several that were registered together the first, since months go in order.
pub async fn open_of(
    office: &Office,
    conn: &mut PgConnection,
    employer_id: i64,
) -> Result<Option<Remittance>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM remittance WHERE centre_id = $1 AND employer_id = $2 AND state IN (1, 2) AND kind = 1 ORDER BY month LIMIT 1"
    ))
    .bind(office.centre.id)
    .bind(employer_id)
    .fetch_optional(conn)
    .await?)
}

/// The months of an employer that wait for money, in order.
pub async fn months_waiting(office: &Office, employer_id: i64) -> Result<Vec<Remittance>> {
    let mut conn = office.pool.acquire().await?;
    let mut lists = waiting(office, &mut conn, employer_id).await?;
    lists.retain(|list| list.kind == kind::MONTHLY);
    Ok(lists)
}

/// Where money for a list counts: a month's is the first's that waits, since months are allocated in order.
pub(super) async fn turn_of(
    office: &Office,
    conn: &mut PgConnection,
    list: Remittance,
) -> Result<Remittance> {
    if list.kind != kind::MONTHLY || !list.is_open() {
        return Ok(list);
    }
    let first = open_of(office, conn, list.employer_id).await?;
    Ok(first.unwrap_or(list))
}

/// All lists of an employer that wait for money, back payments too, the older month first.
pub async fn waiting(
    office: &Office,
    conn: &mut PgConnection,
    employer_id: i64,
) -> Result<Vec<Remittance>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM remittance WHERE centre_id = $1 AND employer_id = $2 AND state IN (1, 2) ORDER BY month, remittance_id LIMIT 60"
    ))
    .bind(office.centre.id)
    .bind(employer_id)
    .fetch_all(conn)
    .await?)
}

/// What money of an employer is for, where its payer did not say: a list that waits for just this much, else the month that waits, else the
/// only list that waits. A subsidy has a suspense of its own, and whoever contributes by himself has none.
pub async fn for_money(
    office: &Office,
    conn: &mut PgConnection,
    employer_id: i64,
    amount_fen: i64,
) -> Result<Option<Remittance>> {
    let mut lists = waiting(office, conn, employer_id).await?;
    lists.retain(|list| matches!(list.kind, kind::MONTHLY | kind::SUPPLEMENT));
    let fits = |list: &&Remittance| list.amount_fen - list.received_fen == amount_fen;
    let found = lists
        .iter()
        .find(fits)
        .or_else(|| lists.iter().find(|list| list.kind == kind::MONTHLY))
        .or(match &lists[..] {
            [only] => Some(only),
            _ => None,
        })
        .cloned();
    match found {
        Some(list) => Ok(Some(turn_of(office, conn, list).await?)),
        None => Ok(None),
    }
}

/// The first and the last month of each of these lists.
pub async fn months_of(office: &Office, ids: &[i64]) -> Result<HashMap<i64, (Month, Month)>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(i64, i32, i32)> = sqlx::query_as(
        "SELECT remittance_id, min(month), max(month) FROM remittance_line
          WHERE centre_id = $1 AND remittance_id = ANY ($2) GROUP BY remittance_id",
    )
    .bind(office.centre.id)
    .bind(ids)
    .fetch_all(&office.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(id, from, to)| (id, (Month::from_index(from), Month::from_index(to))))
        .collect())
}

/// Lists that wait for just this much money, of whichever employer, oldest first.
pub async fn due(office: &Office, amount_fen: i64, limit: i64) -> Result<Vec<Remittance>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM remittance WHERE centre_id = $1 AND amount_fen - received_fen = $2 AND state IN (1, 2)
          ORDER BY remittance_id LIMIT $3"
    ))
    .bind(office.centre.id)
    .bind(amount_fen)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// 缴款码: `HJ`, year and month, and the remittance's public number with its check digit.
pub(super) fn reference(office: &Office, month: Month, remittance_id: i64) -> String {
    let number = office
        .numbers
        .encode(anju_vault::NumberKind::Remittance, remittance_id);
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    format!("HJ{:02}{:02}{digits}", month.year() % 100, month.month())
}

/// The pay code inside what a clerk typed: spaces and full width do not matter.
pub fn find_reference(remark: &str) -> Option<String> {
    let text: String = anju_domain::text::normalise(remark)
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .collect();
    let text = text.to_ascii_uppercase();
    let start = text.find("HJ")?;
    let digits: String = text[start + 2..]
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    (digits.len() >= 16).then(|| format!("HJ{digits}"))
}

/// Cancels a list before any money came for it, or gives up one whose money fell short, which stays in the employer's suspense for the list
/// that is registered instead (改清册). What the roster changed stays: people and bases are facts of their own.
///
/// # Errors
/// `E-REMIT-04` once it was allocated, and while its money is being collected.
pub async fn cancel(office: &Office, remittance_id: i64, actor: Actor) -> Result<()> {
    let list = require(office, remittance_id).await?;
    let mut tx = office.pool.begin().await?;
    anju_casework::employer::lock(office, &mut tx, list.employer_id).await?;
    // Months go in order: those registered after it in one go are given up with it, the last first.
    let mut given_up = vec![remittance_id];
    if list.kind == kind::MONTHLY {
        let waiting = waiting(office, &mut tx, list.employer_id).await?;
        let later = waiting
            .iter()
            .filter(|one| one.kind == kind::MONTHLY && one.month > list.month);
        given_up.extend(later.map(|one| one.remittance_id));
    }
    for id in given_up.iter().rev() {
        cancel_one(office, &mut tx, *id, actor).await?;
    }
    super::relief::reduction::follow(office, &mut tx, list.employer_id).await?;
    tx.commit().await?;
    for id in given_up {
        office.changed(id);
    }
    Ok(())
}

async fn cancel_one(
    office: &Office,
    tx: &mut PgConnection,
    remittance_id: i64,
    actor: Actor,
) -> Result<()> {
    let cancelled: Option<i64> = sqlx::query_scalar(
        "UPDATE remittance SET state = 4, collect_on = NULL
          WHERE centre_id = $1 AND remittance_id = $2 AND state IN (1, 2) AND kind <> 3 AND NOT collecting
      RETURNING received_fen",
    )
    .bind(office.centre.id)
    .bind(remittance_id)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(left) = cancelled else {
        return Err(Refusal::new(
            409,
            "E-REMIT-04",
            "清册已分配或正在托收，不能撤销；已分配的要改，请申请退缴或补缴。",
        )
        .into());
    };
    let steps: &[&str] = if left == 0 {
        &["withdrawn"]
    } else {
        &["revised", "withdrawn"]
    };
    case::end_executing(
        office,
        tx,
        remittance_id,
        case::CaseState::Withdrawn,
        steps,
        json!({ "suspense_fen": left }),
        actor,
    )
    .await
}

/// Lists that lapse without any money (EXPIRED): the employer may register the month again. Returns how many.
pub async fn expire(office: &Office) -> Result<usize> {
    let due: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT remittance_id, employer_id FROM remittance
          WHERE centre_id = $1 AND state = 1 AND received_fen = 0 AND NOT collecting AND expires_on < $2
          ORDER BY remittance_id LIMIT 200",
    )
    .bind(office.centre.id)
    .bind(office.today())
    .fetch_all(&office.pool)
    .await?;
    let mut expired = 0;
    for (remittance_id, employer_id) in due {
        let mut tx = office.pool.begin().await?;
        anju_casework::employer::lock(office, &mut tx, employer_id).await?;
        let moved = sqlx::query(
            "UPDATE remittance SET state = 5, collect_on = NULL
              WHERE centre_id = $1 AND remittance_id = $2 AND state = 1 AND received_fen = 0 AND NOT collecting",
        )
        .bind(office.centre.id)
        .bind(remittance_id)
        .execute(&mut *tx)
        .await?;
        if moved.rows_affected() == 1 {
            let steps = ["expired", "withdrawn"];
            case::end_executing(
                office,
                &mut tx,
                remittance_id,
                case::CaseState::Withdrawn,
                &steps,
                json!({}),
                Actor::System,
            )
            .await?;
            super::relief::reduction::follow(office, &mut tx, employer_id).await?;
            tx.commit().await?;
            expired += 1;
        }
    }
    Ok(expired)
}
