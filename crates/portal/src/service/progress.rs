//! 进度: what is going on, who we wait for, until when, how we tell. Follows the case by itself where scripts run.

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Button, Flight, Promise, Rows, Sources, Timeline, Tone, filters};
use crate::frame::{MyFrame, MyTab};

/// The page of a case.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "service/progress.html")]
pub struct ProgressPage {
    /// Frame.
    pub frame: MyFrame,
    /// The service.
    pub service: String,
    /// Its number.
    pub case_no: String,
    /// State and promise.
    pub promise: Promise,
    /// `…/live` while something still happens by itself.
    pub live: Option<String>,
    /// Heirs who are to agree, and what they have said.
    pub heirs: Option<Rows>,
    /// Each payment of a case that pays several.
    pub shares: Option<Rows>,
    /// Every source that was asked.
    pub sources: Option<Sources>,
    /// 不想等，也可以: hand in a paper, take it back.
    pub ways: Option<Rows>,
    /// Why it was decided so, the receipt, the proof.
    pub results: Option<Rows>,
    /// What happened and what is expected.
    pub timeline: Timeline,
    /// How long each step took.
    pub flight: Option<Flight>,
    /// 查看最新进展 while it moves; afterwards what can be done next.
    pub button: Option<Button>,
    /// Whom to call.
    pub note: String,
}
