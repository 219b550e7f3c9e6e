//! 销户提取 (withdrawal.md §5): a withdrawal that takes everything and closes the account, with the housing subsidy's beside it. Conditions
//! are policy; what is booked is `casework::case::close_out`. Invariant: the amount that was decided is the amount that is booked, to the fen.

use anju_casework::PgConnection;
use anju_casework::case::{self, Closing};
use anju_casework::catalogue::{Approved, Carried, Known, OwnBooks, Request, Service};
use anju_casework::person::Person;
use anju_casework::{Fault, Office, Result};
use anju_policy::Fact;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::json;
use sqlx::FromRow;

use super::own_books::{self, own_fact};

/// A closing withdrawal.
pub struct ClosingWithdrawal {
    id: String,
    kind: String,
}

/// What one more query brings.
#[derive(Debug, Default, FromRow)]
struct Read {
    interest_fen: i64,
    subsidy_account: Option<i64>,
    subsidy_fen: Option<i64>,
    subsidy_held_fen: Option<i64>,
    open_list: bool,
}

/// What closing an account comes to, as a fact (`own.closing`): one more query.
pub(super) async fn settlement(
    office: &Office,
    conn: &mut PgConnection,
    person_id: i64,
    account_id: i64,
    person: Option<&Person>,
) -> Result<Fact> {
    let read: Read = sqlx::query_as(include_str!("sql/closing_books.sql"))
        .bind(office.centre.id)
        .bind(person_id)
        .bind(account_id)
        .fetch_one(conn)
        .await?;
    let number = person.map(|person| &person.id_number);
    let value = json!({
        "interest_fen": read.interest_fen,
        "subsidy_fen": read.subsidy_fen,
        "subsidy_held_fen": read.subsidy_held_fen,
        "subsidy_account": read.subsidy_account,
        "open_list": read.open_list,
        "born_on": number.map(|number| number.birth()),
        "female": number.map(|number| number.is_female()),
    });
    Ok(own_fact(
        office.now(),
        "account",
        "本人账户",
        "own.closing",
        Some(value),
    ))
}

impl ClosingWithdrawal {
    /// The closing withdrawal of a definition.
    pub fn new(id: &str, kind: &str) -> Self {
        Self {
            id: id.to_owned(),
            kind: kind.to_owned(),
        }
    }

    async fn books(
        &self,
        office: &Office,
        conn: &mut PgConnection,
        request: &Request,
    ) -> Result<OwnBooks> {
        let mut own = own_books::read(office, conn, request).await?;
        let Some(account_id) = own.account.as_ref().map(|account| account.account_id) else {
            return Ok(own);
        };
        let settlement = settlement(
            office,
            conn,
            request.applicant_id,
            account_id,
            own.person.as_ref(),
        )
        .await?;
        own.facts.push(settlement);
        Ok(own)
    }

    async fn close(
        &self,
        office: &Office,
        tx: &mut PgConnection,
        approved: &Approved<'_>,
    ) -> Result<Carried> {
        let membership = approved
            .own
            .membership
            .as_ref()
            .ok_or_else(|| Fault::Stored("an account that is closed is gone".to_owned()))?;
        let subsidy = approved
            .own
            .facts
            .iter()
            .find(|fact| fact.fact_type == "own.closing")
            .and_then(|fact| fact.value["subsidy_account"].as_i64());
        let closing = Closing {
            kind: approved.own.claim_kind.as_ref().unwrap_or(&self.kind),
            membership,
            subsidy,
        };
        case::close_out(office, tx, approved, &closing).await
    }
}

impl Service for ClosingWithdrawal {
    fn id(&self) -> &str {
        &self.id
    }

    fn own_books<'a>(
        &'a self,
        office: &'a Office,
        conn: &'a mut PgConnection,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<OwnBooks>> {
        self.books(office, conn, request).boxed()
    }

    fn related_books<'a>(
        &'a self,
        office: &'a Office,
        conn: &'a mut PgConnection,
        request: &'a Request,
        known: &'a Known,
        own: &'a mut OwnBooks,
    ) -> BoxFuture<'a, Result<()>> {
        own_books::read_related(office, conn, request, known, own).boxed()
    }

    fn carries_out(&self) -> bool {
        true
    }

    /// Two levels for what closes an account at the counter (withdrawal.md §7).
    fn needs_two(&self, _office: &Office, request: &Request) -> Result<bool> {
        Ok(request.at_counter())
    }

    fn carry_out<'a>(
        &'a self,
        office: &'a Office,
        tx: &'a mut PgConnection,
        approved: Approved<'a>,
    ) -> BoxFuture<'a, Result<Carried>> {
        async move { self.close(office, tx, &approved).await }.boxed()
    }
}
