//! The cast of withdrawals as data (`withdrawals.toml`): who gets each kind, who is refused for each condition, who waits for a source.

use std::collections::BTreeMap;

use anju_domain::calendar::{Month, add_months};
use anju_domain::money::Fen;
use anyhow::{Context, bail};
use chrono::{Days, NaiveDate};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Person;

/// The table as it is compiled in.
const TABLE: &str = include_str!("withdrawals.toml");

/// What sources hold of somebody: `D04 housing.rental_filing` and the record.
pub type Facts = BTreeMap<String, Value>;

/// All of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Conditions that every withdrawal has, and what makes each fail.
    pub common: Vec<Row>,
    /// Conditions that cannot fail, whatever the kind.
    pub never: Vec<Never>,
    /// The kinds of withdrawal, in the order in which a person would look for them.
    #[serde(rename = "kind")]
    pub kinds: Vec<Kind>,
    /// Services that have no cast, with the reason.
    pub left_out: Vec<LeftOut>,
}

/// A kind of withdrawal: what is known of the one who gets it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// Service id.
    pub service: String,
    /// What people call it.
    pub name: String,
    /// Whether the account ends with it.
    #[serde(default)]
    pub closing: bool,
    /// Whether a person looks at each, however clear it is.
    #[serde(default)]
    pub reviewed: bool,
    /// What is filled in beside the card.
    #[serde(default)]
    pub form: Map<String, Value>,
    /// What departments hold.
    #[serde(default)]
    pub facts: Facts,
    /// Whether the employer has sealed the account.
    #[serde(default)]
    pub sealed: bool,
    /// An heir asks: the account is the second person's, who has died.
    #[serde(default)]
    pub heir: bool,
    /// The channel that it is asked for over; the centre's own app where nothing is said.
    pub channel: Option<String>,
    /// What departments hold of the second person.
    #[serde(default)]
    pub other: Facts,
    /// What they hold of another heir.
    #[serde(default)]
    pub third: Facts,
    /// It waits until the other heir has agreed with a login of his own.
    #[serde(default)]
    pub third_agrees: bool,
    /// In how many months from the sealing it is time.
    #[serde(default)]
    pub after_months: i32,
    /// Another way to a service that stands above: what all ways ask is not said twice.
    #[serde(default)]
    pub second_way: bool,
    /// Which of the common conditions it has; all where nothing is said.
    pub common: Option<Vec<String>>,
    /// What fails for everybody, while nobody can have it.
    #[serde(default)]
    pub always: Vec<String>,
    /// Why nobody can have it yet.
    pub nobody: Option<String>,
    /// The source that is waited for.
    pub waits: Option<Waits>,
    /// One for each condition of its own.
    #[serde(default)]
    pub refused: Vec<Row>,
    /// Conditions of its own that cannot fail alone.
    #[serde(default)]
    pub never: Vec<Never>,
}

/// A source that says nothing of one person.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waits {
    /// Source and fact type.
    #[serde(rename = "for")]
    pub fact: String,
    /// What the page calls the source, or the beginning of it.
    pub name: String,
}

/// What makes one condition fail.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The condition.
    pub code: String,
    /// What is the matter with this person.
    pub what: String,
    /// What he is told: a piece of the message.
    pub says: String,
    /// Fields of records that differ; `"none"` strikes a record out.
    #[serde(default)]
    pub facts: Facts,
    /// What sources hold of the second person.
    #[serde(default)]
    pub other: Facts,
    /// What is filled in otherwise.
    #[serde(default)]
    pub form: Map<String, Value>,
    /// What he asked for earlier.
    #[serde(default)]
    pub before: Vec<Before>,
    /// Since when he is married to the second person.
    pub married: Option<String>,
    /// Whose people he belongs to.
    #[serde(default)]
    pub firm: Firm,
    /// He has an account and no month yet.
    #[serde(default)]
    pub empty: bool,
    /// He has one phone with others.
    #[serde(default)]
    pub shared_phone: bool,
    /// What two persons have entered about the estate at the desk.
    pub notice: Option<Notice>,
    /// Sealed or not, where it differs from the kind.
    pub sealed: Option<bool>,
    /// A person looks at it; nobody is refused by it.
    #[serde(default)]
    pub held: bool,
    /// Though the kind has its time later, this fails from the first day on.
    #[serde(default)]
    pub at_once: bool,
    /// What cannot but fail as well; `*` is any.
    #[serde(default)]
    pub with: Vec<String>,
    /// Why it does.
    #[serde(default)]
    pub why: String,
    /// Of a common row: for kinds that close the account, or for the others alone.
    pub closing: Option<bool>,
    /// Of a common row: services in which the condition cannot fail.
    #[serde(default)]
    pub not_for: Vec<String>,
    /// Why it cannot.
    #[serde(default)]
    pub not_for_why: String,
}

/// An employer of the cast.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Firm {
    /// Paid in up to last month.
    #[default]
    Steady,
    /// Paid in for two months, four months ago, and some of its people have withdrawn.
    Short,
    /// Paid in for last month; the list of this month waits for its money.
    Owing,
}

/// What the desk may enter about an estate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// 继承争议.
    Dispute,
    /// 无人继承.
    Unclaimed,
}

/// Something that was asked for and has ended.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Before {
    /// Service id.
    pub service: String,
    /// What was filled in.
    pub form: Map<String, Value>,
    /// The second person asked.
    #[serde(default)]
    pub by_other: bool,
}

/// A condition that cannot fail alone.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Never {
    /// The condition.
    pub code: String,
    /// Why not.
    pub why: String,
}

/// A service without a cast.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// Service id.
    pub service: String,
    /// Why.
    pub why: String,
}

impl Table {
    /// Reads the table that is compiled in.
    ///
    /// # Errors
    /// It does not parse; a test would have said so.
    pub fn read() -> anyhow::Result<Table> {
        toml::from_str(TABLE).context("withdrawals.toml")
    }

    /// The rows of a kind: those that every withdrawal has, then its own.
    pub fn rows<'t>(&'t self, kind: &'t Kind) -> impl Iterator<Item = &'t Row> {
        let has = |row: &&Row| {
            !kind.second_way
                && row.closing.is_none_or(|closing| closing == kind.closing)
                && !row.not_for.contains(&kind.service)
                && (kind.common.as_ref()).is_none_or(|codes| codes.contains(&row.code))
        };
        self.common.iter().filter(has).chain(&kind.refused)
    }

    /// Why a condition of a service cannot fail alone; none where the table says nothing of the kind.
    #[must_use]
    pub fn never(&self, service: &str, code: &str) -> Option<&str> {
        let kinds = self.kinds.iter().filter(|kind| kind.service == service);
        // A reason for all kinds is none for the one that has somebody.
        let has_row = |kind: &Kind| kind.refused.iter().any(|row| row.code == code);
        let of_all = if kinds.clone().any(has_row) {
            [].iter()
        } else {
            self.never.iter()
        };
        let own = kinds.flat_map(|kind| &kind.never);
        let said = own.chain(of_all).find(|never| never.code == code);
        let left_out = |row: &&Row| row.code == code && row.not_for.iter().any(|id| id == service);
        said.map(|never| never.why.as_str()).or_else(|| {
            let row = self.common.iter().find(left_out)?;
            Some(&row.not_for_why)
        })
    }
}

/// What the words in braces stand for.
pub struct Words<'w> {
    /// The person.
    pub who: &'w Person,
    /// The second person.
    pub other: &'w Person,
    /// The other heir of an estate.
    pub third: &'w Person,
    /// The day from which days are counted.
    pub today: NaiveDate,
}

impl Words<'_> {
    /// Eleven digits that nobody else has.
    #[must_use]
    pub fn tail(&self) -> &str {
        &self.who.id[6..17]
    }

    /// A phone that nobody has yet.
    #[must_use]
    pub fn new_phone(&self) -> String {
        format!("136{}", &self.who.card[11..19])
    }

    /// A record or a form with its words replaced.
    ///
    /// # Errors
    /// A word that stands for nothing.
    pub fn put(&self, value: &Value) -> anyhow::Result<Value> {
        Ok(match value {
            Value::String(text) => match self.list(text)? {
                Some(list) => list,
                None => Value::String(self.text(text)?),
            },
            Value::Array(items) => items
                .iter()
                .map(|item| self.put(item))
                .collect::<anyhow::Result<_>>()?,
            Value::Object(fields) => Value::Object(self.fields(fields)?),
            other => other.clone(),
        })
    }

    /// The same of fields.
    ///
    /// # Errors
    /// As [`Words::put`].
    pub fn fields(&self, fields: &Map<String, Value>) -> anyhow::Result<Map<String, Value>> {
        fields
            .iter()
            .map(|(name, value)| Ok((name.clone(), self.put(value)?)))
            .collect()
    }

    fn text(&self, text: &str) -> anyhow::Result<String> {
        let mut said = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (word, after) = after
                .split_once('}')
                .context("a brace that is not closed")?;
            said.push_str(before);
            said.push_str(&self.word(word)?);
            rest = after;
        }
        said.push_str(rest);
        Ok(said)
    }

    fn word(&self, word: &str) -> anyhow::Result<String> {
        Ok(match word {
            "name" => self.who.name.clone(),
            "id" => self.who.id.clone(),
            "card" => self.who.card.clone(),
            "tail" => self.tail().to_owned(),
            "new_phone" => self.new_phone(),
            "other.name" => self.other.name.clone(),
            "other.id" => self.other.id.clone(),
            "other.card" => self.other.card.clone(),
            "third.name" => self.third.name.clone(),
            "third.id" => self.third.id.clone(),
            _ => match word.split_once(':') {
                Some(("month", by)) => Month::of(self.today).plus(by.parse()?).to_string(),
                Some(("day", by)) => self.day(by)?.to_string(),
                _ => bail!("withdrawals.toml: {{{word}}} stands for nothing"),
            },
        })
    }

    /// `-3m`, `+1d`.
    fn day(&self, by: &str) -> anyhow::Result<NaiveDate> {
        let (count, unit) = by.split_at(by.len().saturating_sub(1));
        let count: i32 = count.parse().with_context(|| by.to_owned())?;
        let days = Days::new(u64::from(count.unsigned_abs()));
        match unit {
            "m" => Ok(add_months(self.today, count)),
            "d" if count < 0 => self.today.checked_sub_days(days).context("a day"),
            "d" => self.today.checked_add_days(days).context("a day"),
            _ => bail!("withdrawals.toml: {by} is no distance"),
        }
    }

    /// `[repaid 1..12]`, `[rent 1..12]`: a line for each of these months back, the earliest first.
    fn list(&self, text: &str) -> anyhow::Result<Option<Value>> {
        let Some(inner) = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'))
        else {
            return Ok(None);
        };
        let (what, range) = inner.split_once(' ').context("a list of months")?;
        let (first, last) = range.split_once("..").context("a range of months")?;
        let (first, last): (i32, i32) = (first.parse()?, last.parse()?);
        let months = (first..=last)
            .rev()
            .map(|back| Month::of(self.today).plus(-back));
        let line = |month: Month| match what {
            "repaid" => json!({ "date": format!("{month}-20"), "amount_fen": 20_000 }),
            _ => json!({
                "centre": "成都住房公积金管理中心", "kind": "RENT", "month": month.to_string(), "amount_fen": 100_000,
                "date": format!("{month}-28"),
            }),
        };
        Ok(Some(months.map(line).collect()))
    }
}

/// What is typed into the fields of a page for this form.
#[must_use]
pub fn typed(form: &Map<String, Value>) -> Vec<(String, String)> {
    let words = |(name, value): (&String, &Value)| {
        let words = match value {
            Value::Bool(yes) => if *yes { "1" } else { "0" }.to_owned(),
            Value::Number(number) if name.ends_with("_fen") => {
                Fen::new(number.as_i64().unwrap_or_default()).to_string()
            }
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        (name.clone(), words)
    };
    form.iter().map(words).collect()
}
