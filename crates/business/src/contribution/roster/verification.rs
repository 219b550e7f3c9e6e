//! Who joins and is not confirmed by the police yet, gathered into one notice each.

use super::check::{Context, PoliceAnswer};
use super::fault::{Column, Notice};
use super::line::{Change, Field, RosterLine};

/// The rows to name.
#[derive(Default)]
pub(super) struct Verification {
    absent_rows: Vec<u32>,
    unknown_rows: Vec<u32>,
}

impl Verification {
    pub(super) fn note(&mut self, line: &RosterLine, context: &Context<'_>) {
        let joins = line.change == Field::Given(Change::Add)
            || (line.change == Field::Empty && context.is_first);
        let Some(id_number) = line.id_number.given().filter(|_| joins) else {
            return;
        };
        match context.police.get(id_number) {
            Some(PoliceAnswer::Absent) => self.absent_rows.push(line.row),
            None | Some(PoliceAnswer::Unknown) => self.unknown_rows.push(line.row),
            Some(PoliceAnswer::Matched | PoliceAnswer::Mismatched | PoliceAnswer::Dead) => {}
        }
    }

    pub(super) fn notices(self) -> Vec<Notice> {
        let named = |rows: &[u32]| {
            rows.iter()
                .take(5)
                .map(u32::to_string)
                .collect::<Vec<_>>()
                .join("、")
        };
        let mut notices = Vec::new();
        if !self.absent_rows.is_empty() {
            let message = format!(
                "公安没有 {} 人的登记，请对照身份证核对姓名和证件号码：第 {} 行等。",
                self.absent_rows.len(),
                named(&self.absent_rows)
            );
            notices.push(Notice::column(
                Column::IdNumber.header(),
                "W-PERS-03",
                message,
            ));
        }
        if !self.unknown_rows.is_empty() {
            let message = format!(
                "公安还没有回复 {} 人的核验，不影响本月汇缴，回复后会通知您：第 {} 行等。",
                self.unknown_rows.len(),
                named(&self.unknown_rows)
            );
            notices.push(Notice::column(
                Column::IdNumber.header(),
                "W-PERS-02",
                message,
            ));
        }
        notices
    }
}
