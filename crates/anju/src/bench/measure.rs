//! Measuring in turn: the reference before and after every run of ours, three rounds, medians. What else the machine does then
//! meets both.

use super::load::{Load, median};

/// Rounds of every row.
pub const ROUNDS: usize = 3;

/// What a row's runs came to.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// Ours, a second.
    pub ours: f64,
    /// The reference, a second.
    pub reference: f64,
    /// The median of ours over the reference beside it.
    pub ratio: f64,
    /// Milliseconds that half of our requests did not exceed.
    pub p50_ms: f64,
    /// Milliseconds that 99 of 100 did not exceed.
    pub p99_ms: f64,
}

/// Reference, ours, reference, ours …, reference: each run of ours is compared with the mean of its neighbours.
///
/// # Errors
/// What either of them meets.
pub async fn in_turn(
    reference: impl AsyncFn() -> anyhow::Result<f64>,
    ours: impl AsyncFn() -> anyhow::Result<Load>,
) -> anyhow::Result<Measured> {
    let mut references = vec![reference().await?];
    let mut loads = Vec::new();
    for _ in 0..ROUNDS {
        loads.push(ours().await?);
        references.push(reference().await?);
    }
    let ratios: Vec<f64> = loads
        .iter()
        .zip(references.windows(2))
        .map(|(load, beside)| load.rate() * 2.0 / (beside[0] + beside[1]))
        .collect();
    Ok(summary(&loads, &references, &ratios))
}

fn summary(loads: &[Load], references: &[f64], ratios: &[f64]) -> Measured {
    let of = |figure: &dyn Fn(&Load) -> f64| median(&loads.iter().map(figure).collect::<Vec<_>>());
    Measured {
        ours: of(&Load::rate),
        reference: median(references),
        ratio: median(ratios),
        p50_ms: of(&|load| load.percentile(50)),
        p99_ms: of(&|load| load.percentile(99)),
    }
}
