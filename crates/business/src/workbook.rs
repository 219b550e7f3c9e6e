//! What the lists that people download as workbooks share: a sheet with its heads, and numbers as a spreadsheet knows them.

use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};

/// A new sheet with bold heads of these names and widths, which stay in sight.
pub(crate) fn headed<'b>(
    book: &'b mut Workbook,
    name: &str,
    columns: &[(&str, u32)],
) -> Result<&'b mut Worksheet, XlsxError> {
    let sheet = book.add_worksheet();
    sheet.set_name(name)?;
    let bold = Format::new().set_bold();
    for ((name, width), place) in columns.iter().zip(0_u16..) {
        sheet.set_column_width(place, *width)?;
        sheet.write_string_with_format(0, place, *name, &bold)?;
    }
    sheet.set_freeze_panes(1, 0)?;
    Ok(sheet)
}

/// A spreadsheet knows doubles alone: exact for every count, and for every amount below ninety trillion yuan.
#[expect(
    clippy::cast_precision_loss,
    reason = "a cell of a spreadsheet is a double"
)]
pub(crate) const fn number(whole: i64) -> f64 {
    whole as f64
}
