//! 拖放: the whole area is the label of a file input, so that Enter and a tap open the picker.

use askama::Template;

use super::{filters, prints_itself};

/// A place to drop one xlsx file on.
#[derive(Debug, Clone, Template)]
#[template(path = "components/drop.html")]
pub struct Drop {
    /// Name of the file in the form.
    pub name: &'static str,
    /// What to drop.
    pub words: &'static str,
}

prints_itself!(Drop);
