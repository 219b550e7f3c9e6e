//! The log's change of keys (签名密钥交接), and the file of keys that a reader brings along. Invariant: a new key is trusted only by the word
//! of a key that the reader trusts already, and the former key vouches for nothing that was witnessed after the day it ended.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::MAX_WHOLE;
use crate::note::{KeyError, KeyKind, VerifierKey, is_signed_by, text_of};

/// The first line of a transition.
pub const FORMAT: &str = "anju-key-transition/1";

/// How a line of a key file begins that holds a transition.
const LINE: &str = "transition ";

/// What a log says of its keys, signed by the former and by the next ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The log's name; it does not change.
    pub origin: String,
    /// The keys that end: Ed25519, SM2.
    pub former: [VerifierKey; 2],
    /// The keys that begin: Ed25519, SM2.
    pub next: [VerifierKey; 2],
    /// From when on the next keys sign, in seconds since 1970.
    pub from: u64,
    /// Until when the former keys sign beside them.
    pub until: u64,
}

/// Why a transition is not followed.
#[derive(Debug, thiserror::Error)]
pub enum TransitionError {
    /// Not of this form.
    #[error("密钥交接书的形式不对")]
    Form,
    /// Not signed by both.
    #[error("密钥交接书没有由旧、新两把密钥签名")]
    Unsigned,
    /// Of keys that the reader does not know.
    #[error("密钥交接书不是您信任的任何一把密钥签的")]
    Stranger,
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FORMAT}\n{}", self.origin)?;
        for key in &self.former {
            writeln!(f, "former {key}")?;
        }
        for key in &self.next {
            writeln!(f, "next {key}")?;
        }
        writeln!(f, "from {}\nuntil {}", self.from, self.until)
    }
}

impl Transition {
    /// Reads a transition that all the keys that it names have signed. Whether any of them is trusted is not asked.
    ///
    /// # Errors
    /// Another form; a signature that is missing or does not hold.
    pub fn open(note: &str) -> Result<Self, TransitionError> {
        let text = text_of(note).map_err(|_| TransitionError::Form)?;
        let told = Self::parse(text).ok_or(TransitionError::Form)?;
        let signed = told
            .former
            .iter()
            .chain(&told.next)
            .all(|key| is_signed_by(note, key));
        if signed {
            Ok(told)
        } else {
            Err(TransitionError::Unsigned)
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        (lines.next()? == FORMAT).then_some(())?;
        let origin = lines.next()?.to_owned();
        let mut key = |word: &str, kind| {
            let key: VerifierKey = lines.next()?.strip_prefix(word)?.parse().ok()?;
            (key.kind == kind && key.name == origin).then_some(key)
        };
        let former = [
            key("former ", KeyKind::Ed25519)?,
            key("former ", KeyKind::Sm2)?,
        ];
        let next = [key("next ", KeyKind::Ed25519)?, key("next ", KeyKind::Sm2)?];
        let told = Self {
            former,
            next,
            from: lines.next()?.strip_prefix("from ")?.parse().ok()?,
            until: lines.next()?.strip_prefix("until ")?.parse().ok()?,
            origin,
        };
        // Written in the one way that there is, and saying that something changes.
        let changes =
            told.former[0] != told.next[0] && told.from <= told.until && told.until <= MAX_WHOLE;
        (changes && told.to_string() == text).then_some(told)
    }

    /// What the reader's keys become by it: the next keys are his too, and the former ones end.
    ///
    /// # Errors
    /// He trusts none of the log's keys that it names.
    pub fn follow(&self, keys: &mut Vec<VerifierKey>) -> Result<(), TransitionError> {
        let trusted = keys
            .iter()
            .any(|key| key.is(&self.former[0]) || key.is(&self.next[0]));
        if !trusted {
            return Err(TransitionError::Stranger);
        }
        for key in self.former.iter().chain(&self.next) {
            if !keys.iter().any(|known| known.is(key)) {
                keys.push(key.clone());
            }
        }
        for key in keys.iter_mut() {
            if self.former.iter().any(|former| former.is(key)) {
                key.until = Some(key.until.map_or(self.until, |until| until.min(self.until)));
            }
        }
        Ok(())
    }
}

/// A transition as a line of a key file.
#[must_use]
pub fn line(note: &str) -> String {
    format!("{LINE}{}\n", BASE64.encode(note))
}

/// Whether a line of a key file holds a transition.
#[must_use]
pub fn is_line(line: &str) -> bool {
    trimmed(line).starts_with(LINE)
}

/// A line that is refused, and where it stands.
#[derive(Debug, thiserror::Error)]
#[error("{file}第 {line} 行：{error}")]
pub struct KeyFileError {
    file: &'static str,
    line: usize,
    error: KeyError,
}

/// A line with its place, from 1.
struct Line<'f> {
    file: &'static str,
    number: usize,
    text: &'f str,
}

impl Line<'_> {
    fn wrong(&self, error: KeyError) -> KeyFileError {
        KeyFileError {
            file: self.file,
            line: self.number,
            error,
        }
    }

    fn transition(&self) -> Result<Transition, TransitionError> {
        BASE64
            .decode(&self.text[LINE.len()..])
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or(TransitionError::Form)
            .and_then(|note| Transition::open(&note))
    }
}

/// Spaces, tabs and the carriage returns of other systems do not belong to a line.
fn trimmed(line: &str) -> &str {
    line.trim_matches([' ', '\t', '\r'])
}

fn lines_of<'f>(file: &'static str, text: &'f str) -> impl Iterator<Item = Line<'f>> {
    text.split('\n')
        .map(trimmed)
        .zip(1..)
        .filter(|(text, _)| !text.is_empty())
        .map(move |(text, number)| Line { file, number, text })
}

/// Reads a file of keys: one key a line, and the transitions of logs whose keys have changed, in any order. Every transition must be
/// signed by a key of the file, or by one that another of its transitions has introduced.
///
/// # Errors
/// A line that is neither; a transition that nothing of the file leads to.
pub fn read_keys(file: &str) -> Result<Vec<VerifierKey>, KeyFileError> {
    read_keys_and_transitions(file, "")
}

/// The same with the transitions of another file, of which nothing else is read, so that it may come from anybody.
///
/// # Errors
/// As [`read_keys`].
pub fn read_keys_and_transitions(
    file: &str,
    other: &str,
) -> Result<Vec<VerifierKey>, KeyFileError> {
    let others = lines_of("交接书文件", other).filter(|line| line.text.starts_with(LINE));
    let (transitions, keys): (Vec<Line<'_>>, Vec<Line<'_>>) = lines_of("公钥文件", file)
        .chain(others)
        .partition(|line| line.text.starts_with(LINE));
    let mut keys = keys
        .iter()
        .map(|line| line.text.parse().map_err(|error| line.wrong(error)))
        .collect::<Result<Vec<VerifierKey>, _>>()?;
    let wrong = |line: &Line<'_>, error| line.wrong(KeyError::new(error, line.text));
    let mut left = Vec::new();
    for line in transitions {
        let told = line.transition().map_err(|error| wrong(&line, error))?;
        left.push((line, told));
    }
    while !left.is_empty() {
        let before = left.len();
        left.retain(|(_, told)| told.follow(&mut keys).is_err());
        if left.len() == before {
            return Err(wrong(&left[0].0, TransitionError::Stranger));
        }
    }
    Ok(keys)
}
