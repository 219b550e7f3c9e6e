//! What social insurance and the tax bureau say of an employer, told to its clerk with a list (data_sharing.md §4: base check; contribution.md
//! §15: head-count gap). Invariant: a notice, never a refusal; what was heard longer ago than policy believes it is not told.

use anju_casework::employer::Employer;
use anju_casework::{Office, Result};
use anju_domain::money::Fen;
use anju_domain::rate::Bp;
use chrono::TimeDelta;
use sqlx::PgConnection;

use super::arrears::headcount::{self, Heard};
use super::roster::{ListLine, Notice};
use crate::policy::Rules;

/// How the tax bureau calls a taxpayer with whom all is well.
const IN_ORDER: &str = "正常";

/// Notices about a list as a whole.
///
/// # Errors
/// The database; a policy without its numbers.
pub(super) async fn notices(
    office: &Office,
    conn: &mut PgConnection,
    employer: &Employer,
    list: &[ListLine],
) -> Result<Vec<Notice>> {
    let Some(heard) = headcount::of_employer(office, conn, employer.employer_id).await? else {
        return Ok(Vec::new());
    };
    let today = office.today();
    let rules = Rules::on(office, today);
    if heard.asked_on + TimeDelta::days(rules.int("headcount_ask_days")?) < today {
        return Ok(Vec::new());
    }
    let gap = Bp::new(rules.bp("insured_base_gap_bp")?);
    let said = [
        people(&heard, list.len()),
        base(&heard, list, gap),
        tax(&heard),
    ];
    Ok(said.into_iter().flatten().collect())
}

/// More insured than on the list.
fn people(heard: &Heard, listed: usize) -> Option<Notice> {
    let listed = i64::try_from(listed).unwrap_or(i64::MAX);
    let insured = i64::from(heard.insured?);
    let missing = insured - listed;
    (missing > 0).then(|| {
        let message = format!(
            "社保 {} 有 {insured} 人参保，本清册 {listed} 人，少 {missing} 人。漏了的职工请在清册里新增或办理补缴；已经离职的请到社保办理减员。",
            heard.asked_on
        );
        Notice::whole("W-REMIT-07", message)
    })
}

/// The mean base of the list against that of social insurance, both rounded down to the fen: a notice needs no more.
fn base(heard: &Heard, list: &[ListLine], gap: Bp) -> Option<Notice> {
    let insured = i64::from(heard.insured?);
    let listed = i64::try_from(list.len()).unwrap_or(i64::MAX);
    let sum: i64 = list.iter().map(|line| line.base.fen()).sum();
    let theirs = heard.insured_base_fen?.checked_div(insured)?;
    let ours = sum.checked_div(listed)?;
    let low = i128::from(theirs - ours) * 10_000 > i128::from(theirs) * i128::from(gap.bp());
    (low && theirs > 0).then(|| {
        let message = format!(
            "社保 {} 的月均缴费基数是 {} 元，本清册月均 {} 元，低 {gap} 以上。缴存基数应是职工上一年度月平均工资，请核对；少报的请在清册里调整或办理补差。",
            heard.asked_on,
            Fen::new(theirs),
            Fen::new(ours)
        );
        Notice::whole("W-BASE-09", message)
    })
}

/// The tax bureau has the employer as closed, resting or not to be found.
fn tax(heard: &Heard) -> Option<Notice> {
    let state = heard.tax_state.as_deref()?;
    (state != IN_ORDER).then(|| {
        let message = format!(
            "税务登记 {} 的状态是“{state}”。单位停业或注销的，请办理公积金账户封存或销户；状态有误的，请到主管税务机关更正。",
            heard.asked_on
        );
        Notice::whole("W-REMIT-08", message)
    })
}
