//! What centres say to each other about a letter: drawn when it is sent, taken once when it comes.

use anju_casework::inbox::{self, Arrival};
use anju_casework::outbox::{self, kind};
use anju_casework::{Fault, Office, Result, person};
use anju_domain::clock::shanghai_date;
use anju_wire::platform::{Body, Information, Letter as ContactLetter, Message, PayTo, Progress};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::letter::{self, Letter, Side};
use super::{incoming, outgoing, own_centre};

/// Where messages of the platform are kept in the inbox.
const ORIGIN: &str = "nhpf";

/// Puts a message into the change that causes it. The contact letter itself is drawn when it is sent: it names the person.
pub(super) async fn say(
    office: &Office,
    conn: &mut PgConnection,
    letter: &Letter,
    body: &Body,
) -> Result<()> {
    let case_id = letter.person_id.map(|_| letter.letter_id);
    let payload = json!({
        "letter": letter.letter_id,
        "to": letter.other_centre,
        "letter_no": letter.letter_no,
        "body": body,
    });
    outbox::enqueue(office, conn, kind::PLATFORM, case_id, payload, office.now()).await?;
    Ok(())
}

/// The same for the contact letter.
pub(super) async fn say_letter(
    office: &Office,
    conn: &mut PgConnection,
    letter_id: i64,
    to: &str,
    letter_no: &str,
    from_account: Option<&str>,
) -> Result<()> {
    let payload = json!({ "letter": letter_id, "to": to, "letter_no": letter_no, "from_account": from_account });
    outbox::enqueue(
        office,
        conn,
        kind::PLATFORM,
        Some(letter_id),
        payload,
        office.now(),
    )
    .await?;
    Ok(())
}

/// The message of an outbox row. The same row gives the same number, so that the platform takes it once.
pub async fn draw(office: &Office, outbox_id: i64, payload: &Value) -> Result<Message> {
    let lacks = |what: &str| Fault::Stored(format!("a message to the platform has no {what}"));
    let text = |field: &str| payload.get(field).and_then(Value::as_str);
    let body = match payload.get("body") {
        Some(body) => serde_json::from_value(body.clone())?,
        None => {
            let letter_id = payload
                .get("letter")
                .and_then(Value::as_i64)
                .ok_or_else(|| lacks("letter"))?;
            Body::Letter(contact_letter(office, letter_id, text("from_account")).await?)
        }
    };
    let own = own_centre(office)?;
    Ok(Message {
        message_id: format!("{own}-{outbox_id}"),
        from: own,
        to: text("to").ok_or_else(|| lacks("receiver"))?.to_owned(),
        letter_no: text("letter_no").ok_or_else(|| lacks("number"))?.to_owned(),
        sent_at: office.now(),
        body,
    })
}

async fn contact_letter(
    office: &Office,
    letter_id: i64,
    from_account: Option<&str>,
) -> Result<ContactLetter> {
    let missing = |what: &str| Fault::Stored(format!("a contact letter without {what}"));
    let letter = letter::get(office, letter_id)
        .await?
        .ok_or_else(|| missing("its row"))?;
    let person = match letter.person_id {
        Some(person_id) => person::get(office, person_id).await?,
        None => None,
    }
    .ok_or_else(|| missing("a person"))?;
    let bank = office.bank(letter.receipt_bank.as_deref().unwrap_or_default())?;
    Ok(ContactLetter {
        name: person.name.expose().to_owned(),
        id_no: person.id_number.expose().to_owned(),
        account_no: from_account.map(str::to_owned),
        centre_name: office.centre.name.clone(),
        pay_to: PayTo {
            account_no: bank.account_no.clone(),
            holder: bank.holder.clone(),
            bank_name: bank.bank_name.clone(),
        },
        applied_on: shanghai_date(letter.applied_at),
    })
}

/// The platform has taken a message: of a contact letter this is noted on the letter.
pub async fn handed(office: &Office, payload: &Value) -> Result<()> {
    if payload.get("body").is_none() {
        sqlx::query(
            "UPDATE transfer_letter SET handed_at = $3 WHERE centre_id = $1 AND letter_id = $2 AND handed_at IS NULL",
        )
        .bind(office.centre.id)
        .bind(payload.get("letter").and_then(Value::as_i64))
        .bind(office.now())
        .execute(&office.pool)
        .await?;
    }
    Ok(())
}

/// The platform's name of the centre that a contact letter goes to.
pub async fn named(office: &Office, payload: &Value, name: &str) -> Result<()> {
    sqlx::query(
        "UPDATE transfer_letter SET other_name = $3 WHERE centre_id = $1 AND letter_id = $2",
    )
    .bind(office.centre.id)
    .bind(payload.get("letter").and_then(Value::as_i64))
    .bind(name)
    .execute(&office.pool)
    .await?;
    Ok(())
}

/// Takes a message of another centre, once by its number.
pub async fn receive(office: &Office, message: &Message) -> Result<Arrival> {
    let side = match &message.body {
        Body::Letter(letter) => return outgoing::take_letter(office, message, letter).await,
        Body::Cancel | Body::Progress(Progress::Asked) => Side::Out,
        Body::Progress(_) | Body::Information(Information::Sheet(_)) => Side::In,
        Body::Information(_) => Side::Out,
    };
    let mut tx = office.pool.begin().await?;
    if take(office, &mut tx, message).await? == Arrival::Repeat {
        return Ok(Arrival::Repeat);
    }
    let moved = with(office, &mut tx, side, message).await?;
    tx.commit().await?;
    match moved {
        Some(letter_id) => office.changed_with_messages(letter_id),
        None => office.wake.notify_one(),
    }
    Ok(Arrival::New)
}

/// Notes a message by its sender and number.
pub(super) async fn take(
    office: &Office,
    tx: &mut PgConnection,
    message: &Message,
) -> Result<Arrival> {
    inbox::take(
        office,
        tx,
        ORIGIN,
        &format!("{}:{}", message.from, message.message_id),
        "message",
        office.today(),
        0,
        Some(&message.letter_no),
        None,
    )
    .await
}

/// Gives a message to the side that it is for. What names a letter that is not ours, or of another centre, changes nothing.
async fn with(
    office: &Office,
    tx: &mut PgConnection,
    side: Side,
    message: &Message,
) -> Result<Option<i64>> {
    let letter = letter::lock_by_no(office, tx, side, &message.letter_no).await?;
    let Some(letter) = letter.filter(|letter| letter.other_centre == message.from) else {
        tracing::warn!(
            letter = message.letter_no,
            from = message.from,
            "a message about a letter that is not between us"
        );
        return Ok(None);
    };
    match side {
        Side::In => incoming::hear(office, tx, &letter, &message.body).await?,
        Side::Out => outgoing::hear(office, tx, &letter, &message.body).await?,
    }
    Ok(letter.person_id.map(|_| letter.letter_id))
}
