//! Somebody at a browser without scripts: nobody, a person, a clerk, or staff; with a session of his own and the token of its forms.

use anju::cast::{self, Person, look_up};
use anju_casework::session::{self, audience};
use anju_casework::{Office, employer, staff};
use anju_domain::phone::Phone;
use anju_vault::NumberKind;
use reqwest::{Client, RequestBuilder, StatusCode, Url, header, redirect};

use crate::town::Town;

pub struct Visitor {
    pub name: String,
    pub audience: Option<i16>,
    pub roles: Vec<&'static str>,
    cookie: String,
    token: String,
    server: String,
    client: Client,
}

/// What came back: no redirect is followed.
pub struct Answer {
    pub status: StatusCode,
    /// Where it leads; empty where it leads nowhere.
    pub location: String,
    pub page: String,
    /// The cookies that it sets, `name=value`.
    pub cookies: Vec<String>,
}

impl Answer {
    /// A cookie that it sets, by its name.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let found = self.cookies.iter().find(|cookie| cookie.starts_with(name));
        found.map(String::as_str)
    }
}

/// A log-in by licence that has come back from the regulator's page with its address, and has not been followed yet.
pub struct Scan {
    /// What this browser carried there and back.
    pub cookie: String,
    /// Path and query of the way back.
    pub way_back: String,
}

/// Somebody chooses the log-in by licence and scans on the regulator's page, as the holder of this place or as one who refuses.
pub async fn scan(town: &Town, uscc: &str, holder: &str) -> Scan {
    let browser = Visitor::nobody(town).await;
    let sent = browser.get("/login/licence").await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.page);
    let cookie = sent.cookie("anju_licence").expect("a state").to_owned();
    let question = Url::parse(&sent.location).expect("an address");
    assert!(sent.location.starts_with(&town.config.outside_url));
    let page = browser.client.get(question.clone()).send().await;
    assert_eq!(page.expect("the regulator").status(), StatusCode::OK);
    let mut form = Url::parse("http://form").expect("an address");
    form.query_pairs_mut()
        .extend_pairs(question.query_pairs())
        .extend_pairs([("uscc", uscc), ("holder", holder)]);
    let answer = browser
        .client
        .post(format!("{}/licence/authorize", town.config.outside_url))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(form.query().unwrap_or_default().to_owned())
        .send()
        .await
        .expect("the regulator");
    let location = answer.headers().get(header::LOCATION).cloned();
    let location = location.unwrap_or_else(|| panic!("not sent back: {}", answer.status()));
    let way_back = location.to_str().expect("an address");
    let way_back = way_back
        .strip_prefix(&format!("http://{}", town.config.listen))
        .expect("our own address")
        .to_owned();
    Scan { cookie, way_back }
}

impl Visitor {
    pub async fn nobody(town: &Town) -> Self {
        Self::with(town, "nobody", None, &[], "anju_visitor=1".to_owned()).await
    }

    /// Nobody, at a browser of his own.
    pub async fn at_browser(town: &Town, which: &str) -> Self {
        let cookie = format!("anju_visitor={which}");
        Self::with(town, "nobody", None, &[], cookie).await
    }

    pub async fn person(town: &Town, office: &Office, who: &Person) -> Self {
        let number = look_up(&town.doors, who).await.expect("known");
        let id = decode(office, NumberKind::Person, &number);
        let cookie = log_in(office, audience::PERSON, id, None).await;
        Self::with(town, "a person", Some(audience::PERSON), &[], cookie).await
    }

    /// The clerk of the employer that was opened with this seed.
    pub async fn clerk(town: &Town, office: &Office, employer_no: &str, seed: i64) -> Self {
        let employer_id = decode(office, NumberKind::Employer, employer_no);
        let firm = cast::firm("", seed).expect("a firm");
        let phone = Phone::parse(&firm.clerk_phone).expect("a phone");
        let clerk = employer::clerk_by_phone(office, employer_id, &phone)
            .await
            .expect("read")
            .expect("a clerk");
        let cookie = log_in(office, audience::CLERK, clerk.clerk_id, Some(employer_id)).await;
        Self::with(town, "a clerk", Some(audience::CLERK), &[], cookie).await
    }

    /// Whoever follows a scan back; the page with the refusal where he is not let in.
    pub async fn of_scan(town: &Town, scan: &Scan) -> Result<Self, Answer> {
        let cookie = format!("anju_visitor=1; {}", scan.cookie);
        let browser = Self::with(town, "a scan", None, &[], cookie).await;
        let answer = browser.get(&scan.way_back).await;
        match answer.cookie("anju_session=").map(str::to_owned) {
            Some(session) if answer.status == StatusCode::SEE_OTHER => {
                Ok(Self::with(town, "a holder", None, &[], session).await)
            }
            _ => Err(answer),
        }
    }

    /// The holder of a licence by its place, logged in.
    pub async fn holder(town: &Town, uscc: &str, holder: &str) -> Self {
        match Self::of_scan(town, &scan(town, uscc, holder).await).await {
            Ok(visitor) => visitor,
            Err(answer) => panic!("not let in: {} {}", answer.status, answer.page),
        }
    }

    /// The same browser with the session that an answer has given it.
    pub async fn go_on(self, town: &Town, answer: &Answer) -> Self {
        let session = answer.cookie("anju_session=").expect("a session");
        Self::with(town, &self.name, None, &[], session.to_owned()).await
    }

    /// The same browser with one more cookie.
    pub fn carrying(mut self, cookie: &str) -> Self {
        self.cookie = format!("{}; {cookie}", self.cookie);
        self
    }

    pub async fn staff(town: &Town, office: &Office, role: &'static str, branch: i16) -> Self {
        Self::another(town, office, role, branch, "").await
    }

    /// One more of a role: several may be needed where nobody checks his own work.
    pub async fn another(
        town: &Town,
        office: &Office,
        role: &'static str,
        branch: i16,
        which: &str,
    ) -> Self {
        let number = format!("9{role}{which}");
        staff::add(
            office,
            &number,
            "岗位员",
            branch,
            &[role],
            "口令-口令-口令",
            &[7; 20],
        )
        .await
        .expect("staff");
        let one = staff::by_number(office, &number)
            .await
            .expect("read")
            .expect("staff");
        let cookie = log_in(office, audience::STAFF, one.staff_id, None).await;
        Self::with(town, role, Some(audience::STAFF), &[role], cookie).await
    }

    /// Another member of staff with the same role.
    pub async fn second(town: &Town, office: &Office, role: &'static str, branch: i16) -> Self {
        let number = format!("8{role}");
        if staff::by_number(office, &number)
            .await
            .expect("read")
            .is_none()
        {
            staff::add(
                office,
                &number,
                "第二员",
                branch,
                &[role],
                "口令-口令-口令",
                &[8; 20],
            )
            .await
            .expect("staff");
        }
        let one = staff::by_number(office, &number)
            .await
            .expect("read")
            .expect("staff");
        let cookie = log_in(office, audience::STAFF, one.staff_id, None).await;
        Self::with(town, role, Some(audience::STAFF), &[role], cookie).await
    }

    /// A member of staff who is there already, by number, logged in anew: a session does not outlive a clock that is moved.
    pub async fn of_number(town: &Town, office: &Office, role: &'static str, number: &str) -> Self {
        let one = staff::by_number(office, number).await.expect("read");
        let staff_id = one.expect("staff").staff_id;
        let cookie = log_in(office, audience::STAFF, staff_id, None).await;
        Self::with(town, role, Some(audience::STAFF), &[role], cookie).await
    }

    /// The same member of staff at another browser.
    pub async fn again(&self, town: &Town, office: &Office) -> Self {
        let role = self.roles[0];
        let one = staff::by_number(office, &format!("9{role}"))
            .await
            .expect("read")
            .expect("staff");
        let cookie = log_in(office, audience::STAFF, one.staff_id, None).await;
        Self::with(town, role, self.audience, &self.roles, cookie).await
    }

    /// The same visitor inside a program whose pages these are (`AnjuApp`, `YuKuaiBan`): the channel is that of the program.
    pub fn inside(mut self, program: &str) -> Self {
        self.client = Client::builder()
            .redirect(redirect::Policy::none())
            .user_agent(program)
            .build()
            .expect("a client");
        self
    }

    /// The same visitor behind a proxy of the centre's network, which writes from which address he came.
    pub fn from(mut self, address: &str) -> Self {
        let mut headers = header::HeaderMap::new();
        let value = address.parse().expect("an address");
        headers.insert("x-forwarded-for", value);
        self.client = Client::builder()
            .redirect(redirect::Policy::none())
            .default_headers(headers)
            .build()
            .expect("a client");
        self
    }

    async fn with(
        town: &Town,
        name: &str,
        audience: Option<i16>,
        roles: &[&'static str],
        cookie: String,
    ) -> Self {
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .build()
            .expect("a client");
        let mut visitor = Self {
            name: name.to_owned(),
            audience,
            roles: roles.to_vec(),
            cookie,
            token: String::new(),
            server: format!("http://{}", town.config.listen),
            client,
        };
        // Any page tells the token that belongs to this cookie's forms.
        let page = visitor.get("/settings").await.page;
        visitor.token = page
            .split("name=\"csrf\" value=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .expect("a form with a token")
            .to_owned();
        visitor
    }

    pub async fn get(&self, path: &str) -> Answer {
        let request = self.client.get(format!("{}{path}", self.server));
        self.send(request).await
    }

    /// A file: a paper.
    pub async fn bytes(&self, path: &str) -> Vec<u8> {
        let request = self.client.get(format!("{}{path}", self.server));
        let answer = request.header(header::COOKIE, &self.cookie).send().await;
        let answer = answer.expect("an answer").error_for_status();
        let bytes = answer.expect("a file").bytes().await;
        bytes.expect("a body").to_vec()
    }

    /// Sends a form with the token of this visitor.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut form = vec![("csrf", self.token.as_str())];
        form.extend(fields);
        let mut form_encoded = Url::parse("http://form").expect("an address");
        form_encoded.query_pairs_mut().extend_pairs(form);
        let request = self
            .client
            .post(format!("{}{path}", self.server))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form_encoded.query().unwrap_or_default().to_owned());
        self.send(request).await
    }

    /// Sends a form with a file, as a browser does.
    pub async fn upload(&self, path: &str, fields: &[(&str, &str)], file: &[u8]) -> Answer {
        self.send_file(path, fields, ("roster", "bases.xlsx"), file)
            .await
    }

    /// Sends a form with a policy file.
    pub async fn put_policy(&self, path: &str, fields: &[(&str, &str)], text: &str) -> Answer {
        self.send_file(path, fields, ("file", "rules.toml"), text.as_bytes())
            .await
    }

    /// Sends a file that somebody was given, to have it checked.
    pub async fn check_file(&self, file: &[u8]) -> Answer {
        self.send_file("/verify-document", &[], ("file", "paper.pdf"), file)
            .await
    }

    /// Sends a form with a picture, as the page of the face step does.
    pub async fn show_face(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send_file(path, fields, ("picture", "face.jpg"), b"face")
            .await
    }

    /// Hands in the picture of a paper for a condition.
    pub async fn hand_in(&self, path: &str, condition: &str, picture: &[u8]) -> Answer {
        let fields = [("condition", condition)];
        self.send_file(path, &fields, ("picture", "paper.png"), picture)
            .await
    }

    async fn send_file(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        (field, name): (&str, &str),
        file: &[u8],
    ) -> Answer {
        let boundary = "anju-boundary-of-a-form";
        let mut body = Vec::new();
        for (name, value) in [("csrf", self.token.as_str())].iter().chain(fields) {
            let head = format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
            body.extend_from_slice(head.as_bytes());
        }
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(file);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let kind = format!("multipart/form-data; boundary={boundary}");
        let request = self
            .client
            .post(format!("{}{path}", self.server))
            .header(header::CONTENT_TYPE, kind)
            .body(body);
        self.send(request).await
    }

    async fn send(&self, request: RequestBuilder) -> Answer {
        let answer = request
            .header(header::COOKIE, &self.cookie)
            .send()
            .await
            .expect("an answer");
        let location = answer.headers().get(header::LOCATION);
        let cookies = answer.headers().get_all(header::SET_COOKIE).iter();
        Answer {
            status: answer.status(),
            location: location.map_or_else(String::new, |to| {
                to.to_str().expect("an address").to_owned()
            }),
            cookies: cookies
                .filter_map(|cookie| Some(cookie.to_str().ok()?.split(';').next()?.to_owned()))
                .collect(),
            page: String::from_utf8_lossy(&answer.bytes().await.expect("a body")).into_owned(),
        }
    }
}

async fn log_in(office: &Office, audience: i16, subject: i64, employer: Option<i64>) -> String {
    let token = session::begin(office, audience, subject, employer, "L2", "test")
        .await
        .expect("a session");
    format!("anju_session={token}")
}

fn decode(office: &Office, kind: NumberKind, number: &str) -> i64 {
    office.numbers.decode(kind, number).expect("a number")
}
