//! `/verify`: one static page that checks a proof bundle on the visitor's own device. It holds its styles and its script, so that it
//! can be saved and opened from a disk, with no network and no trust in us.

use std::sync::LazyLock;

use anju_evidence::record::sha256;
use axum::http::{HeaderName, header};
use axum::response::IntoResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::assets;

struct Page {
    html: String,
    policy: String,
}

static PAGE: LazyLock<Page> = LazyLock::new(|| {
    let css = assets::standalone_css();
    let script = assets::standalone_script(include_str!("../../../assets/js/verify.js"));
    let hash = |text: &str| BASE64.encode(sha256(text.as_bytes()));
    Page {
        // Only what stands in this file runs, and nothing is sent anywhere.
        policy: format!(
            "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; img-src data:; form-action 'none'; \
             base-uri 'none'; frame-ancestors 'none'",
            hash(&css),
            hash(&script)
        ),
        html: include_str!("../../../assets/verify.html")
            .replace("{{icons}}", include_str!("../../../assets/icons.svg"))
            .replace("{{css}}", &css)
            .replace("{{script}}", &script),
    }
});

/// `GET /verify`.
pub(crate) async fn page() -> impl IntoResponse {
    const HOUR: &str = "public, max-age=3600";
    let headers: [(HeaderName, &str); 3] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, &PAGE.policy),
        (header::CACHE_CONTROL, HOUR),
    ];
    (headers, PAGE.html.as_str())
}
