//! Running text with money, figures, times, states and links in it. Everything that is said is escaped here.

use std::fmt::{self, Display, Write};

use anju_domain::money::Fen;
use askama::filters::HtmlSafe;

use super::State;

/// A sentence that may hold marked-up parts. Built piece by piece; plain strings become one by `into()`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text(String);

impl Text {
    /// An empty sentence to say things in.
    #[must_use]
    pub fn new() -> Text {
        Text::default()
    }

    /// Plain words. Dates in them keep together and get no automatic space: 11月24日, 8–10月.
    #[must_use]
    pub fn say(mut self, words: impl Display) -> Text {
        write_words(&mut self.0, &words.to_string());
        self
    }

    /// Words of weight: the one part that the eye should find.
    #[must_use]
    pub fn strong(self, words: impl Display) -> Text {
        self.wrap("<b>", words, "</b>")
    }

    /// The faintest text there is.
    #[must_use]
    pub fn hint(self, words: impl Display) -> Text {
        self.wrap("<span class=\"hint\">", words, "</span>")
    }

    /// Digits of equal width: a number, a code, a tail.
    #[must_use]
    pub fn num(self, digits: impl Display) -> Text {
        self.wrap("<span class=\"num\">", digits, "</span>")
    }

    /// A date or time, kept together: `11月24日 18:00`.
    #[must_use]
    pub fn time(self, shown: impl Display) -> Text {
        self.wrap("<time>", shown, "</time>")
    }

    /// A name that is not broken over lines: 市人力社保局.
    #[must_use]
    pub fn whole(self, name: impl Display) -> Text {
        self.wrap("<span class=\"nw\">", name, "</span>")
    }

    /// 15,000.00 元, in the size of the text around it.
    #[must_use]
    pub fn money(mut self, amount: Fen) -> Text {
        write_money(&mut self.0, amount, "money m");
        self
    }

    /// +2,400.00 元 or −3,600.00 元, with the sign said to screen readers too.
    #[must_use]
    pub fn movement(mut self, amount: Fen) -> Text {
        write_movement(&mut self.0, amount);
        self
    }

    /// 尾号 1234.
    #[must_use]
    pub fn tail(self, digits: impl Display) -> Text {
        self.wrap(
            "<span class=\"nw\">尾号 <span class=\"num\">",
            digits,
            "</span></span>",
        )
    }

    /// Icon, word and colour.
    #[must_use]
    pub fn state(mut self, state: &State) -> Text {
        write!(self.0, "{state}").expect("a String takes everything");
        self
    }

    /// The icon and colour of a state whose words stand beside it.
    #[must_use]
    pub fn sign(mut self, state: &State) -> Text {
        write!(self.0, "{}", state.sign()).expect("a String takes everything");
        self
    }

    /// A code of an account table, in a column of its own width.
    #[must_use]
    pub fn code(self, code: impl Display) -> Text {
        self.wrap("<span class=\"code\">", code, "</span>")
    }

    /// A link into our own pages or to a fixed address; says where it goes.
    #[must_use]
    pub fn link(mut self, href: impl Display, label: impl Display) -> Text {
        self.0.push_str("<a class=\"nw\" href=\"");
        write!(Escaping(&mut self.0), "{href}").expect("a String takes everything");
        self.wrap("\">", label, "</a>")
    }

    /// The part of a wrong value that is wrong.
    #[must_use]
    pub fn mark(self, wrong: impl Display) -> Text {
        self.wrap("<mark>", wrong, "</mark>")
    }

    /// Another sentence after this one.
    #[must_use]
    pub fn join(mut self, other: Text) -> Text {
        self.0.push_str(&other.0);
        self
    }

    /// A new line inside one cell or paragraph.
    #[must_use]
    pub fn br(mut self) -> Text {
        self.0.push_str("<br>");
        self
    }

    /// Is nothing said?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn wrap(mut self, open: &str, words: impl Display, close: &str) -> Text {
        self.0.push_str(open);
        self = self.say(words);
        self.0.push_str(close);
        self
    }
}

impl Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Text {}

impl From<&str> for Text {
    fn from(words: &str) -> Text {
        Text::new().say(words)
    }
}

impl From<String> for Text {
    fn from(words: String) -> Text {
        Text::new().say(words)
    }
}

impl From<State> for Text {
    fn from(state: State) -> Text {
        Text::new().state(&state)
    }
}

/// The figure of a table whose head names the unit: `15,000.00`, `−3,600.00`.
#[must_use]
pub fn figure(amount: Fen) -> Text {
    Text::new().say(amount)
}

pub use anju_domain::text::last_four;

pub(super) fn write_money(out: &mut String, amount: Fen, class: &str) {
    write!(
        out,
        "<data class=\"{class}\" value=\"{}\">{amount}<span class=\"unit\"> 元</span></data>",
        amount.fen()
    )
    .expect("a String takes everything");
}

pub(super) fn write_movement(out: &mut String, amount: Fen) {
    let (class, said, sign) = if amount.fen() >= 0 {
        ("money in m", "转入", "+")
    } else {
        ("money m", "转出", "")
    };
    write!(
        out,
        "<data class=\"{class}\" value=\"{}\"><span class=\"vh\">{said}</span>{sign}{amount}<span class=\"unit\"> 元</span></data>",
        amount.fen()
    )
    .expect("a String takes everything");
}

/// Escapes words and keeps what is a date in one piece.
fn write_words(out: &mut String, words: &str) {
    let mut rest = words;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(at);
        let (figure, after) = from.split_at(date_length(from).unwrap_or_else(|| {
            from.find(|c: char| !c.is_ascii_digit())
                .unwrap_or(from.len())
        }));
        write!(Escaping(out), "{before}").expect("a String takes everything");
        if figure.ends_with(['年', '月', '日']) {
            write!(out, "<span class=\"date\">{figure}</span>").expect("a String takes everything");
        } else {
            out.push_str(figure);
        }
        rest = after;
    }
    write!(Escaping(out), "{rest}").expect("a String takes everything");
}

/// How many bytes of these words, which begin with a digit, are a date: digits or a range of digits before 年, 月 or 日, once
/// or in a row. Nothing where they are another number.
fn date_length(words: &str) -> Option<usize> {
    let mut length = 0;
    let mut seen_digit = false;
    let mut complete = None;
    for c in words.chars() {
        match c {
            '0'..='9' => seen_digit = true,
            '–' if seen_digit => seen_digit = false,
            '年' | '月' | '日' if seen_digit => {
                seen_digit = false;
                complete = Some(length + c.len_utf8());
            }
            _ => break,
        }
        length += c.len_utf8();
    }
    complete
}

/// Escapes for text and for double-quoted attributes.
pub(super) struct Escaping<'a>(pub &'a mut String);

impl Write for Escaping<'_> {
    fn write_str(&mut self, words: &str) -> fmt::Result {
        for c in words.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                _ => self.0.push(c),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_escaped_wherever_it_stands() {
        let text = Text::new()
            .say("<script>")
            .link("\"onclick=", "a&b")
            .mark("<O>");
        assert_eq!(
            text.to_string(),
            "&lt;script&gt;<a class=\"nw\" href=\"&quot;onclick=\">a&amp;b</a><mark>&lt;O&gt;</mark>"
        );
    }

    #[test]
    fn a_date_keeps_together_and_another_number_is_left_alone() {
        assert_eq!(
            Text::from("最迟 11月24日 18:00，8–10月，共 3 个月，2026年11月").to_string(),
            "最迟 <span class=\"date\">11月24日</span> 18:00，<span class=\"date\">8–10月</span>，共 3 个月，\
             <span class=\"date\">2026年11月</span>"
        );
        assert_eq!(Text::from("12<3").to_string(), "12&lt;3");
    }

    #[test]
    fn money_carries_fen_and_its_sign_is_heard() {
        assert_eq!(
            Text::new().money(Fen::new(1_500_000)).to_string(),
            "<data class=\"money m\" value=\"1500000\">15,000.00<span class=\"unit\"> 元</span></data>"
        );
        let out = Text::new().movement(Fen::new(-360_000)).to_string();
        assert!(out.contains(">转出</span>\u{2212}3,600.00<") && out.contains("value=\"-360000\""));
        assert!(
            Text::new()
                .movement(Fen::new(240_000))
                .to_string()
                .contains(">转入</span>+2,400.00<")
        );
    }
}
