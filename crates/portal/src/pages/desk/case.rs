//! 这件事到哪一步，我能为它做什么？

use anju_domain::money::Fen;
use askama::Template;
use askama_web::WebTemplate;

use crate::components::{
    Condition, Facts, Flash, Flight, Formula, Hands, Keys, Rows, Sources, Table, Tag, Timeline,
    filters,
};
use crate::frame::DeskFrame;
use crate::pages::desk::HandedIn;

/// What the person at the window may hand over now.
#[derive(Debug, Clone)]
pub struct HandOver {
    /// Where the picture goes.
    pub action: String,
    /// Token of the form.
    pub csrf: String,
    /// Condition and name of what is asked for.
    pub asked: Vec<(String, String)>,
}

/// 办件, as staff see it.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/case.html")]
pub struct CasePage {
    /// Frame.
    pub frame: DeskFrame,
    /// What just happened.
    pub flash: Option<Flash>,
    /// Case number.
    pub case_no: String,
    /// 租房提取 · 李*.
    pub title: String,
    /// State.
    pub tag: Tag,
    /// How much.
    pub amount: Option<Fen>,
    /// Channel, promise, account, card tail, branch.
    pub facts: Facts,
    /// Each payment of a case that pays several.
    pub shares: Option<Rows>,
    /// Whose estate, and the heirs.
    pub estate: Option<Facts>,
    /// Whose base or ratio changes, before and after.
    pub changed: Option<Table>,
    /// Sources, line by line.
    pub sources: Option<Sources>,
    /// Conditions of the decision.
    pub conditions: Vec<Condition>,
    /// The amount as a sum.
    pub formula: Option<Formula>,
    /// Papers that were handed in, each beside what was read from it.
    pub papers: Vec<HandedIn>,
    /// What may be handed over at the window.
    pub hand_over: Option<HandOver>,
    /// Approve or return: maker-checker.
    pub hands: Option<Hands>,
    /// With actor, channel and evidence leaf.
    pub timeline: Timeline,
    /// Where its proof is.
    pub proof: String,
    /// How long each step took.
    pub flight: Option<Flight>,
    /// Keys.
    pub keys: Keys,
}
