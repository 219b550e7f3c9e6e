//! F11: back to an instant. The books of that instant, whole; nothing of what came later; and the way forth again.

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
