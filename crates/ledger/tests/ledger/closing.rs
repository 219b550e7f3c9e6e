//! Closing days while everybody works.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anju_domain::money::Fen;
use anju_ledger::journal::{self, Entry, Header, PayOut};
use anju_ledger::{Error, Role, command, day};
use uuid::Uuid;

use crate::books::{Books, CENTRE, PAYABLE, date, yuan};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_days_close_under_eight_writers_and_nothing_enters_a_sealed_day() {
    let books = Arc::new(Books::open("2026-01-01").await);
    let people = books.people(64).await;
    for person in &people {
        books.fund(*person, yuan(1_000_000)).await;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let booked = Arc::new(AtomicU64::new(0));
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let (books, stop, booked, people) =
                (books.clone(), stop.clone(), booked.clone(), people.clone());
            tokio::spawn(async move {
                let mut turn = writer;
                while !stop.load(Ordering::Relaxed) {
                    turn += 8;
                    if write(&books, people[turn % people.len()], turn % 2 == 0).await {
                        booked.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();

    let mut sealed_postings = Vec::new();
    for _ in 0..50 {
        let today = books.today().await;
        books.close_to(&today.next().date().to_string()).await;
        let count = count(
            &books,
            "SELECT postings FROM day_close WHERE business_date = $1",
            today.date(),
        )
        .await;
        sealed_postings.push((today.date(), count));
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.expect("a writer");
    }
    println!(
        "{} bookings beside 50 closes",
        booked.load(Ordering::Relaxed)
    );
    assert!(booked.load(Ordering::Relaxed) > 200);
    for (day, sealed) in sealed_postings {
        let now = count(
            &books,
            "SELECT count(*) FROM posting WHERE business_date = $1",
            day,
        )
        .await;
        assert_eq!(now, sealed, "{day}");
    }
    books.must_balance().await;
}

async fn count(books: &Books, sql: &'static str, day: chrono::NaiveDate) -> i64 {
    sqlx::query_scalar(sql)
        .bind(day)
        .fetch_one(&mut *books.conn().await)
        .await
        .expect("a count")
}

/// One booking as a server makes it: read, then write. False: the day or the account moved meanwhile.
async fn write(books: &Books, person: anju_ledger::AccountId, pays: bool) -> bool {
    let header = books.header(if pays { 21 } else { 1 }).await;
    let key = header.journal_id.0.to_string();
    if pays {
        let version = books.account(person).await.version;
        let payment = PayOut {
            key: command::event_key(header.event, &key),
            digest: Uuid::nil(),
            ref_id: header.journal_id.0,
            account: person,
            version,
            amount: Fen::new(1),
            payable: PAYABLE,
            hold: None,
        };
        return journal::pay_out(&mut *books.conn().await, &header, &payment)
            .await
            .expect("an answer");
    }
    let entry = Entry {
        business_key: &key,
        value_date: header.day.date(),
        accounts: &[(Role::Bank, books.bank), (Role::Unit, books.suspense)],
        amounts: &[("amount", Fen::new(2))],
    };
    match journal::post(&mut *books.conn().await, &books.table, &header, &entry).await {
        Ok(_) => true,
        Err(Error::DayNotOpen(_)) => false,
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn vouchers_are_numbered_without_gaps_by_event_bank_and_branch() {
    let books = Books::open("2026-03-30").await;
    let person = books.person().await;
    for day in ["2026-03-31", "2026-04-01", "2026-04-02"] {
        books.fund(person, yuan(10)).await; // E01 and E05
        books.fund(person, yuan(10)).await;
        books.pay_out(person, yuan(5)).await.expect("paid"); // E21
        let other_branch = Header {
            branch_id: 2,
            ..books.header(1).await
        };
        let entry = Entry {
            business_key: day,
            value_date: other_branch.day.date(),
            accounts: &[(Role::Bank, books.bank), (Role::Unit, books.suspense)],
            amounts: &[("amount", yuan(1))],
        };
        journal::post(
            &mut *books.conn().await,
            &books.table,
            &other_branch,
            &entry,
        )
        .await
        .expect("booked");
        assert_eq!(books.close_to(day).await.vouchers, 4);
    }
    let numbers: Vec<(i32, i16, i32)> =
        sqlx::query_as("SELECT number, event, journals FROM voucher ORDER BY month, number")
            .fetch_all(&mut *books.conn().await)
            .await
            .expect("vouchers");
    // 30 and 31 March, then April begins at 1. E01 comes without a bank account nowhere, so by branch.
    let numbered: Vec<i32> = numbers.iter().map(|(number, _, _)| *number).collect();
    assert_eq!(numbered, [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4]);
    assert_eq!(
        numbers[..4]
            .iter()
            .map(|(_, event, n)| (*event, *n))
            .collect::<Vec<_>>(),
        [(1, 2), (1, 1), (5, 2), (21, 1)]
    );
    books.must_balance().await;
}

#[tokio::test]
async fn an_interrupted_close_goes_on_where_it_stopped_and_in_order() {
    let books = Books::open("2026-03-02").await;
    books.receive(yuan(1)).await;
    let mut conn = books.conn().await;
    for next in ["2026-03-03", "2026-03-04"] {
        let closing = books.closing(next).await;
        day::mark(&mut conn, &closing).await.expect("marked");
        books.receive(yuan(1)).await;
    }
    let left = day::unsealed(&mut conn, CENTRE).await.expect("days");
    assert_eq!(
        left.iter().map(|d| d.date()).collect::<Vec<_>>(),
        [date("2026-03-02"), date("2026-03-03")]
    );
    let at = crate::books::noon(date("2026-03-04"));
    assert!(matches!(
        day::seal(&mut conn, CENTRE, left[1], at).await,
        Err(Error::Close(_))
    ));
    for day in left {
        day::seal(&mut conn, CENTRE, day, at).await.expect("sealed");
        assert!(matches!(
            day::seal(&mut conn, CENTRE, day, at).await,
            Err(Error::Close(_))
        ));
    }
    assert_eq!(
        day::state(&mut conn, CENTRE, date("2026-03-03"))
            .await
            .expect("a state"),
        day::DayState::Sealed
    );
    books.must_balance().await;
}
