//! 结果: the outcome, the formula with real numbers, every condition with its facts. Draws a decision and adds nothing.

use anju_domain::money::Fen;
use askama::Template;

use super::{Button, Facts, State, Text, Tone, filters, prints_itself};

/// The head of a decision.
#[derive(Debug, Clone, Template)]
#[template(path = "components/verdict.html")]
pub struct Verdict {
    /// Colour and icon of the outcome.
    pub state: State,
    /// 这次没有通过; 通过，可提取 3,600.00 元.
    pub title: Text,
    /// Why, in a sentence.
    pub why: Text,
}

/// One condition of a policy, as it was found.
#[derive(Debug, Clone, Template)]
#[template(path = "components/condition.html")]
pub struct Condition {
    /// 符合, 不符合 or 还不知道.
    pub state: State,
    /// What is asked.
    pub name: String,
    /// Fact, source, time, article.
    pub facts: Facts,
    /// What would change it.
    pub remedy: Option<Text>,
}

impl Condition {
    fn class(&self) -> &'static str {
        match self.state.tone {
            Tone::Fail => "not",
            Tone::Unknown => "unk",
            _ => "",
        }
    }

    fn is_open(&self) -> bool {
        matches!(self.state.tone, Tone::Fail | Tone::Unknown)
    }

    /// Not met first, then unknown, then met: the order of a page.
    #[must_use]
    pub fn weight(&self) -> u8 {
        match self.state.tone {
            Tone::Fail => 0,
            Tone::Unknown => 1,
            _ => 2,
        }
    }
}

/// 怎样就会通过: what the person can do.
#[derive(Debug, Clone, Template)]
#[template(path = "components/remedy.html")]
pub struct Remedy {
    /// 怎样就会通过, or what happens next.
    pub title: String,
    /// What is lacking and when one may come again.
    pub lead: Text,
    /// The ways, one a line.
    pub ways: Vec<Text>,
    /// Correct the register, ask a person.
    pub actions: Vec<Button>,
    /// Until when a person answers.
    pub note: Option<Text>,
}

/// One line of a sum.
#[derive(Debug, Clone)]
pub struct FormulaLine {
    /// What.
    pub name: Text,
    /// How much, ready to print.
    pub amount: Text,
    /// The result of the sum.
    pub used: bool,
    /// A part of the line above.
    pub part: bool,
}

impl FormulaLine {
    /// A summand.
    pub fn new(name: impl Into<Text>, amount: Fen) -> FormulaLine {
        FormulaLine {
            name: name.into(),
            amount: super::figure(amount),
            used: false,
            part: false,
        }
    }

    /// A change, with its sign.
    pub fn change(name: impl Into<Text>, amount: Fen) -> FormulaLine {
        let sign = if amount.fen() > 0 { "+" } else { "" };
        FormulaLine {
            amount: Text::new().say(sign).say(amount),
            ..FormulaLine::new(name, amount)
        }
    }

    /// The figure that counts.
    pub fn used(name: impl Into<Text>, amount: Fen) -> FormulaLine {
        FormulaLine {
            used: true,
            ..FormulaLine::new(name, amount)
        }
    }

    /// A part of the line above.
    #[must_use]
    pub fn part(mut self) -> FormulaLine {
        self.part = true;
        self
    }

    fn class(&self) -> &'static str {
        match (self.used, self.part) {
            (true, _) => "used",
            (_, true) => "ind",
            _ => "",
        }
    }
}

/// A sum with real numbers, unit yuan.
#[derive(Debug, Clone, Template)]
#[template(path = "components/formula.html")]
pub struct Formula {
    /// What it computes, for screen readers.
    pub caption: String,
    /// Its lines.
    pub lines: Vec<FormulaLine>,
}

prints_itself!(Verdict, Condition, Remedy, Formula);
