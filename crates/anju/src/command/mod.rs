//! One file a command of the command line; each prints for a person and returns an exit code.

pub mod admin;
pub mod audit;
pub mod backup;
pub mod bench;
pub mod clock;
pub mod close;
pub mod cluster;
pub mod config;
pub mod demo;
pub mod entitled;
pub mod export;
pub mod life;
pub mod logins;
pub mod migrate;
pub mod outside;
pub mod policy;
pub mod ready;
pub mod restore;
pub mod serve;
pub mod setup;
pub mod vectors;
pub mod verify;
pub mod walk;
