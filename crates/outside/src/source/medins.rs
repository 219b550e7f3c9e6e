//! D11 市医保局 keeps settlements by 人员证件号码, in the names of the national medical insurance platform: one record sums up a person's
//! settlements of the period that it is asked for.

use super::Form;
use super::column::{Form::*, column};

/// 医疗类别.
const CARE: &[(&str, &str)] = &[
    ("14", "chronic|门诊慢特病"),
    ("21", "inpatient|住院"),
    ("99", "all|合计"),
];

pub(super) static FORMS: &[Form] = &[Form {
    fact_type: "medins.settlement",
    subject: "psn_certno",
    columns: &[
        column("total_fen", "medfee_sumamt", Yuan),
        column("reimbursed_fen", "fund_pay_sumamt", Yuan),
        column("self_paid_fen", "psn_part_amt", Yuan),
        column("kind", "med_type", Code(CARE)).or("99"),
    ],
    comparison: None,
    prepare: None,
}];
