//! Tests that read like the domain: a town with its own database, server, outside world and clock.
//!
//! One binary, so that it is linked once; a file a subject. `town.rs` builds the town, `database.rs` its database.

/// As in the binary: what is tested is the product as it runs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod arrears;
mod as_of;
mod authorization;
mod base_year;
mod bench;
mod books;
mod branches;
mod case_papers;
mod chance;
mod changes;
mod closing;
mod closing_withdrawal;
mod collection;
mod complaint;
mod contribution;
mod contribution_refusals;
mod counter;
mod court;
mod court_rest;
mod credit;
mod database;
mod downpay;
mod enforcement;
mod entitled;
mod environment;
mod estate;
mod estate_online;
mod evidence;
mod flexible;
mod flexible_exit;
mod fraud;
mod gateway;
mod handover;
mod hardship;
mod home_withdrawal;
mod installation;
mod interest_year;
mod keys;
mod late_credit;
mod licence;
mod life;
mod need_more;
mod opening;
mod outside;
mod pace;
mod papers;
mod person_data;
mod policy;
mod policy_levy;
mod policy_life;
mod query;
mod refund;
mod relief;
mod repay;
mod replay;
mod restore;
mod rule_uses;
mod schema;
mod security;
mod server;
mod service;
mod sharing;
mod subsidy;
mod subsidy_rate;
mod supplement;
mod together;
mod town;
mod transfer_between_cities;
mod visitor;
mod withdrawal;
mod withdrawal_cast;
