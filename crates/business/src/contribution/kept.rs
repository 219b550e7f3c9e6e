//! Keeping a checked roster: the list as registration applies it with one statement. Who changes, joins, leaves or brings a phone stands in a
//! row of his own (`roster_change`); of the others a thousand are one row of columns (`roster_part`). `roster_row` shows both.

use anju_domain::calendar::Month;
use anju_domain::contribution::Ratios;
use anju_domain::rate::Bp;
use serde_json::{Value, json};
use sqlx::PgConnection;

use anju_casework::employer::Employer;
use anju_casework::person::purpose;
use anju_casework::{Actor, Error, Fault as Trouble, Office, Result};

use super::insured;
use super::members::{Books, MemberRow};
use super::roster::{Change, Checked, Elsewhere, ListLine, Mode, Notice};
use super::upload::stored;

/// People for whom nothing changes, in one row of a list.
pub(super) const PART: i32 = 1_000;

/// Change codes of `roster_row.change`.
pub(super) const fn change_code(change: Option<Change>) -> i16 {
    match change {
        None => 0,
        Some(Change::Add) => 1,
        Some(Change::Unseal) => 2,
        Some(Change::Seal) => 3,
        Some(Change::Base) => 4,
        Some(Change::Ratio) => 5,
    }
}

/// Lines of a list as columns.
#[derive(Default)]
struct Lines {
    line: Vec<i32>,
    person: Vec<i64>,
    account: Vec<i64>,
    membership: Vec<i64>,
    base: Vec<i64>,
    ratio_employer: Vec<i32>,
    ratio_employee: Vec<i32>,
    employer: Vec<i64>,
    employee: Vec<i64>,
}

/// Who changes, joins, leaves or brings a phone.
#[derive(Default)]
struct Changed {
    lines: Lines,
    change: Vec<i16>,
    is_new_person: Vec<bool>,
    is_new_account: Vec<bool>,
    id_index: Vec<Option<Vec<u8>>>,
    id_sealed: Vec<Option<Vec<u8>>>,
    name_index: Vec<Option<Vec<u8>>>,
    name_sealed: Vec<Option<Vec<u8>>>,
    phone_index: Vec<Option<Vec<u8>>>,
    phone_sealed: Vec<Option<Vec<u8>>>,
    base_before: Vec<Option<i64>>,
    monthly_before: Vec<Option<i64>>,
}

#[expect(
    clippy::too_many_arguments,
    reason = "the parts of one row and its list"
)]
pub(super) async fn keep(
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
    let (mut same, mut changed) = (Lines::default(), Changed::default());
    let mut place = 0;
    for line in &checked.list {
        place += 1;
        match books.rows.get(&line.id_number) {
            Some(member) if goes_on(line, member) => same.add_line(place, line, member.ids()),
            member => changed.add_line(office, place, line, member, books, &mut ids)?,
        }
    }
    for id in &checked.sealed {
        place += 1;
        let member = books
            .rows
            .get(id)
            .ok_or_else(|| Trouble::Stored("a sealed person is no member".to_owned()))?;
        changed.add_sealed(place, member);
    }
    let ratios = checked.new_ratios.unwrap_or(Ratios {
        employer: Bp::new(employer.ratio_employer_bp),
        employee: Bp::new(employer.ratio_employee_bp),
    });
    let lines = i32::try_from(checked.list.len()).map_err(stored)?;
    let said = insured::notices(office, &mut *tx, employer, &checked.list).await?;
    let notices: Vec<Value> = checked.notices.iter().chain(&said).map(notice).collect();
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
    .bind(Value::Array(notices))
    .bind(json!(checked.equation))
    .bind(ratios.employer.bp())
    .bind(ratios.employee.bp())
    .bind(office.now())
    .bind(actor.id())
    .execute(&mut *tx)
    .await?;
    same.keep_in_parts(office, tx, roster_id).await?;
    changed.keep(office, tx, roster_id).await
}

/// Whether nothing changes for a member: not his state, base or ratios, nor is a phone registered.
fn goes_on(line: &ListLine, member: &MemberRow) -> bool {
    line.change.is_none() && (member.has_phone || line.phone.is_none())
}

/// A notice as the doors show it.
fn notice(notice: &Notice) -> Value {
    json!({ "row": notice.row, "column": notice.column, "code": notice.code, "message": notice.message })
}

impl Lines {
    /// `ids` are person, account and membership; `ratios` basis points and `sides` fen of employer and employee.
    fn add(
        &mut self,
        place: i32,
        ids: (i64, i64, i64),
        base: i64,
        ratios: (i32, i32),
        sides: (i64, i64),
    ) {
        self.line.push(place);
        self.person.push(ids.0);
        self.account.push(ids.1);
        self.membership.push(ids.2);
        self.base.push(base);
        self.ratio_employer.push(ratios.0);
        self.ratio_employee.push(ratios.1);
        self.employer.push(sides.0);
        self.employee.push(sides.1);
    }

    fn add_line(&mut self, place: i32, line: &ListLine, ids: (i64, i64, i64)) {
        let ratios = (line.ratios.employer.bp(), line.ratios.employee.bp());
        let sides = (line.sides.employer.fen(), line.sides.employee.fen());
        self.add(place, ids, line.base.fen(), ratios, sides);
    }

    /// Who goes on as before, a thousand to a row.
    async fn keep_in_parts(
        self,
        office: &Office,
        tx: &mut PgConnection,
        roster_id: i64,
    ) -> Result<()> {
        if self.line.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO roster_part (centre_id, roster_id, first, line, person_id, account_id, membership_id, base_fen, ratio_employer_bp,
                                      ratio_employee_bp, employer_fen, employee_fen)
             SELECT $1, $2, f, ($3::integer[])[f : f + $12 - 1], ($4::bigint[])[f : f + $12 - 1], ($5::bigint[])[f : f + $12 - 1],
                    ($6::bigint[])[f : f + $12 - 1], ($7::bigint[])[f : f + $12 - 1], ($8::integer[])[f : f + $12 - 1],
                    ($9::integer[])[f : f + $12 - 1], ($10::bigint[])[f : f + $12 - 1], ($11::bigint[])[f : f + $12 - 1]
               FROM generate_series(1, cardinality($3::integer[]), $12) AS f",
        )
        .bind(office.centre.id)
        .bind(roster_id)
        .bind(self.line)
        .bind(self.person)
        .bind(self.account)
        .bind(self.membership)
        .bind(self.base)
        .bind(self.ratio_employer)
        .bind(self.ratio_employee)
        .bind(self.employer)
        .bind(self.employee)
        .bind(PART)
        .execute(tx)
        .await?;
        Ok(())
    }
}

impl Changed {
    async fn keep(self, office: &Office, tx: &mut PgConnection, roster_id: i64) -> Result<()> {
        if self.change.is_empty() {
            return Ok(());
        }
        // The arrays run beside each other in the select list: in FROM each would be laid down whole first, which takes as long as the rows.
        sqlx::query(
            "INSERT INTO roster_change (centre_id, roster_id, line, change, person_id, account_id, membership_id, is_new_person,
                                        is_new_account, base_fen, ratio_employer_bp, ratio_employee_bp, employer_fen, employee_fen,
                                        id_index, id_sealed, name_index, name_sealed, phone_index, phone_sealed, base_before_fen,
                                        monthly_before_fen)
             SELECT $1, $2, unnest($20::integer[]), unnest($3::smallint[]), unnest($4::bigint[]), unnest($5::bigint[]),
                    unnest($6::bigint[]), unnest($7::boolean[]), unnest($8::boolean[]), unnest($9::bigint[]), unnest($10::integer[]),
                    unnest($11::integer[]), unnest($12::bigint[]), unnest($13::bigint[]), unnest($14::bytea[]), unnest($15::bytea[]),
                    unnest($16::bytea[]), unnest($17::bytea[]), unnest($18::bytea[]), unnest($19::bytea[]), unnest($21::bigint[]),
                    unnest($22::bigint[])",
        )
        .bind(office.centre.id)
        .bind(roster_id)
        .bind(self.change)
        .bind(self.lines.person)
        .bind(self.lines.account)
        .bind(self.lines.membership)
        .bind(self.is_new_person)
        .bind(self.is_new_account)
        .bind(self.lines.base)
        .bind(self.lines.ratio_employer)
        .bind(self.lines.ratio_employee)
        .bind(self.lines.employer)
        .bind(self.lines.employee)
        .bind(self.id_index)
        .bind(self.id_sealed)
        .bind(self.name_index)
        .bind(self.name_sealed)
        .bind(self.phone_index)
        .bind(self.phone_sealed)
        .bind(self.lines.line)
        .bind(self.base_before)
        .bind(self.monthly_before)
        .execute(tx)
        .await?;
        Ok(())
    }

    fn add_line(
        &mut self,
        office: &Office,
        place: i32,
        line: &ListLine,
        member: Option<&MemberRow>,
        books: &Books,
        ids: &mut impl Iterator<Item = i64>,
    ) -> Result<()> {
        let id = &line.id_number;
        let mut fresh = || {
            ids.next()
                .ok_or_else(|| Error::from(Trouble::Stored("too few identifiers".to_owned())))
        };
        let (person, account, membership, new_person, new_account) = if let Some(member) = member {
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
        self.lines
            .add_line(place, line, (person, account, membership));
        self.change.push(change_code(line.change));
        self.is_new_person.push(new_person);
        self.is_new_account.push(new_account);
        let changed = matches!(line.change, Some(Change::Base | Change::Ratio));
        let before = member.filter(|_| changed);
        self.base_before.push(before.map(|member| member.base_fen));
        self.monthly_before
            .push(before.map(|member| member.monthly_fen));
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
        // A phone in the roster is a first registration only.
        let has_phone = member.is_some_and(|member| member.has_phone);
        let phone = line.phone.as_ref().filter(|_| !has_phone);
        let phone = phone.map(|phone| phone.expose());
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

    fn add_sealed(&mut self, place: i32, member: &MemberRow) {
        let ratios = (member.ratio_employer_bp, member.ratio_employee_bp);
        self.lines
            .add(place, member.ids(), member.base_fen, ratios, (0, 0));
        self.change.push(change_code(Some(Change::Seal)));
        self.is_new_person.push(false);
        self.is_new_account.push(false);
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
        self.base_before.push(None);
        self.monthly_before.push(None);
    }
}
