//! 受影响的人, as a file for a spreadsheet: amounts are numbers, so that they can be summed there.

use anju_domain::money::Fen;
use rust_xlsxwriter::{Format, Workbook, XlsxError};

use crate::workbook::{headed, number};

/// A person of the list, as it may be shown.
#[derive(Debug, Clone)]
pub struct Row {
    /// Masked.
    pub name: String,
    /// 客户号.
    pub number: String,
    /// 区县.
    pub district: String,
    /// Income band.
    pub band: String,
    /// Cases that come out otherwise.
    pub cases: i64,
    /// Paid by the version in force.
    pub was: Fen,
    /// Paid by the draft.
    pub now: Fen,
    /// What becomes of him.
    pub word: String,
}

/// Heads with the width of their columns.
const COLUMNS: [(&str, u32); 9] = [
    ("姓名", 12),
    ("客户号", 18),
    ("区县", 12),
    ("缴存基数（元）", 20),
    ("件数", 8),
    ("现行（元）", 14),
    ("草案（元）", 14),
    ("增减（元）", 14),
    ("结果", 14),
];

/// The list as an Excel workbook.
///
/// # Errors
/// When the file cannot be put together; no input leads there.
pub fn of(rows: &[Row]) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let sheet = headed(&mut book, "受影响的人", &COLUMNS)?;
    let money = Format::new().set_num_format("#,##0.00");
    for (line, row) in (1_u32..).zip(rows) {
        let words = [&row.name, &row.number, &row.district, &row.band];
        for (word, place) in words.into_iter().zip(0_u16..) {
            sheet.write_string(line, place, word)?;
        }
        sheet.write_number(line, 4, number(row.cases))?;
        let amounts = [row.was.fen(), row.now.fen(), row.now.fen() - row.was.fen()];
        for (fen, place) in amounts.into_iter().zip(5_u16..) {
            sheet.write_number_with_format(line, place, number(fen) / 100.0, &money)?;
        }
        sheet.write_string(line, 8, &row.word)?;
    }
    book.save_to_buffer()
}
