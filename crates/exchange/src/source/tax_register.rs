//! D07 市税务局: registration, personal income, statements of enterprises.

use super::Form as Interface;
use super::column::{Form::*, column};

const STATE: &[(&str, &str)] = &[
    ("03", "open"),
    ("05", "suspended"),
    ("07", "cancelled"),
    ("09", "abnormal"),
];

pub(super) static FORMS: &[Interface] = &[
    Interface {
        fact_type: "tax.registration",
        subject: "nsrsbh",
        keys: &[],
        columns: &[
            column("state", "swdjzt", Code(STATE)),
            column("authority", "zgswjg", Text),
        ],
        check: None,
    },
    Interface {
        fact_type: "tax.income",
        subject: "nsrsbh",
        keys: &[("year", "nd")],
        columns: &[
            column("taxable_fen", "ynssde", Yuan),
            column("months", "jnys", Count),
        ],
        check: None,
    },
    Interface {
        fact_type: "tax.income_statement",
        subject: "nsrsbh",
        keys: &[("year", "nd")],
        columns: &[
            column("revenue_fen", "yysr", Yuan),
            column("profit_fen", "lrze", SignedYuan),
            column("loss", "kszt", Flag("1", "0")),
        ],
        check: None,
    },
];
