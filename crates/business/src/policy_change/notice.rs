//! 公告: drafted from what differs and what the simulation found, in plain words; then a person's text.

use anju_casework::Office;
use anju_domain::calendar::chinese_date;
use anju_domain::money::Fen;
use anju_policy::compare::Part;
use chrono::NaiveDate;

use super::Change;
use super::levy::{self, Found};
use super::result::Totals;

/// The notice as it is proposed to the officer: what changes, from when, for whom, what to do.
pub fn draft(
    office: &Office,
    change: &Change,
    effective_on: NaiveDate,
    totals: Option<&Totals>,
    levied: Option<&Found>,
) -> String {
    let mut text = format!("{}\n关于{}的公告\n\n", office.centre.name, change.title);
    let day = chinese_date(effective_on);
    text.push_str(&format!(
        "为{}，现将有关规定调整如下，自{day}起施行。\n\n一、调整的内容\n",
        purpose(&change.title)
    ));
    for (place, one) in (1..).zip(&change.differences.0) {
        let place_words = if one.place.is_empty() {
            String::new()
        } else {
            format!("（{}）", one.place)
        };
        let sentence = match (&one.before, &one.after, one.part) {
            (Some(before), Some(after), Part::Parameter) => {
                format!("{}{place_words}由 {before} 调整为 {after}", one.label)
            }
            (None, Some(after), Part::Parameter) => {
                format!("{}{place_words}定为 {after}", one.label)
            }
            (_, None, Part::Condition) => format!("取消“{}”这一条件", one.label),
            (None, Some(_), Part::Condition) => format!("增加“{}”这一条件", one.label),
            (_, _, Part::Condition) => format!("修改“{}”这一条件{place_words}", one.label),
            (_, _, _) => format!("修改{}{place_words}", one.label),
        };
        let source = if one.source.is_empty() {
            String::new()
        } else {
            format!("。依据：{}", one.source)
        };
        text.push_str(&format!("（{place}）{sentence}{source}。\n"));
    }
    text.push_str("\n二、对您的影响\n");
    match totals {
        Some(totals) if totals.cases > 0 => {
            let mut lines = Vec::new();
            if totals.gain > 0 {
                lines.push(format!("约 {} 人可以多提取", totals.gain));
            }
            if totals.lose > 0 {
                lines.push(format!("约 {} 人可以提取的金额减少", totals.lose));
            }
            if totals.newly_refused > 0 {
                lines.push(format!("{} 人不再符合条件", totals.newly_refused));
            }
            if totals.newly_approved > 0 {
                lines.push(format!("{} 人新符合条件", totals.newly_approved));
            }
            if lines.is_empty() {
                lines.push("近一年办理过的职工，结果都不变".to_owned());
            }
            text.push_str(&format!(
                "按近一年办理的 {} 件测算：{}。\n",
                totals.cases,
                lines.join("，")
            ));
        }
        _ => text.push_str("对已经办理的业务没有影响。\n"),
    }
    if let Some(found) = levied {
        text.push_str(&format!(
            "按现在缴存的 {} 名职工测算：{}。单位没有按期申报的，由中心按新的上下限调整。\n",
            found.whole.people,
            levy::sentences(&found.whole, found.employers).join("，")
        ));
    }
    text.push_str(&format!(
        "{day}以前已经作出的决定不变；{day}起作出决定的，按调整后的规定办理，包括此前已经申请、尚未作出决定的。\n"
    ));
    text.push_str("\n三、怎样办理\n办理渠道和需要的信息不变。您可以在网上查看自己的可提金额，也可以拨打 12329 询问。\n");
    text.push_str(&format!(
        "\n{}\n{}\n",
        office.centre.name,
        chinese_date(office.today())
    ));
    text
}

fn purpose(title: &str) -> String {
    format!("做好{}工作", title.trim_start_matches("关于"))
}

/// The budget in one sentence.
pub fn budget_sentence(extra: Fen, months: i64) -> String {
    if extra == Fen::ZERO {
        return format!("近 {months} 个月的办件按新规定重算，支付总额不变。");
    }
    let word = if extra > Fen::ZERO { "多" } else { "少" };
    let amount = Fen::new(extra.fen().abs());
    let monthly = Fen::new(extra.fen().abs() / months.max(1));
    format!(
        "近 {months} 个月的办件按新规定重算，一共{word}支付 {amount} 元，平均每月 {monthly} 元。"
    )
}
