//! 分录表. Which subjects an accounting event debits and credits: data of `policy/national/entries.toml`, after
//! accounting.md §4.
//!
//! The invariant: an event that is in the table balances for all amounts, since each name of an amount stands on both
//! sides; this is checked when the table is loaded.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use anju_domain::money::Fen;
use anju_domain::subject::{Side, Subject};
use chrono::NaiveDate;
use serde::Deserialize;

use crate::journal::Line;
use crate::{AccountId, Error, Result};

/// 会计事件. Its number: `E21` is 21.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Event(pub i16);

impl Event {
    /// From its code, `E05`.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        let digits = code.strip_prefix('E').filter(|digits| digits.len() == 2)?;
        digits.parse().ok().map(Self)
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "E{:02}", self.0)
    }
}

/// Whose account a line means, where the subject alone does not say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// 10101 of the bank account that receives or pays.
    Bank,
    /// 10101 of the other bank account.
    BankTo,
    /// 10102.
    Fixed,
    /// 10201.
    Surplus,
    /// 10202.
    SurplusFixed,
    /// 201 of the person.
    Person,
    /// 201 of the other person, or of the same in the other employer.
    OtherPerson,
    /// 21901 of the employer.
    Unit,
    /// 21902 of the employer.
    OverContribution,
    /// 21903 of the bank account.
    Unidentified,
    /// 12101 of the loan.
    LoanPrincipal,
    /// 122 of the loan.
    LoanOverdue,
    /// 11102 of the loan.
    LoanInterest,
    /// 21909 of the loan.
    LoanOverpaid,
}

impl Role {
    const ALL: [Self; 14] = [
        Self::Bank,
        Self::BankTo,
        Self::Fixed,
        Self::Surplus,
        Self::SurplusFixed,
        Self::Person,
        Self::OtherPerson,
        Self::Unit,
        Self::OverContribution,
        Self::Unidentified,
        Self::LoanPrincipal,
        Self::LoanOverdue,
        Self::LoanInterest,
        Self::LoanOverpaid,
    ];

    const fn subject_code(self) -> i32 {
        match self {
            Self::Bank | Self::BankTo => 10101,
            Self::Fixed => 10102,
            Self::Surplus => 10201,
            Self::SurplusFixed => 10202,
            Self::Person | Self::OtherPerson => 201,
            Self::Unit => 21901,
            Self::OverContribution => 21902,
            Self::Unidentified => 21903,
            Self::LoanPrincipal => 12101,
            Self::LoanOverdue => 122,
            Self::LoanInterest => 11102,
            Self::LoanOverpaid => 21909,
        }
    }

    /// The role of a subject's line that names none; no role where the subject has no owner.
    fn usual(subject: Subject) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|role| role.subject_code() == subject.code())
    }
}

/// 缴存性质. What a line on a person's account is, for the sums by part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(i16)]
pub enum Part {
    /// None of them.
    #[default]
    None = 0,
    /// 单位部分.
    Employer = 1,
    /// 个人部分.
    Employee = 2,
    /// 利息.
    Interest = 3,
    /// 转入.
    Transfer = 4,
    /// 补贴.
    Subsidy = 5,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    event: Vec<EventFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventFile {
    code: String,
    name: String,
    passbook: Option<String>,
    #[serde(default)]
    frozen_too: bool,
    reverses: Option<String>,
    #[serde(default)]
    lines: Vec<LineFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineFile {
    debit: Option<Subject>,
    credit: Option<Subject>,
    account: Option<Role>,
    #[serde(default = "one_amount")]
    amounts: Vec<String>,
    #[serde(default)]
    part: Part,
    #[serde(default)]
    red: bool,
}

fn one_amount() -> Vec<String> {
    vec!["amount".to_owned()]
}

struct TableLine {
    subject: Subject,
    side: Side,
    role: Option<Role>,
    amounts: Vec<String>,
    part: Part,
    red: bool,
}

impl TableLine {
    /// +1 where the line adds to debit.
    const fn sign(&self) -> i64 {
        match (self.side, self.red) {
            (Side::Debit, false) | (Side::Credit, true) => 1,
            (Side::Credit, false) | (Side::Debit, true) => -1,
        }
    }
}

struct TableEvent {
    name: String,
    passbook: Option<String>,
    frozen_too: bool,
    lines: Vec<TableLine>,
}

/// The events and their lines.
pub struct EntryTable {
    events: BTreeMap<Event, TableEvent>,
}

impl EntryTable {
    /// Reads and checks a table: known leaf subjects, one side a line, balanced for all amounts.
    ///
    /// # Errors
    /// [`Error::EntryTable`] with the event and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self> {
        let file: File =
            toml::from_str(text).map_err(|error| Error::EntryTable(error.to_string()))?;
        let mut events = BTreeMap::new();
        for event in file.event {
            let wrong = |what: String| Error::EntryTable(format!("{}: {what}", event.code));
            let code =
                Event::parse(&event.code).ok_or_else(|| wrong("not a code like E05".to_owned()))?;
            if event.lines.is_empty() != event.reverses.is_some() {
                return Err(wrong(
                    "has either lines or the event that it reverses".to_owned(),
                ));
            }
            let lines = event
                .lines
                .into_iter()
                .map(line)
                .collect::<std::result::Result<Vec<_>, _>>()
                .map_err(wrong)?;
            if event.reverses.is_none() {
                check_balanced(&lines).map_err(wrong)?;
            }
            let event = TableEvent {
                name: event.name,
                passbook: event.passbook,
                frozen_too: event.frozen_too,
                lines,
            };
            if events.insert(code, event).is_some() {
                return Err(Error::EntryTable(format!("{code} stands twice")));
            }
        }
        Ok(Self { events })
    }

    /// Every event of the table with its name, ascending.
    pub fn all(&self) -> impl Iterator<Item = (Event, &str)> {
        self.events
            .iter()
            .map(|(event, known)| (*event, known.name.as_str()))
    }

    /// What people call the event; its code when it is not in the table.
    #[must_use]
    pub fn name(&self, event: Event) -> String {
        self.events
            .get(&event)
            .map_or_else(|| event.to_string(), |known| known.name.clone())
    }

    /// 摘要: what the holder of an account reads of the event; its name where nothing else is said.
    #[must_use]
    pub fn passbook(&self, event: Event) -> String {
        self.events
            .get(&event)
            .and_then(|known| known.passbook.clone())
            .unwrap_or_else(|| self.name(event))
    }

    /// Whether the event may take what is frozen or reserved.
    pub(crate) fn takes_frozen(&self, event: Event) -> Result<bool> {
        self.event(event).map(|event| event.frozen_too)
    }

    /// The lines of an event for given amounts and accounts. Amounts that are not given count as zero and lines of zero
    /// fall away; a negative amount makes its lines red.
    ///
    /// # Errors
    /// [`Error::Malformed`] for an unknown amount, an account that is missing, or nothing to book.
    pub fn lines(
        &self,
        event: Event,
        value_date: NaiveDate,
        accounts: &[(Role, AccountId)],
        amounts: &[(&str, Fen)],
    ) -> Result<Vec<Line>> {
        let known = self.event(event)?;
        if let Some((name, _)) = amounts.iter().find(|(name, _)| {
            !known
                .lines
                .iter()
                .any(|line| line.amounts.iter().any(|a| a == name))
        }) {
            return Err(Error::Malformed(format!(
                "{event} has no amount named {name}"
            )));
        }
        let mut lines = Vec::with_capacity(known.lines.len());
        for line in &known.lines {
            let amount: Fen = amounts
                .iter()
                .filter(|(name, _)| line.amounts.iter().any(|a| a == name))
                .map(|(_, fen)| *fen)
                .sum();
            if amount.is_zero() {
                continue;
            }
            let account = match line.role {
                None => AccountId::of_subject(line.subject),
                Some(role) => accounts
                    .iter()
                    .find(|(given, _)| *given == role)
                    .map(|(_, account)| *account)
                    .ok_or_else(|| {
                        Error::Malformed(format!("{event} needs the account of {role:?}"))
                    })?,
            };
            let red = line.red != (amount < Fen::ZERO);
            lines.push(Line {
                account,
                part: line.part,
                amount: amount * line.sign(),
                value_date,
                red,
            });
        }
        if lines.is_empty() {
            return Err(Error::Malformed(format!("{event} has no amount to book")));
        }
        Ok(lines)
    }

    fn event(&self, event: Event) -> Result<&TableEvent> {
        self.events
            .get(&event)
            .ok_or_else(|| Error::Malformed(format!("{event} has no entry in the table")))
    }
}

fn line(file: LineFile) -> std::result::Result<TableLine, String> {
    let (subject, side) = match (file.debit, file.credit) {
        (Some(subject), None) => (subject, Side::Debit),
        (None, Some(subject)) => (subject, Side::Credit),
        _ => return Err("a line is either debit or credit".to_owned()),
    };
    if !subject.info().leaf {
        return Err(format!("{subject} is not a leaf of the chart"));
    }
    let role = file.account.or_else(|| Role::usual(subject));
    if role.is_some_and(|role| role.subject_code() != subject.code()) {
        return Err(format!("{subject} is not an account of {role:?}"));
    }
    Ok(TableLine {
        subject,
        side,
        role,
        amounts: file.amounts,
        part: file.part,
        red: file.red,
    })
}

fn check_balanced(lines: &[TableLine]) -> std::result::Result<(), String> {
    let mut sums: HashMap<&str, i64> = HashMap::new();
    for line in lines {
        for name in &line.amounts {
            *sums.entry(name).or_default() += line.sign();
        }
    }
    match sums.iter().find(|(_, sum)| **sum != 0) {
        Some((name, _)) => Err(format!("{name} does not stand on both sides")),
        None if lines.len() < 2 => Err("at least two lines".to_owned()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(lines: &str) -> String {
        let text = format!("[[event]]\ncode = 'E01'\nname = 'x'\nlines = [{lines}]");
        EntryTable::parse(&text)
            .err()
            .expect("the table is wrong")
            .to_string()
    }

    #[test]
    fn a_wrong_table_is_refused_with_its_event() {
        assert!(wrong("{ debit = 10101 }, { credit = 219011 }").contains("219011"));
        assert!(wrong("{ debit = 10101 }, { credit = 219 }").contains("E01: 219 is not a leaf"));
        assert!(
            wrong("{ debit = 10101 }, { credit = 21901, amounts = ['other'] }")
                .contains("both sides")
        );
        assert!(wrong("{ debit = 10101, credit = 21901 }").contains("either debit or credit"));
        assert!(
            wrong("{ debit = 10101, account = 'person' }, { credit = 21901 }")
                .contains("not an account of")
        );
    }

    #[test]
    fn the_national_table_is_right_and_covers_the_events_of_contributions_and_withdrawals() {
        let table =
            EntryTable::parse(include_str!("../../../policy/national/entries.toml")).unwrap();
        for code in [
            1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 21, 22, 25, 26, 27, 28, 30, 31, 32, 33, 34, 35, 36,
            71, 72, 89,
        ] {
            assert!(table.events.contains_key(&Event(code)), "E{code:02}");
        }
    }

    #[test]
    fn a_negative_amount_is_booked_in_red_on_the_same_sides() {
        let table =
            EntryTable::parse(include_str!("../../../policy/national/entries.toml")).unwrap();
        let day = NaiveDate::from_ymd_opt(2026, 6, 30).unwrap();
        let lines = table
            .lines(Event(70), day, &[], &[("amount", Fen::new(-5))])
            .unwrap();
        let shown: Vec<(i64, i64, bool)> = lines
            .iter()
            .map(|l| (l.account.0, l.amount.fen(), l.red))
            .collect();
        assert_eq!(shown, [(41101, -5, true), (211, 5, true)]);
    }
}
