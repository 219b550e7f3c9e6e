//! 催缴: what the employer owes, notices and decisions that it was given, and its answer. It never sees a clue, nor from whom one came.

use anju_business::contribution::arrears;
use anju_business::contribution::enforcement::{self, Enforcement, Kind, order, state, steps};
use anju_casework::Error;
use anju_casework::case::Submitted;
use anju_casework::employer::{self, Employer};
use anju_domain::calendar::{Month, chinese_date};
use anju_domain::money::Fen;
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::authorization::AtUnit;
use crate::components::{
    Button, Cell, Column, Facts, Field, FieldKind, Flash, Line, Row, Rows, State as Shown, Table,
    Text, Tone,
};
use crate::decree;
use crate::desk::{papers_table, people_table};
use crate::frame::UnitTab;
use crate::pages::error::PageError;
use crate::pages::unit::{NoticePage, NoticesPage};
use crate::security::Visit;
use crate::serve::Portal;
use crate::unit::change::{SUPPLEMENT, Typed, submission, without_row};
use crate::unit::{framed, waiting};
use crate::when;

const PAGE: i64 = 50;
const PEOPLE: i64 = 100;

fn shown_state(one: &Enforcement) -> Shown {
    match one.state {
        state::CLOSED => Shown::pass("已结案"),
        state::NOTICE => Shown::wait("催缴通知").with_icon("alert"),
        state::FILED => Shown::fail("已立案"),
        state::ORDERED => Shown::fail("责令限期缴存"),
        state::FINE => Shown::fail("罚款"),
        _ => Shown::fail("法院执行"),
    }
}

/// What `/unit` puts before everything else: a row for each living notice.
pub(super) async fn todo(
    office: &anju_casework::Office,
    employer_id: i64,
) -> Result<Vec<Row>, PageError> {
    Ok(enforcement::of_employer(office, employer_id, None, PAGE)
        .await?
        .iter()
        // A clue is not told; whatever comes after it begins with a notice.
        .filter(|one| !matches!(one.state, state::CLUE | state::CLOSED))
        .map(|one| {
            let number = office.numbers.encode(NumberKind::Case, one.enforcement_id);
            let mut row =
                Row::to(format!("/unit/notices/{number}"), "中心发来催缴").sign(&shown_state(one));
            if let Some(term) = one.term_on {
                row = row.note(format!("{}前办理或说明", chinese_date(term)));
            }
            row
        })
        .collect())
}

/// `GET /unit/notices`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
) -> Result<NoticesPage, PageError> {
    list(&portal, &visit, &at).await
}

async fn list(portal: &Portal, visit: &Visit, at: &AtUnit) -> Result<NoticesPage, PageError> {
    let office = &portal.engine.office;
    let (frame, employer) = framed(office, visit, at, "催缴", UnitTab::Other).await?;
    let mut conn = office.pool.acquire().await?;
    let months = arrears::months_of(office, &mut conn, &employer).await?;
    let all = enforcement::of_employer(office, employer.employer_id, None, PAGE).await?;
    let mut told = Vec::new();
    for one in all {
        let steps = enforcement::steps_of(office, &mut conn, one.enforcement_id).await?;
        // A clue that came to nothing was never told.
        if steps.iter().any(|step| step.kind == Kind::Notice as i16) {
            told.push(one);
        }
    }
    drop(conn);
    let total: Fen = months.iter().map(|month| Fen::new(month.owed_fen)).sum();
    let lead = if months.is_empty() {
        "没有到期未缴的月份。".into()
    } else {
        Text::new()
            .say(format!("有 {} 个月到期没有缴，合计 ", months.len()))
            .money(total)
            .say("，不收滞纳金。")
            .link("/unit/roster", "去交名册")
    };
    let assumed = arrears::assumed(office, &employer).await?;
    let beside = waiting::beside(office, employer.employer_id).await?;
    Ok(NoticesPage {
        open: Rows::new(waiting::rows(office, &beside).await?),
        frame,
        flash: None,
        key: Uuid::now_v7().to_string(),
        assumed: (!assumed.is_empty()).then(|| {
            let words = format!(
                "其中 {} 人月是合并转来的欠缴，不在下一份名册里。登记补缴后付款，到账马上分配到个人。",
                assumed.len()
            );
            (words, Button::submit("登记合并转来的补缴"))
        }),
        lead,
        months: Table::new(
            "months",
            "到期没有缴的月份，单位：元",
            vec![
                Column::words("月份"),
                Column::words("应缴日"),
                Column::figures("人数"),
                Column::figures("应缴（元）"),
            ],
            months
                .iter()
                .map(|one| {
                    Line::new(vec![
                        Cell::new(Month::from_index(one.month).chinese()),
                        Cell::new(when::day(one.due_on, office.today())),
                        Cell::count(one.people.into()),
                        Cell::amount(Fen::new(one.owed_fen)),
                    ])
                })
                .collect(),
        )
        .empty("没有。")
        .cards(),
        table: Table::new(
            "notices",
            "通知和决定",
            vec![
                Column::words("催缴"),
                Column::words("状态"),
                Column::words("自"),
                Column::words("期限"),
            ],
            told.iter()
                .map(|one| {
                    let number = office.numbers.encode(NumberKind::Case, one.enforcement_id);
                    let months = one.months();
                    let name = if months.is_empty() {
                        "催缴".to_owned()
                    } else {
                        format!("催缴 {months}")
                    };
                    Line::new(vec![
                        Cell::new(name).link(format!("/unit/notices/{number}")),
                        Cell::state(&shown_state(one)),
                        Cell::digits(when::iso(one.since)),
                        one.term_on
                            .map_or_else(Cell::none, |term| Cell::digits(when::iso(term))),
                    ])
                })
                .collect(),
        )
        .empty("没有通知。")
        .cards(),
    })
}

/// `POST /unit/notices/assumed`: registers the back payment of all months that came with a merged employer.
pub(crate) async fn pay_assumed(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Form(fields): Form<Typed>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let employer = employer::require(office, at.employer_id).await?;
    // A month of a person a row: rows of one person are as many as his months.
    let rows: Vec<Value> = arrears::assumed(office, &employer)
        .await?
        .iter()
        .map(|(account, month)| {
            json!({ "account_no": office.numbers.encode(NumberKind::Account, *account), "months": [month.to_string()] })
        })
        .collect();
    if rows.is_empty() {
        return Err(PageError::Stale);
    }
    let form = Map::from_iter([
        ("roster".to_owned(), Value::Array(rows)),
        ("reason".to_owned(), "MISSED_MONTH".into()),
    ]);
    let submission = submission(&portal, &at, SUPPLEMENT, &fields, form).await?;
    match portal.engine.submit(submission).await {
        Ok(Submitted::New(case_id) | Submitted::Before(case_id)) => {
            let list = office.numbers.encode(NumberKind::Remittance, case_id);
            Ok(Redirect::to(&format!("/unit/pay?list={list}")).into_response())
        }
        Err(Error::Refused(refusal)) => {
            let first = refusal.errors.first();
            let words = first.map_or_else(
                || refusal.detail.clone(),
                |error| without_row(&error.message),
            );
            let mut drawn = list(&portal, &visit, &at).await?;
            drawn.flash = Some(Flash::new(Tone::Fail, words));
            Ok((StatusCode::CONFLICT, drawn).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// One of this employer's that it was told of.
async fn own(
    portal: &Portal,
    at: &AtUnit,
    number: &str,
) -> Result<(Enforcement, Vec<enforcement::Step>), PageError> {
    let office = &portal.engine.office;
    let id = office
        .numbers
        .decode(NumberKind::Case, number)
        .ok_or(PageError::NotFound)?;
    let mut conn = office.pool.acquire().await?;
    let one = enforcement::require(office, &mut conn, id).await?;
    let steps = enforcement::steps_of(office, &mut conn, id).await?;
    if one.employer_id == at.employer_id
        && steps.iter().any(|step| step.kind == Kind::Notice as i16)
    {
        Ok((one, steps))
    } else {
        Err(PageError::NotFound)
    }
}

/// `GET /unit/notices/{notice}`.
pub(crate) async fn one(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Path(number): Path<String>,
) -> Result<NoticePage, PageError> {
    draw(&portal, &visit, &at, &number, None, "").await
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtUnit,
    number: &str,
    flash: Option<Flash>,
    typed: &str,
) -> Result<NoticePage, PageError> {
    let office = &portal.engine.office;
    let (one, steps) = own(portal, at, number).await?;
    let (frame, employer) = framed(office, visit, at, "催缴", UnitTab::Other).await?;
    let mut conn = office.pool.acquire().await?;
    let missing = order::missing(office, &mut conn, &one, &employer).await?;
    let ordered = matches!(
        one.state,
        state::FILED | state::ORDERED | state::COURT | state::SUSPENDED | state::CLOSED
    );
    let people = if ordered {
        order::people(office, &mut conn, one.enforcement_id, 0, PEOPLE).await?
    } else {
        Vec::new()
    };
    drop(conn);
    let can_pay =
        one.state == state::ORDERED && !order::back_pay(office, &one, &employer).await?.is_empty();
    let mut facts = vec![("状态".to_owned(), shown_state(&one).into())];
    if !one.months().is_empty() {
        facts.push(("月份".to_owned(), one.months().into()));
    }
    if let Some(missing) = missing {
        facts.push(("还差".to_owned(), Text::new().money(missing)));
    }
    if let Some(term) = one.term_on {
        facts.push(("期限".to_owned(), chinese_date(term).into()));
    }
    facts.push((
        "缴了以后".to_owned(),
        "款项分配到职工账户，这件催缴自动结案，不用再来说".into(),
    ));
    let answers = steps
        .iter()
        .filter(|step| step.kind == Kind::Statement as i16)
        .count();
    if answers > 0 {
        facts.push(("您的说明".to_owned(), format!("已收到 {answers} 份").into()));
    }
    Ok(NoticePage {
        frame,
        flash,
        title: "住房公积金催缴".to_owned(),
        tags: vec![shown_state(&one).tag()],
        facts: Facts(facts),
        papers: papers_table(
            office,
            &steps,
            &format!("/unit/notices/{number}/papers"),
            Kind::is_for_employer,
        ),
        people: (!people.is_empty()).then(|| people_table(office, &people)),
        pay: can_pay.then(|| Button::submit("按决定书登记补缴")),
        words: (one.state != state::CLOSED).then(|| {
            Field::new("words", "情况说明", FieldKind::Long)
                .value(typed)
                .hint("4 到 2000 个字")
        }),
        action: format!("/unit/notices/{number}"),
    })
}

#[derive(Deserialize)]
pub(crate) struct Words {
    words: String,
}

/// `POST /unit/notices/{notice}`: the employer's answer.
pub(crate) async fn answer(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Path(number): Path<String>,
    Form(form): Form<Words>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let (one, _) = own(&portal, &at, &number).await?;
    let clerk = at.actor();
    let said = steps::state_of_employer(
        office,
        one.enforcement_id,
        at.employer_id,
        &form.words,
        clerk,
    )
    .await;
    match said {
        Ok(_) => Ok(Redirect::to(&format!("/unit/notices/{number}")).into_response()),
        Err(Error::Refused(refusal)) => {
            let flash = Flash::new(Tone::Fail, refusal.detail.as_str());
            let page = draw(&portal, &visit, &at, &number, Some(flash), &form.words).await?;
            Ok((StatusCode::CONFLICT, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /unit/notices/{notice}/pay`: registers the back payment that was ordered; the decision is its document.
pub(crate) async fn pay(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Path(number): Path<String>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let (one, steps) = own(&portal, &at, &number).await?;
    let employer = employer::require(office, at.employer_id).await?;
    let form = back_payment(office, &one, &steps, &employer).await?;
    let fields = Typed::from([("key".to_owned(), Uuid::now_v7().to_string())]);
    let submission = submission(&portal, &at, SUPPLEMENT, &fields, form).await?;
    match portal.engine.submit(submission).await {
        Ok(Submitted::New(case_id) | Submitted::Before(case_id)) => {
            let list = office.numbers.encode(NumberKind::Remittance, case_id);
            Ok(Redirect::to(&format!("/unit/pay?list={list}")).into_response())
        }
        Err(Error::Refused(refusal)) => {
            let flash = Flash::new(Tone::Fail, refusal.detail.as_str());
            let page = draw(&portal, &visit, &at, &number, Some(flash), "").await?;
            Ok((StatusCode::CONFLICT, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

async fn back_payment(
    office: &anju_casework::Office,
    one: &Enforcement,
    steps: &[enforcement::Step],
    employer: &Employer,
) -> Result<Map<String, Value>, PageError> {
    let order = steps
        .iter()
        .rev()
        .find(|step| step.kind == Kind::Order as i16 && !step.document_no.is_empty())
        .ok_or(PageError::Stale)?;
    // A month of a person a row: parts may differ from month to month.
    let rows: Vec<Value> = order::back_pay(office, one, employer)
        .await?
        .iter()
        .map(|line| {
            json!({
                "account_no": office.numbers.encode(NumberKind::Account, line.account_id),
                "months": [Month::from_index(line.month).to_string()],
                "employer_fen": line.employer_fen,
                "employee_fen": line.employee_fen,
            })
        })
        .collect();
    if rows.is_empty() {
        return Err(PageError::Stale);
    }
    Ok(Map::from_iter([
        ("roster".to_owned(), Value::Array(rows)),
        ("reason".to_owned(), "ENFORCED".into()),
        ("document_no".to_owned(), order.document_no.as_str().into()),
    ]))
}

/// `GET /unit/notices/{notice}/papers/{step}`.
pub(crate) async fn paper(
    State(portal): State<Portal>,
    at: AtUnit,
    Path((number, step)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let (_, steps) = own(&portal, &at, &number).await?;
    let office = &portal.engine.office;
    let id = office
        .numbers
        .decode(NumberKind::Case, &step)
        .ok_or(PageError::NotFound)?;
    let step = steps
        .iter()
        .find(|one| one.step_id == id && one.kind().is_some_and(Kind::is_for_employer))
        .ok_or(PageError::NotFound)?;
    decree::pdf(&portal, step).await
}
