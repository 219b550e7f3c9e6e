//! The rows of a roster against the employer's books: what the list of the month becomes.
//!
//! Invariant: either every fault of the file is named, or the whole resulting list comes back, whose sum,
//! counts and differences to the month before agree to the fen.

use std::collections::{HashMap, HashSet};

use anju_domain::calendar::Month;
use anju_domain::contribution::{AmountRounding, BaseLimits, Ratios};
use anju_domain::id_number::IdNumber;
use anju_domain::money::Fen;
use anju_domain::name::PersonName;
use anju_domain::rate::Bp;
use rayon::prelude::*;

use super::difference::{Difference, Equation, LastLine, differences};
use super::fault::{Absent, Column, Fault, Notice, Remedy};
use super::line::{Change, Field, PART, RosterLine};
use super::list::{Counts, ListLine, digest};
use super::ratio::RatioPlan;
use super::rules::{Outcome, RowCheck};
use super::verification::Verification;

/// What a roster holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Everybody in it (全量).
    Complete,
    /// Only who changes (变更).
    Changes,
    /// The bases of a contribution year (年度基数申报): every row is a base, new or confirmed, and everybody who contributes stands in one.
    Bases,
}

/// The employer and its month, as the books and the policy say.
#[derive(Debug)]
pub struct Context<'c> {
    /// The month of the roster.
    pub month: Month,
    /// Complete or changes only.
    pub mode: Mode,
    /// The employer never had a roster: an empty 变更 means 新增.
    pub is_first: bool,
    /// Nobody may be left to contribute: the list is not paid, it only says who is a member.
    pub may_be_empty: bool,
    /// The employer's ratios.
    pub ratios: Ratios,
    /// May the employer change them now, and if not, why.
    pub ratio_change: RatioChange,
    /// The policy of the month.
    pub policy: &'c RosterPolicy,
    /// Everybody who contributes or is sealed at this employer.
    pub members: &'c HashMap<IdNumber, Member>,
    /// Accounts that people of the roster have elsewhere in the centre.
    pub elsewhere: &'c HashMap<IdNumber, Elsewhere>,
    /// What the police answered; a person without an answer is not verified yet.
    pub police: &'c HashMap<IdNumber, PoliceAnswer>,
    /// The list of the month before, empty before the first.
    pub last_month: &'c [LastLine],
}

/// The numbers of contribution.md §4, §5 and §19 that a roster meets, for its month and employer.
#[derive(Debug, Clone)]
pub struct RosterPolicy {
    /// `base.lower_fen`, `base.upper_fen`.
    pub limits: BaseLimits,
    /// `base.window` is open: bases may be adjusted.
    pub base_window_is_open: bool,
    /// BASE-07: a fall by more than this share of the old base is pointed out.
    pub base_fall_warning: Bp,
    /// `ratio.min_bp`.
    pub ratio_min: Bp,
    /// `ratio.max_bp`.
    pub ratio_max: Bp,
    /// `ratio.step_bp`.
    pub ratio_step: Bp,
    /// `ratio.must_equal`: both sides have one ratio.
    pub ratios_must_equal: bool,
    /// Ratios may differ from person to person.
    pub ratios_per_person: bool,
    /// `amount.round_unit_fen|mode|scope`.
    pub rounding: AmountRounding,
    /// PERS-01: the least age on the first day of the month.
    pub minimum_age_years: i32,
}

/// Whether 比例调整 is open to an employer (RATIO-04, RATIO-05).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RatioChange {
    /// It may declare other ratios.
    Open,
    /// It already did in this contribution year.
    UsedThisYear,
    /// 机关, 事业: the ratio is set by finance.
    SetByFinance,
}

/// A person in the employer's books.
#[derive(Debug, Clone)]
pub struct Member {
    /// The registered name.
    pub name: PersonName,
    /// Contributing or sealed.
    pub state: MemberState,
    /// 缴存基数.
    pub base: Fen,
    /// The person's ratios; the employer's unless policy allows others.
    pub ratios: Ratios,
    /// The base was already adjusted in this contribution year.
    pub base_adjusted_this_year: bool,
}

/// State of a membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberState {
    /// 正常.
    Active,
    /// 封存.
    Sealed,
}

/// A person's account at another employer of the centre, or one that was closed (PERS-04).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elsewhere {
    /// 正常: refused, a transfer is offered.
    Active,
    /// 封存: the account is moved here and unsealed, no second one is opened.
    Sealed,
    /// 销户: a new account number for the same person.
    Closed,
    /// 退休提取销户: who draws a pension contributes no more (PERS-06).
    Retired,
}

/// What the police population database says of a name and a number (PERS-02, PERS-03).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoliceAnswer {
    /// They belong together.
    Matched,
    /// The number belongs to another name.
    Mismatched,
    /// The person is dead.
    Dead,
    /// The police know no such number.
    Absent,
    /// No answer yet.
    Unknown,
}

/// A roster without fault: what registering it will do.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The whole list of the month, by ID number.
    pub list: Vec<ListLine>,
    /// Who is sealed by it.
    pub sealed: Vec<IdNumber>,
    /// The employer's new ratios, with 比例调整 on every line.
    pub new_ratios: Option<Ratios>,
    /// How many people change.
    pub changes: Counts,
    /// The sum of the list.
    pub total: Fen,
    /// SHA-256 over the list, in hex.
    pub digest: String,
    /// Each person whose amount differs from the month before.
    pub differences: Vec<Difference>,
    /// REMIT-08, proved.
    pub equation: Equation,
    /// What the clerk should know.
    pub notices: Vec<Notice>,
}

/// A roster with faults.
#[derive(Debug, Clone)]
pub struct Refused {
    /// All of them, by row.
    pub faults: Vec<Fault>,
    /// What the clerk should know.
    pub notices: Vec<Notice>,
    /// Rows without a fault.
    pub right_rows: usize,
    /// What the rows without a fault ask for.
    pub right_changes: Counts,
}

/// The people of the rows whose name the police should confirm before [`check`]: who joins.
#[must_use]
pub fn to_verify<'l>(
    lines: &'l [RosterLine],
    context: &Context<'_>,
) -> Vec<(&'l IdNumber, &'l PersonName)> {
    let joins = |line: &&RosterLine| match line.change {
        Field::Given(Change::Add) => true,
        Field::Empty => context.is_first,
        _ => false,
    };
    lines
        .iter()
        .filter(joins)
        .filter_map(|line| Some((line.id_number.given()?, line.name.given()?)))
        .collect()
}

/// Checks the rows and makes the list of the month.
///
/// # Errors
/// Every fault of the file: those of its cells, which come in, and those that only the books show.
pub fn check(
    lines: &[RosterLine],
    cell_faults: Vec<Fault>,
    file_notices: Vec<Notice>,
    context: &Context<'_>,
) -> Result<Checked, Refused> {
    let mut faults = cell_faults;
    let mut notices = file_notices;
    let ratio_plan = RatioPlan::of(lines, context, &mut faults);
    let mut verification = Verification::default();
    let mut seen: HashMap<&IdNumber, u32> = HashMap::with_capacity(lines.len());
    // The row where the same person stood already.
    let earlier: Vec<Option<u32>> = lines
        .iter()
        .map(|line| {
            let earlier = line.id_number.given().and_then(|id_number| {
                let earlier = seen.get(id_number).copied();
                if earlier.is_none() {
                    seen.insert(id_number, line.row);
                }
                earlier
            });
            if earlier.is_none() {
                verification.note(line, context);
            }
            earlier
        })
        .collect();
    let parts: Vec<_> = lines
        .par_chunks(PART)
        .zip(earlier.par_chunks(PART))
        .map(|(lines, earlier)| outcomes(lines, earlier, context, &ratio_plan))
        .collect();
    let mut list = Vec::with_capacity(lines.len().max(context.members.len()));
    let mut sealed = Vec::new();
    for part in parts {
        list.extend(part.list);
        sealed.extend(part.sealed);
        faults.extend(part.faults);
        notices.extend(part.notices);
    }
    notices.extend(verification.notices());

    match context.mode {
        Mode::Complete => missing_members(lines, &seen, context, &mut faults),
        Mode::Bases => {
            undeclared(&seen, context, &mut faults);
            unlisted_members(&seen, context, &ratio_plan, &mut list, &mut faults);
        }
        Mode::Changes => unlisted_members(&seen, context, &ratio_plan, &mut list, &mut faults),
    }
    let wrong_rows: HashSet<u32> = faults.iter().filter_map(|fault| fault.row).collect();
    if faults.is_empty() && list.is_empty() && !context.may_be_empty {
        faults.push(Fault::whole("E-REMIT-03", "清册人数或金额不平，请核对变更明细。全部职工都封存后没有人需要汇缴，请至少保留一名职工。"));
    }
    if !faults.is_empty() {
        faults.sort_by_key(|fault| fault.row.unwrap_or(u32::MAX));
        list.retain(|entry| entry.row.is_some_and(|row| !wrong_rows.contains(&row)));
        return Err(Refused {
            faults,
            notices,
            right_rows: lines
                .iter()
                .filter(|line| !wrong_rows.contains(&line.row))
                .count(),
            right_changes: Counts::of(&list, sealed.len()),
        });
    }

    list.sort_by(|a, b| a.id_number.cmp(&b.id_number));
    sealed.sort();
    let total = list.iter().map(|entry| entry.sides.total()).sum();
    let ((differences, equation), digest) = rayon::join(
        || differences(&list, &sealed, context.last_month),
        || digest(&list),
    );
    Ok(Checked {
        changes: Counts::of(&list, sealed.len()),
        digest,
        new_ratios: ratio_plan.new_ratios(),
        list,
        sealed,
        total,
        differences,
        equation,
        notices,
    })
}

/// What some rows come to.
#[derive(Default)]
struct Part {
    list: Vec<ListLine>,
    sealed: Vec<IdNumber>,
    faults: Vec<Fault>,
    notices: Vec<Notice>,
}

/// Each row by itself, beside the row where its person stood already.
fn outcomes(
    lines: &[RosterLine],
    earlier: &[Option<u32>],
    context: &Context<'_>,
    ratio_plan: &RatioPlan,
) -> Part {
    let mut part = Part::default();
    for (line, earlier) in lines.iter().zip(earlier) {
        let mut row = RowCheck {
            line,
            context,
            ratio_plan,
            faults: &mut part.faults,
            notices: &mut part.notices,
        };
        match earlier {
            Some(first) => row.duplicate(*first),
            None => match row.outcome() {
                Some(Outcome::Stays(entry)) => part.list.push(entry),
                Some(Outcome::Seals(id_number)) => part.sealed.push(id_number),
                None => {}
            },
        }
    }
    part
}

/// Nobody is dropped by silence: who contributes and stands in no row is a fault.
fn missing_members(
    lines: &[RosterLine],
    seen: &HashMap<&IdNumber, u32>,
    context: &Context<'_>,
    faults: &mut Vec<Fault>,
) {
    // Whose number cannot be read is not missing, that number is wrong: one mistake, one fault.
    let unreadable: HashSet<&str> = lines
        .iter()
        .filter(|line| line.id_number == Field::Faulty)
        .filter_map(|line| line.name.given())
        .map(PersonName::expose)
        .collect();
    let mut missing: Vec<(&IdNumber, &Member)> = context
        .members
        .iter()
        .filter(|(id_number, member)| {
            member.state == MemberState::Active
                && !seen.contains_key(id_number)
                && !unreadable.contains(member.name.expose())
        })
        .collect();
    missing.sort_by_key(|(id_number, _)| *id_number);
    faults.extend(missing.into_iter().map(|(id_number, member)| {
        let absent = Absent {
            name: member.name.clone(),
            id_number: id_number.clone(),
            base: member.base,
            ratios: member.ratios,
        };
        Fault::whole("E-ROW-02", format!("名册里缺少在缴职工 {}（{id_number}）。离职的请保留这一行并在“变更”填“封存”；只报变更请在上传时选“只含变更”。", member.name))
            .or(Remedy::AddRow(Box::new(absent)))
    }));
}

/// BASE-05: the year is declared for everybody who contributes, in one list or after an earlier one.
fn undeclared(seen: &HashMap<&IdNumber, u32>, context: &Context<'_>, faults: &mut Vec<Fault>) {
    let left = context
        .members
        .iter()
        .filter(|(id_number, member)| {
            member.state == MemberState::Active
                && !member.base_adjusted_this_year
                && !seen.contains_key(id_number)
        })
        .count();
    if left > 0 {
        faults.push(Fault::whole(
            "E-BASE-05",
            format!("仍有{left}名正常缴存职工未确认基数，请补充后提交。基数不变的也要在表里，照写现基数就是确认。"),
        ));
    }
}

/// Who stands in no row of a changes-only roster goes on as before, and must still fit the month's policy.
fn unlisted_members(
    seen: &HashMap<&IdNumber, u32>,
    context: &Context<'_>,
    ratio_plan: &RatioPlan,
    list: &mut Vec<ListLine>,
    faults: &mut Vec<Fault>,
) {
    let mut unlisted: Vec<(&IdNumber, &Member)> = context
        .members
        .iter()
        .filter(|(id_number, member)| {
            member.state == MemberState::Active && !seen.contains_key(id_number)
        })
        .collect();
    unlisted.sort_by_key(|(id_number, _)| *id_number);
    if ratio_plan.new_ratios().is_some() && !unlisted.is_empty() {
        faults.push(Fault::whole(
            "E-RATIO-06",
            format!(
                "比例调整要对全部职工办理，还有 {} 名在缴职工不在名册里。请上传全部职工的名册。",
                unlisted.len()
            ),
        ));
        return;
    }
    for (id_number, member) in unlisted {
        let who = format!("{}（{id_number}）", member.name);
        match context.policy.base_fault(member.base) {
            Some((code, message)) => {
                faults.push(Fault {
                    column: Some(Column::Base.header()),
                    ..Fault::whole(
                        code,
                        format!(
                            "{message}不在名册里的职工 {who} 现基数 {} 元。",
                            member.base
                        ),
                    )
                });
            }
            None => list.push(ListLine::unchanged(id_number, member, context)),
        }
    }
}

impl RosterPolicy {
    /// E-BASE-01 or E-BASE-02 with its sentence.
    pub(super) fn base_fault(&self, base: Fen) -> Option<(&'static str, String)> {
        if base < self.limits.lower {
            return Some((
                "E-BASE-01",
                format!("缴存基数低于下限{}元，请调整。", self.limits.lower),
            ));
        }
        (base > self.limits.upper).then(|| {
            (
                "E-BASE-02",
                format!("缴存基数高于上限{}元，请调整。", self.limits.upper),
            )
        })
    }

    /// Whether a ratio lies in the policy's range and on its steps (RATIO-01, RATIO-02).
    pub(super) fn allows_ratio(&self, ratio: Bp) -> bool {
        (self.ratio_min..=self.ratio_max).contains(&ratio) && ratio.bp() % self.ratio_step.bp() == 0
    }
}
