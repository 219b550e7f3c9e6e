//! What differs from the month before, person by person, and the equation that proves the list (REMIT-08).

use std::collections::{HashMap, HashSet};

use anju_domain::contribution::Ratios;
use anju_domain::id_number::IdNumber;
use anju_domain::money::Fen;
use anju_domain::name::PersonName;
use serde::Serialize;

use super::line::Change;
use super::list::ListLine;

/// One person of the list of the month before.
#[derive(Debug, Clone)]
pub struct LastLine {
    /// 证件号码.
    pub id_number: IdNumber,
    /// 姓名.
    pub name: PersonName,
    /// 缴存基数.
    pub base: Fen,
    /// 缴存比例.
    pub ratios: Ratios,
    /// 月缴存额.
    pub monthly: Fen,
}

/// Why a person's amount is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// 新增.
    Added,
    /// 启封.
    Unsealed,
    /// 封存.
    Sealed,
    /// 基数调整.
    Base,
    /// 比例调整.
    Ratio,
    /// Computed anew under the policy of the month.
    Policy,
}

/// One difference, explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The surname and stars.
    pub name_masked: String,
    /// The first three and the last four characters.
    pub id_masked: String,
    /// Why.
    pub kind: DifferenceKind,
    /// The amount of the month before.
    pub before_fen: Fen,
    /// The amount now.
    pub after_fen: Fen,
    /// Why, in Chinese.
    pub reason: String,
}

/// REMIT-08: `people = people before + added − removed`, `amount = amount before + added − removed + adjusted`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Equation {
    /// People of the month before.
    pub people_before: usize,
    /// People who come in, by 新增, 启封 or transfer.
    pub people_added: usize,
    /// People who leave the list.
    pub people_removed: usize,
    /// People of this month.
    pub people_after: usize,
    /// The amount of the month before.
    pub amount_before_fen: Fen,
    /// The amount of who comes in.
    pub amount_added_fen: Fen,
    /// The amount of who leaves.
    pub amount_removed_fen: Fen,
    /// The changes of who stays, with sign.
    pub amount_adjusted_fen: Fen,
    /// The amount of this month.
    pub amount_after_fen: Fen,
}

impl Equation {
    /// Whether people and amounts agree.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.people_after + self.people_removed == self.people_before + self.people_added
            && self.amount_after_fen
                == self.amount_before_fen + self.amount_added_fen - self.amount_removed_fen
                    + self.amount_adjusted_fen
    }
}

/// Compares the list with that of the month before: first who stands in the list, by ID number, then who
/// left it.
///
/// # Panics
/// When the equation does not hold: that would be our mistake, and no list leaves with it.
pub(super) fn differences(
    list: &[ListLine],
    sealed: &[IdNumber],
    last_month: &[LastLine],
) -> (Vec<Difference>, Equation) {
    let before: HashMap<&IdNumber, &LastLine> = last_month
        .iter()
        .map(|line| (&line.id_number, line))
        .collect();
    assert_eq!(
        before.len(),
        last_month.len(),
        "a person stands once in a list"
    );
    let mut found = Vec::new();
    let mut equation = Equation {
        people_before: last_month.len(),
        people_after: list.len(),
        amount_before_fen: last_month.iter().map(|line| line.monthly).sum(),
        amount_after_fen: list.iter().map(|line| line.sides.total()).sum(),
        ..Equation::default()
    };
    for line in list {
        let after = line.sides.total();
        match before.get(&line.id_number) {
            None => {
                equation.people_added += 1;
                equation.amount_added_fen += after;
                found.push(arrival(line));
            }
            Some(last) if last.monthly != after => {
                equation.amount_adjusted_fen += after - last.monthly;
                found.push(adjustment(line, last));
            }
            Some(_) => {}
        }
    }
    let present: HashSet<&IdNumber> = list.iter().map(|line| &line.id_number).collect();
    let mut gone: Vec<&LastLine> = last_month
        .iter()
        .filter(|line| !present.contains(&line.id_number))
        .collect();
    gone.sort_by(|a, b| a.id_number.cmp(&b.id_number));
    for last in gone {
        equation.people_removed += 1;
        equation.amount_removed_fen += last.monthly;
        let reason = if sealed.binary_search(&last.id_number).is_ok() {
            "封存，本月起不缴"
        } else {
            "此前已办理封存或转出"
        };
        found.push(Difference {
            name_masked: last.name.masked(),
            id_masked: last.id_number.to_string(),
            kind: DifferenceKind::Sealed,
            before_fen: last.monthly,
            after_fen: Fen::ZERO,
            reason: reason.to_owned(),
        });
    }
    assert!(
        equation.holds(),
        "the change equation of a list holds: {equation:?}"
    );
    (found, equation)
}

fn arrival(line: &ListLine) -> Difference {
    let (kind, reason) = match line.change {
        Some(Change::Unseal) => (DifferenceKind::Unsealed, "启封，恢复缴存"),
        Some(Change::Add) => (DifferenceKind::Added, "新增职工"),
        _ => (DifferenceKind::Added, "此前已办理新增、启封或转入"),
    };
    difference(line, kind, Fen::ZERO, reason.to_owned())
}

fn adjustment(line: &ListLine, last: &LastLine) -> Difference {
    let (kind, reason) = if line.ratios != last.ratios {
        let text = |ratios: Ratios| format!("单位 {}、个人 {}", ratios.employer, ratios.employee);
        (
            DifferenceKind::Ratio,
            format!("比例由{}改为{}", text(last.ratios), text(line.ratios)),
        )
    } else if line.base != last.base {
        (
            DifferenceKind::Base,
            format!("基数由 {} 元改为 {} 元", last.base, line.base),
        )
    } else {
        (DifferenceKind::Policy, "按本月政策重新计算".to_owned())
    };
    difference(line, kind, last.monthly, reason)
}

fn difference(
    line: &ListLine,
    kind: DifferenceKind,
    before_fen: Fen,
    reason: String,
) -> Difference {
    Difference {
        name_masked: line.name.masked(),
        id_masked: line.id_number.to_string(),
        kind,
        before_fen,
        after_fen: line.sides.total(),
        reason,
    }
}
