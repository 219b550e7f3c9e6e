//! 快捷键: the keys of a page, printed under it. They only add speed.

use askama::Template;

use super::{Text, prints_itself};

/// Keys and what they do; at the right what is recorded or when the figures were taken.
#[derive(Debug, Clone, Template)]
#[template(path = "components/keys.html")]
pub struct Keys {
    keys: Vec<(String, String)>,
    note: Option<Text>,
}

impl Keys {
    /// Keys as `("j k", "移动")`.
    pub fn new(keys: &[(&str, &str)]) -> Keys {
        Keys {
            keys: keys
                .iter()
                .map(|(key, does)| ((*key).to_owned(), (*does).to_owned()))
                .collect(),
            note: None,
        }
    }

    /// With a note at the right.
    #[must_use]
    pub fn note(mut self, note: impl Into<Text>) -> Keys {
        self.note = Some(note.into());
        self
    }
}

prints_itself!(Keys);
