//! 哪些遗产有争议，哪些没有人继承？

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Button, Field, Flash, Pager, Table, Text, filters};
use crate::frame::DeskFrame;

/// What waits for a second person, or may be lifted.
#[derive(Debug, Clone)]
pub struct EstateLine {
    /// 继承争议 · 李*.
    pub title: Text,
    /// Its document and reason.
    pub says: Text,
    /// Where a word about it goes.
    pub action: String,
    /// What may be said.
    pub buttons: Vec<Button>,
}

/// 遗产登记.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/estates.html")]
pub struct EstatesPage {
    /// Frame.
    pub frame: DeskFrame,
    /// What just happened.
    pub flash: Option<Flash>,
    /// The form of a new one; empty for who may only read.
    pub fields: Vec<Field>,
    /// What waits.
    pub waiting: Vec<EstateLine>,
    /// What was noted before.
    pub table: Table,
    /// Further ones.
    pub pager: Option<Pager>,
}
