//! Several months in one go (预缴, contribution.md §7.1): the months after a list's own by the same list, each a list and a case of its own that
//! waits for its turn.

use anju_casework::employer::Employer;
use anju_casework::{Actor, Office, Refusal, Result};
use anju_domain::calendar::{Month, contribution_year_of};
use sqlx::PgConnection;

use super::allocation;
use super::kept::PART;
use super::registration;
use super::remittance::PayMethod;
use crate::policy::Rules;

/// Whether a month may be registered today: not too far ahead, and ahead only within the contribution year, since bases change with the next.
pub(super) fn is_near(office: &Office, month: Month, max: i32) -> bool {
    let this_month = Month::of(office.today());
    month <= this_month
        || (month <= this_month.plus(max)
            && contribution_year_of(month) == contribution_year_of(this_month))
}

/// The months that may be registered in one go from this one on, itself included.
///
/// # Errors
/// The policy lacks a limit.
pub fn months_from(office: &Office, employer: &Employer, month: Month) -> Result<Vec<Month>> {
    let mut months = vec![month];
    loop {
        let next = employer.month_after(months[months.len() - 1]);
        let max = Rules::on(office, next.first_day()).months("prepay_max_months")?;
        // One list is one year's: limits and bases may change with July.
        if !is_near(office, next, max)
            || contribution_year_of(next) != contribution_year_of(month)
            || i32::try_from(months.len()).unwrap_or(i32::MAX) > max
        {
            return Ok(months);
        }
        months.push(next);
    }
}

/// Registers the months after the first, whose list was just registered; then what is in suspense already pays them in order.
#[expect(
    clippy::too_many_arguments,
    reason = "what is registered and by whom, as for the first"
)]
pub(super) async fn register(
    office: &Office,
    tx: &mut PgConnection,
    employer_id: i64,
    (roster_id, first): (i64, Month),
    months: u32,
    pay: PayMethod,
    actor: Actor,
    channel: &str,
) -> Result<()> {
    if pay == PayMethod::Debit {
        let words = "委托收款按月扣款，一次只登记一个月；要一次缴几个月，请选转账。";
        return Err(Refusal::rule("E-PREPAY-01", words).into());
    }
    let before = anju_casework::employer::lock(office, tx, employer_id).await?;
    let mut last = first;
    for _ in 1..months {
        let employer = anju_casework::employer::lock(office, tx, employer_id).await?;
        let month = employer.month_after(last);
        if contribution_year_of(month) != contribution_year_of(first) {
            let words = "跨缴存年度（7 月起）的月份基数可能变，不能用同一份名册，请减少月数。";
            return Err(Refusal::rule("E-PREPAY-01", words).into());
        }
        if (employer.ratio_employer_bp, employer.ratio_employee_bp)
            != (before.ratio_employer_bp, before.ratio_employee_bp)
        {
            let words = format!(
                "{}起缴存比例不同，不能用同一份名册，请减少月数。",
                month.chinese()
            );
            return Err(Refusal::rule("E-PREPAY-01", words).into());
        }
        let copy = same_list(office, tx, roster_id, month, employer.list_version).await?;
        let remittance_id = office.ids.next().await?;
        registration::write(
            office,
            tx,
            remittance_id,
            employer_id,
            copy,
            month,
            Some(last),
            pay,
            actor,
            channel,
            None,
        )
        .await?;
        last = month;
    }
    let employer = anju_casework::employer::lock(office, tx, employer_id).await?;
    allocation::months_in_order(office, tx, &employer).await?;
    Ok(())
}

/// The same list for another month: everybody in it, and nothing changes.
async fn same_list(
    office: &Office,
    tx: &mut PgConnection,
    roster_id: i64,
    month: Month,
    list_version: i32,
) -> Result<i64> {
    let copy = office.ids.next().await?;
    sqlx::query(
        "INSERT INTO roster (centre_id, roster_id, employer_id, month, mode, digest, lines, total_fen, list_version, changes, differences,
                             notices, equation, ratio_employer_bp, ratio_employee_bp, uploaded_at, uploaded_by)
         SELECT centre_id, $3, employer_id, $4, mode, digest, lines, total_fen, $5,
                jsonb_build_object('added', 0, 'sealed', 0, 'unsealed', 0, 'changed', 0), '[]', '[]',
                jsonb_build_object('people_before', lines, 'people_added', 0, 'people_removed', 0, 'people_after', lines,
                                   'amount_before_fen', total_fen, 'amount_added_fen', 0, 'amount_removed_fen', 0,
                                   'amount_adjusted_fen', 0, 'amount_after_fen', total_fen),
                ratio_employer_bp, ratio_employee_bp, uploaded_at, uploaded_by
           FROM roster WHERE centre_id = $1 AND roster_id = $2",
    )
    .bind(office.centre.id)
    .bind(roster_id)
    .bind(copy)
    .bind(month.index())
    .bind(list_version)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO roster_part (centre_id, roster_id, first, line, person_id, account_id, membership_id, base_fen, ratio_employer_bp,
                                  ratio_employee_bp, employer_fen, employee_fen)
         SELECT $1, $3, min(place), array_agg(line ORDER BY line), array_agg(person_id ORDER BY line), array_agg(account_id ORDER BY line),
                array_agg(membership_id ORDER BY line), array_agg(base_fen ORDER BY line), array_agg(ratio_employer_bp ORDER BY line),
                array_agg(ratio_employee_bp ORDER BY line), array_agg(employer_fen ORDER BY line), array_agg(employee_fen ORDER BY line)
           FROM (SELECT r.*, row_number() OVER (ORDER BY line) AS place
                   FROM roster_row r WHERE centre_id = $1 AND roster_id = $2 AND employer_fen + employee_fen > 0) AS listed
          GROUP BY (place - 1) / $4",
    )
    .bind(office.centre.id)
    .bind(roster_id)
    .bind(copy)
    .bind(PART)
    .execute(tx)
    .await?;
    Ok(copy)
}
