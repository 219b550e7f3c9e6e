//! A server is replaced while people use it: not one request fails, on connections that are kept and on new ones.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use anju::cast;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::{installation::Installation, town::month};

/// How often the server is replaced.
const REPLACEMENTS: usize = 3;

/// Answers that each client must have had before the server is replaced again.
const BETWEEN: usize = 20;

/// A client that forgives nothing: it never asks twice, and leaves a connection only when it is told to.
struct Client {
    address: SocketAddr,
    keeps: bool,
    line: Option<BufReader<TcpStream>>,
}

impl Client {
    fn new(address: SocketAddr, keeps: bool) -> Self {
        Self {
            address,
            keeps,
            line: None,
        }
    }

    async fn ask(&mut self) -> std::io::Result<u16> {
        let mut line = match self.line.take() {
            Some(line) => line,
            None => BufReader::new(TcpStream::connect(self.address).await?),
        };
        line.write_all(b"GET /guides HTTP/1.1\r\nHost: anju\r\n\r\n")
            .await?;
        let (mut status, mut length, mut closes) = (0, 0, false);
        loop {
            let mut head = String::new();
            if line.read_line(&mut head).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let head = head.trim().to_ascii_lowercase();
            if let Some(rest) = head.strip_prefix("http/1.1 ") {
                status = rest
                    .get(..3)
                    .and_then(|digits| digits.parse().ok())
                    .unwrap_or(0);
            } else if let Some(rest) = head.strip_prefix("content-length: ") {
                length = rest.parse().expect("a length");
            } else if head == "connection: close" {
                closes = true;
            } else if head.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        line.read_exact(&mut body).await?;
        if self.keeps && !closes {
            self.line = Some(line);
        }
        Ok(status)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_replaced_three_times_without_one_failed_request() {
    let mut own = Installation::open().await;
    let over = Arc::new(AtomicBool::new(false));
    let answered: Vec<Arc<AtomicUsize>> = (0..7).map(|_| Arc::default()).collect();
    let mut clients = Vec::new();
    for (place, count) in answered.iter().enumerate() {
        let (over, count, doors) = (over.clone(), count.clone(), own.doors.clone());
        let mut client = Client::new(own.config.listen, place % 2 == 0);
        clients.push(tokio::spawn(async move {
            while !over.load(Ordering::Relaxed) {
                if place == 6 {
                    // One that writes.
                    let seed = 9_000 + i64::try_from(count.load(Ordering::Relaxed)).expect("small");
                    cast::open_employer(&doors, seed, month(1))
                        .await
                        .expect("an employer");
                } else {
                    let status = client.ask().await.expect("an answer");
                    assert_eq!(status, 200);
                }
                count.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    let everybody_goes_on = async |clients: &[tokio::task::JoinHandle<()>]| {
        let before: Vec<usize> = answered
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
            .collect();
        while answered
            .iter()
            .zip(&before)
            .any(|(count, before)| count.load(Ordering::Relaxed) < before + BETWEEN)
        {
            assert!(
                !clients.iter().any(tokio::task::JoinHandle::is_finished),
                "a client was failed"
            );
            tokio::task::yield_now().await;
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    for _ in 0..REPLACEMENTS {
        everybody_goes_on(&clients).await;
        tokio::task::block_in_place(|| own.replace());
    }
    everybody_goes_on(&clients).await;
    over.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.expect("every request was answered");
    }
    own.stop();
}
