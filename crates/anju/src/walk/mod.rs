//! The walk-through (`anju walk`, `./run --once`): the main job over the doors, its figures beside expected ones.
//!
//! Invariant: what is expected stands in `docs/walk.toml`, worked out by hand; nothing here computes it, and a figure
//! that the story does not deliver is as wrong as one that differs. Read `story.rs` for what happens.

mod figure;
mod story;

use std::time::Instant;

use crate::{config::Config, doors::Doors};

pub use figure::{Figures, Got};

/// The table worked out by hand.
const TABLE: &str = include_str!("../../../../docs/walk.toml");

/// Walks, prints the table. True if every figure is right.
pub async fn run(config: &Config) -> anyhow::Result<bool> {
    let began = Instant::now();
    let mut figures = Figures::read(TABLE)?;
    let told = story::tell(&Doors::of(config)?, config, &mut figures).await;
    let right = figures.print(&mut std::io::stdout().lock())?;
    println!("走查用时 {:.1} 秒", began.elapsed().as_secs_f64());
    told?; // after the table: it shows how far the story came
    Ok(right)
}
