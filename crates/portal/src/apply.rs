//! 办一件事: what a person asks for, on any channel: the form out of what is known and what was typed, the sheet to check, the
//! submission. `/my` adds the face step, the counter the person at the window.

use std::collections::BTreeMap;

use anju_casework::case::Submission;
use anju_casework::catalogue::Request;
use anju_casework::{Actor, Office, Refusal, person};
use anju_domain::money::Fen;
use anju_policy::{Decision, Form as Inputs, InputType, Outcome, ServiceDefinition};
use chrono::{DateTime, FixedOffset, TimeZone, Utc};
use uuid::Uuid;

use crate::components::{
    Button, ButtonLook, ErrorSummary, Field, FieldKind, Flash, Mistake, Summary, SummaryRow, Text,
    Tone,
};
use crate::my::{account_of, membership_of};
use crate::pages::error::PageError;
use crate::serve::Portal;
use crate::service::{AmountHead, CheckSheet, explain};

/// The field of the button that has a changed form looked at again and sends nothing.
pub(crate) const RECHECK: &str = "recheck";

/// What was typed, by field.
pub(crate) type Typed = BTreeMap<String, String>;

/// Who asks, and from where.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) portal: &'a Portal,
    /// The applicant.
    pub(crate) person_id: i64,
    /// The channel code of services.md §3.
    pub(crate) channel: &'static str,
    /// `/my/do` or `/desk/do`.
    pub(crate) path: &'static str,
    /// The token of the page's forms.
    pub(crate) csrf: &'a str,
    /// Who stands behind the act: the person, or a teller.
    pub(crate) actor: Actor,
    /// The teller at the counter.
    pub(crate) served_by: Option<i64>,
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
            .filter(|one| one.effect == "pay_out" && one.login_on(self.channel).is_some())
            .cloned()
            .ok_or(PageError::NotFound)
    }

    /// Every payment that this channel offers, each decided from what is at hand.
    pub(crate) async fn at_hand(&self) -> Result<Vec<(ServiceDefinition, Decision)>, PageError> {
        let policy = self.office().policy();
        let offered: Vec<ServiceDefinition> = policy
            .set
            .services()
            .filter(|service| {
                service.effect == "pay_out" && service.login_on(self.channel).is_some()
            })
            .cloned()
            .collect();
        let mut seen = Vec::with_capacity(offered.len());
        for service in offered {
            let (form, _) = self.form_of(&service, &Typed::new()).await?;
            let (_, decision) = self
                .portal
                .engine
                .at_hand(&self.request(&service, form))
                .await?;
            seen.push((service, decision));
        }
        Ok(seen)
    }

    pub(crate) fn request(&self, service: &ServiceDefinition, form: Inputs) -> Request {
        Request {
            service: service.id.clone(),
            case_id: None,
            applicant_id: self.person_id,
            form,
            channel: self.channel.to_owned(),
            face_passed: true,
        }
    }

    /// What is sent once everything is checked.
    pub(crate) async fn submission(
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
        let membership = membership_of(office, self.person_id).await?;
        Ok(Submission {
            case_id: office.ids.next().await?,
            digest: anju_ledger::command::digest(&action_of(service, &form)),
            request: self.request(service, form),
            actor: self.actor,
            served_by: self.served_by,
            key,
            branch_id: membership.map_or(office.centre.head_branch, |one| one.branch_id),
            tapped_at: now,
            promised_at: promised(office, service, now),
        })
    }

    /// The form as the service reads it, out of what is known and what was typed; and what cannot be read.
    pub(crate) async fn form_of(
        &self,
        service: &ServiceDefinition,
        typed: &Typed,
    ) -> Result<(Inputs, Vec<Mistake>), PageError> {
        let mut form = Inputs::new();
        let mut mistakes = Vec::new();
        for input in &service.inputs {
            let words = typed.get(&input.name).map_or("", |words| words.trim());
            if words.is_empty() {
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
        let wants_card = service
            .inputs
            .iter()
            .any(|input| input.input_type == InputType::Card && !form.contains_key(&input.name));
        if wants_card
            && let Some(card) = person::get(self.office(), self.person_id)
                .await?
                .and_then(|person| person.card)
        {
            for input in &service.inputs {
                if input.input_type == InputType::Card && !form.contains_key(&input.name) {
                    form.insert(input.name.clone(), card.expose().into());
                }
            }
        }
        Ok((form, mistakes))
    }

    /// The sheet to check: everything that is known, asked of the sources where it is not at hand.
    pub(crate) async fn sheet(
        &self,
        service: &ServiceDefinition,
        typed: &Typed,
        mistakes: Vec<Mistake>,
        flash: Option<Flash>,
    ) -> Result<CheckSheet, PageError> {
        let office = self.office();
        let (mut form, _) = self.form_of(service, typed).await?;
        // What is mistyped is not decided on, nor asked of any source.
        for mistake in &mistakes {
            form.remove(&mistake.field);
        }
        let card_known = form
            .get("card_no")
            .and_then(|card| card.as_str())
            .map(str::to_owned);
        let (_, decision) = self
            .portal
            .engine
            .precheck(&self.request(service, form))
            .await?;
        let person = person::get(office, self.person_id)
            .await?
            .ok_or(PageError::LogIn)?;
        let membership = membership_of(office, self.person_id).await?;
        let balance = match &membership {
            Some(one) => account_of(office, one)
                .await?
                .map(|account| account.balance),
            None => None,
        };
        let amount = decision
            .amount_fen
            .filter(|fen| *fen > 0 && decision.outcome != Outcome::Refused)
            .map(Fen::new);

        let mut rows = Vec::new();
        if let (Some(card), true) = (
            &person.card,
            typed
                .get("card_no")
                .is_none_or(|card| card.trim().is_empty()),
        ) {
            rows.push(
                SummaryRow::new(
                    "收款卡",
                    Text::new()
                        .say(person.card_bank.as_deref().unwrap_or("登记的卡"))
                        .say(" ")
                        .tail(card.tail4()),
                )
                .source("您登记的卡，在下面可以换一张"),
            );
        }
        let policy = office.policy();
        rows.extend(explain::summary(&decision, office.now(), |fact_type| {
            policy
                .set
                .fact_type(fact_type)
                .map(|known| known.label.clone())
        }));

        let field = |input: &anju_policy::Input| {
            let kind = match input.input_type {
                InputType::Card | InputType::Int | InputType::Bp => FieldKind::Digits,
                InputType::Fen => FieldKind::Money,
                InputType::Month => FieldKind::Month,
                InputType::Phone => FieldKind::Phone,
                InputType::Id18 | InputType::Uscc18 => FieldKind::IdNumber,
                _ => FieldKind::Text,
            };
            let mut options: Vec<(String, String)> = input
                .options
                .iter()
                .map(|choice| (choice.value.clone(), choice.label.clone()))
                .collect();
            let counts_as_yes = input.default == Some(true.into());
            if input.input_type == InputType::Bool {
                // Where silence counts as yes, a no is said.
                let no = if counts_as_yes { "0" } else { "" };
                options = vec![(no.to_owned(), "否".into()), ("1".into(), "是".into())];
            } else if !options.is_empty() && !input.required {
                options.insert(0, (String::new(), "不填".into()));
            }
            let field = if options.is_empty() {
                Field::new(input.name.clone(), input.label.clone(), kind)
            } else {
                Field::select(input.name.clone(), input.label.clone(), options)
            };
            let error = mistakes
                .iter()
                .find(|mistake| mistake.field == input.name)
                .map(|mistake| mistake.words.clone());
            let field = field
                .value(match typed.get(&input.name) {
                    Some(words) => words.as_str(),
                    None if counts_as_yes => "1",
                    None => "",
                })
                .error(error);
            if input.hint.is_empty() {
                field
            } else {
                field.hint(input.hint.as_str())
            }
        };
        let known = |input: &anju_policy::Input| {
            input.input_type == InputType::Card && person.card.is_some()
        };
        let (asked, more): (Vec<&anju_policy::Input>, Vec<&anju_policy::Input>) = service
            .inputs
            .iter()
            .partition(|input| input.required && !known(input));

        let refused = decision.outcome == Outcome::Refused;
        let flash = flash.or_else(|| match decision.outcome {
            Outcome::Refused => Some(
                Flash::new(Tone::Fail, explain::verdict(&decision, "可提取").why)
                    .next("怎样就会通过", format!("{}/{}/why", self.path, service.id)),
            ),
            Outcome::Waiting => Some(Flash::new(
                Tone::Unknown,
                explain::verdict(&decision, "可提取")
                    .why
                    .say("可以先提交，有结果马上告诉您。"),
            )),
            _ => None,
        });
        let verb = |amount: Option<Fen>| match amount {
            Some(amount) => Text::new().say("提取 ").money(amount),
            None => Text::new().say("提交").say(&service.name_zh),
        };
        let label = match (&card_known, amount) {
            (Some(card), amount) => {
                let tail: String = card
                    .chars()
                    .skip(card.chars().count().saturating_sub(4))
                    .collect();
                verb(amount).say(" 到").tail(tail)
            }
            (None, amount) => verb(amount),
        };
        let key = typed
            .get("key")
            .cloned()
            .unwrap_or_else(|| Uuid::now_v7().to_string());
        let sources = explain::sources(&decision);
        Ok(CheckSheet {
            step: format!("{} · 第 1 步，共 1 步", service.name_zh),
            question: if refused {
                "现在还不能提取".into()
            } else {
                "请核对，无误就提取".into()
            },
            errors: ErrorSummary::of(mistakes.clone()),
            flash,
            amount: amount.map(|amount| AmountHead {
                label: "提取金额".into(),
                amount,
                note: match balance {
                    Some(balance) => Text::new().say("到账后余额 ").money(balance - amount),
                    None => Text::new(),
                },
            }),
            summary: Summary::new(rows),
            fields: asked.into_iter().map(field).collect(),
            more: more.into_iter().map(field).collect(),
            consent: if sources.is_empty() {
                Text::new()
            } else {
                Text::new().say(format!(
                    "提取即同意我们再向 {} 个部门核对一次：{}。只为这笔{}，结果保存在您的办件里。",
                    sources.len(),
                    sources.join("、"),
                    service.name_zh
                ))
            },
            action: format!("{}/{}", self.path, service.id),
            hidden: vec![("csrf", self.csrf.to_owned()), ("key", key)],
            button: if refused {
                Button::send("按改动重新核对", ButtonLook::Plain)
                    .value(RECHECK, "1")
                    .wide()
            } else {
                Button::submit(label).wide()
            },
            after: if refused {
                "改正以后随时可以再来。".into()
            } else {
                Text::new()
                    .say(&service.promise.promised)
                    .say("。付款前可以随时撤回；付款后不能撤回。")
            },
        })
    }
}

/// What the face step is bound to: this service with exactly this form.
pub(crate) fn action_of(service: &ServiceDefinition, form: &Inputs) -> [u8; 32] {
    let mut bytes = service.id.clone().into_bytes();
    for (field, value) in form.iter().collect::<BTreeMap<_, _>>() {
        bytes.extend_from_slice(format!("\n{field}={value}").as_bytes());
    }
    anju_vault::sm3(&bytes)
}

/// The end of the day on which the promise ends.
pub(crate) fn promised(
    office: &Office,
    service: &ServiceDefinition,
    now: DateTime<Utc>,
) -> DateTime<Utc> {
    let day = office
        .holidays()
        .add_working_days(office.today(), service.promise.working_days);
    let evening = day.and_hms_opt(18, 0, 0).expect("18:00 is a time");
    FixedOffset::east_opt(8 * 3600)
        .expect("eight hours are a valid offset")
        .from_local_datetime(&evening)
        .single()
        .map_or(now, |at| at.with_timezone(&Utc))
}

pub(crate) fn mistakes_of(refusal: &Refusal) -> Vec<Mistake> {
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

pub(crate) fn flash_of(refusal: &Refusal, cases: &str) -> Option<Flash> {
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

pub(crate) fn formula_title(decision: &Decision) -> &'static str {
    if decision.outcome == Outcome::Approved {
        "金额怎么算的"
    } else {
        "如果符合，能提多少"
    }
}
