//! 数据异议 at the departments: a work order comes in, somebody looks, the answer is pushed. In memory: what is asked again comes again with its
//! number.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::World;
use crate::control::{Body, Problem};

/// The interface by which a centre passes a doubt on, and that of the answer.
pub(super) const INTERFACE: &str = "fact.dispute";
const ANSWER: &str = "fact.dispute_answer";

/// A work order.
#[derive(Debug, Clone, Serialize)]
pub(super) struct WorkOrder {
    source: String,
    order_no: String,
    /// The centre's number of it.
    number: String,
    fact_type: String,
    subject: String,
    reason: String,
    answered: bool,
}

/// The work orders by source and the centre's number.
#[derive(Default)]
pub(super) struct WorkOrders(Mutex<BTreeMap<(String, String), WorkOrder>>);

impl WorkOrders {
    /// Takes a doubt; the same number is the same work order.
    pub(super) fn take(&self, source: &str, params: &Value) -> Option<Value> {
        let text = |field: &str| params.get(field).and_then(Value::as_str).map(str::to_owned);
        let number = text("yybh")?;
        let mut orders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = orders.len() + 1;
        let order = orders
            .entry((source.to_owned(), number.clone()))
            .or_insert_with(|| WorkOrder {
                source: source.to_owned(),
                order_no: format!("{source}-GD-{count:05}"),
                number: number.clone(),
                fact_type: text("sjlx").unwrap_or_default(),
                subject: text("dxbh").unwrap_or_default(),
                reason: text("yysm").unwrap_or_default(),
                answered: false,
            });
        Some(json!({ "yybh": number, "gdh": order.order_no }))
    }
}

/// `GET /control/disputes`.
pub(super) async fn list(State(world): State<Arc<World>>) -> Json<Vec<WorkOrder>> {
    let orders = world.departments.work_orders.0.lock();
    let orders = orders.unwrap_or_else(PoisonError::into_inner);
    Json(orders.values().cloned().collect())
}

#[derive(Deserialize)]
pub(super) struct Answering {
    corrected: bool,
    answer: String,
}

/// `POST /control/disputes/{order_no}/answer`.
pub(super) async fn answer(
    State(world): State<Arc<World>>,
    Path(order_no): Path<String>,
    Body(answering): Body<Answering>,
) -> Result<Json<Value>, Problem> {
    let found = {
        let mut orders = world
            .departments
            .work_orders
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        orders
            .values_mut()
            .find(|order| order.order_no == order_no)
            .map(|order| {
                order.answered = true;
                order.clone()
            })
    };
    let order = found.ok_or_else(|| Problem::not_found("没有这个工单"))?;
    let push = world
        .push(
            &order.source,
            ANSWER,
            json!({
                "yybh": order.number, "gdh": order.order_no, "cljg": if answering.corrected { "1" } else { "0" },
                "clsm": answering.answer,
            }),
        )
        .await?;
    Ok(Json(world.push_answer(push).await?))
}
