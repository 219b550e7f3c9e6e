//! 灵活就业的人补多少？ What finance is to pay for a year, by office.

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Button, Flash, Table, Text, filters};
use crate::frame::DeskFrame;

/// 灵活就业缴存补贴.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/flexible.html")]
pub struct FlexiblePage {
    /// Frame.
    pub frame: DeskFrame,
    /// What was wrong.
    pub flash: Option<Flash>,
    /// Which year.
    pub lead: Text,
    /// By office.
    pub table: Table,
    /// Registers a list; each names its office.
    pub buttons: Vec<Button>,
}
