//! What people do: rent, homes bought and paid for, loans repaid by claim and by agreement, hardship; accounts closed for good; money that
//! comes from another city or goes there; orders of courts.

use anju_domain::calendar::{Month, add_months};
use chrono::NaiveDate;
use serde_json::{Value, json};

use super::flexible::of_person;
use super::{Life, Member, Standing};
use crate::cast::{self, Farewell, Person, home};

const COURT: &str = "重庆市渝中区人民法院";
/// The court's own account.
const ACCOUNT_OF_COURT: &str = "622848000100200301";
/// The other city's centre at the national platform.
const CHENGDU: &str = "510100";

impl Life<'_> {
    /// A month's wishes of an employer's people.
    pub(super) async fn people(&mut self, place: usize) -> anyhow::Result<()> {
        if self.chance.once_in(6) {
            self.rent(place).await?;
        }
        if self.chance.once_in(8) {
            let plain = |member: &Member| member.is_active() && !member.has_story;
            if let Some(who) = self.one(place, plain) {
                self.story(place, who).await?;
            }
        }
        if self.houses[place].deferral.is_none() && self.chance.once_in(12) {
            self.farewell(place).await?;
        }
        if self.chance.once_in(60) {
            self.dies(place).await?;
        }
        if self.chance.once_in(30) {
            self.goes_to_another_city(place).await?;
        }
        if self.chance.once_in(30)
            && let Some(who) = self.one(place, Member::is_active)
        {
            self.order(place, who).await?;
        }
        Ok(())
    }

    /// The tenant asks for the rent: decided by the rules, refused where they say no. Now and then his bank gives it back later.
    async fn rent(&mut self, place: usize) -> anyhow::Result<()> {
        let body = cast::rent_request(self.doors, &self.houses[place].people[0].person).await?;
        let comes_back = self.chance.once_in(40);
        if comes_back {
            self.banks("return_later").await?;
        }
        let done = self.ask("租房提取", &body).await;
        if comes_back {
            self.banks("ok").await?;
        }
        if done?.is_some() && comes_back {
            self.told.add("退票");
        }
        Ok(())
    }

    async fn banks(&self, mode: &str) -> anyhow::Result<()> {
        for bank in 1..=8 {
            let body = json!({ "mode": mode });
            self.doors
                .control_put(&format!("/banks/B{bank}"), &body)
                .await?
                .ok()?;
        }
        Ok(())
    }

    /// Something happens once in somebody's life that he may withdraw for, or that brings money here.
    async fn story(&mut self, place: usize, who: usize) -> anyhow::Result<()> {
        let person = self.houses[place].people[who].person.clone();
        let today = self.today();
        let lately = add_months(today, -1).to_string();
        self.houses[place].people[who].has_story = true;
        match self.chance.below(6) {
            0 => {
                home::signs(self.doors, &person, &lately, 50_000_000, 50_000_000).await?;
                let form = json!({ "contract_no": home::contract_of(&person) });
                let body =
                    home::request(self.doors, &person, "withdraw-purchase-full", &form).await?;
                self.ask("购房提取", &body).await?;
            }
            1 => {
                home::signs(self.doors, &person, &lately, 60_000_000, 20_000_000).await?;
                home::borrows(self.doors, &person, "B4", 40_000_000).await?;
                let form = json!({ "contract_no": home::contract_of(&person), "loan_bank": "B4" });
                let body =
                    home::request(self.doors, &person, "withdraw-down-payment", &form).await?;
                self.ask("首付提取", &body).await?;
            }
            2 => {
                self.repaid(&person, Month::of(today)).await?;
                let body = cast::loan_request(self.doors, &person, "B4", None).await?;
                self.ask("还贷提取", &body).await?;
            }
            3 => {
                self.repaid(&person, Month::of(today)).await?;
                let body = cast::loan_request(self.doors, &person, "B4", Some("sign")).await?;
                if self.ask("约定提取签约", &body).await?.is_some() {
                    self.houses[place].people[who].repays_since = Some(Month::of(today));
                }
            }
            4 => {
                let poor = json!({ "covered": true, "kind": "urban" });
                cast::fact(self.doors, "D02", "civil.min_living", &person.id, poor).await?;
                let form = json!({
                    "card_no": person.card, "sensitive_consent": true, "kind": "min-living", "relation": "self", "amount_fen": 50_000,
                });
                let id = cast::look_up(self.doors, &person).await?;
                let body = of_person(&id, "withdraw-hardship", form);
                self.ask("困难提取", &body).await?;
            }
            _ => self.comes_from_another_city(&person, today).await?,
        }
        Ok(())
    }

    /// What somebody has repaid of his loan in the twelve months before.
    async fn repaid(&self, person: &Person, before: Month) -> anyhow::Result<()> {
        let months: Vec<Month> = (1..=12).rev().map(|back| before.plus(-back)).collect();
        cast::repays(self.doors, person, "B4", &months, 60_000).await
    }

    /// This month's instalment of everybody who repays by an agreement is at his bank by now.
    pub(super) async fn loans_are_repaid(&mut self, month: Month) -> anyhow::Result<()> {
        for house in &self.houses {
            for member in &house.people {
                if member.is_active() && member.repays_since.is_some() {
                    self.repaid(&member.person, month.plus(1)).await?;
                }
            }
        }
        Ok(())
    }

    async fn comes_from_another_city(
        &mut self,
        person: &Person,
        today: NaiveDate,
    ) -> anyhow::Result<()> {
        let this_month = Month::of(today);
        let months: Vec<String> = (2..=25)
            .rev()
            .map(|back| this_month.plus(-back).to_string())
            .collect();
        let account = json!({
            "name": person.name, "sealed": true, "balance_fen": 1_230_000, "interest_fen": 4_567,
            "opened_on": add_months(today, -60).to_string(), "months": months,
        });
        let body = json!({ "id_no": person.id, "account": account });
        let path = format!("/platform/centres/{CHENGDU}/accounts");
        self.doors.control_post(&path, &body).await?.ok()?;
        let id = cast::look_up(self.doors, person).await?;
        let body = of_person(&id, "transfer-in-apply", json!({ "from_centre": CHENGDU }));
        self.ask("异地转入", &body).await?;
        Ok(())
    }

    /// Who has left applies for his money at the centre of the other city.
    async fn goes_to_another_city(&mut self, place: usize) -> anyhow::Result<()> {
        let left = |member: &Member| matches!(member.standing, Standing::Left(_));
        let Some(who) = self.one(place, left) else {
            return Ok(());
        };
        let person = self.houses[place].people[who].person.clone();
        let path = format!("/platform/centres/{CHENGDU}/letters");
        let body = json!({ "id_no": person.id, "name": person.name, "from": "500000" });
        let letter = self.doors.control_post(&path, &body).await?.ok()?;
        let path = format!("/platform/letters/{}", cast::text(&letter, "letter_no")?);
        let deadline = std::time::Instant::now() + cast::PATIENCE;
        loop {
            let letter = self.doors.control(&path).await?.body;
            let state = letter["state"].as_str().unwrap_or_default();
            match state {
                "COMPLETED" | "CLOSED" => {
                    self.houses[place].people[who].standing = Standing::Gone;
                    self.told.add("异地转出");
                    return Ok(());
                }
                "RETURNED" => {
                    self.told.refuse("异地转出", state);
                    return Ok(());
                }
                _ => anyhow::ensure!(
                    std::time::Instant::now() < deadline,
                    "转出的联系函没有办完：{letter}"
                ),
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Somebody closes his account for good.
    async fn farewell(&mut self, place: usize) -> anyhow::Result<()> {
        let today = self.today();
        let (event, service, why) = match self.chance.below(5) {
            0 => ("退休提取", "withdraw-retire", Farewell::Retired),
            1 => ("出境定居提取", "withdraw-emigrate", Farewell::SettledAbroad),
            2 => ("迁出提取", "withdraw-move-out", Farewell::MovedAway),
            3 => (
                "丧失劳动能力提取",
                "withdraw-disability",
                Farewell::Disabled,
            ),
            _ => ("离职提取", "withdraw-leave-job", Farewell::LeftJob),
        };
        // Who leaves for good has been sealed before; who left a job, for more than half a year.
        let wanted = move |member: &Member| match (why, member.standing) {
            (Farewell::Retired, standing) => {
                standing == Standing::Active && member.repays_since.is_none()
            }
            (Farewell::LeftJob, Standing::Left(on)) => add_months(on, 7) < today,
            (_, standing) => matches!(standing, Standing::Left(_)),
        };
        let Some(who) = self.one(place, wanted) else {
            return Ok(());
        };
        let member = &self.houses[place].people[who];
        let person = member.person.clone();
        let since = match member.standing {
            Standing::Left(on) => on,
            _ => today.pred_opt().unwrap_or(today),
        };
        if self.balance(place, who).await? == 0 {
            return Ok(());
        }
        cast::says_farewell(self.doors, &person, why, since).await?;
        let id = cast::look_up(self.doors, &person).await?;
        let body = of_person(&id, service, json!({ "card_no": person.card }));
        if self.ask(event, &body).await?.is_some() {
            self.houses[place].people[who].standing = Standing::Gone;
        }
        Ok(())
    }

    /// A court freezes a part of somebody's account; some of these orders are deducted, some released, the others end with their last day.
    async fn order(&mut self, place: usize, who: usize) -> anyhow::Result<()> {
        let person = self.houses[place].people[who].person.clone();
        self.orders += 1;
        let number = format!("KZ{}-{}", self.seed, self.orders);
        let until = add_months(self.today(), 6).format("%Y%m%d").to_string();
        let freeze = json!({ "xzje": "3000.00", "jsrq": until });
        if !self
            .instruct(&format!("{number}-1"), "01", &person, freeze)
            .await?
        {
            return Ok(());
        }
        self.told.add("司法冻结");
        match self.chance.below(3) {
            0 => {
                let deduct = json!({
                    "ydh": format!("{number}-1"), "xzje": "100.00", "skzh": ACCOUNT_OF_COURT, "skhm": COURT, "kczm": "1",
                });
                if self
                    .instruct(&format!("{number}-2"), "04", &person, deduct)
                    .await?
                {
                    self.told.add("司法扣划");
                }
            }
            1 => {
                let release = json!({ "ydh": format!("{number}-1") });
                if self
                    .instruct(&format!("{number}-3"), "03", &person, release)
                    .await?
                {
                    self.told.add("解除冻结");
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// An instruction of the court over its line. False where it was not followed.
    async fn instruct(
        &mut self,
        number: &str,
        kind: &str,
        whom: &Person,
        more: Value,
    ) -> anyhow::Result<bool> {
        let mut order = json!({
            "kzdh": number, "xzlx": kind, "bzxrxm": whom.name, "bzxrzjhm": whom.id, "fymc": COURT, "ah": "渝0103执1234号",
            "wsh": "渝0103执1234号之一", "wszy": "ab".repeat(32),
            "zxry": [
                { "xm": "周正", "zjhm": "110101199003070134", "gzzh": "渝法执0012" },
                { "xm": "吴明", "zjhm": "110101199003070097", "gzzh": "渝法执0034" },
            ],
        });
        if let (Some(order), Some(more)) = (order.as_object_mut(), more.as_object()) {
            order.extend(more.clone());
        }
        let sent = self
            .doors
            .control_post("/court/orders", &order)
            .await?
            .ok()?;
        let reply = &sent["reply"];
        let followed = reply["code"] == 200 && reply["data"]["bljg"] != "90";
        if !followed {
            let code = [&reply["data"]["wbdm"], &reply["data"]["code"]]
                .into_iter()
                .find_map(Value::as_str)
                .unwrap_or_default();
            self.told.refuse("法院文书", code);
        }
        Ok(followed)
    }
}
