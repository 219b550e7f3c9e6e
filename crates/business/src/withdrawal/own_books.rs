//! What our own books know of a person who asks for a withdrawal, read in one round trip, as facts of source `own`.

use anju_domain::calendar::Month;
use anju_policy::fact::Fact;
use anju_vault::NumberKind;
use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use futures::FutureExt;
use serde_json::{Value, json};
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};

use anju_casework::catalogue::{AccountRead, Known, LiveCase, OwnBooks, Request};
use anju_casework::membership::{self, Membership};
use anju_casework::person::{Person, PersonRow, purpose};
use anju_casework::tray::Tray;
use anju_casework::{Fault, Office, Refusal, Result, case};

use super::short_stay;
use crate::policy::Rules;

/// What one query brings.
#[derive(FromRow)]
pub(crate) struct Read {
    place: i64,
    #[sqlx(flatten)]
    person: PersonRow,
    membership: Option<Json<Membership>>,
    account: Option<Json<AccountColumns>>,
    subsidy: Option<Json<AccountColumns>>,
    open_date: NaiveDate,
    months: Vec<i32>,
    first_month: Option<i32>,
    live: Json<Vec<LiveCase>>,
    uses: Json<Vec<UseRow>>,
    listed_until: Option<NaiveDate>,
    remote_mark: bool,
    transferring_out: bool,
    device_people: i64,
    address_people: i64,
    card_people: i64,
    phone_people: i64,
}

/// What the query about spouse and event brings.
#[derive(FromRow)]
pub(crate) struct Related {
    place: i64,
    spouse_id: Option<i64>,
    spouse_uses: Json<Vec<UseRow>>,
    event_uses: Json<Vec<EventRow>>,
    event_version: Option<i32>,
    agreement: bool,
}

#[derive(serde::Deserialize)]
struct AccountColumns {
    account_id: i64,
    balance_fen: i64,
    frozen_fen: i64,
    reserved_fen: i64,
    product_date: NaiveDate,
    settled_on: NaiveDate,
    version: i32,
    state: i16,
    whole_freeze: bool,
}

/// One use of an event (提取事项台账).
#[derive(serde::Deserialize)]
struct UseRow {
    kind: String,
    months: Vec<i32>,
    used_on: NaiveDate,
}

/// One use of the shared event, by whomever.
#[derive(serde::Deserialize)]
struct EventRow {
    kind: String,
    months: Vec<i32>,
    amounts: Vec<i64>,
    amount_fen: i64,
    used_on: NaiveDate,
    mine: bool,
    /// By the person or the spouse.
    family: bool,
}

/// Kinds of withdrawals that are for buying or paying off a home (RENT-06).
const HOME_KINDS: [&str; 4] = ["PURCHASE", "DOWNPAY", "REPAY", "REPAY_AUTO"];

/// A freeze without an amount of its own takes every fen, also later ones.
pub(crate) const WHOLE_FREEZE_FEN: i64 = 9_000_000_000_000_000;

/// Whose books are read, for what.
#[derive(Clone)]
pub(crate) struct AskedBooks {
    person_id: i64,
    /// The case that asks, which does not stand in its own way.
    case_id: Option<i64>,
    /// Keyed indexes of the card of the form.
    cards: Vec<String>,
}

/// Where else: the person, the blind indexes of the spouse's ID number, and the key of the shared event.
pub(crate) type AskedRelated = (i64, Vec<Vec<u8>>, Option<String>);

/// Where those who ask at one moment meet.
pub struct Trays {
    books: Tray<AskedBooks, Option<Read>>,
    related: Tray<AskedRelated, Related>,
}

impl Default for Trays {
    fn default() -> Self {
        Self {
            books: Tray::new(|office, asked| {
                async move {
                    let mut conn = office.pool.acquire().await?;
                    read_all(&office, &mut conn, &asked).await
                }
                .boxed()
            }),
            related: Tray::new(|office, asked| {
                async move {
                    let mut conn = office.pool.acquire().await?;
                    read_all_related(&office, &mut conn, &asked).await
                }
                .boxed()
            }),
        }
    }
}

/// Reads the books of several people with one statement: an answer for each, in order.
async fn read_all(
    office: &Office,
    conn: &mut PgConnection,
    asked: &[AskedBooks],
) -> Result<Vec<Option<Read>>> {
    let rules = Rules::on(office, office.today());
    let shared_since = office.now() - TimeDelta::days(rules.int("fraud_shared_days")?);
    let cards: Vec<(i64, &str)> = asked
        .iter()
        .zip(1_i64..)
        .flat_map(|(one, place)| one.cards.iter().map(move |index| (place, index.as_str())))
        .collect();
    let rows: Vec<Read> = sqlx::query_as(include_str!("sql/own_books.sql"))
        .bind(office.centre.id)
        .bind(asked.iter().map(|one| one.person_id).collect::<Vec<_>>())
        .bind(asked.iter().map(|one| one.case_id).collect::<Vec<_>>())
        .bind(office.today())
        .bind(WHOLE_FREEZE_FEN)
        .bind(rules.flag("backpay_counts_for_continuity")?)
        .bind(rules.flag("defer_keeps_continuity")?)
        .bind(rules.flag("rt_months_count_for_continuity")?)
        .bind(shared_since)
        .bind(cards.iter().map(|one| one.0).collect::<Vec<_>>())
        .bind(cards.iter().map(|one| one.1).collect::<Vec<_>>())
        .fetch_all(conn)
        .await?;
    Ok(in_order(rows, |row| row.place, asked.len()))
}

async fn read_all_related(
    office: &Office,
    conn: &mut PgConnection,
    asked: &[AskedRelated],
) -> Result<Vec<Related>> {
    let spouses: Vec<(i64, &[u8])> = asked
        .iter()
        .zip(1_i64..)
        .flat_map(|((_, spouse, _), place)| {
            spouse.iter().map(move |index| (place, index.as_slice()))
        })
        .collect();
    let rows: Vec<Related> = sqlx::query_as(include_str!("sql/related_books.sql"))
        .bind(office.centre.id)
        .bind(asked.iter().map(|one| one.0).collect::<Vec<_>>())
        .bind(spouses.iter().map(|one| one.0).collect::<Vec<_>>())
        .bind(spouses.iter().map(|one| one.1).collect::<Vec<_>>())
        .bind(asked.iter().map(|one| one.2.as_deref()).collect::<Vec<_>>())
        .fetch_all(conn)
        .await?;
    in_order(rows, |row| row.place, asked.len())
        .into_iter()
        .map(|row| row.ok_or_else(|| Fault::Stored("a place without a row".to_owned()).into()))
        .collect()
}

/// Rows by their place, which counts from 1.
fn in_order<T>(rows: Vec<T>, place: fn(&T) -> i64, count: usize) -> Vec<Option<T>> {
    let mut all: Vec<Option<T>> = std::iter::repeat_with(|| None).take(count).collect();
    for row in rows {
        let at = usize::try_from(place(&row) - 1).ok();
        if let Some(one) = at.and_then(|at| all.get_mut(at)) {
            *one = Some(row);
        }
    }
    all
}

/// Reads our own books for a request.
pub async fn read(office: &Office, conn: &mut PgConnection, request: &Request) -> Result<OwnBooks> {
    let read = read_all(office, conn, &[asked_of(office, request)]).await?;
    let mut own = books_of(office, request, read.into_iter().next().flatten())?;
    if let Some(question) = short_stay::question(office, request, &own)? {
        own.facts.push(question.answer(office, conn).await?);
    }
    Ok(own)
}

/// The same, together with others who ask at this moment.
pub async fn read_together(office: &Office, trays: &Trays, request: &Request) -> Result<OwnBooks> {
    let read = trays.books.put(office, asked_of(office, request)).await?;
    let mut own = books_of(office, request, read)?;
    if let Some(question) = short_stay::question(office, request, &own)? {
        let mut conn = office.pool.acquire().await?;
        own.facts.push(question.answer(office, &mut conn).await?);
    }
    Ok(own)
}

fn asked_of(office: &Office, request: &Request) -> AskedBooks {
    AskedBooks {
        person_id: request.applicant_id,
        case_id: request.case_id,
        cards: card_indexes(office, request),
    }
}

fn books_of(office: &Office, request: &Request, read: Option<Read>) -> Result<OwnBooks> {
    let read = read.ok_or_else(|| Refusal::not_found("这位职工"))?;
    let person = read.person.open(&office.vault)?;
    let membership = read.membership.as_ref().map(|Json(one)| one.clone());
    let now = office.now();
    let mut facts = Vec::with_capacity(10);
    let mut own = |role: &str, subject: &str, fact_type: &str, value: Option<Value>| {
        facts.push(Fact::own(now, role, subject, fact_type, value));
    };
    own(
        "account",
        "本人账户",
        "own.account",
        account_value(&read, membership.as_ref()),
    );
    own(
        "account",
        "本人账户",
        "own.contribution",
        contribution_value(&read),
    );
    own(
        "applicant",
        "本人",
        "own.case",
        Some(case_value(office, &read, &request.service)),
    );
    own("applicant", "本人", "own.loan", None);
    own(
        "applicant",
        "本人",
        "own.blacklist",
        read.listed_until
            .map(|until| json!({ "listed": true, "until": until })),
    );
    own(
        "applicant",
        "本人",
        "own.person",
        Some(person_value(request, &person)),
    );
    own(
        "applicant",
        "本人",
        "own.sharing",
        Some(json!({
            "device_people": read.device_people,
            "address_people": read.address_people,
            "card_people": read.card_people,
            "phone_people": read.phone_people,
        })),
    );
    own("applicant", "本人", "own.rent", None);
    own("applicant", "本事项", "own.event", None);
    own("spouse", "配偶", "own.case", None);
    own("spouse", "配偶", "own.loan", None);
    Ok(OwnBooks {
        facts,
        account: account_read(&read, read.account.as_ref()),
        subsidy: account_read(&read, read.subsidy.as_ref()),
        person: Some(person),
        employer: None,
        membership,
        event: None,
        claim_kind: None,
        live: read.live.0,
        months: read.months.len(),
    })
}

fn account_read(read: &Read, account: Option<&Json<AccountColumns>>) -> Option<AccountRead> {
    account.map(|Json(account)| AccountRead {
        account_id: account.account_id,
        balance_fen: account.balance_fen,
        frozen_fen: account.frozen_fen,
        reserved_fen: account.reserved_fen,
        product_date: account.product_date,
        settled_on: account.settled_on,
        version: account.version,
        open_date: read.open_date,
    })
}

/// By every key that is held, the index by which the form's card is found in other cases.
fn card_indexes(office: &Office, request: &Request) -> Vec<String> {
    request.text("card_no").map_or_else(Vec::new, |card| {
        let index = office.vault.blind_index(case::CARD_OF_CASE, card);
        index.any().iter().map(hex::encode).collect()
    })
}

/// The same books for another withdrawal of the same person in the same moment: only what depends on the service is put anew.
pub async fn for_another(
    office: &Office,
    conn: &mut PgConnection,
    request: &Request,
    books: &OwnBooks,
) -> Result<OwnBooks> {
    let mut own = books.clone();
    let (live, first) = live_of(office, &own.live, &request.service);
    for fact in &mut own.facts {
        if fact.role == "applicant" && fact.fact_type == "own.case" {
            fact.value["live_same_kind"] = live.into();
            fact.value["live_case_no"] = first.clone().into();
        }
    }
    own.facts.retain(|fact| fact.fact_type != short_stay::FACT);
    if let Some(question) = short_stay::question(office, request, &own)? {
        own.facts.push(question.answer(office, conn).await?);
    }
    Ok(own)
}

/// How many live cases of a service there are, and the number of the first; where there is none, of the withdrawal that is being paid.
fn live_of(office: &Office, live: &[LiveCase], service: &str) -> (usize, Option<String>) {
    let same = || live.iter().filter(|one| one.service == service);
    let first = same()
        .next()
        .or_else(|| live.iter().find(|one| one.paying))
        .map(|one| office.numbers.encode(NumberKind::Case, one.case_id));
    (same().count(), first)
}

/// Adds what our own books know of the spouse and of the event that facts have named.
pub async fn read_related(
    office: &Office,
    conn: &mut PgConnection,
    request: &Request,
    known: &Known,
    own: &mut OwnBooks,
) -> Result<()> {
    let asked = [asked_of_related(office, request, known)];
    for related in read_all_related(office, conn, &asked).await? {
        add_related(office, known, own, &related);
    }
    Ok(())
}

/// The same, together with others who ask at this moment.
pub async fn read_related_together(
    office: &Office,
    trays: &Trays,
    request: &Request,
    known: &Known,
    own: &mut OwnBooks,
) -> Result<()> {
    let asked = asked_of_related(office, request, known);
    let related = trays.related.put(office, asked).await?;
    add_related(office, known, own, &related);
    Ok(())
}

fn asked_of_related(office: &Office, request: &Request, known: &Known) -> AskedRelated {
    let spouse = known.spouse_id.as_deref();
    (
        request.applicant_id,
        spouse.map_or_else(Vec::new, |id| {
            office.vault.blind_index(purpose::ID, id).any()
        }),
        known.event_key.clone(),
    )
}

fn add_related(office: &Office, known: &Known, own: &mut OwnBooks, related: &Related) {
    let spouse_case = related.spouse_id.map(|_| {
        json!({
            "live_same_kind": 0,
            "paying_cases": 0,
            "claimed_months": [],
            "purchase_or_repay_months": home_months(&related.spouse_uses.0),
        })
    });
    let now = office.now();
    for fact in &mut own.facts {
        match (fact.role.as_str(), fact.fact_type.as_str()) {
            ("applicant", "own.case") => {
                fact.value["lease_used"] = used_by_others(&related.event_uses.0);
            }
            ("applicant", "own.event") if known.event_key.is_some() => {
                let value = event_value(&related.event_uses.0, related.agreement, office.today());
                *fact = Fact::own(now, "applicant", "本事项", "own.event", Some(value));
            }
            ("spouse", "own.case") => {
                *fact = Fact::own(now, "spouse", "配偶", "own.case", spouse_case.clone());
            }
            _ => {}
        }
    }
    own.event = known
        .event_key
        .clone()
        .map(|key| (key, related.event_version.unwrap_or(0)));
}

fn account_value(read: &Read, membership: Option<&Membership>) -> Option<Value> {
    let Json(account) = read.account.as_ref()?;
    let membership = membership?;
    let mut value = json!({
        "state": match (account.state, membership.state) {
            (3, _) => "closed",
            (_, membership::state::SEALED) => "sealed",
            _ => "active",
        },
        "balance_fen": account.balance_fen,
        "frozen_fen": if account.whole_freeze { account.balance_fen } else { account.frozen_fen },
        "reserved_fen": account.reserved_fen,
        "whole_freeze": account.whole_freeze,
        "opened_on": membership.opened_on,
        "sealed_on": membership.sealed_on,
        // Whoever touches an account in a new interest year settles it first, so that nobody waits for the batch.
        "settling": false,
        // A certificate for a loan elsewhere is open: the loan counts on this balance.
        "remote_mark": read.remote_mark,
        "transferring_out": read.transferring_out,
        "region": membership.district,
    });
    // Most people have none, and their kept facts are as long as before.
    if let Some(Json(subsidy)) = &read.subsidy {
        let held = subsidy.frozen_fen + subsidy.reserved_fen;
        value["subsidy_fen"] = (subsidy.balance_fen - held).max(0).into();
    }
    Some(value)
}

/// Months in full without a gap up to the last one.
fn contribution_value(read: &Read) -> Option<Value> {
    let last = *read.months.first()?;
    let continuous = read
        .months
        .iter()
        .zip(0..)
        .take_while(|(month, back)| **month == last - back)
        .count();
    Some(json!({
        "continuous_months": continuous,
        "first_month": read.first_month.map(|month| Month::from_index(month).to_string()),
        "last_month": Month::from_index(last).to_string(),
    }))
}

fn case_value(office: &Office, read: &Read, service: &str) -> Value {
    let (live, first) = live_of(office, &read.live.0, service);
    let rents = || read.uses.0.iter().filter(|used| used.kind == "RENT");
    let claimed: Vec<String> = rents()
        .flat_map(|used| used.months.iter())
        .map(|month| Month::from_index(*month).to_string())
        .collect();
    json!({
        "live_same_kind": live,
        "live_case_no": first,
        "paying_cases": read.live.0.iter().filter(|one| one.paying).count(),
        "last_rent_claim_on": rents().map(|used| used.used_on).max(),
        "last_rent_month": rents().flat_map(|used| used.months.iter()).max().map(|month| Month::from_index(*month).to_string()),
        "claimed_months": claimed,
        "purchase_or_repay_months": home_months(&read.uses.0),
        "lease_used": [],
        "claims_in_year": claims_in_year(&read.uses.0, office.today()),
    })
}

/// The person's withdrawals of this calendar year, by kind.
fn claims_in_year(uses: &[UseRow], today: NaiveDate) -> Vec<Value> {
    uses.iter()
        .filter(|used| used.used_on.year() == today.year())
        .map(|used| json!({ "kind": used.kind }))
        .collect()
}

/// Every use of the shared event, paid or pending, and whether the person has an agreement about it.
fn event_value(all: &[EventRow], agreement: bool, today: NaiveDate) -> Value {
    let in_year: i64 = all
        .iter()
        .filter(|used| used.used_on.year() == today.year())
        .map(|used| used.amount_fen)
        .sum();
    let uses: Vec<Value> = all
        .iter()
        .map(|used| {
            json!({ "kind": used.kind, "amount_fen": used.amount_fen, "on": used.used_on, "mine": used.mine, "family": used.family })
        })
        .collect();
    json!({
        "uses": uses,
        "by_month": by_month(all.iter()),
        "used_in_year_fen": in_year,
        "last_mine_on": all.iter().filter(|used| used.mine).map(|used| used.used_on).max(),
        "agreement": agreement,
    })
}

/// What others have claimed of the event, by month.
fn used_by_others(uses: &[EventRow]) -> Value {
    by_month(uses.iter().filter(|used| !used.mine))
}

fn by_month<'a>(uses: impl Iterator<Item = &'a EventRow>) -> Value {
    uses.flat_map(|used| used.months.iter().zip(&used.amounts))
        .map(|(month, fen)| json!({ "month": Month::from_index(*month).to_string(), "amount_fen": fen }))
        .collect()
}

fn home_months(uses: &[UseRow]) -> Vec<String> {
    uses.iter()
        .filter(|used| HOME_KINDS.contains(&used.kind.as_str()))
        .flat_map(|used| {
            if used.months.is_empty() {
                vec![Month::of(used.used_on).index()]
            } else {
                used.months.clone()
            }
        })
        .map(|month| Month::from_index(month).to_string())
        .collect()
}

fn person_value(request: &Request, person: &Person) -> Value {
    let changed: Option<DateTime<Utc>> = person.phone_changed_at;
    json!({
        "face_passed": request.face_passed || request.at_counter(),
        "mobile_changed_at": changed,
        "first_registration": changed.is_none(),
        "counter": request.at_counter(),
    })
}
