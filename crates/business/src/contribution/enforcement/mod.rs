//! Enforcement (催缴执法, contribution.md §15): clue, notice, filing, order, court or fine, each step a dated paper with what it stands on.
//! Invariant: a state moves only by a step, a grave step only by two officers, and it closes by itself once everything is on the accounts; no
//! late fee is ever asked for, and who complained is never told to the employer. Read `steps.rs`.

pub mod clue;
pub mod complaint;
pub mod order;
pub mod papers;
pub mod steps;

use anju_casework::{Office, Refusal, Result};
use anju_domain::calendar::Month;
use anju_domain::money::Fen;
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use sqlx::{FromRow, PgConnection};

/// The service under which its case stands; nobody applies for it.
pub const SERVICE: &str = "contribution-enforcement";

/// States.
pub mod state {
    /// 线索.
    pub const CLUE: i16 = 1;
    /// 催缴通知.
    pub const NOTICE: i16 = 2;
    /// 立案.
    pub const FILED: i16 = 3;
    /// 责令限期缴存决定.
    pub const ORDERED: i16 = 4;
    /// 申请强制执行.
    pub const COURT: i16 = 5;
    /// 罚款.
    pub const FINE: i16 = 6;
    /// 终结执行: the claim is declared, what comes later still closes it.
    pub const SUSPENDED: i16 = 7;
    /// 结案.
    pub const CLOSED: i16 = 8;
}

/// What a clue came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i16)]
pub enum Source {
    /// A month is due for long and has no list.
    Due = 1,
    /// An employee complained.
    Complaint = 2,
    /// Social insurance counts more people.
    Headcount = 3,
    /// Registered later than the law asks.
    LateRegistration = 4,
}

impl Source {
    /// Of a stored code.
    pub fn from_code(code: i16) -> Self {
        match code {
            2 => Self::Complaint,
            3 => Self::Headcount,
            4 => Self::LateRegistration,
            _ => Self::Due,
        }
    }

    /// For staff.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Due => "逾期未缴",
            Self::Complaint => "职工反映",
            Self::Headcount => "参保人数差",
            Self::LateRegistration => "登记过期",
        }
    }
}

/// A step (文书).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i16)]
pub enum Kind {
    /// 催缴通知书.
    Notice = 1,
    /// 立案.
    Filing = 2,
    /// 告知书: what will be ordered, and the right to be heard.
    Inform = 3,
    /// 陈述申辩: the employer speaks.
    Statement = 4,
    /// 责令限期缴存决定书.
    Order = 5,
    /// 行政处罚决定书.
    Fine = 6,
    /// 强制执行申请书.
    Court = 7,
    /// The court has executed.
    Executed = 8,
    /// The court has ended the execution; the claim is declared.
    Terminated = 9,
    /// Paid.
    Paid = 10,
    /// It was no clue.
    Unfounded = 11,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Notice,
        Self::Filing,
        Self::Inform,
        Self::Statement,
        Self::Order,
        Self::Fine,
        Self::Court,
        Self::Executed,
        Self::Terminated,
        Self::Paid,
        Self::Unfounded,
    ];

    /// Of a stored code.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as i16 == code)
    }

    /// For forms and events.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Filing => "file",
            Self::Inform => "inform",
            Self::Statement => "statement",
            Self::Order => "order",
            Self::Fine => "fine",
            Self::Court => "court",
            Self::Executed => "executed",
            Self::Terminated => "terminated",
            Self::Paid => "paid",
            Self::Unfounded => "unfounded",
        }
    }

    /// By its code.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Title of its paper.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Notice => "住房公积金催缴通知书",
            Self::Filing => "立案审批表",
            Self::Inform => "行政决定事先告知书",
            Self::Statement => "陈述申辩",
            Self::Order => "责令限期缴存决定书",
            Self::Fine => "行政处罚决定书",
            Self::Court => "强制执行申请书",
            Self::Executed => "执行完毕结案报告",
            Self::Terminated => "终结执行报告",
            Self::Paid => "结案报告",
            Self::Unfounded => "线索核查报告",
        }
    }

    /// The word in its paper's number; none where the step has no paper.
    const fn word(self) -> Option<&'static str> {
        Some(match self {
            Self::Notice => "催",
            Self::Filing => "立",
            Self::Inform => "告",
            Self::Statement => return None,
            Self::Order => "决",
            Self::Fine => "罚",
            Self::Court => "申",
            Self::Executed | Self::Paid => "结",
            Self::Terminated => "终",
            Self::Unfounded => "核",
        })
    }

    /// Whether two officers are asked.
    pub const fn needs_two(self) -> bool {
        matches!(
            self,
            Self::Filing | Self::Order | Self::Fine | Self::Court | Self::Terminated
        )
    }

    /// Whether the employer is given it.
    pub const fn is_for_employer(self) -> bool {
        matches!(
            self,
            Self::Notice
                | Self::Inform
                | Self::Statement
                | Self::Order
                | Self::Fine
                | Self::Court
                | Self::Executed
                | Self::Paid
        )
    }
}

/// An enforcement.
#[derive(Debug, Clone, FromRow)]
pub struct Enforcement {
    /// Identifier, also of its case.
    pub enforcement_id: i64,
    /// Whom it is about.
    pub employer_id: i64,
    /// Its name.
    pub employer_name: String,
    /// Who keeps it.
    pub branch_id: i16,
    /// See [`Source`].
    pub source: i16,
    /// See [`state`].
    pub state: i16,
    /// The first month it is about.
    pub from_month: Option<i32>,
    /// The last.
    pub to_month: Option<i32>,
    /// People that are missing, by social insurance.
    pub gap: Option<i32>,
    /// The complaint's case.
    pub complaint_id: Option<i64>,
    /// Whoever complained has no account there.
    pub no_account: bool,
    /// Opened.
    pub opened_on: NaiveDate,
    /// In its state since.
    pub since: NaiveDate,
    /// The last day of the state's term.
    pub term_on: Option<NaiveDate>,
}

impl Enforcement {
    /// What it came from.
    pub fn source(&self) -> Source {
        Source::from_code(self.source)
    }

    /// Whether its term is over.
    pub fn is_expired(&self, today: NaiveDate) -> bool {
        self.term_on.is_some_and(|term| term < today)
    }

    /// 2026年3月至2026年5月; empty where no month is meant.
    pub fn months(&self) -> String {
        let name = |month: i32| Month::from_index(month).chinese();
        match (self.from_month, self.to_month) {
            (Some(from), Some(to)) if from != to => format!("{}至{}", name(from), name(to)),
            (Some(month), _) | (None, Some(month)) => name(month),
            (None, None) => String::new(),
        }
    }
}

/// Columns of [`Enforcement`], in one place.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT x.enforcement_id, x.employer_id, e.name AS employer_name, x.branch_id, x.source, x.state, x.from_month, x.to_month,
                    x.gap, x.complaint_id, x.no_account, x.opened_on, x.since, x.term_on
               FROM enforcement x JOIN employer e ON e.centre_id = x.centre_id AND e.employer_id = x.employer_id
              WHERE x.centre_id = $1 AND ",
            $rest
        )
    };
}
use select;

/// An enforcement that must exist.
///
/// # Errors
/// 404.
pub async fn require(
    office: &Office,
    conn: &mut PgConnection,
    enforcement_id: i64,
) -> Result<Enforcement> {
    sqlx::query_as(select!("x.enforcement_id = $2"))
        .bind(office.centre.id)
        .bind(enforcement_id)
        .fetch_optional(conn)
        .await?
        .ok_or_else(|| Refusal::not_found("这件催缴").into())
}

/// Those in a state, of a branch or of the centre, a page of them after an identifier.
///
/// # Errors
/// The database.
pub async fn list(
    office: &Office,
    branch_id: Option<i16>,
    state: i16,
    after: i64,
    limit: i64,
) -> Result<Vec<Enforcement>> {
    let statement = match branch_id {
        Some(_) => select!(
            "x.branch_id = $2 AND x.state = $3 AND x.enforcement_id > $4 ORDER BY x.enforcement_id LIMIT $5"
        ),
        None => select!(
            "$2::smallint IS NULL AND x.state = $3 AND x.enforcement_id > $4 ORDER BY x.enforcement_id LIMIT $5"
        ),
    };
    Ok(sqlx::query_as(statement)
        .bind(office.centre.id)
        .bind(branch_id)
        .bind(state)
        .bind(after)
        .bind(limit)
        .fetch_all(&office.pool)
        .await?)
}

/// Those about an employer, newest first.
///
/// # Errors
/// The database.
pub async fn of_employer(
    office: &Office,
    employer_id: i64,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Enforcement>> {
    Ok(sqlx::query_as(select!(
        "x.employer_id = $2 AND x.enforcement_id < $3 ORDER BY x.enforcement_id DESC LIMIT $4"
    ))
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(before.unwrap_or(i64::MAX))
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// States of a step.
pub mod step_state {
    /// Waits for the second officer.
    pub const WAITS: i16 = 1;
    /// Done.
    pub const DONE: i16 = 2;
    /// Sent back.
    pub const SENT_BACK: i16 = 3;
}

/// A step with its paper.
#[derive(Debug, Clone, FromRow)]
pub struct Step {
    /// Identifier.
    pub step_id: i64,
    /// Of which enforcement.
    pub enforcement_id: i64,
    /// See [`Kind`].
    pub kind: i16,
    /// Number of its paper; empty where it has none.
    pub document_no: String,
    /// See [`step_state`].
    pub state: i16,
    /// 0: the system.
    pub maker_id: i64,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// The second officer.
    pub checker_id: Option<i64>,
    /// When he agreed, or did not.
    pub checked_at: Option<DateTime<Utc>>,
    /// His words.
    pub answer: Option<String>,
    /// The paper's date.
    pub issued_on: Option<NaiveDate>,
    /// The last day of the term that it sets.
    pub term_on: Option<NaiveDate>,
    /// Money that it names.
    pub amount_fen: Option<i64>,
    /// What it stands on.
    pub evidence: String,
    /// What it says, see [`papers`].
    pub paper: Value,
}

impl Step {
    /// What it is.
    pub fn kind(&self) -> Option<Kind> {
        Kind::from_code(self.kind)
    }

    /// Its money.
    pub fn amount(&self) -> Option<Fen> {
        self.amount_fen.map(Fen::new)
    }
}

/// Columns of [`Step`], in one place.
macro_rules! step {
    ($rest:literal) => {
        concat!(
            "SELECT step_id, enforcement_id, kind, document_no, state, maker_id, made_at, checker_id, checked_at, answer, issued_on, term_on,
                    amount_fen, evidence, paper
               FROM enforcement_step WHERE centre_id = $1 AND ",
            $rest
        )
    };
}

/// The steps of an enforcement, oldest first; there are a handful.
///
/// # Errors
/// The database.
pub async fn steps_of(
    office: &Office,
    conn: &mut PgConnection,
    enforcement_id: i64,
) -> Result<Vec<Step>> {
    Ok(
        sqlx::query_as(step!("enforcement_id = $2 ORDER BY step_id LIMIT 100"))
            .bind(office.centre.id)
            .bind(enforcement_id)
            .fetch_all(conn)
            .await?,
    )
}

/// A step that must exist.
///
/// # Errors
/// 404.
pub async fn require_step(office: &Office, step_id: i64) -> Result<Step> {
    sqlx::query_as(step!("step_id = $2"))
        .bind(office.centre.id)
        .bind(step_id)
        .fetch_optional(&office.pool)
        .await?
        .ok_or_else(|| Refusal::not_found("这份文书").into())
}
