//! 定向授信 at the banks: extracts that the product hands over, what each bank decides, and what it tells of it. The banks' own rule is simple:
//! ten months' contributions of an employer, six times the lower end of a person's band; people and tests set another.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use anju_wire::credit::{MAX_MESSAGE_BYTES, Referral, Report, Says, Subject, Word};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::door::known_bank;
use super::line::{SIGNATURE, check_signature};
use super::order::LOST_AFTER_MS;
use super::register::Mode;
use super::{BankCode, fit};
use crate::World;
use crate::control::{Body, Problem};
use crate::store::Room;

/// How often the banks look when nobody wakes them.
const LOOK: Duration = Duration::from_millis(200);
/// How long the product may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Months' contributions of an employer that a bank lends.
const EMPLOYER_MONTHS: i64 = 10;
/// How many times the lower end of a person's band.
const PERSON_TIMES: i64 = 6;

/// How a bank decides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// Says nothing until somebody makes it.
    #[serde(default)]
    pub silent: bool,
    /// The limit in place of the bank's own rule, fen.
    #[serde(default)]
    pub amount_fen: Option<i64>,
    /// Refuses, for this reason.
    #[serde(default)]
    pub refuses: Option<String>,
}

/// What a bank knows of a referral.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Application {
    /// Whose.
    pub subject: Subject,
    /// Extracts, by number.
    pub extracts: BTreeMap<i16, Value>,
    /// What was agreed to.
    pub consent: String,
    /// The consent has ended.
    pub withdrawn: bool,
}

/// What happens.
#[derive(Debug, Serialize, Deserialize)]
pub enum Event {
    /// Somebody set how a bank decides.
    Judges(BankCode, Judgement),
    /// The product said something.
    Took(BankCode, Referral),
    /// The bank has something to say; its number is given here.
    Says(BankCode, String, Word),
    /// The product has taken the first of what the bank had to say.
    Told(BankCode),
}

/// The banks' credit desks.
#[derive(Default)]
pub struct Credits {
    judgements: HashMap<BankCode, Judgement>,
    applications: BTreeMap<(BankCode, String), Application>,
    to_tell: HashMap<BankCode, VecDeque<Report>>,
    said: u64,
}

impl Room for Credits {
    type Event = Event;
    const JOURNAL: &'static str = "credit.jsonl";

    fn apply(&mut self, event: Event) {
        match event {
            Event::Judges(bank, judgement) => drop(self.judgements.insert(bank, judgement)),
            Event::Took(bank, referral) => self.take(bank, referral),
            Event::Says(bank, referral_no, says) => {
                self.said += 1;
                let message_id = format!("{bank}C{}", self.said);
                self.to_tell.entry(bank).or_default().push_back(Report {
                    message_id,
                    referral_no,
                    says,
                });
            }
            Event::Told(bank) => {
                self.to_tell.entry(bank).or_default().pop_front();
            }
        }
    }
}

impl Credits {
    fn take(&mut self, bank: BankCode, referral: Referral) {
        let key = (bank, referral.referral_no);
        match referral.says {
            Says::Extract(extract) => {
                let one = self.applications.entry(key).or_insert(Application {
                    subject: extract.subject,
                    extracts: BTreeMap::new(),
                    consent: extract.consent.text,
                    withdrawn: false,
                });
                one.extracts.insert(extract.number, extract.figures);
            }
            Says::Withdrawn => {
                if let Some(one) = self.applications.get_mut(&key) {
                    one.withdrawn = true;
                }
            }
        }
    }

    fn judgement(&self, bank: BankCode) -> Judgement {
        self.judgements.get(&bank).cloned().unwrap_or_default()
    }

    fn knows(&self, bank: BankCode, referral_no: &str) -> bool {
        self.applications
            .contains_key(&(bank, referral_no.to_owned()))
    }

    /// What the bank decides by a first extract; nothing while it is silent.
    fn decide(&self, bank: BankCode, subject: &Subject, figures: &Value) -> Option<Word> {
        let judgement = self.judgement(bank);
        if judgement.silent {
            return None;
        }
        if let Some(reason) = judgement.refuses {
            return Some(Word::Refused { reason });
        }
        let own_rule = match subject {
            Subject::Employer { .. } => figures["amounts"]["monthly_fen"]
                .as_i64()
                .map(|fen| fen * EMPLOYER_MONTHS),
            Subject::Person { .. } => figures["base_band"]["from_fen"]
                .as_i64()
                .map(|fen| fen * PERSON_TIMES),
        };
        Some(
            match judgement.amount_fen.or(own_rule).filter(|fen| *fen > 0) {
                Some(amount_fen) => Word::Granted { amount_fen },
                None => Word::Refused {
                    reason: "缴存记录不足".to_owned(),
                },
            },
        )
    }
}

/// Routes for the product and for people and tests.
pub fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/bank/{bank}/credit", post(take))
        .layer(DefaultBodyLimit::max(MAX_MESSAGE_BYTES))
        .route("/control/banks/{bank}/credit", get(list).put(set))
        .route("/control/banks/{bank}/credit/{no}", post(say))
}

/// Takes what the product says, once by number, and decides by a first extract.
async fn take(
    State(world): State<Arc<World>>,
    Path(bank): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let bank = known_bank(&bank)?;
    check_signature(&world, bank, &headers, &body)?;
    let referral =
        Referral::parse(&body).map_err(|fault| Problem::bad_request(fault.to_string()))?;
    let number = referral.referral_no.clone();
    world
        .credits
        .change(|desk| {
            let first = !desk.knows(bank, &referral.referral_no);
            let word = match &referral.says {
                Says::Extract(extract) if first => {
                    desk.decide(bank, &extract.subject, &extract.figures)
                }
                _ => None,
            };
            let no = referral.referral_no.clone();
            desk.record(Event::Took(bank, referral));
            if let Some(word) = word {
                desk.record(Event::Says(bank, no, word));
            }
        })
        .await?;
    world.credits_changed.notify_waiters();
    let mode = world.banks.read(|books| books.behaviour(bank).mode).await?;
    if matches!(mode, Mode::Timeout | Mode::Unknown) {
        tokio::time::sleep(Duration::from_millis(LOST_AFTER_MS.unsigned_abs())).await;
        return Ok(StatusCode::GATEWAY_TIMEOUT.into_response());
    }
    let text = json!({ "taken": number }).to_string();
    let signature = world.bank_key(bank).sign_hex(text.as_bytes());
    let kind = [(header::CONTENT_TYPE, "application/json")];
    Ok((kind, [(SIGNATURE, signature)], text).into_response())
}

async fn list(
    State(world): State<Arc<World>>,
    Path(bank): Path<String>,
) -> Result<Json<Value>, Problem> {
    let bank = known_bank(&bank)?;
    let answer = world
        .credits
        .read(|desk| {
            let of_bank = |((of, _), _): &(&(BankCode, String), &Application)| *of == bank;
            let applications: Vec<Value> = desk
                .applications
                .iter()
                .filter(of_bank)
                .map(|((_, number), one)| json!({ "referral_no": number, "application": one }))
                .collect();
            json!({ "judgement": desk.judgement(bank), "applications": applications })
        })
        .await?;
    Ok(Json(answer))
}

async fn set(
    State(world): State<Arc<World>>,
    Path(bank): Path<String>,
    Body(judgement): Body<Judgement>,
) -> Result<Json<Judgement>, Problem> {
    let bank = known_bank(&bank)?;
    let reason = judgement.refuses.as_deref();
    if reason.is_some_and(|reason| fit(reason, 200).as_deref() != Some(reason)) {
        return Err(Problem::unprocessable("refuses 应为 1 到 200 个字符的原因"));
    }
    let kept = judgement.clone();
    world
        .credits
        .change(|desk| desk.record(Event::Judges(bank, kept)))
        .await?;
    Ok(Json(judgement))
}

/// What a bank is made to say of a referral.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Made {
    /// The limit, fen.
    Granted(i64),
    /// Why not.
    Refused(String),
    /// Drawn in all, fen.
    Used(i64),
    /// A newer extract, please.
    Again {},
}

async fn say(
    State(world): State<Arc<World>>,
    Path((bank, number)): Path<(String, String)>,
    Body(made): Body<Made>,
) -> Result<StatusCode, Problem> {
    let bank = known_bank(&bank)?;
    let word = match made {
        Made::Granted(amount_fen) => Word::Granted { amount_fen },
        Made::Refused(reason) => Word::Refused { reason },
        Made::Used(amount_fen) => Word::Used { amount_fen },
        Made::Again {} => Word::Again,
    };
    let known = world
        .credits
        .change(|desk| {
            let known = desk.knows(bank, &number);
            if known {
                desk.record(Event::Says(bank, number.clone(), word));
            }
            known
        })
        .await?;
    if !known {
        return Err(Problem::not_found(format!(
            "{bank} 没有收到过推荐 {number}"
        )));
    }
    world.credits_changed.notify_waiters();
    Ok(StatusCode::ACCEPTED)
}

/// Tells the product what the banks have to say, in order, until the future is dropped.
pub async fn run(world: Arc<World>) {
    let tellers = BankCode::all().map(|bank| tell_all(Arc::clone(&world), bank));
    futures::future::join_all(tellers).await;
}

async fn tell_all(world: Arc<World>, bank: BankCode) {
    loop {
        let woken = world.credits_changed.notified();
        let next = world
            .credits
            .read(|desk| {
                desk.to_tell
                    .get(&bank)
                    .and_then(|queue| queue.front().cloned())
            })
            .await;
        let (Some(centre), Ok(Some(report))) = (world.centre_of_bank(bank), next) else {
            drop(tokio::time::timeout(LOOK, woken).await);
            continue;
        };
        let body = report.to_json();
        let sent = world
            .to_product
            .post(format!(
                "http://{}/inbox/bank/{bank}/credit",
                centre.address
            ))
            .timeout(ANSWER_WITHIN)
            .header(SIGNATURE, centre.bank_key.sign_hex(&body))
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await;
        match sent {
            // What the product refuses for good is not said for ever.
            Ok(answer)
                if answer.status().is_success()
                    || answer.status() == StatusCode::UNPROCESSABLE_ENTITY
                    || answer.status() == StatusCode::NOT_FOUND => {}
            _ => {
                tokio::time::sleep(AGAIN_AFTER).await;
                continue;
            }
        }
        if let Err(error) = world
            .credits
            .change(|desk| desk.record(Event::Told(bank)))
            .await
        {
            tracing::error!(%bank, %error, "the credit desks' journal");
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }
}
