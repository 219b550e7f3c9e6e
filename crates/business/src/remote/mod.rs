//! Transfers between cities (异地转移接续, contribution.md §12): money follows the person from the out-centre to the in-centre, where he
//! applies. `incoming.rs` is the in-centre's side, `outgoing.rs` the out-centre's (`leaving.rs` its money), `message.rs` what both say over the national platform,
//! `money.rs` what banks do, `letter.rs` the letter that both sides keep, `list.rs` what people read.
//!
//! Invariant: whatever comes twice, late or in another order, a letter's money is credited at most once and leaves at most once: each step
//! takes the letter's row, checks its state, and books, speaks and moves the case in the same transaction.

pub mod audit;
pub mod incoming;
mod leaving;
pub mod letter;
pub mod list;
pub mod message;
pub mod money;
pub mod outgoing;
pub mod two_persons;

use anju_casework::{Office, Result};

pub use letter::{Letter, Side, State};

use crate::policy::Rules;

/// Our code at the national platform.
pub fn own_centre(office: &Office) -> Result<String> {
    Rules::on(office, office.today()).text("rt_centre_code")
}

/// Does what is due about letters: sends what a bank refused once more, reminds a centre that is silent. Returns how many were looked at.
pub async fn run_due(office: &Office) -> Result<usize> {
    let due = letter::due(office, 50).await?;
    for letter in &due {
        let done = match letter.side() {
            Side::In => incoming::remind(office, letter.letter_id).await,
            Side::Out => outgoing::advance(office, letter.letter_id).await,
        };
        if let Err(error) = done {
            tracing::error!(case = letter.letter_id, %error, "a transfer between cities");
        }
    }
    Ok(due.len())
}
