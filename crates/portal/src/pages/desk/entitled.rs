//! 谁能办没办，告诉了没有，后来办了没有？

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Table, Text, filters};
use crate::frame::DeskFrame;

/// 服务找人.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/entitled.html")]
pub struct EntitledPage {
    /// Frame.
    pub frame: DeskFrame,
    /// How far the last run is.
    pub progress: Text,
    /// By service.
    pub services: Table,
    /// 租房提取: the chosen service.
    pub title: String,
    /// It by district.
    pub districts: Option<Table>,
    /// Its people.
    pub people: Option<Table>,
}
