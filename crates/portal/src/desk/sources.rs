//! 数据来源: how each of the 28 does now and did over a day, and what its entry in the catalogue means in plain words. No person stands here.

use std::collections::HashMap;

use anju_business::contribution::parties::Event;
use anju_business::sharing::batch::{self, file_state};
use anju_business::sharing::{dispute, quality};
use anju_casework::staff::role;
use anju_casework::{Office, outbox};
use anju_exchange::catalogue::{
    Basis, BatchFlow, Catalogue, Delivery, Down, Every, FactType, Freshness, Source, Tell,
};
use anju_exchange::health::{Condition, SourceHealth};
use axum::extract::{Path, State};
use chrono::TimeDelta;

use crate::authorization::AtDesk;
use crate::components::{
    Cell, Chart, ChartKind, Column, Line, Point, Series, State as Shown, Table, Text,
};
use crate::desk::asking;
use crate::desk::framed;
use crate::pages::desk::{SourcePage, SourcesPage};
use crate::pages::error::PageError;
use crate::parties;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

const HERE: &str = "/desk/sources";

/// Files, cases and doubts of the page of one source.
const LINES: i64 = 20;

/// `GET /desk/sources`.
pub(crate) async fn list(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
) -> Result<SourcesPage, PageError> {
    let office = &portal.engine.office;
    let gateway = &portal.engine.gateway;
    let now = office.now();
    let since = now - TimeDelta::hours(24);
    let health = gateway.health();
    let codes: Vec<String> = health.iter().map(|one| one.code.clone()).collect();
    let counted: HashMap<String, quality::Counted> = quality::counted(office, &codes, since)
        .await?
        .into_iter()
        .map(|one| (one.source.clone(), one))
        .collect();
    let disagreed: HashMap<String, i64> = quality::disagreements(office, &codes, since)
        .await?
        .into_iter()
        .collect();
    let mut ordered: Vec<&SourceHealth> = health.iter().collect();
    ordered.sort_by_key(|one| one.condition == Condition::Ok);
    let lines = ordered
        .iter()
        .map(|one| {
            let day = counted.get(&one.code);
            let ms =
                |ms: Option<i32>| ms.map_or_else(Cell::none, |ms| Cell::digits(ms.to_string()));
            Line::new(vec![
                Cell::new(one.name_zh.as_str()).link(format!("{HERE}/{}", one.code)),
                Cell::state(&condition(one)),
                Cell::count(day.map_or(0, |day| day.asked)),
                Cell::digits(share(day)),
                ms(day.map(|day| day.p50_ms)),
                ms(day.map(|day| day.p99_ms)),
                Cell::count(disagreed.get(&one.code).copied().unwrap_or(0)),
            ])
        })
        .collect();
    let unwell = health
        .iter()
        .filter(|one| one.condition != Condition::Ok)
        .count();
    let late = portal.engine.late_files().await?;
    let untold = parties::waiting(office, gateway.catalogue(), &at.staff, None, LINES).await?;
    Ok(SourcesPage {
        frame: framed(office, &visit, &at, "数据来源", HERE).await?,
        taken: Text::new().say(format!("截至 {}", when::second(now, now))),
        verdict: if unwell == 0 {
            Shown::pass("都正常")
        } else {
            Shown::wait(format!("{unwell} 个没有答好"))
        }
        .tag(),
        late: late
            .iter()
            .map(|(flow, day)| {
                Text::new().code(&flow.source).say(format!(
                    "{}文件没有按时到，应是 {} 的",
                    flow.title,
                    when::iso(*day)
                ))
            })
            .collect(),
        untold,
        table: Table::new(
            "sources",
            "数据来源的状态和 24 小时里的质量；耗时单位：毫秒",
            vec![
                Column::words("来源"),
                Column::words("现在"),
                Column::figures("问过"),
                Column::figures("没答"),
                Column::figures("中位"),
                Column::figures("九成九"),
                Column::figures("不一致"),
            ],
            lines,
        )
        .cards(),
    })
}

/// The share of questions without a usable answer.
fn share(day: Option<&quality::Counted>) -> String {
    match day {
        Some(day) if day.asked > 0 => {
            let tenths = day.unknown * 1000 / day.asked;
            format!("{}.{}%", tenths / 10, tenths % 10)
        }
        _ => "—".to_owned(),
    }
}

fn condition(one: &SourceHealth) -> Shown {
    match one.condition {
        Condition::Ok if one.calls == 0 => Shown::idle("还没问过"),
        Condition::Ok => Shown::pass("正常"),
        Condition::Failing => Shown::wait("没有答好"),
        Condition::HalfOpen => Shown::wait("正在试探"),
        Condition::Open => Shown::fail("已熔断").with_icon("alert"),
    }
}

/// `GET /desk/sources/{source}`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(code): Path<String>,
) -> Result<SourcePage, PageError> {
    let office = &portal.engine.office;
    let gateway = &portal.engine.gateway;
    let catalogue = gateway.catalogue();
    let source = catalogue.source(&code).ok_or(PageError::NotFound)?;
    let now = office.now();
    let health = gateway.health().into_iter().find(|one| one.code == code);
    let health = health.ok_or(PageError::NotFound)?;
    let hours = quality::hours(office, &code).await?;
    let waited = quality::waited(office, &code, LINES).await?;
    let flows: Vec<&BatchFlow> = catalogue
        .batches
        .iter()
        .filter(|flow| flow.source == code)
        .collect();
    let files = if flows.is_empty() {
        Vec::new()
    } else {
        batch::of_source(office, &code, LINES).await?
    };
    let open_doubts = dispute::open_of_source(office, &code, LINES).await?.len();
    let day = quality::counted(
        office,
        std::slice::from_ref(&code),
        now - TimeDelta::hours(24),
    )
    .await?
    .pop();
    let types: HashMap<String, quality::OfType> = quality::types(office, &code)
        .await?
        .into_iter()
        .map(|one| (one.r#type.clone(), one))
        .collect();
    let figure = |text: Option<String>| text.unwrap_or_else(|| "—".to_owned());
    let asks_us = asking::of(office, catalogue, &code, LINES).await?;
    let (asks_us, given) = asks_us.unzip();
    let sent = asking::files(office, catalogue, &code, LINES).await?;
    let (sent, refused) = sent.unzip();
    let mends = at.staff.is(role::SYSTEM_ADMIN);
    Ok(SourcePage {
        code: code.clone(),
        sent,
        refused: refused.filter(|_| mends).unwrap_or_default(),
        given,
        frame: framed(office, &visit, &at, &source.name_zh, HERE).await?,
        title: source.name_zh.clone(),
        verdict: condition(&health).tag(),
        figures: vec![
            (
                "24 小时问过",
                figure(day.as_ref().map(|day| day.asked.to_string())),
                Text::new().hint(format!("没有答复 {}", share(day.as_ref()))),
            ),
            (
                "中位 / 九成五 / 九成九",
                figure(
                    day.as_ref()
                        .map(|day| format!("{} / {} / {}", day.p50_ms, day.p95_ms, day.p99_ms)),
                ),
                Text::new().hint("毫秒，含重试"),
            ),
            (
                "数据的年龄",
                figure(health.age_s_p50.map(age)),
                Text::new().hint("来源担保的时刻到我们收到时，中位"),
            ),
            (
                "正在排队",
                health.waiting.to_string(),
                Text::new().hint("等空闲线路的查询"),
            ),
            (
                "未了的异议",
                open_doubts.to_string(),
                Text::new().hint("转给它核实、还没有答复"),
            ),
        ]
        .into_iter()
        .chain(asks_us)
        .collect(),
        line: line_words(source),
        failure: health.last_failure.map(|reason| {
            let at = health
                .last_failed_at
                .map_or_else(String::new, |at| when::minute(at, now));
            Text::new()
                .say(format!("上一次没有答好：{at}，"))
                .say(failure_words(reason))
        }),
        chart: chart(&hours),
        entries: catalogue
            .facts
            .iter()
            .filter(|fact| fact.sources.contains(&code))
            .map(|fact| entry(&portal, fact, types.get(&fact.name)))
            .collect(),
        waited: waited_table(&waited, now),
        untold: parties::waiting(office, catalogue, &at.staff, Some(&code), LINES).await?,
        told: catalogue
            .tells
            .iter()
            .filter(|tell| tell.source == code)
            .map(tell_words)
            .chain(index_words(office, catalogue, &code).await?)
            .chain(
                catalogue
                    .sends
                    .iter()
                    .filter(|send| send.source == code)
                    .map(|send| (send.title.clone(), send.when.clone())),
            )
            .collect(),
        flows: flows.iter().map(|flow| flow_words(flow)).collect(),
        files: (!flows.is_empty()).then(|| file_table(&files, now)),
    })
}

fn age(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} 秒"),
        120..=7199 => format!("{} 分钟", seconds / 60),
        7200..=172_799 => format!("{} 小时", seconds / 3600),
        _ => format!("{} 天", seconds / 86_400),
    }
}

fn line_words(source: &Source) -> Text {
    let signed = if source.wants_sm2() {
        "双方各用自己的 SM2 密钥签名"
    } else {
        "用共享密钥的 HMAC-SM3 签名"
    };
    let closed = if source.envelope {
        "，内容放在 SM4 数字信封里"
    } else {
        ""
    };
    let quota = match (source.per_second, source.per_day) {
        (Some(second), Some(day)) => format!("；配额每秒 {second} 次、每天 {day} 次"),
        (Some(second), None) => format!("；配额每秒 {second} 次"),
        (None, Some(day)) => format!("；配额每天 {day} 次"),
        (None, None) => String::new(),
    };
    Text::new().say(format!("{signed}{closed}{quota}。"))
}

pub(crate) fn failure_words(reason: &str) -> &'static str {
    match reason {
        "unreachable" => "连不上",
        "timeout" => "没有在时限内回答",
        "source_error" => "来源自己报错",
        "too_large" => "答复过大",
        "malformed" | "malformed_value" => "答复读不懂",
        "forged" => "签名不是这次查询的",
        "wrong_person" => "答的是别人",
        "future_dated" => "答复的日期在后",
        "stale" => "数据太旧",
        "refused" => "不受理",
        "behind" => "等它前一份先送到",
        "left_alone" => "刚才一直不答，先不去问",
        _ => "没有可用的答复",
    }
}

/// A type in plain words: name; key, freshness, basis; who uses it; what happens while it is silent; the day's counts.
fn entry(
    portal: &Portal,
    fact: &FactType,
    day: Option<&quality::OfType>,
) -> (String, Vec<(&'static str, String)>) {
    let policy = portal.engine.office.policy();
    let users: Vec<&str> = policy
        .set
        .services()
        .filter(|service| service.facts.iter().any(|need| need.fact_type == fact.name))
        .map(|service| service.name_zh.as_str())
        .collect();
    let freshness = match fact.freshness {
        Freshness::PerUse => "每次现查，不留作后用",
        Freshness::Day => "1 天内有效",
        Freshness::Week => "7 天内有效",
        Freshness::Month => "30 天内有效",
        Freshness::UntilEvent => "直到有新的事件",
    };
    let basis = match fact.basis {
        Basis::Statutory => "法定职责，仍只为具体事项",
        Basis::Consent => "本人授权",
        Basis::Written => "本人书面或单独授权",
        Basis::HoldersAct => "本人自己的操作",
    };
    let down = match fact.down {
        Down::Wait => "事项等待，恢复后自动继续",
        Down::Paper => "可以改交材料，来源恢复后补核",
        Down::Review => "转人工审核",
        Down::Skip => "不影响办理",
        Down::LastKnown => "只显示上次的值和日期",
    };
    let mode = match fact.mode {
        Delivery::Sync => "随查随答",
        Delivery::Push => "对方推送，查询只为补漏",
        Delivery::Batch => "按期送文件",
    };
    let mut words = vec![
        (
            "用什么查",
            fact.keys
                .iter()
                .map(|key| key_name(key))
                .collect::<Vec<_>>()
                .join("、"),
        ),
        ("怎么来", mode.to_owned()),
        ("时效", freshness.to_owned()),
        ("依据", basis.to_owned()),
        (
            "哪些事项用它",
            if users.is_empty() {
                "现在没有事项用它".to_owned()
            } else {
                users.join("、")
            },
        ),
        ("查不到时", down.to_owned()),
    ];
    if let Some(day) = day {
        words.push((
            "24 小时",
            format!(
                "问过 {}，没有记录 {}，没有答复 {}",
                day.asked, day.absent, day.unknown
            ),
        ));
    }
    (fact.title.clone(), words)
}

fn key_name(key: &str) -> &str {
    match key {
        "id_no" => "证件号码",
        "name" => "姓名",
        "image" => "人像",
        "other_id_no" => "另一人的证件号码",
        "uscc" => "统一社会信用代码",
        "title_no" => "不动产权证号",
        "contract_no" => "合同编号",
        "permit_no" => "许可证号",
        "project_no" => "项目编号",
        "challenge" => "扫码口令",
        "invoice_code" => "发票代码",
        "invoice_no" => "发票号码",
        "year" => "年度",
        "period" => "期间",
        "order_no" => "文书编号",
        "judgment_no" => "案号",
        "authorisation" => "本人签署的授权书",
        "code" => "登录码",
        "cert_kind" => "证照种类",
        "letter_no" => "联系函编号",
        "payment_id" => "支付流水",
        "account_no" => "账号",
        "bank_ref" => "银行流水",
        "card_no" => "卡号",
        "phone" => "手机号",
        "loan_no" => "贷款合同号",
        "day" => "日期",
        other => other,
    }
}

fn chart(hours: &[quality::Hour]) -> Option<Chart> {
    if hours.is_empty() {
        return None;
    }
    let of = |ago: i32| hours.iter().find(|hour| hour.ago == ago);
    let points = |value: fn(&quality::Hour) -> i64| -> Vec<Point> {
        (0..24)
            .rev()
            .map(|ago| Point {
                label: if ago % 6 == 0 {
                    format!("−{ago}")
                } else {
                    String::new()
                },
                value: Some(of(ago).map_or(0, value)),
            })
            .collect()
    };
    let (asked, unknown) = hours.iter().fold((0, 0), |(asked, unknown), hour| {
        (asked + hour.asked, unknown + hour.unknown)
    });
    let lines = hours
        .iter()
        .map(|hour| {
            Line::new(vec![
                Cell::digits(format!("{} 小时前", hour.ago)),
                Cell::count(hour.asked),
                Cell::count(hour.unknown),
                Cell::digits(hour.p95_ms.to_string()),
            ])
        })
        .collect();
    Some(Chart {
        id: "hours",
        finding: format!("24 小时问过 {asked} 次，{unknown} 次没有答复"),
        source: "每小时的次数；实心为问过，空心为没有答复".to_owned(),
        kind: ChartKind::Columns,
        series: vec![
            Series {
                name: "问过".to_owned(),
                points: points(|hour| hour.asked),
            },
            Series {
                name: "没有答复".to_owned(),
                points: points(|hour| hour.unknown),
            },
        ],
        printed_unit: 1,
        table: Table::new(
            "hours-table",
            "每小时的次数和九成五耗时（毫秒）",
            vec![
                Column::words("时段"),
                Column::figures("问过"),
                Column::figures("没有答复"),
                Column::figures("九成五耗时"),
            ],
            lines,
        ),
    })
}

fn waited_table(waited: &[quality::Waited], now: chrono::DateTime<chrono::Utc>) -> Table {
    let lines = waited
        .iter()
        .map(|one| {
            let took = one.until.unwrap_or(now) - one.since;
            Line::new(vec![
                Cell::new(Text::new().code(&one.case_no)),
                Cell::digits(when::minute(one.since, now)),
                Cell::digits(when::took(took.num_milliseconds())),
                Cell::state(&if one.until.is_some() {
                    Shown::pass("已得到答复")
                } else {
                    Shown::wait("还在等")
                }),
            ])
        })
        .collect();
    Table::new(
        "waited",
        "等过它或正在等它的办件",
        vec![
            Column::words("办件"),
            Column::words("自"),
            Column::figures("等了"),
            Column::words("现在"),
        ],
        lines,
    )
    .cards()
    .empty("24 小时里没有办件等过它。")
}

/// What it is told by us: name, on which changes, and what of them.
fn tell_words(tell: &Tell) -> (String, String) {
    let events: Vec<&str> = Event::ALL
        .into_iter()
        .filter(|event| tell.events.contains_key(event.code()))
        .map(Event::name)
        .collect();
    (tell.title.clone(), events.join("、"))
}

/// The index of certificates, and how many changes it has not taken yet.
async fn index_words(
    office: &Office,
    catalogue: &Catalogue,
    source: &str,
) -> Result<Option<(String, String)>, PageError> {
    let Some(index) = catalogue.index.as_ref().filter(|one| one.source == source) else {
        return Ok(None);
    };
    let waiting = outbox::waiting(office, outbox::kind::CERTIFICATE).await?;
    let words = match waiting {
        0 => "证明签发、作废、被代替；都已送到".to_owned(),
        _ => format!("证明签发、作废、被代替；还有 {waiting} 件没有送到"),
    };
    Ok(Some((index.title.clone(), words)))
}

fn flow_words(flow: &BatchFlow) -> String {
    let every = match flow.every {
        Every::Hour => "每小时",
        Every::Day => "每天",
        Every::Month => "每月 1 日",
    };
    format!(
        "{}：{every} {:02}:{:02} 送到，晚 {} 分钟报警",
        flow.title,
        flow.due_minute / 60,
        flow.due_minute % 60,
        flow.late_minutes
    )
}

fn file_table(files: &[batch::Filed], now: chrono::DateTime<chrono::Utc>) -> Table {
    let lines = files
        .iter()
        .map(|file| {
            Line::new(vec![
                Cell::new(Text::new().code(&file.name)),
                Cell::digits(when::iso(file.day)),
                Cell::digits(when::minute(file.received_at, now)),
                Cell::count(i64::from(file.rows)),
                Cell::count(i64::from(file.known_rows)),
                Cell::state(&if file.state == file_state::TAKEN {
                    Shown::pass("已接收")
                } else {
                    Shown::fail(format!("整件退回：{}", file.reason)).with_icon("alert")
                }),
            ])
        })
        .collect();
    Table::new(
        "files",
        "送来的文件",
        vec![
            Column::words("文件"),
            Column::words("日期"),
            Column::words("收到"),
            Column::figures("行数"),
            Column::figures("是我们的客户"),
            Column::words("结果"),
        ],
        lines,
    )
    .cards()
    .empty("还没有送来过文件。")
}
