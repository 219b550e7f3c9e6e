//! The figures of the walk-through: what was expected, how that was worked out, what was got.

use std::io::{self, Write};

use anyhow::{Context, ensure};
use serde::Deserialize;

/// A figure's value. Money is integer fen and drawn as yuan.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Got {
    /// A number of the figure's unit.
    Number(i64),
    /// A state or a code.
    Text(String),
}

impl From<i64> for Got {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Got {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Unit {
    Fen,
    Count,
    Minutes,
    Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Figure {
    id: String,
    name: String,
    unit: Unit,
    expected: Got,
    how: String,
    #[serde(skip)]
    got: Option<Got>,
}

/// All figures, in the order of the table.
#[derive(Debug, Deserialize)]
pub struct Figures {
    figure: Vec<Figure>,
}

impl Figures {
    /// Reads the table.
    pub fn read(table: &str) -> anyhow::Result<Self> {
        toml::from_str(table).context("走查数字表")
    }

    /// Notes what was seen over the doors; each figure once.
    pub fn got(&mut self, id: &str, value: impl Into<Got>) -> anyhow::Result<()> {
        let figure = self
            .figure
            .iter_mut()
            .find(|figure| figure.id == id)
            .with_context(|| format!("数字表中没有 {id}"))?;
        ensure!(figure.got.is_none(), "数字 {id} 出现了两次");
        figure.got = Some(value.into());
        Ok(())
    }

    /// Prints figure, expected, got and the hand calculation. True if all are right.
    pub fn print(&self, out: &mut impl Write) -> io::Result<bool> {
        let mut right = 0;
        writeln!(
            out,
            "     {} {:>18} {:>18}  手算",
            padded("项目", 40),
            "应为",
            "实得"
        )?;
        for figure in &self.figure {
            let same = figure.got.as_ref() == Some(&figure.expected);
            right += usize::from(same);
            let got = figure
                .got
                .as_ref()
                .map_or_else(|| "未得到".to_owned(), |got| figure.draw(got));
            writeln!(
                out,
                "  {}  {} {} {}  {}",
                if same { "✓" } else { "✗" },
                padded(&figure.name, 40),
                right_aligned(&figure.draw(&figure.expected), 20),
                right_aligned(&got, 20),
                figure.how,
            )?;
        }
        writeln!(out, "{right}/{} 项相符", self.figure.len())?;
        Ok(right == self.figure.len())
    }
}

impl Figure {
    fn draw(&self, value: &Got) -> String {
        match (value, self.unit) {
            (Got::Number(fen), Unit::Fen) => {
                let sign = if *fen < 0 { "-" } else { "" };
                let fen = fen.unsigned_abs();
                format!("{sign}{}.{:02} 元", fen / 100, fen % 100)
            }
            (Got::Number(number), Unit::Minutes) => format!("{number} 分钟"),
            (Got::Number(number), Unit::Count | Unit::Text) => number.to_string(),
            (Got::Text(text), _) => text.clone(),
        }
    }
}

/// Columns on a terminal: a Han character takes two.
fn columns(text: &str) -> usize {
    text.chars()
        .map(|letter| if letter >= '\u{1100}' { 2 } else { 1 })
        .sum()
}

fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

fn right_aligned(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(columns(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = r#"
        [[figure]]
        id = "total"
        name = "合计"
        unit = "fen"
        expected = 144000
        how = "6000 × 12 % × 2"

        [[figure]]
        id = "state"
        name = "状态"
        unit = "text"
        expected = "done"
        how = "付款成功"
    "#;

    fn printed(figures: &Figures) -> (bool, String) {
        let mut out = Vec::new();
        let right = figures.print(&mut out).expect("memory");
        (right, String::from_utf8(out).expect("text"))
    }

    #[test]
    fn every_figure_must_come_and_agree() {
        let mut figures = Figures::read(TABLE).expect("a table");
        figures.got("total", 144_000).expect("in the table");
        assert!(!printed(&figures).0, "one is missing");
        figures.got("state", "done").expect("in the table");
        let (right, table) = printed(&figures);
        assert!(
            right && table.contains("1440.00 元") && table.contains("2/2"),
            "{table}"
        );
    }

    #[test]
    fn a_fen_too_little_is_shown() {
        let mut figures = Figures::read(TABLE).expect("a table");
        figures.got("total", 143_999).expect("in the table");
        figures.got("state", "done").expect("in the table");
        let (right, table) = printed(&figures);
        assert!(!right && table.contains("1439.99 元"), "{table}");
    }

    #[test]
    fn a_figure_outside_the_table_is_an_error() {
        let mut figures = Figures::read(TABLE).expect("a table");
        assert!(figures.got("elsewhere", 1).is_err());
    }

    #[test]
    fn the_committed_table_is_readable() {
        Figures::read(super::super::TABLE).expect("docs/walk.toml");
    }
}
