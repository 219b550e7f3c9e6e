//! The catalogue (事项目录): services by id. A service is found here and speaks for itself; nobody asks which one it is.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use anju_policy::fact::Fact;
use anju_policy::{Decision, Facts};
use chrono::NaiveDate;
use futures::future::BoxFuture;
use serde_json::Value;
use sqlx::PgConnection;

use crate::employer::Employer;
use crate::membership::Membership;
use crate::person::Person;
use crate::{Actor, Fault, Office, Refusal, Result};

/// Who asks for a service, for what, where.
#[derive(Debug, Clone)]
pub struct Request {
    /// Service id.
    pub service: String,
    /// The case, once there is one.
    pub case_id: Option<i64>,
    /// Person or employer.
    pub applicant_id: i64,
    /// What was filled in; personal values are plain here and sealed at rest.
    pub form: anju_policy::Form,
    /// Channel code of services.md §3.
    pub channel: String,
    /// Whether the step-up that the service's level asks for was passed: the face step of a person, the code of a clerk or the legal
    /// representative's licence (or who asks stands at the counter).
    pub face_passed: bool,
}

impl Request {
    /// Whether the person stands before a teller.
    pub fn at_counter(&self) -> bool {
        self.channel == "CTR"
    }

    /// A text of the form, trimmed; none where it is empty.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.form
            .get(field)
            .and_then(Value::as_str)
            .map(str::trim)
            .filter(|text| !text.is_empty())
    }
}

/// The account as it stood when it was read without a lock; `version` and `open_date` guard what is written later.
#[derive(Debug, Clone)]
pub struct AccountRead {
    /// Ledger account.
    pub account_id: i64,
    /// Balance, fen.
    pub balance_fen: i64,
    /// Frozen, fen.
    pub frozen_fen: i64,
    /// Reserved, fen.
    pub reserved_fen: i64,
    /// Last day of the product.
    pub product_date: NaiveDate,
    /// Settled up to.
    pub settled_on: NaiveDate,
    /// Guard of the write.
    pub version: i32,
    /// The open business day (会计日期).
    pub open_date: NaiveDate,
}

/// What our own books know of a request, read in one round trip.
#[derive(Debug, Clone, Default)]
pub struct OwnBooks {
    /// Facts of source `own`, as policy reads them.
    pub facts: Vec<Fact>,
    /// The person.
    pub person: Option<Person>,
    /// The employer, where one applies.
    pub employer: Option<Employer>,
    /// The person's live membership.
    pub membership: Option<Membership>,
    /// The person's account.
    pub account: Option<AccountRead>,
    /// The person's housing subsidy account, where he has one.
    pub subsidy: Option<AccountRead>,
    /// The shared event that a withdrawal would use, and its version when it was read.
    pub event: Option<(String, i32)>,
    /// The kind of the withdrawal, where the definition has several; as the facts say it.
    pub claim_kind: Option<String>,
    /// The person's other cases that have not ended.
    pub live: Vec<LiveCase>,
    /// Months that the person contributed, of the last sixty.
    pub months: usize,
}

/// A case that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct LiveCase {
    /// Its service.
    pub service: String,
    /// Identifier.
    pub case_id: i64,
    /// Whether it is a withdrawal that is being paid.
    pub paying: bool,
}

/// What the facts of a first round tell about where else our own books must be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The spouse's whole ID number.
    pub spouse_id: Option<String>,
    /// The object that the withdrawal shares with other claims (`LEASE:ZL2026…`).
    pub event_key: Option<String>,
}

/// What of a shared event a withdrawal uses up (提取事项台账).
#[derive(Debug, Clone, Default)]
pub struct EventUse {
    /// Kind, e.g. `RENT`.
    pub kind: String,
    /// The shared object, e.g. the lease.
    pub event_key: Option<String>,
    /// The version of the event row as read; the write is refused when another claim came first.
    pub event_version: i32,
    /// Months used, as indexes.
    pub months: Vec<i32>,
    /// Fen for each month.
    pub amounts: Vec<i64>,
}

/// What an approved case does.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Money from the person's account to the person's card.
    PayOut {
        /// Amount, fen.
        amount_fen: i64,
        /// What of it comes from the housing subsidy's account, fen.
        subsidy_fen: i64,
        /// Bank whose fund account pays.
        bank: String,
        /// What of the event is used up.
        event: EventUse,
    },
}

/// An approved case on its way to what its service does itself.
pub struct Approved<'a> {
    /// The case; its row is already executing in the transaction at hand.
    pub case_id: i64,
    /// What was asked for.
    pub request: &'a Request,
    /// All facts.
    pub facts: &'a Facts,
    /// What was decided.
    pub decision: &'a Decision,
    /// Our own books as they were read for the decision.
    pub own: &'a OwnBooks,
    /// Branch that keeps the applicant.
    pub branch_id: i16,
    /// The reviewer whose yes it was; none where the rules decided.
    pub reviewer: Option<i64>,
}

/// What a service did about an approved case.
pub struct Carried {
    /// What was done, e.g. `started`.
    pub step: &'static str,
    /// Numbers of the last event.
    pub detail: Value,
    /// Whether the case is done; else it goes on executing.
    pub done: bool,
}

/// A service that cases can be opened for.
pub trait Service: Send + Sync {
    /// Its id.
    fn id(&self) -> &str;

    /// Reads what our own books know, in one round trip; nothing where [`Service::begin`] begins its cases.
    fn own_books<'a>(
        &'a self,
        _office: &'a Office,
        _conn: &'a mut PgConnection,
        _request: &'a Request,
    ) -> BoxFuture<'a, Result<OwnBooks>> {
        Box::pin(async { Ok(OwnBooks::default()) })
    }

    /// The same where the books of this person were read for another service just now: what they share is not read again.
    fn own_books_beside<'a>(
        &'a self,
        office: &'a Office,
        conn: &'a mut PgConnection,
        request: &'a Request,
        _books: &'a OwnBooks,
    ) -> BoxFuture<'a, Result<OwnBooks>> {
        self.own_books(office, conn, request)
    }

    /// Adds what our own books know where the facts of a round point to (the spouse, the shared event), in one round trip.
    fn related_books<'a>(
        &'a self,
        _office: &'a Office,
        _conn: &'a mut PgConnection,
        _request: &'a Request,
        _known: &'a Known,
        _own: &'a mut OwnBooks,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    /// [`Service::own_books`] for a submission: a service that many ask for at once reads for all of them together.
    fn own_books_together<'a>(
        &'a self,
        office: &'a Office,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<OwnBooks>> {
        Box::pin(async move {
            let mut conn = office.pool.acquire().await?;
            self.own_books(office, &mut conn, request).await
        })
    }

    /// [`Service::related_books`] likewise.
    fn related_books_together<'a>(
        &'a self,
        office: &'a Office,
        request: &'a Request,
        known: &'a Known,
        own: &'a mut OwnBooks,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let mut conn = office.pool.acquire().await?;
            self.related_books(office, &mut conn, request, known, own)
                .await
        })
    }

    /// What an approval does.
    ///
    /// # Errors
    /// A service whose cases [`Service::begin`] begins executes in its own transaction.
    fn effect<'a>(
        &'a self,
        _office: &'a Office,
        _request: &'a Request,
        _facts: &'a Facts,
        _decision: &'a Decision,
        _own: &'a OwnBooks,
    ) -> BoxFuture<'a, Result<Effect>> {
        Box::pin(async {
            let what = format!("{} executes in its own transaction", self.id());
            Err(Fault::Stored(what).into())
        })
    }

    /// Whether [`Service::carry_out`] does what an approval does, instead of a payment to the applicant's card.
    fn carries_out(&self) -> bool {
        false
    }

    /// Whether a reviewer's yes needs a second reviewer's (管委会授权，两名复核员先后通过).
    fn needs_two(&self, _office: &Office, _request: &Request, _facts: &Facts) -> Result<bool> {
        Ok(false)
    }

    /// Does what an approval does, in the transaction that ends the decision. A refusal undoes the approval, and so does what moved since
    /// it was read ([`Fault::Moved`]): then the case is read and decided again.
    ///
    /// # Errors
    /// A service that pays has nothing else to do.
    fn carry_out<'a>(
        &'a self,
        _office: &'a Office,
        _tx: &'a mut PgConnection,
        _approved: Approved<'a>,
    ) -> BoxFuture<'a, Result<Carried>> {
        Box::pin(async {
            let what = format!("{} has nothing to carry out", self.id());
            Err(Fault::Stored(what).into())
        })
    }

    /// Takes back a case that is already executing, where the service allows that at all.
    fn take_back<'a>(
        &'a self,
        _office: &'a Office,
        _case_id: i64,
        _actor: Actor,
    ) -> Option<BoxFuture<'a, Result<()>>> {
        None
    }

    /// What somebody hears whose wish is alive in another case of his.
    fn already(&self, office: &Office, case_id: i64) -> Refusal {
        crate::case::live_case(office, self.id(), case_id)
    }

    /// Begins a case whose service checks and executes in its own transaction (a remittance), and remembers the submission's key in it;
    /// none for the path of facts and decision. Nothing happens before it is awaited.
    fn begin<'a>(
        &'a self,
        _office: &'a Office,
        _submission: &'a crate::case::Submission,
    ) -> Option<BoxFuture<'a, Result<i64>>> {
        None
    }

    /// Whether [`Service::at_door`] looks at what is asked for, with its facts, before there is a case.
    fn looks_at_door(&self) -> bool {
        false
    }

    /// Tells every mistake at once before there is a case, and sets who keeps it. What a source has not said yet is no mistake: the case
    /// waits for it.
    fn at_door<'a>(
        &'a self,
        _office: &'a Office,
        _submission: &'a mut crate::case::Submission,
        _facts: &'a Facts,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    /// Whether an approval that was carried out is told by a short message: whoever stood by has seen it.
    fn tells(&self, _case: &crate::case::Case) -> bool {
        true
    }

    /// What the applicant wants, for the rule "one live case for one wish". The service itself, unless it says more.
    fn wish(&self, _office: &Office, _request: &Request) -> String {
        self.id().to_owned()
    }
}

/// Services by id; replaced when the policy changes.
#[derive(Clone, Default)]
pub struct Catalogue(Arc<RwLock<BTreeMap<String, Arc<dyn Service>>>>);

impl Catalogue {
    /// Puts services in place of all before.
    pub fn replace(&self, services: Vec<Arc<dyn Service>>) {
        *self.0.write().expect("no holder of this lock panics") = services
            .into_iter()
            .map(|service| (service.id().to_owned(), service))
            .collect();
    }

    /// A service that cases can be opened for.
    pub fn find(&self, id: &str) -> Result<Arc<dyn Service>> {
        self.0
            .read()
            .expect("no holder of this lock panics")
            .get(id)
            .cloned()
            .ok_or_else(|| {
                Refusal::new(
                    404,
                    "E-API-04",
                    format!("没有“{id}”这个事项，请从事项目录里选。"),
                )
                .into()
            })
    }
}
