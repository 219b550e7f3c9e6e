//! 一网通办 (services.md §16, data_sharing.md §11): what became of an employer is told to the parties that register it, too. Who is told of what, in which
//! fields and codes, is the catalogue of sources. Invariant: one change is one word, written with the change and sent by one message; a party
//! takes the words about an employer in their order and each once, by its number.

use anju_casework::employer;
use anju_casework::{Fault, Office, Result, case, outbox};
use anju_vault::NumberKind;
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};
use sqlx::{FromRow, PgConnection};

/// What became of an employer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// 预开户, by the market regulator's message.
    PreOpened,
    /// 开户, or the pre-opened account was completed.
    Opened,
    /// Name, address or legal representative changed.
    Changed,
    /// 封存.
    Sealed,
    /// 启封.
    Unsealed,
    /// 销户; a pre-opened account lapsed or ended.
    Cancelled,
    /// Taken over by another.
    Merged,
}

impl Event {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::PreOpened,
        Self::Opened,
        Self::Changed,
        Self::Sealed,
        Self::Unsealed,
        Self::Cancelled,
        Self::Merged,
    ];

    /// As the catalogue names it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::PreOpened => "pre_opened",
            Self::Opened => "opened",
            Self::Changed => "changed",
            Self::Sealed => "sealed",
            Self::Unsealed => "unsealed",
            Self::Cancelled => "cancelled",
            Self::Merged => "merged",
        }
    }

    /// Of a stored code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.code() == code)
    }

    /// For pages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PreOpened => "预开户",
            Self::Opened => "开户",
            Self::Changed => "登记信息变更",
            Self::Sealed => "封存",
            Self::Unsealed => "启封",
            Self::Cancelled => "销户",
            Self::Merged => "并入其他单位",
        }
    }
}

/// Puts a word about an employer, as it is now, into the change that causes it.
///
/// # Errors
/// The database.
pub(super) async fn say(
    office: &Office,
    conn: &mut PgConnection,
    employer_id: i64,
    case_id: i64,
    event: Event,
    on: NaiveDate,
) -> Result<()> {
    let word_id = office.ids.next().await?;
    let now = office.now();
    let written = sqlx::query(
        "INSERT INTO employer_word (centre_id, word_id, employer_id, case_id, event, on_date, said, made_at)
         SELECT centre_id, $3, employer_id, $4, $5, $6, jsonb_build_object('name', name, 'address', address), $7
           FROM employer WHERE centre_id = $1 AND employer_id = $2",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(word_id)
    .bind(case_id)
    .bind(event.code())
    .bind(on)
    .bind(now)
    .execute(&mut *conn)
    .await?;
    if written.rows_affected() != 1 {
        return Err(Fault::Stored(format!("a word about no employer {employer_id}")).into());
    }
    let payload = json!({ "word": word_id });
    outbox::enqueue(
        office,
        conn,
        outbox::kind::PARTIES,
        Some(case_id),
        payload,
        now,
    )
    .await?;
    Ok(())
}

/// A word as it is sent.
#[derive(Debug, Clone)]
pub struct Word {
    /// Its number, the same however often it is sent.
    pub word_id: i64,
    /// About whom.
    pub employer_id: i64,
    /// What.
    pub event: Event,
    /// From which day.
    pub on: NaiveDate,
    /// 统一社会信用代码.
    pub uscc: String,
    /// 单位号.
    pub account_no: String,
    /// Name, as it was at the change.
    pub name: String,
    /// Address, as it was at the change.
    pub address: Option<String>,
    /// 法定代表人, as it is now.
    pub representative: String,
    /// 单位号 of who took it over.
    pub successor_no: Option<String>,
    /// 实施编码 of its case's service.
    pub item: String,
    /// Its name.
    pub item_name: String,
    /// Number of its case.
    pub case_no: String,
    /// 受理.
    pub accepted_at: DateTime<Utc>,
    /// 办结.
    pub ended_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct WordRow {
    word_id: i64,
    employer_id: i64,
    case_id: i64,
    event: String,
    on_date: NaiveDate,
    said: Value,
    made_at: DateTime<Utc>,
    uscc: String,
    merged_into: Option<i64>,
    service: String,
    submitted_at: DateTime<Utc>,
}

fn event_of(code: &str) -> Result<Event> {
    Event::parse(code)
        .ok_or_else(|| Fault::Stored(format!("a word about an employer of kind {code}")).into())
}

/// The word of a message; none where there is none.
///
/// # Errors
/// The database.
pub async fn word(office: &Office, payload: &Value) -> Result<Option<Word>> {
    let Some(word_id) = payload.get("word").and_then(Value::as_i64) else {
        return Ok(None);
    };
    let row: Option<WordRow> = sqlx::query_as(
        "SELECT w.word_id, w.employer_id, w.case_id, w.event, w.on_date, w.said, w.made_at, e.uscc, e.merged_into, c.service, c.submitted_at
           FROM employer_word w
           JOIN employer e ON e.centre_id = w.centre_id AND e.employer_id = w.employer_id
           JOIN business_case c ON c.centre_id = w.centre_id AND c.case_id = w.case_id
          WHERE w.centre_id = $1 AND w.word_id = $2",
    )
    .bind(office.centre.id)
    .bind(word_id)
    .fetch_optional(&office.pool)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let event = event_of(&row.event)?;
    let number = |id| office.numbers.encode(NumberKind::Employer, id);
    let text = |field: &str| row.said[field].as_str().map(str::to_owned);
    let policy = office.policy();
    let (item, item_name) = match policy.set.service(&row.service) {
        Some(service) => (service.gov_code.clone(), service.name_zh.clone()),
        None => (row.service.clone(), row.service.clone()),
    };
    Ok(Some(Word {
        word_id: row.word_id,
        employer_id: row.employer_id,
        event,
        on: row.on_date,
        uscc: row.uscc,
        account_no: number(row.employer_id),
        name: text("name").unwrap_or_default(),
        address: text("address"),
        representative: employer::representative(office, row.employer_id).await?,
        successor_no: row
            .merged_into
            .filter(|_| event == Event::Merged)
            .map(number),
        item,
        item_name,
        case_no: case::number(office, row.case_id),
        accepted_at: row.submitted_at,
        ended_at: row.made_at,
    }))
}

/// A party that has not taken a word yet.
#[derive(Debug, Clone, FromRow)]
pub struct Open {
    /// `D07`.
    pub party: String,
    /// When an earlier word about the same employer is tried at it again; that one goes first.
    pub behind_until: Option<DateTime<Utc>>,
}

/// Addresses a word, and those before it about the same employer that nobody has addressed yet, to the parties of its event: pairs of event
/// and party. Returns who has not taken it.
///
/// # Errors
/// The database.
pub async fn address(office: &Office, word: &Word, told: &[(&str, &str)]) -> Result<Vec<Open>> {
    let (events, parties): (Vec<&str>, Vec<&str>) = told.iter().copied().unzip();
    sqlx::query(
        "WITH fresh AS (
             UPDATE employer_word SET addressed_at = $5
              WHERE centre_id = $1 AND employer_id = $2 AND addressed_at IS NULL AND (made_at, word_id) <= ($3, $4)
             RETURNING word_id, employer_id, event, made_at)
         INSERT INTO employer_word_party (centre_id, word_id, party, employer_id, made_at)
         SELECT $1, f.word_id, t.party, f.employer_id, f.made_at
           FROM fresh f JOIN unnest($6::text[], $7::text[]) AS t (event, party) USING (event)",
    )
    .bind(office.centre.id)
    .bind(word.employer_id)
    .bind(word.ended_at)
    .bind(word.word_id)
    .bind(office.now())
    .bind(&events)
    .bind(&parties)
    .execute(&office.pool)
    .await?;
    Ok(sqlx::query_as(
        "SELECT p.party,
                (SELECT min(coalesce(b.again_at, $3))
                   FROM employer_word_party b
                  WHERE b.centre_id = p.centre_id AND b.employer_id = p.employer_id AND b.party = p.party
                    AND (b.made_at, b.word_id) < (p.made_at, p.word_id) AND b.taken_at IS NULL) AS behind_until
           FROM employer_word_party p
          WHERE p.centre_id = $1 AND p.word_id = $2 AND p.taken_at IS NULL
          ORDER BY p.party",
    )
    .bind(office.centre.id)
    .bind(word.word_id)
    .bind(office.now())
    .fetch_all(&office.pool)
    .await?)
}

/// A party has taken a word.
///
/// # Errors
/// The database.
pub async fn taken(office: &Office, word_id: i64, party: &str, receipt: &str) -> Result<()> {
    let now = office.now();
    sqlx::query(
        "UPDATE employer_word_party SET tried_at = $4, taken_at = $4, receipt = $5, failure = NULL, again_at = NULL
          WHERE centre_id = $1 AND word_id = $2 AND party = $3 AND taken_at IS NULL",
    )
    .bind(office.centre.id)
    .bind(word_id)
    .bind(party)
    .bind(now)
    .bind(receipt)
    .execute(&office.pool)
    .await?;
    Ok(())
}

/// A party was not reached, or refused, or its answer cannot be believed: when it is told again.
///
/// # Errors
/// The database.
pub async fn not_taken(
    office: &Office,
    word_id: i64,
    party: &str,
    failure: &str,
    again_at: DateTime<Utc>,
) -> Result<()> {
    sqlx::query(
        "UPDATE employer_word_party SET tried_at = $4, failure = $5, again_at = $6
          WHERE centre_id = $1 AND word_id = $2 AND party = $3 AND taken_at IS NULL",
    )
    .bind(office.centre.id)
    .bind(word_id)
    .bind(party)
    .bind(office.now())
    .bind(failure)
    .bind(again_at)
    .execute(&office.pool)
    .await?;
    Ok(())
}

/// One word at one party, as pages show it.
#[derive(Debug, Clone, FromRow)]
pub struct Told {
    /// The word.
    pub word_id: i64,
    /// About whom.
    pub employer_id: i64,
    /// The employer's name as it was told.
    pub name: String,
    /// The case that made it.
    pub case_id: i64,
    /// See [`Event::code`].
    pub event: String,
    /// From which day.
    pub on_date: NaiveDate,
    /// When it was caused.
    pub made_at: DateTime<Utc>,
    /// Whom; none while it has not left.
    pub party: Option<String>,
    /// Why the last try was none.
    pub failure: Option<String>,
    /// When it is tried again.
    pub again_at: Option<DateTime<Utc>>,
    /// When it was taken.
    pub taken_at: Option<DateTime<Utc>>,
    /// The party's number of it.
    pub receipt: Option<String>,
}

impl Told {
    /// What it was about, for pages.
    #[must_use]
    pub fn event_name(&self) -> &'static str {
        Event::parse(&self.event).map_or("", Event::name)
    }
}

/// The last words about an employer, newest first, party by party.
///
/// # Errors
/// The database.
pub async fn of_employer(office: &Office, employer_id: i64, words: i64) -> Result<Vec<Told>> {
    Ok(sqlx::query_as(
        "WITH last AS (
             SELECT * FROM employer_word WHERE centre_id = $1 AND employer_id = $2 ORDER BY made_at DESC, word_id DESC LIMIT $3)
         SELECT w.word_id, w.employer_id, w.said ->> 'name' AS name, w.case_id, w.event, w.on_date, w.made_at, p.party, p.failure, p.again_at,
                p.taken_at, p.receipt
           FROM last w LEFT JOIN employer_word_party p ON p.centre_id = w.centre_id AND p.word_id = w.word_id
          ORDER BY w.made_at DESC, w.word_id DESC, p.party",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(words)
    .fetch_all(&office.pool)
    .await?)
}

/// Words that a party has failed to take, the longest waiting first; of one party or of all, of one branch's employers or of all.
///
/// # Errors
/// The database.
pub async fn waiting(
    office: &Office,
    branch: Option<i16>,
    party: Option<&str>,
    limit: i64,
) -> Result<Vec<Told>> {
    Ok(sqlx::query_as(
        "SELECT w.word_id, w.employer_id, w.said ->> 'name' AS name, w.case_id, w.event, w.on_date, w.made_at, p.party, p.failure, p.again_at,
                p.taken_at, p.receipt
           FROM employer_word_party p JOIN employer_word w ON w.centre_id = p.centre_id AND w.word_id = p.word_id
           JOIN employer e ON e.centre_id = p.centre_id AND e.employer_id = p.employer_id
          WHERE p.centre_id = $1 AND p.taken_at IS NULL AND p.failure IS NOT NULL AND ($2::text IS NULL OR p.party = $2)
            AND ($4::smallint IS NULL OR e.branch_id = $4)
          ORDER BY p.made_at, p.word_id, p.party LIMIT $3",
    )
    .bind(office.centre.id)
    .bind(party)
    .bind(limit)
    .bind(branch)
    .fetch_all(&office.pool)
    .await?)
}
