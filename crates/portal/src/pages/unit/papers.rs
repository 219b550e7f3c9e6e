//! 证明 of an employer.

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Button, ErrorSummary, Field, Flash, Pager, filters};
use crate::frame::{UnitFrame, UnitTab};
use crate::pages::my::Paper;

/// 单位缴存证明: ordered, downloaded, revoked.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "unit/papers.html")]
pub struct PapersPage {
    /// Frame.
    pub frame: UnitFrame,
    /// What just happened.
    pub flash: Option<Flash>,
    /// What was wrong with the form.
    pub errors: Option<ErrorSummary>,
    /// The form.
    pub fields: Vec<Field>,
    /// The key that makes an order happen once.
    pub key: String,
    /// Orders.
    pub button: Button,
    /// Issued, newest first.
    pub papers: Vec<Paper>,
    /// Further pages.
    pub pager: Option<Pager>,
}
