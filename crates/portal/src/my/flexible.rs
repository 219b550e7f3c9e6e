//! `/my/flexible`: who contributes by himself sees his agreement and his last payments; signing and changing are services under `/my/do`.

use anju_business::contribution::collection::{self, contract};
use anju_business::contribution::flexible::agreement::{Agreement, plan, state};
use anju_business::contribution::flexible::{self, List};
use anju_business::contribution::remittance;
use anju_casework::Office;
use anju_domain::calendar::chinese_day;
use anju_domain::money::Fen;
use axum::extract::State;

use crate::authorization::Me;
use crate::components::{Button, Facts, Flash, Row, Rows, State as Shown, Text, Tone};
use crate::frame::MyTab;
use crate::my::frame;
use crate::pages::error::PageError;
use crate::pages::my::FlexiblePage;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

const SIGN: &str = "/my/do/flexible-contributor-open";
const CHANGE: &str = "/my/do/flexible-contributor-change";

/// Payments that the page shows.
const SHOWN: i64 = 12;

/// `GET /my/flexible`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
) -> Result<FlexiblePage, PageError> {
    let office = &portal.engine.office;
    let frame = frame(&visit, "自己缴存", MyTab::Me, Some(("/my/me", "我的")));
    let Some(one) = flexible::of_person(office, me.person_id).await? else {
        return Ok(FlexiblePage {
            frame,
            title: "自己缴存",
            lists_name: "最近几笔",
            flash: None,
            lead: "没有单位也可以自己缴存公积金：按月从自己的卡扣，或想缴时再缴。利率和单位职工一样，停了不罚款、不欠缴。".into(),
            facts: None,
            button: Some(Button::go("签缴存协议", SIGN).wide()),
            lists: Rows::new(Vec::new()),
            more: Rows::new(Vec::new()),
        });
    };
    let contracts = collection::of_payer(office, me.person_id, 1).await?;
    let lists = flexible::lists(office, one.account_id, SHOWN).await?;
    let sealed = one.state == state::SEALED;
    Ok(FlexiblePage {
        frame,
        title: "自己缴存",
        lists_name: "最近几笔",
        flash: sealed.then(|| {
            let why = one.reason.as_deref().unwrap_or("本人暂停");
            Flash::new(
                Tone::Wait,
                format!("已暂停：{why}。余额照常计息，随时可以恢复。"),
            )
        }),
        lead: lead(office, &one),
        facts: Some(facts(office, &one, contracts.first())),
        button: Some(if sealed {
            Button::go("恢复缴存", CHANGE).wide()
        } else {
            Button::go("现在缴一笔", CHANGE).wide()
        }),
        lists: Rows::new(lists.iter().map(|list| row(office, list)).collect()),
        more: Rows::new(vec![
            Row::to(CHANGE, "改月缴存额、暂停、恢复").icon("calc"),
            Row::to("/my/account", "账户明细").icon("task"),
        ]),
    })
}

fn lead(office: &Office, one: &Agreement) -> Text {
    match one.next_on {
        Some(day) => Text::new()
            .say("下一次扣款：")
            .strong(when::day(day, office.today()))
            .say("，")
            .money(Fen::new(one.amount_fen))
            .say("。"),
        None if one.plan == plan::LUMP => "想缴时就缴一笔，到账马上记到您名下。".into(),
        None => "现在不扣款。".into(),
    }
}

fn facts(office: &Office, one: &Agreement, card: Option<&contract::Mandate>) -> Facts {
    let mut facts = vec![
        (
            "状态".into(),
            match one.state {
                state::AGREED => "已签约，等第一笔到账",
                state::ACTIVE => "正常缴存",
                _ => "已暂停",
            }
            .into(),
        ),
        (
            "缴存方式".into(),
            if one.plan == plan::MONTHLY {
                format!("按月缴存，每月 {} 日", one.day).into()
            } else {
                "自由缴存".into()
            },
        ),
        (
            "月缴存额".into(),
            Text::new().money(Fen::new(one.amount_fen)),
        ),
    ];
    if let Some(card) = card {
        facts.push(("扣款的卡".into(), Text::new().tail(&card.account_last4)));
    }
    let signed = anju_domain::clock::shanghai_date(one.signed_at);
    facts.push(("签约".into(), when::day(signed, office.today()).into()));
    Facts(facts)
}

fn row(office: &Office, list: &List) -> Row {
    let shown = match (list.state, list.collecting, &list.failed) {
        (remittance::state::ALLOCATED, ..) => Shown::pass("已到账"),
        (remittance::state::AWAITING, true, _) => Shown::wait("正在扣款"),
        (remittance::state::AWAITING, false, Some(_)) => Shown::wait("还会再扣"),
        (remittance::state::AWAITING | remittance::state::PART_RECEIVED, ..) => {
            Shown::wait("等您转账")
        }
        (.., Some(_)) => Shown::idle("没有扣到"),
        _ => Shown::idle("已作废"),
    };
    let mut note = Text::new().say(when::minute(list.registered_at, office.now()));
    if let Some(reason) = list
        .failed
        .as_deref()
        .filter(|_| list.state != remittance::state::ALLOCATED)
    {
        note = note.say("，").say(reason);
        if let Some(day) = list.collect_on {
            note = note.say("，").say(chinese_day(day)).say("再扣");
        }
    }
    if !list.by_debit
        && list.state == remittance::state::AWAITING
        && let Ok(bank) = office.bank(&list.bank)
    {
        note = note
            .say("，转到")
            .say(&bank.bank_name)
            .say(" ")
            .num(&bank.account_no)
            .say("，附言写 ")
            .num(&list.reference);
    }
    Row::of(Text::new().money(Fen::new(list.amount_fen)))
        .note(note)
        .value(shown)
}
