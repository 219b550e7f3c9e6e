//! A department asks the centre (对外提供): a question signed with the department's own SM2 key, and the centre's answer, believed only under the
//! centre's key. The control door asks, rightly or with one thing wrong.

use std::sync::Arc;
use std::time::Duration;

use anju_wire::gateway::{
    Call, Consent, GatewayReply, GatewayRequest, Operator, Purpose, SignedHeaders,
};
use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::keys::Signer;
use super::source_of;
use crate::World;
use crate::control::{Body, Problem};
use crate::platform::HOME;

const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What is wrong with a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Spoilt {
    /// Signed with the secret that everybody on the line holds.
    Shared,
    /// The body is another than the one that was signed.
    Body,
    /// Signed ten minutes ago.
    Time,
    /// Sent twice as it stands; the answer to the second is shown.
    Nonce,
    /// Without a purpose.
    Purpose,
}

/// A question as the control door gives it.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asking {
    /// ID number.
    pub(crate) subject: String,
    /// Without: `hpf.contribution`.
    pub(crate) interface: Option<String>,
    /// What for.
    pub(crate) item: Option<String>,
    /// The department's case.
    pub(crate) case_no: Option<String>,
    /// What it says that it rests on.
    pub(crate) basis: Option<String>,
    /// What is wrong with it.
    pub(crate) spoilt: Option<Spoilt>,
}

/// `POST /control/sources/{source}/ask`: asks the centre and tells what it answered.
pub(crate) async fn ask(
    State(world): State<Arc<World>>,
    Path(code): Path<String>,
    Body(asking): Body<Asking>,
) -> Result<Json<Value>, Problem> {
    world.ask_centre(&code, asking).await.map(Json)
}

impl World {
    /// The centre's answer: `{status, reply, believed}`.
    pub(crate) async fn ask_centre(&self, code: &str, asking: Asking) -> Result<Value, Problem> {
        let source = source_of(code).ok_or_else(|| Problem::not_found("没有这个部门"))?;
        let interface = asking.interface.as_deref().unwrap_or("hpf.contribution");
        let number = self.departments.next_serial();
        let day = self.clock.today().format("%Y%m%d");
        let item = asking.item.unwrap_or_else(|| "核对缴存情况".to_owned());
        let request = GatewayRequest {
            request_id: format!("{}-{day}-A{number:06}", source.code),
            purpose: Purpose {
                item: if asking.spoilt == Some(Spoilt::Purpose) {
                    String::new()
                } else {
                    item
                },
                case_no: asking.case_no.unwrap_or_default(),
            },
            operator: Operator {
                id: "8001".to_owned(),
                name: "窗口经办".to_owned(),
                org: source.name.to_owned(),
            },
            consent: Consent {
                id: asking
                    .basis
                    .unwrap_or_else(|| "本人在本单位的授权".to_owned()),
                hash: String::new(),
            },
            params: json!({ "zjhm": asking.subject.trim() }),
            encrypted: None,
        };
        let body =
            serde_json::to_vec(&request).map_err(|_| Problem::unprocessable("写不成报文"))?;
        let own = self.own_end(source.code).await?;
        let signer = if asking.spoilt == Some(Spoilt::Shared) {
            Signer::Shared(self.keys.gateway.clone())
        } else {
            own
        };
        let path = format!("/gateway/{interface}");
        let ago_ms = if asking.spoilt == Some(Spoilt::Time) {
            600_000
        } else {
            0
        };
        let signed = SignedHeaders::sign(
            &signer,
            Call {
                method: "POST",
                path: &path,
                query: "",
                body: &body,
            },
            source.code,
            self.clock.now().timestamp_millis() - ago_ms,
            &anju_vault::token::new(),
            &request.request_id,
        );
        let mut sent = body.clone();
        if asking.spoilt == Some(Spoilt::Body) {
            sent.push(b' ');
        }
        if asking.spoilt == Some(Spoilt::Nonce) {
            self.call_centre(&path, &signed, sent.clone()).await?;
        }
        let (status, reply) = self.call_centre(&path, &signed, sent.clone()).await?;
        // The centre may have made its key known while it answered.
        let end = self.own_end(source.code).await?;
        let read: Option<GatewayReply> = serde_json::from_value(reply.clone()).ok();
        let believed = read.is_some_and(|reply| reply.holds(&end, &sent));
        Ok(json!({ "status": status, "reply": reply, "believed": believed }))
    }

    /// A department's own end of the line: its key, and what it believes of the centre.
    async fn own_end(&self, source: &str) -> Result<Signer, Problem> {
        let store = &self.departments.store;
        let theirs = store.read(|registers| registers.centre_keys(source, HOME));
        Ok(Signer::Own {
            ours: self.ring(source)?.current(),
            theirs: theirs.await?,
        })
    }

    async fn call_centre(
        &self,
        path: &str,
        signed: &SignedHeaders,
        body: Vec<u8>,
    ) -> Result<(u16, Value), Problem> {
        let silent = |_| Problem::unprocessable("公积金中心没有回答");
        let mut call = self
            .to_product
            .post(format!("http://{}{path}", self.product))
            .timeout(ANSWER_WITHIN)
            .header("content-type", "application/json")
            .body(body);
        for (name, value) in signed.pairs() {
            call = call.header(name, value);
        }
        let answer = call.send().await.map_err(silent)?;
        let status = answer.status().as_u16();
        Ok((status, answer.json().await.map_err(silent)?))
    }
}
