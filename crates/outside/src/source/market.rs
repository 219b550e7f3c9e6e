//! D06 市市场监管局 keeps enterprises by 统一社会信用代码.

use super::Form;
use super::column::{Column, Form::*, column};

const STATE: &[(&str, &str)] = &[
    ("1", "open|存续|在营|开业"),
    ("2", "revoked|吊销"),
    ("3", "cancelled|注销"),
    ("4", "moved|迁出"),
];

const LEGAL_PERSON: &[Column] = &[
    column("name", "fddbr", Text),
    column("id_hash|id_no|id", "fddbrzjzy", Text),
];

pub(super) static FORMS: &[Form] = &[Form {
    fact_type: "market.registration",
    subject: "tyshxydm",
    columns: &[
        column("name", "qymc", Text).or(""),
        column("kind", "qylxmc", Text),
        column("legal_person|legal_representative", "", Group(LEGAL_PERSON)),
        column("address", "zs", Text),
        column("region|district", "djjgxzqh", Text),
        column("founded", "clrq", Date),
        column("state", "djzt", Code(STATE)).or("1"),
    ],
    comparison: None,
    prepare: Some(needs_a_name),
}];

fn needs_a_name(given: &mut serde_json::Map<String, serde_json::Value>) -> Result<(), String> {
    match given.get("name").and_then(serde_json::Value::as_str) {
        Some(name) if !name.trim().is_empty() => Ok(()),
        _ => Err("name 应为单位名称".to_owned()),
    }
}
