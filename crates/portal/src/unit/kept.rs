//! Files that a clerk is mending. Kept in memory for half an hour and never written down: a roster with mistakes changes
//! nothing and leaves nothing. Invariant: bounded in number and bytes; a file is handed to the employer that sent it alone.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anju_business::contribution::roster::{Absent, Mode};
use anju_domain::calendar::Month;

const LIFE: Duration = Duration::from_secs(30 * 60);
const MOST_FILES: usize = 200;
const MOST_BYTES: usize = 256 * 1024 * 1024;

/// An uploaded file.
#[derive(Clone)]
pub(crate) struct Upload {
    pub(crate) employer_id: i64,
    pub(crate) month: Month,
    /// A month's list, or the bases of a year.
    pub(crate) mode: Mode,
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// Who stands in no row of it: the page names them by their place here, never by a number of theirs.
    pub(crate) absent: Vec<Absent>,
}

/// All files of this process.
#[derive(Default)]
pub(crate) struct Uploads(Mutex<HashMap<String, (Instant, Upload)>>);

impl Uploads {
    /// Keeps a file and names it; older ones make room.
    pub(crate) fn keep(&self, upload: Upload, now: Instant) -> String {
        let number = hex::encode(anju_vault::random::<8>());
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        files.retain(|_, (since, _)| now.duration_since(*since) < LIFE);
        let room = |files: &HashMap<String, (Instant, Upload)>| {
            files.len() < MOST_FILES
                && files
                    .values()
                    .map(|(_, file)| file.bytes.len())
                    .sum::<usize>()
                    + upload.bytes.len()
                    <= MOST_BYTES
        };
        while !files.is_empty() && !room(&files) {
            let oldest = files
                .iter()
                .min_by_key(|(_, (since, _))| *since)
                .map(|(number, _)| number.clone());
            if let Some(oldest) = oldest {
                files.remove(&oldest);
            }
        }
        files.insert(number.clone(), (now, upload));
        number
    }

    /// The file of this employer by its name, while it is kept.
    pub(crate) fn find(&self, number: &str, employer_id: i64, now: Instant) -> Option<Upload> {
        let files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        files
            .get(number)
            .filter(|(since, file)| {
                now.duration_since(*since) < LIFE && file.employer_id == employer_id
            })
            .map(|(_, file)| file.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(employer_id: i64) -> Upload {
        Upload {
            employer_id,
            month: Month::parse("2026-11").expect("a month"),
            mode: Mode::Complete,
            name: "a.xlsx".into(),
            bytes: vec![1; 1024],
            absent: Vec::new(),
        }
    }

    #[test]
    fn a_file_is_given_back_to_its_employer_for_half_an_hour() {
        let uploads = Uploads::default();
        let start = Instant::now();
        let number = uploads.keep(file(7), start);
        assert!(uploads.find(&number, 7, start).is_some());
        assert!(uploads.find(&number, 8, start).is_none());
        assert!(uploads.find(&number, 7, start + LIFE).is_none());
    }

    #[test]
    fn the_oldest_makes_room() {
        let uploads = Uploads::default();
        let start = Instant::now();
        let first = uploads.keep(file(1), start);
        for second in 1..=MOST_FILES {
            let at = start + Duration::from_millis(u64::try_from(second).expect("small"));
            uploads.keep(file(1), at);
        }
        assert!(uploads.find(&first, 1, start).is_none());
    }
}
