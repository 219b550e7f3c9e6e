//! The shared texts of a workbook (共享字符串), and the text of one item: all its runs, no phonetic guide.

use std::borrow::Cow;
use std::io::Read;

use quick_xml::events::Event;

use super::package::Metered;
use super::refusal::Refusal;
use super::xml::{Xml, decode_escapes, push_text};

/// The largest text memory that shared strings may take, in bytes, and their largest number: a roster of
/// 50,000 rows needs a twentieth.
const MAX_SHARED_BYTES: usize = 64 << 20;
const MAX_SHARED_TEXTS: usize = 4 << 20;
/// The shared texts (共享字符串), in one piece of memory.
#[derive(Default)]
pub(super) struct SharedStrings {
    text: String,
    ends: Vec<u32>,
}

impl SharedStrings {
    pub(super) fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)? as usize;
        let start = if index == 0 {
            0
        } else {
            self.ends[index - 1] as usize
        };
        Some(&self.text[start..end])
    }

    pub(super) fn read(part: Metered<'_, impl Read>) -> Result<Self, Refusal> {
        let mut xml = Xml::new(part);
        let mut strings = Self::default();
        let mut runs = Runs::default();
        loop {
            while let Some((text, length)) = plain_item(xml.ahead()?) {
                strings.text.push_str(text);
                xml.take(length);
                strings.end()?;
            }
            let event = xml.next()?;
            match &event {
                Event::End(tag) if tag.local_name().as_ref() == "si" => {
                    runs = Runs::default();
                    strings.end()?;
                }
                Event::Empty(tag) if tag.local_name().as_ref() == "si" => strings.end()?,
                Event::Eof => return Ok(strings),
                event => runs.accept(event, &mut strings.text)?,
            }
        }
    }

    /// An item is complete.
    fn end(&mut self) -> Result<(), Refusal> {
        let start = self.ends.last().map_or(0, |end| *end as usize);
        if let Cow::Owned(decoded) = decode_escapes(&self.text[start..]) {
            self.text.truncate(start);
            self.text.push_str(&decoded);
        }
        if self.text.len() > MAX_SHARED_BYTES || self.ends.len() >= MAX_SHARED_TEXTS {
            return Err(Refusal::TooLargeUnpacked);
        }
        self.ends
            .push(u32::try_from(self.text.len()).expect("bounded above"));
        Ok(())
    }
}

/// The text of an item that is nothing else, `<si><t>…</t></si>`, with its length in bytes.
fn plain_item(bytes: &[u8]) -> Option<(&str, usize)> {
    const OPEN: &[u8] = b"<si><t>";
    const CLOSE: &[u8] = b"</t></si>";
    let rest = bytes.strip_prefix(OPEN)?;
    // A reference is resolved and a line break made one by the reader of events.
    let end = rest
        .iter()
        .position(|byte| matches!(byte, b'<' | b'&' | b'\r'))?;
    let text = rest[end..].starts_with(CLOSE).then_some(&rest[..end])?;
    let text = std::str::from_utf8(text).ok()?;
    Some((text, OPEN.len() + end + CLOSE.len()))
}

/// Where in a string item the reading is: its runs make the text, the phonetic guide does not.
#[derive(Default)]
pub(super) struct Runs {
    inside_text: bool,
    inside_phonetic: bool,
}

impl Runs {
    /// Looks at one event inside of the item; what is text is appended.
    pub(super) fn accept(&mut self, event: &Event<'_>, text: &mut String) -> Result<(), Refusal> {
        match event {
            Event::Start(tag) => match tag.local_name().as_ref() {
                "t" => self.inside_text = true,
                "rPh" => self.inside_phonetic = true,
                _ => {}
            },
            Event::End(tag) => match tag.local_name().as_ref() {
                "t" => self.inside_text = false,
                "rPh" => self.inside_phonetic = false,
                _ => {}
            },
            _ if !self.inside_text || self.inside_phonetic => {}
            event => push_text(text, event)?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_plain_only_where_it_is_nothing_but_its_text() {
        let plain = "<si><t>李梅</t></si><si>";
        assert_eq!(plain_item(plain.as_bytes()), Some(("李梅", 22)));
        for other in [
            "<si><t>李&amp;梅</t></si>",
            "<si><t>李\r\n梅</t></si>",
            "<si><t>李梅</t><rPh/></si>",
            "<si><t xml:space=\"preserve\"> </t></si>",
            "<si><t>李",
        ] {
            assert_eq!(plain_item(other.as_bytes()), None, "{other}");
        }
        assert_eq!(plain_item(b"<si><t>\xFF</t></si>"), None);
    }
}
