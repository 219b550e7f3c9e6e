//! The day's end (日终): statements fetched, matched, closed by two.

use std::time::Duration;

use anju_business::books::day_match::{Statement, StatementLine};
use anju_business::books::{day_close, interest_year};
use anju_casework::staff::Staff;
use anju_casework::{Fault, Refusal, Result};
use anju_exchange::bank::BankStatement;
use chrono::{Days, NaiveDate};

use crate::Engine;

impl Engine {
    /// Every bank's statements since the last sealed day, up to today.
    pub async fn statements(&self) -> Result<Vec<Statement>> {
        let office = &self.office;
        let today = office.today();
        let first = self.first_unmatched().await?.min(today);
        // Each bank is asked for its days one after the other, the banks side by side.
        let statements = office
            .banks
            .iter()
            .map(|account| self.statement_of(&account.bank, first, today));
        let found = futures::future::try_join_all(statements).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// What a bank says from a day to today; nothing where one of its days is missing.
    async fn statement_of(
        &self,
        bank: &str,
        first: NaiveDate,
        today: NaiveDate,
    ) -> Result<Option<Statement>> {
        let mut lines = Vec::new();
        let mut closing_fen = None;
        let mut day = first;
        while day <= today {
            match self.banks.statement(bank, day).await {
                Ok(statement) => {
                    closing_fen = Some(statement.closing.fen());
                    lines.extend(lines_of(&statement));
                }
                Err(error) => {
                    tracing::warn!(bank, %day, %error, "a statement is missing");
                    return Ok(None);
                }
            }
            day = day
                .checked_add_days(Days::new(1))
                .ok_or_else(|| Fault::Stored("the calendar ends".to_owned()))?;
        }
        Ok(closing_fen.map(|closing_fen| Statement {
            bank: bank.to_owned(),
            closing_fen,
            lines,
        }))
    }

    /// The day of the oldest entry that no matched day has covered: the last matched day itself, since entries come after its match.
    async fn first_unmatched(&self) -> Result<NaiveDate> {
        let last: Option<NaiveDate> = sqlx::query_scalar(
            "SELECT max(matched_at AT TIME ZONE 'Asia/Shanghai')::date FROM day_match
              WHERE centre_id = $1
                AND business_date = (SELECT business_date FROM day_signature
                                      WHERE centre_id = $1 AND state = 2 ORDER BY business_date DESC LIMIT 1)",
        )
        .bind(self.office.centre.id)
        .fetch_one(&self.office.pool)
        .await?;
        match last {
            Some(day) => Ok(day),
            None => day_close::first_day(&self.office).await,
        }
    }

    /// The first hand proposes.
    pub async fn propose_close(&self, maker: &Staff) -> Result<NaiveDate> {
        day_close::propose(&self.office, &self.statements().await?, maker).await
    }

    /// The second hand confirms.
    pub async fn confirm_close(&self, checker: &Staff) -> Result<NaiveDate> {
        day_close::confirm(&self.office, &self.statements().await?, checker).await
    }

    /// Closes the open day by two persons, one after the other.
    ///
    /// # Errors
    /// What `propose_close` and `confirm_close` refuse.
    pub async fn close_day(&self, maker: &Staff, checker: &Staff) -> Result<NaiveDate> {
        if maker.staff_id == checker.staff_id {
            return Err(Refusal::new(
                403,
                "E-CHECK-01",
                "日结要两个人：一人提出，请由另一人确认。",
            )
            .into());
        }
        self.propose_close(maker).await?;
        self.confirm_close(checker).await
    }

    /// The year's interest by two persons, one after the other, booked before it returns; nothing where none is due.
    ///
    /// # Errors
    /// What `interest_year::propose` and `approve` refuse.
    pub async fn settle_interest(&self, maker: &Staff, checker: &Staff) -> Result<()> {
        let office = &self.office;
        if let Some(until) = interest_year::due(office).await? {
            let approved = interest_year::find(office, until)
                .await?
                .is_some_and(|one| one.state == interest_year::state::APPROVED);
            if !approved {
                interest_year::propose(office, maker).await?;
                interest_year::approve(office, checker).await?;
            }
            interest_year::run_approved(office).await?;
            // Another node may be at it: it is waited for.
            while interest_year::due(office).await?.is_some() {
                tokio::time::sleep(Duration::from_millis(200)).await;
                interest_year::run_approved(office).await?;
            }
        }
        Ok(())
    }
}

fn lines_of(statement: &BankStatement) -> impl Iterator<Item = StatementLine> {
    statement.entries.iter().map(|entry| StatementLine {
        serial: entry.bank_ref.clone(),
        book_date: entry.booked_on,
        amount_fen: entry.amount.fen(),
        end_to_end_id: entry.end_to_end_id.clone(),
        text: entry.remittance.clone().unwrap_or_default(),
    })
}
