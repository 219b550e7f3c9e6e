//! `anju clock`: prints the centre's instant; a demo or test centre moves it.

use anju_domain::clock::{Clock, FileClock, rfc3339};
use anyhow::{Context, bail, ensure};
use chrono::{DateTime, FixedOffset, TimeDelta, Utc};

use crate::config::Config;

/// How to move the clock.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Action {
    /// 拨到某一时刻，如 2026-07-01T00:00:00+08:00
    Set {
        /// 时刻（RFC 3339）
        instant: DateTime<FixedOffset>,
    },
    /// 前拨一段时间，如 36h、1d、30m
    Advance {
        /// 时长：整数加 d、h、m 或 s，可连写，如 1d12h
        duration: String,
    },
}

/// Prints the instant or moves it. Time only goes forward: what is booked stays booked.
pub async fn run(config: &Config, action: Option<Action>) -> anyhow::Result<()> {
    let clock = FileClock::new(config.home.join("clock.json"));
    let now = clock.now();
    let target = match action {
        None => now,
        Some(Action::Set { instant }) => instant.to_utc(),
        Some(Action::Advance { duration }) => now + parse_duration(&duration)?,
    };
    if target != now {
        ensure!(config.demo, "只有演示中心或测试中心的时钟可以拨动");
        ensure!(target > now, "时钟只能前拨：现在是 {}", rfc3339(now));
        move_to(config, &clock, target).await?;
    }
    println!("{}", rfc3339(clock.now()));
    Ok(())
}

async fn move_to(_config: &Config, clock: &FileClock, target: DateTime<Utc>) -> anyhow::Result<()> {
    let offset = clock.offset() + (target - clock.now());
    clock.set_offset(offset).context("写不了 clock.json")
}

fn parse_duration(text: &str) -> anyhow::Result<TimeDelta> {
    let mut total = TimeDelta::zero();
    let mut digits = String::new();
    for letter in text.chars() {
        let Some(unit) = (match letter {
            '0'..='9' => {
                digits.push(letter);
                continue;
            }
            'd' => Some(86_400),
            'h' => Some(3_600),
            'm' => Some(60),
            's' => Some(1),
            _ => None,
        }) else {
            bail!("时长「{text}」看不懂：应如 36h、1d、30m");
        };
        let count: i64 = digits
            .parse()
            .with_context(|| format!("时长「{text}」缺少数字"))?;
        let part = count
            .checked_mul(unit)
            .and_then(TimeDelta::try_seconds)
            .with_context(|| format!("时长「{text}」太长"))?;
        total = total
            .checked_add(&part)
            .with_context(|| format!("时长「{text}」太长"))?;
        digits.clear();
    }
    ensure!(
        digits.is_empty() && !text.is_empty(),
        "时长「{text}」缺少单位：d、h、m 或 s"
    );
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_read_as_people_write_it() {
        assert_eq!(parse_duration("36h").expect("hours"), TimeDelta::hours(36));
        assert_eq!(parse_duration("1d12h").expect("both"), TimeDelta::hours(36));
        for wrong in ["", "5", "d", "1w", "-1d", "999999999999999999d"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }
}
