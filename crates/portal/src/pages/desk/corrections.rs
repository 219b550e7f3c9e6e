//! 哪笔错账等谁复核？ One proposes a correction, another checks it.

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Button, ErrorSummary, Facts, Field, Flash, Keys, Table, Text, filters};
use crate::frame::DeskFrame;

/// A correction that waits for its second person.
#[derive(Debug)]
pub struct Waiting {
    /// For its heading.
    pub id: String,
    /// 串户调整.
    pub title: Text,
    /// List, people, amount, reason.
    pub facts: Facts,
    /// Why this person may not check it.
    pub barred: Option<&'static str>,
    /// Where the check is sent.
    pub action: String,
    /// The checker's words.
    pub field: Field,
    /// Yes and no.
    pub buttons: Vec<Button>,
}

/// 错账调整.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/corrections.html")]
pub struct CorrectionsPage {
    /// Frame.
    pub frame: DeskFrame,
    /// What just happened.
    pub flash: Option<Flash>,
    /// Every mistake of the form.
    pub errors: Option<ErrorSummary>,
    /// What waits.
    pub waiting: Vec<Waiting>,
    /// The form of a maker; none for those who only read.
    pub fields: Vec<Field>,
    /// Sends it.
    pub button: Button,
    /// What was done.
    pub table: Table,
    /// Keys.
    pub keys: Keys,
}
