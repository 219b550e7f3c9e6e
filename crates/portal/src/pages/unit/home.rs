//! 这个月我还差什么？

use anju_domain::money::Fen;
use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Button, Flash, Formula, Rows, Table, Text, Track, filters};
use crate::frame::{UnitFrame, UnitTab};

/// The one missing step.
#[derive(Debug, Clone)]
pub struct Next {
    /// 11月还差一步：付款.
    pub title: String,
    /// How much, where that is known.
    pub amount: Option<Fen>,
    /// How many people, by when.
    pub note: Text,
    /// 付 307,200.00 元.
    pub button: Option<Button>,
    /// 名册, 核对, 付款, 分配到个人.
    pub track: Track,
}

/// 单位首页.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "unit/home.html")]
pub struct HomePage {
    /// Frame.
    pub frame: UnitFrame,
    /// Name of the employer.
    pub employer: String,
    /// Its number.
    pub employer_no: String,
    /// `2026-11` and 2026年11月, newest first, and whether it is the one in sight.
    pub months: Vec<(String, String, bool)>,
    /// What just happened.
    pub flash: Option<Flash>,
    /// The one missing step.
    pub next: Next,
    /// 要处理.
    pub todo: Rows,
    /// How many of those.
    pub todo_count: usize,
    /// Months before.
    pub past: Table,
    /// 11月和上月比.
    pub difference_title: String,
    /// The sum; none in the first month.
    pub difference: Option<Formula>,
    /// Whether 委托收款 is offered: nothing is signed yet.
    pub offers_debit: bool,
    /// A note under it, such as the hours that this employer spent.
    pub note: Text,
}
