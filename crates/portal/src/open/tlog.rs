//! `/tlog`: the evidence log for anyone to read and check (C2SP tlog-tiles): the checkpoint, the tiles, the entries, the keys.

use anju_casework::{Refusal, log};
use anju_evidence::tile::{TileId, WIDTH, parse_index};
use anju_evidence::transition;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::{Open, problem, proofs, refused};
use crate::problem::Problem;

/// What was sealed never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

const BYTES: &str = "application/octet-stream";

/// The routes of the log.
pub(super) fn routes() -> Router<Open> {
    Router::new()
        .route("/tlog/checkpoint", get(checkpoint))
        .route("/tlog/keys", get(keys))
        .route("/tlog/keys/{generation}/proof", get(proof_of_keys))
        .route("/tlog/tile/{level}/{*index}", get(tile))
}

/// The newest checkpoint.
async fn checkpoint(State(open): State<Open>) -> Result<Response, Problem> {
    let published = log::latest(&open.engine.office).await.map_err(problem)?;
    Ok(match published {
        Some(published) => (
            [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
            published.note,
        )
            .into_response(),
        None => (StatusCode::NOT_FOUND, "日志还没有叶子\n").into_response(),
    })
}

/// The public keys of the log and of its witnesses, and what the log has said of its changes of keys. For comparing: a verifier takes its
/// trust from elsewhere.
async fn keys(State(open): State<Open>) -> Result<String, Problem> {
    let office = &open.engine.office;
    let mut text = String::new();
    let witnesses = open.engine.witnesses.iter().map(|witness| witness.key());
    for key in log::keys(office)
        .await
        .map_err(problem)?
        .iter()
        .chain(witnesses)
    {
        text.push_str(&format!("{key}\n"));
    }
    for made in log::transitions(office).await.map_err(problem)?.iter() {
        text.push_str(&transition::line(&made.note));
    }
    Ok(text)
}

/// The proof that a change of keys is a leaf of the log.
async fn proof_of_keys(
    State(open): State<Open>,
    Path(generation): Path<String>,
) -> Result<Response, Problem> {
    let generation = generation
        .parse()
        .map_err(|_| refused(&Refusal::not_found("这次密钥交接")))?;
    let proof = log::prove_transition(&open.engine.office, generation)
        .await
        .map_err(problem)?;
    Ok(proofs::answer(proof))
}

/// A tile of hashes, or a bundle of entries (level `entries`), whole or its first `.p/{width}`.
async fn tile(
    State(open): State<Open>,
    Path((level, index)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let Some((index, width)) = place(&index) else {
        return Ok(StatusCode::NOT_FOUND.into_response());
    };
    let office = &open.engine.office;
    let found = if level == "entries" {
        match index.checked_mul(WIDTH as u64) {
            None => None,
            Some(from) => log::entries(office, from, width)
                .await
                .map_err(problem)?
                .and_then(|entries| bundle(&entries)),
        }
    } else {
        match level.parse::<u8>() {
            Ok(number) if number < 64 && number.to_string() == level => {
                let id = TileId {
                    level: number,
                    index,
                };
                log::tile(office, id, width).await.map_err(problem)?
            }
            _ => None,
        }
    };
    Ok(match found {
        Some(bytes) => (
            [
                (header::CONTENT_TYPE, HeaderValue::from_static(BYTES)),
                (header::CACHE_CONTROL, HeaderValue::from_static(FOR_EVER)),
            ],
            bytes,
        )
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    })
}

/// The index and the width of a tile's path: `x001/x234/067` or `x001/x234/067.p/12`.
fn place(path: &str) -> Option<(u64, usize)> {
    let (index, width) = match path.split_once(".p/") {
        None => (path, WIDTH),
        Some((index, width)) => {
            let number: usize = width.parse().ok()?;
            ((1..WIDTH).contains(&number) && number.to_string() == width)
                .then_some((index, number))?
        }
    };
    Some((parse_index(index)?, width))
}

/// Entries as the standard bundles them: each behind its length in two bytes.
fn bundle(entries: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for entry in entries {
        let length = u16::try_from(entry.len()).ok()?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(entry);
    }
    Some(bytes)
}
