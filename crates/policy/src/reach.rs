//! What an expression reads, and which of it keeps it from having a value: so that a decision can say what it looked at and for whom it
//! waits.

use crate::evaluate::{Context, NOW, Node, months_of};
use crate::value::Gap;

impl Node {
    /// The parts of an expression.
    pub fn children(&self) -> Vec<&Node> {
        match self {
            Node::Bool(_) | Node::Number(_) | Node::Text(_) | Node::Slot(_) => Vec::new(),
            Node::Month | Node::Has(_) | Node::Size(_) => Vec::new(),
            Node::AtMonth(_, inner) | Node::Not(inner) | Node::OneOf(inner, _) => vec![inner],
            Node::Within(inner, _) | Node::InMonths(inner, _) => vec![inner],
            Node::MonthOf(inner) | Node::HoursSince(inner) => vec![inner],
            Node::ValueOr(pair) | Node::Compare(_, pair) => vec![&pair.0, &pair.1],
            Node::Arithmetic(_, pair) | Node::AddToMonth(pair) => vec![&pair.0, &pair.1],
            Node::AddToDate(pair) | Node::FullMonths(pair) | Node::SameCity(pair) => {
                vec![&pair.0, &pair.1]
            }
            Node::All(parts) | Node::Any(parts) | Node::Least(parts) => parts.iter().collect(),
            Node::Greatest(parts) | Node::Parameter(_, parts) => parts.iter().collect(),
            Node::If(parts) | Node::SumMonths(parts) => vec![&parts.0, &parts.1, &parts.2],
            Node::CountMonths(parts) | Node::DaysInMonth(parts) => {
                vec![&parts.0, &parts.1, &parts.2]
            }
        }
    }

    /// The slot that this very node reads.
    pub fn own_slot(&self) -> Option<u16> {
        match self {
            Node::Slot(index) | Node::AtMonth(index, _) | Node::Has(index) => Some(*index),
            Node::InMonths(_, index) | Node::Size(index) => Some(*index),
            Node::HoursSince(_) => Some(NOW),
            _ => None,
        }
    }

    /// Every slot that it may read, each once, in order.
    pub fn slots(&self, into: &mut Vec<u16>) {
        if let Some(slot) = self.own_slot().filter(|slot| !into.contains(slot)) {
            into.push(slot);
        }
        self.children()
            .into_iter()
            .for_each(|child| child.slots(into));
    }

    /// The slots that keep it from having a value: those whose gap nothing absorbs.
    pub fn gaps(&self, context: Context<'_>, into: &mut Vec<u16>) {
        if self.value(context).is_ok() {
            return;
        }
        if let Some(slot) = self.own_slot()
            && context.slot(slot).is_err()
            && !into.contains(&slot)
        {
            into.push(slot);
        }
        match self {
            Node::If(parts) if parts.0.value(context).is_ok() => {
                let chosen = if parts.0.truth(context) == Ok(true) {
                    &parts.1
                } else {
                    &parts.2
                };
                chosen.gaps(context, into);
            }
            Node::If(parts) => parts.0.gaps(context, into),
            Node::ValueOr(pair) => match pair.0.value(context) {
                Err(Gap::Missing) => pair.1.gaps(context, into),
                _ => pair.0.gaps(context, into),
            },
            Node::SumMonths(parts) | Node::CountMonths(parts) => {
                parts.0.gaps(context, into);
                parts.1.gaps(context, into);
                for month in months_of(parts, context).into_iter().flatten() {
                    parts.2.gaps(Context { month, ..context }, into);
                }
            }
            _ => self
                .children()
                .into_iter()
                .for_each(|child| child.gaps(context, into)),
        }
    }
}
