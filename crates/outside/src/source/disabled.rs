//! D12 市残联 keeps certificates of disability by 身份证号.

use super::Form;
use super::column::{Form::*, column};

const KIND: &[(&str, &str)] = &[
    ("1", "vision|视力"),
    ("2", "hearing|听力"),
    ("3", "speech|言语"),
    ("4", "physical|肢体"),
    ("5", "intellectual|智力"),
    ("6", "mental|精神"),
    ("7", "multiple|多重"),
];

const GRADE: &[(&str, &str)] = &[
    ("1", "1|一级"),
    ("2", "2|二级"),
    ("3", "3|三级"),
    ("4", "4|四级"),
];

pub(super) static FORMS: &[Form] = &[Form {
    fact_type: "disabled.certificate",
    subject: "sfzh",
    columns: &[
        column("kind", "cjlb", Code(KIND)),
        column("grade", "cjdj", Code(GRADE)),
        column("valid_to", "yxqz", Date),
    ],
    comparison: None,
    prepare: None,
}];
