//! The instant, as a parameter. Invariant: nobody else asks the machine for the time.
//!
//! [`FileClock`] reads a file, the only I/O of this crate: a demo or test centre moves its time, and the
//! server and the outside world are two processes that must agree on it, so that the agreement has to
//! stand in a place that both see.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::SystemTime;

use chrono::{DateTime, FixedOffset, NaiveDate, SecondsFormat, TimeDelta, Utc};

/// Who is asked for the instant.
pub trait Clock: Send + Sync {
    /// The instant.
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// A clock that stands until it is moved, for tests.
#[derive(Debug)]
pub struct FixedClock(Mutex<DateTime<Utc>>);

impl FixedClock {
    /// A clock that stands at `instant`.
    #[must_use]
    pub const fn new(instant: DateTime<Utc>) -> Self {
        Self(Mutex::new(instant))
    }

    /// Moves it.
    pub fn set(&self, instant: DateTime<Utc>) {
        *self
            .0
            .lock()
            .expect("nothing panics while it holds the clock") = instant;
    }
}

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        *self
            .0
            .lock()
            .expect("nothing panics while it holds the clock")
    }
}

/// The machine's clock moved by the offset of a file: `{"offset_ms": 86400000}`. No file, no offset. A file
/// that cannot be read keeps the offset last known: time must not jump because a writer was half way.
#[derive(Debug)]
pub struct FileClock {
    path: PathBuf,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    modified: Option<SystemTime>,
    offset: TimeDelta,
}

impl FileClock {
    /// A clock over that file.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            seen: Mutex::default(),
        }
    }

    /// Whether the clock was ever moved.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.path.exists()
    }

    /// The offset in force.
    #[must_use]
    pub fn offset(&self) -> TimeDelta {
        let mut seen = self
            .seen
            .lock()
            .expect("nothing panics while it holds the offset");
        match std::fs::metadata(&self.path).and_then(|file| file.modified()) {
            Ok(modified) if seen.modified == Some(modified) => {}
            Ok(modified) => {
                if let Some(offset) = std::fs::read_to_string(&self.path)
                    .ok()
                    .as_deref()
                    .and_then(offset_of)
                {
                    *seen = Seen {
                        modified: Some(modified),
                        offset,
                    };
                }
            }
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => *seen = Seen::default(),
            Err(_) => {}
        }
        seen.offset
    }

    /// Sets the offset by replacing the file, so that a reader never sees half of it.
    ///
    /// # Errors
    /// The file system's.
    pub fn set_offset(&self, offset: TimeDelta) -> std::io::Result<()> {
        let draft = self.path.with_extension("json.new");
        std::fs::write(
            &draft,
            format!("{{\"offset_ms\": {}}}\n", offset.num_milliseconds()),
        )?;
        std::fs::rename(&draft, &self.path)
    }
}

impl Clock for FileClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now() + self.offset()
    }
}

/// The number after `"offset_ms":`. The file has this one field, which does not deserve a JSON parser here.
fn offset_of(json: &str) -> Option<TimeDelta> {
    let (_, rest) = json.split_once("\"offset_ms\"")?;
    let number = rest
        .trim_start()
        .strip_prefix(':')?
        .trim()
        .trim_end_matches('}')
        .trim();
    TimeDelta::try_milliseconds(number.parse().ok()?)
}

fn zone() -> FixedOffset {
    FixedOffset::east_opt(8 * 3600).expect("eight hours are a valid offset")
}

/// Civil time of the centre, +08:00 all year.
#[must_use]
pub fn shanghai(instant: DateTime<Utc>) -> DateTime<FixedOffset> {
    instant.with_timezone(&zone())
}

/// The civil date of the centre.
#[must_use]
pub fn shanghai_date(instant: DateTime<Utc>) -> NaiveDate {
    shanghai(instant).date_naive()
}

/// The last second of a civil day in Shanghai.
#[must_use]
pub fn end_of_day(date: chrono::NaiveDate) -> DateTime<Utc> {
    date.and_hms_opt(15, 59, 59)
        .expect("23:59:59 in Shanghai is 15:59:59 UTC")
        .and_utc()
}

/// A full hour of a civil day in Shanghai; none for an hour that no day has.
#[must_use]
pub fn at_hour(date: chrono::NaiveDate, hour: u32) -> Option<DateTime<Utc>> {
    let local = date.and_hms_opt(hour, 0, 0)?;
    Some(local.and_local_timezone(zone()).single()?.to_utc())
}

/// RFC 3339 with +08:00 and seconds, the form of every door.
#[must_use]
pub fn rfc3339(instant: DateTime<Utc>) -> String {
    shanghai(instant).to_rfc3339_opts(SecondsFormat::Secs, false)
}

/// `2026年11月30日 16:05:09`, civil time as people read it on paper and in a terminal.
#[must_use]
pub fn chinese_second(instant: DateTime<Utc>) -> String {
    let there = shanghai(instant);
    let date = crate::calendar::chinese_date(there.date_naive());
    format!("{date} {}", there.format("%H:%M:%S"))
}

/// RFC 3339 with +08:00 and milliseconds, where the order of events matters.
#[must_use]
pub fn rfc3339_millis(instant: DateTime<Utc>) -> String {
    shanghai(instant).to_rfc3339_opts(SecondsFormat::Millis, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_civil_day_begins_at_sixteen_utc() {
        let instant: DateTime<Utc> = "2026-06-30T16:00:00Z".parse().expect("an instant");
        assert_eq!(shanghai_date(instant).to_string(), "2026-07-01");
        assert_eq!(rfc3339(instant), "2026-07-01T00:00:00+08:00");
        assert_eq!(chinese_second(instant), "2026年7月1日 00:00:00");
    }

    #[test]
    fn two_clocks_over_one_file_agree() {
        let path = std::env::temp_dir().join(format!("anju-clock-{}.json", std::process::id()));
        let (product, outside) = (FileClock::new(&path), FileClock::new(&path));
        assert_eq!(product.offset(), TimeDelta::zero());
        product.set_offset(TimeDelta::days(3)).expect("written");
        assert_eq!(outside.offset(), TimeDelta::days(3));
        assert!((outside.now() - product.now()).abs() < TimeDelta::seconds(1));
        std::fs::remove_file(&path).expect("removed");
        assert_eq!(outside.offset(), TimeDelta::zero());
    }
}
