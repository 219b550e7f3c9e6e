//! 遗产登记: a dispute of heirs that holds an estate for some days (contribution.md §6), and an estate that by a court's or notary's proof nobody
//! takes, which goes to 增值收益 (条例 第二十四条, E38). Each is proposed by one member of staff and agreed to by another.

use anju_casework::case::{self, Closing, share};
use anju_casework::membership::{self, state};
use anju_casework::person;
use anju_casework::{Actor, Fault, Office, PgConnection, Refusal, Result};
use anju_ledger::AccountId;
use anju_ledger::account::{self, Kind};
use anju_ledger::day;
use chrono::{DateTime, Days, NaiveDate, Utc};
use serde_json::json;
use sqlx::FromRow;

use super::{end_agreements, lift_signal};
use crate::policy::Rules;

/// 继承争议.
pub const DISPUTE: i16 = 1;
/// 无人继承.
pub const UNCLAIMED: i16 = 2;

/// Where a notice stands.
pub mod standing {
    /// 待复核.
    pub const PROPOSED: i16 = 1;
    /// 生效.
    pub const IN_FORCE: i16 = 2;
    /// 待复核解除.
    pub const LIFTING: i16 = 3;
    /// 没有同意.
    pub const TURNED_DOWN: i16 = 8;
    /// 已解除.
    pub const ENDED: i16 = 9;
}

/// A notice about an estate.
#[derive(Debug, Clone, FromRow)]
pub struct Notice {
    /// Number.
    pub notice_id: i64,
    /// Who has died.
    pub person_id: i64,
    /// [`DISPUTE`] or [`UNCLAIMED`].
    pub kind: i16,
    /// See [`standing`].
    pub state: i16,
    /// Of the court or notary.
    pub document_no: String,
    /// Why.
    pub reason: String,
    /// The last day of a dispute's hold.
    pub until: Option<NaiveDate>,
    /// Who proposed the last step.
    pub maker_id: i64,
    /// When.
    pub made_at: DateTime<Utc>,
    /// Who agreed to the last step.
    pub checker_id: Option<i64>,
}

/// Notices, newest first.
pub async fn list(office: &Office, before: Option<i64>, limit: i64) -> Result<Vec<Notice>> {
    Ok(sqlx::query_as(
        "SELECT notice_id, person_id, kind, state, document_no, reason, until, maker_id, made_at, checker_id
           FROM estate_notice WHERE centre_id = $1 AND notice_id < $2 ORDER BY notice_id DESC LIMIT $3",
    )
    .bind(office.centre.id)
    .bind(before.unwrap_or(i64::MAX))
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

async fn locked(office: &Office, tx: &mut PgConnection, notice_id: i64) -> Result<Notice> {
    sqlx::query_as(
        "SELECT notice_id, person_id, kind, state, document_no, reason, until, maker_id, made_at, checker_id
           FROM estate_notice WHERE centre_id = $1 AND notice_id = $2 FOR NO KEY UPDATE",
    )
    .bind(office.centre.id)
    .bind(notice_id)
    .fetch_optional(tx)
    .await?
    .ok_or_else(|| Refusal::not_found("这条登记").into())
}

/// Proposes a notice about the estate of who has this ID number.
///
/// # Errors
/// `E-ESTATE-01` for a number that nobody with an account has, `E-ESTATE-02` without proof and reason, `E-ESTATE-03` where one is alive.
pub async fn propose(
    office: &Office,
    maker: i64,
    kind: i16,
    id_no: &str,
    document_no: &str,
    reason: &str,
) -> Result<i64> {
    let (document_no, reason) = (document_no.trim(), reason.trim());
    let person_id = super::person_of(office, &anju_domain::text::normalise(id_no)).await?;
    let person_id = person_id.ok_or_else(|| {
        Refusal::rule(
            "E-ESTATE-01",
            "本中心没有这个证件号码的客户，请核对后再登记。",
        )
    })?;
    if document_no.is_empty() || reason.chars().count() < 2 {
        let detail = "请写明文书编号（法院、公证机构或异议书的编号）和事由，至少两个字。";
        return Err(Refusal::rule("E-ESTATE-02", detail).into());
    }
    let notice_id = office.ids.next().await?;
    let made = sqlx::query(
        "INSERT INTO estate_notice (centre_id, notice_id, person_id, kind, state, document_no, reason, maker_id, made_at)
         VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
    )
    .bind(office.centre.id)
    .bind(notice_id)
    .bind(person_id)
    .bind(kind)
    .bind(document_no.chars().take(60).collect::<String>())
    .bind(reason.chars().take(200).collect::<String>())
    .bind(maker)
    .bind(office.now())
    .execute(&office.pool)
    .await?;
    if made.rows_affected() == 0 {
        let detail = "这个账户已经有一条同类登记，请先处理那一条。";
        return Err(Refusal::new(409, "E-ESTATE-03", detail).into());
    }
    Ok(notice_id)
}

/// Proposes that a dispute's hold ends before its last day.
///
/// # Errors
/// 409 `E-CHECK-02` where it is not in force.
pub async fn propose_lifting(office: &Office, maker: i64, notice_id: i64) -> Result<()> {
    let moved = sqlx::query(
        "UPDATE estate_notice SET state = 3, maker_id = $3, made_at = $4
          WHERE centre_id = $1 AND notice_id = $2 AND kind = 1 AND state = 2",
    )
    .bind(office.centre.id)
    .bind(notice_id)
    .bind(maker)
    .bind(office.now())
    .execute(&office.pool)
    .await?;
    if moved.rows_affected() == 0 {
        return Err(case::moved_on().into());
    }
    Ok(())
}

/// The second person's word. Agreed, a dispute is in force or ends, and an estate that nobody takes is booked.
///
/// # Errors
/// 403 `E-CHECK-01` for who proposed it, 409 `E-CHECK-02` where it is decided, `E-ESTATE-04` where the account cannot be closed now.
pub async fn decide(office: &Office, checker: i64, notice_id: i64, agrees: bool) -> Result<()> {
    let mut tx = office.pool.begin().await?;
    let one = locked(office, &mut tx, notice_id).await?;
    if !matches!(one.state, standing::PROPOSED | standing::LIFTING) {
        return Err(case::moved_on().into());
    }
    if one.maker_id == checker {
        return Err(case::own_work().into());
    }
    let to = match (one.state, agrees) {
        (standing::PROPOSED, true) => standing::IN_FORCE,
        (standing::PROPOSED, false) => standing::TURNED_DOWN,
        (_, true) => standing::ENDED,
        (_, false) => standing::IN_FORCE,
    };
    let starts = to == standing::IN_FORCE && one.state == standing::PROPOSED;
    let until = if one.kind == DISPUTE && starts {
        let days = Rules::on(office, office.today()).days("estate_dispute_days")?;
        Some(office.today() + Days::new(u64::from(days)))
    } else {
        one.until
    };
    sqlx::query(
        "UPDATE estate_notice SET state = $3, until = $4, checker_id = $5, checked_at = $6 WHERE centre_id = $1 AND notice_id = $2",
    )
    .bind(office.centre.id)
    .bind(notice_id)
    .bind(to)
    .bind(until)
    .bind(checker)
    .bind(office.now())
    .execute(&mut *tx)
    .await?;
    if one.kind == UNCLAIMED && starts {
        match to_income(office, &mut tx, &one, checker).await {
            Err(error) if error.moved_meanwhile() => return Err(not_now().into()),
            done => done?,
        }
    }
    tx.commit().await?;
    office.changed_with_messages(notice_id);
    Ok(())
}

fn not_now() -> Refusal {
    let detail = "账户现在不能结清：被法院冻结，有待缴款的清册，或正在日终。处理后再复核。";
    Refusal::new(409, "E-ESTATE-04", detail)
}

/// E28 and E38 under a case of its own, which ends when the bank has moved the cash.
async fn to_income(
    office: &Office,
    tx: &mut PgConnection,
    one: &Notice,
    checker: i64,
) -> Result<()> {
    let membership = membership::of_person_on(office, &mut *tx, one.person_id)
        .await?
        .into_iter()
        .find(|membership| matches!(membership.state, state::ACTIVE | state::SEALED))
        .ok_or_else(not_now)?;
    let subsidy: Option<i64> = sqlx::query_scalar(
        "SELECT account_id FROM subsidy_member WHERE centre_id = $1 AND person_id = $2 AND closed_on IS NULL",
    )
    .bind(office.centre.id)
    .bind(one.person_id)
    .fetch_optional(&mut *tx)
    .await?;
    lift_signal(office, tx, one.person_id).await?;
    end_agreements(office, tx, one.person_id).await?;
    let begun = case::Begun {
        case_id: one.notice_id,
        service: "withdraw-death",
        wish: &format!("INCOME:{}", one.notice_id),
        applicant_id: one.person_id,
        branch_id: membership.branch_id,
        channel: "CTR",
        amount_fen: None,
        promised_at: office.now(),
        form: json!({ "document_no": one.document_no }),
        detail: json!({ "to_income": true, "document_no": one.document_no, "maker": one.maker_id }),
    };
    case::begin_executing(office, tx, begun, Actor::Staff(checker)).await?;
    let case = case::get(office, &mut *tx, one.notice_id)
        .await?
        .ok_or_else(|| Fault::Stored("a case that began is gone".to_owned()))?;
    let bank = office.bank(&membership.bank)?.clone();
    let surplus_id = surplus_of(office, tx, bank.deposit_id).await?;
    let account = office
        .policy()
        .set
        .text(
            "surplus_account_no",
            office.today(),
            &[("bank", &bank.bank)],
        )
        .map_err(|error| Fault::Policy(error.to_string()))?
        .to_owned();
    let surplus = share::Payee {
        name: bank.holder.clone(),
        id_no: String::new(),
        holder: bank.holder.clone(),
        holder_id_no: String::new(),
        card_no: account,
    };
    let closing = Closing {
        kind: "DEATH",
        membership: &membership,
        subsidy,
    };
    let total =
        share::close_to_income(office, tx, &case, &closing, (surplus_id, &surplus), checker)
            .await?;
    case::add_event(
        office,
        tx,
        one.notice_id,
        Actor::Staff(checker),
        &["account_closed"],
        json!({ "amount_fen": total }),
    )
    .await
}

/// The centre's surplus account (10201) at the bank of a deposit account; opened with the first estate that needs it.
async fn surplus_of(office: &Office, tx: &mut PgConnection, deposit_id: i64) -> Result<i64> {
    let owner: i64 = sqlx::query_scalar(
        "SELECT owner_id FROM ledger_account WHERE centre_id = $1 AND account_id = $2",
    )
    .bind(office.centre.id)
    .bind(deposit_id)
    .fetch_one(&mut *tx)
    .await?;
    let known: Option<i64> = sqlx::query_scalar(
        "SELECT account_id FROM ledger_account WHERE centre_id = $1 AND owner_id = $2 AND subject = 10201 AND state <> 3 LIMIT 1",
    )
    .bind(office.centre.id)
    .bind(owner)
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(known) = known {
        return Ok(known);
    }
    let account_id = office.ids.next().await?;
    let today = day::open_day(tx, office.ledger()).await?;
    account::open_accounts(
        tx,
        office.ledger(),
        Kind::SurplusDemand,
        today,
        &[(AccountId(account_id), owner)],
    )
    .await?;
    Ok(account_id)
}

/// The masked name of who has died.
pub async fn name_of(office: &Office, one: &Notice) -> Result<String> {
    Ok(person::get(office, one.person_id)
        .await?
        .map_or_else(|| "—".to_owned(), |person| person.name.masked()))
}
