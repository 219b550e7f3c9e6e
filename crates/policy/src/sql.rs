//! The second back end: a checked condition as SQL text over one wide snapshot, for the whole population at once. NULL is "not known", so
//! that SQL's own three values do the work. What has no plain form in SQL (a sum over months) is refused, never approximated.
//!
//! The snapshot has one column for each name (`applicant.homes_in_city` is `applicant_homes_in_city`): `boolean`, `bigint` (counts, fen,
//! basis points, months as `12·year + month − 1`, instants as seconds), `date`, `text`, `bigint[]` for a list of months. Where `has()` or
//! `value_or()` is used on a name there is a second column `…_has boolean`: true, false where the record is missing, NULL where unknown.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};

use crate::evaluate::{Comparison, NOW, Node, Operation, TODAY};
use crate::fact::At;
use crate::parameter::{Parameter, Test};
use crate::plan::{Plan, SlotSource};
use crate::policy_set::{PolicyError, PolicySet};
use crate::value::{Type, Value, date_number, date_of};

/// A condition as SQL.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SqlText {
    /// The expression, with `$1`, `$2`, … for `values`.
    pub text: String,
    /// The values to bind.
    pub values: Vec<SqlValue>,
    /// The columns that it reads, with their SQL types.
    pub columns: Vec<(String, &'static str)>,
}

/// A value to bind.
#[derive(Clone, Debug, PartialEq)]
pub enum SqlValue {
    /// `boolean`.
    Bool(bool),
    /// `bigint`.
    Number(i64),
    /// `date`.
    Date(NaiveDate),
    /// `text`.
    Text(String),
    /// `bigint[]`.
    Numbers(Vec<i64>),
}

/// Why a condition has no SQL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    /// No such service.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// No such condition in force on the day.
    #[error("no condition {0} on that day")]
    UnknownCondition(String),
    /// It uses something that has no plain form in SQL.
    #[error("{0} has no plain form in SQL")]
    NotPlain(&'static str),
}

impl PolicySet {
    /// A condition of a service as SQL for the given instant; parameters are folded in as they stand on that day.
    ///
    /// # Errors
    /// An unknown service or condition, an expression without a plain form.
    pub fn condition_sql(&self, service: &str, code: &str, at: At) -> Result<SqlText, SqlError> {
        let plan = self.plan(service)?;
        let day = date_number(at.today);
        let condition = plan
            .conditions
            .iter()
            .find(|found| found.code == code && found.from <= day && day <= found.to)
            .ok_or_else(|| SqlError::UnknownCondition(code.into()))?;
        let mut writer = Writer::of(plan, None, at);
        let text = writer.node(&condition.when)?;
        writer.sql.text = text;
        Ok(writer.sql)
    }
}

pub(crate) struct Writer<'a> {
    slots: &'a [SlotSource],
    types: Vec<Type>,
    /// What stands in place of a column; a name without one is not known. Without this every name has its column.
    given: Option<&'a BTreeMap<String, String>>,
    at: At,
    pub sql: SqlText,
}

pub(crate) type Written = Result<String, SqlError>;

impl<'a> Writer<'a> {
    /// Writes the expressions of a plan.
    pub fn of(plan: &'a Plan, given: Option<&'a BTreeMap<String, String>>, at: At) -> Writer<'a> {
        let types = plan.slots.iter().map(|slot| slot.ty(&plan.service));
        Writer {
            slots: &plan.slots,
            types: types.collect(),
            given,
            at,
            sql: SqlText::default(),
        }
    }

    pub fn node(&mut self, node: &Node) -> Written {
        match node {
            Node::Bool(flag) => Ok(if *flag { "TRUE" } else { "FALSE" }.into()),
            Node::Number(number) => Ok(self.bind(SqlValue::Number(*number))),
            Node::Text(text) => Ok(self.bind(SqlValue::Text(text.to_string()))),
            Node::Slot(TODAY) => Ok(self.bind(SqlValue::Date(self.at.today))),
            Node::Slot(NOW) => Ok(self.bind(SqlValue::Number(self.at.now.timestamp()))),
            Node::Slot(slot) => self.column(*slot),
            Node::Has(slot) => self.has(*slot),
            Node::ValueOr(pair) => self.value_or(&pair.0, &pair.1),
            Node::Not(inner) => Ok(format!("(NOT {})", self.node(inner)?)),
            Node::All(parts) => self.joined(parts, " AND "),
            Node::Any(parts) => self.joined(parts, " OR "),
            Node::If(parts) => {
                let condition = self.node(&parts.0)?;
                let (yes, no) = (self.node(&parts.1)?, self.node(&parts.2)?);
                Ok(format!(
                    "(CASE WHEN {condition} THEN {yes} WHEN NOT {condition} THEN {no} END)"
                ))
            }
            Node::Compare(comparison, pair) => {
                let (left, right) = (self.node(&pair.0)?, self.node(&pair.1)?);
                Ok(format!("({left} {} {right})", comparison.sign()))
            }
            Node::OneOf(inner, codes) => {
                let item = self.node(inner)?;
                let codes: Vec<String> = codes
                    .iter()
                    .map(|code| self.bind(SqlValue::Text(code.to_string())))
                    .collect();
                Ok(format!("({item} IN ({}))", codes.join(", ")))
            }
            Node::Within(inner, region) => {
                let item = self.node(inner)?;
                let (prefixes, codes) = region.entries();
                Ok(self.within(&item, prefixes, codes))
            }
            Node::InMonths(inner, slot) => {
                let (item, list) = (self.node(inner)?, self.column(*slot)?);
                Ok(format!("({item} = ANY ({list}))"))
            }
            Node::Arithmetic(operation, pair) => self.arithmetic(*operation, &pair.0, &pair.1),
            Node::Least(parts) => self.extreme("LEAST", parts),
            Node::Greatest(parts) => self.extreme("GREATEST", parts),
            Node::Parameter(parameter, arguments) => self.parameter(parameter, arguments),
            Node::AddToMonth(pair) => Ok(format!(
                "({} + {})",
                self.node(&pair.0)?,
                self.node(&pair.1)?
            )),
            Node::AddToDate(pair) => {
                // PostgreSQL clamps to the last day of the month, as add_months does.
                let (date, months) = (self.node(&pair.0)?, self.node(&pair.1)?);
                Ok(format!(
                    "({date} + make_interval(months => ({months})::int))::date"
                ))
            }
            Node::MonthOf(inner) => {
                let date = self.node(inner)?;
                Ok(format!(
                    "(EXTRACT(YEAR FROM {date})::bigint * 12 + EXTRACT(MONTH FROM {date})::bigint - 1)"
                ))
            }
            Node::HoursSince(inner) => {
                let now = self.bind(SqlValue::Number(self.at.now.timestamp()));
                Ok(format!(
                    "floor(({now} - {}) / 3600.0)::bigint",
                    self.node(inner)?
                ))
            }
            Node::FullMonths(_) => Err(SqlError::NotPlain("months_between dates")),
            Node::SameCity(_) => Err(SqlError::NotPlain("same_city")),
            Node::DaysInMonth(_) => Err(SqlError::NotPlain("days_in_month")),
            Node::Size(_) => Err(SqlError::NotPlain("size")),
            Node::AtMonth(..) | Node::Month => Err(SqlError::NotPlain("a value by month")),
            Node::SumMonths(_) | Node::CountMonths(_) => {
                Err(SqlError::NotPlain("a sum over months"))
            }
        }
    }

    fn bind(&mut self, value: SqlValue) -> String {
        let cast = match value {
            SqlValue::Bool(_) => "boolean",
            SqlValue::Number(_) => "bigint",
            SqlValue::Date(_) => "date",
            SqlValue::Text(_) => "text",
            SqlValue::Numbers(_) => "bigint[]",
        };
        let known = self.sql.values.iter().position(|held| *held == value);
        let index = known.unwrap_or_else(|| {
            self.sql.values.push(value);
            self.sql.values.len() - 1
        });
        format!("${}::{cast}", index + 1)
    }

    fn column_name(&self, slot: u16) -> Result<String, SqlError> {
        match self.slots.get(usize::from(slot)) {
            Some(SlotSource::Name(name)) => Ok(column_of(&name.name)),
            _ => Err(SqlError::NotPlain("a field of the form")),
        }
    }

    fn column(&mut self, slot: u16) -> Written {
        let name = self.column_name(slot)?;
        let ty = match self.types[usize::from(slot)] {
            Type::Bool => "boolean",
            Type::Date => "date",
            Type::Text => "text",
            Type::Months => "bigint[]",
            Type::FenByMonth | Type::TextByMonth => {
                return Err(SqlError::NotPlain("a value by month"));
            }
            Type::Int | Type::Fen | Type::Bp | Type::Month | Type::Instant => "bigint",
        };
        if let Some(given) = self.given {
            return Ok(given
                .get(&name)
                .map_or_else(|| format!("NULL::{ty}"), Clone::clone));
        }
        self.reads(&name, ty);
        Ok(name)
    }

    fn has(&mut self, slot: u16) -> Written {
        let name = self.column_name(slot)?;
        if let Some(given) = self.given {
            // Our own books are always read: where they hold nothing there is nothing.
            return Ok(given.get(&name).map_or_else(
                || "NULL::boolean".to_owned(),
                |value| format!("({value} IS NOT NULL)"),
            ));
        }
        let name = format!("{name}_has");
        self.reads(&name, "boolean");
        Ok(name)
    }

    fn reads(&mut self, column: &str, ty: &'static str) {
        if !self.sql.columns.iter().any(|(held, _)| held == column) {
            self.sql.columns.push((column.into(), ty));
        }
    }

    fn value_or(&mut self, value: &Node, other: &Node) -> Written {
        let Node::Slot(slot) = value else {
            return Err(SqlError::NotPlain("value_or of more than a name"));
        };
        let (has, value, other) = (self.has(*slot)?, self.column(*slot)?, self.node(other)?);
        Ok(format!(
            "(CASE WHEN {has} THEN {value} WHEN NOT {has} THEN {other} END)"
        ))
    }

    fn all(&mut self, parts: &[Node]) -> Result<Vec<String>, SqlError> {
        parts.iter().map(|part| self.node(part)).collect()
    }

    fn joined(&mut self, parts: &[Node], between: &str) -> Written {
        Ok(format!("({})", self.all(parts)?.join(between)))
    }

    /// LEAST and GREATEST pass over NULL; ours do not.
    fn extreme(&mut self, function: &str, parts: &[Node]) -> Written {
        let parts = self.all(parts)?;
        let known: Vec<String> = parts
            .iter()
            .map(|part| format!("{part} IS NOT NULL"))
            .collect();
        let (known, parts) = (known.join(" AND "), parts.join(", "));
        Ok(format!("(CASE WHEN {known} THEN {function}({parts}) END)"))
    }

    fn arithmetic(&mut self, operation: Operation, left: &Node, right: &Node) -> Written {
        let (left, right) = (self.node(left)?, self.node(right)?);
        let sign = match operation {
            Operation::Add => "+",
            Operation::Subtract => "-",
            Operation::Multiply => "*",
            Operation::Divide => "/",
            Operation::Remainder => "%",
            Operation::RoundDown => {
                return Ok(format!(
                    "({left} - (({left} % {right}) + {right}) % {right})"
                ));
            }
        };
        Ok(format!("({left} {sign} {right})"))
    }

    fn within(&mut self, item: &str, prefixes: &[String], codes: &[String]) -> String {
        let mut tests: Vec<String> = prefixes
            .iter()
            .map(|prefix| {
                format!(
                    "{item} LIKE {}",
                    self.bind(SqlValue::Text(format!("{prefix}%")))
                )
            })
            .collect();
        tests.extend(
            codes
                .iter()
                .map(|code| format!("{item} = {}", self.bind(SqlValue::Text(code.clone())))),
        );
        if tests.is_empty() {
            "FALSE".into()
        } else {
            format!("({})", tests.join(" OR "))
        }
    }

    /// The rows in force on the day, each with its place.
    fn parameter(&mut self, parameter: &Parameter, arguments: &[Node]) -> Written {
        let day = match parameter.date_argument() {
            None => date_number(self.at.today),
            Some(index) => match arguments.get(index) {
                Some(Node::Slot(TODAY)) => date_number(self.at.today),
                Some(Node::MonthOf(inner)) if matches!(**inner, Node::Slot(TODAY)) => {
                    let today = self.at.today;
                    date_number(today) - i64::from(today.day0())
                }
                _ => return Err(SqlError::NotPlain("a parameter on another day than today")),
            },
        };
        let mut branches = String::new();
        for row in parameter.rows.iter().filter(|row| row.from_number <= day) {
            let value = self.constant(&row.value, parameter.ty)?;
            let mut tests = Vec::new();
            for test in &row.tests {
                tests.push(self.row_test(test, arguments)?);
            }
            if tests.is_empty() {
                // Rows after one that always holds are never tried.
                return Ok(if branches.is_empty() {
                    value
                } else {
                    format!("(CASE{branches} ELSE {value} END)")
                });
            }
            branches.push_str(&format!(" WHEN {} THEN {value}", tests.join(" AND ")));
        }
        if branches.is_empty() {
            Ok("NULL".into())
        } else {
            Ok(format!("(CASE{branches} END)"))
        }
    }

    fn row_test(&mut self, test: &Test, arguments: &[Node]) -> Written {
        let argument = |writer: &mut Self, index: usize| match arguments.get(index) {
            Some(node) => writer.node(node),
            None => Err(SqlError::NotPlain("a parameter without its argument")),
        };
        match test {
            Test::Is(index, code) => {
                let item = argument(self, *index)?;
                Ok(format!(
                    "{item} = {}",
                    self.bind(SqlValue::Text(code.to_string()))
                ))
            }
            Test::AtLeast(index, least) => {
                let item = argument(self, *index)?;
                Ok(format!("{item} >= {}", self.bind(SqlValue::Number(*least))))
            }
            Test::Within(index, region) => {
                let item = argument(self, *index)?;
                let (prefixes, codes) = region.entries();
                Ok(self.within(&item, prefixes, codes))
            }
        }
    }

    fn constant(&mut self, value: &Value, ty: Type) -> Written {
        match (value, ty) {
            (Value::Number(days), Type::Date) => match date_of(*days) {
                Some(date) => Ok(self.bind(SqlValue::Date(date))),
                None => Err(SqlError::NotPlain("a date outside the calendar")),
            },
            (Value::Bool(flag), _) => Ok(self.bind(SqlValue::Bool(*flag))),
            (Value::Number(number), _) => Ok(self.bind(SqlValue::Number(*number))),
            (Value::Text(text), _) => Ok(self.bind(SqlValue::Text(text.to_string()))),
            (Value::Months(_) | Value::Series(_), _) => Err(SqlError::NotPlain("a list")),
        }
    }
}

/// The snapshot's column of a name.
pub(crate) fn column_of(name: &str) -> String {
    name.replace(['.', '-'], "_")
}

impl Comparison {
    fn sign(self) -> &'static str {
        match self {
            Comparison::Equal => "=",
            Comparison::NotEqual => "<>",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        }
    }
}
