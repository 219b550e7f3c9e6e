//! What lies on accounts for courts is what the orders in force say.

use anju_casework::{Office, Result};

use super::queue::REASON;
use crate::withdrawal::own_books::WHOLE_FREEZE_FEN;

/// Each order whose holds are not what it says, each hold that no order in force has put there, and each person with an order in force for the
/// whole account behind another, in words.
pub async fn breaches(office: &Office) -> Result<Vec<String>> {
    let orders: Vec<(i64, Option<i64>, i64, i64)> = sqlx::query_as(
        "SELECT o.order_id, o.left_fen, coalesce(h.least, 0), coalesce(h.most, 0)
           FROM court_order o
           LEFT JOIN LATERAL (SELECT min(amount_fen) AS least, max(amount_fen) AS most, sum(amount_fen) AS total, count(*) AS holds
                                FROM account_hold
                               WHERE centre_id = $1 AND case_id = o.order_id AND kind = 1 AND released_at IS NULL) AS h ON TRUE
          WHERE o.centre_id = $1
            AND CASE WHEN o.state <> 2 THEN coalesce(h.holds, 0) <> 0
                     WHEN o.left_fen IS NULL THEN coalesce(h.holds, 0) = 0 OR h.least <> $2 OR h.most <> $2
                     ELSE coalesce(h.total, 0) <> o.left_fen END
          ORDER BY o.order_id LIMIT 100",
    )
    .bind(office.centre.id)
    .bind(WHOLE_FREEZE_FEN)
    .fetch_all(&office.pool)
    .await?;
    let strays: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT h.hold_id, h.amount_fen
           FROM account_hold h
          WHERE h.centre_id = $1 AND h.kind = 1 AND h.released_at IS NULL AND starts_with(h.reason, $2)
            AND NOT EXISTS (SELECT FROM court_order o WHERE o.centre_id = $1 AND o.order_id = h.case_id AND o.state = 2)
          ORDER BY h.hold_id LIMIT 100",
    )
    .bind(office.centre.id)
    .bind(REASON)
    .fetch_all(&office.pool)
    .await?;
    let order = |(order_id, left, least, most): (i64, Option<i64>, i64, i64)| {
        let wanted = left.map_or_else(|| "全部".to_owned(), |left| format!("{left} 分"));
        format!("冻结 {order_id} 应冻结 {wanted}，账户上是 {least} 至 {most} 分")
    };
    let stray =
        |(hold_id, fen): (i64, i64)| format!("账户冻结 {hold_id}（{fen} 分）没有生效的冻结");
    Ok(orders
        .into_iter()
        .map(order)
        .chain(strays.into_iter().map(stray))
        .collect())
}
