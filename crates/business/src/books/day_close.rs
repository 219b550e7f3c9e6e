//! Closing a business day by two persons (日结): what must be true is checked again at the moment of the close, and a day that does
//! not pass says why.

use anju_ledger::audit;
use anju_ledger::day::{self, BusinessDate, Closing, DayState};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use sqlx::{Connection, FromRow, PgConnection};

use anju_casework::staff::{Staff, role};
use anju_casework::{Office, Refusal, Result};

use super::day_match::{self, BankMatch, Statement};
use super::{branch, day_proof, interest_year};
use crate::contribution::suspense;
use crate::withdrawal::pace;

/// One line of the checklist.
#[derive(Debug, Clone)]
pub struct Check {
    /// What must be true.
    pub name: &'static str,
    /// Whether it is.
    pub passed: bool,
    /// Figures, in words.
    pub detail: String,
}

/// The two hands of a day.
#[derive(Debug, Clone, FromRow)]
pub struct Signature {
    /// Day.
    pub business_date: NaiveDate,
    /// Who proposed.
    pub maker_id: i64,
    /// When.
    pub made_at: DateTime<Utc>,
    /// Who confirmed.
    pub checker_id: Option<i64>,
    /// When.
    pub checked_at: Option<DateTime<Utc>>,
    /// 1 proposed, 2 closed, 3 sent back.
    pub state: i16,
}

/// The open business date.
pub async fn open_date(office: &Office) -> Result<NaiveDate> {
    let mut conn = office.pool.acquire().await?;
    Ok(day::open_day(&mut conn, office.ledger()).await?.date())
}

/// The signature of a day.
pub async fn signature(office: &Office, business_date: NaiveDate) -> Result<Option<Signature>> {
    Ok(sqlx::query_as(
        "SELECT business_date, maker_id, made_at, checker_id, checked_at, state FROM day_signature
          WHERE centre_id = $1 AND business_date = $2",
    )
    .bind(office.centre.id)
    .bind(business_date)
    .fetch_optional(&office.pool)
    .await?)
}

/// Lines of a bank that a check names; the page lists them all.
const SHOWN: usize = 3;

/// Checks by name.
pub const THREE_WAY: &str = "账、银行、办件三方相符";
/// The one that reads all books.
pub const INVARIANTS: &str = "账簿不变式成立";

/// What must be true before the day may be closed: the match of every bank and the invariants of the books. It reads what the day has
/// touched; with the last day of a month all books.
pub async fn checklist(office: &Office, matches: &[BankMatch]) -> Result<Vec<Check>> {
    let mut checks = at_a_glance(office, matches).await?;
    let mut conn = office.pool.acquire().await?;
    let open = day::open_day(&mut conn, office.ledger()).await?.date();
    let breaches = if open.succ_opt().is_none_or(|next| next.day() == 1) {
        audit::audit(&mut conn, office.ledger()).await?
    } else {
        audit::audit_day(&mut conn, office.ledger(), open).await?
    };
    checks.push(Check {
        name: INVARIANTS,
        passed: breaches.is_empty(),
        detail: match breaches.first() {
            None => "余额、积数、借贷都重算过，没有不符".to_owned(),
            Some(breach) => format!(
                "{}：{}（{}），共 {} 处",
                breach.invariant,
                breach.detail,
                breach.place,
                breaches.len()
            ),
        },
    });
    Ok(checks)
}

/// The checks that cost little, for the page that shows how far a day is.
pub async fn at_a_glance(office: &Office, matches: &[BankMatch]) -> Result<Vec<Check>> {
    let mut checks = Vec::new();
    for found in matches {
        let name = office.bank(&found.bank)?.bank_name.clone();
        let open: Vec<String> = found
            .differences
            .0
            .iter()
            .filter(|difference| !difference.explained)
            .map(|difference| {
                format!(
                    "{} {} 元（{}）",
                    difference.kind,
                    anju_domain::money::Fen::new(difference.amount_fen),
                    difference.reference
                )
            })
            .collect();
        checks.push(Check {
            name: THREE_WAY,
            passed: found.agrees(),
            detail: match (found.bank_fen, open.is_empty()) {
                (None, _) => format!("{name}：还没有收到对账单"),
                (Some(_), false) => {
                    let first = open[..open.len().min(SHOWN)].join("；");
                    match open.len() {
                        ..=SHOWN => format!("{name}：{first}"),
                        all => format!("{name}：{first} 等 {all} 笔"),
                    }
                }
                (Some(_), true) if found.agrees() => format!(
                    "{name}：相符，{} 元",
                    anju_domain::money::Fen::new(found.book_fen)
                ),
                (Some(bank), true) => format!(
                    "{name}：账 {} 元，银行 {} 元",
                    anju_domain::money::Fen::new(found.book_fen),
                    anju_domain::money::Fen::new(bank)
                ),
            },
        });
    }
    let waiting = suspense::count_waiting(office).await?;
    checks.push(Check {
        name: "认领都已复核",
        passed: waiting == 0,
        detail: if waiting == 0 {
            "没有待复核的认领".to_owned()
        } else {
            format!("还有 {waiting} 笔认领待复核")
        },
    });
    checks.extend(interest_year::check(office, open_date(office).await?).await?);
    Ok(checks)
}

/// The first hand proposes the close of the open day.
///
/// # Errors
/// `E-CLOSE-01` without the role, `E-CLOSE-04` for a day that has not come, `E-CLOSE-02` with every line that does not pass.
pub async fn propose(
    office: &Office,
    statements: &[Statement],
    maker: &Staff,
) -> Result<NaiveDate> {
    if !maker.is(role::ACCOUNTANT) && !maker.is(role::CHIEF_ACCOUNTANT) {
        return Err(Refusal::new(
            403,
            "E-CLOSE-01",
            "日结由会计提出、另一位会计确认，您没有这个岗位，请由会计办理。",
        )
        .into());
    }
    let open = open_date(office).await?;
    has_come(office, open)?;
    let matches = day_match::match_day(office, open, statements).await?;
    let corrected = interest_year::correct(office).await?;
    if corrected > 0 {
        tracing::info!(corrected, "interest of settled years was corrected");
    }
    passes(&checklist(office, &matches).await?)?;
    sqlx::query(
        "INSERT INTO day_signature (centre_id, business_date, maker_id, made_at, state) VALUES ($1, $2, $3, $4, 1)
         ON CONFLICT (centre_id, business_date) DO UPDATE
            SET maker_id = excluded.maker_id, made_at = excluded.made_at, state = 1, checker_id = NULL, checked_at = NULL
          WHERE day_signature.state <> 2",
    )
    .bind(office.centre.id)
    .bind(open)
    .bind(maker.staff_id)
    .bind(office.now())
    .execute(&office.pool)
    .await?;
    Ok(open)
}

/// Who closes early opens the next day early; a day of the future is not closed.
fn has_come(office: &Office, open: NaiveDate) -> Result<()> {
    if open <= office.today() {
        return Ok(());
    }
    let day = anju_domain::calendar::chinese_day(open);
    Err(Refusal::new(
        409,
        "E-CLOSE-04",
        format!("营业日{day}还没有到，到了那天再日结。"),
    )
    .into())
}

fn passes(checks: &[Check]) -> Result<()> {
    let failed: Vec<&str> = checks
        .iter()
        .filter(|check| !check.passed)
        .map(|check| check.detail.as_str())
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    Err(Refusal::new(
        409,
        "E-CLOSE-02",
        format!("现在不能日结：{}。请处理完再提出。", failed.join("；")),
    )
    .into())
}

/// The second hand confirms: the day is matched once more, marked, sealed, and the next day is open.
///
/// # Errors
/// `E-CLOSE-01` without the role, `E-CLOSE-04` for a day that has not come, `E-CLOSE-03` if nobody proposed, `E-CHECK-01` for the
/// proposer, `E-CLOSE-02` if something does not pass.
pub async fn confirm(
    office: &Office,
    statements: &[Statement],
    checker: &Staff,
) -> Result<NaiveDate> {
    if !checker.is(role::ACCOUNTANT) && !checker.is(role::CHIEF_ACCOUNTANT) {
        return Err(Refusal::new(
            403,
            "E-CLOSE-01",
            "日结由会计提出、另一位会计确认，您没有这个岗位，请由会计办理。",
        )
        .into());
    }
    let open = open_date(office).await?;
    has_come(office, open)?;
    let signed = signature(office, open)
        .await?
        .filter(|signed| signed.state == 1)
        .ok_or_else(|| {
            Refusal::new(
                409,
                "E-CLOSE-03",
                "今天的日结还没有人提出，请先由一位会计提出。",
            )
        })?;
    if signed.maker_id == checker.staff_id {
        return Err(Refusal::new(
            403,
            "E-CHECK-01",
            "您是日结的提出人，不能自己确认，请另一位会计确认。",
        )
        .into());
    }
    let matches = day_match::match_day(office, open, statements).await?;
    passes(&checklist(office, &matches).await?)?;
    seal(office, open, signed.maker_id, checker.staff_id).await?;
    Ok(open)
}

/// Marks, waits, totals and seals; an interrupted close is finished by calling it again.
async fn seal(
    office: &Office,
    business_date: NaiveDate,
    maker_id: i64,
    checker_id: i64,
) -> Result<()> {
    let mut conn = closing_line(office).await?;
    sqlx::query("SELECT pg_advisory_lock($1, $2)")
        .bind(DAY_END)
        .bind(i32::from(office.centre.id))
        .execute(&mut conn)
        .await?;
    let day_closed = BusinessDate::of(business_date);
    let closing = Closing {
        centre: office.ledger(),
        day: day_closed,
        next: day_closed.next(),
        maker_id,
        checker_id,
        at: office.now(),
    };
    day::mark(&mut conn, &closing).await?;
    end(office, &mut conn, day_closed).await?;
    sign(office, business_date, checker_id).await?;
    Ok(conn.close().await?)
}

/// What comes after the mark: the writers end, balances follow who keeps their owners, the day is totalled and sealed. Where it is given
/// up between, the next call finds nothing left to move and goes on.
async fn end(office: &Office, conn: &mut PgConnection, day: BusinessDate) -> Result<()> {
    day::wait_for_writers(conn).await?;
    let moved = branch::follow(office, conn, day).await?;
    if moved > 0 {
        tracing::info!(moved, "balances followed their owners to other branches");
    }
    day::seal(conn, office.ledger(), day, office.now()).await?;
    Ok(())
}

/// Any number that nobody else takes as a lock: who ends a day holds it, so that no other node finishes that day meanwhile.
const DAY_END: i32 = 0x6461_7965;

/// A connection that goes with the close, and with it the lock: one of the pool would be lent on with the lock still held where a
/// close is given up.
async fn closing_line(office: &Office) -> Result<PgConnection> {
    Ok(office.pool.acquire().await?.detach())
}

async fn sign(office: &Office, business_date: NaiveDate, checker_id: i64) -> Result<()> {
    let mut tx = office.pool.begin().await?;
    let signed = sqlx::query(
        "UPDATE day_signature SET state = 2, checker_id = $3, checked_at = $4
          WHERE centre_id = $1 AND business_date = $2 AND state = 1",
    )
    .bind(office.centre.id)
    .bind(business_date)
    .bind(checker_id)
    .bind(office.now())
    .execute(&mut *tx)
    .await?;
    if signed.rows_affected() == 0 {
        return Ok(()); // signed before, and its leaf written with it
    }
    day_proof::add_leaf(office, &mut tx, business_date).await?;
    pace::keep(office, &mut tx, business_date).await?;
    tx.commit().await?;
    tracing::info!(%business_date, "day sealed");
    Ok(())
}

/// Finishes closes that were interrupted between the mark and the signature, because the process died or the database did. A close
/// that is going on, here or on another node, is left alone.
pub async fn finish_interrupted(office: &Office) -> Result<()> {
    let mut conn = closing_line(office).await?;
    let free: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1, $2)")
        .bind(DAY_END)
        .bind(i32::from(office.centre.id))
        .fetch_one(&mut conn)
        .await?;
    if !free {
        return Ok(conn.close().await?);
    }
    for marked in day::unsealed(&mut conn, office.ledger()).await? {
        end(office, &mut conn, marked).await?;
    }
    let unsigned: Vec<(NaiveDate, i64)> = sqlx::query_as(
        "SELECT business_date, c.checker_id FROM day_close c JOIN day_signature s USING (centre_id, business_date)
          WHERE centre_id = $1 AND c.state = 2 AND s.state = 1 ORDER BY business_date",
    )
    .bind(office.centre.id)
    .fetch_all(&office.pool)
    .await?;
    for (sealed, checker_id) in unsigned {
        tracing::info!(%sealed, "an interrupted close is finished");
        sign(office, sealed, checker_id).await?;
    }
    Ok(conn.close().await?)
}

/// The first business day of the books.
pub async fn first_day(office: &Office) -> Result<NaiveDate> {
    let first: Option<NaiveDate> =
        sqlx::query_scalar("SELECT min(business_date) FROM day_close WHERE centre_id = $1")
            .bind(office.centre.id)
            .fetch_one(&office.pool)
            .await?;
    match first {
        Some(first) => Ok(first),
        None => open_date(office).await,
    }
}

/// How far a day has come.
pub async fn state(office: &Office, business_date: NaiveDate) -> Result<DayState> {
    let mut conn = office.pool.acquire().await?;
    Ok(day::state(&mut conn, office.ledger(), business_date).await?)
}
