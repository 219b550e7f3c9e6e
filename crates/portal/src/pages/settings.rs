//! 设置: theme, contrast, large text and cursor, read aloud. A plain form; kept in a cookie of this device.

use askama::Template;
use askama_web::WebTemplate;
use axum::extract::Query;
use serde::Deserialize;

use crate::components::{Button, Choice, Choices, filters};
use crate::frame::PlainFrame;
use crate::look::{Theme, local};
use crate::pages::error::place_of;
use crate::security::Visit;

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "site/settings.html")]
pub struct SettingsPage {
    frame: PlainFrame,
    theme: Choices,
    checks: Vec<(&'static str, &'static str, &'static str, bool)>,
    back: String,
    button: Button,
}

/// Where to go afterwards.
#[derive(Debug, Deserialize)]
pub struct From {
    back: Option<String>,
}

/// `GET /settings?back=`.
pub async fn show(visit: Visit, Query(from): Query<From>) -> SettingsPage {
    SettingsPage::of(&visit, from.back.as_deref().unwrap_or("/"))
}

impl SettingsPage {
    /// The page for this visit.
    #[must_use]
    pub fn of(visit: &Visit, back: &str) -> SettingsPage {
        let back = local(back).to_owned();
        let (place, place_name, _) = place_of(&back);
        let look = visit.look;
        let theme = |value: &str, title: &str, note: &str, chosen: bool| Choice {
            value: value.into(),
            title: title.into(),
            note: note.into(),
            chosen,
        };
        let mut checks = vec![
            (
                "elder",
                "大字版",
                "字更大，按钮更大，一页的事更少",
                look.elder,
            ),
            ("contrast", "高对比", "黑白分明，边框更粗", look.contrast),
            ("cursor", "大光标", "用鼠标时更容易看见", look.cursor),
            (
                "read",
                "朗读本页",
                "页面上多一个“朗读”按钮，用手机自己的声音",
                look.read,
            ),
        ];
        if place == "desk" {
            checks.push(("compact", "紧凑行距", "表格一屏多看几行", look.compact));
            checks.push(("no_keys", "关闭单键快捷键", "只留 Ctrl K", look.no_keys));
        }
        SettingsPage {
            frame: PlainFrame {
                head: visit.head("设置"),
                place,
                place_name,
                back: Some((back.clone(), "返回".to_owned())),
            },
            theme: Choices {
                name: "theme",
                legend: "深浅".into(),
                choices: vec![
                    theme(
                        "auto",
                        "跟随设备",
                        "白天浅，晚上深",
                        look.theme == Theme::Auto,
                    ),
                    theme("light", "浅色", "", look.theme == Theme::Light),
                    theme("dark", "深色", "", look.theme == Theme::Dark),
                ],
            },
            checks,
            back,
            button: Button::submit("保存设置"),
        }
    }
}
