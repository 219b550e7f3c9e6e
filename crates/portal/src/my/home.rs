//! 首页: what a person has and what he may have, decided from what is at hand; nothing outside is asked here.

use anju_casework::case;
use anju_casework::{Office, access_log};
use anju_domain::calendar::Month;
use anju_domain::clock::shanghai_date;
use anju_policy::ConditionOutcome;
use axum::extract::State;
use chrono::TimeDelta;

use crate::apply::Seen;
use crate::authorization::Me;
use crate::components::{Button, Row, Rows, Text};
use crate::frame::MyTab;
use crate::looks;
use crate::my::apply::asking;
use crate::my::reading::rows;
use crate::my::{balance_of, frame, membership_of, subsidy_of};
use crate::pages::error::PageError;
use crate::pages::my::{HomePage, Offer};
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

/// A withdrawal as the pages here tell it.
impl Seen {
    pub(super) fn reason(&self) -> Text {
        let part = self.decision.amount_parts.iter().find(|part| part.binding);
        let text = match part {
            Some(part) => Text::new().say("金额按").say(&part.label).say("算，"),
            None => Text::new(),
        };
        text.say(format!(
            "条件 {} 项都符合。只要核对一次，一般 3 秒出结果。",
            self.decision.conditions.len()
        ))
    }
}

/// `GET /my`.
pub(crate) async fn home(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
) -> Result<HomePage, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let asking = asking(&portal, &visit, &me).await?;
    let membership = membership_of(office, me.person_id).await?;
    let balance = balance_of(office, membership.as_ref()).await?;
    let living: Vec<_> = case::list_of_applicant(office, me.person_id, None, 20)
        .await?
        .into_iter()
        .filter(|case| !case.state().is_final())
        .collect();
    let seen = asking.at_hand().await?;
    let busy: Vec<&str> = living.iter().map(|case| case.service.as_str()).collect();
    let best = seen
        .iter()
        .filter(|one| !busy.contains(&one.service.id.as_str()))
        .filter_map(|one| Some((one.amount()?, one)))
        .max_by_key(|(amount, _)| *amount);
    let possible = seen.iter().filter(|one| one.amount().is_some()).count();
    let open = seen.iter().filter(|one| one.is_likely()).count();
    let note = balance_note(office, membership.as_ref()).await?;
    let note = match subsidy_of(office, me.person_id).await? {
        Some(fen) => note.say(" · 住房补贴账户 ").money(fen),
        None => note,
    };
    // What waits for this person's word comes before what he waits for.
    let mut doing = super::estates::asked(office, &asking.person).await?;
    doing.extend(rows(office, &living, now).await?);
    Ok(HomePage {
        frame: frame(&visit, "首页", MyTab::Home, None),
        name: asking.person.name.expose().to_owned(),
        balance,
        balance_note: match balance {
            Some(_) => note,
            None => "单位为您缴存后，这里会有余额和明细。".into(),
        },
        flash: None,
        offer: best
            .map(|(amount, one)| Offer {
                name: one.service.name_zh.clone(),
                title: "您现在可以办".into(),
                reason: one.reason(),
                why: Some(format!("/my/do/{}/why", one.service.id)),
                button: Button::go(
                    Text::new().say("提取 ").money(amount),
                    format!("/my/do/{}", one.service.id),
                )
                .wide(),
            })
            .or_else(|| {
                let one = seen
                    .iter()
                    .filter(|one| one.is_likely() && !busy.contains(&one.service.id.as_str()))
                    .min_by_key(|one| one.questions())?;
                let unknown = one.count(ConditionOutcome::Unknown);
                Some(Offer {
                    name: one.service.name_zh.clone(),
                    title: "您可能可以办".into(),
                    reason: match one.questions() {
                        0 => format!(
                            "我们账上的记录都符合，还有 {unknown} 项要问部门。点一下就替您去问，一般 3 秒。"
                        ),
                        questions => format!(
                            "我们账上的记录都符合，还有 {unknown} 项要问部门。填好 {questions} 项就替您去问，一般 3 秒。"
                        ),
                    }
                    .into(),
                    why: None,
                    button: Button::go(
                        format!("核对{}", one.service.name_zh),
                        format!("/my/do/{}", one.service.id),
                    )
                    .wide(),
                })
            }),
        doing: Rows::new(doing),
        usual: Rows::new(vec![
            Row::to("/my/withdraw", "提取")
                .icon("card")
                .value(match (possible, open) {
                    (0, 0) => "看条件".to_owned(),
                    (0, open) => format!("{open} 项可以核对"),
                    (possible, _) => format!("{possible} 项可办"),
                }),
            Row::to("/my/transfer", "异地转移接续")
                .icon("swap")
                .note("把外地的公积金转来"),
            Row::to("/my/account", "账户明细").icon("doc").note(
                membership
                    .as_ref()
                    .map_or_else(|| "还没有账户".to_owned(), |one| one.employer_name.clone()),
            ),
            Row::to("/my/papers", "证明").icon("seal"),
            Row::to("/my/years", "历年和对账单").icon("chart"),
            Row::to("/my/messages", "消息").icon("bell"),
        ]),
        seen: seen_lately(office, me.person_id).await?,
    })
}

async fn balance_note(
    office: &Office,
    membership: Option<&anju_casework::membership::Membership>,
) -> Result<Text, PageError> {
    let now = office.now();
    let text = Text::new()
        .say("截至今天 ")
        .time(when::clock(now))
        .say(" · ");
    let Some(one) = membership else {
        return Ok(text);
    };
    let today = shanghai_date(now);
    let mut conn = office.pool.acquire().await?;
    let last = anju_ledger::statement::entries(
        &mut conn,
        office.ledger(),
        anju_ledger::AccountId(one.account_id),
        Month::of(today).first_day(),
        today + TimeDelta::days(40),
        None,
        100,
    )
    .await?
    .pop();
    Ok(match last {
        Some(entry) => text
            .say("本月最近一笔 ")
            .movement(entry.amount)
            .say("（")
            .say(super::account::what(office, &entry))
            .say("） ")
            .link("/my/account", "明细"),
        None => text.say("本月还没有进出 ").link("/my/account", "明细"),
    })
}

async fn seen_lately(office: &Office, person_id: i64) -> Result<Text, PageError> {
    let now = office.now();
    let looks = access_log::of_person(office, person_id, None, 100).await?;
    let lately: Vec<_> = looks
        .into_iter()
        .filter(|look| now - look.at <= TimeDelta::days(30))
        .collect();
    let (count, last) = looks::visits_of_staff(&lately);
    Ok(match last {
        None => Text::new()
            .say("最近 30 天没有工作人员看过您的信息。")
            .link("/my/me/access", "看全部"),
        Some(last) => Text::new()
            .say(format!(
                "最近 30 天有 {} 次，最近一次 {}：{}。",
                count,
                when::minute(last.at, now),
                last.reason
            ))
            .link("/my/me/access", "看全部"),
    })
}
