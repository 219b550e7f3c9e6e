//! D06 市市场监管局: changes of a registration as the hourly file brings them.

use super::Form as Interface;
use super::column::{Form::*, column};

const EVENT: &[(&str, &str)] = &[("1", "changed"), ("2", "cancelled"), ("3", "revoked")];

pub(super) static FORMS: &[Interface] = &[Interface {
    fact_type: "market.status_change",
    subject: "tyshxydm",
    keys: &[],
    columns: &[
        column("event", "bglx", Code(EVENT)),
        column("date", "bgrq", Date),
    ],
    check: None,
}];
