//! D09 人民银行征信中心 keeps reports by 证件号码 and hands none out without an authorisation.

use super::Form;
use super::column::{Column, Form::*, column};

const HOUSE_LOANS: &[Column] = &[
    column("count", "fdbs", Count).or("0"),
    column("open", "wjqfdbs", Count),
];

pub(super) static FORMS: &[Form] = &[Form {
    fact_type: "pboc.credit_report",
    subject: "zjhm",
    columns: &[
        column("accounts", "zhlist", Texts),
        column("overdue_now_fen", "dqyqje", Yuan).or("0.00"),
        column("overdue_24m_count", "yqcs24", Count).or("0"),
        column("overdue_max_months", "zcyqys", Count),
        column("guarantees", "dbbs", Count),
        column("house_loans", "", Group(HOUSE_LOANS)),
        column("queries", "cxcs", Count),
        column("report_no", "bgbh", Text).or("C-0"),
    ],
    comparison: None,
    prepare: None,
}];
