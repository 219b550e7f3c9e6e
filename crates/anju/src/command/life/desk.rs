//! Reviewers at their desks: they log in with number, password and second factor and say yes on the page of a case, like any reviewer.

use std::time::{Duration, Instant};

use anju_domain::clock::{Clock, FileClock};
use anyhow::{Context, bail};
use chrono::NaiveDate;
use reqwest::{Client, StatusCode, Url, header, redirect};

use crate::config::Config;
use crate::start::demo;

/// 工号 of the reviewers of the office that keeps the employers and of the head branch, in the order in which they are asked.
const REVIEWERS: [&str; 4] = ["1015", "1016", "1003", "1013"];

/// The longest that somebody waits until he may try to log in again.
const PATIENCE: Duration = Duration::from_secs(90);

/// The desks of the reviewers; a log-in lasts for a day.
pub struct Desks {
    config: Config,
    server: String,
    client: Client,
    logged_in: Vec<(&'static str, NaiveDate, Session)>,
}

#[derive(Clone)]
struct Session {
    cookie: String,
    token: String,
}

struct Page {
    status: StatusCode,
    cookie: Option<String>,
    text: String,
}

impl Desks {
    /// At the pages of a server.
    ///
    /// # Errors
    /// No client can be made.
    pub fn of(config: &Config) -> anyhow::Result<Self> {
        Ok(Self {
            server: format!("http://{}", config.listen),
            config: config.clone(),
            client: Client::builder()
                .redirect(redirect::Policy::none())
                .build()?,
            logged_in: Vec::new(),
        })
    }

    /// A yes of somebody who has not agreed yet and may see the case; who it was.
    ///
    /// # Errors
    /// Nobody may.
    pub async fn approve(
        &mut self,
        clock: &FileClock,
        today: NaiveDate,
        case: &str,
        agreed: Option<&'static str>,
    ) -> anyhow::Result<&'static str> {
        let form = [("verdict", "approve"), ("reason", "材料齐全，同意")];
        let path = format!("/desk/cases/{case}/check");
        let mut said = String::new();
        for number in REVIEWERS {
            if agreed == Some(number) {
                continue;
            }
            let session = self.session(clock, today, number).await?;
            let page = self.post(&path, &session, &form).await?;
            if page.status == StatusCode::SEE_OTHER {
                return Ok(number);
            }
            said = format!("{} {}", page.status, words(&page.text));
        }
        bail!("{path}：{said}")
    }

    async fn session(
        &mut self,
        clock: &FileClock,
        today: NaiveDate,
        number: &'static str,
    ) -> anyhow::Result<Session> {
        self.logged_in.retain(|(_, day, _)| *day == today);
        let found = self.logged_in.iter().find(|(whose, ..)| *whose == number);
        if let Some((_, _, session)) = found {
            return Ok(session.clone());
        }
        let nobody = self.with("anju_visitor=1".to_owned()).await?;
        // A life logs in more often than people do: who is told that he tries too fast waits.
        let deadline = Instant::now() + PATIENCE;
        let page = loop {
            let logins = demo::staff_logins(&self.config, clock.now().timestamp())?;
            let login = logins
                .into_iter()
                .find(|login| login.number == number)
                .context("一位复核员")?;
            let form = [
                ("staff_no", number),
                ("password", login.password.as_str()),
                ("code", login.code.as_str()),
                ("back", "/desk"),
            ];
            let page = self.post("/login/staff", &nobody, &form).await?;
            if page.status != StatusCode::TOO_MANY_REQUESTS || Instant::now() > deadline {
                break page;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        };
        let cookie = page
            .cookie
            .with_context(|| format!("{number} 登录不了：{}", words(&page.text)))?;
        let session = self.with(cookie).await?;
        self.logged_in.push((number, today, session.clone()));
        Ok(session)
    }

    /// With the token that belongs to a cookie's forms: any page tells it.
    async fn with(&self, cookie: String) -> anyhow::Result<Session> {
        let page = self
            .client
            .get(format!("{}/settings", self.server))
            .header(header::COOKIE, &cookie)
            .send()
            .await?
            .text()
            .await?;
        let token = page
            .split("name=\"csrf\" value=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .context("页面上没有表单")?
            .to_owned();
        Ok(Session { cookie, token })
    }

    async fn post(
        &self,
        path: &str,
        session: &Session,
        fields: &[(&str, &str)],
    ) -> anyhow::Result<Page> {
        let mut form = Url::parse("http://form")?;
        form.query_pairs_mut()
            .append_pair("csrf", &session.token)
            .extend_pairs(fields);
        let answer = self
            .client
            .post(format!("{}{path}", self.server))
            .header(header::COOKIE, &session.cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.query().unwrap_or_default().to_owned())
            .send()
            .await?;
        let cookie = answer
            .headers()
            .get_all(header::SET_COOKIE)
            .iter()
            .filter_map(|cookie| cookie.to_str().ok()?.split(';').next())
            .find(|cookie| cookie.contains("anju_session="))
            .map(str::to_owned);
        Ok(Page {
            status: answer.status(),
            cookie,
            text: answer.text().await?,
        })
    }
}

/// The words of a page without its marks, short enough for a message.
fn words(page: &str) -> String {
    let main = page.split("<main").nth(1).unwrap_or(page);
    let mut text = String::new();
    let mut inside = true;
    for letter in main.chars() {
        match letter {
            '<' => inside = true,
            '>' => inside = false,
            other if !inside => text.push(other),
            _ => {}
        }
    }
    let text: Vec<&str> = text.split_whitespace().collect();
    text.join(" ").chars().take(300).collect()
}
