//! 柜面办理: what the person at the window asks for, and why it may or may not be had.

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Condition, Formula, Remedy, Verdict, filters};
use crate::frame::DeskFrame;
use crate::service::CheckSheet;

/// The sheet that teller and person check together.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/apply.html")]
pub struct ApplyPage {
    /// Frame.
    pub frame: DeskFrame,
    /// 李*.
    pub who: String,
    /// The person's page.
    pub customer: String,
    /// The sheet.
    pub sheet: CheckSheet,
}

/// The decision as the counter explains it.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/why.html")]
pub struct WhyPage {
    /// Frame.
    pub frame: DeskFrame,
    /// The outcome and why.
    pub verdict: Verdict,
    /// What would change it.
    pub remedy: Option<Remedy>,
    /// Every condition.
    pub conditions: Vec<Condition>,
    /// 金额怎么算的.
    pub formula_title: String,
    /// The amount as a sum.
    pub formula: Option<Formula>,
}
