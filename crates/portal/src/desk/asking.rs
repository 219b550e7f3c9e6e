//! What a department got from us (对外提供、对外报送), on its page: how often it asked over a day, its last questions, and its files. Nobody is named.

use anju_business::sharing::given::{self, Line as Asked};
use anju_business::sharing::sent::{self, Sent, state};
use anju_casework::Office;
use anju_domain::money::Fen;
use anju_exchange::catalogue::Catalogue;
use axum::extract::{Path, State};
use axum::response::Redirect;
use chrono::{DateTime, TimeDelta, Utc};

use super::sources::failure_words;
use crate::authorization::AtDesk;
use crate::components::{Cell, Column, Line, State as Shown, Table, Text};
use crate::pages::desk::RefusedFile;
use crate::pages::error::PageError;
use crate::serve::Portal;
use crate::when;

/// A figure of a source's page: name, figure, what it counts.
type Figure = (&'static str, String, Text);

/// The figure and the list; none for a source that may ask us nothing.
pub(super) async fn of(
    office: &Office,
    catalogue: &Catalogue,
    source: &str,
    limit: i64,
) -> Result<Option<(Figure, Table)>, PageError> {
    if !catalogue.asks_us(source) {
        return Ok(None);
    }
    let now = office.now();
    let day = given::counted(office, source, now - TimeDelta::hours(24)).await?;
    let asked = given::of_source(office, source, limit).await?;
    let figure = (
        "24 小时问过我们",
        day.asked.to_string(),
        Text::new().hint(format!("给出 {}", day.given)),
    );
    Ok(Some((figure, table(catalogue, &asked, now))))
}

fn table(catalogue: &Catalogue, asked: &[Asked], now: DateTime<Utc>) -> Table {
    let lines = asked
        .iter()
        .map(|one| {
            let title = catalogue
                .give(&one.r#type)
                .map_or(one.r#type.as_str(), |give| give.title.as_str());
            Line::new(vec![
                Cell::digits(when::second(one.at, now)),
                Cell::new(title),
                Cell::new(one.item.as_str()),
                Cell::new(given::basis_words(&one.basis)),
                Cell::state(&match one.code {
                    200 => Shown::pass("已给出"),
                    404 => Shown::idle("没有记录"),
                    _ => Shown::fail("没有依据，没有给").with_icon("alert"),
                }),
                Cell::digits(one.ms.to_string()),
            ])
        })
        .collect();
    Table::new(
        "given",
        "它问过我们什么；耗时单位：毫秒",
        vec![
            Column::words("时间"),
            Column::words("问什么"),
            Column::words("为什么事"),
            Column::words("依据"),
            Column::words("结果"),
            Column::figures("耗时"),
        ],
        lines,
    )
    .cards()
    .empty("它还没有问过我们。")
}

/// The files to a source and those of them that were refused and wait for a person; none for a source that gets none.
pub(super) async fn files(
    office: &Office,
    catalogue: &Catalogue,
    source: &str,
    limit: i64,
) -> Result<Option<(Table, Vec<RefusedFile>)>, PageError> {
    if !catalogue.sends.iter().any(|send| send.source == source) {
        return Ok(None);
    }
    let now = office.now();
    let files = sent::of_source(office, source, limit).await?;
    let refused = files
        .iter()
        .filter(|file| file.state == state::REFUSED && !file.mended)
        .map(|file| RefusedFile {
            file: file.file_id,
            name: file.name.clone(),
            reason: file.reason.clone(),
        })
        .collect();
    Ok(Some((file_table(catalogue, source, &files, now), refused)))
}

fn file_table(catalogue: &Catalogue, source: &str, files: &[Sent], now: DateTime<Utc>) -> Table {
    let lines = files
        .iter()
        .map(|file| {
            let title = catalogue
                .send(source, &file.flow)
                .map_or(file.flow.as_str(), |send| send.title.as_str());
            Line::new(vec![
                Cell::new(title),
                Cell::new(Text::new().code(&file.name)),
                Cell::digits(when::iso(file.day)),
                Cell::digits(when::minute(file.made_at, now)),
                Cell::count(i64::from(file.rows)),
                Cell::amount(Fen::new(file.control_fen)),
                Cell::state(&match (file.state, &file.receipt, &file.failure) {
                    (state::TAKEN, Some(receipt), _) => Shown::pass(format!("已接收 {receipt}")),
                    (state::REFUSED, ..) if file.mended => Shown::idle("退回，已重送"),
                    (state::REFUSED, ..) => {
                        Shown::fail(format!("整件退回：{}", file.reason)).with_icon("alert")
                    }
                    (.., Some(failure)) => {
                        Shown::wait(format!("没有送到：{}，会再送", failure_words(failure)))
                    }
                    _ => Shown::wait("正在送"),
                }),
            ])
        })
        .collect();
    Table::new(
        "sent",
        "报送给它的文件；控制总数单位：元",
        vec![
            Column::words("内容"),
            Column::words("文件"),
            Column::words("截至"),
            Column::words("做成"),
            Column::figures("行数"),
            Column::figures("控制总数"),
            Column::words("结果"),
        ],
        lines,
    )
    .cards()
    .empty("还没有报送过文件。")
}

/// `POST /desk/sources/{source}/files/{file}`: a refused file is made again from the books as they are now, and sent.
pub(crate) async fn again(
    State(portal): State<Portal>,
    at: AtDesk,
    Path((source, file)): Path<(String, i64)>,
) -> Result<Redirect, PageError> {
    let staff_id = at.staff.staff_id;
    portal
        .engine
        .make_file_again(&source, file, staff_id)
        .await?;
    Ok(Redirect::to(&format!("/desk/sources/{source}#sent")))
}
