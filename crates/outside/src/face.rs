//! The police's face comparison (人脸比对), simulated: every camera sees the person whom the number names, unless the
//! control door has set otherwise for that number.

use anju_wire::face::{FaceEvidence, FaceParams, INTERFACE};
use serde_json::{Value, json};

use crate::source::Row;

/// Whether the question brings a picture or a device's token.
pub(crate) fn has_evidence(params: &Value) -> bool {
    serde_json::from_value::<FaceParams>(params.clone()).is_ok_and(|params| match params.evidence {
        FaceEvidence::Image(content) | FaceEvidence::Token(content) => !content.is_empty(),
    })
}

/// What the comparison says where nobody has set anything.
pub(crate) fn portrait(fact_type: &str) -> Option<Row> {
    let same = json!({"bdjg": "1", "xsdd": "A", "htjc": "1"});
    (fact_type == INTERFACE)
        .then(|| same.as_object().cloned())
        .flatten()
}
