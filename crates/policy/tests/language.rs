//! The rule language: three values, checked arithmetic, months; judged from outside by the `cel` crate, and fed with nonsense.

mod support;

use anju_policy::{ConditionOutcome, Form, PolicySet};
use serde_json::{Map, Value, json};
use support::small::{self, Chance, SERVICE, condition};

const AMOUNT: &str = "\n[amount]\nformula = \"t.f\"\n";

/// What an expression is over a sample, and its text in a decision.
fn outcomes(expressions: &[String], sample: &Value) -> Vec<ConditionOutcome> {
    let policy = policy(expressions);
    let facts = small::sample(sample.clone());
    let at = support::morning("2026-11-24");
    let decision = policy
        .decide("sample", &facts, &Form::new(), at)
        .expect("the sample service");
    decision
        .conditions
        .iter()
        .map(|condition| condition.outcome)
        .collect()
}

fn policy(expressions: &[String]) -> PolicySet {
    let conditions: Vec<String> = expressions
        .iter()
        .enumerate()
        .map(|(index, when)| condition(&format!("T-{index:04}"), when))
        .collect();
    match small::load(&format!("{SERVICE}{AMOUNT}{}", conditions.concat())) {
        Ok(policy) => policy,
        Err(errors) => panic!("{errors:#?}"),
    }
}

#[test]
fn only_false_and_true_absorb_what_is_not_known() {
    use ConditionOutcome::{Met, NotMet, Unknown};
    // `t.c` is left out of the sample: not known. `t.maybe` is null: missing.
    let sample = json!({"b": true, "n": 2, "f": 500, "s": "x", "d": "2026-01-31", "m": "2026-01", "list": ["2026-01"],
        "rows": [{"month": "2026-01", "fen": 7}, {"month": "2026-02", "fen": 8}], "maybe": null, "i": "2026-11-23T08:30:00+08:00"});
    let table = [
        ("t.b", Met),
        ("!t.b", NotMet),
        ("t.c", Unknown),
        ("!t.c", Unknown),
        ("t.c && false", NotMet),
        ("false && t.c", NotMet),
        ("t.c && !t.b", NotMet),
        ("!t.b && t.c", NotMet),
        ("t.c && t.b", Unknown),
        ("t.b && t.c", Unknown),
        ("t.c || t.b", Met),
        ("t.b || t.c", Met),
        ("t.c || !t.b", Unknown),
        ("t.c ? true : true", Unknown),
        ("t.b ? true : t.c", Met),
        ("t.k == t.k", Unknown),
        // Missing, without a paper, is a no; absorbed like the unknown; the unknown is the stronger of the two.
        ("t.maybe == 1", NotMet),
        ("t.maybe == 1 || t.b", Met),
        ("t.maybe == 1 || t.c", Unknown),
        ("has(t.maybe)", NotMet),
        ("has(t.n)", Met),
        ("has(t.c)", Unknown),
        ("value_or(t.maybe, 7) == 7", Met),
        ("value_or(t.k, 7) == 7", Unknown),
        ("t.f - t.f == 0 && 0 <= t.f && max(0, t.f) == t.f", Met),
        ("t.f * 2 / 2 == t.f && t.n % 2 == 0", Met),
        ("t.n / 0 == 1", Unknown),
        ("t.n * 9223372036854775807 > 0", Unknown),
        ("t.n + 9223372036854775807 > 0 || t.b", Met),
        (
            "add_months(t.d, 1) > t.d && month_of(add_months(t.d, 1)) == add_months(t.m, 1)",
            Met,
        ),
        ("add_months(t.d, 900000) > t.d", Unknown),
        (
            "months_between(t.d, add_months(t.d, 12)) == 12 && months_between(t.m, add_months(t.m, -3)) == -3",
            Met,
        ),
        ("days_between(t.d, add_months(t.d, 1)) == 28", Met),
        ("days_in_month(t.m, t.d, today) == 1", Met),
        ("hours_since(t.i) == 24", Met),
        ("t.m in t.list", Met),
        ("size(t.list) == 1", Met),
        ("t.s in [\"x\", \"y\"]", Met),
        ("t.s in city", NotMet),
        (
            "sum_months(t.m, add_months(t.m, 1), t.rows(month)) - t.rows(t.m) - t.rows(add_months(t.m, 1)) == 0",
            Met,
        ),
        (
            "sum_months(t.m, add_months(t.m, 2), value_or(t.rows(month), 0)) > t.rows(t.m)",
            Met,
        ),
        (
            "sum_months(t.m, add_months(t.m, 2), t.rows(month)) > t.f",
            NotMet,
        ),
        (
            "sum_months(add_months(t.m, 1), t.m, t.rows(month)) == 0",
            Met,
        ),
        (
            "count_months(t.m, add_months(t.m, 11), month in t.list) == 1",
            Met,
        ),
        ("count_months(t.m, add_months(t.m, 600), true) > 0", Unknown),
        ("cap(t.m, \"500103\") > cap(t.m, \"510100\")", Met),
        ("limit == 4", Met),
        ("round_down(t.f, t.f) == t.f", Met),
        ("-t.n < 0", Met),
    ];
    let expressions: Vec<String> = table.iter().map(|(text, _)| (*text).to_owned()).collect();
    for ((text, wanted), found) in table.iter().zip(outcomes(&expressions, &sample)) {
        assert_eq!(found, *wanted, "{text}");
    }
}

#[test]
fn a_rule_that_cannot_be_computed_goes_to_a_person() {
    let policy = policy(&["t.n / 0 == 1".into()]);
    let facts = small::sample(json!({"n": 1, "f": 5}));
    let decision = policy
        .decide(
            "sample",
            &facts,
            &Form::new(),
            support::morning("2026-11-24"),
        )
        .expect("the sample service");
    assert_eq!(decision.outcome, anju_policy::Outcome::Review);
    assert_eq!(
        decision.review_reasons,
        ["规则暂时无法计算（除数为零），转人工核对"]
    );
}

/// A random expression over `t.b t.c t.n t.k t.s`, in the part of the language that CEL has too.
fn random_truth(chance: &mut Chance, depth: usize) -> String {
    if depth == 0 {
        return (*chance.pick(&["t.b", "t.c", "true", "false"])).into();
    }
    let truth = |chance: &mut Chance| random_truth(chance, depth - 1);
    match chance.below(8) {
        0 => format!("({} && {})", truth(chance), truth(chance)),
        1 => format!("({} || {})", truth(chance), truth(chance)),
        2 => format!("!{}", truth(chance)),
        3 => format!(
            "({} ? {} : {})",
            truth(chance),
            truth(chance),
            truth(chance)
        ),
        4 => format!("(t.s {} \"x\")", chance.pick(&["==", "!="])),
        5 => "(t.s in [\"x\", \"y\"])".into(),
        _ => {
            let sign = *chance.pick(&["==", "!=", "<", "<=", ">", ">="]);
            format!(
                "({} {sign} {})",
                random_number(chance, depth),
                random_number(chance, depth)
            )
        }
    }
}

fn random_number(chance: &mut Chance, depth: usize) -> String {
    if depth == 0 {
        let literals = ["t.n", "t.k", "0", "1", "3", "7", "9223372036854775807"];
        return (*chance.pick(&literals)).into();
    }
    let sign = *chance.pick(&["+", "-", "*", "/", "%"]);
    match chance.below(3) {
        0 => random_number(chance, 0),
        _ => format!(
            "({} {sign} {})",
            random_number(chance, depth - 1),
            random_number(chance, depth - 1)
        ),
    }
}

fn random_sample(chance: &mut Chance) -> Value {
    let mut sample = Map::new();
    let numbers = [0, 1, -1, 3, 7, i64::MAX, i64::MIN];
    let mut give = |chance: &mut Chance, field: &str, value: Value| {
        if chance.below(4) > 0 {
            sample.insert(field.into(), value);
        }
    };
    for field in ["b", "c"] {
        let flag = chance.below(2) == 0;
        give(chance, field, json!(flag));
    }
    for field in ["n", "k"] {
        let number = *chance.pick(&numbers);
        give(chance, field, json!(number));
    }
    let text = *chance.pick(&["x", "y", "z"]);
    give(chance, "s", json!(text));
    sample.insert("f".into(), json!(1));
    sample.into()
}

/// The published language's own implementation as judge: wherever CEL has a value, ours is the same; wherever CEL has an error (a field
/// that is not there, an overflow), ours is not known.
#[test]
fn the_cel_crate_agrees_on_random_expressions() {
    let mut chance = Chance::seeded();
    let expressions: Vec<String> = (0..300).map(|_| random_truth(&mut chance, 3)).collect();
    let policy = policy(&expressions);
    for _ in 0..20 {
        let sample = random_sample(&mut chance);
        let decision = policy
            .decide(
                "sample",
                &small::sample(sample.clone()),
                &Form::new(),
                support::morning("2026-11-24"),
            )
            .expect("the sample service");
        let mut context = cel::Context::default();
        let fields: std::collections::HashMap<String, cel::Value> = sample
            .as_object()
            .expect("fields")
            .iter()
            .map(|(field, value)| (field.clone(), cel_value(value)))
            .collect();
        context.add_variable_from_value("t", fields);
        for (text, ours) in expressions.iter().zip(&decision.conditions) {
            let program = cel::Program::compile(text).expect("a CEL expression");
            let wanted = match program.execute(&context) {
                Ok(cel::Value::Bool(true)) => ConditionOutcome::Met,
                Ok(cel::Value::Bool(false)) => ConditionOutcome::NotMet,
                Ok(other) => panic!("{text} gave {other:?}"),
                Err(_) => ConditionOutcome::Unknown,
            };
            assert_eq!(ours.outcome, wanted, "{text} over {sample}");
        }
    }
}

fn cel_value(value: &Value) -> cel::Value {
    match value {
        Value::Bool(flag) => cel::Value::Bool(*flag),
        Value::String(text) => cel::Value::from(text.as_str()),
        other => cel::Value::Int(other.as_i64().expect("a number")),
    }
}

/// Pieces of expressions put together without sense, and real ones with bytes changed: errors perhaps, a panic never.
#[test]
fn nonsense_never_panics() {
    let pieces = [
        "t.b",
        "t.n",
        "t.f",
        "t.d",
        "t.m",
        "t.s",
        "t.list",
        "t.rows",
        "t.maybe",
        "month",
        "today",
        "now",
        "city",
        "cap",
        "limit",
        "amount",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ".",
        "&&",
        "||",
        "!",
        "==",
        "<",
        "+",
        "-",
        "*",
        "/",
        "%",
        "?",
        ":",
        " in ",
        "has(",
        "min(",
        "max(",
        "sum_months(",
        "count_months(",
        "add_months(",
        "value_or(",
        "size(",
        "days_in_month(",
        "round_down(",
        "hours_since(",
        "t.rows(",
        "cap(",
        "\"x\"",
        "'y'",
        "0",
        "1",
        "-9223372036854775808",
        "9223372036854775807",
        "1.5",
        "1u",
        "null",
        "b'z'",
        "true",
        "住房",
        "\\",
        "\"",
        "//",
        "\n",
        "t.list.all(x, x)",
        "[1].map(x, x)",
        "`a`",
        "t.?b",
        "form.x",
        "service.kind",
    ];
    let real = [
        "t.c && t.n > 3 || t.f == 0",
        "sum_months(t.m, add_months(t.m, 11), t.rows(month)) > 0",
        "t.s in [\"x\"] ? t.b : has(t.maybe)",
    ];
    let mut chance = Chance::seeded();
    let mut broken = Vec::new();
    for round in 0..200 {
        let text: String = if round % 3 == 0 {
            let mut bytes = chance.pick(&real).as_bytes().to_vec();
            for _ in 0..=chance.below(3) {
                let index = chance.below(bytes.len());
                bytes[index] = u8::try_from(chance.below(128)).expect("ASCII");
            }
            String::from_utf8_lossy(&bytes).into_owned()
        } else {
            (0..=chance.below(12))
                .map(|_| *chance.pick(&pieces))
                .collect()
        };
        let sample = random_sample(&mut chance);
        let tried = std::panic::catch_unwind(|| {
            let service = format!("{SERVICE}{AMOUNT}{}", condition("T-1", &text));
            if let Ok(policy) = small::load(&service) {
                let at = support::morning("2026-11-24");
                let decided = policy.decide("sample", &small::sample(sample), &Form::new(), at);
                assert!(decided.is_ok());
            }
        });
        if tried.is_err() {
            broken.push(text);
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}
