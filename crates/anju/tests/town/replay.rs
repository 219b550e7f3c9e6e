//! Past decisions come out as they did; what was changed since is told, one line each.

use std::process::Output;

use anju::cast;
use anju::start::office;
use anju_vault::NumberKind;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::town::{Town, policy_folder, tenant_of};
use crate::withdrawal::{becomes, death, submit};

/// What `anju policy replay` says and whether everything came out the same.
fn replay(town: &Town, further: &[&str]) -> (bool, Vec<String>) {
    let output: Output = town
        .command(&["policy", "replay"])
        .args(further)
        .output()
        .expect("the binary");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let code = output.status.code().expect("an exit code");
    assert!(
        code < 2,
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    (code == 0, text.lines().map(str::to_owned).collect())
}

/// Every past decision comes out as it did.
pub fn replayed(town: &Town) {
    let (same, told) = replay(town, &[]);
    assert!(same, "{}", told.join("\n"));
}

/// What the owner of the tables does behind the product's back.
async fn behind_its_back(town: &Town, statement: &str) -> u64 {
    let mut owner = PgConnection::connect(&town.config.database_url)
        .await
        .expect("the owner");
    owner
        .execute(AssertSqlSafe(statement.to_owned()))
        .await
        .expect("a change")
        .rows_affected()
}

/// Goal: an auditor can trust that a decision followed from what was known, and sees what was changed later. Method: an approval, a
/// refusal, and a case that a reviewer approved; all replay; then the owner of the database changes a fact, a stored decision and a
/// stored policy file, and another folder of policy is tried.
#[tokio::test]
async fn past_decisions_replay_and_every_change_is_told() {
    let town = Town::open().await;
    let (approved, _) = tenant_of(&town, 81).await;
    let paid = submit(&town, &approved).await;
    let paid = becomes(&town, &paid, "done").await;
    let case_no = paid["case_id"].as_str().expect("a case").to_owned();
    let (owner, _) = tenant_of(&town, 82).await;
    cast::owns_home(&town.doors, &owner).await.expect("a home");
    becomes(&town, &submit(&town, &owner).await, "refused").await;
    let (disputed, _) = tenant_of(&town, 83).await;
    death(&town, &disputed, true).await;
    let reviewed = becomes(&town, &submit(&town, &disputed).await, "reviewing").await;
    let engine = office::engine(&town.config, town.office().await).expect("an engine");
    let reviewed = reviewed["case_id"].as_str().expect("a case");
    let reviewed = engine
        .office
        .numbers
        .decode(NumberKind::Case, reviewed)
        .expect("a case");
    death(&town, &disputed, false).await;
    engine
        .approve(reviewed, 77, "本人到场，身份属实")
        .await
        .expect("approved by hand");
    // A fourth is refused by hand.
    let (refused, _) = tenant_of(&town, 84).await;
    death(&town, &refused, true).await;
    let by_hand = becomes(&town, &submit(&town, &refused).await, "reviewing").await;
    let by_hand = by_hand["case_id"].as_str().expect("a case");
    let by_hand = engine
        .office
        .numbers
        .decode(NumberKind::Case, by_hand)
        .expect("a case");
    let by_hand = anju_casework::case::require(&engine.office, by_hand)
        .await
        .expect("a case");
    anju_casework::case::refuse_by_hand(&engine.office, &by_hand, 77, "身份存疑")
        .await
        .expect("refused by hand");

    // Each of the four works at a firm whose opening was decided too.
    let all_right = vec!["已重放 8 个决定：0 处不同".to_owned()];
    assert_eq!(replay(&town, &[]), (true, all_right.clone()));
    let same = policy_folder(&town.config.home.join("same"), &[("README.md", "")]);
    let same = same.to_str().expect("a path");
    assert_eq!(
        replay(&town, &["--policy", same]),
        (true, all_right.clone())
    );

    // Another rule: one line for each decision that it alters.
    let rent = std::fs::read_to_string(town.config.policy.join("chongqing/withdraw-rent.toml"))
        .expect("the rent file");
    let stricter = rent.replace("rent.claimable_months > 0", "rent.claimable_months > 12");
    assert_ne!(rent, stricter);
    let stricter = policy_folder(
        &town.config.home.join("stricter"),
        &[("chongqing/withdraw-rent.toml", &stricter)],
    );
    let (same, lines) = replay(&town, &["--policy", stricter.to_str().expect("a path")]);
    let mine: Vec<&String> = lines
        .iter()
        .filter(|line| line.starts_with(&case_no))
        .collect();
    assert!(!same && mine.len() == 1, "{lines:?}");
    assert!(
        mine[0].contains("条件 RENT-08 当时符合，现在不符合"),
        "{mine:?}"
    );

    // A fact whose change alters nothing that was decided, and back.
    let later = "UPDATE fact SET value = jsonb_set(value, '{to}', '\"2036-12-31\"') WHERE type = 'housing.rental_filing'";
    assert!(behind_its_back(&town, later).await > 0);
    let (same, lines) = replay(&town, &[]);
    assert!(!same, "{lines:?}");
    let told = lines.iter().find(|line| line.starts_with(&case_no));
    let told = told.expect("the case whose fact was changed");
    assert!(
        told.contains("housing.rental_filing") && told.ends_with("与存入时不同"),
        "{told}"
    );
    behind_its_back(&town, &later.replace("2036", "2035")).await;
    assert_eq!(replay(&town, &[]), (true, all_right.clone()));

    // A stored decision that names another amount.
    let more = "UPDATE business_case SET decision = jsonb_set(decision, '{amount_fen}', '360001') WHERE decision ->> 'amount_fen' = '360000'";
    let decisions = behind_its_back(&town, more).await;
    let (same, lines) = replay(&town, &[]);
    assert!(!same && decisions >= 1, "{lines:?}");
    let told: Vec<&String> = lines
        .iter()
        .filter(|line| line.contains("当时的金额是 3,600.01 元，现在是 3,600.00 元"))
        .collect();
    assert_eq!(told.len() as u64, decisions, "{lines:?}");
    behind_its_back(
        &town,
        "UPDATE business_case SET decision = jsonb_set(decision, '{amount_fen}', '360000') WHERE decision ->> 'amount_fen' = '360001'",
    )
    .await;

    // A fact that is gone, and policy files that are not those that were kept.
    let files = "UPDATE policy_version SET files = jsonb_set(files, '{files,chongqing/withdraw-rent.toml}',
                   to_jsonb(replace(files #>> '{files,chongqing/withdraw-rent.toml}', 'rent.claimable_months > 0', 'rent.claimable_months > 1')))";
    assert_eq!(behind_its_back(&town, files).await, 1);
    let (same, lines) = replay(&town, &[]);
    assert!(!same, "{lines:?}");
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.ends_with("的文件与存入时的摘要不符"))
            .count(),
        8,
        "{lines:?}"
    );
    assert!(
        behind_its_back(
            &town,
            "DELETE FROM fact WHERE type = 'housing.rental_filing'"
        )
        .await
            > 0
    );
    let (_, lines) = replay(&town, &[]);
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with(&case_no) && line.ends_with("不在了")),
        "{lines:?}"
    );
    let last = lines.last().expect("a closing line");
    assert!(last.starts_with("已重放 8 个决定："), "{last}");
}
