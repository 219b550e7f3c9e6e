//! 我在哪里登录着？

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Devices, filters};
use crate::frame::DeskFrame;

/// 登录的设备.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/sessions.html")]
pub struct SessionsPage {
    /// Frame.
    pub frame: DeskFrame,
    /// Where this member of staff is logged in.
    pub devices: Devices,
}
