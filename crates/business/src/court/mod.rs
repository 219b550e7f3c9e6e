//! 司法冻结、续冻、解冻、扣划 (contribution.md §3.4): what a court asks by its signed line, or two of its officers with their papers at the
//! counter. Invariant: what lies on an account for courts is what the orders in force say, at every commit; one order is in force for a
//! person and the others wait their turn; an instruction happens once by its number. Read `take.rs`, then `carry.rs`.

pub mod audit;
mod carry;
mod paper;
pub mod pay;
mod queue;
pub mod take;
pub mod term;

use anju_casework::{Fault, Office, Refusal, Result};
use anju_domain::money::Fen;
use anju_vault::NumberKind;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{FromRow, PgConnection};

/// The service under which the cases of instructions stand; nobody applies for it.
pub const SERVICE: &str = "court-order";

/// Channel of the signed line.
pub const PUSH: &str = "PUSH";

/// Channel of two officers at the counter.
pub const COUNTER: &str = "CTR";

/// States of an order.
pub mod state {
    /// 生效.
    pub const EFFECTIVE: i16 = 2;
    /// 轮候.
    pub const QUEUED: i16 = 3;
    /// 解冻.
    pub const RELEASED: i16 = 4;
    /// 到期.
    pub const EXPIRED: i16 = 5;
    /// 扣划完.
    pub const CONSUMED: i16 = 6;
}

/// States of an instruction.
pub mod act_state {
    /// Entered at the counter, waits for the second person.
    pub const WAITS: i16 = 1;
    /// 已办.
    pub const DONE: i16 = 2;
    /// 扣划付款中.
    pub const PAYING: i16 = 3;
    /// 不予办理, with the reason in the answer.
    pub const REFUSED: i16 = 4;
    /// The bank did not pay; the money is back under the freeze.
    pub const FAILED: i16 = 5;
    /// Came back after it was paid; the money is back under the freeze.
    pub const RETURNED: i16 = 6;
    /// The second person sent it back.
    pub const SENT_BACK: i16 = 7;
}

/// What a court asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// 冻结.
    Freeze,
    /// 续冻.
    Extend,
    /// 解冻.
    Release,
    /// 扣划.
    Deduct,
    /// 查询.
    Query,
}

impl Kind {
    /// All of them, by their stored code.
    pub const ALL: [Self; 5] = [
        Self::Freeze,
        Self::Extend,
        Self::Release,
        Self::Deduct,
        Self::Query,
    ];

    /// Stored code; 0 is an instruction that nobody can read.
    #[must_use]
    pub const fn number(self) -> i16 {
        match self {
            Self::Freeze => 1,
            Self::Extend => 2,
            Self::Release => 3,
            Self::Deduct => 4,
            Self::Query => 5,
        }
    }

    /// Of a stored code.
    #[must_use]
    pub fn from_number(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// Word for addresses and forms.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Freeze => "freeze",
            Self::Extend => "extend",
            Self::Release => "release",
            Self::Deduct => "deduct",
            Self::Query => "query",
        }
    }

    /// 冻结.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Freeze => "冻结",
            Self::Extend => "续冻",
            Self::Release => "解冻",
            Self::Deduct => "扣划",
            Self::Query => "查询",
        }
    }

    /// Of a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == word)
    }
}

/// 执行人员: one of the two who execute.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Officer {
    /// Name.
    pub name: String,
    /// 公务证件号: identity number.
    pub id_no: String,
    /// 工作证（执行公务证）号.
    pub permit_no: String,
}

/// 收款: the court's own account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payee {
    /// Number.
    pub account: String,
    /// Holder, the court.
    pub holder: String,
}

/// An instruction as it was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instruction {
    /// The court's number of it; it happens once.
    pub act_no: String,
    /// What.
    pub kind: Kind,
    /// The freeze that it is about, by the court's number; of a freeze none.
    pub of: Option<String>,
    /// The person's identity number.
    pub id_no: String,
    /// The person's name.
    pub name: String,
    /// Of a freeze, a partial release, a deduction; a freeze without it takes the whole account.
    pub amount_fen: Option<i64>,
    /// First day; today where none is said.
    pub from: Option<NaiveDate>,
    /// Last day of a freeze or an extension.
    pub to: Option<NaiveDate>,
    /// The court.
    pub court: String,
    /// 执行案号.
    pub case_no: String,
    /// Number of the document.
    pub document: String,
    /// Digest of the document, where the line carries it.
    pub document_digest: String,
    /// The two who execute.
    pub officers: Vec<Officer>,
    /// Where a deduction goes.
    pub payee: Option<Payee>,
    /// The document says that the money may be deducted although the person could not withdraw it yet.
    pub ordered_expressly: bool,
    /// Where there is less than was asked for, that is deducted (部分扣划).
    pub part_allowed: bool,
}

/// An order that stands, stood, or waits.
#[derive(Debug, Clone, FromRow)]
pub struct Order {
    /// Number; the instruction that asked for it bears the same.
    pub order_id: i64,
    /// Whose account.
    pub person_id: i64,
    /// The fund account.
    pub account_id: i64,
    /// The court's number.
    pub order_no: String,
    /// Court.
    pub court: String,
    /// 案号.
    pub case_no: String,
    /// Fen; none for the whole account.
    pub amount_fen: Option<i64>,
    /// Fen that are still to be kept.
    pub left_fen: Option<i64>,
    /// First day.
    pub from_date: NaiveDate,
    /// Last day.
    pub to_date: NaiveDate,
    /// See [`state`].
    pub state: i16,
    /// When it came.
    pub arrived_at: DateTime<Utc>,
    /// When it took effect.
    pub effective_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

impl Order {
    /// Whether it is in force or waits for it.
    #[must_use]
    pub const fn lives(&self) -> bool {
        matches!(self.state, state::EFFECTIVE | state::QUEUED)
    }

    /// What it is to keep; none for every fen.
    #[must_use]
    pub fn left(&self) -> Option<Fen> {
        self.left_fen.map(Fen::new)
    }
}

/// Columns of [`Order`].
macro_rules! order_columns {
    () => {
        "order_id, person_id, account_id, order_no, court, case_no, amount_fen, left_fen, from_date, to_date, state, arrived_at, \
         effective_at, ended_at"
    };
}
use order_columns;

/// An instruction as it is kept.
#[derive(Debug, Clone, FromRow)]
pub struct Act {
    /// Number.
    pub act_id: i64,
    /// The court's number.
    pub act_no: String,
    /// See [`Kind::number`].
    pub kind: i16,
    /// The freeze that it is about.
    pub order_id: Option<i64>,
    /// Whom.
    pub person_id: Option<i64>,
    /// [`PUSH`] or [`COUNTER`].
    pub channel: String,
    /// All of it.
    said_sealed: Vec<u8>,
    /// Keyed digest of it.
    digest: Vec<u8>,
    /// Of a deduction: what is paid, fen.
    pub amount_fen: Option<i64>,
    /// See [`act_state`].
    pub state: i16,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// Who entered it; 0 for the line.
    pub maker_id: i64,
    /// Who confirmed it.
    pub checker_id: Option<i64>,
    /// The second person's words.
    pub words: String,
    /// What the court is told.
    pub answer: Value,
    /// Number of the receipt.
    pub document_no: String,
    /// Its day.
    pub issued_on: Option<NaiveDate>,
    /// The receipt as words.
    pub paper: Value,
    /// Bank that pays.
    pub pay_bank: Option<String>,
    journal_id: Option<i64>,
    booked_on: Option<NaiveDate>,
    /// The bank's answer is not known.
    pub pay_unknown: bool,
}

/// Columns of [`Act`].
macro_rules! act_columns {
    () => {
        "act_id, act_no, kind, order_id, person_id, channel, said_sealed, digest, amount_fen, state, received_at, maker_id, checker_id, \
         words, answer, document_no, issued_on, paper, pay_bank, journal_id, booked_on, pay_unknown"
    };
}
use act_columns;

impl Act {
    /// What was said; none of what nobody can read.
    pub fn said(&self, office: &Office) -> Result<Option<Instruction>> {
        let text = anju_casework::person::text(
            &office.vault,
            anju_casework::person::purpose::FORM,
            &self.said_sealed,
        )?;
        if self.kind == 0 {
            return Ok(None);
        }
        Ok(Some(serde_json::from_str(&text)?))
    }

    /// 冻结, or that it cannot be read.
    #[must_use]
    pub fn name(&self) -> &'static str {
        Kind::from_number(self.kind).map_or("无法识别的报文", Kind::name)
    }
}

/// 一次冻结的最长期限, months.
///
/// # Errors
/// The policy.
pub fn longest_months(office: &Office) -> Result<i32> {
    crate::policy::Rules::on(office, office.today()).months("court_freeze_months")
}

/// Public number of an instruction and of the order that it made.
#[must_use]
pub fn number(office: &Office, id: i64) -> String {
    office.numbers.encode(NumberKind::Case, id)
}

/// An order by its number.
pub async fn require(office: &Office, order_id: i64) -> Result<Order> {
    sqlx::query_as(concat!(
        "SELECT ",
        order_columns!(),
        " FROM court_order WHERE centre_id = $1 AND order_id = $2"
    ))
    .bind(office.centre.id)
    .bind(order_id)
    .fetch_optional(&office.pool)
    .await?
    .ok_or_else(|| Refusal::not_found("这件冻结").into())
}

/// The order of one of the court's numbers, taken for a change.
async fn lock_by_no(
    office: &Office,
    conn: &mut PgConnection,
    order_no: &str,
) -> Result<Option<Order>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        order_columns!(),
        " FROM court_order WHERE centre_id = $1 AND order_no = $2 FOR NO KEY UPDATE"
    ))
    .bind(office.centre.id)
    .bind(order_no)
    .fetch_optional(conn)
    .await?)
}

/// An order, taken for a change.
async fn lock(office: &Office, conn: &mut PgConnection, order_id: i64) -> Result<Order> {
    sqlx::query_as(concat!(
        "SELECT ",
        order_columns!(),
        " FROM court_order WHERE centre_id = $1 AND order_id = $2 FOR NO KEY UPDATE"
    ))
    .bind(office.centre.id)
    .bind(order_id)
    .fetch_optional(conn)
    .await?
    .ok_or_else(|| Fault::Stored(format!("no order {order_id}")).into())
}

/// The order of one of the court's numbers, for reading.
pub async fn order_of_no(office: &Office, order_no: &str) -> Result<Option<Order>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        order_columns!(),
        " FROM court_order WHERE centre_id = $1 AND order_no = $2"
    ))
    .bind(office.centre.id)
    .bind(order_no)
    .fetch_optional(&office.pool)
    .await?)
}

/// Orders in a state, newest first, a page of them.
pub async fn list(
    office: &Office,
    state: i16,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Order>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        order_columns!(),
        " FROM court_order WHERE centre_id = $1 AND state = $2 AND order_id < $3 ORDER BY order_id DESC LIMIT $4"
    ))
    .bind(office.centre.id)
    .bind(state)
    .bind(before.unwrap_or(i64::MAX))
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// Instructions in a state, newest first, a page of them.
pub async fn acts_in(
    office: &Office,
    state: i16,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Act>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        act_columns!(),
        " FROM court_act WHERE centre_id = $1 AND state = $2 AND act_id < $3 ORDER BY act_id DESC LIMIT $4"
    ))
    .bind(office.centre.id)
    .bind(state)
    .bind(before.unwrap_or(i64::MAX))
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// Instructions about an order, in their order; an order has few.
pub async fn acts_of(office: &Office, order_id: i64) -> Result<Vec<Act>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        act_columns!(),
        " FROM court_act WHERE centre_id = $1 AND order_id = $2 ORDER BY act_id LIMIT 200"
    ))
    .bind(office.centre.id)
    .bind(order_id)
    .fetch_all(&office.pool)
    .await?)
}

/// An instruction by its number.
pub async fn require_act(office: &Office, act_id: i64) -> Result<Act> {
    sqlx::query_as(concat!(
        "SELECT ",
        act_columns!(),
        " FROM court_act WHERE centre_id = $1 AND act_id = $2"
    ))
    .bind(office.centre.id)
    .bind(act_id)
    .fetch_optional(&office.pool)
    .await?
    .ok_or_else(|| Refusal::not_found("这件协助执行事项").into())
}

async fn lock_act(office: &Office, conn: &mut PgConnection, act_id: i64) -> Result<Act> {
    sqlx::query_as(concat!(
        "SELECT ",
        act_columns!(),
        " FROM court_act WHERE centre_id = $1 AND act_id = $2 FOR NO KEY UPDATE"
    ))
    .bind(office.centre.id)
    .bind(act_id)
    .fetch_optional(conn)
    .await?
    .ok_or_else(|| Refusal::not_found("这件协助执行事项").into())
}

/// The orders of a person that stand or wait, in the order in which they take effect.
pub async fn standing(office: &Office, person_id: i64) -> Result<Vec<Order>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        order_columns!(),
        " FROM court_order WHERE centre_id = $1 AND person_id = $2 AND state IN (2, 3) ORDER BY arrived_at, order_id LIMIT 100"
    ))
    .bind(office.centre.id)
    .bind(person_id)
    .fetch_all(&office.pool)
    .await?)
}

/// Instructions that wait for a second person, and orders whose term ends soon, counted up to a thousand.
pub async fn waiting(office: &Office) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM (SELECT FROM court_act WHERE centre_id = $1 AND state = 1 LIMIT 1000) AS w)
              + (SELECT count(*) FROM (SELECT FROM court_order WHERE centre_id = $1 AND state IN (2, 3) AND to_date >= $2
                                          AND reminded_on IS NOT NULL LIMIT 1000) AS e)",
    )
    .bind(office.centre.id)
    .bind(office.today())
    .fetch_one(&office.pool)
    .await?)
}
