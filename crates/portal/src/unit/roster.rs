//! 名册: take the file, show every mistake, mend it in the page, show what changes, register.

use anju_business::contribution::collection::{self, contract};
use anju_business::contribution::remittance::PayMethod;
use anju_business::contribution::roster::Mode;
use anju_business::contribution::upload::{self, Roster, Upload as Outcome, Uploaded};
use anju_business::contribution::{ahead, registration, remittance, suspense_refund};
use anju_casework::{Error, Office};
use anju_domain::calendar::Month;
use anju_domain::money::Fen;
use anju_exchange::kept::GatewayPolice;
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::{Multipart, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::Value;
use uuid::Uuid;

use crate::authorization::AtUnit;
use crate::components::{
    Button, ButtonLook, Cell, Column, Drop, Field, Flash, Line, Pager, State as Shown, Table, Text,
    Tone,
};
use crate::frame::UnitTab;
use crate::pages::error::PageError;
use crate::pages::unit::{PreviewPage, UploadPage};
use crate::security::Visit;
use crate::serve::Portal;
use crate::unit::home::{due, short};
use crate::unit::kept::Upload;
use crate::unit::{base, faults, framed};

/// 只含变更, as the form says it.
const CHANGES: &str = "changes";

/// Whether everybody stands in the file, or only who changes.
pub(super) fn mode_field(mode: Mode) -> Field {
    let options = vec![
        ("complete".to_owned(), "全部职工".to_owned()),
        (CHANGES.to_owned(), "只含变更".to_owned()),
    ];
    let chosen = if mode == Mode::Changes {
        CHANGES
    } else {
        "complete"
    };
    Field::select("mode", "这份表里有谁", options)
        .hint("全部职工：漏写的会提示；只含变更：没写到的人照旧")
        .value(chosen)
}

pub(super) const DROP: Drop = Drop {
    name: "roster",
    words: "把 Excel 拖到这里，或选择文件",
};

/// `GET /unit/roster`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
) -> Result<UploadPage, PageError> {
    draw(&portal, &visit, &at, None).await
}

pub(super) async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtUnit,
    flash: Option<Flash>,
) -> Result<UploadPage, PageError> {
    let office = &portal.engine.office;
    let (mut frame, employer) = framed(office, visit, at, "名册", UnitTab::Roster).await?;
    let month = employer.next_month();
    let mut conn = office.pool.acquire().await?;
    let open = remittance::open_of(office, &mut conn, employer.employer_id).await?;
    let waiting = open.map(|one| {
        Flash::new(
            Tone::Wait,
            Text::new()
                .say(short(one.month()))
                .say("的名册已经登记，等您付款。付了再交下个月的。"),
        )
        .next("去付款", "/unit/pay")
    });
    frame.head.title = format!("{}名册", short(month));
    Ok(UploadPage {
        frame,
        title: format!("{}名册", short(month)),
        lead: if employer.is_new() {
            "第一份名册：把所有职工都写上，“变更”空着就是新增。".into()
        } else {
            "所有职工都要在表里；谁变了，在“变更”那一列写。".into()
        },
        flash: flash.or(waiting),
        month: month.to_string(),
        key: Uuid::now_v7().to_string(),
        drop: DROP,
        mode: mode_field(Mode::Complete),
        has_last: !employer.is_new(),
    })
}

/// `POST /unit/roster`: the file.
pub(crate) async fn upload(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    parts: Multipart,
) -> Result<Response, PageError> {
    match file_of(&at, parts, Mode::Complete).await? {
        Ok((file, key)) => take(&portal, &visit, &at, file, key).await,
        Err(flash) => Ok(draw(&portal, &visit, &at, Some(flash))
            .await?
            .into_response()),
    }
}

/// The file of a form with its key; or the words for a form without a file.
pub(super) async fn file_of(
    at: &AtUnit,
    mut parts: Multipart,
    mut mode: Mode,
) -> Result<Result<(Upload, Uuid), Flash>, PageError> {
    let (mut month, mut key, mut file) = (None, None, None);
    while let Some(part) = parts.next_field().await.map_err(|_| PageError::Stale)? {
        match part.name().unwrap_or_default() {
            "month" => {
                let text = part.text().await.map_err(|_| PageError::Stale)?;
                month = Month::parse(&text).ok();
            }
            "mode" => {
                let text = part.text().await.map_err(|_| PageError::Stale)?;
                if mode == Mode::Complete && text == CHANGES {
                    mode = Mode::Changes;
                }
            }
            "key" => {
                let text = part.text().await.map_err(|_| PageError::Stale)?;
                key = Uuid::parse_str(&text).ok();
            }
            "roster" => {
                let name = part.file_name().unwrap_or("名册.xlsx").to_owned();
                let bytes = part.bytes().await.map_err(|_| PageError::TooLarge)?;
                file = Some((name, bytes.to_vec()));
            }
            _ => {}
        }
    }
    let (Some(month), Some(key)) = (month, key) else {
        return Err(PageError::Stale);
    };
    let Some((name, bytes)) = file.filter(|(_, bytes)| !bytes.is_empty()) else {
        return Ok(Err(Flash::new(
            Tone::Fail,
            "还没有选文件。请把 Excel 拖进来，或点“选择文件”。",
        )));
    };
    let file = Upload {
        employer_id: at.employer_id,
        month,
        mode,
        name,
        bytes,
        absent: Vec::new(),
    };
    Ok(Ok((file, key)))
}

/// Checks a file: kept and previewed, or every mistake of it on a page.
pub(super) async fn take(
    portal: &Portal,
    visit: &Visit,
    at: &AtUnit,
    file: Upload,
    key: Uuid,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let is_base = file.mode == Mode::Bases;
    let what = match file.mode {
        Mode::Bases => "bases",
        Mode::Complete => "roster",
        Mode::Changes => CHANGES,
    };
    let mut call = format!("{what}\n{}\n{}\n", at.employer_id, file.month).into_bytes();
    call.extend_from_slice(&file.bytes);
    let outcome = upload::upload(
        office,
        Uploaded {
            employer_id: at.employer_id,
            month: file.month,
            mode: file.mode,
            bytes: file.bytes.clone(),
            actor: at.actor(),
            key,
            digest: anju_ledger::command::digest(&call),
            police: &GatewayPolice(portal.engine.gateway.clone()),
        },
    )
    .await;
    match outcome {
        Ok(Outcome::Kept(roster_id)) => {
            let number = office.numbers.encode(NumberKind::Roster, roster_id);
            let page = if is_base { "base" } else { "roster" };
            Ok(Redirect::to(&format!("/unit/{page}/{number}")).into_response())
        }
        Ok(Outcome::Refused(mistakes)) => {
            let page = faults::page(portal, visit, at, file, &mistakes).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(Error::Refused(refusal)) => {
            let flash = Flash::new(Tone::Fail, refusal.detail.as_str());
            let page = if is_base {
                base::draw(portal, visit, at, Some(flash))
                    .await?
                    .into_response()
            } else {
                draw(portal, visit, at, Some(flash)).await?.into_response()
            };
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// A kept roster of this employer by its public number.
pub(super) async fn own_roster(
    office: &Office,
    at: &AtUnit,
    number: &str,
) -> Result<Roster, PageError> {
    let id = office
        .numbers
        .decode(NumberKind::Roster, number)
        .ok_or(PageError::NotFound)?;
    let found = upload::require(office, id).await?;
    if found.employer_id == at.employer_id {
        Ok(found)
    } else {
        Err(PageError::NotFound)
    }
}

/// People who changed and things to mind that a preview lists; of more it says how many.
const LISTED: usize = 500;
const NOTICED: usize = 20;

/// `GET /unit/roster/{roster}`: what would change, before anything does.
pub(crate) async fn preview(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Path(number): Path<String>,
) -> Result<PreviewPage, PageError> {
    let office = &portal.engine.office;
    let roster = own_roster(office, &at, &number).await?;
    let month = Month::from_index(roster.month);
    let title = format!("{}名册", short(month));
    let (frame, _) = framed(office, &visit, &at, &title, UnitTab::Roster).await?;
    let total = Fen::new(roster.total_fen);
    let text = |one: &Value, name: &str| {
        one.get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let fen = |one: &Value, name: &str| one.get(name).and_then(Value::as_i64).unwrap_or(0);
    let changed = roster.differences.as_array().map_or(0, Vec::len);
    let noticed = roster.notices.as_array().map_or(0, Vec::len);
    let differences: Vec<Line> = roster
        .differences
        .as_array()
        .into_iter()
        .flatten()
        .take(LISTED)
        .map(|one| {
            let change = fen(one, "after_fen") - fen(one, "before_fen");
            let sign = if change > 0 { "+" } else { "" };
            Line::new(vec![
                Cell::new(text(one, "name_masked")),
                Cell::state(&kind(&text(one, "kind"))),
                Cell::new(text(one, "reason")),
                Cell::new(Text::new().say(sign).say(Fen::new(change))),
            ])
        })
        .collect();
    let mut table = Table::new(
        "differences",
        "和上月比变了的人，单位：元",
        vec![
            Column::words("姓名"),
            Column::words("变更"),
            Column::words("为什么"),
            Column::figures("本月差额（元）"),
        ],
        differences,
    )
    .cards()
    .empty("没有人变，和上月一样。");
    if changed > LISTED {
        table = table.pager(Pager {
            note: format!("共 {changed} 人有变化，这里列出前 {LISTED} 人"),
            before: None,
            after: None,
        });
    }
    let formula = due(month, &roster, roster.lines, total);
    let contracts = collection::of_payer(office, at.employer_id, 5).await?;
    let debit = contracts
        .iter()
        .any(|one| one.state == contract::state::SIGNED && roster.total_fen <= one.limit_fen);
    let months = months_field(office, &at, month, total).await?;
    // How many months are registered stands in the list beside it: the button names none of them alone.
    let label = match &months {
        Some(_) => Text::new().say("登记选好月份的汇缴，每月 ").money(total),
        None => Text::new()
            .say("登记")
            .say(short(month))
            .say("汇缴 ")
            .money(total),
    };
    let hidden = vec![
        frame.head.hidden(),
        ("roster", number),
        ("key", Uuid::now_v7().to_string()),
    ];
    Ok(PreviewPage {
        frame,
        title,
        file: format!(
            "{} 核对",
            crate::when::minute(roster.uploaded_at, office.now())
        )
        .into(),
        total,
        note: format!("{} 人", roster.lines).into(),
        notices: roster
            .notices
            .as_array()
            .into_iter()
            .flatten()
            .take(NOTICED)
            .map(|notice| match notice.get("row").and_then(Value::as_u64) {
                Some(row) => Text::from(format!("第 {row} 行：{}", text(notice, "message"))),
                None => Text::from(text(notice, "message")),
            })
            .chain(
                (noticed > NOTICED)
                    .then(|| Text::from(format!("还有 {} 处同样要留意", noticed - NOTICED))),
            )
            .collect(),
        formula,
        differences: table,
        hidden,
        months,
        also: debit
            .then(|| Button::send("登记，委托收款扣款", ButtonLook::Plain).value("pay", "debit")),
        button: Button::submit(label).value("pay", "transfer"),
    })
}

/// How many months are registered by this list: this one, or those after it too.
async fn months_field(
    office: &Office,
    at: &AtUnit,
    month: Month,
    total: Fen,
) -> Result<Option<Field>, PageError> {
    let employer = anju_casework::employer::require(office, at.employer_id).await?;
    let months = ahead::months_from(office, &employer, month)?;
    if months.len() < 2 {
        return Ok(None);
    }
    let mut sum = Fen::ZERO;
    let mut options = Vec::with_capacity(months.len());
    for (one, count) in months.iter().zip(1_u32..) {
        sum += total;
        let words = if count == 1 {
            format!("只登记{}", short(*one))
        } else {
            let through = short(*one);
            format!(
                "{}至{through}，{count} 个月，共 {sum} 元，一笔付清",
                short(month)
            )
        };
        options.push((count.to_string(), words));
    }
    let free = suspense_refund::free(office, &employer).await?;
    let less = if free > Fen::ZERO {
        format!("；单位暂存款 {free} 元先抵扣，实际要付的少这么多")
    } else {
        String::new()
    };
    Ok(Some(Field::select("months", "登记几个月", options).hint(format!(
        "后面的月份照这份名册，到账后按月份先后分配；期间有人变动，先撤销没付的月份再重新登记{less}",
    ))))
}

fn kind(word: &str) -> Shown {
    match word {
        "added" => Shown::wait("新增").with_icon("people"),
        "unsealed" => Shown::wait("启封").with_icon("people"),
        "sealed" => Shown::idle("封存"),
        "ratio" => Shown::wait("比例调整").with_icon("calc"),
        "base" => Shown::wait("基数调整").with_icon("calc"),
        _ => Shown::wait("按政策重算").with_icon("calc"),
    }
}

#[derive(serde::Deserialize)]
pub(crate) struct Registration {
    roster: String,
    key: Uuid,
    pay: Option<String>,
    months: Option<u32>,
}

impl Registration {
    fn pay(&self) -> PayMethod {
        self.pay
            .as_deref()
            .and_then(PayMethod::parse)
            .unwrap_or_default()
    }
}

/// `POST /unit/roster/register`.
pub(crate) async fn register(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Form(form): Form<Registration>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let roster = own_roster(office, &at, &form.roster).await?;
    let month = Month::from_index(roster.month);
    let pay = form.pay();
    let months = form.months.unwrap_or(1).clamp(1, 12);
    let call = format!(
        "register\n{}\n{}\n{month}\n{}\n{months}",
        at.employer_id,
        roster.roster_id,
        pay.code()
    );
    let registered = registration::register_months(
        office,
        at.employer_id,
        roster.roster_id,
        month,
        months,
        pay,
        at.actor(),
        at.channel(),
        form.key,
        anju_ledger::command::digest(call.as_bytes()),
    )
    .await;
    match registered {
        Ok(case_id) => {
            if let Some(clerk_id) = at.clerk_id() {
                anju_casework::effort::note(office, clerk_id, case_id).await?;
            }
            Ok(Redirect::to("/unit/pay").into_response())
        }
        Err(Error::Refused(refusal)) => {
            let mut flash = Flash::new(Tone::Fail, refusal.detail.as_str());
            let mut conn = office.pool.acquire().await?;
            if remittance::open_of(office, &mut conn, at.employer_id)
                .await?
                .is_some()
            {
                flash = flash.next("去付款", "/unit/pay");
            }
            drop(conn);
            let page = draw(&portal, &visit, &at, Some(flash)).await?;
            Ok((StatusCode::CONFLICT, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}
