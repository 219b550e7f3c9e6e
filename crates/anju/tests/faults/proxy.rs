//! A proxy between server and database that understands where a change is committed, and breaks the line there.
//!
//! It reads PostgreSQL's own messages: a batch of the extended protocol ends with `Sync`, a simple query is a batch of its own, and
//! `ReadyForQuery` ends the answer. What the product sends is told from the text of the statement.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use sqlx::postgres::PgConnectOptions;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixListener, UnixStream},
    sync::watch,
};
use uuid::Uuid;

/// Where a line breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// The change has reached the database and is committed; its answer is dropped.
    AfterAnswer,
    /// The change does not reach its end: the database rolls it back.
    BeforeEnd,
}

/// What is counted until the break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A commit: a `COMMIT`, or a change that is a transaction by itself.
    Commit,
    /// Any change, inside a transaction too.
    Change,
}

/// A proxy in front of one database. It ends with its handle.
pub struct Proxy {
    shared: Arc<Shared>,
    folder: PathBuf,
    url: String,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    target: Target,
    plan: Mutex<Option<Plan>>,
    /// Steps of the planned kind that passed since the plan was made.
    passed: AtomicI64,
    breaks: AtomicU64,
    /// Changes when every line is to break.
    severed: watch::Sender<u64>,
}

#[derive(Clone)]
enum Target {
    Unix(PathBuf),
    Tcp(String),
}

#[derive(Debug, Clone, Copy)]
struct Plan {
    step: Step,
    at: i64,
    how: Break,
    /// All lines break, not only this one: the process on the other side is dead.
    all: bool,
}

impl Proxy {
    /// A proxy before the database of this URL.
    pub fn before(database: &str) -> Self {
        let options: PgConnectOptions = database.parse().expect("a URL");
        let target = match options.get_socket() {
            Some(folder) => Target::Unix(folder.join(format!(".s.PGSQL.{}", options.get_port()))),
            None => Target::Tcp(format!("{}:{}", options.get_host(), options.get_port())),
        };
        let folder = std::env::temp_dir().join(format!("anju-proxy-{}", Uuid::now_v7().simple()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let listener = UnixListener::bind(folder.join(".s.PGSQL.5432")).expect("a socket");
        let url = format!(
            "postgres:///{}?host={}&port=5432&user={}",
            options.get_database().expect("a database"),
            folder.display().to_string().replace('/', "%2F"),
            options.get_username(),
        );
        let shared = Arc::new(Shared {
            target,
            plan: Mutex::new(None),
            passed: AtomicI64::new(0),
            breaks: AtomicU64::new(0),
            severed: watch::Sender::new(0),
        });
        let task = tokio::spawn(serve(listener, shared.clone()));
        Self {
            shared,
            folder,
            url,
            task,
        }
    }

    /// The database through the proxy.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Breaks one line at the `at`-th commit from now, counted from 1.
    pub fn lose_commit(&self, at: i64, how: Break) {
        self.plan(Plan {
            step: Step::Commit,
            at,
            how,
            all: false,
        });
    }

    /// Breaks every line at the `at`-th change from now, as the death of the process does.
    pub fn die_at_change(&self, at: i64, how: Break) {
        self.plan(Plan {
            step: Step::Change,
            at,
            how,
            all: true,
        });
    }

    /// Counts changes without a break.
    pub fn only_count(&self) {
        self.die_at_change(i64::MAX, Break::BeforeEnd);
    }

    fn plan(&self, plan: Plan) {
        let mut slot = self.shared.plan.lock().expect("the plan");
        self.shared.passed.store(0, Ordering::SeqCst);
        *slot = Some(plan);
    }

    /// Steps of the planned kind that passed.
    pub fn passed(&self) -> i64 {
        self.shared.passed.load(Ordering::SeqCst)
    }

    /// Breaks so far.
    pub fn breaks(&self) -> u64 {
        self.shared.breaks.load(Ordering::SeqCst)
    }

    /// Breaks every line now.
    pub fn sever(&self) {
        self.shared.severed.send_modify(|count| *count += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        self.sever();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

async fn serve(listener: UnixListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let shared = shared.clone();
        tokio::spawn(async move {
            // A database that is away is away for the client too: its line ends.
            match &shared.target {
                Target::Unix(path) => {
                    if let Ok(database) = UnixStream::connect(path).await {
                        line(client, database.into_split(), &shared).await;
                    }
                }
                Target::Tcp(address) => {
                    if let Ok(database) = TcpStream::connect(address).await {
                        line(client, database.into_split(), &shared).await;
                    }
                }
            }
        });
    }
}

/// One connection, until either side ends or the plan breaks it.
async fn line(
    client: UnixStream,
    database: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    shared: &Shared,
) {
    let (from_client, to_client) = client.into_split();
    let state = Line::default();
    let mut severed = shared.severed.subscribe();
    severed.mark_unchanged();
    // Whoever ends drops all four halves, so that both sides see the end.
    tokio::select! {
        _ = requests(from_client, database.1, shared, &state) => {}
        _ = answers(database.0, to_client, shared, &state) => {}
        _ = severed.changed() => {}
    }
}

/// What the two directions of a connection know of each other.
#[derive(Default)]
struct Line(Mutex<LineState>);

struct LineState {
    /// Batches sent, the start-up counted as one.
    sent: u64,
    /// Batches answered.
    answered: u64,
    /// The batch whose answer is dropped.
    lose: Option<(u64, bool)>,
    in_transaction: bool,
}

impl Default for LineState {
    fn default() -> Self {
        Self {
            sent: 1,
            answered: 0,
            lose: None,
            in_transaction: false,
        }
    }
}

async fn requests(
    mut client: impl AsyncRead + Unpin,
    mut database: impl AsyncWrite + Unpin,
    shared: &Shared,
    line: &Line,
) -> std::io::Result<()> {
    let length = client.read_u32().await?;
    let mut start = vec![0; usize::try_from(length).expect("small") - 4];
    client.read_exact(&mut start).await?;
    database.write_u32(length).await?;
    database.write_all(&start).await?;

    let mut statements: HashMap<Vec<u8>, String> = HashMap::new();
    let mut batch: Vec<String> = Vec::new();
    loop {
        let (kind, body) = message(&mut client).await?;
        let mut parts = body.split(|byte| *byte == 0);
        match kind {
            b'P' => {
                let name = parts.next().unwrap_or_default().to_vec();
                let text = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
                statements.insert(name, text);
            }
            b'B' => {
                let name = parts.nth(1).unwrap_or_default();
                batch.extend(statements.get(name).cloned());
            }
            b'Q' => {
                batch.push(String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned());
            }
            _ => {}
        }
        if matches!(kind, b'Q' | b'S') {
            let texts = std::mem::take(&mut batch);
            let in_transaction = line.0.lock().expect("the line").in_transaction;
            if let Some(plan) = shared.due(&texts, in_transaction) {
                if plan.how == Break::BeforeEnd {
                    shared.broken(plan.all);
                    return Ok(());
                }
                let mut state = line.0.lock().expect("the line");
                state.lose = Some((state.sent + 1, plan.all));
            }
            line.0.lock().expect("the line").sent += 1;
        }
        write(&mut database, kind, &body).await?;
    }
}

async fn answers(
    mut database: impl AsyncRead + Unpin,
    mut client: impl AsyncWrite + Unpin,
    shared: &Shared,
    line: &Line,
) -> std::io::Result<()> {
    loop {
        let (kind, body) = message(&mut database).await?;
        let lost = {
            let mut state = line.0.lock().expect("the line");
            let lost = state.lose.filter(|(batch, _)| *batch == state.answered + 1);
            if kind == b'Z' {
                state.answered += 1;
                state.in_transaction = body.first() != Some(&b'I');
            }
            lost
        };
        match lost {
            None => write(&mut client, kind, &body).await?,
            // The database has answered all of it, so that the change is committed; nobody hears of it.
            Some((_, all)) if kind == b'Z' => {
                shared.broken(all);
                return Ok(());
            }
            Some(_) => {}
        }
    }
}

impl Shared {
    /// The plan, if these statements are the step that it waits for.
    fn due(&self, texts: &[String], in_transaction: bool) -> Option<Plan> {
        let mut slot = self.plan.lock().expect("the plan");
        let plan = (*slot)?;
        let ends = texts
            .iter()
            .any(|text| text.trim().eq_ignore_ascii_case("commit"));
        let changes = texts.iter().any(|text| is_change(text));
        let counts = match plan.step {
            Step::Commit => ends || changes && !in_transaction,
            Step::Change => ends || changes,
        };
        if !counts || self.passed.fetch_add(1, Ordering::SeqCst) + 1 < plan.at {
            return None;
        }
        *slot = None;
        Some(plan)
    }

    fn broken(&self, all: bool) {
        self.breaks.fetch_add(1, Ordering::SeqCst);
        if all {
            self.severed.send_modify(|count| *count += 1);
        }
    }
}

/// Whether a statement of the product changes something: it says so, or calls a function that does.
fn is_change(text: &str) -> bool {
    let writes = [
        "INSERT INTO",
        "UPDATE ",
        "DELETE FROM",
        "case_execute(",
        "cases_execute_together(",
        "case_paid(",
        "cases_paid_together(",
    ];
    writes.iter().any(|word| text.contains(word))
        || text.match_indices("ledger_").any(|(at, _)| {
            let rest = text[at..]
                .trim_start_matches(|letter: char| letter.is_ascii_alphanumeric() || letter == '_');
            rest.starts_with('(')
        })
}

async fn message(from: &mut (impl AsyncRead + Unpin)) -> std::io::Result<(u8, Vec<u8>)> {
    let kind = from.read_u8().await?;
    let length = from.read_u32().await?;
    let mut body = vec![0; usize::try_from(length).expect("small").saturating_sub(4)];
    from.read_exact(&mut body).await?;
    Ok((kind, body))
}

async fn write(to: &mut (impl AsyncWrite + Unpin), kind: u8, body: &[u8]) -> std::io::Result<()> {
    let mut bytes = Vec::with_capacity(body.len() + 5);
    bytes.push(kind);
    bytes.extend(u32::try_from(body.len() + 4).expect("small").to_be_bytes());
    bytes.extend(body);
    to.write_all(&bytes).await
}
