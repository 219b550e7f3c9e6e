//! 两人: the first hand makes, another checks. The maker sees why he cannot check instead of a grey button.

use askama::Template;

use super::{Button, Field, State, Text, prints_itself};

/// One of the two.
#[derive(Debug, Clone)]
pub struct Hand {
    /// 第一人已签; 第二人：您.
    pub title: Text,
    /// Who, when, what was looked at.
    pub note: Text,
    /// `done`, `me` or nothing.
    pub class: &'static str,
}

impl Hand {
    /// The one that has signed.
    pub fn signed(note: impl Into<Text>) -> Hand {
        Hand {
            title: State::pass("第一人已签").into(),
            note: note.into(),
            class: "done",
        }
    }

    /// The one that is asked now: the reader.
    pub fn mine(title: impl Into<Text>, note: impl Into<Text>) -> Hand {
        Hand {
            title: title.into(),
            note: note.into(),
            class: "me",
        }
    }

    /// Somebody else who is still awaited, or a hand that the reader cannot be.
    pub fn awaited(title: impl Into<Text>, note: impl Into<Text>) -> Hand {
        Hand {
            title: title.into(),
            note: note.into(),
            class: "",
        }
    }
}

/// A value before and after.
#[derive(Debug, Clone)]
pub struct Change {
    /// What.
    pub name: String,
    /// Before.
    pub before: Text,
    /// After.
    pub after: Text,
}

/// Two hands on one object. The form stands here only where the reader may be the second hand.
#[derive(Debug, Clone, Template)]
#[template(path = "components/hands.html")]
pub struct Hands {
    /// The two.
    pub hands: Vec<Hand>,
    /// What changes, only changed rows.
    pub changes: Vec<Change>,
    /// Why the reader cannot check: 您是经办人，不能复核.
    pub barred: Option<Text>,
    /// Where the checker's form goes.
    pub action: Option<String>,
    /// The hidden fields of that form: CSRF token, idempotency key, version of the object.
    pub hidden: Vec<(&'static str, String)>,
    /// The amount to key again, where policy asks for it.
    pub fields: Vec<Field>,
    /// Approve, return.
    pub buttons: Vec<Button>,
}

impl Hands {
    /// The reader cannot be the next hand, and is told why.
    pub fn barred(hands: Vec<Hand>, why: impl Into<Text>) -> Hands {
        Hands {
            hands,
            changes: Vec::new(),
            barred: Some(why.into()),
            action: None,
            hidden: Vec::new(),
            fields: Vec::new(),
            buttons: Vec::new(),
        }
    }

    /// The reader is the next hand: the form that goes to `action` with the token of the page.
    pub fn asked(
        hands: Vec<Hand>,
        action: impl Into<String>,
        token: (&'static str, String),
        fields: Vec<Field>,
        buttons: Vec<Button>,
    ) -> Hands {
        Hands {
            hands,
            changes: Vec::new(),
            barred: None,
            action: Some(action.into()),
            hidden: vec![token],
            fields,
            buttons,
        }
    }
}

prints_itself!(Hands);
