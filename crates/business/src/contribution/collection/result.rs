//! What became of orders: the bank's answers, and the money itself. A success is only told; the list is allocated when its money is here.

use std::collections::HashMap;

use anju_casework::{Actor, Office, Result, case, outbox};
use anju_domain::calendar::chinese_day;
use chrono::NaiveDate;
use serde_json::{Value, json};
use sqlx::{FromRow, PgConnection};

use super::order::{end_to_end_id, of_end_to_end_id};
use crate::contribution::flexible;
use crate::contribution::receipt::Credit;
use crate::policy::Rules;

/// What a bank says of an order.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Which one.
    pub order_id: i64,
    /// What became of it.
    pub outcome: Outcome,
}

/// How an order ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The account was debited.
    Success {
        /// 银行流水号.
        bank_ref: String,
    },
    /// It was not, and will not be.
    Failed {
        /// ISO reason code.
        code: String,
        /// In words.
        reason: String,
    },
}

#[derive(FromRow)]
struct Failed {
    order_id: i64,
    remittance_id: i64,
    mandate_id: i64,
    r#try: i16,
    code: String,
    reason: String,
}

/// Takes answers of a bank, all in one transaction; an answer that came before changes nothing.
pub async fn take(office: &Office, answers: &[Answer]) -> Result<()> {
    let mut tx = office.pool.begin().await?;
    let mut paid = (Vec::new(), Vec::new());
    let mut not = (Vec::new(), Vec::new(), Vec::new());
    for answer in answers {
        match &answer.outcome {
            Outcome::Success { bank_ref } => {
                paid.0.push(answer.order_id);
                paid.1.push(bank_ref.as_str());
            }
            Outcome::Failed { code, reason } => {
                not.0.push(answer.order_id);
                not.1.push(code.as_str());
                not.2.push(reason.as_str());
            }
        }
    }
    if !paid.0.is_empty() {
        succeed(office, &mut tx, &paid.0, &paid.1).await?;
    }
    let mut changed = Vec::new();
    if !not.0.is_empty() {
        let failed: Vec<Failed> = sqlx::query_as(
            "UPDATE debit_order o SET state = 4, code = t.code, reason = t.reason, ended_at = $5
               FROM unnest($2::bigint[], $3::text[], $4::text[]) AS t (order_id, code, reason)
              WHERE o.centre_id = $1 AND o.order_id = t.order_id AND o.state IN (1, 2, 5)
             RETURNING o.order_id, o.remittance_id, o.mandate_id, o.try, o.code, o.reason",
        )
        .bind(office.centre.id)
        .bind(&not.0)
        .bind(&not.1)
        .bind(&not.2)
        .bind(office.now())
        .fetch_all(&mut *tx)
        .await?;
        back(office, &mut tx, &failed).await?;
        changed.extend(failed.iter().map(|one| one.remittance_id));
    }
    tx.commit().await?;
    for remittance_id in changed {
        office.changed(remittance_id);
    }
    Ok(())
}

async fn succeed(
    office: &Office,
    tx: &mut PgConnection,
    orders: &[i64],
    refs: &[&str],
) -> Result<()> {
    sqlx::query(
        "WITH paid AS (
             UPDATE debit_order o SET state = 3, bank_ref = t.bank_ref, ended_at = $4
               FROM unnest($2::bigint[], $3::text[]) AS t (order_id, bank_ref)
              WHERE o.centre_id = $1 AND o.order_id = t.order_id AND o.state IN (1, 2, 5)
             RETURNING o.mandate_id)
         UPDATE debit_mandate m SET failed_months = 0
           FROM paid WHERE m.centre_id = $1 AND m.mandate_id = paid.mandate_id AND m.failed_months <> 0",
    )
    .bind(office.centre.id)
    .bind(orders)
    .bind(refs)
    .bind(office.now())
    .execute(tx)
    .await?;
    Ok(())
}

/// Lists go back to waiting: to be tried again on the next working day, or to be paid by hand once the month has failed.
async fn back(office: &Office, tx: &mut PgConnection, failed: &[Failed]) -> Result<()> {
    if failed.is_empty() {
        return Ok(());
    }
    let rules = Rules::on(office, office.today());
    let tries = 1 + rules.int("debit_retry_days")?;
    let final_codes = rules.text("debit_final_codes")?;
    let is_final = |one: &Failed| final_codes.split_whitespace().any(|code| code == one.code);
    let next = office.holidays().add_working_days(office.today(), 1);
    let again = |one: &Failed| i64::from(one.r#try) < tries && !is_final(one);
    let over: Vec<&Failed> = failed.iter().filter(|one| !again(one)).collect();
    if !over.is_empty() {
        suspend(office, tx, &rules, &over, is_final).await?;
    }
    let days: Vec<Option<NaiveDate>> = failed
        .iter()
        .map(|one| again(one).then_some(next))
        .collect();
    let lists: Vec<i64> = failed.iter().map(|one| one.remittance_id).collect();
    // A list that was paid by hand meanwhile is done: then nothing is tried again.
    sqlx::query(
        "UPDATE remittance r SET collecting = false, collect_on = CASE WHEN r.state = 1 AND m.state = 2 THEN t.day END
           FROM unnest($2::bigint[], $3::bigint[], $4::date[]) AS t (remittance_id, mandate_id, day)
           JOIN debit_mandate m ON m.centre_id = $1 AND m.mandate_id = t.mandate_id
          WHERE r.centre_id = $1 AND r.remittance_id = t.remittance_id",
    )
    .bind(office.centre.id)
    .bind(&lists)
    .bind(failed.iter().map(|one| one.mandate_id).collect::<Vec<_>>())
    .bind(&days)
    .execute(&mut *tx)
    .await?;
    let told: Vec<(i64, Value)> = failed
        .iter()
        .zip(&days)
        .map(|(one, day)| {
            let detail = json!({
                "order": end_to_end_id(office, one.order_id), "code": one.code, "reason": one.reason, "try": one.r#try, "next_on": day,
            });
            (one.remittance_id, detail)
        })
        .collect();
    case::add_events(office, tx, Actor::System, &["collect_failed"], &told).await?;
    tell(office, tx, failed, &days).await?;
    flexible::given_up(office, tx, &lists).await
}

/// Clerks hear what was not debited and what happens next; a person who contributes by himself sees it on his page.
async fn tell(
    office: &Office,
    tx: &mut PgConnection,
    failed: &[Failed],
    days: &[Option<NaiveDate>],
) -> Result<()> {
    let mandates: Vec<i64> = failed.iter().map(|one| one.mandate_id).collect();
    let payers: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT mandate_id, payer_id FROM debit_mandate WHERE centre_id = $1 AND mandate_id = ANY ($2) AND payer_kind = 1",
    )
    .bind(office.centre.id)
    .bind(&mandates)
    .fetch_all(&mut *tx)
    .await?;
    let payers: HashMap<i64, i64> = payers.into_iter().collect();
    for (one, day) in failed.iter().zip(days) {
        let Some(employer_id) = payers.get(&one.mandate_id) else {
            continue;
        };
        let next = match day {
            Some(day) => format!("{}再扣一次", chinese_day(*day)),
            None => "不再扣款，请转账缴款".to_owned(),
        };
        let reason: String = one.reason.chars().take(16).collect();
        let words = format!("【公积金】委托收款没有扣到：{reason}。{next}");
        let list = Some(one.remittance_id);
        outbox::tell_clerks(office, tx, *employer_id, list, &words).await?;
    }
    Ok(())
}

/// Months that failed are counted; after several in a row, and at once where the bank knows no account or contract any more, the contract
/// is suspended, and its other lists are paid by hand.
async fn suspend(
    office: &Office,
    tx: &mut PgConnection,
    rules: &Rules,
    over: &[&Failed],
    is_final: impl Fn(&Failed) -> bool,
) -> Result<()> {
    let after = rules.int("debit_suspend_months")?;
    let suspended: Vec<Option<i64>> = sqlx::query_scalar(
        "UPDATE debit_mandate m
            SET failed_months = m.failed_months + 1,
                state = CASE WHEN m.state = 2 AND (t.final AND m.payer_kind = 1 OR m.failed_months + 1 >= $5) THEN 4 ELSE m.state END,
                reason = CASE WHEN m.state = 2 AND (t.final AND m.payer_kind = 1 OR m.failed_months + 1 >= $5) THEN t.reason ELSE m.reason END
           FROM unnest($2::bigint[], $3::boolean[], $4::text[]) AS t (mandate_id, final, reason)
          WHERE m.centre_id = $1 AND m.mandate_id = t.mandate_id
         RETURNING CASE WHEN m.state = 4 THEN m.mandate_id END",
    )
    .bind(office.centre.id)
    .bind(over.iter().map(|one| one.mandate_id).collect::<Vec<_>>())
    .bind(over.iter().map(|one| is_final(one)).collect::<Vec<_>>())
    .bind(over.iter().map(|one| one.reason.as_str()).collect::<Vec<_>>())
    .bind(i32::try_from(after).unwrap_or(i32::MAX))
    .fetch_all(&mut *tx)
    .await?;
    let suspended: Vec<i64> = suspended.into_iter().flatten().collect();
    sqlx::query(
        "UPDATE remittance SET collect_on = NULL
          WHERE centre_id = $1 AND mandate_id = ANY ($2) AND collect_on IS NOT NULL",
    )
    .bind(office.centre.id)
    .bind(&suspended)
    .execute(&mut *tx)
    .await?;
    flexible::seal_suspended(office, tx, &suspended).await
}

/// The list of an order whose money has arrived, in the transaction of the receipt; none where the credit answers no order of ours. The
/// money itself is the best answer: its order is a success from then on.
pub async fn received(
    office: &Office,
    tx: &mut PgConnection,
    credit: &Credit,
) -> Result<Option<i64>> {
    let order = credit
        .end_to_end_id
        .as_deref()
        .and_then(|id| of_end_to_end_id(office, id));
    let Some(order_id) = order else {
        return Ok(None);
    };
    // Of the order's own bank and amount: anybody may write any number.
    let found: Option<i64> = sqlx::query_scalar(
        "SELECT o.remittance_id FROM debit_order o JOIN debit_file f USING (centre_id, file_id)
          WHERE o.centre_id = $1 AND o.order_id = $2 AND o.amount_fen = $3 AND f.bank = $4",
    )
    .bind(office.centre.id)
    .bind(order_id)
    .bind(credit.amount_fen)
    .bind(&credit.bank)
    .fetch_optional(&mut *tx)
    .await?;
    if found.is_some() {
        succeed(office, tx, &[order_id], &[&credit.serial]).await?;
    }
    Ok(found)
}
