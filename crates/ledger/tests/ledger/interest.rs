//! Interest: worked numbers through real books, settling on touch, corrections, the yearly run.

use anju_domain::money::Fen;
use anju_domain::subject::Subject;
use anju_ledger::account::{self, State};
use anju_ledger::journal::Header;
use anju_ledger::{AccountId, bank, journal, product};
use chrono::NaiveDate;
use serde_json::Value;

use crate::books::{Books, CENTRE, PAYABLE, date, yuan};

/// Moves to a day: closes the open one.
async fn go_to(books: &Books, day: NaiveDate) {
    if books.today().await.date() < day {
        books.close_to(&day.to_string()).await;
    }
}

/// Every row of interest_settlement in vectors.csv, lived through day by day: allocations, payments, 1 July runs, closing.
#[tokio::test]
async fn the_worked_numbers_of_interest_come_out_of_the_books() {
    let file = include_str!("../../../anju/tests/vectors.csv");
    let mut rows = 0;
    for line in file
        .lines()
        .filter(|line| line.contains(",interest_settlement,"))
    {
        let cells: Vec<Value> = line
            .match_indices("\"{")
            .zip(line.match_indices("}\""))
            .map(|((from, _), (to, _))| {
                serde_json::from_str(&line[from + 1..=to].replace("\"\"", "\"")).expect("JSON")
            })
            .collect();
        live_through(line.split(',').next().expect("an id"), &cells[0], &cells[1]).await;
        rows += 1;
    }
    assert_eq!(rows, 8);
}

async fn live_through(id: &str, inputs: &Value, expected: &Value) {
    let text = |value: &Value, key: &str| value[key].as_str().expect("text").to_owned();
    let fen = |value: &Value, key: &str| Fen::new(value[key].as_i64().expect("fen"));
    let rates: Vec<(String, i32)> = inputs["rates"]
        .as_array()
        .expect("rates")
        .iter()
        .map(|rate| {
            (
                text(rate, "from"),
                i32::try_from(rate["bp"].as_i64().expect("bp")).expect("bp"),
            )
        })
        .collect();
    let rates: Vec<(&str, i32)> = rates
        .iter()
        .map(|(from, bp)| (from.as_str(), *bp))
        .collect();
    let opening = text(inputs, "opening_date");
    let books = Books::open_with(&opening, inputs["change_mode"] == "SEGMENT", &rates).await;
    let person = books.person().await;
    books.fund(person, fen(inputs, "opening_balance_fen")).await;

    let end = date(&text(&inputs["end"], "date"));
    let closing = inputs["end"]["kind"] == "closing";
    let mut days: Vec<(NaiveDate, Option<Fen>)> = inputs["changes"]
        .as_array()
        .expect("changes")
        .iter()
        .map(|change| (date(&text(change, "date")), Some(fen(change, "delta_fen"))))
        .collect();
    let mut july = date(&format!("{}-07-01", &opening[..4])).max(date(&opening));
    let last = if closing {
        end
    } else {
        end.succ_opt().expect("a day")
    };
    while july <= last {
        if july > date(&opening) && july == date(&july.format("%Y-07-01").to_string()) {
            days.push((july, None));
        }
        july = july.succ_opt().expect("a day");
    }
    days.sort();
    let mut settled = Vec::new();
    for (day, change) in days {
        go_to(&books, day).await;
        match change {
            Some(delta) if delta > Fen::ZERO => drop(books.fund(person, delta).await),
            Some(delta) => assert!(books.pay_out(person, -delta).await.is_some(), "{id}"),
            None => {
                let header = books.header(72).await;
                product::settle_year(&mut *books.conn().await, &books.ids, &header, day)
                    .await
                    .expect("settled");
                let account = books.account(person).await;
                settled.push((account.last_product, account.last_interest.fen()));
            }
        }
    }
    if closing {
        go_to(&books, end).await;
        let header = books.header(28).await;
        product::close_interest(&mut *books.conn().await, &header, person)
            .await
            .expect("closing interest");
        let account = books.account(person).await;
        settled.push((account.last_product, account.last_interest.fen()));
    }
    let wanted: Vec<(i64, i64)> = expected["settlements"]
        .as_array()
        .expect("settlements")
        .iter()
        .map(|s| {
            (
                s["product_fen_days"].as_i64().expect("days"),
                s["interest_fen"].as_i64().expect("fen"),
            )
        })
        .collect();
    assert_eq!(settled, wanted, "{id}");
    assert_eq!(
        books.account(person).await.balance,
        fen(expected, "final_balance_fen"),
        "{id}"
    );
    books.must_balance().await;
}

#[tokio::test]
async fn a_contribution_with_an_earlier_value_date_earns_as_if_booked_then() {
    let books = Books::open("2026-03-02").await;
    let people = books.people(2).await;
    books.receive(yuan(2000)).await;
    books.close_to("2026-03-20").await;
    books
        .allocate(&[(people[0], yuan(1000))], date("2026-03-20"))
        .await
        .expect("booked");
    books.close_to("2026-03-27").await;
    books
        .allocate(&[(people[1], yuan(1000))], date("2026-03-20"))
        .await
        .expect("booked");
    books.close_to("2026-04-01").await;
    for person in &people {
        books.fund(*person, yuan(1)).await;
    }
    let (on_time, late) = (
        books.account(people[0]).await,
        books.account(people[1]).await,
    );
    assert_eq!(on_time.product, late.product);
    books.must_balance().await;
}

#[tokio::test]
async fn interest_for_days_before_the_last_settlement_is_credited_by_a_correction() {
    let books = Books::open("2026-05-02").await;
    let person = books.person().await;
    books.fund(person, yuan(1_000)).await;
    books.receive(yuan(100_000)).await;
    books.close_to("2026-07-05").await;
    // 100,000 yuan counted from 1 May-like day: 60 days before 1 July, 4 after.
    books
        .allocate(&[(person, yuan(100_000))], date("2026-05-02"))
        .await
        .expect("booked");
    let account = books.account(person).await;
    let balance = account.balance;
    assert_eq!(account.settled_on, date("2026-07-01"));
    let due = product::corrections_due(&mut *books.conn().await, CENTRE, AccountId(0), 10)
        .await
        .expect("a list");
    assert_eq!(due, [person]);
    let header = books.header(89).await;
    let owed = product::correct_interest(&mut *books.conn().await, &header, "c1", person)
        .await
        .expect("E89");
    assert_eq!(owed, Fen::new(25_000)); // 10,000,000 fen × 60 days × 1.50 % / 360
    assert_eq!(books.account(person).await.balance, balance + owed);
    let again = books.header(89).await;
    let nothing = product::correct_interest(&mut *books.conn().await, &again, "c2", person)
        .await
        .expect("E89");
    assert_eq!(nothing, Fen::ZERO);
    books.must_balance().await;
}

#[tokio::test]
async fn whoever_touches_an_account_in_the_new_interest_year_settles_it_first() {
    let books = Books::open("2026-06-01").await;
    let people = books.people(3).await;
    for person in &people {
        books.fund(*person, yuan(12_000)).await;
    }
    books.close_to("2026-07-01").await;
    assert!(books.pay_out(people[0], yuan(100)).await.is_some());
    books.fund(people[1], yuan(100)).await;
    // 1,200,000 fen × 30 days × 1.50 % / 360 = 1,500 fen.
    assert_eq!(books.account(people[0]).await.balance, yuan(11_915));
    assert_eq!(books.account(people[1]).await.balance, yuan(12_115));
    assert_eq!(books.account(people[2]).await.balance, yuan(12_000));

    let header = books.header(72).await;
    let run = product::settle_year(
        &mut *books.conn().await,
        &books.ids,
        &header,
        date("2026-07-01"),
    )
    .await
    .expect("run");
    assert_eq!(
        (run.accounts, run.interest, run.true_up),
        (1, yuan(15), yuan(45))
    );
    let again = product::settle_year(
        &mut *books.conn().await,
        &books.ids,
        &header,
        date("2026-07-01"),
    )
    .await
    .expect("run");
    assert_eq!(
        (again.accounts, again.interest, again.true_up),
        (0, Fen::ZERO, Fen::ZERO)
    );
    let payable = AccountId::of_subject(Subject::INTEREST_PAYABLE);
    let left = bank::balance(
        &mut *books.conn().await,
        CENTRE,
        payable,
        date("2026-07-01"),
    )
    .await
    .expect("211");
    assert_eq!(left, Fen::ZERO);
    books.must_balance().await;
}

#[tokio::test]
async fn a_closing_that_the_bank_refused_leaves_no_trace_in_the_interest() {
    let books = Books::open("2026-03-02").await;
    let people = books.people(2).await;
    for person in &people {
        books.fund(*person, yuan(8_000)).await;
    }
    books.close_to("2026-05-11").await;
    let header = books.header(28).await;
    product::close_interest(&mut *books.conn().await, &header, people[0])
        .await
        .expect("E28");
    let whole = books.account(people[0]).await.balance;
    let paid = books.pay_out(people[0], whole).await.expect("E21");
    assert!(
        account::set_state(
            &mut *books.conn().await,
            CENTRE,
            people[0],
            State::Open,
            State::Closed
        )
        .await
        .expect("closed")
    );
    books.close_to("2026-05-13").await;
    assert!(
        account::set_state(
            &mut *books.conn().await,
            CENTRE,
            people[0],
            State::Closed,
            State::Open
        )
        .await
        .expect("open")
    );
    books
        .reverse(23, paid, date("2026-05-11"))
        .await
        .expect("the payment");
    let reverse = Header {
        event: anju_ledger::Event(23),
        ..books.header(23).await
    };
    journal::reverse(
        &mut *books.conn().await,
        &reverse,
        "interest",
        header.journal_id,
        date("2026-05-11"),
    )
    .await
    .expect("the interest");
    for person in &people {
        books.fund(*person, yuan(1)).await;
    }
    let (closed, never) = (
        books.account(people[0]).await,
        books.account(people[1]).await,
    );
    assert_eq!(
        (closed.balance, closed.product, closed.settled_on),
        (never.balance, never.product, never.settled_on)
    );
    let left = bank::balance(
        &mut *books.conn().await,
        CENTRE,
        PAYABLE,
        date("2026-05-13"),
    )
    .await
    .expect("21904");
    assert_eq!(left, Fen::ZERO);
    books.must_balance().await;
}
