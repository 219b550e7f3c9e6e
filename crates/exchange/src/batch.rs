//! Files of a source (批量文件, data_sharing.md §10): gzip of one JSON record a line, with a manifest of name, rows, control sum, SM3 and the
//! source's SM2 signature.
//!
//! Invariant: a file counts whole or not at all. Whatever does not fit its manifest or its type's schema refuses the file, with a
//! sentence for the sender. Nothing here knows our customers.

use std::io::Read;

use anju_domain::clock::at_hour;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, NaiveDate, Utc};
use flate2::read::GzDecoder;
use serde_json::Value;

use crate::catalogue::{BatchFlow, Control, FactType};
use crate::gateway::Gateway;
use crate::source;
use crate::source::column::Seal;

/// The most bytes of a file when it is unpacked, and the most rows.
const MOST_BYTES: u64 = 200 * 1024 * 1024;
const MOST_ROWS: usize = 500_000;

/// What a manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The file's name: the same name is the same file.
    pub name: String,
    /// The day for which it speaks.
    pub day: NaiveDate,
    /// Rows.
    pub rows: usize,
    /// Control sum.
    pub control: i64,
    /// Hex SM3 of the packed file.
    pub sm3: String,
}

impl Manifest {
    /// What the source signs: name, day, rows, control sum and digest, one a line.
    #[must_use]
    pub fn string_to_sign(&self) -> String {
        format!(
            "{}\n{}\n{}\n{}\n{}",
            self.name,
            self.day.format("%Y%m%d"),
            self.rows,
            self.control,
            self.sm3
        )
    }
}

/// A row in our fields.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchRow {
    /// ID number or credit code.
    pub subject: String,
    /// Admitted by the type's schema.
    pub value: Value,
    /// Hex SM3 of the line as it came.
    pub digest: String,
}

/// A file that fits its manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchFile {
    /// Its manifest.
    pub manifest: Manifest,
    /// The instant for which its rows vouch.
    pub as_of: DateTime<Utc>,
    /// Its rows in order.
    pub rows: Vec<BatchRow>,
}

/// Why a file is refused whole. The message is for the sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchFault {
    /// There is no such flow of that source.
    #[error("没有这种文件")]
    Flow,
    /// A field of the manifest.
    #[error("清单缺少或写错了 {0}")]
    Manifest(&'static str),
    /// The signature.
    #[error("清单的 SM2 签名不对")]
    Signature,
    /// The digest.
    #[error("文件的 SM3 与清单不符")]
    Digest,
    /// Not gzip, too large, or not text.
    #[error("文件打不开或过大")]
    Content,
    /// The number of rows.
    #[error("清单写 {said} 行，文件有 {found} 行")]
    Rows {
        /// By the manifest.
        said: usize,
        /// In the file.
        found: usize,
    },
    /// The control sum.
    #[error("清单的控制总数是 {said}，文件的是 {found}")]
    Control {
        /// By the manifest.
        said: i64,
        /// In the file.
        found: i64,
    },
    /// One row.
    #[error("第 {0} 行读不懂")]
    Row(usize),
}

/// Reads the manifest of a message.
///
/// # Errors
/// The field that is missing or wrong.
pub fn manifest(params: &Value) -> Result<Manifest, BatchFault> {
    let text = |field: &'static str| {
        params
            .get(field)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty() && text.len() <= 200)
            .ok_or(BatchFault::Manifest(field))
    };
    Ok(Manifest {
        name: text("wjm")?.to_owned(),
        day: NaiveDate::parse_from_str(text("rq")?, "%Y%m%d")
            .map_err(|_| BatchFault::Manifest("rq"))?,
        rows: text("hs")?
            .parse()
            .map_err(|_| BatchFault::Manifest("hs"))?,
        control: text("kzzs")?
            .parse()
            .map_err(|_| BatchFault::Manifest("kzzs"))?,
        sm3: text("zy")?.to_lowercase(),
    })
}

impl Gateway {
    /// Checks a file of a source against its manifest and reads it. A source that is not known yet is met first.
    ///
    /// # Errors
    /// See [`BatchFault`]: the whole file is refused.
    pub async fn read_batch(
        &self,
        source: &str,
        flow: &str,
        params: &Value,
        seal: Seal<'_>,
    ) -> Result<(&BatchFlow, BatchFile), BatchFault> {
        let flow = self
            .catalogue()
            .flow(source, flow)
            .ok_or(BatchFault::Flow)?;
        let fact = self.catalogue().fact(&flow.fact).ok_or(BatchFault::Flow)?;
        let manifest = manifest(params)?;
        let signature = params.get("qm").and_then(Value::as_str);
        let signature = signature.ok_or(BatchFault::Manifest("qm"))?;
        let known = self.acquainted(source).await;
        let text = manifest.string_to_sign();
        if known.is_err() || !self.keys.signed_by(source, text.as_bytes(), signature) {
            return Err(BatchFault::Signature);
        }
        let packed = params.get("wj").and_then(Value::as_str);
        let packed = BASE64
            .decode(packed.ok_or(BatchFault::Manifest("wj"))?)
            .map_err(|_| BatchFault::Content)?;
        if hex::encode(anju_vault::sm3(&packed)) != manifest.sm3 {
            return Err(BatchFault::Digest);
        }
        let rows = unpacked(&packed, flow, fact, &manifest, seal)?;
        let as_of = at_hour(manifest.day, 0).ok_or(BatchFault::Manifest("rq"))?;
        Ok((
            flow,
            BatchFile {
                manifest,
                as_of,
                rows,
            },
        ))
    }
}

fn unpacked(
    packed: &[u8],
    flow: &BatchFlow,
    fact: &FactType,
    manifest: &Manifest,
    seal: Seal<'_>,
) -> Result<Vec<BatchRow>, BatchFault> {
    let mut text = String::new();
    let read = GzDecoder::new(packed)
        .take(MOST_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|_| BatchFault::Content)?;
    if u64::try_from(read).is_ok_and(|read| read > MOST_BYTES) {
        return Err(BatchFault::Content);
    }
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    if lines.len() != manifest.rows || lines.len() > MOST_ROWS {
        return Err(BatchFault::Rows {
            said: manifest.rows,
            found: lines.len(),
        });
    }
    let mut rows = Vec::with_capacity(lines.len());
    let mut control = 0_i64;
    for (line, number) in lines.into_iter().zip(1..) {
        let bad = BatchFault::Row(number);
        let data: Value = serde_json::from_str(line).map_err(|_| bad.clone())?;
        let subject = source::subject_of(&fact.name, &data).ok_or_else(|| bad.clone())?;
        let value = source::value_of(fact, &data, seal).map_err(|_| bad.clone())?;
        let counted = counted(flow.control, subject, &value).ok_or_else(|| bad.clone())?;
        control = control.checked_add(counted).ok_or(bad)?;
        rows.push(BatchRow {
            subject: subject.to_uppercase(),
            value,
            digest: hex::encode(anju_vault::sm3(line.as_bytes())),
        });
    }
    if control != manifest.control {
        return Err(BatchFault::Control {
            said: manifest.control,
            found: control,
        });
    }
    Ok(rows)
}

/// What a row adds to the control sum: its money in fen, or the district that its number names (a hash total).
fn counted(control: Control, subject: &str, value: &Value) -> Option<i64> {
    match control {
        Control::Amount => value.get("amount_fen")?.as_i64(),
        Control::District => {
            let company = subject.starts_with('9')
                || subject
                    .bytes()
                    .take(2)
                    .any(|byte| byte.is_ascii_alphabetic());
            let district = if company && subject.len() == 18 {
                subject.get(2..8)
            } else {
                subject.get(..6)
            };
            district?.parse().ok()
        }
    }
}
