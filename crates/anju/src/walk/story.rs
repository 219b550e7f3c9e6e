//! What the walk-through does, step by step, over the doors.

use anju_domain::clock::{Clock, FileClock};
use anyhow::Context;
use chrono::{DateTime, FixedOffset};

use crate::{config::Config, doors::Doors};

use super::Figures;

/// Tells the story and notes each figure when it is seen.
pub async fn tell(doors: &Doors, config: &Config, figures: &mut Figures) -> anyhow::Result<()> {
    let answer = doors.control("/clock").await?.ok()?;
    let outside: DateTime<FixedOffset> = answer["now"]
        .as_str()
        .context("外部世界没有给出时刻")?
        .parse()?;
    let ours = FileClock::new(config.home.join("clock.json")).now();
    figures.got("clocks-apart", (ours - outside.to_utc()).num_minutes())?;
    Ok(())
}
