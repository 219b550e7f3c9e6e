//! 命令栏: whole numbers and exact names only, by POST, so that nothing typed stands in an address or a log. A person found by
//! his whole number stands at this window from then on; a name alone opens nobody.

use anju_casework::{employer, membership, person, session};
use anju_domain::id_number::IdNumber;
use anju_domain::name::PersonName;
use anju_domain::phone::Phone;
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::authorization::AtDesk;
use crate::components::{Row, Rows};
use crate::desk::{framed, looked, may_open, person_number};
use crate::pages::desk::SearchPage;
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;

/// Pages by name and the initials of their pinyin.
const PAGES: [(&str, &str, &str); 6] = [
    ("任务", "rw", "/desk/tasks"),
    ("客户核身", "khhs", "/desk/identify"),
    ("暂收待查", "zsdc", "/desk/suspense"),
    ("试算平衡", "ssph", "/desk/books/trial-balance"),
    ("日结", "rj", "/desk/books/close"),
    ("快捷键", "kjj", "/desk/keys"),
];

#[derive(Deserialize)]
pub(crate) struct Asked {
    q: String,
}

/// `POST /desk/search`.
pub(crate) async fn find(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Form(asked): Form<Asked>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let typed = asked.q.trim();
    let upper = typed.to_ascii_uppercase();
    if office.numbers.decode(NumberKind::Case, &upper).is_some() {
        return Ok(Redirect::to(&format!("/desk/cases/{upper}")).into_response());
    }
    let pages: Vec<Row> = PAGES
        .iter()
        .filter(|(name, initials, href)| {
            !typed.is_empty()
                && (name.contains(typed) || initials.starts_with(&typed.to_ascii_lowercase()))
                && may_open(&at.staff, href)
        })
        .map(|(name, _, href)| Row::to(*href, *name).icon("search"))
        .collect();
    if let [(_, _, href)] = PAGES
        .iter()
        .filter(|(_, initials, href)| {
            typed.eq_ignore_ascii_case(initials) && may_open(&at.staff, href)
        })
        .collect::<Vec<_>>()[..]
    {
        return Ok(Redirect::to(href).into_response());
    }

    let serves = may_open(&at.staff, "/desk/identify");
    let mut found = Vec::new();
    let mut by_whole_number = false;
    if serves {
        if let Ok(number) = IdNumber::parse(typed) {
            by_whole_number = true;
            found.extend(person::by_id_number(office, &number).await?);
        } else if let Ok(phone) = Phone::parse(typed) {
            by_whole_number = true;
            found = person::search(office, None, Some(&phone)).await?;
        } else if let Some(account_id) = office.numbers.decode(NumberKind::Account, &upper) {
            by_whole_number = true;
            if let Some(person_id) = membership::person_of_account(office, account_id).await? {
                found.extend(person::get(office, person_id).await?);
            }
        } else if let Ok(name) = PersonName::parse(typed) {
            found = person::search(office, Some(&name), None).await?;
        }
    }
    if let ([person], true) = (&found[..], by_whole_number) {
        let reason = "命令栏查找";
        session::serve(
            office,
            at.session.session_id,
            Some(person.person_id),
            Some(reason),
        )
        .await?;
        looked(office, &at, person.person_id, "查找", reason, None).await?;
        let number = person_number(office, person.person_id);
        return Ok(Redirect::to(&format!("/desk/people/{number}")).into_response());
    }
    for person in &found {
        looked(
            office,
            &at,
            person.person_id,
            "同名查找",
            "命令栏查找",
            None,
        )
        .await?;
    }
    let mut groups = Vec::new();
    if !found.is_empty() {
        let rows = found
            .iter()
            .map(|person| {
                Row::of(format!("{}　{}", person.name.masked(), person.id_number))
                    .note("同名的人多，请输入完整证件号打开")
                    .icon("user")
            })
            .collect();
        groups.push(("人".to_owned(), Rows::new(rows).tight()));
    }
    let employers = match office.numbers.decode(NumberKind::Employer, &upper) {
        Some(employer_id) => employer::get(office, &office.pool, employer_id)
            .await?
            .into_iter()
            .collect(),
        None if typed.chars().count() >= 2 => employer::search(office, typed, 0, 20).await?,
        None => Vec::new(),
    };
    if !employers.is_empty() {
        let rows = employers
            .iter()
            .map(|one| {
                Row::of(one.name.as_str())
                    .note(format!(
                        "单位号 {} · {}",
                        office.numbers.encode(NumberKind::Employer, one.employer_id),
                        one.uscc
                    ))
                    .icon("building")
            })
            .collect();
        groups.push(("单位".to_owned(), Rows::new(rows).tight()));
    }
    if !pages.is_empty() {
        groups.push(("页面".to_owned(), Rows::new(pages).tight()));
    }
    let page = SearchPage {
        frame: framed(office, &visit, &at, "找到的", "").await?,
        note: if groups.is_empty() {
            "没有找到。可以输入完整的证件号、手机号、账号、办件号、单位号，或页面的拼音首字母。"
                .into()
        } else {
            "查到的人都已记录这次查找。".into()
        },
        groups,
    };
    Ok(page.into_response())
}
