//! What departments are made to say at the control door: the court's desk of 点对点 control sends instructions, the housing commission strikes
//! contracts out; the court keeps what the centre says of its deductions. In memory, since the centre says it
//! again until it is taken.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::World;
use crate::control::{Body, Problem};

const SOURCE: &str = "D08";
const ORDER: &str = "court.order";

/// The interface by which a centre tells a result.
pub(super) const RESULT: &str = "court.result";

/// What centres have told.
#[derive(Default)]
pub(super) struct Results(Mutex<Vec<Value>>);

impl Results {
    /// Takes a result; the same number and result again is the same.
    pub(super) fn take(&self, params: &Value) -> Option<Value> {
        let number = params.get("kzdh")?.as_str()?.to_owned();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.contains(params) {
            all.push(params.clone());
        }
        Some(json!({ "kzdh": number }))
    }
}

/// `GET /control/court/results`.
pub(super) async fn results(State(world): State<Arc<World>>) -> Json<Vec<Value>> {
    let all = world.departments.court_results.0.lock();
    Json(all.unwrap_or_else(PoisonError::into_inner).clone())
}

/// `POST /control/court/orders`: the fields of an instruction as the court's line has them; sent, and answered with the centre's answer.
pub(super) async fn order(
    State(world): State<Arc<World>>,
    Body(params): Body<Value>,
) -> Result<Json<Value>, Problem> {
    let push = world.push(SOURCE, ORDER, params).await?;
    Ok(Json(world.push_answer(push).await?))
}

/// `POST /control/contracts/cancel`: the housing commission strikes a filed contract out and says so: `{htbh, bdcdyh?, zxrq}`.
pub(super) async fn cancel_contract(
    State(world): State<Arc<World>>,
    Body(params): Body<Value>,
) -> Result<Json<Value>, Problem> {
    let push = world
        .push("D04", "housing.contract_cancelled", params)
        .await?;
    Ok(Json(world.push_answer(push).await?))
}
