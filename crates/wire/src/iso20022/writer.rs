//! XML underneath the messages that we write.
//!
//! Invariant: what is returned is well-formed and holds no text that the schema forbids.

use anju_domain::money::Fen;
use chrono::{DateTime, NaiveDate, Utc};

use super::IsoError;
use super::xml::{NAMESPACE, bad, shanghai};

/// Fen as an ISO decimal.
pub(super) fn decimal(amount: Fen) -> String {
    format!("{}.{:02}", amount.fen() / 100, amount.fen() % 100)
}

/// The longest text that the schema allows in an element.
#[derive(Clone, Copy)]
pub(super) struct Max(pub usize);

/// Identifiers.
pub(super) const ID: Max = Max(35);
/// Account numbers.
pub(super) const ACCOUNT: Max = Max(34);
/// Names of accounts.
pub(super) const ACCOUNT_NAME: Max = Max(70);
/// Names and free text.
pub(super) const TEXT: Max = Max(140);
/// Additional information of a status.
pub(super) const INFORMATION: Max = Max(105);

/// Writes one document. The first value that the schema forbids is kept and returned by `finish`.
pub(super) struct Writer {
    xml: String,
    open: Vec<&'static str>,
    fault: Option<IsoError>,
}

impl Writer {
    /// Begins a document of that message, such as `pain.001.001.09`.
    pub(super) fn document(message: &str) -> Writer {
        let mut xml = String::with_capacity(2048);
        xml.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document xmlns=\"");
        xml.push_str(NAMESPACE);
        xml.push_str(message);
        xml.push_str("\">");
        Writer {
            xml,
            open: vec!["Document"],
            fault: None,
        }
    }

    /// Writes an element and what `content` writes inside it.
    pub(super) fn element(&mut self, name: &'static str, content: impl FnOnce(&mut Writer)) {
        self.start(name);
        content(self);
        self.end();
    }

    fn start(&mut self, name: &'static str) {
        self.xml.push('<');
        self.xml.push_str(name);
        self.xml.push('>');
        self.open.push(name);
    }

    fn end(&mut self) {
        let name = self.open.pop().expect("every end has its start");
        self.xml.push_str("</");
        self.xml.push_str(name);
        self.xml.push('>');
    }

    /// Writes an element with text of 1 to `max` characters.
    pub(super) fn text(&mut self, name: &'static str, text: &str, max: Max) {
        let allowed = |c: char| c >= ' ' && c != '\u{fffe}' && c != '\u{ffff}';
        let length = text.chars().count();
        // Readers drop surrounding space: an identifier that begins or ends with it would come back changed.
        if length == 0 || length > max.0 || !text.chars().all(allowed) || text.trim() != text {
            self.fault.get_or_insert_with(|| bad(name, text));
            return;
        }
        self.start(name);
        self.xml.push_str(&quick_xml::escape::escape(text));
        self.end();
    }

    /// Writes the element if there is a text.
    pub(super) fn optional_text(&mut self, name: &'static str, text: Option<&str>, max: Max) {
        if let Some(text) = text {
            self.text(name, text, max);
        }
    }

    /// Writes an amount in renminbi, which is never negative.
    pub(super) fn amount(&mut self, name: &'static str, amount: Fen) {
        if amount < Fen::ZERO {
            self.fault
                .get_or_insert_with(|| bad(name, &amount.to_string()));
            return;
        }
        self.xml.push('<');
        self.xml.push_str(name);
        self.xml.push_str(" Ccy=\"CNY\">");
        self.xml.push_str(&decimal(amount));
        self.open.push(name);
        self.end();
    }

    /// Writes an instant as civil time with its offset.
    pub(super) fn instant(&mut self, name: &'static str, at: DateTime<Utc>) {
        let text = at
            .with_timezone(&shanghai())
            .format("%Y-%m-%dT%H:%M:%S%.3f%:z")
            .to_string();
        self.text(name, &text, ID);
    }

    /// Writes a day inside its choice: `<name><Dt>…</Dt></name>`.
    pub(super) fn day(&mut self, name: &'static str, day: NaiveDate) {
        self.element(name, |w| w.text("Dt", &day.to_string(), ID));
    }

    /// Closes the document.
    pub(super) fn finish(mut self) -> Result<String, IsoError> {
        while !self.open.is_empty() {
            self.end();
        }
        self.xml.push('\n');
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(self.xml),
        }
    }
}
