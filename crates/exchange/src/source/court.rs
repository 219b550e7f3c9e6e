//! D08 市高级人民法院: freezes and deductions in force, enforcement.

use super::Form as Interface;
use super::column::{Form::*, column};

const ORDER: &[(&str, &str)] = &[
    ("01", "freeze"),
    ("02", "extend"),
    ("03", "release"),
    ("04", "deduct"),
    ("05", "query"),
];

pub(super) static FORMS: &[Interface] = &[
    Interface {
        fact_type: "court.freeze_order",
        subject: "bzxrzjhm",
        keys: &[("order_no", "wsh")],
        columns: &[
            column("kind", "xzlx", Code(ORDER)),
            column("amount_fen", "xzje", Yuan),
            column("from", "ksrq", Date),
            column("to", "jsrq", Date),
            column("court", "fymc", Text),
            column("judges", "cbfg", Texts),
            column("doc_hash", "wszy", Text),
        ],
        check: None,
    },
    Interface {
        fact_type: "court.enforcement",
        subject: "bzxrzjhm",
        keys: &[],
        columns: &[
            column("listed", "sxbz", Flag("1", "0")),
            column("cases", "zxajs", Count),
        ],
        check: None,
    },
];
