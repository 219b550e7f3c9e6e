//! What the centre must survive (docs/faults.md): processes that are killed, connections that are cut, clocks that jump, disks that are
//! full. After each fault the checker compares books, bank, cases, evidence and the clients' log.
//!
//! Read `checker.rs` first, then `centre.rs`: a centre of real processes. A failure prints its seed; `ANJU_SEED` plays it again, and
//! `ANJU_NIGHTLY=1` takes the large counts.

/// As in the binary: what is tested is the product as it runs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod banks;
mod batches;
mod centre;
#[path = "../town/chance.rs"]
mod chance;
mod checker;
mod clients;
mod clock;
mod collection;
mod cut;
#[path = "../town/database.rs"]
#[expect(dead_code, reason = "the tests of the town use the rest")]
mod database;
mod fuzz;
mod kills;
mod migrating;
mod planted;
mod proxy;
mod races;
mod simulations;
mod soak;
mod starved;
mod story;
#[path = "../town/town.rs"]
#[expect(dead_code, reason = "the tests of the town use the rest")]
mod town;
