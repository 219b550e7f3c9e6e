//! What arrives together is done together (攒批): whoever comes while a batch is under way is in the next one. Nobody waits for company:
//! when it is quiet a batch is one piece, and under load sixteen share one statement, one round trip and one commit.

use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use tokio::sync::oneshot;

use crate::{Fault, Office, Result};

/// Pieces of one batch: more make a statement longer than it saves.
const MOST: usize = 64;

/// Does a batch: an answer for each piece, in order. Of a batch that fails each piece is done again alone, so that a piece meets
/// nobody's mistake but its own; with one piece it must therefore do what is done without a tray.
pub type Work<T, R> = fn(Office, Vec<T>) -> BoxFuture<'static, Result<Vec<R>>>;

/// Where pieces of one kind of work meet.
pub struct Tray<T, R> {
    work: Work<T, R>,
    at_once: usize,
    state: Arc<Mutex<State<T, R>>>,
}

struct State<T, R> {
    waiting: Vec<(T, oneshot::Sender<Result<R>>)>,
    /// Batches under way.
    busy: usize,
}

impl<T: Clone + Send + 'static, R: Send + 'static> Tray<T, R> {
    /// A tray for work that reads.
    pub fn new(work: Work<T, R>) -> Self {
        Self::of(work, 2)
    }

    /// A tray for work that commits: while one batch waits for the disk, another one is written.
    pub fn that_commits(work: Work<T, R>) -> Self {
        Self::of(work, 3)
    }

    fn of(work: Work<T, R>, at_once: usize) -> Self {
        let state = State {
            waiting: Vec::new(),
            busy: 0,
        };
        Self {
            work,
            at_once,
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Has a piece done, alone or with others. It is done even if whoever asked no longer waits.
    ///
    /// # Errors
    /// Those of the work on this piece.
    pub async fn put(&self, office: &Office, piece: T) -> Result<R> {
        let (told, answer) = oneshot::channel();
        let free = {
            let mut state = self.state.lock().expect("no holder of this lock panics");
            state.waiting.push((piece, told));
            let free = state.busy < self.at_once;
            state.busy += usize::from(free);
            free
        };
        if free {
            // A task of its own: a client that hangs up must not take the others' work with it.
            tokio::spawn(empty(self.work, self.state.clone(), office.clone()));
        }
        answer
            .await
            .unwrap_or_else(|_| Err(Fault::Stored("a batch ended in the middle".to_owned()).into()))
    }
}

/// Frees the tray when its worker panics: those who wait hear of it, and the next piece begins anew.
struct Busy<'a, T, R>(&'a Mutex<State<T, R>>);

impl<T, R> Drop for Busy<'_, T, R> {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Ok(mut state) = self.0.lock()
        {
            state.busy -= 1;
            state.waiting.clear();
        }
    }
}

async fn empty<T: Clone, R>(work: Work<T, R>, state: Arc<Mutex<State<T, R>>>, office: Office) {
    let _busy = Busy(&state);
    loop {
        // Whoever is ready to run at this moment comes first and is in the batch.
        tokio::task::yield_now().await;
        let batch: Vec<_> = {
            let mut state = state.lock().expect("no holder of this lock panics");
            if state.waiting.is_empty() {
                state.busy -= 1;
                return;
            }
            let most = state.waiting.len().min(MOST);
            state.waiting.drain(..most).collect()
        };
        let (pieces, askers): (Vec<T>, Vec<_>) = batch.into_iter().unzip();
        match work(office.clone(), pieces.clone()).await {
            Ok(answers) => {
                for (asker, answer) in askers.into_iter().zip(answers) {
                    // Whoever no longer waits hears nothing.
                    let _ = asker.send(Ok(answer));
                }
            }
            Err(error) if pieces.len() == 1 => {
                if let Some(asker) = askers.into_iter().next() {
                    let _ = asker.send(Err(error));
                }
            }
            Err(_) => {
                for (asker, piece) in askers.into_iter().zip(pieces) {
                    let alone = work(office.clone(), vec![piece]).await;
                    let _ = asker.send(alone.and_then(|answers| {
                        answers.into_iter().next().ok_or_else(|| {
                            Fault::Stored("a piece of work without an answer".to_owned()).into()
                        })
                    }));
                }
            }
        }
    }
}
