//! 公开的页面: what anyone may read.

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Rows, Text, filters};
use crate::frame::{SiteFrame, SiteTab};

/// 首页: three doors, what is asked most, how it goes today.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "site/home.html")]
pub struct SiteHome {
    /// Frame.
    pub frame: SiteFrame,
    /// 今天办了 N 件，一半的人 2.8 秒办完: from real cases; nothing where there is none yet.
    pub figures: Option<Text>,
    /// Services in use, each to its guide.
    pub services: Rows,
}

/// A page of words: 无障碍声明, 个人信息保护, 网点.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "site/words.html")]
pub struct WordsPage {
    /// Frame.
    pub frame: SiteFrame,
    /// Title.
    pub title: String,
    /// Paragraphs with their heads.
    pub sections: Vec<(String, Vec<Text>)>,
}
