//! Moving a person's account to another employer of the centre (个人账户转移, contribution.md §9). Invariant: the account keeps its number,
//! balance, products and freezes, so that no entry is made and no interest is settled; only who contributes to it changes. Who is not sealed
//! yet is waited for (`transfer_request`); a whole employer is `merging`'s.

use anju_casework::catalogue::{Request, Service};
use anju_casework::employer::{self, Employer};
use anju_casework::membership::state;
use anju_casework::{Actor, Office, Refusal, Result, case};
use anju_domain::calendar::{Month, contribution_year_of};
use anju_domain::contribution::{Ratios, Sides, monthly};
use anju_domain::money::Fen;
use anju_domain::rate::Bp;
use anju_vault::NumberKind;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sqlx::{FromRow, PgConnection};

use super::changes::first_month;
use super::upload::roster_policy;
use super::{merging, relief, transfer_request};

/// The service of moving an account.
pub struct Transfer {
    id: String,
}

/// Whom a request means.
#[derive(Clone, Copy)]
pub(super) enum Whom {
    /// The owner of an account.
    Account(i64),
    /// The whole roster: the employer was merged into the other one.
    Everybody,
}

/// A live membership as it is moved.
#[derive(FromRow)]
pub(super) struct Moved {
    pub(super) membership_id: i64,
    pub(super) account_id: i64,
    pub(super) state: i16,
    base_fen: i64,
}

/// Who asks, which decides what becomes of the account.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// The old employer pushes it out: it arrives sealed, and the new employer unseals it.
    Old,
    /// The new employer takes in a sealed account: it contributes from the next list. Who is not sealed yet is waited for.
    New,
}

impl Transfer {
    /// The service of a definition with effect `transfer_account`.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned() }
    }

    async fn carry_out(&self, office: &Office, submission: &case::Submission) -> Result<i64> {
        let request = &submission.request;
        let to_id = number(office, request, "to_employer_no", NumberKind::Employer)
            .ok_or_else(|| Refusal::not_found("转入单位"))?;
        if request.form.get("everybody").and_then(Value::as_bool) == Some(true) {
            return merging::carry_out(office, submission, &self.wish(office, request), to_id)
                .await;
        }
        let account_id = number(office, request, "account_no", NumberKind::Account)
            .ok_or_else(|| unknown_account(request))?;
        let mut tx = office.pool.begin().await?;
        let case_id = self
            .write(office, &mut tx, submission, account_id, to_id)
            .await?;
        tx.commit().await?;
        office.wake.notify_one();
        Ok(case_id)
    }

    async fn write(
        &self,
        office: &Office,
        tx: &mut PgConnection,
        submission: &case::Submission,
        account_id: i64,
        to_id: i64,
    ) -> Result<i64> {
        let request = &submission.request;
        let from_id = employer_of(office, tx, account_id)
            .await?
            .ok_or_else(|| unknown_account(request))?;
        let (from, to) = both(office, tx, from_id, to_id).await?;
        let moved = memberships(office, tx, from_id, Whom::Account(account_id)).await?;
        let one = moved.first().ok_or_else(|| unknown_account(request))?;
        let side = match request.applicant_id {
            id if id == from.employer_id => Side::Old,
            id if id == to.employer_id => Side::New,
            _ => return Err(unknown_account(request).into()),
        };
        // TRF-02: the new employer takes in who is sealed; who contributed by himself needs nobody's leave.
        if side == Side::New && one.state != state::SEALED && !from.is_virtual() {
            let wish = self.wish(office, request);
            return transfer_request::open(office, tx, submission, &wish, one, (&from, &to)).await;
        }
        let waiting = transfer_request::live(office, tx, account_id).await?;
        let start = first_month(office, &mut *tx, &to).await?;
        // Of one who is pushed out the new employer says from when it pays, if it has not said so by asking for him.
        let asked_for = waiting
            .as_ref()
            .is_some_and(|one| one.to_employer_id == to.employer_id);
        let states = if side == Side::New || asked_for {
            [state::ACTIVE]
        } else {
            [state::SEALED]
        };
        let goes_on: Vec<i64> = states
            .iter()
            .filter(|state| **state == state::ACTIVE)
            .map(|_| account_id)
            .collect();
        may_move(office, tx, &moved, &goes_on, &to, start).await?;
        relocate(office, tx, &moved, &states, &from, &to, start).await?;
        if let Some(waiting) = &waiting {
            transfer_request::overtaken(office, tx, waiting, &to, start).await?;
        }
        case::at_once(
            office,
            tx,
            submission,
            case::AtOnce {
                // The one that waits has this wish for the account.
                wish: &format!("{}:{}", self.wish(office, request), submission.case_id),
                branch_id: to.branch_id,
                form: json!({ "account_no": request.text("account_no"), "to_employer_no": request.text("to_employer_no") }),
                begun: json!({
                    "from": office.numbers.encode(NumberKind::Employer, from.employer_id),
                    "to": office.numbers.encode(NumberKind::Employer, to.employer_id),
                }),
                step: "moved",
                done: json!({ "month": start.to_string(), "people": moved.len(), "active": goes_on.len() }),
            },
        )
        .await?;
        Ok(submission.case_id)
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

/// The employer whose account it is.
pub(super) async fn employer_of(
    office: &Office,
    tx: &mut PgConnection,
    account_id: i64,
) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar(
        "SELECT employer_id FROM membership WHERE centre_id = $1 AND account_id = $2 AND state <> 9",
    )
    .bind(office.centre.id)
    .bind(account_id)
    .fetch_optional(tx)
    .await?)
}

/// Who moves, as they stand now that the employer's row is taken.
pub(super) async fn memberships(
    office: &Office,
    tx: &mut PgConnection,
    from_id: i64,
    whom: Whom,
) -> Result<Vec<Moved>> {
    let account = match whom {
        Whom::Everybody => None,
        Whom::Account(account_id) => Some(account_id),
    };
    Ok(sqlx::query_as(
        "SELECT membership_id, account_id, state, base_fen
           FROM membership
          WHERE centre_id = $1 AND employer_id = $2 AND state IN (1, 2) AND ($3::bigint IS NULL OR account_id = $3)
          ORDER BY membership_id
            FOR NO KEY UPDATE",
    )
    .bind(office.centre.id)
    .bind(from_id)
    .bind(account)
    .fetch_all(tx)
    .await?)
}

/// Both employers' rows, the lower id first, so that two moves in opposite directions do not wait for each other.
pub(super) async fn both(
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

/// Whether an employer takes anybody in.
///
/// # Errors
/// `E-EMPR-03`.
pub(super) fn may_take_in(to: &Employer) -> Result<()> {
    if to.state == employer::state::ACTIVE {
        return Ok(());
    }
    let detail = "转入单位的账户不是正常状态，暂不能转入，请等它恢复正常或核对转入单位。";
    Err(Refusal::rule("E-EMPR-03", detail).into())
}

/// TRF-03, TRF-06, and that the new employer is a living one.
pub(super) async fn may_move(
    office: &Office,
    tx: &mut PgConnection,
    moved: &[Moved],
    goes_on: &[i64],
    to: &Employer,
    start: Month,
) -> Result<()> {
    may_take_in(to)?;
    let accounts: Vec<i64> = moved.iter().map(|moved| moved.account_id).collect();
    relief::owes_nothing(office, tx, &accounts).await?;
    let (waits, last): (bool, Option<i32>) = sqlx::query_as(
        "SELECT coalesce(bool_or(r.state IN (1, 2)), FALSE), max(l.month) FILTER (WHERE l.account_id = ANY ($3))
           FROM remittance_line l
           JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id
          WHERE l.centre_id = $1 AND l.account_id = ANY ($2) AND r.state IN (1, 2, 3)",
    )
    .bind(office.centre.id)
    .bind(&accounts)
    .bind(goes_on)
    .fetch_one(tx)
    .await?;
    if waits {
        let detail = "该职工仍在原单位未办结的清册中，请待原单位办结后再转移。";
        return Err(Refusal::rule("E-TRF-03", detail).into());
    }
    is_free(last, start)
}

/// TRF-06: a month is not paid by two employers.
///
/// # Errors
/// `E-TRF-06` where the last month that is paid is not before the new employer's next.
pub(super) fn is_free(last: Option<i32>, start: Month) -> Result<()> {
    match last {
        Some(last) if last >= start.index() => {
            let month = Month::from_index(last).chinese();
            let detail = format!(
                "该职工{month}已由其他单位缴存，请调整起缴月份。转入单位的下一份清册是{}，缴到{month}以后再转入。",
                start.chinese()
            );
            Err(Refusal::rule("E-TRF-06", detail).into())
        }
        _ => Ok(()),
    }
}

/// The old memberships end, new ones begin with the base inside the limits of today and the employer's ratio; both lists change.
pub(super) async fn relocate(
    office: &Office,
    tx: &mut PgConnection,
    moved: &[Moved],
    states: &[i16],
    from: &Employer,
    to: &Employer,
    start: Month,
) -> Result<()> {
    let policy = roster_policy(office, to, start)?;
    let ratios = Ratios {
        employer: Bp::new(to.ratio_employer_bp),
        employee: Bp::new(to.ratio_employee_bp),
    };
    let bases: Vec<Fen> = moved
        .iter()
        .map(|moved| Fen::new(moved.base_fen).clamp(policy.limits.lower, policy.limits.upper))
        .collect();
    let sides: Vec<Sides> = bases
        .iter()
        .map(|base| monthly(*base, ratios, policy.rounding))
        .collect();
    let ended: Vec<i64> = moved.iter().map(|moved| moved.membership_id).collect();
    sqlx::query(
        "UPDATE membership SET state = 9 WHERE centre_id = $1 AND membership_id = ANY ($2)",
    )
    .bind(office.centre.id)
    .bind(&ended)
    .execute(&mut *tx)
    .await?;
    // An account that moves while it is sealed keeps its own day of sealing: withdrawals count from it.
    sqlx::query(
        "INSERT INTO membership (centre_id, membership_id, person_id, employer_id, account_id, state, base_fen, ratio_employer_bp,
                                 ratio_employee_bp, employer_fen, employee_fen, from_month, base_year, sealed_on, seal_reason, opened_on)
         SELECT m.centre_id, n.membership_id, m.person_id, $4, m.account_id, n.state, n.base_fen, $5, $6, n.employer_fen, n.employee_fen,
                $7, CASE WHEN n.state = 1 THEN $8::integer END,
                CASE WHEN n.state = 2 THEN coalesce(m.sealed_on, $9) END,
                CASE WHEN n.state = 2 THEN coalesce(m.seal_reason, '离职') END, m.opened_on
           FROM unnest($2::bigint[], $3::bigint[], $10::smallint[], $11::bigint[], $12::bigint[], $13::bigint[])
                  AS n (old_id, membership_id, state, base_fen, employer_fen, employee_fen)
           JOIN membership m ON m.centre_id = $1 AND m.membership_id = n.old_id",
    )
    .bind(office.centre.id)
    .bind(&ended)
    .bind(office.ids.take(moved.len()).await?)
    .bind(to.employer_id)
    .bind(to.ratio_employer_bp)
    .bind(to.ratio_employee_bp)
    .bind(start.index())
    .bind(contribution_year_of(start))
    .bind(office.today())
    .bind(states)
    .bind(bases.iter().map(|base| base.fen()).collect::<Vec<_>>())
    .bind(sides.iter().map(|sides| sides.employer.fen()).collect::<Vec<_>>())
    .bind(sides.iter().map(|sides| sides.employee.fen()).collect::<Vec<_>>())
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "UPDATE employer SET list_version = list_version + 1 WHERE centre_id = $1 AND employer_id IN ($2, $3)",
    )
    .bind(office.centre.id)
    .bind(from.employer_id)
    .bind(to.employer_id)
    .execute(tx)
    .await?;
    Ok(())
}

impl Service for Transfer {
    fn id(&self) -> &str {
        &self.id
    }

    fn take_back<'a>(
        &'a self,
        office: &'a Office,
        case_id: i64,
        actor: Actor,
    ) -> Option<BoxFuture<'a, Result<()>>> {
        Some(transfer_request::withdraw(office, case_id, actor).boxed())
    }

    fn begin<'a>(
        &'a self,
        office: &'a Office,
        submission: &'a case::Submission,
    ) -> Option<BoxFuture<'a, Result<i64>>> {
        Some(self.carry_out(office, submission).boxed())
    }

    fn wish(&self, _office: &Office, request: &Request) -> String {
        format!(
            "{}:{}",
            self.id,
            request.text("account_no").unwrap_or_default()
        )
    }
}
