//! D19 市财政局、编办 keep subsidies by 证件号码 and institutions by credit code.

use super::Form;
use super::column::{Column, Form::*, column};

const STATE: &[(&str, &str)] = &[
    ("1", "open|正常"),
    ("2", "revoked|撤销"),
    ("3", "cancelled|注销"),
    ("4", "moved|迁出"),
];

const HEAD: &[Column] = &[
    column("name", "fddbr", Text),
    column("id_hash", "fddbrzy", Text),
];

pub(super) static FORMS: &[Form] = &[
    Form {
        fact_type: "finance.subsidy",
        subject: "zjhm",
        columns: &[
            column("year", "nd", Count),
            column("amount_fen", "btje", Yuan),
            column("paid", "ffbz", Flag("1", "0")).or("1"),
        ],
        comparison: None,
        prepare: None,
    },
    Form {
        fact_type: "org.institution",
        subject: "tyshxydm",
        columns: &[
            column("name", "dwmc", Text),
            column("kind", "dwxz", Text),
            column("legal_person", "", Group(HEAD)),
            column("address", "dz", Text),
            column("region", "xzqh", Text),
            column("founded", "clrq", Date),
            column("state", "djzt", Code(STATE)).or("1"),
        ],
        comparison: None,
        prepare: None,
    },
];
