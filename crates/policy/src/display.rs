//! A decision as lines of text, for the terminal: the same value as on the page.

use std::fmt;

use anju_domain::clock::chinese_second;
use anju_domain::money::Fen;

use crate::decision::{Condition, ConditionOutcome, Decision, FactRead, Outcome};

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Outcome::Approved => "准予",
            Outcome::Refused => "不准",
            Outcome::Waiting => "等待",
            Outcome::Review => "转人工审核",
        })
    }
}

impl fmt::Display for ConditionOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ConditionOutcome::Met => "符合",
            ConditionOutcome::NotMet => "不符合",
            ConditionOutcome::Unknown => "还不知道",
        })
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.outcome)?;
        if let Some(fen) = self.amount_fen {
            write!(f, "  {} 元", Fen::new(fen))?;
        }
        writeln!(
            f,
            "  规则 {} {:.16}",
            self.policy.version, self.policy.digest
        )?;
        for condition in &self.conditions {
            write_condition(f, condition)?;
        }
        for part in &self.amount_parts {
            let mark = if part.binding {
                "  ← 取这一项"
            } else {
                ""
            };
            match part.fen {
                Some(fen) => writeln!(f, "  {}：{} 元{mark}", part.label, Fen::new(fen))?,
                None => writeln!(f, "  {}：还不知道", part.label)?,
            }
        }
        for waiting in &self.waiting_for {
            writeln!(
                f,
                "  等待 {}（{} {}）",
                waiting.source_name, waiting.source, waiting.fact_type
            )?;
        }
        for paper in &self.papers {
            writeln!(f, "  请补充 {}（{}）", paper.name, paper.condition)?;
        }
        for reason in &self.review_reasons {
            writeln!(f, "  人工审核：{reason}")?;
        }
        Ok(())
    }
}

fn write_condition(f: &mut fmt::Formatter<'_>, condition: Condition<'_>) -> fmt::Result {
    let Condition {
        code,
        name,
        outcome,
        detail,
        law,
        ..
    } = condition;
    writeln!(f, "{code}  {outcome}  {name}：{detail}  〔{law}〕")?;
    condition
        .facts
        .iter()
        .try_for_each(|fact| write_fact(f, fact))?;
    if let Some(remedy) = condition.remedy {
        writeln!(f, "    怎么办：{remedy}")?;
    }
    if let Some(day) = condition.met_from {
        writeln!(f, "    {day} 起符合")?;
    }
    Ok(())
}

fn write_fact(f: &mut fmt::Formatter<'_>, fact: FactRead<'_>) -> fmt::Result {
    let shown: Vec<String> = fact
        .shown
        .iter()
        .map(|shown| format!("{} {}", shown.label, shown.text).trim().to_owned())
        .collect();
    write!(
        f,
        "    {}  {}  {}",
        fact.subject,
        shown.join("，"),
        fact.source_name
    )?;
    match fact.as_of {
        Some(as_of) => writeln!(f, "  {}", chinese_second(as_of)),
        None => writeln!(f),
    }
}
