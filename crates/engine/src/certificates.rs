//! 证照索引: what became of a certificate, out to the index of certificates; sent again with the same number until it is taken.

use anju_casework::outbox::{self, Message};
use anju_casework::{Result, certificate};

use crate::Engine;
use crate::deliver::query_after;

pub(crate) async fn deliver(engine: &Engine, row: &Message) -> Result<()> {
    let office = &engine.office;
    let changed = certificate::of_message(office, &row.payload).await?;
    let (Some(index), Some(changed)) = (&engine.gateway.catalogue().index, changed) else {
        return outbox::finish(office, row.outbox_id).await;
    };
    match engine.gateway.tell_index(index, &changed).await {
        Ok(_) => {
            metrics::counter!("certificates_told_total", "outcome" => "taken").increment(1);
            outbox::finish(office, row.outbox_id).await
        }
        Err(failure) => {
            let reason = failure.word();
            metrics::counter!("certificates_told_total", "outcome" => reason).increment(1);
            tracing::warn!(
                outbox = row.outbox_id,
                reason,
                "the index has not taken a certificate; it is told again"
            );
            let again_at = office.now() + query_after(row.attempts);
            outbox::later(office, row.outbox_id, again_at).await
        }
    }
}
