//! D06 市市场监管局 keeps the last change of a registration by credit code.

use super::Form;
use super::column::{Form::*, column};

const EVENT: &[(&str, &str)] = &[
    ("1", "changed|变更"),
    ("2", "cancelled|注销"),
    ("3", "revoked|吊销"),
];

pub(super) static FORMS: &[Form] = &[Form {
    fact_type: "market.status_change",
    subject: "tyshxydm",
    columns: &[
        column("event", "bglx", Code(EVENT)),
        column("date", "bgrq", Date),
    ],
    comparison: None,
    prepare: None,
}];
