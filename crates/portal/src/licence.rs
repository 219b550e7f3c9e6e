//! 电子营业执照登录: to the market regulator's page and back. Invariant: what comes back is believed only with the state of this very browser
//! (sealed in its cookie) and after the regulator has answered for the code over the signed line, with the verifier that nobody else has.

use anju_casework::{Error, licence};
use anju_exchange::licence::{Redeemed, redeem};
use anju_vault::{same, token};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::components::Mistake;
use crate::login::{COOKIE_SECONDS, device};
use crate::look::{cookie, local};
use crate::pages::error::PageError;
use crate::pages::login::{LogInPage, Returned};
use crate::security::Visit;
use crate::serve::Portal;

/// The cookie that waits for the way back.
const COOKIE: &str = "anju_licence";
const SEAL: &str = "licence-login";
/// How long somebody may take to scan.
const MINUTES: u32 = 10;
const CLIENT: &str = "anju";
const RETURN: &str = "/login/licence/return";

/// Where the regulator's page is and where it returns to, as browsers see both.
#[derive(Debug, Clone)]
pub struct LicenceDoor {
    /// `http://127.0.0.1:8330`: the regulator.
    pub regulator: String,
    /// `http://127.0.0.1:8329`: us.
    pub public: String,
}

impl LicenceDoor {
    fn back(&self) -> String {
        format!("{}{RETURN}", self.public.trim_end_matches('/'))
    }
}

/// What this browser must show when it comes back.
#[derive(Serialize, Deserialize)]
struct Waiting {
    state: String,
    verifier: String,
    back: String,
    until: i64,
}

#[derive(Deserialize)]
pub(crate) struct Back {
    back: Option<String>,
}

/// `GET /login/licence`: to the regulator's page.
pub(crate) async fn begin(State(portal): State<Portal>, Query(back): Query<Back>) -> Response {
    let office = &portal.engine.office;
    let waiting = Waiting {
        state: token::new(),
        verifier: token::new(),
        back: local(back.back.as_deref().unwrap_or("/unit")).to_owned(),
        until: (office.now() + TimeDelta::minutes(i64::from(MINUTES))).timestamp(),
    };
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(waiting.verifier.as_bytes()));
    let plain = serde_json::to_vec(&waiting).expect("texts and a number become JSON");
    let sealed = hex::encode(office.vault.seal(SEAL, &plain));
    let door = &portal.licence;
    let address = format!(
        "{}/licence/authorize?response_type=code&client_id={CLIENT}&state={}&code_challenge={challenge}\
         &code_challenge_method=S256&redirect_uri={}",
        door.regulator.trim_end_matches('/'),
        waiting.state,
        escaped(&door.back()),
    );
    let kept = portal.shield.short_cookie(COOKIE, &sealed, MINUTES * 60);
    ([(header::SET_COOKIE, kept)], Redirect::to(&address)).into_response()
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25")
        .replace(':', "%3A")
        .replace('/', "%2F")
}

/// What the regulator's page sends back through the browser.
#[derive(Deserialize)]
pub(crate) struct Returning {
    code: Option<String>,
    #[serde(default)]
    state: String,
}

/// `GET /login/licence/return`.
pub(crate) async fn finish(
    State(portal): State<Portal>,
    visit: Visit,
    headers: HeaderMap,
    Query(returning): Query<Returning>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let waiting = cookie(&headers, COOKIE)
        .and_then(|sealed| hex::decode(sealed).ok())
        .and_then(|sealed| office.vault.open(SEAL, &sealed).ok())
        .and_then(|plain| serde_json::from_slice::<Waiting>(&plain).ok())
        .filter(|waiting| waiting.until > office.now().timestamp())
        .filter(|waiting| same(waiting.state.as_bytes(), returning.state.as_bytes()));
    let (Some(waiting), Some(code)) = (waiting, returning.code.filter(|code| code.len() <= 200))
    else {
        return Ok(refused(&portal, &visit, &licence::not_good()));
    };
    let answered = redeem(
        &portal.engine.gateway,
        &code,
        &waiting.verifier,
        &portal.licence.back(),
    )
    .await
    .map_err(|error| PageError::failed(&error))?;
    let held = match answered {
        Redeemed::Holder(held) => held,
        Redeemed::Refused => return Ok(refused(&portal, &visit, &licence::not_good())),
        Redeemed::Unknown => {
            let detail = "市场监管部门暂时没有回复，请过几分钟再扫一次，或用短信验证码登录。";
            let silent = anju_casework::Refusal::new(503, "E-AUTH-05", detail);
            return Ok(refused(&portal, &visit, &silent));
        }
    };
    match licence::log_in(office, &held, &device(&headers)).await {
        Ok(token) => {
            let cookies = AppendHeaders([
                (
                    header::SET_COOKIE,
                    portal.shield.session_cookie(&token, COOKIE_SECONDS),
                ),
                (
                    header::SET_COOKIE,
                    portal.shield.short_cookie(COOKIE, "", 0),
                ),
            ]);
            Ok((cookies, Redirect::to(local(&waiting.back))).into_response())
        }
        Err(Error::Refused(refusal)) => Ok(refused(&portal, &visit, &refusal)),
        Err(error) => Err(error.into()),
    }
}

/// The log-in page with what was wrong. The code and state of this try are used up.
fn refused(portal: &Portal, visit: &Visit, refusal: &anju_casework::Refusal) -> Response {
    let returned = Returned {
        typed: Vec::new(),
        mistakes: vec![Mistake::at("", refusal.detail.clone())],
    };
    // As for a wrong code: the page may be opened by anybody, what was brought along is what is wrong.
    let status = match refusal.status {
        401 => StatusCode::UNPROCESSABLE_ENTITY,
        status => StatusCode::from_u16(status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY),
    };
    let ended = portal.shield.short_cookie(COOKIE, "", 0);
    let page = LogInPage::clerk(visit, "/unit", &returned);
    (status, [(header::SET_COOKIE, ended)], page).into_response()
}
