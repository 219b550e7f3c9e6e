//! What a back payment owes (contribution.md §7.2): whom its rows mean, which months may be paid afterwards, and how much. Invariant: a month
//! is paid once for a person; what is paid again is the difference to what is due.

use std::collections::{BTreeMap, HashMap};

use anju_casework::catalogue::Request;
use anju_casework::employer::Employer;
use anju_casework::{Office, Refusal, Result, RowFault};
use anju_domain::calendar::Month;
use anju_domain::contribution::{back_payment, monthly};
use anju_domain::id_number::IdNumber;
use anju_domain::money::Fen;
use anju_vault::NumberKind;
use serde::Deserialize;
use serde_json::Value;
use sqlx::PgConnection;

use super::held_then::{self, Then};
use super::list_beside::Line;
use super::members::{Books, MemberRow};
use super::upload::roster_policy;
use crate::policy::Rules;

/// Why months are paid afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
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
    const ALL: [Self; 6] = [
        Self::Missed,
        Self::ShortBase,
        Self::ShortRatio,
        Self::NewHire,
        Self::Deferred,
        Self::Enforced,
    ];

    /// By the code of the domain reference.
    pub(super) fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// Its code.
    pub(super) const fn code(self) -> &'static str {
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
pub(super) struct Asked {
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

/// What was paid, or waits to be, for a month of an account.
#[derive(Debug, Clone, Copy, Default)]
struct Paid {
    employer: Fen,
    employee: Fen,
    /// A list with it still waits for its money.
    waits: bool,
}

/// The rows of the form.
pub(super) fn rows(request: &Request) -> Result<Vec<Asked>> {
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
    Refusal::of_mistakes(faults).map_or(Ok(()), |refusal| Err(refusal.into()))
}

/// The lines of a back payment, in the order of accounts and months.
///
/// # Errors
/// 422 with every mistake of every row.
pub(super) async fn draw(
    office: &Office,
    tx: &mut PgConnection,
    employer: &Employer,
    members: &Books,
    reason: Reason,
    at_counter: bool,
    asked: &[Asked],
) -> Result<Vec<Line>> {
    let mut faults = Vec::new();
    let ended = ended(office, tx, employer, asked).await?;
    let people = whom(office, members, &ended, asked, &mut faults);
    let paid = paid(office, tx, &people).await?;
    let deferred = deferred(office, tx, &people).await?;
    let assumed = assumed(office, tx, employer, &people).await?;
    let months: Vec<(&MemberRow, Month)> = asked
        .iter()
        .zip(&people)
        .filter_map(|(asked, person)| Some((asked, (*person)?)))
        .flat_map(|(asked, person)| asked.months.iter().map(move |month| (person, *month)))
        .collect();
    let then = held_then::read(office, tx, employer, &months).await?;
    let list = List {
        office,
        employer,
        reason,
        at_counter,
        review_months: Rules::on(office, office.today()).months("backpay_review_months")?,
        paid: &paid,
        deferred: &deferred,
        assumed: &assumed,
        then: &then,
    };
    let lines = list.lines(asked, &people, &mut faults)?;
    refuse(faults)?;
    Ok(lines)
}

/// Those named by an account that this employer kept and that is closed: what it still owes of their time is paid, and goes where late money goes
/// (withdrawal.md §11, 19).
async fn ended(
    office: &Office,
    tx: &mut PgConnection,
    employer: &Employer,
    asked: &[Asked],
) -> Result<HashMap<i64, MemberRow>> {
    let named: Vec<i64> = asked
        .iter()
        .filter_map(|one| {
            let number = one.account_no.as_ref()?;
            office.numbers.decode(NumberKind::Account, number)
        })
        .collect();
    let rows: Vec<MemberRow> = sqlx::query_as(
        "SELECT DISTINCT ON (m.account_id) m.person_id, m.account_id, m.membership_id, m.state, m.base_fen,
                m.ratio_employer_bp, m.ratio_employee_bp, m.base_year, m.employer_fen + m.employee_fen AS monthly_fen,
                p.phone_index IS NOT NULL AS has_phone
           FROM membership m
           JOIN person p ON p.centre_id = m.centre_id AND p.person_id = m.person_id
           JOIN ledger_account a ON a.centre_id = m.centre_id AND a.account_id = m.account_id AND a.state = 3
          WHERE m.centre_id = $1 AND m.account_id = ANY ($2) AND m.employer_id = $3 AND m.state = 9
          ORDER BY m.account_id, m.membership_id DESC",
    )
    .bind(office.centre.id)
    .bind(&named)
    .bind(employer.employer_id)
    .fetch_all(tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.account_id, row)).collect())
}

/// Whom each row means: a member of the employer, contributing or sealed, or one whose account is closed.
fn whom<'b>(
    office: &Office,
    members: &'b Books,
    ended: &'b HashMap<i64, MemberRow>,
    asked: &[Asked],
    faults: &mut Vec<RowFault>,
) -> Vec<Option<&'b MemberRow>> {
    let by_account = members.by_account();
    asked
        .iter()
        .zip(1_u32..)
        .map(|(asked, row)| {
            let found =
                match (&asked.account_no, &asked.id_no) {
                    (Some(number), _) => office
                        .numbers
                        .decode(NumberKind::Account, number)
                        .and_then(|account| match by_account.get(&account) {
                            Some((_, row)) => Some(*row),
                            None => ended.get(&account),
                        }),
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
        "SELECT account_id, month, coalesce(sum(employer_fen) FILTER (WHERE counts), 0)::bigint,
                coalesce(sum(employee_fen) FILTER (WHERE counts), 0)::bigint, bool_or(NOT counts)
           FROM (SELECT l.account_id, l.month, l.employer_fen, l.employee_fen, r.state = 3 AS counts
                   FROM remittance_line l
                   JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id
                  WHERE l.centre_id = $1 AND l.account_id = ANY ($2) AND r.state IN (1, 2, 3)
                  UNION ALL
                 SELECT account_id, month, employer_fen, employee_fen, TRUE
                   FROM contribution_change WHERE centre_id = $1 AND account_id = ANY ($2)) AS month_of
          GROUP BY account_id, month",
    )
    .bind(office.centre.id)
    .bind(&accounts)
    .fetch_all(tx)
    .await?;
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

/// What each deferred month of these accounts owes, by account and month.
async fn deferred(
    office: &Office,
    tx: &mut PgConnection,
    people: &[Option<&MemberRow>],
) -> Result<BTreeMap<(i64, i32), Owed>> {
    let accounts: Vec<i64> = people.iter().flatten().map(|row| row.account_id).collect();
    let rows: Vec<(i64, i32, i64, i64, i64, bool)> = sqlx::query_as(
        "SELECT account_id, month, base_fen, employer_fen, employee_fen, paid_by IS NOT NULL
           FROM deferred_month WHERE centre_id = $1 AND account_id = ANY ($2)",
    )
    .bind(office.centre.id)
    .bind(&accounts)
    .fetch_all(tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(account, month, base, employer, employee, is_paid)| {
            let owed = Owed {
                base: Fen::new(base),
                employer: Fen::new(employer),
                employee: Fen::new(employee),
                is_paid,
            };
            ((account, month), owed)
        })
        .collect())
}

/// What a merged employer owed of months of these accounts, and this one owes now: employer's and employee's part, by account and month.
async fn assumed(
    office: &Office,
    tx: &mut PgConnection,
    employer: &Employer,
    people: &[Option<&MemberRow>],
) -> Result<BTreeMap<(i64, i32), (Fen, Fen)>> {
    let accounts: Vec<i64> = people.iter().flatten().map(|row| row.account_id).collect();
    let rows: Vec<(i64, i32, i64, i64)> = sqlx::query_as(
        "SELECT account_id, month, employer_fen, employee_fen FROM arrears_assumed
          WHERE centre_id = $1 AND account_id = ANY ($2) AND employer_id = $3",
    )
    .bind(office.centre.id)
    .bind(&accounts)
    .bind(employer.employer_id)
    .fetch_all(tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(account, month, employer, employee)| {
            ((account, month), (Fen::new(employer), Fen::new(employee)))
        })
        .collect())
}

/// A deferred month of a person, by the base and ratio of its time.
#[derive(Clone, Copy)]
struct Owed {
    base: Fen,
    employer: Fen,
    employee: Fen,
    is_paid: bool,
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
    deferred: &'a BTreeMap<(i64, i32), Owed>,
    assumed: &'a BTreeMap<(i64, i32), (Fen, Fen)>,
    then: &'a HashMap<(i64, i32), Then>,
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
                self.month(row, person, *month, oldest, faults);
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
    fn month(
        &self,
        row: u32,
        person: &MemberRow,
        month: Month,
        oldest: Month,
        faults: &mut Vec<RowFault>,
    ) {
        let name = month.chinese();
        // A merged employer's months began before this one's.
        let came_along = self
            .assumed
            .contains_key(&(person.account_id, month.index()));
        let is_over = month.index() <= self.employer.paid_to_month;
        if !is_over && self.reason != Reason::Deferred {
            let what = format!("的{name}还没有汇缴，请在汇缴里办理，不用补缴");
            faults.push(fault(row, "月份", "E-REMIT-01", &what));
        } else if month.index() < self.employer.first_month && !came_along {
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
        let then = self
            .then
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
        match self.deferred.get(&(person.account_id, month.index())) {
            Some(owed) if self.reason == Reason::Deferred && !owed.is_paid => {
                return Ok(Some(Line {
                    account_id: person.account_id,
                    person_id: person.person_id,
                    month,
                    base: owed.base,
                    employer: owed.employer,
                    employee: owed.employee,
                }));
            }
            Some(owed) if self.reason != Reason::Enforced && !owed.is_paid => {
                return wrong(
                    "月份",
                    "E-BACK-01",
                    format!("的{name}是缓缴的月份，请按“缓缴补缴”办理"),
                );
            }
            None if self.reason == Reason::Deferred => {
                return wrong("月份", "E-BACK-01", format!("的{name}不是缓缴的月份"));
            }
            _ => {}
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
                base: then.base(person),
                employer: Fen::new(employer),
                employee: Fen::new(employee),
            }));
        }
        if let (Some((employer, employee)), Reason::Missed) = (
            self.assumed.get(&(person.account_id, month.index())),
            self.reason,
        ) {
            return Ok(Some(Line {
                account_id: person.account_id,
                person_id: person.person_id,
                month,
                base: then.base(person),
                employer: back_payment(*employer, paid.employer),
                employee: back_payment(*employee, paid.employee),
            }));
        }
        // Limits, rounding, base and ratio of that month. What was too low then is what it should have been.
        let policy = roster_policy(self.office, self.employer, month)?;
        let base = match (asked.base_fen, self.reason) {
            (Some(fen), _) => Fen::new(fen),
            (None, Reason::ShortBase) => Fen::new(person.base_fen),
            (None, _) => then.base(person),
        }
        .clamp(policy.limits.lower, policy.limits.upper);
        let ratios = if self.reason == Reason::ShortRatio {
            then.ratios_due(self.employer)
        } else {
            then.ratios(self.employer)
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
