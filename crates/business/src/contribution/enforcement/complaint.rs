//! 反映单位未缴 (`ask-complaint`, kind report-unpaid): an employee says that his employer does not pay, or not enough. It opens a clue; the
//! employer never learns who spoke, the employee learns what became of it.

use std::sync::Arc;

use anju_casework::catalogue::{Request, Service};
use anju_casework::employer::{self, Employer};
use anju_casework::{
    Actor, Error, Office, Refusal, Result, access_log, books, case, membership, outbox, person,
};
use anju_domain::calendar::Month;
use anju_domain::name::PersonName;
use anju_domain::uscc::Uscc;
use anju_vault::NumberKind;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::json;
use sqlx::PgConnection;

use super::clue::{self, Found};
use super::{Enforcement, Kind, Source};
use crate::contribution::one_stop::{self, Founded, Message};
use crate::contribution::registry::{Registration, Registry};

/// The service of complaints.
pub struct Complaints {
    id: String,
    registry: Arc<dyn Registry>,
}

impl Complaints {
    /// The service of a definition with effect `take_complaint`.
    pub fn new(id: &str, registry: &Arc<dyn Registry>) -> Self {
        Self {
            id: id.to_owned(),
            registry: registry.clone(),
        }
    }

    async fn carry_out(&self, office: &Office, submission: &case::Submission) -> Result<i64> {
        let request = &submission.request;
        let employer = match whom(office, request).await? {
            Whom::Known(employer) => *employer,
            Whom::Unknown(uscc) => self.register(office, submission, uscc).await?,
        };
        let (from, to) = months(office, request)?;
        let words = request.text("text").unwrap_or_default().trim();
        if !(4..=2000).contains(&words.chars().count()) {
            return Err(Refusal::rule("E-FORM-01", "请写清楚情况，4 到 2000 个字。").into());
        }
        let has_account = membership::of_person(office, request.applicant_id)
            .await?
            .iter()
            .any(|one| one.employer_id == employer.employer_id);
        let mut tx = office.pool.begin().await?;
        books::remember(
            office,
            &mut tx,
            submission.key,
            submission.digest,
            submission.case_id,
        )
        .await?;
        case::begin_executing(
            office,
            &mut tx,
            case::Begun {
                case_id: submission.case_id,
                service: &self.id,
                wish: &format!("{}:{}", self.id, employer.employer_id),
                applicant_id: request.applicant_id,
                branch_id: employer.branch_id,
                channel: &request.channel,
                amount_fen: None,
                promised_at: submission.promised_at,
                form: json!({
                    "kind": "report-unpaid",
                    "employer": office.numbers.encode(NumberKind::Employer, employer.employer_id),
                    "from": from.map(|month| month.to_string()),
                    "to": to.map(|month| month.to_string()),
                    "text": case::sealed_text(office, words),
                }),
                detail: json!({ "kind": "report-unpaid" }),
            },
            submission.actor,
        )
        .await?;
        let found = Found {
            employer_id: employer.employer_id,
            branch_id: employer.branch_id,
            source: Source::Complaint as i16,
            from_month: from.map(Month::index),
            to_month: to.map(Month::index),
            gap: None,
        };
        clue::open(
            office,
            &mut tx,
            &found,
            Some(submission.case_id),
            !has_account,
        )
        .await?;
        tx.commit().await?;
        Ok(submission.case_id)
    }
}

/// Whom a complaint is about.
enum Whom {
    /// An employer that we know.
    Known(Box<Employer>),
    /// A right credit code of one that never came to us.
    Unknown(Uscc),
}

fn unknown() -> Error {
    let detail = "没有找到这个单位，请核对统一社会信用代码。";
    Refusal::rule("E-FORM-01", detail).into()
}

impl Complaints {
    /// A company that never registered with us (Reg. Art 37): what the market regulator says of it is put down as a pre-opened account, so
    /// that the clue has somebody to be about.
    async fn register(
        &self,
        office: &Office,
        submission: &case::Submission,
        uscc: Uscc,
    ) -> Result<Employer> {
        let case_no = case::number(office, submission.case_id);
        let fact = self.registry.registration(uscc.as_str(), &case_no).await?;
        let Ok(found) = Registration::read(&fact)? else {
            return Err(unknown());
        };
        let representative = found.representative.unwrap_or_default();
        let founded = Founded {
            name: found.name.ok_or_else(unknown)?,
            kind: "其他".to_owned(),
            address: found.address.unwrap_or_default(),
            district: found.region.ok_or_else(unknown)?,
            representative: PersonName::parse(&representative).map_err(|_| unknown())?,
            founded: found.founded.unwrap_or_else(|| office.today()),
            uscc,
        };
        let message = Message {
            serial: &format!("complaint:{case_no}"),
            body: founded.uscc.as_str().as_bytes(),
            promised_at: submission.promised_at,
        };
        one_stop::pre_open(office, message, &founded).await
    }
}

/// Whom the complaint is about: by credit code or number, else his own employer.
async fn whom(office: &Office, request: &Request) -> Result<Whom> {
    let known = |employer| Whom::Known(Box::new(employer));
    match request
        .text("employer")
        .map(str::trim)
        .filter(|text| !text.is_empty())
    {
        Some(typed) => {
            let typed = typed.to_ascii_uppercase();
            if let Ok(uscc) = Uscc::parse(&typed) {
                return Ok(match employer::by_uscc(office, &uscc).await? {
                    Some(employer) => known(employer),
                    None => Whom::Unknown(uscc),
                });
            }
            let id = office
                .numbers
                .decode(NumberKind::Employer, &typed)
                .ok_or_else(unknown)?;
            let found = employer::get(office, &office.pool, id).await?;
            found.map(known).ok_or_else(unknown)
        }
        None => {
            let own = membership::of_person(office, request.applicant_id).await?;
            let own = own.first().ok_or_else(unknown)?;
            Ok(known(employer::require(office, own.employer_id).await?))
        }
    }
}

fn months(office: &Office, request: &Request) -> Result<(Option<Month>, Option<Month>)> {
    let read = |field: &str| {
        request
            .text(field)
            .filter(|text| !text.is_empty())
            .map(|text| {
                Month::parse(text).map_err(|error| Refusal::rule("E-FORM-01", format!("{error}。")))
            })
            .transpose()
    };
    let (from, to) = (read("from")?, read("to")?);
    let to = to.or(from);
    let from = from.or(to);
    if from > to || to.is_some_and(|to| to > Month::of(office.today())) {
        return Err(Refusal::rule(
            "E-FORM-01",
            "起月不能晚于止月，止月不能晚于本月，请改月份。",
        )
        .into());
    }
    Ok((from, to))
}

/// What the employee wrote, for who follows it up; none of a complaint that is not there. The employee can see who read it.
///
/// # Errors
/// The database, a text that was changed.
pub async fn words(office: &Office, complaint_id: i64, reader: Actor) -> Result<Option<String>> {
    let Some(complaint) = case::get(office, &office.pool, complaint_id).await? else {
        return Ok(None);
    };
    let words = case::opened_text(office, &complaint.form["text"])?;
    let (whose, what) = (complaint.applicant_id, "反映的情况");
    access_log::note(office, reader, whose, what, "催缴执法", Some(complaint_id)).await?;
    Ok(Some(words))
}

/// What became of a complaint is told to whoever made it, and its case ends with the first word about it.
pub(super) async fn follow(
    office: &Office,
    tx: &mut PgConnection,
    one: &Enforcement,
    kind: Kind,
) -> Result<()> {
    let Some(complaint_id) = one.complaint_id else {
        return Ok(());
    };
    let (step, words) = match kind {
        Kind::Notice => (
            Some("accepted"),
            "【公积金】您反映的情况已核查，已向单位发出催缴通知。办理结果会再告诉您。",
        ),
        Kind::Unfounded => (
            Some("answered"),
            "【公积金】您反映的情况已核查，没有发现欠缴。有新的材料可以再反映。",
        ),
        Kind::Order => (
            None,
            "【公积金】您反映的单位已被责令限期缴存，到账后记入您的账户。",
        ),
        Kind::Paid | Kind::Executed => {
            (None, "【公积金】您反映的欠缴已办结，请在“账户明细”里核对。")
        }
        _ => return Ok(()),
    };
    let complaint = case::get(office, &mut *tx, complaint_id).await?;
    let Some(complaint) = complaint else {
        return Ok(());
    };
    if let Some(step) = step
        && complaint.state() == case::CaseState::Executing
    {
        let steps = [step, "done"];
        case::end_executing(
            office,
            tx,
            complaint_id,
            case::CaseState::Done,
            &steps,
            json!({}),
            Actor::System,
        )
        .await?;
    }
    if let Some(phone) = person::phone_sealed(office, tx, complaint.applicant_id).await? {
        let payload = json!({ "phone": hex::encode(phone), "text": words });
        outbox::enqueue(
            office,
            tx,
            outbox::kind::SMS,
            Some(complaint_id),
            payload,
            office.now(),
        )
        .await?;
    }
    Ok(())
}

impl Service for Complaints {
    fn id(&self) -> &str {
        &self.id
    }

    fn begin<'a>(
        &'a self,
        office: &'a Office,
        submission: &'a case::Submission,
    ) -> Option<BoxFuture<'a, Result<i64>>> {
        Some(self.carry_out(office, submission).boxed())
    }
}
