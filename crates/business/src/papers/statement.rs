//! 年度对账单 (contribution.md §17.1): what an account went through in one contribution year. Invariant: opening + contributed + interest −
//! withdrawn = closing, and closing is the balance after the year's last entry; a paper is given of a year that is over and whose interest
//! is settled.

use anju_casework::document::{self, Document, kind};
use anju_casework::membership;
use anju_casework::{Fault, Office, Refusal, Result, person};
use anju_ledger::AccountId;
use anju_ledger::account::{self, State};
use anju_ledger::statement::{self, Year};
use anju_vault::NumberKind;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::certificate::contribution_year;

/// Version of the template.
const TEMPLATE: i16 = 1;

/// Entries of one year at most; a person has some forty.
const MOST: i64 = 1_000;

/// Which of a person's accounts (contribution.md §13: a subsidy has accounts of its own).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// 住房公积金.
    #[default]
    Fund,
    /// 住房补贴.
    Subsidy,
}

/// What a statement says beside what every document says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Of which account; of papers from before there was a choice, the fund's.
    #[serde(default)]
    pub which: Which,
    /// The year of its 1 July.
    pub year: i32,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
    /// The year is over and its interest is settled.
    pub closed: bool,
    /// Name.
    pub name: String,
    /// Citizen identity number.
    pub id_no: String,
    /// 个人账号.
    pub account_no: String,
    /// Employer, as it is now.
    pub employer: String,
    /// 缴存基数 as it is now, fen; zero where an account has none.
    pub base_fen: i64,
    /// 上年结转.
    pub opening_fen: i64,
    /// 本年缴存.
    pub contributed_fen: i64,
    /// 本年结息.
    pub interest_fen: i64,
    /// 本年提取.
    pub withdrawn_fen: i64,
    /// 年末余额.
    pub closing_fen: i64,
    /// Every entry, oldest first.
    pub entries: Vec<Entry>,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// 会计日期; of the yearly interest 30 June.
    pub date: NaiveDate,
    /// 汇缴, 提取, 年度结息.
    pub what: String,
    /// The month of a contribution.
    pub month: Option<String>,
    /// + in, − out.
    pub amount_fen: i64,
    /// Balance after it.
    pub balance_fen: i64,
}

/// An account that statements are of.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Kept {
    /// The account.
    pub account_id: i64,
    /// Who contributes to it, as it is now.
    pub employer_name: String,
    /// Fen; zero for a subsidy, whose lines are amounts.
    pub base_fen: i64,
}

/// The account that a person's statements are of: the live one, else the last.
pub async fn account_of(office: &Office, person_id: i64, which: Which) -> Result<Option<Kept>> {
    if which == Which::Subsidy {
        return Ok(sqlx::query_as(
            "SELECT s.account_id, e.name AS employer_name, 0::bigint AS base_fen
               FROM subsidy_member s JOIN employer e ON e.centre_id = s.centre_id AND e.employer_id = s.employer_id
              WHERE s.centre_id = $1 AND s.person_id = $2
              ORDER BY (s.closed_on IS NULL) DESC, s.account_id DESC LIMIT 1",
        )
        .bind(office.centre.id)
        .bind(person_id)
        .fetch_optional(&office.pool)
        .await?);
    }
    let all = membership::of_person(office, person_id).await?;
    let live = all
        .iter()
        .find(|one| one.state == membership::state::ACTIVE)
        .or(all.first());
    Ok(live.map(|one| Kept {
        account_id: one.account_id,
        employer_name: one.employer_name.clone(),
        base_fen: one.base_fen,
    }))
}

/// The years of a person's account, oldest first, up to the one that runs.
///
/// # Errors
/// The database.
pub async fn years(office: &Office, account_id: i64) -> Result<Vec<Year>> {
    let mut conn = office.pool.acquire().await?;
    Ok(statement::years(
        &mut conn,
        office.ledger(),
        AccountId(account_id),
        contribution_year(office.today()),
    )
    .await?)
}

/// First and last day of a contribution year.
fn days(year: i32) -> Option<(NaiveDate, NaiveDate)> {
    Some((
        NaiveDate::from_ymd_opt(year, 7, 1)?,
        NaiveDate::from_ymd_opt(year + 1, 6, 30)?,
    ))
}

/// The statement of a year as the books have it now; none where the account has no such year.
///
/// # Errors
/// The books contradict themselves.
pub async fn of_year(
    office: &Office,
    person_id: i64,
    year: i32,
    which: Which,
) -> Result<Option<Statement>> {
    let (Some(member), Some((from, to))) =
        (account_of(office, person_id, which).await?, days(year))
    else {
        return Ok(None);
    };
    let person = person::get(office, person_id)
        .await?
        .ok_or_else(|| Refusal::not_found("这位职工"))?;
    let Some(sums) = years(office, member.account_id)
        .await?
        .into_iter()
        .find(|one| one.year == year)
    else {
        return Ok(None);
    };
    let account_id = AccountId(member.account_id);
    let mut conn = office.pool.acquire().await?;
    let account = account::read(&mut conn, office.ledger(), account_id)
        .await?
        .ok_or_else(|| Fault::Stored("a membership without its account".to_owned()))?;
    // The interest of the year is booked when 1 July is open, or when the account is first touched after it.
    let found = statement::entries(
        &mut conn,
        office.ledger(),
        account_id,
        from,
        to + chrono::TimeDelta::days(366),
        None,
        MOST,
    )
    .await?;
    let own_day = |entry: &statement::AccountEntry| {
        if entry.event.0 == YEARLY_INTEREST {
            entry.value_date - chrono::TimeDelta::days(1)
        } else {
            entry.key.business_date
        }
    };
    let mut own: Vec<_> = found
        .iter()
        .map(|entry| (own_day(entry), entry))
        .filter(|(day, _)| (from..=to).contains(day))
        .collect();
    // Interest that was booked late stands before what made it be booked.
    own.sort_by_key(|(day, _)| *day);
    let mut balance = sums.opening;
    let entries: Vec<Entry> = own
        .into_iter()
        .map(|(date, entry)| {
            balance += entry.amount;
            Entry {
                date,
                what: office.entries.passbook(entry.event),
                month: entry.month.map(|month| month.to_string()),
                amount_fen: entry.amount.fen(),
                balance_fen: balance.fen(),
            }
        })
        .collect();
    if balance != sums.closing {
        let what = "a year's entries are not its sums".to_owned();
        return Err(Fault::Stored(what).into());
    }
    Ok(Some(Statement {
        which,
        year,
        from,
        to,
        closed: to < office.today() && (account.settled_on > to || account.state == State::Closed),
        name: person.name.expose().to_owned(),
        id_no: person.id_number.expose().to_owned(),
        account_no: office.numbers.encode(NumberKind::Account, account_id.0),
        employer: member.employer_name,
        base_fen: member.base_fen,
        opening_fen: sums.opening.fen(),
        contributed_fen: sums.contributed.fen(),
        interest_fen: sums.interest.fen(),
        withdrawn_fen: sums.withdrawn.fen(),
        closing_fen: sums.closing.fen(),
        entries,
    }))
}

/// E72.
const YEARLY_INTEREST: i16 = 72;

/// The statement of a year as a document: the one that was issued, unless the books say something else by now.
///
/// # Errors
/// 404 for a year that the account does not have, 409 `E-CERT-04` for one that is not over.
pub async fn issue(office: &Office, person_id: i64, year: i32, which: Which) -> Result<Document> {
    let said = of_year(office, person_id, year, which)
        .await?
        .ok_or_else(|| Refusal::not_found("这一年的对账单"))?;
    if !said.closed {
        let detail = format!(
            "这个年度到 {} 才结束，结息之后出对账单；现在可以看到截至今天的进出。",
            anju_domain::calendar::chinese_date(said.to)
        );
        return Err(Refusal::new(409, "E-CERT-04", detail).into());
    }
    // Each account has a paper of its own for a year.
    let scope = match which {
        Which::Fund => year.to_string(),
        Which::Subsidy => format!("{year}:subsidy"),
    };
    let mut tx = office.pool.begin().await?;
    document::alone(&mut tx, person_id).await?;
    let before = document::living(office, &mut tx, person_id, kind::STATEMENT, &scope).await?;
    if let Some(before) = before {
        let issued = read(&before.data(office)?)?;
        // Employer and base are those of the day of issue.
        let same_books = Statement {
            employer: said.employer.clone(),
            base_fen: said.base_fen,
            ..issued
        } == said;
        if same_books {
            return Ok(before);
        }
    }
    let issued = document::issue(
        office,
        &mut tx,
        document::New {
            kind: kind::STATEMENT,
            template: TEMPLATE,
            case_id: None,
            subject_id: person_id,
            scope: &scope,
            data: serde_json::to_value(said)?,
            valid_until: None,
        },
    )
    .await?;
    tx.commit().await?;
    Ok(issued)
}

/// What a statement says, out of a document's data.
///
/// # Errors
/// It is no statement.
pub fn read(data: &Value) -> Result<Statement> {
    Ok(serde_json::from_value(data.clone())?)
}
