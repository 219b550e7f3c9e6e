//! 本人的信息: what a person keeps of himself: phone, card, data. One form, then the steps that the catalogue wants for the channel: a
//! code on the new phone, a code on the registered one (L3s), the face (L3f); none of them at the counter but the first.
//!
//! Invariant: a step is bound to exactly what is on the form; another form wants another.

use anju_business::personal::phone;
use anju_business::withdrawal::payout::clean_form;
use anju_casework::session::{self, Session};
use anju_casework::{Error, person_data};
use anju_policy::{Form as Inputs, InputType, ServiceDefinition};
use uuid::Uuid;

use super::sheet::field_of;
use super::{Asking, CODE, Sent, Typed, action_of, mistakes_of};
use crate::components::{
    Button, ErrorSummary, Field, FieldKind, Flash, Mistake, Summary, SummaryRow, Text, Tone,
};
use crate::pages::error::PageError;
use crate::service::CheckSheet;

/// The effects of services by which a person keeps his own data.
const EFFECTS: [&str; 4] = [
    "change_phone",
    "change_card",
    "link_card",
    "maintain_person",
];

/// The field of the code that the registered phone received.
const STEP_CODE: &str = "step_code";

/// Which page of the way is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// What is to become of it.
    Form,
    /// With the code of the new phone.
    NewPhone,
    /// With the code of the registered phone.
    Registered,
}

/// What comes after a form was sent.
pub(crate) enum Next {
    /// A page.
    Draw {
        at: At,
        mistakes: Vec<Mistake>,
        flash: Option<Flash>,
    },
    /// The picture, for this form.
    Face,
    /// The page of the case.
    Sent(String),
}

fn draw(at: At, mistakes: Vec<Mistake>) -> Next {
    Next::Draw {
        at,
        mistakes,
        flash: None,
    }
}

impl Asking<'_> {
    /// The service, where a person may use it for himself on this channel.
    pub(crate) fn kept(&self, service: &str) -> Result<ServiceDefinition, PageError> {
        self.all_kept()
            .into_iter()
            .find(|one| one.id == service)
            .ok_or(PageError::NotFound)
    }

    /// Every service by which a person keeps his own data on this channel.
    pub(crate) fn all_kept(&self) -> Vec<ServiceDefinition> {
        let mine = |one: &&ServiceDefinition| {
            EFFECTS.contains(&one.effect.as_str())
                && matches!(one.login_on(self.channel), Some("L3f" | "L3s" | "LC"))
        };
        let policy = self.office().policy();
        policy.set.services().filter(mine).cloned().collect()
    }

    /// What stands in the form before anybody types.
    async fn known(&self, service: &ServiceDefinition) -> Result<Typed, PageError> {
        if service.effect != "maintain_person" {
            return Ok(Typed::new());
        }
        let office = self.office();
        let details = person_data::details(office, &office.pool, self.person.person_id).await?;
        let fields = serde_json::to_value(details).map_err(|error| PageError::failed(&error))?;
        Ok(fields
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect())
    }

    /// What is asked for: of the data only what differs from what is kept, and never a card that nobody typed.
    async fn wanted(
        &self,
        service: &ServiceDefinition,
        typed: &Typed,
    ) -> Result<(Inputs, Vec<Mistake>), PageError> {
        let known = self.known(service).await?;
        let (form, mistakes) = self.form_of(service, typed);
        let mut form = clean_form(&form);
        form.retain(|field, value| {
            typed
                .get(field)
                .is_some_and(|typed| !typed.trim().is_empty())
                && known.get(field).map(String::as_str) != value.as_str()
        });
        Ok((form, mistakes))
    }

    /// The way of a form that was sent. `session` is the person's own; none at the counter, where he stands before the teller.
    pub(crate) async fn next(
        &self,
        service: &ServiceDefinition,
        typed: &Typed,
        session: Option<&Session>,
    ) -> Result<Next, PageError> {
        let (form, mut mistakes) = self.wanted(service, typed).await?;
        mistakes.extend(
            service
                .check_form(&form)
                .into_iter()
                .map(|fault| Mistake::at(fault.field, fault.message)),
        );
        if form.is_empty() && mistakes.is_empty() {
            mistakes.push(Mistake::at("", "没有要变更的内容，请先改要改的那一项。"));
        }
        if !mistakes.is_empty() {
            return Ok(draw(At::Form, mistakes));
        }
        if service.effect == "change_phone" && form.get(CODE).is_none() {
            return self.send_to_new_phone(&form).await;
        }
        if let Some(next) = self.step(service, typed, &form, session).await? {
            return Ok(next);
        }
        match self.send(service, typed, form).await? {
            Sent::Taken(page) => Ok(Next::Sent(page)),
            Sent::Refused { mistakes, flash } => {
                let at_code = mistakes.iter().any(|mistake| mistake.field == CODE);
                Ok(Next::Draw {
                    at: if at_code { At::NewPhone } else { At::Form },
                    mistakes,
                    flash,
                })
            }
        }
    }

    /// The step-up of the catalogue that is not passed yet for exactly this form; none where it is, or at the counter.
    async fn step(
        &self,
        service: &ServiceDefinition,
        typed: &Typed,
        form: &Inputs,
        session: Option<&Session>,
    ) -> Result<Option<Next>, PageError> {
        let Some(session) = session else {
            return Ok(None);
        };
        let office = self.office();
        let action = action_of(service, form);
        match service.login_on(self.channel) {
            Some("L3s") if !session.sms_passed(&action, office.now()) => {
                let Some(phone) = &self.person.phone else {
                    let words =
                        "您还没有登记手机号，收不到验证码。请先办手机号变更，或到任一网点当面办。";
                    return Ok(Some(draw(At::Form, vec![Mistake::at("", words)])));
                };
                let typed_code = typed.get(STEP_CODE).map_or("", |code| code.trim());
                let taken = if typed_code.is_empty() {
                    session::send_step(office, phone, &action, &service.short_zh)
                        .await
                        .map(|()| false)
                } else {
                    session::take_step(office, phone, &action, typed_code)
                        .await
                        .map(|()| true)
                };
                match taken {
                    Ok(true) => {
                        session::sms(office, session.session_id, &action).await?;
                        Ok(None)
                    }
                    Ok(false) => Ok(Some(draw(At::Registered, Vec::new()))),
                    Err(Error::Refused(refusal)) => Ok(Some(draw(
                        At::Registered,
                        vec![Mistake::at(STEP_CODE, refusal.detail)],
                    ))),
                    Err(error) => Err(error.into()),
                }
            }
            Some("L3f") if !session.face_passed(&action, office.now()) => Ok(Some(Next::Face)),
            _ => Ok(None),
        }
    }

    async fn send_to_new_phone(&self, form: &Inputs) -> Result<Next, PageError> {
        let number = form
            .get("phone")
            .and_then(|phone| phone.as_str())
            .unwrap_or_default();
        match phone::send_code(self.office(), &self.person, number).await {
            Ok(()) => Ok(draw(At::NewPhone, Vec::new())),
            Err(Error::Refused(refusal)) => {
                let mut mistakes = mistakes_of(&refusal);
                if mistakes.is_empty() {
                    mistakes.push(Mistake::at("phone", refusal.detail));
                }
                Ok(draw(At::Form, mistakes))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What the picture is bound to.
    pub(crate) async fn action(
        &self,
        service: &ServiceDefinition,
        typed: &Typed,
    ) -> Result<[u8; 32], PageError> {
        let (form, _) = self.wanted(service, typed).await?;
        Ok(action_of(service, &form))
    }

    /// The form, with what is known, what was typed, and the code that is asked for now.
    pub(crate) async fn keep_sheet(
        &self,
        service: &ServiceDefinition,
        action: String,
        at: At,
        typed: &Typed,
        mistakes: Vec<Mistake>,
        flash: Option<Flash>,
    ) -> Result<CheckSheet, PageError> {
        let mut shown = self.known(service).await?;
        shown.extend(typed.clone());
        // Beside a code stands only what it is for.
        let (wanted, _) = self.wanted(service, typed).await?;
        let mut fields: Vec<Field> = service
            .inputs
            .iter()
            .filter(|input| input.name != CODE && input.input_type != InputType::Roster)
            .filter(|input| at == At::Form || wanted.contains_key(&input.name))
            .map(|input| {
                let field = field_of(input, &shown, &mistakes);
                if input.required || !input.options.is_empty() {
                    field
                } else {
                    field.optional()
                }
            })
            .collect();
        let (to, code) = match at {
            At::Form => (None, None),
            At::NewPhone => (
                typed.get("phone").map(|phone| masked(phone)),
                Some((CODE, "新手机收到的验证码")),
            ),
            At::Registered => (
                self.person.phone.as_ref().map(ToString::to_string),
                Some((STEP_CODE, "登记的手机收到的验证码")),
            ),
        };
        if let Some((name, label)) = code {
            let error = mistakes
                .iter()
                .find(|mistake| mistake.field == name)
                .map(|mistake| mistake.words.clone());
            fields.push(
                Field::new(name, label, FieldKind::Code)
                    .hint("5 分钟内有效。没有收到的，留空再按一次就重新发")
                    .error(error),
            );
        }
        let flash = flash.or_else(|| {
            let sent = to.map(|to| format!("验证码已发到 {to}。"));
            sent.filter(|_| mistakes.is_empty())
                .map(|words| Flash::new(Tone::Wait, words))
        });
        let key = typed
            .get("key")
            .cloned()
            .unwrap_or_else(|| Uuid::now_v7().to_string());
        Ok(CheckSheet {
            step: service.name_zh.clone(),
            question: question(service, at).to_owned(),
            errors: ErrorSummary::of(mistakes),
            flash,
            amount: None,
            summary: self.standing(service),
            fields,
            more: Vec::new(),
            groups: Vec::new(),
            consent: self.consent(service),
            action,
            hidden: vec![("csrf", self.csrf.to_owned()), ("key", key)],
            button: Button::submit(self.button(service, at)).wide(),
            after: Text::from(service.promise.promised.as_str()),
        })
    }

    /// What stands now.
    fn standing(&self, service: &ServiceDefinition) -> Summary {
        let person = &self.person;
        let none = || Text::from("没有登记");
        let rows = match service.effect.as_str() {
            "change_phone" => vec![SummaryRow::new(
                "现在的手机号",
                person
                    .phone
                    .as_ref()
                    .map_or_else(none, |phone| Text::new().num(phone)),
            )],
            "maintain_person" => vec![
                SummaryRow::new("姓名", person.name.masked()),
                SummaryRow::new("证件号", Text::new().num(&person.id_number)),
            ],
            _ => vec![SummaryRow::new(
                "现在的联名卡",
                person.card.as_ref().map_or_else(none, |card| {
                    Text::new()
                        .say(person.card_bank.as_deref().unwrap_or("登记的卡"))
                        .say(" ")
                        .tail(card.tail4())
                }),
            )],
        };
        Summary::new(rows)
    }

    /// Who is asked about what is typed.
    fn consent(&self, service: &ServiceDefinition) -> Text {
        let policy = self.office().policy();
        let mut names: Vec<&str> = Vec::new();
        for need in service.needs_outside() {
            if let Some(known) = policy.set.fact_type(&need.fact_type)
                && !names.contains(&known.source_name.as_str())
            {
                names.push(&known.source_name);
            }
        }
        if names.is_empty() {
            return Text::new();
        }
        Text::from(format!(
            "提交即同意我们就填写的内容向{}核对。只为这次{}，结果保存在办件里。",
            names.join("、"),
            service.short_zh
        ))
    }

    fn button(&self, service: &ServiceDefinition, at: At) -> String {
        match (service.login_on(self.channel), at) {
            _ if at == At::Form && service.effect == "change_phone" => {
                "发验证码到新手机".to_owned()
            }
            (Some("L3s"), At::Form) => "下一步，发验证码".to_owned(),
            (Some("L3f"), _) => "下一步，核对是我本人".to_owned(),
            _ => format!("提交{}", service.short_zh),
        }
    }
}

fn question(service: &ServiceDefinition, at: At) -> &'static str {
    match (service.effect.as_str(), at) {
        (_, At::NewPhone | At::Registered) => "请填验证码",
        ("change_phone", At::Form) => "换成哪个手机号？",
        ("maintain_person", At::Form) => "有变化的改一改，没变的不用动",
        (_, At::Form) => "用哪张卡？",
    }
}

fn masked(phone: &str) -> String {
    anju_domain::phone::Phone::parse(phone)
        .map_or_else(|_| "新手机".to_owned(), |phone| phone.to_string())
}
