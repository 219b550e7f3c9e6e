//! D05 市人力社保局: employment, retirement, social insurance, working capacity, in the names of the ministry's indicator set.

use super::Form as Interface;
use super::column::{Form::*, column};

const EMPLOYMENT: &[(&str, &str)] = &[
    ("1", "employed"),
    ("2", "ended"),
    ("3", "flexible"),
    ("0", "none"),
];

const RETIREMENT: &[(&str, &str)] = &[("1", "normal"), ("2", "early"), ("3", "illness")];

/// 劳动功能障碍等级 (GB/T 16180): ten grades, the first four are 完全丧失劳动能力.
const GRADE: &[(&str, &str)] = &[
    ("01", "1"),
    ("02", "2"),
    ("03", "3"),
    ("04", "4"),
    ("05", "5"),
    ("06", "6"),
    ("07", "7"),
    ("08", "8"),
    ("09", "9"),
    ("10", "10"),
];

pub(super) static FORMS: &[Interface] = &[
    Interface {
        fact_type: "hrss.employment",
        subject: "aac002",
        keys: &[],
        columns: &[
            column("state", "jyzt", Code(EMPLOYMENT)),
            column("employer_uscc", "aab998", Text),
            column("ended_on", "jyzzrq", Date),
            column("reemployed", "zjybz", Flag("1", "0")),
        ],
        check: None,
    },
    Interface {
        fact_type: "hrss.retirement",
        subject: "aac002",
        keys: &[],
        columns: &[
            column("retired", "txbz", Flag("1", "0")),
            column("date", "aic162", Date),
            column("kind", "txlb", Code(RETIREMENT)),
            column("post", "gwlb", Code(&[("1", "cadre"), ("2", "worker")])),
        ],
        check: None,
    },
    Interface {
        fact_type: "hrss.social_insurance",
        subject: "aac002",
        keys: &[],
        columns: &[
            column("months_paid", "ljjfys", Count),
            column("last_month", "zhjfny", Month),
            column("base_fen", "jfjs", Yuan),
            column("region", "cbdxzqh", Text),
            // Of an employer: how many people it insures.
            column("people", "cbrs", Count),
        ],
        check: None,
    },
    Interface {
        fact_type: "hrss.work_capacity",
        subject: "aac002",
        keys: &[],
        columns: &[
            column("grade", "ldnljddj", Code(GRADE)),
            column("total_loss", "wqssldnl", Flag("1", "0")),
            column("date", "jdrq", Date),
        ],
        check: None,
    },
];
