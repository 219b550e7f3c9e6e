//! The platform's doors: `/platform` for centres, signed; `/control/platform` for people and tests.

use std::sync::{Arc, PoisonError};

use anju_wire::gateway::{Call, GatewayReply, SignedHeaders, code};
use anju_wire::platform::{Body as Says, CentreOfPlatform, MAX_MESSAGE_BYTES, Message};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::register::{Account, Centre, Event, Kept, Mood, Side, key};
use super::{HOME, centre};
use crate::World;
use crate::clock::civil;
use crate::control::{Body, Problem};
use crate::source::Mac;

/// The platform's routes.
pub fn router() -> Router<Arc<World>> {
    Router::new()
        .route("/platform/messages", post(take))
        .route("/platform/centres", post(tell_centre))
        .layer(DefaultBodyLimit::max(MAX_MESSAGE_BYTES))
        .route("/control/platform", get(list))
        .route("/control/platform/centres/{code}", put(set_centre))
        .route(
            "/control/platform/centres/{code}/accounts",
            post(set_account),
        )
        .route(
            "/control/platform/centres/{code}/accounts/read",
            post(read_account),
        )
        .route(
            "/control/platform/centres/{code}/letters",
            post(write_letter),
        )
        .route("/control/platform/letters/{no}", get(show_letter))
}

/// The centre that has signed a call.
fn caller(
    world: &World,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(String, super::RunCentre), u16> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let signed = SignedHeaders::read(header).map_err(|fault| fault.code())?;
    let run = world.run_centre(&signed.app_id).ok_or(code::UNAUTHORIZED)?;
    let call = Call {
        method: "POST",
        path: uri.path(),
        query: uri.query().unwrap_or_default(),
        body,
    };
    let now_ms = world.clock.now().timestamp_millis();
    let nonces = world.platform.nonces.lock();
    let mut nonces = nonces.unwrap_or_else(PoisonError::into_inner);
    signed
        .verify(&Mac(&run.key), call, now_ms, &mut nonces)
        .map_err(|fault| fault.code())?;
    Ok((signed.app_id, run))
}

/// An answer that only the platform can have given to this call.
fn say(
    world: &World,
    run: &super::RunCentre,
    body: &[u8],
    number: &str,
    answer: (u16, &str, Value),
) -> Response {
    let (code, message, data) = answer;
    let reply = GatewayReply {
        request_id: number.to_owned(),
        code,
        message: message.to_owned(),
        as_of: civil(world.clock.now()).to_rfc3339(),
        data,
        encrypted: None,
        signature: String::new(),
    }
    .signed(&Mac(&run.key), body);
    let text = serde_json::to_vec(&reply).expect("a reply of strings and JSON is always JSON");
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}

async fn take(
    State(world): State<Arc<World>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let (code, run) = match caller(&world, &uri, &headers, &body) {
        Ok(caller) => caller,
        Err(_) => return Err(Problem::unauthorized("签名、时间或随机数不对")),
    };
    let message = match Message::parse(&body) {
        Ok(message) if message.from == code => message,
        Ok(message) => {
            let answer = (code::FORBIDDEN, "不是您的报文", Value::Null);
            return Ok(say(&world, &run, &body, &message.message_id, answer));
        }
        Err(fault) => return Err(Problem::bad_request(fault.to_string())),
    };
    let number = message.message_id.clone();
    let taken = world
        .platform
        .store
        .change(|draft| {
            if draft.centre(&message.to).is_none() {
                return false;
            }
            if !draft.knows(&message.from, &message.message_id) {
                draft.record(Event::Taken { message });
            }
            true
        })
        .await?;
    world.platform.changed.notify_waiters();
    let answer = if taken {
        (code::DATA, "已接收", Value::Null)
    } else {
        (code::NO_RECORD, "没有这个中心", Value::Null)
    };
    Ok(say(&world, &run, &body, &number, answer))
}

#[derive(Deserialize)]
struct Asked {
    code: String,
}

/// BDC909.
async fn tell_centre(
    State(world): State<Arc<World>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let (_, run) = caller(&world, &uri, &headers, &body)
        .map_err(|_| Problem::unauthorized("签名、时间或随机数不对"))?;
    let asked: Asked =
        serde_json::from_slice(&body).map_err(|error| Problem::bad_request(error.to_string()))?;
    let told: Option<CentreOfPlatform> = world
        .platform
        .store
        .read(|register| register.told(&asked.code))
        .await?;
    let answer = match told {
        Some(centre) => (
            code::DATA,
            "成功",
            json!({ "code": centre.code, "name": centre.name }),
        ),
        None => (code::NO_RECORD, "没有这个中心", Value::Null),
    };
    Ok(say(&world, &run, &body, &asked.code, answer))
}

async fn list(State(world): State<Arc<World>>) -> Result<Json<Value>, Problem> {
    let centres = world
        .platform
        .store
        .read(|register| {
            register
                .centres()
                .map(|(code, centre)| {
                    json!({
                        "code": code,
                        "name": centre.name,
                        "account": centre.account,
                        "simulated": code != HOME && centre.run().is_none(),
                        "mood": centre.mood,
                        "waiting": register.waits(code),
                    })
                })
                .collect::<Vec<_>>()
        })
        .await?;
    Ok(Json(json!({ "centres": centres })))
}

/// What is left out stays as it is.
#[derive(Deserialize)]
struct Setting {
    name: Option<String>,
    account: Option<String>,
    address: Option<String>,
    key: Option<String>,
    bank_key: Option<String>,
    mood: Option<Mood>,
}

async fn set_centre(
    State(world): State<Arc<World>>,
    Path(code): Path<String>,
    Body(setting): Body<Setting>,
) -> Result<Json<Value>, Problem> {
    if code.len() != 6 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Problem::bad_request("中心代码应为六位数字"));
    }
    for secret in [&setting.key, &setting.bank_key].into_iter().flatten() {
        if key(secret).is_none() {
            return Err(Problem::unprocessable("密钥应为 64 位十六进制数"));
        }
    }
    let told = world
        .platform
        .store
        .change(|draft| {
            let before = draft.centre(&code).cloned();
            let kept = |given: Option<String>, of: fn(&Centre) -> &String| {
                given.unwrap_or_else(|| before.as_ref().map(of).cloned().unwrap_or_default())
            };
            let centre = Centre {
                name: kept(setting.name, |centre| &centre.name),
                account: kept(setting.account, |centre| &centre.account),
                address: kept(setting.address, |centre| &centre.address),
                key: kept(setting.key, |centre| &centre.key),
                bank_key: kept(setting.bank_key, |centre| &centre.bank_key),
                mood: setting
                    .mood
                    .or(before.as_ref().map(|centre| centre.mood))
                    .unwrap_or_default(),
            };
            let told = json!({ "code": code, "name": centre.name, "mood": centre.mood, "simulated": centre.run().is_none() });
            draft.record(Event::Centre { code, centre });
            told
        })
        .await?;
    world
        .platform
        .store
        .read(|register| world.platform.learn(register))
        .await?;
    world.platform.changed.notify_waiters();
    world.banks_changed.notify_waiters();
    Ok(Json(told))
}

#[derive(Deserialize)]
struct Setup {
    id_no: String,
    account: Option<Account>,
}

async fn simulated(world: &World, code: &str) -> Result<Centre, Problem> {
    world
        .platform
        .store
        .read(|register| register.centre(code).cloned())
        .await?
        .filter(|centre| code != HOME && centre.run().is_none())
        .ok_or_else(|| Problem::not_found(format!("{code} 不是平台模拟的中心")))
}

async fn set_account(
    State(world): State<Arc<World>>,
    Path(code): Path<String>,
    Body(setup): Body<Setup>,
) -> Result<StatusCode, Problem> {
    simulated(&world, &code).await?;
    let event = Event::Account {
        centre: code,
        id_no: setup.id_no.trim().to_uppercase(),
        account: setup.account,
    };
    world
        .platform
        .store
        .change(|draft| draft.record(event))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Reading {
    id_no: String,
}

async fn read_account(
    State(world): State<Arc<World>>,
    Path(code): Path<String>,
    Body(reading): Body<Reading>,
) -> Result<Json<Value>, Problem> {
    let account = world
        .platform
        .store
        .read(|register| register.account(&code, &reading.id_no).cloned())
        .await?;
    Ok(Json(json!({ "account": account })))
}

#[derive(Deserialize)]
struct Application {
    id_no: String,
    name: String,
    from: String,
}

/// A person applies at a simulated centre to have the money come from another one.
async fn write_letter(
    State(world): State<Arc<World>>,
    Path(code): Path<String>,
    Body(application): Body<Application>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let own = simulated(&world, &code).await?;
    let letter = centre::letter_of(
        &own,
        &application.name,
        &application.id_no,
        world.clock.today(),
    );
    let sent_at = world.clock.now();
    let letter_no = world
        .platform
        .store
        .change(|draft| {
            let letter_no = format!("LH{code}S{:012}", draft.next());
            draft.record(Event::Letter {
                letter_no: letter_no.clone(),
                kept: Kept {
                    centre: code.clone(),
                    other: application.from.clone(),
                    side: Side::In,
                    state: "LETTER_SENT".to_owned(),
                    letter: letter.clone(),
                    sheet: None,
                    received_fen: 0,
                    reason: String::new(),
                },
            });
            centre::answer(
                draft,
                &code,
                &application.from,
                &letter_no,
                sent_at,
                &Says::Letter(letter),
            );
            letter_no
        })
        .await?;
    world.platform.changed.notify_waiters();
    Ok((StatusCode::CREATED, Json(json!({ "letter_no": letter_no }))))
}

async fn show_letter(
    State(world): State<Arc<World>>,
    Path(no): Path<String>,
) -> Result<Json<Value>, Problem> {
    let kept = world
        .platform
        .store
        .read(|register| register.letter(&no).cloned())
        .await?
        .ok_or_else(|| Problem::not_found(format!("模拟的中心没有联系函 {no}")))?;
    Ok(Json(json!({
        "centre": kept.centre,
        "other": kept.other,
        "side": kept.side,
        "state": kept.state,
        "sheet": kept.sheet,
        "received_fen": kept.received_fen,
        "reason": kept.reason,
    })))
}
