//! 付款 and 到账: where to pay and what to write, then what came in and whom it reached.

use anju_business::contribution::remittance::{self, Remittance, kind, state};
use anju_business::contribution::{collection, people, proof, receipt, suspense_refund, upload};
use anju_casework::Office;
use anju_casework::employer::Employer;
use anju_domain::money::Fen;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use futures::{Stream, StreamExt, stream};
use serde::Deserialize;
use std::time::Duration;

use crate::authorization::AtUnit;
use crate::components::{
    Cell, Column, Event, Flash, Formula, FormulaLine, Line, Promise, Row, Rows, Summary,
    SummaryRow, Table, Text, Timeline, Tone, When,
};
use crate::download::plain;
use crate::frame::UnitTab;
use crate::pages::error::PageError;
use crate::pages::unit::{ArrivalPage, ArrivalsPage, Cancel, PayPage};
use crate::proofs;
use crate::security::Visit;
use crate::serve::Portal;
use crate::service::live;
use crate::unit::debit;
use crate::unit::home::{due, months_table, short, state_of};
use crate::unit::{framed, number, own_remittance, waiting};
use crate::when;

/// People shown on a page of an arrival.
const PEOPLE: i64 = 200;

/// What `/unit/pay` may be asked: a back payment by its number, else the month that waits.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    list: Option<String>,
}

/// `GET /unit/pay?list=`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Query(wanted): Query<Wanted>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let (mut frame, employer) = framed(office, &visit, &at, "付款", UnitTab::Pay).await?;
    let one = match &wanted.list {
        Some(no) => Some(own_remittance(office, &at, no).await?).filter(Remittance::is_open),
        None => {
            let mut conn = office.pool.acquire().await?;
            remittance::open_of(office, &mut conn, employer.employer_id).await?
        }
    };
    // Without a month that waits, what waits beside the months is what is to be paid.
    let mut beside = waiting::beside(office, employer.employer_id).await?;
    let one = match one {
        None if wanted.list.is_none() => beside.first().cloned(),
        one => one,
    };
    let Some(one) = one else {
        return Ok(Redirect::to("/unit").into_response());
    };
    let owed = owed(office, &employer, one).await?;
    let one = owed.first.clone();
    let bank = office.bank(&one.bank)?;
    let roster = match one.roster_id {
        Some(roster_id) => Some(upload::require(office, roster_id).await?),
        None => None,
    };
    let missing = owed.missing;
    let mut others = Vec::new();
    let list = if one.kind == kind::MONTHLY {
        format!("{}汇缴", owed.months())
    } else {
        beside.retain(|other| other.remittance_id != one.remittance_id);
        let months = remittance::months_waiting(office, employer.employer_id).await?;
        others.extend(months.first().map(|month| {
            Row::to("/unit/pay", format!("{}汇缴", short(month.month()))).sign(&state_of(month))
        }));
        waiting::name(office, &one).await?
    };
    others.extend(waiting::rows(office, &beside).await?);
    frame.head.title = format!("{list}付款");
    let grouped = bank
        .account_no
        .as_bytes()
        .chunks(4)
        .map(|four| String::from_utf8_lossy(four).into_owned())
        .collect::<Vec<_>>()
        .join(" ");
    let collected = debit::of_list(office, &one).await?;
    let page = PayPage {
        frame,
        what: format!("{} · {list}", employer.name).into(),
        amount: missing,
        note: Text::new()
            .say(format!(
                "{} 人 · {}已核对 · ",
                one.people,
                when::minute(one.registered_at, office.now())
            ))
            .join(if one.kind == kind::MONTHLY {
                Text::new().link("/unit", "看名册和差额")
            } else {
                let here = format!("/unit/arrivals/{}", number(office, &one));
                Text::new().link(here, "看每个人每个月补多少")
            }),
        flash: (one.state == state::PART_RECEIVED && owed.lists.len() == 1)
            .then(|| {
                Flash::new(
                    Tone::Wait,
                    Text::new()
                        .say("收到 ")
                        .money(Fen::new(one.received_fen))
                        .say("，比应缴少 ")
                        .money(missing)
                        .say("。补齐后马上分配，附言仍写 ")
                        .num(&one.reference)
                        .say("。"),
                )
            })
            .or(collected),
        account: Summary::new(vec![
            SummaryRow::new("收款户名", bank.holder.as_str()).copy(bank.holder.as_str()),
            SummaryRow::new(
                format!("收款账号（{}）", bank.bank_name),
                Text::new().num(grouped),
            )
            .copy(bank.account_no.as_str()),
            SummaryRow::new("附言，写缴款码", Text::new().num(&one.reference))
                .copy(one.reference.as_str())
                .source("一字不差，我们凭它马上对上"),
            SummaryRow::new("金额", Text::new().money(missing))
                .source("多付或少付都不会丢：我们先记在您单位名下，再告诉您差多少")
                .copy(plain(missing)),
        ])
        .boxed(),
        after: {
            let words = Text::new()
                .say("最迟")
                .time(when::until(one.due_on, office.now()))
                .say(format!(
                    "前到账{}。到账后马上分配到 {} 人，不用您通知。",
                    match (office.today() - one.due_on).num_days() {
                        late @ 1.. => format!("，已经过了 {late} 天，请尽快付"),
                        _ => String::new(),
                    },
                    one.people
                ));
            match owed.lists.len() {
                1 => words,
                months => words.say(format!(
                    "{months} 个月一笔付清，只写这一个缴款码；少付的，先分配前面的月份。"
                )),
            }
            .join(debit::offer(office, at.employer_id).await?)
        },
        watch: format!("/unit/arrivals/{}", number(office, &one)),
        formula: formula(&owed, roster.as_ref(), &list),
        others: Rows::new(others),
        steps: Timeline(vec![
            Event::new(When::Now, "您付款", "从任何银行转，没有手续费"),
            Event::new(When::Expected, "到账", "按缴款码对上，不用您通知"),
            Event::new(
                When::Expected,
                format!("分配到 {} 人", one.people),
                "到账后马上",
            ),
        ]),
    };
    Ok(page.into_response())
}

/// What an employer still has to pay for a list, or for all months that wait together.
pub(super) struct Owed {
    /// The list whose pay code is written: of months the first.
    pub(super) first: Remittance,
    /// It and the months after it that wait as well.
    pub(super) lists: Vec<Remittance>,
    /// Of the employer's suspense, what they take.
    pub(super) from_suspense: Fen,
    /// What has to come.
    pub(super) missing: Fen,
}

impl Owed {
    /// 11月, or 11月至次年2月's `11月至2月`.
    pub(super) fn months(&self) -> String {
        let first = short(self.first.month());
        match self.lists.last() {
            Some(last) if self.lists.len() > 1 => format!("{first}至{}", short(last.month())),
            _ => first,
        }
    }
}

/// What is missing for a list after what it has received and what stands in the employer's suspense for nobody else. What is collected by debit
/// is collected whole.
pub(super) async fn owed(
    office: &Office,
    employer: &Employer,
    one: Remittance,
) -> Result<Owed, PageError> {
    let lists = match one.kind {
        kind::MONTHLY => remittance::months_waiting(office, employer.employer_id).await?,
        _ => Vec::new(),
    };
    let lists = if lists.is_empty() { vec![one] } else { lists };
    let first = lists[0].clone();
    let due: i64 = lists
        .iter()
        .map(|list| list.amount_fen - list.received_fen)
        .sum();
    let free = match first.kind {
        kind::MONTHLY | kind::SUPPLEMENT if !first.by_debit() => {
            suspense_refund::free(office, employer).await?
        }
        _ => Fen::ZERO,
    };
    // Money that covers it and still did not pay it waits for another list: then this one needs its own.
    let from_suspense = if free.fen() < due { free } else { Fen::ZERO };
    Ok(Owed {
        missing: Fen::new(due) - from_suspense,
        from_suspense,
        first,
        lists,
    })
}

/// 单位暂存款, where there is any that no list has received.
pub(super) async fn suspense(
    office: &Office,
    employer: &Employer,
) -> Result<Option<Flash>, PageError> {
    let free = suspense_refund::free(office, employer).await?;
    if free > Fen::ZERO && suspense_refund::is_asked_back(office, employer.employer_id).await? {
        let words = Text::new()
            .say("单位暂存款 ")
            .money(free)
            .say("：退款申请正在办。");
        return Ok(Some(
            Flash::new(Tone::Idle, words).next("看办到哪里", "/unit/cases"),
        ));
    }
    Ok((free > Fen::ZERO).then(|| {
        Flash::new(
            Tone::Pass,
            Text::new()
                .say("单位暂存款 ")
                .money(free)
                .say("：下次汇缴自动抵扣，不用再付这么多。"),
        )
        .next("申请退回", "/unit/do/employer-suspense-refund")
    }))
}

fn formula(owed: &Owed, roster: Option<&upload::Roster>, name: &str) -> Formula {
    let one = &owed.first;
    let amount = Fen::new(one.amount_fen);
    let mut formula = match roster {
        Some(roster) => due(one.month(), roster, one.people, amount),
        None => Formula {
            caption: "应付金额".into(),
            lines: vec![FormulaLine::used(
                Text::new().say(name).hint(format!(" {} 人", one.people)),
                amount,
            )],
        },
    };
    for later in &owed.lists[1..] {
        let title = Text::new()
            .say(short(later.month()))
            .hint(format!(" {} 人，同一份名册", later.people));
        formula
            .lines
            .push(FormulaLine::change(title, Fen::new(later.amount_fen)));
    }
    if one.received_fen > 0 {
        formula
            .lines
            .push(FormulaLine::change("已到账", Fen::new(-one.received_fen)));
    }
    if owed.from_suspense > Fen::ZERO {
        formula.lines.push(FormulaLine::change(
            "单位暂存款抵扣",
            Fen::ZERO - owed.from_suspense,
        ));
    }
    if owed.missing != amount {
        formula
            .lines
            .push(FormulaLine::used("还要付", owed.missing));
    }
    formula
}

/// `GET /unit/arrivals`.
pub(crate) async fn arrivals(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
) -> Result<ArrivalsPage, PageError> {
    let office = &portal.engine.office;
    let (frame, employer) = framed(office, &visit, &at, "到账与分配", UnitTab::Arrivals).await?;
    let all = remittance::of_employer(office, employer.employer_id, None, 60).await?;
    let shown: Vec<&Remittance> = all.iter().collect();
    Ok(ArrivalsPage {
        frame,
        flash: suspense(office, &employer).await?,
        table: months_table(office, &shown, &waiting::named(office, &shown).await?)
            .empty("还没有汇缴。交了第一份名册、付了款，这里会有第一个月。"),
    })
}

/// `GET /unit/arrivals/{remittance}`.
pub(crate) async fn arrival(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtUnit,
    Path(no): Path<String>,
) -> Result<ArrivalPage, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let one = own_remittance(office, &at, &no).await?;
    let title = if one.kind == kind::MONTHLY {
        format!("{}汇缴", one.month().chinese())
    } else {
        waiting::name(office, &one).await?
    };
    let how = if one.kind == kind::MONTHLY {
        "/unit/pay".to_owned()
    } else {
        format!("/unit/pay?list={no}")
    };
    let (frame, _) = framed(office, &visit, &at, &title, UnitTab::Arrivals).await?;
    let amount = Fen::new(one.amount_fen);
    let missing = Fen::new(one.amount_fen - one.received_fen);
    let (headline, note) = match one.state {
        state::ALLOCATED => (
            Text::new()
                .money(Fen::new(one.allocated_fen))
                .say(format!("已分配给 {} 人", one.people))
                .say(
                    one.allocation_ms
                        .map_or_else(String::new, |ms| format!("，用时{}", when::took(ms.into()))),
                ),
            Text::from("每位职工从自己的账户里就能看到。"),
        ),
        state::PART_RECEIVED => (
            Text::new()
                .say("收到 ")
                .money(Fen::new(one.received_fen))
                .say("，比应缴少 ")
                .money(missing),
            Text::new()
                .say("补齐后马上分配，附言仍写 ")
                .num(&one.reference)
                .say("。")
                .link(&how, "去付款"),
        ),
        state::AWAITING => (
            Text::new()
                .say("等 ")
                .money(amount)
                .say(" 到账，最迟")
                .time(when::until(one.due_on, now)),
            Text::new()
                .say("可以关闭本页。到账后马上分配。")
                .link(&how, "怎么付"),
        ),
        state::CANCELLED if one.received_fen > 0 => (
            "这份名册已经撤销".into(),
            Text::new()
                .say("到账的 ")
                .money(Fen::new(one.received_fen))
                .say(" 元留在单位暂存款。改好名册重新登记，暂存款够付就马上分配。"),
        ),
        _ => (
            "这份名册没有付款，已经作废".into(),
            "要缴这个月，请重新交名册。".into(),
        ),
    };
    let mut happened = vec![Event::new(
        When::Done,
        "登记",
        when::second(one.registered_at, now),
    )];
    let orders = collection::of_remittance(office, one.remittance_id).await?;
    happened.extend(debit::events(office, &orders));
    let is_second = |came: &receipt::Receipt| {
        came.state == receipt::receipt_state::SUSPENSE
            && orders
                .iter()
                .any(|order| order.bank_ref.as_ref() == Some(&came.serial))
    };
    for came in receipt::of_employer(office, one.employer_id, 50)
        .await?
        .iter()
        .rev()
        .filter(|came| came.remittance_id == Some(one.remittance_id) || is_second(came))
    {
        happened.push(Event::new(
            When::Done,
            Text::new().say("到账 ").money(Fen::new(came.amount_fen)),
            when::second(came.received_at, now),
        ));
        if is_second(came) {
            happened.push(Event::new(When::Now, came.reason.as_str(), ""));
        }
    }
    match one.allocated_at {
        Some(allocated_at) => happened.push(Event::new(
            When::Done,
            format!("分配到 {} 人", one.people),
            when::second(allocated_at, now),
        )),
        None => happened.push(Event::new(
            When::Expected,
            format!("分配到 {} 人", one.people),
            "到账后马上",
        )),
    }
    let reached = people::of_remittance(office, one.remittance_id, 0, PEOPLE).await?;
    let moving = one.is_open();
    // A back payment has a line for each month of a person.
    let of_months = one.kind != kind::MONTHLY;
    Ok(ArrivalPage {
        frame,
        title,
        promise: Promise {
            state: state_of(&one),
            headline,
            note,
        },
        cancel: (moving && one.kind != kind::FLEXIBLE && !one.collecting).then(|| Cancel {
            action: format!("/unit/arrivals/{no}/cancel"),
            token: visit.head("").hidden(),
            words: if one.received_fen > 0 {
                "名册报多了可以撤销重报：到账的钱留在单位暂存款，用来付改好的名册。"
            } else {
                "还没有到账，可以撤销这份名册，改好再登记。职工的增减和基数不会退回。"
            },
        }),
        live: moving.then(|| format!("/unit/arrivals/{no}/live?seen={}", one.received_fen)),
        due: amount,
        received: Fen::new(one.received_fen),
        allocated: Fen::new(one.allocated_fen),
        timeline: Timeline(happened),
        people: (!reached.is_empty()).then(|| {
            Table::new(
                "people",
                if (reached.len() as i64) < PEOPLE {
                    "名单，单位：元".to_owned()
                } else {
                    format!(
                        "名单的前 {PEOPLE} {}，单位：元",
                        if of_months { "行" } else { "人" }
                    )
                },
                [Column::words("姓名")]
                    .into_iter()
                    .chain(of_months.then(|| Column::words("月份")))
                    .chain([
                        Column::figures("基数（元）"),
                        Column::figures("单位（元）"),
                        Column::figures("个人（元）"),
                        Column::figures("合计（元）"),
                    ])
                    .collect(),
                reached
                    .iter()
                    .map(|line| {
                        let month = || Cell::new(line.month.chinese());
                        Line::new(
                            [Cell::new(line.name_masked.as_str())]
                                .into_iter()
                                .chain(of_months.then(month))
                                .chain([
                                    Cell::amount(line.base),
                                    Cell::amount(line.employer),
                                    Cell::amount(line.employee),
                                    Cell::amount(line.employer + line.employee),
                                ])
                                .collect(),
                        )
                    })
                    .collect(),
            )
            .cards()
        }),
        proof: one
            .allocated_at
            .map(|_| format!("/unit/arrivals/{no}/proof.json")),
    })
}

/// `GET /unit/arrivals/{remittance}/proof.json`.
pub(crate) async fn proof(
    State(portal): State<Portal>,
    at: AtUnit,
    Path(no): Path<String>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let one = own_remittance(office, &at, &no).await?;
    proofs::file(&no, proof::proof(office, one.remittance_id, None).await?)
}

/// What the page shows as received, fen: what came while it was on its way is told at once.
#[derive(serde::Deserialize)]
pub(crate) struct Seen {
    seen: i64,
}

/// `GET /unit/arrivals/{remittance}/live?seen=`.
pub(crate) async fn live(
    State(portal): State<Portal>,
    at: AtUnit,
    Path(no): Path<String>,
    Query(query): Query<Seen>,
) -> Result<impl IntoResponse, PageError> {
    let office = portal.engine.office.clone();
    let one = own_remittance(&office, &at, &no).await?;
    Ok(live::events(moves(office, one.remittance_id, query.seen)))
}

const STREAM: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_secs(1);

fn moves(
    office: anju_casework::Office,
    remittance_id: i64,
    seen: i64,
) -> impl Stream<Item = live::Move> + Send {
    let until = tokio::time::Instant::now() + STREAM;
    stream::unfold(
        (office, seen, false),
        move |(office, seen, ended)| async move {
            if ended {
                return None;
            }
            loop {
                let now = remittance::require(&office, remittance_id).await.ok()?;
                let over = !now.is_open();
                if now.received_fen != seen || over {
                    let step = if over {
                        live::Move::Ended
                    } else {
                        live::Move::Moved
                    };
                    return Some((step, (office, now.received_fen, over)));
                }
                if tokio::time::Instant::now() >= until {
                    return None;
                }
                tokio::time::sleep(POLL).await;
            }
        },
    )
    .boxed()
}

/// `POST /unit/arrivals/{no}/cancel`.
pub(crate) async fn cancel(
    State(portal): State<Portal>,
    at: AtUnit,
    Path(no): Path<String>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let one = own_remittance(office, &at, &no).await?;
    remittance::cancel(office, one.remittance_id, at.actor()).await?;
    Ok(Redirect::to(&format!("/unit/arrivals/{no}")).into_response())
}
