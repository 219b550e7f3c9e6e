//! 21906 holds exactly the money of letters that are on their way: arrived and neither credited nor sent back, or left an account and not
//! paid yet.

use anju_casework::{Office, Result};

/// What the clearing account holds and what the letters say that it should, in fen, of one moment.
pub async fn clearing(office: &Office) -> Result<(i64, i64)> {
    // In: what has come stays until the letter is completed or returned. Out: from E35 until E36, and again where it came back and the
    // account could not be re-opened.
    Ok(sqlx::query_as(
        "SELECT (SELECT coalesce(-sum(amount_fen), 0)::bigint FROM posting WHERE centre_id = $1 AND account_id = 21906),
                (SELECT coalesce(sum(CASE WHEN side = 1 THEN received_fen
                                          WHEN state = 'PAYING' THEN amount_fen
                                          WHEN out_journal IS NOT NULL THEN received_fen
                                          ELSE 0 END), 0)::bigint
                   FROM transfer_letter
                  WHERE centre_id = $1 AND ended_at IS NULL)",
    )
    .bind(office.centre.id)
    .fetch_one(&office.pool)
    .await?)
}
