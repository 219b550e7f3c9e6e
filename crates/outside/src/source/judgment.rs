//! D08 市高级人民法院 keeps judgments and declarations by the party's 证件号码.

use super::Form;
use super::column::{Form::*, column};

pub(super) static FORMS: &[Form] = &[
    Form {
        fact_type: "court.judgment",
        subject: "dsrzjhm",
        columns: &[
            column("effective", "sxzt", Flag("1", "0")).or("1"),
            column("kind", "ajlx", Text),
            column("parties", "dsr", Texts),
            column("result", "pjjg", Text),
            column("share_bp", "jcfewfb", Count),
            column("judgment_no", "ah", Text).compared(),
        ],
        comparison: None,
        prepare: None,
    },
    Form {
        fact_type: "court.death_declaration",
        subject: "sqrzjhm",
        columns: &[
            column("declared", "xgsw", Flag("1", "0")).or("1"),
            column("date", "pjsxrq", Date),
        ],
        comparison: None,
        prepare: None,
    },
];
