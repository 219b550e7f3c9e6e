//! 约定提取办到哪了，谁没有办成？ The last periods' progress, and each run with its reason.

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Keys, Table, Tabs, Text, filters};
use crate::frame::DeskFrame;

/// 约定提取.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/agreements.html")]
pub struct AgreementsPage {
    /// Frame.
    pub frame: DeskFrame,
    /// How many agreements stand in which state.
    pub scope: Text,
    /// By period and state.
    pub progress: Table,
    /// Which runs are listed.
    pub tabs: Tabs,
    /// One run a line.
    pub runs: Table,
    /// Keys.
    pub keys: Keys,
}
