//! 下一件该办哪一件？

use anju_domain::money::Fen;
use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Button, Field, Flash, Keys, Table, Tabs, Tag, Text, filters};
use crate::frame::DeskFrame;

/// What the side shows of the row in hand.
#[derive(Debug, Clone)]
pub struct TaskSide {
    /// Case number.
    pub case_no: String,
    /// How urgent.
    pub tag: Option<Tag>,
    /// 大病提取 · 周*.
    pub title: String,
    /// How much.
    pub amount: Option<Fen>,
    /// 为什么要人看.
    pub reasons: Vec<Text>,
    /// What was handed in, each a link.
    pub papers: Vec<Text>,
    /// Key and what it does.
    pub can: Vec<(String, Text)>,
    /// The promise, and what was told to the person.
    pub note: Text,
}

/// 任务.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/tasks.html")]
pub struct TasksPage {
    /// Frame.
    pub frame: DeskFrame,
    /// What just happened.
    pub flash: Option<Flash>,
    /// 我的, 岗位池, 超时.
    pub tabs: Tabs,
    /// Filters, sent by GET.
    pub filters: Vec<Field>,
    /// Whether any filter is offered.
    pub next: Option<Button>,
    /// The rows: 还剩, 办件, 事项, 谁, 金额, 为什么要人看, 经办.
    pub table: Table,
    /// The row in hand.
    pub side: Option<TaskSide>,
    /// Keys.
    pub keys: Keys,
}
