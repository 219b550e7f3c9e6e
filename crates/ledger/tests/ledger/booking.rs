//! Booking: keys, versions, rosters, reversals, holds.

use anju_domain::money::Fen;
use anju_ledger::account::{self, State};
use anju_ledger::freeze::{self, Hold, HoldKind};
use anju_ledger::journal::{self, Entry};
use anju_ledger::{AccountId, Error, Role, statement};

use crate::books::{Books, CENTRE, date, noon, yuan};

#[tokio::test]
async fn the_same_event_and_key_books_once_and_another_content_is_refused() {
    let books = Books::open("2026-03-02").await;
    let accounts = [(Role::Bank, books.bank), (Role::Unit, books.suspense)];
    let mut booked = Vec::new();
    for amount in [yuan(50), yuan(50), yuan(51)] {
        let header = books.header(1).await;
        let entry = Entry {
            business_key: "bank serial 7",
            value_date: header.day.date(),
            accounts: &accounts,
            amounts: &[("amount", amount)],
        };
        booked.push(journal::post(&mut *books.conn().await, &books.table, &header, &entry).await);
    }
    assert_eq!(
        booked[0].as_ref().expect("booked"),
        booked[1].as_ref().expect("the first answer")
    );
    assert!(matches!(booked[2], Err(Error::RepeatedKey)));
    assert_eq!(books.account(books.suspense).await.balance, yuan(50));
}

#[tokio::test]
async fn a_decision_on_an_old_version_or_on_money_that_is_not_there_pays_nothing() {
    let books = Books::open("2026-03-02").await;
    let person = books.person().await;
    books.fund(person, yuan(100)).await;
    let read = books.account(person).await;
    books.fund(person, yuan(1)).await;
    assert_eq!(
        books.pay_out_at(person, yuan(10), read.version, None).await,
        None
    );
    assert_eq!(books.pay_out(person, yuan(102)).await, None);
    assert_eq!(books.account(person).await.balance, yuan(101));
    assert!(books.pay_out(person, yuan(101)).await.is_some());
    books.must_balance().await;
}

#[tokio::test]
async fn ten_thousand_lines_are_one_journal() {
    let books = Books::open("2026-03-02").await;
    let people = books.people(10_000).await;
    books.receive(yuan(50_000_000)).await;
    let lines: Vec<(AccountId, Fen)> = people
        .iter()
        .map(|account| (*account, Fen::new(104_601)))
        .collect();
    let day = books.today().await.date();
    let journal = books.allocate(&lines, day).await.expect("an allocation");
    let written: i32 = sqlx::query_scalar("SELECT lines FROM journal WHERE journal_id = $1")
        .bind(journal.0)
        .fetch_one(&mut *books.conn().await)
        .await
        .expect("the journal");
    assert_eq!(written, 20_001);
    assert_eq!(
        books.account(people[9_999]).await.balance,
        Fen::new(104_601)
    );
    books.must_balance().await;
}

#[tokio::test]
async fn a_roster_is_credited_whole_or_not_at_all() {
    let books = Books::open("2026-03-02").await;
    let people = books.people(3).await;
    books.receive(yuan(30)).await;
    let day = books.today().await.date();
    let moved = account::set_state(
        &mut *books.conn().await,
        CENTRE,
        people[2],
        State::Open,
        State::Sealed,
    )
    .await;
    assert!(moved.expect("an answer"));
    let line = |account| (account, yuan(10));
    for lines in [
        vec![line(people[0]), line(people[1]), line(people[2])], // sealed
        vec![line(people[0]), line(people[0])],                  // twice
        vec![line(people[0]), line(AccountId(999))],             // unknown
        vec![line(people[0]), line(books.suspense)],             // not a person's
    ] {
        let refused = books.allocate(&lines, day).await;
        assert!(matches!(refused, Err(Error::Allocation(_))), "{refused:?}");
    }
    let refused = books.allocate(&[(people[0], Fen::new(3001))], day).await;
    assert!(
        matches!(refused, Err(Error::NotAvailable(_))),
        "{refused:?}"
    );
    assert_eq!(books.account(people[0]).await.balance, Fen::ZERO);
    assert_eq!(books.account(books.suspense).await.balance, yuan(30));
    books.must_balance().await;
}

#[tokio::test]
async fn a_reversal_restores_balance_and_product_as_if_nothing_had_been() {
    let books = Books::open("2026-03-02").await;
    let people = books.people(2).await;
    for person in &people {
        books.fund(*person, yuan(1000)).await;
    }
    books.close_to("2026-03-12").await;
    let paid = books.pay_out(people[0], yuan(400)).await.expect("paid");
    books.close_to("2026-04-20").await;
    let reversal = books
        .reverse(23, paid, date("2026-03-12"))
        .await
        .expect("a reversal");
    books.fund(people[0], yuan(1)).await;
    books.fund(people[1], yuan(1)).await;
    let (touched, untouched) = (
        books.account(people[0]).await,
        books.account(people[1]).await,
    );
    assert_eq!(
        (touched.balance, touched.product),
        (untouched.balance, untouched.product)
    );

    assert!(matches!(
        books.reverse(23, paid, date("2026-03-12")).await,
        Err(Error::RepeatedKey)
    ));
    assert!(matches!(
        books.reverse(10, paid, date("2026-03-12")).await,
        Err(Error::RepeatedKey)
    ));
    assert!(matches!(
        books.reverse(10, reversal, date("2026-04-20")).await,
        Err(Error::Malformed(_))
    ));
    books.must_balance().await;
}

#[tokio::test]
async fn what_is_frozen_or_reserved_is_not_paid_out() {
    let books = Books::open("2026-03-02").await;
    let person = books.person().await;
    books.fund(person, yuan(100)).await;
    let at = noon(date("2026-03-02"));
    let mut conn = books.conn().await;
    let mut hold = Hold {
        hold_id: 1,
        account: person,
        kind: HoldKind::Reservation,
        amount: yuan(60),
        case_id: Some(9),
        reason: "E20",
        until: None,
    };
    assert!(
        freeze::hold(&mut conn, CENTRE, &hold, at)
            .await
            .expect("an answer")
    );
    hold.hold_id = 2;
    assert!(
        !freeze::hold(&mut conn, CENTRE, &hold, at)
            .await
            .expect("too little is left")
    );
    hold = Hold {
        hold_id: 3,
        kind: HoldKind::Freeze,
        amount: yuan(500),
        reason: "(2026)渝01执1号",
        ..hold
    };
    assert!(
        freeze::hold(&mut conn, CENTRE, &hold, at)
            .await
            .expect("a court may name more than there is")
    );
    assert_eq!(books.account(person).await.available(), Fen::ZERO);
    assert_eq!(books.pay_out(person, yuan(1)).await, None);
    let refused = books
        .book(
            11,
            &[
                (Role::Person, person),
                (Role::OverContribution, books.suspense),
            ],
            yuan(1),
        )
        .await;
    assert!(
        matches!(refused, Err(Error::NotAvailable(_))),
        "{refused:?}"
    );
    let deducted = books.book(31, &[(Role::Person, person)], yuan(40)).await;
    assert!(
        deducted.is_ok(),
        "a court's deduction takes frozen money: {deducted:?}"
    );
    assert!(
        freeze::release(&mut conn, CENTRE, 3, at)
            .await
            .expect("an answer")
    );
    assert!(
        !freeze::release(&mut conn, CENTRE, 3, at)
            .await
            .expect("released once")
    );
    let version = books.account(person).await.version;
    assert_eq!(
        books.pay_out_at(person, yuan(60), version, None).await,
        None
    );
    assert!(
        books
            .pay_out_at(person, yuan(60), version, Some(1))
            .await
            .is_some()
    );
    assert_eq!(books.account(person).await.reserved, Fen::ZERO);
    books.must_balance().await;
}

#[tokio::test]
async fn an_accounts_entries_come_page_by_page_with_their_balances() {
    let books = Books::open("2026-03-02").await;
    let person = books.person().await;
    books.fund(person, yuan(100)).await;
    books.close_to("2026-04-01").await;
    let paid = books.pay_out(person, yuan(30)).await.expect("paid");
    books.close_to("2026-04-02").await;
    books
        .reverse(23, paid, date("2026-04-01"))
        .await
        .expect("a reversal");
    let mut conn = books.conn().await;
    let (from, to) = (date("2026-03-01"), date("2026-12-31"));
    let first = statement::entries(&mut conn, CENTRE, person, from, to, None, 2)
        .await
        .expect("entries");
    let rest = statement::entries(&mut conn, CENTRE, person, from, to, Some(first[1].key), 9)
        .await
        .expect("entries");
    let shown: Vec<(i16, i64, i64)> = first
        .iter()
        .chain(&rest)
        .map(|entry| (entry.event.0, entry.amount.fen(), entry.balance.fen()))
        .collect();
    assert_eq!(
        shown,
        [
            (5, 10_000, 10_000),
            (21, -3_000, 7_000),
            (23, 3_000, 10_000)
        ]
    );
    assert_eq!(rest[0].reverses, Some(paid));
    assert_eq!(
        first[0].month.map(|m| m.to_string()).as_deref(),
        Some("2026-03")
    );
    let april = statement::entries(&mut conn, CENTRE, person, date("2026-04-01"), to, None, 9)
        .await
        .expect("entries");
    assert_eq!(april[0].balance, yuan(70));
}
