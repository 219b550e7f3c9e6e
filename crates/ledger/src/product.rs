//! 积数 and interest. Rates, the yearly settlement, a closing's interest, corrections.
//!
//! The invariant: an account's product and accrual equal what its postings give day by day, so that interest never scans
//! postings; it is rounded once an account and settlement (money_rules.md 6.4).

use anju_domain::money::Fen;
use anju_domain::subject::Subject;
use chrono::NaiveDate;
use sqlx::PgConnection;

use crate::journal::{Header, Line, Reach, post_lines};
use crate::{AccountId, Centre, Event, Ids, JournalId, Part, Result, bank, command};

/// Accounts of one range, which is one transaction.
const RANGE: i64 = 100_000;

/// E71: the year's interest beyond what was accrued.
const TRUE_UP: Event = Event(71);
/// E89: interest for value-dated postings before the last settlement.
const CORRECTION: Event = Event(89);

/// What a yearly settlement came to, this run alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement {
    /// Accounts settled by this run; those touched before had settled themselves.
    pub accounts: i64,
    /// Interest credited by this run.
    pub interest: Fen,
    /// E71: expense beyond the accrued, of all that was credited.
    pub true_up: Fen,
}

/// What accounts earn from a day on, in basis points a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// First day.
    pub from: NaiveDate,
    /// 住房公积金, and who contributes by himself.
    pub fund_bp: i32,
    /// 住房补贴.
    pub subsidy_bp: i32,
}

/// Makes all rates of the policy known. Those that count from the open day on take the place of what was known of that time.
///
/// # Errors
/// [`crate::Error::NoRate`] when days that are already counted would change.
pub async fn set_rates(conn: &mut PgConnection, centre: Centre, rates: &[Rate]) -> Result<()> {
    let from: Vec<NaiveDate> = rates.iter().map(|rate| rate.from).collect();
    let fund: Vec<i32> = rates.iter().map(|rate| rate.fund_bp).collect();
    let subsidy: Vec<i32> = rates.iter().map(|rate| rate.subsidy_bp).collect();
    sqlx::query("SELECT ledger_set_rates($1, $2, $3, $4)")
        .bind(centre.0)
        .bind(from)
        .bind(fund)
        .bind(subsidy)
        .execute(conn)
        .await?;
    Ok(())
}

/// E28: credits a closing account's interest to the day before, value of the closing day. Zero books nothing.
///
/// # Errors
/// [`crate::Error::DayNotOpen`], [`crate::Error::NoRate`].
pub async fn close_interest(
    conn: &mut PgConnection,
    header: &Header,
    account: AccountId,
) -> Result<Fen> {
    let fen: i64 =
        sqlx::query_scalar("SELECT ledger_close_interest($1, $2, $3, $4, $5, $6, $7, $8, $9)")
            .bind(header.centre.0)
            .bind(header.day.date())
            .bind(account.0)
            .bind(header.journal_id.0)
            .bind(header.case_id)
            .bind(header.maker_id)
            .bind(header.rule_id)
            .bind(header.branch_id)
            .bind(header.made_at)
            .fetch_one(conn)
            .await?;
    Ok(Fen::new(fen))
}

/// E72 and E71: settles every account to 30 June and credits the interest with value 1 July (`until`), range by range, each
/// its own transaction, so outside of any. Run when 1 July is open; a run that was killed goes on where it stopped, and one
/// that has ended books nothing when it is repeated. Only the header's maker, branch and instant count.
///
/// # Errors
/// [`crate::Error::DayNotOpen`], [`crate::Error::NoRate`], [`crate::Error::Malformed`] when `until` is not a 1 July that was opened.
pub async fn settle_year(
    conn: &mut PgConnection,
    ids: &Ids,
    header: &Header,
    until: NaiveDate,
) -> Result<Settlement> {
    let centre = header.centre.0;
    let batch: i64 = until
        .format("%Y%m%d")
        .to_string()
        .parse()
        .expect("a date of digits is a number");
    let mut lo: i64 = sqlx::query_scalar(
        "SELECT coalesce(max(hi), 0) FROM batch_range WHERE centre_id = $1 AND batch_id = $2",
    )
    .bind(centre)
    .bind(batch)
    .fetch_one(&mut *conn)
    .await?;
    let (mut accounts, mut interest) = (0, Fen::ZERO);
    loop {
        let hi: Option<i64> = sqlx::query_scalar(
            "SELECT max(account_id)
               FROM (SELECT account_id
                       FROM ledger_account
                      WHERE centre_id = $1
                        AND account_id > $2
                      ORDER BY account_id
                      LIMIT $3) AS range",
        )
        .bind(centre)
        .bind(lo)
        .bind(RANGE)
        .fetch_one(&mut *conn)
        .await?;
        let Some(hi) = hi else { break };
        let (settled, fen): (i32, i64) = sqlx::query_as(
            "SELECT accounts, total_fen FROM ledger_settle_range($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(centre)
        .bind(header.day.date())
        .bind(until)
        .bind(batch)
        .bind(lo)
        .bind(hi)
        .bind(ids.next().await?)
        .bind(header.maker_id)
        .bind(header.branch_id)
        .bind(header.made_at)
        .fetch_one(&mut *conn)
        .await?;
        accounts += i64::from(settled);
        interest += Fen::new(fen);
        lo = hi;
    }
    let true_up = true_up(conn, ids, header).await?;
    Ok(Settlement {
        accounts,
        interest,
        true_up,
    })
}

/// E71: brings 应付利息 211 to zero after the credits; what was not accrued before is expense now.
async fn true_up(conn: &mut PgConnection, ids: &Ids, header: &Header) -> Result<Fen> {
    let payable = AccountId::of_subject(Subject::INTEREST_PAYABLE);
    let amount = -bank::balance(conn, header.centre, payable, header.day.date()).await?;
    if amount.is_zero() {
        return Ok(amount);
    }
    // Accrued too much: the expense is taken back in red.
    let red = amount < Fen::ZERO;
    let value_date = header.day.date();
    let expense = AccountId::of_subject(Subject::FUND_INTEREST_EXPENSE);
    let lines = [(expense, amount), (payable, -amount)].map(|(account, amount)| Line {
        account,
        part: Part::None,
        amount,
        value_date,
        red,
    });
    let journal_id = JournalId(ids.next().await?);
    let header = Header {
        event: TRUE_UP,
        journal_id,
        ..header.clone()
    };
    post_lines(
        conn,
        &header,
        &journal_id.0.to_string(),
        &lines,
        Reach::Available,
    )
    .await?;
    Ok(amount)
}

/// E89: books the interest that value-dated postings owe for the time before the last settlement; red when negative. Zero
/// when nothing was due. `header.event` is set here.
///
/// # Errors
/// [`crate::Error::NotAvailable`] when interest is to be taken back that is no longer there; [`crate::Error::RepeatedKey`].
pub async fn correct_interest(
    conn: &mut PgConnection,
    header: &Header,
    business_key: &str,
    account: AccountId,
) -> Result<Fen> {
    let fen: i64 = sqlx::query_scalar(
        "SELECT ledger_correct_interest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(header.centre.0)
    .bind(header.day.date())
    .bind(header.journal_id.0)
    .bind(command::event_key(CORRECTION, business_key))
    .bind(command::digest(&account.0.to_be_bytes()))
    .bind(header.case_id)
    .bind(header.maker_id)
    .bind(header.checker_id)
    .bind(header.rule_id)
    .bind(header.branch_id)
    .bind(header.made_at)
    .bind(account.0)
    .fetch_one(conn)
    .await?;
    Ok(Fen::new(fen))
}

/// Accounts for which [`correct_interest`] has something to book, in the order of their numbers.
///
/// # Errors
/// When the database fails.
pub async fn corrections_due(
    conn: &mut PgConnection,
    centre: Centre,
    after: AccountId,
    limit: i64,
) -> Result<Vec<AccountId>> {
    let ids: Vec<i64> = sqlx::query_scalar(
        "SELECT DISTINCT account_id
           FROM product_adjustment
          WHERE centre_id = $1
            AND account_id > $2
            AND booked_by IS NULL
          ORDER BY account_id
          LIMIT $3",
    )
    .bind(centre.0)
    .bind(after.0)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(AccountId).collect())
}
