//! Whoever is logged in is not asked to log in by a page that anyone may read: it says who he is and leads to his own pages.

use anju::cast::{contribute, open_employer};
use anju_casework::staff::role;

use crate::town::{Town, known, month};
use crate::visitor::Visitor;

#[tokio::test]
async fn a_public_page_says_who_is_logged_in_and_leads_to_his_pages() {
    let town = Town::open().await;
    let office = town.office().await;
    let people = known(&town, 1830, &[("李梅", 1_000_000)]).await;
    let firm = open_employer(&town.doors, 1830, month(1))
        .await
        .expect("an employer");
    contribute(&town.doors, &firm, month(1), &people)
        .await
        .expect("a month");
    let who = [
        (
            Visitor::person(&town, &office, &people[0]).await,
            "李*，去我的",
            "/my",
        ),
        (
            Visitor::clerk(&town, &office, &firm, 1830).await,
            "，去单位",
            "/unit",
        ),
        (
            Visitor::staff(&town, &office, role::TELLER, office.centre.head_branch).await,
            "，去柜面",
            "/desk",
        ),
    ];
    let public = [
        "/",
        "/guides",
        "/guides/withdraw-rent",
        "/outlets",
        "/privacy",
        "/verify-document",
    ];
    for page in public {
        let answer = Visitor::nobody(&town).await.get(page).await.page;
        assert!(answer.contains("<a href=\"/login\">"), "{page}: {answer}");
        for (visitor, words, href) in &who {
            let answer = visitor.get(page).await.page;
            assert!(answer.contains(words), "{} {page}: {answer}", visitor.name);
            let link = answer
                .split("<div class=\"tools\">")
                .nth(1)
                .unwrap_or_default();
            assert!(
                link.contains(&format!("<a href=\"{href}\" aria-label=")),
                "{page}: {link}"
            );
            assert!(!answer.contains("<a href=\"/login\">"), "{page}: {answer}");
        }
    }
    // Whose session has rested too long is nobody again.
    town.later(31);
    let page = who[0].0.get("/").await.page;
    assert!(
        page.contains("<a href=\"/login\">") && !page.contains("李*"),
        "{page}"
    );
}
