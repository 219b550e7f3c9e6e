//! One pass over one worksheet: where its header is, what stands under it, what is odd about it.

use super::cells::{CellKind, CellReader, Piece};
use super::fault::{Column, Notice};
use super::package::Package;
use super::place::Range;
use super::refusal::Refusal;
use super::sheet::{MAX_ROWS, Sheet};
use super::workbook::{SheetPart, Workbook};

/// A longer text in a cell is a fault of that cell; nothing of it is kept.
const MAX_CELL_BYTES: usize = 256;
/// Merged ranges named in a message, hidden rows named in a notice.
const MAX_NAMED: usize = 5;
/// Unknown columns that are named.
const MAX_UNKNOWN: usize = 50;

/// One row, as it was written.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) number: u32,
    pub(super) cells: [Stored; Column::ALL.len()],
}

/// A cell: its kind, and where its text stands in the text of all cells.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stored {
    pub(super) kind: CellKind,
    pub(super) is_too_long: bool,
    pub(super) start: u32,
    pub(super) length: u32,
}

/// Where the header stands.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) row: u32,
    /// The sheet's column, 1-based, of each column of a roster.
    pub(super) columns: [Option<u32>; Column::ALL.len()],
    /// Columns that mean nothing here.
    unknown: Vec<String>,
}

/// One pass over one sheet.
pub(super) struct Scan<'s> {
    part: &'s SheetPart,
    /// Which column a cell names as a header.
    named: fn(&str) -> Option<Column>,
    /// The sheet that already has a header.
    other_sheet: Option<&'s str>,
    pub(super) header: Option<Header>,
    /// What comes nearest to a header, in words.
    pub(super) nearest: Option<String>,
    /// Texts of the present row, until the header is found.
    titles: Vec<(u32, String)>,
    /// Which roster column a sheet's column is, by the sheet's column.
    column_at: Vec<Option<Column>>,
    /// How often each column's name stands in the present row.
    names_seen: [u8; Column::ALL.len()],
    rows: Vec<Row>,
    text: String,
    hidden_columns: Vec<(u32, u32)>,
    hidden_rows: Vec<u32>,
    merges: Vec<Range>,
}

impl<'s> Scan<'s> {
    pub(super) fn new(
        part: &'s SheetPart,
        other_sheet: Option<&'s str>,
        named: fn(&str) -> Option<Column>,
    ) -> Self {
        Self {
            part,
            named,
            other_sheet,
            header: None,
            nearest: None,
            titles: Vec::new(),
            column_at: Vec::new(),
            names_seen: [0; Column::ALL.len()],
            rows: Vec::new(),
            text: String::new(),
            hidden_columns: Vec::new(),
            hidden_rows: Vec::new(),
            merges: Vec::new(),
        }
    }

    pub(super) fn run(
        &mut self,
        package: &mut Package<'_>,
        workbook: &Workbook,
    ) -> Result<(), Refusal> {
        let mut cells = CellReader::new(
            package.part(&self.part.part)?,
            &workbook.strings,
            &workbook.formats,
        );
        let mut row = Row {
            number: 0,
            cells: Default::default(),
        };
        let mut is_hidden = false;
        while let Some(piece) = cells.next()? {
            match piece {
                Piece::HiddenColumns(first, last) => self.hidden_columns.push((first, last)),
                Piece::Row { number, hidden } => {
                    row = Row {
                        number,
                        cells: Default::default(),
                    };
                    is_hidden = hidden;
                    self.titles.clear();
                    self.names_seen = Default::default();
                }
                Piece::Cell { column, kind } => self.cell(&mut row, column, kind, cells.text()),
                Piece::RowEnd => self.row_end(
                    std::mem::replace(
                        &mut row,
                        Row {
                            number: 0,
                            cells: Default::default(),
                        },
                    ),
                    is_hidden,
                )?,
                Piece::Merge(range) if self.merges.len() < MAX_ROWS => self.merges.push(range),
                Piece::Merge(_) => return Err(Refusal::Merged(format!("共 {MAX_ROWS} 处以上"))),
            }
        }
        Ok(())
    }

    fn cell(&mut self, row: &mut Row, column: u32, kind: CellKind, text: &str) {
        if kind == CellKind::Text {
            if let Some(name) = (self.named)(text) {
                self.names_seen[name.index()] = self.names_seen[name.index()].saturating_add(1);
            }
            if self.header.is_none() {
                self.titles.push((column, text.chars().take(100).collect()));
            }
        }
        if let Some(Some(known)) = self.column_at.get(column as usize) {
            let is_too_long = text.len() > MAX_CELL_BYTES;
            let kept = if is_too_long { "" } else { text };
            row.cells[known.index()] = Stored {
                kind,
                is_too_long,
                start: u32::try_from(self.text.len()).expect("50,000 rows of 8 cells of 256 bytes"),
                length: u32::try_from(kept.len()).expect("bounded"),
            };
            self.text.push_str(kept);
        }
    }

    fn row_end(&mut self, row: Row, is_hidden: bool) -> Result<(), Refusal> {
        let is_header = Column::REQUIRED
            .into_iter()
            .all(|column| self.names_seen[column.index()] > 0);
        match (&self.header, is_header) {
            (None, true) => self.found_header(row.number),
            (None, false) => {
                self.compare_with_header(row.number);
                Ok(())
            }
            (Some(header), true) => Err(Refusal::HeaderTwice(format!(
                "工作表“{}”第 {} 行和第 {} 行",
                self.part.name, header.row, row.number
            ))),
            (Some(_), false) => self.data_row(row, is_hidden),
        }
    }

    fn found_header(&mut self, row: u32) -> Result<(), Refusal> {
        if let Some(other) = self.other_sheet {
            return Err(Refusal::HeaderTwice(format!(
                "工作表“{other}”和“{}”",
                self.part.name
            )));
        }
        let twice: Vec<&str> = Column::ALL
            .into_iter()
            .filter(|column| self.names_seen[column.index()] > 1)
            .map(Column::header)
            .collect();
        if !twice.is_empty() {
            return Err(Refusal::HeaderTwice(format!(
                "工作表“{}”第 {row} 行有两个“{}”",
                self.part.name,
                twice.join("”“")
            )));
        }
        let mut header = Header {
            row,
            columns: Default::default(),
            unknown: Vec::new(),
        };
        for (place, text) in self.titles.drain(..) {
            match (self.named)(&text) {
                Some(column) => {
                    header.columns[column.index()] = Some(place);
                    let slots = place as usize + 1;
                    self.column_at.resize(self.column_at.len().max(slots), None);
                    self.column_at[place as usize] = Some(column);
                }
                None if is_blank(&text) => {}
                None if header.unknown.len() < MAX_UNKNOWN => header.unknown.push(text),
                None => {}
            }
        }
        self.header = Some(header);
        Ok(())
    }

    /// Remembers the row that comes nearest to a header, so that the refusal can say what it lacks.
    fn compare_with_header(&mut self, row: u32) {
        let named = self.names_seen.iter().filter(|count| **count > 0).count();
        if named < 2 || self.nearest.is_some() {
            return;
        }
        let missing: Vec<&str> = Column::REQUIRED
            .into_iter()
            .filter(|column| self.names_seen[column.index()] == 0)
            .map(Column::header)
            .collect();
        self.nearest = Some(format!(
            "工作表“{}”第 {row} 行像表头，但缺少“{}”。",
            self.part.name,
            missing.join("”“")
        ));
    }

    fn data_row(&mut self, row: Row, is_hidden: bool) -> Result<(), Refusal> {
        let is_empty = row.cells.iter().all(|cell| {
            let text = &self.text[cell.start as usize..(cell.start + cell.length) as usize];
            cell.kind == CellKind::Empty
                || (cell.kind == CellKind::Text && !cell.is_too_long && is_blank(text))
        });
        if is_empty {
            return Ok(());
        }
        if self.rows.len() == MAX_ROWS {
            return Err(Refusal::TooManyRows(self.part.name.clone()));
        }
        if is_hidden {
            self.hidden_rows.push(row.number);
        }
        self.rows.push(row);
        Ok(())
    }

    pub(super) fn finish(self, date_1904: bool) -> Result<Sheet, Refusal> {
        let header = self
            .header
            .as_ref()
            .expect("called where a header was found");
        let Some(last) = self.rows.last() else {
            return Err(Refusal::Empty(self.part.name.clone()));
        };
        let among_data = |range: &&Range| {
            let columns = range.first_column..=range.last_column;
            range.last_row > header.row
                && range.first_row <= last.number
                && header
                    .columns
                    .iter()
                    .flatten()
                    .any(|column| columns.contains(column))
        };
        let merged: Vec<String> = self
            .merges
            .iter()
            .filter(among_data)
            .map(Range::to_string)
            .collect();
        if !merged.is_empty() {
            return Err(Refusal::Merged(some_of(&merged)));
        }
        let notices = self.notices(header);
        Ok(Sheet {
            name: self.part.name.clone(),
            notices,
            date_1904,
            header: self.header.expect("called where a header was found"),
            rows: self.rows,
            text: self.text,
        })
    }

    fn notices(&self, header: &Header) -> Vec<Notice> {
        let mut notices = Vec::new();
        if self.part.hidden {
            notices.push(Notice::whole(
                "W-ROW-05",
                format!("名册在隐藏的工作表“{}”里，已照常读取。", self.part.name),
            ));
        }
        for name in &header.unknown {
            notices.push(Notice::column(
                name.clone(),
                "W-ROW-01",
                format!("“{name}”不是名册的列，没有读取。"),
            ));
        }
        for column in Column::ALL {
            let place = header.columns[column.index()];
            if place.is_some_and(|place| {
                self.hidden_columns
                    .iter()
                    .any(|(first, last)| (*first..=*last).contains(&place))
            }) {
                notices.push(Notice::column(
                    column.header(),
                    "W-ROW-03",
                    format!("“{}”列是隐藏的，已照常读取。", column.header()),
                ));
            }
        }
        if !self.hidden_rows.is_empty() {
            let rows: Vec<String> = self.hidden_rows.iter().map(u32::to_string).collect();
            notices.push(Notice::whole(
                "W-ROW-02",
                format!(
                    "有 {} 行是隐藏的，已照常读取：第 {} 行。",
                    rows.len(),
                    some_of(&rows)
                ),
            ));
        }
        let blank: Vec<String> = self
            .rows
            .windows(2)
            .filter(|pair| pair[1].number - pair[0].number > 1)
            .map(|pair| match (pair[0].number + 1, pair[1].number - 1) {
                (first, last) if first == last => first.to_string(),
                (first, last) => format!("{first}–{last}"),
            })
            .collect();
        if !blank.is_empty() {
            notices.push(Notice::whole(
                "W-ROW-04",
                format!("中间有空行，已跳过：第 {} 行。", some_of(&blank)),
            ));
        }
        notices
    }
}

/// The first few, and how many there are in all.
fn some_of(items: &[String]) -> String {
    let shown = items[..items.len().min(MAX_NAMED)].join("、");
    if items.len() > MAX_NAMED {
        format!("{shown} 等 {} 处", items.len())
    } else {
        shown
    }
}

/// Whether nobody sees anything in a text.
pub(super) fn is_blank(text: &str) -> bool {
    text.chars().all(|c| {
        c == ' '
            || c.is_whitespace()
            || matches!(
                c,
                '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}' | '\u{00AD}'
            )
    })
}
