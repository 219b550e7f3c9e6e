//! A measured row and how it is shown: as a table for people, as JSON for programs.

use serde::Serialize;

use super::measure::Measured;

/// What a row must reach and is meant to reach.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Bar {
    /// The bar.
    pub reach: f64,
    /// What we are after.
    pub aim: f64,
    /// Whether more is better.
    #[serde(skip)]
    pub more_is_better: bool,
}

impl Bar {
    /// A bar that figures stand above.
    pub const fn at_least(reach: f64, aim: f64) -> Self {
        Self {
            reach,
            aim,
            more_is_better: true,
        }
    }

    /// A bar that figures stay below.
    pub const fn at_most(reach: f64, aim: f64) -> Self {
        Self {
            reach,
            aim,
            more_is_better: false,
        }
    }

    fn is_met_by(self, figure: f64) -> bool {
        if self.more_is_better {
            figure >= self.reach
        } else {
            figure <= self.reach
        }
    }

    fn sign(self) -> &'static str {
        if self.more_is_better { "≥" } else { "≤" }
    }
}

/// One figure of the bench.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// `R1`.
    pub row: &'static str,
    /// What is measured.
    pub work: String,
    /// Ours against the reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// A figure that stands for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Unit of `value`, or of `ours` and `reference`.
    pub unit: &'static str,
    /// Ours.
    pub ours: f64,
    /// The reference; none where the figure stands for itself.
    pub reference: Option<f64>,
    /// Milliseconds that half did not exceed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<f64>,
    /// Milliseconds that 99 of 100 did not exceed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
    /// The bar.
    #[serde(flatten)]
    pub bar: Bar,
    /// Whether it is reached.
    pub met: bool,
    /// What a reader must know of this figure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Row {
    /// Ours against a reference.
    pub fn ratio(
        row: &'static str,
        work: impl Into<String>,
        unit: &'static str,
        (ours, reference, ratio): (f64, f64, f64),
        bar: Bar,
    ) -> Self {
        Self {
            row,
            work: work.into(),
            ratio: Some(ratio),
            value: None,
            unit,
            ours,
            reference: Some(reference),
            p50_ms: None,
            p99_ms: None,
            bar,
            met: bar.is_met_by(ratio),
            note: None,
        }
    }

    /// A rate of clients against a rate.
    pub fn rate(
        row: &'static str,
        work: impl Into<String>,
        unit: &'static str,
        measured: Measured,
        bar: Bar,
    ) -> Self {
        let figures = (measured.ours, measured.reference, measured.ratio);
        Self {
            p50_ms: Some(measured.p50_ms),
            p99_ms: Some(measured.p99_ms),
            ..Self::ratio(row, work, unit, figures, bar)
        }
    }

    /// A figure that stands for itself.
    pub fn value(
        row: &'static str,
        work: impl Into<String>,
        unit: &'static str,
        value: f64,
        bar: Bar,
    ) -> Self {
        Self {
            ratio: None,
            value: Some(value),
            reference: None,
            met: bar.is_met_by(value),
            ..Self::ratio(row, work, unit, (value, 0.0, 0.0), bar)
        }
    }

    /// The same with a word for its reader.
    pub fn noted(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// A line of the table.
    pub fn line(&self) -> String {
        let figure = match (self.ratio, self.value) {
            (Some(ratio), _) => format!("{ratio:.2} ×"),
            (_, value) => format!("{} {}", short(value.unwrap_or(f64::NAN)), self.unit),
        };
        let times = match (self.p50_ms, self.p99_ms) {
            (Some(p50), Some(p99)) => format!("{p50:.1} / {p99:.1}"),
            _ => "–".to_owned(),
        };
        let ours = format!("{} {}", short(self.ours), self.unit);
        let reference = self.reference.map_or_else(
            || "–".to_owned(),
            |reference| format!("{} {}", short(reference), self.unit),
        );
        format!(
            "| {} | {} | {figure} | {ours} | {reference} | {times} | {}{} | {}{} | {} |",
            self.row,
            self.work,
            self.bar.sign(),
            self.bar.reach,
            self.bar.sign(),
            self.bar.aim,
            if self.met { "✓" } else { "✗" },
        )
    }
}

/// The head of the table, in Markdown, so that it can be kept as it is.
pub const HEAD: &str = "| 行 | 内容 | 结果 | 我们 | 参照 | p50 / p99 毫秒 | 须达到 | 目标 | 达到 |\n\
                        |---|---|---|---|---|---|---|---|---|";

/// Three digits are enough for anybody.
fn short(figure: f64) -> String {
    match figure.abs() {
        size if size >= 100.0 => format!("{figure:.0}"),
        size if size >= 10.0 => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}
