//! Chance with a seed: a failure prints it, and `ANJU_SEED` plays it again.

pub use anju::chance::Chance;

/// A seed of this run, printed, or the one that is to be played again.
pub fn seed() -> u64 {
    let seed = std::env::var("ANJU_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| u64::try_from(chrono::Utc::now().timestamp_micros()).unwrap_or(1));
    println!("ANJU_SEED={seed}");
    seed
}
