//! 谁请我确认继承份额？

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Rows, filters};
use crate::frame::{MyFrame, MyTab};

/// 继承份额确认.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "my/estates.html")]
pub struct EstatesPage {
    /// Frame.
    pub frame: MyFrame,
    /// Nobody asks.
    pub is_empty: bool,
    /// What one is asked.
    pub rows: Rows,
}
