//! 销户以后到的钱是谁的？ One says, another agrees.

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Button, Facts, Field, Flash, Tabs, Text, filters};
use crate::frame::DeskFrame;

/// Money that came for a closed account.
#[derive(Debug)]
pub struct LateCard {
    /// For its heading.
    pub id: String,
    /// 李* 240.00 元.
    pub title: Text,
    /// Employer, list, month, account, proposal.
    pub facts: Facts,
    /// Why this person may do nothing about it.
    pub barred: Option<&'static str>,
    /// Where the step is sent.
    pub action: String,
    /// The maker's words.
    pub field: Option<Field>,
    /// What may be said.
    pub buttons: Vec<Button>,
}

/// 销户后到账.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/late.html")]
pub struct LatePage {
    /// Frame.
    pub frame: DeskFrame,
    /// What just happened.
    pub flash: Option<Flash>,
    /// 待查, 销户后到账, 催办.
    pub tabs: Tabs,
    /// What waits, the oldest first.
    pub cards: Vec<LateCard>,
    /// The first page, from a later one.
    pub before: Option<String>,
    /// The next page.
    pub more: Option<String>,
}
