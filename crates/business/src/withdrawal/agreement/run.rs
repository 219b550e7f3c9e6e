//! The runs (约定提取的各期): those of a day are made set by set, decided one by one from facts like any withdrawal, and booked together. A run
//! that waits for a source stays due; whatever dies in between finds it due again, and what is booked is never booked twice.

use anju_casework::case::{self, Decided, ToPay};
use anju_casework::catalogue::{Request, Service};
use anju_casework::person::{purpose, text};
use anju_casework::{Fault, Office, Result, outbox};
use anju_domain::calendar::Month;
use anju_policy::{ConditionOutcome, Decision, Outcome};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::json;
use sqlx::FromRow;

use super::resume::asked_on;
use super::{RUN_SERVICE, run_state, state};
use crate::policy::Rules;

/// Agreements that one transaction turns into runs, and runs that are decided and booked together.
const ROUND: i64 = 200;

/// The day of the run that settles the period after a month.
pub(super) fn next_run(rules: &Rules, settled_through: i32, period: i16) -> Result<NaiveDate> {
    let day = u32::try_from(rules.int("auto_com_day")?)
        .unwrap_or(1)
        .max(1);
    Ok(Month::from_index(settled_through + i32::from(period) + 1).day_clamped(day))
}

/// Makes the runs of every agreement whose day has come. Returns how many.
pub async fn make(office: &Office) -> Result<usize> {
    let mut made = 0;
    loop {
        let mut tx = office.pool.begin().await?;
        let due: Vec<i64> = sqlx::query_scalar(
            "SELECT agreement_id FROM repay_agreement
              WHERE centre_id = $1 AND next_on <= $2 AND state IN (1, 2)
              ORDER BY next_on, agreement_id LIMIT $3
                FOR NO KEY UPDATE SKIP LOCKED",
        )
        .bind(office.centre.id)
        .bind(office.today())
        .bind(ROUND)
        .fetch_all(&mut *tx)
        .await?;
        if due.is_empty() {
            return Ok(made);
        }
        // The period ends with the month before the day of its run.
        sqlx::query(
            "WITH due AS MATERIALIZED (
                 SELECT a.*, d.run_id, (12 * extract(year FROM a.next_on) + extract(month FROM a.next_on) - 2)::integer AS ends
                   FROM unnest($2::bigint[], $3::bigint[]) AS d (agreement_id, run_id)
                   JOIN repay_agreement a ON a.centre_id = $1 AND a.agreement_id = d.agreement_id),
             made AS (
                 INSERT INTO repay_run (centre_id, agreement_id, period, run_id, person_id, event_key, place, from_month, state, retry_at, made_at)
                 SELECT $1, agreement_id, ends, run_id, person_id, event_key, place, from_month, 1, $4, $4 FROM due
                     ON CONFLICT DO NOTHING)
             UPDATE repay_agreement a SET next_on = NULL
               FROM due WHERE a.centre_id = $1 AND a.agreement_id = due.agreement_id",
        )
        .bind(office.centre.id)
        .bind(&due)
        .bind(office.ids.take(due.len()).await?)
        .bind(office.now())
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        made += due.len();
    }
}

/// A run that is to be decided now.
#[derive(Debug, Clone, FromRow)]
pub struct Due {
    /// Identifier; of the case, if it pays.
    pub run_id: i64,
    /// Of which agreement.
    pub agreement_id: i64,
    /// Whose account.
    pub person_id: i64,
    /// Branch that keeps it.
    pub branch_id: i16,
    /// Last month of the period, as an index.
    pub period: i32,
    /// First month that it claims.
    pub from_month: i32,
    /// Months in a period.
    pub months: i16,
    /// Skipped in a row before.
    pub skips: i16,
    /// Made.
    pub made_at: DateTime<Utc>,
    loan_bank: String,
    loan_no: String,
    card_sealed: Vec<u8>,
}

impl Due {
    /// What is asked for. The face step was passed when the agreement was signed.
    pub fn request(&self, office: &Office) -> Result<Request> {
        let form = json!({
            "loan_bank": self.loan_bank,
            "loan_no": self.loan_no,
            "card_no": text(&office.vault, purpose::CARD, &self.card_sealed)?,
            "first_month": Month::from_index(self.from_month.min(self.period)).to_string(),
            "last_month": Month::from_index(self.period).to_string(),
        });
        Ok(Request {
            service: RUN_SERVICE.to_owned(),
            case_id: Some(self.run_id),
            applicant_id: self.person_id,
            form: serde_json::from_value(form)?,
            channel: "SYS".to_owned(),
            face_passed: true,
        })
    }

    /// What happens once for ever.
    fn key(&self) -> String {
        format!("repay:{}:{}", self.agreement_id, self.period)
    }
}

/// The runs that may be decided now: of two accounts on one loan the second only when the first is done with.
pub async fn due(office: &Office) -> Result<Vec<Due>> {
    Ok(sqlx::query_as(
        "SELECT r.run_id, r.agreement_id, r.person_id, a.branch_id, r.period, r.from_month, a.period AS months, a.skips, r.made_at,
                a.loan_bank, a.loan_no, a.card_sealed
           FROM repay_run r
           JOIN repay_agreement a ON a.centre_id = r.centre_id AND a.agreement_id = r.agreement_id AND a.state IN (1, 2)
          WHERE r.centre_id = $1 AND r.state = 1 AND r.retry_at <= $2
            AND NOT EXISTS (SELECT FROM repay_run o
                             WHERE o.centre_id = $1 AND o.event_key = r.event_key AND o.state = 1
                               AND (o.place, o.run_id) < (r.place, r.run_id))
          ORDER BY r.run_id LIMIT $3",
    )
    .bind(office.centre.id)
    .bind(office.now())
    .bind(ROUND)
    .fetch_all(&office.pool)
    .await?)
}

/// A source answers again: what waits is tried at once.
pub async fn wake(office: &Office) -> Result<()> {
    sqlx::query(
        "UPDATE repay_run SET retry_at = $2 WHERE centre_id = $1 AND state = 1 AND retry_at > $2",
    )
    .bind(office.centre.id)
    .bind(office.now())
    .execute(&office.pool)
    .await?;
    Ok(())
}

/// What a decision means for a run and its agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// Pays.
    Pay,
    /// Is tried again: a source is silent, or the account is busy.
    Wait,
    /// Nothing to pay in this period; the next one claims it.
    Nothing(Why),
    /// 跳过.
    Skip(Why),
    /// Skipped, and the agreement suspended.
    Suspend(Why),
    /// Skipped, and the agreement ended.
    End(Why),
}

/// Why a run does not pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// The condition; empty where there is none.
    pub code: String,
    /// Its words.
    pub reason: String,
}

/// Longest wait for a source and for an account that is busy, before a period is skipped.
fn waited_enough(rules: &Rules, now: DateTime<Utc>, made_at: DateTime<Utc>) -> Result<bool> {
    Ok((now - made_at).num_hours() >= rules.int("gather_max_wait_hours")?)
}

/// Reads a decision: which lists of policy a condition that is not met stands in, the gravest first.
pub fn turn(office: &Office, run: &Due, decision: &Decision) -> Result<Turn> {
    let rules = Rules::on(office, office.today());
    if decision.outcome == Outcome::Approved {
        return Ok(Turn::Pay);
    }
    let not_met: Vec<Why> = decision
        .conditions
        .iter()
        .filter(|condition| condition.outcome == ConditionOutcome::NotMet)
        .map(|condition| Why {
            code: condition.code.to_owned(),
            reason: condition.detail.to_owned(),
        })
        .collect();
    let named = |list: &str| -> Result<Option<Why>> {
        let codes = rules.text(list)?;
        Ok(not_met
            .iter()
            .find(|why| codes.split_whitespace().any(|code| code == why.code))
            .cloned())
    };
    if let Some(why) = named("auto_ends_on")? {
        return Ok(Turn::End(why));
    }
    if let Some(why) = named("auto_suspends_on")? {
        return Ok(Turn::Suspend(why));
    }
    let waited = waited_enough(&rules, office.now(), run.made_at)?;
    let busy = named("auto_waits_on")?;
    let nothing = named("auto_pays_nothing_on")?;
    let plain = not_met
        .iter()
        .find(|why| Some(*why) != busy.as_ref() && Some(*why) != nothing.as_ref());
    // Of silent sources and a condition that is not met at once, the condition is what can be told.
    Ok(match (plain, busy, nothing) {
        (Some(why), ..) => Turn::Skip(why.clone()),
        (None, Some(why), _) if waited => Turn::Skip(why),
        (None, Some(_), _) => Turn::Wait,
        (None, None, Some(why)) => Turn::Nothing(why),
        (None, None, None) if decision.outcome == Outcome::Review || waited => Turn::Skip(Why {
            code: String::new(),
            reason: decision
                .review_reasons
                .first()
                .cloned()
                .unwrap_or_else(|| "有部门一直没有答复，这一期没有办成。".to_owned()),
        }),
        (None, None, None) => Turn::Wait,
    })
}

/// A run that was decided.
pub struct Ruled<'a> {
    /// The run.
    pub run: &'a Due,
    /// What it means.
    pub turn: Turn,
    /// What was read and decided.
    pub decided: Decided<'a>,
}

/// Books what was decided for these runs in one transaction: payments by one statement, what does not pay by one. Returns how many pay.
///
/// # Errors
/// When the database fails: nothing has happened then.
pub async fn book(
    office: &Office,
    service: &dyn Service,
    ruled: Vec<Ruled<'_>>,
    promised_at: DateTime<Utc>,
) -> Result<usize> {
    let rules = Rules::on(office, office.today());
    let mut paying = Vec::new();
    let mut pays: Vec<(&Due, i64)> = Vec::new();
    let mut ends = Ends::default();
    for one in ruled {
        match one.turn {
            Turn::Wait => ends.later.push(one.run.run_id),
            Turn::Pay => {
                let decided = one.decided;
                let effect = service
                    .effect(
                        office,
                        decided.request,
                        decided.facts,
                        decided.decision,
                        decided.own,
                    )
                    .await?;
                let fen = decided
                    .decision
                    .amount_fen
                    .ok_or_else(|| Fault::Policy("a run without an amount".to_owned()))?;
                pays.push((one.run, fen));
                paying.push(ToPay {
                    case_id: one.run.run_id,
                    key: one.run.key(),
                    wish: one.run.key(),
                    branch_id: one.run.branch_id,
                    promised_at,
                    decided,
                    effect,
                });
            }
            turn => ends.add(&rules, office.today(), one.run, turn)?,
        }
    }
    let mut tx = office.pool.begin().await?;
    // Whoever booked a run before has taken it out of `due`; nobody books it again.
    let wanted: Vec<i64> = pays.iter().map(|(run, _)| run.run_id).collect();
    let held: Vec<i64> = sqlx::query_scalar(
        "SELECT r.run_id FROM repay_run r
           JOIN repay_agreement a ON a.centre_id = r.centre_id AND a.agreement_id = r.agreement_id AND a.state IN (1, 2)
          WHERE r.centre_id = $1 AND r.run_id = ANY ($2) AND r.state = 1 ORDER BY r.run_id FOR UPDATE",
    )
    .bind(office.centre.id)
    .bind(&wanted)
    .fetch_all(&mut *tx)
    .await?;
    paying.retain(|one| held.contains(&one.case_id));
    let moved = case::pay_many(office, &mut tx, &paying).await?;
    pays.retain(|(run, _)| held.contains(&run.run_id) && !moved.contains(&run.run_id));
    let next: Vec<NaiveDate> = pays
        .iter()
        .map(|(run, _)| next_run(&rules, run.period, run.months))
        .collect::<Result<_>>()?;
    sqlx::query(
        "WITH paid AS MATERIALIZED (
             SELECT * FROM unnest($2::bigint[], $3::bigint[], $4::date[]) AS p (run_id, amount_fen, next_on)),
         run AS (
             UPDATE repay_run r SET state = 2, amount_fen = paid.amount_fen
               FROM paid WHERE r.centre_id = $1 AND r.run_id = paid.run_id
             RETURNING r.agreement_id, r.period, paid.next_on)
         UPDATE repay_agreement a SET state = 2, skips = 0, from_month = run.period + 1, next_on = run.next_on
           FROM run WHERE a.centre_id = $1 AND a.agreement_id = run.agreement_id",
    )
    .bind(office.centre.id)
    .bind(pays.iter().map(|(run, _)| run.run_id).collect::<Vec<_>>())
    .bind(pays.iter().map(|(_, fen)| *fen).collect::<Vec<_>>())
    .bind(&next)
    .execute(&mut *tx)
    .await?;
    ends.write(office, &mut tx).await?;
    tx.commit().await?;
    for (run, _) in &pays {
        office.changed_with_messages(run.run_id);
    }
    Ok(pays.len())
}

/// Runs that do not pay, column by column.
#[derive(Default)]
struct Ends {
    later: Vec<i64>,
    runs: Vec<i64>,
    run_states: Vec<i16>,
    codes: Vec<String>,
    reasons: Vec<String>,
    agreements: Vec<i64>,
    agreement_states: Vec<Option<i16>>,
    skips: Vec<i16>,
    next: Vec<Option<NaiveDate>>,
    asked: Vec<Option<NaiveDate>>,
    people: Vec<i64>,
    texts: Vec<String>,
}

impl Ends {
    fn add(&mut self, rules: &Rules, today: NaiveDate, run: &Due, turn: Turn) -> Result<()> {
        let month = Month::from_index(run.period).chinese();
        let next = next_run(rules, run.period, run.months)?;
        let most = i16::try_from(rules.int("auto_max_skips")?).unwrap_or(i16::MAX);
        let (run_state, to, skips, next, why, told) = match turn {
            Turn::Nothing(why) => (
                run_state::NOTHING,
                None,
                run.skips,
                Some(next),
                why,
                format!("【公积金】{month}的约定提取没有可提的金额，下一期一并办理。"),
            ),
            Turn::Skip(why) if run.skips + 1 >= most => (
                run_state::SKIPPED,
                Some(state::SUSPENDED),
                run.skips + 1,
                None,
                why,
                format!(
                    "【公积金】约定提取连续 {most} 期没有办成，已暂停。原因请在“约定提取”里看。"
                ),
            ),
            Turn::Skip(why) => (
                run_state::SKIPPED,
                None,
                run.skips + 1,
                Some(next),
                why,
                format!("【公积金】{month}的约定提取没有办成，原因请在“约定提取”里看。"),
            ),
            Turn::Suspend(why) => (
                run_state::SKIPPED,
                Some(state::SUSPENDED),
                run.skips + 1,
                None,
                why,
                "【公积金】您的约定提取已暂停，原因和恢复办法请在“约定提取”里看。".to_owned(),
            ),
            Turn::End(why) => (
                run_state::SKIPPED,
                Some(state::ENDED),
                run.skips,
                None,
                why,
                "【公积金】您的约定提取协议已经结束，原因请在“约定提取”里看。".to_owned(),
            ),
            Turn::Pay | Turn::Wait => return Ok(()),
        };
        self.asked.push(match to {
            Some(state::SUSPENDED) => asked_on(rules, today, &why.code)?,
            _ => None,
        });
        self.runs.push(run.run_id);
        self.run_states.push(run_state);
        self.codes.push(why.code);
        self.reasons.push(why.reason);
        self.agreements.push(run.agreement_id);
        self.agreement_states.push(to);
        self.skips.push(skips);
        self.next.push(next);
        self.people.push(run.person_id);
        self.texts.push(told);
        Ok(())
    }

    async fn write(self, office: &Office, tx: &mut sqlx::PgConnection) -> Result<()> {
        if !self.later.is_empty() {
            sqlx::query("UPDATE repay_run SET retry_at = $3 WHERE centre_id = $1 AND run_id = ANY ($2) AND state = 1")
                .bind(office.centre.id)
                .bind(&self.later)
                .bind(office.now() + AGAIN)
                .execute(&mut *tx)
                .await?;
        }
        if self.runs.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "WITH turned AS MATERIALIZED (
                 SELECT * FROM unnest($2::bigint[], $3::smallint[], $4::text[], $5::text[], $6::bigint[], $7::smallint[], $8::smallint[], $9::date[], $11::date[])
                              AS t (run_id, run_state, code, reason, agreement_id, to_state, skips, next_on, ask_on)),
             run AS (
                 UPDATE repay_run r SET state = t.run_state, code = nullif(t.code, ''), reason = t.reason, ended_at = $10
                   FROM turned t WHERE r.centre_id = $1 AND r.run_id = t.run_id AND r.state = 1
                 RETURNING r.run_id)
             UPDATE repay_agreement a
                SET state = coalesce(t.to_state, a.state), skips = t.skips, next_on = t.next_on, ask_on = t.ask_on,
                    reason = CASE WHEN t.to_state IS NULL THEN a.reason ELSE t.reason END,
                    ended_at = CASE WHEN t.to_state = 9 THEN $10 ELSE a.ended_at END
               FROM turned t JOIN run ON run.run_id = t.run_id
              WHERE a.centre_id = $1 AND a.agreement_id = t.agreement_id AND a.state IN (1, 2)",
        )
        .bind(office.centre.id)
        .bind(&self.runs)
        .bind(&self.run_states)
        .bind(&self.codes)
        .bind(&self.reasons)
        .bind(&self.agreements)
        .bind(&self.agreement_states)
        .bind(&self.skips)
        .bind(&self.next)
        .bind(office.now())
        .bind(&self.asked)
        .execute(&mut *tx)
        .await?;
        outbox::tell_about(office, tx, &self.agreements, &self.people, &self.texts).await
    }
}

/// When a run that waits is tried again; a source's recovery wakes it earlier.
const AGAIN: TimeDelta = TimeDelta::minutes(1);

/// Takes over what became of payments: on the card, or refused by the bank; then the card is no good, the months are claimed again by the
/// run after it, and the agreement waits for another card. Returns how many ended.
pub async fn settle(office: &Office) -> Result<u64> {
    let ended = sqlx::query(
        "WITH told AS (
             UPDATE repay_run r SET state = CASE c.state WHEN 6 THEN 3 ELSE 6 END, ended_at = $2,
                    reason = CASE c.state WHEN 6 THEN NULL ELSE coalesce(c.pay_reason, '银行没有付成') END
               FROM business_case c
              WHERE r.centre_id = $1 AND r.state = 2 AND c.centre_id = $1 AND c.case_id = r.run_id AND c.state IN (6, 9)
             RETURNING r.run_id, r.agreement_id, r.from_month, c.state = 9 AS failed),
         held AS (
             UPDATE repay_agreement a
                SET state = 3, next_on = NULL, from_month = least(a.from_month, told.from_month),
                    reason = '收款卡没有收到，请换一张卡'
               FROM told WHERE told.failed AND a.centre_id = $1 AND a.agreement_id = told.agreement_id AND a.state IN (1, 2)),
         given_up AS (
             UPDATE repay_run r SET state = 5, ended_at = $2, reason = '收款卡没有收到，请换一张卡'
               FROM told WHERE told.failed AND r.centre_id = $1 AND r.agreement_id = told.agreement_id AND r.state = 1)
         SELECT FROM told",
    )
    .bind(office.centre.id)
    .bind(office.now())
    .execute(&office.pool)
    .await?;
    Ok(ended.rows_affected())
}
