//! D04 市住房城乡建委 keeps filed contracts, leases, permits to build and added elevators by 身份证件号码 of who is a party to them.

use serde_json::Value;

use super::column::{Column, Form::*, column};
use super::{Answer, Asked, Comparison, Form, Row};

const USE: &[(&str, &str)] = &[
    ("10", "residential|residence|住宅"),
    ("20", "industrial|工业"),
    ("30", "commercial|shop|商业"),
    ("60", "office|办公"),
    ("70", "parking|garage|车位"),
    ("80", "other|其他"),
];

const BUILD: &[(&str, &str)] = &[
    ("1", "build|建造"),
    ("2", "rebuild|翻建"),
    ("3", "overhaul|repair|大修"),
    ("4", "decoration|装修"),
];

const DANGER: &[(&str, &str)] = &[("1", "A|a"), ("2", "B|b"), ("3", "C|c"), ("4", "D|d")];

const SHARE: &[Column] = &[
    column("title_hash|unit_no|title_no", "qzhzy", Text),
    column("share_fen", "ftje", Yuan),
    column("paid", "jfzt", Flag("1", "0")).or("0"),
];

pub(super) static FORMS: &[Form] = &[
    Form {
        fact_type: "housing.contract_filing",
        subject: "sfzjhm",
        columns: &[
            column("filed", "bazt", Flag("1", "0")).or("1"),
            column("contract_no", "htbh", Text),
            column("date", "barq", Date),
            column(
                "kind",
                "htlx",
                Code(&[("1", "presale|预售"), ("2", "stock|存量")]),
            ),
            column("buyers", "msrlist", Texts),
            column("is_buyer", "sfmsr", Flag("1", "0")),
            column("share_bp", "gybl", Fraction),
            column("unit_no", "bdcdyh", Text),
            column("district|region", "xzqdm", Text),
            column("use", "fwyt", Code(USE)).or("10"),
            column("price_fen", "htzj", Yuan),
            column("paid_fen", "yfk", Yuan),
            column("area|area_m2", "jzmj", Area),
            column("project", "xmmc", Text),
            column("cancelled", "zxbz", Flag("1", "0")).or("0"),
        ],
        comparison: Some(Comparison::always("bazt", "1", "0", &["htbh"])),
        prepare: None,
    },
    Form {
        fact_type: "housing.rental_filing",
        subject: "sfzjhm",
        columns: &[
            column("filed", "bazt", Flag("1", "0")).or("1"),
            column("lease_no", "zlhtbh", Text),
            column("district|region", "xzqdm", Text),
            column("from", "zlqsrq", Date),
            column("to", "zlzzrq", Date),
            column("rent_fen_month", "yzj", Yuan),
            column(
                "kind",
                "zllx",
                Code(&[
                    ("1", "market|市场"),
                    ("2", "public|公租"),
                    ("3", "affordable|保障"),
                ]),
            ),
        ],
        comparison: Some(Comparison::always("bazt", "1", "0", &["zlhtbh"])),
        prepare: None,
    },
    Form {
        fact_type: "housing.build_permit",
        subject: "sfzjhm",
        columns: &[
            column("valid", "xkzt", Flag("1", "0")).or("1"),
            column("permit_no", "xkzbh", Text),
            column("kind", "jslb", Code(BUILD)),
            column("owner", "jsrxm", Text),
            column("is_owner", "sfjsr", Flag("1", "0")),
            column("date", "fzrq", Date),
            column("danger_grade", "wfdj", Code(DANGER)),
            column("budget_fen", "ysje", Yuan),
        ],
        comparison: Some(Comparison::always("xkzt", "1", "0", &["xkzbh"])),
        prepare: None,
    },
    Form {
        fact_type: "housing.elevator_project",
        subject: "sfzjhm",
        columns: &[
            column("approved", "pfzt", Flag("1", "0")).or("1"),
            column("project_no", "xmbh", Text),
            column("date", "pfrq", Date),
            column("accepted_on", "ysrq", Date),
            column("units", "hs", Count),
            column("cost_fen", "zjje", Yuan),
            column("share_rule", "ftfs", Text),
            column("shares", "ftlist", Rows(SHARE)),
            column("listed", "zcbz", Flag("1", "0")),
            column("share_fen", "ftje", Yuan),
            column("paid", "jfzt", Flag("1", "0")),
        ],
        comparison: None,
        prepare: None,
    },
];

/// What an answer says of who or what was asked about, by fact type.
pub(super) static ANSWERS: &[(&str, Answer)] = &[
    ("housing.contract_filing", whose_contract),
    ("housing.build_permit", whose_permit),
    ("housing.elevator_project", share_of_the_home),
];

/// Whether who is asked about is among the buyers.
fn whose_contract(asked: &Asked<'_>, row: &Row, said: &mut Row) -> bool {
    let buyers = super::texts(row, "msrlist");
    super::say_whether(row, "sfmsr", asked.is_among(&buyers), said);
    super::hush_unless(asked.same(row, "htbh"), "bazt", said);
    true
}

/// Whether the permit is that of who is asked about.
fn whose_permit(asked: &Asked<'_>, row: &Row, said: &mut Row) -> bool {
    let owner: Vec<&str> = row
        .get("jsrxm")
        .and_then(Value::as_str)
        .into_iter()
        .collect();
    super::say_whether(row, "sfjsr", asked.is_among(&owner), said);
    super::hush_unless(asked.same(row, "xkzbh"), "xkzt", said);
    true
}

/// Of the homes that share the cost, the one that is asked about, by its number or the digest of its title.
fn share_of_the_home(asked: &Asked<'_>, row: &Row, said: &mut Row) -> bool {
    let Some(shares) = row.get("ftlist").and_then(Value::as_array) else {
        return asked.same(row, "xmbh");
    };
    let asked_for = |share: &&Value| {
        let home = share.get("qzhzy").and_then(Value::as_str);
        home.is_some_and(|home| {
            ["qzhzy", "bdcdyh"]
                .iter()
                .any(|key| asked.keys.get(*key).and_then(Value::as_str) == Some(home))
        })
    };
    let names_none = ["qzhzy", "bdcdyh"]
        .iter()
        .all(|key| !asked.keys.contains_key(*key));
    let mine = match shares.as_slice() {
        // Who names no home and shares with nobody means the only one.
        [only] if names_none => Some(only),
        shares => shares.iter().find(asked_for),
    };
    super::say_whether(row, "zcbz", mine.is_some(), said);
    for field in ["ftje", "jfzt"] {
        if let (false, Some(value)) = (
            row.contains_key(field),
            mine.and_then(|share| share.get(field)),
        ) {
            said.insert(field.to_owned(), value.clone());
        }
    }
    asked.same(row, "xmbh")
}
