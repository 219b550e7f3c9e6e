//! The binary: reads the command line, starts the others, holds no logic.
fn main() {}
