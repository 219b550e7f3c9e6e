//! The gateway's door (数据网关): signed questions in, signed answers out, in each source's own form and mood.
//!
//! Invariant: nothing is said to a caller whose signature, time or nonce does not hold, and every answer says whom it is
//! about, "no record" too.

use std::sync::Arc;
use std::time::Duration;

use anju_wire::gateway::{
    BATCH_INTERFACE, Call, GatewayReply, GatewayRequest, GatewaySigner as _, KEY_INTERFACE,
    MAX_BATCH_ITEMS, SignType, SignedHeaders, code,
};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::keys::{self, Signer};
use super::{Conduct, Mode, Registers, Row, SOURCES, form, subject_field};
use super::{cert_index, court_desk, dispute, files_in, told};
use crate::World;
use crate::clock::civil;
use crate::store::StoreError;

/// The largest question: fifty thousand people with room to spare.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// How long a hanging source keeps the line.
const HANGS_FOR: Duration = Duration::from_secs(120);

/// How old a stale answer is.
const STALE_DAYS: i64 = 400;

/// More than any reply may be long.
const OVERSIZED_CHARS: usize = 400_000;

const HEARTBEAT: &str = "heartbeat";
/// Nothing of it is said without the person's signed authorisation.
const CREDIT_REPORT: &str = "pboc.credit_report";
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
    let asked = resolve(&interface);
    let end = match our_end(&world, &headers, asked).await {
        Ok(end) => end,
        Err(error) => return broken(&error),
    };
    let line = Asked {
        end: &end,
        closes: asked
            .is_some_and(|(source, fact_type)| keys::closes(source) && fact_type != KEY_INTERFACE),
        body: &body,
    };
    let of_its_kind = asked.is_none_or(|(source, fact_type)| {
        !keys::wants_sm2(source) || fact_type == KEY_INTERFACE || end.sign_type() == SignType::Sm2
    });
    let verified = if of_its_kind {
        verify_as(&world, &end, &uri, &headers, &body)
    } else {
        Err(Said::nothing(code::UNAUTHORIZED, "本部门只接受 SM2 签名"))
    };
    if let Err(refusal) = verified {
        return line.say(&world, refusal, Mode::Ok);
    }
    let Ok(mut request) = serde_json::from_slice::<GatewayRequest>(&body) else {
        let refusal = Said::nothing(code::BAD_REQUEST, "请求不是要求的 JSON");
        return line.say(&world, refusal, Mode::Ok);
    };
    let Some((source, fact_type)) = asked else {
        let refusal = Said::nothing(code::FORBIDDEN, "没有这个接口").to(&request);
        return line.say(&world, refusal, Mode::Ok);
    };
    if let Some(closed) = &request.encrypted {
        let opened = world
            .departments
            .rings
            .ring(source)
            .ok()
            .and_then(|ring| keys::open(&ring, closed));
        let Some(params) = opened else {
            let refusal = Said::nothing(code::BAD_REQUEST, "数字信封打不开").to(&request);
            return line.say(&world, refusal, Mode::Ok);
        };
        request.params = params;
    } else if line.closes {
        let refusal = Said::nothing(code::BAD_REQUEST, "参数应放在数字信封里").to(&request);
        return line.say(&world, refusal, Mode::Ok);
    }
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
        return line.say(&world, failure.to(&request), conduct.mode);
    }
    if fact_type == KEY_INTERFACE {
        let centre = caller(&headers);
        let met = world
            .meet(source, &centre, &request.params, end.sign_type())
            .await;
        let said = match met {
            Ok(Some(data)) => found(data),
            Ok(None) => Said::nothing(code::UNAUTHORIZED, "新公钥要用已登记的密钥签名"),
            Err(_) => Said::nothing(code::SOURCE_ERROR, "系统内部错误"),
        };
        return line.say(&world, said.to(&request), conduct.mode);
    }
    if fact_type == dispute::INTERFACE {
        let taken = world.departments.work_orders.take(source, &request.params);
        let said = taken.map_or_else(|| Said::nothing(code::BAD_REQUEST, "缺少异议编号"), found);
        return line.say(&world, said.to(&request), conduct.mode);
    }
    if fact_type == court_desk::RESULT {
        let taken = world.departments.court_results.take(&request.params);
        let said = taken.map_or_else(|| Said::nothing(code::BAD_REQUEST, "缺少控制单号"), found);
        return line.say(&world, said.to(&request), conduct.mode);
    }
    if let Some(window) = told::window(fact_type) {
        let lie = conduct.mode == Mode::WrongPerson;
        let said = match world.take_word(window, &request.params, lie).await {
            Ok(Some(data)) => found(data),
            Ok(None) => Said::nothing(code::BAD_REQUEST, "报文缺少要素或代码不对"),
            Err(error) => return broken(&error),
        };
        return line.say(&world, said.to(&request), conduct.mode);
    }
    if let Some(flow) = fact_type.strip_prefix(BATCH_INTERFACE) {
        let centre = caller(&headers);
        let taken = world
            .take_file(source, flow, &centre, &request.params)
            .await;
        let said = match taken {
            Ok(Some(mut data)) => {
                // It has taken the file, and answers about another.
                if conduct.mode == Mode::WrongPerson {
                    let name = data["wjm"].as_str().map(somebody_else);
                    data["wjm"] = name.into();
                }
                found(data)
            }
            Ok(None) => Said::nothing(code::BAD_REQUEST, "文件没有名字"),
            Err(error) => return broken(&error),
        };
        return line.say(&world, said.to(&request), conduct.mode);
    }
    if fact_type == cert_index::INTERFACE {
        let lie = conduct.mode == Mode::WrongPerson;
        let said = match world.take_certificate(&request.params, lie).await {
            Ok(Some(data)) => found(data),
            Ok(None) => Said::nothing(code::BAD_REQUEST, "报文缺少要素或代码不对"),
            Err(error) => return broken(&error),
        };
        return line.say(&world, said.to(&request), conduct.mode);
    }
    if fact_type == crate::licence::INTERFACE {
        return match world.redeem(&request.params).await {
            Ok((code, data)) => {
                let said = Said {
                    data,
                    ..Said::nothing(code, "成功")
                };
                line.say(&world, said.to(&request), conduct.mode)
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
    line.say(&world, said, conduct.mode)
}

/// Who calls, by the name that it gives.
fn caller(headers: &HeaderMap) -> String {
    let name = headers.get("x-app-id").and_then(|name| name.to_str().ok());
    name.unwrap_or_default().to_owned()
}

/// The source's end of the line on which a call came: as the call is signed.
async fn our_end(
    world: &World,
    headers: &HeaderMap,
    asked: Option<(&'static str, &str)>,
) -> Result<Signer, StoreError> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let ring = match (SignType::read(header), asked) {
        (Some(SignType::Sm2), Some((source, _))) => world.departments.rings.ring(source).ok(),
        _ => None,
    };
    let (Some(ring), Some((source, _))) = (ring, asked) else {
        return Ok(Signer::Shared(caller_key(world, headers)));
    };
    let centre = caller(headers);
    let store = &world.departments.store;
    Ok(Signer::Own {
        ours: ring.current(),
        theirs: store
            .read(|registers| registers.centre_keys(source, &centre))
            .await?,
    })
}

/// Checks a call that is signed with the shared secret; the messages' door uses it too.
pub(crate) fn verify(
    world: &World,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), Said> {
    let end = Signer::Shared(caller_key(world, headers));
    verify_as(world, &end, uri, headers, body)
}

fn verify_as(
    world: &World,
    end: &Signer,
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
    let mut nonces = world
        .departments
        .nonces
        .lock()
        .expect("nothing panics while it holds the nonces");
    SignedHeaders::read(header)
        .and_then(|signed| signed.verify(end, call, now_ms, &mut nonces))
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
        && (matches!(
            rest,
            HEARTBEAT | KEY_INTERFACE | dispute::INTERFACE | court_desk::RESULT
        ) || source.types.contains(&rest)
            || rest
                .strip_prefix(BATCH_INTERFACE)
                .is_some_and(|flow| files_in::is_flow(source.code, flow)))
    {
        return Some((source.code, rest));
    }
    if let Some(window) = told::window(interface) {
        return Some((window.source, interface));
    }
    if interface == cert_index::INTERFACE {
        return Some((cert_index::SOURCE, interface));
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
    if conduct.mode == Mode::Refuse {
        return Some(Said::nothing(code::FORBIDDEN, "本部门暂不受理"));
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
    if fact_type == CREDIT_REPORT && !asked.get("sqszy").is_some_and(Value::is_string) {
        return Said::nothing(code::FORBIDDEN, "缺少本人书面授权");
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
    if registers.is_silent(source, fact_type, subject) {
        return Said::nothing(code::UNAVAILABLE, "这一条登记正在整理");
    }
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
        return no_record(field, who);
    };
    let mut data = match form(fact_type) {
        None => Row::from_iter([("value".to_owned(), Value::Object(row.clone()))]),
        Some(form) => {
            let mut said = super::column::say(form.columns, row);
            let question = super::Asked {
                subject,
                name: registers.person_name(subject),
                keys: asked,
            };
            if super::answer(fact_type).is_some_and(|answer| !answer(&question, row, &mut said)) {
                return no_record(field, who);
            }
            if let Some(comparison) = &form.comparison {
                comparison.judge(row, asked, &mut said);
            }
            said
        }
    };
    data.insert(field.to_owned(), Value::from(who));
    found(Value::Object(data))
}

fn no_record(field: &str, who: String) -> Said {
    Said {
        data: json!({ field: who }),
        ..Said::nothing(code::NO_RECORD, "查无记录")
    }
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
pub(super) fn somebody_else(subject: &str) -> String {
    let reversed: String = subject.chars().rev().collect();
    if reversed == subject {
        format!("{subject}0")
    } else {
        reversed
    }
}

/// A call that waits for its answer.
struct Asked<'a> {
    end: &'a Signer,
    closes: bool,
    body: &'a [u8],
}

impl Asked<'_> {
    /// Dates, closes, signs and sends.
    fn say(&self, world: &World, said: Said, mode: Mode) -> Response {
        let age = match mode {
            Mode::Stale => TimeDelta::days(STALE_DAYS),
            Mode::Future => TimeDelta::days(-STALE_DAYS),
            _ => TimeDelta::zero(),
        };
        let status = said.code;
        let reader = match self.end {
            Signer::Own { theirs, .. } if self.closes => theirs.first(),
            _ => None,
        };
        let encrypted = reader.and_then(|reader| keys::close(reader, &said.data));
        let body: &[u8] = if mode == Mode::Forged {
            b"another question"
        } else {
            self.body
        };
        let reply = GatewayReply {
            request_id: said.request_id,
            code: said.code,
            message: match mode {
                Mode::Oversized => "长".repeat(OVERSIZED_CHARS),
                _ => said.message.to_owned(),
            },
            as_of: civil(world.clock.now() - age).to_rfc3339(),
            data: if encrypted.is_some() {
                Value::Null
            } else {
                said.data
            },
            encrypted,
            signature: String::new(),
        }
        .signed(self.end, body);
        let mut text =
            serde_json::to_vec(&reply).expect("a reply of strings and JSON is always JSON");
        if mode == Mode::Malformed {
            text.truncate(text.len() / 2);
        }
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
    }
}

fn broken(error: &StoreError) -> Response {
    tracing::error!(%error, "the departments' registers");
    StatusCode::SERVICE_UNAVAILABLE.into_response()
}
