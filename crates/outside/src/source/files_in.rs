//! Files that a department gets from a centre (对外报送): held against their manifest, taken whole or refused whole. Invariant: a name is one file; the same
//! again changes nothing and is answered the same, another content under it is refused.

use std::io::Read;
use std::sync::Arc;

use anju_vault::signature::verify_sm2_der;
use axum::Json;
use axum::extract::{Path, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Event, Row, source_of};
use crate::World;
use crate::control::{Body, Problem};
use crate::store::StoreError;

/// Flow, who gets it, and the field of its rows that the control sum adds up.
const FLOWS: [(&str, &str, &str); 6] = [
    ("pretax", "D07", "grjce_fen"),
    ("supervision_unit", "D15", "zcye_fen"),
    ("supervision_account", "D15", "grzhye_fen"),
    ("supervision_contribution", "D15", "je_fen"),
    ("supervision_withdrawal", "D15", "je_fen"),
    ("supervision_ledger", "D15", "jffse_fen"),
];

/// Register of what a department was told to refuse.
const REFUSING: &str = "_refusing";

/// The most bytes of a file when it is unpacked.
const MOST_BYTES: u64 = 200 * 1024 * 1024;

/// Whether a department takes this flow.
pub(super) fn is_flow(source: &str, flow: &str) -> bool {
    FLOWS
        .iter()
        .any(|(name, to, _)| *name == flow && *to == source)
}

fn text<'v>(params: &'v Value, field: &str) -> Option<&'v str> {
    params.get(field)?.as_str()
}

/// The lines of a packed file.
fn unpacked(packed: &[u8]) -> Option<Vec<Value>> {
    let mut text = String::new();
    GzDecoder::new(packed)
        .take(MOST_BYTES)
        .read_to_string(&mut text)
        .ok()?;
    text.lines()
        .map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// What is wrong with a file, or its rows.
fn checked(params: &Value, sum_of: &str, keys: &[Vec<u8>]) -> Result<usize, &'static str> {
    let field = |name| text(params, name).ok_or("清单不全");
    let (name, day, rows, control) = (field("wjm")?, field("rq")?, field("hs")?, field("kzzs")?);
    let (sm3, signature) = (field("zy")?, field("qm")?);
    let manifest = format!("{name}\n{day}\n{rows}\n{control}\n{sm3}");
    let signature = BASE64.decode(signature).map_err(|_| "签名不对")?;
    if !keys
        .iter()
        .any(|key| verify_sm2_der(key, manifest.as_bytes(), &signature))
    {
        return Err("清单的 SM2 签名不对");
    }
    let packed = BASE64.decode(field("wj")?).map_err(|_| "文件打不开")?;
    if hex::encode(anju_vault::sm3(&packed)) != sm3 {
        return Err("文件的 SM3 与清单不符");
    }
    let lines = unpacked(&packed).ok_or("文件打不开")?;
    if lines.len().to_string() != rows {
        return Err("行数与清单不符");
    }
    let sum: Option<i64> = lines.iter().map(|line| line.get(sum_of)?.as_i64()).sum();
    if sum.map(|sum| sum.to_string()).as_deref() != Some(control) {
        return Err("控制总数与清单不符");
    }
    Ok(lines.len())
}

impl World {
    /// Takes a file of a centre, or refuses it whole and says why. None where it names no file.
    pub(super) async fn take_file(
        &self,
        source: &'static str,
        flow: &str,
        centre: &str,
        params: &Value,
    ) -> Result<Option<Value>, StoreError> {
        let Some(name) = text(params, "wjm").map(str::to_owned) else {
            return Ok(None);
        };
        let known = FLOWS.iter().find(|(known, ..)| *known == flow);
        let Some((_, _, sum_of)) = known else {
            return Ok(None);
        };
        let keys = self
            .departments
            .store
            .read(|registers| registers.centre_keys(source, centre))
            .await?;
        let found = checked(params, sum_of, &keys);
        let register = format!("files.{flow}");
        let short: String = text(params, "zy")
            .unwrap_or_default()
            .chars()
            .take(12)
            .collect();
        let receipt = format!("{source}-{short}");
        let params = params.clone();
        let said = self
            .departments
            .store
            .change(|draft| {
                let refuse = |reason: &str| json!({ "jsjg": "0", "wjm": name, "thyy": reason });
                let refusing = draft
                    .register(source, REFUSING)
                    .and_then(|register| register.get(flow)?.get("reason")?.as_str())
                    .map(str::to_owned);
                if let Some(reason) = refusing {
                    return refuse(&reason);
                }
                if let Err(reason) = found {
                    return refuse(reason);
                }
                let before = draft
                    .register(source, &register)
                    .and_then(|register| register.get(&name));
                if let Some(before) = before {
                    if before.get("zy") != params.get("zy") {
                        return refuse("同名文件已经收过，内容不同");
                    }
                    return json!({ "jsjg": "1", "wjm": name, "hzbh": receipt, "cf": "1" });
                }
                let row: Row = params.as_object().cloned().unwrap_or_default();
                draft.record(Event::Entered {
                    source: source.to_owned(),
                    fact_type: register,
                    subject: name.clone(),
                    row,
                });
                json!({ "jsjg": "1", "wjm": name, "hzbh": receipt, "cf": "0" })
            })
            .await?;
        Ok(Some(said))
    }
}

/// `GET /control/sources/{source}/received/{flow}`: the files that were taken, by name, each with its rows.
pub(crate) async fn received(
    State(world): State<Arc<World>>,
    Path((source, flow)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let source = source_of(&source).ok_or_else(|| Problem::not_found("没有这个部门"))?;
    let store = &world.departments.store;
    let files = store.read(|registers| {
        let register = registers.register(source.code, &format!("files.{flow}"));
        let files = register.into_iter().flatten();
        files
            .map(|(name, row)| (name.clone(), row.clone()))
            .collect::<Vec<_>>()
    });
    let shown = |(name, row): (String, Row)| {
        let packed = row.get("wj").and_then(Value::as_str).unwrap_or_default();
        let rows = BASE64
            .decode(packed)
            .ok()
            .and_then(|packed| unpacked(&packed));
        json!({ "name": name, "day": row["rq"], "control": row["kzzs"], "sm3": row["zy"], "rows": rows })
    };
    Ok(Json(files.await?.into_iter().map(shown).collect()))
}

#[derive(Deserialize)]
pub(crate) struct Refusing {
    /// Why; none where it takes files again.
    reason: Option<String>,
}

/// `PUT /control/sources/{source}/received/{flow}`: whether the department refuses each file of a flow, and why.
pub(crate) async fn refuse(
    State(world): State<Arc<World>>,
    Path((source, flow)): Path<(String, String)>,
    Body(refusing): Body<Refusing>,
) -> Result<Json<Value>, Problem> {
    let source = source_of(&source).ok_or_else(|| Problem::not_found("没有这个部门"))?;
    if !is_flow(source.code, &flow) {
        return Err(Problem::not_found("这个部门不收这种文件"));
    }
    let place = (source.code.to_owned(), REFUSING.to_owned(), flow.clone());
    let event = match &refusing.reason {
        Some(reason) => Event::Entered {
            source: place.0,
            fact_type: place.1,
            subject: place.2,
            row: Row::from_iter([("reason".to_owned(), Value::from(reason.as_str()))]),
        },
        None => Event::Struck {
            source: place.0,
            fact_type: place.1,
            subject: place.2,
        },
    };
    let store = &world.departments.store;
    store.change(|draft| draft.record(event)).await?;
    Ok(Json(
        json!({ "source": source.code, "flow": flow, "reason": refusing.reason }),
    ))
}
