//! 宅家办: the services that can be done at home, and every service of an employer. Each is a definition that is offered on an online channel, and
//! the page on which its user does it answers him, with the words of that service on it.

use std::collections::BTreeSet;

use anju::cast;
use anju_policy::service::Verb;
use axum::http::StatusCode;
use serde_json::json;

use crate::subsidy::order_of;
use crate::town::{Town, account_no, month, tenant_of};
use crate::visitor::Visitor;
use crate::withdrawal::{becomes, submit};

/// 查询类 8 项.
const QUERIES: [&str; 8] = [
    "query-basic-info",
    "query-account-detail",
    "query-withdrawal-progress",
    "query-transfer-in",
    "query-loan-basic",
    "query-loan-progress",
    "query-repayment",
    "query-housing-subsidy",
];

/// 缴存类，单位业务 11 项.
const OF_EMPLOYERS: [&str; 11] = [
    "employee-account-open",
    "employee-account-seal",
    "employee-account-unseal",
    "base-adjust",
    "ratio-adjust",
    "employee-account-transfer",
    "cobrand-card-link",
    "remittance-register",
    "supplement-register",
    "employer-info-maintain",
    "query-employer-info",
];

/// 缴存类，个人业务 4 项.
const OF_PEOPLE: [&str; 4] = [
    "certificate-contribution-elsewhere",
    "personal-info-maintain",
    "personal-card-change",
    "mobile-change",
];

/// 提取类 9 项.
const WITHDRAWALS: [&str; 9] = [
    "withdraw-purchase-full",
    "withdraw-down-payment",
    "withdraw-repay",
    "withdraw-rent",
    "withdraw-hardship",
    "withdraw-leave-job",
    "withdraw-retire",
    "withdraw-sign-commercial",
    "withdraw-sign-fund-loan",
];

/// 贷款类 7 项.
const LOANS: [&str; 7] = [
    "loan-eligibility-check",
    "loan-prepay",
    "loan-account-change",
    "loan-general-info-change",
    "loan-info-change",
    "loan-method-change",
    "loan-term-change",
];

/// What is not built: the centre keeps no loans yet. Whoever builds one takes it from this list; what is here must not be there.
const NOT_YET: [&str; 10] = [
    "query-loan-basic",
    "query-loan-progress",
    "query-repayment",
    "loan-eligibility-check",
    "loan-prepay",
    "loan-account-change",
    "loan-general-info-change",
    "loan-info-change",
    "loan-method-change",
    "loan-term-change",
];

/// The eleven online channels.
const ONLINE: [&str; 11] = [
    "WEB", "HALL", "WX", "TEL", "SMS", "APP", "WB", "KIOSK", "TV", "YKB", "ALI",
];

/// Whose page it is, where, and what it says of the service.
fn way_in(service: &str) -> (&'static str, String, &'static str) {
    let (who, path, words) = match service {
        "query-basic-info" => ("person", "/my/account", "基数和比例"),
        "query-account-detail" => ("person", "/my/account", "汇缴"),
        "query-withdrawal-progress" => ("person", "/my/cases", "租房提取"),
        "query-transfer-in" => ("person", "/my/cases", "异地转移接续"),
        "query-housing-subsidy" => ("person", "/my/account", "住房补贴账户余额"),
        "query-employer-info" => ("clerk", "/unit/employer", "缴存比例"),
        "certificate-contribution-elsewhere" => ("person", "/my/papers", "出一份缴存证明"),
        "personal-info-maintain" => ("person", "/my/me/change/personal-info-maintain", "个人信息"),
        "personal-card-change" => ("person", "/my/me/change/personal-card-change", "银行卡"),
        "mobile-change" => ("person", "/my/me/change/mobile-change", "手机号"),
        "employee-account-open" => ("clerk", "/unit/people/new", "证件号"),
        "employee-account-seal" => ("clerk", "/unit/people/{active}", "employee-account-seal"),
        "employee-account-unseal" => ("clerk", "/unit/people/{sealed}", "employee-account-unseal"),
        "employee-account-transfer" => ("clerk", "/unit/transfer", "原单位"),
        "base-adjust" => ("clerk", "/unit/base", "缴存基数"),
        "ratio-adjust" => ("clerk", "/unit/ratio", "单位比例"),
        "cobrand-card-link" => ("clerk", "/unit/cards", "银行卡"),
        "remittance-register" => ("clerk", "/unit/roster", "名册"),
        "supplement-register" => ("clerk", "/unit/people/{active}", "补缴"),
        "subsidy-register" => ("clerk", "/unit/subsidy", "住房补贴"),
        "employer-info-maintain" => ("clerk", "/unit/employer", "发薪日"),
        "employer-clerk-authorise" => ("clerk", "/unit/employer", "经办人"),
        "employer-certificate" => ("clerk", "/unit/papers", "证明"),
        "employer-debit-sign" => ("clerk", "/unit/debit", "委托收款"),
        "employer-open-account" => ("holder", "/unit/open", "发薪日"),
        id if id.starts_with("employer-") => return ("clerk", format!("/unit/do/{id}"), ""),
        id if id.starts_with("withdraw-") => return ("person", format!("/my/do/{id}"), ""),
        other => panic!("nobody says where {other} is done"),
    };
    (who, path.to_owned(), words)
}

#[tokio::test]
async fn each_home_service_and_each_service_of_an_employer_is_online_at_a_page_of_its_user() {
    let town = Town::open().await;
    let office = town.office().await;
    let policy = office.policy();
    let (li, employer_no) = tenant_of(&town, 1_921).await;
    becomes(&town, &submit(&town, &li).await, "done").await;

    // She has a housing subsidy and asks for her money from another city, so that there is something to query.
    let rows = json!([{ "account_no": account_no(&town, &li).await, "amount_fen": 30_000 }]);
    let form = json!({ "roster": rows, "month": month(1).to_string(), "sort": "MONTHLY" });
    let list = json!({ "service": "subsidy-register", "applicant": employer_no, "form": form, "channel": "HALL" });
    let order = order_of(
        &town,
        town.doors.post("/cases", &list).await.expect("a door"),
    )
    .await;
    cast::pay(&town.doors, &order, 30_000).await.expect("paid");
    let list = cast::text(&order, "remittance").expect("a number");
    cast::state_of(&town.doors, &list, |state| state == "allocated")
        .await
        .expect("allocated");
    let applicant = cast::look_up(&town.doors, &li).await.expect("known");
    let transfer = json!({ "service": "transfer-in-apply", "applicant": applicant, "channel": "APP", "form": { "from_centre": "510100" } });
    town.doors
        .post("/cases", &transfer)
        .await
        .expect("a door")
        .ok()
        .expect("a letter");

    // Somebody of the same employer is sealed.
    let wang = cast::person("王强", 1_921, 2, 800_000).expect("numbers");
    cast::register(&town.doors, &wang).await.expect("known");
    let clerk = Visitor::clerk(&town, &office, &employer_no, 1_921).await;
    let key = uuid::Uuid::now_v7().to_string();
    let added = [
        ("key", key.as_str()),
        ("name", "王强"),
        ("id_no", wang.id.as_str()),
        ("base", "8000"),
    ];
    let added = clerk.post("/unit/people/new", &added).await;
    assert_eq!(added.status, StatusCode::SEE_OTHER, "{}", added.page);
    let sealed = account_no(&town, &wang).await;
    let key = uuid::Uuid::now_v7().to_string();
    let seal = [
        ("do", "employee-account-seal"),
        ("key", key.as_str()),
        ("reason", "离职"),
    ];
    let done = clerk.post(&format!("/unit/people/{sealed}"), &seal).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.page);
    let active = account_no(&town, &li).await;

    // Somebody has a licence and no account yet.
    let firm = cast::firm("重庆新办有限公司", 1_922).expect("a firm");
    let registered = json!({ "name": firm.name, "state": "open", "founded": "2026-01-10", "region": "500103", "legal_person": { "name": "陈立" } });
    cast::fact(
        &town.doors,
        "D06",
        "market.registration",
        &firm.uscc,
        registered,
    )
    .await
    .expect("the registry");
    let licence = json!({ "holders": [{ "name": "陈立", "id_no": "", "phone": "13900001922", "role": "LEGAL_REP" }] });
    town.doors
        .control_put(&format!("/licences/{}", firm.uscc), &licence)
        .await
        .expect("the regulator")
        .ok()
        .expect("a licence");
    let holder = Visitor::holder(&town, &firm.uscc, "0").await;

    let person = Visitor::person(&town, &office, &li)
        .await
        .inside("YuKuaiBan");
    let at_browser = Visitor::person(&town, &office, &li).await;

    let home: BTreeSet<&str> = [
        &QUERIES[..],
        &OF_EMPLOYERS,
        &OF_PEOPLE,
        &WITHDRAWALS,
        &LOANS,
    ]
    .concat()
    .into_iter()
    .collect();
    assert_eq!(home.len(), 39, "a service stands twice");
    let of_group: BTreeSet<&str> = policy
        .set
        .services()
        .filter(|service| service.group == "employer" && service.verb == Verb::Do)
        .map(|service| service.id.as_str())
        .collect();
    assert!(of_group.len() >= 19, "{of_group:?}");
    let mut wrong = Vec::new();
    for id in home.union(&of_group) {
        let Some(service) = policy.set.service(id) else {
            if !NOT_YET.contains(id) {
                wrong.push(format!("{id} has no definition"));
            }
            continue;
        };
        if NOT_YET.contains(id) {
            wrong.push(format!("{id} is there: take it from what is not yet"));
        }
        let online = |channel: &&String| ONLINE.contains(&channel.as_str());
        let Some(channel) = service.channels.iter().find(online) else {
            wrong.push(format!("{id} is on no online channel"));
            continue;
        };
        if service.login_on(channel).is_none() {
            wrong.push(format!("nobody can log in for {id} on {channel}"));
        }
        let (who, path, words) = way_in(id);
        let path = path
            .replace("{active}", &active)
            .replace("{sealed}", &sealed);
        let visitor = match who {
            "person" => &person,
            "clerk" => &clerk,
            _ => &holder,
        };
        let answer = visitor.get(&path).await;
        let words = if words.is_empty() {
            service.name_zh.as_str()
        } else {
            words
        };
        if answer.status != StatusCode::OK || !answer.page.contains(words) {
            wrong.push(format!(
                "{id} as {who} at {path}: {} {}, without {words}: {}",
                answer.status,
                answer.location,
                answer.page.len()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    // At a browser, what wants the face on the device itself is shown where it is done.
    let page = at_browser.get("/my/withdraw").await.page;
    assert!(page.contains("在别处办的"), "{page}");
}
