//! 确认: a question of its own page. The focus is on the question, never on the button.

use anju_domain::money::Fen;
use askama::Template;

use super::{Button, Text, filters, prints_itself};

/// The question before money moves or something cannot be undone.
#[derive(Debug, Clone, Template)]
#[template(path = "components/confirm.html")]
pub struct Confirm {
    /// The question.
    pub question: String,
    /// How much.
    pub amount: Option<Fen>,
    /// Print 大写 under the amount: for staff.
    pub capitals: bool,
    /// To whom, and what cannot be undone.
    pub note: Text,
    /// Where the form goes.
    pub action: String,
    /// CSRF token, idempotency key and what the command needs.
    pub hidden: Vec<(&'static str, String)>,
    /// The button; repeats verb and amount.
    pub button: Button,
    /// 返回修改.
    pub back: String,
}

prints_itself!(Confirm);
