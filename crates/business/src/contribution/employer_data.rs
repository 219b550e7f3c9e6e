//! What an employer keeps up to date by itself (contribution.md §2, §14): its registered data, which the market regulator confirms, and who
//! acts for it (经办人). Invariant: a name is the registry's, never what was typed; a mandate that ends ends its sessions.

use std::sync::Arc;

use anju_casework::catalogue::{Request, Service};
use anju_casework::employer::{self, Clerk, Employer};
use anju_casework::person::purpose;
use anju_casework::{Error, Fault as Trouble, Office, Refusal, Result, books, case};
use anju_domain::id_number::IdNumber;
use anju_domain::name::PersonName;
use anju_domain::phone::Phone;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::opening::{Registration, Registry};
use super::roster::PoliceAnswer;
use super::upload::Police;

/// What is kept up to date.
enum What {
    /// 单位基础信息维护.
    Data(Arc<dyn Registry>),
    /// 经办人授权与变更.
    Clerks(Arc<dyn Police>),
}

/// A service about an employer's own data.
pub struct EmployerData {
    id: String,
    what: What,
}

impl EmployerData {
    /// The service of a definition with effect `maintain_employer`.
    pub fn of_data(id: &str, registry: &Arc<dyn Registry>) -> Self {
        Self {
            id: id.to_owned(),
            what: What::Data(registry.clone()),
        }
    }

    /// The service of a definition with effect `authorise_clerk`.
    pub fn of_clerks(id: &str, police: &Arc<dyn Police>) -> Self {
        Self {
            id: id.to_owned(),
            what: What::Clerks(police.clone()),
        }
    }

    async fn carry_out(&self, office: &Office, submission: &case::Submission) -> Result<i64> {
        let Err(error) = self.attempt(office, submission).await else {
            office.changed(submission.case_id);
            return Ok(submission.case_id);
        };
        match books::remembered(office, submission.key, submission.digest).await? {
            Some(before) => Ok(before),
            None => Err(error),
        }
    }

    async fn attempt(&self, office: &Office, submission: &case::Submission) -> Result<()> {
        let request = &submission.request;
        let employer = employer::require(office, request.applicant_id).await?;
        let change = match &self.what {
            What::Data(registry) => {
                let case_no = case::number(office, submission.case_id);
                Change::Data(Data::read(&**registry, &employer, request, &case_no).await?)
            }
            What::Clerks(police) => {
                Change::Clerk(Mandate::read(office, &**police, &employer, request).await?)
            }
        };
        let mut tx = office.pool.begin().await?;
        books::remember(
            office,
            &mut tx,
            submission.key,
            submission.digest,
            submission.case_id,
        )
        .await?;
        let detail = match &change {
            Change::Data(data) => data.write(office, &mut tx, &employer).await?,
            Change::Clerk(mandate) => mandate.write(office, &mut tx, &employer).await?,
        };
        case::begin_executing(
            office,
            &mut tx,
            case::Begun {
                case_id: submission.case_id,
                service: &self.id,
                wish: &format!("{}:{}", self.id, submission.case_id),
                applicant_id: employer.employer_id,
                branch_id: employer.branch_id,
                channel: &request.channel,
                amount_fen: None,
                promised_at: submission.promised_at,
                form: json!({}),
                detail: json!({}),
            },
            submission.actor,
        )
        .await?;
        case::end_executing(
            office,
            &mut tx,
            submission.case_id,
            case::CaseState::Done,
            &["changed", "done"],
            detail,
            submission.actor,
        )
        .await?;
        tx.commit().await?;
        Ok(())
    }
}

enum Change {
    Data(Data),
    Clerk(Mandate),
}

/// Registered data as they become.
struct Data {
    name: Option<String>,
    address: Option<String>,
    representative: Option<PersonName>,
    payday: Option<i16>,
}

impl Data {
    async fn read(
        registry: &dyn Registry,
        employer: &Employer,
        request: &Request,
        case_no: &str,
    ) -> Result<Self> {
        let payday = match request.form.get("payday").and_then(Value::as_i64) {
            None => None,
            Some(day @ 1..=31) => i16::try_from(day).ok(),
            Some(_) => {
                return Err(Refusal::rule("E-EMPR-05", "发薪日请填 1 到 31 之间的日子。").into());
            }
        };
        let representative = request
            .text("legal_representative")
            .map(PersonName::parse)
            .transpose()
            .map_err(|error| Refusal::rule("E-FORM-01", format!("法定代表人{error}。")))?;
        let registered = ["name", "address", "legal_representative"]
            .iter()
            .any(|field| request.text(field).is_some());
        if !registered && payday.is_none() {
            return Err(Refusal::rule("E-FORM-01", "请至少填写一项要变更的信息。").into());
        }
        let mut data = Self {
            name: None,
            address: None,
            representative,
            payday,
        };
        if registered {
            let registration = registry.registration(&employer.uscc, case_no).await?;
            let registration = Registration::read(&registration)?.map_err(|state| {
                let detail = format!("该单位登记状态为“{state}”，暂不能变更。");
                Refusal::rule("E-EMPR-03", detail)
            })?;
            data.confirm(registration, request)?;
        }
        Ok(data)
    }

    /// The registry's word wins over what was typed; what it does not have is taken as typed. A name is never only typed.
    fn confirm(&mut self, registration: Registration, request: &Request) -> Result<()> {
        if let Some(typed) = request.text("name") {
            let registered = registration.name.ok_or_else(|| {
                Error::from(Refusal::rule(
                    "E-EMPR-03",
                    "市场监管部门没有登记单位名称，暂不能变更名称；请先办理工商变更登记。",
                ))
            })?;
            if anju_domain::text::normalise(&registered) != anju_domain::text::normalise(typed) {
                let detail = format!(
                    "市场监管部门登记的名称是“{registered}”，与填写的不一致。请先办理工商变更登记，或按登记的名称填写。"
                );
                return Err(Refusal::rule("E-EMPR-03", detail).into());
            }
            self.name = Some(anju_domain::text::normalise(&registered));
        }
        if let Some(typed) = request.text("address") {
            self.address = Some(registration.address.unwrap_or_else(|| typed.to_owned()));
        }
        Ok(())
    }

    async fn write(
        &self,
        office: &Office,
        tx: &mut PgConnection,
        employer: &Employer,
    ) -> Result<Value> {
        let representative = self
            .representative
            .as_ref()
            .map(|name| office.vault.seal(purpose::NAME, name.expose().as_bytes()));
        sqlx::query(
            "UPDATE employer
                SET name = coalesce($3, name), address = coalesce($4, address), payday = coalesce($5, payday),
                    legal_representative_sealed = coalesce($6, legal_representative_sealed)
              WHERE centre_id = $1 AND employer_id = $2",
        )
        .bind(office.centre.id)
        .bind(employer.employer_id)
        .bind(&self.name)
        .bind(&self.address)
        .bind(self.payday)
        .bind(representative)
        .execute(tx)
        .await?;
        let mut detail = json!({ "before": {}, "after": {} });
        if let Some(name) = &self.name {
            detail["before"]["name"] = employer.name.as_str().into();
            detail["after"]["name"] = name.as_str().into();
        }
        if let Some(address) = &self.address {
            detail["after"]["address"] = address.as_str().into();
        }
        if let Some(payday) = self.payday {
            detail["before"]["payday"] = employer.payday.into();
            detail["after"]["payday"] = payday.into();
        }
        if let Some(name) = &self.representative {
            detail["after"]["legal_representative"] = anju_domain::name::mask(name.expose()).into();
        }
        Ok(detail)
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
            (false, None, None) => {
                Err(Trouble::Stored("a mandate without a name".to_owned()).into())
            }
        }
    }
}

impl Service for EmployerData {
    fn id(&self) -> &str {
        &self.id
    }

    fn begins_itself(&self) -> bool {
        true
    }

    fn begin<'a>(
        &'a self,
        office: &'a Office,
        submission: &'a case::Submission,
    ) -> BoxFuture<'a, Result<Option<i64>>> {
        async move { self.carry_out(office, submission).await.map(Some) }.boxed()
    }
}
