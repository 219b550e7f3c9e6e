//! Our reader and an independent one see the same cells.

use std::io::Cursor;

use anju_business::contribution::roster::{Column, Value, read};
use calamine::{Data, Reader, Xlsx};

use crate::town::fixture;

#[test]
fn an_independent_reader_sees_the_same_cells() {
    for name in [
        "openpyxl_plain.xlsx",
        "openpyxl_as_clerks_send_it.xlsx",
        "openpyxl_percentages.xlsx",
        "openpyxl_broken_cells.xlsx",
        "exceljs_shared_strings.xlsx",
        "exceljs_streamed.xlsx",
        "exceljs_formulas.xlsx",
        "libreoffice_plain.xlsx",
        "libreoffice_as_clerks_send_it.xlsx",
        "libreoffice_percentages.xlsx",
    ] {
        let bytes = fixture(name);
        let ours = read(&bytes).expect("a roster");
        let mut theirs: Xlsx<_> = Xlsx::new(Cursor::new(&bytes)).expect("a workbook");
        let range = theirs.worksheet_range(&ours.name).expect("the sheet");
        let mut compared = 0;
        for index in 0..ours.len() {
            for column in Column::ALL {
                let Some(letters) = ours.letters(column) else {
                    continue;
                };
                let place = letters
                    .bytes()
                    .fold(0, |place, letter| place * 26 + u32::from(letter - b'A') + 1)
                    - 1;
                let cell = range
                    .get_value((ours.row_number(index) - 1, place))
                    .unwrap_or(&Data::Empty);
                let alike = match (ours.value(index, column), cell) {
                    (Value::Text(ours), Data::String(theirs)) => ours == theirs,
                    (Value::Number(ours) | Value::Percent(ours), Data::Float(theirs)) => {
                        ours.parse() == Ok(*theirs)
                    }
                    (Value::Number(ours), Data::Int(theirs)) => ours.parse() == Ok(*theirs),
                    (Value::Bool(ours), Data::Bool(theirs)) => ours == *theirs,
                    (Value::Error(ours), Data::Error(theirs)) => ours == theirs.to_string(),
                    (Value::Empty, Data::Empty) => true,
                    (Value::Empty, Data::String(theirs)) => theirs.trim().is_empty(),
                    // It shows nothing where a formula was never calculated.
                    (Value::Uncalculated, Data::Empty) => true,
                    _ => false,
                };
                assert!(
                    alike,
                    "{name} {letters}{}: {:?} and {cell:?}",
                    ours.row_number(index),
                    ours.value(index, column)
                );
                compared += 1;
            }
        }
        assert!(compared >= 25, "{name}: only {compared} cells");
    }
}
