//! The national transfer platform: messages of the outbox handed to it, its messages taken, and letters that wait for their time.

use std::time::Duration;

use anju_business::remote::{self, incoming, message};
use anju_casework::outbox::{self, Message};
use anju_casework::{Refusal, Result};
use anju_exchange::platform::{PushFault, Sent};
use anju_wire::platform::Body;
use chrono::TimeDelta;
use serde_json::Value;
use tokio::sync::watch;

use crate::Engine;

impl Engine {
    /// Hands a message of the outbox to the platform; what it has not certainly taken is sent again, with the same number.
    pub(crate) async fn say_to_platform(&self, row: &Message, again: TimeDelta) -> Result<()> {
        let office = &self.office;
        let drawn = message::draw(office, row.outbox_id, &row.payload).await?;
        let letter_id = row.payload.get("letter").and_then(Value::as_i64);
        let sent = match drawn.body {
            // BDC909 first: the letter goes to a centre that is there, under the name that it bears now.
            Body::Letter(_) => match self.platform.centre(&drawn.to).await {
                Ok(Some(centre)) => {
                    message::named(office, &row.payload, &centre.name).await?;
                    self.platform.send(&drawn).await
                }
                Ok(None) => Ok(Sent::NoSuchCentre),
                Err(fault) => Err(fault),
            },
            _ => self.platform.send(&drawn).await,
        };
        match sent {
            Ok(Sent::Taken) => {
                message::handed(office, &row.payload).await?;
                outbox::finish(office, row.outbox_id).await
            }
            Ok(Sent::NoSuchCentre) => {
                tracing::error!(
                    letter = drawn.letter_no,
                    centre = drawn.to,
                    "the platform knows no such centre"
                );
                if let Some(letter_id) = letter_id {
                    incoming::undeliverable(office, letter_id).await?;
                }
                outbox::finish(office, row.outbox_id).await
            }
            Err(fault) => {
                tracing::warn!(
                    outbox = row.outbox_id,
                    letter = drawn.letter_no,
                    why = fault.word(),
                    "the platform did not take a message; it is sent again"
                );
                outbox::later(office, row.outbox_id, office.now() + again).await
            }
        }
    }

    /// Takes a message that the platform hands over.
    ///
    /// # Errors
    /// 401 where the signature does not hold, 422 for what cannot be read.
    pub async fn receive_from_platform<'h>(
        &self,
        body: &[u8],
        header: impl Fn(&str) -> Option<&'h str>,
    ) -> Result<()> {
        let own = remote::own_centre(&self.office)?;
        let message = self.platform.read(&own, body, header).map_err(|fault| {
            tracing::error!(%fault, "a message of the platform is not taken");
            match fault {
                PushFault::Signature(_) => Refusal::new(
                    401,
                    "E-PLAT-01",
                    "签名、时间或随机数不对，报文没有接收，请核对后重发。",
                ),
                PushFault::Message(_) | PushFault::NotOurs(_) => Refusal::rule(
                    "E-PLAT-02",
                    "报文读不懂，或不是发给本中心的，没有接收，请核对后重发。",
                ),
            }
        })?;
        message::receive(&self.office, &message).await?;
        self.letters.notify_one();
        Ok(())
    }
}

/// Goes on with letters whose time has come: woken when a message comes, with a poll behind it; until it is told to stop.
pub async fn run(engine: Engine, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        match remote::run_due(&engine.office).await {
            Ok(0) => tokio::select! {
                () = engine.letters.notified() => {}
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
                _ = stop.changed() => {}
            },
            Ok(_) => {}
            Err(error) => {
                tracing::error!(%error, "looking for letters that are due");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}
