//! 今年的基数报了没有，报上去要多缴多少？

use anju_domain::money::Fen;
use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Button, Drop, Facts, Flash, Formula, State, Table, Text, filters};
use crate::frame::{UnitFrame, UnitTab};

/// 年度基数: how far, and where the file goes.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "unit/base.html")]
pub struct BasePage {
    /// Frame.
    pub frame: UnitFrame,
    /// 2026 年度缴存基数.
    pub title: String,
    /// How many have a base of the year, and what to do.
    pub lead: Text,
    /// What just happened.
    pub flash: Option<Flash>,
    /// From when, limits, window, how it is reckoned.
    pub facts: Facts,
    /// Whether a file is taken today.
    pub is_open: bool,
    /// `2026-07`.
    pub month: String,
    /// The key that makes a double tap one upload.
    pub key: String,
    /// Where to drop it.
    pub drop: Drop,
}

/// The preview of a declared list.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "unit/base_preview.html")]
pub struct BasePreviewPage {
    /// Frame.
    pub frame: UnitFrame,
    /// 2026 年度缴存基数.
    pub title: String,
    /// Why it could not be applied.
    pub flash: Option<Flash>,
    /// A month of everybody from now on.
    pub total: Fen,
    /// How many rise, fall, stay.
    pub note: Text,
    /// What months that were listed at the old base owe.
    pub owed: Option<Text>,
    /// What the clerk should know.
    pub notices: Vec<Text>,
    /// Until now, change, from now on.
    pub formula: Formula,
    /// Person by person.
    pub table: Table,
    /// Token, roster, key.
    pub hidden: Vec<(&'static str, String)>,
    /// The one step.
    pub button: Button,
}
