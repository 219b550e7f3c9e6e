//! A case as its page tells it: state and promise, who was asked, what happened, what is expected. Words only; the decision and
//! the events are read, never judged again.

use anju_business::remote::Letter;
use anju_business::withdrawal::estate::consent;
use anju_business::withdrawal::recovery;
use anju_casework::Office;
use anju_casework::case::share::Share;
use anju_casework::case::{self, Case, CaseEvent, CaseState, PayState, Supervised};
use anju_casework::office::PolicyInForce;
use anju_domain::money::Fen;
use anju_policy::Decision;
use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::components::{Event, Flight, Leg, Promise, Row, Source, Sources, Text, Timeline, When};
use crate::my::transfer;
use crate::pages::error::PageError;
use crate::service::explain;
use crate::service::words::{Circumstances, Stage};
use crate::site::CHANNELS;
use crate::when;

/// A case with what is read beside it.
pub(crate) struct Read {
    pub(crate) case: Case,
    policy: PolicyInForce,
    pub(crate) decision: Option<Decision>,
    pub(crate) stage: Stage,
    pub(crate) name: String,
    /// Whether money leaves by it.
    pub(crate) pays: bool,
    /// Of a transfer between cities: where its letter stands.
    pub(crate) letter: Option<Letter>,
    /// Where it pays directly instead of to a card.
    supervised: Option<Supervised>,
    /// The payments of a case that pays several.
    pub(crate) shares: Vec<Share>,
}

impl Read {
    pub(crate) async fn of(office: &Office, case: Case) -> Result<Read, PageError> {
        let policy = office.policy_version(case.policy_id).await?;
        let decision = case::decision_of(office, &case, &policy).await?;
        let waits = decision
            .as_ref()
            .filter(|_| case.state() == CaseState::Gathering);
        let seen = Circumstances {
            source_is_silent: waits.is_some_and(|decision| !decision.waiting_for.is_empty()),
            needs_paper: waits.is_some_and(|decision| !decision.papers.is_empty()),
            pays: pays(office, &case),
            payment_is_unknown: case.pay_state() == PayState::Unknown,
        };
        let stage = match case.held_since {
            Some(_) => Stage::Held,
            None => Stage::of(case.state().code(), seen).unwrap_or(Stage::Submitted),
        };
        let name = service_name(office, &case);
        let pays = pays(office, &case);
        let letter = transfer::letter_of(office, &case).await?;
        let supervised = case::supervised(office, &case).await?;
        let shares = if crate::shares::pays_several(office, &case) {
            case::share::list(office, case.case_id).await?
        } else {
            Vec::new()
        };
        Ok(Read {
            letter,
            supervised,
            shares,
            case,
            policy,
            decision,
            stage,
            name,
            pays,
        })
    }

    /// Whether papers may be handed in: the case still waits.
    pub(crate) fn takes_papers(&self) -> bool {
        self.case.state() == CaseState::Gathering
    }

    /// Whether it waits for other heirs to agree with their own logins.
    pub(crate) fn waits_for_heirs(&self) -> bool {
        self.decision.as_ref().is_some_and(consent::is_wanted)
    }

    pub(crate) fn number(&self, office: &Office) -> String {
        case::number(office, self.case.case_id)
    }

    pub(crate) fn amount(&self) -> Option<Fen> {
        amount_of(&self.case)
    }

    /// What of the amount the housing subsidy's account gives.
    pub(crate) fn of_subsidy(&self) -> Option<Fen> {
        let decision = self.decision.as_ref().filter(|_| self.pays)?;
        decision.subsidy_fen.map(Fen::new)
    }

    /// 其中住房补贴账户 N 元; nothing where the fund's account gives all.
    fn with_subsidy(&self) -> Text {
        self.of_subsidy().map_or_else(Text::new, |part| {
            Text::new().say("其中住房补贴账户 ").money(part).say("。")
        })
    }

    pub(crate) fn card(&self) -> Text {
        if self.supervised.is_some() {
            return self.payee().into();
        }
        self.case
            .card_tail()
            .map_or_else(|| "您的卡".into(), |tail| Text::new().tail(tail))
    }

    /// 尾号 1234, or the supervised account of the project.
    pub(crate) fn payee(&self) -> String {
        match (&self.supervised, self.case.card_tail()) {
            (Some(account), _) => account.holder.clone(),
            (None, Some(tail)) => format!("尾号 {tail}"),
            (None, None) => "您的卡".to_owned(),
        }
    }

    pub(crate) fn promise(&self, now: DateTime<Utc>, phone: &str) -> Promise {
        let latest = when::promise(self.case.promised_at, now);
        // While a paper is waited for, and while it is held, the promise stands still.
        let is_late = now > self.case.promised_at
            && self.stage.is_moving()
            && !matches!(self.stage, Stage::NeedsPaper | Stage::Held);
        let told = Text::new()
            .say("结果发短信到 ")
            .num(phone)
            .say("。可以关闭本页，不用再提交。");
        let waits = self.shares.iter().filter(|one| one.wants_card()).count();
        let (headline, note) = match self.stage {
            _ if self.case.service == recovery::SERVICE => (
                match (self.stage, self.amount()) {
                    (Stage::Done, _) => "已经全部退回，记入了您的公积金账户".into(),
                    (Stage::Withdrawn, _) => "不用退了".into(),
                    (_, Some(amount)) => Text::new().say("请退回 ").money(amount),
                    (_, None) => "请退回".into(),
                },
                Text::new()
                    .say("退到哪里、附言怎么写，在")
                    .link("/my/standing", "失信与追回")
                    .say("里看。"),
            ),
            Stage::Held => (
                "该业务正在核查，处理时间将延长，请留意通知".into(),
                match self.case.held_until {
                    Some(until) => Text::new()
                        .say("最迟")
                        .say(anju_domain::calendar::chinese_date(until))
                        .say("恢复办理。您可以在")
                        .link("/my/standing", "失信与追回")
                        .say("里说明情况。"),
                    None => told,
                },
            ),
            Stage::Paying | Stage::Doing if waits > 0 => (
                Text::new().say(format!("有 {waits} 份没有付成，等换卡")),
                "其他各份照付。在下面给没有付成的一份换一张卡，钱一直在账上计息。".into(),
            ),
            Stage::Paying | Stage::Doing | Stage::Done if !self.shares.is_empty() => {
                let done = self.stage == Stage::Done;
                let headline = match self.amount() {
                    Some(amount) => Text::new()
                        .say(if done {
                            "已全部付到各人的卡："
                        } else {
                            "已通过，正在付到各人的卡："
                        })
                        .money(amount),
                    None => "已通过".into(),
                };
                (headline, if done { Text::new() } else { told })
            }
            _ if is_late => (
                Text::from("超过了我们承诺的时间，对不起"),
                Text::from("工作人员正在处理，会主动打给您；也可以打热线，报办件号。"),
            ),
            Stage::Submitted | Stage::Gathering => (
                Text::new()
                    .say("正在向部门核对，最迟")
                    .say(latest)
                    .say("给您结果"),
                told,
            ),
            Stage::Silent => (Text::new().say("最迟").say(latest).say("给您结果"), told),
            Stage::NeedsPaper if self.waits_for_heirs() => (
                match self.case.paper_until {
                    Some(until) => Text::new()
                        .say("等其他继承人在")
                        .say(anju_domain::calendar::chinese_day(until))
                        .say("前确认份额"),
                    None => "等其他继承人确认份额".into(),
                },
                "他们用自己的账号登录，在“我的”里的“继承份额确认”办理。都确认了就接着办，有一位不同意就结束。".into(),
            ),
            Stage::NeedsPaper => (
                match self.case.paper_until {
                    Some(until) => Text::new()
                        .say("请在")
                        .say(anju_domain::calendar::chinese_day(until))
                        .say("前补材料"),
                    None => "请补材料".into(),
                },
                "在这里交，或交到任一网点。交了就接着办；登记里有了记录，我们也会自己接着办。"
                    .into(),
            ),
            Stage::Decided | Stage::Reviewing => (
                Text::new()
                    .say("工作人员在看，最迟")
                    .say(latest)
                    .say("给您结果"),
                told,
            ),
            Stage::Paying | Stage::Doing => (
                match self.amount() {
                    Some(amount) => Text::new()
                        .say("已通过。")
                        .money(amount)
                        .say("正在转到")
                        .say(self.payee()),
                    None => "已通过，正在办理".into(),
                },
                self.with_subsidy().join(told),
            ),
            Stage::Querying => (
                "银行还没有告诉我们付款结果，正在查询".into(),
                "不会重复付款，您不用再提交。".into(),
            ),
            Stage::Done => (
                match self.amount() {
                    Some(amount) => Text::new()
                        .say("钱已到账：")
                        .money(amount)
                        .say("，")
                        .join(self.card()),
                    None => "办好了".into(),
                },
                self.with_subsidy(),
            ),
            Stage::Refused => (
                "这次没有通过".into(),
                self.decision.as_ref().map_or_else(Text::new, |decision| {
                    explain::verdict(decision, "可提取").why
                }),
            ),
            Stage::Withdrawn => (
                if self.pays {
                    "您已撤回，什么都没有付".into()
                } else {
                    "您已撤回，什么都没有变".into()
                },
                "条件不变，随时可以再来。".into(),
            ),
            Stage::Failed => (
                match self.case.pay_state() {
                    PayState::Rejected => "银行没有付成，钱已回到您的公积金账户".into(),
                    PayState::Returned => "钱被收款行退回，已回到您的公积金账户".into(),
                    _ => "没有办成，没有付款".into(),
                },
                self.case.pay_reason.as_deref().map_or_else(
                    || "可以再申请一次。".into(),
                    |reason| {
                        // For want of the centre's money: no other card would help.
                        if reason.starts_with("AM04") {
                            return "中心在银行的资金一时不够，不是您的问题。请过一会儿再申请一次。".into();
                        }
                        Text::new()
                            .say("银行说：")
                            .say(reason)
                            .say("。可以换一张卡再申请。")
                    },
                ),
            ),
        };
        let state = self.stage.state();
        Promise {
            state: if is_late {
                state.with_icon("alert")
            } else {
                state
            },
            headline,
            note,
        }
    }

    pub(crate) fn sources(&self, office: &Office, now: DateTime<Utc>) -> Option<Sources> {
        if !matches!(
            self.stage,
            Stage::Submitted | Stage::Gathering | Stage::Silent | Stage::NeedsPaper
        ) {
            return None;
        }
        let Some(decision) = &self.decision else {
            let service = self.policy.set.service(&self.case.service)?;
            let mut names: Vec<String> = Vec::new();
            for need in service
                .needs_outside()
                .filter(|need| !need.optional && need.when.is_none())
            {
                let name = self
                    .policy
                    .set
                    .fact_type(&need.fact_type)?
                    .source_name
                    .clone();
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            return (!names.is_empty())
                .then(|| Sources(names.into_iter().map(Source::asked).collect()));
        };
        let mut lines: Vec<Source> = Vec::new();
        for one in &decision.waiting_for {
            if !lines.iter().any(|line| line.name == one.source_name) {
                let more = match self.case.next_try_at {
                    Some(at) => format!("{}再问一次，恢复了马上接着办", when::minute(at, now)),
                    None => "恢复了马上接着办".to_owned(),
                };
                lines.push(Source::silent(one.source_name.as_str(), more));
            }
        }
        let mut answered: Vec<Source> = Vec::new();
        for name in explain::sources(decision) {
            if !lines.iter().any(|line| line.name == name) {
                let at = decision
                    .conditions
                    .iter()
                    .flat_map(|found| found.facts.iter())
                    .filter(|fact| fact.source_name == name)
                    .filter_map(|fact| fact.as_of)
                    .max();
                let took = at.map_or_else(
                    || "已回复".to_owned(),
                    |at| format!("已回复 {}", when::minute(at, office.now())),
                );
                answered.push(Source::answered(name, took));
            }
        }
        answered.extend(lines);
        (!answered.is_empty()).then_some(Sources(answered))
    }

    /// The recorder: the legs that the events have timed, and the time before the first of them.
    pub(crate) fn flight(&self, happened: &[CaseEvent]) -> Option<Flight> {
        let began = self.case.submitted_at;
        let mut legs: Vec<Leg> = happened
            .iter()
            .filter_map(|event| event.detail.as_ref()?.get("legs"))
            .filter_map(|legs| Vec::<case::Leg>::deserialize(legs).ok())
            .flatten()
            .map(|leg| Leg {
                name: leg_name(&leg.leg).to_owned(),
                started_at: leg.started_at,
                ms: leg.ms,
            })
            .collect();
        let first = legs.first()?.started_at;
        legs.insert(
            0,
            Leg {
                name: "收到申请".to_owned(),
                started_at: began,
                ms: (first - began).num_milliseconds().max(0),
            },
        );
        Flight::new(began, legs)
    }

    pub(crate) fn timeline(
        &self,
        happened: &[CaseEvent],
        now: DateTime<Utc>,
        here: &str,
    ) -> Timeline {
        let mut lines = Vec::new();
        for event in happened {
            for step in &event.steps {
                if let Some((when, what)) = self.step(step, event, here) {
                    lines.push(Event::new(when, what, when::second(event.at, now)));
                }
            }
        }
        // The last thing that happened is what goes on now, while something still goes on.
        if self.stage.is_moving()
            && let Some(last) = lines.last_mut()
        {
            last.when = match self.stage {
                Stage::Silent | Stage::Querying => When::Unknown,
                _ => When::Now,
            };
        }
        let latest = || {
            Text::new()
                .say("最迟")
                .say(when::promise(self.case.promised_at, now))
        };
        if matches!(
            self.stage,
            Stage::Submitted
                | Stage::Gathering
                | Stage::Silent
                | Stage::NeedsPaper
                | Stage::Reviewing
                | Stage::Decided
        ) {
            lines.push(Event::new(When::Expected, "出结果", latest()));
        }
        if self.letter.is_some() {
            return Timeline(lines);
        }
        if self.stage.is_moving() && self.pays {
            lines.push(Event::new(
                When::Expected,
                "到账，短信通知",
                "预计通过后 1 分钟内",
            ));
        }
        Timeline(lines)
    }

    fn step(&self, step: &str, event: &CaseEvent, here: &str) -> Option<(When, Text)> {
        // The words of payments to a card are not those of a transfer.
        if self.letter.is_some() && step != "submitted" {
            return transfer::step(step, event);
        }
        let amount = self.amount();
        Some(match step {
            "submitted" => (
                When::Done,
                Text::new()
                    .say("您提交了申请（")
                    .say(channel_name(&self.case.channel))
                    .say("）"),
            ),
            "waiting" => (
                When::Done,
                match event
                    .detail
                    .as_ref()
                    .and_then(|detail| detail.get("waiting_for"))
                {
                    Some(_) => "有部门没有回复，我们接着问".into(),
                    None => "要补充材料".into(),
                },
            ),
            "needs_paper" => (When::Done, "要补充材料".into()),
            "needs_others" => (When::Done, "核对过了，只等其他继承人".into()),
            "paper" => (When::Done, "收到了材料".into()),
            "paper_accepted" => (When::Done, "材料看过了，接着办".into()),
            "paper_turned_down" => (
                When::Failed,
                Text::new().link("papers", "材料没有采用，请重新交"),
            ),
            "lapsed" => (When::Failed, "过了补材料的期限，自动结束".into()),
            "held" => (When::Now, "正在核查，处理时间将延长".into()),
            "hold_cleared" => (When::Done, "核查完了，没有问题".into()),
            "hold_lapsed" => (When::Done, "核查到期，恢复办理".into()),
            "fraud_found" => (When::Failed, "核查属实".into()),
            "stated" => (When::Done, "您说明了情况".into()),
            "demanded" | "recovering" => (When::Now, "要求退回".into()),
            "repaid_in_part" => (When::Done, "收到退回的一部分".into()),
            "repaid" | "recovered" => (When::Done, "收到全部退回的钱".into()),
            "overdue" => (When::Failed, "过了退回的期限".into()),
            "entry_revoked" => (When::Now, "失信记录撤销，合同撤销应退的仍要退回".into()),
            "not_recovered" => (When::Done, "不再要求退回".into()),
            "heirs_asked" => (When::Now, "请其他继承人在网上确认份额".into()),
            "heir_agreed" => (When::Done, "一位继承人同意了".into()),
            "heir_refused" => (When::Failed, "一位继承人不同意".into()),
            "reviewing" => (When::Done, "转给工作人员看".into()),
            "approved" => (
                When::Done,
                match amount {
                    Some(amount) => Text::new()
                        .say("通过 ")
                        .money(amount)
                        .say(" ")
                        .link(format!("{here}/why"), "为什么"),
                    None => "通过".into(),
                },
            ),
            "executing" if self.pays => (When::Done, "已交给银行付款".into()),
            "issued" => (When::Done, "证明出好了".into()),
            "revoked" => (When::Done, "您作废了这份证明".into()),
            "changed" => (When::Done, "已变更".into()),
            "payment_unknown" => (When::Unknown, "银行没有告诉结果，我们在查".into()),
            "paid" => (
                When::Done,
                match amount {
                    Some(amount) => Text::new().say("到账 ").money(amount),
                    None => "到账".into(),
                },
            ),
            "refused" => (When::Failed, "没有通过".into()),
            "withdrawn" => (When::Done, "您撤回了".into()),
            "expired" => (When::Failed, "过了时间，自动结束".into()),
            "payment_rejected" => (When::Failed, "银行没有付，钱回到您的账户".into()),
            "payment_returned" => (When::Failed, "收款行退回了这笔钱".into()),
            "new_card" => (When::Done, "您换了一张卡".into()),
            "other_bank" => (When::Done, "换另一家银行付款".into()),
            "credited_back" => (When::Done, "退回的钱回到您的账户".into()),
            "account_closed" => (When::Done, "账户已结息销户".into()),
            "account_sealed_again" => (When::Done, "账户恢复为封存，余额和利息不变".into()),
            _ => return None,
        })
    }
}

fn leg_name(leg: &str) -> &str {
    match leg {
        "sources" => "向部门核对",
        "decision" => "按规则判定",
        "bank" => "银行付款",
        "card" => "到卡",
        other => other,
    }
}

/// Whether money leaves by this case's service.
fn pays(office: &Office, case: &Case) -> bool {
    office
        .policy()
        .set
        .service(&case.service)
        .is_some_and(|service| {
            service.effect == "pay_out" || service.effect == crate::shares::EFFECT
        })
}

pub(crate) fn channel_name(channel: &str) -> &'static str {
    CHANNELS
        .iter()
        .find(|(code, _)| *code == channel)
        .map_or("网上大厅", |(_, name)| name)
}

pub(crate) fn service_name(office: &Office, case: &Case) -> String {
    if case.service == recovery::SERVICE {
        return "退回提取的资金".to_owned();
    }
    named(office, &case.service, "办件")
}

/// The name of a service of the policy in force; of one that is not there any more, what else to say.
pub(crate) fn named(office: &Office, service: &str, otherwise: &str) -> String {
    // Nobody applies for it, so that it is no service of the catalogue.
    if service == anju_business::court::SERVICE {
        return "法院协助执行".to_owned();
    }
    office
        .policy()
        .set
        .service(service)
        .map_or_else(|| otherwise.to_owned(), |known| known.name_zh.clone())
}

/// How much a case is about, where that is known.
pub(crate) fn amount_of(case: &Case) -> Option<Fen> {
    case.amount_fen.filter(|fen| *fen > 0).map(Fen::new)
}

/// Where a case stands, as a list tells it: without its decision, so that who is silent is not said.
pub(crate) fn stage_in_list(office: &Office, case: &Case) -> Stage {
    let seen = Circumstances {
        pays: pays(office, case),
        payment_is_unknown: case.pay_state() == PayState::Unknown,
        needs_paper: case.paper_since.is_some(),
        ..Circumstances::default()
    };
    Stage::of(case.state().code(), seen).unwrap_or(Stage::Submitted)
}

/// Cases as rows of a list; of an estate that waits for its heirs it is said that they are waited for, not a paper.
pub(crate) async fn rows(
    office: &Office,
    cases: &[Case],
    now: DateTime<Utc>,
) -> Result<Vec<Row>, PageError> {
    let policy = office.policy();
    let mut rows = Vec::with_capacity(cases.len());
    for case in cases {
        let service = policy.set.service(&case.service);
        let estate = service.is_some_and(|service| service.effect == crate::shares::EFFECT);
        let row = row(office, case, now);
        let waits = estate
            && stage_in_list(office, case) == Stage::NeedsPaper
            && Read::of(office, case.clone()).await?.waits_for_heirs();
        rows.push(if waits {
            let state = crate::components::State::wait("等继承人确认");
            row.note(match case.paper_until {
                Some(until) => format!(
                    "等其他继承人在{}前确认份额",
                    anju_domain::calendar::chinese_day(until)
                ),
                None => "等其他继承人确认份额".to_owned(),
            })
            .sign(&state)
            .value(state)
        } else {
            row
        });
    }
    Ok(rows)
}

/// A case as a row of a list.
pub(crate) fn row(office: &Office, case: &Case, now: DateTime<Utc>) -> Row {
    let stage = stage_in_list(office, case);
    let name = service_name(office, case);
    let title = match amount_of(case) {
        Some(amount) => Text::new().say(name).say(" ").money(amount),
        None => Text::from(name),
    };
    let note = if let Some(until) = case.paper_until.filter(|_| stage == Stage::NeedsPaper) {
        format!("{}前补材料", anju_domain::calendar::chinese_day(until))
    } else if stage.is_moving() {
        format!("最迟{}", when::promise(case.promised_at, now))
    } else {
        when::minute(case.submitted_at, now)
    };
    Row::to(
        format!("/my/cases/{}", case::number(office, case.case_id)),
        title,
    )
    .note(note)
    .sign(&stage.state())
    .value(stage.state())
}
