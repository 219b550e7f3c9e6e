//! 追回 (E30): money that a withdrawal has wrongly paid is asked back, comes in under its own code and is credited to the person's account. What
//! is asked is what was paid; interest that was lost stays lost.

use anju_casework::books::{self, Booking};
use anju_casework::case::{self, Begun, CaseState};
use anju_casework::{Actor, Fault, Office, PgConnection, Refusal, Result, outbox};
use anju_domain::calendar::chinese_day;
use anju_domain::money::Fen;
use anju_ledger::Role;
use anju_vault::NumberKind;
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use serde_json::json;
use sqlx::FromRow;

use super::{blacklist, reasoned};
use crate::contribution::receipt::Credit;
use crate::policy::Rules;

/// The service under which its case stands; nobody applies for it.
pub const SERVICE: &str = "withdraw-recovery";

/// States.
pub mod state {
    /// 线索: found by the system, a person looks.
    pub const LEAD: i16 = 1;
    /// 已要求退回.
    pub const DEMANDED: i16 = 2;
    /// 已退回.
    pub const RETURNED: i16 = 3;
    /// 不追回.
    pub const DROPPED: i16 = 9;
}

/// Money that is asked back.
#[derive(Debug, Clone, FromRow)]
pub struct Recovery {
    /// Identifier, also of its case.
    pub recovery_id: i64,
    /// From whom.
    pub person_id: i64,
    /// Who keeps it.
    pub branch_id: i16,
    /// The withdrawal.
    pub of_case: i64,
    /// The entry of the black list, where there is one.
    pub entry_id: Option<i64>,
    /// A pattern of §9.
    pub ground: String,
    /// What it stands on.
    pub finding: String,
    /// See [`state`].
    pub state: i16,
    /// Fen to be returned.
    pub owed_fen: i64,
    /// Fen returned.
    pub returned_fen: i64,
    /// When it was found.
    pub found_at: DateTime<Utc>,
    /// The last day.
    pub due_on: Option<NaiveDate>,
}

macro_rules! columns {
    () => {
        "recovery_id, person_id, branch_id, of_case, entry_id, ground, finding, state, owed_fen, returned_fen, found_at, due_on"
    };
}

impl Recovery {
    /// Fen that are still to come.
    #[must_use]
    pub const fn left_fen(&self) -> i64 {
        self.owed_fen - self.returned_fen
    }
}

/// What the payer writes into the remark: 追回码.
#[must_use]
pub fn code(office: &Office, recovery_id: i64) -> String {
    format!("ZH{}", office.numbers.encode(NumberKind::Case, recovery_id))
}

/// The recovery whose code stands in a remark; spaces and full width do not matter.
#[must_use]
pub fn find_code(office: &Office, remark: &str) -> Option<i64> {
    let text: String = anju_domain::text::normalise(remark)
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect::<String>()
        .to_ascii_uppercase();
    text.match_indices("ZH").find_map(|(at, _)| {
        let number: String = text
            .get(at + 2..)?
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect();
        office.numbers.decode(NumberKind::Case, &number)
    })
}

/// Why money is asked back.
pub struct Claim<'a> {
    /// The withdrawal that was paid.
    pub of_case: i64,
    /// The entry that was confirmed.
    pub entry_id: Option<i64>,
    /// A pattern of §9.
    pub ground: &'a str,
    /// What it stands on.
    pub finding: &'a str,
}

/// Keeps a lead: a withdrawal was paid and should not have been (FR-08). Once for each withdrawal; false the second time, and where the
/// housing commission's own signal has claimed it back already (`withdrawal::recovery`).
pub async fn lead(office: &Office, tx: &mut PgConnection, claim: &Claim<'_>) -> Result<bool> {
    let kept = sqlx::query(
        "INSERT INTO recovery (centre_id, recovery_id, person_id, branch_id, of_case, entry_id, ground, finding, state, owed_fen, found_at)
         SELECT $1, $2, c.applicant_id, c.branch_id, c.case_id, $4, $5, $6, 1, c.amount_fen, $7
           FROM business_case c WHERE c.centre_id = $1 AND c.case_id = $3 AND c.amount_fen > 0
            AND NOT EXISTS (SELECT FROM withdrawal_recovery w WHERE w.centre_id = $1 AND w.case_id = $3)
         ON CONFLICT (centre_id, of_case) WHERE state <> 9 DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(office.ids.next().await?)
    .bind(claim.of_case)
    .bind(claim.entry_id)
    .bind(claim.ground)
    .bind(claim.finding)
    .bind(office.now())
    .execute(tx)
    .await?;
    Ok(kept.rows_affected() == 1)
}

/// The demand that a confirmed entry brings with it, in its transaction.
pub(super) async fn demand_of_entry(
    office: &Office,
    tx: &mut PgConnection,
    claim: &Claim<'_>,
    staff_id: i64,
) -> Result<()> {
    lead(office, tx, claim).await?;
    let one: Option<Recovery> = sqlx::query_as(concat!(
        "UPDATE recovery SET entry_id = $3 WHERE centre_id = $1 AND of_case = $2 AND state <> 9 RETURNING ",
        columns!()
    ))
    .bind(office.centre.id)
    .bind(claim.of_case)
    .bind(claim.entry_id)
    .fetch_optional(&mut *tx)
    .await?;
    // It was claimed back already when its contract was cancelled.
    let Some(one) = one else {
        return Ok(());
    };
    if one.state == state::LEAD {
        demand(office, tx, &one, staff_id).await?;
    }
    Ok(())
}

/// Asks the money back: its case begins, its term runs, its person is told how to pay.
async fn demand(
    office: &Office,
    tx: &mut PgConnection,
    one: &Recovery,
    staff_id: i64,
) -> Result<()> {
    let days = Rules::on(office, office.today()).days("recovery_days")?;
    let due_on = office.today() + Days::new(u64::from(days));
    sqlx::query(
        "UPDATE recovery SET state = 2, demanded_by = $3, due_on = $4 WHERE centre_id = $1 AND recovery_id = $2",
    )
    .bind(office.centre.id)
    .bind(one.recovery_id)
    .bind(staff_id)
    .bind(due_on)
    .execute(&mut *tx)
    .await?;
    let begun = Begun {
        case_id: one.recovery_id,
        service: SERVICE,
        wish: &format!("{SERVICE}:{}", one.of_case),
        applicant_id: one.person_id,
        branch_id: one.branch_id,
        channel: "CTR",
        amount_fen: Some(one.owed_fen),
        promised_at: office.now() + TimeDelta::days(i64::from(days)),
        form: json!({}),
        detail: json!({
            "of_case": case::number(office, one.of_case),
            "ground": one.ground,
            "owed_fen": one.owed_fen,
            "due_on": due_on,
        }),
    };
    let actor = Actor::Staff(staff_id);
    case::begin_at(
        office,
        tx,
        CaseState::Executing,
        &["demanded"],
        begun,
        actor,
    )
    .await?;
    let text = format!(
        "【公积金】请在{}前退回违规提取的 {} 元，怎么退请在网上“失信与追回”里看。",
        chinese_day(due_on),
        Fen::new(one.owed_fen)
    );
    outbox::tell_people(office, tx, one.recovery_id, &[one.person_id], &[text]).await
}

/// A reviewer's word about a lead: the money is asked back, or it is not.
///
/// # Errors
/// 409 `E-CHECK-02` where it is no lead any more, 422 `E-CHECK-04` without a reason.
pub async fn decide_lead(
    office: &Office,
    recovery_id: i64,
    is_so: bool,
    reason: &str,
    staff_id: i64,
) -> Result<()> {
    let reason = reasoned(reason)?;
    let mut tx = office.pool.begin().await?;
    let one = lock(office, &mut tx, recovery_id).await?;
    if one.state != state::LEAD {
        return Err(case::moved_on().into());
    }
    sqlx::query("UPDATE recovery SET finding = finding || '；' || $3 WHERE centre_id = $1 AND recovery_id = $2")
        .bind(office.centre.id)
        .bind(recovery_id)
        .bind(reason)
        .execute(&mut *tx)
        .await?;
    if is_so {
        demand(office, &mut tx, &one, staff_id).await?;
    } else {
        sqlx::query("UPDATE recovery SET state = 9, demanded_by = $3 WHERE centre_id = $1 AND recovery_id = $2")
            .bind(office.centre.id)
            .bind(recovery_id)
            .bind(staff_id)
            .execute(&mut *tx)
            .await?;
        let actor = Actor::Staff(staff_id);
        let detail = json!({ "reason": reason });
        case::add_event(
            office,
            &mut tx,
            one.of_case,
            actor,
            &["not_recovered"],
            detail,
        )
        .await?;
    }
    tx.commit().await?;
    office.changed_with_messages(recovery_id);
    Ok(())
}

/// Takes back what an entry that is revoked had asked for, as far as it has not come.
pub(super) async fn drop_of_entry(
    office: &Office,
    tx: &mut PgConnection,
    entry_id: i64,
    actor: Actor,
    reason: &str,
) -> Result<()> {
    let dropped: Vec<(i64, i16)> = sqlx::query_as(
        "WITH open AS (
             SELECT recovery_id, state FROM recovery WHERE centre_id = $1 AND entry_id = $2 AND state IN (1, 2) FOR NO KEY UPDATE)
         UPDATE recovery r SET state = 9 FROM open
          WHERE r.centre_id = $1 AND r.recovery_id = open.recovery_id
         RETURNING r.recovery_id, open.state",
    )
    .bind(office.centre.id)
    .bind(entry_id)
    .fetch_all(&mut *tx)
    .await?;
    for (recovery_id, before) in dropped {
        if before == state::DEMANDED {
            let detail = json!({ "reason": reason });
            let steps = ["not_recovered"];
            case::end_executing(
                office,
                tx,
                recovery_id,
                CaseState::Withdrawn,
                &steps,
                detail,
                actor,
            )
            .await?;
        }
    }
    Ok(())
}

/// One that must exist.
pub async fn require(office: &Office, recovery_id: i64) -> Result<Recovery> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM recovery WHERE centre_id = $1 AND recovery_id = $2"
    ))
    .bind(office.centre.id)
    .bind(recovery_id)
    .fetch_optional(&office.pool)
    .await?
    .ok_or_else(|| Refusal::not_found("这笔追回").into())
}

async fn lock(office: &Office, tx: &mut PgConnection, recovery_id: i64) -> Result<Recovery> {
    find_locked(office, tx, recovery_id)
        .await?
        .ok_or_else(|| Refusal::not_found("这笔追回").into())
}

async fn find_locked(
    office: &Office,
    tx: &mut PgConnection,
    recovery_id: i64,
) -> Result<Option<Recovery>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM recovery WHERE centre_id = $1 AND recovery_id = $2 FOR NO KEY UPDATE"
    ))
    .bind(office.centre.id)
    .bind(recovery_id)
    .fetch_optional(tx)
    .await?)
}

/// What is asked of a person, newest first; a lead that nobody has looked at is not asked.
pub async fn of_person(office: &Office, person_id: i64, limit: i64) -> Result<Vec<Recovery>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM recovery WHERE centre_id = $1 AND person_id = $2 AND state IN (2, 3) ORDER BY recovery_id DESC LIMIT $3"
    ))
    .bind(office.centre.id)
    .bind(person_id)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// What an entry asks back.
pub async fn of_entry(office: &Office, entry_id: i64) -> Result<Option<Recovery>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM recovery WHERE centre_id = $1 AND entry_id = $2 ORDER BY recovery_id DESC LIMIT 1"
    ))
    .bind(office.centre.id)
    .bind(entry_id)
    .fetch_optional(&office.pool)
    .await?)
}

/// Those in a state, oldest first, a page of them after `after`; of one branch or, with none, of the centre.
pub async fn list(
    office: &Office,
    in_state: i16,
    branch_id: Option<i16>,
    after: i64,
    limit: i64,
) -> Result<Vec<Recovery>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM recovery
          WHERE centre_id = $1 AND state = $2 AND ($3::smallint IS NULL OR branch_id = $3) AND recovery_id > $4
          ORDER BY recovery_id LIMIT $5"
    ))
    .bind(office.centre.id)
    .bind(in_state)
    .bind(branch_id)
    .bind(after)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// Where a receipt that names a recovery belongs.
pub(crate) enum Place {
    /// To it, on this account.
    Account(Box<Recovery>, i64),
    /// To nobody, with the reason.
    Nobody(String),
}

/// Finds and takes the recovery that a receipt names; none where the remark names none of ours.
pub(crate) async fn place(
    office: &Office,
    tx: &mut PgConnection,
    credit: &Credit,
) -> Result<Option<Place>> {
    let Some(recovery_id) = find_code(office, &credit.remark) else {
        return Ok(None);
    };
    let Some(one) = find_locked(office, tx, recovery_id).await? else {
        return Ok(None);
    };
    let nobody = |words: &str| Ok(Some(Place::Nobody(words.to_owned())));
    if one.state != state::DEMANDED {
        return nobody("附言是追回码，但这笔追回已经结清或撤销，请退回");
    }
    if credit.amount_fen > one.left_fen() {
        return nobody("附言是追回码，但金额超过还要退回的数，请核对后退回");
    }
    match case::account_to_credit(office, tx, one.person_id, one.of_case).await? {
        Some(account_id) => Ok(Some(Place::Account(Box::new(one), account_id))),
        None => nobody("附言是追回码，但这位职工没有可以入账的账户"),
    }
}

/// E30: what came back is credited, in the transaction that takes the receipt; the last fen ends the recovery and gives back what the
/// withdrawal had used up. Returns the journal.
pub(crate) async fn received(
    office: &Office,
    tx: &mut PgConnection,
    one: &Recovery,
    account_id: i64,
    credit: &Credit,
) -> Result<i64> {
    let journal_id = books::post(
        office,
        tx,
        &Booking {
            event: "E30",
            key: &format!("{}:{}", credit.bank, credit.serial),
            case_id: Some(one.recovery_id),
            branch_id: one.branch_id,
            maker: Actor::System,
            checker: None,
            policy_id: 0,
            month: None,
            value_date: None,
            accounts: &[
                (Role::Bank, office.bank(&credit.bank)?.deposit_id),
                (Role::Person, account_id),
            ],
            amount_fen: credit.amount_fen,
        },
    )
    .await?;
    let returned = one.returned_fen + credit.amount_fen;
    let whole = returned == one.owed_fen;
    sqlx::query(
        "UPDATE recovery SET returned_fen = $3, state = CASE WHEN $4 THEN 3 ELSE state END WHERE centre_id = $1 AND recovery_id = $2",
    )
    .bind(office.centre.id)
    .bind(one.recovery_id)
    .bind(returned)
    .bind(whole)
    .execute(&mut *tx)
    .await?;
    let detail = json!({ "received_fen": credit.amount_fen, "returned_fen": returned, "owed_fen": one.owed_fen });
    if whole {
        sqlx::query("UPDATE withdrawal_use SET state = 3 WHERE centre_id = $1 AND case_id = $2")
            .bind(office.centre.id)
            .bind(one.of_case)
            .execute(&mut *tx)
            .await?;
        let steps = ["repaid", "done"];
        case::end_executing(
            office,
            tx,
            one.recovery_id,
            CaseState::Done,
            &steps,
            detail,
            Actor::System,
        )
        .await?;
    } else {
        case::add_event(
            office,
            tx,
            one.recovery_id,
            Actor::System,
            &["repaid_in_part"],
            detail,
        )
        .await?;
    }
    let text = format!(
        "【公积金】收到您退回的 {} 元，已记入您的公积金账户，还差 {} 元。",
        Fen::new(credit.amount_fen),
        Fen::new(one.owed_fen - returned)
    );
    outbox::tell_people(office, tx, one.recovery_id, &[one.person_id], &[text]).await?;
    Ok(journal_id)
}

/// Recoveries that are reminded in one look.
const AT_ONCE: i64 = 200;

/// The night's work: whose term is over hears it once. How many.
pub(super) async fn turn(office: &Office, today: NaiveDate) -> Result<u64> {
    let late: Vec<i64> = sqlx::query_scalar(
        "SELECT recovery_id FROM recovery
          WHERE centre_id = $1 AND state = 2 AND reminded_on IS NULL AND due_on < $2 ORDER BY due_on LIMIT $3",
    )
    .bind(office.centre.id)
    .bind(today)
    .bind(AT_ONCE)
    .fetch_all(&office.pool)
    .await?;
    let mut reminded = 0;
    for recovery_id in late {
        let mut tx = office.pool.begin().await?;
        let one = lock(office, &mut tx, recovery_id).await?;
        if one.state != state::DEMANDED {
            continue;
        }
        sqlx::query(
            "UPDATE recovery SET reminded_on = $3 WHERE centre_id = $1 AND recovery_id = $2",
        )
        .bind(office.centre.id)
        .bind(recovery_id)
        .bind(today)
        .execute(&mut *tx)
        .await?;
        let detail = json!({ "left_fen": one.left_fen() });
        case::add_event(
            office,
            &mut tx,
            recovery_id,
            Actor::System,
            &["overdue"],
            detail,
        )
        .await?;
        let text = format!(
            "【公积金】违规提取的 {} 元逾期没有退回，退回前失信限制不会提前解除，请尽快退回。",
            Fen::new(one.left_fen())
        );
        blacklist::tell(office, &mut tx, one.person_id, text).await?;
        tx.commit().await?;
        office.changed_with_messages(recovery_id);
        reminded += 1;
    }
    Ok(reminded)
}

/// Paid purchases whose contract is to be asked for again now; the day is noted at once, so that a process that dies loses one look.
pub async fn contracts_to_ask(office: &Office, limit: i64) -> Result<Vec<i64>> {
    let today = office.today();
    let rules = Rules::on(office, today);
    let every = u64::from(rules.days("fraud_contract_watch_days")?);
    let since =
        anju_domain::calendar::add_months(today, -rules.months("fraud_contract_watch_months")?);
    Ok(sqlx::query_scalar(
        "WITH due AS MATERIALIZED (
             SELECT case_id FROM withdrawal_use
              WHERE centre_id = $1 AND state = 2 AND kind IN ('PURCHASE', 'DOWNPAY')
                AND coalesce(contract_asked_on, used_on) <= $2 AND used_on >= $3
              ORDER BY coalesce(contract_asked_on, used_on), case_id LIMIT $4
                FOR NO KEY UPDATE SKIP LOCKED)
         UPDATE withdrawal_use u SET contract_asked_on = $5 FROM due
          WHERE u.centre_id = $1 AND u.case_id = due.case_id
         RETURNING u.case_id",
    )
    .bind(office.centre.id)
    .bind(today - Days::new(every))
    .bind(since)
    .bind(limit)
    .bind(today)
    .fetch_all(&office.pool)
    .await?)
}

/// FR-08: the contract of a paid withdrawal was cancelled. Once for each; a person looks at it.
///
/// # Errors
/// The database.
pub async fn contract_cancelled(office: &Office, case_id: i64) -> Result<bool> {
    let mut tx = office.pool.begin().await?;
    let claim = Claim {
        of_case: case_id,
        entry_id: None,
        ground: "FR-08",
        finding: "提取到账后，购房合同在市住房城乡建委登记为已撤销",
    };
    let kept = lead(office, &mut tx, &claim).await?;
    if kept {
        let detail = json!({ "patterns": ["FR-08"] });
        let steps = ["contract_cancelled"];
        case::add_event(office, &mut tx, case_id, Actor::System, &steps, detail).await?;
    }
    tx.commit().await?;
    if kept {
        office.changed(case_id);
        metrics::counter!("recovery_leads_total").increment(1);
    }
    Ok(kept)
}

/// The fund account into which the money is to be paid back: that of the bank that paid it.
///
/// # Errors
/// A withdrawal that no bank has paid.
pub async fn pay_to(office: &Office, of_case: i64) -> Result<(String, String, String)> {
    let paid = case::require(office, of_case).await?;
    let bank = paid.pay_bank.ok_or_else(|| {
        Fault::Stored("a withdrawal that is asked back was never paid".to_owned())
    })?;
    let account = office.bank(&bank)?;
    Ok((
        account.bank_name.clone(),
        account.account_no.clone(),
        account.holder.clone(),
    ))
}
