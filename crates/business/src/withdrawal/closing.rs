//! 销户提取 (withdrawal.md §5): a withdrawal that takes everything and closes the account, with the housing subsidy's beside it. Conditions
//! are policy; what is booked is `casework::case::close_out`. Invariant: the amount that was decided is the amount that is booked, to the fen.

use anju_casework::PgConnection;
use anju_casework::books::{self, Booking};
use anju_casework::case::{self, Closing};
use anju_casework::catalogue::{Approved, Carried, Known, OwnBooks, Request, Service};
use anju_casework::membership::Membership;
use anju_casework::person::Person;
use anju_casework::{Actor, Fault, Office, Result, employer};
use anju_domain::money::Fen;
use anju_ledger::journal::{self, Line, Reach};
use anju_ledger::{AccountId, Part};
use anju_policy::{Fact, Facts};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sqlx::FromRow;

use super::own_books;
use crate::contribution::refund;
use crate::policy::Rules;

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
    balance_fen: i64,
    flexible: bool,
    reclaim_fen: i64,
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
        .bind(Rules::on(office, office.today()).months("flex_subsidy_reclaim_months")?)
        .fetch_one(conn)
        .await?;
    let number = person.map(|person| &person.id_number);
    let value = json!({
        "interest_fen": read.interest_fen,
        "subsidy_fen": read.subsidy_fen,
        "subsidy_held_fen": read.subsidy_held_fen,
        "subsidy_account": read.subsidy_account,
        "open_list": read.open_list,
        "balance_fen": read.balance_fen,
        "flexible": read.flexible,
        "reclaim_fen": read.reclaim_fen,
        "born_on": number.map(|number| number.birth()),
        "female": number.map(|number| number.is_female()),
    });
    Ok(Fact::own(
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
        let own = own_books::read(office, conn, request).await?;
        self.with_closing(office, conn, request, own).await
    }

    /// Adds what closing the account would come to, where that was not read yet.
    async fn with_closing(
        &self,
        office: &Office,
        conn: &mut PgConnection,
        request: &Request,
        mut own: OwnBooks,
    ) -> Result<OwnBooks> {
        if own.facts.iter().any(|fact| fact.fact_type == "own.closing") {
            return Ok(own);
        }
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
        let read = approved
            .own
            .facts
            .iter()
            .find(|fact| fact.fact_type == "own.closing")
            .map_or(&Value::Null, |fact| &fact.value);
        let subsidy = read["subsidy_account"].as_i64();
        let reclaimed = reclaim(office, tx, approved, membership, read).await?;
        let closing = Closing {
            kind: approved.own.claim_kind.as_ref().unwrap_or(&self.kind),
            membership,
            subsidy,
        };
        let mut carried = case::close_out(office, tx, approved, &closing).await?;
        if let Some((journal_id, fen)) = reclaimed {
            sqlx::query(
                "UPDATE account_closing SET reclaim_journal = $4, reclaim_fen = $5
                  WHERE centre_id = $1 AND case_id = $2 AND account_id = $3",
            )
            .bind(office.centre.id)
            .bind(approved.case_id)
            .bind(membership.account_id)
            .bind(journal_id)
            .bind(fen)
            .execute(tx)
            .await?;
            carried.detail["reclaimed_fen"] = fen.into();
        }
        Ok(carried)
    }
}

/// What the decision leaves out of everything that is there goes back for finance first (contribution.md §11, exit): E11 from the account, and on to
/// the office's suspense, out of which its next list of subsidies is paid. Which withdrawals leave it out is their formula. The journal and how
/// much.
async fn reclaim(
    office: &Office,
    tx: &mut PgConnection,
    approved: &Approved<'_>,
    membership: &Membership,
    read: &Value,
) -> Result<Option<(i64, i64)>> {
    let fen = |name: &str| read[name].as_i64().unwrap_or(0);
    let all = fen("balance_fen") + fen("interest_fen") + fen("subsidy_fen");
    let back = all - approved.decision.amount_fen.unwrap_or(all);
    if back == 0 || back != fen("reclaim_fen") {
        return Ok(None); // what does not come to the fen is found by `close_out`
    }
    let employer = employer::lock(office, tx, membership.employer_id).await?;
    let payable = refund::payable_of(office, tx, &employer).await?;
    let key = format!("reclaim:{}", approved.case_id);
    let booking = Booking {
        event: "E11",
        key: &key,
        case_id: Some(approved.case_id),
        branch_id: employer.branch_id,
        maker: Actor::System,
        checker: approved.reviewer,
        policy_id: office.policy().id,
        month: None,
        value_date: None,
        accounts: &[],
        amount_fen: 0,
    };
    let header = books::header(office, tx, &booking).await?;
    let line = |account: i64, part: Part, fen: i64| Line {
        account: AccountId(account),
        part,
        amount: Fen::new(fen),
        value_date: header.day.date(),
        red: false,
    };
    let lines = [
        line(membership.account_id, Part::Subsidy, back),
        line(payable, Part::None, -back),
    ];
    let journal_id = journal::post_lines(tx, &header, &key, &lines, Reach::Available)
        .await
        .map_err(|error| match error {
            anju_ledger::Error::NotAvailable(_) => Fault::Moved("an account that is closed"),
            error => Fault::Ledger(error),
        })?;
    let (amount, case_id) = (Fen::new(back), approved.case_id);
    refund::to_suspense(
        office,
        tx,
        &employer,
        payable,
        case_id,
        &key,
        amount,
        approved.reviewer,
    )
    .await?;
    Ok(Some((journal_id.0, back)))
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

    fn own_books_beside<'a>(
        &'a self,
        office: &'a Office,
        conn: &'a mut PgConnection,
        request: &'a Request,
        books: &'a OwnBooks,
    ) -> BoxFuture<'a, Result<OwnBooks>> {
        async move {
            let own = own_books::for_another(office, conn, request, books).await?;
            self.with_closing(office, conn, request, own).await
        }
        .boxed()
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
    fn needs_two(&self, _office: &Office, request: &Request, _facts: &Facts) -> Result<bool> {
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
