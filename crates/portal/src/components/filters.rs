//! What templates may write after a bar: `{{ "home"|icon }}`, `{{ balance|amount }}`. Each prints finished markup.

use anju_domain::money::Fen;
use askama::filters::Safe;
use askama::{Result, Values};

use super::text::{write_money, write_movement};
use crate::assets;

fn drawn_icon(name: &str, class: &str) -> String {
    format!(
        "<svg class=\"{class}\" aria-hidden=\"true\"><use href=\"{}#i-{name}\"/></svg>",
        assets::href("icons.svg")
    )
}

pub(super) fn icon_of(name: &str) -> String {
    drawn_icon(name, "i")
}

/// A line icon by its name in `assets/icons.svg`; always beside a word, so hidden from screen readers.
#[askama::filter_fn]
pub fn icon(name: impl AsRef<str>, _: &dyn Values) -> Result<Safe<String>> {
    Ok(Safe(drawn_icon(name.as_ref(), "i")))
}

/// The icon that leads a row.
#[askama::filter_fn]
pub fn lead(name: impl AsRef<str>, _: &dyn Values) -> Result<Safe<String>> {
    Ok(Safe(drawn_icon(name.as_ref(), "i lead")))
}

/// The icon at the end of a row that opens.
#[askama::filter_fn]
pub fn go(name: impl AsRef<str>, _: &dyn Values) -> Result<Safe<String>> {
    Ok(Safe(drawn_icon(name.as_ref(), "i go")))
}

/// The largest thing on the page: the balance, the result.
#[askama::filter_fn]
pub fn amount(amount: &Fen, _: &dyn Values) -> Result<Safe<String>> {
    let mut out = String::new();
    write_money(&mut out, *amount, "money amount");
    Ok(Safe(out))
}

/// The amount of a card.
#[askama::filter_fn]
pub fn amount_mid(amount: &Fen, _: &dyn Values) -> Result<Safe<String>> {
    let mut out = String::new();
    write_money(&mut out, *amount, "money amount mid");
    Ok(Safe(out))
}

/// +2,400.00 元 or −3,600.00 元.
#[askama::filter_fn]
pub fn movement(amount: &Fen, _: &dyn Values) -> Result<Safe<String>> {
    let mut out = String::new();
    write_movement(&mut out, *amount);
    Ok(Safe(out))
}

/// The address of a built-in asset, with its digest.
#[askama::filter_fn]
pub fn asset(name: &str, _: &dyn Values) -> Result<Safe<&'static str>> {
    Ok(Safe(assets::href(name)))
}
