//! 账户. What an account is, how it is opened and read.
//!
//! The invariant: a posting's subject is its account's, and only accounts of one owner keep a running balance; the
//! accounts that everybody moves (a bank account, a subject) have none, so that no row is hot.

use anju_domain::money::Fen;
use anju_domain::subject::Subject;
use chrono::NaiveDate;
use sqlx::PgConnection;

use crate::{AccountId, BusinessDate, Centre, Error, Result};

/// What an account is for; it tells the subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i16)]
pub enum Kind {
    /// 住房公积金, of a person.
    Fund = 1,
    /// 住房补贴, of a person.
    Subsidy = 2,
    /// 灵活就业, of a person.
    Flexible = 3,
    /// 暂存款, of an employer.
    UnitSuspense = 11,
    /// 多缴待退, of an employer.
    OverContribution = 12,
    /// 活期, of a bank account of the centre.
    BankDemand = 21,
    /// 定期.
    BankFixed = 22,
    /// 增值收益活期.
    SurplusDemand = 23,
    /// 增值收益定期.
    SurplusFixed = 24,
    /// 不明来款, by bank account.
    Unidentified = 31,
    /// 个人住房贷款, of a loan.
    LoanPrincipal = 41,
    /// 逾期贷款.
    LoanOverdue = 42,
    /// 委托贷款应收利息.
    LoanInterest = 43,
    /// 贷款暂收.
    LoanOverpaid = 44,
    /// A subject without an owner.
    Subject = 90,
}

impl Kind {
    /// Every kind, for checks over all of them.
    pub const ALL: [Self; 15] = [
        Self::Fund,
        Self::Subsidy,
        Self::Flexible,
        Self::UnitSuspense,
        Self::OverContribution,
        Self::BankDemand,
        Self::BankFixed,
        Self::SurplusDemand,
        Self::SurplusFixed,
        Self::Unidentified,
        Self::LoanPrincipal,
        Self::LoanOverdue,
        Self::LoanInterest,
        Self::LoanOverpaid,
        Self::Subject,
    ];

    /// The kind of a stored code.
    #[must_use]
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as i16 == code)
    }

    /// Whether it bears interest: a person's account.
    #[must_use]
    pub const fn bears_interest(self) -> bool {
        matches!(self, Self::Fund | Self::Subsidy | Self::Flexible)
    }

    /// The subject of the accounts of this kind; none where the owner says it.
    #[must_use]
    pub fn subject(self) -> Option<Subject> {
        let code = match self {
            Self::Fund | Self::Subsidy | Self::Flexible => 201,
            Self::UnitSuspense => 21901,
            Self::OverContribution => 21902,
            Self::BankDemand => 10101,
            Self::BankFixed => 10102,
            Self::SurplusDemand => 10201,
            Self::SurplusFixed => 10202,
            Self::Unidentified => 21903,
            Self::LoanPrincipal => 12101,
            Self::LoanOverdue => 122,
            Self::LoanInterest => 11102,
            Self::LoanOverpaid => 21909,
            Self::Subject => return None,
        };
        Some(Subject::get(code).expect("kinds name subjects of the chart"))
    }
}

/// Whether an account takes money in and gives it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i16)]
pub enum State {
    /// 正常.
    Open = 1,
    /// 封存: takes no contribution, bears interest, may be withdrawn from.
    Sealed = 2,
    /// 销户.
    Closed = 3,
}

impl State {
    /// The state of a stored code.
    #[must_use]
    pub fn from_code(code: i16) -> Option<Self> {
        [Self::Open, Self::Sealed, Self::Closed]
            .into_iter()
            .find(|state| *state as i16 == code)
    }
}

/// An account as it stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub account_id: AccountId,
    /// Person, employer, bank account, loan, or the subject's code.
    pub owner_id: i64,
    /// What it is for.
    pub kind: Kind,
    /// Whether it is open.
    pub state: State,
    /// Its subject.
    pub subject: Subject,
    /// On the subject's own side; zero where there is no running balance.
    pub balance: Fen,
    /// 冻结.
    pub frozen: Fen,
    /// 预留 for withdrawals that wait.
    pub reserved: Fen,
    /// 积数 from `settled_on` to `product_date`, in fen-days.
    pub product: i64,
    /// The day to which `product` counts.
    pub product_date: NaiveDate,
    /// The day from which interest is not settled yet.
    pub settled_on: NaiveDate,
    /// 积数 of the last settlement.
    pub last_product: i64,
    /// Interest of the last settlement.
    pub last_interest: Fen,
    /// Guards a decision made without a lock.
    pub version: i32,
}

impl Account {
    /// 可用余额: what is neither frozen nor reserved, never below zero.
    #[must_use]
    pub fn available(&self) -> Fen {
        (self.balance - self.frozen - self.reserved).max(Fen::ZERO)
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    account_id: i64,
    owner_id: i64,
    kind: i16,
    state: i16,
    subject: i32,
    balance_fen: i64,
    frozen_fen: i64,
    reserved_fen: i64,
    product: i64,
    product_date: NaiveDate,
    settled_on: NaiveDate,
    last_product: i64,
    last_interest: i64,
    version: i32,
}

impl From<Row> for Account {
    fn from(row: Row) -> Self {
        Self {
            account_id: AccountId(row.account_id),
            owner_id: row.owner_id,
            kind: Kind::from_code(row.kind).expect("the table checks the kind"),
            state: State::from_code(row.state).expect("the table checks the state"),
            subject: Subject::get(row.subject)
                .expect("accounts are opened for subjects of the chart"),
            balance: Fen::new(row.balance_fen),
            frozen: Fen::new(row.frozen_fen),
            reserved: Fen::new(row.reserved_fen),
            product: row.product,
            product_date: row.product_date,
            settled_on: row.settled_on,
            last_product: row.last_product,
            last_interest: Fen::new(row.last_interest),
            version: row.version,
        }
    }
}

/// Opens the centre's books on their first business day, with an account for each subject that has no owner. Again: nothing.
///
/// `by_segment`: interest by each rate's days; otherwise the settlement day's rate counts for the whole product.
///
/// # Errors
/// When the database fails.
pub async fn open_centre(
    conn: &mut PgConnection,
    centre: Centre,
    first_day: NaiveDate,
    by_segment: bool,
) -> Result<()> {
    let owned: Vec<Subject> = Kind::ALL.into_iter().filter_map(Kind::subject).collect();
    let subjects: Vec<i32> = Subject::leaves()
        .map(|line| line.subject)
        .filter(|s| !owned.contains(s))
        .map(Subject::code)
        .collect();
    sqlx::query("SELECT ledger_open_centre($1, $2, $3, $4)")
        .bind(centre.0)
        .bind(first_day)
        .bind(by_segment)
        .bind(subjects)
        .execute(conn)
        .await?;
    Ok(())
}

/// Opens accounts of one kind: `(number, owner)` each.
///
/// # Errors
/// When the database fails, or an owner has an account of a kind that is one an owner.
pub async fn open_accounts(
    conn: &mut PgConnection,
    centre: Centre,
    kind: Kind,
    day: BusinessDate,
    accounts: &[(AccountId, i64)],
) -> Result<()> {
    if kind == Kind::Subject {
        return Err(Error::Malformed(
            "subjects' accounts are opened with the centre".to_owned(),
        ));
    }
    let (ids, owners): (Vec<i64>, Vec<i64>) = accounts
        .iter()
        .map(|(account, owner)| (account.0, *owner))
        .unzip();
    sqlx::query("SELECT ledger_open_accounts($1, $2, $3, $4, $5)")
        .bind(centre.0)
        .bind(kind as i16)
        .bind(day.date())
        .bind(ids)
        .bind(owners)
        .execute(conn)
        .await?;
    Ok(())
}

/// One account.
///
/// # Errors
/// When the database fails.
pub async fn read(
    conn: &mut PgConnection,
    centre: Centre,
    account: AccountId,
) -> Result<Option<Account>> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT account_id, owner_id, kind, state, subject, balance_fen, frozen_fen, reserved_fen, product, product_date,
                settled_on, last_product, last_interest, version
           FROM ledger_account
          WHERE centre_id = $1
            AND account_id = $2",
    )
    .bind(centre.0)
    .bind(account.0)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Account::from))
}

/// Several accounts, in the order of these numbers: one statement for all.
///
/// # Errors
/// When the database fails.
pub async fn read_many(
    conn: &mut PgConnection,
    centre: Centre,
    accounts: &[AccountId],
) -> Result<Vec<Option<Account>>> {
    let ids: Vec<i64> = accounts.iter().map(|account| account.0).collect();
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT account_id, owner_id, kind, state, subject, balance_fen, frozen_fen, reserved_fen, product, product_date,
                settled_on, last_product, last_interest, version
           FROM ledger_account
          WHERE centre_id = $1
            AND account_id = ANY ($2)",
    )
    .bind(centre.0)
    .bind(&ids)
    .fetch_all(conn)
    .await?;
    let found: std::collections::HashMap<i64, Account> = rows
        .into_iter()
        .map(|row| (row.account_id, Account::from(row)))
        .collect();
    Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
}

/// The accounts of a person, an employer or a loan, in the order of their numbers; at most 100. Owners of different
/// sorts share one sequence of ids, so that the number alone tells whose they are.
///
/// # Errors
/// When the database fails.
pub async fn of_owner(
    conn: &mut PgConnection,
    centre: Centre,
    owner_id: i64,
) -> Result<Vec<Account>> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT account_id, owner_id, kind, state, subject, balance_fen, frozen_fen, reserved_fen, product, product_date,
                settled_on, last_product, last_interest, version
           FROM ledger_account
          WHERE centre_id = $1
            AND owner_id = $2
          ORDER BY account_id
          LIMIT 100",
    )
    .bind(centre.0)
    .bind(owner_id)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Account::from).collect())
}

/// The one account of a kind that an employer, a bank account or a loan has.
///
/// # Errors
/// When the database fails.
pub async fn find(
    conn: &mut PgConnection,
    centre: Centre,
    kind: Kind,
    owner_id: i64,
) -> Result<Option<AccountId>> {
    let id: Option<i64> = sqlx::query_scalar(
        "SELECT account_id
           FROM ledger_account
          WHERE centre_id = $1
            AND kind = $2
            AND owner_id = $3
          ORDER BY account_id
          LIMIT 1",
    )
    .bind(centre.0)
    .bind(kind as i16)
    .bind(owner_id)
    .fetch_optional(conn)
    .await?;
    Ok(id.map(AccountId))
}

/// Moves an account from one state to another. False: it was not in the first, or is to be closed and not empty.
///
/// # Errors
/// When the database fails.
pub async fn set_state(
    conn: &mut PgConnection,
    centre: Centre,
    account: AccountId,
    from: State,
    to: State,
) -> Result<bool> {
    Ok(
        sqlx::query_scalar("SELECT ledger_set_state($1, $2, $3, $4)")
            .bind(centre.0)
            .bind(account.0)
            .bind(from as i16)
            .bind(to as i16)
            .fetch_one(conn)
            .await?,
    )
}
