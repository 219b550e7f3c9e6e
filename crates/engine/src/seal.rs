//! The sealer (存证封存): each second what waits is sealed into the log, the tree is signed, the witnesses are asked, the checkpoint
//! is published. Invariant: sealing is the database's work and is done once; signing and asking can be repeated at will, and nothing is signed
//! that is known to contradict what was signed before.

use std::time::{Duration, Instant};

use anju_casework::log::Made;
use anju_casework::{Result, log};
use anju_evidence::note::Checkpoint;
use anju_exchange::witness::{Answer, Witness, WitnessError};
use futures::future::join_all;

use crate::Engine;

/// How often it looks (design figure: a proof is there about a second after the deed).
const EVERY: Duration = Duration::from_secs(1);

/// Rounds without news after which witnesses that have not signed are asked again.
const ASK_AGAIN: u32 = 10;

/// How often it is said that a witness objects.
const SAY_AGAIN: Duration = Duration::from_mins(1);

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
    /// Leaves of the last tree that it signed; none before it was asked.
    size: Option<u64>,
    /// Changes of our keys that it has been told.
    told: usize,
    /// It has signed a tree that ours does not extend. Only a restored database ends that, and with it this process.
    objects: bool,
    /// When that was said last.
    said: Option<Instant>,
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
    let transitions = log::look_for_transitions(office).await?;
    let last = log::latest(office).await?;
    let complete = last.is_some_and(|last| {
        last.size.cast_unsigned() == checkpoint.size
            && usize::try_from(last.witnesses) == Ok(engine.witnesses.len())
    });
    if complete {
        return Ok(false);
    }
    let tells = engine
        .witnesses
        .iter()
        .zip(seen.iter_mut())
        .map(|(witness, seen)| tell(witness, seen, &transitions));
    join_all(tells).await;
    // Before anything is signed: a database that is an old copy must not sign another tree than it has signed before.
    place_all(engine, seen).await?;
    if is_contradicted(engine, seen).await? {
        return Ok(sealed > 0);
    }
    let note = log::sign(office, &checkpoint).await?;
    let asked = engine
        .witnesses
        .iter()
        .zip(seen.iter_mut())
        .map(|(witness, seen)| cosign(engine, witness, seen, &checkpoint, &note));
    let lines: Vec<Option<String>> = join_all(asked).await;
    let silent = engine.witnesses.iter().zip(&lines);
    let silent: Vec<String> = silent
        .filter(|(_, line)| line.is_none())
        .map(|(witness, _)| witness.key().name.clone())
        .collect();
    log::withdraw(office, &silent).await?;
    if is_contradicted(engine, seen).await? {
        return Ok(sealed > 0);
    }
    let lines: Vec<String> = lines.into_iter().flatten().collect();
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

/// Asks each witness that was not asked yet how far it has signed, with a tree of no leaves.
async fn place_all(engine: &Engine, seen: &mut [Seen]) -> Result<()> {
    let office = &engine.office;
    if seen.iter().all(|seen| seen.size.is_some()) {
        return Ok(());
    }
    let empty = log::sign(office, &log::empty(office)).await?;
    let empty = empty.as_str();
    let strangers = engine.witnesses.iter().zip(seen.iter_mut());
    let asked = strangers
        .filter(|(_, seen)| seen.size.is_none())
        .map(async |(witness, seen)| match witness.last(empty).await {
            Ok(size) => seen.size = Some(size),
            Err(error) => {
                let name = &witness.key().name;
                tracing::warn!(witness = name, %error, "a witness does not say how far it has signed");
            }
        });
    join_all(asked).await;
    Ok(())
}

/// Whether the log is known not to be the one that a witness of ours has signed: then nothing is signed or published. What is known is kept and
/// said for as long as it lasts.
async fn is_contradicted(engine: &Engine, seen: &mut [Seen]) -> Result<bool> {
    let office = &engine.office;
    // Asked again: another server may have sealed more meanwhile, and the witness have signed that.
    let now = log::size(office).await?;
    let mut contradicted = false;
    for (witness, seen) in engine.witnesses.iter().zip(seen.iter_mut()) {
        let size = seen.size.unwrap_or_default();
        if size > now || seen.objects {
            seen.objects = true;
            contradicted = true;
            log::object(office, &witness.key().name, size).await?;
        }
    }
    for one in log::objections(office).await? {
        let ours = engine
            .witnesses
            .iter()
            .zip(seen.iter_mut())
            .find(|(witness, _)| witness.key().name == one.witness);
        let Some((_, seen)) = ours else { continue };
        // Heard by a process before this one, and the witness has not been asked again: it counts until it has.
        contradicted |= seen.size.is_none();
        let is_told = seen.said.is_some_and(|said| said.elapsed() < SAY_AGAIN);
        if (seen.objects || seen.size.is_none()) && !is_told {
            seen.said = Some(Instant::now());
            tracing::error!(
                witness = one.witness,
                seen = one.size,
                size = now,
                since = %one.found_at,
                "the log is not the one that a witness has signed: it was rolled back, forked, or its database is an old copy; nothing is published (docs/operations.md §6)"
            );
        }
    }
    Ok(contradicted)
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

/// One witness's line; nothing when it is away, refuses or objects.
async fn cosign(
    engine: &Engine,
    witness: &Witness,
    seen: &mut Seen,
    checkpoint: &Checkpoint,
    note: &str,
) -> Option<String> {
    let name = &witness.key().name;
    // It says where it stands, once; then the proof begins there.
    for _ in 0..2 {
        let old = seen.size.unwrap_or_default();
        if old > checkpoint.size {
            return None; // another server of ours was faster, or it objects: `is_contradicted` tells which
        }
        let proof = match log::extension(&engine.office, old, checkpoint.size).await {
            Ok(proof) => proof,
            Err(error) => {
                tracing::error!(%error, "a proof for a witness");
                return None;
            }
        };
        match witness.ask(old, &proof, note).await {
            Ok(Answer::Signed(line)) => {
                seen.size = Some(checkpoint.size);
                return Some(line);
            }
            Ok(Answer::Behind(size)) => seen.size = Some(size),
            Err(error @ WitnessError::Contradicts(_)) => {
                tracing::error!(witness = name, %error, "a witness has not signed");
                seen.objects = true;
                return None;
            }
            Err(error) => {
                tracing::warn!(witness = name, %error, "a witness has not signed");
                return None;
            }
        }
    }
    None
}
