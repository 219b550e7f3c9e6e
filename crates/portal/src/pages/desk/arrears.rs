//! 谁欠、欠多少、办到哪一步？

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{
    Button, Facts, Field, Flash, Hands, Table, Tabs, Tag, Text, Timeline, filters,
};
use crate::frame::DeskFrame;

/// 欠缴 and 催缴: a list with its views.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/arrears.html")]
pub struct ArrearsPage {
    /// Frame.
    pub frame: DeskFrame,
    /// 欠缴.
    pub title: String,
    /// What just happened.
    pub flash: Option<Flash>,
    /// 欠缴, 线索, 通知, 立案, …, 暂收款.
    pub tabs: Tabs,
    /// Of the centre's staff: which branch.
    pub branch: Option<Field>,
    /// Where that choice goes.
    pub here: String,
    /// Sums.
    pub figures: Vec<(String, Text)>,
    /// The list.
    pub table: Table,
    /// What its figures stand on.
    pub note: Text,
}

/// 一个单位的欠缴.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/arrears_employer.html")]
pub struct EmployerArrearsPage {
    /// Frame.
    pub frame: DeskFrame,
    /// Name of the employer.
    pub title: String,
    /// Its number, branch, payday, head count.
    pub facts: Facts,
    /// Its months.
    pub months: Table,
    /// 2026年3月的职工.
    pub people_title: String,
    /// The people of the chosen month.
    pub people: Option<Table>,
    /// What is done about it.
    pub enforcement: Table,
    /// What the other departments were told of it; none where nothing was.
    pub parties: Option<Table>,
}

/// A step that may be taken, with its form.
#[derive(Debug)]
pub struct StepPart {
    /// For its heading.
    pub id: &'static str,
    /// 发催缴通知.
    pub name: &'static str,
    /// What it does.
    pub lead: Text,
    /// The step.
    pub kind: &'static str,
    /// To be filled in.
    pub fields: Vec<Field>,
    /// A statement to be confirmed: name and words.
    pub confirm: Option<(&'static str, &'static str)>,
    /// Sends it.
    pub button: Button,
}

/// 一件催缴.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/enforcement.html")]
pub struct EnforcementPage {
    /// Frame.
    pub frame: DeskFrame,
    /// Name of the employer.
    pub title: String,
    /// Its state and what it came from.
    pub tags: Vec<Tag>,
    /// What just happened, or why it cannot be done.
    pub flash: Option<Flash>,
    /// Source, months, what is missing, term.
    pub facts: Facts,
    /// What was ordered, by person.
    pub people: Option<Table>,
    /// What was done.
    pub timeline: Timeline,
    /// Papers.
    pub papers: Table,
    /// The two officers of a step that waits.
    pub hands: Option<Hands>,
    /// What may be done now.
    pub parts: Vec<StepPart>,
    /// Where they go.
    pub action: String,
}
