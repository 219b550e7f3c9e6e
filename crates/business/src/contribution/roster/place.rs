//! Places in a worksheet: columns by letters, ranges of cells.

/// Excel's own bounds.
pub(super) const MAX_ROW: u32 = 1_048_576;
pub(super) const MAX_COLUMN: u32 = 16_384;

/// A rectangle of cells, 1-based, inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first_row: u32,
    pub(super) last_row: u32,
    pub(super) first_column: u32,
    pub(super) last_column: u32,
}

/// Reads `B2:D4`, or a single cell.
pub(super) fn parse_range(text: &str) -> Option<Range> {
    let (first, last) = text.split_once(':').unwrap_or((text, text));
    let (first_column, first_row) = parse_cell(first)?;
    let (last_column, last_row) = parse_cell(last)?;
    Some(Range {
        first_row,
        last_row,
        first_column,
        last_column,
    })
}

fn parse_cell(text: &str) -> Option<(u32, u32)> {
    let digits = text.find(|c: char| c.is_ascii_digit())?;
    Some((
        column_number(&text[..digits])?,
        text[digits..].parse().ok()?,
    ))
}

/// The number of a column, 1-based, from its letters.
pub(super) fn column_number(letters: &str) -> Option<u32> {
    if letters.is_empty() || letters.len() > 3 {
        return None;
    }
    letters.bytes().try_fold(0, |number, letter| match letter {
        b'A'..=b'Z' => Some(number * 26 + u32::from(letter - b'A') + 1),
        _ => None,
    })
}

/// `A`, `Z`, `AA`: the letters of a column, 1-based.
pub(super) fn column_letters(mut number: u32) -> String {
    let mut letters = Vec::new();
    while number > 0 {
        letters.push(b'A' + u8::try_from((number - 1) % 26).expect("below 26"));
        number = (number - 1) / 26;
    }
    letters
        .iter()
        .rev()
        .map(|letter| char::from(*letter))
        .collect()
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (first, last) = (
            column_letters(self.first_column),
            column_letters(self.last_column),
        );
        write!(f, "{first}{}:{last}{}", self.first_row, self.last_row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_letters() {
        for (number, letters) in [
            (1, "A"),
            (26, "Z"),
            (27, "AA"),
            (702, "ZZ"),
            (703, "AAA"),
            (16_384, "XFD"),
        ] {
            assert_eq!(column_letters(number), letters);
            assert_eq!(column_number(letters), Some(number));
        }
        assert_eq!(
            parse_range("B2:D4")
                .map(|range| range.to_string())
                .as_deref(),
            Some("B2:D4")
        );
        assert_eq!(parse_range("$B$2"), None);
    }
}
