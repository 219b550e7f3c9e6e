//! 哪个单位来办？ The employer whose clerk stands at the window.

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Button, ErrorSummary, Field, Rows, Text, filters};
use crate::frame::DeskFrame;

/// 单位业务.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/employers.html")]
pub struct EmployersPage {
    /// Frame.
    pub frame: DeskFrame,
    /// Token.
    pub csrf: String,
    /// What was wrong.
    pub errors: Option<ErrorSummary>,
    /// What to do.
    pub note: Text,
    /// What is looked for.
    pub field: Field,
    /// Looks for it.
    pub find: Button,
    /// Several that were found.
    pub rows: Rows,
    /// The one: name, number, who stands there.
    pub chosen: Option<(String, String, Vec<Field>)>,
    /// Begins.
    pub start: Button,
}
