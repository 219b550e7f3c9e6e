//! D18 中国银联 and B1 to B8: does this card or account belong to this person.

use super::Form as Interface;
use super::column::{Form::*, column};

const CARD: &[(&str, &str)] = &[
    ("01", "debit-1"),
    ("02", "debit-2"),
    ("03", "debit-3"),
    ("04", "credit"),
];

const CLASS: &[(&str, &str)] = &[("1", "1"), ("2", "2"), ("3", "3"), ("9", "credit")];

pub(super) static FORMS: &[Interface] = &[
    Interface {
        fact_type: "unionpay.card_auth",
        subject: "certNo",
        keys: &[("name", "name"), ("card_no", "accNo"), ("phone", "phoneNo")],
        columns: &[
            column("match", "respCode", Flag("00", "05")),
            column("card_type", "cardType", Code(CARD)),
            column("bank", "issInsName", Text),
        ],
        check: None,
    },
    Interface {
        fact_type: "bank.card_match",
        subject: "zjhm",
        keys: &[("name", "hm"), ("card_no", "zh"), ("phone", "sjh")],
        columns: &[
            column("match", "hcjg", Flag("1", "0")),
            column("class", "zhlb", Code(CLASS)),
        ],
        check: None,
    },
    Interface {
        fact_type: "bank.account_match",
        subject: "tyshxydm",
        keys: &[("name", "hm"), ("account_no", "zh")],
        columns: &[
            column("match", "hcjg", Flag("1", "0")),
            column("class", "zhlb", Text),
        ],
        check: None,
    },
];
