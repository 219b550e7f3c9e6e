//! D12 市残联: certificates of disability, in the fields of the national register (GB/T 26341).

use super::Form as Interface;
use super::column::{Form::*, column};

/// 残疾类别.
const KIND: &[(&str, &str)] = &[
    ("1", "vision"),
    ("2", "hearing"),
    ("3", "speech"),
    ("4", "physical"),
    ("5", "intellectual"),
    ("6", "mental"),
    ("7", "multiple"),
];

/// 残疾等级: the first is the most severe.
const GRADE: &[(&str, &str)] = &[("1", "1"), ("2", "2"), ("3", "3"), ("4", "4")];

pub(super) static FORMS: &[Interface] = &[Interface {
    fact_type: "disabled.certificate",
    subject: "sfzh",
    keys: &[],
    columns: &[
        column("kind", "cjlb", Code(KIND)),
        column("grade", "cjdj", Code(GRADE)),
        column("valid_to", "yxqz", Date),
    ],
    check: None,
}];
