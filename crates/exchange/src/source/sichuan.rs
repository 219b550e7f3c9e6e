//! D17 四川各公积金中心: accounts and loans of the other side of the river.

use super::Form as Interface;
use super::column::{Form::*, column};

const STATE: &[(&str, &str)] = &[("01", "active"), ("02", "sealed"), ("03", "closed")];

pub(super) static FORMS: &[Interface] = &[
    Interface {
        fact_type: "sichuan.account",
        subject: "zjhm",
        keys: &[],
        columns: &[
            column("exists", "kh", Flag("1", "0")),
            column("centre", "zxmc", Text),
            column("state", "grzhzt", Code(STATE)),
            column("months_continuous", "lxjcys", Count),
        ],
        check: None,
    },
    Interface {
        fact_type: "sichuan.loan_record",
        subject: "zjhm",
        keys: &[],
        columns: &[
            column("count", "dkbs", Count),
            column("open", "wjqbz", Flag("1", "0")),
            column("settled_on", "jqrq", Date),
        ],
        check: None,
    },
];
