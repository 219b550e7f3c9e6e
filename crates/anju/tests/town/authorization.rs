//! Who may open which page: every route of the table × everybody who can be logged in, and whose numbers open what.

use anju::cast::{Person, look_up, text};
use anju_casework::Office;
use anju_casework::session::audience;
use anju_casework::staff::role;
use anju_portal::authorization::{TABLE, Who};
use reqwest::StatusCode;

use crate::town::{Town, tenant_of};
use crate::visitor::{Answer, Visitor};
use crate::withdrawal::submit;

#[tokio::test]
async fn every_page_opens_to_those_of_the_table_and_to_nobody_else() {
    let town = Town::open().await;
    let office = town.office().await;
    let visitors = everybody(&town, &office).await;
    for (method, route, who) in TABLE {
        let path = route
            .replace("{service}", "withdraw-rent")
            .replace("{id}", "1")
            .replace(['{', '}'], "");
        // Ends the session that the next lines need.
        if *route == "/logout" {
            continue;
        }
        for visitor in &visitors {
            let answer = match *method {
                "GET" => visitor.get(&path).await,
                _ => visitor.post(&path, &[]).await,
            };
            assert!(
                !answer.status.is_server_error(),
                "{method} {route} as {}: {}",
                visitor.name,
                answer.status
            );
            let let_in = is_let_in(&answer);
            assert_eq!(
                let_in,
                visitor.may(*who),
                "{method} {route} as {}",
                visitor.name
            );
        }
    }
}

/// Whether the gate let a request through, whatever the handler then said of it.
fn is_let_in(answer: &Answer) -> bool {
    let is_sent_to_log_in = answer.location.starts_with("/login");
    let is_told_whose_it_is =
        answer.status == StatusCode::FORBIDDEN && answer.page.contains("这一页由");
    !is_sent_to_log_in && answer.status != StatusCode::UNAUTHORIZED && !is_told_whose_it_is
}

impl Visitor {
    fn may(&self, who: Who) -> bool {
        match who {
            Who::Anyone => true,
            Who::Person => self.audience == Some(audience::PERSON),
            Who::Clerk | Who::ClerkAlone => self.audience == Some(audience::CLERK),
            Who::Holder => self.audience == Some(audience::HOLDER),
            Who::Staff(roles) => {
                self.audience == Some(audience::STAFF)
                    && (roles.is_empty() || roles.iter().any(|role| self.roles.contains(role)))
            }
        }
    }
}

async fn everybody(town: &Town, office: &Office) -> Vec<Visitor> {
    let seed = office.now().timestamp();
    let (li, no) = tenant_of(town, seed).await;
    let mut visitors = vec![
        Visitor::nobody(town).await,
        Visitor::person(town, office, &li).await,
        Visitor::clerk(town, office, &no, seed).await,
    ];
    for role in [
        role::TELLER,
        role::REVIEWER,
        role::ACCOUNTANT,
        role::CHIEF_ACCOUNTANT,
        role::COLLECTOR,
        role::AUDITOR,
        role::SERVICE_MANAGER,
        role::POLICY_OFFICER,
        role::SYSTEM_ADMIN,
    ] {
        visitors.push(Visitor::staff(town, office, role, office.centre.head_branch).await);
    }
    visitors
}

#[tokio::test]
async fn a_number_of_somebody_else_opens_nothing() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, li_no) = tenant_of(&town, 1).await;
    let (wang, wang_no) = tenant_of(&town, 2).await;
    let of_li = Visitor::person(&town, &office, &li).await;
    let of_wang = Visitor::person(&town, &office, &wang).await;
    let clerk_of_li = Visitor::clerk(&town, &office, &li_no, 1).await;
    let clerk_of_wang = Visitor::clerk(&town, &office, &wang_no, 2).await;
    let case = rent_case(&town, &li).await;

    for page in [
        "",
        "/why",
        "/receipt",
        "/receipt.pdf",
        "/withdraw",
        "/papers",
        "/live?seen=0",
    ] {
        let path = format!("/my/cases/{case}{page}");
        let other = of_wang.get(&path).await;
        assert_eq!(other.status, StatusCode::NOT_FOUND, "{path}");
    }
    let receipt = of_li.get(&format!("/my/cases/{case}/receipt.pdf")).await;
    assert_eq!(receipt.status, StatusCode::OK);
    assert!(receipt.page.starts_with("%PDF-"));
    let taken_back = of_wang
        .post(&format!("/my/cases/{case}/withdraw"), &[])
        .await;
    assert_eq!(taken_back.status, StatusCode::NOT_FOUND);

    let arrivals = clerk_of_li.get("/unit/arrivals").await;
    let remittance = arrivals
        .page
        .split("/unit/arrivals/")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a remittance on the page")
        .to_owned();
    let path = format!("/unit/arrivals/{remittance}");
    assert_eq!(clerk_of_li.get(&path).await.status, StatusCode::OK);
    assert_eq!(clerk_of_wang.get(&path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_session_that_is_ended_from_elsewhere_opens_nothing_any_more() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, no) = tenant_of(&town, 1).await;
    let head = office.centre.head_branch;
    let teller = Visitor::staff(&town, &office, role::TELLER, head).await;
    let pairs = [
        (
            "/my/me/sessions",
            Visitor::person(&town, &office, &li).await,
            Visitor::person(&town, &office, &li).await,
        ),
        (
            "/unit/sessions",
            Visitor::clerk(&town, &office, &no, 1).await,
            Visitor::clerk(&town, &office, &no, 1).await,
        ),
        ("/desk/sessions", teller.again(&town, &office).await, teller),
    ];
    for (page, here, there) in &pairs {
        let list = here.get(page).await;
        assert_eq!(list.status, StatusCode::OK, "{page}");
        let other = list
            .page
            .split("name=\"session\" value=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .expect("a button for the other session")
            .to_owned();
        assert_eq!(there.get(page).await.status, StatusCode::OK, "{page}");
        let ended = here
            .post(&format!("{page}/end"), &[("session", &other)])
            .await;
        assert_eq!(ended.location, *page);
        assert!(
            there.get(page).await.location.starts_with("/login"),
            "{page}"
        );
        assert_eq!(here.get(page).await.status, StatusCode::OK, "{page}");
    }
    // Somebody else's session is not his to end.
    let (_, person, _) = &pairs[0];
    let (_, clerk, _) = &pairs[1];
    let clerks = "SELECT session_id FROM session WHERE audience = 2 AND ended_at IS NULL";
    let number = town.sql(clerks).await.to_string();
    person
        .post("/my/me/sessions/end", &[("session", &number)])
        .await;
    assert_eq!(clerk.get("/unit/sessions").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_customer_is_seen_only_while_he_stands_at_the_window_and_a_reason_is_given() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, _) = tenant_of(&town, 1).await;
    let case = rent_case(&town, &li).await;
    let number = look_up(&town.doors, &li).await.expect("known");
    let customer = format!("/desk/people/{number}");
    let head = office.centre.head_branch;
    let elsewhere = head + 1;
    let teller = Visitor::staff(&town, &office, role::TELLER, elsewhere).await;

    assert_eq!(teller.get(&customer).await.status, StatusCode::FORBIDDEN);
    let serve = format!("{customer}/serve");
    let unasked = teller.post(&serve, &[("reason", "ask")]).await;
    assert_eq!(
        unasked.status,
        StatusCode::FORBIDDEN,
        "nobody was found before"
    );

    // A phone number finds him and opens nothing.
    let by_phone = teller.post("/desk/search", &[("q", &li.phone)]).await;
    assert_eq!(by_phone.status, StatusCode::OK);
    assert!(!by_phone.page.contains("/serve"));
    assert_eq!(teller.get(&customer).await.status, StatusCode::FORBIDDEN);

    let found = teller.post("/desk/search", &[("q", &li.id)]).await;
    assert!(found.page.contains(&serve), "{}", found.page);
    assert!(!found.page.contains(&li.id), "the number is not printed");
    assert_eq!(teller.get(&customer).await.status, StatusCode::FORBIDDEN);
    let without = teller.post(&serve, &[("reason", "")]).await;
    assert_eq!(without.status, StatusCode::FORBIDDEN);
    let asked = teller.post(&serve, &[("reason", "ask")]).await;
    assert_eq!(asked.location, customer);
    let seen = teller.get(&customer).await;
    assert_eq!(seen.status, StatusCode::OK);
    assert!(seen.page.contains("来问情况"));
    let page_of_case = format!("/desk/cases/{case}");
    assert_eq!(teller.get(&page_of_case).await.status, StatusCode::OK);

    // Somebody else is tried in vain: whoever stood there before does not any more.
    let tried = teller
        .post(
            "/desk/identify",
            &[("id_no", "1"), ("name", "李"), ("reason", "ask")],
        )
        .await;
    assert_eq!(tried.status, StatusCode::OK);
    assert_eq!(teller.get(&customer).await.status, StatusCode::FORBIDDEN);

    let identified = teller
        .post(
            "/desk/identify",
            &[
                ("id_no", &li.id),
                ("name", &li.name),
                ("reason", "business"),
            ],
        )
        .await;
    assert!(identified.page.contains(&customer), "{}", identified.page);
    assert_eq!(teller.get(&customer).await.status, StatusCode::OK);
    teller.post("/desk/leave", &[]).await;
    assert_eq!(teller.get(&customer).await.status, StatusCode::FORBIDDEN);
    assert_eq!(
        teller.get(&page_of_case).await.status,
        StatusCode::FORBIDDEN
    );

    // The centre's readers need no window, unmask nothing and decide nothing.
    for role in [role::AUDITOR, role::ACCOUNTANT] {
        let reader = Visitor::staff(&town, &office, role, head).await;
        assert_eq!(reader.get(&customer).await.status, StatusCode::OK, "{role}");
        assert_eq!(
            reader.get(&page_of_case).await.status,
            StatusCode::OK,
            "{role}"
        );
        let whole = reader
            .post(&format!("{customer}/reveal"), &[("reason", "call")])
            .await;
        assert_eq!(whole.status, StatusCode::FORBIDDEN, "{role}");
    }

    // He reads who looked.
    let looks = Visitor::person(&town, &office, &li)
        .await
        .get("/my/me/access")
        .await;
    for reason in ["来问情况", "当面核身，来办业务", "审计查阅"] {
        assert!(looks.page.contains(reason), "{reason}");
    }
}

async fn rent_case(town: &Town, who: &Person) -> String {
    let case = submit(town, who).await;
    assert_eq!(case["state"], "done", "{case}");
    text(&case, "case_id").expect("an id")
}

#[tokio::test]
async fn whoever_works_here_comes_to_a_page_that_his_role_opens_and_back_to_it_from_one_that_it_does_not()
 {
    let town = Town::open().await;
    let office = town.office().await;
    for visitor in everybody(&town, &office).await.into_iter().skip(3) {
        let first = visitor.get("/desk").await.location;
        let page = visitor.get(&first).await;
        assert_eq!(page.status, StatusCode::OK, "{}: {first}", visitor.name);
        assert_ne!(
            first, "/desk/keys",
            "{}: a list of keys is no work",
            visitor.name
        );
        assert!(
            page.page.contains("class=\"brand\" href=\"/desk\""),
            "{}",
            page.page
        );
        let none = visitor.get("/desk/cases/A0000000").await;
        if none.status == StatusCode::NOT_FOUND {
            assert!(none.page.contains("href=\"/desk\""), "{}", none.page);
            assert!(!none.page.contains("您的办件和账户"), "{}", none.page);
        }
    }
    let accountant =
        Visitor::second(&town, &office, role::ACCOUNTANT, office.centre.head_branch).await;
    let barred = accountant.get("/desk/tasks").await;
    assert_eq!(barred.status, StatusCode::FORBIDDEN);
    assert!(barred.page.contains("href=\"/desk\""), "{}", barred.page);
    assert!(!barred.page.contains("系统管理员"), "{}", barred.page);
}
