//! Who has no employer and contributes by himself: an agreement, a debit each month, pauses, and a lump now and then.

use std::time::Duration;

use anyhow::ensure;
use serde_json::{Value, json};

use super::Life;
use super::wish::order_of;
use crate::cast;

/// Somebody who contributes by himself.
pub struct FreeLancer {
    id: String,
    is_paused: bool,
}

/// So long that the server, which looks for what is due each second, has looked.
const LOOKED: Duration = Duration::from_millis(1_200);

impl Life<'_> {
    /// One for each few employers signs; his card is debited on the tenth.
    pub(super) async fn free_lancers(&mut self) -> anyhow::Result<()> {
        // Whoever is near retirement may not sign (FLEX-01): these numbers are born from 1991 to 2002.
        let place = 470_000_000 + i64::try_from(self.seed % 400_000)?;
        for n in 0..i64::try_from(self.houses.len())? / 4 + 1 {
            let person = cast::person("周敏", place + 10 * n, n % 10, 1_000_000)?;
            cast::register(self.doors, &person).await?;
            let body = json!({ "name": person.name, "id_no": person.id, "phone": person.phone });
            let known = self.doors.post("/people", &body).await?.ok()?;
            let id = cast::text(&known, "person_id")?;
            let form = json!({
                "plan": "monthly", "amount_fen": 100_000 + 10_000 * n, "card_no": person.card, "day": 10, "agree": true,
            });
            let body = of_person(&id, "flexible-contributor-open", form);
            if self.ask("灵活就业缴存协议", &body).await?.is_some() {
                self.free.push(FreeLancer {
                    id,
                    is_paused: false,
                });
            }
        }
        Ok(())
    }

    /// Gives the server the time to make the day's runs of agreements and debits.
    pub(super) async fn runs_and_debits(&self) -> anyhow::Result<()> {
        tokio::time::sleep(LOOKED).await;
        self.is_quiet().await
    }

    /// Some pause, go on, change their amount or pay a lump.
    pub(super) async fn free_lancers_change(&mut self) -> anyhow::Result<()> {
        for n in 0..self.free.len() {
            let (id, is_paused) = (self.free[n].id.clone(), self.free[n].is_paused);
            let change = |form: Value| of_person(&id, "flexible-contributor-change", form);
            if is_paused {
                if self.chance.once_in(3)
                    && self
                        .ask("灵活就业恢复", &change(json!({ "action": "resume" })))
                        .await?
                        .is_some()
                {
                    self.free[n].is_paused = false;
                }
                continue;
            }
            match self.chance.below(30) {
                0 => {
                    let body = change(json!({ "action": "pause" }));
                    self.free[n].is_paused = self.ask("灵活就业暂停", &body).await?.is_some();
                }
                1 => {
                    let fen = 100_000 + 10_000 * i64::try_from(self.chance.below(20))?;
                    let body = change(json!({ "action": "amount", "amount_fen": fen }));
                    self.ask("灵活就业改额", &body).await?;
                }
                2 => {
                    let body = change(json!({ "action": "deposit", "amount_fen": 200_000 }));
                    self.lump(&body).await?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Pays a lump with a code.
    async fn lump(&mut self, body: &Value) -> anyhow::Result<()> {
        let event = "灵活就业自由缴存";
        let answer = self.doors.post("/cases?wait=10s", body).await?;
        if !answer.status.is_success() || answer.body["state"] == "refused" {
            self.told.refuse(event, answer.code());
            return Ok(());
        }
        let id = cast::text(&answer.body, "case_id")?;
        let order = order_of(&self.doors.get(&format!("/cases/{id}")).await?.ok()?)?;
        cast::pay(self.doors, &order, 200_000).await?;
        let list = cast::text(&order, "remittance")?;
        let state = cast::state_of(self.doors, &list, |state| state == "allocated").await?;
        ensure!(state == "allocated", "{event}的清册是 {state}");
        self.told.add(event);
        Ok(())
    }
}

/// What a person asks for.
pub(super) fn of_person(id: &str, service: &str, form: Value) -> Value {
    json!({ "service": service, "applicant": id, "channel": "APP", "form": form })
}
