//! 限速: a bucket of tokens for each address and door. Guards log-ins and text messages, where each try costs or reveals
//! something. Invariant: the table of buckets stays bounded; a full bucket is forgotten, since it allows everything.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Visit;
use crate::pages::error::PageError;

/// At most so many buckets; beyond, full ones are dropped, and if none is full, new addresses wait.
const MOST_BUCKETS: usize = 100_000;

/// What is guarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Door {
    /// Trying a password or a code.
    LogIn,
    /// Having a text message sent.
    Message,
    /// Looking people up at the desk.
    Search,
    /// Showing a wrong key at a machine's door.
    WrongKey,
    /// Trying the code of a paper.
    Document,
}

impl Door {
    /// How many at once, and how long until one more is allowed.
    fn measure(self) -> (u32, Duration) {
        match self {
            Door::LogIn => (10, Duration::from_secs(30)),
            Door::Message => (5, Duration::from_secs(60)),
            Door::Search => (60, Duration::from_secs(1)),
            Door::WrongKey => (20, Duration::from_secs(6)),
            Door::Document => (30, Duration::from_secs(5)),
        }
    }
}

struct Bucket {
    tokens: u32,
    filled: Instant,
}

/// All buckets of this process.
#[derive(Default)]
pub struct Limiter {
    buckets: Mutex<HashMap<(IpAddr, Door), Bucket>>,
}

impl Limiter {
    /// Takes one token; on refusal says how long to wait.
    ///
    /// # Errors
    /// The time until the next token.
    pub fn take(&self, client: IpAddr, door: Door, now: Instant) -> Result<(), Duration> {
        let (most, every) = door.measure();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST_BUCKETS {
            buckets.retain(|(_, door), bucket| {
                let (most, every) = door.measure();
                now.duration_since(bucket.filled) < every * (most - bucket.tokens)
            });
            if buckets.len() >= MOST_BUCKETS && !buckets.contains_key(&(client, door)) {
                return Err(every);
            }
        }
        let bucket = buckets.entry((client, door)).or_insert(Bucket {
            tokens: most,
            filled: now,
        });
        let passed = now.duration_since(bucket.filled);
        let gained = u32::try_from(passed.as_nanos() / every.as_nanos()).unwrap_or(u32::MAX);
        if bucket.tokens.saturating_add(gained) >= most {
            bucket.tokens = most;
            bucket.filled = now;
        } else {
            bucket.tokens += gained;
            bucket.filled += every * gained;
        }
        if bucket.tokens == 0 {
            return Err(every.saturating_sub(now.duration_since(bucket.filled)));
        }
        bucket.tokens -= 1;
        Ok(())
    }
}

/// The layer of a route: every write through it takes a token of its door.
pub async fn throttle(
    State((limiter, door)): State<(Arc<Limiter>, Door)>,
    visit: Visit,
    request: Request,
    next: Next,
) -> Response {
    if request.method() == Method::POST
        && let Err(wait) = limiter.take(visit.client, door, Instant::now())
    {
        return PageError::TooMany {
            seconds: wait.as_secs() + 1,
        }
        .into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn after_ten_tries_one_waits_half_a_minute_and_another_address_does_not() {
        let limiter = Limiter::default();
        let (one, other) = (
            IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
            IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)),
        );
        let start = Instant::now();
        for _ in 0..10 {
            assert_eq!(limiter.take(one, Door::LogIn, start), Ok(()));
        }
        let later = start + Duration::from_secs(10);
        assert_eq!(
            limiter.take(one, Door::LogIn, later),
            Err(Duration::from_secs(20))
        );
        assert_eq!(limiter.take(other, Door::LogIn, later), Ok(()));
        assert_eq!(limiter.take(one, Door::Message, later), Ok(()));
        let after = start + Duration::from_secs(31);
        assert_eq!(limiter.take(one, Door::LogIn, after), Ok(()));
        assert!(limiter.take(one, Door::LogIn, after).is_err());
    }
}
