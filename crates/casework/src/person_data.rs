//! What a person keeps of himself, and what was changed of it (个人信息与变更留痕). Invariant: a change is noted in the transaction that
//! makes it, with the old value sealed; nothing here is ever deleted.

use anju_domain::card::CardNumber;
use anju_domain::id_number::IdNumber;
use anju_domain::phone::Phone;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgConnection, PgExecutor};

use crate::person::{purpose, text};
use crate::{Actor, Office, Result};

/// What of a person changes; the words are those of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// 手机号.
    Phone,
    /// 联名卡.
    Card,
    /// 姓名.
    Name,
    /// 证件号码.
    Id,
    /// 通讯地址.
    Address,
    /// 学历.
    Education,
    /// 婚姻状况.
    Marital,
    /// 电子邮箱.
    Email,
    /// 紧急联系人.
    ContactName,
    /// 紧急联系人电话.
    ContactPhone,
}

impl What {
    /// All of them.
    const ALL: [Self; 10] = [
        Self::Phone,
        Self::Card,
        Self::Name,
        Self::Id,
        Self::Address,
        Self::Education,
        Self::Marital,
        Self::Email,
        Self::ContactName,
        Self::ContactPhone,
    ];

    /// As the table and the events of cases name it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Card => "card",
            Self::Name => "name",
            Self::Id => "id",
            Self::Address => "address",
            Self::Education => "education",
            Self::Marital => "marital",
            Self::Email => "email",
            Self::ContactName => "contact_name",
            Self::ContactPhone => "contact_phone",
        }
    }

    fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|what| what.code() == code)
    }

    /// A value as it may be shown to its own person in a history: enough to know it again, not enough to use it.
    #[must_use]
    pub fn masked(self, value: &str) -> String {
        match self {
            Self::Phone | Self::ContactPhone => {
                Phone::parse(value).map_or_else(|_| hidden(value), |phone| phone.to_string())
            }
            Self::Card => CardNumber::parse(value)
                .map_or_else(|_| hidden(value), |card| format!("尾号 {}", card.tail4())),
            Self::Name | Self::ContactName => anju_domain::name::mask(value),
            Self::Id => IdNumber::parse(value).map_or_else(|_| hidden(value), |id| id.to_string()),
            Self::Address => first(value, 6),
            Self::Email => match value.split_once('@') {
                Some((name, host)) => format!("{}@{host}", first(name, 2)),
                None => hidden(value),
            },
            Self::Education | Self::Marital => value.to_owned(),
        }
    }
}

/// The first characters; the rest is covered.
fn first(value: &str, shown: usize) -> String {
    let head: String = value.chars().take(shown).collect();
    format!("{head}****")
}

fn hidden(_: &str) -> String {
    "****".to_owned()
}

/// One thing that becomes another.
pub struct Change<'a> {
    /// Whose.
    pub person_id: i64,
    /// Which.
    pub what: What,
    /// What stood there; none where nothing did.
    pub before: Option<&'a str>,
    /// What stands there now.
    pub after: &'a str,
}

/// In what act, by whom and where something is changed.
#[derive(Debug, Clone, Copy)]
pub struct Act<'a> {
    /// The case.
    pub case_id: i64,
    /// Who.
    pub actor: Actor,
    /// Channel code of services.md §3.
    pub channel: &'a str,
}

/// Notes a change in the transaction that makes it; returns its number.
pub async fn note(
    office: &Office,
    conn: &mut PgConnection,
    change: &Change<'_>,
    act: Act<'_>,
) -> Result<i64> {
    let seal = |value: &str| office.vault.seal(purpose::CHANGE, value.as_bytes());
    let change_id = office.ids.next().await?;
    sqlx::query(
        "INSERT INTO person_change (centre_id, person_id, change_id, at, what, before_sealed, after_sealed, audience, actor_id,
                                    channel, case_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(office.centre.id)
    .bind(change.person_id)
    .bind(change_id)
    .bind(office.now())
    .bind(change.what.code())
    .bind(change.before.map(seal))
    .bind(seal(change.after))
    .bind(act.actor.audience())
    .bind(act.actor.id())
    .bind(act.channel)
    .bind(act.case_id)
    .execute(conn)
    .await?;
    Ok(change_id)
}

#[derive(FromRow)]
struct ChangeRow {
    change_id: i64,
    at: DateTime<Utc>,
    what: String,
    before_sealed: Option<Vec<u8>>,
    after_sealed: Vec<u8>,
    audience: i16,
    actor_id: i64,
    channel: String,
    case_id: i64,
}

/// A change as its person may read it.
#[derive(Debug, Clone)]
pub struct Changed {
    /// Its number.
    pub change_id: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Which.
    pub what: What,
    /// What stood there, masked.
    pub before: Option<String>,
    /// What it became, masked.
    pub after: String,
    /// Who: as [`Actor::audience`].
    pub audience: i16,
    /// Who.
    pub actor_id: i64,
    /// Channel code.
    pub channel: String,
    /// In which case.
    pub case_id: i64,
}

/// The changes of a person, newest first, a page of them before `before`.
pub async fn changes(
    office: &Office,
    person_id: i64,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Changed>> {
    let rows: Vec<ChangeRow> = sqlx::query_as(
        "SELECT change_id, at, what, before_sealed, after_sealed, audience, actor_id, channel, case_id
           FROM person_change
          WHERE centre_id = $1 AND person_id = $2 AND change_id < $3
          ORDER BY change_id DESC LIMIT $4",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .bind(before.unwrap_or(i64::MAX))
    .bind(limit)
    .fetch_all(&office.pool)
    .await?;
    rows.into_iter()
        .filter_map(|row| Some((What::of_code(&row.what)?, row)))
        .map(|(what, row)| {
            let open = |sealed: &[u8]| -> Result<String> {
                Ok(what.masked(&text(&office.vault, purpose::CHANGE, sealed)?))
            };
            Ok(Changed {
                change_id: row.change_id,
                at: row.at,
                what,
                before: row.before_sealed.as_deref().map(open).transpose()?,
                after: open(&row.after_sealed)?,
                audience: row.audience,
                actor_id: row.actor_id,
                channel: row.channel,
                case_id: row.case_id,
            })
        })
        .collect()
}

/// The phone that a person's present one replaced, where that was after `since`: whoever may have lost it is told there too.
pub async fn phone_replaced_since(
    office: &Office,
    db: impl PgExecutor<'_>,
    person_id: i64,
    since: DateTime<Utc>,
) -> Result<Option<Phone>> {
    let sealed: Option<Vec<u8>> = sqlx::query_scalar(
        "SELECT before_sealed FROM person_change
          WHERE centre_id = $1 AND person_id = $2 AND what = 'phone' AND at > $3 AND before_sealed IS NOT NULL
          ORDER BY change_id DESC LIMIT 1",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .bind(since)
    .fetch_optional(db)
    .await?;
    sealed
        .map(|sealed| text(&office.vault, purpose::CHANGE, &sealed))
        .transpose()
        .map(|plain| plain.and_then(|plain| Phone::parse(&plain).ok()))
}

/// What a person tells of himself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// 通讯地址.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// 学历, a word of the service's choices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub education: Option<String>,
    /// 婚姻状况, a word of the service's choices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marital: Option<String>,
    /// 电子邮箱.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// 紧急联系人.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_name: Option<String>,
    /// 紧急联系人电话.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_phone: Option<String>,
}

/// The details of a person; with nothing kept, all are empty.
pub async fn details(office: &Office, db: impl PgExecutor<'_>, person_id: i64) -> Result<Details> {
    let sealed: Option<Vec<u8>> = sqlx::query_scalar(
        "SELECT sealed FROM person_detail WHERE centre_id = $1 AND person_id = $2",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .fetch_optional(db)
    .await?;
    match sealed {
        Some(sealed) => Ok(serde_json::from_str(&text(
            &office.vault,
            purpose::DETAILS,
            &sealed,
        )?)?),
        None => Ok(Details::default()),
    }
}

/// Keeps the details of a person. The caller holds the person's row, so that two who change different details lose none.
pub async fn put_details(
    office: &Office,
    conn: &mut PgConnection,
    person_id: i64,
    details: &Details,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO person_detail (centre_id, person_id, sealed) VALUES ($1, $2, $3)
             ON CONFLICT (centre_id, person_id) DO UPDATE SET sealed = excluded.sealed",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .bind(
        office
            .vault
            .seal(purpose::DETAILS, serde_json::to_string(details)?.as_bytes()),
    )
    .execute(conn)
    .await?;
    Ok(())
}
