//! D08 点对点: a court's instruction as it comes over the signed line, what it is answered, and the word that follows when the bank has spoken.
//!
//! Invariant: a code that we do not know, a day or an amount that cannot be read is a fault, never a default.

use anju_business::court::{Instruction, Kind, Officer, Payee};
use anju_domain::money::Fen;
use anju_wire::gateway::{Consent, Purpose};
use chrono::NaiveDate;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::Failure;
use crate::ask::Question;
use crate::catalogue::Freshness;
use crate::gateway::Gateway;
use crate::line::ONE_ANSWER;
use crate::push::PushFault;

/// The court's source.
pub const SOURCE: &str = "D08";

/// The interface of an instruction.
pub const ORDER: &str = "court.order";

/// The interface by which the court is told what became of a deduction.
pub const RESULT: &str = "court.result";

/// 控制类型: the court's codes and our kinds.
const KINDS: [(&str, Kind); 5] = [
    ("01", Kind::Freeze),
    ("02", Kind::Extend),
    ("03", Kind::Release),
    ("04", Kind::Deduct),
    ("05", Kind::Query),
];

/// 办理结果: our words and the court's codes.
const RESULTS: [(&str, &str); 10] = [
    ("frozen", "11"),
    ("queued", "12"),
    ("extended", "13"),
    ("released", "14"),
    ("deducting", "15"),
    ("deducted", "16"),
    ("answered", "17"),
    ("refused", "90"),
    ("failed", "91"),
    ("returned", "92"),
];

fn given<'v>(params: &'v Value, field: &'static str) -> Result<Option<&'v str>, PushFault> {
    match params.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let text = value.as_str().ok_or(PushFault::Field(field))?.trim();
            Ok((!text.is_empty()).then_some(text))
        }
    }
}

fn text(params: &Value, field: &'static str) -> Result<String, PushFault> {
    Ok(given(params, field)?
        .ok_or(PushFault::Field(field))?
        .to_owned())
}

fn day(params: &Value, field: &'static str) -> Result<Option<NaiveDate>, PushFault> {
    given(params, field)?
        .map(|text| NaiveDate::parse_from_str(text, "%Y%m%d").map_err(|_| PushFault::Field(field)))
        .transpose()
}

fn flag(params: &Value, field: &'static str) -> Result<bool, PushFault> {
    match given(params, field)? {
        None | Some("0") => Ok(false),
        Some("1") => Ok(true),
        Some(_) => Err(PushFault::Field(field)),
    }
}

/// An instruction out of the court's fields.
pub(crate) fn read(params: &Value) -> Result<Instruction, PushFault> {
    let code = text(params, "xzlx")?;
    let kind = KINDS
        .iter()
        .find(|(theirs, _)| *theirs == code)
        .map(|(_, kind)| *kind)
        .ok_or(PushFault::Field("xzlx"))?;
    let amount_fen = given(params, "xzje")?
        .map(|yuan| Fen::parse_yuan(yuan).map_err(|_| PushFault::Field("xzje")))
        .transpose()?
        .map(Fen::fen);
    let officers = params
        .get("zxry")
        .and_then(Value::as_array)
        .ok_or(PushFault::Field("zxry"))?
        .iter()
        .map(|one| {
            Ok(Officer {
                name: given(one, "xm")?.unwrap_or_default().to_owned(),
                id_no: given(one, "zjhm")?.unwrap_or_default().to_owned(),
                permit_no: given(one, "gzzh")?.unwrap_or_default().to_owned(),
            })
        })
        .collect::<Result<_, PushFault>>()?;
    let payee = match (given(params, "skzh")?, given(params, "skhm")?) {
        (Some(account), Some(holder)) => Some(Payee {
            account: account.to_owned(),
            holder: holder.to_owned(),
        }),
        _ => None,
    };
    Ok(Instruction {
        act_no: text(params, "kzdh")?,
        kind,
        of: given(params, "ydh")?.map(str::to_owned),
        id_no: text(params, "bzxrzjhm")?,
        name: text(params, "bzxrxm")?,
        amount_fen,
        from: day(params, "ksrq")?,
        to: day(params, "jsrq")?,
        court: text(params, "fymc")?,
        case_no: text(params, "ah")?,
        document: text(params, "wsh")?,
        document_digest: text(params, "wszy")?,
        officers,
        payee,
        ordered_expressly: flag(params, "kczm")?,
        part_allowed: flag(params, "bfkc")?,
    })
}

/// What the court is told, in its fields.
#[must_use]
pub fn answer(act_no: &str, document_no: &str, answer: &Value) -> Value {
    let word = answer["result"].as_str().unwrap_or_default();
    let code = RESULTS.iter().find(|(ours, _)| *ours == word);
    let yuan = |field: &str| {
        answer[field].as_i64().map_or(Value::Null, |fen| {
            Fen::new(fen).to_string().replace(',', "").into()
        })
    };
    let mut told = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            told.insert(name.to_owned(), value);
        }
    };
    put("kzdh", act_no.into());
    put(
        "bljg",
        code.map_or(Value::Null, |(_, theirs)| (*theirs).into()),
    );
    put("hzwh", document_no.into());
    put("zhzh", answer["account"].clone());
    put("zhye", yuan("balance_fen"));
    put("djje", yuan("frozen_fen"));
    put("kcje", yuan("deducted_fen"));
    if answer["part"] == true {
        put("bfkc", "1".into());
    }
    put("lhsw", answer["place"].clone());
    put(
        "jsrq",
        answer["to"]
            .as_str()
            .map_or(Value::Null, |day| day.replace('-', "").into()),
    );
    put("wbdm", answer["code"].clone());
    put("wbyy", answer["reason"].clone());
    if let Some(orders) = answer["orders"].as_array() {
        let orders: Vec<Value> = orders
            .iter()
            .map(|order| {
                json!({
                    "fymc": order["court"], "ah": order["court_case"],
                    "xzje": order["left_fen"].as_i64().map(|fen| Fen::new(fen).to_string().replace(',', "")),
                    "lh": if order["queued"] == true { "1" } else { "0" },
                })
            })
            .collect();
        put("djqd", orders.into());
    }
    Value::Object(told)
}

impl Gateway {
    /// Tells the court what became of a deduction; sent again with the same number until it is taken.
    ///
    /// # Errors
    /// The court did not take it.
    pub async fn tell_court(&self, act_no: &str, told: Value) -> Result<(), Failure> {
        let counterpart = self.counterpart(SOURCE).ok_or(Failure::NotAskable)?;
        let params = match told {
            Value::Object(params) => params,
            _ => Map::new(),
        };
        let question = Question {
            source: SOURCE.to_owned(),
            fact_type: RESULT.to_owned(),
            interface: format!("{SOURCE}.{RESULT}"),
            subject: act_no.to_owned(),
            params,
            purpose: Purpose {
                item: "court-order".to_owned(),
                case_no: act_no.to_owned(),
            },
            // 民事诉讼法第二百五十三条: whoever is asked to assist tells the court.
            consent: Consent {
                id: "statutory:民事诉讼法第二百五十三条".to_owned(),
                hash: String::new(),
            },
            freshness: Freshness::PerUse,
        };
        let limits = &self.catalogue().gateway;
        let data = counterpart
            .run(limits, Instant::now() + limits.whole(), |within| {
                let question = &question;
                async move {
                    let (_, data) = self.exchange(question, within, ONE_ANSWER).await?;
                    Ok(data)
                }
            })
            .await?;
        if data.get("kzdh").and_then(Value::as_str) == Some(act_no) {
            Ok(())
        } else {
            Err(Failure::WrongPerson)
        }
    }
}
