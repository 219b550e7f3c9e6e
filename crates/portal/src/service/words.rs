//! 办件状态对外的说法: the one table from the state of a case to what people read.

use crate::components::{State, Tone};

/// Where a case stands, as finely as people are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Taken in.
    Submitted,
    /// Departments are asked.
    Gathering,
    /// A department does not answer.
    Silent,
    /// The person has to hand something in.
    NeedsPaper,
    /// The rules have answered.
    Decided,
    /// A person looks at it.
    Reviewing,
    /// 核查: it is held, its clock stands still.
    Held,
    /// Money is on its way.
    Paying,
    /// Done without money.
    Doing,
    /// The bank has not said whether it paid.
    Querying,
    /// Done.
    Done,
    /// Not granted.
    Refused,
    /// Taken back by the person.
    Withdrawn,
    /// Granted and not carried out.
    Failed,
}

/// What else is known of a case beside the name of its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Circumstances {
    /// A source that was asked has not answered in its time.
    pub source_is_silent: bool,
    /// A paper is asked for.
    pub needs_paper: bool,
    /// Its effect is a payment.
    pub pays: bool,
    /// The bank's answer is unknown and is being queried.
    pub payment_is_unknown: bool,
}

impl Stage {
    /// The stage of a case by the name of its state (doors.md §2); none for a name that is no state.
    #[must_use]
    pub fn of(state: &str, seen: Circumstances) -> Option<Stage> {
        Some(match state {
            "submitted" => Stage::Submitted,
            "gathering" if seen.needs_paper => Stage::NeedsPaper,
            "gathering" if seen.source_is_silent => Stage::Silent,
            "gathering" => Stage::Gathering,
            "decided" => Stage::Decided,
            "reviewing" => Stage::Reviewing,
            "executing" if seen.payment_is_unknown => Stage::Querying,
            "executing" if seen.pays => Stage::Paying,
            "executing" => Stage::Doing,
            "done" => Stage::Done,
            "refused" => Stage::Refused,
            "withdrawn" => Stage::Withdrawn,
            "failed" => Stage::Failed,
            _ => return None,
        })
    }

    /// Word, icon and colour.
    #[must_use]
    pub fn state(self) -> State {
        match self {
            Stage::Submitted => State::wait("已提交"),
            Stage::Gathering => State::wait("正在核对"),
            Stage::Silent => State::unknown("等部门回复"),
            Stage::NeedsPaper => State::wait("待补充材料").with_icon("alert"),
            Stage::Decided => State::wait("已有结果"),
            Stage::Reviewing => State::wait("人工复核中"),
            Stage::Held => State::wait("核查中").with_icon("alert"),
            Stage::Paying => State::wait("正在付款"),
            Stage::Doing => State::wait("正在办理"),
            Stage::Querying => State::unknown("正在与银行核对"),
            Stage::Done => State::pass("办好了"),
            Stage::Refused => State::fail("没有通过"),
            Stage::Withdrawn => State::idle("您已撤回"),
            Stage::Failed => State::new(Tone::Fail, "没有办成").with_icon("alert"),
        }
    }

    /// Will anything still happen by itself?
    #[must_use]
    pub fn is_moving(self) -> bool {
        !matches!(
            self,
            Stage::Done | Stage::Refused | Stage::Withdrawn | Stage::Failed
        )
    }
}

/// A step of what a service does about an approved case, and of the life of what was approved.
#[must_use]
pub fn work_step(step: &str) -> Option<&'static str> {
    Some(match step {
        "first_approved" => "第一人通过，等第二人",
        "cancelled" => "单位账户已注销",
        "sealed" => "单位账户已封存",
        "unsealed" => "单位账户已恢复",
        "old_employer_told" => "已通知原单位封存",
        "old_sealed" => "原单位已封存",
        "pushed_out" => "原单位已转出",
        "moved" => "账户已转移",
        "moved_by_time" => "原单位逾期没有封存，凭社保记录自动转入",
        "merged" => "单位已合并",
        "seen_to" => "已处理",
        "revised" => "改清册，到账的钱留在单位暂存款",
        "debited" => "已从职工账户退出",
        "from_suspense" => "已从单位暂存款划出",
        "to_suspense" => "已转入单位暂存款",
        "refund_returned" => "银行把退款退回来了",
        "corrected" => "错账已调整",
        "reversed" => "分配已冲正",
        "deferred" => "缓缴已批准",
        "deferral_began" => "缓缴开始",
        "deferral_ended" => "缓缴到期，开始补缴",
        "reduced" => "降低比例已批准",
        "ratio_returned" => "比例已恢复",
        "resumed" => "提前恢复",
        "made_up" => "补缴到账",
        "breached" => "有一期没有按时补足",
        "closed" => "已结束",
        "extract_given" => "缴存记录给了银行",
        "extract_denied" => "银行再要缴存记录，授权已结束，没有给",
        "credit_granted" => "银行给了授信",
        "credit_refused" => "银行没有给授信",
        "credit_used" => "银行报来用信金额",
        "consent_withdrawn" => "收回了授权",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_source_is_not_known_rather_than_refused() {
        let silent = Circumstances {
            source_is_silent: true,
            ..Circumstances::default()
        };
        let stage = Stage::of("gathering", silent).expect("a state");
        assert_eq!(stage.state(), State::unknown("等部门回复"));
        assert!(stage.is_moving());
    }

    #[test]
    fn an_unanswered_payment_is_queried_and_not_called_paid() {
        let unknown = Circumstances {
            pays: true,
            payment_is_unknown: true,
            ..Circumstances::default()
        };
        assert_eq!(Stage::of("executing", unknown), Some(Stage::Querying));
        assert_eq!(Stage::of("paid", unknown), None);
    }
}
