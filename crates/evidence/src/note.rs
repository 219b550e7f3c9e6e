//! Signed notes (C2SP signed-note), checkpoints (tlog-checkpoint) and cosignatures (tlog-cosignature). Invariant: text counts only
//! when a key that the reader brought along has signed it; a line of a key that he does not know says nothing.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use anju_vault::signature::{is_sm2_point, verify_ed25519, verify_sm2};

use crate::record::sha256;
use crate::{Hash, MAX_WHOLE};

/// What a key signs, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// A log: Ed25519 over the text.
    Ed25519,
    /// A log: SM2 with SM3 over the text, `r ‖ s`.
    Sm2,
    /// A witness: Ed25519 over a line of its own, its time, and the text.
    Witness,
}

impl KeyKind {
    /// The signature type that stands before the public key. `0xff` is for types without a number and is followed by a name.
    const fn type_bytes(self) -> &'static [u8] {
        match self {
            Self::Ed25519 => &[0x01],
            Self::Witness => &[0x04],
            Self::Sm2 => b"\xffsm2-sm3",
        }
    }

    const fn public_len(self) -> usize {
        match self {
            Self::Ed25519 | Self::Witness => 32,
            Self::Sm2 => 65,
        }
    }
}

/// A public key by its name (vkey).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    /// Whose.
    pub name: String,
    /// What it signs.
    pub kind: KeyKind,
    /// When it ended, in seconds since 1970: a log's key that another one has followed ([`crate::transition`]).
    pub until: Option<u64>,
    public: Vec<u8>,
    id: [u8; 4],
}

/// What is wrong with a line of a key file.
#[derive(Debug, thiserror::Error)]
pub enum KeyFault {
    /// Not three parts.
    #[error("不是公钥行，应为「名称+编号+Base64」")]
    Form,
    /// The other file was given in its place.
    #[error("这是凭据，不是公钥；请检查两个文件是不是给反了")]
    Bundle,
    /// A byte order mark before it.
    #[error("开头有字节顺序标记（BOM），请另存为不带 BOM 的 UTF-8")]
    Mark,
    /// A name that no signature line can bear.
    #[error("公钥的名称是空的，或含有空格")]
    Name,
    /// Not Base64.
    #[error("公钥不是规范的 Base64")]
    Base64,
    /// Neither a log's nor a witness's.
    #[error("公钥的类型不认识，应是 Ed25519（01）、见证人（04）或 SM2（ff 和 sm2-sm3）")]
    Type,
    /// Of another length than its type's.
    #[error("公钥的长度不对，是 {0} 字节，应是 {1} 字节")]
    Length(usize, usize),
    /// Not `0x04 ‖ x ‖ y`, or not on the curve.
    #[error("SM2 公钥不是曲线上的点（04‖x‖y）")]
    Point,
    /// Copied wrongly, or altered.
    #[error("公钥的编号不对，按名称和公钥算出来是 {0}")]
    Id(String),
    /// A change of keys.
    #[error(transparent)]
    Transition(#[from] crate::transition::TransitionError),
}

/// A line that is no key, or a transition that is not followed; it shows the line's beginning.
#[derive(Debug, thiserror::Error)]
#[error("{fault}：{start}")]
pub struct KeyError {
    fault: KeyFault,
    start: String,
}

impl KeyError {
    pub(crate) fn new(fault: impl Into<KeyFault>, line: &str) -> Self {
        Self {
            fault: fault.into(),
            start: start_of(line),
        }
    }
}

/// Enough of a line to find it by.
const SHOWN: usize = 60;

fn start_of(line: &str) -> String {
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    if line.chars().count() <= SHOWN {
        line.chars().map(plain).collect()
    } else {
        line.chars()
            .take(SHOWN - 1)
            .map(plain)
            .chain(['…'])
            .collect()
    }
}

impl VerifierKey {
    /// A key from its parts.
    #[must_use]
    pub fn new(name: &str, kind: KeyKind, public: &[u8]) -> Self {
        let text = [name.as_bytes(), b"\n", kind.type_bytes(), public].concat();
        let hash = sha256(&text);
        Self {
            name: name.to_owned(),
            kind,
            until: None,
            public: public.to_vec(),
            id: [hash[0], hash[1], hash[2], hash[3]],
        }
    }

    /// Whether it is the same key, whatever is known of its end.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.kind == other.kind && self.name == other.name && self.public == other.public
    }

    /// Whether it had ended when the first witness saw what it signed. While none has, nothing is known of the time.
    fn had_ended(&self, witnesses: &[(&Self, u64)]) -> bool {
        let seen = witnesses.iter().map(|(_, time)| *time).min();
        self.until
            .zip(seen)
            .is_some_and(|(until, seen)| seen > until)
    }

    /// The signature line that ends a note.
    #[must_use]
    pub fn line(&self, signature: &[u8]) -> String {
        let blob = [&self.id[..], signature].concat();
        format!("\u{2014} {} {}\n", self.name, BASE64.encode(blob))
    }

    /// Whether the signature of a line holds for this text.
    fn verifies(&self, text: &str, signature: &[u8]) -> bool {
        match self.kind {
            KeyKind::Ed25519 => verify_ed25519(&self.public, text.as_bytes(), signature),
            KeyKind::Sm2 => verify_sm2(&self.public, text.as_bytes(), signature),
            KeyKind::Witness => {
                let Some((time, signature)) = signature.split_first_chunk::<8>() else {
                    return false;
                };
                // tlog-cosignature: at most 2^63 − 1.
                if time[0] > 0x7f {
                    return false;
                }
                let message = cosigned(text, u64::from_be_bytes(*time));
                verify_ed25519(&self.public, message.as_bytes(), signature)
            }
        }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed = [self.kind.type_bytes(), &self.public].concat();
        let id = u32::from_be_bytes(self.id);
        write!(f, "{}+{id:08x}+{}", self.name, BASE64.encode(typed))
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(line: &str) -> Result<Self, KeyError> {
        Self::read(line).map_err(|fault| KeyError::new(fault, line))
    }
}

impl VerifierKey {
    fn read(line: &str) -> Result<Self, KeyFault> {
        if line.starts_with(['{', '[']) {
            return Err(KeyFault::Bundle);
        }
        if line.starts_with('\u{feff}') {
            return Err(KeyFault::Mark);
        }
        let mut parts = line.splitn(3, '+');
        let (Some(name), Some(id), Some(typed)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyFault::Form);
        };
        if !is_name(name) {
            return Err(KeyFault::Name);
        }
        let typed = BASE64.decode(typed).map_err(|_| KeyFault::Base64)?;
        let (kind, public) = [KeyKind::Ed25519, KeyKind::Witness, KeyKind::Sm2]
            .into_iter()
            .find_map(|kind| Some((kind, typed.strip_prefix(kind.type_bytes())?)))
            .ok_or(KeyFault::Type)?;
        if public.len() != kind.public_len() {
            return Err(KeyFault::Length(public.len(), kind.public_len()));
        }
        if kind == KeyKind::Sm2 && !is_sm2_point(public) {
            return Err(KeyFault::Point);
        }
        let key = Self::new(name, kind, public);
        let own = format!("{:08x}", u32::from_be_bytes(key.id));
        if own == id {
            Ok(key)
        } else {
            Err(KeyFault::Id(own))
        }
    }
}

/// A name is not empty and has no white space (Unicode's property) and no plus.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+')
}

/// What a witness signs: that it saw this tree at this time, in seconds since 1970.
#[must_use]
pub fn cosigned(text: &str, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

/// A checkpoint (检查点): the log, its size and its root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// Leaves.
    pub size: u64,
    /// The tree's hash.
    pub root: Hash,
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = BASE64.encode(self.root);
        write!(f, "{}\n{}\n{root}\n", self.origin, self.size)
    }
}

impl Checkpoint {
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        // Further lines are extensions: the log's own business, signed like the rest, and never empty.
        lines.all(|line| !line.is_empty()).then_some(())?;
        let size_value: u64 = size.parse().ok()?;
        let plain = size_value <= MAX_WHOLE && size_value.to_string() == size;
        (!origin.is_empty() && plain).then_some(())?;
        Some(Self {
            origin: origin.to_owned(),
            size: size_value,
            root: hash(root)?,
        })
    }
}

/// 32 bytes of strict base64.
pub(crate) fn hash(text: &str) -> Option<Hash> {
    BASE64.decode(text).ok()?.try_into().ok()
}

/// Why a note does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not a note.
    #[error("检查点不是签名文本（C2SP signed-note）的形式")]
    Form,
    /// Not a checkpoint.
    #[error("签名文本不是检查点（名称、片数、树根；片数最大 2^53−1）")]
    Checkpoint,
    /// Signed by a key that is known, and the signature does not hold.
    #[error("{0} 的签名不成立")]
    Signature(String),
    /// A line that belongs to a key that is known, and was changed.
    #[error("{0} 的签名行被改动过")]
    Line(String),
    /// Not signed by the log.
    #[error(
        "没有日志 {0} 的签名：公钥文件里没有它的公钥，或者检查点没有由它签名。中心换过签名密钥的，请把它公布的 transition 行加进您的公钥文件"
    )]
    Unsigned(String),
    /// Signed by a key of the log that had ended by then, and by no other.
    #[error(
        "日志 {0} 的这把签名密钥已经停用，见证人看到这个检查点时它已不作数，现行的密钥没有签名"
    )]
    Ended(String),
}

/// A note that was read, with the keys that have signed it.
#[derive(Debug)]
pub struct Signed<'k> {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// Keys of the log that have signed.
    pub log: Vec<&'k VerifierKey>,
    /// Witnesses that have signed, and when, in seconds since 1970.
    pub witnesses: Vec<(&'k VerifierKey, u64)>,
}

/// A signature line: the signer's name, and the decoded rest: 4 bytes of the key's id, then the signature.
type Line<'n> = (&'n str, Vec<u8>);

/// The text of a note and its signature lines.
fn lines_of(note: &str) -> Result<(&str, Vec<Line<'_>>), NoteError> {
    let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::Form)?;
    let text = &note[..=text.len()];
    if note
        .chars()
        .any(|character| character < ' ' && character != '\n')
    {
        return Err(NoteError::Form);
    }
    let lines = lines.strip_suffix('\n').ok_or(NoteError::Form)?;
    let lines = lines
        .split('\n')
        .map(|line| {
            let (name, blob) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
            let blob = BASE64.decode(blob).ok()?;
            (is_name(name) && blob.len() > 4).then_some((name, blob))
        })
        .collect::<Option<Vec<_>>>()
        .ok_or(NoteError::Form)?;
    Ok((text, lines))
}

/// The text of a note, whoever has signed it.
///
/// # Errors
/// Not a note.
pub fn text_of(note: &str) -> Result<&str, NoteError> {
    Ok(lines_of(note)?.0)
}

/// Whether a note carries a good signature of this key.
#[must_use]
pub fn is_signed_by(note: &str, key: &VerifierKey) -> bool {
    lines_of(note).is_ok_and(|(text, lines)| {
        lines.iter().any(|(name, blob)| {
            *name == key.name && blob.starts_with(&key.id) && key.verifies(text, &blob[4..])
        })
    })
}

/// Reads a checkpoint with the keys that the reader brought along.
///
/// # Errors
/// Not a checkpoint; a line of a known key that does not hold or was tampered with; no signature of the log that it names.
pub fn open<'k>(note: &str, keys: &'k [VerifierKey]) -> Result<Signed<'k>, NoteError> {
    let (text, lines) = lines_of(note)?;
    let checkpoint = Checkpoint::parse(text).ok_or(NoteError::Checkpoint)?;
    let (mut log, mut witnesses): (Vec<&VerifierKey>, Vec<(&VerifierKey, u64)>) =
        (Vec::new(), Vec::new());
    for (name, blob) in lines {
        let (id, signature) = blob.split_at(4);
        let key = keys.iter().find(|key| key.name == name && key.id == id);
        let Some(key) = key else {
            // A line of a stranger says nothing; one of a friend whose name or number was changed is damage.
            let damaged = keys
                .iter()
                .find(|key| (key.name == name || key.id == id) && key.verifies(text, signature));
            match damaged {
                Some(key) => return Err(NoteError::Line(key.name.clone())),
                None => continue,
            }
        };
        if !key.verifies(text, signature) {
            return Err(NoteError::Signature(key.name.clone()));
        }
        match key.kind {
            // The log does not witness itself.
            KeyKind::Witness
                if keys
                    .iter()
                    .any(|log| log.kind == KeyKind::Ed25519 && log.public == key.public) => {}
            KeyKind::Witness => {
                let time = signature
                    .first_chunk::<8>()
                    .map_or(0, |time| u64::from_be_bytes(*time));
                witnesses.push((key, time));
            }
            KeyKind::Ed25519 | KeyKind::Sm2 if key.name == checkpoint.origin => log.push(key),
            KeyKind::Ed25519 | KeyKind::Sm2 => {}
        }
    }
    let signed = log.iter().any(|key| key.kind == KeyKind::Ed25519);
    log.retain(|key| !key.had_ended(&witnesses));
    if log.iter().any(|key| key.kind == KeyKind::Ed25519) {
        Ok(Signed {
            checkpoint,
            log,
            witnesses,
        })
    } else if signed {
        Err(NoteError::Ended(checkpoint.origin))
    } else {
        Err(NoteError::Unsigned(checkpoint.origin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of signed-note's first implementation (golang.org/x/mod/sumdb/note).
    #[test]
    fn the_key_of_the_reference_implementation_is_read_and_written() {
        let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let key: VerifierKey = text.parse().expect("a key");
        assert_eq!(key.kind, KeyKind::Ed25519);
        assert_eq!(key.to_string(), text);
        let note = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n\n\
                    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
        let (text, lines) = lines_of(note).expect("a note");
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].1[..4], key.id);
        assert!(key.verifies(text, &lines[0].1[4..]));
        assert!(!key.verifies("other\n", &lines[0].1[4..]));
    }

    #[test]
    fn a_key_whose_number_is_not_its_own_is_none() {
        for wrong in [
            "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
            "PeterNeumann",
            "",
        ] {
            assert!(wrong.parse::<VerifierKey>().is_err(), "{wrong}");
        }
    }
}
