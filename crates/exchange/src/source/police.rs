//! D01 市公安局: identity, face, household register, children, kinship.

use serde_json::{Map, Value};

use super::Form as Interface;
use super::column::{Column, Form::*, column};
use crate::schema::ValueFault;

/// 人口状态.
const ALIVE: super::column::Form = Flag("10", "30");

/// 家庭关系 (GB/T 4761), first digits only as the interface gives them.
const KINSHIP: &[(&str, &str)] = &[
    ("10", "spouse"),
    ("20", "child"),
    ("30", "child"),
    ("50", "parent"),
    ("90", "other"),
    ("00", "none-found"),
];

const SCORE_BAND: &[(&str, &str)] = &[("A", "a"), ("B", "b"), ("C", "c"), ("D", "d")];

const CHILD: &[Column] = &[
    column("id_sealed", "gmsfhm", Person),
    column("birth", "csrq", Date),
];

pub(super) static FORMS: &[Interface] = &[
    Interface {
        fact_type: "police.identity",
        subject: "gmsfhm",
        keys: &[("name", "xm")],
        columns: &[
            column("match", "hcjg", Flag("1", "0")),
            column("alive", "rkzt", ALIVE),
            column("valid_to", "yxqx", Date),
        ],
        check: None,
    },
    Interface {
        fact_type: "police.face_match",
        subject: "gmsfhm",
        keys: &[
            ("image", "image"),
            ("token", "token"),
            ("action_digest", "actionDigest"),
        ],
        columns: &[
            column("match", "bdjg", Flag("1", "0")),
            column("score_band", "xsdd", Code(SCORE_BAND)),
            column("liveness", "htjc", Flag("1", "0")),
        ],
        check: None,
    },
    Interface {
        fact_type: "police.hukou",
        subject: "gmsfhm",
        keys: &[],
        columns: &[
            column("local", "bdhk", Flag("1", "0")),
            column("region_code", "hjdxzqh", Text),
            column("household_no_hash", "hhzy", Text),
            column(
                "state",
                "hkzt",
                Code(&[("10", "active"), ("20", "cancelled")]),
            ),
        ],
        check: None,
    },
    Interface {
        fact_type: "police.hukou_move",
        subject: "gmsfhm",
        keys: &[],
        columns: &[
            column("moved_out", "qcbz", Flag("1", "0")),
            column("date", "qcrq", Date),
            column("to_region", "qwdxzqh", Text),
        ],
        check: None,
    },
    Interface {
        fact_type: "police.children",
        subject: "gmsfhm",
        keys: &[],
        columns: &[
            column("minors", "wcnzn", Rows(CHILD)),
            column("count", "wcnzns", Count),
        ],
        check: Some(children_are_all_listed),
    },
    Interface {
        fact_type: "police.kinship",
        subject: "gmsfhm",
        keys: &[("other_id_no", "gxrsfhm")],
        columns: &[column("relation", "jtgx", Code(KINSHIP))],
        check: None,
    },
];

/// A register may give the number alone; where it lists, the list is whole.
fn children_are_all_listed(value: &Map<String, Value>) -> Result<(), ValueFault> {
    if value.contains_key("minors") {
        super::count_equals_list(value, "minors")
    } else {
        Ok(())
    }
}
