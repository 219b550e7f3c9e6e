//! The server as its users meet it, in a process of its own on the bench's ground: R2 withdrawals through HTTP, R9 a page, R17 memory.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use anju_casework::session::{self, audience};
use anyhow::{Context, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::{Client, StatusCode, Url, header, redirect};
use sqlx::Connection;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{
    bank,
    book::Withdrawer,
    ground::{CLIENTS, Ground},
    load::{self, Load, median},
    measure::{Measured, ROUNDS, in_turn},
    row::{Bar, Row},
    withdrawal::{SECONDS, SERVICE, form},
};
use crate::{config::Config, database, machine, start, start::office};

/// R2: log-in, form with its token, submission, and the answer when the money is on the card.
pub async fn through_http(ground: &Ground) -> anyhow::Result<Measured> {
    let server = Server::start(&ground.config).await?;
    // Its sessions are new: they meet each statement before anything is measured, as those of the other rows have.
    server.withdraw(ground, ground.book.run_size).await?;
    in_turn(
        async || ground.reference.tpcb(SECONDS),
        async || server.withdraw(ground, ground.book.run_size).await,
    )
    .await
}

/// R9: the account's page of people who are logged in, beside a static file.
pub async fn page(ground: &Ground) -> anyhow::Result<Row> {
    let server = Server::start(&ground.config).await?;
    let people = ground.book.take((ground.book.run_size / 4).clamp(1, 100))?;
    let visits = server.log_in_all(ground, &people).await?;
    let page = server.client.get(format!("{}/my/account", server.address));
    let page = page
        .header(header::COOKIE, &visits[0].cookie)
        .send()
        .await?;
    ensure!(page.status().is_success(), "账户页：{}", page.status());
    let text = page.text().await?;
    let file = text
        .split('"')
        .find(|part| part.starts_with("/assets/") && part.ends_with(".css"))
        .context("a page names its style sheet")?
        .to_owned();

    // Enough for a second: a thousand pages are read before sixteen clients have found their step.
    let count = 10 * ground.book.run_size;
    let (mut ours, mut references) = (Vec::new(), Vec::new());
    let mut spent = [0.0; 3];
    let pages: Vec<_> = visits
        .iter()
        .map(|visit| ("/my/account".to_owned(), visit.cookie.clone()))
        .collect();
    // Each of the server's sessions at PostgreSQL plans its statement once in its life, which takes as long as a hundred pages: that is no
    // part of a page.
    server.read(&pages, count).await?;
    for _ in 0..ROUNDS {
        references.push(server.read(&[(file.clone(), String::new())], count).await?);
        let before = server.processor_us(ground).await?;
        ours.push(server.read(&pages, count).await?);
        let after = server.processor_us(ground).await?;
        for (sum, (before, after)) in spent.iter_mut().zip(before.into_iter().zip(after)) {
            *sum += (after - before) / (ROUNDS * count) as f64;
        }
    }
    let of = |loads: &[Load], percent| {
        median(
            &loads
                .iter()
                .map(|load| load.percentile(percent))
                .collect::<Vec<_>>(),
        )
    };
    let (mine, static_file) = (of(&ours, 50), of(&references, 50));
    let mut row = Row::ratio(
        "R9",
        "账户页 / 静态文件，p50，16 个连接",
        "毫秒",
        (mine, static_file, mine / static_file),
        Bar::at_most(5.0, 2.0),
    );
    row.p50_ms = Some(mine);
    row.p99_ms = Some(of(&ours, 99));
    let [own, database, client] = spent;
    row.note = Some(format!(
        "每页的处理器时间：服务 {own:.0} 微秒，PostgreSQL {database:.0} 微秒，测速的客户 {client:.0} 微秒"
    ));
    Ok(row)
}

/// R11: the account's page while others ask for withdrawals whose facts must come from the sources: half of these hang, and all are well.
pub async fn beside_hanging_sources(ground: &Ground) -> anyhow::Result<Row> {
    let world = World::open(ground).await?;
    let server = Server::start(&world.config).await?;
    let readers = ground.book.take((ground.book.run_size / 4).clamp(1, 100))?;
    let pages: Vec<_> = server
        .log_in_all(ground, &readers)
        .await?
        .iter()
        .map(|visit| ("/my/account".to_owned(), visit.cookie.clone()))
        .collect();
    let each = (ground.book.strangers.len() / (2 * ROUNDS)).max(1);
    let mut strangers = ground.book.strangers.chunks(each);
    let (mut ours, mut references) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for (mode, loads) in [("ok", &mut references), ("hang", &mut ours)] {
            world.half_of_the_sources(&server.client, mode).await?;
            let asking = strangers.next().context("too few people in the book")?;
            let asking = server
                .log_in_all(ground, asking)
                .await?
                .into_iter()
                .zip(asking.to_vec());
            let others = tokio::spawn(server.asks(asking.collect()));
            // Long enough that several of them come beside the pages, and that ten pages of each run are slower than its p99.
            let count = 5 * ground.book.run_size;
            loads.push(server.read(&pages, count).await?);
            others.abort();
        }
    }
    let of = |loads: &[Load], percent| {
        median(
            &loads
                .iter()
                .map(|load| load.percentile(percent))
                .collect::<Vec<_>>(),
        )
    };
    let (mine, well) = (of(&ours, 99), of(&references, 99));
    let mut row = Row::ratio(
        "R11",
        "28 个来源有 14 个不应答时查询的 p99 / 全部正常时",
        "毫秒",
        (mine, well, mine / well),
        Bar::at_most(1.2, 1.05),
    );
    row.p50_ms = Some(of(&ours, 50));
    row.p99_ms = Some(mine);
    Ok(row)
}

/// The outside world of R11, in this process.
struct World {
    config: Config,
    _running: start::Running,
}

impl World {
    async fn open(ground: &Ground) -> anyhow::Result<Self> {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let config = Config {
            outside_listen: address,
            outside_url: format!("http://{address}"),
            ..ground.config.clone()
        };
        Ok(Self {
            _running: start::outside(&config, listener)?,
            config,
        })
    }

    /// Every other source, so that each withdrawal meets some of them.
    async fn half_of_the_sources(&self, client: &Client, mode: &str) -> anyhow::Result<()> {
        let door = format!("{}/control/sources", self.config.outside_url);
        let sources: Vec<serde_json::Value> =
            serde_json::from_slice(&client.get(&door).send().await?.bytes().await?)?;
        for source in sources.iter().step_by(2) {
            let code = source["source"].as_str().context("a source's code")?;
            let answer = client
                .put(format!("{door}/{code}"))
                .header(header::CONTENT_TYPE, "application/json")
                .body(format!(r#"{{"mode":"{mode}"}}"#))
                .send()
                .await?;
            ensure!(answer.status().is_success(), "{code}：{}", answer.status());
        }
        Ok(())
    }
}

/// R17: resident memory of the server's process before anybody comes, and its peak under R2.
pub async fn memory(ground: &Ground) -> anyhow::Result<Vec<Row>> {
    let server = Server::start(&ground.config).await?;
    let at_rest = server.memory("VmRSS")?;
    server
        .withdraw(ground, (ground.book.run_size / 2).max(1))
        .await?;
    let under_load = server.memory("VmHWM")?;
    Ok(vec![
        Row::value(
            "R17",
            "服务进程内存，空闲",
            "MB",
            at_rest,
            Bar::at_most(100.0, 50.0),
        ),
        Row::value(
            "R17",
            "服务进程内存，R2 之下的峰值",
            "MB",
            under_load,
            Bar::at_most(300.0, 150.0),
        ),
    ])
}

/// What the child does: pages and doors as `anju serve` has them, with a bank that pays at once in place of the engine's wires.
///
/// # Errors
/// The address is taken, or the ground is not there.
pub async fn serve(config: &Config, address: SocketAddr) -> anyhow::Result<()> {
    let url = database::url(config).await?;
    let pool = database::pool(&url, config.database_connections).await?;
    let engine = office::engine(config, office::open(config, pool).await?)?;
    let router = start::router(config, &engine)?;
    let listener = tokio::net::TcpListener::bind(address).await?;
    let bank = bank::Bank::open(engine.office.clone());
    axum::serve(
        listener,
        router.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .await?;
    bank.close().await
}

/// The child; it ends with this.
struct Server {
    child: Child,
    address: String,
    client: Client,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be dead already: then there is nobody to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Somebody who is logged in.
struct Visit {
    cookie: String,
    csrf: String,
}

impl Server {
    async fn start(config: &Config) -> anyhow::Result<Self> {
        let address = free_address()?;
        let child = Command::new(std::env::current_exe()?)
            .args(["bench", "--server", &address.to_string()])
            .env("ANJU_HOME", &config.home)
            .env("ANJU_POLICY", &config.policy)
            .env("ANJU_CENTRE", &config.centre)
            .env("ANJU_DEMO", "0")
            .env(
                "ANJU_DATABASE_CONNECTIONS",
                config.database_connections.to_string(),
            )
            .env("DATABASE_URL", &config.database_url)
            .env("ANJU_OUTSIDE_URL", &config.outside_url)
            .stdout(Stdio::null())
            .spawn()?;
        let server = Self {
            child,
            address: format!("http://{address}"),
            client: Client::builder()
                .redirect(redirect::Policy::none())
                .timeout(Duration::from_secs(30))
                .build()?,
        };
        for _ in 0..500 {
            let answer = server
                .client
                .get(format!("{}/readyz", server.address))
                .send()
                .await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(server);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        anyhow::bail!("测速用的服务没有起来")
    }

    /// Processor time of the server, of PostgreSQL's sessions on the ground, and of this process with its clients, in microseconds. Of a
    /// PostgreSQL on another machine nothing is seen.
    async fn processor_us(&self, ground: &Ground) -> anyhow::Result<[f64; 3]> {
        let mut owner = ground.owner().await?;
        let sessions: Vec<i32> = sqlx::query_scalar(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .fetch_all(&mut owner)
        .await?;
        owner.close().await?;
        let sessions = sessions
            .iter()
            .map(|pid| machine::processor_us(&pid.to_string()));
        Ok([
            machine::processor_us(&self.child.id().to_string()),
            sessions.sum(),
            machine::processor_us("self"),
        ])
    }

    /// A figure of the process's status in MB.
    fn memory(&self, name: &str) -> anyhow::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kilobytes: f64 = status
            .lines()
            .find_map(|line| {
                line.strip_prefix(name)?
                    .strip_prefix(':')?
                    .trim()
                    .strip_suffix(" kB")
            })
            .context("a figure of memory")?
            .parse()?;
        Ok(kilobytes / 1024.0)
    }

    /// Begins a session whose face step for exactly this form is passed, and reads the token of its forms from a page. Not measured.
    async fn log_in(&self, ground: &Ground, who: &Withdrawer) -> anyhow::Result<Visit> {
        let office = &ground.engine.office;
        let person = who.person_id;
        let token = session::begin(office, audience::PERSON, person, None, "L3f", "bench").await?;
        let begun = session::find(office, &token).await?.context("a session")?;
        session::face(office, begun.session_id, &action(who)).await?;
        let cookie = format!("anju_session={token}");
        let page = self
            .client
            .get(format!("{}/settings", self.address))
            .header(header::COOKIE, &cookie)
            .send()
            .await?
            .text()
            .await?;
        let csrf = page
            .split("name=\"csrf\" value=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .context("a form with a token")?
            .to_owned();
        Ok(Visit { cookie, csrf })
    }

    async fn log_in_all(
        &self,
        ground: &Ground,
        people: &[Arc<Withdrawer>],
    ) -> anyhow::Result<Vec<Visit>> {
        stream::iter(people.iter().map(|who| self.log_in(ground, who)))
            .buffered(CLIENTS)
            .try_collect()
            .await
    }

    /// So many withdrawals by 16 clients; each is answered when it is done.
    async fn withdraw(&self, ground: &Ground, count: usize) -> anyhow::Result<Load> {
        let people = ground.book.take(count)?;
        let visits = self.log_in_all(ground, &people).await?;
        let (client, path) = (
            self.client.clone(),
            format!("{}/my/do/{SERVICE}", self.address),
        );
        let work: Vec<(Visit, Arc<Withdrawer>)> = visits.into_iter().zip(people).collect();
        let load = load::clients(work, move |(visit, who)| {
            let request = client
                .post(&path)
                .header(header::COOKIE, &visit.cookie)
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(typed(&visit, &who));
            async move {
                let answer = request.send().await?;
                let status = answer.status();
                ensure!(
                    status == StatusCode::SEE_OTHER,
                    "提取没有办成：{status} {}",
                    answer.text().await?
                );
                Ok(())
            }
        })
        .await?;
        ensure!(
            load.percentile(50) < 2_900.0,
            "办件等到了时限，银行没有付款"
        );
        Ok(load)
    }

    /// Five a second of them ask for a withdrawal, whatever becomes of it.
    fn asks(
        &self,
        people: Vec<(Visit, Arc<Withdrawer>)>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (client, path) = (
            self.client.clone(),
            format!("{}/my/do/{SERVICE}", self.address),
        );
        async move {
            let mut asked = JoinSet::new();
            for (visit, who) in people {
                let request = client
                    .post(&path)
                    .header(header::COOKIE, &visit.cookie)
                    .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .body(typed(&visit, &who));
                asked.spawn(request.send());
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }

    /// So many readings of these paths with their cookies, in turn.
    async fn read(&self, pages: &[(String, String)], count: usize) -> anyhow::Result<Load> {
        let work: Vec<(String, String)> = pages.iter().cycle().take(count).cloned().collect();
        let (client, address) = (self.client.clone(), self.address.clone());
        load::clients(work, move |(path, cookie)| {
            let request = client
                .get(format!("{address}{path}"))
                .header(header::COOKIE, cookie);
            async move {
                let answer = request.send().await?;
                ensure!(answer.status().is_success(), "{path}：{}", answer.status());
                answer.bytes().await?;
                Ok(())
            }
        })
        .await
    }
}

/// The fields of the form as a browser sends them.
fn typed(visit: &Visit, who: &Withdrawer) -> String {
    let mut form_encoded = Url::parse("http://form").expect("an address");
    form_encoded
        .query_pairs_mut()
        .append_pair("csrf", &visit.csrf)
        .append_pair("key", &Uuid::now_v7().to_string())
        .append_pair("card_no", &who.card)
        // Nobody of the book has filed a lease.
        .append_pair("promise", "1");
    form_encoded.query().unwrap_or_default().to_owned()
}

/// What the face step of a form is bound to: the service and every field.
fn action(who: &Withdrawer) -> [u8; 32] {
    let mut bytes = SERVICE.as_bytes().to_vec();
    let mut typed = form(who);
    typed.insert("promise".to_owned(), true.into());
    for (field, value) in &typed {
        bytes.extend_from_slice(format!("\n{field}={value}").as_bytes());
    }
    anju_vault::sm3(&bytes)
}

/// An address of this machine that nobody listens on at this moment.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
