//! How the numbers of a workbook are shown: a percentage and a date are other numbers to a clerk.

use std::io::Read;

use quick_xml::events::Event;

use super::package::Metered;
use super::refusal::Refusal;
use super::xml::{Xml, attribute};

/// How a number is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Format {
    #[default]
    Plain,
    Percent,
    Date,
}

/// The number formats of the cell styles.
#[derive(Default)]
pub(super) struct Formats(Vec<Format>);

impl Formats {
    pub(super) fn get(&self, style: usize) -> Format {
        self.0.get(style).copied().unwrap_or_default()
    }

    pub(super) fn read(part: Metered<'_, impl Read>) -> Result<Self, Refusal> {
        let mut xml = Xml::new(part);
        let mut custom: Vec<(u32, Format)> = Vec::new();
        let mut styles = Vec::new();
        let mut inside_cell_styles = false;
        loop {
            match xml.next()? {
                Event::Start(tag) | Event::Empty(tag) => match tag.local_name().as_ref() {
                    "numFmt" => {
                        let id = attribute(&tag, "numFmtId")?.and_then(|id| id.parse().ok());
                        let code = attribute(&tag, "formatCode")?;
                        if let (Some(id), Some(code)) = (id, code) {
                            custom.push((id, format_of_code(&code)));
                        }
                    }
                    "cellXfs" => inside_cell_styles = true,
                    "xf" if inside_cell_styles => {
                        let id: u32 = attribute(&tag, "numFmtId")?
                            .and_then(|id| id.parse().ok())
                            .unwrap_or(0);
                        let own = custom
                            .iter()
                            .find(|(custom_id, _)| *custom_id == id)
                            .map(|(_, format)| *format);
                        styles.push(own.unwrap_or_else(|| built_in_format(id)));
                    }
                    _ => {}
                },
                Event::End(tag) if tag.local_name().as_ref() == "cellXfs" => {
                    inside_cell_styles = false
                }
                Event::Eof => return Ok(Self(styles)),
                _ => {}
            }
            // Excel's own bounds.
            if custom.len() > 4_000 || styles.len() > 65_490 {
                return Err(Refusal::Damaged("单元格样式过多"));
            }
        }
    }
}

/// ECMA-376 part 1, 18.8.30; 27 to 36 and 50 to 58 are dates in East Asian versions.
fn built_in_format(id: u32) -> Format {
    match id {
        9 | 10 => Format::Percent,
        14..=22 | 27..=36 | 45..=47 | 50..=58 => Format::Date,
        _ => Format::Plain,
    }
}

/// The kind of a format code, by its signs outside of quotes, brackets and escapes.
fn format_of_code(code: &str) -> Format {
    let mut signs = code.chars();
    let mut format = Format::Plain;
    while let Some(sign) = signs.next() {
        match sign {
            '"' => while signs.next().is_some_and(|c| c != '"') {},
            '[' => while signs.next().is_some_and(|c| c != ']') {},
            '\\' | '_' | '*' => {
                signs.next();
            }
            '%' => return Format::Percent,
            'y' | 'Y' | 'd' | 'D' | 'h' | 'H' | 's' | 'S' | 'm' | 'M' => format = Format::Date,
            // "General" and a colour name outside of brackets are words, not dates.
            'G' | 'g' if signs.as_str().to_ascii_lowercase().starts_with("eneral") => {
                signs.nth(5);
            }
            _ => {}
        }
    }
    format
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_code_says_how_a_number_is_shown() {
        for (code, format) in [
            ("General", Format::Plain),
            ("#,##0.00", Format::Plain),
            ("0%", Format::Percent),
            ("0.00\\ %", Format::Percent),
            ("yyyy\"年\"m\"月\"d\"日\"", Format::Date),
            ("[Red]#,##0.00;\"mdy%\"0", Format::Plain),
            ("[$-804]aaaa;@", Format::Plain),
            ("#,##0.00_d", Format::Plain),
        ] {
            assert_eq!(format_of_code(code), format, "{code}");
        }
    }
}
