//! The sealer (存证封存): each second what waits is sealed into the log, the tree is signed, the witnesses are asked, the checkpoint
//! is published. Invariant: sealing is the database's work and is done once; signing and asking can be repeated at will.

use std::time::Duration;

use anju_casework::log::Made;
use anju_casework::{Result, log};
use anju_evidence::note::Checkpoint;
use anju_exchange::witness::{Answer, Witness};
use futures::future::join_all;

use crate::Engine;

/// How often it looks (design figure: a proof is there about a second after the deed).
const EVERY: Duration = Duration::from_secs(1);

/// Rounds without news after which witnesses that have not signed are asked again.
const ASK_AGAIN: u32 = 10;

/// Seals until its task is dropped.
pub async fn run(engine: Engine) {
    let mut seen = vec![Seen::default(); engine.witnesses.len()];
    let mut quiet = 0;
    let mut interval = tokio::time::interval(EVERY);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        match round(&engine, &mut seen, quiet).await {
            Ok(true) => quiet = 0,
            Ok(false) => quiet += 1,
            Err(error) => {
                quiet = 0;
                tracing::error!(%error, "sealing the evidence");
            }
        }
    }
}

/// What is known of a witness.
#[derive(Clone, Default)]
struct Seen {
    /// Leaves of the last tree that it signed.
    size: u64,
    /// Changes of our keys that it has been told.
    told: usize,
}

/// One round. True when there was something new to sign.
async fn round(engine: &Engine, seen: &mut [Seen], quiet: u32) -> Result<bool> {
    let office = &engine.office;
    let mut sealed = 0;
    loop {
        let now = log::seal(office).await?;
        if now == 0 {
            break;
        }
        sealed += now;
    }
    metrics::counter!("evidence_leaves_total").increment(sealed as u64);
    if sealed == 0 && !quiet.is_multiple_of(ASK_AGAIN) {
        return Ok(false);
    }
    let Some(checkpoint) = log::present(office).await? else {
        return Ok(false);
    };
    let last = log::latest(office).await?;
    let complete = last.is_some_and(|last| {
        last.size.cast_unsigned() == checkpoint.size
            && usize::try_from(last.witnesses) == Ok(engine.witnesses.len())
    });
    if complete {
        return Ok(false);
    }
    let transitions = log::transitions(office).await?;
    let tells = engine
        .witnesses
        .iter()
        .zip(seen.iter_mut())
        .map(|(witness, seen)| tell(witness, seen, &transitions));
    join_all(tells).await;
    let note = log::sign(office, &checkpoint).await?;
    let asked = engine
        .witnesses
        .iter()
        .zip(seen)
        .map(|(witness, seen)| cosign(engine, witness, seen, &checkpoint, &note));
    let lines: Vec<String> = join_all(asked).await.into_iter().flatten().collect();
    let signed = i16::try_from(lines.len()).unwrap_or(i16::MAX);
    log::publish(
        office,
        &checkpoint,
        &format!("{note}{}", lines.concat()),
        signed,
    )
    .await?;
    Ok(sealed > 0)
}

/// Tells a witness of the changes of our keys that it has not been told. While it is away or refuses, the former key signs for it until its
/// end.
async fn tell(witness: &Witness, seen: &mut Seen, transitions: &[Made]) {
    let name = &witness.key().name;
    while let Some(made) = transitions.get(seen.told) {
        match witness.tell(&made.note).await {
            Ok(true) => {}
            Ok(false) => tracing::warn!(
                witness = name,
                generation = made.generation,
                "a witness has no door for a change of keys: its operator must be given the transition of /tlog/keys"
            ),
            Err(error) => {
                tracing::warn!(witness = name, %error, "telling a witness of a change of keys");
                return;
            }
        }
        seen.told += 1;
    }
}

/// One witness's line; nothing when it is away or refuses.
async fn cosign(
    engine: &Engine,
    witness: &Witness,
    Seen { size: seen, .. }: &mut Seen,
    checkpoint: &Checkpoint,
    note: &str,
) -> Option<String> {
    let name = &witness.key().name;
    // It says where it stands, once; then the proof begins there.
    for _ in 0..2 {
        if *seen > checkpoint.size {
            tracing::error!(
                witness = name,
                seen,
                size = checkpoint.size,
                "the log is shorter than what a witness has signed: it was rolled back, or its database is an old copy"
            );
            *seen = 0;
            return None;
        }
        let proof = match log::extension(&engine.office, *seen, checkpoint.size).await {
            Ok(proof) => proof,
            Err(error) => {
                tracing::error!(%error, "a proof for a witness");
                return None;
            }
        };
        match witness.ask(*seen, &proof, note).await {
            Ok(Answer::Signed(line)) => {
                *seen = checkpoint.size;
                return Some(line);
            }
            Ok(Answer::Behind(size)) => *seen = size,
            Err(error) => {
                tracing::warn!(witness = name, %error, "a witness has not signed");
                return None;
            }
        }
    }
    None
}
