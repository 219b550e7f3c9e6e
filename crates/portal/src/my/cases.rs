//! 进度: what is going on with a case, why it was decided so, taking it back. The words of its states come from `service::words`.

use anju_business::remote::{Side, State as LetterState};
use anju_business::withdrawal::recovery;
use anju_casework::case::{self, Case, CaseState};
use anju_casework::{Actor, Office, document, person};
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect};
use futures::{Stream, StreamExt, stream};
use serde::Deserialize;
use std::time::Duration;

use crate::authorization::Me;
use crate::components::{Button, ButtonLook, Confirm, Pager, Row, Rows};
use crate::frame::MyTab;
use crate::my::case_papers::asked;
use crate::my::reading::{Read, rows, service_name};
use crate::my::{frame, own_case, transfer};
use crate::pages::error::PageError;
use crate::pages::my::CasesPage;
use crate::security::Visit;
use crate::serve::Portal;
use crate::service::words::Stage;
use crate::service::{ConfirmPage, DecisionPage, ProgressPage, live as events};

const PAGE: i64 = 20;

/// A page of the ended cases.
#[derive(Deserialize)]
pub(crate) struct Before {
    before: Option<String>,
}

/// `GET /my/cases`.
pub(crate) async fn list(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Query(query): Query<Before>,
) -> Result<CasesPage, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let before = query
        .before
        .as_deref()
        .and_then(|number| office.numbers.decode(anju_vault::NumberKind::Case, number));
    let cases = case::list_of_applicant(office, me.person_id, before, PAGE).await?;
    let more = (cases.len() as i64 == PAGE)
        .then(|| cases.last())
        .flatten()
        .map(|last| format!("/my/cases?before={}", case::number(office, last.case_id)));
    let (living, ended): (Vec<Case>, Vec<Case>) =
        cases.into_iter().partition(|case| !case.state().is_final());
    Ok(CasesPage {
        frame: frame(&visit, "进度", MyTab::Cases, Some(("/my", "首页"))),
        living: Rows::new(rows(office, &living, now).await?),
        ended: Rows::new(rows(office, &ended, now).await?),
        pager: (more.is_some() || before.is_some()).then(|| Pager {
            note: String::new(),
            before: before.map(|_| "/my/cases".to_owned()),
            after: more,
        }),
    })
}

/// `GET /my/cases/{case}`.
pub(crate) async fn progress(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Path(number): Path<String>,
) -> Result<ProgressPage, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let read = Read::of(office, own_case(office, me.person_id, &number).await?).await?;
    let phone = person::get(office, me.person_id)
        .await?
        .and_then(|person| person.phone)
        .map_or_else(|| "您登记的手机".to_owned(), |phone| phone.to_string());
    let happened = case::events(office, read.case.case_id).await?;
    let here = format!("/my/cases/{}", read.number(office));
    let mut results = Vec::new();
    if read.decision.is_some() && read.stage != Stage::Gathering {
        results.push(
            Row::to(format!("{here}/why"), "为什么是这个结果")
                .note("每一条条件，查到了什么，依据哪一条")
                .icon("scale"),
        );
    }
    let paper = document::of_case(office, read.case.case_id).await?;
    if let Some(paper) = paper.filter(|paper| paper.kind != document::kind::RECEIPT) {
        results.push(
            Row::to(format!("/my/papers/{}/paper.pdf", paper.code), "下载证明")
                .note("PDF，扫码可以核验；不用了在“证明”里作废")
                .icon("download"),
        );
    }
    if read.stage == Stage::Done && read.letter.is_none() && read.pays && read.shares.is_empty() {
        results.push(
            Row::to(format!("{here}/receipt"), "凭据")
                .note("可以打印，也可以下载 PDF 回单")
                .icon("seal"),
        );
    }
    results.push(
        Row::to(format!("{here}/proof.json"), "存证")
            .note("这件事到现在为止的证明，存下来可以离线验证")
            .icon("download"),
    );
    let may_withdraw = read.case.held_since.is_none()
        && matches!(
            read.case.state(),
            CaseState::Submitted | CaseState::Gathering | CaseState::Reviewing
        )
        || read.letter.as_ref().is_some_and(|letter| {
            letter.side() == Side::In && letter.state() == LetterState::LetterSent
        });
    let mut ways = Vec::new();
    if let Some(decision) = read.decision.as_ref().filter(|_| read.takes_papers())
        && !asked(office, &read.case, decision).is_empty()
    {
        ways.push(
            Row::to(format!("{here}/papers"), "补材料")
                .note("拍一张交上来，工作人员看过就接着办")
                .icon("upload"),
        );
    }
    let heirs = if read.waits_for_heirs() {
        crate::my::estates::answers(office, &read.case).await?
    } else {
        Vec::new()
    };
    if read.stage == Stage::Held {
        ways.push(
            Row::to("/my/standing", "说明情况")
                .note("把事情说清楚，有凭证的写凭证号")
                .icon("user"),
        );
    }
    if may_withdraw {
        ways.push(
            Row::to(format!("{here}/withdraw"), "撤回这次申请")
                .note("还没有付款，撤回后随时可以再来")
                .icon("cross"),
        );
    }
    Ok(ProgressPage {
        frame: frame(
            &visit,
            &format!("办件进度，{}", read.stage.state().word),
            MyTab::Cases,
            Some(("/my/cases", "进度")),
        ),
        service: read.name.clone(),
        case_no: read.number(office),
        promise: match &read.letter {
            Some(letter) => {
                let shown = read.promise(now, &phone);
                transfer::headline(office, &read.case, letter, now, shown)
            }
            None => read.promise(now, &phone),
        },
        live: read
            .stage
            .is_moving()
            .then(|| format!("{here}/live?seen={}", read.case.version)),
        heirs: (!heirs.is_empty()).then(|| Rows::new(heirs)),
        shares: (!read.shares.is_empty())
            .then(|| Rows::new(crate::shares::rows(&read.shares, &here, true))),
        sources: read.sources(office, now),
        ways: (!ways.is_empty()).then(|| Rows::new(ways)),
        results: (!results.is_empty()).then(|| Rows::new(results)),
        timeline: read.timeline(&happened, now, &here),
        flight: read.flight(&happened),
        button: if read.stage.is_moving() {
            Some(Button::go("查看最新进展", here).icon("refresh").wide())
        } else if read.case.service != anju_business::court::SERVICE
            && matches!(
                read.stage,
                Stage::Failed | Stage::Withdrawn | Stage::Refused
            )
        {
            Some(
                Button::link(
                    format!("再办{}", read.name),
                    ButtonLook::Plain,
                    match &read.letter {
                        Some(_) => transfer::PATH.to_owned(),
                        None if read.case.service == recovery::SERVICE => "/my/standing".to_owned(),
                        None => format!("/my/do/{}", read.case.service),
                    },
                )
                .wide(),
            )
        } else {
            None
        },
        note: format!("有问题打 {}，报办件号就行。", visit.centre.hotline),
    })
}

/// The version that the page shows: what moved while it was on its way is told at once.
#[derive(Deserialize)]
pub(crate) struct Seen {
    seen: i32,
}

/// `GET /my/cases/{case}/live?seen=`: tells the page each time when the case has moved.
pub(crate) async fn live(
    State(portal): State<Portal>,
    me: Me,
    Path(number): Path<String>,
    Query(query): Query<Seen>,
) -> Result<impl IntoResponse, PageError> {
    let office = portal.engine.office.clone();
    let case = own_case(&office, me.person_id, &number).await?;
    Ok(events::events(moves(office, case.case_id, query.seen)))
}

/// How long one stream lives; the browser opens the next by itself.
const STREAM: Duration = Duration::from_secs(300);

/// Another process may move the case: a poll stands behind the signal.
const POLL: Duration = Duration::from_secs(2);

fn moves(office: Office, case_id: i64, version: i32) -> impl Stream<Item = events::Move> + Send {
    let until = tokio::time::Instant::now() + STREAM;
    stream::unfold(
        (office, version, false),
        move |(office, version, ended)| async move {
            if ended {
                return None;
            }
            loop {
                let watch = office.watch(case_id);
                let changed = watch.changed();
                tokio::pin!(changed);
                changed.as_mut().enable();
                let case = case::require(&office, case_id).await.ok()?;
                if case.version != version {
                    let ended = case.state().is_final();
                    let step = if ended {
                        events::Move::Ended
                    } else {
                        events::Move::Moved
                    };
                    return Some((step, (office, case.version, ended)));
                }
                if case.state().is_final() || tokio::time::Instant::now() >= until {
                    return None;
                }
                tokio::select! {
                    () = &mut changed => {}
                    () = tokio::time::sleep(POLL) => {}
                }
            }
        },
    )
    .boxed()
}

/// `GET /my/cases/{case}/why`.
pub(crate) async fn why(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Path(number): Path<String>,
) -> Result<DecisionPage, PageError> {
    let office = &portal.engine.office;
    let read = Read::of(office, own_case(office, me.person_id, &number).await?).await?;
    let decision = read.decision.ok_or(PageError::NotFound)?;
    let frame = frame(
        &visit,
        "为什么是这个结果",
        MyTab::Cases,
        Some((&format!("/my/cases/{number}"), "办件")),
    );
    Ok(DecisionPage::of(
        frame,
        &decision,
        &read.case.service,
        Some(number),
    ))
}

/// `GET /my/cases/{case}/withdraw`: asks once, on a page of its own.
pub(crate) async fn ask_to_withdraw(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Path(number): Path<String>,
) -> Result<ConfirmPage, PageError> {
    let office = &portal.engine.office;
    let case = own_case(office, me.person_id, &number).await?;
    let name = service_name(office, &case);
    let page = frame(
        &visit,
        "撤回申请",
        MyTab::Cases,
        Some((&format!("/my/cases/{number}"), "办件")),
    );
    Ok(ConfirmPage {
        confirm: Confirm {
            question: format!("撤回这次{name}吗？"),
            amount: None,
            capitals: false,
            note: "还没有付款。撤回后什么都没有改变，随时可以再来。".into(),
            action: format!("/my/cases/{number}/withdraw"),
            hidden: vec![page.head.hidden()],
            button: Button::send("撤回这次申请", ButtonLook::Danger),
            back: format!("/my/cases/{number}"),
        },
        frame: page,
    })
}

/// `POST /my/cases/{case}/withdraw`.
pub(crate) async fn withdraw(
    State(portal): State<Portal>,
    me: Me,
    Path(number): Path<String>,
    Form(_): Form<Vec<(String, String)>>,
) -> Result<Redirect, PageError> {
    let office = &portal.engine.office;
    let case = own_case(office, me.person_id, &number).await?;
    case::withdraw(office, case.case_id, Actor::Person(me.person_id)).await?;
    Ok(Redirect::to(&format!("/my/cases/{number}")))
}
