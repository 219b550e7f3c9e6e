//! D06 市市场监管局: registration of enterprises and other market subjects.

use super::Form as Interface;
use super::column::{Column, Form::*, column};

/// 登记状态.
const STATE: &[(&str, &str)] = &[
    ("1", "open"),
    ("2", "revoked"),
    ("3", "cancelled"),
    ("4", "moved"),
];

const LEGAL_PERSON: &[Column] = &[
    column("name", "fddbr", Text),
    column("id_hash", "fddbrzjzy", Text),
];

pub(super) static FORMS: &[Interface] = &[Interface {
    fact_type: "market.registration",
    subject: "tyshxydm",
    keys: &[("name", "qymc")],
    columns: &[
        column("name", "qymc", Text),
        column("kind", "qylxmc", Text),
        column("legal_person", "", Group(LEGAL_PERSON)),
        column("address", "zs", Text),
        column("region", "djjgxzqh", Text),
        column("founded", "clrq", Date),
        column("state", "djzt", Code(STATE)),
    ],
    check: None,
}];
