//! What our own books say of an employer's people, for a roster to be compared with: who is a member, who is known elsewhere, who stood
//! in the list of the month before, and whether the ratio may change.

use std::collections::{HashMap, HashSet};

use anju_domain::calendar::{Month, contribution_year_of};
use anju_domain::contribution::Ratios;
use anju_domain::id_number::IdNumber;
use anju_domain::money::Fen;
use anju_domain::name::PersonName;
use anju_domain::rate::Bp;
use anju_vault::Vault;
use futures::TryStreamExt;
use sqlx::FromRow;

use anju_casework::employer::Employer;
use anju_casework::person::{purpose, text};
use anju_casework::{Fault, Office, Result};

use super::roster::{Elsewhere, LastLine, Member, MemberState, RatioChange, RosterLine};
use super::upload::stored;
use crate::policy::Rules;

/// What our own books say of an employer's people.
pub(super) struct Books {
    pub(super) members: HashMap<IdNumber, Member>,
    pub(super) rows: HashMap<IdNumber, MemberRow>,
    pub(super) elsewhere: HashMap<IdNumber, Elsewhere>,
    pub(super) persons: HashMap<IdNumber, KnownPerson>,
    pub(super) last_month: Vec<LastLine>,
    pub(super) ratio_change: RatioChange,
    pub(super) list_version: i32,
}

#[derive(Debug, Clone, Copy, FromRow)]
pub(super) struct MemberRow {
    pub(super) person_id: i64,
    pub(super) account_id: i64,
    pub(super) membership_id: i64,
    pub(super) state: i16,
    pub(super) base_fen: i64,
    pub(super) ratio_employer_bp: i32,
    pub(super) ratio_employee_bp: i32,
    pub(super) base_year: Option<i32>,
    /// Both parts of a month.
    pub(super) monthly_fen: i64,
    /// Whether a phone is registered: a roster's is a first registration only.
    pub(super) has_phone: bool,
}

impl MemberRow {
    /// Person, account and membership.
    pub(super) const fn ids(&self) -> (i64, i64, i64) {
        (self.person_id, self.account_id, self.membership_id)
    }
}

/// A line of the list of the month before.
#[derive(Debug, Clone, Copy)]
struct LastRow {
    person_id: i64,
    base_fen: i64,
    employer_fen: i64,
    employee_fen: i64,
}

/// The same lines as columns, in the same order.
#[derive(FromRow)]
struct LastColumns {
    accounts: Vec<i64>,
    people: Vec<i64>,
    bases: Vec<i64>,
    employer: Vec<i64>,
    employee: Vec<i64>,
}

/// A person who is known to the centre, with the account that may come over.
#[derive(Debug, Clone, FromRow)]
pub(super) struct KnownPerson {
    pub(super) id_index: Vec<u8>,
    pub(super) person_id: i64,
    pub(super) state: Option<i16>,
    pub(super) account_id: Option<i64>,
    /// Paid out when he retired.
    pub(super) retired: bool,
}

impl LastRow {
    /// The ratios of the month, read off its amounts.
    fn ratios(&self, step: Bp) -> Option<Ratios> {
        Ratios::read_off(
            Fen::new(self.base_fen),
            Fen::new(self.employer_fen),
            Fen::new(self.employee_fen),
            step,
        )
    }

    fn monthly(&self) -> Fen {
        Fen::new(self.employer_fen + self.employee_fen)
    }
}

impl Books {
    /// The employer's own people by their accounts.
    pub(super) fn by_account(&self) -> HashMap<i64, (&IdNumber, &MemberRow)> {
        self.rows
            .iter()
            .map(|(id, row)| (row.account_id, (id, row)))
            .collect()
    }

    pub(super) async fn read(
        office: &Office,
        employer: &Employer,
        month: Month,
        lines: &[RosterLine],
    ) -> Result<Self> {
        let mut books = Self::of_members(office, employer, month).await?;
        books.add_joining(office, lines).await?;
        Ok(books)
    }

    /// What is known before a list is read.
    pub(super) async fn of_members(
        office: &Office,
        employer: &Employer,
        month: Month,
    ) -> Result<Self> {
        let (opened, mut last) = tokio::try_join!(
            members_opened(office, employer),
            last_rows(office, employer, month)
        )?;
        let step = Bp::new(Rules::on(office, month.first_day()).bp("ratio_step_bp")?);
        let year = contribution_year_of(month);
        let mut members = HashMap::with_capacity(opened.len());
        let mut by_id = HashMap::with_capacity(opened.len());
        let mut last_month = Vec::with_capacity(opened.len());
        for (id, name, row) in opened {
            let ratios = Ratios {
                employer: Bp::new(row.ratio_employer_bp),
                employee: Bp::new(row.ratio_employee_bp),
            };
            if let Some(last) = last.remove(&row.account_id) {
                last_month.push(LastLine {
                    id_number: id.clone(),
                    name: name.clone(),
                    base: Fen::new(last.base_fen),
                    ratios: last.ratios(step).unwrap_or(ratios),
                    monthly: last.monthly(),
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
        // Of whom no member's account was in the list, nearly always nobody; whose account is another now has not left.
        let staying: HashSet<i64> = by_id
            .values()
            .map(|row: &MemberRow| row.person_id)
            .collect();
        last.retain(|_, row| !staying.contains(&row.person_id));
        last_month.extend(
            left_since(office, employer, last.into_values().collect())
                .await?
                .into_iter()
                .filter(|line| !by_id.contains_key(&line.id_number)),
        );
        Ok(Self {
            members,
            rows: by_id,
            elsewhere: HashMap::new(),
            persons: HashMap::new(),
            last_month,
            ratio_change: ratio_change(office, employer, month).await?,
            list_version: employer.list_version,
        })
    }

    /// Adds whom a list brings.
    pub(super) async fn add_joining(
        &mut self,
        office: &Office,
        lines: &[RosterLine],
    ) -> Result<()> {
        let joining: Vec<&IdNumber> = lines
            .iter()
            .filter_map(|line| line.id_number.given())
            .filter(|id| !self.members.contains_key(*id))
            .collect();
        self.persons = known_people(office, &joining).await?;
        self.elsewhere = self
            .persons
            .iter()
            .map(|(id, person)| {
                let place = match person.state {
                    Some(1) => Elsewhere::Active,
                    Some(2) => Elsewhere::Sealed,
                    _ if person.retired => Elsewhere::Retired,
                    _ => Elsewhere::Closed,
                };
                (id.clone(), place)
            })
            .collect();
        Ok(())
    }
}

/// A member with number and name as they are kept: person, account, membership, number, name, state, base in fen, both ratios in basis
/// points, the year of the base, a month of both sides in fen, whether a phone is registered. By place, since finding the columns of thirty thousand
/// rows by name takes as long as the rows.
type SealedMember = (
    i64,
    i64,
    i64,
    Vec<u8>,
    Vec<u8>,
    i16,
    i64,
    i32,
    i32,
    Option<i32>,
    i64,
    bool,
);

/// Members whose names and numbers are opened at once.
const OPENED_AT_ONCE: usize = 2_000;

/// Everybody who contributes or is sealed at an employer. Names and numbers are opened on no core that answers others meanwhile, part by part while
/// the database brings the next: a part on all cores would only take the database's.
async fn members_opened(
    office: &Office,
    employer: &Employer,
) -> Result<Vec<(IdNumber, PersonName, MemberRow)>> {
    let mut parts = sqlx::query_as::<_, SealedMember>(
        "SELECT m.person_id, m.account_id, m.membership_id, p.id_sealed, p.name_sealed, m.state, m.base_fen,
                m.ratio_employer_bp, m.ratio_employee_bp, m.base_year, m.employer_fen + m.employee_fen AS monthly_fen,
                p.phone_index IS NOT NULL AS has_phone
           FROM membership m
           JOIN person p ON p.centre_id = m.centre_id AND p.person_id = m.person_id
          WHERE m.centre_id = $1 AND m.employer_id = $2 AND m.state IN (1, 2)",
    )
    .bind(office.centre.id)
    .bind(employer.employer_id)
    .fetch(&office.pool)
    .try_chunks(OPENED_AT_ONCE);
    let mut opening = Vec::new();
    while let Some(part) = parts.try_next().await.map_err(|error| error.1)? {
        let vault = office.vault.clone();
        opening.push(tokio::task::spawn_blocking(move || {
            part.into_iter()
                .map(|sealed| opened(&vault, sealed))
                .collect::<Result<Vec<_>>>()
        }));
    }
    let mut members = Vec::new();
    for part in opening {
        members.extend(
            part.await.map_err(|_| {
                Fault::Stored("opening a list of members did not finish".to_owned())
            })??,
        );
    }
    Ok(members)
}

fn opened(vault: &Vault, member: SealedMember) -> Result<(IdNumber, PersonName, MemberRow)> {
    let (person_id, account_id, membership_id, id, name, state, base_fen, ..) = member;
    let (.., ratio_employer_bp, ratio_employee_bp, base_year, monthly_fen, has_phone) = member;
    let row = MemberRow {
        person_id,
        account_id,
        membership_id,
        state,
        base_fen,
        ratio_employer_bp,
        ratio_employee_bp,
        base_year,
        monthly_fen,
        has_phone,
    };
    let id = IdNumber::parse(&text(vault, purpose::ID, &id)?).map_err(stored)?;
    let name = PersonName::parse(&text(vault, purpose::NAME, &name)?).map_err(stored)?;
    Ok((id, name, row))
}

/// The list of the month before by its accounts, read as it lies and not looked up account by account; as columns, since a row of its own for each
/// person takes longer than finding him.
async fn last_rows(
    office: &Office,
    employer: &Employer,
    month: Month,
) -> Result<HashMap<i64, LastRow>> {
    let columns: LastColumns = sqlx::query_as(
        "SELECT coalesce(array_agg(l.account_id), '{}') AS accounts, coalesce(array_agg(l.person_id), '{}') AS people,
                coalesce(array_agg(l.base_fen), '{}') AS bases, coalesce(array_agg(l.employer_fen), '{}') AS employer,
                coalesce(array_agg(l.employee_fen), '{}') AS employee
           FROM remittance r
           JOIN remittance_line l ON l.centre_id = r.centre_id AND l.remittance_id = r.remittance_id
          WHERE r.centre_id = $1 AND r.employer_id = $2 AND r.month = $3 AND r.kind = 1 AND r.state IN (1, 2, 3)
            AND l.month = $3",
    )
    .bind(office.centre.id)
    .bind(employer.employer_id)
    .bind(employer.month_before(month).index())
    .fetch_one(&office.pool)
    .await?;
    let sides = columns.employer.into_iter().zip(columns.employee);
    let people = columns.people.into_iter().zip(columns.bases);
    let lines =
        people.zip(sides).map(
            |((person_id, base_fen), (employer_fen, employee_fen))| LastRow {
                person_id,
                base_fen,
                employer_fen,
                employee_fen,
            },
        );
    Ok(columns.accounts.into_iter().zip(lines).collect())
}

/// Who stood in the list of the month before and is no member any more: REMIT-08 counts them as removed.
async fn left_since(
    office: &Office,
    employer: &Employer,
    left: Vec<LastRow>,
) -> Result<Vec<LastLine>> {
    if left.is_empty() {
        return Ok(Vec::new());
    }
    let people: Vec<i64> = left.iter().map(|row| row.person_id).collect();
    let rows: Vec<(i64, Vec<u8>, Vec<u8>)> = sqlx::query_as(
        "SELECT person_id, id_sealed, name_sealed FROM person WHERE centre_id = $1 AND person_id = ANY ($2)",
    )
    .bind(office.centre.id)
    .bind(people)
    .fetch_all(&office.pool)
    .await?;
    let sealed: HashMap<i64, (Vec<u8>, Vec<u8>)> = rows
        .into_iter()
        .map(|(person_id, id, name)| (person_id, (id, name)))
        .collect();
    left.into_iter()
        .filter_map(|row| Some((sealed.get(&row.person_id)?, row)))
        .map(|((id, name), row)| {
            Ok(LastLine {
                id_number: IdNumber::parse(&text(&office.vault, purpose::ID, id)?)
                    .map_err(stored)?,
                name: PersonName::parse(&text(&office.vault, purpose::NAME, name)?)
                    .map_err(stored)?,
                base: Fen::new(row.base_fen),
                ratios: Ratios {
                    employer: Bp::new(employer.ratio_employer_bp),
                    employee: Bp::new(employer.ratio_employee_bp),
                },
                monthly: row.monthly(),
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
    let indexes: Vec<Vec<Vec<u8>>> = ids
        .iter()
        .map(|id| office.vault.blind_index(purpose::ID, id.expose()).any())
        .collect();
    let rows: Vec<KnownPerson> = sqlx::query_as(
        // Whoever contributes by himself comes over like one whose account is sealed.
        "SELECT p.id_index, coalesce(p.merged_into, p.person_id) AS person_id,
                CASE WHEN e.uscc LIKE 'FLEX-%' THEN 2::smallint ELSE m.state END AS state, m.account_id,
                EXISTS (SELECT FROM withdrawal_use u
                         WHERE u.centre_id = p.centre_id AND u.person_id = coalesce(p.merged_into, p.person_id)
                           AND u.kind = 'RETIRE' AND u.state = 2) AS retired
           FROM person p
           LEFT JOIN membership m ON m.centre_id = p.centre_id AND m.person_id = coalesce(p.merged_into, p.person_id) AND m.state IN (1, 2)
           LEFT JOIN employer e ON e.centre_id = m.centre_id AND e.employer_id = m.employer_id
          WHERE p.centre_id = $1 AND p.id_index = ANY ($2)
          UNION ALL
         SELECT f.id_index, coalesce(p.merged_into, f.person_id),
                CASE WHEN e.uscc LIKE 'FLEX-%' THEN 2::smallint ELSE m.state END, m.account_id,
                EXISTS (SELECT FROM withdrawal_use u
                         WHERE u.centre_id = p.centre_id AND u.person_id = coalesce(p.merged_into, f.person_id)
                           AND u.kind = 'RETIRE' AND u.state = 2)
           FROM person_former_id f
           JOIN person p ON p.centre_id = f.centre_id AND p.person_id = f.person_id
           LEFT JOIN membership m ON m.centre_id = f.centre_id AND m.person_id = coalesce(p.merged_into, f.person_id) AND m.state IN (1, 2)
           LEFT JOIN employer e ON e.centre_id = m.centre_id AND e.employer_id = m.employer_id
          WHERE f.centre_id = $1 AND f.id_index = ANY ($2)",
    )
    .bind(office.centre.id)
    .bind(indexes.concat())
    .fetch_all(&office.pool)
    .await?;
    let mut by_index: HashMap<Vec<u8>, KnownPerson> = rows
        .into_iter()
        .map(|row| (row.id_index.clone(), row))
        .collect();
    Ok(ids
        .iter()
        .zip(indexes)
        .filter_map(|(id, indexes)| {
            let known = indexes.iter().find_map(|index| by_index.remove(index))?;
            Some(((*id).clone(), known))
        })
        .collect())
}

/// RATIO-04, RATIO-05: whether the employer may change its ratio now.
async fn ratio_change(office: &Office, employer: &Employer, month: Month) -> Result<RatioChange> {
    if matches!(employer.kind.as_str(), "机关" | "事业") {
        return Ok(RatioChange::SetByFinance);
    }
    let july = Month::new(contribution_year_of(month), 7).map_or(month, |july| july);
    let changed: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM remittance r JOIN roster_row w ON w.centre_id = r.centre_id AND w.roster_id = r.roster_id
                  WHERE r.centre_id = $1 AND r.employer_id = $2 AND r.month >= $3 AND r.state IN (1, 2, 3) AND w.line = 1 AND w.change = 5)
              + (SELECT count(*) FROM business_case
                  WHERE centre_id = $1 AND applicant_id = $2 AND service = $4 AND state = 6 AND form ->> 'month' >= $5)",
    )
    .bind(office.centre.id)
    .bind(employer.employer_id)
    .bind(july.index())
    .bind(super::changes::RATIO_SERVICE)
    .bind(july.to_string())
    .fetch_one(&office.pool)
    .await?;
    let allowed = Rules::on(office, month.first_day()).int("ratio_max_changes_per_year")?;
    let reduced = super::relief::reduction::is_live(office, employer.employer_id).await?;
    Ok(if changed < allowed && !reduced {
        RatioChange::Open
    } else {
        RatioChange::UsedThisYear
    })
}
