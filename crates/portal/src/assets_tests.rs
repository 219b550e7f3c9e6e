use std::collections::HashMap;

use super::*;

fn body(name: &str) -> &'static str {
    &ASSETS
        .iter()
        .find(|asset| asset.name == name)
        .expect("a name of the list")
        .body
}

#[test]
fn the_phone_loads_at_most_forty_kilobytes_of_style() {
    assert!(
        body("core.css").len() <= 40_960,
        "core.css has {} bytes",
        body("core.css").len()
    );
}

#[test]
fn every_place_keeps_its_style_under_the_budget_of_a_counter_screen() {
    for place in ["unit.css", "desk.css", "site.css"] {
        let size = body("core.css").len() + body(place).len();
        assert!(size <= 45_056, "core.css and {place} have {size} bytes");
    }
}

#[test]
fn no_page_loads_more_than_twenty_kilobytes_of_script() {
    let all: usize = ASSETS
        .iter()
        .filter(|asset| asset.name.ends_with(".js"))
        .map(|asset| asset.body.len())
        .sum();
    assert!(all <= 20_480, "all scripts together have {all} bytes");
}

#[test]
fn a_literal_colour_stands_in_the_tokens_alone() {
    for (name, text) in [
        ("base.css", BASE),
        ("components.css", COMPONENTS),
        ("unit.css", include_str!("../../../assets/places/unit.css")),
        ("desk.css", include_str!("../../../assets/places/desk.css")),
        ("site.css", include_str!("../../../assets/places/site.css")),
    ] {
        let screen = text.split("@media print").next().expect("first part");
        for (at, _) in screen.match_indices('#') {
            let follows: String = screen[at + 1..].chars().take(3).collect();
            assert!(
                !follows.chars().all(|c| c.is_ascii_hexdigit()),
                "{name} has the colour #{follows}"
            );
        }
    }
}

#[test]
fn the_digest_in_a_name_changes_with_its_content() {
    let one = Asset::new("a.css", "text/css", "a{}".into());
    let other = Asset::new("a.css", "text/css", "b{}".into());
    assert_ne!(one.href, other.href);
    assert!(one.href.starts_with("/assets/a.") && one.href.ends_with(".css"));
}

/// ui.md §2: text at least 4.5 (7 in high contrast), edge and focus at least 3, each on the worst of its grounds.
#[test]
fn every_ink_can_be_read_on_every_ground() {
    let light = tokens(":root {");
    let dark = over(&light, ":root[data-theme=\"dark\"] {");
    let high = over(&light, ":root[data-contrast=\"high\"] {");
    let high_dark = over(
        &over(&dark, ":root[data-contrast=\"high\"] {"),
        ":root[data-contrast=\"high\"][data-theme=\"dark\"] {",
    );
    for (name, theme, least) in [
        ("light", &light, 4.5),
        ("dark", &dark, 4.5),
        ("high contrast", &high, 7.0),
        ("high contrast, dark", &high_dark, 7.0),
    ] {
        let grounds = ["paper", "surface", "sunken"];
        for ink in [
            "ink", "ink-2", "ink-3", "accent", "pass", "wait", "fail", "unknown",
        ] {
            let soft = format!("{ink}-soft");
            let worst = grounds
                .iter()
                .copied()
                .chain(theme.contains_key(&soft).then_some(soft.as_str()))
                .map(|ground| contrast(theme[ink], theme[ground]))
                .fold(f64::INFINITY, f64::min);
            assert!(worst >= least, "{name}: --{ink} reaches only {worst:.2}");
        }
        assert!(
            contrast(theme["on-accent"], theme["accent"]) >= least,
            "{name}: --on-accent"
        );
        for mark in ["edge", "focus"] {
            let worst = grounds
                .iter()
                .map(|ground| contrast(theme[mark], theme[*ground]))
                .fold(f64::INFINITY, f64::min);
            assert!(worst >= 3.0, "{name}: --{mark} reaches only {worst:.2}");
        }
    }
}

#[test]
fn the_dark_and_contrast_blocks_are_written_into_media_queries() {
    let out = write_out_media(TOKENS);
    assert_eq!(out.matches("--paper:#11161A").count(), 2);
    assert_eq!(out.matches("--accent:#00405F").count(), 2);
    assert_eq!(out.matches("--accent:#8FD6FA").count(), 4);
    assert_eq!(out.matches('{').count(), out.matches('}').count());
    // Inside another block they would be nested rules, which match nothing.
    for (at, _) in out.match_indices("@media (prefers-") {
        let before = &out[..at];
        assert_eq!(before.matches('{').count(), before.matches('}').count());
    }
}

type Theme = HashMap<String, [u8; 3]>;

fn tokens(selector: &str) -> Theme {
    let from = TOKENS.find(selector).expect("the block stands there") + selector.len();
    let block = &TOKENS[from..from + TOKENS[from..].find('}').expect("closed")];
    let mut theme = Theme::new();
    for declaration in block.split([';', '\n']) {
        let Some((name, value)) = declaration.trim().split_once(':') else {
            continue;
        };
        let (Some(name), Some(hex)) = (name.strip_prefix("--"), value.trim().strip_prefix('#'))
        else {
            continue;
        };
        let wide: String = match hex.len() {
            3 => hex.chars().flat_map(|c| [c, c]).collect(),
            _ => hex.to_owned(),
        };
        let channel = |at: usize| u8::from_str_radix(&wide[at..at + 2], 16).expect("hex");
        theme.insert(name.to_owned(), [channel(0), channel(2), channel(4)]);
    }
    theme
}

fn over(base: &Theme, selector: &str) -> Theme {
    let mut theme = base.clone();
    theme.extend(tokens(selector));
    theme
}

fn luminance(colour: [u8; 3]) -> f64 {
    let [r, g, b] = colour.map(|channel| {
        let value = f64::from(channel) / 255.0;
        if value <= 0.040_45 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    });
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}
