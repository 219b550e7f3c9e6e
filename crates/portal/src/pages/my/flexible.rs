//! 我自己缴的，缴到哪了？ The agreement of who contributes by himself, what is being collected, what can be changed.

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Button, Facts, Flash, Rows, Text, filters};
use crate::frame::{MyFrame, MyTab};

/// 自己缴存, 授信推荐.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "my/flexible.html")]
pub struct FlexiblePage {
    /// Frame.
    pub frame: MyFrame,
    /// 自己缴存.
    pub title: &'static str,
    /// Why it is paused.
    pub flash: Option<Flash>,
    /// What it is, or when the next debit is.
    pub lead: Text,
    /// The agreement.
    pub facts: Option<Facts>,
    /// Signing, or paying now.
    pub button: Option<Button>,
    /// 最近几笔.
    pub lists_name: &'static str,
    /// What has been asked for and what came of it, newest first.
    pub lists: Rows,
    /// What else can be done.
    pub more: Rows,
}
