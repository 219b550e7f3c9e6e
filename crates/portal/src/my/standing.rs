//! `/my/standing` 失信与追回: cases that are held, entries of the black list, money that is asked back; and what the person says to them.

use anju_business::fraud::entry::{self, Entry};
use anju_business::fraud::ground_word;
use anju_business::fraud::statement::{self, Statement};
use anju_business::withdrawal::recovery::{self, Recovery};
use anju_casework::case::{self, Case};
use anju_casework::{Error, Office};
use anju_domain::calendar::chinese_date;
use anju_domain::money::Fen;
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::authorization::Me;
use crate::components::{
    Button, ErrorSummary, Facts, Field, FieldKind, Flash, Mistake, State as Shown, Text, Tone,
};
use crate::frame::MyTab;
use crate::my::{frame, service_name};
use crate::pages::error::PageError;
use crate::pages::my::{Standing, StandingPage, ToSay};
use crate::proofs;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

const HERE: &str = "/my/standing";

/// Cases, entries and recoveries that the page shows.
const SHOWN: i64 = 20;

#[derive(Deserialize, Default)]
pub(crate) struct View {
    done: Option<String>,
}

/// `GET /my/standing`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Query(view): Query<View>,
) -> Result<StandingPage, PageError> {
    let flash = view
        .done
        .map(|_| Flash::new(Tone::Pass, "收到了，工作人员会看，结果用短信告诉您。"));
    draw(&portal, &visit, &me, flash, None).await
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    me: &Me,
    flash: Option<Flash>,
    refused: Option<(&SayForm, String)>,
) -> Result<StandingPage, PageError> {
    let office = &portal.engine.office;
    let typed = refused.as_ref().map(|(form, _)| *form);
    let mut all = Vec::new();
    for one in case::list_of_applicant(office, me.person_id, None, SHOWN).await? {
        if one.held_since.is_some() {
            all.push(of_case(office, &one, typed).await?);
        }
    }
    for one in recovery::of_person(office, me.person_id, SHOWN).await? {
        all.push(of_recovery(office, &one).await?);
    }
    for one in entry::of_person(office, me.person_id, SHOWN).await? {
        all.push(of_entry(office, &one, typed).await?);
    }
    let mistake = refused.map(|(form, words)| Mistake::at(format!("text-{}", form.number), words));
    Ok(StandingPage {
        frame: frame(visit, "失信与追回", MyTab::Me, Some(("/my/me", "我的"))),
        flash,
        errors: ErrorSummary::of(mistake.into_iter().collect()),
        all,
    })
}

fn to_say(about: &'static str, number: String, label: &str, typed: Option<&SayForm>) -> ToSay {
    let value = typed
        .filter(|form| form.number == number)
        .map_or_else(String::new, |form| form.text().to_owned());
    ToSay {
        about,
        field: Field::new(format!("text-{number}"), label, FieldKind::Long)
            .hint("写清事实，有凭证的写凭证号；工作人员看得到，别人看不到")
            .value(value),
        number,
        button: Button::submit("提交"),
    }
}

fn said(office: &Office, all: &[Statement]) -> Vec<(Text, String, Text)> {
    let now = office.now();
    all.iter()
        .map(|one| {
            let head = format!("您在{}说的", when::minute(one.made_at, now));
            let answer = match (one.outcome, one.due_on) {
                (Some(2), _) => format!("我们采纳了：{}", one.answer),
                (Some(_), _) => format!("我们没有采纳：{}", one.answer),
                (None, Some(due)) => format!("{}前答复您", when::day(due, office.today())),
                (None, None) => String::new(),
            };
            (head.into(), one.text.clone(), answer.into())
        })
        .collect()
}

async fn of_case(
    office: &Office,
    one: &Case,
    typed: Option<&SayForm>,
) -> Result<Standing, PageError> {
    let number = case::number(office, one.case_id);
    let before = statement::of(office, one.case_id).await?;
    let until = one.held_until.unwrap_or_else(|| office.today());
    Ok(Standing {
        id: format!("h-{number}"),
        name: service_name(office, one),
        state: Shown::wait("核查中").with_icon("alert"),
        lead: format!(
            "该业务正在核查，处理时间将延长，请留意通知。最迟{}恢复办理；您可以说明情况，越清楚越快。",
            chinese_date(until)
        )
        .into(),
        facts: Facts(vec![(
            "办件".into(),
            Text::new()
                .say("编号　")
                .link(format!("/my/cases/{number}"), &number),
        )]),
        said: said(office, &before),
        to_say: Some(to_say("case", number, "说明情况", typed)),
        proof: None,
    })
}

async fn of_recovery(office: &Office, one: &Recovery) -> Result<Standing, PageError> {
    let number = case::number(office, one.recovery_id);
    let of_case = case::number(office, one.of_case);
    let money = |fen: i64| Text::new().money(Fen::new(fen));
    let mut facts: Vec<(String, Text)> = vec![
        (
            "因为".into(),
            match one.reason {
                recovery::reason::CONTRACT => one.reason_word(),
                _ => ground_word(&one.ground),
            }
            .into(),
        ),
        (
            "那次提取".into(),
            Text::new()
                .say("编号　")
                .link(format!("/my/cases/{of_case}"), of_case),
        ),
        ("应退回".into(), money(one.owed_fen)),
        ("已退回".into(), money(one.returned_fen)),
    ];
    let open = one.state == recovery::state::DEMANDED;
    if open {
        let (bank, account, holder) = recovery::pay_to(office, one.of_case).await?;
        facts.push(("还差".into(), money(one.left_fen())));
        facts.push(("收款银行".into(), bank.into()));
        facts.push(("收款账号".into(), Text::new().num(account)));
        facts.push(("收款户名".into(), holder.into()));
        facts.push((
            "附言写".into(),
            Text::new().code(recovery::code(office, one.recovery_id)),
        ));
    }
    let late = open && one.due_on.is_some_and(|due| due < office.today());
    Ok(Standing {
        id: format!("r-{number}"),
        name: "退回提取的资金".to_owned(),
        state: match (open, late) {
            (true, true) => Shown::fail("逾期未退").with_icon("alert"),
            (true, false) => Shown::wait("待退回"),
            (false, _) => Shown::pass("已退回"),
        },
        lead: match one.due_on.filter(|_| open) {
            Some(due) if one.debtor == recovery::debtor::SUPERVISED => format!(
                "首付款在开发企业的监管账户里，由它在{}前退回，附言写下面的追回码；钱记入您自己的公积金账户，不补利息。请把追回码告诉开发企业。",
                chinese_date(due)
            ),
            Some(due) => format!(
                "请在{}前转账退回，附言写下面的追回码；钱记入您自己的公积金账户，不补利息。可以分几次转，不要多转。",
                chinese_date(due)
            ),
            None => "已经全部退回，记入了您的公积金账户。".to_owned(),
        }
        .into(),
        facts: Facts(facts),
        said: Vec::new(),
        to_say: None,
        proof: Some(format!("/my/cases/{number}/proof.json")),
    })
}

async fn of_entry(
    office: &Office,
    one: &Entry,
    typed: Option<&SayForm>,
) -> Result<Standing, PageError> {
    let number = entry::number(office, one.entry_id);
    let before = statement::of(office, one.entry_id).await?;
    let last = statement::last_day(office, one)?
        .filter(|_| !before.iter().any(|said| said.stage == one.state));
    let mut facts: Vec<(String, Text)> = vec![
        ("情形".into(), ground_word(&one.ground).into()),
        ("依据".into(), one.finding.as_str().into()),
        ("条文".into(), "建金〔2018〕46号".into()),
    ];
    if let Some(case_id) = one.case_id {
        let number = case::number(office, case_id);
        facts.push((
            "办件".into(),
            Text::new()
                .say("编号　")
                .link(format!("/my/cases/{number}"), number),
        ));
    }
    if let (Some(from), Some(to)) = (one.from_date, one.to_date) {
        let term = format!("{}至{}", chinese_date(from), chinese_date(to));
        facts.push(("限制期".into(), term.into()));
    } else if let Some(years) = one.years {
        facts.push(("拟限制".into(), format!("{years} 年").into()));
    }
    let lead: Text = match (one.state, last) {
        (entry::state::CONFIRMED, Some(last)) => format!(
            "拟限制您提取和贷款。{}前您可以陈述申辩，申辩期间不生效；退休、死亡、丧失劳动能力、出境定居的提取不受影响。",
            chinese_date(last)
        )
        .into(),
        (entry::state::CONFIRMED, None) => "申辩期已过，或申辩正在审查。".into(),
        (entry::state::RESTRICTED, _) => {
            "限制期内不能提取和贷款（退休、死亡、丧失劳动能力、出境定居的提取除外），查询照常。资金已退回并满一年的，自动解除。".into()
        }
        _ => format!("{}，可以照常办理提取和贷款。", one.state_word()).into(),
    };
    let label = if one.state == entry::state::CONFIRMED {
        "陈述申辩"
    } else {
        "提出异议"
    };
    Ok(Standing {
        id: format!("e-{number}"),
        name: "失信记录".to_owned(),
        state: match one.state {
            entry::state::RELEASED => Shown::idle(one.state_word()),
            entry::state::RESTRICTED => Shown::fail(one.state_word()).with_icon("alert"),
            _ => Shown::wait(one.state_word()),
        },
        lead,
        facts: Facts(facts),
        said: said(office, &before),
        to_say: last.map(|_| to_say("entry", number.clone(), label, typed)),
        proof: Some(format!("{HERE}/{number}/proof.json")),
    })
}

/// What is said, and to what. The field bears the number, so that several forms of one page have fields of their own.
#[derive(Deserialize)]
pub(crate) struct SayForm {
    about: String,
    number: String,
    #[serde(flatten)]
    rest: std::collections::HashMap<String, String>,
}

impl SayForm {
    fn text(&self) -> &str {
        self.rest
            .get(&format!("text-{}", self.number))
            .map_or("", |text| text.trim())
    }
}

/// `POST /my/standing`.
pub(crate) async fn say(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Form(form): Form<SayForm>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let id = office
        .numbers
        .decode(NumberKind::Case, &form.number)
        .ok_or(PageError::NotFound)?;
    let done = match form.about.as_str() {
        "case" => statement::to_case(office, me.person_id, id, form.text()).await,
        "entry" => statement::to_entry(office, me.person_id, id, form.text()).await,
        _ => return Err(PageError::NotFound),
    };
    match done {
        Ok(()) => Ok(Redirect::to("/my/standing?done=1").into_response()),
        Err(Error::Refused(refusal)) if refusal.status == 404 => Err(PageError::NotFound),
        Err(Error::Refused(refusal)) => {
            let refused = Some((&form, refusal.detail));
            let page = draw(&portal, &visit, &me, None, refused).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET /my/standing/{entry}/proof.json`.
pub(crate) async fn proof(
    State(portal): State<Portal>,
    me: Me,
    Path(number): Path<String>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let entry_id = entry::of_number(office, &number).ok_or(PageError::NotFound)?;
    let one = entry::require(office, entry_id).await?;
    if one.person_id != me.person_id || one.confirmed_by.is_none() {
        return Err(PageError::NotFound);
    }
    proofs::file(&number, entry::proof(office, entry_id).await?)
}
