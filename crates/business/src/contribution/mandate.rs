//! Who acts for an employer (经办人授权与变更, contribution.md §2.2). Invariant: a mandate that ends ends its sessions, and one clerk always
//! stays.

use std::sync::Arc;

use anju_casework::catalogue::{Request, Service};
use anju_casework::employer::{self, Clerk, Employer};
use anju_casework::{Error, Fault, Office, Refusal, Result, case};
use anju_domain::id_number::IdNumber;
use anju_domain::name::PersonName;
use anju_domain::phone::Phone;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::roster::PoliceAnswer;
use super::upload::Police;

/// The service of giving and ending mandates.
pub struct Mandates {
    id: String,
    police: Arc<dyn Police>,
}

impl Mandates {
    /// The service of a definition with effect `authorise_clerk`.
    pub fn new(id: &str, police: &Arc<dyn Police>) -> Self {
        Self {
            id: id.to_owned(),
            police: police.clone(),
        }
    }

    async fn carry_out(&self, office: &Office, submission: &case::Submission) -> Result<i64> {
        let request = &submission.request;
        // LEr (services.md §2): the legal representative's licence, or the clerk's own code for this very act.
        if !request.face_passed && !request.at_counter() {
            let detail = "授权和结束授权要再确认一次：请法定代表人用电子营业执照登录，或用您手机上的验证码。";
            return Err(Refusal::new(403, "E-AUTH-04", detail).into());
        }
        let employer = employer::require(office, request.applicant_id).await?;
        let mandate = Mandate::read(office, &*self.police, &employer, request).await?;
        let mut tx = office.pool.begin().await?;
        let done = mandate.write(office, &mut tx, &employer).await?;
        case::at_once(
            office,
            &mut tx,
            submission,
            case::AtOnce {
                wish: &format!("{}:{}", self.id, submission.case_id),
                branch_id: employer.branch_id,
                form: json!({}),
                begun: json!({}),
                step: "changed",
                done,
            },
        )
        .await?;
        tx.commit().await?;
        Ok(submission.case_id)
    }
}

/// Who is given a mandate, or whose mandate ends.
struct Mandate {
    name: Option<PersonName>,
    phone: Phone,
    ends: bool,
    /// Who acts with this phone now.
    known: Option<Clerk>,
}

impl Mandate {
    async fn read(
        office: &Office,
        police: &dyn Police,
        employer: &Employer,
        request: &Request,
    ) -> Result<Self> {
        let wrong = |what: String| Error::from(Refusal::rule("E-FORM-01", what));
        let phone = Phone::parse(request.text("phone").unwrap_or_default())
            .map_err(|error| wrong(format!("经办人手机号：{error}。")))?;
        let ends = request.form.get("end").and_then(Value::as_bool) == Some(true);
        let name = request
            .text("name")
            .map(PersonName::parse)
            .transpose()
            .map_err(|error| wrong(format!("经办人{error}。")))?;
        let known = employer::clerk_by_phone(office, employer.employer_id, &phone).await?;
        if ends {
            return Ok(Self {
                name,
                phone,
                ends,
                known,
            });
        }
        let Some(name) = name else {
            return Err(wrong("请填写经办人姓名。".to_owned()));
        };
        let id = IdNumber::parse(request.text("id_no").unwrap_or_default())
            .map_err(|error| wrong(format!("经办人证件号码：{error}。")))?;
        let pair = [(id.expose().to_owned(), name.expose().to_owned())];
        match police.verify(&pair).await.first() {
            Some(PoliceAnswer::Matched) => Ok(Self {
                name: Some(name),
                phone,
                ends,
                known,
            }),
            Some(PoliceAnswer::Unknown) | None => Err(Refusal::new(
                503,
                "E-PERS-02",
                "公安人口库暂时没有回复，请过几分钟再试，已填的内容不用改。",
            )
            .into()),
            Some(_) => Err(Refusal::rule(
                "E-PERS-02",
                "姓名与证件号码核验不一致，请核对后重新提交。",
            )
            .into()),
        }
    }

    async fn write(
        &self,
        office: &Office,
        tx: &mut PgConnection,
        employer: &Employer,
    ) -> Result<Value> {
        match (self.ends, &self.known, &self.name) {
            (true, None, _) => {
                Err(Refusal::rule("E-FORM-01", "没有这个手机号的经办人，请核对。").into())
            }
            (true, Some(clerk), _) => {
                employer::end_clerk(office, tx, employer.employer_id, clerk.clerk_id).await?;
                Ok(json!({ "ended": anju_domain::name::mask(&clerk.name) }))
            }
            (false, Some(_), _) => {
                let detail = "这个手机号的经办人已经在册，不用重复授权。";
                Err(Refusal::new(409, "E-FORM-01", detail).into())
            }
            (false, None, Some(name)) => {
                employer::add_clerk(office, tx, employer.employer_id, name.expose(), &self.phone)
                    .await?;
                Ok(json!({ "authorised": anju_domain::name::mask(name.expose()) }))
            }
            (false, None, None) => Err(Fault::Stored("a mandate without a name".to_owned()).into()),
        }
    }
}

impl Service for Mandates {
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
