//! 登录的设备: where somebody is logged in, each with a button that ends it.

use askama::Template;

use super::{Button, Text, filters, prints_itself};

/// One living session.
#[derive(Debug, Clone)]
pub struct Device {
    /// 这台设备 or what the browser says of itself.
    pub name: String,
    /// Since when, last used.
    pub note: Text,
    /// Ends it; absent for the session one is in (退出 does that).
    pub end: Option<Button>,
}

/// Living sessions, this one first. Each button sends `session` to `action`.
#[derive(Debug, Clone, Template)]
#[template(path = "components/devices.html")]
pub struct Devices {
    /// Where the buttons go.
    pub action: String,
    /// Token of the form.
    pub hidden: (&'static str, String),
    /// The devices.
    pub devices: Vec<Device>,
}

prints_itself!(Devices);
