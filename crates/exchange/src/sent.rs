//! Files to others on the wire (data_sharing.md §10): gzip of one JSON record a line, with a manifest that we sign with our SM2 key.
//!
//! Invariant: a file counts as taken only by the receiver's signed answer that names it; a refusal is an answer, silence is none.

use std::io::Write;

use anju_wire::gateway::{Consent, GatewaySigner, Purpose};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::NaiveDate;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::Failure;
use crate::ask::Question;
use crate::batch::Manifest;
use crate::catalogue::{Freshness, Limits};
use crate::gateway::Gateway;
use crate::line::ONE_ANSWER;

/// A flow of files to others.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendFlow {
    /// `pretax`.
    pub flow: String,
    /// Name in Chinese.
    pub title: String,
    /// Who gets it.
    pub source: String,
    /// On what basis.
    pub basis: String,
    /// When, for people.
    pub when: String,
}

impl SendFlow {
    /// The name of the file that speaks until a day: the same for the same version.
    #[must_use]
    pub fn file_name(&self, centre: &str, day: NaiveDate, version: i16) -> String {
        let day = day.format("%Y%m%d");
        format!("{centre}_{}_{day}_{version}.jsonl.gz", self.flow)
    }
}

/// A file as it is sent.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// Name, last day, lines, control sum, digest.
    pub manifest: &'a Manifest,
    /// The packed file.
    pub content: &'a [u8],
}

/// What the receiver says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileAnswer {
    /// Its receipt.
    Taken(String),
    /// Why it refuses the whole.
    Refused(String),
}

/// Packs lines; the same lines give the same bytes.
///
/// # Errors
/// None that memory has; the packer's.
pub fn pack<'r>(lines: impl Iterator<Item = &'r str>) -> std::io::Result<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    for line in lines {
        packer.write_all(line.as_bytes())?;
        packer.write_all(b"\n")?;
    }
    packer.finish()
}

impl Gateway {
    /// Our name at the gateway, with which names of files begin.
    #[must_use]
    pub fn our_name(&self) -> &str {
        self.line.app_id()
    }

    /// Sends a file; sent again it is the same file.
    ///
    /// # Errors
    /// The receiver did not answer, or not about this file.
    pub async fn send_file(
        &self,
        flow: &SendFlow,
        file: Outgoing<'_>,
    ) -> Result<FileAnswer, Failure> {
        let counterpart = self.counterpart(&flow.source).ok_or(Failure::NotAskable)?;
        let manifest = file.manifest;
        // Who checks our signature has to know our key.
        let signer = self.acquainted(&flow.source).await?;
        let fields = json!({
            "wjm": manifest.name,
            "rq": manifest.day.format("%Y%m%d").to_string(),
            "hs": manifest.rows.to_string(),
            "kzzs": manifest.control.to_string(),
            "zy": manifest.sm3,
            "qm": signer.sign(manifest.string_to_sign().as_bytes()),
            "wj": BASE64.encode(file.content),
        });
        let params: Map<String, Value> = fields.as_object().cloned().unwrap_or_default();
        let interface = format!("{}.batch.{}", flow.source, flow.flow);
        let question = Question {
            source: flow.source.clone(),
            fact_type: interface.clone(),
            interface,
            subject: manifest.name.clone(),
            params,
            purpose: Purpose {
                item: flow.flow.clone(),
                case_no: String::new(),
            },
            consent: Consent {
                id: flow.basis.clone(),
                hash: String::new(),
            },
            freshness: Freshness::PerUse,
        };
        let usual = &self.catalogue().gateway;
        // A file is read to its end before it is answered.
        let limits = Limits {
            reply_ms: usual.file_reply_ms,
            retry_after_ms: Vec::new(),
            ..usual.clone()
        };
        counterpart
            .run(&limits, Instant::now() + limits.reply(), |within| {
                let question = &question;
                async move {
                    let (_, data) = self.exchange(question, within, ONE_ANSWER).await?;
                    let said = |field: &str| data.get(field).and_then(Value::as_str);
                    if said("wjm") != Some(question.subject.as_str()) {
                        return Err(Failure::WrongPerson);
                    }
                    match (said("jsjg"), said("hzbh"), said("thyy")) {
                        (Some("1"), Some(receipt), _) => Ok(FileAnswer::Taken(receipt.to_owned())),
                        (Some("0"), _, Some(reason)) => {
                            let reason = reason.chars().take(200).collect();
                            Ok(FileAnswer::Refused(reason))
                        }
                        _ => Err(Failure::WrongPerson),
                    }
                }
            })
            .await
    }
}
