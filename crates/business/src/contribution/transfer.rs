//! Moving a person's account to another employer of the centre (个人账户转移, contribution.md §9). Invariant: the account keeps its number,
//! balance, products and freezes, so that no entry is made and no interest is settled; only who contributes to it changes.

use anju_casework::catalogue::{Effect, OwnBooks, Request, Service};
use anju_casework::employer::{self, Employer};
use anju_casework::membership::state;
use anju_casework::{Fault, Office, Refusal, Result, books, case};
use anju_domain::calendar::{Month, contribution_year_of};
use anju_domain::contribution::{Ratios, monthly};
use anju_domain::money::Fen;
use anju_domain::rate::Bp;
use anju_policy::{Decision, Facts};
use anju_vault::NumberKind;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::json;
use sqlx::{FromRow, PgConnection};

use super::changes::first_month;
use super::upload::roster_policy;

/// The service of moving an account.
pub struct Transfer {
    id: String,
}

/// A live membership as it is moved.
#[derive(FromRow)]
struct Moved {
    membership_id: i64,
    person_id: i64,
    employer_id: i64,
    account_id: i64,
    state: i16,
    base_fen: i64,
    opened_on: chrono::NaiveDate,
    sealed_on: Option<chrono::NaiveDate>,
    seal_reason: Option<String>,
}

/// Who asks, which decides what becomes of the account.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// The old employer pushes it out: it arrives sealed, and the new employer unseals it.
    Old,
    /// The new employer takes in a sealed account: it contributes from the next list.
    New,
}

impl Transfer {
    /// The service of a definition with effect `transfer_account`.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned() }
    }

    async fn carry_out(&self, office: &Office, submission: &case::Submission) -> Result<i64> {
        let request = &submission.request;
        let account_id = number(office, request, "account_no", NumberKind::Account)
            .ok_or_else(|| unknown_account(request))?;
        let to_id = number(office, request, "to_employer_no", NumberKind::Employer)
            .ok_or_else(|| Refusal::not_found("转入单位"))?;
        let mut tx = office.pool.begin().await?;
        let written = self
            .write(office, &mut tx, submission, account_id, to_id)
            .await;
        match written {
            Ok(()) => {
                tx.commit().await?;
                office.changed(submission.case_id);
                Ok(submission.case_id)
            }
            Err(error) => {
                drop(tx);
                match books::remembered(office, submission.key, submission.digest).await? {
                    Some(before) => Ok(before),
                    None => Err(error),
                }
            }
        }
    }

    async fn write(
        &self,
        office: &Office,
        tx: &mut PgConnection,
        submission: &case::Submission,
        account_id: i64,
        to_id: i64,
    ) -> Result<()> {
        let request = &submission.request;
        let moved = membership(office, tx, account_id)
            .await?
            .ok_or_else(|| unknown_account(request))?;
        let (from, to) = both(office, tx, moved.employer_id, to_id).await?;
        let side = match request.applicant_id {
            id if id == from.employer_id => Side::Old,
            id if id == to.employer_id => Side::New,
            _ => return Err(unknown_account(request).into()),
        };
        let start = first_month(office, &mut *tx, &to).await?;
        may_move(office, tx, side, &moved, &from, &to, start).await?;
        books::remember(
            office,
            tx,
            submission.key,
            submission.digest,
            submission.case_id,
        )
        .await?;
        let arrives = match side {
            Side::Old => state::SEALED,
            Side::New => state::ACTIVE,
        };
        relocate(office, tx, &moved, &to, start, arrives).await?;
        case::begin_executing(
            office,
            tx,
            case::Begun {
                case_id: submission.case_id,
                service: &self.id,
                wish: &self.wish(request),
                applicant_id: request.applicant_id,
                branch_id: to.branch_id,
                channel: &request.channel,
                amount_fen: None,
                promised_at: submission.promised_at,
                form: json!({ "account_no": request.text("account_no"), "to_employer_no": request.text("to_employer_no") }),
                detail: json!({
                    "from": office.numbers.encode(NumberKind::Employer, from.employer_id),
                    "to": office.numbers.encode(NumberKind::Employer, to.employer_id),
                }),
            },
            submission.actor,
        )
        .await?;
        case::end_executing(
            office,
            tx,
            submission.case_id,
            case::CaseState::Done,
            &["moved", "done"],
            json!({ "month": start.to_string(), "sealed": arrives == state::SEALED }),
            submission.actor,
        )
        .await
    }
}

fn number(office: &Office, request: &Request, field: &str, kind: NumberKind) -> Option<i64> {
    office.numbers.decode(kind, request.text(field)?)
}

fn unknown_account(request: &Request) -> Refusal {
    let account = request.text("account_no").unwrap_or_default();
    Refusal::rule(
        "E-FORM-01",
        format!("个人账号 {account} 不是转出单位或转入单位职工的账户，请核对账号和转入单位。"),
    )
}

async fn membership(
    office: &Office,
    tx: &mut PgConnection,
    account_id: i64,
) -> Result<Option<Moved>> {
    Ok(sqlx::query_as(
        "SELECT membership_id, person_id, employer_id, account_id, state, base_fen, opened_on, sealed_on, seal_reason
           FROM membership WHERE centre_id = $1 AND account_id = $2 AND state <> 9 FOR NO KEY UPDATE",
    )
    .bind(office.centre.id)
    .bind(account_id)
    .fetch_optional(tx)
    .await?)
}

/// Both employers' rows, the lower id first, so that two moves in opposite directions do not wait for each other.
async fn both(
    office: &Office,
    tx: &mut PgConnection,
    from_id: i64,
    to_id: i64,
) -> Result<(Employer, Employer)> {
    if from_id == to_id {
        return Err(Refusal::rule(
            "E-PERS-04",
            "该职工的账户已经在这个单位，不用转移；封存的请办理启封。",
        )
        .into());
    }
    let first = employer::lock(office, tx, from_id.min(to_id)).await?;
    let second = employer::lock(office, tx, from_id.max(to_id)).await?;
    Ok(if first.employer_id == from_id {
        (first, second)
    } else {
        (second, first)
    })
}

/// TRF-02, TRF-03, TRF-06, and that the new employer is a living one.
async fn may_move(
    office: &Office,
    tx: &mut PgConnection,
    side: Side,
    moved: &Moved,
    from: &Employer,
    to: &Employer,
    start: Month,
) -> Result<()> {
    if to.state != 1 {
        return Err(Refusal::rule("E-EMPR-03", "转入单位的账户不是正常状态，暂不能转入。").into());
    }
    if side == Side::New && moved.state != state::SEALED {
        let name = &from.name;
        let detail =
            format!("该职工在原单位（{name}）尚未封存，请原单位先办理封存，或由原单位办理转出。");
        return Err(Refusal::rule("E-TRF-02", detail).into());
    }
    let lines: (Option<i32>, Option<i32>) = sqlx::query_as(
        "SELECT max(l.month) FILTER (WHERE r.state IN (1, 2)), max(l.month)
           FROM remittance_line l
           JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id
          WHERE l.centre_id = $1 AND l.account_id = $2 AND r.state IN (1, 2, 3)",
    )
    .bind(office.centre.id)
    .bind(moved.account_id)
    .fetch_one(tx)
    .await?;
    if lines.0.is_some() {
        return Err(Refusal::rule(
            "E-TRF-03",
            "该职工仍在原单位未办结的清册中，请待原单位办结后再转移。",
        )
        .into());
    }
    match lines.1 {
        Some(last) if side == Side::New && last >= start.index() => {
            let month = Month::from_index(last).chinese();
            let detail = format!(
                "该职工{month}已由其他单位缴存，请调整起缴月份。本单位的下一份清册是{}，缴到{month}以后再转入。",
                start.chinese()
            );
            Err(Refusal::rule("E-TRF-06", detail).into())
        }
        _ => Ok(()),
    }
}

/// The old membership ends, a new one begins with the base inside the limits of today and the employer's ratio; both lists change.
async fn relocate(
    office: &Office,
    tx: &mut PgConnection,
    moved: &Moved,
    to: &Employer,
    start: Month,
    arrives: i16,
) -> Result<()> {
    let policy = roster_policy(office, to, start)?;
    let base = Fen::new(moved.base_fen).clamp(policy.limits.lower, policy.limits.upper);
    let ratios = Ratios {
        employer: Bp::new(to.ratio_employer_bp),
        employee: Bp::new(to.ratio_employee_bp),
    };
    let sides = monthly(base, ratios, policy.rounding);
    sqlx::query("UPDATE membership SET state = 9 WHERE centre_id = $1 AND membership_id = $2")
        .bind(office.centre.id)
        .bind(moved.membership_id)
        .execute(&mut *tx)
        .await?;
    sqlx::query(
        "INSERT INTO membership (centre_id, membership_id, person_id, employer_id, account_id, state, base_fen, ratio_employer_bp,
                                 ratio_employee_bp, employer_fen, employee_fen, from_month, base_year, sealed_on, seal_reason, opened_on)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
    .bind(office.centre.id)
    .bind(office.ids.next().await?)
    .bind(moved.person_id)
    .bind(to.employer_id)
    .bind(moved.account_id)
    .bind(arrives)
    .bind(base.fen())
    .bind(to.ratio_employer_bp)
    .bind(to.ratio_employee_bp)
    .bind(sides.employer.fen())
    .bind(sides.employee.fen())
    .bind(start.index())
    .bind((arrives == state::ACTIVE).then(|| contribution_year_of(start)))
    // An account that moves while it is sealed keeps its own day of sealing: withdrawals count from it.
    .bind((arrives == state::SEALED).then(|| moved.sealed_on.unwrap_or(office.today())))
    .bind((arrives == state::SEALED).then(|| moved.seal_reason.clone().unwrap_or_else(|| "离职".to_owned())))
    .bind(moved.opened_on)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "UPDATE employer SET list_version = list_version + 1 WHERE centre_id = $1 AND employer_id IN ($2, $3)",
    )
    .bind(office.centre.id)
    .bind(moved.employer_id)
    .bind(to.employer_id)
    .execute(tx)
    .await?;
    Ok(())
}

impl Service for Transfer {
    fn id(&self) -> &str {
        &self.id
    }

    fn own_books<'a>(
        &'a self,
        _: &'a Office,
        _: &'a mut PgConnection,
        _: &'a Request,
    ) -> BoxFuture<'a, Result<OwnBooks>> {
        async { Ok(OwnBooks::default()) }.boxed()
    }

    fn effect<'a>(
        &'a self,
        _: &'a Office,
        _: &'a Request,
        _: &'a Facts,
        _: &'a Decision,
        _: &'a OwnBooks,
    ) -> BoxFuture<'a, Result<Effect>> {
        async { Err(Fault::Stored("a move executes in its own transaction".to_owned()).into()) }
            .boxed()
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

    fn wish(&self, request: &Request) -> String {
        format!(
            "{}:{}",
            self.id,
            request.text("account_no").unwrap_or_default()
        )
    }
}
