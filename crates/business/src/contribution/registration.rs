//! Registering a month's remittance (汇缴登记, contribution.md §6): the list that the clerk saw is the list that is paid and
//! allocated. Registering applies the roster's changes; nothing is half applied.

use anju_domain::calendar::{Month, contribution_year_of};
use anju_ledger::account::Kind;
use chrono::TimeDelta;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::json;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use anju_casework::catalogue::Service;
use anju_casework::employer::{self, Employer};
use anju_casework::person::{purpose, text};
use anju_casework::{Actor, Error, Office, Refusal, Result, books, case};

use super::ahead;
use super::allocation;
use super::collection::{self, contract};
use super::relief;
use super::remittance::{self, PayMethod, SERVICE, reference};
use super::transfer_request;
use crate::policy::Rules;

/// A kept list as its application reads it.
#[derive(FromRow)]
pub(super) struct RosterRead {
    employer_id: i64,
    pub(super) month: i32,
    pub(super) digest: Vec<u8>,
    pub(super) lines: i32,
    pub(super) total_fen: i64,
    pub(super) list_version: i32,
    ratio_employer_bp: i32,
    ratio_employee_bp: i32,
}

/// Registers the remittance of a checked roster and applies its changes.
///
/// # Errors
/// `E-REMIT-01` a month out of order, `E-REMIT-02` registered already, `E-REMIT-03` nobody in it, `E-REMIT-07` the list of members
/// has changed since the roster was checked, `E-PREPAY-01` too far ahead, `E-DEBIT-02` no contract to collect it, `E-DEBIT-05` above its limit.
#[expect(
    clippy::too_many_arguments,
    reason = "what is registered, by whom, and what makes it happen once"
)]
pub async fn register(
    office: &Office,
    employer_id: i64,
    roster_id: i64,
    month: Month,
    pay: PayMethod,
    actor: Actor,
    channel: &str,
    key: Uuid,
    digest: Uuid,
) -> Result<i64> {
    register_months(
        office,
        employer_id,
        roster_id,
        month,
        1,
        pay,
        actor,
        channel,
        key,
        digest,
    )
    .await
}

/// The same for this month and those that follow it, by the same list (contribution.md §7.1): a list and a case for each, in one transaction.
/// They wait together, and are allocated in order as money comes with the pay code of any. Returns the first.
///
/// # Errors
/// Those of [`register`] for each month, `E-PREPAY-01` where its list would not be the same.
#[expect(
    clippy::too_many_arguments,
    reason = "what is registered, by whom, and what makes it happen once"
)]
pub async fn register_months(
    office: &Office,
    employer_id: i64,
    roster_id: i64,
    month: Month,
    months: u32,
    pay: PayMethod,
    actor: Actor,
    channel: &str,
    key: Uuid,
    digest: Uuid,
) -> Result<i64> {
    if let Some(before) = books::remembered(office, key, digest).await? {
        return Ok(before);
    }
    let remittance_id = office.ids.next().await?;
    let mut tx = office.pool.begin().await?;
    let registered = write(
        office,
        &mut tx,
        remittance_id,
        employer_id,
        roster_id,
        month,
        None,
        pay,
        actor,
        channel,
        Some((key, digest)),
    )
    .await;
    let registered = match registered {
        Ok(()) if months > 1 => {
            let first = (roster_id, month);
            ahead::register(
                office,
                &mut tx,
                employer_id,
                first,
                months,
                pay,
                actor,
                channel,
            )
            .await
        }
        registered => registered,
    };
    match registered {
        Ok(()) => {
            tx.commit().await?;
            transfer_request::sealed(office, employer_id).await;
            Ok(remittance_id)
        }
        Err(error) => {
            drop(tx);
            // Whoever waited for the employer's row behind the same request finds its month registered: by this very request.
            match books::remembered(office, key, digest).await? {
                Some(before) => Ok(before),
                None => Err(error),
            }
        }
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "one transaction, told in one place"
)]
pub(super) async fn write(
    office: &Office,
    tx: &mut PgConnection,
    remittance_id: i64,
    employer_id: i64,
    roster_id: i64,
    month: Month,
    // The month registered just before it in this transaction.
    after: Option<Month>,
    pay: PayMethod,
    actor: Actor,
    channel: &str,
    // What makes it happen once.
    once: Option<(Uuid, Uuid)>,
) -> Result<()> {
    let rules = Rules::on(office, month.first_day());
    let employer = employer::lock(office, tx, employer_id).await?;
    let roster = roster_read(office, tx, employer_id, roster_id).await?;
    let expected = after.map_or_else(
        || employer.next_month(),
        |after| employer.month_after(after),
    );
    check_order(office, tx, &rules, &employer, &roster, month, expected).await?;

    let debit = match pay {
        PayMethod::Debit => {
            let mandate = contract::for_amount(office, tx, employer_id, roster.total_fen).await?;
            let today = Rules::on(office, office.today());
            let day = collection::first_day(&today, office.today(), mandate.day)?;
            Some((mandate, day))
        }
        PayMethod::Transfer | PayMethod::CashDesk => None,
    };
    if let Some((key, digest)) = once {
        books::remember(office, tx, key, digest, remittance_id).await?;
    }
    apply(office, tx, &employer, roster_id, &roster).await?;

    let reference = reference(office, month, remittance_id);
    let due_on = anju_domain::contribution::due_date(
        month,
        employer.payday.and_then(|day| u32::try_from(day).ok()),
        rules.days("remit_due_days")?,
        &office.holidays(),
    );
    let now = office.now();
    sqlx::query(
        "INSERT INTO remittance (centre_id, remittance_id, employer_id, roster_id, month, state, reference, bank, people, amount_fen,
                                 due_on, expires_on, digest, registered_at, registered_by, pay_method, mandate_id, collect_on, base_fen,
                                 employer_fen)
         SELECT $1, $2, $3, $4, $5, 1, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, sum(base_fen), sum(employer_fen)
           FROM roster_row WHERE centre_id = $1 AND roster_id = $4 AND employer_fen + employee_fen > 0",
    )
    .bind(office.centre.id)
    .bind(remittance_id)
    .bind(employer_id)
    .bind(roster_id)
    .bind(month.index())
    .bind(&reference)
    // The money of a debit comes to the bank that debits.
    .bind(debit.as_ref().map_or(&employer.bank, |(mandate, _)| &mandate.bank))
    .bind(roster.lines)
    .bind(roster.total_fen)
    .bind(due_on)
    .bind(office.today() + TimeDelta::days(rules.int("list_expire_days")?))
    .bind(&roster.digest)
    .bind(now)
    .bind(actor.id())
    .bind(pay.code())
    .bind(debit.as_ref().map(|(mandate, _)| mandate.mandate_id))
    .bind(debit.as_ref().map(|(_, day)| *day))
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO remittance_line (centre_id, remittance_id, account_id, person_id, month, base_fen, employer_fen, employee_fen)
         SELECT centre_id, $3, account_id, person_id, $4, base_fen, employer_fen, employee_fen
           FROM roster_row
          WHERE centre_id = $1 AND roster_id = $2 AND employer_fen + employee_fen > 0
          ORDER BY account_id",
    )
    .bind(office.centre.id)
    .bind(roster_id)
    .bind(remittance_id)
    .bind(month.index())
    .execute(&mut *tx)
    .await?;
    case::begin_executing(
        office,
        &mut *tx,
        case::Begun {
            case_id: remittance_id,
            service: SERVICE,
            wish: &format!("{SERVICE}:{month}"),
            applicant_id: employer_id,
            branch_id: employer.branch_id,
            channel,
            amount_fen: Some(roster.total_fen),
            promised_at: anju_domain::clock::end_of_day(due_on),
            form: json!({ "roster": office.numbers.encode(anju_vault::NumberKind::Roster, roster_id), "month": month.to_string() }),
            detail: json!({ "amount_fen": roster.total_fen, "lines": roster.lines, "digest": hex::encode(&roster.digest) }),
        },
        actor,
    )
    .await?;
    if let Some((mandate, day)) = debit
        && day <= office.today()
    {
        let (id, bank) = (mandate.mandate_id, mandate.bank.as_str());
        collection::enqueue(office, tx, remittance_id, id, bank, roster.total_fen).await?;
    }
    // The month after may have another ratio: a reduction begins or ends with it.
    relief::reduction::follow(office, tx, employer_id).await?;
    if pay == PayMethod::Debit {
        return Ok(());
    }
    // Money that is there already, of a list that was reversed or of what was paid over, pays it at once.
    allocation::from_suspense(office, tx, &employer, remittance_id).await
}

/// A kept list of this employer.
///
/// # Errors
/// 404 where there is none.
pub(super) async fn roster_read(
    office: &Office,
    tx: &mut PgConnection,
    employer_id: i64,
    roster_id: i64,
) -> Result<RosterRead> {
    sqlx::query_as(
        "SELECT employer_id, month, digest, lines, total_fen, list_version, ratio_employer_bp, ratio_employee_bp
           FROM roster WHERE centre_id = $1 AND roster_id = $2 AND employer_id = $3",
    )
    .bind(office.centre.id)
    .bind(roster_id)
    .bind(employer_id)
    .fetch_optional(tx)
    .await?
    .ok_or_else(|| Error::from(Refusal::not_found("这份名册")))
}

/// REMIT-01, 02, 03, 05, and that nobody's account has changed since the list was checked.
async fn check_order(
    office: &Office,
    tx: &mut PgConnection,
    rules: &Rules,
    employer: &Employer,
    roster: &RosterRead,
    month: Month,
    expected: Month,
) -> Result<()> {
    if roster.month != month.index() {
        let checked = Month::from_index(roster.month).chinese();
        return Err(Refusal::rule(
            "E-REMIT-03",
            format!(
                "这份名册是{checked}的，不能用来登记{}的汇缴，请上传这个月的名册。",
                month.chinese()
            ),
        )
        .into());
    }
    let live: Option<i16> = sqlx::query_scalar(
        "SELECT state FROM remittance WHERE centre_id = $1 AND employer_id = $2 AND month = $3 AND state IN (1, 2, 3) AND kind = 1",
    )
    .bind(office.centre.id)
    .bind(employer.employer_id)
    .bind(month.index())
    .fetch_optional(&mut *tx)
    .await?;
    if live.is_some() || month.index() <= employer.paid_to_month {
        return Err(Refusal::new(
            409,
            "E-REMIT-02",
            format!("{}汇缴清册已存在，请勿重复登记。", month.chinese()),
        )
        .into());
    }
    if !matches!(
        employer.state,
        employer::state::ACTIVE | employer::state::DEFERRED
    ) {
        let detail = "单位账户已封存或销户，不能汇缴。请先办理单位启封。";
        return Err(Refusal::rule("E-EMPR-03", detail).into());
    }
    if employer.defers(month) {
        let detail = format!(
            "{}已批准缓缴，不用汇缴；要从这个月起恢复缴存，请先在“困难帮扶”里提前恢复。",
            month.chinese()
        );
        return Err(Refusal::rule("E-REMIT-01", detail).into());
    }
    if month != expected {
        return Err(Refusal::rule(
            "E-REMIT-01",
            format!("应先缴存{}，不能跳月汇缴。", expected.chinese()),
        )
        .into());
    }
    let max = rules.months("prepay_max_months")?;
    if !ahead::is_near(office, month, max) {
        return Err(Refusal::rule(
            "E-PREPAY-01",
            format!("预缴最多不超过{max}个月，且不得跨缴存年度，请减少月数。"),
        )
        .into());
    }
    if roster.lines == 0 || roster.total_fen == 0 {
        return Err(Refusal::rule(
            "E-REMIT-03",
            "清册里没有正常缴存的职工，不能登记汇缴，请先设立或启封职工账户。",
        )
        .into());
    }
    if roster.list_version != employer.list_version {
        return Err(Refusal::new(
            409,
            "E-REMIT-07",
            "名册核对之后，单位的职工名单有了变动。请重新上传名册核对，再登记。",
        )
        .into());
    }
    Ok(())
}

/// Nobody becomes a customer twice: somebody new to this list may have come with another list since it was checked. While keys rotate
/// the same person may stand under another key's index, which the unique key cannot see: then one registration waits for the other.
async fn nobody_twice(office: &Office, tx: &mut PgConnection, roster_id: i64) -> Result<()> {
    let probe = office.vault.blind_index(purpose::ID, "");
    let came: bool = if probe.others.is_empty() {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM roster_row r
                              JOIN person p ON p.centre_id = r.centre_id AND p.id_index = r.id_index
                             WHERE r.centre_id = $1 AND r.roster_id = $2 AND r.is_new_person)
                 OR EXISTS (SELECT FROM roster_row r
                              JOIN person_former_id f ON f.centre_id = r.centre_id AND f.id_index = r.id_index
                             WHERE r.centre_id = $1 AND r.roster_id = $2 AND r.is_new_person)",
        )
        .bind(office.centre.id)
        .bind(roster_id)
        .fetch_one(&mut *tx)
        .await?
    } else {
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(ONE_AFTER_ANOTHER)
            .execute(&mut *tx)
            .await?;
        let sealed: Vec<Vec<u8>> = sqlx::query_scalar(
            "SELECT id_sealed FROM roster_row WHERE centre_id = $1 AND roster_id = $2 AND is_new_person AND id_sealed IS NOT NULL",
        )
        .bind(office.centre.id)
        .bind(roster_id)
        .fetch_all(&mut *tx)
        .await?;
        let mut indexes = Vec::with_capacity(sealed.len() * 2);
        for sealed in sealed {
            let id = text(&office.vault, purpose::ID, &sealed)?;
            indexes.extend(office.vault.blind_index(purpose::ID, &id).any());
        }
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM person WHERE centre_id = $1 AND id_index = ANY ($2))
                 OR EXISTS (SELECT FROM person_former_id WHERE centre_id = $1 AND id_index = ANY ($2))",
        )
        .bind(office.centre.id)
        .bind(indexes)
        .fetch_one(&mut *tx)
        .await?
    };
    if came {
        return Err(Refusal::new(
            409,
            "E-REMIT-07",
            "名册核对之后，名册中新增的职工已由别的单位开户。请重新上传名册核对，再登记。",
        )
        .into());
    }
    Ok(())
}

/// Any number that nobody else takes as a lock.
const ONE_AFTER_ANOTHER: i64 = 0x616e_6a75_0001;

/// People, accounts, memberships and the employer's ratio, set by set.
pub(super) async fn apply(
    office: &Office,
    tx: &mut PgConnection,
    employer: &Employer,
    roster_id: i64,
    roster: &RosterRead,
) -> Result<()> {
    let centre = office.centre.id;
    // A list that was just kept has no statistics: left alone, the planner joins it by scanning everybody. Each row finds its person and
    // membership by key.
    for setting in [
        "SET LOCAL enable_seqscan = off",
        "SET LOCAL enable_hashjoin = off",
        "SET LOCAL enable_mergejoin = off",
    ] {
        sqlx::query(setting).execute(&mut *tx).await?;
    }
    nobody_twice(office, tx, roster_id).await?;
    relief::nobody_leaves_owing(office, tx, roster_id).await?;
    sqlx::query(
        "INSERT INTO person (centre_id, person_id, id_index, id_sealed, name_index, name_sealed, phone_index, phone_sealed, created_at)
         SELECT centre_id, person_id, id_index, id_sealed, name_index, name_sealed, phone_index, phone_sealed, $3
           FROM roster_row WHERE centre_id = $1 AND roster_id = $2 AND is_new_person",
    )
    .bind(centre)
    .bind(roster_id)
    .bind(office.now())
    .execute(&mut *tx)
    .await?;
    // A phone in the roster is a first registration only; a change is the person's own act.
    sqlx::query(
        "UPDATE person p SET phone_index = r.phone_index, phone_sealed = r.phone_sealed
           FROM roster_row r
          WHERE r.centre_id = $1 AND r.roster_id = $2 AND NOT r.is_new_person AND r.phone_index IS NOT NULL
            AND p.centre_id = $1 AND p.person_id = r.person_id AND p.phone_index IS NULL",
    )
    .bind(centre)
    .bind(roster_id)
    .execute(&mut *tx)
    .await?;
    let (accounts, owners): (Vec<i64>, Vec<i64>) = sqlx::query_as(
        "SELECT coalesce(array_agg(account_id ORDER BY account_id), '{}'), coalesce(array_agg(person_id ORDER BY account_id), '{}')
           FROM roster_row WHERE centre_id = $1 AND roster_id = $2 AND change = 1 AND is_new_account",
    )
    .bind(centre)
    .bind(roster_id)
    .fetch_one(&mut *tx)
    .await?;
    if !accounts.is_empty() {
        books::open_accounts(office, tx, Kind::Fund, &accounts, &owners).await?;
    }
    // A sealed account of another employer comes over with its balance, products and freezes (PERS-04); its old list changes too.
    sqlx::query(
        "WITH left_behind AS (
             UPDATE membership m SET state = 9
               FROM roster_row r
              WHERE r.centre_id = $1 AND r.roster_id = $2 AND r.change = 1 AND NOT r.is_new_account
                AND m.centre_id = $1 AND m.person_id = r.person_id
                AND (m.state = 2 OR m.state = 1 AND EXISTS (SELECT FROM employer v
                                                             WHERE v.centre_id = $1 AND v.employer_id = m.employer_id AND v.uscc LIKE 'FLEX-%'))
             RETURNING m.employer_id)
         UPDATE employer e SET list_version = list_version + 1
          WHERE e.centre_id = $1 AND e.employer_id IN (SELECT employer_id FROM left_behind)",
    )
    .bind(centre)
    .bind(roster_id)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO membership (centre_id, membership_id, person_id, employer_id, account_id, state, base_fen, ratio_employer_bp,
                                 ratio_employee_bp, employer_fen, employee_fen, from_month, base_year, opened_on)
         SELECT centre_id, membership_id, person_id, $3, account_id, 1, base_fen, ratio_employer_bp, ratio_employee_bp,
                employer_fen, employee_fen, $4, $5, $6
           FROM roster_row WHERE centre_id = $1 AND roster_id = $2 AND change = 1",
    )
    .bind(centre)
    .bind(roster_id)
    .bind(employer.employer_id)
    .bind(roster.month)
    .bind(contribution_year_of(Month::from_index(roster.month)))
    .bind(office.today())
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "UPDATE membership m
            SET state = CASE WHEN r.change = 3 THEN 2 ELSE 1 END,
                base_fen = r.base_fen, ratio_employer_bp = r.ratio_employer_bp, ratio_employee_bp = r.ratio_employee_bp,
                employer_fen = CASE WHEN r.change = 3 THEN m.employer_fen ELSE r.employer_fen END,
                employee_fen = CASE WHEN r.change = 3 THEN m.employee_fen ELSE r.employee_fen END,
                base_year = CASE WHEN r.change = 4 THEN $4 ELSE m.base_year END,
                sealed_on = CASE WHEN r.change = 3 THEN $3 WHEN r.change = 2 THEN NULL ELSE m.sealed_on END,
                seal_reason = CASE WHEN r.change = 3 THEN '单位封存' WHEN r.change = 2 THEN NULL ELSE m.seal_reason END
           FROM roster_row r
          WHERE r.centre_id = $1 AND r.roster_id = $2 AND r.change IN (2, 3, 4, 5)
            AND m.centre_id = $1 AND m.membership_id = r.membership_id",
    )
    .bind(centre)
    .bind(roster_id)
    .bind(office.today())
    .bind(contribution_year_of(Month::from_index(roster.month)))
    .execute(&mut *tx)
    .await?;
    let moved = sqlx::query(
        "UPDATE employer SET list_version = list_version + 1, ratio_employer_bp = $3, ratio_employee_bp = $4
          WHERE centre_id = $1 AND employer_id = $2",
    )
    .bind(centre)
    .bind(roster.employer_id)
    .bind(roster.ratio_employer_bp)
    .bind(roster.ratio_employee_bp)
    .execute(&mut *tx)
    .await?;
    debug_assert_eq!(moved.rows_affected(), 1, "the employer's row is locked");
    Ok(())
}

/// The service of registering a remittance: it checks and executes in its own transaction, since its rules are about 50,000 rows.
pub struct Registration {
    id: String,
}

impl Registration {
    /// The service of a definition with effect `register_remittance`.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned() }
    }
}

impl Service for Registration {
    fn id(&self) -> &str {
        &self.id
    }

    fn take_back<'a>(
        &'a self,
        office: &'a Office,
        case_id: i64,
        actor: Actor,
    ) -> Option<BoxFuture<'a, Result<()>>> {
        Some(remittance::cancel(office, case_id, actor).boxed())
    }

    fn begin<'a>(
        &'a self,
        office: &'a Office,
        submission: &'a case::Submission,
    ) -> Option<BoxFuture<'a, Result<i64>>> {
        Some(begin(office, submission).boxed())
    }
}

/// Registers what the form of a case names.
async fn begin(office: &Office, submission: &case::Submission) -> Result<i64> {
    let request = &submission.request;
    let wrong = |field: &str| {
        Error::from(Refusal::rule(
            "E-FORM-01",
            format!("{field} 填写有误，请核对。"),
        ))
    };
    let roster_id = request
        .text("roster_id")
        .and_then(|number| {
            office
                .numbers
                .decode(anju_vault::NumberKind::Roster, number)
        })
        .ok_or_else(|| wrong("roster_id"))?;
    let month = request
        .text("month")
        .and_then(|text| Month::parse(text).ok())
        .ok_or_else(|| wrong("month"))?;
    let pay = match request.text("pay_method") {
        None => PayMethod::default(),
        Some(word) => PayMethod::parse(word).ok_or_else(|| wrong("pay_method"))?,
    };
    let (channel, employer_id) = (request.channel.as_str(), request.applicant_id);
    register(
        office,
        employer_id,
        roster_id,
        month,
        pay,
        submission.actor,
        channel,
        submission.key,
        submission.digest,
    )
    .await
}
