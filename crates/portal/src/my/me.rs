//! 我的: what is known of a person, messages, consents, living sessions, who looked.

use anju_casework::session::{self, audience};
use anju_casework::{access_log, notice, outbox, person};
use axum::extract::{Query, State};
use serde::Deserialize;

use crate::authorization::Me;
use crate::components::{Pager, Row, Rows, Summary, SummaryRow, Text};
use crate::frame::MyTab;
use crate::looks;
use crate::my::frame;
use crate::pages::error::PageError;
use crate::pages::my::{AccessPage, MePage, MessagesPage};
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

const PAGE: i64 = 50;

/// `GET /my/me`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
) -> Result<MePage, PageError> {
    let office = &portal.engine.office;
    let person = person::get(office, me.person_id)
        .await?
        .ok_or(PageError::LogIn)?;
    let devices = session::of_subject(office, audience::PERSON, me.person_id)
        .await?
        .len();
    let mut info = vec![
        SummaryRow::new("姓名", person.name.expose()),
        SummaryRow::new("证件号", Text::new().num(&person.id_number)),
        SummaryRow::new(
            "手机",
            person
                .phone
                .as_ref()
                .map_or_else(|| "没有登记".into(), |phone| Text::new().num(phone)),
        )
        .source("办件结果发到这里")
        .action("变更", "/my/me/change/mobile-change"),
    ];
    info.push(
        SummaryRow::new(
            "收款卡",
            person.card.as_ref().map_or_else(
                || "没有登记".into(),
                |card| {
                    Text::new()
                        .say(person.card_bank.as_deref().unwrap_or("登记的卡"))
                        .say(" ")
                        .tail(card.tail4())
                },
            ),
        )
        .action("变更", "/my/me/change/personal-card-change"),
    );
    Ok(MePage {
        frame: frame(&visit, "我的", MyTab::Me, None),
        info: Summary::new(info),
        more: Rows::new(vec![
            Row::to("/my/messages", "消息").icon("bell"),
            Row::to("/my/papers", "证明").icon("doc"),
            Row::to("/my/years", "历年和对账单").icon("chart"),
            Row::to("/my/me/change/personal-info-maintain", "个人信息维护").icon("user"),
            Row::to("/my/me/changes", "信息变更记录").icon("clock"),
            Row::to("/my/me/proofs", "我的凭证").icon("seal"),
            Row::to("/my/flexible", "自己缴存（灵活就业）").icon("calc"),
            Row::to("/my/credit", "授信推荐给银行").icon("bank"),
            Row::to("/my/report", "反映单位未缴、少缴").icon("alert"),
            Row::to("/my/standing", "失信与追回").icon("scale"),
            Row::to("/my/estates", "继承份额确认").icon("user"),
            Row::to("/my/me/access", "谁看过我的信息").icon("eye"),
            Row::to("/my/consents", "授权").icon("key"),
            Row::to("/my/me/sessions", "登录的设备")
                .icon("mobile")
                .value(format!("{devices} 台")),
            Row::to("/settings?back=/my/me", "设置").icon("gear"),
        ]),
    })
}

/// `GET /my/messages`.
pub(crate) async fn messages(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
) -> Result<MessagesPage, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let mut messages = Vec::new();
    for sent in outbox::told(office, me.person_id, PAGE).await? {
        let Some(told) = notice::draw(office, &sent.payload, sent.made_at).await? else {
            continue;
        };
        let how = if sent.delivered {
            "短信已发出"
        } else {
            "短信正在发"
        };
        messages.push((
            Text::from(format!("{}，{how}", when::minute(sent.made_at, now))),
            Text::from(told.text),
        ));
    }
    Ok(MessagesPage {
        frame: frame(&visit, "消息", MyTab::Me, Some(("/my/me", "我的"))),
        messages,
        pager: None,
    })
}

#[derive(Deserialize)]
pub(crate) struct Before {
    before: Option<i64>,
}

/// `GET /my/me/access`.
pub(crate) async fn access(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Query(query): Query<Before>,
) -> Result<AccessPage, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let looks = access_log::of_person(office, me.person_id, query.before, PAGE).await?;
    let rows = looks::rows(office, portal.engine.gateway.catalogue(), &looks, now).await?;
    let more = (looks.len() as i64 == PAGE)
        .then(|| looks.last())
        .flatten()
        .map(|last| format!("/my/me/access?before={}", last.access_id));
    Ok(AccessPage {
        frame: frame(
            &visit,
            "谁看过我的信息",
            MyTab::Me,
            Some(("/my/me", "我的")),
        ),
        looks: Rows::new(rows),
        pager: more.map(|after| Pager {
            note: String::new(),
            before: None,
            after: Some(after),
        }),
    })
}
