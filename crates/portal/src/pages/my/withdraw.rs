//! 我现在能提什么、提多少？

use anju_domain::money::Fen;
use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Button, Rows, State, Text, filters};
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
    /// 还不知道的: who has not answered.
    pub unknown: Vec<crate::components::Row>,
    /// 现在不符合的: what is lacking.
    pub unmet: Vec<crate::components::Row>,
    /// 提取过的.
    pub taken: Rows,
    /// What is agreed once instead.
    pub more: Rows,
}

impl WithdrawPage {
    fn unknown_rows(&self) -> Rows {
        Rows::new(self.unknown.clone())
    }

    fn unmet_rows(&self) -> Rows {
        Rows::folded(self.unmet.clone(), 6)
    }
}
