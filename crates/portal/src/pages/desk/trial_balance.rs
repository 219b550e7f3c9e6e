//! 账平不平，差在哪？

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Field, Flash, Keys, Table, Tag, Text, filters};
use crate::frame::DeskFrame;

/// 试算平衡.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/trial_balance.html")]
pub struct TrialBalancePage {
    /// Frame.
    pub frame: DeskFrame,
    /// 11月24日，还没有日结.
    pub day: String,
    /// 借贷相等, 与银行对账：1 笔未达.
    pub tags: Vec<Tag>,
    /// Day and range.
    pub filters: Vec<Field>,
    /// 隐藏零行.
    pub hide_zero: bool,
    /// The subjects, totals fixed below.
    pub table: Table,
    /// Why the day cannot be closed, or that it can.
    pub flash: Option<Flash>,
    /// Keys, and when the figures were taken.
    pub keys: Keys,
    /// Downloads: words and address.
    pub downloads: Vec<(String, String)>,
    /// When taken, how many entries.
    pub taken: Text,
}

/// 总账 or 明细: what stands behind a figure.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/subject.html")]
pub struct SubjectPage {
    /// Frame.
    pub frame: DeskFrame,
    /// 201 住房公积金.
    pub title: String,
    /// 2026年11月，余额在贷方; 11月24日，借方的凭证.
    pub day: String,
    /// Where the filters are sent.
    pub action: &'static str,
    /// Subject, month or day, side, branch.
    pub filters: Vec<Field>,
    /// Days or journals, with the figure as total.
    pub table: Table,
    /// When taken.
    pub taken: Text,
}
