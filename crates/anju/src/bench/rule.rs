//! R7: one decision of ten conditions on one core: judged with every condition's result, and drawn in words. `zen-engine` is not built
//! here (with its like it brings hundreds of crates); its figure on the same kind of rule is a recorded one.

use std::{hint::black_box, time::Instant};

use anju_policy::{
    Fact, Facts, Form, Outcome, PolicyFiles, PolicySet,
    fact::{Assurance, At, FactState},
};
use anyhow::{anyhow, ensure};
use serde_json::{Value, json};

use super::{
    ground::Ground,
    load::median,
    measure::ROUNDS,
    row::{Bar, Row},
};

/// `zen-engine` 2.1.6, ten conditions joined by AND, facts shared, no trace, one core of the machine on which it was tried.
const ZEN_A_SECOND: f64 = 1_850_000.0;

/// Decisions of each run.
const DECISIONS: u32 = 200_000;

/// Both readings of the row.
pub fn decided(ground: &Ground) -> anyhow::Result<Vec<Row>> {
    let config = &ground.config;
    let wrong = |errors: Vec<anju_policy::LoadError>| anyhow!("{errors:?}");
    let mut files = PolicyFiles::read(&config.policy, &config.centre).map_err(wrong)?;
    let path = format!("{}/bench-ten.toml", config.centre);
    files
        .files
        .insert(path, include_str!("ten.toml").to_owned());
    let policy = PolicySet::load(&files).map_err(wrong)?;
    let office = &ground.engine.office;
    let at = At {
        now: office.now(),
        today: office.today(),
    };
    let facts = facts(at);
    let reading = policy.reading("bench-ten", &facts, &Form::new(), at)?;
    let decision = reading.explain(&reading.judge());
    ensure!(
        decision.outcome == Outcome::Approved && decision.conditions.len() == 10,
        "{decision:?}"
    );

    let judged = rate(DECISIONS, || drop(black_box(reading.judge())));
    let drawn = rate(DECISIONS / 20, || {
        drop(black_box(reading.explain(&reading.judge())));
    });
    let whole = rate(DECISIONS / 20, || {
        let reading = policy.reading("bench-ten", &facts, &Form::new(), at);
        drop(black_box(
            reading.map(|reading| reading.explain(&reading.judge())),
        ));
    });
    let bar = Bar::at_least(1.0, 3.0);
    let row = |work: &str, ours: f64| {
        Row::ratio(
            "R7",
            work,
            "次/秒",
            (ours, ZEN_A_SECOND, ours / ZEN_A_SECOND),
            bar,
        )
    };
    Ok(vec![
        row(
            "十个条件的决定，每个条件的结果都留着（事实已读入）/ zen-engine 无轨迹",
            judged,
        )
        .noted(
            "zen-engine 的数字是先前记录的（2.1.6，同类规则，事实共享，无轨迹），不是同一次运行。",
        ),
        row("同上，并写成中文说明", drawn).noted(format!(
            "从事实读入起算每秒 {whole:.0} 次。zen-engine 不出说明。"
        )),
    ])
}

fn rate(count: u32, act: impl Fn()) -> f64 {
    let runs: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            (0..count).for_each(|_| act());
            f64::from(count) / began.elapsed().as_secs_f64()
        })
        .collect();
    median(&runs)
}

fn facts(at: At) -> Facts {
    let known: [(&str, &str, Option<Value>); 4] = [
        (
            "own.account",
            "account",
            Some(json!({
                "state": "active", "balance_fen": 5_231_806, "frozen_fen": 0, "reserved_fen": 0, "pledged_fen": 0, "whole_freeze": false,
                "opened_on": "2019-03-01", "settling": false, "transferring_out": false, "remote_mark": false, "region": "500103",
            })),
        ),
        (
            "own.case",
            "applicant",
            Some(json!({ "live_same_kind": 0, "paying_cases": 0, "claimed_months": [] })),
        ),
        (
            "police.identity",
            "applicant",
            Some(json!({ "match": true, "alive": true })),
        ),
        ("estate.ownership", "applicant", None),
    ];
    known
        .into_iter()
        .map(|(fact_type, role, value)| Fact {
            fact_id: None,
            fact_type: fact_type.to_owned(),
            role: role.to_owned(),
            subject: "本人".to_owned(),
            state: if value.is_some() {
                FactState::Known
            } else {
                FactState::Absent
            },
            value: value.unwrap_or(Value::Null),
            source: "own".to_owned(),
            assurance: Assurance::Authoritative,
            as_of: at.now,
            valid_until: None,
            digest: String::new(),
        })
        .collect()
}
