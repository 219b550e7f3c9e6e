//! 司法协助: orders of courts by state, one of them with its history, receipts and evidence; what two officers bring is entered by one and confirmed
//! by another. What comes over the court's line is done when it comes, and is shown here.

use anju_business::court::{
    self, Act, COUNTER, Instruction, Kind, Officer, Order, act_state, number, state, take,
};
use anju_casework::{Error, Office, case, person};
use anju_domain::calendar::chinese_date;
use anju_domain::money::Fen;
use anju_ledger::{AccountId, account};
use anju_paper::DecreeData;
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::{self, Path, Query};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::authorization::{AtDesk, may};
use crate::components::{
    Button, ButtonLook, Cell, Column, Event, Facts, Field, FieldKind, Flash, Hand, Hands, Line,
    Pager, State as Shown, Table, Tabs, Text, Timeline, Tone, When, last_four,
};
use crate::desk::{bank_name, framed, looked, staff_named};
use crate::download;
use crate::pages::desk::{ArrearsPage, CourtOrderPage};
use crate::pages::error::PageError;
use crate::proofs;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

pub(super) const HERE: &str = "/desk/court";
const NEW: &str = "/desk/court/new";
const PAGE: i64 = 30;

/// Word for an address, whether of orders, its number, its name.
const VIEWS: [(&str, bool, i16, &str); 9] = [
    ("effective", true, state::EFFECTIVE, "冻结中"),
    ("queued", true, state::QUEUED, "轮候"),
    ("waits", false, act_state::WAITS, "待复核"),
    ("paying", false, act_state::PAYING, "扣划付款中"),
    ("released", true, state::RELEASED, "已解除"),
    ("expired", true, state::EXPIRED, "已到期"),
    ("consumed", true, state::CONSUMED, "已扣划完"),
    ("refused", false, act_state::REFUSED, "未予办理"),
    ("failed", false, act_state::FAILED, "扣划未付成"),
];

fn state_of(order: &Order) -> Shown {
    match order.state {
        state::EFFECTIVE => Shown::pass("冻结中"),
        state::QUEUED => Shown::wait("轮候"),
        state::RELEASED => Shown::idle("已解除"),
        state::EXPIRED => Shown::idle("已到期"),
        _ => Shown::idle("已扣划完"),
    }
}

fn act_state_of(act: &Act) -> Shown {
    match act.state {
        act_state::WAITS => Shown::wait("待复核"),
        act_state::PAYING if act.pay_unknown => Shown::unknown("银行结果未明，正在查询"),
        act_state::PAYING => Shown::wait("付款中"),
        act_state::REFUSED => Shown::fail("未予办理"),
        act_state::FAILED => Shown::fail("银行没有付成"),
        act_state::RETURNED => Shown::fail("付出后被退回"),
        act_state::SENT_BACK => Shown::idle("已退回录入人"),
        _ => Shown::pass("已办"),
    }
}

#[derive(Deserialize, Default)]
pub(crate) struct View {
    state: Option<String>,
    before: Option<String>,
}

async fn named(office: &Office, person_id: Option<i64>) -> Result<String, PageError> {
    let Some(person_id) = person_id else {
        return Ok("本中心没有这个人".to_owned());
    };
    Ok(person::get(office, person_id)
        .await?
        .map_or_else(String::new, |person| person.name.masked()))
}

fn limit(order: &Order) -> Cell {
    order
        .amount_fen
        .map_or_else(|| Cell::new("全额"), |fen| Cell::amount(Fen::new(fen)))
}

/// `GET /desk/court?state=&before=`.
pub(crate) async fn list(
    extract::State(portal): extract::State<Portal>,
    visit: Visit,
    at: AtDesk,
    Query(view): Query<View>,
) -> Result<ArrearsPage, PageError> {
    let office = &portal.engine.office;
    let (code, of_orders, wanted, name) = VIEWS
        .into_iter()
        .find(|(code, ..)| view.state.as_deref() == Some(*code))
        .unwrap_or(VIEWS[0]);
    let before = view
        .before
        .as_deref()
        .and_then(|text| office.numbers.decode(NumberKind::Case, text));
    let here = format!("{HERE}?state={code}");
    let (mut lines, mut last) = (Vec::new(), None);
    if of_orders {
        for order in court::list(office, wanted, before, PAGE).await? {
            last = Some(order.order_id);
            lines.push(Line::new(vec![
                Cell::new(order.court.as_str())
                    .link(format!("{HERE}/{}", number(office, order.order_id))),
                Cell::new(order.case_no.as_str()),
                Cell::new(named(office, Some(order.person_id)).await?),
                limit(&order),
                Cell::maybe(order.left()),
                Cell::digits(when::iso(order.to_date)),
            ]));
        }
    } else {
        for act in court::acts_in(office, wanted, before, PAGE).await? {
            last = Some(act.act_id);
            let said = act.said(office)?;
            let court = said.as_ref().map_or("未识别", |said| said.court.as_str());
            let case_no = said.as_ref().map_or("", |said| said.case_no.as_str());
            lines.push(Line::new(vec![
                Cell::new(court).link(format!("{HERE}/{}", number(office, act.act_id))),
                Cell::new(case_no),
                Cell::new(named(office, act.person_id).await?),
                Cell::new(act.name()),
                Cell::maybe(act.amount_fen.map(Fen::new)),
                Cell::digits(when::minute(act.received_at, office.now())),
            ]));
        }
    }
    let more = (lines.len() as i64 == PAGE)
        .then_some(last)
        .flatten()
        .map(|last| format!("{here}&before={}", number(office, last)));
    let heads = if of_orders {
        [
            "法院",
            "案号",
            "被执行人",
            "冻结金额（元）",
            "尚在冻结（元）",
            "期限至",
        ]
    } else {
        ["法院", "案号", "被执行人", "事项", "金额（元）", "收到"]
    };
    let columns = heads
        .into_iter()
        .map(|head| {
            if head.ends_with("（元）") {
                Column::figures(head)
            } else {
                Column::words(head)
            }
        })
        .collect();
    let mut flash = None;
    if may(&at.staff, &Method::POST, NEW) {
        flash = Some(
            Flash::new(Tone::Idle, "法院来人办理的，照文书录入，另一人复核。")
                .next("录入冻结或查询", format!("{NEW}?kind=freeze")),
        );
    }
    Ok(ArrearsPage {
        frame: framed(office, &visit, &at, "司法协助", HERE).await?,
        title: "司法协助".to_owned(),
        flash,
        tabs: Tabs {
            label: "看哪些".into(),
            tabs: VIEWS
                .iter()
                .map(|(one, _, _, name)| {
                    (
                        format!("{HERE}?state={one}"),
                        Text::from(*name),
                        *one == code,
                    )
                })
                .collect(),
        },
        branch: None,
        here: HERE.to_owned(),
        figures: Vec::new(),
        table: Table::new("court", format!("{name}，新来的在前"), columns, lines)
            .empty(format!("没有“{name}”的。"))
            .cards()
            .keys()
            .pager(Pager {
                note: "新来的在前".to_owned(),
                before: before.map(|_| here.clone()),
                after: more,
            }),
        note: "一个账户上先到的冻结生效，后到的轮候；到期当天结束时自动解除，下一件自动生效。"
            .into(),
    })
}

/// An instruction by its number, and the order that it is about.
pub(super) async fn find(office: &Office, text: &str) -> Result<(Act, Option<Order>), PageError> {
    let id = office
        .numbers
        .decode(NumberKind::Case, text)
        .ok_or(PageError::NotFound)?;
    let act = court::require_act(office, id).await?;
    let order = match act.order_id {
        Some(order_id) => Some(court::require(office, order_id).await?),
        None => None,
    };
    Ok((act, order))
}

/// `GET /desk/court/{number}`.
pub(crate) async fn page(
    extract::State(portal): extract::State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(text): Path<String>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let (act, order) = find(office, &text).await?;
    if let Some(order) = order.filter(|order| order.order_id != act.act_id) {
        let order = number(office, order.order_id);
        return Ok(Redirect::to(&format!("{HERE}/{order}")).into_response());
    }
    let page = draw(&portal, &visit, &at, &text, None).await?;
    Ok(page.into_response())
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    text: &str,
    flash: Option<Flash>,
) -> Result<CourtOrderPage, PageError> {
    let office = &portal.engine.office;
    let (act, order) = find(office, text).await?;
    let said = act.said(office)?;
    let mut acts = match &order {
        Some(order) => court::acts_of(office, order.order_id).await?,
        None => Vec::new(),
    };
    if !acts.iter().any(|one| one.act_id == act.act_id) {
        acts.insert(0, act.clone());
    }
    if let Some(person_id) = act.person_id {
        looked(office, at, person_id, "司法冻结", "司法协助", None).await?;
    }
    let title = match (&order, &said) {
        (Some(order), _) => format!("{} {}", order.court, order.case_no),
        (None, Some(said)) => format!("{} {}", said.court, said.case_no),
        (None, None) => "无法识别的报文".to_owned(),
    };
    let frame = framed(office, visit, at, &title, HERE).await?;
    let enters = may(&at.staff, &Method::POST, NEW);
    let waits = acts.iter().find(|one| one.state == act_state::WAITS);
    let hands = match waits {
        Some(one) => Some(hands_of(office, at, one, frame.head.hidden()).await?),
        None => None,
    };
    let actions = match &order {
        Some(order) if enters && order.lives() && waits.is_none() => {
            let to = |kind: Kind| format!("{NEW}?kind={}&of={text}", kind.code());
            let mut all = vec![
                Button::link("续冻", ButtonLook::Plain, to(Kind::Extend)),
                Button::link("解冻", ButtonLook::Plain, to(Kind::Release)),
            ];
            if order.state == state::EFFECTIVE {
                all.push(Button::link("扣划", ButtonLook::Plain, to(Kind::Deduct)));
            }
            all
        }
        _ => Vec::new(),
    };
    Ok(CourtOrderPage {
        title,
        tags: vec![
            order
                .as_ref()
                .map_or_else(|| act_state_of(&act), state_of)
                .tag(),
        ],
        flash,
        facts: facts(office, &act, said.as_ref(), order.as_ref()).await?,
        timeline: timeline(office, &acts, order.as_ref()).await?,
        papers: papers(office, &acts),
        queue: queue(office, order.as_ref()).await?,
        hands,
        actions,
        frame,
    })
}

/// The account as far as a court's order concerns it.
async fn facts(
    office: &Office,
    act: &Act,
    said: Option<&Instruction>,
    order: Option<&Order>,
) -> Result<Facts, PageError> {
    let mut facts: Vec<(String, Text)> = Vec::new();
    match act.person_id {
        Some(person_id) => facts.push((
            "被执行人".into(),
            Text::new()
                .say(named(office, Some(person_id)).await?)
                .say("　")
                .link(
                    format!(
                        "/desk/people/{}",
                        office.numbers.encode(NumberKind::Person, person_id)
                    ),
                    "客户资料",
                ),
        )),
        None => facts.push(("被执行人".into(), named(office, None).await?.into())),
    }
    if let Some(order) = order {
        facts.push((
            "冻结".into(),
            order.amount_fen.map_or_else(
                || "全额，只收不付".into(),
                |fen| Text::new().say("限额 ").money(Fen::new(fen)),
            ),
        ));
        if let Some(left) = order.left() {
            facts.push(("尚在冻结".into(), Text::new().money(left)));
        }
        let mut conn = office.pool.acquire().await.map_err(Error::from)?;
        let held = account::read(&mut conn, office.ledger(), AccountId(order.account_id))
            .await
            .map_err(Error::from)?;
        drop(conn);
        if let Some(held) = held {
            facts.push(("账户余额".into(), Text::new().money(held.balance)));
        }
        facts.push((
            "期限".into(),
            Text::new().say(format!(
                "{}至{}",
                chinese_date(order.from_date),
                chinese_date(order.to_date)
            )),
        ));
    } else if let Some(said) = said {
        facts.push(("事项".into(), said.kind.name().into()));
        facts.push((
            "金额".into(),
            said.amount_fen
                .map_or_else(|| "全额".into(), |fen| Text::new().money(Fen::new(fen))),
        ));
        if let Some(to) = said.to {
            facts.push(("期限至".into(), chinese_date(to).into()));
        }
    }
    if let Some(said) = said {
        facts.push(("法律文书".into(), said.document.as_str().into()));
        facts.push(("法院编号".into(), said.act_no.as_str().into()));
        for officer in &said.officers {
            facts.push(("执行人员".into(), officer_words(officer).into()));
        }
    }
    facts.push((
        "来自".into(),
        if act.channel == COUNTER {
            "柜台，两名执行人员"
        } else {
            "点对点网络查控，已验签"
        }
        .into(),
    ));
    if let Some(reason) = act.answer["reason"].as_str() {
        facts.push(("答复".into(), reason.into()));
    }
    Ok(Facts(facts))
}

/// 张*，证件号码 500101…1234，工作证 渝法执0012.
fn officer_words(officer: &Officer) -> String {
    let head: String = officer.id_no.chars().take(6).collect();
    let tail = last_four(&officer.id_no);
    format!(
        "{}，证件 {head}…{tail}，工作证 {}",
        anju_domain::name::mask(&officer.name),
        officer.permit_no
    )
}

async fn timeline(
    office: &Office,
    acts: &[Act],
    order: Option<&Order>,
) -> Result<Timeline, PageError> {
    let now = office.now();
    let mut events = Vec::new();
    for act in acts {
        let maker = if act.maker_id == 0 {
            "法院点对点".to_owned()
        } else {
            staff_named(office, act.maker_id, "经办").await?
        };
        let mut note = Text::new().say(format!("{maker} · {}", when::minute(act.received_at, now)));
        if let Some(checker) = act.checker_id {
            let checker = staff_named(office, checker, "复核").await?;
            note = note.say(format!(" · 复核 {checker}"));
        }
        if let Some(amount) = act.amount_fen {
            note = note.br().money(Fen::new(amount));
        }
        if let (Kind::Deduct, Some(said)) = (
            Kind::from_number(act.kind).unwrap_or(Kind::Query),
            act.said(office)?,
        ) && let Some(payee) = said.payee
        {
            note = note.say(format!(" 付往 {}", payee.holder));
            if let Some(bank) = &act.pay_bank {
                note = note.say(format!("，由{}付款", bank_name(office, bank)));
            }
        }
        if let Some(reason) = act.answer["reason"].as_str() {
            note = note.br().say(reason);
        }
        if !act.words.is_empty() {
            note = note.br().say(&act.words);
        }
        let at = match act.state {
            act_state::WAITS | act_state::PAYING => When::Now,
            act_state::DONE => When::Done,
            _ => When::Failed,
        };
        let what = Text::new()
            .say(format!("{}：", act.name()))
            .state(&act_state_of(act));
        events.push((act.received_at, Event::new(at, what, note)));
    }
    // What happened without an instruction: its turn came, its last day was over.
    if let Some(order) = order {
        for event in case::events(office, order.order_id).await? {
            let word = event.steps.iter().find_map(|step| match step.as_str() {
                "freeze_effective" => Some("生效"),
                "freeze_ends_soon" => Some("快到期，已提醒"),
                "freeze_expired" => Some("期满，自动解除"),
                "freeze_consumed" => Some("扣划完毕，冻结结束"),
                "released" => Some("解除"),
                _ => None,
            });
            if let Some(word) = word {
                let shown = when::minute(event.at, now);
                events.push((event.at, Event::new(When::Done, word, shown)));
            }
        }
    }
    events.sort_by_key(|(at, _)| *at);
    Ok(Timeline(
        events.into_iter().map(|(_, event)| event).collect(),
    ))
}

fn papers(office: &Office, acts: &[Act]) -> Table {
    Table::new(
        "receipts",
        "每次办理的回执和存证",
        vec![
            Column::words("事项"),
            Column::words("回执文号"),
            Column::words("日期"),
            Column::words("存证"),
        ],
        acts.iter()
            .map(|act| {
                let at = format!("{HERE}/{}", number(office, act.act_id));
                let paper = if act.document_no.is_empty() {
                    Cell::none()
                } else {
                    Cell::digits(act.document_no.as_str()).link(format!("{at}/receipt.pdf"))
                };
                Line::new(vec![
                    Cell::new(act.name()),
                    paper,
                    act.issued_on
                        .map_or_else(Cell::none, |day| Cell::digits(when::iso(day))),
                    Cell::new("下载存证").link(format!("{at}/proof.json")),
                ])
            })
            .collect(),
    )
    .cards()
}

async fn queue(office: &Office, order: Option<&Order>) -> Result<Option<Table>, PageError> {
    let Some(order) = order else { return Ok(None) };
    let all = court::standing(office, order.person_id).await?;
    if all.len() < 2 {
        return Ok(None);
    }
    let lines = all
        .iter()
        .map(|one| {
            Line::new(vec![
                Cell::new(one.court.as_str())
                    .link(format!("{HERE}/{}", number(office, one.order_id))),
                Cell::state(&state_of(one)),
                limit(one),
                Cell::digits(when::iso(one.to_date)),
            ])
            .current(one.order_id == order.order_id)
        })
        .collect();
    let columns = vec![
        Column::words("法院"),
        Column::words("状态"),
        Column::figures("冻结金额（元）"),
        Column::words("期限至"),
    ];
    Ok(Some(
        Table::new("queue", "按生效顺序", columns, lines).cards(),
    ))
}

async fn hands_of(
    office: &Office,
    at: &AtDesk,
    act: &Act,
    token: (&'static str, String),
) -> Result<Hands, PageError> {
    let maker = staff_named(office, act.maker_id, "经办").await?;
    let said = act.said(office)?.ok_or(PageError::NotFound)?;
    let mut words = Text::new().say(maker).br().say(format!(
        "{} · {}：{}",
        when::minute(act.received_at, office.now()),
        act.name(),
        said.document
    ));
    if let Some(amount) = said.amount_fen {
        words = words.br().money(Fen::new(amount));
    }
    if let Some(to) = said.to {
        words = words.br().say(format!("期限至{}", chinese_date(to)));
    }
    if let Some(payee) = &said.payee {
        words = words
            .br()
            .say(format!("付往 {} {}", payee.holder, payee.account));
    }
    for officer in &said.officers {
        words = words.br().say(officer_words(officer));
    }
    let action = format!("{HERE}/{}/check", number(office, act.act_id));
    let barred = if act.maker_id == at.staff.staff_id {
        Some("您是录入人，要另一个人复核。")
    } else if may(&at.staff, &Method::POST, "/desk/court/{number}/check") {
        None
    } else {
        Some("由复核员复核。")
    };
    let first = Hand::signed(words);
    Ok(match barred {
        Some(why) => Hands::barred(vec![first, Hand::awaited("第二人：还没有", "")], why),
        None => Hands::asked(
            vec![
                first,
                Hand::mine("第二人：您", "对着文书和两名执行人员的证件看过再同意"),
            ],
            action,
            token,
            vec![
                Field::new("words", "意见", FieldKind::Long)
                    .hint("退回时写清为什么")
                    .optional(),
            ],
            vec![
                Button::submit(format!("同意{}", act.name())).value("agree", "yes"),
                Button::send("退回", ButtonLook::Danger).value("agree", "no"),
            ],
        ),
    })
}

#[derive(Deserialize)]
pub(crate) struct CheckForm {
    agree: String,
    #[serde(default)]
    words: String,
}

/// `POST /desk/court/{number}/check`: the second person.
pub(crate) async fn check(
    extract::State(portal): extract::State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(text): Path<String>,
    Form(form): Form<CheckForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let (act, _) = find(office, &text).await?;
    let agree = form.agree == "yes";
    match take::check(office, act.act_id, agree, &form.words, &at.staff).await {
        Ok(()) => Ok(Redirect::to(&format!("{HERE}/{text}")).into_response()),
        Err(Error::Refused(refusal)) => {
            let flash = Flash::new(Tone::Fail, refusal.detail);
            // The page of an instruction about an order is that of the order.
            let of = act
                .order_id
                .map_or(text, |order_id| number(office, order_id));
            let page = draw(&portal, &visit, &at, &of, Some(flash)).await?;
            let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::CONFLICT);
            Ok((status, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET /desk/court/{number}/receipt.pdf`: 送达回执.
pub(crate) async fn receipt(
    extract::State(portal): extract::State<Portal>,
    _at: AtDesk,
    Path(text): Path<String>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let (act, _) = find(office, &text).await?;
    let issued_on = act.issued_on.ok_or(PageError::NotFound)?;
    let paper: anju_business::contribution::enforcement::papers::Paper =
        serde_json::from_value(act.paper.clone()).map_err(Error::from)?;
    let data = DecreeData {
        centre: office.centre.name.clone(),
        title: paper.title,
        number: act.document_no.clone(),
        to: paper.to,
        body: paper.body,
        columns: paper.columns,
        rows: paper.rows,
        foot: paper.foot,
        issued_on,
        in_force: true,
    };
    let bytes = portal.printer.decree(data).await?;
    Ok(download::pdf(&text, bytes))
}

/// `GET /desk/court/{number}/proof.json`: the newest step of an instruction.
pub(crate) async fn proof(
    extract::State(portal): extract::State<Portal>,
    _at: AtDesk,
    Path(text): Path<String>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let (act, _) = find(office, &text).await?;
    proofs::file(&text, case::proof(office, act.act_id, None).await?)
}

/// What a person reads of the orders on his account: which court, how much, until when.
pub(crate) async fn words_for_person(
    office: &Office,
    person_id: i64,
) -> Result<Vec<(String, Text)>, PageError> {
    let orders = court::standing(office, person_id).await?;
    Ok(orders
        .iter()
        .map(|order| {
            let how = match (order.state, order.left()) {
                (state::QUEUED, _) => Text::new().say("轮候，还没有生效"),
                (_, Some(left)) => Text::new().say("冻结 ").money(left),
                (_, None) => Text::new().say("全额冻结，只收不付"),
            };
            (
                order.court.clone(),
                how.say(format!("，至{}", chinese_date(order.to_date)))
                    .hint(&order.case_no),
            )
        })
        .collect())
}
