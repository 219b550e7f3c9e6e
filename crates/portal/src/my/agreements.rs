//! `/my/agreements`: a person sees what he has agreed to be paid for his loans, and each period; signing, changing and cancelling are a service
//! under `/my/do`.

use anju_business::withdrawal::agreement::{self, Agreement, Run, run_state, state};
use anju_casework::{Office, case};
use anju_domain::calendar::{Month, chinese_day};
use anju_domain::money::Fen;
use axum::extract::State;

use crate::authorization::Me;
use crate::components::{Button, Facts, Flash, Row, Rows, State as Shown, Text, Tone, last_four};
use crate::frame::MyTab;
use crate::my::frame;
use crate::pages::error::PageError;
use crate::pages::my::{AgreementPart, AgreementsPage};
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

const SIGN: &str = "/my/do/withdraw-sign-commercial";

/// Agreements, and periods of each, that the page shows.
const AGREEMENTS: i64 = 10;
const RUNS: i64 = 24;

/// `GET /my/agreements`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
) -> Result<AgreementsPage, PageError> {
    let office = &portal.engine.office;
    let all = agreement::of_person(office, me.person_id, AGREEMENTS).await?;
    let mut parts = Vec::with_capacity(all.len());
    for one in &all {
        let runs = agreement::runs_of(office, one.agreement_id, RUNS).await?;
        parts.push(part(office, one, &runs));
    }
    let next = all.iter().filter_map(|one| one.next_on).min();
    let live = all.iter().any(|one| one.state != state::ENDED);
    let lead = match next {
        Some(day) => Text::new()
            .say("下一次办理：")
            .strong(when::day(day, office.today()))
            .say("。还了贷款就自动提取到您的卡，不用申请。"),
        None => {
            "签一次约，以后每期还了银行的住房贷款，公积金自动提取到您的卡，不用每次申请。".into()
        }
    };
    Ok(AgreementsPage {
        frame: frame(
            &visit,
            "约定提取",
            MyTab::Services,
            Some(("/my/withdraw", "提取")),
        ),
        lead,
        agreements: parts,
        button: if live {
            Button::go("变更、恢复或解除", SIGN).wide()
        } else {
            Button::go("签约定提取协议", SIGN).wide()
        },
        more: Rows::new(vec![
            Row::to("/my/do/withdraw-repay", "还贷提取（自己申请一次）").icon("calc"),
            Row::to("/my/do/withdraw-sign-fund-loan", "公积金贷款约定提取").icon("task"),
        ]),
    })
}

/// 建设银行 · 尾号 0001 的贷款.
pub(crate) fn loan_name(office: &Office, bank: &str, number: &str) -> Text {
    let name = office
        .bank(bank)
        .map_or_else(|_| bank.to_owned(), |account| account.bank_name.clone());
    Text::new().say(name).say("贷款").tail(last_four(number))
}

/// A state as it is shown.
pub(crate) fn state_of(of: i16) -> Shown {
    match of {
        state::SIGNED => Shown::pass("已签约"),
        state::RUNNING => Shown::pass("执行中"),
        state::SUSPENDED => Shown::wait("已暂停"),
        _ => Shown::idle("已解约"),
    }
}

/// A run's state as it is shown.
pub(crate) fn run_state_of(of: i16) -> Shown {
    match of {
        run_state::DUE => Shown::wait("正在办"),
        run_state::PAYING => Shown::wait("正在付款"),
        run_state::PAID => Shown::pass("已到账"),
        run_state::NOTHING => Shown::idle("没有可提的"),
        run_state::FAILED => Shown::fail("没有付成"),
        _ => Shown::fail("跳过"),
    }
}

/// 2026年12月, or from which month on where more are claimed.
pub(crate) fn months_of(run: &Run) -> String {
    let to = Month::from_index(run.period).chinese();
    if run.from_month < run.period {
        format!("{}至{to}", Month::from_index(run.from_month).chinese())
    } else {
        to
    }
}

fn part(office: &Office, one: &Agreement, runs: &[Run]) -> AgreementPart {
    let flash = match one.state {
        state::SUSPENDED => Some(Flash::new(
            Tone::Wait,
            format!(
                "已暂停：{} {}",
                one.reason.as_deref().unwrap_or("连续几期没有办成。"),
                match one.ask_on {
                    Some(day) => format!(
                        "{}再查一次，原因消除了自动恢复；处理好以后也可以选“变更”马上恢复。错过的几期下一次一并提取。",
                        chinese_day(day)
                    ),
                    None => "处理好以后选“变更”就恢复，错过的几期下一次一并提取。".to_owned(),
                }
            ),
        )),
        state::ENDED => Some(Flash::new(
            Tone::Idle,
            format!("已经结束：{}", one.reason.as_deref().unwrap_or("本人解除")),
        )),
        _ => None,
    };
    let period = match one.period {
        1 => "按月",
        3 => "按季",
        _ => "按年",
    };
    let mut facts = vec![
        ("状态".into(), Text::new().state(&state_of(one.state))),
        ("周期".into(), period.into()),
        ("收款卡".into(), Text::new().tail(&one.card_last4)),
    ];
    if one.place == 2 {
        facts.push(("先后".into(), "先用配偶的账户，不够再用我的".into()));
    }
    if let Some(day) = one.next_on {
        facts.push(("下一次".into(), when::day(day, office.today()).into()));
    }
    let signed = anju_domain::clock::shanghai_date(one.signed_at);
    facts.push(("签约".into(), when::day(signed, office.today()).into()));
    AgreementPart {
        title: loan_name(office, &one.loan_bank, &one.loan_no),
        flash,
        facts: Facts(facts),
        runs: Rows::folded(runs.iter().map(|run| row(office, run)).collect(), 6),
    }
}

fn row(office: &Office, run: &Run) -> Row {
    let pays = matches!(
        run.state,
        run_state::PAYING | run_state::PAID | run_state::FAILED
    );
    let title = Text::new().say(months_of(run));
    let row = if pays {
        Row::to(
            format!("/my/cases/{}", case::number(office, run.run_id)),
            title,
        )
    } else {
        Row::of(title)
    };
    let note = match (run.amount_fen, &run.reason) {
        (Some(fen), None) => Text::new().money(Fen::new(fen)),
        (Some(fen), Some(reason)) => Text::new().money(Fen::new(fen)).say("，").say(reason),
        (None, Some(reason)) => reason.as_str().into(),
        (None, None) => when::minute(run.made_at, office.now()).into(),
    };
    row.note(note).value(run_state_of(run.state))
}
