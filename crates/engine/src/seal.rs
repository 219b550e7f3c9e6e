//! The sealer (存证封存): each second what waits is sealed into the log, the tree is signed, the witnesses are asked, the checkpoint
//! is published. Invariant: sealing is the database's work and is done once; signing and asking can be repeated at will, and nothing is published
//! that is known to contradict what was signed before: only the witness that has said so is shown it, to hear whether it still objects.

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
    /// When it was asked last although it objects.
    asked: Option<Instant>,
    /// When it was last said that it objects.
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
    let placed = seen.iter().all(|seen| seen.size.is_some());
    if complete && placed && log::objections(office).await?.is_empty() {
        return Ok(false);
    }
    let tells = engine
        .witnesses
        .iter()
        .zip(seen.iter_mut())
        .map(|(witness, seen)| tell(witness, seen, &transitions));
    join_all(tells).await;
    // Before anything is signed: a database that is an old copy must not sign another tree than it has signed before.
    let away = place_all(engine, seen).await?;
    if is_rolled_back(engine, seen).await? {
        return Ok(sealed > 0);
    }
    let note = log::sign(office, &checkpoint).await?;
    let mut lines = vec![None; engine.witnesses.len()];
    // Whoever has objected, heard by this process or by one before it, is asked alone, and nobody else sees the tree before it has signed it.
    let objected: Vec<String> = log::objections(office)
        .await?
        .into_iter()
        .map(|one| one.witness)
        .collect();
    let has_objected = |witness: &Witness| objected.contains(&witness.key().name);
    for first in [true, false] {
        let asked = engine.witnesses.iter().zip(seen.iter_mut()).zip(&away).map(
            async |((witness, seen), away)| {
                let is_due = has_objected(witness) == first && !away;
                if !is_due || first && !seen.is_due_again() {
                    return Ok(None);
                }
                cosign(engine, witness, seen, &checkpoint, &note).await
            },
        );
        for (line, said) in lines.iter_mut().zip(join_all(asked).await) {
            *line = said?.or(line.take());
        }
        let silent: Vec<String> = engine
            .witnesses
            .iter()
            .zip(&lines)
            .filter(|(_, line)| line.is_none())
            .map(|(witness, _)| witness.key().name.clone())
            .collect();
        log::withdraw(office, &silent).await?;
        if is_contradicted(engine, seen).await? {
            return Ok(sealed > 0);
        }
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

impl Seen {
    /// Whether a witness that objects is asked once more: its operator may have mended it.
    fn is_due_again(&mut self) -> bool {
        let is_due = self.asked.is_none_or(|asked| asked.elapsed() >= SAY_AGAIN);
        if is_due {
            self.asked = Some(Instant::now());
        }
        is_due
    }
}

/// Asks each witness that was not asked yet how far it has signed, with a tree of no leaves. Says of each whether it does not answer at all: then
/// nobody waits for it twice in one round.
async fn place_all(engine: &Engine, seen: &mut [Seen]) -> Result<Vec<bool>> {
    let office = &engine.office;
    if seen.iter().all(|seen| seen.size.is_some()) {
        return Ok(vec![false; seen.len()]);
    }
    let empty = log::sign(office, &log::empty(office)).await?;
    let empty = empty.as_str();
    let asked = engine
        .witnesses
        .iter()
        .zip(seen.iter_mut())
        .map(async |(witness, seen)| {
            if seen.size.is_some() {
                return false;
            }
            match witness.last(empty).await {
                Ok(size) => seen.size = Some(size),
                // It answers, but not to this: it says where it stands when it is asked to sign.
                Err(WitnessError::Refused(_)) => seen.size = Some(0),
                Err(error) => {
                    let name = &witness.key().name;
                    tracing::warn!(witness = name, %error, "a witness does not say how far it has signed");
                    return true;
                }
            }
            false
        });
    Ok(join_all(asked).await)
}

/// Whether a witness has signed a longer tree than there is. Asked before anything is signed.
async fn is_rolled_back(engine: &Engine, seen: &mut [Seen]) -> Result<bool> {
    let office = &engine.office;
    // Read after they were asked: another server may have sealed more meanwhile, and the witness have signed that.
    let now = log::size(office).await?;
    let mut is_rolled_back = false;
    for (witness, seen) in engine.witnesses.iter().zip(seen.iter()) {
        let size = seen.size.unwrap_or_default();
        if size > now {
            is_rolled_back = true;
            log::object(office, &witness.key().name, size).await?;
        }
    }
    if is_rolled_back {
        is_contradicted(engine, seen).await?;
    }
    Ok(is_rolled_back)
}

/// Whether a witness of ours says that this is not the log that it has signed: then nothing is published. It is said for as long as it lasts.
async fn is_contradicted(engine: &Engine, seen: &mut [Seen]) -> Result<bool> {
    let office = &engine.office;
    let now = log::size(office).await?;
    let mut contradicted = false;
    for one in log::objections(office).await? {
        let ours = engine
            .witnesses
            .iter()
            .zip(seen.iter_mut())
            .find(|(witness, _)| witness.key().name == one.witness);
        let Some((_, seen)) = ours else { continue };
        contradicted = true;
        if seen.said.is_none_or(|said| said.elapsed() >= SAY_AGAIN) {
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

/// One witness's line; nothing when it is away, refuses or objects. That it objects is kept.
async fn cosign(
    engine: &Engine,
    witness: &Witness,
    seen: &mut Seen,
    checkpoint: &Checkpoint,
    note: &str,
) -> Result<Option<String>> {
    let (office, name) = (&engine.office, &witness.key().name);
    // It says where it stands, once; then the proof begins there.
    for _ in 0..2 {
        let old = seen.size.unwrap_or_default();
        if old > checkpoint.size {
            // Another server of ours was faster, or the log was rolled back.
            if old > log::size(office).await? {
                log::object(office, name, old).await?;
            }
            return Ok(None);
        }
        let proof = match log::extension(office, old, checkpoint.size).await {
            Ok(proof) => proof,
            Err(error) => {
                tracing::error!(%error, "a proof for a witness");
                return Ok(None);
            }
        };
        match witness.ask(old, &proof, note).await {
            Ok(Answer::Signed(line)) => {
                seen.size = Some(checkpoint.size);
                return Ok(Some(line));
            }
            Ok(Answer::Behind(size)) => seen.size = Some(size),
            Err(error @ WitnessError::Contradicts(_)) => {
                tracing::error!(witness = name, %error, "a witness has not signed");
                log::object(office, name, old).await?;
                return Ok(None);
            }
            Err(error) => {
                tracing::warn!(witness = name, %error, "a witness has not signed");
                return Ok(None);
            }
        }
    }
    Ok(None)
}
