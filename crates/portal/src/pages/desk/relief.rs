//! 帮扶了多少单位、多少钱？ Each figure opens its list, each line its case.

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Keys, Table, Text, filters};
use crate::frame::DeskFrame;

/// 困难帮扶报表.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/relief.html")]
pub struct ReliefPage {
    /// Frame.
    pub frame: DeskFrame,
    /// What is shown: the centre, or a branch.
    pub scope: Text,
    /// By policy, branch, month.
    pub tables: Vec<Table>,
    /// Keys.
    pub keys: Keys,
}

/// The lines behind a figure.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/relief_list.html")]
pub struct ReliefListPage {
    /// Frame.
    pub frame: DeskFrame,
    /// Which figure.
    pub scope: Text,
    /// One arrangement a line.
    pub table: Table,
    /// Keys.
    pub keys: Keys,
}
