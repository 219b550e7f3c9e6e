//! The resulting list of the month: its lines, its counts, its digest.

use anju_domain::contribution::{Ratios, Sides, monthly};
use anju_domain::digits;
use anju_domain::id_number::IdNumber;
use anju_domain::money::Fen;
use anju_domain::name::PersonName;
use anju_domain::phone::Phone;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::check::{Context, Elsewhere, Member};
use super::line::Change;

/// One person of the list (清册明细).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListLine {
    /// 证件号码.
    pub id_number: IdNumber,
    /// 姓名.
    pub name: PersonName,
    /// 缴存基数.
    pub base: Fen,
    /// 缴存比例 of both sides.
    pub ratios: Ratios,
    /// 月缴存额 of both sides.
    pub sides: Sides,
    /// What changes for the person, if anything.
    pub change: Option<Change>,
    /// Where the person's account is now, for who joins.
    pub joins_from: Option<Elsewhere>,
    /// 手机号, where the roster gives it.
    pub phone: Option<Phone>,
    /// The row in the sheet; none for who stands in no row of a changes-only roster.
    pub row: Option<u32>,
}

impl ListLine {
    /// A member who goes on as before.
    pub(super) fn unchanged(id_number: &IdNumber, member: &Member, context: &Context<'_>) -> Self {
        Self {
            id_number: id_number.clone(),
            name: member.name.clone(),
            base: member.base,
            ratios: member.ratios,
            sides: monthly(member.base, member.ratios, context.policy.rounding),
            change: None,
            joins_from: None,
            phone: None,
            row: None,
        }
    }
}

/// How many people a roster changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// 新增.
    pub added: usize,
    /// 封存.
    pub sealed: usize,
    /// 启封.
    pub unsealed: usize,
    /// 基数调整, 比例调整.
    pub changed: usize,
}

impl Counts {
    pub(super) fn of(list: &[ListLine], sealed: usize) -> Self {
        let mut counts = Self {
            sealed,
            ..Self::default()
        };
        for line in list {
            match line.change {
                Some(Change::Add) => counts.added += 1,
                Some(Change::Unseal) => counts.unsealed += 1,
                Some(Change::Base | Change::Ratio) => counts.changed += 1,
                Some(Change::Seal) | None => {}
            }
        }
        counts
    }
}

/// SHA-256 in hex over the list in its canonical text: a title line, then a line for each person by ID
/// number: number, name, base, both ratios, both sides, apart by tabs. What the file looked like, and
/// which rows were changes, does not enter.
pub(super) fn digest(list: &[ListLine]) -> String {
    let mut hasher = Sha256::new();
    hasher.update("anju-roster/1\n");
    let mut text = String::new();
    for line in list {
        text.clear();
        let numbers = [
            line.base.fen(),
            i64::from(line.ratios.employer.bp()),
            i64::from(line.ratios.employee.bp()),
            line.sides.employer.fen(),
            line.sides.employee.fen(),
        ];
        text.push_str(line.id_number.expose());
        text.push('\t');
        text.push_str(line.name.expose());
        for number in numbers {
            text.push('\t');
            digits::push_signed(&mut text, number);
        }
        text.push('\n');
        hasher.update(&text);
    }
    hex::encode(hasher.finalize())
}
