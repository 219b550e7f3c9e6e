//! Tests that read like the domain: a town with its own database, server, outside world and clock.
//!
//! One binary, so that it is linked once; a file a subject. `town.rs` builds the town, `database.rs` its database.

mod arrears;
mod authorization;
mod base_year;
mod bench;
mod books;
mod case_papers;
mod chance;
mod changes;
mod closing;
mod collection;
mod contribution;
mod database;
mod enforcement;
mod environment;
mod evidence;
mod flexible;
mod gateway;
mod handover;
mod hardship;
mod installation;
mod interest_year;
mod keys;
mod licence;
mod life;
mod opening;
mod outside;
mod papers;
mod person_data;
mod policy;
mod query;
mod refund;
mod relief;
mod replay;
mod restore;
mod schema;
mod security;
mod server;
mod service;
mod subsidy;
mod supplement;
#[expect(dead_code, reason = "the tests of faults use the rest")]
mod town;
mod transfer_between_cities;
mod visitor;
mod withdrawal;
