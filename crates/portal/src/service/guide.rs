//! 办事指南: what it is, for whom, what is checked with whom, how long it takes, where it can be done. Public.

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Button, Facts, Rows, Text, filters};
use crate::frame::{SiteFrame, SiteTab};

/// The guide of a service, drawn from its definition and its policy.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "service/guide.html")]
pub struct GuidePage {
    /// Frame.
    pub frame: SiteFrame,
    /// 租房提取.
    pub name: String,
    /// For whom and what for, in a sentence.
    pub lead: Text,
    /// How long, where, who may, what it costs.
    pub facts: Facts,
    /// Every condition of the policy in force, with its article.
    pub conditions: Rows,
    /// What we ask, and whom, so that nobody has to bring it.
    pub sources: Rows,
    /// Where it begins; none where it is done elsewhere only.
    pub button: Option<Button>,
}
