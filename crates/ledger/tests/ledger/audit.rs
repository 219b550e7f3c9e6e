//! The audit finds what somebody with all rights has changed, and names it.

use sqlx::{AssertSqlSafe, Executor};

use crate::books::{Books, date, yuan};

#[tokio::test]
async fn each_planted_corruption_is_found_and_named() {
    let books = Books::open("2026-03-02").await;
    let people = books.people(3).await;
    for person in &people {
        books.fund(*person, yuan(1_000)).await;
    }
    books.close_to("2026-03-12").await;
    let paid = books.pay_out(people[0], yuan(100)).await.expect("paid");
    books.fund(people[1], yuan(7)).await;
    books.close_to("2026-07-01").await;
    books
        .reverse(23, paid, date("2026-03-12"))
        .await
        .expect("a reversal");
    books.must_balance().await;

    let account = people[1].0;
    let person = format!("账户 {account}");
    let journal: i64 = sqlx::query_scalar(
        "SELECT journal_id FROM journal WHERE event = 5 AND business_date = '2026-03-12'",
    )
    .fetch_one(&mut *books.conn().await)
    .await
    .expect("the allocation");
    let settled = format!("账户 {}", people[0].0);
    for (change, back, invariant, place) in [
        (
            "ledger_account SET balance_fen = balance_fen + 1",
            "balance_fen = balance_fen - 1",
            "I22",
            person.clone(),
        ),
        (
            "ledger_account SET product = product + 1",
            "product = product - 1",
            "I23",
            person.clone(),
        ),
        (
            "ledger_account SET accrual = accrual - 1",
            "accrual = accrual + 1",
            "I23",
            person.clone(),
        ),
        (
            "ledger_account SET frozen_fen = 5",
            "frozen_fen = 0",
            "I12",
            person.clone(),
        ),
    ] {
        plant(
            &books,
            &format!("UPDATE {change} WHERE account_id = {account}"),
        )
        .await;
        found(&books, invariant, &place).await;
        plant(
            &books,
            &format!("UPDATE ledger_account SET {back} WHERE account_id = {account}"),
        )
        .await;
    }
    for (change, back, invariant, place) in [
        (
            format!("UPDATE ledger_account SET last_interest = last_interest + 1 WHERE account_id = {}", people[0].0),
            format!("UPDATE ledger_account SET last_interest = last_interest - 1 WHERE account_id = {}", people[0].0),
            "I23",
            settled.clone(),
        ),
        (
            format!("UPDATE posting SET amount_fen = amount_fen - 1 WHERE journal_id = {journal} AND part = 1"),
            format!("UPDATE posting SET amount_fen = amount_fen + 1 WHERE journal_id = {journal} AND part = 1"),
            "I1",
            format!("凭证 {journal}（2026-03-12）"),
        ),
        (
            format!("UPDATE posting SET value_date = value_date - 1 WHERE journal_id = {journal} AND part = 1"),
            format!("UPDATE posting SET value_date = value_date + 1 WHERE journal_id = {journal} AND part = 1"),
            "I23",
            person.clone(),
        ),
        (
            format!("UPDATE posting SET account_id = {} WHERE account_id = {account} AND journal_id = {journal}", people[2].0),
            format!("UPDATE posting SET account_id = {account} WHERE journal_id = {journal} AND subject = 201"),
            "I22",
            person.clone(),
        ),
        (
            "UPDATE day_sum SET debit_fen = debit_fen + 1 WHERE subject = 201 AND business_date = '2026-03-12'".to_owned(),
            "UPDATE day_sum SET debit_fen = debit_fen - 1 WHERE subject = 201 AND business_date = '2026-03-12'".to_owned(),
            "I3",
            "科目 201，网点 1，2026-03-12".to_owned(),
        ),
        (
            "UPDATE voucher SET number = 9 WHERE number = 2".to_owned(),
            "UPDATE voucher SET number = 2 WHERE number = 9".to_owned(),
            "I20",
            "2026-03 月".to_owned(),
        ),
        (
            "UPDATE posting SET amount_fen = amount_fen * 2 WHERE business_date = '2026-07-01' AND red".to_owned(),
            "UPDATE posting SET amount_fen = amount_fen / 2 WHERE business_date = '2026-07-01' AND red".to_owned(),
            "I24",
            format!("凭证 {}（2026-07-01）", reversal(&books).await),
        ),
    ] {
        plant(&books, &change).await;
        found(&books, invariant, &place).await;
        plant(&books, &back).await;
    }
    books.must_balance().await;
}

async fn reversal(books: &Books) -> i64 {
    sqlx::query_scalar("SELECT journal_id FROM journal WHERE reverses IS NOT NULL")
        .fetch_one(&mut *books.conn().await)
        .await
        .expect("the reversal")
}

/// Changes a table past every trigger and right.
async fn plant(books: &Books, sql: &str) {
    let mut superuser = books.superuser().await;
    superuser
        .execute("SET session_replication_role = replica")
        .await
        .expect("a superuser");
    let done = superuser
        .execute(AssertSqlSafe(sql.to_owned()))
        .await
        .expect("the change");
    assert!(done.rows_affected() > 0, "{sql}");
}

async fn found(books: &Books, invariant: &str, place: &str) {
    let breaches = books.breaches().await;
    assert!(
        breaches
            .iter()
            .any(|breach| breach.invariant == invariant && breach.place == place),
        "{invariant} at {place} is not among {breaches:?}"
    );
}

/// Goal: the close of a day finds what is wrong with what the day touched, without reading other years. Method: an account that was
/// touched today and one that was not are changed past all rights.
#[tokio::test]
async fn the_close_of_a_day_finds_what_is_wrong_with_what_it_touched() {
    let books = Books::open("2026-03-02").await;
    let people = books.people(2).await;
    for person in &people {
        books.fund(*person, yuan(1_000)).await;
    }
    books.close_to("2026-03-12").await;
    let paid = books.pay_out(people[0], yuan(100)).await.expect("paid");
    let (touched, untouched) = (people[0].0, people[1].0);
    let place = format!("账户 {touched}");
    books.must_balance().await;
    for (change, back, invariant, place) in [
        (
            "balance_fen = balance_fen + 1",
            "balance_fen = balance_fen - 1",
            "I22",
            &place,
        ),
        (
            "product = product + 1",
            "product = product - 1",
            "I23",
            &place,
        ),
        (
            "accrual = accrual - 1",
            "accrual = accrual + 1",
            "I23",
            &place,
        ),
        ("reserved_fen = 5", "reserved_fen = 0", "I12", &place),
    ] {
        let of = |change: &str, account: i64| {
            format!("UPDATE ledger_account SET {change} WHERE account_id = {account}")
        };
        plant(&books, &of(change, touched)).await;
        found_today(&books, invariant, place).await;
        plant(&books, &of(back, touched)).await;
        plant(&books, &of(change, untouched)).await;
        assert_eq!(
            books.breaches_of_today().await,
            [],
            "the whole audit finds that one"
        );
        assert!(!books.breaches().await.is_empty());
        plant(&books, &of(back, untouched)).await;
    }
    let journal = paid.0;
    let half = format!(
        "UPDATE posting SET amount_fen = amount_fen + 1 WHERE journal_id = {journal} AND subject = 201"
    );
    plant(&books, &half).await;
    found_today(&books, "I1", &format!("凭证 {journal}（2026-03-12）")).await;
    found_today(&books, "I22", &place).await;
    found_today(&books, "I4", "全部科目").await;
}

async fn found_today(books: &Books, invariant: &str, place: &str) {
    let breaches = books.breaches_of_today().await;
    assert!(
        breaches
            .iter()
            .any(|breach| breach.invariant == invariant && breach.place == place),
        "{invariant} at {place} is not among {breaches:?}"
    );
}
