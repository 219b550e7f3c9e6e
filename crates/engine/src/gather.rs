//! Gathering facts: own books, then the sources that policy still needs, round by round, then a decision without a case (资格预审).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use anju_business::withdrawal::payout;
use anju_casework::PgConnection;
use anju_casework::case::{self, Leg};
use anju_casework::case_paper;
use anju_casework::catalogue::{Known, OwnBooks, Request, Service};
use anju_casework::office::PolicyInForce;
use anju_casework::{Fault, Office, Result, consent, fact};
use anju_domain::uscc::Uscc;
use anju_exchange::catalogue::Basis;
use anju_exchange::fact_store::{FactRequest, SubjectKeys};
use anju_exchange::kept;
use anju_policy::fact::At;
use anju_policy::{Decision, Facts};
use anju_wire::gateway::{Consent, Purpose};
use chrono::Datelike;
use futures::try_join;
use serde_json::Value;

use crate::Engine;
use crate::papers::stand_in;

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
pub(crate) enum Reach<'a> {
    /// Only what is kept and valid, read together with whatever else is submitted at this moment.
    AtHand,
    /// The same for one alone over this connection, but what is not kept stays unknown instead of ending the round. Own books that were read
    /// for another service of the same person just now are not read again.
    Kept(&'a mut PgConnection, &'a mut Option<OwnBooks>),
    /// Sources are asked; no connection is held meanwhile.
    Sources,
}

impl Reach<'_> {
    async fn own_books(
        &mut self,
        office: &Office,
        service: &dyn Service,
        request: &Request,
    ) -> Result<OwnBooks> {
        match self {
            Self::AtHand => service.own_books_together(office, request).await,
            Self::Kept(conn, read) => {
                let own = match read.as_ref() {
                    Some(books) => {
                        service
                            .own_books_beside(office, conn, request, books)
                            .await?
                    }
                    None => service.own_books(office, conn, request).await?,
                };
                **read = Some(own.clone());
                Ok(own)
            }
            Self::Sources => {
                let mut conn = office.pool.acquire().await?;
                service.own_books(office, &mut conn, request).await
            }
        }
    }

    /// Where sources were asked, our books may have moved meanwhile and are read again as well.
    async fn related_books(
        &mut self,
        office: &Office,
        service: &dyn Service,
        request: &Request,
        known: &Known,
        own: &mut OwnBooks,
    ) -> Result<()> {
        match self {
            Self::AtHand => {
                service
                    .related_books_together(office, request, known, own)
                    .await
            }
            Self::Kept(conn, _) => {
                service
                    .related_books(office, conn, request, known, own)
                    .await
            }
            Self::Sources => {
                let mut conn = office.pool.acquire().await?;
                *own = service.own_books(office, &mut conn, request).await?;
                service
                    .related_books(office, &mut conn, request, known, own)
                    .await
            }
        }
    }
}

/// The service under which somebody allows us to look by ourselves at what he is entitled to.
pub const STANDING: &str = "query-entitlements";

/// More rounds than any service's facts depend on each other.
const ROUNDS: usize = 4;

impl Engine {
    /// Gathers what a service needs. Nothing outside the database is asked twice within a fact's validity.
    pub async fn gather(&self, service: &dyn Service, request: &Request) -> Result<Gathered> {
        self.gather_within(service, request, Reach::Sources)
            .await?
            .ok_or_else(|| Fault::Stored("gathering from sources always ends".to_owned()).into())
    }

    /// None where a fact is not at hand.
    pub(crate) async fn gather_within(
        &self,
        service: &dyn Service,
        request: &Request,
        mut reach: Reach<'_>,
    ) -> Result<Option<Gathered>> {
        let office = &self.office;
        let policy = office.policy();
        let at = At {
            now: office.now(),
            today: office.today(),
        };
        let mut known = Known::default();
        let (mut own, of_applicant) = match &reach {
            Reach::AtHand => {
                let kept = self.kept_of_applicant(&policy, request);
                let own = reach.own_books(office, service, request);
                try_join!(own, kept)?
            }
            Reach::Kept(..) | Reach::Sources => {
                let own = reach.own_books(office, service, request).await?;
                (own, fact::OfPerson::default())
            }
        };
        read_at(at, &mut own);
        let mut facts: Facts = own.facts.iter().cloned().collect();
        let mut asked: BTreeSet<(String, String)> = BTreeSet::new();
        let mut legs = Vec::new();
        let papers = match request.case_id {
            Some(case_id) if matches!(reach, Reach::Sources) => {
                let mut conn = office.pool.acquire().await?;
                case_paper::facts_of(office, &mut conn, case_id).await?
            }
            _ => Vec::new(),
        };
        let mut kind = None;
        for _ in 0..ROUNDS {
            let (now_known, now_kind) =
                payout::known(office, &policy.set, request, &facts, &own, at)?;
            kind = now_kind;
            if now_known != known {
                known = now_known;
                reach
                    .related_books(office, service, request, &known, &mut own)
                    .await?;
                read_at(at, &mut own);
                own.facts.iter().cloned().for_each(|fact| facts.put(fact));
            }
            // What is kept was asked for under a consent of its own.
            let ground = match &reach {
                Reach::AtHand | Reach::Kept(..) => consent::Ground::None,
                Reach::Sources => self.ground(request).await?,
            };
            let requests = self.needed(&policy, request, &facts, &own, at, &ground, &mut asked)?;
            if requests.is_empty() {
                break;
            }
            let began = office.now();
            let clock = Instant::now();
            let got = match &mut reach {
                Reach::Sources => self
                    .gateway
                    .fetch(requests)
                    .await
                    .map_err(|error| Fault::Outside(error.to_string()))?,
                Reach::AtHand => {
                    let found = kept::recent_together(office, &of_applicant, &requests).await?;
                    match found.into_iter().collect::<Option<Vec<_>>>() {
                        Some(found) => found,
                        None => return Ok(None),
                    }
                }
                Reach::Kept(conn, _) => {
                    let found = kept::recent(office, conn, &requests).await?;
                    found.into_iter().flatten().collect()
                }
            };
            legs.push(Leg {
                leg: "sources".to_owned(),
                started_at: began,
                ms: i64::try_from(clock.elapsed().as_millis()).unwrap_or(i64::MAX),
            });
            got.into_iter().for_each(|fact| facts.put(fact));
            stand_in(&mut facts, &papers);
        }
        own.claim_kind = kind;
        Ok(Some(Gathered {
            facts,
            own,
            at,
            policy,
            legs,
        }))
    }

    /// What is kept of the applicant and may be asked for: read beside our own books, since most services ask about nobody else.
    async fn kept_of_applicant(
        &self,
        policy: &PolicyInForce,
        request: &Request,
    ) -> Result<fact::OfPerson> {
        let types: Vec<String> = policy
            .set
            .service(&request.service)
            .map(|definition| {
                definition
                    .needs_outside()
                    .filter(|need| need.role == "applicant")
                    .map(|need| need.fact_type.clone())
                    .collect()
            })
            .unwrap_or_default();
        if types.is_empty() {
            return Ok(fact::OfPerson::default());
        }
        fact::of_person_together(&self.office, request.applicant_id, types).await
    }

    /// The questions that policy needs answered now and that were not asked yet.
    #[expect(clippy::too_many_arguments, reason = "all that a question depends on")]
    fn needed(
        &self,
        policy: &PolicyInForce,
        request: &Request,
        facts: &Facts,
        own: &OwnBooks,
        at: At,
        ground: &consent::Ground,
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
        let mut requests = Vec::new();
        for ask in needed {
            let (role, fact_type) = (ask.need.role.clone(), ask.need.fact_type.clone());
            if ask.fact.source == "own" || !asked.insert((role.clone(), fact_type.clone())) {
                continue;
            }
            let Some((shown, mut keys)) = self.keys(&role, request, facts, own)? else {
                continue;
            };
            keys.more.extend(ask.keys);
            let consent = self.basis(&fact_type, ground);
            // Each bank knows its own cards and loans only: policy says which one is asked.
            let source = keys.more.remove("bank");
            requests.push(FactRequest {
                fact_type,
                role,
                shown,
                keys,
                purpose: purpose.clone(),
                consent,
                source,
            });
        }
        Ok(requests)
    }

    /// The consents given with the case, as they stand now.
    async fn ground(&self, request: &Request) -> Result<consent::Ground> {
        match request.case_id {
            Some(case_id) => consent::of_case(&self.office, request.applicant_id, case_id).await,
            // Who lets us look (服务找人) has said so once for all services.
            None => consent::standing(&self.office, request.applicant_id, STANDING).await,
        }
    }

    /// On what a question rests: the consent given for it with the case; before there is one, and for what is asked by duty, the regulation.
    /// A consent that was taken back leaves no basis: the gateway does not ask, and the fact is unknown.
    fn basis(&self, fact_type: &str, ground: &consent::Ground) -> Consent {
        let by_duty = self
            .gateway
            .catalogue()
            .fact(fact_type)
            .is_some_and(|fact| fact.basis == Basis::Statutory);
        let given = match ground {
            consent::Ground::Given(living) => living
                .iter()
                .find(|one| one.fact_types.iter().any(|given| given == fact_type))
                .or_else(|| living.first().filter(|_| by_duty)),
            consent::Ground::Withdrawn => None,
            consent::Ground::None => return statutory(),
        };
        match given {
            Some(one) => Consent {
                id: one.consent_id.to_string(),
                hash: one.digest.clone(),
            },
            None if by_duty => statutory(),
            // Taken back, or never said of this type.
            None => Consent {
                id: String::new(),
                hash: String::new(),
            },
        }
    }

    /// Whether a kind of fact is asked for by separate consent alone (data_sharing.md §4, basis w).
    pub(crate) fn is_sensitive(&self, fact_type: &str) -> bool {
        let fact = self.gateway.catalogue().fact(fact_type);
        fact.is_some_and(|fact| fact.basis == Basis::Written)
    }

    /// What a source finds the subject of a role by.
    pub(crate) fn keys(
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
            // The presale project of a filed contract, by the number that the contract gives it.
            "project" => {
                let named = |role: &str| {
                    facts
                        .get(role, "housing.contract_filing")
                        .and_then(|fact| fact.value.get("project")?.as_str().map(str::to_owned))
                };
                let project = named("applicant").or_else(|| named("spouse"));
                Ok(project.map(|project| ("预售项目".to_owned(), SubjectKeys::of(project))))
            }
            "employer" => {
                // Who has no account yet is named by the form.
                let typed = || Uscc::parse(request.text("uscc")?).ok();
                let code = match &own.employer {
                    Some(employer) => Some(employer.uscc.clone()),
                    None => typed().map(|code| code.as_str().to_owned()),
                };
                let Some(code) = code else {
                    return Ok(None);
                };
                // Yearly statements are those of the year that is over.
                let year = (self.office.today().year() - 1).to_string();
                let mut keys = SubjectKeys::of(code);
                keys.more = BTreeMap::from([("year".to_owned(), year)]);
                Ok(Some(("本单位".to_owned(), keys)))
            }
            _ => {
                if let Some((shown, mut keys)) = other_person(role, request) {
                    // Who says that he is a guardian is asked about: whether the ward's is he.
                    if request.form.get("guardian") == Some(&true.into())
                        && let Some(person) = &own.person
                    {
                        let number = person.id_number.expose().to_owned();
                        keys.more.insert("guardian_id".to_owned(), number);
                    }
                    return Ok(Some((shown, keys)));
                }
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

    /// A decision without a case (资格预审): the same rules, no effect. What must be filled in and is not yet stays open.
    pub async fn precheck(&self, request: &Request) -> Result<(Gathered, Decision)> {
        let service = self.office.catalogue.find(&request.service)?;
        let gathered = self.gather(&*service, request).await?;
        let decision = ahead(&gathered, request)?;
        Ok((gathered, decision))
    }

    /// The same facts judged for another form of the same request: what it would change.
    pub fn decide_again(&self, gathered: &Gathered, request: &Request) -> Result<Decision> {
        ahead(gathered, request)
    }

    /// A decision from what is at hand: own books, and what is kept and still counts; the rest stays unknown. Nothing outside is asked.
    pub async fn at_hand(&self, request: &Request) -> Result<(Gathered, Decision)> {
        let mut conn = self.office.pool.acquire().await?;
        self.at_hand_on(&mut conn, request, &mut None).await
    }

    /// The same over one connection, for many requests in a row; `books` are those of the person, for several services of one.
    pub(crate) async fn at_hand_on(
        &self,
        conn: &mut PgConnection,
        request: &Request,
        books: &mut Option<OwnBooks>,
    ) -> Result<(Gathered, Decision)> {
        let service = self.office.catalogue.find(&request.service)?;
        let gathered = self
            .gather_within(&*service, request, Reach::Kept(conn, books))
            .await?
            .ok_or_else(|| Fault::Stored("what is kept is always read".to_owned()))?;
        let decision = ahead(&gathered, request)?;
        Ok((gathered, decision))
    }
}

/// Our books are read for the instant of the decision.
fn read_at(at: At, own: &mut OwnBooks) {
    for fact in &mut own.facts {
        fact.as_of = at.now;
    }
}

/// Somebody else whom the form names (`patient_id_no`, `patient_name`); nobody where the applicant is meant.
fn other_person(role: &str, request: &Request) -> Option<(String, SubjectKeys)> {
    let mut keys = SubjectKeys::of(request.text(&format!("{role}_id_no"))?);
    keys.name = request.text(&format!("{role}_name")).map(str::to_owned);
    let label = match role {
        "patient" => "患者",
        "deceased" => "逝者",
        "beneficiary" => "保障对象",
        _ => "相关人",
    };
    let shown = keys.name.as_deref().map_or_else(
        || label.to_owned(),
        |name| format!("{label} {}", anju_domain::name::mask(name)),
    );
    Some((shown, keys))
}

/// The decision of what is not a case yet.
fn ahead(gathered: &Gathered, request: &Request) -> Result<Decision> {
    let reading = gathered
        .policy
        .set
        .reading_ahead(
            &request.service,
            &gathered.facts,
            &request.form,
            gathered.at,
        )
        .map_err(|error| Fault::Policy(error.to_string()))?;
    Ok(reading.explain(&reading.judge()))
}

/// The duty of the regulation.
pub(crate) fn statutory() -> Consent {
    Consent {
        id: "statutory:住房公积金管理条例第二十四条".to_owned(),
        hash: String::new(),
    }
}
