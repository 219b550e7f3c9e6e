//! 核对: everything known stands there, the person corrects rather than types, one button says verb and amount.

use anju_domain::money::Fen;
use askama::Template;
use askama::filters::HtmlSafe;
use askama_web::WebTemplate;

use crate::components::{Button, Confirm, ErrorSummary, Field, Flash, Summary, Text, filters};
use crate::frame::{MyFrame, MyTab};

/// The amount on top of a check page.
#[derive(Debug, Clone)]
pub struct AmountHead {
    /// 提取金额.
    pub label: String,
    /// How much.
    pub amount: Fen,
    /// How it comes about, what remains.
    pub note: Text,
}

/// The sheet of a service before it is sent; the same at the counter.
#[derive(Debug, Template)]
#[template(path = "service/sheet.html")]
pub struct CheckSheet {
    /// 租房提取 · 第 1 步，共 1 步.
    pub step: String,
    /// 请核对，无误就提取.
    pub question: String,
    /// What was wrong with what was sent.
    pub errors: Option<ErrorSummary>,
    /// Something that should be known first: a living case of the same wish, a silent source.
    pub flash: Option<Flash>,
    /// How much.
    pub amount: Option<AmountHead>,
    /// All that is sent, with its sources.
    pub summary: Summary,
    /// The few things that nobody but the person knows.
    pub fields: Vec<Field>,
    /// What may be changed and is usually left alone, folded.
    pub more: Vec<Field>,
    /// Fields that belong together, each group folded unless something stands in it: its name, whether it is open, its fields.
    pub groups: Vec<(String, bool, Vec<Field>)>,
    /// To whom the person agrees that we ask, and for what.
    pub consent: Text,
    /// Where the form goes.
    pub action: String,
    /// Token, idempotency key, and what the command needs.
    pub hidden: Vec<(&'static str, String)>,
    /// Verb, amount, tail; where the service cannot be begun, only a look at what was changed, with the reason in `flash`.
    pub button: Button,
    /// How long it takes and until when it can be taken back.
    pub after: Text,
}

impl HtmlSafe for CheckSheet {}

/// The sheet on a person's own page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "service/check.html")]
pub struct CheckPage {
    /// Frame.
    pub frame: MyFrame,
    /// The sheet.
    pub sheet: CheckSheet,
}

/// A question of its own page before something that cannot be undone.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "service/confirm.html")]
pub struct ConfirmPage {
    /// Frame.
    pub frame: MyFrame,
    /// The question.
    pub confirm: Confirm,
}

/// 本人核对: one picture, taken now, bound to this service with this form.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "service/face.html")]
pub struct FacePage {
    /// Frame.
    pub frame: MyFrame,
    /// 租房提取 · 最后一步.
    pub step: String,
    /// What was wrong with the last picture.
    pub error: Option<String>,
    /// Where the form goes.
    pub action: String,
    /// Token first, then what was typed.
    pub hidden: Vec<(String, String)>,
    /// 核对是我本人，提取到尾号 1234.
    pub button: Button,
}
