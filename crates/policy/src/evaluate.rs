//! Evaluates a checked expression over an array of slots. Three-valued: a gap is absorbed by `&&` with false and by `||` with true,
//! in either order, and by nothing else. Arithmetic is checked; nothing panics and nothing runs without end, whatever the input.

use std::sync::Arc;

use anju_domain::calendar;

use crate::parameter::{Given, Parameter};
use crate::region::RegionSet;
use crate::value::{Fault, Gap, Slot, Type, Value, date_number, date_of, month_number, month_of};

/// The slot that holds the day.
pub(crate) const TODAY: u16 = 0;
/// The slot that holds the instant.
pub(crate) const NOW: u16 = 1;
/// The most months that one sum may run over.
const MOST_MONTHS: i64 = 600;

/// A checked expression: names are slot numbers, types are settled.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Bool(bool),
    Number(i64),
    Text(Arc<str>),
    Slot(u16),
    /// A series read with a month.
    AtMonth(u16, Box<Node>),
    /// The month of the sum around it.
    Month,
    Has(u16),
    ValueOr(Box<(Node, Node)>),
    Not(Box<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
    If(Box<(Node, Node, Node)>),
    Compare(Comparison, Box<(Node, Node)>),
    OneOf(Box<Node>, Vec<Arc<str>>),
    Within(Box<Node>, Arc<RegionSet>),
    InMonths(Box<Node>, u16),
    Size(u16),
    Arithmetic(Operation, Box<(Node, Node)>),
    Least(Vec<Node>),
    Greatest(Vec<Node>),
    /// The index of the date among the arguments, if one of them is it, and whether it is a month.
    Parameter(Arc<Parameter>, Vec<Node>),
    /// Months and a number of months.
    AddToMonth(Box<(Node, Node)>),
    AddToDate(Box<(Node, Node)>),
    MonthOf(Box<Node>),
    FullMonths(Box<(Node, Node)>),
    /// Whether two districts belong to one city.
    SameCity(Box<(Node, Node)>),
    /// Month, first day, last day: how many days of the month lie between.
    DaysInMonth(Box<(Node, Node, Node)>),
    HoursSince(Box<Node>),
    SumMonths(Box<(Node, Node, Node)>),
    CountMonths(Box<(Node, Node, Node)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    /// Down to a whole multiple of the second.
    RoundDown,
}

/// A value while it is computed: borrowed from the slots, so that evaluation allocates nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Val<'a> {
    Bool(bool),
    Number(i64),
    Text(&'a str),
    List(&'a [i64]),
    Series(&'a [(i64, Value)]),
}

type Got<'a> = Result<Val<'a>, Gap>;

/// What an expression is evaluated over.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub slots: &'a [Slot],
    pub month: i64,
}

impl<'a> Context<'a> {
    pub fn new(slots: &'a [Slot]) -> Context<'a> {
        Context { slots, month: 0 }
    }

    pub fn slot(&self, index: u16) -> Got<'a> {
        match self.slots.get(usize::from(index)) {
            Some(Ok(value)) => Ok(value.into()),
            Some(Err(gap)) => Err(*gap),
            None => Err(Gap::Unknown),
        }
    }
}

impl<'a> From<&'a Value> for Val<'a> {
    fn from(value: &'a Value) -> Val<'a> {
        match value {
            Value::Bool(flag) => Val::Bool(*flag),
            Value::Number(number) => Val::Number(*number),
            Value::Text(text) => Val::Text(text),
            Value::Months(months) => Val::List(months),
            Value::Series(rows) => Val::Series(rows),
        }
    }
}

impl From<Val<'_>> for Value {
    fn from(value: Val<'_>) -> Value {
        match value {
            Val::Bool(flag) => Value::Bool(flag),
            Val::Number(number) => Value::Number(number),
            Val::Text(text) => Value::Text(text.into()),
            Val::List(months) => Value::Months(months.into()),
            Val::Series(rows) => Value::Series(rows.into()),
        }
    }
}

const WRONG_TYPE: Gap = Gap::Fault(Fault::WrongType);
const OVERFLOW: Gap = Gap::Fault(Fault::Overflow);
const OUT_OF_CALENDAR: Gap = Gap::Fault(Fault::OutOfCalendar);

impl Node {
    /// The value.
    pub fn value<'a>(&'a self, context: Context<'a>) -> Got<'a> {
        match self {
            Node::Bool(flag) => Ok(Val::Bool(*flag)),
            Node::Number(number) => Ok(Val::Number(*number)),
            Node::Text(text) => Ok(Val::Text(text)),
            Node::Slot(index) => context.slot(*index),
            Node::AtMonth(index, month) => at_month(context.slot(*index)?, month.number(context)?),
            Node::Month => Ok(Val::Number(context.month)),
            Node::Has(index) => match context.slot(*index) {
                Ok(_) => Ok(Val::Bool(true)),
                Err(Gap::Missing) => Ok(Val::Bool(false)),
                Err(gap) => Err(gap),
            },
            Node::ValueOr(pair) => match pair.0.value(context) {
                Err(Gap::Missing) => pair.1.value(context),
                got => got,
            },
            Node::Not(inner) => inner.truth(context).map(|flag| Val::Bool(!flag)),
            Node::All(parts) => absorb(parts, false, context),
            Node::Any(parts) => absorb(parts, true, context),
            Node::If(parts) => {
                let chosen = if parts.0.truth(context)? {
                    &parts.1
                } else {
                    &parts.2
                };
                chosen.value(context)
            }
            Node::Compare(comparison, pair) => {
                let pair = both(pair.0.value(context), pair.1.value(context))?;
                comparison.holds(pair).map(Val::Bool)
            }
            Node::OneOf(inner, codes) => {
                let text = inner.text(context)?;
                Ok(Val::Bool(codes.iter().any(|code| **code == *text)))
            }
            Node::Within(inner, set) => Ok(Val::Bool(set.contains(inner.text(context)?))),
            Node::SameCity(pair) => {
                let (left, right) = both(pair.0.text(context), pair.1.text(context))?;
                Ok(Val::Bool(
                    city_of(left).is_some() && city_of(left) == city_of(right),
                ))
            }
            Node::InMonths(inner, list) => match both(inner.value(context), context.slot(*list))? {
                (Val::Number(month), Val::List(months)) => Ok(Val::Bool(months.contains(&month))),
                _ => Err(WRONG_TYPE),
            },
            Node::Size(list) => match context.slot(*list)? {
                Val::List(months) => count(months.len()),
                Val::Series(rows) => count(rows.len()),
                _ => Err(WRONG_TYPE),
            },
            Node::Arithmetic(operation, pair) => {
                let (left, right) = numbers(pair, context)?;
                operation.apply(left, right).map(Val::Number)
            }
            Node::Least(parts) => extreme(parts, context, i64::min),
            Node::Greatest(parts) => extreme(parts, context, i64::max),
            Node::Parameter(parameter, arguments) => parameter_value(parameter, arguments, context),
            Node::SumMonths(parts) | Node::CountMonths(parts) => over_months(self, parts, context),
            _ => self.calendar(context).map(Val::Number),
        }
    }

    /// The functions of days and months.
    fn calendar(&self, context: Context<'_>) -> Result<i64, Gap> {
        match self {
            Node::AddToMonth(pair) => {
                let (month, months) = numbers(pair, context)?;
                let sum = month.checked_add(months).ok_or(OVERFLOW)?;
                month_of(sum).map(month_number).ok_or(OUT_OF_CALENDAR)
            }
            Node::AddToDate(pair) => {
                let (date, months) = numbers(pair, context)?;
                let date = date_of(date).ok_or(OUT_OF_CALENDAR)?;
                let months = i32::try_from(months).map_err(|_| OUT_OF_CALENDAR)?;
                let month = i64::from(calendar::Month::of(date).index()) + i64::from(months);
                month_of(month).ok_or(OUT_OF_CALENDAR)?;
                Ok(date_number(calendar::add_months(date, months)))
            }
            Node::MonthOf(inner) => {
                let date = date_of(inner.number(context)?).ok_or(OUT_OF_CALENDAR)?;
                Ok(month_number(calendar::Month::of(date)))
            }
            Node::FullMonths(pair) => {
                let (from, to) = numbers(pair, context)?;
                let from = date_of(from).ok_or(OUT_OF_CALENDAR)?;
                let to = date_of(to).ok_or(OUT_OF_CALENDAR)?;
                Ok(i64::from(calendar::full_months(from, to)))
            }
            Node::DaysInMonth(parts) => {
                let month = month_of(parts.0.number(context)?).ok_or(OUT_OF_CALENDAR)?;
                let (from, to) = (parts.1.number(context)?, parts.2.number(context)?);
                let first = from.max(date_number(month.first_day()));
                let last = to.min(date_number(month.last_day()));
                Ok(if last < first { 0 } else { last - first + 1 })
            }
            Node::HoursSince(inner) => {
                let then = inner.number(context)?;
                let now = Node::Slot(NOW).number(context)?;
                now.checked_sub(then)
                    .map(|seconds| seconds.div_euclid(3600))
                    .ok_or(OVERFLOW)
            }
            _ => Err(WRONG_TYPE),
        }
    }

    /// The value as a truth.
    pub fn truth(&self, context: Context<'_>) -> Result<bool, Gap> {
        match self.value(context)? {
            Val::Bool(flag) => Ok(flag),
            _ => Err(WRONG_TYPE),
        }
    }

    /// The value as a number.
    pub fn number(&self, context: Context<'_>) -> Result<i64, Gap> {
        match self.value(context)? {
            Val::Number(number) => Ok(number),
            _ => Err(WRONG_TYPE),
        }
    }

    fn text<'a>(&'a self, context: Context<'a>) -> Result<&'a str, Gap> {
        match self.value(context)? {
            Val::Text(text) => Ok(text),
            _ => Err(WRONG_TYPE),
        }
    }
}

impl Comparison {
    fn holds(self, pair: (Val<'_>, Val<'_>)) -> Result<bool, Gap> {
        match (self, pair) {
            (Comparison::Equal, (left, right)) => Ok(left == right),
            (Comparison::NotEqual, (left, right)) => Ok(left != right),
            (_, (Val::Number(left), Val::Number(right))) => Ok(match self {
                Comparison::Less => left < right,
                Comparison::LessOrEqual => left <= right,
                Comparison::Greater => left > right,
                _ => left >= right,
            }),
            _ => Err(WRONG_TYPE),
        }
    }
}

impl Operation {
    fn apply(self, left: i64, right: i64) -> Result<i64, Gap> {
        if right == 0
            && matches!(
                self,
                Operation::Divide | Operation::Remainder | Operation::RoundDown
            )
        {
            return Err(Gap::Fault(Fault::DivisionByZero));
        }
        match self {
            Operation::Add => left.checked_add(right),
            Operation::Subtract => left.checked_sub(right),
            Operation::Multiply => left.checked_mul(right),
            Operation::Divide => left.checked_div(right),
            Operation::Remainder => left.checked_rem(right),
            Operation::RoundDown => left
                .checked_rem_euclid(right)
                .and_then(|over| left.checked_sub(over)),
        }
        .ok_or(OVERFLOW)
    }
}

/// The city of a six-digit district (GB/T 2260): its first four digits, its first two in a municipality directly under the State.
fn city_of(district: &str) -> Option<&str> {
    let municipality = ["11", "12", "31", "50"]
        .iter()
        .any(|code| district.starts_with(code));
    district.get(..if municipality { 2 } else { 4 })
}

/// `&&` with false, `||` with true: the absorbing value wins over every gap, wherever it stands.
fn absorb<'a>(parts: &'a [Node], absorbing: bool, context: Context<'a>) -> Got<'a> {
    let mut worst: Option<Gap> = None;
    for part in parts {
        match part.truth(context) {
            Ok(flag) if flag == absorbing => return Ok(Val::Bool(absorbing)),
            Ok(_) => {}
            Err(gap) => worst = worst.max(Some(gap)),
        }
    }
    worst.map_or(Ok(Val::Bool(!absorbing)), Err)
}

/// Two values, or the stronger of their gaps.
fn both<A, B>(left: Result<A, Gap>, right: Result<B, Gap>) -> Result<(A, B), Gap> {
    match (left, right) {
        (Ok(left), Ok(right)) => Ok((left, right)),
        (Err(left), Err(right)) => Err(left.max(right)),
        (Err(gap), Ok(_)) | (Ok(_), Err(gap)) => Err(gap),
    }
}

fn numbers(pair: &(Node, Node), context: Context<'_>) -> Result<(i64, i64), Gap> {
    both(pair.0.number(context), pair.1.number(context))
}

fn count<'a>(entries: usize) -> Got<'a> {
    i64::try_from(entries)
        .map(Val::Number)
        .map_err(|_| OVERFLOW)
}

fn extreme<'a>(parts: &[Node], context: Context<'_>, pick: fn(i64, i64) -> i64) -> Got<'a> {
    let mut got: Option<Result<i64, Gap>> = None;
    for part in parts {
        let next = part.number(context);
        got = Some(match got {
            None => next,
            Some(so_far) => both(so_far, next).map(|(left, right)| pick(left, right)),
        });
    }
    got.unwrap_or(Err(WRONG_TYPE)).map(Val::Number)
}

fn at_month(series: Val<'_>, month: i64) -> Got<'_> {
    let Val::Series(rows) = series else {
        return Err(WRONG_TYPE);
    };
    match rows.binary_search_by_key(&month, |(month, _)| *month) {
        Ok(index) => Ok((&rows[index].1).into()),
        Err(_) => Err(Gap::Missing),
    }
}

fn parameter_value<'a>(
    parameter: &'a Parameter,
    arguments: &'a [Node],
    context: Context<'a>,
) -> Got<'a> {
    let mut given = [Given::Number(0); 6];
    let given = &mut given[..arguments.len().min(6)];
    let mut day = Err(Gap::Unknown);
    for (place, node) in given.iter_mut().zip(arguments) {
        *place = match node.value(context)? {
            Val::Number(number) => Given::Number(number),
            Val::Text(text) => Given::Text(text),
            _ => return Err(WRONG_TYPE),
        };
    }
    if let Some(index) = parameter.date_argument() {
        day = match (given.get(index), parameter.arguments[index].ty) {
            (Some(Given::Number(month)), Type::Month) => month_of(*month)
                .map(|month| date_number(month.first_day()))
                .ok_or(OUT_OF_CALENDAR),
            (Some(Given::Number(day)), _) => Ok(*day),
            _ => Err(WRONG_TYPE),
        };
    } else if let Val::Number(today) = context.slot(TODAY)? {
        day = Ok(today);
    }
    let row = parameter.row(day?, given).map_err(Gap::Fault)?;
    Ok((&row.value).into())
}

/// The months of a sum; none when the last is before the first.
pub(crate) fn months_of(
    parts: &(Node, Node, Node),
    context: Context<'_>,
) -> Result<std::ops::RangeInclusive<i64>, Gap> {
    let (first, last) = both(parts.0.number(context), parts.1.number(context))?;
    if last.saturating_sub(first) >= MOST_MONTHS {
        return Err(Gap::Fault(Fault::TooManyMonths));
    }
    Ok(first..=last)
}

impl Node {
    /// Each month of a sum over months with its part; nothing where the months are not known.
    pub fn by_month(&self, context: Context<'_>) -> Vec<(i64, i64)> {
        let Node::SumMonths(parts) = self else {
            return Vec::new();
        };
        let Ok(months) = months_of(parts, context) else {
            return Vec::new();
        };
        months
            .filter_map(|month| Some((month, parts.2.number(Context { month, ..context }).ok()?)))
            .collect()
    }
}

fn over_months<'a>(node: &Node, parts: &(Node, Node, Node), context: Context<'_>) -> Got<'a> {
    let counts = matches!(node, Node::CountMonths(_));
    let mut total: Result<i64, Gap> = Ok(0);
    for month in months_of(parts, context)? {
        let context = Context { month, ..context };
        let part = if counts {
            parts.2.truth(context).map(i64::from)
        } else {
            parts.2.number(context)
        };
        total = both(total, part).and_then(|(total, part)| total.checked_add(part).ok_or(OVERFLOW));
    }
    total.map(Val::Number)
}
