//! 证明、对账单: a title, facts, tables and how the paper is checked. What it says is words already; how it looks is the template's.

use anju_domain::clock::{chinese_second, shanghai};
use chrono::{DateTime, NaiveDate, Utc};
use typst::foundations::{Array, Bytes, Dict, IntoValue, Value};

use crate::PaperError;
use crate::receipt::{day_of, in_groups_of_four, qr_svg};

pub(crate) const FILE: &str = "sheet.typ";
pub(crate) const TEMPLATE: &str = include_str!("../templates/sheet.typ");

/// What stands on a certificate or a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetData {
    /// The centre that issues it.
    pub centre: String,
    /// 住房公积金缴存证明.
    pub title: String,
    /// The sentence under the title; empty where the facts speak for themselves.
    pub lead: String,
    /// Labels and values.
    pub facts: Vec<SheetFact>,
    /// Tables after them.
    pub tables: Vec<SheetTable>,
    /// What the reader has to know.
    pub notes: Vec<String>,
    /// 校验码, without groups.
    pub code: String,
    /// Where the code is typed: the address as people copy it.
    pub verify_page: String,
    /// The address behind the QR code, with the code in it.
    pub verify_url: String,
    /// When it was issued.
    pub issued_at: DateTime<Utc>,
    /// The last day on which it holds.
    pub valid_until: Option<NaiveDate>,
}

/// A label and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetFact {
    /// 缴存基数.
    pub label: String,
    /// 10,000.00 元.
    pub value: String,
    /// What the paper is for.
    pub strong: bool,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetTable {
    /// Above it.
    pub title: String,
    /// Names, and whether figures stand under them.
    pub columns: Vec<(String, bool)>,
    /// As many cells each as there are columns.
    pub rows: Vec<Vec<String>>,
}

pub(crate) fn inputs(data: &SheetData) -> Result<Dict, PaperError> {
    let facts: Array = data
        .facts
        .iter()
        .map(|fact| {
            dict([
                ("label", fact.label.as_str().into_value()),
                ("value", fact.value.as_str().into_value()),
                ("strong", fact.strong.into_value()),
            ])
        })
        .collect();
    let tables: Array = data.tables.iter().map(table).collect();
    let notes: Array = data
        .notes
        .iter()
        .map(|note| note.as_str().into_value())
        .collect();
    let valid_until = data.valid_until.map_or(Value::None, |day| {
        anju_domain::calendar::chinese_date(day).into_value()
    });
    let fields: [(&str, Value); 12] = [
        ("centre", data.centre.as_str().into_value()),
        ("title", data.title.as_str().into_value()),
        ("lead", data.lead.as_str().into_value()),
        ("facts", facts.into_value()),
        ("tables", tables.into_value()),
        ("notes", notes.into_value()),
        ("code", in_groups_of_four(&data.code).into_value()),
        ("verify_page", data.verify_page.as_str().into_value()),
        (
            "qr",
            Bytes::from_string(qr_svg(&data.verify_url)?).into_value(),
        ),
        ("issued_at", chinese_second(data.issued_at).into_value()),
        ("valid_until", valid_until),
        (
            "issued_on",
            day_of(shanghai(data.issued_at).date_naive()).into_value(),
        ),
    ];
    Ok(fields
        .into_iter()
        .map(|(name, value)| (name.into(), value))
        .collect())
}

fn table(table: &SheetTable) -> Value {
    let columns: Array = table
        .columns
        .iter()
        .map(|(name, figures)| {
            dict([
                ("name", name.as_str().into_value()),
                ("figures", figures.into_value()),
            ])
        })
        .collect();
    let rows: Array = table
        .rows
        .iter()
        .map(|row| {
            let cells: Array = row.iter().map(|cell| cell.as_str().into_value()).collect();
            cells.into_value()
        })
        .collect();
    dict([
        ("title", table.title.as_str().into_value()),
        ("columns", columns.into_value()),
        ("rows", rows.into_value()),
    ])
}

fn dict<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let fields: Dict = fields
        .into_iter()
        .map(|(name, value)| (name.into(), value))
        .collect();
    fields.into_value()
}

#[cfg(test)]
pub(crate) mod tests;
