//! 为什么: the decision and what would change it.

use anju_policy::Decision;
use askama::Template;
use askama_web::WebTemplate;

use crate::components::{Condition, Formula, Remedy, Tone, Verdict, filters};
use crate::frame::{MyFrame, MyTab};
use crate::service::explain;

/// The page of a decision, of a case or of a precheck.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "service/decision.html")]
pub struct DecisionPage {
    /// Frame.
    pub frame: MyFrame,
    /// The outcome and why, in two sentences.
    pub verdict: Verdict,
    /// 怎样就会通过, or what happens next.
    pub remedy: Option<Remedy>,
    /// Every condition.
    pub conditions: Vec<Condition>,
    /// What sources said differently, and who was believed.
    pub settled: Vec<String>,
    /// 能提多少 or 如果符合，能提多少.
    pub formula_title: String,
    /// The amount as a sum.
    pub formula: Option<Formula>,
    /// Version of the policy.
    pub policy_version: String,
    /// Its digest, in groups.
    pub policy_digest: String,
    /// The case; none for a precheck.
    pub case_no: Option<String>,
    /// Where the proof is.
    pub proof: Option<String>,
    /// Where the whole policy can be read.
    pub policy_text: String,
}

impl DecisionPage {
    /// The decision on a service, of a case or of a precheck.
    #[must_use]
    pub fn of(
        frame: MyFrame,
        decision: &Decision,
        service: &str,
        case_no: Option<String>,
    ) -> DecisionPage {
        DecisionPage {
            frame,
            verdict: explain::verdict(decision, "可提取"),
            remedy: explain::remedy(decision),
            conditions: explain::conditions(decision),
            settled: explain::settled(decision),
            formula_title: explain::formula_title(decision).into(),
            formula: explain::formula(decision),
            policy_version: decision.policy.version.clone(),
            policy_digest: explain::short_digest(&decision.policy.digest),
            case_no,
            proof: None,
            policy_text: format!("/policy/{service}"),
        }
    }

    /// Not met, unknown, met, each in the policy's own order.
    fn sorted(&self) -> Vec<&Condition> {
        let mut sorted: Vec<&Condition> = self.conditions.iter().collect();
        sorted.sort_by_key(|condition| condition.weight());
        sorted
    }

    fn counts(&self) -> String {
        let count = |tone| {
            self.conditions
                .iter()
                .filter(|condition| condition.state.tone == tone)
                .count()
        };
        let parts = [
            ("不符合", count(Tone::Fail)),
            ("还不知道", count(Tone::Unknown)),
            ("符合", count(Tone::Pass)),
        ];
        let said: Vec<String> = parts
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(word, count)| format!("{word} {count}"))
            .collect();
        said.join(" · ")
    }
}
