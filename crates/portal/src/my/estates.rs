//! `/my/estates` 继承份额确认: whoever is named as an heir in somebody else's application reads the shares and says with his own login whether they
//! are as agreed. To agree he names his card and shows his face; to refuse his login is enough.

use anju_business::withdrawal::estate::OTHERS;
use anju_business::withdrawal::estate::consent::{self, Asked, state};
use anju_casework::case::{self, Case};
use anju_casework::person::{self, Person};
use anju_casework::{Error, Office};
use anju_domain::name::mask;
use anju_policy::Form as Inputs;
use anju_vault::NumberKind;
use axum::Form;
use axum::extract::{Multipart, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::Value;

use crate::authorization::Me;
use crate::components::{
    Button, ErrorSummary, Field, FieldKind, Flash, Mistake, Row, Rows, State as Shown, Summary,
    SummaryRow, Text, Tone,
};
use crate::frame::MyTab;
use crate::my::apply::{asking, compare, picture};
use crate::my::frame;
use crate::pages::error::PageError;
use crate::pages::my::EstatesPage;
use crate::security::Visit;
use crate::serve::Portal;
use crate::service::{CheckPage, CheckSheet, FacePage};
use crate::shares::percent;
use crate::when;

const HERE: &str = "/my/estates";

/// Applications that the page shows.
const SHOWN: i64 = 20;

fn shown(one: &Asked) -> Shown {
    match one.state {
        state::AGREED => Shown::pass("已同意"),
        state::REFUSED => Shown::fail("不同意"),
        _ => Shown::wait("等确认"),
    }
}

async fn myself(office: &Office, me: &Me) -> Result<Person, PageError> {
    person::get(office, me.person_id)
        .await?
        .ok_or(PageError::LogIn)
}

/// `GET /my/estates`.
pub(crate) async fn list(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
) -> Result<EstatesPage, PageError> {
    let office = &portal.engine.office;
    let now = office.now();
    let heir = myself(office, &me).await?;
    let rows = consent::of_heir(office, &heir, SHOWN)
        .await?
        .iter()
        .map(|one| {
            let number = case::number(office, one.case_id);
            Row::to(format!("{HERE}/{number}"), format!("继承提取 {number}"))
                .note(format!(
                    "您的份额 {}，{}请您确认",
                    percent(one.share_bp),
                    when::minute(one.asked_at, now)
                ))
                .value(Text::new().state(&shown(one)))
        })
        .collect::<Vec<_>>();
    Ok(EstatesPage {
        frame: frame(&visit, "继承份额确认", MyTab::Me, Some(("/my/me", "我的"))),
        is_empty: rows.is_empty(),
        rows: Rows::new(rows),
    })
}

/// Applications that wait for this person's word, as rows of his first page.
pub(super) async fn asked(office: &Office, heir: &Person) -> Result<Vec<Row>, PageError> {
    Ok(consent::of_heir(office, heir, SHOWN)
        .await?
        .iter()
        .filter(|one| one.state == state::ASKED)
        .map(|one| {
            let number = case::number(office, one.case_id);
            Row::to(format!("{HERE}/{number}"), "继承份额等您确认")
                .note(format!(
                    "有人申请继承提取，您的份额 {}",
                    percent(one.share_bp)
                ))
                .value(Text::new().state(&shown(one)))
        })
        .collect())
}

/// What the others have said, for the page of the applicant's case.
pub(crate) async fn answers(office: &Office, case: &Case) -> Result<Vec<Row>, PageError> {
    let form = case.open_form(office)?;
    Ok(consent::of_case(office, case.case_id)
        .await?
        .iter()
        .map(|one| {
            let name = text(&form, &format!("heir_{}_name", one.place));
            Row::of(mask(name))
                .note(format!("份额 {}", percent(one.share_bp)))
                .value(Text::new().state(&shown(one)))
        })
        .collect())
}

fn text<'f>(form: &'f Inputs, field: &str) -> &'f str {
    form.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn share(form: &Inputs, field: &str) -> String {
    let bp = form.get(field).and_then(Value::as_i64).unwrap_or(0);
    percent(i32::try_from(bp).unwrap_or(0))
}

/// What one is asked, with the case that it stands in.
struct Question {
    heir: Person,
    asked: Asked,
    case: Case,
    number: String,
}

async fn question(portal: &Portal, me: &Me, number: &str) -> Result<Question, PageError> {
    let office = &portal.engine.office;
    let case_id = office
        .numbers
        .decode(NumberKind::Case, number)
        .ok_or(PageError::NotFound)?;
    let heir = myself(office, me).await?;
    let asked = consent::require(office, &heir, case_id).await?;
    Ok(Question {
        case: case::require(office, case_id).await?,
        heir,
        asked,
        number: number.to_owned(),
    })
}

/// Who applies, whose estate it is, and everybody's share; names are covered but for one's own part.
async fn summary(office: &Office, one: &Question) -> Result<Summary, PageError> {
    let form = one.case.open_form(office)?;
    let applicant = person::masked_names(office, &[one.case.applicant_id]).await?;
    let applicant = applicant
        .get(&one.case.applicant_id)
        .map_or("—", String::as_str);
    let mut rows = vec![
        SummaryRow::new("申请人", applicant),
        SummaryRow::new("逝者", mask(text(&form, "deceased_name"))),
        SummaryRow::new("您的份额", Text::new().strong(percent(one.asked.share_bp))),
        SummaryRow::new("申请人的份额", share(&form, "share_bp")),
    ];
    for place in OTHERS {
        let name = text(&form, &format!("heir_{place}_name"));
        if !name.is_empty() && i16::try_from(place) != Ok(one.asked.place) {
            let words = share(&form, &format!("heir_{place}_share_bp"));
            rows.push(SummaryRow::new(format!("{}的份额", mask(name)), words));
        }
    }
    Ok(Summary::new(rows))
}

/// What is typed.
#[derive(Deserialize, Default)]
pub(crate) struct SayForm {
    #[serde(default)]
    agrees: String,
    #[serde(default)]
    card_no: String,
}

async fn draw(
    portal: &Portal,
    visit: &Visit,
    one: &Question,
    typed: &SayForm,
    mistake: Option<(&'static str, String)>,
) -> Result<CheckPage, PageError> {
    let office = &portal.engine.office;
    let open = one.asked.state == state::ASKED;
    let said = |field: &str| {
        mistake
            .as_ref()
            .filter(|(at, _)| *at == field)
            .map(|(_, words)| words.clone())
    };
    let mut fields = Vec::new();
    if open {
        let choices = [("", "请选"), ("yes", "同意"), ("no", "不同意")]
            .map(|(code, words)| (code.to_owned(), words.to_owned()));
        fields.push(
            Field::select("agrees", "这样分，您同意吗？", choices.into())
                .value(&*typed.agrees)
                .error(said("agrees")),
        );
        if one.asked.share_bp > 0 {
            fields.push(
                Field::new("card_no", "您的收款卡号", FieldKind::Digits)
                    .hint("您本人名下的一类借记卡，您的一份付到这里；不同意的不用填")
                    .value(&*typed.card_no)
                    .optional()
                    .error(said("card_no")),
            );
        }
    }
    let flash = match one.asked.state {
        state::AGREED => Some(Flash::new(
            Tone::Pass,
            "您同意了。其他继承人都确认后，工作人员复核，通过就付款。",
        )),
        state::REFUSED => Some(Flash::new(
            Tone::Fail,
            "您不同意，这件申请不再办理。可以和家人商量好再申请，也可以凭公证书或法院文书办理。",
        )),
        _ => None,
    };
    let mistakes: Vec<Mistake> = mistake
        .iter()
        .map(|(at, words)| Mistake::at(*at, words.as_str()))
        .collect();
    let mut page = frame(
        visit,
        "继承份额确认",
        MyTab::Me,
        Some((HERE, "继承份额确认")),
    );
    page.head.failed = !mistakes.is_empty();
    Ok(CheckPage {
        frame: page,
        sheet: CheckSheet {
            step: "死亡提取 · 继承人确认".to_owned(),
            question: if open {
                "请核对份额，再答复".into()
            } else {
                "您已经答复".into()
            },
            errors: ErrorSummary::of(mistakes),
            flash,
            amount: None,
            summary: summary(office, one).await?,
            fields,
            more: Vec::new(),
            groups: Vec::new(),
            consent: "同意即确认您是继承人、份额由全体继承人商定，并同意我们向银联核对这张卡是不是您本人的。".into(),
            action: format!("{HERE}/{}", one.number),
            hidden: vec![("csrf", visit.csrf.clone())],
            button: if open {
                Button::submit("答复").wide()
            } else {
                Button::go("回到继承份额确认", HERE).wide()
            },
            after: "有一位继承人不同意，这件申请就不再办理；没有全部确认的，到期自动结束。".into(),
        },
    })
}

/// `GET /my/estates/{case}`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Path(number): Path<String>,
) -> Result<CheckPage, PageError> {
    let one = question(&portal, &me, &number).await?;
    draw(&portal, &visit, &one, &SayForm::default(), None).await
}

/// What the face step is bound to: this share of this case, to this card.
fn action_of(one: &Question, card_no: &str) -> [u8; 32] {
    let words = format!(
        "estate\n{}\n{}\n{}\n{card_no}",
        one.asked.case_id, one.asked.place, one.asked.share_bp
    );
    anju_vault::sm3(words.as_bytes())
}

/// `POST /my/estates/{case}`: a refusal counts at once; who agrees shows his face next.
pub(crate) async fn say(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
    Path(number): Path<String>,
    Form(form): Form<SayForm>,
) -> Result<Response, PageError> {
    let one = question(&portal, &me, &number).await?;
    let mistake = match form.agrees.as_str() {
        "no" => {
            let done =
                consent::answer(&portal.engine.office, &one.heir, &one.asked, false, None).await;
            return answered(&portal, &visit, &me, &number, &form, done).await;
        }
        "yes" if one.asked.share_bp == 0 => None,
        "yes" => anju_domain::card::CardNumber::parse(&form.card_no)
            .err()
            .map(|error| ("card_no", error.to_string())),
        _ => Some(("agrees", "请选同意或不同意".to_owned())),
    };
    if mistake.is_some() {
        let page = draw(&portal, &visit, &one, &form, mistake).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    Ok(face_page(&visit, &one, &form.card_no, None).into_response())
}

fn face_page(visit: &Visit, one: &Question, card: &str, error: Option<&str>) -> FacePage {
    let back = format!("{HERE}/{}", one.number);
    let mut frame = frame(visit, "本人核对", MyTab::Me, Some((&back, "继承份额确认")));
    frame.head.failed = error.is_some();
    FacePage {
        frame,
        step: "继承份额确认 · 最后一步".to_owned(),
        error: error.map(str::to_owned),
        action: format!("{back}/face"),
        hidden: vec![
            ("csrf".to_owned(), visit.csrf.clone()),
            ("card_no".to_owned(), card.to_owned()),
        ],
        button: Button::submit(
            Text::new()
                .say("核对是我本人，同意我的份额 ")
                .say(percent(one.asked.share_bp)),
        )
        .wide(),
    }
}

/// `POST /my/estates/{case}/face`.
pub(crate) async fn face(
    State(portal): State<Portal>,
    visit: Visit,
    mut me: Me,
    Path(number): Path<String>,
    parts: Multipart,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let one = question(&portal, &me, &number).await?;
    let (typed, taken) = picture(parts).await?;
    let card = typed.get("card_no").cloned().unwrap_or_default();
    let asking = asking(&portal, &visit, &me).await?;
    let policy = office.policy();
    let service = policy
        .set
        .service(&one.case.service)
        .ok_or(PageError::NotFound)?;
    let action = action_of(&one, &card);
    if let Some(words) = compare(&asking, service, &mut me.session, &action, &taken).await? {
        return Ok(face_page(&visit, &one, &card, Some(words)).into_response());
    }
    let done = portal
        .engine
        .agree_to_share(&one.heir, &one.asked, &card)
        .await;
    let form = SayForm {
        agrees: "yes".to_owned(),
        card_no: card,
    };
    answered(&portal, &visit, &me, &number, &form, done).await
}

async fn answered(
    portal: &Portal,
    visit: &Visit,
    me: &Me,
    number: &str,
    form: &SayForm,
    done: anju_casework::Result<()>,
) -> Result<Response, PageError> {
    match done {
        Ok(()) => Ok(Redirect::to(&format!("{HERE}/{number}")).into_response()),
        Err(Error::Refused(refusal)) => {
            let field = if refusal.code == "E-W-08" {
                "card_no"
            } else {
                "agrees"
            };
            let status =
                StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            let again = question(portal, me, number).await?;
            let mistake = Some((field, refusal.detail));
            let page = draw(portal, visit, &again, form, mistake).await?;
            Ok((status, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}
