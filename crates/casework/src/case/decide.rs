//! Deciding a case and booking what was decided: read without a lock, decide in memory, one guarded statement.

use anju_policy::fact::{At, Fact};
use anju_policy::{Decision, Facts, Outcome, StoredDecision};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use super::begin::end_executing;
use super::payment::Payment;
use super::row::{Case, CaseState};
use super::submit::{Submission, repeated};
use super::{add_event, hold, next_seq, own_fact};
use crate::catalogue::{Approved, OwnBooks, Request, Service};
use crate::office::PolicyInForce;
use crate::{Actor, Error, Fault, Office, Result, fact, outbox};

/// What was done about a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The case has moved to this state.
    Moved(CaseState),
    /// The account, the day, the case or the event moved in between: read again and decide again.
    Again,
}

/// What is kept of a decision: codes, fact ids, numbers, and the facts of our own books, which have no row of their own.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "KeptText<StoredDecision>")]
pub(super) struct KeptDecision {
    pub(super) stored: StoredDecision,
    pub(super) own: Vec<Fact>,
}

/// The same as it is written down.
#[derive(Serialize, Deserialize)]
struct KeptText<Stored> {
    #[serde(flatten)]
    stored: Stored,
    own: Vec<own_fact::Kept>,
    /// The reviewer's reason, where a person decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by_hand: Option<String>,
}

impl TryFrom<KeptText<StoredDecision>> for KeptDecision {
    type Error = String;

    fn try_from(text: KeptText<StoredDecision>) -> std::result::Result<Self, String> {
        Ok(Self {
            own: own_fact::whole(text.own, text.stored.at.now)?,
            stored: text.stored,
        })
    }
}

/// Decides: the decision as it is shown, and what is kept of it. Pure: the same facts, form, instant and policy give the same decision
/// for ever.
pub fn decide(
    policy: &PolicyInForce,
    request: &Request,
    facts: &Facts,
    at: At,
) -> Result<(Decision, StoredDecision)> {
    let reading = policy
        .set
        .reading(&request.service, facts, &request.form, at)
        .map_err(|error| Fault::Policy(error.to_string()))?;
    let verdict = reading.judge();
    Ok((reading.explain(&verdict), reading.stored(&verdict)))
}

/// A new case with all facts at hand, or one that is open.
pub(super) enum Target<'a> {
    /// Not in the database yet.
    New(&'a Submission, &'a str),
    /// Open, and the number that its next event has.
    Open(&'a Case, i16),
}

impl Target<'_> {
    pub(super) const fn case_id(&self) -> i64 {
        match self {
            Self::New(submission, _) => submission.case_id,
            Self::Open(case, _) => case.case_id,
        }
    }
}

/// Everything that was read and decided, on its way into the database.
pub struct Decided<'a> {
    /// What was asked for.
    pub request: &'a Request,
    /// What our own books said.
    pub own: &'a OwnBooks,
    /// What was decided.
    pub decision: &'a Decision,
    /// What is kept of it.
    pub stored: &'a StoredDecision,
    /// For which instant and day.
    pub at: At,
    /// All facts.
    pub facts: &'a Facts,
    /// The rules.
    pub policy: &'a PolicyInForce,
    /// Timed legs of the flight recorder.
    pub legs: &'a [Leg],
}

/// One timed leg of a case: tap → sources → decision → bank → card.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Leg {
    /// Name, e.g. `sources`, `decision`.
    pub leg: String,
    /// Begun.
    pub started_at: DateTime<Utc>,
    /// Milliseconds.
    pub ms: i64,
}

fn count(decided: &Decided<'_>) {
    let outcome = match decided.decision.outcome {
        Outcome::Approved => "approved",
        Outcome::Refused => "refused",
        Outcome::Waiting => "waiting",
        Outcome::Review => "review",
    };
    metrics::counter!("decisions_total", "service" => decided.request.service.clone(), "outcome" => outcome)
        .increment(1);
}

/// Begins and pays a case whose facts were all at hand and whose answer is yes; anything else first becomes an open case.
///
/// # Errors
/// 409 `E-API-02` and `E-W-05` as when a case is opened; when the database fails.
pub async fn pay_at_once(
    office: &Office,
    submission: &Submission,
    wish: &str,
    decided: &Decided<'_>,
) -> Result<Verdict> {
    count(decided);
    let target = Target::New(submission, wish);
    let payment = Payment::draw(office, &target, decided, submission.actor, None).await?;
    let booked = office.trays.payments.put(office, payment).await;
    let Err(error) = booked.and_then(|alone| alone) else {
        office.executing_with_messages(submission.case_id);
        return Ok(Verdict::Moved(CaseState::Executing));
    };
    if !moved_meanwhile(&error) {
        let mut conn = office.pool.acquire().await?;
        repeated(office, &mut conn, submission, wish, error).await?;
    }
    Ok(Verdict::Again)
}

/// Books what was decided about an open case.
pub async fn record_verdict(
    office: &Office,
    conn: &mut PgConnection,
    case: &Case,
    decided: &Decided<'_>,
    actor: Actor,
) -> Result<Verdict> {
    count(decided);
    match decided.decision.outcome {
        Outcome::Approved => execute(office, conn, case, decided, actor, None).await,
        Outcome::Refused => {
            move_case(
                office,
                conn,
                case,
                CaseState::Refused,
                decided,
                &["decided", "refused"],
                None,
                actor,
            )
            .await
        }
        Outcome::Review => {
            move_case(
                office,
                conn,
                case,
                CaseState::Reviewing,
                decided,
                &["decided", "reviewing"],
                None,
                actor,
            )
            .await
        }
        // Still unknown after the longest wait: a person looks (data_sharing.md §6). A paper that the applicant owes is waited for.
        Outcome::Waiting if waited_enough(decided, case) => {
            move_case(
                office,
                conn,
                case,
                CaseState::Reviewing,
                decided,
                &["waited", "reviewing"],
                None,
                actor,
            )
            .await
        }
        Outcome::Waiting => {
            let next = next_try(decided, case)?;
            let step = if decided.decision.papers.is_empty() {
                "waiting"
            } else if is_asked_of_others(decided) {
                "needs_others"
            } else {
                "needs_paper"
            };
            move_case(
                office,
                conn,
                case,
                CaseState::Gathering,
                decided,
                &[step],
                Some(next),
                actor,
            )
            .await
        }
    }
}

fn waited_enough(decided: &Decided<'_>, case: &Case) -> bool {
    let hours = decided
        .policy
        .set
        .int("gather_max_wait_hours", decided.at.today, &[])
        .unwrap_or(i64::MAX / 3600);
    decided.decision.papers.is_empty() && waited(decided, case).num_hours() >= hours
}

/// How long a case has waited for sources; while it waited for a paper that time stood still (withdrawal.md §4.6).
fn waited(decided: &Decided<'_>, case: &Case) -> TimeDelta {
    let now = decided.at.now;
    let for_this_paper = case
        .paper_since
        .map_or(TimeDelta::zero(), |since| now - since);
    now - case.submitted_at - TimeDelta::seconds(case.paper_waited_s) - for_this_paper
}

/// When silent sources are asked again: the distance is policy, by how long the case has waited (data_sharing.md §6). A source's
/// recovery wakes the case earlier.
fn next_try(decided: &Decided<'_>, case: &Case) -> Result<DateTime<Utc>> {
    let now = decided.at.now;
    let waited = waited(decided, case).num_minutes().max(0).to_string();
    let minutes = decided
        .policy
        .set
        .int(
            "gather_retry_minutes",
            decided.at.today,
            &[("waited", &waited)],
        )
        .map_err(|error| Fault::Policy(error.to_string()))?;
    Ok(now + TimeDelta::minutes(minutes))
}

/// The last day on which a missing paper may be handed in.
fn last_day_for_paper(office: &Office, decided: &Decided<'_>) -> Result<NaiveDate> {
    let days = decided
        .policy
        .set
        .int("paper_working_days", decided.at.today, &[])
        .map_err(|error| Fault::Policy(error.to_string()))?;
    let days = u32::try_from(days)
        .map_err(|_| Fault::Policy("paper_working_days is below zero".to_owned()))?;
    Ok(office.holidays().add_working_days(office.today(), days))
}

#[expect(
    clippy::too_many_arguments,
    reason = "one change of a case, told in one place"
)]
async fn move_case(
    office: &Office,
    conn: &mut PgConnection,
    case: &Case,
    to: CaseState,
    decided: &Decided<'_>,
    steps: &[&str],
    next_try_at: Option<DateTime<Utc>>,
    actor: Actor,
) -> Result<Verdict> {
    // While a paper is waited for the promise stands still (withdrawal.md §4.6).
    let needs_paper = to == CaseState::Gathering && !decided.decision.papers.is_empty();
    let paper_until = if needs_paper {
        Some(last_day_for_paper(office, decided)?)
    } else {
        None
    };
    // A case that goes on waiting for the same thing is not told again and again.
    let waits = if needs_paper {
        case.paper_since.is_some()
    } else {
        case.decision.is_some()
    };
    let repeats = to == CaseState::Gathering && waits;
    let mut tx = conn.begin().await?;
    let moved = sqlx::query(
        "UPDATE business_case
            SET state = $4, decision = $5, policy_id = $6, next_try_at = $7, amount_fen = $8, version = version + 1,
                promised_at = CASE WHEN $9::date IS NULL AND paper_since IS NOT NULL THEN promised_at + ($10 - paper_since)
                                   ELSE promised_at END,
                paper_waited_s = paper_waited_s + CASE WHEN $9::date IS NULL AND paper_since IS NOT NULL
                                                       THEN extract(epoch FROM $10 - paper_since)::bigint ELSE 0 END,
                paper_since = CASE WHEN $9::date IS NOT NULL THEN coalesce(paper_since, $10) END,
                paper_until = CASE WHEN $9::date IS NOT NULL THEN coalesce(paper_until, $9) END
          WHERE centre_id = $1 AND case_id = $2 AND version = $3 AND state IN (1, 2, 4)",
    )
    .bind(office.centre.id)
    .bind(case.case_id)
    .bind(case.version)
    .bind(to as i16)
    .bind(kept(decided, None)?)
    .bind(decided.policy.id)
    .bind(next_try_at)
    .bind(decided.decision.amount_fen)
    .bind(paper_until)
    .bind(office.now())
    .execute(&mut *tx)
    .await?;
    if moved.rows_affected() == 0 {
        return Ok(Verdict::Again);
    }
    if !repeats {
        add_event(office, &mut tx, case.case_id, actor, steps, detail(decided)).await?;
        let patterns = if to == CaseState::Reviewing {
            hold::patterns(decided)
        } else {
            Vec::new()
        };
        if !patterns.is_empty() {
            hold::open(office, &mut tx, case, decided, &patterns).await?;
        }
        let template = match to {
            CaseState::Refused => Some("refused"),
            CaseState::Reviewing if !patterns.is_empty() => None,
            CaseState::Reviewing => Some("reviewing"),
            // What only our own books can tell is no paper: others have been asked for their word.
            CaseState::Gathering if needs_paper && is_asked_of_others(decided) => {
                Some("needs_others")
            }
            CaseState::Gathering if needs_paper => Some("needs_paper"),
            _ => None,
        };
        if let Some(template) = template {
            outbox::sms(office, &mut tx, case.case_id, template).await?;
        }
    }
    tx.commit().await?;
    office.changed_with_messages(case.case_id);
    Ok(Verdict::Moved(to))
}

fn is_asked_of_others(decided: &Decided<'_>) -> bool {
    let mut wanted = decided.decision.papers.iter().flat_map(|one| &one.facts);
    wanted.all(|fact| fact.fact_type.starts_with("own."))
}

/// Numbers of a decision that its event keeps.
pub(super) fn detail(decided: &Decided<'_>) -> Value {
    let not_met: Vec<&str> = decided
        .decision
        .conditions
        .iter()
        .filter(|condition| condition.outcome == anju_policy::ConditionOutcome::NotMet)
        .map(|condition| condition.code)
        .collect();
    let mut detail = json!({ "outcome": decided.decision.outcome, "policy": decided.decision.policy.digest, "legs": decided.legs });
    if let Some(fen) = decided.decision.amount_fen {
        detail["amount_fen"] = fen.into();
    }
    if let Some(fen) = decided.decision.subsidy_fen {
        detail["subsidy_fen"] = fen.into();
    }
    if !not_met.is_empty() {
        detail["not_met"] = json!(not_met);
    }
    if !decided.decision.waiting_for.is_empty() {
        detail["waiting_for"] = json!(
            decided
                .decision
                .waiting_for
                .iter()
                .map(|wait| &wait.source)
                .collect::<Vec<_>>()
        );
    }
    detail
}

pub(super) fn kept(decided: &Decided<'_>, by_hand: Option<&str>) -> Result<Value> {
    Ok(serde_json::to_value(kept_as_text(decided, by_hand))?)
}

/// The same as it is sent.
pub(super) fn kept_text(decided: &Decided<'_>, by_hand: Option<&str>) -> Result<String> {
    Ok(serde_json::to_string(&kept_as_text(decided, by_hand))?)
}

fn kept_as_text<'a>(decided: &Decided<'a>, by_hand: Option<&str>) -> KeptText<&'a StoredDecision> {
    KeptText {
        stored: decided.stored,
        own: own_fact::keep(&decided.own.facts, decided.stored.at.now),
        by_hand: by_hand.map(str::to_owned),
    }
}

pub(super) async fn execute(
    office: &Office,
    conn: &mut PgConnection,
    case: &Case,
    decided: &Decided<'_>,
    actor: Actor,
    reviewed: Option<(i64, &str)>,
) -> Result<Verdict> {
    let service = office.catalogue.find(&decided.request.service)?;
    if service.carries_out() {
        return carry_out(office, conn, case, &*service, decided, reviewed).await;
    }
    let target = Target::Open(case, next_seq(office, conn, case.case_id).await?);
    let payment = Payment::draw(office, &target, decided, actor, reviewed).await?;
    match payment.book(office, conn).await {
        Ok(()) => {
            office.changed_with_messages(case.case_id);
            Ok(Verdict::Moved(CaseState::Executing))
        }
        Err(error) if moved_meanwhile(&error) => Ok(Verdict::Again),
        Err(error) => Err(error),
    }
}

/// What an approval does where the service does it itself: case, decision, work, events and message in one transaction.
async fn carry_out(
    office: &Office,
    conn: &mut PgConnection,
    case: &Case,
    service: &dyn Service,
    decided: &Decided<'_>,
    reviewed: Option<(i64, &str)>,
) -> Result<Verdict> {
    let (reviewer, by_hand) = (
        reviewed.map(|(reviewer, _)| reviewer),
        reviewed.map(|(_, reason)| reason),
    );
    let mut tx = conn.begin().await?;
    let moved = sqlx::query(
        "UPDATE business_case
            SET state = 5, decision = $4, policy_id = $5, next_try_at = NULL, amount_fen = $6, version = version + 1
          WHERE centre_id = $1 AND case_id = $2 AND version = $3 AND state IN (1, 2, 4)",
    )
    .bind(office.centre.id)
    .bind(case.case_id)
    .bind(case.version)
    .bind(kept(decided, by_hand)?)
    .bind(decided.policy.id)
    .bind(decided.decision.amount_fen)
    .execute(&mut *tx)
    .await?;
    if moved.rows_affected() == 0 {
        return Ok(Verdict::Again);
    }
    let actor = reviewer.map_or(Actor::System, Actor::Staff);
    let steps = ["decided", "approved", "executing"];
    add_event(
        office,
        &mut tx,
        case.case_id,
        actor,
        &steps,
        detail(decided),
    )
    .await?;
    let approved = Approved {
        case_id: case.case_id,
        request: decided.request,
        facts: decided.facts,
        decision: decided.decision,
        own: decided.own,
        branch_id: case.branch_id,
        reviewer,
    };
    let carried = match service.carry_out(office, &mut tx, approved).await {
        Err(error) if error.moved_meanwhile() => return Ok(Verdict::Again),
        carried => carried?,
    };
    if carried.done {
        let steps = [carried.step, "done"];
        end_executing(
            office,
            &mut tx,
            case.case_id,
            CaseState::Done,
            &steps,
            carried.detail,
            actor,
        )
        .await?;
    } else {
        add_event(
            office,
            &mut tx,
            case.case_id,
            actor,
            &[carried.step],
            carried.detail,
        )
        .await?;
    }
    if service.tells(case) {
        outbox::sms(office, &mut tx, case.case_id, "approved").await?;
    }
    tx.commit().await?;
    office.changed_with_messages(case.case_id);
    Ok(Verdict::Moved(if carried.done {
        CaseState::Done
    } else {
        CaseState::Executing
    }))
}

/// Something that was read without a lock has moved: the whole statement was undone.
fn moved_meanwhile(error: &Error) -> bool {
    error.database_code().is_some_and(|code| {
        matches!(
            code.as_str(),
            "CW001" | "CW002" | "CW003" | "40001" | "40P01"
        )
    })
}

/// The decision of a case as it is shown: drawn again from what was kept, by the policy version that it names.
pub async fn decision_of(
    office: &Office,
    case: &Case,
    policy: &PolicyInForce,
) -> Result<Option<Decision>> {
    let Some(kept) = case
        .decision
        .as_ref()
        .filter(|decision| decision.get("service").is_some())
    else {
        return Ok(None);
    };
    let kept: KeptDecision = serde_json::from_value(kept.clone())?;
    let facts = facts_behind(office, &kept).await?;
    let form = case.open_form(office)?;
    policy
        .set
        .decide(&case.service, &facts, &form, kept.stored.at)
        .map(Some)
        .map_err(|error| Error::Failed(Fault::Policy(error.to_string())))
}

async fn facts_behind(office: &Office, kept: &KeptDecision) -> Result<Facts> {
    Ok(fact::by_ids(office, &kept.stored.fact_ids)
        .await?
        .into_iter()
        .chain(kept.own.iter().cloned())
        .collect())
}

/// The facts that a case's decision read; none before there is one.
pub async fn kept_facts(office: &Office, case: &Case) -> Result<Facts> {
    match case
        .decision
        .as_ref()
        .filter(|decision| decision.get("service").is_some())
    {
        Some(kept) => facts_behind(office, &serde_json::from_value(kept.clone())?).await,
        None => Ok(Facts::new()),
    }
}
