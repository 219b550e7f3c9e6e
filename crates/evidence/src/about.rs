//! What a record is about, in one line of Chinese, so that a genuine proof of another case is not taken for the one that was asked for. The
//! page `/verify` says the same (assets/js/verify.js); both read the cases of `tests/forms.json`. Invariant: nothing is said that the record
//! does not say.

use serde_json::Value;

use crate::record;

/// The longest piece of a record that is shown, in characters: the line stays a line, whatever is in the record.
const LONGEST: usize = 60;

/// One line: kind, public number, step, time, amount, as far as the record has them.
#[must_use]
pub fn about(record: &Value) -> String {
    // In the canonical form a whole number is written as one, however the bundle writes it.
    let canonical = record::canonical(record).ok();
    let Some(record) = canonical.and_then(|text| serde_json::from_slice(&text).ok()) else {
        return not_said();
    };
    of_canonical(&record)
}

fn of_canonical(record: &Value) -> String {
    let text = |pointer: &str| shown(record.pointer(pointer));
    let time = |pointer: &str| {
        let written = text(pointer);
        civil(&written).unwrap_or(written)
    };
    let yuan = |pointer: &str| record.pointer(pointer).and_then(yuan);
    let stepped = |what: &str, number: &str, steps: String| {
        let mut said = format!(
            "{what} {} 的第 {} 步（{steps}），{}",
            text(number),
            text("/seq"),
            time("/at")
        );
        if let Some(yuan) = yuan("/detail/amount_fen") {
            said += &format!("，金额 {yuan} 元");
        }
        said
    };
    match record["kind"].as_str() {
        Some("case") => {
            let steps = record["steps"].as_array().map(Vec::as_slice);
            let steps: Vec<String> = steps.unwrap_or_default().iter().map(step).collect();
            stepped("办件", "/case", steps.join("、"))
        }
        Some("policy") => stepped("政策变更", "/change", text("/step")),
        Some("blacklist") => stepped("失信记录", "/entry", text("/step")),
        Some("remittance") => format!(
            "汇缴 {}，单位 {}，{}，{} 人，共 {} 元，{} 分配",
            text("/remittance"),
            text("/employer"),
            text("/month"),
            text("/people"),
            yuan("/amount_fen").unwrap_or_else(not_said),
            time("/allocated_at")
        ),
        Some("allocation") => format!(
            "汇缴 {} 里账户 {} 的一行，{}，单位 {} 元、个人 {} 元，{} 分配",
            text("/remittance"),
            text("/account"),
            text("/month"),
            yuan("/employer_fen").unwrap_or_else(not_said),
            yuan("/employee_fen").unwrap_or_else(not_said),
            time("/allocated_at")
        ),
        Some("day") => format!(
            "{} 的日结，凭证 {} 笔，借方发生额 {} 元",
            text("/date"),
            text("/journals"),
            yuan("/debit_fen").unwrap_or_else(not_said)
        ),
        Some("journal") => format!(
            "{} 的凭证 {}，会计事件 {}，{} 行",
            text("/date"),
            text("/journal"),
            text("/event"),
            text("/lines")
        ),
        Some("key-transition") => format!("日志签名密钥的交接，第 {} 代", text("/generation")),
        Some(_) => format!("种类是「{}」的记录", text("/kind")),
        None => "没有写明种类的记录".to_owned(),
    }
}

fn not_said() -> String {
    "（未写明）".to_owned()
}

/// A text or a whole number as it stands in the record.
fn shown(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text
            .chars()
            .take(LONGEST)
            .map(|c| if c.is_control() { '\u{fffd}' } else { c })
            .collect(),
        Some(Value::Number(number)) if number.as_i64().is_some() => number.to_string(),
        _ => not_said(),
    }
}

/// `2026-12-02T07:37:22.249+08:00` as people write it, `2026年12月2日 07:37:22`; nothing for a time that is written otherwise.
fn civil(written: &str) -> Option<String> {
    let (date, clock) = written.strip_suffix("+08:00")?.split_once('T')?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let digits = |text: &str, many: usize| {
        (text.len() == many && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(())
    };
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let mut hands = clock.split(':');
    let (hour, minute, second) = (hands.next()?, hands.next()?, hands.next()?);
    digits(year, 4)?;
    digits(fraction, fraction.len().max(1))?;
    for two in [month, day, hour, minute, second] {
        digits(two, 2)?;
    }
    let ends = parts.next().is_none() && hands.next().is_none();
    let short = |two: &str| two.strip_prefix('0').unwrap_or(two).to_owned();
    let (month, day) = (short(month), short(day));
    ends.then(|| format!("{year}年{month}月{day}日 {clock}"))
}

/// Fen as yuan.
fn yuan(value: &Value) -> Option<String> {
    let fen = value.as_i64()?;
    let sign = if fen < 0 { "-" } else { "" };
    let fen = fen.unsigned_abs();
    Some(format!("{sign}{}.{:02}", fen / 100, fen % 100))
}

/// A step of a case; a rare one is shown by its code.
fn step(code: &Value) -> String {
    match code.as_str() {
        Some("submitted") => "提交",
        Some("gathering") => "开始核对",
        Some("decided") => "判定",
        Some("approved") => "通过",
        Some("refused") => "不通过",
        Some("reviewing") => "转人工",
        Some("executing") => "执行",
        Some("paid") => "银行已付",
        Some("payment_unknown") => "付款结果未知",
        Some("payment_rejected") => "银行拒付",
        Some("payment_returned") => "退票",
        Some("credited_back") => "退回账户",
        Some("account_closed") => "结息销户",
        Some("withdrawn") => "撤回",
        Some("failed") => "没有办成",
        Some("done") => "办结",
        _ => return shown(Some(code)),
    }
    .to_owned()
}
