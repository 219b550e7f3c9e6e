//! 核对页: what a person checks before it is sent: everything that is known with its sources, the few questions, one button.

use anju_business::withdrawal::estate;
use anju_domain::money::Fen;
use anju_policy::{Decision, Input, InputType, Outcome, ServiceDefinition};
use uuid::Uuid;

use super::{Asking, RECHECK, Typed, is_promise, unanswered};
use crate::components::{
    Button, ButtonLook, ErrorSummary, Field, FieldKind, Flash, Mistake, Summary, SummaryRow, Text,
    Tone, last_four,
};
use crate::my::{balance_of, membership_of};
use crate::pages::error::PageError;
use crate::service::{AmountHead, CheckSheet, explain};

impl Asking<'_> {
    /// The sheet to check: everything that is known, asked of the sources where it is not at hand.
    pub(crate) async fn sheet(
        &self,
        service: &ServiceDefinition,
        typed: &Typed,
        mistakes: Vec<Mistake>,
        flash: Option<Flash>,
    ) -> Result<CheckSheet, PageError> {
        let office = self.office();
        let (mut form, _) = self.form_of(service, typed);
        // What is mistyped is not decided on, nor asked of any source.
        for mistake in &mistakes {
            form.remove(&mistake.field);
        }
        let card_known = form
            .get("card_no")
            .and_then(|card| card.as_str())
            .map(str::to_owned);
        let person = &self.person;
        let known = |input: &Input| input.input_type == InputType::Card && person.card.is_some();
        let pays = super::pays(service);
        // A home, a permit, a bank: without them no source is asked, nor anything decided that a person would read as a no.
        let heirs = service.effect == crate::shares::EFFECT;
        let incomplete = (pays || heirs) && is_incomplete(service, typed);
        let request = self.request(service, form);
        let engine = &self.portal.engine;
        let (gathered, decision) = if incomplete {
            engine.at_hand(&request).await?
        } else {
            engine.precheck(&request).await?
        };
        let promise = if incomplete || decision.outcome == Outcome::Refused {
            None
        } else {
            self.promise_of(service, &request.form, &gathered)?
        };
        let membership = membership_of(office, person.person_id).await?;
        let balance = balance_of(office, membership.as_ref()).await?;
        let amount = decision
            .amount_fen
            .filter(|fen| *fen > 0 && decision.outcome != Outcome::Refused && !incomplete)
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
                    if super::pays(service) {
                        "收款卡"
                    } else {
                        "银行卡"
                    },
                    Text::new()
                        .say(person.card_bank.as_deref().unwrap_or("登记的卡"))
                        .say(" ")
                        .tail(card.tail4()),
                )
                .source("您登记的卡，在下面可以换一张"),
            );
        }
        let policy = office.policy();
        let facts = if incomplete {
            Vec::new()
        } else {
            explain::summary(&decision, office.now(), |fact_type| {
                policy
                    .set
                    .fact_type(fact_type)
                    .map(|known| known.label.clone())
            })
        };
        rows.extend(facts);

        // Who is refused need not fill anything in; what he may change stays at hand.
        // What cannot be granted before anything is filled in is no refusal of a service that lives by its form.
        let is_blank = incomplete || (!pays && !heirs && typed.is_empty());
        let refused = decision.outcome == Outcome::Refused && !is_blank;
        let inputs = service.inputs.iter().filter(|input| !is_promise(input));
        let (asked, more): (Vec<&Input>, Vec<&Input>) = inputs.partition(|input| {
            (input.required || input.asked) && !known(input) && !(refused && pays)
        });

        let fields = |inputs: Vec<&Input>| -> Vec<Field> {
            inputs
                .into_iter()
                .map(|input| field_of(input, typed, &mistakes))
                .collect()
        };
        // The fields of one heir stand together, under his place.
        let (others, more): (Vec<&Input>, Vec<&Input>) = more
            .into_iter()
            .partition(|input| heirs && input.name.starts_with("heir_"));
        let groups = estate::OTHERS
            .filter_map(|place| {
                let role = format!("heir_{place}");
                let prefix = format!("{role}_");
                let of: Vec<&Input> = others
                    .iter()
                    .copied()
                    .filter(|input| input.name.starts_with(&prefix))
                    .collect();
                let filled = |input: &&Input| {
                    typed
                        .get(&input.name)
                        .is_some_and(|words| !words.trim().is_empty())
                };
                let open = of.iter().any(filled);
                (!of.is_empty()).then(|| (anju_policy::who(&role).to_owned(), open, fields(of)))
            })
            .collect();
        // What an estate rests on is asked openly, though each basis wants only some of it.
        let (fields, more) = if heirs {
            (fields(asked.into_iter().chain(more).collect()), Vec::new())
        } else {
            (
                fields(asked.into_iter().chain(promise).collect()),
                fields(more),
            )
        };

        let flash = flash.or_else(|| match decision.outcome {
            _ if is_blank => None,
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
        // Where somebody still has to answer or to look, sending is no withdrawal yet, and the page does not say so.
        let settled = decision.outcome == Outcome::Approved;
        let verb = |amount: Option<Fen>| match amount.filter(|_| settled) {
            Some(amount) => Text::new().say("提取 ").money(amount),
            None => Text::new().say("提交").say(&service.name_zh),
        };
        let label = match card_known.as_ref().filter(|_| pays) {
            Some(card) => verb(amount).say(" 到").tail(last_four(card)),
            None => verb(amount),
        };
        let key = typed
            .get("key")
            .cloned()
            .unwrap_or_else(|| Uuid::now_v7().to_string());
        let sources = explain::sources(&decision);
        Ok(CheckSheet {
            step: match service.login_on(self.channel) {
                Some("L3f") => format!("{} · 第 1 步，共 2 步", service.name_zh),
                _ => service.name_zh.clone(),
            },
            question: match (pays, refused) {
                (true, true) => "现在还不能提取".into(),
                (_, false) if incomplete => "请填写，然后核对".into(),
                (false, false) if is_blank => "请填写，然后提交".into(),
                (true, false) if settled => "请核对，无误就提取".into(),
                (false, true) => "现在还不能办".into(),
                (_, false) => "请核对，无误就提交".into(),
            },
            errors: ErrorSummary::of(mistakes),
            flash,
            amount: amount.map(|amount| AmountHead {
                label: if settled {
                    "提取金额"
                } else {
                    "符合条件的话，可提取"
                }
                .into(),
                amount,
                note: match balance {
                    _ if service.closing => made_of(&decision).say("；办好后账户销户"),
                    _ if heirs => Text::new(),
                    Some(balance) => Text::new().say("到账后余额 ").money(balance - amount),
                    None => Text::new(),
                },
            }),
            summary: Summary::new(rows),
            fields,
            more,
            groups,
            consent: if sources.is_empty() || incomplete {
                Text::new()
            } else {
                Text::new().say(format!(
                    "{}即同意我们再向 {} 个部门核对一次：{}。只为这笔{}，结果保存在您的办件里。",
                    if pays && settled { "提取" } else { "提交" },
                    sources.len(),
                    sources.join("、"),
                    service.name_zh
                ))
            },
            action: format!("{}/{}", self.path, service.id),
            hidden: vec![("csrf", self.csrf.to_owned()), ("key", key)],
            button: if incomplete {
                Button::send("下一步，核对", ButtonLook::Primary)
                    .value(RECHECK, "1")
                    .wide()
            } else if refused {
                Button::send("按改动重新核对", ButtonLook::Plain)
                    .value(RECHECK, "1")
                    .wide()
            } else {
                Button::submit(label).wide()
            },
            after: if refused {
                "改正以后随时可以再来。".into()
            } else {
                let promise = Text::new().say(&service.promise.promised).say("。");
                if pays {
                    promise.say("付款前可以随时撤回；付款后不能撤回。")
                } else {
                    promise
                }
            },
        })
    }
}

/// The parts of an amount that is their sum: 账户余额 7,200.00 元 + 销户结息 0.90 元.
fn made_of(decision: &Decision) -> Text {
    let parts = decision
        .amount_parts
        .iter()
        .filter_map(|part| Some((&part.label, Fen::new(part.fen?))));
    parts
        .enumerate()
        .fold(Text::new(), |text, (place, (label, fen))| {
            let text = if place == 0 { text } else { text.say(" + ") };
            text.say(format!("{label} ")).money(fen)
        })
}

/// Whether a question is open without which nothing can be asked of the sources; the card may come last.
fn is_incomplete(service: &ServiceDefinition, typed: &Typed) -> bool {
    let open = |input: &Input| {
        typed
            .get(&input.name)
            .is_none_or(|words| words.trim().is_empty())
    };
    let mut required = service
        .inputs
        .iter()
        .filter(|input| input.required && input.input_type != InputType::Card);
    required.any(open) || !unanswered(service, open).is_empty()
}

/// An input of the service as a field: what was typed stands in it again, with what is wrong with it.
pub(super) fn field_of(input: &Input, typed: &Typed, mistakes: &[Mistake]) -> Field {
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
    if let Some(places) = input.places.as_ref().filter(|places| !places.is_open()) {
        let named = places.names();
        options = named
            .map(|(code, name)| (code.to_owned(), name.to_owned()))
            .collect();
        // What was typed elsewhere and is no district stands there with what is wrong with it.
        if let Some(words) = typed.get(&input.name).filter(|words| !words.is_empty())
            && !options.iter().any(|(code, _)| code == words)
        {
            options.push((words.clone(), words.clone()));
        }
    }
    if is_promise(input) {
        options = Vec::new();
    } else if input.input_type == InputType::Bool {
        options = vec![(String::new(), "否".into()), ("1".into(), "是".into())];
    } else if !options.is_empty() && !input.required {
        options.insert(0, (String::new(), "不填".into()));
    } else if !options.is_empty() && input.default.is_none() {
        // Nobody's bank is the first of the list.
        options.insert(0, (String::new(), "请选择".into()));
    }
    let field = if is_promise(input) {
        Field::new(
            input.name.clone(),
            format!("我{}", input.label),
            FieldKind::Tick,
        )
    } else if options.is_empty() {
        Field::new(input.name.clone(), input.label.clone(), kind)
    } else {
        Field::select(input.name.clone(), input.label.clone(), options)
    };
    let error = mistakes
        .iter()
        .find(|mistake| mistake.field == input.name)
        .map(|mistake| mistake.words.clone());
    let field = field
        .value(typed.get(&input.name).map_or("", String::as_str))
        .error(error);
    if input.hint.is_empty() {
        field
    } else {
        field.hint(input.hint.as_str())
    }
}
