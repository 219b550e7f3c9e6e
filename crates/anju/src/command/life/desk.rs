//! Reviewers at their desks. They say yes by the command behind the page of a case, as the two accountants close a day: a life logs in more
//! often than the pages allow anybody.

use anju_casework::{Error, staff};
use anju_engine::Engine;
use anju_vault::NumberKind;
use anyhow::{Context, bail};

/// 工号 of the reviewers of the office that keeps the employers of a demo, in the order in which they are asked.
const REVIEWERS: [&str; 2] = ["1015", "1016"];

/// A yes to a case; some cases want one of each reviewer.
///
/// # Errors
/// It may not be approved; the reason is in the error.
pub(super) async fn approve(engine: &Engine, case: &str, yeses: usize) -> anyhow::Result<()> {
    let office = &engine.office;
    let number = REVIEWERS[yeses % REVIEWERS.len()];
    let reviewer = staff::by_number(office, number)
        .await?
        .with_context(|| format!("没有工号 {number}：先运行 anju setup --demo"))?;
    let case_id = office
        .numbers
        .decode(NumberKind::Case, case)
        .context("一个办件号")?;
    match engine
        .approve(case_id, reviewer.staff_id, "材料齐全，同意")
        .await
    {
        Err(Error::Refused(refusal)) => bail!("{} {}", refusal.code, refusal.detail),
        outcome => Ok(outcome?),
    }
}
