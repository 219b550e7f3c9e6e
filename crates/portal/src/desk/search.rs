//! 命令栏: whole numbers and exact names only, by POST, so that nothing typed stands in an address or a log. Whoever is found by his
//! whole ID number stands at this window once the teller has said why; anything else opens nobody.

use anju_casework::person::Person;
use anju_casework::{Office, employer, membership, person};
use anju_domain::id_number::IdNumber;
use anju_domain::name::PersonName;
use anju_domain::phone::Phone;
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::authorization::AtDesk;
use crate::components::{Button, Row, Rows};
use crate::desk::identify::{put_at_window, reason_field};
use crate::desk::{branch_of, framed, looked, may_open, person_number, reads_centre};
use crate::pages::desk::{AskWhy, SearchPage};
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;

/// Pages by name and the initials of their pinyin.
const PAGES: [(&str, &str, &str); 10] = [
    ("任务", "rw", "/desk/tasks"),
    ("客户核身", "khhs", "/desk/identify"),
    ("单位业务", "dwyw", "/desk/employers"),
    ("定向授信", "dxsx", "/desk/credit"),
    ("暂收待查", "zsdc", "/desk/suspense"),
    ("试算平衡", "ssph", "/desk/books/trial-balance"),
    ("日结", "rj", "/desk/books/close"),
    ("年度结息", "ndjx", "/desk/books/interest"),
    ("运行", "yx", "/desk/ops"),
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
    mut at: AtDesk,
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

    let (found, ask) = people(office, &mut at, typed).await?;
    if let ([person], None, true) = (&found[..], &ask, reads_centre(&at.staff)) {
        let number = person_number(office, person.person_id);
        return Ok(Redirect::to(&format!("/desk/people/{number}")).into_response());
    }
    let mut groups = Vec::new();
    if !found.is_empty() && ask.is_none() {
        let rows = found
            .iter()
            .map(|person| {
                Row::of(format!("{}　{}", person.name.masked(), person.id_number))
                    .note("要打开，请输入他的完整证件号")
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
        None if typed.chars().count() >= 2 => {
            employer::search(office, typed, branch_of(&at.staff), 0, 20).await?
        }
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
    let note = if groups.is_empty() && ask.is_none() && branch_of(&at.staff).is_some() {
        "没有找到。按账号、手机号、姓名只找得到本网点管的人，别的网点的客户请用完整的证件号；也可以输入办件号、单位号，或页面的拼音首字母。"
    } else if groups.is_empty() && ask.is_none() {
        "没有找到。可以输入完整的证件号、手机号、账号、办件号、单位号，或页面的拼音首字母。"
    } else if found.is_empty() {
        "按您输入的内容找到这些。"
    } else {
        "查到的人都已记录这次查找，本人能看到。"
    };
    let page = SearchPage {
        frame: framed(office, &visit, &at, "找到的", "").await?,
        note: note.into(),
        ask,
        groups,
    };
    Ok(page.into_response())
}

/// The people whom this number or name is of. By the whole ID number a teller may go on to the person, once he has said why.
async fn people(
    office: &Office,
    at: &mut AtDesk,
    typed: &str,
) -> Result<(Vec<Person>, Option<AskWhy>), PageError> {
    let serves = may_open(&at.staff, "/desk/identify");
    if !serves && !reads_centre(&at.staff) {
        return Ok((Vec::new(), None));
    }
    // The whole ID number of whoever stands here opens anybody (全市通办); everything else finds what one's own branch keeps.
    let branch = branch_of(&at.staff);
    let mut found = Vec::new();
    let mut by_id_number = false;
    if let Ok(number) = IdNumber::parse(typed) {
        by_id_number = true;
        found.extend(person::by_id_number(office, &number).await?);
    } else if let Ok(phone) = Phone::parse(typed) {
        found = person::search(office, None, Some(&phone), branch).await?;
    } else if let Some(account_id) = office
        .numbers
        .decode(NumberKind::Account, &typed.to_ascii_uppercase())
    {
        if let Some(person_id) = membership::person_of_account(office, account_id).await?
            && person::is_kept_by(office, person_id, branch).await?
        {
            found.extend(person::get(office, person_id).await?);
        }
    } else if let Ok(name) = PersonName::parse(typed) {
        found = person::search(office, Some(&name), None, branch).await?;
    }
    for person in &found {
        looked(
            office,
            at,
            person.person_id,
            "姓名和遮住的证件号",
            "在柜面查找",
            None,
        )
        .await?;
    }
    let ask = match (&found[..], serves && by_id_number) {
        ([person], true) => {
            put_at_window(office, at, Some(person.person_id), None).await?;
            Some(AskWhy {
                who: format!("{}　{}", person.name.masked(), person.id_number),
                action: format!(
                    "/desk/people/{}/serve",
                    person_number(office, person.person_id)
                ),
                reason: reason_field(),
                button: Button::submit("打开这位客户"),
            })
        }
        _ => None,
    };
    Ok((found, ask))
}
