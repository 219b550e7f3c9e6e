//! `POST /open/v1/employers`: the service `employer-open-account`, as machines ask for it.

use anju_business::contribution::opening;
use anju_casework::case::{self, Submission, Submitted};
use anju_casework::catalogue::Request;
use anju_casework::{Actor, Refusal};
use anju_domain::calendar::Month;
use anju_vault::NumberKind;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::{json as read_json, key, once};
use super::{Open, problem, refused};
use crate::problem::Problem;

#[derive(Deserialize)]
struct Body {
    name: String,
    uscc: String,
    kind: String,
    ratio_employer_bp: i32,
    ratio_employee_bp: i32,
    legal_representative: String,
    #[serde(default)]
    district: Option<String>,
    #[serde(default)]
    first_month: Option<String>,
    #[serde(default)]
    payday: Option<i16>,
    #[serde(default)]
    clerk: Option<Clerk>,
    #[serde(default)]
    address: Option<String>,
}

#[derive(Deserialize)]
struct Clerk {
    name: String,
    phone: String,
}

impl Body {
    /// The service's form; a month that is not given is this one (doors.md §2).
    fn form(self, this_month: Month) -> Map<String, Value> {
        let mut form = Map::from_iter([
            ("name".to_owned(), Value::from(self.name)),
            ("uscc".to_owned(), self.uscc.into()),
            ("kind".to_owned(), self.kind.into()),
            (
                "ratio_employer_bp".to_owned(),
                self.ratio_employer_bp.into(),
            ),
            (
                "ratio_employee_bp".to_owned(),
                self.ratio_employee_bp.into(),
            ),
            (
                "legal_representative".to_owned(),
                self.legal_representative.into(),
            ),
        ]);
        let first_month = self.first_month.unwrap_or_else(|| this_month.to_string());
        let (clerk_name, clerk_phone) = self
            .clerk
            .map_or((None, None), |clerk| (Some(clerk.name), Some(clerk.phone)));
        let optional = [
            ("first_month", Some(Value::from(first_month))),
            ("payday", self.payday.map(Value::from)),
            ("district", self.district.map(Value::from)),
            ("address", self.address.map(Value::from)),
            ("clerk_name", clerk_name.map(Value::from)),
            ("clerk_phone", clerk_phone.map(Value::from)),
        ];
        for (field, value) in optional {
            if let Some(value) = value {
                form.insert(field.to_owned(), value);
            }
        }
        form
    }
}

/// Opens an employer's account after asking the market regulator.
pub async fn open(
    State(open): State<Open>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let key = key(&headers, "POST /employers", &body)?;
    let act = async {
        let body: Body = read_json(&body)?;
        if let Some(Err(error)) = body.first_month.as_deref().map(Month::parse) {
            let detail = format!("首次汇缴年月应为 2026-11 的形式：{error}。");
            return Err(refused(&Refusal::rule("E-EMPR-05", detail)));
        }
        let office = &open.engine.office;
        let now = office.now();
        let ids = office
            .ids
            .take(2)
            .await
            .map_err(|error| problem(error.into()))?;
        let submission = Submission {
            case_id: ids[0],
            request: Request {
                service: opening::SERVICE.to_owned(),
                case_id: None,
                // Whose account it will be.
                applicant_id: ids[1],
                form: body.form(Month::of(office.today())),
                channel: "HALL".to_owned(),
                face_passed: true,
            },
            actor: Actor::Interface,
            served_by: None,
            key: key.key,
            digest: key.digest,
            branch_id: office.centre.head_branch,
            tapped_at: now,
            promised_at: open
                .engine
                .promise(opening::SERVICE, now)
                .map_err(problem)?,
        };
        let (Submitted::New(case_id) | Submitted::Before(case_id)) =
            open.engine.submit(submission).await.map_err(problem)?;
        let opened = case::require(office, case_id).await.map_err(problem)?;
        if !opened.state().is_final() {
            // The registry is silent: what has been asked for is not lost, and there is no number yet.
            let waits = json!({
                "case_id": case::number(office, case_id),
                "state": opened.state().code(),
                "promised_at": opened.promised_at,
            });
            return Ok((StatusCode::ACCEPTED, waits));
        }
        let mut answer =
            json!({ "employer_no": open.encode(NumberKind::Employer, opened.applicant_id) });
        let events = case::events(office, case_id).await.map_err(problem)?;
        let notices = events
            .iter()
            .find_map(|event| event.detail.as_ref()?.get("notices").cloned());
        if let Some(notices) = notices {
            answer["notices"] = notices;
        }
        Ok((StatusCode::CREATED, answer))
    };
    Ok(once(&open, key, act).await)
}
