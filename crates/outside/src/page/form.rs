//! What the page's forms do.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::Value;

use anju_domain::money::Fen;

use super::{Wish, draw};
use crate::World;
use crate::bank::BankCode;
use crate::bank::door::{Payment, known_bank, known_mode, latency};
use crate::control::{Body, Problem};
use crate::source::SOURCES;
use crate::source::ask::Asking;
use crate::source::company::{Founding, Representative};
use crate::source::control::{self, Change, Reading, Setting, Settings};

type Fields = HashMap<String, String>;

/// Saves the mode and delay of every bank in the form.
pub async fn set_banks(
    State(world): State<Arc<World>>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let saved = async {
        for bank in BankCode::all() {
            let mode = fields
                .get(&format!("mode.{bank}"))
                .map(|mode| known_mode(mode))
                .transpose()?;
            let delay = number(&fields, &format!("latency.{bank}"))?
                .map(latency)
                .transpose()?;
            world.set_bank(bank, mode, delay, None).await?;
        }
        Ok(())
    };
    after(&world, saved.await, "done=banks", "banks").await
}

/// Saves the mode, delay and failures of every source in the form.
pub async fn set_sources(
    State(world): State<Arc<World>>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let saved = async {
        for source in SOURCES {
            let field = |name: &str| format!("{name}.{}", source.code);
            let change = Change {
                mode: match fields.get(&field("mode")) {
                    Some(mode) => Some(
                        serde_json::from_value(Value::String(mode.clone())).map_err(|_| {
                            Problem::unprocessable(format!("部门没有「{mode}」这种表现"))
                        })?,
                    ),
                    None => None,
                },
                latency_ms: number(&fields, &field("latency"))?
                    .map(|ms| latency(ms).map(u64::from))
                    .transpose()?,
                fail_rate: match number(&fields, &field("fail"))? {
                    Some(percent) => Some(share(percent)?),
                    None => None,
                },
            };
            drop(
                control::behave(
                    State(Arc::clone(&world)),
                    Path(source.code.to_owned()),
                    Body(change),
                )
                .await?,
            );
        }
        Ok(())
    };
    after(&world, saved.await, "done=sources", "sources").await
}

/// A payment by an outsider as the form gives it.
#[derive(Deserialize)]
pub struct PayIn {
    bank: String,
    to: String,
    payer: String,
    from: String,
    amount: String,
    reference: String,
}

/// Pays as an outsider.
pub async fn pay(
    State(world): State<Arc<World>>,
    Form(form): Form<PayIn>,
) -> Result<Response, Problem> {
    let paid = async {
        let bank = known_bank(&form.bank)?;
        let amount = Fen::parse_yuan(&form.amount)
            .map_err(|fault| Problem::unprocessable(fault.to_string()))?;
        let to = if form.to.trim().is_empty() {
            bank.data().fund_account.to_owned()
        } else {
            form.to
        };
        let target = format!("bank={bank}&account={}&done=pay", escaped(to.trim()));
        let payment = Payment {
            from: form.from,
            to,
            amount_fen: amount.fen(),
            reference: form.reference,
            payer: form.payer,
        };
        world.pay_in(bank, payment).await?;
        Ok(target)
    };
    match paid.await {
        Ok(target) => after(&world, Ok(()), &target, "account").await,
        Err(problem) => after(&world, Err(problem), "", "payin").await,
    }
}

/// A founder's form.
#[derive(Deserialize)]
pub struct Founder {
    uscc: String,
    name: String,
    kind: String,
    representative: String,
    phone: String,
    #[serde(default)]
    open_hpf: Option<String>,
}

/// Founds a company; the page shows what the centre answered.
pub async fn found(
    State(world): State<Arc<World>>,
    Form(form): Form<Founder>,
) -> Result<Response, Problem> {
    let founding = Founding {
        uscc: form.uscc,
        name: form.name.trim().to_owned(),
        kind: Some(form.kind),
        legal_person: Representative {
            name: form.representative.trim().to_owned(),
            phone: form.phone.trim().to_owned(),
            ..Representative::default()
        },
        open_hpf: form.open_hpf.is_some(),
        ..Founding::default()
    };
    let uscc = escaped(founding.uscc.trim());
    let founded = async {
        if founding.name.is_empty() || founding.legal_person.name.is_empty() {
            return Err(Problem::unprocessable("请填写企业名称和法定代表人"));
        }
        let push = world.found_company(founding).await?;
        if let Some(push) = push {
            world.push_answer(push).await?;
        }
        Ok(push.map_or_else(
            || format!("done=founded&company={uscc}"),
            |push| format!("done=founded&company={uscc}&push={push}"),
        ))
    };
    match founded.await {
        Ok(query) => after(&world, Ok(()), &query, "companies").await,
        Err(problem) => after(&world, Err(problem), "", "companies").await,
    }
}

/// A department's question to the centre.
#[derive(Deserialize)]
pub struct Question {
    source: String,
    subject: String,
    #[serde(default)]
    item: String,
}

/// Asks the centre as a department; the page shows the answer. The number stands in no address.
pub async fn ask(
    State(world): State<Arc<World>>,
    Form(form): Form<Question>,
) -> Result<Response, Problem> {
    let asking = Asking {
        subject: form.subject,
        item: Some(form.item.trim().to_owned()).filter(|item| !item.is_empty()),
        ..Asking::default()
    };
    match world.ask_centre(&form.source, asking).await {
        Ok(answer) => {
            let wish = Wish {
                told: Some(told_words(&answer)),
                ..Wish::default()
            };
            draw(&world, wish, Facts::default(), None).await
        }
        Err(problem) => draw(&world, Wish::default(), Facts::default(), Some(problem)).await,
    }
}

/// The centre's answer for people.
fn told_words(answer: &Value) -> String {
    let reply = &answer["reply"];
    let signed = if answer["believed"] == true {
        "签名已核对"
    } else {
        "签名不对，不可信"
    };
    let data = &reply["data"];
    let said = match data["base_fen"].as_i64() {
        Some(base) => format!(
            "连续缴存 {} 个月，缴存基数 {} 元，账户状态 {}",
            data["months"],
            Fen::new(base),
            data["state"].as_str().unwrap_or_default()
        ),
        None => reply["message"].as_str().unwrap_or_default().to_owned(),
    };
    format!("{}：{said}（{signed}）", answer["status"])
}

/// What the register form holds.
#[derive(Default, Deserialize)]
pub struct Facts {
    /// `D03/estate.ownership`.
    #[serde(default)]
    pub fact: String,
    /// ID number or USCC.
    #[serde(default)]
    pub subject: String,
    /// JSON, or nothing for "no record".
    #[serde(default)]
    pub value: String,
    #[serde(default)]
    act: String,
}

/// Reads a record, or writes it and reads it back.
pub async fn facts(
    State(world): State<Arc<World>>,
    Form(mut form): Form<Facts>,
) -> Result<Response, Problem> {
    let read = async {
        let (source, kind) = form
            .fact
            .split_once('/')
            .ok_or_else(|| Problem::unprocessable("请选择部门和事实"))?;
        let place = || Path((source.to_owned(), kind.to_owned()));
        let subject = form.subject.trim().to_owned();
        if form.act == "set" {
            let value = match form.value.trim() {
                "" => Value::Null,
                text => serde_json::from_str(text)
                    .map_err(|fault| Problem::unprocessable(format!("值不是 JSON：{fault}")))?,
            };
            let setting = Settings::One(Setting {
                subject: subject.clone(),
                value,
            });
            drop(control::set(State(Arc::clone(&world)), place(), Body(setting)).await?);
        }
        control::read(
            State(Arc::clone(&world)),
            place(),
            Body(Reading { subject }),
        )
        .await
    };
    let done = if form.act == "set" { "facts" } else { "read" };
    match read.await {
        Ok(answer) => {
            form.value = match &answer.0["value"] {
                Value::Null => String::new(),
                value => format!("{value:#}"),
            };
            let wish = Wish {
                done: Some(done.to_owned()),
                ..Wish::default()
            };
            draw(&world, wish, form, None).await
        }
        Err(problem) => draw(&world, Wish::default(), form, Some(problem)).await,
    }
}

/// Back to the page after a form, or the page with what went wrong.
async fn after(
    world: &World,
    outcome: Result<(), Problem>,
    query: &str,
    place: &str,
) -> Result<Response, Problem> {
    match outcome {
        Ok(()) => Ok(Redirect::to(&format!("/?{query}#{place}")).into_response()),
        Err(problem) => draw(world, Wish::default(), Facts::default(), Some(problem)).await,
    }
}

fn number(fields: &Fields, name: &str) -> Result<Option<i64>, Problem> {
    let Some(text) = fields.get(name) else {
        return Ok(None);
    };
    let digits: String = text.trim().chars().filter(|c| *c != ',').collect();
    digits
        .parse()
        .map(Some)
        .map_err(|_| Problem::unprocessable(format!("「{text}」不是整数")))
}

/// A whole percentage as a share.
fn share(percent: i64) -> Result<f64, Problem> {
    u8::try_from(percent)
        .ok()
        .filter(|percent| *percent <= 100)
        .map(|percent| f64::from(percent) / 100.0)
        .ok_or_else(|| Problem::unprocessable("失败的百分比应在 0 到 100 之间"))
}

/// An account number as a part of an address.
fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
