//! One file a command of the command line; each prints for a person and returns an exit code.

pub mod clock;
pub mod cluster;
pub mod config;
pub mod migrate;
pub mod outside;
pub mod policy;
pub mod setup;
