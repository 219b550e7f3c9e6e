//! 错账调整 and 冲正: one proposes, another checks; the books move with the second.

use std::collections::HashMap;

use anju_business::contribution::correction::{self, Correction, Proposal, kind, state};
use anju_business::contribution::{merge, remittance};
use anju_casework::{Error, Office, Refusal, employer};
use anju_domain::calendar::{Month, chinese_date};
use anju_domain::money::Fen;
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::authorization::{AtDesk, may};
use crate::components::{
    Button, ButtonLook, Cell, Column, ErrorSummary, Facts, Field, FieldKind, Keys, Line, Mistake,
    Pager, State as Shown, Table, Text,
};
use crate::desk::{framed, staff_named};
use crate::pages::desk::{CorrectionsPage, Waiting};
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

const PAGE: i64 = 30;

type Typed = HashMap<String, String>;

#[derive(Deserialize)]
pub(crate) struct Before {
    before: Option<String>,
}

fn kind_name(of: i16) -> &'static str {
    match of {
        kind::TO_PERSON => "串户调整",
        kind::TO_SUSPENSE => "调到单位暂存款",
        kind::MERGE => "合并重复账户",
        _ => "当日冲正",
    }
}

fn shown(of: i16) -> Shown {
    match of {
        state::WAITING => Shown::wait("待复核"),
        state::DONE => Shown::pass("已调整"),
        _ => Shown::idle("退回"),
    }
}

fn number(office: &Office, id: i64) -> String {
    office.numbers.encode(NumberKind::Case, id)
}

/// `GET /desk/corrections?before=`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Query(query): Query<Before>,
) -> Result<CorrectionsPage, PageError> {
    let before = query
        .before
        .as_deref()
        .and_then(|text| portal.engine.office.numbers.decode(NumberKind::Case, text));
    draw(&portal, &visit, &at, before, &Typed::new(), Vec::new()).await
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    before: Option<i64>,
    fields: &Typed,
    mistakes: Vec<Mistake>,
) -> Result<CorrectionsPage, PageError> {
    let office = &portal.engine.office;
    let all = correction::page(office, before, PAGE).await?;
    let mut waiting = Vec::new();
    let mut lines = Vec::new();
    for one in &all {
        if one.state == state::WAITING {
            waiting.push(to_check(office, at, one).await?);
        } else {
            lines.push(line(office, one).await?);
        }
    }
    let more = (all.len() as i64 == PAGE)
        .then(|| all.last())
        .flatten()
        .map(|last| {
            format!(
                "/desk/corrections?before={}",
                number(office, last.correction_id)
            )
        });
    let mut table = Table::new(
        "corrections",
        "办过的调整",
        vec![
            Column::words("调整"),
            Column::words("月份"),
            Column::figures("金额（元）"),
            Column::words("经办"),
            Column::words("状态"),
        ],
        lines,
    )
    .empty("还没有办过。");
    if more.is_some() || before.is_some() {
        table = table.pager(Pager {
            note: String::new(),
            before: before.map(|_| "/desk/corrections".to_owned()),
            after: more,
        });
    }
    let makes = may(&at.staff, &Method::POST, "/desk/corrections");
    Ok(CorrectionsPage {
        frame: framed(office, visit, at, "错账调整", "/desk/corrections").await?,
        flash: None,
        fields: if makes {
            form(fields, &mistakes)
        } else {
            Vec::new()
        },
        errors: ErrorSummary::of(mistakes).map(|errors| errors.note("什么都没有改变。")),
        waiting,
        button: Button::submit("提出，等人复核"),
        table,
        keys: Keys::new(&[("/", "命令栏"), ("?", "全部快捷键")]),
    })
}

fn form(fields: &Typed, mistakes: &[Mistake]) -> Vec<Field> {
    let filled = |field: Field, name: &str| {
        let wrong = mistakes.iter().find(|mistake| mistake.field == name);
        field
            .value(fields.get(name).map_or("", String::as_str))
            .error(wrong.map(|mistake| mistake.words.clone()))
    };
    let kinds = [
        kind::TO_PERSON,
        kind::TO_SUSPENSE,
        kind::REVERSAL,
        kind::MERGE,
    ]
    .map(|of| (of.to_string(), kind_name(of).to_owned()));
    vec![
        filled(Field::select("kind", "怎么调", kinds.to_vec()), "kind"),
        filled(
            Field::new("reference", "清册的缴款码", FieldKind::Text)
                .hint("HJ 开头，在到账与分配里看；合并账户不填")
                .optional(),
            "reference",
        ),
        filled(
            Field::new("from", "转出账户", FieldKind::Text)
                .hint("错记的职工的个人账号，或要并掉的账户；整册冲正不填")
                .optional(),
            "from",
        ),
        filled(
            Field::new("to", "转入账户", FieldKind::Text)
                .hint("串户调整、合并账户时填写")
                .optional(),
            "to",
        ),
        filled(
            Field::new("reason", "原因和依据", FieldKind::Long),
            "reason",
        ),
    ]
}

/// The facts of a correction: what, of whom, how much, why.
async fn facts(office: &Office, one: &Correction) -> Result<Facts, PageError> {
    let account = |id: Option<i64>| {
        id.map(|id| Text::new().num(office.numbers.encode(NumberKind::Account, id)))
    };
    let mut facts: Vec<(String, Text)> = Vec::new();
    if let Some(remittance_id) = one.remittance_id {
        let list = remittance::require(office, remittance_id).await?;
        let of = employer::require(office, list.employer_id).await?;
        facts.push(("单位".into(), of.name.as_str().into()));
        facts.push(("清册".into(), Text::new().num(&list.reference)));
        facts.push(("月份".into(), Month::from_index(one.month).chinese().into()));
        facts.push(("起息日".into(), chinese_date(one.value_date).into()));
    }
    facts.push(("金额".into(), Text::new().money(Fen::new(one.amount_fen))));
    if let Some(from) = account(one.from_account) {
        facts.push(("转出账户".into(), from));
    }
    if let Some(to) = account(one.to_account) {
        facts.push(("转入账户".into(), to));
    }
    facts.push(("原因".into(), one.reason.as_str().into()));
    let maker = staff_named(office, one.maker_id, "经办人").await?;
    let made = when::minute(one.made_at, office.now());
    facts.push(("经办".into(), format!("{maker} · {made}").into()));
    Ok(Facts(facts))
}

async fn to_check(office: &Office, at: &AtDesk, one: &Correction) -> Result<Waiting, PageError> {
    let id = number(office, one.correction_id);
    let barred = if one.maker_id == at.staff.staff_id {
        Some("您是经办人，不能自己复核。")
    } else if !may(&at.staff, &Method::POST, "/desk/corrections/{id}/check") {
        Some("复核由会计办理。")
    } else {
        None
    };
    Ok(Waiting {
        title: Text::new().say(kind_name(one.kind)),
        facts: facts(office, one).await?,
        barred,
        action: format!("/desk/corrections/{id}/check"),
        field: Field::new("answer", "复核意见", FieldKind::Text),
        buttons: vec![
            Button::send("同意，记账", ButtonLook::Plain).value("verdict", "agree"),
            Button::send("退回", ButtonLook::Danger).value("verdict", "back"),
        ],
        id: format!("c-{id}"),
    })
}

async fn line(office: &Office, one: &Correction) -> Result<Line, PageError> {
    Ok(Line::new(vec![
        Cell::new(kind_name(one.kind)),
        one.remittance_id.map_or_else(Cell::none, |_| {
            Cell::new(Month::from_index(one.month).chinese())
        }),
        Cell::amount(Fen::new(one.amount_fen)),
        Cell::new(staff_named(office, one.maker_id, "经办人").await?),
        Cell::state(&shown(one.state)),
    ]))
}

/// What a form proposes.
enum Wish {
    /// About a list.
    Correct(i64, Proposal),
    /// One account goes up in another.
    Merge(i64, i64),
}

async fn read(office: &Office, fields: &Typed) -> Result<Wish, Mistake> {
    let text = |name: &str| fields.get(name).map_or("", |text| text.trim());
    let account = |name: &str| {
        office
            .numbers
            .decode(NumberKind::Account, text(name))
            .ok_or_else(|| Mistake::at(name, "个人账号有误，请核对。"))
    };
    if text("kind").parse() == Ok(kind::MERGE) {
        return Ok(Wish::Merge(account("from")?, account("to")?));
    }
    let missing = || Mistake::at("reference", "没有这个缴款码的清册。");
    let reference = remittance::find_reference(text("reference")).ok_or_else(missing)?;
    let list = remittance::of_reference(office, &reference)
        .await
        .map_err(|_| missing())?
        .ok_or_else(missing)?;
    let proposal = match text("kind").parse() {
        Ok(kind::TO_PERSON) => Proposal::ToPerson {
            from: account("from")?,
            to: account("to")?,
        },
        Ok(kind::TO_SUSPENSE) => Proposal::ToSuspense {
            from: account("from")?,
        },
        _ => Proposal::Reversal,
    };
    Ok(Wish::Correct(list.remittance_id, proposal))
}

/// `POST /desk/corrections`.
pub(crate) async fn propose(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Form(fields): Form<Typed>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let reason = fields.get("reason").map_or("", String::as_str);
    let proposed = match read(office, &fields).await {
        Ok(Wish::Correct(list, proposal)) => {
            correction::propose(office, list, proposal, reason, &at.staff).await
        }
        Ok(Wish::Merge(from, to)) => merge::propose(office, from, to, reason, &at.staff).await,
        Err(mistake) => return refuse(&portal, &visit, &at, &fields, mistake).await,
    };
    match proposed {
        Ok(_) => Ok(Redirect::to("/desk/corrections").into_response()),
        Err(Error::Refused(refusal)) => {
            let mistake = of_refusal(&refusal);
            refuse(&portal, &visit, &at, &fields, mistake).await
        }
        Err(error) => Err(error.into()),
    }
}

fn of_refusal(refusal: &Refusal) -> Mistake {
    Mistake::at("", format!("{}（{}）", refusal.detail, refusal.code))
}

async fn refuse(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    fields: &Typed,
    mistake: Mistake,
) -> Result<Response, PageError> {
    let mut page = draw(portal, visit, at, None, fields, vec![mistake]).await?;
    page.frame.head.failed = true;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

#[derive(Deserialize)]
pub(crate) struct CheckForm {
    verdict: String,
    #[serde(default)]
    answer: String,
}

/// `POST /desk/corrections/{id}/check`.
pub(crate) async fn check(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(id): Path<String>,
    Form(form): Form<CheckForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let correction_id = office
        .numbers
        .decode(NumberKind::Case, &id)
        .ok_or(PageError::NotFound)?;
    let agree = form.verdict == "agree";
    match correction::check(office, correction_id, agree, &form.answer, &at.staff).await {
        Ok(()) => Ok(Redirect::to("/desk/corrections").into_response()),
        Err(Error::Refused(refusal)) => {
            let mistake = of_refusal(&refusal);
            let page = draw(&portal, &visit, &at, None, &Typed::new(), vec![mistake]).await?;
            Ok((StatusCode::CONFLICT, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}
