//! Measures (指标) of requests: how many, how long, how they ended, by class of route. Invariant: no path and no number of a
//! thing becomes a label, so that there are as many series as classes and statuses.

use std::time::Instant;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;

/// The class of a path: whom it serves.
#[must_use]
pub fn class_of(path: &str) -> &'static str {
    match path.split('/').nth(1) {
        Some("my") => "my",
        Some("unit") => "unit",
        Some("desk") => "desk",
        Some("open") => "open",
        Some("inbox" | "gateway") => "inbox",
        Some("tlog") => "tlog",
        Some("assets") => "asset",
        Some("healthz" | "readyz" | "metrics") => "health",
        _ => "site",
    }
}

/// The layer around every route.
pub async fn measure(request: Request, next: Next) -> Response {
    let class = class_of(request.uri().path());
    let began = Instant::now();
    let answer = next.run(request).await;
    let status = answer.status().as_str().to_owned();
    metrics::counter!("http_requests_total", "class" => class, "status" => status).increment(1);
    metrics::histogram!("http_request_seconds", "class" => class)
        .record(began.elapsed().as_secs_f64());
    answer
}

#[cfg(test)]
mod tests {
    use super::class_of;

    #[test]
    fn a_class_names_whom_a_path_serves_and_never_what() {
        assert_eq!(class_of("/my/cases/C123"), "my");
        assert_eq!(class_of("/open/v1/cases"), "open");
        assert_eq!(class_of("/readyz"), "health");
        assert_eq!(class_of("/"), "site");
        assert_eq!(class_of("/nowhere/at/all"), "site");
    }
}
