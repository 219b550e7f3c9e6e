//! Persons (个人客户): identity sealed at rest, found by blind indexes.

use std::collections::HashMap;

use anju_domain::card::CardNumber;
use anju_domain::id_number::IdNumber;
use anju_domain::name::PersonName;
use anju_domain::phone::Phone;
use anju_vault::Vault;
use chrono::{DateTime, NaiveDate, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::{FromRow, PgConnection, PgExecutor};

use crate::{Fault, Office, Result};

/// A person as the database keeps it.
#[derive(Debug, Clone, FromRow)]
pub struct PersonRow {
    /// Identifier.
    pub person_id: i64,
    id_sealed: Vec<u8>,
    name_sealed: Vec<u8>,
    phone_sealed: Option<Vec<u8>>,
    /// When the phone was last changed; none if it was only ever registered (CMN-14).
    pub phone_changed_at: Option<DateTime<Utc>>,
    card_sealed: Option<Vec<u8>>,
    /// Bank of the joint card (联名卡).
    pub card_bank: Option<String>,
    /// When the card was last verified.
    pub card_checked_on: Option<NaiveDate>,
}

/// A person with the sealed values opened. `Debug` shows masked values only, since the types mask themselves.
#[derive(Debug, Clone)]
pub struct Person {
    /// Identifier.
    pub person_id: i64,
    /// Citizen identity number.
    pub id_number: IdNumber,
    /// Name.
    pub name: PersonName,
    /// Registered mobile phone.
    pub phone: Option<Phone>,
    /// When the phone was last changed.
    pub phone_changed_at: Option<DateTime<Utc>>,
    /// Joint card.
    pub card: Option<CardNumber>,
    /// Bank of the card.
    pub card_bank: Option<String>,
}

/// A person's phone as it is kept, for a message that goes into the change that causes it.
pub async fn phone_sealed(
    office: &Office,
    conn: &mut PgConnection,
    person_id: i64,
) -> Result<Option<Vec<u8>>> {
    Ok(sqlx::query_scalar(
        "SELECT phone_sealed FROM person WHERE centre_id = $1 AND person_id = $2 AND phone_sealed IS NOT NULL",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .fetch_optional(conn)
    .await?)
}

const COLUMNS: &str = "person_id, id_sealed, name_sealed, phone_sealed, phone_changed_at, card_sealed, card_bank, card_checked_on";

/// Purposes of sealing and indexing: a value sealed for one purpose cannot be opened as another.
pub mod purpose {
    /// Citizen identity numbers.
    pub const ID: &str = "id-number";
    /// Names of people.
    pub const NAME: &str = "name";
    /// Mobile phones.
    pub const PHONE: &str = "phone";
    /// Bank cards.
    pub const CARD: &str = "card";
    /// Personal values of a kept form, whichever they are; it has the name of the first that there were.
    pub const FORM: &str = CARD;
    /// What a person's data were and became.
    pub const CHANGE: &str = "person-change";
    /// What a person tells of himself.
    pub const DETAILS: &str = "person-details";
    /// What a person says is wrong with a fact.
    pub const DISPUTE: &str = "fact-dispute";
    /// Second factors of staff.
    pub const TOTP: &str = "totp";
}

impl PersonRow {
    /// Opens the sealed values.
    pub fn open(&self, vault: &Vault) -> Result<Person> {
        Ok(Person {
            person_id: self.person_id,
            id_number: parsed(IdNumber::parse(&text(vault, purpose::ID, &self.id_sealed)?))?,
            name: parsed(PersonName::parse(&text(
                vault,
                purpose::NAME,
                &self.name_sealed,
            )?))?,
            phone: match &self.phone_sealed {
                Some(sealed) => Some(parsed(Phone::parse(&text(vault, purpose::PHONE, sealed)?))?),
                None => None,
            },
            phone_changed_at: self.phone_changed_at,
            card: match &self.card_sealed {
                Some(sealed) => Some(parsed(CardNumber::parse(&text(
                    vault,
                    purpose::CARD,
                    sealed,
                )?))?),
                None => None,
            },
            card_bank: self.card_bank.clone(),
        })
    }
}

/// Opens a sealed text.
pub fn text(vault: &Vault, purpose: &str, sealed: &[u8]) -> Result<String> {
    let plain = vault.open(purpose, sealed)?;
    String::from_utf8(plain)
        .map_err(|_| Fault::Stored("sealed text is not UTF-8".to_owned()).into())
}

fn parsed<T, E: std::fmt::Display>(value: std::result::Result<T, E>) -> Result<T> {
    value.map_err(|error| Fault::Stored(error.to_string()).into())
}

/// A person by identifier.
pub async fn get(office: &Office, person_id: i64) -> Result<Option<Person>> {
    office.trays.people.put(office, person_id).await
}

/// The same for those who ask at one moment.
pub(crate) fn get_all(
    office: Office,
    people: Vec<i64>,
) -> BoxFuture<'static, Result<Vec<Option<Person>>>> {
    async move {
        let rows = sqlx::query_as::<_, PersonRow>(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM person WHERE centre_id = $1 AND person_id = ANY ($2)"
        )))
        .bind(office.centre.id)
        .bind(&people)
        .fetch_all(&office.pool)
        .await?;
        let rows: HashMap<i64, PersonRow> =
            rows.into_iter().map(|row| (row.person_id, row)).collect();
        people
            .iter()
            .map(|id| rows.get(id).map(|row| row.open(&office.vault)).transpose())
            .collect()
    }
    .boxed()
}

/// A person who asks for something, with the branch that keeps the account: that of the living membership, else of the last.
#[derive(Debug, Clone)]
pub struct Applicant {
    /// Who.
    pub person: Person,
    /// None of whoever never had a membership.
    pub branch_id: Option<i16>,
}

/// Who asks for something.
///
/// # Errors
/// The database; a stored value that cannot be opened.
pub async fn applicant(office: &Office, person_id: i64) -> Result<Option<Applicant>> {
    office.trays.applicants.put(office, person_id).await
}

/// The same for those who ask at one moment.
pub(crate) fn applicants(
    office: Office,
    people: Vec<i64>,
) -> BoxFuture<'static, Result<Vec<Option<Applicant>>>> {
    #[derive(FromRow)]
    struct Row {
        #[sqlx(flatten)]
        person: PersonRow,
        branch_id: Option<i16>,
    }
    async move {
        let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS},
                    (SELECT e.branch_id
                       FROM membership m JOIN employer e USING (centre_id, employer_id)
                      WHERE m.centre_id = $1 AND m.person_id = person.person_id
                      ORDER BY m.state, m.membership_id DESC
                      LIMIT 1) AS branch_id
               FROM person WHERE centre_id = $1 AND person_id = ANY ($2)"
        )))
        .bind(office.centre.id)
        .bind(&people)
        .fetch_all(&office.pool)
        .await?;
        let of = |person_id: &i64| {
            let row = rows.iter().find(|row| row.person.person_id == *person_id);
            row.map(|row| {
                Ok(Applicant {
                    person: row.person.open(&office.vault)?,
                    branch_id: row.branch_id,
                })
            })
            .transpose()
        };
        people.iter().map(of).collect()
    }
    .boxed()
}

/// The same over a connection that the caller holds.
pub async fn get_by(
    office: &Office,
    db: impl PgExecutor<'_>,
    person_id: i64,
) -> Result<Option<Person>> {
    let row = sqlx::query_as::<_, PersonRow>(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM person WHERE centre_id = $1 AND person_id = $2"
    )))
    .bind(office.centre.id)
    .bind(person_id)
    .fetch_optional(db)
    .await?;
    row.map(|row| row.open(&office.vault)).transpose()
}

/// A person by whole identity number, the present one or one that it replaced (PERS-09); of two numbers that turned out to be one
/// person, the one that was kept.
pub async fn by_id_number(office: &Office, id: &IdNumber) -> Result<Option<Person>> {
    let index = office.vault.blind_index(purpose::ID, id.expose()).any();
    let row = sqlx::query_as::<_, PersonRow>(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM person
          WHERE centre_id = $1
            AND person_id = (SELECT coalesce(merged_into, person_id) FROM person WHERE centre_id = $1 AND id_index = ANY ($2) LIMIT 1)"
    )))
    .bind(office.centre.id)
    .bind(index)
    .fetch_optional(&office.pool)
    .await?;
    if let Some(row) = row {
        return row.open(&office.vault).map(Some);
    }
    match holder_of(office, &office.pool, id).await? {
        Some(person_id) => get(office, person_id).await,
        None => Ok(None),
    }
}

/// Whose an identity number is or was.
pub async fn holder_of(
    office: &Office,
    db: impl PgExecutor<'_>,
    id: &IdNumber,
) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar(
        "SELECT person_id FROM person WHERE centre_id = $1 AND id_index = ANY ($2)
          UNION ALL
         SELECT person_id FROM person_former_id WHERE centre_id = $1 AND id_index = ANY ($2)
          LIMIT 1",
    )
    .bind(office.centre.id)
    .bind(office.vault.blind_index(purpose::ID, id.expose()).any())
    .fetch_optional(db)
    .await?)
}

/// Writes another name of a person.
pub async fn put_name(
    office: &Office,
    conn: &mut PgConnection,
    person_id: i64,
    name: &PersonName,
) -> Result<()> {
    let index = office.vault.blind_index(purpose::NAME, name.expose());
    sqlx::query(
        "UPDATE person SET name_index = $3, name_sealed = $4 WHERE centre_id = $1 AND person_id = $2",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .bind(index.current.as_slice())
    .bind(office.vault.seal(purpose::NAME, name.expose().as_bytes()))
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes another identity number of a person.
///
/// # Errors
/// It is another person's.
pub async fn put_id(
    office: &Office,
    conn: &mut PgConnection,
    person_id: i64,
    id: &IdNumber,
) -> Result<()> {
    let index = office.vault.blind_index(purpose::ID, id.expose());
    sqlx::query(
        "UPDATE person SET id_index = $3, id_sealed = $4 WHERE centre_id = $1 AND person_id = $2",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .bind(index.current.as_slice())
    .bind(office.vault.seal(purpose::ID, id.expose().as_bytes()))
    .execute(conn)
    .await?;
    Ok(())
}

/// Lets the number that a person had until this change find him still.
pub async fn keep_former_id(
    office: &Office,
    conn: &mut PgConnection,
    person: &Person,
    change_id: i64,
) -> Result<()> {
    let id = person.id_number.expose();
    sqlx::query(
        "INSERT INTO person_former_id (centre_id, id_index, id_sealed, person_id, change_id, replaced_at)
         VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (centre_id, id_index) DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(office.vault.blind_index(purpose::ID, id).current.as_slice())
    .bind(office.vault.seal(purpose::ID, id.as_bytes()))
    .bind(person.person_id)
    .bind(change_id)
    .bind(office.now())
    .execute(conn)
    .await?;
    Ok(())
}

/// Makes somebody known who has no account yet; who is known already stays as he is. Names and numbers were verified by the caller.
/// Returns the person's identifier.
pub async fn add(
    office: &Office,
    id: &IdNumber,
    name: &PersonName,
    phone: Option<&Phone>,
) -> Result<i64> {
    if let Some(known) = by_id_number(office, id).await? {
        return Ok(known.person_id);
    }
    let vault = &office.vault;
    let index = |purpose: &str, plain: &str| vault.blind_index(purpose, plain).current.to_vec();
    let person_id = office.ids.next().await?;
    let added = sqlx::query(
        "INSERT INTO person (centre_id, person_id, id_index, id_sealed, name_index, name_sealed, phone_index, phone_sealed, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .bind(index(purpose::ID, id.expose()))
    .bind(vault.seal(purpose::ID, id.expose().as_bytes()))
    .bind(index(purpose::NAME, name.expose()))
    .bind(vault.seal(purpose::NAME, name.expose().as_bytes()))
    .bind(phone.map(|phone| index(purpose::PHONE, phone.expose())))
    .bind(phone.map(|phone| vault.seal(purpose::PHONE, phone.expose().as_bytes())))
    .bind(office.now())
    .execute(&office.pool)
    .await?;
    if added.rows_affected() == 1 {
        return Ok(person_id);
    }
    by_id_number(office, id)
        .await?
        .map(|known| known.person_id)
        .ok_or_else(|| Fault::Stored("a person is neither new nor known".to_owned()).into())
}

/// Up to 20 people with this exact name or phone; for whoever works for one branch, those whom it keeps.
pub async fn search(
    office: &Office,
    name: Option<&PersonName>,
    phone: Option<&Phone>,
    branch_id: Option<i16>,
) -> Result<Vec<Person>> {
    let name_index = name.map(|name| office.vault.blind_index(purpose::NAME, name.expose()).any());
    let phone_index = phone.map(|phone| {
        office
            .vault
            .blind_index(purpose::PHONE, phone.expose())
            .any()
    });
    let rows = sqlx::query_as::<_, PersonRow>(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM person
          WHERE centre_id = $1 AND (name_index = ANY ($2) OR phone_index = ANY ($4))
            AND keeps_person($1, $3, person_id) ORDER BY person_id LIMIT 20"
    )))
    .bind(office.centre.id)
    .bind(name_index)
    .bind(branch_id)
    .bind(phone_index)
    .fetch_all(&office.pool)
    .await?;
    rows.iter().map(|row| row.open(&office.vault)).collect()
}

/// Whether a branch keeps this person; whoever works for the whole centre (`None`) keeps everybody.
///
/// # Errors
/// The database.
pub async fn is_kept_by(office: &Office, person_id: i64, branch_id: Option<i16>) -> Result<bool> {
    Ok(sqlx::query_scalar("SELECT keeps_person($1, $2, $3)")
        .bind(office.centre.id)
        .bind(branch_id)
        .bind(person_id)
        .fetch_one(&office.pool)
        .await?)
}

/// The masked names of some people, for a list of the desk.
pub async fn masked_names(
    office: &Office,
    people: &[i64],
) -> Result<std::collections::HashMap<i64, String>> {
    let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT person_id, name_sealed FROM person WHERE centre_id = $1 AND person_id = ANY ($2)",
    )
    .bind(office.centre.id)
    .bind(people)
    .fetch_all(&office.pool)
    .await?;
    rows.into_iter()
        .map(|(person_id, sealed)| {
            Ok((
                person_id,
                anju_domain::name::mask(&text(&office.vault, purpose::NAME, &sealed)?),
            ))
        })
        .collect()
}

/// A person whose row the caller's transaction holds until its end.
pub async fn lock(
    office: &Office,
    conn: &mut PgConnection,
    person_id: i64,
) -> Result<Option<Person>> {
    let row = sqlx::query_as::<_, PersonRow>(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM person WHERE centre_id = $1 AND person_id = $2 FOR NO KEY UPDATE"
    )))
    .bind(office.centre.id)
    .bind(person_id)
    .fetch_optional(conn)
    .await?;
    row.map(|row| row.open(&office.vault)).transpose()
}

/// Whether somebody else has registered this phone. Until the caller's transaction ends nobody else can claim it in this way.
pub async fn phone_is_taken(
    office: &Office,
    conn: &mut PgConnection,
    person_id: i64,
    phone: &Phone,
) -> Result<bool> {
    let index = office.vault.blind_index(purpose::PHONE, phone.expose());
    // A unique key cannot say it: employers' lists may name one phone for several people, none of whom has proved to hold it.
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended(encode($1::bytea, 'hex'), 0))")
        .bind(index.current.as_slice())
        .execute(&mut *conn)
        .await?;
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM person WHERE centre_id = $1 AND phone_index = ANY ($2) AND person_id <> $3)",
    )
    .bind(office.centre.id)
    .bind(index.any())
    .bind(person_id)
    .fetch_one(conn)
    .await?)
}

/// Registers the phone that a person proved to hold. A first registration is no change (CMN-14).
pub async fn put_phone(
    office: &Office,
    conn: &mut PgConnection,
    person_id: i64,
    phone: &Phone,
) -> Result<()> {
    let index = office.vault.blind_index(purpose::PHONE, phone.expose());
    sqlx::query(
        "UPDATE person
            SET phone_changed_at = CASE WHEN phone_index IS NULL OR phone_index = ANY ($6) THEN phone_changed_at ELSE $5 END,
                phone_index = $3, phone_sealed = $4
          WHERE centre_id = $1 AND person_id = $2",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .bind(index.current.as_slice())
    .bind(office.vault.seal(purpose::PHONE, phone.expose().as_bytes()))
    .bind(office.now())
    .bind(index.any())
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps the card that the bank verified as the person's own, so that it is prefilled next time.
pub async fn put_card(
    office: &Office,
    conn: &mut PgConnection,
    person_id: i64,
    card: &CardNumber,
    bank: &str,
) -> Result<()> {
    sqlx::query(
        "UPDATE person SET card_sealed = $3, card_bank = $4, card_checked_on = $5
          WHERE centre_id = $1 AND person_id = $2",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .bind(office.vault.seal(purpose::CARD, card.expose().as_bytes()))
    .bind(bank)
    .bind(office.today())
    .execute(conn)
    .await?;
    Ok(())
}
