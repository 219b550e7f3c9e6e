//! 等待: who we wait for, until when, how we tell. Never a bare spinner.

use askama::Template;

use super::{State, Text, Tone, prints_itself};

/// The promise: what is going on and until when.
#[derive(Debug, Clone, Template)]
#[template(path = "components/promise.html")]
pub struct Promise {
    /// The state in a word.
    pub state: State,
    /// The sentence that counts: 最迟明天（11月25日）18:00 给您结果.
    pub headline: Text,
    /// How we tell, and that the page may be closed.
    pub note: Text,
}

/// One department or bank that was asked.
#[derive(Debug, Clone)]
pub struct Source {
    /// How it stands: 已回复, 等待中, 没有回应.
    pub state: State,
    /// Its name.
    pub name: String,
    /// 已回复 0.4 秒.
    pub took: Text,
    /// What we do next, where it did not answer.
    pub more: Option<Text>,
}

impl Source {
    /// It answered.
    pub fn answered(name: impl Into<String>, took: impl Into<Text>) -> Source {
        Source {
            state: State::pass("已回复"),
            name: name.into(),
            took: took.into(),
            more: None,
        }
    }

    /// It was asked and may still answer in time.
    pub fn asked(name: impl Into<String>) -> Source {
        Source {
            state: State::wait("等待中"),
            name: name.into(),
            took: "等待中".into(),
            more: None,
        }
    }

    /// It did not answer; we ask again as `more` says.
    pub fn silent(name: impl Into<String>, more: impl Into<Text>) -> Source {
        Source {
            state: State::unknown("没有回应"),
            name: name.into(),
            took: "没有回应".into(),
            more: Some(more.into()),
        }
    }
}

/// All that were asked, line by line.
#[derive(Debug, Clone, Template)]
#[template(path = "components/sources.html")]
pub struct Sources(pub Vec<Source>);

impl Sources {
    /// 向 4 个部门核对，3 个已回复.
    #[must_use]
    pub fn title(&self) -> String {
        let answered = self
            .0
            .iter()
            .filter(|source| source.state.tone == Tone::Pass)
            .count();
        match self.0.len() {
            all if answered == all => format!("{all} 个部门都已回复"),
            all => format!("向 {all} 个部门核对，{answered} 个已回复"),
        }
    }
}

prints_itself!(Promise, Sources);
