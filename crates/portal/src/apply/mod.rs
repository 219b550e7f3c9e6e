//! 办一件事: what a person asks for, on any channel: the form out of what is known and what was typed, the submission, and in
//! `sheet.rs` the sheet to check. `/my` adds the face step, the counter the person at the window.

mod keep;
mod sheet;

use std::collections::BTreeMap;
use std::time::Duration;

use anju_casework::case::{self, Submission, Submitted};
use anju_casework::catalogue::Request;
use anju_casework::person::Person;
use anju_casework::{Actor, Error, Office, Refusal};
use anju_domain::money::Fen;
use anju_engine::gather::Gathered;
use anju_policy::{
    ConditionOutcome, Decision, Form as Inputs, Input, InputType, Outcome, ServiceDefinition,
};
use uuid::Uuid;

use crate::components::{Flash, Mistake, Tone};
use crate::pages::error::PageError;
use crate::serve::Portal;

pub(crate) use keep::{At, Next};

/// The field of the button that has a changed form looked at again and sends nothing.
pub(crate) const RECHECK: &str = "recheck";

/// The field of a one-time code that proves who holds a phone. It is no part of what is wished for.
pub(crate) const CODE: &str = "code";

/// How long a submission waits for an end before the page of its case takes over.
const PATIENCE: Duration = Duration::from_secs(3);

/// What was typed, by field.
pub(crate) type Typed = BTreeMap<String, String>;

/// Who asks, and from where.
pub(crate) struct Asking<'a> {
    pub(crate) portal: &'a Portal,
    /// The applicant.
    pub(crate) person: Person,
    /// The branch that keeps the applicant's account.
    pub(crate) branch_id: Option<i16>,
    /// The channel code of services.md §3.
    pub(crate) channel: &'static str,
    /// `/my/do` or `/desk/do`.
    pub(crate) path: &'static str,
    /// `/my/cases` or `/desk/cases`: where its cases are read.
    pub(crate) cases: &'static str,
    /// The token of the page's forms.
    pub(crate) csrf: &'a str,
    /// Who stands behind the act: the person, or a teller.
    pub(crate) actor: Actor,
    /// The teller at the counter.
    pub(crate) served_by: Option<i64>,
}

/// A service with what the rules say of it.
pub(crate) struct Seen {
    pub(crate) service: ServiceDefinition,
    pub(crate) decision: Decision,
}

impl Seen {
    /// How much may be had now.
    pub(crate) fn amount(&self) -> Option<Fen> {
        (self.decision.outcome == Outcome::Approved)
            .then_some(self.decision.amount_fen)
            .flatten()
            .filter(|fen| *fen > 0)
            .map(Fen::new)
    }

    /// Nothing speaks against it, but not all is known.
    pub(crate) fn is_open(&self) -> bool {
        self.amount().is_none() && self.count(ConditionOutcome::NotMet) == 0
    }

    /// It may well be granted: open, and no end of the account. Nobody retires or leaves for good because nothing speaks against it.
    pub(crate) fn is_likely(&self) -> bool {
        self.is_open() && !self.service.closing
    }

    /// What has to be filled in beside the card before anybody can be asked.
    pub(crate) fn questions(&self) -> usize {
        let asked = |input: &&Input| {
            (input.required || input.asked)
                && input.prefill.is_none()
                && input.input_type != InputType::Card
        };
        self.service.inputs.iter().filter(asked).count()
    }

    /// The order in which what may be done is told: money that is there, then what may be asked for, what closes an account behind the rest, the
    /// least trouble first.
    pub(crate) fn rank(&self) -> (u8, bool, usize) {
        let how = match (self.amount(), self.is_open()) {
            (Some(_), _) => 0,
            (None, true) => 1,
            (None, false) => 2,
        };
        (how, self.service.closing, self.questions())
    }

    /// How many conditions are found so.
    pub(crate) fn count(&self, outcome: ConditionOutcome) -> usize {
        self.decision
            .conditions
            .iter()
            .filter(|condition| condition.outcome == outcome)
            .count()
    }
}

/// Whether a service pays its applicant.
pub(crate) fn pays(service: &ServiceDefinition) -> bool {
    service.effect == "pay_out"
}

/// What became of a submission.
pub(crate) enum Sent {
    /// There is a case; its page.
    Taken(String),
    /// There is none; the sheet says why.
    Refused {
        mistakes: Vec<Mistake>,
        flash: Option<Flash>,
    },
}

impl Asking<'_> {
    fn office(&self) -> &Office {
        &self.portal.engine.office
    }

    /// The service, where it is offered on this channel.
    pub(crate) fn definition(&self, service: &str) -> Result<ServiceDefinition, PageError> {
        self.office()
            .policy()
            .set
            .service(service)
            .filter(|one| {
                (pays(one) || matches!(one.group.as_str(), "personal" | "withdraw"))
                    && one.login_on(self.channel).is_some()
            })
            .cloned()
            .ok_or(PageError::NotFound)
    }

    /// Every payment that this channel offers, each decided from what is at hand, the nearest first.
    pub(crate) async fn at_hand(&self) -> Result<Vec<Seen>, PageError> {
        let engine = &self.portal.engine;
        let found = engine.entitlements(&self.person, self.channel).await?;
        Ok(found
            .into_iter()
            .map(|one| Seen {
                service: one.service,
                decision: one.decision,
            })
            .collect())
    }

    fn request(&self, service: &ServiceDefinition, form: Inputs) -> Request {
        Request {
            service: service.id.clone(),
            case_id: None,
            applicant_id: self.person.person_id,
            form,
            channel: self.channel.to_owned(),
            face_passed: true,
        }
    }

    /// What the rules say, every source asked whose answer is not at hand.
    pub(crate) async fn precheck(
        &self,
        service: &ServiceDefinition,
        form: Inputs,
    ) -> Result<Decision, PageError> {
        let request = self.request(service, form);
        let (_, decision) = self.portal.engine.precheck(&request).await?;
        Ok(decision)
    }

    /// The promise that something rests on (RENT-03 where no lease is filed), which the person has to give himself: at a door silence may
    /// count as yes, on a page it is said with a tick that nobody sets for him.
    pub(crate) fn promise_of<'s>(
        &self,
        service: &'s ServiceDefinition,
        form: &Inputs,
        gathered: &Gathered,
    ) -> Result<Option<&'s Input>, PageError> {
        let Some(promise) = service.inputs.iter().find(|input| is_promise(input)) else {
            return Ok(None);
        };
        let told = |given: bool| {
            let mut form = form.clone();
            form.insert(promise.name.clone(), given.into());
            self.portal
                .engine
                .decide_again(gathered, &self.request(service, form))
        };
        let (without, with) = (told(false)?, told(true)?);
        let rests = with.conditions.iter().any(|one| {
            one.outcome == ConditionOutcome::Met
                && without
                    .conditions
                    .iter()
                    .any(|other| other.code == one.code && other.outcome != one.outcome)
        });
        Ok(rests.then_some(promise))
    }

    /// What is wrong where a promise that something rests on was not given.
    pub(crate) async fn unpromised(
        &self,
        service: &ServiceDefinition,
        form: &Inputs,
    ) -> Result<Option<Mistake>, PageError> {
        let open = |input: &Input| is_promise(input) && !form.contains_key(&input.name);
        if !service.inputs.iter().any(open) || !service.check_form(form).is_empty() {
            return Ok(None);
        }
        let request = self.request(service, form.clone());
        let (gathered, decision) = self.portal.engine.precheck(&request).await?;
        if decision.outcome == Outcome::Refused {
            return Ok(None);
        }
        let promise = self.promise_of(service, form, &gathered)?;
        Ok(promise.map(|promise| {
            let words = "没有查到备案合同，请看清承诺，同意就打勾；不同意的，先办理租赁备案。";
            Mistake::at(&promise.name, words)
        }))
    }

    /// Submits what was checked, and waits a little for its end.
    pub(crate) async fn send(
        &self,
        service: &ServiceDefinition,
        typed: &Typed,
        form: Inputs,
    ) -> Result<Sent, PageError> {
        let engine = &self.portal.engine;
        let submission = self.submission(service, typed, form).await?;
        let _watch = engine.office.watch(submission.case_id);
        match engine.submit(submission).await {
            Ok(Submitted::New(case_id) | Submitted::Before(case_id)) => {
                engine.until_ended(case_id, PATIENCE).await?;
                let number = case::number(&engine.office, case_id);
                Ok(Sent::Taken(format!("{}/{number}", self.cases)))
            }
            Err(Error::Refused(refusal)) => Ok(Sent::Refused {
                mistakes: mistakes_of(&refusal),
                flash: flash_of(&refusal, self.cases),
            }),
            Err(error) => Err(error.into()),
        }
    }

    /// Submits what is done at once and leaves a paper; the refusal, where there is one.
    pub(crate) async fn issue(
        &self,
        service: &ServiceDefinition,
        typed: &Typed,
        form: Inputs,
    ) -> Result<Option<Refusal>, PageError> {
        let submission = self.submission(service, typed, form).await?;
        match self.portal.engine.submit(submission).await {
            Ok(_) => Ok(None),
            Err(Error::Refused(refusal)) => Ok(Some(*refusal)),
            Err(error) => Err(error.into()),
        }
    }

    async fn submission(
        &self,
        service: &ServiceDefinition,
        typed: &Typed,
        form: Inputs,
    ) -> Result<Submission, PageError> {
        let office = self.office();
        let now = office.now();
        let key = typed
            .get("key")
            .and_then(|key| Uuid::parse_str(key).ok())
            .ok_or(PageError::Stale)?;
        Ok(Submission {
            case_id: office.ids.next().await?,
            digest: anju_ledger::command::digest(&action_of(service, &form)),
            request: self.request(service, form),
            actor: self.actor,
            served_by: self.served_by,
            key,
            branch_id: self.branch_id.unwrap_or(office.centre.head_branch),
            tapped_at: now,
            promised_at: self.portal.engine.promise(&service.id, now)?,
        })
    }

    /// The form as the service reads it, out of what is known and what was typed; and what cannot be read.
    pub(crate) fn form_of(
        &self,
        service: &ServiceDefinition,
        typed: &Typed,
    ) -> (Inputs, Vec<Mistake>) {
        let mut form = Inputs::new();
        let mut mistakes = Vec::new();
        for input in &service.inputs {
            let words = typed.get(&input.name).map_or("", |words| words.trim());
            if words.is_empty() {
                // The registered card is the applicant's own; whoever else is named has one of his own.
                if let (InputType::Card, Some(card)) = (input.input_type, &self.person.card)
                    && !input.name.starts_with("heir_")
                {
                    form.insert(input.name.clone(), card.expose().into());
                }
                continue;
            }
            let value = match input.input_type {
                InputType::Fen => match Fen::parse_yuan(words) {
                    Ok(amount) => amount.fen().into(),
                    Err(error) => {
                        mistakes.push(Mistake::at(&input.name, error.to_string()));
                        continue;
                    }
                },
                InputType::Bool => (words == "1").into(),
                InputType::Int | InputType::Bp => match words.parse::<i64>() {
                    Ok(number) => number.into(),
                    Err(_) => {
                        mistakes.push(Mistake::at(
                            &input.name,
                            format!("“{words}”不是整数，请改成数字。"),
                        ));
                        continue;
                    }
                },
                _ => words.into(),
            };
            form.insert(input.name.clone(), value);
        }
        (form, mistakes)
    }
}

/// What is wrong with a form that could be read, told before anybody is asked for anything: what it lacks, and where of several questions none
/// is answered that need one answer.
pub(crate) fn faults_of(service: &ServiceDefinition, form: &Inputs) -> Vec<Mistake> {
    let faults = service.check_form(&anju_business::withdrawal::payout::clean_form(form));
    let faults = faults
        .into_iter()
        .map(|fault| Mistake::at(fault.field, fault.message));
    let unanswered = unanswered(service, |input| !form.contains_key(&input.name));
    let open = unanswered.first().map(|first| {
        let labels: Vec<&str> = unanswered
            .iter()
            .map(|input| input.label.as_str())
            .collect();
        Mistake::at(
            &first.name,
            format!("请填写{}，至少一项。", labels.join("或")),
        )
    });
    faults.chain(open).collect()
}

/// The questions of which one wants an answer, while all of them are open.
fn unanswered(service: &ServiceDefinition, is_open: impl Fn(&Input) -> bool) -> Vec<&Input> {
    let asked: Vec<&Input> = service.inputs.iter().filter(|input| input.asked).collect();
    match asked.iter().all(|input| is_open(input)) {
        true => asked,
        false => Vec::new(),
    }
}

/// Whether an input is a promise: yes where nothing is said.
pub(crate) fn is_promise(input: &Input) -> bool {
    input.input_type == InputType::Bool && input.default == Some(true.into())
}

/// What the face step is bound to: this service with exactly this form.
pub(crate) fn action_of(service: &ServiceDefinition, form: &Inputs) -> [u8; 32] {
    let mut bytes = service.id.clone().into_bytes();
    for (field, value) in form.iter().collect::<BTreeMap<_, _>>() {
        if field == CODE {
            continue;
        }
        bytes.extend_from_slice(format!("\n{field}={value}").as_bytes());
    }
    anju_vault::sm3(&bytes)
}

fn mistakes_of(refusal: &Refusal) -> Vec<Mistake> {
    refusal
        .errors
        .iter()
        .map(|fault| {
            Mistake::at(
                fault.column.clone().unwrap_or_default(),
                fault.message.clone(),
            )
        })
        .collect()
}

fn flash_of(refusal: &Refusal, cases: &str) -> Option<Flash> {
    if !refusal.errors.is_empty() {
        return None;
    }
    let flash = Flash::new(Tone::Wait, refusal.detail.as_str());
    Some(
        match refusal.extra.get("case_id").and_then(|no| no.as_str()) {
            Some(number) => flash.next("看这个办件", format!("{cases}/{number}")),
            None => flash,
        },
    )
}
