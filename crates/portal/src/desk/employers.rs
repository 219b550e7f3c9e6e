//! 单位业务 at the counter (综合柜员): a teller finds the employer whose clerk stands at the window, says who stands there, and from then on does
//! for it what its clerk does, on the same pages. What policy sends to a second person goes to one; never to this teller.

use anju_casework::employer::{self, Clerk, Employer};
use anju_casework::{Office, session};
use anju_domain::name::mask;
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::authorization::AtDesk;
use crate::components::{
    Button, ButtonLook, ErrorSummary, Field, FieldKind, Mistake, Row, Rows, Text,
};
use crate::desk::{branch_of, framed};
use crate::pages::desk::EmployersPage;
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;

/// Employers that one search shows.
const SHOWN: i64 = 20;

/// Who may stand there beside the clerks that are put down.
const OTHERS: [(&str, &str); 2] = [
    ("letter", "持单位介绍信和身份证件"),
    ("representative", "法定代表人本人，持身份证件"),
];

#[derive(Deserialize, Default)]
pub(crate) struct Wanted {
    #[serde(default)]
    q: String,
}

/// `GET /desk/employers`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
) -> Result<EmployersPage, PageError> {
    draw(&portal, &visit, &at, "", Vec::new()).await
}

/// `POST /desk/employers`: by number, credit code or the beginning of the name; a name stands in no address.
pub(crate) async fn find(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Form(wanted): Form<Wanted>,
) -> Result<EmployersPage, PageError> {
    let wanted = wanted.q.trim();
    let mistakes = if wanted.chars().count() < 2 {
        vec![Mistake::at(
            "q",
            "请填写单位号、统一社会信用代码，或单位名称开头的至少两个字。",
        )]
    } else {
        Vec::new()
    };
    draw(&portal, &visit, &at, wanted, mistakes).await
}

#[derive(Deserialize)]
pub(crate) struct Chosen {
    employer: String,
    who: String,
    #[serde(default)]
    seen: String,
}

/// `POST /desk/employers/serve`: from now on this teller acts for the employer.
pub(crate) async fn serve(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Form(chosen): Form<Chosen>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let employer_id = office
        .numbers
        .decode(NumberKind::Employer, &chosen.employer)
        .ok_or(PageError::NotFound)?;
    let one = employer::require(office, employer_id).await?;
    let clerks = employer::clerks(office, employer_id).await?;
    let who = who(&clerks, &chosen.who);
    let Some(who) = who.filter(|_| chosen.seen == "yes") else {
        let mistakes = vec![Mistake::at(
            if chosen.seen == "yes" { "who" } else { "seen" },
            "请选谁来办，并确认已经核对证件。",
        )];
        let mut page = draw(&portal, &visit, &at, &chosen.employer, mistakes).await?;
        page.frame.head.failed = true;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    };
    session::serve_employer(office, at.session.session_id, one.employer_id, &who).await?;
    Ok(Redirect::to("/unit").into_response())
}

/// Who stands at the window, in words.
fn who(clerks: &[Clerk], chosen: &str) -> Option<String> {
    let other = OTHERS
        .iter()
        .find(|(value, _)| *value == chosen)
        .map(|(_, words)| (*words).to_owned());
    other.or_else(|| {
        let clerk_id: i64 = chosen.parse().ok()?;
        let clerk = clerks.iter().find(|clerk| clerk.clerk_id == clerk_id)?;
        Some(format!("经办人 {}", mask(&clerk.name)))
    })
}

async fn found(
    office: &Office,
    branch: Option<i16>,
    wanted: &str,
) -> Result<Vec<Employer>, PageError> {
    let upper = wanted.to_ascii_uppercase();
    Ok(match office.numbers.decode(NumberKind::Employer, &upper) {
        Some(employer_id) => employer::get(office, &office.pool, employer_id)
            .await?
            .into_iter()
            .collect(),
        None => employer::search(office, wanted, branch, 0, SHOWN).await?,
    })
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    wanted: &str,
    mistakes: Vec<Mistake>,
) -> Result<EmployersPage, PageError> {
    let office = &portal.engine.office;
    let error_of = |name: &str| {
        mistakes
            .iter()
            .find(|mistake| mistake.field == name)
            .map(|mistake| mistake.words.clone())
    };
    let employers = if wanted.chars().count() < 2 {
        Vec::new()
    } else {
        found(office, branch_of(&at.staff), wanted).await?
    };
    let number = |one: &Employer| office.numbers.encode(NumberKind::Employer, one.employer_id);
    // One employer: who stands there. Several: which.
    let chosen = match &employers[..] {
        [one] => {
            let clerks = employer::clerks(office, one.employer_id).await?;
            let mut who: Vec<(String, String)> = clerks
                .iter()
                .map(|clerk| {
                    let words =
                        format!("经办人 {}，手机 {}", mask(&clerk.name), clerk.phone_masked);
                    (clerk.clerk_id.to_string(), words)
                })
                .collect();
            who.extend(OTHERS.map(|(value, words)| (value.to_owned(), words.to_owned())));
            let yes = vec![
                (String::new(), "还没有".to_owned()),
                ("yes".to_owned(), "已核对本人和证件".to_owned()),
            ];
            Some((
                one.name.clone(),
                number(one),
                vec![
                    Field::select("who", "谁来办", who).error(error_of("who")),
                    Field::select("seen", "证件", yes).error(error_of("seen")),
                ],
            ))
        }
        _ => None,
    };
    let rows = employers
        .iter()
        .filter(|_| chosen.is_none())
        .map(|one| {
            Row::of(one.name.as_str())
                .note(format!("单位号 {} · {}", number(one), one.uscc))
                .icon("building")
        })
        .collect();
    let note = match (wanted.is_empty(), employers.len()) {
        (true, _) => "单位的人到窗口来，先找到单位。",
        (false, 0) => {
            "没有找到这个单位。别的网点管的单位，请用单位号或统一社会信用代码找；没有开户的，先办单位开户。"
        }
        (false, 1) => {
            "核对来人以后，按单位网厅的同一套页面办理，办件记在您名下；要复核的由别人复核。"
        }
        _ => "不止一个，请用单位号或统一社会信用代码再找。",
    };
    let mut frame = framed(office, visit, at, "单位业务", "/desk/employers").await?;
    frame.head.failed = !mistakes.is_empty();
    Ok(EmployersPage {
        csrf: frame.head.csrf.clone(),
        frame,
        note: Text::from(note),
        field: Field::new("q", "单位号、统一社会信用代码或名称", FieldKind::Text)
            .value(wanted)
            .error(error_of("q")),
        find: Button::send("找单位", ButtonLook::Plain),
        errors: ErrorSummary::of(mistakes),
        rows: Rows::new(rows).tight(),
        chosen,
        start: Button::submit("开始办理"),
    })
}
