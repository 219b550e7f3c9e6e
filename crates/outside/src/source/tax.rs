//! D07 市税务局 keeps invoices and deed tax by 纳税人识别号, which is a person's ID number.

use super::column::{Form::*, column};
use super::{Answer, Asked, Comparison, Form, Row};

pub(super) static FORMS: &[Form] = &[
    Form {
        fact_type: "tax.invoice",
        subject: "nsrsbh",
        columns: &[
            column("valid", "fpzt", Flag("1", "0")).or("1"),
            column("invoice_no|number", "fphm", Text),
            column("buyer_hash", "gmfzy", Text),
            column("amount_fen", "jshj", Yuan),
            column("date", "kprq", Date),
            column("red", "hzbz", Flag("1", "0")).or("0"),
            column("invoice_code|code", "fpdm", Text).compared(),
            column("contract_no", "htbh", Text).compared(),
        ],
        comparison: Some(Comparison::always("fpzt", "1", "0", &["fpdm", "fphm"])),
        prepare: None,
    },
    Form {
        fact_type: "tax.deed_tax",
        subject: "nsrsbh",
        columns: &[
            column("paid", "wszt", Flag("1", "0")).or("1"),
            column("amount_fen", "sjje", Yuan),
            column("price_fen", "jsjg", Yuan),
            column("date", "jkrq", Date),
            column("title_no", "bdcqzh", Text).compared(),
            column("contract_no", "htbh", Text).compared(),
        ],
        comparison: None,
        prepare: None,
    },
];

/// What an answer says of who or what was asked about, by fact type.
pub(super) static ANSWERS: &[(&str, Answer)] = &[
    ("tax.invoice", of_this_contract),
    ("tax.deed_tax", of_this_home),
];

fn of_this_contract(asked: &Asked<'_>, row: &Row, said: &mut Row) -> bool {
    super::hush_unless(
        asked.same(row, "fpdm") && asked.same(row, "fphm"),
        "fpzt",
        said,
    );
    asked.same(row, "htbh")
}

fn of_this_home(asked: &Asked<'_>, row: &Row, _: &mut Row) -> bool {
    asked.same(row, "htbh") && asked.same(row, "bdcqzh")
}
