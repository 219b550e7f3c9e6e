//! Sessions (登录): opaque tokens of which only the hash is kept, one-time codes, step-ups bound to an action.

use anju_domain::phone::Phone;
use anju_vault::token;
use chrono::{DateTime, Duration, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::json;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use crate::person::purpose;
use crate::{Office, Refusal, Result, outbox};

/// Whose session.
pub mod audience {
    /// A citizen.
    pub const PERSON: i16 = 1;
    /// An employer's clerk.
    pub const CLERK: i16 = 2;
    /// Staff.
    pub const STAFF: i16 = 3;
    /// The holder of a licence whose employer has no account yet.
    pub const HOLDER: i16 = 4;
}

/// A live session.
#[derive(Debug, Clone, FromRow)]
pub struct Session {
    /// Names it on the page that lists sessions.
    pub session_id: i64,
    /// See [`audience`].
    pub audience: i16,
    /// Person, clerk or staff.
    pub subject_id: i64,
    /// The clerk's employer.
    pub employer_id: Option<i64>,
    /// Login level of services.md §2.
    pub level: String,
    /// Token of every form.
    pub csrf: String,
    /// What it came from.
    pub device: String,
    /// Begun.
    pub created_at: DateTime<Utc>,
    /// Last used.
    pub seen_at: DateTime<Utc>,
    /// Ends.
    pub expires_at: DateTime<Utc>,
    /// Face step-up: digest of the action that it is bound to.
    pub face_digest: Option<Vec<u8>>,
    /// When the face step was passed.
    pub face_at: Option<DateTime<Utc>>,
    /// SMS step-up: digest of the action that it is bound to.
    pub sms_digest: Option<Vec<u8>>,
    /// When the SMS step was passed.
    pub sms_at: Option<DateTime<Utc>>,
    /// At the counter: the person who stands before the teller.
    pub served_person: Option<i64>,
    /// At the counter: the employer whose clerk stands before the teller.
    pub served_employer: Option<i64>,
    /// Why the teller looks at that person; none while he was found and no reason is given yet.
    pub served_reason: Option<String>,
    /// The credit code of the licence that opened it; none for another way to log in.
    pub uscc: Option<String>,
    /// See [`crate::licence::Role`].
    pub holder_role: Option<i16>,
    /// Who holds the licence, sealed.
    pub holder_sealed: Option<Vec<u8>>,
}

impl Session {
    /// Whether the legal representative's licence opened it.
    pub fn is_of_representative(&self) -> bool {
        self.holder_role == Some(crate::licence::Role::LegalRepresentative as i16)
    }

    /// The person at the window and why he is looked at; nobody before a reason is given.
    pub fn serving(&self) -> Option<(i64, &str)> {
        self.served_person.zip(self.served_reason.as_deref())
    }

    /// Whether the face step was passed for this action within ten minutes (services.md §2, L3f).
    pub fn face_passed(&self, action: &[u8], now: DateTime<Utc>) -> bool {
        self.face_digest.as_deref() == Some(action)
            && self
                .face_at
                .is_some_and(|at| now - at <= Duration::minutes(10))
    }

    /// Whether the SMS step was passed for this action within five minutes (services.md §2, L3s).
    pub fn sms_passed(&self, action: &[u8], now: DateTime<Utc>) -> bool {
        self.sms_digest.as_deref() == Some(action)
            && self
                .sms_at
                .is_some_and(|at| now - at <= Duration::minutes(5))
    }
}

/// How long a session lasts: idle and in all.
fn life(audience: i16) -> (Duration, Duration) {
    match audience {
        audience::STAFF => (Duration::minutes(30), Duration::hours(10)),
        _ => (Duration::minutes(30), Duration::hours(12)),
    }
}

/// Begins a session and returns the token for the cookie. The token is seen here and in the cookie only.
pub async fn begin(
    office: &Office,
    audience: i16,
    subject_id: i64,
    employer_id: Option<i64>,
    level: &str,
    device: &str,
) -> Result<String> {
    insert(
        office,
        audience,
        subject_id,
        employer_id,
        level,
        None,
        device,
    )
    .await
}

/// Purpose of the index of a browser.
const DEVICE: &str = "device";

/// Purpose of the index of an address.
const ADDRESS: &str = "address";

/// Keeps from which browser and address a session began (FR-06): keyed indexes of the cookie that it bears and of the address on the network
/// where that is known, so that people who share them can be counted. Neither stands there in the open.
pub async fn note_origin(
    office: &Office,
    token: &str,
    cookie: Option<&str>,
    address: Option<&str>,
) -> Result<()> {
    let index = |purpose: &str, text: Option<&str>| {
        text.map(|text| office.vault.blind_index(purpose, text).current.to_vec())
    };
    sqlx::query("UPDATE session SET device_index = $2, address_index = $3 WHERE token_hash = $1")
        .bind(token::hash(token).as_slice())
        .bind(index(DEVICE, cookie))
        .bind(index(ADDRESS, address))
        .execute(&office.pool)
        .await?;
    Ok(())
}

/// What a session by licence is bound to.
pub struct OfLicence {
    /// Credit code.
    pub uscc: String,
    /// See [`crate::licence::Role`].
    pub role: i16,
    /// Who holds it, sealed.
    pub holder: Vec<u8>,
    /// When its word ends.
    pub until: DateTime<Utc>,
}

/// Begins a session by licence; it ends with the licence's word at the latest.
pub async fn begin_by_licence(
    office: &Office,
    audience: i16,
    subject_id: i64,
    employer_id: Option<i64>,
    licence: OfLicence,
    device: &str,
) -> Result<String> {
    insert(
        office,
        audience,
        subject_id,
        employer_id,
        "LE",
        Some(licence),
        device,
    )
    .await
}

async fn insert(
    office: &Office,
    audience: i16,
    subject_id: i64,
    employer_id: Option<i64>,
    level: &str,
    licence: Option<OfLicence>,
    device: &str,
) -> Result<String> {
    let now = office.now();
    let token = token::new();
    let whole = now + life(audience).1;
    let expires_at = licence
        .as_ref()
        .map_or(whole, |licence| licence.until.min(whole));
    sqlx::query(
        "INSERT INTO session (token_hash, centre_id, session_id, audience, subject_id, employer_id, level, csrf, device,
                              created_at, seen_at, expires_at, uscc, holder_role, holder_sealed)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11, $12, $13, $14)",
    )
    .bind(token::hash(&token).as_slice())
    .bind(office.centre.id)
    .bind(office.ids.next().await?)
    .bind(audience)
    .bind(subject_id)
    .bind(employer_id)
    .bind(level)
    .bind(token::new())
    .bind(device.chars().take(120).collect::<String>())
    .bind(now)
    .bind(expires_at)
    .bind(licence.as_ref().map(|licence| licence.uscc.as_str()))
    .bind(licence.as_ref().map(|licence| licence.role))
    .bind(licence.as_ref().map(|licence| licence.holder.as_slice()))
    .execute(&office.pool)
    .await?;
    Ok(token)
}

/// The live session of a token. Its use is noted at most once a minute, so that reading pages does not write.
pub async fn find(office: &Office, token: &str) -> Result<Option<Session>> {
    let hash = token::hash(token);
    let Some(session) = office.trays.sessions.put(office, hash.to_vec()).await? else {
        return Ok(None);
    };
    let lives = note_use(office, &hash, &session).await?;
    Ok(lives.then_some(session))
}

/// The session of a token that lives no longer: whose it was, never that anybody is logged in.
pub async fn ended(office: &Office, token: &str) -> Result<Option<Session>> {
    let session: Option<Session> = sqlx::query_as(
        "SELECT session_id, audience, subject_id, employer_id, level, csrf, device, created_at, seen_at, expires_at,
                face_digest, face_at, sms_digest, sms_at, served_person, served_employer, served_reason, uscc, holder_role, holder_sealed
           FROM session
          WHERE token_hash = $1 AND centre_id = $2",
    )
    .bind(token::hash(token).as_slice())
    .bind(office.centre.id)
    .fetch_optional(&office.pool)
    .await?;
    let Some(session) = session else {
        return Ok(None);
    };
    let lives = find(office, token).await?.is_some();
    Ok((!lives).then_some(session))
}

/// Whether a session that was found is still in use; if so that is noted, at most once a minute.
pub(crate) async fn note_use(office: &Office, hash: &[u8; 32], session: &Session) -> Result<bool> {
    let now = office.now();
    if now - session.seen_at > life(session.audience).0 {
        return Ok(false);
    }
    if now - session.seen_at > Duration::minutes(1) {
        // Longer gaps are no work ([`crate::effort`]).
        sqlx::query(
            "UPDATE session
                SET seen_at = $2,
                    work_seconds = work_seconds + CASE WHEN $2 - seen_at <= interval '10 minutes'
                                                       THEN extract(epoch FROM $2 - seen_at)::integer ELSE 0 END
              WHERE token_hash = $1 AND seen_at < $2",
        )
        .bind(hash.as_slice())
        .bind(now)
        .execute(&office.pool)
        .await?;
    }
    Ok(true)
}

/// The live sessions of these tokens' hashes: those who come at one moment are looked up together.
pub(crate) fn find_all(
    office: Office,
    hashes: Vec<Vec<u8>>,
) -> BoxFuture<'static, Result<Vec<Option<Session>>>> {
    #[derive(FromRow)]
    struct Found {
        token_hash: Vec<u8>,
        #[sqlx(flatten)]
        session: Session,
    }
    async move {
        let found: Vec<Found> = sqlx::query_as(
            "SELECT token_hash, session_id, audience, subject_id, employer_id, level, csrf, device, created_at, seen_at, expires_at,
                    face_digest, face_at, sms_digest, sms_at, served_person, served_employer, served_reason, uscc, holder_role,
                    holder_sealed
               FROM session WHERE token_hash = ANY ($1) AND centre_id = $2 AND ended_at IS NULL AND expires_at > $3",
        )
        .bind(&hashes)
        .bind(office.centre.id)
        .bind(office.now())
        .fetch_all(&office.pool)
        .await?;
        let of = |hash: &Vec<u8>| {
            let found = found.iter().find(|found| found.token_hash == *hash);
            found.map(|found| found.session.clone())
        };
        Ok(hashes.iter().map(of).collect())
    }
    .boxed()
}

/// The live sessions of a subject, newest first.
pub async fn of_subject(office: &Office, audience: i16, subject_id: i64) -> Result<Vec<Session>> {
    let mut conn = office.pool.acquire().await?;
    of_subject_on(office, &mut conn, audience, subject_id).await
}

async fn of_subject_on(
    office: &Office,
    conn: &mut PgConnection,
    audience: i16,
    subject_id: i64,
) -> Result<Vec<Session>> {
    Ok(sqlx::query_as(
        "SELECT session_id, audience, subject_id, employer_id, level, csrf, device, created_at, seen_at, expires_at,
                face_digest, face_at, sms_digest, sms_at, served_person, served_employer, served_reason, uscc, holder_role, holder_sealed
           FROM session
          WHERE centre_id = $1 AND audience = $2 AND subject_id = $3 AND ended_at IS NULL AND expires_at > $4
          ORDER BY session_id DESC LIMIT 20",
    )
    .bind(office.centre.id)
    .bind(audience)
    .bind(subject_id)
    .bind(office.now())
    .fetch_all(conn)
    .await?)
}

/// Ends one session of a subject: log-out, or a session of another device.
pub async fn end(office: &Office, audience: i16, subject_id: i64, session_id: i64) -> Result<bool> {
    let ended = sqlx::query(
        "UPDATE session SET ended_at = $5
          WHERE centre_id = $1 AND audience = $2 AND subject_id = $3 AND session_id = $4 AND ended_at IS NULL",
    )
    .bind(office.centre.id)
    .bind(audience)
    .bind(subject_id)
    .bind(session_id)
    .bind(office.now())
    .execute(&office.pool)
    .await?;
    Ok(ended.rows_affected() == 1)
}

/// Notes a passed face step for one action.
pub async fn face(office: &Office, session_id: i64, action: &[u8]) -> Result<()> {
    sqlx::query("UPDATE session SET face_digest = $2, face_at = $3 WHERE session_id = $1")
        .bind(session_id)
        .bind(action)
        .bind(office.now())
        .execute(&office.pool)
        .await?;
    Ok(())
}

/// Notes a passed SMS step for one action.
pub async fn sms(office: &Office, session_id: i64, action: &[u8]) -> Result<()> {
    sqlx::query("UPDATE session SET sms_digest = $2, sms_at = $3 WHERE session_id = $1")
        .bind(session_id)
        .bind(action)
        .bind(office.now())
        .execute(&office.pool)
        .await?;
    Ok(())
}

/// Ends the sessions of a person, in the transaction that takes a way of logging in from him; none of those whose face step was for
/// this very submission: that is where he acts.
pub async fn end_others(
    office: &Office,
    conn: &mut PgConnection,
    person_id: i64,
    submission: Uuid,
) -> Result<()> {
    let now = office.now();
    let acting: Vec<i64> = of_subject_on(office, &mut *conn, audience::PERSON, person_id)
        .await?
        .into_iter()
        .filter(|session| {
            session.face_digest.as_deref().is_some_and(|action| {
                anju_ledger::command::digest(action) == submission
                    && session.face_passed(action, now)
            })
        })
        .map(|session| session.session_id)
        .collect();
    sqlx::query(
        "UPDATE session SET ended_at = $5
          WHERE centre_id = $1 AND audience = $2 AND subject_id = $3 AND session_id <> ALL ($4) AND ended_at IS NULL",
    )
    .bind(office.centre.id)
    .bind(audience::PERSON)
    .bind(person_id)
    .bind(acting)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

/// The person who stands before the teller from now on, without a reason until it is given; none when the visit ends.
pub async fn serve(
    office: &Office,
    session_id: i64,
    person: Option<i64>,
    reason: Option<&str>,
) -> Result<()> {
    sqlx::query(
        "UPDATE session SET served_person = $2, served_employer = NULL, served_reason = $3 WHERE session_id = $1",
    )
    .bind(session_id)
    .bind(person)
    .bind(reason)
    .execute(&office.pool)
    .await?;
    Ok(())
}

/// The employer for which the teller acts from now on; nobody else stands at his window.
pub async fn serve_employer(
    office: &Office,
    session_id: i64,
    employer_id: i64,
    reason: &str,
) -> Result<()> {
    sqlx::query(
        "UPDATE session SET served_person = NULL, served_employer = $2, served_reason = $3 WHERE session_id = $1",
    )
    .bind(session_id)
    .bind(employer_id)
    .bind(reason)
    .execute(&office.pool)
    .await?;
    Ok(())
}

/// Codes that may be sent to one phone in ten minutes, and how long one is good.
const CODES_IN_TEN_MINUTES: i64 = 5;
const CODE_LIFE: Duration = Duration::minutes(5);

/// Makes a one-time code for a phone; the caller sends it. Only its hash is kept.
pub async fn make_code(office: &Office, phone: &Phone, code_purpose: &str) -> Result<String> {
    let index = office.vault.blind_index(purpose::PHONE, phone.expose());
    let now = office.now();
    let sent: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM login_code WHERE centre_id = $1 AND phone_index = ANY ($2) AND sent_at > $3",
    )
    .bind(office.centre.id)
    .bind(index.any())
    .bind(now - Duration::minutes(10))
    .fetch_one(&office.pool)
    .await?;
    if sent >= CODES_IN_TEN_MINUTES {
        return Err(Refusal::new(429, "E-LOGIN-05", "验证码发得太频繁，请 10 分钟后再试。").into());
    }
    let code = format!(
        "{:06}",
        u32::from_le_bytes(anju_vault::random::<4>()) % 1_000_000
    );
    sqlx::query(
        "INSERT INTO login_code (centre_id, code_id, phone_index, purpose, code_hash, sent_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(office.centre.id)
    .bind(office.ids.next().await?)
    .bind(index.current.as_slice())
    .bind(code_purpose)
    .bind(office.vault.mac(code_purpose, code.as_bytes()).as_slice())
    .bind(now)
    .bind(now + CODE_LIFE)
    .execute(&office.pool)
    .await?;
    Ok(code)
}

/// Takes a code: right once, within its life and five tries.
pub async fn take_code(
    office: &Office,
    phone: &Phone,
    code_purpose: &str,
    code: &str,
) -> Result<()> {
    let wrong = || {
        Refusal::new(
            401,
            "E-LOGIN-02",
            "验证码不对或已过期，请核对短信，或重新获取。",
        )
    };
    let row: Option<(i64, Vec<u8>, i16)> = sqlx::query_as(
        "SELECT code_id, code_hash, attempts FROM login_code
          WHERE centre_id = $1 AND phone_index = ANY ($2) AND purpose = $3 AND used_at IS NULL AND expires_at > $4
          ORDER BY sent_at DESC, code_id DESC LIMIT 1",
    )
    .bind(office.centre.id)
    .bind(office.vault.blind_index(purpose::PHONE, phone.expose()).any())
    .bind(code_purpose)
    .bind(office.now())
    .fetch_optional(&office.pool)
    .await?;
    let Some((code_id, hash, attempts)) = row else {
        return Err(wrong().into());
    };
    // The try is counted before it is judged, so that many at once cannot share one.
    let counted = sqlx::query(
        "UPDATE login_code SET attempts = attempts + 1
          WHERE centre_id = $1 AND code_id = $2 AND attempts = $3 AND attempts < 5 AND used_at IS NULL",
    )
    .bind(office.centre.id)
    .bind(code_id)
    .bind(attempts)
    .execute(&office.pool)
    .await?;
    let right = office
        .vault
        .verify_mac(code_purpose, code.trim().as_bytes(), &hash);
    if counted.rows_affected() != 1 || !right {
        return Err(wrong().into());
    }
    let used = sqlx::query("UPDATE login_code SET used_at = $3 WHERE centre_id = $1 AND code_id = $2 AND used_at IS NULL")
        .bind(office.centre.id)
        .bind(code_id)
        .bind(office.now())
        .execute(&office.pool)
        .await?;
    if used.rows_affected() == 1 {
        Ok(())
    } else {
        Err(wrong().into())
    }
}

/// What the code of an SMS step is for: this action and no other. Keyed, since an action is made of a form that could be guessed.
fn step_purpose(office: &Office, action: &[u8]) -> String {
    format!(
        "step:{}",
        hex::encode(office.vault.token_of("step", action))
    )
}

/// Sends the code of an SMS step (services.md §2, L3s) to a person's registered phone; `what` is the act in a few words.
pub async fn send_step(office: &Office, phone: &Phone, action: &[u8], what: &str) -> Result<()> {
    send_code(office, phone, &step_purpose(office, action), what).await
}

/// Takes the code of an SMS step: right for this action alone.
pub async fn take_step(office: &Office, phone: &Phone, action: &[u8], code: &str) -> Result<()> {
    take_code(office, phone, &step_purpose(office, action), code).await
}

/// Makes a one-time code and sends it; `what` says what it is for, so that nobody reads it out for something else.
pub async fn send_code(
    office: &Office,
    phone: &Phone,
    code_purpose: &str,
    what: &str,
) -> Result<()> {
    let code = make_code(office, phone, code_purpose).await?;
    let text = format!("【公积金】{what}验证码 {code}，5 分钟内有效。工作人员不会向您要验证码。");
    let mut conn = office.pool.acquire().await?;
    outbox::enqueue(
        office,
        &mut conn,
        outbox::kind::SMS,
        None,
        told(office, phone, &text),
        office.now(),
    )
    .await?;
    office.wake.notify_one();
    Ok(())
}

/// A message of the outbox to a phone that need not be anybody's registered one.
#[must_use]
pub fn told(office: &Office, phone: &Phone, text: &str) -> serde_json::Value {
    let sealed = office.vault.seal(purpose::PHONE, phone.expose().as_bytes());
    json!({ "phone": hex::encode(sealed), "text": text })
}

/// What was sent to a phone and not used is good for nothing any more.
pub async fn spoil_codes(office: &Office, conn: &mut PgConnection, phone: &Phone) -> Result<()> {
    sqlx::query(
        "UPDATE login_code SET used_at = $3 WHERE centre_id = $1 AND phone_index = ANY ($2) AND used_at IS NULL",
    )
    .bind(office.centre.id)
    .bind(office.vault.blind_index(purpose::PHONE, phone.expose()).any())
    .bind(office.now())
    .execute(conn)
    .await?;
    Ok(())
}
