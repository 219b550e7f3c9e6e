//! Which papers did the employer bring?

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Button, ErrorSummary, Field, Flash, filters};
use crate::frame::DeskFrame;

/// 单位开户.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/opening.html")]
pub struct OpeningPage {
    /// Frame.
    pub frame: DeskFrame,
    /// What was wrong.
    pub errors: Option<ErrorSummary>,
    /// What just happened.
    pub flash: Option<Flash>,
    /// Token and key.
    pub hidden: Vec<(&'static str, String)>,
    /// What stands on the papers.
    pub fields: Vec<Field>,
    /// 提交复核.
    pub button: Button,
}
