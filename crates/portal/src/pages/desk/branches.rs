//! 哪个网点管多少、收多少、付多少？哪个单位划到哪里？

use askama::Template;
use askama_web::WebTemplate;

use super::Waiting;
use crate::components::{Button, ErrorSummary, Field, Keys, Table, filters};
use crate::frame::DeskFrame;

/// 网点.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/branches.html")]
pub struct BranchesPage {
    /// Frame.
    pub frame: DeskFrame,
    /// 全中心, or the reader's branch.
    pub scope: String,
    /// The month.
    pub filter: Field,
    /// Every branch, and their sum.
    pub figures: Table,
    /// Every mistake of the form.
    pub errors: Option<ErrorSummary>,
    /// Moves that wait for their second person.
    pub waiting: Vec<Waiting>,
    /// The other moves; none for whoever sees one branch.
    pub moves: Option<Table>,
    /// The form of a maker; none for those who only read.
    pub fields: Vec<Field>,
    /// Sends it.
    pub button: Button,
    /// Keys.
    pub keys: Keys,
    /// How the figures are counted.
    pub note: &'static str,
}
