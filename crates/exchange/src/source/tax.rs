//! D07 市税务局: invoices for homes, deed tax.

use super::Form as Interface;
use super::column::{Form::*, column};

pub(super) static FORMS: &[Interface] = &[
    Interface {
        fact_type: "tax.invoice",
        subject: "nsrsbh",
        keys: &[
            ("invoice_code", "fpdm"),
            ("invoice_no", "fphm"),
            ("contract_no", "htbh"),
        ],
        columns: &[
            column("valid", "fpzt", Flag("1", "0")),
            column("invoice_no", "fphm", Text),
            column("buyer_hash", "gmfzy", Text),
            column("amount_fen", "jshj", Yuan),
            column("date", "kprq", Date),
            column("red", "hzbz", Flag("1", "0")),
        ],
        check: None,
    },
    Interface {
        fact_type: "tax.deed_tax",
        subject: "nsrsbh",
        keys: &[("title_no", "bdcqzh"), ("contract_no", "htbh")],
        columns: &[
            column("paid", "wszt", Flag("1", "0")),
            column("amount_fen", "sjje", Yuan),
            column("price_fen", "jsjg", Yuan),
            column("date", "jkrq", Date),
        ],
        check: None,
    },
];
