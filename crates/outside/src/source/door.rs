//! The gateway's door (数据网关): signed questions in, signed answers out, in each source's own form and mood.
//!
//! Invariant: nothing is said to a caller whose signature, time or nonce does not hold, and every answer says whom it is
//! about, "no record" too.

use std::sync::Arc;
use std::time::Duration;

use anju_wire::gateway::{
    Call, GatewayReply, GatewayRequest, MAX_BATCH_ITEMS, SignedHeaders, code,
};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{Conduct, Mac, Mode, Registers, Row, SOURCES, form, subject_field};
use crate::World;
use crate::clock::civil;
use crate::store::StoreError;

/// The largest question: fifty thousand people with room to spare.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// How long a hanging source keeps the line.
const HANGS_FOR: Duration = Duration::from_secs(120);

/// How old a stale answer is.
const STALE_DAYS: i64 = 400;

const HEARTBEAT: &str = "heartbeat";
const IDENTITY: &str = "police.identity";

/// The gateway's routes.
pub fn router() -> Router<Arc<World>> {
    Router::new()
        .route("/gateway/{interface}", post(answer))
        .layer(DefaultBodyLimit::max(MOST_BYTES))
}

async fn answer(
    State(world): State<Arc<World>>,
    Path(interface): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Err(refusal) = verify(&world, &uri, &headers, &body) {
        return say(&world, &headers, &body, refusal, Mode::Ok);
    }
    let Ok(request) = serde_json::from_slice::<GatewayRequest>(&body) else {
        return say(
            &world,
            &headers,
            &body,
            Said::nothing(code::BAD_REQUEST, "请求不是要求的 JSON"),
            Mode::Ok,
        );
    };
    let Some((source, fact_type)) = resolve(&interface) else {
        let refusal = Said::nothing(code::FORBIDDEN, "没有这个接口").to(&request);
        return say(&world, &headers, &body, refusal, Mode::Ok);
    };
    let conduct = match world
        .departments
        .store
        .read(|registers| registers.conduct(source))
        .await
    {
        Ok(conduct) => conduct,
        Err(error) => return broken(&error),
    };
    if let Some(failure) = suffer(&world, conduct).await {
        return say(&world, &headers, &body, failure.to(&request), conduct.mode);
    }
    if fact_type == crate::licence::INTERFACE {
        return match world.redeem(&request.params).await {
            Ok((code, data)) => {
                let said = Said {
                    data,
                    ..Said::nothing(code, "成功")
                };
                say(&world, &headers, &body, said.to(&request), conduct.mode)
            }
            Err(error) => broken(&error),
        };
    }
    let lie = conduct.mode == Mode::WrongPerson;
    let looked = world
        .departments
        .store
        .read(|registers| look_up(registers, source, fact_type, &request.params, lie))
        .await;
    let mut said = match looked {
        Ok(said) => said.to(&request),
        Err(error) => return broken(&error),
    };
    if let Value::Object(data) = &mut said.data {
        let day = world.clock.today().format("%Y%m%d");
        let serial = world.departments.next_serial();
        data.insert(
            "lsh".to_owned(),
            Value::from(format!("{source}-{day}-{serial:06}")),
        );
    }
    say(&world, &headers, &body, said, conduct.mode)
}

/// Checks a signed call; the messages' door uses it too.
pub(crate) fn verify(
    world: &World,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), Said> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let call = Call {
        method: "POST",
        path: uri.path(),
        query: uri.query().unwrap_or_default(),
        body,
    };
    let now_ms = world.clock.now().timestamp_millis();
    let key = caller_key(world, headers);
    let mac = Mac(&key);
    let mut nonces = world
        .departments
        .nonces
        .lock()
        .expect("nothing panics while it holds the nonces");
    SignedHeaders::read(header)
        .and_then(|signed| signed.verify(&mac, call, now_ms, &mut nonces))
        .map_err(|fault| Said::nothing(fault.code(), "签名、时间或随机数不对"))
}

/// The key of the centre that calls: the one of this home, but for a centre that has registered under the name that it gives.
pub(crate) fn caller_key(world: &World, headers: &HeaderMap) -> anju_vault::SharedKey {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    SignedHeaders::read(header)
        .ok()
        .and_then(|signed| world.centre(&signed.app_id))
        .map_or_else(|| world.keys.gateway.clone(), |centre| centre.key)
}

/// The source and type of an interface: `estate.ownership`, `B3.bank.card_match`, `D03.heartbeat`.
fn resolve(interface: &str) -> Option<(&'static str, &str)> {
    if let Some((prefix, rest)) = interface.split_once('.')
        && let Some(source) = super::source_of(prefix)
        && (rest == HEARTBEAT || source.types.contains(&rest))
    {
        return Some((source.code, rest));
    }
    let mut answering = SOURCES
        .iter()
        .filter(|source| source.types.contains(&interface));
    let source = answering.next()?;
    // A type of several sources must name one.
    answering
        .next()
        .is_none()
        .then_some((source.code, interface))
}

/// What is said, before it is dated and signed.
pub(crate) struct Said {
    request_id: String,
    /// One of [`code`].
    pub(crate) code: u16,
    /// A sentence.
    pub(crate) message: &'static str,
    data: Value,
}

impl Said {
    fn nothing(code: u16, message: &'static str) -> Said {
        Said {
            request_id: String::new(),
            code,
            message,
            data: Value::Null,
        }
    }

    fn to(self, request: &GatewayRequest) -> Said {
        Said {
            request_id: request.request_id.clone(),
            ..self
        }
    }
}

/// Lives through the source's mood; a failure is said in its place.
async fn suffer(world: &World, conduct: Conduct) -> Option<Said> {
    if conduct.mode == Mode::Down {
        return Some(Said::nothing(code::UNAVAILABLE, "系统维护中"));
    }
    if conduct.mode == Mode::Hang {
        tokio::time::sleep(HANGS_FOR).await;
        return Some(Said::nothing(code::UNAVAILABLE, "系统繁忙"));
    }
    tokio::time::sleep(Duration::from_millis(conduct.latency_ms)).await;
    (world.departments.next_chance() < conduct.fail_rate)
        .then(|| Said::nothing(code::SOURCE_ERROR, "系统内部错误"))
}

fn look_up(
    registers: &Registers,
    source: &str,
    fact_type: &str,
    params: &Value,
    lie: bool,
) -> Said {
    let Value::Object(asked) = params else {
        return Said::nothing(code::BAD_REQUEST, "缺少参数");
    };
    if let (IDENTITY, Some(Value::Array(items))) = (fact_type, asked.get("items")) {
        return identities(registers, source, items, lie);
    }
    let Some(subject) = asked.get(subject_field(fact_type)).and_then(Value::as_str) else {
        return Said::nothing(code::BAD_REQUEST, "缺少查询对象");
    };
    if fact_type == HEARTBEAT {
        let who = if lie {
            somebody_else(subject)
        } else {
            subject.to_owned()
        };
        return found(json!({ subject_field(fact_type): who }));
    }
    if fact_type == anju_wire::face::INTERFACE && !crate::face::has_evidence(params) {
        return Said::nothing(code::BAD_REQUEST, "缺少人像");
    }
    one(registers, source, fact_type, subject, asked, lie)
}

fn one(
    registers: &Registers,
    source: &str,
    fact_type: &str,
    subject: &str,
    asked: &Row,
    lie: bool,
) -> Said {
    let own = registers.record(source, fact_type, subject);
    let (who, row) = match (lie, registers.register(source, fact_type)) {
        (false, _) => (subject.to_owned(), own),
        (true, Some(register)) => match register.iter().find(|(other, _)| *other != subject) {
            Some((other, row)) => (other.clone(), Some(row)),
            None => (somebody_else(subject), own),
        },
        (true, None) => (somebody_else(subject), None),
    };
    let field = subject_field(fact_type);
    let by_default = crate::face::portrait(fact_type);
    let row = row.filter(|row| !super::bank_loan::is_another(fact_type, row, asked));
    let Some(row) = row.or(by_default.as_ref()) else {
        return Said {
            data: json!({ field: who }),
            ..Said::nothing(code::NO_RECORD, "查无记录")
        };
    };
    let mut data = match form(fact_type) {
        None => Row::from_iter([("value".to_owned(), Value::Object(row.clone()))]),
        Some(form) => {
            let mut said = super::column::say(form.columns, row);
            if let Some(comparison) = &form.comparison {
                comparison.judge(row, asked, &mut said);
            }
            said
        }
    };
    data.insert(field.to_owned(), Value::from(who));
    found(Value::Object(data))
}

/// Many names and numbers in one question; answers in order, `2` where there is no such number.
fn identities(registers: &Registers, source: &str, items: &[Value], lie: bool) -> Said {
    if items.len() > MAX_BATCH_ITEMS {
        return Said::nothing(code::BAD_REQUEST, "一次最多核验五万人");
    }
    let answers: Option<Vec<Value>> = items
        .iter()
        .map(|item| {
            let asked = item.as_object()?;
            let subject = asked.get("gmsfhm")?.as_str()?;
            let said = one(registers, source, IDENTITY, subject, asked, lie);
            Some(match said.code {
                code::DATA => said.data,
                _ => json!({"gmsfhm": said.data["gmsfhm"], "hcjg": "2"}),
            })
        })
        .collect();
    match answers {
        Some(answers) => found(json!({ "items": answers })),
        None => Said::nothing(code::BAD_REQUEST, "缺少姓名或号码"),
    }
}

fn found(data: Value) -> Said {
    Said {
        data,
        ..Said::nothing(code::DATA, "成功")
    }
}

/// A number that is not the one asked about.
fn somebody_else(subject: &str) -> String {
    let reversed: String = subject.chars().rev().collect();
    if reversed == subject {
        format!("{subject}0")
    } else {
        reversed
    }
}

/// Dates, signs and sends.
fn say(world: &World, headers: &HeaderMap, body: &[u8], said: Said, mode: Mode) -> Response {
    let age = if mode == Mode::Stale {
        TimeDelta::days(STALE_DAYS)
    } else {
        TimeDelta::zero()
    };
    let status = said.code;
    let reply = GatewayReply {
        request_id: said.request_id,
        code: said.code,
        message: said.message.to_owned(),
        as_of: civil(world.clock.now() - age).to_rfc3339(),
        data: said.data,
        signature: String::new(),
    }
    .signed(&Mac(&caller_key(world, headers)), body);
    let mut text = serde_json::to_vec(&reply).expect("a reply of strings and JSON is always JSON");
    if mode == Mode::Malformed {
        text.truncate(text.len() / 2);
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}

fn broken(error: &StoreError) -> Response {
    tracing::error!(%error, "the departments' registers");
    StatusCode::SERVICE_UNAVAILABLE.into_response()
}
