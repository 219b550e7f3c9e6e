//! What is wrong with a roster, and what a clerk should know about it.

use std::borrow::Cow;

use anju_domain::contribution::Ratios;
use anju_domain::id_number::IdNumber;
use anju_domain::money::Fen;
use anju_domain::name::PersonName;
use serde::Serialize;

/// One fault (差错). `row` is 1-based as Excel shows it, `column` the header's name; both are `None`
/// where the whole file is meant. In JSON it has the four fields of the public door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The row in the sheet.
    pub row: Option<u32>,
    /// The header's name of the column.
    pub column: Option<&'static str>,
    /// A stable code.
    pub code: &'static str,
    /// What is wrong, where, and what to do, in Chinese.
    pub message: String,
    /// What stands in the cell, as it was typed.
    #[serde(skip)]
    pub found: Option<String>,
    /// What was probably meant, to be confirmed by the clerk.
    #[serde(skip)]
    pub suggestion: Option<String>,
    /// What mends it besides its own cell.
    #[serde(skip)]
    pub remedies: Vec<Remedy>,
}

/// What a message asks for beyond the cell that it points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// Another cell of the row.
    Cell(Column),
    /// The row is left out.
    DropRow,
    /// No row changes the ratio: everybody goes on with the one that he has.
    KeepRatios,
    /// A row for a person who stands in none: he is sealed, or goes on.
    AddRow(Box<Absent>),
}

/// Who contributes and stands in no row of a list that should have everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absent {
    /// The registered name.
    pub name: PersonName,
    /// 证件号码.
    pub id_number: IdNumber,
    /// 缴存基数.
    pub base: Fen,
    /// 缴存比例.
    pub ratios: Ratios,
}

impl Fault {
    /// A fault of the file or the list as a whole.
    #[must_use]
    pub fn whole(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            row: None,
            column: None,
            code,
            message: message.into(),
            found: None,
            suggestion: None,
            remedies: Vec::new(),
        }
    }

    /// A fault of one cell.
    #[must_use]
    pub fn cell(row: u32, column: Column, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            row: Some(row),
            column: Some(column.header()),
            ..Self::whole(code, message)
        }
    }

    /// With what was found in the cell.
    #[must_use]
    pub fn found(mut self, text: impl Into<String>) -> Self {
        self.found = Some(text.into());
        self
    }

    /// With what else mends it.
    #[must_use]
    pub fn or(mut self, remedy: Remedy) -> Self {
        self.remedies.push(remedy);
        self
    }

    /// With what was probably meant.
    #[must_use]
    pub fn suggest(mut self, text: Option<String>) -> Self {
        self.suggestion = text;
        self
    }
}

/// One notice (提示): nothing is wrong, but the clerk should see it before paying.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// The row in the sheet.
    pub row: Option<u32>,
    /// The header's name of the column; unknown columns have names of their own.
    pub column: Option<Cow<'static, str>>,
    /// A stable code beginning with `W-`.
    pub code: &'static str,
    /// The sentence, in Chinese.
    pub message: String,
}

impl Notice {
    /// A notice about the file or the list as a whole.
    #[must_use]
    pub fn whole(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            row: None,
            column: None,
            code,
            message: message.into(),
        }
    }

    /// A notice about one column.
    #[must_use]
    pub fn column(
        name: impl Into<Cow<'static, str>>,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            column: Some(name.into()),
            ..Self::whole(code, message)
        }
    }

    /// A notice about one cell; `row` is `None` for a person who stands in no row.
    #[must_use]
    pub fn cell(
        row: Option<u32>,
        column: Column,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            row,
            ..Self::column(column.header(), code, message)
        }
    }
}

/// The columns of a roster, in the order of the template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Column {
    /// 姓名.
    Name,
    /// 证件号码.
    IdNumber,
    /// 缴存基数, yuan.
    Base,
    /// 单位比例, percent.
    EmployerRatio,
    /// 个人比例, percent.
    EmployeeRatio,
    /// 变更.
    Change,
    /// 月缴存额, yuan, optional.
    Monthly,
    /// 手机号, optional.
    Phone,
}

impl Column {
    /// All of them, in the order of the template.
    pub const ALL: [Self; 8] = [
        Self::Name,
        Self::IdNumber,
        Self::Base,
        Self::EmployerRatio,
        Self::EmployeeRatio,
        Self::Change,
        Self::Monthly,
        Self::Phone,
    ];

    /// Whether an empty cell says something of its own: nothing changes, the employer's ratio, no phone. What must be filled is
    /// never emptied.
    #[must_use]
    pub const fn may_be_empty(self) -> bool {
        !matches!(self, Self::Name | Self::IdNumber | Self::Base)
    }

    /// A row that names these is the header.
    pub(super) const REQUIRED: [Self; 3] = [Self::Name, Self::IdNumber, Self::Base];

    /// The header's name.
    #[must_use]
    pub const fn header(self) -> &'static str {
        match self {
            Self::Name => "姓名",
            Self::IdNumber => "证件号码",
            Self::Base => "缴存基数",
            Self::EmployerRatio => "单位比例",
            Self::EmployeeRatio => "个人比例",
            Self::Change => "变更",
            Self::Monthly => "月缴存额",
            Self::Phone => "手机号",
        }
    }

    pub(super) const fn index(self) -> usize {
        self as usize
    }

    /// The column that a cell names as a header. Spaces, line breaks, full-width forms, a star and the
    /// unit in brackets do not count.
    pub(super) fn of_header(text: &str) -> Option<Self> {
        // Every data cell passes here, so that a second header is found: most leave at the first sign.
        let first = text.chars().find(|c| !is_layout(*c))?;
        if !matches!(first, '姓' | '证' | '缴' | '单' | '个' | '变' | '月' | '手')
            || text.len() > 100
        {
            return None;
        }
        let name = bare(text);
        Self::ALL.into_iter().find(|column| column.header() == name)
    }

    /// The same for a list of amounts ([`AMOUNT`]): its amount stands where a roster has the base, and a base is no column of it.
    pub(super) fn of_amounts_header(text: &str) -> Option<Self> {
        if text.len() <= 100 && bare(text) == AMOUNT {
            return Some(Self::Base);
        }
        Self::of_header(text).filter(|column| matches!(column, Self::Name | Self::IdNumber))
    }
}

/// The header of the amount in a list that has no base (住房补贴).
pub const AMOUNT: &str = "补贴金额";

/// A header's name without layout and unit.
fn bare(text: &str) -> String {
    let mut name: String = text
        .chars()
        .filter(|c| !is_layout(*c))
        .map(half_width)
        .collect();
    for unit in ["(元)", "(%)", "(必填)", "(选填)"] {
        if let Some(bare) = name.strip_suffix(unit) {
            name.truncate(bare.len());
        }
    }
    name
}

fn is_layout(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}' | '\u{00AD}' | '*' | '＊'
        )
}

/// Full-width ASCII to half width.
pub(super) fn half_width(c: char) -> char {
    match c {
        '\u{3000}' => ' ',
        '\u{FF01}'..='\u{FF5E}' => {
            char::from_u32(c as u32 - 0xFEE0).expect("the full-width block maps onto ASCII")
        }
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_known_by_its_name_however_it_is_laid_out() {
        for (text, column) in [
            ("姓名", Column::Name),
            (" 姓　名 ", Column::Name),
            ("证件\n号码", Column::IdNumber),
            ("*缴存基数（元）", Column::Base),
            ("单位比例(%)", Column::EmployerRatio),
            ("手机号（选填）", Column::Phone),
        ] {
            assert_eq!(Column::of_header(text), Some(column), "{text}");
        }
        for text in ["姓名拼音", "单位", "", "月", "缴存基数说明"] {
            assert_eq!(Column::of_header(text), None, "{text}");
        }
    }
}
