//! B1 to B8 keep the home loans that they gave by 证件号码 of the borrower.

use super::column::{Form::*, column};
use super::{Answer, Asked, Comparison, Form, Row};

pub(super) static FORMS: &[Form] = &[Form {
    fact_type: "bank.commercial_loan",
    subject: "zjhm",
    columns: &[
        column("valid", "dkzt", Flag("1", "0")).or("1"),
        column("loan_no", "dkhtbh", Text),
        column(
            "purpose",
            "dkyt",
            Code(&[("1", "house|housing|购房"), ("9", "other|其他")]),
        )
        .or("1"),
        column("house", "fwzl", Text),
        column("principal_fen", "htje", Yuan),
        column("balance_fen", "dkye", Yuan),
        column("term", "dkqs", Count),
        column("rate", "zxll", Text),
        column("down_payment_fen", "sfk", Yuan),
        column("contract_no", "gfhtbh", Text).compared(),
        column("unit_no", "bdcdyh", Text).compared(),
    ],
    // A loan for another home is not a loan for this one.
    comparison: Some(Comparison::always("dkzt", "1", "0", &["gfhtbh", "bdcdyh"])),
    prepare: None,
}];

/// What an answer says of who or what was asked about, by fact type.
pub(super) static ANSWERS: &[(&str, Answer)] = &[("bank.commercial_loan", this_loan)];

fn this_loan(asked: &Asked<'_>, row: &Row, said: &mut Row) -> bool {
    super::hush_unless(
        asked.same(row, "gfhtbh") && asked.same(row, "bdcdyh"),
        "dkzt",
        said,
    );
    asked.same(row, "dkhtbh")
}
