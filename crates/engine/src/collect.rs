//! Collecting (委托收款): the day's orders are made, files go out after the commit, and what may have reached its bank is asked about before
//! it is sent again, always under the same numbers.

use std::sync::Arc;
use std::time::Duration;

use anju_business::contribution::collection::{self, Answer, File, Outcome};
use anju_business::contribution::flexible;
use anju_casework::outbox::{self, Message};
use anju_casework::{Fault, Office, Result};
use anju_domain::money::Fen;
use anju_exchange::bank::{CollectionFile, CollectionOrder, FileOutcome, OrderResult, SendOutcome};
use anju_exchange::kept::GatewayBanks;
use serde_json::Value;

use crate::Engine;
use crate::deliver::{WINDOW, query_after};

/// How often it looks for lists whose day has come.
const LOOK: Duration = Duration::from_secs(1);

/// Looks until its task is dropped.
pub(crate) async fn run(engine: Engine) {
    loop {
        match due(&engine).await {
            Ok(0) => {}
            Ok(orders) => tracing::info!(orders, "orders to collect were made"),
            Err(error) => tracing::error!(%error, "collecting"),
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Makes what is due today, and asks banks again about contracts that wait for their word.
async fn due(engine: &Engine) -> Result<usize> {
    let banks = GatewayBanks(Arc::clone(&engine.gateway));
    collection::confirm_waiting(&engine.office, &banks).await?;
    flexible::build(&engine.office).await?;
    collection::build(&engine.office).await
}

/// Sends or asks about a file of the outbox.
pub(crate) async fn deliver(engine: &Engine, message: &Message) -> Result<()> {
    let office = &engine.office;
    let file_id = message
        .payload
        .get("file")
        .and_then(Value::as_i64)
        .ok_or_else(|| Fault::Stored("a collection names no file".to_owned()))?;
    let Some(file) = collection::file(office, file_id).await? else {
        return outbox::finish(office, message.outbox_id).await;
    };
    let on_wire = on_wire(&file);
    let outcome = if message.attempts <= 1 {
        send(engine, file_id, &on_wire).await
    } else {
        match engine.banks.query_file(&on_wire).await {
            Ok(FileOutcome::NoSuchFile) if file.made_at + WINDOW < office.now() => {
                send(engine, file_id, &on_wire).await
            }
            asked => asked.map_err(|error| Fault::Outside(error.to_string()).into()),
        }
    }?;
    match outcome {
        FileOutcome::Answered(results) => {
            collection::take(office, &answers(office, &results)).await?;
        }
        FileOutcome::NoSuchFile => {}
        FileOutcome::Unknown { why } => {
            tracing::warn!(
                outbox = message.outbox_id,
                bank = file.bank,
                why,
                "the results of a file of collections are unknown; they are asked for"
            );
            collection::unknown(office, file_id).await?;
        }
    }
    if collection::file(office, file_id).await?.is_none() {
        return outbox::finish(office, message.outbox_id).await;
    }
    let again = office.now() + query_after(message.attempts);
    outbox::later(office, message.outbox_id, again).await
}

/// Sends; that it goes out is written down before.
async fn send(engine: &Engine, file_id: i64, file: &CollectionFile) -> Result<FileOutcome> {
    collection::sent(&engine.office, file_id).await?;
    metrics::counter!("collection_files_total", "bank" => file.bank.clone()).increment(1);
    Ok(match engine.banks.collect(file).await {
        Ok(outcome) => outcome,
        Err(error) => FileOutcome::Unknown {
            why: error.to_string(),
        },
    })
}

fn on_wire(file: &File) -> CollectionFile {
    let debits = file.orders.iter().map(|order| CollectionOrder {
        end_to_end_id: order.end_to_end_id.clone(),
        amount: Fen::new(order.amount_fen),
        mandate: order.mandate.clone(),
        signed_on: order.signed_on,
        payer_account: order.account_no.clone(),
        payer_name: order.holder.clone(),
        remittance: Some(order.reference.clone()),
    });
    CollectionFile {
        bank: file.bank.clone(),
        message_id: file.message_id.clone(),
        created: file.made_at,
        collect_on: file.collect_on,
        debits: debits.collect(),
    }
}

/// The final ones among results, as the books take them.
pub(crate) fn answers(office: &Office, results: &[OrderResult]) -> Vec<Answer> {
    let answer = |result: &OrderResult| {
        Some(Answer {
            order_id: collection::of_end_to_end_id(office, &result.end_to_end_id)?,
            outcome: match &result.outcome {
                SendOutcome::Settled { bank_ref, .. } => Outcome::Success {
                    bank_ref: bank_ref.clone(),
                },
                SendOutcome::Rejected { code, reason } => Outcome::Failed {
                    code: code.clone(),
                    reason: reason.clone(),
                },
                SendOutcome::Accepted | SendOutcome::Unknown { .. } => return None,
            },
        })
    };
    results.iter().filter_map(answer).collect()
}
