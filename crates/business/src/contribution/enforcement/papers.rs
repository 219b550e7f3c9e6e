//! What the papers of an enforcement say: kept as words when the step is taken, so that a paper is the same whenever it is printed. Names are
//! masked; nobody who complained is named, nor that anybody did.

use anju_casework::employer::Employer;
use anju_casework::{Office, Result};
use anju_domain::calendar::{Month, chinese_date};
use anju_domain::money::Fen;
use anju_vault::NumberKind;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::order::Ordered;
use super::{Enforcement, Kind, Source, Step, step_state};
use crate::contribution::arrears::OwedMonth;
use crate::policy::Rules;

/// Rows that a paper prints; a longer list is on the employer's page.
pub const MOST_ROWS: i64 = 200;

/// A paper as it is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paper {
    /// 住房公积金催缴通知书.
    pub title: String,
    /// Whom it addresses; empty for a paper of the file.
    pub to: String,
    /// What it says.
    pub body: Vec<String>,
    /// Heads of its table; empty where it has none.
    pub columns: Vec<String>,
    /// As many cells each as there are heads.
    pub rows: Vec<Vec<String>>,
    /// What stands under the table.
    pub foot: String,
}

/// What a paper is drawn from.
pub(super) struct Facts<'a> {
    pub(super) one: &'a Enforcement,
    pub(super) employer: &'a Employer,
    pub(super) today: NaiveDate,
    pub(super) term_on: Option<NaiveDate>,
    pub(super) amount: Option<Fen>,
    pub(super) evidence: &'a str,
    pub(super) owed: Vec<OwedMonth>,
    pub(super) people: Vec<Ordered>,
    pub(super) steps: &'a [Step],
    pub(super) rules: Rules,
}

impl Facts<'_> {
    fn term(&self) -> String {
        self.term_on.map_or_else(String::new, chinese_date)
    }

    fn sum(&self) -> String {
        self.amount.map_or_else(String::new, |amount| {
            format!("人民币 {amount} 元（{}）", amount.capitals())
        })
    }

    /// The paper of this kind that was issued last.
    fn before(&self, kind: Kind) -> Option<&Step> {
        self.steps
            .iter()
            .rev()
            .find(|step| step.kind == kind as i16 && step.state == step_state::DONE)
    }

    fn cited(&self, kind: Kind) -> String {
        self.before(kind)
            .map_or_else(String::new, |step| step.document_no.clone())
    }
}

/// Draws the paper of a step.
pub(super) fn draw(office: &Office, kind: Kind, facts: &Facts<'_>) -> Result<Value> {
    let mut paper = Paper {
        title: kind.title().to_owned(),
        to: facts.employer.name.clone(),
        ..Paper::default()
    };
    match kind {
        Kind::Notice => notice(&mut paper, facts),
        Kind::Filing => {
            paper.to = String::new();
            paper.body = vec![
                format!(
                    "当事人：{}（统一社会信用代码 {}）。",
                    facts.employer.name, facts.employer.uscc
                ),
                format!(
                    "案由：{}。催缴通知书 {} 期满仍未缴存。",
                    cause(facts.one),
                    facts.cited(Kind::Notice)
                ),
                format!(
                    "依据：住房公积金管理条例第三十七条、第三十八条。证据：{}。",
                    facts.evidence
                ),
            ];
        }
        Kind::Inform => {
            paper.body = vec![
                format!(
                    "经查，你单位{}，事实有以下证据：{}。",
                    cause(facts.one),
                    facts.evidence
                ),
                if facts.amount.is_some() {
                    format!(
                        "依据住房公积金管理条例第三十八条，拟责令你单位为下列职工补缴住房公积金，合计{}。",
                        facts.sum()
                    )
                } else {
                    format!(
                        "依据住房公积金管理条例第三十七条，拟对你单位处以 {} 元至 {} 元的罚款。",
                        facts.rules.fen("fine_min_fen", &[])?,
                        facts.rules.fen("fine_max_fen", &[])?
                    )
                },
                format!(
                    "你单位有权陈述和申辩，可以在 {} 前在单位网厅“催缴”里提出，或者到我中心书面提出。逾期视为放弃。",
                    facts.term()
                ),
            ];
            people(office, &mut paper, facts);
        }
        Kind::Order => {
            let heard = if facts.before(Kind::Statement).is_some() {
                "你单位提出的陈述申辩，我中心已经复核"
            } else {
                "你单位在规定的期限内没有提出陈述申辩"
            };
            paper.body = vec![
                format!(
                    "经查，你单位{}。{} 号告知书送达后，{heard}。证据：{}。",
                    cause(facts.one),
                    facts.cited(Kind::Inform),
                    facts.evidence
                ),
                format!(
                    "依据住房公积金管理条例第三十八条，责令你单位在 {} 前为下列职工补缴住房公积金，合计{}。",
                    facts.term(),
                    facts.sum()
                ),
                format!(
                    "不服本决定，可以自收到之日起 {} 日内申请行政复议，或者 {} 个月内提起行政诉讼。期满不复议、不起诉又不履行的，依法申请人民法院强制执行。",
                    facts.rules.int("reconsider_days")?,
                    facts.rules.int("litigate_months")?
                ),
            ];
            people(office, &mut paper, facts);
        }
        Kind::Fine => {
            paper.body = vec![
                format!("经查，你单位{}，逾期不办理。证据：{}。", cause(facts.one), facts.evidence),
                format!("依据住房公积金管理条例第三十七条，对你单位处以罚款{}，在 {} 前缴到财政指定账户。", facts.sum(), facts.term()),
                "罚款不免除为职工设立账户和缴存的义务。不服本决定，可以依法申请行政复议或者提起行政诉讼。".to_owned(),
            ];
        }
        Kind::Court => {
            paper.to = "人民法院".to_owned();
            paper.body = vec![
                format!(
                    "被申请人：{}（统一社会信用代码 {}）。",
                    facts.employer.name, facts.employer.uscc
                ),
                format!(
                    "{} 已经生效，被申请人在法定期限内没有申请复议、提起诉讼，也没有履行。尚欠{}。",
                    facts.cited(Kind::Order),
                    facts.sum()
                ),
                format!(
                    "依据住房公积金管理条例第三十八条，申请强制执行。证据：{}。",
                    facts.evidence
                ),
            ];
            people(office, &mut paper, facts);
        }
        Kind::Executed | Kind::Paid => {
            paper.body = vec![format!(
                "{}。本件于 {} 结案。",
                facts.evidence,
                chinese_date(facts.today)
            )];
        }
        Kind::Terminated => {
            paper.to = String::new();
            paper.body = vec![format!(
                "人民法院终结执行：{}。债权已经申报；以后入账的，恢复办理并结案。",
                facts.evidence
            )];
        }
        Kind::Unfounded => {
            paper.to = String::new();
            paper.body = vec![format!(
                "线索“{}”经核查不成立：{}。",
                facts.one.source().name(),
                facts.evidence
            )];
        }
        Kind::Statement => {}
    }
    Ok(serde_json::to_value(&paper)?)
}

/// What the employer is told that it did, without who said it.
fn cause(one: &Enforcement) -> String {
    let months = one.months();
    match one.source() {
        Source::Due => "没有按时缴存住房公积金".to_owned(),
        Source::Complaint if one.no_account => "没有为职工设立住房公积金账户".to_owned(),
        Source::Complaint if months.is_empty() => "没有为职工足额缴存住房公积金".to_owned(),
        Source::Complaint => format!("{months}没有为职工足额缴存住房公积金"),
        Source::Headcount => format!(
            "参加社会保险的人数比缴存住房公积金的人数多 {} 人，没有为这些职工设立账户",
            one.gap.unwrap_or(0)
        ),
        Source::LateRegistration => "设立后没有在规定的期限内办理缴存登记".to_owned(),
    }
}

fn notice(paper: &mut Paper, facts: &Facts<'_>) {
    let one = facts.one;
    let ask = format!("请在 {} 前", facts.term());
    paper.body = match one.source() {
        Source::Due => {
            let total: Fen = facts
                .owed
                .iter()
                .map(|month| Fen::new(month.owed_fen))
                .sum();
            paper.columns = ["月份", "应缴日", "人数", "欠缴（元）"]
                .map(str::to_owned)
                .to_vec();
            paper.rows = facts
                .owed
                .iter()
                .take(usize::try_from(MOST_ROWS).unwrap_or(usize::MAX))
                .map(|month| {
                    vec![
                        Month::from_index(month.month).chinese(),
                        chinese_date(month.due_on),
                        month.people.to_string(),
                        Fen::new(month.owed_fen).to_string(),
                    ]
                })
                .collect();
            vec![
                format!(
                    "截至 {}，你单位有 {} 个月的住房公积金到期没有缴存，合计 {total} 元。",
                    chinese_date(facts.today),
                    facts.owed.len()
                ),
                format!(
                    "依据住房公积金管理条例第十九条、第二十条，{ask}登记清册并缴款。有困难的，可以申请缓缴或者降低缴存比例。"
                ),
            ]
        }
        Source::LateRegistration => vec![
            "你单位设立后超过三十日才办理缴存登记。".to_owned(),
            format!(
                "依据住房公积金管理条例第十四条，{ask}核对设立以来的职工和工资，补缴应缴的月份。"
            ),
        ],
        Source::Complaint | Source::Headcount => vec![
            format!("经核对，你单位可能{}。", cause(one)),
            format!(
                "依据住房公积金管理条例第十五条、第二十条，{ask}自查，为应缴未缴的职工设立账户、补缴，或者书面说明情况。"
            ),
        ],
    };
    paper.body.push(
        "有不同意见，可以在单位网厅“催缴”里书面说明。逾期不缴存又不说明的，依法立案。".to_owned(),
    );
}

fn people(office: &Office, paper: &mut Paper, facts: &Facts<'_>) {
    let most = usize::try_from(MOST_ROWS).unwrap_or(usize::MAX);
    if facts.people.is_empty() {
        return;
    }
    paper.columns = ["姓名", "个人账号", "月份", "单位（元）", "个人（元）"]
        .map(str::to_owned)
        .to_vec();
    paper.rows = facts
        .people
        .iter()
        .take(most)
        .map(|one| {
            let months = if one.from == one.to {
                one.from.to_string()
            } else {
                format!("{}至{} {} 个月", one.from, one.to, one.months)
            };
            vec![
                one.name_masked.clone(),
                office.numbers.encode(NumberKind::Account, one.account_id),
                months,
                one.employer.to_string(),
                one.employee.to_string(),
            ]
        })
        .collect();
    if facts.people.len() > most {
        paper.foot = format!("本表只印前 {most} 人，全部名单在单位网厅“催缴”里。");
    }
}
