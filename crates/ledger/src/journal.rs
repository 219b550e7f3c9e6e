//! 凭证 and 分录. How a journal is booked: by an event of the entry table, as a roster, as a payment, or as the reversal
//! of an earlier one.
//!
//! The invariant: a journal is written whole, once, by one call, on the open business date, and never changes.

use anju_domain::calendar::Month;
use anju_domain::money::Fen;
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    AccountId, BusinessDate, Centre, EntryTable, Error, Event, JournalId, Part, Result, Role,
    command,
};

/// Who books what, when and why: the same for every way of booking.
#[derive(Debug, Clone)]
pub struct Header {
    /// The books.
    pub centre: Centre,
    /// The business date, read with [`crate::day::open_day`]; if it is not open any more nothing is booked.
    pub day: BusinessDate,
    /// The journal's number, from [`crate::Ids`].
    pub journal_id: JournalId,
    /// 会计事件.
    pub event: Event,
    /// The case or remittance to which it belongs.
    pub case_id: Option<i64>,
    /// 制单: who made it.
    pub maker_id: i64,
    /// 复核: who checked it; never the maker.
    pub checker_id: Option<i64>,
    /// The policy version that decided it; 0 for none.
    pub rule_id: i32,
    /// 归属机构: the branch that keeps the account.
    pub branch_id: i16,
    /// The month of a contribution.
    pub month: Option<Month>,
    /// The instant, from the clock.
    pub made_at: DateTime<Utc>,
}

/// 分录. A line: `amount` is + for debit and − for credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// The account; its subject is the line's.
    pub account: AccountId,
    /// What it is on a person's account.
    pub part: Part,
    /// Signed, never zero.
    pub amount: Fen,
    /// 起息日: from this day on it counts for interest.
    pub value_date: NaiveDate,
    /// 红字.
    pub red: bool,
}

/// Whether a booking may take what is frozen or reserved on an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Only what is available.
    Available,
    /// Frozen and reserved money too, down to a balance of zero: a court's deduction, a correction.
    FrozenToo,
}

/// An event to be booked by the entry table.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// With the event the key that is used once: a withdrawal's id, a bank's serial number.
    pub business_key: &'a str,
    /// 起息日 of all lines.
    pub value_date: NaiveDate,
    /// Whose accounts.
    pub accounts: &'a [(Role, AccountId)],
    /// Amounts by the names of the entry table; most events have one, `amount`.
    pub amounts: &'a [(&'a str, Fen)],
}

/// A journal's lines as the database takes them, and what makes the journal happen once.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// Of the event and its business key.
    pub key: Uuid,
    /// Of the lines.
    pub digest: Uuid,
    /// Each line's account.
    pub accounts: Vec<i64>,
    /// What each line is on a person's account.
    pub parts: Vec<i16>,
    /// Fen, + for debit.
    pub amounts: Vec<i64>,
    /// 起息日.
    pub value_dates: Vec<NaiveDate>,
    /// 红字.
    pub red: Vec<bool>,
}

impl Drawn {
    /// An event by the entry table, for a statement that books it together with other things.
    ///
    /// # Errors
    /// An event that the table does not know, a role or an amount that it lacks.
    pub fn by_table(table: &EntryTable, event: Event, entry: &Entry<'_>) -> Result<Self> {
        let lines = table.lines(event, entry.value_date, entry.accounts, entry.amounts)?;
        Self::of(event, entry.business_key, &lines)
    }

    fn of(event: Event, business_key: &str, lines: &[Line]) -> Result<Self> {
        if lines.iter().map(|line| line.amount).sum::<Fen>() != Fen::ZERO {
            return Err(Error::Malformed(format!("{event} does not sum to zero")));
        }
        let content: String = lines
            .iter()
            .map(|l| {
                format!(
                    "{}:{}:{}:{};",
                    l.account.0,
                    l.amount.fen(),
                    l.part as i16,
                    l.value_date
                )
            })
            .collect();
        Ok(Self {
            key: command::event_key(event, business_key),
            digest: command::digest(content.as_bytes()),
            accounts: lines.iter().map(|line| line.account.0).collect(),
            parts: lines.iter().map(|line| line.part as i16).collect(),
            amounts: lines.iter().map(|line| line.amount.fen()).collect(),
            value_dates: lines.iter().map(|line| line.value_date).collect(),
            red: lines.iter().map(|line| line.red).collect(),
        })
    }
}

/// Books an event. The same event, key and lines again: nothing is booked and the first journal's number comes back.
///
/// # Errors
/// [`Error::RepeatedKey`] when the key has another content, and whatever [`post_lines`] refuses.
pub async fn post(
    conn: &mut PgConnection,
    table: &EntryTable,
    header: &Header,
    entry: &Entry<'_>,
) -> Result<JournalId> {
    let lines = table.lines(
        header.event,
        entry.value_date,
        entry.accounts,
        entry.amounts,
    )?;
    let reach = if table.takes_frozen(header.event)? {
        Reach::FrozenToo
    } else {
        Reach::Available
    };
    post_lines(conn, header, entry.business_key, &lines, reach).await
}

/// Books lines that the caller made itself: several persons, several value dates, a manual voucher.
///
/// # Errors
/// [`Error::Malformed`] when they do not sum to zero, [`Error::DayNotOpen`], [`Error::NoAccount`],
/// [`Error::NotAvailable`], [`Error::RepeatedKey`].
pub async fn post_lines(
    conn: &mut PgConnection,
    header: &Header,
    business_key: &str,
    lines: &[Line],
    reach: Reach,
) -> Result<JournalId> {
    let drawn = Drawn::of(header.event, business_key, lines)?;
    if let Some(first) = command::look_up(conn, header.centre, drawn.key).await? {
        return if first.digest == drawn.digest {
            Ok(JournalId(first.ref_id))
        } else {
            Err(Error::RepeatedKey)
        };
    }
    let booked: i64 = sqlx::query_scalar(
        "SELECT ledger_post($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, NULL, $15, $16, $17, $18, $19)",
    )
    .bind(header.centre.0)
    .bind(header.day.date())
    .bind(header.journal_id.0)
    .bind(header.event.0)
    .bind(drawn.key)
    .bind(drawn.digest)
    .bind(header.case_id)
    .bind(header.maker_id)
    .bind(header.checker_id)
    .bind(header.rule_id)
    .bind(header.branch_id)
    .bind(month_code(header.month))
    .bind(header.made_at)
    .bind(reach == Reach::FrozenToo)
    .bind(&drawn.accounts)
    .bind(&drawn.parts)
    .bind(&drawn.amounts)
    .bind(&drawn.value_dates)
    .bind(&drawn.red)
    .fetch_one(conn)
    .await?;
    Ok(JournalId(booked))
}

/// One person's line of a roster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AllocationLine {
    /// The person's account, open and not sealed.
    pub account: AccountId,
    /// 单位部分, or what [`Allocation::parts`] says.
    pub employer: Fen,
    /// 个人部分.
    pub employee: Fen,
}

/// 汇缴分配. A roster to be credited from an employer's suspense account.
#[derive(Debug, Clone)]
pub struct Allocation<'a> {
    /// The key that is used once with the event: the remittance.
    pub business_key: &'a str,
    /// 起息日.
    pub value_date: NaiveDate,
    /// 暂存款 account of the employer.
    pub suspense: AccountId,
    /// Each account once.
    pub lines: &'a [AllocationLine],
    /// What the two amounts of a line are; employer's and employee's part but for a subsidy.
    pub parts: (Part, Part),
}

/// Credits a roster in one journal: all lines or none. Returns the number of lines.
///
/// # Errors
/// [`Error::Allocation`] when an account is unknown, named twice, sealed or closed; [`Error::NotAvailable`] when the
/// suspense account holds too little; [`Error::DayNotOpen`]; [`Error::RepeatedKey`].
pub async fn allocate(
    conn: &mut PgConnection,
    header: &Header,
    allocation: &Allocation<'_>,
) -> Result<i32> {
    let lines = allocation.lines;
    let accounts: Vec<i64> = lines.iter().map(|line| line.account.0).collect();
    let employer: Vec<i64> = lines.iter().map(|line| line.employer.fen()).collect();
    let employee: Vec<i64> = lines.iter().map(|line| line.employee.fen()).collect();
    let content: Vec<u8> = [&accounts, &employer, &employee]
        .into_iter()
        .flatten()
        .flat_map(|value| value.to_be_bytes())
        .collect();
    Ok(sqlx::query_scalar(
        "SELECT ledger_allocate($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)",
    )
    .bind(header.centre.0)
    .bind(header.day.date())
    .bind(header.journal_id.0)
    .bind(header.event.0)
    .bind(command::event_key(header.event, allocation.business_key))
    .bind(command::digest(&content))
    .bind(header.case_id)
    .bind(header.maker_id)
    .bind(header.checker_id)
    .bind(header.rule_id)
    .bind(header.branch_id)
    .bind(month_code(header.month))
    .bind(header.made_at)
    .bind(allocation.value_date)
    .bind(allocation.suspense.0)
    .bind(accounts)
    .bind(employer)
    .bind(employee)
    .bind(allocation.parts.0 as i16)
    .bind(allocation.parts.1 as i16)
    .fetch_one(conn)
    .await?)
}

/// A payment out of a person's account, decided on what was read with `version`.
#[derive(Debug, Clone, Copy)]
pub struct PayOut {
    /// The key that is used once: the request's own, or that of the event and its case.
    pub key: Uuid,
    /// Of the request's content.
    pub digest: Uuid,
    /// From what the key's answer is drawn: the case.
    pub ref_id: i64,
    /// The person's account.
    pub account: AccountId,
    /// [`crate::account::Account::version`] as it was read.
    pub version: i32,
    /// More than zero.
    pub amount: Fen,
    /// 提取待付 21904 or 转移清算 21906.
    pub payable: AccountId,
    /// The reservation that it uses up.
    pub hold: Option<i64>,
}

/// Books E21, E31 or E35. False: the account or the day moved, or it has not so much available; nothing was paid, read
/// and decide again.
///
/// # Errors
/// [`Error::RepeatedKey`], [`Error::NoAccount`] when `payable` is not a dimension.
pub async fn pay_out(conn: &mut PgConnection, header: &Header, payment: &PayOut) -> Result<bool> {
    Ok(sqlx::query_scalar(
        "SELECT ledger_pay_out($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
    )
    .bind(header.centre.0)
    .bind(header.day.date())
    .bind(header.journal_id.0)
    .bind(header.event.0)
    .bind(payment.key)
    .bind(payment.digest)
    .bind(payment.ref_id)
    .bind(header.case_id)
    .bind(header.maker_id)
    .bind(header.checker_id)
    .bind(header.rule_id)
    .bind(header.branch_id)
    .bind(header.made_at)
    .bind(payment.account.0)
    .bind(payment.version)
    .bind(payment.amount.fen())
    .bind(payment.payable.0)
    .bind(payment.hold)
    .fetch_one(conn)
    .await?)
}

/// 冲正. Books a journal again in red with its own value dates and names it; `header.event` is the reversing event, such
/// as E23. The reversal of a closing's interest (E28) needs the account open again. Branch and month are the original's.
///
/// # Errors
/// [`Error::Malformed`] when there is no such journal or it is a reversal itself, [`Error::RepeatedKey`] when it was
/// reversed before, [`Error::NotAvailable`] when its money is no longer there.
pub async fn reverse(
    conn: &mut PgConnection,
    header: &Header,
    business_key: &str,
    original: JournalId,
    original_date: NaiveDate,
) -> Result<JournalId> {
    let booked: i64 = sqlx::query_scalar(
        "SELECT ledger_reverse($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(header.centre.0)
    .bind(header.day.date())
    .bind(header.journal_id.0)
    .bind(header.event.0)
    .bind(command::event_key(header.event, business_key))
    .bind(command::digest(&original.0.to_be_bytes()))
    .bind(header.case_id)
    .bind(header.maker_id)
    .bind(header.checker_id)
    .bind(header.rule_id)
    .bind(header.made_at)
    .bind(original.0)
    .bind(original_date)
    .fetch_one(conn)
    .await?;
    Ok(JournalId(booked))
}

fn month_code(month: Option<Month>) -> Option<i16> {
    month.map(|month| i16::try_from(month.index()).expect("months before the year 2730"))
}
