//! 我的: what we know of a person, where he is logged in, what he agreed to, who looked.

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Button, Devices, Flash, Pager, Rows, Summary, Text, filters};
use crate::frame::{MyFrame, MyTab};

/// 我的信息.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "my/me.html")]
pub struct MePage {
    /// Frame.
    pub frame: MyFrame,
    /// Name, ID number, phone, cards: one's own, masked but the name.
    pub info: Summary,
    /// 登录的设备, 授权, 谁看过我的信息, 消息, 设置.
    pub more: Rows,
}

/// 登录的设备.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "my/sessions.html")]
pub struct SessionsPage {
    /// Frame.
    pub frame: MyFrame,
    /// Where this person is logged in.
    pub devices: Devices,
}

/// 授权: to whom and for what this person agreed.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "my/consents.html")]
pub struct ConsentPage {
    /// Frame.
    pub frame: MyFrame,
    /// What just happened.
    pub flash: Option<Flash>,
    /// What was agreed, until when, and the button that takes it back or gives it again (`POST /my/consents`).
    pub consents: Vec<(Text, Text, Option<Button>)>,
    /// Who may ask us what about this person, on which basis, and the button that allows it (`POST /my/consents`).
    pub askers: Vec<(Text, Text, Option<Button>)>,
    /// Who was asked what about this person, and why.
    pub enquiries: Rows,
    /// What this person holds to be wrong, and what became of it.
    pub disputes: Rows,
    /// Facts that may be doubted: number and words.
    pub doubtable: Vec<(i64, String)>,
}

/// 我的凭证: proofs to keep.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "my/proofs.html")]
pub struct ProofsPage {
    /// Frame.
    pub frame: MyFrame,
    /// One's cases, newest first, each to its proof.
    pub cases: Rows,
    /// One's months, newest first, each to the proof of one's own line.
    pub months: Rows,
    /// Further months.
    pub pager: Option<Pager>,
}

/// 谁看过我的信息.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "my/access.html")]
pub struct AccessPage {
    /// Frame.
    pub frame: MyFrame,
    /// Who, when, why, what was seen; newest first.
    pub looks: Rows,
    /// Further pages.
    pub pager: Option<Pager>,
}

/// 信息变更记录.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "my/changes.html")]
pub struct ChangesPage {
    /// Frame.
    pub frame: MyFrame,
    /// What, from what to what, when, by whom, where; newest first.
    pub changes: Rows,
    /// Further pages.
    pub pager: Option<Pager>,
}
