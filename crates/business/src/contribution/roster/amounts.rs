//! 金额清册: a list of names, ID numbers and amounts, without base, ratio or change (住房补贴), read with the same care as a roster.

use anju_domain::id_number::IdNumber;
use anju_domain::money::Fen;
use anju_domain::name::PersonName;

use super::fault::{AMOUNT, Column, Fault};
use super::line::{Field, is_sum, sum_row};
use super::reading::Reading;
use super::sheet::read_named;

/// A row of a list of amounts.
#[derive(Debug, Clone)]
pub struct AmountLine {
    /// 1-based, as Excel shows it.
    pub row: u32,
    /// 姓名.
    pub name: PersonName,
    /// 证件号码.
    pub id_number: IdNumber,
    /// 补贴金额.
    pub amount: Fen,
}

/// Reads a file of amounts: every line, or every fault.
///
/// # Errors
/// What is wrong with the file or its cells.
pub fn amounts(bytes: &[u8]) -> Result<Vec<AmountLine>, Vec<Fault>> {
    let sheet = read_named(bytes, Column::of_amounts_header).map_err(renamed)?;
    let (mut faults, mut lines) = (Vec::new(), Vec::with_capacity(sheet.len()));
    for index in 0..sheet.len() {
        let row = sheet.row_number(index);
        if is_sum(&sheet, index) {
            faults.push(sum_row(row));
            continue;
        }
        let name = Reading::of(&sheet, index, Column::Name, &mut faults).name();
        let id_number = Reading::of(&sheet, index, Column::IdNumber, &mut faults).id_number();
        let amount = Reading::of(&sheet, index, Column::Base, &mut faults).money();
        for (is_empty, column) in [
            (matches!(name, Field::Empty), Column::Name),
            (matches!(id_number, Field::Empty), Column::IdNumber),
            (matches!(amount, Field::Empty), Column::Base),
        ] {
            if is_empty {
                Reading::of(&sheet, index, column, &mut faults).missing::<()>();
            }
        }
        if let (Some(name), Some(id_number), Some(amount)) =
            (name.given(), id_number.given(), amount.given())
        {
            lines.push(AmountLine {
                row,
                name: name.clone(),
                id_number: id_number.clone(),
                amount: *amount,
            });
        }
    }
    if faults.is_empty() {
        Ok(lines)
    } else {
        Err(renamed(faults))
    }
}

/// Faults name the column by the header that the file has.
fn renamed(mut faults: Vec<Fault>) -> Vec<Fault> {
    let base = Column::Base.header();
    for fault in &mut faults {
        if fault.column == Some(base) {
            fault.column = Some(AMOUNT);
        }
        fault.message = fault.message.replace(base, AMOUNT);
    }
    faults
}
