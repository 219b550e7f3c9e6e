//! 图: the title is the finding, figures stand on the drawing, a data table under it. SVG by classes, so that dark and
//! print work. y starts at zero; a gap stays a gap; at most three series, told apart by dash as well as colour.

use askama::Template;

use super::{Table, prints_itself};

// Narrow enough for a phone: a label of 13 units stays readable at 330 px.
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 190.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 318.0;
const TOP: f64 = 12.0;
const FLOOR: f64 = 158.0;
const NAME_HEIGHT: f64 = 16.0;
const ROW: f64 = 26.0;
const MIDDLE: f64 = 228.0;
const REACH: f64 = 70.0;

/// A point: a word for its place and a value, or a gap where data lacks.
#[derive(Debug, Clone)]
pub struct Point {
    /// Under the axis.
    pub label: String,
    /// In the chart's unit.
    pub value: Option<i64>,
}

/// One line or one set of columns.
#[derive(Debug, Clone)]
pub struct Series {
    /// Written at the line's end.
    pub name: String,
    /// Left to right.
    pub points: Vec<Point>,
}

/// Which drawing answers the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChartKind {
    /// How is it moving?
    Lines,
    /// How much per month or branch, of one or two things? The second is drawn hollow.
    Columns,
    /// Who gains and who loses? Bars from a middle line, the first series to the right, the second, negative, to the left; a row a place.
    Diverging,
}

/// A drawing with its finding, source and table.
#[derive(Debug, Clone, Template)]
#[template(path = "components/chart.html")]
pub struct Chart {
    /// Unique on the page.
    pub id: &'static str,
    /// The finding as a sentence.
    pub finding: String,
    /// Unit, source, as-of.
    pub source: String,
    /// The drawing.
    pub kind: ChartKind,
    /// What is drawn.
    pub series: Vec<Series>,
    /// How many units make one printed unit: 10,000 fen × 100 for 万元.
    pub printed_unit: i64,
    /// The same figures, exactly.
    pub table: Table,
}

/// A gridline with its label.
struct Grid {
    y: f64,
    label: String,
}

/// A column with its value.
struct Bar {
    set: usize,
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    value: String,
}

/// A row of what goes both ways.
struct BothWays<'a> {
    name: &'a str,
    y: f64,
    gain: f64,
    lose: f64,
    gain_words: Option<String>,
    lose_words: Option<String>,
}

impl Chart {
    fn width(&self) -> f64 {
        WIDTH
    }

    fn height(&self) -> f64 {
        match self.kind {
            ChartKind::Diverging => {
                let rows = self.series.first().map_or(0, |series| series.points.len());
                place(rows.max(1)) * ROW + ROW
            }
            _ => HEIGHT,
        }
    }

    /// The middle line of what goes both ways.
    fn middle(&self) -> f64 {
        MIDDLE
    }

    /// The rows of what goes both ways: name, where it stands, and the bars with their printed values.
    fn both_ways(&self) -> Vec<BothWays<'_>> {
        let largest = self
            .series
            .iter()
            .flat_map(|series| &series.points)
            .filter_map(|point| point.value)
            .map(i64::abs)
            .max()
            .unwrap_or(0)
            .max(1);
        let rows = self.series.first().map_or(&[][..], |series| &series.points);
        let value = |series: usize, at: usize| {
            let point = self.series.get(series).and_then(|one| one.points.get(at));
            point.and_then(|point| point.value).unwrap_or(0)
        };
        let width = |value: i64| REACH * to_drawing(value.abs()) / to_drawing(largest);
        rows.iter()
            .enumerate()
            .map(|(at, point)| {
                let (gain, lose) = (value(0, at), value(1, at));
                BothWays {
                    name: point.label.as_str(),
                    y: place(at) * ROW + 8.0,
                    gain: width(gain),
                    lose: width(lose),
                    gain_words: (gain != 0).then(|| format!("+{}", self.printed(gain))),
                    lose_words: (lose != 0).then(|| format!("−{}", self.printed(lose.abs()))),
                }
            })
            .collect()
    }

    fn left(&self) -> f64 {
        LEFT
    }

    fn right(&self) -> f64 {
        RIGHT
    }

    fn floor(&self) -> f64 {
        FLOOR
    }

    /// The top of the scale: the next 1, 2 or 5 times a power of ten, over at most four steps.
    fn top(&self) -> (i64, i64) {
        let largest = self
            .series
            .iter()
            .flat_map(|series| &series.points)
            .filter_map(|point| point.value)
            .max()
            .unwrap_or(0)
            .max(1);
        let mut step = 1_i64;
        while step * 4 < largest {
            let leading = step.to_string().starts_with('2');
            step = if leading { step / 2 * 5 } else { step * 2 };
        }
        let steps = (largest + step - 1) / step;
        (step * steps, step)
    }

    fn y(&self, value: i64) -> f64 {
        let (top, _) = self.top();
        FLOOR - (FLOOR - TOP) * to_drawing(value) / to_drawing(top)
    }

    fn x(&self, at: usize, of: usize) -> f64 {
        match self.kind {
            ChartKind::Lines if of > 1 => LEFT + (RIGHT - LEFT) * place(at) / place(of - 1),
            _ => LEFT + (RIGHT - LEFT) * (place(at) + 0.5) / place(of.max(1)),
        }
    }

    fn printed(&self, value: i64) -> String {
        let unit = self.printed_unit.max(1);
        if value % unit == 0 {
            (value / unit).to_string()
        } else {
            format!("{}.{}", value / unit, (value % unit).abs() * 10 / unit)
        }
    }

    fn grid(&self) -> Vec<Grid> {
        let (top, step) = self.top();
        (0..=top / step)
            .map(|at| Grid {
                y: self.y(at * step),
                label: self.printed(at * step),
            })
            .collect()
    }

    fn labels(&self) -> Vec<(f64, &str)> {
        let Some(first) = self.series.first() else {
            return Vec::new();
        };
        let all = first.points.len();
        let every = all.div_ceil(4).max(1);
        first
            .points
            .iter()
            .enumerate()
            .filter(|(at, _)| (all - 1 - at) % every == 0)
            .map(|(at, point)| (self.x(at, all), point.label.as_str()))
            .collect()
    }

    /// The path of a line; a missing value begins a new stroke.
    fn path(&self, series: &Series) -> String {
        let mut path = String::new();
        let mut pen_down = false;
        for (at, point) in series.points.iter().enumerate() {
            let Some(value) = point.value else {
                pen_down = false;
                continue;
            };
            let (x, y) = (self.x(at, series.points.len()), self.y(value));
            path.push_str(&format!(
                "{}{x:.1} {y:.1}",
                if pen_down { "L" } else { "M" }
            ));
            pen_down = true;
        }
        path
    }

    /// Where the name of each line stands: at its end, and above a name that stands there already.
    fn ends(&self) -> Vec<f64> {
        let mut taken: Vec<f64> = Vec::new();
        for series in &self.series {
            let last = series.points.iter().rev().find_map(|point| point.value);
            let mut y = last.map_or(FLOOR, |value| self.y(value));
            while taken.iter().any(|other| (other - y).abs() < NAME_HEIGHT) {
                y -= NAME_HEIGHT;
            }
            taken.push(y);
        }
        taken
    }

    /// The columns of each set, side by side at their place.
    fn bars(&self) -> Vec<Bar> {
        let sets = self.series.len().min(2);
        let mut bars = Vec::new();
        for (set, series) in self.series.iter().take(sets).enumerate() {
            let all = series.points.len();
            // A lone column stays a column.
            let width = ((RIGHT - LEFT) / place(all.max(3)) * 0.62) / place(sets);
            for (at, point) in series.points.iter().enumerate() {
                let Some(value) = point.value else { continue };
                let y = self.y(value);
                bars.push(Bar {
                    set: set + 1,
                    x: self.x(at, all) + width * (place(set) - place(sets) / 2.0),
                    y,
                    width,
                    height: FLOOR - y,
                    value: self.printed(value),
                });
            }
        }
        bars
    }
}

// A picture needs no exact fen: the table under it has them.
fn to_drawing(value: i64) -> f64 {
    value as f64
}

fn place(at: usize) -> f64 {
    at as f64
}

prints_itself!(Chart);
