//! The registers of employers, as what concerns employers reads them: the market regulator's (market.registration) and, for government
//! offices and public institutions, that of the office for institutions (org.institution). Both say the same things.

use anju_casework::{Refusal, Result};
use anju_policy::fact::{Fact, FactState};
use chrono::NaiveDate;
use futures::future::BoxFuture;
use serde_json::Value;

/// Who asks the register of an employer; the gateway does.
pub trait Registry: Send + Sync {
    /// The fact `market.registration` or `org.institution` of a credit code, whichever [`weightier`] says; asked anew for a case, since
    /// what was kept for others may be a week old.
    fn registration<'a>(&'a self, uscc: &'a str, case_no: &'a str) -> BoxFuture<'a, Result<Fact>>;
}

/// Which of two registers speaks for an employer: one where it exists and is open, else one that has not answered yet, else the market's.
#[must_use]
pub fn weightier<'a>(market: &'a Fact, institutions: &'a Fact) -> &'a Fact {
    let both = [market, institutions];
    let first = |which: fn(&Option<std::result::Result<Registration, String>>) -> bool| {
        both.into_iter()
            .find(|fact| which(&Registration::answer(fact)))
    };
    first(|answer| matches!(answer, Some(Ok(_))))
        .or_else(|| first(Option::is_none))
        .unwrap_or(market)
}

/// Why nobody opens an account who is not registered as open.
#[must_use]
pub fn not_open(state: &str) -> String {
    format!(
        "该单位登记状态为“{state}”，暂不能开户。请先到登记它的部门（企业到市场监管部门，机关、事业单位到机构编制部门）办理或恢复登记。"
    )
}

/// What the registry says.
#[derive(Debug, Clone, Default)]
pub struct Registration {
    /// 名称.
    pub name: Option<String>,
    /// 住所.
    pub address: Option<String>,
    /// 法定代表人.
    pub representative: Option<String>,
    /// GB/T 2260 code.
    pub region: Option<String>,
    /// 成立日期.
    pub founded: Option<NaiveDate>,
}

impl Registration {
    /// The registration if it exists and is open; else the word for its state.
    ///
    /// # Errors
    /// 503 `E-EMPR-07` when the registry does not answer.
    pub fn read(fact: &Fact) -> Result<std::result::Result<Self, String>> {
        Self::answer(fact).ok_or_else(|| {
            Refusal::new(
                503,
                "E-EMPR-07",
                "市场监管部门暂时没有回复，请过几分钟再试，已填的内容不用改。",
            )
            .into()
        })
    }

    /// The same for whoever can wait: none while the registry has not answered.
    #[must_use]
    pub fn answer(fact: &Fact) -> Option<std::result::Result<Self, String>> {
        match fact.state {
            FactState::Known => {}
            FactState::Absent => return Some(Err("未登记".to_owned())),
            FactState::Unknown | FactState::Conflict => return None,
        }
        let text_of = |value: Option<&Value>| {
            value
                .and_then(Value::as_str)
                .map(str::to_owned)
                .filter(|text| !text.is_empty())
        };
        let text = |field: &str| text_of(fact.value.get(field));
        let state = match text("state").as_deref() {
            None | Some("open") => None,
            Some("cancelled") => Some("注销"),
            Some("revoked") => Some("吊销"),
            Some("moved") => Some("迁出"),
            Some(_) => Some("异常"),
        };
        Some(match state {
            Some(word) => Err(word.to_owned()),
            None => Ok(Self {
                name: text("name"),
                address: text("address"),
                representative: text_of(fact.value.pointer("/legal_person/name")),
                region: text("region"),
                founded: text("founded").and_then(|date| date.parse().ok()),
            }),
        })
    }
}
