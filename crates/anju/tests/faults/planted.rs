//! The checker is checked: a fault planted in sound books is found, and named by the law that it breaks.

use anju::cast;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use uuid::Uuid;

use crate::{
    checker::{Acknowledged, Places, breaches, must_agree},
    story::{request, tenants},
    town::{Town, month},
};

/// What is planted, and the words of the breach that it is.
const FAULTS: &[(&str, &str)] = &[
    (
        "UPDATE ledger_account SET balance_fen = balance_fen + 1 WHERE subject = 201 AND balance_fen > 0",
        "a balance is the sum of its postings",
    ),
    (
        "INSERT INTO posting SELECT * FROM posting WHERE subject = 10101 LIMIT 1",
        "a journal sums to zero",
    ),
    (
        "INSERT INTO posting SELECT * FROM posting WHERE subject = 201 LIMIT 1",
        "a journal has the lines that it says",
    ),
    (
        "DELETE FROM journal WHERE event = 22",
        "a posting has its journal",
    ),
    (
        "DELETE FROM inbox WHERE kind = 'debit'",
        "a paid case has one debit of the bank",
    ),
    (
        "DELETE FROM inbox WHERE kind = 'debit'",
        "more at the bank than were taken in",
    ),
    (
        "UPDATE business_case SET amount_fen = amount_fen + 1 WHERE service = 'withdraw-rent'",
        "a paid case has left the bank with its amount",
    ),
    (
        "UPDATE business_case SET state = 5 WHERE service = 'withdraw-rent'",
        "money on its way is the money of the cases that are paying",
    ),
    (
        "INSERT INTO journal SELECT journal_id + 1, case_id, NULL, maker_id, NULL, made_at, business_date, 0, 2, centre_id, 22, branch_id
           FROM journal WHERE event = 22",
        "a case pays once",
    ),
    (
        "INSERT INTO posting SELECT journal_id, account_id, amount_fen, business_date, value_date, subject, centre_id, part, red
           FROM posting WHERE subject = 10101",
        "the books say",
    ),
    (
        "DELETE FROM case_event WHERE ctid = (SELECT min(ctid) FROM case_event)",
        "every change has its leaf",
    ),
    ("DELETE FROM api_answer", "is lost"),
    (
        "UPDATE api_answer SET body = '{}'",
        "was told",
    ),
    (
        "UPDATE remittance_line SET employee_fen = employee_fen + 1",
        "a list credits each account what its line says",
    ),
    (
        "UPDATE remittance SET allocated_fen = 0",
        "an allocated list has credited what it says, once",
    ),
    (
        "DELETE FROM receipt",
        "money that came in is a receipt, booked once",
    ),
    (
        "INSERT INTO day_close SELECT centre_id, open_date, 2, open_date + 1, 1, 2, now(), now() FROM business_day",
        "nothing was booked into a closed day after it was sealed",
    ),
    (
        "UPDATE business_day SET open_date = open_date - 1",
        "no business date is later than the open one",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_checker_finds_what_is_planted() {
    let town = Town::open().await;
    let people = tenants(&town.doors, month(0), 2, 93).await;
    let body = request(&town.doors, &people[0]).await;
    let key = Uuid::now_v7();
    let answer: Value = town
        .doors
        .post_with_key("/cases?wait=20s", &key.to_string(), &body)
        .await
        .expect("a door")
        .ok()
        .expect("a case");
    assert_eq!(cast::text(&answer, "state").expect("a state"), "done");
    let log = [Acknowledged {
        key,
        path: "/cases".to_owned(),
        asked: body,
        answer,
    }];
    let places = Places {
        database: town.config.database_url.clone(),
        outside: town.config.outside_url.clone(),
    };
    must_agree(&places, &log).await;
    let mut owner = PgConnection::connect(&places.database)
        .await
        .expect("the database");
    // As who owns the database could: what guards the tables sleeps.
    for table in ["journal", "posting"] {
        run(
            &mut owner,
            format!("ALTER TABLE {table} DISABLE TRIGGER USER"),
        )
        .await;
    }
    for (fault, law) in FAULTS {
        let copies = [
            "case_event",
            "api_answer",
            "remittance_line",
            "remittance",
            "receipt",
            "inbox",
            "journal",
            "posting",
            "business_case",
            "ledger_account",
            "business_day",
            "day_close",
        ];
        for table in copies {
            run(
                &mut owner,
                format!("CREATE TEMPORARY TABLE kept_{table} AS TABLE {table}"),
            )
            .await;
        }
        run(&mut owner, (*fault).to_owned()).await;
        let found = breaches(&places, &log).await;
        assert!(
            found.iter().any(|breach| breach.contains(law)),
            "{fault}\nis not found as {law:?} in {found:#?}"
        );
        // Back to what it was, so that the next fault stands alone.
        for table in copies {
            run(&mut owner, format!("DELETE FROM {table}")).await;
            run(
                &mut owner,
                format!("INSERT INTO {table} SELECT * FROM kept_{table}"),
            )
            .await;
            run(&mut owner, format!("DROP TABLE kept_{table}")).await;
        }
        let rest = breaches(&places, &log).await;
        assert!(rest.is_empty(), "{fault} is taken back: {rest:#?}");
    }
}

async fn run(owner: &mut PgConnection, statement: String) {
    owner
        .execute(AssertSqlSafe(statement.clone()))
        .await
        .unwrap_or_else(|error| panic!("{error}: {statement}"));
}
