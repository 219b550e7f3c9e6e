//! What the commands of `anju` do. The binary reads the command line; tests start the same parts in their own process.
//!
//! Nothing here decides anything about money or people: it finds the database, starts the others and prints.
//! Read `start.rs` first.

pub mod bench;
pub mod cast;
pub mod chance;
pub mod cluster;
pub mod command;
pub mod config;
pub mod database;
pub mod doors;
pub mod doorway;
pub mod handover;
pub mod home;
pub mod log;
mod machine;
pub mod start;
pub mod vectors;
pub mod walk;
