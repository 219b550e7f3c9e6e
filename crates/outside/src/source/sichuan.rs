//! D17 四川各公积金中心 keep accounts and loans by 证件号码.

use super::Form;
use super::column::{Form::*, column};

const STATE: &[(&str, &str)] = &[
    ("01", "active|正常"),
    ("02", "sealed|封存"),
    ("03", "closed|销户"),
];

pub(super) static FORMS: &[Form] = &[
    Form {
        fact_type: "sichuan.account",
        subject: "zjhm",
        columns: &[
            column("exists", "kh", Flag("1", "0")).or("1"),
            column("centre", "zxmc", Text),
            column("state", "grzhzt", Code(STATE)).or("01"),
            column("months_continuous", "lxjcys", Count),
        ],
        comparison: None,
        prepare: None,
    },
    Form {
        fact_type: "sichuan.loan_record",
        subject: "zjhm",
        columns: &[
            column("count", "dkbs", Count).or("0"),
            column("open", "wjqbz", Flag("1", "0")).or("0"),
            column("settled_on", "jqrq", Date),
        ],
        comparison: None,
        prepare: None,
    },
];
