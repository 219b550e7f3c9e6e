//! D03 市规划和自然资源局 keeps houses by 证件号码, with pinyin fields, use codes and shares as fractions.

use serde_json::{Map, Value, json};

use super::column::{Column, Form::*, column};
use super::{Answer, Asked, Form, Row};

const USE: &[(&str, &str)] = &[
    (
        "10",
        "residential|residence|house|home|housing|dwelling|apartment|flat|住宅|成套住宅",
    ),
    ("20", "industrial|工业"),
    ("30", "commercial|shop|商业"),
    ("40", "education|教育"),
    ("50", "culture|文化"),
    ("60", "office|办公"),
    ("70", "military|军事"),
    ("80", "other|garage|parking|其他"),
];

const ACQUIRED_BY: &[(&str, &str)] = &[
    ("1", "purchase|买卖"),
    ("2", "gift|赠与"),
    ("3", "inheritance|继承"),
    ("4", "exchange|互换"),
    ("5", "build|自建"),
    ("9", "other|其他"),
];

const MORTGAGE: &[(&str, &str)] = &[
    ("0", "none|无"),
    ("1", "pre-notice|预告"),
    ("2", "registered|已登记"),
    ("3", "released|已注销"),
];

/// The most houses that a bare count stands for.
const MOST_HOUSES: u64 = 1_000;

const HOUSE: &[Column] = &[
    column("district|region", "xzqdm", Text).or("500103"),
    column("area_m2|area", "jzmj", Area),
    column("use", "ghyt", Code(USE)).or("10"),
    column("share_bp", "qlbl", Fraction).or("1/1"),
    column("acquired", "djsj", Date),
    column("title_hash|title_no", "qzhzy", Text),
];

pub(super) static FORMS: &[Form] = &[
    Form {
        fact_type: "estate.ownership",
        subject: "zjhm",
        columns: &[
            column("houses", "fwlist", Rows(HOUSE)),
            column("count", "fwts", Count),
        ],
        comparison: None,
        prepare: Some(list_the_houses),
    },
    Form {
        fact_type: "estate.title",
        subject: "zjhm",
        columns: &[
            column("valid", "qszt", Flag("1", "0")).or("1"),
            column("unit_no", "bdcdyh", Text),
            column("title_hash", "qzhzy", Text),
            column("owners", "qlrlist", Texts),
            column("is_owner", "sfqlr", Flag("1", "0")),
            column("share_bp", "qlbl", Fraction),
            column("district|region", "xzqdm", Text),
            column("registered|date|acquired", "djsj", Date),
            column("acquired_by|kind", "hqfs", Code(ACQUIRED_BY)),
            column("area|area_m2", "jzmj", Area),
            column("use", "ghyt", Code(USE)).or("10"),
            column("built_year", "jgnf", Count),
            column("price_fen", "cjje", Yuan),
            column("mortgaged", "dyzt", Flag("1", "0")).or("0"),
            column("sealed", "cfzt", Flag("1", "0")).or("0"),
            column("transfers_12m", "zrcs12", Count),
            column("title_no", "bdcqzh", Text),
            column("contract_no", "htbh", Text),
            column("name", "qlrmc", Text).compared(),
        ],
        comparison: Some(super::Comparison::always(
            "qszt",
            "1",
            "0",
            &["bdcqzh", "qlrmc"],
        )),
        prepare: None,
    },
    Form {
        fact_type: "estate.mortgage",
        subject: "zjhm",
        columns: &[
            column("state", "dyzt", Code(MORTGAGE)).or("0"),
            column("rank", "dysw", Count),
            column("cert_no", "dyzmh", Text),
            column("date", "djsj", Date),
            column("title_no", "bdcqzh", Text).compared(),
            column("unit_no", "bdcdyh", Text).compared(),
            column("contract_no", "htbh", Text).compared(),
            column("loan_no", "dkhtbh", Text).compared(),
        ],
        comparison: None,
        prepare: None,
    },
];

/// What an answer says of who or what was asked about, by fact type.
pub(super) static ANSWERS: &[(&str, Answer)] = &[
    ("estate.title", whose_title),
    ("estate.mortgage", same_mortgage),
];

/// A title of another home is not the one that was asked for; whose it is, the register knows better than the caller.
fn whose_title(asked: &Asked<'_>, row: &Row, said: &mut Row) -> bool {
    let owners = super::texts(row, "qlrlist");
    super::say_whether(row, "sfqlr", asked.is_among(&owners), said);
    super::hush_unless(asked.same(row, "bdcqzh"), "qszt", said);
    asked.same(row, "bdcdyh") && asked.same(row, "htbh")
}

fn same_mortgage(asked: &Asked<'_>, row: &Row, _: &mut Row) -> bool {
    ["bdcqzh", "bdcdyh", "htbh", "dkhtbh"]
        .iter()
        .all(|field| asked.same(row, field))
}

/// A register holds houses, not a number: a bare count becomes that many ordinary homes.
fn list_the_houses(given: &mut Map<String, Value>) -> Result<(), String> {
    let bare = if given.contains_key("houses") {
        None
    } else {
        given.get("count")
    };
    if let Some(count) = bare.and_then(Value::as_u64) {
        if count > MOST_HOUSES {
            return Err(format!("count 最多 {MOST_HOUSES}"));
        }
        let houses = (0..count).map(|_| json!({})).collect();
        given.insert("houses".to_owned(), Value::Array(houses));
    }
    super::count_the_list(given, "houses")
}
