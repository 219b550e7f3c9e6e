//! The steps of an enforcement: each is guarded by the state, its term and what is owed, is one transaction with its paper, its event and its
//! evidence, and a grave one waits for a second officer.

use anju_casework::employer::{self, Employer};
use anju_casework::staff::Staff;
use anju_casework::{Actor, Fault, Office, Refusal, Result, case, outbox};
use anju_domain::calendar::{add_months, chinese_date};
use anju_domain::money::Fen;
use anju_vault::NumberKind;
use chrono::{Datelike, Days, NaiveDate};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::order::{self, Row};
use super::{
    Enforcement, Kind, Source, Step, papers, require_step, select, state, step_state, steps_of,
};
use crate::contribution::arrears;
use crate::policy::Rules;

/// What an officer proposes.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// The step.
    pub kind: Kind,
    /// What it stands on: documents, visits, the court's number.
    pub evidence: String,
    /// Of a pre-notice: what is to be ordered; empty for all that is due.
    pub rows: Vec<Row>,
    /// Of a fine.
    pub amount: Option<Fen>,
    /// For the court: nobody asked for reconsideration or went to court against the decision.
    pub no_suit: bool,
}

/// The row of an enforcement, so that one step at a time moves it. The employer's row is taken before.
pub(super) async fn lock(
    office: &Office,
    tx: &mut PgConnection,
    enforcement_id: i64,
) -> Result<Enforcement> {
    sqlx::query_as(select!("x.enforcement_id = $2 FOR NO KEY UPDATE OF x"))
        .bind(office.centre.id)
        .bind(enforcement_id)
        .fetch_optional(tx)
        .await?
        .ok_or_else(|| Refusal::not_found("这件催缴").into())
}

async fn both(
    office: &Office,
    tx: &mut PgConnection,
    enforcement_id: i64,
) -> Result<(Enforcement, Employer)> {
    let seen = super::require(office, tx, enforcement_id).await?;
    let employer = employer::lock(office, tx, seen.employer_id).await?;
    Ok((lock(office, tx, enforcement_id).await?, employer))
}

/// Takes a step, or where two officers are asked puts it before the second. Returns its number.
///
/// # Errors
/// `E-ENF-01` the state does not allow it or a step waits, `E-ENF-02` the notice's term runs, `E-ENF-03` the statement's term runs or was not
/// given, `E-ENF-04`, `E-ENF-05` too early or too late for the court, `E-ENF-06` a fine for something else, `E-ENF-07` money is missing or
/// nothing is owed, `E-ENF-08` nothing to order, `E-ENF-09` no evidence, `E-ENF-10` a fine out of its limits.
pub async fn propose(
    office: &Office,
    enforcement_id: i64,
    proposal: &Proposal,
    officer: &Staff,
) -> Result<i64> {
    let evidence = proposal.evidence.trim();
    if evidence.chars().count() < 4 {
        let detail = "请写明依据：证据名称、文号或者核实经过。";
        return Err(Refusal::rule("E-ENF-09", detail).into());
    }
    let mut tx = office.pool.begin().await?;
    let (one, employer) = both(office, &mut tx, enforcement_id).await?;
    let steps = steps_of(office, &mut tx, enforcement_id).await?;
    if steps.iter().any(|step| step.state == step_state::WAITS) {
        return Err(Refusal::new(409, "E-ENF-01", "有一步在等第二人，请先办完它。").into());
    }
    guard(office, &mut tx, &one, &employer, &steps, proposal.kind).await?;
    let amount = match proposal.kind {
        Kind::Fine => Some(fine(office, proposal.amount)?),
        Kind::Inform => {
            let sum = order::write(office, &mut tx, &one, &employer, &proposal.rows).await?;
            // Before a fine nothing needs to be ordered.
            if sum == Fen::ZERO && !may_be_fined(&one) {
                return Err(nothing().into());
            }
            Some(sum).filter(|sum| *sum > Fen::ZERO)
        }
        Kind::Order => match order::ordered(office, &mut tx, enforcement_id).await? {
            Fen::ZERO => return Err(nothing().into()),
            sum => Some(sum),
        },
        Kind::Court if !proposal.no_suit => {
            let detail =
                "单位申请了行政复议或者提起了诉讼的，等结果生效后再办；没有的，请勾选确认。";
            return Err(Refusal::rule("E-ENF-04", detail).into());
        }
        Kind::Court => order::missing(office, &mut tx, &one, &employer).await?,
        _ => None,
    };
    let step = put(
        office,
        &mut tx,
        enforcement_id,
        proposal.kind,
        officer.staff_id,
        evidence,
        amount,
    )
    .await?;
    if !proposal.kind.needs_two() {
        take(
            office,
            &mut tx,
            &one,
            &employer,
            &step,
            &steps,
            Actor::Staff(officer.staff_id),
        )
        .await?;
    }
    tx.commit().await?;
    office.wake.notify_one();
    Ok(step.step_id)
}

/// The second officer's word.
///
/// # Errors
/// `E-CHECK-01` for the first, `E-CHECK-02` if it no longer waits, and what [`propose`] refuses: time may have passed and money come.
pub async fn check(
    office: &Office,
    step_id: i64,
    agree: bool,
    answer: &str,
    officer: &Staff,
) -> Result<()> {
    let seen = require_step(office, step_id).await?;
    let mut tx = office.pool.begin().await?;
    let (one, employer) = both(office, &mut tx, seen.enforcement_id).await?;
    let steps = steps_of(office, &mut tx, one.enforcement_id).await?;
    let step = steps
        .iter()
        .find(|step| step.step_id == step_id)
        .ok_or_else(|| Fault::Stored("a step that was there is not".to_owned()))?;
    if step.maker_id == officer.staff_id {
        return Err(case::own_work().into());
    }
    if step.state != step_state::WAITS {
        return Err(case::moved_on().into());
    }
    let kind = step
        .kind()
        .ok_or_else(|| Fault::Stored(format!("step {}", step.kind)))?;
    if agree {
        guard(office, &mut tx, &one, &employer, &steps, kind).await?;
    } else if answer.trim().chars().count() < 2 {
        return Err(Refusal::rule("E-ENF-09", "退回请写清为什么，提出人会看到。").into());
    }
    sqlx::query(
        "UPDATE enforcement_step SET state = $3, checker_id = $4, checked_at = $5, answer = $6 WHERE centre_id = $1 AND step_id = $2",
    )
    .bind(office.centre.id)
    .bind(step_id)
    .bind(if agree { step_state::DONE } else { step_state::SENT_BACK })
    .bind(officer.staff_id)
    .bind(office.now())
    .bind(answer.trim())
    .execute(&mut *tx)
    .await?;
    if agree {
        take(
            office,
            &mut tx,
            &one,
            &employer,
            step,
            &steps,
            Actor::Staff(officer.staff_id),
        )
        .await?;
    }
    tx.commit().await?;
    office.wake.notify_one();
    Ok(())
}

/// What the employer says (陈述申辩): kept with the enforcement, for the officers to weigh.
///
/// # Errors
/// `E-ENF-01` before a notice or when it is closed, `E-ENF-09` without words.
pub async fn state_of_employer(
    office: &Office,
    enforcement_id: i64,
    employer_id: i64,
    words: &str,
    clerk: Actor,
) -> Result<i64> {
    let words = words.trim();
    if !(4..=2000).contains(&words.chars().count()) {
        return Err(Refusal::rule("E-ENF-09", "请写清楚情况，4 到 2000 个字。").into());
    }
    let mut tx = office.pool.begin().await?;
    let (one, _) = both(office, &mut tx, enforcement_id).await?;
    if one.employer_id != employer_id || one.state == state::CLUE {
        return Err(Refusal::not_found("这件催缴").into());
    }
    if one.state == state::CLOSED {
        return Err(Refusal::new(409, "E-ENF-01", "这件催缴已经结案，不用再说明。").into());
    }
    let step = put(
        office,
        &mut tx,
        enforcement_id,
        Kind::Statement,
        clerk.id(),
        words,
        None,
    )
    .await?;
    let digest = hex::encode(anju_vault::sm3(words.as_bytes()));
    case::add_event(
        office,
        &mut tx,
        enforcement_id,
        clerk,
        &["statement"],
        json!({ "words_sm3": digest }),
    )
    .await?;
    tx.commit().await?;
    Ok(step.step_id)
}

fn fine(office: &Office, amount: Option<Fen>) -> Result<Fen> {
    let rules = Rules::on(office, office.today());
    let (min, max) = (
        rules.fen("fine_min_fen", &[])?,
        rules.fen("fine_max_fen", &[])?,
    );
    match amount {
        Some(amount) if (min..=max).contains(&amount) => Ok(amount),
        _ => Err(Refusal::rule("E-ENF-10", format!("罚款应在 {min} 元至 {max} 元之间。")).into()),
    }
}

/// The table of §15: from which state, and what has to be so.
async fn guard(
    office: &Office,
    tx: &mut PgConnection,
    one: &Enforcement,
    employer: &Employer,
    steps: &[Step],
    kind: Kind,
) -> Result<()> {
    let from: &[i16] = match kind {
        Kind::Notice | Kind::Unfounded => &[state::CLUE],
        Kind::Filing => &[state::NOTICE],
        Kind::Inform | Kind::Order | Kind::Fine => &[state::FILED],
        Kind::Court => &[state::ORDERED],
        Kind::Executed | Kind::Terminated => &[state::COURT],
        Kind::Paid => &[state::NOTICE, state::ORDERED, state::FINE],
        Kind::Statement => &[],
    };
    if !from.contains(&one.state) {
        return Err(Refusal::new(
            409,
            "E-ENF-01",
            "这件催缴现在的状态不能办这一步，请刷新后再看。",
        )
        .into());
    }
    let today = office.today();
    let done = |kind: Kind| {
        steps
            .iter()
            .rev()
            .find(|step| step.kind == kind as i16 && step.state == step_state::DONE)
    };
    match kind {
        Kind::Notice if one.source() == Source::Due => owes(office, tx, one, employer).await,
        Kind::Filing => {
            still_runs(one.term_on, today, "E-ENF-02", "催缴期限")?;
            match one.source() {
                Source::Due => owes(office, tx, one, employer).await,
                _ => Ok(()),
            }
        }
        Kind::Order | Kind::Fine => {
            if kind == Kind::Fine && !may_be_fined(one) {
                let detail = "罚款只适用于不办理缴存登记或者不为职工设立账户的单位；没有按时足额缴存的，请责令限期缴存。";
                return Err(Refusal::rule("E-ENF-06", detail).into());
            }
            let Some(inform) = done(Kind::Inform) else {
                let detail = "还没有发告知书。请先告知单位拟作的决定和陈述申辩的权利。";
                return Err(Refusal::rule("E-ENF-03", detail).into());
            };
            still_runs(inform.term_on, today, "E-ENF-03", "陈述申辩期限")?;
            if kind == Kind::Order {
                owes(office, tx, one, employer).await?;
            }
            Ok(())
        }
        Kind::Court => {
            let order = done(Kind::Order)
                .and_then(|order| order.issued_on)
                .ok_or_else(|| Fault::Stored("an order without a date".to_owned()))?;
            let (opens, ends) = court_window(office, order)?;
            if today < opens {
                let detail = format!(
                    "复议和诉讼期限届满后才能申请，最早{}。",
                    chinese_date(opens)
                );
                return Err(Refusal::rule("E-ENF-04", detail).into());
            }
            if today > ends {
                let detail = format!(
                    "申请强制执行的期限{}已过，请按规定另行处理。",
                    chinese_date(ends)
                );
                return Err(Refusal::rule("E-ENF-05", detail).into());
            }
            owes(office, tx, one, employer).await
        }
        Kind::Executed | Kind::Paid => match order::missing(office, tx, one, employer).await? {
            Some(missing) if missing > Fen::ZERO => {
                let detail = format!(
                    "还有 {missing} 元没有记入职工账户，不能结案。到账分配后会自动结案，不用再操作。"
                );
                Err(Refusal::rule("E-ENF-07", detail).into())
            }
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

fn nothing() -> Refusal {
    let detail = "没有要补缴的职工和月份。请按核实的情况填写补缴明细，每名职工一行。";
    Refusal::rule("E-ENF-08", detail)
}

/// Art. 37 is about employers that do not register or open no accounts.
fn may_be_fined(one: &Enforcement) -> bool {
    match one.source() {
        Source::LateRegistration | Source::Headcount => true,
        Source::Complaint => one.no_account,
        Source::Due => false,
    }
}

fn still_runs(term: Option<NaiveDate>, today: NaiveDate, code: &str, what: &str) -> Result<()> {
    match term {
        Some(term) if today <= term => {
            let detail = format!("{what}到{}止，期满才能办这一步。", chinese_date(term));
            Err(Refusal::rule(code, detail).into())
        }
        _ => Ok(()),
    }
}

async fn owes(
    office: &Office,
    tx: &mut PgConnection,
    one: &Enforcement,
    employer: &Employer,
) -> Result<()> {
    if order::missing(office, tx, one, employer).await? == Some(Fen::ZERO) {
        return Err(Refusal::new(409, "E-ENF-07", "单位已经没有欠缴，不用再办这一步。").into());
    }
    Ok(())
}

/// From the day after both terms against the decision have ended, for some months.
fn court_window(office: &Office, order: NaiveDate) -> Result<(NaiveDate, NaiveDate)> {
    let rules = Rules::on(office, order);
    let reconsidered = later(order, rules.int("reconsider_days")?);
    let litigated = add_months(order, rules.months("litigate_months")?);
    let over = reconsidered.max(litigated);
    Ok((
        later(over, 1),
        add_months(over, rules.months("court_apply_months")?),
    ))
}

fn later(day: NaiveDate, days: i64) -> NaiveDate {
    day.checked_add_days(Days::new(u64::try_from(days).unwrap_or(0)))
        .unwrap_or(day)
}

/// Writes a step, waiting or done.
async fn put(
    office: &Office,
    tx: &mut PgConnection,
    enforcement_id: i64,
    kind: Kind,
    maker_id: i64,
    evidence: &str,
    amount: Option<Fen>,
) -> Result<Step> {
    let step = Step {
        step_id: office.ids.next().await?,
        enforcement_id,
        kind: kind as i16,
        document_no: String::new(),
        state: if kind.needs_two() {
            step_state::WAITS
        } else {
            step_state::DONE
        },
        maker_id,
        made_at: office.now(),
        checker_id: None,
        checked_at: None,
        answer: None,
        issued_on: None,
        term_on: None,
        amount_fen: amount.map(Fen::fen),
        evidence: evidence.to_owned(),
        paper: json!({}),
    };
    sqlx::query(
        "INSERT INTO enforcement_step (centre_id, step_id, enforcement_id, kind, document_no, state, maker_id, made_at, amount_fen, evidence,
                                       paper)
         VALUES ($1, $2, $3, $4, '', $5, $6, $7, $8, $9, $10)",
    )
    .bind(office.centre.id)
    .bind(step.step_id)
    .bind(enforcement_id)
    .bind(step.kind)
    .bind(step.state)
    .bind(maker_id)
    .bind(step.made_at)
    .bind(step.amount_fen)
    .bind(evidence)
    .bind(&step.paper)
    .execute(tx)
    .await?;
    Ok(step)
}

/// A step that nobody takes: what is paid is closed in the transaction of the money.
pub(super) async fn by_itself(
    office: &Office,
    tx: &mut PgConnection,
    one: &Enforcement,
    employer: &Employer,
    kind: Kind,
    actor: Actor,
) -> Result<()> {
    // What waits for a second officer has lost its object.
    sqlx::query(
        "UPDATE enforcement_step SET state = 3, checked_at = $3, answer = '款项已足额入账，自动结案'
          WHERE centre_id = $1 AND enforcement_id = $2 AND state = 1",
    )
    .bind(office.centre.id)
    .bind(one.enforcement_id)
    .bind(office.now())
    .execute(&mut *tx)
    .await?;
    let steps = steps_of(office, tx, one.enforcement_id).await?;
    let evidence = "应缴款项已足额记入职工账户";
    let step = put(
        office,
        tx,
        one.enforcement_id,
        kind,
        actor.id(),
        evidence,
        None,
    )
    .await?;
    take(office, tx, one, employer, &step, &steps, actor).await
}

/// The state after a step, and the days of the term that it sets.
fn leads_to(office: &Office, one: &Enforcement, kind: Kind) -> Result<(i16, Option<NaiveDate>)> {
    let today = office.today();
    let rules = Rules::on(office, today);
    Ok(match kind {
        Kind::Notice => (
            state::NOTICE,
            Some(later(today, rules.int("arrears_notice_days")?)),
        ),
        Kind::Filing => (state::FILED, None),
        Kind::Inform => (one.state, Some(later(today, rules.int("statement_days")?))),
        Kind::Statement => (one.state, one.term_on),
        Kind::Order => (state::ORDERED, Some(later(today, rules.int("order_days")?))),
        Kind::Fine => (state::FINE, Some(later(today, rules.int("order_days")?))),
        Kind::Court => (state::COURT, None),
        Kind::Terminated => (state::SUSPENDED, None),
        Kind::Executed | Kind::Paid | Kind::Unfounded => (state::CLOSED, None),
    })
}

/// Does a step: state, paper, event and whoever is told, in the caller's transaction.
async fn take(
    office: &Office,
    tx: &mut PgConnection,
    one: &Enforcement,
    employer: &Employer,
    step: &Step,
    steps: &[Step],
    actor: Actor,
) -> Result<()> {
    let kind = step
        .kind()
        .ok_or_else(|| Fault::Stored(format!("step {}", step.kind)))?;
    let today = office.today();
    let (to, term_on) = leads_to(office, one, kind)?;
    let document_no = number(office, kind, step.step_id)?;
    let facts = papers::Facts {
        one,
        employer,
        today,
        term_on,
        amount: step.amount(),
        evidence: &step.evidence,
        owed: match kind {
            Kind::Notice => arrears::months_of(office, tx, employer).await?,
            _ => Vec::new(),
        },
        people: match kind {
            Kind::Inform | Kind::Order | Kind::Court => {
                order::people(office, tx, one.enforcement_id, 0, papers::MOST_ROWS + 1).await?
            }
            _ => Vec::new(),
        },
        steps,
        rules: Rules::on(office, today),
    };
    let paper: Value = papers::draw(office, kind, &facts)?;
    sqlx::query(
        "UPDATE enforcement_step SET document_no = $3, issued_on = $4, term_on = $5, paper = $6 WHERE centre_id = $1 AND step_id = $2",
    )
    .bind(office.centre.id)
    .bind(step.step_id)
    .bind(&document_no)
    .bind(today)
    .bind(term_on)
    .bind(&paper)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "UPDATE enforcement SET state = $3, term_on = $4, since = CASE WHEN state = $3 THEN since ELSE $5 END
          WHERE centre_id = $1 AND enforcement_id = $2",
    )
    .bind(office.centre.id)
    .bind(one.enforcement_id)
    .bind(to)
    .bind(term_on)
    .bind(today)
    .execute(&mut *tx)
    .await?;
    let detail = json!({
        "document": document_no,
        "amount_fen": step.amount_fen,
        "term_on": term_on,
        "paper_sm3": hex::encode(anju_vault::sm3(paper.to_string().as_bytes())),
        "first_officer": step.maker_id,
    });
    if to == state::CLOSED {
        let steps = [kind.code(), "done"];
        case::end_executing(
            office,
            tx,
            one.enforcement_id,
            case::CaseState::Done,
            &steps,
            detail,
            actor,
        )
        .await?;
    } else {
        case::add_event(
            office,
            tx,
            one.enforcement_id,
            actor,
            &[kind.code()],
            detail,
        )
        .await?;
    }
    tell(office, tx, one, kind, term_on).await
}

/// The employer is told of what is for it; whoever complained is told what became of it.
async fn tell(
    office: &Office,
    tx: &mut PgConnection,
    one: &Enforcement,
    kind: Kind,
    term_on: Option<NaiveDate>,
) -> Result<()> {
    let until = term_on.map_or_else(String::new, |term| {
        format!("，{}月{}日前办理", term.month(), term.day())
    });
    if kind.is_for_employer() && one.state != state::CLUE || kind == Kind::Notice {
        let words = match kind {
            Kind::Paid | Kind::Executed => {
                "【公积金】您单位的催缴已结案。详情登录单位网厅“催缴”查看。".to_owned()
            }
            _ => format!(
                "【公积金】您单位收到{}{until}。登录单位网厅“催缴”查看。",
                kind.title()
            ),
        };
        outbox::tell_clerks(
            office,
            tx,
            one.employer_id,
            Some(one.enforcement_id),
            &words,
        )
        .await?;
    }
    super::complaint::follow(office, tx, one, kind).await
}

/// 渝公积金催〔2026〕123号; empty where the step has no paper.
fn number(office: &Office, kind: Kind, step_id: i64) -> Result<String> {
    let Some(word) = kind.word() else {
        return Ok(String::new());
    };
    let today = office.today();
    let mark = Rules::on(office, today).text("document_mark")?;
    let digits: String = office
        .numbers
        .encode(NumberKind::Case, step_id)
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    Ok(format!("{mark}{word}〔{}〕{digits}号", today.year()))
}
