//! 授信推荐 of an employer: what its bank was given and said, and the consent that can be taken back.

use anju_business::contribution::credit::{self, Referral, state};
use anju_casework::Office;
use anju_domain::calendar::{Month, chinese_date};
use anju_domain::money::Fen;
use axum::extract::{Path, State};
use axum::response::Redirect;
use serde_json::Value;

use crate::authorization::AtUnit;
use crate::components::{
    Button, ButtonLook, Cell, Column, Facts, Line, State as Shown, Table, Text,
};
use crate::pages::error::PageError;
use crate::pages::unit::UnitForm;
use crate::serve::Portal;
use crate::unit::cases::own;

/// Where a referral stands, in a word.
pub(crate) fn shown(of: i16) -> Shown {
    match of {
        state::GRANTED => Shown::pass("已授信"),
        state::REFUSED => Shown::fail("没有授信"),
        _ => Shown::wait("等银行答复"),
    }
}

pub(crate) fn bank_name(office: &Office, bank: &str) -> String {
    office
        .bank(bank)
        .map_or_else(|_| bank.to_owned(), |known| known.bank_name.clone())
}

/// How long its consent counts.
pub(crate) fn consent_words(office: &Office, one: &Referral) -> String {
    if one.withdrawn_at.is_some() {
        "已收回，不再给银行".to_owned()
    } else if one.lives(office.today()) {
        format!("到{}", chinese_date(one.until))
    } else {
        format!("{}已到期", chinese_date(one.until))
    }
}

/// A referral as its applicant reads it.
pub(crate) fn facts(office: &Office, one: &Referral) -> Facts {
    let mut facts = vec![
        ("银行".into(), bank_name(office, &one.bank).into()),
        ("结果".into(), Text::new().state(&shown(one.state))),
        ("授权".into(), consent_words(office, one).into()),
    ];
    if one.state == state::GRANTED {
        facts.push((
            "授信额度".into(),
            Text::new().money(Fen::new(one.granted_fen)),
        ));
        facts.push(("已用".into(), Text::new().money(Fen::new(one.used_fen))));
    }
    if let Some(reason) = &one.reason {
        facts.push(("银行说".into(), reason.as_str().into()));
    }
    Facts(facts)
}

fn number(value: &Value) -> String {
    value.as_i64().unwrap_or_default().to_string()
}

fn money(value: &Value) -> Fen {
    Fen::new(value.as_i64().unwrap_or_default())
}

/// An employer's figures as the bank reads them.
pub(crate) fn figures(figures: &Value) -> Facts {
    let (months, arrears) = (&figures["months"], &figures["arrears"]);
    let paid_to = months["paid_to"]
        .as_str()
        .and_then(|text| Month::parse(text).ok())
        .map_or_else(String::new, Month::chinese);
    Facts(vec![
        (
            "缴存月数".into(),
            format!("{} 个月，缴至{paid_to}", number(&months["contributed"])).into(),
        ),
        (
            "缴存人数".into(),
            format!("{} 人", number(&figures["people"])).into(),
        ),
        (
            "每月".into(),
            Text::new().money(money(&figures["amounts"]["monthly_fen"])),
        ),
        (
            "最近 12 个月共缴".into(),
            Text::new().money(money(&figures["amounts"]["last_12_months_fen"])),
        ),
        (
            "欠缴".into(),
            format!("{} 个月", number(&arrears["months"])).into(),
        ),
    ])
}

/// What was given, the newest first.
pub(super) async fn tables(office: &Office, one: &Referral) -> Result<Vec<Table>, PageError> {
    let lines = credit::draw(office, one.referral_id)
        .await?
        .iter()
        .map(|drawn| {
            let figures = &drawn.figures;
            Line::new(vec![
                Cell::new(chinese_date(drawn.as_of)),
                Cell::new(number(&figures["months"]["contributed"])),
                Cell::new(number(&figures["people"])),
                Cell::amount(money(&figures["amounts"]["monthly_fen"])),
                Cell::new(number(&figures["arrears"]["months"])),
                Cell::state(&match drawn.taken_at {
                    Some(_) => Shown::pass("银行收到"),
                    None => Shown::wait("正在送"),
                }),
            ])
        })
        .collect();
    let columns = vec![
        Column::words("日期"),
        Column::figures("缴存月数"),
        Column::figures("人数"),
        Column::figures("每月（元）"),
        Column::figures("欠缴月数"),
        Column::words("送达"),
    ];
    Ok(vec![Table::new(
        "extracts",
        "给银行的缴存记录",
        columns,
        lines,
    )])
}

/// Taking the consent back, while it counts.
pub(super) fn forms(office: &Office, one: &Referral, number: &str) -> Option<UnitForm> {
    one.lives(office.today()).then(|| UnitForm {
        id: "consent",
        name: "收回授权",
        lead: "收回后我们告诉银行，不再给新的缴存记录；已经给的授信由您和银行约定。".into(),
        action: format!("/unit/cases/{number}/consent"),
        key: uuid::Uuid::now_v7().to_string(),
        fields: Vec::new(),
        button: Button::send("收回授权", ButtonLook::Danger),
    })
}

/// `POST /unit/cases/{case}/consent`: takes the consent back.
pub(crate) async fn withdraw(
    State(portal): State<Portal>,
    at: AtUnit,
    Path(number): Path<String>,
) -> Result<Redirect, PageError> {
    let office = &portal.engine.office;
    let case = own(office, &at, &number).await?;
    let one = credit::get(office, case.case_id)
        .await?
        .ok_or(PageError::NotFound)?;
    credit::withdraw_consent(office, at.employer_id, one.consent_id, at.actor()).await?;
    Ok(Redirect::to(&format!("/unit/cases/{number}")))
}
