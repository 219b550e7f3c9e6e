//! What the banks do by themselves: execute what was late, give back what is to come back, tell the product.
//!
//! A bank tells its things in order and goes on only when the product has answered 2xx; it tries again each second.

use std::sync::Arc;
use std::time::Duration;

use super::line::SIGNATURE;
use super::register::Event;
use super::{BankCode, order, tell};
use crate::World;

/// How often a bank looks when nobody wakes it.
const LOOK_MS: u64 = 200;
/// How long the product may take to take a notice.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Runs the banks until the future is dropped.
pub async fn run(world: Arc<World>) {
    let tellers = BankCode::all().map(|bank| tell_all(Arc::clone(&world), bank));
    tokio::join!(keep_time(&world), futures::future::join_all(tellers));
}

/// Executes due orders and books due returns.
async fn keep_time(world: &World) {
    loop {
        tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
        let moment = world.moment();
        let today = world.clock.today();
        let looked = world
            .banks
            .read(|books| (books.due(moment.lived_ms), books.returning(today)))
            .await;
        let Ok((due, returning)) = looked else {
            continue;
        };
        if due.is_empty() && returning.is_empty() {
            continue;
        }
        for (bank, end_to_end_id) in due {
            world.execute_held(bank, &end_to_end_id).await;
        }
        let given_back = world
            .banks
            .change(|books| {
                for (bank, end_to_end_id) in &returning {
                    order::give_back(books, *bank, end_to_end_id, moment);
                }
            })
            .await;
        if let Err(error) = given_back {
            tracing::error!(%error, "the banks' journal");
        }
        world.banks_changed.notify_waiters();
    }
}

async fn tell_all(world: Arc<World>, bank: BankCode) {
    loop {
        let woken = world.banks_changed.notified();
        // The bank of a centre that nobody runs has nobody to tell.
        let Some(centre) = world.centre_of_bank(bank) else {
            drop(tokio::time::timeout(Duration::from_secs(1), woken).await);
            continue;
        };
        let url = format!("http://{}/inbox/bank/{bank}", centre.address);
        let moment = world.moment();
        let next = world
            .banks
            .read(|books| tell::next_message(books, bank, moment.lived_ms, moment.at))
            .await;
        let Ok(Some(message)) = next else {
            drop(tokio::time::timeout(Duration::from_millis(LOOK_MS), woken).await);
            continue;
        };
        let sent = world
            .to_product
            .post(&url)
            .timeout(ANSWER_WITHIN)
            .header(SIGNATURE, centre.bank_key.sign_hex(message.xml.as_bytes()))
            .header("content-type", "application/xml; charset=utf-8")
            .body(message.xml)
            .send()
            .await;
        if !sent.is_ok_and(|answer| answer.status().is_success()) {
            tokio::time::sleep(AGAIN_AFTER).await;
            continue;
        }
        if let Err(error) = world
            .banks
            .change(|books| books.record(Event::Told(bank, message.settles)))
            .await
        {
            tracing::error!(%bank, %error, "the banks' journal");
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }
}

impl World {
    /// Executes one order that was held or late, where it still is.
    pub(super) async fn execute_held(&self, bank: BankCode, end_to_end_id: &str) {
        let creditor = self
            .banks
            .read(|books| {
                books
                    .order(bank, end_to_end_id)
                    .and_then(|order| order.creditor.number.clone())
            })
            .await;
        let Ok(creditor) = creditor else { return };
        let card_bank = self.card_bank(&creditor.unwrap_or_default()).await;
        let moment = self.moment();
        let executed = self
            .banks
            .change(|books| order::execute_later(books, bank, end_to_end_id, card_bank, moment))
            .await;
        if let Err(error) = executed {
            tracing::error!(%bank, %error, "the banks' journal");
        }
    }
}
