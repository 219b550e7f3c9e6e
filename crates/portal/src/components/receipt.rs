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
    /// Where it can be checked; none until its evidence is sealed.
    pub proof: Option<ProofAddress>,
}

/// Where a receipt can be checked.
#[derive(Debug, Clone)]
pub struct ProofAddress {
    /// The code of the address, as SVG drawn by [`ProofAddress::code_of`].
    pub code: String,
    /// The address.
    pub address: String,
    /// For people without a camera, in groups of four.
    pub short_code: String,
}

impl ProofAddress {
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
