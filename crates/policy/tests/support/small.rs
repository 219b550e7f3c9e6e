//! A policy of a few lines, for tests of the language and of the files.

use std::fmt::Write;

use anju_policy::{Fact, FactState, Facts, LoadError, PolicyFiles, PolicySet};
use serde_json::Value;

/// Names of every type over one fact, `t.sample`; a field that is left out is unknown, `maybe` is missing where null.
pub const NAMES: &str = r#"
[policy]
version = "test"
centre = "test"

[[region]]
name = "city"
label = "本市"
codes = ["5001*", "500230"]

[[fact]]
type = "t.sample"
label = "样本"
source = "D00"
source_name = "样本来源"

[[parameter]]
name = "cap"
label = "限额"
type = "fen"
arguments = [{ name = "month", type = "month" }, { name = "region", type = "text" }]
mark = "assumed"
source = "test"
values = [
  { from = "2020-01", region = "city", value = 100 },
  { from = "2020-01", value = 80 },
  { from = "2022-06", region = "city", value = 120 },
]

[[parameter]]
name = "limit"
label = "界限"
type = "int"
mark = "assumed"
source = "test"
values = [{ from = "2020-01-01", value = 3 }, { from = "2025-01-01", value = 4 }]
"#;

/// Declares the names of `t.sample`.
pub fn names() -> String {
    let mut text = NAMES.to_owned();
    let fields = [
        ("b", "bool", "b", false),
        ("c", "bool", "c", false),
        ("n", "int", "n", false),
        ("k", "int", "k", false),
        ("f", "fen", "f", false),
        ("g", "fen", "g", false),
        ("p", "bp", "p", false),
        ("d", "date", "d", false),
        ("m", "month", "m", false),
        ("s", "text", "s", false),
        ("i", "instant", "i", false),
        ("maybe", "int", "maybe", true),
    ];
    for (name, ty, path, optional) in fields {
        let _ = write!(
            text,
            "\n[[name]]\nname = \"t.{name}\"\nlabel = \"{name}\"\ntype = \"{ty}\"\nroles = [\"applicant\"]\n\
             fact = \"t.sample\"\nread = {{ path = \"{path}\", optional = {optional} }}\n"
        );
    }
    text.push_str(
        "\n[[name]]\nname = \"t.list\"\nlabel = \"list\"\ntype = \"months\"\nroles = [\"applicant\"]\nfact = \"t.sample\"\n\
         read = { months = \"list\" }\n\
         \n[[name]]\nname = \"t.rows\"\nlabel = \"rows\"\ntype = \"fen_by_month\"\nroles = [\"applicant\"]\nfact = \"t.sample\"\n\
         read = { series = \"rows\", of = \"fen\" }\n",
    );
    text
}

/// The definition of a service that pays out.
pub const SERVICE: &str = r#"
[service]
id = "sample"
name_zh = "样本提取"
short_zh = "样本"
verb = "do"
group = "withdraw"
audience = ["employee"]
login = { default = "L3f" }
channels = ["APP"]
outcome = "instant"
gov_code = "0"
law = ["test"]
effect = "pay_out"
withdraw_kind = "SAMPLE"
promise = { legal = "3 日", promised = "当场", working_days = 3 }
"#;

/// A condition that is this expression.
pub fn condition(code: &str, when: &str) -> String {
    let when = toml::Value::String(when.into());
    format!(
        "\n[[condition]]\ncode = \"{code}\"\nname = \"{code}\"\nwhen = {when}\nrefusal = \"不符合\"\nremedy = \"更正\"\n\
         law = \"test\"\nfrom = \"2020-01-01\"\n"
    )
}

/// Loads a policy of one file of names and one service.
pub fn load(service: &str) -> Result<PolicySet, Vec<LoadError>> {
    PolicySet::load(&files(&names(), service))
}

/// The two files.
pub fn files(names: &str, service: &str) -> PolicyFiles {
    let files = [
        ("national/names.toml", names),
        ("test/sample.toml", service),
    ];
    PolicyFiles {
        centre: "test".into(),
        files: files
            .map(|(file, text)| (file.to_owned(), text.to_owned()))
            .into(),
    }
}

/// The facts of a sample.
pub fn sample(value: Value) -> Facts {
    let mut facts = Facts::new();
    facts.put(Fact {
        fact_id: Some(1),
        fact_type: "t.sample".into(),
        role: "applicant".into(),
        subject: "本人".into(),
        state: FactState::Known,
        value,
        source: "D00".into(),
        assurance: anju_policy::Assurance::Authoritative,
        as_of: super::instant("2026-11-24", 1),
        valid_until: None,
        digest: String::new(),
    });
    facts
}

/// A generator with a seed that a failure prints: `ANJU_SEED`, or the clock.
pub struct Chance(pub u64);

impl Chance {
    pub fn seeded() -> Chance {
        let given = std::env::var("ANJU_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| {
            let now = chrono::Utc::now().timestamp_nanos_opt().unwrap_or(1);
            now.unsigned_abs()
        });
        println!("ANJU_SEED={seed}");
        Chance(seed | 1)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (bound as u64)).expect("a small number")
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}
