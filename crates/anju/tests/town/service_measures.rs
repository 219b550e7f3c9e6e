//! 服务效能: how services are used, measured from what people, clerks, tellers and reviewers really did; figures that open their cases; and what of
//! it the public is told.

use anju::cast::{Person, text};
use anju_business::measures;
use anju_casework::employer;
use anju_casework::staff::role;
use anju_vault::NumberKind;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::hardship::ask;
use crate::relief::approve;
use crate::town::{Town, account_no, tenant_of};
use crate::visitor::Visitor;
use crate::withdrawal::{becomes, submit};

/// The smallest picture that is one.
const PICTURE: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89";

/// The row of a table of the page that begins with these words, as html.
fn row<'p>(page: &'p str, table: &str, head: &str) -> &'p str {
    page.split(&format!("id=\"{table}-caption\""))
        .nth(1)
        .and_then(|rest| rest.split("</table>").next())
        .unwrap_or_else(|| panic!("no table {table} on {page}"))
        .split("<tr")
        .find(|row| words(row).first().is_some_and(|first| first == head))
        .unwrap_or_else(|| panic!("no row {head} in {table}: {page}"))
}

/// The cells of a row in words.
fn words(row: &str) -> Vec<String> {
    let cells = row.split("<t").skip(1).filter_map(|cell| {
        let cell = cell.split_once('>')?.1;
        Some(cell.split("</t").next().unwrap_or_default())
    });
    cells
        .map(|cell| {
            let mut inside = false;
            cell.chars()
                .filter(|c| {
                    let shown = !inside && *c != '<' && *c != '>';
                    inside = (inside || *c == '<') && *c != '>';
                    shown
                })
                .collect::<String>()
                .trim()
                .to_owned()
        })
        .collect()
}

fn link(row: &str, which: &str) -> String {
    row.split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .find(|href| href.contains(&format!("which={which}&")))
        .unwrap_or_else(|| panic!("no list of {which} in {row}"))
        .replace("&amp;", "&")
        .replace("&#38;", "&")
}

struct Used {
    town: Town,
    office: anju_casework::Office,
    branch: i16,
    /// Rent, on the phone.
    rent: Value,
    /// The minimum living allowance, by a paper that was brought to the counter, decided ten days too late.
    hardship: Value,
    wang: Person,
}

/// Three employers open and contribute online, one of them seals somebody at the counter; one person has his rent at once, one brings a paper.
async fn used() -> Used {
    let town = Town::open().await;
    let (li, employer_no) = tenant_of(&town, 1_901).await;
    let (wang, other_no) = tenant_of(&town, 1_902).await;
    let (zhang, third_no) = tenant_of(&town, 1_903).await;
    let office = town.office().await;
    let kept_by = async |number: &str| {
        let id = office.numbers.decode(NumberKind::Employer, number);
        let one = employer::require(&office, id.expect("a number")).await;
        one.expect("an employer").branch_id
    };
    let branch = kept_by(&employer_no).await;
    assert_eq!(kept_by(&other_no).await, branch, "one branch keeps them");
    let rent = becomes(&town, &submit(&town, &li).await, "done").await;

    let teller = Visitor::staff(&town, &office, role::TELLER, branch).await;
    let third = office.numbers.decode(NumberKind::Employer, &third_no);
    let clerks = employer::clerks(&office, third.expect("a number")).await;
    let clerk = clerks.expect("read").remove(0).clerk_id.to_string();
    let served = [
        ("employer", third_no.as_str()),
        ("who", clerk.as_str()),
        ("seen", "yes"),
    ];
    let begun = teller.post("/desk/employers/serve", &served).await;
    assert_eq!(begun.location, "/unit", "{}", begun.page);
    let path = format!("/unit/people/{}", account_no(&town, &zhang).await);
    let key = uuid::Uuid::now_v7().to_string();
    let seal = [
        ("do", "employee-account-seal"),
        ("key", key.as_str()),
        ("reason", "离职"),
    ];
    let sealed = teller.post(&path, &seal).await;
    assert_eq!(sealed.status, StatusCode::SEE_OTHER, "{}", sealed.page);

    let form = json!({ "kind": "min-living", "relation": "self", "amount_fen": 300_000 });
    let case = ask(&town, &wang, form).await;
    assert_eq!(case["state"], "gathering", "{case}");
    let no = text(&case, "case_id").expect("a number");
    // Two papers on one day are one trip.
    for _ in 0..2 {
        let brought = teller
            .hand_in(&format!("/desk/cases/{no}/papers"), "LOW-01", PICTURE)
            .await;
        assert_eq!(brought.status, StatusCode::SEE_OTHER, "{}", brought.page);
    }
    let papers = teller.get("/desk/papers").await.page;
    let paper = papers
        .split("/desk/papers/")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a paper");
    let read = [("verdict", "read"), ("0.covered", "1"), ("0.kind", "urban")];
    let taken = teller.post(&format!("/desk/papers/{paper}"), &read).await;
    assert_eq!(taken.status, StatusCode::SEE_OTHER, "{}", taken.page);
    let reviewing = becomes(&town, &case, "reviewing").await;
    town.later(10 * 24 * 60);
    let reviewer = Visitor::another(&town, &office, role::REVIEWER, branch, "late").await;
    approve(&town, &reviewer, &reviewing).await;
    let hardship = becomes(&town, &case, "done").await;
    measures::follow(&office).await.expect("measured");
    Used {
        town,
        office,
        branch,
        rent,
        hardship,
        wang,
    }
}

#[tokio::test]
async fn each_service_says_how_it_is_used_and_each_figure_opens_its_cases() {
    const ALL: &str = "/desk/services?period=twelve&group=withdraw";
    let used = used().await;
    let (town, office) = (&used.town, &used.office);
    let head = office.centre.head_branch;
    let manager = Visitor::staff(town, office, role::SERVICE_MANAGER, head).await;
    let page = manager.get(ALL).await;
    assert_eq!(page.status, StatusCode::OK);
    let page = page.page;

    // Rent: online, by the rules alone, without paper, in time; one trip spared.
    let rent = row(&page, "now", "租房提取");
    let cells = words(rent);
    let rates = ["租房提取", "1 件", "100%", "100%", "0%", "100%"];
    assert_eq!(cells[..6], rates, "{cells:?}");
    assert!(cells[6].contains('秒'), "the bank's time: {cells:?}");
    assert_eq!(cells[8], "1 次");
    // 低保: begun online, a person decided, by paper, too late. Two trips on paper, one made.
    let hardship = words(row(&page, "now", "家庭困难提取"));
    let rates = ["家庭困难提取", "1 件", "100%", "0%", "100%", "0%"];
    assert_eq!(hardship[..6], rates, "{hardship:?}");
    assert_eq!(hardship[8], "1 次");
    let whole = words(row(&page, "now", "合计"));
    assert_eq!(
        whole[..6],
        ["合计", "2 件", "100%", "50%", "50%", "50%"],
        "{whole:?}"
    );
    assert_eq!(whole[8], "2 次");
    // What nobody used is named, and of the year before there is nothing, not even a rate.
    assert!(page.contains("这段时间没有办件的") && page.contains("退休提取"));
    let none = words(row(&page, "before", "合计"));
    assert_eq!(none[1..6], ["0 件", "—", "—", "—", "—"], "{none:?}");
    assert!(page.contains("12 个月里 100% 的办件在网上办"), "{page}");
    assert!(page.contains("12 个月里少跑了 2 次"), "{page}");

    // Each figure opens its cases; people are masked, and who may read a case finds it.
    let no = |case: &Value| text(case, "case_id").expect("a number");
    let papers = manager.get(&link(row(&page, "now", "合计"), "paper")).await;
    assert_eq!(papers.status, StatusCode::OK);
    assert!(papers.page.contains(&no(&used.hardship)) && papers.page.contains("李*"));
    assert!(!papers.page.contains(&no(&used.rent)) && !papers.page.contains(&used.wang.name));
    let at_once = manager.get(&link(row(&page, "now", "合计"), "rules")).await;
    assert!(at_once.page.contains(&no(&used.rent)) && !at_once.page.contains(&no(&used.hardship)));
    // Beside them those that are not: who came too late is one step away.
    let late = manager.get(&link(&at_once.page, "late")).await.page;
    assert!(late.contains(&no(&used.hardship)) && !late.contains(&no(&used.rent)));
    let reviewer = Visitor::staff(town, office, role::REVIEWER, used.branch).await;
    let own = reviewer.get(ALL).await.page;
    assert_eq!(words(row(&own, "now", "合计"))[1], "2 件");
    assert!(!own.contains("id=\"branch\""), "he chooses no branch");
    let listed = reviewer.get(&link(row(&own, "now", "合计"), "begun")).await;
    let to_case = format!("href=\"/desk/cases/{}\"", no(&used.rent));
    assert!(listed.page.contains(&to_case), "{}", listed.page);

    // Another branch sees its own, whatever it asks for.
    let elsewhere = if used.branch == 2 { 3 } else { 2 };
    let stranger = Visitor::another(town, office, role::REVIEWER, elsewhere, "there").await;
    let asked = format!("{ALL}&branch={}", used.branch);
    let theirs = stranger.get(&asked).await.page;
    assert_eq!(words(row(&theirs, "now", "合计"))[1], "0 件");
    let list = link(row(&own, "now", "合计"), "begun");
    assert!(!stranger.get(&list).await.page.contains(&no(&used.rent)));
    let one = manager.get(&asked).await.page;
    assert_eq!(words(row(&one, "now", "合计"))[1], "2 件");

    // Files.
    let csv = manager
        .get("/desk/services.csv?period=twelve&group=withdraw")
        .await
        .page;
    assert!(
        csv.contains("提取,租房提取,withdraw-rent,1,1,100.00,1,1,100.00,0,0.00,1,100.00,1,"),
        "{csv}"
    );
    let xlsx = manager
        .bytes("/desk/services.xlsx?period=twelve&group=withdraw")
        .await;
    assert!(xlsx.starts_with(b"PK"));

    // Days that make no period are told of, and nothing is guessed of a list.
    let turned = manager
        .get("/desk/services?period=range&from=2026-12-01&to=2026-11-01")
        .await;
    assert!(turned.page.contains("截止日期早于起始日期"));
    let nothing = manager
        .get("/desk/services/list?which=begun&from=x&to=y")
        .await;
    assert_eq!(nothing.status, StatusCode::NOT_FOUND);

    // Measured again, nothing has changed; and it would be the same from the beginning.
    let again = measures::follow(office).await.expect("measured");
    assert_eq!(again, 0, "nothing happened meanwhile");
}

#[tokio::test]
async fn the_public_reads_how_much_is_done_online_but_nothing_of_a_few_people() {
    let used = used().await;
    let reader = Visitor::nobody(&used.town).await;
    let speed = reader.get("/speed").await;
    assert_eq!(speed.status, StatusCode::OK);
    // Three employers opened and paid three months each, and one account was sealed at the counter.
    let employers = words(row(&speed.page, "groups", "单位业务"));
    assert_eq!(employers[1..3], ["13", "92.31%"], "{employers:?}");
    let people = words(row(&speed.page, "groups", "提取"));
    assert_eq!(people[1], "少于 10 件，不公布", "{people:?}");

    // Every case that somebody began is measured, and what has ended otherwise than by being taken back is decided.
    let kept = "SELECT count(*) FROM case_measured";
    assert_eq!(used.town.sql(kept).await, 15);
    let undecided =
        "SELECT count(*) FROM case_measured m JOIN business_case c USING (centre_id, case_id)
                      WHERE (c.state IN (5, 6, 7)) IS DISTINCT FROM m.decided";
    assert_eq!(used.town.sql(undecided).await, 0);
    // A list is registered at once, whenever its employer pays.
    let late =
        "SELECT count(*) FROM case_measured WHERE NOT in_time AND service <> 'withdraw-hardship'";
    assert_eq!(used.town.sql(late).await, 0);
}
