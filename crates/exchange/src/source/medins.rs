//! D11 市医保局: what treatment cost and what the patient paid himself, in the names of the national medical insurance platform.

use serde_json::{Map, Value};

use super::Form as Interface;
use super::column::{Form::*, column};
use crate::schema::ValueFault;

/// 医疗类别.
const CARE: &[(&str, &str)] = &[
    ("11", "outpatient"),
    ("14", "chronic"),
    ("21", "inpatient"),
    ("99", "all"),
];

pub(super) static FORMS: &[Interface] = &[Interface {
    fact_type: "medins.settlement",
    subject: "psn_certno",
    keys: &[("period", "setl_period")],
    columns: &[
        column("total_fen", "medfee_sumamt", Yuan),
        column("reimbursed_fen", "fund_pay_sumamt", Yuan),
        column("self_paid_fen", "psn_part_amt", Yuan),
        column("kind", "med_type", Code(CARE)),
    ],
    check: Some(parts_are_no_more_than_the_whole),
}];

/// What a fund and a patient paid is no more than what was charged.
fn parts_are_no_more_than_the_whole(value: &Map<String, Value>) -> Result<(), ValueFault> {
    let fen = |field: &str| value.get(field).and_then(Value::as_i64).unwrap_or_default();
    if fen("reimbursed_fen").saturating_add(fen("self_paid_fen")) > fen("total_fen") {
        return Err(ValueFault::Kind("self_paid_fen".to_owned()));
    }
    Ok(())
}
