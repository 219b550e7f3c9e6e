//! 暂收待查: receipts that nobody owns yet. `claim.rs` has what is done about them.

use anju_business::contribution::receipt::{self, Receipt, receipt_state};
use anju_business::contribution::suspense::{self, match_state};
use anju_business::policy::Rules;
use anju_casework::Office;
use anju_domain::money::Fen;
use axum::extract::{Query, State};
use axum::http::Method;
use serde::Deserialize;

use crate::authorization::{AtDesk, may};
use crate::components::{
    Button, Cell, Column, Facts, Field, FieldKind, Flash, Formula, FormulaLine, Keys, Line, Pager,
    State as Shown, Table, Tabs, Tag, Text, last_four,
};
use crate::desk::claim::{BACK, candidates_for, hands};
use crate::desk::{bank_name, framed};
use crate::pages::desk::{Candidate, SuspensePage, SuspenseSide};
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

const PAGE: i64 = 30;

#[derive(Deserialize, Default)]
pub(crate) struct View {
    view: Option<String>,
    receipt: Option<i64>,
    after: Option<i64>,
}

impl View {
    /// The page with this receipt chosen.
    pub(super) fn of(receipt_id: i64) -> View {
        View {
            receipt: Some(receipt_id),
            ..View::default()
        }
    }
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

pub(super) async fn draw(
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
    let old_days = Rules::on(office, today).int("suspense_old_days")?;
    let old: Vec<&Receipt> = receipts
        .iter()
        .filter(|one| (today - one.book_date).num_days() > old_days)
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
                Cell::state(&if days > old_days {
                    Shown::fail(format!("超过 {old_days} 天")).with_icon("alert")
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
                .chain([
                    (
                        "/desk/suspense/closed".to_owned(),
                        "销户后到账".into(),
                        false,
                    ),
                    ("/desk/suspense/old".to_owned(), "催办".into(), false),
                ])
                .collect(),
        },
        figures: vec![
            (
                format!("这一页 {} 笔（元）", receipts.len()),
                Text::new().say(total),
            ),
            (
                format!("{old_days} 天以上 {} 笔（元）", old.len()),
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
