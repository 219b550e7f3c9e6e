//! D05 市人力社保局 keeps the insured by 社会保障号码 (`aac002`), employers by credit code.

use super::Form;
use super::column::{Form::*, column};

const EMPLOYMENT: &[(&str, &str)] = &[
    ("1", "employed|就业"),
    ("2", "ended|终止"),
    ("3", "flexible|灵活就业"),
    ("0", "none|未就业"),
];

/// 劳动功能障碍等级.
const GRADE: &[(&str, &str)] = &[
    ("01", "1|一级"),
    ("02", "2|二级"),
    ("03", "3|三级"),
    ("04", "4|四级"),
    ("05", "5|五级"),
    ("06", "6|六级"),
    ("07", "7|七级"),
    ("08", "8|八级"),
    ("09", "9|九级"),
    ("10", "10|十级"),
];

pub(super) static FORMS: &[Form] = &[
    Form {
        fact_type: "hrss.employment",
        subject: "aac002",
        columns: &[
            column("state", "jyzt", Code(EMPLOYMENT)).or("0"),
            column("employer_uscc", "aab998", Text),
            column("ended_on", "jyzzrq", Date),
            column("reemployed", "zjybz", Flag("1", "0")).or("0"),
        ],
        comparison: None,
        prepare: None,
    },
    Form {
        fact_type: "hrss.retirement",
        subject: "aac002",
        columns: &[
            column("retired", "txbz", Flag("1", "0")).or("1"),
            column("date", "aic162", Date),
            column(
                "kind",
                "txlb",
                Code(&[
                    ("1", "normal|正常"),
                    ("2", "early|提前"),
                    ("3", "illness|病退"),
                ]),
            ),
            column(
                "post",
                "gwlb",
                Code(&[("1", "cadre|干部"), ("2", "worker|工人")]),
            ),
        ],
        comparison: None,
        prepare: None,
    },
    Form {
        fact_type: "hrss.social_insurance",
        subject: "aac002",
        columns: &[
            column("months_paid", "ljjfys", Count).or("0"),
            column("last_month", "zhjfny", Month),
            column("base_fen", "jfjs", Yuan),
            column("region", "cbdxzqh", Text),
            // Of an employer: how many people it insures.
            column("people", "cbrs", Count),
        ],
        comparison: None,
        prepare: None,
    },
    Form {
        fact_type: "hrss.work_capacity",
        subject: "aac002",
        columns: &[
            column("grade", "ldnljddj", Code(GRADE)),
            column("total_loss", "wqssldnl", Flag("1", "0")).or("0"),
            column("date", "jdrq", Date),
        ],
        comparison: None,
        prepare: None,
    },
];
