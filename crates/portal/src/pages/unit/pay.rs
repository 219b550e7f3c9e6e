//! 付多少、付到哪、何时到？ And afterwards: what came in and to whom it was allocated.

use anju_domain::money::Fen;
use askama::Template;
use askama_web::WebTemplate;

use super::ChangePart;
use crate::components::{
    ErrorSummary, Facts, Flash, Formula, Promise, Rows, Summary, Table, Text, Timeline, Tone,
    filters,
};
use crate::frame::{UnitFrame, UnitTab};

/// 汇缴付款.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "unit/pay.html")]
pub struct PayPage {
    /// Frame.
    pub frame: UnitFrame,
    /// 重庆某某科技有限公司 · 11月汇缴.
    pub what: Text,
    /// What has to be paid: the whole, or what is lacking.
    pub amount: Fen,
    /// 128 人 · 名册今天 09:31 已核对.
    pub note: Text,
    /// Came short, came too much, came after the day.
    pub flash: Option<Flash>,
    /// 收款户名, 账号, 附言, 金额.
    pub account: Summary,
    /// By when, and what happens then.
    pub after: Text,
    /// The page that shows the arrival.
    pub watch: String,
    /// 307,200.00 怎么来的.
    pub formula: Formula,
    /// 付款以后.
    pub steps: Timeline,
    /// What else is registered and waits for its money.
    pub others: Rows,
}

/// 委托收款: what is signed, and its forms.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "unit/debit.html")]
pub struct DebitPage {
    /// Frame.
    pub frame: UnitFrame,
    /// Every mistake.
    pub errors: Option<ErrorSummary>,
    /// What was done a moment ago, or what is wrong with the contract.
    pub flash: Option<Flash>,
    /// What it is.
    pub lead: Text,
    /// The contract in force.
    pub facts: Option<Facts>,
    /// Signing, resuming, ending.
    pub parts: Vec<ChangePart>,
}

/// 到账与分配: all remittances.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "unit/arrivals.html")]
pub struct ArrivalsPage {
    /// Frame.
    pub frame: UnitFrame,
    /// What stands in suspense.
    pub flash: Option<Flash>,
    /// By month, newest first.
    pub table: Table,
}

/// One remittance: waiting, part received, allocated.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "unit/arrival.html")]
pub struct ArrivalPage {
    /// Frame.
    pub frame: UnitFrame,
    /// 2026年11月汇缴.
    pub title: String,
    /// State and promise.
    pub promise: Promise,
    /// `…/live` while it moves.
    pub live: Option<String>,
    /// How much is due.
    pub due: Fen,
    /// How much came.
    pub received: Fen,
    /// How much was allocated.
    pub allocated: Fen,
    /// What happened.
    pub timeline: Timeline,
    /// To whom, person by person (masked); empty before the allocation.
    pub people: Option<Table>,
    /// Where the proof is.
    pub proof: Option<String>,
    /// Takes the list back.
    pub cancel: Option<Cancel>,
}

/// 撤销清册.
#[derive(Debug)]
pub struct Cancel {
    /// Where to.
    pub action: String,
    /// Token.
    pub token: (&'static str, String),
    /// What becomes of it.
    pub words: &'static str,
}
