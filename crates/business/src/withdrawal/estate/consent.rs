//! 网上逐人确认 (DTH-03): heirs who apply online sign no paper before a teller; each of the others says with his own login whether the shares are
//! as agreed, and names his card. They are asked when nothing but their word is missing and the applicant has shown that he is an heir; until
//! the last day for papers the case waits, one refusal ends it.

use anju_casework::case::{self, Case};
use anju_casework::catalogue::Request;
use anju_casework::person::Person;
use anju_casework::{Actor, Office, PgConnection, Refusal, Result, outbox};
use anju_domain::id_number::IdNumber;
use anju_policy::Decision;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::FromRow;

use super::OTHERS;

/// The fact that tells what they said.
pub const FACT: &str = "own.estate_consent";

/// States of what an heir was asked.
pub mod state {
    /// 等确认.
    pub const ASKED: i16 = 1;
    /// 已同意.
    pub const AGREED: i16 = 2;
    /// 不同意.
    pub const REFUSED: i16 = 3;
}

/// What an heir is asked.
#[derive(Debug, Clone, FromRow)]
pub struct Asked {
    /// The case of the applicant.
    pub case_id: i64,
    /// The heir's place in its form.
    pub place: i16,
    /// His share of ten thousand.
    pub share_bp: i32,
    /// See [`state`].
    pub state: i16,
    /// When he was asked.
    pub asked_at: DateTime<Utc>,
    /// When he answered.
    pub answered_at: Option<DateTime<Utc>>,
}

/// Whether the heirs of a request agree online: by agreement, and not before a teller.
#[must_use]
pub fn is_online(request: &Request) -> bool {
    !request.at_counter() && request.text("basis") == Some("agreement")
}

/// The other heirs of a form who are to answer: place, ID number, share. A child whose part the applicant takes as guardian is not asked.
fn others(request: &Request) -> Vec<(i16, String, i32)> {
    OTHERS
        .filter_map(|place| {
            let field = |name: &str| format!("heir_{place}_{name}");
            let number = request.text(&field("id_no"))?;
            if request.form.get(&field("by_guardian")) == Some(&true.into()) {
                return None;
            }
            let share = request.form.get(&field("share_bp")).and_then(Value::as_i64);
            Some((
                i16::try_from(place).ok()?,
                anju_domain::text::normalise(number).to_uppercase(),
                i32::try_from(share.unwrap_or(0)).ok()?,
            ))
        })
        .collect()
}

fn index_of(office: &Office, number: &str) -> Vec<u8> {
    office.vault.token_of("estate-heir", number.as_bytes())[..16].to_vec()
}

/// What they have said so far: nothing that could be decided on until all have answered, or one has refused.
pub(super) async fn read(
    office: &Office,
    conn: &mut PgConnection,
    request: &Request,
) -> Result<Option<Value>> {
    if !is_online(request) {
        return Ok(None);
    }
    let wanted = others(request).len();
    let (agreed, refused): (i64, i64) = sqlx::query_as(
        "SELECT count(*) FILTER (WHERE state = 2), count(*) FILTER (WHERE state = 3)
           FROM estate_consent WHERE centre_id = $1 AND case_id = $2",
    )
    .bind(office.centre.id)
    .bind(request.case_id.unwrap_or(0))
    .fetch_one(conn)
    .await?;
    Ok(match usize::try_from(agreed) {
        _ if refused > 0 => Some(json!({ "agreed": false })),
        Ok(agreed) if agreed == wanted => Some(json!({ "agreed": true })),
        _ => None,
    })
}

/// Whether a decision waits for the other heirs.
#[must_use]
pub fn is_wanted(decision: &Decision) -> bool {
    decision
        .papers
        .iter()
        .flat_map(|paper| &paper.facts)
        .any(|fact| fact.fact_type == FACT)
}

/// Asks the other heirs of a case that waits for them; who was asked is not asked again. Whoever the centre knows is told on his phone.
pub async fn ask(office: &Office, case: &Case, request: &Request) -> Result<usize> {
    let others = others(request);
    let mut tx = office.pool.begin().await?;
    let new: Vec<i16> = sqlx::query_scalar(
        "INSERT INTO estate_consent (centre_id, case_id, place, heir_index, share_bp, asked_at)
         SELECT $1, $2, heir.*, $6
           FROM unnest($3::smallint[], $4::bytea[], $5::integer[]) AS heir
          WHERE EXISTS (SELECT FROM business_case WHERE centre_id = $1 AND case_id = $2 AND state = 2)
             ON CONFLICT DO NOTHING
         RETURNING place",
    )
    .bind(office.centre.id)
    .bind(case.case_id)
    .bind(others.iter().map(|one| one.0).collect::<Vec<_>>())
    .bind(
        others
            .iter()
            .map(|one| index_of(office, &one.1))
            .collect::<Vec<_>>(),
    )
    .bind(others.iter().map(|one| one.2).collect::<Vec<_>>())
    .bind(office.now())
    .fetch_all(&mut *tx)
    .await?;
    if new.is_empty() {
        return Ok(0);
    }
    let detail = json!({ "places": new });
    let (case_id, steps) = (case.case_id, ["heirs_asked"]);
    case::add_event(office, &mut tx, case_id, Actor::System, &steps, detail).await?;
    let mut known = Vec::new();
    for (place, number, _) in &others {
        if new.contains(place)
            && let Ok(number) = IdNumber::parse(number)
            && let Some(person_id) =
                anju_casework::person::holder_of(office, &mut *tx, &number).await?
        {
            known.push(person_id);
        }
    }
    let text =
        "【公积金】有人申请继承提取，请您确认自己的份额：登录后在“我的”里的“继承份额确认”办理。";
    let texts = vec![text.to_owned(); known.len()];
    outbox::tell_people(office, &mut tx, case_id, &known, &texts).await?;
    tx.commit().await?;
    office.changed_with_messages(case_id);
    Ok(new.len())
}

/// What a person is or was asked, newest first; of cases that still wait, and of those that he answered.
pub async fn of_heir(office: &Office, heir: &Person, limit: i64) -> Result<Vec<Asked>> {
    Ok(sqlx::query_as(
        "SELECT e.case_id, e.place, e.share_bp, e.state, e.asked_at, e.answered_at
           FROM estate_consent e
           JOIN business_case c ON c.centre_id = e.centre_id AND c.case_id = e.case_id AND (c.state = 2 OR e.state <> 1)
          WHERE e.centre_id = $1 AND e.heir_index = $2 ORDER BY e.case_id DESC LIMIT $3",
    )
    .bind(office.centre.id)
    .bind(index_of(office, heir.id_number.expose()))
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// What a person is asked in one case.
///
/// # Errors
/// 404 where he is none of its heirs, or it ended before he answered.
pub async fn require(office: &Office, heir: &Person, case_id: i64) -> Result<Asked> {
    sqlx::query_as(
        "SELECT e.case_id, e.place, e.share_bp, e.state, e.asked_at, e.answered_at
           FROM estate_consent e
           JOIN business_case c ON c.centre_id = e.centre_id AND c.case_id = e.case_id AND (c.state = 2 OR e.state <> 1)
          WHERE e.centre_id = $1 AND e.case_id = $3 AND e.heir_index = $2",
    )
    .bind(office.centre.id)
    .bind(index_of(office, heir.id_number.expose()))
    .bind(case_id)
    .fetch_optional(&office.pool)
    .await?
    .ok_or_else(|| Refusal::not_found("这份继承确认").into())
}

/// What everybody was asked in a case, by place.
pub async fn of_case(office: &Office, case_id: i64) -> Result<Vec<Asked>> {
    Ok(sqlx::query_as(
        "SELECT case_id, place, share_bp, state, asked_at, answered_at
           FROM estate_consent WHERE centre_id = $1 AND case_id = $2 ORDER BY place",
    )
    .bind(office.centre.id)
    .bind(case_id)
    .fetch_all(&office.pool)
    .await?)
}

/// An heir's word: with a card he agrees to be paid his share to it (none where his share is nothing), or he does not agree. The card was verified
/// as his own. The last word makes the case due.
///
/// # Errors
/// 409 `E-CASE-02` where he has answered, or the case does not wait any more.
pub async fn answer(
    office: &Office,
    heir: &Person,
    asked: &Asked,
    agrees: bool,
    card_no: Option<&str>,
) -> Result<()> {
    let mut tx = office.pool.begin().await?;
    let said = sqlx::query(
        "UPDATE estate_consent SET state = $4, person_id = $5, answered_at = $6
          WHERE centre_id = $1 AND case_id = $2 AND place = $3 AND state = 1",
    )
    .bind(office.centre.id)
    .bind(asked.case_id)
    .bind(asked.place)
    .bind(if agrees {
        state::AGREED
    } else {
        state::REFUSED
    })
    .bind(heir.person_id)
    .bind(office.now())
    .execute(&mut *tx)
    .await?;
    let mut more = serde_json::Map::new();
    if let Some(card_no) = card_no.filter(|_| agrees) {
        let field = format!("heir_{}_card_no", asked.place);
        more.insert(field, case::seal_card(office, card_no));
    }
    let due = sqlx::query(
        "UPDATE business_case c SET form = form || $3, version = version + 1,
                next_try_at = CASE WHEN $4 OR NOT EXISTS (SELECT FROM estate_consent e WHERE e.centre_id = $1 AND e.case_id = $2 AND e.state = 1)
                                   THEN $5 ELSE next_try_at END
          WHERE c.centre_id = $1 AND c.case_id = $2 AND c.state = 2",
    )
    .bind(office.centre.id)
    .bind(asked.case_id)
    .bind(Value::Object(more))
    .bind(!agrees)
    .bind(office.now())
    .execute(&mut *tx)
    .await?;
    if said.rows_affected() != 1 || due.rows_affected() != 1 {
        let detail = "这份确认已经答复过，或者这件申请已经结束，不用再确认。";
        return Err(Refusal::new(409, "E-CASE-02", detail).into());
    }
    let step = if agrees {
        "heir_agreed"
    } else {
        "heir_refused"
    };
    let detail = json!({ "place": asked.place, "share_bp": asked.share_bp });
    let (case_id, actor) = (asked.case_id, Actor::Person(heir.person_id));
    case::add_event(office, &mut tx, case_id, actor, &[step], detail).await?;
    tx.commit().await?;
    office.changed(case_id);
    Ok(())
}
