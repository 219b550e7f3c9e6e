//! Keys that are added while this process serves: looked for each second, and what is held is said, so that a rotation knows when
//! everybody has them.

use std::time::Duration;

use anju_casework::rotation;
use uuid::Uuid;

use crate::Engine;

/// Looks once a second until its task is dropped.
pub async fn run(engine: Engine) {
    let holder = Uuid::now_v7();
    loop {
        match engine.office.vault.refresh() {
            Ok(held) => {
                if let Err(error) = rotation::announce(&engine.office, holder, held).await {
                    tracing::warn!(%error, "saying which keys are held");
                }
            }
            // What is held stays held.
            Err(error) => tracing::error!(%error, "looking for new keys"),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
