//! `POST /open/v1/cases`, `GET /open/v1/cases/{id}`, `POST /open/v1/cases/{id}/withdraw`.

use std::time::Duration;

use anju_casework::case::{self, Case, PayState, Submission, Submitted};
use anju_casework::catalogue::Request;
use anju_casework::{Actor, Refusal, Result as CaseResult, employer, membership};
use anju_domain::clock::rfc3339_millis;
use anju_vault::NumberKind;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{OriginalUri, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::{json as read_json, key, once};
use super::{Open, problem, refused};
use crate::problem::Problem;

#[derive(Deserialize)]
struct Body {
    service: String,
    applicant: String,
    #[serde(default)]
    form: Map<String, Value>,
    #[serde(default = "default_channel")]
    channel: String,
}

fn default_channel() -> String {
    "APP".to_owned()
}

#[derive(Deserialize)]
pub struct Wait {
    wait: Option<String>,
}

/// The longest that a request waits for its end.
const MAX_WAIT: Duration = Duration::from_secs(30);

fn patience(wait: &Wait) -> Result<Duration, Problem> {
    let Some(text) = wait.wait.as_deref().filter(|text| !text.is_empty()) else {
        return Ok(Duration::ZERO);
    };
    let wrong = || {
        refused(&Refusal::new(
            400,
            "E-API-05",
            "wait 的形式应是 3s 或 500ms，最多 30s。",
        ))
    };
    let wanted = match text.strip_suffix("ms") {
        Some(number) => Duration::from_millis(number.parse().map_err(|_| wrong())?),
        None => Duration::from_secs(
            text.strip_suffix('s')
                .unwrap_or(text)
                .parse()
                .map_err(|_| wrong())?,
        ),
    };
    Ok(wanted.min(MAX_WAIT))
}

/// Submits a case, and waits for its end where that is asked for.
pub async fn submit(
    State(open): State<Open>,
    Query(wait): Query<Wait>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let key = key(&headers, "POST /cases", &body)?;
    let act = async {
        let patience = patience(&wait)?;
        let body: Body = read_json(&body)?;
        let office = &open.engine.office;
        let (applicant_id, branch_id) = applicant(&open, &body.applicant).await?;
        let case_id = office
            .ids
            .next()
            .await
            .map_err(|error| problem(error.into()))?;
        let now = office.now();
        let promised_at = open.engine.promise(&body.service, now).map_err(problem)?;
        let submission = Submission {
            case_id,
            request: Request {
                service: body.service,
                case_id: Some(case_id),
                applicant_id,
                form: body.form,
                channel: body.channel,
                // The key of a demo centre counts as a passed face and SMS step (doors.md §1).
                face_passed: true,
            },
            actor: Actor::Interface,
            served_by: None,
            key: key.key,
            digest: key.digest,
            branch_id,
            tapped_at: now,
            promised_at,
        };
        let _watch = office.watch(case_id);
        let submitted = open.engine.submit(submission).await.map_err(problem)?;
        let (status, case_id) = match submitted {
            Submitted::New(case_id) => (StatusCode::CREATED, case_id),
            Submitted::Before(case_id) => (StatusCode::OK, case_id),
        };
        let case = open.engine.wait(case_id, patience).await.map_err(problem)?;
        let mut drawn =
            json!({ "case_id": case::number(office, case_id), "state": case.state().code() });
        if let Some(decision) = decision(&open, &case).await.map_err(problem)? {
            drawn["decision"] = decision;
        }
        Ok((status, drawn))
    };
    Ok(once(&open, key, act).await)
}

/// The applicant of a number: a person or an employer, with the branch that keeps it.
async fn applicant(open: &Open, number: &str) -> Result<(i64, i16), Problem> {
    let office = &open.engine.office;
    if let Some(person_id) = office.numbers.decode(NumberKind::Person, number) {
        let memberships = membership::of_person(office, person_id)
            .await
            .map_err(problem)?;
        if memberships.is_empty()
            && anju_casework::person::get(office, person_id)
                .await
                .map_err(problem)?
                .is_none()
        {
            return Err(refused(&Refusal::not_found("这位申请人")));
        }
        return Ok((
            person_id,
            memberships
                .first()
                .map_or(office.centre.head_branch, |membership| membership.branch_id),
        ));
    }
    if let Some(employer_id) = office.numbers.decode(NumberKind::Employer, number) {
        let employer = employer::require(office, employer_id)
            .await
            .map_err(problem)?;
        return Ok((employer_id, employer.branch_id));
    }
    Err(refused(&Refusal::not_found("这位申请人")))
}

async fn decision(open: &Open, case: &Case) -> CaseResult<Option<Value>> {
    let policy = open.engine.office.policy_version(case.policy_id).await?;
    case::decision_of(&open.engine.office, case, &policy)
        .await?
        .map(|decision| Ok(serde_json::to_value(decision)?))
        .transpose()
}

/// A case with its decision, events, payment and timed legs.
pub async fn show(
    State(open): State<Open>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let case_id = open.decode(NumberKind::Case, &id, "这个办件")?;
    draw(&open, case_id).await.map(Json).map_err(problem)
}

async fn draw(open: &Open, case_id: i64) -> CaseResult<Value> {
    let office = &open.engine.office;
    let case = case::require(office, case_id).await?;
    let rows = case::events(office, case_id).await?;
    let mut events = Vec::new();
    let mut legs = Vec::new();
    for row in &rows {
        let detail = row.detail.clone().unwrap_or(Value::Null);
        if let Some(timed) = detail.get("legs").and_then(Value::as_array) {
            legs.extend(timed.iter().cloned());
        }
        for step in &row.steps {
            events.push(json!({ "at": rfc3339_millis(row.at), "event": step, "detail": detail }));
        }
    }
    let mut drawn = json!({
        "case_id": case::number(office, case_id),
        "service": case.service,
        "channel": case.channel,
        "state": case.state().code(),
        "amount_fen": case.amount_fen,
        "submitted_at": rfc3339_millis(case.submitted_at),
        "promised_at": rfc3339_millis(case.promised_at),
        "events": events,
        "legs": legs,
    });
    if let Some(decision) = decision(open, &case).await? {
        drawn["decision"] = decision;
    }
    if let Some(document) = super::documents::link(office, case_id).await? {
        drawn["document"] = document;
    }
    if let Some(state) = case.pay_state().code() {
        drawn["payment"] = payment(open, &case, state, &rows).await?;
    }
    if crate::shares::pays_several(office, &case) {
        let shares = case::share::list(office, case_id).await?;
        drawn["payments"] = crate::shares::drawn(office, &shares);
    }
    Ok(drawn)
}

async fn payment(
    open: &Open,
    case: &Case,
    state: &str,
    steps: &[case::CaseEvent],
) -> CaseResult<Value> {
    let office = &open.engine.office;
    let payee = match case::supervised(office, case).await? {
        Some(account) => Some(account.account.into()),
        None => case.open_form(office)?.get("card_no").cloned(),
    };
    let bank_ref = steps
        .iter()
        .rev()
        .filter_map(|step| step.detail.as_ref()?.get("bank_ref")?.as_str())
        .find(|serial| !serial.is_empty());
    Ok(json!({
        "state": state,
        "amount_fen": case.amount_fen,
        "bank": case.pay_bank,
        "payee_account": payee,
        "end_to_end_id": case::end_to_end_id(office, case.case_id, case.pay_attempt),
        "bank_ref": bank_ref.or(case.pay_ref.as_deref()),
        "reason": if case.pay_state() == PayState::Paid { None } else { case.pay_reason.clone() },
    }))
}

/// Takes a case back before its money moves.
pub async fn withdraw(
    State(open): State<Open>,
    Path(id): Path<String>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let key = key(&headers, &format!("POST {uri}"), &body)?;
    let act = async {
        let case_id = open.decode(NumberKind::Case, &id, "这个办件")?;
        let office = &open.engine.office;
        case::require(office, case_id).await.map_err(problem)?;
        case::withdraw(office, case_id, Actor::Interface)
            .await
            .map_err(problem)?;
        // Where somebody else has to agree (another centre), the case stays what it is until he has answered.
        let case = case::require(office, case_id).await.map_err(problem)?;
        Ok((
            StatusCode::OK,
            json!({ "case_id": id, "state": case.state().code() }),
        ))
    };
    Ok(once(&open, key, act).await)
}

#[derive(Deserialize)]
struct Card {
    card_no: String,
}

/// Another card for one payment of a case that pays several, whose bank refused or gave it back.
pub async fn pay_again(
    State(open): State<Open>,
    Path((id, place)): Path<(String, i16)>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let key = key(&headers, &format!("POST {uri}"), &body)?;
    let act = async {
        let case_id = open.decode(NumberKind::Case, &id, "这个办件")?;
        let office = &open.engine.office;
        let card: Card = read_json(&body)?;
        let case = case::require(office, case_id).await.map_err(problem)?;
        let one = crate::shares::of_case(office, &case, place)
            .await
            .map_err(problem)?;
        open.engine
            .pay_share_again(&one, &card.card_no, Actor::Interface)
            .await
            .map_err(problem)?;
        let drawn = draw(&open, case_id).await.map_err(problem)?;
        Ok((StatusCode::OK, drawn))
    };
    Ok(once(&open, key, act).await)
}
