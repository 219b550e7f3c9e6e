//! Operators of the rule language and the types that they join: money with money, money times a count, dates with dates.

use cel::common::ast::operators;

use crate::evaluate::{Comparison, Node, Operation};
use crate::expression::{Typed, fit, fold, same, word};
use crate::value::Type;

/// An operator with checked operands.
///
/// # Errors
/// Types that do not go together: `fen + int`, `fen * fen`.
pub(crate) fn apply(name: &str, operands: Vec<Typed>) -> Result<Typed, String> {
    let mut operands = operands.into_iter();
    let Some(left) = operands.next() else {
        return Err("an operator without operands".into());
    };
    let Some(right) = operands.next() else {
        return match name {
            operators::LOGICAL_NOT => {
                let inner = fit(left.0, left.1, Type::Bool)?;
                Ok((fold(Node::Not(Box::new(inner))), Type::Bool))
            }
            _ if matches!(left.1, Type::Int | Type::Fen) => {
                let ty = left.1;
                let pair = Box::new((Node::Number(0), left.0));
                Ok((fold(Node::Arithmetic(Operation::Subtract, pair)), ty))
            }
            _ => Err(format!("`-` needs a count or money, not {}", word(left.1))),
        };
    };
    let comparison = match name {
        operators::EQUALS => Some(Comparison::Equal),
        operators::NOT_EQUALS => Some(Comparison::NotEqual),
        operators::LESS => Some(Comparison::Less),
        operators::LESS_EQUALS => Some(Comparison::LessOrEqual),
        operators::GREATER => Some(Comparison::Greater),
        operators::GREATER_EQUALS => Some(Comparison::GreaterOrEqual),
        _ => None,
    };
    if let Some(comparison) = comparison {
        return compared(comparison, left, right);
    }
    arithmetic(name, left, right)
}

fn compared(comparison: Comparison, left: Typed, right: Typed) -> Result<Typed, String> {
    let (left, right, ty) = same(left, right)?;
    let equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
    let comparable = ty.is_ordered() || (equality && matches!(ty, Type::Bool | Type::Text));
    if !comparable {
        return Err(format!("{} cannot be compared in this way", word(ty)));
    }
    Ok((
        fold(Node::Compare(comparison, Box::new((left, right)))),
        Type::Bool,
    ))
}

fn arithmetic(name: &str, left: Typed, right: Typed) -> Result<Typed, String> {
    let operation = match name {
        operators::ADD => Operation::Add,
        operators::SUBSTRACT => Operation::Subtract,
        operators::MULTIPLY => Operation::Multiply,
        operators::DIVIDE => Operation::Divide,
        operators::MODULO => Operation::Remainder,
        _ => return Err("unknown operator".into()),
    };
    let wrong = |left: Type, right: Type| {
        let sign = match operation {
            Operation::Add => "+",
            Operation::Subtract => "−",
            Operation::Multiply => "×",
            Operation::Divide => "÷",
            _ => "%",
        };
        Err(format!(
            "{} {sign} {} has no meaning",
            word(left),
            word(right)
        ))
    };
    let (left, right, ty) = match operation {
        Operation::Add | Operation::Subtract => {
            let (left_type, right_type) = (left.1, right.1);
            match same(left, right) {
                Ok(found) if matches!(found.2, Type::Int | Type::Fen | Type::Bp) => found,
                _ => return wrong(left_type, right_type),
            }
        }
        Operation::Multiply => match (left.1, right.1) {
            (Type::Int, Type::Int) => (left.0, right.0, Type::Int),
            (Type::Fen, Type::Int) | (Type::Int, Type::Fen) => (left.0, right.0, Type::Fen),
            (left, right) => return wrong(left, right),
        },
        _ => match (left.1, right.1) {
            (Type::Int, Type::Int) => (left.0, right.0, Type::Int),
            (Type::Fen, Type::Int) => (left.0, right.0, Type::Fen),
            // Whole steps of a ratio.
            (Type::Bp, Type::Bp) if matches!(operation, Operation::Remainder) => {
                (left.0, right.0, Type::Bp)
            }
            (left, right) => return wrong(left, right),
        },
    };
    Ok((
        fold(Node::Arithmetic(operation, Box::new((left, right)))),
        ty,
    ))
}
