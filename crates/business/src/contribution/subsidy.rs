//! Housing subsidy (住房补贴, contribution.md §13): a fund kind of its own. Its lines are amounts, without base, ratio or limits; its list, its
//! suspense and its accounts are never those of the provident fund, and E12 credits them.

use std::collections::{BTreeMap, BTreeSet};

use anju_casework::catalogue::{Request, Service};
use anju_casework::employer::{self, Employer};
use anju_casework::{Actor, Fault as Trouble, Office, Refusal, Result, RowFault, books, case};
use anju_domain::calendar::Month;
use anju_domain::id_number::IdNumber;
use anju_domain::money::Fen;
use anju_domain::name::PersonName;
use anju_ledger::account::Kind;
use anju_vault::NumberKind;
use chrono::NaiveDate;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::{FromRow, PgConnection};

use super::list_beside::{self, List};
use super::members::Books;
use super::remittance::{self, Remittance, kind};
use super::roster::{self, Fault};

/// The service of subsidy lists.
pub struct Subsidy {
    id: String,
}

/// A row of the form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    account_no: Option<String>,
    #[serde(default)]
    id_no: Option<String>,
    /// Where it is given it is the member's.
    #[serde(default)]
    name: Option<String>,
    amount_fen: i64,
}

/// A person of a list.
struct Line {
    person_id: i64,
    amount: Fen,
}

impl Subsidy {
    /// The service of a definition with effect `register_subsidy`.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned() }
    }

    async fn carry_out(&self, office: &Office, submission: &case::Submission) -> Result<i64> {
        let request = &submission.request;
        let month = request
            .text("month")
            .and_then(|text| Month::parse(text).ok())
            .ok_or_else(|| Refusal::rule("E-FORM-01", "请填写补贴的月份，例如 2026-11。"))?;
        let sort = request
            .text("sort")
            .filter(|sort| ["MONTHLY", "ONE_OFF"].contains(sort))
            .ok_or_else(|| Refusal::rule("E-FORM-01", "请选择按月补贴或一次性补贴。"))?;
        if month > Month::of(office.today()) {
            let detail = "住房补贴不预缴，月份不能晚于本月，请改月份。";
            return Err(Refusal::rule("E-PREPAY-01", detail).into());
        }
        let employer = employer::require(office, request.applicant_id).await?;
        let members = Books::read(office, &employer, employer.next_month(), &[]).await?;
        let lines = lines(office, request, &members)?;
        let mut tx = office.pool.begin().await?;
        let employer = employer::lock(office, &mut tx, employer.employer_id).await?;
        books::remember(
            office,
            &mut tx,
            submission.key,
            submission.digest,
            submission.case_id,
        )
        .await?;
        let live: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM remittance
                             WHERE centre_id = $1 AND employer_id = $2 AND month = $3 AND reason = $4 AND kind = 4 AND state IN (1, 2, 3))",
        )
        .bind(office.centre.id)
        .bind(employer.employer_id)
        .bind(month.index())
        .bind(sort)
        .fetch_one(&mut *tx)
        .await?;
        if live {
            let detail = format!("{}的住房补贴清册已存在，请勿重复登记。", month.chinese());
            return Err(Refusal::new(409, "E-REMIT-02", detail).into());
        }
        open_purse(office, &mut tx, &employer, submission.actor.id()).await?;
        let accounts = accounts(office, &mut tx, &employer, &lines).await?;
        let lines: Vec<list_beside::Line> = lines
            .iter()
            .map(|line| list_beside::Line {
                account_id: accounts.get(&line.person_id).copied().unwrap_or_default(),
                person_id: line.person_id,
                month,
                base: Fen::ZERO,
                employer: line.amount,
                employee: Fen::ZERO,
            })
            .collect();
        let list = List {
            remittance_id: submission.case_id,
            service: &self.id,
            kind: kind::SUBSIDY,
            reason: sort,
            document_no: None,
            channel: &request.channel,
            actor: submission.actor,
            form: json!({ "month": month.to_string(), "sort": sort }),
        };
        list_beside::register(office, &mut tx, &employer, list, &lines).await?;
        tx.commit().await?;
        Ok(submission.case_id)
    }
}

/// The lines of a form: each a member of this employer, once, with an amount; every mistake at once.
fn lines(office: &Office, request: &Request, members: &Books) -> Result<Vec<Line>> {
    let rows = request
        .form
        .get("roster")
        .and_then(Value::as_array)
        .filter(|rows| !rows.is_empty())
        .ok_or_else(|| Refusal::rule("E-REMIT-03", "清册里没有职工，请先在名册里填职工和金额。"))?;
    let by_account = members.by_account();
    let (mut faults, mut seen, mut lines) = (Vec::new(), BTreeSet::new(), Vec::new());
    for (value, row) in rows.iter().zip(1_u32..) {
        let mut wrong = |column: &str, code: &str, what: &str| {
            faults.push(RowFault {
                row: Some(row),
                column: (!column.is_empty()).then(|| column.to_owned()),
                code: code.to_owned(),
                message: format!("第 {row} 行{what}。"),
            });
        };
        let asked = match Asked::deserialize(value) {
            Ok(asked) => asked,
            // Base and ratio belong to the provident fund, which is never in one list with a subsidy.
            Err(error) => {
                wrong(
                    "",
                    "E-FORM-01",
                    &format!("有一项写错了（{error}），各项是 account_no 或 id_no、amount_fen"),
                );
                continue;
            }
        };
        let person = match (&asked.account_no, &asked.id_no) {
            (Some(number), _) => office
                .numbers
                .decode(NumberKind::Account, number)
                .and_then(|account| by_account.get(&account).copied()),
            (None, Some(id)) => IdNumber::parse(id)
                .ok()
                .and_then(|id| members.rows.get_key_value(&id)),
            (None, None) => None,
        };
        let Some((id, person)) = person else {
            wrong(
                "个人账号",
                "E-FORM-01",
                "的职工没有在本单位的住房公积金账户，请核对",
            );
            continue;
        };
        let is_named_so = asked.name.as_deref().is_none_or(|name| {
            let known = members.members.get(id);
            known.is_some_and(|known| PersonName::parse(name).is_ok_and(|name| name == known.name))
        });
        if !is_named_so {
            wrong("姓名", "E-PERS-02", "的姓名与证件号码不一致，请核对");
        } else if asked.amount_fen <= 0 {
            wrong("补贴金额", "E-ROW-05", "的补贴金额应大于零");
        } else if !seen.insert(person.person_id) {
            wrong("个人账号", "E-ROW-01", "的职工写了两次，请删去一次");
        } else {
            lines.push(Line {
                person_id: person.person_id,
                amount: Fen::new(asked.amount_fen),
            });
        }
    }
    Refusal::of_mistakes(faults).map_or(Ok(lines), |refusal| Err(refusal.into()))
}

/// The rows of a form out of a file of amounts.
///
/// # Errors
/// What is wrong with the file.
pub fn rows_of(bytes: &[u8]) -> std::result::Result<Value, Vec<Fault>> {
    let lines = roster::amounts(bytes)?;
    Ok(lines
        .iter()
        .map(|line| {
            json!({
                "id_no": line.id_number.expose(),
                "name": line.name.expose(),
                "amount_fen": line.amount.fen(),
            })
        })
        .collect())
}

/// Who may stand in an employer's next list, with what he had in the last one of this sort: the file that a clerk fills in.
pub async fn people(
    office: &Office,
    employer_id: i64,
    sort: &str,
) -> Result<Vec<(PersonName, IdNumber, Option<Fen>)>> {
    let employer = employer::require(office, employer_id).await?;
    let books = Books::read(office, &employer, employer.next_month(), &[]).await?;
    let last: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT l.person_id, l.employer_fen FROM remittance_line l
          WHERE l.centre_id = $1
            AND l.remittance_id = (SELECT max(remittance_id) FROM remittance
                                    WHERE centre_id = $1 AND employer_id = $2 AND kind = 4 AND reason = $3 AND state IN (1, 2, 3))",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(sort)
    .fetch_all(&office.pool)
    .await?;
    let last: BTreeMap<i64, i64> = last.into_iter().collect();
    let mut people: Vec<_> = books
        .members
        .iter()
        .filter(|(_, member)| member.state == roster::MemberState::Active)
        .map(|(id, member)| {
            let person = books.rows.get(id).map_or(0, |row| row.person_id);
            let amount = last.get(&person).map(|fen| Fen::new(*fen));
            (member.name.clone(), id.clone(), amount)
        })
        .collect();
    people.sort_by(|a, b| a.1.cmp(&b.1));
    Ok(people)
}

/// An employer's lists of subsidy, the newest first.
pub async fn lists(
    office: &Office,
    employer_id: i64,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Remittance>> {
    remittance::of_kind(office, employer_id, kind::SUBSIDY, before, limit).await
}

/// The employer's subsidy account, opened with its first list.
pub(super) async fn open_purse(
    office: &Office,
    tx: &mut PgConnection,
    employer: &Employer,
    opened_by: i64,
) -> Result<()> {
    let known: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM subsidy_employer WHERE centre_id = $1 AND employer_id = $2)",
    )
    .bind(office.centre.id)
    .bind(employer.employer_id)
    .fetch_one(&mut *tx)
    .await?;
    if known {
        return Ok(());
    }
    // An owner of its own: one suspense account an owner.
    let (account, owner) = (office.ids.next().await?, office.ids.next().await?);
    books::open_accounts(office, tx, Kind::UnitSuspense, &[account], &[owner]).await?;
    sqlx::query(
        "INSERT INTO subsidy_employer (centre_id, employer_id, suspense_account_id, opened_at, opened_by) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(office.centre.id)
    .bind(employer.employer_id)
    .bind(account)
    .bind(office.now())
    .bind(opened_by)
    .execute(tx)
    .await?;
    Ok(())
}

/// Each person's subsidy account, opened where there is none; one that another employer opened goes on.
async fn accounts(
    office: &Office,
    tx: &mut PgConnection,
    employer: &Employer,
    lines: &[Line],
) -> Result<BTreeMap<i64, i64>> {
    let people: Vec<i64> = lines.iter().map(|line| line.person_id).collect();
    let known: Vec<(i64, i64)> = sqlx::query_as(
        "UPDATE subsidy_member SET employer_id = $3 WHERE centre_id = $1 AND person_id = ANY ($2) AND closed_on IS NULL RETURNING person_id, account_id",
    )
    .bind(office.centre.id)
    .bind(&people)
    .bind(employer.employer_id)
    .fetch_all(&mut *tx)
    .await?;
    let mut accounts: BTreeMap<i64, i64> = known.into_iter().collect();
    let (mut ids, mut owners) = (Vec::new(), Vec::new());
    for person in people
        .iter()
        .filter(|person| !accounts.contains_key(person))
    {
        ids.push(office.ids.next().await?);
        owners.push(*person);
    }
    if !ids.is_empty() {
        books::open_accounts(office, tx, Kind::Subsidy, &ids, &owners).await?;
        sqlx::query(
            "INSERT INTO subsidy_member (centre_id, account_id, person_id, employer_id, opened_on)
             SELECT $1, account_id, person_id, $4, $5 FROM unnest($2::bigint[], $3::bigint[]) AS n (account_id, person_id)",
        )
        .bind(office.centre.id)
        .bind(&ids)
        .bind(&owners)
        .bind(employer.employer_id)
        .bind(office.today())
        .execute(tx)
        .await?;
        accounts.extend(owners.into_iter().zip(ids));
    }
    Ok(accounts)
}

/// The suspense account of an employer's subsidies, where it has one.
pub(super) async fn purse(
    office: &Office,
    tx: &mut PgConnection,
    employer_id: i64,
) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar(
        "SELECT suspense_account_id FROM subsidy_employer WHERE centre_id = $1 AND employer_id = $2",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .fetch_optional(tx)
    .await?)
}

/// The employer whose money pays a list: with the suspense account of the list's fund kind.
pub(super) async fn payer(
    office: &Office,
    tx: &mut PgConnection,
    employer: Employer,
    list: &Remittance,
) -> Result<Employer> {
    if list.kind != kind::SUBSIDY {
        return Ok(employer);
    }
    let suspense = purse(office, tx, employer.employer_id).await?;
    let suspense_account_id =
        suspense.ok_or_else(|| Trouble::Stored("a subsidy list without its account".to_owned()))?;
    Ok(Employer {
        suspense_account_id,
        ..employer
    })
}

/// A person's subsidy account.
#[derive(Debug, Clone, FromRow)]
pub struct Account {
    /// Its number in the ledger.
    pub account_id: i64,
    /// Who pays into it.
    pub employer_id: i64,
    /// Its name.
    pub employer_name: String,
    /// Opened.
    pub opened_on: NaiveDate,
    /// Fen.
    pub balance_fen: i64,
}

/// The subsidy account of a person; for queries, statements, and a closing withdrawal, which closes it in the same case.
///
/// # Errors
/// The database.
pub async fn of_person(
    office: &Office,
    conn: &mut PgConnection,
    person_id: i64,
) -> Result<Option<Account>> {
    Ok(sqlx::query_as(
        "SELECT s.account_id, s.employer_id, e.name AS employer_name, s.opened_on, a.balance_fen
           FROM subsidy_member s
           JOIN employer e ON e.centre_id = s.centre_id AND e.employer_id = s.employer_id
           JOIN ledger_account a ON a.centre_id = s.centre_id AND a.account_id = s.account_id AND a.state <> 3
          WHERE s.centre_id = $1 AND s.person_id = $2",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .fetch_optional(conn)
    .await?)
}

impl Service for Subsidy {
    fn id(&self) -> &str {
        &self.id
    }

    fn take_back<'a>(
        &'a self,
        office: &'a Office,
        case_id: i64,
        actor: Actor,
    ) -> Option<BoxFuture<'a, Result<()>>> {
        Some(remittance::cancel(office, case_id, actor).boxed())
    }

    fn begin<'a>(
        &'a self,
        office: &'a Office,
        submission: &'a case::Submission,
    ) -> Option<BoxFuture<'a, Result<i64>>> {
        Some(self.carry_out(office, submission).boxed())
    }
}
