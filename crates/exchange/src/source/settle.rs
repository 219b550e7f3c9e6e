//! D16 全国公积金银行结算系统: what became of a payment.

use super::Form as Interface;
use super::column::{Form::*, column};

const STATE: &[(&str, &str)] = &[
    ("1", "accepted"),
    ("2", "settled"),
    ("3", "unknown"),
    ("4", "rejected"),
];

pub(super) static FORMS: &[Interface] = &[Interface {
    fact_type: "settle.payment_status",
    subject: "ywlsh",
    keys: &[],
    columns: &[
        column("state", "jyzt", Code(STATE)),
        column("bank_ref", "yhlsh", Text),
        column("settled_at", "jssj", Text),
        column("reason", "sbyy", Text),
    ],
    check: None,
}];
