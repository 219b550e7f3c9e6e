//! Who is believed where sources differ (data_sharing.md §1): every pair of levels, our own books among them, and what is told of it.

mod support;

use anju_policy::{Assurance, Fact, FactState, Facts, Form, Outcome, PolicySet};
use serde_json::json;
use support::small::{self, SERVICE, condition, names};
use support::{chongqing, instant, tenant};

const ORDER: &str = r#"
[precedence]
order = ["authoritative", "attested", "paper", "self_declared"]
newer = ["attested", "paper", "self_declared"]
"#;

/// Two sources of one number: ours, and a department's.
const TWO: &str = r#"
[[fact]]
type = "own.sample"
label = "账簿"
source = "own"
source_name = "本中心账簿"

[[name]]
name = "o.n"
label = "账上的数"
type = "int"
roles = ["applicant"]
fact = "own.sample"
read = { path = "n" }
"#;

fn policy(order: &str) -> PolicySet {
    let vocabulary = format!("{}{TWO}{order}", names());
    let service = format!(
        "{SERVICE}\n[[service.inputs]]\nname = \"n\"\ntype = \"int\"\nlabel = \"自己填的数\"\n\
         [amount]\nformula = \"t.f\"\n\
         [[needs]]\ntype = \"t.sample\"\nrole = \"applicant\"\n[[needs]]\ntype = \"own.sample\"\nrole = \"applicant\"\n\
         [[agree]]\nname = \"人数\"\nwhen = \"t.n == o.n\"\n\
         [[agree]]\nname = \"填的数\"\nwhen = \"o.n == form.n\"\n{}",
        condition(
            "T-1",
            "value_or(o.n, value_or(t.n, 0)) == 1 && value_or(form.n, 1) == 1"
        )
    );
    PolicySet::load(&small::files(&vocabulary, &service)).unwrap_or_else(|errors| {
        panic!("{errors:#?}");
    })
}

fn said(fact_type: &str, n: i64, assurance: Assurance, hour: u32) -> Fact {
    Fact {
        fact_id: Some(i64::from(hour)),
        fact_type: fact_type.into(),
        role: "applicant".into(),
        subject: "本人".into(),
        state: FactState::Known,
        value: json!({ "n": n, "f": 100 }),
        source: if fact_type == "t.sample" {
            "D00"
        } else {
            "own"
        }
        .into(),
        assurance,
        as_of: instant("2026-11-24", hour),
        valid_until: None,
        digest: String::new(),
    }
}

/// Outcome, and what was settled: name, who is believed, who is not.
fn settled(policy: &PolicySet, theirs: Fact, ours: Fact, form: &Form) -> (Outcome, Vec<String>) {
    let facts: Facts = [theirs, ours].into_iter().collect();
    let decision = policy
        .decide("sample", &facts, form, support::morning("2026-11-25"))
        .expect("the sample");
    let words = decision
        .settled
        .iter()
        .map(anju_policy::decision::Settlement::in_words);
    (decision.outcome, words.collect())
}

#[test]
fn the_stronger_word_counts_then_the_newer_and_of_two_registers_a_person_decides() {
    use Assurance::{Attested, Authoritative, Paper, SelfDeclared};
    let policy = policy(ORDER);
    let mut checked = 0;
    for (place, theirs) in Assurance::ALL.into_iter().enumerate() {
        for (other, ours) in Assurance::ALL.into_iter().enumerate() {
            for hours in [(1, 2), (2, 1)] {
                // Ours says 1, which passes; theirs says 2.
                let (outcome, words) = settled(
                    &policy,
                    said("t.sample", 2, theirs, hours.0),
                    said("own.sample", 1, ours, hours.1),
                    &Form::new(),
                );
                let ours_counts = other > place || (other == place && hours.1 > hours.0);
                let by_paper = theirs == Paper || ours == Paper;
                let expected = match (theirs, ours) {
                    (Authoritative, Authoritative) => Outcome::Review,
                    _ if !ours_counts => Outcome::Refused,
                    _ if by_paper => Outcome::Review,
                    _ => Outcome::Approved,
                };
                assert_eq!(outcome, expected, "{theirs:?} {ours:?} {hours:?}");
                assert_eq!(
                    words.is_empty(),
                    theirs == Authoritative && ours == Authoritative
                );
                checked += 1;
            }
        }
    }
    assert_eq!(checked, 32);
    let (_, words) = settled(
        &policy,
        said("t.sample", 2, Attested, 1),
        said("own.sample", 1, Authoritative, 1),
        &Form::new(),
    );
    assert_eq!(
        words,
        [
            "人数不一致。采用本中心账簿：1；没有采用样本来源：2。登记机关的信息先于银行或其他中心的。"
        ]
    );
    let (_, words) = settled(
        &policy,
        said("t.sample", 2, SelfDeclared, 2),
        said("own.sample", 1, SelfDeclared, 1),
        &Form::new(),
    );
    assert_eq!(
        words,
        ["人数不一致。采用样本来源：2；没有采用本中心账簿：1。同为本人填写的信息，取时间较近的。"]
    );
}

#[test]
fn what_a_person_fills_in_gives_way_to_a_register_and_is_told() {
    let policy = policy(ORDER);
    let mut form = Form::new();
    form.insert("n".into(), json!(7));
    let (outcome, words) = settled(
        &policy,
        said("t.sample", 1, Assurance::Authoritative, 1),
        said("own.sample", 1, Assurance::Authoritative, 1),
        &form,
    );
    assert_eq!(outcome, Outcome::Approved);
    assert_eq!(
        words,
        ["填的数不一致。采用本中心账簿：1；没有采用您的申请：7。登记机关的信息先于本人填写的。"]
    );
}

#[test]
fn without_an_order_of_precedence_every_difference_goes_to_a_person() {
    let policy = policy("");
    for (theirs, ours) in [
        (Assurance::Attested, Assurance::Authoritative),
        (Assurance::Paper, Assurance::Attested),
    ] {
        let (outcome, words) = settled(
            &policy,
            said("t.sample", 2, theirs, 1),
            said("own.sample", 1, ours, 1),
            &Form::new(),
        );
        assert_eq!((outcome, words.len()), (Outcome::Review, 0));
    }
}

#[test]
fn an_order_that_forgets_a_level_does_not_load() {
    let short = ORDER.replace("\"paper\", \"self_declared\"]\nnewer", "\"paper\"]\nnewer");
    let vocabulary = format!("{}{short}", names());
    let service = format!(
        "{SERVICE}[amount]\nformula = \"t.f\"\n{}",
        condition("T-1", "t.b")
    );
    let errors =
        PolicySet::load(&small::files(&vocabulary, &service)).expect_err("a level is missing");
    assert_eq!(errors[0].place, "precedence");
}

/// A tenant with a filed lease in one district who names another: the register counts, and the decision says so.
#[test]
fn a_district_that_differs_from_the_filed_lease_is_set_aside_and_told() {
    let lease = json!({
        "filed": true, "lease_no": "ZL1", "district": "500112", "from": "2023-01-01", "to": "2029-12-31",
        "rent_fen_month": 150_000, "kind": "market",
    });
    let case = tenant()
        .with("housing.rental_filing", lease)
        .with_form("district", json!("500103"));
    let decision = case.decided(chongqing(), "withdraw-rent");
    assert_eq!(decision.outcome, Outcome::Approved);
    let words: Vec<String> = decision.settled.iter().map(|one| one.in_words()).collect();
    assert_eq!(words.len(), 1, "{words:?}");
    assert!(words[0].starts_with("租住的区县不一致。采用"), "{words:?}");
    assert!(words[0].contains("您的申请"), "{words:?}");
    let agreed = case.with_form("district", json!("500112"));
    assert!(
        agreed
            .decided(chongqing(), "withdraw-rent")
            .settled
            .is_empty()
    );
}
