//! 静态资源: styles, icons and scripts, built into the binary and served under a name that carries their digest, so that a
//! browser may keep them for ever. Invariant: nothing a page loads comes from another host, and a literal colour stands in
//! `assets/tokens.css` alone; its dark and high-contrast blocks are copied into media queries here, never by hand.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

const TOKENS: &str = include_str!("../../../assets/tokens.css");
const BASE: &str = include_str!("../../../assets/base.css");
const COMPONENTS: &str = include_str!("../../../assets/components.css");

/// One file that pages load.
struct Asset {
    /// The name that templates use: `core.css`.
    name: &'static str,
    /// The address that pages print: `/assets/core.9f3c….css`.
    href: String,
    mime: &'static str,
    body: String,
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let cursor = Asset::new(
        "cursor.svg",
        "image/svg+xml",
        include_str!("../../../assets/cursor.svg").to_owned(),
    );
    let core = minify_css(&format!("{}{BASE}{COMPONENTS}", write_out_media(TOKENS)))
        .replace("\"cursor.svg\"", cursor.href.trim_start_matches("/assets/"));
    let css = |name, text: &str| Asset::new(name, "text/css; charset=utf-8", minify_css(text));
    let script = |name, text: &str| {
        Asset::new(
            name,
            "text/javascript; charset=utf-8",
            without_line_comments(text),
        )
    };
    vec![
        Asset::new("core.css", "text/css; charset=utf-8", core),
        css("unit.css", include_str!("../../../assets/places/unit.css")),
        css("desk.css", include_str!("../../../assets/places/desk.css")),
        css("site.css", include_str!("../../../assets/places/site.css")),
        script("page.js", include_str!("../../../assets/js/page.js")),
        script("live.js", include_str!("../../../assets/js/live.js")),
        script("drop.js", include_str!("../../../assets/js/drop.js")),
        script("keys.js", include_str!("../../../assets/js/keys.js")),
        Asset::new(
            "icons.svg",
            "image/svg+xml",
            include_str!("../../../assets/icons.svg").to_owned(),
        ),
        Asset::new(
            "icon.svg",
            "image/svg+xml",
            include_str!("../../../assets/icon.svg").to_owned(),
        ),
        cursor,
    ]
});

impl Asset {
    fn new(name: &'static str, mime: &'static str, body: String) -> Asset {
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        let (stem, extension) = name.rsplit_once('.').expect("every asset has an extension");
        Asset {
            name,
            href: format!("/assets/{stem}.{:016x}.{extension}", hasher.finish()),
            mime,
            body,
        }
    }
}

/// The address of an asset by its plain name.
///
/// # Panics
/// On a name that is not built in: a fault of a template, found by the first rendering of its page in the tests.
pub fn href(name: &str) -> &'static str {
    ASSETS
        .iter()
        .find(|asset| asset.name == name)
        .map_or_else(|| panic!("no asset named {name}"), |asset| &asset.href)
}

/// The styles of a page that stands alone: no file beside it, so no cursor of ours.
pub(crate) fn standalone_css() -> String {
    let core = minify_css(&format!("{}{BASE}{COMPONENTS}", write_out_media(TOKENS)));
    let unit = minify_css(include_str!("../../../assets/places/unit.css"));
    let site = minify_css(include_str!("../../../assets/places/site.css"));
    format!("{core}{unit}{site}").replace("\"cursor.svg\"", "\"data:,\"")
}

/// A script for a page that stands alone.
pub(crate) fn standalone_script(script: &str) -> String {
    without_line_comments(script)
}

/// Routes of the assets: `GET /assets/{name}`.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/assets/{name}", get(serve))
}

async fn serve(Path(name): Path<String>) -> Response {
    let Some(asset) = ASSETS
        .iter()
        .find(|asset| asset.href.strip_prefix("/assets/") == Some(name.as_str()))
    else {
        return StatusCode::NOT_FOUND.into_response();
    };
    (
        [
            (header::CONTENT_TYPE, asset.mime),
            (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        ],
        asset.body.as_str(),
    )
        .into_response()
}

/// Copies the dark block into `prefers-color-scheme` and the high-contrast blocks into `prefers-contrast`.
fn write_out_media(tokens: &str) -> String {
    const DARK: &str = ":root[data-theme=\"dark\"]";
    const HIGH: &str = ":root[data-contrast=\"high\"]";
    const HIGH_DARK: &str = ":root[data-contrast=\"high\"][data-theme=\"dark\"]";
    let block = |selector: &str| {
        let from = tokens
            .find(&format!("{selector} {{"))
            .expect("tokens.css keeps the four blocks")
            + selector.len();
        let to = from + tokens[from..].find('}').expect("a block is closed") + 1;
        &tokens[from..to]
    };
    let at = tokens
        .find("\n/* elder:")
        .expect("tokens.css keeps its elder block");
    let (before, after) = tokens.split_at(at);
    format!(
        "{before}@media (prefers-color-scheme:dark){{:root[data-theme=\"auto\"]{}}}\
         @media (prefers-contrast:more){{:root[data-contrast=\"auto\"]{}:root[data-contrast=\"auto\"][data-theme=\"dark\"]{}}}\
         @media (prefers-contrast:more) and (prefers-color-scheme:dark){{:root[data-contrast=\"auto\"][data-theme=\"auto\"]{}}}\
         @media (prefers-color-scheme:dark){{:root[data-contrast=\"high\"][data-theme=\"auto\"]{}}}{after}",
        block(DARK),
        block(HIGH),
        block(HIGH_DARK),
        block(HIGH_DARK),
        block(HIGH_DARK),
    )
}

/// Takes comments and needless white space out of a style sheet. Strings stay as they are.
fn minify_css(css: &str) -> String {
    let mut out = String::with_capacity(css.len());
    let mut rest = css;
    let mut in_string = false;
    while let Some(c) = rest.chars().next() {
        if !in_string && rest.starts_with("/*") {
            rest = rest.find("*/").map_or("", |end| &rest[end + 2..]);
            continue;
        }
        rest = &rest[c.len_utf8()..];
        if c == '"' {
            in_string = !in_string;
        }
        if in_string || !c.is_ascii_whitespace() {
            if matches!(c, '{' | '}' | ';' | ',') && !in_string && out.ends_with(' ') {
                out.pop();
            }
            if c == '}' && out.ends_with(';') {
                out.pop();
            }
            out.push(c);
        } else if !out.ends_with([' ', '{', '}', ';', ',']) && !out.is_empty() {
            out.push(' ');
        }
    }
    out
}

/// Drops the lines of a script that are nothing but a comment, and indentation.
fn without_line_comments(script: &str) -> String {
    script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .fold(String::new(), |all, line| all + line + "\n")
}

#[cfg(test)]
#[path = "assets_tests.rs"]
mod tests;
