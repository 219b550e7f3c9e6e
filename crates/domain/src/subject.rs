//! 会计科目: the chart of accounts (accounting.md §2; first level after 财会字〔1999〕33号). Invariant: the code
//! tells the parent, since a subject's code begins with its parent's.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

/// 科目. A subject of the chart, by its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Subject(i32);

/// 科目类别.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// 资产.
    Asset,
    /// 负债.
    Liability,
    /// 净资产.
    NetWorth,
    /// 收入.
    Income,
    /// 支出.
    Expense,
    /// 表外, single-entry.
    Memo,
}

/// 余额方向. The side on which a balance is positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// 借.
    Debit,
    /// 贷.
    Credit,
}

/// One line of the chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubjectInfo {
    /// Its code.
    pub subject: Subject,
    /// 科目名称.
    pub name_zh: &'static str,
    /// The name in programs.
    pub id: &'static str,
    /// Its class.
    pub class: Class,
    /// The side of its balance.
    pub side: Side,
    /// Whether it is posted to; others are sums of those below them.
    pub leaf: bool,
}

/// The chart, ascending by the codes as text, so that a subject follows its parent.
const CHART: &[SubjectInfo] = &[
    line(
        101,
        "住房公积金存款",
        "fund_deposit",
        Class::Asset,
        Side::Debit,
        false,
    ),
    line(
        10101,
        "活期",
        "fund_demand",
        Class::Asset,
        Side::Debit,
        true,
    ),
    line(10102, "定期", "fund_fixed", Class::Asset, Side::Debit, true),
    line(
        102,
        "增值收益存款",
        "surplus_deposit",
        Class::Asset,
        Side::Debit,
        false,
    ),
    line(
        10201,
        "活期",
        "surplus_demand",
        Class::Asset,
        Side::Debit,
        true,
    ),
    line(
        10202,
        "定期",
        "surplus_fixed",
        Class::Asset,
        Side::Debit,
        true,
    ),
    line(
        111,
        "应收利息",
        "interest_receivable",
        Class::Asset,
        Side::Debit,
        false,
    ),
    line(
        11101,
        "存款应收利息",
        "deposit_interest_rec",
        Class::Asset,
        Side::Debit,
        true,
    ),
    line(
        11102,
        "委托贷款应收利息",
        "loan_interest_rec",
        Class::Asset,
        Side::Debit,
        true,
    ),
    line(
        11103,
        "国债应收利息",
        "bond_interest_rec",
        Class::Asset,
        Side::Debit,
        true,
    ),
    line(
        119,
        "其他应收款",
        "other_receivable",
        Class::Asset,
        Side::Debit,
        false,
    ),
    line(
        11901,
        "抵押物处置差额",
        "collateral_shortfall",
        Class::Asset,
        Side::Debit,
        true,
    ),
    line(
        11902,
        "银行差错",
        "bank_error_rec",
        Class::Asset,
        Side::Debit,
        true,
    ),
    line(
        11903,
        "划转在途",
        "transfer_in_transit",
        Class::Asset,
        Side::Debit,
        true,
    ),
    line(
        11904,
        "应收追偿款",
        "recovery_claim",
        Class::Asset,
        Side::Debit,
        true,
    ),
    line(
        11905,
        "代垫执行费用",
        "enforcement_cost",
        Class::Asset,
        Side::Debit,
        true,
    ),
    line(
        121,
        "委托贷款",
        "entrusted_loan",
        Class::Asset,
        Side::Debit,
        false,
    ),
    line(
        12101,
        "个人住房贷款",
        "housing_loan",
        Class::Asset,
        Side::Debit,
        true,
    ),
    line(
        12102,
        "项目贷款",
        "project_loan",
        Class::Asset,
        Side::Debit,
        true,
    ),
    line(
        122,
        "逾期贷款",
        "overdue_loan",
        Class::Asset,
        Side::Debit,
        true,
    ),
    line(
        124,
        "国家债券",
        "government_bond",
        Class::Asset,
        Side::Debit,
        true,
    ),
    line(
        201,
        "住房公积金",
        "fund_liability",
        Class::Liability,
        Side::Credit,
        true,
    ),
    line(
        211,
        "应付利息",
        "interest_payable",
        Class::Liability,
        Side::Credit,
        true,
    ),
    line(
        214,
        "专项应付款",
        "special_payable",
        Class::Liability,
        Side::Credit,
        false,
    ),
    line(
        21401,
        "管理费用",
        "management_fee_payable",
        Class::Liability,
        Side::Credit,
        true,
    ),
    line(
        21402,
        "城市廉租住房建设补充资金",
        "low_rent_payable",
        Class::Liability,
        Side::Credit,
        true,
    ),
    line(
        219,
        "其他应付款",
        "other_payable",
        Class::Liability,
        Side::Credit,
        false,
    ),
    line(
        21901,
        "暂存款",
        "unit_suspense",
        Class::Liability,
        Side::Credit,
        true,
    ),
    line(
        21902,
        "多缴待退",
        "over_contribution",
        Class::Liability,
        Side::Credit,
        true,
    ),
    line(
        21903,
        "不明来款",
        "unidentified_receipt",
        Class::Liability,
        Side::Credit,
        true,
    ),
    line(
        21904,
        "提取待付",
        "withdrawal_payable",
        Class::Liability,
        Side::Credit,
        true,
    ),
    line(
        21905,
        "退票待处理",
        "returned_payment",
        Class::Liability,
        Side::Credit,
        true,
    ),
    line(
        21906,
        "转移清算",
        "transfer_clearing",
        Class::Liability,
        Side::Credit,
        true,
    ),
    line(
        21907,
        "贷款扣款清算",
        "loan_collect_clearing",
        Class::Liability,
        Side::Credit,
        true,
    ),
    line(
        21908,
        "抵押物处置余款",
        "collateral_surplus",
        Class::Liability,
        Side::Credit,
        true,
    ),
    line(
        21909,
        "贷款暂收",
        "loan_overpaid",
        Class::Liability,
        Side::Credit,
        true,
    ),
    line(
        301,
        "贷款风险准备",
        "loan_risk_reserve",
        Class::NetWorth,
        Side::Credit,
        true,
    ),
    line(
        311,
        "增值收益",
        "value_added_income",
        Class::NetWorth,
        Side::Credit,
        true,
    ),
    line(
        321,
        "增值收益分配",
        "surplus_distribution",
        Class::NetWorth,
        Side::Credit,
        false,
    ),
    line(
        32101,
        "提取贷款风险准备",
        "reserve_distribution",
        Class::NetWorth,
        Side::Credit,
        true,
    ),
    line(
        32102,
        "提取公积金中心管理费用",
        "management_fee_distribution",
        Class::NetWorth,
        Side::Credit,
        true,
    ),
    line(
        32103,
        "城市廉租住房建设补充资金",
        "low_rent_distribution",
        Class::NetWorth,
        Side::Credit,
        true,
    ),
    line(
        32109,
        "待分配增值收益",
        "undistributed",
        Class::NetWorth,
        Side::Credit,
        true,
    ),
    line(
        401,
        "业务收入",
        "operating_income",
        Class::Income,
        Side::Credit,
        false,
    ),
    line(
        40101,
        "住房公积金利息收入",
        "fund_deposit_interest",
        Class::Income,
        Side::Credit,
        true,
    ),
    line(
        40102,
        "增值收益利息收入",
        "surplus_deposit_interest",
        Class::Income,
        Side::Credit,
        true,
    ),
    line(
        40103,
        "委托贷款利息收入",
        "loan_interest",
        Class::Income,
        Side::Credit,
        true,
    ),
    line(
        40104,
        "国家债券利息收入",
        "bond_interest",
        Class::Income,
        Side::Credit,
        true,
    ),
    line(
        40105,
        "其他收入",
        "other_income",
        Class::Income,
        Side::Credit,
        true,
    ),
    line(
        411,
        "业务支出",
        "operating_expense",
        Class::Expense,
        Side::Debit,
        false,
    ),
    line(
        41101,
        "住房公积金利息支出",
        "fund_interest_expense",
        Class::Expense,
        Side::Debit,
        true,
    ),
    line(
        41102,
        "归集手续费支出",
        "collection_fee_expense",
        Class::Expense,
        Side::Debit,
        true,
    ),
    line(
        41103,
        "委托贷款手续费支出",
        "loan_fee_expense",
        Class::Expense,
        Side::Debit,
        true,
    ),
    line(
        41109,
        "其他支出",
        "other_expense",
        Class::Expense,
        Side::Debit,
        true,
    ),
    line(
        901,
        "抵押物",
        "memo_collateral",
        Class::Memo,
        Side::Debit,
        true,
    ),
    line(
        902,
        "表外应收利息和罚息",
        "memo_interest",
        Class::Memo,
        Side::Debit,
        true,
    ),
    line(
        903,
        "已核销贷款",
        "memo_written_off",
        Class::Memo,
        Side::Debit,
        true,
    ),
    line(
        904,
        "已签约未放款",
        "memo_commitment",
        Class::Memo,
        Side::Debit,
        true,
    ),
];

const fn line(
    code: i32,
    name_zh: &'static str,
    id: &'static str,
    class: Class,
    side: Side,
    leaf: bool,
) -> SubjectInfo {
    SubjectInfo {
        subject: Subject(code),
        name_zh,
        id,
        class,
        side,
        leaf,
    }
}

impl Subject {
    /// 活期存款, by bank account.
    pub const FUND_DEMAND: Self = Self(10101);
    /// 住房公积金, by person.
    pub const FUND_LIABILITY: Self = Self(201);
    /// 应付利息.
    pub const INTEREST_PAYABLE: Self = Self(211);
    /// 暂存款, by employer.
    pub const UNIT_SUSPENSE: Self = Self(21901);
    /// 多缴待退.
    pub const OVER_CONTRIBUTION: Self = Self(21902);
    /// 不明来款, by bank account.
    pub const UNIDENTIFIED_RECEIPT: Self = Self(21903);
    /// 提取待付.
    pub const WITHDRAWAL_PAYABLE: Self = Self(21904);
    /// 退票待处理.
    pub const RETURNED_PAYMENT: Self = Self(21905);
    /// 住房公积金利息支出.
    pub const FUND_INTEREST_EXPENSE: Self = Self(41101);

    /// The subject of a code; nothing when the chart has no such line.
    #[must_use]
    pub fn get(code: i32) -> Option<Self> {
        CHART
            .iter()
            .map(|line| line.subject)
            .find(|subject| subject.0 == code)
    }

    /// Every line of the chart, parents before their parts.
    #[must_use]
    pub const fn all() -> &'static [SubjectInfo] {
        CHART
    }

    /// The lines that are posted to, without the memo subjects.
    pub fn leaves() -> impl Iterator<Item = &'static SubjectInfo> {
        CHART
            .iter()
            .filter(|line| line.leaf && line.class != Class::Memo)
    }

    /// Its code.
    #[must_use]
    pub const fn code(self) -> i32 {
        self.0
    }

    /// Its line of the chart.
    #[must_use]
    pub fn info(self) -> &'static SubjectInfo {
        CHART
            .iter()
            .find(|line| line.subject == self)
            .expect("subjects come from the chart")
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = i32::deserialize(deserializer)?;
        Self::get(code)
            .ok_or_else(|| serde::de::Error::custom(format!("the chart has no subject {code}")))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_chart_is_ordered_and_names_its_leaves() {
        let codes: Vec<String> = Subject::all()
            .iter()
            .map(|line| line.subject.to_string())
            .collect();
        assert!(codes.is_sorted_by(|a, b| a < b));
        for line in Subject::all() {
            let code = line.subject.to_string();
            let has_parts = codes
                .iter()
                .any(|other| *other != code && other.starts_with(&code));
            assert_eq!(line.leaf, !has_parts, "{code}");
            assert!(
                code.len() == 3 || codes.contains(&code[..3].to_owned()),
                "{code} has a parent"
            );
        }
        assert_eq!(
            Subject::all()
                .iter()
                .map(|line| line.id)
                .collect::<HashSet<_>>()
                .len(),
            codes.len()
        );
    }

    #[test]
    fn the_side_follows_the_class() {
        for line in Subject::all() {
            let debit = matches!(line.class, Class::Asset | Class::Expense | Class::Memo);
            assert_eq!(line.side == Side::Debit, debit, "{}", line.subject);
        }
        assert_eq!(Subject::get(10101), Some(Subject::FUND_DEMAND));
        assert_eq!(Subject::get(10103), None);
        assert_eq!(Subject::FUND_LIABILITY.info().name_zh, "住房公积金");
    }
}
