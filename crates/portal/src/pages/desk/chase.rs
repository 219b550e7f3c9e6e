//! 哪些钱挂了多久、谁在跟？

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Flash, Table, Tabs, Text, filters};
use crate::frame::DeskFrame;

/// A button that makes its presser the owner of a sum.
#[derive(Debug, Clone)]
pub struct Follow {
    /// What is sent: of what kind.
    pub kind: String,
    /// Which.
    pub number: String,
    /// 我来跟进 江屿餐饮 180.00 元.
    pub words: String,
}

/// 暂收款催办.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/chase.html")]
pub struct ChasePage {
    /// Frame.
    pub frame: DeskFrame,
    /// What just happened.
    pub flash: Option<Flash>,
    /// 待查, 催办.
    pub tabs: Tabs,
    /// By age.
    pub figures: Vec<(String, Text)>,
    /// The list.
    pub table: Table,
    /// What the reader may take over.
    pub follow: Vec<Follow>,
}
