//! 命令栏 without scripts: what was found, and the keys of the desk.

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Button, Field, Rows, Text, filters};
use crate::frame::DeskFrame;

/// A person who was found and is opened once a reason is given.
#[derive(Debug, Clone)]
pub struct AskWhy {
    /// 李*　5001**********1234.
    pub who: String,
    /// Where the form goes.
    pub action: String,
    /// Why.
    pub reason: Field,
    /// 打开这位客户.
    pub button: Button,
}

/// 找到的: people (masked), accounts, cases, employers, pages. What was typed is never printed or put into an address.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/search.html")]
pub struct SearchPage {
    /// Frame.
    pub frame: DeskFrame,
    /// How many of what, or that there is none.
    pub note: Text,
    /// The person of a whole ID number, and why he is to be opened.
    pub ask: Option<AskWhy>,
    /// Head and rows of each kind.
    pub groups: Vec<(String, Rows)>,
}

/// 快捷键.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/keys.html")]
pub struct KeysPage {
    /// Frame.
    pub frame: DeskFrame,
}

impl KeysPage {
    /// Head and keys of each group: what `keys.js` and the pages listen to.
    fn groups(&self) -> [(&'static str, Vec<(&'static str, &'static str)>); 3] {
        [
            (
                "到处",
                vec![
                    ("Ctrl K", "命令栏，也可以按 /"),
                    ("g t", "任务"),
                    ("g c", "客户核身"),
                    ("g b", "试算平衡"),
                    ("g s", "暂收待查"),
                    ("g d", "日结"),
                    ("g o", "运行"),
                    ("?", "这一页"),
                ],
            ),
            (
                "列表",
                vec![
                    ("j", "下一行，也可以按 ↓"),
                    ("k", "上一行，也可以按 ↑"),
                    ("Enter", "打开"),
                    ("n", "取下一件"),
                ],
            ),
            ("办理", vec![("c", "认领"), ("1", "今天可能要办的第一项")]),
        ]
    }
}
