//! D07 市税务局 keeps taxpayers by 纳税人识别号.

use super::Form;
use super::column::{Form::*, column};

const STATE: &[(&str, &str)] = &[
    ("03", "open|normal|正常"),
    ("05", "suspended|停业"),
    ("07", "cancelled|注销"),
    ("09", "abnormal|非正常"),
];

pub(super) static FORMS: &[Form] = &[
    Form {
        fact_type: "tax.registration",
        subject: "nsrsbh",
        columns: &[
            column("state", "swdjzt", Code(STATE)).or("03"),
            column("authority", "zgswjg", Text),
        ],
        comparison: None,
        prepare: None,
    },
    Form {
        fact_type: "tax.income",
        subject: "nsrsbh",
        columns: &[
            column("taxable_fen", "ynssde", Yuan).or("0.00"),
            column("months", "jnys", Count),
        ],
        comparison: None,
        prepare: None,
    },
    Form {
        fact_type: "tax.income_statement",
        subject: "nsrsbh",
        columns: &[
            column("revenue_fen", "yysr", Yuan),
            column("profit_fen", "lrze", SignedYuan),
            column("loss", "kszt", Flag("1", "0")).or("0"),
        ],
        comparison: None,
        prepare: None,
    },
];
