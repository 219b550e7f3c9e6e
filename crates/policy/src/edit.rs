//! A row of a parameter put into a file's text, with everything else of the text left as its author wrote it.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Value as Edited};

use crate::file::PolicyFiles;
use crate::load::day;
use crate::policy_set::PolicySet;
use crate::value::Type;

/// A row as a form gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRow {
    /// The first day on which it holds.
    pub from: NaiveDate,
    /// What else must hold, as the files write it: `region` = `central`, `children_min` = `2`.
    pub tests: BTreeMap<String, String>,
    /// The value as people write it: 1,800.00, 12%, 是.
    pub value: String,
    /// `law`, `source`, `assumed`, `recalled`.
    pub mark: String,
    /// The notice.
    pub source: String,
}

/// A parameter as a form shows it.
#[derive(Clone, Debug)]
pub struct Editable {
    /// `rent_cap_monthly`.
    pub name: String,
    /// 租房提取月限额.
    pub label: String,
    /// The file it stands in.
    pub file: String,
    /// How its values are written: 元, %, empty.
    pub unit: &'static str,
    /// The keys that its rows may be told apart by: `region`, `children_min`.
    pub tests: Vec<String>,
    /// Its rows, latest first: from, tests in words, value in words, source.
    pub rows: Vec<ShownRow>,
}

/// A row in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownRow {
    /// First day.
    pub from: NaiveDate,
    /// 地区：中心城区，未成年子女至少 2.
    pub tests: String,
    /// The same as the files write it.
    pub written: BTreeMap<String, String>,
    /// 1,500.00.
    pub value: String,
    /// `law`, `source`, `assumed`, `recalled`.
    pub mark: String,
    /// The notice.
    pub source: String,
}

/// The parameters of a file, in its order.
pub fn parameters(set: &PolicySet, files: &PolicyFiles, file: &str) -> Vec<Editable> {
    let Some(document) = files
        .files
        .get(file)
        .and_then(|text| text.parse::<DocumentMut>().ok())
    else {
        return Vec::new();
    };
    let tables = document.get("parameter").and_then(Item::as_array_of_tables);
    tables
        .into_iter()
        .flatten()
        .filter_map(|table| {
            let name = table.get("name")?.as_str()?;
            let parameter = set.parameter(name)?;
            let tests = parameter
                .arguments
                .iter()
                .filter_map(|argument| match argument.ty {
                    Type::Text => Some(argument.name.clone()),
                    Type::Int => Some(format!("{}_min", argument.name)),
                    _ => None,
                })
                .collect();
            let rows = parameter
                .rows
                .iter()
                .map(|row| ShownRow {
                    from: row.from,
                    tests: row.tests_in_words(parameter),
                    written: row.tests_as_written(parameter),
                    value: parameter.ty.text(&row.value),
                    mark: row.mark.clone(),
                    source: row.source.clone(),
                })
                .collect();
            Some(Editable {
                name: name.to_owned(),
                label: parameter.label.clone(),
                file: file.to_owned(),
                unit: match parameter.ty {
                    Type::Fen => "元",
                    Type::Bp => "%",
                    _ => "",
                },
                tests,
                rows,
            })
        })
        .collect()
}

/// Puts a row into the file that holds its parameter: in place of the one with the same day and tests, or as a new one. The text of the
/// file comes back with the file's name.
///
/// # Errors
/// In Chinese: no such parameter, a value that is none of its type.
pub fn put_row(
    set: &PolicySet,
    files: &PolicyFiles,
    name: &str,
    row: &NewRow,
) -> Result<(String, String), String> {
    let unknown = || format!("没有“{name}”这个参数");
    let parameter = set.parameter(name).ok_or_else(unknown)?;
    let value = parse(&row.value, parameter.ty)?;
    for (file, text) in &files.files {
        let Ok(mut document) = text.parse::<DocumentMut>() else {
            continue;
        };
        let Some(rows) = rows_of(&mut document, name) else {
            continue;
        };
        insert(rows, row, value)?;
        return Ok((file.clone(), document.to_string()));
    }
    Err(unknown())
}

/// Takes a row out that stands in `files` and not in `base`; one that stands there otherwise becomes again what it was. The text of the
/// file comes back with the file's name.
///
/// # Errors
/// In Chinese: no such row, or none that differs.
pub fn take_row(
    base: &PolicyFiles,
    files: &PolicyFiles,
    name: &str,
    from: NaiveDate,
    tests: &BTreeMap<String, String>,
) -> Result<(String, String), String> {
    for (file, text) in &files.files {
        let Ok(mut document) = text.parse::<DocumentMut>() else {
            continue;
        };
        let Some(rows) = rows_of(&mut document, name) else {
            continue;
        };
        let Some(at) = place(rows, from, tests) else {
            break;
        };
        let mut former = base
            .files
            .get(file)
            .and_then(|text| text.parse::<DocumentMut>().ok());
        let former = former
            .as_mut()
            .and_then(|document| rows_of(document, name))
            .and_then(|rows| rows.get(place(rows, from, tests)?).cloned());
        match former {
            Some(row) if rows.get(at).map(ToString::to_string) == Some(row.to_string()) => {
                return Err("这一行不是草案写进的，不能撤去；要停用它，另写一行新的取值".into());
            }
            Some(row) => {
                rows.replace_formatted(at, row);
            }
            None => {
                rows.remove(at);
            }
        }
        return Ok((file.clone(), document.to_string()));
    }
    Err("草案里没有这一行，可能已经撤去；请刷新页面".into())
}

/// The rows of a parameter in the file that holds it.
fn rows_of<'a>(document: &'a mut DocumentMut, name: &str) -> Option<&'a mut Array> {
    document
        .get_mut("parameter")
        .and_then(Item::as_array_of_tables_mut)?
        .iter_mut()
        .find(|table| table.get("name").and_then(Item::as_str) == Some(name))?
        .get_mut("values")?
        .as_array_mut()
}

/// Where the row of a day and tests stands.
fn place(rows: &Array, from: NaiveDate, tests: &BTreeMap<String, String>) -> Option<usize> {
    rows.iter().position(|row| {
        row.as_inline_table()
            .is_some_and(|held| is_same(held, from, tests))
    })
}

fn insert(rows: &mut Array, row: &NewRow, value: Edited) -> Result<(), String> {
    let same = place(rows, row.from, &row.tests);
    let mut fresh = InlineTable::new();
    fresh.insert("from", row.from.to_string().into());
    for (key, test) in &row.tests {
        let test: Edited = match (key.ends_with("_min"), test.parse::<i64>()) {
            (true, Ok(least)) => least.into(),
            (true, Err(_)) => return Err(format!("“{key}”要填整数")),
            (false, _) => test.as_str().into(),
        };
        fresh.insert(key, test);
    }
    fresh.insert("value", value);
    fresh.insert("mark", row.mark.as_str().into());
    fresh.insert("source", row.source.as_str().into());
    let mut fresh = Edited::InlineTable(fresh);
    match same {
        Some(index) => {
            if let Some(held) = rows.get(index) {
                *fresh.decor_mut() = held.decor().clone();
            }
            rows.replace_formatted(index, fresh);
        }
        None => push(rows, fresh),
    }
    Ok(())
}

/// A row on a line of its own, as the others stand.
fn push(rows: &mut Array, mut fresh: Edited) {
    fresh.decor_mut().set_prefix("\n  ");
    rows.push_formatted(fresh);
    rows.set_trailing_comma(true);
    rows.set_trailing("\n");
}

fn is_same(held: &InlineTable, from: NaiveDate, tests: &BTreeMap<String, String>) -> bool {
    let held_from = held.get("from").and_then(|from| {
        let text = from
            .as_str()
            .map_or_else(|| from.to_string(), str::to_owned);
        day(&toml::Value::String(text.trim().to_owned())).ok()
    });
    let held_tests: BTreeMap<String, String> = held
        .iter()
        .filter(|(key, _)| !matches!(*key, "from" | "value" | "mark" | "source" | "note"))
        .map(|(key, value)| {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string().trim().to_owned(), str::to_owned);
            (key.to_owned(), text)
        })
        .collect();
    held_from == Some(from) && held_tests == *tests
}

/// A value as people write it.
fn parse(text: &str, ty: Type) -> Result<Edited, String> {
    let text = text.trim().replace([',', '，'], "");
    let hundredths = |text: &str| -> Option<i64> {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let part = match part.len() {
            0 => 0,
            1 => part.parse::<i64>().ok()? * 10,
            2 => part.parse().ok()?,
            _ => return None,
        };
        let digits =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits(whole)
            .then(|| whole.parse::<i64>().ok())
            .flatten()?
            .checked_mul(100)?
            .checked_add(part)
    };
    match ty {
        Type::Fen => {
            let yuan = text.strip_suffix('元').unwrap_or(&text).trim().to_owned();
            let fen = hundredths(&yuan);
            fen.map(Into::into)
                .ok_or_else(|| "金额写成元，最多两位小数，例如 1,800.00".into())
        }
        Type::Bp => {
            let percent = text.strip_suffix('%').unwrap_or(&text).trim().to_owned();
            let bp = hundredths(&percent);
            bp.map(Into::into)
                .ok_or_else(|| "比例写成百分数，最多两位小数，例如 12 或 1.50%".into())
        }
        Type::Int => {
            let number = text.parse::<i64>();
            number
                .map(Into::into)
                .map_err(|_| "要填整数，例如 12".into())
        }
        Type::Bool => match text.as_str() {
            "是" | "true" => Ok(true.into()),
            "否" | "false" => Ok(false.into()),
            _ => Err("填“是”或“否”".into()),
        },
        Type::Date => match crate::value::parse_date(&text) {
            Some(date) => Ok(date.to_string().into()),
            None => Err("日期写成 2027-01-01".into()),
        },
        Type::Text => Ok(text.as_str().into()),
        _ => Err("这种参数不能在表单里改，请上传改好的文件".into()),
    }
}

/// The files with another version's name, so that a decision tells by which of two it was taken.
///
/// # Errors
/// In Chinese: no file says the version.
pub fn put_version(files: &PolicyFiles, version: &str) -> Result<(String, String), String> {
    for (file, text) in &files.files {
        let Ok(mut document) = text.parse::<DocumentMut>() else {
            continue;
        };
        let held = document.get_mut("policy").and_then(Item::as_table_mut);
        if let Some(held) = held {
            held.insert("version", toml_edit::value(version));
            return Ok((file.clone(), document.to_string()));
        }
    }
    Err("没有文件写明版本（[policy]）".into())
}

/// The version's name as the files say it.
#[must_use]
pub fn version_of(files: &PolicyFiles) -> Option<String> {
    files.files.values().find_map(|text| {
        let document = text.parse::<DocumentMut>().ok()?;
        let version = document.get("policy")?.get("version")?.as_str()?;
        Some(version.to_owned())
    })
}
