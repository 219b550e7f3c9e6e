//! Keys rotate while the centre serves: nobody is turned away, and afterwards nothing names an old key.

use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anju::cast::{self, Person, contribute, look_up, person};
use anju_casework::{Office, fact, person as people, rotation};
use anju_domain::id_number::IdNumber;
use anju_domain::phone::Phone;
use reqwest::StatusCode;
use serde_json::Value;

use crate::chance::{Chance, seed};
use crate::replay::replayed;
use crate::town::{Town, month, tenant_of};
use crate::visitor::Visitor;
use crate::withdrawal::{becomes, submit};

/// How often a rotation is killed before one is left alone.
const KILLS: usize = 2;
/// A rotation is killed within so many milliseconds.
const WITHIN_MS: u64 = 5_000;

/// So many people join meanwhile, each with an employer of his own.
const NEWCOMERS: i64 = 9;

fn rotate(town: &Town) -> Child {
    town.command(&["admin", "rotate-keys", "--grace", "1"])
        .stdout(Stdio::null())
        .spawn()
        .expect("the binary")
}

/// The last code that a phone received.
async fn code_on(town: &Town, phone: &str) -> Option<String> {
    let messages = town
        .doors
        .control(&format!("/phones/{phone}/messages"))
        .await
        .expect("the phone")
        .ok()
        .expect("its messages");
    let messages = messages.as_array().or(messages["items"].as_array());
    let text = messages?
        .iter()
        .filter_map(|message| message["text"].as_str())
        .next_back()?;
    let code = text.split("验证码 ").nth(1)?;
    code.get(..6).map(str::to_owned)
}

/// A person logs in as he does at a browser: number, code, in.
async fn logs_in(town: &Town, who: &Person) {
    // At a browser of his own: people who share one are looked at.
    let visitor = Visitor::at_browser(town, &who.phone).await;
    let page = visitor
        .post("/login", &[("id_no", &who.id), ("back", "/my")])
        .await;
    let challenge = page
        .page
        .split("name=\"challenge\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap_or_else(|| panic!("a challenge: {} {}", page.status, page.page));
    let mut code = None;
    for _ in 0..400 {
        code = code_on(town, &who.phone).await;
        if code.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let code = code.expect("a code on the phone");
    let answer = visitor
        .post(
            "/login/code",
            &[("challenge", challenge), ("code", &code), ("back", "/my")],
        )
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
    assert_eq!(answer.location, "/my");
}

/// How many different data keys the sealed values of this database name: each value begins with its format and its key's number.
const KEYS_NAMED: &str = "
    SELECT count(DISTINCT key) FROM (
        SELECT substring(id_sealed FROM 2 FOR 2) AS key FROM person
        UNION ALL SELECT substring(name_sealed FROM 2 FOR 2) FROM person
        UNION ALL SELECT substring(phone_sealed FROM 2 FOR 2) FROM person
        UNION ALL SELECT substring(card_sealed FROM 2 FOR 2) FROM person
        UNION ALL SELECT substring(legal_representative_sealed FROM 2 FOR 2) FROM employer
        UNION ALL SELECT substring(name_sealed FROM 2 FOR 2) FROM clerk
        UNION ALL SELECT substring(phone_sealed FROM 2 FOR 2) FROM clerk
        UNION ALL SELECT substring(totp_sealed FROM 2 FOR 2) FROM staff
        UNION ALL SELECT substring(id_sealed FROM 2 FOR 2) FROM roster_row
        UNION ALL SELECT substring(name_sealed FROM 2 FOR 2) FROM roster_row
        UNION ALL SELECT substring(phone_sealed FROM 2 FOR 2) FROM roster_row
        UNION ALL SELECT decode(substr(form #>> '{card_no,sealed}', 3, 4), 'hex') FROM business_case
        UNION ALL SELECT decode(substr(payload ->> 'phone', 3, 4), 'hex') FROM outbox
        UNION ALL SELECT decode(substr(payload ->> 'phone', 3, 4), 'hex') FROM outbox_done
        UNION ALL SELECT decode(substr(found #>> '{}', 3, 4), 'hex')
                    FROM fact, jsonb_path_query(value, '$.**.id_sealed') AS found) AS named
     WHERE key IS NOT NULL";

/// Goal: new keys without a night off. Method: people are looked up, log in, are registered and withdraw, while rotations are killed at
/// random moments and the last one runs to its end. Nothing fails; then one key is named, the old files are put away, a process that
/// starts with the new keys alone reads everything, and the facts still prove themselves.
#[tokio::test]
async fn keys_rotate_under_load_and_nobody_is_turned_away() {
    let mut chance = Chance::of(seed());
    let town = Town::open().await;
    let (li, _) = tenant_of(&town, 91).await;
    let (wang, _) = tenant_of(&town, 92).await;
    let office: Office = town.office().await;
    let _staff = Visitor::staff(&town, &office, "teller", 1).await;
    becomes(&town, &submit(&town, &li).await, "done").await;
    assert_eq!(office.vault.generations().current_data, 1);

    let over = AtomicBool::new(false);
    let asked = AtomicUsize::new(0);
    let look_ups = async {
        while !over.load(Ordering::Relaxed) {
            for one in [&li, &wang] {
                look_up(&town.doors, one).await.expect("known throughout");
                asked.fetch_add(1, Ordering::Relaxed);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let work = async {
        let mut newcomers = Vec::new();
        while !over.load(Ordering::Relaxed) {
            let place = i64::try_from(newcomers.len()).expect("few");
            if place < NEWCOMERS {
                let new = person("新人", 94, place, 800_000).expect("numbers");
                cast::register(&town.doors, &new)
                    .await
                    .expect("known to the departments");
                let employer = cast::open_employer(&town.doors, 940 + place, month(1))
                    .await
                    .expect("an employer");
                contribute(&town.doors, &employer, month(1), std::slice::from_ref(&new))
                    .await
                    .expect("a month with somebody new");
                newcomers.push(new);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        newcomers
    };
    let log_ins = async {
        logs_in(&town, &li).await;
        becomes(&town, &submit(&town, &wang).await, "done").await;
        logs_in(&town, &wang).await;
    };
    let rotations = async {
        for _ in 0..KILLS {
            let mut child = rotate(&town);
            tokio::time::sleep(Duration::from_millis(chance.below(WITHIN_MS))).await;
            child.kill().expect("killed, or ended already");
            child.wait().expect("dead");
        }
        let mut last = rotate(&town);
        let ended = tokio::task::spawn_blocking(move || last.wait())
            .await
            .expect("a thread");
        assert!(ended.expect("its end").success());
        over.store(true, Ordering::Relaxed);
    };
    let ((), newcomers, (), ()) = tokio::join!(look_ups, work, log_ins, rotations);
    assert!(asked.load(Ordering::Relaxed) > 20 && newcomers.len() > 1);

    assert_eq!(town.sql(KEYS_NAMED).await, 1);
    let keys = town.config.home.join("keys");
    for retired in ["data-1.key", "index-1.key"] {
        assert!(!keys.join(retired).exists() && keys.join("retired").join(retired).exists());
    }
    // A process that starts now has never seen the old keys.
    let fresh = town.office().await;
    assert!(fresh.vault.generations().current_data > 1);
    let mut connection = fresh.pool.acquire().await.expect("a connection");
    let left = rotation::pass(&mut connection, &fresh)
        .await
        .expect("all opens");
    assert_eq!(left, 0);
    for one in newcomers.iter().chain([&li, &wang]) {
        let id = IdNumber::parse(&one.id).expect("a number");
        let known = people::by_id_number(&fresh, &id)
            .await
            .expect("read")
            .expect("known");
        assert_eq!(known.name.expose(), one.name);
        let phone = Phone::parse(&one.phone).expect("a phone");
        let found = people::search(&fresh, None, Some(&phone), None)
            .await
            .expect("read");
        assert!(found.iter().any(|other| other.person_id == known.person_id));
    }
    assert!(
        !fact::asked_about(&fresh, &li.id, 100)
            .await
            .expect("read")
            .is_empty()
    );
    let twice = "SELECT count(*) - count(DISTINCT id_index) FROM person";
    assert_eq!(town.sql(twice).await, 0);
    replayed(&town);
    let answer: Value = town
        .doors
        .get("/services")
        .await
        .expect("a door")
        .ok()
        .expect("served");
    assert!(answer.is_array());
}
