use anju_portal::components::{Button, Facts, Field, FieldKind, Mistake, Row, Rows, Text};
use anju_portal::frame::SiteTab;
use anju_portal::pages::error::{ErrorPage, PageError};
use anju_portal::pages::login::{LogInPage, Returned};
use anju_portal::pages::settings::SettingsPage;
use anju_portal::pages::site::{Group, SiteHome, WordsPage};
use anju_portal::security::Visit;
use anju_portal::service::GuidePage;

use super::{drawn, site_frame};

pub fn all(visit: &Visit) -> Vec<(&'static str, String)> {
    let wrong = Returned {
        typed: vec![("id_no".into(), "50010319900101123".into())],
        mistakes: vec![Mistake::at("id_no", "证件号少 1 位，请对照身份证再看一遍")],
    };
    let none = Returned::default();
    vec![
        ("site-home", drawn(&home(visit))),
        ("site-guide", drawn(&guide(visit))),
        ("site-words", drawn(&words(visit))),
        (
            "site-error",
            drawn(
                ErrorPage::of(
                    &PageError::Failed {
                        number: "7Q4K".into(),
                    },
                    visit,
                )
                .page(),
            ),
        ),
        ("site-settings", drawn(&SettingsPage::of(visit, "/my"))),
        (
            "login-employee",
            drawn(&LogInPage::employee(visit, "/my", &wrong)),
        ),
        (
            "login-code",
            drawn(&LogInPage::employee_code(visit, "/my", "c1", &none)),
        ),
        (
            "login-clerk",
            drawn(&LogInPage::clerk(visit, "/unit", &none)),
        ),
        (
            "login-staff",
            drawn(&LogInPage::staff(visit, "/desk/tasks", &none)),
        ),
    ]
}

fn home(visit: &Visit) -> SiteHome {
    SiteHome {
        frame: site_frame(visit, "首页", SiteTab::Home),
        figures: Some(
            Text::new()
                .say("今天到 ")
                .time("10:42")
                .say("，办了 ")
                .strong("12,386")
                .say(" 件，一半的人 ")
                .strong("2.8")
                .say(" 秒办完，九成在 ")
                .strong("9")
                .say(" 秒内。"),
        ),
        find: Field::new("q", "找要办的事", FieldKind::Text)
            .hint("写几个字就行，例如：租房、离职、换手机号"),
        groups: vec![
            Group {
                id: "withdraw",
                name: "提取",
                services: Rows::new(vec![
                    Row::to("/guides/withdraw-rent", "租房提取")
                        .note("在本市没有自有住房、租房居住的职工，提取账户余额支付房租"),
                ])
                .boxed(),
            },
            Group {
                id: "employer",
                name: "单位业务",
                services: Rows::new(vec![
                    Row::to("/guides/employer-opening", "单位缴存登记")
                        .note("办营业执照时一起开户"),
                ])
                .boxed(),
            },
        ],
    }
}

fn guide(visit: &Visit) -> GuidePage {
    GuidePage {
        frame: site_frame(visit, "租房提取，办事指南", SiteTab::Guides),
        name: "租房提取".into(),
        lead: "租房住、在本市没有自有住房的，可以提取自己账户里的钱付房租。".into(),
        facts: Facts(vec![
            ("多久".into(), "一般 3 秒出结果，付款后 1 分钟内到账".into()),
            ("在哪办".into(), "手机、网站、柜台".into()),
            ("费用".into(), "不收费".into()),
        ]),
        conditions: Rows::new(vec![
            Row::of("连续足额缴存满 3 个月").note("建金〔2015〕5号 第一条"),
            Row::of("您和配偶在本市无自有住房").note("建金〔2015〕19号"),
        ])
        .boxed(),
        sources: Rows::new(vec![
            Row::of("市规划和自然资源局").note("您和配偶名下的住房"),
            Row::of("市民政局").note("婚姻登记"),
        ])
        .boxed(),
        button: Some(Button::go("登录后办租房提取", "/my/do/withdraw-rent")),
    }
}

fn words(visit: &Visit) -> WordsPage {
    WordsPage {
        frame: site_frame(visit, "无障碍声明", SiteTab::Other),
        title: "无障碍声明".into(),
        sections: vec![(
            "大字和朗读".into(),
            vec!["每一页右上角都有大字版和设置。".into()],
        )],
    }
}
