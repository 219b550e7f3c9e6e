//! 账户页: the page that is asked for most, read with the session that asks for it. Invariant: session, membership, balance and entries
//! are of one statement and so of one moment, and nothing of them is kept for the next request.

use anju_domain::calendar::Month;
use anju_domain::clock::shanghai_date;
use anju_domain::money::Fen;
use anju_ledger::Event;
use anju_vault::token;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use crate::session::{self, Session};
use crate::{Office, Result};

/// A session and what its person's account says.
#[derive(Debug, Clone)]
pub struct OwnAccount {
    /// Who asks. Of another audience than a person's there is no account.
    pub session: Session,
    /// The account; none where the person has never had one.
    pub account: Option<Held>,
    /// The balance of the housing subsidy account (住房补贴账户); none where there is no live one.
    pub subsidy: Option<Fen>,
}

/// A person's account: the one that lives, else the one that ended last.
#[derive(Debug, Clone)]
pub struct Held {
    /// Ledger account.
    pub account_id: i64,
    /// Name of the employer.
    pub employer_name: String,
    /// See [`crate::membership::state`].
    pub state: i16,
    /// 缴存基数.
    pub base: Fen,
    /// Basis points.
    pub ratio_employer_bp: i32,
    /// Basis points.
    pub ratio_employee_bp: i32,
    /// Account opened.
    pub opened_on: NaiveDate,
    /// Balance.
    pub balance: Fen,
    /// 冻结.
    pub frozen: Fen,
    /// 可用余额: what is neither frozen nor reserved.
    pub available: Fen,
    /// From the day that was asked for until now, oldest first.
    pub entries: Vec<OwnEntry>,
}

/// What one journal did to the account.
#[derive(Debug, Clone, Copy)]
pub struct OwnEntry {
    /// Why.
    pub event: Event,
    /// The month of a contribution.
    pub month: Option<Month>,
    /// 会计日期.
    pub business_date: NaiveDate,
    /// + in, − out.
    pub amount: Fen,
    /// The balance after it.
    pub balance: Fen,
    /// The case or remittance.
    pub case_id: Option<i64>,
}

/// Whose token, and from which day on entries are wanted.
pub(crate) type Asked = ([u8; 32], NaiveDate);

/// The live session of a token with its person's account and the entries from a day on, read together with others at this moment. Its
/// use is noted as that of any session.
///
/// # Errors
/// The database.
pub async fn of_token(
    office: &Office,
    token: &str,
    first_day: NaiveDate,
) -> Result<Option<OwnAccount>> {
    let hash = token::hash(token);
    let asked = (hash, first_day);
    let Some(found) = office.trays.own_accounts.put(office, asked).await? else {
        return Ok(None);
    };
    let lives = session::note_use(office, &hash, &found.session).await?;
    Ok(lives.then_some(found))
}

/// How far the open business day is expected to be ahead of the civil day at most: over a holiday.
const AHEAD: TimeDelta = TimeDelta::days(20);

async fn ask(
    office: &Office,
    asked: &[Asked],
    now: DateTime<Utc>,
    latest: NaiveDate,
) -> sqlx::Result<Vec<PgRow>> {
    sqlx::query(include_str!("sql/own_account.sql"))
        .bind(office.centre.id)
        .bind(asked.iter().map(|(hash, _)| &hash[..]).collect::<Vec<_>>())
        .bind(asked.iter().map(|(_, day)| *day).collect::<Vec<_>>())
        .bind(asked.iter().map(|(_, day)| *day).min())
        .bind(now)
        .bind(latest)
        .fetch_all(&office.pool)
        .await
}

/// The same for those who ask at one moment.
pub(crate) fn of_tokens(
    office: Office,
    asked: Vec<Asked>,
) -> BoxFuture<'static, Result<Vec<Option<OwnAccount>>>> {
    async move {
        let now = office.now();
        let latest = shanghai_date(now) + AHEAD;
        let mut rows = ask(&office, &asked, now, latest).await?;
        if let Some(first) = rows.first() {
            let open: NaiveDate = first.try_get(37)?;
            if open > latest {
                rows = ask(&office, &asked, now, open).await?;
            }
        }
        let mut found = vec![None; asked.len()];
        for row in &rows {
            let place = usize::try_from(row.try_get::<i64, _>(0)? - 1).unwrap_or(usize::MAX);
            if let Some(at) = found.get_mut(place) {
                *at = Some(read(row)?);
            }
        }
        Ok(found)
    }
    .boxed()
}

/// Columns by their place: under load their names would be looked up some hundred thousand times a second.
fn read(row: &PgRow) -> sqlx::Result<OwnAccount> {
    let session = Session {
        session_id: row.try_get(1)?,
        audience: row.try_get(2)?,
        subject_id: row.try_get(3)?,
        employer_id: row.try_get(4)?,
        level: row.try_get(5)?,
        csrf: row.try_get(6)?,
        device: row.try_get(7)?,
        created_at: row.try_get(8)?,
        seen_at: row.try_get(9)?,
        expires_at: row.try_get(10)?,
        face_digest: row.try_get(11)?,
        face_at: row.try_get(12)?,
        sms_digest: row.try_get(13)?,
        sms_at: row.try_get(14)?,
        served_person: row.try_get(15)?,
        served_employer: row.try_get(16)?,
        served_reason: row.try_get(17)?,
        uscc: row.try_get(18)?,
        holder_role: row.try_get(19)?,
        holder_sealed: row.try_get(20)?,
    };
    let subsidy = row.try_get::<Option<i64>, _>(21)?.map(Fen::new);
    let account = match row.try_get::<Option<i64>, _>(22)? {
        Some(account_id) => Some(held(row, account_id)?),
        None => None,
    };
    Ok(OwnAccount {
        session,
        account,
        subsidy,
    })
}

fn held(row: &PgRow, account_id: i64) -> sqlx::Result<Held> {
    let fen = |at: usize| row.try_get(at).map(Fen::new);
    let (balance, frozen, reserved) = (fen(29)?, fen(30)?, fen(31)?);
    Ok(Held {
        account_id,
        employer_name: row.try_get(23)?,
        state: row.try_get(24)?,
        base: fen(25)?,
        ratio_employer_bp: row.try_get(26)?,
        ratio_employee_bp: row.try_get(27)?,
        opened_on: row.try_get(28)?,
        balance,
        frozen,
        available: (balance - frozen - reserved).max(Fen::ZERO),
        entries: entries(row, balance)?,
    })
}

/// The entries, each with the balance after it: the account's balance less all that came later.
fn entries(row: &PgRow, balance: Fen) -> sqlx::Result<Vec<OwnEntry>> {
    let Some(amounts) = row.try_get::<Option<Vec<i64>>, _>(32)? else {
        return Ok(Vec::new());
    };
    let events: Vec<i16> = row.try_get(33)?;
    let months: Vec<Option<i16>> = row.try_get(34)?;
    let dates: Vec<NaiveDate> = row.try_get(35)?;
    let cases: Vec<Option<i64>> = row.try_get(36)?;
    let mut after = balance;
    let mut entries: Vec<OwnEntry> = amounts
        .into_iter()
        .zip(events)
        .zip(months)
        .zip(dates)
        .zip(cases)
        .rev()
        .map(|((((fen, event), month), business_date), case_id)| {
            let amount = Fen::new(fen);
            let balance = after;
            after -= amount;
            OwnEntry {
                event: Event(event),
                month: month.map(|index| Month::from_index(i32::from(index))),
                business_date,
                amount,
                balance,
                case_id,
            }
        })
        .collect();
    entries.reverse();
    Ok(entries)
}
