//! 补材料：要我交什么，交到哪天，交的怎么样了？

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Flash, Rows, Text, filters};
use crate::frame::{MyFrame, MyTab};

/// A paper that is asked for.
#[derive(Debug, Clone)]
pub struct AskedPaper {
    /// The condition that it is for.
    pub condition: String,
    /// 低保证.
    pub name: String,
}

/// 补材料.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "my/case_papers.html")]
pub struct CasePapersPage {
    /// Frame.
    pub frame: MyFrame,
    /// What just happened.
    pub flash: Option<Flash>,
    /// Until when, and what happens then.
    pub lead: Text,
    /// Where the pictures go.
    pub action: String,
    /// What is asked for.
    pub asked: Vec<AskedPaper>,
    /// What was handed in.
    pub handed_in: Rows,
}
