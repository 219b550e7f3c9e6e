//! The words of documents: title, facts and tables out of what a document says, the same on paper and on pages.

use anju_business::papers::certificate::{self, Certificate};
use anju_business::papers::employer::{self, EmployerCertificate};
use anju_business::papers::receipt::{self, ReceiptSaid};
use anju_business::papers::statement::{self, Statement, Which};
use anju_casework::document::kind;
use anju_casework::{Fault, Result};
use anju_domain::calendar::{Month, chinese_date};
use anju_domain::clock::chinese_second;
use anju_domain::money::Fen;
use anju_domain::rate::Bp;
use anju_paper::{SheetFact, SheetTable};
use chrono::Datelike;
use serde_json::Value;

/// A document in words.
pub(crate) struct Drawn {
    pub(crate) title: String,
    pub(crate) lead: String,
    pub(crate) facts: Vec<SheetFact>,
    pub(crate) tables: Vec<SheetTable>,
    pub(crate) notes: Vec<String>,
}

/// The words of a document of a kind, out of its data, masked or not.
pub(crate) fn drawn(document_kind: &str, data: &Value) -> Result<Drawn> {
    match document_kind {
        kind::CONTRIBUTION | kind::REMOTE_LOAN => Ok(of_person(&certificate::read(data)?)),
        kind::EMPLOYER => Ok(of_employer(&employer::read(data)?)),
        kind::STATEMENT => Ok(of_year(&statement::read(data)?)),
        kind::RECEIPT => Ok(of_payment(&receipt::read(data)?)),
        other => Err(Fault::Stored(format!("nobody draws a document of kind {other}")).into()),
    }
}

/// What a document is called in a list, without opening it.
pub(crate) fn title(document_kind: &str, scope: &str) -> String {
    match document_kind {
        kind::CONTRIBUTION => "住房公积金缴存证明".to_owned(),
        kind::REMOTE_LOAN => format!("异地贷款缴存使用证明（{scope}）"),
        kind::EMPLOYER => {
            let mut parts = scope.splitn(3, '/');
            let (from, to) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
            format!("单位缴存证明（{}至{}）", month(from), month(to))
        }
        kind::STATEMENT => {
            let (year, fund) = match scope.split_once(':') {
                Some((year, _)) => (year, "住房补贴"),
                None => (scope, ""),
            };
            match year.parse::<i32>() {
                Ok(year) => format!("{year}—{} {fund}年度对账单", year + 1),
                Err(_) => format!("{fund}年度对账单"),
            }
        }
        _ => format!("业务回单（{scope}）"),
    }
}

fn fact(label: &str, value: impl Into<String>) -> SheetFact {
    SheetFact {
        label: label.to_owned(),
        value: value.into(),
        strong: false,
    }
}

fn strong(label: &str, value: impl Into<String>) -> SheetFact {
    SheetFact {
        strong: true,
        ..fact(label, value)
    }
}

fn yuan(fen: i64) -> String {
    format!("{} 元", Fen::new(fen))
}

/// `2026年10月`; what is no month stays as it is.
fn month(text: &str) -> String {
    Month::parse(text).map_or_else(|_| text.to_owned(), Month::chinese)
}

fn of_person(said: &Certificate) -> Drawn {
    let for_loan = said.purpose == "loan";
    let state = match (said.account_state.as_str(), said.frozen) {
        ("sealed", false) => "封存",
        ("sealed", true) => "封存，有冻结",
        (_, false) => "正常",
        (_, true) => "正常，有冻结",
    };
    let months = match (&said.first_month, &said.last_month) {
        (Some(first), Some(last)) => format!("{}至{}", month(first), month(last)),
        _ => "还没有缴存".to_owned(),
    };
    let mut facts = vec![
        strong("姓名", &said.name),
        fact("证件号码", &said.id_no),
        fact("个人账号", &said.account_no),
        fact("账户状态", state),
        strong("缴存单位", &said.employer),
        fact("开户年月", month(&said.opened_month)),
        fact("缴存起止", months),
        strong("连续缴存", format!("{} 个月", said.continuous_months)),
        fact("缴存基数", yuan(said.base_fen)),
        fact(
            "缴存比例",
            format!(
                "单位 {} + 个人 {}",
                Bp::new(said.ratio_employer_bp),
                Bp::new(said.ratio_employee_bp)
            ),
        ),
        fact("月缴存额", yuan(said.monthly_fen)),
        strong("账户余额", yuan(said.balance_fen)),
    ];
    if let Some(loans) = &said.loans {
        facts.push(strong(
            "公积金贷款",
            format!("本中心 {} 笔，外地 {} 笔", loans.here, loans.elsewhere),
        ));
        facts.push(fact("未还贷款", yuan(loans.outstanding_fen)));
    }
    if let Some(city) = &said.destination {
        let words = match &said.destination_name {
            Some(name) => name.clone(),
            None => format!("{city}（行政区划代码）"),
        };
        facts.push(fact("用于", words));
    }
    facts.push(fact("办件编号", &said.case_id));
    facts.push(fact("联系方式", &said.contact));
    let tables = if said.months.is_empty() {
        Vec::new()
    } else {
        vec![SheetTable {
            title: format!("最近 {} 个月缴存", said.months.len()),
            columns: vec![
                ("月份".to_owned(), false),
                ("缴存基数（元）".to_owned(), true),
                ("缴存额（元）".to_owned(), true),
            ],
            rows: said
                .months
                .iter()
                .map(|one| {
                    vec![
                        month(&one.month),
                        Fen::new(one.base_fen).to_string(),
                        Fen::new(one.amount_fen).to_string(),
                    ]
                })
                .collect(),
        }]
    };
    Drawn {
        title: if for_loan {
            "异地贷款职工住房公积金缴存使用证明"
        } else {
            "住房公积金缴存证明"
        }
        .to_owned(),
        lead: format!(
            "兹证明{}在本中心缴存住房公积金，截至出具时情况如下。",
            said.name
        ),
        facts,
        tables,
        notes: if for_loan {
            vec!["贷款中心办结后请把回执发给本中心。证明有效期内，账户不办理提取；不用了可以在网上作废。".to_owned()]
        } else {
            Vec::new()
        },
    }
}

fn of_employer(said: &EmployerCertificate) -> Drawn {
    let owed = match (said.owed_months, said.owed_fen) {
        (0, _) => "没有欠缴".to_owned(),
        (months, 0) => format!("欠缴 {months} 个月，还没有登记清册"),
        (months, fen) => format!("欠缴 {months} 个月，已登记清册未付 {}", yuan(fen)),
    };
    let mut facts = vec![
        strong("单位名称", &said.employer),
        fact("统一社会信用代码", &said.uscc),
        fact("单位账号", &said.employer_no),
        fact("首次汇缴", month(&said.first_month)),
        fact(
            "缴存职工",
            format!("正常 {} 人，封存 {} 人", said.people, said.sealed_people),
        ),
        fact(
            "证明期间",
            format!("{}至{}", month(&said.from_month), month(&said.to_month)),
        ),
        strong(
            "已缴",
            format!("{} 个月，{}", said.paid_months, yuan(said.paid_fen)),
        ),
        strong("欠缴", owed),
        fact(
            "缓缴",
            if said.deferred {
                "缓缴中"
            } else {
                "没有缓缴"
            },
        ),
    ];
    if let Some(purpose) = &said.purpose {
        facts.push(fact("用途", purpose));
    }
    facts.push(fact("办件编号", &said.case_id));
    facts.push(fact("联系方式", &said.contact));
    Drawn {
        title: "单位住房公积金缴存证明".to_owned(),
        lead: format!(
            "兹证明{}在本中心缴存住房公积金的情况如下，均按账面记录。",
            said.employer
        ),
        facts,
        tables: vec![SheetTable {
            title: "各月缴存".to_owned(),
            columns: vec![
                ("月份".to_owned(), false),
                ("状态".to_owned(), false),
                ("分配到个人".to_owned(), false),
                ("人数".to_owned(), true),
                ("金额（元）".to_owned(), true),
                ("补缴（元）".to_owned(), true),
            ],
            rows: said
                .months
                .iter()
                .map(|one| {
                    vec![
                        month(&one.month),
                        match one.state.as_str() {
                            "paid" => "已缴".to_owned(),
                            "owed" => format!("欠缴（应于{}前缴）", chinese_date(one.due_on)),
                            _ => "未到期".to_owned(),
                        },
                        one.paid_on.map_or_else(String::new, chinese_date),
                        one.people
                            .map_or_else(String::new, |people| people.to_string()),
                        one.amount_fen
                            .map_or_else(String::new, |fen| Fen::new(fen).to_string()),
                        match one.back_payment_fen {
                            0 => String::new(),
                            fen => Fen::new(fen).to_string(),
                        },
                    ]
                })
                .collect(),
        }],
        notes: vec!["没有登记清册的月份没有金额；已登记未付清的，金额是还差的数。".to_owned()],
    }
}

/// `11月汇缴`, `年度结息`.
pub(crate) fn entry_words(entry: &statement::Entry) -> String {
    let month = entry
        .month
        .as_deref()
        .and_then(|text| Month::parse(text).ok());
    match month {
        Some(month) => format!("{}月{}", month.first_day().month(), entry.what),
        None => entry.what.clone(),
    }
}

fn of_year(said: &Statement) -> Drawn {
    let (fund, paid_in, employer) = match said.which {
        Which::Fund => ("住房公积金", "本年缴存", "缴存单位"),
        Which::Subsidy => ("住房补贴", "本年补贴", "发放单位"),
    };
    let mut facts = vec![
        strong("姓名", &said.name),
        fact("证件号码", &said.id_no),
        fact("个人账号", &said.account_no),
        fact(employer, &said.employer),
    ];
    if said.which == Which::Fund {
        facts.push(fact("缴存基数", yuan(said.base_fen)));
    }
    facts.extend([
        fact("上年结转", yuan(said.opening_fen)),
        fact(paid_in, yuan(said.contributed_fen)),
        fact("本年结息", yuan(said.interest_fen)),
        fact("本年提取", yuan(said.withdrawn_fen)),
        strong("年末余额", yuan(said.closing_fen)),
    ]);
    Drawn {
        title: format!("{fund}年度对账单（{}—{}）", said.year, said.year + 1),
        lead: format!(
            "缴存年度：{}至{}。上年结转 + {paid_in} + 本年结息 − 本年提取 = 年末余额。",
            chinese_date(said.from),
            chinese_date(said.to)
        ),
        facts,
        tables: vec![SheetTable {
            title: "明细".to_owned(),
            columns: vec![
                ("日期".to_owned(), false),
                ("摘要".to_owned(), false),
                ("金额（元）".to_owned(), true),
                ("余额（元）".to_owned(), true),
            ],
            rows: said
                .entries
                .iter()
                .map(|entry| {
                    vec![
                        entry.date.to_string(),
                        entry_words(entry),
                        Fen::new(entry.amount_fen).to_string(),
                        Fen::new(entry.balance_fen).to_string(),
                    ]
                })
                .collect(),
        }],
        notes: vec!["单位和基数是出具时的。对账单没有有效期；账目更正后会出新的一份。".to_owned()],
    }
}

/// A receipt has a paper of its own; these are the words of the page that checks it.
fn of_payment(said: &ReceiptSaid) -> Drawn {
    let mut facts = vec![
        strong("事项", &said.service),
        fact("申请人", format!("{} {}", said.name, said.id_no)),
        strong("金额", yuan(said.amount_fen)),
        fact("收款账户", &said.payee),
        fact("办件编号", &said.case_id),
        strong("状态", &said.state),
    ];
    if let Some(fen) = said.subsidy_fen {
        facts.insert(3, fact("其中住房补贴账户", yuan(fen)));
    }
    facts.extend(
        said.times
            .iter()
            .map(|(label, at)| fact(label, chinese_second(*at))),
    );
    facts.push(fact("规则版本", &said.policy_version));
    Drawn {
        title: "业务回单".to_owned(),
        lead: String::new(),
        facts,
        tables: Vec::new(),
        notes: Vec::new(),
    }
}
