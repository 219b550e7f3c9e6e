//! 异地转移: open letters with their clocks, and one of them.

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Button, Facts, Field, Flash, Keys, State, Table, Text, Timeline, filters};
use crate::frame::DeskFrame;

/// The open letters.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/transfers.html")]
pub struct TransfersPage {
    /// Frame.
    pub frame: DeskFrame,
    /// The letters.
    pub table: Table,
    /// Keys.
    pub keys: Keys,
}

/// One letter.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/transfer.html")]
pub struct TransferPage {
    /// Frame.
    pub frame: DeskFrame,
    /// What just happened.
    pub flash: Option<Flash>,
    /// Number of its case.
    pub case_no: String,
    /// 转入 · 成都.
    pub title: String,
    /// Where it stands.
    pub state: State,
    /// What is known of it.
    pub facts: Facts,
    /// What has happened.
    pub timeline: Timeline,
    /// What may be proposed; empty: nothing now, or not by this person.
    pub fields: Vec<Field>,
    /// The button of a proposal.
    pub propose: Button,
    /// What somebody has proposed.
    pub proposed: Option<Text>,
    /// Confirms it, where this person may.
    pub agree: Option<Button>,
    /// Why there is nothing to do here for this person.
    pub idle: &'static str,
    /// Sends it back.
    pub send_back: Button,
    /// Token of the forms.
    pub hidden: (&'static str, String),
}
