//! Withdrawals (提取): `payout.rs` serves every kind, also those that are policy alone; a kind that needs more gets a file, and what is agreed for each period is in `agreement/`. Invariant: an amount leaves an account only by a decision of policy over facts, to the person's own verified card.

pub mod agreement;
pub mod closing;
pub mod estate;
pub mod own_books;
pub mod pace;
pub mod payout;
pub mod recovery;
mod short_stay;
