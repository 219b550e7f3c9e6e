//! The monthly roster, tested from outside: files of other writers, every refusal, every rule, damaged bytes.

mod agreement;
mod damage;
mod files;
mod rules;
mod town;
