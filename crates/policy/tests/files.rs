//! Policy files: every mistake is found with its place; a new service is a file; what is deleted is gone.

mod support;

use anju_policy::{Form, Outcome, PolicySet};
use serde_json::json;
use support::small::{self, SERVICE, condition, names};
use support::{chongqing, day, tenant};

const AMOUNT: &str = "\n[amount]\nformula = \"t.f\"\n";

#[test]
fn the_demo_centres_files_have_no_mistake() {
    assert_eq!(anju_policy::check(&support::folder(), "chongqing"), []);
    let ids: Vec<&str> = chongqing()
        .services()
        .map(|service| service.id.as_str())
        .collect();
    assert_eq!(
        ids,
        [
            "ask-complaint",
            "base-adjust",
            "certificate-contribution-elsewhere",
            "cobrand-card-link",
            "employee-account-open",
            "employee-account-seal",
            "employee-account-transfer",
            "employee-account-unseal",
            "employee-credit-referral",
            "employer-certificate",
            "employer-clerk-authorise",
            "employer-close-account",
            "employer-credit-referral",
            "employer-debit-sign",
            "employer-deferral",
            "employer-info-maintain",
            "employer-open-account",
            "employer-ratio-reduction",
            "employer-refund",
            "employer-suspense-refund",
            "flexible-contributor-change",
            "flexible-contributor-open",
            "mobile-change",
            "personal-card-change",
            "personal-info-maintain",
            "query-account-detail",
            "query-basic-info",
            "query-employer-info",
            "query-entitlements",
            "query-housing-subsidy",
            "query-transfer-in",
            "query-withdrawal-progress",
            "ratio-adjust",
            "remittance-register",
            "subsidy-register",
            "supplement-register",
            "transfer-in-apply",
            "transfer-out",
            "verify-document",
            "withdraw-build",
            "withdraw-death",
            "withdraw-disability",
            "withdraw-down-payment",
            "withdraw-elevator",
            "withdraw-emigrate",
            "withdraw-hardship",
            "withdraw-leave-job",
            "withdraw-move-out",
            "withdraw-purchase-full",
            "withdraw-rent",
            "withdraw-repay",
            "withdraw-retire",
            "withdraw-run-commercial",
            "withdraw-sign-commercial",
            "withdraw-sign-fund-loan",
        ]
    );
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let wrong = |when: &str| format!("{SERVICE}{AMOUNT}{}", condition("T-1", when));
    let without = |line: &str| {
        let text = format!("{SERVICE}{AMOUNT}{}", condition("T-1", "t.b"));
        text.lines()
            .filter(|l| !l.starts_with(line))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let service = |extra: &str| format!("{SERVICE}{AMOUNT}{}{extra}", condition("T-1", "t.b"));
    let table = [
        (wrong("t.nobody"), "condition T-1, when", "unknown name t.nobody"),
        (wrong("t.f + t.n > t.f"), "condition T-1, when", "fen + int has no meaning"),
        (wrong("t.f * t.f > t.f"), "condition T-1, when", "fen × fen has no meaning"),
        (wrong("t.f > t.n"), "condition T-1, when", "fen and int do not go together"),
        (wrong("t.f > 100"), "condition T-1, when", "fen and int do not go together"),
        (wrong("t.f"), "condition T-1, when", "fen where bool is needed"),
        (wrong("t.d + 1 > t.d"), "condition T-1, when", "date + int has no meaning"),
        (wrong("t.s > \"x\""), "condition T-1, when", "text cannot be compared in this way"),
        (wrong("1.5 > 1"), "condition T-1, when", "only whole numbers, texts, true and false are allowed as literals"),
        (wrong("t.b &&"), "condition T-1, when", "at column"),
        (wrong("t.list.all(x, true)"), "condition T-1, when", "only names, literals, operators"),
        (wrong("nobody(t.b)"), "condition T-1, when", "unknown function nobody"),
        (wrong("min(t.b, t.c)"), "condition T-1, when", "min needs numbers"),
        (wrong("add_months(t.n, 1) == t.n"), "condition T-1, when", "add_months needs a date or a month"),
        (wrong("month == t.m"), "condition T-1, when", "`month` stands only inside sum_months"),
        (wrong("sum_months(t.m, t.m, sum_months(t.m, t.m, 0)) == 0"), "condition T-1, when", "does not stand inside another sum"),
        (wrong("cap(t.m) == t.f"), "condition T-1, when", "cap takes 2 argument(s), not 1"),
        (wrong("cap == t.f"), "condition T-1, when", "cap needs its 2 argument(s)"),
        (wrong("city"), "condition T-1, when", "city is a set of districts"),
        (wrong("t.n in city"), "condition T-1, when", "int where text is needed"),
        (wrong("has(limit.x)"), "condition T-1, when", "unknown name limit.x"),
        (wrong("form.card == \"x\""), "condition T-1, when", "unknown name form.card"),
        (without("law = \"test\""), "condition T-1", "no law"),
        (without("refusal"), "condition T-1", "no refusal"),
        (without("remedy"), "condition T-1", "no remedy"),
        (service("").replace("from = \"2020-01-01\"", "from = \"2020-02-30\""), "condition T-1, from", "2020-02-30 is not a date"),
        (service("").replace("refusal = \"不符合\"", "refusal = \"{t.nobody}\""), "condition T-1, refusal", "unknown name t.nobody"),
        (service("").replace("refusal = \"不符合\"", "refusal = \"{t.b\""), "condition T-1, refusal", "never closed"),
        (service(&condition("T-1", "t.c")), "condition T-1", "stands twice for the same days"),
        (service("stands_in = \"T-9\"\n"), "condition T-1", "stands in for T-9, which is not there"),
        (service("colour = 1\n"), "line", "unknown field"),
        (service("").replace("withdraw_kind = \"SAMPLE\"", ""), "service", "no withdraw_kind"),
        (format!("{SERVICE}{}", condition("T-1", "t.b")), "service", "no [amount]"),
        (service("").replace("[amount]\nformula = \"t.f\"", "[amount]\nformula = \"t.n\""), "amount, formula", "int where fen is needed"),
        (service("").replace("law = [\"test\"]", "law = [\"test\"]\ninclude = [\"common/nothing\"]"), "service, include", "no file common/nothing"),
        (service("\n[[needs]]\ntype = \"t.nothing\"\nrole = \"applicant\"\n"), "needs t.nothing of applicant", "unknown fact type"),
        (service("\n[[review]]\nwhen = \"amount\"\nreason = \"x\"\n"), "review, when", "fen where bool is needed"),
        (service("\n[[agree]]\nname = \"x\"\nwhen = \"t.b == t.c\"\n"), "agree x", "does not compare two facts"),
        (service("\n[[agree]]\nname = \"x\"\nwhen = \"t.b == t.nobody\"\n"), "agree x", "unknown name t.nobody"),
        (service("\n[[define]]\nname = \"t.loop\"\nlabel = \"x\"\ntype = \"bool\"\nformula = \"t.loop\"\n").replace("when = \"t.b\"", "when = \"t.loop\""), "condition T-1, when", "t.loop is defined by itself"),
    ];
    for (text, place, message) in table {
        let errors = match small::load(&text) {
            Ok(_) => panic!("{message}: loads\n{text}"),
            Err(errors) => errors,
        };
        let found = errors.iter().any(|error| {
            error.file == "test/sample.toml"
                && error.place.starts_with(place)
                && error.message.contains(message)
        });
        assert!(found, "{place}: {message}, but got {errors:#?}");
    }
}

#[test]
fn mistakes_of_names_and_numbers_are_told_too() {
    let good = format!("{SERVICE}{AMOUNT}{}", condition("T-1", "t.b"));
    let row = "{ from = \"2020-01\", value = 80 },";
    let table = [
        (
            names().replace(
                row,
                "{ from = \"2020-01\", value = 80 }, { from = \"2020-01-01\", value = 90 },",
            ),
            "parameter cap, row 3",
            "same date and the same where",
        ),
        (
            names().replace(row, "{ from = \"2020-13\", value = 80 },"),
            "parameter cap, row 2",
            "is not a date",
        ),
        (
            names().replace(row, "{ from = \"2020-01\", value = \"x\" },"),
            "parameter cap, row 2",
            "is not fen",
        ),
        (
            names().replace(
                row,
                "{ from = \"2020-01\", region = \"moon\", value = 80 },",
            ),
            "parameter cap, row 2",
            "unknown region moon",
        ),
        (
            names().replace(row, "{ from = \"2020-01\", colour = \"red\", value = 80 },"),
            "parameter cap, row 2",
            "`colour` is no argument of it",
        ),
        (
            names().replacen("mark = \"assumed\"\nsource = \"test\"", "", 1),
            "parameter cap, row 1",
            "no mark",
        ),
        (
            names().replace("\"5001*\"", "\"5x\""),
            "region city",
            "5x is not a district code",
        ),
        (
            names().replace(
                "fact = \"t.sample\"\nread = { path = \"b\"",
                "fact = \"t.other\"\nread = { path = \"b\"",
            ),
            "name t.b",
            "unknown fact type t.other",
        ),
        (
            names().replace(
                "read = { path = \"n\"",
                "read = { count = \"n\", path = \"n\"",
            ),
            "name t.n",
            "two ways",
        ),
        (
            names().replace("read = { path = \"b\"", "read = { count = \"b\""),
            "name t.b",
            "does not give bool",
        ),
        (
            names().replace("centre = \"test\"", "centre = \"elsewhere\""),
            "policy",
            "centre is elsewhere, not test",
        ),
    ];
    for (names, place, message) in table {
        let errors = PolicySet::load(&small::files(&names, &good)).expect_err(message);
        let found = errors
            .iter()
            .any(|error| error.place.starts_with(place) && error.message.contains(message));
        assert!(found, "{place}: {message}, but got {errors:#?}");
    }
}

#[test]
fn all_mistakes_come_in_one_answer() {
    let conditions = [
        condition("T-1", "t.x"),
        condition("T-2", "t.y"),
        condition("T-3", "t.f + t.d == 0"),
    ];
    let errors = small::load(&format!("{SERVICE}{AMOUNT}{}", conditions.concat()))
        .expect_err("three mistakes");
    assert_eq!(errors.len(), 3, "{errors:#?}");
}

/// A service of a kind that the program has never heard of: conditions, an amount with its own formula, an effect that exists.
#[test]
fn a_new_service_is_one_file() {
    let mut files = support::files();
    let text = r#"
[[fact]]
type = "veteran.card"
label = "退役军人优待"
source = "D02"
source_name = "市民政局"

[[name]]
name = "living.covered"
label = "在保"
type = "bool"
roles = ["applicant"]
fact = "veteran.card"
read = { path = "covered" }
absent = false

[[parameter]]
name = "veteran_cap_fen"
label = "低保提取限额"
type = "fen"
mark = "assumed"
source = "test"
values = [{ from = "2020-01-01", value = 1200000 }]

[service]
id = "withdraw-veteran"
name_zh = "低保提取"
short_zh = "低保提取"
verb = "do"
group = "withdraw"
audience = ["employee"]
login = { default = "L3f" }
channels = ["APP"]
outcome = "instant"
gov_code = "0"
law = ["建金管〔2005〕5号"]
include = ["common/person", "common/payout"]
effect = "pay_out"
withdraw_kind = "LOW_INCOME"
promise = { legal = "3 日", promised = "当场", working_days = 3 }

[[service.inputs]]
name = "card_no"
type = "card"
label = "收款银行卡号"
required = true

[[needs]]
type = "veteran.card"
role = "applicant"

[amount]
formula = "min(account.available, veteran_cap_fen)"

[[amount.part]]
label = "低保提取限额"
formula = "veteran_cap_fen"

[[condition]]
code = "LOW-01"
name = "在低保名单内"
when = "living.covered"
refusal = "未查询到当前的城市最低生活保障信息。"
remedy = "请到民政部门核对"
law = "建金管〔2005〕5号"
from = 2005-01-10
document = "低保证"
"#;
    files
        .files
        .insert("chongqing/withdraw-veteran.toml".into(), text.into());
    let policy = PolicySet::load(&files).expect("a good file");
    let covered = tenant().with("veteran.card", json!({"covered": true}));
    let decision = covered.decided(&policy, "withdraw-veteran");
    assert_eq!(decision.outcome, Outcome::Approved);
    assert_eq!(decision.amount_fen, Some(1_200_000));
    assert!(decision.amount_parts[0].binding);
    // A condition that is for kinds with contributions only is not asked of this one.
    assert!(
        !decision
            .conditions
            .iter()
            .any(|condition| condition.code == "CMN-12")
    );
    let not_covered = tenant().with("veteran.card", json!({"covered": false}));
    assert_eq!(
        not_covered.decided(&policy, "withdraw-veteran").outcome,
        Outcome::Refused
    );
    assert_eq!(
        tenant().decided(&policy, "withdraw-veteran").outcome,
        Outcome::Waiting
    );
    assert_ne!(policy.reference().digest, chongqing().reference().digest);
}

#[test]
fn deleting_a_condition_changes_the_outcome() {
    let owner = tenant().with(
        "estate.ownership",
        json!({"count": 1, "houses": [{"district": "500112", "use": "residential"}]}),
    );
    assert_eq!(owner.rent().outcome, Outcome::Refused);
    let mut files = support::files();
    let rent = files
        .files
        .get_mut("chongqing/withdraw-rent.toml")
        .expect("the rent file");
    let begins = rent
        .find("[[condition]]\ncode = \"RENT-02\"")
        .expect("RENT-02");
    let length = rent[begins + 1..]
        .find("[[condition]]")
        .expect("a condition after it")
        + 1;
    rent.replace_range(begins..begins + length, "");
    let policy = PolicySet::load(&files).expect("still a policy");
    assert_eq!(
        owner.decided(&policy, "withdraw-rent").outcome,
        Outcome::Approved
    );
}

#[test]
fn a_condition_holds_from_its_day_to_its_day() {
    let dated = |from: &str, to: &str| {
        condition("T-1", "t.b").replace(
            "from = \"2020-01-01\"",
            &format!("from = \"{from}\"\nto = \"{to}\""),
        )
    };
    let both = [
        dated("2020-01-01", "2026-11-23"),
        dated("2026-11-24", "2026-11-24").replace("t.b", "!t.b"),
    ];
    let policy =
        small::load(&format!("{SERVICE}{AMOUNT}{}", both.concat())).expect("apart in time");
    let facts = small::sample(json!({"b": true, "f": 5}));
    let outcome = |day: &str| {
        let decision = policy
            .decide("sample", &facts, &Form::new(), support::morning(day))
            .expect("the service");
        (decision.conditions.len(), decision.outcome)
    };
    assert_eq!(outcome("2026-11-23"), (1, Outcome::Approved));
    assert_eq!(outcome("2026-11-24"), (1, Outcome::Refused));
    assert_eq!(outcome("2026-11-25"), (0, Outcome::Approved));
}

#[test]
fn a_digest_is_of_the_content_alone() {
    let good = format!("{SERVICE}{AMOUNT}{}", condition("T-1", "t.b"));
    let digest = |service: &str| small::files(&names(), service).digest();
    assert_eq!(digest(&good), digest(&format!("# a remark\n\n{good}")));
    assert_ne!(digest(&good), digest(&good.replace("\"t.b\"", "\"t.c\"")));
    assert_eq!(digest(&good).len(), 64);
}

#[test]
fn a_stored_decision_replays_and_a_changed_rule_is_noticed() {
    let policy = chongqing();
    for case in [
        tenant(),
        tenant().married(),
        tenant().with("own.loan", json!({"outstanding": 1, "overdue": 0})),
    ] {
        let reading = policy
            .reading("withdraw-rent", &case.facts, &case.form, case.at)
            .expect("a service");
        let stored = reading.stored(&reading.judge());
        let kept = serde_json::to_string(&stored).expect("JSON");
        let facts = serde_json::from_str(&serde_json::to_string(&case.facts).expect("JSON"))
            .expect("facts");
        let stored = serde_json::from_str(&kept).expect("a stored decision");
        policy
            .replay(&stored, &facts, &case.form)
            .expect("the same again");
        assert_eq!(
            policy.show(&stored, &facts, &case.form).expect("a service"),
            case.rent()
        );
        assert!(
            kept.len() < 2_000,
            "a stored decision is small: {} bytes",
            kept.len()
        );
    }
    let mut files = support::files();
    let rent = files
        .files
        .get_mut("chongqing/withdraw-rent.toml")
        .expect("the rent file");
    *rent = rent.replace("rent.claimable_months > 0", "rent.claimable_months > 12");
    let changed = PolicySet::load(&files).expect("another policy");
    let case = tenant();
    let reading = policy
        .reading("withdraw-rent", &case.facts, &case.form, case.at)
        .expect("a service");
    let difference = changed.replay(&reading.stored(&reading.judge()), &case.facts, &case.form);
    assert!(difference.is_err_and(|error| error.to_string().contains("RENT-08")));
}

#[test]
fn the_centres_numbers_are_looked_up_by_date_and_place() {
    let policy = chongqing();
    let fen = |name: &str, on: &str, at: &[(&str, &str)]| {
        policy.fen(name, day(on), at).expect(name).fen()
    };
    let again = |waited: &str| {
        let at = [("waited", waited)];
        policy.int("gather_retry_minutes", day("2026-11-24"), &at)
    };
    // data_sharing.md §6: after 1 minute, 5 minutes, then every 10.
    for (waited, minutes) in [("0", 1), ("1", 5), ("5", 5), ("6", 10), ("1000", 10)] {
        assert_eq!(again(waited), Ok(minutes), "waited {waited} minutes");
    }
    assert_eq!(fen("base_upper_fen", "2026-06-30", &[]), 2_980_000);
    assert_eq!(fen("base_upper_fen", "2026-07-01", &[]), 3_139_300);
    assert_eq!(
        fen("base_upper_fen", "2031-07-01", &[]),
        3_139_300,
        "a year without a row keeps the year before"
    );
    assert_eq!(
        fen("base_lower_fen", "2026-07-01", &[("region", "500103")]),
        233_000
    );
    assert_eq!(
        fen("base_lower_fen", "2026-07-01", &[("region", "500230")]),
        220_000
    );
    assert_eq!(
        fen(
            "rent_cap_monthly",
            "2024-05-01",
            &[("region", "500103"), ("children", "2")]
        ),
        180_000
    );
    assert_eq!(
        policy
            .bp("interest_rate_bp", day("2026-06-30"), &[])
            .expect("the rate")
            .bp(),
        150
    );
    assert!(
        policy
            .bp("interest_rate_bp", day("2016-02-20"), &[])
            .is_err(),
        "no row is an error, never zero"
    );
    assert_eq!(
        policy.history("interest_rate_bp").expect("rows"),
        [(day("2016-02-21"), 150)]
    );
    assert!(
        policy
            .flag("ratio_must_equal", day("2026-01-01"), &[])
            .expect("a switch")
    );
    assert_eq!(
        policy
            .text("amount_round_mode", day("2026-01-01"), &[])
            .expect("a mode"),
        "HALF_UP"
    );
    assert!(
        policy
            .int("amount_round_mode", day("2026-01-01"), &[])
            .is_err(),
        "of another type"
    );
    assert!(policy.holidays().is_working_day(day("2026-02-14")));
    assert!(!policy.holidays().is_working_day(day("2026-10-05")));
    assert!(
        policy
            .region("central")
            .expect("the set")
            .contains("500112")
    );
}

#[test]
fn a_form_is_checked_whole() {
    let service = chongqing().service("withdraw-rent").expect("the service");
    let form = |value: serde_json::Value| value.as_object().cloned().expect("a form");
    let faults = |value: serde_json::Value| -> Vec<String> {
        service
            .check_form(&form(value))
            .into_iter()
            .map(|fault| fault.field)
            .collect()
    };
    assert_eq!(
        faults(json!({"card_no": "4539148803436467"})),
        Vec::<String>::new()
    );
    assert_eq!(faults(json!({})), ["card_no"]);
    let wrong = json!({"card_no": "1234", "amount_fen": -1, "first_month": "2026-13", "marital": "engaged", "promise": "yes",
        "district": "渝北", "colour": 1});
    assert_eq!(
        faults(wrong),
        [
            "card_no",
            "first_month",
            "amount_fen",
            "district",
            "marital",
            "promise",
            "colour"
        ]
    );
    assert_eq!(service.login_on("APP"), Some("L3f"));
    assert_eq!(service.login_on("CTR"), Some("LC"));
    assert_eq!(service.login_on("SMS"), None);
}

#[test]
fn a_decision_reads_well_on_a_terminal() {
    let text = tenant()
        .with("own.loan", json!({"outstanding": 1, "overdue": 0}))
        .rent()
        .to_string();
    assert!(text.starts_with("不准  0.00 元  规则 2026-11 "), "{text}");
    assert!(
        text.contains("RENT-07  不符合  没有未结清的公积金贷款：您有未结清的住房公积金贷款"),
        "{text}"
    );
    assert!(
        text.contains(
            "    本人  本人未结清的公积金贷款 1 笔  本中心贷款账  2026年11月24日 09:00:00"
        ),
        "{text}"
    );
    assert!(
        text.contains("个月租房额度合计（2025年11月至2026年10月）：18,000.00 元  ← 取这一项"),
        "{text}"
    );
}

/// Files with bytes changed or gone: mistakes perhaps, a panic never.
#[test]
fn damaged_files_never_panic() {
    let mut chance = small::Chance::seeded();
    let good = format!(
        "{SERVICE}{AMOUNT}{}",
        condition("T-1", "t.b && sum_months(t.m, t.m, t.rows(month)) > 0")
    );
    for _ in 0..150 {
        let mut texts = [names().into_bytes(), good.clone().into_bytes()];
        let text = &mut texts[chance.below(2)];
        for _ in 0..=chance.below(4) {
            let index = chance.below(text.len());
            if chance.below(2) == 0 {
                text.remove(index);
            } else {
                text[index] = u8::try_from(32 + chance.below(95)).expect("ASCII");
            }
        }
        let [names, service] = texts.map(|text| String::from_utf8_lossy(&text).into_owned());
        if let Err(errors) = PolicySet::load(&small::files(&names, &service)) {
            assert!(
                errors
                    .iter()
                    .all(|error| !error.place.is_empty() && !error.message.is_empty())
            );
        }
    }
}
