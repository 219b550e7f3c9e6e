//! What a phone is told (短信): at most 60 characters: who, what, result, amount, where to look. No full names or numbers, no links.

use anju_domain::money::Fen;
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::case::{self, Case};
use crate::{Office, Result, employer, person};

/// A text and the phone that it goes to.
pub struct Notice {
    /// Whole phone number.
    pub phone: String,
    /// At most 60 characters.
    pub text: String,
}

/// Draws the message of an outbox row that was caused at this moment, the same whenever it is drawn; none if there is nobody to tell.
pub async fn draw(
    office: &Office,
    payload: &Value,
    caused_at: DateTime<Utc>,
) -> Result<Option<Notice>> {
    if let (Some(phone), Some(text)) = (
        payload.get("phone").and_then(Value::as_str),
        payload.get("text").and_then(Value::as_str),
    ) {
        let sealed = hex::decode(phone)
            .map_err(|_| crate::Fault::Stored("a sealed phone is not hex".to_owned()))?;
        let phone = person::text(&office.vault, person::purpose::PHONE, &sealed)?;
        return Ok(Some(Notice {
            phone,
            text: text.to_owned(),
        }));
    }
    if let (Some(person_id), Some(text)) = (
        payload.get("person").and_then(Value::as_i64),
        payload.get("text").and_then(Value::as_str),
    ) {
        let phone = person::get(office, person_id)
            .await?
            .and_then(|person| person.phone);
        return Ok(phone.map(|phone| Notice {
            phone: phone.expose().to_owned(),
            text: text.to_owned(),
        }));
    }
    let Some(case_id) = payload.get("case").and_then(Value::as_i64) else {
        return Ok(None);
    };
    let Some(case) = case::get(office, &office.pool, case_id).await? else {
        return Ok(None);
    };
    let Some(phone) = phone_of(office, &case).await? else {
        return Ok(None);
    };
    let name = office
        .policy()
        .set
        .service(&case.service)
        .map_or_else(|| "办件".to_owned(), |service| service.short_zh.clone());
    let template = payload
        .get("template")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let direct = case::supervised(office, &case).await?.is_some();
    let drawn = if direct {
        to_project(office, &case, &name, template)
    } else {
        None
    };
    let Some(text) = drawn.or_else(|| text(office, &case, &name, template, caused_at)) else {
        return Ok(None);
    };
    Ok(Some(Notice { phone, text }))
}

/// Who is told: the person, or the clerk who acts for the employer.
async fn phone_of(office: &Office, case: &Case) -> Result<Option<String>> {
    if let Some(person) = person::get(office, case.applicant_id).await? {
        return Ok(person.phone.map(|phone| phone.expose().to_owned()));
    }
    let first = case::events(office, case.case_id).await?;
    let clerk = first.first().map_or(0, |event| event.actor_id);
    employer::acting_phone(office, case.applicant_id, clerk).await
}

fn text(
    office: &Office,
    case: &Case,
    name: &str,
    template: &str,
    caused_at: DateTime<Utc>,
) -> Option<String> {
    let no = case::number(office, case.case_id);
    let amount = Fen::new(case.amount_fen.unwrap_or(0));
    let tail = case.card_tail().unwrap_or("****");
    Some(match template {
        "paid" => format!(
            "【公积金】您的{name} {amount} 元已到尾号 {tail} 的卡，{}。办件 {no}",
            clock(caused_at)
        ),
        "refused" => {
            format!("【公积金】您的{name}没有通过，原因和补救办法请在“办件”里看。办件 {no}")
        }
        "approved" => format!("【公积金】您的{name}已通过，结果请在“办件”里看。办件 {no}"),
        "refund_rejected" => {
            format!("【公积金】银行没有付成退款 {amount} 元，已转入单位暂存款，可以抵缴。办件 {no}")
        }
        "refund_paid" => format!("【公积金】退款 {amount} 元已付到单位原付款账户。办件 {no}"),
        "deferral_ended" => {
            format!("【公积金】缓缴已到期，请按计划补缴，计划在“困难帮扶”里看。办件 {no}")
        }
        "deferral_breached" => {
            format!("【公积金】缓缴补缴计划有一期没有按时缴足，请尽快补缴。办件 {no}")
        }
        // E-W-15.
        "held" => format!(
            "【公积金】您的{name}正在核查，处理时间将延长，请留意通知；可在网上说明情况。{no}"
        ),
        "hold_cleared" => format!(
            "【公积金】您的{name}核查完了，转人工复核，最迟{}给您结果。{no}",
            day(case.promised_at)
        ),
        "reviewing" => format!(
            "【公积金】您的{name}转人工复核，最迟{}给您结果。办件 {no}",
            day(case.promised_at)
        ),
        "needs_paper" => {
            format!("【公积金】您的{name}要补材料，请在“办件”里看要交什么、交到哪天。办件 {no}")
        }
        "needs_others" => {
            format!(
                "【公积金】您的{name}等其他继承人在网上确认份额，谁还没有确认请在“办件”里看。办件 {no}"
            )
        }
        "paper_turned_down" => {
            format!("【公积金】您为{name}交的材料没有采用，原因在“办件”里，请重新交。办件 {no}")
        }
        "paper_lapsed" => {
            format!("【公积金】您的{name}逾期没有补材料，已结束；材料齐了随时再来。办件 {no}")
        }
        "rejected" => format!(
            "【公积金】银行没有付成 {amount} 元，钱已回到您的公积金账户，请换卡再申请。办件 {no}"
        ),
        "returned" => {
            format!("【公积金】{amount} 元被收款行退回，请在“办件”里换卡或退回账户。办件 {no}")
        }
        "shares_paid" => {
            format!("【公积金】继承提取 {amount} 元已全部付到各继承人的卡。办件 {no}")
        }
        "share_rejected" => {
            format!(
                "【公积金】继承提取有一份没有付成，请在“办件”里换卡，其他各份不受影响。办件 {no}"
            )
        }
        "transferred_in" => {
            format!("【公积金】外地转来的 {amount} 元已记入您的公积金账户。办件 {no}")
        }
        "transferred_out" => {
            format!("【公积金】您的公积金 {amount} 元已转往转入地，本地账户已结清。办件 {no}")
        }
        "transfer_disputed" => {
            format!("【公积金】您的异地转移款项正在与对方中心核对，不用您再办什么。办件 {no}")
        }
        "transfer_failed" => {
            format!("【公积金】您的异地转移没有办成，原因和补救办法请在“办件”里看。办件 {no}")
        }
        "credited_back" => format!("【公积金】退回的 {amount} 元已回到您的公积金账户。办件 {no}"),
        _ => return None,
    })
}

/// Of a payment that went to the supervised account of a project instead of a card.
fn to_project(office: &Office, case: &Case, name: &str, template: &str) -> Option<String> {
    let no = case::number(office, case.case_id);
    let amount = Fen::new(case.amount_fen.unwrap_or(0));
    Some(match template {
        "paid" => format!("【公积金】您的{name} {amount} 元已付到预售资金监管账户。办件 {no}"),
        "rejected" => {
            format!("【公积金】{amount} 元没有付成，已回到公积金账户，请核对监管账户。办件 {no}")
        }
        "returned" => {
            format!("【公积金】{amount} 元被监管账户退回，请在“办件”里退回账户。办件 {no}")
        }
        _ => return None,
    })
}

fn clock(at: DateTime<Utc>) -> String {
    anju_domain::clock::shanghai(at)
        .format("%H:%M:%S")
        .to_string()
}

fn day(at: DateTime<Utc>) -> String {
    anju_domain::clock::shanghai(at)
        .format("%-m月%-d日 %H:%M")
        .to_string()
}
