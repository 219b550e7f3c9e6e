//! 单位没给我缴，找谁？

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Button, ErrorSummary, Field, Flash, Rows, Text, filters};
use crate::frame::{MyFrame, MyTab};

/// 反映单位未缴.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "my/report.html")]
pub struct ReportPage {
    /// Frame.
    pub frame: MyFrame,
    /// What just happened.
    pub flash: Option<Flash>,
    /// Every mistake.
    pub errors: Option<ErrorSummary>,
    /// Whom it is about by default.
    pub lead: Text,
    /// What makes it happen once.
    pub key: String,
    /// To be filled in.
    pub fields: Vec<Field>,
    /// Sends it.
    pub button: Button,
    /// What was reported before.
    pub before: Rows,
}
