//! F11: back to an instant. The books of that instant, whole; nothing of what came later; and the way forth again.

use std::time::Duration;

use anju::cast::{self, contribute, person};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{Connection, PgConnection};

use crate::{
    chance::{Chance, seed},
    installation::Installation,
    town::month,
};

/// A moment of the books: when, and what the trial balance said.
struct Moment {
    at: DateTime<Utc>,
    books: Value,
    employers: usize,
}

async fn moment(own: &Installation, employers: usize) -> Moment {
    let books = own
        .doors
        .get("/books/trial-balance")
        .await
        .and_then(|answer| answer.ok());
    let mut connection = PgConnection::connect(&own.cluster().url("anju"))
        .await
        .expect("the cluster");
    let at = sqlx::query_scalar("SELECT clock_timestamp()")
        .fetch_one(&mut connection)
        .await;
    Moment {
        at: at.expect("the server's clock"),
        books: books.expect("the trial balance"),
        employers,
    }
}

/// An employer's first month: two people, credited.
async fn book(own: &Installation, place: i64) {
    let people = [1, 2].map(|n| person("李梅", place, n, 1_000_000).expect("numbers"));
    for one in &people {
        cast::register(&own.doors, one)
            .await
            .expect("the departments");
    }
    let employer = cast::open_employer(&own.doors, place, month(1))
        .await
        .expect("an employer");
    contribute(&own.doors, &employer, month(1), &people)
        .await
        .expect("a month");
}

async fn employers(own: &Installation) -> usize {
    let mut connection = PgConnection::connect(&own.cluster().url("anju"))
        .await
        .expect("the cluster");
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM employer")
        .fetch_one(&mut connection)
        .await
        .expect("a figure");
    usize::try_from(count).expect("a count")
}

/// Once in CI, ten times nightly, each to a moment that chance chooses, also one of a past that an earlier round gave up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_gives_the_books_of_its_instant_and_a_later_one_the_books_of_later() {
    let seed = seed();
    let mut chance = Chance::of(seed);
    let mut own = Installation::open().await;
    let too_early = Utc::now();
    let said = own.run(&["backup"]);
    assert!(said.contains("密钥不在备份里"), "{said}");

    let mut moments = Vec::new();
    for place in 1..=3 {
        book(&own, place).await;
        moments.push(moment(&own, usize::try_from(place).expect("small")).await);
    }
    let refused = own.fails(&["restore", "--to", &too_early.to_rfc3339()]);
    assert!(refused.contains("服务还在运行"), "{refused}");
    // All is sealed and witnessed; the server says once a second that it lives, so that the log of the database goes on.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let whole = moment(&own, 3).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    own.stop();
    let refused = own.fails(&["restore", "--to", &too_early.to_rfc3339()]);
    assert!(refused.contains("最早的备份完成于"), "{refused}");
    let refused = own.fails(&["restore", "--to", "2999-01-01T00:00:00+08:00"]);
    assert!(refused.contains("现在是"), "{refused}");

    // Back to the first moment, then forth to the second, which that restore gave up.
    let mut order = vec![0, 1];
    if std::env::var_os("ANJU_NIGHTLY").is_some() {
        order.extend((0..8).map(|_| usize::try_from(chance.below(3)).expect("small")));
    }
    for index in order {
        let wanted = &moments[index];
        let said = own.run(&["restore", "--to", &wanted.at.to_rfc3339()]);
        assert!(said.contains("审计：0 处不符"), "seed {seed}: {said}");
        own.serve().await;
        let found = moment(&own, 0).await;
        assert_eq!(found.books, wanted.books, "seed {seed}, moment {index}");
        assert_eq!(
            employers(&own).await,
            wanted.employers,
            "seed {seed}, moment {index}"
        );
        // Life goes on, under numbers that the outside has not seen.
        book(
            &own,
            100 + i64::try_from(index).expect("small") + 10 * i64::from(chance.below(1_000) as u32),
        )
        .await;
        own.stop();
    }
    // What the witnesses have signed is no longer what the log says, and that is not hidden.
    let (well, said) = own.says(&["audit"]);
    assert!(!well && said.contains("检查点  见证人"), "{said}");
    assert!(
        said.lines()
            .filter(|line| line.contains("  "))
            .all(|line| line.starts_with("检查点") || line.starts_with("共核对")),
        "{said}"
    );
    // The way forward: the later instant again, which extends what they have signed.
    own.run(&["restore", "--to", &whole.at.to_rfc3339()]);
    own.serve().await;
    book(&own, 4).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (well, said) = own.says(&["audit"]);
    assert!(well, "{said}");
}

/// A copy of a folder, whatever lies in it.
fn copied(from: &std::path::Path, to: &std::path::Path) {
    let ran = std::process::Command::new("cp")
        .arg("--archive")
        .args([from, to])
        .status();
    assert!(ran.expect("cp").success(), "{}", from.display());
}

/// Goal: whoever operates can practise, and give an installation up, without losing anything. Method: the drill of docs/operations.md on a copy while the
/// centre serves; then the cluster is removed, what stays is said, and no command makes an empty one in its place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_is_drilled_on_a_copy_and_a_removed_cluster_is_not_made_anew() {
    let mut own = Installation::open().await;
    let taken = own.run(&["backup"]);
    assert!(taken.contains("可以恢复到"), "{taken}");
    book(&own, 1).await;
    let wanted = moment(&own, 1).await;
    book(&own, 2).await;
    own.run(&["backup"]); // its log is whole by then
    let (home, backups) = (
        own.config.home.join("drill"),
        own.config.home.join("drill-backup"),
    );
    std::fs::create_dir_all(&home).expect("a folder");
    for name in ["keys", "anju.toml", "cluster-id"] {
        copied(&own.config.home.join(name), &home.join(name));
    }
    copied(&own.cluster().backups(), &backups);
    let nowhere = [
        ("ANJU_BACKUP", backups.to_str().expect("a path")),
        ("ANJU_OUTSIDE_URL", "http://127.0.0.1:9"),
    ];
    let (well, said) = own.says_at(
        &home,
        &nowhere,
        &["restore", "--to", &wanted.at.to_rfc3339()],
    );
    assert!(well && said.contains("审计：0 处不符"), "{said}");
    let (well, said) = own.says_at(&home, &nowhere, &["audit"]);
    assert!(
        well && said.contains("没有应答") && said.contains("0 处不符"),
        "{said}"
    );
    let (well, said) = own.says_at(&home, &nowhere, &["cluster", "remove"]);
    assert!(well && said.contains("已删除"), "{said}");
    assert_eq!(employers(&own).await, 2, "the centre itself has gone on");

    own.stop();
    own.run(&["restore", "--to", "latest"]);
    let number = std::fs::read_to_string(own.config.home.join("cluster-id")).expect("a number");
    let said = own.run(&["cluster", "remove"]);
    for word in ["已删除", "没有动", "cluster.before-", "backup"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    for arguments in [
        &["audit"][..],
        &["backup"],
        &[
            "export",
            "--format",
            "csv",
            "--from",
            "2026-01-01",
            "--to",
            "2026-12-31",
        ],
    ] {
        let refused = own.fails(arguments);
        assert!(
            refused.contains("没有数据库") && refused.contains("anju setup"),
            "{refused}"
        );
        assert!(!own.cluster().data().exists(), "an empty database was made");
    }
    let refused = own.fails(&["restore", "--to", "latest"]);
    assert!(
        refused.contains(number.trim()) && refused.contains("cluster-id"),
        "{refused}"
    );
    std::fs::write(own.config.home.join("cluster-id"), number).expect("written");
    own.run(&["restore", "--to", "latest"]);
    own.run(&["audit"]);
}

#[tokio::test]
async fn a_home_is_never_served_by_the_database_of_another() {
    let mut own = Installation::open().await;
    own.stop();
    own.run(&["cluster", "stop"]);
    let memory = own.config.home.join("cluster-id");
    let right = std::fs::read_to_string(&memory).expect("the home's memory");

    std::fs::write(&memory, "1\n").expect("another home's");
    let refused = own.fails(&["cluster", "start"]);
    assert!(
        refused.contains("不属于安装目录") && refused.contains("anju cluster remove"),
        "{refused}"
    );

    std::fs::write(&memory, right).expect("its own");
    let (data, away) = (own.cluster().data(), own.config.home.join("away"));
    std::fs::rename(&data, &away).expect("moved away");
    let refused = own.fails(&["cluster", "start"]);
    assert!(
        refused.contains("这个安装本来有") && refused.contains("anju restore"),
        "{refused}"
    );
    assert!(!data.exists(), "no empty database in its place");

    std::fs::rename(&away, &data).expect("moved back");
    own.serve().await;
}
