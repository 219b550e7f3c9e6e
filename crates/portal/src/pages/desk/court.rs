//! Which court holds what of whom, whose turn is next, and what does it ask now?

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Button, Facts, Field, Flash, Hands, Table, Tag, Timeline, filters};
use crate::frame::DeskFrame;

/// 一件协助执行.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/court_order.html")]
pub struct CourtOrderPage {
    /// Frame.
    pub frame: DeskFrame,
    /// Court and case.
    pub title: String,
    /// Its state.
    pub tags: Vec<Tag>,
    /// What just happened, or why it cannot be done.
    pub flash: Option<Flash>,
    /// Person, amount, what is frozen, term, turn.
    pub facts: Facts,
    /// What was done.
    pub timeline: Timeline,
    /// Receipts and evidence.
    pub papers: Table,
    /// The other orders of the same person, in their turn.
    pub queue: Option<Table>,
    /// What waits for the second person.
    pub hands: Option<Hands>,
    /// What may be entered now.
    pub actions: Vec<Button>,
}

/// 录入.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/court_new.html")]
pub struct CourtNewPage {
    /// Frame.
    pub frame: DeskFrame,
    /// 录入冻结.
    pub title: String,
    /// What the papers have to be.
    pub lead: String,
    /// What was wrong.
    pub flash: Option<Flash>,
    /// Token, kind and the order that it is about.
    pub hidden: Vec<(&'static str, String)>,
    /// What the document says.
    pub fields: Vec<Field>,
    /// The two officers.
    pub officers: Vec<Field>,
    /// What the document says expressly.
    pub marks: Vec<(&'static str, &'static str, bool)>,
    /// 交复核.
    pub button: Button,
}
