//! How a life asks for something: over the doors, with a reviewer's yes where the rules want one, until it is done or refused.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use super::{Life, desk};
use crate::cast;

impl Life<'_> {
    /// A case of an employer, which must be done at once.
    pub(super) async fn case(
        &self,
        place: usize,
        service: &str,
        form: Value,
    ) -> anyhow::Result<Value> {
        let body = self.of_employer(place, service, form);
        self.doors
            .post("/cases", &body)
            .await?
            .ok()
            .with_context(|| service.to_owned())
    }

    pub(super) fn of_employer(&self, place: usize, service: &str, form: Value) -> Value {
        json!({
            "service": service, "applicant": self.houses[place].employer, "form": form, "channel": "HALL",
        })
    }

    /// The case of what is asked for; none where the door refuses it, which is told with its code.
    pub(super) async fn begun(
        &mut self,
        event: &'static str,
        body: &Value,
    ) -> anyhow::Result<Option<String>> {
        let answer = self.doors.post("/cases", body).await?;
        if answer.status.is_success() {
            return cast::text(&answer.body, "case_id").map(Some);
        }
        ensure!(
            answer.status.is_client_error(),
            "{event}：{} {}",
            answer.status,
            answer.body
        );
        self.told.refuse(event, answer.code());
        Ok(None)
    }

    /// Asks for something that the rules may refuse, with the reviewers' yes where they want one, and waits for its end: the case where it is
    /// done. What is refused is told with its code.
    pub(super) async fn ask(
        &mut self,
        event: &'static str,
        body: &Value,
    ) -> anyhow::Result<Option<Value>> {
        let Some(id) = self.begun(event, body).await? else {
            return Ok(None);
        };
        let deadline = Instant::now() + cast::PATIENCE;
        let mut yeses = 0;
        loop {
            let case = self.doors.get(&format!("/cases/{id}")).await?.ok()?;
            match case["state"].as_str().unwrap_or_default() {
                "done" => {
                    self.told.add(event);
                    return Ok(Some(case));
                }
                "refused" => {
                    self.told.refuse(event, &not_met(&case));
                    return Ok(None);
                }
                state @ ("failed" | "withdrawn") => {
                    self.told.refuse(event, state);
                    return Ok(None);
                }
                "reviewing" if yeses < 2 => {
                    let yes = desk::approve(&self.engine, &id, yeses).await;
                    yes.with_context(|| event)?;
                    yeses += 1;
                }
                _ => {}
            }
            if Instant::now() > deadline {
                bail!("{event}：办件一直没有办完：{case}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The codes of what was not met.
fn not_met(case: &Value) -> String {
    let conditions = case["decision"]["conditions"].as_array();
    let codes: Vec<&str> = conditions
        .into_iter()
        .flatten()
        .filter(|one| one["outcome"] == "not_met")
        .filter_map(|one| one["code"].as_str())
        .collect();
    codes.join("、")
}

/// The order to pay of a list that a case has registered, as its first event tells it.
pub(super) fn order_of(case: &Value) -> anyhow::Result<Value> {
    let events = case["events"].as_array().context("办件没有经过")?;
    events
        .iter()
        .map(|event| &event["detail"])
        .find(|detail| detail.get("reference").is_some())
        .cloned()
        .with_context(|| format!("办件没有缴款码：{case}"))
}
