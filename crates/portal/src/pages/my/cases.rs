//! 进度 and 消息: all that was begun, and all that was told.

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Pager, Rows, Text, filters};
use crate::frame::{MyFrame, MyTab};

/// 进度: living cases first, then those that have ended.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "my/cases.html")]
pub struct CasesPage {
    /// Frame.
    pub frame: MyFrame,
    /// Under way.
    pub living: Rows,
    /// Ended, newest first.
    pub ended: Rows,
    /// Further pages of those.
    pub pager: Option<Pager>,
}

/// 消息: what was sent to this person, on which way, and whether it arrived.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "my/messages.html")]
pub struct MessagesPage {
    /// Frame.
    pub frame: MyFrame,
    /// When and how, and what was said; newest first.
    pub messages: Vec<(Text, Text)>,
    /// Further pages.
    pub pager: Option<Pager>,
}
