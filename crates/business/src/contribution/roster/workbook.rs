//! What stands around the cells of a workbook: its kind, its sheets, its shared texts, its number formats.

use super::format::Formats;
use super::package::Package;
use super::refusal::Refusal;
use super::strings::SharedStrings;
use super::xml::{Xml, attribute, each_attribute, is_true};

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

#[cfg(test)]
mod tests {
    use super::*;

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
