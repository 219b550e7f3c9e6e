//! Who has been admitted: what a handler takes as an argument to know for whom it works.

use anju_casework::Actor;
use anju_casework::session::Session;
use anju_casework::staff::Staff;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::pages::error::PageError;

/// The person of the session.
#[derive(Debug, Clone)]
pub struct Me {
    /// The session.
    pub session: Session,
    /// The person.
    pub person_id: i64,
}

/// Whoever acts for the employer of the session: its clerk, or a teller at the counter in his presence.
#[derive(Debug, Clone)]
pub struct AtUnit {
    /// The session.
    pub session: Session,
    /// The employer.
    pub employer_id: i64,
    /// The teller, at the counter.
    pub teller: Option<Staff>,
}

impl AtUnit {
    /// Who stands behind what is done.
    pub fn actor(&self) -> Actor {
        match &self.teller {
            Some(teller) => Actor::Staff(teller.staff_id),
            None => Actor::Clerk(self.session.subject_id),
        }
    }

    /// The clerk who is logged in; nobody at the counter.
    pub fn clerk_id(&self) -> Option<i64> {
        self.teller.is_none().then_some(self.session.subject_id)
    }

    /// The channel code of services.md §3.
    pub fn channel(&self) -> &'static str {
        if self.teller.is_some() { "CTR" } else { "HALL" }
    }

    /// The teller, who may not review what he served.
    pub fn served_by(&self) -> Option<i64> {
        self.teller.as_ref().map(|teller| teller.staff_id)
    }
}

/// The holder of a licence whose employer has no account yet.
#[derive(Debug, Clone)]
pub struct AtOpening {
    /// The session.
    pub session: Session,
}

impl<S: Send + Sync> FromRequestParts<S> for AtOpening {
    type Rejection = PageError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<AtOpening, PageError> {
        Ok(AtOpening {
            session: session_of(parts)?,
        })
    }
}

/// The member of staff of the session.
#[derive(Debug, Clone)]
pub struct AtDesk {
    /// The session.
    pub session: Session,
    /// Who.
    pub staff: Staff,
}

fn session_of(parts: &Parts) -> Result<Session, PageError> {
    // Only a route that admits anyone has none, and no handler of such a route asks for it.
    parts
        .extensions
        .get::<Session>()
        .cloned()
        .ok_or(PageError::LogIn)
}

impl<S: Send + Sync> FromRequestParts<S> for Me {
    type Rejection = PageError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Me, PageError> {
        let session = session_of(parts)?;
        Ok(Me {
            person_id: session.subject_id,
            session,
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for AtUnit {
    type Rejection = PageError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<AtUnit, PageError> {
        let session = session_of(parts)?;
        let teller = parts.extensions.get::<Staff>().cloned();
        let employer_id = match &teller {
            Some(_) => session.served_employer,
            None => session.employer_id,
        };
        Ok(AtUnit {
            employer_id: employer_id.ok_or(PageError::LogIn)?,
            session,
            teller,
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for AtDesk {
    type Rejection = PageError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<AtDesk, PageError> {
        let session = session_of(parts)?;
        let staff = parts
            .extensions
            .get::<Staff>()
            .cloned()
            .ok_or(PageError::LogIn)?;
        Ok(AtDesk { session, staff })
    }
}
