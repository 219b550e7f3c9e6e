//! From a figure of the trial balance to its journals: what is listed behind it comes to the figure, to the fen.

use anju::cast::{self, open_employer, register_month, text};
use anju_casework::staff::role;
use axum::http::StatusCode;

use crate::town::{Town, known, month};
use crate::visitor::Visitor;

/// More receipts than a page of journals holds, each of one yuan and less than the list comes to.
const RECEIPTS: usize = 53;
const SUSPENSE: &str = "21901";

/// The address of a link whose address has all these parts, and its words.
fn link(page: &str, parts: &[&str]) -> (String, String) {
    page.split("<a href=\"")
        .skip(1)
        .filter_map(|rest| {
            let (href, rest) = rest.split_once('"')?;
            Some((href, rest.split_once('>')?.1))
        })
        .map(|(href, rest)| {
            (
                href.replace("&#38;", "&"),
                plain(rest.split("</a>").next().unwrap_or("")),
            )
        })
        .find(|(href, _)| parts.iter().all(|part| href.contains(part)))
        .unwrap_or_else(|| panic!("no link with {parts:?} on {page}"))
}

fn plain(markup: &str) -> String {
    let pieces = markup.split('<').enumerate();
    let words: String = pieces
        .map(|(at, piece)| match at {
            0 => piece,
            _ => piece.split_once('>').map_or("", |(_, words)| words),
        })
        .collect();
    words.trim().to_owned()
}

fn fen(amount: &str) -> i64 {
    let digits: String = amount.chars().filter(char::is_ascii_digit).collect();
    let fen: i64 = digits
        .parse()
        .unwrap_or_else(|_| panic!("an amount: {amount}"));
    if amount.contains('−') || amount.contains('-') {
        -fen
    } else {
        fen
    }
}

/// The cells of the rows of a page's table.
fn rows(page: &str) -> Vec<Vec<String>> {
    let body = page
        .split("<tbody>")
        .nth(1)
        .and_then(|rest| rest.split("</tbody>").next());
    body.expect("a table")
        .split("<tr")
        .skip(1)
        .map(|row| {
            let cells = row.replace("<th", "<td");
            cells
                .split("<td")
                .skip(1)
                .map(|cell| plain(&format!("<{cell}")))
                .collect()
        })
        .collect()
}

#[tokio::test]
async fn behind_each_figure_of_the_trial_balance_stand_the_journals_that_come_to_it() {
    let town = Town::open().await;
    let office = town.office().await;
    let people = known(&town, 1820, &[("李梅", 1_000_000), ("王强", 800_000)]).await;
    let firm = open_employer(&town.doors, 1820, month(1))
        .await
        .expect("an employer");
    let list = register_month(&town.doors, &firm, month(1), &people)
        .await
        .expect("a list");
    for _ in 0..RECEIPTS {
        cast::pay(&town.doors, &list, 100).await.expect("a receipt");
    }
    text(&list, "remittance_id").expect("a list");
    let accountant =
        Visitor::staff(&town, &office, role::ACCOUNTANT, office.centre.head_branch).await;
    let mut balance = String::new();
    for _ in 0..200 {
        balance = accountant.get("/desk/books/trial-balance").await.page;
        if balance.contains("53.00") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }

    // The turnover: all pages of its journals.
    let (turnover, figure) = link(&balance, &["/desk/books/journals", SUSPENSE, "side=credit"]);
    assert_eq!(figure, "53.00");
    let (mut sum, mut count, mut next) = (0, 0, Some(turnover));
    while let Some(address) = next {
        let page = accountant.get(&address).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.page);
        for row in rows(&page.page) {
            assert!(row[2].contains("单位汇款到账"), "{row:?}");
            sum += fen(&row[5]);
            count += 1;
        }
        assert!(page.page.contains("本日合计"), "{}", page.page);
        next = page
            .page
            .contains("rel=\"next\"")
            .then(|| link(&page.page, &["after="]).0);
    }
    assert_eq!((sum, count), (fen(&figure), RECEIPTS));

    // The balance: the days of the month up to this one, and each leads to its journals.
    let (days, figure) = link(
        &balance,
        &[
            "/desk/books/subject",
            SUSPENSE,
            &format!("to={}", town.today()),
        ],
    );
    let page = accountant.get(&days).await.page;
    let listed = rows(&page);
    let last = listed.last().expect("a day");
    assert_eq!(last[3], figure, "{page}");
    let own: i64 = listed
        .iter()
        .skip(1)
        .map(|row| fen(&row[2]) - fen(&row[1]))
        .sum();
    assert_eq!(fen(&listed[0][3]) + own, fen(&figure), "{page}");
    let (both, _) = link(&page, &["/desk/books/journals", "side=&"]);
    assert_eq!(rows(&accountant.get(&both).await.page).len(), 50, "a page");

    // What is asked for by hand: another subject without movement; a subject that has no postings is no page.
    let idle = accountant.get("/desk/books/journals?code=211").await.page;
    assert!(idle.contains("这一天这个科目没有发生额"), "{idle}");
    let parent = accountant.get("/desk/books/journals?code=219").await;
    assert_eq!(parent.status, StatusCode::NOT_FOUND);
    // Whoever may not read the balance does not read its journals.
    let teller = Visitor::staff(&town, &office, role::TELLER, office.centre.head_branch).await;
    for address in [both.as_str(), days.as_str()] {
        assert_eq!(teller.get(address).await.status, StatusCode::FORBIDDEN);
    }
}
