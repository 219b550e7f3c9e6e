//! 施行: each node follows what the database says is in force, and knows the next version before its day.
//!
//! Invariant: a node that asks each second decides by the right version from the first instant of its day, whoever else is alive.

use std::collections::HashMap;

use anju_casework::office::PolicyInForce;
use anju_casework::policy_force::{self, Enacted};
use anju_casework::{Actor, Fault, Office, Result, founding};
use anju_domain::clock::at_hour;
use anju_policy::PolicySet;
use serde_json::json;
use sqlx::Connection;

use crate::Authorities;

use super::add_step;

/// What a node knows of versions.
#[derive(Default)]
pub struct Follower {
    /// The row of the version that a change became on this node; no change is the folder's.
    known: HashMap<Option<i64>, i32>,
}

impl Follower {
    /// Puts in force what shall be, and gets ready what will be. True where the version has changed.
    ///
    /// # Errors
    /// The database, a version that does not load: the one before stays in force.
    pub async fn turn(&mut self, office: &Office, authorities: &Authorities) -> Result<bool> {
        let (pool, centre) = (&office.pool, office.centre.id);
        let today = office.today();
        let now = policy_force::on(pool, centre, today).await?;
        let changed = self.put_in_force(office, authorities, now.as_ref()).await?;
        match policy_force::next(pool, centre, today).await? {
            None => office.forget_next(),
            Some(next) => self.get_ready(office, authorities, &next).await?,
        }
        if let Some(now) = now {
            tell(office, &now).await?;
        }
        Ok(changed)
    }

    async fn put_in_force(
        &mut self,
        office: &Office,
        authorities: &Authorities,
        now: Option<&Enacted>,
    ) -> Result<bool> {
        let key = now.map(|enacted| enacted.change_id);
        let held = office.policy();
        if self.known.get(&key) == Some(&held.id) {
            return Ok(false);
        }
        let is_it = match now {
            Some(enacted) => enacted.policy_id == held.id,
            None => held.set.reference().digest == office.policy_folder.digest(),
        };
        if is_it {
            self.known.insert(key, held.id);
            return Ok(false);
        }
        let policy = match now {
            Some(enacted) => load(office, enacted).await?,
            None => of_folder(office).await?,
        };
        let changed = policy.id != held.id;
        self.known.insert(key, policy.id);
        if changed {
            let mut conn = office.pool.acquire().await?;
            founding::put_rates(&mut conn, office.ledger(), &policy.set).await?;
            drop(conn);
            let services = crate::services(&policy.set, authorities);
            tracing::info!(
                policy = policy.id,
                "another version of the policy is in force"
            );
            office.put_policy(policy, services);
        }
        Ok(changed)
    }

    async fn get_ready(
        &mut self,
        office: &Office,
        authorities: &Authorities,
        next: &Enacted,
    ) -> Result<()> {
        if let Some(held) = office.next_policy()
            && self.known.get(&Some(next.change_id)) == Some(&held)
        {
            return Ok(());
        }
        let policy = load(office, next).await?;
        let from = at_hour(next.effective_on, 0)
            .ok_or_else(|| Fault::Policy(format!("no midnight on {}", next.effective_on)))?;
        let services = crate::services(&policy.set, authorities);
        self.known.insert(Some(next.change_id), policy.id);
        office.put_next(from, policy, services);
        Ok(())
    }
}

async fn load(office: &Office, enacted: &Enacted) -> Result<PolicyInForce> {
    policy_force::load(
        &office.pool,
        office.centre.id,
        enacted,
        &office.policy_folder,
        office.now(),
    )
    .await
}

async fn of_folder(office: &Office) -> Result<PolicyInForce> {
    let set = PolicySet::load(&office.policy_folder).map_err(|errors| {
        let first = errors.first().map(ToString::to_string).unwrap_or_default();
        Fault::Policy(first)
    })?;
    founding::put_policy(
        &office.pool,
        office.centre.id,
        &office.policy_folder,
        set,
        office.now(),
    )
    .await
}

/// Writes down, once, that a change is in force, and which one it follows.
async fn tell(office: &Office, now: &Enacted) -> Result<()> {
    let waits: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM policy_change WHERE centre_id = $1 AND change_id = $2 AND state = 3)",
    )
    .bind(office.centre.id)
    .bind(now.change_id)
    .fetch_one(&office.pool)
    .await?;
    if !waits {
        return Ok(());
    }
    let mut conn = office.pool.acquire().await?;
    let mut tx = conn.begin().await?;
    let followed: Vec<i64> = sqlx::query_scalar(
        "UPDATE policy_change SET state = 6, revision = revision + 1
          WHERE centre_id = $1 AND state = 4
            AND EXISTS (SELECT FROM policy_change mine WHERE mine.centre_id = $1 AND mine.change_id = $2 AND mine.state = 3)
      RETURNING change_id",
    )
    .bind(office.centre.id)
    .bind(now.change_id)
    .fetch_all(&mut *tx)
    .await?;
    let moved = sqlx::query(
        "UPDATE policy_change SET state = 4, revision = revision + 1 WHERE centre_id = $1 AND change_id = $2 AND state = 3",
    )
    .bind(office.centre.id)
    .bind(now.change_id)
    .execute(&mut *tx)
    .await?;
    if moved.rows_affected() == 1 {
        let detail = json!({ "effective_on": now.effective_on, "version": now.policy_id });
        add_step(
            office,
            &mut tx,
            now.change_id,
            Actor::System,
            "in_force",
            detail,
        )
        .await?;
        for change_id in followed {
            let detail = json!({ "by": super::number(office, now.change_id) });
            add_step(
                office,
                &mut tx,
                change_id,
                Actor::System,
                "superseded",
                detail,
            )
            .await?;
        }
    }
    Ok(tx.commit().await?)
}
