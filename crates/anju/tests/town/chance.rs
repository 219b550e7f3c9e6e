//! Chance with a seed: a failure prints it, and `ANJU_SEED` plays it again.

/// A small generator.
pub struct Chance(u64);

impl Chance {
    /// From a seed.
    pub fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below a limit.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    /// One of several.
    pub fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.below(of.len() as u64)).expect("a small number")]
    }
}

/// A seed of this run, printed, or the one that is to be played again.
pub fn seed() -> u64 {
    let seed = std::env::var("ANJU_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| u64::try_from(chrono::Utc::now().timestamp_micros()).unwrap_or(1));
    println!("ANJU_SEED={seed}");
    seed
}
