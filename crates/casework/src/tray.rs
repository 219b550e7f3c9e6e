//! What arrives together is done together (攒批): whoever comes while a batch is under way is in the next one. Nobody waits for company
//! longer than what is under way takes: when it is quiet a batch is one piece, and under load sixteen share one statement, one round trip and
//! one commit.
//!
//! A statement for ten pieces costs little more than for one, so that the size of a batch decides. Whatever asks several times on its way
//! (a submission reads keys, books and facts before it books) therefore travels in a [`Convoy`]: its members ask their questions together.

use std::any::Any;
use std::collections::BTreeSet;
use std::future::poll_fn;
use std::num::NonZeroUsize;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;
use std::thread::available_parallelism;
use std::time::Duration;

use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt, join_all};
use futures::stream::FuturesUnordered;
use tokio::sync::oneshot;
use tracing::{Instrument, Span};

use crate::{Fault, Office, Result};

/// Pieces of one batch: more make a statement longer than it saves.
const MOST: usize = 64;

/// Members that are worth a convoy beside another one. Measured with sixteen clients on two cores: six, eight, ten and sixteen gave R2 880, 990, 1,060
/// and 880 cases a second; without it, 660.
const COMPANY: usize = 10;

/// How long who comes waits for the convoy under way before another one begins without a company.
const LATE: Duration = Duration::from_millis(50);

/// How often a batch lets others run before it goes: each of them may be on its way to this very batch. When it is quiet that takes microseconds.
const GATHER: usize = 4;

/// Does a batch: an answer for each piece, in order. Of a batch that fails each piece is done again alone, so that a piece meets
/// nobody's mistake but its own; with one piece it must therefore do what is done without a tray.
pub type Work<T, R> = fn(Office, Vec<T>) -> BoxFuture<'static, Result<Vec<R>>>;

/// Pieces with whom to tell.
type Batch<T, A> = Vec<(T, oneshot::Sender<A>)>;

/// Those who wait for a place in a batch.
struct Queue<T, A> {
    /// Batches under way at one time, at most.
    at_once: usize,
    /// Pieces that are worth a batch beside another one; fewer wait for the end of that one.
    company: usize,
    state: Mutex<State<T, A>>,
}

struct State<T, A> {
    waiting: Batch<T, A>,
    /// Batches under way.
    busy: usize,
    /// Pieces in them.
    inside: usize,
}

impl<T: Send + 'static, A: Send + 'static> Queue<T, A> {
    fn new(at_once: usize, company: usize) -> Arc<Self> {
        let state = State {
            waiting: Vec::new(),
            busy: 0,
            inside: 0,
        };
        Arc::new(Self {
            at_once,
            company,
            state: Mutex::new(state),
        })
    }

    /// Whether those who wait go now in a batch beside those under way.
    fn is_worth(&self, state: &State<T, A>) -> bool {
        state.busy == 0 || (state.busy < self.at_once && state.waiting.len() >= self.company)
    }

    fn state(&self) -> MutexGuard<'_, State<T, A>> {
        self.state.lock().expect("no holder of this lock panics")
    }

    /// Puts a piece where a batch will take it; the answer is dropped where the batch ends in the middle.
    fn put(
        self: &Arc<Self>,
        piece: T,
        act: impl Fn(Batch<T, A>) -> BoxFuture<'static, ()> + Clone + Send + 'static,
    ) -> oneshot::Receiver<A> {
        let (told, answer) = oneshot::channel();
        let (begins, is_first) = {
            let mut state = self.state();
            state.waiting.push((piece, told));
            let begins = self.is_worth(&state);
            state.busy += usize::from(begins);
            (begins, state.waiting.len() == 1)
        };
        if begins {
            // A task of its own: a client that hangs up must not take the others' work with it.
            tokio::spawn(self.clone().empty(act, false));
        } else if is_first && self.company > 1 {
            tokio::spawn(self.clone().empty_late(act));
        }
        answer
    }

    /// Begins a batch for those who wait longer than usual: the one under way may stand behind a lock that is none of theirs.
    async fn empty_late(
        self: Arc<Self>,
        act: impl Fn(Batch<T, A>) -> BoxFuture<'static, ()> + Clone + Send + 'static,
    ) {
        tokio::time::sleep(LATE).await;
        let begins = {
            let mut state = self.state();
            let begins = !state.waiting.is_empty() && state.busy < self.at_once;
            state.busy += usize::from(begins);
            begins
        };
        if begins {
            self.empty(act, true).await;
        }
    }

    fn empty<W>(self: Arc<Self>, act: W, mut is_late: bool) -> BoxFuture<'static, ()>
    where
        W: Fn(Batch<T, A>) -> BoxFuture<'static, ()> + Clone + Send + 'static,
    {
        async move {
            let mut busy = Busy(&self, 0);
            loop {
                // Whoever is ready to run at this moment comes first and is in the batch, and who was only waiting for that.
                for _ in 0..GATHER {
                    tokio::task::yield_now().await;
                }
                let (batch, another) = {
                    let mut state = self.state();
                    state.inside -= std::mem::take(&mut busy.1);
                    state.busy -= 1;
                    let is_worth = std::mem::take(&mut is_late) || self.is_worth(&state);
                    if state.waiting.is_empty() || !is_worth {
                        return;
                    }
                    state.busy += 1;
                    // An even share for each batch: a large one beside a small one would cost the small one's company.
                    let all = state.waiting.len() + state.inside;
                    let batches = (all / self.company).clamp(1, self.at_once);
                    let most = state.waiting.len().min(all.div_ceil(batches)).min(MOST);
                    state.inside += most;
                    busy.1 = most;
                    let batch = state.waiting.drain(..most).collect();
                    let another = !state.waiting.is_empty() && self.is_worth(&state);
                    state.busy += usize::from(another);
                    (batch, another)
                };
                if another {
                    tokio::spawn(self.clone().empty(act.clone(), false));
                }
                act(batch).await;
            }
        }
        .boxed()
    }
}

/// Frees the queue when its batch panics: those who wait hear of it, and the next piece begins anew.
struct Busy<'a, T, A>(&'a Queue<T, A>, usize);

impl<T, A> Drop for Busy<'_, T, A> {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Ok(mut state) = self.0.state.lock()
        {
            state.busy -= 1;
            state.inside -= self.1;
            state.waiting.clear();
        }
    }
}

/// Where pieces of one kind of work meet.
pub struct Tray<T, R> {
    work: Work<T, R>,
    queue: Arc<Queue<T, Result<R>>>,
}

impl<T: Clone + Send + 'static, R: Send + 'static> Tray<T, R> {
    /// A tray for work that reads.
    pub fn new(work: Work<T, R>) -> Self {
        Self::of(work, cores().div_ceil(2))
    }

    /// A tray for work that commits: while one batch waits for the disk, another one is written.
    pub fn that_commits(work: Work<T, R>) -> Self {
        Self::of(work, cores().max(2))
    }

    fn of(work: Work<T, R>, at_once: usize) -> Self {
        Self {
            work,
            queue: Queue::new(at_once, 1),
        }
    }

    /// Has a piece done, alone or with others. It is done even if whoever asked no longer waits.
    ///
    /// # Errors
    /// Those of the work on this piece.
    pub async fn put(&self, office: &Office, piece: T) -> Result<R> {
        let (work, office) = (self.work, office.clone());
        let act = move |batch| do_batch(work, office.clone(), batch).boxed();
        let answer = match BOARD.try_with(Clone::clone) {
            Ok(board) => board.put(Arc::as_ptr(&self.queue) as usize, piece, act),
            Err(_) => self.queue.put(piece, act),
        };
        answer.await.unwrap_or_else(|_| Err(ended()))
    }
}

fn cores() -> usize {
    available_parallelism().map_or(2, NonZeroUsize::get)
}

fn ended() -> crate::Error {
    Fault::Stored("a batch ended in the middle".to_owned()).into()
}

async fn do_batch<T: Clone, R>(work: Work<T, R>, office: Office, batch: Batch<T, Result<R>>) {
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

/// Where whole errands of one kind meet, to go their way together.
pub struct Convoy<T, A> {
    errand: fn(T) -> BoxFuture<'static, A>,
    /// What each wants, in the span of who asked.
    queue: Arc<Queue<(T, Span), A>>,
}

impl<T: Send + 'static, A: Send + 'static> Convoy<T, A> {
    /// One convoy for each core at most: while one is at the database, another one decides. A statement costs nearly the same for three as for
    /// eight, so that who comes while a convoy is under way waits for its end, unless there is a [`COMPANY`].
    pub fn new(errand: fn(T) -> BoxFuture<'static, A>) -> Self {
        Self {
            errand,
            queue: Queue::new(cores(), COMPANY),
        }
    }

    /// Has an errand done with others; it is done even if whoever asked no longer waits.
    ///
    /// # Errors
    /// The convoy ended in the middle.
    pub async fn go(&self, errand: T) -> Result<A> {
        let how = self.errand;
        let act = move |batch: Batch<(T, Span), A>| {
            let each = batch
                .into_iter()
                .map(move |((one, span), told)| async move {
                    let errand = AssertUnwindSafe(how(one).instrument(span));
                    // Each is told when its own errand is done; who panics takes nobody along.
                    if let Ok(done) = errand.catch_unwind().await {
                        let _ = told.send(done);
                    }
                });
            on_one_board(join_all(each)).map(drop).boxed()
        };
        let asked = self.queue.put((errand, Span::current()), act);
        asked.await.map_err(|_| ended())
    }
}

tokio::task_local! {
    /// The board of the convoy that runs in this task.
    static BOARD: Board;
}

/// What the members of a convoy have put on trays since it was looked at last.
#[derive(Clone, Default)]
struct Board(Arc<Mutex<Vec<Heap>>>);

/// What is for one tray: its pieces, a [`Batch`] of the tray's types, and how they are done.
struct Heap {
    tray: usize,
    pieces: Box<dyn Any + Send>,
    begin: Box<dyn FnOnce(Box<dyn Any + Send>) -> BoxFuture<'static, ()> + Send>,
}

impl Board {
    fn put<T: Send + 'static, A: Send + 'static>(
        &self,
        tray: usize,
        piece: T,
        act: impl FnOnce(Batch<T, A>) -> BoxFuture<'static, ()> + Send + 'static,
    ) -> oneshot::Receiver<A> {
        let (told, answer) = oneshot::channel();
        let mut heaps = self.heaps();
        let before = heaps.iter_mut().find(|heap| heap.tray == tray);
        match before.and_then(|heap| heap.pieces.downcast_mut::<Batch<T, A>>()) {
            Some(pieces) => pieces.push((piece, told)),
            None => heaps.push(Heap {
                tray,
                pieces: Box::new(vec![(piece, told)]),
                begin: Box::new(|pieces| match pieces.downcast::<Batch<T, A>>() {
                    Ok(batch) => act(*batch),
                    Err(_) => std::future::ready(()).boxed(),
                }),
            }),
        }
        answer
    }

    /// Takes what can begin: all but what is for a tray with a batch under way, which grows meanwhile.
    fn take(&self, busy: &BTreeSet<usize>) -> Vec<Heap> {
        let mut heaps = self.heaps();
        let (stay, go) = heaps.drain(..).partition(|heap| busy.contains(&heap.tray));
        *heaps = stay;
        go
    }

    fn heaps(&self) -> MutexGuard<'_, Vec<Heap>> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

/// Runs a future that does many things at once, so that what these put on one tray at one moment is one batch: none begins before all have
/// gone as far as they can.
pub async fn on_one_board<F: Future>(all: F) -> F::Output {
    let board = Board::default();
    let mut all = pin!(BOARD.scope(board.clone(), all));
    let mut busy = BTreeSet::new();
    let mut batches = FuturesUnordered::new();
    poll_fn(|context| {
        loop {
            if let Poll::Ready(done) = all.as_mut().poll(context) {
                return Poll::Ready(done);
            }
            let begun = board.take(&busy);
            let is_none = begun.is_empty();
            for heap in begun {
                busy.insert(heap.tray);
                let tray = heap.tray;
                batches.push((heap.begin)(heap.pieces).map(move |()| tray));
            }
            match batches.poll_next_unpin(context) {
                Poll::Ready(Some(tray)) => {
                    busy.remove(&tray);
                }
                _ if is_none => return Poll::Pending,
                _ => {}
            }
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_stands_behind_a_lock_holds_up_nobody_else_for_long() {
        static LOCKED: tokio::sync::Notify = tokio::sync::Notify::const_new();
        static UNLOCKED: tokio::sync::Notify = tokio::sync::Notify::const_new();
        let convoy = Arc::new(Convoy::new(|number: u32| {
            async move {
                if number == 0 {
                    LOCKED.notify_one();
                    UNLOCKED.notified().await;
                }
                number
            }
            .boxed()
        }));
        if cores() < 2 {
            return; // one convoy at a time
        }
        let behind = tokio::spawn({
            let convoy = convoy.clone();
            async move { convoy.go(0).await }
        });
        LOCKED.notified().await;
        assert_eq!(convoy.go(7).await.expect("an answer"), 7);
        assert!(!behind.is_finished(), "it is still locked");
        UNLOCKED.notify_one();
        assert_eq!(behind.await.expect("an end").expect("an answer"), 0);
    }

    #[tokio::test]
    async fn who_panics_in_a_convoy_takes_nobody_along() {
        let convoy = Convoy::new(|number: u32| {
            async move {
                tokio::task::yield_now().await;
                assert_ne!(number % 10, 3, "this one never arrives");
                number * 2
            }
            .boxed()
        });
        let answers = join_all((0..100).map(|number| convoy.go(number))).await;
        for (number, answer) in (0..100).zip(answers) {
            if number % 10 == 3 {
                assert!(answer.is_err(), "{number} has an answer");
            } else {
                assert_eq!(answer.expect("an answer"), number * 2);
            }
        }
        assert_eq!(convoy.go(50).await.expect("an answer"), 100);
    }
}
