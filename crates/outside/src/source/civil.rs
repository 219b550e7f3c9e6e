//! D02 市民政局 keeps marriages by 身份证号, in the marital codes of GB/T 2261.2.

use super::column::{Column, Form::*, column};
use super::{Comparison, Form};

const MARITAL: &[(&str, &str)] = &[
    ("10", "single|unmarried|未婚"),
    ("20", "married|已婚"),
    ("30", "widowed|丧偶"),
    ("40", "divorced|离婚"),
    ("00", "no-record|none|无登记记录"),
];

const SPOUSE: &[Column] = &[
    column("id_sealed|id_no|id", "posfzh", Text),
    column("name", "poxm", Text),
];

pub(super) static FORMS: &[Form] = &[
    Form {
        fact_type: "civil.marriage",
        subject: "sfzh",
        columns: &[
            column("state", "hyzk", Code(MARITAL)).or("00"),
            column("spouse_match", "poppjg", Flag("1", "0")),
            column("spouse", "", Group(SPOUSE)),
            column("since", "djrq", Date),
            column("changes_24m", "bgcs24", Count),
        ],
        comparison: Some(Comparison::if_asked(
            "poppjg",
            "1",
            "0",
            &["posfzh", "poxm"],
        )),
        prepare: None,
    },
    Form {
        fact_type: "civil.min_living",
        subject: "sfzh",
        columns: &[
            column("covered", "dbzt", Flag("1", "0")).or("1"),
            column("from", "ksrq", Date),
            column("to", "jsrq", Date),
            column(
                "kind",
                "dblb",
                Code(&[("1", "urban|城市"), ("2", "rural|农村")]),
            ),
            column("members_hash", "cyzy", Texts),
        ],
        comparison: None,
        prepare: None,
    },
    Form {
        fact_type: "civil.death",
        subject: "sfzh",
        columns: &[
            column("dead", "swbz", Flag("1", "0")).or("1"),
            column("date", "swrq", Date),
        ],
        comparison: None,
        prepare: None,
    },
];
