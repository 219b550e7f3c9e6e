//! 对外报送: files that others get from us, made when their day has come, sent until they are answered, made again by a person after a refusal.

use anju_business::sharing::pretax;
use anju_business::sharing::sent::{self, New, Row};
use anju_business::sharing::supervision::{self, Table};
use anju_casework::outbox::{self, Message};
use anju_casework::{Fault, Refusal, Result};
use anju_exchange::batch::Manifest;
use anju_exchange::catalogue::Catalogue;
use anju_exchange::sent::{FileAnswer, Outgoing, SendFlow, pack};
use chrono::{Datelike, NaiveDate};

use crate::Engine;
use crate::deliver::query_after;

/// The flow of what people contributed themselves in a year.
const PRETAX: &str = "pretax";

impl Engine {
    /// Makes the files whose day has come; returns how many.
    ///
    /// # Errors
    /// The policy or the database.
    pub async fn make_files(&self) -> Result<usize> {
        let mut made = 0;
        for flow in &self.gateway.catalogue().sends {
            if flow.flow == PRETAX
                && let Some(year) = pretax::due(&self.office).await?
                && let Some(day) = pretax::last_day(year)
                && !sent::is_made(&self.office, &flow.source, &flow.flow, day).await?
            {
                made += usize::from(self.make_file(flow, day, 1, 0).await?);
            }
            if Table::of_flow(&flow.flow).is_some() {
                for day in supervision::due(&self.office, &flow.source, &flow.flow).await? {
                    made += usize::from(self.make_file(flow, day, 1, 0).await?);
                }
            }
        }
        Ok(made)
    }

    /// Makes a refused file again, from the books as they are now, under a name of its own.
    ///
    /// # Errors
    /// 404 for one that is not this source's, 409 `E-FILE-01` for one that was not refused or was mended, 409 `E-FILE-02` where nothing is
    /// left to be told.
    pub async fn make_file_again(&self, source: &str, file_id: i64, staff_id: i64) -> Result<()> {
        let refused = sent::refused(&self.office, source, file_id).await?;
        let flow = flow_of(self.gateway.catalogue(), source, &refused.flow)?;
        let version = refused.version + 1;
        if self.make_file(flow, refused.day, version, staff_id).await? {
            return Ok(());
        }
        let detail = "现在账上没有要报的内容，或者别人刚刚重送过。请刷新页面查看。";
        Err(Refusal::new(409, "E-FILE-02", detail).into())
    }

    async fn make_file(
        &self,
        flow: &SendFlow,
        day: NaiveDate,
        version: i16,
        made_by: i64,
    ) -> Result<bool> {
        let rows = match Table::of_flow(&flow.flow) {
            // A day on which nothing moved is told, too: else nobody could tell it from a lost file.
            Some(table) => supervision::rows(&self.office, table, day).await?,
            None if flow.flow == PRETAX => pretax::rows(&self.office, day.year()).await?,
            None => return Err(Fault::Stored(format!("no flow of files {}", flow.flow)).into()),
        };
        if rows.is_empty() && flow.flow == PRETAX {
            return Ok(false);
        }
        let content = pack(rows.iter().map(|row| row.line.as_str()))
            .map_err(|error| Fault::Stored(format!("packing a file: {error}")))?;
        let sum = |rows: &[Row]| {
            rows.iter()
                .try_fold(0_i64, |sum, row| sum.checked_add(row.control_fen))
        };
        let control_fen = sum(&rows).ok_or_else(|| Fault::Stored("a control sum".to_owned()))?;
        let new = New {
            source: &flow.source,
            flow: &flow.flow,
            day,
            version,
            name: &flow.file_name(self.gateway.our_name(), day, version),
            rows: i32::try_from(rows.len()).unwrap_or(i32::MAX),
            control_fen,
            sm3: &hex::encode(anju_vault::sm3(&content)),
            content: &content,
            made_by,
        };
        let made = sent::make(&self.office, new).await?;
        if made {
            tracing::info!(flow = flow.flow, %day, version, rows = rows.len(), "a file is made");
        }
        Ok(made)
    }
}

fn flow_of<'c>(catalogue: &'c Catalogue, source: &str, flow: &str) -> Result<&'c SendFlow> {
    let known = catalogue.send(source, flow);
    known.ok_or_else(|| Refusal::not_found("这种文件").into())
}

pub(crate) async fn deliver(engine: &Engine, row: &Message) -> Result<()> {
    let office = &engine.office;
    let Some(file) = sent::of_message(office, &row.payload).await? else {
        return outbox::finish(office, row.outbox_id).await;
    };
    let flow = flow_of(engine.gateway.catalogue(), &file.source, &file.flow)?;
    let manifest = Manifest {
        name: file.name.clone(),
        day: file.day,
        rows: usize::try_from(file.rows).unwrap_or_default(),
        control: file.control_fen,
        sm3: file.sm3.clone(),
    };
    let outgoing = Outgoing {
        manifest: &manifest,
        content: &file.content,
    };
    let outcome = match engine.gateway.send_file(flow, outgoing).await {
        Ok(FileAnswer::Taken(receipt)) => {
            sent::answered(office, file.file_id, Ok(&receipt)).await?;
            "taken"
        }
        Ok(FileAnswer::Refused(reason)) => {
            tracing::error!(flow = file.flow, reason, "a file of ours is refused whole");
            sent::answered(office, file.file_id, Err(&reason)).await?;
            "refused"
        }
        Err(failure) => {
            let reason = failure.word();
            tracing::warn!(
                flow = file.flow,
                reason,
                "a file of ours is not taken; it is sent again"
            );
            sent::not_answered(office, file.file_id, reason).await?;
            let again_at = office.now() + query_after(row.attempts);
            outbox::later(office, row.outbox_id, again_at).await?;
            count(&file.flow, reason);
            return Ok(());
        }
    };
    count(&file.flow, outcome);
    outbox::finish(office, row.outbox_id).await
}

fn count(flow: &str, outcome: &'static str) {
    metrics::counter!("files_sent_total", "flow" => flow.to_owned(), "outcome" => outcome)
        .increment(1);
}
