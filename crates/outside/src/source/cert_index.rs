//! 证照目录 of the big-data bureau: what centres say of the certificates that they issue. Invariant: of two changes of one certificate the later one
//! counts, in whatever order they come, and each once.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::{Event, Row};
use crate::World;
use crate::control::Problem;
use crate::store::StoreError;

/// Who keeps it.
pub(super) const SOURCE: &str = "D14";

/// The interface, also the name of the register.
pub(super) const INTERFACE: &str = "bigdata.cert_index";

/// Fields of a message: number of the certificate, place of the change, then what it says.
const NUMBER: &str = "zzbh";
const PLACE: &str = "bgxh";
const FIELDS: [&str; 7] = ["zzlx", "czrzy", "nrzy", "bfrq", "yxqz", "zzzt", "zxrq"];
const KINDS: [&str; 3] = ["GJJ01", "GJJ02", "GJJ03"];
const STATES: [&str; 3] = ["1", "2", "3"];

/// Where a record keeps the places of the changes that it has taken.
const TAKEN: &str = "_places";

fn text<'v>(params: &'v Value, field: &str) -> Option<&'v str> {
    let text = params.get(field)?.as_str()?.trim();
    (!text.is_empty()).then_some(text)
}

impl World {
    /// Takes a change; the same again changes nothing and is answered the same. None where it cannot be read.
    pub(super) async fn take_certificate(
        &self,
        params: &Value,
        lie: bool,
    ) -> Result<Option<Value>, StoreError> {
        let (Some(number), Some(place)) = (
            text(params, NUMBER),
            text(params, PLACE).and_then(|place| place.parse::<u64>().ok()),
        ) else {
            return Ok(None);
        };
        let known = |field: &str, codes: &[&str]| {
            text(params, field).is_some_and(|code| codes.contains(&code))
        };
        if !known("zzlx", &KINDS) || !known("zzzt", &STATES) || text(params, "czrzy").is_none() {
            return Ok(None);
        }
        let said: Row = FIELDS
            .iter()
            .filter_map(|field| Some(((*field).to_owned(), text(params, field)?.into())))
            .collect();
        let number = number.to_owned();
        let who = if lie {
            super::door::somebody_else(&number)
        } else {
            number.clone()
        };
        let answer = json!({ NUMBER: who, PLACE: place.to_string(), "hzbh": format!("{SOURCE}-{number}-{place}") });
        self.departments
            .store
            .change(|draft| {
                let mut row = draft
                    .register(SOURCE, INTERFACE)
                    .and_then(|register| register.get(&number))
                    .cloned()
                    .unwrap_or_default();
                let mut taken = places(&row);
                if taken.contains(&place) {
                    return;
                }
                if taken.iter().all(|earlier| *earlier < place) {
                    row.extend(said);
                }
                taken.push(place);
                row.insert(TAKEN.to_owned(), json!(taken));
                draft.record(Event::Entered {
                    source: SOURCE.to_owned(),
                    fact_type: INTERFACE.to_owned(),
                    subject: number,
                    row,
                });
            })
            .await?;
        Ok(Some(answer))
    }
}

fn places(row: &Row) -> Vec<u64> {
    let taken = row.get(TAKEN).and_then(Value::as_array);
    taken
        .into_iter()
        .flatten()
        .filter_map(Value::as_u64)
        .collect()
}

/// `GET /control/certificates/{number}`: what the index holds of a certificate, with how many changes it has taken; null where it knows none.
pub(crate) async fn show(
    State(world): State<Arc<World>>,
    Path(number): Path<String>,
) -> Result<Json<Value>, Problem> {
    let store = &world.departments.store;
    let held = store.read(|registers| registers.record(SOURCE, INTERFACE, &number).cloned());
    Ok(Json(held.await?.map_or(Value::Null, |mut row| {
        let changes = places(&row).len();
        row.remove(TAKEN);
        row.insert("changes".to_owned(), changes.into());
        Value::Object(row)
    })))
}
