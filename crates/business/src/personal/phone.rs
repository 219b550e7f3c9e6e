//! Another mobile phone (个人手机号码变更, contribution.md §14, channels.md §3). Invariant: the new phone proved itself by a code that was
//! sent to it for this person; one phone is one person's; who logged in with the old phone is out.

use anju_casework::catalogue::{Request, Service};
use anju_casework::person::{self, Person};
use anju_casework::person_data::{self, Act, Change, What};
use anju_casework::{Actor, Error, Office, Refusal, Result, case, membership, session};
use anju_domain::phone::Phone;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::json;
use sqlx::PgConnection;

/// The service of changing one's phone.
pub struct PhoneChange {
    id: String,
}

/// What the code to a new phone is for: this person's change and nothing else.
fn code_purpose(person_id: i64) -> String {
    format!("mobile-change:{person_id}")
}

/// Sends the code by which a new phone proves itself.
///
/// # Errors
/// 422 where it is no phone or the person's own already; 429 for too many codes.
pub async fn send_code(office: &Office, person: &Person, phone: &str) -> Result<()> {
    let phone = another(person, phone)?;
    let purpose = code_purpose(person.person_id);
    session::send_code(office, &phone, &purpose, "变更手机号").await
}

/// The new phone, which is not the registered one.
fn another(person: &Person, phone: &str) -> Result<Phone> {
    let phone = Phone::parse(phone).map_err(|error| {
        Error::from(Refusal::rule("E-FORM-01", format!("{error}。")).at("phone"))
    })?;
    if person.phone.as_ref() == Some(&phone) {
        let detail = "新手机号和现在登记的一样，不用变更。";
        return Err(Refusal::rule("E-PHONE-01", detail).at("phone").into());
    }
    Ok(phone)
}

impl PhoneChange {
    /// The service of a definition with effect `change_phone`.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned() }
    }

    async fn carry_out(&self, office: &Office, submission: &case::Submission) -> Result<i64> {
        let request = &submission.request;
        let person = person::get(office, request.applicant_id)
            .await?
            .ok_or_else(|| Refusal::not_found("这位职工"))?;
        let phone = another(&person, request.text("phone").unwrap_or_default())?;
        prove(office, submission, &person, &phone).await?;
        let branch_id = membership::of_person(office, person.person_id)
            .await?
            .first()
            .map_or(office.centre.head_branch, |one| one.branch_id);
        let mut tx = office.pool.begin().await?;
        self.write(office, &mut tx, submission, &phone, branch_id)
            .await?;
        tx.commit().await?;
        office.changed_with_messages(submission.case_id);
        Ok(submission.case_id)
    }

    async fn write(
        &self,
        office: &Office,
        tx: &mut PgConnection,
        submission: &case::Submission,
        phone: &Phone,
        branch_id: i16,
    ) -> Result<()> {
        let person_id = submission.request.applicant_id;
        if person::phone_is_taken(office, tx, person_id, phone).await? {
            let detail = "这个手机号已经登记在别人名下，一个手机号只能登记给一个人。请换一个号码；如果这确实是您的号码，请对方先变更自己的手机号。";
            return Err(Refusal::new(409, "E-PHONE-02", detail).at("phone").into());
        }
        // What stands now, not what was read before the code was looked at: two changes at once come one after the other.
        let person = super::held(office, tx, person_id).await?;
        let before = another(&person, phone.expose()).map(|_| person.phone)?;
        person::put_phone(office, tx, person_id, phone).await?;
        let act = Act {
            case_id: submission.case_id,
            actor: submission.actor,
            channel: &submission.request.channel,
        };
        let change = Change {
            person_id,
            what: What::Phone,
            before: before.as_ref().map(Phone::expose),
            after: phone.expose(),
        };
        person_data::note(office, tx, &change, act).await?;
        session::end_others(office, tx, person_id, submission.digest).await?;
        if let Some(before) = &before {
            session::spoil_codes(office, tx, before).await?;
            let text = format!(
                "【公积金】您登记的手机号已换成 {phone}。不是您本人办的，请马上拨打 12329。"
            );
            super::tell(office, tx, submission.case_id, before, &text).await?;
        }
        let text = "【公积金】这个号码已登记为您的手机号，今后的办理结果发到这里。";
        super::tell(office, tx, submission.case_id, phone, text).await?;
        let done = json!({
            "changed": [What::Phone.code()],
            "before": before.map(|before| before.to_string()),
            "after": phone.to_string(),
        });
        let at_once = case::AtOnce {
            wish: &format!("{}:{}", self.id, submission.case_id),
            branch_id,
            form: json!({}),
            begun: json!({ "channel": submission.request.channel }),
            step: "changed",
            done,
        };
        case::at_once(office, tx, submission, at_once).await
    }
}

/// The face was compared, or the person stands at the counter; and the code of the new phone is right. The key of a demo centre stands
/// for both steps (doors.md §1).
async fn prove(
    office: &Office,
    submission: &case::Submission,
    person: &Person,
    phone: &Phone,
) -> Result<()> {
    let request: &Request = &submission.request;
    if !request.face_passed && !request.at_counter() {
        let detail = "身份核验未通过，请按提示重新进行人脸识别或到柜台办理。";
        return Err(Refusal::new(403, "E-W-01", detail).into());
    }
    let wrong = |refusal: Refusal| Error::from(refusal.at("code"));
    match request.text("code") {
        None if submission.actor == Actor::Interface => Ok(()),
        None => Err(wrong(Refusal::rule(
            "E-FORM-01",
            "请填写新手机收到的验证码。",
        ))),
        Some(code) => {
            match session::take_code(office, phone, &code_purpose(person.person_id), code).await {
                Err(Error::Refused(refusal)) => Err(wrong(*refusal)),
                other => other,
            }
        }
    }
}

impl Service for PhoneChange {
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
