//! 凭据: the receipt of a case as a page that prints on A5.

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Button, Receipt, filters};
use crate::frame::{MyFrame, MyTab};

/// The page of a receipt.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "service/receipt.html")]
pub struct ReceiptPage {
    /// Frame.
    pub frame: MyFrame,
    /// The receipt.
    pub receipt: Receipt,
    /// 下载 PDF 回单.
    pub pdf: Button,
}
