//! D08 市高级人民法院: judgments in force and declarations of death.

use super::Form as Interface;
use super::column::{Form::*, column};

pub(super) static FORMS: &[Interface] = &[
    Interface {
        fact_type: "court.judgment",
        subject: "dsrzjhm",
        keys: &[("judgment_no", "ah")],
        columns: &[
            column("effective", "sxzt", Flag("1", "0")),
            column("kind", "ajlx", Text),
            column("parties", "dsr", Texts),
            column("result", "pjjg", Text),
            column("share_bp", "jcfewfb", Count),
        ],
        check: None,
    },
    Interface {
        fact_type: "court.death_declaration",
        subject: "sqrzjhm",
        keys: &[],
        columns: &[
            column("declared", "xgsw", Flag("1", "0")),
            column("date", "pjsxrq", Date),
        ],
        check: None,
    },
];
