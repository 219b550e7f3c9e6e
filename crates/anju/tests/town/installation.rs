//! An installation of its own: home, private cluster and processes, worked by the command line as an operator works it.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use anju::{cluster::Cluster, config::Config, doors::Doors};
use uuid::Uuid;

use crate::town::free_port;

/// Everything in it ends with it, the cluster and its backups too.
pub struct Installation {
    /// Its settings, as its environment tells them.
    pub config: Config,
    /// Its doors.
    pub doors: Doors,
    server: Option<Child>,
    _outside: Killed,
}

/// A process that ends with the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may be dead already: then there is nobody to kill.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Installation {
    /// A demo centre with nobody in it, serving.
    pub async fn open() -> Self {
        let home = std::env::temp_dir().join(format!("anju-own-{}", Uuid::now_v7().simple()));
        let address = async || free_port().await.local_addr().expect("bound");
        let (listen, outside_listen) = (address().await, address().await);
        let config = Config {
            listen,
            outside_listen,
            outside_url: format!("http://{outside_listen}"),
            demo: true,
            policy: PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../policy")),
            home,
            ..Config::default()
        };
        succeeds(
            &command(&config, &["setup", "--demo"])
                .output()
                .expect("the binary"),
        );
        let outside = started(&config, &["outside"]);
        let mut own = Self {
            doors: Doors::of(&config).expect("the demo key"),
            config,
            server: None,
            _outside: Killed(outside),
        };
        own.serve().await;
        own
    }

    /// A command that must succeed; what it printed.
    pub fn run(&self, arguments: &[&str]) -> String {
        succeeds(
            &command(&self.config, arguments)
                .output()
                .expect("the binary"),
        )
    }

    /// A command that must fail; what it said.
    pub fn fails(&self, arguments: &[&str]) -> String {
        let output = command(&self.config, arguments)
            .output()
            .expect("the binary");
        assert!(!output.status.success(), "{arguments:?} succeeded");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// A command, and whether it went well; all that it said.
    pub fn says(&self, arguments: &[&str]) -> (bool, String) {
        said(&self.config, arguments, &[])
    }

    /// The same in another home beside this one, with these settings of the environment.
    pub fn says_at(
        &self,
        home: &std::path::Path,
        more: &[(&str, &str)],
        arguments: &[&str],
    ) -> (bool, String) {
        let config = Config {
            home: home.to_owned(),
            ..self.config.clone()
        };
        said(&config, arguments, more)
    }

    /// Starts the server and waits until it would take a write.
    pub async fn serve(&mut self) {
        self.server = Some(started(&self.config, &["serve"]));
        for _ in 0..400 {
            if matches!(self.doors.plain("/readyz").await, Ok((status, _)) if status.is_success()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the server does not come up");
    }

    /// Starts a server that takes over from the one that runs, and waits until that one has ended.
    pub fn replace(&mut self) {
        let next = started(&self.config, &["serve", "--replace"]);
        let mut last = self.server.replace(next).expect("a server");
        let ended = last.wait().expect("an end");
        assert!(ended.success(), "{ended}");
    }

    /// Ends the server as a service manager does, and waits until it has.
    pub fn stop(&mut self) {
        let mut server = self.server.take().expect("a server");
        let killed = Command::new("kill").arg(server.id().to_string()).status();
        assert!(killed.expect("kill").success());
        let ended = server.wait().expect("an end");
        assert!(ended.success(), "{ended}");
    }

    /// The private cluster.
    pub fn cluster(&self) -> Cluster {
        Cluster::of(&self.config.home).expect("PostgreSQL")
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            drop(Killed(server));
        }
        // What is left behind in a temporary folder harms nobody; a cluster is stopped first.
        if let Ok(cluster) = Cluster::of(&self.config.home) {
            let room = cluster.data().parent().map(PathBuf::from);
            let _ = cluster.remove();
            if let Some(room) = room {
                let _ = fs::remove_dir_all(room);
            }
        }
        let _ = fs::remove_dir_all(&self.config.home);
    }
}

fn command(config: &Config, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_anju"));
    command
        .args(arguments)
        .env_remove("DATABASE_URL")
        .env("ANJU_HOME", &config.home)
        .env("ANJU_LISTEN", config.listen.to_string())
        .env("ANJU_OUTSIDE_LISTEN", config.outside_listen.to_string())
        .env("ANJU_POLICY", &config.policy);
    command
}

fn said(config: &Config, arguments: &[&str], more: &[(&str, &str)]) -> (bool, String) {
    let ran = command(config, arguments)
        .envs(more.iter().copied())
        .output()
        .expect("the binary");
    let words =
        String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    (ran.status.success(), words)
}

/// Started, its words unheard.
fn started(config: &Config, arguments: &[&str]) -> Child {
    command(config, arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary")
}

fn succeeds(output: &Output) -> String {
    let (said, errors) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{said}{errors}");
    said
}
