//! Handing over (交接): a new server takes the listening socket and the lock of the one that runs, becomes ready, and
//! only then tells it to leave. There is no moment at which nobody listens and none at which the home is not locked.
//!
//! The two meet at `ANJU_HOME/serve.sock`, which only the server's own account may open. The one that runs sends both
//! descriptors at once; the new one answers with one byte when it serves, and waits until the line is closed, which the end
//! of the other process does. A new one that dies before that byte changes nothing.

use std::{
    fs,
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::fs::{FileExt, PermissionsExt},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, Interest},
    net::{TcpListener, UnixListener, UnixStream},
};

/// The socket's name in the home.
const SOCKET: &str = "serve.sock";

/// What the new server says when it serves.
const READY: u8 = b'r';

/// Longest wait for the other one's end: longer than it may take to leave.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a server that runs has handed over.
pub struct Taken {
    /// The socket that both listen on from now.
    pub listener: TcpListener,
    /// The home's lock, held by both.
    pub lock: fs::File,
    /// The line to the other one.
    pub line: Line,
}

/// The line to the server that is being replaced.
pub struct Line(UnixStream);

impl Line {
    /// Tells it that its work is taken over, and waits for its end.
    pub async fn relieve(mut self) -> io::Result<()> {
        self.0.write_all(&[READY]).await?;
        let ended = tokio::time::timeout(PATIENCE, self.0.read(&mut [0])).await;
        ended
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
            .map(drop)
    }
}

/// Takes over from the server of this home; none where nobody serves it.
pub async fn take(home: &Path) -> io::Result<Option<Taken>> {
    let (folder, path) = short(home, SOCKET)?;
    let stream = match UnixStream::connect(path).await {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        stream => stream?,
    };
    drop(folder);
    let mut descriptors = stream
        .async_io(Interest::READABLE, || receive(&stream))
        .await?
        .into_iter();
    let (Some(listener), Some(lock)) = (descriptors.next(), descriptors.next()) else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    let listener = std::net::TcpListener::from(listener);
    listener.set_nonblocking(true)?;
    Ok(Some(Taken {
        listener: TcpListener::from_std(listener)?,
        lock: fs::File::from(lock),
        line: Line(stream),
    }))
}

/// Offers a server's socket and lock to whoever comes to replace it; ends when somebody has, which is the time to leave. Dropped,
/// it lets its copy of the socket go.
pub async fn offer(home: &Path, listener: OwnedFd, lock: &fs::File) -> io::Result<Line> {
    // Beside its place and moved there: the one that is replaced stands at the same place until now.
    let (folder, fresh) = short(home, &format!("{SOCKET}.{}", std::process::id()))?;
    let socket = UnixListener::bind(&fresh)?;
    fs::set_permissions(&fresh, fs::Permissions::from_mode(0o600))?;
    fs::rename(&fresh, home.join(SOCKET))?;
    drop(folder);
    loop {
        let (mut stream, _) = socket.accept().await?;
        let sent = stream
            .async_io(Interest::WRITABLE, || send(&stream, &listener, lock))
            .await;
        // Whoever goes away without a word has not taken over.
        let mut word = [0];
        if sent.is_ok() && matches!(stream.read(&mut word).await, Ok(1)) && word == [READY] {
            return Ok(Line(stream));
        }
    }
}

/// Writes this process's number into a lock that it was handed: `./run --reset` stops the one that stands there.
pub fn sign(lock: &fs::File) -> io::Result<()> {
    lock.set_len(0)?;
    // At the beginning: the place of writing is shared with the other process.
    lock.write_all_at(format!("{}\n", std::process::id()).as_bytes(), 0)
}

/// A name in a folder by way of its descriptor: a socket's path may be 107 bytes long, a home's may be longer.
fn short(home: &Path, name: &str) -> io::Result<(fs::File, PathBuf)> {
    let folder = fs::File::open(home)?;
    let path = Path::new("/proc/self/fd")
        .join(folder.as_raw_fd().to_string())
        .join(name);
    Ok((folder, path))
}

fn send(stream: &UnixStream, listener: &OwnedFd, lock: &fs::File) -> io::Result<()> {
    let descriptors = [listener.as_fd(), lock.as_fd()];
    let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut control = SendAncillaryBuffer::new(&mut room);
    control.push(SendAncillaryMessage::ScmRights(&descriptors));
    // The descriptors travel with a byte that means nothing.
    sendmsg(
        stream,
        &[IoSlice::new(&[0])],
        &mut control,
        SendFlags::NOSIGNAL,
    )?;
    Ok(())
}

fn receive(stream: &UnixStream) -> io::Result<Vec<OwnedFd>> {
    let mut byte = [0];
    let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut control = RecvAncillaryBuffer::new(&mut room);
    recvmsg(
        stream,
        &mut [IoSliceMut::new(&mut byte)],
        &mut control,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    Ok(control
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        })
        .flatten()
        .collect())
}
