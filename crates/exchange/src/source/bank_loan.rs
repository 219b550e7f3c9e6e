//! B1 to B8: what was repaid of a commercial home loan (商业住房贷款还款): each instalment and early repayment with its day, what is overdue,
//! when it was closed. The bank finds the loan by a borrower's ID number and the number of the loan.

use super::Form as Interface;
use super::column::{Form::*, column};

const PURPOSE: &[(&str, &str)] = &[
    ("01", "house"),
    ("02", "business"),
    ("03", "consumption"),
    ("04", "mortgage_equity"),
];

const ROLE: &[(&str, &str)] = &[
    ("1", "borrower"),
    ("2", "co_owner"),
    ("3", "co_borrower"),
    ("4", "guarantor"),
];

/// Principal and interest; a penalty is told apart, because nobody withdraws for it.
const REPAID: &[super::column::Column] = &[
    column("date", "hkrq", Date),
    column("amount_fen", "bxhj", Yuan),
    column("penalty_fen", "fxje", Yuan),
];

pub(super) static FORMS: &[Interface] = &[Interface {
    fact_type: "bank.loan_repayment",
    subject: "zjhm",
    keys: &[("name", "hm"), ("loan_no", "dkzh"), ("period", "tjqj")],
    columns: &[
        column("role", "jkrlx", Code(ROLE)),
        column("purpose", "dkyt", Code(PURPOSE)),
        column("district", "fwxzq", Text),
        column("paid_fen", "ljhk", Yuan),
        column("balance_fen", "dkye", Yuan),
        column("instalments", "hkmx", Rows(REPAID)),
        column("early", "tqhkmx", Rows(REPAID)),
        column("overdue", "yqbz", Flag("1", "0")),
        column("overdue_days", "yqts", Count),
        column("pending", "clzbz", Flag("1", "0")),
        column("closed_on", "jqrq", Date),
    ],
    check: None,
}];
