//! XML underneath the messages that we read: a bounded tree.
//!
//! Invariant: a tree is never deeper or larger than the bounds below.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, Utc};
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};
use quick_xml::reader::NsReader;

use anju_domain::money::Fen;

use super::IsoError;

const MAX_BYTES: usize = 64 << 20;
const MAX_DEPTH: usize = 64;
const MAX_ELEMENTS: usize = 2_000_000;
/// `totalDigits` of an ISO amount.
const MAX_AMOUNT_DIGITS: usize = 18;
pub(super) const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:";
const SHANGHAI_SECONDS: i32 = 8 * 3600;

/// One element of a message with its children of the message's own namespace.
#[derive(Debug, Default)]
pub(super) struct Element {
    name: String,
    text: String,
    currency: Option<String>,
    children: Vec<Element>,
}

/// The version of the message, such as `08` of `camt.053.001.08`.
pub(super) fn version_of<'a>(message: &'a str, family: &str) -> Option<&'a str> {
    message.strip_prefix(family)?.strip_prefix('.')
}

/// Reads a whole document: its message name (`camt.053.001.08`) and the one element inside `Document`.
pub(super) fn read(bytes: &[u8], expected: &'static str) -> Result<(String, Element), IsoError> {
    if bytes.len() > MAX_BYTES {
        return Err(IsoError::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| IsoError::NotUtf8)?;
    let mut reader = NsReader::from_str(text.trim_start_matches('\u{feff}'));
    let other = |found: &str| IsoError::OtherMessage {
        expected,
        found: found.chars().take(80).collect(),
    };

    let mut message: Option<String> = None;
    let mut open: Vec<Element> = Vec::new();
    let mut whole: Option<Element> = None;
    // Depth inside an element of a foreign namespace, which is skipped with all that it holds.
    let mut foreign_depth = 0_usize;
    let mut elements = 0_usize;
    loop {
        let at = reader.buffer_position();
        let broken = |why: &dyn std::fmt::Display| IsoError::NotXml {
            at,
            why: why.to_string(),
        };
        let event = reader.read_event().map_err(|why| broken(&why))?;
        match event {
            Event::Start(start) | Event::Empty(start) if whole.is_some() => {
                return Err(broken(&format!("<{}> 在根元素之后", start.name().as_ref())));
            }
            Event::Start(ref start) | Event::Empty(ref start) => {
                elements += 1;
                if elements > MAX_ELEMENTS || open.len() + foreign_depth >= MAX_DEPTH {
                    return Err(IsoError::TooLarge);
                }
                let empty = matches!(event, Event::Empty(_));
                let namespace = match reader.resolver().resolve_element(start.name()).0 {
                    ResolveResult::Bound(Namespace(namespace)) => Some(namespace),
                    ResolveResult::Unbound => None,
                    ResolveResult::Unknown(prefix) => {
                        return Err(broken(&format!("前缀 {prefix} 没有声明")));
                    }
                };
                let ours = namespace.and_then(|namespace| namespace.strip_prefix(NAMESPACE));
                match &message {
                    None if ours.is_none() => {
                        return Err(other(namespace.unwrap_or(start.local_name().as_ref())));
                    }
                    None => message = ours.map(str::to_owned),
                    Some(_) => {}
                }
                if foreign_depth > 0 || ours != message.as_deref() {
                    foreign_depth += usize::from(!empty);
                    continue;
                }
                let element = begin(start).map_err(|why| broken(&why))?;
                if empty {
                    close(element, &mut open, &mut whole);
                } else {
                    open.push(element);
                }
            }
            Event::End(_) if foreign_depth > 0 => foreign_depth -= 1,
            Event::End(_) => {
                if let Some(element) = open.pop() {
                    close(element, &mut open, &mut whole);
                }
            }
            Event::Text(text) if foreign_depth == 0 => append(&mut open, &text.xml10_content()),
            Event::CData(text) if foreign_depth == 0 => append(&mut open, &text.xml10_content()),
            Event::GeneralRef(reference) if foreign_depth == 0 => {
                let character = reference.resolve_char_ref().map_err(|why| broken(&why))?;
                match character {
                    Some(character) => append(&mut open, character.encode_utf8(&mut [0; 4])),
                    None => append(&mut open, predefined(&reference.into_inner())?),
                }
            }
            Event::DocType(_) => return Err(IsoError::DocumentType),
            Event::Eof => break,
            _ => {}
        }
    }
    let (Some(message), Some(document)) = (message, whole) else {
        return Err(IsoError::NotXml {
            at: reader.buffer_position(),
            why: "报文不完整".into(),
        });
    };
    if document.name != "Document" || document.children.len() != 1 {
        return Err(other(&document.name));
    }
    let content = document
        .children
        .into_iter()
        .next()
        .expect("the length was just checked");
    Ok((message, content))
}

fn begin(start: &BytesStart<'_>) -> Result<Element, quick_xml::Error> {
    let mut currency = None;
    for attribute in start.attributes() {
        let attribute = attribute?;
        if attribute.key.as_ref() == "Ccy" {
            currency = Some(
                attribute
                    .normalized_value(XmlVersion::Implicit1_0)?
                    .into_owned(),
            );
        }
    }
    Ok(Element {
        name: start.local_name().as_ref().to_owned(),
        currency,
        ..Element::default()
    })
}

fn close(element: Element, open: &mut [Element], whole: &mut Option<Element>) {
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None => *whole = Some(element),
    }
}

fn append(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn predefined(entity: &str) -> Result<&'static str, IsoError> {
    Ok(match entity {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => return Err(IsoError::DocumentType),
    })
}

impl Element {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// All children of that name, in order.
    pub(super) fn all<'a, 'n>(
        &'a self,
        name: &'n str,
    ) -> impl Iterator<Item = &'a Element> + use<'a, 'n> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The element at the end of the path (`Refs/EndToEndId`), if there; each step may stand once.
    pub(super) fn optional(&self, path: &str) -> Result<Option<&Element>, IsoError> {
        let mut here = self;
        for name in path.split('/') {
            let mut found = here.all(name);
            let Some(first) = found.next() else {
                return Ok(None);
            };
            if found.next().is_some() {
                return Err(IsoError::Repeated {
                    parent: here.name.clone(),
                    element: name.to_owned(),
                });
            }
            here = first;
        }
        Ok(Some(here))
    }

    /// The element at the end of the path.
    pub(super) fn required(&self, path: &str) -> Result<&Element, IsoError> {
        self.optional(path)?.ok_or_else(|| IsoError::Missing {
            parent: self.name.clone(),
            element: path.to_owned(),
        })
    }

    /// The text at the end of the path without surrounding space; an empty one counts as absent.
    pub(super) fn text(&self, path: &str) -> Result<Option<String>, IsoError> {
        let text = self.optional(path)?.map(|element| element.text.trim());
        Ok(text.filter(|text| !text.is_empty()).map(str::to_owned))
    }

    /// The text at the end of the path, which must be there.
    pub(super) fn required_text(&self, path: &str) -> Result<String, IsoError> {
        self.text(path)?.ok_or_else(|| IsoError::Missing {
            parent: self.name.clone(),
            element: path.to_owned(),
        })
    }

    /// An identifier of at most 35 characters.
    pub(super) fn required_id(&self, path: &str) -> Result<String, IsoError> {
        let text = self.required_text(path)?;
        if text.chars().count() > 35 {
            Err(bad(path, &text))
        } else {
            Ok(text)
        }
    }

    /// This element's own text.
    pub(super) fn own_text(&self) -> &str {
        self.text.trim()
    }

    /// The amount at the end of the path; it must be in renminbi.
    pub(super) fn amount(&self, path: &str) -> Result<Option<Fen>, IsoError> {
        let Some(element) = self.optional(path)? else {
            return Ok(None);
        };
        match element.currency.as_deref() {
            Some("CNY") => {}
            other => return Err(IsoError::Currency(other.unwrap_or_default().to_owned())),
        }
        fen(element.own_text())
            .map(Some)
            .ok_or_else(|| bad(path, element.own_text()))
    }

    /// The amount at the end of the path, which must be there.
    pub(super) fn required_amount(&self, path: &str) -> Result<Fen, IsoError> {
        self.amount(path)?.ok_or_else(|| IsoError::Missing {
            parent: self.name.clone(),
            element: path.to_owned(),
        })
    }

    /// A day: `Dt`, or the civil day of `DtTm`, in the element at the end of the path.
    pub(super) fn day(&self, path: &str) -> Result<Option<NaiveDate>, IsoError> {
        let Some(choice) = self.optional(path)? else {
            return Ok(None);
        };
        if let Some(text) = choice.text("Dt")? {
            return day(&text).map(Some).ok_or_else(|| bad(path, &text));
        }
        Ok(choice
            .instant("DtTm")?
            .map(|at| at.with_timezone(&shanghai()).date_naive()))
    }

    /// An instant; without an offset it is civil time of Shanghai.
    pub(super) fn instant(&self, path: &str) -> Result<Option<DateTime<Utc>>, IsoError> {
        let Some(text) = self.text(path)? else {
            return Ok(None);
        };
        instant(&text).map(Some).ok_or_else(|| bad(path, &text))
    }
}

pub(super) fn missing(parent: &str, element: &str) -> IsoError {
    IsoError::Missing {
        parent: parent.to_owned(),
        element: element.to_owned(),
    }
}

pub(super) fn bad(element: &str, value: &str) -> IsoError {
    IsoError::Value {
        element: element.to_owned(),
        value: value.chars().take(80).collect(),
    }
}

/// Yuan of an ISO decimal to fen: no sign, exponent or separators; decimals past the second only if they are zero.
pub(super) fn fen(text: &str) -> Option<Fen> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|digit| digit.is_ascii_digit());
    if whole.len() + decimals.len() == 0 || !digits(whole) || !digits(decimals) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let decimals = decimals.trim_end_matches('0');
    if decimals.len() > 2 || whole.len() > MAX_AMOUNT_DIGITS - 2 {
        return None;
    }
    format!("{whole}{decimals:0<2}").parse().ok().map(Fen::new)
}

fn day(text: &str) -> Option<NaiveDate> {
    // xs:date may carry an offset after the ten characters of the day.
    let (day, offset) = text.split_at_checked(10)?;
    let offset_is_plain = offset.is_empty() || offset == "Z" || offset.starts_with(['+', '-']);
    if offset_is_plain {
        day.parse().ok()
    } else {
        None
    }
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.to_utc());
    }
    let local: NaiveDateTime = text.parse().ok()?;
    local
        .and_local_timezone(shanghai())
        .single()
        .map(|at| at.to_utc())
}

pub(super) fn shanghai() -> FixedOffset {
    FixedOffset::east_opt(SHANGHAI_SECONDS).expect("eight hours are a valid offset")
}
