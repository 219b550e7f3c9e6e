//! 暂收待查: receipts that nobody owns yet. One hand says whose it is, another checks, then it is booked and allocated.

use anju_business::contribution::receipt::{self, Receipt, receipt_state};
use anju_business::contribution::remittance::{self, Remittance};
use anju_business::contribution::suspense::{self, Claim, Match, match_state};
use anju_casework::employer::{self, Employer};
use anju_casework::{Error, Office};
use anju_domain::money::Fen;
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::authorization::{AtDesk, may};
use crate::components::{
    Button, ButtonLook, Cell, Column, Facts, Field, FieldKind, Flash, Formula, FormulaLine, Hand,
    Hands, Keys, Line, Pager, State as Shown, Table, Tabs, Tag, Text, Tone, last_four,
};
use crate::desk::{bank_name, framed, staff_named};
use crate::pages::desk::{Candidate, SuspensePage, SuspenseSide};
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

const PAGE: i64 = 30;

/// Lists of the same amount that are offered at most.
const LIKELY: i64 = 3;

/// The choice that sends the money back.
const BACK: &str = "return";

#[derive(Deserialize, Default)]
pub(crate) struct View {
    view: Option<String>,
    receipt: Option<i64>,
    after: Option<i64>,
}

/// Which receipts are listed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tab {
    Open,
    Claimed,
    Held,
}

impl Tab {
    const ALL: [Tab; 3] = [Tab::Open, Tab::Claimed, Tab::Held];

    fn of(view: Option<&str>) -> Tab {
        Tab::ALL
            .into_iter()
            .find(|tab| view == Some(tab.name()))
            .unwrap_or(Tab::Open)
    }

    fn name(self) -> &'static str {
        match self {
            Tab::Open => "open",
            Tab::Claimed => "claimed",
            Tab::Held => "held",
        }
    }

    fn head(self) -> Text {
        match self {
            Tab::Open => Text::new().say("不明来款 ").num("21903"),
            Tab::Claimed => "等复核".into(),
            Tab::Held => Text::new().say("单位名下待分配 ").num("21901"),
        }
    }

    fn href(self) -> String {
        format!("/desk/suspense?view={}", self.name())
    }

    fn state(self) -> i16 {
        match self {
            Tab::Held => receipt_state::SUSPENSE,
            Tab::Open | Tab::Claimed => receipt_state::UNIDENTIFIED,
        }
    }

    fn nothing(self) -> &'static str {
        match self {
            Tab::Open => "没有待查的到账，都对上了。",
            Tab::Claimed => "没有等复核的认领。",
            Tab::Held => "单位名下没有待分配的钱。",
        }
    }
}

/// `GET /desk/suspense`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Query(view): Query<View>,
) -> Result<SuspensePage, PageError> {
    draw(&portal, &visit, &at, &view, None).await
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    view: &View,
    flash: Option<Flash>,
) -> Result<SuspensePage, PageError> {
    let office = &portal.engine.office;
    let today = office.today();
    let tab = Tab::of(view.view.as_deref());
    let after = view.after.unwrap_or(0);
    // Each with the key that the next page follows.
    let keyed: Vec<(i64, Receipt)> = match tab {
        Tab::Claimed => receipt::claimed(office, after, PAGE).await?,
        Tab::Open | Tab::Held => receipt::list(office, tab.state(), after, PAGE)
            .await?
            .into_iter()
            .map(|one| (one.receipt_id, one))
            .collect(),
    };
    let last = keyed.last().map(|(key, _)| *key);
    let receipts: Vec<Receipt> = keyed.into_iter().map(|(_, one)| one).collect();
    let chosen = match view.receipt {
        Some(id) => Some(receipt::require(office, id).await?),
        None => receipts.first().cloned(),
    };
    let total: Fen = receipts.iter().map(|one| Fen::new(one.amount_fen)).sum();
    let old: Vec<&Receipt> = receipts
        .iter()
        .filter(|one| (today - one.book_date).num_days() > 90)
        .collect();
    let old_sum: Fen = old.iter().map(|one| Fen::new(one.amount_fen)).sum();
    let frame = framed(office, visit, at, "暂收待查", "/desk/suspense").await?;
    let lines = receipts
        .iter()
        .map(|one| {
            let days = (today - one.book_date).num_days();
            Line::new(vec![
                Cell::digits(when::iso(one.book_date)).link(format!(
                    "/desk/suspense?view={}&receipt={}",
                    tab.name(),
                    one.receipt_id
                )),
                Cell::new(bank_name(office, &one.bank)),
                Cell::new(if one.payer_name.is_empty() {
                    "（户名空）"
                } else {
                    &one.payer_name
                }),
                Cell::new(if one.remark.is_empty() {
                    "（空）"
                } else {
                    &one.remark
                }),
                Cell::amount(Fen::new(one.amount_fen)),
                Cell::new(days.to_string()),
                Cell::state(&if days > 90 {
                    Shown::fail("超过 90 天").with_icon("alert")
                } else {
                    Shown::wait(first_words(&one.reason))
                }),
            ])
            .current(
                chosen
                    .as_ref()
                    .is_some_and(|chosen| chosen.receipt_id == one.receipt_id),
            )
        })
        .collect();
    let side = match &chosen {
        Some(one) => Some(side(office, at, one, &frame.head).await?),
        None => None,
    };
    let more = (receipts.len() as i64 == PAGE)
        .then_some(last)
        .flatten()
        .map(|last| format!("/desk/suspense?view={}&after={last}", tab.name()));
    Ok(SuspensePage {
        frame,
        flash,
        tabs: Tabs {
            label: "科目".into(),
            tabs: Tab::ALL
                .iter()
                .map(|one| (one.href(), one.head(), *one == tab))
                .collect(),
        },
        figures: vec![
            (
                format!("这一页 {} 笔（元）", receipts.len()),
                Text::new().say(total),
            ),
            (
                format!("90 天以上 {} 笔（元）", old.len()),
                Text::new().say(old_sum),
            ),
        ],
        table: Table::new(
            "suspense",
            "暂收款，先到的在前，单位：元",
            vec![
                Column::words("到账"),
                Column::words("银行"),
                Column::words("付款人"),
                Column::words("附言"),
                Column::figures("金额（元）"),
                Column::figures("天数"),
                Column::words("线索"),
            ],
            lines,
        )
        .dense(" queue")
        .keys()
        .empty(tab.nothing())
        .pager(Pager {
            note: "先到先查".into(),
            before: view.after.map(|_| tab.href()),
            after: more,
        }),
        side,
        keys: Keys::new(&[("j k", "移动"), ("Enter", "打开"), ("c", "认领")]),
        download: None,
    })
}

/// The first clause of a reason; the side panel has all of it.
fn first_words(reason: &str) -> &str {
    reason.split(['，', '；', '。']).next().unwrap_or(reason)
}

async fn side(
    office: &Office,
    at: &AtDesk,
    one: &Receipt,
    head: &crate::frame::Head,
) -> Result<SuspenseSide, PageError> {
    let live = suspense::live(office, one.receipt_id)
        .await?
        .filter(|made| made.state == match_state::WAITING);
    let amount = Fen::new(one.amount_fen);
    let open = one.state == receipt_state::UNIDENTIFIED;
    let bank = office.bank(&one.bank)?;
    let mut candidates: Vec<Candidate> = Vec::new();
    if open && live.is_none() {
        candidates = candidates_for(office, one).await?;
        candidates.push(Candidate {
            value: String::new(),
            title: "别的单位".into(),
            note: "在下面写单位号".into(),
            signs: Vec::new(),
            chosen: candidates.is_empty(),
        });
        candidates.push(Candidate {
            value: BACK.into(),
            title: "退回付款人".into(),
            note: "原路退到付款账号".into(),
            signs: Vec::new(),
            chosen: false,
        });
    }
    let tag: Tag = match (&live, one.state) {
        (Some(_), _) => Shown::wait("等另一人复核").tag(),
        (None, receipt_state::UNIDENTIFIED) => match candidates.first() {
            Some(first) if !first.signs.is_empty() => Shown::pass("有线索").tag(),
            _ => Shown::unknown("没有线索").tag(),
        },
        _ => Shown::wait("在单位名下").tag(),
    };
    let hands = match &live {
        Some(made) => Some(hands(office, at, made, amount, head.hidden()).await?),
        None => None,
    };
    let may_claim =
        open && live.is_none() && may(&at.staff, &Method::POST, "/desk/suspense/{id}/claim");
    Ok(SuspenseSide {
        receipt_no: one.receipt_id.to_string(),
        when: format!("{} · {}", when::iso(one.book_date), bank.bank_name),
        tag,
        payer: if one.payer_name.is_empty() {
            "（户名空）".into()
        } else {
            one.payer_name.clone()
        },
        amount,
        facts: Facts(vec![
            (
                "附言".into(),
                if one.remark.is_empty() {
                    "（空）".into()
                } else {
                    one.remark.as_str().into()
                },
            ),
            (
                "付款账号".into(),
                Text::new().tail(last_four(&one.payer_account)),
            ),
            ("银行流水".into(), Text::new().num(&one.serial)),
            ("线索".into(), one.reason.as_str().into()),
        ]),
        candidates: if may_claim { candidates } else { Vec::new() },
        fields: if may_claim {
            vec![
                Field::new("employer", "单位号", FieldKind::Digits)
                    .hint("选“别的单位”时写")
                    .optional(),
                Field::new("reason", "依据", FieldKind::Long)
                    .hint("例如：单位来函，转账时漏写缴款码"),
            ]
        } else {
            Vec::new()
        },
        entry: open.then(|| {
            let goes_back = live.as_ref().is_some_and(|made| made.employer_id.is_none());
            let (caption, credit) = if goes_back {
                ("退回后的分录", "贷 10101 活期存款")
            } else {
                ("认领后的分录", "贷 21901 待分配缴存")
            };
            Formula {
                caption: caption.into(),
                lines: vec![
                    FormulaLine::new("借 21903 不明来款", amount),
                    FormulaLine::new(credit, amount),
                ],
            }
        }),
        claim: may_claim.then(|| {
            Button::submit(Text::new().say("提出认领 ").money(amount))
                .wide()
                .key("c")
        }),
        hands,
        hidden: vec![head.hidden()],
        note: if may_claim {
            "认领要另一人复核。复核后马上入账，名册齐了就分配到个人。".into()
        } else {
            Text::new()
        },
    })
}

/// Employers whose money it may be: of the payer's name, and those whose open list asks for just this much.
async fn candidates_for(office: &Office, one: &Receipt) -> Result<Vec<Candidate>, PageError> {
    let amount = Fen::new(one.amount_fen);
    let mut likely: Vec<(Employer, Option<Remittance>, bool)> = Vec::new();
    let mut conn = office.pool.acquire().await?;
    for found in employer::by_name(office, &mut *conn, &one.payer_name).await? {
        let list = remittance::open_of(office, &mut conn, found.employer_id).await?;
        likely.push((found, list, true));
    }
    drop(conn);
    for list in remittance::due(office, one.amount_fen, LIKELY).await? {
        if likely
            .iter()
            .all(|(known, _, _)| known.employer_id != list.employer_id)
        {
            let found = employer::require(office, list.employer_id).await?;
            likely.push((found, Some(list), false));
        }
    }
    let mut candidates = Vec::new();
    for (found, list, same_name) in likely {
        let number = office
            .numbers
            .encode(NumberKind::Employer, found.employer_id);
        let due = list
            .as_ref()
            .map(|list| Fen::new(list.amount_fen - list.received_fen));
        let note = match (&list, due) {
            (Some(list), Some(due)) => format!(
                "{}汇缴应缴 {due}，{} 人",
                list.month().chinese(),
                list.people
            ),
            _ => "没有待付的名册，先记在单位名下".to_owned(),
        };
        let sign = |holds: bool, yes: &'static str, no: &'static str| {
            if holds {
                Shown::pass(yes)
            } else {
                Shown::fail(no)
            }
        };
        candidates.push(Candidate {
            title: format!("{} {number}", found.name),
            value: number,
            note: note.into(),
            signs: vec![
                sign(due == Some(amount), "金额相同", "金额不同"),
                sign(same_name, "户名相同", "户名不同"),
            ],
            chosen: candidates.is_empty(),
        });
    }
    Ok(candidates)
}

async fn hands(
    office: &Office,
    at: &AtDesk,
    made: &Match,
    amount: Fen,
    token: (&'static str, String),
) -> Result<Hands, PageError> {
    let maker = staff_named(office, made.maker_id, "经办人").await?;
    let whose = match made.employer_id {
        Some(employer_id) => {
            let one = employer::require(office, employer_id).await?;
            format!("认领给 {}", one.name)
        }
        None => "退回付款人".to_owned(),
    };
    let first = Hand::signed(Text::new().say(maker).br().say(format!(
        "{} · {whose}：{}",
        when::minute(made.made_at, office.now()),
        made.reason
    )));
    let barred = if made.maker_id == at.staff.staff_id {
        Some("您是经办人，不能自己复核。已放进复核池。")
    } else if !may(&at.staff, &Method::POST, "/desk/suspense/{id}/check") {
        Some("复核由会计办理。")
    } else {
        None
    };
    Ok(if let Some(why) = barred {
        Hands::barred(
            vec![first, Hand::awaited("第二人：还没有", "另一位会计会看")],
            why,
        )
    } else {
        Hands::asked(
            vec![first, Hand::mine("第二人：您", "")],
            format!("/desk/suspense/{}/check", made.match_id),
            token,
            vec![
                Field::new("answer", "复核意见", FieldKind::Long)
                    .hint("退回时写清为什么，经办人会看到")
                    .optional(),
            ],
            vec![
                Button::submit(Text::new().say("复核通过 ").money(amount)).value("agree", "yes"),
                Button::send("退回经办人", ButtonLook::Danger).value("agree", "no"),
            ],
        )
    })
}

#[derive(Deserialize)]
pub(crate) struct ClaimForm {
    to: Option<String>,
    employer: String,
    reason: String,
}

/// `POST /desk/suspense/{receipt}/claim`.
pub(crate) async fn claim(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(receipt_id): Path<i64>,
    Form(form): Form<ClaimForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let chosen = form.to.as_deref().unwrap_or_default();
    let wish = if chosen == BACK {
        Ok(Claim::Return)
    } else {
        let typed = if chosen.is_empty() {
            form.employer.trim()
        } else {
            chosen
        };
        office
            .numbers
            .decode(NumberKind::Employer, &typed.to_ascii_uppercase())
            .map(Claim::Identify)
            .ok_or_else(|| {
                anju_casework::Refusal::rule("E-SUSP-04", "单位号不对，请核对后再写一遍。")
            })
    };
    let made = match wish {
        Ok(wish) => suspense::claim(office, receipt_id, &wish, &form.reason, &at.staff).await,
        Err(refusal) => Err(refusal.into()),
    };
    answer(&portal, &visit, &at, receipt_id, made.map(|_| ())).await
}

#[derive(Deserialize)]
pub(crate) struct CheckForm {
    agree: String,
    answer: String,
}

/// `POST /desk/suspense/{match}/check`.
pub(crate) async fn check(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(match_id): Path<i64>,
    Form(form): Form<CheckForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let made = suspense::require(office, match_id).await?;
    let done = suspense::check(
        office,
        match_id,
        form.agree == "yes",
        form.answer.trim(),
        &at.staff,
    )
    .await;
    office.wake.notify_one();
    answer(&portal, &visit, &at, made.receipt_id, done).await
}

async fn answer(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    receipt_id: i64,
    done: Result<(), Error>,
) -> Result<Response, PageError> {
    match done {
        Ok(()) => Ok(Redirect::to(&format!("/desk/suspense?receipt={receipt_id}")).into_response()),
        Err(Error::Refused(refusal)) => {
            let view = View {
                receipt: Some(receipt_id),
                ..View::default()
            };
            let flash = Flash::new(Tone::Fail, refusal.detail.as_str());
            let page = draw(portal, visit, at, &view, Some(flash)).await?;
            Ok((StatusCode::CONFLICT, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}
