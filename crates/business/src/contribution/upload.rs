//! Uploading a month's roster (上传清册): read, compared with our books, the policy of the month and the police, and kept as a checked
//! list. Uploading changes nothing; `registration.rs` applies it. `members.rs` reads what a list is compared with, `kept.rs` keeps it.

use std::collections::HashMap;

use anju_domain::calendar::{Month, contribution_year_of};
use anju_domain::contribution::{AmountRounding, BaseLimits, Ratios, RoundMode, RoundScope};
use anju_domain::id_number::IdNumber;
use anju_domain::name::PersonName;
use anju_domain::rate::Bp;
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use futures::future::BoxFuture;
use serde_json::Value;
use sqlx::FromRow;
use uuid::Uuid;

use anju_casework::employer::{self, Employer};
use anju_casework::{
    Actor, Error, Fault as Trouble, Office, Refusal, Result, RowFault, books, case,
};

use super::base_year;
use super::joining::{self, Outside};
use super::kept::keep;
use super::members::Books;
use super::roster::{
    self, Context, Fault, LastLine, Mode, Notice, PoliceAnswer, RosterLine, RosterPolicy, Sheet,
};
use crate::policy::Rules;

/// Who asks the police about many people at once; the gateway does.
pub trait Police: Send + Sync {
    /// One answer for each pair, in order; whoever got none is unknown.
    fn verify<'a>(&'a self, pairs: &'a [(String, String)]) -> BoxFuture<'a, Vec<PoliceAnswer>>;

    /// What social security and the national platform know of these numbers, in order; nothing of whom they are silent.
    fn outside<'a>(&'a self, ids: &'a [String]) -> BoxFuture<'a, Vec<Outside>>;
}

/// A checked roster as it is kept.
#[derive(Debug, Clone, FromRow)]
pub struct Roster {
    /// Identifier.
    pub roster_id: i64,
    /// Whose.
    pub employer_id: i64,
    /// Month index.
    pub month: i32,
    /// `complete` or `changes`.
    pub mode: String,
    /// SHA-256 of the list.
    pub digest: Vec<u8>,
    /// People in the list.
    pub lines: i32,
    /// Fen.
    pub total_fen: i64,
    /// `{added, sealed, unsealed, changed}`.
    pub changes: Value,
    /// Per person, masked.
    pub differences: Value,
    /// What the clerk should know.
    pub notices: Value,
    /// REMIT-08.
    pub equation: Value,
    /// When.
    pub uploaded_at: DateTime<Utc>,
}

/// A checked roster that must exist.
pub async fn require(office: &Office, roster_id: i64) -> Result<Roster> {
    sqlx::query_as(
        "SELECT roster_id, employer_id, month, mode, digest, lines, total_fen, changes, differences, notices, equation, uploaded_at
           FROM roster WHERE centre_id = $1 AND roster_id = $2",
    )
    .bind(office.centre.id)
    .bind(roster_id)
    .fetch_optional(&office.pool)
    .await?
    .ok_or_else(|| Refusal::not_found("这份名册").into())
}

/// What a refused upload leaves for the page that shows every mistake.
#[derive(Debug)]
pub struct Mistakes {
    /// The sheet as read; none if the file was refused whole.
    pub sheet: Option<Sheet>,
    /// Every mistake.
    pub faults: Vec<Fault>,
    /// Notices.
    pub notices: Vec<Notice>,
    /// Rows without a mistake.
    pub right_rows: usize,
}

impl Mistakes {
    fn whole(faults: Vec<Fault>) -> Self {
        Self {
            sheet: None,
            faults,
            notices: Vec::new(),
            right_rows: 0,
        }
    }

    /// The refusal of the doors: every mistake by row and column.
    pub fn refusal(&self) -> Refusal {
        let errors: Vec<RowFault> = self.faults.iter().map(row_fault).collect();
        let code = self.faults.first().map_or("E-FILE-05", |fault| fault.code);
        let detail = match &self.faults[..] {
            [only] => only.message.clone(),
            faults => format!(
                "名册里有 {} 处要改，请改完再上传。改完之前，这份名册不会提交。",
                faults.len()
            ),
        };
        Refusal::rule(code, detail).with_errors(errors)
    }
}

fn row_fault(fault: &Fault) -> RowFault {
    RowFault {
        row: fault.row,
        column: fault.column.map(str::to_owned),
        code: fault.code.to_owned(),
        message: fault.message.clone(),
    }
}

/// What came of an upload.
pub enum Upload {
    /// Checked and kept.
    Kept(i64),
    /// Every mistake; nothing was kept.
    Refused(Box<Mistakes>),
}

/// Everybody who contributes with what holds today, as a clerk takes it home to write the next list or to declare the bases of a year.
/// Whoever was sealed, or left, since the last list stands in it no more; whoever was unsealed, set up or came over stands in it already.
pub async fn list_of_today(
    office: &Office,
    employer: &Employer,
    month: Month,
) -> Result<Vec<LastLine>> {
    let books = Books::read(office, employer, month, &[]).await?;
    let mut lines: Vec<LastLine> = books
        .members
        .into_iter()
        .filter(|(_, member)| member.state == roster::MemberState::Active)
        .map(|(id_number, member)| LastLine {
            id_number,
            name: member.name,
            base: member.base,
            ratios: member.ratios,
            monthly: anju_domain::money::Fen::ZERO,
        })
        .collect();
    lines.sort_by(|a, b| a.id_number.cmp(&b.id_number));
    Ok(lines)
}

/// Takes the key and the file of a month.
pub struct Uploaded<'a> {
    /// Whose.
    pub employer_id: i64,
    /// For which month.
    pub month: Month,
    /// Complete or changes only.
    pub mode: Mode,
    /// The xlsx.
    pub bytes: Vec<u8>,
    /// Who.
    pub actor: Actor,
    /// The client's key.
    pub key: Uuid,
    /// Digest of call and body.
    pub digest: Uuid,
    /// The police.
    pub police: &'a dyn Police,
}

/// A file as read: its sheet, the rows of it and the faults of their cells; or the reasons for which it is refused whole.
pub type Read = std::result::Result<(Sheet, Vec<RosterLine>, Vec<Fault>), Vec<Fault>>;

/// Reads a file.
///
/// # Errors
/// The reasons for which it is refused whole.
pub fn read(bytes: &[u8]) -> Read {
    let sheet = roster::read(bytes)?;
    let (lines, faults) = roster::lines(&sheet);
    Ok((sheet, lines, faults))
}

/// Reads, checks and keeps a roster.
pub async fn upload(office: &Office, mut upload: Uploaded<'_>) -> Result<Upload> {
    let bytes = std::mem::take(&mut upload.bytes);
    upload_read(office, upload, move || read(&bytes)).await
}

/// The same of a file that somebody else opens.
pub async fn upload_read(
    office: &Office,
    upload: Uploaded<'_>,
    read: impl FnOnce() -> Read + Send + 'static,
) -> Result<Upload> {
    if let Some(before) = books::remembered(office, upload.key, upload.digest).await? {
        return Ok(Upload::Kept(before));
    }
    let employer = employer::require_open(office, upload.employer_id).await?;
    let reading = tokio::task::spawn_blocking(read);
    // The file is read while the database is asked who is a member.
    let (read, books) = tokio::join!(reading, Books::of_members(office, &employer, upload.month));
    let read = read.map_err(|_| Trouble::Stored("reading a roster did not finish".to_owned()))?;
    let (sheet, lines, faults) = match read {
        Ok(read) => read,
        Err(faults) => return Ok(Upload::Refused(Box::new(Mistakes::whole(faults)))),
    };
    if upload.mode == Mode::Bases
        && let Some(fault) = base_year::out_of_time(office, &employer, upload.month)?
    {
        return Ok(Upload::Refused(Box::new(Mistakes::whole(vec![fault]))));
    }
    let mut books = books?;
    books.add_joining(office, &lines).await?;
    let policy = roster_policy(office, &employer, upload.month)?;
    let no_answers = HashMap::new();
    let is_first = books.members.is_empty() && employer.is_new();
    let said = joining::ask(office, upload.police, &lines, &books, is_first);
    let context = Context {
        month: upload.month,
        mode: upload.mode,
        is_first,
        may_be_empty: false,
        ratios: Ratios {
            employer: Bp::new(employer.ratio_employer_bp),
            employee: Bp::new(employer.ratio_employee_bp),
        },
        ratio_change: books.ratio_change,
        policy: &policy,
        members: &books.members,
        elsewhere: &books.elsewhere,
        police: &no_answers,
        last_month: &books.last_month,
    };
    let asking = ask_police(upload.police, &lines, &context);
    let (said, answers) = tokio::join!(said, asking);
    let mut elsewhere = books.elsewhere.clone();
    let mut notices = sheet.notices.clone();
    notices.extend(said?.tell(&mut elsewhere));
    let context = Context {
        police: &answers,
        elsewhere: &elsewhere,
        ..context
    };
    let checked = match roster::check(&lines, faults, notices, &context) {
        Ok(checked) => checked,
        Err(refused) => {
            return Ok(Upload::Refused(Box::new(Mistakes {
                sheet: Some(sheet),
                faults: refused.faults,
                notices: refused.notices,
                right_rows: refused.right_rows,
            })));
        }
    };
    let roster_id = office.ids.next().await?;
    let mut tx = office.pool.begin().await?;
    let kept = async {
        books::remember(office, &mut tx, upload.key, upload.digest, roster_id).await?;
        keep(
            office,
            &mut tx,
            roster_id,
            &employer,
            upload.month,
            upload.mode,
            &checked,
            &books,
            upload.actor,
        )
        .await
    }
    .await;
    match kept {
        Ok(()) => {
            tx.commit().await?;
            Ok(Upload::Kept(roster_id))
        }
        Err(error) => {
            drop(tx);
            repeated(office, upload.key, upload.digest, error)
                .await
                .map(Upload::Kept)
        }
    }
}

async fn repeated(office: &Office, key: Uuid, digest: Uuid, error: Error) -> Result<i64> {
    if case::is_repeat(&error)
        && let Some(before) = books::remembered(office, key, digest).await?
    {
        return Ok(before);
    }
    Err(error)
}

pub(super) async fn ask_police(
    police: &dyn Police,
    lines: &[roster::RosterLine],
    context: &Context<'_>,
) -> HashMap<IdNumber, PoliceAnswer> {
    let people: Vec<(IdNumber, PersonName)> = roster::to_verify(lines, context)
        .into_iter()
        .map(|(id, name)| (id.clone(), name.clone()))
        .collect();
    if people.is_empty() {
        return HashMap::new();
    }
    let pairs: Vec<(String, String)> = people
        .iter()
        .map(|(id, name)| (id.expose().to_owned(), name.expose().to_owned()))
        .collect();
    let answers = police.verify(&pairs).await;
    people.into_iter().map(|(id, _)| id).zip(answers).collect()
}

/// The numbers that a roster of this employer and month meets.
///
/// # Errors
/// The policy lacks one of them.
pub fn roster_policy(office: &Office, employer: &Employer, month: Month) -> Result<RosterPolicy> {
    let rules = Rules::on(office, month.first_day());
    let at: [(&str, &str); 1] = [("region", &employer.district)];
    // BASE-01: the lower limit of the first day of the contribution year, unless the centre follows each month.
    let lower_day = match rules.text("base_lower_date_rule")?.as_str() {
        "MONTH" => month.first_day(),
        _ => NaiveDate::from_ymd_opt(contribution_year_of(month), 7, 1)
            .unwrap_or_else(|| month.first_day()),
    };
    let today = office.today();
    let (from, to) = (
        rules.text("base_window_from")?,
        rules.text("base_window_to")?,
    );
    let day_of_year = format!("{:02}-{:02}", today.month(), today.day());
    let (ratio_min, ratio_max) = rules.ratio_limits()?;
    Ok(RosterPolicy {
        limits: BaseLimits {
            lower: Rules::on(office, lower_day).fen("base_lower_fen", &at)?,
            upper: rules.fen("base_upper_fen", &[])?,
        },
        base_window_is_open: (from..=to).contains(&day_of_year),
        base_fall_warning: Bp::new(rules.bp("base_drop_notice_bp")?),
        // Below the limit only where a reduction was approved: then it is the employer's own.
        ratio_min: Bp::new(ratio_min.min(employer.ratio_employer_bp)),
        ratio_max: Bp::new(ratio_max),
        ratio_step: Bp::new(rules.bp("ratio_step_bp")?),
        ratios_must_equal: rules.flag("ratio_must_equal")?,
        ratios_per_person: rules.flag("ratio_per_person")?,
        rounding: AmountRounding {
            unit: rules.fen("amount_round_unit_fen", &[])?,
            mode: mode::<RoundMode>(&rules.text("amount_round_mode")?)?,
            scope: mode::<RoundScope>(&rules.text("amount_round_scope")?)?,
        },
        minimum_age_years: rules.months("account_minimum_age_years")?,
    })
}

fn mode<T: serde::de::DeserializeOwned>(word: &str) -> Result<T> {
    serde_json::from_value(Value::String(word.to_owned()))
        .map_err(|error| Trouble::Policy(error.to_string()).into())
}

pub(super) fn stored(error: impl std::fmt::Display) -> Error {
    Trouble::Stored(error.to_string()).into()
}
