//! D20 重庆英才计划主管部门 keeps cards by 证件号码.

use super::Form;
use super::column::{Form::*, column};

const LEVEL: &[(&str, &str)] = &[("A", "A|a"), ("B", "B|b"), ("C", "C|c"), ("S", "S|s")];

pub(super) static FORMS: &[Form] = &[Form {
    fact_type: "talent.card",
    subject: "zjhm",
    columns: &[
        column("level", "kjb", Code(LEVEL)).or("A"),
        column("valid_to", "yxqz", Date),
    ],
    comparison: None,
    prepare: None,
}];
