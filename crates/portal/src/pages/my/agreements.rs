//! 约定提取到哪了？ One's agreements, each with its periods: paid, nothing to pay, or skipped and why.

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Button, Facts, Flash, Rows, Text, filters};
use crate::frame::{MyFrame, MyTab};

/// 约定提取.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "my/agreements.html")]
pub struct AgreementsPage {
    /// Frame.
    pub frame: MyFrame,
    /// What it is, or when the next period is paid.
    pub lead: Text,
    /// The newest first.
    pub agreements: Vec<AgreementPart>,
    /// Signing, or changing.
    pub button: Button,
    /// What else can be done.
    pub more: Rows,
}

/// One agreement.
#[derive(Debug)]
pub struct AgreementPart {
    /// The loan.
    pub title: Text,
    /// Why it is suspended or ended, and what to do.
    pub flash: Option<Flash>,
    /// State, period, card.
    pub facts: Facts,
    /// Its periods, the newest first.
    pub runs: Rows,
}
