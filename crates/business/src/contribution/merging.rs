//! 单位合并 (merge_into, contribution.md §2.3, §18 case 21): one employer is taken over by another, which goes on with its people, its money in
//! suspense, its open lists and its debts; the merged one is cancelled. Invariant: one transaction, nothing is left with who is gone: every fen
//! of the old suspense stands in the new one (E13, the total of 21901 unchanged), and what still comes for the old one is the new one's.

use anju_casework::books::{self, Booking};
use anju_casework::employer::{self, Employer, state};
use anju_casework::{Actor, Office, Refusal, Result, case, outbox};
use anju_domain::calendar::Month;
use anju_domain::money::Fen;
use anju_ledger::journal::{self, Line as Posting, Reach};
use anju_ledger::{AccountId, Part};
use anju_vault::NumberKind;
use serde_json::json;
use sqlx::{FromRow, PgConnection};

use super::changes::first_month;
use super::collection::contract;
use super::list_beside::{self, Line, List};
use super::parties::{self, Event};
use super::remittance::{self, Remittance, kind};
use super::transfer::{self, Moved, Whom};
use super::{allocation, arrears, closing, relief, subsidy, supplement, transfer_request};

/// The reason of a list that stood for a month of the merged employer and stands beside the new one's months: it counts like the month.
const MERGED: &str = "MERGED";

/// Merges the applicant into another employer, and ends its case. Returns the case.
///
/// # Errors
/// `E-EMPR-03` where one of the two does not contribute, `E-EMPR-06` where something is open that has to be seen to first, with what to do,
/// `E-TRF-06` where the new employer's months have not come as far.
pub(super) async fn carry_out(
    office: &Office,
    submission: &case::Submission,
    wish: &str,
    to_id: i64,
) -> Result<i64> {
    let request = &submission.request;
    let mut tx = office.pool.begin().await?;
    let (from, to) = transfer::both(office, &mut tx, request.applicant_id, to_id).await?;
    let debts = Debts::read(office, &mut tx, &from).await?;
    may_merge(office, &mut tx, &from, &to).await?;
    debts.are_agreed(submission, &to)?;
    let moved = transfer::memberships(office, &mut tx, from.employer_id, Whom::Everybody).await?;
    let start = first_month(office, &mut tx, &to).await?;
    is_free(office, &mut tx, &moved, &from, start).await?;

    relief::end_with_employer(office, &mut tx, &from).await?;
    let lists = revise(office, &mut tx, &from, submission.actor).await?;
    let suspense = hand_over(office, &mut tx, submission, &from, &to).await?;
    assume(office, &mut tx, &from, &to, start).await?;
    take_along(office, &mut tx, &from, &to).await?;
    let states: Vec<i16> = moved.iter().map(|one| one.state).collect();
    transfer::relocate(office, &mut tx, &moved, &states, &from, &to, start).await?;
    let again = register_again(office, &mut tx, submission, &to, start, &lists).await?;
    cancel(office, &mut tx, &from, &to).await?;
    for one in [from.employer_id, to.employer_id] {
        arrears::reckon(office, &mut tx, (one, one)).await?;
    }

    let number = |id| office.numbers.encode(NumberKind::Employer, id);
    let active = states.iter().filter(|state| **state == 1).count();
    case::at_once(
        office,
        &mut tx,
        submission,
        case::AtOnce {
            wish,
            branch_id: to.branch_id,
            form: json!({
                "everybody": true, "to_employer_no": request.text("to_employer_no"), "document_no": request.text("document_no"),
            }),
            begun: json!({ "from": number(from.employer_id), "to": number(to.employer_id) }),
            step: "merged",
            done: json!({
                "month": start.to_string(), "people": moved.len(), "active": active, "suspense_fen": suspense.fen(),
                "arrears_fen": debts.arrears.fen(), "deferred_fen": debts.deferred.fen(), "lists": again,
            }),
        },
    )
    .await?;
    tell(office, &mut tx, submission.case_id, &from, &to, suspense).await?;
    let (gone, case_id) = (from.employer_id, submission.case_id);
    parties::say(
        office,
        &mut tx,
        gone,
        case_id,
        Event::Merged,
        office.today(),
    )
    .await?;
    tx.commit().await?;
    for list in &lists {
        office.changed(list.remittance_id);
    }
    office.wake.notify_one();
    Ok(submission.case_id)
}

/// Who answers for an employer now: itself, or whoever it was merged into. The row of the one that answers is taken.
///
/// # Errors
/// The database.
pub(super) async fn successor(
    office: &Office,
    tx: &mut PgConnection,
    one: Employer,
) -> Result<Employer> {
    if one.state != state::CANCELLED {
        return Ok(one);
    }
    let into: Option<i64> = sqlx::query_scalar(
        "SELECT merged_into FROM employer WHERE centre_id = $1 AND employer_id = $2",
    )
    .bind(office.centre.id)
    .bind(one.employer_id)
    .fetch_one(&mut *tx)
    .await?;
    match into {
        Some(into) => employer::lock(office, tx, into).await,
        None => Ok(one),
    }
}

/// The name of whoever took a cancelled employer over; none where it just ended.
///
/// # Errors
/// The database.
pub async fn merged_into(office: &Office, employer_id: i64) -> Result<Option<String>> {
    Ok(sqlx::query_scalar(
        "SELECT into_one.name
           FROM employer e JOIN employer into_one ON into_one.centre_id = e.centre_id AND into_one.employer_id = e.merged_into
          WHERE e.centre_id = $1 AND e.employer_id = $2",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .fetch_optional(&office.pool)
    .await?)
}

/// What the new employer will owe.
struct Debts {
    arrears: Fen,
    deferred: Fen,
    enforced: bool,
}

impl Debts {
    async fn read(office: &Office, tx: &mut PgConnection, from: &Employer) -> Result<Self> {
        let arrears = arrears::owed(office, tx, from).await?;
        let (deferred, enforced): (i64, bool) = sqlx::query_as(
            "SELECT coalesce((SELECT sum(d.employer_fen + d.employee_fen)
                                FROM arrangement a
                                JOIN deferred_month d ON d.centre_id = a.centre_id AND d.arrangement_id = a.arrangement_id AND d.paid_by IS NULL
                               WHERE a.centre_id = $1 AND a.employer_id = $2), 0)::bigint,
                    EXISTS (SELECT FROM enforcement WHERE centre_id = $1 AND employer_id = $2 AND state BETWEEN 2 AND 7)",
        )
        .bind(office.centre.id)
        .bind(from.employer_id)
        .fetch_one(tx)
        .await?;
        Ok(Self {
            arrears,
            deferred: Fen::new(deferred),
            enforced,
        })
    }

    /// Nobody gets another's debts by a click of the other: a teller has seen that both have signed.
    fn are_agreed(&self, submission: &case::Submission, to: &Employer) -> Result<()> {
        if self.arrears + self.deferred == Fen::ZERO && !self.enforced {
            return Ok(());
        }
        let request = &submission.request;
        let (arrears, deferred) = (self.arrears, self.deferred);
        if !request.at_counter() {
            let name = &to.name;
            let debts: Vec<String> = [
                (arrears > Fen::ZERO).then(|| format!("欠缴 {arrears} 元")),
                (deferred > Fen::ZERO).then(|| format!("缓缴未补 {deferred} 元")),
                self.enforced.then(|| "催缴没有结案".to_owned()),
            ]
            .into_iter()
            .flatten()
            .collect();
            let detail = format!(
                "本单位{}，合并后由“{name}”承担。请先缴清，或带双方签署的合并协议到柜台办理。",
                debts.join("，")
            );
            return Err(Refusal::rule("E-EMPR-06", detail).into());
        }
        if request.text("document_no").is_none() {
            let detail =
                "合并后由对方承担欠缴。请填写双方签署的合并协议或市场监管部门合并登记的文号。";
            return Err(Refusal::rule("E-FORM-01", detail).at("document_no").into());
        }
        Ok(())
    }
}

fn stands_in_the_way(detail: String) -> anju_casework::Error {
    Refusal::new(409, "E-EMPR-06", detail).into()
}

/// What stands in the way on either side.
#[derive(FromRow)]
struct Obstacles {
    collecting: i64,
    late: i64,
    corrections: i64,
    cases: Vec<String>,
    subsidy_twice: Option<i32>,
}

/// Both are living employers of people, and nothing of the old one is on its way that a change of hands would lose.
async fn may_merge(
    office: &Office,
    tx: &mut PgConnection,
    from: &Employer,
    to: &Employer,
) -> Result<()> {
    let has_people = |one: &Employer| !one.is_virtual() && one.uscc != closing::NO_CODE;
    if !matches!(from.state, state::ACTIVE | state::DEFERRED | state::SEALED) || !has_people(from) {
        let detail = "本单位的账户不是正常、缓缴或封存状态，不能合并。已销户的不用再办；预开户的请先补齐登记。";
        return Err(Refusal::rule("E-EMPR-03", detail).into());
    }
    if !has_people(to) {
        let detail = "转入单位不是缴存单位，不能并入，请核对单位号。";
        return Err(Refusal::rule("E-EMPR-03", detail).into());
    }
    transfer::may_take_in(to)?;
    let found: Obstacles = sqlx::query_as(
        "SELECT (SELECT count(*) FROM remittance WHERE centre_id = $1 AND employer_id = $2 AND state IN (1, 2) AND collecting) AS collecting,
                (SELECT count(*) FROM late_credit WHERE centre_id = $1 AND state IN (1, 2) AND employer_id = $2) AS late,
                (SELECT count(*) FROM correction c JOIN remittance r ON r.centre_id = $1 AND r.remittance_id = c.remittance_id
                  WHERE c.centre_id = $1 AND c.state = 1 AND r.employer_id = $2) AS corrections,
                ARRAY(SELECT DISTINCT c.service FROM business_case c
                       WHERE c.centre_id = $1 AND c.applicant_id = $2 AND c.state < 6
                         AND NOT EXISTS (SELECT FROM remittance r WHERE r.centre_id = $1 AND r.remittance_id = c.case_id)
                         AND NOT EXISTS (SELECT FROM transfer_request r WHERE r.centre_id = $1 AND r.case_id = c.case_id)
                       ORDER BY c.service) AS cases,
                (SELECT min(mine.month) FROM remittance mine
                   JOIN remittance theirs ON theirs.centre_id = $1 AND theirs.employer_id = $3 AND theirs.month = mine.month
                    AND theirs.reason = mine.reason AND theirs.kind = 4 AND theirs.state IN (1, 2, 3)
                  WHERE mine.centre_id = $1 AND mine.employer_id = $2 AND mine.kind = 4 AND mine.state IN (1, 2)) AS subsidy_twice",
    )
    .bind(office.centre.id)
    .bind(from.employer_id)
    .bind(to.employer_id)
    .fetch_one(tx)
    .await?;
    if found.collecting > 0 {
        return Err(stands_in_the_way(format!(
            "有 {} 份清册正在托收，钱在银行路上。请等银行答复（通常当天）后再合并。",
            found.collecting
        )));
    }
    if found.late > 0 {
        return Err(stands_in_the_way(format!(
            "有 {} 笔到账时职工已销户的款项还没有核实归属。请联系中心会计处理后再合并。",
            found.late
        )));
    }
    if found.corrections > 0 {
        return Err(stands_in_the_way(
            "有错账调整在等复核。请联系中心会计复核后再合并。".to_owned(),
        ));
    }
    if !found.cases.is_empty() {
        let policy = office.policy();
        let names: Vec<&str> = found
            .cases
            .iter()
            .map(|id| {
                let service = policy.set.service(id);
                service.map_or(id.as_str(), |service| service.name_zh.as_str())
            })
            .collect();
        return Err(stands_in_the_way(format!(
            "还有没办结的办件：{}。请等办结或撤回后再合并。",
            names.join("、")
        )));
    }
    if let Some(month) = found.subsidy_twice {
        return Err(stands_in_the_way(format!(
            "两个单位都登记了{}的住房补贴清册。请先撤销或付清本单位的这一份，再合并。",
            Month::from_index(month).chinese()
        )));
    }
    Ok(())
}

/// TRF-06 for everybody who goes on. The old employer's own open lists are revised with the merge and keep nobody.
async fn is_free(
    office: &Office,
    tx: &mut PgConnection,
    moved: &[Moved],
    from: &Employer,
    start: Month,
) -> Result<()> {
    let goes_on: Vec<i64> = moved
        .iter()
        .filter(|one| one.state == 1)
        .map(|one| one.account_id)
        .collect();
    let last: Option<i32> = sqlx::query_scalar(
        "SELECT max(l.month)
           FROM remittance_line l
           JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id
          WHERE l.centre_id = $1 AND l.account_id = ANY ($2) AND (r.state = 3 OR r.state IN (1, 2) AND r.employer_id <> $3)",
    )
    .bind(office.centre.id)
    .bind(&goes_on)
    .bind(from.employer_id)
    .fetch_one(tx)
    .await?;
    transfer::is_free(last, start)
}

/// Takes back the lists of the old employer that wait for money: what has come for them stays in suspense (改清册).
async fn revise(
    office: &Office,
    tx: &mut PgConnection,
    from: &Employer,
    actor: Actor,
) -> Result<Vec<Remittance>> {
    let lists = remittance::waiting(office, tx, from.employer_id).await?;
    let ids: Vec<i64> = lists.iter().map(|list| list.remittance_id).collect();
    sqlx::query(
        "UPDATE remittance SET state = 4, collect_on = NULL WHERE centre_id = $1 AND remittance_id = ANY ($2) AND state IN (1, 2)",
    )
    .bind(office.centre.id)
    .bind(&ids)
    .execute(&mut *tx)
    .await?;
    for list in &lists {
        case::end_executing(
            office,
            tx,
            list.remittance_id,
            case::CaseState::Withdrawn,
            &["revised", "withdrawn"],
            json!({ "suspense_fen": list.received_fen, "merged": true }),
            actor,
        )
        .await?;
    }
    Ok(lists)
}

/// E13: the free money of the old employer's suspense, and of its suspense of subsidies, stands in the new one's. Returns both.
async fn hand_over(
    office: &Office,
    tx: &mut PgConnection,
    submission: &case::Submission,
    from: &Employer,
    to: &Employer,
) -> Result<Fen> {
    let key = format!("merge:{}", submission.case_id);
    let mut sum = hand(
        office,
        tx,
        submission,
        &key,
        (from.suspense_account_id, to.suspense_account_id),
        to.branch_id,
    )
    .await?;
    if let Some(purse) = subsidy::purse(office, tx, from.employer_id).await? {
        subsidy::open_purse(office, tx, to, submission.actor.id()).await?;
        let theirs = subsidy::purse(office, tx, to.employer_id)
            .await?
            .unwrap_or_default();
        let key = format!("{key}:subsidy");
        sum += hand(office, tx, submission, &key, (purse, theirs), to.branch_id).await?;
        sqlx::query(
            "UPDATE subsidy_member SET employer_id = $3 WHERE centre_id = $1 AND employer_id = $2",
        )
        .bind(office.centre.id)
        .bind(from.employer_id)
        .bind(to.employer_id)
        .execute(tx)
        .await?;
    }
    Ok(sum)
}

async fn hand(
    office: &Office,
    tx: &mut PgConnection,
    submission: &case::Submission,
    key: &str,
    (from, to): (i64, i64),
    branch_id: i16,
) -> Result<Fen> {
    let fen: i64 = sqlx::query_scalar(
        "SELECT balance_fen FROM ledger_account WHERE centre_id = $1 AND account_id = $2",
    )
    .bind(office.centre.id)
    .bind(from)
    .fetch_one(&mut *tx)
    .await?;
    let fen = Fen::new(fen);
    if fen == Fen::ZERO {
        return Ok(fen);
    }
    let booking = Booking {
        event: "E13",
        key,
        case_id: Some(submission.case_id),
        branch_id,
        maker: submission.actor,
        checker: None,
        policy_id: 0,
        month: None,
        value_date: None,
        accounts: &[],
        amount_fen: fen.fen(),
    };
    let header = books::header(office, tx, &booking).await?;
    let line = |account: i64, amount: Fen| Posting {
        account: AccountId(account),
        part: Part::None,
        amount,
        value_date: header.day.date(),
        red: false,
    };
    let lines = [line(from, fen), line(to, -fen)];
    journal::post_lines(tx, &header, key, &lines, Reach::Available).await?;
    Ok(fen)
}

/// What the old employer owes of months that the new one's lists are past, by the amounts of its own time; months from `start` on stand in the
/// new one's lists. What it had assumed itself goes along.
async fn assume(
    office: &Office,
    tx: &mut PgConnection,
    from: &Employer,
    to: &Employer,
    start: Month,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO arrears_assumed (centre_id, employer_id, account_id, month, person_id, employer_fen, employee_fen, from_employer_id)
         SELECT m.centre_id, $3, m.account_id, d.month, m.person_id, m.employer_fen, m.employee_fen, $2
           FROM membership m
          CROSS JOIN LATERAL generate_series(greatest(m.from_month, $4), $5 - 1) AS d (month)
           LEFT JOIN LATERAL (
                SELECT sum(l.employer_fen + l.employee_fen)::bigint AS paid
                  FROM remittance_line l
                  JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id AND r.state = 3
                 WHERE l.centre_id = m.centre_id AND l.account_id = m.account_id AND l.month = d.month) AS p ON true
          WHERE m.centre_id = $1 AND m.employer_id = $2
            AND (m.state = 1 OR m.state = 2 AND m.sealed_on >= make_date((d.month + 1) / 12, (d.month + 1) % 12 + 1, 1))
            AND NOT month_deferred($1, $2, d.month)
            AND m.employer_fen + m.employee_fen > coalesce(p.paid, 0)
             ON CONFLICT DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(from.employer_id)
    .bind(to.employer_id)
    .bind(from.paid_to_month + 1)
    .bind(start.index())
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "UPDATE arrears_assumed SET employer_id = $3 WHERE centre_id = $1 AND employer_id = $2",
    )
    .bind(office.centre.id)
    .bind(from.employer_id)
    .bind(to.employer_id)
    .execute(tx)
    .await?;
    Ok(())
}

/// Plans of deferral, enforcement, transfers that wait, and the contract by which the bank was debited.
async fn take_along(
    office: &Office,
    tx: &mut PgConnection,
    from: &Employer,
    to: &Employer,
) -> Result<()> {
    // 未补完的缓缴: the months are owed by who goes on.
    for statement in [
        "UPDATE deferred_month d SET employer_id = $3 FROM arrangement a
          WHERE a.centre_id = $1 AND a.employer_id = $2 AND d.centre_id = $1 AND d.arrangement_id = a.arrangement_id AND d.paid_by IS NULL",
        "UPDATE transfer_request SET from_employer_id = $3 WHERE centre_id = $1 AND from_employer_id = $2 AND state = 1",
    ] {
        sqlx::query(statement)
            .bind(office.centre.id)
            .bind(from.employer_id)
            .bind(to.employer_id)
            .execute(&mut *tx)
            .await?;
    }
    for statement in [
        "UPDATE arrangement SET employer_id = $3, branch_id = $4 WHERE centre_id = $1 AND employer_id = $2 AND state IN (2, 4)",
        "UPDATE enforcement SET employer_id = $3, branch_id = $4, from_employer_id = coalesce(from_employer_id, $2)
          WHERE centre_id = $1 AND employer_id = $2 AND state <> 8",
    ] {
        sqlx::query(statement)
            .bind(office.centre.id)
            .bind(from.employer_id)
            .bind(to.employer_id)
            .bind(to.branch_id)
            .execute(&mut *tx)
            .await?;
    }
    sqlx::query("DELETE FROM suspense_chase WHERE centre_id = $1 AND kind = 2 AND ref_id = $2")
        .bind(office.centre.id)
        .bind(from.employer_id)
        .execute(&mut *tx)
        .await?;
    let asked: Vec<i64> = sqlx::query_scalar(
        "SELECT case_id FROM transfer_request WHERE centre_id = $1 AND to_employer_id = $2 AND state = 1 ORDER BY case_id",
    )
    .bind(office.centre.id)
    .bind(from.employer_id)
    .fetch_all(&mut *tx)
    .await?;
    for case_id in asked {
        transfer_request::take_back(office, tx, case_id, Actor::System).await?;
    }
    contract::end(office, tx, from.employer_id, "单位合并").await?;
    Ok(())
}

/// The revised lists stand again under the new employer, but for months that its own next lists hold: there its people stand anyway. Money that
/// had come for one has come for the one in its place. Returns how many.
async fn register_again(
    office: &Office,
    tx: &mut PgConnection,
    submission: &case::Submission,
    to: &Employer,
    start: Month,
    lists: &[Remittance],
) -> Result<usize> {
    let mut again = 0;
    for list in lists {
        if list.kind == kind::MONTHLY && list.month() >= start {
            continue;
        }
        let (service, document_no): (String, Option<String>) = sqlx::query_as(
            "SELECT c.service, r.document_no
               FROM remittance r JOIN business_case c ON c.centre_id = r.centre_id AND c.case_id = r.remittance_id
              WHERE r.centre_id = $1 AND r.remittance_id = $2",
        )
        .bind(office.centre.id)
        .bind(list.remittance_id)
        .fetch_one(&mut *tx)
        .await?;
        let monthly = list.kind == kind::MONTHLY;
        let reason = list.reason.as_deref().filter(|_| !monthly);
        let reason = reason.unwrap_or(MERGED);
        let remittance_id = office.ids.next().await?;
        let new = List {
            remittance_id,
            service: if monthly {
                supplement::SERVICE
            } else {
                &service
            },
            kind: if monthly { kind::SUPPLEMENT } else { list.kind },
            reason,
            document_no: document_no.as_deref(),
            channel: &submission.request.channel,
            actor: submission.actor,
            form: json!({ "reason": reason, "document_no": document_no, "month": list.month().to_string() }),
        };
        let lines = lines(office, tx, list.remittance_id).await?;
        list_beside::register(office, tx, to, new, &lines).await?;
        sqlx::query(
            "UPDATE remittance SET revised_as = $3 WHERE centre_id = $1 AND remittance_id = $2",
        )
        .bind(office.centre.id)
        .bind(list.remittance_id)
        .bind(remittance_id)
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "UPDATE receipt SET remittance_id = $3, employer_id = $4 WHERE centre_id = $1 AND remittance_id = $2 AND state = 2",
        )
        .bind(office.centre.id)
        .bind(list.remittance_id)
        .bind(remittance_id)
        .bind(to.employer_id)
        .execute(&mut *tx)
        .await?;
        let standing = remittance::get(office, tx, remittance_id)
            .await?
            .ok_or_else(|| Refusal::not_found("这份清册"))?;
        let payer = subsidy::payer(office, tx, to.clone(), &standing).await?;
        if list.received_fen > 0 {
            allocation::apply(office, tx, &payer, &standing, list.received_fen).await?;
        } else {
            allocation::from_suspense(office, tx, &payer, remittance_id).await?;
        }
        again += 1;
    }
    Ok(again)
}

#[derive(FromRow)]
struct LineRow {
    account_id: i64,
    person_id: i64,
    month: i32,
    base_fen: i64,
    employer_fen: i64,
    employee_fen: i64,
}

async fn lines(office: &Office, tx: &mut PgConnection, remittance_id: i64) -> Result<Vec<Line>> {
    let rows: Vec<LineRow> = sqlx::query_as(
        "SELECT account_id, person_id, month, base_fen, employer_fen, employee_fen FROM remittance_line
          WHERE centre_id = $1 AND remittance_id = $2 ORDER BY account_id, month",
    )
    .bind(office.centre.id)
    .bind(remittance_id)
    .fetch_all(tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Line {
            account_id: row.account_id,
            person_id: row.person_id,
            month: Month::from_index(row.month),
            base: Fen::new(row.base_fen),
            employer: Fen::new(row.employer_fen),
            employee: Fen::new(row.employee_fen),
        })
        .collect())
}

/// The old employer is cancelled; whoever was merged into it before is the new one's too.
async fn cancel(
    office: &Office,
    tx: &mut PgConnection,
    from: &Employer,
    to: &Employer,
) -> Result<()> {
    sqlx::query(
        "UPDATE employer SET state = CASE WHEN employer_id = $2 THEN 9 ELSE state END, merged_into = $3
          WHERE centre_id = $1 AND (employer_id = $2 OR merged_into = $2)",
    )
    .bind(office.centre.id)
    .bind(from.employer_id)
    .bind(to.employer_id)
    .execute(tx)
    .await?;
    Ok(())
}

async fn tell(
    office: &Office,
    tx: &mut PgConnection,
    case_id: i64,
    from: &Employer,
    to: &Employer,
    suspense: Fen,
) -> Result<()> {
    let gone = "【公积金】单位账户已并入新单位并销户，职工账户、暂存款和欠缴一并转入";
    outbox::tell_clerks(office, tx, from.employer_id, Some(case_id), gone).await?;
    let taken =
        format!("【公积金】一个单位已并入本单位，暂存款转入{suspense}元，欠缴一并承接，请登录查看");
    outbox::tell_clerks(office, tx, to.employer_id, Some(case_id), &taken).await?;
    let people: Vec<i64> = sqlx::query_scalar(
        "SELECT DISTINCT n.person_id FROM membership o
           JOIN membership n ON n.centre_id = o.centre_id AND n.account_id = o.account_id AND n.employer_id = $3 AND n.state IN (1, 2)
          WHERE o.centre_id = $1 AND o.employer_id = $2 ORDER BY n.person_id",
    )
    .bind(office.centre.id)
    .bind(from.employer_id)
    .bind(to.employer_id)
    .fetch_all(&mut *tx)
    .await?;
    let own = "【公积金】您的账户随单位合并转到新单位，账号、余额和利息都不变".to_owned();
    let texts = vec![own; people.len()];
    outbox::tell_people(office, tx, case_id, &people, &texts).await
}
