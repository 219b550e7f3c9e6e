//! `…/live`: a case that moves, told to its page by server-sent events. Carries no data: the page fetches itself again,
//! so that what is shown is always what the server would print.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use futures::{Stream, StreamExt};

/// What a page is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// Something changed.
    Moved,
    /// Nothing will change any more.
    Ended,
}

/// The stream of events of a page; a comment every fifteen seconds keeps proxies from closing it.
pub fn events(
    moves: impl Stream<Item = Move> + Send + 'static,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = moves.map(|step| {
        let name = match step {
            Move::Moved => "moved",
            Move::Ended => "ended",
        };
        Ok(Event::default().event(name).data(name))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}
