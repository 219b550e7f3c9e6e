//! D13 市公安局出入境管理: who has settled abroad.

use super::Form as Interface;
use super::column::{Form::*, column};

pub(super) static FORMS: &[Interface] = &[Interface {
    fact_type: "immigration.settlement",
    subject: "zjhm",
    keys: &[],
    columns: &[
        column("settled_abroad", "djbz", Flag("1", "0")),
        column("country", "djgjdq", Text),
        column("date", "djrq", Date),
    ],
    check: None,
}];
