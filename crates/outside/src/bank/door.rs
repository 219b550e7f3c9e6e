//! The banks' control door (doors.md §4): modes, payments by outsiders, accounts.

use std::sync::Arc;

use anju_domain::money::Fen;
use anju_wire::iso20022::{Account as Party, Reason};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::order::{self, Outsider};
use super::register::{Banks, Behaviour, Event, Mode, Standing};
use super::{BankCode, fit};
use crate::World;
use crate::clock::civil;
use crate::control::{Body, Problem};

/// The longest delay that a bank may be given: ten minutes.
const MOST_LATENCY_MS: u32 = 600_000;
/// The largest payment that an outsider may make: ten thousand million yuan.
const MOST_FEN: i64 = 1_000_000_000_000;

/// Routes under `/control/banks`.
pub fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/control/banks", get(list))
        .route("/control/banks/{bank}", put(set))
        .route("/control/banks/{bank}/payments", post(pay))
        .route(
            "/control/banks/{bank}/accounts/{no}",
            get(account).put(set_account),
        )
}

#[derive(Serialize)]
struct BankAnswer {
    bank: BankCode,
    name: &'static str,
    mode: Mode,
    latency_ms: u32,
}

impl BankAnswer {
    fn of(books: &Banks, bank: BankCode) -> BankAnswer {
        let behaviour = books.behaviour(bank);
        BankAnswer {
            bank,
            name: bank.data().name,
            mode: behaviour.mode,
            latency_ms: behaviour.latency_ms,
        }
    }
}

async fn list(State(world): State<Arc<World>>) -> Result<Json<Vec<BankAnswer>>, Problem> {
    let banks = world
        .banks
        .read(|books| {
            // The banks of this home's centre: the other centre's is reached by its code.
            BankCode::all()
                .filter(|bank| bank.data().centre == crate::platform::HOME)
                .map(|bank| BankAnswer::of(books, bank))
                .collect()
        })
        .await?;
    Ok(Json(banks))
}

/// What is left out stays as it is.
#[derive(Deserialize)]
struct Setting {
    latency_ms: Option<i64>,
    mode: Option<String>,
    /// With what `reject` refuses and `return_later` returns: an ISO code of four characters.
    reason: Option<String>,
}

async fn set(
    State(world): State<Arc<World>>,
    Path(bank): Path<String>,
    Body(setting): Body<Setting>,
) -> Result<Json<BankAnswer>, Problem> {
    let bank = known_bank(&bank)?;
    let mode = setting.mode.as_deref().map(known_mode).transpose()?;
    let latency_ms = setting.latency_ms.map(latency).transpose()?;
    let reason = setting.reason.as_deref().map(known_reason).transpose()?;
    world.set_bank(bank, mode, latency_ms, reason).await?;
    Ok(Json(
        world
            .banks
            .read(|books| BankAnswer::of(books, bank))
            .await?,
    ))
}

impl World {
    /// Changes a bank's behaviour; orders that were held until then are executed.
    pub async fn set_bank(
        &self,
        bank: BankCode,
        mode: Option<Mode>,
        latency_ms: Option<u32>,
        reason: Option<Reason>,
    ) -> Result<(), Problem> {
        let held = self
            .banks
            .change(|books| {
                let before = books.behaviour(bank).clone();
                let after = Behaviour {
                    mode: mode.unwrap_or(before.mode),
                    latency_ms: latency_ms.unwrap_or(before.latency_ms),
                    reason: reason.unwrap_or(before.reason.clone()),
                };
                let freed = if after.mode == Mode::Unknown {
                    Vec::new()
                } else {
                    books.held(bank)
                };
                if after != before {
                    books.record(Event::Behaves(bank, after));
                }
                freed
            })
            .await?;
        for end_to_end_id in held {
            self.execute_held(bank, &end_to_end_id).await;
        }
        self.banks_changed.notify_waiters();
        Ok(())
    }

    /// Pays into an account of the bank as an outsider; answers the line's number and the balance after it.
    pub async fn pay_in(&self, bank: BankCode, payment: Payment) -> Result<(String, Fen), Problem> {
        let to = fit(&payment.to, 34).filter(|to| *to == payment.to.trim());
        let to = to.ok_or_else(|| Problem::unprocessable("收款账号 to 应为 1 到 34 个字符"))?;
        if let Some(other) = BankCode::of_fund_account(&to).filter(|keeper| *keeper != bank) {
            let name = other.data().name;
            return Err(Problem::unprocessable(format!(
                "账号 {to} 开在 {other} {name}，请从那家银行付"
            )));
        }
        if !(1..=MOST_FEN).contains(&payment.amount_fen) {
            return Err(Problem::unprocessable(format!(
                "金额 amount_fen 应为 1 到 {MOST_FEN} 分的整数"
            )));
        }
        let paid = Outsider {
            to,
            payer: Party {
                number: fit(&payment.from, 34),
                name: fit(&payment.payer, 140),
                bank: None,
            },
            amount: Fen::new(payment.amount_fen),
            remittance: fit(&payment.reference, 140),
        };
        let moment = self.moment();
        let booked = self
            .banks
            .change(|books| order::pay_in(books, bank, &paid, moment))
            .await?;
        self.banks_changed.notify_waiters();
        Ok(booked)
    }
}

impl World {
    /// Pays as [`World::pay_in`] does, unless this payer has paid with this reference into this account before: whoever does not remember
    /// whether he has paid may call it again.
    pub(crate) async fn pay_in_once(
        &self,
        bank: BankCode,
        payment: Payment,
    ) -> Result<(), Problem> {
        let paid = self
            .banks
            .read(|books| {
                books.account(&payment.to).is_some_and(|account| {
                    account.lines.iter().any(|(line, _)| {
                        line.amount > Fen::ZERO
                            && line.counterparty.number.as_deref() == Some(payment.from.as_str())
                            && line.remittance.as_deref() == Some(payment.reference.as_str())
                    })
                })
            })
            .await?;
        if !paid {
            self.pay_in(bank, payment).await?;
        }
        Ok(())
    }

    /// What has come into an account with a word in its remark: the sum in fen, and who paid last.
    pub(crate) async fn received(
        &self,
        account: &str,
        word: &str,
    ) -> Result<Option<(i64, Party)>, Problem> {
        Ok(self
            .banks
            .read(|books| {
                let lines = books
                    .account(account)
                    .into_iter()
                    .flat_map(|account| &account.lines);
                lines
                    .filter(|(line, _)| {
                        line.amount > Fen::ZERO
                            && line
                                .remittance
                                .as_deref()
                                .is_some_and(|text| text.contains(word))
                    })
                    .fold(None, |sum: Option<(i64, Party)>, (line, _)| {
                        let before = sum.map_or(0, |(fen, _)| fen);
                        Some((before + line.amount.fen(), line.counterparty.clone()))
                    })
            })
            .await?)
    }
}

/// 外来付款. What an outsider pays; only `to` and `amount_fen` are needed.
#[derive(Deserialize)]
pub struct Payment {
    /// The payer's account, any number.
    #[serde(default)]
    pub from: String,
    /// The account that is paid.
    pub to: String,
    /// Fen, more than zero.
    pub amount_fen: i64,
    /// 附言.
    #[serde(default)]
    pub reference: String,
    /// The payer's name.
    #[serde(default)]
    pub payer: String,
}

#[derive(Serialize)]
struct Paid {
    bank_reference: String,
    balance_fen: i64,
}

async fn pay(
    State(world): State<Arc<World>>,
    Path(bank): Path<String>,
    Body(payment): Body<Payment>,
) -> Result<(StatusCode, Json<Paid>), Problem> {
    let bank = known_bank(&bank)?;
    let (bank_reference, balance) = world.pay_in(bank, payment).await?;
    Ok((
        StatusCode::CREATED,
        Json(Paid {
            bank_reference,
            balance_fen: balance.fen(),
        }),
    ))
}

#[derive(Serialize)]
struct AccountAnswer {
    balance_fen: i64,
    entries: Vec<EntryAnswer>,
}

#[derive(Serialize)]
struct EntryAnswer {
    at: String,
    amount_fen: i64,
    balance_fen: i64,
    counterparty: String,
    reference: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_to_end_id: Option<String>,
    bank_reference: String,
}

async fn account(
    State(world): State<Arc<World>>,
    Path((bank, number)): Path<(String, String)>,
) -> Result<Json<AccountAnswer>, Problem> {
    let bank = known_bank(&bank)?;
    let found = world
        .banks
        .read(|books| {
            books
                .account_at(bank, &number)
                .map(|account| AccountAnswer {
                    balance_fen: account.balance.fen(),
                    entries: account
                        .lines
                        .iter()
                        .map(|(line, balance)| EntryAnswer {
                            at: civil(line.at).to_rfc3339(),
                            amount_fen: line.amount.fen(),
                            balance_fen: balance.fen(),
                            counterparty: line
                                .counterparty
                                .name
                                .clone()
                                .or_else(|| line.counterparty.number.clone())
                                .unwrap_or_default(),
                            reference: line.remittance.clone().unwrap_or_default(),
                            end_to_end_id: line.end_to_end_id.clone(),
                            bank_reference: line.reference.clone(),
                        })
                        .collect(),
                })
        })
        .await?;
    found
        .map(Json)
        .ok_or_else(|| Problem::not_found(format!("{bank} 没有这个账号的流水")))
}

/// What keeps an account from being debited. What is left out stays as it is.
#[derive(Deserialize)]
struct StandingSetting {
    /// Left for debits, fen; what comes in adds to it.
    available_fen: Option<i64>,
    /// There is always enough, as for an account that nobody set.
    #[serde(default)]
    plenty: bool,
    closed: Option<bool>,
    /// The holder has ended the debit contract.
    contract_ended: Option<bool>,
}

#[derive(Serialize)]
struct StandingAnswer {
    available_fen: Option<i64>,
    closed: bool,
    contract_ended: bool,
}

async fn set_account(
    State(world): State<Arc<World>>,
    Path((bank, number)): Path<(String, String)>,
    Body(setting): Body<StandingSetting>,
) -> Result<Json<StandingAnswer>, Problem> {
    known_bank(&bank)?;
    let number = fit(&number, 34).filter(|kept| *kept == number);
    let number = number.ok_or_else(|| Problem::unprocessable("账号应为 1 到 34 个字符"))?;
    if setting
        .available_fen
        .is_some_and(|fen| !(0..=MOST_FEN).contains(&fen))
    {
        return Err(Problem::unprocessable(format!(
            "available_fen 应为 0 到 {MOST_FEN} 分的整数"
        )));
    }
    let standing = world
        .banks
        .change(|books| {
            let before = books.standing(&number);
            let available = if setting.plenty {
                None
            } else {
                setting.available_fen.map(Fen::new).or(before.available)
            };
            let after = Standing {
                available,
                closed: setting.closed.unwrap_or(before.closed),
                contract_ended: setting.contract_ended.unwrap_or(before.contract_ended),
            };
            books.record(Event::Stands(number.clone(), after.clone()));
            after
        })
        .await?;
    Ok(Json(StandingAnswer {
        available_fen: standing.available.map(Fen::fen),
        closed: standing.closed,
        contract_ended: standing.contract_ended,
    }))
}

/// Reads a bank's code of the path.
pub fn known_bank(code: &str) -> Result<BankCode, Problem> {
    BankCode::parse(code)
        .ok_or_else(|| Problem::not_found(format!("没有代码为「{code}」的银行，可用 B1 到 B9")))
}

/// Reads a mode by its name.
pub fn known_mode(name: &str) -> Result<Mode, Problem> {
    Mode::parse(name).ok_or_else(|| {
        let names: Vec<&str> = Mode::ALL.iter().map(|(_, name, _)| *name).collect();
        Problem::unprocessable(format!(
            "银行没有「{name}」这种表现，可用 {}",
            names.join("、")
        ))
    })
}

/// Checks a delay.
pub fn latency(latency_ms: i64) -> Result<u32, Problem> {
    u32::try_from(latency_ms)
        .ok()
        .filter(|latency_ms| *latency_ms <= MOST_LATENCY_MS)
        .ok_or_else(|| {
            Problem::unprocessable(format!("latency_ms 应为 0 到 {MOST_LATENCY_MS} 的整数"))
        })
}

fn known_reason(code: &str) -> Result<Reason, Problem> {
    let plain = code.len() == 4
        && code
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if plain {
        Ok(Reason::code(code))
    } else {
        Err(Problem::unprocessable(
            "reason 应为四位 ISO 原因代码，例如 AC04",
        ))
    }
}
