//! Draws a decision from a verdict: the sentences, the facts that each condition read, what is waited for, which papers may help, the
//! parts of the amount. Explaining is the same evaluation, looked at.

use std::sync::Arc;

use crate::agreement::Settled;
use crate::decision::{
    AmountPart, ConditionOutcome, Conditions, Decision, MonthAmount, OnUnknown, Outcome, Paper,
    PaperFact, PolicyRef, StoredDecision, WaitingFor,
};
use crate::drawn::{CHECKED, Gathered, Healing, Span};
use crate::evaluate::{Context, Val};
use crate::fact::{At, Fact, Facts};
use crate::plan::{Field, Plan, PlanCondition, SlotSource, Verdict};
use crate::text::Template;
use crate::value::{Gap, Slot, Value};

/// One reading of a case: the slots as they stood, with the facts behind them.
#[derive(Debug)]
pub struct Reading<'a> {
    pub(crate) plan: &'a Arc<Plan>,
    pub(crate) policy: &'a Arc<PolicyRef>,
    pub(crate) facts: &'a Facts,
    /// The facts by the plan's sources.
    pub(crate) found: Vec<Option<&'a Fact>>,
    pub(crate) gathered: Arc<Gathered>,
    pub(crate) settled: Vec<Settled>,
    pub(crate) from_paper: bool,
    pub(crate) at: At,
}

impl Reading<'_> {
    /// Judges it. The same reading gives the same verdict for ever.
    pub fn judge(&self) -> Verdict {
        self.plan.judge(&self.gathered.slots, self.from_paper)
    }

    /// What is kept of the verdict.
    pub fn stored(&self, verdict: &Verdict) -> StoredDecision {
        let in_force = self.in_force(verdict);
        StoredDecision {
            service: self.plan.service.id.clone(),
            at: self.at,
            outcome: verdict.outcome,
            amount_fen: self.amount_fen(verdict),
            conditions: in_force
                .map(|(condition, result)| (condition.code.clone(), condition.outcome(result)))
                .collect(),
            fact_ids: self
                .facts
                .iter()
                .filter(|fact| self.plan.reads(fact))
                .filter_map(|fact| fact.fact_id)
                .collect(),
            policy: self.policy.as_ref().clone(),
        }
    }

    /// The decision as it is shown.
    pub fn explain(&self, verdict: &Verdict) -> Decision {
        let has_gaps = verdict
            .results
            .iter()
            .any(|one| matches!(one, Some(Err(_))));
        let papers = |gap| {
            if has_gaps {
                self.papers(verdict, gap)
            } else {
                Vec::new()
            }
        };
        Decision {
            outcome: verdict.outcome,
            amount_fen: self.amount_fen(verdict),
            subsidy_fen: self.subsidy_fen(verdict),
            conditions: self.conditions(verdict),
            policy: self.policy.clone(),
            waiting_for: self.waiting_for(verdict),
            papers: papers(Gap::Missing),
            instead: papers(Gap::Unknown),
            amount_parts: self.amount_parts(verdict),
            months: self.months(verdict),
            review_reasons: self.review_reasons(verdict),
            settled: self.settlements(),
            possible_from: self.possible_from(verdict),
        }
    }

    pub(crate) fn sentence(&self, template: &Template) -> String {
        let mut text = String::new();
        self.write(template, &mut text);
        text
    }

    fn write(&self, template: &Template, text: &mut String) {
        template.write(text, self.context(), &|slot, value| {
            word(self.plan.slots.get(usize::from(slot))?, value)
        });
    }

    pub(crate) fn context(&self) -> Context<'_> {
        Context::new(&self.gathered.slots)
    }

    pub(crate) fn in_force<'v>(
        &'v self,
        verdict: &'v Verdict,
    ) -> impl Iterator<Item = (&'v PlanCondition, Result<bool, Gap>)> {
        let results = self.plan.conditions.iter().zip(&verdict.results);
        results.filter_map(|(condition, result)| Some((condition, (*result)?)))
    }

    fn amount_fen(&self, verdict: &Verdict) -> Option<i64> {
        match (verdict.outcome, verdict.amount?) {
            (Outcome::Refused, _) => Some(0),
            (_, amount) => amount.ok(),
        }
    }

    /// The fund's account first, the rest from the housing subsidy's.
    fn subsidy_fen(&self, verdict: &Verdict) -> Option<i64> {
        let first = self.plan.amount.as_ref()?.first.as_ref()?;
        let rest = self.amount_fen(verdict)? - first.number(self.context()).ok()?;
        (rest > 0).then_some(rest)
    }

    /// Draws every condition in force.
    fn conditions(&self, verdict: &Verdict) -> Conditions {
        let mut drawn = Conditions::new(&self.gathered);
        let mut scratch = Vec::new();
        for (rule, result) in verdict.results.iter().enumerate() {
            if let Some(result) = result {
                self.condition(rule, *result, &mut drawn, &mut scratch);
            }
        }
        drawn
    }

    fn condition<'s>(
        &'s self,
        rule: usize,
        result: Result<bool, Gap>,
        drawn: &mut Conditions,
        scratch: &mut Vec<FieldOf<'s>>,
    ) {
        let condition = &self.plan.conditions[rule];
        let outcome = condition.outcome(result);
        let mut gaps = Vec::new();
        if result.is_err() {
            condition.when.gaps(self.context(), &mut gaps);
        }
        let detail = match (outcome, result) {
            (ConditionOutcome::Met, _) => self.drawn(&condition.met, drawn),
            (ConditionOutcome::NotMet, _) => self.drawn(&condition.refusal, drawn),
            (ConditionOutcome::Unknown, Err(gap)) => {
                let why = self.why_unknown(condition, gap, &gaps);
                drawn.write(|text| text.push_str(&why))
            }
            (ConditionOutcome::Unknown, Ok(_)) => self.drawn(&condition.name, drawn),
        };
        let remedy = match (outcome, result) {
            (ConditionOutcome::Met, _) => Span::NONE,
            (_, Err(Gap::Conflict)) => drawn.write(|text| text.push_str(CONFLICT_REMEDY)),
            _ => self.drawn(&condition.remedy, drawn),
        };
        let name = self.drawn(&condition.name, drawn);
        let first = drawn.facts_so_far();
        self.facts_read(&condition.fields, &gaps, drawn, scratch);
        let facts = Span::new(first, drawn.facts_so_far());
        let row = drawn.push();
        row.rule = rule;
        row.outcome = outcome;
        row.name = name;
        row.detail = detail;
        row.remedy = remedy;
        row.facts = facts;
        if outcome == ConditionOutcome::NotMet {
            let met_from = self.met_from(condition);
            let ways = match met_from {
                Some(_) => Vec::new(),
                None => self.ways(condition),
            };
            drawn.heal(Healing { met_from, ways });
        }
    }

    /// The sentence with this person's figures; none where it has no figures and stands in the policy as it is.
    fn drawn(&self, template: &Template, drawn: &mut Conditions) -> Span {
        if template.fixed().is_some() {
            Span::NONE
        } else {
            drawn.write(|text| self.write(template, text))
        }
    }

    fn why_unknown(&self, condition: &PlanCondition, gap: Gap, gaps: &[u16]) -> String {
        let mut names: Vec<String> = Vec::new();
        let mut fields: Vec<&str> = Vec::new();
        for slot in gaps {
            if self.gathered.slots[usize::from(*slot)] != Err(gap) {
                continue;
            }
            match &self.plan.slots[usize::from(*slot)] {
                SlotSource::Name(name) => {
                    let word = match gap {
                        Gap::Missing => &name.fact.label,
                        _ => &name.fact.source_name,
                    };
                    if !names.contains(word) {
                        names.push(word.clone());
                    }
                }
                SlotSource::Input(index) => fields.push(&self.plan.service.inputs[*index].label),
                SlotSource::Today | SlotSource::Now => {}
            }
        }
        let names = names.join("、");
        match gap {
            Gap::Unknown if names.is_empty() => {
                format!("办理时填写{}后核对", fields.join("、"))
            }
            Gap::Missing => format!(
                "未查询到{names}，请补充：{}",
                condition.document.as_deref().unwrap_or_default()
            ),
            Gap::Unknown => format!("{names}还没有答复，收到答复后自动继续"),
            Gap::Conflict => format!("{names}：不同来源的信息不一致，转人工核对"),
            Gap::Fault(fault) => format!("规则暂时无法计算（{fault}），转人工核对"),
        }
    }

    /// The facts behind these slots, one entry each, with only the fields that were read.
    fn facts_read<'s>(
        &'s self,
        slots: &[u16],
        gaps: &[u16],
        drawn: &mut Conditions,
        read: &mut Vec<FieldOf<'s>>,
    ) {
        if let [slot] = slots {
            let aside = self.set_aside(*slot);
            if self.is_shown(*slot, gaps, aside) {
                self.fact(
                    &[FieldOf {
                        fact: 0,
                        slot: *slot,
                        aside,
                    }],
                    drawn,
                );
            }
            return;
        }
        read.clear();
        for slot in slots {
            let aside = self.set_aside(*slot);
            if !self.is_shown(*slot, gaps, aside) {
                continue;
            }
            let from = self.field_of(*slot).source;
            let mut known = read.iter();
            let known = known.find(|one| self.field_of(one.slot).source == from);
            read.push(FieldOf {
                fact: known.map_or(read.len(), |one| one.fact),
                slot: *slot,
                aside,
            });
        }
        // By name, so that a beginning stands before its end however the condition reads them.
        read.sort_by_key(|one| (one.fact, self.field_of(one.slot).rank));
        for fields in read.chunk_by(|one, next| one.fact == next.fact) {
            self.fact(fields, drawn);
        }
    }

    /// What was never asked and made no difference is not shown.
    #[inline]
    fn is_shown(&self, slot: u16, gaps: &[u16], aside: Option<&Slot>) -> bool {
        let field = self.field_of(slot);
        let filled_in =
            field.is_form && (self.gathered.slots[usize::from(slot)].is_ok() || aside.is_some());
        filled_in || self.found[field.source].is_some() || gaps.contains(&slot)
    }

    fn field_of(&self, slot: u16) -> &Field {
        &self.plan.fields[usize::from(slot)]
    }

    /// One fact with these of its fields.
    fn fact(&self, fields: &[FieldOf<'_>], drawn: &mut Conditions) {
        let first = drawn.fields_so_far();
        for field in fields {
            self.field(field, drawn);
        }
        let at_odds = |one: &FieldOf<'_>| {
            matches!(
                self.gathered.slots[usize::from(one.slot)],
                Err(Gap::Conflict)
            )
        };
        let all = Span::new(first, drawn.fields_so_far());
        let fact = drawn.push_fact(usize::from(fields[0].slot));
        fact.fields = all;
        fact.in_conflict = fields.iter().any(at_odds);
        fact.set_aside = fields.iter().any(|one| one.aside.is_some());
    }

    fn field(&self, one: &FieldOf<'_>, drawn: &mut Conditions) {
        let place = usize::from(one.slot);
        let source = &self.plan.slots[place];
        let field = &self.plan.fields[place];
        let mut value = one.aside.unwrap_or(&self.gathered.slots[place]);
        // Of sources that disagree each is shown with what it says.
        let said;
        if let (Err(Gap::Conflict), SlotSource::Name(name)) = (value, source) {
            said = name.value(self.found[field.source], self.at.now);
            value = &said;
        }
        if !std::ptr::eq(value, &self.gathered.slots[place]) {
            drawn.push_said(value);
        }
        // A yes or no with words of its own needs no label; one without words for it is not worth saying.
        let says_itself = field.has_words && matches!(value, Ok(Value::Bool(_)));
        let word = match value {
            Ok(value) if !field.hidden => word(source, value.into()),
            _ => None,
        };
        let words = match (value, word) {
            (Ok(_), _) if field.hidden && !field.has_unit => Span::CHECKED,
            (Ok(_), Some("")) if says_itself && !field.has_unit => Span::SILENT,
            (Ok(_), Some(_)) if !field.has_unit => Span::VOCABULARY,
            (Ok(value), word) => drawn.write(|text| {
                match word {
                    _ if field.hidden => text.push_str(CHECKED),
                    Some(word) => text.push_str(word),
                    None => source.ty(&self.plan.service).write(text, value.into()),
                }
                if let SlotSource::Name(name) = source
                    && field.has_unit
                {
                    text.push(' ');
                    text.push_str(&name.unit);
                }
            }),
            (Err(Gap::Missing), _) => Span::NOTHING,
            (Err(Gap::Conflict), _) => Span::AT_ODDS,
            (Err(_), _) => Span::NOT_KNOWN,
        };
        drawn.push_field(place, words);
    }

    /// What a slot's source had said, where another is believed.
    fn set_aside(&self, slot: u16) -> Option<&Slot> {
        let mut said = self.settled.iter().flat_map(|settled| &settled.said);
        said.find(|(of, _)| *of == slot).map(|(_, said)| said)
    }

    fn waiting_for(&self, verdict: &Verdict) -> Vec<WaitingFor> {
        let mut gaps = Vec::new();
        for (condition, result) in self.in_force(verdict) {
            if matches!(result, Err(Gap::Unknown)) {
                condition.when.gaps(self.context(), &mut gaps);
            }
        }
        if let (Some(amount), Some(Err(Gap::Unknown))) = (&self.plan.amount, verdict.amount) {
            amount.formula.gaps(self.context(), &mut gaps);
        }
        let mut waiting: Vec<WaitingFor> = gaps
            .into_iter()
            .filter(|slot| self.gathered.slots[usize::from(*slot)] == Err(Gap::Unknown))
            .filter_map(|slot| match &self.plan.slots[usize::from(slot)] {
                SlotSource::Name(name) => Some(WaitingFor {
                    source: name.fact.source.clone(),
                    source_name: name.fact.source_name.clone(),
                    fact_type: name.fact.fact_type.clone(),
                    role: name.role.clone(),
                }),
                _ => None,
            })
            .collect();
        waiting.sort();
        waiting.dedup();
        waiting
    }

    /// The papers that may stand in for records that are not there, or for sources that stay silent.
    fn papers(&self, verdict: &Verdict, gap: Gap) -> Vec<Paper> {
        let mut papers = Vec::new();
        for (condition, result) in self.in_force(verdict) {
            let Some(document) = &condition.document else {
                continue;
            };
            let asked = gap == Gap::Missing || condition.on_unknown == OnUnknown::Paper;
            if result != Err(gap) || !asked {
                continue;
            }
            let mut gaps = Vec::new();
            condition.when.gaps(self.context(), &mut gaps);
            gaps.retain(|slot| self.gathered.slots[usize::from(*slot)] == Err(gap));
            papers.push(Paper {
                condition: condition.code.clone(),
                name: document.clone(),
                facts: self.paper_facts(&gaps),
            });
        }
        papers
    }

    fn paper_facts(&self, gaps: &[u16]) -> Vec<PaperFact> {
        let mut facts: Vec<PaperFact> = Vec::new();
        for slot in gaps {
            if let SlotSource::Name(name) = &self.plan.slots[usize::from(*slot)] {
                let role = name.role.clone();
                let fact = PaperFact {
                    role,
                    fact_type: name.fact.fact_type.clone(),
                };
                if !facts.contains(&fact) {
                    facts.push(fact);
                }
            }
        }
        facts
    }

    fn months(&self, verdict: &Verdict) -> Vec<MonthAmount> {
        let months = self
            .plan
            .amount
            .as_ref()
            .and_then(|amount| amount.months.as_ref());
        let (Some(months), Some(Ok(mut left))) = (months, verdict.amount) else {
            return Vec::new();
        };
        months
            .by_month(self.context())
            .into_iter()
            .filter(|(_, allowed_fen)| *allowed_fen > 0)
            .filter_map(|(month, allowed_fen)| {
                let fen = allowed_fen.min(left);
                left -= fen;
                let month = anju_domain::calendar::Month::from_index(i32::try_from(month).ok()?);
                Some(MonthAmount {
                    month,
                    allowed_fen,
                    fen,
                })
            })
            .collect()
    }

    fn amount_parts(&self, verdict: &Verdict) -> Vec<AmountPart> {
        let (Some(amount), Some(total)) = (&self.plan.amount, verdict.amount) else {
            return Vec::new();
        };
        if !self.plan.is_open(amount.after.as_deref(), &verdict.results) {
            return Vec::new();
        }
        let mut parts = Vec::new();
        let mut bound = false;
        for term in &amount.parts {
            let shown = term.when.as_ref().map(|when| when.truth(self.context()));
            if matches!(shown, Some(Ok(false) | Err(_))) {
                continue;
            }
            let fen = term.formula.number(self.context()).ok();
            let binding = !bound && fen.is_some() && fen == total.ok();
            bound |= binding;
            parts.push(AmountPart {
                label: self.sentence(&term.label),
                fen,
                binding,
            });
        }
        parts
    }

    fn review_reasons(&self, verdict: &Verdict) -> Vec<String> {
        if verdict.outcome != Outcome::Review {
            return Vec::new();
        }
        let mut reasons: Vec<String> = Vec::new();
        for (condition, result) in self.in_force(verdict) {
            let suspicious = condition.suspicion && matches!(result, Ok(false) | Err(Gap::Missing));
            if suspicious {
                reasons.push(self.sentence(&condition.refusal));
            } else if let Err(gap @ (Gap::Conflict | Gap::Fault(_))) = result {
                let mut gaps = Vec::new();
                condition.when.gaps(self.context(), &mut gaps);
                reasons.push(self.why_unknown(condition, gap, &gaps));
            }
        }
        match verdict.amount {
            Some(Err(_)) => reasons.push("金额暂时无法由规则算出".into()),
            Some(Ok(fen)) if fen <= 0 => reasons.push("可提金额为零".into()),
            _ => {}
        }
        for index in &verdict.reviews {
            reasons.push(self.sentence(&self.plan.reviews[*index].1));
        }
        if verdict.from_paper {
            reasons.push("部分信息来自您提交的材料，需人工核对".into());
        }
        if reasons.is_empty() {
            reasons.push("该事项由工作人员审核".into());
        }
        reasons
    }
}

/// What somebody can do while two sources disagree: the rule's own remedy would heal another ill.
const CONFLICT_REMEDY: &str = "请等工作人员核对；其中一处登记有误的，可向该部门申请更正";

/// The fact type under which the form is shown.
pub(crate) const FORM: &str = "form";

/// A field that a condition read, with its fact: the place of that fact's first field among what the condition read.
struct FieldOf<'a> {
    fact: usize,
    slot: u16,
    /// What its source said, where another is believed.
    aside: Option<&'a Slot>,
}

/// Who a role is, in sentences.
#[must_use]
pub fn who(role: &str) -> &'static str {
    match role {
        "spouse" => "配偶",
        "patient" => "患者",
        "beneficiary" => "保障对象",
        "deceased" => "逝者",
        "heir_2" => "第二位继承人",
        "heir_3" => "第三位继承人",
        "heir_4" => "第四位继承人",
        "heir_5" => "第五位继承人",
        "heir_6" => "第六位继承人",
        "heir_7" => "第七位继承人",
        "heir_8" => "第八位继承人",
        "heir_9" => "第九位继承人",
        "heir_10" => "第十位继承人",
        "heir_11" => "第十一位继承人",
        "heir_12" => "第十二位继承人",
        "heir_13" => "第十三位继承人",
        "heir_14" => "第十四位继承人",
        "heir_15" => "第十五位继承人",
        "heir_16" => "第十六位继承人",
        "heir_17" => "第十七位继承人",
        "heir_18" => "第十八位继承人",
        "heir_19" => "第十九位继承人",
        "heir_20" => "第二十位继承人",
        _ => "本人",
    }
}

/// The value's word, where the vocabulary has one.
pub(crate) fn word<'a>(source: &'a SlotSource, value: Val<'_>) -> Option<&'a str> {
    let SlotSource::Name(name) = source else {
        return None;
    };
    let code = match value {
        Val::Text(code) => code,
        Val::Bool(true) => "true",
        Val::Bool(false) => "false",
        _ => return None,
    };
    name.words
        .get(code)
        .or_else(|| name.places.get(code))
        .map(String::as_str)
}
