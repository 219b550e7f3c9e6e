//! Payment orders (支付指令) of cases, drawn when they are sent.

use std::collections::HashMap;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;
use sqlx::FromRow;

use super::end_to_end_id;
use super::row::{Case, columns};
use super::settle::{amount_of, bank_of};
use crate::person::PersonRow;
use crate::{Fault, Office, Result};

/// A payment order (支付指令) as the bank is told it.
#[derive(Debug, Clone)]
pub struct Order {
    /// The bank that executes it, from the centre's fund account there.
    pub bank: String,
    /// Identifier that the payment keeps for ever.
    pub end_to_end_id: String,
    /// Fen.
    pub amount_fen: i64,
    /// Payee's card.
    pub payee_account: String,
    /// Payee's name.
    pub payee_name: String,
    /// What the payee reads.
    pub remark: String,
}

/// The order of a case that is paying, read together with others; none where there is nothing to pay any more.
pub async fn order(office: &Office, case_id: i64, attempt: i16) -> Result<Option<Order>> {
    let Some(Ordered { case, person }) = office.trays.orders.put(office, case_id).await? else {
        return Ok(None);
    };
    if !case.awaits_bank(attempt) {
        return Ok(None);
    }
    if let Some(payee) = supervised(office, &case).await? {
        return Ok(Some(Order {
            bank: bank_of(&case)?.to_owned(),
            end_to_end_id: end_to_end_id(office, case_id, attempt),
            amount_fen: amount_of(&case)?,
            payee_account: payee.account,
            payee_name: payee.holder,
            remark: format!("住房公积金首付直付 {}", super::number(office, case_id)),
        }));
    }
    let person = person.open(&office.vault)?;
    let form = case.open_form(office)?;
    let card = form
        .get("card_no")
        .and_then(Value::as_str)
        .map(str::to_owned);
    Ok(Some(Order {
        bank: bank_of(&case)?.to_owned(),
        end_to_end_id: end_to_end_id(office, case_id, attempt),
        amount_fen: amount_of(&case)?,
        payee_account: card
            .ok_or_else(|| Fault::Stored("a paying case names no card".to_owned()))?,
        payee_name: person.name.expose().to_owned(),
        remark: "住房公积金提取".to_owned(),
    }))
}

/// A case with its applicant.
#[derive(Clone, FromRow)]
pub(crate) struct Ordered {
    #[sqlx(flatten)]
    case: Case,
    #[sqlx(flatten)]
    person: PersonRow,
}

pub(crate) fn all(
    office: Office,
    cases: Vec<i64>,
) -> BoxFuture<'static, Result<Vec<Option<Ordered>>>> {
    async move {
        let rows: Vec<Ordered> = sqlx::query_as(concat!(
            "SELECT ",
            columns!(),
            ", person_id, id_sealed, name_sealed, phone_sealed, phone_changed_at, card_sealed, card_bank, card_checked_on
               FROM business_case JOIN person USING (centre_id)
              WHERE centre_id = $1 AND case_id = ANY ($2) AND person_id = applicant_id"
        ))
        .bind(office.centre.id)
        .bind(&cases)
        .fetch_all(&office.pool)
        .await?;
        Ok(by_case(&cases, rows, |row| row.case.case_id))
    }
    .boxed()
}

/// Rows in the order in which their cases were asked for, one of them perhaps by two at once.
pub(super) fn by_case<T: Clone>(cases: &[i64], rows: Vec<T>, id: fn(&T) -> i64) -> Vec<Option<T>> {
    let rows: HashMap<i64, T> = rows.into_iter().map(|row| (id(&row), row)).collect();
    cases
        .iter()
        .map(|case_id| rows.get(case_id).cloned())
        .collect()
}

/// 预售资金监管账户: where the housing commission holds what is paid for a home that is not built yet.
pub struct Supervised {
    /// Number.
    pub account: String,
    /// Holder.
    pub holder: String,
}

/// The fact that names it.
const PRESALE: &str = "housing.presale";

/// Where a case pays directly: the account that its decision read, which nobody typed; none where it pays to a card.
pub async fn supervised(office: &Office, case: &Case) -> Result<Option<Supervised>> {
    let policy = office.policy();
    let may = policy
        .set
        .service(&case.service)
        .is_some_and(|service| service.facts.iter().any(|need| need.fact_type == PRESALE));
    if !may {
        return Ok(None);
    }
    let facts = super::kept_facts(office, case).await?;
    let text = |field: &str| {
        let value = &facts.get("project", PRESALE)?.value;
        value.get(field)?.as_str().map(str::to_owned)
    };
    Ok(text("supervised_account")
        .zip(text("supervised_holder"))
        .map(|(account, holder)| Supervised { account, holder }))
}
