//! D03 市规划和自然资源局: homes owned, titles, mortgages.

use serde_json::{Map, Value};

use super::Form as Interface;
use super::column::{Column, Form::*, column};
use crate::schema::ValueFault;

/// 房屋规划用途 of the real-estate register.
const USE: &[(&str, &str)] = &[
    ("10", "residential"),
    ("11", "residential"),
    ("12", "residential"),
    ("13", "residential"),
    ("20", "industrial"),
    ("30", "commercial"),
    ("40", "education"),
    ("50", "culture"),
    ("60", "office"),
    ("70", "military"),
    ("80", "other"),
];

/// 取得方式.
const ACQUIRED_BY: &[(&str, &str)] = &[
    ("1", "purchase"),
    ("2", "gift"),
    ("3", "inheritance"),
    ("4", "exchange"),
    ("5", "build"),
    ("9", "other"),
];

/// 抵押状态.
const MORTGAGE: &[(&str, &str)] = &[
    ("0", "none"),
    ("1", "pre-notice"),
    ("2", "registered"),
    ("3", "released"),
];

const HOUSE: &[Column] = &[
    column("district", "xzqdm", Text),
    column("area_m2", "jzmj", Area),
    column("use", "ghyt", Code(USE)),
    column("share_bp", "qlbl", Fraction),
    column("acquired", "djsj", Date),
    column("title_hash", "qzhzy", Text),
];

pub(super) static FORMS: &[Interface] = &[
    Interface {
        fact_type: "estate.ownership",
        subject: "zjhm",
        keys: &[],
        columns: &[
            column("houses", "fwlist", Rows(HOUSE)),
            column("count", "fwts", Count),
        ],
        check: Some(houses_are_all_listed),
    },
    Interface {
        fact_type: "estate.title",
        subject: "zjhm",
        keys: &[
            ("title_no", "bdcqzh"),
            ("name", "qlrmc"),
            ("unit_no", "bdcdyh"),
            ("contract_no", "htbh"),
        ],
        columns: &[
            column("valid", "qszt", Flag("1", "0")),
            column("title_no", "bdcqzh", Text),
            column("unit_no", "bdcdyh", Text),
            column("contract_no", "htbh", Text),
            column("title_hash", "qzhzy", Text),
            column("owners", "qlrlist", Texts),
            column("is_owner", "sfqlr", Flag("1", "0")),
            column("share_bp", "qlbl", Fraction),
            column("district", "xzqdm", Text),
            column("registered", "djsj", Date),
            column("acquired_by", "hqfs", Code(ACQUIRED_BY)),
            column("area", "jzmj", Area),
            column("use", "ghyt", Code(USE)),
            column("built_year", "jgnf", Count),
            column("price_fen", "cjje", Yuan),
            column("mortgaged", "dyzt", Flag("1", "0")),
            column("sealed", "cfzt", Flag("1", "0")),
            column("transfers_12m", "zrcs12", Count),
        ],
        check: None,
    },
    Interface {
        fact_type: "estate.mortgage",
        subject: "zjhm",
        keys: &[
            ("title_no", "bdcqzh"),
            ("loan_no", "dkhtbh"),
            ("unit_no", "bdcdyh"),
            ("contract_no", "htbh"),
        ],
        columns: &[
            column("state", "dyzt", Code(MORTGAGE)),
            column("rank", "dysw", Count),
            column("cert_no", "dyzmh", Text),
            column("date", "djsj", Date),
        ],
        check: None,
    },
];

fn houses_are_all_listed(value: &Map<String, Value>) -> Result<(), ValueFault> {
    super::count_equals_list(value, "houses")
}
