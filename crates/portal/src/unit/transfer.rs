//! 转移和合并: who is taken in from another employer, who is waited for on either side, and an employer that goes over to another one whole.

use anju_business::contribution::transfer_request::{self, Waiting};
use anju_business::policy::Rules;
use anju_casework::case::{self, Submitted};
use anju_casework::{Error, Office};
use anju_domain::calendar::chinese_date;
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::authorization::AtUnit;
use crate::components::{
    Button, ButtonLook, Cell, Column, ErrorSummary, Field, FieldKind, Line, Mistake, Row,
    State as Shown, Table,
};
use crate::frame::UnitTab;
use crate::pages::error::PageError;
use crate::pages::unit::{ChangePart, TransferPage};
use crate::security::Visit;
use crate::serve::Portal;
use crate::unit::change::{Typed, submission, typed};
use crate::unit::framed;
use crate::unit::people::number;

pub(super) const SERVICE: &str = "employee-account-transfer";
const PAGE: &str = "/unit/transfer";

/// Requests that a page shows of a side.
const SHOWN: i64 = 200;

/// What `/unit` puts before everything else: a row for each person whom another employer waits for.
pub(super) async fn todo(office: &Office, employer_id: i64) -> Result<Vec<Row>, PageError> {
    let asked = transfer_request::asked_of(office, employer_id, SHOWN).await?;
    Ok(asked
        .iter()
        .map(|one| {
            let account = number(office, one.account_id);
            let note = format!("请封存；没有办的，{}自动转出", chinese_date(one.until));
            Row::to(
                format!("/unit/people/{account}"),
                format!("{}已到别的单位", one.name_masked),
            )
            .note(note)
            .sign(&Shown::wait("等您封存"))
        })
        .collect())
}

/// `GET /unit/transfer`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
) -> Result<TransferPage, PageError> {
    draw(&portal, &visit, &at, &Typed::new(), Vec::new()).await
}

/// `POST /unit/transfer`: takes somebody in, or hands everybody over.
pub(crate) async fn send(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Form(fields): Form<Typed>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let own = office.numbers.encode(NumberKind::Employer, at.employer_id);
    let form = match typed(&fields, "do") {
        "take" => Map::from_iter([
            ("account_no".to_owned(), upper(&fields, "account_no")),
            ("to_employer_no".to_owned(), own.into()),
        ]),
        "merge" if typed(&fields, "sure") != "yes" => {
            let mistake = Mistake::at("sure", "合并以后本单位销户，不能撤销。请选“是”再提交。");
            return refuse(&portal, &visit, &at, &fields, mistake).await;
        }
        "merge" => {
            let mut form = Map::from_iter([
                ("everybody".to_owned(), Value::Bool(true)),
                (
                    "to_employer_no".to_owned(),
                    upper(&fields, "to_employer_no"),
                ),
            ]);
            if !typed(&fields, "document_no").is_empty() {
                let document = typed(&fields, "document_no").into();
                form.insert("document_no".to_owned(), document);
            }
            form
        }
        _ => return Err(PageError::Stale),
    };
    let submitted = submission(&portal, &at, SERVICE, &fields, form).await?;
    match portal.engine.submit(submitted).await {
        Ok(Submitted::New(case_id) | Submitted::Before(case_id)) => {
            let number = case::number(office, case_id);
            Ok(Redirect::to(&format!("/unit/cases/{number}")).into_response())
        }
        Err(Error::Refused(refusal)) => {
            let first = refusal.errors.first();
            let field = match first.and_then(|error| error.column.as_deref()) {
                Some(column) => column.to_owned(),
                None if typed(&fields, "do") == "take" => "account_no".to_owned(),
                None => "to_employer_no".to_owned(),
            };
            let words = first.map_or(refusal.detail.as_str(), |error| error.message.as_str());
            refuse(&portal, &visit, &at, &fields, Mistake::at(field, words)).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Numbers as people type them.
fn upper(fields: &Typed, name: &str) -> Value {
    anju_domain::text::normalise(typed(fields, name))
        .to_ascii_uppercase()
        .into()
}

async fn refuse(
    portal: &Portal,
    visit: &Visit,
    at: &AtUnit,
    fields: &Typed,
    mistake: Mistake,
) -> Result<Response, PageError> {
    let mut page = draw(portal, visit, at, fields, vec![mistake]).await?;
    page.frame.head.failed = true;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtUnit,
    fields: &Typed,
    mistakes: Vec<Mistake>,
) -> Result<TransferPage, PageError> {
    let office = &portal.engine.office;
    let (frame, employer) = framed(office, visit, at, "转移和合并", UnitTab::People).await?;
    let of_us = transfer_request::asked_of(office, employer.employer_id, SHOWN).await?;
    let by_us = transfer_request::asked_by(office, employer.employer_id, SHOWN).await?;
    let days = Rules::on(office, office.today()).int("transfer_wait_days")?;
    let filled = |field: Field, name: &str| {
        let error = mistakes.iter().find(|mistake| mistake.field == name);
        field
            .value(typed(fields, name))
            .error(error.map(|mistake| mistake.words.clone()))
    };
    let parts = vec![take_part(days, &filled), merge_part(&filled)];
    Ok(TransferPage {
        frame,
        errors: ErrorSummary::of(mistakes.clone()).map(|errors| errors.note("什么都没有改变。")),
        of_us: (!of_us.is_empty()).then(|| asked_of_us(office, &of_us)),
        by_us: (!by_us.is_empty()).then(|| asked_by_us(office, &by_us)),
        parts,
    })
}

fn asked_of_us(office: &Office, waiting: &[Waiting]) -> Table {
    let lines = waiting
        .iter()
        .map(|one| {
            let account = number(office, one.account_id);
            Line::new(vec![
                Cell::new(one.name_masked.as_str()),
                Cell::digits(account.as_str()).link(format!("/unit/people/{account}")),
                Cell::new(one.to_name.as_str()),
                Cell::new(chinese_date(one.until)),
            ])
        })
        .collect();
    let columns = vec![
        Column::words("姓名"),
        Column::words("个人账号"),
        Column::words("转入单位"),
        Column::words("最迟封存"),
    ];
    Table::new("of-us", "别的单位申请转入的职工", columns, lines).cards()
}

fn asked_by_us(office: &Office, waiting: &[Waiting]) -> Table {
    let lines = waiting
        .iter()
        .map(|one| {
            let case_no = case::number(office, one.case_id);
            Line::new(vec![
                Cell::new(one.name_masked.as_str()).link(format!("/unit/cases/{case_no}")),
                Cell::new(one.from_name.as_str()),
                Cell::new(chinese_date(one.until)),
                Cell::new(one.held_by.as_deref().unwrap_or("等原单位封存")),
            ])
        })
        .collect();
    let columns = vec![
        Column::words("姓名"),
        Column::words("原单位"),
        Column::words("最迟转入"),
        Column::words("说明"),
    ];
    Table::new("by-us", "在等原单位封存的职工", columns, lines).cards()
}

fn take_part(days: i64, filled: &dyn Fn(Field, &str) -> Field) -> ChangePart {
    ChangePart {
        id: "take",
        name: "调入职工",
        lead: format!(
            "原单位已经封存的当场转入，账号和余额不变；没有封存的，我们通知原单位，{days} 天后凭社保参保记录自动转入。"
        )
        .into(),
        action: PAGE.to_owned(),
        key: Uuid::now_v7().to_string(),
        service: "take",
        fields: vec![filled(
            Field::new("account_no", "个人账号", FieldKind::Text)
                .hint("G 开头，请职工登录后在“账户”里查看"),
            "account_no",
        )],
        button: Button::submit("调入"),
    }
}

fn merge_part(filled: &dyn Fn(Field, &str) -> Field) -> ChangePart {
    ChangePart {
        id: "merge",
        name: "本单位合并到另一个单位",
        lead: "全部职工、暂存款、待缴清册和欠缴一并转过去，本单位随即销户，不能撤销。有欠缴的，请双方带合并协议到柜台办理。".into(),
        action: PAGE.to_owned(),
        key: Uuid::now_v7().to_string(),
        service: "merge",
        fields: vec![
            filled(
                Field::new("to_employer_no", "并入单位的单位号", FieldKind::Text).hint("E 开头"),
                "to_employer_no",
            ),
            filled(
                Field::new("document_no", "合并协议或合并登记文号", FieldKind::Text).optional(),
                "document_no",
            ),
            filled(
                Field::select(
                    "sure",
                    "确认合并并销户",
                    vec![
                        (String::new(), "否".to_owned()),
                        ("yes".to_owned(), "是".to_owned()),
                    ],
                ),
                "sure",
            ),
        ],
        button: Button::send("合并", ButtonLook::Danger),
    }
}
