//! 今天能不能封账？

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Flash, Hands, Table, Tag, Text, Timeline, filters};
use crate::frame::DeskFrame;

/// 日结.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/day_close.html")]
pub struct DayClosePage {
    /// Frame.
    pub frame: DeskFrame,
    /// 11月24日，周二.
    pub day: String,
    /// 三方相符, 借贷相等, 恒等式都成立.
    pub tags: Vec<Tag>,
    /// What just happened, or why it cannot be closed.
    pub flash: Option<Flash>,
    /// Cases and orders, books, bank: by kind.
    pub match_title: String,
    /// As of when the statements are.
    pub match_note: Text,
    /// 三方核对.
    pub matches: Table,
    /// 账上余额与银行余额.
    pub bank_title: String,
    /// 期初 + 收 − 付.
    pub bank_note: Text,
    /// By bank.
    pub banks: Table,
    /// The two hands.
    pub hands: Hands,
    /// What closing means.
    pub note: Text,
    /// 日终 N 步.
    pub steps_title: String,
    /// The steps.
    pub steps: Timeline,
}
