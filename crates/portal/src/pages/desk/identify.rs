//! 柜面核身: a person without a phone is identified at the window: card read or face compared, and a paper if he has none.

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Button, ErrorSummary, Field, Flash, State, Text, filters};
use crate::frame::DeskFrame;

/// 核身.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/identify.html")]
pub struct IdentifyPage {
    /// Frame.
    pub frame: DeskFrame,
    /// What was wrong.
    pub errors: Option<ErrorSummary>,
    /// What just happened.
    pub flash: Option<Flash>,
    /// ID number and name as the document has them, reason.
    pub fields: Vec<Field>,
    /// Token, key, ticket.
    pub hidden: Vec<(&'static str, String)>,
    /// 核对身份.
    pub button: Button,
    /// What has been checked, line by line: 证件号校验位, 公安登记, 人脸.
    pub checks: Vec<(State, Text)>,
    /// Where to go once it is done.
    pub done: Option<Button>,
}
