//! D09 人民银行征信中心: the credit report, for which the person's signed authorisation is named (征信业管理条例第十八条).

use super::Form as Interface;
use super::column::{Column, Form::*, column};

const HOUSE_LOANS: &[Column] = &[
    column("count", "fdbs", Count),
    column("open", "wjqfdbs", Count),
];

pub(super) static FORMS: &[Interface] = &[Interface {
    fact_type: "pboc.credit_report",
    subject: "zjhm",
    keys: &[("authorisation", "sqszy"), ("authorisation_no", "sqsbh")],
    columns: &[
        column("accounts", "zhlist", Texts),
        column("overdue_now_fen", "dqyqje", Yuan),
        column("overdue_24m_count", "yqcs24", Count),
        column("overdue_max_months", "zcyqys", Count),
        column("guarantees", "dbbs", Count),
        column("house_loans", "", Group(HOUSE_LOANS)),
        column("queries", "cxcs", Count),
        column("report_no", "bgbh", Text),
    ],
    check: None,
}];
