//! 日结: the match of every bank, what must be true, and the two hands.

use anju_business::books::day_close::{self, Check, INVARIANTS, Signature, THREE_WAY};
use anju_business::books::day_match::{self, BankMatch};
use anju_business::books::day_proof;
use anju_casework::{Error, Office};
use anju_domain::calendar::chinese_day;
use anju_domain::money::Fen;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::NaiveDate;
use serde::Deserialize;

use crate::authorization::{AtDesk, may};
use crate::components::{
    Button, Cell, Column, Event, Flash, Hand, Hands, Line, State as Shown, Table, Text, Timeline,
    Tone, When,
};
use crate::desk::{bank_name, framed_on, staff_name, staff_named};
use crate::pages::desk::DayClosePage;
use crate::pages::error::PageError;
use crate::proofs;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

#[derive(Deserialize)]
pub(crate) struct Closed {
    /// The day that was closed a moment ago.
    closed: Option<NaiveDate>,
}

/// `GET /desk/books/close`.
pub(crate) async fn close(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Query(Closed { closed }): Query<Closed>,
) -> Result<DayClosePage, PageError> {
    let office = &portal.engine.office;
    let open = day_close::open_date(office).await?;
    let flash = match closed.filter(|day| *day < open) {
        Some(day) => Some(Flash::new(
            Tone::Pass,
            Text::new()
                .say(format!(
                    "{}已日结，现在记账的是{}。",
                    chinese_day(day),
                    chinese_day(open)
                ))
                .link(
                    format!("/desk/books/close/{day}/proof.json"),
                    "下载这一天的存证",
                ),
        )),
        // Books know business days, people know their calendar.
        None if open == office.today() => Some(Flash::new(
            Tone::Wait,
            "今天还没有过完。现在日结，今天再办的都记在下一个营业日，职工看到的也是那一天的日期；一般在营业结束后日结。",
        )),
        None => None,
    };
    draw(&portal, &visit, &at, flash).await
}

/// `GET /desk/books/close/{date}/proof.json`: a day that was closed.
pub(crate) async fn proof(
    State(portal): State<Portal>,
    Path(date): Path<String>,
) -> Result<Response, PageError> {
    let day: NaiveDate = date.parse().map_err(|_| PageError::NotFound)?;
    proofs::file(
        &date,
        day_proof::proof(&portal.engine.office, day, None).await?,
    )
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    flash: Option<Flash>,
) -> Result<DayClosePage, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let open = day_close::open_date(office).await?;
    let matches = day_match::of_day(office, open).await?;
    let checks = day_close::at_a_glance(office, &matches).await?;
    let proposed = day_close::signature(office, open)
        .await?
        .filter(|signature| signature.state == 1);
    let frame = framed_on(office, visit, at, "日结", "/desk/books/close", open).await?;
    let agrees = !matches.is_empty() && matches.iter().all(BankMatch::agrees);
    let day = chinese_day(open);
    let matched_at = matches.iter().map(|one| one.matched_at).max();
    let open_lines: Vec<Line> = matches
        .iter()
        .flat_map(|one| one.differences.0.iter().map(move |line| (one, line)))
        .map(|(one, line)| {
            Line::new(vec![
                Cell::new(bank_name(office, &one.bank)),
                Cell::new(line.kind.as_str()),
                Cell::digits(line.reference.as_str()),
                Cell::digits(when::iso(line.date)),
                Cell::amount(Fen::new(line.amount_fen)),
                Cell::state(&if line.explained {
                    Shown::wait("在途")
                } else {
                    Shown::fail("对不上").with_icon("alert")
                }),
            ])
        })
        .collect();
    let bank_lines = matches
        .iter()
        .map(|one| {
            let book = Fen::new(one.book_fen);
            let bank = one.bank_fen.map(Fen::new);
            let transit = Fen::new(one.in_transit_in_fen - one.in_transit_out_fen);
            Line::new(vec![
                Cell::new(bank_name(office, &one.bank)),
                Cell::amount(book),
                bank.map_or_else(Cell::unverified, Cell::amount),
                Cell::amount(transit),
                Cell::new(format!("{} 笔", one.differences.0.len())),
                Cell::state(&match (bank, one.agrees()) {
                    (None, _) => Shown::unknown("没有对账单"),
                    (_, true) => Shown::pass("相符"),
                    (_, false) => Shown::fail("不符").with_icon("alert"),
                }),
            ])
        })
        .collect();
    let steps = steps_of(&checks, proposed.is_some());
    Ok(DayClosePage {
        hands: hands(office, at, open, proposed.as_ref(), frame.head.hidden()).await?,
        frame,
        day: format!("{day}，{}", when::weekday(open)),
        tags: if matches.is_empty() {
            vec![Shown::unknown("还没有对账").tag()]
        } else {
            vec![
                if agrees {
                    Shown::pass("账银相符").tag()
                } else {
                    Shown::fail("有对不上的").with_icon("alert").tag()
                },
                if proposed.is_some() {
                    Shown::pass("可以日结").tag()
                } else if checks.iter().all(|check| check.passed) {
                    Shown::pass("可以提出日结").tag()
                } else {
                    Shown::wait("还不能日结").with_icon("alert").tag()
                },
            ]
        },
        flash,
        match_title: if matches.is_empty() {
            "办件、账、银行，还没有逐笔核对".into()
        } else if open_lines.is_empty() {
            "办件、账、银行，逐笔都对上".into()
        } else {
            format!("逐笔核对，{} 笔只在一边", open_lines.len())
        },
        match_note: matched_at.map_or_else(
            || "提出日结时向银行取对账单".into(),
            |at| Text::from(format!("{}核对", when::second(at, now))),
        ),
        matches: Table::new(
            "match",
            "只在一边的流水，单位：元",
            vec![
                Column::words("银行"),
                Column::words("情况"),
                Column::words("流水"),
                Column::words("日期"),
                Column::figures("金额（元）"),
                Column::words("结果"),
            ],
            open_lines,
        )
        .dense(" queue")
        .empty(if matches.is_empty() {
            "核对后列出只在一边的流水。"
        } else {
            "没有只在一边的流水。"
        }),
        bank_title: format!("{} 家银行，账上余额与银行余额", office.banks.len()),
        bank_note: Text::new(),
        banks: Table::new(
            "banks",
            "银行余额核对，单位：元",
            vec![
                Column::words("银行"),
                Column::figures("账上余额（元）"),
                Column::figures("银行余额（元）"),
                Column::figures("在途净额（元）"),
                Column::words("只在一边"),
                Column::words("结果"),
            ],
            bank_lines,
        )
        .empty("还没有取对账单。"),
        note: "日结后这一天不能再记账，只能冲正到以后的日子。".into(),
        steps_title: format!(
            "核对 {} 项，{} 项通过",
            steps.len(),
            steps.iter().filter(|step| step.when == When::Done).count()
        ),
        steps: Timeline(steps),
    })
}

/// One line for each thing that must be true; of several checks of one name those that fail are told. What reads all books is done
/// by whoever proposes, not by whoever looks.
fn steps_of(checks: &[Check], proposed: bool) -> Vec<Event> {
    let mut names: Vec<&str> = Vec::new();
    for check in checks {
        if !names.contains(&check.name) {
            names.push(check.name);
        }
    }
    let mut steps = Vec::new();
    if !names.contains(&THREE_WAY) {
        let how = "提出日结时向每家银行取对账单";
        steps.push(Event::new(When::Expected, THREE_WAY, how));
    }
    steps.extend(names.into_iter().map(|name| {
        let same: Vec<&Check> = checks.iter().filter(|check| check.name == name).collect();
        let failed: Vec<&str> = same
            .iter()
            .filter(|check| !check.passed)
            .map(|check| check.detail.as_str())
            .collect();
        match (&failed[..], &same[..]) {
            ([], [only]) => Event::new(When::Done, name, only.detail.as_str()),
            ([], all) => Event::new(When::Done, name, format!("{} 家银行都相符", all.len())),
            (failed, _) => Event::new(When::Failed, name, failed.join("；")),
        }
    }));
    steps.push(if proposed {
        let how = "余额、积数、借贷都重算过，确认时再算一遍";
        Event::new(When::Done, INVARIANTS, how)
    } else {
        let how = "提出日结时全部重算";
        Event::new(When::Expected, INVARIANTS, how)
    });
    steps
}

async fn hands(
    office: &Office,
    at: &AtDesk,
    open: NaiveDate,
    proposed: Option<&Signature>,
    token: (&'static str, String),
) -> Result<Hands, PageError> {
    let day = chinese_day(open);
    let may_propose = may(&at.staff, &Method::POST, "/desk/books/close/propose");
    let may_confirm = may(&at.staff, &Method::POST, "/desk/books/close/confirm");
    let me = staff_name(&at.staff);
    let form = |hands, action: &str, button: String| {
        let button = Button::submit(button).wide();
        Hands::asked(hands, action, token.clone(), Vec::new(), vec![button])
    };
    let awaited = |title: &str| Hand::awaited(title.to_owned(), "");
    Ok(match proposed {
        None if open > office.today() => Hands::barred(
            vec![awaited("第一人：还没有"), awaited("第二人：还没有")],
            format!("{day}还没有到，到了那天再日结。"),
        ),
        None if may_propose => form(
            vec![
                Hand::mine(
                    format!("第一人：您，{me}"),
                    "取各家银行的对账单，逐笔核对，再提出日结",
                ),
                awaited("第二人：还没有"),
            ],
            "/desk/books/close/propose",
            format!("核对并提出日结 {day}"),
        ),
        None => Hands::barred(
            vec![awaited("第一人：还没有"), awaited("第二人：还没有")],
            "日结由两位会计办理。",
        ),
        Some(signature) => {
            let maker = staff_named(office, signature.maker_id, "会计").await?;
            let first = Hand::signed(
                Text::new()
                    .say(maker)
                    .br()
                    .say(when::second(signature.made_at, office.now()))
                    .say(" · 核对了账、银行、办件"),
            );
            if signature.maker_id == at.staff.staff_id {
                Hands::barred(
                    vec![first, awaited("第二人：还没有")],
                    "您是第一人，要另一位会计确认。",
                )
            } else if may_confirm {
                form(
                    vec![
                        first,
                        Hand::mine(format!("第二人：您，{me}"), "确认时再核对一次，不符就不封"),
                    ],
                    "/desk/books/close/confirm",
                    format!("日结 {day}"),
                )
            } else {
                Hands::barred(
                    vec![first, awaited("第二人：还没有")],
                    "日结由两位会计办理。",
                )
            }
        }
    })
}

/// `POST /desk/books/close/propose`: the first hand.
pub(crate) async fn propose(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Form(_): Form<Vec<(String, String)>>,
) -> Result<Response, PageError> {
    let done = portal.engine.propose_close(&at.staff).await;
    let next = |_| "/desk/books/close".to_owned();
    answer(&portal, &visit, &at, done, next).await
}

/// `POST /desk/books/close/confirm`: the second hand.
pub(crate) async fn confirm(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Form(_): Form<Vec<(String, String)>>,
) -> Result<Response, PageError> {
    let done = portal.engine.confirm_close(&at.staff).await;
    let next = |day| format!("/desk/books/close?closed={day}");
    answer(&portal, &visit, &at, done, next).await
}

async fn answer(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    done: Result<NaiveDate, Error>,
    next: fn(NaiveDate) -> String,
) -> Result<Response, PageError> {
    match done {
        Ok(day) => Ok(Redirect::to(&next(day)).into_response()),
        Err(Error::Refused(refusal)) => {
            let flash = Flash::new(Tone::Fail, refusal.detail.as_str());
            let page = draw(portal, visit, at, Some(flash)).await?;
            Ok((StatusCode::CONFLICT, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}
