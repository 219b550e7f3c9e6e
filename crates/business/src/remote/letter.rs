//! The contact letter (联系函) as a row: its two state machines, how it is found, taken and moved.

use anju_casework::case::{self, CaseState};
use anju_casework::{Actor, Office, Refusal, Result};
use anju_domain::calendar::Holidays;
use anju_domain::clock::shanghai_date;
use anju_wire::platform::{Body, PayTo, Sheet};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};

/// Where we stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The person comes here.
    In,
    /// The person leaves.
    Out,
}

/// States of contribution.md §12. APPLIED is a case that is not decided yet, and MATCHED is passed through in the transaction that credits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// 已发联系函.
    LetterSent,
    /// 对方已受理.
    OutAccepted,
    /// 已划款.
    FundsSent,
    /// 已办结.
    Completed,
    /// 已退回, 失败办结.
    Returned,
    /// 已撤销.
    Cancelled,
    /// 待确认.
    LetterReceived,
    /// 确认接收.
    LetterConfirmed,
    /// 账户信息审核通过.
    InfoApproved,
    /// 转账中.
    Paying,
    /// 已转账.
    Paid,
    /// 正常办结.
    Closed,
    /// 驳回.
    Refused,
    /// 协商中.
    Negotiating,
}

impl State {
    const ALL: [(Self, &'static str, &'static str, CaseState); 14] = [
        (
            Self::LetterSent,
            "LETTER_SENT",
            "已发联系函",
            CaseState::Executing,
        ),
        (
            Self::OutAccepted,
            "OUT_ACCEPTED",
            "转出地已受理",
            CaseState::Executing,
        ),
        (
            Self::FundsSent,
            "FUNDS_SENT",
            "转出地已划款",
            CaseState::Executing,
        ),
        (Self::Completed, "COMPLETED", "已办结", CaseState::Done),
        (Self::Returned, "RETURNED", "已退回", CaseState::Failed),
        (Self::Cancelled, "CANCELLED", "已撤销", CaseState::Withdrawn),
        (
            Self::LetterReceived,
            "LETTER_RECEIVED",
            "待确认",
            CaseState::Submitted,
        ),
        (
            Self::LetterConfirmed,
            "LETTER_CONFIRMED",
            "已确认接收",
            CaseState::Executing,
        ),
        (
            Self::InfoApproved,
            "INFO_APPROVED",
            "账户信息审核通过",
            CaseState::Executing,
        ),
        (Self::Paying, "PAYING", "转账中", CaseState::Executing),
        (Self::Paid, "PAID", "已转账", CaseState::Done),
        (Self::Closed, "CLOSED", "正常办结", CaseState::Done),
        (Self::Refused, "REFUSED", "驳回", CaseState::Refused),
        (
            Self::Negotiating,
            "NEGOTIATING",
            "协商中",
            CaseState::Executing,
        ),
    ];

    fn row(self) -> &'static (Self, &'static str, &'static str, CaseState) {
        Self::ALL
            .iter()
            .find(|row| row.0 == self)
            .expect("every state stands in the list")
    }

    /// The word of the database and of contribution.md.
    pub fn code(self) -> &'static str {
        self.row().1
    }

    /// The word for people.
    pub fn word(self) -> &'static str {
        self.row().2
    }

    /// The case's state (services.md §15).
    pub fn of_case(self) -> CaseState {
        self.row().3
    }

    /// Whether nothing more is expected.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Returned | Self::Cancelled | Self::Closed | Self::Refused
        )
    }
}

/// A letter.
#[derive(Debug, Clone, FromRow)]
pub struct Letter {
    /// Identifier, also the case's.
    pub letter_id: i64,
    side: i16,
    /// 联系函号.
    pub letter_no: String,
    /// Code of the other centre.
    pub other_centre: String,
    /// Its name.
    pub other_name: String,
    state: String,
    /// The person, where we know one.
    pub person_id: Option<i64>,
    /// The person's account.
    pub account_id: Option<i64>,
    /// The membership that ends with the account.
    pub membership_id: Option<i64>,
    /// Branch that keeps it.
    pub branch_id: i16,
    /// When it began.
    pub applied_at: DateTime<Utc>,
    /// From this day on it is late.
    pub alarm_on: NaiveDate,
    /// When its state changed last.
    pub moved_at: DateTime<Utc>,
    /// When the other side was reminded last.
    pub escalated_at: Option<DateTime<Utc>>,
    /// When the person asked to take it back.
    pub cancel_asked_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// From APPLIED to the end.
    pub working_days: Option<i32>,
    /// The account as it left.
    pub sheet: Option<Json<Sheet>>,
    /// Fen of the sheet.
    pub amount_fen: Option<i64>,
    /// Fen that have come, or come back.
    pub received_fen: i64,
    /// Our bank at which they came.
    pub receipt_bank: Option<String>,
    /// Who paid them.
    pub payer_account: Option<String>,
    /// Its holder.
    pub payer_name: Option<String>,
    /// Our bank that pays.
    pub pay_bank: Option<String>,
    /// Who is paid.
    pub pay_account: Option<String>,
    /// Its holder.
    pub pay_holder: Option<String>,
    /// As of a case.
    pub pay_state: i16,
    /// Attempt.
    pub pay_attempt: i16,
    /// Payments that a bank refused.
    pub tries: i16,
    /// E28.
    pub interest_journal: Option<i64>,
    /// E35.
    pub out_journal: Option<i64>,
    /// Their business date.
    pub out_on: Option<NaiveDate>,
    /// What the in-centre has said of money whose payment our bank has not confirmed yet.
    pub heard: Json<Vec<Body>>,
    /// What one person proposes.
    pub proposal: Option<String>,
    /// Who.
    pub proposed_by: Option<i64>,
    /// Code of a refusal.
    pub reason_code: Option<String>,
    /// Why it stands where it stands.
    pub reason: Option<String>,
}

/// Columns of [`Letter`], in one place.
macro_rules! columns {
    () => {
        "letter_id, side, letter_no, other_centre, other_name, state, person_id, account_id, membership_id, branch_id, applied_at, \
         alarm_on, moved_at, escalated_at, cancel_asked_at, ended_at, working_days, sheet, amount_fen, received_fen, receipt_bank, \
         payer_account, payer_name, pay_bank, pay_account, pay_holder, pay_state, pay_attempt, tries, interest_journal, out_journal, \
         out_on, heard, proposal, proposed_by, reason_code, reason"
    };
}
pub(super) use columns;

impl Letter {
    /// Whether the money that has come is what the out-centre's sheet says.
    pub fn is_whole(&self) -> bool {
        self.sheet
            .as_ref()
            .is_some_and(|Json(sheet)| sheet.total_fen == self.received_fen)
    }

    /// Which side we are on.
    pub const fn side(&self) -> Side {
        if self.side == 1 { Side::In } else { Side::Out }
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        State::ALL
            .iter()
            .find(|row| row.1 == self.state)
            .map_or(State::Negotiating, |row| row.0)
    }

    /// Whether the other centre was reminded and has not said anything since (ESCALATED 催办中).
    pub fn is_escalated(&self) -> bool {
        self.ended_at.is_none() && self.escalated_at.is_some_and(|at| at > self.moved_at)
    }

    /// The state in the words of contribution.md §12, ESCALATED included.
    pub fn state_code(&self) -> &'static str {
        if self.is_escalated() {
            "ESCALATED"
        } else {
            self.state().code()
        }
    }

    /// The state as people read it.
    pub fn state_word(&self) -> &'static str {
        if self.is_escalated() {
            "超期，已催办"
        } else {
            self.state().word()
        }
    }

    /// Whether a bank's word about this attempt is still open.
    pub fn awaits_bank(&self, attempt: i16) -> bool {
        self.pay_attempt == attempt && matches!(self.pay_state, 1 | 2)
    }

    /// Working days since it began: to its end, or to a day.
    pub fn days(&self, holidays: &Holidays, today: NaiveDate) -> i32 {
        self.working_days
            .unwrap_or_else(|| working_days(holidays, shanghai_date(self.applied_at), today))
    }
}

/// Working days after `from` up to `to`: 0 on the same day.
pub fn working_days(holidays: &Holidays, from: NaiveDate, to: NaiveDate) -> i32 {
    let days = from
        .iter_days()
        .skip(1)
        .take_while(|day| *day <= to)
        .filter(|day| holidays.is_working_day(*day))
        .count();
    i32::try_from(days).unwrap_or(i32::MAX)
}

/// A letter as it begins.
pub(super) struct Opened<'a> {
    pub letter_id: i64,
    pub side: Side,
    pub letter_no: &'a str,
    pub other_centre: &'a str,
    pub other_name: &'a str,
    pub state: State,
    pub person_id: Option<i64>,
    pub account_id: Option<i64>,
    pub membership_id: Option<i64>,
    pub branch_id: i16,
    pub applied_at: DateTime<Utc>,
    pub alarm_on: NaiveDate,
    pub next_at: Option<DateTime<Utc>>,
    pub receipt_bank: Option<&'a str>,
    pub pay_bank: Option<&'a str>,
    pub pay_to: Option<&'a PayTo>,
    pub reason: Option<(&'a str, &'a str)>,
}

/// Writes a new letter. False: its number came before.
///
/// # Errors
/// A second live letter for the same person and centre (`transfer_letter_live`).
pub(super) async fn open(
    office: &Office,
    conn: &mut PgConnection,
    opened: &Opened<'_>,
) -> Result<bool> {
    let ended = opened.state.is_final().then(|| office.now());
    let added = sqlx::query(
        "INSERT INTO transfer_letter (centre_id, letter_id, side, letter_no, other_centre, other_name, state, person_id, account_id,
                                      membership_id, branch_id, applied_at, alarm_on, moved_at, next_at, pay_bank, pay_account,
                                      pay_holder, reason_code, reason, ended_at, receipt_bank)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)
             ON CONFLICT (centre_id, side, letter_no) DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(opened.letter_id)
    .bind(if opened.side == Side::In { 1_i16 } else { 2_i16 })
    .bind(opened.letter_no)
    .bind(opened.other_centre)
    .bind(opened.other_name)
    .bind(opened.state.code())
    .bind(opened.person_id)
    .bind(opened.account_id)
    .bind(opened.membership_id)
    .bind(opened.branch_id)
    .bind(opened.applied_at)
    .bind(opened.alarm_on)
    .bind(office.now())
    .bind(opened.next_at)
    .bind(opened.pay_bank)
    .bind(opened.pay_to.map(|pay_to| &pay_to.account_no))
    .bind(opened.pay_to.map(|pay_to| &pay_to.holder))
    .bind(opened.reason.map(|(code, _)| code))
    .bind(opened.reason.map(|(_, words)| words))
    .bind(ended)
    .bind(opened.receipt_bank)
    .execute(conn)
    .await?;
    Ok(added.rows_affected() == 1)
}

/// The letter, its row taken until the end of the transaction: one word about it at a time is acted upon.
pub(super) async fn lock(
    office: &Office,
    conn: &mut PgConnection,
    letter_id: i64,
) -> Result<Letter> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM transfer_letter WHERE centre_id = $1 AND letter_id = $2 FOR NO KEY UPDATE"
    ))
    .bind(office.centre.id)
    .bind(letter_id)
    .fetch_optional(conn)
    .await?
    .ok_or_else(|| Refusal::not_found("这封联系函").into())
}

/// The same by its number.
pub(super) async fn lock_by_no(
    office: &Office,
    conn: &mut PgConnection,
    side: Side,
    letter_no: &str,
) -> Result<Option<Letter>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM transfer_letter WHERE centre_id = $1 AND side = $2 AND letter_no = $3 FOR NO KEY UPDATE"
    ))
    .bind(office.centre.id)
    .bind(if side == Side::In { 1_i16 } else { 2_i16 })
    .bind(letter_no)
    .fetch_optional(conn)
    .await?)
}

/// A letter, if there is one.
pub async fn get(office: &Office, letter_id: i64) -> Result<Option<Letter>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM transfer_letter WHERE centre_id = $1 AND letter_id = $2"
    ))
    .bind(office.centre.id)
    .bind(letter_id)
    .fetch_optional(&office.pool)
    .await?)
}

/// Letters that the engine has to look at, each put off a little, so that one that fails does not come again at once.
pub(super) async fn due(office: &Office, limit: i64) -> Result<Vec<Letter>> {
    let now = office.now();
    Ok(sqlx::query_as(concat!(
        "WITH due AS MATERIALIZED (
             SELECT letter_id FROM transfer_letter
              WHERE centre_id = $1 AND next_at <= $2
              ORDER BY next_at LIMIT $3
                FOR NO KEY UPDATE SKIP LOCKED),
         moved AS (
             UPDATE transfer_letter t SET next_at = $4 FROM due
              WHERE t.centre_id = $1 AND t.letter_id = due.letter_id
             RETURNING t.*)
         SELECT ",
        columns!(),
        " FROM moved ORDER BY letter_id"
    ))
    .bind(office.centre.id)
    .bind(now)
    .bind(limit)
    .bind(now + TimeDelta::seconds(30))
    .fetch_all(&office.pool)
    .await?)
}

/// A step of a letter: where it goes, and what its case and its evidence say of it.
pub(super) struct Step<'a> {
    pub to: State,
    pub next_at: Option<DateTime<Utc>>,
    pub reason: Option<(&'a str, &'a str)>,
    pub steps: &'a [&'a str],
    pub detail: Value,
    pub actor: Actor,
}

/// Moves a letter that the caller has taken, and its case with it.
pub(super) async fn shift(
    office: &Office,
    conn: &mut PgConnection,
    letter: &Letter,
    step: Step<'_>,
) -> Result<()> {
    let now = office.now();
    let ended = step.to.is_final();
    let days = ended.then(|| letter.days(&office.holidays(), office.today()));
    sqlx::query(
        "UPDATE transfer_letter
            SET state = $3, moved_at = $4::timestamptz, next_at = $5, reason_code = coalesce($6, reason_code), reason = coalesce($7, reason),
                ended_at = CASE WHEN $8 THEN $4::timestamptz END, working_days = $9, proposal = NULL, proposed_by = NULL, proposed_at = NULL
          WHERE centre_id = $1 AND letter_id = $2",
    )
    .bind(office.centre.id)
    .bind(letter.letter_id)
    .bind(step.to.code())
    .bind(now)
    .bind(step.next_at)
    .bind(step.reason.map(|(code, _)| code))
    .bind(step.reason.map(|(_, words)| words))
    .bind(ended)
    .bind(days)
    .execute(&mut *conn)
    .await?;
    let mut detail = step.detail;
    detail["letter"] = letter.letter_no.as_str().into();
    detail["transfer_state"] = step.to.code().into();
    if let Some(days) = days {
        detail["working_days"] = days.into();
    }
    case::step(
        office,
        conn,
        letter.letter_id,
        step.to.of_case(),
        step.steps,
        detail,
        step.actor,
    )
    .await
}
