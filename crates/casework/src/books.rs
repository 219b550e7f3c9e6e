//! Booking an event of the entry table (accounting.md §4) on the open business day, for everything but the hot path of a decision.

use anju_domain::calendar::Month;
use anju_domain::money::Fen;
use anju_ledger::account::Account;
use anju_ledger::command::{self, Command};
use anju_ledger::journal::{self, Entry, Header};
use anju_ledger::statement::{self, AccountEntry};
use anju_ledger::{AccountId, BusinessDate, Event, JournalId, Role, account, day};
use chrono::NaiveDate;
use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Actor, Fault, Office, Result};

/// One event to book.
pub struct Booking<'a> {
    /// Event of the entry table, e.g. `E22`.
    pub event: &'a str,
    /// What makes it happen once: unique for the event.
    pub key: &'a str,
    /// The case or remittance that it belongs to.
    pub case_id: Option<i64>,
    /// Branch that keeps the account.
    pub branch_id: i16,
    /// Who made it.
    pub maker: Actor,
    /// Who checked it, where two are needed.
    pub checker: Option<i64>,
    /// Policy version that decided it; 0 for none.
    pub policy_id: i32,
    /// Month of a contribution.
    pub month: Option<Month>,
    /// Value date; none for the business date.
    pub value_date: Option<NaiveDate>,
    /// Accounts by their role in the entry table.
    pub accounts: &'a [(Role, i64)],
    /// Fen of the table's one amount.
    pub amount_fen: i64,
}

/// Books an event in the caller's transaction.
pub async fn post(office: &Office, conn: &mut PgConnection, booking: &Booking<'_>) -> Result<i64> {
    let header = header(office, conn, booking).await?;
    let accounts: Vec<(Role, AccountId)> = booking
        .accounts
        .iter()
        .map(|(role, id)| (*role, AccountId(*id)))
        .collect();
    let entry = Entry {
        business_key: booking.key,
        value_date: booking.value_date.unwrap_or(header.day.date()),
        accounts: &accounts,
        amounts: &[("amount", Fen::new(booking.amount_fen))],
    };
    Ok(journal::post(conn, &office.entries, &header, &entry)
        .await?
        .0)
}

/// The header of a journal on the open day.
pub async fn header(
    office: &Office,
    conn: &mut PgConnection,
    booking: &Booking<'_>,
) -> Result<Header> {
    Ok(Header {
        centre: office.ledger(),
        day: day::open_day(conn, office.ledger()).await?,
        journal_id: JournalId(office.ids.next().await?),
        event: Event::parse(booking.event)
            .ok_or_else(|| Fault::Stored(format!("no event {}", booking.event)))?,
        case_id: booking.case_id,
        maker_id: booking.maker.id(),
        checker_id: booking.checker,
        rule_id: booking.policy_id,
        branch_id: booking.branch_id,
        month: booking.month,
        made_at: office.now(),
    })
}

/// Remembers a request's key in its own transaction.
pub async fn remember(
    office: &Office,
    conn: &mut PgConnection,
    key: Uuid,
    digest: Uuid,
    ref_id: i64,
) -> Result<()> {
    Ok(command::record(
        conn,
        office.ledger(),
        key,
        &Command {
            digest,
            ref_id,
            code: 0,
        },
    )
    .await?)
}

/// The thing that a key made, if it came before with the same request.
///
/// # Errors
/// 409 `E-API-02` if the key came with another request.
pub async fn remembered(office: &Office, key: Uuid, digest: Uuid) -> Result<Option<i64>> {
    let mut conn = office.pool.acquire().await?;
    remembered_on(office, &mut conn, key, digest).await
}

/// The same over a connection that the caller holds.
///
/// # Errors
/// As [`remembered`].
pub async fn remembered_on(
    office: &Office,
    conn: &mut PgConnection,
    key: Uuid,
    digest: Uuid,
) -> Result<Option<i64>> {
    told_before(command::look_up(conn, office.ledger(), key).await?, digest)
}

/// The same, looked up together with the keys that arrive at this moment.
///
/// # Errors
/// As [`remembered`].
pub async fn remembered_together(office: &Office, key: Uuid, digest: Uuid) -> Result<Option<i64>> {
    told_before(office.trays.keys.put(office, key).await?, digest)
}

pub(crate) fn look_up_all(
    office: Office,
    keys: Vec<Uuid>,
) -> BoxFuture<'static, Result<Vec<Option<Command>>>> {
    async move {
        let mut conn = office.pool.acquire().await?;
        Ok(command::look_up_many(&mut conn, office.ledger(), &keys).await?)
    }
    .boxed()
}

fn told_before(before: Option<Command>, digest: Uuid) -> Result<Option<i64>> {
    match before {
        Some(before) if before.digest == digest => Ok(Some(before.ref_id)),
        Some(_) => Err(crate::case::other_body().into()),
        None => Ok(None),
    }
}

/// An account as it stands, read together with others at this moment.
pub async fn account(office: &Office, account_id: i64) -> Result<Option<Account>> {
    office
        .trays
        .accounts
        .put(office, AccountId(account_id))
        .await
}

pub(crate) fn read_accounts(
    office: Office,
    accounts: Vec<AccountId>,
) -> BoxFuture<'static, Result<Vec<Option<Account>>>> {
    async move {
        let mut conn = office.pool.acquire().await?;
        Ok(account::read_many(&mut conn, office.ledger(), &accounts).await?)
    }
    .boxed()
}

/// An account and the days of which entries are asked for.
pub(crate) type Span = (AccountId, NaiveDate, NaiveDate);

/// At most so many entries of one account; a person has some forty a year.
const MOST_ENTRIES: i64 = 1_000;

/// The entries of an account between two days, oldest first, read together with others at this moment.
pub async fn entries(
    office: &Office,
    account_id: i64,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<AccountEntry>> {
    let span = (AccountId(account_id), from, to);
    office.trays.entries.put(office, span).await
}

pub(crate) fn read_entries(
    office: Office,
    spans: Vec<Span>,
) -> BoxFuture<'static, Result<Vec<Vec<AccountEntry>>>> {
    async move {
        let mut conn = office.pool.acquire().await?;
        Ok(statement::entries_of_many(&mut conn, office.ledger(), &spans, MOST_ENTRIES).await?)
    }
    .boxed()
}

/// Opens ledger accounts, one for each owner.
pub async fn open_accounts(
    office: &Office,
    conn: &mut PgConnection,
    kind: account::Kind,
    ids: &[i64],
    owners: &[i64],
) -> Result<()> {
    let day: BusinessDate = day::open_day(conn, office.ledger()).await?;
    let pairs: Vec<(AccountId, i64)> = ids
        .iter()
        .map(|id| AccountId(*id))
        .zip(owners.iter().copied())
        .collect();
    account::open_accounts(conn, office.ledger(), kind, day, &pairs).await?;
    Ok(())
}
