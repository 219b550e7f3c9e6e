//! The cells of one worksheet, streamed: one pass over the XML, one cell in memory.
//!
//! Read by hand rather than with a library, because a clerk's sheet means more than its values: what is
//! hidden, what is merged, a formula that nobody calculated, how a number is shown.

use std::borrow::Cow;
use std::io::Read;

use quick_xml::events::{BytesStart, Event};

use super::format::{Format, Formats};
use super::package::Metered;
use super::place::{MAX_COLUMN, MAX_ROW, Range, column_number, parse_range};
use super::refusal::Refusal;
use super::strings::{Runs, SharedStrings};
use super::xml::{Xml, decode_escapes, each_attribute, is_true, push_text};

/// What the stream yields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// Columns that are hidden, 1-based, both inclusive.
    HiddenColumns(u32, u32),
    /// A row begins.
    Row { number: u32, hidden: bool },
    /// A cell that is not empty; its text is [`CellReader::text`].
    Cell { column: u32, kind: CellKind },
    /// The row is complete.
    RowEnd,
    /// Merged cells.
    Merge(Range),
}

/// What kind of value a cell holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum CellKind {
    #[default]
    Empty,
    Text,
    Number,
    /// A number shown as a percentage.
    Percent,
    /// A number shown as a date or a time.
    Date,
    Bool,
    /// `#REF!` and its kin.
    Error,
    /// A formula without a cached value.
    Uncalculated,
}

/// A worksheet as a stream of pieces.
pub(super) struct CellReader<'m, 'w, R: Read> {
    xml: Xml<'m, R>,
    strings: &'w SharedStrings,
    formats: &'w Formats,
    row: u32,
    column: u32,
    text: String,
    formula: String,
}

impl<'m, 'w, R: Read> CellReader<'m, 'w, R> {
    pub(super) fn new(
        part: Metered<'m, R>,
        strings: &'w SharedStrings,
        formats: &'w Formats,
    ) -> Self {
        Self {
            xml: Xml::new(part),
            strings,
            formats,
            row: 0,
            column: 0,
            text: String::new(),
            formula: String::new(),
        }
    }

    /// The text of the last cell: a text, the digits of a number, the name of an error.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The next piece, `None` at the end of the sheet.
    pub(super) fn next(&mut self) -> Result<Option<Piece>, Refusal> {
        loop {
            if let Some(piece) = self.plain_cell()? {
                return Ok(Some(piece));
            }
            let tag = Tag::of(&self.xml.next()?)?;
            let piece = match tag {
                Tag::Cell {
                    head,
                    is_empty: false,
                } => self.cell(&head)?,
                Tag::Cell {
                    head,
                    is_empty: true,
                } => {
                    self.begin_cell(head.column)?;
                    None
                }
                Tag::Row {
                    number,
                    hidden,
                    is_empty,
                } => {
                    let row = self.begin_row(number, hidden)?;
                    (!is_empty).then_some(row)
                }
                Tag::RowEnd => Some(Piece::RowEnd),
                Tag::Layout(piece) => Some(piece),
                Tag::Other => None,
                Tag::End => return Ok(None),
            };
            if piece.is_some() {
                return Ok(piece);
            }
        }
    }

    /// A cell of the form that nearly all have, read without its events.
    fn plain_cell(&mut self) -> Result<Option<Piece>, Refusal> {
        let Some(cell) = PlainCell::of(self.xml.ahead()?) else {
            return Ok(None);
        };
        self.text.clear();
        let kind = match cell.shared {
            Some(index) => {
                let shared = self.strings.get(index);
                self.text
                    .push_str(shared.ok_or(Refusal::Damaged("共享字符串对不上"))?);
                CellKind::Text
            }
            None => {
                self.text.push_str(cell.value);
                number_kind(self.formats, cell.style)
            }
        };
        let (column, length) = (cell.column, cell.length);
        self.xml.take(length);
        self.begin_cell(Some(column))?;
        Ok(Some(Piece::Cell { column, kind }))
    }

    fn begin_row(&mut self, number: Option<u32>, hidden: bool) -> Result<Piece, Refusal> {
        let number = number.unwrap_or(self.row + 1);
        if number <= self.row || number > MAX_ROW {
            return Err(Refusal::Damaged("行号不连续"));
        }
        (self.row, self.column) = (number, 0);
        Ok(Piece::Row { number, hidden })
    }

    fn begin_cell(&mut self, column: Option<u32>) -> Result<(), Refusal> {
        let column = column.unwrap_or(self.column + 1);
        if self.row == 0 || column <= self.column || column > MAX_COLUMN {
            return Err(Refusal::Damaged("单元格位置不连续"));
        }
        self.column = column;
        Ok(())
    }

    /// The text, its escapes decoded.
    fn decoded(&mut self) -> CellKind {
        if let Cow::Owned(decoded) = decode_escapes(&self.text) {
            self.text = decoded;
        }
        CellKind::Text
    }

    /// Reads one cell to its end.
    fn cell(&mut self, head: &CellHead) -> Result<Option<Piece>, Refusal> {
        self.begin_cell(head.column)?;
        self.text.clear();
        let mut runs = Runs::default();
        self.formula.clear();
        let (mut has_formula, mut has_value, mut inside) = (false, false, Inside::Nothing);
        loop {
            let event = self.xml.next()?;
            match &event {
                Event::Start(tag) | Event::Empty(tag) if inside == Inside::Nothing => {
                    let opens = matches!(event, Event::Start(_));
                    let part = match tag.local_name().as_ref() {
                        "v" => Inside::Value,
                        "f" => Inside::Formula,
                        "is" => Inside::Inline,
                        _ => Inside::Nothing,
                    };
                    has_value |= part == Inside::Value;
                    has_formula |= part == Inside::Formula;
                    if opens {
                        inside = part;
                    }
                }
                Event::End(tag) => match tag.local_name().as_ref() {
                    "c" => break,
                    "v" | "f" | "is" => inside = Inside::Nothing,
                    _ if inside == Inside::Inline => runs.accept(&event, &mut self.text)?,
                    _ => {}
                },
                Event::Eof => return Err(Refusal::Damaged("内容不完整")),
                event => match inside {
                    Inside::Value => push_text(&mut self.text, event)?,
                    Inside::Formula => push_text(&mut self.formula, event)?,
                    Inside::Inline => runs.accept(event, &mut self.text)?,
                    Inside::Nothing => {}
                },
            }
        }
        if names_another_file(&self.formula) {
            return Err(Refusal::Links);
        }
        let kind = match head.kind {
            ValueKind::Shared if has_value => {
                let index: usize = self
                    .text
                    .trim()
                    .parse()
                    .map_err(|_| Refusal::Damaged("共享字符串对不上"))?;
                let shared = self
                    .strings
                    .get(index)
                    .ok_or(Refusal::Damaged("共享字符串对不上"))?;
                self.text.clear();
                self.text.push_str(shared);
                CellKind::Text
            }
            ValueKind::Inline => self.decoded(),
            ValueKind::Text if has_value => self.decoded(),
            ValueKind::Bool if !self.text.is_empty() => CellKind::Bool,
            ValueKind::Error if !self.text.is_empty() => CellKind::Error,
            ValueKind::Date if !self.text.is_empty() => CellKind::Date,
            ValueKind::Number if !self.text.trim().is_empty() => {
                number_kind(self.formats, head.style)
            }
            _ if has_formula => CellKind::Uncalculated,
            _ => CellKind::Empty,
        };
        Ok((kind != CellKind::Empty).then_some(Piece::Cell {
            column: self.column,
            kind,
        }))
    }
}

/// How a number of this style is shown.
fn number_kind(formats: &Formats, style: usize) -> CellKind {
    match formats.get(style) {
        Format::Plain => CellKind::Number,
        Format::Percent => CellKind::Percent,
        Format::Date => CellKind::Date,
    }
}

/// A cell as nearly every program writes it, whole: `<c r="B7" s="2" t="s"><v>31</v></c>`, the style and the mark of a shared text or not.
/// What is written in any other way is read by its events.
struct PlainCell<'x> {
    column: u32,
    style: usize,
    /// Its place among the shared texts.
    shared: Option<usize>,
    /// The digits of a number.
    value: &'x str,
    /// All of it, in bytes.
    length: usize,
}

impl<'x> PlainCell<'x> {
    fn of(bytes: &'x [u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(b"<c r=\"")?;
        let (letters, rest) = run(rest, |byte| byte.is_ascii_uppercase());
        let (_, rest) = run(rest, |byte| byte.is_ascii_digit());
        let mut rest = rest.strip_prefix(b"\"")?;
        let mut style = 0;
        if let Some(after) = rest.strip_prefix(b" s=\"") {
            let (digits, after) = run(after, |byte| byte.is_ascii_digit());
            style = digits.parse().ok()?;
            rest = after.strip_prefix(b"\"")?;
        }
        let shared = rest.strip_prefix(b" t=\"s\"");
        let rest = shared.unwrap_or(rest).strip_prefix(b"><v>")?;
        let (value, rest) = run(rest, |byte| {
            byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e' | b'E')
        });
        let rest = rest.strip_prefix(b"</v></c>")?;
        if value.is_empty() {
            return None;
        }
        Some(Self {
            column: column_number(letters)?,
            style,
            shared: match shared {
                Some(_) => Some(value.parse().ok()?),
                None => None,
            },
            value,
            length: bytes.len() - rest.len(),
        })
    }
}

/// The ASCII bytes at the beginning that are of a kind, and what comes after them.
fn run(bytes: &[u8], is_one: impl Fn(u8) -> bool) -> (&str, &[u8]) {
    let end = bytes.iter().position(|byte| !is_one(*byte));
    let (one, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
    (std::str::from_utf8(one).unwrap_or_default(), rest)
}

/// The part of a cell that is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    Value,
    Formula,
    Inline,
}

/// Whether a formula draws on another workbook, `[other.xlsx]Sheet1!A1`, or on a program, `cmd|'/C calc'!A1`.
/// A column of a table, `Table1[[#This Row],[base]]`, is none.
fn names_another_file(formula: &str) -> bool {
    let mut rest = formula;
    let mut bare = String::new();
    while let Some((outside, text)) = rest.split_once('"') {
        bare.push_str(outside);
        rest = text.split_once('"').map_or("", |(_, after)| after);
    }
    bare.push_str(rest);
    let other_book = bare.match_indices(']').any(|(at, _)| {
        let after = &bare[at + 1..];
        after.find('!').is_some_and(|end| {
            let sheet = &after[..end];
            let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
            !sheet.is_empty() && (sheet.ends_with('\'') || sheet.chars().all(is_plain))
        })
    });
    other_book || (bare.contains('|') && bare.contains('!'))
}

/// What an event means between cells.
enum Tag {
    Cell {
        head: CellHead,
        is_empty: bool,
    },
    Row {
        number: Option<u32>,
        hidden: bool,
        is_empty: bool,
    },
    RowEnd,
    Layout(Piece),
    Other,
    End,
}

impl Tag {
    fn of(event: &Event<'_>) -> Result<Self, Refusal> {
        let is_empty = matches!(event, Event::Empty(_));
        match event {
            Event::Start(tag) | Event::Empty(tag) => match tag.local_name().as_ref() {
                "c" => Ok(Self::Cell {
                    head: CellHead::of(tag)?,
                    is_empty,
                }),
                "row" => {
                    let (number, hidden) = row_head(tag)?;
                    Ok(Self::Row {
                        number,
                        hidden,
                        is_empty,
                    })
                }
                "col" => Ok(hidden_columns(tag)?.map_or(Self::Other, Self::Layout)),
                "mergeCell" => Ok(Self::Layout(merge(tag)?)),
                _ => Ok(Self::Other),
            },
            Event::End(tag) if tag.local_name().as_ref() == "row" => Ok(Self::RowEnd),
            Event::Eof => Ok(Self::End),
            _ => Ok(Self::Other),
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
enum ValueKind {
    #[default]
    Number,
    Shared,
    Inline,
    Text,
    Bool,
    Error,
    Date,
}

#[derive(Default)]
struct CellHead {
    column: Option<u32>,
    style: usize,
    kind: ValueKind,
}

impl CellHead {
    fn of(tag: &BytesStart<'_>) -> Result<Self, Refusal> {
        let mut head = Self::default();
        let mut strange = false;
        each_attribute(tag, |name, value| match name {
            "r" => {
                head.column = column_number(value.trim_end_matches(|c: char| c.is_ascii_digit()));
                strange |= head.column.is_none();
            }
            "s" => head.style = value.parse().unwrap_or(0),
            "t" => match value {
                "n" => head.kind = ValueKind::Number,
                "s" => head.kind = ValueKind::Shared,
                "inlineStr" => head.kind = ValueKind::Inline,
                "str" => head.kind = ValueKind::Text,
                "b" => head.kind = ValueKind::Bool,
                "e" => head.kind = ValueKind::Error,
                "d" => head.kind = ValueKind::Date,
                _ => strange = true,
            },
            _ => {}
        })?;
        if strange {
            Err(Refusal::Damaged("单元格写法无法识别"))
        } else {
            Ok(head)
        }
    }
}

fn row_head(tag: &BytesStart<'_>) -> Result<(Option<u32>, bool), Refusal> {
    let (mut number, mut hidden, mut strange) = (None, false, false);
    each_attribute(tag, |name, value| match name {
        "r" => {
            number = value.parse().ok();
            strange |= number.is_none();
        }
        "hidden" => hidden |= is_true(value),
        "ht" => hidden |= value.parse::<f32>().is_ok_and(|height| height == 0.0),
        _ => {}
    })?;
    if strange {
        Err(Refusal::Damaged("行号无法识别"))
    } else {
        Ok((number, hidden))
    }
}

fn hidden_columns(tag: &BytesStart<'_>) -> Result<Option<Piece>, Refusal> {
    let (mut first, mut last, mut hidden) = (0, 0, false);
    each_attribute(tag, |name, value| match name {
        "min" => first = value.parse().unwrap_or(0),
        "max" => last = value.parse().unwrap_or(0),
        "hidden" => hidden |= is_true(value),
        "width" => hidden |= value.parse::<f32>().is_ok_and(|width| width == 0.0),
        _ => {}
    })?;
    Ok(hidden.then_some(Piece::HiddenColumns(first, last)))
}

fn merge(tag: &BytesStart<'_>) -> Result<Piece, Refusal> {
    let mut range = None;
    each_attribute(tag, |name, value| {
        if name == "ref" {
            range = parse_range(value);
        }
    })?;
    range
        .map(Piece::Merge)
        .ok_or(Refusal::Damaged("合并单元格写法无法识别"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_plain_only_where_its_events_would_say_the_same() {
        let plain = |text: &str| {
            PlainCell::of(text.as_bytes()).map(|cell| {
                (
                    (cell.column, cell.style, cell.shared),
                    (cell.value.to_owned(), cell.length),
                )
            })
        };
        let number = "<c r=\"AB12\" s=\"3\"><v>-1.5E+3</v></c><c r=\"AC12\"/>";
        let of_number = ((28, 3, None), ("-1.5E+3".to_owned(), 36));
        assert_eq!(plain(number), Some(of_number));
        let shared = "<c r=\"A2\" t=\"s\"><v>31</v></c></row>";
        let of_shared = ((1, 0, Some(31)), ("31".to_owned(), 29));
        assert_eq!(plain(shared), Some(of_shared));
        for other in [
            "<c r=\"A2\" t=\"s\"><v>31</v>",
            "<c r=\"A2\" t=\"s\"><v>-1</v></c>",
            "<c r=\"A2\" t=\"str\"><v>31</v></c>",
            "<c r=\"A2\"><f>B2</f><v>31</v></c>",
            "<c r=\"A2\"><v></v></c>",
            "<c r=\"A2\"><v>1&#50;</v></c>",
            "<c r=\"ABCD2\"><v>1</v></c>",
            "<c r=\"2\"><v>1</v></c>",
            "<c r=\"A2\" cm=\"1\"><v>1</v></c>",
            "<x:c r=\"A2\"><v>1</v></x:c>",
            "",
        ] {
            assert_eq!(plain(other), None, "{other}");
        }
    }

    #[test]
    fn a_formula_that_leaves_the_file_is_known() {
        for (formula, leaves) in [
            ("SUM(C2:C9)", false),
            ("IF(A1=\"[x]y!|\",1,2)", false),
            ("Table1[[#This Row],[base]]*2", false),
            ("Table1[base]-Sheet1!A1", false),
            ("工资!C2+'11月 工资'!C3", false),
            ("[1]Sheet1!A1", true),
            ("'C:\\dir\\[other.xlsx]Sheet 1'!$A$1*2", true),
            ("cmd|'/C calc'!A0", true),
        ] {
            assert_eq!(names_another_file(formula), leaves, "{formula}");
        }
    }
}
