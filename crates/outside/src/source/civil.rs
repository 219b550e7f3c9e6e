//! D02 市民政局 keeps marriages, and who has the care of whom, by 身份证号, in the marital codes of GB/T 2261.2.

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

const GUARDIANSHIP: &[(&str, &str)] = &[
    ("1", "statutory|法定监护"),
    ("2", "testament|遗嘱指定"),
    ("3", "agreement|协议确定"),
    ("4", "appointed|指定监护"),
    ("5", "authority|民政部门监护"),
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
    // Kept under the ward; who asks names a guardian and is told whether it is he, never who it is.
    Form {
        fact_type: "civil.guardianship",
        subject: "bjhrsfzh",
        columns: &[
            column("guardian_id|guardian|id_no", "jhrsfzh", Text).compared(),
            column("since", "jhqsrq", Date),
            column("until", "jhzzrq", Date),
            column("kind", "jhlb", Code(GUARDIANSHIP)).or("4"),
        ],
        comparison: Some(Comparison::always("jhrppjg", "1", "0", &["jhrsfzh"])),
        prepare: None,
    },
];
