//! The joint card (联名卡关联, 个人联名卡变更, contribution.md §14). Invariant: a card is a person's only while UnionPay, and the issuing
//! bank where it is one of ours, say so; a case that is paying keeps the card that it has, since it stands in its own form.

use std::sync::Arc;

use anju_casework::catalogue::{Approved, Carried, OwnBooks, Request, Service};
use anju_casework::person::{self, Person};
use anju_casework::person_data::{self, Act, Change, What};
use anju_casework::{Error, Fault, Office, Refusal, Result, case};
use anju_domain::card::CardNumber;
use anju_domain::phone::Phone;
use chrono::TimeDelta;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::card_batch::{self, Cards};
use crate::policy::Rules;

/// The services of a person's card.
pub struct CardChange {
    id: String,
    /// Who is asked about the cards of a list; none where the service takes no list.
    cards: Option<Arc<dyn Cards>>,
}

impl CardChange {
    /// The service of a definition with effect `change_card`.
    pub fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            cards: None,
        }
    }

    /// The service of a definition with effect `link_card`, which an employer's clerk may use for many at once.
    pub fn with_lists(id: &str, cards: &Arc<dyn Cards>) -> Self {
        Self {
            id: id.to_owned(),
            cards: Some(cards.clone()),
        }
    }

    async fn keep(
        office: &Office,
        tx: &mut PgConnection,
        approved: Approved<'_>,
    ) -> Result<Carried> {
        let card = CardNumber::parse(approved.request.text("card_no").unwrap_or_default())
            .map_err(|error| Fault::Stored(format!("an approved card: {error}")))?;
        let bank = approved
            .facts
            .get("applicant", "unionpay.card_auth")
            .and_then(|fact| fact.value.get("bank"))
            .and_then(Value::as_str)
            .map(str::to_owned);
        let act = super::act(office, tx, &approved).await?;
        let holder = super::held(office, tx, approved.request.applicant_id).await?;
        put(office, tx, &holder, &card, bank.as_deref(), act).await?;
        Ok(Carried {
            step: "changed",
            detail: json!({ "changed": [What::Card.code()], "tail": card.tail4() }),
            done: true,
        })
    }
}

/// Keeps a verified card of a person whose row is held, and tells his phone, and the one that it replaced not long ago.
pub(super) async fn put(
    office: &Office,
    tx: &mut PgConnection,
    holder: &Person,
    card: &CardNumber,
    bank: Option<&str>,
    act: Act<'_>,
) -> Result<()> {
    let named = bank.map(|code| bank_name(office, code));
    person::put_card(
        office,
        tx,
        holder.person_id,
        card,
        named.as_deref().unwrap_or("其他银行"),
    )
    .await?;
    if holder.card.as_ref() != Some(card) {
        let change = Change {
            person_id: holder.person_id,
            what: What::Card,
            before: holder.card.as_ref().map(CardNumber::expose),
            after: card.expose(),
        };
        person_data::note(office, tx, &change, act).await?;
    }
    let text = format!(
        "【公积金】您收公积金的卡已登记为尾号 {}。不是您本人办的，请马上拨打 12329。",
        card.tail4()
    );
    let days = Rules::on(office, office.today()).int("security_old_phone_notice_days")?;
    let since = office.now() - TimeDelta::days(days);
    let replaced =
        person_data::phone_replaced_since(office, &mut *tx, holder.person_id, since).await?;
    let phones: [Option<&Phone>; 2] = [holder.phone.as_ref(), replaced.as_ref()];
    for phone in phones.into_iter().flatten() {
        super::tell(office, tx, act.case_id, phone, &text).await?;
    }
    Ok(())
}

/// A bank as a person knows it.
fn bank_name(office: &Office, code: &str) -> String {
    office
        .banks
        .iter()
        .find(|bank| bank.bank == code)
        .map_or_else(|| code.to_owned(), |bank| bank.bank_name.clone())
}

impl Service for CardChange {
    fn id(&self) -> &str {
        &self.id
    }

    fn own_books<'a>(
        &'a self,
        office: &'a Office,
        conn: &'a mut PgConnection,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<OwnBooks>> {
        super::own_books(office, conn, request).boxed()
    }

    fn carries_out(&self) -> bool {
        true
    }

    fn carry_out<'a>(
        &'a self,
        office: &'a Office,
        tx: &'a mut PgConnection,
        approved: Approved<'a>,
    ) -> BoxFuture<'a, Result<Carried>> {
        Self::keep(office, tx, approved).boxed()
    }

    /// A list goes its own way, all or nothing; one person's card goes the way of facts and decision.
    fn begin<'a>(
        &'a self,
        office: &'a Office,
        submission: &'a case::Submission,
    ) -> Option<BoxFuture<'a, Result<i64>>> {
        let form = &submission.request.form;
        match &self.cards {
            Some(cards) if form.contains_key("roster") => {
                Some(card_batch::link(office, cards, &self.id, submission).boxed())
            }
            Some(_) if submission.request.text("card_no").is_none() => {
                let nothing = Refusal::rule("E-FORM-01", "请填写银行卡号。").at("card_no");
                Some(async { Err(Error::from(nothing)) }.boxed())
            }
            _ => None,
        }
    }
}
