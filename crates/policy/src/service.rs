//! 服务事项定义: what a service is, as data (services.md §1). Form, guide, progress page and API operation are drawn from it; a channel
//! or a page never says any of it again.

use std::collections::BTreeMap;
use std::sync::Arc;

use anju_domain::{calendar::Month, card, id_number, phone, uscc};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::fact::Form;
use crate::region::RegionSet;
use crate::value::{Type, parse_date};

/// The definition of one service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceDefinition {
    /// `withdraw-rent`; stable for ever.
    pub id: String,
    /// 租房提取.
    pub name_zh: String,
    /// At most eight characters, for small screens.
    pub short_zh: String,
    /// 看查问办.
    pub verb: Verb,
    /// `withdraw`, `employer`, …: the group of the catalogue.
    pub group: String,
    /// Who may start it.
    pub audience: Vec<String>,
    /// Least level of login by channel; `default` for those not named.
    pub login: BTreeMap<String, String>,
    /// Where it is offered.
    pub channels: Vec<String>,
    /// The form.
    #[serde(default)]
    pub inputs: Vec<Input>,
    /// What is asked of the sources; with what the included files need.
    #[serde(default)]
    pub facts: Vec<FactNeed>,
    /// May the rules alone decide?
    pub outcome: Mode,
    /// Limits that are shown before the start.
    pub promise: Promise,
    /// Documents made on completion.
    #[serde(default)]
    pub documents: Vec<String>,
    /// Suggested next, prerequisite, reverse.
    #[serde(default)]
    pub related: Vec<String>,
    /// 实施编码, 31 characters.
    pub gov_code: String,
    /// What it stands on.
    pub law: Vec<String>,
    /// What happens when it is approved: `pay_out`, or the name of an effect of a capability.
    pub effect: String,
    /// The withdrawal's kind (`RENT`), for effect `pay_out`.
    #[serde(default)]
    pub withdraw_kind: Option<String>,
    /// 销户性: the account is closed by it.
    #[serde(default)]
    pub closing: bool,
    /// Files whose conditions it shares, first ones first.
    #[serde(default)]
    pub include: Vec<String>,
    /// One sentence for the guide.
    #[serde(default)]
    pub summary: String,
}

/// 看查问办.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// 看.
    Read,
    /// 查.
    Query,
    /// 问.
    Ask,
    /// 办.
    Do,
}

/// Whether the rules alone may decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The rules decide.
    Instant,
    /// The rules decide most.
    InstantOrReview,
    /// A person always decides.
    Review,
}

/// 承诺时限.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promise {
    /// The limit of the law, in words.
    pub legal: String,
    /// What the centre promises, in words.
    pub promised: String,
    /// Working days until a decision at the latest.
    pub working_days: u32,
}

/// A fact that a service asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactNeed {
    /// `estate.ownership`.
    #[serde(rename = "type")]
    pub fact_type: String,
    /// `applicant`.
    pub role: String,
    /// Without it the service can be decided.
    #[serde(default)]
    pub optional: bool,
    /// Only when this holds: `applicant.married`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Further keys of the question by their names in the gateway's catalogue, each an expression: `contract_no = "form.contract_no"`. A
    /// key that is missing is left out; while one is unknown the question waits.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, String>,
}

/// A field of the form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// `card_no`; in expressions `form.card_no`.
    pub name: String,
    /// A type of services.md §4.
    #[serde(rename = "type")]
    pub input_type: InputType,
    /// 收款银行卡号.
    pub label: String,
    /// Whether it must be given.
    #[serde(default)]
    pub required: bool,
    /// One of several of which at least one is needed: it stands among the questions, though it may be left empty.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asked: bool,
    /// What counts when it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Json>,
    /// The name of the fact that fills it, shown read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefill: Option<String>,
    /// The choices of an `enum`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<Choice>,
    /// A sentence beside the field.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hint: String,
    /// The longest text, in characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_characters: Option<usize>,
    /// The set of districts that a `region` must be of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<String>,
    /// The field of the same form that a `month` or `date` must not be before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<String>,
    /// The set that `within` names.
    #[serde(skip)]
    pub places: Option<Arc<RegionSet>>,
}

/// A choice of an `enum` field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// `married`.
    pub value: String,
    /// 已婚.
    pub label: String,
}

/// The types of services.md §4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words are those of services.md §4")]
pub enum InputType {
    Id18,
    Uscc18,
    Pacct,
    Eacct,
    Loanno,
    Caseno,
    Card,
    Phone,
    Fen,
    Bp,
    Int,
    Month,
    Date,
    Enum,
    Text,
    Bool,
    File,
    Roster,
    /// A six-digit district.
    Region,
}

/// A field that was filled in wrongly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FormError {
    /// The field's name.
    pub field: String,
    /// What is wrong with it, for the person.
    pub message: String,
}

impl InputType {
    /// Its type in expressions.
    pub(crate) fn value_type(self) -> Type {
        match self {
            InputType::Fen => Type::Fen,
            InputType::Bp => Type::Bp,
            InputType::Int => Type::Int,
            InputType::Month => Type::Month,
            InputType::Date => Type::Date,
            InputType::Bool => Type::Bool,
            _ => Type::Text,
        }
    }

    /// Whether it must never be shown whole.
    pub fn is_personal(self) -> bool {
        matches!(
            self,
            InputType::Id18 | InputType::Card | InputType::Phone | InputType::Pacct
        )
    }
}

impl Input {
    /// What is wrong with a given value, if anything.
    pub fn fault(&self, value: &Json) -> Option<String> {
        let label = &self.label;
        let wrong = |why: &str| Some(format!("{label}{why}"));
        let text = value.as_str();
        match self.input_type {
            InputType::Bool if !value.is_boolean() => wrong("请选择是或否"),
            InputType::Fen | InputType::Bp | InputType::Int => match value.as_i64() {
                Some(number) if number >= 0 => None,
                _ => wrong("应为不小于零的数字"),
            },
            InputType::Bool => None,
            // Rows in the form itself, instead of the number of an uploaded list; the service reads them.
            InputType::Roster if value.as_array().is_some_and(|rows| !rows.is_empty()) => None,
            _ if text.is_none() => wrong("填写有误"),
            InputType::Month if text.is_none_or(|text| Month::parse(text).is_err()) => {
                wrong("请按 2026-11 的格式填写年月")
            }
            InputType::Date if text.and_then(parse_date).is_none() => {
                wrong("请按 2026-11-24 的格式填写日期")
            }
            InputType::Id18 => {
                let fault = id_number::IdNumber::parse(text.unwrap_or_default()).err()?;
                Some(fault.to_string())
            }
            InputType::Uscc18 => Some(
                uscc::Uscc::parse(text.unwrap_or_default())
                    .err()?
                    .to_string(),
            ),
            InputType::Card => Some(
                card::CardNumber::parse(text.unwrap_or_default())
                    .err()?
                    .to_string(),
            ),
            InputType::Phone => Some(
                phone::Phone::parse(text.unwrap_or_default())
                    .err()?
                    .to_string(),
            ),
            InputType::Region => {
                let digits = text.unwrap_or_default();
                let plain = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
                if !plain {
                    return wrong("应为六位行政区划代码");
                }
                let set = self.places.as_ref()?;
                (!set.contains(digits))
                    .then(|| format!("没有{label} {digits}，请选{}里的一个", set.label))
            }
            InputType::Enum => {
                let known = self
                    .options
                    .iter()
                    .any(|choice| Some(choice.value.as_str()) == text);
                if known {
                    None
                } else {
                    wrong("请从列出的选项中选择")
                }
            }
            _ => match self.max_characters {
                Some(most) if text.is_some_and(|text| text.chars().count() > most) => {
                    Some(format!("{label}最多 {most} 个字"))
                }
                _ => None,
            },
        }
    }
}

impl ServiceDefinition {
    /// The least level of login on a channel; `None` where the service is not offered.
    pub fn login_on(&self, channel: &str) -> Option<&str> {
        if !self.channels.iter().any(|offered| offered == channel) {
            return None;
        }
        let level = self
            .login
            .get(channel)
            .or_else(|| self.login.get("default"));
        level.map(String::as_str)
    }

    /// The facts that others are asked for: all but what our own books know.
    pub fn needs_outside(&self) -> impl Iterator<Item = &FactNeed> {
        self.facts
            .iter()
            .filter(|need| !need.fact_type.starts_with("own."))
    }

    /// Every fault of a form, none left for a second try: missing fields, wrong ones, unknown ones.
    pub fn check_form(&self, form: &Form) -> Vec<FormError> {
        let mut faults = Vec::new();
        let given = |name: &str| {
            form.get(name)
                .filter(|value| !value.is_null() && *value != "")
        };
        for input in &self.inputs {
            let message = match given(&input.name) {
                None if input.required => Some(format!("请填写{}", input.label)),
                None => None,
                Some(value) => input
                    .fault(value)
                    .or_else(|| self.turned_round(input, value, form)),
            };
            if let Some(message) = message {
                faults.push(FormError {
                    field: input.name.clone(),
                    message,
                });
            }
        }
        for field in form.keys() {
            if !self.inputs.iter().any(|input| input.name == *field) {
                faults.push(FormError {
                    field: field.clone(),
                    message: "没有这一项".into(),
                });
            }
        }
        faults
    }

    /// Whether a month or a day lies before that of the field which it must not be before. Both are written so that they sort as text.
    fn turned_round(&self, input: &Input, value: &Json, form: &Form) -> Option<String> {
        let first = input.not_before.as_ref()?;
        let first = self.inputs.iter().find(|one| one.name == *first)?;
        let from = form.get(&first.name)?;
        (first.fault(from).is_none() && value.as_str() < from.as_str())
            .then(|| format!("{}不能早于{}", input.label, first.label))
    }
}
