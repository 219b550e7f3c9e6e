//! A service that is a file alone: its own conditions and formula, from the catalogue to the bank, with no program changed.

use anju::cast::{self, balance, contribute, look_up, person, text};
use serde_json::json;

use crate::town::{Town, month};

/// 困难帮扶提取: a tenth of the balance, at most 500 yuan, for who has contributed two months.
const AID: &str = r#"
[service]
id = "withdraw-aid"
name_zh = "帮扶提取"
short_zh = "帮扶提取"
summary = "按账户余额的十分之一提取，用于帮扶"
verb = "do"
group = "withdraw"
audience = ["employee"]
login = { default = "L3f" }
channels = ["APP", "CTR"]
outcome = "instant"
gov_code = "11500000MB1670604B4500117001099"
law = ["住房公积金管理条例 第二十四条"]
include = ["common/person", "common/payout"]
effect = "pay_out"
withdraw_kind = "AID"

[service.promise]
legal = "3 日内"
promised = "当场"
working_days = 3

[[service.inputs]]
name = "card_no"
type = "card"
label = "收款银行卡号"
required = true

[[needs]]
type = "own.contribution"
role = "account"

[[parameter]]
name = "aid_max_fen"
label = "帮扶提取限额"
type = "fen"
mark = "assumed"
source = "测试"
values = [{ from = "2020-01", value = 50000 }]

[amount]
formula = "min(account.available / 10, aid_max_fen)"

[[amount.part]]
label = "余额的十分之一"
formula = "account.available / 10"

[[condition]]
code = "AID-01"
message = "E-AID-01"
name = "连续缴存满 2 个月"
when = "contribution.continuous_months >= 2"
met = "连续 {contribution.continuous_months} 个月"
refusal = "您连续缴存未满 2 个月。"
remedy = "缴存满 2 个月后再申请"
law = "测试办法 第一条"
from = 2020-01-01
"#;

#[tokio::test]
async fn a_service_written_as_policy_alone_pays_out() {
    let town = Town::with_policy(&[("chongqing/withdraw-aid.toml", AID)]).await;
    let catalogue = town.doors.get("/services").await.unwrap().ok().unwrap();
    assert!(
        catalogue
            .as_array()
            .unwrap()
            .iter()
            .any(|service| service["id"] == "withdraw-aid")
    );

    let li = person("李梅", 41, 1, 1_000_000).unwrap();
    cast::register(&town.doors, &li).await.unwrap();
    let employer = cast::open_employer(&town.doors, 41, month(2))
        .await
        .unwrap();
    contribute(&town.doors, &employer, month(2), std::slice::from_ref(&li))
        .await
        .unwrap();
    let applicant = look_up(&town.doors, &li).await.unwrap();
    let body = json!({ "service": "withdraw-aid", "applicant": applicant, "form": { "card_no": li.card }, "channel": "APP" });

    let refused = town
        .doors
        .post("/cases?wait=10s", &body)
        .await
        .unwrap()
        .ok()
        .unwrap();
    assert_eq!(
        refused["state"], "refused",
        "one month is too little: {refused}"
    );
    contribute(&town.doors, &employer, month(1), std::slice::from_ref(&li))
        .await
        .unwrap();
    let paid = town
        .doors
        .post("/cases?wait=10s", &body)
        .await
        .unwrap()
        .ok()
        .unwrap();
    assert_eq!(paid["state"], "done", "{paid}");
    let case = town
        .doors
        .get(&format!("/cases/{}", text(&paid, "case_id").unwrap()))
        .await
        .unwrap()
        .ok()
        .unwrap();
    assert_eq!(case["amount_fen"], 48_000, "a tenth of 4,800.00");
    assert_eq!(balance(&town.doors, &li).await.unwrap(), 432_000);

    let document = town.doors.plain("/open/openapi.json").await.unwrap().1;
    assert!(
        document.contains("Form-withdraw-aid"),
        "the API operation is drawn from the definition"
    );
}
