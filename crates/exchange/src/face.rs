//! Face step-up (人脸核验): is the person before the camera the one, alive, and does the comparison belong to this act.
//!
//! Invariant: the picture goes to the police and is kept nowhere; only band, time and the police's number remain.

use std::sync::Arc;

use anju_policy::FactState;
use anju_wire::face::{FaceEvidence, INTERFACE};
use anju_wire::gateway::{Consent, Purpose};

use crate::fact_store::{FactRequest, FactStoreError, SubjectKeys};
use crate::gateway::Gateway;

/// What a comparison says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaceOutcome {
    /// The same person, alive.
    Match {
        /// The fact that keeps it.
        fact_id: Option<i64>,
        /// `a` the best.
        score_band: String,
    },
    /// Somebody else.
    NoMatch,
    /// A picture of a picture.
    NotAlive,
    /// The police have no portrait of this number.
    NoRecord,
    /// No answer: try again, or go to the counter.
    Unknown,
}

/// Compares a face with the police's portrait of an ID number, for one act named by its digest.
///
/// # Errors
/// The store's: a comparison without a trace must not count.
pub async fn verify_face(
    gateway: &Arc<Gateway>,
    id_no: &str,
    evidence: &FaceEvidence,
    action_digest: &str,
    purpose: Purpose,
    consent: Consent,
) -> Result<FaceOutcome, FactStoreError> {
    let mut keys = SubjectKeys::of(id_no);
    let (kind, content) = match evidence {
        FaceEvidence::Image(image) => ("image", image),
        FaceEvidence::Token(token) => ("token", token),
    };
    keys.more.insert(kind.to_owned(), content.clone());
    keys.more
        .insert("action_digest".to_owned(), action_digest.to_owned());
    let request = FactRequest {
        fact_type: INTERFACE.to_owned(),
        role: "applicant".to_owned(),
        shown: "本人".to_owned(),
        keys,
        purpose,
        consent,
        source: None,
    };
    let Some(fact) = gateway.fetch(vec![request]).await?.pop() else {
        return Ok(FaceOutcome::Unknown);
    };
    let says =
        |field: &str| fact.value.get(field).and_then(serde_json::Value::as_bool) == Some(true);
    Ok(match fact.state {
        FactState::Known if !says("liveness") => FaceOutcome::NotAlive,
        FactState::Known if !says("match") => FaceOutcome::NoMatch,
        FactState::Known => FaceOutcome::Match {
            fact_id: fact.fact_id,
            score_band: fact.value["score_band"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        },
        FactState::Absent => FaceOutcome::NoRecord,
        FactState::Unknown | FactState::Conflict => FaceOutcome::Unknown,
    })
}
