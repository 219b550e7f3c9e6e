//! What stands around the cells of a workbook: its kind, its sheets, its shared texts, its number formats.

use std::io::Read;

use quick_xml::events::Event;

use super::package::{Metered, Package};
use super::refusal::Refusal;
use super::xml::{Xml, attribute, decode_escapes, each_attribute, is_true, push_reference};

/// The largest text memory that shared strings may take, in bytes, and their largest number: a roster of
/// 50,000 rows needs a twentieth.
const MAX_SHARED_BYTES: usize = 64 << 20;
const MAX_SHARED_TEXTS: usize = 4 << 20;
/// More relations or sheets than any workbook for people.
const MAX_SHEETS: usize = 256;

/// A workbook's plan.
pub(super) struct Workbook {
    pub(super) sheets: Vec<SheetPart>,
    /// Dates count from 1904 (old Macintosh files).
    pub(super) date_1904: bool,
    pub(super) strings: SharedStrings,
    pub(super) formats: Formats,
}

/// One worksheet of the workbook.
pub(super) struct SheetPart {
    pub(super) name: String,
    pub(super) part: String,
    pub(super) hidden: bool,
}

impl Workbook {
    /// Reads the plan. Every reason to refuse the package that can be seen here is named at once.
    pub(super) fn read(package: &mut Package<'_>) -> Result<Self, Vec<Refusal>> {
        let main = main_part(package).map_err(|refusal| vec![refusal])?;
        let mut refusals = Vec::new();
        if has_macros(package, &main.content_type) {
            refusals.push(Refusal::Macros);
        }
        match has_links(package) {
            Ok(true) => refusals.push(Refusal::Links),
            Ok(false) => {}
            Err(refusal) => refusals.push(refusal),
        }
        if !refusals.is_empty() {
            return Err(refusals);
        }
        Self::read_parts(package, &main.part).map_err(|refusal| vec![refusal])
    }

    fn read_parts(package: &mut Package<'_>, main: &str) -> Result<Self, Refusal> {
        let relations = relations_of(package, main)?;
        let part_of = |kind: &str| {
            relations
                .iter()
                .find(|relation| relation.kind == kind)
                .map(|relation| relation.target.clone())
        };
        let mut sheets = Vec::new();
        let mut date_1904 = false;
        Xml::new(package.part(main)?).each_element(|name, tag| {
            match name {
                "sheet" => {
                    let (mut sheet_name, mut id, mut hidden) =
                        (String::new(), String::new(), false);
                    each_attribute(tag, |name, value| match name {
                        "name" => value.clone_into(&mut sheet_name),
                        "id" => value.clone_into(&mut id),
                        "state" => hidden = value != "visible",
                        _ => {}
                    })?;
                    let relation = relations
                        .iter()
                        .find(|relation| relation.id == id)
                        .ok_or(Refusal::Damaged("工作表对不上"))?;
                    // Chart sheets and dialog sheets have no cells.
                    if relation.kind == "worksheet" {
                        sheets.push(SheetPart {
                            name: sheet_name,
                            part: relation.target.clone(),
                            hidden,
                        });
                    }
                }
                "workbookPr" => {
                    date_1904 = attribute(tag, "date1904")?.is_some_and(|value| is_true(&value))
                }
                _ => {}
            }
            if sheets.len() > MAX_SHEETS {
                Err(Refusal::Damaged("工作表过多"))
            } else {
                Ok(())
            }
        })?;
        let strings = match part_of("sharedStrings").filter(|part| package.has(part)) {
            Some(part) => SharedStrings::read(package.part(&part)?)?,
            None => SharedStrings::default(),
        };
        let formats = match part_of("styles").filter(|part| package.has(part)) {
            Some(part) => Formats::read(package.part(&part)?)?,
            None => Formats::default(),
        };
        Ok(Self {
            sheets,
            date_1904,
            strings,
            formats,
        })
    }
}

struct MainPart {
    part: String,
    content_type: String,
}

/// The workbook part, if this is a workbook at all.
fn main_part(package: &mut Package<'_>) -> Result<MainPart, Refusal> {
    const TYPES: &str = "[content_types].xml";
    if !package.has(TYPES) {
        return Err(Refusal::NotXlsx(if package.has("mimetype") {
            "OpenDocument 表格"
        } else {
            "普通压缩包"
        }));
    }
    let root = relations_in(package, "_rels/.rels", "")?;
    let part = root
        .into_iter()
        .find(|relation| relation.kind == "officeDocument")
        .map_or_else(|| "xl/workbook.xml".to_owned(), |relation| relation.target);
    let mut content_type = String::new();
    Xml::new(package.part(TYPES)?).each_element(|_, tag| {
        let (mut name, mut kind) = (String::new(), String::new());
        each_attribute(tag, |attribute, value| match attribute {
            "PartName" => name = value.trim_start_matches('/').to_lowercase(),
            "ContentType" => value.clone_into(&mut kind),
            _ => {}
        })?;
        if name == part.to_lowercase() {
            content_type = kind;
        }
        Ok(())
    })?;
    match content_type.as_str() {
        kind if kind.contains("wordprocessingml") || kind.contains("ms-word") => {
            Err(Refusal::NotXlsx("Word 文档"))
        }
        kind if kind.contains("presentationml") || kind.contains("ms-powerpoint") => {
            Err(Refusal::NotXlsx("PowerPoint 文档"))
        }
        kind if kind.contains("sheet.binary") => Err(Refusal::NotXlsx("二进制工作簿（.xlsb）")),
        kind if kind.contains("spreadsheetml.template") => {
            Err(Refusal::NotXlsx("Excel 模板（.xltx）"))
        }
        kind if kind.contains("spreadsheetml.sheet.main") || kind.contains("macroEnabled") => {
            Ok(MainPart { part, content_type })
        }
        // Some writers name the default type of .xml only.
        _ if package.has("xl/workbook.xml") => Ok(MainPart { part, content_type }),
        _ => Err(Refusal::NotXlsx("其他压缩格式的文档")),
    }
}

fn has_macros(package: &Package<'_>, content_type: &str) -> bool {
    let in_parts = package.names().any(|name| {
        name.ends_with("vbaproject.bin")
            || name.ends_with("vbadata.xml")
            || name.starts_with("xl/macrosheets/")
            || name.starts_with("xl/dialogsheets/")
    });
    in_parts || content_type.contains("macroEnabled")
}

/// Whether anything outside of the file is drawn upon. A hyperlink is text that a person may click.
fn has_links(package: &mut Package<'_>) -> Result<bool, Refusal> {
    let linking = |name: &str| {
        name.starts_with("xl/externallinks/")
            || name == "xl/connections.xml"
            || name.starts_with("xl/querytables/")
    };
    if package.names().any(linking) {
        return Ok(true);
    }
    let relation_parts: Vec<String> = package
        .names()
        .filter(|name| name.ends_with(".rels"))
        .map(str::to_owned)
        .collect();
    for part in relation_parts {
        if relations_in(package, &part, "")?
            .iter()
            .any(|relation| relation.external && relation.kind != "hyperlink")
        {
            return Ok(true);
        }
    }
    Ok(false)
}

struct Relation {
    id: String,
    /// The last word of the type: its prefix differs between the two variants of the standard.
    kind: String,
    target: String,
    external: bool,
}

fn relations_of(package: &mut Package<'_>, part: &str) -> Result<Vec<Relation>, Refusal> {
    let (folder, file) = part.rsplit_once('/').unwrap_or(("", part));
    relations_in(package, &format!("{folder}/_rels/{file}.rels"), folder)
}

fn relations_in(
    package: &mut Package<'_>,
    part: &str,
    folder: &str,
) -> Result<Vec<Relation>, Refusal> {
    if !package.has(part) {
        return Ok(Vec::new());
    }
    let mut relations = Vec::new();
    Xml::new(package.part(part)?).each_element(|name, tag| {
        if name == "Relationship" {
            let mut relation = Relation {
                id: String::new(),
                kind: String::new(),
                target: String::new(),
                external: false,
            };
            each_attribute(tag, |name, value| match name {
                "Id" => value.clone_into(&mut relation.id),
                "Type" => value
                    .rsplit('/')
                    .next()
                    .unwrap_or_default()
                    .clone_into(&mut relation.kind),
                "Target" => value.clone_into(&mut relation.target),
                "TargetMode" => relation.external = value.eq_ignore_ascii_case("external"),
                _ => {}
            })?;
            if !relation.external {
                relation.target = resolve(folder, &relation.target);
            }
            relations.push(relation);
        }
        Ok(())
    })?;
    Ok(relations)
}

/// A target relative to its part's folder as a name inside the package.
fn resolve(folder: &str, target: &str) -> String {
    let target = target.replace('\\', "/");
    let mut path: Vec<&str> = if target.starts_with('/') {
        Vec::new()
    } else {
        folder.split('/').collect()
    };
    for step in target.split('/') {
        match step {
            "" | "." => {}
            ".." => {
                path.pop();
            }
            step => path.push(step),
        }
    }
    path.retain(|step| !step.is_empty());
    path.join("/")
}

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

    fn read(part: Metered<'_, impl Read>) -> Result<Self, Refusal> {
        let mut xml = Xml::new(part);
        let mut strings = Self::default();
        let mut rich = RichText::default();
        loop {
            let event = xml.next()?;
            match &event {
                Event::End(tag) if tag.local_name().as_ref() == "si" => {
                    strings.push(rich.take())?
                }
                Event::Empty(tag) if tag.local_name().as_ref() == "si" => {
                    strings.push(String::new())?
                }
                Event::Eof => return Ok(strings),
                event => rich.accept(event)?,
            }
        }
    }

    fn push(&mut self, text: String) -> Result<(), Refusal> {
        self.text.push_str(&decode_escapes(&text));
        if self.text.len() > MAX_SHARED_BYTES || self.ends.len() >= MAX_SHARED_TEXTS {
            return Err(Refusal::TooLargeUnpacked);
        }
        self.ends
            .push(u32::try_from(self.text.len()).expect("bounded above"));
        Ok(())
    }
}

/// Gathers the text of a string item: all its runs, without the phonetic guide.
#[derive(Default)]
pub(super) struct RichText {
    text: String,
    inside_text: bool,
    inside_phonetic: bool,
}

impl RichText {
    /// Looks at one event inside of the item.
    pub(super) fn accept(&mut self, event: &Event<'_>) -> Result<(), Refusal> {
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
            Event::Text(text) => self.text.push_str(&text.xml10_content()),
            Event::CData(text) => self.text.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => push_reference(&mut self.text, reference)?,
            _ => {}
        }
        Ok(())
    }

    /// The text so far; a new item begins.
    pub(super) fn take(&mut self) -> String {
        self.inside_text = false;
        self.inside_phonetic = false;
        std::mem::take(&mut self.text)
    }
}

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

    fn read(part: Metered<'_, impl Read>) -> Result<Self, Refusal> {
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

    #[test]
    fn a_target_is_found_from_its_folder() {
        for (folder, target, part) in [
            ("xl", "worksheets/sheet1.xml", "xl/worksheets/sheet1.xml"),
            (
                "xl",
                "/xl/worksheets/sheet1.xml",
                "xl/worksheets/sheet1.xml",
            ),
            ("xl", "../custom\\sheet1.xml", "custom/sheet1.xml"),
            ("", "../../etc/passwd", "etc/passwd"),
        ] {
            assert_eq!(resolve(folder, target), part);
        }
    }
}
