//! `anju export`: the postings of a period as a journal of hledger or Beancount, or as a table, on standard output.

use std::io::{BufWriter, ErrorKind, stdout};

use anju_business::books::export::{ExportError, Format, export};
use anyhow::bail;
use chrono::NaiveDate;
use clap::ValueEnum;

use crate::{config::Config, database, start::office};

/// What to write.
#[derive(Debug, clap::Args)]
pub struct Period {
    /// 格式
    #[arg(long)]
    format: Language,
    /// 第一天（含），YYYY-MM-DD
    #[arg(long)]
    from: NaiveDate,
    /// 最后一天（含），YYYY-MM-DD
    #[arg(long)]
    to: NaiveDate,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Language {
    Hledger,
    Beancount,
    Csv,
}

/// Writes it. A reader that goes away early (`| head`) is no error.
pub async fn run(config: &Config, period: &Period) -> anyhow::Result<()> {
    if period.from > period.to {
        bail!("--from 不能晚于 --to");
    }
    let format = match period.format {
        Language::Hledger => Format::Hledger,
        Language::Beancount => Format::Beancount,
        Language::Csv => Format::Csv,
    };
    let url = database::existing(config).await?;
    let office = office::open(config, database::pool(&url, 1).await?).await?;
    let mut reader = database::reader(&url).await?;
    let out = BufWriter::with_capacity(1 << 16, stdout().lock());
    match export(&mut reader, &office, format, period.from, period.to, out).await {
        Err(ExportError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        outcome => Ok(outcome?),
    }
}
