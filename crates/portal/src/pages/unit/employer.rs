//! 我们单位登记着什么，谁能替它办事？ And the page that opens an account in the first place.

use askama::Template;
use askama_web::WebTemplate;

use super::ChangePart;
use crate::components::{Button, ErrorSummary, Facts, Field, Flash, Rows, Table, Text, filters};
use crate::frame::{PlainFrame, UnitFrame, UnitTab};

/// 单位资料.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "unit/employer.html")]
pub struct EmployerPage {
    /// Frame.
    pub frame: UnitFrame,
    /// What was done a moment ago.
    pub flash: Option<Flash>,
    /// W-EMPR-07, where the employer registered late.
    pub late: Option<String>,
    /// Every mistake.
    pub errors: Option<ErrorSummary>,
    /// What is registered.
    pub facts: Facts,
    /// 一件事: what the other departments were told, and whether they have confirmed.
    pub parties: Option<Table>,
    /// Who acts for it.
    pub clerks: Rows,
    /// What can be changed.
    pub parts: Vec<ChangePart>,
}

/// The second step of a mandate: a code.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "unit/confirm.html")]
pub struct ConfirmPage {
    /// Frame.
    pub frame: UnitFrame,
    /// 确认授权.
    pub title: String,
    /// Where the code went.
    pub lead: Text,
    /// What was wrong.
    pub errors: Option<ErrorSummary>,
    /// Where it is sent.
    pub action: String,
    /// What was typed in the first step, and the token.
    pub hidden: Vec<(String, String)>,
    /// The code.
    pub field: Field,
    /// Sends it.
    pub button: Button,
    /// Where the way back leads.
    pub back: &'static str,
}

/// 开户.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "unit/open.html")]
pub struct OpenPage {
    /// Frame.
    pub frame: PlainFrame,
    /// 开立住房公积金账户.
    pub title: String,
    /// What is still missing.
    pub lead: Text,
    /// What was wrong.
    pub errors: Option<ErrorSummary>,
    /// What the registry has not said yet.
    pub flash: Option<Flash>,
    /// What the registry says.
    pub facts: Facts,
    /// Who says so.
    pub source: String,
    /// Token and key.
    pub hidden: Vec<(&'static str, String)>,
    /// What is asked.
    pub fields: Vec<Field>,
    /// Sends it; none where a case waits already.
    pub button: Option<Button>,
}
