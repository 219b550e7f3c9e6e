//! Another card for a share that waits: what is on the account leaves it again, with the interest of the days that it waited.

use anju_domain::money::Fen;
use anju_domain::rounding::split_shares;
use anju_domain::text::last_four;
use anju_ledger::{AccountId, product};
use chrono::NaiveDate;
use sqlx::PgConnection;

use super::super::closing::{moved, step};
use super::super::row::{Case, PayState};
use super::close::{balance_of, close, enqueue, take_out};
use super::{Portion, Share, list_on, seal, taken, told};
use crate::{Actor, Fault, Office, Refusal, Result, books};

/// Pays a share that waits to another card, in the caller's transaction. What is on the account leaves it with its interest (E28, E21); the
/// last one closes it again. Returns the case.
///
/// # Errors
/// 409 `E-CASE-02` for a share that waits for no card; [`Fault::Moved`] where the account may not be drawn on.
pub async fn pay_again(
    office: &Office,
    tx: &mut PgConnection,
    share_id: i64,
    card_no: &str,
    actor: Actor,
) -> Result<i64> {
    let (case, share) = taken(office, tx, share_id).await?;
    if !share.wants_card() {
        return Err(Refusal::new(409, "E-CASE-02", "这一份没有等换卡的款项，不用换卡。").into());
    }
    let mut payee = share.payee(office)?;
    card_no.clone_into(&mut payee.card_no);
    let attempt = share.attempt + 1;
    // What the centre's own income is has left its account for good with E38: only the order is given again.
    if !share.returned && !share.is_booked() {
        leave_again(office, tx, &case, &share, attempt).await?;
    }
    sqlx::query(
        "UPDATE case_share SET payee_sealed = $3, card_last4 = $4, state = 1, attempt = $5 WHERE centre_id = $1 AND share_id = $2",
    )
    .bind(office.centre.id)
    .bind(share_id)
    .bind(seal(office, &payee)?)
    .bind(last_four(card_no))
    .bind(attempt)
    .execute(&mut *tx)
    .await?;
    told(office, tx, &case, &share, &["new_card", "executing"], actor).await?;
    enqueue(office, tx, case.case_id, share_id, attempt).await?;
    Ok(case.case_id)
}

/// Pays a share from another bank of the centre.
pub(super) async fn from(
    office: &Office,
    tx: &mut PgConnection,
    case: &Case,
    share: &Share,
    bank: &str,
) -> Result<()> {
    let attempt = share.attempt + 1;
    sqlx::query(
        "UPDATE case_share SET state = 1, attempt = $3, bank = $4 WHERE centre_id = $1 AND share_id = $2",
    )
    .bind(office.centre.id)
    .bind(share.share_id)
    .bind(attempt)
    .bind(bank)
    .execute(&mut *tx)
    .await?;
    let steps = ["other_bank", "executing"];
    told(office, tx, case, share, &steps, Actor::System).await?;
    enqueue(office, tx, case.case_id, share.share_id, attempt).await
}

/// The accounts of the case are settled to today, what they hold is split anew among who waits, and this share's part leaves.
async fn leave_again(
    office: &Office,
    tx: &mut PgConnection,
    case: &Case,
    share: &Share,
    attempt: i16,
) -> Result<()> {
    let all = list_on(office, tx, case.case_id).await?;
    let waiting: Vec<&Share> = all
        .iter()
        .filter(|one| one.state() == PayState::Rejected)
        .collect();
    let mut legs: Vec<Vec<Portion>> = waiting.iter().map(|one| one.legs.0.clone()).collect();
    let mine = waiting
        .iter()
        .position(|one| one.share_id == share.share_id)
        .ok_or_else(|| Fault::Stored("a share that waits is not among those".to_owned()))?;
    let mut accounts: Vec<i64> = legs.iter().flatten().map(|leg| leg.account).collect();
    accounts.sort_unstable();
    accounts.dedup();
    for account_id in accounts {
        let header = books::header(office, tx, &step(case, "E28", "", None, &[], 0)).await?;
        product::close_interest(tx, &header, AccountId(account_id))
            .await
            .map_err(|error| moved(error.into()))?;
        let balance = balance_of(office, tx, account_id).await?;
        let weights: Vec<u64> = legs
            .iter()
            .map(|of| {
                of.iter()
                    .filter(|leg| leg.account == account_id)
                    .map(|leg| leg.fen)
                    .sum::<i64>()
            })
            .map(|fen| u64::try_from(fen).unwrap_or(0))
            .collect();
        if weights.iter().all(|fen| *fen == 0) {
            continue;
        }
        let parts = split_shares(Fen::new(balance), &weights);
        for (of, part) in legs.iter_mut().zip(parts) {
            for leg in of.iter_mut().filter(|leg| leg.account == account_id) {
                leg.fen = part.fen();
                leg.journal = None;
            }
        }
        if let Some(leg) = legs[mine].iter_mut().find(|leg| leg.account == account_id) {
            let key = format!("{}:{attempt}:{account_id}", share.share_id);
            if leg.fen > 0 {
                leg.journal =
                    Some(take_out(office, tx, case, account_id, leg.fen, &key, None).await?);
            }
        }
        if balance_of(office, tx, account_id).await? == 0 {
            close_again(office, tx, case, account_id, header.day.date()).await?;
        }
    }
    let mut total = 0;
    for (one, legs) in waiting.iter().zip(&legs) {
        let fen: i64 = legs.iter().map(|leg| leg.fen).sum();
        total += fen - one.amount_fen;
        sqlx::query("UPDATE case_share SET amount_fen = $3, legs = $4 WHERE centre_id = $1 AND share_id = $2")
            .bind(office.centre.id)
            .bind(one.share_id)
            .bind(fen)
            .bind(serde_json::to_value(legs)?)
            .execute(&mut *tx)
            .await?;
    }
    sqlx::query("UPDATE business_case SET amount_fen = amount_fen + $3 WHERE centre_id = $1 AND case_id = $2")
        .bind(office.centre.id)
        .bind(case.case_id)
        .bind(total)
        .execute(&mut *tx)
        .await?;
    sqlx::query("UPDATE withdrawal_use SET amount_fen = amount_fen + $3 WHERE centre_id = $1 AND case_id = $2")
        .bind(office.centre.id)
        .bind(case.case_id)
        .bind(total)
        .execute(tx)
        .await?;
    Ok(())
}

async fn close_again(
    office: &Office,
    tx: &mut PgConnection,
    case: &Case,
    account_id: i64,
    day: NaiveDate,
) -> Result<()> {
    close(office, tx, account_id).await?;
    let membership_id: Option<Option<i64>> = sqlx::query_scalar(
        "UPDATE account_closing SET reopened_at = NULL, closed_on = $4
          WHERE centre_id = $1 AND case_id = $2 AND account_id = $3
         RETURNING membership_id",
    )
    .bind(office.centre.id)
    .bind(case.case_id)
    .bind(account_id)
    .bind(day)
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(Some(membership_id)) = membership_id {
        sqlx::query("UPDATE membership SET state = 9 WHERE centre_id = $1 AND membership_id = $2")
            .bind(office.centre.id)
            .bind(membership_id)
            .execute(tx)
            .await?;
    }
    Ok(())
}
