//! A client of the public doors, as any partner would write it: JSON over HTTP, the demo key, a key for each write.
//!
//! The walk-through, the demonstration's filling and the integration tests act through it, so that they see what the world sees.

use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use uuid::Uuid;

use crate::{config::Config, home};

/// The doors of one server and of its outside world.
#[derive(Debug, Clone)]
pub struct Doors {
    server: String,
    outside: String,
    key: String,
    http: reqwest::Client,
}

/// What a door answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// The JSON body; null if there was none.
    pub body: Value,
}

impl Answer {
    /// The body of a success; an error with the problem's code and detail otherwise.
    pub fn ok(self) -> anyhow::Result<Value> {
        ensure!(self.status.is_success(), "{}：{}", self.status, self.body);
        Ok(self.body)
    }

    /// The stable code of a problem document, empty if there is none.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

impl Doors {
    /// The doors that a configuration names, with the demo key of its home.
    pub fn of(config: &Config) -> anyhow::Result<Self> {
        let path = home::demo_key(&config.home);
        let key = std::fs::read_to_string(&path).with_context(|| {
            format!("没有演示密钥 {}：先运行 anju setup --demo", path.display())
        })?;
        Ok(Self {
            server: format!("http://{}", config.listen),
            outside: config.outside_url.clone(),
            key: key.trim().to_owned(),
            http: reqwest::Client::builder()
                .timeout(Duration::from_secs(60))
                .build()?,
        })
    }

    /// `GET /open/v1{path}`.
    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.call(Method::GET, path, None, None).await
    }

    /// `POST /open/v1{path}` with a fresh idempotency key.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.post_with_key(path, &Uuid::now_v7().to_string(), body)
            .await
    }

    /// `POST /open/v1{path}` with the caller's idempotency key.
    pub async fn post_with_key(
        &self,
        path: &str,
        key: &str,
        body: &Value,
    ) -> anyhow::Result<Answer> {
        let body = ("application/json", serde_json::to_vec(body)?);
        self.call(Method::POST, path, Some(key), Some(body)).await
    }

    /// `POST /open/v1{path}` with the bytes of an xlsx file as the body.
    pub async fn post_xlsx(&self, path: &str, bytes: Vec<u8>) -> anyhow::Result<Answer> {
        let body = (
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            bytes,
        );
        self.call(
            Method::POST,
            path,
            Some(&Uuid::now_v7().to_string()),
            Some(body),
        )
        .await
    }

    /// A file behind `GET /open/v1{path}`: a paper.
    pub async fn file(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let url = format!("{}/open/v1{path}", self.server);
        let request = self.http.get(url).bearer_auth(&self.key);
        let answer = request.send().await?.error_for_status()?;
        Ok(answer.bytes().await?.to_vec())
    }

    /// A path of the server that needs no key (`/healthz`, `/open/openapi.json`): status and text.
    pub async fn plain(&self, path: &str) -> anyhow::Result<(StatusCode, String)> {
        let answer = self
            .http
            .get(format!("{}{path}", self.server))
            .send()
            .await?;
        Ok((answer.status(), answer.text().await?))
    }

    /// A path of the server that needs no key and holds no text: a tile of the log.
    pub async fn bytes(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let url = format!("{}{path}", self.server);
        let answer = self.http.get(url).send().await?.error_for_status()?;
        Ok(answer.bytes().await?.to_vec())
    }

    /// `GET /control{path}` of the outside world.
    pub async fn control(&self, path: &str) -> anyhow::Result<Answer> {
        self.outside_call(Method::GET, path, None).await
    }

    /// `POST /control{path}` of the outside world.
    pub async fn control_post(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.outside_call(Method::POST, path, Some(body)).await
    }

    /// `PUT /control{path}` of the outside world.
    pub async fn control_put(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.outside_call(Method::PUT, path, Some(body)).await
    }

    /// Waits until the outside world has seen that the centre's clock reached a day: banks write no statement of a day to come.
    pub async fn outside_reaches(&self, day: chrono::NaiveDate) -> anyhow::Result<()> {
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        loop {
            let today = self.control("/clock").await?.body["today"].clone();
            // Of texts as of days: the later one is the greater.
            if today
                .as_str()
                .is_some_and(|today| today >= day.to_string().as_str())
            {
                return Ok(());
            }
            anyhow::ensure!(
                std::time::Instant::now() < deadline,
                "外部世界的时钟没有跟上：那边还是 {today}"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        idempotency_key: Option<&str>,
        body: Option<(&str, Vec<u8>)>,
    ) -> anyhow::Result<Answer> {
        let mut request = self
            .http
            .request(method, format!("{}/open/v1{path}", self.server))
            .bearer_auth(&self.key);
        if let Some(key) = idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some((content_type, bytes)) = body {
            request = request.header("Content-Type", content_type).body(bytes);
        }
        answer(request)
            .await
            .with_context(|| format!("/open/v1{path}"))
    }

    async fn outside_call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Answer> {
        let mut request = self
            .http
            .request(method, format!("{}/control{path}", self.outside));
        if let Some(body) = body {
            request = request.json(body);
        }
        answer(request)
            .await
            .with_context(|| format!("/control{path}"))
    }
}

async fn answer(request: reqwest::RequestBuilder) -> anyhow::Result<Answer> {
    let answer = request.send().await?;
    let status = answer.status();
    let bytes = answer.bytes().await?;
    let body = if bytes.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&bytes)
            .with_context(|| format!("{status}：{}", String::from_utf8_lossy(&bytes)))?
    };
    Ok(Answer { status, body })
}
