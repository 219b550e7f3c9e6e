//! Characters as people type them: full-width forms, stray spaces. Invariant: nothing is guessed, a
//! character is either mapped by the Unicode tables of full-width forms or left as it is.

/// Full-width ASCII (U+FF01..U+FF5E) and the ideographic space to half width.
pub(crate) fn half_width(c: char) -> char {
    match c {
        '\u{3000}' => ' ',
        '\u{FF01}'..='\u{FF5E}' => {
            char::from_u32(c as u32 - 0xFEE0).expect("the full-width block maps onto ASCII")
        }
        _ => c,
    }
}

/// Half width, all white space (also the invisible ones that spreadsheets carry along) removed.
pub(crate) fn compact(text: &str) -> String {
    text.chars()
        .map(half_width)
        .filter(|c| !c.is_whitespace() && !is_invisible(*c))
        .collect()
}

/// As people compare names of organisations and remarks: half width, trimmed, invisible characters dropped, white space made single.
#[must_use]
pub fn normalise(text: &str) -> String {
    let plain: String = text
        .chars()
        .filter(|c| !is_invisible(*c))
        .map(half_width)
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Zero-width and formatting characters that arrive by copy and paste and that nobody sees.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}' | '\u{00AD}'
    )
}

/// The last four characters: all that is shown of the number of a card or an account.
#[must_use]
pub fn last_four(number: &str) -> String {
    let from = number.chars().count().saturating_sub(4);
    number.chars().skip(from).collect()
}
