//! 页面框架: what every page has (title, skip link, header, navigation, footer), one struct a place and one base template each
//! in `templates/frame/`. Invariant: a title never holds a name, a number of a person or a full number of a case's owner;
//! the footer with 12329 stands in the same place on every page. Start with [`Head`].

use std::sync::Arc;

use crate::components::Text;
use crate::inside::Inside;
use crate::look::Look;

/// What the centre says of itself on every page.
#[derive(Debug, Clone)]
pub struct Centre {
    /// 重庆市住房公积金管理中心.
    pub name: String,
    /// 023-12329.
    pub hotline: String,
    /// 备案号, or that this is a demonstration.
    pub filing: String,
}

/// What every frame needs.
#[derive(Debug, Clone)]
pub struct Head {
    /// The page's own words: 首页; 租房提取，核对.
    pub title: String,
    /// A form on this page was sent back: the title begins with 出错：.
    pub failed: bool,
    /// How the person wants it to look.
    pub look: Look,
    /// The token for every form of the page.
    pub csrf: String,
    /// The address of this page, to come back to after 设置; never with personal data in it.
    pub path: String,
    /// The centre.
    pub centre: Arc<Centre>,
    /// Who is logged in, on a page that anyone may read.
    pub inside: Option<Inside>,
}

impl Head {
    /// The same page after a form that had mistakes.
    #[must_use]
    pub fn failed(mut self, failed: bool) -> Head {
        self.failed = failed;
        self
    }

    /// The hidden fields of a form: the CSRF token.
    #[must_use]
    pub fn hidden(&self) -> (&'static str, String) {
        (crate::security::FIELD, self.csrf.clone())
    }
}

/// The tab of `/my` that is lit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MyTab {
    /// 首页.
    Home,
    /// 办事.
    Services,
    /// 进度.
    Cases,
    /// 我的.
    Me,
}

impl MyTab {
    /// All tabs in their order: address, words, icon.
    #[must_use]
    pub fn all() -> [(MyTab, &'static str, &'static str, &'static str); 4] {
        [
            (MyTab::Home, "/my", "首页", "home"),
            (MyTab::Services, "/my/withdraw", "办事", "task"),
            (MyTab::Cases, "/my/cases", "进度", "clock"),
            (MyTab::Me, "/my/me", "我的", "user"),
        ]
    }
}

/// Frame of `/my`.
#[derive(Debug, Clone)]
pub struct MyFrame {
    /// Title, look, token.
    pub head: Head,
    /// The tab that is lit.
    pub tab: MyTab,
    /// Where ‹ leads and its word; none on the home page.
    pub back: Option<(String, String)>,
}

/// The page of `/unit` that is lit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitTab {
    /// 首页.
    Home,
    /// 名册.
    Roster,
    /// 职工.
    People,
    /// 付款.
    Pay,
    /// 到账.
    Arrivals,
    /// 证明.
    Papers,
    /// 办事.
    Cases,
    /// None of these.
    Other,
}

impl UnitTab {
    /// All in their order: address, words.
    #[must_use]
    pub fn all() -> [(UnitTab, &'static str, &'static str); 7] {
        [
            (UnitTab::Home, "/unit", "首页"),
            (UnitTab::Roster, "/unit/roster", "名册"),
            (UnitTab::People, "/unit/people", "职工"),
            (UnitTab::Pay, "/unit/pay", "付款"),
            (UnitTab::Arrivals, "/unit/arrivals", "到账与分配"),
            (UnitTab::Papers, "/unit/papers", "证明"),
            (UnitTab::Cases, "/unit/cases", "办事"),
        ]
    }
}

/// Frame of `/unit`.
#[derive(Debug, Clone)]
pub struct UnitFrame {
    /// Title, look, token.
    pub head: Head,
    /// The page that is lit.
    pub tab: UnitTab,
    /// 经办, masked: 陈*.
    pub clerk: String,
    /// The counter, where a teller acts for the employer.
    pub counter: Option<Counter>,
}

/// 柜面代办: who acts for whom.
#[derive(Debug, Clone)]
pub struct Counter {
    /// Number of the teller.
    pub teller: String,
    /// Name of the employer.
    pub employer: String,
    /// Who stands at the window.
    pub why: String,
}

/// An entry of the desk's rail.
#[derive(Debug, Clone)]
pub struct RailLink {
    /// Address.
    pub href: &'static str,
    /// Words.
    pub name: &'static str,
    /// Pressed one after the other: `g t`.
    pub key: &'static str,
    /// How much waits there; nothing where that is not counted.
    pub count: Option<i64>,
}

/// A group of the rail, by what the person's roles may open.
#[derive(Debug, Clone)]
pub struct RailGroup {
    /// 柜面, 账务, 管理.
    pub name: &'static str,
    /// Its entries.
    pub links: Vec<RailLink>,
}

/// Frame of `/desk`.
#[derive(Debug, Clone)]
pub struct DeskFrame {
    /// Title, look, token.
    pub head: Head,
    /// The rail of this person's roles.
    pub rail: Vec<RailGroup>,
    /// Address of the entry that is lit.
    pub here: &'static str,
    /// 张*（3021）会计.
    pub staff: String,
    /// 叫号 A032 · 5 号窗, where somebody stands at the window.
    pub serving: Option<Text>,
    /// 营业日 11月24日 已开账, and what else is true of the house now.
    pub status: Vec<Text>,
}

/// The page of the public site that is lit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SiteTab {
    /// 首页.
    Home,
    /// 办事指南.
    Guides,
    /// None of these.
    Other,
}

impl SiteTab {
    /// All in their order: address, words.
    #[must_use]
    pub fn all() -> [(SiteTab, &'static str, &'static str); 2] {
        [
            (SiteTab::Home, "/", "首页"),
            (SiteTab::Guides, "/guides", "办事指南"),
        ]
    }
}

/// Frame of the public site.
#[derive(Debug, Clone)]
pub struct SiteFrame {
    /// Title, look, token.
    pub head: Head,
    /// The page that is lit.
    pub tab: SiteTab,
}

/// Frame without navigation: login, errors, settings.
#[derive(Debug, Clone)]
pub struct PlainFrame {
    /// Title, look, token.
    pub head: Head,
    /// `my`, `unit` or `desk`: decides the density.
    pub place: &'static str,
    /// 个人, 单位, 柜面: beside the mark and in the title.
    pub place_name: &'static str,
    /// Where ‹ leads and its word.
    pub back: Option<(String, String)>,
}
