//! Suspended agreements (约定提取): the cause of each is asked for again on the days of policy, and who is free of it goes on.

use anju_business::withdrawal::agreement::resume;
use anju_casework::Result;
use anju_casework::case;
use futures::{StreamExt, stream};

use crate::Engine;

/// Agreements that are asked about in one look.
const ROUND: i64 = 100;

/// Of them at once.
const AT_ONCE: usize = 8;

impl Engine {
    /// Asks again for what has suspended agreements, where their day has come; returns how many go on.
    ///
    /// # Errors
    /// The database. Of whom nothing could be asked, the others do not wait.
    pub async fn ask_suspended(&self) -> Result<usize> {
        let waiting = resume::to_ask(&self.office, ROUND).await?;
        let on = stream::iter(waiting)
            .map(|one| async move {
                match self.ask_again(&one).await {
                    Ok(goes_on) => goes_on,
                    Err(error) => {
                        tracing::error!(agreement = one.agreement_id, %error, "asking again");
                        false
                    }
                }
            })
            .buffer_unordered(AT_ONCE)
            .filter(|goes_on| std::future::ready(*goes_on))
            .count()
            .await;
        Ok(on)
    }

    async fn ask_again(&self, one: &resume::Suspended) -> Result<bool> {
        let office = &self.office;
        let request = one.request(office)?;
        let service = office.catalogue.find(&request.service)?;
        let gathered = self.gather(&*service, &request).await?;
        let (decision, _) = case::decide(&gathered.policy, &request, &gathered.facts, gathered.at)?;
        resume::answered(office, one, &decision).await
    }
}
