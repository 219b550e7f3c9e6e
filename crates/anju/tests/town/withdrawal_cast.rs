//! The cast of withdrawals (`cast/withdrawals.toml`): for every kind one person gets it, one is refused for each condition, and one waits for a
//! source, all at a page without scripts; and the five uses of the rules say the same of every one of them.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::time::{Duration, Instant};

use anju::cast::play::{self, Part, Player};
use anju::cast::table::{Notice, Table, typed};
use anju::cast::{account, bank_balance, look_up, text};
use anju_business::population;
use anju_casework::catalogue::Request;
use anju_casework::staff::role;
use anju_casework::{Office, case};
use anju_engine::Engine;
use anju_engine::gather::STANDING;
use anju_policy::{At, ConditionOutcome, Decision, Outcome, PolicySet};
use anju_vault::NumberKind;
use axum::http::StatusCode;
use futures::{FutureExt, StreamExt, stream};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::estate::payments;
use crate::interest_year::days_later;
use crate::relief::approve;
use crate::replay::replayed;
use crate::town::Town;
use crate::visitor::Visitor;
use crate::withdrawal::becomes;

/// More months than a short stay has.
const MONTHS: i32 = 6;

/// What the page of an estate says when every heir has his share.
const EACH_CARD: &str = "已全部付到各人的卡";

/// People at pages at once: with more, sources answer too late on two processors.
const AT_ONCE: usize = 8;

/// The longest that a page is looked at again and again.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn every_condition_of_every_withdrawal_has_a_person_or_a_reason() {
    let table = Table::read().expect("the table");
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../policy"));
    let set = PolicySet::read(folder, "chongqing").expect("the policy");
    let day = chrono::NaiveDate::from_ymd_opt(2026, 11, 24).expect("a day");
    let at = At {
        now: anju_domain::clock::end_of_day(day),
        today: day,
    };
    let (mut people, mut wrong) = (0, Vec::new());
    for service in set.services().filter(|one| one.id.starts_with("withdraw-")) {
        let id = service.id.as_str();
        let rules = set.rules(id, at).expect("rules");
        let codes: BTreeSet<&str> = rules.iter().map(|rule| rule.code).collect();
        let kinds: Vec<_> = table
            .kinds
            .iter()
            .filter(|kind| kind.service == id)
            .collect();
        if kinds.is_empty() {
            let why = table.left_out.iter().find(|one| one.service == id);
            assert!(
                why.is_some_and(|one| !one.why.is_empty()),
                "no cast for {id}"
            );
            continue;
        }
        let rows: Vec<_> = kinds.iter().flat_map(|kind| table.rows(kind)).collect();
        people += rows.len();
        for row in &rows {
            assert!(
                codes.contains(row.code.as_str()),
                "{id} has no {}",
                row.code
            );
            assert!(
                !row.says.is_empty() && !row.what.is_empty(),
                "{id} {}",
                row.code
            );
            assert_eq!(row.with.is_empty(), row.why.is_empty(), "{id} {}", row.code);
        }
        for code in &codes {
            let has_row = rows.iter().any(|row| row.code == *code);
            let why = table.never(id, code).unwrap_or_default();
            match (has_row, why.is_empty()) {
                (false, true) => wrong.push(format!("{id}: nobody for {code}, and no reason")),
                (true, false) => {
                    wrong.push(format!("{id}: {code} has a person and a reason why not"))
                }
                _ => {}
            }
        }
        for kind in &kinds {
            assert_eq!(kind.closing, service.closing, "{id}");
            assert!(
                kind.waits.is_some() || kind.nobody.is_some() || kind.third_agrees,
                "{id}: nobody waits"
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(people > 150, "{people}");
}

/// What the five uses of the rules said of somebody.
struct Told {
    what: String,
    person_id: i64,
    service: String,
    outcome: Outcome,
    not_met: BTreeSet<String>,
}

struct Stage<'s> {
    town: &'s Town,
    office: &'s Office,
    engine: &'s Engine,
    reviewer: Visitor,
    second: Visitor,
    head: Visitor,
}

fn outcomes(decision: &Decision) -> BTreeMap<String, ConditionOutcome> {
    let all = decision.conditions.iter();
    all.map(|one| (one.code.to_owned(), one.outcome)).collect()
}

fn not_met(decision: &Decision) -> BTreeSet<String> {
    let all = outcomes(decision).into_iter();
    all.filter(|(_, outcome)| *outcome == ConditionOutcome::NotMet)
        .map(|(code, _)| code)
        .collect()
}

/// The text of a page as a browser without scripts shows it: tags are layout.
fn shown(page: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for letter in page.chars() {
        match letter {
            '<' => inside = true,
            '>' => inside = false,
            _ if !inside && !letter.is_whitespace() => text.push(letter),
            _ => {}
        }
    }
    text.replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#38;", "&")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
}

fn squeezed(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_whitespace())
        .collect()
}

fn page_of(one: &Player) -> String {
    format!("/my/do/{}", one.kind.service)
}

/// What he types, under a key of its own.
fn filled(one: &Player) -> Vec<(String, String)> {
    let mut fields = typed(&one.form().expect("a form"));
    fields.push(("key".to_owned(), Uuid::now_v7().to_string()));
    fields
}

fn borrowed(fields: &[(String, String)]) -> Vec<(&str, &str)> {
    let each = fields.iter();
    each.map(|(name, words)| (name.as_str(), words.as_str()))
        .collect()
}

impl Stage<'_> {
    async fn wish(&self, one: &Player) -> Request {
        let number = look_up(&self.town.doors, &one.who).await.expect("known");
        let applicant_id = self.office.numbers.decode(NumberKind::Person, &number);
        Request {
            service: one.kind.service.clone(),
            case_id: None,
            applicant_id: applicant_id.expect("a person"),
            form: one.form().expect("a form").into_iter().collect(),
            channel: one.channel().to_owned(),
            face_passed: true,
        }
    }

    /// What is found without asking anybody says nothing else than what is found by asking: where it does not know, what it would have to
    /// know may not be kept.
    async fn entitled_agrees(&self, what: &str, wish: &Request, before: &Decision) {
        let (_, entitled) = self.engine.at_hand(wish).await.expect("decided");
        let asked = outcomes(before);
        let may_be_kept = |fact_type: &str| {
            let fact = self.engine.gateway.catalogue().fact(fact_type);
            fact.is_none_or(|fact| fact.cacheable())
        };
        for condition in &entitled.conditions {
            let Some(said) = asked.get(condition.code) else {
                // Which way a form goes may hang on what nobody may keep.
                assert_ne!(
                    condition.outcome,
                    ConditionOutcome::NotMet,
                    "{what} {}",
                    condition.code
                );
                continue;
            };
            if condition.outcome != *said {
                assert_eq!(
                    condition.outcome,
                    ConditionOutcome::Unknown,
                    "{what} {}",
                    condition.code
                );
                assert!(
                    condition
                        .facts
                        .iter()
                        .any(|fact| !may_be_kept(fact.fact_type))
                        || condition.facts.is_empty(),
                    "{what} {}: {condition:?}",
                    condition.code
                );
            }
        }
        match entitled.outcome {
            Outcome::Approved => assert_eq!(
                (before.outcome, before.amount_fen),
                (Outcome::Approved, entitled.amount_fen),
                "{what}"
            ),
            Outcome::Refused => assert_eq!(before.outcome, Outcome::Refused, "{what}"),
            Outcome::Review | Outcome::Waiting => {}
        }
    }

    /// Decide, explain and simulate: of the case the same as before it.
    async fn case_agrees(&self, what: &str, number: &str, before: &Decision) -> Decision {
        let case_id = self
            .office
            .numbers
            .decode(NumberKind::Case, number)
            .expect("a case");
        let kept = case::require(self.office, case_id).await.expect("a case");
        let policy = self
            .office
            .policy_version(kept.policy_id)
            .await
            .expect("a policy");
        let explained = case::decision_of(self.office, &kept, &policy)
            .await
            .expect("read")
            .unwrap_or_else(|| panic!("{what} has no decision"));
        assert_eq!(outcomes(&explained), outcomes(before), "{what}");
        assert_eq!(explained.outcome, before.outcome, "{what}");
        assert_eq!(explained.amount_fen, before.amount_fen, "{what}");
        if let Some(past) = case::past_case(self.office, case_id).await.expect("read") {
            let set = &self.office.policy().set;
            let again = set
                .decide(&past.service, &past.facts, &past.form, past.at)
                .expect("decided");
            assert_eq!(outcomes(&again), outcomes(before), "{what}");
            assert_eq!(again.amount_fen, before.amount_fen, "{what}");
        }
        explained
    }

    async fn visitor(&self, one: &Player) -> Visitor {
        let program = match one.channel() {
            "YKB" => "YuKuaiBan",
            _ => "AnjuApp",
        };
        Visitor::person(self.town, self.office, &one.who)
            .await
            .inside(program)
    }

    /// Logs in and fills the sheet in, which leads to the camera.
    async fn fills_in(&self, what: &str, one: &Player) -> Visitor {
        let visitor = self.visitor(one).await;
        let fields = filled(one);
        let sheet = visitor.post(&page_of(one), &borrowed(&fields)).await;
        assert!(
            sheet.page.contains("核对是我本人"),
            "{what} has no case: {}",
            shown(&sheet.page)
        );
        visitor
    }

    /// Looks at the camera; the address of the case, or the page that says why there is none.
    async fn asks(&self, visitor: &Visitor, one: &Player) -> Result<String, String> {
        let fields = filled(one);
        let path = format!("{}/face", page_of(one));
        let answer = visitor.show_face(&path, &borrowed(&fields)).await;
        if answer.status == StatusCode::SEE_OTHER {
            Ok(answer.location)
        } else {
            Err(answer.page)
        }
    }

    /// The page of a case once it says this.
    async fn page_says(&self, visitor: &Visitor, address: &str, words: &[&str]) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let page = visitor.get(address).await.page;
            if words.iter().any(|words| page.contains(words)) {
                return page;
            }
            assert!(
                Instant::now() < until,
                "{address} never says {words:?}: {}",
                shown(&page)
            );
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
    }

    /// Money left by the books and came to the card; an agreement stands in its list.
    async fn has_it(
        &self,
        what: &str,
        visitor: &Visitor,
        one: &Player,
        number: &str,
        before: &Decision,
    ) {
        if one.kind.service.starts_with("withdraw-sign") {
            let page = visitor.get("/my/agreements").await.page;
            assert!(page.contains("建设银行"), "{what}: {}", shown(&page));
            return;
        }
        if one.kind.heir {
            return self.heirs_have_it(what, one, number).await;
        }
        let fen = before.amount_fen.expect("an amount");
        assert!(fen > 0, "{what}");
        let doors = &self.town.doors;
        let case = doors
            .get(&format!("/cases/{number}"))
            .await
            .expect("a door")
            .ok()
            .expect("a case");
        let bank = text(&case["payment"], "bank").expect("a bank");
        let on_card = bank_balance(doors, &bank, &one.who.card)
            .await
            .expect("the bank");
        assert_eq!(on_card, fen, "{what}");
        let account = account(doors, &one.who).await.expect("an account");
        let no = text(&account, "account_no").expect("a number");
        let entries = doors
            .get(&format!("/accounts/{no}/entries"))
            .await
            .expect("a door")
            .ok()
            .expect("entries");
        let left: Vec<&Value> = entries["items"]
            .as_array()
            .expect("items")
            .iter()
            .filter(|entry| entry["event"] == "E21")
            .collect();
        assert_eq!(left.len(), 1, "{what}: {entries}");
        assert_eq!(
            left[0]["amount_fen"].as_i64().map(i64::abs),
            Some(fen),
            "{what}"
        );
        if one.kind.closing {
            assert_eq!(
                (&account["state"], &account["balance_fen"]),
                (&"closed".into(), &0.into()),
                "{what}"
            );
        }
    }

    /// Each heir has his share on his card, and the account of who has died is closed.
    async fn heirs_have_it(&self, what: &str, one: &Player, number: &str) {
        let paid = payments(self.town, &json!({ "case_id": number })).await;
        let shares: i64 = paid.iter().map(|payment| payment.1).sum();
        let heirs = if one.kind.third_agrees {
            vec![&one.who, &one.third]
        } else {
            vec![&one.who]
        };
        assert_eq!(paid.len(), heirs.len(), "{what}: {paid:?}");
        assert!(shares > 0, "{what}");
        for (heir, payment) in heirs.iter().zip(&paid) {
            let on_card = bank_balance(&self.town.doors, "B4", &heir.card).await;
            assert_eq!(on_card.expect("the bank"), payment.1, "{what}");
        }
        let account = account(&self.town.doors, one.owner())
            .await
            .expect("an account");
        assert_eq!(
            (&account["state"], &account["balance_fen"]),
            (&"closed".into(), &0.into()),
            "{what}"
        );
    }

    /// What has to be entered about an estate is entered by one and agreed by another.
    async fn enter_notice(&self, one: &Player) {
        let Some(notice) = one.row.as_ref().and_then(|row| row.notice) else {
            return;
        };
        let kind = match notice {
            Notice::Dispute => "1",
            Notice::Unclaimed => "2",
        };
        let fields = [
            ("kind", kind),
            ("id_no", one.other.id.as_str()),
            ("document_no", "（2026）渝登1号"),
            ("reason", "演示"),
        ];
        let made = self.reviewer.post("/desk/estates", &fields).await;
        assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.page);
        let id = self
            .town
            .sql("SELECT max(notice_id) FROM estate_notice")
            .await;
        let path = format!("/desk/estates/{id}");
        let agreed = self.second.post(&path, &[("verdict", "agree")]).await;
        assert_eq!(agreed.status, StatusCode::SEE_OTHER, "{}", agreed.page);
    }

    /// The other heir says with a login of his own that the shares are as agreed.
    async fn third_agrees(&self, one: &Player, number: &str) {
        let heir = Visitor::person(self.town, self.office, &one.third).await;
        let path = format!("/my/estates/{number}");
        let card = [("card_no", one.third.card.as_str())];
        let answer = heir.show_face(&format!("{path}/face"), &card).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
    }

    /// The reviewer says yes.
    async fn reviewed(&self, one: &Player, number: &str) {
        // An heir is nobody's employee: his case is the head branch's.
        let by = if one.kind.heir {
            &self.head
        } else {
            &self.reviewer
        };
        approve(self.town, by, &json!({ "case_id": number })).await;
    }

    /// What was asked for before and waits for a reviewer is approved and paid.
    async fn clear(&self, one: &Player) {
        let wish = self.wish(one).await;
        let cases = case::list_of_applicant(self.office, wish.applicant_id, None, 10)
            .await
            .expect("cases");
        for waiting in cases
            .iter()
            .filter(|found| found.state() == case::CaseState::Reviewing)
        {
            let number = case::number(self.office, waiting.case_id);
            self.reviewed(one, &number).await;
            becomes(self.town, &json!({ "case_id": number }), "done").await;
        }
    }

    /// Everything that one of the cast goes through.
    async fn plays(&self, one: &Player) -> Told {
        let what = format!(
            "{} {} {:?} {}",
            one.kind.name,
            one.code(),
            one.part,
            one.who.name
        );
        let wish = self.wish(one).await;
        // Both ask the sources, and of who waits both wait for the one that says nothing: at once, as nobody is busy meanwhile.
        let (before, visitor) = if one.part == Part::Waits {
            tokio::join!(self.engine.precheck(&wish), self.fills_in(&what, one))
        } else {
            let before = self.engine.precheck(&wish).await;
            (before, self.fills_in(&what, one).await)
        };
        let (_, before) = before.expect("a decision");
        let refused_by = not_met(&before);
        match (one.part, &one.row) {
            (Part::Gets, _) => {
                let outcome = if one.kind.third_agrees {
                    Outcome::Waiting
                } else if one.kind.reviewed {
                    Outcome::Review
                } else {
                    Outcome::Approved
                };
                assert_eq!(
                    (before.outcome, refused_by.len()),
                    (outcome, 0),
                    "{what}: {:?} {refused_by:?}",
                    before.in_words()
                );
            }
            (Part::Waits, _) => assert_eq!(
                (before.outcome, refused_by.len()),
                (Outcome::Waiting, 0),
                "{what}: {:?} {refused_by:?}",
                before.in_words()
            ),
            (Part::Refused, Some(row)) => {
                let wanted: BTreeSet<String> = row
                    .with
                    .iter()
                    .chain(&one.kind.always)
                    .chain([&row.code])
                    .cloned()
                    .collect();
                if wanted.contains("*") {
                    assert!(refused_by.contains(&row.code), "{what}: {refused_by:?}");
                } else {
                    assert_eq!(refused_by, wanted, "{what}: {:?}", before.in_words());
                }
                let outcome = if row.held {
                    Outcome::Review
                } else {
                    Outcome::Refused
                };
                assert_eq!(before.outcome, outcome, "{what}");
            }
            (Part::Refused, None) => unreachable!("who is refused has a row"),
        }
        self.entitled_agrees(&what, &wish, &before).await;

        let address = match self.asks(&visitor, one).await {
            Ok(address) => address,
            Err(page) => panic!("{what} has no case: {}", shown(&page)),
        };
        let number = address.rsplit('/').next().unwrap_or_default().to_owned();
        match (one.part, &one.row) {
            (Part::Gets, _) => {
                if one.kind.third_agrees {
                    self.page_says(&visitor, &address, &["等其他继承人在"])
                        .await;
                    self.case_agrees(&what, &number, &before).await;
                    self.third_agrees(one, &number).await;
                    self.page_says(&visitor, &address, &["工作人员在看"]).await;
                    self.reviewed(one, &number).await;
                    self.page_says(&visitor, &address, &["钱已到账", EACH_CARD])
                        .await;
                } else if one.kind.reviewed {
                    self.page_says(&visitor, &address, &["工作人员在看"]).await;
                    self.case_agrees(&what, &number, &before).await;
                    self.reviewed(one, &number).await;
                    self.page_says(&visitor, &address, &["钱已到账", EACH_CARD])
                        .await;
                } else {
                    self.page_says(&visitor, &address, &["钱已到账", "办好了"])
                        .await;
                    self.case_agrees(&what, &number, &before).await;
                }
                self.has_it(&what, &visitor, one, &number, &before).await;
            }
            (Part::Refused, Some(row)) => {
                let words: &[&str] = if row.held {
                    &["该业务正在核查"]
                } else {
                    &["这次没有通过"]
                };
                self.page_says(&visitor, &address, words).await;
                let explained = self.case_agrees(&what, &number, &before).await;
                let why = shown(&visitor.get(&format!("{address}/why")).await.page);
                assert!(
                    why.contains(&squeezed(&row.says)),
                    "{what} is not told {}: {why}",
                    row.says
                );
                let found = explained
                    .conditions
                    .iter()
                    .find(|found| found.code == row.code);
                let found = found.expect("the condition");
                assert!(
                    why.contains(&squeezed(found.detail)),
                    "{what}: {} is not in {why}",
                    found.detail
                );
                let remedy = found
                    .remedy
                    .unwrap_or_else(|| panic!("{what} has no remedy"));
                assert!(
                    why.contains(&squeezed(remedy)),
                    "{what}: {remedy} is not in {why}"
                );
                assert!(
                    why.contains(&squeezed(found.law)),
                    "{what}: {} is not in {why}",
                    found.law
                );
            }
            (Part::Waits, _) => {
                let page = self.page_says(&visitor, &address, &["没有回应"]).await;
                self.case_agrees(&what, &number, &before).await;
                let page = shown(&page);
                let waits = one.kind.waits.as_ref().expect("a source");
                assert!(page.contains(&squeezed(&waits.name)), "{what}: {page}");
                assert!(
                    page.contains("再问一次，恢复了马上接着办") && page.contains("最迟"),
                    "{what}: {page}"
                );
                // A second time for the same thing: CMN-05 with the number of the first.
                let again = self.asks(&visitor, one).await.expect_err("a second case");
                assert!(
                    again.contains("请勿重复提交") && again.contains(&number),
                    "{what}: {}",
                    shown(&again)
                );
                play::hush(&self.town.doors, one, false)
                    .await
                    .expect("the source");
                if one.kind.reviewed {
                    self.page_says(&visitor, &address, &["工作人员在看"]).await;
                    self.reviewed(one, &number).await;
                }
                self.page_says(&visitor, &address, &["钱已到账", "办好了"])
                    .await;
                let (_, after) = self.engine.at_hand(&wish).await.expect("decided");
                assert!(
                    after.conditions.len() >= before.conditions.len() / 2,
                    "{what}"
                );
            }
            (Part::Refused, None) => unreachable!("who is refused has a row"),
        }
        Told {
            what,
            person_id: wish.applicant_id,
            service: wish.service,
            outcome: before.outcome,
            not_met: refused_by,
        }
    }

    async fn all_play(&self, players: impl Iterator<Item = &Player>) -> Vec<Told> {
        // Whoever stumbles stops nobody else: all that is wrong is told at once.
        let told: Vec<Result<Told, _>> = stream::iter(players)
            .map(|one| AssertUnwindSafe(self.plays(one)).catch_unwind())
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let stumbled = told.iter().filter(|one| one.is_err()).count();
        assert_eq!(stumbled, 0, "of {} have stumbled", told.len());
        told.into_iter().flatten().collect()
    }

    /// Whom SQL leaves in, by service.
    async fn left_in(&self) -> BTreeMap<String, (BTreeSet<i64>, BTreeSet<String>)> {
        population::take(self.office).await.expect("a population");
        let at = At {
            now: self.office.now(),
            today: self.office.today(),
        };
        // As if everybody let us look; taken back with the transaction, for whoever allows nothing else is asked about nothing.
        let mut tx = self.office.pool.begin().await.expect("a transaction");
        sqlx::query(
            "INSERT INTO consent (centre_id, consent_id, person_id, service, fact_types, purpose, text_digest, channel, given_at)
             SELECT $1, person_id, person_id, $2, '{}', '', '', 'APP', now() FROM population ON CONFLICT DO NOTHING",
        )
        .bind(self.office.centre.id)
        .bind(STANDING)
        .execute(&mut *tx)
        .await
        .expect("consents");
        let mut all = BTreeMap::new();
        for service in population::withdrawals(self.office) {
            let filter = self
                .office
                .policy()
                .set
                .filter_sql(&service.id, &population::given(), at)
                .expect("a filter");
            let left = population::candidates(self.office, &mut tx, &filter, STANDING, 0, 2000)
                .await
                .expect("people");
            let left = left.into_iter().map(|one| one.person_id).collect();
            all.insert(service.id, (left, filter.plain.iter().cloned().collect()));
        }
        tx.rollback().await.expect("taken back");
        all
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn for_every_withdrawal_one_gets_it_one_is_refused_for_each_condition_and_one_waits_all_at_a_page()
 {
    let clock = Instant::now();
    let town = Town::open_at("2026-11-20T02:00:00Z".parse().expect("an instant")).await;
    let office = town.office_for(16).await;
    let engine = anju::start::office::engine(&town.config, office.clone()).expect("an engine");
    let table = Table::read().expect("the table");
    let players = play::set_up(&town.doors, &table, 471_000_000, MONTHS, town.today())
        .await
        .expect("a cast")
        .expect("nobody was there before");
    println!(
        "{} people are there after {:?}",
        players.len(),
        clock.elapsed()
    );
    let reviewer = Visitor::staff(&town, &office, role::REVIEWER, town.branch().await).await;
    let second = Visitor::second(&town, &office, role::REVIEWER, town.branch().await).await;
    let branch = office.centre.head_branch;
    let head = Visitor::another(&town, &office, role::REVIEWER, branch, "head").await;
    let stage = Stage {
        town: &town,
        office: &office,
        engine: &engine,
        reviewer,
        second,
        head,
    };
    for one in &players {
        stage.enter_notice(one).await;
    }
    for one in players.iter().filter(|one| {
        one.kind.reviewed && one.row.as_ref().is_some_and(|row| !row.before.is_empty())
    }) {
        stage.clear(one).await;
    }
    let left_in = stage.left_in().await;
    let mut told = stage
        .all_play(players.iter().filter(|one| !one.comes_later()))
        .await;
    println!("{} have played after {:?}", told.len(), clock.elapsed());
    // What SQL leaves out the evaluator refuses, and by a condition that SQL asks.
    for one in &told {
        let Some((left, plain)) = left_in.get(&one.service) else {
            continue;
        };
        if !left.contains(&one.person_id) {
            assert_eq!(one.outcome, Outcome::Refused, "{}", one.what);
            assert!(
                one.not_met.iter().any(|code| plain.contains(code)),
                "{}",
                one.what
            );
        }
    }

    // Half a year later, and two years.
    let mut passed = 0;
    for months in [6, 24] {
        let day = anju_domain::calendar::add_months(players[0].today, months);
        days_later(&town, (day - players[0].today).num_days() - passed).await;
        passed = (day - players[0].today).num_days();
        let now: Vec<&Player> = players
            .iter()
            .filter(|one| one.comes_later() && one.kind.after_months == months)
            .collect();
        assert!(!now.is_empty());
        for one in &now {
            play::before(&town.doors, one).await.expect("asked before");
        }
        told.extend(stage.all_play(now.into_iter()).await);
        println!("{} have played after {:?}", told.len(), clock.elapsed());
    }
    assert_eq!(told.len(), players.len());
    replayed(&town);
    town.audited().await;
    println!("all is told after {:?}", clock.elapsed());
}
