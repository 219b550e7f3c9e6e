//! 遗产登记: disputes of heirs that hold an estate, and estates that nobody takes; each by two persons.

use anju_business::withdrawal::estate::notice::{self, Notice, standing};
use anju_casework::{Error, Refusal, case};
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::authorization::{AtDesk, may};
use crate::components::{
    Button, ButtonLook, Cell, Column, Field, FieldKind, Flash, Line, Pager, State as Shown, Table,
    Text, Tone,
};
use crate::desk::{framed, staff_named};
use crate::pages::desk::{EstateLine, EstatesPage};
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

const PAGE: i64 = 30;
const HERE: &str = "/desk/estates";

#[derive(Deserialize, Default)]
pub(crate) struct View {
    before: Option<i64>,
}

/// `GET /desk/estates?before=`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Query(view): Query<View>,
) -> Result<EstatesPage, PageError> {
    draw(&portal, &visit, &at, &view, None, &ProposeForm::default()).await
}

fn kind_word(one: &Notice) -> &'static str {
    if one.kind == notice::DISPUTE {
        "继承争议"
    } else {
        "无人继承"
    }
}

fn shown(one: &Notice) -> Shown {
    match one.state {
        standing::PROPOSED => Shown::wait("待复核"),
        standing::LIFTING => Shown::wait("待复核解除"),
        standing::IN_FORCE if one.kind == notice::DISPUTE => Shown::fail("暂停办理"),
        standing::IN_FORCE => Shown::pass("已转增值收益"),
        standing::TURNED_DOWN => Shown::idle("没有同意"),
        _ => Shown::idle("已解除"),
    }
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    view: &View,
    flash: Option<Flash>,
    typed: &ProposeForm,
) -> Result<EstatesPage, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let proposes = may(&at.staff, &Method::POST, HERE);
    let checks = may(&at.staff, &Method::POST, "/desk/estates/{notice}");
    let found = notice::list(office, view.before, PAGE).await?;
    let (mut waiting, mut lines) = (Vec::new(), Vec::new());
    for one in &found {
        let who = notice::name_of(office, one).await?;
        let until = one.until.map_or_else(
            || "—".to_owned(),
            |until| anju_domain::calendar::chinese_day(until).to_string(),
        );
        let maker = staff_named(office, one.maker_id, "经办人").await?;
        let open = matches!(one.state, standing::PROPOSED | standing::LIFTING);
        let lifts = one.kind == notice::DISPUTE && one.state == standing::IN_FORCE && proposes;
        if open || lifts {
            let mut buttons = Vec::new();
            if open && checks && one.maker_id != at.staff.staff_id {
                buttons.push(Button::submit("同意").value("verdict", "agree"));
                buttons.push(Button::send("不同意", ButtonLook::Danger).value("verdict", "refuse"));
            }
            if lifts {
                buttons.push(Button::send("申请解除", ButtonLook::Plain).value("verdict", "lift"));
            }
            waiting.push(EstateLine {
                title: Text::new()
                    .say(format!("{} · {who} ", kind_word(one)))
                    .state(&shown(one)),
                says: Text::new().say(format!(
                    "{}，{}；{maker}于{}登记{}",
                    one.document_no,
                    one.reason,
                    when::minute(one.made_at, now),
                    if one.until.is_some() {
                        format!("，暂停到{until}")
                    } else {
                        String::new()
                    }
                )),
                action: format!("{HERE}/{}", one.notice_id),
                buttons,
            });
            if open {
                continue;
            }
        }
        let checker = match one.checker_id {
            Some(id) => staff_named(office, id, "").await?,
            None => String::new(),
        };
        let number = case::number(office, one.notice_id);
        let kind = Cell::new(kind_word(one));
        let booked = one.kind == notice::UNCLAIMED && one.state == standing::IN_FORCE;
        lines.push(Line::new(vec![
            if booked {
                kind.link(format!("/desk/cases/{number}"))
            } else {
                kind
            },
            Cell::new(who),
            Cell::new(one.document_no.clone()),
            Cell::digits(until),
            Cell::state(&shown(one)),
            Cell::new(format!("{maker} / {checker}")),
        ]));
    }
    let more = (found.len() as i64 == PAGE)
        .then(|| found.last())
        .flatten()
        .map(|last| format!("{HERE}?before={}", last.notice_id));
    Ok(EstatesPage {
        frame: framed(office, visit, at, "遗产登记", HERE).await?,
        flash,
        fields: if proposes { fields(typed) } else { Vec::new() },
        waiting,
        table: Table::new(
            "estates",
            "登记过的遗产事项",
            vec![
                Column::words("事项"),
                Column::words("逝者"),
                Column::words("文书"),
                Column::words("暂停到"),
                Column::words("状态"),
                Column::words("经办 / 复核"),
            ],
            lines,
        )
        .cards()
        .empty("还没有登记过。"),
        pager: more.map(|after| Pager {
            note: String::new(),
            before: None,
            after: Some(after),
        }),
    })
}

fn fields(typed: &ProposeForm) -> Vec<Field> {
    let kinds = vec![
        ("1".to_owned(), "继承争议：暂停继承人提取".to_owned()),
        (
            "2".to_owned(),
            "无人继承：凭法院或公证文书转增值收益".to_owned(),
        ),
    ];
    vec![
        Field::select("kind", "登记什么", kinds).value(typed.kind.to_string()),
        Field::new("id_no", "逝者的证件号码", FieldKind::IdNumber).value(&typed.id_no),
        Field::new("document_no", "文书编号", FieldKind::Text)
            .hint("异议书、法院文书或公证书的编号")
            .value(&typed.document_no),
        Field::new("reason", "事由", FieldKind::Long).value(&typed.reason),
    ]
}

#[derive(Deserialize, Default)]
pub(crate) struct ProposeForm {
    kind: i16,
    id_no: String,
    document_no: String,
    reason: String,
}

/// `POST /desk/estates`: the first person proposes.
pub(crate) async fn propose(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Form(form): Form<ProposeForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let kind = if form.kind == notice::UNCLAIMED {
        notice::UNCLAIMED
    } else {
        notice::DISPUTE
    };
    let staff = at.staff.staff_id;
    let done = notice::propose(
        office,
        staff,
        kind,
        &form.id_no,
        &form.document_no,
        &form.reason,
    )
    .await;
    answer(&portal, &visit, &at, done.map(drop), &form).await
}

#[derive(Deserialize)]
pub(crate) struct DecideForm {
    verdict: String,
}

/// `POST /desk/estates/{notice}`: the second person's word, or the wish to lift a hold.
pub(crate) async fn decide(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(notice_id): Path<i64>,
    Form(form): Form<DecideForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let staff = at.staff.staff_id;
    let done = match form.verdict.as_str() {
        "lift" => notice::propose_lifting(office, staff, notice_id).await,
        "agree" => notice::decide(office, staff, notice_id, true).await,
        "refuse" => notice::decide(office, staff, notice_id, false).await,
        _ => Err(Refusal::not_found("这一步").into()),
    };
    answer(&portal, &visit, &at, done, &ProposeForm::default()).await
}

async fn answer(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    done: anju_casework::Result<()>,
    typed: &ProposeForm,
) -> Result<Response, PageError> {
    match done {
        Ok(()) => Ok(Redirect::to(HERE).into_response()),
        Err(Error::Refused(refusal)) => {
            let flash = Flash::new(Tone::Fail, refusal.detail);
            let page = draw(portal, visit, at, &View::default(), Some(flash), typed).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}
