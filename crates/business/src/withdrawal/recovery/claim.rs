//! A claim from its finding to its demand: found by the system it is a lead that a reviewer looks at; a confirmed entry of the black list or
//! the housing commission's own word demands at once.

use anju_casework::case::{self, Begun, CaseState};
use anju_casework::{Actor, Office, PgConnection, Result, outbox};
use anju_domain::calendar::chinese_day;
use anju_domain::money::Fen;
use chrono::{Days, NaiveDate, TimeDelta};
use serde_json::json;

use super::contract::{FINDING, who_owes};
use super::{Recovery, SERVICE, code, debtor, lock, of_entry, reason, standing, state};
use crate::fraud::reasoned;
use crate::policy::Rules;

/// What is claimed back, and why.
pub(crate) struct Claim<'a> {
    /// The withdrawal that was paid.
    pub of_case: i64,
    /// See [`reason`].
    pub reason: i16,
    /// A pattern of §9.
    pub ground: &'a str,
    /// What it stands on.
    pub finding: &'a str,
    /// See [`debtor`].
    pub debtor: i16,
    /// Number of the contract that was cancelled.
    pub contract_no: Option<&'a str>,
    /// Its day.
    pub cancelled_on: Option<NaiveDate>,
}

/// Keeps a lead: a withdrawal was paid and should not have been, or should not stay paid. Once for each withdrawal; false the second time.
pub(super) async fn lead(
    office: &Office,
    tx: &mut PgConnection,
    claim: &Claim<'_>,
) -> Result<bool> {
    let kept = sqlx::query(
        "INSERT INTO recovery (centre_id, recovery_id, person_id, branch_id, of_case, reason, ground, finding, debtor, contract_no, cancelled_on,
                               state, owed_fen, found_at)
         SELECT $1, $2, c.applicant_id, c.branch_id, c.case_id, $4, $5, $6, $7, $8, $9, 1, c.amount_fen, $10
           FROM business_case c WHERE c.centre_id = $1 AND c.case_id = $3 AND c.amount_fen > 0
         ON CONFLICT (centre_id, of_case) WHERE state <> 9 DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(office.ids.next().await?)
    .bind(claim.of_case)
    .bind(claim.reason)
    .bind(claim.ground)
    .bind(claim.finding)
    .bind(claim.debtor)
    .bind(claim.contract_no)
    .bind(claim.cancelled_on)
    .bind(office.now())
    .execute(tx)
    .await?;
    Ok(kept.rows_affected() == 1)
}

/// Demands what a claim says, whether it was a lead before or not, in the caller's transaction; whether it was demanded now.
pub(super) async fn demand_claim(
    office: &Office,
    tx: &mut PgConnection,
    claim: &Claim<'_>,
    actor: Actor,
) -> Result<bool> {
    lead(office, tx, claim).await?;
    let Some(one) = standing(
        office,
        tx,
        claim.of_case,
        claim.contract_no,
        claim.cancelled_on,
    )
    .await?
    else {
        return Ok(false);
    };
    let is_lead = one.state == state::LEAD;
    if is_lead {
        demand(office, tx, &one, actor).await?;
    }
    Ok(is_lead)
}

/// The demand that a confirmed entry brings with it, in its transaction: it is from now on a matter of that entry, also where a cancelled
/// contract claimed it before.
pub(crate) async fn demand_of_entry(
    office: &Office,
    tx: &mut PgConnection,
    entry: (i64, &str, &str),
    of_case: i64,
    staff_id: i64,
) -> Result<()> {
    let (entry_id, ground, finding) = entry;
    let claim = Claim {
        of_case,
        reason: reason::FRAUD,
        ground,
        finding,
        debtor: debtor::PERSON,
        contract_no: None,
        cancelled_on: None,
    };
    lead(office, tx, &claim).await?;
    sqlx::query(
        "UPDATE recovery SET entry_id = $3, reason = $4, ground = $5, finding = $6 WHERE centre_id = $1 AND of_case = $2 AND state IN (1, 2)",
    )
    .bind(office.centre.id)
    .bind(of_case)
    .bind(entry_id)
    .bind(reason::FRAUD)
    .bind(ground)
    .bind(finding)
    .execute(&mut *tx)
    .await?;
    demand_claim(office, tx, &claim, Actor::Staff(staff_id)).await?;
    Ok(())
}

/// Asks the money back: its case begins, its term runs, its person is told how it comes back.
async fn demand(
    office: &Office,
    tx: &mut PgConnection,
    one: &Recovery,
    actor: Actor,
) -> Result<()> {
    let days = Rules::on(office, office.today()).days("recovery_days")?;
    let due_on = office.today() + Days::new(u64::from(days));
    let (demanded_by, channel) = match actor {
        Actor::Staff(staff_id) => (Some(staff_id), "CTR"),
        _ => (None, "PUSH"),
    };
    sqlx::query(
        "UPDATE recovery SET state = 2, demanded_by = $3, due_on = $4 WHERE centre_id = $1 AND recovery_id = $2",
    )
    .bind(office.centre.id)
    .bind(one.recovery_id)
    .bind(demanded_by)
    .bind(due_on)
    .execute(&mut *tx)
    .await?;
    let begun = Begun {
        case_id: one.recovery_id,
        service: SERVICE,
        wish: &format!("{SERVICE}:{}", one.of_case),
        applicant_id: one.person_id,
        branch_id: one.branch_id,
        channel,
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
    let steps = ["demanded"];
    case::begin_at(office, tx, CaseState::Executing, &steps, begun, actor).await?;
    let code = code(office, one.recovery_id);
    let detail = json!({
        "pattern": one.ground, "contract": one.contract_no, "cancelled_on": one.cancelled_on, "amount_fen": one.owed_fen, "claim": code,
        "from": if one.debtor == debtor::SUPERVISED { "supervised" } else { "person" }, "due_on": due_on,
    });
    case::add_event(office, tx, one.of_case, actor, &["recovering"], detail).await?;
    metrics::counter!("recoveries_total", "pattern" => one.ground.clone()).increment(1);
    let owed = Fen::new(one.owed_fen);
    let text = match (one.reason, one.debtor) {
        (reason::CONTRACT, debtor::SUPERVISED) => {
            format!(
                "【公积金】购房合同已撤销，您提取的首付款 {owed} 元由开发企业从监管账户退回，附言 {code}"
            )
        }
        (reason::CONTRACT, _) => format!(
            "【公积金】购房合同已撤销，请在{}前退回提取的 {owed} 元，附言 {code}",
            chinese_day(due_on)
        ),
        _ => format!(
            "【公积金】请在{}前退回违规提取的 {owed} 元，怎么退请在网上“失信与追回”里看。",
            chinese_day(due_on)
        ),
    };
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
    words: &str,
    staff_id: i64,
) -> Result<()> {
    let words = reasoned(words)?;
    let mut tx = office.pool.begin().await?;
    let one = lock(office, &mut tx, recovery_id).await?;
    if one.state != state::LEAD {
        return Err(case::moved_on().into());
    }
    sqlx::query("UPDATE recovery SET finding = finding || '；' || $3 WHERE centre_id = $1 AND recovery_id = $2")
        .bind(office.centre.id)
        .bind(recovery_id)
        .bind(words)
        .execute(&mut *tx)
        .await?;
    let actor = Actor::Staff(staff_id);
    if is_so {
        demand(office, &mut tx, &one, actor).await?;
    } else {
        sqlx::query("UPDATE recovery SET state = 9, demanded_by = $3 WHERE centre_id = $1 AND recovery_id = $2")
            .bind(office.centre.id)
            .bind(recovery_id)
            .bind(staff_id)
            .execute(&mut *tx)
            .await?;
        let (of_case, steps, detail) = (one.of_case, ["not_recovered"], json!({ "reason": words }));
        case::add_event(office, &mut tx, of_case, actor, &steps, detail).await?;
    }
    tx.commit().await?;
    office.changed_with_messages(recovery_id);
    Ok(())
}

/// Who has the money that an entry asks back, before its transaction begins.
pub(crate) async fn debtor_of_entry(office: &Office, entry_id: i64) -> Result<i16> {
    match of_entry(office, entry_id).await? {
        Some(one) => who_owes(office, one.of_case).await,
        None => Ok(debtor::PERSON),
    }
}

/// Takes back what an entry that is revoked had asked for, as far as it has not come. A contract that was cancelled stays so: its claim goes on
/// without the entry, with the words and the debtor of a cancelled contract, and its person is told that it does.
pub(crate) async fn drop_of_entry(
    office: &Office,
    tx: &mut PgConnection,
    entry_id: i64,
    owes: i16,
    actor: Actor,
    words: &str,
) -> Result<()> {
    let open: Vec<Recovery> = sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM recovery
          WHERE centre_id = $1 AND entry_id = $2 AND state IN (1, 2) AND contract_no IS NOT NULL
          ORDER BY recovery_id FOR NO KEY UPDATE"
    ))
    .bind(office.centre.id)
    .bind(entry_id)
    .fetch_all(&mut *tx)
    .await?;
    for one in open {
        goes_on_without_entry(office, tx, &one, owes, actor, words).await?;
    }
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
            let detail = json!({ "reason": words });
            let (to, steps) = (CaseState::Withdrawn, ["not_recovered"]);
            case::end_executing(office, tx, recovery_id, to, &steps, detail, actor).await?;
        }
    }
    Ok(())
}

/// From now on a matter of the contract alone.
async fn goes_on_without_entry(
    office: &Office,
    tx: &mut PgConnection,
    one: &Recovery,
    owes: i16,
    actor: Actor,
    words: &str,
) -> Result<()> {
    sqlx::query(
        "UPDATE recovery SET entry_id = NULL, reason = 2, ground = 'FR-08', finding = $3, debtor = $4
          WHERE centre_id = $1 AND recovery_id = $2",
    )
    .bind(office.centre.id)
    .bind(one.recovery_id)
    .bind(FINDING)
    .bind(owes)
    .execute(&mut *tx)
    .await?;
    if one.state != state::DEMANDED {
        return Ok(());
    }
    let detail = json!({ "reason": words, "left_fen": one.left_fen() });
    let steps = ["entry_revoked"];
    case::add_event(office, tx, one.recovery_id, actor, &steps, detail).await?;
    let (left, code) = (Fen::new(one.left_fen()), code(office, one.recovery_id));
    let who = if owes == debtor::SUPERVISED {
        "由开发企业从监管账户退回"
    } else {
        "请您退回"
    };
    let text =
        format!("【公积金】失信记录已撤销；购房合同撤销后应退的 {left} 元仍{who}，附言 {code}");
    outbox::tell_people(office, tx, one.recovery_id, &[one.person_id], &[text]).await
}

/// Recoveries that are reminded in one look.
const AT_ONCE: i64 = 200;

/// The night's work: whose term is over hears it once. How many.
pub async fn turn(office: &Office, today: NaiveDate) -> Result<u64> {
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
        let (actor, detail) = (Actor::System, json!({ "left_fen": one.left_fen() }));
        case::add_event(office, &mut tx, recovery_id, actor, &["overdue"], detail).await?;
        let left = Fen::new(one.left_fen());
        let text = match (one.reason, one.debtor) {
            (reason::CONTRACT, debtor::SUPERVISED) => {
                format!(
                    "【公积金】开发企业还没有退回首付款 {left} 元，已经逾期，请向开发企业催退。"
                )
            }
            (reason::CONTRACT, _) => {
                format!("【公积金】购房合同撤销后应退的 {left} 元逾期没有退回，请尽快退回。")
            }
            _ => format!(
                "【公积金】违规提取的 {left} 元逾期没有退回，退回前失信限制不会提前解除，请尽快退回。"
            ),
        };
        outbox::tell_people(office, &mut tx, recovery_id, &[one.person_id], &[text]).await?;
        tx.commit().await?;
        office.changed_with_messages(recovery_id);
        reminded += 1;
    }
    Ok(reminded)
}
