//! The book that is measured: employers and people, filled through the product's own path, from a roster as xlsx to the allocation
//! by the ledger's statements; and for those who will withdraw, the facts that departments would have told.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use anju_business::contribution::joining::Outside;
use anju_business::contribution::{
    opening,
    opening_rules::Opening,
    receipt::{self, Credit},
    registration,
    remittance::{self, PayMethod},
    roster::{Mode, PoliceAnswer},
    upload::{self, Police, Upload, Uploaded},
};
use anju_casework::{
    Actor, Office,
    branch::{self, Branch},
    employer,
    fact::{self, Kept},
    person::purpose,
};
use anju_domain::calendar::Month;
use anju_policy::{
    Fact,
    fact::{Assurance, FactState},
};
use anyhow::{Context, bail, ensure};
use chrono::Duration;
use futures::{FutureExt, StreamExt, TryStreamExt, future::BoxFuture, stream};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::cast::{self, Person};

/// The largest roster, which is the one that is measured.
const LARGEST: usize = 50_000;

/// People of an ordinary employer.
const ORDINARY: usize = 1_000;

/// Those who may withdraw, of so many accounts: each can do it once, since the rules want twelve months between two.
const ONE_IN: usize = 15;
const WITHDRAWERS: usize = 50_000;

/// Runs of all rows together that need people of their own.
const RUNS: usize = 30;

/// Withdrawals of one run at most: enough for a second, and the whole table is done in three minutes.
const MOST_IN_A_RUN: usize = 1_000;

/// People of whom no source was asked, as far as the book has them.
const STRANGERS: usize = 2_000;

/// Months that are paid before anybody may withdraw (`rent_min_months` of the policy), the last of them the last month.
const MONTHS: i32 = 3;

/// The first month of the measured roster's employer, so that there are months left to measure.
const LARGEST_MONTHS: i32 = 12;

/// Monthly base.
const BASE_FEN: i64 = 2_000_000;

/// Monthly rent of the filed lease, below the limit of the policy.
const RENT_FEN: i64 = 120_000;

/// Employers that are filled at the same time: one more than cores wait for the disk.
const AT_ONCE: usize = 3;

/// People whose facts are kept by one statement.
const FACTS_AT_ONCE: usize = 500;

/// Somebody who can withdraw.
#[derive(Debug)]
pub struct Withdrawer {
    /// Row of `person`.
    pub person_id: i64,
    /// Row of `ledger_account`.
    pub account_id: i64,
    /// Branch that keeps the account.
    pub branch_id: i16,
    /// The card that the bank knows as his own.
    pub card: String,
    /// Bank that pays.
    pub bank: String,
}

/// The book.
pub struct Book {
    /// Accounts in it.
    pub accounts: usize,
    /// The employer whose roster is measured, and its people.
    pub largest: (i64, Vec<Person>),
    /// Month of its next roster.
    pub next_month: Month,
    /// How many withdrawals one run of a row makes.
    pub run_size: usize,
    /// Bank of every other employer, from which half of all withdrawals are paid.
    pub main_bank: String,
    /// People of whom nobody has asked any source yet.
    pub strangers: Vec<Arc<Withdrawer>>,
    /// Who has not withdrawn yet.
    left: Mutex<Vec<Arc<Withdrawer>>>,
}

/// An employer of the book before it is filled.
#[derive(Debug, Clone, Copy)]
struct Part {
    number: usize,
    start: usize,
    size: usize,
    withdraws: bool,
}

impl Part {
    /// The largest, then ordinary ones; those whose people withdraw lie evenly among them.
    fn all(accounts: usize) -> Vec<Self> {
        let largest = (accounts / 2).clamp(1, LARGEST);
        let rest = accounts - largest;
        let size = ORDINARY.min(rest.div_ceil(10)).max(1);
        let employers = rest.div_ceil(size);
        let wanted = WITHDRAWERS.max(accounts / ONE_IN).div_ceil(size);
        // An odd distance: every other employer banks at the main bank, and some of both kinds are wanted.
        let step = (employers / wanted.max(1)).max(1);
        let step = step - usize::from(step.is_multiple_of(2));
        let mut parts = vec![Self {
            number: 0,
            start: 0,
            size: largest,
            withdraws: false,
        }];
        parts.extend((0..employers).map(|place| {
            let start = largest + place * size;
            Self {
                number: place + 1,
                start,
                size: size.min(accounts - start),
                // The last employer's people are the strangers.
                withdraws: place % step == 0 && (place + 1 < employers || employers == 1),
            }
        }));
        parts
    }

    fn people(self) -> anyhow::Result<Vec<Person>> {
        (self.start..self.start + self.size)
            .map(|number| {
                let number = i64::try_from(number)?;
                cast::person("李梅", number / 10, number % 10, BASE_FEN)
            })
            .collect()
    }

    /// Opened, with its people's contributions.
    async fn fill(self, office: &Office) -> anyhow::Result<(i64, Vec<Person>)> {
        let back = if self.number == 0 {
            LARGEST_MONTHS
        } else {
            MONTHS
        };
        let first = Month::of(office.today()).plus(-back);
        let people = self.people()?;
        let employer_id = open_employer(office, self.number, first).await?;
        for month in 0..if self.withdraws { MONTHS } else { 1 } {
            contribute(office, employer_id, first.plus(month), &people).await?;
        }
        if self.withdraws {
            for some in people.chunks(FACTS_AT_ONCE) {
                keep_facts(office, some).await?;
            }
        }
        Ok((employer_id, people))
    }
}

/// The police, who agree with everything: what is measured is ours.
pub struct Agreeing;

impl Police for Agreeing {
    fn verify<'a>(&'a self, pairs: &'a [(String, String)]) -> BoxFuture<'a, Vec<PoliceAnswer>> {
        async move { vec![PoliceAnswer::Matched; pairs.len()] }.boxed()
    }

    fn outside<'a>(&'a self, ids: &'a [String]) -> BoxFuture<'a, Vec<Outside>> {
        async move { vec![Outside::default(); ids.len()] }.boxed()
    }
}

impl Book {
    /// Fills a founded centre with so many accounts, each with a month's contribution at least.
    pub async fn build(office: &Office, accounts: usize) -> anyhow::Result<Self> {
        let parts = Part::all(accounts);
        let mut filled = stream::iter(parts)
            .map(|part| async move { anyhow::Ok((part, part.fill(office).await?)) })
            .buffered(AT_ONCE);
        let mut largest = None;
        let (mut left, mut strangers) = (Vec::new(), Vec::new());
        while let Some((part, (employer_id, people))) = filled.try_next().await? {
            if part.withdraws {
                left.extend(withdrawers(office, employer_id, &people).await?);
            } else if part.number > 0 && strangers.len() < STRANGERS {
                strangers.extend(withdrawers(office, employer_id, &people).await?);
            }
            if part.number == 0 {
                largest = Some((employer_id, people));
            }
        }
        // The order of a hash of their numbers: the same in every run, and no order of the disk.
        left.sort_by_key(|one| anju_vault::sm3(&one.person_id.to_be_bytes()));
        let branches = branches(office).await?;
        Ok(Self {
            accounts,
            largest: largest.context("an employer")?,
            next_month: Month::of(office.today()).plus(1 - LARGEST_MONTHS),
            run_size: (left.len() / RUNS).clamp(1, MOST_IN_A_RUN),
            main_bank: branches.first().context("a branch")?.bank.clone(),
            strangers,
            left: Mutex::new(left),
        })
    }

    /// So many people who have not withdrawn yet.
    ///
    /// # Errors
    /// There are not so many left.
    pub fn take(&self, count: usize) -> anyhow::Result<Vec<Arc<Withdrawer>>> {
        self.take_those(count, |_| true)
    }

    /// The same of those who fit.
    ///
    /// # Errors
    /// As [`Book::take`].
    pub fn take_those(
        &self,
        count: usize,
        fits: impl Fn(&Withdrawer) -> bool,
    ) -> anyhow::Result<Vec<Arc<Withdrawer>>> {
        let mut left = self.left.lock().expect("nobody panics with the list");
        let mut taken = Vec::with_capacity(count);
        left.retain(|one| {
            let takes = taken.len() < count && fits(one);
            if takes {
                taken.push(one.clone());
            }
            !takes
        });
        ensure!(
            taken.len() == count,
            "还能提取的只有 {} 人，要 {count} 人：请加大 --accounts",
            taken.len()
        );
        Ok(taken)
    }

    /// The same whose accounts lie beside each other on the disk, in that order.
    ///
    /// # Errors
    /// As [`Book::take`].
    pub fn take_neighbours(&self, count: usize) -> anyhow::Result<Vec<Arc<Withdrawer>>> {
        let mut accounts: Vec<i64> = {
            let left = self.left.lock().expect("nobody panics with the list");
            left.iter().map(|one| one.account_id).collect()
        };
        accounts.sort_unstable();
        let last = accounts.get(count - 1).copied().unwrap_or(i64::MAX);
        let mut taken = self.take_those(count, |one| one.account_id <= last)?;
        taken.sort_by_key(|one| one.account_id);
        Ok(taken)
    }
}

/// The branches that keep a district of their own; the centre's department keeps what is left over.
async fn branches(office: &Office) -> anyhow::Result<Vec<Branch>> {
    let mut all = branch::all(office).await?;
    all.retain(|branch| branch.kind != "centre");
    Ok(all)
}

/// Opened as the product does it.
pub async fn open_employer(
    office: &Office,
    number: usize,
    first_month: Month,
) -> anyhow::Result<i64> {
    let firm = cast::firm(&format!("重庆测速有限公司{number}"), i64::try_from(number)?)?;
    let branches = branches(office).await?;
    let main_bank = &branches.first().context("a branch")?.bank;
    // Every other employer at the main bank, the rest spread over the others.
    let places: Vec<&Branch> = branches
        .iter()
        .filter(|branch| (branch.bank == *main_bank) == number.is_multiple_of(2))
        .collect();
    let branch = places
        .get(number / 2 % places.len().max(1))
        .context("branches of two banks")?;
    let opening = Opening {
        name: firm.name.clone(),
        uscc: firm.uscc,
        kind: "私企".to_owned(),
        ratio_employer_bp: Some(1200),
        ratio_employee_bp: Some(1200),
        legal_representative: "陈立".to_owned(),
        district: branch.district.clone(),
        first_month: Some(first_month),
        payday: Some(10),
        clerk: Some(("陈芳".to_owned(), String::new(), firm.clerk_phone)),
        address: None,
    };
    let registered = json!({
        "name": firm.name, "kind": "company", "state": "open", "founded": "2015-06-01", "region": branch.district,
        "address": "重庆市渝中区", "legal_person": { "name": "陈立" },
    });
    let registration = told(
        office,
        "market.registration",
        "employer",
        "单位",
        Some(registered),
    );
    let mut tx = office.pool.begin().await?;
    let checked = opening
        .check(office, &mut tx, Some(&registration), office.today(), false)
        .await?;
    let employer_id = office.ids.next().await?;
    opening::write(office, &mut tx, employer_id, &checked).await?;
    tx.commit().await?;
    Ok(employer_id)
}

/// A month of these people: roster, registration, money, allocation.
pub async fn contribute(
    office: &Office,
    employer_id: i64,
    month: Month,
    people: &[Person],
) -> anyhow::Result<()> {
    let read = upload::read(&cast::roster(people)?);
    let roster_id = check(office, employer_id, month, read).await?;
    let remittance_id = register(office, employer_id, month, roster_id).await?;
    pay(office, remittance_id).await
}

/// Checks a roster that was read, and keeps it.
pub async fn check(
    office: &Office,
    employer_id: i64,
    month: Month,
    read: upload::Read,
) -> anyhow::Result<i64> {
    let key = Uuid::now_v7();
    let uploaded = Uploaded {
        employer_id,
        month,
        mode: Mode::Complete,
        bytes: Vec::new(),
        actor: Actor::System,
        key,
        digest: key,
        police: &Agreeing,
    };
    let uploaded = upload::upload_read(office, uploaded, move || read).await?;
    match uploaded {
        Upload::Kept(roster_id) => Ok(roster_id),
        Upload::Refused(mistakes) => bail!("{:?}", mistakes.faults.first()),
    }
}

/// Registers a roster that was found right.
pub async fn register(
    office: &Office,
    employer_id: i64,
    month: Month,
    roster_id: i64,
) -> anyhow::Result<i64> {
    let key = Uuid::now_v7();
    Ok(registration::register(
        office,
        employer_id,
        roster_id,
        month,
        PayMethod::Transfer,
        Actor::System,
        "HALL",
        key,
        key,
    )
    .await?)
}

/// The bank tells of the money, and the list is allocated.
pub async fn pay(office: &Office, remittance_id: i64) -> anyhow::Result<()> {
    let list = remittance::require(office, remittance_id).await?;
    let credit = Credit {
        bank: list.bank.clone(),
        serial: format!("R{remittance_id}"),
        book_date: office.today(),
        amount_fen: list.amount_fen,
        payer_account: "6500999000001".to_owned(),
        payer_name: "重庆测速有限公司".to_owned(),
        remark: list.reference.clone(),
        end_to_end_id: None,
    };
    receipt::receive(office, &credit).await?;
    Ok(())
}

/// A fact as a department would have told it just now.
fn told(office: &Office, fact_type: &str, role: &str, subject: &str, value: Option<Value>) -> Fact {
    let now = office.now();
    let source = office
        .policy()
        .set
        .fact_type(fact_type)
        .map_or_else(|| "D06".to_owned(), |known| known.source.to_string());
    Fact {
        fact_id: None,
        fact_type: fact_type.to_owned(),
        role: role.to_owned(),
        subject: subject.to_owned(),
        state: if value.is_some() {
            FactState::Known
        } else {
            FactState::Absent
        },
        digest: anju_vault::sm3(
            value
                .as_ref()
                .map(Value::to_string)
                .unwrap_or_default()
                .as_bytes(),
        )
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect(),
        value: value.unwrap_or(Value::Null),
        source,
        assurance: Assurance::Authoritative,
        as_of: now,
        valid_until: Some(now + Duration::days(1)),
    }
}

/// What the departments know of somebody single who rents: all that the rules of a rent withdrawal ask.
fn known_of(person: &Person) -> [(&'static str, Option<Value>); 11] {
    let lease = json!({
        "filed": true, "lease_no": format!("ZL{}", &person.id[6..17]), "district": "500103", "from": "2020-01-01",
        "to": "2035-12-31", "rent_fen_month": RENT_FEN, "kind": "market",
    });
    let card = json!({ "match": true, "card_type": "debit-1", "bank": "B4" });
    [
        (
            "police.identity",
            Some(json!({ "match": true, "alive": true })),
        ),
        ("police.children", None),
        ("civil.death", None),
        (
            "civil.marriage",
            Some(json!({ "state": "single", "since": "2000-01-01" })),
        ),
        ("court.freeze_order", None),
        ("nhpf.blacklist", None),
        ("nhpf.withdrawal_elsewhere", None),
        ("estate.ownership", None),
        ("housing.contract_filing", None),
        ("housing.rental_filing", Some(lease)),
        ("unionpay.card_auth", Some(card)),
    ]
}

async fn keep_facts(office: &Office, people: &[Person]) -> anyhow::Result<()> {
    let now = office.now();
    let facts: Vec<(&str, String, Fact)> = people
        .iter()
        .flat_map(|person| {
            let keys = format!(
                "name={};card_no={};phone={};",
                person.name, person.card, person.phone
            );
            known_of(person).into_iter().map(move |(fact_type, value)| {
                (
                    person.id.as_str(),
                    keys.clone(),
                    told(office, fact_type, "applicant", "本人", value),
                )
            })
        })
        .collect();
    let kept: Vec<Kept<'_>> = facts
        .iter()
        .map(|(id, keys, fact)| Kept {
            fact,
            subject_key: id,
            other_keys: keys,
            version: 1,
            source_ref: "",
            fetched_at: now,
            case_no: "",
        })
        .collect();
    fact::keep(office, &kept).await?;
    Ok(())
}

/// The rows of an employer's people.
async fn withdrawers(
    office: &Office,
    employer_id: i64,
    people: &[Person],
) -> anyhow::Result<Vec<Arc<Withdrawer>>> {
    let employer = employer::require(office, employer_id).await?;
    let rows: Vec<(Vec<u8>, i64, i64)> = sqlx::query_as(
        "SELECT p.id_index, p.person_id, m.account_id
           FROM membership m
           JOIN person p ON p.centre_id = m.centre_id AND p.person_id = m.person_id
          WHERE m.centre_id = $1 AND m.employer_id = $2 AND m.state <> 9",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .fetch_all(&office.pool)
    .await?;
    let mut found: HashMap<Vec<u8>, (i64, i64)> = rows
        .into_iter()
        .map(|(id_index, person_id, account_id)| (id_index, (person_id, account_id)))
        .collect();
    people
        .iter()
        .map(|person| {
            let index = office.vault.blind_index(purpose::ID, &person.id).current;
            let (person_id, account_id) =
                found.remove(&index[..]).context("a person of the book")?;
            Ok(Arc::new(Withdrawer {
                person_id,
                account_id,
                branch_id: employer.branch_id,
                card: person.card.clone(),
                bank: employer.bank.clone(),
            }))
        })
        .collect()
}
