//! Any withdrawal that pays out (effect `pay_out`): conditions and amount are policy, also for a service that is policy alone.

use std::sync::Arc;

use anju_policy::fact::At;
use anju_policy::{Decision, Facts, Form, PolicySet};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;
use sqlx::PgConnection;

use anju_casework::catalogue::{Effect, EventUse, Known, OwnBooks, Request, Service};
use anju_casework::{Fault, Office, Result};

use super::own_books::{self, Trays};

/// A withdrawal service.
pub struct Withdrawal {
    id: String,
    kind: String,
    trays: Arc<Trays>,
}

impl Withdrawal {
    /// The withdrawal of a definition with effect `pay_out`.
    pub fn new(id: &str, kind: &str, trays: Arc<Trays>) -> Self {
        Self {
            id: id.to_owned(),
            kind: kind.to_owned(),
            trays,
        }
    }
}

impl Service for Withdrawal {
    fn id(&self) -> &str {
        &self.id
    }

    fn own_books<'a>(
        &'a self,
        office: &'a Office,
        conn: &'a mut PgConnection,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<OwnBooks>> {
        own_books::read(office, conn, request).boxed()
    }

    fn own_books_beside<'a>(
        &'a self,
        office: &'a Office,
        conn: &'a mut PgConnection,
        request: &'a Request,
        books: &'a OwnBooks,
    ) -> BoxFuture<'a, Result<OwnBooks>> {
        own_books::for_another(office, conn, request, books).boxed()
    }

    fn related_books<'a>(
        &'a self,
        office: &'a Office,
        conn: &'a mut PgConnection,
        request: &'a Request,
        known: &'a Known,
        own: &'a mut OwnBooks,
    ) -> BoxFuture<'a, Result<()>> {
        own_books::read_related(office, conn, request, known, own).boxed()
    }

    fn own_books_together<'a>(
        &'a self,
        office: &'a Office,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<OwnBooks>> {
        own_books::read_together(office, &self.trays, request).boxed()
    }

    fn related_books_together<'a>(
        &'a self,
        office: &'a Office,
        request: &'a Request,
        known: &'a Known,
        own: &'a mut OwnBooks,
    ) -> BoxFuture<'a, Result<()>> {
        own_books::read_related_together(office, &self.trays, request, known, own).boxed()
    }

    fn effect<'a>(
        &'a self,
        _office: &'a Office,
        _request: &'a Request,
        _facts: &'a Facts,
        decision: &'a Decision,
        own: &'a OwnBooks,
    ) -> BoxFuture<'a, Result<Effect>> {
        async move {
            let amount_fen = decision
                .amount_fen
                .filter(|fen| *fen > 0)
                .ok_or_else(|| Fault::Policy(format!("{} approved without an amount", self.id)))?;
            let membership = own
                .membership
                .as_ref()
                .ok_or_else(|| Fault::Stored("a payment without an account".to_owned()))?;
            let event = own.event.clone();
            Ok(Effect::PayOut {
                amount_fen,
                subsidy_fen: decision.subsidy_fen.unwrap_or(0),
                bank: membership.bank.clone(),
                event: EventUse {
                    kind: own.claim_kind.clone().unwrap_or_else(|| self.kind.clone()),
                    event_version: event.as_ref().map_or(0, |(_, version)| *version),
                    event_key: event.map(|(key, _)| key),
                    months: decision
                        .months
                        .iter()
                        .map(|used| used.month.index())
                        .collect(),
                    amounts: decision.months.iter().map(|used| used.fen).collect(),
                },
            })
        }
        .boxed()
    }
}

/// Where else our own books must be read, as the facts so far tell it, and the kind of the withdrawal.
pub fn known(
    office: &Office,
    policy: &PolicySet,
    request: &Request,
    facts: &Facts,
    own: &OwnBooks,
    at: At,
) -> Result<(Known, Option<String>)> {
    let sealed = facts
        .get("applicant", "civil.marriage")
        .and_then(|fact| fact.value.get("spouse")?.get("id_sealed")?.as_str());
    let spouse_id = match sealed {
        Some(sealed) => Some(anju_casework::fact::open_id(office, sealed)?),
        None => None,
    };
    let personal = policy.claims_person(&request.service);
    let with_people = personal.then(|| form_with_people(policy, request, own));
    let form = with_people.as_ref().unwrap_or(&request.form);
    let (kind, event_key) = policy
        .claim(&request.service, facts, form, at)
        .map_err(|error| Fault::Policy(error.to_string()))?;
    let event_key = event_key.map(|key| {
        if personal {
            digest_of(office, &key)
        } else {
            key
        }
    });
    let known = Known {
        spouse_id,
        event_key,
    };
    Ok((known, kind))
}

/// The form with the applicant's number where it names nobody: what he claims for himself meets what his relatives claim for him.
fn form_with_people(policy: &PolicySet, request: &Request, own: &OwnBooks) -> Form {
    let mut form = request.form.clone();
    let (Some(service), Some(person)) = (policy.service(&request.service), &own.person) else {
        return form;
    };
    for need in &service.facts {
        let field = format!("{}_id_no", need.role);
        let named = service.inputs.iter().any(|input| input.name == field);
        if named && request.text(&field).is_none() {
            form.insert(field, person.id_number.expose().into());
        }
    }
    form
}

/// A claimed object that holds an ID number, as the ledger of events keeps it: the prefix and a keyed digest of the rest.
fn digest_of(office: &Office, key: &str) -> String {
    let (prefix, object) = key.split_once(':').unwrap_or(("", key));
    let digest = office.vault.token_of("event-key", object.as_bytes());
    format!("{prefix}:{}", hex::encode(&digest[..16]))
}

/// The form as services read it: cleaned card number, empty fields dropped.
pub fn clean_form(form: &Form) -> Form {
    form.iter()
        .filter(|(_, value)| {
            !value.is_null() && value.as_str().is_none_or(|text| !text.trim().is_empty())
        })
        .map(|(field, value)| {
            let cleaned = match value.as_str() {
                Some(text) if field == "card_no" || field.ends_with("_card_no") => Value::String(
                    anju_domain::text::normalise(text)
                        .chars()
                        .filter(|c| !c.is_whitespace() && *c != '-')
                        .collect(),
                ),
                Some(text) => Value::String(text.trim().to_owned()),
                None => value.clone(),
            };
            (field.clone(), cleaned)
        })
        .collect()
}
