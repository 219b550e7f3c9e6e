//! A bank that pays at once and says so, in this process: what the engine does about each message is done, only the wire is missing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anju_casework::{
    Office,
    case::{self, PaymentReport},
    outbox::{self, Message, kind},
    tray,
};
use anyhow::Context;
use futures::{TryStreamExt, stream};
use tokio::task::JoinHandle;

/// As `engine::deliver` leases and sends.
const BATCH: i64 = 100;
const AT_ONCE: usize = 32;

/// Pays until it is told to stop; then pays what is left.
pub struct Bank {
    stop: Arc<AtomicBool>,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Bank {
    /// Begins to pay.
    pub fn open(office: Office) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        let task = tokio::spawn(async move {
            loop {
                // Asked before it looks: what came before it was told to stop is still paid.
                let is_last = told.load(Ordering::Relaxed);
                if pay_some(&office).await? {
                    continue;
                }
                if is_last {
                    return Ok(());
                }
                tokio::select! {
                    () = office.wake.notified() => {}
                    () = tokio::time::sleep(Duration::from_millis(20)) => {}
                }
            }
        });
        Self { stop, task }
    }

    /// Pays what is left, and ends.
    pub async fn close(self) -> anyhow::Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await?
    }
}

/// Pays everything that waits.
pub async fn settle(office: &Office) -> anyhow::Result<()> {
    while pay_some(office).await? {}
    Ok(())
}

async fn pay_some(office: &Office) -> anyhow::Result<bool> {
    let messages = outbox::lease(office, BATCH).await?;
    let some = !messages.is_empty();
    let all = stream::iter(messages.into_iter().map(anyhow::Ok))
        .try_for_each_concurrent(AT_ONCE, |message| deliver(office.clone(), message));
    tray::on_one_board(all).await?;
    Ok(some)
}

async fn deliver(office: Office, message: Message) -> anyhow::Result<()> {
    let office = &office;
    if message.kind == kind::PAYMENT {
        let case_id = message.case_id.context("a payment of a case")?;
        if let Some(order) = case::order(office, case_id, 1).await? {
            let now = office.now();
            let report = PaymentReport {
                bank_ref: format!("P{case_id}"),
                amount_fen: Some(order.amount_fen),
                sent_at: Some(now),
                answered_at: Some(now),
                settled_at: Some(now),
                reason: None,
                message: Some(message.outbox_id),
            };
            if case::payment_paid(office, case_id, 1, &report).await? {
                return Ok(());
            }
        }
        outbox::finish_order(office, message.outbox_id).await?;
        return Ok(());
    }
    outbox::finish(office, message.outbox_id).await?;
    Ok(())
}
