//! The server's door (监听): it takes connections until it is told to leave, and then lets everybody finish.
//!
//! Invariant: leaving drops no request. The listening socket is let go first; each answer from then on says
//! `Connection: close`, so that a client's next request comes on a new connection, to whoever listens then; what stays
//! silent for [`SILENCE`] is closed.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    extract::{ConnectInfo, Request, State, connect_info::Connected},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
    serve::{IncomingStream, Listener},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
};

/// A connection that asks nothing for so long is closed when the server leaves.
const SILENCE: Duration = Duration::from_secs(2);

/// Tells a door to leave, and knows whether it is leaving. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Leave(watch::Sender<bool>);

impl Leave {
    /// Nobody leaves yet.
    pub fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// From now on no connection is taken.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Whether it has begun.
    pub fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it begins.
    pub async fn begun(&self) {
        // The sender lives in `self`, so that the wait cannot fail.
        let _ = self.0.subscribe().wait_for(|begun| *begun).await;
    }
}

impl Default for Leave {
    fn default() -> Self {
        Self::new()
    }
}

/// A listener that leaves when it is told to.
pub struct Doorway {
    listener: Option<TcpListener>,
    address: SocketAddr,
    leave: Leave,
    /// A copy of it lives in each open connection, so that the other end hears when the last is gone.
    open: Option<mpsc::Sender<()>>,
}

/// Ends when every connection of a [`Doorway`] that leaves has, or has been silent.
pub struct Emptied(mpsc::Receiver<()>);

impl Emptied {
    /// Waits for it.
    pub async fn wait(mut self, leave: Leave) {
        leave.begun().await;
        // Either all are gone or those that stay say nothing: both will do.
        let _ = tokio::time::timeout(SILENCE, self.0.recv()).await;
    }
}

impl Doorway {
    /// Around a socket that listens already.
    pub fn new(listener: TcpListener, leave: Leave) -> io::Result<(Self, Emptied)> {
        let (open, emptied) = mpsc::channel(1);
        let address = listener.local_addr()?;
        let doorway = Self {
            listener: Some(listener),
            address,
            leave,
            open: Some(open),
        };
        Ok((doorway, Emptied(emptied)))
    }
}

impl Listener for Doorway {
    type Io = Guest;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Guest, SocketAddr) {
        if let (Some(listener), Some(open)) = (&mut self.listener, &self.open) {
            tokio::select! {
                biased;
                () = self.leave.begun() => {}
                // The trait's own accept: it waits where the machine has no descriptor left.
                (stream, peer) = Listener::accept(listener) => {
                    return (Guest { stream, _open: open.clone() }, peer);
                }
            }
        }
        self.listener = None;
        self.open = None;
        std::future::pending().await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// A connection of a [`Doorway`].
pub struct Guest {
    stream: TcpStream,
    _open: mpsc::Sender<()>,
}

impl AsyncRead for Guest {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Guest {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Who is at the other end. The pages ask for `ConnectInfo<SocketAddr>`, which only axum's own listeners may give.
#[derive(Debug, Clone, Copy)]
pub struct Peer(SocketAddr);

impl Connected<IncomingStream<'_, Doorway>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Doorway>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// The layer around every route: tells who asks, and sends everybody on when the server leaves.
pub async fn lead(State(leave): State<Leave>, mut request: Request, next: Next) -> Response {
    if let Some(ConnectInfo(Peer(peer))) = request.extensions().get().copied() {
        request.extensions_mut().insert(ConnectInfo(peer));
    }
    let mut answer = if leave.has_begun() && request.uri().path() == "/readyz" {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            [(header::RETRY_AFTER, "1")],
            "leaving\n",
        )
            .into_response()
    } else {
        next.run(request).await
    };
    if leave.has_begun() {
        answer
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}
