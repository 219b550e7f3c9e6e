//! What would change a no (怎样就会通过): the first day on which it will be a yes if nothing but time passes (who contributes goes on
//! contributing: `advances` of the vocabulary says what grows), and otherwise which facts would have to say something else. Both are searches with the same evaluator over the same slots: what is named here has been tried, and
//! nothing is written by hand for any one condition.

use anju_domain::calendar::{Month, chinese_date};
use chrono::{Days, Months, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::decision::{Condition, ConditionOutcome, Decision, Outcome};
use crate::evaluate::{Context, NOW, Node, TODAY};
use crate::explain::{Reading, word};
use crate::plan::{PlanCondition, SlotSource, Verdict};
use crate::value::{Gap, Slot, Type, Value, date_number, date_of, month_of};

/// What one fact would have to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// `account`.
    pub role: String,
    /// `own.contribution`; `form` for what is filled in.
    #[serde(rename = "type")]
    pub fact_type: String,
    /// `continuous_months`.
    pub field: String,
    /// 连续缴存.
    pub label: String,
    /// What it says now, in words.
    pub now: String,
    /// What it would have to say, in words: 至少 3 个月.
    pub needed: String,
    /// The same as a value, as the fact would write it.
    pub value: serde_json::Value,
    /// Who says it: 本中心账簿.
    pub source_name: String,
}

/// Days that are tried one by one: the longest interval of the rules and a leap day.
const DAYS: u64 = 3 * 366;
/// Months that are tried after them, for what is a working life away (an age).
const MONTHS: u32 = 12 * 60;
/// Ways that are told of one condition.
const WAYS: usize = 3;
/// Steps of a search for a number: past any count, sum and date that the rules know.
const STEPS: u32 = 46;

/// A set of slots with what they would have to hold.
type Way = Vec<(u16, Value)>;

impl Reading<'_> {
    /// The slots as they will stand by the end of a day, if nothing but time passes.
    fn on(&self, slots: &mut [Slot], day: NaiveDate) {
        let end = anju_domain::clock::end_of_day(day).max(self.at.now);
        slots[usize::from(TODAY)] = Ok(Value::Number(date_number(day)));
        slots[usize::from(NOW)] = Ok(Value::Number(end.timestamp()));
        let months = Month::of(day).index() - Month::of(self.at.today).index();
        for (slot, holds) in &self.plan.advances {
            let held = &self.gathered.slots[usize::from(*slot)];
            if let Ok(Value::Number(number)) = held
                && holds.truth(self.context()) == Ok(true)
            {
                slots[usize::from(*slot)] = Ok(Value::Number(number + i64::from(months)));
            }
        }
    }

    /// The first day by whose end something holds; tried day by day for three years, then month by month and back to the day.
    fn first_day(&self, from: NaiveDate, holds: &dyn Fn(&[Slot]) -> bool) -> Option<NaiveDate> {
        let mut slots = self.gathered.slots.clone();
        let mut on = |day: NaiveDate| {
            self.on(&mut slots, day);
            holds(&slots)
        };
        let near = (0..=DAYS).map_while(|days| from.checked_add_days(Days::new(days)));
        for day in near {
            if on(day) {
                return Some(day);
            }
        }
        let mut before = from.checked_add_days(Days::new(DAYS))?;
        for months in 1..=MONTHS {
            let day = from
                .checked_add_days(Days::new(DAYS))?
                .checked_add_months(Months::new(months))?;
            if on(day) {
                let mut first = before;
                while !on(first) {
                    first = first.succ_opt()?;
                }
                return Some(first);
            }
            before = day;
        }
        None
    }

    /// The first day on which a condition will be met with the facts as they are.
    pub(crate) fn met_from(&self, condition: &PlanCondition) -> Option<NaiveDate> {
        // What no day or instant enters cannot change by waiting.
        let grows = |slot: &u16| {
            self.plan
                .advances
                .iter()
                .any(|(growing, _)| growing == slot)
        };
        let waits = |slot: &u16| matches!(*slot, TODAY | NOW) || grows(slot);
        if !condition.reads.iter().any(waits) {
            return None;
        }
        self.first_day(self.at.today, &|slots| {
            condition.when.truth(Context::new(slots)) == Ok(true)
        })
    }

    /// The first day on which nothing is refused any more, if nothing but time passes; none for what is not refused now, and where time
    /// alone does not help.
    pub fn possible_from(&self, verdict: &Verdict) -> Option<NaiveDate> {
        if verdict.outcome != Outcome::Refused {
            return None;
        }
        let mut from = self.at.today;
        for (condition, result) in self.in_force(verdict) {
            if condition.outcome(result) == ConditionOutcome::NotMet && !condition.suspicion {
                from = from.max(self.met_from(condition)?);
            }
        }
        self.first_day(from, &|slots| {
            self.plan.judge(slots, self.from_paper).outcome != Outcome::Refused
        })
    }

    /// The nearest changes of facts that turn a no of this condition into a yes, each tried; several where one would do as well as another.
    pub(crate) fn ways(&self, condition: &PlanCondition) -> Vec<Vec<Change>> {
        let mut slots = self.gathered.slots.clone();
        // Not by leaving the condition out, but by meeting it.
        let node = match (&condition.applies, &condition.when) {
            (Some(_), Node::Any(parts)) => parts.last().unwrap_or(&condition.when),
            _ => &condition.when,
        };
        let mut ways = self.repair(node, true, &mut slots);
        ways.retain(|way| {
            let mut tried = self.gathered.slots.clone();
            for (slot, value) in way {
                tried[usize::from(*slot)] = Ok(value.clone());
            }
            !way.is_empty() && condition.when.truth(Context::new(&tried)) == Ok(true)
        });
        ways.iter()
            .map(|way| way.iter().map(|one| self.change(one)).collect())
            .collect()
    }

    /// Ways to make an expression say what is wanted: every part of a conjunction, the cheapest part of a choice.
    fn repair(&self, node: &Node, wanted: bool, slots: &mut [Slot]) -> Vec<Way> {
        if node.truth(Context::new(slots)) == Ok(wanted) {
            return vec![Way::new()];
        }
        match node {
            Node::Not(inner) => self.repair(inner, !wanted, slots),
            Node::All(parts) if wanted => self.each(parts, wanted, slots),
            Node::Any(parts) if !wanted => self.each(parts, wanted, slots),
            Node::All(parts) | Node::Any(parts) => {
                let ways = parts
                    .iter()
                    .flat_map(|part| self.repair(part, wanted, slots));
                nearest(ways.collect())
            }
            Node::If(parts) => {
                let mut ways = Vec::new();
                for (branch, which) in [(&parts.1, true), (&parts.2, false)] {
                    ways.extend(self.both(&parts.0, which, branch, wanted, slots));
                }
                nearest(ways)
            }
            _ => self.single(node, wanted, slots),
        }
    }

    /// Every part, the later ones with what the earlier ones changed.
    fn each(&self, parts: &[Node], wanted: bool, slots: &mut [Slot]) -> Vec<Way> {
        let mut found: Vec<Way> = vec![Way::new()];
        for part in parts {
            let mut next = Vec::new();
            for way in &found {
                let before = apply(way, slots);
                for more in self.repair(part, wanted, slots) {
                    let mut joined = way.clone();
                    joined.extend(more);
                    next.push(joined);
                }
                undo(before, slots);
            }
            found = nearest(next);
            if found.is_empty() {
                return found;
            }
        }
        found
    }

    fn both(
        &self,
        condition: &Node,
        which: bool,
        branch: &Node,
        wanted: bool,
        slots: &mut [Slot],
    ) -> Vec<Way> {
        let mut found = Vec::new();
        for way in self.repair(condition, which, slots) {
            let before = apply(&way, slots);
            for more in self.repair(branch, wanted, slots) {
                let mut joined = way.clone();
                joined.extend(more);
                found.push(joined);
            }
            undo(before, slots);
        }
        found
    }

    /// One value that is enough for an expression without parts, for each slot that can give one.
    fn single(&self, node: &Node, wanted: bool, slots: &mut [Slot]) -> Vec<Way> {
        let mut reads = Vec::new();
        node.slots(&mut reads);
        let mut ways = Vec::new();
        for slot in reads.into_iter().filter(|slot| *slot > NOW) {
            let source = &self.plan.slots[usize::from(slot)];
            let held = slots[usize::from(slot)].clone();
            // Who has not answered yet would have to answer first.
            if matches!(held, Err(Gap::Unknown | Gap::Conflict | Gap::Fault(_))) {
                continue;
            }
            let ty = source.ty(&self.plan.service);
            let mut holds = |value: Value| {
                slots[usize::from(slot)] = Ok(value);
                node.truth(Context::new(slots)) == Ok(wanted)
            };
            let found = match (ty, &held) {
                (Type::Bool, _) => [true, false]
                    .into_iter()
                    .map(Value::Bool)
                    .find(|value| held.as_ref() != Ok(value) && holds(value.clone())),
                (Type::Text, _) => self
                    .codes(node, source)
                    .into_iter()
                    .map(|code| Value::Text(code.as_str().into()))
                    .find(|value| held.as_ref() != Ok(value) && holds(value.clone())),
                (Type::Months, _) => {
                    Some(Value::Months([].into())).filter(|value| holds(value.clone()))
                }
                (Type::FenByMonth | Type::TextByMonth | Type::Instant, _) => None,
                (_, Ok(Value::Number(number))) => {
                    nearest_number(ty, *number, &mut |number| holds(Value::Number(number)))
                        .map(Value::Number)
                }
                _ => self
                    .start(ty)
                    .and_then(|number| {
                        nearest_number(ty, number, &mut |number| holds(Value::Number(number)))
                    })
                    .map(Value::Number),
            };
            slots[usize::from(slot)] = held;
            ways.extend(found.map(|value| vec![(slot, value)]));
        }
        nearest(ways)
    }

    /// Where the search for a number begins that nobody has given.
    fn start(&self, ty: Type) -> Option<i64> {
        match ty {
            Type::Int | Type::Fen | Type::Bp => Some(0),
            Type::Date => Some(date_number(self.at.today)),
            Type::Month => Some(crate::value::month_number(Month::of(self.at.today))),
            _ => None,
        }
    }

    /// Codes that a text may hold: those with a word, and those that the expression asks for.
    fn codes(&self, node: &Node, source: &SlotSource) -> Vec<String> {
        let mut codes = Vec::new();
        node.codes(&mut codes);
        match source {
            SlotSource::Name(name) => codes.extend(name.words.keys().cloned()),
            SlotSource::Input(index) => {
                let options = self.plan.service.inputs[*index].options.iter();
                codes.extend(options.map(|choice| choice.value.clone()));
            }
            _ => {}
        }
        codes
    }

    fn change(&self, (slot, value): &(u16, Value)) -> Change {
        let source = &self.plan.slots[usize::from(*slot)];
        let ty = source.ty(&self.plan.service);
        let held = &self.gathered.slots[usize::from(*slot)];
        let (role, fact_type, field, label, unit, hidden, source_name) = match source {
            SlotSource::Name(name) => (
                name.role.as_str(),
                name.fact.fact_type.as_str(),
                name.name.rsplit('.').next().unwrap_or(&name.name),
                name.label.as_str(),
                name.unit.as_str(),
                name.hidden,
                name.fact.source_name.as_str(),
            ),
            SlotSource::Input(index) => {
                let input = &self.plan.service.inputs[*index];
                let hidden = input.input_type.is_personal();
                let (name, label) = (input.name.as_str(), input.label.as_str());
                ("applicant", "form", name, label, "", hidden, "您的申请")
            }
            SlotSource::Today | SlotSource::Now => ("", "", "", "", "", true, ""),
        };
        let text = |value: &Value| {
            if hidden {
                return "不显示".to_owned();
            }
            match (ty, value, word(source, value.into())) {
                (_, _, Some(word)) if !word.is_empty() => word.to_owned(),
                (Type::Months, Value::Months(months), _) if months.is_empty() => "没有".to_owned(),
                _ if unit.is_empty() => ty.text(value),
                _ => format!("{} {unit}", ty.text(value)),
            }
        };
        let now = match held {
            Ok(value) => text(value),
            Err(_) => "没有".to_owned(),
        };
        let needed = match (held, value) {
            // Nothing is less than nothing.
            (Ok(Value::Number(held)), Value::Number(0)) if *held > 0 && !hidden => text(value),
            (Ok(Value::Number(held)), Value::Number(number)) if !hidden => {
                let (up, down) = match ty {
                    Type::Date | Type::Month => ("不早于 ", "不晚于 "),
                    _ => ("至少 ", "至多 "),
                };
                format!("{}{}", if number > held { up } else { down }, text(value))
            }
            _ => text(value),
        };
        Change {
            role: role.into(),
            fact_type: fact_type.into(),
            field: field.into(),
            label: label.into(),
            now,
            needed,
            value: ty.json(value),
            source_name: source_name.into(),
        }
    }
}

fn apply(way: &[(u16, Value)], slots: &mut [Slot]) -> Vec<(u16, Slot)> {
    way.iter()
        .map(|(slot, value)| {
            let place = &mut slots[usize::from(*slot)];
            (*slot, std::mem::replace(place, Ok(value.clone())))
        })
        .collect()
}

fn undo(before: Vec<(u16, Slot)>, slots: &mut [Slot]) {
    for (slot, held) in before.into_iter().rev() {
        slots[usize::from(slot)] = held;
    }
}

/// The few shortest ways, each once.
fn nearest(mut ways: Vec<Way>) -> Vec<Way> {
    ways.sort_by_key(Vec::len);
    let mut kept: Vec<Way> = Vec::new();
    for way in ways {
        if kept.len() < WAYS && !kept.contains(&way) {
            kept.push(way);
        }
    }
    kept
}

/// The number nearest to `from` that holds, in steps that double and then halve.
fn nearest_number(ty: Type, from: i64, holds: &mut dyn FnMut(i64) -> bool) -> Option<i64> {
    let fits = |number: i64| match ty {
        Type::Date => date_of(number).is_some(),
        Type::Month => month_of(number).is_some(),
        // Counts and sums do not fall below nothing.
        _ => number >= 0,
    };
    let mut bracket = None;
    'search: for step in 0..STEPS {
        for sign in [1, -1] {
            let mut number = from.checked_add(sign * (1_i64 << step))?;
            if number < 0 && !matches!(ty, Type::Date | Type::Month) {
                number = 0;
            }
            if number != from && fits(number) && holds(number) {
                bracket = Some((from, number));
                break 'search;
            }
        }
    }
    let (mut fails, mut works) = bracket?;
    while works.abs_diff(fails) > 1 {
        let middle = fails.midpoint(works);
        if holds(middle) {
            works = middle;
        } else {
            fails = middle;
        }
    }
    Some(works)
}

impl Node {
    /// The codes that it compares with.
    fn codes(&self, into: &mut Vec<String>) {
        match self {
            Node::Text(code) => into.push(code.to_string()),
            Node::OneOf(_, codes) => into.extend(codes.iter().map(ToString::to_string)),
            _ => {}
        }
        self.children()
            .into_iter()
            .for_each(|child| child.codes(into));
    }
}

impl Decision {
    /// What came of it in plain words, a sentence each: how much and why, from which day, what would have to change, who has to be asked.
    /// Pages and the chat say these.
    #[must_use]
    pub fn in_words(&self) -> Vec<String> {
        let mut words = Vec::new();
        match (self.outcome, self.amount_fen) {
            (Outcome::Approved, Some(fen)) => words.push(format!(
                "现在可以办，能提 {} 元。",
                anju_domain::money::Fen::new(fen)
            )),
            (Outcome::Approved, None) => words.push("现在可以办。".into()),
            (Outcome::Review, _) => words.push(format!(
                "可以申请，由工作人员审核：{}。",
                self.review_reasons.join("；")
            )),
            (Outcome::Waiting, _) => words.push(self.to_ask()),
            (Outcome::Refused, _) => words.push("现在还不能办。".into()),
        }
        for condition in &self.conditions {
            if condition.outcome == ConditionOutcome::NotMet {
                words.push(condition.in_words());
            }
        }
        if let Some(day) = self.possible_from {
            let day = chinese_date(day);
            words.push(format!("照常缴存、别的都不变，最早可于 {day} 办理。"));
        }
        words
    }

    fn to_ask(&self) -> String {
        let open = self
            .conditions
            .iter()
            .filter(|one| one.outcome == ConditionOutcome::Unknown)
            .count();
        let mut names: Vec<&str> = Vec::new();
        for one in &self.waiting_for {
            if !names.contains(&one.source_name.as_str()) {
                names.push(&one.source_name);
            }
        }
        match (names.is_empty(), self.papers.is_empty()) {
            (_, false) => {
                let papers: Vec<&str> = self.papers.iter().map(|one| one.name.as_str()).collect();
                format!("登记里没有查到，要补充{}。", papers.join("、"))
            }
            (false, _) => format!("可能可以办，还有 {open} 项要向{}核对。", names.join("、")),
            (true, true) => format!("可能可以办，还有 {open} 项填好表后核对。"),
        }
    }
}

impl Condition<'_> {
    /// What is lacking, and what heals it: time, or another fact.
    #[must_use]
    pub fn in_words(&self) -> String {
        let detail = self.detail.trim_end_matches('。');
        if let Some(day) = self.met_from {
            let day = chinese_date(day);
            return format!("{detail}；这一条 {day} 起符合。");
        }
        let ways: Vec<String> = self
            .ways
            .iter()
            .map(|way| {
                let changes: Vec<String> = way
                    .iter()
                    .map(|one| match one.now.as_str() {
                        // What no source knows is not said as if it were known.
                        "没有" => format!("“{}”没有记录，要{}", one.label, one.needed),
                        now => format!("“{}”现在是{now}，要{}", one.label, one.needed),
                    })
                    .collect();
                changes.join("，并且")
            })
            .collect();
        if ways.is_empty() {
            format!("{detail}。")
        } else {
            format!("{detail}；{}，就符合这一条。", ways.join("，或者"))
        }
    }
}
