//! 我在哪里登录着？

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Devices, filters};
use crate::frame::{UnitFrame, UnitTab};

/// 登录的设备.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "unit/sessions.html")]
pub struct SessionsPage {
    /// Frame.
    pub frame: UnitFrame,
    /// Where this clerk is logged in.
    pub devices: Devices,
}
