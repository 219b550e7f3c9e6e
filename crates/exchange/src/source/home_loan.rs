//! B1 to B8: loans for homes that a bank gives from its own money.

use super::Form as Interface;
use super::column::{Form::*, column};

pub(super) static FORMS: &[Interface] = &[Interface {
    fact_type: "bank.commercial_loan",
    subject: "zjhm",
    keys: &[
        ("loan_no", "dkhtbh"),
        ("contract_no", "gfhtbh"),
        ("unit_no", "bdcdyh"),
    ],
    columns: &[
        column("valid", "dkzt", Flag("1", "0")),
        column("loan_no", "dkhtbh", Text),
        column("purpose", "dkyt", Code(&[("1", "house"), ("9", "other")])),
        column("house", "fwzl", Text),
        column("principal_fen", "htje", Yuan),
        column("balance_fen", "dkye", Yuan),
        column("term", "dkqs", Count),
        column("rate", "zxll", Text),
        column("down_payment_fen", "sfk", Yuan),
    ],
    check: None,
}];
