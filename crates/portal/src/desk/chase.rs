//! 暂收款催办: what nobody has used yet, oldest first, who follows it, when its clerks were reminded. `suspense.rs` is what is done about it.

use anju_business::contribution::suspense_chase::{self, Chase, kind};
use anju_business::policy::Rules;
use anju_casework::{Error, Office, Refusal};
use anju_domain::money::Fen;
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::NaiveDate;
use serde::Deserialize;

use crate::authorization::{AtDesk, may};
use crate::components::{
    Cell, Column, Flash, Line, Pager, State as Shown, Table, Tabs, Text, Tone,
};
use crate::desk::{framed, staff_named};
use crate::pages::desk::{ChasePage, Follow};
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

const PAGE: i64 = 30;
const HERE: &str = "/desk/suspense/old";

#[derive(Deserialize, Default)]
pub(crate) struct View {
    after: Option<String>,
}

/// The public number of what a line means: an employer's, a late credit's as on its own page, or the receipt's own.
fn number(office: &Office, one: &Chase) -> String {
    match one.kind {
        kind::EMPLOYER => office.numbers.encode(NumberKind::Employer, one.ref_id),
        kind::LATE_CREDIT => office.numbers.encode(NumberKind::Case, one.ref_id),
        _ => one.ref_id.to_string(),
    }
}

fn id_of(office: &Office, kind_of: i16, number: &str) -> Option<i64> {
    match kind_of {
        kind::EMPLOYER => office.numbers.decode(NumberKind::Employer, number),
        kind::LATE_CREDIT => office.numbers.decode(NumberKind::Case, number),
        _ => number.parse().ok(),
    }
}

fn after_of(office: &Office, text: Option<&str>) -> (NaiveDate, i16, i64) {
    text.and_then(|text| {
        let mut parts = text.splitn(3, '_');
        let (day, kind_of) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some((day, kind_of, id_of(office, kind_of, parts.next()?)?))
    })
    .unwrap_or((
        NaiveDate::from_ymd_opt(1990, 1, 1).unwrap_or_default(),
        0,
        0,
    ))
}

/// `GET /desk/suspense/old?after=`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Query(view): Query<View>,
) -> Result<ChasePage, PageError> {
    draw(&portal, &visit, &at, &view, None).await
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    view: &View,
    flash: Option<Flash>,
) -> Result<ChasePage, PageError> {
    let office = &portal.engine.office;
    let today = office.today();
    let rules = Rules::on(office, today);
    let (chase_days, old_days) = (
        rules.int("suspense_chase_days")?,
        rules.int("suspense_old_days")?,
    );
    let found = suspense_chase::list(office, after_of(office, view.after.as_deref()), PAGE).await?;
    let (chased, old) = (
        suspense_chase::older_than(office, chase_days).await?,
        suspense_chase::older_than(office, old_days).await?,
    );
    let mine = may(&at.staff, &Method::POST, HERE);
    let mut lines = Vec::new();
    let mut follow = Vec::new();
    for one in &found {
        let days = (today - one.since).num_days();
        let (what, href) = match one.kind {
            kind::EMPLOYER => ("单位暂存款", "/desk/suspense?view=held".to_owned()),
            kind::LATE_CREDIT => ("销户后到账", "/desk/suspense/closed".to_owned()),
            _ => (
                "不明来款",
                format!("/desk/suspense?view=open&receipt={}", one.ref_id),
            ),
        };
        let name = if one.name.is_empty() {
            "（户名空）"
        } else {
            &one.name
        };
        let owner = match one.owner_id {
            Some(owner) => Cell::new(staff_named(office, owner, "会计").await?),
            None => Cell::state(&Shown::wait("没有人跟").with_icon("alert")),
        };
        if mine && one.owner_id != Some(at.staff.staff_id) {
            follow.push(Follow {
                kind: one.kind.to_string(),
                number: number(office, one),
                words: format!("我来跟进 {name} {} 元", Fen::new(one.amount_fen)),
            });
        }
        lines.push(Line::new(vec![
            Cell::new(name).link(href),
            Cell::new(what),
            Cell::digits(when::iso(one.since)),
            Cell::state(&if days > old_days {
                Shown::fail(format!("{days} 天，超期")).with_icon("alert")
            } else if days > chase_days {
                Shown::wait(format!("{days} 天，催办"))
            } else {
                Shown::idle(format!("{days} 天"))
            }),
            Cell::amount(Fen::new(one.amount_fen)),
            owner,
            one.reminded_on.map_or_else(Cell::none, |day| {
                Cell::new(format!("{}，共 {} 次", when::iso(day), one.reminders))
            }),
        ]));
    }
    let more = (found.len() as i64 == PAGE)
        .then(|| found.last())
        .flatten()
        .map(|last| {
            format!(
                "{HERE}?after={}_{}_{}",
                last.since,
                last.kind,
                number(office, last)
            )
        });
    Ok(ChasePage {
        frame: framed(office, visit, at, "暂收款催办", "/desk/suspense").await?,
        flash,
        tabs: Tabs {
            label: "科目".into(),
            tabs: vec![
                ("/desk/suspense".to_owned(), "待查".into(), false),
                (
                    "/desk/suspense/closed".to_owned(),
                    "销户后到账".into(),
                    false,
                ),
                (HERE.to_owned(), "催办".into(), true),
            ],
        },
        figures: vec![
            (
                format!("{chase_days} 天以上 {} 笔（元）", chased.0),
                Text::new().say(chased.1),
            ),
            (
                format!("{old_days} 天以上 {} 笔（元）", old.0),
                Text::new().say(old.1),
            ),
        ],
        table: Table::new(
            "chase",
            "暂收款，最久的在前，单位：元",
            vec![
                Column::words("付款人或单位"),
                Column::words("款项"),
                Column::words("自").sorted(),
                Column::words("账龄"),
                Column::figures("金额（元）"),
                Column::words("跟进人"),
                Column::words("提醒经办人"),
            ],
            lines,
        )
        .empty("没有挂账的钱。")
        .pager(Pager {
            note: "最久的在前，昨夜的数".to_owned(),
            before: view.after.is_some().then(|| HERE.to_owned()),
            after: more,
        }),
        follow,
    })
}

#[derive(Deserialize)]
pub(crate) struct OwnForm {
    kind: i16,
    number: String,
}

/// `POST /desk/suspense/old`: whoever presses follows it from now on.
pub(crate) async fn own(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Form(form): Form<OwnForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let taken = match id_of(office, form.kind, &form.number) {
        Some(id) => suspense_chase::own(office, form.kind, id, &at.staff).await,
        None => Err(Refusal::not_found("这笔暂收款").into()),
    };
    match taken {
        Ok(()) => Ok(Redirect::to(HERE).into_response()),
        Err(Error::Refused(refusal)) => {
            let flash = Flash::new(Tone::Fail, refusal.detail.as_str());
            let page = draw(&portal, &visit, &at, &View::default(), Some(flash)).await?;
            Ok((StatusCode::CONFLICT, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}
