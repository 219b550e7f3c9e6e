//! The conditions of a decision as they are drawn. What the policy says stands in the policy, which the decision holds; what depends on
//! the case is written into one text. A drawing so takes a handful of allocations, however many conditions there are, and whoever reads
//! it borrows the words.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Serialize, Serializer};
use serde_json::Value as Json;

use crate::decision::{ConditionOutcome, NOTHING, OnUnknown};
use crate::explain::{FORM, who, word};
use crate::fact::{Fact, FactState};
use crate::plan::{Plan, SlotSource};
use crate::remedy::Change;
use crate::text::Template;
use crate::value::{Slot, Value};

/// Every condition in force, in the order in which it is read.
#[derive(Clone)]
pub struct Conditions {
    gathered: Arc<Gathered>,
    /// All that was written for this case, one behind the other.
    text: String,
    rows: Vec<Row>,
    facts: Vec<FactRow>,
    fields: Vec<FieldRow>,
    /// What was said of a field otherwise than its slot has it, by its place among the fields.
    said: Vec<(usize, Slot)>,
    /// What would heal what is not met, by its place among the rows.
    healing: Vec<(usize, Healing)>,
}

/// What a decision is taken on, shared by the reading and what is drawn of it.
#[derive(Clone, Debug)]
pub(crate) struct Gathered {
    pub plan: Arc<Plan>,
    pub now: DateTime<Utc>,
    /// By the plan's slots: what was read.
    pub slots: Vec<Slot>,
    /// By the plan's sources: who said it.
    answers: Vec<Option<Answer>>,
}

/// One condition of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Condition<'d> {
    /// `RENT-02`.
    pub code: &'d str,
    /// What it asks for.
    pub name: &'d str,
    /// Met, not met or unknown.
    pub outcome: ConditionOutcome,
    /// One sentence with this person's figures.
    pub detail: &'d str,
    /// What to do about it, unless it is met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<&'d str>,
    /// The article that it stands on.
    pub law: &'d str,
    /// The service's message code (`E-RENT-02`), when it is not met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<&'d str>,
    /// For one that is not met: the first day on which it will be, if nothing but time passes; null when time alone does not help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub met_from: Option<NaiveDate>,
    /// For one that is not met and that time alone does not heal: the nearest changes of facts that would, each tried; one way a list, all
    /// of whose changes are needed.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub ways: &'d [Vec<Change>],
    /// What happens if it stays unknown.
    pub on_unknown: OnUnknown,
    /// What it read.
    pub facts: FactsRead<'d>,
}

/// The facts that a condition read.
#[derive(Clone, Copy)]
pub struct FactsRead<'d> {
    conditions: &'d Conditions,
    rows: &'d [FactRow],
}

/// A fact as a condition read it: only the fields that were used.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FactRead<'d> {
    /// `estate.ownership`.
    #[serde(rename = "type")]
    pub fact_type: &'d str,
    /// The role in policy: `applicant`.
    pub role: &'d str,
    /// Whom it is about, masked.
    pub subject: &'d str,
    /// The names that were read with their values, null when there is none.
    pub value: Values<'d>,
    /// Who said so: `D03`.
    pub source: &'d str,
    /// The same in words: 市规划和自然资源局（不动产登记）.
    pub source_name: &'d str,
    /// Known, absent, unknown or in conflict.
    pub state: FactState,
    /// What it said of a matter on which another source is believed: told, but not counted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub set_aside: bool,
    /// The instant for which the source vouches; null if it was never asked.
    pub as_of: Option<DateTime<Utc>>,
    /// The same values in words for the page: 本人在本市的住房 0 套.
    pub shown: ShownValues<'d>,
    /// The row that keeps the fact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fact_id: Option<i64>,
}

/// The values of a fact by the names of their fields.
#[derive(Clone, Copy)]
pub struct Values<'d> {
    conditions: &'d Conditions,
    rows: &'d [FieldRow],
    first: usize,
}

/// The values of a fact in words.
#[derive(Clone, Copy)]
pub struct ShownValues<'d> {
    conditions: &'d Conditions,
    rows: &'d [FieldRow],
    first: usize,
}

/// One value in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Shown<'d> {
    /// 本人在本市的住房套数.
    pub label: &'d str,
    /// 0.
    pub text: &'d str,
}

/// A place in the text or among the rows, or a word that stands for what was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(u64);

/// What heals a condition that is not met.
#[derive(Clone, Debug)]
pub(crate) struct Healing {
    pub met_from: Option<NaiveDate>,
    pub ways: Vec<Vec<Change>>,
}

/// A condition. A text that was not written is the policy's own, which has no figures in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// Its place in the plan.
    pub rule: usize,
    pub outcome: ConditionOutcome,
    pub name: Span,
    pub detail: Span,
    pub remedy: Span,
    pub facts: Span,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct FactRow {
    /// One of the slots that it fills.
    pub slot: usize,
    pub in_conflict: bool,
    pub set_aside: bool,
    pub fields: Span,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct FieldRow {
    pub slot: usize,
    pub words: Span,
}

/// What is shown instead of what is not to be shown.
pub(crate) const CHECKED: &str = "已核对";

/// Who said what when.
#[derive(Clone, Debug)]
struct Answer {
    subject: String,
    source: String,
    state: FactState,
    as_of: DateTime<Utc>,
    fact_id: Option<i64>,
}

impl Span {
    /// Nothing was written: the policy's own text is all.
    pub const NONE: Span = Span(u64::MAX);
    /// A yes or no that is not worth saying.
    pub const SILENT: Span = Span(u64::MAX - 1);
    /// The vocabulary has a word for the value.
    pub const VOCABULARY: Span = Span(u64::MAX - 2);
    /// The value is not to be shown.
    pub const CHECKED: Span = Span(u64::MAX - 3);
    /// The record leaves it out.
    pub const NOTHING: Span = Span(u64::MAX - 4);
    /// Sources say different things.
    pub const AT_ODDS: Span = Span(u64::MAX - 5);
    /// Nobody has answered.
    pub const NOT_KNOWN: Span = Span(u64::MAX - 6);

    pub fn new(start: usize, end: usize) -> Span {
        assert!(
            end < u32::MAX as usize,
            "a decision has less than 4 GB of text"
        );
        Span((start as u64) << 32 | end as u64)
    }

    fn range(self) -> Range<usize> {
        (self.0 >> 32) as usize..(self.0 & u64::from(u32::MAX)) as usize
    }
}

impl Row {
    const EMPTY: Row = Row {
        rule: 0,
        outcome: ConditionOutcome::Unknown,
        name: Span::NONE,
        detail: Span::NONE,
        remedy: Span::NONE,
        facts: Span::NONE,
    };
}

impl FactRow {
    const EMPTY: FactRow = FactRow {
        slot: 0,
        in_conflict: false,
        set_aside: false,
        fields: Span::NONE,
    };
}

impl Gathered {
    /// `found` is what each source of the plan has said.
    pub fn new(
        plan: &Arc<Plan>,
        now: DateTime<Utc>,
        slots: Vec<Slot>,
        found: &[Option<&Fact>],
    ) -> Gathered {
        let answer = |fact: &Fact| Answer {
            subject: fact.subject.clone(),
            source: fact.source.clone(),
            state: fact.state,
            as_of: fact.as_of,
            fact_id: fact.fact_id,
        };
        Gathered {
            plan: plan.clone(),
            now,
            slots,
            answers: found.iter().map(|fact| fact.map(answer)).collect(),
        }
    }
}

impl Conditions {
    /// No condition yet.
    pub(crate) fn new(gathered: &Arc<Gathered>) -> Conditions {
        let count = gathered.plan.conditions.len();
        Conditions {
            gathered: gathered.clone(),
            text: String::with_capacity(64 * count),
            rows: Vec::with_capacity(count),
            facts: Vec::with_capacity(2 * count),
            fields: Vec::with_capacity(2 * count),
            said: Vec::new(),
            healing: Vec::new(),
        }
    }

    pub(crate) fn write(&mut self, words: impl FnOnce(&mut String)) -> Span {
        let start = self.text.len();
        words(&mut self.text);
        Span::new(start, self.text.len())
    }

    /// A new condition, written where it will stand: a row that is put together elsewhere and then copied is waited for.
    pub(crate) fn push(&mut self) -> &mut Row {
        self.rows.push(Row::EMPTY);
        self.rows.last_mut().expect("it has just been pushed")
    }

    /// Says what heals the condition that was pushed last.
    pub(crate) fn heal(&mut self, healing: Healing) {
        self.healing.push((self.rows.len() - 1, healing));
    }

    pub(crate) fn push_field(&mut self, slot: usize, words: Span) {
        self.fields.push(FieldRow { slot, words });
    }

    /// What was said of the field that is pushed next, where its slot has it otherwise.
    pub(crate) fn push_said(&mut self, said: &Slot) {
        self.said.push((self.fields.len(), said.clone()));
    }

    /// A new fact, to whom fields will belong.
    pub(crate) fn push_fact(&mut self, slot: usize) -> &mut FactRow {
        self.facts.push(FactRow::EMPTY);
        let fact = self.facts.last_mut().expect("it has just been pushed");
        fact.slot = slot;
        fact
    }

    /// How many fields were pushed.
    pub(crate) fn fields_so_far(&self) -> usize {
        self.fields.len()
    }

    /// How many facts were pushed.
    pub(crate) fn facts_so_far(&self) -> usize {
        self.facts.len()
    }

    /// Each.
    pub fn iter(&self) -> Iter<'_> {
        Iter {
            conditions: self,
            rows: self.rows.iter().enumerate(),
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn condition<'d>(&'d self, place: usize, row: &'d Row) -> Condition<'d> {
        let rule = &self.gathered.plan.conditions[row.rule];
        let healing = self.healing.iter().find(|(of, _)| *of == place);
        let healing = healing.map(|(_, healing)| healing);
        let met = row.outcome == ConditionOutcome::Met;
        let detail = match row.outcome {
            ConditionOutcome::Met => &rule.met,
            ConditionOutcome::NotMet => &rule.refusal,
            ConditionOutcome::Unknown => &rule.name,
        };
        Condition {
            code: &rule.code,
            name: self.words(row.name, &rule.name),
            outcome: row.outcome,
            detail: self.words(row.detail, detail),
            remedy: (!met).then(|| self.words(row.remedy, &rule.remedy)),
            law: &rule.law,
            message: rule.message.as_deref().filter(|_| !met),
            met_from: healing.and_then(|healing| healing.met_from),
            ways: healing.map_or(&[], |healing| &healing.ways),
            on_unknown: rule.on_unknown,
            facts: FactsRead {
                conditions: self,
                rows: &self.facts[row.facts.range()],
            },
        }
    }

    fn words<'d>(&'d self, drawn: Span, own: &'d Template) -> &'d str {
        if drawn == Span::NONE {
            own.fixed().unwrap_or_default()
        } else {
            &self.text[drawn.range()]
        }
    }

    fn fact<'d>(&'d self, row: &'d FactRow) -> FactRead<'d> {
        let slot = row.slot;
        let plan = &self.gathered.plan;
        let (role, fact_type) = plan.slots[slot].key();
        let is_form = plan.fields[slot].is_form;
        let (from, source_name) = match &plan.slots[slot] {
            SlotSource::Name(name) => (name.fact.source.as_str(), name.fact.source_name.as_str()),
            _ => (FORM, "您的申请"),
        };
        let answer = self.gathered.answers[plan.fields[slot].source].as_ref();
        let state = match answer {
            _ if row.in_conflict => FactState::Conflict,
            Some(answer) => answer.state,
            None if is_form => FactState::Known,
            None => FactState::Unknown,
        };
        let (rows, first) = (&self.fields[row.fields.range()], row.fields.range().start);
        FactRead {
            fact_type,
            role,
            subject: answer.map_or_else(|| who(role), |said| said.subject.as_str()),
            value: Values {
                conditions: self,
                rows,
                first,
            },
            source: answer.map_or(from, |said| said.source.as_str()),
            source_name,
            state,
            set_aside: row.set_aside,
            as_of: answer
                .map(|answer| answer.as_of)
                .or(is_form.then_some(self.gathered.now)),
            shown: ShownValues {
                conditions: self,
                rows,
                first,
            },
            fact_id: answer.and_then(|answer| answer.fact_id),
        }
    }

    /// What a field holds; none where there is nothing.
    fn value(&self, place: usize, row: &FieldRow) -> Option<&Value> {
        let said = self.said.iter().find(|(of, _)| *of == place);
        let slot = said.map_or(&self.gathered.slots[row.slot], |(_, said)| said);
        slot.as_ref().ok()
    }

    fn shown<'d>(&'d self, place: usize, row: &'d FieldRow) -> Option<Shown<'d>> {
        let plan = &self.gathered.plan;
        let source = &plan.slots[row.slot];
        let value = self.value(place, row);
        let text = match row.words {
            Span::SILENT => return None,
            Span::CHECKED => CHECKED,
            Span::NOTHING => NOTHING,
            Span::AT_ODDS => "来源不一致",
            Span::NOT_KNOWN => "还不知道",
            Span::VOCABULARY => value
                .and_then(|value| word(source, value.into()))
                .unwrap_or_default(),
            span => &self.text[span.range()],
        };
        // A yes or no with words of its own needs no label.
        let says_itself = plan.fields[row.slot].has_words && matches!(value, Some(Value::Bool(_)));
        let label = match source {
            _ if says_itself => "",
            SlotSource::Name(name) => &name.label,
            SlotSource::Input(index) => &plan.service.inputs[*index].label,
            SlotSource::Today | SlotSource::Now => "",
        };
        Some(Shown { label, text })
    }
}

/// Runs over the conditions of a decision.
#[derive(Clone)]
pub struct Iter<'d> {
    conditions: &'d Conditions,
    rows: std::iter::Enumerate<std::slice::Iter<'d, Row>>,
}

impl<'d> Iterator for Iter<'d> {
    type Item = Condition<'d>;

    fn next(&mut self) -> Option<Condition<'d>> {
        let (place, row) = self.rows.next()?;
        Some(self.conditions.condition(place, row))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rows.size_hint()
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl<'d> IntoIterator for &'d Conditions {
    type Item = Condition<'d>;
    type IntoIter = Iter<'d>;

    fn into_iter(self) -> Iter<'d> {
        self.iter()
    }
}

impl<'d> FactsRead<'d> {
    /// Each.
    pub fn iter(self) -> impl ExactSizeIterator<Item = FactRead<'d>> + Clone {
        self.rows.iter().map(move |row| self.conditions.fact(row))
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.rows.is_empty()
    }
}

impl<'d> Values<'d> {
    /// As an object.
    #[must_use]
    pub fn to_json(self) -> Json {
        let plan = &self.conditions.gathered.plan;
        let fields = (self.first..).zip(self.rows).map(|(place, row)| {
            let source = &plan.slots[row.slot];
            let ty = source.ty(&plan.service);
            let value = self.conditions.value(place, row);
            let value = value.filter(|_| !plan.fields[row.slot].hidden);
            let json = value.map_or(Json::Null, |value| ty.json(value));
            (source.field(&plan.service).to_owned(), json)
        });
        Json::Object(fields.collect())
    }
}

impl<'d> ShownValues<'d> {
    /// Each that is worth saying.
    pub fn iter(self) -> impl Iterator<Item = Shown<'d>> + Clone {
        (self.first..)
            .zip(self.rows)
            .filter_map(move |(place, row)| self.conditions.shown(place, row))
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.iter().next().is_none()
    }
}

impl Serialize for Conditions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

impl Serialize for FactsRead<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl Serialize for ShownValues<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl PartialEq for Conditions {
    fn eq(&self, other: &Conditions) -> bool {
        self.iter().eq(other.iter())
    }
}

impl PartialEq for FactsRead<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl PartialEq for Values<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.to_json() == other.to_json()
    }
}

impl PartialEq for ShownValues<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

impl fmt::Debug for FactsRead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl fmt::Debug for Values<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_json().fmt(f)
    }
}

impl fmt::Debug for ShownValues<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
