//! Back payment (补缴登记, contribution.md §7.2): months that are over, for one person or many, for a reason. It waits for its money and is
//! allocated like a month's list. `supplement_lines.rs` draws what is owed.

use anju_casework::catalogue::Service;
use anju_casework::employer::{self, Employer};
use anju_casework::{Actor, Fault as Trouble, Office, Refusal, Result, books, case};
use anju_ledger::command;
use anju_vault::NumberKind;
use chrono::TimeDelta;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::members::Books;
use super::remittance::{kind, reference};
use super::supplement_lines::{self, Line, Reason};
use crate::policy::Rules;

/// The service of back payments.
pub struct Supplement {
    id: String,
}

impl Supplement {
    /// The service of a definition with effect `register_supplement`.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned() }
    }

    async fn carry_out(&self, office: &Office, submission: &case::Submission) -> Result<i64> {
        let request = &submission.request;
        let reason = request
            .text("reason")
            .and_then(Reason::parse)
            .ok_or_else(|| Refusal::rule("E-FORM-01", "请选择补缴原因。"))?;
        let document_no = request.text("document_no");
        if reason == Reason::Enforced && document_no.is_none() {
            return Err(
                Refusal::rule("E-FORM-01", "执法或判决补缴请填写决定书或判决书的文号。").into(),
            );
        }
        let asked = supplement_lines::rows(request)?;
        let employer = employer::require_open(office, request.applicant_id).await?;
        let members = Books::read(office, &employer, employer.next_month(), &[]).await?;
        let mut tx = office.pool.begin().await?;
        // One list of this employer after the other: what is paid is read when nobody else writes it.
        let employer = employer::lock(office, &mut tx, employer.employer_id).await?;
        if employer.list_version != members.list_version {
            let detail = "核对之后，单位的职工名单有了变动。请重新提交。";
            return Err(Refusal::new(409, "E-REMIT-07", detail).into());
        }
        let lines = supplement_lines::draw(
            office,
            &mut tx,
            &employer,
            &members,
            reason,
            request.at_counter(),
            &asked,
        )
        .await?;
        books::remember(
            office,
            &mut tx,
            submission.key,
            submission.digest,
            submission.case_id,
        )
        .await?;
        let owed = Owed {
            remittance_id: submission.case_id,
            reason,
            document_no,
            channel: &request.channel,
            actor: submission.actor,
        };
        register(office, &mut tx, &employer, owed, &lines).await?;
        tx.commit().await?;
        Ok(submission.case_id)
    }
}

/// The service of every back payment, whoever causes it.
const SERVICE: &str = "supplement-register";

/// A back payment that is registered.
pub(super) struct Owed<'a> {
    /// Its identifier, and that of its case.
    pub(super) remittance_id: i64,
    /// Why.
    pub(super) reason: Reason,
    /// Number of the decision, where there is one.
    pub(super) document_no: Option<&'a str>,
    /// Channel.
    pub(super) channel: &'a str,
    /// Who.
    pub(super) actor: Actor,
}

/// Writes a list of back payments and its case, in the caller's transaction: it waits for its money. Returns what the payer needs.
pub(super) async fn register(
    office: &Office,
    tx: &mut PgConnection,
    employer: &Employer,
    owed: Owed<'_>,
    lines: &[Line],
) -> Result<Value> {
    let Owed {
        remittance_id,
        reason,
        document_no,
        channel,
        actor,
    } = owed;
    let total: i64 = lines
        .iter()
        .map(|line| (line.employer + line.employee).fen())
        .sum();
    let last = lines
        .iter()
        .map(|line| line.month)
        .max()
        .ok_or_else(|| Trouble::Stored("a back payment without a line".to_owned()))?;
    let mut accounts: Vec<i64> = lines.iter().map(|line| line.account_id).collect();
    accounts.sort_unstable();
    accounts.dedup();
    let days = Rules::on(office, office.today()).int("list_expire_days")?;
    let until = office.today() + TimeDelta::days(days);
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
        .bind(actor.id())
        .bind(kind::SUPPLEMENT)
        .bind(reason.code())
        .bind(document_no)
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
        service: SERVICE,
        wish: &format!("{SERVICE}:{pay_code}"),
        applicant_id: employer.employer_id,
        branch_id: employer.branch_id,
        channel,
        amount_fen: Some(total),
        promised_at: anju_domain::clock::end_of_day(until),
        form: json!({ "reason": reason.code(), "document_no": document_no }),
        detail: registered.clone(),
    };
    case::begin_executing(office, tx, begun, actor).await?;
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

impl Service for Supplement {
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
