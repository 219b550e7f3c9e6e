//! 哪个来源现在好不好，一天里答得怎么样，它的数据怎么用？

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Chart, Flash, Pager, Table, Tag, Text, filters};
use crate::frame::DeskFrame;

/// 数据来源.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/sources.html")]
pub struct SourcesPage {
    /// Frame.
    pub frame: DeskFrame,
    /// As of when.
    pub taken: Text,
    /// The verdict over all.
    pub verdict: Tag,
    /// Files that are late.
    pub late: Vec<Text>,
    /// What parties have not taken of employers' changes, where there is any.
    pub untold: Option<Table>,
    /// All of them, what is not well first.
    pub table: Table,
}

/// One source.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/source.html")]
pub struct SourcePage {
    /// Frame.
    pub frame: DeskFrame,
    /// Its name.
    pub title: String,
    /// How it does now.
    pub verdict: Tag,
    /// How its line is signed, closed and limited.
    pub line: Text,
    /// Its last failure.
    pub failure: Option<Text>,
    /// Figures of a day: name, figure, what it counts.
    pub figures: Vec<(&'static str, String, Text)>,
    /// The last 24 hours; none where it was not asked.
    pub chart: Option<Chart>,
    /// Cases that wait for it or waited.
    pub waited: Table,
    /// What it has not taken of employers' changes, where there is any.
    pub untold: Option<Table>,
    /// What it is told: name, on which changes.
    pub told: Vec<(String, String)>,
    /// When its files are due.
    pub flows: Vec<String>,
    /// Its files, where it sends any.
    pub files: Option<Table>,
    /// Its code, for the forms.
    pub code: String,
    /// The files that it gets from us, where it gets any.
    pub sent: Option<Table>,
    /// Those of them that it refused and nobody has made again; empty for who may not.
    pub refused: Vec<RefusedFile>,
    /// What it asked of us, where it may ask anything.
    pub given: Option<Table>,
    /// What it can be asked, in plain words.
    pub entries: Vec<(String, Vec<(&'static str, String)>)>,
}

/// A file that was refused whole and waits for a person.
#[derive(Debug, Clone)]
pub struct RefusedFile {
    /// Its number.
    pub file: i64,
    /// Its name.
    pub name: String,
    /// Why it was refused.
    pub reason: String,
}

/// A death signal that waits for a person.
#[derive(Debug, Clone)]
pub struct DeathLine {
    /// Its number.
    pub signal: i64,
    /// Who, masked, with a link.
    pub who: Text,
    /// What the register says and since when.
    pub says: Text,
    /// Whether the reader may decide it.
    pub mine: bool,
}

/// 死亡信号.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/deaths.html")]
pub struct DeathsPage {
    /// Frame.
    pub frame: DeskFrame,
    /// What just happened.
    pub flash: Option<Flash>,
    /// What waits.
    pub waiting: Vec<DeathLine>,
    /// What was decided.
    pub decided: Table,
    /// Further ones.
    pub pager: Option<Pager>,
}
