//! 按钮: verb, object, amount in one `span`, so that it wraps as text. One primary a page.

use askama::Template;

use super::{Text, filters, prints_itself};

/// How much a button asks for attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// The one thing to do on this page.
    Primary,
    /// Something else that can be done.
    Plain,
    /// A way out.
    Quiet,
    /// Cannot be undone.
    Danger,
}

impl Look {
    fn class(self) -> &'static str {
        match self {
            Look::Primary => " btn-primary",
            Look::Plain => "",
            Look::Quiet => " btn-quiet",
            Look::Danger => " btn-danger",
        }
    }
}

/// A button: a link where it leads somewhere, else the submit of the form around it.
#[derive(Debug, Clone, Template)]
#[template(path = "components/btn.html")]
pub struct Button {
    label: Text,
    look: Look,
    href: Option<String>,
    wide: bool,
    icon: Option<&'static str>,
    key: Option<&'static str>,
    value: Option<(&'static str, String)>,
}

impl Button {
    fn new(label: impl Into<Text>, look: Look, href: Option<String>) -> Button {
        Button {
            label: label.into(),
            look,
            href,
            wide: false,
            icon: None,
            key: None,
            value: None,
        }
    }

    /// The primary submit of a form.
    pub fn submit(label: impl Into<Text>) -> Button {
        Button::new(label, Look::Primary, None)
    }

    /// A submit of another look.
    pub fn send(label: impl Into<Text>, look: Look) -> Button {
        Button::new(label, look, None)
    }

    /// The primary link of a page.
    pub fn go(label: impl Into<Text>, href: impl Into<String>) -> Button {
        Button::new(label, Look::Primary, Some(href.into()))
    }

    /// A link that looks like a button.
    pub fn link(label: impl Into<Text>, look: Look, href: impl Into<String>) -> Button {
        Button::new(label, look, Some(href.into()))
    }

    /// As wide as its column.
    #[must_use]
    pub fn wide(mut self) -> Button {
        self.wide = true;
        self
    }

    /// With an icon before the words.
    #[must_use]
    pub fn icon(mut self, icon: &'static str) -> Button {
        self.icon = Some(icon);
        self
    }

    /// Pressed by this key at the desk; printed beside the words.
    #[must_use]
    pub fn key(mut self, key: &'static str) -> Button {
        self.key = Some(key);
        self
    }

    /// Sends `name=value` when this button is the one that was pressed.
    #[must_use]
    pub fn value(mut self, name: &'static str, value: impl Into<String>) -> Button {
        self.value = Some((name, value.into()));
        self
    }
}

prints_itself!(Button);
