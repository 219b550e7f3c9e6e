//! 起草的表单: a row of a parameter, or a whole file, put into a draft.

use std::collections::{BTreeMap, HashMap};

use anju_business::policy_change::{self as changes, Change, approval, draft};
use anju_casework::{Office, Refusal};
use anju_policy::compare::argument_name;
use anju_policy::edit::{self, Editable, NewRow, ShownRow};
use anju_policy::{PolicyFiles, PolicySet};
use axum::Form;
use axum::extract::{self, Multipart, Path};
use axum::response::Response;
use chrono::NaiveDate;

use crate::authorization::AtDesk;
use crate::components::{Cell, Column, Field, FieldKind, Line, Mistake, Table};
use crate::desk::policy::{answer, of};
use crate::pages::desk::{Editing, OwnRow};
use crate::pages::error::PageError;
use crate::security::Visit;
use crate::serve::Portal;
use crate::when;

/// How sure a value is.
const MARKS: [(&str, &str); 4] = [
    ("law", "国家规定或通知"),
    ("source", "本中心的文件"),
    ("assumed", "暂定"),
    ("recalled", "待核实"),
];

fn mark_word(mark: &str) -> &str {
    MARKS
        .iter()
        .find(|(known, _)| *known == mark)
        .map_or(mark, |(_, words)| *words)
}

/// What was typed, so that it comes back with its mistakes.
pub(super) type Typed = HashMap<String, String>;

pub(super) async fn editing(
    office: &Office,
    change: &Change,
    typed: &Typed,
    mistakes: &[Mistake],
) -> Result<Editing, PageError> {
    let files = changes::files(office, change).await?;
    let own = format!("{}/", office.centre.code);
    // A draft with mistakes has no values to show; its file is put right first.
    let parameters: Vec<Editable> = PolicySet::load(&files).map_or_else(
        |_| Vec::new(),
        |set| {
            files
                .files
                .keys()
                .filter(|file| file.starts_with(&own))
                .flat_map(|file| edit::parameters(&set, &files, file))
                .collect()
        },
    );
    let wanted = typed.get("parameter").map_or("", String::as_str);
    let chosen = parameters
        .iter()
        .find(|one| one.name == wanted)
        .or(parameters.first());
    let name = chosen.map_or("", |one| one.name.as_str()).to_owned();
    let base = changes::base_files(office, change).await?;
    // Nothing of a file that stands as it did is the draft's own.
    let changed = chosen.filter(|one| base.files.get(&one.file) != files.files.get(&one.file));
    let put_in = match changed {
        Some(one) => own_rows(one, &former(&base, one), approval::earliest(office)?),
        None => Vec::new(),
    };
    let options = parameters
        .iter()
        .map(|one| (one.name.clone(), one.label.clone()))
        .collect();
    Ok(Editing {
        choose: Field::select("parameter", "参数", options)
            .hint("国家定的数（缴存比例的上下限、利率）不在这里改，随程序版本更新；本中心的比例范围选“本中心缴存比例下限”或“上限”，只能在国家范围以内。")
            .value(name.clone()),
        own: put_in,
        rows: rows(chosen),
        fields: row_fields(office, chosen, typed, mistakes)?,
        label: chosen.map_or_else(String::new, |one| one.label.clone()),
        parameter: name,
        path: Field::new("path", "文件名", FieldKind::Text)
            .hint(format!("例如 {own}withdraw-rent.toml"))
            .value(typed.get("path").map_or("", String::as_str)),
    })
}

/// The rows of a parameter before the draft; none of one that is new.
fn former(base: &PolicyFiles, changed: &Editable) -> Vec<ShownRow> {
    let Ok(set) = PolicySet::load(base) else {
        return Vec::new();
    };
    edit::parameters(&set, base, &changed.file)
        .into_iter()
        .find(|one| one.name == changed.name)
        .map_or_else(Vec::new, |one| one.rows)
}

/// What the draft has put in.
fn own_rows(chosen: &Editable, former: &[ShownRow], earliest: NaiveDate) -> Vec<OwnRow> {
    chosen
        .rows
        .iter()
        .filter(|row| !former.contains(row))
        .map(|row| {
            let place = if row.tests.is_empty() {
                String::new()
            } else {
                format!("（{}）", row.tests)
            };
            let reaches_back = if row.from < earliest {
                "。早于变更最早能施行的日子，施行以前的月份也会按它算"
            } else {
                ""
            };
            OwnRow {
                words: format!(
                    "从 {} 起 {}{}{place}{reaches_back}",
                    when::iso(row.from),
                    row.value,
                    chosen.unit
                ),
                from: when::iso(row.from),
                tests: row.written.clone().into_iter().collect(),
            }
        })
        .collect()
}

fn rows(chosen: Option<&Editable>) -> Table {
    let lines = chosen
        .into_iter()
        .flat_map(|one| &one.rows)
        .take(60)
        .map(|row| {
            Line::new(vec![
                Cell::digits(when::iso(row.from)),
                Cell::new(row.tests.as_str()),
                Cell::new(row.value.as_str()),
                Cell::new(mark_word(&row.mark)),
                Cell::new(row.source.as_str()),
            ])
        })
        .collect();
    let unit = chosen.map_or("", |one| one.unit);
    let value = if unit == "元" {
        "取值（元）"
    } else {
        "取值"
    };
    Table::new(
        "rows",
        "这个参数现在的取值",
        vec![
            Column::words("从哪天起"),
            Column::words("适用"),
            Column::figures(value),
            Column::words("可靠程度"),
            Column::words("依据"),
        ],
        lines,
    )
    .cards()
    .empty("先改正草案里的错误，再改参数。")
}

fn row_fields(
    office: &Office,
    chosen: Option<&Editable>,
    typed: &Typed,
    mistakes: &[Mistake],
) -> Result<Vec<Field>, PageError> {
    let Some(chosen) = chosen else {
        return Ok(Vec::new());
    };
    let filled = |field: Field, name: &str, usual: &str| {
        let wrong = mistakes.iter().find(|mistake| mistake.field == name);
        let value = typed.get(name).map_or(usual, String::as_str).to_owned();
        field
            .value(value)
            .error(wrong.map(|mistake| mistake.words.clone()))
    };
    let earliest = when::iso(approval::earliest(office)?);
    let mut fields = vec![
        filled(
            Field::new(
                "value",
                format!("新的取值{}", unit(chosen)),
                FieldKind::Text,
            ),
            "value",
            "",
        ),
        filled(
            Field::new("from", "从哪天起", FieldKind::Date),
            "from",
            &earliest,
        ),
    ];
    for test in &chosen.tests {
        let (label, hint) = match test.strip_suffix("_min") {
            Some(argument) => (
                format!("{}至少", argument_name(argument)),
                "至少这么多才用；不限就空着".to_owned(),
            ),
            None if test == "region" => (
                argument_name(test).to_owned(),
                format!("{}，或六位区县代码；不限就空着", regions(office)),
            ),
            None => (
                argument_name(test).to_owned(),
                "代码；不限就空着".to_owned(),
            ),
        };
        fields.push(filled(
            Field::new(format!("test_{test}"), label, FieldKind::Text)
                .hint(hint)
                .optional(),
            &format!("test_{test}"),
            "",
        ));
    }
    let marks = MARKS.map(|(mark, words)| (mark.to_owned(), words.to_owned()));
    fields.push(filled(
        Field::select("mark", "可靠程度", marks.to_vec()),
        "mark",
        "source",
    ));
    fields.push(filled(
        Field::new("source", "依据", FieldKind::Text).hint("哪个通知、哪一条"),
        "source",
        "",
    ));
    Ok(fields)
}

/// central（中心城区）、city（本市）.
fn regions(office: &Office) -> String {
    let policy = office.policy();
    let names: Vec<String> = policy
        .set
        .regions()
        .filter(|region| region.is_of_districts())
        .map(|region| format!("{}（{}）", region.name, region.label))
        .collect();
    names.join("、")
}

fn unit(chosen: &Editable) -> String {
    if chosen.unit.is_empty() {
        String::new()
    } else {
        format!("（{}）", chosen.unit)
    }
}

/// `POST /desk/policy/{change}/row`.
pub(crate) async fn put_row(
    extract::State(portal): extract::State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(number): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let change = of(office, &number).await?;
    let text = |name: &str| typed.get(name).map_or("", |text| text.trim()).to_owned();
    let tests: BTreeMap<String, String> = typed
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("test_")?, value.trim())))
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let put = match text("from").parse::<NaiveDate>() {
        Ok(from) if text("take") == "yes" => {
            let name = text("parameter");
            draft::take_row(office, &change, &name, from, &tests, &at.staff).await
        }
        Err(_) => Err(
            Refusal::rule("E-POL-05", "请写明从哪天起，例如 2027-01-01。")
                .at("from")
                .into(),
        ),
        Ok(from) => {
            let row = NewRow {
                from,
                tests,
                value: text("value"),
                mark: text("mark"),
                source: text("source"),
            };
            draft::put_row(office, &change, &text("parameter"), &row, &at.staff).await
        }
    };
    answer(&portal, &visit, &at, &change, &typed, put).await
}

/// `POST /desk/policy/{change}/file`.
pub(crate) async fn put_file(
    extract::State(portal): extract::State<Portal>,
    visit: Visit,
    at: AtDesk,
    Path(number): Path<String>,
    mut parts: Multipart,
) -> Result<Response, PageError> {
    let office = &portal.engine.office;
    let change = of(office, &number).await?;
    let (mut path, mut file) = (String::new(), None);
    while let Some(part) = parts.next_field().await.map_err(|_| PageError::Stale)? {
        match part.name().unwrap_or_default() {
            "path" => path = part.text().await.map_err(|_| PageError::Stale)?,
            "file" => {
                let bytes = part.bytes().await.map_err(|_| PageError::TooLarge)?;
                file = Some(bytes.to_vec());
            }
            _ => {}
        }
    }
    let text = file.and_then(|bytes| String::from_utf8(bytes).ok());
    let put = match text {
        None => Err(
            Refusal::rule("E-POL-05", "请选择改好的文件，UTF-8 编码的文字。")
                .at("file")
                .into(),
        ),
        Some(text) => draft::put_file(office, &change, &path, text, &at.staff).await,
    };
    let typed = Typed::from([("path".to_owned(), path)]);
    answer(&portal, &visit, &at, &change, &typed, put).await
}
