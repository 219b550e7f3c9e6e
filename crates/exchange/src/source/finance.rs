//! D19 市财政局、编办: housing subsidies and the register of institutions.

use super::Form as Interface;
use super::column::{Column, Form::*, column};

const STATE: &[(&str, &str)] = &[
    ("1", "open"),
    ("2", "revoked"),
    ("3", "cancelled"),
    ("4", "moved"),
];

const HEAD: &[Column] = &[
    column("name", "fddbr", Text),
    column("id_hash", "fddbrzy", Text),
];

pub(super) static FORMS: &[Interface] = &[
    Interface {
        fact_type: "finance.subsidy",
        subject: "zjhm",
        keys: &[],
        columns: &[
            column("year", "nd", Count),
            column("amount_fen", "btje", Yuan),
            column("paid", "ffbz", Flag("1", "0")),
        ],
        check: None,
    },
    Interface {
        fact_type: "org.institution",
        subject: "tyshxydm",
        keys: &[],
        columns: &[
            column("name", "dwmc", Text),
            column("kind", "dwxz", Text),
            column("legal_person", "", Group(HEAD)),
            column("address", "dz", Text),
            column("region", "xzqh", Text),
            column("founded", "clrq", Date),
            column("state", "djzt", Code(STATE)),
        ],
        check: None,
    },
];
