//! Builds the plan of each service: its own conditions and those that it includes, compiled against the names that it may read.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::agreement::{Agreement, Party};
use crate::evaluate::{NOW, Node, TODAY};
use crate::explain::FORM;
use crate::expression::{self, Meaning, Scope};
use crate::file::{
    PolicyFiles, RawAgree, RawAmount, RawClaim, RawCondition, RawFile, RawKey, RawReview,
};
use crate::load::{Errors, day};
use crate::plan::{
    Amount, AmountTerm, Claim, Field, Plan, PlanCondition, PlanNeed, SlotSource, first_slots,
};
use crate::policy_set::PolicySet;
use crate::region::RegionSet;
use crate::service::{FactNeed, ServiceDefinition};
use crate::text::Template;
use crate::value::{Type, Value, date_number};

/// Builds the plan of every service into the set.
pub(crate) fn services(
    files: &PolicyFiles,
    raw: &BTreeMap<String, RawFile>,
    set: &mut PolicySet,
    errors: &mut Errors,
) {
    let mut used: Vec<&str> = Vec::new();
    let mut plans = BTreeMap::new();
    for (file, own) in raw {
        let Some(service) = &own.service else {
            continue;
        };
        errors.file.clone_from(file);
        let mut parts: Vec<(&str, &RawFile)> = Vec::new();
        for name in &service.include {
            let found = files
                .included(name)
                .and_then(|file| raw.get_key_value(&file));
            match found {
                Some((file, part)) if part.service.is_none() => parts.push((file, part)),
                Some(_) => errors.add("service, include", format!("{name} is itself a service")),
                None => errors.add("service, include", format!("no file {name}")),
            }
        }
        used.extend(parts.iter().map(|(file, _)| *file));
        parts.push((file, own));
        let plan = Builder::new(set, service.clone(), own.amount.as_ref()).build(&parts, errors);
        if plans.insert(service.id.clone(), Arc::new(plan)).is_some() {
            errors.add("service", format!("{} is defined twice", service.id));
        }
    }
    for (file, raw) in raw {
        errors.file.clone_from(file);
        let has_rules =
            !(raw.condition.is_empty() && raw.review.is_empty() && raw.needs.is_empty());
        if raw.service.is_none() && has_rules && !used.contains(&file.as_str()) {
            errors.add("file", "has conditions, but no service includes it");
        }
        if raw.service.is_none() && raw.amount.is_some() {
            errors.add("amount", "stands in a file without a service");
        }
    }
    set.plans = plans;
}

struct Builder<'a> {
    set: &'a PolicySet,
    plan: Plan,
    amount: Option<&'a RawAmount>,
}

impl<'a> Builder<'a> {
    fn new(
        set: &'a PolicySet,
        mut service: ServiceDefinition,
        amount: Option<&'a RawAmount>,
    ) -> Builder<'a> {
        for input in &mut service.inputs {
            let named = input.within.as_ref();
            input.places = named.and_then(|name| set.regions.get(name).cloned());
        }
        let plan = Plan {
            service,
            slots: first_slots(),
            sources: Vec::new(),
            fields: Vec::new(),
            agreements: Vec::new(),
            precedence: set.precedence.clone(),
            conditions: Vec::new(),
            reviews: Vec::new(),
            amount: None,
            claim: Claim::default(),
            advances: Vec::new(),
            needs: Vec::new(),
        };
        Builder { set, plan, amount }
    }

    fn build(mut self, parts: &[(&str, &RawFile)], errors: &mut Errors) -> Plan {
        let own_file = errors.file.clone();
        self.check_definition(errors);
        let mut needs: Vec<FactNeed> = Vec::new();
        for (file, part) in parts {
            errors.file = (*file).into();
            for need in &part.needs {
                if !needs.contains(need) {
                    needs.push(need.clone());
                }
            }
            for raw in &part.condition {
                if let Some(condition) = self.condition(raw, errors) {
                    self.plan.conditions.push(condition);
                }
            }
            part.review.iter().for_each(|raw| self.review(raw, errors));
            if *file != own_file {
                // What all services share is read in the order of its codes.
                self.plan
                    .conditions
                    .sort_by(|left, right| left.code.cmp(&right.code));
            }
        }
        errors.file = own_file;
        needs.extend(self.plan.service.facts.clone());
        self.plan.service.facts.clone_from(&needs);
        needs.into_iter().for_each(|need| self.need(need, errors));
        let set = self.set;
        for (file, raw) in &set.agreements {
            let own_file = std::mem::replace(&mut errors.file, file.clone());
            self.agreement(raw, errors);
            errors.file = own_file;
        }
        for (file, part) in parts {
            let own_file = std::mem::replace(&mut errors.file, (*file).into());
            part.agree
                .iter()
                .for_each(|raw| self.agreement(raw, errors));
            errors.file = own_file;
        }
        if let Some(raw) = self.amount {
            self.plan.amount = self.amount(raw, errors);
        }
        if let Some(raw) = parts.iter().find_map(|(_, part)| part.claim.as_ref()) {
            self.plan.claim = self.claim(raw, errors);
        }
        self.advances(errors);
        self.check_doubles(errors);
        self.sources();
        self.plan
    }

    /// Where the slots are read from, each fact once, and how they are shown.
    fn sources(&mut self) {
        let mut by_name: Vec<usize> = (0..self.plan.slots.len()).collect();
        by_name.sort_by_key(|slot| self.plan.slots[*slot].name());
        for (place, slot) in self.plan.slots.iter().enumerate() {
            let (role, fact_type) = slot.key();
            let sources = &mut self.plan.sources;
            let known = sources
                .iter()
                .position(|known| known.0 == role && known.1 == fact_type);
            let (hidden, has_unit, has_words) = match slot {
                SlotSource::Name(name) => {
                    (name.hidden, !name.unit.is_empty(), !name.words.is_empty())
                }
                SlotSource::Input(index) => {
                    let input = &self.plan.service.inputs[*index];
                    (input.input_type.is_personal(), false, false)
                }
                SlotSource::Today | SlotSource::Now => (false, false, false),
            };
            let rank = by_name.iter().position(|other| *other == place);
            self.plan.fields.push(Field {
                source: known.unwrap_or(sources.len()),
                rank: rank.unwrap_or_default(),
                is_form: fact_type == FORM,
                hidden,
                has_unit,
                has_words,
            });
            if known.is_none() {
                sources.push((role.to_owned(), fact_type.to_owned()));
            }
        }
    }

    /// What grows with time; only names that the service reads anyway do, so that nothing more is asked for it.
    fn advances(&mut self, errors: &mut Errors) {
        let growing: Vec<(u16, String, String)> = (0..)
            .zip(&self.plan.slots)
            .filter_map(|(slot, source)| match source {
                SlotSource::Name(name) => Some((slot, name.name.clone(), name.advances.clone()?)),
                _ => None,
            })
            .collect();
        for (slot, name, text) in growing {
            let node = expression::compile_as(&text, Type::Bool, self);
            if let Some(node) = errors.keep(&format!("name {name}, advances"), node) {
                self.plan.advances.push((slot, node));
            }
        }
    }

    fn check_definition(&self, errors: &mut Errors) {
        let service = &self.plan.service;
        if service.effect == "pay_out" && self.amount.is_none() {
            errors.add("service", "pays out, but has no [amount]");
        }
        if service.effect == "pay_out" && service.withdraw_kind.is_none() {
            errors.add("service", "pays out, but has no withdraw_kind");
        }
        if service.law.is_empty() {
            errors.add("service", "no law");
        }
        if service.short_zh.chars().count() > 8 {
            errors.add("service, short_zh", "longer than eight characters");
        }
        for channel in &service.channels {
            if service.login_on(channel).is_none() {
                errors.add("service, login", format!("no level for channel {channel}"));
            }
        }
        for input in &service.inputs {
            let place = format!("service, input {}", input.name);
            if let Some(within) = &input.within
                && self.set.region(within).is_none()
            {
                errors.add(&place, format!("within: unknown region {within}"));
            }
            let known = |name: &String| service.inputs.iter().any(|one| one.name == *name);
            if let Some(first) = input.not_before.as_ref().filter(|name| !known(name)) {
                errors.add(&place, format!("not_before: unknown input {first}"));
            }
            if let Some(prefill) = &input.prefill
                && !self.set.is_value(prefill)
            {
                errors.add(&place, format!("prefill: unknown name {prefill}"));
            }
            if let Some(fault) = input
                .default
                .as_ref()
                .and_then(|default| input.fault(default))
            {
                errors.add(&place, format!("default: {fault}"));
            }
        }
    }

    fn condition(&mut self, raw: &RawCondition, errors: &mut Errors) -> Option<PlanCondition> {
        let place = format!("condition {}", raw.code);
        for (key, text) in [
            ("law", &raw.law),
            ("refusal", &raw.refusal),
            ("remedy", &raw.remedy),
        ] {
            if text.trim().is_empty() {
                errors.add(&place, format!("no {key}"));
            }
        }
        if let Some(only) = &raw.only {
            match expression::compile_as(only, Type::Bool, self) {
                Ok(Node::Bool(true)) => {}
                Ok(Node::Bool(false)) => return None,
                Ok(_) => errors.add(
                    format!("{place}, only"),
                    "depends on the case, not on the service",
                ),
                Err(error) => errors.add(format!("{place}, only"), error),
            }
        }
        let from = errors.keep(&format!("{place}, from"), day(&raw.from));
        let to = match &raw.to {
            None => Some(i64::MAX),
            Some(to) => errors
                .keep(&format!("{place}, to"), day(to))
                .map(date_number),
        };
        let when = expression::compile_as(&raw.when, Type::Bool, self);
        let when = errors.keep(&format!("{place}, when"), when);
        let applies = match &raw.applies {
            None => None,
            Some(text) => errors.keep(
                &format!("{place}, applies"),
                expression::compile_as(text, Type::Bool, self),
            ),
        };
        let met = raw.met.as_ref().unwrap_or(&raw.name);
        let mut template = |key: &str, text: &str| {
            errors.keep(&format!("{place}, {key}"), Template::compile(text, self))
        };
        let name = template("name", &raw.name);
        let met = template("met", met);
        let refusal = template("refusal", &raw.refusal);
        let remedy = template("remedy", &raw.remedy);
        let when = match &applies {
            None => when?,
            Some(applies) => Node::Any(vec![Node::Not(Box::new(applies.clone())), when?]),
        };
        let mut reads = Vec::new();
        when.slots(&mut reads);
        Some(PlanCondition {
            code: raw.code.clone(),
            name: name?,
            applies,
            when,
            text: raw.when.clone(),
            fields: reads
                .iter()
                .copied()
                .filter(|slot| !matches!(*slot, TODAY | NOW))
                .collect(),
            reads,
            met: met?,
            refusal: refusal?,
            remedy: remedy?,
            law: raw.law.clone(),
            message: raw.message.clone(),
            from: date_number(from?),
            to: to?,
            on_unknown: raw.unknown,
            document: raw.document.clone(),
            suspicion: raw.suspicion,
            stands_in: raw.stands_in.clone(),
            after: raw.after.clone(),
        })
    }

    fn review(&mut self, raw: &RawReview, errors: &mut Errors) {
        let when = expression::compile_as(&raw.when, Type::Bool, self);
        let when = errors.keep("review, when", when);
        let reason = errors.keep("review, reason", Template::compile(&raw.reason, self));
        self.plan.reviews.extend(when.zip(reason));
    }

    fn need(&mut self, need: FactNeed, errors: &mut Errors) {
        let place = format!("needs {} of {}", need.fact_type, need.role);
        if !self.set.facts.contains_key(&need.fact_type) {
            errors.add(&place, "unknown fact type");
        }
        let when = match &need.when {
            None => None,
            Some(text) => errors.keep(&place, expression::compile_as(text, Type::Bool, self)),
        };
        let mut keys = Vec::with_capacity(need.keys.len());
        for (key, text) in &need.keys {
            let place = format!("{place}, key {key}");
            if let Some((node, ty)) = errors.keep(&place, expression::compile(text, self)) {
                keys.push((key.clone(), node, ty));
            }
        }
        self.plan.needs.push(PlanNeed { need, when, keys });
    }

    fn claim(&mut self, raw: &RawClaim, errors: &mut Errors) -> Claim {
        let kind = raw.kind.as_ref().and_then(|text| {
            let node = expression::compile_as(text, Type::Text, self);
            errors.keep("claim, kind", node)
        });
        let parts = raw.key.as_ref().map_or(&[][..], RawKey::parts);
        let key = parts
            .iter()
            .filter_map(|text| errors.keep("claim, key", expression::compile(text, self)))
            .collect();
        Claim {
            kind,
            prefix: raw.prefix.clone(),
            key,
            personal: raw.personal,
        }
    }

    /// Taken into the plan where the service asks for the facts that it compares.
    fn agreement(&mut self, raw: &RawAgree, errors: &mut Errors) {
        let place = format!("agree {}", raw.name);
        let held = self.plan.slots.len();
        let when = expression::compile_as(&raw.when, Type::Bool, self);
        let Some(when) = errors.keep(&place, when) else {
            return;
        };
        let mut reads = Vec::new();
        when.slots(&mut reads);
        let mut parties: Vec<Party> = Vec::new();
        for slot in reads {
            let fact = match &self.plan.slots[usize::from(slot)] {
                SlotSource::Name(name) => Some((name.role.clone(), name.fact.fact_type.clone())),
                SlotSource::Input(_) => None,
                SlotSource::Today | SlotSource::Now => continue,
            };
            match parties.iter_mut().find(|party| party.fact == fact) {
                Some(party) => party.reads.push(slot),
                None => parties.push(Party {
                    fact,
                    reads: vec![slot],
                }),
            }
        }
        if parties.len() < 2 {
            return errors.add(&place, "does not compare two facts");
        }
        let asked = |party: &Party| match &party.fact {
            None => true,
            Some((role, fact_type)) => {
                let mut needs = self.plan.needs.iter();
                needs.any(|asked| asked.need.role == *role && asked.need.fact_type == *fact_type)
            }
        };
        if parties.iter().all(asked) {
            self.plan.agreements.push(Agreement {
                name: raw.name.clone(),
                when,
                parties,
            });
        } else {
            self.plan.slots.truncate(held);
        }
    }

    fn amount(&mut self, raw: &RawAmount, errors: &mut Errors) -> Option<Amount> {
        let formula = expression::compile_as(&raw.formula, Type::Fen, self);
        let formula = errors.keep("amount, formula", formula);
        let first = raw.first.as_ref().and_then(|text| {
            let node = expression::compile_as(text, Type::Fen, self);
            errors.keep("amount, first", node)
        });
        let months = raw.months.as_ref().and_then(|text| {
            let node = expression::compile_as(text, Type::Fen, self).and_then(|node| match node {
                Node::SumMonths(_) => Ok(node),
                _ => Err("is not a sum over months".to_owned()),
            });
            errors.keep("amount, months", node)
        });
        let mut parts = Vec::new();
        for part in &raw.part {
            let place = format!("amount, part {}", part.label);
            let label = errors.keep(&place, Template::compile(&part.label, self));
            let formula = expression::compile_as(&part.formula, Type::Fen, self);
            let formula = errors.keep(&place, formula);
            let when = match &part.when {
                None => None,
                Some(text) => errors.keep(&place, expression::compile_as(text, Type::Bool, self)),
            };
            if let Some((label, formula)) = label.zip(formula) {
                parts.push(AmountTerm {
                    label,
                    formula,
                    when,
                });
            }
        }
        Some(Amount {
            after: raw.after.clone(),
            formula: formula?,
            first,
            months,
            parts,
        })
    }

    /// One code is one condition on any day, and what another stands in for is there.
    fn check_doubles(&self, errors: &mut Errors) {
        let conditions = &self.plan.conditions;
        for condition in conditions {
            let missing = condition.stands_in.as_ref().filter(|code| {
                !conditions.iter().any(|other| {
                    other.code == **code
                        && other.code != condition.code
                        && other.stands_in.is_none()
                })
            });
            if let Some(code) = missing {
                let place = format!("condition {}", condition.code);
                errors.add(place, format!("stands in for {code}, which is not there"));
            }
        }
        let amount = self.plan.amount.as_ref().and_then(|one| one.after.as_ref());
        let waits = conditions
            .iter()
            .filter_map(|one| Some((format!("condition {}", one.code), one.after.as_ref()?)))
            .chain(amount.map(|code| ("amount".to_owned(), code)));
        for (place, code) in waits {
            // One step only: what is told after a condition cannot itself be waited for.
            if !conditions
                .iter()
                .any(|other| other.code == *code && other.after.is_none())
            {
                errors.add(place, format!("comes after {code}, which is not there"));
            }
        }
        for (index, condition) in conditions.iter().enumerate() {
            let clash = conditions[..index].iter().any(|earlier| {
                let apart = earlier.to < condition.from || condition.to < earlier.from;
                earlier.code == condition.code && !apart
            });
            if clash {
                let place = format!("condition {}", condition.code);
                errors.add(place, "stands twice for the same days");
            }
        }
    }

    fn slot(&mut self, wanted: SlotSource) -> Option<u16> {
        let same = |held: &SlotSource| match (held, &wanted) {
            (SlotSource::Name(held), SlotSource::Name(wanted)) => held.name == wanted.name,
            (SlotSource::Input(held), SlotSource::Input(wanted)) => held == wanted,
            _ => false,
        };
        let index = self.plan.slots.iter().position(same).unwrap_or_else(|| {
            self.plan.slots.push(wanted);
            self.plan.slots.len() - 1
        });
        u16::try_from(index).ok()
    }
}

impl Scope for Builder<'_> {
    fn meaning(&mut self, name: &str) -> Option<Meaning> {
        let service = &self.plan.service;
        match name {
            "now" => return Some(Meaning::Slot(NOW, Type::Instant)),
            "service.id" => {
                return Some(Meaning::Constant(Value::Text(service.id.as_str().into())));
            }
            "service.kind" => {
                let kind = service.withdraw_kind.as_deref().unwrap_or("none");
                return Some(Meaning::Constant(Value::Text(kind.into())));
            }
            "service.closing" => return Some(Meaning::Constant(Value::Bool(service.closing))),
            // Whether its amount says what the housing subsidy's account comes after.
            "service.takes_subsidy" => {
                let takes = self.amount.is_some_and(|raw| raw.first.is_some());
                return Some(Meaning::Constant(Value::Bool(takes)));
            }
            "amount" => {
                let raw = self.amount?;
                return Some(Meaning::Formula(raw.formula.clone(), Type::Fen));
            }
            _ => {}
        }
        if let Some(field) = name.strip_prefix("form.") {
            let index = service
                .inputs
                .iter()
                .position(|input| input.name == field)?;
            let source = SlotSource::Input(index);
            let ty = source.ty(service);
            return Some(Meaning::Slot(self.slot(source)?, ty));
        }
        if let Some(declared) = self.set.names.get(name) {
            let ty = declared.ty;
            return Some(Meaning::Slot(
                self.slot(SlotSource::Name(declared.clone()))?,
                ty,
            ));
        }
        if let Some((formula, ty, _)) = self.set.defines.get(name) {
            return Some(Meaning::Formula(formula.clone(), *ty));
        }
        self.set
            .parameters
            .get(name)
            .cloned()
            .map(Meaning::Parameter)
    }

    fn region(&self, name: &str) -> Option<Arc<RegionSet>> {
        self.set.regions.get(name).cloned()
    }
}
