//! 凭据 as files: what a page hands out of the evidence log, to be checked anywhere.

use anju_casework::log::Proof;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::download;
use crate::pages::error::PageError;

/// The bundle as a file; until its leaf is sealed, a word that it will be there in a second.
pub(crate) fn file(name: &str, proof: Proof) -> Result<Response, PageError> {
    match proof {
        Proof::Sealed(bundle) => {
            let bytes = serde_json::to_vec(&bundle).map_err(anju_casework::Error::from)?;
            Ok(download::json(name, bytes))
        }
        Proof::Waiting => Ok((
            StatusCode::ACCEPTED,
            [
                (header::RETRY_AFTER, "1"),
                (header::REFRESH, "2"),
                (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
            ],
            "正在封存，约一秒后就好；这个网页会自己再取一次。\n",
        )
            .into_response()),
    }
}
