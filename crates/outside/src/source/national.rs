//! D15 住建部全国平台 keeps what other centres report, by 证件号码, in the names of JGJ/T 320.

use super::Form;
use super::column::{Column, Form::*, column};

const ACCOUNT: &[(&str, &str)] = &[
    ("01", "active|normal|正常"),
    ("02", "sealed|封存"),
    ("03", "closed|销户"),
];

const REASON: &[(&str, &str)] = &[
    ("01", "PURCHASE|purchase|购房提取"),
    ("02", "DOWNPAY|downpay|首付提取"),
    ("03", "BUILD|build|建房提取"),
    ("04", "REPAY|repay|还贷提取"),
    ("05", "REPAY_AUTO|repay_auto"),
    ("06", "RENT|rent|withdraw-rent|租房提取"),
    ("07", "LIFT|lift"),
    ("11", "RETIRE|retire|退休提取"),
    ("12", "DEATH|death"),
    ("13", "EMIGRATE|emigrate"),
    ("14", "MOVE_OUT|move_out"),
    ("15", "DISABLED|disabled"),
    ("16", "LEAVE_2Y|leave_2y"),
    ("17", "LEAVE_NONLOCAL|leave_nonlocal"),
    ("21", "LOW_INCOME|low_income"),
    ("22", "ILLNESS|illness"),
];

const WITHDRAWAL: &[Column] = &[
    column("centre", "zxmc", Text).or("成都住房公积金管理中心"),
    column("kind", "tqyy", Code(REASON)),
    column("event_key", "sxbs", Text),
    column("month", "ssny", Month),
    column("amount_fen", "tqje", Yuan),
    column("date", "tqrq", Date),
];

pub(super) static FORMS: &[Form] = &[
    Form {
        fact_type: "nhpf.withdrawal_elsewhere",
        subject: "zjhm",
        columns: &[column("items", "tqjl", Rows(WITHDRAWAL))],
        comparison: None,
        prepare: None,
    },
    Form {
        fact_type: "nhpf.account_elsewhere",
        subject: "zjhm",
        columns: &[
            column("exists", "ydzhbz", Flag("1", "0")).or("1"),
            column("centre", "zxmc", Text),
            column("state", "grzhzt", Code(ACCOUNT)),
            column("months_continuous", "lxjcys", Count),
        ],
        comparison: None,
        prepare: None,
    },
    Form {
        fact_type: "nhpf.loan_elsewhere",
        subject: "zjhm",
        columns: &[
            column("count", "dkbs", Count).or("0"),
            column("open", "wjqbz", Flag("1", "0")).or("0"),
            column("settled_on", "jqrq", Date),
        ],
        comparison: None,
        prepare: None,
    },
    Form {
        fact_type: "nhpf.contribution_elsewhere",
        subject: "zjhm",
        columns: &[
            column("centre", "zxmc", Text).or("成都住房公积金管理中心"),
            column("opened", "khrq", Date),
            column("state", "grzhzt", Code(ACCOUNT)).or("01"),
            column("months_continuous", "lxjcys", Count).or("0"),
            column("balance_fen", "grzhye", Yuan),
            column("base_fen", "grjcjs", Yuan),
        ],
        comparison: None,
        prepare: None,
    },
    Form {
        fact_type: "nhpf.blacklist",
        subject: "zjhm",
        columns: &[
            column("listed", "sxmd", Flag("1", "0")).or("1"),
            column("from", "ksrq", Date),
            column("to", "jsrq", Date),
            column("centre", "zxmc", Text),
        ],
        comparison: None,
        prepare: None,
    },
];
