//! What two versions of the rules say differently: row by row and condition by condition, in words for a person; which services decide
//! otherwise; and both versions as they will stand on a later day, so that a change of next year can be tried on the cases of this one.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use toml::{Table, Value as Toml};

use crate::file::{LoadError, PolicyFiles, RawParameter};
use crate::load::{day, typed};
use crate::policy_set::PolicySet;
use crate::value::Type;
use anju_domain::calendar;

/// One thing that the two say differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// `chongqing/centre.toml`.
    pub file: String,
    /// What kind of thing.
    pub part: Part,
    /// `rent_cap_monthly`, `RENT-02`.
    pub name: String,
    /// 租房提取月限额.
    pub label: String,
    /// Of a parameter's row: 2027年1月1日起，地区：中心城区; of another part: which of its fields.
    pub place: String,
    /// In words; nothing where it did not stand.
    pub before: Option<String>,
    /// In words; nothing where it does not stand any more.
    pub after: Option<String>,
    /// The notice or article of what stands now.
    pub source: String,
    /// From when it holds, where it says so.
    pub from: Option<NaiveDate>,
}

/// What of the files a difference is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// A number or code by date and place.
    Parameter,
    /// A condition.
    Condition,
    /// A formula, an amount, a fact that is asked for, a definition: what stands in one piece.
    Rule,
}

/// Rows before this many months hold in both versions as they will stand later.
const LONG_AGO_MONTHS: u32 = 1200;

/// The tables whose entries have a name of their own, with the key that holds it.
const NAMED: [(&str, &str, &str); 8] = [
    ("define", "name", "公式"),
    ("name", "name", "名称"),
    ("region", "name", "区域"),
    ("fact", "type", "事实"),
    ("agree", "name", "核对"),
    ("needs", "type", "所需事实"),
    ("group", "name", "一组角色"),
    ("calendar", "year", "日历"),
];

/// Tables that stand once in a file.
const SINGLE: [(&str, &str); 5] = [
    ("claim", "占用的事项"),
    ("service", "事项定义"),
    ("amount", "金额"),
    ("policy", "版本"),
    ("precedence", "来源的先后"),
];

/// What two versions say differently, file by file. Files that are not TOML are compared as texts.
pub fn differences(before: &PolicyFiles, after: &PolicyFiles) -> Vec<Difference> {
    let mut found = Vec::new();
    let files: BTreeSet<&String> = before.files.keys().chain(after.files.keys()).collect();
    let regions = region_labels(after)
        .into_iter()
        .chain(region_labels(before))
        .collect();
    for file in files {
        let (old, new) = (before.files.get(file), after.files.get(file));
        if old == new {
            continue;
        }
        let read = |text: Option<&String>| text.map_or(Ok(Table::new()), |text| text.parse());
        match (read(old), read(new)) {
            (Ok(old), Ok(new)) => Comparison {
                file,
                regions: &regions,
                found: &mut found,
            }
            .tables(&old, &new),
            _ => found.push(Difference {
                file: file.clone(),
                part: Part::Rule,
                name: file.clone(),
                label: "整个文件".into(),
                place: String::new(),
                before: old.cloned(),
                after: new.cloned(),
                source: String::new(),
                from: None,
            }),
        }
    }
    found
}

fn region_labels(files: &PolicyFiles) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    for text in files.files.values() {
        let Ok(table) = text.parse::<Table>() else {
            continue;
        };
        for region in entries(&table, "region") {
            if let (Some(name), Some(label)) = (text_of(region, "name"), text_of(region, "label")) {
                labels.insert(name.to_owned(), label.to_owned());
            }
        }
    }
    labels
}

fn entries<'t>(table: &'t Table, name: &str) -> impl Iterator<Item = &'t Table> {
    table
        .get(name)
        .and_then(Toml::as_array)
        .into_iter()
        .flatten()
        .filter_map(Toml::as_table)
}

fn text_of<'t>(table: &'t Table, key: &str) -> Option<&'t str> {
    table.get(key).and_then(Toml::as_str)
}

struct Comparison<'a> {
    file: &'a str,
    regions: &'a BTreeMap<String, String>,
    found: &'a mut Vec<Difference>,
}

impl Comparison<'_> {
    fn tables(&mut self, old: &Table, new: &Table) {
        self.parameters(old, new);
        self.conditions(old, new);
        for (table, key, label) in NAMED {
            let named = |table_of: &Table| -> BTreeMap<String, Table> {
                entries(table_of, table)
                    .map(|entry| {
                        let name = entry.get(key).map(bare).unwrap_or_default();
                        // A fact may be asked of two roles.
                        let role = text_of(entry, "role").unwrap_or_default();
                        (format!("{name} {role}").trim().to_owned(), entry.clone())
                    })
                    .collect()
            };
            let (old, new) = (named(old), named(new));
            let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for name in names {
                self.fields(name, label, old.get(name), new.get(name));
            }
        }
        for (table, label) in SINGLE {
            let single = |of: &Table| of.get(table).and_then(Toml::as_table).cloned();
            self.fields(table, label, single(old).as_ref(), single(new).as_ref());
        }
        for (table, label) in [("review", "转人工的情形"), ("event", "会计分录")] {
            if old.get(table) != new.get(table) {
                let whole = |of: &Table| of.get(table).map(bare);
                self.push(
                    Part::Rule,
                    table,
                    label,
                    "",
                    whole(old),
                    whole(new),
                    "",
                    None,
                );
            }
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one difference, told in one place"
    )]
    fn push(
        &mut self,
        part: Part,
        name: &str,
        label: &str,
        place: &str,
        before: Option<String>,
        after: Option<String>,
        source: &str,
        from: Option<NaiveDate>,
    ) {
        self.found.push(Difference {
            file: self.file.to_owned(),
            part,
            name: name.to_owned(),
            label: label.to_owned(),
            place: place.to_owned(),
            before,
            after,
            source: source.to_owned(),
            from,
        });
    }

    /// Field by field, where something stands on both sides; else as a whole.
    fn fields(&mut self, name: &str, kind: &str, old: Option<&Table>, new: Option<&Table>) {
        let label = |of: &Table| {
            let own = text_of(of, "label").or_else(|| text_of(of, "name_zh"));
            own.map_or_else(|| kind.to_owned(), |own| format!("{kind}：{own}"))
        };
        match (old, new) {
            (Some(old), Some(new)) => {
                let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
                for key in keys {
                    let (before, after) = (old.get(key), new.get(key));
                    if before != after {
                        let said = |value: Option<&Toml>| value.map(bare);
                        let law = new.get("law").map(bare).unwrap_or_default();
                        let (label, key) = (label(new), field_name(key));
                        self.push(
                            Part::Rule,
                            name,
                            &label,
                            key,
                            said(before),
                            said(after),
                            &law,
                            None,
                        );
                    }
                }
            }
            (Some(one), None) | (None, Some(one)) => {
                let whole = Some(bare(&Toml::Table(one.clone())));
                let (before, after) = if old.is_some() {
                    (whole, None)
                } else {
                    (None, whole)
                };
                let label = label(one);
                self.push(Part::Rule, name, &label, "", before, after, "", None);
            }
            (None, None) => {}
        }
    }

    fn conditions(&mut self, old: &Table, new: &Table) {
        let by_code = |of: &Table| -> BTreeMap<String, Table> {
            entries(of, "condition")
                .map(|entry| {
                    let code = text_of(entry, "code").unwrap_or_default();
                    // A condition may follow another of the same code on a later day.
                    let from = entry.get("from").map(bare).unwrap_or_default();
                    (format!("{code} {from}"), entry.clone())
                })
                .collect()
        };
        let (old, new) = (by_code(old), by_code(new));
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for key in keys {
            let code = key.split(' ').next().unwrap_or_default();
            let name = |of: &Table| text_of(of, "name").unwrap_or_default().to_owned();
            let law = |of: &Table| text_of(of, "law").unwrap_or_default().to_owned();
            let from = |of: &Table| of.get("from").and_then(|from| day(from).ok());
            match (old.get(key), new.get(key)) {
                (Some(before), Some(after)) => {
                    let fields: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
                    for field in fields {
                        if before.get(field) != after.get(field) {
                            self.push(
                                Part::Condition,
                                code,
                                &name(after),
                                field_name(field),
                                before.get(field).map(bare),
                                after.get(field).map(bare),
                                &law(after),
                                from(after),
                            );
                        }
                    }
                }
                (Some(gone), None) => {
                    let when = text_of(gone, "when").map(tidy);
                    self.push(
                        Part::Condition,
                        code,
                        &name(gone),
                        "整条条件",
                        when,
                        None,
                        &law(gone),
                        from(gone),
                    );
                }
                (None, Some(fresh)) => {
                    let when = text_of(fresh, "when").map(tidy);
                    self.push(
                        Part::Condition,
                        code,
                        &name(fresh),
                        "整条条件",
                        None,
                        when,
                        &law(fresh),
                        from(fresh),
                    );
                }
                (None, None) => {}
            }
        }
    }

    fn parameters(&mut self, old: &Table, new: &Table) {
        let by_name = |of: &Table| -> BTreeMap<String, Table> {
            entries(of, "parameter")
                .map(|entry| {
                    let name = text_of(entry, "name").unwrap_or_default();
                    (name.to_owned(), entry.clone())
                })
                .collect()
        };
        let (old, new) = (by_name(old), by_name(new));
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for name in names {
            let (before, after) = (old.get(name), new.get(name));
            if before == after {
                continue;
            }
            let read = |table: Option<&Table>| table.map(Rows::of).unwrap_or_default();
            let (old_rows, new_rows) = (read(before), read(after));
            let keys: BTreeSet<&RowKey> =
                old_rows.rows.keys().chain(new_rows.rows.keys()).collect();
            let label = if new_rows.label.is_empty() {
                old_rows.label.clone()
            } else {
                new_rows.label.clone()
            };
            let ty = new_rows.ty.or(old_rows.ty);
            // A row for everywhere ends those for a place that began before it: these are named, too.
            let ended = new_rows.ends_of(&old_rows);
            for key in keys.into_iter().chain(&ended) {
                let (was, is) = (old_rows.rows.get(key), new_rows.rows.get(key));
                if was == is && !ended.contains(key) {
                    continue;
                }
                let said = |row: Option<&Row>| row.map(|row| in_words(&row.value, ty));
                // A row that is new takes the place of the one that would hold without it.
                let before = said(was).or_else(|| said(old_rows.held(key)));
                let after = said(is).or_else(|| said(new_rows.held(key)));
                if ended.contains(key) && before == after {
                    continue;
                }
                let source = is.or_else(|| new_rows.held(key).filter(|_| ended.contains(key)));
                let source = source.map(|row| row.source.clone()).unwrap_or_default();
                let place = self.place(key);
                self.push(
                    Part::Parameter,
                    name,
                    &label,
                    &place,
                    before,
                    after,
                    &source,
                    key.from,
                );
            }
        }
    }

    /// 2027年1月1日起，地区：中心城区.
    fn place(&self, key: &RowKey) -> String {
        let mut words = vec![key.from.map_or_else(
            || "没有起始日".to_owned(),
            |from| format!("{}起", calendar::chinese_date(from)),
        )];
        for (argument, value) in &key.tests {
            let label = self.regions.get(value.as_str()).unwrap_or(value);
            words.push(match argument.strip_suffix("_min") {
                Some(argument) => format!("{}至少 {value}", argument_name(argument)),
                None => format!("{}：{label}", argument_name(argument)),
            });
        }
        words.join("，")
    }
}

/// The row of a parameter: its first day and what else must hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct RowKey {
    from: Option<NaiveDate>,
    tests: BTreeMap<String, String>,
}

impl RowKey {
    /// Whether its row, in force, holds for the place of another one.
    fn reaches(&self, other: &RowKey) -> bool {
        let mut tests = self.tests.iter();
        tests.all(|(argument, value)| other.tests.get(argument) == Some(value))
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Row {
    value: Toml,
    source: String,
    mark: String,
}

#[derive(Default)]
struct Rows {
    label: String,
    ty: Option<Type>,
    rows: BTreeMap<RowKey, Row>,
}

impl Rows {
    fn of(table: &Table) -> Rows {
        let raw: Option<RawParameter> = Toml::Table(table.clone()).try_into().ok();
        let text = |of: &Table, key: &str| text_of(of, key).map(str::to_owned);
        let rows = entries(table, "values")
            .map(|row| {
                let tests = row
                    .iter()
                    .filter(|(key, _)| {
                        !matches!(key.as_str(), "from" | "value" | "mark" | "source" | "note")
                    })
                    .map(|(key, value)| (key.clone(), bare(value)))
                    .collect();
                let key = RowKey {
                    from: row.get("from").and_then(|from| day(from).ok()),
                    tests,
                };
                let own = |key: &str| text(row, key).or_else(|| text(table, key));
                let held = Row {
                    value: row.get("value").cloned().unwrap_or(Toml::Boolean(false)),
                    source: own("source").unwrap_or_default(),
                    mark: own("mark").unwrap_or_default(),
                };
                (key, held)
            })
            .collect();
        Rows {
            label: text(table, "label").unwrap_or_default(),
            ty: raw.map(|raw| raw.ty),
            rows,
        }
    }

    /// What holds on the day of a row and for its place without that row: the latest that began by then, of those the one for the place.
    fn held(&self, key: &RowKey) -> Option<&Row> {
        self.held_with_key(key).map(|(_, row)| row)
    }

    fn held_with_key(&self, key: &RowKey) -> Option<(&RowKey, &Row)> {
        self.rows
            .iter()
            .filter(|(held, _)| held.from <= key.from && held.reaches(key))
            .max_by_key(|(held, _)| (held.from, held.tests.len()))
    }

    /// The places whose own row in `before` ends by a row of these that reaches them and was not there: each with that row's first day.
    fn ends_of(&self, before: &Rows) -> BTreeSet<RowKey> {
        let mut ended = BTreeSet::new();
        for added in self.rows.keys() {
            if before.rows.contains_key(added) {
                continue;
            }
            for own in before.rows.keys() {
                let place = RowKey {
                    from: added.from,
                    tests: own.tests.clone(),
                };
                let is_own = |rows: &Rows| {
                    let held = rows.held_with_key(&place);
                    held.is_some_and(|(held, _)| held.tests == own.tests)
                };
                if own.tests != added.tests && is_own(before) && !is_own(self) {
                    ended.insert(place);
                }
            }
        }
        ended
    }
}

/// What a row of a parameter depends on, in words.
#[must_use]
pub fn argument_name(argument: &str) -> &str {
    match argument {
        "region" | "district" => "地区",
        "children" => "未成年子女",
        "employer_kind" | "kind" => "类别",
        other => other,
    }
}

fn field_name(field: &str) -> &str {
    match field {
        "when" | "formula" => "算式",
        "name" => "名称",
        "refusal" => "不符合时的话",
        "met" => "符合时的话",
        "remedy" => "怎样才会符合",
        "law" => "依据",
        "from" => "施行日",
        "to" => "终止日",
        "unknown" => "查不到时",
        "document" => "可用的材料",
        "suspicion" => "只转人工",
        "applies" | "only" => "适用范围",
        "after" => "先要符合",
        "codes" => "区县代码",
        "version" => "版本号",
        "inputs" => "填写项",
        "channels" => "渠道",
        "promise" => "承诺时限",
        other => other,
    }
}

/// A value as it is read: money in yuan, a ratio in percent.
fn in_words(value: &Toml, ty: Option<Type>) -> String {
    let read = ty.and_then(|ty| Some((ty, typed(value, ty).ok()?)));
    match read {
        Some((Type::Fen, value)) => format!("{} 元", Type::Fen.text(&value)),
        Some((ty, value)) => ty.text(&value),
        None => bare(value),
    }
}

/// A value as the file writes it, without its quotes and line breaks.
fn bare(value: &Toml) -> String {
    match value {
        Toml::String(text) => tidy(text),
        Toml::Array(values) => values.iter().map(bare).collect::<Vec<_>>().join("、"),
        Toml::Table(table) => table
            .iter()
            .map(|(key, value)| format!("{}：{}", field_name(key), bare(value)))
            .collect::<Vec<_>>()
            .join("；"),
        other => other.to_string(),
    }
}

fn tidy(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl PolicySet {
    /// The services that decide by something else in the other version: whose compiled plans differ, or that only one of them has.
    pub fn services_that_differ(&self, other: &PolicySet) -> Vec<String> {
        let all: BTreeSet<&String> = self.plans.keys().chain(other.plans.keys()).collect();
        all.into_iter()
            .filter(|id| match (self.plans.get(*id), other.plans.get(*id)) {
                // A plan holds every parameter, name and formula that it reads: what is written the same decides the same.
                (Some(old), Some(new)) => format!("{old:?}") != format!("{new:?}"),
                _ => true,
            })
            .cloned()
            .collect()
    }
}

/// Two versions as they will stand on a day, whatever day a case is decided for: of each parameter and condition that differs the rows in
/// force on that day hold since long ago, later ones not at all. What does not differ stays as it is, so that a case of last year is
/// judged by what held for it, but for the change.
///
/// # Errors
/// The mistakes of a version that does not load.
pub fn as_on(
    before: &PolicyFiles,
    after: &PolicyFiles,
    day: NaiveDate,
) -> Result<(PolicySet, PolicySet), Vec<LoadError>> {
    let changed: BTreeSet<(Dated, String)> = differences(before, after)
        .into_iter()
        .filter_map(|difference| match difference.part {
            Part::Parameter => Some((Dated::Parameter, difference.name)),
            Part::Condition => Some((Dated::Condition, difference.name)),
            Part::Rule => None,
        })
        .collect();
    let stand = |files: &PolicyFiles| -> Result<PolicySet, Vec<LoadError>> {
        let mut files = files.clone();
        for (file, text) in &mut files.files {
            let Ok(mut table) = text.parse::<Table>() else {
                // The loader names its mistake.
                continue;
            };
            if settle(&mut table, &changed, day) {
                *text = toml::to_string(&table).map_err(|error| {
                    vec![LoadError {
                        file: file.clone(),
                        place: "file".into(),
                        message: error.to_string(),
                    }]
                })?;
            }
        }
        PolicySet::load(&files)
    };
    Ok((stand(before)?, stand(after)?))
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Dated {
    Parameter,
    Condition,
}

/// Moves what has changed to long ago; true where something was moved.
fn settle(table: &mut Table, changed: &BTreeSet<(Dated, String)>, on: NaiveDate) -> bool {
    let mut moved = false;
    let parameters = table.get_mut("parameter").and_then(Toml::as_array_mut);
    for parameter in parameters
        .into_iter()
        .flatten()
        .filter_map(Toml::as_table_mut)
    {
        let name = text_of(parameter, "name").unwrap_or_default().to_owned();
        if !changed.contains(&(Dated::Parameter, name)) {
            continue;
        }
        if let Some(rows) = parameter.get_mut("values").and_then(Toml::as_array_mut) {
            rows.retain(|row| first_day(row).is_none_or(|from| from <= on));
            for row in rows.iter_mut().filter_map(Toml::as_table_mut) {
                long_ago(row);
            }
            moved = true;
        }
    }
    if let Some(conditions) = table.get_mut("condition").and_then(Toml::as_array_mut) {
        let mine = |condition: &Toml| {
            let code = condition.get("code").and_then(Toml::as_str);
            changed.contains(&(Dated::Condition, code.unwrap_or_default().to_owned()))
        };
        let count = conditions.len();
        conditions.retain(|condition| {
            let ended = condition.get("to").and_then(|to| day(to).ok());
            !mine(condition)
                || (first_day(condition).is_none_or(|from| from <= on)
                    && ended.is_none_or(|to| on <= to))
        });
        moved |= conditions.len() != count;
        for condition in conditions.iter_mut().filter(|condition| mine(condition)) {
            if let Some(condition) = condition.as_table_mut() {
                long_ago(condition);
                condition.remove("to");
                moved = true;
            }
        }
    }
    moved
}

fn first_day(row: &Toml) -> Option<NaiveDate> {
    row.get("from").and_then(|from| day(from).ok())
}

/// All rows by the same distance: which of them is the latest stays as it is.
fn long_ago(row: &mut Table) {
    let from = row.get("from").and_then(|from| day(from).ok());
    let then = from.and_then(|from| from.checked_sub_months(chrono::Months::new(LONG_AGO_MONTHS)));
    if let Some(then) = then {
        row.insert("from".into(), Toml::String(then.to_string()));
    }
}

impl Difference {
    /// One line: 租房提取月限额，2027年1月1日起，地区：中心城区：1,500.00 元 → 1,800.00 元.
    pub fn sentence(&self) -> String {
        let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "（没有）".into());
        let place = if self.place.is_empty() {
            String::new()
        } else {
            format!("（{}）", self.place)
        };
        format!(
            "{}{place}：{} → {}",
            self.label,
            side(&self.before),
            side(&self.after)
        )
    }
}

/// The latest day from which something of a change holds; none where nothing says a day.
pub fn last_from(differences: &[Difference]) -> Option<NaiveDate> {
    differences
        .iter()
        .filter(|difference| difference.after.is_some())
        .filter_map(|difference| difference.from)
        .max()
}
