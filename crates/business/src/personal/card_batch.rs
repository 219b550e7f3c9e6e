//! The cards of an employer's people (联名卡关联, by the clerk): all of a list or none, every mistake in one answer. Invariant: a clerk
//! gives a card to who has none; another card for who has one is the person's own act.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use anju_casework::person::{Person, PersonRow};
use anju_casework::person_data::Act;
use anju_casework::{Office, Refusal, Result, RowFault, case, employer};
use anju_domain::card::CardNumber;
use anju_vault::NumberKind;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sqlx::FromRow;

/// People of one list.
const MOST_ROWS: usize = 500;

/// Columns of the list as a fault names them.
const ACCOUNT: &str = "个人账号";
const CARD: &str = "银行卡号";

/// A card that is said to be somebody's.
pub struct CardQuestion {
    /// Whose.
    pub person: Person,
    /// Which.
    pub card: CardNumber,
}

/// What UnionPay and the issuing bank say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CardAnswer {
    /// The person's own first-class debit card, of this bank.
    Own(Option<String>),
    /// Another's, another class, or unknown to them.
    NotOwn,
    /// One of them did not answer.
    Silent,
}

/// Who is asked about many cards at once.
pub trait Cards: Send + Sync {
    /// One answer a question, in order.
    fn verify<'a>(
        &'a self,
        case_no: &'a str,
        questions: &'a [CardQuestion],
    ) -> BoxFuture<'a, Vec<CardAnswer>>;
}

#[derive(FromRow)]
struct MemberRow {
    account_id: i64,
    #[sqlx(flatten)]
    person: PersonRow,
}

fn fault(row: u32, column: &'static str, code: &str, message: String) -> RowFault {
    RowFault {
        row: Some(row),
        column: Some(column.to_owned()),
        code: code.to_owned(),
        message,
    }
}

/// Reads a list, asks about every card, and registers them in one transaction.
pub(super) async fn link(
    office: &Office,
    cards: &Arc<dyn Cards>,
    service: &str,
    submission: &case::Submission,
) -> Result<i64> {
    let request = &submission.request;
    let employer = employer::require(office, request.applicant_id).await?;
    let rows = request.form.get("roster").and_then(Value::as_array);
    let rows = rows.map_or(&[][..], Vec::as_slice);
    if rows.is_empty() || rows.len() > MOST_ROWS {
        let detail = format!("一次请填 1 到 {MOST_ROWS} 名职工。");
        return Err(Refusal::rule("E-FORM-01", detail).into());
    }
    let members = members(office, employer.employer_id, rows).await?;
    let (questions, places, mut faults) = read(office, members, rows);
    if faults.is_empty() {
        let case_no = case::number(office, submission.case_id);
        let answers = cards.verify(&case_no, &questions).await;
        if answers.contains(&CardAnswer::Silent) {
            let detail = "中国银联或开户银行暂时没有回复，请过几分钟再试，已填的内容不用改。";
            return Err(Refusal::new(503, "E-CARD-03", detail).into());
        }
        for (row, answer) in places.iter().zip(&answers) {
            if *answer == CardAnswer::NotOwn {
                let message = format!(
                    "第 {row} 行的银行卡核验未通过，请使用职工本人一类借记卡；银行预留的手机号要和登记的手机号一致。"
                );
                faults.push(fault(*row, CARD, "E-W-08", message));
            }
        }
        if faults.is_empty() {
            return write(
                office,
                service,
                submission,
                employer.branch_id,
                questions,
                answers,
            )
            .await;
        }
    }
    Err(Refusal::of_mistakes(faults)
        .unwrap_or_else(|| Refusal::rule("E-FORM-01", "名单有误，请核对。"))
        .into())
}

/// The members that the rows name, by account.
async fn members(
    office: &Office,
    employer_id: i64,
    rows: &[Value],
) -> Result<HashMap<i64, Person>> {
    let accounts: Vec<i64> = rows
        .iter()
        .filter_map(|row| row.get("account_no")?.as_str())
        .filter_map(|number| office.numbers.decode(NumberKind::Account, number.trim()))
        .collect();
    let found: Vec<MemberRow> = sqlx::query_as(
        "SELECT m.account_id, p.person_id, p.id_sealed, p.name_sealed, p.phone_sealed, p.phone_changed_at, p.card_sealed,
                p.card_bank, p.card_checked_on
           FROM membership m JOIN person p USING (centre_id, person_id)
          WHERE m.centre_id = $1 AND m.account_id = ANY ($3) AND m.employer_id = $2 AND m.state IN (1, 2)",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(accounts)
    .fetch_all(&office.pool)
    .await?;
    found
        .into_iter()
        .map(|row| Ok((row.account_id, row.person.open(&office.vault)?)))
        .collect()
}

/// The questions of a list with their rows, and what is wrong with it.
fn read(
    office: &Office,
    mut members: HashMap<i64, Person>,
    rows: &[Value],
) -> (Vec<CardQuestion>, Vec<u32>, Vec<RowFault>) {
    let (mut questions, mut places, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    let mut accounts = HashSet::new();
    let mut cards: HashMap<String, u32> = HashMap::new();
    for (value, row) in rows.iter().zip(1_u32..) {
        let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
        let number = text("account_no").trim();
        let account = office.numbers.decode(NumberKind::Account, number);
        let card = CardNumber::parse(text("card_no"));
        if let Err(error) = &card {
            let message = format!("第 {row} 行：{error}。");
            faults.push(fault(row, CARD, "E-FORM-01", message));
        }
        if let Ok(card) = &card
            && let Some(before) = cards.insert(card.expose().to_owned(), row)
        {
            let message =
                format!("第 {row} 行的卡号和第 {before} 行相同，一张卡只能是一个人的，请核对。");
            faults.push(fault(row, CARD, "E-W-08", message));
        }
        if account.is_some_and(|account| !accounts.insert(account)) {
            let message = format!("第 {row} 行的职工重复，请只留一行。");
            faults.push(fault(row, ACCOUNT, "E-ROW-01", message));
            continue;
        }
        let Some(person) = account.and_then(|account| members.remove(&account)) else {
            let message = format!("第 {row} 行的个人账号 {number} 不是本单位职工的账户，请改正。");
            faults.push(fault(row, ACCOUNT, "E-FORM-01", message));
            continue;
        };
        if person.card.is_some() {
            faults.push(fault(row, ACCOUNT, "E-CARD-02", has_one(row)));
        }
        if let Ok(card) = card {
            questions.push(CardQuestion { person, card });
            places.push(row);
        }
    }
    (questions, places, faults)
}

fn has_one(row: u32) -> String {
    format!("第 {row} 行的职工已经登记了联名卡，换卡由职工本人办理“个人联名卡变更”。")
}

async fn write(
    office: &Office,
    service: &str,
    submission: &case::Submission,
    branch_id: i16,
    questions: Vec<CardQuestion>,
    answers: Vec<CardAnswer>,
) -> Result<i64> {
    let mut rows: Vec<(CardQuestion, CardAnswer, u32)> = questions
        .into_iter()
        .zip(answers)
        .zip(1..)
        .map(|((question, answer), row)| (question, answer, row))
        .collect();
    // Rows are held in one order, so that two lists at once never wait for each other.
    rows.sort_by_key(|(question, _, _)| question.person.person_id);
    let act = Act {
        case_id: submission.case_id,
        actor: submission.actor,
        channel: &submission.request.channel,
    };
    let mut tx = office.pool.begin().await?;
    for (question, answer, row) in &rows {
        let holder = super::held(office, &mut tx, question.person.person_id).await?;
        if holder.card.is_some() {
            let taken = fault(*row, ACCOUNT, "E-CARD-02", has_one(*row));
            return Err(Refusal::rule("E-CARD-02", has_one(*row))
                .with_errors(vec![taken])
                .into());
        }
        let bank = match answer {
            CardAnswer::Own(bank) => bank.as_deref(),
            CardAnswer::NotOwn | CardAnswer::Silent => None,
        };
        super::card::put(office, &mut tx, &holder, &question.card, bank, act).await?;
    }
    let at_once = case::AtOnce {
        wish: &format!("{service}:{}", submission.case_id),
        branch_id,
        form: json!({}),
        begun: json!({ "channel": submission.request.channel }),
        step: "changed",
        done: json!({ "changed": ["card"], "people": rows.len() }),
    };
    case::at_once(office, &mut tx, submission, at_once).await?;
    tx.commit().await?;
    office.changed_with_messages(submission.case_id);
    Ok(submission.case_id)
}
