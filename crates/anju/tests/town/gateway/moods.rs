//! Sources that are down, hang, lie or speak nonsense: the fact is unknown, and nobody else waits.

use std::num::NonZeroU32;
use std::time::Duration;

use anju_exchange::catalogue::Catalogue;
use anju_exchange::fact_store::SubjectKeys;
use anju_exchange::health::Condition;
use anju_policy::FactState;
use futures::future::join_all;
use serde_json::{Value, json};

use super::{Departments, LI, WANG, question};

/// Limits a tenth of the shipped ones, so that waiting for silence does not make the test slow.
fn impatient(catalogue: &mut Catalogue) {
    catalogue.gateway.reply_ms = 300;
    catalogue.gateway.whole_ms = 1500;
    catalogue.gateway.retry_after_ms = vec![20, 80];
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_fails_or_lies_leaves_the_fact_unknown() {
    let town = Departments::with(impatient).await;
    let homes = json!({"houses": [], "count": 0});
    town.set("D03", "estate.ownership", LI, homes.clone()).await;
    let trials = [
        ("down", "source_error"),
        ("hang", "timeout"),
        ("malformed", "malformed"),
        ("stale", "stale"),
        ("wrong_person", "wrong_person"),
        ("refuse", "refused"),
    ];
    for (mode, reason) in trials {
        town.behave("D03", json!({"mode": mode})).await;
        let fact = town
            .ask_in(mode, "estate.ownership", SubjectKeys::of(LI))
            .await;
        assert_eq!(
            (fact.state, fact.value),
            (FactState::Unknown, Value::Null),
            "{mode}"
        );
        assert_eq!(town.store.outcomes().last(), Some(&reason), "{mode}");
    }
    town.behave("D03", json!({"mode": "ok", "fail_rate": 1.0}))
        .await;
    assert_eq!(
        town.ask("estate.ownership", SubjectKeys::of(LI))
            .await
            .state,
        FactState::Unknown
    );
    town.behave("D03", json!({"fail_rate": 0.0})).await;
    let fact = town.ask("estate.ownership", SubjectKeys::of(LI)).await;
    assert_eq!((fact.state, fact.value), (FactState::Known, homes));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_liar_is_not_believed_about_people_without_a_record_either() {
    let town = Departments::with(impatient).await;
    for mode in ["wrong_person", "stale", "malformed"] {
        town.behave("D15", json!({"mode": mode})).await;
        let fact = town
            .ask_in(mode, "nhpf.blacklist", SubjectKeys::of(LI))
            .await;
        assert_eq!(
            fact.state,
            FactState::Unknown,
            "{mode}: no record must not be read into a lie"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passing_failure_is_asked_again_within_the_budget() {
    let town = Departments::with(impatient).await;
    town.set("D08", "court.enforcement", LI, json!({"listed": false}))
        .await;
    town.behave("D08", json!({"fail_rate": 0.3})).await;
    let mut known = 0;
    for case in 0..20 {
        let fact = town
            .ask_in(&case.to_string(), "court.enforcement", SubjectKeys::of(LI))
            .await;
        known += usize::from(fact.state == FactState::Known);
    }
    // Three tries of 70 % each: 97 % on average.
    assert!(known >= 18, "{known} of 20");
}

#[tokio::test(flavor = "multi_thread")]
async fn fourteen_hanging_sources_slow_none_of_the_others() {
    let town = Departments::with(|catalogue| {
        impatient(catalogue);
        catalogue.gateway.reply_ms = 2000;
        catalogue.gateway.whole_ms = 4000;
    })
    .await;
    let hanging = [
        "D01", "D02", "D03", "D04", "D05", "D06", "D07", "D09", "D10", "D11", "D12", "D13", "D17",
        "D19",
    ];
    for source in hanging {
        town.behave(source, json!({"mode": "hang"})).await;
    }
    town.set("D18", "unionpay.card_auth", LI, json!({"match": true}))
        .await;
    let types = [
        "police.hukou",
        "civil.marriage",
        "estate.ownership",
        "housing.rental_filing",
        "hrss.employment",
    ];
    let flood: Vec<_> = types
        .iter()
        .flat_map(|fact_type| {
            (0..30).map(move |case| {
                question(
                    &case.to_string(),
                    fact_type,
                    SubjectKeys::of(format!("{case}")),
                )
            })
        })
        .collect();
    let gateway = town.gateway.clone();
    let flooding = tokio::spawn(async move { gateway.fetch(flood).await });
    tokio::time::sleep(Duration::from_millis(100)).await;

    for case in 0..20 {
        let fact = town
            .ask_in(&case.to_string(), "unionpay.card_auth", SubjectKeys::of(LI))
            .await;
        assert_eq!(fact.state, FactState::Known);
    }
    assert!(
        !flooding.is_finished(),
        "the others still wait for their sources"
    );
    let unknown = flooding.await.expect("not panicked").expect("a store");
    assert!(unknown.iter().all(|fact| fact.state == FactState::Unknown));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_pool_and_queue_hold_is_unknown_at_once() {
    let town = Departments::with(|catalogue| {
        impatient(catalogue);
        (catalogue.gateway.pool, catalogue.gateway.queue) = (2, 3);
    })
    .await;
    town.behave("D02", json!({"mode": "hang"})).await;
    let asked: Vec<_> = (0..10)
        .map(|n| question("c", "civil.marriage", SubjectKeys::of(n.to_string())))
        .collect();
    town.gateway.fetch(asked).await.expect("a store");
    let refused = town
        .store
        .outcomes()
        .iter()
        .filter(|word| **word == "queue_full")
        .count();
    assert_eq!(refused, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_opens_and_the_recovery_is_told() {
    let town = Departments::with(|catalogue| {
        impatient(catalogue);
        catalogue.gateway.retry_after_ms = vec![];
    })
    .await;
    let mut recoveries = town.gateway.recoveries();
    town.set("D03", "estate.ownership", LI, json!({"count": 0}))
        .await;
    town.behave("D03", json!({"mode": "down"})).await;
    for case in 0..20 {
        town.ask_in(&case.to_string(), "estate.ownership", SubjectKeys::of(LI))
            .await;
    }
    let condition = |town: &Departments| {
        let health = town.gateway.health();
        health
            .into_iter()
            .find(|source| source.code == "D03")
            .expect("listed")
            .condition
    };
    assert_eq!(condition(&town), Condition::Open);
    let fact = town
        .ask_in("21", "estate.ownership", SubjectKeys::of(LI))
        .await;
    assert_eq!(fact.state, FactState::Unknown);
    assert_eq!(town.store.outcomes().last(), Some(&"left_alone"));

    town.gateway.probe_unwell().await;
    assert_eq!(condition(&town), Condition::Open, "it is still down");
    town.behave("D03", json!({"mode": "ok"})).await;
    town.gateway.probe_unwell().await;
    assert_eq!(condition(&town), Condition::Ok);
    assert_eq!(recoveries.try_recv().as_deref(), Ok("D03"));
    let fact = town
        .ask_in("22", "estate.ownership", SubjectKeys::of(LI))
        .await;
    assert_eq!(fact.state, FactState::Known);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_question_at_the_same_time_is_sent_once() {
    let town = Departments::open().await;
    town.set("D02", "civil.marriage", LI, json!({"state": "single"}))
        .await;
    town.set("D02", "civil.marriage", WANG, json!({"state": "single"}))
        .await;
    town.behave("D02", json!({"latency_ms": 200})).await;
    let asked = (0..20).map(|place| {
        let person = if place % 2 == 0 { LI } else { WANG };
        town.ask("civil.marriage", SubjectKeys::of(person))
    });
    let facts = join_all(asked).await;
    assert!(facts.iter().all(|fact| fact.state == FactState::Known));
    let kept = town.store.facts.lock().expect("not poisoned");
    let mut references: Vec<_> = kept.iter().map(|kept| kept.source_ref.clone()).collect();
    references.sort();
    references.dedup();
    assert_eq!(references.len(), 2, "two people, two calls");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_case_has_gathered_is_not_asked_again_unless_it_is_per_use() {
    let town = Departments::open().await;
    town.set("D02", "civil.marriage", LI, json!({"state": "single"}))
        .await;
    town.set("D18", "unionpay.card_auth", LI, json!({"match": true}))
        .await;
    for fact_type in ["civil.marriage", "unionpay.card_auth"] {
        let first = town.ask(fact_type, SubjectKeys::of(LI)).await;
        let second = town.ask(fact_type, SubjectKeys::of(LI)).await;
        assert_eq!(first.value, second.value);
    }
    let outcomes = town.store.outcomes();
    assert_eq!(outcomes, ["known", "cached", "known", "known"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_refused_and_has_been_to_the_registry_is_asked_about_anew() {
    let town = Departments::open().await;
    for case in ["a", "b", ""] {
        let fact = town
            .ask_in(case, "estate.ownership", SubjectKeys::of(LI))
            .await;
        assert_eq!(fact.state, FactState::Absent, "case {case}");
    }
    town.set("D03", "estate.ownership", LI, json!({"count": 1}))
        .await;
    assert_eq!(
        town.ask_in("a", "estate.ownership", SubjectKeys::of(LI))
            .await
            .state,
        FactState::Absent
    );
    for case in ["c", ""] {
        let fact = town
            .ask_in(case, "estate.ownership", SubjectKeys::of(LI))
            .await;
        assert_eq!(fact.state, FactState::Known, "case {case}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_its_quota_a_source_is_not_asked_and_the_next_day_it_is() {
    let town = Departments::with(|catalogue| {
        let police = catalogue
            .sources
            .iter_mut()
            .find(|source| source.code == "D01");
        police.expect("listed").per_day = NonZeroU32::new(2);
    })
    .await;
    let identity = json!({"name": "李梅", "match": true});
    town.set("D01", "police.identity", LI, identity).await;
    town.set("D02", "civil.marriage", LI, json!({"state": "single"}))
        .await;
    let ask = async |case: &str, fact_type: &str| {
        town.ask_in(case, fact_type, SubjectKeys::of(LI))
            .await
            .state
    };
    for case in ["a", "b"] {
        assert_eq!(ask(case, "police.identity").await, FactState::Known);
    }
    assert_eq!(ask("c", "police.identity").await, FactState::Unknown);
    assert_eq!(town.store.outcomes().last(), Some(&"over_quota"));
    assert_eq!(
        town.store.calls().last().map(|call| call.trace.is_empty()),
        Some(true)
    );
    assert_eq!(
        ask("c", "civil.marriage").await,
        FactState::Known,
        "the quota of one source is not another's"
    );
    let health = town.gateway.health();
    let police = health
        .iter()
        .find(|source| source.code == "D01")
        .expect("listed");
    assert_eq!(
        (police.calls, police.failures, police.condition),
        (2, 0, Condition::Ok)
    );

    let tomorrow = format!("{{\"offset_ms\": {}}}", 24 * 3_600_000);
    std::fs::write(town.home.join("clock.json"), tomorrow).expect("the clock's file");
    assert_eq!(ask("d", "police.identity").await, FactState::Known);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_purpose_or_basis_nothing_is_asked() {
    let town = Departments::open().await;
    town.set("D02", "civil.marriage", LI, json!({"state": "single"}))
        .await;
    let mut aimless = question("c", "civil.marriage", SubjectKeys::of(LI));
    aimless.purpose.item.clear();
    let mut baseless = question("c", "civil.marriage", SubjectKeys::of(LI));
    baseless.consent.id.clear();
    let unlisted = question("c", "gossip.rumour", SubjectKeys::of(LI));
    let facts = town
        .gateway
        .fetch(vec![aimless, baseless, unlisted])
        .await
        .expect("a store");
    assert!(facts.iter().all(|fact| fact.state == FactState::Unknown));
    assert_eq!(town.store.outcomes(), ["not_askable"; 3]);
}
