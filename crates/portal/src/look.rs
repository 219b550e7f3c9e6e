//! 设置: how a person wants pages to look. The choice lives in a cookie that a plain form sets; the server prints it on
//! `<html>`, so that nothing flickers and nothing needs scripts. Invariant: it holds a look and nothing about the person.

use axum::Form;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

/// The name of the cookie.
pub const COOKIE: &str = "anju_look";

/// Dark or light.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// As the device says.
    #[default]
    Auto,
    /// 浅色.
    Light,
    /// 深色.
    Dark,
}

/// The program around the page: others bring a title bar of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shell {
    /// A browser.
    #[default]
    Browser,
    /// Our own app.
    App,
    /// 微信.
    Wechat,
    /// 支付宝.
    Alipay,
    /// 渝快办.
    Government,
}

/// All choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    /// 深色.
    pub theme: Theme,
    /// 高对比.
    pub contrast: bool,
    /// 大字版.
    pub elder: bool,
    /// 大光标.
    pub cursor: bool,
    /// 朗读本页.
    pub read: bool,
    /// 紧凑 rows at the desk.
    pub compact: bool,
    /// Single keys are switched off (WCAG 2.1.4).
    pub no_keys: bool,
    /// What is around the page; told by the program, not chosen.
    pub shell: Shell,
}

impl Look {
    /// Reads the cookie and the program's name from the headers of a request.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Look {
        let mut look = Look::default();
        if let Some(value) = cookie(headers, COOKIE) {
            for choice in value.split('.') {
                match choice {
                    "light" => look.theme = Theme::Light,
                    "dark" => look.theme = Theme::Dark,
                    "contrast" => look.contrast = true,
                    "elder" => look.elder = true,
                    "cursor" => look.cursor = true,
                    "read" => look.read = true,
                    "compact" => look.compact = true,
                    "nokeys" => look.no_keys = true,
                    _ => {}
                }
            }
        }
        let program = headers
            .get(header::USER_AGENT)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("");
        look.shell = if program.contains("MicroMessenger") {
            Shell::Wechat
        } else if program.contains("AlipayClient") {
            Shell::Alipay
        } else if program.contains("YuKuaiBan") {
            Shell::Government
        } else if program.contains("AnjuApp") {
            Shell::App
        } else {
            Shell::Browser
        };
        look
    }

    fn cookie(self) -> HeaderValue {
        let chosen = [
            (self.theme == Theme::Light, "light"),
            (self.theme == Theme::Dark, "dark"),
            (self.contrast, "contrast"),
            (self.elder, "elder"),
            (self.cursor, "cursor"),
            (self.read, "read"),
            (self.compact, "compact"),
            (self.no_keys, "nokeys"),
        ];
        let value: Vec<&str> = chosen
            .iter()
            .filter_map(|(set, word)| set.then_some(*word))
            .collect();
        let text = format!(
            "{COOKIE}={}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly",
            value.join(".")
        );
        HeaderValue::from_str(&text).expect("our own words are a valid header")
    }

    /// What `data-theme` says.
    #[must_use]
    pub fn theme_word(self) -> &'static str {
        match self.theme {
            Theme::Auto => "auto",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    /// What `data-contrast` says.
    #[must_use]
    pub fn contrast_word(self) -> &'static str {
        if self.contrast { "high" } else { "auto" }
    }

    /// What `data-shell` says.
    #[must_use]
    pub fn shell_word(self) -> &'static str {
        match self.shell {
            Shell::Browser => "browser",
            Shell::App => "app",
            Shell::Wechat => "wechat",
            Shell::Government => "government",
            Shell::Alipay => "alipay",
        }
    }
}

/// The form of 设置, and of the 大字版 button in the header.
#[derive(Debug, Deserialize)]
pub struct LookForm {
    /// `all` from 设置, `elder` from the header's button.
    what: String,
    theme: Option<String>,
    contrast: Option<String>,
    elder: Option<String>,
    cursor: Option<String>,
    read: Option<String>,
    compact: Option<String>,
    no_keys: Option<String>,
    back: String,
}

/// `POST /look`: keeps the choice and goes back to where the person was.
pub async fn keep(headers: HeaderMap, Form(form): Form<LookForm>) -> Response {
    let before = Look::of(&headers);
    let look = if form.what == "elder" {
        Look {
            elder: form.elder.is_some(),
            ..before
        }
    } else {
        Look {
            theme: match form.theme.as_deref() {
                Some("light") => Theme::Light,
                Some("dark") => Theme::Dark,
                _ => Theme::Auto,
            },
            contrast: form.contrast.is_some(),
            elder: form.elder.is_some(),
            cursor: form.cursor.is_some(),
            read: form.read.is_some(),
            compact: form.compact.is_some(),
            no_keys: form.no_keys.is_some(),
            shell: before.shell,
        }
    };
    (
        [(header::SET_COOKIE, look.cookie())],
        Redirect::to(local(&form.back)),
    )
        .into_response()
}

/// An address of ours, or the front page: a form must never send a person to another host.
#[must_use]
pub fn local(address: &str) -> &str {
    let ours = address.starts_with('/')
        && !address.starts_with("//")
        && !address.contains(|letter: char| letter == '\\' || letter.is_control());
    if ours { address } else { "/" }
}

/// The value of a cookie of the request.
#[must_use]
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookie: &str, program: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, cookie.parse().expect("a header"));
        headers.insert(header::USER_AGENT, program.parse().expect("a header"));
        headers
    }

    #[test]
    fn what_is_kept_is_what_is_read_again() {
        let look = Look {
            theme: Theme::Dark,
            contrast: true,
            elder: true,
            cursor: true,
            read: true,
            compact: true,
            no_keys: true,
            shell: Shell::Wechat,
        };
        let kept = look.cookie();
        let pair = kept
            .to_str()
            .expect("ascii")
            .split(';')
            .next()
            .expect("a pair");
        assert_eq!(Look::of(&headers(pair, "Mozilla MicroMessenger/8.0")), look);
        assert_eq!(
            Look::of(&headers("anju_look=nonsense.<b>", "curl")),
            Look::default()
        );
    }

    #[test]
    fn nobody_is_sent_to_another_host() {
        for address in [
            "https://example.org/",
            "//example.org",
            "/\\example.org",
            "javascript:1",
            "/etc\0",
            "/a\u{7f}b",
            "",
        ] {
            assert_eq!(local(address), "/");
        }
        assert_eq!(local("/my/cases?state=open"), "/my/cases?state=open");
    }
}
