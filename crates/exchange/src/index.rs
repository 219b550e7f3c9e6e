//! 证照索引 on the wire: a certificate that was issued or ended, in the index's own fields and codes (`[[index]]` in the catalogue).
//!
//! Invariant: the holder's number does not leave: what is told is its HMAC-SM3 under the secret of the line, which whoever holds both can compare
//! and nobody else can try out.

use std::collections::BTreeMap;

use anju_casework::certificate::Changed;
use anju_domain::clock::shanghai_date;
use anju_wire::gateway::{GatewaySigner, Purpose};
use chrono::NaiveDate;
use serde::Deserialize;

use crate::Failure;
use crate::announce::Announcement;
use crate::gateway::Gateway;

/// What of a certificate can be told.
pub(crate) const FIELDS: [&str; 7] = [
    "kind",
    "holder",
    "digest",
    "issued",
    "valid_until",
    "state",
    "ended",
];

/// An index of certificates (证照目录).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertIndex {
    /// Whose.
    pub source: String,
    /// Its interface.
    pub interface: String,
    /// Name in Chinese.
    pub title: String,
    /// On what basis it is told.
    pub basis: String,
    /// Its field of the certificate's number.
    pub number: String,
    /// Its field of the change's place among those of the certificate.
    pub place: String,
    /// Its field of its own receipt.
    pub receipt: String,
    /// Which of our kinds, in its codes.
    pub kinds: BTreeMap<String, String>,
    /// Our states, in its codes.
    pub states: BTreeMap<String, String>,
    /// Which of our fields, in its fields.
    pub fields: BTreeMap<String, String>,
}

fn day(day: NaiveDate) -> String {
    day.format("%Y%m%d").to_string()
}

impl Gateway {
    /// Tells an index what became of a certificate; its receipt comes back. None for a kind that it does not keep.
    ///
    /// # Errors
    /// The index did not take it, or what it answers is not about this change.
    pub async fn tell_index(
        &self,
        index: &CertIndex,
        changed: &Changed,
    ) -> Result<Option<String>, Failure> {
        let Some(kind) = index.kinds.get(&changed.kind) else {
            return Ok(None);
        };
        let value = |field: &str| -> Option<String> {
            Some(match field {
                "kind" => kind.clone(),
                "holder" => self.line.shared_signer().sign(changed.holder.as_bytes()),
                "digest" => changed.digest.clone(),
                "issued" => day(shanghai_date(changed.issued_at)),
                "valid_until" => day(changed.valid_until?),
                "state" => index.states.get(changed.standing.code())?.clone(),
                "ended" => day(shanghai_date(changed.ended_at?)),
                _ => return None,
            })
        };
        let place = changed.place.to_string();
        let fields = index
            .fields
            .iter()
            .filter_map(|(ours, theirs)| Some((theirs.clone(), value(ours)?.into())))
            .collect();
        self.announce(Announcement {
            source: &index.source,
            interface: &index.interface,
            basis: &index.basis,
            purpose: Purpose {
                item: changed.kind.clone(),
                case_no: String::new(),
            },
            subject: &changed.code,
            about: [(&index.number, &changed.code), (&index.place, &place)],
            fields,
            receipt: &index.receipt,
        })
        .await
        .map(Some)
    }
}
