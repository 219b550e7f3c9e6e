//! 企业开办一网通办 (contribution.md §2.1, §2.3): what the market regulator says by itself opens an account before anybody visits, keeps its
//! data, and tells the desk when the company is struck off. Invariant: a message happens once by its number, an account once by its credit
//! code; a pre-opened account that nobody completes lapses and can be pre-opened again.

use anju_casework::case::{self, Submission};
use anju_casework::catalogue::Request;
use anju_casework::employer::{self, Employer};
use anju_casework::{Actor, Fault, Office, Refusal, Result, books, licence};
use anju_domain::calendar::Month;
use anju_domain::name::PersonName;
use anju_domain::uscc::Uscc;
use anju_ledger::command;
use anju_vault::NumberKind;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::{Value, json};

use super::employer_data::{self, Data};
use super::opening::{self, NewEmployer};
use super::parties::{self, Event};
use crate::policy::Rules;

/// Channel of what a department says by itself.
pub const CHANNEL: &str = "PUSH";

/// Accounts that lapse in one look.
const AT_ONCE: i64 = 100;

/// A message's number, what makes it happen once.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The source's own number of it.
    pub serial: &'a str,
    /// The whole of it.
    pub body: &'a [u8],
    /// When a case of it has to be ready.
    pub promised_at: DateTime<Utc>,
}

/// A company that was founded with the box "open a housing fund account".
#[derive(Debug, Clone)]
pub struct Founded {
    /// Credit code.
    pub uscc: Uscc,
    /// Registered name.
    pub name: String,
    /// One of the kinds of employers.
    pub kind: String,
    /// Address.
    pub address: String,
    /// GB/T 2260 code.
    pub district: String,
    /// 法定代表人.
    pub representative: PersonName,
    /// Day of founding.
    pub founded: NaiveDate,
}

/// The account of a founded company: PRE_OPENED, ratio of policy, nobody in it. An account that is there is answered, whatever its state.
///
/// # Errors
/// 409 `E-API-02` for a number that came with another message.
pub async fn pre_open(
    office: &Office,
    message: Message<'_>,
    founded: &Founded,
) -> Result<Employer> {
    let known = || employer::by_uscc(office, &founded.uscc);
    if heard(office, &message).await? {
        // What the first one opened may have lapsed since; another message opens it again.
        return known()
            .await?
            .ok_or_else(|| Refusal::rule("E-EMPR-05", "预开户已到期，请重新推送。").into());
    }
    if let Some(open) = known().await? {
        return Ok(open);
    }
    let rules = Rules::on(office, office.today());
    let ratio = rules.bp("preopen_ratio_bp")?;
    let branch = opening::keeper(office, &office.pool, &founded.district).await?;
    let employer_id = office.ids.next().await?;
    let register_within = TimeDelta::days(rules.int("employer_register_days")?);
    let submission = submission(
        office,
        &message,
        opening::SERVICE,
        employer_id,
        branch.branch_id,
    )
    .await?;
    let opened = async {
        let mut tx = office.pool.begin().await?;
        let new = NewEmployer {
            employer_id,
            uscc: founded.uscc.as_str(),
            name: &anju_domain::text::normalise(&founded.name),
            kind: &founded.kind,
            district: &founded.district,
            address: Some(&founded.address),
            representative: founded.representative.expose(),
            ratios: (ratio, ratio),
            payday: None,
            // Whoever completes the account chooses the month.
            first_month: Month::of(founded.founded),
            founded: Some(founded.founded),
            is_late: office.today() - founded.founded > register_within,
            state: employer::state::PRE_OPENED,
        };
        opening::insert(office, &mut tx, &new).await?;
        let done = json!({
            "employer_no": office.numbers.encode(NumberKind::Employer, employer_id), "ratio_bp": ratio, "serial": message.serial,
        });
        at_once(office, &mut tx, &submission, "pre_opened", done).await?;
        let case_id = submission.case_id;
        parties::say(
            office,
            &mut tx,
            employer_id,
            case_id,
            Event::PreOpened,
            office.today(),
        )
        .await?;
        tx.commit().await?;
        office.wake.notify_one();
        Result::Ok(())
    };
    if let Err(error) = opened.await
        && !case::is_repeat(&error)
    {
        return Err(error);
    }
    known()
        .await?
        .ok_or_else(|| Fault::Stored("a pre-opened employer is not there".to_owned()).into())
}

/// What of a company changed, from which day.
#[derive(Debug, Clone, Default)]
pub struct Changed {
    /// From this day.
    pub on: NaiveDate,
    /// New name.
    pub name: Option<String>,
    /// New address.
    pub address: Option<String>,
    /// New legal representative.
    pub representative: Option<PersonName>,
}

/// Keeps the data of an employer as the registry has them now: a case with its day, before and after. Whoever acted as the former legal
/// representative acts no more. False where the centre has no such employer.
///
/// # Errors
/// As [`pre_open`].
pub async fn change(
    office: &Office,
    message: Message<'_>,
    uscc: &Uscc,
    changed: &Changed,
) -> Result<bool> {
    if heard(office, &message).await? {
        return Ok(true);
    }
    let Some(employer) = employer::by_uscc(office, uscc).await? else {
        return Ok(false);
    };
    let data = Data {
        name: changed.name.as_deref().map(anju_domain::text::normalise),
        address: changed.address.clone(),
        representative: changed.representative.clone(),
        payday: None,
        industry: None,
    };
    let submission = submission(
        office,
        &message,
        employer_data::SERVICE,
        employer.employer_id,
        employer.branch_id,
    )
    .await?;
    let mut tx = office.pool.begin().await?;
    let mut done = data.write(office, &mut tx, &employer).await?;
    done["on"] = changed.on.to_string().into();
    done["serial"] = message.serial.into();
    at_once(office, &mut tx, &submission, "changed", done).await?;
    if data.is_registered() {
        let (employer_id, case_id) = (employer.employer_id, submission.case_id);
        parties::say(
            office,
            &mut tx,
            employer_id,
            case_id,
            Event::Changed,
            changed.on,
        )
        .await?;
    }
    tx.commit().await?;
    office.wake.notify_one();
    Ok(true)
}

/// A company was struck off: a pre-opened account ends with it, any other becomes a task for the desk, which closes it when everybody has
/// been paid and moved. False where the centre has no such employer.
///
/// # Errors
/// As [`pre_open`].
pub async fn cancel(
    office: &Office,
    message: Message<'_>,
    uscc: &Uscc,
    on: NaiveDate,
) -> Result<bool> {
    if heard(office, &message).await? {
        return Ok(true);
    }
    let Some(employer) = employer::by_uscc(office, uscc).await? else {
        return Ok(false);
    };
    let submission = submission(
        office,
        &message,
        employer_data::SERVICE,
        employer.employer_id,
        employer.branch_id,
    )
    .await?;
    let detail = json!({ "event": "cancelled", "on": on.to_string(), "serial": message.serial });
    let mut tx = office.pool.begin().await?;
    licence::revoke(office, &mut tx, uscc.as_str()).await?;
    if employer.state == employer::state::PRE_OPENED {
        end_pre_opened(office, &mut tx, employer.employer_id).await?;
        at_once(office, &mut tx, &submission, "cancelled", detail).await?;
        let (employer_id, case_id) = (employer.employer_id, submission.case_id);
        parties::say(office, &mut tx, employer_id, case_id, Event::Cancelled, on).await?;
        tx.commit().await?;
        office.wake.notify_one();
        return Ok(true);
    }
    let waits = case::begin_reviewing(
        office,
        &mut tx,
        &submission,
        case::ToReview {
            wish: "cancelled-by-registry",
            branch_id: employer.branch_id,
            form: json!({}),
            detail,
        },
    )
    .await;
    match waits {
        Ok(()) => tx.commit().await?,
        // The desk has it on its list already.
        Err(error) if case::is_repeat(&error) => {}
        Err(error) => return Err(error),
    }
    Ok(true)
}

/// The licence was revoked: nobody is logged in by it any more.
///
/// # Errors
/// The database.
pub async fn licence_revoked(office: &Office, uscc: &Uscc) -> Result<u64> {
    let mut conn = office.pool.acquire().await?;
    licence::revoke(office, &mut conn, uscc.as_str()).await
}

/// Ends the pre-opened accounts that nobody completed in the days of policy.
///
/// # Errors
/// The database, the policy.
pub async fn expire(office: &Office) -> Result<usize> {
    let days = Rules::on(office, office.today()).int("preopen_days")?;
    let stale: Vec<(i64, i16)> = sqlx::query_as(
        "SELECT employer_id, branch_id FROM employer
          WHERE centre_id = $1 AND state = 4 AND opened_at < $2 ORDER BY opened_at LIMIT $3",
    )
    .bind(office.centre.id)
    .bind(office.now() - TimeDelta::days(days))
    .bind(AT_ONCE)
    .fetch_all(&office.pool)
    .await?;
    for (employer_id, branch_id) in &stale {
        let serial = format!("lapse:{employer_id}");
        let message = Message {
            serial: &serial,
            body: serial.as_bytes(),
            promised_at: office.now(),
        };
        let submission =
            submission(office, &message, opening::SERVICE, *employer_id, *branch_id).await?;
        let mut tx = office.pool.begin().await?;
        end_pre_opened(office, &mut tx, *employer_id).await?;
        let detail = json!({ "days": days });
        at_once(office, &mut tx, &submission, "lapsed", detail).await?;
        let (case_id, today) = (submission.case_id, office.today());
        parties::say(
            office,
            &mut tx,
            *employer_id,
            case_id,
            Event::Cancelled,
            today,
        )
        .await?;
        tx.commit().await?;
    }
    Ok(stale.len())
}

async fn end_pre_opened(
    office: &Office,
    conn: &mut sqlx::PgConnection,
    employer_id: i64,
) -> Result<()> {
    let ended = sqlx::query(
        "UPDATE employer SET state = 9 WHERE centre_id = $1 AND employer_id = $2 AND state = 4",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .execute(conn)
    .await?;
    if ended.rows_affected() == 1 {
        Ok(())
    } else {
        Err(case::moved_on().into())
    }
}

fn key_of(message: &Message<'_>) -> (uuid::Uuid, uuid::Uuid) {
    let key = command::key_uuid(&format!("D06:{}", message.serial));
    (key, command::digest(message.body))
}

/// Whether this message has happened: `command` keeps its number for ever, so that no row of the inbox is needed beside it.
async fn heard(office: &Office, message: &Message<'_>) -> Result<bool> {
    let (key, digest) = key_of(message);
    Ok(books::remembered(office, key, digest).await?.is_some())
}

async fn submission(
    office: &Office,
    message: &Message<'_>,
    service: &str,
    employer_id: i64,
    branch_id: i16,
) -> Result<Submission> {
    let (key, digest) = key_of(message);
    Ok(Submission {
        case_id: office.ids.next().await?,
        request: Request {
            service: service.to_owned(),
            case_id: None,
            applicant_id: employer_id,
            form: anju_policy::Form::new(),
            channel: CHANNEL.to_owned(),
            face_passed: false,
        },
        actor: Actor::System,
        served_by: None,
        key,
        digest,
        branch_id,
        tapped_at: office.now(),
        promised_at: message.promised_at,
    })
}

async fn at_once(
    office: &Office,
    conn: &mut sqlx::PgConnection,
    submission: &Submission,
    step: &str,
    done: Value,
) -> Result<()> {
    case::at_once(
        office,
        conn,
        submission,
        case::AtOnce {
            wish: &format!("{}:{}", submission.request.service, submission.case_id),
            branch_id: submission.branch_id,
            form: json!({}),
            begun: json!({}),
            step,
            done,
        },
    )
    .await
}
