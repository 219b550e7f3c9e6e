//! 公开的页面: what anyone may read.

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Button, Chart, Facts, Field, Rows, State, Table, Text, filters};
use crate::frame::{SiteFrame, SiteTab};

/// 首页: three doors, what is asked most, how it goes today.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "site/home.html")]
pub struct SiteHome {
    /// Frame.
    pub frame: SiteFrame,
    /// 今天办了 N 件，一半的人 2.8 秒办完: from real cases; nothing where there is none yet.
    pub figures: Option<Text>,
    /// Where one types what one wants.
    pub find: Field,
    /// Services in use, each to its guide.
    pub groups: Vec<Group>,
}

/// The services of a group of the catalogue.
#[derive(Debug)]
pub struct Group {
    /// `withdraw`: its place on the page.
    pub id: &'static str,
    /// 提取.
    pub name: &'static str,
    /// Each to its guide.
    pub services: Rows,
}

/// 办事指南: found by words, or by group.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "site/guides.html")]
pub struct GuidesPage {
    /// Frame.
    pub frame: SiteFrame,
    /// Where one types what one wants.
    pub find: Field,
    /// How many were found, or what to do where none was; nothing before something is typed.
    pub said: Option<Text>,
    /// What was found, the nearest first.
    pub found: Rows,
    /// All services.
    pub groups: Vec<Group>,
}

/// 秒级到账: how fast withdrawals reach the card.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "site/speed.html")]
pub struct SpeedPage {
    /// Frame.
    pub frame: SiteFrame,
    /// Share, time, by rules; nothing where nothing was paid.
    pub figures: Option<Vec<(&'static str, String, String)>>,
    /// The share by day.
    pub chart: Chart,
    /// Legs by service.
    pub services: Table,
    /// How services are used, by group.
    pub groups: Table,
    /// What is counted.
    pub note: String,
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

/// What was found of a paper.
#[derive(Debug)]
pub struct Found {
    /// 有效, 已过有效期, …
    pub state: State,
    /// What that means.
    pub words: String,
    /// What it says, masked.
    pub facts: Facts,
    /// Of what it says, for whoever has the paper's data.
    pub digest: String,
    /// The evidence of the case that made it.
    pub proofs: Rows,
}

/// 证明真伪核验.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "site/document.html")]
pub struct DocumentPage {
    /// Frame.
    pub frame: SiteFrame,
    /// Where the code is typed.
    pub field: Field,
    /// 核验.
    pub button: Button,
    /// What is wrong with the file that was chosen.
    pub file_error: Option<String>,
    /// What was found; nothing before a code is typed, or for a wrong one.
    pub found: Option<Found>,
}
