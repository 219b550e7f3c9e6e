//! The year's interest (年度结息): previewed, proposed by one accountant, approved by another, booked in key ranges while the service stays
//! open. Whoever touches an account in the new year settles it first, so that nothing waits for the approval but the rest.
//!
//! Regulation 条例 art. 21; contribution.md §16. Amounts are fen, products fen-days.

use anju_casework::staff::{Staff, role};
use anju_casework::{Office, Refusal, Result};
use anju_domain::calendar::chinese_day;
use anju_domain::money::Fen;
use anju_domain::subject::Subject;
use anju_ledger::journal::Header;
use anju_ledger::{AccountId, Event, JournalId, bank, day, product};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use sqlx::{Connection, FromRow, PgConnection};

use super::day_close;

/// Accounts with the most interest that a preview names, for the accountant to reckon by hand.
const SAMPLES: i64 = 10;

/// What a settlement would book.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The 1 July that is its value date.
    pub until: NaiveDate,
    /// What 应付利息 211 holds for it already.
    pub accrued: Fen,
    /// By the branch that keeps the accounts.
    pub branches: Vec<BranchFigures>,
    /// The accounts with the most interest.
    pub samples: Vec<Sample>,
    /// Rates inside the year, ascending.
    pub rates: Vec<Rate>,
}

/// A branch's part of a preview.
#[derive(Debug, Clone, FromRow)]
pub struct BranchFigures {
    /// Branch; none for accounts that no living employer keeps.
    pub branch_id: Option<i16>,
    /// Accounts to settle.
    pub accounts: i64,
    /// Their balances.
    pub balance_fen: i64,
    /// Their products, fen-days.
    pub days: i64,
    /// Their interest.
    pub interest_fen: i64,
    /// Of them those whose interest rounds to nothing.
    pub nothing: i64,
    /// Those that would fall below zero: left for a person.
    pub blocked: i64,
}

/// One account of a preview.
#[derive(Debug, Clone, FromRow)]
pub struct Sample {
    /// Account.
    pub account_id: i64,
    /// Product, fen-days.
    pub days: i64,
    /// Interest.
    pub interest_fen: i64,
}

/// A rate from a day on.
#[derive(Debug, Clone, FromRow)]
pub struct Rate {
    /// First day.
    pub from_date: NaiveDate,
    /// 住房公积金, basis points.
    pub bp: i32,
    /// 住房补贴.
    pub subsidy_bp: i32,
}

impl Preview {
    /// Accounts to settle.
    pub fn accounts(&self) -> i64 {
        self.branches.iter().map(|branch| branch.accounts).sum()
    }

    /// Interest of all of them.
    pub fn interest(&self) -> Fen {
        Fen::new(self.branches.iter().map(|branch| branch.interest_fen).sum())
    }
}

/// A settlement as it stands.
#[derive(Debug, Clone, FromRow)]
pub struct Settlement {
    /// The 1 July that is its value date.
    pub until: NaiveDate,
    /// 1 proposed, 2 approved and running, 3 done, 4 sent back.
    pub state: i16,
    /// Accounts as previewed.
    pub accounts: i64,
    /// Interest as previewed; of one that is done, as booked.
    pub interest_fen: i64,
    /// Who proposed; 0 before there was an approval.
    pub maker_id: i64,
    /// When.
    pub made_at: DateTime<Utc>,
    /// Who approved.
    pub checker_id: Option<i64>,
    /// When.
    pub checked_at: Option<DateTime<Utc>>,
    /// When the last range was booked.
    pub done_at: Option<DateTime<Utc>>,
}

/// States of a settlement.
pub mod state {
    /// One person has proposed it.
    pub const PROPOSED: i16 = 1;
    /// Another has approved it: it runs, and goes on after an interruption.
    pub const APPROVED: i16 = 2;
    /// Every account is settled.
    pub const DONE: i16 = 3;
}

/// The first day of the interest year that holds a day.
fn year_of(day: NaiveDate) -> NaiveDate {
    let year = day.year() - i32::from(day.month() < 7);
    NaiveDate::from_ymd_opt(year, 7, 1).expect("1 July is a day of every year")
}

/// The 1 July to which accounts wait to be settled; none where the year is done or the books are younger.
pub async fn due(office: &Office) -> Result<Option<NaiveDate>> {
    let until = year_of(day_close::open_date(office).await?);
    if day_close::first_day(office).await? >= until {
        return Ok(None);
    }
    let done = find(office, until)
        .await?
        .is_some_and(|one| one.state == state::DONE);
    Ok((!done).then_some(until))
}

/// Settlements, the newest first: one a year, so that they come whole.
pub async fn all(office: &Office) -> Result<Vec<Settlement>> {
    Ok(sqlx::query_as(
        "SELECT until, state, accounts, interest_fen, maker_id, made_at, checker_id, checked_at, done_at
           FROM interest_settlement WHERE centre_id = $1 ORDER BY until DESC LIMIT 60",
    )
    .bind(office.centre.id)
    .fetch_all(&office.pool)
    .await?)
}

/// The settlement of a year.
pub async fn find(office: &Office, until: NaiveDate) -> Result<Option<Settlement>> {
    Ok(sqlx::query_as(
        "SELECT until, state, accounts, interest_fen, maker_id, made_at, checker_id, checked_at, done_at
           FROM interest_settlement WHERE centre_id = $1 AND until = $2",
    )
    .bind(office.centre.id)
    .bind(until)
    .fetch_optional(&office.pool)
    .await?)
}

/// Accounts that a running settlement has booked so far.
pub async fn settled_so_far(office: &Office, until: NaiveDate) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "SELECT coalesce(sum(accounts), 0)::bigint FROM batch_range WHERE centre_id = $1 AND batch_id = $2",
    )
    .bind(office.centre.id)
    .bind(batch(until))
    .fetch_one(&office.pool)
    .await?)
}

fn batch(until: NaiveDate) -> i64 {
    i64::from(until.year()) * 10_000 + 701
}

/// What the settlement to a 1 July would book now, or would book then if nothing moved until it. Reads every account.
pub async fn preview(office: &Office, until: NaiveDate) -> Result<Preview> {
    let mut conn = office.pool.acquire().await?;
    let branches = sqlx::query_as(
        "SELECT e.branch_id, count(*) AS accounts, sum(p.balance_fen)::bigint AS balance_fen, sum(p.days)::bigint AS days,
                sum(p.interest_fen)::bigint AS interest_fen, count(*) FILTER (WHERE p.interest_fen = 0) AS nothing,
                count(*) FILTER (WHERE p.blocked) AS blocked
           FROM ledger_settlement_preview($1, $2) p
           LEFT JOIN membership m ON m.centre_id = $1 AND m.account_id = p.account_id AND m.state <> 9
           LEFT JOIN subsidy_member s ON s.centre_id = $1 AND s.account_id = p.account_id
           LEFT JOIN employer e ON e.centre_id = $1 AND e.employer_id = coalesce(m.employer_id, s.employer_id)
          GROUP BY e.branch_id
          ORDER BY e.branch_id",
    )
    .bind(office.centre.id)
    .bind(until)
    .fetch_all(&mut *conn)
    .await?;
    let samples = sqlx::query_as(
        "SELECT account_id, days, interest_fen FROM ledger_settlement_preview($1, $2)
          ORDER BY interest_fen DESC, account_id LIMIT $3",
    )
    .bind(office.centre.id)
    .bind(until)
    .bind(SAMPLES)
    .fetch_all(&mut *conn)
    .await?;
    let rates = sqlx::query_as(
        "SELECT from_date, bp, subsidy_bp FROM interest_rate
          WHERE centre_id = $1 AND from_date < $2
            AND from_date >= coalesce((SELECT max(from_date) FROM interest_rate
                                        WHERE centre_id = $1 AND from_date <= ($2::date - interval '1 year')::date), '-infinity')
          ORDER BY from_date",
    )
    .bind(office.centre.id)
    .bind(until)
    .fetch_all(&mut *conn)
    .await?;
    let open = day::open_day(&mut conn, office.ledger()).await?.date();
    let payable = AccountId::of_subject(Subject::INTEREST_PAYABLE);
    Ok(Preview {
        until,
        accrued: -bank::balance(&mut conn, office.ledger(), payable, open).await?,
        branches,
        samples,
        rates,
    })
}

fn accountant(hand: &Staff) -> Result<()> {
    if hand.is(role::ACCOUNTANT) || hand.is(role::CHIEF_ACCOUNTANT) {
        return Ok(());
    }
    Err(Refusal::new(
        403,
        "E-CLOSE-01",
        "年度结息由会计提出、另一位会计批准，您没有这个岗位，请由会计办理。",
    )
    .into())
}

fn nothing_due() -> Refusal {
    Refusal::new(
        409,
        "E-INT-01",
        "现在没有待办的年度结息：6 月 30 日日结以后才能提出，每年一次。",
    )
}

/// The first hand proposes what the preview shows.
///
/// # Errors
/// `E-CLOSE-01` without the role, `E-INT-01` where nothing is due, `E-INT-02` once it is approved.
pub async fn propose(office: &Office, maker: &Staff) -> Result<Settlement> {
    accountant(maker)?;
    let until = due(office).await?.ok_or_else(nothing_due)?;
    let preview = preview(office, until).await?;
    let proposed = sqlx::query(
        "INSERT INTO interest_settlement (centre_id, until, state, accounts, interest_fen, maker_id, made_at)
         VALUES ($1, $2, 1, $3, $4, $5, $6)
         ON CONFLICT (centre_id, until) DO UPDATE
            SET state = 1, accounts = excluded.accounts, interest_fen = excluded.interest_fen, maker_id = excluded.maker_id,
                made_at = excluded.made_at, checker_id = NULL, checked_at = NULL
          WHERE interest_settlement.state IN (1, 4)",
    )
    .bind(office.centre.id)
    .bind(until)
    .bind(preview.accounts())
    .bind(preview.interest().fen())
    .bind(maker.staff_id)
    .bind(office.now())
    .execute(&office.pool)
    .await?;
    if proposed.rows_affected() == 0 {
        return Err(
            Refusal::new(409, "E-INT-02", "年度结息已经批准，正在入账，不用再操作。").into(),
        );
    }
    require(office, until).await
}

async fn require(office: &Office, until: NaiveDate) -> Result<Settlement> {
    Ok(find(office, until).await?.ok_or_else(nothing_due)?)
}

/// The second hand approves; the run follows ([`run_approved`]).
///
/// # Errors
/// `E-CLOSE-01` without the role, `E-INT-01` where nothing is proposed, `E-CHECK-01` for the proposer, `E-INT-03` where the figures moved
/// since they were proposed.
pub async fn approve(office: &Office, checker: &Staff) -> Result<Settlement> {
    accountant(checker)?;
    let proposed = waiting(office).await?;
    if proposed.maker_id == checker.staff_id {
        return Err(Refusal::new(
            403,
            "E-CHECK-01",
            "您是年度结息的提出人，不能自己批准，请另一位会计批准。",
        )
        .into());
    }
    decide(office, &proposed, checker, state::APPROVED).await
}

/// The second hand sends it back.
///
/// # Errors
/// As [`approve`].
pub async fn send_back(office: &Office, checker: &Staff) -> Result<Settlement> {
    accountant(checker)?;
    let proposed = waiting(office).await?;
    decide(office, &proposed, checker, 4).await
}

async fn waiting(office: &Office) -> Result<Settlement> {
    let until = due(office).await?.ok_or_else(nothing_due)?;
    match find(office, until).await? {
        Some(one) if one.state == state::PROPOSED => Ok(one),
        Some(one) if one.state == state::APPROVED => {
            Err(Refusal::new(409, "E-INT-02", "年度结息已经批准，正在入账，不用再操作。").into())
        }
        _ => Err(Refusal::new(409, "E-INT-03", "年度结息还没有人提出，请先提出。").into()),
    }
}

async fn decide(
    office: &Office,
    proposed: &Settlement,
    checker: &Staff,
    to: i16,
) -> Result<Settlement> {
    let decided = sqlx::query(
        "UPDATE interest_settlement SET state = $4, checker_id = CASE WHEN $4::smallint = 2 THEN $5::bigint END, checked_at = $6
          WHERE centre_id = $1 AND until = $2 AND state = 1 AND made_at = $3",
    )
    .bind(office.centre.id)
    .bind(proposed.until)
    .bind(proposed.made_at)
    .bind(to)
    .bind(checker.staff_id)
    .bind(office.now())
    .execute(&office.pool)
    .await?;
    if decided.rows_affected() == 0 {
        return Err(anju_casework::case::moved_on().into());
    }
    require(office, proposed.until).await
}

/// Any number that nobody else takes as a lock: who books a year's interest holds it.
const YEAR_END: i32 = 0x696e_7400;

/// Books what is approved and not done: at once after the approval, and again by whatever runs by itself after an interruption. A run that
/// is going on, here or on another node, is left alone.
pub async fn run_approved(office: &Office) -> Result<()> {
    let approved: Option<(NaiveDate, i64)> = sqlx::query_as(
        "SELECT until, coalesce(checker_id, 0) FROM interest_settlement WHERE centre_id = $1 AND state = 2 ORDER BY until LIMIT 1",
    )
    .bind(office.centre.id)
    .fetch_optional(&office.pool)
    .await?;
    let Some((until, maker_id)) = approved else {
        return Ok(());
    };
    // A connection that goes with the run, and with it the lock.
    let mut conn = office.pool.acquire().await?.detach();
    let free: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1, $2)")
        .bind(YEAR_END)
        .bind(i32::from(office.centre.id))
        .fetch_one(&mut conn)
        .await?;
    if free {
        run(office, &mut conn, until, maker_id).await?;
    }
    Ok(conn.close().await?)
}

async fn run(
    office: &Office,
    conn: &mut PgConnection,
    until: NaiveDate,
    maker_id: i64,
) -> Result<()> {
    let header = Header {
        centre: office.ledger(),
        day: day::open_day(conn, office.ledger()).await?,
        journal_id: JournalId(office.ids.next().await?),
        event: Event(72),
        case_id: None,
        maker_id,
        checker_id: None,
        rule_id: office.policy().id,
        branch_id: office.centre.head_branch,
        month: None,
        made_at: office.now(),
    };
    let settled = product::settle_year(conn, &office.ids, &header, until).await?;
    sqlx::query(
        "UPDATE interest_settlement
            SET state = 3, done_at = $3,
                interest_fen = (SELECT coalesce(-sum(p.amount_fen), 0)
                                  FROM journal j
                                  JOIN posting p ON p.centre_id = j.centre_id AND p.journal_id = j.journal_id
                                                AND p.business_date = j.business_date
                                 WHERE j.centre_id = $1 AND j.event = 72 AND j.business_date >= $2
                                   AND p.subject = 201 AND p.value_date = $2)
          WHERE centre_id = $1 AND until = $2 AND state = 2",
    )
    .bind(office.centre.id)
    .bind(until)
    .bind(office.now())
    .execute(conn)
    .await?;
    tracing::info!(?settled, %until, "annual interest settled");
    Ok(())
}

/// Books the corrections (E89) that value-dated entries owe for settled years; what would take back more than is there waits for a
/// person. Repeated, it books nothing.
pub async fn correct(office: &Office) -> Result<usize> {
    const PAGE: i64 = 500;
    let mut conn = office.pool.acquire().await?;
    let (mut after, mut booked) = (AccountId(0), 0);
    loop {
        let due = product::corrections_due(&mut conn, office.ledger(), after, PAGE).await?;
        let Some(last) = due.last() else {
            return Ok(booked);
        };
        after = *last;
        for account in due {
            let journal = JournalId(office.ids.next().await?);
            let header = Header {
                centre: office.ledger(),
                day: day::open_day(&mut conn, office.ledger()).await?,
                journal_id: journal,
                event: Event(89),
                case_id: None,
                maker_id: 0,
                checker_id: None,
                rule_id: office.policy().id,
                branch_id: office.centre.head_branch,
                month: None,
                made_at: office.now(),
            };
            match product::correct_interest(&mut conn, &header, &journal.0.to_string(), account)
                .await
            {
                Ok(_) => booked += 1,
                Err(anju_ledger::Error::NotAvailable(_)) => {
                    tracing::warn!(
                        account = account.0,
                        "interest to be taken back is no longer there"
                    );
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// What a day after 30 June must not be closed without.
pub async fn check(office: &Office, open: NaiveDate) -> Result<Option<day_close::Check>> {
    if year_of(open) != open {
        return Ok(None);
    }
    let waits = due(office).await?;
    Ok(Some(day_close::Check {
        name: "年度结息已入账",
        passed: waits.is_none(),
        detail: match waits {
            None => format!("截至{}的利息都已入账", chinese_day(open)),
            Some(_) => "上一结息年度还没有结息，请先到“年度结息”提出并批准".to_owned(),
        },
    }))
}
