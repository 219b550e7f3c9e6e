//! Back payment (补缴登记, contribution.md §7.2): months that are over, for one person or many, for a reason. It waits for its money and is
//! allocated like a month's list. Invariant: a month is paid once for a person; what is paid again is the difference to what is due.

use std::collections::{BTreeMap, HashMap};

use anju_casework::catalogue::{Request, Service};
use anju_casework::employer::{self, Employer};
use anju_casework::{Fault as Trouble, Office, Refusal, Result, RowFault, books, case};
use anju_domain::calendar::Month;
use anju_domain::contribution::{Ratios, back_payment, monthly};
use anju_domain::id_number::IdNumber;
use anju_domain::money::Fen;
use anju_domain::rate::Bp;
use anju_ledger::command;
use anju_vault::NumberKind;
use chrono::TimeDelta;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::members::{Books, MemberRow};
use super::remittance::{kind, reference};
use super::upload::roster_policy;
use crate::policy::Rules;

/// Why months are paid afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// 漏缴补缴: the month was never paid for the person.
    Missed,
    /// 基数补差: the base was too low.
    ShortBase,
    /// 比例补差: the ratio was too low.
    ShortRatio,
    /// 新增职工补缴: from the month of hiring.
    NewHire,
    /// 缓缴补缴: the month was deferred.
    Deferred,
    /// 执法、判决补缴: amounts by a decision.
    Enforced,
}

impl Reason {
    /// By the code of the domain reference.
    pub fn parse(code: &str) -> Option<Self> {
        Some(match code {
            "MISSED_MONTH" => Self::Missed,
            "SHORT_BASE" => Self::ShortBase,
            "SHORT_RATIO" => Self::ShortRatio,
            "NEW_HIRE" => Self::NewHire,
            "DEFERRED" => Self::Deferred,
            "ENFORCED" => Self::Enforced,
            _ => return None,
        })
    }

    /// Its code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missed => "MISSED_MONTH",
            Self::ShortBase => "SHORT_BASE",
            Self::ShortRatio => "SHORT_RATIO",
            Self::NewHire => "NEW_HIRE",
            Self::Deferred => "DEFERRED",
            Self::Enforced => "ENFORCED",
        }
    }

    /// Whether the difference to what was paid is owed, not the whole month.
    const fn is_difference(self) -> bool {
        matches!(self, Self::ShortBase | Self::ShortRatio)
    }
}

/// A row of the form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    account_no: Option<String>,
    #[serde(default)]
    id_no: Option<String>,
    months: Vec<Month>,
    #[serde(default)]
    base_fen: Option<i64>,
    /// Of a decision: each month's parts.
    #[serde(default)]
    employer_fen: Option<i64>,
    #[serde(default)]
    employee_fen: Option<i64>,
}

/// A month of a person to be paid.
#[derive(Debug, Clone, Copy)]
struct Line {
    account_id: i64,
    person_id: i64,
    month: Month,
    base: Fen,
    employer: Fen,
    employee: Fen,
}

/// What was paid, or waits to be, for a month of an account.
#[derive(Debug, Clone, Copy, Default)]
struct Paid {
    employer: Fen,
    employee: Fen,
    /// A list with it still waits for its money.
    waits: bool,
}

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
        let Err(error) = self.attempt(office, submission).await else {
            office.changed(submission.case_id);
            return Ok(submission.case_id);
        };
        match books::remembered(office, submission.key, submission.digest).await? {
            Some(before) => Ok(before),
            None => Err(error),
        }
    }

    async fn attempt(&self, office: &Office, submission: &case::Submission) -> Result<()> {
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
        let asked = rows(request)?;
        let employer = employer::require(office, request.applicant_id).await?;
        let members = Books::read(office, &employer, employer.next_month(), &[]).await?;
        let mut tx = office.pool.begin().await?;
        // One list of this employer after the other: what is paid is read when nobody else writes it.
        let employer = employer::lock(office, &mut tx, employer.employer_id).await?;
        if employer.list_version != members.list_version {
            let detail = "核对之后，单位的职工名单有了变动。请重新提交。";
            return Err(Refusal::new(409, "E-REMIT-07", detail).into());
        }
        let mut faults = Vec::new();
        let people = whom(office, &members, &asked, &mut faults);
        let paid = paid(office, &mut tx, &people).await?;
        let list = List {
            office,
            employer: &employer,
            reason,
            at_counter: request.at_counter(),
            review_months: Rules::on(office, office.today()).months("backpay_review_months")?,
            paid: &paid,
        };
        let lines = list.lines(&asked, &people, &mut faults)?;
        refuse(faults)?;
        books::remember(
            office,
            &mut tx,
            submission.key,
            submission.digest,
            submission.case_id,
        )
        .await?;
        self.write(office, &mut tx, submission, &employer, reason, &lines)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    async fn write(
        &self,
        office: &Office,
        tx: &mut PgConnection,
        submission: &case::Submission,
        employer: &Employer,
        reason: Reason,
        lines: &[Line],
    ) -> Result<()> {
        let remittance_id = submission.case_id;
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
        .bind(submission.actor.id())
        .bind(kind::SUPPLEMENT)
        .bind(reason.code())
        .bind(submission.request.text("document_no"))
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
        case::begin_executing(
            office,
            tx,
            case::Begun {
                case_id: remittance_id,
                service: &self.id,
                wish: &format!("{}:{pay_code}", self.id),
                applicant_id: employer.employer_id,
                branch_id: employer.branch_id,
                channel: &submission.request.channel,
                amount_fen: Some(total),
                promised_at: anju_domain::clock::end_of_day(until),
                form: json!({ "reason": reason.code(), "document_no": submission.request.text("document_no") }),
                detail: json!({
                    "remittance": office.numbers.encode(NumberKind::Remittance, remittance_id),
                    "amount_fen": total,
                    "lines": lines.len(),
                    "reference": pay_code,
                    "payee_bank": employer.bank,
                    "payee_account": office.bank(&employer.bank)?.account_no,
                    "digest": hex::encode(&digest),
                }),
            },
            submission.actor,
        )
        .await
    }
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

/// The rows of the form.
fn rows(request: &Request) -> Result<Vec<Asked>> {
    let rows = request
        .form
        .get("roster")
        .and_then(Value::as_array)
        .ok_or_else(|| Refusal::rule("E-FORM-01", "请填写要补缴的职工和月份。"))?;
    let mut faults = Vec::new();
    let mut asked = Vec::with_capacity(rows.len());
    for (value, row) in rows.iter().zip(1_u32..) {
        match Asked::deserialize(value) {
            Ok(one) if !one.months.is_empty() => asked.push(one),
            Ok(_) => faults.push(fault(row, "月份", "E-FORM-01", "请写要补缴的月份")),
            Err(error) => faults.push(fault(
                row,
                "",
                "E-FORM-01",
                &format!("有一项写错了（{error}），各项是 account_no 或 id_no、months"),
            )),
        }
    }
    refuse(faults)?;
    Ok(asked)
}

fn fault(row: u32, column: &str, code: &str, what: &str) -> RowFault {
    RowFault {
        row: Some(row),
        column: (!column.is_empty()).then(|| column.to_owned()),
        code: code.to_owned(),
        message: format!("第 {row} 行{what}。"),
    }
}

fn refuse(faults: Vec<RowFault>) -> Result<()> {
    match faults.first() {
        None => Ok(()),
        Some(first) => Err(Refusal::rule(&first.code.clone(), first.message.clone())
            .with_errors(faults)
            .into()),
    }
}

/// Whom each row means: a member of the employer, contributing or sealed.
fn whom<'b>(
    office: &Office,
    members: &'b Books,
    asked: &[Asked],
    faults: &mut Vec<RowFault>,
) -> Vec<Option<&'b MemberRow>> {
    let by_account: HashMap<i64, &MemberRow> = members
        .rows
        .values()
        .map(|row| (row.account_id, row))
        .collect();
    asked
        .iter()
        .zip(1_u32..)
        .map(|(asked, row)| {
            let found = match (&asked.account_no, &asked.id_no) {
                (Some(number), _) => office
                    .numbers
                    .decode(NumberKind::Account, number)
                    .and_then(|account| by_account.get(&account).copied()),
                (None, Some(id)) => IdNumber::parse(id)
                    .ok()
                    .and_then(|id| members.rows.get(&id)),
                (None, None) => None,
            };
            if found.is_none() {
                faults.push(fault(
                    row,
                    "个人账号",
                    "E-FORM-01",
                    "的个人账号不是本单位职工的账户，请核对",
                ));
            }
            found
        })
        .collect()
}

/// What each month of these accounts has, by account and month.
async fn paid(
    office: &Office,
    tx: &mut PgConnection,
    people: &[Option<&MemberRow>],
) -> Result<BTreeMap<(i64, i32), Paid>> {
    let accounts: Vec<i64> = people.iter().flatten().map(|row| row.account_id).collect();
    let rows: Vec<(i64, i32, i64, i64, bool)> = sqlx::query_as(
        "SELECT l.account_id, l.month, sum(l.employer_fen) FILTER (WHERE r.state = 3)::bigint,
                sum(l.employee_fen) FILTER (WHERE r.state = 3)::bigint, bool_or(r.state <> 3)
           FROM (SELECT centre_id, remittance_id, account_id, month, employer_fen, employee_fen
                   FROM remittance_line WHERE centre_id = $1 AND account_id = ANY ($2)) AS l
           JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id
          WHERE r.state IN (1, 2, 3)
          GROUP BY l.account_id, l.month",
    )
    .bind(office.centre.id)
    .bind(&accounts)
    .fetch_all(tx)
    .await?
    .into_iter()
    .map(
        |(account, month, employer, employee, waits): (
            i64,
            i32,
            Option<i64>,
            Option<i64>,
            bool,
        )| {
            (
                account,
                month,
                employer.unwrap_or(0),
                employee.unwrap_or(0),
                waits,
            )
        },
    )
    .collect();
    Ok(rows
        .into_iter()
        .map(|(account, month, employer, employee, waits)| {
            let paid = Paid {
                employer: Fen::new(employer),
                employee: Fen::new(employee),
                waits,
            };
            ((account, month), paid)
        })
        .collect())
}

/// What the lines of a back payment are drawn from.
struct List<'a> {
    office: &'a Office,
    employer: &'a Employer,
    reason: Reason,
    at_counter: bool,
    /// BACK-02: older months are not for a clerk alone.
    review_months: i32,
    paid: &'a BTreeMap<(i64, i32), Paid>,
}

impl List<'_> {
    fn lines(
        &self,
        asked: &[Asked],
        people: &[Option<&MemberRow>],
        faults: &mut Vec<RowFault>,
    ) -> Result<Vec<Line>> {
        let oldest = Month::of(self.office.today()).plus(-self.review_months);
        let mut lines: Vec<Line> = Vec::new();
        for ((asked, person), row) in asked.iter().zip(people).zip(1_u32..) {
            let Some(person) = person else { continue };
            for month in &asked.months {
                let told = faults.len();
                self.month(row, *month, oldest, faults);
                if lines
                    .iter()
                    .any(|line| line.account_id == person.account_id && line.month == *month)
                {
                    let what = format!("的{}写了两次，请删去一次", month.chinese());
                    faults.push(fault(row, "月份", "E-BACK-01", &what));
                }
                if faults.len() == told {
                    lines.extend(self.line(row, asked, person, *month, faults)?);
                }
            }
        }
        lines.sort_by_key(|line| (line.account_id, line.month));
        Ok(lines)
    }

    /// The month is over for this employer, not before it began, and not too long ago for a clerk alone (BACK-02).
    fn month(&self, row: u32, month: Month, oldest: Month, faults: &mut Vec<RowFault>) {
        let name = month.chinese();
        if month.index() > self.employer.paid_to_month {
            let what = format!("的{name}还没有汇缴，请在汇缴里办理，不用补缴");
            faults.push(fault(row, "月份", "E-REMIT-01", &what));
        } else if month.index() < self.employer.first_month {
            let what = format!("的{name}早于单位的首次汇缴月份，请带工资凭证到柜台办理");
            faults.push(fault(row, "月份", "E-BACK-02", &what));
        } else if month < oldest && !self.at_counter && self.reason != Reason::Enforced {
            let what = format!(
                "的{name}补缴已超过 {} 个月，请带劳动合同和工资凭证到柜台办理",
                self.review_months
            );
            faults.push(fault(row, "月份", "E-BACK-02", &what));
        }
    }

    fn line(
        &self,
        row: u32,
        asked: &Asked,
        person: &MemberRow,
        month: Month,
        faults: &mut Vec<RowFault>,
    ) -> Result<Option<Line>> {
        let paid = self
            .paid
            .get(&(person.account_id, month.index()))
            .copied()
            .unwrap_or_default();
        let name = month.chinese();
        let mut wrong = |column: &str, code: &str, what: String| {
            faults.push(fault(row, column, code, &what));
            Ok(None)
        };
        if paid.waits {
            return wrong(
                "月份",
                "E-BACK-01",
                format!("的{name}已在待缴款的清册里，请勿重复补缴"),
            );
        }
        let is_paid = paid.employer + paid.employee > Fen::ZERO;
        if is_paid && !self.reason.is_difference() && self.reason != Reason::Enforced {
            return wrong(
                "月份",
                "E-BACK-01",
                format!("：该职工{name}已缴存，请勿重复补缴"),
            );
        }
        if self.reason == Reason::Enforced {
            let (Some(employer @ 0..), Some(employee @ 0..)) =
                (asked.employer_fen, asked.employee_fen)
            else {
                return wrong(
                    "月缴存额",
                    "E-FORM-01",
                    "请按决定书填写单位和个人各月的金额（分）".to_owned(),
                );
            };
            if employer + employee == 0 {
                return wrong(
                    "月缴存额",
                    "E-FORM-01",
                    "的金额是零，请按决定书填写".to_owned(),
                );
            }
            return Ok(Some(Line {
                account_id: person.account_id,
                person_id: person.person_id,
                month,
                base: Fen::new(person.base_fen),
                employer: Fen::new(employer),
                employee: Fen::new(employee),
            }));
        }
        // Limits and rounding of that month; the ratio of today unless it is the ratio that was short.
        let policy = roster_policy(self.office, self.employer, month)?;
        let base = asked
            .base_fen
            .map_or(Fen::new(person.base_fen), Fen::new)
            .clamp(policy.limits.lower, policy.limits.upper);
        let ratios = Ratios {
            employer: Bp::new(self.employer.ratio_employer_bp),
            employee: Bp::new(self.employer.ratio_employee_bp),
        };
        let due = monthly(base, ratios, policy.rounding);
        let (employer, employee) = (
            back_payment(due.employer, paid.employer),
            back_payment(due.employee, paid.employee),
        );
        if employer + employee == Fen::ZERO {
            return wrong("月份", "E-BACK-01", format!("的{name}没有要补的差额"));
        }
        Ok(Some(Line {
            account_id: person.account_id,
            person_id: person.person_id,
            month,
            base,
            employer,
            employee,
        }))
    }
}

impl Service for Supplement {
    fn id(&self) -> &str {
        &self.id
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
}
