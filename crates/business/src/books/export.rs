//! The books in the languages of others: hledger, Beancount, a table.
//!
//! Invariant: what is written balances to the fen with our own trial balance. A period that does not begin with the books opens with
//! one transaction that brings the balances forward, so that the closing balances of the file are those of the last day. Accounts are
//! leaf subjects, named by their code; a person's or an employer's account stands beside the posting by its public number, and no
//! name or ID number leaves the house.

use std::fmt::Write as _;
use std::io::{self, Write};

use anju_casework::Office;
use anju_domain::money::Fen;
use anju_domain::subject::{Class, Side, Subject, SubjectInfo};
use anju_ledger::JournalId;
use anju_ledger::account::Kind;
use anju_ledger::day_book::{self, DayBookLine};
use anju_ledger::trial_balance::TrialBalance;
use anju_vault::NumberKind;
use chrono::NaiveDate;
use sqlx::PgConnection;

/// The language of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A journal of hledger that `hledger check --strict ordereddates payees` accepts.
    Hledger,
    /// A ledger of Beancount that `bean-check` accepts; it asserts the closing balances itself.
    Beancount,
    /// One row a posting, with a header (RFC 4180).
    Csv,
}

/// Why a file was not written to its end.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Reading the books.
    #[error("reading the books")]
    Books(#[from] anju_ledger::Error),
    /// Writing the file.
    #[error("writing the file")]
    Write(#[from] io::Error),
}

/// What is said of the transaction that brings balances forward.
const OPENING: &str = "期初余额";

/// Writes the postings of both days and those between.
///
/// # Errors
/// The database or the writer fails.
pub async fn export(
    connection: &mut PgConnection,
    office: &Office,
    format: Format,
    from: NaiveDate,
    to: NaiveDate,
    out: impl Write,
) -> Result<(), ExportError> {
    let mut file = File {
        office,
        format,
        from,
        to,
        out,
        last: None,
    };
    day_book::read(connection, office.ledger(), from, to, &mut file).await?;
    file.out.flush()?;
    Ok(())
}

struct File<'a, W> {
    office: &'a Office,
    format: Format,
    from: NaiveDate,
    to: NaiveDate,
    out: W,
    /// The journal whose lines are being written.
    last: Option<JournalId>,
}

impl<W: Write> day_book::Reader for File<'_, W> {
    type Error = ExportError;

    fn opening(&mut self, balances: &TrialBalance) -> Result<(), ExportError> {
        self.head()?;
        let brought: Vec<(Subject, Fen)> = signed_closings(balances)
            .filter(|(_, amount)| !amount.is_zero())
            .collect();
        if !brought.is_empty() {
            let from = self.from;
            self.transaction(from, OPENING, None)?;
            for (subject, amount) in brought {
                self.posting(&Posting {
                    date: from,
                    value_date: from,
                    description: OPENING,
                    subject,
                    amount,
                    ..Posting::default()
                })?;
            }
        }
        Ok(())
    }

    fn line(&mut self, line: &DayBookLine) -> Result<(), ExportError> {
        let journal = self
            .office
            .numbers
            .encode(NumberKind::Case, line.journal_id.0);
        let description = self.description(line);
        if self.last != Some(line.journal_id) {
            self.last = Some(line.journal_id);
            self.transaction(line.business_date, &description, Some(&journal))?;
        }
        self.posting(&Posting {
            date: line.business_date,
            value_date: line.value_date,
            description: &description,
            journal: &journal,
            subject: line.subject,
            account_no: &self.account_no(line),
            part: part_name(line.part),
            amount: line.amount,
            red: line.red,
        })
    }

    fn closing(&mut self, balances: &TrialBalance) -> Result<(), ExportError> {
        // A balance of Beancount is that of the morning; without a word about it a fen more or less would do.
        if let (Format::Beancount, Some(morning)) = (self.format, self.to.succ_opt()) {
            writeln!(self.out)?;
            for (subject, amount) in signed_closings(balances) {
                let (account, amount) = (beancount_account(subject), yuan(amount));
                writeln!(self.out, "{morning} balance {account}  {amount} ~ 0 CNY")?;
            }
        }
        Ok(())
    }
}

/// One line of the file, whatever its language.
struct Posting<'a> {
    date: NaiveDate,
    value_date: NaiveDate,
    description: &'a str,
    journal: &'a str,
    subject: Subject,
    account_no: &'a str,
    part: &'static str,
    amount: Fen,
    red: bool,
}

impl Default for Posting<'_> {
    fn default() -> Self {
        Self {
            date: NaiveDate::MIN,
            value_date: NaiveDate::MIN,
            description: "",
            journal: "",
            subject: Subject::FUND_LIABILITY,
            account_no: "",
            part: "",
            amount: Fen::ZERO,
            red: false,
        }
    }
}

impl<W: Write> File<'_, W> {
    /// The declarations that strict checks ask for.
    fn head(&mut self) -> io::Result<()> {
        let title = format!("{} {} {}", self.office.centre.name, self.from, self.to);
        match self.format {
            Format::Hledger => {
                writeln!(
                    self.out,
                    "; {title}\ncommodity 1000.00 CNY\npayee {OPENING}"
                )?;
                for (event, name) in self.office.entries.all() {
                    writeln!(self.out, "payee {event} {name}")?;
                }
                for info in Subject::leaves() {
                    let (name, kind) = (account(info.subject), hledger_type(info.class));
                    writeln!(self.out, "account {name}  ; type:{kind}")?;
                }
            }
            Format::Beancount => {
                writeln!(
                    self.out,
                    "; {title}\noption \"title\" \"{title}\"\noption \"operating_currency\" \"CNY\""
                )?;
                for info in Subject::leaves() {
                    let name = beancount_account(info.subject);
                    writeln!(self.out, "{} open {name} CNY", self.from)?;
                }
            }
            Format::Csv => self.row(&[
                "date",
                "journal",
                "description",
                "account",
                "account_no",
                "part",
                "value_date",
                "debit",
                "credit",
                "amount",
                "currency",
            ])?,
        }
        Ok(())
    }

    fn transaction(
        &mut self,
        date: NaiveDate,
        description: &str,
        journal: Option<&str>,
    ) -> io::Result<()> {
        match (self.format, journal) {
            (Format::Hledger, None) => writeln!(self.out, "\n{date} * {description}"),
            (Format::Hledger, Some(journal)) => {
                writeln!(self.out, "\n{date} * ({journal}) {description}")
            }
            (Format::Beancount, _) => {
                writeln!(self.out, "\n{date} * \"{description}\" \"\"")?;
                journal.map_or(Ok(()), |journal| {
                    writeln!(self.out, "  journal: \"{journal}\"")
                })
            }
            (Format::Csv, _) => Ok(()),
        }
    }

    fn posting(&mut self, posting: &Posting<'_>) -> Result<(), ExportError> {
        let amount = yuan(posting.amount);
        match self.format {
            Format::Hledger => {
                let name = account(posting.subject);
                write!(self.out, "    {name}  {amount} CNY")?;
                let aside = aside(posting);
                if !aside.is_empty() {
                    write!(self.out, "  ; {aside}")?;
                }
                writeln!(self.out)?;
            }
            Format::Beancount => {
                let name = beancount_account(posting.subject);
                writeln!(self.out, "  {name}  {amount} CNY")?;
                for (key, value) in [("account", posting.account_no), ("part", posting.part)] {
                    if !value.is_empty() {
                        writeln!(self.out, "    {key}: \"{value}\"")?;
                    }
                }
                if posting.value_date != posting.date {
                    writeln!(self.out, "    value-date: {}", posting.value_date)?;
                }
            }
            Format::Csv => {
                // A red line stands on its own side with its sign.
                let debit = (posting.amount > Fen::ZERO) != posting.red;
                let (debit, credit) = if debit {
                    (amount.clone(), String::new())
                } else {
                    (String::new(), yuan(-posting.amount))
                };
                self.row(&[
                    &posting.date.to_string(),
                    posting.journal,
                    posting.description,
                    &account(posting.subject),
                    posting.account_no,
                    posting.part,
                    &posting.value_date.to_string(),
                    &debit,
                    &credit,
                    &amount,
                    "CNY",
                ])?;
            }
        }
        Ok(())
    }

    fn row(&mut self, cells: &[&str]) -> io::Result<()> {
        for (place, cell) in cells.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            if cell.contains(['"', ',', '\n', '\r']) {
                write!(self.out, "{comma}\"{}\"", cell.replace('"', "\"\""))?;
            } else {
                write!(self.out, "{comma}{cell}")?;
            }
        }
        self.out.write_all(b"\r\n")
    }

    fn description(&self, line: &DayBookLine) -> String {
        format!("{} {}", line.event, self.office.entries.name(line.event))
    }

    /// The public number of the account of a person, or of the employer that an account is kept for; empty for the centre's own.
    fn account_no(&self, line: &DayBookLine) -> String {
        let (kind, id) = match line.kind {
            Kind::Fund | Kind::Subsidy | Kind::Flexible => (NumberKind::Account, line.account.0),
            Kind::UnitSuspense | Kind::OverContribution => (NumberKind::Employer, line.owner_id),
            Kind::LoanPrincipal | Kind::LoanOverdue | Kind::LoanInterest | Kind::LoanOverpaid => {
                (NumberKind::Loan, line.owner_id)
            }
            Kind::BankDemand
            | Kind::BankFixed
            | Kind::SurplusDemand
            | Kind::SurplusFixed
            | Kind::Unidentified
            | Kind::Subject => return String::new(),
        };
        self.office.numbers.encode(kind, id)
    }
}

/// `21904-其他应付款-提取待付`: the code first; `:` would make a level, and the code tells the levels already.
fn account(subject: Subject) -> String {
    let own = subject.info();
    match parent(own) {
        Some(parent) => format!("{subject}-{}-{}", parent.name_zh, own.name_zh),
        None => format!("{subject}-{}", own.name_zh),
    }
}

fn parent(own: &SubjectInfo) -> Option<&'static SubjectInfo> {
    let code = own.subject.to_string();
    Subject::all()
        .iter()
        .rev()
        .find(|other| other.subject != own.subject && code.starts_with(&other.subject.to_string()))
}

/// Beancount asks for one of five roots in front.
fn beancount_account(subject: Subject) -> String {
    let root = match subject.info().class {
        Class::Asset | Class::Memo => "Assets",
        Class::Liability => "Liabilities",
        Class::NetWorth => "Equity",
        Class::Income => "Income",
        Class::Expense => "Expenses",
    };
    format!("{root}:{}", account(subject))
}

const fn hledger_type(class: Class) -> char {
    match class {
        Class::Asset | Class::Memo => 'A',
        Class::Liability => 'L',
        Class::NetWorth => 'E',
        Class::Income => 'R',
        Class::Expense => 'X',
    }
}

/// Closing balances with + for debit, as both programs have it.
fn signed_closings(balances: &TrialBalance) -> impl Iterator<Item = (Subject, Fen)> + '_ {
    balances.subjects.iter().map(|line| {
        let debit = line.subject.info().side == Side::Debit;
        let amount = if debit { line.closing } else { -line.closing };
        (line.subject, amount)
    })
}

/// `-1234.50`: no separators and an ASCII sign, as programs read it.
fn yuan(amount: Fen) -> String {
    let fen = amount.fen().unsigned_abs();
    let sign = if amount < Fen::ZERO { "-" } else { "" };
    format!("{sign}{}.{:02}", fen / 100, fen % 100)
}

fn part_name(part: i16) -> &'static str {
    match part {
        1 => "单位",
        2 => "个人",
        3 => "利息",
        4 => "转入",
        5 => "补贴",
        _ => "",
    }
}

/// What stands behind a posting of hledger.
fn aside(posting: &Posting<'_>) -> String {
    let mut text = posting.account_no.to_owned();
    if !posting.part.is_empty() {
        let _ = write!(text, " {}", posting.part);
    }
    if posting.value_date != posting.date {
        let _ = write!(text, " 起息 {}", posting.value_date);
    }
    text.trim().to_owned()
}
