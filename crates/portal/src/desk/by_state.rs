//! A list of the desk that is read by where its rows stand, oldest first, a page at a time: the black list, and money that is asked back.

use anju_business::fraud::ground_word;
use anju_casework::{Office, person};
use serde::Deserialize;

use crate::components::{Cell, Column, Flash, Keys, Line, Pager, Table, Tabs};
use crate::frame::DeskFrame;
use crate::pages::desk::{FraudListPage, Part};
use crate::pages::error::PageError;

/// Rows of a page.
pub(super) const PAGE: i64 = 30;

/// Which part of it is asked for.
#[derive(Deserialize, Default)]
pub(crate) struct View {
    view: Option<String>,
    after: Option<i64>,
}

/// One of its views: its word in the address, its name, the state of its rows.
pub(super) type Standing = (&'static str, &'static str, i16);

impl View {
    /// The view that is asked for; the first where none is named.
    pub(super) fn of(&self, views: &'static [Standing]) -> Result<Standing, PageError> {
        let asked = self.view.as_deref().or(views.first().map(|view| view.0));
        views
            .iter()
            .find(|view| Some(view.0) == asked)
            .copied()
            .ok_or(PageError::NotFound)
    }

    /// The row after which the page begins.
    pub(super) fn after(&self) -> i64 {
        self.after.unwrap_or(0)
    }
}

/// A row.
pub(super) struct Row {
    /// Its place in the order.
    pub(super) id: i64,
    /// Whom it is about.
    pub(super) person_id: i64,
    /// A pattern of fraud.
    pub(super) ground: String,
    /// State, number.
    pub(super) first: [Cell; 2],
    /// What follows name and ground.
    pub(super) rest: Vec<Cell>,
}

/// What is drawn.
pub(super) struct ByState {
    pub(super) here: &'static str,
    pub(super) title: &'static str,
    pub(super) lead: &'static str,
    pub(super) tabs: &'static str,
    pub(super) views: &'static [Standing],
    /// Identifier and caption of the table.
    pub(super) table: (&'static str, &'static str),
    /// Of the order.
    pub(super) note: &'static str,
    /// Columns after 状态, 编号, 谁, 情形.
    pub(super) columns: Vec<Column>,
    pub(super) form: Option<Part>,
}

impl ByState {
    /// The page of these rows.
    pub(super) async fn page(
        self,
        office: &Office,
        frame: DeskFrame,
        flash: Option<Flash>,
        view: &View,
        rows: Vec<Row>,
    ) -> Result<FraudListPage, PageError> {
        let here = self.here;
        let (code, ..) = view.of(self.views)?;
        let people: Vec<i64> = rows.iter().map(|row| row.person_id).collect();
        let names = person::masked_names(office, &people).await?;
        let more = (rows.len() as i64 == PAGE)
            .then(|| rows.last())
            .flatten()
            .map(|last| format!("{here}?view={code}&after={}", last.id));
        let lines = rows
            .into_iter()
            .map(|row| {
                let name = names.get(&row.person_id).map_or("—", String::as_str);
                let ground = format!("{} {}", row.ground, ground_word(&row.ground));
                let mut cells = Vec::from(row.first);
                cells.extend([Cell::new(name), Cell::new(ground)]);
                cells.extend(row.rest);
                Line::new(cells)
            })
            .collect();
        let mut columns: Vec<Column> = ["状态", "编号", "谁", "情形"]
            .map(Column::words)
            .into_iter()
            .collect();
        columns.extend(self.columns);
        let (id, caption) = self.table;
        Ok(FraudListPage {
            frame,
            flash,
            title: self.title,
            lead: self.lead,
            tabs: Some(Tabs {
                label: self.tabs.into(),
                tabs: self
                    .views
                    .iter()
                    .map(|(one, words, _)| {
                        (format!("{here}?view={one}"), (*words).into(), *one == code)
                    })
                    .collect(),
            }),
            table: Table::new(id, caption, columns, lines)
                .dense(" queue")
                .keys()
                .empty("没有。")
                .pager(Pager {
                    note: self.note.into(),
                    before: view.after.map(|_| format!("{here}?view={code}")),
                    after: more,
                }),
            form: self.form,
            keys: Keys::new(&[("j k", "移动"), ("Enter", "打开")]),
        })
    }
}
