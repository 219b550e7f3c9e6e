//! D18 中国银联 and B1 to B8 know whose a card is; name, card and phone are compared, never said.

use super::column::{Form::*, column};
use super::{Comparison, Form, Row};

const CARD: &[(&str, &str)] = &[
    ("01", "debit-1|debit"),
    ("02", "debit-2"),
    ("03", "debit-3"),
    ("04", "credit"),
];

const CLASS: &[(&str, &str)] = &[
    ("1", "1|I|debit-1"),
    ("2", "2|II|debit-2"),
    ("3", "3|III|debit-3"),
    ("9", "credit"),
];

pub(super) static FORMS: &[Form] = &[
    Form {
        fact_type: "unionpay.card_auth",
        subject: "certNo",
        columns: &[
            column("match", "respCode", Flag("00", "05")).or("00"),
            column("card_type", "cardType", Code(CARD)).or("01"),
            column("bank", "issInsName", Text),
            column("name", "name", Text).compared(),
            column("card|card_no", "accNo", Text).compared(),
            column("phone", "phoneNo", Text).compared(),
        ],
        comparison: Some(Comparison::always(
            "respCode",
            "00",
            "05",
            &["name", "accNo", "phoneNo"],
        )),
        prepare: None,
    },
    Form {
        fact_type: "bank.card_match",
        subject: "zjhm",
        columns: &[
            column("match", "hcjg", Flag("1", "0")).or("1"),
            column("class", "zhlb", Code(CLASS)).or("1"),
            column("name", "hm", Text).compared(),
            column("card|card_no", "zh", Text).compared(),
            column("phone", "sjh", Text).compared(),
        ],
        comparison: Some(Comparison::always("hcjg", "1", "0", &["hm", "zh", "sjh"])),
        prepare: None,
    },
    Form {
        fact_type: "bank.account_match",
        subject: "tyshxydm",
        columns: &[
            column("match", "hcjg", Flag("1", "0")).or("1"),
            column("class", "zhlb", Text).or("基本存款账户"),
            column("name", "hm", Text).compared(),
            column("account|account_no", "zh", Text).compared(),
        ],
        comparison: Some(Comparison::always("hcjg", "1", "0", &["hm", "zh"])),
        prepare: None,
    },
];

/// Card and bank of a record that names both.
pub(super) fn issued(source: &str, fact_type: &str, row: &Row) -> Option<(String, String)> {
    let text = |field: &str| Some(row.get(field)?.as_str()?.to_owned());
    match fact_type {
        "unionpay.card_auth" => Some((text("accNo")?, text("issInsName")?)),
        "bank.card_match" => Some((text("zh")?, source.to_owned())),
        _ => None,
    }
}

/// What the issuing bank knows of a card that UnionPay has on record: the same, in its own words.
pub(super) fn at_issuer(fact_type: &str, row: &Row) -> Option<Row> {
    const FIELDS: [(&str, &str); 5] = [
        ("name", "hm"),
        ("accNo", "zh"),
        ("phoneNo", "sjh"),
        ("respCode", "hcjg"),
        ("cardType", "zhlb"),
    ];
    const CODES: [(&str, &str, &str); 6] = [
        ("hcjg", "00", "1"),
        ("hcjg", "05", "0"),
        ("zhlb", "01", "1"),
        ("zhlb", "02", "2"),
        ("zhlb", "03", "3"),
        ("zhlb", "04", "9"),
    ];
    if fact_type != "unionpay.card_auth" {
        return None;
    }
    let mut known = Row::new();
    for (theirs, ours) in FIELDS {
        if let Some(value) = row.get(theirs) {
            let code = CODES
                .iter()
                .find(|(field, code, _)| *field == ours && value == *code);
            let value = code.map_or_else(|| value.clone(), |(_, _, code)| (*code).into());
            known.insert(ours.to_owned(), value);
        }
    }
    Some(known)
}
