//! From the bytes of a file to the rows under its header.
//!
//! Invariant: whatever the bytes are, reading ends, needs bounded memory, and answers with a sheet or with
//! the reasons for which the file is refused whole.

use super::cells::CellKind;
use super::diagnosis::is_unseen_control;
use super::fault::{Column, Fault, Notice};
use super::package::Package;
use super::place::column_letters;
use super::refusal::Refusal;
use super::scan::{Header, Row, Scan, is_blank};
use super::workbook::Workbook;

/// The most people in one roster.
pub const MAX_ROWS: usize = 50_000;

/// The rows under the header of a roster, as they were written.
#[derive(Debug)]
pub struct Sheet {
    /// The worksheet's name.
    pub name: String,
    /// What the clerk should know about the file.
    pub notices: Vec<Notice>,
    /// Dates count from 1904.
    pub(super) date_1904: bool,
    pub(super) header: Header,
    pub(super) rows: Vec<Row>,
    /// The text of all cells in one piece of memory.
    pub(super) text: String,
}

/// The value of one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'s> {
    /// Nothing, or nothing but spaces.
    Empty,
    /// A text.
    Text(&'s str),
    /// A number's digits as the file has them.
    Number(&'s str),
    /// A number that is shown as a percentage.
    Percent(&'s str),
    /// A number that is shown as a date.
    Date(&'s str),
    /// TRUE or FALSE.
    Bool(bool),
    /// `#REF!` and its kin.
    Error(&'s str),
    /// A formula that was never calculated.
    Uncalculated,
    /// A text longer than any value of a roster.
    TooLong,
}

impl Sheet {
    /// The number of people's rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Never: an empty list is refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The row number, 1-based as Excel shows it, of the `index`th row.
    #[must_use]
    pub fn row_number(&self, index: usize) -> u32 {
        self.rows[index].number
    }

    /// The value of a cell of the `index`th row.
    #[must_use]
    pub fn value(&self, index: usize, column: Column) -> Value<'_> {
        let cell = self.rows[index].cells[column.index()];
        let text = &self.text[cell.start as usize..(cell.start + cell.length) as usize];
        match cell.kind {
            _ if cell.is_too_long => Value::TooLong,
            CellKind::Empty => Value::Empty,
            CellKind::Text if is_blank(text) => Value::Empty,
            CellKind::Text => Value::Text(text),
            CellKind::Number => Value::Number(text),
            CellKind::Percent => Value::Percent(text),
            CellKind::Date => Value::Date(text),
            CellKind::Bool => Value::Bool(text.trim() == "1"),
            CellKind::Error => Value::Error(text),
            CellKind::Uncalculated => Value::Uncalculated,
        }
    }

    /// What stands in a cell by its row's number, 1-based as Excel shows it; none where it is empty or no text was kept.
    #[must_use]
    pub fn text_at(&self, row: u32, column: Column) -> Option<&str> {
        let index = self.rows.iter().position(|one| one.number == row)?;
        match self.value(index, column) {
            Value::Text(text) | Value::Number(text) | Value::Percent(text) | Value::Date(text) => {
                Some(text)
            }
            _ => None,
        }
    }

    /// What a box that offers a cell for mending begins with: the text or number as it stands. Nothing where a box could not show
    /// it unchanged (a date, a sign that nobody sees) or must not (an ID number is masked on pages).
    #[must_use]
    pub fn offered(&self, row: u32, column: Column) -> Option<&str> {
        let index = self.rows.iter().position(|one| one.number == row)?;
        self.offered_at(index, column)
    }

    pub(super) fn offered_at(&self, index: usize, column: Column) -> Option<&str> {
        match self.value(index, column) {
            _ if column == Column::IdNumber => None,
            Value::Text(text) | Value::Number(text) | Value::Percent(text) => {
                (!text.chars().any(is_unseen_control)).then_some(text.trim())
            }
            _ => None,
        }
    }

    /// The row of the header, 1-based.
    #[must_use]
    pub fn header_row(&self) -> u32 {
        self.header.row
    }

    /// The place of a column in the sheet, zero-based.
    pub(super) fn place(&self, column: Column) -> Option<u16> {
        self.header.columns[column.index()].and_then(|column| u16::try_from(column - 1).ok())
    }

    /// The letters of a column, where the sheet has it: `F` beside 缴存基数.
    #[must_use]
    pub fn letters(&self, column: Column) -> Option<String> {
        self.header.columns[column.index()].map(column_letters)
    }
}

/// Opens a file and reads the rows under its header.
///
/// # Errors
/// The reasons for which the file is refused whole; the table stands at the head of [`super`].
pub fn read(bytes: &[u8]) -> Result<Sheet, Vec<Fault>> {
    read_named(bytes, Column::of_header)
}

/// The same for a file whose columns have other names.
pub(super) fn read_named(
    bytes: &[u8],
    named: fn(&str) -> Option<Column>,
) -> Result<Sheet, Vec<Fault>> {
    let faults = |refusals: Vec<Refusal>| refusals.into_iter().map(Fault::from).collect::<Vec<_>>();
    let mut package = Package::open(bytes).map_err(|refusal| faults(vec![refusal]))?;
    let workbook = Workbook::read(&mut package).map_err(faults)?;
    let sheet =
        find_sheet(&mut package, &workbook, named).map_err(|refusal| faults(vec![refusal]))?;
    package
        .inflate_rest()
        .map_err(|refusal| faults(vec![refusal]))?;
    Ok(sheet)
}

/// Looks through all sheets for the one with the header.
fn find_sheet(
    package: &mut Package<'_>,
    workbook: &Workbook,
    named: fn(&str) -> Option<Column>,
) -> Result<Sheet, Refusal> {
    let mut found: Option<Sheet> = None;
    let mut nearest: Option<String> = None;
    for part in &workbook.sheets {
        let other = found.as_ref().map(|sheet| sheet.name.as_str());
        let mut scan = Scan::new(part, other, named);
        scan.run(package, workbook)?;
        nearest = nearest.or(scan.nearest.take());
        if scan.header.is_some() {
            found = Some(scan.finish(workbook.date_1904)?);
        }
    }
    found.ok_or_else(|| Refusal::NoHeader(nearest.unwrap_or_default()))
}
