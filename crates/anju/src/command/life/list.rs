//! What employers pay: the month's list in full, in parts, too much, months at once and in advance, late, or collected by their bank; back
//! payments; housing subsidies.

use std::time::{Duration, Instant};

use anju_domain::calendar::{Month, contribution_year_of};
use anyhow::ensure;
use chrono::{Days, NaiveDate};
use serde_json::{Value, json};

use super::Life;
use super::wish::order_of;
use crate::cast::{self, Person};

/// A list whose debit has failed and is tried again.
pub struct Collected {
    registered: Value,
    /// The clerk pays by himself from this day on.
    patience_until: NaiveDate,
}

impl Life<'_> {
    /// The month's list. It counts as paid when its money is on the accounts; a list whose debit has failed stays open.
    pub(super) async fn contribute(&mut self, place: usize, month: Month) -> anyhow::Result<()> {
        let people = self.houses[place].active();
        if self.houses[place].is_collected && !self.houses[place].is_new {
            return self.collect(place, month, &people).await;
        }
        let registered = self.register(place, month, &people, "transfer").await?;
        let amount = cast::number(&registered, "amount_fen")?;
        let due = (amount - self.houses[place].over_fen).max(0);
        let same_year = contribution_year_of(month) == contribution_year_of(month.plus(1));
        let mut months = 1;
        match self.chance.below(40) {
            0 | 1 if due > 1 => {
                cast::pay(self.doors, &registered, due / 2).await?;
                let id = cast::text(&registered, "remittance_id")?;
                cast::state_of(self.doors, &id, |state| state != "awaiting").await?;
                cast::pay(self.doors, &registered, due - due / 2).await?;
                self.told.add("分次到账");
                self.houses[place].over_fen += due - amount;
            }
            2 => {
                self.pay(place, &registered, due + 10_000).await?;
                self.told.add("多缴挂暂存");
            }
            // One payment for this month and the next.
            3 if same_year => {
                self.pay(place, &registered, due + amount).await?;
                self.told.add("一次缴多月");
                months = 2;
            }
            4 if same_year => {
                self.pay(place, &registered, due).await?;
                self.told.add("预缴");
                months = 2 + i32::try_from(self.chance.below(2))?;
            }
            _ => self.pay(place, &registered, due).await?,
        }
        self.allocated(&registered).await?;
        let mut next = month.plus(1);
        while next < month.plus(months) && contribution_year_of(next) == contribution_year_of(month)
        {
            let registered = self.register(place, next, &people, "transfer").await?;
            let amount = cast::number(&registered, "amount_fen")?;
            let due = (amount - self.houses[place].over_fen).max(0);
            self.pay(place, &registered, due).await?;
            self.allocated(&registered).await?;
            next = next.plus(1);
        }
        self.houses[place].next = next;
        Ok(())
    }

    /// Pays into the centre's account; what lies in suspense by then has paid its part of the list.
    async fn pay(&mut self, place: usize, registered: &Value, fen: i64) -> anyhow::Result<()> {
        if fen > 0 {
            cast::pay(self.doors, registered, fen).await?;
        }
        self.houses[place].over_fen += fen - cast::number(registered, "amount_fen")?;
        Ok(())
    }

    async fn register(
        &self,
        place: usize,
        month: Month,
        people: &[Person],
        how: &str,
    ) -> anyhow::Result<Value> {
        let employer = &self.houses[place].employer;
        let checked = cast::send_roster(self.doors, employer, month, people)
            .await?
            .ok()?;
        let body = json!({
            "roster_id": checked["roster_id"], "month": month.to_string(), "pay_method": how,
        });
        self.doors
            .post(&format!("/employers/{employer}/remittances"), &body)
            .await?
            .ok()
    }

    async fn allocated(&mut self, registered: &Value) -> anyhow::Result<()> {
        let id = cast::text(registered, "remittance_id")?;
        let state = cast::state_of(self.doors, &id, |state| state == "allocated").await?;
        ensure!(
            state == "allocated",
            "清册 {} 是 {state}",
            registered["reference"]
        );
        self.told.months += 1;
        Ok(())
    }

    /// It keeps its money for a month or two: the night finds what it owes, and reminds its clerk.
    pub(super) fn rests(&mut self, place: usize, month: Month) -> bool {
        let house = &mut self.houses[place];
        let may = house.deferral.is_none() && house.reduced_until.is_none() && house.ends.is_none();
        if !may || house.rests_until.is_some() || !self.chance.once_in(60) {
            house.rests_until = None;
            return false;
        }
        let months = 1 + i32::try_from(self.chance.below(2)).unwrap_or(0);
        house.rests_until = Some(month.plus(months).first_day() + Days::new(20));
        self.told.add("迟缴");
        true
    }

    /// Signs that its lists are collected from its account, where it is one of those.
    pub(super) async fn collects(&mut self, place: usize) -> anyhow::Result<()> {
        if !self.houses[place].is_collected {
            return Ok(());
        }
        let (account, uscc) = (self.debited(place), self.houses[place].firm.uscc.clone());
        let name = self.houses[place].firm.name.clone();
        let value = json!({ "match": true, "account_no": account, "name": name });
        cast::fact(self.doors, "B4", "bank.account_match", &uscc, value).await?;
        let terms =
            json!({ "bank": "B4", "account_no": account, "limit_fen": 500_000_000, "day": 1 });
        let body = self.of_employer(place, "employer-debit-sign", terms);
        let signed = self.ask("委托收款签约", &body).await?;
        self.houses[place].is_collected = signed.is_some();
        Ok(())
    }

    fn debited(&self, place: usize) -> String {
        format!("650012{:09}", self.houses[place].seed)
    }

    async fn bank_has(&self, place: usize, standing: Value) -> anyhow::Result<()> {
        let path = format!("/banks/B4/accounts/{}", self.debited(place));
        self.doors.control_put(&path, &standing).await?.ok()?;
        Ok(())
    }

    async fn collect(
        &mut self,
        place: usize,
        month: Month,
        people: &[Person],
    ) -> anyhow::Result<()> {
        let is_poor = self.chance.once_in(12);
        if is_poor {
            self.bank_has(place, json!({ "available_fen": 0 })).await?;
        }
        let registered = self.register(place, month, people, "debit").await?;
        self.houses[place].next = month.plus(1);
        if !is_poor {
            self.allocated(&registered).await?;
            self.told.add("委托收款");
            return Ok(());
        }
        let id = cast::text(&registered, "remittance_id")?;
        let deadline = Instant::now() + cast::PATIENCE;
        loop {
            let list = self.doors.get(&format!("/remittances/{id}")).await?.ok()?;
            if list["collection"]["order"] == "failed" {
                break;
            }
            ensure!(Instant::now() < deadline, "余额不足的扣款没有失败：{list}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.told.add("委托收款余额不足");
        self.bank_has(place, json!({ "plenty": true })).await?;
        self.houses[place].open = Some(Collected {
            registered,
            patience_until: self.today() + Days::new(12),
        });
        Ok(())
    }

    /// Whether a debit that had failed has come through by now; in the end the clerk pays by himself.
    pub(super) async fn is_collected_by_now(
        &mut self,
        place: usize,
        day: NaiveDate,
    ) -> anyhow::Result<()> {
        let Some(open) = self.houses[place].open.take() else {
            return Ok(());
        };
        let id = cast::text(&open.registered, "remittance_id")?;
        let list = self.doors.get(&format!("/remittances/{id}")).await?.ok()?;
        if list["state"] == "allocated" {
            self.told.months += 1;
            self.told.add("委托收款");
        } else if day >= open.patience_until {
            let amount = cast::number(&open.registered, "amount_fen")?;
            cast::pay(self.doors, &open.registered, amount).await?;
            self.allocated(&open.registered).await?;
            self.told.add("扣款失败后自行缴款");
        } else {
            self.houses[place].open = Some(open);
        }
        Ok(())
    }

    /// Who came a month late is paid for that month, where the employer had it.
    pub(super) async fn supplement(
        &mut self,
        place: usize,
        who: usize,
        month: Month,
    ) -> anyhow::Result<()> {
        let account = self.account(place, who).await?;
        let row = json!({ "account_no": account, "months": [month.plus(-1).to_string()] });
        let form = json!({ "reason": "NEW_HIRE", "roster": [row] });
        let body = self.of_employer(place, "supplement-register", form);
        self.pay_case("补缴", &body).await?;
        Ok(())
    }

    /// Registers a list of its own kind, pays it and waits until it is on the accounts. False where the rules refuse it.
    pub(super) async fn pay_case(
        &mut self,
        event: &'static str,
        body: &Value,
    ) -> anyhow::Result<bool> {
        let Some(case) = self.begun(event, body).await? else {
            return Ok(false);
        };
        let order = order_of(&self.doors.get(&format!("/cases/{case}")).await?.ok()?)?;
        cast::pay(self.doors, &order, cast::number(&order, "amount_fen")?).await?;
        let id = cast::text(&order, "remittance")?;
        let state = cast::state_of(self.doors, &id, |state| state == "allocated").await?;
        ensure!(state == "allocated", "{event}清册 {id} 是 {state}");
        self.told.add(event);
        Ok(true)
    }

    /// A housing subsidy for a few of its people.
    pub(super) async fn subsidy(&mut self, place: usize, month: Month) -> anyhow::Result<()> {
        let mut rows = Vec::new();
        for who in 0..self.houses[place].people.len() {
            if rows.len() == 5 {
                break;
            }
            if self.houses[place].people[who].is_active() && !self.chance.once_in(3) {
                let account = self.account(place, who).await?;
                let fen = 20_000 + 1_000 * i64::try_from(self.chance.below(80))?;
                rows.push(json!({ "account_no": account, "amount_fen": fen }));
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        let form = json!({ "roster": rows, "month": month.to_string(), "sort": "ONE_OFF" });
        let body = self.of_employer(place, "subsidy-register", form);
        self.pay_case("住房补贴", &body).await?;
        Ok(())
    }
}
