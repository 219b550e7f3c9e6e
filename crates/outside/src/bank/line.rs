//! The line to the product: orders in, status out; queries; statements. Signed both ways with the banks' key.

use std::sync::Arc;
use std::time::Duration;

use anju_wire::iso20022::{PaymentInitiation, Reason, Status, StatusReport, TransferStatus};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use chrono::NaiveDate;
use serde::Deserialize;

use super::door::known_bank;
use super::order::{self, LOST_AFTER_MS, Moment, Taken};
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
    let (report, behaviour) = world
        .banks
        .change(|books| {
            let mut transfers = Vec::new();
            let mut homes = homes.into_iter();
            for payment in &initiation.payments {
                for transfer in &payment.transfers {
                    let home = homes.next().flatten();
                    let message = &initiation.message_id;
                    let taken = order::take(
                        books,
                        bank,
                        message,
                        &payment.debtor,
                        transfer,
                        home,
                        moment,
                    );
                    transfers.push(match (taken, books.order(bank, &transfer.end_to_end_id)) {
                        (Taken::Kept, Some(order)) => tell::status_of(order),
                        _ => other_content(transfer.end_to_end_id.clone()),
                    });
                }
            }
            (transfers, books.behaviour(bank).clone())
        })
        .await
        .map(|(transfers, behaviour)| {
            let report = StatusReport {
                message_id: answer_id(bank, moment),
                created: moment.at,
                original_message_id: initiation.message_id.clone(),
                group: None,
                group_reason: None,
                transfers,
            };
            (report, behaviour)
        })?;
    world.banks_changed.notify_waiters();
    match behaviour.mode {
        Mode::Timeout | Mode::Unknown => {
            tokio::time::sleep(Duration::from_millis(LOST_AFTER_MS.unsigned_abs())).await;
            Ok(StatusCode::GATEWAY_TIMEOUT.into_response())
        }
        Mode::Late => Ok(signed(&world, bank, tell::written(report.to_xml()))),
        Mode::Ok | Mode::Duplicate | Mode::Reject | Mode::ReturnLater => {
            tokio::time::sleep(Duration::from_millis(behaviour.latency_ms.into())).await;
            Ok(signed(&world, bank, tell::written(report.to_xml())))
        }
    }
}

#[derive(Deserialize)]
struct StatusQuery {
    end_to_end_id: String,
}

/// The truth about one order, whatever the bank's mode; "no such order" is said by the reason `NOOR`.
async fn tell_status(
    State(world): State<Arc<World>>,
    Path(bank): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let bank = known_bank(&bank)?;
    check_signature(&world, bank, &headers, &body)?;
    let query: StatusQuery = serde_json::from_slice(&body)
        .map_err(|_| Problem::bad_request("查询应写明 end_to_end_id"))?;
    let id = query.end_to_end_id;
    if id.is_empty()
        || id.chars().count() > 35
        || id.chars().any(|c| c.is_control() || c.is_whitespace())
    {
        return Err(Problem::bad_request(
            "end_to_end_id 应为 1 到 35 个可见字符",
        ));
    }
    let moment = world.moment();
    let known = world
        .banks
        .read(|books| {
            books
                .order(bank, &id)
                .map(|order| (order.message_id.clone(), tell::status_of(order)))
        })
        .await?;
    let (original_message_id, status) =
        known.unwrap_or_else(|| ("NOTPROVIDED".to_owned(), never_received(id)));
    let report = StatusReport {
        message_id: answer_id(bank, moment),
        created: moment.at,
        original_message_id,
        group: None,
        group_reason: None,
        transfers: vec![status],
    };
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

fn check_signature(
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
