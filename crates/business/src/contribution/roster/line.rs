//! From the cells of a row to typed values, read as a clerk means them. What a cell cannot mean is a
//! fault of that cell; the other cells of its row are read all the same, so that one answer names all.

use anju_domain::id_number::IdNumber;
use anju_domain::money::Fen;
use anju_domain::name::PersonName;
use anju_domain::phone::Phone;
use anju_domain::rate::Bp;
use rayon::prelude::*;

use super::fault::{Column, Fault};
use super::reading::Reading;
use super::sheet::{Sheet, Value};

/// 变更. What the clerk wants done for a person this month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// 新增: the person begins to contribute here.
    Add,
    /// 启封: a sealed account contributes again.
    Unseal,
    /// 封存: the person stops.
    Seal,
    /// 基数调整: another base.
    Base,
    /// 比例调整: other ratios, for everybody at once.
    Ratio,
}

impl Change {
    /// All of them, as the template lists them.
    pub const ALL: [Self; 5] = [Self::Add, Self::Unseal, Self::Seal, Self::Base, Self::Ratio];

    /// The word in the column.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Add => "新增",
            Self::Unseal => "启封",
            Self::Seal => "封存",
            Self::Base => "基数调整",
            Self::Ratio => "比例调整",
        }
    }
}

/// A cell once read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field<T> {
    /// Nothing was written.
    Empty,
    /// Its fault is already reported.
    Faulty,
    /// A value.
    Given(T),
}

impl<T> Field<T> {
    /// The value, if there is one.
    pub fn given(&self) -> Option<&T> {
        match self {
            Self::Given(value) => Some(value),
            Self::Empty | Self::Faulty => None,
        }
    }
}

/// One row of a roster.
#[derive(Debug, Clone)]
pub struct RosterLine {
    /// The row in the sheet.
    pub row: u32,
    /// 姓名.
    pub name: Field<PersonName>,
    /// 证件号码.
    pub id_number: Field<IdNumber>,
    /// 缴存基数; may be empty only where the person is sealed.
    pub base: Field<Fen>,
    /// 单位比例; empty means the employer's.
    pub employer_ratio: Field<Bp>,
    /// 个人比例; empty means the employer's.
    pub employee_ratio: Field<Bp>,
    /// 变更.
    pub change: Field<Change>,
    /// 月缴存额 as the clerk computed it.
    pub monthly: Field<Fen>,
    /// 手机号.
    pub phone: Field<Phone>,
}

/// Rows that one core takes at a time: enough that a roster of a usual employer is not worth another one.
pub(super) const PART: usize = 2_000;

/// Reads all rows, a long roster on all cores.
#[must_use]
pub fn lines(sheet: &Sheet) -> (Vec<RosterLine>, Vec<Fault>) {
    let rows: Vec<usize> = (0..sheet.len()).collect();
    let parts: Vec<_> = rows
        .par_chunks(PART)
        .map(|part| {
            let mut faults = Vec::new();
            let mut lines = Vec::with_capacity(part.len());
            for &index in part {
                if is_sum(sheet, index) {
                    faults.push(sum_row(sheet.row_number(index)));
                } else {
                    lines.push(line(sheet, index, &mut faults));
                }
            }
            (lines, faults)
        })
        .collect();
    let (lines, faults): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    (
        lines.into_iter().flatten().collect(),
        faults.into_iter().flatten().collect(),
    )
}

/// A row of sums under the list: a name that says so, and no number.
pub(super) fn is_sum(sheet: &Sheet, index: usize) -> bool {
    let Value::Text(name) = sheet.value(index, Column::Name) else {
        return false;
    };
    let says_so = ["合计", "总计", "小计"].iter().any(|word| {
        let name = name.chars().filter(|c| !c.is_whitespace());
        name.eq(word.chars())
    });
    says_so && sheet.value(index, Column::IdNumber) == Value::Empty
}

pub(super) fn sum_row(row: u32) -> Fault {
    let message = format!("第 {row} 行像是合计行。名册里一行是一名职工，请删去这一行。");
    Fault::cell(row, Column::Name, "E-ROW-05", message)
}

fn line(sheet: &Sheet, index: usize, faults: &mut Vec<Fault>) -> RosterLine {
    let row = sheet.row_number(index);
    let name = Reading::of(sheet, index, Column::Name, faults).name();
    let id_number = Reading::of(sheet, index, Column::IdNumber, faults).id_number();
    let base = Reading::of(sheet, index, Column::Base, faults).money();
    let employer_ratio = Reading::of(sheet, index, Column::EmployerRatio, faults).ratio();
    let employee_ratio = Reading::of(sheet, index, Column::EmployeeRatio, faults).ratio();
    let change = Reading::of(sheet, index, Column::Change, faults).change();
    let monthly = Reading::of(sheet, index, Column::Monthly, faults).money();
    let phone = Reading::of(sheet, index, Column::Phone, faults).phone();
    // Who is sealed pays nothing more: the base may stay away.
    let base = match (base, change) {
        (Field::Empty, Field::Given(Change::Seal)) => Field::Empty,
        (Field::Empty, _) => Reading::of(sheet, index, Column::Base, faults).missing(),
        (base, _) => base,
    };
    RosterLine {
        row,
        name,
        id_number,
        base,
        employer_ratio,
        employee_ratio,
        change,
        monthly,
        phone,
    }
}
