//! Opening an employer's account (单位缴存登记, contribution.md §2): one for each credit code, from the month it chooses. One set of rules
//! for every way in: the employer's own page, the counter, the machines' door, and the completion of an account that the market regulator
//! has pre-opened (`one_stop`). What can be told without the registry is told at the door; its answer is a fact, and who is not answered waits.
//! Invariant: what the registry knows is not asked; its name wins over what was typed.

use std::sync::Arc;

use anju_casework::case::{self, Case, Submission};
use anju_casework::catalogue::{Approved, Carried, OwnBooks, Request, Service};
use anju_casework::employer::{self, Employer};
use anju_casework::person::purpose;
use anju_casework::{Actor, Fault, Office, Refusal, Result, RowFault, books, branch};
use anju_domain::calendar::Month;
use anju_domain::clock::shanghai_date;
use anju_domain::phone::Phone;
use anju_domain::uscc::Uscc;
use anju_ledger::account::Kind;
use anju_policy::Facts;
use anju_policy::fact::Fact;
use anju_vault::NumberKind;
use chrono::{DateTime, NaiveDate, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::opening_rules::{Checked, Clerk, Opening};
use super::parties::{self, Event};
use super::registry::weightier;
use super::roster::PoliceAnswer;
use super::upload::Police;
use crate::personal;

/// The service.
pub const SERVICE: &str = "employer-open-account";

/// W-EMPR-07: a notice, never a refusal.
pub const LATE: &str = "单位登记已超过设立后30日的法定期限，请尽快补缴设立以来的月份。";

/// The service of opening accounts.
pub struct OpenAccount {
    id: String,
    police: Arc<dyn Police>,
}

impl OpenAccount {
    /// The service of a definition with effect `open_employer`.
    pub fn new(id: &str, police: &Arc<dyn Police>) -> Self {
        Self {
            id: id.to_owned(),
            police: police.clone(),
        }
    }

    async fn look(
        &self,
        office: &Office,
        submission: &mut Submission,
        facts: &Facts,
    ) -> Result<()> {
        let opening = Opening::read(&submission.request.form);
        let may_be_late = submission.actor == Actor::Interface;
        let mut conn = office.pool.acquire().await?;
        let checked = opening
            .check(
                office,
                &mut conn,
                registered(facts),
                office.today(),
                may_be_late,
            )
            .await?;
        let wish = self.wish(office, &submission.request);
        if let Some(live) = alive(office, &mut conn, &wish).await? {
            return Err(self.already(office, live).into());
        }
        submission.branch_id = keeper(office, &mut *conn, &checked.district)
            .await?
            .branch_id;
        // A pre-opened account has its number already.
        if let Some(waiting) = &checked.pre_opened {
            submission.request.applicant_id = waiting.employer_id;
        }
        drop(conn);
        self.clerk_is_known(&checked).await
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
}

/// The role and type of the registry's answer, as the service's file asks for it.
const EMPLOYER: &str = "employer";
const REGISTRATION: &str = "market.registration";
/// The same of government offices and public institutions.
const INSTITUTION: &str = "org.institution";

/// What the register that speaks for the employer says.
fn registered(facts: &Facts) -> Option<&Fact> {
    let market = facts.get(EMPLOYER, REGISTRATION)?;
    Some(match facts.get(EMPLOYER, INSTITUTION) {
        Some(institutions) => weightier(market, institutions),
        None => market,
    })
}

impl Service for OpenAccount {
    fn id(&self) -> &str {
        &self.id
    }

    fn own_books<'a>(
        &'a self,
        office: &'a Office,
        conn: &'a mut PgConnection,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<OwnBooks>> {
        own_books(office, conn, request).boxed()
    }

    fn looks_at_door(&self) -> bool {
        true
    }

    fn at_door<'a>(
        &'a self,
        office: &'a Office,
        submission: &'a mut Submission,
        facts: &'a Facts,
    ) -> BoxFuture<'a, Result<()>> {
        self.look(office, submission, facts).boxed()
    }

    fn carries_out(&self) -> bool {
        true
    }

    fn carry_out<'a>(
        &'a self,
        office: &'a Office,
        tx: &'a mut PgConnection,
        approved: Approved<'a>,
    ) -> BoxFuture<'a, Result<Carried>> {
        open(office, tx, approved).boxed()
    }

    /// The clerk and the founder are told the account's number instead.
    fn tells(&self, _case: &Case) -> bool {
        false
    }

    /// One account for a credit code, whoever asks for it.
    fn wish(&self, _office: &Office, request: &Request) -> String {
        let typed = request.text("uscc").unwrap_or_default();
        let code =
            Uscc::parse(typed).map_or_else(|_| typed.to_owned(), |code| code.as_str().to_owned());
        format!("{}:{code}", self.id)
    }
}

/// The case that waits for the account of a credit code.
///
/// # Errors
/// The database.
pub async fn waiting(office: &Office, uscc: &Uscc) -> Result<Option<i64>> {
    let mut conn = office.pool.acquire().await?;
    alive(office, &mut conn, &format!("{SERVICE}:{}", uscc.as_str())).await
}

/// A case that waits for the same account; each that is not pre-opened has a number of its own.
async fn alive(office: &Office, conn: &mut PgConnection, wish: &str) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar(
        "SELECT case_id FROM business_case
          WHERE centre_id = $1 AND wish = $2 AND service = 'employer-open-account' AND state < 6 LIMIT 1",
    )
    .bind(office.centre.id)
    .bind(wish)
    .fetch_optional(conn)
    .await?)
}

/// What our own books know of a credit code before it has an account, and what of the request is no matter of the registry.
async fn own_books(
    office: &Office,
    conn: &mut PgConnection,
    request: &Request,
) -> Result<OwnBooks> {
    let opening = Opening::read(&request.form);
    let uscc = Uscc::parse(&opening.uscc);
    let open = match &uscc {
        Ok(uscc) => employer::by_uscc_on(office, &mut *conn, uscc).await?,
        Err(_) => None,
    };
    let open = open.filter(|one| one.state != employer::state::PRE_OPENED);
    let applicant = employer::get(office, conn, request.applicant_id).await?;
    let value = json!({
        "employer_no": open.map(|one| office.numbers.encode(NumberKind::Employer, one.employer_id)),
        "lapsed": applicant.is_some_and(|one| one.state == employer::state::CANCELLED),
        "first_month": opening.first_month.map(|month| month.to_string()),
        "counter": request.at_counter(),
        "institution": uscc.is_ok_and(|uscc| uscc.is_institution()),
    });
    let fact = Fact::own(office.now(), EMPLOYER, "本单位", "own.opening", Some(value));
    Ok(OwnBooks {
        facts: vec![fact],
        ..OwnBooks::default()
    })
}

/// What was decided is written: the account, or the rest of the pre-opened one.
async fn open(office: &Office, tx: &mut PgConnection, approved: Approved<'_>) -> Result<Carried> {
    let request = approved.request;
    let asked_at: DateTime<Utc> = sqlx::query_scalar(
        "SELECT submitted_at FROM business_case WHERE centre_id = $1 AND case_id = $2",
    )
    .bind(office.centre.id)
    .bind(approved.case_id)
    .fetch_one(&mut *tx)
    .await?;
    // Payday and clerk were looked at at the door, each by its own rule.
    let checked = Opening::read(&request.form)
        .check(
            office,
            &mut *tx,
            registered(approved.facts),
            shanghai_date(asked_at),
            true,
        )
        .await?;
    let done = match write(office, tx, request.applicant_id, &checked).await {
        // Another opened it since it was read: the decision will say so.
        Err(error) if case::is_repeat(&error) => return Err(Fault::Moved("employer").into()),
        done => done?,
    };
    let employer_id = checked
        .pre_opened
        .as_ref()
        .map_or(request.applicant_id, |waiting| waiting.employer_id);
    tell(office, tx, &approved, &checked, employer_id).await?;
    let today = office.today();
    parties::say(
        office,
        tx,
        employer_id,
        approved.case_id,
        Event::Opened,
        today,
    )
    .await?;
    Ok(Carried {
        step: "opened",
        detail: done,
        done: true,
    })
}

/// The account's number to the phones of who acts for it and of who opened it by licence.
async fn tell(
    office: &Office,
    tx: &mut PgConnection,
    approved: &Approved<'_>,
    checked: &Checked,
    employer_id: i64,
) -> Result<()> {
    let no = office.numbers.encode(NumberKind::Employer, employer_id);
    let case_no = case::number(office, approved.case_id);
    let text = format!("【公积金】单位公积金账户已开好，单位账号 {no}。办件 {case_no}");
    let founder = approved.request.text("founder_phone");
    let mut phones: Vec<Phone> = founder.into_iter().flat_map(Phone::parse).collect();
    phones.extend(checked.clerk.iter().map(|clerk| clerk.phone.clone()));
    phones.dedup_by(|one, other| one.expose() == other.expose());
    for phone in phones {
        personal::tell(office, tx, approved.case_id, &phone, &text).await?;
    }
    Ok(())
}

/// The branch that keeps a district.
pub(super) async fn keeper(
    office: &Office,
    db: impl sqlx::PgExecutor<'_>,
    district: &str,
) -> Result<branch::Branch> {
    branch::of_district(office, db, district)
        .await?
        .ok_or_else(|| Fault::Stored("the centre has no branch".to_owned()).into())
}

/// Opens a checked account under this number, or completes the pre-opened one; what of it its case says.
///
/// # Errors
/// The credit code has an account by now.
pub async fn write(
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
        Err(Fault::Moved("employer").into())
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
    let branch = keeper(office, &mut *conn, new.district).await?;
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
