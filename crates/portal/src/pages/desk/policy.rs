//! 改什么、谁受影响、从哪天起？ The rules in force, a change of them, what it would do, and its notice.

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{
    Button, Chart, ErrorSummary, Facts, Field, Flash, Hands, Table, Tabs, Tag, Text, Timeline,
    filters,
};
use crate::frame::DeskFrame;

/// 政策变更.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/policies.html")]
pub struct PoliciesPage {
    /// Frame.
    pub frame: DeskFrame,
    /// Why something cannot be done.
    pub errors: Option<ErrorSummary>,
    /// The version in force and the next.
    pub facts: Facts,
    /// The folder says something else than what is in force.
    pub folder: Option<Flash>,
    /// Changes, the newest first.
    pub table: Table,
    /// The form of a new draft; none for who only reads.
    pub field: Option<Field>,
    /// Begins it.
    pub button: Button,
}

/// A row that the draft has put in.
#[derive(Debug)]
pub struct OwnRow {
    /// 从 2027-01-01 起 1,800.00元（地区：中心城区）.
    pub words: String,
    /// Its first day.
    pub from: String,
    /// What else must hold, as the files write it.
    pub tests: Vec<(String, String)>,
}

/// A form of a draft.
#[derive(Debug)]
pub struct Editing {
    /// Which parameter: a form of its own, so that the next one knows its rows.
    pub choose: Field,
    /// The parameter's rows as they stand.
    pub rows: Table,
    /// Rows that the draft has put in, each of which it may take out again.
    pub own: Vec<OwnRow>,
    /// A row.
    pub fields: Vec<Field>,
    /// What is changed, in words: 租房提取月限额.
    pub label: String,
    /// The parameter's name, hidden.
    pub parameter: String,
    /// Name of a file that is put in whole.
    pub path: Field,
}

/// One change.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/policy.html")]
pub struct PolicyPage {
    /// Frame.
    pub frame: DeskFrame,
    /// Every mistake of a form.
    pub errors: Option<ErrorSummary>,
    /// What it is about.
    pub title: String,
    /// Where it stands.
    pub tags: Vec<Tag>,
    /// Its address.
    pub here: String,
    /// Mistakes that the loader found; empty is good.
    pub faults: Option<Table>,
    /// Before and after.
    pub differences: Table,
    /// What may be edited.
    pub editing: Option<Editing>,
    /// The simulation in words.
    pub simulation: Text,
    /// How far it is: done and all.
    pub progress: Option<(i64, i64)>,
    /// The day on which both versions are looked at, and what begins it.
    pub simulate: Option<Field>,
    /// There is a result to look at.
    pub has_result: bool,
    /// The two hands.
    pub hands: Hands,
    /// Taking it back: the reason.
    pub withdraw: Option<Field>,
    /// Its steps.
    pub steps: Timeline,
}

/// What a change would do.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/policy_simulation.html")]
pub struct PolicySimulationPage {
    /// Frame.
    pub frame: DeskFrame,
    /// What it is about.
    pub title: String,
    /// The change's address.
    pub here: String,
    /// The draft is not the one that was tried, or it is.
    pub tags: Vec<Tag>,
    /// Who, how many, how much.
    pub figures: Vec<(&'static str, Text, Text)>,
    /// The cost in a sentence.
    pub budget: String,
    /// By district, by band, by month.
    pub charts: Vec<Chart>,
    /// Who contributes otherwise, where limits of base or ratio change.
    pub levy: Option<LevySection>,
    /// The conditions asked of all accounts.
    pub asked: Table,
    /// How it was reckoned.
    pub note: String,
}

/// What other limits of base or ratio come to each month.
#[derive(Debug)]
pub struct LevySection {
    /// Who, how many, how much.
    pub figures: Vec<(&'static str, Text, Text)>,
    /// The same in sentences.
    pub told: String,
    /// By district, by band.
    pub charts: Vec<Chart>,
    /// The employers whose lists change, those for which the most money changes first.
    pub employers: Table,
}

/// Whom a change touches.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/policy_people.html")]
pub struct PolicyPeoplePage {
    /// Frame.
    pub frame: DeskFrame,
    /// What it is about.
    pub title: String,
    /// The change's address.
    pub here: String,
    /// Who of them.
    pub tabs: Tabs,
    /// The people.
    pub table: Table,
}

/// Both decisions of one case.
#[derive(Debug)]
pub struct BothDecisions {
    /// For its heading.
    pub id: String,
    /// Service, day, number.
    pub title: Text,
    /// What each comes to.
    pub facts: Facts,
    /// Condition by condition.
    pub conditions: Table,
    /// How the amounts come about.
    pub parts: Table,
}

/// One person by both versions.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/policy_person.html")]
pub struct PolicyPersonPage {
    /// Frame.
    pub frame: DeskFrame,
    /// Name, masked.
    pub name: String,
    /// The list's address.
    pub back: String,
    /// The person's own page, for who may open it.
    pub person: Option<String>,
    /// Case by case.
    pub cases: Vec<BothDecisions>,
    /// The look is written down.
    pub note: String,
}

/// 公告.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/policy_notice.html")]
pub struct PolicyNoticePage {
    /// Frame.
    pub frame: DeskFrame,
    /// Why it was not kept.
    pub errors: Option<ErrorSummary>,
    /// What it is about.
    pub title: String,
    /// The change's address.
    pub here: String,
    /// Its paragraphs, for paper.
    pub paragraphs: Vec<String>,
    /// Before and after.
    pub differences: Table,
    /// The cost in a sentence.
    pub budget: Option<String>,
    /// The cost by month.
    pub months: Option<Table>,
    /// The list of those affected.
    pub has_people: bool,
    /// The text; none where it may not be edited.
    pub text: Option<String>,
}
