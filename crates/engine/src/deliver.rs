//! Sending what the outbox holds, after the commit. A payment that may have reached its bank is queried, never sent blindly; sending again
//! is allowed only with the same identifier, after the bank has said that it knows no such order past its own window.

use std::time::{Duration, Instant};

use anju_business::contribution::{refund, suspense};
use anju_business::court;
use anju_business::remote::money;
use anju_casework::case::{self, Order, PaymentReport, share};
use anju_casework::outbox::{self, Message};
use anju_casework::{Fault, Result, notice, tray};
use anju_exchange::bank::{PaymentOrder, QueryOutcome, SendOutcome};
use anju_exchange::message::{SendFault, send_sms};
use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt, stream};
use tokio::sync::watch;

use crate::payer::Payer;
use crate::{Engine, certificates, collect, credit, files_out, parties};

/// Messages leased at once, and sent at once.
const BATCH: i64 = 100;
const AT_ONCE: usize = 32;

/// A bank's own window: an order that it does not know by then never reached it.
pub(crate) const WINDOW: TimeDelta = TimeDelta::seconds(60);

/// Tries to reach a phone; after them the message is given up, and the person still sees it on every page.
const SMS_TRIES: i16 = 8;

/// When an unknown payment is asked about again.
pub(crate) fn query_after(attempts: i16) -> TimeDelta {
    TimeDelta::seconds(match attempts {
        ..=1 => 2,
        2 => 3,
        3 => 5,
        4 => 10,
        5 => 30,
        6 => 60,
        7 => 120,
        8 => 300,
        _ => 600,
    })
}

/// Sends until it is told to stop, and then finishes what it has leased: woken after each commit, with a poll behind it.
pub async fn run(engine: Engine, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        match outbox::lease(&engine.office, BATCH).await {
            Ok(messages) if messages.is_empty() => {
                tokio::select! {
                    () = engine.office.wake.notified() => {}
                    () = tokio::time::sleep(Duration::from_millis(500)) => {}
                    _ = stop.changed() => {}
                }
            }
            Ok(messages) => {
                // What banks answer at one moment is read and booked together.
                let all = stream::iter(messages).for_each_concurrent(AT_ONCE, |message| {
                    deliver_logged(engine.clone(), message)
                });
                tray::on_one_board(all).await;
            }
            Err(error) => {
                tracing::error!(%error, "leasing the outbox");
                tokio::select! {
                    () = tokio::time::sleep(Duration::from_secs(1)) => {}
                    _ = stop.changed() => {}
                }
            }
        }
    }
}

/// Tells departments what a row says, in a task of its own: one may be silent for seconds, and no payment of the same lease waits for it. A task
/// that dies leaves its message leased, and it comes again with the same number.
fn tell_aside(engine: &Engine, message: &Message) {
    let (engine, message) = (engine.clone(), message.clone());
    tokio::spawn(async move {
        let told = match message.kind {
            outbox::kind::PARTIES => parties::deliver(&engine, &message).await,
            outbox::kind::CERTIFICATE => certificates::deliver(&engine, &message).await,
            _ => files_out::deliver(&engine, &message).await,
        };
        if let Err(error) = told {
            let kind = outbox::word(message.kind);
            tracing::error!(outbox = message.outbox_id, kind, %error, "telling a department");
        }
    });
}

async fn deliver_logged(engine: Engine, message: Message) {
    // What fails stays leased and comes again when the lease ends; it is then `attempts > 1`: queried first.
    if let Err(error) = deliver(&engine, &message).await {
        tracing::error!(outbox = message.outbox_id, kind = message.kind, %error, "delivering a message");
    }
}

async fn deliver(engine: &Engine, message: &Message) -> Result<()> {
    match message.kind {
        outbox::kind::PAYMENT
        | outbox::kind::REFUND
        | outbox::kind::TRANSFER
        | outbox::kind::COURT => pay(engine, message).await,
        outbox::kind::COURT_WORD => engine.tell_court(message).await,
        outbox::kind::PLATFORM => {
            engine
                .say_to_platform(message, query_after(message.attempts))
                .await
        }
        outbox::kind::SMS => tell(engine, message).await,
        outbox::kind::COLLECTION => collect::deliver(engine, message).await,
        outbox::kind::CREDIT => credit::deliver(engine, message).await,
        kind if outbox::kind::TO_DEPARTMENTS.contains(&kind) => {
            tell_aside(engine, message);
            Ok(())
        }
        other => Err(Fault::Stored(format!("outbox kind {other}")).into()),
    }
}

async fn pay(engine: &Engine, message: &Message) -> Result<()> {
    let office = &engine.office;
    let payer = Payer::of_message(message)?;
    let order = match payer {
        Payer::Case { case_id, attempt } => case::order(office, case_id, attempt).await?,
        Payer::Share { share_id, attempt } => share::order(office, share_id, attempt).await?,
        Payer::Refund { match_id } => suspense::refund_order(office, match_id).await?,
        Payer::Employer { refund_id } => refund::order(office, refund_id).await?,
        Payer::Transfer { letter_id, attempt } => {
            money::order_of(office, letter_id, attempt).await?
        }
        Payer::Court { act_id } => court::pay::order(office, act_id).await?,
    };
    // A notice may have settled it in the meantime.
    let Some(order) = order else {
        return outbox::finish_order(office, message.outbox_id).await;
    };
    let (sent_at, began) = (office.now(), Instant::now());
    let outcome = if message.attempts <= 1 {
        send(engine, &order).await
    } else {
        match engine
            .banks
            .query(
                &order.bank,
                &order.end_to_end_id,
                anju_domain::money::Fen::new(order.amount_fen),
            )
            .await
        {
            Ok(QueryOutcome::Known(outcome)) => outcome,
            Ok(QueryOutcome::NoSuchOrder)
                if first_sent(engine, message).await? + WINDOW < sent_at =>
            {
                send(engine, &order).await
            }
            Ok(QueryOutcome::NoSuchOrder) => SendOutcome::Unknown {
                why: "the bank does not know the order yet".to_owned(),
            },
            Err(error) => SendOutcome::Unknown {
                why: error.to_string(),
            },
        }
    };
    let word = match &outcome {
        SendOutcome::Settled { .. } => "settled",
        SendOutcome::Rejected { .. } => "rejected",
        SendOutcome::Accepted => "accepted",
        SendOutcome::Unknown { .. } => "unknown",
    };
    metrics::counter!("bank_orders_total", "bank" => order.bank.clone(), "outcome" => word)
        .increment(1);
    metrics::histogram!("bank_answer_seconds", "bank" => order.bank.clone())
        .record(began.elapsed().as_secs_f64());
    let mut report = PaymentReport {
        sent_at: Some(sent_at),
        answered_at: Some(office.now()),
        message: Some(message.outbox_id),
        ..PaymentReport::default()
    };
    match outcome {
        SendOutcome::Settled { bank_ref, at } => {
            report.bank_ref = bank_ref;
            report.settled_at = Some(at);
            if payer.settled(office, &report).await? {
                return Ok(());
            }
            outbox::finish_order(office, message.outbox_id).await
        }
        SendOutcome::Rejected { code, reason } => {
            report.reason = Some(format!("{code} {reason}"));
            payer.rejected(office, &report).await?;
            outbox::finish_order(office, message.outbox_id).await
        }
        SendOutcome::Accepted => {
            outbox::later(
                office,
                message.outbox_id,
                office.now() + query_after(message.attempts),
            )
            .await
        }
        SendOutcome::Unknown { why } => {
            tracing::warn!(
                outbox = message.outbox_id,
                bank = order.bank,
                why,
                "the result of a payment is unknown; it is queried"
            );
            match payer {
                Payer::Case { case_id, attempt } => {
                    case::payment_unknown(office, case_id, attempt).await?;
                }
                Payer::Share { share_id, attempt } => {
                    share::unknown(office, share_id, attempt).await?;
                }
                Payer::Transfer { letter_id, attempt } => {
                    money::unknown(office, letter_id, attempt).await?;
                }
                Payer::Court { act_id } => court::pay::unknown(office, act_id).await?,
                Payer::Refund { .. } | Payer::Employer { .. } => {}
            }
            outbox::later(
                office,
                message.outbox_id,
                office.now() + query_after(message.attempts),
            )
            .await
        }
    }
}

/// When the order was put into the outbox: it was sent at once.
async fn first_sent(engine: &Engine, message: &Message) -> Result<DateTime<Utc>> {
    outbox::enqueued_at(&engine.office, message.outbox_id).await
}

async fn send(engine: &Engine, order: &Order) -> SendOutcome {
    let office = &engine.office;
    let payment = PaymentOrder {
        bank: order.bank.clone(),
        end_to_end_id: order.end_to_end_id.clone(),
        amount: anju_domain::money::Fen::new(order.amount_fen),
        payee_account: order.payee_account.clone(),
        payee_name: order.payee_name.clone(),
        payee_bank: None,
        remittance: Some(order.remark.clone()),
        created: office.now(),
        execution_date: office.today(),
    };
    match engine.banks.send(&payment).await {
        Ok(outcome) => outcome,
        Err(error) => SendOutcome::Unknown {
            why: error.to_string(),
        },
    }
}

async fn tell(engine: &Engine, message: &Message) -> Result<()> {
    let office = &engine.office;
    let Some(drawn) = notice::draw(office, &message.payload, message.made_at).await? else {
        return outbox::finish(office, message.outbox_id).await;
    };
    match send_sms(
        engine.gateway.line(),
        &drawn.phone,
        &drawn.text,
        &message.outbox_id.to_string(),
    )
    .await
    {
        Ok(_) | Err(SendFault::Rejected | SendFault::TooLong) => {
            outbox::finish(office, message.outbox_id).await
        }
        Err(SendFault::Call(_)) if message.attempts >= SMS_TRIES => {
            tracing::warn!(
                outbox = message.outbox_id,
                "a phone was not reached; given up"
            );
            outbox::finish(office, message.outbox_id).await
        }
        Err(SendFault::Call(_)) => {
            outbox::later(
                office,
                message.outbox_id,
                office.now() + query_after(message.attempts + 2),
            )
            .await
        }
    }
}
