//! What the page shows.

use askama::Template;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Wish, form};
use crate::World;
use crate::bank::{self, BankCode, Banks};
use crate::clock::civil;
use crate::control::Problem;
use crate::phone::Phones;
use crate::source::company::held_everywhere;
use crate::source::control::{Listed, listed};
use crate::source::{Mode, Registers, SOURCES};

const MOST_PHONES: usize = 6;
const MESSAGES_EACH: usize = 5;
const MESSAGES_OF_ONE: usize = 50;
const MOST_CARDS: usize = 8;
const MOST_LINES: usize = 100;

#[derive(Template)]
#[template(path = "outside.html")]
struct Page {
    clock: String,
    clock_instant: String,
    broken: usize,
    odd: usize,
    healthy: usize,
    done: Option<&'static str>,
    fault: Option<String>,
    phone: String,
    phones: Vec<Phone>,
    banks: Vec<Bank>,
    statement: Option<AccountLines>,
    cards: Vec<Card>,
    facts: Vec<Choice>,
    subject: String,
    value: String,
    sources: Vec<SourceRow>,
    founded: Option<String>,
    told: Option<String>,
    next_uscc: String,
    company: String,
    held: Vec<HeldAt>,
}

/// A company at one department.
struct HeldAt {
    name: &'static str,
    /// As its own register has it.
    own: String,
    /// As the centre told it.
    told: String,
}

struct Phone {
    number: String,
    messages: Vec<Message>,
}

struct Message {
    at: String,
    text: String,
}

struct Choice {
    code: String,
    word: &'static str,
    chosen: bool,
}

struct Bank {
    code: BankCode,
    name: &'static str,
    account: &'static str,
    balance: String,
    latency_ms: u32,
    good: bool,
    word: &'static str,
    modes: Vec<Choice>,
}

struct AccountLines {
    bank: BankCode,
    number: String,
    total: usize,
    lines: Vec<AccountLine>,
}

struct AccountLine {
    at: String,
    amount: String,
    balance: String,
    other: String,
    remittance: String,
    reference: String,
}

struct Card {
    bank: BankCode,
    number: String,
    balance: String,
}

struct SourceRow {
    code: &'static str,
    name: &'static str,
    types: String,
    records: usize,
    latency_ms: u64,
    fail_percent: u32,
    tone: &'static str,
    icon: &'static str,
    word: &'static str,
    modes: Vec<Choice>,
}

const SOURCE_MODES: [(Mode, &str, &str); 10] = [
    (Mode::Ok, "ok", "正常"),
    (Mode::Down, "down", "不通"),
    (Mode::Hang, "hang", "不回话"),
    (Mode::Malformed, "malformed", "报文坏"),
    (Mode::Stale, "stale", "数据旧"),
    (Mode::WrongPerson, "wrong_person", "答成别人"),
    (Mode::Future, "future", "日期在后"),
    (Mode::Oversized, "oversized", "报文过大"),
    (Mode::Forged, "forged", "签名不对"),
    (Mode::Refuse, "refuse", "不受理"),
];

/// Draws the page.
pub(super) async fn page(
    world: &World,
    wish: Wish,
    facts: form::Facts,
    fault: Option<String>,
) -> Result<String, Problem> {
    let wished = wish
        .phone
        .as_deref()
        .map(str::trim)
        .filter(|phone| !phone.is_empty())
        .map(str::to_owned);
    let phones = world
        .phones
        .read(|phones| shown_phones(phones, wished.as_deref()))
        .await?;
    let (banks, cards, statement) = world
        .banks
        .read(|books| {
            (
                shown_banks(books),
                shown_cards(books),
                shown_account(books, &wish),
            )
        })
        .await?;
    let sources = world.departments.store.read(shown_sources).await?;
    let company = wish.company.as_deref().map_or("", str::trim).to_uppercase();
    let held = if company.is_empty() {
        Vec::new()
    } else {
        let rows = &world.departments.store;
        let held = rows.read(|registers| held_everywhere(registers, &company));
        held_at(&held.await?)
    };
    let broken = sources
        .iter()
        .filter(|source| source.tone == "fail")
        .count();
    let odd = sources
        .iter()
        .filter(|source| source.tone == "wait")
        .count()
        + banks.iter().filter(|bank| !bank.good).count();
    let now = civil(world.clock.now());
    let page = Page {
        clock: now.format("%Y-%m-%d %H:%M:%S").to_string(),
        clock_instant: now.to_rfc3339(),
        broken,
        odd,
        healthy: sources.len() + banks.len() - broken - odd,
        done: wish.done.as_deref().and_then(done_words),
        fault,
        phone: wished.unwrap_or_default(),
        phones,
        banks,
        statement,
        cards,
        facts: fact_choices(&facts.fact),
        subject: facts.subject,
        value: facts.value,
        sources,
        founded: founded_words(world, wish.push).await?,
        told: wish.told,
        next_uscc: world.unused_uscc().await?,
        company,
        held,
    };
    page.render().map_err(|error| {
        tracing::error!(%error, "drawing the page of the outside world");
        Problem::unprocessable("页面画不出来")
    })
}

/// What the centre answered to the message of a founding.
async fn founded_words(world: &World, push: Option<u64>) -> Result<Option<String>, Problem> {
    let Some(push) = push else { return Ok(None) };
    let answer = world.push_answer(push).await?;
    let reply = &answer["reply"];
    Ok(Some(match reply["data"]["dwzh"].as_str() {
        Some(number) => format!("公积金中心已开户，单位号 {number}"),
        None => match reply["message"].as_str() {
            Some(words) => format!("公积金中心没有开户：{words}"),
            None => "公积金中心还没有回答，会一直推送到它回答为止".to_owned(),
        },
    }))
}

/// A company at each department that takes the centre's word.
fn held_at(held: &Value) -> Vec<HeldAt> {
    let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
    let at = |source: &'static crate::source::Source| {
        let (own, told) = (&held["registers"][source.code], &held["told"][source.code]);
        if own.is_null() && told.is_null() {
            return None;
        }
        let own = match (text(own, "name"), text(own, "state")) {
            (name, state) if state.is_empty() || state == "open" => name,
            (name, _) => format!("{name}（已注销）"),
        };
        let told = match told["messages"].as_u64() {
            Some(messages) => format!(
                "单位号 {}，{}，收到 {messages} 份",
                text(told, "account_no"),
                event_word(&text(told, "event")),
            ),
            None => String::new(),
        };
        Some(HeldAt {
            name: source.name,
            own,
            told,
        })
    };
    SOURCES.iter().filter_map(at).collect()
}

fn event_word(event: &str) -> &'static str {
    match event {
        "pre_opened" => "预开户",
        "opened" => "已开户",
        "changed" => "已变更",
        "sealed" => "已封存",
        "unsealed" => "已启封",
        "merged" => "已并入别的单位",
        "cancelled" => "已销户",
        _ => "",
    }
}

fn done_words(done: &str) -> Option<&'static str> {
    Some(match done {
        "banks" => "银行设置已保存",
        "sources" => "部门设置已保存",
        "pay" => "已付款",
        "founded" => "已登记，电子营业执照已发给法定代表人",
        "facts" => "已写进登记，下面是登记里的值",
        "read" => "下面是登记里的值，空着就是没有记录",
        _ => return None,
    })
}

fn shown_phones(phones: &Phones, wished: Option<&str>) -> Vec<Phone> {
    let latest = |number: &str, most: usize| Phone {
        number: number.to_owned(),
        messages: phones
            .messages(number)
            .iter()
            .rev()
            .take(most)
            .map(|message| Message {
                at: shown_instant(message.at),
                text: message.text.clone(),
            })
            .collect(),
    };
    if let Some(number) = wished {
        return vec![latest(number, MESSAGES_OF_ONE)];
    }
    let mut numbers: Vec<&str> = phones.numbers().collect();
    numbers.sort_by_key(|number| {
        std::cmp::Reverse(phones.messages(number).last().map(|message| message.at))
    });
    numbers
        .into_iter()
        .take(MOST_PHONES)
        .map(|number| latest(number, MESSAGES_EACH))
        .collect()
}

fn shown_banks(books: &Banks) -> Vec<Bank> {
    BankCode::all()
        .map(|code| {
            let data = code.data();
            let behaviour = books.behaviour(code);
            let modes = bank::Mode::ALL.iter().map(|(mode, name, word)| Choice {
                code: (*name).to_owned(),
                word,
                chosen: *mode == behaviour.mode,
            });
            let modes: Vec<Choice> = modes.collect();
            Bank {
                code,
                name: data.name,
                account: data.fund_account,
                balance: books
                    .account(data.fund_account)
                    .map(|account| account.balance.to_string())
                    .unwrap_or_default(),
                latency_ms: behaviour.latency_ms,
                good: behaviour.mode == bank::Mode::Ok,
                word: modes
                    .iter()
                    .find(|mode| mode.chosen)
                    .map_or("", |mode| mode.word),
                modes,
            }
        })
        .collect()
}

fn shown_cards(books: &Banks) -> Vec<Card> {
    let cards = books.cards().into_iter().take(MOST_CARDS);
    cards
        .map(|(number, account)| Card {
            bank: account.home,
            number: number.to_owned(),
            balance: account.balance.to_string(),
        })
        .collect()
}

fn shown_account(books: &Banks, wish: &Wish) -> Option<AccountLines> {
    let bank = BankCode::parse(wish.bank.as_deref()?)?;
    let number = wish.account.as_deref()?;
    let account = books.account_at(bank, number)?;
    let lines = account
        .lines
        .iter()
        .rev()
        .take(MOST_LINES)
        .map(|(line, balance)| AccountLine {
            at: shown_instant(line.at),
            amount: line.amount.to_string(),
            balance: balance.to_string(),
            other: line
                .counterparty
                .name
                .clone()
                .or_else(|| line.counterparty.number.clone())
                .unwrap_or_default(),
            remittance: line.remittance.clone().unwrap_or_default(),
            reference: line.reference.clone(),
        });
    Some(AccountLines {
        bank,
        number: number.to_owned(),
        total: account.lines.len(),
        lines: lines.collect(),
    })
}

fn shown_sources(registers: &Registers) -> Vec<SourceRow> {
    listed(registers).into_iter().map(shown_source).collect()
}

fn shown_source(listed: Listed) -> SourceRow {
    let conduct = listed.conduct;
    let modes: Vec<Choice> = SOURCE_MODES
        .iter()
        .map(|(mode, name, word)| Choice {
            code: (*name).to_owned(),
            word,
            chosen: *mode == conduct.mode,
        })
        .collect();
    let fail_percent = percent(conduct.fail_rate);
    let (tone, icon) = match conduct.mode {
        Mode::Ok if fail_percent == 0 => ("pass", "i-check"),
        Mode::Ok | Mode::Stale | Mode::Future | Mode::WrongPerson => ("wait", "i-alert"),
        Mode::Down
        | Mode::Hang
        | Mode::Malformed
        | Mode::Oversized
        | Mode::Forged
        | Mode::Refuse => ("fail", "i-alert"),
    };
    let word = match (conduct.mode, fail_percent) {
        (Mode::Ok, 1..) => "时有失败",
        _ => modes
            .iter()
            .find(|mode| mode.chosen)
            .map_or("", |mode| mode.word),
    };
    SourceRow {
        code: listed.source,
        name: listed.name,
        types: listed.types.join("、"),
        records: listed.records,
        latency_ms: conduct.latency_ms,
        fail_percent,
        tone,
        icon,
        word,
        modes,
    }
}

fn fact_choices(chosen: &str) -> Vec<Choice> {
    let of_source = |source: &'static crate::source::Source| {
        source
            .types
            .iter()
            .map(move |fact_type| (format!("{}/{fact_type}", source.code), source.name))
    };
    SOURCES
        .iter()
        .flat_map(of_source)
        .map(|(code, word)| Choice {
            chosen: code == chosen,
            code,
            word,
        })
        .collect()
}

/// A share in whole percent for people; the register keeps the share itself.
fn percent(share: f64) -> u32 {
    (0..=100)
        .find(|percent| f64::from(*percent) >= share * 100.0 - 1e-9)
        .unwrap_or(100)
}

fn shown_instant(at: DateTime<Utc>) -> String {
    civil(at).format("%Y-%m-%d %H:%M:%S").to_string()
}
