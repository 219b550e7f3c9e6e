//! The policy files as they are written: TOML in `national/` and in the centre's folder. Reading a file says where it is wrong;
//! whether its content makes sense is `load`'s work.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::decision::OnUnknown;
use crate::each::{Groups, RawGroup};
use crate::fact::Assurance;
use crate::service::{FactNeed, ServiceDefinition};
use crate::value::Type;

/// The texts of a centre's files by their path (`chongqing/withdraw-rent.toml`): what is kept so that a decision can name its rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyFiles {
    /// The centre's folder: `chongqing`.
    pub centre: String,
    /// Path to text.
    pub files: BTreeMap<String, String>,
}

/// Something wrong in a policy file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{file}: {place}: {message}")]
pub struct LoadError {
    /// `chongqing/withdraw-rent.toml`.
    pub file: String,
    /// `line 12`, or `condition RENT-02, when`.
    pub place: String,
    /// What is wrong.
    pub message: String,
}

impl PolicyFiles {
    /// Reads `national/` and the centre's folder below `directory`.
    ///
    /// # Errors
    /// Files that cannot be read.
    pub fn read(directory: &Path, centre: &str) -> Result<PolicyFiles, Vec<LoadError>> {
        let mut read = PolicyFiles {
            centre: centre.into(),
            files: BTreeMap::new(),
        };
        let mut errors = Vec::new();
        for folder in ["national", centre] {
            read.folder(&directory.join(folder), folder, &mut errors);
        }
        if errors.is_empty() {
            Ok(read)
        } else {
            Err(errors)
        }
    }

    fn folder(&mut self, folder: &Path, name: &str, errors: &mut Vec<LoadError>) {
        let mut fail = |file: &str, error: &std::io::Error| {
            errors.push(LoadError {
                file: file.into(),
                place: "file".into(),
                message: format!("cannot be read: {error}"),
            });
        };
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            // What was looked for is told whole: a relative path depends on where a program was started.
            Err(error) => {
                let whole = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
                return fail(&whole.display().to_string(), &error);
            }
        };
        let mut folders = Vec::new();
        for entry in entries {
            let path = match entry {
                Ok(entry) => entry.path(),
                Err(error) => return fail(name, &error),
            };
            let Some(file) = path.file_name().and_then(|file| file.to_str()) else {
                continue;
            };
            let file = format!("{name}/{file}");
            if path.is_dir() {
                folders.push((path, file));
            } else if file.ends_with(".toml") {
                match std::fs::read_to_string(&path) {
                    Ok(text) => drop(self.files.insert(file, text)),
                    Err(error) => fail(&file, &error),
                }
            }
        }
        for (path, name) in folders {
            self.folder(&path, &name, errors);
        }
    }

    /// SHA-256 over the files' content, in hex; comments and layout do not count.
    pub fn digest(&self) -> String {
        let mut text = String::new();
        for (file, content) in &self.files {
            let _ = writeln!(text, "{file}");
            match content.parse::<toml::Table>() {
                Ok(table) => canonical(&toml::Value::Table(table), &mut text),
                Err(_) => text.push_str(content),
            }
            text.push('\n');
        }
        hex::encode(Sha256::digest(text))
    }

    /// The file that `include = ["common/person"]` means: the centre's, else the national one.
    pub(crate) fn included(&self, name: &str) -> Option<String> {
        [&self.centre, "national"]
            .into_iter()
            .map(|folder| format!("{folder}/{name}.toml"))
            .find(|file| self.files.contains_key(file))
    }
}

/// Writes a value with its keys in order.
fn canonical(value: &toml::Value, text: &mut String) {
    match value {
        toml::Value::Table(table) => {
            let sorted: BTreeMap<_, _> = table.iter().collect();
            text.push('{');
            for (key, value) in sorted {
                let _ = write!(text, "{key:?}:");
                canonical(value, text);
                text.push(',');
            }
            text.push('}');
        }
        toml::Value::Array(values) => {
            text.push('[');
            for value in values {
                canonical(value, text);
                text.push(',');
            }
            text.push(']');
        }
        toml::Value::String(string) => drop(write!(text, "{string:?}")),
        other => drop(write!(text, "{other}")),
    }
}

/// Everything that a file may hold.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawFile {
    pub policy: Option<RawPolicy>,
    pub region: Vec<RawRegion>,
    /// Sets of codes of other kinds (ICD-10), written like regions.
    pub codes: Vec<RawRegion>,
    pub fact: Vec<RawFact>,
    pub name: Vec<RawName>,
    /// Roles that tables and formulas may name together.
    pub group: Vec<RawGroup>,
    pub define: Vec<RawDefine>,
    pub agree: Vec<RawAgree>,
    pub precedence: Option<RawPrecedence>,
    pub parameter: Vec<RawParameter>,
    pub calendar: Vec<RawCalendar>,
    pub needs: Vec<FactNeed>,
    pub condition: Vec<RawCondition>,
    pub review: Vec<RawReview>,
    pub service: Option<ServiceDefinition>,
    pub amount: Option<RawAmount>,
    pub claim: Option<RawClaim>,
    /// The table of accounting entries: the ledger reads it, the digest covers it; named here so that a misspelt table is an error.
    pub event: Vec<toml::Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawPolicy {
    pub version: String,
    pub centre: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRegion {
    pub name: String,
    pub label: String,
    #[serde(default)]
    pub codes: Vec<String>,
    /// Single districts, each with its name.
    #[serde(default)]
    pub names: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawFact {
    #[serde(rename = "type")]
    pub fact_type: String,
    pub label: String,
    pub source: String,
    pub source_name: String,
    #[serde(default)]
    pub may_be_left_out: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawName {
    pub name: String,
    pub label: String,
    #[serde(default)]
    pub unit: String,
    #[serde(rename = "type")]
    pub ty: Type,
    /// One name for each role; `{role}` and `{who}` are filled in.
    pub roles: Vec<String>,
    pub fact: String,
    pub read: RawRead,
    pub absent: Option<toml::Value>,
    #[serde(default)]
    pub words: BTreeMap<String, String>,
    #[serde(default)]
    pub hidden: bool,
    /// Grows by one with each month while this holds and nothing else changes: months contributed, for who goes on contributing.
    pub advances: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawRead {
    pub path: Option<String>,
    pub count: Option<String>,
    pub sum: Option<String>,
    pub any: Option<String>,
    pub first: Option<String>,
    pub months: Option<String>,
    pub series: Option<String>,
    pub of: Option<String>,
    #[serde(rename = "where")]
    pub filters: Vec<RawFilter>,
    pub map: BTreeMap<String, toml::Value>,
    pub or: Option<String>,
    pub optional: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawFilter {
    pub field: String,
    /// The name of a set of districts.
    pub within: Option<String>,
    pub one_of: Option<Vec<toml::Value>>,
    pub none_of: Option<Vec<toml::Value>>,
    /// Only what was claimed of the very object that this withdrawal shares (`[claim]`).
    pub claimed: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawDefine {
    pub name: String,
    pub label: String,
    #[serde(rename = "type")]
    pub ty: Type,
    pub formula: String,
}

/// What two sources say of the same thing.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawAgree {
    pub name: String,
    /// Holds while they agree.
    pub when: String,
}

/// Who is believed where sources differ.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawPrecedence {
    /// Every level of assurance, the strongest first.
    pub order: Vec<Assurance>,
    /// The levels within which the newer word counts; within the others a person looks.
    pub newer: Vec<Assurance>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawParameter {
    pub name: String,
    pub label: String,
    #[serde(rename = "type")]
    pub ty: Type,
    #[serde(default)]
    pub arguments: Vec<RawArgument>,
    /// `mark` and `source` of rows that do not say their own.
    pub mark: Option<String>,
    pub source: Option<String>,
    pub values: Vec<toml::Table>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawArgument {
    pub name: String,
    #[serde(rename = "type")]
    pub ty: Type,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawCalendar {
    pub year: i32,
    pub mark: String,
    pub source: String,
    /// Days off on weekdays.
    pub off: Vec<toml::Value>,
    /// Weekend days that are worked.
    pub worked: Vec<toml::Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawCondition {
    pub code: String,
    pub name: String,
    /// Which services it is for; decided at load.
    pub only: Option<String>,
    pub when: String,
    /// Where this is false the condition is no part of the decision (one of two ways to the same service).
    pub applies: Option<String>,
    /// The sentence when it is met.
    pub met: Option<String>,
    #[serde(default)]
    pub refusal: String,
    #[serde(default)]
    pub remedy: String,
    #[serde(default)]
    pub law: String,
    /// The service's message code.
    pub message: Option<String>,
    pub from: toml::Value,
    pub to: Option<toml::Value>,
    #[serde(default)]
    pub unknown: OnUnknown,
    /// The paper that may stand in for a missing record.
    pub document: Option<String>,
    /// False is a suspicion: a person looks, nobody is refused by it.
    #[serde(default)]
    pub suspicion: bool,
    /// The condition that it stands in for while that one's source is silent.
    pub stands_in: Option<String>,
    /// The condition that must be met before this one is any part of the decision: until then nothing is said of what it reads.
    pub after: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawReview {
    pub when: String,
    pub reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawAmount {
    /// The condition that must be met before the amount is worked out and told.
    pub after: Option<String>,
    pub formula: String,
    /// What comes from the fund's account before the housing subsidy's gives the rest; without it nothing is taken from that one.
    pub first: Option<String>,
    /// The sum over months that the amount is filled from, where it stands for months.
    pub months: Option<String>,
    #[serde(default)]
    pub part: Vec<RawPart>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawPart {
    pub label: String,
    pub formula: String,
    /// Shown only when this holds.
    pub when: Option<String>,
}

/// What of the ledger of withdrawal events (提取事项台账, withdrawal.md §4.4) a withdrawal uses up.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawClaim {
    /// Its kind where one service has several: an expression of text. Without it `withdraw_kind`.
    pub kind: Option<String>,
    /// What is shared with other claims, before the key: `HOME`, `LOAN`.
    #[serde(default)]
    pub prefix: String,
    /// The shared object: an expression (`form.contract_no`), or several that name it together (`["form.loan_bank", "form.loan_no"]`).
    /// Without it nothing is shared.
    pub key: Option<RawKey>,
    /// It holds an ID number: what is kept of it is a keyed digest.
    #[serde(default)]
    pub personal: bool,
}

/// One expression or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum RawKey {
    One(String),
    Several(Vec<String>),
}

impl RawKey {
    pub fn parts(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(all) => all,
        }
    }
}

/// Reads one file, with what it says of groups of roles written out.
pub(crate) fn parse(file: &str, text: &str, groups: &Groups) -> Result<RawFile, LoadError> {
    let wrong = |message: String| LoadError {
        file: file.into(),
        place: "file".into(),
        message,
    };
    if let Some(whole) = groups.written_out(text).map_err(wrong)? {
        return RawFile::deserialize(whole).map_err(|error| wrong(error.message().into()));
    }
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map_or(1, |before| before.matches('\n').count() + 1);
        LoadError {
            file: file.into(),
            place: format!("line {line}"),
            message: error.message().into(),
        }
    })
}
