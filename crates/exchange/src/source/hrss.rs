//! D05 市人力社保局: employment, retirement, social insurance, in the names of the ministry's indicator set.

use super::Form as Interface;
use super::column::{Form::*, column};

const EMPLOYMENT: &[(&str, &str)] = &[
    ("1", "employed"),
    ("2", "ended"),
    ("3", "flexible"),
    ("0", "none"),
];

const RETIREMENT: &[(&str, &str)] = &[("1", "normal"), ("2", "early"), ("3", "illness")];

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
];
