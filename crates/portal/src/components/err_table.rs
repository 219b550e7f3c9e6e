//! 改错: every wrong cell with what stood there, what is wrong and a place to type the right value.

use askama::Template;

use super::{State, Text, prints_itself};

/// One wrong cell.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Row as Excel shows it; none where no row is meant.
    pub row: Option<u32>,
    /// Column by its header's name.
    pub column: Option<String>,
    /// What stood there, the wrong part marked.
    pub was: Text,
    /// What is wrong with it, and what to do.
    pub problem: String,
    /// What to put there, where we can guess.
    pub guess: String,
    /// Name of the input; none where a new file is needed.
    pub field: Option<String>,
}

/// A cell that we could read as it was meant.
#[derive(Debug, Clone)]
pub struct Repaired {
    /// Row as Excel shows it.
    pub row: u32,
    /// Column by its header's name.
    pub column: String,
    /// What stood there.
    pub was: String,
    /// How it is read.
    pub read_as: String,
}

/// The table of all faults of a file.
#[derive(Debug, Clone, Template)]
#[template(path = "components/err_table.html")]
pub struct ErrTable {
    /// What has to be mended.
    pub faults: Vec<Fault>,
    /// What we read as it was meant.
    pub repaired: Vec<Repaired>,
}

prints_itself!(ErrTable);
