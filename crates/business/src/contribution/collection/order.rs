//! Orders to collect (收款指令): made for all lists of a day at once, in files of one bank each, and sent after the commit.

use std::collections::BTreeMap;

use anju_casework::person::{purpose, text};
use anju_casework::{Actor, Office, Result, case, outbox};
use anju_vault::NumberKind;
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};
use sqlx::{FromRow, PgConnection};

use crate::policy::Rules;

/// States of an order.
pub mod state {
    /// 待发送.
    pub const CREATED: i16 = 1;
    /// 已发送.
    pub const SENT: i16 = 2;
    /// 成功.
    pub const SUCCESS: i16 = 3;
    /// 失败.
    pub const FAILED: i16 = 4;
    /// 结果未知.
    pub const UNKNOWN: i16 = 5;
}

/// The end-to-end id of an order: its number, by which the bank debits once for ever.
pub fn end_to_end_id(office: &Office, order_id: i64) -> String {
    office.numbers.encode(NumberKind::Debit, order_id)
}

/// The order of an end-to-end id, if it is one of ours.
pub fn of_end_to_end_id(office: &Office, id: &str) -> Option<i64> {
    office.numbers.decode(NumberKind::Debit, id)
}

/// A list whose day has come.
#[derive(FromRow)]
struct Due {
    remittance_id: i64,
    mandate_id: i64,
    bank: String,
    amount_fen: i64,
    tries: i16,
}

/// Lists that one transaction turns into orders.
const ROUND: i64 = 1_000;

/// Makes the orders of every list whose day has come; each with its file in the outbox. Returns how many.
pub async fn build(office: &Office) -> Result<usize> {
    let mut built = 0;
    loop {
        let mut tx = office.pool.begin().await?;
        let due: Vec<Due> = sqlx::query_as(
            "SELECT r.remittance_id, m.mandate_id, m.bank, r.amount_fen - r.received_fen AS amount_fen, r.collect_tries AS tries
               FROM remittance r
               JOIN debit_mandate m ON m.centre_id = r.centre_id AND m.mandate_id = r.mandate_id AND m.state = 2
              WHERE r.centre_id = $1 AND r.collect_on <= $2 AND r.state = 1 AND NOT r.collecting
              ORDER BY r.collect_on, r.remittance_id
              LIMIT $3
                FOR NO KEY UPDATE OF r SKIP LOCKED",
        )
        .bind(office.centre.id)
        .bind(office.today())
        .bind(ROUND)
        .fetch_all(&mut *tx)
        .await?;
        if due.is_empty() {
            return Ok(built);
        }
        enqueue_due(office, &mut tx, &due).await?;
        tx.commit().await?;
        office.wake.notify_waiters();
        built += due.len();
    }
}

/// Makes the order of one list at once, in the transaction that registers it.
pub async fn enqueue(
    office: &Office,
    tx: &mut PgConnection,
    remittance_id: i64,
    mandate_id: i64,
    bank: &str,
    amount_fen: i64,
) -> Result<()> {
    let due = Due {
        remittance_id,
        mandate_id,
        bank: bank.to_owned(),
        amount_fen,
        tries: 0,
    };
    enqueue_due(office, tx, &[due]).await
}

async fn enqueue_due(office: &Office, tx: &mut PgConnection, due: &[Due]) -> Result<()> {
    let size = usize::try_from(Rules::on(office, office.today()).int("debit_file_orders")?)
        .unwrap_or(1)
        .clamp(1, 10_000);
    let mut banks: BTreeMap<&str, Vec<&Due>> = BTreeMap::new();
    for one in due {
        banks.entry(&one.bank).or_default().push(one);
    }
    let files: Vec<(&str, &[&Due])> = banks
        .iter()
        .flat_map(|(bank, lists)| lists.chunks(size).map(move |chunk| (*bank, chunk)))
        .collect();
    let now = office.now();
    let mut ids = office.ids.take(files.len() + due.len()).await?.into_iter();
    let mut fresh = || ids.next().expect("as many identifiers as were taken");
    let mut told: Vec<(i64, Value)> = Vec::with_capacity(due.len());
    for (bank, lists) in files {
        let file_id = fresh();
        let orders: Vec<i64> = lists.iter().map(|_| fresh()).collect();
        let column =
            |value: fn(&Due) -> i64| lists.iter().map(|one| value(one)).collect::<Vec<_>>();
        let amounts = column(|one| one.amount_fen);
        sqlx::query(
            "WITH file AS (
                 INSERT INTO debit_file (centre_id, file_id, bank, collect_on, orders, total_fen, made_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7))
             INSERT INTO debit_order (centre_id, order_id, file_id, mandate_id, remittance_id, amount_fen, try, state, made_at)
             SELECT $1, o.order_id, $2, o.mandate_id, o.remittance_id, o.amount_fen, o.try, 1, $7
               FROM unnest($8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::smallint[])
                    AS o (order_id, mandate_id, remittance_id, amount_fen, try)",
        )
        .bind(office.centre.id)
        .bind(file_id)
        .bind(bank)
        .bind(office.today())
        .bind(i32::try_from(lists.len()).unwrap_or(i32::MAX))
        .bind(amounts.iter().sum::<i64>())
        .bind(now)
        .bind(&orders)
        .bind(column(|one| one.mandate_id))
        .bind(column(|one| one.remittance_id))
        .bind(&amounts)
        .bind(lists.iter().map(|one| one.tries + 1).collect::<Vec<_>>())
        .execute(&mut *tx)
        .await?;
        outbox::enqueue(
            office,
            tx,
            outbox::kind::COLLECTION,
            None,
            json!({ "file": file_id }),
            now,
        )
        .await?;
        told.extend(lists.iter().zip(&orders).map(|(one, order)| {
            let detail = json!({
                "order": end_to_end_id(office, *order), "try": one.tries + 1, "amount_fen": one.amount_fen,
            });
            (one.remittance_id, detail)
        }));
    }
    sqlx::query(
        "UPDATE remittance SET collecting = true, collect_on = NULL, collect_tries = collect_tries + 1
          WHERE centre_id = $1 AND remittance_id = ANY ($2)",
    )
    .bind(office.centre.id)
    .bind(due.iter().map(|one| one.remittance_id).collect::<Vec<_>>())
    .execute(&mut *tx)
    .await?;
    case::add_events(office, tx, Actor::System, &["collecting"], &told).await
}

/// 批量收款文件, as it is sent.
pub struct File {
    /// Identifier.
    pub file_id: i64,
    /// Its number at the bank.
    pub message_id: String,
    /// Bank.
    pub bank: String,
    /// Day of collection.
    pub collect_on: NaiveDate,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// Those whose result is not known yet.
    pub orders: Vec<ToSend>,
}

/// One order of a file.
pub struct ToSend {
    /// Identifier.
    pub order_id: i64,
    /// Its number at the bank.
    pub end_to_end_id: String,
    /// Fen.
    pub amount_fen: i64,
    /// Number of the contract.
    pub mandate: String,
    /// When it was signed.
    pub signed_on: NaiveDate,
    /// Account that is debited.
    pub account_no: String,
    /// Its holder.
    pub holder: String,
    /// The list's pay code.
    pub reference: String,
}

#[derive(FromRow)]
struct OrderRow {
    order_id: i64,
    amount_fen: i64,
    mandate_id: i64,
    signed_on: NaiveDate,
    account_sealed: Vec<u8>,
    holder_sealed: Vec<u8>,
    reference: String,
}

/// A file with its orders that have no result yet; none where there is nothing left to say to the bank.
pub async fn file(office: &Office, file_id: i64) -> Result<Option<File>> {
    let head: Option<(String, NaiveDate, DateTime<Utc>)> = sqlx::query_as(
        "SELECT bank, collect_on, made_at FROM debit_file WHERE centre_id = $1 AND file_id = $2",
    )
    .bind(office.centre.id)
    .bind(file_id)
    .fetch_optional(&office.pool)
    .await?;
    let Some((bank, collect_on, made_at)) = head else {
        return Ok(None);
    };
    let rows: Vec<OrderRow> = sqlx::query_as(
        "SELECT o.order_id, o.amount_fen, o.mandate_id, coalesce(m.signed_on, o.made_at::date) AS signed_on, m.account_sealed,
                m.holder_sealed, r.reference
           FROM debit_order o
           JOIN debit_mandate m ON m.centre_id = o.centre_id AND m.mandate_id = o.mandate_id
           JOIN remittance r ON r.centre_id = o.centre_id AND r.remittance_id = o.remittance_id
          WHERE o.centre_id = $1 AND o.file_id = $2 AND o.state IN (1, 2, 5)
          ORDER BY o.order_id LIMIT 10000",
    )
    .bind(office.centre.id)
    .bind(file_id)
    .fetch_all(&office.pool)
    .await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let orders = rows
        .into_iter()
        .map(|row| {
            Ok(ToSend {
                order_id: row.order_id,
                end_to_end_id: end_to_end_id(office, row.order_id),
                amount_fen: row.amount_fen,
                mandate: office.numbers.encode(NumberKind::Mandate, row.mandate_id),
                signed_on: row.signed_on,
                account_no: text(&office.vault, purpose::CARD, &row.account_sealed)?,
                holder: text(&office.vault, purpose::NAME, &row.holder_sealed)?,
                reference: row.reference,
            })
        })
        .collect::<Result<_>>()?;
    Ok(Some(File {
        file_id,
        message_id: end_to_end_id(office, file_id),
        bank,
        collect_on,
        made_at,
        orders,
    }))
}

/// Notes that a file goes out, before it does.
pub async fn sent(office: &Office, file_id: i64) -> Result<()> {
    sqlx::query(
        "UPDATE debit_order SET state = 2, sent_at = $3 WHERE centre_id = $1 AND file_id = $2 AND state = 1",
    )
    .bind(office.centre.id)
    .bind(file_id)
    .bind(office.now())
    .execute(&office.pool)
    .await?;
    Ok(())
}

/// Nobody knows what became of the orders of a file that have no result: they are asked about, and never replaced.
pub async fn unknown(office: &Office, file_id: i64) -> Result<()> {
    sqlx::query(
        "UPDATE debit_order SET state = 5 WHERE centre_id = $1 AND file_id = $2 AND state = 2",
    )
    .bind(office.centre.id)
    .bind(file_id)
    .execute(&office.pool)
    .await?;
    Ok(())
}

/// An order as its payer sees it.
#[derive(Debug, Clone, FromRow)]
pub struct Order {
    /// Identifier.
    pub order_id: i64,
    /// Of which list.
    pub remittance_id: i64,
    /// Fen.
    pub amount_fen: i64,
    /// Which try of its list.
    pub r#try: i16,
    /// See [`state`].
    pub state: i16,
    /// The bank's code.
    pub code: Option<String>,
    /// Its words.
    pub reason: Option<String>,
    /// 银行流水号 of a success, by which its receipt is known.
    pub bank_ref: Option<String>,
    /// Made.
    pub made_at: DateTime<Utc>,
    /// Result known.
    pub ended_at: Option<DateTime<Utc>>,
}

/// Where an order stands, in a word of the doors.
pub struct OrderState;

impl OrderState {
    /// The word.
    pub const fn word(order_state: i16) -> &'static str {
        match order_state {
            state::CREATED => "created",
            state::SENT => "sent",
            state::SUCCESS => "success",
            state::FAILED => "failed",
            _ => "unknown",
        }
    }
}

/// The orders of a list, the first first.
pub async fn of_remittance(office: &Office, remittance_id: i64) -> Result<Vec<Order>> {
    Ok(sqlx::query_as(
        "SELECT order_id, remittance_id, amount_fen, try, state, code, reason, bank_ref, made_at, ended_at
           FROM debit_order WHERE centre_id = $1 AND remittance_id = $2 ORDER BY order_id LIMIT 60",
    )
    .bind(office.centre.id)
    .bind(remittance_id)
    .fetch_all(&office.pool)
    .await?)
}

/// The last order of a list.
pub async fn last_of(office: &Office, remittance_id: i64) -> Result<Option<Order>> {
    Ok(of_remittance(office, remittance_id).await?.pop())
}
