//! 轮候: who is in force for a person, what lies on his accounts for it, and who comes next. All of it in the transaction of whoever holds the
//! person's row, so that two instructions about one person follow each other.

use anju_casework::{Actor, Office, Result, case};
use anju_domain::money::Fen;
use anju_ledger::freeze::{self, Hold, HoldKind};
use anju_ledger::{AccountId, Centre};
use serde_json::json;
use sqlx::PgConnection;

use super::{Order, order_columns, state};
use crate::policy::Rules;
use crate::withdrawal::agreement;
use crate::withdrawal::own_books::WHOLE_FREEZE_FEN;

/// Begins the reason of what lies on an account for a court; `audit` finds it by that.
pub(super) const REASON: &str = "司法冻结";

/// Lets whoever may take effect do so: the first that waits where nobody is in force; and, where policy says so, one for an amount that the
/// orders in force leave free. Nobody overtakes.
pub(super) async fn promote(
    office: &Office,
    tx: &mut PgConnection,
    person_id: i64,
    actor: Actor,
) -> Result<()> {
    let beside = Rules::on(office, office.today()).flag("court_freeze_beside")?;
    let orders: Vec<Order> = sqlx::query_as(concat!(
        "SELECT ",
        order_columns!(),
        " FROM court_order WHERE centre_id = $1 AND person_id = $2 AND state IN (2, 3) ORDER BY arrived_at, order_id FOR NO KEY UPDATE"
    ))
    .bind(office.centre.id)
    .bind(person_id)
    .fetch_all(&mut *tx)
    .await?;
    let (mut in_force, waiting): (Vec<Order>, Vec<Order>) = orders
        .into_iter()
        .partition(|order| order.state == state::EFFECTIVE);
    for next in waiting {
        let free =
            in_force.is_empty() || beside && fits_beside(office, tx, &in_force, &next).await?;
        if !free {
            break;
        }
        sqlx::query(
            "UPDATE court_order SET state = 2, effective_at = $3 WHERE centre_id = $1 AND order_id = $2 AND state = 3",
        )
        .bind(office.centre.id)
        .bind(next.order_id)
        .bind(office.now())
        .execute(&mut *tx)
        .await?;
        lay(office, tx, &next).await?;
        let detail = json!({ "court": next.court, "court_case": next.case_no, "left_fen": next.left_fen, "to": next.to_date });
        case::add_event(
            office,
            tx,
            next.order_id,
            actor,
            &["freeze_effective"],
            detail,
        )
        .await?;
        in_force.push(next);
    }
    Ok(())
}

/// Whether an order for an amount finds so much that no order in force holds.
async fn fits_beside(
    office: &Office,
    tx: &mut PgConnection,
    in_force: &[Order],
    next: &Order,
) -> Result<bool> {
    let (Some(wanted), Some(held)) = (
        next.left(),
        in_force.iter().map(Order::left).sum::<Option<Fen>>(),
    ) else {
        return Ok(false);
    };
    Ok(balance(office, tx, next.account_id).await? - held >= wanted)
}

/// The balance of an account in the caller's transaction.
pub(super) async fn balance(
    office: &Office,
    conn: &mut PgConnection,
    account_id: i64,
) -> Result<Fen> {
    let fen: i64 = sqlx::query_scalar(
        "SELECT balance_fen FROM ledger_account WHERE centre_id = $1 AND account_id = $2",
    )
    .bind(office.centre.id)
    .bind(account_id)
    .fetch_one(conn)
    .await?;
    Ok(Fen::new(fen))
}

/// What is on an account and not reserved for another business, its row held until the caller's transaction ends.
pub(super) async fn within_reach(
    office: &Office,
    tx: &mut PgConnection,
    account_id: i64,
) -> Result<Fen> {
    let fen: i64 = sqlx::query_scalar(
        "SELECT balance_fen - reserved_fen FROM ledger_account WHERE centre_id = $1 AND account_id = $2",
    )
    .bind(office.centre.id)
    .bind(account_id)
    .fetch_one(tx)
    .await?;
    Ok(Fen::new(fen).max(Fen::ZERO))
}

/// Lays on the accounts what an order in force is to keep: of an amount on the fund account, of the whole on every account of the person.
async fn lay(office: &Office, tx: &mut PgConnection, order: &Order) -> Result<()> {
    if order.left_fen == Some(0) {
        return Ok(());
    }
    let accounts: Vec<i64> = match order.left_fen {
        Some(_) => vec![order.account_id],
        None => {
            sqlx::query_scalar(
                "SELECT account_id FROM ledger_account
                  WHERE centre_id = $1 AND owner_id = $2 AND subject = 201 AND running AND state <> 3 ORDER BY account_id",
            )
            .bind(office.centre.id)
            .bind(order.person_id)
            .fetch_all(&mut *tx)
            .await?
        }
    };
    let reason = format!("{REASON}：{} {}", order.court, order.case_no);
    for account_id in accounts {
        let hold = Hold {
            hold_id: office.ids.next().await?,
            account: AccountId(account_id),
            kind: HoldKind::Freeze,
            amount: Fen::new(order.left_fen.unwrap_or(WHOLE_FREEZE_FEN)),
            case_id: Some(order.order_id),
            reason: &reason,
            until: Some(order.to_date),
        };
        freeze::hold(&mut *tx, Centre(office.centre.id), &hold, office.now()).await?;
    }
    Ok(())
}

/// Takes off what lies on the accounts for an order.
async fn lift(office: &Office, tx: &mut PgConnection, order_id: i64) -> Result<()> {
    let holds: Vec<i64> = sqlx::query_scalar(
        "SELECT hold_id FROM account_hold WHERE centre_id = $1 AND case_id = $2 AND released_at IS NULL AND kind = 1 ORDER BY account_id",
    )
    .bind(office.centre.id)
    .bind(order_id)
    .fetch_all(&mut *tx)
    .await?;
    for hold_id in holds {
        freeze::release(&mut *tx, Centre(office.centre.id), hold_id, office.now()).await?;
    }
    Ok(())
}

/// Another amount or another term: what lies on the accounts is replaced. `order` as it is to be from now on.
pub(super) async fn put(office: &Office, tx: &mut PgConnection, order: &Order) -> Result<()> {
    sqlx::query(
        "UPDATE court_order SET left_fen = $3, to_date = $4, reminded_on = CASE WHEN to_date = $4 THEN reminded_on END
          WHERE centre_id = $1 AND order_id = $2",
    )
    .bind(office.centre.id)
    .bind(order.order_id)
    .bind(order.left_fen)
    .bind(order.to_date)
    .execute(&mut *tx)
    .await?;
    if order.state == state::EFFECTIVE {
        lift(office, tx, order.order_id).await?;
        lay(office, tx, order).await?;
    }
    Ok(())
}

/// An order ends, and the next takes its place.
pub(super) async fn end(
    office: &Office,
    tx: &mut PgConnection,
    order: &Order,
    to: i16,
    step: &str,
    actor: Actor,
) -> Result<()> {
    sqlx::query(
        "UPDATE court_order SET state = $3, ended_at = $4 WHERE centre_id = $1 AND order_id = $2 AND state IN (2, 3)",
    )
    .bind(office.centre.id)
    .bind(order.order_id)
    .bind(to)
    .bind(office.now())
    .execute(&mut *tx)
    .await?;
    lift(office, tx, order.order_id).await?;
    let detail =
        json!({ "court": order.court, "court_case": order.case_no, "left_fen": order.left_fen });
    case::add_event(office, tx, order.order_id, actor, &[step], detail).await?;
    promote(office, tx, order.person_id, actor).await?;
    let all_held: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM court_order WHERE centre_id = $1 AND person_id = $2 AND state = 2 AND left_fen IS NULL)",
    )
    .bind(office.centre.id)
    .bind(order.person_id)
    .fetch_one(&mut *tx)
    .await?;
    if all_held {
        return Ok(());
    }
    agreement::resume::released(office, tx, order.person_id).await
}
