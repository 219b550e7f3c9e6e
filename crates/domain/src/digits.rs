//! Digits into a text: what decisions and lists of many thousand lines are written with, where `format!` would take most of the time.

/// Writes a number, with zeros before it to at least so many digits.
pub fn push(text: &mut String, number: u64, at_least: usize) {
    let digit = |number: u64| char::from(b'0' + (number % 10) as u8);
    if number >= 100 || at_least > 2 {
        push(text, number / 100, at_least.saturating_sub(2));
    }
    if number >= 10 || at_least > 1 {
        text.push(digit(number / 10));
    }
    text.push(digit(number));
}

/// Writes a number that may be below nothing.
pub fn push_signed(text: &mut String, number: i64) {
    if number < 0 {
        text.push('-');
    }
    push(text, number.unsigned_abs(), 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_they_always_are() {
        for number in [
            0,
            7,
            10,
            99,
            100,
            1_000,
            1_234_567,
            i64::MAX,
            -1,
            -120,
            i64::MIN,
        ] {
            let mut text = String::from("…");
            push_signed(&mut text, number);
            assert_eq!(text, format!("…{number}"));
        }
        for (number, at_least) in [
            (5, 1),
            (5, 2),
            (5, 3),
            (0, 4),
            (42, 3),
            (123, 2),
            (u64::MAX, 0),
        ] {
            let mut text = String::new();
            push(&mut text, number, at_least);
            assert_eq!(text, format!("{number:0at_least$}"));
        }
    }
}
