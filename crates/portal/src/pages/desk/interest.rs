//! 这一年的利息是多少，能不能入账？

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Chart, Flash, Hands, Table, Tag, Text, filters};
use crate::frame::DeskFrame;

/// 年度结息.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/interest.html")]
pub struct InterestPage {
    /// Frame.
    pub frame: DeskFrame,
    /// 2025年7月1日至2026年6月30日.
    pub year: String,
    /// 待提出, 待批准, 入账中, 已入账.
    pub tags: Vec<Tag>,
    /// What just happened, or why it cannot be done.
    pub flash: Option<Flash>,
    /// 1,234 个账户，利息 5,678.90 元.
    pub title: String,
    /// What it is made of.
    pub note: Text,
    /// How far a running settlement is: booked and all.
    pub progress: Option<(i64, i64)>,
    /// Interest by branch, drawn.
    pub chart: Option<Chart>,
    /// By branch.
    pub branches: Table,
    /// The accounts with the most interest, to reckon by hand.
    pub samples: Table,
    /// Rates inside the year.
    pub rates: Text,
    /// Years before.
    pub before: Table,
    /// The two hands.
    pub hands: Hands,
}
