//! 办事指南: all services by the groups of the catalogue, and the search. It looks in what the services themselves say (name, summary, conditions,
//! fields, sources), so that no list of words has to be kept beside them.

use std::collections::{BTreeMap, BTreeSet};

use anju_policy::{At, PolicySet, ServiceDefinition};
use axum::extract::{Query, State};
use serde::Deserialize;

use super::{frame, is_offered, now_at};
use crate::components::{Field, FieldKind, Row, Rows, Text};
use crate::desk::services_drawn::group_name;
use crate::frame::SiteTab;
use crate::pages::site::{Group, GuidesPage};
use crate::security::Visit;
use crate::serve::Portal;

/// The groups in the order in which people look for them.
const GROUPS: [&str; 6] = ["withdraw", "personal", "employer", "loan", "query", "ask"];

/// A longer question is cut here; what people type is a few words.
const LONGEST: usize = 40;

/// The box in which one types what one wants.
pub(super) fn find_field(typed: &str) -> Field {
    Field::new("q", "找要办的事", FieldKind::Text)
        .hint("写几个字就行，例如：租房、离职、换手机号")
        .value(typed)
}

/// The services in their groups.
pub(super) fn groups(set: &PolicySet) -> Vec<Group> {
    let mut of: BTreeMap<&str, Vec<&ServiceDefinition>> = BTreeMap::new();
    for service in set.services().filter(|service| is_offered(service)) {
        let group = GROUPS.iter().find(|group| **group == service.group);
        of.entry(group.unwrap_or(&"other"))
            .or_default()
            .push(service);
    }
    GROUPS
        .iter()
        .chain(&["other"])
        .filter_map(|group| {
            let services = of.remove(group)?;
            Some(Group {
                id: group,
                name: group_name(group),
                services: rows(services),
            })
        })
        .collect()
}

fn rows(services: Vec<&ServiceDefinition>) -> Rows {
    let rows = services.into_iter().map(|service| {
        Row::to(format!("/guides/{}", service.id), service.name_zh.as_str())
            .note(service.summary.as_str())
    });
    Rows::new(rows.collect()).boxed()
}

/// What a service says of itself: its name, what it is for, and the rest of its guide.
struct Told<'s> {
    service: &'s ServiceDefinition,
    texts: [(usize, String); 3],
}

impl<'s> Told<'s> {
    fn of(set: &PolicySet, service: &'s ServiceDefinition, at: At) -> Told<'s> {
        let mut guide = vec![service.promise.promised.clone()];
        for input in &service.inputs {
            guide.push(input.label.clone());
            guide.push(input.hint.clone());
        }
        guide.extend(
            set.rules(&service.id, at)
                .into_iter()
                .flatten()
                .map(|rule| rule.name),
        );
        for need in &service.facts {
            if let Some(fact) = set.fact_type(&need.fact_type) {
                guide.push(fact.label.clone());
                guide.push(fact.source_name.clone());
            }
        }
        Told {
            service,
            texts: [
                (12, format!("{} {}", service.name_zh, service.short_zh)),
                (4, service.summary.clone()),
                (1, guide.join(" ")),
            ],
        }
    }

    /// Whether name and purpose together have every letter: 买房 is 购买自住住房.
    fn has_letters(&self, letters: &[char]) -> bool {
        let [(_, name), (_, purpose), _] = &self.texts;
        letters
            .iter()
            .all(|letter| name.contains(*letter) || purpose.contains(*letter))
    }

    fn weight(&self, piece: &str) -> usize {
        let found = self.texts.iter().filter(|(_, text)| text.contains(piece));
        found.map(|(weight, _)| weight).sum()
    }
}

/// The services that a question means, the nearest first. Chinese is written without gaps, so a question is taken in pieces of two letters beside the
/// whole; pieces that most services contain tell nothing.
pub(super) fn find<'s>(set: &'s PolicySet, question: &str, at: At) -> Vec<&'s ServiceDefinition> {
    let told: Vec<Told> = set
        .services()
        .filter(|service| is_offered(service))
        .map(|service| Told::of(set, service, at))
        .collect();
    let pieces = pieces(question);
    let mut scores = vec![0; told.len()];
    for (piece, worth) in &pieces {
        let weights: Vec<usize> = told.iter().map(|one| one.weight(piece)).collect();
        let holders = weights.iter().filter(|weight| **weight > 0).count();
        if holders * 2 > told.len() {
            continue;
        }
        for (score, weight) in scores.iter_mut().zip(weights) {
            *score += weight * worth;
        }
    }
    let best = scores.iter().copied().max().unwrap_or(0);
    if best == 0 {
        let letters: Vec<char> = question
            .chars()
            .filter(|one| one.is_alphanumeric())
            .collect();
        let all = told.iter().filter(|one| one.has_letters(&letters));
        return all
            .filter(|_| letters.len() > 1)
            .map(|one| one.service)
            .collect();
    }
    let mut found: Vec<(usize, &ServiceDefinition)> = scores
        .into_iter()
        .zip(&told)
        .filter(|(score, _)| *score > 0 && *score * 4 >= best)
        .map(|(score, one)| (score, one.service))
        .collect();
    found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    found.into_iter().map(|(_, service)| service).collect()
}

/// The words of a question and their pieces of two letters, each with what it is worth.
fn pieces(question: &str) -> BTreeMap<String, usize> {
    let mut pieces = BTreeMap::new();
    let question: String = question.chars().take(LONGEST).collect();
    for word in question.split(|letter: char| !letter.is_alphanumeric()) {
        let letters: Vec<char> = word.chars().collect();
        let pairs: BTreeSet<String> = letters.windows(2).map(String::from_iter).collect();
        for pair in pairs {
            *pieces.entry(pair).or_default() += 1;
        }
        if !letters.is_empty() {
            *pieces.entry(word.to_owned()).or_default() += 2 * letters.len();
        }
    }
    pieces
}

#[derive(Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    q: String,
}

/// `GET /guides?q=`.
pub(super) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    Query(asked): Query<Asked>,
) -> GuidesPage {
    let policy = portal.engine.office.policy();
    let typed = asked.q.trim();
    let found = (!typed.is_empty()).then(|| find(&policy.set, typed, now_at(&portal)));
    let said = found.as_ref().map(|found| match found.len() {
        0 => Text::new()
            .say(format!(
                "没有找到“{typed}”。换个短一点的说法再找，或者在下面按分类找；也可以打 "
            ))
            .num(&visit.centre.hotline)
            .say("，告诉我们您遇到了什么事。"),
        many => Text::new().say(format!("“{typed}”，找到 {many} 项，最接近的在前。")),
    });
    GuidesPage {
        frame: frame(&visit, "办事指南", SiteTab::Guides),
        find: find_field(typed),
        said,
        found: rows(found.unwrap_or_default()),
        groups: groups(&policy.set),
    }
}
