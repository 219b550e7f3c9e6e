//! The daily three-way match (每日三方对账): our books, the bank's statement, the cases' payments, for each bank, line by line.
//! A match is recorded, never inferred later.

use std::collections::{BTreeMap, BTreeSet};

use anju_ledger::AccountId;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use sqlx::types::Json;

use anju_casework::{Office, Result};

/// One line of a bank's statement.
#[derive(Debug, Clone)]
pub struct StatementLine {
    /// The bank's serial.
    pub serial: String,
    /// Booked on.
    pub book_date: NaiveDate,
    /// Fen, + in, − out.
    pub amount_fen: i64,
    /// Our identifier, where it is ours.
    pub end_to_end_id: Option<String>,
    /// What the bank prints.
    pub text: String,
}

/// A bank's statements of the days to be matched.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Bank.
    pub bank: String,
    /// Closing balance of the last day, fen.
    pub closing_fen: i64,
    /// Lines.
    pub lines: Vec<StatementLine>,
}

/// A line that stands on one side only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// 银收企未收, 银付企未付, 企收银未收, 企付银未付, 金额不符.
    pub kind: String,
    /// Serial or our identifier.
    pub reference: String,
    /// Fen, signed.
    pub amount_fen: i64,
    /// Date.
    pub date: NaiveDate,
    /// What it is.
    pub text: String,
    /// Whether it explains itself: a payment on its way. What does not stops the close.
    pub explained: bool,
}

/// The match of one bank on one day.
#[derive(Debug, Clone, FromRow)]
pub struct BankMatch {
    /// Bank.
    pub bank: String,
    /// Book balance, fen.
    pub book_fen: i64,
    /// The bank's balance; none without a statement.
    pub bank_fen: Option<i64>,
    /// Booked by the bank, not by us yet.
    pub in_transit_in_fen: i64,
    /// Booked by us, not by the bank yet.
    pub in_transit_out_fen: i64,
    /// Every line that stands on one side only.
    pub differences: Json<Vec<Difference>>,
    /// When.
    pub matched_at: DateTime<Utc>,
}

impl BankMatch {
    /// Whether both balances agree after the listed lines, and each of these explains itself.
    pub fn agrees(&self) -> bool {
        self.bank_fen.is_some_and(|bank| {
            self.book_fen + self.in_transit_in_fen == bank + self.in_transit_out_fen
        }) && self
            .differences
            .0
            .iter()
            .all(|difference| difference.explained)
    }
}

#[derive(FromRow)]
struct Taken {
    serial: String,
    amount_fen: i64,
    book_date: NaiveDate,
}

/// Matches a business day and records it. Statements begin on the day after the last matched one.
pub async fn match_day(
    office: &Office,
    day: NaiveDate,
    statements: &[Statement],
) -> Result<Vec<BankMatch>> {
    let by_bank: BTreeMap<&str, &Statement> = statements
        .iter()
        .map(|statement| (statement.bank.as_str(), statement))
        .collect();
    let mut matches = Vec::with_capacity(office.banks.len());
    for account in &office.banks {
        let mut conn = office.pool.acquire().await?;
        // Bookings go on after the day is marked; the bank's balance does too. Both are read to their last line.
        let last = anju_ledger::day::open_day(&mut conn, office.ledger())
            .await?
            .date();
        let book = anju_ledger::bank::balance(
            &mut conn,
            office.ledger(),
            AccountId(account.deposit_id),
            last,
        )
        .await?;
        let statement = by_bank.get(account.bank.as_str()).copied();
        let differences = match statement {
            Some(statement) => differences(office, &account.bank, statement).await?,
            None => Vec::new(),
        };
        let sum = |wanted: fn(&Difference) -> bool| {
            differences
                .iter()
                .filter(|d| wanted(d))
                .map(|d| d.amount_fen)
                .sum::<i64>()
        };
        let found = BankMatch {
            bank: account.bank.clone(),
            book_fen: book.fen(),
            bank_fen: statement.map(|statement| statement.closing_fen),
            in_transit_in_fen: sum(|d| d.kind.starts_with('银')),
            in_transit_out_fen: sum(|d| d.kind.starts_with('企')),
            differences: Json(differences),
            matched_at: office.now(),
        };
        sqlx::query(
            "INSERT INTO day_match (centre_id, business_date, bank, book_fen, bank_fen, in_transit_in_fen, in_transit_out_fen,
                                    differences, matched_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (centre_id, business_date, bank) DO UPDATE
                SET book_fen = excluded.book_fen, bank_fen = excluded.bank_fen, in_transit_in_fen = excluded.in_transit_in_fen,
                    in_transit_out_fen = excluded.in_transit_out_fen, differences = excluded.differences,
                    matched_at = excluded.matched_at",
        )
        .bind(office.centre.id)
        .bind(day)
        .bind(&found.bank)
        .bind(found.book_fen)
        .bind(found.bank_fen)
        .bind(found.in_transit_in_fen)
        .bind(found.in_transit_out_fen)
        .bind(&found.differences)
        .bind(found.matched_at)
        .execute(&mut *conn)
        .await?;
        matches.push(found);
    }
    Ok(matches)
}

async fn differences(
    office: &Office,
    bank: &str,
    statement: &Statement,
) -> Result<Vec<Difference>> {
    let Some(first) = statement.lines.iter().map(|line| line.book_date).min() else {
        return Ok(Vec::new());
    };
    let taken: Vec<Taken> = sqlx::query_as(
        "SELECT serial, amount_fen, book_date FROM inbox WHERE centre_id = $1 AND origin = $2 AND book_date >= $3",
    )
    .bind(office.centre.id)
    .bind(bank)
    .bind(first)
    .fetch_all(&office.pool)
    .await?;
    let booked: BTreeMap<&str, &Taken> = taken
        .iter()
        .map(|taken| (taken.serial.as_str(), taken))
        .collect();
    let mut found = Vec::new();
    for line in &statement.lines {
        let (kind, amount_fen, explained) = match booked.get(line.serial.as_str()) {
            Some(taken) if taken.amount_fen == line.amount_fen => continue,
            Some(taken) => ("金额不符", line.amount_fen - taken.amount_fen, false),
            None if line.amount_fen > 0 => ("银收企未收", line.amount_fen, false),
            None => ("银付企未付", line.amount_fen, line.end_to_end_id.is_some()),
        };
        found.push(Difference {
            kind: kind.to_owned(),
            reference: line.serial.clone(),
            amount_fen,
            date: line.book_date,
            text: line.text.clone(),
            explained,
        });
    }
    let at_bank: BTreeSet<&str> = statement
        .lines
        .iter()
        .map(|line| line.serial.as_str())
        .collect();
    found.extend(
        taken
            .iter()
            .filter(|taken| !at_bank.contains(taken.serial.as_str()))
            .map(|taken| Difference {
                kind: if taken.amount_fen > 0 {
                    "企收银未收"
                } else {
                    "企付银未付"
                }
                .to_owned(),
                reference: taken.serial.clone(),
                amount_fen: taken.amount_fen,
                date: taken.book_date,
                text: "账上已记，银行对账单没有".to_owned(),
                explained: false,
            }),
    );
    Ok(found)
}

/// The recorded match of a day.
pub async fn of_day(office: &Office, day: NaiveDate) -> Result<Vec<BankMatch>> {
    Ok(sqlx::query_as(
        "SELECT bank, book_fen, bank_fen, in_transit_in_fen, in_transit_out_fen, differences, matched_at
           FROM day_match WHERE centre_id = $1 AND business_date = $2 ORDER BY bank",
    )
    .bind(office.centre.id)
    .bind(day)
    .fetch_all(&office.pool)
    .await?)
}
