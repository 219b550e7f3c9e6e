//! 政策参数: numbers and codes by date and place. Of the rows that hold for a date the latest counts; of rows with one date the
//! first whose `where` holds, one without a `where` last (money_rules.md §5). No row is an error, never zero.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;

use crate::region::RegionSet;
use crate::value::{Fault, Type, Value, date_number};

/// A parameter with all its rows.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// `rent_cap_monthly`.
    pub name: String,
    /// 租房提取月限额.
    pub label: String,
    /// What its values are.
    pub ty: Type,
    /// What it depends on, in the order of the call.
    pub arguments: Vec<Argument>,
    /// Latest first; of one date in the order in which they are tried.
    pub rows: Vec<Row>,
}

/// What a parameter depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// `region`.
    pub name: String,
    /// `Date` or `Month` choose the row by its `from`; `Text` and `Int` by its `where`.
    pub ty: Type,
}

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    /// The first day on which it holds.
    pub from: NaiveDate,
    /// The same as a day number.
    pub(crate) from_number: i64,
    /// Every one must hold.
    pub(crate) tests: Vec<Test>,
    /// The value.
    pub value: Value,
    /// `law`, `source`, `assumed`, `recalled`.
    pub mark: String,
    /// The notice or article.
    pub source: String,
}

/// One test of a row's `where`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Test {
    /// The argument is this code.
    Is(usize, Arc<str>),
    /// The argument is a district of this set.
    Within(usize, Arc<RegionSet>),
    /// The argument is at least this.
    AtLeast(usize, i64),
}

/// An argument's value in a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Given<'a> {
    Number(i64),
    Text(&'a str),
}

impl Parameter {
    /// The row for a day number and the given arguments.
    pub(crate) fn row(&self, day: i64, given: &[Given<'_>]) -> Result<&Row, Fault> {
        let holds = |test: &Test| match test {
            Test::Is(index, code) => given.get(*index) == Some(&Given::Text(code)),
            Test::Within(index, set) => {
                matches!(given.get(*index), Some(Given::Text(code)) if set.contains(code))
            }
            Test::AtLeast(index, least) => {
                matches!(given.get(*index), Some(Given::Number(number)) if number >= least)
            }
        };
        self.rows
            .iter()
            .filter(|row| row.from_number <= day)
            .find(|row| row.tests.iter().all(holds))
            .ok_or(Fault::NoRow)
    }

    /// The position of the argument that chooses by date, if there is one.
    pub(crate) fn date_argument(&self) -> Option<usize> {
        self.arguments
            .iter()
            .position(|argument| matches!(argument.ty, Type::Date | Type::Month))
    }

    /// Sorts the rows as they are tried.
    pub(crate) fn sort(&mut self) {
        self.rows
            .sort_by_key(|row| (std::cmp::Reverse(row.from_number), row.tests.is_empty()));
    }
}

impl Row {
    /// What else must hold, in words: 地区：中心城区，未成年子女至少 2.
    pub(crate) fn tests_in_words(&self, parameter: &Parameter) -> String {
        let name = |index: &usize| {
            let argument = parameter.arguments.get(*index);
            crate::compare::argument_name(argument.map_or("", |argument| argument.name.as_str()))
        };
        let tests: Vec<String> = self
            .tests
            .iter()
            .map(|test| match test {
                Test::Is(index, code) => format!("{}：{code}", name(index)),
                Test::Within(index, set) => format!("{}：{}", name(index), set.label),
                Test::AtLeast(index, least) => format!("{}至少 {least}", name(index)),
            })
            .collect();
        tests.join("，")
    }

    /// The same as the files write it: `region` = `central`, `children_min` = `2`.
    pub(crate) fn tests_as_written(&self, parameter: &Parameter) -> BTreeMap<String, String> {
        let name = |index: &usize| {
            let argument = parameter.arguments.get(*index);
            argument.map_or("", |argument| argument.name.as_str())
        };
        self.tests
            .iter()
            .map(|test| match test {
                Test::Is(index, code) => (name(index).to_owned(), code.to_string()),
                Test::Within(index, set) => (name(index).to_owned(), set.name.to_string()),
                Test::AtLeast(index, least) => (format!("{}_min", name(index)), least.to_string()),
            })
            .collect()
    }

    /// A row that holds from `from`.
    pub(crate) fn new(from: NaiveDate, tests: Vec<Test>, value: Value) -> Row {
        let (mark, source) = (String::new(), String::new());
        Row {
            from,
            from_number: date_number(from),
            tests,
            value,
            mark,
            source,
        }
    }
}
