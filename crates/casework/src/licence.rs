//! Log-in by electronic business licence (电子营业执照登录, contribution.md §2.2): who scanned, for which credit code, and whose session
//! that begins.
//!
//! Invariant: a session of a licence is bound to its credit code alone and ends when the licence's word ends; who holds a licence as an
//! authorised clerk acts for an employer only while that employer has him as its clerk.

use anju_domain::name::PersonName;
use anju_domain::phone::Phone;
use anju_domain::uscc::Uscc;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use crate::employer::{self, Employer};
use crate::person::{purpose, text};
use crate::session::{self, Session, audience};
use crate::{Fault, Office, Refusal, Result};

/// The power to act in matters of the housing fund, as the licence's app names it.
const POWER: &str = "hpf";

/// In which role somebody holds a licence; the number is that of `session.holder_role`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i16)]
pub enum Role {
    /// 法定代表人.
    LegalRepresentative = 1,
    /// 授权经办人.
    Authorised = 2,
}

/// What the regulator says of a scan.
#[derive(Debug, Clone)]
pub struct Licence {
    /// Whose licence.
    pub uscc: Uscc,
    /// As what it is held.
    pub role: Role,
    /// Who holds it.
    pub name: PersonName,
    /// His number; empty where the regulator does not say it.
    pub id_no: String,
    /// His phone.
    pub phone: Phone,
    /// What he may do with it; nothing for all that the role may.
    pub powers: Vec<String>,
    /// How long its word is good.
    pub until: DateTime<Utc>,
}

/// The holder of a session, opened.
#[derive(Debug, Clone)]
pub struct Holder {
    /// Whose licence.
    pub uscc: Uscc,
    /// As what it is held.
    pub role: Role,
    /// Name.
    pub name: PersonName,
    /// Phone.
    pub phone: Phone,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    name: String,
    phone: String,
}

/// 401 `E-AUTH-01`: expired, revoked or refused.
#[must_use]
pub fn not_good() -> Refusal {
    Refusal::new(
        401,
        "E-AUTH-01",
        "电子营业执照验证未通过或已失效，请重新扫码登录。",
    )
}

/// Begins the session of a scan and returns the token for the cookie: as a clerk where the employer has an account, else as a holder who
/// may open one.
///
/// # Errors
/// 401 `E-AUTH-01` where its word has ended; 403 `E-AUTH-02` for a clerk whom nobody authorised.
pub async fn log_in(office: &Office, licence: &Licence, device: &str) -> Result<String> {
    if licence.until <= office.now() {
        return Err(not_good().into());
    }
    let found = employer::by_uscc(office, &licence.uscc).await?;
    let open = found.filter(|employer| employer.state != employer::state::PRE_OPENED);
    match open {
        Some(employer) => {
            let clerk_id = acting(office, &employer, licence).await?;
            begin(
                office,
                audience::CLERK,
                clerk_id,
                Some(employer.employer_id),
                licence,
                device,
            )
            .await
        }
        None => {
            if licence.role == Role::Authorised
                && !licence.powers.iter().any(|power| power == POWER)
            {
                let detail = "您的执照授权里没有住房公积金。请法定代表人在电子营业执照里给您授权，或由他登录开户。";
                return Err(Refusal::new(403, "E-AUTH-02", detail).into());
            }
            // Nobody is known yet: the session is its own subject, so that no other is listed or ended with it.
            let subject = office.ids.next().await?;
            begin(office, audience::HOLDER, subject, None, licence, device).await
        }
    }
}

async fn begin(
    office: &Office,
    audience: i16,
    subject: i64,
    employer_id: Option<i64>,
    licence: &Licence,
    device: &str,
) -> Result<String> {
    let holder = Sealed {
        name: licence.name.expose().to_owned(),
        phone: licence.phone.expose().to_owned(),
    };
    let of_licence = session::OfLicence {
        uscc: licence.uscc.as_str().to_owned(),
        role: licence.role as i16,
        holder: office
            .vault
            .seal(purpose::NAME, &serde_json::to_vec(&holder)?),
        until: licence.until,
    };
    session::begin_by_licence(office, audience, subject, employer_id, of_licence, device).await
}

/// The clerk as whom a holder acts for an employer.
async fn acting(office: &Office, employer: &Employer, licence: &Licence) -> Result<i64> {
    let known = employer::any_clerk_by_phone(office, employer.employer_id, &licence.phone).await?;
    match (licence.role, known) {
        (Role::LegalRepresentative, Some(clerk)) if clerk.name == licence.name.expose() => {
            Ok(clerk.clerk_id)
        }
        (Role::LegalRepresentative, _) => {
            let mut conn = office.pool.acquire().await?;
            employer::add_representative(
                office,
                &mut conn,
                employer.employer_id,
                licence.name.expose(),
                &licence.phone,
            )
            .await
        }
        (Role::Authorised, Some(clerk))
            if !clerk.is_representative && clerk.name == licence.name.expose() =>
        {
            Ok(clerk.clerk_id)
        }
        (Role::Authorised, _) => Err(Refusal::new(
            403,
            "E-AUTH-02",
            "单位还没有在公积金中心授权您经办。请法定代表人用电子营业执照登录，在“单位资料”里授权您。",
        )
        .into()),
    }
}

/// The holder of a session by licence; none for a session by another way.
pub fn holder_of(office: &Office, session: &Session) -> Result<Option<Holder>> {
    let (Some(uscc), Some(role), Some(sealed)) =
        (&session.uscc, session.holder_role, &session.holder_sealed)
    else {
        return Ok(None);
    };
    let stored = |what: &str| Fault::Stored(format!("a session's {what} cannot be read"));
    let opened = text(&office.vault, purpose::NAME, sealed)?;
    let holder: Sealed = serde_json::from_str(&opened)?;
    Ok(Some(Holder {
        uscc: Uscc::parse(uscc).map_err(|_| stored("credit code"))?,
        role: if role == Role::LegalRepresentative as i16 {
            Role::LegalRepresentative
        } else {
            Role::Authorised
        },
        name: PersonName::parse(&holder.name).map_err(|_| stored("holder"))?,
        phone: Phone::parse(&holder.phone).map_err(|_| stored("holder's phone"))?,
    }))
}

/// A holder whose employer has just been given its account goes on as its clerk: the session of the holder ends, another begins with the
/// same end.
///
/// # Errors
/// As [`log_in`].
pub async fn go_on(office: &Office, session: &Session, device: &str) -> Result<String> {
    let holder = holder_of(office, session)?.ok_or_else(not_good)?;
    let licence = Licence {
        uscc: holder.uscc,
        role: holder.role,
        name: holder.name,
        id_no: String::new(),
        phone: holder.phone,
        powers: vec![POWER.to_owned()],
        until: session.expires_at,
    };
    let token = log_in(office, &licence, device).await?;
    session::end(
        office,
        session.audience,
        session.subject_id,
        session.session_id,
    )
    .await?;
    Ok(token)
}

/// Ends every session that a licence of this credit code opened: it was revoked.
pub async fn revoke(office: &Office, conn: &mut PgConnection, uscc: &str) -> Result<u64> {
    let ended = sqlx::query(
        "UPDATE session SET ended_at = $3 WHERE centre_id = $1 AND uscc = $2 AND ended_at IS NULL",
    )
    .bind(office.centre.id)
    .bind(uscc)
    .bind(office.now())
    .execute(conn)
    .await?;
    Ok(ended.rows_affected())
}
