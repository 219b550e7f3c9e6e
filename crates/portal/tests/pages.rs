//! Every page, drawn with sample words, held against what all pages promise.

use anju_portal::assets;
use anju_portal::look::{Look, Theme};

#[path = "../samples/mod.rs"]
mod samples;

fn pages() -> Vec<(&'static str, String)> {
    samples::all(Look::default())
}

#[test]
fn a_page_has_one_title_one_head_line_and_at_most_one_primary_button() {
    for (name, html) in pages() {
        assert_eq!(html.matches("<title>").count(), 1, "{name}");
        assert_eq!(html.matches("<h1").count(), 1, "{name} has not one h1");
        assert!(
            html.matches("btn-primary").count() <= 1,
            "{name} has {} primary buttons",
            html.matches("btn-primary").count()
        );
        assert!(html.contains("<main id=\"main\""), "{name} has no main");
        assert!(html.contains("class=\"skip\" href=\"#main\""), "{name}");
    }
}

#[test]
fn nothing_inline_and_nothing_from_another_host() {
    for (name, html) in pages() {
        for word in [
            " style=",
            "<style",
            "javascript:",
            " onclick=",
            " onload=",
            " onsubmit=",
        ] {
            assert!(!html.contains(word), "{name} has {word}");
        }
        for (at, _) in html.match_indices("<script") {
            assert!(
                html[at..].starts_with("<script src=\"/assets/"),
                "{name} has a script of its own"
            );
        }
        for (at, _) in html.match_indices("src=\"") {
            // Our own host only; a picture that somebody handed in is on it, too.
            let address = &html[at + 5..];
            assert!(
                address.starts_with('/') && !address.starts_with("//"),
                "{name}"
            );
        }
        for (at, _) in html.match_indices("href=\"") {
            let address = &html[at + 6..];
            assert!(
                address.starts_with(['/', '#', '?']) || address.starts_with("tel:"),
                "{name} leads to {}",
                &address[..address.len().min(40)]
            );
        }
    }
}

#[test]
fn every_form_that_writes_carries_its_token() {
    for (name, html) in pages() {
        for (at, _) in html.match_indices("<form") {
            let form = &html[at..at + html[at..].find("</form>").expect("closed")];
            let writes = form[..form.find('>').expect("a tag")].contains("method=\"post\"");
            assert_eq!(
                writes,
                form.contains("name=\"csrf\" value=\"c5f0"),
                "{name}: {}",
                &form[..form.find('>').expect("a tag")]
            );
        }
    }
}

#[test]
fn what_is_opened_is_closed() {
    const PAIRED: [&str; 22] = [
        "html", "head", "body", "header", "main", "footer", "nav", "section", "aside", "div",
        "form", "ul", "ol", "li", "dl", "table", "tr", "td", "th", "p", "a", "span",
    ];
    for (name, html) in pages() {
        for tag in PAIRED {
            let opened = html.matches(&format!("<{tag}>")).count()
                + html.matches(&format!("<{tag} ")).count();
            let closed = html.matches(&format!("</{tag}>")).count();
            assert_eq!(opened, closed, "{name}: <{tag}>");
        }
    }
}

#[test]
fn ids_stand_once_and_what_names_them_finds_them() {
    for (name, html) in pages() {
        let ids: Vec<&str> = attribute(&html, " id=\"").collect();
        for id in &ids {
            assert_eq!(
                ids.iter().filter(|other| *other == id).count(),
                1,
                "{name}: the id {id} stands more than once"
            );
        }
        for kind in [" for=\"", " aria-labelledby=\"", " aria-describedby=\""] {
            for names in attribute(&html, kind) {
                for one in names.split_whitespace() {
                    assert!(ids.contains(&one), "{name}: {kind}{one} names nothing");
                }
            }
        }
    }
}

#[test]
fn every_icon_is_in_the_sprite() {
    let sprite = include_str!("../../../assets/icons.svg");
    for (name, html) in pages() {
        for (at, _) in html.match_indices("#i-") {
            let icon: String = html[at + 1..].chars().take_while(|c| *c != '"').collect();
            assert!(
                sprite.contains(&format!("id=\"{icon}\"")),
                "{name} draws {icon}"
            );
        }
    }
}

#[test]
fn an_answer_of_the_phone_stays_under_a_hundred_kilobytes() {
    for (name, html) in pages().iter().filter(|(name, _)| name.starts_with("my-")) {
        assert!(html.len() <= 102_400, "{name} has {} bytes", html.len());
    }
}

#[test]
fn no_whole_number_of_a_person_is_printed() {
    for (name, html) in pages() {
        let mut run = 0;
        for c in html.chars() {
            run = if c.is_ascii_digit() { run + 1 } else { 0 };
            assert!(
                run < 18 || name == "login-employee",
                "{name} prints a long number"
            );
        }
    }
}

#[test]
fn the_choice_of_a_look_is_printed_on_the_page() {
    let look = Look {
        theme: Theme::Dark,
        contrast: true,
        elder: true,
        ..Look::default()
    };
    for (name, html) in samples::all(look) {
        assert!(
            html.contains(
                "data-theme=\"dark\" data-contrast=\"high\" data-shell=\"browser\" data-elder"
            ),
            "{name}"
        );
        assert!(html.contains("lang=\"zh-CN\""), "{name}");
    }
}

#[test]
fn pages_load_assets_that_exist() {
    for (name, html) in pages() {
        for (at, _) in html.match_indices("/assets/") {
            let file: String = html[at..]
                .chars()
                .take_while(|c| !matches!(c, '"' | '#'))
                .collect();
            let known = [
                "core.css",
                "unit.css",
                "desk.css",
                "site.css",
                "page.js",
                "live.js",
                "drop.js",
                "keys.js",
                "icons.svg",
                "icon.svg",
            ]
            .iter()
            .any(|asset| assets::href(asset) == file);
            assert!(known, "{name} loads {file}");
        }
    }
}

fn attribute<'a>(html: &'a str, start: &'a str) -> impl Iterator<Item = &'a str> {
    html.match_indices(start).map(move |(at, _)| {
        let value = &html[at + start.len()..];
        &value[..value.find('"').expect("closed")]
    })
}
