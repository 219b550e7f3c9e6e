//! 电子营业执照: the market regulator's log-in. Who holds an employer's licence, the page on which he "scans", one-time codes, and their
//! exchange over the signed gateway (`market.elicence`).
//!
//! Invariant: a code is good once, for a minute, for the address and the challenge that it was asked with; a licence that is revoked
//! answers nobody. Nothing leads away from here but to the product's own return address.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use anju_wire::gateway::code;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Form, Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::World;
use crate::clock::civil;
use crate::control::{Body, Problem};
use crate::store::Room;

/// The interface by which a code is exchanged.
pub(crate) const INTERFACE: &str = "market.elicence";

/// Our only client and where it is returned to.
const CLIENT: &str = "anju";
const RETURN: &str = "/login/licence/return";

const CODE_LIFE: TimeDelta = TimeDelta::seconds(60);

/// How long a log-in is good where the licence says nothing else.
const SESSION_MINUTES: i64 = 8 * 60;

/// Licences that the page offers without being asked for one.
const OFFERED: usize = 20;

/// Who holds a licence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Name.
    pub name: String,
    /// Citizen number.
    pub id_no: String,
    /// Mobile phone.
    pub phone: String,
    /// The legal representative, or somebody whom he has authorised in the licence's app.
    pub role: HolderRole,
    /// What he may do with it; nothing for everything that the role may.
    #[serde(default)]
    pub powers: Vec<String>,
    /// How long a log-in is good, in minutes.
    #[serde(default)]
    pub minutes: Option<i64>,
}

/// 法定代表人, 授权经办人.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HolderRole {
    /// 法定代表人.
    LegalRep,
    /// 授权经办人.
    Authorised,
}

impl HolderRole {
    fn code(self) -> &'static str {
        match self {
            HolderRole::LegalRep => "1",
            HolderRole::Authorised => "3",
        }
    }

    fn word(self) -> &'static str {
        match self {
            HolderRole::LegalRep => "法定代表人",
            HolderRole::Authorised => "授权经办人",
        }
    }
}

/// An employer's licence.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Licence {
    holders: Vec<Holder>,
    revoked: bool,
}

/// Every licence by credit code, the last issued at the end.
#[derive(Default)]
pub struct Licences {
    by_uscc: BTreeMap<String, Licence>,
    order: Vec<String>,
}

/// A licence was issued, changed or revoked.
#[derive(Debug, Serialize, Deserialize)]
pub struct Issued {
    uscc: String,
    licence: Licence,
}

impl Room for Licences {
    type Event = Issued;
    const JOURNAL: &'static str = "licences.jsonl";

    fn apply(&mut self, event: Issued) {
        if !self.by_uscc.contains_key(&event.uscc) {
            self.order.push(event.uscc.clone());
        }
        self.by_uscc.insert(event.uscc, event.licence);
    }
}

/// What a code stands for until it is exchanged; codes live in memory, since a restart may lose a minute's scans.
pub struct Grant {
    uscc: String,
    holder: Holder,
    redirect_uri: String,
    challenge: String,
    until: DateTime<Utc>,
}

/// Codes that are not exchanged yet.
pub type Grants = HashMap<String, Grant>;

/// Routes of the page and of the control door.
pub fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/licence/authorize", get(show).post(scan))
        .route("/control/licences/{uscc}", get(read).put(issue))
}

/// How the product asks for a log-in (RFC 6749 §4.1.1 with RFC 7636).
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    response_type: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    redirect_uri: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    code_challenge: String,
    #[serde(default)]
    code_challenge_method: String,
    /// Whose licence.
    #[serde(default)]
    uscc: String,
    /// The holder's place, or `refuse`.
    #[serde(default)]
    holder: String,
}

impl Asked {
    /// What is wrong with the question is told here, never at an address that it names.
    fn check(&self, world: &World) -> Result<(), Problem> {
        let right = self.response_type == "code"
            && self.client_id == CLIENT
            && self.code_challenge_method == "S256"
            && self.code_challenge.len() == 43
            && !self.state.is_empty();
        if !right {
            return Err(Problem::bad_request(
                "登录请求不完整，请回到原来的网站重新登录",
            ));
        }
        if self.redirect_uri != format!("{}{RETURN}", world.public) {
            return Err(Problem::forbidden("回到的地址没有在市场监管部门登记"));
        }
        Ok(())
    }

    fn back(&self, answer: &[(&str, &str)]) -> Redirect {
        let mut query = format!("state={}", escaped(&self.state));
        for (name, value) in answer {
            query.push_str(&format!("&{name}={}", escaped(value)));
        }
        Redirect::to(&format!("{}?{query}", self.redirect_uri))
    }
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[derive(Template)]
#[template(path = "licence.html")]
struct ScanPage {
    hidden: Vec<(&'static str, String)>,
    uscc: String,
    found: Option<Shown>,
    fault: Option<String>,
    offered: Vec<(String, String)>,
}

struct Shown {
    name: String,
    revoked: bool,
    holders: Vec<(usize, String, &'static str)>,
}

async fn show(
    State(world): State<Arc<World>>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    asked.check(&world)?;
    draw(&world, &asked, None).await
}

async fn draw(world: &World, asked: &Asked, fault: Option<String>) -> Result<Response, Problem> {
    let uscc = asked.uscc.trim().to_uppercase();
    let (licence, recent) = world
        .licences
        .read(|licences| {
            let recent: Vec<String> = licences.order.iter().rev().take(OFFERED).cloned().collect();
            (licences.by_uscc.get(&uscc).cloned(), recent)
        })
        .await?;
    let mut offered = Vec::new();
    for one in recent {
        let name = world.company_name(&one).await?;
        offered.push((one, name));
    }
    let found = match licence {
        None => None,
        Some(licence) => Some(Shown {
            name: world.company_name(&uscc).await?,
            revoked: licence.revoked,
            holders: licence
                .holders
                .iter()
                .enumerate()
                .map(|(place, one)| (place, one.name.clone(), one.role.word()))
                .collect(),
        }),
    };
    let fault = fault.or_else(|| {
        (!uscc.is_empty() && found.is_none()).then(|| "没有这个信用代码的电子营业执照。".to_owned())
    });
    let status = if fault.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let page = ScanPage {
        hidden: vec![
            ("response_type", asked.response_type.clone()),
            ("client_id", asked.client_id.clone()),
            ("redirect_uri", asked.redirect_uri.clone()),
            ("state", asked.state.clone()),
            ("code_challenge", asked.code_challenge.clone()),
            ("code_challenge_method", asked.code_challenge_method.clone()),
        ],
        uscc,
        found,
        fault,
        offered,
    };
    let html = page.render().map_err(|error| {
        tracing::error!(%error, "drawing the licence page");
        Problem::unprocessable("页面画不出来")
    })?;
    // A form of this page is answered by a redirect to the product, which browsers count as the form's target too.
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' {}; base-uri 'none'; frame-ancestors 'none'",
        world.public
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((status, headers, html).into_response())
}

/// The holder "scans": a code goes back to the product; or he refuses.
async fn scan(
    State(world): State<Arc<World>>,
    Form(asked): Form<Asked>,
) -> Result<Response, Problem> {
    asked.check(&world)?;
    if asked.holder == "refuse" {
        return Ok(asked.back(&[("error", "access_denied")]).into_response());
    }
    let uscc = asked.uscc.trim().to_uppercase();
    let licence = world
        .licences
        .read(|licences| licences.by_uscc.get(&uscc).cloned())
        .await?;
    let place: Option<usize> = asked.holder.parse().ok();
    let holder = licence
        .as_ref()
        .and_then(|licence| licence.holders.get(place?));
    let Some(holder) = holder else {
        return draw(
            &world,
            &asked,
            Some("没有这位持照人，请重新选。".to_owned()),
        )
        .await;
    };
    if licence.as_ref().is_some_and(|licence| licence.revoked) {
        return Ok(asked.back(&[("error", "access_denied")]).into_response());
    }
    let now = world.clock.now();
    let code: String = anju_vault::token::new();
    let mut grants = world.grants();
    grants.retain(|_, grant| grant.until > now);
    grants.insert(
        code.clone(),
        Grant {
            uscc,
            holder: holder.clone(),
            redirect_uri: asked.redirect_uri.clone(),
            challenge: asked.code_challenge.clone(),
            until: now + CODE_LIFE,
        },
    );
    drop(grants);
    Ok(asked.back(&[("code", &code)]).into_response())
}

impl World {
    fn grants(&self) -> std::sync::MutexGuard<'_, Grants> {
        self.grants
            .lock()
            .expect("nothing panics while it holds the codes")
    }

    /// What the signed question about a code is answered with: the holder in the regulator's own fields; nothing where the code is not
    /// good, whyever. It is used up by the question.
    pub(crate) async fn redeem(
        &self,
        params: &Value,
    ) -> Result<(u16, Value), crate::store::StoreError> {
        let field = |name: &str| params.get(name).and_then(Value::as_str).unwrap_or_default();
        let asked = field("sqm").to_owned();
        let nothing = (code::NO_RECORD, json!({ "sqm": asked }));
        let now = self.clock.now();
        let Some(grant) = self.grants().remove(&asked) else {
            return Ok(nothing);
        };
        let proof = URL_SAFE_NO_PAD.encode(Sha256::digest(field("yzm").as_bytes()));
        if grant.until <= now || proof != grant.challenge || field("hddz") != grant.redirect_uri {
            return Ok(nothing);
        }
        let licence = self
            .licences
            .read(|licences| licences.by_uscc.get(&grant.uscc).cloned())
            .await?
            .unwrap_or_default();
        let holder = grant.holder;
        if licence.revoked || !licence.holders.contains(&holder) {
            return Ok(nothing);
        }
        let until = now + TimeDelta::minutes(holder.minutes.unwrap_or(SESSION_MINUTES));
        let serial = hex_tail(&Sha256::digest(grant.uscc.as_bytes()));
        Ok((
            code::DATA,
            json!({
                "sqm": asked, "tyshxydm": grant.uscc, "cyrxm": holder.name, "cyrzjhm": holder.id_no, "cyrsjh": holder.phone,
                "cyrlx": holder.role.code(), "qx": holder.powers, "zsbh": serial, "yxqz": civil(until).to_rfc3339(),
            }),
        ))
    }

    /// The registered name of a credit code; the code where the register has none.
    pub(crate) async fn company_name(
        &self,
        uscc: &str,
    ) -> Result<String, crate::store::StoreError> {
        self.departments
            .store
            .read(|registers| registers.company_name(uscc).unwrap_or(uscc).to_owned())
            .await
    }

    /// Issues a licence, or changes it; a licence that is revoked is told to the product.
    pub(crate) async fn issue(
        &self,
        uscc: &str,
        change: LicenceChange,
    ) -> Result<Licence, Problem> {
        let uscc = uscc.trim().to_uppercase();
        let (licence, just_revoked) = self
            .licences
            .change(|draft| {
                let mut licence = draft.by_uscc.get(&uscc).cloned().unwrap_or_default();
                let was = licence.revoked;
                if let Some(holders) = change.holders {
                    licence.holders = holders;
                }
                licence.revoked = change.revoked.unwrap_or(was);
                draft.record(Issued {
                    uscc: uscc.clone(),
                    licence: licence.clone(),
                });
                let just_revoked = licence.revoked && !was;
                (licence, just_revoked)
            })
            .await?;
        if just_revoked {
            let params = json!({ "tyshxydm": uscc, "bglx": "3", "bgrq": self.clock.today().format("%Y%m%d").to_string() });
            self.push("D06", "market.status_change", params).await?;
        }
        Ok(licence)
    }
}

fn hex_tail(bytes: &[u8]) -> String {
    bytes
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02X}"))
        .collect()
}

/// What of a licence changes.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct LicenceChange {
    pub(crate) holders: Option<Vec<Holder>>,
    pub(crate) revoked: Option<bool>,
}

async fn issue(
    State(world): State<Arc<World>>,
    Path(uscc): Path<String>,
    Body(change): Body<LicenceChange>,
) -> Result<Json<Licence>, Problem> {
    Ok(Json(world.issue(&uscc, change).await?))
}

async fn read(
    State(world): State<Arc<World>>,
    Path(uscc): Path<String>,
) -> Result<Json<Licence>, Problem> {
    let uscc = uscc.trim().to_uppercase();
    world
        .licences
        .read(|licences| licences.by_uscc.get(&uscc).cloned())
        .await?
        .map(Json)
        .ok_or_else(|| Problem::not_found("没有这个信用代码的电子营业执照"))
}
