//! 办件, as staff see it; and a reviewer's yes or no with its reason.

use anju_casework::case::{self, Case, CaseState};
use anju_casework::person_data::What;
use anju_casework::{Error, Office, case_paper, employer};
use anju_policy::ServiceDefinition;
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::authorization::{AtDesk, may};
use crate::components::{
    Button, ButtonLook, Event, Facts, Field, FieldKind, Flash, Hand, Hands, Keys, Rows, Text,
    Timeline, Tone, When,
};
use crate::desk::{case_papers, framed, looked, person_number, sees_branch, staff_named};
use crate::my::case_papers::asked;
use crate::my::{Read, amount_of, channel_name, service_name};
use crate::pages::desk::{CasePage, HandOver};
use crate::pages::error::PageError;
use crate::proofs;
use crate::security::Visit;
use crate::serve::Portal;
use crate::service::explain;
use crate::service::words::work_step;
use crate::unit::{changed, said};
use crate::when;

/// Whoever stands at a window is served there; his case is reviewed where it is kept (organisation.md §1).
const ELSEWHERE: &str = "这个办件归别的网点管，由那里的复核员复核。";

pub(crate) async fn found(office: &Office, at: &AtDesk, number: &str) -> Result<Case, PageError> {
    let case_id = office
        .numbers
        .decode(NumberKind::Case, number)
        .ok_or(PageError::NotFound)?;
    let one = case::require(office, case_id).await?;
    let at_window = at
        .session
        .serving()
        .is_some_and(|(person, _)| person == one.applicant_id);
    // Whoever took it in at the window follows it, wherever it is decided.
    let own = one.served_by == Some(at.staff.staff_id);
    if at_window || own || sees_branch(&at.staff, one.branch_id) {
        Ok(one)
    } else {
        Err(PageError::Forbidden(
            "这个办件归别的网点管，您看不到。".to_owned(),
        ))
    }
}

/// `GET /desk/cases/{case}`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(number): Path<String>,
    Query(place): Query<Place>,
) -> Result<CasePage, PageError> {
    let office = &portal.engine.office;
    let one = found(office, &at, &number).await?;
    // The log of who looked is about people; an employer's case names none.
    if !is_employers(office, &one).await? {
        looked(
            office,
            &at,
            one.applicant_id,
            "办件",
            &format!("办件 {number}"),
            Some(one.case_id),
        )
        .await?;
    }
    draw(&portal, &visit, &at, &one, (place.line, None)).await
}

/// A page of whom a case changes.
#[derive(Deserialize)]
pub(crate) struct Place {
    line: Option<i32>,
}

/// Whether a case is an employer's: of one that we know, or of one that opens its account and is none yet.
async fn is_employers(office: &Office, one: &Case) -> Result<bool, PageError> {
    let policy = office.policy();
    let service = policy.set.service(&one.service);
    Ok(service.is_some_and(|service| service.group == "employer")
        || employer::get(office, &office.pool, one.applicant_id)
            .await?
            .is_some())
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    at: &AtDesk,
    one: &Case,
    (line, flash): (Option<i32>, Option<Flash>),
) -> Result<CasePage, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let number = case::number(office, one.case_id);
    let read = Read::of(office, one.clone()).await?;
    let decision = &read.decision;
    let names = case::names_of(office, &[one]).await?;
    let name = names.get(&one.applicant_id).map_or("—", String::as_str);
    let of_employer = is_employers(office, one).await?;
    let frame = framed(office, visit, at, &format!("办件 {number}"), "/desk/tasks").await?;
    let mut facts: Vec<(String, Text)> = vec![
        (
            "申请人".into(),
            if of_employer {
                Text::from(name)
            } else {
                let page = format!("/desk/people/{}", person_number(office, one.applicant_id));
                Text::new().link(page, name)
            },
        ),
        ("提交".into(), when::second(one.submitted_at, now).into()),
        ("承诺".into(), when::promise(one.promised_at, now).into()),
        ("渠道".into(), channel_name(&one.channel).into()),
    ];
    if of_employer {
        let policy = office.policy();
        let form = one.open_form(office)?;
        let inputs = policy
            .set
            .service(&one.service)
            .map(|service| &service.inputs);
        for input in inputs.into_iter().flatten() {
            if let Some(value) = form.get(&input.name) {
                facts.push((input.label.clone(), said(input, value).into()));
            }
        }
    }
    if let Some(account) = case::supervised(office, one).await? {
        let paid_to = format!("{} {}", account.holder, account.account);
        facts.push(("收款账户".into(), paid_to.into()));
    } else if let Some(tail) = one.card_tail() {
        facts.push(("收款卡".into(), Text::new().tail(tail)));
    }
    facts.extend(wanted(office, one)?);
    if let Some(bank) = &one.pay_bank {
        facts.push((
            "付款银行".into(),
            office.bank(bank)?.bank_name.as_str().into(),
        ));
    }
    if let Some(reason) = &one.pay_reason {
        facts.push(("银行说".into(), reason.as_str().into()));
    }
    if let Some(decision) = decision {
        facts.push((
            "规则".into(),
            Text::new()
                .say(&decision.policy.version)
                .say(" ")
                .num(explain::short_digest(&decision.policy.digest)),
        ));
    }
    let here = format!("/desk/cases/{number}");
    let changed = match of_employer {
        true => changed::table(office, one, &here, line).await?,
        false => None,
    };
    let hands = hands(office, at, one, &number, frame.head.hidden()).await?;
    let papers = case_paper::of_case(office, one.case_id)
        .await?
        .iter()
        .map(|paper| case_papers::of_paper(portal, paper))
        .collect::<Result<Vec<_>, PageError>>()?;
    let hand_over = decision
        .as_ref()
        .filter(|_| {
            read.takes_papers() && may(&at.staff, &Method::POST, "/desk/cases/{case}/papers")
        })
        .map(|decision| HandOver {
            action: format!("/desk/cases/{number}/papers"),
            csrf: frame.head.csrf.clone(),
            asked: asked(office, one, decision),
        })
        .filter(|hand_over| !hand_over.asked.is_empty());
    let happened = case::events(office, one.case_id).await?;
    let mut lines = Vec::new();
    for event in &happened {
        let who = match event.actor_id {
            0 => "系统".to_owned(),
            -1 => "接口".to_owned(),
            id if id == one.applicant_id => "本人".to_owned(),
            id => staff_named(office, id, "经办人").await?,
        };
        lines.push(Event::new(
            When::Done,
            event
                .steps
                .iter()
                .map(|step| step_name(step))
                .collect::<Vec<_>>()
                .join("、"),
            format!(
                "{} · {who} · 证据 {}",
                when::second(event.at, now),
                event.seq
            ),
        ));
    }
    for one in decision.as_ref().map_or_else(Vec::new, explain::settled) {
        facts.push(("来源不一致".into(), one.into()));
    }
    Ok(CasePage {
        frame,
        flash,
        proof: format!("/desk/cases/{number}/proof.json"),
        case_no: number,
        title: format!("{} · {}", service_name(office, one), name),
        tag: read.stage.state().tag(),
        amount: amount_of(one),
        facts: Facts(facts),
        shares: (!read.shares.is_empty()).then(|| {
            let changes = may(
                &at.staff,
                &Method::POST,
                "/desk/cases/{case}/shares/{place}",
            );
            let here = format!("/desk/cases/{}", case::number(office, one.case_id));
            Rows::new(crate::shares::rows(&read.shares, &here, changes))
        }),
        estate: estate_of(office, one)?,
        changed,
        sources: read.sources(office, now),
        conditions: decision.as_ref().map_or_else(Vec::new, explain::conditions),
        formula: decision.as_ref().and_then(explain::formula),
        papers,
        hand_over,
        hands,
        timeline: Timeline(lines),
        flight: read.flight(&happened),
        keys: Keys::new(&[("g t", "任务"), ("/", "命令栏")]).note(if of_employer {
            ""
        } else {
            "本次查看已记录，本人能看到"
        }),
    })
}

async fn hands(
    office: &Office,
    at: &AtDesk,
    one: &Case,
    number: &str,
    token: (&'static str, String),
) -> Result<Option<Hands>, PageError> {
    if one.state() != CaseState::Reviewing {
        return Ok(None);
    }
    let by_rules = "系统按规则核对";
    let first = Hand::signed(match one.served_by {
        Some(id) => staff_named(office, id, by_rules).await?,
        None => by_rules.to_owned(),
    });
    let is_maker = one.served_by == Some(at.staff.staff_id);
    let barred = if one.held_since.is_some() {
        Some("正在核查：结论在左边“核查”里写，写完再复核。")
    } else if is_maker {
        Some("您是这笔业务的经办人，不能自己复核。已放进复核池。")
    } else if !may(&at.staff, &Method::POST, "/desk/cases/{case}/check") {
        Some("复核由复核员办理。")
    } else if !sees_branch(&at.staff, one.branch_id) {
        Some(ELSEWHERE)
    } else {
        None
    };
    Ok(Some(match barred {
        Some(words) => Hands::barred(
            vec![
                first,
                Hand::awaited("第二人：还没有", "复核池里的复核员会看"),
            ],
            words,
        ),
        None => Hands::asked(
            vec![
                first,
                Hand::mine("第二人：您", "通过前会再核对一次，按现在查到的办"),
            ],
            format!("/desk/cases/{number}/check"),
            token,
            vec![
                Field::new("reason", "理由", FieldKind::Long)
                    .hint("写您看了什么、为什么这样定；不予通过的理由本人会看到"),
            ],
            vec![
                Button::submit(match amount_of(one) {
                    Some(amount) => Text::new().say("通过 ").money(amount),
                    None => "通过".into(),
                })
                .value("verdict", "approve"),
                Button::send("不予通过", ButtonLook::Danger).value("verdict", "refuse"),
            ],
        ),
    }))
}

/// `GET /desk/cases/{case}/proof.json`.
pub(crate) async fn proof(
    State(portal): State<Portal>,
    at: AtDesk,
    Path(number): Path<String>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let one = found(office, &at, &number).await?;
    proofs::file(&number, case::proof(office, one.case_id, None).await?)
}

#[derive(Deserialize)]
pub(crate) struct CheckForm {
    verdict: String,
    reason: String,
}

/// `POST /desk/cases/{case}/check`.
pub(crate) async fn check(
    State(portal): State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(number): Path<String>,
    Form(form): Form<CheckForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let one = found(office, &at, &number).await?;
    let reason = form.reason.trim();
    if !sees_branch(&at.staff, one.branch_id) {
        return Err(PageError::Forbidden(ELSEWHERE.to_owned()));
    }
    let done = if reason.chars().count() < 2 {
        Err(anju_casework::Refusal::rule("E-CHECK-04", "请写理由，至少两个字。").into())
    } else if form.verdict == "approve" {
        portal
            .engine
            .approve(one.case_id, at.staff.staff_id, reason)
            .await
    } else {
        case::refuse_by_hand(office, &one, at.staff.staff_id, reason).await
    };
    match done {
        Ok(()) => Ok(Redirect::to(&format!("/desk/cases/{number}")).into_response()),
        Err(Error::Refused(refusal)) => {
            let flash = Flash::new(Tone::Fail, refusal.detail.as_str());
            let again = case::require(office, one.case_id).await?;
            let page = draw(&portal, &visit, &at, &again, (None, Some(flash))).await?;
            Ok((StatusCode::CONFLICT, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// Whose estate it is and who are to have it, covered as everywhere; none for any other case.
fn estate_of(office: &Office, one: &Case) -> Result<Option<Facts>, PageError> {
    if !crate::shares::pays_several(office, one) {
        return Ok(None);
    }
    let form = one.open_form(office)?;
    let text = |field: &str| form.get(field).and_then(|value| value.as_str());
    let name = |field: &str| text(field).map_or_else(|| "—".to_owned(), anju_domain::name::mask);
    let policy = office.policy();
    let mut lines: Vec<(String, Text)> = vec![("逝者".into(), name("deceased_name").into())];
    if let (Some(service), Some(basis)) = (policy.set.service(&one.service), text("basis")) {
        lines.push(("依据".into(), chosen(service, "basis", basis).into()));
    }
    for (field, label) in [
        ("deed_no", "公证书"),
        ("judgment_no", "法院文书"),
        ("document_no", "文书"),
    ] {
        if let Some(number) = text(field) {
            lines.push((label.into(), number.into()));
        }
    }
    let share = |field: &str| {
        let bp = form
            .get(field)
            .and_then(serde_json::Value::as_i64)
            .unwrap_or(0);
        format!("{}.{:02}%", bp / 100, bp % 100)
    };
    if form.contains_key("share_bp") {
        lines.push(("申请人的份额".into(), share("share_bp").into()));
    }
    for place in anju_business::withdrawal::estate::OTHERS {
        if text(&format!("heir_{place}_id_no")).is_some() {
            let guarded = form.get(&format!("heir_{place}_by_guardian")) == Some(&true.into());
            let words = Text::new()
                .say(name(&format!("heir_{place}_name")))
                .say(format!(" {}", share(&format!("heir_{place}_share_bp"))))
                .say(if guarded {
                    "，未成年，申请人作为监护人代收"
                } else {
                    ""
                });
            lines.push((format!("继承人 {place}"), words));
        }
    }
    Ok(Some(Facts(lines)))
}

/// What of his own data the applicant wants to be otherwise, covered as everywhere: the documents at hand have it whole.
fn wanted(office: &Office, one: &Case) -> Result<Vec<(String, Text)>, PageError> {
    const FIELDS: [(&str, &str, What); 8] = [
        ("name", "新的姓名", What::Name),
        ("id_no", "新的证件号码", What::Id),
        ("address", "新的地址", What::Address),
        ("education", "新的学历", What::Education),
        ("marital", "新的婚姻状况", What::Marital),
        ("email", "新的邮箱", What::Email),
        ("contact_name", "新的联系人", What::ContactName),
        ("contact_phone", "联系人手机", What::ContactPhone),
    ];
    let policy = office.policy();
    let Some(service) = policy
        .set
        .service(&one.service)
        .filter(|service| service.effect == "maintain_person")
    else {
        return Ok(Vec::new());
    };
    let form = one.open_form(office)?;
    let value = |field: &str| form.get(field).and_then(|value| value.as_str());
    let mut wanted: Vec<(String, Text)> = FIELDS
        .iter()
        .filter_map(|(field, label, what)| {
            let shown = chosen(service, field, value(field)?);
            Some(((*label).to_owned(), what.masked(shown).into()))
        })
        .collect();
    if let Some(reason) = value("id_reason") {
        let words = chosen(service, "id_reason", reason);
        wanted.push(("为什么变更".to_owned(), words.into()));
    }
    Ok(wanted)
}

/// The words of a choice; what was not chosen from a list stands as it is.
fn chosen<'a>(service: &'a ServiceDefinition, field: &str, value: &'a str) -> &'a str {
    service
        .inputs
        .iter()
        .filter(|input| input.name == field)
        .flat_map(|input| &input.options)
        .find(|choice| choice.value == value)
        .map_or(value, |choice| choice.label.as_str())
}

/// A step in the words of staff.
pub(super) fn step_name(step: &str) -> &str {
    match step {
        "submitted" => "提交",
        "needs_paper" => "待补正",
        "supplemented" => "补交了决议",
        "needs_others" => "等其他继承人确认",
        "paper" => "交来材料",
        "paper_read" => "第一人认定材料",
        "paper_accepted" => "材料已采用",
        "paper_turned_down" => "材料没有采用",
        "paper_verified" => "事后核验一致",
        "paper_differs" => "事后核验不一致",
        "difference_closed" => "不一致已核查",
        "gathering" => "开始核对",
        "waiting" => "等待",
        "decided" => "判定",
        "approved" => "通过",
        "refused" => "不通过",
        "reviewing" => "转人工",
        "executing" => "执行",
        "changed" => "变更",
        "branch_changed" => "划转网点",
        "payment_unknown" => "付款结果未知",
        "paid" => "银行已付",
        "share_paid" => "一份已付",
        "share_rejected" => "一份银行拒付，回到账户",
        "share_returned" => "一份退票",
        "done" => "办结",
        "payment_rejected" => "银行拒付",
        "payment_returned" => "退票",
        "new_card" => "换卡重付",
        "other_bank" => "换一家银行付",
        "credited_back" => "退回账户",
        "withdrawn" => "撤回",
        "expired" | "lapsed" => "超期结束",
        "opened" => "开户",
        "seen_to" => "已处理",
        "pre_opened" => "预开户",
        "cancelled" => "注销",
        "failed" => "没有办成",
        "letter_sent" => "发出联系函",
        "cancel_asked" => "申请撤销",
        "cancel_refused" => "已受理，不能撤销",
        "out_accepted" => "转出地受理",
        "out_pay_failed" => "转出地付款失败",
        "funds_sent" => "转出地划款",
        "funds_arrived" => "到账",
        "matched" => "金额相符",
        "credited" => "入账",
        "negotiating" => "协商",
        "escalated" => "催办",
        "returned" => "退回",
        "give_back" => "退款指令",
        "letter_confirmed" => "确认接收",
        "info_approved" => "账户信息审核通过",
        "account_closed" => "结息销户",
        "account_sealed_again" => "恢复封存",
        "paying" => "划款指令",
        "money_back" => "款项退回",
        "closed" => "正常办结",
        "proposed" => "提出",
        "sent_back" => "退回经办",
        "held" => "开始核查",
        "hold_cleared" => "解除核查",
        "hold_lapsed" => "核查到期，恢复办理",
        "fraud_found" => "核查属实",
        "stated" => "本人说明情况",
        "contract_cancelled" => "提取后合同撤销",
        "demanded" | "recovering" => "要求退回",
        "repaid" | "recovered" => "全部退回",
        "repaid_in_part" => "退回一部分",
        "overdue" => "逾期未退",
        "entry_revoked" => "失信撤销，按合同撤销追回",
        "not_recovered" => "不追回",
        "heirs_asked" => "请其他继承人在网上确认",
        "heir_agreed" => "一位继承人同意份额",
        "heir_refused" => "一位继承人不同意",
        other => work_step(other).unwrap_or(other),
    }
}
