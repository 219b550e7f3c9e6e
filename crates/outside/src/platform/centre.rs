//! How a simulated centre behaves: what it answers to a letter, and what it does with money that comes.
//!
//! Invariant: a message is dealt with in one change of the register, and money is paid before that change by
//! [`World::pay_in_once`], so that a crash in between pays nothing twice.

use anju_wire::platform::{Body, Information, Letter, Message, PayTo, Progress, Sheet};

use super::register::{Account, Event, Kept, Mood, Register, Side};
use crate::World;
use crate::bank::BankCode;
use crate::bank::door::Payment;
use crate::control::Problem;
use crate::store::{Draft, StoreError};

/// How often a centre in the mood `pay_fail` tries to pay.
const TRIES: i16 = 3;

/// Deals with a message for a simulated centre.
pub(super) async fn take(
    world: &World,
    code: &str,
    number: u64,
    message: &Message,
) -> Result<(), StoreError> {
    let store = &world.platform.store;
    let (plan, own_account) = store
        .read(|register| {
            let account = register.centre(code).map(|centre| centre.account.clone());
            (plan(register, code, message), account.unwrap_or_default())
        })
        .await?;
    if let Some((pay_to, amount_fen)) = &plan.pay
        && let Err(problem) =
            pay(world, &own_account, pay_to, *amount_fen, &message.letter_no).await
    {
        tracing::error!(
            centre = code,
            detail = problem.detail,
            "a simulated centre cannot pay"
        );
    }
    let sent_at = world.clock.now();
    store
        .change(|draft| {
            draft.record(Event::Handed {
                to: code.to_owned(),
                number,
            });
            if let Some(kept) = plan.kept {
                draft.record(Event::Letter {
                    letter_no: message.letter_no.clone(),
                    kept,
                });
            }
            if let Some((id_no, account)) = plan.account {
                draft.record(Event::Account {
                    centre: code.to_owned(),
                    id_no,
                    account,
                });
            }
            let twice = draft
                .centre(code)
                .is_some_and(|centre| centre.mood == Mood::Twice);
            for body in plan.say {
                for _ in 0..if twice { 2 } else { 1 } {
                    answer(
                        draft,
                        code,
                        &message.from,
                        &message.letter_no,
                        sent_at,
                        &body,
                    );
                }
            }
        })
        .await?;
    world.platform.changed.notify_waiters();
    Ok(())
}

/// Puts a message of a simulated centre on its way.
pub(super) fn answer(
    draft: &mut Draft<'_, Register>,
    from: &str,
    to: &str,
    letter_no: &str,
    sent_at: chrono::DateTime<chrono::Utc>,
    body: &Body,
) {
    let message = Message {
        message_id: format!("{from}-{}", draft.next()),
        from: from.to_owned(),
        to: to.to_owned(),
        letter_no: letter_no.to_owned(),
        sent_at,
        body: body.clone(),
    };
    draft.record(Event::Taken { message });
}

/// What a simulated centre does about a message.
#[derive(Default)]
struct Plan {
    kept: Option<Kept>,
    account: Option<(String, Option<Account>)>,
    say: Vec<Body>,
    /// To whose account, how much.
    pay: Option<(String, i64)>,
}

fn plan(register: &Register, code: &str, message: &Message) -> Plan {
    let mood = register.centre(code).map_or(Mood::Ok, |centre| centre.mood);
    let kept = register
        .letter(&message.letter_no)
        .filter(|kept| kept.centre == code)
        .cloned();
    match (&message.body, kept) {
        (Body::Letter(_), Some(_)) => Plan::default(),
        (Body::Letter(letter), None) => take_letter(register, code, mood, message, letter),
        // Whoever was silent deals with the letter when he is reminded in another mood.
        (Body::Progress(Progress::Asked), Some(kept))
            if kept.state == "LETTER_RECEIVED" && mood != Mood::Silent =>
        {
            take_letter(register, code, mood, message, &kept.letter)
        }
        (Body::Progress(Progress::Asked), kept) => asked(kept, mood),
        (_, None) => Plan::default(),
        (Body::Cancel, Some(kept)) => cancelled(kept),
        (Body::Progress(told), Some(kept)) => progress(kept, told),
        (Body::Information(told), Some(kept)) => information(kept, mood, told),
    }
}

fn take_letter(
    register: &Register,
    code: &str,
    mood: Mood,
    message: &Message,
    letter: &Letter,
) -> Plan {
    let mut kept = Kept {
        centre: code.to_owned(),
        other: message.from.clone(),
        side: Side::Out,
        state: "LETTER_RECEIVED".to_owned(),
        letter: letter.clone(),
        sheet: None,
        received_fen: 0,
        reason: String::new(),
    };
    if mood == Mood::Silent {
        return Plan {
            kept: Some(kept),
            ..Plan::default()
        };
    }
    let account = register.account(code, &letter.id_no);
    if let Err((refusal, reason)) = may_leave(account, mood, letter) {
        kept.state = "REFUSED".to_owned();
        let refused = Progress::Refused {
            code: refusal.to_owned(),
            reason: reason.to_owned(),
        };
        return Plan {
            kept: Some(kept),
            say: vec![Body::Progress(refused)],
            ..Plan::default()
        };
    }
    let Some(account) = account else {
        return Plan::default();
    };
    let mut say = vec![Body::Progress(Progress::Confirmed)];
    if mood == Mood::PayFail {
        kept.state = "INFO_APPROVED".to_owned();
        say.extend((1..=TRIES).map(|tries| {
            Body::Progress(Progress::PayFailed {
                tries,
                reason: "AC04 账户已销户".to_owned(),
            })
        }));
        return Plan {
            kept: Some(kept),
            say,
            ..Plan::default()
        };
    }
    let sheet = Sheet {
        opened_on: account.opened_on,
        months: account.months.clone(),
        total_fen: account.balance_fen + account.interest_fen,
        principal_fen: account.balance_fen,
        interest_fen: account.interest_fen,
        loans: 0,
    };
    let short = i64::from(matches!(mood, Mood::OtherAmount | Mood::Stubborn));
    let pay = Some((letter.pay_to.account_no.clone(), sheet.total_fen - short));
    kept.state = "PAID".to_owned();
    kept.sheet = Some(sheet.clone());
    say.push(Body::Information(Information::Sheet(sheet)));
    Plan {
        kept: Some(kept),
        account: Some((letter.id_no.clone(), None)),
        say,
        pay,
    }
}

/// RT-02 to RT-04 as another centre sees them.
fn may_leave(
    account: Option<&Account>,
    mood: Mood,
    letter: &Letter,
) -> Result<(), (&'static str, &'static str)> {
    let Some(account) = account.filter(|account| account.name == letter.name) else {
        return Err(("E-RT-02", "转出地没有姓名和证件号码都一致的账户"));
    };
    if mood == Mood::Refuse || !account.sealed || account.frozen {
        return Err(("E-RT-03", "转出地账户未封存或已被冻结"));
    }
    if account.open_loans > 0 {
        return Err(("E-RT-04", "转出地有未结清的住房公积金贷款"));
    }
    Ok(())
}

fn asked(kept: Option<Kept>, mood: Mood) -> Plan {
    let state = kept.as_ref().map(|kept| kept.state.as_str());
    let told = match state {
        None => Progress::Unknown,
        Some("LETTER_RECEIVED") if mood == Mood::Silent => return Plan::default(),
        Some("CANCELLED") => Progress::Cancelled,
        Some(_) => Progress::Confirmed,
    };
    Plan {
        say: vec![Body::Progress(told)],
        ..Plan::default()
    }
}

fn cancelled(mut kept: Kept) -> Plan {
    let told = if kept.state == "LETTER_RECEIVED" {
        kept.state = "CANCELLED".to_owned();
        Progress::Cancelled
    } else {
        Progress::Confirmed
    };
    Plan {
        kept: Some(kept),
        say: vec![Body::Progress(told)],
        ..Plan::default()
    }
}

/// What the out-centre says to a simulated in-centre.
fn progress(mut kept: Kept, told: &Progress) -> Plan {
    match told {
        Progress::Confirmed => kept.state = "OUT_ACCEPTED".to_owned(),
        Progress::Refused { code, reason } => {
            kept.state = "RETURNED".to_owned();
            kept.reason = format!("{code} {reason}");
        }
        Progress::Cancelled => kept.state = "CANCELLED".to_owned(),
        Progress::PayFailed { reason, .. } => kept.reason.clone_from(reason),
        Progress::Asked | Progress::Unknown => {}
    }
    Plan {
        kept: Some(kept),
        ..Plan::default()
    }
}

fn information(mut kept: Kept, mood: Mood, told: &Information) -> Plan {
    let mut plan = Plan::default();
    match told {
        Information::Sheet(sheet) => {
            kept.state = "FUNDS_SENT".to_owned();
            kept.sheet = Some(sheet.clone());
        }
        Information::Completed => kept.state = "CLOSED".to_owned(),
        Information::Disputed {
            received_fen,
            reason,
        } => {
            kept.reason.clone_from(reason);
            match kept.sheet.clone() {
                Some(sheet) if mood == Mood::OtherAmount => {
                    let corrected = Sheet {
                        total_fen: *received_fen,
                        principal_fen: received_fen - sheet.interest_fen,
                        ..sheet
                    };
                    kept.sheet = Some(corrected.clone());
                    plan.say = vec![Body::Information(Information::Sheet(corrected))];
                }
                _ if kept.state == "REOPENED" => {}
                _ => kept.state = "NEGOTIATING".to_owned(),
            }
        }
        Information::Returned { amount_fen, reason } => {
            kept.reason.clone_from(reason);
            // The money may have come back before the word about it.
            if *amount_fen == 0 {
                kept.state = "CLOSED".to_owned();
            } else if kept.state != "REOPENED" {
                kept.state = "NEGOTIATING".to_owned();
            }
        }
    }
    plan.kept = Some(kept);
    plan
}

async fn pay(
    world: &World,
    from: &str,
    to: &str,
    amount_fen: i64,
    letter_no: &str,
) -> Result<(), Problem> {
    let bank = BankCode::of_fund_account(to)
        .ok_or_else(|| Problem::unprocessable(format!("账号 {to} 不是公积金专户")))?;
    let payment = Payment {
        from: from.to_owned(),
        to: to.to_owned(),
        amount_fen,
        reference: format!("公积金异地转移 {letter_no}"),
        payer: "住房公积金管理中心".to_owned(),
    };
    world.pay_in_once(bank, payment).await
}

/// Looks for the money of letters that wait for it: a transfer that comes to a simulated centre, or one that comes back.
pub(super) async fn look_for_money(world: &World) -> Result<(), StoreError> {
    let waiting = world.platform.store.read(Register::awaiting_money).await?;
    for (letter_no, kept) in waiting {
        let centre = world
            .platform
            .store
            .read(|register| register.centre(&kept.centre).cloned())
            .await?;
        let Some(centre) = centre.filter(|centre| centre.run().is_none()) else {
            continue;
        };
        let Ok(Some((fen, payer))) = world.received(&centre.account, &letter_no).await else {
            continue;
        };
        if fen <= kept.received_fen || centre.mood == Mood::Silent {
            continue;
        }
        arrived(
            world,
            &letter_no,
            kept,
            &centre,
            fen,
            payer.number.unwrap_or_default(),
        )
        .await?;
    }
    Ok(())
}

async fn arrived(
    world: &World,
    letter_no: &str,
    mut kept: Kept,
    centre: &super::register::Centre,
    fen: i64,
    payer: String,
) -> Result<(), StoreError> {
    kept.received_fen = fen;
    let mut say = Vec::new();
    let mut account = None;
    match (kept.side, centre.mood, kept.sheet.clone()) {
        (Side::Out, _, Some(sheet)) => {
            // What had left is back: the account is as it was.
            kept.state = "REOPENED".to_owned();
            account = Some(Account {
                name: kept.letter.name.clone(),
                sealed: true,
                frozen: false,
                open_loans: 0,
                balance_fen: fen - sheet.interest_fen,
                interest_fen: sheet.interest_fen,
                opened_on: sheet.opened_on,
                months: sheet.months,
            });
        }
        (Side::In, Mood::Dispute, _) => {
            let reason = "转入地账户已注销，款项退回".to_owned();
            if let Err(problem) = pay(world, &centre.account, &payer, fen, letter_no).await {
                tracing::error!(
                    detail = problem.detail,
                    "a simulated centre cannot pay back"
                );
            }
            kept.state = "RETURNED".to_owned();
            say.push(Body::Information(Information::Disputed {
                received_fen: fen,
                reason: reason.clone(),
            }));
            say.push(Body::Information(Information::Returned {
                amount_fen: fen,
                reason,
            }));
        }
        (Side::In, _, Some(sheet)) if sheet.total_fen == fen => {
            kept.state = "COMPLETED".to_owned();
            say.push(Body::Information(Information::Completed));
            account = Some(Account {
                name: kept.letter.name.clone(),
                sealed: false,
                frozen: false,
                open_loans: 0,
                balance_fen: fen,
                interest_fen: 0,
                opened_on: sheet.opened_on,
                months: sheet.months,
            });
        }
        _ => {}
    }
    let sent_at = world.clock.now();
    world
        .platform
        .store
        .change(|draft| {
            for body in &say {
                answer(draft, &kept.centre, &kept.other, letter_no, sent_at, body);
            }
            if let Some(account) = account {
                draft.record(Event::Account {
                    centre: kept.centre.clone(),
                    id_no: kept.letter.id_no.clone(),
                    account: Some(account),
                });
            }
            draft.record(Event::Letter {
                letter_no: letter_no.to_owned(),
                kept,
            });
        })
        .await
}

/// The letter that a simulated in-centre writes.
pub(super) fn letter_of(
    centre: &super::register::Centre,
    name: &str,
    id_no: &str,
    applied_on: chrono::NaiveDate,
) -> Letter {
    Letter {
        name: name.to_owned(),
        id_no: id_no.to_owned(),
        account_no: None,
        centre_name: centre.name.clone(),
        pay_to: PayTo {
            account_no: centre.account.clone(),
            holder: centre.name.clone(),
            bank_name: "成都银行".to_owned(),
        },
        applied_on,
    }
}
