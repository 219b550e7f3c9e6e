//! 业务回单: what a person keeps of a withdrawal (ui.md §3, receipt).

use anju_domain::clock::{chinese_second, shanghai};
use anju_domain::money::Fen;
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use qrcode::QrCode;
use qrcode::render::svg;
use typst::foundations::{Array, Bytes, Datetime, Dict, IntoValue, Value};

use crate::PaperError;

pub(crate) const FILE: &str = "receipt.typ";
pub(crate) const TEMPLATE: &str = include_str!("../templates/receipt.typ");

/// What stands on a receipt. Names and numbers are masked by the caller, who knows whose eyes it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptData {
    /// The centre that issues it.
    pub centre: String,
    /// 事项, as the catalogue names it.
    pub service: String,
    /// 申请人, masked.
    pub person_masked: String,
    /// The amount, printed in figures and in capitals.
    pub amount: Fen,
    /// What of it came from the housing subsidy's account.
    pub of_subsidy: Option<Fen>,
    /// 收款账户, bank and last four digits.
    pub payee: String,
    /// 办件编号.
    pub case_no: String,
    /// 规则版本.
    pub policy_version: String,
    /// 状态, in words.
    pub state: String,
    /// Submission, decision, payment, in their order.
    pub times: Vec<Moment>,
    /// The short code of the proof, without groups, where the case has one.
    pub short_code: Option<String>,
    /// 校验码, without groups: it stands in the file's title, by which an altered file is told from one that is not ours.
    pub code: String,
    /// The address where the proof is checked; none prints no QR code.
    pub verify_url: Option<String>,
    /// When this sheet is printed.
    pub issued_at: DateTime<Utc>,
}

/// A step and its instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// What happened, in words.
    pub label: String,
    /// When, printed in civil time to the second.
    pub at: DateTime<Utc>,
}

pub(crate) fn inputs(data: &ReceiptData) -> Result<Dict, PaperError> {
    let qr = data.verify_url.as_deref().map(qr_svg).transpose()?;
    let times: Array = data
        .times
        .iter()
        .map(|moment| {
            let mut line = Dict::new();
            line.insert("label".into(), moment.label.as_str().into_value());
            line.insert("at".into(), chinese_second(moment.at).into_value());
            line.into_value()
        })
        .collect();
    let issued_on = day_of(shanghai(data.issued_at).date_naive());
    let fields: [(&str, Value); 16] = [
        ("centre", data.centre.as_str().into_value()),
        ("service", data.service.as_str().into_value()),
        ("person", data.person_masked.as_str().into_value()),
        ("figures", format!("¥{}", data.amount).into_value()),
        ("capitals", data.amount.capitals().into_value()),
        (
            "of_subsidy",
            data.of_subsidy
                .map_or(Value::None, |fen| format!("¥{fen}").into_value()),
        ),
        ("payee", data.payee.as_str().into_value()),
        ("case_no", data.case_no.as_str().into_value()),
        ("policy_version", data.policy_version.as_str().into_value()),
        ("state", data.state.as_str().into_value()),
        ("times", times.into_value()),
        (
            "short_code",
            data.short_code
                .as_deref()
                .map_or(Value::None, |code| in_groups_of_four(code).into_value()),
        ),
        (
            "verify_url",
            data.verify_url
                .as_deref()
                .map_or(Value::None, IntoValue::into_value),
        ),
        (
            "qr",
            qr.map_or(Value::None, |svg| Bytes::from_string(svg).into_value()),
        ),
        ("code", in_groups_of_four(&data.code).into_value()),
        ("issued_at", chinese_second(data.issued_at).into_value()),
    ];
    let mut inputs: Dict = fields
        .into_iter()
        .map(|(name, value)| (name.into(), value))
        .collect();
    inputs.insert("issued_on".into(), issued_on.into_value());
    Ok(inputs)
}

/// A day as typst knows it.
pub(crate) fn day_of(day: NaiveDate) -> Datetime {
    Datetime::from_ymd(
        day.year(),
        month_number(day.month()),
        month_number(day.day()),
    )
    .expect("a civil date is a date to typst too")
}

fn month_number(number: u32) -> u8 {
    u8::try_from(number).expect("months and days are below 256")
}

/// For people who read it out or type it: `7C1E 90AB 44D2 F613`.
pub(crate) fn in_groups_of_four(code: &str) -> String {
    let chars: Vec<char> = code.chars().collect();
    chars
        .chunks(4)
        .map(String::from_iter)
        .collect::<Vec<_>>()
        .join(" ")
}

pub(crate) fn qr_svg(address: &str) -> Result<String, PaperError> {
    let code = QrCode::new(address).map_err(PaperError::QrCode)?;
    Ok(code.render::<svg::Color<'_>>().quiet_zone(true).build())
}

#[cfg(test)]
pub(crate) mod tests;
