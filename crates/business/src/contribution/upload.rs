//! Uploading a month's roster (上传清册): read, compared with our books, the policy of the month and the police, and kept as a checked
//! list. Uploading changes nothing; `remittance.rs` applies it.

use std::collections::HashMap;

use anju_domain::calendar::{Month, contribution_year_of};
use anju_domain::contribution::{AmountRounding, BaseLimits, Ratios, RoundMode, RoundScope};
use anju_domain::id_number::IdNumber;
use anju_domain::money::Fen;
use anju_domain::name::PersonName;
use anju_domain::rate::Bp;
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use anju_casework::employer::{self, Employer};
use anju_casework::person::{purpose, text};
use anju_casework::{
    Actor, Error, Fault as Trouble, Office, Refusal, Result, RowFault, books, case,
};

use super::roster::{
    self, Change, Checked, Context, Elsewhere, Fault, LastLine, Member, MemberState, Mode, Notice,
    PoliceAnswer, RatioChange, RosterPolicy, Sheet,
};
use crate::policy::Rules;

/// Who asks the police about many people at once; the gateway does.
pub trait Police: Send + Sync {
    /// One answer for each pair, in order; whoever got none is unknown.
    fn verify<'a>(&'a self, pairs: &'a [(String, String)]) -> BoxFuture<'a, Vec<PoliceAnswer>>;
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
                "名册里有 {} 处要改。改完之前，这份名册不会提交。",
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

/// The list of the month before, as a clerk takes it home to write the next one.
pub async fn last_list(
    office: &Office,
    employer: &Employer,
    month: Month,
) -> Result<Vec<LastLine>> {
    Ok(Books::read(office, employer, month, &[]).await?.last_month)
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

/// Reads, checks and keeps a roster.
pub async fn upload(office: &Office, upload: Uploaded<'_>) -> Result<Upload> {
    if let Some(before) = books::remembered(office, upload.key, upload.digest).await? {
        return Ok(Upload::Kept(before));
    }
    let employer = employer::require(office, upload.employer_id).await?;
    let bytes = upload.bytes;
    let read = tokio::task::spawn_blocking(move || {
        roster::read(&bytes).map(|sheet| (roster::lines(&sheet), sheet))
    })
    .await
    .map_err(|_| Trouble::Stored("reading a roster did not finish".to_owned()))?;
    let ((lines, faults), sheet) = match read {
        Ok(read) => read,
        Err(faults) => return Ok(Upload::Refused(Box::new(Mistakes::whole(faults)))),
    };
    let books = Books::read(office, &employer, upload.month, &lines).await?;
    let policy = roster_policy(office, &employer, upload.month)?;
    let no_answers = HashMap::new();
    let mut context = Context {
        month: upload.month,
        mode: upload.mode,
        is_first: books.members.is_empty() && employer.is_new(),
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
    let answers = ask_police(upload.police, &lines, &context).await;
    context.police = &answers;
    let checked = match roster::check(&lines, faults, sheet.notices.clone(), &context) {
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

async fn ask_police(
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

/// What our own books say of an employer's people.
struct Books {
    members: HashMap<IdNumber, Member>,
    rows: HashMap<IdNumber, MemberRow>,
    elsewhere: HashMap<IdNumber, Elsewhere>,
    persons: HashMap<IdNumber, KnownPerson>,
    last_month: Vec<LastLine>,
    ratio_change: RatioChange,
    list_version: i32,
}

#[derive(Debug, Clone, FromRow)]
struct MemberRow {
    person_id: i64,
    account_id: i64,
    membership_id: i64,
    id_sealed: Vec<u8>,
    name_sealed: Vec<u8>,
    state: i16,
    base_fen: i64,
    ratio_employer_bp: i32,
    ratio_employee_bp: i32,
    base_year: Option<i32>,
    last_fen: Option<i64>,
}

/// A person who is known to the centre, with the account that may come over.
#[derive(Debug, Clone, FromRow)]
struct KnownPerson {
    id_index: Vec<u8>,
    person_id: i64,
    state: Option<i16>,
    account_id: Option<i64>,
}

impl Books {
    async fn read(
        office: &Office,
        employer: &Employer,
        month: Month,
        lines: &[roster::RosterLine],
    ) -> Result<Self> {
        let rows: Vec<MemberRow> = sqlx::query_as(
            "SELECT m.person_id, m.account_id, m.membership_id, p.id_sealed, p.name_sealed, m.state, m.base_fen,
                    m.ratio_employer_bp, m.ratio_employee_bp, m.base_year, l.employer_fen + l.employee_fen AS last_fen
               FROM membership m
               JOIN person p ON p.centre_id = m.centre_id AND p.person_id = m.person_id
               LEFT JOIN remittance r
                 ON r.centre_id = m.centre_id AND r.employer_id = m.employer_id AND r.month = $3 AND r.state IN (1, 2, 3)
               LEFT JOIN remittance_line l
                 ON l.centre_id = m.centre_id AND l.account_id = m.account_id AND l.month = $3
                AND l.remittance_id = r.remittance_id
              WHERE m.centre_id = $1 AND m.employer_id = $2 AND m.state IN (1, 2)",
        )
        .bind(office.centre.id)
        .bind(employer.employer_id)
        .bind(month.index() - 1)
        .fetch_all(&office.pool)
        .await?;
        let mut last_month = left_since(office, employer, month).await?;
        let year = contribution_year_of(month);
        let mut members = HashMap::with_capacity(rows.len());
        let mut by_id = HashMap::with_capacity(rows.len());
        for row in rows {
            let id = IdNumber::parse(&text(&office.vault, purpose::ID, &row.id_sealed)?)
                .map_err(stored)?;
            let name = PersonName::parse(&text(&office.vault, purpose::NAME, &row.name_sealed)?)
                .map_err(stored)?;
            let ratios = Ratios {
                employer: Bp::new(row.ratio_employer_bp),
                employee: Bp::new(row.ratio_employee_bp),
            };
            if let Some(last_fen) = row.last_fen {
                last_month.push(LastLine {
                    id_number: id.clone(),
                    name: name.clone(),
                    base: Fen::new(row.base_fen),
                    ratios,
                    monthly: Fen::new(last_fen),
                });
            }
            members.insert(
                id.clone(),
                Member {
                    name,
                    state: if row.state == 1 {
                        MemberState::Active
                    } else {
                        MemberState::Sealed
                    },
                    base: Fen::new(row.base_fen),
                    ratios,
                    base_adjusted_this_year: row.base_year == Some(year),
                },
            );
            by_id.insert(id, row);
        }
        let joining: Vec<&IdNumber> = lines
            .iter()
            .filter_map(|line| line.id_number.given())
            .filter(|id| !members.contains_key(*id))
            .collect();
        let persons = known_people(office, &joining).await?;
        let elsewhere = persons
            .iter()
            .map(|(id, person)| {
                let place = match person.state {
                    Some(1) => Elsewhere::Active,
                    Some(2) => Elsewhere::Sealed,
                    _ => Elsewhere::Closed,
                };
                (id.clone(), place)
            })
            .collect();
        Ok(Self {
            members,
            rows: by_id,
            elsewhere,
            persons,
            last_month,
            ratio_change: ratio_change(office, employer, month).await?,
            list_version: employer.list_version,
        })
    }
}

/// Who stood in the list of the month before and is no member any more: REMIT-08 counts them as removed.
async fn left_since(office: &Office, employer: &Employer, month: Month) -> Result<Vec<LastLine>> {
    let rows: Vec<(Vec<u8>, Vec<u8>, i64, i64)> = sqlx::query_as(
        "SELECT p.id_sealed, p.name_sealed, l.base_fen, l.employer_fen + l.employee_fen
           FROM remittance r
           JOIN remittance_line l ON l.centre_id = r.centre_id AND l.remittance_id = r.remittance_id
           JOIN person p ON p.centre_id = l.centre_id AND p.person_id = l.person_id
          WHERE r.centre_id = $1 AND r.employer_id = $2 AND r.month = $3 AND r.state IN (1, 2, 3)
            AND NOT EXISTS (SELECT FROM membership m
                             WHERE m.centre_id = l.centre_id AND m.person_id = l.person_id AND m.employer_id = $2
                               AND m.state IN (1, 2))",
    )
    .bind(office.centre.id)
    .bind(employer.employer_id)
    .bind(month.index() - 1)
    .fetch_all(&office.pool)
    .await?;
    rows.into_iter()
        .map(|(id, name, base_fen, monthly_fen)| {
            Ok(LastLine {
                id_number: IdNumber::parse(&text(&office.vault, purpose::ID, &id)?)
                    .map_err(stored)?,
                name: PersonName::parse(&text(&office.vault, purpose::NAME, &name)?)
                    .map_err(stored)?,
                base: Fen::new(base_fen),
                ratios: Ratios {
                    employer: Bp::new(employer.ratio_employer_bp),
                    employee: Bp::new(employer.ratio_employee_bp),
                },
                monthly: Fen::new(monthly_fen),
            })
        })
        .collect()
}

async fn known_people(
    office: &Office,
    ids: &[&IdNumber],
) -> Result<HashMap<IdNumber, KnownPerson>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let indexes: Vec<Vec<u8>> = ids
        .iter()
        .map(|id| {
            office
                .vault
                .blind_index(purpose::ID, id.expose())
                .current
                .to_vec()
        })
        .collect();
    let rows: Vec<KnownPerson> = sqlx::query_as(
        "SELECT p.id_index, p.person_id, m.state, m.account_id
           FROM person p
           LEFT JOIN membership m ON m.centre_id = p.centre_id AND m.person_id = p.person_id AND m.state IN (1, 2)
          WHERE p.centre_id = $1 AND p.id_index = ANY ($2)",
    )
    .bind(office.centre.id)
    .bind(&indexes)
    .fetch_all(&office.pool)
    .await?;
    let mut by_index: HashMap<Vec<u8>, KnownPerson> = rows
        .into_iter()
        .map(|row| (row.id_index.clone(), row))
        .collect();
    Ok(ids
        .iter()
        .zip(indexes)
        .filter_map(|(id, index)| Some(((*id).clone(), by_index.remove(&index)?)))
        .collect())
}

/// RATIO-04, RATIO-05: whether the employer may change its ratio now.
async fn ratio_change(office: &Office, employer: &Employer, month: Month) -> Result<RatioChange> {
    if matches!(employer.kind.as_str(), "机关" | "事业") {
        return Ok(RatioChange::SetByFinance);
    }
    let july = Month::new(contribution_year_of(month), 7).map_or(month, |july| july);
    let changed: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM remittance r JOIN roster_row w ON w.centre_id = r.centre_id AND w.roster_id = r.roster_id
          WHERE r.centre_id = $1 AND r.employer_id = $2 AND r.month >= $3 AND r.state IN (1, 2, 3) AND w.line = 1 AND w.change = 5",
    )
    .bind(office.centre.id)
    .bind(employer.employer_id)
    .bind(july.index())
    .fetch_one(&office.pool)
    .await?;
    let allowed = Rules::on(office, month.first_day()).int("ratio_max_changes_per_year")?;
    Ok(if changed < allowed {
        RatioChange::Open
    } else {
        RatioChange::UsedThisYear
    })
}

fn roster_policy(office: &Office, employer: &Employer, month: Month) -> Result<RosterPolicy> {
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
    Ok(RosterPolicy {
        limits: BaseLimits {
            lower: Rules::on(office, lower_day).fen("base_lower_fen", &at)?,
            upper: rules.fen("base_upper_fen", &[])?,
        },
        base_window_is_open: (from..=to).contains(&day_of_year),
        base_fall_warning: Bp::new(rules.bp("base_drop_notice_bp")?),
        ratio_min: Bp::new(rules.bp("ratio_min_bp")?),
        ratio_max: Bp::new(rules.bp("ratio_max_bp")?),
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

fn stored(error: impl std::fmt::Display) -> Error {
    Trouble::Stored(error.to_string()).into()
}

/// Change codes of `roster_row.change`.
const fn change_code(change: Option<Change>) -> i16 {
    match change {
        None => 0,
        Some(Change::Add) => 1,
        Some(Change::Unseal) => 2,
        Some(Change::Seal) => 3,
        Some(Change::Base) => 4,
        Some(Change::Ratio) => 5,
    }
}

#[derive(Default)]
struct Columns {
    change: Vec<i16>,
    person: Vec<i64>,
    account: Vec<i64>,
    membership: Vec<i64>,
    is_new_person: Vec<bool>,
    is_new_account: Vec<bool>,
    base: Vec<i64>,
    ratio_employer: Vec<i32>,
    ratio_employee: Vec<i32>,
    employer: Vec<i64>,
    employee: Vec<i64>,
    id_index: Vec<Option<Vec<u8>>>,
    id_sealed: Vec<Option<Vec<u8>>>,
    name_index: Vec<Option<Vec<u8>>>,
    name_sealed: Vec<Option<Vec<u8>>>,
    phone_index: Vec<Option<Vec<u8>>>,
    phone_sealed: Vec<Option<Vec<u8>>>,
}

#[expect(
    clippy::too_many_arguments,
    reason = "the parts of one row and its list"
)]
async fn keep(
    office: &Office,
    tx: &mut PgConnection,
    roster_id: i64,
    employer: &Employer,
    month: Month,
    list_mode: Mode,
    checked: &Checked,
    books: &Books,
    actor: Actor,
) -> Result<()> {
    let joining = checked
        .list
        .iter()
        .filter(|line| line.change == Some(Change::Add))
        .count();
    let mut ids = office.ids.take(joining * 3).await?.into_iter();
    let mut columns = Columns::default();
    for line in &checked.list {
        columns.add_line(office, line, books, &mut ids)?;
    }
    for id in &checked.sealed {
        columns.add_sealed(
            books
                .rows
                .get(id)
                .ok_or_else(|| Trouble::Stored("a sealed person is no member".to_owned()))?,
        );
    }
    let ratios = checked.new_ratios.unwrap_or(Ratios {
        employer: Bp::new(employer.ratio_employer_bp),
        employee: Bp::new(employer.ratio_employee_bp),
    });
    let lines = i32::try_from(checked.list.len()).map_err(stored)?;
    sqlx::query(
        "INSERT INTO roster (centre_id, roster_id, employer_id, month, mode, digest, lines, total_fen, list_version, changes,
                             differences, notices, equation, ratio_employer_bp, ratio_employee_bp, uploaded_at, uploaded_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    )
    .bind(office.centre.id)
    .bind(roster_id)
    .bind(employer.employer_id)
    .bind(month.index())
    .bind(if list_mode == Mode::Complete { "complete" } else { "changes" })
    .bind(hex::decode(&checked.digest).map_err(stored)?)
    .bind(lines)
    .bind(checked.total.fen())
    .bind(books.list_version)
    .bind(json!(checked.changes))
    .bind(json!(checked.differences))
    .bind(Value::Array(checked.notices.iter().map(notice).collect()))
    .bind(json!(checked.equation))
    .bind(ratios.employer.bp())
    .bind(ratios.employee.bp())
    .bind(office.now())
    .bind(actor.id())
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO roster_row (centre_id, roster_id, line, change, person_id, account_id, membership_id, is_new_person,
                                 is_new_account, base_fen, ratio_employer_bp, ratio_employee_bp, employer_fen, employee_fen,
                                 id_index, id_sealed, name_index, name_sealed, phone_index, phone_sealed)
         SELECT $1, $2, row_number() OVER (), r.*
           FROM unnest($3::smallint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::boolean[], $8::boolean[], $9::bigint[],
                       $10::integer[], $11::integer[], $12::bigint[], $13::bigint[], $14::bytea[], $15::bytea[], $16::bytea[],
                       $17::bytea[], $18::bytea[], $19::bytea[]) AS r",
    )
    .bind(office.centre.id)
    .bind(roster_id)
    .bind(columns.change)
    .bind(columns.person)
    .bind(columns.account)
    .bind(columns.membership)
    .bind(columns.is_new_person)
    .bind(columns.is_new_account)
    .bind(columns.base)
    .bind(columns.ratio_employer)
    .bind(columns.ratio_employee)
    .bind(columns.employer)
    .bind(columns.employee)
    .bind(columns.id_index)
    .bind(columns.id_sealed)
    .bind(columns.name_index)
    .bind(columns.name_sealed)
    .bind(columns.phone_index)
    .bind(columns.phone_sealed)
    .execute(tx)
    .await?;
    Ok(())
}

/// A notice as the doors show it.
fn notice(notice: &Notice) -> Value {
    json!({ "row": notice.row, "column": notice.column, "code": notice.code, "message": notice.message })
}

impl Columns {
    fn add_line(
        &mut self,
        office: &Office,
        line: &roster::ListLine,
        books: &Books,
        ids: &mut impl Iterator<Item = i64>,
    ) -> Result<()> {
        let id = &line.id_number;
        let mut fresh = || {
            ids.next()
                .ok_or_else(|| Error::from(Trouble::Stored("too few identifiers".to_owned())))
        };
        let (person, account, membership, new_person, new_account) =
            if let Some(member) = books.rows.get(id) {
                (
                    member.person_id,
                    member.account_id,
                    member.membership_id,
                    false,
                    false,
                )
            } else {
                let (person_id, account_id, membership_id) = (fresh()?, fresh()?, fresh()?);
                match books.persons.get(id) {
                    None => (person_id, account_id, membership_id, true, true),
                    Some(known) => {
                        let over = known
                            .account_id
                            .filter(|_| line.joins_from == Some(Elsewhere::Sealed));
                        (
                            known.person_id,
                            over.unwrap_or(account_id),
                            membership_id,
                            false,
                            over.is_none(),
                        )
                    }
                }
            };
        self.change.push(change_code(line.change));
        self.person.push(person);
        self.account.push(account);
        self.membership.push(membership);
        self.is_new_person.push(new_person);
        self.is_new_account.push(new_account);
        self.base.push(line.base.fen());
        self.ratio_employer.push(line.ratios.employer.bp());
        self.ratio_employee.push(line.ratios.employee.bp());
        self.employer.push(line.sides.employer.fen());
        self.employee.push(line.sides.employee.fen());
        let vault = &office.vault;
        let sealed = |wanted: bool, purpose: &str, plain: &str| {
            wanted.then(|| vault.seal(purpose, plain.as_bytes()))
        };
        let index = |wanted: bool, purpose: &str, plain: &str| {
            wanted.then(|| vault.blind_index(purpose, plain).current.to_vec())
        };
        self.id_index
            .push(index(new_person, purpose::ID, id.expose()));
        self.id_sealed
            .push(sealed(new_person, purpose::ID, id.expose()));
        self.name_index
            .push(index(new_person, purpose::NAME, line.name.expose()));
        self.name_sealed
            .push(sealed(new_person, purpose::NAME, line.name.expose()));
        let phone = line.phone.as_ref().map(|phone| phone.expose());
        self.phone_index.push(index(
            phone.is_some(),
            purpose::PHONE,
            phone.unwrap_or_default(),
        ));
        self.phone_sealed.push(sealed(
            phone.is_some(),
            purpose::PHONE,
            phone.unwrap_or_default(),
        ));
        Ok(())
    }

    fn add_sealed(&mut self, member: &MemberRow) {
        self.change.push(change_code(Some(Change::Seal)));
        self.person.push(member.person_id);
        self.account.push(member.account_id);
        self.membership.push(member.membership_id);
        self.is_new_person.push(false);
        self.is_new_account.push(false);
        self.base.push(member.base_fen);
        self.ratio_employer.push(member.ratio_employer_bp);
        self.ratio_employee.push(member.ratio_employee_bp);
        self.employer.push(0);
        self.employee.push(0);
        for column in [
            &mut self.id_index,
            &mut self.id_sealed,
            &mut self.name_index,
            &mut self.name_sealed,
            &mut self.phone_index,
            &mut self.phone_sealed,
        ] {
            column.push(None);
        }
    }
}
