//! The registered data of an employer (单位基础信息维护, contribution.md §14), which the market regulator confirms. Invariant: a name is the
//! registry's, never what was typed.

use std::sync::Arc;

use anju_casework::catalogue::{Approved, Carried, Request, Service};
use anju_casework::employer::{self, Employer};
use anju_casework::person::purpose;
use anju_casework::{Error, Office, Refusal, Result, case};
use anju_domain::name::PersonName;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::parties::{self, Event};
use super::registry::{Registration, Registry};

/// The service.
pub const SERVICE: &str = "employer-info-maintain";

/// The service of keeping an employer's data.
pub struct EmployerData {
    id: String,
    registry: Arc<dyn Registry>,
}

impl EmployerData {
    /// The service of a definition with effect `maintain_employer`.
    pub fn new(id: &str, registry: &Arc<dyn Registry>) -> Self {
        Self {
            id: id.to_owned(),
            registry: registry.clone(),
        }
    }

    async fn carry_out(&self, office: &Office, submission: &case::Submission) -> Result<i64> {
        let request = &submission.request;
        let employer = employer::require(office, request.applicant_id).await?;
        let case_no = case::number(office, submission.case_id);
        let data = Data::read(&*self.registry, &employer, request, &case_no).await?;
        let mut tx = office.pool.begin().await?;
        let done = data.write(office, &mut tx, &employer).await?;
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
        if data.is_registered() {
            let (employer_id, case_id) = (employer.employer_id, submission.case_id);
            let today = office.today();
            parties::say(office, &mut tx, employer_id, case_id, Event::Changed, today).await?;
        }
        tx.commit().await?;
        Ok(submission.case_id)
    }
}

/// Registered data as they become.
pub(super) struct Data {
    pub(super) name: Option<String>,
    pub(super) address: Option<String>,
    pub(super) representative: Option<PersonName>,
    pub(super) payday: Option<i16>,
    /// Letter of GB/T 4754; the definition's options are the only ones.
    pub(super) industry: Option<String>,
}

/// 所属行业: the letter of GB/T 4754 that an employer has given; none where it has not.
///
/// # Errors
/// The database.
pub async fn industry(office: &Office, employer_id: i64) -> Result<Option<String>> {
    Ok(sqlx::query_scalar(
        "SELECT industry FROM employer WHERE centre_id = $1 AND employer_id = $2",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .fetch_optional(&office.pool)
    .await?
    .flatten())
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
        let industry = request.text("industry").map(str::to_owned);
        if !registered && payday.is_none() && industry.is_none() {
            return Err(Refusal::rule("E-FORM-01", "请至少填写一项要变更的信息。").into());
        }
        let mut data = Self {
            name: None,
            address: None,
            representative,
            payday,
            industry,
        };
        if registered {
            let registration = registry.registration(&employer.uscc, case_no).await?;
            let registration = Registration::read(&registration)?.map_err(|state| {
                let detail = format!("该单位登记状态为“{state}”，暂不能变更。请先到登记它的部门（企业到市场监管部门，机关、事业单位到机构编制部门）恢复登记；已注销的办理销户。");
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
                    "登记部门没有登记单位名称，暂不能变更名称；请先到登记部门办理变更登记。",
                ))
            })?;
            if anju_domain::text::normalise(&registered) != anju_domain::text::normalise(typed) {
                let detail = format!(
                    "登记部门登记的名称是“{registered}”，与填写的不一致。请先到登记部门办理变更登记，或按登记的名称填写。"
                );
                return Err(Refusal::rule("E-EMPR-03", detail).into());
            }
            self.name = Some(anju_domain::text::normalise(&registered));
        }
        if let (Some(typed), Some(registered)) =
            (&self.representative, &registration.representative)
            && anju_domain::text::normalise(typed.expose())
                != anju_domain::text::normalise(registered)
        {
            let detail = "登记部门登记的法定代表人与填写的不一致。请先到登记部门办理变更登记，或按登记的填写。";
            return Err(Refusal::rule("E-EMPR-03", detail).into());
        }
        if let Some(typed) = request.text("address") {
            let typed = anju_domain::text::normalise(typed);
            if let Some(registered) = &registration.address
                && anju_domain::text::normalise(registered) != typed
            {
                let detail = format!(
                    "登记部门登记的地址是“{registered}”，与填写的不一致。请先到登记部门办理地址变更，或按登记的地址填写。"
                );
                return Err(Refusal::rule("E-EMPR-03", detail).into());
            }
            self.address = Some(typed);
        }
        Ok(())
    }

    /// Whether something changes that others register, too; payday and industry are ours alone.
    pub(super) fn is_registered(&self) -> bool {
        self.name.is_some() || self.address.is_some() || self.representative.is_some()
    }

    /// Writes what becomes, and says what was before. Whoever acted as another legal representative acts no more.
    pub(super) async fn write(
        &self,
        office: &Office,
        tx: &mut PgConnection,
        employer: &Employer,
    ) -> Result<Value> {
        if self.representative.is_some() {
            employer::end_representatives(office, tx, employer.employer_id).await?;
        }
        let representative = self
            .representative
            .as_ref()
            .map(|name| office.vault.seal(purpose::NAME, name.expose().as_bytes()));
        sqlx::query(
            "UPDATE employer
                SET name = coalesce($3, name), address = coalesce($4, address), payday = coalesce($5, payday),
                    legal_representative_sealed = coalesce($6, legal_representative_sealed), industry = coalesce($7, industry)
              WHERE centre_id = $1 AND employer_id = $2",
        )
        .bind(office.centre.id)
        .bind(employer.employer_id)
        .bind(&self.name)
        .bind(&self.address)
        .bind(self.payday)
        .bind(representative)
        .bind(&self.industry)
        .execute(&mut *tx)
        .await?;
        let mut detail = json!({ "before": {}, "after": {} });
        if let Some(name) = &self.name {
            detail["before"]["name"] = employer.name.as_str().into();
            detail["after"]["name"] = name.as_str().into();
        }
        if let Some(address) = &self.address {
            detail["before"]["address"] = employer.address.as_deref().into();
            detail["after"]["address"] = address.as_str().into();
        }
        if let Some(payday) = self.payday {
            detail["before"]["payday"] = employer.payday.into();
            detail["after"]["payday"] = payday.into();
        }
        if let Some(industry) = &self.industry {
            detail["after"]["industry"] = industry.as_str().into();
        }
        if let Some(name) = &self.representative {
            detail["after"]["legal_representative"] = anju_domain::name::mask(name.expose()).into();
        }
        Ok(detail)
    }
}

impl Service for EmployerData {
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

    fn carries_out(&self) -> bool {
        true
    }

    /// What waits for the desk here is a company that the registry struck off: whoever has seen to it says so.
    fn carry_out<'a>(
        &'a self,
        _office: &'a Office,
        _tx: &'a mut PgConnection,
        _approved: Approved<'a>,
    ) -> BoxFuture<'a, Result<Carried>> {
        Box::pin(async {
            Ok(Carried {
                step: "seen_to",
                detail: json!({}),
                done: true,
            })
        })
    }

    /// Nobody applied for it.
    fn tells(&self, _case: &case::Case) -> bool {
        false
    }
}
