//! The functions of the rule language: their arguments and results. A file that calls one wrongly does not load.

use crate::evaluate::{Node, Operation};
use crate::expression::{Typed, fit, fold, same, word};
use crate::value::Type;

/// A call of a function with checked arguments.
///
/// # Errors
/// An unknown function, a wrong number of arguments, a wrong type.
pub(crate) fn apply(name: &str, given: Vec<Typed>) -> Result<Typed, String> {
    match name {
        "min" | "max" => extreme(name, given),
        "add_months" => {
            let (from, months) = two(name, given)?;
            let months = fit(months.0, months.1, Type::Int)?;
            let pair = Box::new((from.0, months));
            match from.1 {
                Type::Month => Ok((Node::AddToMonth(pair), Type::Month)),
                Type::Date => Ok((Node::AddToDate(pair), Type::Date)),
                other => Err(format!(
                    "add_months needs a date or a month, not {}",
                    word(other)
                )),
            }
        }
        "months_between" => {
            let (left, right, ty) = both(name, given)?;
            match ty {
                Type::Month => Ok((difference(right, left), Type::Int)),
                Type::Date => Ok((Node::FullMonths(Box::new((left, right))), Type::Int)),
                other => Err(format!(
                    "months_between needs dates or months, not {}",
                    word(other)
                )),
            }
        }
        "days_between" => {
            let (left, right, ty) = both(name, given)?;
            match ty {
                Type::Date => Ok((difference(right, left), Type::Int)),
                other => Err(format!("days_between needs dates, not {}", word(other))),
            }
        }
        "same_city" => {
            let (left, right) = two(name, given)?;
            let left = fit(left.0, left.1, Type::Text)?;
            let right = fit(right.0, right.1, Type::Text)?;
            Ok((Node::SameCity(Box::new((left, right))), Type::Bool))
        }
        "month_of" => {
            let date = one(name, given)?;
            let date = fit(date.0, date.1, Type::Date)?;
            Ok((Node::MonthOf(Box::new(date)), Type::Month))
        }
        "days_in_month" => {
            let mut given = counted(name, 3, given)?.into_iter();
            let mut next = |wanted| {
                let (node, found) = given.next().expect("three arguments were counted");
                fit(node, found, wanted)
            };
            let parts = (next(Type::Month)?, next(Type::Date)?, next(Type::Date)?);
            Ok((Node::DaysInMonth(Box::new(parts)), Type::Int))
        }
        "hours_since" => {
            let instant = one(name, given)?;
            let instant = fit(instant.0, instant.1, Type::Instant)?;
            Ok((Node::HoursSince(Box::new(instant)), Type::Int))
        }
        "value_or" => {
            let (left, right, ty) = both(name, given)?;
            Ok((Node::ValueOr(Box::new((left, right))), ty))
        }
        "round_down" => {
            let (left, right, ty) = both(name, given)?;
            if !matches!(ty, Type::Fen | Type::Int) {
                return Err(format!(
                    "round_down needs money or a count, not {}",
                    word(ty)
                ));
            }
            let pair = Box::new((left, right));
            Ok((fold(Node::Arithmetic(Operation::RoundDown, pair)), ty))
        }
        "size" => match one(name, given)? {
            (Node::Slot(slot), Type::Months | Type::FenByMonth | Type::TextByMonth) => {
                Ok((Node::Size(slot), Type::Int))
            }
            (_, other) => Err(format!("size counts a list of months, not {}", word(other))),
        },
        _ => Err(format!("unknown function {name}")),
    }
}

fn extreme(name: &str, given: Vec<Typed>) -> Result<Typed, String> {
    let mut given = given.into_iter();
    let Some(first) = given.next() else {
        return Err(format!("{name} needs at least one argument"));
    };
    let mut nodes = vec![first.0];
    let mut ty = first.1;
    for next in given {
        // The zero takes the type of whatever stands beside it.
        let last = nodes.pop().expect("one node at least");
        let (left, right, found) = same((last, ty), next)?;
        nodes.extend([left, right]);
        ty = found;
    }
    if !ty.is_ordered() {
        return Err(format!(
            "{name} needs numbers, money, dates or months, not {}",
            word(ty)
        ));
    }
    let node = if name == "min" {
        Node::Least(nodes)
    } else {
        Node::Greatest(nodes)
    };
    Ok((fold(node), ty))
}

fn difference(left: Node, right: Node) -> Node {
    Node::Arithmetic(Operation::Subtract, Box::new((left, right)))
}

fn both(name: &str, given: Vec<Typed>) -> Result<(Node, Node, Type), String> {
    let (left, right) = two(name, given)?;
    same(left, right).map_err(|error| format!("{name}: {error}"))
}

fn one(name: &str, given: Vec<Typed>) -> Result<Typed, String> {
    Ok(counted(name, 1, given)?.remove(0))
}

fn two(name: &str, given: Vec<Typed>) -> Result<(Typed, Typed), String> {
    let mut given = counted(name, 2, given)?;
    let right = given.remove(1);
    Ok((given.remove(0), right))
}

fn counted(name: &str, wanted: usize, given: Vec<Typed>) -> Result<Vec<Typed>, String> {
    if given.len() == wanted {
        Ok(given)
    } else {
        Err(format!(
            "{name} takes {wanted} argument(s), not {}",
            given.len()
        ))
    }
}
