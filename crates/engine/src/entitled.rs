//! 服务找人: what a person is entitled to now, from what is at hand; and once a day who of the whole population is, by conditions as SQL over
//! our books first and the evaluator over kept facts and live consents then. Nobody is asked about without a consent of his own; nobody is
//! told twice of the same thing. A run that was interrupted goes on from its mark.

use anju_business::population::{self, Candidate, entitled};
use anju_business::queries::{self, Answer, Question};
use anju_casework::catalogue::Request;
use anju_casework::consent;
use anju_casework::person::{self, Person};
use anju_casework::{Fault, PgConnection, Refusal, Result};
use anju_domain::clock::{at_hour, shanghai};
use anju_policy::{ConditionOutcome, Decision, Form, InputType, Outcome, ServiceDefinition};
use chrono::{NaiveDate, Timelike};
use serde_json::{Value, json};

use crate::Engine;
use crate::gather::STANDING;

/// A withdrawal with what the rules say of it for somebody.
#[derive(Debug, Clone)]
pub struct Entitlement {
    /// The service.
    pub service: ServiceDefinition,
    /// From what is at hand.
    pub decision: Decision,
}

/// How a withdrawal stands for somebody, the nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Now, and so much.
    Now,
    /// Now, and a person looks at it.
    Review,
    /// Nothing speaks against it; departments have to be asked.
    Ask,
    /// From a day on, if nothing but time passes.
    Later,
    /// Not, unless a fact changes.
    No,
}

impl Standing {
    /// Its word at the doors.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::Review => "review",
            Self::Ask => "ask",
            Self::Later => "later",
            Self::No => "no",
        }
    }
}

impl Entitlement {
    /// How it stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        match self.decision.outcome {
            Outcome::Approved => Standing::Now,
            Outcome::Review => Standing::Review,
            Outcome::Waiting => Standing::Ask,
            Outcome::Refused if self.decision.possible_from.is_some() => Standing::Later,
            Outcome::Refused => Standing::No,
        }
    }

    /// How much may be had now, fen.
    #[must_use]
    pub fn amount_fen(&self) -> Option<i64> {
        self.decision
            .amount_fen
            .filter(|fen| *fen > 0 && self.decision.outcome == Outcome::Approved)
    }

    fn draw(&self) -> Value {
        let unmet: Vec<Value> = self
            .decision
            .conditions
            .iter()
            .filter(|one| one.outcome != ConditionOutcome::Met)
            .map(|one| {
                json!({
                    "code": one.code, "name": one.name, "outcome": one.outcome, "detail": one.detail, "remedy": one.remedy,
                    "met_from": one.met_from, "ways": one.ways,
                })
            })
            .collect();
        json!({
            "service": self.service.id,
            "name_zh": self.service.name_zh,
            "standing": self.standing().code(),
            "amount_fen": self.amount_fen(),
            "from": self.decision.possible_from,
            "words": self.decision.in_words(),
            "conditions": unmet,
            "start": format!("/my/do/{}", self.service.id),
            "policy": self.decision.policy.as_ref(),
        })
    }
}

/// What a form holds before anything is typed: the card that is registered.
#[must_use]
pub fn form_at_hand(service: &ServiceDefinition, person: &Person) -> Form {
    let cards = service
        .inputs
        .iter()
        .filter(|input| input.input_type == InputType::Card);
    let card = person.card.as_ref();
    cards
        .filter_map(|input| Some((input.name.clone(), card?.expose().into())))
        .collect()
}

fn request(service: &ServiceDefinition, person: &Person, channel: &str) -> Request {
    Request {
        service: service.id.clone(),
        case_id: None,
        applicant_id: person.person_id,
        form: form_at_hand(service, person),
        channel: channel.to_owned(),
        face_passed: true,
    }
}

impl Engine {
    /// Every withdrawal that a channel offers, each decided from our books, kept facts and live consents, the nearest first.
    ///
    /// # Errors
    /// The database; the policy.
    pub async fn entitlements(&self, person: &Person, channel: &str) -> Result<Vec<Entitlement>> {
        let offered: Vec<ServiceDefinition> = population::withdrawals(&self.office)
            .into_iter()
            .filter(|service| service.login_on(channel).is_some())
            .collect();
        let mut conn = self.office.pool.acquire().await?;
        let mut found = Vec::with_capacity(offered.len());
        let mut books = None;
        for service in offered {
            let request = request(&service, person, channel);
            let (_, decision) = self.at_hand_on(&mut conn, &request, &mut books).await?;
            found.push(Entitlement { service, decision });
        }
        found.sort_by_key(|one| {
            let amount = std::cmp::Reverse(one.amount_fen());
            (one.standing(), amount, one.decision.possible_from)
        });
        Ok(found)
    }

    /// Answers a query of the catalogue.
    ///
    /// # Errors
    /// Those of [`queries::answer`].
    pub async fn query(&self, id: &str, question: &Question<'_>) -> Result<Value> {
        match queries::answer(&self.office, id, question).await? {
            Answer::Drawn(drawn) => Ok(drawn),
            Answer::Entitlements(person_id) => self.query_entitlements(person_id).await,
        }
    }

    /// `query-entitlements`: what a person is entitled to, over every withdrawal in force.
    async fn query_entitlements(&self, person_id: i64) -> Result<Value> {
        let person = person::get(&self.office, person_id)
            .await?
            .ok_or_else(|| Refusal::not_found("这位职工"))?;
        let found = self.entitlements(&person, "APP").await?;
        Ok(json!({
            "items": found.iter().map(Entitlement::draw).collect::<Vec<_>>(),
            "next": null,
            "told": !entitled::is_quiet(&self.office, person_id).await?,
            "consented": consent::standing(&self.office, person_id, STANDING).await?.consent_id().is_some(),
        }))
    }
}

/// What a run came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Looked through.
    pub people: i64,
    /// Decided.
    pub judged: usize,
    /// Entitled.
    pub found: usize,
    /// Told.
    pub told: usize,
    /// Who has claimed since the last look.
    pub claimed: u64,
}

/// People whom the evaluator decides on between two marks.
const BATCH: i64 = 200;

struct Numbers {
    ask: i64,
    tell: i64,
    gap_days: i64,
    keep_days: i64,
    from_hour: i64,
    tell_hour: i64,
}

impl Numbers {
    fn on(engine: &Engine, day: NaiveDate) -> Result<Option<Self>> {
        let policy = engine.office.policy();
        let fault = |error: anju_policy::PolicyError| Fault::Policy(error.to_string());
        if !policy
            .set
            .flag("entitled_search", day, &[])
            .map_err(fault)?
        {
            return Ok(None);
        }
        let int = |name: &str| policy.set.int(name, day, &[]).map_err(fault);
        Ok(Some(Self {
            ask: int("entitled_ask_per_run")?,
            tell: int("entitled_tell_per_run")?,
            gap_days: int("entitled_tell_gap_days")?,
            keep_days: int("entitled_keep_days")?,
            from_hour: int("entitled_run_hour")?,
            tell_hour: int("entitled_tell_hour")?,
        }))
    }
}

/// Looks for the entitled once the day's hour has come; nothing where the day has had its run or the centre does not look.
///
/// # Errors
/// The database; a policy without its numbers.
pub async fn turn(engine: &Engine) -> Result<Option<Report>> {
    let office = &engine.office;
    let claimed = entitled::claimed(office).await?;
    if claimed > 0 {
        tracing::info!(claimed, "entitlements were claimed");
    }
    let Some(numbers) = Numbers::on(engine, office.today())? else {
        return Ok(None);
    };
    if i64::from(shanghai(office.now()).hour()) < numbers.from_hour {
        return Ok(None);
    }
    run(engine).await
}

/// Looks again on a day that has had its run: who was found is found again and not told again.
///
/// # Errors
/// The database; a policy without its numbers.
pub async fn again(engine: &Engine) -> Result<Option<Report>> {
    entitled::begin_again(&engine.office, engine.office.today()).await?;
    run(engine).await
}

/// The run of the day, whatever the hour; nothing where it has ended already or the centre does not look.
///
/// # Errors
/// The database; a policy without its numbers.
async fn run(engine: &Engine) -> Result<Option<Report>> {
    let office = &engine.office;
    let day = office.today();
    let Some(numbers) = Numbers::on(engine, day)? else {
        return Ok(None);
    };
    let mut report = Report {
        claimed: entitled::claimed(office).await?,
        ..Report::default()
    };
    let services = population::withdrawals(office);
    let whole = entitled::begin(office, day, "").await?;
    let mut runs = Vec::with_capacity(services.len());
    for service in &services {
        runs.push((service, entitled::begin(office, day, &service.id).await?));
    }
    if whole.ended_at.is_some() && runs.iter().all(|(_, run)| run.ended_at.is_some()) {
        return Ok(None);
    }
    // Taken again also where a run goes on: what crashed may have emptied it.
    report.people = population::take(office).await?;
    let mut ask = numbers.ask;
    for (service, run) in &runs {
        if run.ended_at.is_some() {
            continue;
        }
        let (judged, found) = search(engine, service, run, &mut ask).await?;
        report.judged += judged;
        report.found += found;
        entitled::end(office, run, report.people).await?;
    }
    entitled::lapse(office, numbers.keep_days).await?;
    let now = office.now();
    let hour = u32::try_from(numbers.tell_hour).unwrap_or_default();
    let due_at = at_hour(day, hour).map_or(now, |at| at.max(now));
    report.told = entitled::tell(office, numbers.tell, numbers.gap_days, due_at).await?;
    entitled::end(office, &whole, report.people).await?;
    Ok(Some(report))
}

/// One service: counted by SQL, then decided person by person where more is known than our books.
async fn search(
    engine: &Engine,
    service: &ServiceDefinition,
    run: &entitled::Run,
    ask: &mut i64,
) -> Result<(usize, usize)> {
    let office = &engine.office;
    let filter = population::filter(office, &service.id)?;
    let mut conn = office.pool.acquire().await?;
    let possible = population::count(office, &mut conn, &filter).await?;
    drop(conn);
    entitled::keep_counts(office, run, &possible).await?;
    let (mut judged, mut found_all, mut mark) = (0, 0, run.mark);
    loop {
        let mut conn = office.pool.acquire().await?;
        let candidates =
            population::candidates(office, &mut conn, &filter, STANDING, mark, BATCH).await?;
        let Some(last) = candidates.last().map(|one| one.person_id) else {
            break;
        };
        let (mut found, mut refused) = (Vec::new(), Vec::new());
        for one in &candidates {
            let Some(decision) = decide(engine, &mut conn, service, one, ask).await? else {
                continue;
            };
            judged += 1;
            match (decision.outcome, decision.amount_fen) {
                (Outcome::Approved, Some(amount_fen)) => found.push(entitled::Found {
                    person_id: one.person_id,
                    branch_id: one.branch_id,
                    district: one.district.clone(),
                    amount_fen,
                }),
                (Outcome::Refused, _) => refused.push(one.person_id),
                // What is not known any more takes nothing away; it lapses with time.
                _ => {}
            }
        }
        drop(conn);
        entitled::keep(office, run, &found, &refused, candidates.len(), last).await?;
        found_all += found.len();
        mark = last;
    }
    Ok((judged, found_all))
}

/// From what is at hand, and where that is not enough from the departments, if the person lets us and the day's questions are not used up.
async fn decide(
    engine: &Engine,
    conn: &mut PgConnection,
    service: &ServiceDefinition,
    one: &Candidate,
    ask: &mut i64,
) -> Result<Option<Decision>> {
    let Some(person) = person::get_by(&engine.office, &mut *conn, one.person_id).await? else {
        return Ok(None);
    };
    let request = request(service, &person, "APP");
    let (_, decision) = engine.at_hand_on(conn, &request, &mut None).await?;
    if decision.outcome == Outcome::Waiting && one.consents && *ask > 0 {
        *ask -= 1;
        let (_, decision) = engine.precheck(&request).await?;
        return Ok(Some(decision));
    }
    Ok(Some(decision))
}
