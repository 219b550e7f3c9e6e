//! Sixteen clients, each with one request at a time, and what they saw.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures::future::try_join_all;

use super::ground::CLIENTS;

/// What a run of clients came to.
pub struct Load {
    /// Requests.
    pub count: usize,
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// How long each took, ascending.
    pub times: Vec<Duration>,
}

impl Load {
    /// Answers per second.
    pub fn rate(&self) -> f64 {
        self.count as f64 / self.elapsed.as_secs_f64()
    }

    /// The time that so many per cent did not exceed, in milliseconds.
    pub fn percentile(&self, percent: usize) -> f64 {
        let place = (self.times.len() * percent / 100).min(self.times.len().saturating_sub(1));
        self.times
            .get(place)
            .map_or(0.0, |time| time.as_secs_f64() * 1e3)
    }
}

/// Does each piece of work once, with so many clients as the bench has, each a task of its own.
///
/// # Errors
/// The first that a client meets.
pub async fn clients<T, W, Done>(work: Vec<T>, act: W) -> anyhow::Result<Load>
where
    T: Send + 'static,
    W: Fn(T) -> Done + Clone + Send + Sync + 'static,
    Done: Future<Output = anyhow::Result<()>> + Send,
{
    let count = work.len();
    let work = Arc::new(Mutex::new(work.into_iter()));
    let began = Instant::now();
    let clients = (0..CLIENTS).map(|_| {
        let (work, act) = (work.clone(), act.clone());
        tokio::spawn(async move {
            let mut times = Vec::new();
            while let Some(piece) = next(&work) {
                let start = Instant::now();
                act(piece).await?;
                times.push(start.elapsed());
            }
            anyhow::Ok(times)
        })
    });
    let mut times = Vec::with_capacity(count);
    for seen in try_join_all(clients).await? {
        times.extend(seen?);
    }
    let elapsed = began.elapsed();
    times.sort_unstable();
    Ok(Load {
        count,
        elapsed,
        times,
    })
}

fn next<T>(work: &Mutex<std::vec::IntoIter<T>>) -> Option<T> {
    work.lock().expect("no client panics in here").next()
}

/// The middle of some figures.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
