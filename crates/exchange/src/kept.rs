//! The gateway's store on casework's tables (事实与查询留痕), and the police asked about a roster at once.

use std::sync::Arc;

use anju_business::contribution::arrears::headcount::{Insurance, Insured, Taxed};
use anju_business::contribution::collection::BankDesk;
use anju_business::contribution::joining::Outside;
use anju_business::contribution::registry::{Registry, weightier};
use anju_business::contribution::roster::PoliceAnswer;
use anju_business::contribution::transfer_request::Employment;
use anju_business::contribution::upload::Police;
use anju_business::papers::certificate::LoansElsewhere;
use anju_business::personal::card_batch::{CardAnswer, CardQuestion, Cards};
use anju_business::queries::Finance;
use anju_casework::PgConnection;
use anju_casework::fact::{self, Call, Kept, Wanted};
use anju_casework::{Error, Fault, Office};
use anju_domain::uscc::Uscc;
use anju_policy::{Fact, FactState};
use anju_wire::gateway::{Consent, Purpose};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::fact_store::{
    FactRequest, FactStore, FactStoreError, GatheredFact, SourceCall, SubjectKeys,
};
use crate::gateway::Gateway;
use crate::identity::IdentityAnswer;

/// The tables of an office as the gateway's store.
pub struct OfficeStore(pub Office);

/// Everything that a question is asked by beside the subject, as one text; with whom is asked, where several could be: one bank's
/// answer is not another's.
fn other_keys(request: &FactRequest) -> String {
    let asked = request.source.as_deref();
    let asked = asked.map(|source| ("@", source)).into_iter();
    asked
        .chain(request.keys.beside_id())
        .map(|(name, value)| format!("{name}={value};"))
        .collect()
}

fn fault(error: Error) -> FactStoreError {
    FactStoreError(Box::new(error))
}

/// Kept facts that answer these questions, in order.
pub async fn recent(
    office: &Office,
    conn: &mut PgConnection,
    requests: &[FactRequest],
) -> Result<Vec<Option<Fact>>, Error> {
    let keys: Vec<String> = requests.iter().map(other_keys).collect();
    let case_no = requests
        .first()
        .map(|request| request.purpose.case_no.as_str())
        .filter(|number| !number.is_empty());
    let found = fact::recent(office, conn, &wanted(requests, &keys), case_no).await?;
    Ok(as_asked(requests, found))
}

/// The same before there is a case: from what was read of the applicant already, the others looked up together with what others ask for at
/// this moment.
pub async fn recent_together(
    office: &Office,
    of_applicant: &fact::OfPerson,
    requests: &[FactRequest],
) -> Result<Vec<Option<Fact>>, Error> {
    let keys: Vec<String> = requests.iter().map(other_keys).collect();
    let wanted = wanted(requests, &keys);
    let mut found = of_applicant.answers(office, &wanted);
    let (places, others): (Vec<usize>, Vec<Wanted<'_>>) = wanted
        .into_iter()
        .enumerate()
        .filter(|(place, _)| found[*place].is_none())
        .unzip();
    if !others.is_empty() {
        let looked_up = fact::recent_together(office, &others).await?;
        for (place, fact) in places.into_iter().zip(looked_up) {
            found[place] = fact;
        }
    }
    Ok(as_asked(requests, found))
}

fn wanted<'a>(requests: &'a [FactRequest], keys: &'a [String]) -> Vec<Wanted<'a>> {
    requests
        .iter()
        .zip(keys)
        .map(|(request, other_keys)| Wanted {
            fact_type: &request.fact_type,
            subject_key: &request.keys.id,
            other_keys,
        })
        .collect()
}

/// A kept fact takes the role in which it is asked for now.
fn as_asked(requests: &[FactRequest], mut found: Vec<Option<Fact>>) -> Vec<Option<Fact>> {
    for (request, fact) in requests.iter().zip(&mut found) {
        if let Some(fact) = fact {
            fact.role.clone_from(&request.role);
            fact.subject.clone_from(&request.shown);
        }
    }
    found
}

impl FactStore for OfficeStore {
    fn recent<'a>(
        &'a self,
        requests: &'a [FactRequest],
    ) -> BoxFuture<'a, Result<Vec<Option<Fact>>, FactStoreError>> {
        async move {
            let mut conn = self
                .0
                .pool
                .acquire()
                .await
                .map_err(|error| fault(error.into()))?;
            recent(&self.0, &mut conn, requests).await.map_err(fault)
        }
        .boxed()
    }

    fn keep<'a>(
        &'a self,
        facts: &'a [GatheredFact],
    ) -> BoxFuture<'a, Result<Vec<i64>, FactStoreError>> {
        async move {
            let keys: Vec<String> = facts
                .iter()
                .map(|gathered| other_keys(&gathered.request))
                .collect();
            let kept: Vec<Kept<'_>> = facts
                .iter()
                .zip(&keys)
                .map(|(gathered, other_keys)| Kept {
                    fact: &gathered.fact,
                    subject_key: &gathered.request.keys.id,
                    other_keys,
                    version: i16::try_from(gathered.version).unwrap_or(i16::MAX),
                    source_ref: &gathered.source_ref,
                    fetched_at: gathered.fetched_at,
                    case_no: &gathered.request.purpose.case_no,
                })
                .collect();
            fact::keep(&self.0, &kept).await.map_err(fault)
        }
        .boxed()
    }

    fn audit<'a>(&'a self, calls: &'a [SourceCall]) -> BoxFuture<'a, Result<(), FactStoreError>> {
        async move {
            let calls: Vec<Call<'_>> = calls
                .iter()
                .map(|call| Call {
                    at: call.at,
                    source: &call.source,
                    fact_type: &call.fact_type,
                    subject_key: &call.subject.id,
                    service: &call.purpose.item,
                    case_no: &call.purpose.case_no,
                    basis: &call.consent.id,
                    result: call.outcome.word(),
                    ms: call.latency_ms,
                    request_hash: &call.request_hash,
                    evidence_hash: &call.evidence_hash,
                })
                .collect();
            fact::audit(&self.0, &calls).await.map_err(fault)
        }
        .boxed()
    }
}

/// The police behind the gateway, asked about a whole roster in one question.
pub struct GatewayPolice(pub Arc<Gateway>);

impl Police for GatewayPolice {
    fn verify<'a>(&'a self, pairs: &'a [(String, String)]) -> BoxFuture<'a, Vec<PoliceAnswer>> {
        async move {
            let purpose = Purpose {
                item: "employee-account-open".to_owned(),
                case_no: String::new(),
            };
            let consent = Consent {
                id: "statutory:住房公积金管理条例第十三条".to_owned(),
                hash: String::new(),
            };
            match self.0.identity_batch(pairs, &purpose, &consent).await {
                Ok(answers) => answers
                    .into_iter()
                    .map(|answer| match answer {
                        IdentityAnswer::Match => PoliceAnswer::Matched,
                        IdentityAnswer::Mismatch => PoliceAnswer::Mismatched,
                        IdentityAnswer::NoRecord => PoliceAnswer::Absent,
                        IdentityAnswer::Unknown => PoliceAnswer::Unknown,
                    })
                    .collect(),
                Err(error) => {
                    tracing::error!(%error, "asking the police about a roster");
                    vec![PoliceAnswer::Unknown; pairs.len()]
                }
            }
        }
        .boxed()
    }

    fn outside<'a>(&'a self, ids: &'a [String]) -> BoxFuture<'a, Vec<Outside>> {
        async move {
            let question = |fact_type: &str, id: &String| FactRequest {
                fact_type: fact_type.to_owned(),
                role: "applicant".to_owned(),
                shown: "职工".to_owned(),
                keys: SubjectKeys::of(id.clone()),
                purpose: Purpose {
                    item: "employee-account-open".to_owned(),
                    case_no: String::new(),
                },
                consent: Consent {
                    id: "statutory:住房公积金管理条例第十三条".to_owned(),
                    hash: String::new(),
                },
                source: None,
            };
            let requests = ids
                .iter()
                .map(|id| question("hrss.retirement", id))
                .chain(ids.iter().map(|id| question("nhpf.account_elsewhere", id)))
                .collect();
            let facts = match self.0.fetch(requests).await {
                Ok(facts) => facts,
                Err(error) => {
                    tracing::error!(%error, "asking others about a roster");
                    return vec![Outside::default(); ids.len()];
                }
            };
            let (retirement, elsewhere) = facts.split_at(ids.len().min(facts.len()));
            retirement
                .iter()
                .zip(elsewhere)
                .map(|(retirement, elsewhere)| outside_of(retirement, elsewhere))
                .collect()
        }
        .boxed()
    }
}

fn outside_of(retirement: &Fact, elsewhere: &Fact) -> Outside {
    let is_true = |fact: &Fact, field: &str| {
        fact.state == FactState::Known
            && fact.value.get(field).and_then(serde_json::Value::as_bool) == Some(true)
    };
    let text = |field: &str| {
        elsewhere
            .value
            .get(field)
            .and_then(serde_json::Value::as_str)
    };
    let state = text("state").unwrap_or_default();
    let lives = is_true(elsewhere, "exists") && state != "closed";
    Outside {
        retired: is_true(retirement, "retired"),
        centre: lives.then(|| text("centre").unwrap_or("外地").to_owned()),
        active: state == "active",
    }
}

/// The banks behind the gateway, about accounts of employers.
pub struct GatewayBanks(pub Arc<Gateway>);

impl BankDesk for GatewayBanks {
    fn account_match<'a>(
        &'a self,
        bank: &'a str,
        uscc: &'a str,
        account_no: &'a str,
        name: &'a str,
        case_no: &'a str,
    ) -> BoxFuture<'a, anju_casework::Result<Fact>> {
        async move {
            let mut keys = SubjectKeys::of(uscc);
            keys.name = Some(name.to_owned());
            keys.more
                .insert("account_no".to_owned(), account_no.to_owned());
            let request = FactRequest {
                fact_type: "bank.account_match".to_owned(),
                role: "employer".to_owned(),
                shown: "单位".to_owned(),
                keys,
                purpose: Purpose {
                    item: "employer-debit-sign".to_owned(),
                    case_no: case_no.to_owned(),
                },
                // The employer itself names the account and asks the bank to say yes.
                consent: Consent {
                    id: "contract:委托收款三方协议".to_owned(),
                    hash: String::new(),
                },
                source: Some(bank.to_owned()),
            };
            one_answer(self.0.fetch(vec![request]).await)
        }
        .boxed()
    }
}

/// Social insurance and taxes behind the gateway: one question an employer, all of a part at once.
pub struct GatewayInsurance(pub Arc<Gateway>);

impl GatewayInsurance {
    /// What one source says of each employer, in order; asked by the duty to see that everybody contributes.
    async fn of_each(
        &self,
        fact_type: &str,
        employers: &[String],
    ) -> anju_casework::Result<Vec<Fact>> {
        let requests = employers
            .iter()
            .map(|uscc| FactRequest {
                fact_type: fact_type.to_owned(),
                role: "employer".to_owned(),
                shown: "单位".to_owned(),
                keys: SubjectKeys::of(uscc.clone()),
                purpose: Purpose {
                    item: "contribution-enforcement".to_owned(),
                    case_no: String::new(),
                },
                consent: Consent {
                    id: "statutory:住房公积金管理条例第三十七条".to_owned(),
                    hash: String::new(),
                },
                source: None,
            })
            .collect();
        let facts = self.0.fetch(requests).await;
        Ok(facts.map_err(|error| Fault::Outside(error.to_string()))?)
    }
}

impl Insurance for GatewayInsurance {
    fn insured<'a>(
        &'a self,
        employers: &'a [String],
    ) -> BoxFuture<'a, anju_casework::Result<Vec<Option<Insured>>>> {
        async move {
            let facts = self.of_each("hrss.social_insurance", employers).await?;
            let insured = |fact: &Fact| {
                Some(Insured {
                    people: fact.value.get("people")?.as_i64()?,
                    base_fen: fact
                        .value
                        .get("base_fen")
                        .and_then(serde_json::Value::as_i64),
                })
            };
            Ok(facts.iter().map(insured).collect())
        }
        .boxed()
    }

    fn taxed<'a>(
        &'a self,
        employers: &'a [String],
    ) -> BoxFuture<'a, anju_casework::Result<Vec<Option<Taxed>>>> {
        async move {
            let facts = self.of_each("tax.registration", employers).await?;
            let text = |fact: &Fact, field: &str| {
                let value = fact.value.get(field).and_then(serde_json::Value::as_str);
                value.map(str::to_owned)
            };
            let taxed = |fact: &Fact| {
                Some(Taxed {
                    state: taxpayer_state(&text(fact, "state")?).to_owned(),
                    authority: text(fact, "authority"),
                })
            };
            Ok(facts.iter().map(taxed).collect())
        }
        .boxed()
    }
}

impl Employment for GatewayInsurance {
    fn employment<'a>(
        &'a self,
        id_no: &'a str,
        name: &'a str,
        case_no: &'a str,
    ) -> BoxFuture<'a, anju_casework::Result<Fact>> {
        async move {
            let mut keys = SubjectKeys::of(id_no);
            keys.name = Some(name.to_owned());
            let request = FactRequest {
                fact_type: "hrss.employment".to_owned(),
                role: "applicant".to_owned(),
                shown: "职工".to_owned(),
                keys,
                purpose: Purpose {
                    item: "employee-account-transfer".to_owned(),
                    case_no: case_no.to_owned(),
                },
                // The duty to move an account to whoever employs its owner.
                consent: Consent {
                    id: "statutory:住房公积金管理条例第十五条".to_owned(),
                    hash: String::new(),
                },
                source: None,
            };
            one_answer(self.0.fetch(vec![request]).await)
        }
        .boxed()
    }
}

/// The state of a taxpayer (纳税人状态) in the tax bureau's own words.
fn taxpayer_state(code: &str) -> &str {
    match code {
        "open" => "正常",
        "suspended" => "停业",
        "cancelled" => "注销",
        "abnormal" => "非正常户",
        other => other,
    }
}

fn one_answer(facts: Result<Vec<Fact>, FactStoreError>) -> anju_casework::Result<Fact> {
    facts
        .map_err(|error| Fault::Outside(error.to_string()))?
        .into_iter()
        .next()
        .ok_or_else(|| Fault::Outside("no answer to one question".to_owned()).into())
}

/// The market regulator and the office for institutions behind the gateway.
pub struct GatewayRegistry(pub Arc<Gateway>);

impl Registry for GatewayRegistry {
    fn registration<'a>(
        &'a self,
        uscc: &'a str,
        case_no: &'a str,
    ) -> BoxFuture<'a, anju_casework::Result<Fact>> {
        async move {
            // One that is malformed is asked about by nobody.
            let parsed = Uscc::parse(uscc);
            let is_institution = parsed.as_ref().is_ok_and(Uscc::is_institution);
            let id = parsed.map_or_else(|_| uscc.to_owned(), |uscc| uscc.as_str().to_owned());
            let request = |fact_type: &str| FactRequest {
                fact_type: fact_type.to_owned(),
                role: "employer".to_owned(),
                shown: "单位".to_owned(),
                keys: SubjectKeys::of(id.clone()),
                purpose: Purpose {
                    item: "employer-open-account".to_owned(),
                    case_no: case_no.to_owned(),
                },
                consent: Consent {
                    id: "statutory:住房公积金管理条例第十四条".to_owned(),
                    hash: String::new(),
                },
                source: None,
            };
            if !is_institution {
                return one_answer(self.0.fetch(vec![request("market.registration")]).await);
            }
            let both = vec![request("market.registration"), request("org.institution")];
            let answers = self.0.fetch(both).await;
            let answers = answers.map_err(|error| Fault::Outside(error.to_string()))?;
            match answers.as_slice() {
                [market, institutions] => Ok(weightier(market, institutions).clone()),
                _ => Err(Fault::Outside("not an answer to each question".to_owned()).into()),
            }
        }
        .boxed()
    }
}

/// The national platform behind the gateway, asked about loans elsewhere.
pub struct GatewayLoans(pub Arc<Gateway>);

impl LoansElsewhere for GatewayLoans {
    fn loans<'a>(
        &'a self,
        id_no: &'a str,
        consent: i64,
        case_no: &'a str,
    ) -> BoxFuture<'a, anju_casework::Result<Fact>> {
        async move {
            let request = FactRequest {
                fact_type: "nhpf.loan_elsewhere".to_owned(),
                role: "applicant".to_owned(),
                shown: "本人".to_owned(),
                keys: SubjectKeys::of(id_no.to_owned()),
                purpose: Purpose {
                    item: "certificate-contribution-elsewhere".to_owned(),
                    case_no: case_no.to_owned(),
                },
                consent: Consent {
                    id: consent.to_string(),
                    hash: String::new(),
                },
                source: None,
            };
            let facts = self
                .0
                .fetch(vec![request])
                .await
                .map_err(|error| Fault::Outside(error.to_string()))?;
            facts
                .into_iter()
                .next()
                .ok_or_else(|| Fault::Outside("no answer to one question".to_owned()).into())
        }
        .boxed()
    }
}

/// The finance bureau behind the gateway, asked about a housing subsidy.
pub struct GatewayFinance(pub Arc<Gateway>);

impl Finance for GatewayFinance {
    fn subsidy<'a>(&'a self, id_no: &'a str) -> BoxFuture<'a, anju_casework::Result<Fact>> {
        async move {
            let request = FactRequest {
                fact_type: "finance.subsidy".to_owned(),
                role: "applicant".to_owned(),
                shown: "本人".to_owned(),
                keys: SubjectKeys::of(id_no.to_owned()),
                purpose: Purpose {
                    item: "query-housing-subsidy".to_owned(),
                    case_no: String::new(),
                },
                consent: Consent {
                    id: "statutory:住房公积金管理条例第三十六条".to_owned(),
                    hash: String::new(),
                },
                source: None,
            };
            one_answer(self.0.fetch(vec![request]).await)
        }
        .boxed()
    }
}

/// UnionPay and the issuing banks behind the gateway, asked about the cards of a list.
pub struct GatewayCards(pub Arc<Gateway>);

impl GatewayCards {
    fn question(
        case_no: &str,
        asked: &CardQuestion,
        fact_type: &str,
        source: Option<String>,
    ) -> FactRequest {
        let mut keys = SubjectKeys::of(asked.person.id_number.expose());
        keys.name = Some(asked.person.name.expose().to_owned());
        keys.card_no = Some(asked.card.expose().to_owned());
        keys.phone = asked
            .person
            .phone
            .as_ref()
            .map(|phone| phone.expose().to_owned());
        FactRequest {
            fact_type: fact_type.to_owned(),
            role: "applicant".to_owned(),
            shown: asked.person.name.masked(),
            keys,
            purpose: Purpose {
                item: "cobrand-card-link".to_owned(),
                case_no: case_no.to_owned(),
            },
            consent: Consent {
                id: "statutory:住房公积金管理条例第十三条".to_owned(),
                hash: String::new(),
            },
            source,
        }
    }

    async fn ask(&self, case_no: &str, asked: &[CardQuestion]) -> Option<Vec<CardAnswer>> {
        let of_unionpay = asked
            .iter()
            .map(|one| Self::question(case_no, one, "unionpay.card_auth", None))
            .collect();
        let auths = self.0.fetch(of_unionpay).await.ok()?;
        let mut answers: Vec<CardAnswer> = auths.iter().map(card_answer).collect();
        // The bank that issued a card is asked where it is one of those that answer.
        let banks = &self.0.catalogue().fact("bank.card_match")?.sources;
        let (mut places, mut of_banks) = (Vec::new(), Vec::new());
        for (place, answer) in answers.iter().enumerate() {
            if let CardAnswer::Own(Some(bank)) = answer
                && banks.contains(bank)
            {
                places.push(place);
                let source = Some(bank.clone());
                of_banks.push(Self::question(
                    case_no,
                    &asked[place],
                    "bank.card_match",
                    source,
                ));
            }
        }
        let matches = self.0.fetch(of_banks).await.ok()?;
        for (place, fact) in places.into_iter().zip(&matches) {
            match (fact.state, fact.value["match"].as_bool()) {
                (FactState::Known, Some(true)) => {}
                (FactState::Unknown, _) => answers[place] = CardAnswer::Silent,
                _ => answers[place] = CardAnswer::NotOwn,
            }
        }
        Some(answers)
    }
}

/// What UnionPay says of a card.
fn card_answer(fact: &Fact) -> CardAnswer {
    let text = |field: &str| fact.value.get(field).and_then(serde_json::Value::as_str);
    match fact.state {
        FactState::Unknown => CardAnswer::Silent,
        FactState::Known if fact.value["match"] == true && text("card_type") == Some("debit-1") => {
            CardAnswer::Own(text("bank").map(str::to_owned))
        }
        _ => CardAnswer::NotOwn,
    }
}

impl Cards for GatewayCards {
    fn verify<'a>(
        &'a self,
        case_no: &'a str,
        questions: &'a [CardQuestion],
    ) -> BoxFuture<'a, Vec<CardAnswer>> {
        async move {
            self.ask(case_no, questions)
                .await
                .unwrap_or_else(|| vec![CardAnswer::Silent; questions.len()])
        }
        .boxed()
    }
}
