use std::sync::Arc;

use anju_vault::Vault;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use axum::response::Html;
use axum::routing::{get, post};
use tower::ServiceExt;

use super::*;
use crate::pages::error::PageError;

struct House {
    app: Router,
    folder: std::path::PathBuf,
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl House {
    fn new(name: &str) -> House {
        let folder =
            std::env::temp_dir().join(format!("anju-portal-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let vault = Vault::create(&folder).expect("a vault");
        let centre = Centre {
            name: "重庆市住房公积金管理中心".into(),
            hotline: "023-12329".into(),
            filing: "演示".into(),
        };
        let shield = Shield::new(&vault, Arc::new(centre), false);
        let routes = Router::new()
            .route("/my/form", get(async |visit: Visit| visit.csrf))
            .route("/my/pay", post(async |body: String| body))
            .route(
                "/my/no",
                get(async || {
                    let page = Html("<!doctype html><title>确认</title>");
                    (StatusCode::CONFLICT, page)
                }),
            )
            .route(
                "/my/broken",
                get(async || -> Result<String, PageError> {
                    std::fs::read_to_string("/nowhere/at/all")
                        .map_err(|error| PageError::failed(&error))
                }),
            )
            .route(
                "/my/panics",
                get(async || -> String { panic!("on purpose") }),
            )
            .route(
                "/login",
                post(async || "in")
                    .route_layer(from_fn_with_state(shield.limit(Door::LogIn), throttle)),
            );
        House {
            app: pages(routes, &shield),
            folder,
        }
    }

    async fn ask(&self, request: Request<Body>) -> Response<Body> {
        self.app.clone().oneshot(request).await.expect("infallible")
    }

    /// Opens the form as a browser does: cookie and token.
    async fn form(&self) -> (String, String) {
        let answer = self
            .ask(Request::get("/my/form").body(Body::empty()).expect("ok"))
            .await;
        let cookie = answer.headers()[header::SET_COOKIE]
            .to_str()
            .expect("ascii")
            .split(';')
            .next()
            .expect("a pair")
            .to_owned();
        (cookie, text(answer).await)
    }

    async fn send(&self, cookie: &str, body: String, headers: &[(&str, &str)]) -> Response<Body> {
        let mut request = Request::post("/my/pay")
            .header(header::COOKIE, cookie)
            .header(header::HOST, "anju.test")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.ask(request.body(Body::from(body)).expect("ok")).await
    }
}

async fn text(answer: Response<Body>) -> String {
    let bytes = to_bytes(answer.into_body(), 1 << 20).await.expect("a body");
    String::from_utf8(bytes.to_vec()).expect("utf-8")
}

#[tokio::test]
async fn a_form_of_ours_passes_with_its_fields_untouched() {
    let house = House::new("passes");
    let (cookie, token) = house.form().await;
    let body = format!("csrf={token}&amount=3600");
    let answer = house
        .send(&cookie, body.clone(), &[("origin", "http://anju.test")])
        .await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(text(answer).await, body);
}

#[tokio::test]
async fn a_form_without_token_of_another_visitor_or_another_site_is_refused_on_a_page() {
    let house = House::new("refused");
    let (cookie, token) = house.form().await;
    let (_, foreign) = house.form().await;
    let good = format!("csrf={token}");
    for (body, headers) in [
        ("amount=1".to_owned(), vec![]),
        (format!("csrf={foreign}"), vec![]),
        (good.clone(), vec![("sec-fetch-site", "cross-site")]),
        (good.clone(), vec![("sec-fetch-site", "same-site")]),
        (good.clone(), vec![("origin", "http://evil.test")]),
        (good.clone(), vec![("origin", "null")]),
    ] {
        let answer = house.send(&cookie, body, &headers).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{headers:?}");
        assert!(text(answer).await.contains("什么都没有办成，也没有扣款"));
    }
}

#[tokio::test]
async fn an_upload_carries_its_token_first_and_a_large_form_is_not_read() {
    let house = House::new("upload");
    let (cookie, token) = house.form().await;
    let part = |token: &str| {
        format!(
            "--x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{token}\r\n--x\r\n\
             Content-Disposition: form-data; name=\"roster\"; filename=\"a.xlsx\"\r\n\r\n{}\r\n--x--\r\n",
            "y".repeat(100_000)
        )
    };
    for (body, status) in [
        (part(&token), StatusCode::OK),
        (part("0"), StatusCode::FORBIDDEN),
    ] {
        let request = Request::post("/my/pay")
            .header(header::COOKIE, &cookie)
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=x")
            .body(Body::from(body))
            .expect("ok");
        assert_eq!(house.ask(request).await.status(), status);
    }
    let large = format!("csrf={token}&text={}", "y".repeat(LONGEST_FORM));
    let answer = house.send(&cookie, large, &[]).await;
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn every_page_says_what_it_may_load_and_is_not_kept() {
    let house = House::new("headers");
    let answer = house
        .ask(Request::get("/nothing").body(Body::empty()).expect("ok"))
        .await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    let policy = answer.headers()[header::CONTENT_SECURITY_POLICY]
        .to_str()
        .expect("ascii");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
    assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    assert!(text(answer).await.contains("没有这一页"));
}

#[tokio::test]
async fn the_title_of_every_page_that_says_no_begins_with_it() {
    let house = House::new("title");
    for path in ["/my/no", "/my/broken", "/nothing"] {
        let request = Request::get(path).body(Body::empty()).expect("ok");
        let page = text(house.ask(request).await).await;
        assert!(
            page.contains("<title>出错：") && page.matches("出错：").count() == 1,
            "{page}"
        );
    }
}

#[tokio::test]
async fn a_fault_of_ours_says_so_with_a_number_and_nothing_of_our_inside() {
    let house = House::new("fault");
    for path in ["/my/broken", "/my/panics"] {
        let answer = house
            .ask(Request::get(path).body(Body::empty()).expect("ok"))
            .await;
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let page = text(answer).await;
        assert!(page.contains("我们这边出错了") && page.contains("编号"));
        assert!(!page.contains("No such file") && !page.contains("on purpose"));
    }
}

#[tokio::test]
async fn the_eleventh_log_in_in_a_row_has_to_wait() {
    let house = House::new("rate");
    let (cookie, token) = house.form().await;
    let mut last = StatusCode::OK;
    for _ in 0..11 {
        let request = Request::post("/login")
            .header(header::COOKIE, &cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(format!("csrf={token}")))
            .expect("ok");
        let answer = house.ask(request).await;
        last = answer.status();
        if last == StatusCode::TOO_MANY_REQUESTS {
            assert!(answer.headers().contains_key(header::RETRY_AFTER));
        }
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
}
