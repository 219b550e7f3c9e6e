//! 系统现在好不好，哪里要人看？

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Chart, Keys, Table, Tag, Text, filters};
use crate::frame::DeskFrame;

/// 运行.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/ops.html")]
pub struct OpsPage {
    /// Frame.
    pub frame: DeskFrame,
    /// As of when.
    pub taken: Text,
    /// The verdict over all parts.
    pub verdict: Tag,
    /// What a person should look at, the worst first; empty where all is well.
    pub watch: Vec<Text>,
    /// Figures of the head: name, figure, state.
    pub figures: Vec<(&'static str, String, Text)>,
    /// What waits to be sent.
    pub outbox: Table,
    /// What waits to be decided or paid.
    pub cases: Table,
    /// Departments.
    pub sources: Table,
    /// Those that nobody has asked.
    pub silent: Text,
    /// The slowest of them; none where none was asked.
    pub slowest: Option<Chart>,
    /// Banks.
    pub banks: Table,
    /// Statements that took the most time.
    pub statements: Table,
    /// Since when they are counted, or why they are not.
    pub statements_note: Text,
    /// Keys.
    pub keys: Keys,
}
