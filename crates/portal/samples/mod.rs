//! Sample words for every page: the story of the reference pages. Used by the gallery and by the tests of the pages.

use std::sync::Arc;

use anju_domain::money::Fen;
use anju_portal::components::Text;
use anju_portal::frame::{
    Centre, DeskFrame, Head, MyFrame, MyTab, RailGroup, RailLink, SiteFrame, SiteTab, UnitFrame,
    UnitTab,
};
use anju_portal::look::Look;
use anju_portal::security::Visit;
use askama::Template;

mod books;
mod desk;
mod my;
mod service;
mod site;
mod unit;

/// Yuan and fen as one number.
pub fn fen(fen: i64) -> Fen {
    Fen::new(fen)
}

/// Every page: its name and its HTML.
pub fn all(look: Look) -> Vec<(&'static str, String)> {
    let visit = visit(look);
    [
        site::all(&visit),
        my::all(&visit),
        unit::all(&visit),
        desk::all(&visit),
    ]
    .concat()
}

fn visit(look: Look) -> Visit {
    Visit {
        look,
        csrf: "c5f0".repeat(8),
        path: "/my".into(),
        session: None,
        browser: None,
        client: std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        origin: None,
        centre: Arc::new(Centre {
            name: "重庆市住房公积金管理中心（演示）".into(),
            hotline: "023-12329".into(),
            filing: "备案号为演示数据".into(),
        }),
        inside: None,
    }
}

fn drawn(page: &impl Template) -> String {
    page.render().expect("a page renders")
}

fn head(visit: &Visit, title: &str) -> Head {
    visit.head(title)
}

fn my_frame(visit: &Visit, title: &str, tab: MyTab, back: Option<(&'static str, &str)>) -> MyFrame {
    MyFrame {
        head: head(visit, title),
        tab,
        back: back.map(|(href, words)| (href.to_owned(), words.to_owned())),
    }
}

fn unit_frame(visit: &Visit, title: &str, tab: UnitTab) -> UnitFrame {
    UnitFrame {
        head: head(visit, title),
        tab,
        clerk: "陈*".into(),
        counter: None,
    }
}

fn site_frame(visit: &Visit, title: &str, tab: SiteTab) -> SiteFrame {
    SiteFrame {
        head: head(visit, title),
        tab,
    }
}

fn desk_frame(visit: &Visit, title: &str, here: &'static str, staff: &str) -> DeskFrame {
    let link = |href, name, count| RailLink {
        href,
        name,
        key: "g t",
        count,
    };
    DeskFrame {
        head: head(visit, title),
        rail: vec![
            RailGroup {
                name: "柜面",
                links: vec![
                    link("/desk/tasks", "任务", Some(12)),
                    link("/desk/identify", "客户核身", None),
                ],
            },
            RailGroup {
                name: "账务",
                links: vec![
                    link("/desk/suspense", "暂收待查", Some(5)),
                    link("/desk/books/trial-balance", "试算平衡", None),
                    link("/desk/books/close", "日结", None),
                ],
            },
        ],
        here,
        staff: staff.into(),
        serving: None,
        status: vec![
            Text::new().say("营业日 ").strong("11月24日").say(" 已开账"),
            "排队 7 人".into(),
            "受托银行 8/8 在线".into(),
        ],
    }
}
