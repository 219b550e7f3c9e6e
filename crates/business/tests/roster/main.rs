//! The monthly roster, tested from outside: files of other writers, every refusal, every rule, damaged bytes.

mod agreement;
mod amounts;
mod damage;
mod files;
mod refusals;
mod rules;
mod town;
mod writers;
