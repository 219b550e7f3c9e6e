//! 服务效能, as a file: the same rows for a spreadsheet and for csv. Counts are numbers, so that they can be summed there; rates are percent.

use rust_xlsxwriter::{Format, Workbook, XlsxError};

use super::{BankTime, Figures};
use crate::workbook::{headed, number};

/// Heads with the width of their columns; the first four are words.
const COLUMNS: [(&str, u32); 19] = [
    ("期间", 26),
    ("分类", 12),
    ("事项", 28),
    ("事项标识", 36),
    ("办件", 10),
    ("网上办", 10),
    ("网办率（%）", 12),
    ("已决定", 10),
    ("规则自动决定", 14),
    ("秒批率（%）", 12),
    ("补过材料", 10),
    ("纸质率（%）", 12),
    ("按时决定", 10),
    ("按时率（%）", 12),
    ("银行已答复", 12),
    ("决定到银行中位（毫秒）", 22),
    ("决定到银行九成五（毫秒）", 24),
    ("纸面要跑（次/件）", 18),
    ("少跑腿（次）", 14),
];

/// A row: of a service in a period, or of all.
#[derive(Debug, Clone)]
pub struct Row {
    /// Period, group, service, id.
    pub words: [String; 4],
    /// Its measures.
    pub figures: Figures,
    /// How long its banks took.
    pub bank: BankTime,
    /// Trips that one takes on paper; none for all together.
    pub paper_trips: Option<i64>,
}

/// A cell: a count, a rate in basis points, or nothing.
enum Figure {
    Count(Option<i64>),
    Rate(Option<i64>),
}

impl Row {
    fn cells(&self) -> [Figure; 15] {
        use Figure::{Count, Rate};
        let one = &self.figures;
        [
            Count(Some(one.begun)),
            Count(Some(one.online)),
            Rate(one.online_bp()),
            Count(Some(one.decided)),
            Count(Some(one.by_rules)),
            Rate(one.instant_bp()),
            Count(Some(one.paper)),
            Rate(one.paper_bp()),
            Count(Some(one.in_time)),
            Rate(one.in_time_bp()),
            Count(Some(one.banked)),
            Count(self.bank.half_ms),
            Count(self.bank.slow_ms),
            Count(self.paper_trips),
            Count(Some(one.trips)),
        ]
    }
}

/// The rows as text with commas.
#[must_use]
pub fn csv(rows: &[Row]) -> String {
    let heads: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    let mut text = heads.join(",");
    text.push_str("\r\n");
    for row in rows {
        let mut cells: Vec<String> = row
            .words
            .iter()
            .map(|word| word.replace([',', '"', '\r', '\n'], " "))
            .collect();
        cells.extend(row.cells().iter().map(|figure| match figure {
            Figure::Count(count) => count.map_or_else(String::new, |count| count.to_string()),
            Figure::Rate(bp) => {
                bp.map_or_else(String::new, |bp| format!("{}.{:02}", bp / 100, bp % 100))
            }
        }));
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

/// The rows as an Excel workbook.
///
/// # Errors
/// When the file cannot be put together; no input leads there.
pub fn xlsx(rows: &[Row]) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let sheet = headed(&mut book, "服务效能", &COLUMNS)?;
    let percent = Format::new().set_num_format("0.00");
    for (line, row) in (1_u32..).zip(rows) {
        for (word, place) in row.words.iter().zip(0_u16..) {
            sheet.write_string(line, place, word)?;
        }
        for (figure, place) in row.cells().into_iter().zip(4_u16..) {
            match figure {
                Figure::Count(Some(count)) => {
                    sheet.write_number(line, place, number(count))?;
                }
                Figure::Rate(Some(bp)) => {
                    sheet.write_number_with_format(line, place, number(bp) / 100.0, &percent)?;
                }
                // Of nothing there is no rate: the cell stays empty.
                Figure::Count(None) | Figure::Rate(None) => {}
            }
        }
    }
    book.save_to_buffer()
}
