//! 交来了什么，我该认定什么？

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Button, Facts, Field, Flash, Keys, Table, Tabs, Tag, filters};
use crate::frame::DeskFrame;

/// A paper with what was read from it.
#[derive(Debug, Clone)]
pub struct HandedIn {
    /// 低保证.
    pub name: String,
    /// Its page.
    pub href: String,
    /// Its picture.
    pub picture: String,
    /// Whether a browser draws it; else it is a file.
    pub drawn: bool,
    /// Where it stands.
    pub tag: Tag,
    /// What was read.
    pub read: Facts,
}

/// 补正材料.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/case_papers.html")]
pub struct CasePapersPage {
    /// Frame.
    pub frame: DeskFrame,
    /// To be looked at, or differing.
    pub tabs: Tabs,
    /// The papers.
    pub table: Table,
    /// Keys.
    pub keys: Keys,
}

/// One paper.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/case_paper.html")]
pub struct CasePaperPage {
    /// Frame.
    pub frame: DeskFrame,
    /// What just happened.
    pub flash: Option<Flash>,
    /// 低保证.
    pub title: String,
    /// Where it stands.
    pub tag: Tag,
    /// Case, service, condition, who.
    pub facts: Facts,
    /// The picture and what was read.
    pub handed_in: HandedIn,
    /// Where the form goes.
    pub action: String,
    /// Token of the form.
    pub csrf: String,
    /// By the fact's schema, and the reason.
    pub fields: Vec<Field>,
    /// What may be done.
    pub buttons: Vec<Button>,
    /// Keys.
    pub keys: Keys,
}
