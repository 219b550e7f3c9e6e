//! 送达回执: what the court gets in writing about each of its instructions, kept as words on the day on which it was followed or refused.

use anju_casework::{Office, Result};
use anju_domain::calendar::chinese_date;
use anju_domain::money::Fen;
use chrono::Datelike;
use serde_json::Value;

use super::{Instruction, Kind, number};
use crate::contribution::enforcement::papers::Paper;
use crate::policy::Rules;

fn sum(fen: Option<i64>) -> String {
    fen.map_or_else(String::new, |fen| {
        let amount = Fen::new(fen);
        format!("人民币 {amount} 元（{}）", amount.capitals())
    })
}

/// Number and words of the receipt of an instruction.
pub(super) fn receipt(
    office: &Office,
    act_id: i64,
    said: &Instruction,
    answer: &Value,
) -> Result<(String, Value)> {
    let today = office.today();
    let mark = Rules::on(office, today).text("document_mark")?;
    let digits: String = number(office, act_id)
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    let document_no = format!("{mark}协〔{}〕{digits}号", today.year());
    let fen = |field: &str| answer.get(field).and_then(Value::as_i64);
    let whom = anju_domain::name::mask(&said.name);
    let outcome = match answer["result"].as_str().unwrap_or_default() {
        "frozen" => match said.amount_fen {
            Some(_) => format!(
                "已冻结被执行人{whom}的住房公积金账户，限额{}，账户现有余额中已冻结{}；以后的入账在限额内继续冻结。",
                sum(said.amount_fen),
                sum(fen("frozen_fen"))
            ),
            None => format!(
                "已全额冻结被执行人{whom}的住房公积金账户，只收不付，现有余额{}。",
                sum(fen("frozen_fen"))
            ),
        },
        "queued" => format!(
            "被执行人{whom}的住房公积金账户已有法院冻结在先，本件轮候，前面还有 {} 件；前面的冻结结束后自动生效。",
            fen("place").unwrap_or_default()
        ),
        "extended" => format!("已续冻被执行人{whom}的住房公积金账户。"),
        "released" => match said.amount_fen {
            Some(part) => format!("已按金额解除冻结{}。", sum(Some(part))),
            None => format!("已解除对被执行人{whom}的住房公积金账户的冻结。"),
        },
        "deducting" => format!(
            "已从被执行人{whom}的住房公积金账户扣划{}{}，款项付往{}，付款结果另行告知。",
            sum(fen("deducted_fen")),
            if answer["part"] == true {
                "（余额不足，部分扣划）"
            } else {
                ""
            },
            said.payee
                .as_ref()
                .map_or("", |payee| payee.holder.as_str()),
        ),
        "answered" => format!(
            "被执行人{whom}的住房公积金账户现有余额{}。",
            sum(fen("balance_fen"))
        ),
        _ => format!(
            "未予办理：{}",
            answer["reason"].as_str().unwrap_or_default()
        ),
    };
    let mut body = vec![
        format!(
            "贵院{}案的{}（协助执行事项编号 {}）已于{}收到，执行人员{}。",
            said.case_no,
            said.document,
            said.act_no,
            chinese_date(today),
            said.officers
                .iter()
                .map(|one| one.name.as_str())
                .collect::<Vec<_>>()
                .join("、"),
        ),
        outcome,
    ];
    if matches!(said.kind, Kind::Freeze | Kind::Extend)
        && let Some(to) = answer["to"].as_str().and_then(|to| to.parse().ok())
    {
        body.push(format!(
            "冻结期限至{}止，当日结束时自动解除；需要继续冻结的，请在此之前办理续冻。",
            chinese_date(to)
        ));
    }
    let paper = Paper {
        title: "协助执行通知书送达回执".to_owned(),
        to: said.court.clone(),
        body,
        ..Paper::default()
    };
    Ok((document_no, serde_json::to_value(paper)?))
}
