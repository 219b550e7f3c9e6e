//! Allocation (分配, E05; of a back payment E06): a covered list is credited to every account at once, in the transaction of the receipt that covers it.

use std::num::NonZeroUsize;
use std::sync::LazyLock;
use std::thread::available_parallelism;
use std::time::Instant;

use anju_domain::money::Fen;
use anju_ledger::journal::{self, Allocation, AllocationLine, Header};
use anju_ledger::{AccountId, Part};
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde_json::json;
use sqlx::{Connection, PgConnection};

use anju_casework::books::{self, Booking};
use anju_casework::employer::Employer;
use anju_casework::{Actor, Fault, Office, Result, case, leaf, outbox};

use super::receipt::{receipt_state, received_detail};
use super::relief;
use super::remittance::{self, Remittance, kind};
use super::{enforcement, flexible, late_credit, proof, suspense_chase};

/// Counts a receipt towards a list; when suspense covers it, allocates. The employer's row is locked by the caller.
pub(crate) async fn apply(
    office: &Office,
    tx: &mut PgConnection,
    employer: &Employer,
    list: &Remittance,
    received_fen: i64,
) -> Result<()> {
    let received = list.received_fen + received_fen;
    // Not what is held for somebody whose account was closed.
    let suspense: i64 = sqlx::query_scalar(
        "SELECT balance_fen - reserved_fen FROM ledger_account WHERE centre_id = $1 AND account_id = $2",
    )
    .bind(office.centre.id)
    .bind(employer.suspense_account_id)
    .fetch_one(&mut *tx)
    .await?;
    // The suspense of an employer is his own; that of the people who contribute by themselves is everybody's, so that only what came
    // for this list counts.
    let covers = if list.kind == kind::FLEXIBLE {
        received
    } else {
        suspense
    };
    if covers < list.amount_fen {
        sqlx::query("UPDATE remittance SET state = 2, received_fen = $3 WHERE centre_id = $1 AND remittance_id = $2 AND state IN (1, 2)")
            .bind(office.centre.id)
            .bind(list.remittance_id)
            .bind(received)
            .execute(&mut *tx)
            .await?;
        let missing = Fen::new(list.amount_fen - suspense);
        let words = suspense_chase::short_words(missing);
        outbox::tell_clerks(
            office,
            tx,
            employer.employer_id,
            Some(list.remittance_id),
            &words,
        )
        .await?;
        let detail = received_detail(received, list);
        case::add_event(
            office,
            tx,
            list.remittance_id,
            Actor::System,
            &["part_received"],
            detail,
        )
        .await?;
        return Ok(());
    }
    allocate(office, tx, employer, list, received).await?;
    let mut left = suspense - list.amount_fen;
    if list.kind == kind::MONTHLY {
        left -= months_in_order(office, tx, employer).await?;
    }
    if left > 0 && received_fen > 0 {
        // What is left is for the next month that waits, or for nobody yet.
        let next = remittance::open_of(office, tx, employer.employer_id).await?;
        let words = match next.filter(|next| left < next.amount_fen) {
            Some(next) => suspense_chase::short_words(Fen::new(next.amount_fen - left)),
            None => suspense_chase::over_words(Fen::new(left)),
        };
        outbox::tell_clerks(
            office,
            tx,
            employer.employer_id,
            Some(list.remittance_id),
            &words,
        )
        .await?;
    }
    Ok(())
}

/// Allocates a list that was just registered where the employer's suspense covers it and nothing else waits for that money (暂存款缴存,
/// contribution.md §18, 19). The employer's row is locked by the caller.
pub(crate) async fn from_suspense(
    office: &Office,
    tx: &mut PgConnection,
    employer: &Employer,
    remittance_id: i64,
) -> Result<()> {
    let list = remittance::get(office, tx, remittance_id)
        .await?
        .ok_or_else(|| Fault::Stored("a list that was just registered is gone".to_owned()))?;
    let (suspense, others): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT balance_fen - reserved_fen FROM ledger_account WHERE centre_id = $1 AND account_id = $2),
                (SELECT count(*) FROM remittance WHERE centre_id = $1 AND employer_id = $3 AND state IN (1, 2) AND remittance_id <> $4)",
    )
    .bind(office.centre.id)
    .bind(employer.suspense_account_id)
    .bind(employer.employer_id)
    .bind(remittance_id)
    .fetch_one(&mut *tx)
    .await?;
    if suspense < list.amount_fen || others > 0 {
        return Ok(());
    }
    allocate(office, tx, employer, &list, list.amount_fen).await
}

/// What stands in an employer's suspense (单位暂存款).
#[derive(Debug, Clone, Copy)]
pub(super) struct Suspense {
    /// All of it that is not held for somebody whose account was closed.
    pub(super) total: Fen,
    /// What lists that wait have received of it.
    pub(super) received: Fen,
}

impl Suspense {
    /// What no waiting list has received: it pays the next list, or is asked back.
    pub(super) fn free(self) -> Fen {
        (self.total - self.received).max(Fen::ZERO)
    }
}

/// The suspense of an employer.
pub(super) async fn suspense(
    office: &Office,
    conn: &mut PgConnection,
    employer: &Employer,
) -> Result<Suspense> {
    let (total, received): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT balance_fen - reserved_fen FROM ledger_account WHERE centre_id = $1 AND account_id = $2),
                (SELECT coalesce(sum(received_fen), 0)::bigint FROM remittance
                  WHERE centre_id = $1 AND employer_id = $3 AND state IN (1, 2))",
    )
    .bind(office.centre.id)
    .bind(employer.suspense_account_id)
    .bind(employer.employer_id)
    .fetch_one(conn)
    .await?;
    Ok(Suspense {
        total: Fen::new(total),
        received: Fen::new(received),
    })
}

/// Allocates the months that wait, in order, as far as the employer's suspense covers them; what other lists have received is left to them.
/// Returns how much they took.
pub(super) async fn months_in_order(
    office: &Office,
    tx: &mut PgConnection,
    employer: &Employer,
) -> Result<i64> {
    let mut taken = 0;
    while let Some(list) = remittance::open_of(office, tx, employer.employer_id).await? {
        let stands = suspense(office, tx, employer).await?;
        let of_others = stands.received - Fen::new(list.received_fen);
        if (stands.total - of_others).fen() < list.amount_fen || list.by_debit() {
            break;
        }
        allocate(office, tx, employer, &list, list.amount_fen).await?;
        taken += list.amount_fen;
    }
    Ok(taken)
}

/// The event that credits a list.
pub(super) const fn event_of(list: &Remittance) -> &'static str {
    match list.kind {
        kind::MONTHLY | kind::FLEXIBLE => "E05",
        kind::SUBSIDY => "E12",
        _ => "E06",
    }
}

/// Credits every account of the list but those that were closed meanwhile ([`late_credit`]). One journal; as many statements for 10,000 lines
/// as for one.
pub(crate) async fn allocate(
    office: &Office,
    tx: &mut PgConnection,
    employer: &Employer,
    list: &Remittance,
    received_fen: i64,
) -> Result<()> {
    let began = Instant::now();
    let mut lines = proof::lines(office, tx, list.remittance_id).await?;
    let total: i64 = lines
        .iter()
        .map(|(_, employer_fen, employee_fen)| employer_fen + employee_fen)
        .sum();
    if total != list.amount_fen {
        return Err(Fault::Stored(format!(
            "list {} sums to {total}, not {}",
            list.remittance_id, list.amount_fen
        ))
        .into());
    }
    let key = list.remittance_id.to_string();
    let is_month = list.kind == kind::MONTHLY;
    let booking = Booking {
        event: event_of(list),
        key: &key,
        case_id: Some(list.remittance_id),
        branch_id: employer.branch_id,
        maker: Actor::System,
        checker: None,
        policy_id: 0,
        month: (list.kind != kind::SUPPLEMENT).then(|| list.month()),
        value_date: None,
        accounts: &[],
        amount_fen: total,
    };
    let header = books::header(office, tx, &booking).await?;
    let now = office.now();
    let leaf = loop {
        // The evidence is drawn while the database books.
        let drawing = {
            let (office, list, lines) = (office.clone(), list.clone(), lines.clone());
            tokio::task::spawn_blocking(move || {
                let drawn = || proof::batch(&office, &list, &lines, now, anju_vault::random());
                beside_the_database(drawn)?.leaf()
            })
        };
        if credit(tx, &header, employer, list, &key, &lines).await? {
            break drawing.await.map_err(|_| {
                Fault::Stored("drawing the evidence of a list did not finish".to_owned())
            })??;
        }
        if !late_credit::put_aside(office, tx, employer, list, header.day.date()).await? {
            let detail = format!("list {} does not fit its accounts", list.remittance_id);
            return Err(Fault::Stored(detail).into());
        }
        lines = proof::lines(office, tx, list.remittance_id).await?;
    };
    leaf::add(office, tx, leaf::kind::BATCH, list.remittance_id, &leaf).await?;
    let credited: i64 = lines
        .iter()
        .map(|(_, employer_fen, employee_fen)| employer_fen + employee_fen)
        .sum();
    if credited != total {
        late_credit::hold(office, tx, employer, list).await?;
    }

    let ms = i32::try_from(began.elapsed().as_millis()).unwrap_or(i32::MAX);
    sqlx::query(
        "WITH list AS (
             UPDATE remittance
                SET state = 3, collecting = false, collect_on = NULL, received_fen = $3, allocated_fen = $8, allocated_at = $4, allocation_ms = $5, journal_id = $6
              WHERE centre_id = $1 AND remittance_id = $2 AND state IN (1, 2)
             RETURNING employer_id, month, kind),
         receipts AS (
             UPDATE receipt SET state = $7, reason = '已分配到个人账户' WHERE centre_id = $1 AND remittance_id = $2)
         UPDATE employer e SET paid_to_month = list.month FROM list
          WHERE e.centre_id = $1 AND e.employer_id = list.employer_id AND list.kind = 1",
    )
    .bind(office.centre.id)
    .bind(list.remittance_id)
    .bind(received_fen)
    .bind(now)
    .bind(ms)
    .bind((!lines.is_empty()).then_some(header.journal_id.0))
    .bind(receipt_state::APPLIED)
    .bind(credited)
    .execute(&mut *tx)
    .await?;
    if list.kind == kind::FLEXIBLE && !lines.is_empty() {
        flexible::first_money(office, tx, list.remittance_id).await?;
    }
    let detail = json!({ "allocated_fen": credited, "lines": lines.len(), "received_fen": received_fen, "ms": ms });
    case::end_executing(
        office,
        tx,
        list.remittance_id,
        case::CaseState::Done,
        &["allocated", "done"],
        detail,
        Actor::System,
    )
    .await?;
    if is_month {
        relief::reduction::counted(office, tx, list).await?;
        relief::reduction::follow(office, tx, list.employer_id).await?;
    } else if list.kind == kind::SUPPLEMENT {
        relief::deferral::made_up(office, tx, list).await?;
    }
    metrics::counter!("allocated_lines_total").increment(lines.len() as u64);
    enforcement::order::paid(office, tx, employer.employer_id).await
}

/// Draws on all cores but the one on which the database books at this moment: on all of them a list of 30,000 took a tenth longer.
fn beside_the_database<T: Send>(drawn: impl FnOnce() -> T + Send) -> T {
    static OTHER_CORES: LazyLock<Option<ThreadPool>> = LazyLock::new(|| {
        let cores = available_parallelism().map_or(1, NonZeroUsize::get);
        let others = (cores - 1).max(1);
        ThreadPoolBuilder::new().num_threads(others).build().ok()
    });
    match &*OTHER_CORES {
        Some(pool) => pool.install(drawn),
        None => drawn(),
    }
}

/// Books lines of a list in one journal; none books nothing. False: an account takes no contribution, and nothing is booked. That is asked of
/// the books by trying, since a closing may come at the same moment: whoever is first has the account's row.
async fn credit(
    tx: &mut PgConnection,
    header: &Header,
    employer: &Employer,
    list: &Remittance,
    key: &str,
    lines: &[proof::Line],
) -> Result<bool> {
    if lines.is_empty() {
        return Ok(true);
    }
    let lines: Vec<AllocationLine> = lines
        .iter()
        .map(|(account, employer_fen, employee_fen)| AllocationLine {
            account: AccountId(*account),
            employer: Fen::new(*employer_fen),
            employee: Fen::new(*employee_fen),
        })
        .collect();
    let allocation = Allocation {
        business_key: key,
        value_date: header.day.date(),
        suspense: AccountId(employer.suspense_account_id),
        lines: &lines,
        parts: if list.kind == kind::SUBSIDY {
            (Part::Subsidy, Part::Subsidy)
        } else {
            (Part::Employer, Part::Employee)
        },
    };
    let mut point = tx.begin().await?;
    match journal::allocate(&mut point, header, &allocation).await {
        Ok(_) => {
            point.commit().await?;
            Ok(true)
        }
        Err(anju_ledger::Error::Allocation(_)) => {
            point.rollback().await?;
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}
