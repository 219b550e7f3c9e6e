//! B1 to B8 keep the home loans that they have given (个人住房贷款): each bank its own, one for each borrower, found by 证件号码 and 贷款账号.

use serde_json::Value;

use super::column::{Form::*, column};
use super::{Form, Row};

const FACT_TYPE: &str = "bank.loan_repayment";

const PURPOSE: &[(&str, &str)] = &[
    ("01", "house|购房"),
    ("02", "business|经营"),
    ("03", "consumption|消费"),
    ("04", "mortgage_equity|房产抵押"),
];

const ROLE: &[(&str, &str)] = &[
    ("1", "borrower|主借款人"),
    ("2", "co_owner|共有人"),
    ("3", "co_borrower|共同借款人"),
    ("4", "guarantor|保证人"),
];

const REPAID: &[super::Column] = &[
    column("date", "hkrq", Date),
    column("amount_fen", "bxhj", Yuan),
    column("penalty_fen", "fxje", Yuan),
];

pub(super) static FORMS: &[Form] = &[Form {
    fact_type: FACT_TYPE,
    subject: "zjhm",
    columns: &[
        column("role", "jkrlx", Code(ROLE)).or("1"),
        column("purpose", "dkyt", Code(PURPOSE)).or("01"),
        column("district", "fwxzq", Text),
        column("paid_fen", "ljhk", Yuan),
        column("balance_fen", "dkye", Yuan),
        column("instalments", "hkmx", Rows(REPAID)),
        column("early", "tqhkmx", Rows(REPAID)),
        column("overdue", "yqbz", Flag("1", "0")).or("0"),
        column("overdue_days", "yqts", Count).or("0"),
        column("pending", "clzbz", Flag("1", "0")).or("0"),
        column("closed_on", "jqrq", Date),
        column("loan_no", "dkzh", Text).compared(),
        column("name", "hm", Text).compared(),
    ],
    comparison: None,
    prepare: Some(add_up),
}];

/// What is not said is added up: all that was repaid, and whether anything is overdue.
fn add_up(given: &mut Row) -> Result<(), String> {
    let mut repaid = 0;
    for list in ["instalments", "early"] {
        let rows = given
            .entry(list)
            .or_insert_with(|| Value::Array(Vec::new()));
        let fen = |row: &Value| row.get("amount_fen").and_then(Value::as_i64);
        repaid += rows
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(fen)
            .sum::<i64>();
    }
    given.entry("paid_fen").or_insert_with(|| repaid.into());
    let days = given.get("overdue_days").and_then(Value::as_i64);
    given
        .entry("overdue")
        .or_insert_with(|| days.is_some_and(|days| days > 0).into());
    Ok(())
}

/// Who asks about another loan than the one that this person has here hears that there is none.
pub(super) fn is_another(fact_type: &str, row: &Row, asked: &Row) -> bool {
    let number = |fields: &Row| {
        let text = fields.get("dkzh").and_then(Value::as_str)?;
        Some(text.split_whitespace().collect::<String>())
    };
    fact_type == FACT_TYPE
        && matches!((number(row), number(asked)), (Some(held), Some(asked)) if held != asked)
}
