//! The in-centre's side (转入): the service that a person applies for, what the out-centre answers, and the money that comes.

use anju_casework::books::{self, Booking};
use anju_casework::catalogue::{Approved, Carried, OwnBooks, Request, Service};
use anju_casework::{Actor, Fault, Office, Refusal, Result, outbox};
use anju_domain::calendar::Month;
use anju_domain::clock::{at_hour, end_of_day, shanghai_date};
use anju_ledger::Role;
use anju_vault::NumberKind;
use anju_wire::platform::{Body, Information, Progress, Sheet};
use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::json;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};

use super::letter::{self, Letter, Opened, Side, State, Step, shift};
use super::message::{say, say_letter};
use super::{money, own_centre};
use crate::policy::Rules;
use crate::withdrawal::own_books;

/// The service by which money comes from another centre.
pub struct TransferIn {
    id: String,
}

impl TransferIn {
    /// The service of a definition with effect `transfer_in`.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned() }
    }

    async fn send_letter(
        &self,
        office: &Office,
        tx: &mut PgConnection,
        approved: &Approved<'_>,
    ) -> Result<Carried> {
        let request = approved.request;
        let from = request
            .text("from_centre")
            .ok_or_else(|| Refusal::rule("E-FORM-01", "请选择转出地。"))?;
        let applicant = Applicant::read(office, tx, approved).await?;
        let applied_on = shanghai_date(applicant.submitted_at);
        let rules = Rules::on(office, applied_on);
        let at = [("region", from)];
        let holidays = office.holidays();
        let alarm_on =
            holidays.add_working_days(applied_on, rules.days_at("rt_alarm_working_days", &at)?);
        let promised_on =
            holidays.add_working_days(applied_on, rules.days_at("rt_target_working_days", &at)?);
        let letter_no = format!(
            "LH{}{}",
            own_centre(office)?,
            office.numbers.encode(NumberKind::Case, approved.case_id)
        );
        letter::open(
            office,
            tx,
            &Opened {
                letter_id: approved.case_id,
                side: Side::In,
                letter_no: &letter_no,
                other_centre: from,
                other_name: &name_of(office, &self.id, from),
                state: State::LetterSent,
                person_id: Some(request.applicant_id),
                account_id: Some(applicant.account_id),
                membership_id: Some(applicant.membership_id),
                branch_id: approved.branch_id,
                applied_at: applicant.submitted_at,
                alarm_on,
                next_at: Some(next_reminder(office, applied_on)?),
                // The account that the letter names is the one of the person's own bank.
                receipt_bank: Some(&applicant.bank),
                pay_bank: None,
                pay_to: None,
                reason: None,
            },
        )
        .await?;
        sqlx::query("UPDATE business_case SET promised_at = $3, account_id = $4 WHERE centre_id = $1 AND case_id = $2")
            .bind(office.centre.id)
            .bind(approved.case_id)
            .bind(end_of_day(promised_on))
            .bind(applicant.account_id)
            .execute(&mut *tx)
            .await?;
        say_letter(
            office,
            tx,
            approved.case_id,
            from,
            &letter_no,
            request.text("from_account"),
        )
        .await?;
        Ok(Carried {
            step: "letter_sent",
            detail: json!({ "letter": letter_no, "transfer_state": State::LetterSent.code(), "other_centre": from }),
            done: false,
        })
    }

    /// 撤销: asked of the out-centre, which may have confirmed the letter in the meantime; its answer decides.
    async fn cancel(office: &Office, letter_id: i64, actor: Actor) -> Result<()> {
        let mut tx = office.pool.begin().await?;
        let letter = letter::lock(office, &mut tx, letter_id).await?;
        if letter.state() != State::LetterSent {
            return Err(
                Refusal::new(409, "E-RT-07", "转出地中心已受理，不能撤销转移申请。").into(),
            );
        }
        if letter.cancel_asked_at.is_none() {
            sqlx::query("UPDATE transfer_letter SET cancel_asked_at = $3 WHERE centre_id = $1 AND letter_id = $2")
                .bind(office.centre.id)
                .bind(letter_id)
                .bind(office.now())
                .execute(&mut *tx)
                .await?;
            say(office, &mut tx, &letter, &Body::Cancel).await?;
            anju_casework::case::step(
                office,
                &mut tx,
                letter_id,
                State::LetterSent.of_case(),
                &["cancel_asked"],
                json!({ "letter": letter.letter_no }),
                actor,
            )
            .await?;
        }
        tx.commit().await?;
        office.changed_with_messages(letter_id);
        Ok(())
    }
}

/// Whose case it is, as it stands in the transaction that carries it out.
#[derive(FromRow)]
struct Applicant {
    submitted_at: DateTime<Utc>,
    membership_id: i64,
    account_id: i64,
    bank: String,
}

impl Applicant {
    async fn read(office: &Office, tx: &mut PgConnection, approved: &Approved<'_>) -> Result<Self> {
        sqlx::query_as(
            "SELECT c.submitted_at, m.membership_id, m.account_id, e.bank
               FROM business_case c
               JOIN membership m ON m.centre_id = c.centre_id AND m.person_id = c.applicant_id AND m.state <> 9
               JOIN employer e ON e.centre_id = m.centre_id AND e.employer_id = m.employer_id
              WHERE c.centre_id = $1 AND c.case_id = $2",
        )
        .bind(office.centre.id)
        .bind(approved.case_id)
        .fetch_optional(tx)
        .await?
        .ok_or_else(|| Fault::Stored("a transfer without an account".to_owned()).into())
    }
}

/// The words of the form for a centre.
fn name_of(office: &Office, service: &str, code: &str) -> String {
    office
        .policy()
        .set
        .service(service)
        .and_then(|service| {
            let input = service
                .inputs
                .iter()
                .find(|input| input.name == "from_centre")?;
            let option = input.options.iter().find(|option| option.value == code)?;
            Some(option.label.clone())
        })
        .unwrap_or_else(|| code.to_owned())
}

/// When a centre that says nothing is reminded: after the working days of policy, and then each working day.
fn next_reminder(office: &Office, applied_on: chrono::NaiveDate) -> Result<DateTime<Utc>> {
    let rules = Rules::on(office, office.today());
    let holidays = office.holidays();
    let first = holidays.add_working_days(applied_on, rules.days("rt_escalate_working_days")?);
    let day = if first > office.today() {
        first
    } else {
        office.today()
    };
    let day = holidays.add_working_days(day, 1);
    at_hour(day, 9).ok_or_else(|| Fault::Stored("nine o'clock".to_owned()).into())
}

impl Service for TransferIn {
    fn id(&self) -> &str {
        &self.id
    }

    fn own_books<'a>(
        &'a self,
        office: &'a Office,
        conn: &'a mut PgConnection,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<OwnBooks>> {
        own_books::read(office, conn, request).boxed()
    }

    fn carries_out(&self) -> bool {
        true
    }

    fn carry_out<'a>(
        &'a self,
        office: &'a Office,
        tx: &'a mut PgConnection,
        approved: Approved<'a>,
    ) -> BoxFuture<'a, Result<Carried>> {
        async move { self.send_letter(office, tx, &approved).await }.boxed()
    }

    fn take_back<'a>(
        &'a self,
        office: &'a Office,
        case_id: i64,
        actor: Actor,
    ) -> Option<BoxFuture<'a, Result<()>>> {
        Some(Self::cancel(office, case_id, actor).boxed())
    }

    /// RT-05.
    fn already(&self, office: &Office, case_id: i64) -> Refusal {
        let no = office.numbers.encode(NumberKind::Case, case_id);
        let own = own_centre(office).unwrap_or_default();
        let detail = format!("已有在办的转移申请（联系函号：LH{own}{no}），请勿重复提交。");
        Refusal::new(409, "E-RT-05", detail).with("case_id", no)
    }

    fn wish(&self, _office: &Office, request: &Request) -> String {
        format!(
            "{}:{}",
            self.id,
            request.text("from_centre").unwrap_or_default()
        )
    }
}

/// What the out-centre says about a letter that the caller has taken.
pub(super) async fn hear(
    office: &Office,
    tx: &mut PgConnection,
    letter: &Letter,
    body: &Body,
) -> Result<()> {
    match body {
        Body::Progress(Progress::Confirmed) => confirmed(office, tx, letter).await,
        Body::Progress(Progress::Refused { code, reason }) => {
            let open = matches!(
                letter.state(),
                State::LetterSent | State::OutAccepted | State::FundsSent | State::Negotiating
            );
            if open && letter.received_fen == 0 {
                fail(office, tx, letter, code, reason).await?;
            }
            Ok(())
        }
        Body::Progress(Progress::Cancelled) => cancelled(office, tx, letter).await,
        Body::Progress(Progress::PayFailed { tries, reason }) => {
            pay_failed(office, tx, letter, *tries, reason).await
        }
        Body::Information(Information::Sheet(sheet)) => told(office, tx, letter, sheet).await,
        _ => Ok(()),
    }
}

async fn confirmed(office: &Office, tx: &mut PgConnection, letter: &Letter) -> Result<()> {
    if letter.state() != State::LetterSent {
        return Ok(());
    }
    let mut steps = vec!["out_accepted"];
    if letter.cancel_asked_at.is_some() {
        // It was confirmed before our cancellation came: E-RT-07.
        steps.insert(0, "cancel_refused");
    }
    shift(
        office,
        tx,
        letter,
        Step {
            to: State::OutAccepted,
            next_at: Some(next_reminder(office, shanghai_date(letter.applied_at))?),
            reason: None,
            steps: &steps,
            detail: json!({}),
            actor: Actor::System,
        },
    )
    .await
}

async fn cancelled(office: &Office, tx: &mut PgConnection, letter: &Letter) -> Result<()> {
    if letter.state() != State::LetterSent || letter.cancel_asked_at.is_none() {
        return Ok(());
    }
    shift(
        office,
        tx,
        letter,
        Step {
            to: State::Cancelled,
            next_at: None,
            reason: None,
            steps: &["withdrawn"],
            detail: json!({}),
            actor: Actor::System,
        },
    )
    .await
}

async fn pay_failed(
    office: &Office,
    tx: &mut PgConnection,
    letter: &Letter,
    tries: i16,
    reason: &str,
) -> Result<()> {
    if !matches!(letter.state(), State::LetterSent | State::OutAccepted) || tries <= letter.tries {
        return Ok(());
    }
    sqlx::query("UPDATE transfer_letter SET tries = $3 WHERE centre_id = $1 AND letter_id = $2")
        .bind(office.centre.id)
        .bind(letter.letter_id)
        .bind(tries)
        .execute(&mut *tx)
        .await?;
    let most = Rules::on(office, office.today()).int("rt_pay_tries")?;
    if i64::from(tries) >= most {
        let words = format!("转出地付款 {tries} 次都没有成功：{reason}");
        return fail(office, tx, letter, "E-RT-08", &words).await;
    }
    shift(
        office,
        tx,
        letter,
        Step {
            to: State::OutAccepted,
            next_at: Some(next_reminder(office, shanghai_date(letter.applied_at))?),
            reason: None,
            steps: &["out_pay_failed"],
            detail: json!({ "tries": tries, "reason": reason }),
            actor: Actor::System,
        },
    )
    .await
}

/// RETURNED: no money is here, and the person may apply again when what was wrong is mended.
pub(super) async fn fail(
    office: &Office,
    tx: &mut PgConnection,
    letter: &Letter,
    code: &str,
    reason: &str,
) -> Result<()> {
    shift(
        office,
        tx,
        letter,
        Step {
            to: State::Returned,
            next_at: None,
            reason: Some((code, reason)),
            steps: &["returned", "failed"],
            detail: json!({ "code": code, "reason": reason }),
            actor: Actor::System,
        },
    )
    .await?;
    outbox::sms(office, tx, letter.letter_id, "transfer_failed").await
}

/// 转移信息表: the out-centre has paid, or corrects what it said before.
async fn told(
    office: &Office,
    tx: &mut PgConnection,
    letter: &Letter,
    sheet: &Sheet,
) -> Result<()> {
    let open = matches!(
        letter.state(),
        State::LetterSent | State::OutAccepted | State::FundsSent | State::Negotiating
    );
    let same = letter
        .sheet
        .as_ref()
        .is_some_and(|Json(known)| known == sheet);
    if !open || same || sheet.total_fen <= 0 || letter.pay_state == 1 {
        return Ok(());
    }
    sqlx::query("UPDATE transfer_letter SET sheet = $3, amount_fen = $4 WHERE centre_id = $1 AND letter_id = $2")
        .bind(office.centre.id)
        .bind(letter.letter_id)
        .bind(Json(sheet))
        .bind(sheet.total_fen)
        .execute(&mut *tx)
        .await?;
    let mut informed = letter.clone();
    informed.sheet = Some(Json(sheet.clone()));
    informed.amount_fen = Some(sheet.total_fen);
    shift(
        office,
        tx,
        &informed,
        Step {
            to: if letter.state() == State::Negotiating {
                State::Negotiating
            } else {
                State::FundsSent
            },
            next_at: Some(next_reminder(office, shanghai_date(letter.applied_at))?),
            reason: None,
            steps: &["funds_sent"],
            detail: json!({ "amount_fen": sheet.total_fen, "interest_fen": sheet.interest_fen, "months": sheet.months.len() }),
            actor: Actor::System,
        },
    )
    .await?;
    settle(office, tx, &informed).await
}

/// Whether a receipt that names this letter is taken for it; money for a letter that has ended is nobody's.
pub(super) fn awaits_money(letter: &Letter) -> bool {
    letter.pay_state == 0
        && matches!(
            letter.state(),
            State::LetterSent | State::OutAccepted | State::FundsSent | State::Negotiating
        )
}

/// What is known and what has come are compared: equal, it is credited; else the out-centre is told.
pub(super) async fn settle(office: &Office, tx: &mut PgConnection, letter: &Letter) -> Result<()> {
    let (Some(Json(sheet)), true) = (&letter.sheet, letter.received_fen > 0) else {
        return Ok(());
    };
    let account = live_account(office, tx, letter).await?;
    let trouble = match account {
        Some(_) if letter.received_fen == sheet.total_fen => None,
        Some(_) => Some("到账金额与转移信息表不一致"),
        None => Some("转入账户已销户，不能入账"),
    };
    match (account, trouble) {
        (Some(account_id), None) => credit(office, tx, letter, sheet, account_id).await,
        (_, trouble) => dispute(office, tx, letter, trouble.unwrap_or("不能入账")).await,
    }
}

/// The person's account, where it still takes money.
async fn live_account(
    office: &Office,
    tx: &mut PgConnection,
    letter: &Letter,
) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar(
        "SELECT m.account_id
           FROM membership m
           JOIN ledger_account a ON a.centre_id = m.centre_id AND a.account_id = m.account_id AND a.state <> 3
          WHERE m.centre_id = $1 AND m.person_id = $2 AND m.state <> 9
          LIMIT 1",
    )
    .bind(office.centre.id)
    .bind(letter.person_id)
    .fetch_optional(tx)
    .await?)
}

/// Two persons say that the money is for the account that the person has by now: he has come back, or his accounts were put together, since the
/// money found none.
pub(super) async fn credit_here(
    office: &Office,
    tx: &mut PgConnection,
    letter: &Letter,
) -> Result<()> {
    let account = live_account(office, tx, letter).await?;
    let (Some(account_id), Some(Json(sheet))) = (account, &letter.sheet) else {
        let detail =
            "本人在本中心没有可以入账的账户。请先由单位办理设立或启封，或把款项退回转出地。";
        return Err(Refusal::new(409, "E-CHECK-05", detail).into());
    };
    credit(office, tx, letter, sheet, account_id).await
}

/// MATCHED and COMPLETED: credited (E33), the months imported, the out-centre told.
async fn credit(
    office: &Office,
    tx: &mut PgConnection,
    letter: &Letter,
    sheet: &Sheet,
    account_id: i64,
) -> Result<()> {
    let policy_id = office.policy().id;
    books::post(
        office,
        tx,
        &Booking {
            event: "E33",
            key: &letter.letter_id.to_string(),
            case_id: Some(letter.letter_id),
            branch_id: letter.branch_id,
            maker: Actor::System,
            checker: None,
            policy_id,
            month: None,
            value_date: None,
            accounts: &[(Role::Person, account_id)],
            amount_fen: sheet.total_fen,
        },
    )
    .await?;
    let months: Vec<i32> = sheet
        .months
        .iter()
        .filter_map(|month| Month::parse(month).ok())
        .map(Month::index)
        .collect();
    // The same month is counted once, wherever and however often it was contributed.
    sqlx::query(
        "INSERT INTO remote_month (centre_id, person_id, month, letter_id)
         SELECT DISTINCT $1::smallint, $2::bigint, month, $4::bigint FROM unnest($3::integer[]) AS month ON CONFLICT DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(letter.person_id)
    .bind(&months)
    .bind(letter.letter_id)
    .execute(&mut *tx)
    .await?;
    sqlx::query("UPDATE business_case SET amount_fen = $3 WHERE centre_id = $1 AND case_id = $2")
        .bind(office.centre.id)
        .bind(letter.letter_id)
        .bind(sheet.total_fen)
        .execute(&mut *tx)
        .await?;
    shift(
        office,
        tx,
        letter,
        Step {
            to: State::Completed,
            next_at: None,
            reason: None,
            steps: &["matched", "credited", "done"],
            detail: json!({ "amount_fen": sheet.total_fen, "months": months.len() }),
            actor: Actor::System,
        },
    )
    .await?;
    say(
        office,
        tx,
        letter,
        &Body::Information(Information::Completed),
    )
    .await?;
    outbox::sms(office, tx, letter.letter_id, "transferred_in").await
}

async fn dispute(
    office: &Office,
    tx: &mut PgConnection,
    letter: &Letter,
    trouble: &str,
) -> Result<()> {
    let first = letter.state() != State::Negotiating;
    shift(
        office,
        tx,
        letter,
        Step {
            to: State::Negotiating,
            next_at: Some(next_reminder(office, shanghai_date(letter.applied_at))?),
            reason: Some(("NEGOTIATING", trouble)),
            steps: &["negotiating"],
            detail: json!({ "received_fen": letter.received_fen, "amount_fen": letter.amount_fen, "reason": trouble }),
            actor: Actor::System,
        },
    )
    .await?;
    let disputed = Information::Disputed {
        received_fen: letter.received_fen,
        reason: trouble.to_owned(),
    };
    say(office, tx, letter, &Body::Information(disputed)).await?;
    if first {
        outbox::sms(office, tx, letter.letter_id, "transfer_disputed").await?;
    }
    Ok(())
}

/// The out-centre has been silent for the working days of policy: it is asked, and the desk sees the letter as ESCALATED.
pub(super) async fn remind(office: &Office, letter_id: i64) -> Result<()> {
    let mut tx = office.pool.begin().await?;
    let letter = letter::lock(office, &mut tx, letter_id).await?;
    if letter.state().is_final() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE transfer_letter SET escalated_at = $3, next_at = $4 WHERE centre_id = $1 AND letter_id = $2",
    )
    .bind(office.centre.id)
    .bind(letter_id)
    .bind(office.now())
    .bind(next_reminder(office, shanghai_date(letter.applied_at))?)
    .execute(&mut *tx)
    .await?;
    say(office, &mut tx, &letter, &Body::Progress(Progress::Asked)).await?;
    anju_casework::case::step(
        office,
        &mut tx,
        letter_id,
        letter.state().of_case(),
        &["escalated"],
        json!({ "letter": letter.letter_no, "transfer_state": "ESCALATED" }),
        Actor::System,
    )
    .await?;
    tx.commit().await?;
    office.changed_with_messages(letter_id);
    Ok(())
}

/// No such centre at the platform: the letter never left.
pub async fn undeliverable(office: &Office, letter_id: i64) -> Result<()> {
    let mut tx = office.pool.begin().await?;
    let letter = letter::lock(office, &mut tx, letter_id).await?;
    if letter.side() == Side::In && !letter.state().is_final() && letter.received_fen == 0 {
        let words = "转出地中心没有接入全国平台";
        fail(office, &mut tx, &letter, "E-RT-09", words).await?;
        tx.commit().await?;
        office.changed_with_messages(letter_id);
    }
    Ok(())
}

/// NEGOTIATING ends by sending the money back: what two persons have decided.
pub(super) async fn order_back(
    office: &Office,
    tx: &mut PgConnection,
    letter: &Letter,
    actor: Actor,
) -> Result<()> {
    if letter.state() != State::Negotiating || letter.received_fen == 0 {
        return Err(anju_casework::case::moved_on().into());
    }
    sqlx::query(
        "UPDATE transfer_letter SET pay_bank = receipt_bank, pay_account = payer_account, pay_holder = payer_name
          WHERE centre_id = $1 AND letter_id = $2",
    )
    .bind(office.centre.id)
    .bind(letter.letter_id)
    .execute(&mut *tx)
    .await?;
    money::order(office, tx, letter).await?;
    anju_casework::case::step(
        office,
        tx,
        letter.letter_id,
        State::Negotiating.of_case(),
        &["give_back"],
        json!({ "amount_fen": letter.received_fen }),
        actor,
    )
    .await
}
