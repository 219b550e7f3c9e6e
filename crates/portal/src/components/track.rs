//! 步骤: the few steps of a long task, each with its word.

use askama::Template;

use super::{Text, When, filters, prints_itself};

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// Where it stands.
    pub when: When,
    /// Its name.
    pub name: String,
    /// How far, how many, by when.
    pub note: Text,
}

impl Step {
    /// A step.
    pub fn new(when: When, name: impl Into<String>, note: impl Into<Text>) -> Step {
        Step {
            when,
            name: name.into(),
            note: note.into(),
        }
    }

    fn icon(&self) -> &'static str {
        match self.when {
            When::Done => "check",
            When::Now => "half",
            When::Unknown => "ask",
            When::Failed => "alert",
            When::Expected => "ring",
        }
    }

    fn class(&self) -> &'static str {
        match self.when {
            When::Done => "done",
            When::Now | When::Unknown | When::Failed => "now",
            When::Expected => "",
        }
    }
}

/// The steps in their order.
#[derive(Debug, Clone, Template)]
#[template(path = "components/track.html")]
pub struct Track(pub Vec<Step>);

prints_itself!(Track);
