//! D08 市高级人民法院 keeps orders and enforcement by the party's 证件号码.

use super::Form;
use super::column::{Form::*, column};

const ORDER: &[(&str, &str)] = &[
    ("01", "freeze|冻结"),
    ("02", "extend|续冻"),
    ("03", "release|解冻"),
    ("04", "deduct|扣划"),
    ("05", "query|查询"),
];

pub(super) static FORMS: &[Form] = &[
    Form {
        fact_type: "court.freeze_order",
        subject: "bzxrzjhm",
        columns: &[
            column("kind", "xzlx", Code(ORDER)).or("01"),
            column("amount_fen", "xzje", Yuan),
            column("from", "ksrq", Date),
            column("to", "jsrq", Date),
            column("court", "fymc", Text),
            column("judges", "cbfg", Texts),
            column("doc_hash", "wszy", Text),
            column("order_no", "wsh", Text).compared(),
        ],
        comparison: None,
        prepare: None,
    },
    Form {
        fact_type: "court.enforcement",
        subject: "bzxrzjhm",
        columns: &[
            column("listed", "sxbz", Flag("1", "0")).or("1"),
            column("cases", "zxajs", Count),
        ],
        comparison: None,
        prepare: None,
    },
];
