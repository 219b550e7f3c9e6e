//! A service ready to be decided: its names are slots of one array, its conditions checked trees over them. Judging runs over the array
//! and writes no text; that is `explain`'s work, and only when somebody looks.

use std::sync::Arc;

use crate::agreement::{self, Agreement, Precedence, Settled};
use crate::decision::{ConditionOutcome, OnUnknown, Outcome};
use crate::evaluate::{Context, NOW, Node, TODAY, Val};
use crate::explain::FORM;
use crate::fact::{At, Fact, Facts, Form};
use crate::service::{FactNeed, Mode, ServiceDefinition};
use crate::text::Template;
use crate::value::{Gap, Slot, Type, Value, date_number};
use crate::vocabulary::Name;

/// A service with everything that decides it.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub service: ServiceDefinition,
    pub slots: Vec<SlotSource>,
    /// Role and type of each fact that the slots are read from, the form as one of them.
    pub sources: Vec<(String, String)>,
    /// By slot: where it is read from and how it is shown.
    pub fields: Vec<Field>,
    pub agreements: Vec<Agreement>,
    /// Who is believed before whom.
    pub precedence: Precedence,
    pub conditions: Vec<PlanCondition>,
    pub reviews: Vec<(Node, Template)>,
    pub amount: Option<Amount>,
    pub claim: Claim,
    /// Slots that grow by one with each month, and while what.
    pub advances: Vec<(u16, Node)>,
    /// What to ask for.
    pub needs: Vec<PlanNeed>,
}

/// A fact to ask for, with the condition under which it is needed and further keys of the question.
#[derive(Clone, Debug)]
pub(crate) struct PlanNeed {
    pub need: FactNeed,
    pub when: Option<Node>,
    pub keys: Vec<(String, Node, Type)>,
}

/// What a withdrawal uses up of the ledger of events.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claim {
    pub kind: Option<Node>,
    pub prefix: String,
    /// The parts of the key, in order; none where nothing is shared.
    pub key: Vec<(Node, Type)>,
    /// It holds an ID number.
    pub personal: bool,
}

/// Where a slot's value comes from.
#[derive(Clone, Debug)]
pub(crate) enum SlotSource {
    Today,
    Now,
    /// A declared name.
    Name(Arc<Name>),
    /// A field of the form, by its position among the inputs.
    Input(usize),
}

/// What is worked out once of how a slot is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    /// Its place among the sources.
    pub source: usize,
    /// Its place among the slots by name.
    pub rank: usize,
    /// Filled in, not said by a source.
    pub is_form: bool,
    /// Not to be shown.
    pub hidden: bool,
    /// Stands after a number: 元.
    pub has_unit: bool,
    /// A yes and a no have words of their own.
    pub has_words: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct PlanCondition {
    pub code: String,
    pub name: Template,
    /// Where it is false the condition is left out.
    pub applies: Option<Node>,
    /// Holds where it does not apply, too.
    pub when: Node,
    pub text: String,
    pub reads: Vec<u16>,
    /// Of these, what a source or the form says: all but the day and the instant.
    pub fields: Vec<u16>,
    pub met: Template,
    pub refusal: Template,
    pub remedy: Template,
    pub law: String,
    pub message: Option<String>,
    pub from: i64,
    pub to: i64,
    pub on_unknown: OnUnknown,
    pub document: Option<String>,
    pub suspicion: bool,
    /// The code of the condition that it stands in for.
    pub stands_in: Option<String>,
    /// The code of the condition that must be met before this one counts.
    pub after: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Amount {
    /// The code of the condition that must be met before the amount is told.
    pub after: Option<String>,
    pub formula: Node,
    /// What the fund's account gives before the housing subsidy's.
    pub first: Option<Node>,
    pub months: Option<Node>,
    pub parts: Vec<AmountTerm>,
}

#[derive(Clone, Debug)]
pub(crate) struct AmountTerm {
    pub label: Template,
    pub formula: Node,
    pub when: Option<Node>,
}

/// What came of a judgement, without texts.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// What becomes of the case.
    pub outcome: Outcome,
    /// The amount, or why there is none; `None` where the service pays nothing.
    pub amount: Option<Result<i64, Gap>>,
    /// One result for each condition of the plan; `None` where it is not in force on the day or does not apply.
    pub(crate) results: Vec<Option<Result<bool, Gap>>>,
    /// The rules that send it to a person.
    pub(crate) reviews: Vec<usize>,
    /// A fact that was read comes from a paper.
    pub(crate) from_paper: bool,
}

impl PlanCondition {
    /// What a result means for this condition.
    pub fn outcome(&self, result: Result<bool, Gap>) -> ConditionOutcome {
        match result {
            Ok(true) => ConditionOutcome::Met,
            Ok(false) => ConditionOutcome::NotMet,
            // A record that must be there and for which no paper stands in.
            Err(Gap::Missing) if self.document.is_none() && !self.suspicion => {
                ConditionOutcome::NotMet
            }
            Err(_) => ConditionOutcome::Unknown,
        }
    }
}

impl Plan {
    /// What each source of the plan has said.
    pub fn find<'f>(&self, facts: &'f Facts) -> Vec<Option<&'f Fact>> {
        self.sources
            .iter()
            .map(|(role, fact_type)| facts.get(role, fact_type))
            .collect()
    }

    /// Fills the slots from facts and form.
    pub fn read(&self, facts: &Facts, form: &Form, at: At) -> Vec<Slot> {
        self.read_settled(&self.find(facts), facts, form, at).0
    }

    /// The same, with what sources say differently and the order of precedence has settled.
    pub fn read_settled(
        &self,
        found: &[Option<&Fact>],
        facts: &Facts,
        form: &Form,
        at: At,
    ) -> (Vec<Slot>, Vec<Settled>) {
        let mut slots = self.said(found, form, at);
        self.read_claimed(facts, at, &mut slots);
        let settled = agreement::settle(
            &self.agreements,
            &self.precedence,
            facts,
            at,
            &self.slots,
            &mut slots,
        );
        (slots, settled)
    }

    /// The object that the withdrawal shares with other claims: `HOME:500103…`.
    pub fn claimed(&self, slots: &[Slot]) -> Option<String> {
        if self.claim.key.is_empty() {
            return None;
        }
        let mut key = self.claim.prefix.clone();
        for (node, ty) in &self.claim.key {
            let part = match node.value(Context::new(slots)).ok()? {
                Val::Text(text) => text.to_owned(),
                value => ty.text(&value.into()),
            };
            if part.is_empty() {
                return None;
            }
            key.push(':');
            key.push_str(&part);
        }
        Some(key)
    }

    /// The names that read what was claimed of that object.
    fn read_claimed(&self, facts: &Facts, at: At, slots: &mut [Slot]) {
        let names = self
            .slots
            .iter()
            .enumerate()
            .filter_map(|(index, slot)| match slot {
                SlotSource::Name(name) if name.asks_for_claim() => Some((index, name)),
                _ => None,
            });
        let mut claimed = None;
        for (index, name) in names {
            let claim = claimed.get_or_insert_with(|| self.claimed(slots));
            let fact = facts.get(&name.role, &name.fact.fact_type);
            slots[index] = name.value_for(fact, at.now, claim.as_deref());
        }
    }

    /// What each source says, believed or not.
    fn said(&self, found: &[Option<&Fact>], form: &Form, at: At) -> Vec<Slot> {
        self.slots
            .iter()
            .zip(&self.fields)
            .map(|(source, field)| match source {
                SlotSource::Today => Ok(Value::Number(date_number(at.today))),
                SlotSource::Now => Ok(Value::Number(at.now.timestamp())),
                SlotSource::Name(name) => name.value(found[field.source], at.now),
                SlotSource::Input(index) => self.input(*index, form),
            })
            .collect()
    }

    fn input(&self, index: usize, form: &Form) -> Slot {
        let input = &self.service.inputs[index];
        let given = form
            .get(&input.name)
            .filter(|value| !value.is_null() && *value != "");
        match given.or(input.default.as_ref()) {
            None => Err(Gap::Missing),
            // The form was checked when it came in: a value that does not fit is our mistake.
            Some(value) => input
                .input_type
                .value_type()
                .parse(value)
                .ok_or(Gap::Fault(crate::value::Fault::WrongType)),
        }
    }

    /// Whether any condition or the amount may read this fact.
    pub fn reads(&self, fact: &Fact) -> bool {
        self.slots.iter().any(|source| match source {
            SlotSource::Name(name) => {
                name.role == fact.role && name.fact.fact_type == fact.fact_type
            }
            _ => false,
        })
    }

    /// Judges the slots: every condition, no stop at the first that fails (withdrawal.md §4.5).
    pub fn judge(&self, slots: &[Slot], from_paper: bool) -> Verdict {
        let context = Context::new(slots);
        let day = match slots.first() {
            Some(Ok(Value::Number(day))) => *day,
            _ => 0,
        };
        let mut results = Vec::with_capacity(self.conditions.len());
        for condition in &self.conditions {
            let applies = condition.applies.as_ref().map(|node| node.truth(context));
            let counts =
                (condition.from..=condition.to).contains(&day) && applies != Some(Ok(false));
            results.push(counts.then(|| condition.when.truth(context)));
        }
        self.hold_back(&mut results);
        self.stand_in(&mut results);
        let mut tally = Tally::default();
        for (condition, result) in self.conditions.iter().zip(&results) {
            if let Some(result) = result {
                tally.add(condition, *result);
            }
        }
        let amount = self.amount.as_ref().map(|amount| {
            if self.is_open(amount.after.as_deref(), &results) {
                amount.formula.number(context)
            } else {
                Err(Gap::Unknown)
            }
        });
        let mut verdict = Verdict {
            outcome: Outcome::Refused,
            amount,
            results,
            reviews: Vec::new(),
            from_paper,
        };
        verdict.outcome = self.combine(tally, &mut verdict, context);
        verdict
    }

    /// What comes after a condition that is not met yet is no part of the decision: who has not shown that he may know it learns nothing of
    /// it, neither by a sentence nor by a refusal.
    fn hold_back(&self, results: &mut [Option<Result<bool, Gap>>]) {
        if self.conditions.iter().all(|one| one.after.is_none()) {
            return;
        }
        let open: Vec<bool> = self
            .conditions
            .iter()
            .map(|condition| self.is_open(condition.after.as_deref(), results))
            .collect();
        for (result, open) in results.iter_mut().zip(open) {
            if !open {
                *result = None;
            }
        }
    }

    /// Whether the condition of this code is met; without one everything is open.
    pub fn is_open(&self, after: Option<&str>, results: &[Option<Result<bool, Gap>>]) -> bool {
        after.is_none_or(|code| {
            self.conditions
                .iter()
                .zip(results)
                .any(|(other, result)| other.code == code && *result == Some(Ok(true)))
        })
    }

    /// A condition that stands in counts only while the other's source is silent, and then only where it is met: what another source would
    /// have said is never taken for a no. One of the two is left out of the decision.
    fn stand_in(&self, results: &mut [Option<Result<bool, Gap>>]) {
        for (index, condition) in self.conditions.iter().enumerate() {
            let Some(code) = &condition.stands_in else {
                continue;
            };
            let first = self
                .conditions
                .iter()
                .zip(results.iter())
                .position(|(other, result)| other.code == *code && result.is_some());
            let Some(first) = first else { continue };
            let silent = results[first] == Some(Err(Gap::Unknown));
            if silent && results[index] == Some(Ok(true)) {
                results[first] = None;
            } else {
                results[index] = None;
            }
        }
    }

    /// The combination table, first row that applies.
    fn combine(&self, tally: Tally, verdict: &mut Verdict, context: Context<'_>) -> Outcome {
        if tally.refused {
            return Outcome::Refused;
        }
        if tally.suspect {
            return Outcome::Review;
        }
        if tally.waiting {
            return Outcome::Waiting;
        }
        match verdict.amount {
            Some(Err(Gap::Unknown)) => return Outcome::Waiting,
            Some(Err(_)) => return Outcome::Review,
            // Nothing may be approved that pays nothing.
            Some(Ok(fen)) if fen <= 0 => return Outcome::Review,
            _ => {}
        }
        let mut unknown = false;
        for (index, (when, _)) in self.reviews.iter().enumerate() {
            match when.truth(context) {
                Ok(false) => {}
                Err(Gap::Unknown) => unknown = true,
                Ok(true) | Err(_) => verdict.reviews.push(index),
            }
        }
        let by_hand = self.service.outcome == Mode::Review || verdict.from_paper;
        match (unknown, by_hand || !verdict.reviews.is_empty()) {
            (true, _) => Outcome::Waiting,
            (false, true) => Outcome::Review,
            (false, false) => Outcome::Approved,
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Tally {
    refused: bool,
    suspect: bool,
    waiting: bool,
}

impl Tally {
    fn add(&mut self, condition: &PlanCondition, result: Result<bool, Gap>) {
        match result {
            Ok(true) => {}
            Ok(false) if condition.suspicion => self.suspect = true,
            Err(Gap::Conflict | Gap::Fault(_)) => self.suspect = true,
            Err(Gap::Missing) if condition.suspicion => self.suspect = true,
            _ if condition.outcome(result) == ConditionOutcome::NotMet => self.refused = true,
            _ => self.waiting = true,
        }
    }
}

impl SlotSource {
    /// Role and type of the fact that it is read from.
    pub fn key(&self) -> (&str, &str) {
        match self {
            SlotSource::Name(name) => (&name.role, &name.fact.fact_type),
            _ => ("applicant", FORM),
        }
    }

    /// The name; nothing for what is filled in.
    pub fn name(&self) -> &str {
        match self {
            SlotSource::Name(name) => &name.name,
            _ => "",
        }
    }

    /// What the fact calls it.
    pub fn field<'a>(&'a self, service: &'a ServiceDefinition) -> &'a str {
        match self {
            SlotSource::Name(name) => name.name.rsplit('.').next().unwrap_or(&name.name),
            SlotSource::Input(index) => &service.inputs[*index].name,
            SlotSource::Today | SlotSource::Now => "",
        }
    }

    /// Its type.
    pub fn ty(&self, service: &ServiceDefinition) -> Type {
        match self {
            SlotSource::Today => Type::Date,
            SlotSource::Now => Type::Instant,
            SlotSource::Name(name) => name.ty,
            SlotSource::Input(index) => service.inputs[*index].input_type.value_type(),
        }
    }
}

/// The two slots that every plan begins with.
pub(crate) fn first_slots() -> Vec<SlotSource> {
    const { assert!(TODAY == 0 && NOW == 1) };
    vec![SlotSource::Today, SlotSource::Now]
}
