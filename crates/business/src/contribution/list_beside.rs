//! Lists beside the months (补缴清册, 住房补贴清册): registered at once, waiting for their money, allocated like a month's list. One writing for all
//! of them, with its case. What a list may hold is its service's.

use anju_casework::employer::Employer;
use anju_casework::{Actor, Fault, Office, Result, case};
use anju_domain::calendar::Month;
use anju_domain::money::Fen;
use anju_ledger::command;
use anju_vault::NumberKind;
use chrono::{NaiveDate, TimeDelta};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::remittance::reference;
use crate::policy::Rules;

/// A month of a person to be paid.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) account_id: i64,
    pub(super) person_id: i64,
    pub(super) month: Month,
    pub(super) base: Fen,
    pub(super) employer: Fen,
    pub(super) employee: Fen,
}

/// A list that is registered.
pub(super) struct List<'a> {
    /// Its identifier, and that of its case.
    pub(super) remittance_id: i64,
    /// The service of its case.
    pub(super) service: &'a str,
    /// See [`super::remittance::kind`].
    pub(super) kind: i16,
    /// Code of its reason, or of its sort.
    pub(super) reason: &'a str,
    /// Number of the decision, where there is one.
    pub(super) document_no: Option<&'a str>,
    /// Channel.
    pub(super) channel: &'a str,
    /// Who.
    pub(super) actor: Actor,
    /// The form of its case, without personal values.
    pub(super) form: Value,
}

/// The last day of a list that is registered today.
pub(super) fn until(office: &Office) -> Result<NaiveDate> {
    let days = Rules::on(office, office.today()).int("list_expire_days")?;
    Ok(office.today() + TimeDelta::days(days))
}

/// Writes a list and its case, in the caller's transaction; its month is the last of its lines'. Returns what the payer needs.
pub(super) async fn register(
    office: &Office,
    tx: &mut PgConnection,
    employer: &Employer,
    list: List<'_>,
    lines: &[Line],
) -> Result<Value> {
    let remittance_id = list.remittance_id;
    let total: i64 = lines
        .iter()
        .map(|line| (line.employer + line.employee).fen())
        .sum();
    let last = lines
        .iter()
        .map(|line| line.month)
        .max()
        .ok_or_else(|| Fault::Stored("a list beside the months without a line".to_owned()))?;
    let mut accounts: Vec<i64> = lines.iter().map(|line| line.account_id).collect();
    accounts.sort_unstable();
    accounts.dedup();
    let until = until(office)?;
    let digest = digest(lines);
    let pay_code = reference(office, last, remittance_id);
    sqlx::query(
        "INSERT INTO remittance (centre_id, remittance_id, employer_id, month, state, reference, bank, people, amount_fen, due_on,
                                 expires_on, digest, registered_at, registered_by, kind, reason, document_no)
         VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $8, $9, $9, $10, $11, $12, $13, $14, $15)",
    )
    .bind(office.centre.id)
    .bind(remittance_id)
    .bind(employer.employer_id)
    .bind(last.index())
    .bind(&pay_code)
    .bind(&employer.bank)
    .bind(i32::try_from(accounts.len()).unwrap_or(i32::MAX))
    .bind(total)
    .bind(until)
    .bind(&digest)
    .bind(office.now())
    .bind(list.actor.id())
    .bind(list.kind)
    .bind(list.reason)
    .bind(list.document_no)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO remittance_line (centre_id, remittance_id, account_id, person_id, month, base_fen, employer_fen, employee_fen)
         SELECT $1, $2, * FROM unnest($3::bigint[], $4::bigint[], $5::integer[], $6::bigint[], $7::bigint[], $8::bigint[])",
    )
    .bind(office.centre.id)
    .bind(remittance_id)
    .bind(lines.iter().map(|line| line.account_id).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| line.person_id).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| line.month.index()).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| line.base.fen()).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| line.employer.fen()).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| line.employee.fen()).collect::<Vec<_>>())
    .execute(&mut *tx)
    .await?;
    let registered = json!({
        "remittance": office.numbers.encode(NumberKind::Remittance, remittance_id),
        "amount_fen": total,
        "lines": lines.len(),
        "reference": pay_code,
        "payee_bank": employer.bank,
        "payee_account": office.bank(&employer.bank)?.account_no,
        "digest": hex::encode(&digest),
    });
    let begun = case::Begun {
        case_id: remittance_id,
        service: list.service,
        wish: &format!("{}:{pay_code}", list.service),
        applicant_id: employer.employer_id,
        branch_id: employer.branch_id,
        channel: list.channel,
        amount_fen: Some(total),
        promised_at: anju_domain::clock::end_of_day(until),
        form: list.form,
        detail: registered.clone(),
    };
    case::begin_executing(office, tx, begun, list.actor).await?;
    Ok(registered)
}

fn digest(lines: &[Line]) -> Vec<u8> {
    let text: String = lines
        .iter()
        .map(|line| {
            format!(
                "{}:{}:{}:{};",
                line.account_id,
                line.month,
                line.employer.fen(),
                line.employee.fen()
            )
        })
        .collect();
    command::digest(text.as_bytes()).as_bytes().to_vec()
}
