//! 这个人是谁，他今天要办什么？

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{
    Button, Facts, Field, Flash, Keys, Masked, Rows, Table, Text, Timeline, filters,
};
use crate::frame::DeskFrame;

/// The form that unmasks for sixty seconds.
#[derive(Debug, Clone)]
pub struct Reveal {
    /// Where it goes.
    pub action: String,
    /// Reasons: value and words.
    pub reasons: Vec<(String, String)>,
}

/// 客户, all round.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/customer.html")]
pub struct CustomerPage {
    /// Frame.
    pub frame: DeskFrame,
    /// What just happened.
    pub flash: Option<Flash>,
    /// 李*.
    pub name: String,
    /// 女，职工.
    pub about: String,
    /// ID number.
    pub id_no: Masked,
    /// Phone; none where none is registered.
    pub phone: Option<Masked>,
    /// 人脸核身 已通过 10:04, or what is still to be done.
    pub identified: Text,
    /// How to unmask.
    pub reveal: Option<Reveal>,
    /// 余额, 可用, 提取占用, 冻结, 账户状态, 缴至, 贷款.
    pub figures: Vec<(String, Text)>,
    /// 今天可能要办, keys 1, 2, 3.
    pub likely: Rows,
    /// The first of them.
    pub button: Option<Button>,
    /// Where the person is moved to the centre's holding account; none where he is not sealed, or not at the window.
    pub hold: Option<String>,
    /// The past day that is asked for.
    pub on: Field,
    /// As he stood on it.
    pub past: Option<Facts>,
    /// 家庭与授权.
    pub family: Facts,
    /// Cases.
    pub cases: Table,
    /// Account number.
    pub account_no: String,
    /// Employer, ratio, base.
    pub account_note: Text,
    /// Entries.
    pub entries: Table,
    /// Newest first.
    pub timeline: Timeline,
    /// 谁看过, the latest.
    pub looks: Rows,
    /// Keys, and that this look is recorded.
    pub keys: Keys,
}
