//! 运行: queues, sources, banks, books and statements, each with its state by word. No person stands here, so that whoever
//! runs the machines may read it.

use anju_casework::case::CaseState;
use anju_casework::operations::{self, BankState, CaseQueue, Operations, Queue, SlowStatement};
use anju_casework::outbox::kind;
use anju_casework::{Office, log};
use anju_domain::calendar::chinese_day;
use anju_exchange::health::{Condition, SourceHealth};
use axum::extract::State;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use crate::authorization::AtDesk;
use crate::components::{
    Cell, Chart, ChartKind, Column, Keys, Line, Point, Series, State as Shown, Table, Text, Tone,
};
use crate::desk::framed_on;
use crate::pages::desk::OpsPage;
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

/// What waits longer than this to be sent is slow, and longer than [`STUCK`] it is stuck.
const SLOW: TimeDelta = TimeDelta::minutes(1);
const STUCK: TimeDelta = TimeDelta::minutes(10);

/// Leaves that wait when the sealer lives: it takes all of them each second.
const MANY_LEAVES: i64 = 10_000;

/// Bars of the chart.
const SLOWEST: usize = 8;

/// Statements of the list.
const STATEMENTS: i64 = 8;

/// Longest text of a statement that is shown.
const STATEMENT_CHARS: usize = 160;

/// `GET /desk/ops`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
) -> Result<OpsPage, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let seen = operations::look(office).await?;
    let statements = operations::slow_statements(office, STATEMENTS).await?;
    let sources = portal.engine.gateway.health();
    let books = state_of_books(&seen, office.today());
    let sealer = state_of_sealer(&seen, portal.engine.witnesses.len());

    let mut states: Vec<(String, Shown)> = vec![
        ("日结".to_owned(), books.clone()),
        ("存证".to_owned(), sealer.clone()),
    ];
    states.extend(KINDS.iter().map(|(kind, name)| {
        let queue = queue_of(&seen, *kind);
        ((*name).to_owned(), state_of_queue(queue, now))
    }));
    states.extend(CASES.iter().map(|(state, name)| {
        (
            (*name).to_owned(),
            state_of_cases(case_queue(&seen, *state)),
        )
    }));
    states.extend(
        seen.banks
            .iter()
            .map(|bank| (bank.bank_name.clone(), state_of_bank(bank))),
    );
    states.extend(
        sources
            .iter()
            .map(|source| (source.name_zh.clone(), state_of_source(source))),
    );
    let (verdict, watch) = judged(&states);

    let pool = &office.pool;
    let used = (pool.size() as usize).saturating_sub(pool.num_idle());
    let most = pool.options().get_max_connections() as usize;
    Ok(OpsPage {
        frame: framed_on(
            office,
            &visit,
            &at,
            "运行",
            "/desk/ops",
            seen.days.open_date,
        )
        .await?,
        taken: Text::new().say(format!("截至 {}", when::second(now, now))),
        verdict: verdict.tag(),
        watch,
        figures: vec![
            (
                "营业日",
                chinese_day(seen.days.open_date),
                Text::new().state(&books),
            ),
            (
                "存证日志",
                format!("{} 条", seen.evidence.sealed),
                Text::new().state(&sealer),
            ),
            log_key(office, now).await?,
            (
                "数据库连接",
                format!("{used} / {most}"),
                Text::new().state(&if used < most {
                    Shown::pass("够用")
                } else {
                    Shown::wait("用满了")
                }),
            ),
            (
                "数据库大小",
                bytes(seen.database_bytes),
                Text::new().hint("含索引"),
            ),
            (
                "上次日结",
                seen.days
                    .sealed_date
                    .map_or_else(|| "还没有".to_owned(), chinese_day),
                Text::new().hint("最后一个封存的营业日"),
            ),
        ],
        outbox: outbox_table(&seen, now),
        cases: case_table(&seen, now),
        slowest: slowest(&sources),
        silent: silent(&sources),
        sources: source_table(&sources, now),
        banks: bank_table(&seen),
        statements_note: Text::new().say(match &statements {
            Some(_) => "按总耗时；参数不在其中",
            None => "数据库没有启用 pg_stat_statements，这里看不到",
        }),
        statements: statement_table(statements.unwrap_or_default()),
        keys: Keys::new(&[("g o", "运行"), ("?", "快捷键")]),
    })
}

/// Which generation signs the evidence log, and whether the former one still signs beside it.
async fn log_key(
    office: &Office,
    now: DateTime<Utc>,
) -> Result<(&'static str, String, Text), PageError> {
    let keys = office.vault.log_keys();
    let made = log::transitions(office).await?;
    // A change may have been said again with an earlier end.
    let until = made
        .iter()
        .filter(|made| keys.former().is_some() && made.generation == keys.current().generation)
        .map(|made| made.told.until)
        .min()
        .and_then(|until| DateTime::from_timestamp(i64::try_from(until).ok()?, 0));
    let state = match until {
        Some(until) if now <= until => {
            Shown::wait(format!("旧密钥并签到{}", when::minute(until, now)))
        }
        Some(_) => Shown::wait("旧密钥已到期，请运行 rotate-keys --retire 使它退役"),
        None => Shown::pass("只有这一代"),
    };
    Ok((
        "日志签名密钥",
        format!("第 {} 代", keys.current().generation),
        Text::new().state(&state),
    ))
}

/// Kinds of messages and their names.
const KINDS: [(i16, &str); 4] = [
    (kind::PAYMENT, "付款"),
    (kind::REFUND, "退款"),
    (kind::SMS, "短信"),
    (kind::CREDIT, "授信推荐"),
];

/// States of cases on their way and their names.
const CASES: [(CaseState, &str); 4] = [
    (CaseState::Submitted, "已提交"),
    (CaseState::Gathering, "正在核对"),
    (CaseState::Reviewing, "人工复核"),
    (CaseState::Executing, "正在付款"),
];

fn queue_of(seen: &Operations, kind: i16) -> Option<&Queue> {
    seen.outbox.iter().find(|queue| queue.kind == kind)
}

fn case_queue(seen: &Operations, state: CaseState) -> Option<&CaseQueue> {
    seen.cases.iter().find(|queue| queue.state == state as i16)
}

fn state_of_queue(queue: Option<&Queue>, now: DateTime<Utc>) -> Shown {
    let age = queue
        .and_then(|queue| queue.oldest_at)
        .map_or(TimeDelta::zero(), |at| now - at);
    if age > STUCK {
        Shown::fail("积压").with_icon("alert")
    } else if age > SLOW {
        Shown::wait("偏慢")
    } else {
        Shown::pass("正常")
    }
}

fn state_of_cases(queue: Option<&CaseQueue>) -> Shown {
    match queue {
        Some(queue) if queue.past_promise > 0 => {
            Shown::fail(format!("{} 件超时", queue.past_promise)).with_icon("alert")
        }
        _ => Shown::pass("正常"),
    }
}

fn state_of_bank(bank: &BankState) -> Shown {
    if bank.unknown > 0 {
        Shown::wait("正在查询")
    } else {
        Shown::pass("正常")
    }
}

fn state_of_source(source: &SourceHealth) -> Shown {
    match source.condition {
        Condition::Ok => Shown::pass("正常"),
        Condition::Failing => Shown::wait("没有答好"),
        Condition::HalfOpen => Shown::wait("正在试探"),
        Condition::Open => Shown::fail("暂停询问").with_icon("alert"),
    }
}

fn state_of_books(seen: &Operations, today: NaiveDate) -> Shown {
    let behind = (today - seen.days.open_date).num_days();
    if seen.days.marked > 0 {
        Shown::wait("正在封账")
    } else if behind > 1 {
        Shown::fail(format!("落后 {behind} 天")).with_icon("alert")
    } else if behind == 1 {
        Shown::wait("昨天还没有日结")
    } else {
        Shown::pass("已开账")
    }
}

fn state_of_sealer(seen: &Operations, witnesses: usize) -> Shown {
    let evidence = &seen.evidence;
    if evidence.objections > 0 {
        Shown::fail(format!(
            "{} 位见证人签过的是另一棵树：日志被退回过或分叉，不再公布",
            evidence.objections
        ))
        .with_icon("alert")
    } else if evidence.pending > MANY_LEAVES {
        Shown::wait(format!("{} 条待封存", evidence.pending))
    } else if evidence.sealed > 0 && usize::try_from(evidence.witnesses) != Ok(witnesses) {
        Shown::wait(format!("{} / {witnesses} 位见证人签了", evidence.witnesses))
    } else {
        Shown::pass("已签，已见证")
    }
}

/// The verdict over all, and what is not well, the worst first.
fn judged(states: &[(String, Shown)]) -> (Shown, Vec<Text>) {
    let of = |tone: Tone| states.iter().filter(move |(_, state)| state.tone == tone);
    let (failed, slow) = (of(Tone::Fail).count(), of(Tone::Wait).count());
    let verdict = if failed > 0 {
        Shown::fail(format!("{failed} 处不正常")).with_icon("alert")
    } else if slow > 0 {
        Shown::wait(format!("{slow} 处要留意"))
    } else {
        Shown::pass("都正常")
    };
    let lines = of(Tone::Fail)
        .chain(of(Tone::Wait))
        .map(|(name, state)| Text::new().say(name).say(" ").state(state))
        .collect();
    (verdict, lines)
}

fn ago(at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Cell {
    at.map_or_else(Cell::none, |at| {
        Cell::digits(when::took((now - at).num_milliseconds().max(0)))
    })
}

fn count(of: Option<i64>) -> Cell {
    Cell::digits(of.unwrap_or(0).to_string())
}

fn outbox_table(seen: &Operations, now: DateTime<Utc>) -> Table {
    let lines = KINDS
        .iter()
        .map(|(kind, name)| {
            let queue = queue_of(seen, *kind);
            Line::new(vec![
                Cell::new(*name),
                count(queue.map(|queue| queue.waiting)),
                count(queue.map(|queue| queue.retried)),
                ago(queue.and_then(|queue| queue.oldest_at), now),
                Cell::state(&state_of_queue(queue, now)),
            ])
        })
        .collect();
    Table::new(
        "outbox",
        "待发送的消息",
        vec![
            Column::words("类别"),
            Column::figures("等着"),
            Column::figures("再试过"),
            Column::figures("最久等了"),
            Column::words("状态"),
        ],
        lines,
    )
    .cards()
}

fn case_table(seen: &Operations, now: DateTime<Utc>) -> Table {
    let lines = CASES
        .iter()
        .map(|(state, name)| {
            let queue = case_queue(seen, *state);
            Line::new(vec![
                Cell::new(*name),
                count(queue.map(|queue| queue.waiting)),
                count(queue.map(|queue| queue.past_promise)),
                ago(queue.and_then(|queue| queue.oldest_at), now),
                Cell::state(&state_of_cases(queue)),
            ])
        })
        .collect();
    Table::new(
        "cases",
        "在途办件的件数和等待",
        vec![
            Column::words("到了哪一步"),
            Column::figures("件数"),
            Column::figures("超时"),
            Column::figures("最久等了"),
            Column::words("状态"),
        ],
        lines,
    )
    .cards()
}

/// Those that were asked or are not well: what is not well first, the rest by code.
fn source_table(sources: &[SourceHealth], now: DateTime<Utc>) -> Table {
    let rank = |source: &SourceHealth| match source.condition {
        Condition::Open => 0,
        Condition::HalfOpen | Condition::Failing => 1,
        Condition::Ok => 2,
    };
    let mut ordered: Vec<&SourceHealth> = sources.iter().filter(|one| !is_silent(one)).collect();
    ordered.sort_by_key(|source| rank(source));
    let lines = ordered
        .into_iter()
        .map(|source| {
            let asked = source.calls > 0;
            let ms = |ms: u64| {
                if asked {
                    Cell::digits(format!("{ms} 毫秒"))
                } else {
                    Cell::none()
                }
            };
            Line::new(vec![
                Cell::new(Text::new().code(&source.code).say(&source.name_zh)),
                Cell::digits(source.calls.to_string()),
                Cell::digits(source.failures.to_string()),
                ms(source.latency_ms_p50),
                ms(source.latency_ms_p99),
                source
                    .last_ok_at
                    .map_or_else(Cell::none, |at| Cell::digits(when::minute(at, now))),
                Cell::state(&state_of_source(source)),
            ])
        })
        .collect();
    Table::new(
        "sources",
        "数据来源的状态和耗时",
        vec![
            Column::words("来源"),
            Column::figures("问过"),
            Column::figures("没答好"),
            Column::figures("中位耗时"),
            Column::figures("九成九耗时"),
            Column::figures("上次答好"),
            Column::words("状态"),
        ],
        lines,
    )
    .cards()
    .empty("本次启动以来还没有问过任何来源。")
}

fn is_silent(source: &SourceHealth) -> bool {
    source.condition == Condition::Ok && source.calls == 0
}

/// Those that nobody has asked, in one line.
fn silent(sources: &[SourceHealth]) -> Text {
    let names: Vec<&str> = sources
        .iter()
        .filter(|source| is_silent(source))
        .map(|source| source.name_zh.as_str())
        .collect();
    if names.is_empty() {
        return Text::new();
    }
    Text::new().say(format!(
        "另外 {} 个来源还没问过：{}。",
        names.len(),
        names.join("、")
    ))
}

fn slowest(sources: &[SourceHealth]) -> Option<Chart> {
    let mut asked: Vec<&SourceHealth> = sources.iter().filter(|source| source.calls > 0).collect();
    asked.sort_by_key(|source| std::cmp::Reverse(source.latency_ms_p99));
    asked.truncate(SLOWEST);
    let first = asked.first()?;
    let value = |ms: u64| i64::try_from(ms).ok();
    let points = asked
        .iter()
        .map(|source| Point {
            label: source.code.clone(),
            value: value(source.latency_ms_p99),
        })
        .collect();
    let lines = asked
        .iter()
        .map(|source| {
            Line::new(vec![
                Cell::new(Text::new().code(&source.code).say(&source.name_zh)),
                Cell::digits(source.latency_ms_p99.to_string()),
            ])
        })
        .collect();
    Some(Chart {
        id: "slowest",
        finding: format!("最慢的来源是{}", first.name_zh),
        source: "九成九的回答在这个时间内，单位：毫秒；本次启动以来".to_owned(),
        kind: ChartKind::Columns,
        series: vec![Series {
            name: "耗时".to_owned(),
            points,
        }],
        printed_unit: 1,
        table: Table::new(
            "slowest-table",
            "最慢的数据来源，单位：毫秒",
            vec![Column::words("来源"), Column::figures("九成九耗时")],
            lines,
        ),
    })
}

fn bank_table(seen: &Operations) -> Table {
    let lines = seen
        .banks
        .iter()
        .map(|bank| {
            Line::new(vec![
                Cell::new(bank.bank_name.as_str()),
                Cell::digits((bank.sending + bank.unknown).to_string()),
                bank.heard_at
                    .map_or_else(Cell::none, |at| Cell::digits(when::clock(at))),
                Cell::state(&state_of_bank(bank)),
            ])
        })
        .collect();
    Table::new(
        "banks",
        "银行的状态",
        vec![
            Column::words("银行"),
            Column::figures("在途"),
            Column::figures("上次来信"),
            Column::words("状态"),
        ],
        lines,
    )
    .cards()
}

fn statement_table(statements: Vec<SlowStatement>) -> Table {
    let lines = statements
        .into_iter()
        .map(|statement| {
            Line::new(vec![
                Cell::new(Text::new().code(shortened(&statement.query))),
                Cell::digits(statement.calls.to_string()),
                Cell::digits(milliseconds(statement.mean_us)),
                Cell::digits(milliseconds(statement.max_us)),
                Cell::digits(when::took(statement.total_ms)),
            ])
        })
        .collect();
    Table::new(
        "statements",
        "数据库语句的次数和耗时",
        vec![
            Column::words("语句"),
            Column::figures("次数"),
            Column::figures("平均"),
            Column::figures("最长"),
            Column::figures("合计"),
        ],
        lines,
    )
    .cards()
    .empty("还没有可看的语句。")
}

/// On one line, without its comments, cut where it is long.
fn shortened(query: &str) -> String {
    let words: Vec<&str> = query
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .flat_map(str::split_whitespace)
        .collect();
    let line = words.join(" ");
    if line.chars().count() <= STATEMENT_CHARS {
        return line;
    }
    line.chars().take(STATEMENT_CHARS).chain(['…']).collect()
}

fn milliseconds(us: i64) -> String {
    format!("{}.{:02} 毫秒", us / 1000, us % 1000 / 10)
}

/// 1.2 GB.
fn bytes(count: i64) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    let mut tenths = count * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}
