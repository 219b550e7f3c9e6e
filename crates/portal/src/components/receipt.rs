//! 凭据: fits A5, can be checked by anyone, with or without a camera.

use anju_domain::money::Fen;
use askama::Template;

use super::{State, Text, filters, prints_itself};

/// The receipt of a case.
#[derive(Debug, Clone, Template)]
#[template(path = "components/receipt.html")]
pub struct Receipt {
    /// The service.
    pub service: String,
    /// The person, masked.
    pub person: String,
    /// How much, where money moved.
    pub amount: Option<Fen>,
    /// How it stands.
    pub state: State,
    /// Case number, times, policy version, card tail.
    pub rows: Vec<(String, Text)>,
    /// The code of the address below, as SVG drawn by [`Receipt::code_of`].
    pub code: String,
    /// Where the proof is.
    pub address: String,
    /// For people without a camera, in groups of four.
    pub short_code: String,
}

impl Receipt {
    /// Draws an address as a QR code with a quiet zone.
    ///
    /// # Panics
    /// When the address is longer than a code can hold (about 2,900 bytes): our addresses are under 200.
    #[must_use]
    pub fn code_of(address: &str) -> String {
        let svg = qrcode::QrCode::new(address)
            .expect("our addresses fit a code")
            .render::<qrcode::render::svg::Color<'_>>()
            .quiet_zone(true)
            .min_dimensions(160, 160)
            .build();
        let start = svg.find("<svg").unwrap_or(0);
        svg[start..].to_owned()
    }
}

prints_itself!(Receipt);
