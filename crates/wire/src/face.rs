//! Face comparison (人脸比对) with the police's live portrait: keys and answer of `police.face_match`.
//!
//! Invariant: an image leaves the product only inside [`FaceParams`], and comes back as a band and a yes
//! or no, never as a score that could be tuned against.

use serde::{Deserialize, Serialize};

/// The interface that compares.
pub const INTERFACE: &str = "police.face_match";

/// What is compared: a picture from a camera, or the token of a device that has taken one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FaceEvidence {
    /// JPEG in base64.
    Image(String),
    /// The token of the recording device.
    Token(String),
}

impl std::fmt::Debug for FaceEvidence {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Image(_) => "Image(…)",
            Self::Token(_) => "Token(…)",
        })
    }
}

/// The keys of the question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaceParams {
    /// 公民身份号码.
    pub gmsfhm: String,
    /// What the camera gave.
    #[serde(flatten)]
    pub evidence: FaceEvidence,
    /// Hex digest of the act that the person confirms; the answer repeats it.
    #[serde(rename = "actionDigest")]
    pub action_digest: String,
}

/// The police's answer in their own names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaceData {
    /// 公民身份号码 of whom was compared.
    pub gmsfhm: String,
    /// 比对结果: `1` the same person, `0` another.
    pub bdjg: String,
    /// 相似度档: `A` (highest) to `D`.
    pub xsdd: String,
    /// 活体检测: `1` alive, `0` not.
    pub htjc: String,
    /// The digest of the act, as asked.
    #[serde(rename = "actionDigest")]
    pub action_digest: String,
    /// 比对流水号, the police's number of this comparison.
    pub bdlsh: String,
}
