//! 单位首页: the one missing step of the month, what changed against the month before, the months that are done.

use std::collections::HashMap;

use anju_business::contribution::remittance::{Remittance, kind, state};
use anju_business::contribution::{arrears, environment, merging, remittance, upload};
use anju_casework::Office;
use anju_casework::employer::{self, Employer};
use anju_domain::calendar::Month;
use anju_domain::money::Fen;
use anju_vault::NumberKind;
use axum::extract::{Query, State};
use chrono::{Datelike, NaiveDate};
use serde::Deserialize;
use serde_json::Value;

use crate::authorization::AtUnit;
use crate::components::{
    Button, ButtonLook, Cell, Column, Formula, FormulaLine, Line, Rows, State as Shown, Step,
    Table, Text, Track, When,
};
use crate::frame::UnitTab;
use crate::pages::error::PageError;
use crate::pages::unit::{HomePage, Next};
use crate::security::Visit;
use crate::serve::Portal;
use crate::unit::{arrangement, debit, framed, notices, number, pay, transfer, waiting};
use crate::when;

#[derive(Deserialize)]
pub(crate) struct Wanted {
    month: Option<String>,
}

/// `11月`.
pub(crate) fn short(month: Month) -> String {
    format!("{}月", month.first_day().month())
}

/// `GET /unit?month=`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Query(wanted): Query<Wanted>,
) -> Result<HomePage, PageError> {
    let office = &portal.engine.office;
    let today = office.today();
    let (mut frame, employer) = framed(office, &visit, &at, "首页", UnitTab::Home).await?;
    let all = remittance::of_employer(office, employer.employer_id, None, 13).await?;
    let live: Vec<&Remittance> = all
        .iter()
        .filter(|one| {
            !matches!(
                one.state,
                state::CANCELLED | state::EXPIRED | state::REVERSED
            )
        })
        .filter(|one| one.kind == kind::MONTHLY)
        .collect();
    // Of months that wait together the first, which is paid first.
    let open = live
        .iter()
        .rfind(|one| one.state != state::ALLOCATED)
        .copied();
    let next_month = employer.next_month();
    let asked = wanted
        .month
        .as_deref()
        .and_then(|text| Month::parse(text).ok());
    let shown = match asked {
        Some(month) => live.iter().find(|one| one.month() == month).copied(),
        None => open.or_else(|| {
            (next_month > Month::of(today))
                .then(|| live.first().copied())
                .flatten()
        }),
    };
    let next = match shown {
        _ if employer.state == employer::state::CANCELLED => ended(office, &employer).await?,
        Some(one) if one.state == state::ALLOCATED => step_of(office, one, None, today),
        Some(one) => {
            let owed = pay::owed(office, &employer, one.clone()).await?;
            step_of(office, one, Some(&owed), today)
        }
        None => Next {
            title: format!("{}还差：名册", short(next_month)),
            amount: None,
            note: overdue(office, &employer)
                .await?
                .say("把工资表里的名单拖进来，我们替您核对，错在哪一格都会说清楚。"),
            button: Some(Button::go(
                format!("交{}名册", short(next_month)),
                "/unit/roster",
            )),
            track: Track(vec![
                Step::new(When::Now, "名册", "等您交"),
                Step::new(When::Expected, "核对", ""),
                Step::new(When::Expected, "付款", ""),
                Step::new(When::Expected, "分配到个人", ""),
            ]),
        },
    };
    frame.head.title = next.title.clone();
    let mut months: Vec<(String, String, bool)> = live
        .iter()
        .map(|one| {
            let here = shown.is_some_and(|shown| shown.remittance_id == one.remittance_id);
            (one.month().to_string(), one.month().chinese(), here)
        })
        .collect();
    if open.is_none() && employer.state != employer::state::CANCELLED {
        months.insert(
            0,
            (
                next_month.to_string(),
                next_month.chinese(),
                shown.is_none(),
            ),
        );
    }
    let compared = shown.or_else(|| live.first().copied());
    let difference = match compared {
        Some(one) => match one.roster_id {
            Some(roster_id) => {
                let roster = upload::require(office, roster_id).await?;
                difference(one.month(), &roster)
            }
            None => None,
        },
        None => None,
    };
    let done: Vec<&Remittance> = live
        .iter()
        .filter(|one| one.state == state::ALLOCATED)
        .take(6)
        .copied()
        .collect();
    let mut todo = notices::todo(office, employer.employer_id).await?;
    todo.extend(transfer::todo(office, employer.employer_id).await?);
    todo.extend(arrangement::todo(office, employer.employer_id).await?);
    let beside = waiting::beside(office, employer.employer_id).await?;
    todo.extend(waiting::rows(office, &beside).await?);
    Ok(HomePage {
        frame,
        employer: employer.name.clone(),
        employer_no: office
            .numbers
            .encode(NumberKind::Employer, employer.employer_id),
        months,
        flash: pay::suspense(office, &employer).await?,
        next,
        todo_count: todo.len(),
        todo: Rows::new(todo),
        past: months_table(office, &done, &HashMap::new())
            .empty("还没有缴过。交了第一份名册、付了款，这里会有第一个月。"),
        difference_title: compared.map_or_else(
            || "和上月比".to_owned(),
            |one| format!("{}和上月比", short(one.month())),
        ),
        difference,
        offers_debit: !debit::is_signed(office, employer.employer_id).await?,
        note: spent(office, employer.employer_id).await?,
    })
}

/// Nothing is missing any more: the account was closed, or went over to another employer.
async fn ended(office: &Office, one: &Employer) -> Result<Next, PageError> {
    let note = match merging::merged_into(office, one.employer_id).await? {
        Some(into) => format!(
            "已并入“{into}”：职工、暂存款和欠缴都已转过去，以后由它缴存。以前的清册和证明仍可以在这里查看。"
        ),
        None => "以前的清册和证明仍可以在这里查看。".to_owned(),
    };
    Ok(Next {
        title: "单位账户已销户".to_owned(),
        amount: None,
        note: note.into(),
        button: None,
        track: Track(Vec::new()),
    })
}

/// What contributing has cost this employer this year, from its own cases, and how it is counted. Nothing is said before there is anything.
async fn spent(office: &anju_casework::Office, employer_id: i64) -> Result<Text, PageError> {
    let (seconds, payments) = environment::of_employer(office, employer_id).await?;
    // Tenths of an hour, as the environment's figures have them; so little that they say nothing stands in minutes.
    let tenths = (seconds + 180) / 360;
    let time = match (tenths, seconds) {
        (0, 0) => String::new(),
        (0, _) => format!("一共用了 {} 分钟，", (seconds + 59) / 60),
        _ => format!("一共用了 {}.{} 小时，", tenths / 10, tenths % 10),
    };
    if time.is_empty() && payments == 0 {
        return Ok(Text::new());
    }
    Ok(Text::new().say(format!(
        "今年办理公积金业务，您的经办人在这些网页上{time}付款 {payments} 次。时间从登录算到提交，停顿超过 10 分钟的不计；只用来看我们的手续是不是够简单。"
    )))
}

/// 已逾期: which months are due and unpaid, with the way to their page.
async fn overdue(office: &Office, employer: &Employer) -> Result<Text, PageError> {
    let mut conn = office.pool.acquire().await?;
    let months = arrears::months_of(office, &mut conn, employer).await?;
    let Some(first) = months.first() else {
        return Ok(Text::new());
    };
    let days = (office.today() - first.due_on).num_days();
    Ok(Text::new()
        .strong(format!("已逾期 {days} 天"))
        .say(format!("，{} 个月到期没有缴。", months.len()))
        .link("/unit/notices", "看欠缴的月份")
        .say("。"))
}

fn step_of(
    office: &anju_casework::Office,
    one: &Remittance,
    owed: Option<&pay::Owed>,
    today: NaiveDate,
) -> Next {
    // Months that wait together are paid together.
    let month = owed.map_or_else(|| short(one.month()), pay::Owed::months);
    let one = owed.map_or(one, |owed| &owed.first);
    let people = format!("{} 人", one.people);
    let missing = owed.map_or(Fen::ZERO, |owed| owed.missing);
    let here = number(office, one);
    if one.state == state::ALLOCATED {
        return Next {
            title: format!("{month}办好了"),
            amount: Some(Fen::new(one.amount_fen)),
            note: format!("{people}，都已分配到个人。").into(),
            button: None,
            track: Track(vec![
                Step::new(When::Done, "名册", people),
                Step::new(When::Done, "核对", "没有错"),
                Step::new(When::Done, "付款", "已到账"),
                Step::new(
                    When::Done,
                    "分配到个人",
                    one.allocation_ms.map_or_else(Text::new, |ms| {
                        format!("用时{}", when::took(ms.into())).into()
                    }),
                ),
            ]),
        };
    }
    if one.state == state::AWAITING && (one.collecting || one.collect_on.is_some()) {
        return Next {
            title: format!("{month}从签约账户扣款"),
            amount: Some(missing),
            note: match one.collect_on {
                Some(day) => Text::new()
                    .say(&people)
                    .say("，名册已核对。")
                    .strong(when::day(day, today))
                    .say("扣款，不用转账。"),
                None => Text::new().say(&people).say("，正在扣款，扣到马上分配。"),
            },
            button: Some(Button::link("看扣款", ButtonLook::Plain, "/unit/pay")),
            track: Track(vec![
                Step::new(When::Done, "名册", people),
                Step::new(
                    When::Done,
                    "核对",
                    format!("{}登记", when::minute(one.registered_at, office.now())),
                ),
                Step::new(When::Now, "扣款", "委托收款"),
                Step::new(When::Expected, "分配到个人", "扣到后马上"),
            ]),
        };
    }
    let days = (one.due_on - today).num_days();
    let left = match days {
        ..0 => format!("，已经过了 {} 天", -days),
        0 => String::new(),
        _ => format!("，还有 {days} 天"),
    };
    let part = one.state == state::PART_RECEIVED;
    Next {
        title: if part {
            format!("{month}还差 {missing} 元")
        } else {
            format!("{month}还差一步：付款")
        },
        amount: Some(missing),
        note: Text::new()
            .say(&people)
            .say("，名册已核对。最迟")
            .strong(when::until(one.due_on, office.now()))
            .say("前到账")
            .say(left)
            .say("。")
            .join(match days {
                ..0 => Text::new().link("/unit/notices", "看欠缴的月份"),
                _ => Text::new(),
            }),
        button: Some(Button::go(
            Text::new().say("付 ").money(missing),
            "/unit/pay",
        )),
        track: Track(vec![
            Step::new(When::Done, "名册", people),
            Step::new(
                When::Done,
                "核对",
                format!("{}登记", when::minute(one.registered_at, office.now())),
            ),
            Step::new(
                When::Now,
                "付款",
                if part {
                    Text::new().say("已到 ").money(Fen::new(one.received_fen))
                } else {
                    "等您付款".into()
                },
            ),
            Step::new(
                When::Expected,
                "分配到个人",
                Text::new()
                    .say("到账后马上，")
                    .link(format!("/unit/arrivals/{here}"), "看到账"),
            ),
        ]),
    }
}

/// The lists of an employer; of those with names of their own by these.
pub(crate) fn months_table(
    office: &anju_casework::Office,
    done: &[&Remittance],
    names: &HashMap<i64, String>,
) -> Table {
    let now = office.now();
    Table::new(
        "months",
        "各月汇缴，单位：元",
        vec![
            Column::words("月份"),
            Column::figures("人数"),
            Column::figures("金额（元）"),
            Column::words("状态"),
            Column::words("分配完成"),
            Column::words("用时"),
        ],
        done.iter()
            .map(|one| {
                Line::new(vec![
                    Cell::new(
                        names
                            .get(&one.remittance_id)
                            .cloned()
                            .unwrap_or_else(|| what(one)),
                    )
                    .link(format!("/unit/arrivals/{}", number(office, one))),
                    Cell::new(one.people.to_string()),
                    Cell::amount(Fen::new(one.amount_fen)),
                    Cell::state(&state_of(one)),
                    one.allocated_at
                        .map_or_else(Cell::none, |at| Cell::digits(when::second(at, now))),
                    one.allocation_ms
                        .map_or_else(Cell::none, |ms| Cell::new(when::took(ms.into()))),
                ])
            })
            .collect(),
    )
    .cards()
}

/// What is paid: 2026年11月, or 补缴（至2026年8月）.
pub(crate) fn what(one: &Remittance) -> String {
    let month = one.month().chinese();
    if one.kind == kind::MONTHLY {
        month
    } else if one.kind == kind::SUBSIDY {
        format!("住房补贴 {month}")
    } else {
        format!("补缴（至{month}）")
    }
}

pub(crate) fn state_of(one: &Remittance) -> Shown {
    match one.state {
        state::AWAITING if one.collecting => Shown::wait("托收中"),
        state::AWAITING if one.collect_on.is_some() => Shown::wait("等扣款日"),
        state::AWAITING => Shown::wait("等您付款"),
        state::PART_RECEIVED => Shown::wait("部分到账").with_icon("alert"),
        state::ALLOCATED => Shown::pass("已分配"),
        state::CANCELLED => Shown::idle("已撤销"),
        state::REVERSED => Shown::idle("已冲正"),
        _ => Shown::idle("已失效"),
    }
}

/// What a month costs: against the month before; in the first month the sum alone.
pub(crate) fn due(month: Month, roster: &upload::Roster, people: i32, amount: Fen) -> Formula {
    difference(month, roster).unwrap_or_else(|| Formula {
        caption: "应付金额".into(),
        lines: vec![FormulaLine::used(
            Text::new()
                .say(short(month))
                .say(" ")
                .hint(format!("{people} 人")),
            amount,
        )],
    })
}

/// People of a kind of change that the sum names; of more it says how many.
const NAMED: usize = 5;

/// 和上月比: from the equation and the differences that were kept with the list.
fn difference(month: Month, roster: &upload::Roster) -> Option<Formula> {
    let number = |name: &str| {
        let figure = roster.equation.get(name);
        figure.and_then(Value::as_i64).unwrap_or(0)
    };
    let people_before = number("people_before");
    if people_before == 0 {
        return None;
    }
    let mut lines = vec![FormulaLine::new(
        Text::new()
            .say(short(month.plus(-1)))
            .say(" ")
            .hint(format!("{people_before} 人")),
        Fen::new(number("amount_before_fen")),
    )];
    let mut group = |kinds: &[&str], title: String, amount: i64| {
        if amount == 0 {
            return;
        }
        lines.push(FormulaLine::change(title, Fen::new(amount)));
        let people: Vec<&Value> = roster
            .differences
            .as_array()
            .into_iter()
            .flatten()
            .filter(|one| {
                one.get("kind")
                    .and_then(Value::as_str)
                    .is_some_and(|kind| kinds.contains(&kind))
            })
            .collect();
        for one in people.iter().take(NAMED) {
            let fen = |name: &str| one.get(name).and_then(Value::as_i64).unwrap_or(0);
            let name = one.get("name_masked").and_then(Value::as_str).unwrap_or("");
            lines.push(
                FormulaLine::change(name, Fen::new(fen("after_fen") - fen("before_fen"))).part(),
            );
        }
        let rest: i64 = people
            .iter()
            .skip(NAMED)
            .map(|one| {
                let fen = |name: &str| one.get(name).and_then(Value::as_i64).unwrap_or(0);
                fen("after_fen") - fen("before_fen")
            })
            .sum();
        if people.len() > NAMED {
            let title = format!("另外 {} 人", people.len() - NAMED);
            lines.push(FormulaLine::change(title, Fen::new(rest)).part());
        }
    };
    group(
        &["added", "unsealed"],
        format!("新增、启封 {} 人", number("people_added")),
        number("amount_added_fen"),
    );
    group(
        &["sealed"],
        format!("封存 {} 人", number("people_removed")),
        -number("amount_removed_fen"),
    );
    group(
        &["base", "ratio", "policy"],
        "基数、比例调整".to_owned(),
        number("amount_adjusted_fen"),
    );
    lines.push(FormulaLine::used(
        Text::new()
            .say(short(month))
            .say(" ")
            .hint(format!("{} 人", number("people_after"))),
        Fen::new(number("amount_after_fen")),
    ));
    Some(Formula {
        caption: "本月与上月的差额".into(),
        lines,
    })
}
