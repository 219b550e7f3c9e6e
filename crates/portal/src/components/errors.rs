//! 错误: all mistakes in one answer, on top, each a link to its field with the same words.

use askama::Template;

use super::prints_itself;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Id of the field; empty where no field is meant.
    pub field: String,
    /// Where, what, what next.
    pub words: String,
}

impl Mistake {
    /// A mistake at a field.
    pub fn at(field: impl Into<String>, words: impl Into<String>) -> Mistake {
        Mistake {
            field: field.into(),
            words: words.into(),
        }
    }
}

/// The summary above the form.
#[derive(Debug, Clone, Template)]
#[template(path = "components/errors.html")]
pub struct ErrorSummary {
    mistakes: Vec<Mistake>,
    note: Option<String>,
    shown: usize,
}

impl ErrorSummary {
    /// The summary, or nothing where there is no mistake.
    #[must_use]
    pub fn of(mistakes: Vec<Mistake>) -> Option<ErrorSummary> {
        (!mistakes.is_empty()).then_some(ErrorSummary {
            mistakes,
            note: None,
            shown: 12,
        })
    }

    /// What holds until they are mended.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> ErrorSummary {
        self.note = Some(note.into());
        self
    }

    fn rest(&self) -> usize {
        self.mistakes.len().saturating_sub(self.shown)
    }
}

prints_itself!(ErrorSummary);
