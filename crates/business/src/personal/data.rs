//! 个人信息维护 (services.md §9, contribution.md §3.1 PERS-09): what a person tells of himself, and the correction of name and ID number.
//! Invariant: name and number change only where the police confirm or a reviewer has seen the documents; a number that was replaced
//! still finds the same person, and one that was only mistaken does not.

use anju_casework::catalogue::{Approved, Carried, OwnBooks, Request, Service};
use anju_casework::person::{self, Person};
use anju_casework::person_data::{self, Act, Change, Details, What};
use anju_casework::{Error, Office, Refusal, Result, case};
use anju_domain::id_number::IdNumber;
use anju_domain::name::PersonName;
use anju_domain::phone::Phone;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::json;
use sqlx::PgConnection;

/// The service of keeping one's data.
pub struct PersonalData {
    id: String,
}

/// The fields of which each is a wish of its own.
const FIELDS: [&str; 8] = [
    "address",
    "education",
    "marital",
    "email",
    "contact_name",
    "contact_phone",
    "name",
    "id_no",
];

/// The word for a number that was never the person's.
const MISTAKE: &str = "mistake";

impl PersonalData {
    /// The service of a definition with effect `maintain_person`.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned() }
    }

    async fn books(
        office: &Office,
        conn: &mut PgConnection,
        request: &Request,
    ) -> Result<OwnBooks> {
        let mut own = super::own_books(office, &mut *conn, request).await?;
        let asked = Identity::read(request)?;
        let taken = match &asked.id_number {
            Some(id) => person::holder_of(office, &mut *conn, id)
                .await?
                .is_some_and(|holder| holder != request.applicant_id),
            None => false,
        };
        for fact in &mut own.facts {
            fact.value["id_taken"] = taken.into();
        }
        // The sources are asked about whom the person would be.
        if let Some(person) = &mut own.person {
            asked.put(person);
        }
        Ok(own)
    }

    async fn keep(
        office: &Office,
        tx: &mut PgConnection,
        approved: Approved<'_>,
    ) -> Result<Carried> {
        let request = approved.request;
        let act = super::act(office, tx, &approved).await?;
        let person = super::held(office, tx, request.applicant_id).await?;
        let mut changed = keep_details(office, tx, request, act).await?;
        changed.extend(keep_identity(office, tx, &person, request, act).await?);
        Ok(Carried {
            step: "changed",
            detail: json!({ "changed": changed.iter().map(|what| what.code()).collect::<Vec<_>>() }),
            done: true,
        })
    }
}

/// Name and number as they are to become.
struct Identity {
    name: Option<PersonName>,
    id_number: Option<IdNumber>,
}

impl Identity {
    fn read(request: &Request) -> Result<Self> {
        let name = request.text("name").map(PersonName::parse).transpose();
        let name = name.map_err(|error| {
            Error::from(Refusal::rule("E-FORM-01", format!("{error}。")).at("name"))
        })?;
        let id_number = request.text("id_no").map(IdNumber::parse).transpose();
        let id_number = id_number.map_err(|error| {
            Error::from(Refusal::rule("E-PERS-01", format!("{error}。")).at("id_no"))
        })?;
        Ok(Self { name, id_number })
    }

    fn put(self, person: &mut Person) {
        if let Some(name) = self.name {
            person.name = name;
        }
        if let Some(id_number) = self.id_number {
            person.id_number = id_number;
        }
    }
}

/// What is wrong with a form beyond its fields; nothing happens before it is right.
fn check(request: &Request) -> Result<()> {
    Identity::read(request)?;
    if FIELDS.iter().all(|field| request.text(field).is_none()) {
        return Err(Refusal::rule("E-FORM-01", "请至少填写一项要变更的信息。").into());
    }
    if request.text("id_no").is_some() && request.text("id_reason").is_none() {
        let detail = "请选择证件号码为什么变更。";
        return Err(Refusal::rule("E-FORM-01", detail).at("id_reason").into());
    }
    if let Some(phone) = request.text("contact_phone") {
        Phone::parse(phone).map_err(|error| {
            Error::from(Refusal::rule("E-FORM-01", format!("{error}。")).at("contact_phone"))
        })?;
    }
    let plain = |email: &str| {
        email
            .split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
            && !email.contains(char::is_whitespace)
    };
    if request.text("email").is_some_and(|email| !plain(email)) {
        let detail = "电子邮箱请写成 name@example.com 这样。";
        return Err(Refusal::rule("E-FORM-01", detail).at("email").into());
    }
    Ok(())
}

/// Keeps what the person tells of himself, and notes what became another. The person's row is held.
async fn keep_details(
    office: &Office,
    tx: &mut PgConnection,
    request: &Request,
    act: Act<'_>,
) -> Result<Vec<What>> {
    let mut details: Details = person_data::details(office, &mut *tx, request.applicant_id).await?;
    let places: [(What, &str, &mut Option<String>); 6] = [
        (What::Address, "address", &mut details.address),
        (What::Education, "education", &mut details.education),
        (What::Marital, "marital", &mut details.marital),
        (What::Email, "email", &mut details.email),
        (What::ContactName, "contact_name", &mut details.contact_name),
        (
            What::ContactPhone,
            "contact_phone",
            &mut details.contact_phone,
        ),
    ];
    let mut changed = Vec::new();
    for (what, field, place) in places {
        let Some(after) = request.text(field) else {
            continue;
        };
        if place.as_deref() == Some(after) {
            continue;
        }
        let change = Change {
            person_id: request.applicant_id,
            what,
            before: place.as_deref(),
            after,
        };
        person_data::note(office, tx, &change, act).await?;
        *place = Some(after.to_owned());
        changed.push(what);
    }
    if !changed.is_empty() {
        person_data::put_details(office, tx, request.applicant_id, &details).await?;
    }
    Ok(changed)
}

/// Corrects name and number, and lets a replaced number find the same person.
async fn keep_identity(
    office: &Office,
    tx: &mut PgConnection,
    person: &Person,
    request: &Request,
    act: Act<'_>,
) -> Result<Vec<What>> {
    let asked = Identity::read(request)?;
    let mut changed = Vec::new();
    if let Some(name) = asked.name.filter(|name| *name != person.name) {
        let change = Change {
            person_id: person.person_id,
            what: What::Name,
            before: Some(person.name.expose()),
            after: name.expose(),
        };
        person_data::note(office, tx, &change, act).await?;
        person::put_name(office, tx, person.person_id, &name).await?;
        changed.push(What::Name);
    }
    if let Some(id) = asked.id_number.filter(|id| *id != person.id_number) {
        let change = Change {
            person_id: person.person_id,
            what: What::Id,
            before: Some(person.id_number.expose()),
            after: id.expose(),
        };
        let change_id = person_data::note(office, tx, &change, act).await?;
        person::put_id(office, tx, person.person_id, &id).await?;
        if request.text("id_reason") != Some(MISTAKE) {
            person::keep_former_id(office, tx, person, change_id).await?;
        }
        changed.push(What::Id);
    }
    Ok(changed)
}

impl Service for PersonalData {
    fn id(&self) -> &str {
        &self.id
    }

    fn own_books<'a>(
        &'a self,
        office: &'a Office,
        conn: &'a mut PgConnection,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<OwnBooks>> {
        Self::books(office, conn, request).boxed()
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

    /// Only what is wrong with the form is said here; what is right goes the way of facts and decision.
    fn begin<'a>(
        &'a self,
        _office: &'a Office,
        submission: &'a case::Submission,
    ) -> Option<BoxFuture<'a, Result<i64>>> {
        let wrong = check(&submission.request).err()?;
        Some(async { Err(wrong) }.boxed())
    }
}
