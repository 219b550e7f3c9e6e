//! Who the departments and institutions are, and what each can be asked (data-sharing agreement, 28 of them).

/// A source: code, name, what it can be asked.
pub struct Source {
    /// `D03`.
    pub code: &'static str,
    /// 名称.
    pub name: &'static str,
    /// Fact types.
    pub types: &'static [&'static str],
}

const BANK_TYPES: &[&str] = &[
    "bank.card_match",
    "bank.account_match",
    "bank.commercial_loan",
    "bank.loan_repayment",
    "bank.statement",
];

const fn source(code: &'static str, name: &'static str, types: &'static [&'static str]) -> Source {
    Source { code, name, types }
}

/// All sources, in the order of the data-sharing agreement.
pub static SOURCES: &[Source] = &[
    source(
        "D01",
        "市公安局",
        &[
            "police.identity",
            "police.face_match",
            "police.hukou",
            "police.hukou_move",
            "police.kinship",
            "police.children",
        ],
    ),
    source(
        "D02",
        "市民政局",
        &[
            "civil.marriage",
            "civil.min_living",
            "civil.death",
            "civil.guardianship",
        ],
    ),
    source(
        "D03",
        "市规划和自然资源局",
        &["estate.ownership", "estate.title", "estate.mortgage"],
    ),
    source(
        "D04",
        "市住房城乡建委",
        &[
            "housing.contract_filing",
            "housing.rental_filing",
            "housing.build_permit",
            "housing.elevator_project",
            "housing.presale",
        ],
    ),
    source(
        "D05",
        "市人力社保局",
        &[
            "hrss.employment",
            "hrss.retirement",
            "hrss.social_insurance",
            "hrss.work_capacity",
        ],
    ),
    source(
        "D06",
        "市市场监管局",
        &[
            "market.registration",
            "market.elicence",
            "market.status_change",
        ],
    ),
    source(
        "D07",
        "市税务局",
        &[
            "tax.registration",
            "tax.invoice",
            "tax.deed_tax",
            "tax.income",
            "tax.income_statement",
        ],
    ),
    source(
        "D08",
        "市高级人民法院",
        &[
            "court.freeze_order",
            "court.enforcement",
            "court.judgment",
            "court.death_declaration",
        ],
    ),
    source("D09", "人民银行征信中心", &["pboc.credit_report"]),
    source(
        "D10",
        "市卫生健康委",
        &["health.diagnosis", "health.death_cert"],
    ),
    source("D11", "市医保局", &["medins.settlement"]),
    source("D12", "市残联", &["disabled.certificate"]),
    source("D13", "出入境管理部门", &["immigration.settlement"]),
    source(
        "D14",
        "市大数据发展局",
        &["bigdata.sso", "bigdata.ecert", "notary.inheritance"],
    ),
    source(
        "D15",
        "住建部全国平台",
        &[
            "nhpf.transfer_contact",
            "nhpf.contribution_elsewhere",
            "nhpf.loan_elsewhere",
            "nhpf.account_elsewhere",
            "nhpf.withdrawal_elsewhere",
            "nhpf.blacklist",
        ],
    ),
    source(
        "D16",
        "全国公积金银行结算系统",
        &["settle.payment_status", "settle.account_notice"],
    ),
    source(
        "D17",
        "四川各公积金中心",
        &["sichuan.account", "sichuan.loan_record"],
    ),
    source("D18", "中国银联", &["unionpay.card_auth"]),
    source(
        "D19",
        "市财政局、编办",
        &["org.institution", "finance.subsidy"],
    ),
    source("D20", "重庆英才计划主管部门", &["talent.card"]),
    source("B1", "工商银行", BANK_TYPES),
    source("B2", "农业银行", BANK_TYPES),
    source("B3", "中国银行", BANK_TYPES),
    source("B4", "建设银行", BANK_TYPES),
    source("B5", "交通银行", BANK_TYPES),
    source("B6", "邮储银行", BANK_TYPES),
    source("B7", "重庆银行", BANK_TYPES),
    source("B8", "重庆农商行", BANK_TYPES),
];

/// The source of a code.
pub fn source_of(code: &str) -> Option<&'static Source> {
    SOURCES.iter().find(|source| source.code == code)
}
