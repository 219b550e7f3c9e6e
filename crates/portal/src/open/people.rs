//! `POST /open/v1/people` and `/people/lookup`: never a number in an address, since addresses are logged.

use anju_business::contribution::roster::PoliceAnswer;
use anju_business::contribution::upload::Police;
use anju_casework::{Actor, Refusal, access_log, membership, person};
use anju_domain::calendar::Month;
use anju_domain::id_number::IdNumber;
use anju_domain::name::PersonName;
use anju_domain::phone::Phone;
use anju_exchange::kept::GatewayPolice;
use anju_vault::NumberKind;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{json as read_json, key, once};
use super::{Open, problem, refused};
use crate::problem::Problem;

#[derive(Deserialize)]
struct Body {
    id_no: String,
}

/// Finds a person by whole ID number.
pub async fn look_up(State(open): State<Open>, body: Bytes) -> Result<Json<Value>, Problem> {
    let body: Body = read_json(&body)?;
    let office = &open.engine.office;
    let id = IdNumber::parse(&body.id_no)
        .map_err(|error| refused(&Refusal::rule("E-PERS-01", format!("{error}。"))))?;
    let found = person::by_id_number(office, &id).await.map_err(problem)?;
    let person = found.ok_or_else(|| refused(&Refusal::not_found("这位职工")))?;
    access_log::note(
        office,
        Actor::Interface,
        person.person_id,
        "按证件号码查找",
        "接口查询",
        None,
    )
    .await
    .map_err(problem)?;
    let memberships = membership::of_person(office, person.person_id)
        .await
        .map_err(problem)?;
    Ok(Json(json!({
        "person_id": open.encode(NumberKind::Person, person.person_id),
        "name_masked": person.name.masked(),
        "memberships": memberships.iter().map(|m| json!({
            "employer_no": open.encode(NumberKind::Employer, m.employer_id),
            "employer_name": m.employer_name,
            "account_no": open.encode(NumberKind::Account, m.account_id),
            "state": state_word(m.state),
            "base_fen": m.base_fen,
            "ratio_employer_bp": m.ratio_employer_bp,
            "ratio_employee_bp": m.ratio_employee_bp,
            "monthly_fen": m.employer_fen + m.employee_fen,
            "from_month": Month::from_index(m.from_month).to_string(),
            "sealed_on": m.sealed_on,
        })).collect::<Vec<_>>(),
    })))
}

#[derive(Deserialize)]
struct Stranger {
    name: String,
    id_no: String,
    phone: Option<String>,
}

/// Makes somebody known who has no account yet (a free-lancer before his agreement): name and number as the police have them.
pub async fn register(
    State(open): State<Open>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let key = key(&headers, "POST /people", &body)?;
    let act = async {
        let body: Stranger = read_json(&body)?;
        let wrong = |code, what: String| refused(&Refusal::rule(code, what));
        let id = IdNumber::parse(&body.id_no)
            .map_err(|error| wrong("E-PERS-01", format!("{error}。")))?;
        let name = PersonName::parse(&body.name)
            .map_err(|error| wrong("E-API-03", format!("姓名{error}。")))?;
        let phone = body
            .phone
            .as_deref()
            .map(Phone::parse)
            .transpose()
            .map_err(|error| wrong("E-API-03", format!("手机号：{error}。")))?;
        let pair = [(id.expose().to_owned(), name.expose().to_owned())];
        match GatewayPolice(open.engine.gateway.clone())
            .verify(&pair)
            .await
            .first()
        {
            Some(PoliceAnswer::Matched) => {}
            Some(PoliceAnswer::Unknown) | None => {
                let detail = "公安人口库暂时没有回复，请过几分钟再试。";
                return Err(refused(&Refusal::new(503, "E-PERS-02", detail)));
            }
            Some(_) => {
                let detail = "姓名与证件号码核验不一致，请核对后重新提交。";
                return Err(wrong("E-PERS-02", detail.to_owned()));
            }
        }
        let person_id = person::add(&open.engine.office, &id, &name, phone.as_ref())
            .await
            .map_err(problem)?;
        Ok((
            StatusCode::CREATED,
            json!({
                "person_id": open.encode(NumberKind::Person, person_id),
                "name_masked": name.masked(),
            }),
        ))
    };
    Ok(once(&open, key, act).await)
}

/// The word of a membership's state.
pub(super) const fn state_word(state: i16) -> &'static str {
    match state {
        membership::state::ACTIVE => "active",
        membership::state::SEALED => "sealed",
        _ => "ended",
    }
}
