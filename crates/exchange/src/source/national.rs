//! D15 住建部全国平台: accounts, loans, withdrawals and the black list of other centres, in the names of JGJ/T 320.

use super::Form as Interface;
use super::column::{Column, Form::*, column};

/// 个人账户状态.
const ACCOUNT: &[(&str, &str)] = &[("01", "active"), ("02", "sealed"), ("03", "closed")];

/// 提取原因.
const REASON: &[(&str, &str)] = &[
    ("01", "PURCHASE"),
    ("02", "DOWNPAY"),
    ("03", "BUILD"),
    ("04", "REPAY"),
    ("05", "REPAY_AUTO"),
    ("06", "RENT"),
    ("07", "LIFT"),
    ("11", "RETIRE"),
    ("12", "DEATH"),
    ("13", "EMIGRATE"),
    ("14", "MOVE_OUT"),
    ("15", "DISABLED"),
    ("16", "LEAVE_2Y"),
    ("17", "LEAVE_NONLOCAL"),
    ("21", "LOW_INCOME"),
    ("22", "ILLNESS"),
];

const WITHDRAWAL: &[Column] = &[
    column("centre", "zxmc", Text),
    column("kind", "tqyy", Code(REASON)),
    column("event_key", "sxbs", Text),
    column("month", "ssny", Month),
    column("amount_fen", "tqje", Yuan),
    column("date", "tqrq", Date),
];

pub(super) static FORMS: &[Interface] = &[
    Interface {
        fact_type: "nhpf.withdrawal_elsewhere",
        subject: "zjhm",
        keys: &[],
        columns: &[column("items", "tqjl", Rows(WITHDRAWAL))],
        check: None,
    },
    Interface {
        fact_type: "nhpf.account_elsewhere",
        subject: "zjhm",
        keys: &[],
        columns: &[
            column("exists", "ydzhbz", Flag("1", "0")),
            column("centre", "zxmc", Text),
            column("state", "grzhzt", Code(ACCOUNT)),
            column("months_continuous", "lxjcys", Count),
        ],
        check: None,
    },
    Interface {
        fact_type: "nhpf.loan_elsewhere",
        subject: "zjhm",
        keys: &[],
        columns: &[
            column("count", "dkbs", Count),
            column("open", "wjqbz", Flag("1", "0")),
            column("settled_on", "jqrq", Date),
        ],
        check: None,
    },
    Interface {
        fact_type: "nhpf.contribution_elsewhere",
        subject: "zjhm",
        keys: &[],
        columns: &[
            column("centre", "zxmc", Text),
            column("opened", "khrq", Date),
            column("state", "grzhzt", Code(ACCOUNT)),
            column("months_continuous", "lxjcys", Count),
            column("balance_fen", "grzhye", Yuan),
            column("base_fen", "grjcjs", Yuan),
        ],
        check: None,
    },
    Interface {
        fact_type: "nhpf.blacklist",
        subject: "zjhm",
        keys: &[],
        columns: &[
            column("listed", "sxmd", Flag("1", "0")),
            column("from", "ksrq", Date),
            column("to", "jsrq", Date),
            column("centre", "zxmc", Text),
        ],
        check: None,
    },
];
