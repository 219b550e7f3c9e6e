//! The town: database, server and outside world of one test, on ports and in a home of their own.

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use anju::{
    config::Config,
    doors::Doors,
    home,
    start::{self, office},
};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::database::TestDatabase;

/// A town of one test. Everything in it ends with it.
pub struct Town {
    /// The doors of its server and of its outside world.
    pub doors: Doors,
    _server: start::Running,
    _outside: start::Running,
    _database: TestDatabase,
    _home: Home,
}

impl Town {
    /// A town on its first day: nobody lives in it yet.
    pub async fn open() -> Self {
        Self::with_policy(&[]).await
    }

    /// A town whose centre has further policy files (path below `policy/`, text).
    pub async fn with_policy(files: &[(&str, &str)]) -> Self {
        let database = TestDatabase::fresh().await;
        let home = Home::fresh();
        // Both addresses are needed before either starts: each calls the other.
        let (server, outside) = (free_port().await, free_port().await);
        let config = Config {
            listen: server.local_addr().expect("bound"),
            outside_listen: outside.local_addr().expect("bound"),
            outside_url: format!("http://{}", outside.local_addr().expect("bound")),
            database_url: database.url.clone(),
            demo: true,
            policy: policy_folder(&home.0, files),
            home: home.0.clone(),
            ..Config::default()
        };
        home::make_keys(&config.home, config.demo).expect("keys");
        let pool = anju::database::pool(&database.url, 8)
            .await
            .expect("a pool");
        office::found(&config, &database.url, &pool)
            .await
            .expect("a centre");
        Self {
            doors: Doors::of(&config).expect("the demo key"),
            _outside: start::outside(&config, outside).expect("the outside world"),
            _server: start::server(&config, server, pool)
                .await
                .expect("the server"),
            _database: database,
            _home: home,
        }
    }
}

/// The repository's policy, or a copy of it with further files.
fn policy_folder(home: &Path, files: &[(&str, &str)]) -> PathBuf {
    let original = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../policy"));
    if files.is_empty() {
        return original;
    }
    let copy = home.join("policy");
    copy_folder(&original, &copy);
    for (path, text) in files {
        std::fs::write(copy.join(path), text).expect("a policy file");
    }
    copy
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry").path();
        let copy = to.join(entry.file_name().expect("a name"));
        if entry.is_dir() {
            copy_folder(&entry, &copy);
        } else {
            std::fs::copy(&entry, &copy).expect("a copy");
        }
    }
}

async fn free_port() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a free port")
}

/// `ANJU_HOME` of one test.
struct Home(PathBuf);

impl Home {
    fn fresh() -> Self {
        Self(std::env::temp_dir().join(format!("anju-town-{}", Uuid::now_v7().simple())))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // What is left behind in a temporary folder harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
