//! 缴存比例 in a roster: one pair for everybody, changed for everybody at once (RATIO-01 to RATIO-06).

use anju_domain::contribution::Ratios;
use anju_domain::rate::Bp;

use super::check::{Context, RatioChange};
use super::fault::{Column, Fault, Remedy};
use super::line::{Change, Field, RosterLine};
use super::rules::RowCheck;

/// 比例调整 is a word in one cell and a ratio in each of two others.
const BOTH_RATIOS: &[Remedy] = &[
    Remedy::Cell(Column::EmployerRatio),
    Remedy::Cell(Column::EmployeeRatio),
];

/// What a roster does to the employer's ratios.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RatioPlan {
    /// Nothing.
    Keep,
    /// 比例调整 on every line.
    Change(Ratios),
    /// 比例调整 that cannot be done; its faults are reported.
    Faulty,
}

impl RatioPlan {
    /// Reads the plan from all lines and reports what is wrong with it as a whole.
    pub(super) fn of(lines: &[RosterLine], context: &Context<'_>, faults: &mut Vec<Fault>) -> Self {
        if context.policy.ratios_per_person {
            return Self::Keep;
        }
        let is_marked = |line: &&RosterLine| line.change == Field::Given(Change::Ratio);
        let (marked, unmarked): (Vec<&RosterLine>, Vec<&RosterLine>) =
            lines.iter().partition(is_marked);
        let Some(first) = marked.first() else {
            return Self::Keep;
        };
        // Whichever is the exception is pointed at.
        if !unmarked.is_empty() {
            let exceptions = if unmarked.len() < marked.len() {
                &unmarked
            } else {
                &marked
            };
            faults.extend(
                exceptions
                    .iter()
                    .map(|line| not_for_everybody(line, context)),
            );
            return Self::Faulty;
        }
        match context.ratio_change {
            RatioChange::Open => {}
            RatioChange::UsedThisYear => {
                faults.push(
                    Fault::cell(
                        first.row,
                        Column::Change,
                        "E-RATIO-04",
                        "比例调整起始月份应晚于已汇缴月份，且本年度仅可调整一次。",
                    )
                    .or(Remedy::KeepRatios),
                );
                return Self::Faulty;
            }
            RatioChange::SetByFinance => {
                faults.push(
                    Fault::cell(
                        first.row,
                        Column::Change,
                        "E-RATIO-05",
                        "机关事业单位缴存比例由财政部门核定，不能自行调整。",
                    )
                    .or(Remedy::KeepRatios),
                );
                return Self::Faulty;
            }
        }
        Self::agreed(&marked, context, faults)
    }

    /// The one pair that all lines name.
    fn agreed(marked: &[&RosterLine], context: &Context<'_>, faults: &mut Vec<Fault>) -> Self {
        let wanted: Vec<Option<Ratios>> = marked
            .iter()
            .map(|line| line.ratios_or(context.ratios))
            .collect();
        let Some(new) = wanted.iter().flatten().next().copied() else {
            return Self::Faulty;
        };
        let mut is_agreed = true;
        for (line, ratios) in marked.iter().zip(&wanted) {
            match ratios {
                Some(ratios) if *ratios != new => {
                    let column = if ratios.employer == new.employer {
                        Column::EmployeeRatio
                    } else {
                        Column::EmployerRatio
                    };
                    let message = format!(
                        "第 {} 行的比例（单位 {}，个人 {}）与第 {} 行（单位 {}，个人 {}）不一致。比例调整对全部职工只能是同一个比例。",
                        line.row,
                        ratios.employer,
                        ratios.employee,
                        marked[0].row,
                        new.employer,
                        new.employee
                    );
                    faults.push(Fault::cell(line.row, column, "E-RATIO-06", message));
                    is_agreed = false;
                }
                Some(_) => {}
                None => is_agreed = false,
            }
        }
        if new == context.ratios {
            let message = format!(
                "第 {} 行“变更”填了比例调整，但比例仍是单位 {}、个人 {}。请填写新的比例，或把“变更”留空。",
                marked[0].row, new.employer, new.employee
            );
            let row = marked[0].row;
            faults.push(
                Fault::cell(row, Column::Change, "E-ROW-07", message)
                    .or(Remedy::Cell(Column::EmployerRatio))
                    .or(Remedy::Cell(Column::EmployeeRatio)),
            );
            is_agreed = false;
        }
        if is_agreed {
            Self::Change(new)
        } else {
            Self::Faulty
        }
    }

    /// The employer's new ratios.
    pub(super) fn new_ratios(&self) -> Option<Ratios> {
        match self {
            Self::Change(ratios) => Some(*ratios),
            Self::Keep | Self::Faulty => None,
        }
    }
}

fn not_for_everybody(line: &RosterLine, context: &Context<'_>) -> Fault {
    let differs = [
        (
            Column::EmployerRatio,
            line.employer_ratio,
            context.ratios.employer,
        ),
        (
            Column::EmployeeRatio,
            line.employee_ratio,
            context.ratios.employee,
        ),
    ]
    .into_iter()
    .find(|(_, ratio, own)| ratio.given().is_some_and(|ratio| ratio != own));
    let column = differs.map_or(Column::Change, |(column, ..)| column);
    let message = format!(
        "第 {} 行：比例调整要填在全部职工的行上，或者一行也不填。一个单位只有一个比例。",
        line.row
    );
    let fault = Fault::cell(line.row, column, "E-RATIO-06", message);
    if column == Column::Change {
        fault
    } else {
        fault.or(Remedy::Cell(Column::Change))
    }
}

impl RosterLine {
    /// The ratios that the row names, empty ones replaced; nothing where a cell is faulty.
    pub(super) fn ratios_or(&self, own: Ratios) -> Option<Ratios> {
        let or = |field: Field<Bp>, own: Bp| match field {
            Field::Empty => Some(own),
            Field::Given(ratio) => Some(ratio),
            Field::Faulty => None,
        };
        Some(Ratios {
            employer: or(self.employer_ratio, own.employer)?,
            employee: or(self.employee_ratio, own.employee)?,
        })
    }
}

impl RowCheck<'_> {
    /// RATIO-01 to RATIO-03, RATIO-06: the ratios by which the row is computed, if they are right.
    pub(super) fn ratios(&mut self) -> Option<Ratios> {
        let own = self.context.ratios;
        let may_differ =
            self.context.policy.ratios_per_person || *self.ratio_plan != RatioPlan::Keep;
        let faults_before = self.faults.len();
        let cells = [
            (
                Column::EmployerRatio,
                self.line.employer_ratio,
                own.employer,
            ),
            (
                Column::EmployeeRatio,
                self.line.employee_ratio,
                own.employee,
            ),
        ];
        for (column, ratio, own_ratio) in cells {
            let Some(ratio) = ratio.given().copied() else {
                continue;
            };
            self.ratio_in_range(column, ratio);
            if !may_differ && ratio != own_ratio {
                let row = self.line.row;
                let message = format!(
                    "第{row}行的缴存比例与单位比例（{own_ratio}）不一致，请改为一致或留空；需要调整请对全部职工办理比例调整。填的是 {ratio}。"
                );
                self.faults
                    .push(Fault::cell(row, column, "E-RATIO-06", message).found(ratio.to_string()));
            }
        }
        let ratios = self.line.ratios_or(own)?;
        if may_differ && self.context.policy.ratios_must_equal && ratios.employer != ratios.employee
        {
            self.fault_or(
                Column::EmployeeRatio,
                "E-RATIO-03",
                &format!(
                    "单位与个人缴存比例应一致。现在是单位 {}、个人 {}。",
                    ratios.employer, ratios.employee
                ),
                &[Remedy::Cell(Column::EmployerRatio)],
            );
        }
        self.ratio_is_declared(ratios);
        (self.faults.len() == faults_before).then_some(ratios)
    }

    fn ratio_in_range(&mut self, column: Column, ratio: Bp) {
        let policy = self.context.policy;
        if !policy.allows_ratio(ratio) {
            let message = format!(
                "缴存比例应在{}至{}之间且为整数。填的是 {ratio}。",
                policy.ratio_min, policy.ratio_max
            );
            self.fault(column, "E-RATIO-01", &message);
        }
    }

    /// Where ratios may differ from person to person, one person's ratio still changes only on request.
    fn ratio_is_declared(&mut self, ratios: Ratios) {
        let member = self
            .line
            .id_number
            .given()
            .and_then(|id_number| self.context.members.get(id_number));
        let Some(member) = member.filter(|_| self.context.policy.ratios_per_person) else {
            return;
        };
        let is_change = self.line.change == Field::Given(Change::Ratio);
        let stays = matches!(self.line.change, Field::Empty | Field::Given(Change::Base));
        if is_change && ratios == member.ratios {
            self.fault_or(
                Column::Change,
                "E-ROW-07",
                "填了比例调整，但比例没有变。请填写新的比例，或把“变更”留空。",
                BOTH_RATIOS,
            );
        } else if stays && ratios != member.ratios {
            self.fault_or(
                Column::Change,
                "E-ROW-07",
                "比例与现在的不同。要调整请在“变更”填“比例调整”。",
                BOTH_RATIOS,
            );
        }
    }
}
