//! A gallery of all pages with sample words, for people who change their look: `cargo run -p anju-portal --example gallery`,
//! then open `http://127.0.0.1:8335/`. Nothing of it is in the product.

use axum::Router;
use axum::extract::{Path, Query};
use axum::response::{Html, IntoResponse};
use axum::routing::get;

use anju_portal::assets;

#[path = "../../samples/mod.rs"]
mod samples;

#[derive(serde::Deserialize, Default)]
struct Wish {
    theme: Option<String>,
    contrast: Option<String>,
    elder: Option<String>,
}

async fn page(Path(name): Path<String>, Query(wish): Query<Wish>) -> impl IntoResponse {
    use anju_portal::look::{Look, Theme};
    let look = Look {
        theme: match wish.theme.as_deref() {
            Some("dark") => Theme::Dark,
            Some("light") => Theme::Light,
            _ => Theme::Auto,
        },
        contrast: wish.contrast.is_some(),
        elder: wish.elder.is_some(),
        ..Look::default()
    };
    let drawn = samples::all(look)
        .into_iter()
        .find(|(known, _)| *known == name)
        .map_or_else(|| "没有这一页".to_owned(), |(_, html)| html);
    Html(drawn)
}

async fn list() -> impl IntoResponse {
    let mut html = String::from("<!doctype html><meta charset=utf-8><title>gallery</title><ul>");
    for (name, _) in samples::all(anju_portal::look::Look::default()) {
        html.push_str(&format!("<li><a href=\"/{name}\">{name}</a>"));
    }
    Html(html)
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let app = Router::new()
        .route("/", get(list))
        .route("/{name}", get(page))
        .merge(assets::routes());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8335").await?;
    axum::serve(listener, app).await
}
