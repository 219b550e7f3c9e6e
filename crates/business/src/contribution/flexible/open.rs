//! Signing the agreement (灵活就业人员自愿缴存): the account opens, or a sealed one is taken over, under the virtual employer of the office, and
//! the person's own card may be debited.

use anju_casework::catalogue::{Approved, Carried, OwnBooks, Request, Service};
use anju_casework::person::{self, purpose};
use anju_casework::{Fault, Office, Refusal, Result, books};
use anju_domain::calendar::Month;
use anju_ledger::account::Kind;
use anju_vault::NumberKind;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::agreement::{self, plan, state};
use crate::contribution::collection::{self, contract};
use crate::policy::Rules;

/// The service of signing.
pub struct FlexibleOpening {
    id: String,
}

impl FlexibleOpening {
    /// The service of a definition with effect `flexible_open`.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned() }
    }
}

impl Service for FlexibleOpening {
    fn id(&self) -> &str {
        &self.id
    }

    fn own_books<'a>(
        &'a self,
        office: &'a Office,
        conn: &'a mut PgConnection,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<OwnBooks>> {
        agreement::own(office, conn, request).boxed()
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
}

async fn open(office: &Office, tx: &mut PgConnection, approved: Approved<'_>) -> Result<Carried> {
    let request = approved.request;
    let person_id = request.applicant_id;
    let number = |field: &str| request.form.get(field).and_then(Value::as_i64);
    let missing = |field: &str| Fault::Stored(format!("an approved agreement has no {field}"));
    let amount_fen = number("amount_fen").ok_or_else(|| missing("amount"))?;
    let card = request.text("card_no").ok_or_else(|| missing("card"))?;
    let chosen = match request.text("plan") {
        Some("lump") => plan::LUMP,
        _ => plan::MONTHLY,
    };
    let rules = Rules::on(office, office.today());
    let first = rules.int("debit_first_day")?;
    let day = i16::try_from(number("day").unwrap_or(first)).map_err(|_| missing("day"))?;
    let who = person::get_by(office, &mut *tx, person_id)
        .await?
        .ok_or_else(|| missing("person"))?;

    let employer = virtual_employer(office, tx, approved.branch_id).await?;
    let account_id = account(office, tx, person_id).await?;
    let membership_id = office.ids.next().await?;
    sqlx::query(
        "WITH over AS (
             UPDATE flexible_agreement SET state = 9, next_on = NULL WHERE centre_id = $1 AND person_id = $3 AND state <> 9)
         INSERT INTO membership (centre_id, membership_id, person_id, employer_id, account_id, state, base_fen, ratio_employer_bp,
                                 ratio_employee_bp, employer_fen, employee_fen, from_month, opened_on)
         VALUES ($1, $2, $3, $4, $5, 1, $6, 0, 10000, 0, $6, $7, $8)",
    )
    .bind(office.centre.id)
    .bind(membership_id)
    .bind(person_id)
    .bind(employer.employer_id)
    .bind(account_id)
    .bind(amount_fen)
    .bind(Month::of(office.today()).index())
    .bind(office.today())
    .execute(&mut *tx)
    .await?;

    let bank = debiting_bank(office, &approved).unwrap_or(&employer.bank);
    contract::end(office, tx, person_id, "另签了新的协议").await?;
    contract::Draft {
        mandate_id: approved.case_id,
        payer_id: person_id,
        payer_kind: contract::payer::PERSON,
        bank,
        account: card,
        holder: who.name.expose(),
        // The rules bound each amount; the contract never debits more than they allow.
        limit_fen: i64::MAX,
        day,
        signed: true,
    }
    .write(office, tx)
    .await?;
    let next_on = match chosen {
        plan::MONTHLY => Some(collection::first_day(&rules, office.today(), day)?),
        _ => None,
    };
    sqlx::query(
        "INSERT INTO flexible_agreement (centre_id, agreement_id, person_id, employer_id, account_id, membership_id, plan, amount_fen, day,
                                         state, next_on, signed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(office.centre.id)
    .bind(approved.case_id)
    .bind(person_id)
    .bind(employer.employer_id)
    .bind(account_id)
    .bind(membership_id)
    .bind(chosen)
    .bind(amount_fen)
    .bind(day)
    .bind(state::AGREED)
    .bind(next_on)
    .bind(office.now())
    .execute(&mut *tx)
    .await?;
    let detail = json!({
        "account_no": office.numbers.encode(NumberKind::Account, account_id),
        "plan": if chosen == plan::MONTHLY { "monthly" } else { "lump" },
        "amount_fen": amount_fen,
        "day": day,
        "next_on": next_on,
    });
    Ok(Carried {
        step: "agreed",
        detail,
        done: true,
    })
}

/// The entrusted bank of the card, where the card network has named it.
fn debiting_bank<'a>(office: &'a Office, approved: &Approved<'_>) -> Option<&'a str> {
    let fact = approved.facts.get("applicant", "unionpay.card_auth")?;
    let named = fact.value.get("bank").and_then(Value::as_str)?;
    office
        .banks
        .iter()
        .find(|bank| bank.bank == named || named.contains(&bank.bank_name))
        .map(|bank| bank.bank.as_str())
}

/// The person's account: a new one, or the sealed one of a former employer with all that hangs on it.
async fn account(office: &Office, tx: &mut PgConnection, person_id: i64) -> Result<i64> {
    let held: Option<(i64, i64, i16)> = sqlx::query_as(
        "SELECT membership_id, account_id, state FROM membership
          WHERE centre_id = $1 AND person_id = $2 AND state <> 9 FOR NO KEY UPDATE",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .fetch_optional(&mut *tx)
    .await?;
    let Some((membership_id, account_id, membership_state)) = held else {
        let account_id = office.ids.next().await?;
        books::open_accounts(office, tx, Kind::Fund, &[account_id], &[person_id]).await?;
        return Ok(account_id);
    };
    if membership_state == anju_casework::membership::state::ACTIVE {
        let detail = "您在本中心有单位缴存的账户，不能以灵活就业人员身份缴存。已经离职的，请单位办理封存后再申请。";
        return Err(Refusal::new(409, "E-FLEX-02", detail).into());
    }
    sqlx::query(
        "WITH left_behind AS (
             UPDATE membership SET state = 9 WHERE centre_id = $1 AND membership_id = $2 RETURNING employer_id)
         UPDATE employer e SET list_version = list_version + 1
           FROM left_behind WHERE e.centre_id = $1 AND e.employer_id = left_behind.employer_id",
    )
    .bind(office.centre.id)
    .bind(membership_id)
    .execute(tx)
    .await?;
    Ok(account_id)
}

#[derive(sqlx::FromRow)]
struct Virtual {
    employer_id: i64,
    bank: String,
}

/// `FLEX-<office>`: the employer under which the people of an office hang who contribute by themselves; made when the first one comes.
async fn virtual_employer(
    office: &Office,
    tx: &mut PgConnection,
    branch_id: i16,
) -> Result<Virtual> {
    let code = format!("FLEX-{branch_id}");
    let (employer_id, suspense_id) = (office.ids.next().await?, office.ids.next().await?);
    let month = Month::of(office.today()).index();
    let made = sqlx::query(
        "INSERT INTO employer (centre_id, employer_id, uscc, name, kind, district, legal_representative_sealed, branch_id, bank,
                               ratio_employer_bp, ratio_employee_bp, first_month, paid_to_month, suspense_account_id, opened_at)
         SELECT $1, $2, $3, '灵活就业缴存人（' || name || '）', '其他', district, $5, branch_id, bank, 0, 10000, $6, $6 - 1, $7, $8
           FROM branch WHERE centre_id = $1 AND branch_id = $4
             ON CONFLICT DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(&code)
    .bind(branch_id)
    .bind(office.vault.seal(purpose::NAME, office.centre.name.as_bytes()))
    .bind(month)
    .bind(suspense_id)
    .bind(office.now())
    .execute(&mut *tx)
    .await?;
    if made.rows_affected() == 1 {
        books::open_accounts(
            office,
            tx,
            Kind::UnitSuspense,
            &[suspense_id],
            &[employer_id],
        )
        .await?;
    }
    Ok(sqlx::query_as(
        "SELECT employer_id, bank FROM employer WHERE centre_id = $1 AND uscc = $2 AND state <> 9",
    )
    .bind(office.centre.id)
    .bind(&code)
    .fetch_one(tx)
    .await?)
}
