//! 反映单位未缴: the form, and what was reported before. The employer is never told who spoke.

use std::collections::HashMap;

use anju_casework::case::{self, Submission, Submitted};
use anju_casework::catalogue::Request;
use anju_casework::{Actor, Error};
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::Map;
use uuid::Uuid;

use crate::authorization::Me;
use crate::components::{
    Button, ErrorSummary, Field, FieldKind, Flash, Mistake, Row, Rows, State as Shown, Tone,
};
use crate::frame::MyTab;
use crate::my::{frame, membership_of};
use crate::pages::error::PageError;
use crate::pages::my::ReportPage;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

const SERVICE: &str = "ask-complaint";
const BEFORE: i64 = 50;

#[derive(Deserialize, Default)]
pub(crate) struct Wanted {
    done: Option<String>,
}

/// `GET /my/report`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Query(wanted): Query<Wanted>,
) -> Result<ReportPage, PageError> {
    let flash = wanted.done.map(|_| {
        Flash::new(
            Tone::Pass,
            "收到了。我们会核查，结果用短信告诉您；不会告诉单位是谁反映的。",
        )
    });
    draw(&portal, &visit, &me, &HashMap::new(), flash, None).await
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    me: &Me,
    typed: &HashMap<String, String>,
    flash: Option<Flash>,
    mistake: Option<Mistake>,
) -> Result<ReportPage, PageError> {
    let office = &portal.engine.office;
    let own = membership_of(office, me.person_id).await?;
    let value = |name: &str| typed.get(name).cloned().unwrap_or_default();
    let before = case::list_of_applicant(office, me.person_id, None, BEFORE)
        .await?
        .into_iter()
        .filter(|one| one.service == SERVICE)
        .map(|one| {
            let state = if one.state() == case::CaseState::Done {
                Shown::pass("已核查")
            } else {
                Shown::wait("核查中")
            };
            Row::of(case::number(office, one.case_id))
                .note(when::minute(one.submitted_at, office.now()))
                .value(crate::components::Text::new().state(&state))
        })
        .collect();
    Ok(ReportPage {
        frame: frame(visit, "反映单位未缴", MyTab::Me, Some(("/my/me", "我的"))),
        flash,
        errors: ErrorSummary::of(mistake.into_iter().collect()),
        lead: own.map_or_else(
            || "写上单位的统一社会信用代码。我们不会告诉单位是谁反映的。".into(),
            |own| {
                format!(
                    "不写代码，就是反映{}。我们不会告诉单位是谁反映的。",
                    own.employer_name
                )
                .into()
            },
        ),
        key: Uuid::now_v7().to_string(),
        fields: vec![
            Field::new("employer", "单位的统一社会信用代码", FieldKind::Text)
                .value(value("employer"))
                .optional(),
            Field::new("from", "从哪个月", FieldKind::Month)
                .value(value("from"))
                .optional(),
            Field::new("to", "到哪个月", FieldKind::Month)
                .value(value("to"))
                .optional(),
            Field::new("text", "情况", FieldKind::Long)
                .value(value("text"))
                .hint("例如：三月入职，至今没有缴存"),
        ],
        button: Button::submit("提交"),
        before: Rows::new(before),
    })
}

/// `POST /my/report`.
pub(crate) async fn send(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Form(fields): Form<HashMap<String, String>>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let key = fields
        .get("key")
        .and_then(|key| Uuid::parse_str(key).ok())
        .ok_or(PageError::Stale)?;
    let mut form = Map::from_iter([("kind".to_owned(), "report-unpaid".into())]);
    for name in ["employer", "from", "to", "text"] {
        if let Some(text) = fields
            .get(name)
            .map(|text| text.trim())
            .filter(|text| !text.is_empty())
        {
            form.insert(name.to_owned(), text.into());
        }
    }
    let call = format!(
        "{SERVICE}\n{}\n{}",
        me.person_id,
        serde_json::Value::Object(form.clone())
    );
    let submission = Submission {
        case_id: office.ids.next().await?,
        request: Request {
            service: SERVICE.to_owned(),
            case_id: None,
            applicant_id: me.person_id,
            form,
            channel: "WEB".to_owned(),
            face_passed: false,
        },
        actor: Actor::Person(me.person_id),
        served_by: None,
        key,
        digest: anju_ledger::command::digest(call.as_bytes()),
        branch_id: office.centre.head_branch,
        tapped_at: now,
        promised_at: portal.engine.promise(SERVICE, now)?,
    };
    match portal.engine.submit(submission).await {
        Ok(Submitted::New(_) | Submitted::Before(_)) => {
            Ok(Redirect::to("/my/report?done=1").into_response())
        }
        Err(Error::Refused(refusal)) => {
            let mistake = Mistake::at("text", refusal.detail.clone());
            let page = draw(&portal, &visit, &me, &fields, None, Some(mistake)).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}
