//! Drafts that change the limits of the contribution base and ratio are costed before anybody decides: who is outside the new limits, money
//! a month by district and income band, the employers. The figures are worked out by hand beside each test.

use std::time::{Duration, Instant};

use anju::cast;
use anju_business::policy_change::levy::{self, Levy};
use anju_casework::staff::role;
use axum::http::StatusCode;

use crate::town::{Town, known, month};
use crate::visitor::Visitor;

const PATIENCE: Duration = Duration::from_secs(40);

async fn drafted(officer: &Visitor, title: &str) -> String {
    let answer = officer.post("/desk/policy", &[("title", title)]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
    answer.location
}

/// Puts a number into a draft, from the first of this month on.
async fn number(officer: &Visitor, draft: &str, name: &str, yuan: &str, region: &str) {
    let from = month(0).first_day().to_string();
    let mut row = vec![
        ("parameter", name),
        ("value", yuan),
        ("from", from.as_str()),
        ("mark", "source"),
        ("source", "中心 2026 年第 12 号通知"),
    ];
    if !region.is_empty() {
        row.push(("test_region", region));
    }
    let answer = officer.post(&format!("{draft}/row"), &row).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
}

async fn simulated(officer: &Visitor, draft: &str) {
    let asked = officer
        .post(&format!("{draft}/step"), &[("step", "simulate")])
        .await;
    assert_eq!(asked.status, StatusCode::SEE_OTHER, "{}", asked.page);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let page = officer.get(draft).await.page;
        if page.contains("已模拟") {
            return;
        }
        assert!(Instant::now() < deadline, "never simulated: {page}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Goal: the cost of other limits is known to the fen before anybody decides. Method: four people of one employer with bases of 2,400.00,
/// 10,000.00, 31,000.00 and 31,393.00 (the limit), one of another with 10,000.00, all 12 % + 12 %, both sides rounded to the yuan. Limits now: 2,330.00
/// and 31,393.00.
///
/// | base | now a month | limits 2,500.00 and 30,000.00 | |
/// |---|---|---|---|
/// | 2,400.00 | 2 × 288 = 576 | 2 × 300 = 600 | + 24 |
/// | 10,000.00 | 2 × 1,200 = 2,400 | 2,400 | |
/// | 31,000.00 | 2 × 3,720 = 7,440 | 2 × 3,600 = 7,200 | − 240 |
/// | 31,393.00 | 2 × 3,767 = 7,534 | 7,200 | − 334 |
/// | 10,000.00 | 2,400 | 2,400 | |
///
/// Together 20,350.00 and 19,800.00: 550.00 less. With an upper limit of 33,000.00 instead nobody's contribution changes by what is known; who
/// stands at the old limit may come to 2 × 3,960 = 7,920, 386.00 more.
#[tokio::test]
async fn other_limits_of_the_base_are_costed_by_person_district_band_and_employer() {
    let town = Town::open().await;
    let office = town.office().await;
    let bases = [
        ("李梅", 240_000),
        ("王强", 1_000_000),
        ("赵敏", 3_100_000),
        ("刘洋", 3_139_300),
    ];
    let people = known(&town, 1_173, &bases).await;
    let others = known(&town, 1_174, &[("何川", 1_000_000)]).await;
    for (seed, staff) in [(1_173, &people), (1_174, &others)] {
        let employer = cast::open_employer(&town.doors, seed, month(1))
            .await
            .expect("an employer");
        cast::contribute(&town.doors, &employer, month(1), staff)
            .await
            .expect("a month");
    }
    let officer = Visitor::staff(&town, &office, role::POLICY_OFFICER, 1).await;
    let draft = drafted(&officer, "调整缴存基数上下限").await;
    number(
        &officer,
        &draft,
        "base_lower_fen",
        "2,500.00",
        "wage_tier_1",
    )
    .await;
    number(&officer, &draft, "base_upper_fen", "30,000.00", "").await;
    simulated(&officer, &draft).await;

    let id = town
        .sql("SELECT max(simulation_id) FROM policy_simulation")
        .await;
    let found = levy::found(&office, id)
        .await
        .expect("read")
        .expect("limits");
    let whole = Levy {
        people: 5,
        below_was: 0,
        below_now: 1,
        above_was: 0,
        above_now: 2,
        up: 1,
        up_fen: 2_400,
        down: 2,
        down_fen: -57_400,
        capped: 0,
        capped_fen: 0,
        was_fen: 2_035_000,
        now_fen: 1_980_000,
    };
    assert_eq!(found.whole, whole);
    assert_eq!(
        found.employers, 1,
        "the other employer's list stays as it is"
    );
    let largest = levy::employers(&office, id, None, 20).await.expect("read");
    assert_eq!(largest.len(), 1);
    assert_eq!(
        (largest[0].people, largest[0].was_fen, largest[0].now_fen),
        (3, 1_555_000, 1_500_000)
    );
    assert_eq!(found.by_district.len(), 1);
    assert_eq!(
        (
            found.by_district[0].0.as_str(),
            &found.by_district[0].1,
            found.by_district[0].2
        ),
        ("500103", &whole, 1)
    );
    let of_bands: Vec<(i64, i64)> = found
        .by_band
        .iter()
        .map(|(_, one)| (one.people, one.now_fen - one.was_fen))
        .collect();
    assert_eq!(of_bands.iter().map(|one| one.0).sum::<i64>(), 5);
    assert_eq!(
        of_bands.first(),
        Some(&(1, 2_400)),
        "the lowest band: {of_bands:?}"
    );
    assert_eq!(
        of_bands.last(),
        Some(&(2, -57_400)),
        "the highest: {of_bands:?}"
    );

    // The officer reads it beside the withdrawals, with the charts, and the notice says it.
    let page = officer.get(&format!("{draft}/simulation")).await.page;
    for words in [
        "每月缴存的变化",
        "现行 0 人，草案 1 人",
        "现行 0 人，草案 2 人",
        "levy-district",
        "levy-band",
        "变化最大，每月少缴 550.00 元",
        "1 家",
        "重庆走查科技有限公司1173",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let notice = officer.get(&format!("{draft}/notice")).await.page;
    for words in [
        "按现在缴存的 5 名职工测算",
        "1 名职工每月多缴，单位和个人合计 24.00 元",
        "2 名职工每月少缴，单位和个人合计 574.00 元",
        "涉及 1 家单位",
    ] {
        assert!(notice.contains(words), "{words}: {notice}");
    }

    // A higher upper limit: what is earned beyond the old one nobody has told us, and the most that it can be is said.
    let higher = drafted(&officer, "提高缴存基数上限").await;
    number(&officer, &higher, "base_upper_fen", "33,000.00", "").await;
    simulated(&officer, &higher).await;
    let id = town
        .sql("SELECT max(simulation_id) FROM policy_simulation")
        .await;
    let found = levy::found(&office, id)
        .await
        .expect("read")
        .expect("limits");
    assert_eq!(
        (found.whole.up, found.whole.down, found.employers),
        (0, 0, 0)
    );
    assert_eq!((found.whole.capped, found.whole.capped_fen), (1, 38_600));
    let page = officer.get(&format!("{higher}/simulation")).await.page;
    assert!(
        page.contains("现在按上限缴存") && page.contains("386.00"),
        "{page}"
    );
}

/// The State's range of the ratio is no centre's to draft; its own limits within that range are. At 11 % + 11 % of at most: 2 × 264 and 2 × 1,100 = 2,728.00
/// where there were 2,976.00.
#[tokio::test]
async fn a_centre_drafts_its_own_limits_of_the_ratio_within_those_of_the_state() {
    let town = Town::open().await;
    let office = town.office().await;
    let people = known(&town, 1_177, &[("李梅", 240_000), ("王强", 1_000_000)]).await;
    let employer = cast::open_employer(&town.doors, 1_177, month(1))
        .await
        .expect("an employer");
    cast::contribute(&town.doors, &employer, month(1), &people)
        .await
        .expect("a month");
    let officer = Visitor::staff(&town, &office, role::POLICY_OFFICER, 1).await;
    let draft = drafted(&officer, "下调缴存比例上限").await;
    let page = officer
        .get(&format!("{draft}?parameter=own_ratio_max_bp"))
        .await
        .page;
    assert!(
        page.contains("国家定的数") && page.contains("本中心缴存比例上限"),
        "{page}"
    );

    let from = month(0).first_day().to_string();
    let row = |name: &'static str, percent: &'static str| {
        [
            ("parameter", name),
            ("value", percent),
            ("from", from.as_str()),
            ("mark", "source"),
            ("source", "管委会 2026 年第 3 号决议"),
        ]
    };
    let put = format!("{draft}/row");
    for (name, percent, words) in [
        ("own_ratio_max_bp", "13", "不能高于国家规定的 12.00%"),
        ("own_ratio_min_bp", "4", "不能低于国家规定的 5.00%"),
        ("ratio_max_bp", "11", "本中心缴存比例上限"),
    ] {
        let answer = officer.post(&put, &row(name, percent)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}");
        assert!(answer.page.contains(words), "{words}: {}", answer.page);
    }
    // A whole file is held by the same guard: the draft keeps the mistake and is not put forward.
    let file = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../policy/chongqing/ratio.toml"
    ))
    .expect("the centre's limits")
    .replacen(
        "from = \"2002-03-24\", value = 1200",
        "from = \"2002-03-24\", value = 1300",
        1,
    );
    let path = format!("{}/ratio.toml", office.centre.code);
    let answer = officer
        .put_policy(&format!("{draft}/file"), &[("path", &path)], &file)
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
    let page = officer.get(&draft).await.page;
    assert!(page.contains("不能高于国家规定的 12.00%"), "{page}");

    let draft = drafted(&officer, "下调缴存比例上限").await;
    let answer = officer
        .post(&format!("{draft}/row"), &row("own_ratio_max_bp", "11"))
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.page);
    simulated(&officer, &draft).await;
    let page = officer.get(&format!("{draft}/simulation")).await.page;
    assert!(
        page.contains("每月缴存的变化") && page.contains("248.00"),
        "{page}"
    );
}

/// The ratio's range is the State's and no centre drafts it; a folder in which the State's numbers differ is compared. At 11 % + 11 % of at most:
/// 2 × 264, 2 × 1,100, 2 × 3,410, 2 × 3,453 and 2 × 1,100 = 18,654.00 where there were 20,350.00; and a draft that touches no limit has no such part.
#[tokio::test]
async fn other_limits_of_the_ratio_are_costed_from_the_command_line() {
    let town = Town::open().await;
    let bases = [
        ("李梅", 240_000),
        ("王强", 1_000_000),
        ("赵敏", 3_100_000),
        ("刘洋", 3_139_300),
        ("何川", 1_000_000),
    ];
    let people = known(&town, 1_175, &bases).await;
    let employer = cast::open_employer(&town.doors, 1_175, month(1))
        .await
        .expect("an employer");
    cast::contribute(&town.doors, &employer, month(1), &people)
        .await
        .expect("a month");
    let rates = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../policy/national/rates.toml"
    ))
    .expect("the State's numbers");
    let lower = rates.replacen("value = 1200 }]", "value = 1100 }]", 1);
    assert_ne!(lower, rates);
    let home = std::env::temp_dir().join(format!("anju-levy-{}", uuid::Uuid::now_v7().simple()));
    let folder = crate::town::policy_folder(&home, &[("national/rates.toml", &lower)]);
    let said = town
        .command(&["policy", "simulate"])
        .arg(&folder)
        .output()
        .expect("the binary");
    std::fs::remove_dir_all(&home).expect("removed");
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&said.stdout),
        String::from_utf8_lossy(&said.stderr)
    );
    assert!(
        said.contains(
            "缴存职工 5 人，每月应缴：现行 20,350.00 元，另一版本 18,654.00 元，相差 −1,696.00 元"
        ),
        "{said}"
    );
    assert!(
        said.contains("5 名职工每月少缴，单位和个人合计 1,696.00 元"),
        "{said}"
    );
    assert!(said.contains("涉及 1 家单位"), "{said}");
}

/// The employers are paged by what changes, the largest change first, each once.
#[tokio::test]
async fn the_employers_of_a_simulation_are_paged() {
    let town = Town::open().await;
    let office = town.office().await;
    let people = known(&town, 1_176, &[("李梅", 240_000)]).await;
    let employer = cast::open_employer(&town.doors, 1_176, month(1))
        .await
        .expect("an employer");
    cast::contribute(&town.doors, &employer, month(1), &people)
        .await
        .expect("a month");
    let officer = Visitor::staff(&town, &office, role::POLICY_OFFICER, 1).await;
    let draft = drafted(&officer, "调整缴存基数下限").await;
    number(
        &officer,
        &draft,
        "base_lower_fen",
        "2,500.00",
        "wage_tier_1",
    )
    .await;
    simulated(&officer, &draft).await;
    // Forty more like it; every second by as much as the one before.
    let mut owner = town.database.owner().await;
    sqlx::query(
        "INSERT INTO policy_simulation_employer (centre_id, simulation_id, employer_id, district, people, was_fen, now_fen)
         SELECT centre_id, simulation_id, employer_id + n, district, 1, 100000, 100000 + 10000 * (n / 2) * (CASE n % 3 WHEN 0 THEN -1 ELSE 1 END)
           FROM policy_simulation_employer, generate_series(2, 41) n",
    )
    .execute(&mut owner)
    .await
    .expect("employers");
    let id = town
        .sql("SELECT max(simulation_id) FROM policy_simulation")
        .await;
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = levy::employers(&office, id, after, 20).await.expect("read");
        after = page
            .last()
            .map(|last| (last.change_fen(), last.employer_id));
        if page.is_empty() {
            break;
        }
        seen.extend(page.iter().map(|one| (-one.change_fen(), one.employer_id)));
    }
    assert_eq!(seen.len(), 41);
    assert!(seen.is_sorted(), "{seen:?}");

    // At the page: three of them, by the links.
    let (mut path, mut pages, mut rows) = (format!("{draft}/simulation"), 0, 0);
    loop {
        let page = officer.get(&path).await.page;
        let table = page
            .split("id=\"le\"")
            .nth(1)
            .and_then(|rest| rest.split("</section>").next())
            .expect("employers");
        pages += 1;
        rows += table.matches("<tr").count() - 1;
        let next = table
            .split("href=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .find(|link| link.contains("employers="));
        match next {
            Some(next) => {
                next.split('#')
                    .next()
                    .expect("an address")
                    .replace("&#38;", "&")
                    .clone_into(&mut path);
            }
            None => break,
        }
        assert!(pages < 5);
    }
    assert_eq!((pages, rows), (3, 41));
}
