//! Witnesses of evidence logs (见证人; C2SP tlog-witness): a bank and an auditor, each a process with a key and a memory of its own.
//!
//! Invariant: what a witness has signed is on its disk before anybody reads the signature, and it never signs a tree that does not
//! extend the last one that it signed. It reads notes and proofs by libraries that the product does not use.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anju_vault::signature::Ed25519Key;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path as UrlPath, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use signed_note::{Note, StandardVerifier, Verifier, VerifierList};
use tlog_tiles::Hash;
use tokio::net::TcpListener;
use tokio::sync::Mutex;

use crate::World;
use crate::clock::Clock;

/// The witnesses of this world: the folder of each, and the name under which it signs.
pub const WITNESSES: [(&str, &str); 2] = [
    ("bank", "bank.example/witness"),
    ("audit", "audit.example/witness"),
];

/// The largest request that is read: a checkpoint and 63 hashes.
const MAX_BYTES: usize = 64 * 1024;

/// Why a witness cannot start or sign.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// None of [`WITNESSES`].
    #[error("no witness is called {0}")]
    Unknown(String),
    /// Its key.
    #[error("the key of a witness")]
    Key(#[from] anju_vault::VaultError),
    /// Its files.
    #[error("the file {0} of a witness")]
    File(PathBuf, #[source] std::io::Error),
    /// Its memory is not what it wrote: it signs nothing until somebody has looked.
    #[error("the memory {0} of a witness")]
    Memory(PathBuf, #[source] serde_json::Error),
}

/// Where a witness keeps its things.
fn folder(home: &Path, witness: &str) -> PathBuf {
    home.join("outside/witness").join(witness)
}

/// Public keys of the logs that every witness of this world watches, one a line.
fn logs(home: &Path) -> PathBuf {
    home.join("outside/witness/logs")
}

/// Tells the witnesses of a log by its public key, makes their keys where they are missing, and returns theirs (vkey lines)
/// with the path below the outside world's address at which each is found.
///
/// # Errors
/// The folder cannot be written.
pub fn introduce(home: &Path, log_key: &str) -> Result<Vec<(String, String)>, WitnessError> {
    let path = logs(home);
    let writing = |error| WitnessError::File(path.clone(), error);
    fs::create_dir_all(home.join("outside/witness")).map_err(writing)?;
    let known = fs::read_to_string(&path).unwrap_or_default();
    if !known.lines().any(|line| line == log_key) {
        let mut file = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)
            .map_err(writing)?;
        writeln!(file, "{log_key}").map_err(writing)?;
    }
    WITNESSES
        .iter()
        .map(|(place, name)| {
            let key = Ed25519Key::create(folder(home, place).join("witness.key"))?;
            Ok((verifier_key(name, &key), format!("/witness/{place}")))
        })
        .collect()
}

fn typed(key: &Ed25519Key) -> Vec<u8> {
    [&[0x04][..], &key.public()].concat()
}

fn key_id(name: &str, key: &Ed25519Key) -> [u8; 4] {
    let hash = Sha256::new()
        .chain_update(name)
        .chain_update(b"\n")
        .chain_update(typed(key))
        .finalize();
    [hash[0], hash[1], hash[2], hash[3]]
}

fn verifier_key(name: &str, key: &Ed25519Key) -> String {
    let id = u32::from_be_bytes(key_id(name, key));
    format!("{name}+{id:08x}+{}", BASE64.encode(typed(key)))
}

/// The last tree of a log that a witness signed.
#[derive(Clone, Serialize, Deserialize)]
struct Seen {
    size: u64,
    root: String,
}

/// A change of a log's keys that a witness has accepted.
#[derive(Clone, Serialize, Deserialize)]
struct Followed {
    former: String,
    next: String,
    until: i64,
    note: String,
}

/// A witness (见证人).
struct Witness {
    name: &'static str,
    key: Ed25519Key,
    clock: Clock,
    logs: PathBuf,
    memory: PathBuf,
    /// Changes of logs' keys, on its disk as in here.
    followed: Mutex<Vec<Followed>>,
    /// By origin. Held while a tree is compared and the memory written: two requests at once must not roll back.
    seen: Mutex<BTreeMap<String, Seen>>,
}

/// Why a witness does not sign.
enum No {
    Malformed,
    UnknownLog,
    NotSigned,
    Inconsistent,
    /// It has seen this many leaves.
    Conflict(u64),
    Broken(WitnessError),
}

impl IntoResponse for No {
    fn into_response(self) -> Response {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST.into_response(),
            Self::UnknownLog => StatusCode::NOT_FOUND.into_response(),
            Self::NotSigned => StatusCode::FORBIDDEN.into_response(),
            Self::Inconsistent => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
            Self::Conflict(size) => (
                StatusCode::CONFLICT,
                [(header::CONTENT_TYPE, "text/x.tlog.size")],
                format!("{size}\n"),
            )
                .into_response(),
            Self::Broken(error) => {
                tracing::error!(%error, "a witness");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// What a log asks: the size that the witness has seen, the proof from there, and the new checkpoint.
struct Request<'r> {
    old: u64,
    proof: Vec<Hash>,
    note: &'r str,
}

impl<'r> Request<'r> {
    fn parse(body: &'r str) -> Option<Self> {
        let (head, note) = body.split_once("\n\n")?;
        let mut lines = head.split('\n');
        let old = lines.next()?.strip_prefix("old ")?;
        let proof = lines
            .map(Hash::parse_hash)
            .collect::<Result<Vec<_>, _>>()
            .ok()?;
        let size: u64 = old.parse().ok()?;
        (size.to_string() == old && proof.len() <= 63).then_some(Self {
            old: size,
            proof,
            note,
        })
    }
}

impl Witness {
    fn open(home: &Path, place: &str) -> Result<Self, WitnessError> {
        let (_, name) = WITNESSES
            .iter()
            .find(|(known, _)| *known == place)
            .ok_or_else(|| WitnessError::Unknown(place.to_owned()))?;
        let folder = folder(home, place);
        let memory = folder.join("seen.json");
        let (seen, followed) = (read(&memory)?, read(&folder.join(FOLLOWED))?);
        Ok(Self {
            name,
            key: Ed25519Key::create(folder.join("witness.key"))?,
            clock: Clock::following(home.join("clock.json")),
            logs: logs(home),
            memory,
            followed: Mutex::new(followed),
            seen: Mutex::new(seen),
        })
    }

    /// The keys of the log with this name that count at this moment: the one that the operator was given, and those that were introduced
    /// by one that counted, each until its end.
    async fn log(&self, origin: &str) -> Vec<String> {
        let given = fs::read_to_string(&self.logs).unwrap_or_default();
        let mut keys: Vec<String> = given
            .lines()
            .filter(|line| is_of(line, origin))
            .map(str::to_owned)
            .collect();
        let now = self.clock.now().timestamp();
        for one in self.followed.lock().await.iter() {
            if is_of(&one.next, origin) {
                // A change may be told again, with an earlier end.
                if !keys.contains(&one.next) {
                    keys.push(one.next.clone());
                }
                keys.retain(|key| *key != one.former || now <= one.until);
            }
        }
        keys
    }

    /// Takes a change of keys that a key has signed which counts now. One that was taken before is taken again without effect.
    async fn add_transition(&self, note: &str) -> Result<(), No> {
        let signed = Note::from_bytes(note.as_bytes()).map_err(|_| No::Malformed)?;
        let text = std::str::from_utf8(signed.text()).map_err(|_| No::Malformed)?;
        let lines: Vec<&str> = text.lines().collect();
        let &[head, origin, former, _, next, _, _, until] = lines.as_slice() else {
            return Err(No::Malformed);
        };
        let said = |line: &str, word: &str| line.strip_prefix(word).map(str::to_owned);
        let (Some(former), Some(next), Some(until)) = (
            said(former, "former "),
            said(next, "next "),
            said(until, "until ").and_then(|until| until.parse().ok()),
        ) else {
            return Err(No::Malformed);
        };
        if head != "anju-key-transition/1" || !is_of(&former, origin) || !is_of(&next, origin) {
            return Err(No::Malformed);
        }
        if self
            .followed
            .lock()
            .await
            .iter()
            .any(|one| one.note == note)
        {
            return Ok(());
        }
        if !self.log(origin).await.contains(&former) {
            return Err(No::NotSigned);
        }
        // Both: whoever holds the old key gives the log to whoever holds the new one.
        for key in [&former, &next] {
            verified_by(&signed, vec![key.clone()])?;
        }
        let mut followed = self.followed.lock().await;
        let mut with = followed.clone();
        with.push(Followed {
            former,
            next,
            until,
            note: note.to_owned(),
        });
        let path = self.memory.with_file_name(FOLLOWED);
        write(&path, &with).map_err(No::Broken)?;
        *followed = with;
        Ok(())
    }

    async fn add_checkpoint(&self, body: &str) -> Result<String, No> {
        let request = Request::parse(body).ok_or(No::Malformed)?;
        let note = Note::from_bytes(request.note.as_bytes()).map_err(|_| No::Malformed)?;
        let text = std::str::from_utf8(note.text()).map_err(|_| No::Malformed)?;
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(No::Malformed);
        };
        let size: u64 = size.parse().map_err(|_| No::Malformed)?;
        let root_hash = Hash::parse_hash(root).map_err(|_| No::Malformed)?;
        let keys = self.log(origin).await;
        if keys.is_empty() {
            return Err(No::UnknownLog);
        }
        verified_by(&note, keys)?;
        if request.old > size {
            return Err(No::Malformed);
        }

        let mut all = self.seen.lock().await;
        let before = all.get(origin);
        let known = before.map_or(0, |seen| seen.size);
        if request.old != known {
            return Err(No::Conflict(known));
        }
        match before {
            Some(seen) if known == size && seen.root != root => return Err(No::Conflict(known)),
            Some(seen) if known > 0 => {
                let old = Hash::parse_hash(&seen.root).map_err(|_| No::Inconsistent)?;
                tlog_tiles::check_tree(&request.proof, size, root_hash, known, old)
                    .map_err(|_| No::Inconsistent)?;
            }
            _ if !request.proof.is_empty() => return Err(No::Inconsistent),
            _ => {}
        }
        let mut next = all.clone();
        let seen = Seen {
            size,
            root: root.to_owned(),
        };
        next.insert(origin.to_owned(), seen);
        self.remember(&next).map_err(No::Broken)?;
        *all = next;
        drop(all);

        let time = u64::try_from(self.clock.now().timestamp()).unwrap_or_default();
        let message = format!("cosignature/v1\ntime {time}\n{text}");
        let blob = [
            &key_id(self.name, &self.key)[..],
            &time.to_be_bytes(),
            &self.key.sign(message.as_bytes()),
        ]
        .concat();
        Ok(format!("\u{2014} {} {}\n", self.name, BASE64.encode(blob)))
    }

    fn remember(&self, seen: &BTreeMap<String, Seen>) -> Result<(), WitnessError> {
        write(&self.memory, seen)
    }
}

/// Where a witness keeps the changes of keys that it has accepted.
const FOLLOWED: &str = "followed.json";

/// Whether a line is a key of the log with this name.
fn is_of(line: &str, origin: &str) -> bool {
    StandardVerifier::new(line).is_ok_and(|key| key.name() == origin)
}

/// Refuses a note that none of these keys has signed.
fn verified_by(note: &Note, keys: Vec<String>) -> Result<(), No> {
    let keys = keys
        .iter()
        .filter_map(|line| StandardVerifier::new(line).ok())
        .map(|key| Box::new(key) as Box<dyn Verifier>)
        .collect();
    note.verify(&VerifierList::new(keys))
        .map(drop)
        .map_err(|_| No::NotSigned)
}

/// What a witness has written, or nothing where it has written nothing yet.
fn read<T: Default + for<'de> Deserialize<'de>>(path: &Path) -> Result<T, WitnessError> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_err(|error| WitnessError::Memory(path.to_owned(), error)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(T::default()),
        Err(error) => Err(WitnessError::File(path.to_owned(), error)),
    }
}

/// On the disk before anybody hears of it.
fn write<T: Serialize>(path: &Path, what: &T) -> Result<(), WitnessError> {
    let draft = path.with_extension("new");
    let writing = |error| WitnessError::File(draft.clone(), error);
    let text =
        serde_json::to_vec(what).map_err(|error| WitnessError::Memory(path.to_owned(), error))?;
    let mut file = File::create(&draft).map_err(writing)?;
    file.write_all(&text).map_err(writing)?;
    file.sync_all().map_err(writing)?;
    fs::rename(&draft, path).map_err(writing)?;
    let folder = path.parent().unwrap_or(path);
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(writing)
}

/// Where a witness listens at present; its process writes it when it starts.
fn port_file(home: &Path, place: &str) -> PathBuf {
    folder(home, place).join("port")
}

/// Serves one witness until its task or process ends.
///
/// # Errors
/// Its files, its key, the listener.
pub async fn serve(home: &Path, place: &str) -> Result<(), WitnessError> {
    let witness = Arc::new(Witness::open(home, place)?);
    let path = port_file(home, place);
    let listening = |error| WitnessError::File(path.clone(), error);
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .map_err(listening)?;
    let port = listener.local_addr().map_err(listening)?.port();
    fs::write(&path, port.to_string()).map_err(listening)?;
    let router = Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/add-key-transition", post(add_transition))
        .route("/vkey", get(vkey))
        .layer(axum::extract::DefaultBodyLimit::max(MAX_BYTES))
        .with_state(witness);
    axum::serve(listener, router).await.map_err(listening)
}

async fn add_checkpoint(State(witness): State<Arc<Witness>>, body: Bytes) -> Response {
    let Ok(body) = std::str::from_utf8(&body) else {
        return No::Malformed.into_response();
    };
    witness.add_checkpoint(body).await.into_response()
}

async fn add_transition(State(witness): State<Arc<Witness>>, note: String) -> Response {
    match witness.add_transition(&note).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(no) => no.into_response(),
    }
}

async fn vkey(State(witness): State<Arc<Witness>>) -> String {
    format!("{}\n", verifier_key(witness.name, &witness.key))
}

/// The way from the outside world's one address to the witnesses' own.
pub(crate) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/witness/{place}/add-checkpoint", post(forward))
        .route(
            "/witness/{place}/add-key-transition",
            post(forward_transition),
        )
        .route("/witness/{place}/vkey", get(forward_vkey))
}

async fn forward(
    State(world): State<Arc<World>>,
    UrlPath(place): UrlPath<String>,
    body: Bytes,
) -> Response {
    pass_on(&world, &place, "add-checkpoint", Some(body)).await
}

async fn forward_transition(
    State(world): State<Arc<World>>,
    UrlPath(place): UrlPath<String>,
    body: Bytes,
) -> Response {
    pass_on(&world, &place, "add-key-transition", Some(body)).await
}

async fn forward_vkey(
    State(world): State<Arc<World>>,
    UrlPath(place): UrlPath<String>,
) -> Response {
    pass_on(&world, &place, "vkey", None).await
}

async fn pass_on(world: &World, place: &str, door: &str, body: Option<Bytes>) -> Response {
    if !WITNESSES.iter().any(|(known, _)| *known == place) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let Ok(port) = fs::read_to_string(port_file(&world.home, place)) else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let url = format!("http://127.0.0.1:{}/{door}", port.trim());
    let request = match body {
        Some(body) => world.to_product.post(url).body(body),
        None => world.to_product.get(url),
    };
    let Ok(answer) = request.send().await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let status = answer.status();
    let kind = answer.headers().get(header::CONTENT_TYPE).cloned();
    let Ok(bytes) = answer.bytes().await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let mut answer = (status, Body::from(bytes)).into_response();
    if let Some(kind) = kind {
        answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    answer
}
