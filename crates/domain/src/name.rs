//! 姓名. Invariant: two spellings of one name compare equal, and rare characters are kept as written.

use std::fmt;

use crate::text;

/// A person's name in normalised form; `Display` and `Debug` mask it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PersonName(String);

/// Why a text is not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PersonNameError {
    /// Nothing was written.
    #[error("姓名为空，请填写")]
    Empty,
    /// A control character.
    #[error("姓名含有不可见的控制字符，请重新输入")]
    ControlCharacter,
    /// A beginning that a spreadsheet would run as a formula.
    #[error("姓名不能以「{0}」开头，请改为本人证件上的姓名")]
    FormulaStart(char),
    /// Longer than any name on a Chinese document.
    #[error("姓名超过{MAX_CHARS}个字，请核对")]
    TooLong,
}

const MAX_CHARS: usize = 50;

impl PersonName {
    /// Reads a name: trimmed, full width to half width, spaces next to Han characters dropped, other
    /// spaces made single, the middle dots `·•・‧` made one.
    ///
    /// # Errors
    /// Empty, control characters, a beginning `= + - @`, too long.
    pub fn parse(text: &str) -> Result<Self, PersonNameError> {
        // Most names are a few Han characters and nothing else: they are what they are.
        if !text.is_empty()
            && text.chars().all(|c| matches!(c, '\u{3400}'..='\u{9FFF}'))
            && text.chars().count() <= MAX_CHARS
        {
            return Ok(Self(text.to_owned()));
        }
        if text.chars().any(|c| c.is_control()) {
            return Err(PersonNameError::ControlCharacter);
        }
        let words: Vec<String> = text
            .chars()
            .filter(|c| !text::is_invisible(*c))
            .map(|c| unify(text::half_width(c)))
            .collect::<String>()
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        let mut name = String::new();
        for word in words {
            if let (Some(before), Some(after)) = (name.chars().last(), word.chars().next())
                && joins_with_space(before)
                && joins_with_space(after)
            {
                name.push(' ');
            }
            name.push_str(&word);
        }
        match name.chars().next() {
            None => Err(PersonNameError::Empty),
            Some(first @ ('=' | '+' | '-' | '@')) => Err(PersonNameError::FormulaStart(first)),
            Some(_) if name.chars().count() > MAX_CHARS => Err(PersonNameError::TooLong),
            Some(_) => Ok(Self(name)),
        }
    }

    /// The normalised name. Greppable: wherever this stands, personal data leaves its type.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The surname and one star for each further character: `李*`, `欧阳**`.
    #[must_use]
    pub fn masked(&self) -> String {
        mask(&self.0)
    }
}

/// Masks a name that is already in normalised form.
#[must_use]
pub fn mask(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let head: String = chars.iter().take(2).collect();
    let shown = if chars.len() > 2 && COMPOUND_SURNAMES.contains(&head.as_str()) {
        2
    } else {
        1
    };
    chars
        .iter()
        .enumerate()
        .map(|(place, c)| if place < shown { *c } else { '*' })
        .collect()
}

/// 复姓 that are in use.
const COMPOUND_SURNAMES: [&str; 24] = [
    "欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "司徒", "令狐", "长孙",
    "宇文", "夏侯", "轩辕", "端木", "百里", "南宫", "独孤", "呼延", "东郭", "西门", "太史", "申屠",
];

fn unify(c: char) -> char {
    match c {
        '\u{2022}' | '\u{30FB}' | '\u{2027}' | '\u{FF65}' => '\u{00B7}',
        _ => c,
    }
}

/// Only Latin words keep a space between them: between Han characters and beside a dot it is layout.
fn joins_with_space(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '\u{00C0}'..='\u{024F}' | '.' | '\'' | ',')
}

impl fmt::Display for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Debug for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(text: &str) -> Result<String, PersonNameError> {
        PersonName::parse(text).map(|name| name.expose().to_owned())
    }

    #[test]
    fn spellings_of_one_name_are_equal() {
        assert_eq!(normal(" 李　 梅 "), Ok("李梅".into()));
        for dot in ['·', '•', '・', '‧'] {
            assert_eq!(
                normal(&format!("买买提 {dot} 吐尔逊")),
                Ok("买买提·吐尔逊".into())
            );
        }
        assert_eq!(normal("ＪＯＨＮ   Smith"), Ok("JOHN Smith".into()));
        assert_eq!(
            normal("\u{FEFF}𬀩𪨶\u{200B}"),
            Ok("𬀩𪨶".into()),
            "rare characters stay"
        );
    }

    #[test]
    fn what_is_no_name_is_refused_with_its_reason() {
        assert_eq!(normal("  "), Err(PersonNameError::Empty));
        assert_eq!(
            normal("李\u{0007}梅"),
            Err(PersonNameError::ControlCharacter)
        );
        assert_eq!(normal("＝cmd"), Err(PersonNameError::FormulaStart('=')));
        for first in ['=', '+', '-', '@'] {
            assert_eq!(
                normal(&format!("{first}李梅")),
                Err(PersonNameError::FormulaStart(first))
            );
        }
        assert_eq!(normal(&"李".repeat(51)), Err(PersonNameError::TooLong));
    }

    #[test]
    fn a_mask_keeps_the_surname() {
        for (name, masked) in [
            ("李梅", "李*"),
            ("欧阳建国", "欧阳**"),
            ("王", "王"),
            ("买买提·吐尔逊", "买******"),
            ("𬀩𪨶", "𬀩*"),
        ] {
            assert_eq!(mask(name), masked);
        }
    }
}
