//! 住房补贴：给谁补多少？ A file of amounts, and the lists of before.

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Drop, Field, Flash, Table, filters};
use crate::frame::{UnitFrame, UnitTab};

/// 住房补贴.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "unit/subsidy.html")]
pub struct SubsidyPage {
    /// Frame.
    pub frame: UnitFrame,
    /// What is wrong.
    pub flash: Option<Flash>,
    /// Where.
    pub mistakes: Option<Table>,
    /// Month and sort.
    pub fields: Vec<Field>,
    /// What makes it happen once.
    pub key: String,
    /// Where to drop the file.
    pub drop: Drop,
    /// The lists of before.
    pub table: Table,
}
