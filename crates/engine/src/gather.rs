//! Gathering facts and advancing cases: own books, then the sources that policy still needs, round by round, then a decision. Used by
//! the pre-check without a case, too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anju_business::withdrawal::payout;
use anju_casework::case::{
    self, Case, CaseState, Decided, Leg, Submission, Submitted, Target, Verdict,
};
use anju_casework::catalogue::{Known, OwnBooks, Request, Service};
use anju_casework::office::PolicyInForce;
use anju_casework::{Actor, Error, Fault, Office, Refusal, Result, RowFault, fact};
use anju_exchange::fact_store::{FactRequest, SubjectKeys};
use anju_exchange::kept;
use anju_policy::fact::At;
use anju_policy::{Decision, Facts};
use anju_wire::gateway::{Consent, Purpose};
use futures::{StreamExt, stream};
use serde_json::Value;

use crate::Engine;

/// Facts, own books and the timed legs of gathering them.
pub struct Gathered {
    /// Facts by role and type.
    pub facts: Facts,
    /// Our own books.
    pub own: OwnBooks,
    /// For which instant and day.
    pub at: At,
    /// The rules.
    pub policy: PolicyInForce,
    /// Timed legs.
    pub legs: Vec<Leg>,
}

/// Where facts may come from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Only what is kept and valid.
    AtHand,
    /// Sources are asked.
    Sources,
}

/// More rounds than any service's facts depend on each other.
const ROUNDS: usize = 4;

/// Times that a decision is taken again when something moved in between.
const AGAIN: usize = 8;

impl Engine {
    /// Gathers what a service needs. Nothing outside the database is asked twice within a fact's validity.
    pub async fn gather(&self, service: &dyn Service, request: &Request) -> Result<Gathered> {
        self.gather_within(service, request, Reach::Sources)
            .await?
            .ok_or_else(|| Fault::Stored("gathering from sources always ends".to_owned()).into())
    }

    /// None where a fact is not at hand.
    async fn gather_within(
        &self,
        service: &dyn Service,
        request: &Request,
        reach: Reach,
    ) -> Result<Option<Gathered>> {
        let office = &self.office;
        let policy = office.policy();
        let at = At {
            now: office.now(),
            today: office.today(),
        };
        let mut known = Known::default();
        let mut own = service.own_books(office, request, &known).await?;
        let mut facts: Facts = own.facts.iter().cloned().collect();
        let mut asked: BTreeSet<(String, String)> = BTreeSet::new();
        let mut legs = Vec::new();
        for _ in 0..ROUNDS {
            let requests = self
                .needed(&policy, request, &facts, &own, at, &mut asked)
                .await?;
            if requests.is_empty() {
                break;
            }
            let began = office.now();
            let clock = Instant::now();
            let got = match reach {
                Reach::Sources => self
                    .gateway
                    .fetch(requests)
                    .await
                    .map_err(|error| Fault::Outside(error.to_string()))?,
                Reach::AtHand => {
                    let found = kept::recent(office, &requests).await?;
                    match found.into_iter().collect::<Option<Vec<_>>>() {
                        Some(found) => found,
                        None => return Ok(None),
                    }
                }
            };
            legs.push(Leg {
                leg: "sources".to_owned(),
                started_at: began,
                ms: i64::try_from(clock.elapsed().as_millis()).unwrap_or(i64::MAX),
            });
            got.into_iter().for_each(|fact| facts.put(fact));
            let now_known = payout::known(office, &facts)?;
            if now_known != known {
                known = now_known;
                own = service.own_books(office, request, &known).await?;
                own.facts.iter().cloned().for_each(|fact| facts.put(fact));
            }
        }
        Ok(Some(Gathered {
            facts,
            own,
            at,
            policy,
            legs,
        }))
    }

    /// The questions that policy needs answered now and that were not asked yet.
    async fn needed(
        &self,
        policy: &PolicyInForce,
        request: &Request,
        facts: &Facts,
        own: &OwnBooks,
        at: At,
        asked: &mut BTreeSet<(String, String)>,
    ) -> Result<Vec<FactRequest>> {
        let needed = policy
            .set
            .needed(&request.service, facts, &request.form, at)
            .map_err(|error| Fault::Policy(error.to_string()))?;
        let case_no = request
            .case_id
            .map_or_else(String::new, |case_id| case::number(&self.office, case_id));
        let purpose = Purpose {
            item: request.service.clone(),
            case_no,
        };
        let consent = self.basis(request).await?;
        let mut requests = Vec::new();
        for ask in needed {
            let (role, fact_type) = (ask.need.role.clone(), ask.need.fact_type.clone());
            if ask.fact.source == "own" || !asked.insert((role.clone(), fact_type.clone())) {
                continue;
            }
            let Some((shown, keys)) = self.keys(&role, request, facts, own)? else {
                continue;
            };
            requests.push(FactRequest {
                fact_type,
                role,
                shown,
                keys,
                purpose: purpose.clone(),
                consent: consent.clone(),
                source: None,
            });
        }
        Ok(requests)
    }

    /// The consent given with the case; before there is one, the duty of the regulation.
    async fn basis(&self, request: &Request) -> Result<Consent> {
        let given: Option<i64> = match request.case_id {
            Some(case_id) => {
                anju_casework::consent::of_case(&self.office, request.applicant_id, case_id).await?
            }
            None => None,
        };
        Ok(Consent {
            id: given.map_or_else(
                || "statutory:住房公积金管理条例第二十四条".to_owned(),
                |id| id.to_string(),
            ),
            hash: String::new(),
        })
    }

    /// What a source finds the subject of a role by.
    fn keys(
        &self,
        role: &str,
        request: &Request,
        facts: &Facts,
        own: &OwnBooks,
    ) -> Result<Option<(String, SubjectKeys)>> {
        match role {
            "spouse" => {
                let Some(spouse) = facts
                    .get("applicant", "civil.marriage")
                    .and_then(|fact| fact.value.get("spouse"))
                else {
                    return Ok(None);
                };
                let Some(sealed) = spouse.get("id_sealed").and_then(Value::as_str) else {
                    return Ok(None);
                };
                let name = spouse
                    .get("name")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned();
                let shown = format!("配偶 {}", anju_domain::name::mask(&name));
                let mut keys = SubjectKeys::of(fact::open_id(&self.office, sealed)?);
                keys.name = Some(name);
                Ok(Some((shown, keys)))
            }
            _ => {
                let Some(person) = &own.person else {
                    return Ok(None);
                };
                let mut keys = SubjectKeys::of(person.id_number.expose());
                keys.name = Some(person.name.expose().to_owned());
                keys.card_no = request.text("card_no").map(str::to_owned);
                keys.phone = person.phone.as_ref().map(|phone| phone.expose().to_owned());
                if let Some(spouse_id) = request.text("spouse_id_no") {
                    keys.more = BTreeMap::from([("spouse_id".to_owned(), spouse_id.to_owned())]);
                }
                Ok(Some(("本人".to_owned(), keys)))
            }
        }
    }

    /// A decision without a case (资格预审): the same rules, no effect.
    pub async fn precheck(&self, request: &Request) -> Result<(Gathered, Decision)> {
        let service = self.office.catalogue.find(&request.service)?;
        let gathered = self.gather(&*service, request).await?;
        let (decision, _) = case::decide(&gathered.policy, request, &gathered.facts, gathered.at)?;
        Ok((gathered, decision))
    }

    /// A decision from what is at hand: own books, and kept facts where all are there. Nothing outside is asked.
    pub async fn at_hand(&self, request: &Request) -> Result<(Gathered, Decision)> {
        let service = self.office.catalogue.find(&request.service)?;
        let gathered = match self
            .gather_within(&*service, request, Reach::AtHand)
            .await?
        {
            Some(gathered) => gathered,
            None => {
                let own = service
                    .own_books(&self.office, request, &Known::default())
                    .await?;
                let at = At {
                    now: self.office.now(),
                    today: self.office.today(),
                };
                let facts = own.facts.iter().cloned().collect();
                Gathered {
                    facts,
                    own,
                    at,
                    policy: self.office.policy(),
                    legs: Vec::new(),
                }
            }
        };
        let (decision, _) = case::decide(&gathered.policy, request, &gathered.facts, gathered.at)?;
        Ok((gathered, decision))
    }

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
        if let Some(before) =
            anju_casework::books::remembered(office, submission.key, submission.digest).await?
        {
            return Ok(Submitted::Before(before));
        }
        if let Some(begun) = service.begin(office, &submission).await? {
            return Ok(Submitted::New(begun));
        }
        let wish = service.wish(&submission.request);
        if let Some(done) = self.submit_at_hand(&*service, &submission, &wish).await? {
            return Ok(done);
        }
        let fact_types: Vec<String> = policy
            .set
            .service(&submission.request.service)
            .map(|definition| {
                definition
                    .facts
                    .iter()
                    .map(|need| need.fact_type.clone())
                    .filter(|name| !name.starts_with("own."))
                    .collect()
            })
            .unwrap_or_default();
        let submitted = case::submit(office, &submission, &wish, &policy, &fact_types).await?;
        if let Submitted::New(case_id) = submitted {
            let engine = self.clone();
            tokio::spawn(async move { engine.advance_logged(case_id).await });
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
            let (decision, stored) = timed_decision(&self.office, &submission.request, &gathered)?;
            if decision.0.outcome != anju_policy::Outcome::Approved {
                return Ok(None);
            }
            let decided = Decided {
                request: &submission.request,
                own: &gathered.own,
                decision: &decision.0,
                stored: &stored,
                at: gathered.at,
                facts: &gathered.facts,
                policy: &gathered.policy,
                legs: &decision.1,
            };
            match case::record_verdict(
                &self.office,
                &Target::New(submission, wish),
                &decided,
                submission.actor,
            )
            .await?
            {
                Verdict::Moved(_) => return Ok(Some(Submitted::New(submission.case_id))),
                Verdict::Again => {
                    if let Some(before) = anju_casework::books::remembered(
                        &self.office,
                        submission.key,
                        submission.digest,
                    )
                    .await?
                    {
                        return Ok(Some(Submitted::Before(before)));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Gathers and decides an open case once; a case that something else moves meanwhile is read again.
    pub async fn advance(&self, case_id: i64) -> Result<()> {
        for _ in 0..AGAIN {
            let case = case::require(&self.office, case_id).await?;
            if !matches!(case.state(), CaseState::Submitted | CaseState::Gathering) {
                return Ok(());
            }
            let request = request_of(&self.office, &case)?;
            let service = self.office.catalogue.find(&case.service)?;
            let gathered = self.gather(&*service, &request).await?;
            let (decision, stored) = timed_decision(&self.office, &request, &gathered)?;
            let decided = Decided {
                request: &request,
                own: &gathered.own,
                decision: &decision.0,
                stored: &stored,
                at: gathered.at,
                facts: &gathered.facts,
                policy: &gathered.policy,
                legs: &decision.1,
            };
            match case::record_verdict(&self.office, &Target::Open(&case), &decided, Actor::System)
                .await?
            {
                Verdict::Moved(_) => return Ok(()),
                Verdict::Again => continue,
            }
        }
        tracing::warn!(
            case = case_id,
            "a case kept moving while it was decided; it is tried again"
        );
        Ok(())
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
            let (decision, stored) = timed_decision(&self.office, &request, &gathered)?;
            if decision.0.outcome == anju_policy::Outcome::Refused {
                return Err(Refusal::new(
                    409,
                    "E-CHECK-03",
                    "核对后有条件不符合，不能通过，请退回或不予通过。",
                )
                .into());
            }
            let decided = Decided {
                request: &request,
                own: &gathered.own,
                decision: &decision.0,
                stored: &stored,
                at: gathered.at,
                facts: &gathered.facts,
                policy: &gathered.policy,
                legs: &decision.1,
            };
            match case::approve_by_hand(&self.office, &case, &decided, reviewer, reason).await? {
                Verdict::Moved(_) => return Ok(()),
                Verdict::Again => continue,
            }
        }
        Err(Refusal::new(409, "E-CHECK-02", "内容已变，请重新打开核对。").into())
    }

    /// Waits until a case has ended or the time is over, and returns it.
    pub async fn wait(&self, case_id: i64, patience: Duration) -> Result<Case> {
        let deadline = tokio::time::Instant::now() + patience;
        let watch = self.office.watch(case_id);
        loop {
            let changed = watch.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let case = case::require(&self.office, case_id).await?;
            if case.state().is_final() || tokio::time::Instant::now() >= deadline {
                return Ok(case);
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

/// A decision with the leg that took it.
type Timed = ((Decision, Vec<Leg>), anju_policy::StoredDecision);

fn timed_decision(office: &Office, request: &Request, gathered: &Gathered) -> Result<Timed> {
    let started_at = office.now();
    let clock = Instant::now();
    let (decision, stored) = case::decide(&gathered.policy, request, &gathered.facts, gathered.at)?;
    let mut legs = gathered.legs.clone();
    legs.push(Leg {
        leg: "decision".to_owned(),
        started_at,
        ms: i64::try_from(clock.elapsed().as_millis()).unwrap_or(i64::MAX),
    });
    Ok(((decision, legs), stored))
}

/// The request of a case. Whoever submitted it passed the face step, or stood at the counter.
pub fn request_of(office: &Office, case: &Case) -> Result<Request> {
    Ok(Request {
        service: case.service.clone(),
        case_id: Some(case.case_id),
        applicant_id: case.applicant_id,
        form: case.open_form(office)?,
        channel: case.channel.clone(),
        face_passed: true,
    })
}

/// Every mistake of a form, by the definition of its service.
fn check_form(policy: &PolicyInForce, request: &Request) -> Result<()> {
    let Some(definition) = policy.set.service(&request.service) else {
        return Err(Refusal::new(
            404,
            "E-API-04",
            format!("没有“{}”这个事项，请从事项目录里选。", request.service),
        )
        .into());
    };
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
    match errors.first() {
        None => Ok(()),
        Some(first) => Err(Error::from(
            Refusal::rule("E-FORM-01", first.message.clone()).with_errors(errors.clone()),
        )),
    }
}

/// Cases in work at once.
const AT_ONCE: usize = 16;

/// Advances waiting cases when their time comes, when a source recovers, and when a process died in the middle.
pub async fn run(engine: Engine) {
    let engine = Arc::new(engine);
    let mut recoveries = engine.gateway.recoveries();
    loop {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
            recovered = recoveries.recv() => {
                if let Ok(source) = recovered {
                    tracing::info!(source, "a source answers again");
                    if let Err(error) = case::wake_waiting(&engine.office).await {
                        tracing::error!(%error, "waking cases that waited");
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
