//! D16 全国公积金银行结算系统 keeps payments by 业务流水号.

use super::Form;
use super::column::{Form::*, column};

const STATE: &[(&str, &str)] = &[
    ("1", "accepted|已受理"),
    ("2", "settled|成功"),
    ("3", "unknown|处理中"),
    ("4", "rejected|失败"),
];

pub(super) static FORMS: &[Form] = &[Form {
    fact_type: "settle.payment_status",
    subject: "ywlsh",
    columns: &[
        column("state", "jyzt", Code(STATE)).or("3"),
        column("bank_ref", "yhlsh", Text),
        column("settled_at", "jssj", Text),
        column("reason", "sbyy", Text),
    ],
    comparison: None,
    prepare: None,
}];
