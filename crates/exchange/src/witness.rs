//! Witnesses of the evidence log (见证人; C2SP tlog-witness): asked for their signature on each checkpoint. Invariant: only a line
//! that holds by the witness's own key, which the centre's operator has put down, is taken from an answer.

use std::fmt::Write as _;
use std::time::Duration;

use anju_evidence::Hash;
use anju_evidence::note::{VerifierKey, is_signed_by};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// How long the log waits for a witness.
const PATIENCE: Duration = Duration::from_secs(3);

/// A witness as the operator has put it down.
pub struct Witness {
    key: VerifierKey,
    url: String,
    line: reqwest::Client,
}

/// What a witness answers.
#[derive(Debug)]
pub enum Answer {
    /// Its signature lines.
    Signed(String),
    /// It has seen a tree of another size: the proof must begin there.
    Behind(u64),
}

/// Why there is no signature.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// A line of the operator's file.
    #[error("见证人表的一行应为「公钥 地址」：{0}")]
    Line(String),
    /// No answer.
    #[error("the witness does not answer")]
    Away(#[from] reqwest::Error),
    /// It has seen a tree that ours does not extend: one of the two was altered.
    #[error("the witness has signed another tree: {0}")]
    Contradicts(reqwest::StatusCode),
    /// It does not take what it was sent.
    #[error("the witness refuses: {0}")]
    Refused(reqwest::StatusCode),
    /// It answered something else than its signature.
    #[error("the witness's answer is not its signature")]
    NotIts,
}

impl Witness {
    /// The witnesses of the operator's file: a line for each, its public key (vkey) and its address; an address that begins with
    /// `/` stands below `base`.
    ///
    /// # Errors
    /// A line of another form.
    pub fn parse(file: &str, base: &str) -> Result<Vec<Self>, WitnessError> {
        let line = reqwest::Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .build()?;
        file.lines()
            .filter(|text| !text.trim().is_empty())
            .map(|text| {
                let wrong = || WitnessError::Line(text.to_owned());
                let (key, url) = text.trim().split_once(' ').ok_or_else(wrong)?;
                let url = if url.starts_with('/') {
                    format!("{base}{url}")
                } else {
                    url.to_owned()
                };
                Ok(Self {
                    key: key.parse().map_err(|_| wrong())?,
                    url,
                    line: line.clone(),
                })
            })
            .collect()
    }

    /// Its public key.
    #[must_use]
    pub const fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// Tells it that the log's keys change, in the words that the key it knows has signed. A witness that has no door for that is told by
    /// its own operator: false.
    ///
    /// # Errors
    /// No answer, a refusal.
    pub async fn tell(&self, transition: &str) -> Result<bool, WitnessError> {
        let url = format!("{}/add-key-transition", self.url);
        let answer = self
            .line
            .post(url)
            .body(transition.to_owned())
            .send()
            .await?;
        match answer.status().as_u16() {
            200 | 204 => Ok(true),
            404 | 405 => Ok(false),
            _ => Err(WitnessError::Refused(answer.status())),
        }
    }

    /// Leaves of the last tree that it has signed, asked without signing anything new: with the tree of no leaves, which every tree extends.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub async fn last(&self, empty: &str) -> Result<u64, WitnessError> {
        Ok(match self.ask(0, &[], empty).await? {
            Answer::Signed(_) => 0,
            Answer::Behind(size) => size,
        })
    }

    /// Asks for a signature on a checkpoint that extends the tree of `old` leaves.
    ///
    /// # Errors
    /// No answer, a refusal, an answer that is not its signature.
    pub async fn ask(&self, old: u64, proof: &[Hash], note: &str) -> Result<Answer, WitnessError> {
        let mut body = format!("old {old}\n");
        for hash in proof {
            let _ = writeln!(body, "{}", BASE64.encode(hash));
        }
        body.push('\n');
        body.push_str(note);
        let url = format!("{}/add-checkpoint", self.url);
        let answer = self.line.post(url).body(body).send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        match status.as_u16() {
            200 => {
                let signed = format!("{note}{text}");
                if is_signed_by(&signed, &self.key) {
                    Ok(Answer::Signed(text))
                } else {
                    Err(WitnessError::NotIts)
                }
            }
            409 => match text.trim().parse() {
                Ok(size) if size != old => Ok(Answer::Behind(size)),
                // As many leaves, and another root.
                Ok(_) => Err(WitnessError::Contradicts(status)),
                Err(_) => Err(WitnessError::Refused(status)),
            },
            // The proof that ours extends what it has signed does not hold.
            422 => Err(WitnessError::Contradicts(status)),
            _ => Err(WitnessError::Refused(status)),
        }
    }
}
