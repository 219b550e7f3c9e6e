//! Money that the centre collects (委托收款, contribution.md §6.2, §6.3). Invariant: a list has one living order at most and none after a
//! success, an order whose result is unknown is asked about and never replaced, and only money that has arrived is allocated. Read
//! `contract.rs` (what a payer has signed), `order.rs` (orders of a day in files) and `result.rs` (what became of them).

pub mod contract;
pub mod order;
mod result;

pub use contract::{BankDesk, DebitContract, Mandate, confirm_waiting, of_payer};
pub use order::{
    File, Order, OrderState, build, enqueue, file, last_of, of_end_to_end_id, of_remittance, sent,
    unknown,
};
pub use result::{Answer, Outcome, received, take};

use anju_casework::Result;
use anju_domain::calendar::Month;
use chrono::NaiveDate;

use crate::policy::Rules;

/// The first day of collection for who asks on `today` for that day of the month: this month's, or if that has passed at once or next
/// month, as policy says.
pub fn first_day(rules: &Rules, today: NaiveDate, day: i16) -> Result<NaiveDate> {
    let month = Month::of(today);
    let in_month = |month: Month| month.day_clamped(u32::from(day.unsigned_abs()));
    Ok(if today <= in_month(month) {
        in_month(month)
    } else if rules.text("debit_day_passed")? == "AT_ONCE" {
        today
    } else {
        in_month(month.plus(1))
    })
}
