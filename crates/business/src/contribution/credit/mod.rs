//! 定向授信 (contribution.md §10.2, organisation.md §3): an extract of a contribution history for the bank that an employer or an employee
//! chose. Invariant: nothing is given but what a living consent names, to the bank that it names; the bank decides, and what it said is
//! counted once. Read `extract.rs` (what is given), `answer.rs` (what comes back), `report.rs` (what it came to).

mod answer;
mod extract;
pub mod report;

pub use answer::{receive, withdraw_consent};
pub use extract::{Drawn, draw, message, preview, taken};

use anju_casework::catalogue::{Approved, Carried, OwnBooks, Request, Service};
use anju_casework::consent::{self, Given};
use anju_casework::{Fault, Office, Result, employer, person};
use anju_domain::calendar::chinese_date;
use anju_domain::clock::at_hour;
use anju_policy::Fact;
use anju_vault::NumberKind;
use chrono::{DateTime, Days, Months, NaiveDate, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sqlx::{FromRow, PgConnection};

use super::relief;
use crate::withdrawal::own_books;

/// Who is recommended.
pub mod kind {
    /// 缴存单位.
    pub const EMPLOYER: i16 = 1;
    /// 缴存职工.
    pub const PERSON: i16 = 2;
}

/// Where a referral stands at its bank.
pub mod state {
    /// With the bank.
    pub const ASKED: i16 = 1;
    /// 已授信.
    pub const GRANTED: i16 = 2;
    /// 未授信.
    pub const REFUSED: i16 = 3;
}

/// 授信推荐.
#[derive(Debug, Clone, FromRow)]
pub struct Referral {
    /// The case.
    pub referral_id: i64,
    /// Employer or person.
    pub applicant_id: i64,
    /// See [`kind`].
    pub kind: i16,
    /// Bank.
    pub bank: String,
    /// The consent.
    pub consent_id: i64,
    /// Its last day.
    pub until: NaiveDate,
    /// When it was taken back.
    pub withdrawn_at: Option<DateTime<Utc>>,
    /// See [`state`].
    pub state: i16,
    /// The limit, fen.
    pub granted_fen: i64,
    /// Drawn of it, fen.
    pub used_fen: i64,
    /// Why the bank refused.
    pub reason: Option<String>,
}

impl Referral {
    /// Whether its consent still counts.
    #[must_use]
    pub fn lives(&self, today: NaiveDate) -> bool {
        self.withdrawn_at.is_none() && today <= self.until
    }
}

/// Columns of [`Referral`], in one place.
macro_rules! columns {
    () => {
        "referral_id, applicant_id, kind, bank, consent_id, until, withdrawn_at, state, granted_fen, used_fen, reason"
    };
}

/// A referral by its case.
pub async fn get(office: &Office, referral_id: i64) -> Result<Option<Referral>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM credit_referral WHERE centre_id = $1 AND referral_id = $2"
    ))
    .bind(office.centre.id)
    .bind(referral_id)
    .fetch_optional(&office.pool)
    .await?)
}

/// An applicant's referrals, the newest first.
pub async fn of_applicant(office: &Office, applicant_id: i64, limit: i64) -> Result<Vec<Referral>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM credit_referral WHERE centre_id = $1 AND applicant_id = $2 ORDER BY referral_id DESC LIMIT $3"
    ))
    .bind(office.centre.id)
    .bind(applicant_id)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// Holds a referral's row.
async fn lock(
    office: &Office,
    tx: &mut PgConnection,
    referral_id: i64,
) -> Result<Option<Referral>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM credit_referral WHERE centre_id = $1 AND referral_id = $2 FOR UPDATE"
    ))
    .bind(office.centre.id)
    .bind(referral_id)
    .fetch_optional(tx)
    .await?)
}

/// The service of referrals, of employers or of employees.
pub struct CreditReferral {
    id: String,
    kind: i16,
}

impl CreditReferral {
    /// The service of a definition with effect `refer_employer`.
    pub fn of_employers(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            kind: kind::EMPLOYER,
        }
    }

    /// The service of a definition with effect `refer_employee`.
    pub fn of_employees(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            kind: kind::PERSON,
        }
    }

    async fn read(
        &self,
        office: &Office,
        conn: &mut PgConnection,
        request: &Request,
    ) -> Result<OwnBooks> {
        let (mut own, role, subject) = if self.kind == kind::EMPLOYER {
            let own = relief::own_books::read(office, &mut *conn, request).await?;
            (own, "employer", "本单位")
        } else {
            let own = own_books::read(office, &mut *conn, request).await?;
            (own, "applicant", "本人")
        };
        let live: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM credit_referral
              WHERE centre_id = $1 AND applicant_id = $2 AND bank = $3 AND withdrawn_at IS NULL AND until >= $4 AND state <> 3",
        )
        .bind(office.centre.id)
        .bind(request.applicant_id)
        .bind(request.text("bank").unwrap_or_default())
        .bind(office.today())
        .fetch_one(conn)
        .await?;
        let value = json!({ "signed": request.face_passed || request.at_counter(), "live": live });
        own.facts.push(Fact::own(
            office.now(),
            role,
            subject,
            "own.credit",
            Some(value),
        ));
        Ok(own)
    }

    /// Writes the consent, draws the first extract and has it handed to the bank.
    async fn give(
        &self,
        office: &Office,
        tx: &mut PgConnection,
        approved: Approved<'_>,
    ) -> Result<Carried> {
        let request = approved.request;
        // Two wishes for one bank come one after the other.
        let branch_id = match self.kind {
            kind::EMPLOYER => {
                employer::lock(office, tx, request.applicant_id)
                    .await?
                    .branch_id
            }
            _ => {
                person::lock(office, tx, request.applicant_id).await?;
                approved.branch_id
            }
        };
        let again = self.read(office, tx, request).await?;
        if again
            .facts
            .iter()
            .any(|fact| fact.fact_type == "own.credit" && fact.value["live"] != 0)
        {
            return Err(anju_casework::case::moved_on().into());
        }
        let asked = Asked::of(office, self.kind, request)?;
        let fields = asked.fields();
        let text = asked.sentence(office);
        let consent_id = consent::give(
            office,
            tx,
            Given {
                by: request.applicant_id,
                service: &self.id,
                case_id: Some(approved.case_id),
                fact_types: &fields,
                purpose: &text,
                channel: &request.channel,
                until: asked.until.succ_opt().and_then(|day| at_hour(day, 0)),
            },
        )
        .await?;
        sqlx::query(
            "INSERT INTO credit_referral (centre_id, referral_id, applicant_id, kind, branch_id, bank, consent_id, until, state)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1)",
        )
        .bind(office.centre.id)
        .bind(approved.case_id)
        .bind(request.applicant_id)
        .bind(self.kind)
        .bind(branch_id)
        .bind(&asked.bank)
        .bind(consent_id)
        .bind(asked.until)
        .execute(&mut *tx)
        .await?;
        let digest = extract::give(
            office,
            tx,
            approved.case_id,
            request.applicant_id,
            self.kind,
            &fields,
        )
        .await?;
        Ok(Carried {
            step: "extract_given",
            detail: json!({ "bank": asked.bank, "until": asked.until, "fields": fields, "extract": digest }),
            done: true,
        })
    }
}

/// What a form asks for.
pub(super) struct Asked {
    bank: String,
    kind: i16,
    until: NaiveDate,
    with_balance: bool,
}

impl Asked {
    fn of(office: &Office, kind: i16, request: &Request) -> Result<Self> {
        let missing = || Fault::Stored("an approved referral without its bank or days".to_owned());
        let number = |field: &str| {
            let value = request.form.get(field).and_then(Value::as_i64)?;
            u32::try_from(value).ok()
        };
        let today = office.today();
        let until = match kind {
            kind::EMPLOYER => {
                number("months").and_then(|months| today.checked_add_months(Months::new(months)))
            }
            _ => number("days").and_then(|days| today.checked_add_days(Days::new(days.into()))),
        };
        Ok(Self {
            bank: request.text("bank").ok_or_else(missing)?.to_owned(),
            kind,
            until: until.ok_or_else(missing)?,
            with_balance: request.form.get("with_balance") == Some(&Value::Bool(true)),
        })
    }

    /// The fields that are given.
    fn fields(&self) -> Vec<String> {
        let mut fields = match self.kind {
            kind::EMPLOYER => vec!["months", "people", "amounts", "arrears"],
            _ => vec!["months", "base_band", "state"],
        };
        if self.with_balance {
            fields.push("balance");
        }
        fields.into_iter().map(str::to_owned).collect()
    }

    /// The sentence that is agreed to, and kept with its digest.
    fn sentence(&self, office: &Office) -> String {
        let bank = office
            .bank(&self.bank)
            .map_or_else(|_| self.bank.clone(), |known| known.bank_name.clone());
        let (whose, what) = match (self.kind, self.with_balance) {
            (kind::EMPLOYER, _) => ("本单位", "缴存月数、人数、金额和欠缴情况"),
            (_, true) => ("本人", "缴存月数、基数所在的档、账户状态和余额"),
            (_, false) => ("本人", "缴存月数、基数所在的档和账户状态"),
        };
        format!(
            "把{whose}的{what}提供给{bank}，用于授信审查，到{}为止",
            chinese_date(self.until)
        )
    }
}

/// The public number of a referral: its case's.
#[must_use]
pub fn number(office: &Office, referral_id: i64) -> String {
    office.numbers.encode(NumberKind::Case, referral_id)
}

impl Service for CreditReferral {
    fn id(&self) -> &str {
        &self.id
    }

    fn own_books<'a>(
        &'a self,
        office: &'a Office,
        conn: &'a mut PgConnection,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<OwnBooks>> {
        self.read(office, conn, request).boxed()
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
        self.give(office, tx, approved).boxed()
    }

    /// One living referral for each bank.
    fn wish(&self, _office: &Office, request: &Request) -> String {
        format!("{}:{}", self.id, request.text("bank").unwrap_or_default())
    }
}
