//! D20 重庆英才计划主管部门: the talent card.

use super::Form as Interface;
use super::column::{Form::*, column};

const LEVEL: &[(&str, &str)] = &[("A", "A"), ("B", "B"), ("C", "C"), ("S", "S")];

pub(super) static FORMS: &[Interface] = &[Interface {
    fact_type: "talent.card",
    subject: "zjhm",
    keys: &[],
    columns: &[
        column("level", "kjb", Code(LEVEL)),
        column("valid_to", "yxqz", Date),
    ],
    check: None,
}];
