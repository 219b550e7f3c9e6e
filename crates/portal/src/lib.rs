//! What people see: pages and APIs, one folder per kind of user.
//!
//! Invariant: a handler parses, calls one command or query and draws the answer; no rule and no arithmetic with money stands here,
//! and no SQL but that of the doors for machines about themselves (their kept answers, readiness). Pages work
//! without scripts, load nothing from another host and print no inline script or style.
//! Read `frame` (what every page has), then `components` (what pages are built of), then `pages`.

mod apply;
pub mod assets;
pub mod authorization;
pub mod components;
mod decree;
mod desk;
mod download;
pub mod frame;
pub mod inside;
pub mod licence;
mod login;
pub mod look;
mod looks;
pub mod measure;
mod my;
pub mod open;
pub mod pages;
pub mod papers;
mod parties;
pub mod problem;
mod proofs;
pub mod security;
pub mod serve;
pub mod service;
mod sessions;
mod shares;
mod site;
mod unit;
mod unsent;
mod verify;
pub mod when;
