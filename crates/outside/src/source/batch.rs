//! Files that departments send (批量文件, data_sharing.md §10): gzip of one record a line in the register's own fields, with a manifest that the
//! source signs. The control door sends them, whole or spoilt.

use std::io::Write;
use std::sync::Arc;

use anju_wire::gateway::BATCH_INTERFACE;
use axum::Json;
use axum::extract::{Path, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::NaiveDate;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;
use serde_json::{Value, json};

use super::control::{Settings, kept};
use super::{Row, form, source_of, subject_field};
use crate::World;
use crate::control::{Body, Problem};

/// Flow, source, type of its rows, and whether its control sum is of money.
const FLOWS: [(&str, &str, &str, bool); 5] = [
    ("retirees", "D05", "hrss.retirement", false),
    ("employment", "D05", "hrss.employment", false),
    ("deaths", "D02", "civil.death", false),
    ("status", "D06", "market.status_change", false),
    ("subsidy", "D19", "finance.subsidy", true),
];

/// What is wrong with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Spoilt {
    /// A byte of the file.
    Content,
    /// The number of rows.
    Rows,
    /// The control sum.
    Control,
    /// The signature.
    Signature,
    /// Half of the file is missing, the manifest is of that half.
    Half,
    /// One row has a code that nobody knows.
    Code,
}

#[derive(Deserialize)]
pub(crate) struct Sending {
    name: Option<String>,
    day: Option<NaiveDate>,
    /// What the rows say; without, every record of the register.
    items: Option<Value>,
    spoilt: Option<Spoilt>,
}

/// `POST /control/sources/{source}/files/{flow}`: sends a file and tells what the product answered.
pub(crate) async fn send(
    State(world): State<Arc<World>>,
    Path((source, flow)): Path<(String, String)>,
    Body(sending): Body<Sending>,
) -> Result<Json<Value>, Problem> {
    let known = FLOWS
        .iter()
        .find(|(name, by, ..)| *name == flow && *by == source);
    let (&(flow, _, fact_type, money), Some(source)) = (
        known.ok_or_else(|| Problem::not_found("这个部门没有这种文件"))?,
        source_of(&source),
    ) else {
        return Err(Problem::not_found("没有这个部门"));
    };
    let rows = match sending.items {
        Some(items) => given(fact_type, items)?,
        None => {
            let store = &world.departments.store;
            store
                .read(|registers| {
                    let register = registers.register(source.code, fact_type);
                    register
                        .into_iter()
                        .flatten()
                        .map(|(subject, row)| (subject.clone(), row.clone()))
                        .collect()
                })
                .await?
        }
    };
    let day = sending.day.unwrap_or_else(|| world.clock.today());
    let day = day.format("%Y%m%d").to_string();
    let name = sending
        .name
        .unwrap_or_else(|| format!("{}_{flow}_{day}.jsonl.gz", source.code));
    let mut lines = Vec::with_capacity(rows.len());
    let mut control = 0_i64;
    for (subject, row) in &rows {
        let mut said = form(fact_type)
            .map_or_else(|| row.clone(), |form| super::column::say(form.columns, row));
        said.insert(
            subject_field(fact_type).to_owned(),
            Value::from(subject.as_str()),
        );
        if sending.spoilt == Some(Spoilt::Code) && lines.is_empty() {
            spoil_codes(&mut said, subject_field(fact_type));
        }
        control += counted(money, subject, &said);
        lines.push(Value::Object(said).to_string());
    }
    if sending.spoilt == Some(Spoilt::Half) {
        lines.truncate(lines.len() / 2);
    }
    let mut packed = pack(&lines).map_err(|error| {
        tracing::error!(%error, "packing a file");
        Problem::unprocessable("文件压缩不了")
    })?;
    let sm3 = hex::encode(anju_vault::sm3(&packed));
    if sending.spoilt == Some(Spoilt::Content)
        && let Some(byte) = packed.last_mut()
    {
        *byte ^= 1;
    }
    let mut count = rows.len();
    match sending.spoilt {
        Some(Spoilt::Rows) => count += 1,
        Some(Spoilt::Control) => control += 1,
        _ => {}
    }
    let text = format!("{name}\n{day}\n{count}\n{control}\n{sm3}");
    let signed = if sending.spoilt == Some(Spoilt::Signature) {
        "another file".to_owned()
    } else {
        text
    };
    let signature = BASE64.encode(
        world
            .ring(source.code)?
            .current()
            .sign_der(signed.as_bytes()),
    );
    let push = world
        .push(
            source.code,
            &format!("{BATCH_INTERFACE}{flow}"),
            json!({
                "wjm": name, "rq": day, "hs": count.to_string(), "kzzs": control.to_string(), "zy": sm3, "qm": signature,
                "wj": BASE64.encode(packed),
            }),
        )
        .await?;
    Ok(Json(world.push_answer(push).await?))
}

fn given(fact_type: &str, items: Value) -> Result<Vec<(String, Row)>, Problem> {
    let settings: Settings = serde_json::from_value(json!({ "items": items }))
        .map_err(|_| Problem::unprocessable("items 应为 [{subject, value}, …]"))?;
    let Settings::Many { items } = settings else {
        return Err(Problem::unprocessable("items 应为列表"));
    };
    items
        .into_iter()
        .map(|item| {
            let row = kept(form(fact_type), item.value).map_err(Problem::unprocessable)?;
            Ok((item.subject.trim().to_uppercase(), row))
        })
        .collect()
}

/// What a row adds to the control sum: its money in fen, or the district in its number.
fn counted(money: bool, subject: &str, said: &Row) -> i64 {
    if money {
        let yuan = said.get("btje").and_then(Value::as_str).unwrap_or("0");
        return yuan.replace('.', "").parse().unwrap_or(0);
    }
    let company = subject.starts_with('9')
        || subject
            .bytes()
            .take(2)
            .any(|byte| byte.is_ascii_alphabetic());
    let district = if company && subject.len() == 18 {
        subject.get(2..8)
    } else {
        subject.get(..6)
    };
    district
        .and_then(|district| district.parse().ok())
        .unwrap_or(0)
}

fn spoil_codes(said: &mut Row, subject: &str) {
    for (name, value) in said.iter_mut() {
        if name != subject {
            *value = Value::from("?!");
        }
    }
}

fn pack(lines: &[String]) -> std::io::Result<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    for line in lines {
        packer.write_all(line.as_bytes())?;
        packer.write_all(b"\n")?;
    }
    packer.finish()
}
