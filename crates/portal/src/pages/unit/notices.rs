//! 中心催我什么，我怎么答？

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Button, Facts, Field, Flash, Rows, Table, Tag, Text, filters};
use crate::frame::{UnitFrame, UnitTab};

/// 催缴.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "unit/notices.html")]
pub struct NoticesPage {
    /// Frame.
    pub frame: UnitFrame,
    /// What could not be done.
    pub flash: Option<Flash>,
    /// What makes the back payment happen once.
    pub key: String,
    /// What came with a merged employer, and registers its back payment.
    pub assumed: Option<(String, Button)>,
    /// What is owed now.
    pub lead: Text,
    /// What is registered beside the months and waits for its money.
    pub open: Rows,
    /// Months that are due.
    pub months: Table,
    /// Notices and decisions.
    pub table: Table,
}

/// 一件催缴, as the employer sees it.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "unit/notice.html")]
pub struct NoticePage {
    /// Frame.
    pub frame: UnitFrame,
    /// What just happened, or why it cannot be done.
    pub flash: Option<Flash>,
    /// 住房公积金催缴.
    pub title: String,
    /// Its state.
    pub tags: Vec<Tag>,
    /// What is missing, until when.
    pub facts: Facts,
    /// Papers.
    pub papers: Table,
    /// Whom the decision is about.
    pub people: Option<Table>,
    /// Pays what was ordered; none where nothing is.
    pub pay: Option<Button>,
    /// What the employer says.
    pub words: Option<Field>,
    /// Where both forms go.
    pub action: String,
}
