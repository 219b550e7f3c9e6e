//! 补材料: what is asked for, the picture handed in from the phone, and what became of what was handed in before.

use anju_casework::case::Case;
use anju_casework::case_paper::{self, CasePaper, state};
use anju_casework::{Actor, Error, Office};
use anju_policy::Decision;
use axum::extract::{Multipart, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use crate::authorization::Me;
use crate::components::{Flash, Row, Rows, State as Shown, Text, Tone};
use crate::frame::MyTab;
use crate::my::{Read, frame, own_case};
use crate::pages::error::PageError;
use crate::pages::my::{AskedPaper, CasePapersPage};
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

/// Minutes that a source is silent before a paper may stand in for it (data_sharing.md §6).
const SILENT_MINUTES: &str = "paper_after_silent_minutes";

/// The papers that a case asks for now: condition and name.
pub(crate) fn asked(office: &Office, case: &Case, decision: &Decision) -> Vec<(String, String)> {
    let minutes = office
        .policy()
        .set
        .int(SILENT_MINUTES, office.today(), &[])
        .unwrap_or(i64::MAX);
    let silent = (office.now() - case.submitted_at).num_minutes() >= minutes;
    let mut asked: Vec<(String, String)> = Vec::new();
    for paper in decision
        .papers
        .iter()
        .chain(decision.instead.iter().filter(|_| silent))
    {
        // What only our own books can tell is no paper: somebody else has been asked for his word.
        if paper
            .facts
            .iter()
            .all(|fact| fact.fact_type.starts_with("own."))
        {
            continue;
        }
        // One paper may serve two conditions.
        if !asked.iter().any(|(_, name)| *name == paper.name) {
            asked.push((paper.condition.clone(), paper.name.clone()));
        }
    }
    asked
}

/// What became of a paper, in the words of who handed it in.
pub(crate) fn standing(paper: &CasePaper) -> Shown {
    match paper.state {
        state::ACCEPTED => Shown::pass("已采用"),
        state::TURNED_DOWN => Shown::fail("没有采用"),
        _ => Shown::wait("工作人员在看"),
    }
}

/// `GET /my/cases/{case}/papers`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Path(number): Path<String>,
) -> Result<CasePapersPage, PageError> {
    draw(&portal, &visit, &me, &number, None).await
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    me: &Me,
    number: &str,
    flash: Option<Flash>,
) -> Result<CasePapersPage, PageError> {
    let office = &portal.engine.office;
    let case = own_case(office, me.person_id, number).await?;
    let until = case.paper_until;
    let before = case_paper::of_case(office, case.case_id).await?;
    let read = Read::of(office, case).await?;
    let wanted = match &read.decision {
        Some(decision) if read.takes_papers() => asked(office, &read.case, decision),
        _ => Vec::new(),
    };
    let here = format!("/my/cases/{number}");
    let now = office.now();
    let handed_in = before
        .iter()
        .map(|paper| {
            let row = Row::to(
                format!("{here}/papers/{}/picture", paper.paper_id),
                paper.name.as_str(),
            )
            .value(Text::new().state(&standing(paper)));
            match &paper.reason {
                Some(reason) => row.note(reason.as_str()),
                None => row.note(when::minute(paper.handed_in_at, now)),
            }
        })
        .collect();
    Ok(CasePapersPage {
        frame: frame(visit, "补材料", MyTab::Cases, Some((&here, "办件"))),
        flash,
        lead: match until {
            Some(until) => Text::new()
                .say("请在 ")
                .strong(anju_domain::calendar::chinese_day(until))
                .say(" 前交。交了，工作人员看过就接着办；登记里有了记录，我们也会自己接着办。"),
            None => "有部门暂时没有答复。您可以等，也可以交材料，工作人员看过就接着办。".into(),
        },
        action: format!("{here}/papers"),
        asked: wanted
            .into_iter()
            .map(|(condition, name)| AskedPaper { condition, name })
            .collect(),
        handed_in: Rows::new(handed_in),
    })
}

/// `POST /my/cases/{case}/papers`.
pub(crate) async fn hand_in(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Path(number): Path<String>,
    parts: Multipart,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let case = own_case(office, me.person_id, &number).await?;
    let actor = Actor::Person(me.person_id);
    match take(office, case, actor, parts).await? {
        None => Ok(Redirect::to(&format!("/my/cases/{number}/papers")).into_response()),
        Some(words) => {
            let flash = Flash::new(Tone::Fail, words);
            let page = draw(&portal, &visit, &me, &number, Some(flash)).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// Takes the picture of a form; the words of a refusal, where there is one.
pub(crate) async fn take(
    office: &Office,
    case: Case,
    actor: Actor,
    mut parts: Multipart,
) -> Result<Option<String>, PageError> {
    let (mut condition, mut picture) = (String::new(), Vec::new());
    while let Some(part) = parts.next_field().await.map_err(|_| PageError::Stale)? {
        match part.name().unwrap_or_default() {
            "condition" => condition = part.text().await.map_err(|_| PageError::Stale)?,
            "picture" => {
                picture = part
                    .bytes()
                    .await
                    .map_err(|_| PageError::TooLarge)?
                    .to_vec();
            }
            _ => {}
        }
    }
    if picture.is_empty() {
        return Ok(Some("还没有选文件。请拍一张，或选一张图片。".to_owned()));
    }
    let read = Read::of(office, case).await?;
    let wanted = match &read.decision {
        Some(decision) if read.takes_papers() => asked(office, &read.case, decision),
        _ => Vec::new(),
    };
    let Some((condition, name)) = wanted.iter().find(|(code, _)| *code == condition) else {
        return Ok(Some("这个办件现在不用交这份材料。".to_owned()));
    };
    match case_paper::hand_in(office, &read.case, (condition, name), &picture, actor).await {
        Ok(_) => Ok(None),
        Err(Error::Refused(refusal)) => Ok(Some(refusal.detail)),
        Err(error) => Err(error.into()),
    }
}

/// `GET /my/cases/{case}/papers/{paper}/picture`.
pub(crate) async fn picture(
    State(portal): State<Portal>,
    me: Me,
    Path((number, paper)): Path<(String, i64)>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let case = own_case(office, me.person_id, &number).await?;
    let paper = case_paper::require(office, paper).await?;
    if paper.case_id != case.case_id {
        return Err(PageError::NotFound);
    }
    shown(office, &paper).await
}

/// The picture as a browser shows it; a PDF is handed out as a file.
pub(crate) async fn shown(office: &Office, paper: &CasePaper) -> Result<Response, PageError> {
    let bytes = case_paper::picture(office, paper.paper_id).await?;
    let kind = match paper.kind.as_str() {
        "image/png" => "image/png",
        "image/jpeg" => "image/jpeg",
        _ => return Ok(crate::download::pdf(&paper.paper_id.to_string(), bytes)),
    };
    Ok(([(header::CONTENT_TYPE, kind)], bytes).into_response())
}
