//! What the database refuses, whoever asks.

use anju_domain::money::Fen;
use anju_ledger::day::BusinessDate;
use anju_ledger::journal::{self, Header, Line, Reach};
use anju_ledger::{Error, Part, day};
use sqlx::{Executor, PgConnection};

use crate::books::{Books, CENTRE, PAYABLE, date, yuan};

async fn sqlstate(conn: &mut PgConnection, sql: &'static str) -> String {
    let error = conn.execute(sql).await.expect_err(sql);
    error
        .as_database_error()
        .and_then(|e| e.code())
        .expect("an SQLSTATE")
        .into_owned()
}

#[tokio::test]
async fn a_journal_that_does_not_sum_to_zero_is_refused_by_program_and_database() {
    let books = Books::open("2026-03-02").await;
    let header = books.header(1).await;
    let line = |account, fen| Line {
        account,
        part: Part::None,
        amount: Fen::new(fen),
        value_date: header.day.date(),
        red: false,
    };
    let lines = [line(books.bank, 100), line(books.suspense, -99)];
    let refused = journal::post_lines(
        &mut *books.conn().await,
        &header,
        "k",
        &lines,
        Reach::Available,
    )
    .await;
    assert!(matches!(refused, Err(Error::Malformed(_))), "{refused:?}");

    let refused = sqlx::query(
        "SELECT ledger_post(1::smallint, $1, 5, 1::smallint, gen_random_uuid(), gen_random_uuid(), NULL, 1, NULL, 0,
                            1::smallint, NULL, now(), false, NULL, ARRAY[$2, $3], ARRAY[0, 0]::smallint[],
                            ARRAY[100, -99]::bigint[], ARRAY[$1, $1], ARRAY[false, false])",
    )
    .bind(header.day.date())
    .bind(books.bank.0)
    .bind(books.suspense.0)
    .execute(&mut *books.conn().await)
    .await
    .map_err(Error::from);
    assert!(matches!(refused, Err(Error::Malformed(_))), "{refused:?}");
    books.must_balance().await;
}

#[tokio::test]
async fn the_application_reads_money_tables_and_writes_none() {
    let books = Books::open("2026-03-02").await;
    books.receive(yuan(10)).await;
    let mut conn = books.conn().await;
    for sql in [
        "INSERT INTO posting SELECT p.* FROM posting p",
        "INSERT INTO posting_202603 SELECT p.* FROM posting p",
        "INSERT INTO journal SELECT j.* FROM journal j",
        "UPDATE ledger_account SET balance_fen = 1",
        "DELETE FROM posting",
        "UPDATE business_day SET open_date = '2026-01-01'",
        "UPDATE day_sum SET debit_fen = 1",
        "DELETE FROM voucher",
        "DELETE FROM command",
        "TRUNCATE account_hold",
        "SELECT ledger_settle_touched(1::smallint, '2026-03-02', 1::smallint, now(), '{1}')",
    ] {
        assert_eq!(sqlstate(&mut conn, sql).await, "42501", "{sql}");
    }
}

#[tokio::test]
async fn not_even_the_owner_edits_a_posting_and_what_he_adds_stops_the_seal() {
    let books = Books::open("2026-03-02").await;
    books.receive(yuan(10)).await;
    let mut owner = books.superuser().await;
    for sql in [
        "UPDATE posting SET amount_fen = amount_fen",
        "DELETE FROM journal",
        "TRUNCATE posting",
    ] {
        assert_eq!(sqlstate(&mut owner, sql).await, "42501", "{sql}");
    }
    // Two lines that balance, added to a journal that was written before.
    owner
        .execute(
            "INSERT INTO posting (journal_id, account_id, amount_fen, business_date, value_date, subject, centre_id, part)
             SELECT journal_id, account_id, amount_fen, business_date, value_date, subject, centre_id, part FROM posting",
        )
        .await
        .expect("the owner may");
    let closing = books.closing("2026-03-03").await;
    let refused = day::close(&mut *books.conn().await, &closing).await;
    assert!(
        matches!(&refused, Err(Error::Close(why)) if why.contains("does not have its lines")),
        "{refused:?}"
    );
    assert!(
        books
            .breaches()
            .await
            .iter()
            .any(|b| b.invariant == "I1" && b.detail == "有 4 行，记账时是 2 行")
    );
}

#[tokio::test]
async fn a_day_that_is_not_open_takes_nothing() {
    let books = Books::open("2026-03-02").await;
    let person = books.person().await;
    books.fund(person, yuan(100)).await;
    let yesterday = books.header(1).await;
    books.close_to("2026-03-03").await;
    let line = |account, amount| Line {
        account,
        part: Part::None,
        amount,
        value_date: date("2026-03-02"),
        red: false,
    };
    let lines = [line(books.bank, yuan(1)), line(books.suspense, yuan(-1))];
    for day in ["2026-03-02", "2026-03-04"] {
        let header = Header {
            day: BusinessDate::of(date(day)),
            ..yesterday.clone()
        };
        let refused = journal::post_lines(
            &mut *books.conn().await,
            &header,
            day,
            &lines,
            Reach::Available,
        )
        .await;
        assert!(matches!(refused, Err(Error::DayNotOpen(_))), "{refused:?}");
        let reversed = journal::reverse(
            &mut *books.conn().await,
            &header,
            day,
            yesterday.journal_id,
            date("2026-03-02"),
        )
        .await;
        assert!(reversed.is_err());
    }
    let version = books.account(person).await.version;
    let payment = journal::PayOut {
        key: uuid::Uuid::now_v7(),
        digest: uuid::Uuid::nil(),
        ref_id: 1,
        account: person,
        version,
        amount: yuan(1),
        payable: PAYABLE,
        hold: None,
    };
    assert!(
        !journal::pay_out(&mut *books.conn().await, &yesterday, &payment)
            .await
            .expect("an answer")
    );
    books.must_balance().await;
}

#[tokio::test]
async fn a_writer_that_the_close_cannot_see_is_refused() {
    let books = Books::open("2026-03-02").await;
    let mut conn = books.conn().await;
    conn.execute("SET application_name = 'psql'")
        .await
        .expect("a setting");
    let header = books.header(1).await;
    let line = |account, amount| Line {
        account,
        part: Part::None,
        amount,
        value_date: header.day.date(),
        red: false,
    };
    let lines = [line(books.bank, yuan(1)), line(books.suspense, yuan(-1))];
    let refused = journal::post_lines(&mut conn, &header, "k", &lines, Reach::Available).await;
    assert!(
        matches!(refused, Err(Error::UnnamedWriter(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn one_person_does_not_close_a_day_alone() {
    let books = Books::open("2026-03-02").await;
    let mut closing = books.closing("2026-03-03").await;
    closing.checker_id = closing.maker_id;
    let refused = day::mark(&mut *books.conn().await, &closing).await;
    assert!(matches!(refused, Err(Error::Malformed(_))), "{refused:?}");
    assert_eq!(
        day::open_day(&mut *books.conn().await, CENTRE)
            .await
            .expect("a day")
            .date(),
        date("2026-03-02")
    );
}
