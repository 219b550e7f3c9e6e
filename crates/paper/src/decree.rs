//! 执法文书: notices, decisions and the papers of a file, which an employer or a court is given. What it says is words already.

use anju_domain::calendar::chinese_date;
use chrono::{Datelike, NaiveDate};
use typst::foundations::{Array, Datetime, Dict, IntoValue, Value};

use crate::PaperError;

pub(crate) const FILE: &str = "decree.typ";
pub(crate) const TEMPLATE: &str = include_str!("../templates/decree.typ");

/// A decision over many people fits; a mistake that fills reams does not.
pub(crate) const MOST_PAGES: usize = 20;

/// What stands on a paper of enforcement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecreeData {
    /// The centre that issues it.
    pub centre: String,
    /// 责令限期缴存决定书.
    pub title: String,
    /// 渝公积金决〔2026〕123号.
    pub number: String,
    /// Whom it addresses; empty for a paper of the file.
    pub to: String,
    /// Its paragraphs.
    pub body: Vec<String>,
    /// Heads of its table; empty where it has none.
    pub columns: Vec<String>,
    /// As many cells each as there are heads.
    pub rows: Vec<Vec<String>>,
    /// Under the table.
    pub foot: String,
    /// Its date.
    pub issued_on: NaiveDate,
    /// Whether it counts: a draft bears no seal.
    pub in_force: bool,
}

pub(crate) fn inputs(data: &DecreeData) -> Result<Dict, PaperError> {
    let texts = |texts: &[String]| -> Value {
        let texts: Array = texts.iter().map(|one| one.as_str().into_value()).collect();
        texts.into_value()
    };
    let rows: Array = data.rows.iter().map(|row| texts(row)).collect();
    let number = |part: u32| u8::try_from(part).expect("months and days are below 256");
    let day = Datetime::from_ymd(
        data.issued_on.year(),
        number(data.issued_on.month()),
        number(data.issued_on.day()),
    )
    .expect("a civil date is a date to typst too");
    let fields: [(&str, Value); 11] = [
        ("centre", data.centre.as_str().into_value()),
        ("title", data.title.as_str().into_value()),
        ("number", data.number.as_str().into_value()),
        ("to", data.to.as_str().into_value()),
        ("body", texts(&data.body)),
        ("columns", texts(&data.columns)),
        ("rows", rows.into_value()),
        ("foot", data.foot.as_str().into_value()),
        ("issued_on", chinese_date(data.issued_on).into_value()),
        ("issued_day", day.into_value()),
        ("in_force", data.in_force.into_value()),
    ];
    Ok(fields
        .into_iter()
        .map(|(name, value)| (name.into(), value))
        .collect())
}
