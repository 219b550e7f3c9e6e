//! 核查, 失信名单, 追回: a list with its views, and one thing with what speaks for and against it side by side.

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{
    Button, Condition, Facts, Field, Flash, Keys, State, Table, Tabs, Text, Timeline, filters,
};
use crate::frame::DeskFrame;

/// A list.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/fraud_list.html")]
pub struct FraudListPage {
    /// Frame.
    pub frame: DeskFrame,
    /// What just happened.
    pub flash: Option<Flash>,
    /// 核查.
    pub title: &'static str,
    /// What it is.
    pub lead: &'static str,
    /// Its views.
    pub tabs: Option<Tabs>,
    /// The list.
    pub table: Table,
    /// What may be entered here.
    pub form: Option<Part>,
    /// Keys.
    pub keys: Keys,
}

/// Something to be done, on one form.
#[derive(Debug)]
pub struct Part {
    /// For its heading.
    pub id: &'static str,
    /// What.
    pub name: String,
    /// What follows from it.
    pub lead: Text,
    /// Where it goes.
    pub action: String,
    /// Fields that are not seen.
    pub hidden: Vec<(&'static str, String)>,
    /// To be filled in.
    pub fields: Vec<Field>,
    /// What may be said.
    pub buttons: Vec<Button>,
}

/// What a person has said.
#[derive(Debug)]
pub struct Said {
    /// 陈述申辩, when.
    pub head: Text,
    /// His words.
    pub text: String,
    /// The answer, or its last day.
    pub answer: Text,
}

/// One.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "desk/fraud.html")]
pub struct FraudPage {
    /// Frame.
    pub frame: DeskFrame,
    /// What just happened.
    pub flash: Option<Flash>,
    /// 核查 租房提取.
    pub title: String,
    /// Where it stands.
    pub state: State,
    /// What is known of it.
    pub facts: Facts,
    /// The patterns that were found, with the facts that they read.
    pub conditions: Vec<Condition>,
    /// Who shares a device, a card or a phone.
    pub sharers: Option<Table>,
    /// What the person says.
    pub said: Vec<Said>,
    /// What has happened.
    pub timeline: Timeline,
    /// What may be done.
    pub parts: Vec<Part>,
    /// Why there is nothing to do here for this person.
    pub idle: Option<Text>,
    /// Evidence.
    pub proof: Option<String>,
}
