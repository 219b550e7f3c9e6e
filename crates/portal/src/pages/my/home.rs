//! 我有多少钱，现在能做什么？

use anju_domain::money::Fen;
use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Button, Flash, Rows, Text, filters};
use crate::frame::{MyFrame, MyTab};

/// The one thing that was found for this person.
#[derive(Debug, Clone)]
pub struct Offer {
    /// 租房提取.
    pub name: String,
    /// 您现在可以办, or 您可能可以办 where sources still have to be asked.
    pub title: String,
    /// Why it may be had, in a sentence with its figures.
    pub reason: Text,
    /// 为什么可以: the precheck's decision page.
    pub why: Option<String>,
    /// Verb and amount.
    pub button: Button,
}

/// 首页.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "my/home.html")]
pub struct HomePage {
    /// Frame.
    pub frame: MyFrame,
    /// One's own name, whole: it is one's own page.
    pub name: String,
    /// The sum of one's own account; none before there is an account.
    pub balance: Option<Fen>,
    /// 截至今天 09:12 · 比 10月末 +2,400.00（11月汇缴）.
    pub balance_note: Text,
    /// What just happened.
    pub flash: Option<Flash>,
    /// What can be done now; no such thing, no card.
    pub offer: Option<Offer>,
    /// Living cases.
    pub doing: Rows,
    /// 提取, 账户明细, 消息 …
    pub usual: Rows,
    /// Who looked at this person's data in the last 30 days, in a sentence.
    pub seen: Text,
}
