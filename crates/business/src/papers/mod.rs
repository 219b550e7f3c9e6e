//! Papers (证明、对账单) that need no visit: what our books say of a person or an employer, under a code by which anybody asks whether the
//! paper is ours. Invariant: a paper says what the books say at its instant, also where that is not to its holder's liking. Read
//! `certificate.rs` first; what a stranger may see of a paper is in `verification.rs`.

pub mod certificate;
pub mod employer;
pub mod receipt;
pub mod statement;
pub mod verification;

use anju_casework::document::Document;
use serde_json::{Value, json};

/// What the last event of the case says of its paper: enough to compare one with it, and nothing of what it says.
fn event_of(document: &Document) -> Value {
    json!({
        "document": document.kind,
        "template": document.template,
        "digest": hex::encode(&document.digest),
        "valid_until": document.valid_until,
    })
}
