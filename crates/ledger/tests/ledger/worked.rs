//! The worked ledger of accounting.md §12, rows 1–3 and 8.

use anju_domain::money::Fen;
use anju_domain::subject::Subject;
use anju_ledger::journal::{self, Entry};
use anju_ledger::trial_balance::{TrialBalance, trial_balance};
use anju_ledger::{AccountId, Role, bank};

use crate::books::{Books, CENTRE, date, yuan};

fn closing(balance: &TrialBalance, code: i32) -> Fen {
    balance
        .of(Subject::get(code).expect("a subject"))
        .expect("a leaf")
        .closing
}

async fn book(books: &Books, event: i16, accounts: &[(Role, AccountId)], amounts: &[(&str, Fen)]) {
    let header = books.header(event).await;
    let key = header.journal_id.0.to_string();
    let entry = Entry {
        business_key: &key,
        value_date: header.day.date(),
        accounts,
        amounts,
    };
    journal::post(&mut *books.conn().await, &books.table, &header, &entry)
        .await
        .expect("booked");
}

#[tokio::test]
async fn the_worked_ledger_comes_out_to_the_fen() {
    let books = Books::open("2026-06-29").await;
    let person = books.person().await;
    let bank = (Role::Bank, books.bank);
    let unit = (Role::Unit, books.suspense);
    let unknown = (Role::Unidentified, books.unidentified);
    let fund = (Role::Person, person);

    // Opening: 10101 Dr 10,000,000.00; 201 Cr 10,000,000.00.
    books.fund(person, yuan(10_000_000)).await;
    books.close_to("2026-06-30").await;
    // 1: a receipt and its allocation.
    book(&books, 1, &[bank, unit], &[("amount", yuan(2_092))]).await;
    book(
        &books,
        5,
        &[unit, fund],
        &[("employer", yuan(1_046)), ("employee", yuan(1_046))],
    )
    .await;
    // 2: an unknown receipt, returned.
    book(&books, 2, &[bank, unknown], &[("amount", yuan(500))]).await;
    book(&books, 4, &[bank, unknown], &[("amount", yuan(500))]).await;
    // 3: a withdrawal, paid.
    books.pay_out(person, yuan(1_000)).await.expect("E21");
    book(&books, 22, &[bank], &[("amount", yuan(1_000))]).await;
    // 8: interest trued up and credited.
    book(&books, 71, &[], &[("amount", yuan(5_000))]).await;
    book(&books, 72, &[fund], &[("amount", yuan(5_000))]).await;

    for sealed in [false, true] {
        if sealed {
            books.close_to("2026-07-01").await;
        }
        let balance = trial_balance(&mut *books.conn().await, CENTRE, date("2026-06-30"), None)
            .await
            .expect("figures");
        assert_eq!(balance.sealed, sealed);
        assert_eq!(closing(&balance, 10101), yuan(10_001_092));
        assert_eq!(closing(&balance, 201), yuan(10_006_092));
        assert_eq!(closing(&balance, 41101), yuan(5_000));
        for code in [21901, 21903, 21904, 211] {
            assert_eq!(closing(&balance, code), Fen::ZERO, "{code}");
        }
        let line = balance.of(Subject::FUND_LIABILITY).expect("201");
        assert_eq!(
            (line.opening, line.debit, line.credit),
            (yuan(10_000_000), yuan(1_000), yuan(7_092))
        );
        let (debit, credit) = balance.turnover();
        assert_eq!((debit, credit), (yuan(17_184), yuan(17_184)));
        let (debit, credit) = balance.closing();
        assert_eq!((debit, credit), (yuan(10_006_092), yuan(10_006_092)));
        let at_bank = bank::balance(
            &mut *books.conn().await,
            CENTRE,
            books.bank,
            date("2026-06-30"),
        )
        .await;
        assert_eq!(at_bank.expect("10101"), yuan(10_001_092));
    }
    // The day after opens with yesterday's figures; a past day is still what it was.
    let next = trial_balance(&mut *books.conn().await, CENTRE, date("2026-07-01"), None)
        .await
        .expect("figures");
    assert_eq!(
        next.of(Subject::FUND_DEMAND).expect("10101").opening,
        yuan(10_001_092)
    );
    let first = trial_balance(&mut *books.conn().await, CENTRE, date("2026-06-29"), None)
        .await
        .expect("figures");
    assert_eq!(closing(&first, 10101), yuan(10_000_000));
    let branch = trial_balance(
        &mut *books.conn().await,
        CENTRE,
        date("2026-06-30"),
        Some(1),
    )
    .await
    .expect("figures");
    assert_eq!(closing(&branch, 201), yuan(10_006_092));
    let other = trial_balance(
        &mut *books.conn().await,
        CENTRE,
        date("2026-06-30"),
        Some(2),
    )
    .await
    .expect("figures");
    assert_eq!(closing(&other, 201), Fen::ZERO);
}

#[tokio::test]
async fn a_red_line_lowers_the_turnover_of_its_own_side() {
    let books = Books::open("2026-03-02").await;
    let receipt = books.receive(yuan(100)).await;
    books
        .reverse(1, receipt, date("2026-03-02"))
        .await
        .expect("a reversal");
    for sealed in [false, true] {
        if sealed {
            books.close_to("2026-03-03").await;
        }
        let balance = trial_balance(&mut *books.conn().await, CENTRE, date("2026-03-02"), None)
            .await
            .expect("figures");
        let line = balance.of(Subject::FUND_DEMAND).expect("10101");
        assert_eq!(
            (line.debit, line.credit, line.closing),
            (Fen::ZERO, Fen::ZERO, Fen::ZERO)
        );
    }
    books.must_balance().await;
}
