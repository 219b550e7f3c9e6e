//! 遮挡: what is masked until somebody asks. The whole value never reaches a page that shows the mask.

use askama::Template;

use super::prints_itself;

/// A masked number with what a screen reader says of it.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "components/masked.html")]
pub struct Masked {
    shown: String,
    said: String,
    whole: Option<String>,
}

impl Masked {
    /// 证件号 `500***********1234`: three and four characters stay.
    #[must_use]
    pub fn id_number(number: &str) -> Masked {
        Masked::keep(number, 3, 4, "证件号")
    }

    /// 手机号 `138****5678`.
    #[must_use]
    pub fn phone(number: &str) -> Masked {
        Masked::keep(number, 3, 4, "手机号")
    }

    /// A value that came masked from the query, such as `500***********1234`.
    pub fn ready(shown: impl Into<String>, what: &str) -> Masked {
        let shown = shown.into();
        let tail: String = shown.chars().rev().take_while(|c| *c != '*').collect();
        let tail: String = tail.chars().rev().collect();
        Masked {
            said: format!("{what}，尾号 {tail}，其余已隐藏"),
            shown,
            whole: None,
        }
    }

    /// The same number, whole for sixty seconds: only after a reason was given and the look recorded.
    #[must_use]
    pub fn revealed(mut self, whole: impl Into<String>) -> Masked {
        self.whole = Some(whole.into());
        self
    }

    fn keep(number: &str, head: usize, tail: usize, what: &str) -> Masked {
        let chars: Vec<char> = number.chars().collect();
        let hidden = chars.len().saturating_sub(head + tail);
        let shown: String = if hidden == 0 {
            "*".repeat(chars.len())
        } else {
            let (first, last) = (&chars[..head], &chars[chars.len() - tail..]);
            first.iter().chain(&vec!['*'; hidden]).chain(last).collect()
        };
        Masked::ready(shown, what)
    }
}

prints_itself!(Masked);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_and_four_characters_stay_and_the_rest_is_never_printed() {
        let masked = Masked::id_number("500103199001011234").to_string();
        assert!(masked.contains("500***********1234") && masked.contains("尾号 1234，其余已隐藏"));
        assert!(!masked.contains("199001"));
        assert!(
            Masked::phone("13800005678")
                .to_string()
                .contains("138****5678")
        );
        assert!(!Masked::id_number("1234567").to_string().contains("1234567"));
    }
}
