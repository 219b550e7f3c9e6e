//! What of a withdrawal comes from the housing subsidy's account (contribution.md §13): the fund's account gives first, that one the rest.
//! Invariant: each part is a journal of its own (E21), and whatever goes back goes back to where it came from.

use anju_ledger::command::key_uuid;
use anju_ledger::{JournalId, Role, journal};
use chrono::NaiveDate;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::row::Case;
use super::settle::{amount_of, booking, origin};
use crate::books::{self, Booking};
use crate::catalogue::AccountRead;
use crate::{Fault, Office, Result};

/// The subsidy's part of a payment on its way into the database.
#[derive(Clone)]
pub(super) struct Taken {
    account_id: i64,
    account_version: i32,
    /// The account that the case stands on, whichever gave the money.
    fund_account_id: i64,
    /// Its own E21; none where the fund's account gives nothing and the case's journal is it.
    pub(super) journal_id: Option<i64>,
    key: Uuid,
    part_fen: i64,
    whole_fen: i64,
}

impl Taken {
    pub(super) async fn draw(
        office: &Office,
        case_id: i64,
        fund: &AccountRead,
        subsidy: &AccountRead,
        part_fen: i64,
        whole_fen: i64,
    ) -> Result<Self> {
        if part_fen > whole_fen {
            let fault = "the subsidy's part is more than the whole";
            return Err(Fault::Policy(fault.to_owned()).into());
        }
        Ok(Self {
            account_id: subsidy.account_id,
            account_version: subsidy.version,
            fund_account_id: fund.account_id,
            journal_id: if part_fen < whole_fen {
                Some(office.ids.next().await?)
            } else {
                None
            },
            key: key_uuid(&format!("E21:{}:{case_id}:subsidy", office.centre.id)),
            part_fen,
            whole_fen,
        })
    }

    /// What the fund's account gives, fen.
    pub(super) fn of_fund_fen(&self) -> i64 {
        self.whole_fen - self.part_fen
    }

    /// Takes it, in the transaction in which the case was booked.
    #[expect(
        clippy::too_many_arguments,
        reason = "who, when and where of the journal are the payment's"
    )]
    pub(super) async fn book(
        &self,
        office: &Office,
        tx: &mut PgConnection,
        case_id: i64,
        day: NaiveDate,
        maker: i64,
        checker: Option<i64>,
        at: chrono::DateTime<chrono::Utc>,
        payable: i64,
    ) -> Result<()> {
        sqlx::query("SELECT case_takes_subsidy($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)")
            .bind(office.centre.id)
            .bind(day)
            .bind(case_id)
            .bind(self.fund_account_id)
            .bind(self.account_id)
            .bind(self.account_version)
            .bind(self.journal_id)
            .bind(self.key)
            .bind(maker)
            .bind(checker)
            .bind(at)
            .bind(self.part_fen)
            .bind(self.whole_fen)
            .bind(payable)
            .execute(tx)
            .await?;
        Ok(())
    }
}

/// The subsidy's part of a case that was paid.
#[derive(Debug, Clone, FromRow)]
pub struct SubsidyPart {
    /// The subsidy's account.
    pub account_id: i64,
    journal_id: i64,
    /// What it gave, fen.
    pub amount_fen: i64,
}

/// The subsidy's part of a case; none where the fund's account gave all.
///
/// # Errors
/// The database.
pub async fn subsidy_part(
    office: &Office,
    conn: &mut PgConnection,
    case_id: i64,
) -> Result<Option<SubsidyPart>> {
    Ok(sqlx::query_as(
        "SELECT account_id, journal_id, amount_fen FROM case_subsidy WHERE centre_id = $1 AND case_id = $2",
    )
    .bind(office.centre.id)
    .bind(case_id)
    .fetch_optional(conn)
    .await?)
}

/// Where what comes back for a case goes (追回): the fund's account has its part first, as it gave first, and what is more goes to the housing
/// subsidy's account that it came from, where that is still open. Returns that account and its part of `fen`; none where all is the fund's.
///
/// # Errors
/// The database.
pub async fn subsidy_to_credit(
    office: &Office,
    conn: &mut PgConnection,
    of_case: i64,
    returned_fen: i64,
    fen: i64,
) -> Result<Option<(i64, i64)>> {
    let open: Option<(i64, i64)> = sqlx::query_as(
        "SELECT taken.account_id, c.amount_fen - taken.amount_fen
           FROM case_subsidy taken
           JOIN business_case c ON c.centre_id = taken.centre_id AND c.case_id = taken.case_id
           JOIN ledger_account a ON a.centre_id = taken.centre_id AND a.account_id = taken.account_id AND a.state <> 3
          WHERE taken.centre_id = $1 AND taken.case_id = $2",
    )
    .bind(office.centre.id)
    .bind(of_case)
    .fetch_optional(conn)
    .await?;
    Ok(open.and_then(|(account_id, of_fund_fen)| {
        let rest = fen - (of_fund_fen - returned_fen).clamp(0, fen);
        (rest > 0).then_some((account_id, rest))
    }))
}

/// The journals that took the money from the accounts, in red with their old value date (E23).
pub(super) async fn reverse(office: &Office, tx: &mut PgConnection, case: &Case) -> Result<()> {
    let (journal_id, day) = origin(office, tx, case).await?;
    let subsidy = subsidy_part(office, tx, case.case_id).await?;
    let mut journals = vec![(journal_id, case.case_id.to_string())];
    journals.extend(
        subsidy
            .filter(|part| part.journal_id != journal_id)
            .map(|part| (part.journal_id, format!("{}:subsidy", case.case_id))),
    );
    for (journal_id, key) in journals {
        let header = books::header(office, tx, &booking(case, "E23", &key, None, &[])?).await?;
        journal::reverse(tx, &header, &key, JournalId(journal_id), day).await?;
    }
    Ok(())
}

/// A return that the person takes back (E27): each account has its part again, with the value date of the debit, so that nobody loses interest
/// (withdrawal.md §7).
pub(super) async fn credit_back(office: &Office, tx: &mut PgConnection, case: &Case) -> Result<()> {
    let fund = case
        .account_id
        .ok_or_else(|| Fault::Stored("a returned case has no account".to_owned()))?;
    let (_, day) = origin(office, tx, case).await?;
    let subsidy = subsidy_part(office, tx, case.case_id).await?;
    let of_subsidy = subsidy.as_ref().map_or(0, |part| part.amount_fen);
    let mut parts = vec![(
        fund,
        amount_of(case)? - of_subsidy,
        case.case_id.to_string(),
    )];
    parts.extend(subsidy.map(|part| {
        let key = format!("{}:subsidy", case.case_id);
        (part.account_id, part.amount_fen, key)
    }));
    for (account, amount_fen, key) in parts {
        if amount_fen == 0 {
            continue;
        }
        let accounts = [(Role::Person, account)];
        let booking = Booking {
            amount_fen,
            ..booking(case, "E27", &key, Some(day), &accounts)?
        };
        books::post(office, tx, &booking).await?;
    }
    Ok(())
}
