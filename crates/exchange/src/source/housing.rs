//! D04 市住房城乡建委: filed sales contracts and leases, permits to build, added elevators.

use super::Form as Interface;
use super::column::{Column, Form::*, column};

/// 房屋用途.
const USE: &[(&str, &str)] = &[
    ("10", "residential"),
    ("20", "industrial"),
    ("30", "commercial"),
    ("60", "office"),
    ("70", "parking"),
    ("80", "other"),
];

/// 建设类别.
const BUILD: &[(&str, &str)] = &[
    ("1", "build"),
    ("2", "rebuild"),
    ("3", "overhaul"),
    ("4", "decoration"),
];

/// 危房鉴定等级 (JGJ 125-2016).
const DANGER: &[(&str, &str)] = &[("1", "A"), ("2", "B"), ("3", "C"), ("4", "D")];

const SHARE: &[Column] = &[
    column("title_hash", "qzhzy", Text),
    column("share_fen", "ftje", Yuan),
    column("paid", "jfzt", Flag("1", "0")),
];

pub(super) static FORMS: &[Interface] = &[
    Interface {
        fact_type: "housing.contract_filing",
        subject: "sfzjhm",
        keys: &[("contract_no", "htbh"), ("name", "msrxm")],
        columns: &[
            column("filed", "bazt", Flag("1", "0")),
            column("contract_no", "htbh", Text),
            column("date", "barq", Date),
            column("kind", "htlx", Code(&[("1", "presale"), ("2", "stock")])),
            column("buyers", "msrlist", Texts),
            column("is_buyer", "sfmsr", Flag("1", "0")),
            column("share_bp", "gybl", Fraction),
            column("unit_no", "bdcdyh", Text),
            column("district", "xzqdm", Text),
            column("use", "fwyt", Code(USE)),
            column("price_fen", "htzj", Yuan),
            column("paid_fen", "yfk", Yuan),
            column("area", "jzmj", Area),
            column("project", "xmmc", Text),
            column("cancelled", "zxbz", Flag("1", "0")),
        ],
        check: None,
    },
    Interface {
        fact_type: "housing.rental_filing",
        subject: "sfzjhm",
        keys: &[("lease_no", "zlhtbh")],
        columns: &[
            column("filed", "bazt", Flag("1", "0")),
            column("lease_no", "zlhtbh", Text),
            column("district", "xzqdm", Text),
            column("from", "zlqsrq", Date),
            column("to", "zlzzrq", Date),
            column("rent_fen_month", "yzj", Yuan),
            column(
                "kind",
                "zllx",
                Code(&[("1", "market"), ("2", "public"), ("3", "affordable")]),
            ),
        ],
        check: None,
    },
    Interface {
        fact_type: "housing.build_permit",
        subject: "sfzjhm",
        keys: &[("permit_no", "xkzbh"), ("name", "jsrxm")],
        columns: &[
            column("valid", "xkzt", Flag("1", "0")),
            column("permit_no", "xkzbh", Text),
            column("kind", "jslb", Code(BUILD)),
            column("owner", "jsrxm", Text),
            column("is_owner", "sfjsr", Flag("1", "0")),
            column("date", "fzrq", Date),
            column("danger_grade", "wfdj", Code(DANGER)),
            column("budget_fen", "ysje", Yuan),
        ],
        check: None,
    },
    Interface {
        fact_type: "housing.elevator_project",
        subject: "sfzjhm",
        keys: &[
            ("project_no", "xmbh"),
            ("title_hash", "qzhzy"),
            ("unit_no", "bdcdyh"),
        ],
        columns: &[
            column("approved", "pfzt", Flag("1", "0")),
            column("project_no", "xmbh", Text),
            column("date", "pfrq", Date),
            column("accepted_on", "ysrq", Date),
            column("units", "hs", Count),
            column("cost_fen", "zjje", Yuan),
            column("share_rule", "ftfs", Text),
            column("shares", "ftlist", Rows(SHARE)),
            // Of the home asked about.
            column("listed", "zcbz", Flag("1", "0")),
            column("share_fen", "ftje", Yuan),
            column("paid", "jfzt", Flag("1", "0")),
        ],
        check: None,
    },
];
