//! 有谁、谁变了？ The members of an employer, and the changes of one of them or of all.

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Button, ErrorSummary, Facts, Field, Flash, Table, Text, filters};
use crate::frame::{UnitFrame, UnitTab};

/// 职工.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "unit/people.html")]
pub struct PeoplePage {
    /// Frame.
    pub frame: UnitFrame,
    /// What was done a moment ago.
    pub flash: Option<Flash>,
    /// 3 人在缴，1 人封存.
    pub lead: Text,
    /// Whom to find; nobody in the past.
    pub find: Option<Field>,
    /// The past day that is asked for.
    pub on: Field,
    /// Whether a past day is shown, on which nothing is changed any more.
    pub past: bool,
    /// The lists of that day.
    pub lists: Option<Table>,
    /// By the order in which they came.
    pub table: Table,
}

/// A change with its form.
#[derive(Debug)]
pub struct ChangePart {
    /// For its heading.
    pub id: &'static str,
    /// 封存.
    pub name: &'static str,
    /// What it does.
    pub lead: Text,
    /// Where it is sent.
    pub action: String,
    /// What makes it happen once.
    pub key: String,
    /// The service.
    pub service: &'static str,
    /// To be filled in.
    pub fields: Vec<Field>,
    /// Sends it.
    pub button: Button,
}

/// 新增, 封存, 启封, 基数, 比例.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "unit/change.html")]
pub struct ChangePage {
    /// Frame.
    pub frame: UnitFrame,
    /// Every mistake.
    pub errors: Option<ErrorSummary>,
    /// Title.
    pub title: String,
    /// From which month it counts.
    pub lead: Text,
    /// Of the person, where one is meant.
    pub facts: Option<Facts>,
    /// The changes that are open.
    pub parts: Vec<ChangePart>,
}

/// 转移和合并.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "unit/transfer.html")]
pub struct TransferPage {
    /// Frame.
    pub frame: UnitFrame,
    /// Every mistake.
    pub errors: Option<ErrorSummary>,
    /// Whom other employers wait for.
    pub of_us: Option<Table>,
    /// Whom this employer waits for.
    pub by_us: Option<Table>,
    /// 调入, 合并.
    pub parts: Vec<ChangePart>,
}
