//! 说明: what just happened, in the page and under its title; it stays until the page is left.

use askama::Template;

use super::{State, Text, Tone, prints_itself};

/// Icon, sentence, next link.
#[derive(Debug, Clone, Template)]
#[template(path = "components/flash.html")]
pub struct Flash {
    state: State,
    text: Text,
    next: Option<(String, String)>,
}

impl Flash {
    /// A sentence in the colour of a tone.
    pub fn new(tone: Tone, text: impl Into<Text>) -> Flash {
        let state = State::new(tone, "");
        let state = if tone == Tone::Wait {
            state.with_icon("alert")
        } else {
            state
        };
        Flash {
            state,
            text: text.into(),
            next: None,
        }
    }

    /// With a link to what can be done next.
    #[must_use]
    pub fn next(mut self, label: impl Into<String>, href: impl Into<String>) -> Flash {
        self.next = Some((label.into(), href.into()));
        self
    }

    fn role(&self) -> &'static str {
        if self.state.tone == Tone::Fail {
            "alert"
        } else {
            "status"
        }
    }
}

prints_itself!(Flash);
