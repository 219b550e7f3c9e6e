//! Persons (个人客户): identity sealed at rest, found by blind indexes.

use anju_domain::card::CardNumber;
use anju_domain::id_number::IdNumber;
use anju_domain::name::PersonName;
use anju_domain::phone::Phone;
use anju_vault::Vault;
use chrono::{DateTime, NaiveDate, Utc};
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
    get_by(office, &office.pool, person_id).await
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

/// A person by whole identity number.
pub async fn by_id_number(office: &Office, id: &IdNumber) -> Result<Option<Person>> {
    let row = sqlx::query_as::<_, PersonRow>(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM person WHERE centre_id = $1 AND id_index = ANY ($2)"
    )))
    .bind(office.centre.id)
    .bind(office.vault.blind_index(purpose::ID, id.expose()).any())
    .fetch_optional(&office.pool)
    .await?;
    row.map(|row| row.open(&office.vault)).transpose()
}

/// Up to 20 people with this exact name or phone.
pub async fn search(
    office: &Office,
    name: Option<&PersonName>,
    phone: Option<&Phone>,
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
          WHERE centre_id = $1 AND (name_index = ANY ($2) OR phone_index = ANY ($3)) ORDER BY person_id LIMIT 20"
    )))
    .bind(office.centre.id)
    .bind(name_index)
    .bind(phone_index)
    .fetch_all(&office.pool)
    .await?;
    rows.iter().map(|row| row.open(&office.vault)).collect()
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
