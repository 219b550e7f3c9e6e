//! 死亡信号 (withdrawal.md §5.2, pattern): from the moment it is known that somebody died, nothing leaves his account and nothing is drawn from his
//! card; a person at the desk confirms it, or takes it back where the register was wrong.

use anju_casework::staff::Staff;
use anju_casework::{Actor, Office, PgConnection, Refusal, Result, case};
use anju_domain::money::Fen;
use anju_ledger::freeze::{self, Hold, HoldKind};
use anju_ledger::{AccountId, Centre};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::FromRow;

use super::batch::signal_state;
use crate::withdrawal::own_books::WHOLE_FREEZE_FEN;

/// What stands on the account for a death.
const REASON: &str = "死亡信号：民政死亡登记";

/// Freezes every account of a person, suspends his card contracts and ends his sessions. A second signal of the same death does nothing.
pub(super) async fn lock(
    office: &Office,
    conn: &mut PgConnection,
    signal_id: i64,
    person_id: i64,
) -> Result<()> {
    let known: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM batch_signal
                         WHERE centre_id = $1 AND owner_id = $2 AND flow = 'deaths' AND state IN (1, 2) AND signal_id <> $3)",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .bind(signal_id)
    .fetch_one(&mut *conn)
    .await?;
    if known {
        return nothing_to_do(office, conn, signal_id).await;
    }
    let now = office.now();
    let accounts: Vec<i64> = sqlx::query_scalar(
        "SELECT account_id FROM ledger_account
          WHERE centre_id = $1 AND owner_id = $2 AND running AND state <> 3 ORDER BY account_id",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .fetch_all(&mut *conn)
    .await?;
    let mut holds = Vec::new();
    for account_id in accounts {
        let hold = Hold {
            hold_id: office.ids.next().await?,
            account: AccountId(account_id),
            kind: HoldKind::Freeze,
            amount: Fen::new(WHOLE_FREEZE_FEN),
            case_id: None,
            reason: REASON,
            until: None,
        };
        if freeze::hold(&mut *conn, Centre(office.centre.id), &hold, now).await? {
            holds.push(hold.hold_id);
        }
    }
    sqlx::query(
        "UPDATE debit_mandate SET state = 4, reason = $3
          WHERE centre_id = $1 AND payer_id = $2 AND payer_kind = 2 AND state = 2",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .bind(REASON)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "UPDATE session SET ended_at = $3
          WHERE centre_id = $1 AND audience = 1 AND subject_id = $2 AND ended_at IS NULL",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .bind(now)
    .execute(&mut *conn)
    .await?;
    stop_cases(office, &mut *conn, person_id).await?;
    sqlx::query("UPDATE batch_signal SET holds = $3 WHERE centre_id = $1 AND signal_id = $2")
        .bind(office.centre.id)
        .bind(signal_id)
        .bind(&holds)
        .execute(conn)
        .await?;
    metrics::counter!("death_signals_total").increment(1);
    Ok(())
}

/// What he had asked for and nobody has paid yet ends (withdrawal.md §11, 10): his heirs ask for all of it. What is being paid stands.
async fn stop_cases(office: &Office, conn: &mut PgConnection, person_id: i64) -> Result<()> {
    let stopped: Vec<i64> = sqlx::query_scalar(
        "UPDATE business_case SET state = 8, next_try_at = NULL, version = version + 1
          WHERE centre_id = $1 AND applicant_id = $2 AND state IN (1, 2, 4)
            AND service LIKE 'withdraw-%' AND service <> 'withdraw-death'
         RETURNING case_id",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .fetch_all(&mut *conn)
    .await?;
    for case_id in stopped {
        let detail = json!({ "reason": REASON });
        case::add_event(
            office,
            &mut *conn,
            case_id,
            Actor::System,
            &["withdrawn"],
            detail,
        )
        .await?;
    }
    Ok(())
}

/// A row that asks nothing of anybody.
pub(super) async fn nothing_to_do(
    office: &Office,
    conn: &mut PgConnection,
    signal_id: i64,
) -> Result<()> {
    sqlx::query("UPDATE batch_signal SET state = 0 WHERE centre_id = $1 AND signal_id = $2")
        .bind(office.centre.id)
        .bind(signal_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// A death signal as the desk sees it.
#[derive(Debug, Clone, FromRow)]
pub struct DeathSignal {
    /// Number.
    pub signal_id: i64,
    /// Who.
    pub person_id: i64,
    /// When it came.
    pub at: DateTime<Utc>,
    /// See [`signal_state`].
    pub state: i16,
    /// What the register said.
    pub value: Option<Value>,
    /// Accounts on which it lies.
    pub holds: Vec<i64>,
    /// What the desk noted.
    pub note: String,
    /// Who decided.
    pub done_by: Option<i64>,
}

/// Signals that asked for a person, newest first; of people whom a branch keeps, or of the centre.
pub async fn list(
    office: &Office,
    branch_id: Option<i16>,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<DeathSignal>> {
    Ok(sqlx::query_as(
        "SELECT s.signal_id, s.owner_id AS person_id, s.at, s.state, f.value, s.holds, s.note, s.done_by
           FROM batch_signal s JOIN fact f ON f.centre_id = s.centre_id AND f.fact_id = s.fact_id
          WHERE s.centre_id = $1 AND s.flow = 'deaths' AND s.state <> 0 AND ($2::bigint IS NULL OR s.signal_id < $2)
            AND keeps_person($1, $4, s.owner_id)
          ORDER BY s.signal_id DESC LIMIT $3",
    )
    .bind(office.centre.id)
    .bind(before)
    .bind(limit)
    .bind(branch_id)
    .fetch_all(&office.pool)
    .await?)
}

/// How many wait for a person, of a branch or of the centre.
pub async fn waiting(office: &Office, branch_id: Option<i16>) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "SELECT count(*) FROM batch_signal WHERE centre_id = $1 AND state = 1 AND keeps_person($1, $2, owner_id)",
    )
    .bind(office.centre.id)
    .bind(branch_id)
    .fetch_one(&office.pool)
    .await?)
}

/// A member of staff says that it is so (the accounts stay frozen until the heirs' case), or that the register was wrong: what the
/// signal froze and suspended is free again.
///
/// # Errors
/// `E-SIGNAL-01` for one that was decided before or is another branch's; `E-SIGNAL-02` without a reason for taking it back.
pub async fn decide(
    office: &Office,
    staff: &Staff,
    branch_id: Option<i16>,
    signal_id: i64,
    is_so: bool,
    note: &str,
) -> Result<()> {
    let note = note.trim();
    if !is_so && note.is_empty() {
        let detail = "解除冻结请写明依据，例如民政更正回执的编号。";
        return Err(Refusal::rule("E-SIGNAL-02", detail).into());
    }
    let state = if is_so {
        signal_state::CONFIRMED
    } else {
        signal_state::TAKEN_BACK
    };
    let now = office.now();
    let mut tx = office.pool.begin().await?;
    let decided: Option<(i64, Vec<i64>)> = sqlx::query_as(
        "UPDATE batch_signal SET state = $3, done_by = $4, done_at = $5, note = $6
          WHERE centre_id = $1 AND signal_id = $2 AND flow = 'deaths' AND state = 1 AND keeps_person($1, $7, owner_id)
         RETURNING owner_id, holds",
    )
    .bind(office.centre.id)
    .bind(signal_id)
    .bind(state)
    .bind(staff.staff_id)
    .bind(now)
    .bind(note.chars().take(200).collect::<String>())
    .bind(branch_id)
    .fetch_optional(&mut *tx)
    .await?;
    let Some((person_id, holds)) = decided else {
        let detail = "这条死亡信号已经处理过。请刷新页面看结果。";
        return Err(Refusal::rule("E-SIGNAL-01", detail).into());
    };
    if !is_so {
        for hold_id in holds {
            freeze::release(&mut tx, Centre(office.centre.id), hold_id, now).await?;
        }
        sqlx::query(
            "UPDATE debit_mandate SET state = 2, reason = NULL
              WHERE centre_id = $1 AND payer_id = $2 AND payer_kind = 2 AND state = 4 AND reason = $3",
        )
        .bind(office.centre.id)
        .bind(person_id)
        .bind(REASON)
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await?;
    Ok(())
}
