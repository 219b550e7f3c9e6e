//! What departments say by themselves (推送): signed like an answer to nobody, read into what it says.
//!
//! Invariant: nothing is believed before signature, time and nonce held and the sender is the source that the path names; a code that we do
//! not know is a fault, never a default. The answer is signed for the very message.

use std::sync::Mutex;

use anju_domain::clock::rfc3339_millis;
use anju_domain::name::PersonName;
use anju_domain::uscc::Uscc;
use anju_wire::gateway::{
    BATCH_INTERFACE, Call, GatewayReply, GatewayRequest, KEY_INTERFACE, NonceWindow, SignType,
    SignatureFault, SignedHeaders,
};
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;

use crate::dispute::DISPUTE_ANSWER;
use crate::gateway::Gateway;

/// A message of the market regulator (D06).
#[derive(Debug, Clone, PartialEq)]
pub enum MarketPush {
    /// 企业开办一网通办: a company was founded, and its founder ticked "open a housing fund account".
    Founded(Box<Founded>),
    /// 变更登记: what of it changed.
    Changed {
        /// Whose.
        uscc: String,
        /// From which day.
        on: NaiveDate,
        /// The new name.
        name: Option<String>,
        /// The new address.
        address: Option<String>,
        /// The new legal representative.
        representative: Option<String>,
    },
    /// 注销登记.
    Cancelled {
        /// Whose.
        uscc: String,
        /// From which day.
        on: NaiveDate,
    },
    /// 吊销电子营业执照.
    LicenceRevoked {
        /// Whose.
        uscc: String,
    },
}

/// A new company as the regulator pushes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Founded {
    /// Credit code.
    pub uscc: String,
    /// Registered name.
    pub name: String,
    /// One of the kinds of employers.
    pub kind: &'static str,
    /// Address.
    pub address: String,
    /// GB/T 2260 code.
    pub district: String,
    /// 法定代表人.
    pub representative: String,
    /// Day of founding.
    pub founded: NaiveDate,
}

/// 企业类型: the regulator's codes and our kinds.
const KINDS: [(&str, &str); 5] = [
    ("110", "国企"),
    ("150", "私企"),
    ("200", "外企"),
    ("700", "社会组织"),
    ("900", "其他"),
];

/// What a message says.
#[derive(Debug, Clone, PartialEq)]
pub enum Says {
    /// Of companies.
    Market(MarketPush),
    /// The source will sign with this SM2 key from now on.
    Key(Vec<u8>),
    /// A file of a flow.
    Batch {
        /// Which.
        flow: String,
        /// Manifest and content as they came.
        params: Value,
    },
    /// What became of a doubt that we passed on (数据异议).
    Dispute(Disputed),
    /// The housing commission struck a filed contract out (退房).
    ContractCancelled(anju_business::withdrawal::recovery::Cancelled),
    /// A court freezes, extends, releases, deducts or asks.
    Court(Box<anju_business::court::Instruction>),
}

/// A source's answer to a doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disputed {
    /// Our number of it.
    pub number: String,
    /// The register was wrong and is corrected.
    pub corrected: bool,
    /// What the source says.
    pub answer: String,
}

/// A message with its number.
#[derive(Debug, Clone, PartialEq)]
pub struct Pushed {
    /// The source's number of it: the same however often it is sent.
    pub serial: String,
    /// Signed with the source's own key; the answer is signed alike.
    pub sm2: bool,
    /// What it says.
    pub says: Says,
}

/// Why a message is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushFault {
    /// Signature, time, nonce or sender.
    #[error("the message is not signed by its source")]
    Signature(#[from] SignatureFault),
    /// There is no such interface.
    #[error("nobody pushes {0}")]
    Interface(String),
    /// A field is missing or cannot be read.
    #[error("the message cannot be read: {0}")]
    Field(&'static str),
}

/// Takes messages over the line: remembers the nonces of the last minutes.
#[derive(Default)]
pub struct Receiver {
    nonces: Mutex<NonceWindow>,
}

impl Receiver {
    /// Checks a message and reads it.
    ///
    /// # Errors
    /// See [`PushFault`].
    pub fn read<'h>(
        &self,
        gateway: &Gateway,
        (source, interface): (&str, &str),
        header: impl Fn(&str) -> Option<&'h str>,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Pushed, PushFault> {
        let path = format!("/inbox/gateway/{source}/{interface}");
        let signed = SignedHeaders::read(header)?;
        if signed.app_id != source {
            return Err(SignatureFault::Altered.into());
        }
        let call = Call {
            method: "POST",
            path: &path,
            query: "",
            body,
        };
        let mut nonces = self
            .nonces
            .lock()
            .expect("nothing panics while it holds the nonces");
        let now_ms = now.timestamp_millis();
        let sm2 = wants_sm2(gateway, source) || signed.sign_type == SignType::Sm2;
        if sm2 {
            signed.verify(&gateway.signer_of(source), call, now_ms, &mut nonces)?;
        } else {
            gateway.line().verify(&signed, call, now_ms, &mut nonces)?;
        }
        drop(nonces);
        let request: GatewayRequest =
            serde_json::from_slice(body).map_err(|_| PushFault::Field("the whole"))?;
        let says = match (source, interface) {
            ("D06", "market.founded") => Says::Market(founded(&request.params)?),
            ("D06", "market.status_change") => Says::Market(changed(&request.params)?),
            // Only a key that is believed vouches for the next.
            (_, KEY_INTERFACE) if signed.sign_type == SignType::Sm2 => {
                let key = hex::decode(text(&request.params, "gy")?);
                Says::Key(key.map_err(|_| PushFault::Field("gy"))?)
            }
            ("D04", "housing.contract_cancelled") => {
                Says::ContractCancelled(contract_cancelled(&request.params)?)
            }
            (crate::court::SOURCE, crate::court::ORDER) => {
                Says::Court(Box::new(crate::court::read(&request.params)?))
            }
            (_, DISPUTE_ANSWER) => Says::Dispute(disputed(&request.params)?),
            (_, interface) if let Some(flow) = interface.strip_prefix(BATCH_INTERFACE) => {
                Says::Batch {
                    flow: flow.to_owned(),
                    params: request.params,
                }
            }
            _ => return Err(PushFault::Interface(format!("{source}/{interface}"))),
        };
        Ok(Pushed {
            serial: request.request_id,
            sm2,
            says,
        })
    }
}

/// The signed answer to a message.
#[must_use]
pub fn answer(
    gateway: &Gateway,
    (source, sm2): (&str, bool),
    body: &[u8],
    (code, message): (u16, &str),
    data: Value,
    now: DateTime<Utc>,
) -> GatewayReply {
    let request_id = serial_of(body);
    let reply = GatewayReply {
        request_id,
        code,
        message: message.to_owned(),
        as_of: rfc3339_millis(now),
        data,
        encrypted: None,
        signature: String::new(),
    };
    if sm2 {
        reply.signed(&gateway.signer_of(source), body)
    } else {
        gateway.line().signed(reply, body)
    }
}

/// The source's number of a message; empty where not even that can be read.
#[must_use]
pub fn serial_of(body: &[u8]) -> String {
    serde_json::from_slice::<GatewayRequest>(body)
        .map(|request| request.request_id)
        .unwrap_or_default()
}

fn wants_sm2(gateway: &Gateway, source: &str) -> bool {
    let known = gateway.catalogue().source(source);
    known.is_some_and(crate::catalogue::Source::wants_sm2)
}

fn disputed(params: &Value) -> Result<Disputed, PushFault> {
    Ok(Disputed {
        number: text(params, "yybh")?.to_owned(),
        corrected: match text(params, "cljg")? {
            "1" => true,
            "0" => false,
            _ => return Err(PushFault::Field("cljg")),
        },
        answer: text(params, "clsm")?.chars().take(200).collect(),
    })
}

fn contract_cancelled(
    params: &Value,
) -> Result<anju_business::withdrawal::recovery::Cancelled, PushFault> {
    Ok(anju_business::withdrawal::recovery::Cancelled {
        contract_no: text(params, "htbh")?.to_owned(),
        unit_no: params
            .get("bdcdyh")
            .is_some()
            .then(|| text(params, "bdcdyh").map(str::to_owned))
            .transpose()?,
        on: day(params, "zxrq")?,
    })
}

fn text<'v>(params: &'v Value, field: &'static str) -> Result<&'v str, PushFault> {
    params
        .get(field)
        .and_then(Value::as_str)
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .ok_or(PushFault::Field(field))
}

fn day(params: &Value, field: &'static str) -> Result<NaiveDate, PushFault> {
    NaiveDate::parse_from_str(text(params, field)?, "%Y%m%d").map_err(|_| PushFault::Field(field))
}

fn uscc(params: &Value) -> Result<String, PushFault> {
    Uscc::parse(text(params, "tyshxydm")?)
        .map(|uscc| uscc.as_str().to_owned())
        .map_err(|_| PushFault::Field("tyshxydm"))
}

fn representative(params: &Value) -> Result<String, PushFault> {
    let name = text(params, "fddbr")?;
    PersonName::parse(name).map_err(|_| PushFault::Field("fddbr"))?;
    Ok(name.to_owned())
}

fn founded(params: &Value) -> Result<MarketPush, PushFault> {
    // What the founder did not tick is not for us.
    if text(params, "gjjkh")? != "1" {
        return Err(PushFault::Field("gjjkh"));
    }
    let code = text(params, "qylx")?;
    let district = text(params, "djjgxzqh")?;
    if district.len() != 6 || !district.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(PushFault::Field("djjgxzqh"));
    }
    Ok(MarketPush::Founded(Box::new(Founded {
        uscc: uscc(params)?,
        name: text(params, "qymc")?.to_owned(),
        kind: KINDS
            .iter()
            .find(|(theirs, _)| *theirs == code)
            .map(|(_, kind)| *kind)
            .ok_or(PushFault::Field("qylx"))?,
        address: text(params, "zs")?.to_owned(),
        district: district.to_owned(),
        representative: representative(params)?,
        founded: day(params, "clrq")?,
    })))
}

fn changed(params: &Value) -> Result<MarketPush, PushFault> {
    let uscc = uscc(params)?;
    let given = |field: &'static str| params.get(field).is_some();
    let on = day(params, "bgrq")?;
    match text(params, "bglx")? {
        "1" => Ok(MarketPush::Changed {
            uscc,
            on,
            name: given("qymc")
                .then(|| text(params, "qymc").map(str::to_owned))
                .transpose()?,
            address: given("zs")
                .then(|| text(params, "zs").map(str::to_owned))
                .transpose()?,
            representative: given("fddbr").then(|| representative(params)).transpose()?,
        }),
        "2" => Ok(MarketPush::Cancelled { uscc, on }),
        "3" => Ok(MarketPush::LicenceRevoked { uscc }),
        _ => Err(PushFault::Field("bglx")),
    }
}
