//! A transfer that waits for the old employer (TRF-02 by time, contribution.md §9): asked for while the person is still contributing there, done
//! at once when he is sealed, and after the days of policy by social security's record of the new job. Invariant: one request waits for an
//! account; whatever ends it ends its case in the same transaction, so that a look that comes twice, or a server that dies, changes nothing.

use anju_casework::case::{self, CaseState};
use anju_casework::employer::{self, Employer};
use anju_casework::membership::state as member;
use anju_casework::person::{purpose, text};
use anju_casework::{Actor, Error, Office, Refusal, Result, books, outbox};
use anju_domain::calendar::{Month, chinese_date, chinese_day};
use anju_domain::clock::end_of_day;
use anju_policy::fact::{Fact, FactState};
use anju_vault::NumberKind;
use chrono::{NaiveDate, TimeDelta};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sqlx::{FromRow, PgConnection};

use super::changes::first_month;
use super::transfer::{self, Moved, Whom};
use crate::policy::Rules;

/// States of a request.
pub mod state {
    /// The old employer has not sealed.
    pub const WAITING: i16 = 1;
    /// The old employer has sealed, or pushed out.
    pub const DONE: i16 = 2;
    /// Moved by time: social security knows the new job.
    pub const TIMEOUT_MOVED: i16 = 3;
    /// Not to be moved.
    pub const REFUSED: i16 = 4;
    /// The new employer took it back.
    pub const WITHDRAWN: i16 = 5;
}

/// Social security, asked where somebody works; the gateway does.
pub trait Employment: Send + Sync {
    /// The fact `hrss.employment` of a person.
    fn employment<'a>(
        &'a self,
        id_no: &'a str,
        name: &'a str,
        case_no: &'a str,
    ) -> BoxFuture<'a, Result<Fact>>;
}

/// A request that waits, as both employers see it.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Its case.
    pub case_id: i64,
    /// The account.
    pub account_id: i64,
    /// Surname and stars.
    pub name_masked: String,
    /// Where he contributes.
    pub from_name: String,
    /// Who takes him in.
    pub to_name: String,
    /// From this day on it is moved by time.
    pub until: NaiveDate,
    /// What kept it from being done when it was looked at last.
    pub held_by: Option<String>,
}

#[derive(FromRow)]
struct WaitingRow {
    case_id: i64,
    account_id: i64,
    name_sealed: Vec<u8>,
    from_name: String,
    to_name: String,
    until: NaiveDate,
    held_by: Option<String>,
}

/// Columns and tables of [`WaitingRow`], in one place.
macro_rules! waiting {
    ($rest:literal) => {
        concat!(
            "SELECT r.case_id, r.account_id, p.name_sealed, f.name AS from_name, t.name AS to_name, r.until, r.held_by
               FROM transfer_request r
               JOIN person p ON p.centre_id = r.centre_id AND p.person_id = r.person_id
               JOIN employer f ON f.centre_id = r.centre_id AND f.employer_id = r.from_employer_id
               JOIN employer t ON t.centre_id = r.centre_id AND t.employer_id = r.to_employer_id
              WHERE r.centre_id = $1 AND r.state = 1 AND ",
            $rest
        )
    };
}

impl WaitingRow {
    fn shown(self, office: &Office) -> Result<Waiting> {
        let name = text(&office.vault, purpose::NAME, &self.name_sealed)?;
        Ok(Waiting {
            case_id: self.case_id,
            account_id: self.account_id,
            name_masked: anju_domain::name::mask(&name),
            from_name: self.from_name,
            to_name: self.to_name,
            until: self.until,
            held_by: self.held_by,
        })
    }
}

async fn shown(
    office: &Office,
    statement: &'static str,
    of: i64,
    limit: i64,
) -> Result<Vec<Waiting>> {
    let rows: Vec<WaitingRow> = sqlx::query_as(statement)
        .bind(office.centre.id)
        .bind(of)
        .bind(limit)
        .fetch_all(&office.pool)
        .await?;
    rows.into_iter().map(|row| row.shown(office)).collect()
}

/// Whom other employers have asked this one to seal, the oldest first.
///
/// # Errors
/// The database; a name that does not open.
pub async fn asked_of(office: &Office, employer_id: i64, limit: i64) -> Result<Vec<Waiting>> {
    let statement = waiting!("r.from_employer_id = $2 ORDER BY r.case_id LIMIT $3");
    shown(office, statement, employer_id, limit).await
}

/// Whom this employer waits for, the oldest first.
///
/// # Errors
/// The database; a name that does not open.
pub async fn asked_by(office: &Office, employer_id: i64, limit: i64) -> Result<Vec<Waiting>> {
    let statement = waiting!("r.to_employer_id = $2 ORDER BY r.case_id LIMIT $3");
    shown(office, statement, employer_id, limit).await
}

/// What a case waits for; none where it does not wait for an old employer.
///
/// # Errors
/// The database; a name that does not open.
pub async fn of_case(office: &Office, case_id: i64) -> Result<Option<Waiting>> {
    let statement = waiting!("r.case_id = $2 LIMIT $3");
    Ok(shown(office, statement, case_id, 1).await?.pop())
}

/// The words of E-TRF-02.
#[must_use]
pub fn words(until: NaiveDate) -> String {
    format!(
        "该职工在原单位尚未封存，已通知原单位，最迟{}自动转移。",
        chinese_date(until)
    )
}

/// A live request, as what else moves the account finds it.
#[derive(FromRow)]
pub(super) struct Live {
    case_id: i64,
    person_id: i64,
    pub(super) to_employer_id: i64,
    until: NaiveDate,
}

/// The request that waits for an account.
pub(super) async fn live(
    office: &Office,
    tx: &mut PgConnection,
    account_id: i64,
) -> Result<Option<Live>> {
    Ok(sqlx::query_as(
        "SELECT case_id, person_id, to_employer_id, until FROM transfer_request
          WHERE centre_id = $1 AND account_id = $2 AND state = 1 FOR NO KEY UPDATE",
    )
    .bind(office.centre.id)
    .bind(account_id)
    .fetch_optional(tx)
    .await?)
}

/// Keeps the request of a new employer waiting, with its promise, and tells the old one; or answers with the one that waits already. Returns
/// the case. Both employers' rows are taken by the caller.
///
/// # Errors
/// `E-EMPR-03` where the new employer may take nobody in, 409 `E-TRF-02` where another one has asked before.
pub(super) async fn open(
    office: &Office,
    tx: &mut PgConnection,
    submission: &case::Submission,
    wish: &str,
    one: &Moved,
    (from, to): (&Employer, &Employer),
) -> Result<i64> {
    transfer::may_take_in(to)?;
    if let Some(live) = live(office, tx, one.account_id).await? {
        if live.to_employer_id != to.employer_id {
            let detail = format!(
                "已有别的单位申请转入该职工，最迟{}自动转移，请先和职工本人核实。",
                chinese_date(live.until)
            );
            return Err(Refusal::new(409, "E-TRF-02", detail).into());
        }
        let (key, digest) = (submission.key, submission.digest);
        books::remember(office, tx, key, digest, live.case_id).await?;
        return Ok(live.case_id);
    }
    let rules = Rules::on(office, office.today());
    let until = office.today() + TimeDelta::days(rules.int("transfer_wait_days")?);
    let case_id = submission.case_id;
    let person_id: i64 = sqlx::query_scalar(
        "INSERT INTO transfer_request (centre_id, case_id, account_id, person_id, from_employer_id, to_employer_id, until, ask_on, state)
         SELECT centre_id, $3, account_id, person_id, employer_id, $4, $5, $5, 1
           FROM membership WHERE centre_id = $1 AND membership_id = $2
         RETURNING person_id",
    )
    .bind(office.centre.id)
    .bind(one.membership_id)
    .bind(case_id)
    .bind(to.employer_id)
    .bind(until)
    .fetch_one(&mut *tx)
    .await?;
    let (key, digest) = (submission.key, submission.digest);
    books::remember(office, tx, key, digest, case_id).await?;
    let number = |id| office.numbers.encode(NumberKind::Employer, id);
    let request = &submission.request;
    let begun = case::Begun {
        case_id,
        service: &request.service,
        wish,
        applicant_id: to.employer_id,
        branch_id: to.branch_id,
        channel: &request.channel,
        amount_fen: None,
        promised_at: end_of_day(until),
        form: json!({ "account_no": request.text("account_no"), "to_employer_no": request.text("to_employer_no") }),
        detail: json!({
            "from": number(from.employer_id), "to": number(to.employer_id), "until": until,
            "notices": [{ "code": "E-TRF-02", "message": words(until) }],
        }),
    };
    let steps = ["submitted", "old_employer_told"];
    case::begin_at(
        office,
        tx,
        CaseState::Executing,
        &steps,
        begun,
        submission.actor,
    )
    .await?;
    let name = masked(office, tx, person_id).await?;
    let said = format!(
        "【公积金】{name}已到新单位，请{}前封存，逾期自动转出",
        chinese_day(until)
    );
    outbox::tell_clerks(office, tx, from.employer_id, Some(case_id), &said).await?;
    Ok(case_id)
}

async fn masked(office: &Office, tx: &mut PgConnection, person_id: i64) -> Result<String> {
    let sealed: Vec<u8> = sqlx::query_scalar(
        "SELECT name_sealed FROM person WHERE centre_id = $1 AND person_id = $2",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .fetch_one(tx)
    .await?;
    let name = text(&office.vault, purpose::NAME, &sealed)?;
    Ok(anju_domain::name::mask(&name))
}

/// What else has moved the account: to the new employer, whose request is done by it, or to another one, which ends the request.
pub(super) async fn overtaken(
    office: &Office,
    tx: &mut PgConnection,
    live: &Live,
    to: &Employer,
    start: Month,
) -> Result<()> {
    if live.to_employer_id == to.employer_id {
        let done = Done {
            state: state::DONE,
            steps: &["pushed_out", "moved", "done"],
            detail: json!({ "month": start.to_string() }),
        };
        return done
            .write(office, tx, (live.case_id, live.person_id), to, start)
            .await
            .map(drop);
    }
    refuse(office, tx, live.case_id, live.to_employer_id, ELSEWHERE)
        .await
        .map(drop)
}

const ELSEWHERE: &str = "该职工的账户已转到另一个单位。请和职工本人核实；仍要转入的，请重新申请。";

/// A request whose time it is to look at: the person is sealed by now, or the days are over.
#[derive(FromRow)]
struct Due {
    case_id: i64,
    account_id: i64,
    person_id: i64,
    from_employer_id: i64,
    to_employer_id: i64,
    until: NaiveDate,
    /// Of the membership; none where the account is closed.
    member_state: Option<i16>,
    id_sealed: Vec<u8>,
    name_sealed: Vec<u8>,
    to_uscc: String,
}

/// Columns and tables of [`Due`], in one place.
macro_rules! due {
    ($rest:literal) => {
        concat!(
            "SELECT r.case_id, r.account_id, r.person_id, r.from_employer_id, r.to_employer_id, r.until, m.state AS member_state,
                    p.id_sealed, p.name_sealed, t.uscc AS to_uscc
               FROM transfer_request r
               JOIN person p ON p.centre_id = r.centre_id AND p.person_id = r.person_id
               JOIN employer t ON t.centre_id = r.centre_id AND t.employer_id = r.to_employer_id
               LEFT JOIN membership m ON m.centre_id = r.centre_id AND m.account_id = r.account_id AND m.state IN (1, 2)
              WHERE r.centre_id = $1 AND r.state = 1 AND ",
            $rest
        )
    };
}

/// What social security says of the new job.
enum Word {
    /// It knows it; the kept fact.
    Works(Option<i64>),
    /// It knows of none, or of another.
    WorksNot,
    /// It has not answered.
    Silent,
    /// It need not be asked.
    NotAsked,
}

/// Requests of one reading.
const PAGE: i64 = 200;

/// Looks at what waits: who is sealed is moved at once, whose days are over by social security's word. Returns how many requests ended.
///
/// # Errors
/// The database; a policy without its numbers. One that fails is told and keeps no other from being looked at.
pub async fn turn(office: &Office, employment: &dyn Employment) -> Result<usize> {
    let (mut after, mut ended) = (0, 0);
    loop {
        let due: Vec<Due> = sqlx::query_as(due!(
            "r.case_id > $2 AND (m.state IS DISTINCT FROM 1 OR m.employer_id = r.to_employer_id OR r.until <= $3 AND r.ask_on <= $3)
              ORDER BY r.case_id LIMIT $4"
        ))
        .bind(office.centre.id)
        .bind(after)
        .bind(office.today())
        .bind(PAGE)
        .fetch_all(&office.pool)
        .await?;
        let Some(last) = due.last() else {
            return Ok(ended);
        };
        after = last.case_id;
        for one in &due {
            let word = match one.member_state {
                Some(member::ACTIVE) => ask(office, employment, one).await,
                _ => Word::NotAsked,
            };
            match settle(office, one, word).await {
                Ok(true) => ended += 1,
                Ok(false) => {}
                Err(error) => tracing::error!(case = one.case_id, %error, "looking at a transfer"),
            }
        }
    }
}

/// The employer has just sealed people: what waited for that is done now. What fails is done by the next look.
pub(super) async fn sealed(office: &Office, employer_id: i64) {
    let due: Result<Vec<Due>> = async {
        Ok(sqlx::query_as(due!(
            "r.from_employer_id = $2 AND m.state IS DISTINCT FROM 1 ORDER BY r.case_id LIMIT $3"
        ))
        .bind(office.centre.id)
        .bind(employer_id)
        .bind(PAGE)
        .fetch_all(&office.pool)
        .await?)
    }
    .await;
    let due = due.unwrap_or_else(|error| {
        tracing::error!(%error, employer = employer_id, "looking for transfers that waited for a seal");
        Vec::new()
    });
    for one in &due {
        if let Err(error) = settle(office, one, Word::NotAsked).await {
            tracing::error!(case = one.case_id, %error, "a transfer that waited for a seal");
        }
    }
}

/// Silence, and a gateway that fails, change nothing.
async fn ask(office: &Office, employment: &dyn Employment, one: &Due) -> Word {
    let asked = async {
        let id = text(&office.vault, purpose::ID, &one.id_sealed)?;
        let name = text(&office.vault, purpose::NAME, &one.name_sealed)?;
        let case_no = case::number(office, one.case_id);
        employment.employment(&id, &name, &case_no).await
    };
    match asked.await {
        Ok(fact) => {
            let says = |field: &str| fact.value.get(field).and_then(Value::as_str);
            match fact.state {
                FactState::Known
                    if says("state") == Some("employed")
                        && says("employer_uscc") == Some(one.to_uscc.as_str()) =>
                {
                    Word::Works(fact.fact_id)
                }
                FactState::Known | FactState::Absent => Word::WorksNot,
                FactState::Unknown | FactState::Conflict => Word::Silent,
            }
        }
        Err(error) => {
            tracing::error!(case = one.case_id, %error, "asking social security about a transfer");
            Word::Silent
        }
    }
}

const CLOSED: &str = "该职工的账户已经销户，不用转入；请按新增职工办理。";
const NO_RECORD: &str = "原单位超期没有封存，但社保没有该职工在本单位参保的记录，不能自动转移。请先为职工办理社保参保登记，再重新申请；或请原单位封存。";
const SILENT: &str = "原单位超期没有封存，正在等社保部门回复职工的参保记录，每天再问一次。";

/// One request in one transaction. True where it ended.
async fn settle(office: &Office, one: &Due, word: Word) -> Result<bool> {
    let mut tx = office.pool.begin().await?;
    let ended = write(office, &mut tx, one, word).await?;
    tx.commit().await?;
    if ended {
        office.changed_with_messages(one.case_id);
    }
    Ok(ended)
}

async fn write(office: &Office, tx: &mut PgConnection, one: &Due, word: Word) -> Result<bool> {
    let Some(from_id) = transfer::employer_of(office, tx, one.account_id).await? else {
        return refuse(office, tx, one.case_id, one.to_employer_id, CLOSED).await;
    };
    let who = (one.case_id, one.person_id);
    if from_id == one.to_employer_id {
        let to = employer::lock(office, tx, from_id).await?;
        let start = first_month(office, &mut *tx, &to).await?;
        let done = Done {
            state: state::DONE,
            steps: &["moved", "done"],
            detail: json!({ "month": start.to_string() }),
        };
        return done.write(office, tx, who, &to, start).await;
    }
    let (from, to) = transfer::both(office, tx, from_id, one.to_employer_id).await?;
    let moved = transfer::memberships(office, tx, from_id, Whom::Account(one.account_id)).await?;
    // Gone elsewhere since it was read: the next look finds it there.
    let Some(member) = moved.first() else {
        return Ok(false);
    };
    let by_time = member.state == member::ACTIVE && !from.is_virtual();
    let mut record = None;
    if by_time {
        if from_id != one.from_employer_id {
            return refuse(office, tx, one.case_id, one.to_employer_id, ELSEWHERE).await;
        }
        match word {
            _ if one.until > office.today() => return Ok(false),
            Word::NotAsked => return Ok(false),
            Word::Works(fact) => record = fact,
            Word::WorksNot => {
                return refuse(office, tx, one.case_id, one.to_employer_id, NO_RECORD).await;
            }
            Word::Silent => return hold(office, tx, one.case_id, SILENT).await,
        }
    }
    let start = first_month(office, &mut *tx, &to).await?;
    match transfer::may_move(office, tx, &moved, &[one.account_id], &to, start).await {
        Ok(()) => {}
        Err(Error::Refused(refusal)) if refusal.code == "E-EMPR-03" => {
            return refuse(office, tx, one.case_id, one.to_employer_id, &refusal.detail).await;
        }
        // TRF-03, TRF-06: it waits on until the list is paid, or the new employer's months have come as far.
        Err(Error::Refused(refusal)) => {
            return hold(office, tx, one.case_id, &refusal.detail).await;
        }
        Err(error) => return Err(error),
    }
    let number = |id| office.numbers.encode(NumberKind::Employer, id);
    let done = Done {
        state: if by_time {
            state::TIMEOUT_MOVED
        } else {
            state::DONE
        },
        steps: if by_time {
            &["moved_by_time", "done"]
        } else {
            &["old_sealed", "moved", "done"]
        },
        detail: json!({
            "from": number(from.employer_id), "to": number(to.employer_id), "month": start.to_string(), "fact": record.map(|id| id.to_string()),
        }),
    };
    if !done.write(office, tx, who, &to, start).await? {
        return Ok(false);
    }
    if by_time {
        sqlx::query(
            "UPDATE membership SET state = 2, sealed_on = $3, seal_reason = '逾期未封存，自动转出'
              WHERE centre_id = $1 AND membership_id = $2 AND state = 1",
        )
        .bind(office.centre.id)
        .bind(member.membership_id)
        .bind(office.today())
        .execute(&mut *tx)
        .await?;
        let name = masked(office, tx, one.person_id).await?;
        let said = format!("【公积金】{name}逾期未封存，账户已转入新单位，不再列入您的名册");
        outbox::tell_clerks(office, tx, from.employer_id, Some(one.case_id), &said).await?;
    }
    transfer::relocate(office, tx, &moved, &[member::ACTIVE], &from, &to, start).await?;
    Ok(true)
}

/// How a request ends well.
struct Done<'a> {
    state: i16,
    steps: &'a [&'a str],
    detail: Value,
}

impl Done<'_> {
    /// Ends it with its case and tells the new employer and the person; false where something else has ended it.
    async fn write(
        self,
        office: &Office,
        tx: &mut PgConnection,
        (case_id, person_id): (i64, i64),
        to: &Employer,
        start: Month,
    ) -> Result<bool> {
        if !end(office, tx, case_id, self.state).await? {
            return Ok(false);
        }
        case::end_executing(
            office,
            tx,
            case_id,
            CaseState::Done,
            self.steps,
            self.detail,
            Actor::System,
        )
        .await?;
        let name = masked(office, tx, person_id).await?;
        let said = format!(
            "【公积金】{name}的账户已转入，请从{}的名册起缴存",
            start.chinese()
        );
        outbox::tell_clerks(office, tx, to.employer_id, Some(case_id), &said).await?;
        let own = "【公积金】您的账户已转到新单位，账号、余额和利息都不变".to_owned();
        outbox::tell_people(office, tx, case_id, &[person_id], &[own]).await?;
        Ok(true)
    }
}

async fn end(office: &Office, tx: &mut PgConnection, case_id: i64, to: i16) -> Result<bool> {
    let ended = sqlx::query(
        "UPDATE transfer_request SET state = $3, ended_at = $4, held_by = NULL WHERE centre_id = $1 AND case_id = $2 AND state = 1",
    )
    .bind(office.centre.id)
    .bind(case_id)
    .bind(to)
    .bind(office.now())
    .execute(tx)
    .await?;
    Ok(ended.rows_affected() == 1)
}

async fn refuse(
    office: &Office,
    tx: &mut PgConnection,
    case_id: i64,
    to_employer_id: i64,
    why: &str,
) -> Result<bool> {
    if !end(office, tx, case_id, state::REFUSED).await? {
        return Ok(false);
    }
    case::end_executing(
        office,
        tx,
        case_id,
        CaseState::Refused,
        &["refused"],
        json!({ "code": "E-TRF-02", "reason": why }),
        Actor::System,
    )
    .await?;
    let said = "【公积金】一名职工的转入没有办成，原因和办法请登录后在“办事”里看";
    outbox::tell_clerks(office, tx, to_employer_id, Some(case_id), said).await?;
    Ok(true)
}

/// It waits on, and says why. Social security is asked again when the days of policy have gone.
async fn hold(office: &Office, tx: &mut PgConnection, case_id: i64, why: &str) -> Result<bool> {
    let days = Rules::on(office, office.today()).int("transfer_ask_days")?;
    sqlx::query(
        "UPDATE transfer_request SET held_by = $3, ask_on = greatest(ask_on, $4)
          WHERE centre_id = $1 AND case_id = $2 AND state = 1 AND (held_by IS DISTINCT FROM $3 OR ask_on < $4)",
    )
    .bind(office.centre.id)
    .bind(case_id)
    .bind(why)
    .bind(office.today() + TimeDelta::days(days))
    .execute(tx)
    .await?;
    Ok(false)
}

/// The new employer takes its request back.
///
/// # Errors
/// 409 `E-CASE-01` where it has ended.
pub(super) async fn withdraw(office: &Office, case_id: i64, actor: Actor) -> Result<()> {
    let mut tx = office.pool.begin().await?;
    take_back(office, &mut tx, case_id, actor).await?;
    tx.commit().await?;
    office.changed(case_id);
    Ok(())
}

/// The same in the caller's transaction.
pub(super) async fn take_back(
    office: &Office,
    tx: &mut PgConnection,
    case_id: i64,
    actor: Actor,
) -> Result<()> {
    if !end(office, tx, case_id, state::WITHDRAWN).await? {
        let detail = "这次转入已经办结，不能撤回；不要这名职工的，请办理转出。";
        return Err(Refusal::new(409, "E-CASE-01", detail).into());
    }
    case::end_executing(
        office,
        tx,
        case_id,
        CaseState::Withdrawn,
        &["withdrawn"],
        json!({}),
        actor,
    )
    .await
}
