//! 退缴 (contribution.md §8.1): a month that was credited wrongly goes back to the employer. Invariant: it leaves the accounts in one journal
//! (E11) with the decision, and ends at the account that paid it (E09) or in the employer's suspense; nothing between is lost. What becomes of
//! the payment is in `refund_payment.rs`.

use anju_casework::books::{self, Booking};
use anju_casework::case;
use anju_casework::catalogue::{Approved, Carried, OwnBooks, Request, Service};
use anju_casework::employer::{self, Employer};
use anju_casework::{Actor, Office, Refusal, Result, outbox};
use anju_domain::calendar::Month;
use anju_domain::money::Fen;
use anju_domain::rounding::split_shares;
use anju_ledger::account::Kind;
use anju_ledger::journal::{self, Line, Reach};
use anju_ledger::{AccountId, Part, Role};
use anju_policy::Fact;
use anju_vault::NumberKind;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sqlx::{FromRow, PgConnection};

pub use super::refund_payment::{of_payment_id, order, result, returned};
use super::relief;

/// States of a refund.
pub mod state {
    /// Being paid.
    pub const PAYING: i16 = 1;
    /// 已退回.
    pub const PAID: i16 = 2;
    /// In the employer's suspense, as asked.
    pub const IN_SUSPENSE: i16 = 3;
    /// Refused by the bank: in the employer's suspense.
    pub const REJECTED: i16 = 4;
    /// 退票: paid, and come back: in the employer's suspense.
    pub const RETURNED: i16 = 5;
}

/// What a person's month has, and what of it is asked back.
#[derive(Debug, Clone, FromRow)]
struct Credited {
    account_id: i64,
    person_id: i64,
    remittance_id: i64,
    employer_fen: i64,
    employee_fen: i64,
    available_fen: i64,
    used: bool,
}

impl Credited {
    fn parts(&self) -> (Fen, Fen) {
        (Fen::new(self.employer_fen), Fen::new(self.employee_fen))
    }

    /// What is asked back of it: all, or a part in the shares of both sides.
    fn asked(&self, amount: Option<Fen>) -> (Fen, Fen) {
        let (employer, employee) = self.parts();
        match amount {
            Some(amount) if amount < employer + employee => {
                let weight = |fen: Fen| u64::try_from(fen.fen()).unwrap_or(0);
                let shares = split_shares(amount, &[weight(employer), weight(employee)]);
                (shares[0], shares[1])
            }
            _ => (employer, employee),
        }
    }
}

/// What a form asks for.
struct Asked {
    month: Month,
    account_id: Option<i64>,
    amount: Option<Fen>,
    to_account: bool,
}

impl Asked {
    fn of(office: &Office, request: &Request) -> Result<Self> {
        let month = request
            .text("month")
            .and_then(|text| Month::parse(text).ok())
            .ok_or_else(|| {
                Refusal::rule("E-FORM-01", "退哪个月填写有误，请按 2026-11 的格式填写。")
            })?;
        // A number that is none of ours matches nobody: the rules say so.
        let account_id = request.text("account_no").map(|number| {
            office
                .numbers
                .decode(NumberKind::Account, number)
                .unwrap_or(0)
        });
        Ok(Self {
            month,
            account_id,
            amount: request
                .form
                .get("amount_fen")
                .and_then(Value::as_i64)
                .map(Fen::new),
            to_account: request.text("to") == Some("ACCOUNT"),
        })
    }
}

/// The month's credits of an employer, or of one of its people, less what was changed since.
async fn credited(
    office: &Office,
    conn: &mut PgConnection,
    employer_id: i64,
    asked: &Asked,
) -> Result<Vec<Credited>> {
    Ok(sqlx::query_as(
        "WITH lines AS (
             SELECT l.account_id, min(l.person_id) AS person_id, min(r.remittance_id) AS remittance_id, sum(l.employer_fen) AS employer_fen,
                    sum(l.employee_fen) AS employee_fen, min(r.allocated_at) AS allocated_at
               FROM remittance r
               JOIN remittance_line l ON l.centre_id = r.centre_id AND l.remittance_id = r.remittance_id AND l.month = $3
              WHERE r.centre_id = $1 AND r.employer_id = $2 AND r.state = 3 AND (r.kind = 2 OR r.month = $3)
                AND ($4::bigint IS NULL OR l.account_id = $4)
              GROUP BY l.account_id)
         SELECT l.account_id, l.person_id, l.remittance_id, (l.employer_fen + coalesce(c.employer_fen, 0))::bigint AS employer_fen,
                (l.employee_fen + coalesce(c.employee_fen, 0))::bigint AS employee_fen,
                greatest(a.balance_fen - a.frozen_fen - a.reserved_fen, 0) AS available_fen,
                EXISTS (SELECT FROM withdrawal_use u
                         WHERE u.centre_id = $1 AND u.person_id = l.person_id AND u.state IN (1, 2)
                           AND u.used_on >= l.allocated_at::date) AS used
           FROM lines l
           JOIN ledger_account a ON a.centre_id = $1 AND a.account_id = l.account_id
           LEFT JOIN LATERAL (SELECT sum(employer_fen) AS employer_fen, sum(employee_fen) AS employee_fen
                                FROM contribution_change WHERE centre_id = $1 AND account_id = l.account_id AND month = $3) AS c ON TRUE
          WHERE l.employer_fen + l.employee_fen + coalesce(c.employer_fen + c.employee_fen, 0) > 0
          ORDER BY l.account_id",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(asked.month.index())
    .bind(asked.account_id)
    .fetch_all(conn)
    .await?)
}

/// The receipt that paid the month: where its money may go back to.
async fn paid_by(
    office: &Office,
    conn: &mut PgConnection,
    lines: &[Credited],
) -> Result<Option<(i64, String)>> {
    let Some(first) = lines.first() else {
        return Ok(None);
    };
    Ok(sqlx::query_as(
        "SELECT receipt_id, payer_account FROM receipt
          WHERE centre_id = $1 AND remittance_id = $2 AND payer_account <> '' ORDER BY receipt_id DESC LIMIT 1",
    )
    .bind(office.centre.id)
    .bind(first.remittance_id)
    .fetch_optional(conn)
    .await?)
}

/// The fact `own.refund` beside the employer's own.
async fn read(office: &Office, conn: &mut PgConnection, request: &Request) -> Result<OwnBooks> {
    let mut own = relief::own_books::read(office, conn, request).await?;
    let asked = Asked::of(office, request)?;
    let lines = credited(office, conn, request.applicant_id, &asked).await?;
    let payer = paid_by(office, conn, &lines).await?;
    let both = |(employer, employee): (Fen, Fen)| employer + employee;
    let paid: Fen = lines.iter().map(|line| both(line.parts())).sum();
    let wanted: Fen = match asked.amount {
        Some(amount) => amount,
        None => paid,
    };
    let short = lines
        .iter()
        .filter(|line| both(line.asked(asked.amount)).fen() > line.available_fen)
        .count();
    let payee = request.text("payee_account");
    let value = json!({
        "people": lines.len(),
        "paid_fen": paid.fen(),
        "asked_fen": wanted.fen(),
        "short_people": short,
        "used_people": lines.iter().filter(|line| line.used).count(),
        "payer_known": payer.is_some(),
        "payee_is_payer": payer.as_ref().is_some_and(|(_, account)| payee.is_none_or(|payee| payee == account)),
        "at_counter": request.at_counter(),
    });
    own.facts.push(Fact::own(
        office.now(),
        "employer",
        "本单位",
        "own.refund",
        Some(value),
    ));
    Ok(own)
}

/// The service of refunds.
pub struct EmployerRefund {
    id: String,
}

impl EmployerRefund {
    /// The service of a definition with effect `refund_employer`.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned() }
    }

    async fn give_back(
        &self,
        office: &Office,
        tx: &mut PgConnection,
        approved: Approved<'_>,
    ) -> Result<Carried> {
        let request = approved.request;
        let employer = employer::lock(office, tx, request.applicant_id).await?;
        relief::still(&read(office, tx, request).await?, &approved)?;
        let asked = Asked::of(office, request)?;
        let lines = credited(office, tx, employer.employer_id, &asked).await?;
        let Some(first) = lines.first() else {
            return Err(case::moved_on().into());
        };
        let taken: Vec<(Fen, Fen)> = lines.iter().map(|line| line.asked(asked.amount)).collect();
        let total: Fen = taken
            .iter()
            .map(|(employer, employee)| *employer + *employee)
            .sum();
        let payable = payable_of(office, tx, &employer).await?;
        debit(
            office,
            tx,
            &approved,
            &employer,
            payable,
            asked.month,
            &lines,
            &taken,
        )
        .await?;
        changed(office, tx, approved.case_id, asked.month, &lines, &taken).await?;
        let payer = match asked.to_account {
            true => paid_by(office, tx, &lines).await?,
            false => None,
        };
        if payer.is_none() {
            let key = approved.case_id.to_string();
            to_suspense(
                office,
                tx,
                &employer,
                payable,
                approved.case_id,
                &key,
                total,
                approved.reviewer,
            )
            .await?;
        }
        sqlx::query(
            "INSERT INTO employer_refund (centre_id, refund_id, employer_id, remittance_id, month, people, amount_fen, receipt_id, state, made_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(office.centre.id)
        .bind(approved.case_id)
        .bind(employer.employer_id)
        .bind(first.remittance_id)
        .bind(asked.month.index())
        .bind(i32::try_from(lines.len()).unwrap_or(i32::MAX))
        .bind(total.fen())
        .bind(payer.as_ref().map(|(receipt, _)| *receipt))
        .bind(if payer.is_some() { state::PAYING } else { state::IN_SUSPENSE })
        .bind(office.now())
        .execute(&mut *tx)
        .await?;
        tell(office, tx, approved.case_id, asked.month, &lines, &taken).await?;
        let pays = payer.is_some();
        if pays {
            let payload = json!({ "refund": approved.case_id });
            let kind = outbox::kind::REFUND;
            outbox::enqueue(
                office,
                tx,
                kind,
                Some(approved.case_id),
                payload,
                office.now(),
            )
            .await?;
        }
        Ok(Carried {
            step: if pays { "debited" } else { "to_suspense" },
            detail: json!({ "amount_fen": total.fen(), "people": lines.len(), "month": asked.month.to_string() }),
            done: !pays,
        })
    }
}

/// 21902 of the employer; opened when it is first needed.
pub(crate) async fn payable_of(
    office: &Office,
    tx: &mut PgConnection,
    employer: &Employer,
) -> Result<i64> {
    let found: Option<i64> = sqlx::query_scalar(
        "SELECT account_id FROM ledger_account WHERE centre_id = $1 AND owner_id = $2 AND kind = $3",
    )
    .bind(office.centre.id)
    .bind(employer.employer_id)
    .bind(Kind::OverContribution as i16)
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(account) = found {
        return Ok(account);
    }
    let account = office.ids.next().await?;
    books::open_accounts(
        office,
        tx,
        Kind::OverContribution,
        &[account],
        &[employer.employer_id],
    )
    .await?;
    Ok(account)
}

/// E11: from everybody's account to what the centre owes the employer, one journal.
#[expect(clippy::too_many_arguments, reason = "one journal, told in one place")]
async fn debit(
    office: &Office,
    tx: &mut PgConnection,
    approved: &Approved<'_>,
    employer: &Employer,
    payable: i64,
    month: Month,
    lines: &[Credited],
    taken: &[(Fen, Fen)],
) -> Result<()> {
    let key = approved.case_id.to_string();
    let booking = Booking {
        event: "E11",
        key: &key,
        case_id: Some(approved.case_id),
        branch_id: employer.branch_id,
        maker: Actor::System,
        checker: approved.reviewer,
        policy_id: 0,
        month: Some(month),
        value_date: None,
        accounts: &[],
        amount_fen: 0,
    };
    let header = books::header(office, tx, &booking).await?;
    let day = header.day.date();
    let line = |account: i64, part: Part, amount: Fen| Line {
        account: AccountId(account),
        part,
        amount,
        value_date: day,
        red: false,
    };
    let mut drawn = Vec::with_capacity(lines.len() * 2 + 1);
    let mut total = Fen::ZERO;
    for (one, (ours, theirs)) in lines.iter().zip(taken) {
        total = total + *ours + *theirs;
        for (part, amount) in [(Part::Employer, *ours), (Part::Employee, *theirs)] {
            if amount > Fen::ZERO {
                drawn.push(line(one.account_id, part, amount));
            }
        }
    }
    drawn.push(line(payable, Part::None, Fen::ZERO - total));
    journal::post_lines(tx, &header, &key, &drawn, Reach::Available).await?;
    Ok(())
}

/// What was taken from each month.
async fn changed(
    office: &Office,
    tx: &mut PgConnection,
    case_id: i64,
    month: Month,
    lines: &[Credited],
    taken: &[(Fen, Fen)],
) -> Result<()> {
    sqlx::query(
        "INSERT INTO contribution_change (centre_id, change_id, account_id, month, remittance_id, employer_fen, employee_fen)
         SELECT $1, $2, n.account_id, $3, n.remittance_id, -n.employer_fen, -n.employee_fen
           FROM unnest($4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[]) AS n (account_id, remittance_id, employer_fen, employee_fen)",
    )
    .bind(office.centre.id)
    .bind(case_id)
    .bind(month.index())
    .bind(lines.iter().map(|line| line.account_id).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| line.remittance_id).collect::<Vec<_>>())
    .bind(taken.iter().map(|(ours, _)| ours.fen()).collect::<Vec<_>>())
    .bind(taken.iter().map(|(_, theirs)| theirs.fen()).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}

/// REFUND-04: each employee is told what his employer has to give him through payroll.
async fn tell(
    office: &Office,
    tx: &mut PgConnection,
    case_id: i64,
    month: Month,
    lines: &[Credited],
    taken: &[(Fen, Fen)],
) -> Result<()> {
    let people: Vec<i64> = lines.iter().map(|line| line.person_id).collect();
    let month = month.chinese();
    let texts: Vec<String> = taken
        .iter()
        .map(|(ours, theirs)| {
            let total = *ours + *theirs;
            format!("【公积金】单位退缴了您{month}的 {total} 元，其中个人部分 {theirs} 元由单位随工资退给您")
        })
        .collect();
    outbox::tell_people(office, tx, case_id, &people, &texts).await
}

/// From what the centre owes the employer to its suspense: E08 in red, the other way round.
#[expect(clippy::too_many_arguments, reason = "one journal, told in one place")]
pub(crate) async fn to_suspense(
    office: &Office,
    tx: &mut PgConnection,
    employer: &Employer,
    payable: i64,
    case_id: i64,
    key: &str,
    amount: Fen,
    checker: Option<i64>,
) -> Result<()> {
    books::post(
        office,
        tx,
        &Booking {
            event: "E08",
            key,
            case_id: Some(case_id),
            branch_id: employer.branch_id,
            maker: Actor::System,
            checker,
            policy_id: 0,
            month: None,
            value_date: None,
            accounts: &[
                (Role::Unit, employer.suspense_account_id),
                (Role::OverContribution, payable),
            ],
            amount_fen: -amount.fen(),
        },
    )
    .await?;
    Ok(())
}

impl Service for EmployerRefund {
    fn id(&self) -> &str {
        &self.id
    }

    fn own_books<'a>(
        &'a self,
        office: &'a Office,
        conn: &'a mut PgConnection,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<OwnBooks>> {
        read(office, conn, request).boxed()
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
        self.give_back(office, tx, approved).boxed()
    }

    /// One living refund for a month of a person, or of everybody.
    fn wish(&self, _office: &Office, request: &Request) -> String {
        format!(
            "{}:{}:{}",
            self.id,
            request.text("month").unwrap_or_default(),
            request.text("account_no").unwrap_or_default()
        )
    }
}
