//! The office: everything a command needs to work with, handed down and never global.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, RwLock};

use anju_domain::calendar::Holidays;
use anju_domain::clock::{Clock, shanghai_date};
use anju_domain::money::Fen;
use anju_ledger::account::Account;
use anju_ledger::command::Command;
use anju_ledger::statement::AccountEntry;
use anju_ledger::{AccountId, EntryTable, Ids};
use anju_policy::fact::Fact;
use anju_policy::{PolicyFiles, PolicySet};
use anju_vault::{PublicNumbers, Vault};
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgPool;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use uuid::Uuid;

use crate::case::order::{self, Ordered};
use crate::case::payment::{self, Payment};
use crate::case::settle::{self, Paying};
use crate::case::settled::{self, Settled};
use crate::case::{self, CaseState};
use crate::catalogue::{Catalogue, Service};
use crate::fact::{LookedUp, OfPerson};
use crate::log::Made;
use crate::membership::{self, Membership};
use crate::own_account::{self, OwnAccount};
use crate::person::{self, Applicant, Person};
use crate::session::{self, Session};
use crate::tray::Tray;
use crate::{Result, books, fact, outbox};

/// The housing provident fund centre (住房公积金中心) that this program serves.
#[derive(Debug, Clone)]
pub struct Centre {
    /// Shard key of every table.
    pub id: i16,
    /// Folder of its policy, e.g. `chongqing`.
    pub code: String,
    /// Its name on pages and papers.
    pub name: String,
    /// The branch that keeps what belongs to no other: the business department.
    pub head_branch: i16,
    /// A demo centre has movable time and a demo key.
    pub demo: bool,
}

/// The centre's account at an entrusted bank (专户).
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct FundAccount {
    /// `B1`–`B8`.
    pub bank: String,
    /// Name of the bank.
    pub bank_name: String,
    /// Account number.
    pub account_no: String,
    /// Holder.
    pub holder: String,
    /// Ledger account of the deposit (10101).
    pub deposit_id: i64,
    /// Ledger account of its unidentified receipts (21903).
    pub unidentified_id: i64,
}

/// Reads the centre's accounts at its banks.
pub async fn fund_accounts(pool: &PgPool, centre_id: i16) -> sqlx::Result<Vec<FundAccount>> {
    sqlx::query_as(
        "SELECT bank, bank_name, account_no, holder, deposit_id, unidentified_id
           FROM fund_account WHERE centre_id = $1 ORDER BY bank",
    )
    .bind(centre_id)
    .fetch_all(pool)
    .await
}

/// The policy in force and the row that keeps it.
#[derive(Clone)]
pub struct PolicyInForce {
    /// `policy_version.policy_id`.
    pub id: i32,
    /// The loaded files.
    pub set: Arc<PolicySet>,
}

/// A version that waits for its day, with the services that it brings.
struct Next {
    policy: PolicyInForce,
    services: Vec<Arc<dyn Service>>,
}

/// Who acts, for events, logs and maker-checker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// The program itself.
    System,
    /// A citizen on an own channel.
    Person(i64),
    /// An employer's clerk (经办人).
    Clerk(i64),
    /// A member of staff.
    Staff(i64),
    /// Another system with the key of `/open`.
    Interface,
}

impl Actor {
    /// The number kept in `actor_id`: 0 for the system, −1 for an interface.
    pub const fn id(self) -> i64 {
        match self {
            Self::System => 0,
            Self::Interface => -1,
            Self::Person(id) | Self::Clerk(id) | Self::Staff(id) => id,
        }
    }

    /// The number kept in `access_log.audience`.
    pub const fn audience(self) -> i16 {
        match self {
            Self::Person(_) => 1,
            Self::Clerk(_) => 2,
            Self::Staff(_) => 3,
            Self::System | Self::Interface => 4,
        }
    }
}

/// Everything a command needs. Cheap to clone.
#[derive(Clone)]
pub struct Office(Arc<Inner>);

/// The fields of an office.
pub struct Inner {
    /// The centre.
    pub centre: Centre,
    /// The database.
    pub pool: PgPool,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Keys.
    pub vault: Vault,
    /// Public numbers of things.
    pub numbers: PublicNumbers,
    /// Identifiers in blocks.
    pub ids: Ids,
    /// Events and their entries (accounting.md §4).
    pub entries: EntryTable,
    /// Services by id.
    pub catalogue: Catalogue,
    /// The centre's accounts at its banks.
    pub banks: Vec<FundAccount>,
    /// The program's own policy folder, as it was read at the start: what an approved version does not speak of comes from it.
    pub policy_folder: PolicyFiles,
    /// Policy in force.
    policy: RwLock<PolicyInForce>,
    /// The approved version that waits for its day.
    next: Mutex<Option<Next>>,
    /// The instant of that day in microseconds of Unix time; `i64::MAX` while nothing waits, so that then nobody asks the clock.
    next_at: AtomicI64,
    /// Older versions that cases name, loaded when they are asked for.
    older: Mutex<HashMap<i32, Arc<PolicySet>>>,
    /// The changes of the log's keys, as far as they have been read.
    log_transitions: Mutex<Arc<Vec<Made>>>,
    /// Where work that arrives together meets.
    pub(crate) trays: Trays,
    /// Wakes the engine.
    pub wake: Notify,
    /// Wakes whoever waits for a case.
    watchers: Mutex<HashMap<i64, Arc<CaseWatch>>>,
}

/// What whoever waits for a case hears.
#[derive(Default)]
pub struct CaseWatch {
    changed: Notify,
    executing: AtomicBool,
    ended: AtomicBool,
}

impl CaseWatch {
    /// The next change of the case. Enable it before reading the case.
    pub fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Whether it began to be paid while somebody watched, and nothing has changed since: then nobody has to read it to know that it has not ended.
    #[must_use]
    pub fn is_executing(&self) -> bool {
        self.executing.load(Ordering::Acquire)
    }

    /// Whether it ended while somebody watched: then nobody has to read it to know.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }
}

/// Where work of each kind meets that arrives at one moment.
pub(crate) struct Trays {
    pub(crate) keys: Tray<Uuid, Option<Command>>,
    pub(crate) facts: Tray<Vec<LookedUp>, Vec<Option<Fact>>>,
    pub(crate) kept: Tray<(i64, Vec<String>), OfPerson>,
    pub(crate) sessions: Tray<Vec<u8>, Option<Session>>,
    pub(crate) own_accounts: Tray<own_account::Asked, Option<OwnAccount>>,
    pub(crate) people: Tray<i64, Option<Person>>,
    pub(crate) applicants: Tray<i64, Option<Applicant>>,
    pub(crate) memberships: Tray<i64, Vec<Membership>>,
    pub(crate) subsidies: Tray<i64, Option<Fen>>,
    pub(crate) accounts: Tray<AccountId, Option<Account>>,
    pub(crate) entries: Tray<books::Span, Vec<AccountEntry>>,
    pub(crate) payments: Tray<Payment, Result<()>>,
    pub(crate) states: Tray<i64, Option<CaseState>>,
    pub(crate) orders: Tray<i64, Option<Ordered>>,
    pub(crate) paying: Tray<i64, Option<Paying>>,
    pub(crate) settled: Tray<Settled, Result<()>>,
    pub(crate) finished: Tray<i64, ()>,
}

impl Default for Trays {
    fn default() -> Self {
        Self {
            keys: Tray::new(books::look_up_all),
            facts: Tray::new(fact::look_up_all),
            kept: Tray::new(fact::of_people),
            sessions: Tray::new(session::find_all),
            own_accounts: Tray::new(own_account::of_tokens),
            people: Tray::new(person::get_all),
            applicants: Tray::new(person::applicants),
            memberships: Tray::new(membership::of_people),
            subsidies: Tray::new(membership::subsidy_balances),
            accounts: Tray::new(books::read_accounts),
            entries: Tray::new(books::read_entries),
            payments: Tray::that_commits(payment::book_all),
            states: Tray::new(case::states),
            orders: Tray::new(order::all),
            paying: Tray::new(settle::read_all),
            settled: Tray::that_commits(settled::write_all),
            finished: Tray::that_commits(outbox::finish_all),
        }
    }
}

impl std::ops::Deref for Office {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Office {
    /// An office from its parts.
    #[expect(
        clippy::too_many_arguments,
        reason = "the one place where the parts meet"
    )]
    pub fn new(
        centre: Centre,
        pool: PgPool,
        clock: Arc<dyn Clock>,
        vault: Vault,
        numbers: PublicNumbers,
        ids: Ids,
        entries: EntryTable,
        catalogue: Catalogue,
        banks: Vec<FundAccount>,
        policy_folder: PolicyFiles,
        policy: PolicyInForce,
    ) -> Self {
        Self(Arc::new(Inner {
            centre,
            pool,
            clock,
            vault,
            numbers,
            ids,
            entries,
            catalogue,
            banks,
            policy_folder,
            policy: RwLock::new(policy),
            next: Mutex::new(None),
            next_at: AtomicI64::new(i64::MAX),
            older: Mutex::new(HashMap::new()),
            log_transitions: Mutex::default(),
            trays: Trays::default(),
            wake: Notify::new(),
            watchers: Mutex::new(HashMap::new()),
        }))
    }

    pub(crate) fn log_transitions(&self) -> MutexGuard<'_, Arc<Vec<Made>>> {
        self.log_transitions
            .lock()
            .expect("no holder of this lock panics")
    }

    /// The centre as the ledger names it.
    pub fn ledger(&self) -> anju_ledger::Centre {
        anju_ledger::Centre(self.0.centre.id)
    }

    /// The instant.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The civil date in Shanghai. Not the business date (会计日期), which the ledger keeps.
    pub fn today(&self) -> NaiveDate {
        shanghai_date(self.clock.now())
    }

    /// The policy in force at this instant: one that waits for its day counts from the first instant of it.
    pub fn policy(&self) -> PolicyInForce {
        let due = self.next_at.load(Ordering::Acquire);
        if due != i64::MAX && self.clock.now().timestamp_micros() >= due {
            self.turn_over();
        }
        self.policy
            .read()
            .expect("no holder of this lock panics")
            .clone()
    }

    /// A policy version by its number: the one in force, or an older one loaded again from what was kept.
    ///
    /// # Errors
    /// A version that was never kept, or that no longer loads.
    pub async fn policy_version(&self, policy_id: i32) -> crate::Result<PolicyInForce> {
        let in_force = self.policy();
        if in_force.id == policy_id {
            return Ok(in_force);
        }
        let known = self
            .older
            .lock()
            .expect("no holder of this lock panics")
            .get(&policy_id)
            .cloned();
        if let Some(set) = known {
            return Ok(PolicyInForce { id: policy_id, set });
        }
        let files: Option<sqlx::types::Json<PolicyFiles>> = sqlx::query_scalar(
            "SELECT files FROM policy_version WHERE centre_id = $1 AND policy_id = $2",
        )
        .bind(self.centre.id)
        .bind(policy_id)
        .fetch_optional(&self.pool)
        .await?;
        let files = files
            .ok_or_else(|| crate::Fault::Policy(format!("version {policy_id} was not kept")))?;
        let set = PolicySet::load(&files.0).map_err(|errors| {
            let first = errors.first().map(ToString::to_string).unwrap_or_default();
            crate::Fault::Policy(format!("version {policy_id} does not load: {first}"))
        })?;
        let set = Arc::new(set);
        self.older
            .lock()
            .expect("no holder of this lock panics")
            .insert(policy_id, set.clone());
        Ok(PolicyInForce { id: policy_id, set })
    }

    /// Replaces the policy in force and the services that it brings.
    pub fn put_policy(&self, policy: PolicyInForce, services: Vec<Arc<dyn Service>>) {
        self.catalogue.replace(services);
        *self.policy.write().expect("no holder of this lock panics") = policy;
    }

    /// The version that will count from an instant on, known beforehand so that it counts from the first instant of its day.
    pub fn put_next(
        &self,
        from: DateTime<Utc>,
        policy: PolicyInForce,
        services: Vec<Arc<dyn Service>>,
    ) {
        let mut next = self.next.lock().expect("no holder of this lock panics");
        *next = Some(Next { policy, services });
        self.next_at
            .store(from.timestamp_micros(), Ordering::Release);
    }

    /// Nothing waits for its day (any more).
    pub fn forget_next(&self) {
        let mut next = self.next.lock().expect("no holder of this lock panics");
        *next = None;
        self.next_at.store(i64::MAX, Ordering::Release);
    }

    /// The number of the version that waits for its day.
    pub fn next_policy(&self) -> Option<i32> {
        let next = self.next.lock().expect("no holder of this lock panics");
        next.as_ref().map(|next| next.policy.id)
    }

    /// Puts what has waited in force; whoever comes second finds nothing to do.
    fn turn_over(&self) {
        let mut next = self.next.lock().expect("no holder of this lock panics");
        if let Some(Next { policy, services }) = next.take() {
            self.put_policy(policy, services);
        }
        self.next_at.store(i64::MAX, Ordering::Release);
    }

    /// Public holidays, as the policy lists them.
    pub fn holidays(&self) -> Holidays {
        self.policy().set.holidays().clone()
    }

    /// The centre's account at a bank.
    pub fn bank(&self, bank: &str) -> crate::Result<&FundAccount> {
        self.banks
            .iter()
            .find(|account| account.bank == bank)
            .ok_or_else(|| {
                crate::Fault::Stored(format!("the centre has no account at {bank}")).into()
            })
    }

    /// A signal that something about this case has changed. Take it before reading the case.
    pub fn watch(&self, case_id: i64) -> Arc<CaseWatch> {
        let mut watchers = self.watchers.lock().expect("no holder of this lock panics");
        // Whoever no longer waits leaves only the map's own handle behind; a case that comes back after its end is watched anew.
        watchers.retain(|_, watch| Arc::strong_count(watch) > 1);
        watchers.entry(case_id).or_default().clone()
    }

    /// After the commit of a change that left messages: wakes who sends them, and tells whoever waits for this case.
    pub fn changed_with_messages(&self, case_id: i64) {
        self.wake.notify_one();
        self.changed(case_id);
    }

    /// The same of a change after which the case waits for its bank only.
    pub fn executing_with_messages(&self, case_id: i64) {
        self.changed_with_messages(case_id);
        if let Some(watch) = self.watcher(case_id) {
            watch.executing.store(true, Ordering::Release);
        }
    }

    /// The same of a change that ended the case.
    pub fn ended_with_messages(&self, case_id: i64) {
        if let Some(watch) = self.watcher(case_id) {
            watch.ended.store(true, Ordering::Release);
        }
        self.changed_with_messages(case_id);
    }

    /// Tells whoever waits for this case, after the commit.
    pub fn changed(&self, case_id: i64) {
        if let Some(watch) = self.watcher(case_id) {
            watch.executing.store(false, Ordering::Release);
            watch.changed.notify_waiters();
        }
    }

    fn watcher(&self, case_id: i64) -> Option<Arc<CaseWatch>> {
        let watchers = self.watchers.lock().expect("no holder of this lock panics");
        watchers.get(&case_id).cloned()
    }
}
