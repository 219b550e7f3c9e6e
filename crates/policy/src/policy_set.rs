//! The rules of one centre in one version: what decides, what is asked of the sources, and the centre's numbers for everybody else.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anju_domain::calendar::Holidays;
use anju_domain::money::Fen;
use anju_domain::rate::Bp;
use chrono::NaiveDate;

use crate::agreement::Precedence;
use crate::decision::{Decision, PolicyRef};
use crate::drawn::Gathered;
use crate::evaluate::Context;
use crate::explain::Reading;
use crate::fact::{Assurance, At, Facts, Form};
use crate::file::{LoadError, PolicyFiles, RawAgree};
use crate::parameter::{Given, Parameter};
use crate::plan::{Plan, SlotSource};
use crate::region::RegionSet;
use crate::service::{FactNeed, ServiceDefinition};
use crate::value::{Gap, Slot, Type, Value, date_number};
use crate::vocabulary::{FactType, How, Name};

/// The rules of one centre in one version.
#[derive(Clone, Debug)]
pub struct PolicySet {
    pub(crate) reference: Arc<PolicyRef>,
    pub(crate) regions: BTreeMap<String, Arc<RegionSet>>,
    pub(crate) facts: BTreeMap<String, Arc<FactType>>,
    pub(crate) names: BTreeMap<String, Arc<Name>>,
    /// Formula, type, label.
    pub(crate) defines: BTreeMap<String, (String, Type, String)>,
    /// What two sources say of the same thing, with the file that says so.
    pub(crate) agreements: Vec<(String, RawAgree)>,
    /// Who is believed where they differ.
    pub(crate) precedence: Precedence,
    pub(crate) parameters: BTreeMap<String, Arc<Parameter>>,
    pub(crate) holidays: Holidays,
    pub(crate) plans: BTreeMap<String, Arc<Plan>>,
}

/// Why the policy has no answer; a mistake of the caller or of the files, never of a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// No service of that id.
    #[error("the policy knows no service {0}")]
    UnknownService(String),
    /// No parameter of that name and type.
    #[error("the policy knows no parameter {0} of this type")]
    UnknownParameter(String),
    /// A parameter has no row for that day and place.
    #[error("parameter {0} has no row for {1}")]
    NoRow(String, NaiveDate),
    /// A stored decision that comes out otherwise; how, in words for a person.
    #[error("{0}")]
    Replay(String),
}

/// A fact to be asked for now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask<'a> {
    /// What is asked.
    pub need: &'a FactNeed,
    /// Further keys of the question.
    pub keys: BTreeMap<String, String>,
    /// Who answers.
    pub fact: &'a FactType,
}

impl PolicySet {
    pub(crate) fn empty(reference: PolicyRef) -> PolicySet {
        PolicySet {
            reference: Arc::new(reference),
            regions: BTreeMap::new(),
            facts: BTreeMap::new(),
            names: BTreeMap::new(),
            defines: BTreeMap::new(),
            agreements: Vec::new(),
            precedence: Precedence::default(),
            parameters: BTreeMap::new(),
            holidays: Holidays::default(),
            plans: BTreeMap::new(),
        }
    }

    /// Reads and checks a centre's files.
    ///
    /// # Errors
    /// Every mistake, each with its file and place.
    pub fn load(files: &PolicyFiles) -> Result<PolicySet, Vec<LoadError>> {
        crate::load::load(files)
    }

    /// The same from a folder: `national/` and the centre's.
    ///
    /// # Errors
    /// As [`PolicySet::load`], and files that cannot be read.
    pub fn read(directory: &Path, centre: &str) -> Result<PolicySet, Vec<LoadError>> {
        PolicySet::load(&PolicyFiles::read(directory, centre)?)
    }

    /// Version and digest.
    pub fn reference(&self) -> &PolicyRef {
        &self.reference
    }

    /// The catalogue, by id.
    pub fn services(&self) -> impl Iterator<Item = &ServiceDefinition> {
        self.plans.values().map(|plan| &plan.service)
    }

    /// One service's definition.
    pub fn service(&self, id: &str) -> Option<&ServiceDefinition> {
        self.plans.get(id).map(|plan| &plan.service)
    }

    /// A fact type as the policy knows it: its label and who answers.
    pub fn fact_type(&self, fact_type: &str) -> Option<&FactType> {
        self.facts.get(fact_type).map(Arc::as_ref)
    }

    /// A set of districts.
    pub fn region(&self, name: &str) -> Option<&RegionSet> {
        self.regions.get(name).map(Arc::as_ref)
    }

    /// What a district or a city is called; none where no set names it.
    pub fn place(&self, code: &str) -> Option<&str> {
        self.regions
            .values()
            .flat_map(|region| region.names())
            .find(|(known, _)| *known == code)
            .map(|(_, name)| name)
    }

    /// Every named set of districts.
    pub fn regions(&self) -> impl Iterator<Item = &RegionSet> {
        self.regions.values().map(Arc::as_ref)
    }

    /// Days off and weekend days worked.
    pub fn holidays(&self) -> &Holidays {
        &self.holidays
    }

    /// Whether an expression may read this name outside of a form.
    pub(crate) fn is_value(&self, name: &str) -> bool {
        self.names.contains_key(name) || self.defines.contains_key(name)
    }

    pub(crate) fn plan(&self, service: &str) -> Result<&Arc<Plan>, PolicyError> {
        let plan = self.plans.get(service);
        plan.ok_or_else(|| PolicyError::UnknownService(service.into()))
    }

    /// Reads a case once, to be judged and explained.
    ///
    /// # Errors
    /// An unknown service.
    pub fn reading<'a>(
        &'a self,
        service: &str,
        facts: &'a Facts,
        form: &Form,
        at: At,
    ) -> Result<Reading<'a>, PolicyError> {
        let plan = self.plan(service)?;
        let found = plan.find(facts);
        let (slots, settled) = plan.read_settled(&found, facts, form, at);
        let mut said = found.iter().flatten();
        Ok(Reading {
            gathered: Arc::new(Gathered::new(plan, at.now, slots, &found)),
            settled,
            from_paper: said.any(|fact| fact.assurance == Assurance::Paper),
            policy: &self.reference,
            plan,
            facts,
            found,
            at,
        })
    }

    /// Reads what would be a case before its form is filled in: what must be filled in and is not stands for nothing yet, instead of
    /// being missing. With a whole form it is [`PolicySet::reading`].
    ///
    /// # Errors
    /// An unknown service.
    pub fn reading_ahead<'a>(
        &'a self,
        service: &str,
        facts: &'a Facts,
        form: &Form,
        at: At,
    ) -> Result<Reading<'a>, PolicyError> {
        let mut reading = self.reading(service, facts, form, at)?;
        open_inputs(
            reading.plan,
            &mut Arc::make_mut(&mut reading.gathered).slots,
        );
        Ok(reading)
    }

    /// Decides a case: the decision as it is shown.
    ///
    /// # Errors
    /// An unknown service.
    pub fn decide(
        &self,
        service: &str,
        facts: &Facts,
        form: &Form,
        at: At,
    ) -> Result<Decision, PolicyError> {
        let reading = self.reading(service, facts, form, at)?;
        Ok(reading.explain(&reading.judge()))
    }

    /// The facts to ask for with what is known so far: those needed always, and those whose condition holds already. Asked again
    /// after each round of answers, it names what the answers made necessary (a spouse's homes).
    ///
    /// # Errors
    /// An unknown service.
    pub fn needed(
        &self,
        service: &str,
        facts: &Facts,
        form: &Form,
        at: At,
    ) -> Result<Vec<Ask<'_>>, PolicyError> {
        let plan = self.plan(service)?;
        let mut slots = plan.read(facts, form, at);
        // What is not filled in yet is asked about when it is.
        open_inputs(plan, &mut slots);
        let wanted = |when: &Option<crate::evaluate::Node>| match when {
            None => true,
            Some(when) => when.truth(Context::new(&slots)) == Ok(true),
        };
        Ok(plan
            .needs
            .iter()
            .filter(|asked| wanted(&asked.when))
            .filter_map(|asked| {
                let fact = self.facts.get(&asked.need.fact_type)?;
                let mut keys = BTreeMap::new();
                for (key, node, ty) in &asked.keys {
                    match node.value(Context::new(&slots)) {
                        Ok(value) => {
                            let value = match ty.json(&value.into()) {
                                serde_json::Value::String(text) => text,
                                other => other.to_string(),
                            };
                            keys.insert(key.clone(), value);
                        }
                        Err(Gap::Missing) => {}
                        Err(_) => return None,
                    }
                }
                Some(Ask {
                    need: &asked.need,
                    keys,
                    fact,
                })
            })
            .collect())
    }

    /// What a withdrawal uses up of the ledger of events (提取事项台账): its kind, and the object that it shares with other claims once that
    /// is known (`HOME:500103…`).
    ///
    /// # Errors
    /// An unknown service.
    pub fn claim(
        &self,
        service: &str,
        facts: &Facts,
        form: &Form,
        at: At,
    ) -> Result<(Option<String>, Option<String>), PolicyError> {
        let plan = self.plan(service)?;
        let fixed = plan.service.withdraw_kind.clone();
        if plan.claim.kind.is_none() && plan.claim.key.is_empty() {
            return Ok((fixed, None));
        }
        let slots = plan.read(facts, form, at);
        let text =
            |node: &Option<crate::evaluate::Node>| match node.as_ref()?.value(Context::new(&slots))
            {
                Ok(crate::evaluate::Val::Text(text)) if !text.is_empty() => Some(text.to_owned()),
                _ => None,
            };
        let kind = text(&plan.claim.kind).or(fixed);
        Ok((kind, plan.claimed(&slots)))
    }

    /// Whether the object that a withdrawal shares with other claims holds an ID number.
    pub fn claims_person(&self, service: &str) -> bool {
        self.plans
            .get(service)
            .is_some_and(|plan| plan.claim.personal)
    }

    /// What a field of a fact is called and the words of its codes, where a name reads that field.
    pub fn field_label(
        &self,
        role: &str,
        fact_type: &str,
        field: &str,
    ) -> Option<(&str, &BTreeMap<String, String>)> {
        self.names
            .values()
            .find(|name| {
                let reads = matches!(name.read.field.as_slice(), [one] if one == field)
                    || name.read.fallback.as_deref() == Some(field);
                name.role == role && name.fact.fact_type == fact_type && reads
            })
            .map(|name| (name.label.as_str(), &name.words))
    }

    /// What a list of a fact is called, where a name reads that list by month.
    pub fn list_label(&self, role: &str, fact_type: &str, list: &str) -> Option<&str> {
        self.names
            .values()
            .find(|name| {
                let reads = matches!(&name.read.how, How::Series(read) if read == list);
                name.role == role && name.fact.fact_type == fact_type && reads
            })
            .map(|name| name.label.as_str())
    }

    /// What a declared or defined name says with these facts, for prefilled fields; null while there is no value.
    ///
    /// # Errors
    /// An unknown service.
    pub fn prefill(
        &self,
        service: &str,
        facts: &Facts,
        at: At,
    ) -> Result<BTreeMap<String, serde_json::Value>, PolicyError> {
        let plan = self.plan(service)?;
        let mut filled = BTreeMap::new();
        for input in &plan.service.inputs {
            let Some(name) = input.prefill.as_ref().and_then(|name| self.names.get(name)) else {
                continue;
            };
            let fact = facts.get(&name.role, &name.fact.fact_type);
            if let Ok(value) = name.value(fact, at.now) {
                filled.insert(input.name.clone(), name.ty.json(&value));
            }
        }
        Ok(filled)
    }

    /// A parameter with all its rows, for pages that show the rules.
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.get(name).map(Arc::as_ref)
    }

    /// Money of the centre's: `policy.fen("base_upper_fen", day, &[])`. Arguments by name; the date argument is the day.
    ///
    /// # Errors
    /// No such parameter of that type, no row for that day and place.
    pub fn fen(&self, name: &str, day: NaiveDate, at: &[(&str, &str)]) -> Result<Fen, PolicyError> {
        self.number(name, Type::Fen, day, at).map(Fen::new)
    }

    /// A ratio or rate of the centre's.
    ///
    /// # Errors
    /// As [`PolicySet::fen`].
    pub fn bp(&self, name: &str, day: NaiveDate, at: &[(&str, &str)]) -> Result<Bp, PolicyError> {
        let number = self.number(name, Type::Bp, day, at)?;
        let number = i32::try_from(number);
        number
            .map(Bp::new)
            .map_err(|_| PolicyError::UnknownParameter(name.into()))
    }

    /// A count of the centre's.
    ///
    /// # Errors
    /// As [`PolicySet::fen`].
    pub fn int(&self, name: &str, day: NaiveDate, at: &[(&str, &str)]) -> Result<i64, PolicyError> {
        self.number(name, Type::Int, day, at)
    }

    /// A switch of the centre's.
    ///
    /// # Errors
    /// As [`PolicySet::fen`].
    pub fn flag(
        &self,
        name: &str,
        day: NaiveDate,
        at: &[(&str, &str)],
    ) -> Result<bool, PolicyError> {
        match self.value(name, Type::Bool, day, at)? {
            Value::Bool(flag) => Ok(*flag),
            _ => Err(PolicyError::UnknownParameter(name.into())),
        }
    }

    /// A mode of the centre's (`HALF_UP`).
    ///
    /// # Errors
    /// As [`PolicySet::fen`].
    pub fn text(
        &self,
        name: &str,
        day: NaiveDate,
        at: &[(&str, &str)],
    ) -> Result<&str, PolicyError> {
        match self.value(name, Type::Text, day, at)? {
            Value::Text(text) => Ok(text),
            _ => Err(PolicyError::UnknownParameter(name.into())),
        }
    }

    /// A day of the centre's.
    ///
    /// # Errors
    /// As [`PolicySet::fen`].
    pub fn date(&self, name: &str, day: NaiveDate) -> Result<NaiveDate, PolicyError> {
        match self.value(name, Type::Date, day, &[])? {
            Value::Number(number) => crate::value::date_of(*number)
                .ok_or_else(|| PolicyError::UnknownParameter(name.into())),
            _ => Err(PolicyError::UnknownParameter(name.into())),
        }
    }

    /// The dated rows of a parameter without arguments, oldest first: rates for interest by segments.
    ///
    /// # Errors
    /// No such parameter, or its values are no numbers.
    pub fn history(&self, name: &str) -> Result<Vec<(NaiveDate, i64)>, PolicyError> {
        let unknown = || PolicyError::UnknownParameter(name.into());
        let parameter = self.parameters.get(name).ok_or_else(unknown)?;
        let rows = parameter.rows.iter().rev().map(|row| match row.value {
            Value::Number(number) => Ok((row.from, number)),
            _ => Err(unknown()),
        });
        rows.collect()
    }

    fn number(
        &self,
        name: &str,
        ty: Type,
        day: NaiveDate,
        at: &[(&str, &str)],
    ) -> Result<i64, PolicyError> {
        match self.value(name, ty, day, at)? {
            Value::Number(number) => Ok(*number),
            _ => Err(PolicyError::UnknownParameter(name.into())),
        }
    }

    fn value(
        &self,
        name: &str,
        ty: Type,
        day: NaiveDate,
        at: &[(&str, &str)],
    ) -> Result<&Value, PolicyError> {
        let parameter = self
            .parameters
            .get(name)
            .filter(|parameter| parameter.ty == ty);
        let parameter = parameter.ok_or_else(|| PolicyError::UnknownParameter(name.into()))?;
        let given: Vec<Given<'_>> = parameter
            .arguments
            .iter()
            .map(|argument| {
                let value = at.iter().find(|(name, _)| *name == argument.name);
                let text = value.map_or("", |(_, value)| value);
                match argument.ty {
                    Type::Int => Given::Number(text.parse().unwrap_or(0)),
                    _ => Given::Text(text),
                }
            })
            .collect();
        let row = parameter.row(date_number(day), &given);
        row.map(|row| &row.value)
            .map_err(|_| PolicyError::NoRow(name.into(), day))
    }

    /// The conditions of a service as the files write them: code, name with the numbers of a day, expression, law; for the page "看规则全文" and
    /// for the CLI.
    ///
    /// # Errors
    /// An unknown service.
    pub fn rules(&self, service: &str, at: At) -> Result<Vec<Rule<'_>>, PolicyError> {
        let facts = Facts::default();
        let reading = self.reading(service, &facts, &Form::default(), at)?;
        let conditions = self.plan(service)?.conditions.iter();
        Ok(conditions
            .map(|condition| Rule {
                code: &condition.code,
                name: reading.sentence(&condition.name),
                when: &condition.text,
                law: &condition.law,
            })
            .collect())
    }
}

/// Fields that must be filled in and are not stand for nothing yet.
fn open_inputs(plan: &Plan, slots: &mut [Slot]) {
    for (source, slot) in plan.slots.iter().zip(slots) {
        if let SlotSource::Input(index) = source
            && plan.service.inputs[*index].required
            && *slot == Err(Gap::Missing)
        {
            *slot = Err(Gap::Unknown);
        }
    }
}

/// A condition as the files write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule<'a> {
    /// `RENT-02`.
    pub code: &'a str,
    /// What it asks for.
    pub name: String,
    /// The expression.
    pub when: &'a str,
    /// The article.
    pub law: &'a str,
}
