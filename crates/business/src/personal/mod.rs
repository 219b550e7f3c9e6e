//! What a person keeps of himself: phone, joint card, personal data (个人业务, contribution.md §14, services.md §9). Invariant: what was
//! there before is kept, and whoever may have lost something by a change is told. Start with `phone.rs`.

pub mod card;
pub mod card_batch;
pub mod data;
pub mod phone;

use anju_casework::catalogue::{Approved, OwnBooks, Request};
use anju_casework::person::{self, Person};
use anju_casework::person_data::Act;
use anju_casework::{Actor, Office, Refusal, Result, outbox, session};
use anju_domain::phone::Phone;
use anju_policy::Fact;
use serde_json::json;
use sqlx::PgConnection;

/// What our books know of a person who keeps his own data: himself, and how he proved to be it.
async fn own_books(
    office: &Office,
    conn: &mut PgConnection,
    request: &Request,
) -> Result<OwnBooks> {
    let person = person::get_by(office, conn, request.applicant_id)
        .await?
        .ok_or_else(|| Refusal::not_found("这位职工"))?;
    let value = json!({
        "face_passed": request.face_passed || request.at_counter(),
        "mobile_changed_at": person.phone_changed_at,
        "first_registration": person.phone_changed_at.is_none(),
        "counter": request.at_counter(),
        "has_card": person.card.is_some(),
    });
    Ok(OwnBooks {
        facts: vec![Fact::own(
            office.now(),
            "applicant",
            "本人",
            "own.person",
            Some(value),
        )],
        person: Some(person),
        ..OwnBooks::default()
    })
}

/// By whom and where an approved case was asked for; where a reviewer said yes, it stands with him in the case.
async fn act<'a>(
    office: &Office,
    conn: &mut PgConnection,
    approved: &Approved<'a>,
) -> Result<Act<'a>> {
    let (actor_id, served_by): (i64, Option<i64>) = sqlx::query_as(
        "SELECT e.actor_id, c.served_by
           FROM business_case c JOIN case_event e USING (centre_id, case_id)
          WHERE c.centre_id = $1 AND c.case_id = $2 AND e.seq = 1",
    )
    .bind(office.centre.id)
    .bind(approved.case_id)
    .fetch_one(conn)
    .await?;
    let actor = match (served_by, actor_id) {
        (Some(teller), _) => Actor::Staff(teller),
        (None, person) if person > 0 => Actor::Person(person),
        (None, _) => Actor::Interface,
    };
    Ok(Act {
        case_id: approved.case_id,
        actor,
        channel: &approved.request.channel,
    })
}

/// Tells a phone about a case, in the transaction that changed something.
pub(crate) async fn tell(
    office: &Office,
    tx: &mut PgConnection,
    case_id: i64,
    phone: &Phone,
    text: &str,
) -> Result<()> {
    let payload = session::told(office, phone, text);
    let sms = outbox::kind::SMS;
    outbox::enqueue(office, tx, sms, Some(case_id), payload, office.now()).await?;
    Ok(())
}

/// The person whose row is held until the transaction ends.
async fn held(office: &Office, tx: &mut PgConnection, person_id: i64) -> Result<Person> {
    person::lock(office, tx, person_id)
        .await?
        .ok_or_else(|| Refusal::not_found("这位职工").into())
}
