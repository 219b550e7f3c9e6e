//! 核对: term, value with its source, what can be done about it.

use askama::Template;

use super::{Text, prints_itself};

/// One line to check.
#[derive(Debug, Clone)]
pub struct SummaryRow {
    /// What it is.
    pub term: String,
    /// What we know.
    pub value: Text,
    /// From whom and when: 不动产登记中心 · 今天 09:12.
    pub source: Option<Text>,
    /// The verb and where it leads: 更换, 更改, 有误.
    pub action: Option<(String, String)>,
    /// Text that a 复制 button copies.
    pub copy: Option<String>,
}

impl SummaryRow {
    /// A line without source and action.
    pub fn new(term: impl Into<String>, value: impl Into<Text>) -> SummaryRow {
        SummaryRow {
            term: term.into(),
            value: value.into(),
            source: None,
            action: None,
            copy: None,
        }
    }

    /// From whom we know it.
    #[must_use]
    pub fn source(mut self, source: impl Into<Text>) -> SummaryRow {
        self.source = Some(source.into());
        self
    }

    /// What can be done about it.
    #[must_use]
    pub fn action(mut self, verb: impl Into<String>, href: impl Into<String>) -> SummaryRow {
        self.action = Some((verb.into(), href.into()));
        self
    }

    /// May be copied with one tap.
    #[must_use]
    pub fn copy(mut self, text: impl Into<String>) -> SummaryRow {
        self.copy = Some(text.into());
        self
    }
}

/// The list of all that is sent, checked before it is sent.
#[derive(Debug, Clone, Template)]
#[template(path = "components/summary.html")]
pub struct Summary {
    rows: Vec<SummaryRow>,
    class: &'static str,
}

impl Summary {
    /// The list.
    #[must_use]
    pub fn new(rows: Vec<SummaryRow>) -> Summary {
        Summary { rows, class: "" }
    }

    /// With an edge, for grounds of the same colour.
    #[must_use]
    pub fn boxed(mut self) -> Summary {
        self.class = " boxed";
        self
    }
}

/// Term and value, dense, for bodies of conditions and cards of the desk.
#[derive(Debug, Clone, Template)]
#[template(path = "components/facts.html")]
pub struct Facts(pub Vec<(String, Text)>);

prints_itself!(Summary, Facts);
