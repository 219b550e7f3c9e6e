//! The outside world's clock: the system's clock plus the offset that the product's demo clock keeps in `clock.json`.
//!
//! Invariant: this file is only read here. Nothing else in the crate asks the system for the time.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta, Utc};
use serde::Deserialize;

/// Civil time is Asia/Shanghai, which has had no summer time since 1991.
const SHANGHAI_SECONDS: i32 = 8 * 3600;

/// How long a look at the file's modification time serves.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// 时钟. Follows `ANJU_HOME/clock.json`, `{"offset_ms": N}`; without the file it is the system's clock.
pub struct Clock {
    path: PathBuf,
    seen: Mutex<Seen>,
}

struct Seen {
    looked: Option<Instant>,
    modified: Option<SystemTime>,
    offset_ms: i64,
}

#[derive(Deserialize)]
struct ClockFile {
    offset_ms: i64,
}

impl Clock {
    /// The clock that follows the file `path`.
    pub fn following(path: PathBuf) -> Clock {
        Clock {
            path,
            seen: Mutex::new(Seen {
                looked: None,
                modified: None,
                offset_ms: 0,
            }),
        }
    }

    /// The outside world's instant.
    pub fn now(&self) -> DateTime<Utc> {
        let system = DateTime::from(SystemTime::now());
        system + TimeDelta::try_milliseconds(self.offset_ms()).unwrap_or_default()
    }

    /// The outside world's civil day.
    pub fn today(&self) -> NaiveDate {
        civil(self.now()).date_naive()
    }

    /// The system's own milliseconds, for delays that people live through: the demo clock does not shorten them.
    pub fn lived_ms(&self) -> i64 {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    fn offset_ms(&self) -> i64 {
        let Ok(mut seen) = self.seen.lock() else {
            return 0;
        };
        if seen
            .looked
            .is_some_and(|looked| looked.elapsed() < LOOK_AGAIN)
        {
            return seen.offset_ms;
        }
        seen.looked = Some(Instant::now());
        let modified = std::fs::metadata(&self.path)
            .and_then(|file| file.modified())
            .ok();
        if modified != seen.modified {
            match modified {
                None => seen.offset_ms = 0,
                Some(_) => match self.read_offset() {
                    Some(offset_ms) => seen.offset_ms = offset_ms,
                    // Caught while it is being written: the last offset stands and the file is read again.
                    None => return seen.offset_ms,
                },
            }
            seen.modified = modified;
        }
        seen.offset_ms
    }

    fn read_offset(&self) -> Option<i64> {
        let text = std::fs::read(&self.path).ok()?;
        serde_json::from_slice::<ClockFile>(&text)
            .ok()
            .map(|file| file.offset_ms)
    }
}

/// The instant as people in Chongqing read it.
pub fn civil(at: DateTime<Utc>) -> DateTime<FixedOffset> {
    at.with_timezone(
        &FixedOffset::east_opt(SHANGHAI_SECONDS).expect("eight hours are a valid offset"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_file_and_lives_without_it() {
        let path = std::env::temp_dir().join(format!("anju-clock-{}.json", std::process::id()));
        drop(std::fs::remove_file(&path));
        let clock = Clock::following(path.clone());
        let system = clock.now();
        std::fs::write(&path, r#"{"offset_ms": 86400000}"#).unwrap();
        let ahead = Clock::following(path.clone()).now();
        let days = (ahead - system).num_minutes();
        assert!((1440..1442).contains(&days), "{days} minutes ahead");
        std::fs::remove_file(&path).unwrap();
    }
}
