//! From a decision to what people read of it. Draws the decision value and adds no rule: order, words and times only.

use anju_domain::calendar::chinese_day;
use anju_domain::clock::shanghai;
use anju_domain::money::Fen;
use anju_policy::FactState;
use anju_policy::decision::{
    Condition as Found, ConditionOutcome, Decision, NOTHING, Outcome, Settlement,
};
use chrono::{DateTime, Utc};

use crate::components::{
    Condition, Facts, Formula, FormulaLine, Remedy, State, SummaryRow, Text, Verdict,
};
use crate::when;

/// The head: the outcome and why, in two sentences. `may` says what an approval allows: 可提取.
#[must_use]
pub fn verdict(decision: &Decision, may: &str) -> Verdict {
    match decision.outcome {
        Outcome::Approved => Verdict {
            state: State::pass("通过"),
            title: match decision.amount_fen {
                Some(fen) => Text::new()
                    .say("通过，")
                    .say(may)
                    .say(" ")
                    .money(Fen::new(fen)),
                None => "通过".into(),
            },
            why: format!("{} 项条件都符合。", decision.conditions.len()).into(),
        },
        Outcome::Refused => Verdict {
            state: State::fail("没有通过"),
            title: "这次没有通过".into(),
            why: details(decision, ConditionOutcome::NotMet).into(),
        },
        Outcome::Waiting if !decision.papers.is_empty() => Verdict {
            state: State::wait("待补充材料").with_icon("alert"),
            title: "要您补充材料".into(),
            why: Text::new()
                .say("登记里没有查到，请交：")
                .say(
                    decision
                        .papers
                        .iter()
                        .map(|paper| paper.name.as_str())
                        .collect::<Vec<_>>()
                        .join("、"),
                )
                .say("。"),
        },
        Outcome::Waiting => Verdict {
            state: State::unknown("等部门回复"),
            title: "还不能给您结果".into(),
            why: format!(
                "{}还没有回复。没有回复不等于不符合，我们会接着问。",
                silent(decision)
            )
            .into(),
        },
        Outcome::Review => Verdict {
            state: State::wait("人工复核中"),
            title: "要工作人员看一看".into(),
            why: decision.review_reasons.join("；").into(),
        },
    }
}

/// Every condition, in the policy's order.
#[must_use]
pub fn conditions(decision: &Decision) -> Vec<Condition> {
    conditions_where(decision, |_| true)
}

/// Those of the conditions.
#[must_use]
pub fn conditions_where(
    decision: &Decision,
    is_shown: impl Fn(&Found<'_>) -> bool,
) -> Vec<Condition> {
    decision
        .conditions
        .iter()
        .filter(is_shown)
        .map(|found| condition(&found, &decision.settled))
        .collect()
}

/// What sources said differently and the order of precedence has settled, one sentence each: nobody is overruled silently.
#[must_use]
pub fn settled(decision: &Decision) -> Vec<String> {
    decision.settled.iter().map(Settlement::in_words).collect()
}

fn condition(found: &Found<'_>, settled: &[Settlement]) -> Condition {
    let is_unknown = found.outcome == ConditionOutcome::Unknown;
    let mut lines: Vec<(String, Text)> = vec![(
        if is_unknown { "情况" } else { "查到" }.to_owned(),
        found.detail.into(),
    )];
    let mut push = |term: &str, value: String| {
        if !value.is_empty() {
            lines.push((term.to_owned(), value.into()));
        }
    };
    push(
        "来源",
        in_words(found.facts.iter().map(|fact| fact.source_name)),
    );
    if let Some(as_of) = found.facts.iter().filter_map(|fact| fact.as_of).max() {
        push("时间", moment(as_of));
    }
    for one in settled.iter().filter(|one| concerns(one, found)) {
        push("来源不一致", one.in_words());
    }
    push("依据", found.law.to_owned());
    Condition {
        state: match found.outcome {
            ConditionOutcome::Met => State::pass("符合"),
            ConditionOutcome::NotMet => State::fail("不符合"),
            ConditionOutcome::Unknown if disagree(found) => State::unknown("来源不一致"),
            ConditionOutcome::Unknown => State::unknown("还不知道"),
        },
        name: found.name.to_owned(),
        facts: Facts(lines),
        remedy: found.remedy.map(Text::from),
    }
}

/// Did it read what was set aside?
fn concerns(settlement: &Settlement, found: &Found<'_>) -> bool {
    let mut facts = found.facts.iter().filter(|fact| fact.set_aside);
    facts.any(|fact| {
        let mut aside = settlement.aside.iter();
        aside.any(|said| said.role == fact.role && said.fact_type == fact.fact_type)
    })
}

/// Do two sources say different things of what it asks?
fn disagree(found: &Found<'_>) -> bool {
    let mut facts = found.facts.iter();
    facts.any(|fact| fact.state == FactState::Conflict)
}

/// The amount as its parts; the binding one is the result. Nothing where the service pays nothing.
#[must_use]
pub fn formula(decision: &Decision) -> Option<Formula> {
    let known: Vec<_> = decision
        .amount_parts
        .iter()
        .filter_map(|part| Some((part.label.as_str(), Fen::new(part.fen?), part.binding)))
        .collect();
    let (name, amount, _) = known.iter().find(|(_, _, binding)| *binding)?;
    let mut lines: Vec<FormulaLine> = known
        .iter()
        .map(|(name, amount, _)| FormulaLine::new(*name, *amount))
        .collect();
    lines.push(FormulaLine::used(
        Text::new().say("取较小的，").say(name),
        *amount,
    ));
    Some(Formula {
        caption: "金额取较小的一个".into(),
        lines,
    })
}

/// What stands over the amount.
#[must_use]
pub fn formula_title(decision: &Decision) -> &'static str {
    if decision.outcome == Outcome::Approved {
        "金额怎么算的"
    } else {
        "如果符合，能提多少"
    }
}

/// What would change a refusal, or what is asked of the person while the case waits. Nothing for a yes.
#[must_use]
pub fn remedy(decision: &Decision) -> Option<Remedy> {
    match decision.outcome {
        Outcome::Refused => {
            let lacking: Vec<Found<'_>> = decision
                .conditions
                .iter()
                .filter(|found| found.outcome == ConditionOutcome::NotMet)
                .collect();
            let mut ways: Vec<Text> = lacking
                .iter()
                .filter_map(|found| found.remedy)
                .map(Text::from)
                .collect();
            // What would have to be different, as the rules themselves found it.
            ways.extend(
                lacking
                    .iter()
                    .filter(|found| !found.ways.is_empty())
                    .map(|found| Text::from(found.in_words())),
            );
            (!ways.is_empty()).then(|| Remedy {
                title: "怎样就会通过".into(),
                lead: match lacking.len() {
                    1 => "只差这一条。改正以后，随时可以再申请。".into(),
                    count => format!("差 {count} 条。都改正以后，随时可以再申请。").into(),
                },
                ways,
                actions: Vec::new(),
                note: decision.possible_from.map(|day| {
                    let day = anju_domain::calendar::chinese_date(day);
                    format!("照常缴存、别的都不变，最早可于 {day} 办理。").into()
                }),
            })
        }
        Outcome::Waiting if !decision.papers.is_empty() => Some(Remedy {
            title: "请补充材料".into(),
            lead: "登记里没有查到。把下面的材料带到任一网点，工作人员当面看。".into(),
            ways: decision
                .papers
                .iter()
                .map(|paper| paper.name.as_str().into())
                .collect(),
            actions: Vec::new(),
            note: Some("等登记里有了记录，我们也会自己继续办，不用再来。".into()),
        }),
        _ => None,
    }
}

/// What departments said of the person, one line a record, with who said so and when; and our own books in one line.
/// `label` names a kind of record: 婚姻登记.
#[must_use]
pub fn summary(
    decision: &Decision,
    now: DateTime<Utc>,
    label: impl Fn(&str) -> Option<String>,
) -> Vec<SummaryRow> {
    let mut records: Vec<(String, Vec<String>, String)> = Vec::new();
    let mut own = 0;
    let read = decision.conditions.iter();
    for fact in read.flat_map(|found| found.facts.iter()) {
        if fact.source == OWN {
            own += 1;
            continue;
        }
        if fact.shown.is_empty() || !is_department(fact.source) {
            continue;
        }
        let term = label(fact.fact_type).unwrap_or_else(|| fact.source_name.to_owned());
        let term = if fact.role == "applicant" {
            term
        } else {
            format!("{term}（{}）", fact.subject)
        };
        let source = match fact.as_of {
            Some(at) => format!("{} · {}", fact.source_name, when::minute(at, now)),
            None => fact.source_name.to_owned(),
        };
        let place = match records.iter().position(|(known, _, _)| *known == term) {
            Some(place) => place,
            None => {
                records.push((term, Vec::new(), source));
                records.len() - 1
            }
        };
        if fact.state == FactState::Absent {
            records[place].1 = vec!["没有记录".to_owned()];
            continue;
        }
        // What a record leaves out is no part of what it says.
        for shown in fact.shown.iter().filter(|shown| shown.text != NOTHING) {
            let words = if shown.label.is_empty() {
                shown.text.to_owned()
            } else {
                format!("{} {}", shown.label, shown.text)
            };
            if !records[place].1.contains(&words) {
                records[place].1.push(words);
            }
        }
    }
    let mut rows: Vec<SummaryRow> = records
        .into_iter()
        .map(|(term, words, source)| SummaryRow::new(term, words.join("；")).source(source))
        .collect();
    if own > 0 {
        rows.push(
            SummaryRow::new("缴存、贷款和提取记录", "都按账上的算，不用您填").source("本中心账簿"),
        );
    }
    rows
}

/// Our own books among the sources.
const OWN: &str = "own";

/// Is this one of the departments and institutions (`D01` …) rather than our own books or the person's own words?
fn is_department(source: &str) -> bool {
    source
        .strip_prefix('D')
        .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit()))
}

/// Who is asked outside of our own books, each once.
#[must_use]
pub fn sources(decision: &Decision) -> Vec<String> {
    let mut names: Vec<&str> = Vec::new();
    let read = decision
        .conditions
        .iter()
        .flat_map(|found| found.facts.iter())
        .filter(|fact| is_department(fact.source))
        .map(|fact| fact.source_name);
    let waiting = decision.waiting_for.iter();
    let silent = waiting.map(|one| one.source_name.as_str());
    for name in read.chain(silent) {
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names.into_iter().map(str::to_owned).collect()
}

/// The digest of the policy as people can compare it: sixteen characters in groups of four.
#[must_use]
pub fn short_digest(digest: &str) -> String {
    digest
        .chars()
        .take(16)
        .collect::<Vec<_>>()
        .chunks(4)
        .map(|four| four.iter().collect::<String>())
        .collect::<Vec<_>>()
        .join(" ")
}

/// 11月24日 09:14:02.
#[must_use]
pub fn moment(at: DateTime<Utc>) -> String {
    let civil = shanghai(at);
    format!(
        "{} {}",
        chinese_day(civil.date_naive()),
        civil.format("%H:%M:%S")
    )
}

fn details(decision: &Decision, outcome: ConditionOutcome) -> String {
    decision
        .conditions
        .iter()
        .filter(|found| found.outcome == outcome)
        .map(|found| found.detail.trim_end_matches('。'))
        .collect::<Vec<_>>()
        .join("；")
        + "。"
}

fn silent(decision: &Decision) -> String {
    in_words(
        decision
            .waiting_for
            .iter()
            .map(|waiting| waiting.source_name.as_str()),
    )
}

/// Names once each, in their order: 甲、乙.
fn in_words<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut seen: Vec<&str> = Vec::new();
    for name in names {
        if !name.is_empty() && !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen.join("、")
}

#[cfg(test)]
mod tests {
    use anju_policy::fact::{Assurance, At};
    use anju_policy::{Fact, Facts, Form, PolicyFiles, PolicySet};
    use serde_json::{Value, json};

    use super::*;

    /// A tenant's service of two conditions, and what it may pay.
    const RENT: &str = r#"
[policy]
version = "2026-11"
centre = "test"

[[fact]]
type = "civil.marriage"
label = "婚姻登记"
source = "D04"
source_name = "市民政局"

[[fact]]
type = "civil.min_living"
label = "最低生活保障"
source = "D04"
source_name = "市民政局"

[[name]]
name = "spouse.homes"
label = "配偶在本市的住房"
type = "int"
roles = ["applicant"]
fact = "civil.marriage"
read = { path = "homes" }

[[name]]
name = "needy.kind"
label = "保障类别"
type = "text"
roles = ["applicant"]
fact = "civil.min_living"
read = { path = "kind" }

[[name]]
name = "needy.since"
label = "保障起始日"
type = "date"
roles = ["applicant"]
fact = "civil.min_living"
read = { path = "since", optional = true }

[[name]]
name = "account.balance"
label = "账户可用余额"
type = "fen"
roles = ["applicant"]
fact = "civil.min_living"
read = { path = "balance_fen" }

[[name]]
name = "account.rent"
label = "租金"
type = "fen"
roles = ["applicant"]
fact = "civil.min_living"
read = { path = "rent_fen" }

[service]
id = "rent"
name_zh = "租房提取"
short_zh = "租房"
verb = "do"
group = "withdraw"
audience = ["employee"]
login = { default = "L2" }
channels = ["APP"]
outcome = "instant"
gov_code = "0"
law = ["test"]
effect = "pay_out"
withdraw_kind = "RENT"
promise = { legal = "3 日", promised = "当场", working_days = 3 }

[amount]
formula = "min(account.balance, account.rent)"

[[amount.part]]
label = "账户可用余额"
formula = "account.balance"

[[amount.part]]
label = "租金"
formula = "account.rent"

[[condition]]
code = "RENT-02"
name = "本人及配偶在本市无自有住房"
when = "spouse.homes == 0"
refusal = "配偶在本市有 {spouse.homes} 套住房"
remedy = "出售以后再申请"
law = "建金〔2015〕19号"
from = 2020-01-01

[[condition]]
code = "RENT-03"
name = "保障对象"
when = 'needy.kind == "城市" || value_or(needy.since, today) > today'
refusal = "不是保障对象"
remedy = "办理以后再申请"
law = "建金〔2015〕19号"
from = 2020-01-01
"#;

    /// Decided with so many homes of the spouse; nothing where the registry is silent.
    fn decision(homes: Option<i64>) -> Decision {
        let files = PolicyFiles {
            centre: "test".into(),
            files: [("national/rent.toml".to_owned(), RENT.to_owned())].into(),
        };
        let policy = PolicySet::load(&files).expect("a policy");
        let now = Utc::now();
        let at = At {
            now,
            today: anju_domain::clock::shanghai_date(now),
        };
        let said = |fact_type: &str, value: Value| Fact {
            source: "D04".into(),
            assurance: Assurance::Authoritative,
            ..Fact::own(now, "applicant", "本人", fact_type, Some(value))
        };
        let mut facts: Facts = [said(
            "civil.min_living",
            json!({ "kind": "城市", "since": null, "balance_fen": 3_846_072, "rent_fen": 360_000 }),
        )]
        .into_iter()
        .collect();
        if let Some(homes) = homes {
            facts.put(said("civil.marriage", json!({ "homes": homes })));
        }
        policy
            .decide("rent", &facts, &Form::new(), at)
            .expect("the service")
    }

    #[test]
    fn a_refusal_says_which_condition_and_not_that_the_system_decided() {
        let refused = decision(Some(1));
        let verdict = verdict(&refused, "可提取");
        assert_eq!(verdict.why.to_string(), "配偶在本市有 1 套住房。");
        assert_eq!(conditions(&refused)[0].state, State::fail("不符合"));
    }

    #[test]
    fn what_is_not_known_names_who_has_not_answered_and_is_no_refusal() {
        let waiting = decision(None);
        let verdict = verdict(&waiting, "可提取");
        assert_eq!(verdict.state, State::unknown("等部门回复"));
        assert!(verdict.why.to_string().starts_with("市民政局还没有回复"));
    }

    #[test]
    fn the_amount_ends_with_the_part_that_binds() {
        let approved = decision(Some(0));
        let formula = formula(&approved).expect("an amount");
        assert_eq!(formula.lines.len(), 3);
        assert!(formula.lines[2].used && formula.lines[2].amount.to_string() == "3,600.00");
        assert_eq!(short_digest("7c1e90ab44d2f613ffff"), "7c1e 90ab 44d2 f613");
        assert!(
            verdict(&approved, "可提取")
                .title
                .to_string()
                .contains("value=\"360000\"")
        );
    }

    #[test]
    fn what_a_record_leaves_out_is_no_part_of_what_it_says() {
        let approved = decision(Some(0));
        let rows = summary(&approved, Utc::now(), |_| Some("最低生活保障".to_owned()));
        let words = format!("{rows:?}");
        assert!(words.contains("保障类别 城市"), "{words}");
        assert!(!words.contains("保障起始日"), "{words}");
    }
}
