//! Handing messages over: to the centres that somebody runs over the wire, to the simulated ones here.

use std::sync::Arc;
use std::time::Duration;

use anju_wire::gateway::{Call, SignedHeaders};
use anju_wire::platform::{Message, PLATFORM};
use futures::future::join_all;

use super::register::Event;
use super::{RunCentre, centre};
use crate::World;
use crate::source::Mac;
use crate::store::StoreError;

/// Where centres take messages.
const INBOX: &str = "/inbox/platform";
/// How often the platform looks when nobody wakes it.
const LOOK: Duration = Duration::from_millis(200);
/// How long a centre may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// A centre that does not answer is left alone so long.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Messages of a centre in one round.
const AT_ONCE: usize = 20;

/// Runs the platform until the future is dropped.
pub async fn run(world: Arc<World>) {
    loop {
        let woken = world.platform.changed.notified();
        if let Err(error) = round(&world).await {
            tracing::error!(%error, "the platform's journal");
            tokio::time::sleep(AGAIN_AFTER).await;
        }
        // Waiting to be woken or for the next look: either will do.
        drop(tokio::time::timeout(LOOK, woken).await);
    }
}

async fn round(world: &World) -> Result<(), StoreError> {
    let codes: Vec<String> = world
        .platform
        .store
        .read(|register| {
            let waiting = |code: &&str| register.waits(code) > 0;
            register
                .centres()
                .map(|(code, _)| code)
                .filter(waiting)
                .map(str::to_owned)
                .collect()
        })
        .await?;
    let handed = codes.iter().map(|code| hand_over(world, code));
    join_all(handed)
        .await
        .into_iter()
        .collect::<Result<(), _>>()?;
    centre::look_for_money(world).await
}

/// Hands a centre what waits for it, in order; the first that it does not take ends the round.
async fn hand_over(world: &World, code: &str) -> Result<(), StoreError> {
    let waiting = world
        .platform
        .store
        .read(|register| register.waiting(code, AT_ONCE))
        .await?;
    let run = world.run_centre(code);
    for (number, message) in waiting {
        match &run {
            Some(run) => {
                if !say(world, run, &message).await {
                    tokio::time::sleep(AGAIN_AFTER).await;
                    return Ok(());
                }
                let handed = Event::Handed {
                    to: code.to_owned(),
                    number,
                };
                world
                    .platform
                    .store
                    .change(|draft| draft.record(handed))
                    .await?;
            }
            None => centre::take(world, code, number, &message).await?,
        }
    }
    Ok(())
}

/// Whether the centre has taken it.
async fn say(world: &World, run: &RunCentre, message: &Message) -> bool {
    let body = message.to_json();
    let call = Call {
        method: "POST",
        path: INBOX,
        query: "",
        body: &body,
    };
    let headers = SignedHeaders::sign(
        &Mac(&run.key),
        call,
        PLATFORM,
        world.clock.now().timestamp_millis(),
        &hex::encode(anju_vault::random::<16>()),
        &message.message_id,
    );
    let mut request = world
        .to_product
        .post(format!("http://{}{INBOX}", run.address))
        .timeout(ANSWER_WITHIN)
        .header("content-type", "application/json")
        .body(body.clone());
    for (name, value) in headers.pairs() {
        request = request.header(name, value);
    }
    request
        .send()
        .await
        .is_ok_and(|answer| answer.status().is_success())
}
