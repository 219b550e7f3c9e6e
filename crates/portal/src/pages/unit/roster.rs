//! 哪几个格子要改？ And, when none is left: what changes against last month, person by person.

use anju_domain::money::Fen;
use askama::Template;
use askama_web::WebTemplate;

use crate::components::{
    Button, Drop, ErrTable, ErrorSummary, Field, Flash, Formula, State, Table, Text, filters,
};
use crate::frame::{UnitFrame, UnitTab};

/// 名册: where the file goes.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "unit/upload.html")]
pub struct UploadPage {
    /// Frame.
    pub frame: UnitFrame,
    /// 11月名册.
    pub title: String,
    /// By when, how many last month.
    pub lead: Text,
    /// What just happened.
    pub flash: Option<Flash>,
    /// `2026-11`.
    pub month: String,
    /// The key that makes a double tap one upload.
    pub key: String,
    /// Where to drop it.
    pub drop: Drop,
    /// Everybody, or only who changes.
    pub mode: Field,
    /// Whether last month's roster can be fetched and used.
    pub has_last: bool,
}

/// 名册有错: every wrong cell.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "unit/errors.html")]
pub struct ErrorsPage {
    /// Frame; its title begins with 出错：.
    pub frame: UnitFrame,
    /// 11月名册.
    pub title: String,
    /// Name of the file, rows read, time.
    pub file: Text,
    /// The number of the upload, for the annotated file and for mending.
    pub upload_no: String,
    /// The summary on top.
    pub errors: ErrorSummary,
    /// The cells.
    pub table: ErrTable,
    /// Can they be mended here, or must a new file come?
    pub mendable: bool,
    /// 重新核对 3 处.
    pub button: Button,
    /// How the other rows stand: words, figure, unit, note.
    pub tiles: Vec<(String, String, String, Text)>,
    /// How many rows are right.
    pub right_rows: u32,
    /// Where another file can be dropped.
    pub drop: Drop,
    /// Everybody, or only who changes; a list of bases is always of everybody.
    pub mode: Option<Field>,
    /// `2026-11`.
    pub month: String,
    /// The key of the next upload or mending.
    pub key: String,
    /// Where another file goes.
    pub action: &'static str,
    /// Can the file be given back with its mistakes marked?
    pub has_sheet: bool,
}

/// 名册核对好了: the preview before it is registered.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "unit/preview.html")]
pub struct PreviewPage {
    /// Frame.
    pub frame: UnitFrame,
    /// 11月名册.
    pub title: String,
    /// Name of the file, rows read, time.
    pub file: Text,
    /// What the whole resulting list costs.
    pub total: Fen,
    /// 128 人 · 单位 153,600.00，个人 153,600.00.
    pub note: Text,
    /// Things that are no faults: 已去掉“元”字, a hidden row counted.
    pub notices: Vec<Text>,
    /// Last month, changes by kind, this month.
    pub formula: Formula,
    /// Person by person.
    pub differences: Table,
    /// Token, key, upload.
    pub hidden: Vec<(&'static str, String)>,
    /// How many months by this list, where the next ones may be paid as well.
    pub months: Option<Field>,
    /// 登记，委托收款扣款, where a contract is in force.
    pub also: Option<Button>,
    /// 登记 11月汇缴 307,200.00 元.
    pub button: Button,
}
