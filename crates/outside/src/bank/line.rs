//! The line to the product: orders in, status out; queries; statements. Signed both ways with the banks' key.

use std::sync::Arc;
use std::time::Duration;

use anju_wire::iso20022::{
    CollectionInitiation, Original, PaymentInitiation, Reason, Status, StatusReport, TransferStatus,
};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use chrono::NaiveDate;
use serde::Deserialize;

use super::door::known_bank;
use super::order::{self, LOST_AFTER_MS, Moment, Placed, Taken};
use super::register::Mode;
use super::{BankCode, tell};
use crate::World;
use crate::control::Problem;

/// Header with the hexadecimal HMAC-SM3 of the body; of path and query where there is no body.
pub const SIGNATURE: &str = "x-signature";

/// A message carries at most this many transfers, and this many bytes.
const MOST_TRANSFERS: usize = 10_000;
const MOST_BYTES: usize = 32 << 20;

/// Routes under `/bank`.
pub fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/bank/{bank}/pain001", post(take_orders))
        .route("/bank/{bank}/pain008", post(take_collections))
        .route("/bank/{bank}/query", post(tell_status))
        .route("/bank/{bank}/statement", get(tell_statement))
        .layer(DefaultBodyLimit::max(MOST_BYTES))
}

async fn take_orders(
    State(world): State<Arc<World>>,
    Path(bank): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let bank = known_bank(&bank)?;
    check_signature(&world, bank, &headers, &body)?;
    let initiation =
        PaymentInitiation::parse(&body).map_err(|fault| Problem::bad_request(fault.to_string()))?;
    let transfers: usize = initiation
        .payments
        .iter()
        .map(|payment| payment.transfers.len())
        .sum();
    if transfers > MOST_TRANSFERS {
        return Err(Problem::bad_request(format!(
            "一个报文最多 {MOST_TRANSFERS} 笔，这个有 {transfers} 笔"
        )));
    }
    let moment = world.moment();
    let mut homes = Vec::new();
    for transfer in initiation
        .payments
        .iter()
        .flat_map(|payment| &payment.transfers)
    {
        homes.push(
            world
                .card_bank(transfer.creditor.number.as_deref().unwrap_or_default())
                .await,
        );
    }
    let placed: Vec<Placed> = initiation
        .payments
        .iter()
        .flat_map(|payment| {
            payment
                .transfers
                .iter()
                .map(|one| Placed::payment(&initiation.message_id, &payment.debtor, one))
        })
        .collect();
    let message = Message {
        id: initiation.message_id,
        original: Original::Payment,
        placed: placed.into_iter().zip(homes).collect(),
    };
    take_all(&world, bank, message, moment).await
}

/// A file of collections (委托收款批量文件).
async fn take_collections(
    State(world): State<Arc<World>>,
    Path(bank): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let bank = known_bank(&bank)?;
    check_signature(&world, bank, &headers, &body)?;
    let initiation = CollectionInitiation::parse(&body)
        .map_err(|fault| Problem::bad_request(fault.to_string()))?;
    let debits = initiation.debits.len();
    if debits > MOST_TRANSFERS {
        return Err(Problem::bad_request(format!(
            "一个报文最多 {MOST_TRANSFERS} 笔，这个有 {debits} 笔"
        )));
    }
    let placed = initiation.debits.iter().map(|debit| {
        let placed = Placed::collection(&initiation.message_id, &initiation.creditor, debit);
        (placed, None)
    });
    let message = Message {
        placed: placed.collect(),
        original: Original::Collection,
        id: initiation.message_id,
    };
    let moment = world.moment();
    take_all(&world, bank, message, moment).await
}

/// A message of orders, each with the bank that keeps the other account where nobody knows it yet.
struct Message {
    id: String,
    original: Original,
    placed: Vec<(Placed, Option<BankCode>)>,
}

/// Takes every order of a message in one change of the books, and answers as the bank's mode has it.
async fn take_all(
    world: &World,
    bank: BankCode,
    message: Message,
    moment: Moment,
) -> Result<Response, Problem> {
    let (transfers, behaviour) = world
        .banks
        .change(|books| {
            let taken = message.placed.iter().map(|(placed, home)| {
                let id = placed.end_to_end_id();
                let taken = order::take(books, bank, placed, *home, moment);
                match (taken, books.order(bank, id)) {
                    (Taken::Kept, Some(order)) => tell::status_of(order),
                    _ => other_content(id.to_owned()),
                }
            });
            let transfers: Vec<TransferStatus> = taken.collect();
            (transfers, books.behaviour(bank).clone())
        })
        .await?;
    let report = StatusReport {
        message_id: answer_id(bank, moment),
        created: moment.at,
        original_message_id: message.id,
        original: message.original,
        group: None,
        group_reason: None,
        transfers,
    };
    world.banks_changed.notify_waiters();
    match behaviour.mode {
        Mode::Timeout | Mode::Unknown => {
            tokio::time::sleep(Duration::from_millis(LOST_AFTER_MS.unsigned_abs())).await;
            Ok(StatusCode::GATEWAY_TIMEOUT.into_response())
        }
        Mode::Late => Ok(signed(world, bank, tell::written(report.to_xml()))),
        Mode::Ok | Mode::Duplicate | Mode::Reject | Mode::ReturnLater => {
            tokio::time::sleep(Duration::from_millis(behaviour.latency_ms.into())).await;
            Ok(signed(world, bank, tell::written(report.to_xml())))
        }
    }
}

/// One order by its own number, or all of a file of collections by the message's.
#[derive(Deserialize)]
#[serde(untagged)]
enum StatusQuery {
    Order { end_to_end_id: String },
    File { message_id: String },
}

/// The truth about one order or one file, whatever the bank's mode; "never received" is said by the reason `NOOR`.
async fn tell_status(
    State(world): State<Arc<World>>,
    Path(bank): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let bank = known_bank(&bank)?;
    check_signature(&world, bank, &headers, &body)?;
    let query: StatusQuery = serde_json::from_slice(&body)
        .map_err(|_| Problem::bad_request("查询应写明 end_to_end_id 或 message_id"))?;
    let (StatusQuery::Order { end_to_end_id: id } | StatusQuery::File { message_id: id }) = &query;
    if id.is_empty()
        || id.chars().count() > 35
        || id.chars().any(|c| c.is_control() || c.is_whitespace())
    {
        return Err(Problem::bad_request("标识应为 1 到 35 个可见字符"));
    }
    let moment = world.moment();
    let report = world
        .banks
        .read(|books| {
            let report = |id: &str, original, transfers| StatusReport {
                message_id: answer_id(bank, moment),
                created: moment.at,
                original_message_id: id.to_owned(),
                original,
                group: None,
                group_reason: None,
                transfers,
            };
            match &query {
                StatusQuery::Order { end_to_end_id: id } => match books.order(bank, id) {
                    Some(order) => {
                        let transfers = vec![tell::status_of(order)];
                        report(&order.message_id, tell::original_of(order), transfers)
                    }
                    None => {
                        let transfers = vec![never_received(id.clone())];
                        report("NOTPROVIDED", Original::Payment, transfers)
                    }
                },
                StatusQuery::File { message_id: id } => match books.collection(bank, id) {
                    Some(orders) => {
                        let transfers = orders.into_iter().map(tell::status_of).collect();
                        report(id, Original::Collection, transfers)
                    }
                    None => StatusReport {
                        group: Some(Status::Rejected),
                        group_reason: Some(Reason::code(Reason::NO_SUCH_ORDER)),
                        ..report(id, Original::Collection, Vec::new())
                    },
                },
            }
        })
        .await?;
    Ok(signed(&world, bank, tell::written(report.to_xml())))
}

#[derive(Deserialize)]
struct StatementQuery {
    date: NaiveDate,
}

async fn tell_statement(
    State(world): State<Arc<World>>,
    Path(bank): Path<String>,
    Query(query): Query<StatementQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let bank = known_bank(&bank)?;
    check_signature(
        &world,
        bank,
        &headers,
        format!("/bank/{bank}/statement?date={}", query.date).as_bytes(),
    )?;
    let moment = world.moment();
    if query.date > world.clock.today() {
        return Err(Problem::not_found(format!(
            "{} 还没有到，没有对账单",
            query.date
        )));
    }
    let xml = world
        .banks
        .read(|books| tell::statement(books, bank, query.date, moment.at))
        .await?;
    Ok(signed(&world, bank, xml))
}

pub(super) fn check_signature(
    world: &World,
    bank: BankCode,
    headers: &HeaderMap,
    signed: &[u8],
) -> Result<(), Problem> {
    let signature = headers
        .get(SIGNATURE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if world.bank_key(bank).verify_hex(signed, signature) {
        Ok(())
    } else {
        Err(Problem::unauthorized(
            "X-Signature 不是用银行专线密钥算出的 HMAC-SM3",
        ))
    }
}

fn signed(world: &World, bank: BankCode, xml: String) -> Response {
    let signature = world.bank_key(bank).sign_hex(xml.as_bytes());
    let headers = [(
        header::CONTENT_TYPE,
        "application/xml; charset=utf-8".to_owned(),
    )];
    (headers, [(SIGNATURE, signature)], xml).into_response()
}

/// Answers need no number that lasts: each is asked for.
fn answer_id(bank: BankCode, moment: Moment) -> String {
    format!("{bank}A{}", moment.lived_ms)
}

fn refused(end_to_end_id: String, code: &str, detail: &str) -> TransferStatus {
    TransferStatus {
        end_to_end_id,
        status: Status::Rejected,
        reason: Some(Reason::code(code)),
        detail: Some(detail.to_owned()),
        accepted_at: None,
        bank_reference: None,
        amount: None,
    }
}

fn never_received(end_to_end_id: String) -> TransferStatus {
    refused(
        end_to_end_id,
        Reason::NO_SUCH_ORDER,
        "没有收到过这个端到端标识的付款",
    )
}

fn other_content(end_to_end_id: String) -> TransferStatus {
    refused(
        end_to_end_id,
        Reason::DUPLICATE,
        "这个端到端标识已用于金额或收款账号不同的付款",
    )
}
