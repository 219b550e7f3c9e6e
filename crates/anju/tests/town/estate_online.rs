//! Heirs beside the usual: a guardian who takes nothing asks for a child, a family is as large as twenty, and heirs agree online, each with his own
//! login, until one refuses or the days are over.

use anju::cast::{self, Person, text};
use anju_casework::case_paper;
use anju_casework::staff::role;
use anju_domain::card::CardNumber;
use anju_domain::id_number::IdNumber;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::arrears::is_told;
use crate::estate::{
    Family, HELD, accountants, agreement, approved, ask, certified, family, on_card, outcome,
    payments, refused, related, set, stand, two_reviewers,
};
use crate::interest_year::{close_days, days_later};
use crate::relief::{approve, case_of};
use crate::town::{Town, known};
use crate::visitor::Visitor;
use crate::withdrawal::becomes;

/// Somebody of ten years whom the police know.
pub(crate) async fn child(town: &Town, seed: i64) -> Person {
    let born = town.today() - chrono::Days::new(3_700);
    let body = format!("500103{}{:03}", born.format("%Y%m%d"), seed % 1000);
    let id = "0123456789X"
        .chars()
        .map(|check| format!("{body}{check}"))
        .find(|id| IdNumber::parse(id).is_ok())
        .expect("a check digit");
    let card = CardNumber::complete(&format!("622848{:012}", seed + 900_000)).expect("a card");
    let child = Person {
        name: "李小宝".to_owned(),
        id,
        card: card.expose().to_owned(),
        phone: format!("138{seed:08}"),
        base_fen: 0,
    };
    cast::register(&town.doors, &child)
        .await
        .expect("the departments");
    child
}

/// A guardian asks for the child that is the second in the list, who takes all of it to the guardian's card.
pub(crate) fn for_the_child(of: &Family, guardian: &Person, child: &Person) -> Value {
    json!({
        "deceased_id_no": of.dead.id, "deceased_name": of.dead.name, "basis": "promise", "promise": true,
        "guardian": true, "share_bp": 0, "card_no": guardian.card,
        "heir_2_name": child.name, "heir_2_id_no": child.id, "heir_2_share_bp": 10_000, "heir_2_by_guardian": true,
    })
}

#[tokio::test]
async fn a_guardian_who_is_no_heir_asks_for_the_child() {
    let town = Town::open().await;
    let office = town.office().await;
    // She was divorced from the one who has died: nothing to him, the mother of his child.
    let family = family(&town, 2301, &["", "child"]).await;
    let mother = &family.heirs[0];
    certified(&town, &family.dead).await;
    let ward = child(&town, 2301).await;
    related(&town, &ward, &family.dead, "parent").await;
    related(&town, mother, &ward, "child").await;

    // Whoever has not the care of the child by either register, or says so of a grown one, or wants a part himself.
    let other = &family.heirs[1];
    let record = json!({ "guardian_id": mother.id, "kind": "statutory" });
    set(&town, "D02", "civil.guardianship", &ward, record).await;
    let stranger = ask(&town, other, for_the_child(&family, other, &ward), "CTR").await;
    refused(&stranger, "DTH-02", "E-DTH-02");
    let grown = known(&town, 2305, &[("李大宝", 0)]).await.remove(0);
    related(&town, &grown, &family.dead, "parent").await;
    related(&town, mother, &grown, "child").await;
    let adult = ask(&town, mother, for_the_child(&family, mother, &grown), "CTR").await;
    refused(&adult, "DTH-02", "E-DTH-02");
    related(&town, mother, &ward, "child").await;
    let mut greedy = for_the_child(&family, mother, &ward);
    greedy["share_bp"] = 4_000.into();
    greedy["heir_2_share_bp"] = 6_000.into();
    let greedy = ask(&town, mother, greedy, "CTR").await;
    refused(&greedy, "DTH-03", "E-DTH-03");

    let asked = ask(&town, mother, for_the_child(&family, mother, &ward), "YKB").await;
    assert_eq!(asked["state"], "reviewing", "{}", asked["decision"]);
    assert_eq!(outcome(&asked, "DTH-06"), "met");
    let branch = office.centre.head_branch;
    let reviewer = Visitor::staff(&town, &office, role::REVIEWER, branch).await;
    let id = text(&asked, "case_id").expect("a number");
    let page = reviewer.get(&format!("/desk/cases/{id}")).await.page;
    assert!(page.contains("监护人"), "{page}");
    approve(&town, &reviewer, &asked).await;
    let done = becomes(&town, &asked, "done").await;
    assert_eq!(
        payments(&town, &done)
            .await
            .iter()
            .map(|one| one.1)
            .collect::<Vec<_>>(),
        [0, HELD],
        "nothing to the guardian, all to the child"
    );
    assert_eq!(on_card(&town, mother).await, HELD);
    town.audited().await;
}

#[tokio::test]
async fn a_family_of_twenty_is_paid_to_the_fen() {
    let town = Town::open().await;
    let office = town.office().await;
    let engine = accountants(&town).await;
    let mut all = family(&town, 2311, &["spouse"]).await;
    let digits = ["一", "二", "三", "四", "五", "六", "七", "八", "九", "十"];
    let names: Vec<String> = (0..19)
        .map(|place| format!("李{}{}", digits[place / 10], digits[place % 10]))
        .collect();
    let names: Vec<(&str, i64)> = names.iter().map(|name| (name.as_str(), 0)).collect();
    let children = known(&town, 2317, &names).await;
    for one in &children {
        related(&town, one, &all.dead, "parent").await;
    }
    all.heirs.extend(children);
    certified(&town, &all.dead).await;
    close_days(&town, &engine, 1).await;
    let shares = [500; 20];
    let asked = ask(&town, &all.heirs[0], agreement(&all, &shares), "CTR").await;
    assert_eq!(asked["state"], "reviewing", "{}", asked["decision"]);
    let both = two_reviewers(&town, &office).await;
    let id = text(&asked, "case_id").expect("a number");
    let page = both.0.get(&format!("/desk/cases/{id}")).await.page;
    assert!(page.contains("继承人 20"), "{page}");
    approved(&town, &both, &asked).await;
    let paid = stand(&town, &asked, &["paid"; 20]).await;
    assert_eq!(paid.iter().map(|one| one.1).sum::<i64>(), HELD + 30);
    for (heir, payment) in all.heirs.iter().zip(&paid) {
        assert_eq!(on_card(&town, heir).await, payment.1, "{}", heir.name);
    }
    // The twentieth is judged like the second: somebody who is none of theirs is not paid.
    let mut wrong = family(&town, 2321, &["spouse"]).await;
    certified(&town, &wrong.dead).await;
    let others = known(&town, 2327, &names).await;
    for one in &others[..18] {
        related(&town, one, &wrong.dead, "parent").await;
    }
    related(&town, &others[18], &wrong.dead, "other").await;
    wrong.heirs.extend(others);
    let asked = ask(&town, &wrong.heirs[0], agreement(&wrong, &shares), "CTR").await;
    refused(&asked, "DTH-03", "E-DTH-03");
    town.audited().await;
}

/// The first heir asks online; the others name their cards themselves.
fn online(of: &Family, shares: &[i64]) -> Value {
    let mut form = agreement(of, shares);
    let fields = form.as_object_mut().expect("a form");
    fields.remove("all_signed");
    fields.retain(|field, _| !(field.starts_with("heir_") && field.ends_with("_card_no")));
    form
}

const ANSWERED: &str = "SELECT count(*) FROM estate_consent WHERE state > 1";

#[tokio::test]
async fn heirs_agree_online_each_with_his_own_login_and_are_paid_to_the_cards_they_name() {
    let town = Town::open().await;
    let office = town.office().await;
    let family = family(&town, 2331, &["parent", "child", "child"]).await;
    certified(&town, &family.dead).await;
    let asked = ask(
        &town,
        &family.heirs[0],
        online(&family, &[6_000, 4_000, 0]),
        "YKB",
    )
    .await;
    let id = text(&asked, "case_id").expect("a number");
    assert_eq!(asked["state"], "gathering", "{}", asked["decision"]);
    assert_eq!(outcome(&asked, "DTH-03"), "unknown");
    for heir in &family.heirs[1..] {
        is_told(&town, &heir.phone, "请您确认自己的份额").await;
    }
    let applicant = Visitor::person(&town, &office, &family.heirs[0]).await;
    is_told(&town, &family.heirs[0].phone, "等其他继承人在网上确认").await;
    let page = applicant.get(&format!("/my/cases/{id}")).await.page;
    for words in ["等其他继承人在", "等确认", "40%"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("补材料</"), "there is no paper to hand in");

    let list = applicant.get("/my/cases").await.page;
    assert!(
        list.contains("等继承人确认") && !list.contains("待补充材料"),
        "{list}"
    );
    let told = applicant.get("/my/messages").await.page;
    assert!(
        !told.contains("请您确认自己的份额"),
        "it is not to her: {told}"
    );

    // Nobody else sees it.
    let path = format!("/my/estates/{id}");
    let other = crate::estate::stranger(&town, 2339).await;
    let nobody = Visitor::person(&town, &office, &other).await;
    assert_eq!(nobody.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(applicant.get(&path).await.status, StatusCode::NOT_FOUND);

    // The second names a card that is his own, by UnionPay's word, and shows his face.
    let second = Visitor::person(&town, &office, &family.heirs[1]).await;
    let home = second.get("/my").await.page;
    assert!(
        home.contains("继承份额等您确认") && home.contains(&path),
        "{home}"
    );
    let told = second.get("/my/messages").await.page;
    assert!(told.contains("请您确认自己的份额"), "{told}");
    let list = second.get("/my/estates").await.page;
    assert!(list.contains(&id) && list.contains("等确认"), "{list}");
    let page = second.get(&path).await.page;
    assert!(page.contains("40%") && page.contains("60%"), "{page}");
    assert!(!page.contains(&family.dead.name), "names are covered");
    let no_card = second.post(&path, &[("agrees", "yes")]).await;
    assert_eq!(no_card.status, StatusCode::UNPROCESSABLE_ENTITY);
    let nothing = second
        .post(&path, &[("card_no", family.heirs[1].card.as_str())])
        .await;
    assert_eq!(nothing.status, StatusCode::UNPROCESSABLE_ENTITY);
    let foreign = [("card_no", family.heirs[0].card.as_str())];
    let face = format!("{path}/face");
    let answer = second.show_face(&face, &foreign).await;
    assert!(
        answer.page.contains("收款银行卡核验未通过"),
        "{}",
        answer.page
    );
    assert_eq!(town.sql(ANSWERED).await, 0);
    let mine = family.heirs[1].card.as_str();
    let form = [("agrees", "yes"), ("card_no", mine)];
    let step = second.post(&path, &form).await;
    assert!(step.page.contains("核对是我本人"), "{}", step.page);
    let answer = second.show_face(&face, &[("card_no", mine)]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
    assert!(second.get(&path).await.page.contains("您同意了"));
    assert_eq!(case_of(&town, &id).await["state"], "gathering");
    let again = second.show_face(&face, &[("card_no", mine)]).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.page);

    // The third gives up his part, which needs no card; then it goes on by itself.
    let third = Visitor::person(&town, &office, &family.heirs[2]).await;
    let page = third.get(&path).await.page;
    assert!(!page.contains("收款卡号"), "{page}");
    let answer = third.show_face(&face, &[("card_no", "")]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
    let reviewing = becomes(&town, &asked, "reviewing").await;
    assert_eq!(outcome(&reviewing, "DTH-03"), "met");
    let branch = office.centre.head_branch;
    let reviewer = Visitor::staff(&town, &office, role::REVIEWER, branch).await;
    approve(&town, &reviewer, &asked).await;
    becomes(&town, &asked, "done").await;
    assert_eq!(on_card(&town, &family.heirs[0]).await, 432_000);
    assert_eq!(on_card(&town, &family.heirs[1]).await, 288_000);
    assert_eq!(on_card(&town, &family.heirs[2]).await, 0);
    town.audited().await;
}

#[tokio::test]
async fn one_heir_who_does_not_agree_ends_it_and_so_do_the_days() {
    let town = Town::open().await;
    let office = town.office().await;
    let family = family(&town, 2341, &["parent", "child", "child"]).await;
    certified(&town, &family.dead).await;
    let shares = [5_000, 3_000, 2_000];
    let asked = ask(&town, &family.heirs[0], online(&family, &shares), "YKB").await;
    let id = text(&asked, "case_id").expect("a number");
    let path = format!("/my/estates/{id}");
    let second = Visitor::person(&town, &office, &family.heirs[1]).await;
    let answer = second.post(&path, &[("agrees", "no")]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
    let ended = becomes(&town, &asked, "refused").await;
    refused(&ended, "DTH-03", "E-DTH-03");
    let third = Visitor::person(&town, &office, &family.heirs[2]).await;
    assert_eq!(
        third.get(&path).await.status,
        StatusCode::NOT_FOUND,
        "it is over for him"
    );
    assert!(second.get(&path).await.page.contains("您不同意"));

    // Asked again with other shares, nobody answers.
    let asked = ask(
        &town,
        &family.heirs[0],
        online(&family, &[4_000, 3_000, 3_000]),
        "YKB",
    )
    .await;
    assert_eq!(asked["state"], "gathering", "{}", asked["decision"]);
    days_later(&town, 30).await;
    case_paper::lapse(&office, office.today())
        .await
        .expect("the night");
    let id = text(&asked, "case_id").expect("a number");
    for _ in 0..100 {
        let state = case_of(&town, &id).await["state"].clone();
        if state != "gathering" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let over = case_of(&town, &id).await;
    assert_eq!(over["state"], "withdrawn", "{over}");
    let path = format!("/my/estates/{id}");
    // His log-in of a month ago is over too.
    let second = Visitor::person(&town, &office, &family.heirs[1]).await;
    assert_eq!(second.get(&path).await.status, StatusCode::NOT_FOUND);
    assert!(!second.get("/my/estates").await.page.contains(&id));
    assert_eq!(
        anju::cast::balance(&town.doors, &family.dead)
            .await
            .expect("books"),
        HELD
    );
    town.audited().await;
}
