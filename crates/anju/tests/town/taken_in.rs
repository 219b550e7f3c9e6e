//! 我今天受理的: a teller finds again what he took in today, and no one else's; and of a customer he sees all entries of the account, year by year.

use anju::cast::{Person, contribute, open_employer};
use anju_casework::staff::role;
use anju_domain::calendar::Month;

use crate::interest_year::days_later;
use crate::town::{Town, known, month};
use crate::visitor::Visitor;

const MINE: &str = "/desk/tasks?view=mine";
const CHANGE: &str = "/desk/do/personal-info-maintain";
/// A page of the list, and a few more.
const TAKEN: usize = 33;
/// More than the page showed at once.
const MONTHS: i32 = 13;

/// Somebody who has contributed for the months from one on.
async fn one(town: &Town, seed: i64, first: Month, months: i32) -> Person {
    let mut people = known(town, seed, &[("李梅", 1_000_000)]).await;
    let firm = open_employer(&town.doors, seed, first).await;
    let firm = firm.expect("an employer");
    for after in 0..months {
        contribute(&town.doors, &firm, first.plus(after), &people)
            .await
            .expect("a month");
    }
    people.remove(0)
}

async fn identifies(teller: &Visitor, who: &Person) -> String {
    let stands = [
        ("id_no", who.id.as_str()),
        ("name", who.name.as_str()),
        ("reason", "business"),
    ];
    let answer = teller.post("/desk/identify", &stands).await;
    let customer = answer.page.split("/desk/people/").nth(1);
    let number = customer.and_then(|rest| rest.split(['"', '/']).next());
    format!(
        "/desk/people/{}",
        number.unwrap_or_else(|| panic!("not identified: {}", answer.page))
    )
}

/// The numbers of the cases on a page, in their order.
fn cases(page: &str) -> Vec<String> {
    let list = page.split("<tbody>").nth(1).unwrap_or_default();
    list.split("href=\"/desk/cases/")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn a_teller_finds_again_what_he_took_in_today() {
    let town = Town::open().await;
    let office = town.office().await;
    let li = one(&town, 1840, month(1), 1).await;
    let branch = office.centre.head_branch;
    let teller = Visitor::staff(&town, &office, role::TELLER, branch).await;
    let empty = teller.get(MINE).await.page;
    assert!(empty.contains("今天还没有在柜台受理办件"), "{empty}");
    identifies(&teller, &li).await;
    let mut taken = Vec::new();
    for place in 0..TAKEN {
        let form = teller.get(CHANGE).await.page;
        let key = form.split("name=\"key\" value=\"").nth(1);
        let key = key.and_then(|rest| rest.split('"').next()).expect("a key");
        let email = format!("li{place}@example.cn");
        let sent = teller
            .post(CHANGE, &[("key", key), ("email", &email)])
            .await;
        let number = sent.location.strip_prefix("/desk/cases/");
        taken.push(
            number
                .unwrap_or_else(|| panic!("not taken: {}", sent.page))
                .to_owned(),
        );
    }
    taken.reverse();
    let first = teller.get(MINE).await.page;
    assert!(
        first.contains("个人信息维护") && first.contains("李*"),
        "{first}"
    );
    let next = first
        .split("rel=\"next\"")
        .next()
        .and_then(|before| before.rsplit("href=\"").next());
    let next = next
        .expect("a next page")
        .trim_end_matches("\" ")
        .replace("&#38;", "&");
    let listed = [cases(&first), cases(&teller.get(&next).await.page)].concat();
    assert_eq!(listed, taken, "the newest first, each once");

    // Not a colleague's, and tomorrow it is another day.
    let colleague = Visitor::second(&town, &office, role::TELLER, branch).await;
    assert!(cases(&colleague.get(MINE).await.page).is_empty());
    town.later(24 * 60);
    let tomorrow = teller.again(&town, &office).await;
    assert!(cases(&tomorrow.get(MINE).await.page).is_empty());
}

#[tokio::test]
async fn all_entries_of_a_customers_account_are_seen_year_by_year() {
    let town = Town::open_at("2026-12-21T02:00:00Z".parse().expect("an instant")).await;
    let office = town.office().await;
    let first = Month::parse("2025-12").expect("a month");
    let li = one(&town, 1841, first, MONTHS).await;
    let branch = office.centre.head_branch;
    let teller = Visitor::staff(&town, &office, role::TELLER, branch).await;
    let customer = identifies(&teller, &li).await;
    let entries = |page: &str| page.matches("-12-21</th>").count();
    let page = teller.get(&customer).await.page;
    assert_eq!(entries(&page), MONTHS as usize, "{page}");

    days_later(&town, 14).await;
    let teller = teller.again(&town, &office).await;
    identifies(&teller, &li).await;
    let page = teller.get(&customer).await.page;
    assert!(
        page.contains("2027年，新的在前") && page.contains("这一年没有进出"),
        "{page}"
    );
    let before = format!("{customer}?year=2026#acc");
    assert!(
        page.contains(&format!("href=\"{before}\" rel=\"next\"")),
        "{page}"
    );
    let page = teller.get(&format!("{customer}?year=2026")).await.page;
    assert_eq!(entries(&page), MONTHS as usize, "{page}");
}
