//! 下载: what a page hands out as a file: figures as csv, rosters as xlsx, papers as pdf.

use anju_domain::money::Fen;
use axum::http::header;
use axum::response::{IntoResponse, Response};

/// A csv file named `{name}.csv`. A mark at its start makes spreadsheets read Chinese as UTF-8.
pub(crate) fn csv(name: &str, text: &str) -> Response {
    file(
        "text/csv; charset=utf-8",
        &format!("{name}.csv"),
        format!("\u{feff}{text}").into_bytes(),
    )
}

/// An Excel workbook named `{name}.xlsx`.
pub(crate) fn workbook(name: &str, bytes: Vec<u8>) -> Response {
    file(
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        &format!("{name}.xlsx"),
        bytes,
    )
}

/// A paper named `{name}.pdf`.
pub(crate) fn pdf(name: &str, bytes: Vec<u8>) -> Response {
    file("application/pdf", &format!("{name}.pdf"), bytes)
}

/// Certificates named `{name}.pem` (RFC 8555 §9.1).
pub(crate) fn pem(name: &str, text: String) -> Response {
    file(
        "application/pem-certificate-chain",
        &format!("{name}.pem"),
        text.into_bytes(),
    )
}

/// A proof named `{name}.json`.
pub(crate) fn json(name: &str, bytes: Vec<u8>) -> Response {
    file("application/json", &format!("{name}.json"), bytes)
}

/// Yuan as a machine reads them: `15000.00`, `-3600.00`.
pub(crate) fn plain(amount: Fen) -> String {
    let fen = amount.fen();
    let sign = if fen < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", fen.abs() / 100, fen.abs() % 100)
}

fn file(mime: &'static str, name: &str, bytes: Vec<u8>) -> Response {
    (
        [
            (header::CONTENT_TYPE, mime.to_owned()),
            (
                header::CONTENT_DISPOSITION,
                format!("attachment; filename=\"{name}\""),
            ),
        ],
        bytes,
    )
        .into_response()
}
