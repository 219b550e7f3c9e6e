//! D02 市民政局: marriage, minimum living allowance, death, guardianship.

use super::Form as Interface;
use super::column::{Column, Form::*, column};

/// 婚姻状况代码 (GB/T 2261.2-2003). `00` is the register's own "no entry was ever made"; 90 未说明 is left out:
/// a register that does not say is no answer.
const MARITAL: &[(&str, &str)] = &[
    ("10", "single"),
    ("20", "married"),
    ("21", "married"),
    ("22", "married"),
    ("23", "married"),
    ("30", "widowed"),
    ("40", "divorced"),
    ("00", "no-record"),
];

const SPOUSE: &[Column] = &[
    column("name", "poxm", Text),
    column("id_sealed", "posfzh", Person),
];

/// 监护类别, by how it came about (民法典 第二十七至三十二条): by law, named in a will, agreed, appointed by a committee or court, the
/// department itself.
const GUARDIANSHIP: &[(&str, &str)] = &[
    ("1", "statutory"),
    ("2", "testament"),
    ("3", "agreement"),
    ("4", "appointed"),
    ("5", "authority"),
];

pub(super) static FORMS: &[Interface] = &[
    Interface {
        fact_type: "civil.marriage",
        subject: "sfzh",
        keys: &[("spouse_id", "posfzh"), ("spouse_name", "poxm")],
        columns: &[
            column("state", "hyzk", Code(MARITAL)),
            column("spouse_match", "poppjg", Flag("1", "0")),
            column("spouse", "", Group(SPOUSE)),
            column("since", "djrq", Date),
            column("changes_24m", "bgcs24", Count),
        ],
        check: None,
    },
    Interface {
        fact_type: "civil.min_living",
        subject: "sfzh",
        keys: &[],
        columns: &[
            column("covered", "dbzt", Flag("1", "0")),
            column("from", "ksrq", Date),
            column("to", "jsrq", Date),
            column("kind", "dblb", Code(&[("1", "urban"), ("2", "rural")])),
            column("members_hash", "cyzy", Texts),
        ],
        check: None,
    },
    Interface {
        fact_type: "civil.death",
        subject: "sfzh",
        keys: &[],
        columns: &[
            column("dead", "swbz", Flag("1", "0")),
            column("date", "swrq", Date),
        ],
        check: None,
    },
    Interface {
        fact_type: "civil.guardianship",
        subject: "bjhrsfzh",
        keys: &[("guardian_id", "jhrsfzh")],
        columns: &[
            column("guardian_match", "jhrppjg", Flag("1", "0")),
            column("since", "jhqsrq", Date),
            column("until", "jhzzrq", Date),
            column("kind", "jhlb", Code(GUARDIANSHIP)),
        ],
        check: None,
    },
];
