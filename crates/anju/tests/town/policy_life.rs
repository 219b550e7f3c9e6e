//! 政策变更: drafted at the desk, tried on the past year, enacted by a second person on its day; past decisions keep their answer.

use std::io::Cursor;
use std::time::{Duration, Instant};

use anju::cast::{self, Person, contribute, person, text};
use anju::start::demo;
use anju_casework::Office;
use anju_casework::staff::role;
use anju_domain::calendar::Month;
use calamine::{Reader, Xlsx};
use reqwest::StatusCode;
use serde_json::Value;

use crate::interest_year::days_later;
use crate::town::{Town, month, policy_folder, tenant_of};
use crate::visitor::Visitor;
use crate::withdrawal::{becomes, submit};

const PATIENCE: Duration = Duration::from_secs(40);

/// Somebody with three months of 2,400.00 each who promises that he rents: his cap is the centre's, 1,500.00 a month.
async fn without_a_lease(town: &Town, seed: i64) -> Person {
    let who = person("何川", seed, 1, 1_000_000).expect("numbers");
    cast::register(&town.doors, &who)
        .await
        .expect("the departments");
    let employer = cast::open_employer(&town.doors, seed, month(3))
        .await
        .expect("an employer");
    for back in [3, 2, 1] {
        let people = std::slice::from_ref(&who);
        contribute(&town.doors, &employer, month(back), people)
            .await
            .expect("a month");
    }
    who
}

/// Months of rent that [`without_a_lease`] may claim today: one more where a test has stepped over the end of a month.
fn months_claimed(office: &Office) -> i64 {
    i64::from(Month::of(office.today()).index() - month(3).index())
}

/// The cells of a workbook's first sheet.
fn rows_of_book(book: &[u8]) -> Vec<Vec<String>> {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(book.to_vec())).expect("a workbook");
    let sheet = book
        .worksheet_range_at(0)
        .expect("a sheet")
        .expect("its cells");
    sheet
        .rows()
        .map(|row| row.iter().map(ToString::to_string).collect())
        .collect()
}

/// A draft with this title; its address.
pub(crate) async fn drafted(officer: &Visitor, title: &str) -> String {
    let answer = officer.post("/desk/policy", &[("title", title)]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
    answer.location
}

/// Puts a monthly rent cap of the central districts into a draft, from the first of these months.
async fn cap(officer: &Visitor, draft: &str, yuan: &str) {
    let from = month(3).first_day().to_string();
    let row = [
        ("parameter", "rent_cap_monthly"),
        ("value", yuan),
        ("from", from.as_str()),
        ("test_region", "central"),
        ("mark", "source"),
        ("source", "中心 2026 年第 9 号通知"),
    ];
    let answer = officer.post(&format!("{draft}/row"), &row).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
}

/// Until the page says so.
pub(crate) async fn says(visitor: &Visitor, path: &str, words: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let page = visitor.get(path).await.page;
        if page.contains(words) {
            return page;
        }
        assert!(Instant::now() < deadline, "waited for {words}: {page}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

pub(crate) async fn simulated(officer: &Visitor, draft: &str) {
    let asked = officer
        .post(&format!("{draft}/step"), &[("step", "simulate")])
        .await;
    assert_eq!(asked.status, StatusCode::SEE_OTHER, "{}", asked.page);
    says(officer, draft, "已模拟").await;
}

/// `anju policy …`: whether it went well, and its lines.
fn anju_policy(town: &Town, arguments: &[&str]) -> (bool, String) {
    let output = town
        .command(&["policy"])
        .args(arguments)
        .output()
        .expect("the binary");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let code = output.status.code().expect("an exit code");
    assert!(
        code < 2,
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    (code == 0, text)
}

/// Rent months are claimed at this much each, as the books keep them.
const CLAIMED: &str =
    "SELECT coalesce(sum(amount_fen), 0)::bigint FROM withdrawal_use WHERE kind = 'RENT'";

/// The same months under a cap of 1,000.00: reckoned here from the months that were claimed, without the product's rules.
const CLAIMED_UNDER_1000: &str = "SELECT coalesce(sum(least(month.fen, 100000)), 0)::bigint
    FROM withdrawal_use, unnest(amounts) AS month (fen) WHERE kind = 'RENT'";

/// Goal: the cost of a change is known to the fen before anybody decides it, nobody decides it alone, and it counts from its day on without
/// a restart while past decisions stay. Method: one tenant with a lease of 1,200.00, one without, one who owns a home; the cap of 1,500.00
/// becomes 1,000.00; the same people before and after its day.
#[tokio::test]
async fn a_lower_rent_cap_is_tried_costed_and_enacted_by_two() {
    let mut town = Town::open().await;
    let office = town.office().await;
    let (li, _) = tenant_of(&town, 901).await;
    let he = without_a_lease(&town, 902).await;
    let (owner, _) = tenant_of(&town, 903).await;
    cast::owns_home(&town.doors, &owner).await.expect("a home");
    let first = becomes(&town, &submit(&town, &li).await, "done").await;
    becomes(&town, &submit(&town, &he).await, "done").await;
    becomes(&town, &submit(&town, &owner).await, "refused").await;
    assert_eq!(first["decision"]["amount_fen"], 360_000);

    let maker = Visitor::staff(&town, &office, role::POLICY_OFFICER, 1).await;
    let checker = Visitor::second(&town, &office, role::POLICY_OFFICER, 1).await;
    let draft = drafted(&maker, "下调中心城区租房提取限额").await;
    cap(&maker, &draft, "1,000.00").await;
    let page = maker.get(&draft).await.page;
    assert!(
        page.contains("租房提取月限额") && page.contains("地区：中心城区"),
        "{page}"
    );
    assert!(page.contains("1,500.00 元") && page.contains("1,000.00 元"));

    // Nobody proposes what was not tried.
    let tomorrow = office.today().succ_opt().expect("a day").to_string();
    let proposal = [("step", "propose"), ("effective_on", tomorrow.as_str())];
    let untried = maker.post(&format!("{draft}/step"), &proposal).await;
    assert_eq!(untried.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(untried.page.contains("E-POL-08"), "{}", untried.page);

    simulated(&maker, &draft).await;
    let before = town.sql(CLAIMED).await;
    let after = town.sql(CLAIMED_UNDER_1000).await;
    assert_eq!((before, after), (810_000, 600_000));
    let result = maker.get(&format!("{draft}/simulation")).await.page;
    for words in [
        "−2,100.00",
        "8,100.00",
        "6,000.00",
        "一共少支付 2,100.00 元",
    ] {
        assert!(result.contains(words), "{words}: {result}");
    }
    let kept: (i64, i64, i64) = (
        town.sql("SELECT sum(was_fen)::bigint FROM policy_simulation_sum")
            .await,
        town.sql("SELECT sum(now_fen)::bigint FROM policy_simulation_sum")
            .await,
        town.sql("SELECT sum(cases)::bigint FROM policy_simulation_sum")
            .await,
    );
    assert_eq!(kept, (before, after, 3));
    // A run that died after its last batch goes on from its mark and repeats nothing.
    assert_eq!(
        town.sql("WITH again AS (UPDATE policy_simulation SET state = 1 WHERE state = 2 RETURNING 1) SELECT count(*) FROM again").await,
        1
    );
    says(&maker, &draft, "已模拟").await;
    assert_eq!(
        town.sql("SELECT sum(was_fen)::bigint FROM policy_simulation_sum")
            .await,
        before
    );
    assert_eq!(
        town.sql("SELECT count(*) - count(DISTINCT person_id) FROM policy_simulation_line")
            .await,
        0,
        "nobody is affected twice"
    );
    let list = maker.get(&format!("{draft}/people")).await.page;
    assert!(list.contains("李*") && list.contains("何*") && !list.contains("李梅"));
    let file = maker.get(&format!("{draft}/people.csv")).await.page;
    // The same list for a spreadsheet, and the notice on paper.
    let book = maker.bytes(&format!("{draft}/people.xlsx")).await;
    let sheet = rows_of_book(&book);
    assert_eq!(sheet.len(), file.trim_end().lines().count(), "{sheet:?}");
    assert_eq!(sheet[0][0], "姓名");
    let paper = maker.bytes(&format!("{draft}/notice.pdf")).await;
    assert!(paper.starts_with(b"%PDF-"), "{} bytes", paper.len());
    let sealed = |paper: &[u8]| paper.windows(9).any(|at| at == b"/Type/Sig");
    assert!(!sealed(&paper), "a draft bears no seal");
    assert_eq!(file.lines().count(), 3, "{file}");
    assert!(
        file.contains("-600.00") && file.contains("-1500.00"),
        "{file}"
    );

    // One of them, by both versions; the look is written down.
    let who = cast::look_up(&town.doors, &li).await.expect("known");
    let both = maker.get(&format!("{draft}/people/{who}")).await.page;
    assert!(
        both.contains("3,600.00") && both.contains("3,000.00"),
        "{both}"
    );
    assert_eq!(
        town.sql(
            "SELECT count(*) FROM access_log WHERE reason = '政策模拟：下调中心城区租房提取限额'"
        )
        .await,
        1
    );
    let notice = maker.get(&format!("{draft}/notice")).await.page;
    assert!(
        notice.contains("由 1,500.00 元 调整为 1,000.00 元") && notice.contains("第 9 号通知"),
        "{notice}"
    );
    let (well, told) = anju_policy(
        &town,
        &[
            "simulate",
            "--change",
            draft.rsplit('/').next().expect("a number"),
        ],
    );
    assert!(
        well && told.contains("2,100.00 元") && told.contains("得到更少 2 人"),
        "{told}"
    );

    // Two hands.
    let step = format!("{draft}/step");
    let too_early = [
        ("step", "propose"),
        ("effective_on", &office.today().to_string()),
    ];
    let refused = maker.post(&step, &too_early).await;
    assert!(refused.page.contains("E-POL-10"), "{}", refused.page);
    let proposed = maker.post(&step, &proposal).await;
    assert_eq!(proposed.status, StatusCode::SEE_OTHER, "{}", proposed.page);
    let own = maker.post(&step, &[("step", "approve")]).await;
    assert_eq!(own.status, StatusCode::FORBIDDEN);
    assert!(own.page.contains("E-CHECK-01"), "{}", own.page);
    let approved = checker.post(&step, &[("step", "approve")]).await;
    assert_eq!(approved.status, StatusCode::SEE_OTHER, "{}", approved.page);

    assert!(sealed(&maker.bytes(&format!("{draft}/notice.pdf")).await));

    // Until its day the old cap counts.
    let zhou = without_a_lease(&town, 904).await;
    let yesterdays = becomes(&town, &submit(&town, &zhou).await, "done").await;
    assert_eq!(yesterdays["decision"]["amount_fen"], 450_000);
    let wu = without_a_lease(&town, 905).await;

    days_later(&town, 1).await;
    let maker = maker.again(&town, &office).await;
    says(&maker, &draft, "施行中").await;
    let todays = becomes(&town, &submit(&town, &wu).await, "done").await;
    assert_eq!(
        todays["decision"]["amount_fen"],
        months_claimed(&office) * 100_000
    );
    let version = |case: &Value| text(&case["decision"]["policy"], "digest").expect("a digest");
    assert_ne!(version(&yesterdays), version(&todays));

    // Yesterday's case replays to its old answer, each under the version that it names; so do the openings of their employers.
    let (same, told) = anju_policy(&town, &["replay"]);
    assert!(
        same && told.contains("已重放 10 个决定：0 处不同"),
        "{told}"
    );
    let case_no = text(&yesterdays, "case_id").expect("a case");
    let (_, told) = anju_policy(&town, &["explain", &case_no]);
    assert!(
        told.contains("4,500.00 元") && told.contains("RENT-08"),
        "{told}"
    );

    // A step has its evidence; a server that starts again has the same version in force.
    let proof = says(
        &maker,
        &format!("{draft}/steps/1/proof.json"),
        "anju-proof/1",
    )
    .await;
    let bundle: Value = serde_json::from_str(&proof).expect("a bundle");
    assert_eq!(bundle["record"]["step"], "drafted", "{proof}");
    let actor = bundle["record"]["actor"].as_str().expect("a public number");
    assert!(actor.starts_with('P'), "{proof}");
    let again = town.office().await;
    assert_eq!(again.policy().set.reference().digest, version(&todays));
    town = town.into_process().await;
    let zheng = without_a_lease(&town, 906).await;
    let later = becomes(&town, &submit(&town, &zheng).await, "done").await;
    assert_eq!(
        later["decision"]["amount_fen"],
        months_claimed(&again) * 100_000
    );
}

/// Goal: a mistake never comes further than its draft, what is approved is what was tried, and a change may be taken back before its day.
#[tokio::test]
async fn a_draft_with_a_mistake_stays_and_a_changed_one_is_tried_again() {
    let town = Town::open().await;
    let office = town.office().await;
    let (li, _) = tenant_of(&town, 911).await;
    becomes(&town, &submit(&town, &li).await, "done").await;
    let maker = Visitor::staff(&town, &office, role::POLICY_OFFICER, 1).await;
    let checker = Visitor::second(&town, &office, role::POLICY_OFFICER, 1).await;
    let auditor = Visitor::staff(&town, &office, role::AUDITOR, 1).await;

    // A condition that our books can answer is asked of every account at once.
    let longer = drafted(&maker, "连续缴存满四个月才能提取房租").await;
    let from = month(3).first_day().to_string();
    let row = [
        ("parameter", "rent_min_months"),
        ("value", "4"),
        ("from", from.as_str()),
        ("mark", "source"),
        ("source", "通知"),
    ];
    let put = maker.post(&format!("{longer}/row"), &row).await;
    assert_eq!(put.status, StatusCode::SEE_OTHER, "{}", put.page);
    simulated(&maker, &longer).await;
    assert_eq!(
        town.sql("SELECT sum(people * 1000 + was * 100 + now * 10 + no_longer)::bigint FROM policy_simulation_reach WHERE code = 'RENT-01'").await,
        1_101,
        "one account meets it now and will not"
    );
    let result = maker.get(&format!("{longer}/simulation")).await.page;
    assert!(
        result.contains("RENT-01") && result.contains("−3,600.00"),
        "{result}"
    );

    // A value that is none is told at its field; nothing has changed.
    let draft = drafted(&maker, "试一试").await;
    let from = month(3).first_day().to_string();
    let row = [
        ("parameter", "rent_cap_monthly"),
        ("value", "一千"),
        ("from", from.as_str()),
        ("mark", "source"),
        ("source", "通知"),
    ];
    let wrong = maker.post(&format!("{draft}/row"), &row).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.page.contains("E-POL-05") && wrong.page.contains("金额写成元"));
    assert!(maker.get(&draft).await.page.contains("还没有改动"));

    // A row that was put in is taken out alone; what stands in the version in force is not taken out.
    cap(&maker, &draft, "1,200.00").await;
    let page = maker
        .get(&format!("{draft}?parameter=rent_cap_monthly"))
        .await
        .page;
    assert!(
        page.contains("草案写进的取值") && page.contains("1,200.00元（地区：中心城区）"),
        "{page}"
    );
    let take = async || {
        let row = [
            ("parameter", "rent_cap_monthly"),
            ("take", "yes"),
            ("from", from.as_str()),
            ("test_region", "central"),
        ];
        maker.post(&format!("{draft}/row"), &row).await
    };
    let taken = take().await;
    assert_eq!(taken.status, StatusCode::SEE_OTHER, "{}", taken.page);
    assert!(maker.get(&draft).await.page.contains("还没有改动"));
    let again = take().await;
    assert!(again.page.contains("草案里没有这一行"), "{}", again.page);

    // A file whose condition reads a name that nobody knows.
    demo::put_staff(&town.config, &office).await.expect("staff");
    let rent = std::fs::read_to_string(town.config.policy.join("chongqing/withdraw-rent.toml"))
        .expect("the rent file");
    let broken = rent.replace("rent.claimable_months > 0", "rent.claimable_month > 0");
    let folder = policy_folder(
        &town.config.home.join("broken"),
        &[("chongqing/withdraw-rent.toml", &broken)],
    );
    let folder = folder.to_str().expect("a path");
    let (well, told) = anju_policy(
        &town,
        &["draft", "写错的", "--policy", folder, "--by", "1008"],
    );
    let place =
        "chongqing/withdraw-rent.toml，条件 RENT-08，算式：没有这个名字：rent.claimable_month";
    assert!(!well && told.contains(place), "{told}");
    let list = auditor.get("/desk/policy").await.page;
    assert!(
        list.contains("写错的") && list.contains("草案有错误"),
        "{list}"
    );
    assert!(!list.contains("从现行政策起草"), "an auditor reads alone");
    let address = list
        .split("href=\"/desk/policy/")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .map(|number| format!("/desk/policy/{number}"))
        .expect("the newest draft");
    let page = auditor.get(&address).await.page;
    assert!(
        page.contains("条件 RENT-08，算式") && page.contains("没有这个名字"),
        "{page}"
    );
    let tried = maker
        .post(&format!("{address}/step"), &[("step", "simulate")])
        .await;
    assert_eq!(tried.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(tried.page.contains("E-POL-06"), "{}", tried.page);

    // Only the centre's own files.
    let national = maker
        .put_policy(
            &format!("{draft}/file"),
            &[("path", "national/rates.toml")],
            "[[parameter]]",
        )
        .await;
    assert!(national.page.contains("E-POL-05"), "{}", national.page);

    // Changed after it was tried: tried again.
    cap(&maker, &draft, "1,000.00").await;
    simulated(&maker, &draft).await;
    cap(&maker, &draft, "900.00").await;
    let tomorrow = office.today().succ_opt().expect("a day").to_string();
    let step = format!("{draft}/step");
    let proposal = [("step", "propose"), ("effective_on", tomorrow.as_str())];
    let stale = maker.post(&step, &proposal).await;
    assert!(stale.page.contains("E-POL-08"), "{}", stale.page);
    simulated(&maker, &draft).await;
    let proposed = maker.post(&step, &proposal).await;
    assert_eq!(proposed.status, StatusCode::SEE_OTHER, "{}", proposed.page);
    let sound = [
        ("parameter", "rent_cap_monthly"),
        ("value", "800"),
        ("from", from.as_str()),
        ("mark", "source"),
        ("source", "通知"),
    ];
    let late = maker.post(&format!("{draft}/row"), &sound).await;
    assert_eq!(late.status, StatusCode::CONFLICT, "{}", late.page);
    assert!(late.page.contains("E-POL-03"), "{}", late.page);
    let approved = checker.post(&step, &[("step", "approve")]).await;
    assert_eq!(approved.status, StatusCode::SEE_OTHER, "{}", approved.page);

    // Taken back before its day, with a reason; its day changes nothing.
    let silent = checker.post(&step, &[("step", "withdraw")]).await;
    assert!(silent.page.contains("E-POL-04"), "{}", silent.page);
    let reason = [("step", "withdraw"), ("reason", "数字有误")];
    let withdrawn = checker.post(&step, &reason).await;
    assert_eq!(
        withdrawn.status,
        StatusCode::SEE_OTHER,
        "{}",
        withdrawn.page
    );
    days_later(&town, 1).await;
    let maker = maker.again(&town, &office).await;
    says(&maker, &draft, "已撤回").await;
    let he = without_a_lease(&town, 912).await;
    let todays = becomes(&town, &submit(&town, &he).await, "done").await;
    assert_eq!(
        todays["decision"]["amount_fen"],
        months_claimed(&office) * 150_000
    );
}
