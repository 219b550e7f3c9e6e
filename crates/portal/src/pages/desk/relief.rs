//! 帮扶了多少单位、多少钱？授信多少？ Each figure opens its list, each line its case.

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Keys, Table, Text, filters};
use crate::frame::DeskFrame;

/// 困难帮扶报表, 定向授信报表.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/relief.html")]
pub struct ReliefPage {
    /// Frame.
    pub frame: DeskFrame,
    /// 困难帮扶.
    pub title: &'static str,
    /// What is shown: the centre, or a branch.
    pub scope: Text,
    /// By policy, branch, month.
    pub tables: Vec<Table>,
    /// Keys.
    pub keys: Keys,
    /// How the figures are counted.
    pub note: &'static str,
}

/// The lines behind a figure.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/relief_list.html")]
pub struct ReliefListPage {
    /// Frame.
    pub frame: DeskFrame,
    /// 帮扶名单.
    pub title: &'static str,
    /// Which figure.
    pub scope: Text,
    /// One arrangement a line.
    pub table: Table,
    /// Keys.
    pub keys: Keys,
    /// Where the figures stand, and its word.
    pub back: (&'static str, &'static str),
}
