//! What does contributing cost an employer, and what does it cost elsewhere?

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Chart, Table, Text, filters};
use crate::frame::DeskFrame;

/// 营商环境.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/environment.html")]
pub struct EnvironmentPage {
    /// Frame.
    pub frame: DeskFrame,
    /// 全中心, or the branch in sight.
    pub here: String,
    /// Branches: value, name, whether it is in sight.
    pub choices: Vec<(String, String, bool)>,
    /// Ratio, hours, payments of the last twelve months.
    pub figures: Vec<(&'static str, String, Text)>,
    /// The same by month, with other cities' lines.
    pub charts: Vec<Chart>,
    /// By branch.
    pub branches: Table,
    /// What is measured, and where the lines come from.
    pub note: String,
}
