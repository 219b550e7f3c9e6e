//! 经过: what happened, what is under way, what is expected. A case runs oldest first, a customer newest first.

use askama::Template;

use super::{Text, filters, prints_itself};

/// Where an event stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// It has happened.
    Done,
    /// It is happening.
    Now,
    /// We are waiting and nobody has answered.
    Unknown,
    /// It went wrong.
    Failed,
    /// It is expected.
    Expected,
}

impl When {
    fn class(self) -> &'static str {
        match self {
            When::Done => "done",
            When::Now => "now",
            When::Unknown => "unk",
            When::Failed => "bad",
            When::Expected => "",
        }
    }

    fn icon(self) -> &'static str {
        match self {
            When::Done => "check",
            When::Now => "half",
            When::Unknown => "ask",
            When::Failed => "cross",
            When::Expected => "ring",
        }
    }
}

/// One event.
#[derive(Debug, Clone)]
pub struct Event {
    /// Where it stands.
    pub when: When,
    /// What.
    pub what: Text,
    /// When, by whom, on which channel.
    pub note: Text,
}

impl Event {
    /// An event.
    pub fn new(when: When, what: impl Into<Text>, note: impl Into<Text>) -> Event {
        Event {
            when,
            what: what.into(),
            note: note.into(),
        }
    }

    fn is_current(&self) -> bool {
        matches!(self.when, When::Now | When::Unknown)
    }
}

/// The events of a case, a customer, a day.
#[derive(Debug, Clone, Template)]
#[template(path = "components/timeline.html")]
pub struct Timeline(pub Vec<Event>);

prints_itself!(Timeline);
