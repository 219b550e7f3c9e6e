//! From the bytes of a file to the rows under its header.
//!
//! Invariant: whatever the bytes are, reading ends, needs bounded memory, and answers with a sheet or with
//! the reasons for which the file is refused whole.

use super::cells::{CellKind, CellReader, Piece, Range, column_letters};
use super::fault::{Column, Fault, Notice};
use super::package::Package;
use super::refusal::Refusal;
use super::workbook::{SheetPart, Workbook};

/// The most people in one roster.
pub const MAX_ROWS: usize = 50_000;
/// A longer text in a cell is a fault of that cell; nothing of it is kept.
const MAX_CELL_BYTES: usize = 256;
/// Merged ranges named in a message, hidden rows named in a notice.
const MAX_NAMED: usize = 5;
/// Unknown columns that are named.
const MAX_UNKNOWN: usize = 50;

/// The rows under the header of a roster, as they were written.
#[derive(Debug)]
pub struct Sheet {
    /// The worksheet's name.
    pub name: String,
    /// What the clerk should know about the file.
    pub notices: Vec<Notice>,
    /// Dates count from 1904.
    pub(super) date_1904: bool,
    header: Header,
    rows: Vec<Row>,
    /// The text of all cells in one piece of memory.
    text: String,
}

#[derive(Debug)]
struct Row {
    number: u32,
    cells: [Stored; Column::ALL.len()],
}

#[derive(Debug, Clone, Copy, Default)]
struct Stored {
    kind: CellKind,
    is_too_long: bool,
    start: u32,
    length: u32,
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
    let faults = |refusals: Vec<Refusal>| refusals.into_iter().map(Fault::from).collect::<Vec<_>>();
    let mut package = Package::open(bytes).map_err(|refusal| faults(vec![refusal]))?;
    let workbook = Workbook::read(&mut package).map_err(faults)?;
    let sheet = find_sheet(&mut package, &workbook).map_err(|refusal| faults(vec![refusal]))?;
    package
        .inflate_rest()
        .map_err(|refusal| faults(vec![refusal]))?;
    Ok(sheet)
}

/// Looks through all sheets for the one with the header.
fn find_sheet(package: &mut Package<'_>, workbook: &Workbook) -> Result<Sheet, Refusal> {
    let mut found: Option<Sheet> = None;
    let mut nearest: Option<String> = None;
    for part in &workbook.sheets {
        let mut scan = Scan::new(part, found.as_ref().map(|sheet| sheet.name.as_str()));
        scan.run(package, workbook)?;
        nearest = nearest.or(scan.nearest.take());
        if scan.header.is_some() {
            found = Some(scan.finish(workbook.date_1904)?);
        }
    }
    found.ok_or_else(|| Refusal::NoHeader(nearest.unwrap_or_default()))
}

#[derive(Debug)]
struct Header {
    row: u32,
    /// The sheet's column, 1-based, of each column of a roster.
    columns: [Option<u32>; Column::ALL.len()],
    /// Columns that mean nothing here.
    unknown: Vec<String>,
}

/// One pass over one sheet.
struct Scan<'s> {
    part: &'s SheetPart,
    /// The sheet that already has a header.
    other_sheet: Option<&'s str>,
    header: Option<Header>,
    /// What comes nearest to a header, in words.
    nearest: Option<String>,
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
    fn new(part: &'s SheetPart, other_sheet: Option<&'s str>) -> Self {
        Self {
            part,
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

    fn run(&mut self, package: &mut Package<'_>, workbook: &Workbook) -> Result<(), Refusal> {
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
            if let Some(name) = Column::of_header(text) {
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
            match Column::of_header(&text) {
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

    fn finish(self, date_1904: bool) -> Result<Sheet, Refusal> {
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

fn is_blank(text: &str) -> bool {
    text.chars().all(|c| {
        c == ' '
            || c.is_whitespace()
            || matches!(
                c,
                '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}' | '\u{00AD}'
            )
    })
}
