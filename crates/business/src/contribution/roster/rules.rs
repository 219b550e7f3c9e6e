//! The rules that one row meets: person, change, base, ratio, amount (contribution.md §3 to §5, doors.md §3).

use anju_domain::calendar::age_on;
use anju_domain::contribution::{Ratios, Sides, monthly};
use anju_domain::id_number::IdNumber;
use anju_domain::money::Fen;

use super::check::{Context, Elsewhere, Member, MemberState, Mode, PoliceAnswer};
use super::fault::{Column, Fault, Notice, Remedy};
use super::line::{Change, Field, RosterLine};
use super::list::ListLine;
use super::ratio::RatioPlan;

/// No base of a person reaches a hundred million yuan: amounts beyond are not computed.
const ABSURD_BASE: Fen = Fen::new(10_000_000_000);

/// 基数调整 is a word in one cell and an amount in another.
const BASE_TOO: &[Remedy] = &[Remedy::Cell(Column::Base)];

/// One row being checked.
pub(super) struct RowCheck<'r> {
    pub(super) line: &'r RosterLine,
    pub(super) context: &'r Context<'r>,
    pub(super) ratio_plan: &'r RatioPlan,
    pub(super) faults: &'r mut Vec<Fault>,
    pub(super) notices: &'r mut Vec<Notice>,
}

/// What becomes of a row's person.
pub(super) enum Outcome {
    /// The person stands in the list of the month.
    Stays(ListLine),
    /// The person is sealed.
    Seals(IdNumber),
}

/// What a row asks for its person.
struct Step<'r> {
    change: Option<Change>,
    member: Option<&'r Member>,
}

impl<'r> RowCheck<'r> {
    /// The same person stood in an earlier row.
    pub(super) fn duplicate(&mut self, first_row: u32) {
        self.fault_or(
            Column::IdNumber,
            "E-ROW-01",
            &format!("与第 {first_row} 行是同一个人，请删去其中一行。"),
            &[Remedy::DropRow],
        );
    }

    fn seals(&self) -> bool {
        self.line.change == Field::Given(Change::Seal)
    }

    /// Checks everything; nothing where a fault stands in the way.
    pub(super) fn outcome(&mut self) -> Option<Outcome> {
        let faults_before = self.faults.len();
        self.person();
        let step = self.step();
        let ratios = self.ratios();
        if self.seals() {
            self.sealing_amount(step.as_ref().and_then(|step| step.member));
            let id_number = self.line.id_number.given()?.clone();
            return (step.is_some() && self.faults.len() == faults_before)
                .then_some(Outcome::Seals(id_number));
        }
        self.base(step.as_ref());
        let sides = self.amount(ratios);
        let step = step?;
        if self.faults.len() > faults_before {
            return None;
        }
        let (id_number, base) = (self.line.id_number.given()?, *self.line.base.given()?);
        let joins_from = (step.change == Some(Change::Add))
            .then(|| self.context.elsewhere.get(id_number).copied())
            .flatten();
        Some(Outcome::Stays(ListLine {
            id_number: id_number.clone(),
            name: self.line.name.given()?.clone(),
            base,
            ratios: ratios?,
            sides: sides?,
            change: step.change,
            joins_from,
            phone: self.line.phone.given().cloned(),
            row: Some(self.line.row),
        }))
    }

    /// PERS-01 to PERS-03.
    fn person(&mut self) {
        let Some(id_number) = self.line.id_number.given() else {
            return;
        };
        let age = age_on(id_number.birth(), self.context.month.first_day());
        let minimum = self.context.policy.minimum_age_years;
        if age < minimum {
            self.fault(
                Column::IdNumber,
                "E-PERS-01",
                &format!("证件号码有误，或职工年龄不符合设立条件（未满{minimum}周岁），请核对。"),
            );
        }
        let registered = self
            .context
            .members
            .get(id_number)
            .map(|member| &member.name);
        match self.context.police.get(id_number) {
            Some(PoliceAnswer::Mismatched) => self.fault_or(
                Column::Name,
                "E-PERS-02",
                "姓名与证件号码核验不一致，请核对后重新提交。",
                &[Remedy::Cell(Column::IdNumber)],
            ),
            Some(PoliceAnswer::Dead) => self.fault_or(
                Column::IdNumber,
                "E-PERS-03",
                "该证件号码对应人员状态异常，不能设立账户，请咨询12329。",
                &[Remedy::DropRow],
            ),
            _ if self
                .line
                .name
                .given()
                .is_some_and(|name| registered.is_some_and(|registered| registered != name)) =>
            {
                self.fault_or(
                    Column::Name,
                    "E-PERS-02",
                    "姓名与证件号码核验不一致，请核对后重新提交。这个证件号码在本单位登记的是另一个姓名；职工改名请办理个人信息变更。",
                    &[Remedy::Cell(Column::IdNumber)],
                );
            }
            _ => {}
        }
    }

    /// The change that the row asks for, if the person's state allows it (E-ROW-07, E-PERS-04).
    fn step(&mut self) -> Option<Step<'r>> {
        let id_number = self.line.id_number.given()?;
        let member = self.context.members.get(id_number);
        let change = match self.line.change {
            Field::Faulty => return None,
            Field::Empty if member.is_none() && self.context.is_first => Some(Change::Add),
            Field::Empty if self.context.mode == Mode::Bases => Some(Change::Base),
            Field::Empty => None,
            Field::Given(change) => Some(change),
        };
        if self.context.mode == Mode::Bases && change != Some(Change::Base) {
            self.fault(
                Column::Change,
                "E-ROW-07",
                "年度基数申报只填缴存基数，请把“变更”留空；增减职工请在当月名册里办理。",
            );
            return None;
        }
        let (problem, remedies): (_, &[Remedy]) = match (member.map(|member| member.state), change)
        {
            (None, Some(Change::Add)) => {
                return self.joining(id_number).then_some(Step {
                    change,
                    member: None,
                });
            }
            (None, None) => (
                "本单位没有这名职工。新来的请填“新增”，或核对证件号码。",
                &[Remedy::Cell(Column::IdNumber), Remedy::DropRow],
            ),
            (None, Some(_)) => (
                "本单位没有这名职工，不能办理这项变更。新来的请填“新增”，或核对证件号码。",
                &[Remedy::Cell(Column::IdNumber), Remedy::DropRow],
            ),
            (Some(MemberState::Active), Some(Change::Add)) => {
                ("已经是本单位在缴职工，不能再新增。没有变化的请留空。", &[])
            }
            (Some(MemberState::Active), Some(Change::Unseal)) => {
                ("正在缴存，没有封存，不能启封。没有变化的请留空。", &[])
            }
            (Some(MemberState::Sealed), None) => (
                "已经封存。恢复缴存请填“启封”，不缴的请删去这一行。",
                &[Remedy::DropRow],
            ),
            (Some(MemberState::Sealed), Some(Change::Seal)) => {
                ("已经封存，不用再封存。请删去这一行。", &[Remedy::DropRow])
            }
            (Some(MemberState::Sealed), Some(Change::Add)) => (
                "在本单位已有账户（封存），不能再新增。恢复缴存请填“启封”。",
                &[Remedy::DropRow],
            ),
            (Some(MemberState::Sealed), Some(Change::Base | Change::Ratio)) => (
                "已经封存，不能调整。恢复缴存请填“启封”。",
                &[Remedy::DropRow],
            ),
            (
                Some(MemberState::Active),
                None | Some(Change::Seal | Change::Base | Change::Ratio),
            )
            | (Some(MemberState::Sealed), Some(Change::Unseal)) => {
                return Some(Step { change, member });
            }
        };
        self.fault_or(Column::Change, "E-ROW-07", problem, remedies);
        None
    }

    /// PERS-04: one person, one account. PERS-06: none for who has retired.
    fn joining(&mut self, id_number: &IdNumber) -> bool {
        match self.context.elsewhere.get(id_number) {
            Some(Elsewhere::Active) => {
                self.fault_or(
                    Column::IdNumber,
                    "E-PERS-04",
                    "该职工已有住房公积金账户（状态：正常），请办理转移或启封，不能重复设立。",
                    &[Remedy::DropRow],
                );
                false
            }
            Some(Elsewhere::Sealed) => {
                let message = format!(
                    "第 {} 行：该职工在其他单位的账户已封存，登记后转入本单位并启封，不另开户。",
                    self.line.row
                );
                self.notices.push(Notice::cell(
                    Some(self.line.row),
                    Column::IdNumber,
                    "W-PERS-04",
                    message,
                ));
                true
            }
            Some(Elsewhere::Retired) => {
                self.fault_or(
                    Column::IdNumber,
                    "E-PERS-06",
                    "该职工已办理退休，不再缴存住房公积金。",
                    &[Remedy::DropRow],
                );
                false
            }
            Some(Elsewhere::Closed) | None => true,
        }
    }

    /// BASE-01 to BASE-03, BASE-07.
    fn base(&mut self, step: Option<&Step<'_>>) {
        let Some(base) = self.line.base.given().copied() else {
            return;
        };
        if let Some((code, message)) = self.context.policy.base_fault(base) {
            self.fault(Column::Base, code, &format!("{message}填的是 {base} 元。"));
        }
        let Some(Step {
            change,
            member: Some(member),
        }) = step
        else {
            return;
        };
        match change {
            // Declaring the base as it is confirms it.
            Some(Change::Base) if base == member.base && self.context.mode == Mode::Bases => {}
            Some(Change::Base) if base == member.base => {
                self.fault_or(
                    Column::Change,
                    "E-ROW-07",
                    &format!(
                        "填了基数调整，但基数仍是 {base} 元。请填写新的基数，或把“变更”留空。"
                    ),
                    BASE_TOO,
                );
            }
            Some(Change::Base) => {
                // That the window is shut is told once of a list of bases.
                let is_shut =
                    self.context.mode != Mode::Bases && !self.context.policy.base_window_is_open;
                if is_shut || member.base_adjusted_this_year {
                    let message = format!(
                        "不在基数调整受理期内，或本年度已调整，需说明更正原因。名册里写不了原因：请到“职工”里打开这名职工，在“调整基数”里写明；名册的这一行改回现基数 {} 元，“变更”留空。",
                        member.base
                    );
                    self.fault_or(Column::Change, "E-BASE-03", &message, BASE_TOO);
                }
                self.warn_of_fall(member.base, base);
            }
            None | Some(Change::Ratio) if base != member.base => {
                let message = format!(
                    "现基数是 {} 元，填的是 {base} 元。要调整请在“变更”填“基数调整”，不调整请改回现基数。",
                    member.base
                );
                self.fault_or(Column::Change, "E-ROW-07", &message, BASE_TOO);
            }
            _ => {}
        }
    }

    fn warn_of_fall(&mut self, old: Fen, new: Fen) {
        let share = self.context.policy.base_fall_warning;
        let (old, new) = (i128::from(old.fen()), i128::from(new.fen()));
        if (old - new) * 10_000 > old * i128::from(share.bp()) {
            let message = format!(
                "第 {} 行：新基数比上年下降超过{share}，请说明原因并告知职工。",
                self.line.row
            );
            self.notices.push(Notice::cell(
                Some(self.line.row),
                Column::Base,
                "W-BASE-07",
                message,
            ));
        }
    }

    /// The amount of both sides; a 月缴存额 of the clerk must equal it (E-ROW-04).
    fn amount(&mut self, ratios: Option<Ratios>) -> Option<Sides> {
        let base = *self.line.base.given().filter(|base| **base < ABSURD_BASE)?;
        let sides = monthly(base, ratios?, self.context.policy.rounding);
        if let Some(given) = self
            .line
            .monthly
            .given()
            .filter(|given| **given != sides.total())
        {
            let message = format!(
                "填的是 {given} 元，按基数和比例应为 {} 元（单位 {}，个人 {}）。请改正或留空。",
                sides.total(),
                sides.employer,
                sides.employee
            );
            self.faults.push(
                Fault::cell(
                    self.line.row,
                    Column::Monthly,
                    "E-ROW-04",
                    format!("第 {} 行“月缴存额”{message}", self.line.row),
                )
                .found(given.to_string())
                .suggest(Some(sides.total().to_string())),
            );
        }
        Some(sides)
    }

    /// Who is sealed pays nothing: the row may carry that, or the amount until now.
    fn sealing_amount(&mut self, member: Option<&Member>) {
        let (Some(given), Some(member)) = (self.line.monthly.given().copied(), member) else {
            return;
        };
        let until_now = monthly(member.base, member.ratios, self.context.policy.rounding).total();
        if given != Fen::ZERO && given != until_now {
            self.fault(
                Column::Monthly,
                "E-ROW-04",
                &format!("填的是 {given} 元，封存的职工本月不缴，请留空。"),
            );
        }
    }

    pub(super) fn fault(&mut self, column: Column, code: &'static str, what: &str) {
        self.fault_or(column, code, what, &[]);
    }

    /// The same with what else mends it: whatever the words ask for, the clerk can do.
    pub(super) fn fault_or(
        &mut self,
        column: Column,
        code: &'static str,
        what: &str,
        remedies: &[Remedy],
    ) {
        let message = format!("第 {} 行“{}”：{what}", self.line.row, column.header());
        self.faults.push(Fault {
            remedies: remedies.to_vec(),
            ..Fault::cell(self.line.row, column, code, message)
        });
    }
}
