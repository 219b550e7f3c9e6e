//! 公开的页面: handlers of what anyone may read. The guides are drawn from the policy in force, so that they cannot disagree with
//! the decision.

mod guides;

use anju_business::measures::{self, By, Scope};
use anju_business::withdrawal::pace::{self, Pace};
use anju_casework::branch;
use anju_domain::calendar::Month;
use anju_domain::rate::Bp;
use anju_policy::service::Verb;
use anju_policy::{At, ServiceDefinition};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::components::{
    Button, Cell, Chart, ChartKind, Column, Facts, Line, Point, Row, Rows, Series, Table, Text,
};
use crate::desk::services_drawn::{group_name, rate, signed};
use crate::frame::{SiteFrame, SiteTab};
use crate::my::{channel, named};
use crate::pages::error::PageError;
use crate::pages::site::{SiteHome, SpeedPage, WordsPage};
use crate::security::Visit;
use crate::serve::Portal;
use crate::service::GuidePage;
use crate::when;

/// Routes that anyone may open.
pub(crate) fn routes() -> Router<Portal> {
    Router::new()
        .route("/", get(home))
        .route("/guides", get(guides::page))
        .route("/guides/{service}", get(guide))
        .route("/policy/{service}", get(policy))
        .route("/outlets", get(outlets))
        .route("/speed", get(speed))
        .route("/accessibility", get(accessibility))
        .route("/privacy", get(privacy))
}

fn frame(visit: &Visit, title: &str, tab: SiteTab) -> SiteFrame {
    SiteFrame {
        head: visit.head(title),
        tab,
    }
}

/// Whether people may use a service, wherever that is.
fn is_offered(service: &ServiceDefinition) -> bool {
    !service.channels.is_empty()
}

/// Where a service begins for who reads its guide on this channel; none where it is done elsewhere only.
fn begin(service: &ServiceDefinition, channel: &str) -> Option<(String, &'static str)> {
    let here = matches!(service.login_on(channel), Some("L2" | "L3f" | "L3s"));
    let (path, verb) = match service.effect.as_str() {
        "pay_out" | "sign_repay" | crate::shares::EFFECT => {
            return here.then(|| (format!("/my/do/{}", service.id), "登录后办"));
        }
        "change_phone" | "change_card" | "maintain_person" | "link_card" => {
            return here.then(|| (format!("/my/me/change/{}", service.id), "登录后办"));
        }
        "transfer_in" => ("/my/transfer", "登录后办"),
        "flexible_open" | "flexible_change" => ("/my/flexible", "登录后办"),
        "refer_employee" => ("/my/credit", "登录后办"),
        "take_complaint" => ("/my/report", "登录后办"),
        "verify_document" => ("/verify-document", "去"),
        "certify_contribution" => ("/my/papers", "登录后办"),
        "certify_employer" => ("/unit/papers", "单位登录后办"),
        "query_account_detail" => ("/my/account", "登录后做"),
        "query_withdrawal_progress" | "query_transfer_in" => ("/my/cases", "登录后做"),
        "query_employer_info" => ("/unit", "单位登录后做"),
        _ if service.verb == Verb::Query => ("/my", "登录后做"),
        _ if service.group == "employer" => ("/unit", "单位登录后办"),
        _ => return None,
    };
    Some((path.to_owned(), verb))
}

/// The channels (services.md §3) in the order in which they are told, as people call them.
pub(crate) const CHANNELS: [(&str, &str); 12] = [
    ("HALL", "网上大厅"),
    ("WEB", "网站"),
    ("APP", "手机 APP"),
    ("WX", "微信"),
    ("ALI", "支付宝"),
    ("YKB", "渝快办"),
    ("KIOSK", "自助终端"),
    ("TEL", "12329 热线"),
    ("SMS", "短信"),
    ("TV", "有线电视"),
    ("CTR", "网点柜台"),
    ("PUSH", "部门推送"),
];

/// 微信、手机 APP、渝快办、网点柜台: where a service is done.
pub(crate) fn places(service: &ServiceDefinition) -> String {
    CHANNELS
        .iter()
        .filter(|(code, _)| service.channels.iter().any(|one| one == code))
        .map(|(_, name)| *name)
        .collect::<Vec<_>>()
        .join("、")
}

/// `GET /`.
async fn home(State(portal): State<Portal>, visit: Visit) -> Result<SiteHome, PageError> {
    let office = &portal.engine.office;
    let seconds = pace::seconds(office)?;
    let whole = pace::whole(pace::rows(office).await?.iter());
    let figures = whole.map(|whole| {
        Text::new()
            .say(format!(
                "近 {} 天提取到账 {} 笔，{}在 {seconds} 秒内到账。",
                pace::DAYS,
                whole.paid,
                share(&whole)
            ))
            .link("/speed", "看每一段用了多少时间")
    });
    Ok(SiteHome {
        frame: frame(&visit, "首页", SiteTab::Home),
        figures,
        find: guides::find_field(""),
        groups: guides::groups(&office.policy().set),
    })
}

fn share(pace: &Pace) -> String {
    match pace.share_bp() {
        Some(bp) => Bp::new(i32::try_from(bp).unwrap_or(0)).to_string(),
        None => "—".to_owned(),
    }
}

/// `GET /speed`: 秒级到账, by day and by service, with its legs.
async fn speed(State(portal): State<Portal>, visit: Visit) -> Result<SpeedPage, PageError> {
    let office = &portal.engine.office;
    let seconds = pace::seconds(office)?;
    let rows = pace::rows(office).await?;
    let days = pace::grouped(&rows, |row| row.day);
    let mut services = pace::grouped(&rows, |row| row.service.clone());
    services.sort_by_key(|one| std::cmp::Reverse(one.paid));
    let legs = |pace: &Pace| {
        vec![
            Cell::count(pace.paid),
            Cell::digits(share(pace)),
            Cell::count(pace.by_rules),
            Cell::digits(when::took(pace.source_ms)),
            Cell::digits(when::took(pace.decided_ms)),
            Cell::digits(when::took(pace.bank_ms)),
            Cell::digits(when::took(pace.total_ms)),
        ]
    };
    let heads = || {
        vec![
            Column::figures("到账笔数"),
            Column::figures(format!("{seconds} 秒内")),
            Column::figures("规则自动办"),
            Column::figures("向部门核对"),
            Column::figures("提交到决定"),
            Column::figures("决定到银行"),
            Column::figures("提交到到账"),
        ]
    };
    let table = |id: &'static str, caption: &str, first: &str, rows: Vec<Line>| {
        let mut columns = vec![Column::words(first)];
        columns.extend(heads());
        Table::new(id, caption.to_owned(), columns, rows)
            .cards()
            .empty("这些天还没有提取到账。")
    };
    let row = |head: String, pace: &Pace| {
        let mut cells = vec![Cell::new(head)];
        cells.extend(legs(pace));
        Line::new(cells)
    };
    let by_service = services
        .iter()
        .map(|one| row(named(office, &one.service, &one.service), one))
        .collect();
    let by_day = days
        .iter()
        .map(|one| row(when::iso(one.day), one))
        .collect();
    let whole = pace::whole(rows.iter());
    let finding = whole.as_ref().map_or_else(
        || "这些天还没有提取到账".to_owned(),
        |whole| format!("{}在 {seconds} 秒内到账", share(whole)),
    );
    let points = days
        .iter()
        .map(|day| Point {
            label: when::iso(day.day),
            value: day.share_bp(),
        })
        .collect();
    let said = format!("每天在 {seconds} 秒内到账的提取，占当天到账的比例");
    let chart = Chart {
        id: "share",
        finding,
        source: said.clone(),
        kind: ChartKind::Lines,
        series: vec![Series {
            name: "秒级到账".to_owned(),
            points,
        }],
        printed_unit: 100,
        table: table("days", &said, "日期", by_day),
    };
    let caption = format!("近 {} 天，按事项", pace::DAYS);
    Ok(SpeedPage {
        frame: frame(&visit, "秒级到账", SiteTab::Other),
        figures: whole.as_ref().map(|whole| {
            vec![
                (
                    "秒级到账",
                    share(whole),
                    format!(
                        "{} 笔里的 {} 笔，{seconds} 秒内到卡",
                        whole.paid, whole.in_seconds
                    ),
                ),
                (
                    "提交到到账",
                    when::took(whole.total_ms),
                    format!(
                        "各天的中位数；最慢的一天里，每百笔有五笔超过 {}",
                        when::took(whole.slow_ms)
                    ),
                ),
                (
                    "规则自动办",
                    whole.by_rules.to_string(),
                    "不经人工审核就决定的笔数".to_owned(),
                ),
            ]
        }),
        chart,
        services: table("services", &caption, "事项", by_service),
        groups: groups(&portal).await?,
        note: format!(
            "从您点提交的那一刻，算到银行告诉我们已经入账；人工审核的、等部门答复的也都算在内。时间是各日中位数按笔数的平均，只计已日结的日子，近 {} 天。",
            pace::DAYS
        ),
    })
}

/// 网办率, 秒批率, 纸质率 and 少跑腿次数 of the last twelve months by group. Of a group with few cases nothing is told, and no sum of all: what is
/// left out of it could be reckoned from it.
async fn groups(portal: &Portal) -> Result<Table, PageError> {
    let office = &portal.engine.office;
    let least = measures::public_min(office)?;
    let scope = Scope {
        services: measures::services(office)?,
        branch: None,
        from: Month::of(office.today()).plus(-11).first_day(),
        to: office.today(),
    };
    let known = measures::figures(office, &scope, By::Group).await?;
    let rows = known
        .iter()
        .filter_map(|one| Some((group_name(one.of.as_deref()?), one)))
        .map(|(name, one)| {
            Line::new(if one.begun < least {
                vec![
                    Cell::new(name),
                    Cell::new(format!("少于 {least} 件，不公布")).span(5),
                ]
            } else {
                vec![
                    Cell::new(name),
                    Cell::count(one.begun),
                    Cell::digits(rate(one.online_bp())),
                    Cell::digits(rate(one.instant_bp())),
                    Cell::digits(rate(one.paper_bp())),
                    Cell::digits(signed(one.trips)),
                ]
            })
        })
        .collect();
    Ok(Table::new(
        "groups",
        "近 12 个月，按分类",
        vec![
            Column::words("分类"),
            Column::figures("办件"),
            Column::figures("网办率"),
            Column::figures("秒批率"),
            Column::figures("纸质率"),
            Column::figures("少跑腿（次）"),
        ],
        rows,
    )
    .cards()
    .empty("近 12 个月还没有办件。"))
}

fn now_at(portal: &Portal) -> At {
    let office = &portal.engine.office;
    At {
        now: office.now(),
        today: office.today(),
    }
}

/// `GET /guides/{service}`.
async fn guide(
    State(portal): State<Portal>,
    visit: Visit,
    Path(id): Path<String>,
) -> Result<GuidePage, PageError> {
    let policy = portal.engine.office.policy();
    let service = policy.set.service(&id).ok_or(PageError::NotFound)?;
    if !is_offered(service) {
        return Err(PageError::NotFound);
    }
    let rules = policy
        .set
        .rules(&id, now_at(&portal))
        .map_err(|error| PageError::failed(&error))?;
    let mut sources: Vec<(String, Vec<String>)> = Vec::new();
    for need in &service.facts {
        let Some(fact) = policy.set.fact_type(&need.fact_type) else {
            continue;
        };
        if fact.source == "own" {
            continue;
        }
        match sources
            .iter_mut()
            .find(|(name, _)| *name == fact.source_name)
        {
            Some((_, labels)) if !labels.contains(&fact.label) => labels.push(fact.label.clone()),
            Some(_) => {}
            None => sources.push((fact.source_name.clone(), vec![fact.label.clone()])),
        }
    }
    Ok(GuidePage {
        frame: frame(
            &visit,
            &format!("{}，办事指南", service.name_zh),
            SiteTab::Guides,
        ),
        name: service.name_zh.clone(),
        lead: service.summary.as_str().into(),
        facts: Facts(vec![
            ("多久".into(), service.promise.promised.as_str().into()),
            ("法定时限".into(), service.promise.legal.as_str().into()),
            ("依据".into(), service.law.join("；").into()),
            ("费用".into(), "不收费".into()),
            ("在哪里办".into(), places(service).into()),
        ]),
        conditions: Rows::new(
            rules
                .iter()
                .map(|rule| Row::of(rule.name.as_str()).note(rule.law))
                .collect(),
        )
        .boxed(),
        sources: Rows::new(
            sources
                .into_iter()
                .map(|(name, labels)| Row::of(name).note(labels.join("、")))
                .collect(),
        )
        .boxed(),
        button: begin(service, channel(&visit))
            .map(|(href, verb)| Button::go(format!("{verb}{}", service.name_zh), href)),
    })
}

/// `GET /policy/{service}`: the rules in force, with expression and article.
async fn policy(
    State(portal): State<Portal>,
    visit: Visit,
    Path(id): Path<String>,
) -> Result<WordsPage, PageError> {
    let policy = portal.engine.office.policy();
    let service = policy.set.service(&id).ok_or(PageError::NotFound)?;
    let rules = policy
        .set
        .rules(&id, now_at(&portal))
        .map_err(|error| PageError::failed(&error))?;
    let reference = policy.set.reference();
    let mut sections = vec![(
        "版本".to_owned(),
        vec![
            Text::new()
                .say(format!("{} · 摘要 ", reference.version))
                .num(&reference.digest),
        ],
    )];
    sections.extend(rules.iter().map(|rule| {
        (
            format!("{} {}", rule.code, rule.name),
            vec![
                Text::new().say("规则：").num(rule.when),
                Text::new().say("依据：").say(rule.law),
            ],
        )
    }));
    Ok(WordsPage {
        frame: frame(
            &visit,
            &format!("{}，规则全文", service.name_zh),
            SiteTab::Guides,
        ),
        title: format!("{}：规则全文", service.name_zh),
        sections,
    })
}

/// `GET /outlets`.
async fn outlets(State(portal): State<Portal>, visit: Visit) -> Result<WordsPage, PageError> {
    let sections = branch::all(&portal.engine.office)
        .await?
        .into_iter()
        .map(|one| {
            (
                one.name,
                vec![Text::new().say(one.address).say("　").say(one.hours)],
            )
        })
        .collect();
    Ok(WordsPage {
        frame: frame(&visit, "网点", SiteTab::Other),
        title: "网点".into(),
        sections,
    })
}

/// A page of fixed words may be kept by browsers for an hour, unless it names who is logged in; a log-in or log-out ends what was kept.
fn kept(page: WordsPage) -> Response {
    let names_somebody = page.frame.head.inside.is_some();
    let mut answer = page.into_response();
    if !names_somebody {
        let headers = answer.headers_mut();
        let hour = HeaderValue::from_static("private, max-age=3600");
        headers.insert(header::CACHE_CONTROL, hour);
        headers.insert(header::VARY, HeaderValue::from_static("cookie"));
    }
    answer
}

/// `GET /accessibility`.
async fn accessibility(visit: Visit) -> Response {
    let paragraph = |words: &str| Text::from(words);
    kept(WordsPage {
        frame: frame(&visit, "无障碍声明", SiteTab::Other),
        title: "无障碍声明".into(),
        sections: vec![
            (
                "我们做到的".into(),
                vec![
                    paragraph("每一页右上角都有大字版和设置：深色、高对比、大光标、朗读本页。"),
                    paragraph("每件事不用鼠标、不用脚本都能办完；没有图形验证码，没有弹窗和广告。"),
                    paragraph(
                        "颜色从不单独表示状态，旁边一定有图标和字；字和底的对比不低于 4.5，高对比时不低于 7。",
                    ),
                ],
            ),
            (
                "还做不到的".into(),
                vec![paragraph(
                    "没有请真人用读屏软件逐页试过；您用着不方便，请打热线告诉我们。",
                )],
            ),
        ],
    })
}

/// `GET /privacy`.
async fn privacy(visit: Visit) -> Response {
    let paragraph = |words: &str| Text::from(words);
    kept(WordsPage {
        frame: frame(&visit, "个人信息保护", SiteTab::Other),
        title: "个人信息保护".into(),
        sections: vec![
            (
                "查什么，为什么查".into(),
                vec![paragraph(
                    "只在您办事时，为这件事向写明的部门核对；核对页上写着向谁、为哪一笔。授权随时可以在“我的”里收回。",
                )],
            ),
            (
                "怎样放".into(),
                vec![paragraph(
                    "证件号、手机号、卡号加密存放，页面上只显示头尾几位。人脸照片比完就删，我们不留。",
                )],
            ),
            (
                "防骗提".into(),
                vec![paragraph(
                    "浏览器里放一个一年有效的随机编号，只用来数同一台设备近期有几个人登录；短期内多人共用设备、银行卡或手机的提取会先由工作人员核查。",
                )],
            ),
            (
                "谁看过".into(),
                vec![paragraph(
                    "工作人员每看一次都要有原因，都记下来，您在“我的”里能看到是谁、什么时候、为什么。",
                )],
            ),
        ],
    })
}
