//! `anju clock`: prints the centre's instant; a demo or test centre moves it.

use anju_business::books::day_close;
use anju_domain::clock::{Clock, FileClock, rfc3339, shanghai_date};
use anyhow::{Context, bail, ensure};
use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta, Utc};

use crate::{
    config::Config,
    database,
    doors::Doors,
    start::{demo, office},
};

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
    let clock = office::clock(&config.home);
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

/// Day by day: each business day that the new instant leaves behind is closed at its own end, in order. A day that
/// cannot be closed stops the clock there.
async fn move_to(config: &Config, clock: &FileClock, target: DateTime<Utc>) -> anyhow::Result<()> {
    let set = |instant: DateTime<Utc>| {
        clock
            .set_offset(clock.offset() + (instant - clock.now()))
            .context("写不了 clock.json")
    };
    let url = database::existing(config).await?;
    let office = office::open(config, database::pool(&url, 4).await?).await?;
    let engine = office::engine(config, office.clone())?;
    loop {
        let open = day_close::open_date(&office).await?;
        if open >= shanghai_date(target) {
            return set(target);
        }
        if shanghai_date(clock.now()) <= open {
            set(last_second(open))?;
            // Without it the close says which statement is missing.
            if let Ok(doors) = Doors::of(config) {
                let _ = doors.outside_reaches(open).await;
            }
        }
        demo::close_day(&engine)
            .await
            .with_context(|| format!("{open} 不能日结，时钟停在这一天"))?;
    }
}

/// 23:59:59 of a day in Shanghai.
fn last_second(day: NaiveDate) -> DateTime<Utc> {
    day.and_hms_opt(23, 59, 59)
        .expect("a time of every day")
        .and_utc()
        - TimeDelta::hours(8)
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
    fn a_day_ends_at_midnight_in_shanghai() {
        let day = NaiveDate::from_ymd_opt(2026, 6, 30).expect("a day");
        assert_eq!(rfc3339(last_second(day)), "2026-06-30T23:59:59+08:00");
    }

    #[test]
    fn a_duration_is_read_as_people_write_it() {
        assert_eq!(parse_duration("36h").expect("hours"), TimeDelta::hours(36));
        assert_eq!(parse_duration("1d12h").expect("both"), TimeDelta::hours(36));
        for wrong in ["", "5", "d", "1w", "-1d", "999999999999999999d"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }
}
