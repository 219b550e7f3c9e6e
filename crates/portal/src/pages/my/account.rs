//! 账户明细: every entry, what it was for and what the balance became.

use anju_domain::money::Fen;
use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Chart, Facts, Pager, Text, filters};
use crate::frame::{MyFrame, MyTab};

/// One entry.
#[derive(Debug, Clone)]
pub struct Entry {
    /// 11月汇缴, 租房提取, 结息.
    pub what: Text,
    /// 11月20日 · 重庆渝桥软件.
    pub note: Text,
    /// In with plus, out with minus.
    pub amount: Fen,
    /// The balance after it.
    pub balance: Fen,
    /// Its case, where there is one.
    pub href: Option<String>,
}

/// 账户明细.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "my/account.html")]
pub struct AccountPage {
    /// Frame.
    pub frame: MyFrame,
    /// Account number, as its owner may read it.
    pub account_no: String,
    /// Balance now.
    pub balance: Fen,
    /// Employer, base, ratio, paid until, frozen.
    pub facts: Facts,
    /// Which court holds how much until when; nothing where none does.
    pub frozen: Facts,
    /// The balance over the months; none with fewer than two.
    pub chart: Option<Chart>,
    /// The entries of this page, newest first.
    pub entries: Vec<Entry>,
    /// Further pages.
    pub pager: Option<Pager>,
    /// Where the same list can be downloaded.
    pub download: Option<String>,
}
