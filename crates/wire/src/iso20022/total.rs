//! Counts and sums that messages of orders state about themselves (笔数与合计).

use anju_domain::money::Fen;

use super::IsoError;
use super::writer::{self, ID, Writer};
use super::xml;

/// How many orders, and their sum where it is no overflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Totals {
    count: usize,
    sum: Option<Fen>,
}

impl Totals {
    pub(super) fn of(amounts: impl Iterator<Item = Fen>) -> Totals {
        amounts.fold(
            Totals {
                count: 0,
                sum: Some(Fen::ZERO),
            },
            |totals, amount| Totals {
                count: totals.count + 1,
                sum: totals.sum.and_then(|sum| sum.checked_add(amount)),
            },
        )
    }
}

/// Writes both.
pub(super) fn write(w: &mut Writer, totals: Totals) {
    let sum = totals
        .sum
        .expect("a message of ours sums to less than all money");
    w.text("NbOfTxs", &totals.count.to_string(), ID);
    w.text("CtrlSum", &writer::decimal(sum), ID);
}

/// Compares what a header states with what its orders give; the count may be absent unless it is required, the sum may always be.
pub(super) fn check(
    header: &xml::Element,
    count_required: bool,
    counted: Totals,
) -> Result<(), IsoError> {
    let stated = match header.text("NbOfTxs")? {
        None if count_required => Some(header.required_text("NbOfTxs")?),
        stated => stated,
    };
    if let Some(stated) = stated
        && stated.parse() != Ok(counted.count)
    {
        return Err(IsoError::Total {
            element: "NbOfTxs",
            stated,
            counted: counted.count.to_string(),
        });
    }
    if let Some(stated) = header.text("CtrlSum")?
        && (counted.sum.is_none() || xml::fen(&stated) != counted.sum)
    {
        return Err(IsoError::Total {
            element: "CtrlSum",
            stated,
            counted: counted.sum.map(writer::decimal).unwrap_or_default(),
        });
    }
    Ok(())
}
