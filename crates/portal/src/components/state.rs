//! 状态: icon, word and colour, never colour alone. Unknown is violet with a question mark, never red.

use std::fmt;

use super::{filters, prints_itself};

/// The colour of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// 竹青: fulfilled, equal, done.
    Pass,
    /// 赭: under way, or somebody has to act.
    Wait,
    /// 朱: not fulfilled, failed, overdue, 红字.
    Fail,
    /// 黛紫: nobody has answered yet.
    Unknown,
    /// Expected, withdrawn, of no weight.
    Idle,
    /// 石青: something that can be done.
    Accent,
}

impl Tone {
    /// The class in the style sheet.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Tone::Pass => "pass",
            Tone::Wait => "wait",
            Tone::Fail => "fail",
            Tone::Unknown => "unknown",
            Tone::Idle => "idle",
            Tone::Accent => "accent",
        }
    }

    /// The icon that goes with the colour where nothing better is named.
    #[must_use]
    pub fn icon(self) -> &'static str {
        match self {
            Tone::Pass => "check",
            Tone::Wait => "half",
            Tone::Fail => "cross",
            Tone::Unknown => "ask",
            Tone::Idle => "ring",
            Tone::Accent => "info",
        }
    }
}

/// A state as it is shown everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Its colour.
    pub tone: Tone,
    /// Its icon, by name.
    pub icon: &'static str,
    /// Its word.
    pub word: String,
}

impl State {
    /// A state with the icon of its tone.
    pub fn new(tone: Tone, word: impl Into<String>) -> State {
        State {
            tone,
            icon: tone.icon(),
            word: word.into(),
        }
    }

    /// Fulfilled.
    pub fn pass(word: impl Into<String>) -> State {
        State::new(Tone::Pass, word)
    }

    /// Under way.
    pub fn wait(word: impl Into<String>) -> State {
        State::new(Tone::Wait, word)
    }

    /// Not fulfilled.
    pub fn fail(word: impl Into<String>) -> State {
        State::new(Tone::Fail, word)
    }

    /// Not known yet.
    pub fn unknown(word: impl Into<String>) -> State {
        State::new(Tone::Unknown, word)
    }

    /// Of no weight.
    pub fn idle(word: impl Into<String>) -> State {
        State::new(Tone::Idle, word)
    }

    /// The same state with another icon, such as `alert` for what is overdue.
    #[must_use]
    pub fn with_icon(mut self, icon: &'static str) -> State {
        self.icon = icon;
        self
    }

    /// The same state as a tag with a ground.
    #[must_use]
    pub fn tag(self) -> Tag {
        Tag(self)
    }

    /// Its icon alone, where the word stands beside it anyway.
    #[must_use]
    pub fn sign(&self) -> Sign<'_> {
        Sign(self)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<span class=\"st {}\">{}{}</span>",
            self.tone.class(),
            filters::icon_of(self.icon),
            super::Text::from(self.word.as_str())
        )
    }
}

/// A state with a ground of its own, for heads of cards and title lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag(pub State);

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<span class=\"tag {}\">{}{}</span>",
            self.0.tone.class(),
            filters::icon_of(self.0.icon),
            super::Text::from(self.0.word.as_str())
        )
    }
}

/// The coloured icon of a state whose words stand beside it.
pub struct Sign<'a>(&'a State);

impl fmt::Display for Sign<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<span class=\"{}\">{}</span>",
            self.0.tone.class(),
            filters::icon_of(self.0.icon)
        )
    }
}

prints_itself!(State, Tag, Sign<'_>);
