//! 这笔钱是谁的？

use anju_domain::money::Fen;
use askama::Template;
use askama_web::WebTemplate;

use crate::components::{
    Button, Facts, Field, Flash, Formula, Hands, Keys, State, Table, Tabs, Tag, Text, filters,
};
use crate::frame::DeskFrame;

/// To whom it may belong.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// What is sent when it is chosen.
    pub value: String,
    /// 0713 江屿餐饮 11月汇缴.
    pub title: String,
    /// 应缴 7,200.00，3 人.
    pub note: Text,
    /// 金额相同, 户名相同, 付款账号与 9、10月 相同.
    pub signs: Vec<State>,
    /// The likeliest.
    pub chosen: bool,
}

/// The receipt in hand.
#[derive(Debug, Clone)]
pub struct SuspenseSide {
    /// Its number.
    pub receipt_no: String,
    /// 11-24 10:02 · 建设银行.
    pub when: String,
    /// How sure the best candidate is.
    pub tag: Tag,
    /// Name of the payer.
    pub payer: String,
    /// How much.
    pub amount: Fen,
    /// 附言, 付款账号, 银行流水.
    pub facts: Facts,
    /// To whom it may belong.
    pub candidates: Vec<Candidate>,
    /// Employer and reason, where it may be claimed.
    pub fields: Vec<Field>,
    /// The entry that a claim books.
    pub entry: Option<Formula>,
    /// The claim: primary, key c. Absent where it is claimed and waits for the other hand.
    pub claim: Option<Button>,
    /// Maker and checker of a claim that was made.
    pub hands: Option<Hands>,
    /// Token and key of the claim's form.
    pub hidden: Vec<(&'static str, String)>,
    /// What happens after the check.
    pub note: Text,
}

/// 暂收待查.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/suspense.html")]
pub struct SuspensePage {
    /// Frame.
    pub frame: DeskFrame,
    /// What just happened.
    pub flash: Option<Flash>,
    /// 21903 不明来款, 21901 待分配, 21905 退票.
    pub tabs: Tabs,
    /// By age.
    pub figures: Vec<(String, Text)>,
    /// The receipts.
    pub table: Table,
    /// The one in hand.
    pub side: Option<SuspenseSide>,
    /// Keys.
    pub keys: Keys,
    /// Where the list can be downloaded.
    pub download: Option<String>,
}
