//! F12: whatever the log commits to, and what stands beside it, is found by `anju audit` when it is changed by whoever owns the database.

use anju_vault::NumberKind;
use reqwest::StatusCode;
use serde_json::json;
use sqlx::{AssertSqlSafe, Executor, PgConnection};

use crate::estate::{agreement, approved, ask, card, certified, family, stand, two_reviewers};
use crate::evidence::{proof, withdrawn};
use crate::town::{Town, tenant_of};
use crate::withdrawal::{becomes, submit};

async fn run(owner: &mut PgConnection, statement: &str) {
    owner
        .execute(AssertSqlSafe(statement.to_owned()))
        .await
        .unwrap_or_else(|error| panic!("{error}: {statement}"));
}

/// A town with a list, a paid withdrawal and a closed day, all of it sealed and witnessed; nothing works on it any more.
async fn with_everything(seed: i64) -> (Town, String) {
    let mut town = Town::open().await;
    let (who, _) = tenant_of(&town, seed).await;
    let case = submit(&town, &who).await;
    becomes(&town, &case, "done").await;
    let case = anju::cast::text(&case, "case_id").expect("a number");
    let open = town
        .sql("SELECT to_char(open_date, 'YYYYMMDD')::bigint FROM business_day")
        .await;
    anju::start::demo::put_staff(&town.config, &town.office().await)
        .await
        .expect("accountants");
    let mut close = town.command(&["close", "day"]);
    let closed = tokio::task::spawn_blocking(move || close.output())
        .await
        .expect("a thread")
        .expect("the binary");
    assert!(
        closed.status.success(),
        "{}",
        String::from_utf8_lossy(&closed.stderr)
    );
    let date = format!(
        "{}-{:02}-{:02}",
        open / 10_000,
        open / 100 % 100,
        open % 100
    );
    proof(&town, &format!("/books/days/{date}/proof")).await;
    proof(&town, &format!("/cases/{case}/proof")).await;
    town.stop_server();
    (town, case)
}

/// Tables that are put back after each change.
const KEPT: &[&str] = &[
    "case_event",
    "remittance",
    "remittance_line",
    "receipt",
    "posting",
    "ledger_account",
    "business_case",
    "withdrawal_use",
    "fact",
    "checkpoint",
    "evidence_leaf",
    "evidence_tile",
];

/// What is changed, and the words by which it is found.
const CHANGES: &[(&str, &[&str])] = &[
    (
        "DELETE FROM case_event WHERE (case_id, seq) IN (SELECT case_id, max(seq) FROM case_event GROUP BY case_id ORDER BY 1 DESC LIMIT 1)",
        &["它的记录没有了", "办件 A"],
    ),
    ("DELETE FROM case_event WHERE 'paid' = ANY (steps)", &["它的记录没有了"]),
    (
        "UPDATE case_event SET at = at + interval '1 day' WHERE seq = 1",
        &["记录被改动过", "第 1 步"],
    ),
    // Who decided, who submitted, what the system did: to somebody else, and to nobody.
    (
        "UPDATE case_event SET actor_id = (SELECT min(staff_id) FROM staff) WHERE 'decided' = ANY (steps)",
        &["记录被改动过", "办件 A", "步"],
    ),
    (
        "UPDATE case_event SET actor_id = (SELECT min(person_id) FROM person) WHERE 'submitted' = ANY (steps)",
        &["记录被改动过", "办件 A", "第 1 步"],
    ),
    (
        "UPDATE case_event SET actor_id = -1 WHERE 'paid' = ANY (steps)",
        &["记录被改动过", "办件 A", "步"],
    ),
    (
        "UPDATE case_event SET actor_id = -7 WHERE 'paid' = ANY (steps)",
        &["记录被改动过", "办件 A", "步"],
    ),
    (
        "UPDATE remittance SET amount_fen = amount_fen + 100 WHERE allocated_at IS NOT NULL",
        &["记录被改动过", "汇缴 R"],
    ),
    (
        "UPDATE remittance_line SET employer_fen = employer_fen + 1, employee_fen = employee_fen - 1",
        &["记录被改动过", "汇缴 R"],
    ),
    ("DELETE FROM remittance_line", &["记录被改动过", "汇缴 R"]),
    ("DELETE FROM remittance", &["它的记录没有了"]),
    // One hundred yuan from one of the books' sides of a sealed day to the other, every sum as before.
    (
        "WITH one AS (SELECT journal_id, min(account_id) AS a, max(account_id) AS b FROM posting
                       WHERE journal_id = (SELECT max(journal_id) FROM journal WHERE event = 5) GROUP BY journal_id)
         UPDATE posting p SET value_date = value_date - 1 FROM one WHERE p.journal_id = one.journal_id",
        &["记录被改动过", "的日结及其凭证"],
    ),
    (
        "UPDATE checkpoint SET root = set_byte(root, 5, get_byte(root, 5) # 1) WHERE size = (SELECT max(size) FROM checkpoint)",
        &["检查点", "签过名的是日志"],
    ),
    (
        r"UPDATE checkpoint SET note = regexp_replace(note, '— (?!anju/)[^\n]*\n', '', 'g')",
        &["检查点", "位见证人的签名，找到 0 位"],
    ),
    (
        r"UPDATE checkpoint SET note = regexp_replace(note, '— (anju/[0-9a-f]+) (.{40}).', '— \1 \2x')",
        &["检查点"],
    ),
    ("UPDATE checkpoint SET note = 'nothing'", &["检查点", "签名文本"]),
    ("DELETE FROM checkpoint", &["没有一个签过名的检查点"]),
    (
        "UPDATE evidence_leaf SET salt = set_byte(salt, 0, get_byte(salt, 0) # 1) WHERE leaf_index = 2",
        &["第 2 片叶子承诺的是另一份内容"],
    ),
    ("DELETE FROM evidence_leaf WHERE leaf_index = 3", &["日志里没有这一片"]),
    (
        "UPDATE evidence_tile SET data = set_byte(data, 40, get_byte(data, 40) # 1) WHERE level = 0",
        &["瓦片 0/000"],
    ),
    ("UPDATE fact SET value = '{\"a\": 1}'", &["事实", "校验码不符"]),
    (
        "UPDATE fact SET mac = NULL WHERE fact_id = (SELECT max(fact_id) FROM fact)",
        &["事实", "没有校验码"],
    ),
    ("UPDATE receipt SET amount_fen = amount_fen + 1", &["到账流水"]),
    (
        "UPDATE business_case SET state = 3 WHERE service = 'withdraw-rent'",
        &["办件与账簿"],
    ),
    (
        "UPDATE business_case SET amount_fen = amount_fen + 1 WHERE service = 'withdraw-rent'",
        &["办件与账簿"],
    ),
    (
        "UPDATE business_case SET decision = jsonb_set(decision, '{outcome}', '\"refused\"') WHERE service = 'withdraw-rent'",
        &["办件与账簿"],
    ),
    ("UPDATE withdrawal_use SET amount_fen = 1", &["提取台账"]),
    ("UPDATE withdrawal_use SET state = 3", &["提取台账"]),
];

/// Goal: nobody who owns the database changes unseen what was sealed, or what stands beside it. Method: every change that an auditor from outside
/// has tried, one at a time, on a town at rest; each is found by its words, and nothing is when it is taken back.
#[tokio::test]
async fn every_change_behind_the_programs_back_is_found_by_the_audit() {
    let (town, case) = with_everything(45_001).await;
    let (well, said) = town.says(&["audit"]).await;
    assert!(well && said.contains("0 处不符"), "{said}");
    for counted in [
        "存证叶子",
        "检查点",
        "汇缴 3 笔（3 行）",
        "日结 1 天",
        "事实",
    ] {
        assert!(said.contains(counted), "{counted}: {said}");
    }
    assert!(!said.contains("没有核对"), "{said}");

    let mut owner = town.database.owner().await;
    for table in ["journal", "posting"] {
        run(
            &mut owner,
            &format!("ALTER TABLE {table} DISABLE TRIGGER USER"),
        )
        .await;
    }
    for (change, words) in CHANGES {
        for table in KEPT {
            run(
                &mut owner,
                &format!("CREATE TEMPORARY TABLE kept_{table} AS TABLE {table}"),
            )
            .await;
        }
        run(&mut owner, change).await;
        let (well, said) = town.says(&["audit"]).await;
        assert!(!well, "{change}\nis not found: {said}");
        for word in *words {
            assert!(
                said.contains(word),
                "{change}\nis not told as {word}: {said}"
            );
        }
        for table in KEPT {
            run(&mut owner, &format!("DELETE FROM {table}")).await;
            run(
                &mut owner,
                &format!("INSERT INTO {table} SELECT * FROM kept_{table}"),
            )
            .await;
            run(&mut owner, &format!("DROP TABLE kept_{table}")).await;
        }
    }
    let (well, said) = town.says(&["audit"]).await;
    assert!(well, "{said}");

    // The keys of the centre are what seals and signs are checked by: without them the books alone are.
    let (keys, away) = (
        town.config.home.join("keys"),
        town.config.home.join("keys-away"),
    );
    std::fs::rename(&keys, &away).expect("moved away");
    let (well, said) = town.says(&["audit"]).await;
    std::fs::rename(&away, &keys).expect("moved back");
    assert!(
        !well && said.contains("没有核对  存证") && said.contains("0 处不符"),
        "{said}"
    );
    drop(case);
}

/// Goal: who asks for a proof of a record that was changed hears what that means and what to do, and the centre hears of it.
#[tokio::test]
async fn a_proof_of_a_changed_record_says_so() {
    let town = Town::open().await;
    let case = withdrawn(&town, 45_002).await;
    proof(&town, &format!("/cases/{case}/proof")).await;
    let office = town.office().await;
    let id = office
        .numbers
        .decode(NumberKind::Case, &case)
        .expect("an id");
    let mut owner = town.database.owner().await;
    run(
        &mut owner,
        &format!("UPDATE case_event SET at = at + interval '1 hour' WHERE case_id = {id}"),
    )
    .await;
    let answer = town
        .doors
        .get(&format!("/cases/{case}/proof"))
        .await
        .expect("a door");
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.body["code"], "E-EVID-04", "{}", answer.body);
    assert_eq!(answer.body["title"], "记录与存证不一致");
    let detail = answer.body["detail"].as_str().expect("a text");
    assert!(
        detail.contains("告诉中心") && detail.contains("片叶子"),
        "{detail}"
    );
    let (_, metrics) = town.doors.plain("/metrics").await.expect("the metrics");
    assert!(
        metrics.contains("evidence_proofs_refused_total{code=\"E-EVID-04\"} 1"),
        "{metrics}"
    );
}

/// Goal: what was sealed before who did a step stood in its record is proved and audited as it was. Method: a step and its leaf as a program from
/// then left them, beside those of this one.
#[tokio::test]
async fn a_step_from_before_its_actor_was_written_down_holds_without_him() {
    let mut town = Town::open().await;
    let case = withdrawn(&town, 45_003).await;
    becomes(&town, &json!({ "case_id": case }), "done").await;
    let bundle = proof(&town, &format!("/cases/{case}/proof")).await;
    assert_eq!(bundle["record"]["actor"], "system", "{bundle}");
    let first = proof(&town, &format!("/cases/{case}/proof?event=1")).await;
    assert_eq!(first["record"]["actor"], "interface", "{first}");

    let office = town.office().await;
    let id = office
        .numbers
        .decode(NumberKind::Case, &case)
        .expect("an id");
    let at = "2026-01-05T09:30:00.250+08:00";
    let record = json!({ "kind": "case", "case": case, "seq": 99, "at": at, "steps": ["told"], "detail": {} });
    let commitment = anju_evidence::record::commitment(&[7; 32], &record).expect("a record");
    let entry = hex::encode(anju_evidence::record::entry(&commitment));
    let mut owner = town.database.owner().await;
    let written = format!(
        "WITH event AS (
             INSERT INTO case_event (case_id, at, actor_id, centre_id, seq, steps, detail)
             SELECT case_id, '{at}', -1, centre_id, 99, '{{told}}', '{{}}' FROM business_case WHERE case_id = {id})
         INSERT INTO evidence_pending (ref_id, centre_id, kind, seq, entry, salt)
         SELECT case_id, centre_id, 1, 99, decode('{entry}', 'hex'), decode('{}', 'hex') FROM business_case WHERE case_id = {id}",
        hex::encode([7; 32])
    );
    run(&mut owner, &written).await;
    let old = proof(&town, &format!("/cases/{case}/proof?event=99")).await;
    assert_eq!(old["record"], record, "as it was sealed");
    town.stop_server();
    town.audited().await;

    run(
        &mut owner,
        "UPDATE case_event SET at = at + interval '1 second' WHERE seq = 99",
    )
    .await;
    let (well, said) = town.says(&["audit"]).await;
    let told = format!("办件 {case} 的第 99 步");
    assert!(!well && said.contains(&told), "{said}");
}

/// What is changed of an estate's shares, of whom three were to be paid and the second's card is closed, and the words by which it is found.
const CHANGES_OF_SHARES: &[(&str, &str)] = &[
    (
        "UPDATE case_share SET amount_fen = amount_fen + 100 WHERE place = 1",
        "从各账户取出的合计",
    ),
    (
        "UPDATE case_share SET amount_fen = amount_fen + 400 - 200 * place, legs = jsonb_set(legs, '{0,fen}', to_jsonb((legs #>> '{0,fen}')::bigint + 400 - 200 * place))",
        "第 1 份从账户取",
    ),
    (
        "UPDATE case_share SET state = 3, settled_at = now() WHERE place = 2",
        "已付",
    ),
    ("UPDATE case_share SET state = 1 WHERE place = 3", "在途"),
    (
        "UPDATE case_share SET state = 5, returned = TRUE WHERE place = 3",
        "退回待付",
    ),
    ("UPDATE case_share SET state = 4 WHERE place = 1", "已付"),
    (
        "UPDATE case_share SET legs = '[]' WHERE place = 1",
        "转收益",
    ),
    (
        "UPDATE case_share SET legs = jsonb_set(legs, '{0,journal,0}', (SELECT legs #> '{0,journal,0}' FROM case_share WHERE place = 3)) WHERE place = 1",
        "第 1 份从账户取",
    ),
    (
        "DELETE FROM case_share WHERE place = 2",
        "付款 2 份，销户那一步说是 3 份",
    ),
    ("DELETE FROM case_share", "付款 0 份，销户那一步说是 3 份"),
];

/// Goal: neither what an heir gets of an estate nor who agreed to it is changed unseen. Method: each change alone, on a case that waits for one card.
#[tokio::test]
async fn a_share_of_an_estate_and_who_agreed_to_it_are_held_by_the_audit() {
    let mut town = Town::open().await;
    let office = town.office().await;
    let family = family(&town, 2491, &["spouse", "parent", "child"]).await;
    certified(&town, &family.dead).await;
    let shares = agreement(&family, &[3334, 3333, 3333]);
    let asked = ask(&town, &family.heirs[0], shares, "CTR").await;
    card(&town, &family.heirs[1].card, true).await;
    let both = two_reviewers(&town, &office).await;
    approved(&town, &both, &asked).await;
    stand(&town, &asked, &["paid", "rejected", "paid"]).await;
    let case = anju::cast::text(&asked, "case_id").expect("a number");
    proof(&town, &format!("/cases/{case}/proof")).await;
    town.stop_server();
    town.audited().await;

    let mut owner = town.database.owner().await;
    run(
        &mut owner,
        "CREATE TEMPORARY TABLE kept AS TABLE case_share",
    )
    .await;
    for (change, words) in CHANGES_OF_SHARES {
        run(&mut owner, change).await;
        let (well, said) = town.says(&["audit"]).await;
        let told = said.lines().any(|line| {
            line.contains("继承各份付款") && line.contains(&case) && line.contains(words)
        });
        assert!(!well && told, "{change}\nis not told as {words}: {said}");
        run(&mut owner, "DELETE FROM case_share").await;
        run(&mut owner, "INSERT INTO case_share SELECT * FROM kept").await;
    }
    town.audited().await;

    // The two reviewers change their places: at the first yes, at the second, and at what it did.
    run(
        &mut owner,
        "UPDATE case_event e SET actor_id = (SELECT max(o.actor_id) FROM case_event o JOIN staff ON staff_id = o.actor_id
                                              WHERE o.case_id = e.case_id AND o.actor_id <> e.actor_id)
           FROM staff s WHERE s.staff_id = e.actor_id",
    )
    .await;
    let (well, said) = town.says(&["audit"]).await;
    let told = said.lines().filter(|line| {
        line.contains(&format!("办件 {case} 的第 ")) && line.contains("记录被改动过")
    });
    assert!(!well && told.count() == 3, "{said}");
}
