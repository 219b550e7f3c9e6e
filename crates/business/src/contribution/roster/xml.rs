//! A part of the package as XML events. Nothing is expanded but the five entities and character
//! references; a document type declaration, which no workbook has, is a damage.

use std::io::{BufRead, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::package::Metered;
use super::refusal::Refusal;

/// A reader of one part.
pub(super) struct Xml<'m, R: Read> {
    reader: Reader<Metered<'m, R>>,
    buffer: Vec<u8>,
    depth: u32,
    /// The last event was the tag of an element: what follows begins a new event.
    after_tag: bool,
}

/// Deeper nesting than any workbook's.
const MAX_DEPTH: u32 = 64;

impl<'m, R: Read> Xml<'m, R> {
    pub(super) fn new(part: Metered<'m, R>) -> Self {
        Self {
            reader: Reader::from_reader(part),
            buffer: Vec::new(),
            depth: 0,
            after_tag: false,
        }
    }

    /// The next event; `Eof` only where every element was closed.
    pub(super) fn next(&mut self) -> Result<Event<'_>, Refusal> {
        self.buffer.clear();
        self.reader.get_mut().next_event();
        let event = self.reader.read_event_into(&mut self.buffer)?;
        self.after_tag = matches!(event, Event::Start(_) | Event::End(_) | Event::Empty(_));
        match event {
            Event::DocType(_) => return Err(Refusal::Damaged("含有不允许的文档类型声明")),
            Event::Start(_) => {
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return Err(Refusal::Damaged("嵌套过深"));
                }
            }
            Event::End(_) => self.depth = self.depth.saturating_sub(1),
            Event::Eof if self.depth > 0 => return Err(Refusal::Damaged("内容不完整")),
            _ => {}
        }
        Ok(event)
    }

    /// The bytes that come next, as far as they are at hand; nothing where the next event may have begun. A whole element may be taken from
    /// their beginning with [`Xml::take`]: to the events after it, it was never there. Of fifty thousand rows nearly all cells are of one
    /// plain form, which so costs a fifth of its events.
    pub(super) fn ahead(&mut self) -> Result<&[u8], Refusal> {
        if !self.after_tag {
            return Ok(&[]);
        }
        let part = self.reader.get_mut();
        part.next_event();
        part.fill_buf().map_err(|error| Refusal::of_io(&error))
    }

    /// Takes a whole element off the beginning of what is [`Xml::ahead`].
    pub(super) fn take(&mut self, length: usize) {
        self.reader.get_mut().consume(length);
    }

    /// Calls `visit` for each element that begins, with its name without prefix.
    pub(super) fn each_element(
        &mut self,
        mut visit: impl FnMut(&str, &BytesStart<'_>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        loop {
            match self.next()? {
                Event::Start(tag) | Event::Empty(tag) => visit(tag.local_name().as_ref(), &tag)?,
                Event::Eof => return Ok(()),
                _ => {}
            }
        }
    }
}

/// Calls `visit` for each attribute, by its name without prefix. By hand, since every cell passes here and
/// the library's iterator takes a third of the whole reading.
pub(super) fn each_attribute(
    tag: &BytesStart<'_>,
    mut visit: impl FnMut(&str, &str),
) -> Result<(), Refusal> {
    let damaged = || Refusal::Damaged("内容不是完整的 XML");
    let mut rest = tag.attributes_raw().trim_ascii();
    while !rest.is_empty() {
        let (name, value) = rest.split_once('=').ok_or_else(damaged)?;
        let name = name.trim_ascii_end();
        let value = value.trim_ascii_start();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let quote = quote.ok_or_else(damaged)?;
        let (value, after) = value[1..].split_once(quote).ok_or_else(damaged)?;
        rest = after.trim_ascii_start();
        let local_name = name.rsplit(':').next().unwrap_or(name);
        if value.contains('&') {
            let value = quick_xml::escape::unescape(value).map_err(|_| damaged())?;
            visit(local_name, &value);
        } else {
            visit(local_name, value);
        }
    }
    Ok(())
}

/// The value of one attribute.
pub(super) fn attribute(tag: &BytesStart<'_>, wanted: &str) -> Result<Option<String>, Refusal> {
    let mut found = None;
    each_attribute(tag, |name, value| {
        if name == wanted {
            found = Some(value.to_owned());
        }
    })?;
    Ok(found)
}

/// XML's boolean.
pub(super) fn is_true(value: &str) -> bool {
    matches!(value.trim(), "1" | "true")
}

/// Appends the text that an event carries, if it is one that does.
pub(super) fn push_text(text: &mut String, event: &Event<'_>) -> Result<(), Refusal> {
    match event {
        Event::Text(piece) => text.push_str(&piece.xml10_content()),
        Event::CData(piece) => text.push_str(&piece.xml10_content()),
        Event::GeneralRef(reference) => text.push(character_of(reference)?),
        _ => {}
    }
    Ok(())
}

/// What a reference stands for.
fn character_of(reference: &BytesRef<'_>) -> Result<char, Refusal> {
    let damaged = Refusal::Damaged("内容不是完整的 XML");
    match &**reference {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => reference
            .resolve_char_ref()
            .map_err(|_| damaged.clone())?
            .ok_or(damaged),
    }
}

/// Decodes `_x000D_`, the way in which a spreadsheet writes characters that XML forbids.
pub(super) fn decode_escapes(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.as_bytes().contains(&b'_') || !text.contains("_x") {
        return text.into();
    }
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("_x") {
        decoded.push_str(&rest[..at]);
        rest = &rest[at..];
        match escaped(rest) {
            Some(character) => {
                decoded.push(character);
                rest = &rest[ESCAPE_BYTES..];
            }
            None => {
                decoded.push_str("_x");
                rest = &rest[2..];
            }
        }
    }
    decoded.push_str(rest);
    decoded.into()
}

const ESCAPE_BYTES: usize = "_x000D_".len();

fn escaped(text: &str) -> Option<char> {
    let digits = text.get(2..ESCAPE_BYTES - 1)?;
    let closed = text.as_bytes().get(ESCAPE_BYTES - 1) == Some(&b'_');
    let hexadecimal = digits.bytes().all(|b| b.is_ascii_hexdigit());
    (closed && hexadecimal).then(|| {
        u32::from_str_radix(digits, 16)
            .ok()
            .and_then(char::from_u32)
    })?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_characters_are_decoded_once() {
        for (text, meant) in [
            ("张_x0007_三", "张\u{7}三"),
            ("_x005F_x0007_", "_x0007_"),
            ("_x00G7_", "_x00G7_"),
            ("_x00", "_x00"),
            ("_x_x000A_", "_x\n"),
            ("_xD800_", "_xD800_"),
        ] {
            assert_eq!(decode_escapes(text), meant, "{text}");
        }
    }
}
