//! What an employer asks a reviewer for: months deferred and made up by plan, a lower ratio for a time, money taken back, its end.

use anju_domain::calendar::Month;
use anyhow::{Context, ensure};
use chrono::NaiveDate;
use serde_json::json;

use super::{Life, Member, Standing};
use crate::cast;

/// Months that are deferred until they are made up, one after the other in the months that follow.
pub struct Deferral {
    months: Vec<Month>,
    accounts: Vec<String>,
    made_up: usize,
}

impl Life<'_> {
    /// An employer in difficulty defers two months. True where it may: its next list is the one after them.
    pub(super) async fn deferred(&mut self, place: usize, month: Month) -> anyhow::Result<bool> {
        let house = &self.houses[place];
        let may = house.is_free() && house.reduced_until.is_none() && house.ends.is_none();
        // Between May and July a base would change within what is made up.
        let asks = may && !(4..=7).contains(&month.month()) && self.chance.once_in(60);
        if !asks || month != Month::of(self.today()) {
            return Ok(false);
        }
        let form = json!({
            "ground": "LOSS", "audit_report_no": format!("渝会审〔{}〕{}号", month.year(), 10 + place), "reason": "订单减少",
            "resolution_no": format!("职代会〔{}〕{}号", month.year(), month.month()), "months": 2, "plan_months": 2,
        });
        let body = self.of_employer(place, "employer-deferral", form);
        if self.ask("缓缴", &body).await?.is_none() {
            return Ok(false);
        }
        let mut accounts = Vec::new();
        for who in 0..self.houses[place].people.len() {
            if self.houses[place].people[who].is_active() {
                accounts.push(self.account(place, who).await?);
            }
        }
        self.houses[place].next = month.plus(2);
        self.houses[place].deferral = Some(Deferral {
            months: vec![month, month.plus(1)],
            accounts,
            made_up: 0,
        });
        Ok(true)
    }

    /// Makes up a deferred month on the 26th of each month after the deferral.
    pub(super) async fn make_up(&mut self, place: usize, day: NaiveDate) -> anyhow::Result<()> {
        let this_month = Month::of(day);
        let day_of_plan = day == this_month.first_day() + chrono::Days::new(25);
        let house = &mut self.houses[place];
        let Some(deferral) = &mut house.deferral else {
            return Ok(());
        };
        let last = *deferral.months.last().context("缓缴的月份")?;
        if !day_of_plan || this_month <= last || house.open.is_some() {
            return Ok(());
        }
        let month = deferral.months[deferral.made_up];
        let rows: Vec<_> = deferral
            .accounts
            .iter()
            .map(|account| json!({ "account_no": account, "months": [month.to_string()] }))
            .collect();
        deferral.made_up += 1;
        if deferral.made_up == deferral.months.len() {
            house.deferral = None;
        }
        let form = json!({ "reason": "DEFERRED", "roster": rows });
        let body = self.of_employer(place, "supplement-register", form);
        let paid = self.pay_case("缓缴补缴", &body).await?;
        ensure!(paid, "缓缴的 {month} 补缴不了");
        Ok(())
    }

    /// A lower ratio for three months, which returns by itself.
    pub(super) async fn reduced(&mut self, place: usize, month: Month) -> anyhow::Result<()> {
        let house = &mut self.houses[place];
        house.reduced_until = house.reduced_until.filter(|until| *until > month);
        let may = house.is_free() && house.reduced_until.is_none() && house.ends.is_none();
        if !may || month != Month::of(self.today()) || !self.chance.once_in(60) {
            return Ok(());
        }
        // Below the least ratio two reviewers have to agree.
        let bp = if self.chance.once_in(2) { 500 } else { 300 };
        let form = json!({
            "ratio_bp": bp, "months": 3, "ground": "LOSS", "audit_report_no": format!("渝会审〔{}〕{}号", month.year(), 60 + place),
            "reason": "订单减少", "resolution_no": format!("职代会〔{}〕{}号", month.year(), month.month()),
        });
        let body = self.of_employer(place, "employer-ratio-reduction", form);
        if self.ask("降低比例", &body).await?.is_some() {
            self.houses[place].reduced_until = Some(month.plus(3));
        }
        Ok(())
    }

    /// A part of somebody's month was too much: back to the employer's suspense or to the account that paid.
    pub(super) async fn refund(&mut self, place: usize, month: Month) -> anyhow::Result<()> {
        let Some(who) = self.one(place, Member::is_active) else {
            return Ok(());
        };
        let account = self.account(place, who).await?;
        let (to, fen) = if self.chance.once_in(2) {
            ("SUSPENSE", 5_000)
        } else {
            ("ACCOUNT", 6_000)
        };
        let form = json!({
            "month": month.to_string(), "account_no": account, "amount_fen": fen, "reason": "WRONG_BASE", "to": to, "payroll": true,
        });
        let body = self.of_employer(place, "employer-refund", form);
        if self.ask("退缴", &body).await?.is_some() && to == "SUSPENSE" {
            self.houses[place].over_fen += fen;
        }
        Ok(())
    }

    /// An employer ends: merged into another one it hands everybody over and is cancelled with that; dissolved it seals everybody, whom the centre holds from then on.
    /// False where it has to go on for a month: something of it is still open.
    pub(super) async fn end(&mut self, place: usize) -> anyhow::Result<bool> {
        if !self.houses[place].is_free() || self.houses[place].over_fen != 0 {
            return Ok(false);
        }
        let month = self.houses[place].next;
        let may_take = |to: &usize| {
            *to != place && self.houses[*to].is_free() && self.houses[*to].next >= month
        };
        let into = (0..self.houses.len()).find(may_take);
        match into.filter(|_| place.is_multiple_of(2)) {
            Some(to) => {
                let form = json!({
                    "everybody": true, "to_employer_no": self.houses[to].employer, "document_no": format!("渝合〔{}〕{place}号", month.year()),
                });
                // Both have signed at the counter: the month that is due goes over too.
                let mut body = self.of_employer(place, "employee-account-transfer", form);
                body["channel"] = "CTR".into();
                let merged = self.doors.post("/cases", &body).await?.ok();
                merged.context("单位合并")?;
                for who in 0..self.houses[place].people.len() {
                    let standing = self.houses[place].people[who].standing;
                    if standing != Standing::Gone {
                        self.moved(place, who, to, standing);
                    }
                }
                self.told.add("单位合并");
                self.houses[place].has_ended = true;
                return Ok(true);
            }
            None => {
                for who in 0..self.houses[place].people.len() {
                    if self.houses[place].people[who].is_active() {
                        self.seal(place, who).await?;
                    }
                }
            }
        }
        let form = json!({ "how": "CANCEL", "reason": "DISSOLVED" });
        let body = self.of_employer(place, "employer-close-account", form);
        let ended = self.ask("单位销户", &body).await?;
        self.houses[place].has_ended = true;
        ensure!(ended.is_some(), "销户没有获准：{:?}", self.told.refused);
        Ok(true)
    }

    /// What somebody's account holds, fen.
    pub(super) async fn balance(&self, place: usize, who: usize) -> anyhow::Result<i64> {
        cast::balance(self.doors, &self.houses[place].people[who].person).await
    }
}
