//! The monthly roster, tested from outside: files of other writers, every refusal, every rule, damaged bytes.

mod files;
mod town;
