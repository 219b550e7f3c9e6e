//! Contracts of entrusted collection (委托收款签约): employer, bank and centre. Nothing is collected before the bank has said whose the
//! account is.

use std::sync::Arc;

use anju_casework::catalogue::{Request, Service};
use anju_casework::employer::{self, Employer};
use anju_casework::person::{purpose, text};
use anju_casework::{Actor, Error, Fault, Office, Refusal, Result, books, case};
use anju_domain::money::Fen;
use anju_domain::text::last_four;
use anju_policy::fact::{Fact, FactState};
use chrono::{DateTime, NaiveDate, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sqlx::{FromRow, PgConnection};

use super::first_day;
use crate::policy::Rules;

/// States of a contract.
pub mod state {
    /// 签约中: the bank is asked.
    pub const SIGNING: i16 = 1;
    /// 已签约.
    pub const SIGNED: i16 = 2;
    /// 银行未确认.
    pub const REFUSED: i16 = 3;
    /// 已暂停.
    pub const SUSPENDED: i16 = 4;
    /// 已终止.
    pub const ENDED: i16 = 9;
}

/// Who pays by a contract.
pub mod payer {
    /// An employer.
    pub const EMPLOYER: i16 = 1;
    /// A person who contributes by himself.
    pub const PERSON: i16 = 2;
}

/// 委托收款协议.
#[derive(Debug, Clone, FromRow)]
pub struct Mandate {
    /// Identifier, also of the case that signed it.
    pub mandate_id: i64,
    /// Employer or person.
    pub payer_id: i64,
    /// See [`payer`].
    pub payer_kind: i16,
    /// Bank that keeps the account.
    pub bank: String,
    /// The account's last four digits.
    pub account_last4: String,
    /// The most that one debit may take, fen.
    pub limit_fen: i64,
    /// Day of the month.
    pub day: i16,
    /// See [`state`].
    pub state: i16,
    /// Why it is refused, suspended or ended.
    pub reason: Option<String>,
    /// Months in a row in which nothing could be collected.
    pub failed_months: i16,
    /// When it was asked for.
    pub asked_at: DateTime<Utc>,
    /// When the bank said yes.
    pub signed_on: Option<NaiveDate>,
}

impl Mandate {
    /// Its state in a word of the doors.
    pub const fn state_code(&self) -> &'static str {
        match self.state {
            state::SIGNING => "signing",
            state::SIGNED => "signed",
            state::REFUSED => "refused",
            state::SUSPENDED => "suspended",
            _ => "ended",
        }
    }
}

/// Columns of [`Mandate`], in one place.
macro_rules! columns {
    () => {
        "mandate_id, payer_id, payer_kind, bank, account_last4, limit_fen, day, state, reason, failed_months, asked_at, signed_on"
    };
}

/// A payer's contracts, the newest first.
pub async fn of_payer(office: &Office, payer_id: i64, limit: i64) -> Result<Vec<Mandate>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM debit_mandate WHERE centre_id = $1 AND payer_id = $2 ORDER BY mandate_id DESC LIMIT $3"
    ))
    .bind(office.centre.id)
    .bind(payer_id)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// The payer's contract that is in force or suspended.
pub async fn live(
    office: &Office,
    conn: &mut PgConnection,
    payer_id: i64,
) -> Result<Option<Mandate>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM debit_mandate WHERE centre_id = $1 AND payer_id = $2 AND state IN (2, 4)"
    ))
    .bind(office.centre.id)
    .bind(payer_id)
    .fetch_optional(conn)
    .await?)
}

/// A new contract on its way into the books.
pub(crate) struct Draft<'a> {
    pub(crate) mandate_id: i64,
    pub(crate) payer_id: i64,
    pub(crate) payer_kind: i16,
    pub(crate) bank: &'a str,
    pub(crate) account: &'a str,
    pub(crate) holder: &'a str,
    pub(crate) limit_fen: i64,
    pub(crate) day: i16,
    /// Signed already: somebody else has said whose the account is.
    pub(crate) signed: bool,
}

impl Draft<'_> {
    pub(crate) async fn write(&self, office: &Office, conn: &mut PgConnection) -> Result<()> {
        sqlx::query(
            "INSERT INTO debit_mandate (centre_id, mandate_id, payer_id, payer_kind, bank, account_sealed, account_last4, holder_sealed,
                                        limit_fen, day, state, asked_at, signed_on)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        )
        .bind(office.centre.id)
        .bind(self.mandate_id)
        .bind(self.payer_id)
        .bind(self.payer_kind)
        .bind(self.bank)
        .bind(office.vault.seal(purpose::CARD, self.account.as_bytes()))
        .bind(last_four(self.account))
        .bind(office.vault.seal(purpose::NAME, self.holder.as_bytes()))
        .bind(self.limit_fen)
        .bind(self.day)
        .bind(if self.signed { state::SIGNED } else { state::SIGNING })
        .bind(office.now())
        .bind(self.signed.then(|| office.today()))
        .execute(conn)
        .await?;
        Ok(())
    }
}

/// Ends what a payer has signed; lists that wait are paid by hand from then on, and what the bank already has goes its way.
pub(crate) async fn end(
    office: &Office,
    conn: &mut PgConnection,
    payer_id: i64,
    reason: &str,
) -> Result<Option<i64>> {
    let ended: Option<i64> = sqlx::query_scalar(
        "UPDATE debit_mandate SET state = 9, ended_at = $3, reason = $4
          WHERE centre_id = $1 AND payer_id = $2 AND state IN (2, 4) RETURNING mandate_id",
    )
    .bind(office.centre.id)
    .bind(payer_id)
    .bind(office.now())
    .bind(reason)
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(mandate_id) = ended {
        sqlx::query(
            "UPDATE remittance SET collect_on = NULL
              WHERE centre_id = $1 AND employer_id = $2 AND mandate_id = $3 AND collect_on IS NOT NULL",
        )
        .bind(office.centre.id)
        .bind(payer_id)
        .bind(mandate_id)
        .execute(conn)
        .await?;
    }
    Ok(ended)
}

/// Who asks a bank whether an account is the employer's; the gateway does.
pub trait BankDesk: Send + Sync {
    /// The fact `bank.account_match` of a credit code, an account and a name.
    fn account_match<'a>(
        &'a self,
        bank: &'a str,
        uscc: &'a str,
        account_no: &'a str,
        name: &'a str,
        case_no: &'a str,
    ) -> BoxFuture<'a, Result<Fact>>;
}

/// The service of signing, resuming and ending.
pub struct DebitContract {
    id: String,
    bank: Arc<dyn BankDesk>,
}

impl DebitContract {
    /// The service of a definition with effect `sign_debit`.
    pub fn new(id: &str, bank: &Arc<dyn BankDesk>) -> Self {
        Self {
            id: id.to_owned(),
            bank: bank.clone(),
        }
    }

    async fn carry_out(&self, office: &Office, submission: &case::Submission) -> Result<i64> {
        let request = &submission.request;
        let employer = employer::require(office, request.applicant_id).await?;
        match request.text("action").unwrap_or("sign") {
            "end" => self.end(office, submission, &employer).await,
            "resume" => self.resume(office, submission, &employer).await,
            _ => self.sign(office, submission, &employer).await,
        }
    }

    async fn sign(
        &self,
        office: &Office,
        submission: &case::Submission,
        employer: &Employer,
    ) -> Result<i64> {
        let wish = Wish::read(office, &submission.request)?;
        let mut tx = office.pool.begin().await?;
        employer::lock(office, &mut tx, employer.employer_id).await?;
        let signing: Option<i64> = sqlx::query_scalar(
            "SELECT mandate_id FROM debit_mandate WHERE centre_id = $1 AND payer_id = $2 AND state = 1",
        )
        .bind(office.centre.id)
        .bind(employer.employer_id)
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(mandate_id) = signing {
            let no = case::number(office, mandate_id);
            let detail = format!("已有一份委托收款协议在等银行确认（编号：{no}），请等结果。");
            return Err(Refusal::new(409, "E-DEBIT-01", detail).into());
        }
        let mandate_id = submission.case_id;
        books::remember(
            office,
            &mut tx,
            submission.key,
            submission.digest,
            mandate_id,
        )
        .await?;
        Draft {
            mandate_id,
            payer_id: employer.employer_id,
            payer_kind: payer::EMPLOYER,
            bank: &wish.bank,
            account: &wish.account_no,
            holder: &employer.name,
            limit_fen: wish.limit.fen(),
            day: wish.day,
            signed: false,
        }
        .write(office, &mut tx)
        .await?;
        let begun = case::Begun {
            case_id: mandate_id,
            service: &self.id,
            wish: &self.id,
            applicant_id: employer.employer_id,
            branch_id: employer.branch_id,
            channel: &submission.request.channel,
            amount_fen: None,
            promised_at: submission.promised_at,
            form: json!({ "bank": wish.bank, "limit_fen": wish.limit.fen(), "day": wish.day }),
            detail: json!({ "bank": wish.bank, "limit_fen": wish.limit.fen(), "day": wish.day }),
        };
        case::begin_executing(office, &mut tx, begun, submission.actor).await?;
        tx.commit().await?;
        // A bank that is silent now is asked again by the schedule.
        confirm(office, &*self.bank, mandate_id).await?;
        Ok(mandate_id)
    }

    async fn end(
        &self,
        office: &Office,
        submission: &case::Submission,
        employer: &Employer,
    ) -> Result<i64> {
        let mut tx = office.pool.begin().await?;
        employer::lock(office, &mut tx, employer.employer_id).await?;
        if end(office, &mut tx, employer.employer_id, "单位终止")
            .await?
            .is_none()
        {
            return Err(none_signed().into());
        }
        self.at_once(office, &mut tx, submission, employer, "ended")
            .await?;
        tx.commit().await?;
        Ok(submission.case_id)
    }

    /// What was suspended counts again once the bank has said again whose the account is.
    async fn resume(
        &self,
        office: &Office,
        submission: &case::Submission,
        employer: &Employer,
    ) -> Result<i64> {
        let suspended: Option<Account> = sqlx::query_as(
            "SELECT mandate_id, payer_id, bank, account_sealed, holder_sealed FROM debit_mandate
              WHERE centre_id = $1 AND payer_id = $2 AND state = 4",
        )
        .bind(office.centre.id)
        .bind(employer.employer_id)
        .fetch_optional(&office.pool)
        .await?;
        let Some(account) = suspended else {
            let detail = "没有暂停的委托收款协议，不用恢复。";
            return Err(Refusal::rule("E-DEBIT-02", detail).into());
        };
        match account.ask(office, &*self.bank, employer).await? {
            Word::Yes => {}
            Word::No => return Err(not_confirmed().into()),
            Word::Silent => {
                let detail = "银行暂时没有回复，请过几分钟再试。";
                return Err(Refusal::new(503, "E-DEBIT-04", detail).into());
            }
        }
        let mut tx = office.pool.begin().await?;
        employer::lock(office, &mut tx, employer.employer_id).await?;
        let resumed = sqlx::query(
            "UPDATE debit_mandate SET state = 2, failed_months = 0, reason = NULL
              WHERE centre_id = $1 AND mandate_id = $2 AND state = 4",
        )
        .bind(office.centre.id)
        .bind(account.mandate_id)
        .execute(&mut *tx)
        .await?;
        if resumed.rows_affected() == 1 {
            collect_waiting(office, &mut tx, employer.employer_id, account.mandate_id).await?;
        }
        self.at_once(office, &mut tx, submission, employer, "resumed")
            .await?;
        tx.commit().await?;
        Ok(submission.case_id)
    }

    async fn at_once(
        &self,
        office: &Office,
        tx: &mut PgConnection,
        submission: &case::Submission,
        employer: &Employer,
        step: &str,
    ) -> Result<()> {
        let once = case::AtOnce {
            wish: &format!("{}:{}", self.id, submission.case_id),
            branch_id: employer.branch_id,
            form: json!({ "action": submission.request.text("action") }),
            begun: json!({}),
            step,
            done: json!({}),
        };
        case::at_once(office, tx, submission, once).await
    }
}

fn none_signed() -> Refusal {
    Refusal::rule(
        "E-DEBIT-02",
        "单位没有生效的委托收款协议。请先签约，或改用转账缴款。",
    )
}

fn not_confirmed() -> Refusal {
    Refusal::rule(
        "E-DEBIT-03",
        "银行没有确认这个账户：户名、账号与单位不一致，或账户不能代扣。请核对后重新签约。",
    )
}

/// What is to be signed.
struct Wish {
    bank: String,
    account_no: String,
    limit: Fen,
    day: i16,
}

impl Wish {
    fn read(office: &Office, request: &Request) -> Result<Self> {
        let wrong = |what: String| Error::from(Refusal::rule("E-FORM-01", what));
        let number = |field: &str| request.form.get(field).and_then(Value::as_i64);
        let bank = request.text("bank").unwrap_or_default();
        let known = office
            .banks
            .iter()
            .find(|account| account.bank == bank)
            .ok_or_else(|| wrong("请选择开户银行。".to_owned()))?;
        let account_no: String =
            anju_domain::text::normalise(request.text("account_no").unwrap_or_default())
                .chars()
                .filter(|c| !c.is_whitespace() && *c != '-')
                .collect();
        if !(8..=34).contains(&account_no.len())
            || !account_no.bytes().all(|byte| byte.is_ascii_digit())
        {
            return Err(wrong("银行账号是 8 到 34 位数字，请核对。".to_owned()));
        }
        let rules = Rules::on(office, office.today());
        let (first, last) = (rules.int("debit_first_day")?, rules.int("debit_last_day")?);
        let day = number("day")
            .filter(|day| (first..=last).contains(day))
            .and_then(|day| i16::try_from(day).ok())
            .ok_or_else(|| wrong(format!("扣款日请填 {first} 到 {last} 之间的日子。")))?;
        let limit = number("limit_fen")
            .filter(|fen| *fen > 0)
            .map(Fen::new)
            .ok_or_else(|| wrong("请填写每次扣款的最高金额。".to_owned()))?;
        Ok(Self {
            bank: known.bank.clone(),
            account_no,
            limit,
            day,
        })
    }
}

/// The account of a contract.
#[derive(FromRow)]
struct Account {
    mandate_id: i64,
    payer_id: i64,
    bank: String,
    account_sealed: Vec<u8>,
    holder_sealed: Vec<u8>,
}

/// What the bank says about an account.
enum Word {
    Yes,
    No,
    Silent,
}

impl Account {
    async fn ask(&self, office: &Office, bank: &dyn BankDesk, employer: &Employer) -> Result<Word> {
        let account_no = text(&office.vault, purpose::CARD, &self.account_sealed)?;
        let name = text(&office.vault, purpose::NAME, &self.holder_sealed)?;
        let case_no = case::number(office, self.mandate_id);
        let fact = bank
            .account_match(&self.bank, &employer.uscc, &account_no, &name, &case_no)
            .await?;
        Ok(match fact.state {
            FactState::Known if fact.value.get("match").and_then(Value::as_bool) == Some(true) => {
                Word::Yes
            }
            FactState::Known | FactState::Absent => Word::No,
            FactState::Unknown | FactState::Conflict => Word::Silent,
        })
    }
}

/// Asks the bank about a contract that is being signed, and ends the signing by its word; silence changes nothing.
async fn confirm(office: &Office, bank: &dyn BankDesk, mandate_id: i64) -> Result<()> {
    let signing: Option<Account> = sqlx::query_as(
        "SELECT mandate_id, payer_id, bank, account_sealed, holder_sealed FROM debit_mandate
          WHERE centre_id = $1 AND mandate_id = $2 AND state = 1",
    )
    .bind(office.centre.id)
    .bind(mandate_id)
    .fetch_optional(&office.pool)
    .await?;
    let Some(account) = signing else {
        return Ok(());
    };
    let employer = employer::require(office, account.payer_id).await?;
    let word = account.ask(office, bank, &employer).await?;
    let mut tx = office.pool.begin().await?;
    employer::lock(office, &mut tx, employer.employer_id).await?;
    let (to, end, steps, detail) = match word {
        Word::Silent => return Ok(()),
        Word::Yes => {
            end(office, &mut tx, employer.employer_id, "另签了新的协议").await?;
            let steps = ["signed", "done"];
            (state::SIGNED, case::CaseState::Done, steps, json!({}))
        }
        Word::No => {
            let detail = json!({ "code": "E-DEBIT-03", "reason": not_confirmed().detail });
            let steps = ["refused_by_bank", "refused"];
            (state::REFUSED, case::CaseState::Refused, steps, detail)
        }
    };
    let moved = sqlx::query(
        "UPDATE debit_mandate SET state = $3, reason = $4, signed_on = $5
          WHERE centre_id = $1 AND mandate_id = $2 AND state = 1",
    )
    .bind(office.centre.id)
    .bind(mandate_id)
    .bind(to)
    .bind((to == state::REFUSED).then_some("银行没有确认这个账户"))
    .bind((to == state::SIGNED).then(|| office.today()))
    .execute(&mut *tx)
    .await?;
    if moved.rows_affected() != 1 {
        return Ok(());
    }
    if to == state::SIGNED {
        collect_waiting(office, &mut tx, employer.employer_id, mandate_id).await?;
    }
    case::end_executing(
        office,
        &mut tx,
        mandate_id,
        end,
        &steps,
        detail,
        Actor::System,
    )
    .await?;
    tx.commit().await?;
    office.changed(mandate_id);
    Ok(())
}

/// Asks the banks again about contracts that wait for their word. Returns how many it asked about.
pub async fn confirm_waiting(office: &Office, bank: &dyn BankDesk) -> Result<usize> {
    let waiting: Vec<i64> = sqlx::query_scalar(
        "SELECT mandate_id FROM debit_mandate WHERE centre_id = $1 AND state = 1 ORDER BY asked_at LIMIT 50",
    )
    .bind(office.centre.id)
    .fetch_all(&office.pool)
    .await?;
    for mandate_id in &waiting {
        confirm(office, bank, *mandate_id).await?;
    }
    Ok(waiting.len())
}

/// Lists of the employer that wait to be collected are collected by this contract from now on.
async fn collect_waiting(
    office: &Office,
    conn: &mut PgConnection,
    employer_id: i64,
    mandate_id: i64,
) -> Result<()> {
    let (limit, day): (i64, i16) = sqlx::query_as(
        "SELECT limit_fen, day FROM debit_mandate WHERE centre_id = $1 AND mandate_id = $2",
    )
    .bind(office.centre.id)
    .bind(mandate_id)
    .fetch_one(&mut *conn)
    .await?;
    let rules = Rules::on(office, office.today());
    sqlx::query(
        "UPDATE remittance SET mandate_id = $3, collect_on = $4, collect_tries = 0
          WHERE centre_id = $1 AND employer_id = $2 AND pay_method = 2 AND state = 1 AND NOT collecting AND amount_fen <= $5",
    )
    .bind(office.centre.id)
    .bind(employer_id)
    .bind(mandate_id)
    .bind(first_day(&rules, office.today(), day)?)
    .bind(limit)
    .execute(conn)
    .await?;
    Ok(())
}

/// The contract by which a list of this amount can be collected now.
///
/// # Errors
/// `E-DEBIT-02` none in force, `E-DEBIT-05` above its limit.
pub(crate) async fn for_amount(
    office: &Office,
    conn: &mut PgConnection,
    payer_id: i64,
    amount_fen: i64,
) -> Result<Mandate> {
    let mandate = live(office, conn, payer_id)
        .await?
        .filter(|mandate| mandate.state == state::SIGNED)
        .ok_or_else(none_signed)?;
    if amount_fen > mandate.limit_fen {
        let (amount, limit) = (Fen::new(amount_fen), Fen::new(mandate.limit_fen));
        let detail = format!(
            "应缴 {amount} 元超过委托收款协议的每次限额 {limit} 元。请改用转账，或重新签约提高限额。"
        );
        return Err(Refusal::rule("E-DEBIT-05", detail).into());
    }
    if mandate.signed_on.is_none() {
        return Err(Fault::Stored("a signed contract has no day".to_owned()).into());
    }
    Ok(mandate)
}

impl Service for DebitContract {
    fn id(&self) -> &str {
        &self.id
    }

    fn begin<'a>(
        &'a self,
        office: &'a Office,
        submission: &'a case::Submission,
    ) -> Option<BoxFuture<'a, Result<i64>>> {
        Some(self.carry_out(office, submission).boxed())
    }
}
