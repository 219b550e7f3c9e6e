//! D13 出入境管理 keeps who has settled abroad by 证件号码.

use super::Form;
use super::column::{Form::*, column};

pub(super) static FORMS: &[Form] = &[Form {
    fact_type: "immigration.settlement",
    subject: "zjhm",
    columns: &[
        column("settled_abroad", "djbz", Flag("1", "0")).or("1"),
        column("country", "djgjdq", Text),
        column("date", "djrq", Date),
    ],
    comparison: None,
    prepare: None,
}];
