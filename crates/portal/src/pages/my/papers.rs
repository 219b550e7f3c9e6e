//! 证明 and 历年: what a person takes away, and what the years came to.

use askama::Template;
use askama_web::WebTemplate;

use super::Entry;
use crate::components::{
    Button, Chart, ErrorSummary, Field, Flash, Formula, Pager, State, Table, Text, filters,
};
use crate::frame::{MyFrame, MyTab};

/// A paper that was issued.
#[derive(Debug, Clone)]
pub struct Paper {
    /// 住房公积金缴存证明.
    pub title: String,
    /// When it was issued and until when it holds.
    pub note: Text,
    /// Whether it holds.
    pub state: State,
    /// 校验码 in groups.
    pub code: String,
    /// Where it is downloaded.
    pub pdf: String,
    /// The button that revokes it; nothing where it holds no longer.
    pub revoke: Option<Button>,
}

/// 证明.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "my/papers.html")]
pub struct PapersPage {
    /// Frame.
    pub frame: MyFrame,
    /// What just happened.
    pub flash: Option<Flash>,
    /// What was wrong with the form.
    pub errors: Option<ErrorSummary>,
    /// The form; empty where this channel offers none.
    pub fields: Vec<Field>,
    /// The key that makes an order happen once.
    pub key: String,
    /// Orders.
    pub button: Button,
    /// Issued, newest first.
    pub papers: Vec<Paper>,
    /// Further pages.
    pub pager: Option<Pager>,
}

/// The code that was sent for one action.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "my/code.html")]
pub struct CodePage {
    /// Frame.
    pub frame: MyFrame,
    /// Where it was sent.
    pub lead: String,
    /// Where it goes.
    pub action: &'static str,
    /// What was typed before.
    pub hidden: Vec<(&'static str, String)>,
    /// What was wrong.
    pub errors: Option<ErrorSummary>,
    /// The code.
    pub field: Field,
    /// Confirms.
    pub button: Button,
}

/// 历年.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "my/years.html")]
pub struct YearsPage {
    /// Frame.
    pub frame: MyFrame,
    /// Balance, flows, interest.
    pub charts: Vec<Chart>,
    /// Every year, newest first, each to its statement.
    pub table: Table,
    /// The same of the housing subsidy.
    pub subsidy: Option<Table>,
}

/// 年度对账单.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "my/statement.html")]
pub struct StatementPage {
    /// Frame.
    pub frame: MyFrame,
    /// 2025—2026 年度对账单.
    pub title: String,
    /// The days, employer and base.
    pub lead: Text,
    /// The identity.
    pub sums: Formula,
    /// The year's entries, newest first.
    pub entries: Vec<Entry>,
    /// What is still to come.
    pub note: Text,
    /// The paper, of a year that is over.
    pub pdf: Option<Button>,
}
