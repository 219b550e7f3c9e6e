//! What is wrong with a text that should have been a number, and how a message repeats what was typed.

use anju_domain::money::Fen;

use super::fault::half_width;
use super::sheet::Value;

/// Says what keeps a text from being a number, and what was probably meant.
pub(super) fn diagnose(text: &str) -> (String, Option<String>) {
    let typed: String = text.trim().chars().map(half_width).collect();
    if is_scientific(&typed) {
        return (
            "是科学计数法，请把格式改为“常规”后重新填写".to_owned(),
            None,
        );
    }
    if let Some(number) = typed
        .strip_suffix('元')
        .filter(|number| Fen::parse_yuan(number).is_ok())
    {
        return (
            "请去掉“元”字，只填数字".to_owned(),
            Some(number.trim().to_owned()),
        );
    }
    // Places are counted as a person counts digits, without separators.
    let digits: Vec<char> = typed
        .chars()
        .filter(|c| !matches!(c, ',' | '，' | ' '))
        .collect();
    let places = |wanted: &[char]| -> Vec<String> {
        (1..)
            .zip(&digits)
            .filter(|(_, c)| wanted.contains(c))
            .map(|(place, _): (usize, _)| place.to_string())
            .collect()
    };
    let corrected: String = typed
        .chars()
        .map(|c| match c {
            'O' | 'o' => '0',
            'l' | 'I' => '1',
            c => c,
        })
        .collect();
    let is_number = Fen::parse_yuan(&corrected).is_ok();
    for (letters, name) in [(&['O', 'o'][..], "O"), (&['l'][..], "l"), (&['I'][..], "I")] {
        let found = places(letters);
        if is_number && !found.is_empty() {
            return (
                format!("第 {} 位是字母 {name}，请改成数字", found.join("、")),
                Some(corrected),
            );
        }
    }
    if digits
        .iter()
        .all(|c| c.is_ascii_digit() || matches!(c, '.' | '-'))
        && typed.contains([',', '，'])
    {
        return ("千位分隔符的位置不对，请核对".to_owned(), None);
    }
    ("不是数字，请改成数字".to_owned(), None)
}

pub(super) fn is_scientific(text: &str) -> bool {
    if !text.contains(['E', 'e', 'Ｅ', 'ｅ']) {
        return false;
    }
    let text: String = text.trim().chars().map(half_width).collect();
    text.split_once(['E', 'e'])
        .is_some_and(|(digits, exponent)| {
            let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            let all_digits =
                |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            all_digits(exponent) && all_digits(&digits.replacen('.', "", 1))
        })
}

/// Controls and the marks that turn the direction of writing: both make a text read otherwise than it is.
pub(super) fn is_unseen_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// What a cell shows, for messages.
pub(super) fn shown(value: Value<'_>) -> String {
    match value {
        Value::Text(text) | Value::Number(text) | Value::Date(text) | Value::Error(text) => {
            text.to_owned()
        }
        Value::Percent(digits) => format!("{digits}（百分比格式）"),
        Value::Bool(true) => "TRUE".to_owned(),
        Value::Bool(false) => "FALSE".to_owned(),
        Value::Empty | Value::Uncalculated | Value::TooLong => String::new(),
    }
}

/// What was typed, as far as a message repeats it.
pub(super) fn shortened(text: &str) -> String {
    const MOST_CHARS: usize = 30;
    let mut chars = text.trim().chars();
    let head: String = chars.by_ref().take(MOST_CHARS).collect();
    if chars.next().is_some() {
        head + "…"
    } else {
        head
    }
}

/// The first three and the last four characters of what was meant to be an ID number.
pub(super) fn mask_id(text: &str) -> String {
    let chars: Vec<char> = text.trim().chars().collect();
    let hidden = 3..chars.len().saturating_sub(4).max(3);
    chars
        .iter()
        .enumerate()
        .map(|(place, c)| if hidden.contains(&place) { '*' } else { *c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_number_is_said_by_place() {
        for (text, what, suggestion) in [
            ("12,3OO", "第 4、5 位是字母 O，请改成数字", Some("12,300")),
            ("9,600元", "请去掉“元”字，只填数字", Some("9,600")),
            (
                "1.2E+04",
                "是科学计数法，请把格式改为“常规”后重新填写",
                None,
            ),
            ("l2000", "第 1 位是字母 l，请改成数字", Some("12000")),
            ("1,23", "千位分隔符的位置不对，请核对", None),
            ("一万", "不是数字，请改成数字", None),
        ] {
            assert_eq!(
                diagnose(text),
                (what.to_owned(), suggestion.map(str::to_owned)),
                "{text}"
            );
        }
    }

    #[test]
    fn scientific_notation_is_known() {
        for (text, is) in [
            ("5.00101E+17", true),
            ("1e5", true),
            ("5E17", true),
            ("E5", false),
            ("12", false),
            ("1.2.3E4", false),
            ("Elena", false),
        ] {
            assert_eq!(is_scientific(text), is, "{text}");
        }
    }

    #[test]
    fn a_number_in_a_message_is_masked() {
        assert_eq!(mask_id("11010519491231002X"), "110***********002X");
        assert_eq!(mask_id("12345"), "12345");
    }
}
