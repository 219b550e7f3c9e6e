//! `anju audit`: recomputes the books from their postings, the log from its leaves and the leaves from their rows, asks the witnesses, and
//! checks every invariant.

use std::process::ExitCode;

use anju_business::{books::cross_check, evidence};
use anju_casework::{Office, fact, findings::Findings, log};
use anju_domain::clock::rfc3339;
use anju_exchange::witness::{Answer, Witness, WitnessError};
use anju_ledger::audit::{self, Breach};
use anyhow::Context;
use serde_json::json;

use crate::{config::Config, database, home, start::office};

/// The clearing account holds the money of letters that are on their way, and nothing else.
const CLEARING: &str = "转移清算";

/// The balances of people and employers stand in the books of the branch that keeps them (organisation.md §1).
const BRANCHES: &str = "网点归属";
/// What lies on accounts for courts is what their orders in force say.
const COURT: &str = "司法冻结";

/// What an audit has looked at and found.
#[derive(Default)]
struct Report {
    checked: Vec<&'static str>,
    breaches: Vec<Breach>,
    looked: evidence::Looked,
    /// What could not be looked at, and why.
    unchecked: Vec<String>,
}

/// 1 with a line for each breach, or where the keys are not there; 0 with what was checked, and what could not be: a witness who does not answer
/// is no breach.
pub async fn run(config: &Config, as_json: bool) -> anyhow::Result<ExitCode> {
    let url = database::existing(config).await?;
    let pool = database::pool(&url, 2).await?;
    let mut report = Report::default();
    let folder = home::keys(&config.home);
    if let Err(error) = anju_vault::Vault::open_dir(&folder) {
        // The books of a centre can be read without its keys; what was sealed or signed cannot.
        report.unchecked.push(format!(
            "存证、检查点、事实和办件：密钥文件夹 {} 打不开（{error}），请把当时的密钥放回再核对",
            folder.display()
        ));
        let mut connection = pool.acquire().await?;
        report.breaches = audit::audit(&mut connection, office::LEDGER).await?;
        report.checked = audit::checked();
        return Ok(tell(&report, as_json, false));
    }
    let office = office::open(config, pool).await?;
    look(config, &office, &mut report).await?;
    Ok(tell(&report, as_json, true))
}

async fn look(config: &Config, office: &Office, report: &mut Report) -> anyhow::Result<()> {
    let mut connection = office.pool.acquire().await?;
    report.breaches = audit::audit(&mut connection, office.ledger()).await?;
    drop(connection);
    report.checked = audit::checked();

    let witnesses = office::witnesses(config)?;
    if witnesses.is_empty() {
        report.unchecked.push(format!(
            "见证人的签名：{} 里没有见证人",
            home::witnesses(&config.home).display()
        ));
    }
    let keys: Vec<_> = witnesses
        .iter()
        .map(|witness| witness.key().clone())
        .collect();
    let mut findings = Findings::default();
    report.looked = evidence::audit(office, &keys, &mut findings)
        .await
        .context("核对存证")?;
    for witness in &witnesses {
        if let Err(error) = ask(office, witness, &mut findings).await? {
            let name = &witness.key().name;
            report
                .unchecked
                .push(format!("向见证人 {name} 核对：没有应答（{error}）"));
        }
    }
    // No contradiction: witnesses who do not answer for a while sign later what they have missed.
    let patience = log::patience(office)?;
    if !witnesses.is_empty()
        && let Some((first, at)) = log::unwitnessed_since(office).await?
        && office.now() - at > patience
    {
        report.unchecked.push(format!(
            "{first} 片以后的存证：从 {} 起没有见证人签名，已超过 {} 分钟",
            rfc3339(at),
            patience.num_minutes()
        ));
    }
    report
        .checked
        .extend([log::audit::CHECKPOINTS, log::audit::KEYS, fact::FACTS]);

    cross_check::audit(office, &mut findings)
        .await
        .context("核对办件、到账与账簿")?;
    report.checked.extend(cross_check::LAWS);
    of_parts(office, &mut findings).await?;
    report.checked.extend([CLEARING, BRANCHES, COURT]);
    report.breaches.extend(findings.breaches());
    Ok(())
}

/// Whether a witness has signed another tree than ours. Beside a tree of no leaves nothing that was not published is shown to it.
async fn ask(
    office: &Office,
    witness: &Witness,
    findings: &mut Findings,
) -> anyhow::Result<Result<(), WitnessError>> {
    let empty = log::sign(office, &log::empty(office)).await?;
    let signed = match witness.last(&empty).await {
        Ok(signed) => signed,
        Err(error) => return Ok(Err(error)),
    };
    let now = log::size(office).await?;
    let place = format!("见证人 {}", witness.key().name);
    if signed > now {
        findings.tell(
            log::audit::CHECKPOINTS,
            place,
            format!("它已签到 {signed} 片，日志只有 {now} 片：数据库是旧的，或被退回过"),
        );
        return Ok(Ok(()));
    }
    let Some(newest) = log::latest(office).await? else {
        return Ok(Ok(()));
    };
    let size = newest.size.cast_unsigned();
    // A tile that is missing was told of already.
    let Ok(proof) = log::extension(office, signed.min(size), size).await else {
        return Ok(Ok(()));
    };
    if signed > size {
        return Ok(Ok(()));
    }
    match witness.ask(signed, &proof, &newest.note).await {
        Ok(Answer::Signed(_) | Answer::Behind(_)) => Ok(Ok(())),
        Err(WitnessError::Contradicts(_)) => {
            findings.tell(
                log::audit::CHECKPOINTS,
                place,
                format!("它签过的 {signed} 片的树不是现在这棵树的前缀：日志分叉了"),
            );
            Ok(Ok(()))
        }
        Err(error) => Ok(Err(error)),
    }
}

/// What single parts of the business keep beside the books.
async fn of_parts(office: &Office, findings: &mut Findings) -> anyhow::Result<()> {
    let (held, on_its_way) = anju_business::remote::audit::clearing(office).await?;
    if held != on_its_way {
        findings.tell(
            CLEARING,
            "21906",
            format!("转移清算账上 {held} 分，在途的转移合计 {on_its_way} 分"),
        );
    }
    for one in anju_business::books::branch::differences(office).await? {
        findings.tell(
            BRANCHES,
            format!("网点 {} 科目 {}", one.branch_id, one.subject),
            format!(
                "归它的账户合计 {} 分，它账上 {} 分",
                one.owned_fen, one.booked_fen
            ),
        );
    }
    for detail in anju_business::court::audit::breaches(office).await? {
        findings.tell(COURT, "冻结", detail);
    }
    Ok(())
}

fn tell(report: &Report, as_json: bool, with_evidence: bool) -> ExitCode {
    let looked = &report.looked;
    if as_json {
        let breaches: Vec<_> = report
            .breaches
            .iter()
            .map(|breach| {
                json!({"invariant": breach.invariant, "name": audit::meaning(&breach.invariant), "place": breach.place, "detail": breach.detail})
            })
            .collect();
        let looked = json!({
            "leaves": looked.leaves, "checkpoints": looked.checkpoints, "key_changes": looked.key_changes, "lists": looked.lists,
            "without_record": looked.without_record, "lines": looked.lines, "days": looked.days, "journals": looked.journals, "facts": looked.facts,
        });
        println!(
            "{}",
            json!({"checked": report.checked, "looked": looked, "unchecked": report.unchecked, "breaches": breaches})
        );
    } else {
        for breach in &report.breaches {
            println!(
                "{}  {}  {}",
                named(&breach.invariant),
                breach.place,
                breach.detail
            );
        }
        for part in &report.unchecked {
            println!("没有核对  {part}");
        }
        if looked.without_record > 0 {
            println!(
                "没有核对  早期的 {} 片叶子没有可以重画的记录",
                looked.without_record
            );
        }
        let checked: Vec<String> = report.checked.iter().map(|one| named(one)).collect();
        println!("已核对 {}", checked.join("、"));
        let evidence = if with_evidence {
            format!(
                "存证叶子 {} 片、检查点 {} 个、密钥交接 {} 份、汇缴 {} 笔（{} 行）、日结 {} 天（{} 张凭证）、事实 {} 条；",
                looked.leaves,
                looked.checkpoints,
                looked.key_changes,
                looked.lists,
                looked.lines,
                looked.days,
                looked.journals,
                looked.facts
            )
        } else {
            String::new()
        };
        println!("共核对 {evidence}{} 处不符", report.breaches.len());
    }
    if report.breaches.is_empty() && with_evidence {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// An invariant by its number and what it says.
fn named(invariant: &str) -> String {
    match audit::meaning(invariant) {
        "" => invariant.to_owned(),
        meaning => format!("{invariant} {meaning}"),
    }
}
