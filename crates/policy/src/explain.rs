//! Draws a decision from a verdict: the sentences, the facts that each condition read, what is waited for, which papers may help, the
//! parts of the amount. Explaining is the same evaluation, looked at.

use serde_json::{Value as Json, json};

use crate::agreement::Settled;
use crate::decision::{
    AmountPart, Condition, ConditionOutcome, Decision, FactRead, MonthAmount, NOTHING, OnUnknown,
    Outcome, Paper, PaperFact, PolicyRef, Shown, StoredDecision, WaitingFor,
};
use crate::evaluate::{Context, NOW, TODAY};
use crate::fact::{At, Fact, FactState, Facts};
use crate::plan::{Plan, PlanCondition, SlotSource, Verdict};
use crate::text::Template;
use crate::value::{Gap, Slot, Value};

/// One reading of a case: the slots as they stood, with the facts behind them.
#[derive(Debug)]
pub struct Reading<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) policy: PolicyRef,
    pub(crate) facts: &'a Facts,
    pub(crate) slots: Vec<Slot>,
    pub(crate) settled: Vec<Settled>,
    pub(crate) from_paper: bool,
    pub(crate) at: At,
}

impl Reading<'_> {
    /// Judges it. The same reading gives the same verdict for ever.
    pub fn judge(&self) -> Verdict {
        self.plan.judge(&self.slots, self.from_paper)
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
            policy: self.policy.clone(),
        }
    }

    /// The decision as it is shown.
    pub fn explain(&self, verdict: &Verdict) -> Decision {
        let conditions = self
            .in_force(verdict)
            .map(|(condition, result)| self.condition(condition, result))
            .collect();
        Decision {
            outcome: verdict.outcome,
            amount_fen: self.amount_fen(verdict),
            subsidy_fen: self.subsidy_fen(verdict),
            conditions,
            policy: self.policy.clone(),
            waiting_for: self.waiting_for(verdict),
            papers: self.papers(verdict, Gap::Missing),
            instead: self.papers(verdict, Gap::Unknown),
            amount_parts: self.amount_parts(verdict),
            months: self.months(verdict),
            review_reasons: self.review_reasons(verdict),
            settled: self.settlements(),
            possible_from: self.possible_from(verdict),
        }
    }

    pub(crate) fn sentence(&self, template: &Template) -> String {
        template.render(self.context(), &|slot, value| {
            let source = self.plan.slots.get(usize::from(slot))?;
            word(source, value).map(str::to_owned)
        })
    }

    pub(crate) fn context(&self) -> Context<'_> {
        Context::new(&self.slots)
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

    fn condition(&self, condition: &PlanCondition, result: Result<bool, Gap>) -> Condition {
        let outcome = condition.outcome(result);
        let met = outcome == ConditionOutcome::Met;
        let mut gaps = Vec::new();
        condition.when.gaps(self.context(), &mut gaps);
        let met_from = (outcome == ConditionOutcome::NotMet)
            .then(|| self.met_from(condition))
            .flatten();
        let detail = match (outcome, result) {
            (ConditionOutcome::Met, _) => self.sentence(&condition.met),
            (ConditionOutcome::NotMet, _) => self.sentence(&condition.refusal),
            (ConditionOutcome::Unknown, Err(gap)) => self.why_unknown(condition, gap, &gaps),
            (ConditionOutcome::Unknown, Ok(_)) => self.sentence(&condition.name),
        };
        Condition {
            code: condition.code.clone(),
            name: self.sentence(&condition.name),
            outcome,
            detail,
            remedy: (!met).then(|| match result {
                Err(Gap::Conflict) => CONFLICT_REMEDY.into(),
                _ => self.sentence(&condition.remedy),
            }),
            law: condition.law.clone(),
            message: condition.message.clone().filter(|_| !met),
            met_from,
            ways: if outcome == ConditionOutcome::NotMet && met_from.is_none() {
                self.ways(condition)
            } else {
                Vec::new()
            },
            on_unknown: condition.on_unknown,
            facts: self.facts_read(&condition.reads, &gaps),
        }
    }

    fn why_unknown(&self, condition: &PlanCondition, gap: Gap, gaps: &[u16]) -> String {
        let mut names: Vec<String> = Vec::new();
        let mut fields: Vec<&str> = Vec::new();
        for slot in gaps {
            if self.slots[usize::from(*slot)] != Err(gap) {
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
    fn facts_read(&self, slots: &[u16], gaps: &[u16]) -> Vec<FactRead> {
        let mut read: Vec<FactRead> = Vec::new();
        let mut values: Vec<(&str, usize, &SlotSource, &Slot)> = Vec::new();
        for slot in slots.iter().filter(|slot| **slot != TODAY && **slot != NOW) {
            let source = &self.plan.slots[usize::from(*slot)];
            let value = &self.slots[usize::from(*slot)];
            let aside = self.set_aside(*slot);
            let key = source_key(source);
            // What was never asked and made no difference is not shown.
            let fact = self.facts.get(key.0, key.1);
            let silent = fact.is_none() && !gaps.contains(slot);
            if silent && !(key.1 == FORM && (value.is_ok() || aside.is_some())) {
                continue;
            }
            let known = read
                .iter()
                .position(|fact| fact.role == key.0 && fact.fact_type == key.1);
            let index = known.unwrap_or_else(|| {
                read.push(self.fact_read(source, fact));
                read.len() - 1
            });
            if *value == Err(Gap::Conflict) {
                read[index].state = FactState::Conflict;
            }
            read[index].set_aside |= aside.is_some();
            let value = aside.unwrap_or(value);
            let name = match source {
                SlotSource::Name(name) => name.name.as_str(),
                _ => "",
            };
            values.push((name, index, source, value));
        }
        // By name, so that a beginning stands before its end however the condition reads them.
        values.sort_by_key(|(name, ..)| *name);
        for (_, index, source, value) in values {
            self.add_value(&mut read[index], source, value);
        }
        read
    }

    fn fact_read(&self, source: &SlotSource, fact: Option<&Fact>) -> FactRead {
        let (role, fact_type) = source_key(source);
        let (from, source_name) = match source {
            SlotSource::Name(name) => (name.fact.source.clone(), name.fact.source_name.clone()),
            _ => (FORM.into(), "您的申请".into()),
        };
        let is_form = fact_type == FORM;
        FactRead {
            fact_type: fact_type.into(),
            role: role.into(),
            subject: fact.map_or_else(|| who(role).into(), |fact| fact.subject.clone()),
            value: json!({}),
            source: fact.map_or(from, |fact| fact.source.clone()),
            source_name,
            state: match fact {
                Some(fact) => fact.state,
                None if is_form => FactState::Known,
                None => FactState::Unknown,
            },
            set_aside: false,
            as_of: fact
                .map(|fact| fact.as_of)
                .or(is_form.then_some(self.at.now)),
            shown: Vec::new(),
            fact_id: fact.and_then(|fact| fact.fact_id),
        }
    }

    fn add_value(&self, read: &mut FactRead, source: &SlotSource, value: &Slot) {
        let ty = source.ty(&self.plan.service);
        let (field, label, unit, hidden) = match source {
            SlotSource::Name(name) => {
                let field = name.name.rsplit('.').next().unwrap_or(&name.name);
                (field, name.label.as_str(), name.unit.as_str(), name.hidden)
            }
            SlotSource::Input(index) => {
                let input = &self.plan.service.inputs[*index];
                (
                    input.name.as_str(),
                    input.label.as_str(),
                    "",
                    input.input_type.is_personal(),
                )
            }
            SlotSource::Today | SlotSource::Now => return,
        };
        // Of sources that disagree each is shown with what it says.
        let said = match (value, source) {
            (Err(Gap::Conflict), SlotSource::Name(name)) => name.value(
                self.facts.get(&name.role, &name.fact.fact_type),
                self.at.now,
            ),
            _ => value.clone(),
        };
        let value = &said;
        let (json, text) = match value {
            Ok(_) if hidden => (Json::Null, "已核对".into()),
            Ok(value) => (
                ty.json(value),
                word(source, value).map_or_else(|| ty.text(value), str::to_owned),
            ),
            Err(Gap::Missing) => (Json::Null, NOTHING.into()),
            Err(Gap::Conflict) => (Json::Null, "来源不一致".into()),
            Err(_) => (Json::Null, "还不知道".into()),
        };
        let text = if unit.is_empty() || value.is_err() {
            text
        } else {
            format!("{text} {unit}")
        };
        if let Json::Object(fields) = &mut read.value {
            fields.insert(field.into(), json);
        }
        // A yes or no with words of its own needs no label; one without words for it is not worth saying.
        let words = match (source, value) {
            (SlotSource::Name(name), Ok(Value::Bool(_))) => !name.words.is_empty(),
            _ => false,
        };
        if words && text.is_empty() {
            return;
        }
        read.shown.push(Shown {
            label: if words { String::new() } else { label.into() },
            text,
        });
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
            .filter(|slot| self.slots[usize::from(*slot)] == Err(Gap::Unknown))
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
            gaps.retain(|slot| self.slots[usize::from(*slot)] == Err(gap));
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

fn source_key(source: &SlotSource) -> (&str, &str) {
    match source {
        SlotSource::Name(name) => (&name.role, &name.fact.fact_type),
        _ => ("applicant", FORM),
    }
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
pub(crate) fn word<'a>(source: &'a SlotSource, value: &Value) -> Option<&'a str> {
    let SlotSource::Name(name) = source else {
        return None;
    };
    let code = match value {
        Value::Text(code) => code.as_ref(),
        Value::Bool(true) => "true",
        Value::Bool(false) => "false",
        _ => return None,
    };
    name.words
        .get(code)
        .or_else(|| name.places.get(code))
        .map(String::as_str)
}
