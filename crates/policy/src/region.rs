//! Named sets of districts (`central`, `city`) and of other codes (diseases): policy data, so that none stands in a program.

use std::collections::BTreeMap;

/// 区域. A set of six-digit district codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionSet {
    /// `central`.
    pub name: String,
    /// 中心城区.
    pub label: String,
    /// Whole codes.
    codes: Vec<String>,
    /// Beginnings of codes, written with a star.
    prefixes: Vec<String>,
    /// What single codes are called.
    names: BTreeMap<String, String>,
}

impl RegionSet {
    /// From codes as the file writes them: `500103`, `5001*`.
    ///
    /// # Errors
    /// The first entry that is neither a six-digit code nor a beginning of one with a star.
    pub fn new(name: &str, label: &str, entries: &[String]) -> Result<RegionSet, String> {
        let mut set = RegionSet {
            name: name.into(),
            label: label.into(),
            codes: Vec::new(),
            prefixes: Vec::new(),
            names: BTreeMap::new(),
        };
        for entry in entries {
            let (digits, is_prefix) = match entry.strip_suffix('*') {
                Some(prefix) => (prefix, true),
                None => (entry.as_str(), false),
            };
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            if !plain || (digits.len() != 6 && !is_prefix) || digits.len() > 6 {
                return Err(entry.clone());
            }
            if is_prefix {
                set.prefixes.push(digits.into());
            } else {
                set.codes.push(digits.into());
            }
        }
        Ok(set)
    }

    /// The same with districts that have a name.
    ///
    /// # Errors
    /// The first that is no six-digit code.
    pub(crate) fn named(mut self, names: &BTreeMap<String, String>) -> Result<RegionSet, String> {
        for code in names.keys() {
            if code.len() != 6 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(code.clone());
            }
            if !self.contains(code) {
                self.codes.push(code.clone());
            }
        }
        self.names.clone_from(names);
        Ok(self)
    }

    /// Every district that has a name, with it.
    pub fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        self.names
            .iter()
            .map(|(code, name)| (code.as_str(), name.as_str()))
    }

    /// Whether it also has places that have no name here: then a name is proposed and a code may be typed.
    pub fn is_open(&self) -> bool {
        !self.prefixes.is_empty()
    }

    /// The code of a place by its name, said with or without 市.
    pub fn code_of(&self, name: &str) -> Option<&str> {
        let plain = |name: &str| name.trim().trim_end_matches('市').to_owned();
        self.names()
            .find(|(_, known)| plain(known) == plain(name))
            .map(|(code, _)| code)
    }

    /// From codes of another kind, e.g. of ICD-10: `I21*`, `N18.5`.
    ///
    /// # Errors
    /// The first entry that is neither a code nor a beginning of one with a star.
    pub fn of_codes(name: &str, label: &str, entries: &[String]) -> Result<RegionSet, String> {
        let mut set = RegionSet {
            name: name.into(),
            label: label.into(),
            codes: Vec::new(),
            prefixes: Vec::new(),
            names: BTreeMap::new(),
        };
        for entry in entries {
            let (code, is_prefix) = match entry.strip_suffix('*') {
                Some(prefix) => (prefix, true),
                None => (entry.as_str(), false),
            };
            let plain =
                |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'.';
            if code.is_empty() || !code.bytes().all(plain) {
                return Err(entry.clone());
            }
            if is_prefix {
                set.prefixes.push(code.into());
            } else {
                set.codes.push(code.into());
            }
        }
        Ok(set)
    }

    /// Whether the district belongs to it.
    pub fn contains(&self, district: &str) -> bool {
        self.codes.iter().any(|code| code == district)
            || self
                .prefixes
                .iter()
                .any(|prefix| district.starts_with(prefix.as_str()))
    }

    /// Whether it is of districts, and not of codes of another kind (diseases).
    #[must_use]
    pub fn is_of_districts(&self) -> bool {
        let mut all = self.codes.iter().chain(&self.prefixes);
        all.all(|code| code.bytes().all(|byte| byte.is_ascii_digit()))
    }

    /// The beginnings and whole codes, for the SQL back end.
    pub(crate) fn entries(&self) -> (&[String], &[String]) {
        (&self.prefixes, &self.codes)
    }
}
