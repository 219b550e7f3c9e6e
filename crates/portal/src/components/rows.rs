//! 行: a list of things that open, the backbone of the phone's pages.

use askama::Template;

use super::{State, Text, Tone, filters, prints_itself};

/// One row.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// Where it leads; without an address it only informs.
    pub href: Option<String>,
    /// Icon before the words.
    pub icon: Option<&'static str>,
    /// Colour of that icon; the accent where nothing is said.
    pub tone: Option<Tone>,
    /// What it is.
    pub title: Text,
    /// The line under it.
    pub note: Option<Text>,
    /// The value at the right.
    pub value: Option<Text>,
    /// Pressed by this key at the desk.
    pub key: Option<String>,
}

impl Row {
    /// A row that leads to `href`.
    pub fn to(href: impl Into<String>, title: impl Into<Text>) -> Row {
        Row {
            href: Some(href.into()),
            title: title.into(),
            ..Row::default()
        }
    }

    /// A row that only informs.
    pub fn of(title: impl Into<Text>) -> Row {
        Row {
            title: title.into(),
            ..Row::default()
        }
    }

    /// With an icon in the accent.
    #[must_use]
    pub fn icon(mut self, icon: &'static str) -> Row {
        self.icon = Some(icon);
        self
    }

    /// With the icon of a state.
    #[must_use]
    pub fn sign(mut self, state: &State) -> Row {
        self.icon = Some(state.icon);
        self.tone = Some(state.tone);
        self
    }

    /// With a line under the title.
    #[must_use]
    pub fn note(mut self, note: impl Into<Text>) -> Row {
        self.note = Some(note.into());
        self
    }

    /// With a value at the right.
    #[must_use]
    pub fn value(mut self, value: impl Into<Text>) -> Row {
        self.value = Some(value.into());
        self
    }

    /// With a key at the desk.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Row {
        self.key = Some(key.into());
        self
    }
}

/// Rows, the later ones folded where there are many.
#[derive(Debug, Clone, Template)]
#[template(path = "components/rows.html")]
pub struct Rows {
    rows: Vec<Row>,
    folded: Vec<Row>,
    fold_title: String,
    class: &'static str,
}

impl Rows {
    /// All rows in sight.
    #[must_use]
    pub fn new(rows: Vec<Row>) -> Rows {
        Rows {
            rows,
            folded: Vec::new(),
            fold_title: String::new(),
            class: "",
        }
    }

    /// The first `shown` in sight, the others behind 另外 N 项.
    #[must_use]
    pub fn folded(mut rows: Vec<Row>, shown: usize) -> Rows {
        let folded = if rows.len() > shown + 1 {
            rows.split_off(shown)
        } else {
            Vec::new()
        };
        let fold_title = format!("另外 {} 项", folded.len());
        Rows {
            rows,
            folded,
            fold_title,
            class: "",
        }
    }

    /// With an edge, for grounds of the same colour.
    #[must_use]
    pub fn boxed(mut self) -> Rows {
        self.class = " boxed gap-s";
        self
    }

    /// Dense, for a card at the desk.
    #[must_use]
    pub fn tight(mut self) -> Rows {
        self.class = " tight";
        self
    }

    /// Is there nothing to show?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

prints_itself!(Rows);
