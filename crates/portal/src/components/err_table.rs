//! 改错: every wrong cell with what stood there, what is wrong and a place to type the right value.

use askama::Template;

use super::{State, Text, prints_itself};

/// A box or list that mends one cell. Left as it is, it changes nothing.
#[derive(Debug, Clone, Default)]
pub struct Mend {
    /// Its name.
    pub field: String,
    /// Where it is, for screen readers: 第 17 行，.
    pub place: String,
    /// What it mends: 缴存基数改成. Seen only where a fault has several.
    pub label: String,
    /// What it begins with: what we guess, or what stands there.
    pub value: String,
    /// What there is to choose from, value and words; empty for a box to type in.
    pub options: Vec<(String, String)>,
    /// A tick that empties the cell instead: its name and its value.
    pub empty: Option<(&'static str, String)>,
    /// What an empty box means.
    pub hint: Option<&'static str>,
}

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
    /// How it is mended here; none where a new file is needed.
    pub mends: Vec<Mend>,
    /// The tick that leaves its row out: its name and the row.
    pub drop: Option<(&'static str, u32)>,
}

impl Fault {
    fn field(&self) -> Option<&str> {
        self.mends.first().map(|mend| mend.field.as_str())
    }

    /// The id of its words, which describe its boxes; none where it is not mended here.
    fn problem_id(&self) -> Option<String> {
        match (self.field(), self.drop) {
            (Some(field), _) => Some(format!("{field}-problem")),
            (None, Some((name, row))) => Some(format!("{name}{row}-problem")),
            (None, None) => None,
        }
    }
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
    /// Where it is mended: here, or in the file.
    pub caption: &'static str,
    /// What has to be mended.
    pub faults: Vec<Fault>,
    /// What we read as it was meant.
    pub repaired: Vec<Repaired>,
}

prints_itself!(ErrTable);
