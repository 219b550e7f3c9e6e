//! Conditions as SQL say the same as the evaluator, on random people.

use anju_policy::{
    At, ConditionOutcome, Fact, FactState, Facts, Form, PolicySet, SqlError, SqlText, SqlValue,
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Postgres, Row};

use crate::chance::{Chance, seed};
use crate::database::TestDatabase;

/// How many random people are asked about.
const PEOPLE: usize = 200;

#[tokio::test]
async fn the_two_back_ends_agree_on_random_people() {
    let database = TestDatabase::fresh().await;
    let mut connection = database.owner().await;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policy");
    let policy = PolicySet::read(&folder, "chongqing").expect("the demo centre's policy");
    let now: DateTime<Utc> = "2026-11-24T01:00:00Z".parse().expect("an instant");
    let at = At {
        now,
        today: anju_domain::clock::shanghai_date(now),
    };
    let rules = policy.rules("withdraw-rent", at).expect("the service");
    let plain: Vec<(&str, SqlText)> = rules
        .iter()
        .filter_map(
            |rule| match policy.condition_sql("withdraw-rent", rule.code, at) {
                Ok(sql) => Some((rule.code, sql)),
                Err(SqlError::NotPlain(_)) => None,
                Err(error) => panic!("{}: {error}", rule.code),
            },
        )
        .collect();
    assert!(
        plain.len() >= 15,
        "most conditions have a plain form: {}",
        plain.len()
    );

    let mut chance = Chance::of(seed());
    let mut decided = [0; 3];
    for _ in 0..PEOPLE {
        let facts = random_person(&mut chance, now);
        let row = policy
            .snapshot("withdraw-rent", &facts, at)
            .expect("the service");
        let decision = policy
            .decide("withdraw-rent", &facts, &Form::new(), at)
            .expect("the service");
        for (code, sql) in &plain {
            let found = ask(&mut connection, sql, &row).await;
            let condition = decision
                .conditions
                .iter()
                .find(|condition| condition.code == *code);
            let outcome = condition.expect("a condition in force").outcome;
            let agree = match found {
                Some(true) => outcome == ConditionOutcome::Met,
                Some(false) => outcome == ConditionOutcome::NotMet,
                // A missing record without a paper is a no for the person, and not known to SQL.
                None => outcome != ConditionOutcome::Met,
            };
            assert!(
                agree,
                "{code}: SQL says {found:?}, the evaluator {outcome:?}\n{}\n{facts:#?}",
                sql.text
            );
            decided[found.map_or(2, usize::from)] += 1;
        }
    }
    assert!(
        decided.iter().all(|count| *count > PEOPLE / 4),
        "all three answers occur: {decided:?}"
    );
}

/// Evaluates the text over one row.
async fn ask(
    connection: &mut PgConnection,
    sql: &SqlText,
    row: &[anju_policy::Column],
) -> Option<bool> {
    let mut columns = Vec::new();
    let mut bound: Vec<Option<SqlValue>> = sql.values.iter().cloned().map(Some).collect();
    for (column, ty) in &sql.columns {
        let value = row
            .iter()
            .find(|(name, _)| name == column)
            .expect("a column of the snapshot");
        bound.push(value.1.clone());
        columns.push(format!("${}::{ty} AS {column}", bound.len()));
    }
    let from = if columns.is_empty() {
        String::new()
    } else {
        format!(" FROM (SELECT {}) person", columns.join(", "))
    };
    let mut types: Vec<&str> = vec![""; sql.values.len()];
    types.extend(sql.columns.iter().map(|(_, ty)| *ty));
    let mut query = sqlx::query(AssertSqlSafe(format!("SELECT {}{from}", sql.text)));
    for (value, ty) in bound.into_iter().zip(types) {
        query = bind(query, value, ty);
    }
    query
        .fetch_one(connection)
        .await
        .unwrap_or_else(|error| panic!("{error}\n{}", sql.text))
        .get(0)
}

type Asked<'q> = Query<'q, Postgres, PgArguments>;

fn bind<'q>(query: Asked<'q>, value: Option<SqlValue>, ty: &str) -> Asked<'q> {
    match value {
        Some(SqlValue::Bool(flag)) => query.bind(flag),
        Some(SqlValue::Number(number)) => query.bind(number),
        Some(SqlValue::Date(date)) => query.bind(date),
        Some(SqlValue::Text(text)) => query.bind(text),
        Some(SqlValue::Numbers(numbers)) => query.bind(numbers),
        None => match ty {
            "boolean" => query.bind(None::<bool>),
            "date" => query.bind(None::<chrono::NaiveDate>),
            "text" => query.bind(None::<String>),
            "bigint[]" => query.bind(None::<Vec<i64>>),
            _ => query.bind(None::<i64>),
        },
    }
}

/// Somebody of whom anything may be true, false, none or not known.
fn random_person(chance: &mut Chance, now: DateTime<Utc>) -> Facts {
    let mut facts = Facts::new();
    let c = chance;
    let date = [
        "2025-11-24",
        "2026-03-31",
        "2026-11-23",
        "2026-11-24",
        "2026-11-25",
        "2027-02-28",
    ];
    let month = ["2026-07", "2026-08", "2026-09", "2026-10", "2026-11"];
    let few = |c: &mut Chance| c.below(2);
    let values: Vec<(&str, &str, Value)> = vec![
        (
            "own.account",
            "account",
            json!({
                "state": c.pick(&["active", "sealed", "closed"]), "balance_fen": c.below(300) * 100, "frozen_fen": c.below(200) * 100,
                "reserved_fen": 0, "whole_freeze": few(c) == 1, "opened_on": c.pick(&date), "settling": few(c) == 1,
                "region": c.pick(&["500103", "500230"]), "remote_mark": few(c) == 1,
            }),
        ),
        (
            "own.contribution",
            "account",
            json!({
                "continuous_months": c.below(6), "first_month": "2026-01", "last_month": c.pick(&month),
            }),
        ),
        (
            "own.case",
            "applicant",
            json!({
                "live_same_kind": few(c), "paying_cases": few(c), "claimed_months": [], "purchase_or_repay_months": [],
                "last_rent_claim_on": if few(c) == 1 { json!(c.pick(&date)) } else { Value::Null },
            }),
        ),
        (
            "own.loan",
            "applicant",
            json!({"outstanding": few(c), "overdue": few(c)}),
        ),
        (
            "own.loan",
            "spouse",
            json!({"outstanding": few(c), "overdue": few(c)}),
        ),
        (
            "own.blacklist",
            "applicant",
            json!({
                "listed": few(c) == 1, "until": if few(c) == 1 { json!(c.pick(&date)) } else { Value::Null },
            }),
        ),
        (
            "nhpf.blacklist",
            "applicant",
            json!({"listed": few(c) == 1, "to": c.pick(&date)}),
        ),
        (
            "own.person",
            "applicant",
            json!({
                "face_passed": few(c) == 1, "first_registration": few(c) == 1, "counter": few(c) == 1,
                "mobile_changed_at": c.pick(&["2026-11-23T00:59:59Z", "2026-11-23T01:00:00Z", "2026-11-23T01:00:01Z"]),
            }),
        ),
        (
            "police.identity",
            "applicant",
            json!({"match": few(c) == 1, "alive": few(c) == 1}),
        ),
        ("civil.death", "applicant", json!({"dead": few(c) != 1})),
        (
            "civil.marriage",
            "applicant",
            json!({"state": c.pick(&["single", "married", "divorced"])}),
        ),
        (
            "estate.ownership",
            "applicant",
            json!({"houses": [], "count": 0}),
        ),
        (
            "estate.ownership",
            "spouse",
            json!({
                "houses": [{"district": c.pick(&["500103", "510100"]), "use": c.pick(&["residential", "office"])}], "count": 1,
            }),
        ),
        (
            "housing.contract_filing",
            "applicant",
            json!({"filed": few(c) == 1, "cancelled": few(c) == 1}),
        ),
        (
            "housing.contract_filing",
            "spouse",
            json!({"filed": few(c) == 1}),
        ),
        (
            "unionpay.card_auth",
            "applicant",
            json!({"match": few(c) == 1, "card_type": c.pick(&["debit-1", "debit-2"])}),
        ),
        (
            "court.freeze_order",
            "applicant",
            json!({
                "kind": c.pick(&["freeze", "release"]), "from": c.pick(&date), "to": c.pick(&date),
                "amount_fen": if few(c) == 1 { json!(c.below(300) * 100) } else { Value::Null },
            }),
        ),
    ];
    for (fact_type, role, value) in values {
        let state = match c.below(6) {
            0 => continue,
            1 => FactState::Absent,
            2 => FactState::Unknown,
            _ => FactState::Known,
        };
        facts.put(Fact {
            fact_id: None,
            fact_type: fact_type.into(),
            role: role.into(),
            subject: "本人".into(),
            state,
            value: if state == FactState::Known {
                value
            } else {
                Value::Null
            },
            source: "test".into(),
            assurance: anju_policy::Assurance::Authoritative,
            as_of: now,
            valid_until: None,
            digest: String::new(),
        });
    }
    facts
}
