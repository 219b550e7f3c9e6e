//! 证明真伪核验 (services.md §6, `verify-document`): whoever is shown a paper learns whether it is ours, whether it still holds, and what it says,
//! names and numbers of people masked. Invariant: a code that is not ours is answered like one that cannot be.

use anju_casework::document::{self, Document, Standing, kind};
use anju_casework::{Actor, Office, Refusal, Result, access_log, case};
use anju_domain::clock::rfc3339_millis;
use anju_domain::id_number::IdNumber;
use anju_domain::text::last_four;
use serde_json::{Value, json};

use super::receipt;

/// A paper as a stranger may see it.
pub struct Verified {
    /// The paper.
    pub document: Document,
    /// Whether it holds today.
    pub standing: Standing,
    /// What it says, masked.
    pub content: Value,
    /// Number of the case whose evidence commits to it.
    pub case_no: Option<String>,
}

impl Verified {
    /// As JSON.
    pub fn draw(&self) -> Value {
        json!({
            "code": self.document.code,
            "kind": self.document.kind,
            "state": self.standing.code(),
            "issued_at": rfc3339_millis(self.document.issued_at),
            "valid_until": self.document.valid_until,
            "revoked_at": self.document.revoked_at.map(rfc3339_millis),
            "digest": hex::encode(&self.document.digest),
            "content": self.content,
            "case_id": self.case_no,
            "proof": self.case_no.as_ref().map(|no| format!("/open/v1/cases/{no}/proof")),
        })
    }
}

/// The paper of a typed code.
///
/// # Errors
/// 404 `E-CERT-03` for a code that is not ours.
pub async fn verify(office: &Office, typed: &str) -> Result<Verified> {
    let document = match document::read_code(typed) {
        Some(code) => document::by_code(office, &code).await?,
        None => None,
    };
    let document = document.ok_or_else(|| {
        Refusal::new(
            404,
            "E-CERT-03",
            "没有这个校验码的证明。请核对证明上的 16 位校验码；核对无误仍然没有，这份证明不是本中心出具的。",
        )
    })?;
    shown(office, document, "凭校验码核验").await
}

/// The paper of a file, and whether the file is byte for byte what we handed out; of another one that bears a code of ours, the paper of the code.
///
/// # Errors
/// 404 `E-CERT-04` for a file that is not ours and bears no code of ours.
pub async fn verify_file(office: &Office, file: &[u8]) -> Result<(Verified, bool)> {
    if let Some(document) = document::of_copy(office, file).await? {
        return Ok((shown(office, document, "凭文件核验").await?, true));
    }
    for code in codes_in(file) {
        if let Some(document) = document::by_code(office, &code).await? {
            return Ok((shown(office, document, "凭文件核验").await?, false));
        }
    }
    let detail = "这不是本中心出具的文件。请选下载的 PDF 原件，不要用扫描、截图或另存过的；只有纸的，请输入纸上的校验码。";
    Err(Refusal::new(404, "E-CERT-04", detail).into())
}

/// How many codes are read out of one file: each is asked for in the database.
const CODES_OF_A_FILE: usize = 4;

/// The codes that stand in a file as text, in groups of four as papers print them (the title of a PDF's metadata).
fn codes_in(file: &[u8]) -> Vec<String> {
    const GROUPED: usize = 19;
    let mut codes: Vec<String> = Vec::new();
    for part in file.windows(GROUPED) {
        let grouped = [4, 9, 14].iter().all(|&space| part[space] == b' ');
        let typed = str::from_utf8(part).ok().filter(|_| grouped);
        if let Some(code) = typed.and_then(document::read_code)
            && !codes.contains(&code)
        {
            codes.push(code);
            if codes.len() == CODES_OF_A_FILE {
                break;
            }
        }
    }
    codes
}

/// A paper as a stranger may see it; whose it is may read that somebody was shown it.
async fn shown(office: &Office, document: Document, reason: &str) -> Result<Verified> {
    let mut content = document.data(office)?;
    mask(&mut content);
    // An employer's is about nobody.
    if document.kind != kind::EMPLOYER {
        let what = "证明核验";
        access_log::note(
            office,
            Actor::Interface,
            document.subject_id,
            what,
            reason,
            document.case_id,
        )
        .await?;
    }
    let mut standing = document.standing(office.today());
    if document.kind == kind::RECEIPT
        && standing == Standing::Valid
        && let Some(case_id) = document.case_id
        && !receipt::holds(&case::require(office, case_id).await?)
    {
        standing = Standing::Revoked;
    }
    Ok(Verified {
        standing,
        case_no: document
            .case_id
            .map(|case_id| case::number(office, case_id)),
        content,
        document,
    })
}

/// Hides whose it is, and what only its holder needs.
pub fn mask(content: &mut Value) {
    let Some(fields) = content.as_object_mut() else {
        return;
    };
    // With the salt the rest could be tried out against the digest.
    fields.remove("salt");
    for (field, value) in fields.iter_mut() {
        let Some(text) = value.as_str() else { continue };
        let masked = match field.as_str() {
            "name" => anju_domain::name::mask(text),
            "id_no" => IdNumber::parse(text).map_or_else(|_| "***".to_owned(), |id| id.to_string()),
            "account_no" => tail(text),
            _ => continue,
        };
        *value = masked.into();
    }
}

/// `****1234`.
fn tail(number: &str) -> String {
    format!("****{}", last_four(number))
}
