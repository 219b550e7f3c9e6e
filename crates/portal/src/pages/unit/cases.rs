//! 办事: what an employer asks for and a person decides; how far it is, and what goes on after it was approved.

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{
    Button, Condition, ErrorSummary, Facts, Field, Flash, Pager, Promise, Rows, Table, Text,
    Timeline, filters,
};
use crate::frame::{UnitFrame, UnitTab};

/// 办事: the services and the cases of an employer.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "unit/cases.html")]
pub struct CasesPage {
    /// Frame.
    pub frame: UnitFrame,
    /// What may be asked for.
    pub services: Rows,
    /// What was asked for, newest first.
    pub cases: Rows,
    /// Further pages.
    pub pager: Option<Pager>,
}

/// A form that asks for a service.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "unit/apply.html")]
pub struct ApplyPage {
    /// Frame.
    pub frame: UnitFrame,
    /// Every mistake.
    pub errors: Option<ErrorSummary>,
    /// 缓缴申请.
    pub title: String,
    /// What it is and how long it takes.
    pub lead: Text,
    /// What it would come to.
    pub preview: Option<(Facts, Option<Table>)>,
    /// What the rules say of it.
    pub conditions: Vec<Condition>,
    /// Where it is sent.
    pub action: String,
    /// What makes it happen once.
    pub key: String,
    /// To be filled in.
    pub fields: Vec<Field>,
    /// Shows what it would come to; sends it.
    pub buttons: Vec<Button>,
}

/// A form of a case's page.
#[derive(Debug)]
pub struct UnitForm {
    /// For its heading.
    pub id: &'static str,
    /// 提前恢复缴存.
    pub name: &'static str,
    /// What it does.
    pub lead: Text,
    /// Where it is sent.
    pub action: String,
    /// What makes it happen once.
    pub key: String,
    /// To be filled in.
    pub fields: Vec<Field>,
    /// Sends it.
    pub button: Button,
}

/// A case of an employer, and the life of what it approved.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "unit/case.html")]
pub struct CasePage {
    /// Frame.
    pub frame: UnitFrame,
    /// What just happened.
    pub flash: Option<Flash>,
    /// 缓缴申请.
    pub title: String,
    /// Public number.
    pub case_no: String,
    /// Where it stands and until when.
    pub promise: Promise,
    /// What was filled in.
    pub asked: Facts,
    /// Each condition as it was found.
    pub conditions: Vec<Condition>,
    /// What was approved.
    pub approved: Option<Facts>,
    /// Its months or instalments.
    pub tables: Vec<Table>,
    /// What may be done now.
    pub forms: Vec<UnitForm>,
    /// What happened.
    pub timeline: Timeline,
    /// The proof so far.
    pub proof: String,
}
