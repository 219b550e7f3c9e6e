//! 家庭困难提取 over the doors: the minimum living allowance and serious illness, relatives who share one patient's costs, and what is kept of
//! an illness.

use anju::cast::{self, Person, balance, bank_balance, look_up, person, text};
use serde_json::{Value, json};

use crate::relief::{case_of, not_met};
use crate::town::{Town, known, month, tenant_of};
use crate::withdrawal::becomes;

/// What a source holds of somebody.
pub async fn holds(town: &Town, source: &str, fact_type: &str, id: &str, value: Value) {
    let body = json!({ "subject": id, "value": value });
    town.doors
        .control_post(&format!("/facts/{source}/{fact_type}/set"), &body)
        .await
        .expect("a door")
        .ok()
        .expect("taken");
}

/// On the list of the urban minimum living allowance.
pub async fn poor(town: &Town, id: &str, value: Value) {
    holds(town, "D02", "civil.min_living", id, value).await;
}

async fn diagnosed(town: &Town, id: &str, icd10: &str, on: &str, grade: &str) {
    let value = json!({ "icd10": icd10, "listed": true, "date": on, "hospital": "重庆市人民医院", "hospital_grade": grade });
    holds(town, "D10", "health.diagnosis", id, value).await;
}

async fn paid(town: &Town, id: &str, self_paid_fen: i64) {
    let value = json!({ "total_fen": self_paid_fen + 500_000, "reimbursed_fen": 500_000, "self_paid_fen": self_paid_fen });
    holds(town, "D11", "medins.settlement", id, value).await;
}

/// A day so many months before today.
fn months_ago(months: i32) -> String {
    format!("{}-01", month(months))
}

/// Asks, and waits until it is decided or with a person.
pub async fn ask(town: &Town, who: &Person, more: Value) -> Value {
    let applicant = look_up(&town.doors, who).await.expect("known");
    let mut form = json!({ "card_no": who.card, "sensitive_consent": true });
    for (field, value) in more.as_object().expect("fields") {
        form[field] = value.clone();
    }
    let body = json!({ "service": "withdraw-hardship", "applicant": applicant, "form": form, "channel": "APP" });
    let answer = town
        .doors
        .post("/cases?wait=5s", &body)
        .await
        .expect("a door");
    let case = answer.ok().expect("a case");
    case_of(town, &text(&case, "case_id").expect("a number")).await
}

async fn on_card(town: &Town, who: &Person, case: &Value) -> i64 {
    let bank = text(&case["payment"], "bank").expect("a bank");
    bank_balance(&town.doors, &bank, &who.card)
        .await
        .expect("the bank")
}

#[tokio::test]
async fn who_lives_on_the_minimum_gets_his_fund_once_a_year() {
    let town = Town::open().await;
    let (li, _) = tenant_of(&town, 2_401).await;
    poor(&town, &li.id, json!({ "covered": true, "kind": "urban" })).await;
    let form = json!({ "kind": "min-living", "relation": "self", "amount_fen": 300_000 });
    let case = ask(&town, &li, form.clone()).await;
    let done = becomes(&town, &case, "done").await;
    assert_eq!(done["amount_fen"], 300_000, "{done}");
    assert_eq!(on_card(&town, &li, &done).await, 300_000);
    assert_eq!(
        balance(&town.doors, &li).await.expect("an account"),
        420_000
    );
    let again = ask(&town, &li, form).await;
    assert_eq!(not_met(&again), ["E-LOW-03"]);
    town.audited().await;
}

#[tokio::test]
async fn two_children_share_what_their_mother_paid_for_her_treatment() {
    let town = Town::open().await;
    let children = known(&town, 2_402, &[("李梅", 1_000_000), ("李强", 1_000_000)]).await;
    let employer = cast::open_employer(&town.doors, 2_402, month(3))
        .await
        .expect("an employer");
    for back in [3, 2, 1] {
        cast::contribute(&town.doors, &employer, month(back), &children)
            .await
            .expect("a month");
    }
    let mother = person("王芳", 2_402, 9, 0).expect("numbers");
    diagnosed(&town, &mother.id, "C50.9", &months_ago(3), "3").await;
    paid(&town, &mother.id, 1_000_000).await;
    for child in &children {
        let value = json!({ "relation": "parent", "other_id_no": mother.id });
        holds(&town, "D01", "police.kinship", &child.id, value).await;
    }
    let form = json!({ "kind": "illness", "relation": "parent", "patient_id_no": mother.id });
    let case = ask(&town, &children[0], form.clone()).await;
    let first = becomes(&town, &case, "done").await;
    assert_eq!(first["amount_fen"], 720_000, "all that her daughter has");
    assert_eq!(on_card(&town, &children[0], &first).await, 720_000);
    let case = ask(&town, &children[1], form.clone()).await;
    let second = becomes(&town, &case, "done").await;
    assert_eq!(
        second["amount_fen"], 280_000,
        "what her daughter left of 10,000.00"
    );
    assert_eq!(on_card(&town, &children[1], &second).await, 280_000);
    assert_eq!(
        balance(&town.doors, &children[1])
            .await
            .expect("an account"),
        440_000
    );
    // Her son asks once more: too soon, and nothing is left.
    let third = ask(&town, &children[1], form).await;
    assert_eq!(not_met(&third), ["E-ILL-05"]);
    town.audited().await;

    // What is kept and told: no name of the illness, no number of the patient.
    let told = format!("{first}{second}{third}");
    assert!(
        !told.contains("C50") && !told.contains(&mother.id),
        "{told}"
    );
    let plain = town
        .sql("SELECT count(*) FROM withdrawal_use WHERE event_key NOT SIMILAR TO 'HARDSHIP:[0-9a-f]{32}'")
        .await;
    assert_eq!(plain, 0, "an event is kept by a keyed digest");
    let shared = town
        .sql("SELECT count(DISTINCT event_key) FROM withdrawal_use")
        .await;
    assert_eq!(shared, 1, "both met at one event");
    let open_forms = town
        .sql("SELECT count(*) FROM business_case WHERE form::text LIKE '%patient_id_no%' AND form -> 'patient_id_no' ->> 'sealed' IS NULL")
        .await;
    assert_eq!(open_forms, 0);
    // Health was consented to apart.
    let apart = town
        .sql("SELECT count(*) FROM consent WHERE 'health.diagnosis' = ANY (fact_types) AND NOT 'police.identity' = ANY (fact_types)")
        .await;
    assert_eq!(apart, 3);
    let asked_by_it = town
        .sql(
            "SELECT count(*) FROM source_call s JOIN consent c ON c.consent_id::text = s.basis
              WHERE s.type = 'health.diagnosis' AND 'health.diagnosis' = ANY (c.fact_types)",
        )
        .await;
    assert!(
        asked_by_it >= 3,
        "each question names the consent that it rests on"
    );
}

#[tokio::test]
async fn each_refusal_of_hardship_says_its_code() {
    let town = Town::open().await;
    let (li, _) = tenant_of(&town, 2_403).await;
    let low = |relation: &str| json!({ "kind": "min-living", "relation": relation });
    let mother = person("王芳", 2_403, 9, 0).expect("numbers");

    poor(&town, &li.id, json!({ "covered": true, "kind": "rural" })).await;
    assert_eq!(not_met(&ask(&town, &li, low("self")).await), ["E-LOW-01"]);
    poor(
        &town,
        &mother.id,
        json!({ "covered": true, "kind": "urban" }),
    )
    .await;
    let mut stranger = low("parent");
    stranger["beneficiary_id_no"] = json!(mother.id);
    let nobody = json!({ "relation": "none-found", "other_id_no": mother.id });
    holds(&town, "D01", "police.kinship", &li.id, nobody).await;
    assert_eq!(not_met(&ask(&town, &li, stranger).await), ["E-LOW-02"]);

    let ill = json!({ "kind": "illness", "relation": "self" });
    paid(&town, &li.id, 1_500_000).await;
    diagnosed(&town, &li.id, "J00", &months_ago(1), "3").await;
    assert_eq!(not_met(&ask(&town, &li, ill.clone()).await), ["E-ILL-01"]);
    diagnosed(&town, &li.id, "I21.0", &months_ago(1), "1").await;
    assert_eq!(not_met(&ask(&town, &li, ill.clone()).await), ["E-ILL-02"]);
    diagnosed(&town, &li.id, "I21.0", &months_ago(26), "3").await;
    assert_eq!(not_met(&ask(&town, &li, ill.clone()).await), ["E-ILL-02"]);
    diagnosed(&town, &li.id, "I21.0", &months_ago(1), "3").await;
    paid(&town, &li.id, 999_999).await;
    assert_eq!(not_met(&ask(&town, &li, ill).await), ["E-ILL-04"]);
    let hers = json!({ "kind": "illness", "relation": "parent", "patient_id_no": mother.id });
    diagnosed(&town, &mother.id, "N18.5", &months_ago(2), "2").await;
    paid(&town, &mother.id, 2_000_000).await;
    assert_eq!(not_met(&ask(&town, &li, hers).await), ["E-ILL-03"]);
    assert_eq!(
        balance(&town.doors, &li).await.expect("an account"),
        720_000
    );

    // Without the separate consent nobody is asked about an illness.
    let silent = json!({ "kind": "illness", "relation": "self", "sensitive_consent": false });
    let refused = ask(&town, &li, silent).await;
    assert_eq!(not_met(&refused), ["HSP-01"]);
}
