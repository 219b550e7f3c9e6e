//! Who may open which page: every route of the table × everybody who can be logged in.

use anju::cast::{self, contribute, look_up, person};
use anju_casework::session::{self, audience};
use anju_casework::staff::{self, Staff, role};
use anju_casework::{Office, employer};
use anju_domain::calendar::Month;
use anju_domain::clock::shanghai_date;
use anju_domain::phone::Phone;
use anju_portal::authorization::{TABLE, Who};
use anju_vault::NumberKind;
use reqwest::{Client, Response, StatusCode, header, redirect};

use crate::town::Town;

/// Somebody at a browser: nobody, a person, a clerk, or staff with roles.
struct Visitor {
    name: String,
    audience: Option<i16>,
    roles: Vec<String>,
    cookie: String,
    token: String,
}

impl Visitor {
    fn may(&self, who: Who) -> bool {
        match who {
            Who::Anyone => true,
            Who::Person => self.audience == Some(audience::PERSON),
            Who::Clerk => self.audience == Some(audience::CLERK),
            Who::Staff(roles) => {
                self.audience == Some(audience::STAFF)
                    && (roles.is_empty()
                        || roles
                            .iter()
                            .any(|role| self.roles.iter().any(|held| held == role)))
            }
        }
    }
}

#[tokio::test]
async fn every_page_opens_to_those_of_the_table_and_to_nobody_else() {
    let town = Town::open().await;
    let office = town.office().await;
    let server = format!("http://{}", town.config.listen);
    let client = Client::builder()
        .redirect(redirect::Policy::none())
        .build()
        .expect("a client");
    let visitors = everybody(&town, &office, &client, &server).await;
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
            let request = match *method {
                "GET" => client.get(format!("{server}{path}")),
                _ => client
                    .post(format!("{server}{path}"))
                    .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .body(format!("csrf={}", visitor.token)),
            };
            let answer = request
                .header(header::COOKIE, &visitor.cookie)
                .send()
                .await
                .expect("an answer");
            assert!(
                !answer.status().is_server_error(),
                "{method} {route} as {}: {}",
                visitor.name,
                answer.status()
            );
            let let_in = is_let_in(answer).await;
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
async fn is_let_in(answer: Response) -> bool {
    let sent_to_log_in = answer
        .headers()
        .get(header::LOCATION)
        .and_then(|to| to.to_str().ok())
        .is_some_and(|to| to.starts_with("/login"));
    if sent_to_log_in || answer.status() == StatusCode::UNAUTHORIZED {
        return false;
    }
    answer.status() != StatusCode::FORBIDDEN
        || !answer.text().await.expect("a page").contains("这一页由")
}

async fn everybody(town: &Town, office: &Office, client: &Client, server: &str) -> Vec<Visitor> {
    let seed = office.now().timestamp();
    let li = person("李梅", seed, 1, 1_000_000).expect("a person");
    cast::register(&town.doors, &li).await.expect("registered");
    let month = Month::of(shanghai_date(office.now())).plus(-1);
    let no = cast::open_employer(&town.doors, seed, month)
        .await
        .expect("an employer");
    contribute(&town.doors, &no, month, std::slice::from_ref(&li))
        .await
        .expect("paid");
    let person_no = look_up(&town.doors, &li).await.expect("known");
    let person_id = office
        .numbers
        .decode(NumberKind::Person, &person_no)
        .expect("a number");
    let employer_id = office
        .numbers
        .decode(NumberKind::Employer, &no)
        .expect("a number");
    let firm = cast::firm("", seed).expect("a firm");
    let phone = Phone::parse(&firm.clerk_phone).expect("a phone");
    let clerk = employer::clerk_by_phone(office, employer_id, &phone)
        .await
        .expect("read")
        .expect("a clerk");

    let mut visitors = vec![
        visitor(
            client,
            server,
            "nobody",
            None,
            None,
            "anju_visitor=1".to_owned(),
        )
        .await,
    ];
    let begin = async |audience, subject, employer| {
        let token = session::begin(office, audience, subject, employer, "L2", "test")
            .await
            .expect("a session");
        format!("anju_session={token}")
    };
    let cookie = begin(audience::PERSON, person_id, None).await;
    visitors.push(
        visitor(
            client,
            server,
            "a person",
            Some(audience::PERSON),
            None,
            cookie,
        )
        .await,
    );
    let cookie = begin(audience::CLERK, clerk.clerk_id, Some(employer_id)).await;
    visitors.push(
        visitor(
            client,
            server,
            "a clerk",
            Some(audience::CLERK),
            None,
            cookie,
        )
        .await,
    );
    for held in [
        role::TELLER,
        role::REVIEWER,
        role::ACCOUNTANT,
        role::CHIEF_ACCOUNTANT,
        role::AUDITOR,
        role::SERVICE_MANAGER,
        role::SYSTEM_ADMIN,
    ] {
        let number = format!("9{held}");
        staff::add(
            office,
            &number,
            "岗位员",
            office.centre.head_branch,
            &[held],
            "口令-口令-口令",
            &[7; 20],
        )
        .await
        .expect("staff");
        let staff = staff::by_number(office, &number)
            .await
            .expect("read")
            .expect("staff");
        let cookie = begin(audience::STAFF, staff.staff_id, None).await;
        visitors.push(
            visitor(
                client,
                server,
                held,
                Some(audience::STAFF),
                Some(&staff),
                cookie,
            )
            .await,
        );
    }
    visitors
}

/// Opens a page to learn the token that belongs to this cookie's forms.
async fn visitor(
    client: &Client,
    server: &str,
    name: &str,
    audience: Option<i16>,
    staff: Option<&Staff>,
    cookie: String,
) -> Visitor {
    let page = client
        .get(format!("{server}/settings"))
        .header(header::COOKIE, &cookie)
        .send()
        .await
        .expect("an answer")
        .text()
        .await
        .expect("a page");
    let token = page
        .split("name=\"csrf\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a form with a token")
        .to_owned();
    Visitor {
        name: name.to_owned(),
        audience,
        roles: staff.map_or_else(Vec::new, |staff| staff.roles.clone()),
        cookie,
        token,
    }
}
