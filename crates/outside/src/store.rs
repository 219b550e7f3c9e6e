//! What the outside world remembers: one append-only journal a room, replayed at the start.
//!
//! Invariant: nobody is told of a change, and nobody reads one, before it is on the disk. A change is one line, so that
//! a `kill -9` leaves it whole or absent; a torn last line was never told to anyone and is cut off. Changes of all
//! callers that wait together share one `fsync`.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;

/// A part of the outside world that keeps its own register: the banks, the departments, the phones.
pub trait Room: Default + Send + 'static {
    /// What happens here. Events are facts: applying one never fails and reads no clock.
    type Event: Serialize + DeserializeOwned;
    /// The journal's file name inside the outside world's home.
    const JOURNAL: &'static str;
    /// Takes an event into the state. The only way in which the state changes.
    fn apply(&mut self, event: Self::Event);
}

/// Why the outside world could not remember or recall.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The journal cannot be opened or read.
    #[error("opening the journal {0}")]
    Open(PathBuf, #[source] std::io::Error),
    /// Another process works with this journal.
    #[error("the journal {0} is in use by another process")]
    InUse(PathBuf),
    /// A line inside the journal is not an event of this room.
    #[error("line {1} of the journal {0} cannot be read")]
    Line(PathBuf, usize, #[source] serde_json::Error),
    /// An event cannot be written as JSON.
    #[error("writing an event as JSON")]
    Event(#[source] serde_json::Error),
    /// The journal could not be written; memory is ahead of the disk, so nothing is answered any more.
    #[error("the journal is no longer writable; restart the outside world")]
    Broken,
}

/// A room's state in memory beside its journal.
pub struct Store<R: Room> {
    shared: Arc<Shared<R>>,
    durable: watch::Receiver<Written>,
    writer: Option<JoinHandle<()>>,
}

struct Shared<R> {
    state: Mutex<State<R>>,
    work: Condvar,
}

struct State<R> {
    room: R,
    /// Lines not yet handed to the disk.
    pending: Vec<u8>,
    /// The number of changes taken into `room`.
    sequence: u64,
    closing: bool,
}

/// How far the disk has come.
#[derive(Clone, Copy)]
enum Written {
    UpTo(u64),
    Broken,
}

/// A change being made: reads see what was recorded before, all of it becomes one line.
pub struct Draft<'a, R: Room> {
    room: &'a mut R,
    line: Vec<u8>,
    fault: Option<serde_json::Error>,
}

impl<R: Room> Draft<'_, R> {
    /// Takes an event into the state and into the change's line.
    pub fn record(&mut self, event: R::Event) {
        if self.fault.is_some() {
            return;
        }
        self.line
            .push(if self.line.is_empty() { b'[' } else { b',' });
        match serde_json::to_writer(&mut self.line, &event) {
            Ok(()) => self.room.apply(event),
            Err(fault) => self.fault = Some(fault),
        }
    }
}

impl<R: Room> Deref for Draft<'_, R> {
    type Target = R;
    fn deref(&self) -> &R {
        self.room
    }
}

impl<R: Room> Store<R> {
    /// Opens the room's journal in `home`, making it if there is none, and replays it.
    pub fn open(home: &Path) -> Result<Store<R>, StoreError> {
        let path = home.join(R::JOURNAL);
        let opening = |error| StoreError::Open(path.clone(), error);
        std::fs::create_dir_all(home).map_err(opening)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(opening)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse(path)),
            Err(TryLockError::Error(error)) => return Err(opening(error)),
        }
        let mut room = R::default();
        let whole = replay(&path, &file, &mut room)?;
        file.set_len(whole).map_err(opening)?;
        file.seek(SeekFrom::End(0)).map_err(opening)?;

        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                room,
                pending: Vec::new(),
                sequence: 0,
                closing: false,
            }),
            work: Condvar::new(),
        });
        let (told, durable) = watch::channel(Written::UpTo(0));
        let for_writer = Arc::clone(&shared);
        let writer = std::thread::spawn(move || write_behind(&for_writer, file, &told));
        Ok(Store {
            shared,
            durable,
            writer: Some(writer),
        })
    }

    /// Makes one change and returns when it is on the disk. `decide` runs alone; it must not wait for anything.
    pub async fn change<T>(
        &self,
        decide: impl FnOnce(&mut Draft<'_, R>) -> T,
    ) -> Result<T, StoreError> {
        let (answer, sequence) = {
            let mut state = self.lock()?;
            let mut draft = Draft {
                room: &mut state.room,
                line: Vec::new(),
                fault: None,
            };
            let answer = decide(&mut draft);
            let Draft {
                mut line, fault, ..
            } = draft;
            if let Some(fault) = fault {
                return Err(StoreError::Event(fault));
            }
            if !line.is_empty() {
                line.extend_from_slice(b"]\n");
                state.pending.extend_from_slice(&line);
                state.sequence += 1;
                self.shared.work.notify_one();
            }
            (answer, state.sequence)
        };
        self.wait_for(sequence).await?;
        Ok(answer)
    }

    /// Reads the state and returns when all that was seen is on the disk.
    pub async fn read<T>(&self, look: impl FnOnce(&R) -> T) -> Result<T, StoreError> {
        let (answer, sequence) = {
            let state = self.lock()?;
            (look(&state.room), state.sequence)
        };
        self.wait_for(sequence).await?;
        Ok(answer)
    }

    /// Reads the state as it was opened, before anybody changes it.
    pub fn peek<T>(&self, look: impl FnOnce(&R) -> T) -> Result<T, StoreError> {
        Ok(look(&self.lock()?.room))
    }

    fn lock(&self) -> Result<MutexGuard<'_, State<R>>, StoreError> {
        // A panic inside a change may have left half of it in memory: what follows would build on sand.
        self.shared.state.lock().map_err(|_| StoreError::Broken)
    }

    async fn wait_for(&self, sequence: u64) -> Result<(), StoreError> {
        let mut durable = self.durable.clone();
        let written = durable
            .wait_for(|written| match written {
                Written::UpTo(done) => *done >= sequence,
                Written::Broken => true,
            })
            .await;
        match written.map(|written| *written) {
            Ok(Written::UpTo(_)) => Ok(()),
            Ok(Written::Broken) | Err(_) => Err(StoreError::Broken),
        }
    }
}

impl<R: Room> Drop for Store<R> {
    fn drop(&mut self) {
        if let Ok(mut state) = self.shared.state.lock() {
            state.closing = true;
        }
        self.shared.work.notify_one();
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has nothing more to say: every waiter got `Broken`.
            drop(writer.join());
        }
    }
}

/// Applies the journal's whole lines and returns how many bytes they are.
fn replay<R: Room>(path: &Path, file: &File, room: &mut R) -> Result<u64, StoreError> {
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut line = Vec::new();
    let mut whole = 0;
    for number in 1.. {
        line.clear();
        let read = reader
            .read_until(b'\n', &mut line)
            .map_err(|error| StoreError::Open(path.to_owned(), error))?;
        if line.last() != Some(&b'\n') {
            break;
        }
        let events: Vec<R::Event> = serde_json::from_slice(&line)
            .map_err(|error| StoreError::Line(path.to_owned(), number, error))?;
        events.into_iter().for_each(|event| room.apply(event));
        whole += read as u64;
    }
    Ok(whole)
}

fn write_behind<R: Room>(shared: &Shared<R>, mut file: File, told: &watch::Sender<Written>) {
    loop {
        let (lines, sequence) = {
            let Ok(state) = shared.state.lock() else {
                break;
            };
            let waited = shared
                .work
                .wait_while(state, |state| state.pending.is_empty() && !state.closing);
            let Ok(mut state) = waited else { break };
            if state.pending.is_empty() {
                return;
            }
            (std::mem::take(&mut state.pending), state.sequence)
        };
        if let Err(error) = file.write_all(&lines).and_then(|()| file.sync_data()) {
            tracing::error!(journal = R::JOURNAL, %error, "the outside world cannot write its journal");
            break;
        }
        told.send_replace(Written::UpTo(sequence));
    }
    told.send_replace(Written::Broken);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Words(Vec<String>);

    impl Room for Words {
        type Event = String;
        const JOURNAL: &'static str = "words.jsonl";
        fn apply(&mut self, event: String) {
            self.0.push(event);
        }
    }

    fn home(name: &str) -> PathBuf {
        let home = std::env::temp_dir().join(format!("anju-store-{name}-{}", std::process::id()));
        drop(std::fs::remove_dir_all(&home));
        home
    }

    #[tokio::test]
    async fn what_was_told_survives_and_a_torn_line_does_not() {
        let home = home("torn");
        let store = Store::<Words>::open(&home).unwrap();
        store
            .change(|draft| draft.record("一".into()))
            .await
            .unwrap();
        store
            .change(|draft| {
                draft.record("二".into());
                assert_eq!(draft.0.len(), 2);
                draft.record("三".into());
            })
            .await
            .unwrap();
        drop(store);

        let path = home.join(Words::JOURNAL);
        let mut journal = std::fs::read(&path).unwrap();
        let whole = journal.len();
        for torn in [&b"[\"four\""[..], b"[", "[\"四\"]".as_bytes()] {
            journal.truncate(whole);
            journal.extend_from_slice(torn);
            std::fs::write(&path, &journal).unwrap();
            let store = Store::<Words>::open(&home).unwrap();
            assert_eq!(
                store.read(|words| words.0.join("")).await.unwrap(),
                "一二三"
            );
        }
        let store = Store::<Words>::open(&home).unwrap();
        store
            .change(|draft| draft.record("五".into()))
            .await
            .unwrap();
        drop(store);
        let store = Store::<Words>::open(&home).unwrap();
        assert_eq!(
            store.read(|words| words.0.join("")).await.unwrap(),
            "一二三五"
        );
    }

    #[tokio::test]
    async fn a_damaged_line_stops_the_start_and_is_named() {
        let home = home("damaged");
        std::fs::create_dir_all(&home).unwrap();
        std::fs::write(home.join(Words::JOURNAL), "[\"a\"]\n[\"b\"\n[\"c\"]\n").unwrap();
        let error = Store::<Words>::open(&home)
            .err()
            .expect("a damaged journal is refused");
        assert!(matches!(error, StoreError::Line(_, 2, _)), "{error:?}");
    }

    #[tokio::test]
    async fn one_journal_has_one_writer() {
        let home = home("lock");
        let first = Store::<Words>::open(&home).unwrap();
        assert!(matches!(
            Store::<Words>::open(&home),
            Err(StoreError::InUse(_))
        ));
        drop(first);
        Store::<Words>::open(&home).unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn many_changes_at_once_are_all_kept() {
        let home = home("many");
        let store = Arc::new(Store::<Words>::open(&home).unwrap());
        let tasks: Vec<_> = (0..200)
            .map(|n| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { store.change(|draft| draft.record(n.to_string())).await })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        drop(store);
        let store = Store::<Words>::open(&home).unwrap();
        assert_eq!(store.read(|words| words.0.len()).await.unwrap(), 200);
    }
}
