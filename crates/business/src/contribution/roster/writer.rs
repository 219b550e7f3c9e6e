//! Rosters as files for the clerk: the empty template, last month's list, and the clerk's own rows with a
//! red note at every wrong cell.
//!
//! Invariant: ID numbers and phones are text in text format, since a spreadsheet keeps fifteen digits of a
//! number; and what is written here is read again by [`super::read`].

use std::collections::{HashMap, HashSet};

use anju_domain::calendar::Month;
use anju_domain::id_number::IdNumber;
use anju_domain::money::Fen;
use anju_domain::name::PersonName;
use rust_xlsxwriter::{
    Color, DataValidation, DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Note,
    Workbook, Worksheet, XlsxError,
};

use super::difference::LastLine;
use super::fault::{AMOUNT, Absent, Column, Fault};
use super::line::Change;
use super::sheet::{MAX_ROWS, Sheet, Value};

/// The first row below the template's header, zero-based.
const FIRST_ROW: u32 = 1;

/// The empty template (模板) of a month.
///
/// # Errors
/// When the file cannot be put together; no input leads there.
pub fn template(month: Month) -> Result<Vec<u8>, XlsxError> {
    let mut book = book_of(month)?;
    let sheet = book.add_worksheet();
    sheet.set_name(format!("{}清册", month.chinese()))?;
    header(sheet, 0, &template_columns())?;
    guide(book.add_worksheet())?;
    book.save_to_buffer()
}

/// A list of amounts (住房补贴清册): everybody with his name and number, the amount of the last list or none.
///
/// # Errors
/// When the file cannot be put together; no input leads there.
pub fn amounts(
    month: Month,
    people: &[(PersonName, IdNumber, Option<Fen>)],
) -> Result<Vec<u8>, XlsxError> {
    let mut book = book_of(month)?;
    let sheet = book.add_worksheet();
    sheet.set_name("住房补贴")?;
    let style = Format::new()
        .set_bold()
        .set_align(FormatAlign::Center)
        .set_border_bottom(FormatBorder::Thin);
    let names = [
        (Column::Name.header(), 14),
        (Column::IdNumber.header(), 22),
        (AMOUNT, 14),
    ];
    for ((name, width), place) in names.into_iter().zip(0_u16..) {
        sheet.set_column_width(place, width)?;
        sheet.write_string_with_format(0, place, name, &style)?;
    }
    let (text, money) = (text_format(), Format::new().set_num_format("#,##0.00"));
    for (row, (name, id_number, amount)) in (FIRST_ROW..).zip(people) {
        sheet.write_string_with_format(row, 0, name.expose(), &text)?;
        sheet.write_string_with_format(row, 1, id_number.expose(), &text)?;
        if let Some(amount) = amount {
            sheet.write_number_with_format(row, 2, cell_number(*amount), &money)?;
        }
    }
    sheet.set_freeze_panes(1, 0)?;
    book.save_to_buffer()
}

/// The list of the month before (上月名册) as a roster of `month`: the clerk marks what changes.
/// 月缴存额 stays empty, so that a new base needs no new amount.
///
/// # Errors
/// When the file cannot be put together; no input leads there.
pub fn last_roster(month: Month, lines: &[LastLine]) -> Result<Vec<u8>, XlsxError> {
    let mut book = book_of(month)?;
    let sheet = book.add_worksheet();
    sheet.set_name(format!("{}清册", month.chinese()))?;
    header(sheet, 0, &template_columns())?;
    let (text, money) = (text_format(), Format::new().set_num_format("#,##0.00"));
    for (row, line) in (FIRST_ROW..).zip(lines) {
        sheet.write_string_with_format(row, place(Column::Name), line.name.expose(), &text)?;
        sheet.write_string_with_format(
            row,
            place(Column::IdNumber),
            line.id_number.expose(),
            &text,
        )?;
        sheet.write_number_with_format(row, place(Column::Base), cell_number(line.base), &money)?;
        sheet.write_string(
            row,
            place(Column::EmployerRatio),
            line.ratios.employer.to_string(),
        )?;
        sheet.write_string(
            row,
            place(Column::EmployeeRatio),
            line.ratios.employee.to_string(),
        )?;
    }
    guide(book.add_worksheet())?;
    book.save_to_buffer()
}

/// The clerk's rows, each in its own row and column, with every wrong cell in red and noted
/// (标注好的 Excel); a second sheet lists all faults, those without a cell too.
///
/// # Errors
/// When the file cannot be put together; no input leads there.
pub fn annotated(month: Month, roster: &Sheet, faults: &[Fault]) -> Result<Vec<u8>, XlsxError> {
    let mut book = book_of(month)?;
    let sheet = book.add_worksheet();
    sheet.set_name("标注")?;
    let columns: Vec<(Column, u16)> = Column::ALL
        .into_iter()
        .filter_map(|column| Some((column, roster.place(column)?)))
        .collect();
    header(sheet, roster.header_row() - 1, &columns)?;
    let mut messages: HashMap<(u32, &str), Vec<&str>> = HashMap::new();
    for fault in faults {
        if let (Some(row), Some(column)) = (fault.row, fault.column) {
            messages
                .entry((row, column))
                .or_default()
                .push(&fault.message);
        }
    }
    for index in 0..roster.len() {
        let row = roster.row_number(index);
        for (column, place) in &columns {
            let messages = messages.get(&(row, column.header()));
            copy_cell(
                sheet,
                row - 1,
                *place,
                roster.value(index, *column),
                messages.is_some(),
            )?;
            if let Some(messages) = messages {
                sheet.insert_note(
                    row - 1,
                    *place,
                    &Note::new(messages.join("\n"))
                        .add_author_prefix(false)
                        .set_width(260),
                )?;
            }
        }
    }
    fault_list(book.add_worksheet(), faults)?;
    book.save_to_buffer()
}

/// What a clerk mends in a list without sending it again; rows are 1-based as Excel shows them.
#[derive(Debug, Default)]
pub struct Mends {
    /// Cells typed anew. A box left empty, or as it was offered, leaves its cell as it is: nothing is lost by silence.
    pub typed: HashMap<(u32, Column), String>,
    /// Cells that the clerk asked to empty.
    pub emptied: HashSet<(u32, Column)>,
    /// Rows that are left out.
    pub dropped: HashSet<u32>,
    /// Who stands in no row, and what becomes of him: nothing changes, or a change.
    pub added: Vec<(Absent, Option<Change>)>,
}

impl Mends {
    /// No row changes the ratio: every 变更 is emptied, every ratio that was typed for it, and every amount that was reckoned with it.
    pub fn keep_ratios(&mut self, roster: &Sheet) {
        let columns = [
            Column::Change,
            Column::EmployerRatio,
            Column::EmployeeRatio,
            Column::Monthly,
        ];
        let rows = (0..roster.len()).map(|index| roster.row_number(index));
        self.emptied
            .extend(rows.flat_map(|row| columns.map(|column| (row, column))));
    }

    /// The cell as the clerk left it.
    fn value<'m>(&'m self, roster: &'m Sheet, index: usize, column: Column) -> Value<'m> {
        let cell = (roster.row_number(index), column);
        if column.may_be_empty() && self.emptied.contains(&cell) {
            return Value::Empty;
        }
        let typed = self.typed.get(&cell).map_or("", |text| text.trim());
        if typed.is_empty() || roster.offered_at(index, column) == Some(typed) {
            return roster.value(index, column);
        }
        Value::Text(typed)
    }

    /// The columns of the mended list: those of the clerk's, and behind them whatever was typed into a column that it lacks.
    fn columns(&self, roster: &Sheet) -> Vec<(Column, u16)> {
        let mut columns: Vec<(Column, u16)> = Column::ALL
            .into_iter()
            .filter_map(|column| Some((column, roster.place(column)?)))
            .collect();
        let behind = columns
            .iter()
            .map(|(_, place)| place + 1)
            .max()
            .unwrap_or_default();
        let lacking = Column::ALL.into_iter().filter(|column| {
            let typed = || self.typed.keys().any(|(_, typed)| typed == column);
            let changed = || {
                *column == Column::Change && self.added.iter().any(|(_, change)| change.is_some())
            };
            roster.place(*column).is_none() && (typed() || changed())
        });
        columns.extend(lacking.zip(behind..));
        columns
    }
}

/// The clerk's rows as he mended them, to be read again as a roster of its own.
///
/// # Errors
/// When the file cannot be put together; no input leads there.
pub fn mended(month: Month, roster: &Sheet, mends: &Mends) -> Result<Vec<u8>, XlsxError> {
    let mut book = book_of(month)?;
    let sheet = book.add_worksheet();
    sheet.set_name(format!("{}清册", month.chinese()))?;
    let columns = mends.columns(roster);
    header(sheet, roster.header_row() - 1, &columns)?;
    for index in 0..roster.len() {
        let row = roster.row_number(index);
        if mends.dropped.contains(&row) {
            continue;
        }
        for (column, place) in &columns {
            let value = mends.value(roster, index, *column);
            copy_cell(sheet, row - 1, *place, value, false)?;
        }
    }
    // Rows count from one in a sheet and from nothing here: the last one's number is the place behind it.
    let behind = roster.row_number(roster.len() - 1);
    for (row, (absent, change)) in (behind..).zip(&mends.added) {
        for (column, place) in &columns {
            let text = match column {
                Column::Name => absent.name.expose().to_owned(),
                Column::IdNumber => absent.id_number.expose().to_owned(),
                Column::Base => absent.base.to_string(),
                Column::EmployerRatio => absent.ratios.employer.to_string(),
                Column::EmployeeRatio => absent.ratios.employee.to_string(),
                Column::Change => {
                    change.map_or_else(String::new, |change| change.word().to_owned())
                }
                Column::Monthly | Column::Phone => continue,
            };
            copy_cell(sheet, row, *place, Value::Text(&text), false)?;
        }
    }
    book.save_to_buffer()
}

/// A book whose bytes depend on nothing but what is written into it.
fn book_of(month: Month) -> Result<Workbook, XlsxError> {
    let year = u16::try_from(month.year()).expect("a month lies between 1900 and 2999");
    let day = ExcelDateTime::from_ymd(year, u8::try_from(month.month()).expect("1 to 12"), 1)?;
    let mut book = Workbook::new();
    book.set_properties(&DocProperties::new().set_creation_datetime(&day));
    Ok(book)
}

fn template_columns() -> Vec<(Column, u16)> {
    Column::ALL
        .into_iter()
        .map(|column| (column, place(column)))
        .collect()
}

/// The place of a column in the template, zero-based.
fn place(column: Column) -> u16 {
    u16::try_from(column.index()).expect("eight columns")
}

/// The header row, widths, formats of the columns under it, and the words that 变更 may be.
fn header(sheet: &mut Worksheet, row: u32, columns: &[(Column, u16)]) -> Result<(), XlsxError> {
    let style = Format::new()
        .set_bold()
        .set_align(FormatAlign::Center)
        .set_border_bottom(FormatBorder::Thin);
    for (column, place) in columns {
        sheet.set_column_width(*place, if *column == Column::IdNumber { 22 } else { 14 })?;
        if matches!(column, Column::Name | Column::IdNumber | Column::Phone) {
            sheet.set_column_format(*place, &text_format())?;
        }
        sheet.write_string_with_format(row, *place, column.header(), &style)?;
        if *column == Column::Change {
            let words = DataValidation::new().allow_list_strings(&Change::ALL.map(Change::word))?;
            sheet.add_data_validation(row + 1, *place, row + MAX_ROWS as u32, *place, &words)?;
        }
    }
    sheet.set_freeze_panes(row + 1, 0)?;
    Ok(())
}

fn guide(sheet: &mut Worksheet) -> Result<(), XlsxError> {
    sheet.set_name("填写说明")?;
    sheet.set_column_width(0, 90)?;
    let sentences = [
        "证件号码请按文本填写；列的次序可以改，表头的名字不要改。",
        "缴存基数单位是元，最多两位小数；比例填 12、12% 或 0.12，留空就是单位的比例。",
        "变更留空表示不变；离职的请保留这一行并填“封存”。单位第一份名册留空就是新增。",
        "月缴存额、手机号可以不填；填了月缴存额，就要与按基数和比例算出的相同。",
        "请不要合并单元格，一人一行，最多 50,000 行。",
    ];
    for (row, sentence) in (0..).zip(sentences) {
        sheet.write_string(row, 0, sentence)?;
    }
    Ok(())
}

fn copy_cell(
    sheet: &mut Worksheet,
    row: u32,
    place: u16,
    value: Value<'_>,
    is_wrong: bool,
) -> Result<(), XlsxError> {
    let mut format = match value {
        Value::Percent(_) => Format::new().set_num_format("0.##%"),
        Value::Date(_) => Format::new().set_num_format("yyyy-mm-dd"),
        Value::Number(_) => Format::new(),
        _ => text_format(),
    };
    if is_wrong {
        format = format
            .set_background_color(Color::RGB(0x00FF_C7CE))
            .set_font_color(Color::RGB(0x009C_0006));
    }
    match value {
        Value::Text(text) | Value::Error(text) => {
            sheet.write_string_with_format(row, place, text, &format)?
        }
        Value::Number(digits) | Value::Percent(digits) | Value::Date(digits) => {
            match digits.trim().parse::<f64>() {
                Ok(number) => sheet.write_number_with_format(row, place, number, &format)?,
                Err(_) => sheet.write_string_with_format(row, place, digits, &format)?,
            }
        }
        Value::Bool(value) => sheet.write_boolean_with_format(row, place, value, &format)?,
        Value::Empty | Value::Uncalculated | Value::TooLong if is_wrong => {
            sheet.write_blank(row, place, &format)?
        }
        Value::Empty | Value::Uncalculated | Value::TooLong => return Ok(()),
    };
    Ok(())
}

fn fault_list(sheet: &mut Worksheet, faults: &[Fault]) -> Result<(), XlsxError> {
    sheet.set_name("问题清单")?;
    for (place, (title, width)) in (0..).zip([("行", 8), ("列", 12), ("代码", 14), ("问题", 90)])
    {
        sheet.set_column_width(place, width)?;
        sheet.write_string(0, place, title)?;
    }
    for (row, fault) in (1..).zip(faults) {
        if let Some(number) = fault.row {
            sheet.write_number(row, 0, number)?;
        }
        sheet.write_string(row, 1, fault.column.unwrap_or("整份"))?;
        sheet.write_string(row, 2, fault.code)?;
        sheet.write_string(row, 3, &fault.message)?;
    }
    Ok(())
}

fn text_format() -> Format {
    Format::new().set_num_format("@")
}

/// A cell of a spreadsheet holds a binary number and nothing better; read again it is the same fen.
fn cell_number(amount: Fen) -> f64 {
    amount.fen() as f64 / 100.0
}
