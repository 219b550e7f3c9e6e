//! What an instruction does, in one transaction that holds the person's row: order, holds, books, case, evidence and answer together.

use anju_casework::books::{self, Booking};
use anju_casework::case::{self, Begun, CaseState};
use anju_casework::membership::{self, Membership};
use anju_casework::person::Person;
use anju_casework::{Actor, Error, Fault, Office, Refusal, Result, outbox, person};
use anju_domain::calendar::add_months;
use anju_domain::id_number::IdNumber;
use anju_domain::money::Fen;
use anju_domain::name::PersonName;
use anju_ledger::Role;
use chrono::NaiveDate;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::queue::{self, balance, end, promote, put};
use super::{Instruction, Kind, Order, SERVICE, act_state, lock_by_no, state};

/// Most characters of a text of an instruction.
const MOST_CHARACTERS: usize = 120;

/// Whom an instruction is about, found before its transaction.
pub(super) struct Subject {
    pub(super) person: Person,
    pub(super) membership: Membership,
}

/// What an instruction has done.
pub(super) struct Carried {
    pub(super) order_id: Option<i64>,
    pub(super) person_id: i64,
    pub(super) state: i16,
    pub(super) answer: Value,
    /// Of a deduction: fen, bank, journal and its day.
    pub(super) paying: Option<(i64, String, i64, NaiveDate)>,
}

pub(super) fn refuse(code: &str, detail: impl Into<String>) -> Error {
    Refusal::rule(code, detail.into()).into()
}

fn wrong(detail: impl Into<String>) -> Error {
    refuse("E-COURT-01", detail)
}

/// Whether an instruction is complete: court, documents, two officers with their papers, amounts, term.
///
/// # Errors
/// `E-COURT-01`, `E-COURT-04`.
pub(super) fn complete(office: &Office, said: &Instruction) -> Result<()> {
    let texts = [
        (&said.act_no, "协助执行事项编号"),
        (&said.court, "法院名称"),
        (&said.case_no, "执行案号"),
        (&said.document, "法律文书号"),
    ];
    for (text, name) in texts {
        let count = text.chars().count();
        if count == 0 || count > MOST_CHARACTERS || text.chars().any(char::is_control) {
            return Err(wrong(format!("没有写明{name}，或者写得不对。")));
        }
    }
    let [first, second] = said.officers.as_slice() else {
        return Err(wrong(
            "执行人员应为两人，请写明两人的姓名、证件号码和工作证号。",
        ));
    };
    for officer in [first, second] {
        let known = PersonName::parse(&officer.name).is_ok()
            && IdNumber::parse(&officer.id_no).is_ok()
            && (3..=40).contains(&officer.permit_no.chars().count());
        if !known {
            return Err(wrong(
                "执行人员的姓名、证件号码或工作证号不完整，请核对后再报。",
            ));
        }
    }
    if first.id_no == second.id_no || first.permit_no == second.permit_no {
        return Err(wrong("两名执行人员不能是同一人。"));
    }
    if said.amount_fen.is_some_and(|fen| fen <= 0) {
        return Err(wrong("金额应大于零。"));
    }
    if said.kind != Kind::Freeze && said.kind != Kind::Query && said.of.is_none() {
        return Err(wrong("没有写明是哪一件冻结，请填写原冻结的编号。"));
    }
    match said.kind {
        Kind::Freeze => term(office, said.from.unwrap_or(office.today()), said.to).map(drop),
        Kind::Deduct => {
            let paid_to = said.payee.as_ref().is_some_and(|payee| {
                (6..=34).contains(&payee.account.len())
                    && payee
                        .account
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric())
                    && (2..=60).contains(&payee.holder.chars().count())
            });
            if !paid_to {
                return Err(wrong("没有写明法院的收款账号和户名，或者写得不对。"));
            }
            if said.amount_fen.is_none() {
                return Err(wrong("没有写明扣划金额。"));
            }
            Ok(())
        }
        Kind::Extend | Kind::Release | Kind::Query => Ok(()),
    }
}

/// The last day of a term that begins on a day.
fn term(office: &Office, begins: NaiveDate, to: Option<NaiveDate>) -> Result<NaiveDate> {
    let months = super::longest_months(office)?;
    let last = add_months(begins, months);
    match to {
        Some(to) if to >= office.today() && to >= begins && to <= last => Ok(to),
        _ => Err(refuse(
            "E-COURT-04",
            format!("冻结期限不对：止期应在今天之后，一次不超过 {months} 个月（最晚 {last}）。"),
        )),
    }
}

/// Whom an instruction is about.
///
/// # Errors
/// `E-COURT-03` where nobody of this number and name has an account here.
pub(super) async fn subject(office: &Office, said: &Instruction) -> Result<Subject> {
    let unknown = || {
        refuse(
            "E-COURT-03",
            "本中心没有这个人的住房公积金账户，或姓名与证件号码不一致，请核对。",
        )
    };
    let id = IdNumber::parse(&said.id_no).map_err(|_| unknown())?;
    let name = PersonName::parse(&said.name).map_err(|_| unknown())?;
    let person = person::by_id_number(office, &id)
        .await?
        .filter(|person| person.name.expose() == name.expose())
        .ok_or_else(unknown)?;
    let membership = membership::of_person(office, person.person_id)
        .await?
        .into_iter()
        .find(|one| one.state != membership::state::ENDED)
        .ok_or_else(unknown)?;
    Ok(Subject { person, membership })
}

/// What stands in the evidence of every step: who asks, by what, never whole names or numbers of people.
pub(super) fn told(said: &Instruction) -> Value {
    json!({
        "kind": said.kind.code(), "act": said.act_no, "court": said.court, "court_case": said.case_no, "document": said.document,
        "document_digest": said.document_digest, "amount_fen": said.amount_fen, "to": said.to,
        "officers": said.officers.iter().map(|one| anju_domain::name::mask(&one.name)).collect::<Vec<_>>(),
    })
}

/// Does what is asked, in the caller's transaction.
///
/// # Errors
/// `E-COURT-03` to `E-COURT-08`; then the caller rolls back.
pub(super) async fn carry(
    office: &Office,
    tx: &mut PgConnection,
    act_id: i64,
    said: &Instruction,
    subject: &Subject,
    (channel, actor): (&str, Actor),
) -> Result<Carried> {
    let person_id = subject.person.person_id;
    // Two instructions about one person follow each other; a withdrawal meets them at the account's version.
    person::lock(office, tx, person_id)
        .await?
        .ok_or_else(|| Fault::Stored("a person is gone".to_owned()))?;
    let mut carried = Carried {
        order_id: None,
        person_id,
        state: act_state::DONE,
        answer: Value::Null,
        paying: None,
    };
    let (case_state, steps): (CaseState, Vec<&str>) = match said.kind {
        Kind::Freeze => {
            freeze(office, tx, act_id, said, subject).await?;
            carried.order_id = Some(act_id);
            (
                CaseState::Done,
                vec!["court_order", "freeze_queued", "done"],
            )
        }
        Kind::Extend => {
            let mut order = of(office, tx, said, person_id).await?;
            // Before it ends; each extension counts from the end that it has.
            let to = term(office, order.to_date, said.to)?;
            if to <= order.to_date {
                return Err(refuse(
                    "E-COURT-04",
                    format!("续冻的止期应晚于现在的止期 {}。", order.to_date),
                ));
            }
            order.to_date = to;
            put(office, tx, &order).await?;
            carried.order_id = Some(order.order_id);
            (
                CaseState::Done,
                vec!["court_order", "freeze_extended", "done"],
            )
        }
        Kind::Release => {
            let order = of(office, tx, said, person_id).await?;
            carried.order_id = Some(order.order_id);
            release(office, tx, said, order, actor).await?;
            (
                CaseState::Done,
                vec!["court_order", "freeze_released", "done"],
            )
        }
        Kind::Deduct => {
            let order = of(office, tx, said, person_id).await?;
            carried.order_id = Some(order.order_id);
            carried.paying = Some(deduct(office, tx, act_id, said, subject, &order).await?);
            carried.state = act_state::PAYING;
            (
                CaseState::Executing,
                vec!["court_order", "deducted", "executing"],
            )
        }
        Kind::Query => (CaseState::Done, vec!["court_order", "answered", "done"]),
    };
    let deducted = carried.paying.as_ref().map(|(fen, ..)| *fen);
    let mut detail = told(said);
    detail["order"] = carried.order_id.map(|id| super::number(office, id)).into();
    detail["deducted_fen"] = deducted.into();
    if said.kind == Kind::Query {
        // What a court only asks opens no case that the person would read of before the court has decided.
        case::add_event(office, tx, act_id, actor, &steps, detail).await?;
    } else {
        // Steps that the counter took before have numbers of this case already.
        case::begin_at(
            office,
            tx,
            case_state,
            &steps,
            Begun {
                case_id: act_id,
                service: SERVICE,
                wish: &format!("court:{act_id}"),
                applicant_id: person_id,
                branch_id: subject.membership.branch_id,
                channel,
                amount_fen: deducted,
                promised_at: office.now(),
                form: json!({ "court": said.court, "court_case": said.case_no, "kind": said.kind.code() }),
                detail,
            },
            actor,
        )
        .await?;
    }
    if said.kind == Kind::Freeze {
        promote(office, tx, person_id, actor).await?;
    }
    if let Some((fen, ..)) = &carried.paying {
        let payload = json!({ "court": act_id });
        outbox::enqueue(
            office,
            tx,
            outbox::kind::COURT,
            Some(act_id),
            payload,
            office.now(),
        )
        .await?;
        tracing::info!(
            case = act_id,
            amount_fen = fen,
            "a court's deduction is booked"
        );
    }
    carried.answer = answer(office, tx, said, &carried, subject).await?;
    Ok(carried)
}

/// The order that an instruction is about: of the same person and the same court, alive.
async fn of(
    office: &Office,
    tx: &mut PgConnection,
    said: &Instruction,
    person_id: i64,
) -> Result<Order> {
    let order_no = said.of.as_deref().unwrap_or_default();
    let order = lock_by_no(office, tx, order_no)
        .await?
        .filter(|order| order.person_id == person_id)
        .ok_or_else(|| {
            refuse(
                "E-COURT-05",
                format!("没有编号为 {order_no} 的冻结，或不是这个人的，请核对原冻结的编号。"),
            )
        })?;
    if order.court != said.court {
        return Err(refuse(
            "E-COURT-05",
            format!("这件冻结由{}作出，由作出冻结的法院办理。", order.court),
        ));
    }
    if !order.lives() || order.to_date < office.today() {
        return Err(refuse(
            "E-COURT-06",
            "这件冻结已经解除、到期或扣划完毕，请重新冻结。",
        ));
    }
    Ok(order)
}

/// A new order, at the end of the queue.
async fn freeze(
    office: &Office,
    tx: &mut PgConnection,
    act_id: i64,
    said: &Instruction,
    subject: &Subject,
) -> Result<()> {
    let from = said.from.unwrap_or(office.today());
    let to = term(office, from, said.to)?;
    sqlx::query(
        "INSERT INTO court_order (centre_id, order_id, person_id, account_id, order_no, court, case_no, amount_fen, left_fen, from_date,
                                  to_date, state, arrived_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, 3, $11)",
    )
    .bind(office.centre.id)
    .bind(act_id)
    .bind(subject.person.person_id)
    .bind(subject.membership.account_id)
    .bind(&said.act_no)
    .bind(&said.court)
    .bind(&said.case_no)
    .bind(said.amount_fen)
    .bind(from)
    .bind(to)
    .bind(office.now())
    .execute(tx)
    .await?;
    Ok(())
}

/// All of an order, or a part of its amount.
async fn release(
    office: &Office,
    tx: &mut PgConnection,
    said: &Instruction,
    mut order: Order,
    actor: Actor,
) -> Result<()> {
    match (said.amount_fen, order.left_fen) {
        (Some(part), Some(left)) if part < left => {
            order.left_fen = Some(left - part);
            put(office, tx, &order).await
        }
        (Some(part), Some(left)) if part > left => Err(refuse(
            "E-COURT-07",
            format!(
                "解冻金额 {} 元超过尚在冻结的 {} 元。",
                Fen::new(part),
                Fen::new(left)
            ),
        )),
        (Some(_), None) => Err(refuse(
            "E-COURT-07",
            "整户冻结不能只解除一部分，请解除后按金额重新冻结。",
        )),
        _ => end(office, tx, &order, state::RELEASED, "released", actor).await,
    }
}

/// E31: from the account to what waits for the bank, out of what this order keeps.
async fn deduct(
    office: &Office,
    tx: &mut PgConnection,
    act_id: i64,
    said: &Instruction,
    subject: &Subject,
    order: &Order,
) -> Result<(i64, String, i64, NaiveDate)> {
    if order.state != state::EFFECTIVE {
        return Err(refuse(
            "E-COURT-06",
            "这件冻结还在轮候，前面的冻结结束、本件生效后才能扣划。",
        ));
    }
    let asked = said.amount_fen.map(Fen::new).unwrap_or_default();
    let there = queue::within_reach(office, tx, order.account_id).await?;
    let most = order.left().map_or(there, |left| left.min(there));
    let amount = if asked > most && said.part_allowed {
        most
    } else {
        asked
    };
    if amount > most || amount <= Fen::ZERO {
        return Err(refuse(
            "E-COURT-07",
            format!(
                "申请扣划 {asked} 元，本件冻结现有可扣划 {most} 元。请按可扣划的金额，或注明可以部分扣划。"
            ),
        ));
    }
    let day = anju_ledger::day::open_day(&mut *tx, office.ledger())
        .await?
        .date();
    let journal_id = books::post(
        office,
        tx,
        &Booking {
            event: "E31",
            key: &act_id.to_string(),
            case_id: Some(act_id),
            branch_id: subject.membership.branch_id,
            maker: Actor::System,
            checker: None,
            policy_id: office.policy().id,
            month: None,
            value_date: None,
            accounts: &[(Role::Person, order.account_id)],
            amount_fen: amount.fen(),
        },
    )
    .await?;
    if let Some(left) = order.left() {
        let mut rest = order.clone();
        rest.left_fen = Some((left - amount).fen());
        // It stays in force until the bank has paid: what comes back is under it again, before anybody who waits.
        put(office, tx, &rest).await?;
    }
    Ok((
        amount.fen(),
        subject.membership.bank.clone(),
        journal_id,
        day,
    ))
}

/// What the court is told.
async fn answer(
    office: &Office,
    tx: &mut PgConnection,
    said: &Instruction,
    carried: &Carried,
    subject: &Subject,
) -> Result<Value> {
    let balance = balance(office, tx, subject.membership.account_id).await?;
    let mut answer = json!({
        "balance_fen": balance.fen(),
        "account": office.numbers.encode(anju_vault::NumberKind::Account, subject.membership.account_id),
    });
    if let Some(order_id) = carried.order_id {
        let order = super::lock(office, tx, order_id).await?;
        answer["to"] = json!(order.to_date);
        let held = order.left().map_or(balance, |left| left.min(balance));
        let in_force = order.state == state::EFFECTIVE;
        answer["frozen_fen"] = json!(if in_force { held.fen() } else { 0 });
        if order.state == state::QUEUED {
            let before: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM court_order
                  WHERE centre_id = $1 AND person_id = $2 AND state IN (2, 3) AND (arrived_at, order_id) < ($3, $4)",
            )
            .bind(office.centre.id)
            .bind(order.person_id)
            .bind(order.arrived_at)
            .bind(order.order_id)
            .fetch_one(&mut *tx)
            .await?;
            answer["place"] = json!(before);
        }
        answer["result"] = match (said.kind, order.state) {
            (Kind::Freeze, state::EFFECTIVE) => "frozen",
            (Kind::Freeze, _) => "queued",
            (Kind::Extend, _) => "extended",
            (Kind::Release, _) => "released",
            _ => "deducting",
        }
        .into();
    } else {
        answer["result"] = "answered".into();
        let orders: Vec<(String, String, Option<i64>, i16)> = sqlx::query_as(
            "SELECT court, case_no, left_fen, state FROM court_order
              WHERE centre_id = $1 AND person_id = $2 AND state IN (2, 3) ORDER BY arrived_at, order_id LIMIT 100",
        )
        .bind(office.centre.id)
        .bind(carried.person_id)
        .fetch_all(&mut *tx)
        .await?;
        answer["orders"] = orders
            .into_iter()
            .map(|(court, case_no, left_fen, state)| {
                json!({ "court": court, "court_case": case_no, "left_fen": left_fen, "queued": state == state::QUEUED })
            })
            .collect();
    }
    if let Some((fen, ..)) = &carried.paying {
        answer["deducted_fen"] = json!(fen);
        answer["part"] = json!(said.amount_fen.is_some_and(|asked| asked > *fen));
    }
    Ok(answer)
}
