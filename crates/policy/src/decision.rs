//! A decision: the value that the page, the API and the chat draw, and the small form of it that is kept. Both come from one
//! evaluation; the texts are written only when somebody looks.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use crate::drawn::{Condition, Conditions, FactRead, FactsRead, Shown, ShownValues, Values};
use crate::fact::At;
use crate::kept;

/// What becomes of the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// 准予. Every condition is met.
    Approved,
    /// 不准. A condition is not met.
    Refused,
    /// 等待. A source has not answered, or a paper is needed.
    Waiting,
    /// 转人工审核. A person must look.
    Review,
}

/// What came of one condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConditionOutcome {
    /// 符合.
    Met,
    /// 不符合.
    NotMet,
    /// 还不知道.
    Unknown,
}

/// What to do about a condition whose source stays silent for `gather_max_wait_hours`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnknown {
    /// Go on waiting, then a reviewer.
    #[default]
    Wait,
    /// Ask the person for the condition's document.
    Paper,
    /// A reviewer decides.
    Review,
}

/// A decision as `doors.md` shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decision {
    /// What becomes of the case.
    pub outcome: Outcome,
    /// The amount in fen: 0 when refused, null while it cannot be computed or the service pays nothing.
    pub amount_fen: Option<i64>,
    /// What of the amount the housing subsidy's account gives, in fen: what is more than the fund's account can give. Nothing where it gives
    /// nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subsidy_fen: Option<i64>,
    /// Every condition in force, in the order in which it is read.
    pub conditions: Conditions,
    /// The exact rules that were used.
    #[serde(serialize_with = "kept::shared")]
    pub policy: Arc<PolicyRef>,
    /// The sources that have not answered.
    pub waiting_for: Vec<WaitingFor>,
    /// The papers that may stand in for a record that a source does not have.
    pub papers: Vec<Paper>,
    /// The papers that may stand in for a source while it stays silent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub instead: Vec<Paper>,
    /// The parts of the amount; the one that binds is marked.
    pub amount_parts: Vec<AmountPart>,
    /// The months that the amount stands for, filled from the earliest until it is spent.
    pub months: Vec<MonthAmount>,
    /// Why a person must look, one sentence each.
    pub review_reasons: Vec<String>,
    /// What sources said differently and the order of precedence has settled: whose word counted, and whose did not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub settled: Vec<Settlement>,
    /// Of a refusal: the first day on which nothing is refused any more, if nothing but time passes; null when time alone does not help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub possible_from: Option<chrono::NaiveDate>,
}

/// A difference between sources that the order of precedence has settled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settlement {
    /// What they speak of: 首付款.
    pub name: String,
    /// Whose word counted.
    pub believed: Vec<Said>,
    /// Whose word did not.
    pub aside: Vec<Said>,
    /// Why.
    pub why: String,
}

/// What one source said of a matter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// `applicant`.
    pub role: String,
    /// `housing.contract_filing`; `form` for what the person filled in.
    #[serde(rename = "type")]
    pub fact_type: String,
    /// `D04`.
    pub source: String,
    /// 市住房城乡建委.
    pub source_name: String,
    /// The instant for which it vouches.
    pub as_of: DateTime<Utc>,
    /// In words: 200,000.00 元.
    pub text: String,
}

impl Settlement {
    /// 首付款：市住房城乡建委 200,000.00 元，建设银行 190,000.00 元；登记机关的信息先于银行或其他中心的，采用前者。
    #[must_use]
    pub fn in_words(&self) -> String {
        let said = |said: &[Said]| {
            let each = said
                .iter()
                .map(|one| format!("{}：{}", one.source_name, one.text));
            each.collect::<Vec<_>>().join("，")
        };
        format!(
            "{}不一致。采用{}；没有采用{}。{}。",
            self.name,
            said(&self.believed),
            said(&self.aside),
            self.why
        )
    }
}

/// One month of an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthAmount {
    /// The month.
    pub month: anju_domain::calendar::Month,
    /// What the rules allow for it, in fen.
    pub allowed_fen: i64,
    /// What of the amount it takes, in fen; less than allowed where the balance is smaller.
    pub fen: i64,
}

/// What is shown of a value that a record leaves out.
pub const NOTHING: &str = "没有";

/// Version and digest of the policy files.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PolicyRef {
    /// `2026-11`.
    pub version: String,
    /// SHA-256 of the files' content, in hex.
    pub digest: String,
}

/// A source that has not answered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WaitingFor {
    /// `D03`.
    pub source: String,
    /// 市规划和自然资源局（不动产登记）.
    pub source_name: String,
    /// `estate.ownership`.
    #[serde(rename = "type")]
    pub fact_type: String,
    /// `spouse`.
    pub role: String,
}

/// A paper that the person may hand in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paper {
    /// The condition that it is for.
    pub condition: String,
    /// 租赁合同.
    pub name: String,
    /// The facts that a teller turns it into.
    pub facts: Vec<PaperFact>,
}

/// A fact that a paper may stand in for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaperFact {
    /// `applicant`.
    pub role: String,
    /// `housing.rental_filing`.
    #[serde(rename = "type")]
    pub fact_type: String,
}

/// One part of the amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmountPart {
    /// 账户可用余额.
    pub label: String,
    /// Its value in fen; null while it is not known.
    pub fen: Option<i64>,
    /// Whether the amount is this one.
    pub binding: bool,
}

/// What is kept of a decision: codes and numbers. Names, law and texts are drawn from the policy that it names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredDecision {
    /// The service.
    pub service: String,
    /// When it was taken.
    #[serde(with = "kept::at")]
    pub at: At,
    /// What became of the case.
    pub outcome: Outcome,
    /// The amount in fen.
    pub amount_fen: Option<i64>,
    /// Each condition's code and outcome, in order.
    #[serde(with = "kept::conditions")]
    pub conditions: Vec<(String, ConditionOutcome)>,
    /// The facts that were read, by their rows.
    #[serde(with = "kept::fact_ids")]
    pub fact_ids: Vec<i64>,
    /// The rules that were used.
    #[serde(with = "kept::policy")]
    pub policy: PolicyRef,
}
