//! The page as a browser without scripts uses it.

use axum::http::StatusCode;

use crate::bank::town::Town;

impl Town {
    async fn page(&self, path: &str) -> (StatusCode, String) {
        let answer = self
            .http
            .get(format!("{}{path}", self.url))
            .send()
            .await
            .unwrap();
        let policy = answer.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(!policy.contains("unsafe-inline"), "{policy}");
        let status = answer.status();
        let html = answer.text().await.unwrap();
        assert!(
            !html.contains("<script") && !html.contains("style="),
            "the policy would stop it"
        );
        (status, html)
    }

    /// Posts a form and follows to the page that it leads to.
    async fn submit(&self, path: &str, fields: &str) -> (StatusCode, String) {
        let request = self
            .http
            .post(format!("{}{path}", self.url))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(fields.to_owned());
        let answer = request.send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }
}

#[tokio::test]
async fn the_page_shows_banks_departments_and_what_is_wrong() {
    let town = Town::on("2026-11-24").await;
    let (status, html) = town.page("/").await;
    assert_eq!(status, StatusCode::OK);
    for words in [
        "建设银行",
        "6500004001",
        "estate.ownership",
        "2026-11-24 09:0",
        "其余 37 处正常",
    ] {
        assert!(html.contains(words), "{words}");
    }
    let answer = town
        .http
        .get(format!("{}/assets/outside.css", town.url))
        .send()
        .await
        .unwrap();
    assert!(answer.text().await.unwrap().contains(".phones"));
}

#[tokio::test]
async fn forms_do_what_the_control_door_does() {
    let town = Town::on("2026-11-24").await;
    let (status, html) = town
        .submit(
            "/pay",
            "bank=B4&to=&payer=%E7%94%B2&from=&amount=1%2C234.56&reference=HJ1",
        )
        .await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        html.contains("已付款") && html.contains("1,234.56") && html.contains("HJ1"),
        "{html}"
    );
    assert_eq!(town.balance("6500004001").await, Some(123_456));

    let (_, html) = town.submit("/banks", "mode.B4=timeout&latency.B4=50").await;
    assert!(
        html.contains("银行设置已保存") && html.contains("1 处有异常"),
        "{html}"
    );
    let (_, html) = town
        .submit("/sources", "mode.D03=down&latency.D03=1%2C000&fail.D02=40")
        .await;
    assert!(
        html.contains("1 个来源不通") && html.contains("时有失败"),
        "{html}"
    );

    let fact =
        "fact=D03%2Festate.ownership&subject=500103199001011234&value=%7B%22homes%22%3A%5B%5D%7D";
    let (status, html) = town.submit("/facts", &format!("{fact}&act=set")).await;
    assert_eq!(status, StatusCode::OK, "{html}");
    assert!(
        html.contains("已写进登记") && html.contains("homes"),
        "{html}"
    );
}

#[tokio::test]
async fn a_wrong_form_is_explained_and_changes_nothing() {
    let town = Town::on("2026-11-24").await;
    for (path, fields, words) in [
        (
            "/pay",
            "bank=B4&to=&payer=&from=&amount=abc&reference=",
            "不是金额",
        ),
        ("/banks", "mode.B4=broken", "没有「broken」"),
        ("/sources", "mode.D03=ok&latency.D03=-5", "latency_ms"),
        (
            "/facts",
            "fact=D03%2Festate.ownership&subject=1&value=%7B&act=set",
            "不是 JSON",
        ),
    ] {
        let (status, html) = town.submit(path, fields).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        assert!(
            html.contains(words) && html.contains("role=\"alert\""),
            "{path}"
        );
    }
    assert_eq!(town.balance("6500004001").await, Some(0));
}

#[tokio::test]
async fn another_site_cannot_post_here() {
    let town = Town::on("2026-11-24").await;
    let request = town
        .http
        .post(format!("{}/control/banks/B4/payments", town.url));
    let answer = request
        .header("sec-fetch-site", "cross-site")
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
}
