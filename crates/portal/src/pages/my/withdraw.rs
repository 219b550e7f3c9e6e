//! 我现在能提什么、提多少？

use anju_domain::money::Fen;
use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Button, Flight, Rows, State, Text, filters};
use crate::frame::{MyFrame, MyTab};

/// A withdrawal that can be had now.
#[derive(Debug, Clone)]
pub struct Offered {
    /// 租房提取.
    pub name: String,
    /// How much.
    pub amount: Fen,
    /// How it comes about.
    pub reason: Text,
    /// 为什么可以: the precheck's decision page.
    pub why: String,
    /// 核对并提取 N 元; primary for the first, plain for others.
    pub button: Button,
}

/// 提取.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "my/withdraw.html")]
pub struct WithdrawPage {
    /// Frame.
    pub frame: MyFrame,
    /// 现在能办的.
    pub offered: Vec<Offered>,
    /// 正在办的.
    pub doing: Rows,
    /// How long each step of the newest of them took.
    pub flight: Option<Flight>,
    /// 可能可以的: who has to be asked.
    pub unknown: Vec<crate::components::Row>,
    /// 遇到这些事才办的: what closes the account, where nothing that is known speaks against it.
    pub closing: Vec<crate::components::Row>,
    /// 以后能办的: from which day.
    pub later: Vec<crate::components::Row>,
    /// 现在不符合的: what is lacking.
    pub unmet: Vec<crate::components::Row>,
    /// 在别处办的: where.
    pub elsewhere: Vec<crate::components::Row>,
    /// What is said instead where there is no account to withdraw from.
    pub none: Option<String>,
    /// 提取过的.
    pub taken: Rows,
    /// What is agreed once instead.
    pub more: Rows,
    /// 替我留意: what it is, how it stands, its switch.
    pub watch: Vec<(Text, Text, Button)>,
}

impl WithdrawPage {
    fn unknown_rows(&self) -> Rows {
        Rows::new(self.unknown.clone())
    }

    fn closing_rows(&self) -> Rows {
        Rows::folded(self.closing.clone(), 6)
    }

    fn elsewhere_rows(&self) -> Rows {
        Rows::new(self.elsewhere.clone())
    }

    fn later_rows(&self) -> Rows {
        Rows::folded(self.later.clone(), 6)
    }

    fn unmet_rows(&self) -> Rows {
        Rows::folded(self.unmet.clone(), 6)
    }
}
