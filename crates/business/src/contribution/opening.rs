//! Opening an employer's account (单位缴存登记, contribution.md §2): one for each credit code, from the month it chooses. One set of rules
//! for every way in: the employer's own page, the counter, the machines' door, and the completion of an account that the market regulator
//! has pre-opened (`one_stop`). Invariant: what the registry knows is not asked; its name wins over what was typed.

use std::sync::Arc;

use anju_casework::case::{self, Case, Submission};
use anju_casework::catalogue::Service;
use anju_casework::employer::{self, Employer};
use anju_casework::person::purpose;
use anju_casework::{Actor, Fault, Office, Refusal, Result, RowFault, books, branch};
use anju_domain::calendar::Month;
use anju_ledger::account::Kind;
use anju_policy::Form;
use anju_vault::NumberKind;
use chrono::NaiveDate;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::opening_rules::{Checked, Clerk, Opening, already};
use super::registry::Registry;
use super::roster::PoliceAnswer;
use super::upload::Police;
use crate::policy::Rules;

/// The service.
pub const SERVICE: &str = "employer-open-account";

/// W-EMPR-07: a notice, never a refusal.
pub const LATE: &str = "单位登记已超过设立后30日的法定期限，请尽快补缴设立以来的月份。";

/// The service of opening accounts.
pub struct OpenAccount {
    id: String,
    registry: Arc<dyn Registry>,
    police: Arc<dyn Police>,
}

impl OpenAccount {
    /// The service of a definition with effect `open_employer`.
    pub fn new(id: &str, registry: &Arc<dyn Registry>, police: &Arc<dyn Police>) -> Self {
        Self {
            id: id.to_owned(),
            registry: registry.clone(),
            police: police.clone(),
        }
    }

    async fn carry_out(&self, office: &Office, submission: &Submission) -> Result<i64> {
        let opening = Opening::read(&submission.request.form);
        let case_no = case::number(office, submission.case_id);
        let registration = self.registry.registration(&opening.uscc, &case_no).await?;
        let may_be_late = submission.actor == Actor::Interface;
        let checked = opening.check(office, &registration, may_be_late).await?;
        self.clerk_is_known(&checked).await?;
        let rules = Rules::on(office, office.today());
        if submission.request.at_counter() && rules.flag("employer_open_counter_review")? {
            return self.review(office, submission, &checked).await;
        }
        open(office, submission, &checked).await
    }

    /// A clerk whose number is given is asked about; who logs in by licence has been vouched for by it.
    async fn clerk_is_known(&self, checked: &Checked) -> Result<()> {
        let Some(Clerk {
            name,
            id_no: Some(id),
            ..
        }) = &checked.clerk
        else {
            return Ok(());
        };
        let pair = [(id.expose().to_owned(), name.expose().to_owned())];
        match self.police.verify(&pair).await.first() {
            Some(PoliceAnswer::Matched) => Ok(()),
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
            .with_column("clerk_name")
            .into()),
        }
    }

    /// At the counter papers stand for the licence: a second person looks at them before anything is opened.
    async fn review(
        &self,
        office: &Office,
        submission: &Submission,
        checked: &Checked,
    ) -> Result<i64> {
        let branch = keeper(office, &checked.district).await?;
        let mut tx = office.pool.begin().await?;
        case::begin_reviewing(
            office,
            &mut tx,
            submission,
            case::ToReview {
                wish: &format!("{}:{}", self.id, checked.uscc.as_str()),
                branch_id: branch.branch_id,
                form: seal(office, &submission.request.form),
                detail: json!({ "uscc": checked.uscc.as_str(), "name": checked.name }),
            },
        )
        .await?;
        tx.commit().await?;
        Ok(submission.case_id)
    }

    /// What a second person approved is checked once more: the registry may have changed its mind.
    async fn opened_by_hand(
        &self,
        office: &Office,
        case: &Case,
        reviewer: i64,
        reason: &str,
    ) -> Result<()> {
        case::may_review(case, reviewer)?;
        let opening = Opening::read(&case.open_form(office)?);
        let case_no = case::number(office, case.case_id);
        let registration = self.registry.registration(&opening.uscc, &case_no).await?;
        let checked = opening.check(office, &registration, false).await?;
        let mut tx = office.pool.begin().await?;
        let done = write(office, &mut tx, case.applicant_id, &checked).await?;
        case::end_reviewing(
            office,
            &mut tx,
            case,
            &["approved", "opened", "done"],
            done,
            (reviewer, reason),
        )
        .await?;
        tx.commit().await?;
        Ok(())
    }
}

impl Service for OpenAccount {
    fn id(&self) -> &str {
        &self.id
    }

    fn begin<'a>(
        &'a self,
        office: &'a Office,
        submission: &'a Submission,
    ) -> Option<BoxFuture<'a, Result<i64>>> {
        Some(self.carry_out(office, submission).boxed())
    }

    fn approve<'a>(
        &'a self,
        office: &'a Office,
        case: &'a Case,
        reviewer: i64,
        reason: &'a str,
    ) -> Option<BoxFuture<'a, Result<()>>> {
        Some(self.opened_by_hand(office, case, reviewer, reason).boxed())
    }
}

/// Fields of the form that name people; sealed while the case waits for a reviewer.
const PERSONAL: [&str; 4] = [
    "legal_representative",
    "clerk_name",
    "clerk_id_no",
    "clerk_phone",
];

fn seal(office: &Office, form: &Form) -> Value {
    let sealed = form.iter().map(|(field, value)| {
        let kept = match value.as_str() {
            Some(text) if PERSONAL.contains(&field.as_str()) => case::sealed_text(office, text),
            _ => value.clone(),
        };
        (field.clone(), kept)
    });
    Value::Object(sealed.collect())
}

/// The branch that keeps a district.
pub(super) async fn keeper(office: &Office, district: &str) -> Result<branch::Branch> {
    branch::of_district(office, district)
        .await?
        .ok_or_else(|| Fault::Stored("the centre has no branch".to_owned()).into())
}

/// Opens a checked account, or completes the pre-opened one, as a case that is done at once. A new account has the applicant's number of
/// the submission, so that who submits knows it.
///
/// # Errors
/// 422 `E-EMPR-02` where another opened it in the meantime.
pub async fn open(office: &Office, submission: &Submission, checked: &Checked) -> Result<i64> {
    let mut submission = submission.clone();
    if let Some(waiting) = &checked.pre_opened {
        submission.request.applicant_id = waiting.employer_id;
    }
    let opened = async {
        let branch = keeper(office, &checked.district).await?;
        let mut tx = office.pool.begin().await?;
        let done = write(office, &mut tx, submission.request.applicant_id, checked).await?;
        case::at_once(
            office,
            &mut tx,
            &submission,
            case::AtOnce {
                wish: &format!("{SERVICE}:{}", submission.case_id),
                branch_id: branch.branch_id,
                form: json!({}),
                begun: json!({}),
                step: "opened",
                done,
            },
        )
        .await?;
        tx.commit().await?;
        Result::Ok(submission.case_id)
    };
    match opened.await {
        Err(error) if case::is_repeat(&error) => {
            match employer::by_uscc(office, &checked.uscc).await? {
                Some(open) => Err(Refusal::rule("E-EMPR-02", already(office, &open)).into()),
                None => Err(error),
            }
        }
        opened => opened,
    }
}

/// The employer's rows, and what of it its case says.
async fn write(
    office: &Office,
    conn: &mut PgConnection,
    new_id: i64,
    checked: &Checked,
) -> Result<Value> {
    let employer_id = match &checked.pre_opened {
        Some(waiting) => {
            complete(office, conn, waiting, checked).await?;
            waiting.employer_id
        }
        None => {
            let row = NewEmployer {
                employer_id: new_id,
                uscc: checked.uscc.as_str(),
                name: &checked.name,
                kind: checked.kind,
                district: &checked.district,
                address: checked.address.as_deref(),
                representative: checked.representative.expose(),
                ratios: checked.ratios,
                payday: checked.payday,
                first_month: checked.first_month,
                founded: checked.founded,
                is_late: checked.is_late,
                state: employer::state::ACTIVE,
            };
            insert(office, conn, &row).await?;
            new_id
        }
    };
    if let Some(clerk) = &checked.clerk {
        employer::add_clerk(office, conn, employer_id, clerk.name.expose(), &clerk.phone).await?;
    }
    let no = office.numbers.encode(NumberKind::Employer, employer_id);
    let mut done = json!({
        "employer_no": no, "first_month": checked.first_month.to_string(),
        "ratio_employer_bp": checked.ratios.0, "ratio_employee_bp": checked.ratios.1,
    });
    if checked.is_late {
        done["notices"] = json!([{ "code": "W-EMPR-07", "message": LATE }]);
    }
    Ok(done)
}

/// PRE_OPENED → ACTIVE: clerk, payday, ratio and first month are there.
async fn complete(
    office: &Office,
    conn: &mut PgConnection,
    waiting: &Employer,
    checked: &Checked,
) -> Result<()> {
    let completed = sqlx::query(
        "UPDATE employer
            SET state = 1, kind = $3, payday = $4, ratio_employer_bp = $5, ratio_employee_bp = $6, first_month = $7,
                paid_to_month = $7 - 1, name = $8, address = coalesce($9, address), legal_representative_sealed = $10,
                late_registration = $11
          WHERE centre_id = $1 AND employer_id = $2 AND state = 4",
    )
    .bind(office.centre.id)
    .bind(waiting.employer_id)
    .bind(checked.kind)
    .bind(checked.payday)
    .bind(checked.ratios.0)
    .bind(checked.ratios.1)
    .bind(checked.first_month.index())
    .bind(&checked.name)
    .bind(&checked.address)
    .bind(office.vault.seal(purpose::NAME, checked.representative.expose().as_bytes()))
    // It was registered in time if its message came in time, however late it is completed.
    .bind(waiting.late_registration)
    .execute(conn)
    .await?;
    if completed.rows_affected() == 1 {
        Ok(())
    } else {
        Err(Refusal::rule("E-EMPR-02", already(office, waiting)).into())
    }
}

/// A row of a new employer.
pub(super) struct NewEmployer<'a> {
    pub(super) employer_id: i64,
    pub(super) uscc: &'a str,
    pub(super) name: &'a str,
    pub(super) kind: &'a str,
    pub(super) district: &'a str,
    pub(super) address: Option<&'a str>,
    pub(super) representative: &'a str,
    pub(super) ratios: (i32, i32),
    pub(super) payday: Option<i16>,
    pub(super) first_month: Month,
    pub(super) founded: Option<NaiveDate>,
    pub(super) is_late: bool,
    pub(super) state: i16,
}

/// The employer with the ledger account of its suspense.
pub(super) async fn insert(
    office: &Office,
    conn: &mut PgConnection,
    new: &NewEmployer<'_>,
) -> Result<()> {
    let branch = keeper(office, new.district).await?;
    let suspense_id = office.ids.next().await?;
    books::open_accounts(
        office,
        conn,
        Kind::UnitSuspense,
        &[suspense_id],
        &[new.employer_id],
    )
    .await?;
    sqlx::query(
        "INSERT INTO employer (centre_id, employer_id, uscc, name, kind, district, address, legal_representative_sealed,
                               branch_id, bank, ratio_employer_bp, ratio_employee_bp, payday, first_month, paid_to_month,
                               suspense_account_id, founded_on, late_registration, opened_at, state)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)",
    )
    .bind(office.centre.id)
    .bind(new.employer_id)
    .bind(new.uscc)
    .bind(new.name)
    .bind(new.kind)
    .bind(new.district)
    .bind(new.address)
    .bind(office.vault.seal(purpose::NAME, new.representative.as_bytes()))
    .bind(branch.branch_id)
    .bind(&branch.bank)
    .bind(new.ratios.0)
    .bind(new.ratios.1)
    .bind(new.payday)
    .bind(new.first_month.index())
    .bind(new.first_month.index() - 1)
    .bind(suspense_id)
    .bind(new.founded)
    .bind(new.is_late)
    .bind(office.now())
    .bind(new.state)
    .execute(conn)
    .await?;
    Ok(())
}

/// The error of a rule at a field of a form.
trait AtColumn {
    fn with_column(self, column: &str) -> Refusal;
}

impl AtColumn for Refusal {
    fn with_column(self, column: &str) -> Refusal {
        let fault = RowFault {
            row: None,
            column: Some(column.to_owned()),
            code: self.code.clone(),
            message: self.detail.clone(),
        };
        self.with_errors(vec![fault])
    }
}
