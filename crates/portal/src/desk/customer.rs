//! 客户, all round: only while this person stands at the window of this session, and written down each time.

use anju_business::contribution::{as_of, closing};
use anju_casework::membership::{self, Membership, state};
use anju_casework::person::{Applicant, Person};
use anju_casework::{Office, access_log, person};
use anju_casework::{books, case};
use anju_domain::money::Fen;
use anju_domain::rate::Bp;
use anju_policy::ConditionOutcome;
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::response::Redirect;
use chrono::{Datelike, NaiveDate, TimeDelta};
use serde::Deserialize;

use crate::apply::Seen;
use crate::authorization::{AtDesk, role_name};
use crate::components::{
    Button, Cell, Column, Event, Facts, Field, FieldKind, Flash, Keys, Line, Masked, Pager, Row,
    Rows, State as Shown, Table, Text, Timeline, Tone, When,
};
use crate::desk::{apply, framed, looked, may_open, person_number, reads_centre};
use crate::looks;
use crate::my::account::days_of;
use crate::my::{account_of, amount_of, channel_name, service_name, stage_in_list, what};
use crate::pages::desk::{CustomerPage, Reveal};
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

/// The latest looks at a person that his page shows.
const LOOKS: i64 = 10;

/// The latest events of his timeline.
const TIMELINE: usize = 12;

/// The person of this number and why he may be seen: he stands at this window, or the reader sees the whole centre.
async fn seen(office: &Office, at: &AtDesk, number: &str) -> Result<(Person, String), PageError> {
    let person_id = office
        .numbers
        .decode(NumberKind::Person, number)
        .ok_or(PageError::NotFound)?;
    let reason = match at.session.serving() {
        Some((served, reason)) if served == person_id => reason.to_owned(),
        _ if reads_centre(&at.staff) => {
            let role = at.staff.roles.first().map_or("", |role| role_name(role));
            format!("{role}查阅")
        }
        _ => {
            return Err(PageError::Forbidden(
                "先在命令栏输入这个人的证件号，或当面核身，再看他的信息。".to_owned(),
            ));
        }
    };
    let person = person::get(office, person_id)
        .await?
        .ok_or(PageError::NotFound)?;
    Ok((person, reason))
}

/// `GET /desk/people/{person}`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(number): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<CustomerPage, PageError> {
    let office = &portal.engine.office;
    let (person, reason) = seen(office, &at, &number).await?;
    looked(office, &at, person.person_id, "客户概况", &reason, None).await?;
    let mut page = draw(&portal, &visit, &at, &person, &reason, (wanted.year, false)).await?;
    if let Some(asked) = wanted.on.filter(|on| !on.is_empty()) {
        let (on, past) = past(office, person.person_id, &asked).await?;
        page.on = on;
        page.past = past;
    }
    Ok(page)
}

#[derive(Deserialize)]
pub(crate) struct Wanted {
    on: Option<String>,
    /// Of the account's entries.
    year: Option<i32>,
}

fn on_field(value: &str) -> Field {
    Field::new("on", "看以前哪一天", FieldKind::Date).value(value)
}

/// 时间机器: the person as he stood at the end of a past business day.
async fn past(
    office: &Office,
    person_id: i64,
    asked: &str,
) -> Result<(Field, Option<Facts>), PageError> {
    let day = asked
        .parse::<NaiveDate>()
        .ok()
        .filter(|day| as_of::checked(office, *day).is_ok());
    let Some(day) = day else {
        let words = "写成 2026-05-01 这样，不晚于今天。".to_owned();
        return Ok((on_field(asked).error(Some(words)), None));
    };
    let facts = match as_of::person(office, person_id, day).await? {
        None => vec![("那一天".into(), "没有留存的记录".into())],
        Some(one) => vec![
            (
                "单位".into(),
                if one.state == state::ENDED {
                    format!("{}（已转出）", one.employer_name).into()
                } else {
                    one.employer_name.into()
                },
            ),
            (
                "状态".into(),
                match one.state {
                    state::ACTIVE => "正常",
                    state::SEALED => "封存",
                    _ => "已结束",
                }
                .into(),
            ),
            ("缴存基数".into(), Text::new().money(Fen::new(one.base_fen))),
            (
                "比例".into(),
                format!(
                    "单位 {}，个人 {}",
                    Bp::new(one.ratio_employer_bp),
                    Bp::new(one.ratio_employee_bp)
                )
                .into(),
            ),
            (
                "月缴存额".into(),
                if one.state == anju_casework::membership::state::ACTIVE {
                    Text::new().money(Fen::new(one.monthly_fen))
                } else {
                    "不缴".into()
                },
            ),
            ("余额".into(), Text::new().money(Fen::new(one.balance_fen))),
        ],
    };
    Ok((on_field(&day.to_string()), Some(Facts(facts))))
}

#[derive(Deserialize)]
pub(crate) struct RevealForm {
    reason: String,
}

/// `POST /desk/people/{person}/reveal`: whole for sixty seconds, with a reason.
pub(crate) async fn reveal(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(number): Path<String>,
    Form(form): Form<RevealForm>,
) -> Result<CustomerPage, PageError> {
    let office = &portal.engine.office;
    let (person, seen_because) = seen(office, &at, &number).await?;
    let reason = match form.reason.as_str() {
        "compare" => "核对证件",
        "call" => "联系本人",
        _ => return Err(PageError::Forbidden("请选一个查看的原因。".to_owned())),
    };
    looked(
        office,
        &at,
        person.person_id,
        "完整证件号和手机号",
        reason,
        None,
    )
    .await?;
    draw(&portal, &visit, &at, &person, &seen_because, (None, true)).await
}

/// `POST /desk/people/{person}/hold`: a sealed person at the window asks to be held by the centre.
pub(crate) async fn hold(
    State(portal): State<Portal>,
    at: AtDesk,
    Path(number): Path<String>,
) -> Result<Redirect, PageError> {
    let office = &portal.engine.office;
    let (person, reason) = seen(office, &at, &number).await?;
    if at.session.served_person != Some(person.person_id) {
        return Err(PageError::Forbidden(
            "本人要在窗口前。请先核身，再办理。".to_owned(),
        ));
    }
    looked(
        office,
        &at,
        person.person_id,
        "转入集中封存户",
        &reason,
        None,
    )
    .await?;
    closing::hold_person(office, person.person_id).await?;
    Ok(Redirect::to(&format!("/desk/people/{number}")))
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    person: &Person,
    seen_because: &str,
    (year, whole): (Option<i32>, bool),
) -> Result<CustomerPage, PageError> {
    let office = &portal.engine.office;
    let number = person_number(office, person.person_id);
    let at_window = at.session.served_person == Some(person.person_id);
    let now = office.now();
    let today = office.today();
    let all = membership::of_person(office, person.person_id).await?;
    let current = all
        .iter()
        .find(|one| one.state == membership::state::ACTIVE)
        .or(all.first());
    let mut figures: Vec<(String, Text)> = Vec::new();
    let year = year.unwrap_or(today.year());
    let mut entries = Vec::new();
    let mut latest = Vec::new();
    let mut pager = None;
    if let Some(one) = current
        && let Some(account) = account_of(office, one).await?
    {
        let figure = |amount: Fen| Text::new().say(amount);
        figures = vec![
            ("余额（元）".into(), figure(account.balance)),
            ("可用（元）".into(), figure(account.available())),
            ("预留（元）".into(), figure(account.reserved)),
            (
                "冻结（元）".into(),
                figure(account.frozen.min(account.balance)),
            ),
            ("账户状态".into(), state_of(one).into()),
        ];
        let recent = today - TimeDelta::days(400);
        let until = today + TimeDelta::days(7);
        latest = books::entries(office, one.account_id, recent, until).await?;
        let (first, last) = days_of(year)?;
        entries = books::entries(office, one.account_id, first, last).await?;
        entries.reverse();
        let of = |year: i32| format!("/desk/people/{number}?year={year}#acc");
        // An account that came over from another employer has entries from before.
        let opened = all
            .iter()
            .filter(|other| other.account_id == one.account_id)
            .map(|other| other.opened_on.year())
            .min();
        pager = Some(Pager {
            note: format!("{year}年，新的在前"),
            before: (year < today.year()).then(|| of(year + 1)),
            after: opened.filter(|opened| year > *opened).map(|_| of(year - 1)),
        });
    }
    let cases = case::list_of_applicant(office, person.person_id, None, 10).await?;
    let mut timeline: Vec<(chrono::DateTime<chrono::Utc>, Event)> = latest
        .iter()
        .rev()
        .take(TIMELINE)
        .map(|entry| {
            let event = Event::new(
                When::Done,
                Text::new()
                    .say(what(office, entry))
                    .say(" ")
                    .movement(entry.amount),
                when::minute(entry.key.at, now),
            );
            (entry.key.at, event)
        })
        .collect();
    let rows = cases
        .iter()
        .map(|one| {
            let stage = stage_in_list(office, one);
            let name = service_name(office, one);
            let when_now = if stage.is_moving() {
                When::Now
            } else {
                When::Done
            };
            timeline.push((
                one.submitted_at,
                Event::new(
                    when_now,
                    format!("{name}，{}", stage.state().word),
                    format!(
                        "{} · {}",
                        when::minute(one.submitted_at, now),
                        channel_name(&one.channel)
                    ),
                ),
            ));
            let number = case::number(office, one.case_id);
            Line::new(vec![
                Cell::digits(number.as_str()).link(format!("/desk/cases/{number}")),
                Cell::new(name),
                Cell::maybe(amount_of(one)),
                Cell::state(&stage.state()),
                Cell::digits(when::promise(one.promised_at, now)),
            ])
        })
        .collect();
    timeline.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let mut family: Vec<(String, Text)> = vec![(
        "收款卡".into(),
        person.card.as_ref().map_or_else(
            || "没有登记".into(),
            |card| {
                Text::new()
                    .say(person.card_bank.as_deref().unwrap_or(""))
                    .say(" ")
                    .tail(card.tail4())
            },
        ),
    )];
    family.extend(all.iter().map(|one| {
        (
            "单位".to_owned(),
            Text::new()
                .say(&one.employer_name)
                .say(" ")
                .state(&state_of(one)),
        )
    }));
    let mut likely = Vec::new();
    let mut button = None;
    if at_window && may_open(&at.staff, "/desk/identify") {
        let applicant = Applicant {
            person: person.clone(),
            branch_id: all.first().map(|one| one.branch_id),
        };
        let asking = apply::asking_for(portal, visit, at, applicant);
        let mut at_hand = asking.at_hand().await?;
        at_hand.sort_by_key(Seen::rank);
        for seen in at_hand {
            let service = &seen.service;
            let not_met = seen.count(ConditionOutcome::NotMet);
            let amount = seen.amount();
            let href = if not_met > 0 {
                format!("/desk/do/{}/why", service.id)
            } else {
                format!("/desk/do/{}", service.id)
            };
            if (amount.is_some() || seen.is_likely()) && button.is_none() {
                button = Some(Button::go(format!("办理{}", service.name_zh), href.clone()).wide());
            }
            let key = (likely.len() < 9).then(|| (likely.len() + 1).to_string());
            let row = Row::to(href, service.name_zh.as_str()).note(match (amount, not_met) {
                (Some(amount), _) => Text::new().say("可提 ").money(amount),
                (None, 0) => "还要向部门核对，点开就去问".into(),
                (None, lacking) => format!("差 {lacking} 条").into(),
            });
            likely.push(match key {
                Some(key) => row.key(key),
                None => row,
            });
        }
        likely.extend(
            asking
                .all_kept()
                .into_iter()
                .map(|service| Row::to(format!("/desk/do/{}", service.id), service.name_zh)),
        );
    }
    let looks = access_log::of_person(office, person.person_id, None, LOOKS).await?;
    let looks =
        Rows::new(looks::rows(office, portal.engine.gateway.catalogue(), &looks, now).await?)
            .tight();
    let id_no = Masked::ready(person.id_number.to_string(), "证件号");
    let phone = person
        .phone
        .as_ref()
        .map(|phone| (phone, Masked::ready(phone.to_string(), "手机号")));
    let percent = |bp: i32| anju_domain::rate::Bp::new(bp).to_string();
    Ok(CustomerPage {
        on: on_field(""),
        past: None,
        frame: framed(office, visit, at, "客户", "/desk/identify").await?,
        flash: whole.then(|| Flash::new(Tone::Wait, "显示 60 秒。本次查看已记录，本人能看到。")),
        name: person.name.masked(),
        about: if person.id_number.is_female() {
            "女"
        } else {
            "男"
        }
        .to_owned(),
        id_no: if whole {
            id_no.revealed(person.id_number.expose())
        } else {
            id_no
        },
        phone: phone.map(|(phone, masked)| {
            if whole {
                masked.revealed(phone.expose())
            } else {
                masked
            }
        }),
        identified: Text::new()
            .state(&if at_window {
                Shown::pass("在窗口")
            } else {
                Shown::idle("只读")
            })
            .say(format!("，{seen_because}")),
        reveal: (at_window && !whole).then(|| Reveal {
            action: format!("/desk/people/{number}/reveal"),
            reasons: vec![
                ("compare".into(), "核对证件".into()),
                ("call".into(), "联系本人".into()),
            ],
        }),
        figures,
        likely: Rows::new(likely).tight(),
        button,
        hold: (at_window
            && current.is_some_and(|one| {
                one.state == membership::state::SEALED && one.employer_name != closing::HOLDING
            }))
        .then(|| format!("/desk/people/{number}/hold")),
        family: Facts(family),
        cases: Table::new(
            "cases-table",
            "办件列表，单位：元",
            vec![
                Column::words("办件"),
                Column::words("事项"),
                Column::figures("金额（元）"),
                Column::words("状态"),
                Column::words("承诺"),
            ],
            rows,
        )
        .empty("还没有办件。"),
        account_no: current.map_or_else(
            || "—".to_owned(),
            |one| office.numbers.encode(NumberKind::Account, one.account_id),
        ),
        account_note: current.map_or_else(Text::new, |one| {
            Text::new()
                .say(&one.employer_name)
                .say(format!(
                    " · {} + {} · 基数 ",
                    percent(one.ratio_employer_bp),
                    percent(one.ratio_employee_bp)
                ))
                .say(Fen::new(one.base_fen))
        }),
        entries: paged(
            pager,
            Table::new(
                "entries",
                "账户明细，单位：元",
                vec![
                    Column::words("日期"),
                    Column::words("摘要"),
                    Column::figures("收（元）"),
                    Column::figures("付（元）"),
                    Column::figures("余额（元）"),
                ],
                entries
                    .iter()
                    .map(|entry| {
                        let (into, out) = if entry.amount >= Fen::ZERO {
                            (Cell::amount(entry.amount), Cell::new(""))
                        } else {
                            (Cell::new(""), Cell::amount(-entry.amount))
                        };
                        Line::new(vec![
                            Cell::digits(when::iso(entry.key.business_date)),
                            Cell::new(what(office, entry)),
                            into,
                            out,
                            Cell::amount(entry.balance),
                        ])
                    })
                    .collect(),
            )
            .empty("这一年没有进出。"),
        ),
        looks,
        timeline: Timeline(
            timeline
                .into_iter()
                .take(TIMELINE)
                .map(|(_, event)| event)
                .collect(),
        ),
        keys: Keys::new(&[("g c", "换一位客户"), ("/", "命令栏")])
            .note("本次查看已记录，本人能看到"),
    })
}

fn paged(pager: Option<Pager>, table: Table) -> Table {
    match pager {
        Some(pager) => table.pager(pager),
        None => table,
    }
}

fn state_of(one: &Membership) -> Shown {
    match one.state {
        membership::state::ACTIVE => Shown::pass("正常"),
        membership::state::SEALED => Shown::idle("封存"),
        _ => Shown::idle("已结束"),
    }
}
