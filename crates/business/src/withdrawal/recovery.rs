//! 追回 FR-08 (withdrawal.md §9): the contract of a home was cancelled after money had been paid for it. The housing commission's signal opens a
//! claim for each withdrawal of that home; what comes with the claim's number is credited to the account it left (E30). Invariant: a withdrawal
//! is claimed back once, and never more comes back than was paid.

use anju_casework::books::{self, Booking};
use anju_casework::{Actor, Office, Result, case, outbox};
use anju_domain::money::Fen;
use anju_ledger::Role;
use anju_vault::NumberKind;
use chrono::{Days, NaiveDate};
use serde_json::json;
use sqlx::{FromRow, PgConnection};

use crate::contribution::receipt::Credit;
use crate::policy::Rules;

/// The pattern of fraud: a contract withdrawn after the money was paid.
const PATTERN: &str = "FR-08";

/// Who owes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i16)]
enum Debtor {
    /// It went to his card.
    Person = 1,
    /// It went to the supervised account of the project, and the developer gives it back from there.
    Supervised = 2,
}

/// A claim.
#[derive(Debug, Clone, FromRow)]
pub struct Recovery {
    /// Number.
    pub recovery_id: i64,
    /// The withdrawal.
    pub case_id: i64,
    /// Whose.
    pub person_id: i64,
    /// To which account it comes back.
    pub account_id: i64,
    /// Fen.
    pub amount_fen: i64,
    /// Fen that have come.
    pub received_fen: i64,
}

/// What the housing commission says of a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancelled {
    /// Number of the filed contract.
    pub contract_no: String,
    /// 不动产单元号, where the contract has one.
    pub unit_no: Option<String>,
    /// Its day.
    pub on: NaiveDate,
}

/// A withdrawal that was paid for a home.
#[derive(FromRow)]
struct Paid {
    case_id: i64,
    person_id: i64,
    account_id: i64,
    amount_fen: i64,
}

/// Public number of a claim: what the remark of a repayment names.
#[must_use]
pub fn number(office: &Office, recovery_id: i64) -> String {
    format!("TF{}", office.numbers.encode(NumberKind::Case, recovery_id))
}

/// The claim that a remark names.
pub(crate) fn find_no(office: &Office, remark: &str) -> Option<i64> {
    let text: String = anju_domain::text::normalise(remark)
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect();
    let text = text.to_ascii_uppercase();
    let start = text.find("TF")?;
    let number: String = text[start + 2..]
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '-')
        .collect();
    office.numbers.decode(NumberKind::Case, &number)
}

/// A contract was cancelled: every withdrawal that was paid for its home is claimed back, but for one that `fraud::recovery` asks back
/// already; how many claims stand. The same signal again opens nothing.
pub async fn cancelled(office: &Office, signal: &Cancelled) -> Result<usize> {
    let keys: Vec<String> = signal
        .unit_no
        .iter()
        .chain([&signal.contract_no])
        .map(|key| format!("HOME:{key}"))
        .collect();
    let paid: Vec<Paid> = sqlx::query_as(
        "SELECT u.case_id, u.person_id, c.account_id, u.amount_fen
           FROM withdrawal_use u
           JOIN business_case c ON c.centre_id = u.centre_id AND c.case_id = u.case_id AND c.state = 6 AND c.account_id IS NOT NULL
          WHERE u.centre_id = $1 AND u.event_key = ANY ($2) AND u.state = 2 AND u.kind IN ('DOWNPAY', 'PURCHASE')
            AND NOT EXISTS (SELECT FROM recovery r WHERE r.centre_id = $1 AND r.of_case = u.case_id AND r.state <> 9)
          ORDER BY u.case_id LIMIT 100",
    )
    .bind(office.centre.id)
    .bind(&keys)
    .fetch_all(&office.pool)
    .await?;
    let mut stand = 0;
    for one in &paid {
        claim(office, signal, one).await?;
        stand += 1;
    }
    Ok(stand)
}

async fn claim(office: &Office, signal: &Cancelled, paid: &Paid) -> Result<()> {
    let withdrawal = case::require(office, paid.case_id).await?;
    let debtor = if case::supervised(office, &withdrawal).await?.is_some() {
        Debtor::Supervised
    } else {
        Debtor::Person
    };
    let today = office.today();
    let days = Rules::on(office, today).days("recovery_days")?;
    let due_on = today + Days::new(u64::from(days));
    let recovery_id = office.ids.next().await?;
    let mut tx = office.pool.begin().await?;
    let opened = sqlx::query(
        "INSERT INTO withdrawal_recovery (centre_id, recovery_id, case_id, person_id, account_id, pattern, contract_no, cancelled_on, debtor,
                                          amount_fen, due_on, opened_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (centre_id, case_id) DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(recovery_id)
    .bind(paid.case_id)
    .bind(paid.person_id)
    .bind(paid.account_id)
    .bind(PATTERN)
    .bind(&signal.contract_no)
    .bind(signal.on)
    .bind(debtor as i16)
    .bind(paid.amount_fen)
    .bind(due_on)
    .bind(office.now())
    .execute(&mut *tx)
    .await?;
    if opened.rows_affected() == 0 {
        return Ok(());
    }
    let claim_no = number(office, recovery_id);
    let detail = json!({
        "pattern": PATTERN, "contract": signal.contract_no, "cancelled_on": signal.on, "amount_fen": paid.amount_fen, "claim": claim_no,
        "from": if debtor == Debtor::Supervised { "supervised" } else { "person" }, "due_on": due_on,
    });
    case::add_event(
        office,
        &mut tx,
        paid.case_id,
        Actor::System,
        &["recovering"],
        detail,
    )
    .await?;
    let words = match debtor {
        Debtor::Person => format!(
            "【公积金】购房合同已撤销，请在{days}天内退回提取的 {} 元",
            Fen::new(paid.amount_fen)
        ),
        Debtor::Supervised => {
            "【公积金】购房合同已撤销，首付款由开发企业从监管账户退回公积金".to_owned()
        }
    };
    let payload = json!({ "person": paid.person_id, "text": format!("{words}，附言 {claim_no}") });
    outbox::enqueue(
        office,
        &mut tx,
        outbox::kind::SMS,
        Some(paid.case_id),
        payload,
        office.now(),
    )
    .await?;
    tx.commit().await?;
    metrics::counter!("recoveries_total", "pattern" => PATTERN).increment(1);
    office.changed_with_messages(paid.case_id);
    Ok(())
}

/// The claim that takes so much, held until the caller's transaction ends; none where it is settled, is owed less, or its account is closed.
pub(crate) async fn takes(
    office: &Office,
    tx: &mut PgConnection,
    recovery_id: i64,
    amount_fen: i64,
) -> Result<Option<Recovery>> {
    Ok(sqlx::query_as(
        "SELECT r.recovery_id, r.case_id, r.person_id, r.account_id, r.amount_fen, r.received_fen
           FROM withdrawal_recovery r
           JOIN ledger_account a ON a.centre_id = r.centre_id AND a.account_id = r.account_id AND a.state <> 3
          WHERE r.centre_id = $1 AND r.recovery_id = $2 AND r.closed_at IS NULL AND r.amount_fen - r.received_fen >= $3
            FOR NO KEY UPDATE OF r",
    )
    .bind(office.centre.id)
    .bind(recovery_id)
    .bind(amount_fen)
    .fetch_optional(tx)
    .await?)
}

/// E30: what came goes to the account; when all has come the claim is closed and the home may be withdrawn for again. Interest does not come
/// back (§7).
pub(crate) async fn repaid(
    office: &Office,
    tx: &mut PgConnection,
    claim: &Recovery,
    credit: &Credit,
) -> Result<i64> {
    let withdrawal = case::get(office, &mut *tx, claim.case_id).await?;
    let journal_id = books::post(
        office,
        tx,
        &Booking {
            event: "E30",
            key: &format!("{}:{}", credit.bank, credit.serial),
            case_id: Some(claim.case_id),
            branch_id: withdrawal.map_or(office.centre.head_branch, |one| one.branch_id),
            maker: Actor::System,
            checker: None,
            policy_id: 0,
            month: None,
            value_date: None,
            accounts: &[
                (Role::Bank, office.bank(&credit.bank)?.deposit_id),
                (Role::Person, claim.account_id),
            ],
            amount_fen: credit.amount_fen,
        },
    )
    .await?;
    let received_fen = claim.received_fen + credit.amount_fen;
    let whole = received_fen == claim.amount_fen;
    sqlx::query(
        "UPDATE withdrawal_recovery SET received_fen = $3, closed_at = CASE WHEN $4 THEN $5::timestamptz END WHERE centre_id = $1 AND recovery_id = $2",
    )
    .bind(office.centre.id)
    .bind(claim.recovery_id)
    .bind(received_fen)
    .bind(whole)
    .bind(office.now())
    .execute(&mut *tx)
    .await?;
    if whole {
        sqlx::query("UPDATE withdrawal_use SET state = 3 WHERE centre_id = $1 AND case_id = $2 AND state = 2")
            .bind(office.centre.id)
            .bind(claim.case_id)
            .execute(&mut *tx)
            .await?;
    }
    let steps: &[&str] = if whole {
        &["repaid", "recovered"]
    } else {
        &["repaid"]
    };
    let detail = json!({ "claim": number(office, claim.recovery_id), "amount_fen": credit.amount_fen, "received_fen": received_fen });
    case::add_event(office, tx, claim.case_id, Actor::System, steps, detail).await?;
    let words = format!(
        "【公积金】退回的 {} 元已记入您的公积金账户",
        Fen::new(credit.amount_fen)
    );
    let payload = json!({ "person": claim.person_id, "text": words });
    outbox::enqueue(
        office,
        tx,
        outbox::kind::SMS,
        Some(claim.case_id),
        payload,
        office.now(),
    )
    .await?;
    Ok(journal_id)
}
