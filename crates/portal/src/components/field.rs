//! 填写: label above, hint, error, input in this order. Whatever a person typed comes back with its error.

use askama::Template;

use super::{Text, filters, prints_itself};

/// What kind of text is expected: sets keyboard, completion and width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Free text.
    Text,
    /// Several lines.
    Long,
    /// 证件号码.
    IdNumber,
    /// 手机号.
    Phone,
    /// A one-time code.
    Code,
    /// A secret of the person.
    Password,
    /// An account of staff.
    UserName,
    /// Yuan with two decimals.
    Money,
    /// Digits such as a card number.
    Digits,
    /// 年月, `2026-11`.
    Month,
    /// A day, `2026-11-24`.
    Date,
    /// What a person says with a tick that nobody sets for him.
    Tick,
}

impl Kind {
    fn kind(self) -> &'static str {
        match self {
            Kind::Password => "password",
            Kind::Phone => "tel",
            Kind::Month => "month",
            Kind::Date => "date",
            _ => "text",
        }
    }

    fn mode(self) -> Option<&'static str> {
        match self {
            Kind::Phone => Some("tel"),
            Kind::Code | Kind::Digits => Some("numeric"),
            Kind::Money => Some("decimal"),
            _ => None,
        }
    }

    fn completion(self) -> &'static str {
        match self {
            Kind::Phone => "tel",
            Kind::Code => "one-time-code",
            Kind::Password => "current-password",
            Kind::UserName => "username",
            _ => "off",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Kind::Text | Kind::Long => "input",
            _ => "input n",
        }
    }
}

/// One field.
#[derive(Debug, Clone, Template)]
#[template(path = "components/field.html")]
pub struct Field {
    name: String,
    label: String,
    kind: Kind,
    hint: Option<Text>,
    error: Option<String>,
    value: String,
    options: Vec<(String, String)>,
    suggested: Vec<String>,
    optional: bool,
    bare: bool,
}

impl Field {
    /// An empty field.
    pub fn new(name: impl Into<String>, label: impl Into<String>, kind: Kind) -> Field {
        Field {
            name: name.into(),
            label: label.into(),
            kind,
            hint: None,
            error: None,
            value: String::new(),
            options: Vec::new(),
            suggested: Vec::new(),
            optional: false,
            bare: false,
        }
    }

    /// A list to choose from: value and words.
    pub fn select(
        name: impl Into<String>,
        label: impl Into<String>,
        options: Vec<(String, String)>,
    ) -> Field {
        Field {
            options,
            ..Field::new(name, label, Kind::Text)
        }
    }

    /// Its label is for screen readers only: a filter whose choice says what it is.
    #[must_use]
    pub fn bare(mut self) -> Field {
        self.bare = true;
        self
    }

    /// What it is for, or where to find it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Text>) -> Field {
        self.hint = Some(hint.into());
        self
    }

    /// What is likely; anything else may be typed, too.
    #[must_use]
    pub fn suggest(mut self, words: Vec<String>) -> Field {
        self.suggested = words;
        self
    }

    /// What stands in it: what is known, or what was typed.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Field {
        self.value = value.into();
        self
    }

    /// What is wrong with it and what to do.
    #[must_use]
    pub fn error(mut self, error: Option<impl Into<String>>) -> Field {
        self.error = error.map(Into::into);
        self
    }

    /// May stay empty; says so.
    #[must_use]
    pub fn optional(mut self) -> Field {
        self.optional = true;
        self
    }

    fn described_by(&self) -> String {
        let mut ids = Vec::new();
        if self.hint.is_some() {
            ids.push(format!("{}-hint", self.name));
        }
        if self.error.is_some() {
            ids.push(format!("{}-error", self.name));
        }
        ids.join(" ")
    }
}

/// One of several ways.
#[derive(Debug, Clone)]
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// Its name.
    pub title: Text,
    /// What it means.
    pub note: Text,
    /// Is it the one that is set?
    pub chosen: bool,
}

/// A set of ways, one of which is taken.
#[derive(Debug, Clone, Template)]
#[template(path = "components/choices.html")]
pub struct Choices {
    /// The name that is sent.
    pub name: &'static str,
    /// The question.
    pub legend: String,
    /// The ways.
    pub choices: Vec<Choice>,
}

prints_itself!(Field, Choices);
