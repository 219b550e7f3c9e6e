//! 我的信用记录怎么了，能说什么，要退多少？

use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Button, ErrorSummary, Facts, Field, Flash, State, Text, filters};
use crate::frame::{MyFrame, MyTab};

/// Something that the person may say.
#[derive(Debug)]
pub struct ToSay {
    /// `case` or `entry`.
    pub about: &'static str,
    /// Its number.
    pub number: String,
    /// The field.
    pub field: Field,
    /// Sends it.
    pub button: Button,
}

/// A held case, an entry, or money that is asked back.
#[derive(Debug)]
pub struct Standing {
    /// For its heading.
    pub id: String,
    /// What.
    pub name: String,
    /// Where it stands.
    pub state: State,
    /// What it means and what to do.
    pub lead: Text,
    /// What is known of it.
    pub facts: Facts,
    /// What was said and answered.
    pub said: Vec<(Text, String, Text)>,
    /// What may be said now.
    pub to_say: Option<ToSay>,
    /// Its evidence.
    pub proof: Option<String>,
}

/// 失信与追回.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "my/standing.html")]
pub struct StandingPage {
    /// Frame.
    pub frame: MyFrame,
    /// What just happened.
    pub flash: Option<Flash>,
    /// Every mistake.
    pub errors: Option<ErrorSummary>,
    /// All of it.
    pub all: Vec<Standing>,
}
