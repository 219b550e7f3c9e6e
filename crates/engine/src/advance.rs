//! The way of a case: submitted, decided from what was gathered, advanced when its time comes, approved by a reviewer, waited for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anju_business::sharing::quality;
use anju_business::withdrawal::estate::consent;
use anju_business::withdrawal::payout;
use anju_casework::case::{self, Case, CaseState, Decided, Leg, Submission, Submitted, Verdict};
use anju_casework::catalogue::{Request, Service};
use anju_casework::office::PolicyInForce;
use anju_casework::tray::Convoy;
use anju_casework::{Actor, Office, Refusal, Result, RowFault, outbox};
use anju_policy::fact::FactState;
use anju_policy::{ConditionOutcome, Decision, Outcome, ServiceDefinition, StoredDecision};
use futures::future::{BoxFuture, FutureExt};
use futures::{StreamExt, stream};
use tokio::sync::watch;

use crate::Engine;
use crate::gather::{Gathered, Reach};

/// Times that a decision is taken again when something moved in between.
const AGAIN: usize = 8;

/// A decision about what was gathered, with the timed legs up to it.
struct Ruling {
    decision: Decision,
    stored: StoredDecision,
    legs: Vec<Leg>,
}

impl Ruling {
    fn of(office: &Office, request: &Request, gathered: &Gathered) -> Result<Self> {
        let started_at = office.now();
        let clock = Instant::now();
        let (decision, stored) =
            case::decide(&gathered.policy, request, &gathered.facts, gathered.at)?;
        let mut legs = gathered.legs.clone();
        legs.push(Leg {
            leg: "decision".to_owned(),
            started_at,
            ms: i64::try_from(clock.elapsed().as_millis()).unwrap_or(i64::MAX),
        });
        Ok(Self {
            decision,
            stored,
            legs,
        })
    }

    fn decided<'a>(&'a self, request: &'a Request, gathered: &'a Gathered) -> Decided<'a> {
        Decided {
            request,
            own: &gathered.own,
            decision: &self.decision,
            stored: &self.stored,
            at: gathered.at,
            facts: &gathered.facts,
            policy: &gathered.policy,
            legs: &self.legs,
        }
    }
}

impl Engine {
    /// Submits: decided at once when every fact is at hand, else opened as a case that goes on by itself.
    ///
    /// # Errors
    /// 422 `E-FORM-01` with every mistake of the form; 409 for a second live case or a key used otherwise.
    pub async fn submit(&self, mut submission: Submission) -> Result<Submitted> {
        let office = &self.office;
        let policy = office.policy();
        submission.request.form = payout::clean_form(&submission.request.form);
        check_form(&policy, &submission.request)?;
        let service = office.catalogue.find(&submission.request.service)?;
        let wish = service.wish(office, &submission.request);
        let begins_itself = service.begin(office, &submission);
        let looks_at_door = service.looks_at_door();
        if begins_itself.is_none() && !service.carries_out() && !looks_at_door {
            let errand = Errand {
                engine: self.clone(),
                submission: submission.clone(),
                wish: wish.clone(),
            };
            if let Some(done) = self.at_hand.0.go(errand).await?? {
                return Ok(done);
            }
        } else if let Some(before) = remembered(office, &submission).await? {
            return Ok(Submitted::Before(before));
        }
        if looks_at_door {
            drop(begins_itself);
            return self.submit_looked_at(&*service, submission, &policy).await;
        }
        if let Some(begins) = begins_itself {
            return match begins.await {
                Ok(case_id) => {
                    office.changed(case_id);
                    if let Actor::Clerk(clerk_id) = submission.actor {
                        anju_casework::effort::note(office, clerk_id, case_id).await?;
                    }
                    Ok(Submitted::New(case_id))
                }
                // Who came behind the same request finds things changed: by this very request.
                Err(error) => {
                    anju_casework::books::remembered(office, submission.key, submission.digest)
                        .await?
                        .map(Submitted::Before)
                        .ok_or(error)
                }
            };
        }
        let (fact_types, separate) = self.consented_to(&policy, &submission.request);
        let submitted =
            case::submit(office, &submission, &wish, &policy, &fact_types, &separate).await?;
        if let Submitted::New(case_id) = submitted {
            let engine = self.clone();
            tokio::spawn(async move { engine.advance_logged(case_id).await });
        }
        Ok(submitted)
    }

    /// What a case's consent is about, and what of it is consented to apart.
    fn consented_to(
        &self,
        policy: &PolicyInForce,
        request: &Request,
    ) -> (Vec<String>, Vec<String>) {
        let fact_types: Vec<String> = policy
            .set
            .service(&request.service)
            .map(|definition| {
                definition
                    .needs_outside()
                    .map(|need| need.fact_type.clone())
                    .collect()
            })
            .unwrap_or_default();
        // What is sensitive is consented to apart (个人信息保护法 第二十九条), and only where the form says so.
        let (separate, fact_types): (Vec<String>, Vec<String>) = fact_types
            .into_iter()
            .partition(|fact_type| self.is_sensitive(fact_type));
        let consents = request.form.get("sensitive_consent") != Some(&false.into());
        let separate = if consents { separate } else { Vec::new() };
        (fact_types, separate)
    }

    /// Asks before there is a case, so that every mistake is told at the door; what nobody has answered yet opens a case that waits for it.
    async fn submit_looked_at(
        &self,
        service: &dyn Service,
        mut submission: Submission,
        policy: &PolicyInForce,
    ) -> Result<Submitted> {
        let office = &self.office;
        submission.request.case_id = Some(submission.case_id);
        let gathered = self.gather(service, &submission.request).await?;
        if let Err(error) = service
            .at_door(office, &mut submission, &gathered.facts)
            .await
        {
            // Who came behind the same request finds things changed: by this very request.
            return remembered(office, &submission)
                .await?
                .map(Submitted::Before)
                .ok_or(error);
        }
        let wish = service.wish(office, &submission.request);
        let (fact_types, separate) = self.consented_to(policy, &submission.request);
        let submitted =
            case::submit(office, &submission, &wish, policy, &fact_types, &separate).await?;
        let Submitted::New(case_id) = submitted else {
            return Ok(submitted);
        };
        self.advance_from(case_id, Some(gathered)).await?;
        let case = case::require(office, case_id).await?;
        if case.state() == CaseState::Refused
            && let Some(decision) = case::decision_of(office, &case, policy).await?
            && let Some(refusal) = first_refusal(&decision)
        {
            return Err(refusal.into());
        }
        if let Actor::Clerk(clerk_id) = submission.actor {
            anju_casework::effort::note(office, clerk_id, case_id).await?;
        }
        Ok(submitted)
    }

    /// One statement from the request to the money, when nothing has to be asked and the answer is yes.
    async fn submit_at_hand(
        &self,
        service: &dyn Service,
        submission: &Submission,
        wish: &str,
    ) -> Result<Option<Submitted>> {
        for _ in 0..AGAIN {
            let Some(gathered) = self
                .gather_within(service, &submission.request, Reach::AtHand)
                .await?
            else {
                return Ok(None);
            };
            let ruling = Ruling::of(&self.office, &submission.request, &gathered)?;
            if ruling.decision.outcome != Outcome::Approved {
                return Ok(None);
            }
            let decided = ruling.decided(&submission.request, &gathered);
            match case::pay_at_once(&self.office, submission, wish, &decided).await? {
                Verdict::Moved(_) => return Ok(Some(Submitted::New(submission.case_id))),
                Verdict::Again => {
                    if let Some(before) = remembered(&self.office, submission).await? {
                        return Ok(Some(Submitted::Before(before)));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Gathers and decides an open case once; a case that something else moves meanwhile is read again.
    pub async fn advance(&self, case_id: i64) -> Result<()> {
        self.advance_from(case_id, None).await
    }

    /// The same where it was gathered a moment ago.
    async fn advance_from(&self, case_id: i64, mut first: Option<Gathered>) -> Result<()> {
        for _ in 0..AGAIN {
            let case = case::require(&self.office, case_id).await?;
            if !matches!(case.state(), CaseState::Submitted | CaseState::Gathering) {
                return Ok(());
            }
            let request = request_of(&self.office, &case)?;
            let service = self.office.catalogue.find(&case.service)?;
            let gathered = match first.take() {
                Some(gathered) => gathered,
                None => self.gather(&*service, &request).await?,
            };
            let ruling = Ruling::of(&self.office, &request, &gathered)?;
            let decided = ruling.decided(&request, &gathered);
            let mut conn = self.office.pool.acquire().await?;
            match case::record_verdict(&self.office, &mut conn, &case, &decided, Actor::System)
                .await?
            {
                Verdict::Moved(_) => {
                    drop(conn);
                    if consent::is_wanted(&ruling.decision) {
                        consent::ask(&self.office, &case, &request).await?;
                    }
                    self.note_disagreements(case_id, &ruling.decision).await;
                    return Ok(());
                }
                Verdict::Again => continue,
            }
        }
        tracing::warn!(
            case = case_id,
            "a case kept moving while it was decided; it is tried again"
        );
        Ok(())
    }

    /// Counts registers that a case found at odds, for the ledger of their quality: a number that is lost harms no case.
    async fn note_disagreements(&self, case_id: i64, decision: &Decision) {
        let at_odds: std::collections::BTreeSet<(String, String)> = decision
            .conditions
            .iter()
            .flat_map(|condition| condition.facts.iter())
            .filter(|fact| fact.state == FactState::Conflict)
            .map(|fact| (fact.fact_type.to_owned(), fact.source.to_owned()))
            // What the order of precedence has settled is at odds as well.
            .chain(decision.settled.iter().flat_map(|settled| {
                let said = settled.believed.iter().chain(&settled.aside);
                let registers = said.filter(|said| said.source != "form");
                registers.map(|said| (said.fact_type.clone(), said.source.clone()))
            }))
            .collect();
        let at_odds: Vec<(String, String)> = at_odds.into_iter().collect();
        if let Err(error) = quality::disagreed(&self.office, case_id, &at_odds).await {
            tracing::error!(%error, "counting registers at odds");
        }
    }

    async fn advance_logged(&self, case_id: i64) {
        if let Err(error) = self.advance(case_id).await {
            tracing::error!(case = case_id, %error, "advancing a case");
        }
    }

    /// A reviewer's yes to a case that the rules sent to a person: gathered once more, so that what is paid is what is known now.
    pub async fn approve(&self, case_id: i64, reviewer: i64, reason: &str) -> Result<()> {
        for _ in 0..AGAIN {
            let case = case::require(&self.office, case_id).await?;
            let request = request_of(&self.office, &case)?;
            let service = self.office.catalogue.find(&case.service)?;
            let gathered = self.gather(&*service, &request).await?;
            let ruling = Ruling::of(&self.office, &request, &gathered)?;
            if ruling.decision.outcome == Outcome::Refused {
                return Err(Refusal::new(
                    409,
                    "E-CHECK-03",
                    "核对后有条件不符合，不能通过，请退回或不予通过。",
                )
                .into());
            }
            if !service.carries_out() && ruling.decision.amount_fen.is_none_or(|fen| fen <= 0) {
                return Err(Refusal::new(
                    409,
                    "E-CHECK-05",
                    "能提多少还算不出来，有部门没有答复或各说各的。请等查清了再通过，或不予通过。",
                )
                .into());
            }
            let decided = ruling.decided(&request, &gathered);
            let mut conn = self.office.pool.acquire().await?;
            match case::approve_by_hand(&self.office, &mut conn, &case, &decided, reviewer, reason)
                .await?
            {
                Verdict::Moved(_) => return Ok(()),
                Verdict::Again => continue,
            }
        }
        Err(case::moved_on().into())
    }

    /// Waits until a case has ended or the time is over, and returns it.
    pub async fn wait(&self, case_id: i64, patience: Duration) -> Result<Case> {
        self.until_ended(case_id, patience).await?;
        case::require(&self.office, case_id).await
    }

    /// Waits for the end of a case, or until the patience is over.
    ///
    /// # Errors
    /// No such case; the database.
    pub async fn until_ended(&self, case_id: i64, patience: Duration) -> Result<()> {
        let deadline = tokio::time::Instant::now() + patience;
        let watch = self.office.watch(case_id);
        let mut has_looked = false;
        loop {
            let changed = watch.changed();
            tokio::pin!(changed);
            changed.as_mut().enable();
            // Whoever has watched since before the case began to be paid does not read it to hear that.
            let is_known = !std::mem::replace(&mut has_looked, true) && watch.is_executing();
            if watch.has_ended()
                || !is_known && case::state_of(&self.office, case_id).await?.is_final()
                || tokio::time::Instant::now() >= deadline
            {
                return Ok(());
            }
            // Another process may move the case: a poll stands behind the signal.
            let until = deadline.min(tokio::time::Instant::now() + Duration::from_millis(500));
            tokio::select! {
                () = &mut changed => {}
                () = tokio::time::sleep_until(until) => {}
            }
        }
    }
}

/// What the first condition that is not met says.
fn first_refusal(decision: &Decision) -> Option<Refusal> {
    let condition = decision
        .conditions
        .iter()
        .find(|one| one.outcome == ConditionOutcome::NotMet)?;
    let code = condition.message.unwrap_or(condition.code);
    Some(Refusal::rule(code, condition.detail))
}

/// Where submissions that come at one moment are read, decided and booked together. Cheap to clone.
#[derive(Clone)]
pub struct AtHand(Arc<Convoy<Errand, Result<Option<Submitted>>>>);

impl Default for AtHand {
    fn default() -> Self {
        Self(Arc::new(Convoy::new(Errand::run)))
    }
}

/// A submission on its way with others that came at this moment.
struct Errand {
    engine: Engine,
    submission: Submission,
    wish: String,
}

impl Errand {
    /// What the key made before, or the case where nothing has to be asked; none where a case must be opened.
    fn run(self) -> BoxFuture<'static, Result<Option<Submitted>>> {
        async move {
            let (engine, submission) = (&self.engine, &self.submission);
            if let Some(before) = remembered(&engine.office, submission).await? {
                return Ok(Some(Submitted::Before(before)));
            }
            let service = engine.office.catalogue.find(&submission.request.service)?;
            engine
                .submit_at_hand(&*service, submission, &self.wish)
                .await
        }
        .boxed()
    }
}

/// The case that the submission's key made before.
async fn remembered(office: &Office, submission: &Submission) -> Result<Option<i64>> {
    anju_casework::books::remembered_together(office, submission.key, submission.digest).await
}

/// The request of a case. Whoever submitted it passed the face step, or stood at the counter.
pub(crate) fn request_of(office: &Office, case: &Case) -> Result<Request> {
    Ok(Request {
        service: case.service.clone(),
        case_id: Some(case.case_id),
        applicant_id: case.applicant_id,
        form: case.open_form(office)?,
        channel: case.channel.clone(),
        face_passed: true,
    })
}

/// The service of that name.
pub(crate) fn definition<'a>(
    policy: &'a PolicyInForce,
    service: &str,
) -> Result<&'a ServiceDefinition> {
    policy.set.service(service).ok_or_else(|| {
        let detail = format!("没有“{service}”这个事项，请从事项目录里选。");
        Refusal::new(404, "E-API-04", detail).into()
    })
}

/// Every mistake of a form, by the definition of its service.
fn check_form(policy: &PolicyInForce, request: &Request) -> Result<()> {
    let definition = definition(policy, &request.service)?;
    if definition.login_on(&request.channel).is_none() {
        let detail = format!(
            "“{}”不在渠道 {} 上办理，请换一个渠道。",
            definition.name_zh, request.channel
        );
        return Err(Refusal::rule("E-FORM-02", detail).into());
    }
    let errors: Vec<RowFault> = definition
        .check_form(&request.form)
        .into_iter()
        .map(|fault| RowFault {
            row: None,
            column: Some(fault.field),
            code: "E-FORM-01".to_owned(),
            message: fault.message,
        })
        .collect();
    Refusal::of_mistakes(errors).map_or(Ok(()), |refusal| Err(refusal.into()))
}

/// Cases in work at once.
const AT_ONCE: usize = 16;

/// Advances waiting cases when their time comes, when a source recovers, and when a process died in the middle;
/// until it is told to stop, and then finishes those that it has in hand.
pub async fn run(engine: Engine, mut stop: watch::Receiver<bool>) {
    let engine = Arc::new(engine);
    let mut recoveries = engine.gateway.recoveries();
    while !*stop.borrow() {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
            _ = stop.changed() => return,
            recovered = recoveries.recv() => {
                if let Ok(source) = recovered {
                    tracing::info!(source, "a source answers again");
                    if let Err(error) = case::wake_waiting(&engine.office).await {
                        tracing::error!(%error, "waking cases that waited");
                    }
                    if let Err(error) = outbox::hasten(&engine.office, &outbox::kind::TO_DEPARTMENTS).await {
                        tracing::error!(%error, "hastening what others are told");
                    }
                }
            }
        }
        let due = match case::due(&engine.office, 200).await {
            Ok(due) => due,
            Err(error) => {
                tracing::error!(%error, "looking for cases that are due");
                continue;
            }
        };
        stream::iter(due)
            .for_each_concurrent(AT_ONCE, |case_id| engine.advance_logged(case_id))
            .await;
    }
}
